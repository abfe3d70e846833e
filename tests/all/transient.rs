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
    for m in integrate::TABLE {
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
