//! Transients: order of every method, corners, starts, stiffness, symmetry, rest on unstable equilibria.

use std::sync::atomic::AtomicBool;

use memspice::analysis::tran::Transient;
use memspice::analysis::{Analysis, Env, Summary};
use memspice::dae::{Memory, StartKind, System};
use memspice::solve::history::{History, Record};
use memspice::solve::integrate::{self, Problem, Weights, Work, dirk, esdirk, trbdf2};
use memspice::solve::{SimError, Tolerances, start};
use memspice::wave::Dataset;

use super::systems::*;

fn tolerances(reltol: f64) -> Tolerances {
    Tolerances { reltol, trtol: 1.0, static_iterations: 100, step_iterations: 20 }
}

/// A run of `.tran`, with `method` and `reltol` of the deck's options if they are given.
pub fn run(
    system: &dyn System,
    card: &Transient,
    method: Option<&str>,
    reltol: Option<f64>,
) -> (Dataset, Summary, Result<(), SimError>) {
    let stop = AtomicBool::new(false);
    let env = Env {
        tolerances: tolerances(reltol.unwrap_or(1e-3)),
        reltol_given: reltol.is_some(),
        method: method.map(str::to_string),
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

pub fn card(stop: f64) -> Transient {
    Transient { step: 0.0, stop, start: 0.0, longest: None, uic: true, method: None, reltol: None }
}

#[test]
fn rc_smoke() {
    for m in integrate::TABLE {
        let (data, summary, result) = run(&rc(1e3, 1e-9, 1.0, 0.0, 1.0), &card(5e-6), Some(m.name), None);
        result.unwrap();
        let (t, v) = (data.real("time").unwrap(), data.real("v(out)").unwrap());
        let worst = t.iter().zip(v).map(|(t, v)| (v - (1.0 - (-t / 1e-6).exp())).abs()).fold(0.0, f64::max);
        println!("{} {worst:.2e} {:?} {}", summary.method, summary.counts, summary.ruled_by);
    }
}

/// Rising crossings of `level` by `v`, interpolated linearly.
fn crossings(t: &[f64], v: &[f64], level: f64) -> Vec<f64> {
    let rises = |k: &usize| v[*k] < level && v[k + 1] >= level;
    let place = |k: usize| t[k] + (level - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k]);
    (0..t.len() - 1).filter(rises).map(place).collect()
}

/// Rows after `from`.
fn tail<'a>(data: &'a Dataset, name: &str, from: f64) -> (&'a [f64], &'a [f64]) {
    let t = data.real("time").unwrap();
    let k = t.partition_point(|t| *t < from);
    (&t[k..], &data.real(name).unwrap()[k..])
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, v| (r.0.min(*v), r.1.max(*v)))
}

#[test]
#[ignore]
fn table_of_fig12() {
    let system = nbox_pair(2.2e-9, 25.0, [253.15; 2], [1e-4, 2e-4]);
    let only = std::env::var("METHOD").unwrap_or_default();
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for k in 2..=7 {
            let reltol = 10f64.powi(-k);
            if m.name == "euler" && k > 6 {
                continue;
            }
            let (data, summary, result) = run(&system, &card(200e-6), Some(m.name), Some(reltol));
            let (t, x1) = tail(&data, "x1.x", 150e-6);
            let (_, x2) = tail(&data, "x2.x", 150e-6);
            let (r1, r2) = (range(x1), range(x2));
            let c = crossings(t, x2, 0.5 * (r2.0 + r2.1));
            let period = if c.len() > 1 { (c[c.len() - 1] - c[0]) / (c.len() - 1) as f64 * 1e9 } else { f64::NAN };
            println!(
                "{:7} {reltol:.0e} period {:+.4} % cells {:.3}..{:.3} {:.3}..{:.3} points/period {:.1} acc {} rej {} it {} ev {} {:?} {:?} {}",
                m.name,
                (period / 1832.1552 - 1.0) * 100.0,
                r1.0,
                r1.1,
                r2.0,
                r2.1,
                t.len() as f64 / (50e-6 / 1832e-9),
                summary.counts.accepted,
                summary.counts.rejected,
                summary.counts.iterations,
                summary.counts.evaluations,
                summary.remarks,
                result,
                summary.ruled_by
            );
        }
    }
}

/// Mean of `x` over `from..to` by the trapezoidal rule on the rows, ends interpolated.
fn mean(t: &[f64], x: &[f64], from: f64, to: f64) -> f64 {
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

/// The TaOx memristor of [`taox_driven`] with the source as an equation of its own, as circuits have it.
fn taox_circuit(x0: f64, va: f64, fr: f64) -> Toy {
    let mut toy = Toy::new(|e| {
        let (x, v, i) = (e.x(0), e.x(1), e.x(2));
        let (conductance, rate) = taox(x, v);
        e.f(0, -rate * 1e-12);
        e.q(0, x * 1e-12);
        e.f(1, conductance * v);
        e.f(1, i);
        e.f(2, v);
        e.f(2, -(e.p(0) * (e.p(1) * (2.0 * std::f64::consts::PI * e.t)).sin()));
    })
    .unknown("x1.x", STATE, 1e-12)
    .unknown("n", VOLTAGE, 1e-12)
    .unknown("v1#branch", CURRENT, 1e-6)
    .param("va", va)
    .param("fr", fr)
    .start(0, x0, StartKind::State);
    toy.motion = Some(memspice::dae::Motion { source: "v1".into(), period: 1.0 / fr });
    toy
}

const FADING: [(f64, [f64; 4]); 5] = [
    (0.2, [0.20505034, 0.24736792, 0.29446805, 0.29535415]),
    (0.4, [0.33211266, 0.29593070, 0.29535850, 0.29535420]),
    (0.6, [0.46657540, 0.29823561, 0.29537519, 0.29535420]),
    (0.8, [0.63813862, 0.30574010, 0.29542516, 0.29535421]),
    (1.0, [0.82616368, 0.33256866, 0.29557233, 0.29535422]),
];

#[test]
#[ignore]
fn table_of_fading_memory() {
    let only = std::env::var("METHOD").unwrap_or_default();
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for reltol in [None, Some(1e-3), Some(1e-4), Some(1e-5), Some(1e-6), Some(1e-7)] {
            for circuit in [false, true] {
                if m.name == "euler" && reltol.is_some() {
                    continue;
                }
                let mut worst = [0f64; 4];
                let mut text = String::new();
                for (x0, expected) in &FADING[..if circuit { 2 } else { 1 }] {
                    let system = if circuit { taox_circuit(*x0, 0.5, 1e8) } else { taox_driven(*x0, 0.0, 0.5, 1e8) };
                    let (data, summary, result) = run(&system, &card(20e-6), Some(m.name), reltol);
                    let (t, x) = (data.real("time").unwrap(), data.real("x1.x").unwrap());
                    for (k, n) in [100.0, 500.0, 1000.0, 2000.0].iter().enumerate() {
                        worst[k] = worst[k].max((mean(t, x, (n - 1.0) * 1e-8, n * 1e-8) - expected[k]).abs());
                    }
                    text = format!("{:?} {:?} {}", summary.counts, result, summary.ruled_by);
                }
                println!(
                    "{:7} {circuit} {reltol:?} {:.1e} {:.1e} {:.1e} {:.1e} {text}",
                    m.name, worst[0], worst[1], worst[2], worst[3]
                );
            }
        }
    }
}

/// Pickett-Williams moving core of NbO2 in the test circuit of ndr-models 5.2: 1.8 V, 4.2 k, 23 pF, 2.75 k and device; unknowns
/// vc, u. Heat-capacity term as in the paper.
fn pickett() -> Toy {
    use std::f64::consts::PI;
    let (dt, rch, length, insulator, metal) = (784.0, 30e-9, 20e-9, 7e-3, 1e-4);
    let (latent, kappa, cp) = (1.6e8, 1.5, 2.6e6);
    Toy::new(move |e| {
        let (v, u) = (e.x(0), e.x(1));
        let u = if u.v < 1e-6 {
            Dual::from(1e-6)
        } else if u.v > 0.99999 {
            Dual::from(0.99999)
        } else {
            u
        };
        let ln = u.ln();
        let resistance = Dual::from(insulator * length / (PI * rch * rch)) / (u * u * (insulator / metal - 1.0) + 1.0);
        let loss = Dual::from(-2.0 * PI * length * kappa) / ln;
        let heat =
            ((u * u * ln * 2.0 + 1.0 - u * u) / (u * ln * ln * 2.0) * (cp * dt) + u * (2.0 * latent)) * (PI * length * rch * rch);
        let current = v / (resistance + 2750.0);
        let rate = (resistance * current * current - loss * dt) / heat;
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

#[test]
#[ignore]
fn table_of_oscillators() {
    let only = std::env::var("METHOD").unwrap_or_default();
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for k in 2..=7 {
            let reltol = 10f64.powi(-k);
            if m.name == "euler" && k > 5 {
                continue;
            }
            let (data, summary, result) = run(&pickett(), &card(10e-6), Some(m.name), Some(reltol));
            let (t, i) = tail(&data, "i(x1)", 6e-6);
            let c = crossings(t, i, 1.5e-4);
            let period = if c.len() > 1 { (c[c.len() - 1] - c[0]) / (c.len() - 1) as f64 * 1e9 } else { f64::NAN };
            println!(
                "{:7} {reltol:.0e} pickett period {:+.4} % i {:?} points {:.1} {:?} {:?} {:?} {}",
                m.name,
                (period / 197.665 - 1.0) * 100.0,
                range(i),
                t.len() as f64 / (4e-6 / 197.665e-9),
                summary.counts,
                summary.remarks,
                result,
                summary.ruled_by
            );
        }
    }
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for k in 2..=7 {
            let reltol = 10f64.powi(-k);
            if m.name == "euler" && k > 5 {
                continue;
            }
            let (data, summary, result) = run(&van_der_pol(1000.0), &card(5000.0), Some(m.name), Some(reltol));
            let (t, x) = tail(&data, "x", 0.0);
            let c = crossings(t, x, 0.0);
            let period = if c.len() > 1 { (c[c.len() - 1] - c[0]) / (c.len() - 1) as f64 } else { f64::NAN };
            println!(
                "{:7} {reltol:.0e} vdp period {:.4} x {:?} {:?} {:?} {:?} {}",
                m.name,
                period,
                range(x),
                summary.counts,
                summary.remarks,
                result,
                summary.ruled_by
            );
        }
    }
}
#[test]
#[ignore]
fn look() {
    let mut uic = card(5e-3);
    uic.uic = false;
    let (data, summary, result) = run(&diode(0.0, 1e3, 5.0, 1e3), &uic, Some("radau"), Some(1e-3));
    let (t, x) = tail(&data, "v(a)", 0.0);
    let (_, y) = tail(&data, "i(d1)", 0.0);
    for k in 1..t.len() {
        println!("{:.9} h {:.3e} {} {}", t[k], t[k] - t[k - 1], x[k], y[k]);
    }
    println!("{result:?} {:?}", summary.counts);
}

/// A trapezoidal pulse train between `low` and `high`: edges of `edge`, flat top of `width`, all s.
fn pulse(t: f64, low: f64, high: f64, edge: f64, width: f64, period: f64) -> f64 {
    let phase = t - (t / period).floor() * period;
    let share = if phase < edge {
        phase / edge
    } else if phase < edge + width {
        1.0
    } else if phase < 2.0 * edge + width {
        1.0 - (phase - edge - width) / edge
    } else {
        0.0
    };
    low + (high - low) * share
}

/// TaOx under the square wave of figure 14g: 0.45 V at 5.8 MHz about `v0`, edges of 1 ns.
fn taox_square(x0: f64, v0: f64, cycles: usize) -> Toy {
    let (edge, period) = (1e-9, 1.0 / 5.8e6);
    let width = 0.5 * period - edge;
    let mut toy = Toy::new(move |e| {
        let (x, v, i) = (e.x(0), e.x(1), e.x(2));
        let (conductance, rate) = taox(x, v);
        e.f(0, -rate * 1e-12);
        e.q(0, x * 1e-12);
        e.f(1, conductance * v);
        e.f(1, i);
        e.f(2, v);
        e.f(2, Dual::from(-pulse(e.t, v0 - 0.45, v0 + 0.45, edge, width, period)));
    })
    .unknown("x1.x", STATE, 1e-12)
    .unknown("n", VOLTAGE, 1e-12)
    .unknown("v1#branch", CURRENT, 1e-6)
    .start(0, x0, StartKind::State);
    let corners = [0.0, edge, edge + width, 2.0 * edge + width];
    toy.breaks = (0..=cycles).flat_map(|c| corners.map(|corner| c as f64 * period + corner)).filter(|t| *t > 0.0).collect();
    toy
}

#[test]
#[ignore]
fn table_of_square() {
    let only = std::env::var("METHOD").unwrap_or_default();
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for reltol in [None, Some(1e-3), Some(1e-4)] {
            for (target, v0) in [(0.3, 0.02015952912353394), (0.4, 0.04005736812107)] {
                let cycles = 500;
                let (data, summary, result) =
                    run(&taox_square(target - 0.01, v0, cycles), &card(cycles as f64 / 5.8e6), Some(m.name), reltol);
                let (_, x) = tail(&data, "x1.x", (cycles - 1) as f64 / 5.8e6);
                let r = range(x);
                println!(
                    "{:7} {reltol:?} square {target} off {:.2e} ripple {:.4e} {:?} {:?} {:?} {}",
                    m.name,
                    0.5 * (r.0 + r.1) - target,
                    r.1 - r.0,
                    summary.counts,
                    summary.remarks,
                    result,
                    summary.ruled_by
                );
            }
        }
    }
    for m in integrate::TABLE.iter().filter(|m| only.is_empty() || only.contains(m.name)) {
        for reltol in [None, Some(1e-3), Some(1e-4)] {
            let mut uic = card(5e-3);
            uic.uic = false;
            let (data, summary, result) = run(&diode(0.0, 1e3, 5.0, 1e3), &uic, Some(m.name), reltol);
            println!(
                "{:7} {reltol:?} diode {:?} {} {:?} {:?} {:?} {}",
                m.name,
                range(data.real("i(d1)").unwrap()),
                data.rows,
                summary.counts,
                summary.remarks,
                result,
                summary.ruled_by
            );
        }
    }
}
