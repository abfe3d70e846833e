//! The models of `models/`: values against published numbers and closed forms, derivatives against differences, no NaN anywhere
//! that Newton may go, charges that conserve.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use memspice::diag;
use memspice::ir::{Function, Input, diff, interp};
use memspice::model::library::Library;
use memspice::model::{Formula, Model, UnknownKind};
use memspice::span::{MemoryFiles, Sources};
use memspice::wave::Dataset;

use super::decks::run_one;
use super::shaken::{NOTHING, SURE, shaken};

/// A model with the derivatives of all of its contributions, and parameter values.
pub struct Device {
    pub model: Arc<Model>,
    function: Function,
    pub entries: Vec<diff::Entry>,
    pub params: BTreeMap<String, f64>,
}

impl Device {
    pub fn new(name: &str, params: &[(&str, f64)]) -> Device {
        let mut sources = Sources::new(Box::new(MemoryFiles::default()));
        let mut library = Library::new();
        let model = library.get(&mut sources, name).unwrap_or_else(|| panic!("no model {name}"));
        let said = library.take_diagnostics();
        assert!(said.is_empty(), "{}", diag::render(&said, &sources, false));
        let wanted: Vec<u32> = model.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q)).collect();
        let probes: Vec<u32> = (0..model.probes.len() as u32).collect();
        let (function, entries) = diff::differentiate(&model.function, &wanted, &probes);
        for (name, _) in params {
            assert!(model.parameter(name).unwrap().is_some(), "no parameter {name}");
        }
        Device { model, function, entries, params: params.iter().map(|(n, v)| (n.to_string(), *v)).collect() }
    }

    fn param(&self, k: u32) -> f64 {
        let param = &self.model.params[k as usize];
        match (self.params.get(&param.name), &param.default) {
            (Some(value), _) => *value,
            (None, default) => self.value(default),
        }
    }

    /// A number that may depend on parameters.
    pub fn value(&self, formula: &Formula) -> f64 {
        match formula {
            Formula::Number(value) => *value,
            Formula::Function(f) => interp::evaluate(f, &|input| self.input(input, &[]))[0],
        }
    }

    /// Whether all parameters lie in their ranges.
    pub fn is_valid(&self) -> bool {
        self.model.params.iter().enumerate().all(|(k, param)| {
            let value = self.param(k as u32);
            param.ranges.iter().all(|r| {
                let (a, b) = (self.value(&r.low), self.value(&r.high));
                let inside = (value > a || r.low_closed && value == a) && (value < b || r.high_closed && value == b);
                inside != r.exclude
            })
        })
    }

    fn input(&self, input: Input, x: &[f64]) -> f64 {
        match input {
            Input::Param(k) => self.param(k),
            Input::Given(k) => f64::from(u8::from(self.params.contains_key(&self.model.params[k as usize].name))),
            Input::Temperature => 300.15,
            Input::Connected(_) | Input::Multiplicity => 1.0,
            Input::Simulator(k) => self.model.simparams[k as usize].1.unwrap_or(1e-12),
            Input::Probe(k) => {
                let probe = &self.model.probes[k as usize];
                x[probe.plus as usize] - probe.minus.map_or(0.0, |m| x[m as usize])
            }
            _ => 0.0,
        }
    }

    /// All outputs and derivatives at the unknowns `x`.
    pub fn at(&self, x: &[f64]) -> Vec<f64> {
        interp::evaluate(&self.function, &|input| self.input(input, x))
    }

    fn row(&self, name: &str) -> usize {
        self.model.unknowns.iter().position(|u| u.name == name).unwrap_or_else(|| panic!("no unknown {name}"))
    }

    fn variable(&self, name: &str, x: &[f64]) -> f64 {
        let found = self.model.variables.iter().find(|v| v.name == name).unwrap_or_else(|| panic!("no variable {name}"));
        self.at(x)[found.output as usize]
    }

    /// What is added to each row, in f (`charge` false) or q.
    pub fn rows(&self, x: &[f64], charge: bool) -> Vec<f64> {
        let outputs = self.at(x);
        let mut sums = vec![0.0; self.model.unknowns.len()];
        for c in &self.model.contributions {
            let value = if charge { c.q } else { c.f }.map_or(0.0, |k| outputs[k as usize]);
            sums[c.plus as usize] += value;
            if let Some(minus) = c.minus {
                sums[minus as usize] -= value;
            }
        }
        sums
    }

    /// Unknowns of a two-terminal device: v across it, and the value of its state.
    fn point(&self, v: f64, state: f64) -> Vec<f64> {
        let own = |kind: UnknownKind| if kind == UnknownKind::Port { 0.0 } else { state };
        let mut x: Vec<f64> = self.model.unknowns.iter().map(|u| own(u.kind)).collect();
        x[0] = v;
        x
    }
}

fn close(found: f64, expected: f64, relative: f64, what: &str) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found:.15e}, expected {expected:.15e}");
}

#[test]
fn taox_has_the_published_values() {
    // The equations of Strachan et al. evaluated in another language; 12 digits are printed, hence 1e-11.
    let table: [[f64; 5]; 9] = [
        [0.2, 0.5, 5.159866540660e-03, 2.579933270330e-03, 2.050433118173e+05],
        [0.2, -0.5, 5.159866540660e-03, -2.579933270330e-03, -8.500363094662e+04],
        [0.5, 0.3, 1.254723947443e-02, 3.764171842329e-03, 9.056680685792e-23],
        [0.5, -0.3, 1.254723947443e-02, -3.764171842329e-03, -5.257420590420e-01],
        [0.9, 0.65, 2.253184107346e-02, 1.464569669775e-02, 8.790727101390e+01],
        [0.9, -0.2, 2.250589084724e-02, -4.501178169449e-03, -3.927589670230e-04],
        [0.05, -0.5, 1.439841517033e-03, -7.199207585167e-04, -9.458220445308e-22],
        [1.0, 0.1, 2.5e-02, 2.5e-03, 2.675102877974e-123],
        [1.0, -0.1, 2.5e-02, -2.5e-03, -2.271167265990e-07],
    ];
    let device = Device::new("taox", &[]);
    for [x, v, g, i, rate] in table {
        let point = device.point(v, x);
        close(device.variable("conductance", &point), g, 1e-11, "G");
        close(device.rows(&point, false)[0], i, 1e-11, "i");
        close(device.variable("dxdt", &point), rate, 1e-11, "dx/dt");
        close(-device.rows(&point, false)[device.row("x")], rate, 1e-11, "the row of the state");
    }
}

#[test]
fn taox_in_a_deck_is_taox() {
    // The batch engine and the operating point give what the reference interpreter gives.
    let data = run_one("V1 a 0 0.5\nX1 a 0 taox x0=0.2\n.op\n.save i(x1) @x1[dxdt]");
    close(data.real("i(x1)").unwrap()[0], 2.579933270330e-03, 1e-11, "i");
    close(data.real("@x1[dxdt]").unwrap()[0], 2.050433118173e+05, 1e-11, "dx/dt");
}

/// All two-terminal devices with a state, in every variant, with the range of the state that Newton may try.
fn memristors() -> Vec<(Device, f64, f64)> {
    let mut all = vec![
        (Device::new("taox", &[]), -5.0, 5.0),
        (Device::new("pickett", &[]), -5.0, 5.0),
        (Device::new("pickett", &[("dt", 43.0), ("rho_ins", 1e-2), ("rho_met", 3e-6)]), -5.0, 100.0),
        (Device::new("nbox", &[]), -1000.0, 3000.0),
        (Device::new("yakopcic", &[]), -5.0, 5.0),
        (Device::new("yakopcic", &[("eta", -1.0), ("b", 3.0)]), -5.0, 5.0),
    ];
    all.extend((0..=6).map(|w| (Device::new("ion_drift", &[("window", f64::from(w)), ("pw", 2.0)]), -5.0, 5.0)));
    for (law, window) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)] {
        all.push((Device::new("vteam", &[("law", law), ("window", window), ("alphaon", 1.0)]), -5.0, 5.0));
    }
    all
}

const VOLTAGES: [f64; 19] =
    [-10.0, -3.0, -1.0, -0.5, -0.2, -0.15, -0.05, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 0.02, 0.16, 0.5, 0.97, 1.0, 3.0, 10.0];

#[test]
fn nothing_is_infinite_wherever_newton_goes() {
    for (device, low, high) in memristors() {
        let states = (0..=40).map(|k| low + (high - low) * f64::from(k) / 40.0).chain([0.0, 1.0, 0.5, 1e-9, 1.0 - 1e-9, 0.3, 1e-3]);
        for state in states {
            for v in VOLTAGES {
                let outputs = device.at(&device.point(v, state));
                assert!(
                    outputs.iter().all(|y| y.is_finite()),
                    "{} {:?} at v = {v}, state {state}: {outputs:?}",
                    device.model.name,
                    device.params
                );
            }
        }
    }
    for name in ["diode", "nmos", "pmos"] {
        let all = [("tox", 9e-9), ("gamma", 0.4), ("cj", 1e-3), ("bv", 5.0), ("cjo", 1e-12), ("rs", 1.0)];
        let plain = Device::new(name, &[]);
        let given: Vec<(&str, f64)> = all.into_iter().filter(|(n, _)| plain.model.parameter(n).unwrap().is_some()).collect();
        for device in [Device::new(name, &given), plain] {
            for k in 0..3000_u32 {
                let x: Vec<f64> = (0..device.model.unknowns.len() as u32).map(|j| scattered(k, j, 10.0)).collect();
                assert!(device.at(&x).iter().all(|y| y.is_finite()), "{name} at {x:?}");
            }
        }
    }
}

/// A number between -size and size; of sixteen, one is zero and one the same as the others of `k`.
fn scattered(k: u32, j: u32, size: f64) -> f64 {
    let mut h = k.wrapping_mul(0x9E37_79B9) ^ j.wrapping_mul(0x85EB_CA6B).wrapping_add(0x27D4_EB2F);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    match h % 16 {
        0 => 0.0,
        1 => f64::from(k % 7) - 3.0,
        _ => size * (f64::from(h) / f64::from(u32::MAX) * 2.0 - 1.0),
    }
}

/// Exact derivatives against central differences wherever the function is smooth; how many had something to compare.
pub fn differences(device: &Device, x: &[f64], sizes: &[f64]) -> u32 {
    let exact = device.at(x);
    // What a difference and a derivative may be wrong by for rounding alone: differences of terms that cancel are steps.
    let noise = shaken(&device.function, &exact, &|input| device.input(input, x)).into_iter().map(|e| SURE * e);
    let noise: Vec<f64> = noise.collect();
    let mut compared = 0;
    for (k, probe) in device.model.probes.iter().enumerate() {
        let h = 1e-6 * sizes[probe.plus as usize];
        let moved = |step: f64| {
            interp::evaluate(&device.function, &|input| match input {
                Input::Probe(p) if p as usize == k => device.input(input, x) + step,
                _ => device.input(input, x),
            })
        };
        let around = [moved(-2.0 * h), moved(-h), moved(h), moved(2.0 * h)];
        for entry in device.entries.iter().filter(|e| e.probe as usize == k) {
            let y = around.each_ref().map(|values| values[entry.output as usize]);
            let middle = exact[entry.output as usize];
            let (near, far) = ((y[2] - y[1]) / (2.0 * h), (y[3] - y[0]) / (4.0 * h));
            let (left, right) = ((middle - y[1]) / h, (y[2] - middle) / h);
            let rounding = noise[entry.output as usize] / h;
            let slope = exact[entry.index as usize];
            let smooth = (left - right).abs() <= 1e-3 * (left.abs() + right.abs()) + 4.0 * rounding
                && (near - far).abs() <= 1e-5 * near.abs() + 2.0 * rounding;
            if smooth {
                // The next order of the difference is below what near and far differ by.
                let allowed = 1e-5 * near.abs() + rounding + noise[entry.index as usize] + NOTHING;
                assert!(
                    (slope - near).abs() <= allowed,
                    "{} {:?} at {x:?}, probe {k}, output {}: {slope:e} against {near:e} within {allowed:e}",
                    device.model.name,
                    device.params,
                    entry.output
                );
                compared += u32::from(allowed <= 1e-2 * slope.abs());
            }
        }
    }
    compared
}

#[test]
fn derivatives_are_those_of_differences() {
    for (device, low, high) in memristors() {
        let mut compared = 0;
        let size = (high - low) / 10.0;
        let sizes: Vec<f64> =
            device.model.unknowns.iter().map(|u| if u.kind == UnknownKind::Port { 0.1 } else { size * 0.1 }).collect();
        for v in [-0.7, -0.31, -0.101, 0.013, 0.27, 0.61, 0.9] {
            for k in 0..23 {
                compared += differences(&device, &device.point(v, low + (high - low) * (f64::from(k) + 0.37) / 23.0), &sizes);
            }
        }
        assert!(compared > 200, "{}: {compared} comparisons only", device.model.name);
    }
    let given = [
        ("tox", 9e-9),
        ("gamma", 0.4),
        ("cj", 1e-3),
        ("ad", 1e-12),
        ("as", 1e-12),
        ("lambda", 0.05),
        ("vto", 0.5),
        ("cgso", 1e-10),
    ];
    for (name, sign) in [("nmos", 1.0), ("pmos", -1.0)] {
        let params: Vec<(&str, f64)> = given.iter().map(|(n, v)| (*n, if *n == "vto" { sign * v } else { *v })).collect();
        let device = Device::new(name, &params);
        let sizes = vec![0.1; device.model.unknowns.len()];
        // A drain that is pinched off has no slopes to compare: points enough without them.
        let compared: u32 = (0..400).map(|k| differences(&device, &mos_point(&device, |j| scattered(k, j, 2.5)), &sizes)).sum();
        assert!(compared > 3000, "{name}: {compared} comparisons only");
    }
    let device = Device::new("diode", &[("cjo", 1e-12), ("tt", 1e-9), ("bv", 5.0)]);
    let compared: u32 = (0..60)
        .map(|k| differences(&device, &[-5.3 + 0.1 * f64::from(k) + 0.037, 0.0, -5.3 + 0.1 * f64::from(k)], &[0.01; 3]))
        .sum();
    assert!(compared > 60, "diode: {compared} comparisons only");
}

/// Unknowns of a transistor whose terminals are at `v(0..4)` (d, g, s, b), inner nodes at the same potentials as the outer ones.
fn mos_point(device: &Device, v: impl Fn(u32) -> f64) -> Vec<f64> {
    let mut x = vec![0.0; device.model.unknowns.len()];
    for (k, name) in ["d", "g", "s", "b"].into_iter().enumerate() {
        x[device.row(name)] = v(k as u32);
    }
    x[device.row("dr")] = x[device.row("d")];
    x[device.row("so")] = x[device.row("s")];
    x
}

const TRANSISTOR: [(&str, f64); 10] = [
    ("vto", 0.6),
    ("kp", 120e-6),
    ("gamma", 0.4),
    ("phi", 0.7),
    ("lambda", 0.05),
    ("tox", 9e-9),
    ("w", 2e-6),
    ("l", 1e-6),
    ("cj", 1e-3),
    ("ad", 1e-12),
];

#[test]
fn transistor_is_symmetric_and_conserves_charge() {
    let device = Device::new("nmos", &TRANSISTOR[..8]);
    let [dr, g, so, b] = ["dr", "g", "so", "b"].map(|n| device.row(n));
    for k in 0..500 {
        let v: Vec<f64> = (0..4).map(|j| scattered(k, j, 2.5)).collect();
        let x = mos_point(&device, |j| v[j as usize]);
        let swapped = mos_point(&device, |j| v[[2, 1, 0, 3][j as usize]]);
        let (q, p) = (device.rows(&x, true), device.rows(&swapped, true));
        let size = 1e-12 * q.iter().fold(1e-18_f64, |m, y| m.max(y.abs()));
        assert!((q[dr] + q[g] + q[so] + q[b]).abs() < size, "the charges sum to zero: {q:?}");
        for (a, c) in [(dr, so), (so, dr), (g, g), (b, b)] {
            assert!((q[a] - p[c]).abs() < size, "drain and source exchanged at {v:?}");
        }
        let (f, h) = (device.rows(&x, false), device.rows(&swapped, false));
        let size = 1e-11 * f.iter().fold(1e-12_f64, |m, y| m.max(y.abs()));
        assert!((f[dr] - h[so]).abs() < size && (f[dr] + f[so] + f[b]).abs() < size, "currents at {v:?}");
    }
}

#[test]
fn gate_capacitances_are_those_of_meyer() {
    let device = Device::new("nmos", &TRANSISTOR[..8]);
    let c = 3.9 * 8.854_187_812_8e-12 / 9e-9 * 2e-6 * 1e-6;
    // dQg by the potential of one terminal, by a central difference of 1 mV (quadratic terms cancel).
    let slope = |v: [f64; 4], k: usize| {
        let at = |step: f64| {
            let x = mos_point(&device, |j| v[j as usize] + if j as usize == k { step } else { 0.0 });
            device.rows(&x, true)[device.row("g")]
        };
        (at(1e-3) - at(-1e-3)) / 2e-3
    };
    // Saturation: 2/3 C by the gate, nothing by the drain. Linear at vds = 0: C, half of it to the drain. The onset shifts the
    // overdrive, not its slope; 1e-5 is the difference.
    close(slope([2.5, 1.5, 0.0, 0.0], 1), 2.0 / 3.0 * c, 1e-5, "dQg/dvg in saturation");
    assert!(slope([2.5, 1.5, 0.0, 0.0], 0).abs() < 1e-6 * c, "dQg/dvd in saturation");
    close(slope([0.0, 2.5, 0.0, 0.0], 1), c, 1e-5, "dQg/dvg when linear");
    close(slope([0.0, 2.5, 0.0, 0.0], 0), -0.5 * c, 1e-2, "dQg/dvd when linear");
    // Accumulation: all of it to the bulk.
    close(slope([0.0, -3.0, 0.0, 0.0], 3), -c, 1e-9, "dQg/dvb in accumulation");
}

#[test]
fn charges_have_no_jumps() {
    let device = Device::new("nmos", &TRANSISTOR);
    // Through threshold, saturation, exchange of drain and source, flat band, forward junction, all at once.
    let path = |s: f64| mos_point(&device, |j| [3.0 * s - 1.0, 2.5 * s - 1.2, 0.2, -0.3 - 0.5 * s][j as usize]);
    let mut before = device.rows(&path(0.0), true);
    for k in 1..=20_000 {
        let now = device.rows(&path(f64::from(k) / 10_000.0), true);
        // Capacitances are below 20 fF, a step is 0.3 mV: no charge moves by more than 6 aC.
        assert!(now.iter().zip(&before).all(|(a, b)| (a - b).abs() < 6e-18), "at {k}: {now:?} after {before:?}");
        before = now;
    }
}

#[test]
fn no_current_without_voltage() {
    for (device, low, high) in memristors() {
        for k in 0..=20 {
            let state = low + (high - low) * f64::from(k) / 20.0;
            assert_eq!(device.rows(&device.point(0.0, state), false)[0], 0.0, "{} with state {state}", device.model.name);
        }
    }
    for params in [&[][..], &[("bv", 5.0)]] {
        let device = Device::new("diode", params);
        assert_eq!(device.rows(&[0.0; 3], false)[..2], [0.0, 0.0]);
    }
}

#[test]
fn states_do_not_leave_their_range() {
    // At the ends, and a little beyond, nothing drives the state further out.
    for (device, _, _) in memristors().into_iter().filter(|(d, ..)| d.model.unknowns.iter().any(|u| u.bounds == (0.0, 1.0))) {
        let row = device.row("x");
        for v in VOLTAGES {
            let rate = |x: f64| -device.rows(&device.point(v, x), false)[row];
            // Below 1 nA the smooth step of a window does not know the direction of the current: 1e4 1/(A s) times v/100 ohm.
            let unknowing = if v.abs() <= 1e-9 { 1e2 * v.abs() } else { 0.0 };
            // TaOx alone goes a little beyond 1.
            let end = if device.model.name == "taox" { 1.0011 } else { 1.0 };
            assert!(
                rate(end) <= unknowing && rate(1.0012) <= unknowing,
                "{} {:?} at v = {v}: {:e}",
                device.model.name,
                device.params,
                rate(1.0)
            );
            assert!(
                rate(0.0) >= -unknowing && rate(-0.001) >= -unknowing,
                "{} {:?} at v = {v}: {:e}",
                device.model.name,
                device.params,
                rate(0.0)
            );
        }
    }
}

fn last(data: &Dataset, column: &str) -> f64 {
    *data.real(column).unwrap().last().unwrap()
}

#[test]
fn vteam_moves_linearly_under_constant_voltage() {
    // (xoff - xon)/(koff (v/voff - 1)) = 3e-9/(5e-4 (0.1/0.02 - 1)) = 1.5 us from end to end; the default error bound is 1e-5.
    let data = run_one("V1 a 0 0.1\nX1 a 0 vteam x0=0.1\n.tran 10n 0.9u");
    close(last(&data, "x1.x"), 0.1 + 0.9 / 1.5, 1e-6, "towards roff");
    // 3e-9/(10 (0.5/0.2 - 1)^3) = 88.9 ps.
    let data = run_one("V1 a 0 -0.5\nX1 a 0 vteam x0=0.9\n.tran 1p 60p");
    close(last(&data, "x1.x"), 0.9 - 60e-12 * 10.0 * 1.5_f64.powi(3) / 3e-9, 1e-6, "towards ron");
    // Between the thresholds nothing moves, at the end it stays.
    assert_eq!(last(&run_one("V1 a 0 0.019\nX1 a 0 vteam x0=0.4\n.tran 10n 1m"), "x1.x"), 0.4);
    close(last(&run_one("V1 a 0 1\nX1 a 0 vteam x0=0.4\n.tran 10n 1m"), "x1.x"), 1.0, 1e-6, "at the end");
}

#[test]
fn joglekar_window_makes_a_logistic_curve() {
    // Under a constant current: logit x = logit x0 + 4 k q, k = 1e4 1/(A s).
    let data = run_one("I1 0 a 1m\nX1 a 0 ion_drift window=2 pw=1 x0=0.1\n.tran 1m 80m");
    for (t, x) in data.real("time").unwrap().iter().zip(data.real("x1.x").unwrap()) {
        let expected = 1.0 / (1.0 + 9.0 * (-4.0 * 1e4 * 1e-3 * t).exp());
        // Default error bound 1e-5 a step, some tens of steps.
        assert!((x - expected).abs() < 1e-4, "x({t:e}) = {x}, expected {expected}");
    }
}

#[test]
fn yakopcic_state_grows_linearly_and_eta_turns_it() {
    // With xp = 0.9 the window is 1 below: x = x0 + eta ap (exp(v) - exp(vp)) t.
    let speed = 4000.0 * (0.3_f64.exp() - 0.16_f64.exp());
    let data = run_one("V1 a 0 0.3\nX1 a 0 yakopcic xp=0.9 x0=0.2\n.tran 1u 0.5m");
    close(last(&data, "x1.x"), 0.2 + speed * 0.5e-3, 1e-6, "eta = 1");
    let data = run_one("V1 a 0 0.3\nX1 a 0 yakopcic xn=0.9 eta=-1 x0=0.8\n.tran 1u 0.5m");
    close(last(&data, "x1.x"), 0.8 - speed * 0.5e-3, 1e-6, "eta = -1");
    let speed = 4000.0 * (0.3_f64.exp() - 0.15_f64.exp());
    let data = run_one("V1 a 0 -0.3\nX1 a 0 yakopcic xp=0.9 eta=-1 x0=0.2\n.tran 1u 0.5m");
    close(last(&data, "x1.x"), 0.2 + speed * 0.5e-3, 1e-6, "eta = -1, negative voltage");
}

#[test]
fn pickett_turns_where_it_should() {
    // Static turning points: digits of the reference.
    let nbo2 = Device::new("pickett", &[]);
    let vo2 = [
        ("dt", 43.0),
        ("rch", 36e-9),
        ("len", 50e-9),
        ("rho_ins", 1e-2),
        ("rho_met", 3e-6),
        ("dhtr", 2.35e8),
        ("kappa", 3.5),
        ("cp", 3.3e6),
    ];
    for (device, threshold, hold) in [
        (nbo2, (1.44471, 35.255e-6), (0.74449, 381.29e-6)),
        (Device::new("pickett", &vo2), (1.00693, 9.079e-6), (0.09729, 971.1e-6)),
    ] {
        // The row of the state is z - power/loss: at 1 V it says what power 1 V makes, so at v it is in balance.
        let row = device.row("s");
        let balance = |z: f64| {
            let v = (z / (z - device.rows(&device.point(1.0, z), false)[row])).sqrt();
            (v, device.rows(&device.point(v, z), false)[0])
        };
        let curve: Vec<(f64, f64)> = (1..40_000).map(|k| balance(0.02 * 1.0002_f64.powi(k))).collect();
        let turn = |sign: f64| {
            let k = (1..curve.len() - 1)
                .find(|k| sign * curve[*k].0 > sign * curve[k - 1].0 && sign * curve[*k].0 >= sign * curve[k + 1].0);
            curve[k.unwrap()]
        };
        for (found, expected) in [(turn(1.0), threshold), (turn(-1.0), hold)] {
            // Half of the last digit; the current is flat in the other direction.
            assert!((found.0 - expected.0).abs() < 6e-6, "{} V, expected {}", found.0, expected.0);
            close(found.1, expected.1, 1e-3, "current");
        }
    }
    // Driven by a current the curve is passed through without folds.
    let v = run_one("I1 0 a 0\nX1 a 0 pickett\n.dc I1 0 0.5m 1u").real("v(a)").unwrap().to_vec();
    let top = v.iter().fold(0.0_f64, |m, v| m.max(*v));
    assert!((top - 1.44471).abs() < 1e-4, "{top}");
}

#[test]
fn diode_has_the_laws_of_its_card() {
    // 300.15 K, CODATA 2018.
    let vt = 1.380_649e-23 * 300.15 / 1.602_176_634e-19;
    let device = Device::new("diode", &[("is", 1e-12), ("n", 1.5), ("cjo", 2e-12), ("vj", 0.8), ("m", 0.4), ("tt", 1e-9)]);
    let at = |v: f64| [v, 0.0, v];
    let j = device.row("j");
    for v in [-3.0_f64, -0.1, 0.2, 0.5, 0.7] {
        let id = 1e-12 * ((v / (1.5 * vt)).exp() - 1.0);
        close(device.rows(&at(v), false)[j], id + 1e-12 * v, 1e-12, "i");
        if v < 0.4 {
            let q = 2e-12 * 0.8 / 0.6 * (1.0 - (1.0 - v / 0.8_f64).powf(0.6)) + 1e-9 * id;
            close(device.rows(&at(v), true)[j], q, 1e-12, "q");
        }
    }
    // Breakdown: ibv at bv (the rest is far below).
    let device = Device::new("diode", &[("bv", 5.0), ("ibv", 1e-3)]);
    close(device.rows(&at(-5.0), false)[j], -1e-3, 1e-6, "i at bv");
}

#[test]
fn temperature_laws_hold_at_the_reference_temperature_and_beyond() {
    // eg and xti of silicon: is grows by exp(eg q/k (1/T0 - 1/T)) (T/T0)^3.
    let current = |temp: f64| {
        let data = run_one(&format!("V1 a 0 -1\nD1 a 0 dm\n.model dm d(is=1e-9)\n.temp {temp}\n.op\n.options gmin=0\n.save i(d1)"));
        data.real("i(d1)").unwrap()[0]
    };
    close(current(27.0), -1e-9, 1e-9, "27 degrees");
    let (t, t0, k) = (360.15_f64, 300.15_f64, 1.380_649e-23 / 1.602_176_634e-19);
    close(current(87.0), -1e-9 * (1.11 / k * (1.0 / t0 - 1.0 / t)).exp() * (t / t0).powi(3), 1e-9, "87 degrees");
    // kp falls as T^-1.5: an nmos of which only kp depends on temperature in strong inversion to 1 %.
    let drain = |temp: f64| {
        let deck = format!(
            "VD d 0 5\nVG g 0 50\nM1 d g 0 0 nm w=10u l=10u\n.model nm nmos(kp=100u vto=0)\n.temp {temp}\n.op\n.save i(m1.d)"
        );
        run_one(&deck).real("i(m1.d)").unwrap()[0]
    };
    close(drain(87.0) / drain(27.0), (t0 / t).powf(1.5), 1e-2, "kp");
}

#[test]
fn every_model_says_what_it_is() {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let mut library = Library::new();
    for entry in library.list().to_vec() {
        assert!(entry.doc.len() > 40, "{}: no head comment", entry.path);
        let memristor = !Path::new(&entry.path).starts_with("models/std");
        assert!(!memristor || entry.doc.contains("Source:"), "{}: no source", entry.path);
        let model = library.get(&mut sources, &entry.name).unwrap();
        for param in model.params.iter().filter(|p| !p.local) {
            assert!(!param.description.is_empty(), "{}: parameter {} is not described", entry.path, param.name);
        }
    }
    let said = library.take_diagnostics();
    assert!(said.is_empty(), "{}", diag::render(&said, &sources, false));
}

#[test]
fn series_resistances_collapse_and_count() {
    // 1 V across 1 kohm and a diode whose resistance is 1 kohm inside: the same as with a resistor outside.
    let inside = run_one("V1 a 0 1\nD1 a 0 dm\n.model dm d(is=1e-12 rs=1k)\n.op\n.save i(d1)");
    let outside = run_one("V1 a 0 1\nR1 a b 1k\nD1 b 0 dm\n.model dm d(is=1e-12)\n.op\n.save i(d1)");
    close(inside.real("i(d1)").unwrap()[0], outside.real("i(d1)").unwrap()[0], 1e-6, "i");
    let inside =
        run_one("VD d 0 2\nVG g 0 2\nM1 d g 0 0 nm w=10u l=1u\n.model nm nmos(kp=100u vto=0.5 rd=100 rs=200)\n.op\n.save i(m1.d)");
    let outside = run_one(
        "VD d 0 2\nVG g 0 2\nR1 d x 100\nR2 y 0 200\nM1 x g y 0 nm w=10u l=1u\n.model nm nmos(kp=100u vto=0.5)\n.op\n.save i(m1.d)",
    );
    close(inside.real("i(m1.d)").unwrap()[0], outside.real("i(m1.d)").unwrap()[0], 1e-6, "i");
}
