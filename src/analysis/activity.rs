//! `.activity v(a[,b]) [v(c[,d])] [P from to step [P2 from to step]] [drive=current|voltage]`: local activity of a biased
//! one-port or two-port, and the edge of chaos.
//!
//! At each operating point the circuit is linearised and its impedance at the ports, `Z(s)` in ohm, is put to Chua's four
//! criteria (see [`crate::solve::activity`]). A row per point: the class (0 locally passive, 1 locally active and unstable, 2
//! edge of chaos: locally active and stable), the least eigenvalue of the hermitian part of Z over all frequencies and where
//! it is, the same at rest, and the rightmost natural frequency under the drive. One parameter makes a sweep whose class
//! boundaries are located by bisection; two make a map. Held states are linearised at the point where they are held.

use std::sync::atomic::Ordering;

use crate::args::{Arg, Args};
use crate::dae::{Eval, Phase, Point, RowKind, System, Want};
use crate::diag::Diagnostic;
use crate::solve::activity::{Class, Drive, Network, Port, Verdict};
use crate::solve::failure::Failure;
use crate::solve::{Counts, SimError};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::columns::{lead, writing};
use super::dc::Grid;
use super::op::{self, significant};
use super::{Analysis, Entry, Env, Summary};

/// `.activity`.
pub const ENTRY: Entry = Entry {
    keyword: "activity",
    usage: ".activity v(a[,b]) [v(c[,d])] [P from to step [P2 from to step]] [drive=current|voltage]",
    parse,
};

/// Most dynamic states whose poles are found densely, which the criteria need.
const MOST_STATES: usize = 90;
/// Bisections of a boundary between classes: to 1e-12 of a step.
const BISECTIONS: u32 = 40;

/// The analysis of the card.
pub struct Activity {
    ports: Vec<Port>,
    grids: Vec<Grid>,
    drive: Drive,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    let positional: Vec<&Arg> = args.positional().collect();
    let is_port = |a: &&&Arg| a.text.len() > 3 && a.text.is_char_boundary(2) && a.text[..2].eq_ignore_ascii_case("v(");
    let ports: Vec<&&Arg> = positional.iter().take_while(is_port).collect();
    if ports.is_empty() || ports.len() > 2 {
        let span = positional.first().map_or(args.span, |a| a.span);
        return Err(Diagnostic::error(span, format!("{} ports", ports.len())).expected("expected one or two: `v(a)` or `v(a,b)`"));
    }
    let named: Result<Vec<Port>, Diagnostic> = ports.iter().map(|arg| port(arg, system)).collect();
    let (first, rest) = (ports.len(), positional.len() - ports.len());
    let mut grids = Vec::new();
    for k in 0..rest.div_ceil(4) {
        if k == 2 {
            return Err(Diagnostic::error(positional[first + 8].span, "an argument too many").expected("at most two parameters"));
        }
        grids.push(Grid::parse(args, first + 4 * k, system)?);
    }
    let mut drive = Drive::Current;
    for arg in args.items.iter().filter(|a| a.name.is_some()) {
        drive = match (arg.name.as_deref(), arg.text.to_ascii_lowercase().as_str()) {
            (Some("drive"), "current" | "i") => Drive::Current,
            (Some("drive"), "voltage" | "v") => Drive::Voltage,
            (Some("drive"), text) => {
                return Err(Diagnostic::error(arg.span, format!("no drive is called `{text}`")).expected("current or voltage"));
            }
            (name, _) => {
                let name = name.unwrap_or_default();
                return Err(Diagnostic::error(arg.span, format!("`.activity` has no argument `{name}`")).suggest(name, ["drive"]));
            }
        };
    }
    Ok(Box::new(Activity { ports: named?, grids, drive }))
}

/// `v(a)` or `v(a,b)` as a port.
fn port(arg: &Arg, system: &dyn System) -> Result<Port, Diagnostic> {
    let inside = arg.text[2..].trim_end().trim_end_matches(')');
    let unknowns = &system.layout().unknowns;
    let mut nodes = Vec::new();
    for name in inside.split(',').map(str::trim) {
        if name == "0" || name.eq_ignore_ascii_case("gnd") {
            nodes.push(None);
            continue;
        }
        let found = unknowns.iter().position(|u| u.node && u.name.eq_ignore_ascii_case(name));
        let known = unknowns.iter().filter(|u| u.node).map(|u| u.name.as_str());
        match found {
            Some(k) => nodes.push(Some(k as u32)),
            None => return Err(Diagnostic::error(arg.span, format!("there is no node `{name}`")).suggest(name, known)),
        }
    }
    match nodes.as_slice() {
        [Some(a)] => Ok((*a, None)),
        [Some(a), b] if Some(*a) != *b => Ok((*a, *b)),
        // The port is the same seen from the other side: Z does not change.
        [None, Some(b)] => Ok((*b, None)),
        _ => Err(Diagnostic::error(arg.span, "this is no port").expected("expected two different nodes")),
    }
}

impl Analysis for Activity {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "activity".into(), ..Summary::default() };
        let begun = sink.begin(&self.header(env)).map_err(writing);
        let result = begun.and_then(|()| self.points(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Activity {
    fn header(&self, env: &Env) -> Header {
        let mut columns: Vec<ColumnInfo> = self.grids.iter().map(|g| lead(&g.name, g.quantity().0, g.quantity().1)).collect();
        let independent = columns.len();
        columns.extend([
            lead("class", "class", ""),
            ColumnInfo { kind: ColumnKind::Text, ..lead("verdict", "class", "") },
            lead("re_min", "impedance", "ohm"),
            lead("f_min", "frequency", "Hz"),
            lead("re_rest", "impedance", "ohm"),
            lead("growth", "rate", "1/s"),
            lead("f_natural", "frequency", "Hz"),
        ]);
        Header {
            analysis: "activity".into(),
            title: "Local activity".into(),
            columns,
            independent,
            logarithmic: false,
            keys: env.keys.clone(),
        }
    }

    fn points(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        if system.layout().unknowns.iter().any(|u| u.row == RowKind::Held) {
            summary.remarks.push("nonvolatile states are linearised at their start values".into());
        }
        let mut counted = [0u64; 3];
        let inner = self.grids.first();
        let outer = self.grids.get(1);
        let (columns, rows) = (inner.map_or(1, |g| g.count), outer.map_or(1, |g| g.count));
        'rows: for row in 0..rows {
            let mut values = Vec::with_capacity(2);
            if let Some(grid) = outer {
                sink.segment(&format!("{} = {}", grid.name, significant(grid.value(row)))).map_err(writing)?;
            }
            let mut before: Option<(f64, Class)> = None;
            for column in 0..columns {
                if env.stop.load(Ordering::Relaxed) {
                    return Err(SimError::Stopped { t: f64::NAN });
                }
                (env.progress)((row * columns + column) as f64 / (rows * columns) as f64);
                values.clear();
                values.extend(inner.map(|g| g.value(column)));
                values.extend(outer.map(|g| g.value(row)));
                let verdict = self.look(system, env, &values, &mut summary.counts)?;
                counted[verdict.class as usize] += 1;
                summary.points += 1;
                if outer.is_none() {
                    self.boundary(system, env, before, (&values, &verdict), summary)?;
                }
                before = values.first().map(|v| (*v, verdict.class));
                if sink.row(&self.cells(&values, &verdict)).map_err(writing)? == Flow::Stop {
                    break 'rows;
                }
                if self.grids.is_empty() {
                    describe(&verdict, self.drive, &mut summary.remarks);
                }
            }
        }
        if !self.grids.is_empty() {
            let shown = Class::ALL.iter().zip(counted).map(|(c, n)| format!("{} {n}", c.name()));
            summary.ruled_by = format!("points: {}", shown.collect::<Vec<_>>().join(", "));
        }
        Ok(())
    }

    fn cells(&self, values: &[f64], verdict: &Verdict) -> Vec<Cell> {
        let natural = verdict.rightmost(self.drive);
        let (growth, turning) = natural.map_or((f64::NAN, f64::NAN), |s| (s.re, s.im.abs() / std::f64::consts::TAU));
        let coded = [Cell::Real(f64::from(verdict.class as u8)), Cell::Text(verdict.class.name().into())];
        let found = [verdict.least, verdict.at, verdict.rest, growth, turning];
        values.iter().map(|v| Cell::Real(*v)).chain(coded).chain(found.map(Cell::Real)).collect()
    }

    /// The verdict at an operating point of its own.
    fn look(&self, system: &dyn System, env: &Env, values: &[f64], counts: &mut Counts) -> Result<Verdict, SimError> {
        let mut params = env.params.clone();
        for (grid, value) in self.grids.iter().zip(values) {
            grid.assign(system, &mut params, *value, "activity")?;
        }
        let inner = Env { params, keys: Vec::new(), method: None, ..*env };
        let point = op::solve(system, &inner, Phase::Static)?;
        *counts += point.counts;
        let at = Point { x: &point.x, t: 0.0, params: &point.params, past: &point.memory, trial: None, phase: Phase::SmallSignal };
        let mut eval = Eval::new(system);
        system.eval(&at, Want::G | Want::C, &mut eval);
        let pattern = system.pattern();
        let dynamic = (0..pattern.n).filter(|j| pattern.column(*j).any(|s| eval.c[s] != 0.0)).count();
        if dynamic > MOST_STATES {
            let text = format!("activity: {dynamic} dynamic unknowns are more than the {MOST_STATES} that are decided exactly");
            return Err(SimError::Fatal(format!(
                "{text}\n  hint: look at one cell of the array; `.stability` takes large circuits"
            )));
        }
        let network = Network { pattern, g: &eval.g[..pattern.len()], c: &eval.c[..pattern.len()], ports: &self.ports };
        let hint = "a port between nodes that a voltage source ties has no impedance";
        network.verdict(self.drive).map_err(|s| Failure::Singular(s).named(system, &at, "activity", "", hint))
    }

    /// Says where the class changes between the last point of a sweep and this one.
    fn boundary(
        &self,
        system: &dyn System,
        env: &Env,
        before: Option<(f64, Class)>,
        (values, verdict): (&[f64], &Verdict),
        summary: &mut Summary,
    ) -> Result<(), SimError> {
        let (Some((mut low, class)), Some(high)) = (before, values.first()) else { return Ok(()) };
        if class == verdict.class {
            return Ok(());
        }
        let mut high = *high;
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if self.look(system, env, &[middle], &mut summary.counts)?.class == class {
                low = middle;
            } else {
                high = middle;
            }
        }
        let text =
            format!("{} | {} at {} = {}", class.name(), verdict.class.name(), self.grids[0].name, precise(0.5 * (low + high)));
        summary.remarks.push(text);
        Ok(())
    }
}

/// Nine digits: boundaries are located, not read off a grid.
fn precise(value: f64) -> String {
    format!("{:.*}", (8 - value.abs().max(1e-300).log10().floor() as i64).clamp(0, 18) as usize, value)
}

/// What a single point is, in words.
fn describe(verdict: &Verdict, drive: Drive, remarks: &mut Vec<String>) {
    let why = match verdict.criterion {
        Some(1) => "Z has a pole in the right half plane",
        Some(2) => "the real part of Z(jw) is negative in a band",
        Some(3) => "a pole on the imaginary axis has a residue that is not positive",
        Some(_) => "a multiple pole on the imaginary axis",
        None => "none of the four criteria holds",
    };
    remarks.push(format!("{}: {why}", verdict.class.name()));
    for (low, high) in &verdict.active {
        remarks.push(format!("locally active from {} Hz to {} Hz", significant(*low), significant(*high)));
    }
    let list = |values: &[num_complex::Complex64]| {
        let shown = values.iter().take(8).map(|s| match s.im {
            0.0 => significant(s.re),
            im => format!("{}{}j{}", significant(s.re), if im < 0.0 { "-" } else { "+" }, significant(im.abs())),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    let driven = |d: Drive| if d == drive { " (natural frequencies under the drive)" } else { "" };
    remarks.push(format!("poles of Z in 1/s{}: {}", driven(Drive::Current), list(&verdict.poles)));
    remarks.push(format!("poles of 1/Z in 1/s{}: {}", driven(Drive::Voltage), list(&verdict.zeros)));
}
