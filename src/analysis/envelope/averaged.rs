//! `.envelope tstop mode=average`, `fixed`, `find`: the averaged field.

use std::sync::atomic::Ordering;

use crate::dae::{Eval, Outputs, System, Want};
use crate::solve::SimError;
use crate::solve::history::Record;
use crate::solve::orbit::average::{Averaged, Mean, pieces};
use crate::solve::orbit::rosenbrock::{self, EXPONENT};
use crate::wave::{ColumnKind, Flow, Header, Sink};

use super::super::columns::{self, RowMaker, lead, writing};
use super::super::{Env, Summary, op};
use super::{Envelope, Scene, Task};

/// Growth of a step: least, most, and the share of what the error allows.
const GROWTH: (f64, f64, f64) = (0.1, 5.0, 0.9);
/// Sag of a straight line between two rows, relative to the largest value, and most parts of a step.
const SAG: (f64, f64) = (1e-3, 16.0);
/// Steps that a run may take.
const STEPS: u32 = 100_000;

/// Columns of the task.
pub(super) fn header(system: &dyn System, env: &Env, task: &Task) -> Header {
    let stability = [lead("growth", "rate", "1/s"), lead("stable", "flag", "")];
    let (leads, independent) = match task {
        Task::Run(_) => (vec![lead("time", "time", "s")], 1),
        Task::Fixed(_) => ([vec![lead("point", "count", "")], stability.to_vec()].concat(), 1),
        Task::Find { parameters, .. } => {
            let parameters: Vec<_> = parameters.iter().map(|(name, _)| lead(name, "parameter", "")).collect();
            ([parameters, stability.to_vec()].concat(), 0)
        }
    };
    columns::header(system, env, ("envelope", "Averaged Field"), leads, independent, ColumnKind::Real)
}

/// Runs the task.
pub(super) fn run(
    scene: &Scene,
    card: &Envelope,
    start: Record,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let system = scene.system;
    let refused = |text: String| SimError::Fatal(format!(".envelope: {text}"));
    only_states_move(scene, &start).map_err(refused)?;
    let parts = pieces(system, &scene.env.params, scene.clock, card.real_edges);
    let given = (system, &scene.tolerances, &scene.memory);
    let mut field = Averaged::new(given, scene.env.params.clone(), scene.states.clone(), parts, &start.x);
    let y: Vec<f64> = scene.states.iter().map(|k| start.x[*k as usize]).collect();
    summary.method = format!("averaged over {} s, edges {}", op::significant(scene.clock.period), edges(card));
    let mut rows = Rows { system, sink, maker: RowMaker::default(), outputs: Outputs::default() };
    let result = match &card.task {
        Task::Run(stop) => follow(scene, &mut field, y, (*stop, card.reltol), &mut rows, summary),
        Task::Fixed(range) => fixed(&mut field, &y, *range, card.points, &mut rows, summary),
        Task::Find { .. } => find(&mut field, card, &y, &mut rows, summary),
    };
    summary.counts += field.counts;
    result
}

fn edges(card: &Envelope) -> &'static str {
    if card.real_edges { "as they are" } else { "ideal" }
}

/// Refuses circuits in which something besides the states has a derivative.
fn only_states_move(scene: &Scene, start: &Record) -> Result<(), String> {
    let Scene { system, states, .. } = scene;
    if states.is_empty() {
        return Err("no model has a state that could be slow".into());
    }
    let mut eval = Eval::new(*system);
    system.eval(&scene.course().at(&start.x, start.t), Want::C, &mut eval);
    let moves = |j: usize| system.pattern().column(j).any(|s| eval.c[s] != 0.0) && !states.contains(&(j as u32));
    let unknowns = &system.layout().unknowns;
    match (0..unknowns.len()).find(|j| moves(*j)) {
        None => Ok(()),
        Some(j) => Err(format!(
            "mode=average freezes {} and takes everything else as static, but {} is dynamic too; use mode=map",
            states.iter().map(|k| unknowns[*k as usize].name.as_str()).collect::<Vec<_>>().join(", "),
            unknowns[j].name
        )),
    }
}

/// Where rows go.
struct Rows<'a> {
    system: &'a dyn System,
    sink: &'a mut dyn Sink,
    maker: RowMaker,
    outputs: Outputs,
}

impl Rows<'_> {
    fn push(&mut self, field: &mut Averaged, leads: &[f64], y: &[f64], summary: &mut Summary) -> Result<Flow, SimError> {
        self.outputs.value = field.outputs(y).ok_or_else(|| lost(y))?;
        summary.points += 1;
        self.sink.row(self.maker.real(self.system, leads, &self.outputs, &[])).map_err(writing)
    }
}

fn lost(y: &[f64]) -> SimError {
    let values: Vec<String> = y.iter().map(|v| op::significant(*v)).collect();
    SimError::Fatal(format!(".envelope: with the states at {} the rest of the circuit has no solution", values.join(", ")))
}

/// The averaged field in time.
fn follow(
    scene: &Scene,
    field: &mut Averaged,
    start: Vec<f64>,
    (stop, reltol): (f64, f64),
    rows: &mut Rows,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let floors: Vec<f64> = {
        let all: Vec<f64> = crate::solve::floors(scene.system.layout()).collect();
        scene.states.iter().map(|k| all[*k as usize]).collect()
    };
    let (mut y, mut t, mut h) = (start, 0.0, scene.clock.period);
    let mut mean = field.field(&y).ok_or_else(|| lost(&y))?;
    rows.push(field, &[t], &y, summary)?;
    for _ in 0..STEPS {
        if t >= stop {
            return Ok(());
        }
        if scene.env.stop.load(Ordering::Relaxed) {
            return Err(SimError::Stopped { t });
        }
        let step = if t + 1.0001 * h >= stop { stop - t } else { h };
        let tried = rosenbrock::step(&y, &mean.rate, &mean.jacobian, step, &mut |y| field.field(y).map(|m| m.rate));
        let next = tried.and_then(|(new, error)| {
            let share = |k: usize| error[k].abs() / (reltol * y[k].abs().max(new[k].abs()) + floors[k]);
            let worst = (0..y.len()).map(share).fold(0.0, |w: f64, s| if s.is_nan() { f64::INFINITY } else { w.max(s) });
            field.field(&new).map(|mean| (new, mean, worst))
        });
        let worst = next.as_ref().map_or(f64::INFINITY, |n| n.2);
        let ratio = (GROWTH.2 * worst.powf(-1.0 / EXPONENT)).clamp(GROWTH.0, GROWTH.1);
        h = step * if ratio.is_nan() { GROWTH.0 } else { ratio };
        match next.filter(|n| n.2 <= 1.0) {
            Some((new, slope, _)) => {
                summary.counts.accepted += 1;
                between(field, (t, step), (&y, &mean.rate), (&new, &slope.rate), rows, summary)?;
                t += step;
                (y, mean) = (new, slope);
                (scene.env.progress)(t / stop);
                if rows.push(field, &[t], &y, summary)? == Flow::Stop {
                    return Ok(());
                }
            }
            None => summary.counts.rejected += 1,
        }
        if h < 1e-16 * stop.min(scene.clock.period) {
            let text = format!(".envelope: the averaged field is too steep at t = {t:.6e} s; use mode=map");
            return Err(SimError::Fatal(text));
        }
    }
    Err(SimError::Fatal(format!(".envelope: {STEPS} steps of the averaged field are spent at t = {t:.6e} s")))
}

/// Rows within a step, on the cubic through both ends.
fn between(
    field: &mut Averaged,
    (t, h): (f64, f64),
    (a, fa): (&[f64], &[f64]),
    (b, fb): (&[f64], &[f64]),
    rows: &mut Rows,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let sag = |k: usize| ((fa[k] - fb[k]).abs() * h / 8.0).min((a[k] - b[k]).abs()) / (SAG.0 * a[k].abs().max(b[k].abs()));
    let worst = (0..a.len()).map(sag).fold(0.0, f64::max);
    let parts = worst.sqrt().ceil().clamp(1.0, SAG.1) as u32;
    for part in 1..parts {
        let s = f64::from(part) / f64::from(parts);
        let at = |k: usize| {
            (1.0 + 2.0 * s) * (1.0 - s).powi(2) * a[k]
                + s * (1.0 - s).powi(2) * h * fa[k]
                + s * s * (3.0 - 2.0 * s) * b[k]
                + s * s * (s - 1.0) * h * fb[k]
        };
        let y: Vec<f64> = (0..a.len()).map(at).collect();
        rows.push(field, &[t + s * h], &y, summary)?;
    }
    Ok(())
}

fn stability(mean: &Mean) -> [f64; 2] {
    let growth = mean.growth();
    [growth, f64::from(u8::from(growth < 0.0))]
}

/// Fixed points: of a single state by a scan of its range, of several from where they start.
fn fixed(
    field: &mut Averaged,
    y: &[f64],
    range: Option<(f64, f64)>,
    points: u32,
    rows: &mut Rows,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let bounds = rows.system.layout().unknowns[field.states[0] as usize].bounds;
    let range = range.or(((bounds.1 - bounds.0).is_finite()).then_some(bounds));
    let found: Vec<(Vec<f64>, Mean)> = match (y, range) {
        ([_], Some((low, high))) => field.scan(low, high, points).into_iter().map(|(x, mean)| (vec![x], mean)).collect(),
        _ => field.fixed_point(y).into_iter().collect(),
    };
    if found.is_empty() {
        let text = match (y, range) {
            ([_], Some((low, high))) => format!("the mean rate keeps its sign from {low} to {high}: no fixed point there"),
            _ => "Newton finds no fixed point from the start values; start nearer, or run to it with mode=map".to_string(),
        };
        return Err(SimError::Fatal(format!(".envelope: {text}")));
    }
    for (number, (x, mean)) in found.iter().enumerate() {
        let [growth, stable] = stability(mean);
        let names =
            field.states.iter().zip(x).map(|(k, x)| format!("{} = {x:.12}", rows.system.layout().unknowns[*k as usize].name));
        let kind = if stable > 0.0 { "stable" } else { "unstable" };
        summary.remarks.push(format!("{kind} fixed point: {}, growth {growth:.6e} 1/s", names.collect::<Vec<_>>().join(", ")));
        rows.push(field, &[number as f64 + 1.0, growth, stable], x, summary)?;
    }
    Ok(())
}

/// The inverse problem.
fn find(field: &mut Averaged, card: &Envelope, y: &[f64], rows: &mut Rows, summary: &mut Summary) -> Result<(), SimError> {
    let Task::Find { parameters, target, range } = &card.task else { return Ok(()) };
    let refused = |text: String| SimError::Fatal(format!(".envelope find: {text}"));
    let mut there = y.to_vec();
    for (state, value) in target {
        match field.states.iter().position(|k| k == state) {
            Some(k) => there[k] = *value,
            None => {
                return Err(refused(format!(
                    "{} is not a state that is frozen",
                    rows.system.layout().unknowns[*state as usize].name
                )));
            }
        }
    }
    if target.len() != field.states.len() {
        return Err(refused(format!("{} states need a target each; {} are given", field.states.len(), target.len())));
    }
    let ids: Vec<_> = parameters.iter().map(|p| p.1).collect();
    let values = field.find(&ids, &there, *range).map_err(refused)?;
    for (id, value) in ids.iter().zip(&values) {
        // The last trial of the search was somewhere near.
        rows.system.assign(&mut field.params, *id, *value).map_err(|d| refused(d.message))?;
    }
    let mean = field.field(&there).ok_or_else(|| lost(&there))?;
    let [growth, stable] = stability(&mean);
    let found = parameters.iter().zip(&values).map(|(p, v)| format!("{} = {v:.14}", p.0)).collect::<Vec<_>>().join(", ");
    let kind = if stable > 0.0 { "stable" } else { "unstable" };
    summary.remarks.push(format!("{found}: the target is a {kind} fixed point, growth {growth:.6e} 1/s"));
    let leads: Vec<f64> = values.iter().copied().chain([growth, stable]).collect();
    rows.push(field, &leads, &there, summary).map(|_| ())
}
