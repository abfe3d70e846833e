//! Transient runs of hand-written systems, and what is read off their rows: for tests and for the bench.

use std::sync::atomic::AtomicBool;

use memspice::analysis::tran::Transient;
use memspice::analysis::{Analysis, Env, Summary};
use memspice::dae::{Motion, StartKind, System};
use memspice::solve::{Effort, SimError, Tolerances};
use memspice::wave::Dataset;

use super::systems::*;

pub fn tolerances(reltol: f64) -> Tolerances {
    Tolerances { reltol, trtol: 1.0, static_iterations: 100, step_iterations: 20 }
}

/// A run of `.tran`, with `method` and `reltol` as the deck's options if they are given.
pub fn run(
    system: &dyn System,
    card: &Transient,
    method: Option<&str>,
    reltol: Option<f64>,
) -> (Dataset, Summary, Result<(), SimError>) {
    worked(system, card, (method, Effort::Auto), reltol)
}

/// The same with Newton's effort.
pub fn worked(
    system: &dyn System,
    card: &Transient,
    (method, newton): (Option<&str>, Effort),
    reltol: Option<f64>,
) -> (Dataset, Summary, Result<(), SimError>) {
    let stop = AtomicBool::new(false);
    let env = Env {
        tolerances: tolerances(reltol.unwrap_or(1e-3)),
        reltol_given: reltol.is_some(),
        method: method.map(str::to_string),
        newton,
        maxord: None,
        points_per_period: 50.0,
        stop: &stop,
        progress: &|_| {},
        params: system.params(),
        keys: Vec::new(),
    };
    let mut data = Dataset::default();
    let (summary, result) = card.run(system, &env, &mut data);
    (data, summary, result)
}

/// `.tran 0 stop uic`.
pub fn uic(stop: f64) -> Transient {
    Transient { step: 0.0, stop, start: 0.0, longest: None, uic: true, method: None, reltol: None }
}

/// `.tran 0 stop`.
pub fn from_op(stop: f64) -> Transient {
    Transient { uic: false, ..uic(stop) }
}

/// Time and column `name` of the rows after `from`.
pub fn tail<'a>(data: &'a Dataset, name: &str, from: f64) -> (&'a [f64], &'a [f64]) {
    let t = data.real("time").unwrap();
    let k = t.partition_point(|t| *t < from);
    (&t[k..], &data.real(name).unwrap()[k..])
}

/// Smallest and largest.
pub fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, v| (r.0.min(*v), r.1.max(*v)))
}

/// Mean distance of rising crossings of `level` by `v`, found by straight lines.
pub fn period(t: &[f64], v: &[f64], level: f64) -> f64 {
    let rises = |k: &usize| v[*k] < level && v[k + 1] >= level;
    let place = |k: usize| t[k] + (level - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k]);
    let places: Vec<f64> = (0..t.len() - 1).filter(rises).map(place).collect();
    if places.len() < 2 { f64::NAN } else { (places[places.len() - 1] - places[0]) / (places.len() - 1) as f64 }
}

/// Mean of `x` over `from..to` by the trapezoidal rule on the rows, ends interpolated.
pub fn mean(t: &[f64], x: &[f64], from: f64, to: f64) -> f64 {
    let at = |time: f64| {
        let k = t.partition_point(|t| *t < time).clamp(1, t.len() - 1);
        x[k - 1] + (time - t[k - 1]) / (t[k] - t[k - 1]) * (x[k] - x[k - 1])
    };
    let (mut sum, mut last) = (0.0, (from, at(from)));
    for k in t.partition_point(|t| *t <= from)..t.len() {
        if t[k] >= to {
            break;
        }
        sum += 0.5 * (t[k] - last.0) * (x[k] + last.1);
        last = (t[k], x[k]);
    }
    (sum + 0.5 * (to - last.0) * (at(to) + last.1)) / (to - from)
}

/// TaOx across a source `v(t)`, the source as an equation of its own, as circuits have it. Unknowns x1.x, n, v1#branch.
pub fn taox_across(x0: f64, source: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Toy {
    Toy::new(move |e| {
        let (x, v, i) = (e.x(0), e.x(1), e.x(2));
        let (conductance, rate) = taox(x, v);
        e.f(0, -rate * 1e-12);
        e.q(0, x * 1e-12);
        e.f(1, conductance * v);
        e.f(1, i);
        e.f(2, v);
        e.f(2, Dual::from(-source(e.t)));
    })
    .unknown("x1.x", STATE, 1e-12)
    .unknown("n", VOLTAGE, 1e-12)
    .unknown("v1#branch", CURRENT, 1e-6)
    .start(0, x0, StartKind::State)
}

/// Figures 14a-e: 0.5 V at 100 MHz.
pub fn taox_sine(x0: f64) -> Toy {
    let mut toy = taox_across(x0, |t| 0.5 * (2.0 * std::f64::consts::PI * 1e8 * t).sin());
    toy.motion = Some(Motion { source: "v1".into(), period: 1e-8 });
    toy
}

/// Mean x of figures 14d-e: start, then cycles 100, 500, 1000, 2000.
pub const FADING: [(f64, [f64; 4]); 5] = [
    (0.2, [0.20505034, 0.24736792, 0.29446805, 0.29535415]),
    (0.4, [0.33211266, 0.29593070, 0.29535850, 0.29535420]),
    (0.6, [0.46657540, 0.29823561, 0.29537519, 0.29535420]),
    (0.8, [0.63813862, 0.30574010, 0.29542516, 0.29535421]),
    (1.0, [0.82616368, 0.33256866, 0.29557233, 0.29535422]),
];

/// Corners of figure 14g: edges of 1 ns, 5.8 MHz, half of it high, width without edges.
const EDGE: f64 = 1e-9;
const PERIOD: f64 = 1.0 / 5.8e6;
const WIDTH: f64 = 0.5 * PERIOD - EDGE;

fn square(t: f64) -> f64 {
    let phase = t - (t / PERIOD).floor() * PERIOD;
    if phase < EDGE {
        2.0 * phase / EDGE - 1.0
    } else if phase < EDGE + WIDTH {
        1.0
    } else if phase < 2.0 * EDGE + WIDTH {
        1.0 - 2.0 * (phase - EDGE - WIDTH) / EDGE
    } else {
        -1.0
    }
}

/// Figure 14g: square wave of 0.45 V about `v0` for `cycles` cycles.
pub fn taox_square(x0: f64, v0: f64, cycles: usize) -> (Toy, f64) {
    let mut toy = taox_across(x0, move |t| v0 + 0.45 * square(t));
    let corners = [EDGE, EDGE + WIDTH, 2.0 * EDGE + WIDTH, PERIOD];
    toy.breaks = (0..cycles).flat_map(|c| corners.map(|corner| c as f64 * PERIOD + corner)).collect();
    (toy, cycles as f64 * PERIOD)
}

/// Pickett-Williams moving core of NbO2 in the test circuit of the reference: 1.8 V, 4.2 k, 23 pF, 2.75 k and device; heat
/// capacity as in the paper. Unknowns c, x1.u.
pub fn pickett() -> Toy {
    use std::f64::consts::PI;
    let (cold, rch, length, insulator, metal) = (784.0, 30e-9, 20e-9, 7e-3, 1e-4);
    let (latent, kappa, cp) = (1.6e8, 1.5, 2.6e6);
    Toy::new(move |e| {
        let (v, u) = (e.x(0), e.x(1));
        let u = if u.v < 1e-6 { Dual::from(1e-6) } else { u };
        let u = if u.v > 0.99999 { Dual::from(0.99999) } else { u };
        let ln = u.ln();
        let resistance = Dual::from(insulator * length / (PI * rch * rch)) / (u * u * (insulator / metal - 1.0) + 1.0);
        let loss = Dual::from(-2.0 * PI * length * kappa) / ln;
        let ring = (u * u * ln * 2.0 + 1.0 - u * u) / (u * ln * ln * 2.0);
        let heat = (ring * (cp * cold) + u * (2.0 * latent)) * (PI * length * rch * rch);
        let current = v / (resistance + 2750.0);
        let rate = (resistance * current * current - loss * cold) / heat;
        e.f(0, (v - 1.8) / 4200.0);
        e.f(0, current);
        e.q(0, v * 23e-12);
        e.f(1, -rate * 1e-12);
        e.q(1, e.x(1) * 1e-12);
        e.output(0, current, 0.0.into());
    })
    .unknown("c", VOLTAGE, 1e-12)
    .unknown("x1.u", STATE, 1e-12)
    .output("i(x1)", CURRENT)
    .start(1, 1e-6, StartKind::State)
}

/// Figure 12 at the coupling given, cells 1 and 2 charged to 0.1 and 0.2 mV.
pub fn smale(coupling: f64) -> Toy {
    nbox_pair(2.2e-9, coupling, [253.15; 2], [1e-4, 2e-4])
}

/// Where a run of [`smale`] ends, from `from` on: period (s), extremes of both cells (K).
pub fn cells(data: &Dataset, from: f64) -> (f64, (f64, f64), (f64, f64)) {
    let ((t, x1), (_, x2)) = (tail(data, "x1.x", from), tail(data, "x2.x", from));
    let (r1, r2) = (range(x1), range(x2));
    (period(t, x2, 0.5 * (r2.0 + r2.1)), r1, r2)
}
