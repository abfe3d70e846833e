//! An orbit as rows: the waveform over periods, or harmonics.

use num_complex::Complex64;

use crate::dae::{Eval, Outputs, System, Want};
use crate::solve::SimError;
use crate::solve::orbit::flow::Track;
use crate::solve::orbit::scheme::Scheme;
use crate::wave::{ColumnKind, Flow, Header, Sink};

use super::super::columns::{self, RowMaker, lead, writing};
use super::super::{Env, Summary, op::significant};
use super::Found;
use super::find::Scene;

/// Samples of a period for each harmonic wanted, and fewest.
const SAMPLES: (usize, usize) = (16, 1024);
/// Outputs whose distortion is spelled out.
const SPELLED: usize = 8;

pub(super) fn waveform_header(system: &dyn System, env: &Env) -> Header {
    columns::header(system, env, ("pss", "Periodic Steady State"), vec![lead("time", "time", "s")], 1, ColumnKind::Real)
}

pub(super) fn spectrum_header(system: &dyn System, env: &Env) -> Header {
    let leads = vec![lead("frequency", "frequency", "Hz")];
    columns::header(system, env, ("pss", "Spectrum of the Periodic Steady State"), leads, 1, ColumnKind::Complex)
}

/// One instant of an orbit: time from its start, values of the output rows with the rates of their charges.
pub(super) struct Instant {
    pub t: f64,
    pub values: Vec<f64>,
}

/// The output rows at the start and at all stages of an orbit.
pub(super) fn instants(scene: &Scene, track: &Track, scheme: &Scheme) -> Vec<Instant> {
    let Scene { system, env, .. } = *scene;
    let tolerances = scene.tolerances(1e-6);
    let course = scene.course(&tolerances, track.period());
    let mut eval = Eval::new(system);
    let mut at = |x: &[f64], t: f64| -> Outputs {
        system.eval(&course.at(x, t), Want::OUTPUTS, &mut eval);
        eval.outputs.clone()
    };
    let _ = env;
    let (start, stages) = (track.times[0], scheme.stages());
    let mut all = Vec::new();
    let mut before = at(&track.first, start).charge;
    for k in 0..track.steps() {
        let (t, h) = (track.times[k], track.times[k + 1] - track.times[k]);
        let now: Vec<Outputs> = (0..stages).map(|i| at(&track.x[k][i], t + scheme.c[i] * h)).collect();
        for (i, outputs) in now.iter().enumerate() {
            let rate = |j: usize| {
                let w = &scheme.w[i];
                (0..stages).map(|s| w[s] * (now[s].charge[j] - before[j])).sum::<f64>() / h
            };
            let values = (0..before.len()).map(|j| outputs.value[j] + rate(j)).collect();
            all.push(Instant { t: t + scheme.c[i] * h - start, values });
        }
        before.clone_from(&now[stages - 1].charge);
    }
    // What it is at the end it is at the start, but for what jumps there.
    if let Some(last) = all.last() {
        all.insert(0, Instant { t: 0.0, values: last.values.clone() });
    }
    all
}

pub(super) fn waveform(
    scene: &Scene,
    found: &Found,
    periods: u32,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let track = &found.orbit.track;
    let instants = instants(scene, track, &found.scheme);
    let mut maker = RowMaker::default();
    let mut outputs = Outputs::default();
    for cycle in 0..periods.max(1) {
        for instant in instants.iter().skip(usize::from(cycle > 0)) {
            outputs.value.clone_from(&instant.values);
            summary.points += 1;
            let t = instant.t + f64::from(cycle) * track.period();
            if sink.row(maker.real(scene.system, &[t], &outputs, &[])).map_err(writing)? == Flow::Stop {
                return Ok(());
            }
        }
    }
    let (_, distortions) = harmonics(scene, found, 20);
    summary.remarks.extend(distortions);
    Ok(())
}

/// Harmonics 0 to `count` of all output rows (mean, then peak amplitudes by phase of a cosine), and distortions in words.
fn harmonics(scene: &Scene, found: &Found, count: usize) -> (Vec<Vec<Complex64>>, Vec<String>) {
    let system = scene.system;
    let (track, scheme) = (&found.orbit.track, &found.scheme);
    let tolerances = scene.tolerances(1e-6);
    let course = scene.course(&tolerances, track.period());
    let samples = (SAMPLES.0 * count).max(SAMPLES.1);
    let outputs = system.layout().outputs.len();
    let mut eval = Eval::new(system);
    let mut x = vec![0.0; track.first.len()];
    let mut sums = vec![vec![Complex64::ZERO; outputs]; count + 1];
    for k in 0..samples {
        let share = k as f64 / samples as f64;
        let t = track.times[0] + share * track.period();
        track.value(scheme, t, &mut x);
        system.eval(&course.at(&x, t), Want::OUTPUTS, &mut eval);
        for (order, sums) in sums.iter_mut().enumerate() {
            let omega = std::f64::consts::TAU * order as f64;
            // The angle of the product is reduced first: sharp zeros for high orders.
            let angle = Complex64::from_polar(1.0, -omega * share % std::f64::consts::TAU);
            let rate = Complex64::new(0.0, omega / track.period());
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum += angle * (eval.outputs.value[j] + rate * eval.outputs.charge[j]);
            }
        }
    }
    for (order, sums) in sums.iter_mut().enumerate() {
        let factor = if order == 0 { 1.0 } else { 2.0 } / samples as f64;
        sums.iter_mut().for_each(|s| *s *= factor);
    }
    let words = |j: usize| {
        let first = sums.get(1)?[j].norm();
        let rest = sums.iter().skip(2).map(|s| s[j].norm_sqr()).sum::<f64>().sqrt();
        let share = 100.0 * rest / first;
        let name = &system.layout().outputs[j].name;
        (first > 1e-9 * sums[0][j].norm() && first > 0.0)
            .then(|| format!("{name}: fundamental {}, THD {} %", significant(first), significant(share)))
    };
    let distortions = (0..outputs).filter_map(words).take(SPELLED).collect();
    (sums, distortions)
}

pub(super) fn spectrum(
    scene: &Scene,
    found: &Found,
    count: u32,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let (harmonics, distortions) = harmonics(scene, found, count as usize);
    summary.remarks.extend(distortions);
    let mut maker = RowMaker::default();
    for (order, values) in harmonics.iter().enumerate() {
        summary.points += 1;
        let frequency = order as f64 / found.orbit.track.period();
        if sink.row(maker.complex(scene.system, &[frequency], values)).map_err(writing)? == Flow::Stop {
            break;
        }
    }
    Ok(())
}
