//! A branch of cycles as rows: period, largest multiplier and stability against the parameter; every output first by its greatest
//! values on the cycle, then, as a second segment, by its least, so that a plot shows the envelope of the oscillation.

use std::f64::consts::TAU;
use std::sync::atomic::Ordering;

use num_complex::Complex64;

use crate::dae::{Eval, Outputs, Phase, Point as Place, System, Want};
use crate::solve::SimError;
use crate::solve::bifurcation::diagram::Special;
use crate::solve::bifurcation::follow::{self as equilibria, Settings};
use crate::solve::bifurcation::normal::Hopf;
use crate::solve::orbit::flow::Track;
use crate::solve::orbit::follow::{End, Follower, Path, Point};
use crate::solve::orbit::scheme::Scheme;
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::super::columns::{self, RowMaker, lead, writing};
use super::super::continuation::table::Precise;
use super::super::{Env, Summary, continuation, op::significant};
use super::find::Scene;
use super::rows::instants;
use super::{Found, Way};

/// Steps of a period at least, and points of a branch at most.
const LIMITS: (f64, u32) = (40.0, 2000);
/// Steps of the way at least.
const PARTS: f64 = 40.0;
/// Stages of the scheme on the frozen mesh.
const STAGES: usize = 3;
/// Size of the first cycle off a Hopf point, in units of the charges.
const REACH: f64 = 0.01;

pub(super) fn header(system: &dyn System, env: &Env, name: &str) -> Header {
    let mut leads = vec![
        lead(name, "parameter", ""),
        lead("period", "time", "s"),
        lead("multiplier", "modulus", ""),
        lead("stable", "flag", ""),
    ];
    leads.push(ColumnInfo { name: "point".into(), quantity: String::new(), unit: String::new(), kind: ColumnKind::Text });
    columns::header(system, env, ("pss", "Branch of Cycles"), leads, 1, ColumnKind::Real)
}

/// One cycle of the branch, ready for rows.
struct Entry {
    leads: [f64; 4],
    label: &'static str,
    low: Vec<f64>,
    high: Vec<f64>,
}

fn entry(scene: &Scene, point: &Point, scheme: &Scheme) -> Entry {
    let stable = f64::from(u8::from(point.stable()));
    let label = point.special.map_or("", |kind| kind.letters());
    let leads = [point.p, point.track.period(), point.largest(), stable];
    Entry { leads, label, ..extent(scene, &point.track, scheme) }
}

/// Extremes of all outputs on a cycle.
fn extent(scene: &Scene, track: &Track, scheme: &Scheme) -> Entry {
    let outputs = scene.system.layout().outputs.len();
    let (mut low, mut high) = (vec![f64::INFINITY; outputs], vec![f64::NEG_INFINITY; outputs]);
    for instant in instants(scene, track, scheme) {
        for (j, value) in instant.values.iter().enumerate() {
            low[j] = low[j].min(*value);
            high[j] = high[j].max(*value);
        }
    }
    Entry { leads: [0.0; 4], label: "", low, high }
}

/// Follows the branch from the orbit found.
pub(super) fn follow(scene: &Scene, found: &Found, way: &Way, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
    let tolerances = scene.tolerances(scene.card.reltol);
    let path = path(scene, way, &tolerances, way.from.unwrap_or_else(|| scene.system.value(&scene.env.params, way.id)));
    let scheme = found.scheme.clone();
    let mut follower = Follower::new(path, scheme.clone(), &found.orbit.track);
    let first = scene.system.value(&scene.env.params, way.id);
    let start = follower.start(first, &found.orbit.track).map_err(|text| SimError::Fatal(format!(".pss: {text}")))?;
    run(scene, (&mut follower, &scheme), start, (way, "", Vec::new()), sink, summary)
}

/// The branches of cycles that are born at Hopf points of the equilibria between the ends of the way: at the one called `label`, or
/// at all.
pub(super) fn from_hopf(scene: &Scene, way: &Way, label: &str, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
    let Scene { system, env, memory, .. } = *scene;
    let fatal = |text: String| SimError::Fatal(format!(".pss: {text}"));
    let from = way.from.unwrap_or_else(|| system.value(&env.params, way.id));
    let (field, x) = continuation::start(system, env, &[(way.id, from, way.to - from)], &[], summary)?;
    let stop = || env.stop.load(Ordering::Relaxed);
    let followed = equilibria::follow(field, &x, Settings::new(from, way.to), &stop, env.progress);
    let (diagram, _) = followed.map_err(|refused| fatal(format!("equilibria: {}", refused.0.words(system))))?;
    summary.counts += diagram.counts;
    let wanted = |s: &Special| label.eq_ignore_ascii_case("all") || s.label.eq_ignore_ascii_case(label);
    let points: Vec<(&Special, &Hopf)> = diagram.hopf_points().filter(|(s, _)| wanted(s)).collect();
    if points.is_empty() {
        let known: Vec<&str> = diagram.specials.iter().map(|s| s.label.as_str()).collect();
        let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        return Err(fatal(format!(
            "no Hopf point `{label}` between {} = {from} and {}; special points: {known}",
            way.name, way.to
        )));
    }
    let tolerances = scene.tolerances(scene.card.reltol);
    let scheme = Scheme::radau(STAGES);
    for (special, hopf) in points {
        let mut params = env.params.clone();
        system.assign(&mut params, way.id, hopf.parameter).map_err(|d| fatal(d.message))?;
        let mut eval = Eval::new(system);
        let at = Place { x: &hopf.x, t: 0.0, params: &params, past: memory, trial: None, phase: Phase::Transient };
        system.eval(&at, Want::NEWTON, &mut eval);
        let n = hopf.x.len();
        let mut moved = vec![Complex64::ZERO; n];
        for (j, right) in hopf.right.iter().enumerate() {
            system.pattern().column(j).for_each(|s| moved[system.pattern().rows[s] as usize] += right * eval.c[s]);
        }
        let still = resting(&hopf.x, &eval.q[..n], TAU / hopf.omega.abs(), &scheme);
        let mut path = path(scene, way, &tolerances, from);
        if way.step == 0.0 {
            path.longest = (way.to - hopf.parameter).abs() / PARTS;
        }
        let mut follower = Follower::new(path, scheme.clone(), &still);
        let start =
            follower.from_hopf(hopf.parameter, &still, &moved, REACH).map_err(|why| fatal(format!("{}: {why}", special.label)))?;
        let (p, omega) = (hopf.parameter, hopf.omega.abs() / TAU);
        summary.remarks.push(format!("{} at {} = {p:.10}, {} Hz: cycles from there", special.label, way.name, significant(omega)));
        // The point itself is the cycle of size zero.
        let born = Entry { leads: [p, still.period(), 1.0, 1.0], label: "HB", ..extent(scene, &still, &scheme) };
        run(scene, (&mut follower, &scheme), start, (way, &format!("{}: ", special.label), vec![born]), sink, summary)?;
    }
    Ok(())
}

/// An equilibrium as a cycle of size zero.
fn resting(x: &[f64], q: &[f64], period: f64, scheme: &Scheme) -> Track {
    let steps = LIMITS.0 as usize;
    Track {
        times: (0..=steps).map(|k| period * k as f64 / steps as f64).collect(),
        q: vec![q.to_vec(); steps + 1],
        x: vec![vec![x.to_vec(); scheme.stages()]; steps],
        first: x.to_vec(),
    }
}

/// The path of a card from the parameter's value `from`.
pub(super) fn path<'a>(scene: &'a Scene, way: &Way, tolerances: &'a crate::solve::Tolerances, from: f64) -> Path<'a> {
    let span = (way.to - from).abs();
    Path {
        system: scene.system,
        params: &scene.env.params,
        past: scene.memory,
        tolerances,
        id: way.id,
        to: way.to,
        from,
        span,
        free: scene.card.auto || scene.card.hopf.is_some(),
        fewest: LIMITS.0,
        most: LIMITS.1,
        longest: if way.step > 0.0 { way.step } else { span / PARTS },
    }
}

/// Runs a branch and writes its rows, after those of `before`; `name` is put before the names of its segments.
fn run(
    scene: &Scene,
    (follower, scheme): (&mut Follower, &Scheme),
    start: Point,
    (way, name, before): (&Way, &str, Vec<Entry>),
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let mut entries = before;
    let (from, span) = (start.p, (way.to - start.p).abs().max(f64::MIN_POSITIVE));
    let end = follower.run(start, &mut |point| {
        entries.push(entry(scene, point, scheme));
        if let Some(kind) = point.special {
            let period = point.track.period();
            summary.remarks.push(format!("{} at {} = {}, period {:.10e} s", kind.letters(), way.name, Precise(point.p), period));
        }
        (scene.env.progress)(((point.p - from).abs() / span).min(1.0));
        !scene.env.stop.load(Ordering::Relaxed)
    });
    summary.counts += follower.counts;
    summary.remarks.push(match &end {
        End::Range => format!("{} cycles up to the end of the range", entries.len()),
        End::Hopf(p) => format!("{} cycles; they shrink to a Hopf point at {} = {:.7}", entries.len(), way.name, Precise(*p)),
        End::Spent => format!("{} cycles are spent at {} = {}", entries.len(), way.name, last(&entries)),
        End::Stopped => "stopped".to_string(),
        End::Stuck(why) => format!("{} cycles; stuck at {} = {}: {why}", entries.len(), way.name, last(&entries)),
    });
    let mut maker = RowMaker::default();
    let mut outputs = Outputs::default();
    for (segment, low) in [("greatest", false), ("least", true)] {
        sink.segment(&format!("{name}{segment} values")).map_err(writing)?;
        for entry in &entries {
            outputs.value.clone_from(if low { &entry.low } else { &entry.high });
            let mut cells: Vec<Cell> = maker.real(scene.system, &entry.leads, &outputs, &[]).to_vec();
            cells.insert(entry.leads.len(), Cell::Text(entry.label.into()));
            summary.points += 1;
            if sink.row(&cells).map_err(writing)? == Flow::Stop {
                return Ok(());
            }
        }
    }
    match end {
        End::Stopped => Err(SimError::Stopped { t: f64::NAN }),
        _ => Ok(()),
    }
}

fn last(entries: &[Entry]) -> String {
    entries.last().map_or_else(String::new, |e| significant(e.leads[0]))
}
