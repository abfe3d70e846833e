//! `.op`: the operating point, and [`solve`], by which other analyses get theirs.
//!
//! `f(x) = 0` with nonvolatile states held at their start values (decision 1). Start values of other states and nodesets
//! are guesses; nodesets are forced in a first pass and then released; `.ic` is forced where a transient starts. The
//! ladder of [`crate::solve::ladder`] finds the solution, whose last step is always the problem as posed.

use crate::args::Args;
use crate::dae::{Eval, Memory, Message, MessageKind, Params, Phase, Point, RowKind, Start, StartKind, System, Want};
use crate::diag::Diagnostic;
use crate::solve::events;
use crate::solve::failure::Failure;
use crate::solve::ladder::{Climbed, LADDER, climb, climb_from};
use crate::solve::newton::Newton;
use crate::solve::statics::Statics;
use crate::solve::{Counts, SimError};
use crate::sparse::eigen::eigenvalues;
use crate::wave::{ColumnKind, Sink};

use super::columns::{RowMaker, header, writing};
use super::{Analysis, Entry, Env, Summary};

/// `.op`.
pub const ENTRY: Entry = Entry { keyword: "op", usage: ".op", parse };

/// A solution of the static equations, with what came along.
#[derive(Clone)]
pub struct OperatingPoint {
    /// The unknowns.
    pub x: Vec<f64>,
    /// Parameter values.
    pub params: Params,
    /// Rung of the ladder that won, and what was tried before.
    pub rung: String,
    /// What it cost.
    pub counts: Counts,
    /// Things the user should know.
    pub remarks: Vec<String>,
    /// What models said at the point.
    pub messages: Vec<Message>,
    /// What models remember after it.
    pub memory: Memory,
}

/// The operating point at the parameter values of `env`; `phase` is `Static`, or `TransientStart` where `.ic` counts.
///
/// # Errors
/// No way of the ladder leads to a solution.
pub fn solve(system: &dyn System, env: &Env, phase: Phase) -> Result<OperatingPoint, SimError> {
    let (mut statics, mut point) = settle_down(system, env, &env.params, phase)?;
    if phase == Phase::Static {
        unstable(&statics, &point.params, &point.x, &mut point.remarks);
    }
    let mut fires = accept(&mut statics, &point.params, &point.x, &mut point.messages)?;
    let mut newton = Newton::new(system);
    for _ in 0..CHAIN {
        if !fires {
            break;
        }
        // An event at the operating point may have changed the equations.
        let solved = statics.solve(&mut newton, &point.params, &mut point.x, &mut point.counts).map(|_| ());
        let solved = solved.or_else(|_| climb(&statics, &mut newton, &point.params, &mut point.x, &mut point.counts).map(|_| ()));
        if let Err((failure, tried)) = solved {
            let what = "operating point after an event";
            return Err(failure.named(system, &statics.point(&point.params, &point.x), what, &tried, hint(&failure)));
        }
        fires = accept(&mut statics, &point.params, &point.x, &mut Vec::new())?;
    }
    point.memory = statics.past;
    Ok(point)
}

/// Events at an operating point that cause one another, before nothing more is asked.
const CHAIN: u32 = 8;

/// The same at other parameter values, with the static problem for whoever goes on from there; nothing is committed yet.
///
/// # Errors
/// See [`solve`].
pub fn settle_down<'a>(
    system: &'a dyn System,
    env: &Env,
    params: &Params,
    phase: Phase,
) -> Result<(Statics<'a>, OperatingPoint), SimError> {
    let (mut statics, mut x) = Statics::new(system, env.tolerances, params, phase);
    let mut newton = Newton::new(system);
    let (mut counts, mut remarks) = (Counts::default(), Vec::new());
    let starts = system.starts(params);
    first_pass(&statics, &mut newton, params, &starts, &mut x, &mut counts, &mut remarks);
    let climbed = loop {
        let failed = match climb(&statics, &mut newton, params, &mut x, &mut counts) {
            Ok(climbed) => break climbed,
            Err(failed) => failed,
        };
        if !hold_undetermined(&mut statics, &mut newton, params, &starts, &x, &mut remarks) {
            let (failure, tried) = failed;
            return Err(failure.named(system, &statics.point(params, &x), "operating point", &tried, hint(&failure)));
        }
    };
    unused(system, &statics, &starts, &x, &mut remarks);
    let rung = describe(&climbed);
    let memory = statics.past.clone();
    Ok((statics, OperatingPoint { x, params: params.clone(), rung, counts, remarks, messages: Vec::new(), memory }))
}

fn describe(climbed: &Climbed) -> String {
    if climbed.tried.is_empty() { climbed.rung.to_string() } else { format!("{}, after {}", climbed.rung, climbed.tried) }
}

fn hint(failure: &Failure) -> &'static str {
    match failure {
        Failure::Singular(_) => {
            "every node needs a path for direct current; a state that nothing moves at rest needs to be held (`(* hold *)`, `idt`)"
        }
        _ => "give values near the solution by .nodeset or start values of states, or start the transient with uic",
    }
}

/// Rungs that are tried while start values are forced: what comes out is a guess only.
const FIRST_PASS: usize = 3;

/// Forces the nodesets and the starts of states and solves for the rest: a guess in which everything fits together, so that
/// Newton goes to the equilibrium near the start values and not to any.
fn first_pass(
    statics: &Statics,
    newton: &mut Newton,
    params: &Params,
    starts: &[Start],
    x: &mut [f64],
    counts: &mut Counts,
    remarks: &mut Vec<String>,
) {
    let unknowns = &statics.system.layout().unknowns;
    let mut forced = statics.clone();
    let nodeset = |start: &Start| start.kind == StartKind::Nodeset;
    let wanted = |start: &&Start| {
        let unknown = &unknowns[start.unknown as usize];
        let state = start.kind == StartKind::State && !unknown.node && unknown.row != RowKind::Held;
        start.minus.is_none() && !statics.pinned(start.unknown) && (nodeset(start) || state)
    };
    let nodesets = starts.iter().filter(wanted).any(nodeset);
    forced.pin(starts.iter().filter(wanted).map(|s| (s.unknown, s.value)));
    let vain =
        forced.pins.len() > statics.pins.len() && climb_from(&LADDER[..FIRST_PASS], &forced, newton, params, x, counts).is_err();
    if vain && nodesets {
        remarks.push("the nodesets cannot be forced together; used as guesses only".to_string());
    }
}

/// Decision 1: a state whose static row is singular at the start is held there, with a remark; true if any was found.
fn hold_undetermined(
    statics: &mut Statics,
    newton: &mut Newton,
    params: &Params,
    starts: &[Start],
    x: &[f64],
    remarks: &mut Vec<String>,
) -> bool {
    let (system, mut found) = (statics.system, false);
    if newton.assemble(system, &statics.equation(params), x, &mut Counts::default()).is_err() {
        return false;
    }
    let pattern = system.pattern();
    let mut rows_filled = vec![false; x.len()];
    let mut columns_filled = vec![false; x.len()];
    for (column, filled) in columns_filled.iter_mut().enumerate() {
        for slot in pattern.column(column).filter(|s| newton.matrix()[*s] != 0.0) {
            rows_filled[pattern.rows[slot] as usize] = true;
            *filled = true;
        }
    }
    let empty = |k: u32| !(rows_filled[k as usize] && columns_filled[k as usize]);
    for start in starts.iter().filter(|s| s.kind == StartKind::State && s.minus.is_none()) {
        let unknown = &system.layout().unknowns[start.unknown as usize];
        let pinned = statics.pinned(start.unknown);
        if unknown.row == RowKind::Equilibrium && !unknown.node && !pinned && empty(start.unknown) {
            statics.pin([(start.unknown, start.value)]);
            remarks.push(format!(
                "{}: nothing determines it at rest; held at its start value {}",
                unknown.name,
                shown(system, start.unknown, start.value)
            ));
            found = true;
        }
    }
    found
}

/// Most remarks of one kind that are spelled out.
const SPELLED: usize = 8;

/// Says which start values did not count.
fn unused(system: &dyn System, statics: &Statics, starts: &[Start], x: &[f64], remarks: &mut Vec<String>) {
    let layout = system.layout();
    let counts = |start: &&Start| {
        let unknown = &layout.unknowns[start.unknown as usize];
        let held = unknown.row == RowKind::Held || statics.pinned(start.unknown);
        let value = x[start.unknown as usize] - start.minus.map_or(0.0, |m| x[m as usize]);
        let abstol = layout.quantities[unknown.quantity as usize].abstol;
        start.kind == StartKind::State && !held && (value - start.value).abs() > 1e-3 * value.abs() + abstol
    };
    let mut count = 0;
    for start in starts.iter().filter(counts) {
        count += 1;
        if count <= SPELLED {
            let minus = start.minus.map_or(String::new(), |m| format!(" - {}", layout.unknowns[m as usize].name));
            let value = x[start.unknown as usize] - start.minus.map_or(0.0, |m| x[m as usize]);
            remarks.push(format!(
                "{}{minus}: start value {} not used; .op gives {}",
                layout.unknowns[start.unknown as usize].name,
                significant(start.value),
                shown(system, start.unknown, value)
            ));
        }
    }
    if count > SPELLED {
        remarks.push(format!("{} more start values not used", count - SPELLED));
    }
}

/// States that a static solve holds although they would move: `x1.x drifts at 2.1e5 1/s` (decision 1), for analyses that
/// linearise at the point.
pub fn drifts(system: &dyn System, point: &OperatingPoint) -> Vec<String> {
    let layout = system.layout();
    let mut eval = crate::dae::Eval::new(system);
    let at = crate::dae::Point {
        x: &point.x,
        t: 0.0,
        params: &point.params,
        past: &point.memory,
        trial: None,
        phase: Phase::SmallSignal,
    };
    system.eval(&at, crate::dae::Want::NEWTON, &mut eval);
    let (mut remarks, mut count) = (Vec::new(), 0);
    for (k, unknown) in layout.unknowns.iter().enumerate().filter(|(_, u)| u.row == RowKind::Held) {
        let c = eval.c[system.pattern().slot(k as u32, k as u32).0 as usize];
        let rate = -eval.f[k] / c;
        if c != 0.0 && eval.f[k].abs() > unknown.residual_abstol {
            count += 1;
            if count > SPELLED {
                continue;
            }
            let unit = &layout.quantities[unknown.quantity as usize].unit;
            remarks.push(format!(
                "{} drifts at {rate:.3e} {}/s: frozen-state response, not an equilibrium",
                unknown.name,
                if unit.is_empty() { "1" } else { unit }
            ));
        }
    }
    if count > SPELLED {
        remarks.push(format!("{} more held states drift", count - SPELLED));
    }
    remarks
}

/// Refuses circuits with delays, whose natural frequencies are roots of no polynomial.
///
/// # Errors
/// Names the instances.
pub fn without_delays(system: &dyn System, what: &str) -> Result<(), SimError> {
    let delays = &system.layout().delays;
    if delays.is_empty() {
        return Ok(());
    }
    let names = delays.iter().take(SPELLED).cloned().collect::<Vec<_>>().join(", ");
    Err(SimError::Fatal(format!(
        "{what}: delays (absdelay, zi filters) have infinitely many natural frequencies: {names}; use .ac or .tran"
    )))
}

/// Most unknowns for which an operating point is asked whether it is stable.
const ASKED: usize = 1000;

/// Says so if the point is an unstable equilibrium: an eigenvalue of `s C y = -G y` has a positive real part, held rows
/// being held.
fn unstable(statics: &Statics, params: &Params, x: &[f64], remarks: &mut Vec<String>) {
    let system = statics.system;
    let (layout, pattern) = (system.layout(), system.pattern());
    let mut newton = Newton::new(system);
    if !layout.delays.is_empty() {
        return;
    }
    if x.len() > ASKED || newton.assemble(system, &statics.equation(params), x, &mut Counts::default()).is_err() {
        return;
    }
    let mut c = newton.eval().c[..pattern.len()].to_vec();
    let fixed = |row: u32| layout.unknowns[row as usize].row == RowKind::Held || statics.pinned(row);
    c.iter_mut().zip(&pattern.rows).filter(|(_, row)| fixed(**row)).for_each(|(c, _)| *c = 0.0);
    let rightmost = eigenvalues(pattern, newton.matrix(), &c, 1).ok().and_then(|values| values.first().copied());
    if let Some(s) = rightmost.filter(|s| s.re > 1e-7 * s.norm()) {
        let turning =
            if s.im == 0.0 { String::new() } else { format!(", turning at {:.4e} Hz", s.im.abs() / std::f64::consts::TAU) };
        remarks.push(format!("an unstable equilibrium: what disturbs it grows with {:.4e} 1/s{turning}", s.re));
    }
}

/// Commits an accepted static point: what models remember and say. True if an event fired.
///
/// # Errors
/// [`SimError::Fatal`] if a model says so.
pub fn accept(statics: &mut Statics, params: &Params, x: &[f64], messages: &mut Vec<Message>) -> Result<bool, SimError> {
    let first = messages.len();
    let fires = remember(statics.system, params, x, statics.phase, &mut statics.past, messages);
    match messages[first..].iter().find(|m| m.kind == MessageKind::Fatal) {
        Some(message) => Err(SimError::Fatal(format!("{}: {}", message.instance, message.text))),
        None => Ok(fires),
    }
}

/// Lets models remember a point at rest; true if an event fired there.
pub fn remember(
    system: &dyn System,
    params: &Params,
    x: &[f64],
    phase: Phase,
    memory: &mut Memory,
    messages: &mut Vec<Message>,
) -> bool {
    let mut before = memory.clone();
    let mut fires = false;
    if !system.layout().events.is_empty() {
        let mut eval = Eval::new(system);
        let at = Point { x, t: 0.0, params, past: &before, trial: None, phase };
        system.eval(&at, Want::EVENTS, &mut eval);
        fires = events::at_rest(&eval.events, system, phase == Phase::TransientStart, &mut before);
        memory.seen.clone_from(&before.seen);
    }
    let at = Point { x, t: 0.0, params, past: &before, trial: None, phase };
    system.commit(&at, memory, messages);
    memory.fired.fill(0.0);
    memory.discontinuity = false;
    fires
}

/// A number with six significant digits and no needless zeros.
pub fn significant(value: f64) -> String {
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    if !(-4.0..7.0).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    let text = format!("{value:.*}", (5.0 - magnitude).max(0.0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// A value of an unknown with its unit.
pub fn shown(system: &dyn System, unknown: u32, value: f64) -> String {
    let layout = system.layout();
    let unit = &layout.quantities[layout.unknowns[unknown as usize].quantity as usize].unit;
    format!("{} {unit}", significant(value)).trim_end().to_string()
}

fn parse(args: &Args, _: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    match args.items.first() {
        Some(arg) => Err(Diagnostic::error(arg.span, format!("`.op` takes no arguments: `{}`", arg.text))),
        None => Ok(Box::new(Op)),
    }
}

/// The analysis of the card `.op`: one row.
pub struct Op;

impl Analysis for Op {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "op".into(), ..Summary::default() };
        let result = run(system, env, sink, &mut summary);
        (summary, result)
    }
}

fn run(system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
    sink.begin(&header(system, env, ("op", "Operating Point"), Vec::new(), 0, ColumnKind::Real)).map_err(writing)?;
    let solved = solve(system, env, Phase::Static);
    let written = solved.and_then(|point| {
        let statics =
            Statics { past: point.memory.clone(), ..Statics::new(system, env.tolerances, &point.params, Phase::Static).0 };
        let mut eval = crate::dae::Eval::new(system);
        let at = statics.point(&point.params, &point.x);
        system.eval(&at, crate::dae::Want::OUTPUTS, &mut eval);
        sink.row(RowMaker::default().real(system, &[], &eval.outputs, &[])).map_err(writing)?;
        summary.points = 1;
        summary.counts = point.counts;
        summary.operating_point = point.rung;
        summary.remarks = point.remarks;
        summary.messages = point.messages;
        system.conclude(&at, &mut summary.messages);
        Ok(())
    });
    let ended = sink.end().map_err(writing);
    written.and(ended)
}
