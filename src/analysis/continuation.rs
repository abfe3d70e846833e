//! `.continue P from to [start=] [step=] [points=] [branches=] [hold=state] [modes=] [unit=]`: equilibria against a parameter.
//!
//! P is any parameter of the deck. Nothing is held (decision 1) unless `hold=x1.x` makes a state a parameter. The branch through
//! the operating point at `start` (by default `from`) is followed by arclength over the range; folds LP, crossings BP and Hopf
//! points HB are located and classified, and from crossings all other branches are followed ([`crate::solve::bifurcation`]).
//! Rows: every place of every branch, a segment each; column `unstable` counts eigenvalues with positive real part, `point` names
//! special points, `mode_growth` and `mode_frequency` are those of the rightmost eigenvalue (of the critical one at special points).
//! With a second parameter, `.continue P1 a b P2 c d curve=lp|bp|hb`: a curve of such points in the plane.

use std::f64::consts::TAU;
use std::sync::atomic::Ordering;

use crate::args::{Arg, Args};
use crate::dae::{Eval, ParamId, Phase, RowKind, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::bifurcation::diagram::{Diagram, End};
use crate::solve::bifurcation::field::Field;
use crate::solve::bifurcation::follow::{Settings, follow};
use crate::solve::bifurcation::special::Fold;
use crate::solve::failure::Failure;
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::columns::{self, RowMaker, lead, writing};
use super::op::{settle_down, significant};
use super::{Analysis, Entry, Env, Summary};

mod plane;
pub(super) mod table;

/// The row of the table.
pub const ENTRY: Entry = Entry {
    keyword: "continue",
    usage: ".continue P from to [P2 from to curve=lp|bp|hb] [start=from] [step=0.02] [points=2000] [branches=24] [hold=state] [modes=12] [at=value ...] [unit=ohm]",
    parse,
};

/// One parameter and its range.
#[derive(Clone, PartialEq, Debug)]
struct Axis {
    id: ParamId,
    name: String,
    from: f64,
    to: f64,
}

/// The analysis of the card `.continue`.
pub struct Continuation {
    axis: Axis,
    settings: Settings,
    hold: Vec<u32>,
    unit: String,
}

const NAMED: [&str; 10] = ["start", "step", "points", "branches", "hold", "modes", "unit", "at", "curve", "point"];

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    for arg in args.items.iter().filter(|a| a.name.is_some()) {
        let name = arg.name.as_deref().unwrap_or_default();
        if !NAMED.contains(&name) {
            return Err(Diagnostic::error(arg.span, format!("`.continue` has no argument `{name}`")).suggest(name, NAMED));
        }
    }
    let axis = Axis::parse(args, 0, system)?;
    let second = if args.positional().count() > 3 { Some(Axis::parse(args, 3, system)?) } else { None };
    if let Some(extra) = args.positional().nth(6) {
        return Err(Diagnostic::error(extra.span, format!("`{}` is one argument too many", extra.text)).hint(ENTRY.usage));
    }
    let mut settings = Settings::new(axis.from, axis.to);
    settings.start = args.named_number("start", axis.from)?;
    let (low, high) = (axis.from.min(axis.to), axis.from.max(axis.to));
    let place = |name: &str| args.named(name).map_or(args.span, |a| a.span);
    if !(low..=high).contains(&settings.start) {
        return Err(Diagnostic::error(place("start"), format!("start {} lies outside of {low} to {high}", settings.start)));
    }
    settings.longest = args.named_number("step", settings.longest)?;
    if !(settings.longest > 0.0 && settings.longest <= 1.0) {
        return Err(Diagnostic::error(place("step"), "the longest step is a part of the range").expected("expected 0 < step <= 1"));
    }
    let whole = |name: &str, default: usize, least: f64| -> Result<usize, Diagnostic> {
        let value = args.named_number(name, default as f64)?;
        match value >= least && value.fract() == 0.0 && value <= 1e7 {
            true => Ok(value as usize),
            false => Err(Diagnostic::error(place(name), format!("{name} = {value}"))
                .expected(format!("expected a whole number from {least}"))),
        }
    };
    settings.places = whole("points", settings.places, 1.0)?;
    settings.arms = whole("branches", settings.arms, 1.0)?;
    settings.modes = whole("modes", settings.modes, 0.0)?;
    for arg in args.items.iter().filter(|a| a.name.as_deref() == Some("at")) {
        let value = arg.number.ok_or_else(|| Diagnostic::error(arg.span, format!("`{}` is not a number", arg.text)))?;
        settings.at.push(value);
    }
    let hold = args.items.iter().filter(|a| a.name.as_deref() == Some("hold"));
    let hold = hold.map(|arg| state(arg, system)).collect::<Result<Vec<Vec<u32>>, Diagnostic>>()?.concat();
    let unit = args.named("unit").map_or_else(|| axis.unit().to_string(), |a| a.text.clone());
    let first = Continuation { axis, settings, hold, unit };
    match (second, args.named("curve")) {
        (None, None) => Ok(Box::new(first)),
        (Some(second), Some(curve)) => plane::parse(args, first, second, curve),
        (Some(_), None) => Err(Diagnostic::error(args.span, "two parameters need to know which points are followed")
            .expected("expected curve=lp, bp or hb")),
        (None, Some(curve)) => {
            Err(Diagnostic::error(curve.span, "a curve of special points needs a second parameter").hint(ENTRY.usage))
        }
    }
}

/// Unknowns named in `hold=x1.x` or `hold="x1.x x2.x"`.
fn state(arg: &Arg, system: &dyn System) -> Result<Vec<u32>, Diagnostic> {
    let unknowns = &system.layout().unknowns;
    let words = arg.text.split([',', ' ', ';']).filter(|w| !w.is_empty());
    let find = |word: &str| {
        let found = unknowns.iter().position(|u| u.name.eq_ignore_ascii_case(word)).map(|k| k as u32);
        found.ok_or_else(|| {
            Diagnostic::error(arg.span, format!("there is no state `{word}` to hold"))
                .expected("expected device.state")
                .suggest(word, unknowns.iter().map(|u| u.name.as_str()))
        })
    };
    words.map(find).collect()
}

impl Axis {
    fn parse(args: &Args, first: usize, system: &dyn System) -> Result<Axis, Diagnostic> {
        let Some(arg) = args.positional().nth(first) else {
            return Err(Diagnostic::error(args.span, "`.continue` needs a parameter and its range").hint(ENTRY.usage));
        };
        let name = arg.text.to_lowercase();
        let id = system.param(&name).ok_or_else(|| {
            Diagnostic::error(arg.span, format!("nothing called `{}` can be varied", arg.text))
                .expected("expected a source, a parameter, `temp` or an instance's parameter such as `x1.ron`")
        })?;
        let (from, to) = (args.number(first + 1, "the first value")?, args.number(first + 2, "the last value")?);
        if from == to || !(to - from).is_finite() {
            return Err(Diagnostic::error(arg.span, format!("{from} to {to} is no range")));
        }
        Ok(Axis { id, name, from, to })
    }

    /// The unit, as far as the name tells.
    fn unit(&self) -> &'static str {
        match self.name.as_bytes() {
            b"temp" => "C",
            [b'v', ..] => "V",
            [b'i', ..] => "A",
            _ => "",
        }
    }

    fn quantity(&self) -> &'static str {
        match self.unit() {
            "C" => "temperature",
            "V" => "voltage",
            "A" => "current",
            _ => "parameter",
        }
    }
}

impl Analysis for Continuation {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "continue".into(), ..Summary::default() };
        if let Err(error) = sink.begin(&self.header(system, env)) {
            return (summary, Err(writing(error)));
        }
        let result = self.solve(system, env, &mut summary).and_then(|(diagram, field)| {
            table::describe(&diagram, &self.axis.name, &self.unit, system, &mut summary);
            self.rows(&diagram, field, sink, &mut summary)
        });
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Continuation {
    fn header(&self, system: &dyn System, env: &Env) -> Header {
        let mut leads = vec![
            lead(&self.axis.name, self.axis.quantity(), &self.unit),
            lead("branch", "count", ""),
            lead("unstable", "count", ""),
            lead("mode_growth", "rate", "1/s"),
            lead("mode_frequency", "frequency", "Hz"),
        ];
        leads.push(ColumnInfo { name: "point".into(), quantity: String::new(), unit: String::new(), kind: ColumnKind::Text });
        columns::header(system, env, ("continue", "Equilibria"), leads, 1, ColumnKind::Real)
    }

    fn solve<'a>(&self, system: &'a dyn System, env: &Env, summary: &mut Summary) -> Result<(Diagram, Field<'a>), SimError> {
        let (field, x) =
            start(system, env, &[(self.axis.id, self.settings.start, self.axis.to - self.axis.from)], &self.hold, summary)?;
        let mut field = field;
        let name = &self.axis.name;
        determined(&mut field, &x, &[self.settings.start], name)?;
        let stop = || env.stop.load(Ordering::Relaxed);
        let result = follow(field, &x, self.settings.clone(), &stop, env.progress);
        let (diagram, field) = result.map_err(|refused| {
            let (failure, field) = *refused;
            let at = field.statics.point(&field.params, &x);
            let what = format!("continuation, first equilibrium at {name} = {}", significant(self.settings.start));
            failure.named(system, &at, &what, "Newton with nothing held", "start elsewhere with start=")
        })?;
        summary.counts += diagram.counts;
        Ok((diagram, field))
    }

    fn rows(&self, diagram: &Diagram, field: Field, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let (system, n) = (field.statics.system, field.n());
        let mut field = field;
        let mut eval = Eval::new(system);
        let mut rows = RowMaker::default();
        for (k, arm) in diagram.arms.iter().enumerate() {
            let from = arm.origin.map_or_else(String::new, |o| format!(" from {}", diagram.specials[o].label));
            sink.segment(&format!("branch {}{from}", k + 1)).map_err(writing)?;
            for sample in &arm.samples {
                field.set(&sample.z[n..]).map_err(|f| SimError::Fatal(f.to_string()))?;
                let at = field.statics.point(&field.params, &sample.z[..n]);
                system.eval(&at, Want::OUTPUTS, &mut eval);
                let turning = sample.rightmost.im.abs() / TAU;
                let leads = [sample.z[n], (k + 1) as f64, sample.unstable as f64, sample.rightmost.re, turning];
                let mut cells: Vec<Cell> = rows.real(system, &leads, &eval.outputs, &[]).to_vec();
                let label = sample.special.map_or_else(String::new, |s| diagram.specials[s].label.clone());
                cells.insert(leads.len(), Cell::Text(label));
                summary.points += 1;
                if sink.row(&cells).map_err(writing)? == Flow::Stop {
                    return Ok(());
                }
            }
            if arm.end == End::Stopped {
                return Err(SimError::Stopped { t: f64::NAN });
            }
        }
        Ok(())
    }
}

/// The field at an operating point where parameters have been set to the first value of each triple; the second is its span.
pub fn start<'a>(
    system: &'a dyn System,
    env: &Env,
    axes: &[(ParamId, f64, f64)],
    hold: &[u32],
    summary: &mut Summary,
) -> Result<(Field<'a>, Vec<f64>), SimError> {
    let mut params = env.params.clone();
    for (id, value, _) in axes {
        match system.assign(&mut params, *id, *value) {
            Ok(crate::dae::Change::Values) => {}
            Ok(crate::dae::Change::Structure) => {
                return Err(SimError::Fatal("this parameter changes the structure of the circuit; use .step".into()));
            }
            Err(diagnostic) => return Err(SimError::Fatal(diagnostic.message)),
        }
    }
    let (mut statics, point) = settle_down(system, env, &params, Phase::Static)?;
    summary.counts += point.counts;
    summary.operating_point = point.rung;
    summary.remarks.extend(point.remarks.into_iter().filter(|r| !r.contains("not used") && !r.starts_with("an unstable")));
    let pins: Vec<(u32, f64)> = hold.iter().map(|k| (*k, point.x[*k as usize])).collect();
    for (k, value) in &pins {
        let unknown = &system.layout().unknowns[*k as usize].name;
        summary.remarks.push(format!("{unknown} is held at {}", significant(*value)));
    }
    statics.pin(pins);
    let (ids, spans): (Vec<ParamId>, Vec<f64>) = axes.iter().map(|(id, _, span)| (*id, *span)).unzip();
    Ok((Field::new(statics, params, &ids, &spans), point.x))
}

/// A null vector of J at the start means that the start is no isolated equilibrium: says which states are free.
///
/// # Errors
/// That sentence.
fn determined(field: &mut Field, x: &[f64], p: &[f64], name: &str) -> Result<(), SimError> {
    let z = [x, p].concat();
    if field.assemble(&z).is_err() {
        return Ok(());
    }
    let layout = field.statics.system.layout();
    let sizes: Vec<f64> = x.iter().zip(&field.size).map(|(x, s)| x.abs().max(*s)).collect();
    field.size[..x.len()].copy_from_slice(&sizes);
    let guess: Vec<f64> = field.size.clone();
    let Ok(fold) = Fold::new(field, &guess) else { return Ok(()) };
    let mut moved = vec![0.0; x.len()];
    field.pattern().multiply_add(field.j(), &fold.right, &mut moved);
    let length = fold.right.iter().zip(&field.size).map(|(v, s)| (v / s).abs()).fold(0.0, f64::max);
    let rest = moved.iter().zip(field.row_sizes()).map(|(m, r)| m.abs() / r).fold(0.0, f64::max);
    if rest > 1e-11 * length {
        return Ok(());
    }
    let free: Vec<usize> = (0..x.len()).filter(|k| (fold.right[*k] / field.size[*k]).abs() > 0.1 * length).collect();
    let names = |which: &[usize]| which.iter().take(4).map(|k| layout.unknowns[*k].name.as_str()).collect::<Vec<_>>().join(", ");
    let held: Vec<usize> = free.iter().copied().filter(|k| layout.unknowns[*k].row == RowKind::Held).collect();
    let all_held = (0..x.len()).filter(|k| layout.unknowns[*k].row == RowKind::Held).count();
    Err(SimError::Fatal(match held.as_slice() {
        [] => format!(
            "continuation: the start at {name} = {} is singular: nothing determines {}; begin elsewhere with start=",
            significant(p[0]),
            names(&free)
        ),
        [first, ..] => format!(
            "continuation: a line of equilibria: {} {} at rest with any value ({all_held} nonvolatile in all)\n  hint: hold={} makes a state a parameter",
            names(&held),
            if held.len() == 1 { "is" } else { "are" },
            layout.unknowns[*first].name
        ),
    }))
}

/// For whoever needs the special points of a parameter's range, such as the start of limit cycles: all branches through the
/// operating point at `axis.1`.
///
/// # Errors
/// See [`Analysis::run`].
pub fn diagram<'a>(
    system: &'a dyn System,
    env: &Env,
    id: ParamId,
    settings: Settings,
    summary: &mut Summary,
) -> Result<(Diagram, Field<'a>), SimError> {
    let span = settings.range.1 - settings.range.0;
    let (field, x) = start(system, env, &[(id, settings.start, span)], &[], summary)?;
    let stop = || env.stop.load(Ordering::Relaxed);
    follow(field, &x, settings, &stop, env.progress).map_err(|refused: Box<(Failure, Field)>| {
        let (failure, field) = *refused;
        let at = field.statics.point(&field.params, &x);
        failure.named(system, &at, "continuation, first equilibrium", "Newton with nothing held", "start elsewhere")
    })
}
