//! `.pz OUT IN [pol|zer|pz]`: poles, zeros and gain of a small-signal transfer at the operating point.
//!
//! OUT is a column (`v(out)`, `i(x1)`), IN a source or any other parameter. SPICE's form `.pz in1 in2 out1 out2 cur|vol
//! pol|zer|pz` gives `V(out)` against a current into, or a voltage across, the input nodes. With `H(s) = c(s)^T (G + s C)^-1
//! b(s)`: poles are the s (1/s) with `det(G + s C) = 0`, zeros those of the pencil with a border, `det [G + s C, b; c^T, d] = 0`
//! (Schur complement). A voltage input without a source of its own is a border of the same kind on the poles' side.

use std::f64::consts::TAU;

use num_complex::Complex64;

use crate::args::{Arg, Args};
use crate::dae::{Eval, ParamId, Phase, Point, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::failure::Failure;
use crate::sparse::{Lu, Pattern, eigen};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::columns::{lead, writing};
use super::stability::Linearised;
use super::{Analysis, Entry, Env, Summary, op};

/// The row of the table.
pub const ENTRY: Entry =
    Entry { keyword: "pz", usage: ".pz v(out) V1 [pol|zer|pz]  |  .pz in1 in2 out1 out2 cur|vol pol|zer|pz", parse };

/// What drives.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Input {
    /// A parameter: the value of a source.
    Parameter(ParamId),
    /// A current from the second node to the first through the source: into the first.
    Current(Option<u32>, Option<u32>),
    /// A voltage between two nodes.
    Voltage(Option<u32>, Option<u32>),
}

/// What answers.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Output {
    /// An output row.
    Row(usize),
    /// The voltage between two nodes.
    Difference(Option<u32>, Option<u32>),
}

/// The analysis of the card `.pz`.
pub struct Pz {
    input: Input,
    output: Output,
    poles: bool,
    zeros: bool,
    name: String,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    if let Some(named) = args.items.iter().find(|a| a.name.is_some()) {
        return Err(Diagnostic::error(named.span, "`.pz` takes no named arguments").hint(ENTRY.usage));
    }
    let words: Vec<&Arg> = args.positional().collect();
    let (ends, rest) = match words.as_slice() {
        [a, b, c, d, kind, rest @ ..] if is(kind, &["cur", "vol"]) => {
            let [a, b, c, d] = [node(a, system)?, node(b, system)?, node(c, system)?, node(d, system)?];
            let input = if is(kind, &["cur"]) { Input::Current(a, b) } else { Input::Voltage(a, b) };
            ((input, Output::Difference(c, d)), rest)
        }
        [out, input, rest @ ..] => {
            let layout = system.layout();
            let row = layout.outputs.iter().position(|o| o.name.eq_ignore_ascii_case(&out.text)).ok_or_else(|| {
                Diagnostic::error(out.span, format!("no column is called `{}`", out.text))
                    .expected("expected v(node), i(device) or device.state")
                    .suggest(&out.text, layout.outputs.iter().map(|o| o.name.as_str()))
            })?;
            let id = system.param(&input.text).ok_or_else(|| {
                Diagnostic::error(input.span, format!("nothing called `{}` can drive", input.text)).expected("expected a source")
            })?;
            ((Input::Parameter(id), Output::Row(row)), rest)
        }
        _ => return Err(Diagnostic::error(args.span, "`.pz` needs an output and an input").hint(ENTRY.usage)),
    };
    let (poles, zeros) = match rest {
        [] => (true, true),
        [what] if is(what, &["pol", "zer", "pz"]) => (!is(what, &["zer"]), !is(what, &["pol"])),
        [what, ..] => {
            return Err(Diagnostic::error(what.span, format!("`{}` is not asked for by `.pz`", what.text))
                .expected("expected pol, zer or pz")
                .suggest(&what.text, ["pol", "zer", "pz"]));
        }
    };
    let name = words.iter().take(words.len() - rest.len()).map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    Ok(Box::new(Pz { input: ends.0, output: ends.1, poles, zeros, name }))
}

fn is(arg: &Arg, words: &[&str]) -> bool {
    words.iter().any(|w| arg.text.eq_ignore_ascii_case(w))
}

/// The unknown of a node; `None` for ground.
fn node(arg: &Arg, system: &dyn System) -> Result<Option<u32>, Diagnostic> {
    if is(arg, &["0", "gnd"]) {
        return Ok(None);
    }
    let nodes = || system.layout().unknowns.iter().enumerate().filter(|(_, u)| u.node);
    let found = nodes().find(|(_, u)| u.name.eq_ignore_ascii_case(&arg.text)).map(|(k, _)| k as u32);
    found.map(Some).ok_or_else(|| {
        Diagnostic::error(arg.span, format!("there is no node `{}`", arg.text))
            .suggest(&arg.text, nodes().map(|(_, u)| u.name.as_str()))
    })
}

impl Analysis for Pz {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "pz".into(), ..Summary::default() };
        let begun = sink.begin(&header(env, &self.name)).map_err(writing);
        let result = begun.and_then(|()| self.solve(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

fn header(env: &Env, name: &str) -> Header {
    let kind = ColumnInfo { name: "kind".into(), quantity: String::new(), unit: String::new(), kind: ColumnKind::Text };
    let columns = vec![
        lead("number", "count", ""),
        lead("root_real", "rate", "1/s"),
        lead("root_imaginary", "rate", "1/s"),
        lead("root_frequency", "frequency", "Hz"),
        kind,
    ];
    let title = format!("Poles and zeros: {name}");
    Header { analysis: "pz".into(), title, columns, independent: 1, logarithmic: false, keys: env.keys.clone() }
}

/// A pencil and a border of one column and one row: `[G + sC, b + s b'; c + s c', d]`.
struct Bordered {
    pattern: Pattern,
    g: Vec<f64>,
    c: Vec<f64>,
}

type Pair = (f64, f64);

impl Bordered {
    fn new(inner: &Pattern, linear: &Linearised, column: &[(u32, Pair)], row: &[(u32, Pair)]) -> Bordered {
        let n = inner.n as u32;
        let entries = || (0..inner.n).flat_map(|c| inner.column(c).map(move |s| (s, (inner.rows[s], c as u32))));
        let border = || column.iter().map(|(r, v)| ((*r, n), *v)).chain(row.iter().map(|(c, v)| ((n, *c), *v)));
        let pattern = Pattern::new(n as usize + 1, entries().map(|e| e.1).chain(border().map(|b| b.0)));
        let (mut g, mut c) = (vec![0.0; pattern.len()], vec![0.0; pattern.len()]);
        for (s, (row, column)) in entries() {
            let slot = pattern.slot(row, column).0 as usize;
            g[slot] += linear.g[s];
            c[slot] += linear.c[s];
        }
        for ((row, column), (value, rate)) in border() {
            let slot = pattern.slot(row, column).0 as usize;
            g[slot] += value;
            c[slot] += rate;
        }
        Bordered { pattern, g, c }
    }
}

/// More roots are not shown.
const MOST: usize = 2000;

impl Pz {
    fn solve(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        op::without_delays(system, "pz")?;
        let point = op::solve(system, env, Phase::Static)?;
        summary.counts = point.counts;
        summary.operating_point = point.rung.clone();
        summary.remarks.extend(op::drifts(system, &point));
        summary.remarks.extend(point.remarks.iter().cloned());
        let at = Point { x: &point.x, t: 0.0, params: &point.params, past: &point.memory, trial: None, phase: Phase::SmallSignal };
        let linear = Linearised::at(system, &at, "pz: derivatives at the operating point")?;
        let answer = self.answer(system, &at);
        let mut drive = self.drive(system, &at);
        let plain = Bordered { pattern: system.pattern().clone(), g: linear.g.clone(), c: linear.c.clone() };
        let mut denominator = plain;
        if let Input::Voltage(a, b) = self.input {
            match source_across(system, &linear, a, b) {
                Some((row, sign)) => drive = vec![(row, (sign, 0.0))],
                // An ideal source of its own across the nodes.
                None => {
                    let row: Vec<(u32, Pair)> = drive.iter().map(|(k, v)| (*k, (-v.0, 0.0))).collect();
                    denominator = Bordered::new(system.pattern(), &linear, &drive, &row);
                }
            }
        }
        let hint = "every node needs a path for direct current";
        let singular = |s| Failure::Singular(s).named(system, &at, "pz", "", hint);
        let numerator = Bordered::new(system.pattern(), &linear, &drive, &answer);
        let roots = |p: &Bordered| eigen::eigenvalues(&p.pattern, &p.g, &p.c, MOST);
        let poles = roots(&denominator).map_err(singular)?;
        // A numerator that is singular for every s: nothing comes through.
        let zeros = if answer.is_empty() { None } else { roots(&numerator).ok() };
        let gain = zeros.as_ref().and_then(|zeros| gain(&numerator, &denominator, zeros, &poles));
        if zeros.is_none() {
            summary.remarks.push(format!("{}: nothing of the input reaches the output; the transfer is zero", self.name));
        }
        if system.pattern().n > 200 {
            summary.remarks.push("a large circuit: the rightmost roots, not all of them".into());
        }
        let (poles, zeros) = (if self.poles { poles } else { Vec::new() }, zeros.filter(|_| self.zeros).unwrap_or_default());
        table(&poles, &zeros, gain, summary);
        let list = poles.iter().map(|s| (s, "pole")).chain(zeros.iter().map(|s| (s, "zero")));
        for (k, (s, kind)) in list.enumerate() {
            summary.points += 1;
            let mut cells: Vec<Cell> = [(k + 1) as f64, s.re, s.im, s.norm() / TAU].map(Cell::Real).to_vec();
            cells.push(Cell::Text(kind.to_string()));
            if sink.row(&cells).map_err(writing)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// The column of the border: minus the right-hand side of a unit input.
    fn drive(&self, system: &dyn System, at: &Point) -> Vec<(u32, Pair)> {
        let n = at.x.len();
        match self.input {
            Input::Parameter(id) => {
                let (mut df, mut dq) = (vec![0.0; n + 1], vec![0.0; n + 1]);
                system.slope(id, at, &mut df, &mut dq);
                let moved = (0..n).filter(|k| df[*k] != 0.0 || dq[*k] != 0.0);
                moved.map(|k| (k as u32, (df[k], dq[k]))).collect()
            }
            Input::Current(a, b) | Input::Voltage(a, b) => ends(a, b, -1.0),
        }
    }

    /// The row of the border: what reads the output.
    fn answer(&self, system: &dyn System, at: &Point) -> Vec<(u32, Pair)> {
        match self.output {
            Output::Difference(a, b) => ends(a, b, 1.0),
            Output::Row(row) => {
                let mut eval = Eval::new(system);
                system.eval(at, Want::G | Want::C | Want::OUTPUTS | Want::OUTPUT_GRADIENT, &mut eval);
                let own = eval.outputs.gradient.iter().filter(|g| g.0 as usize == row);
                own.map(|(_, unknown, value, charge)| (*unknown, (*value, *charge))).collect()
            }
        }
    }
}

fn ends(a: Option<u32>, b: Option<u32>, sign: f64) -> Vec<(u32, Pair)> {
    [(a, sign), (b, -sign)].into_iter().filter_map(|(k, v)| k.map(|k| (k, (v, 0.0)))).collect()
}

/// The equation of an ideal voltage source between two nodes, if there is one: `v(a) - v(b) = e` and nothing else.
fn source_across(system: &dyn System, linear: &Linearised, a: Option<u32>, b: Option<u32>) -> Option<(u32, f64)> {
    let pattern = system.pattern();
    let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); pattern.n];
    let mut moving = vec![false; pattern.n];
    for column in 0..pattern.n {
        for s in pattern.column(column) {
            let row = pattern.rows[s] as usize;
            moving[row] |= linear.c[s] != 0.0;
            if linear.g[s] != 0.0 {
                rows[row].push((column as u32, linear.g[s]));
            }
        }
    }
    let mut wanted: Vec<(u32, f64)> = ends(a, b, 1.0).into_iter().map(|(k, v)| (k, v.0)).collect();
    wanted.sort_by_key(|w| w.0);
    let opposite: Vec<(u32, f64)> = wanted.iter().map(|(k, v)| (*k, -v)).collect();
    let candidate = |k: &usize| !system.layout().unknowns[*k].node && !moving[*k];
    let found = (0..pattern.n).filter(candidate).find(|k| rows[*k] == wanted || rows[*k] == opposite)?;
    // The row is `v - e = 0`: its derivative by e is -1.
    Some((found as u32, if rows[found] == wanted { -1.0 } else { 1.0 }))
}

/// `H = K prod (s - z)/prod (s - p)` and H(0): `(K, H(0))`, the latter if the circuit has a direct-current gain.
fn gain(numerator: &Bordered, denominator: &Bordered, zeros: &[Complex64], poles: &[Complex64]) -> Option<(f64, Option<f64>)> {
    // Schur complement: det [A b; c d] = det A (d - c A^-1 b), and b is minus the excitation.
    let transfer = |s: f64| -> Option<f64> {
        let (top, bottom) = (determinant(numerator, s)?, determinant(denominator, s)?);
        Some(top.0 * bottom.0 * (top.1 - bottom.1).exp())
    };
    let largest = zeros.iter().chain(poles).map(|s| s.norm()).fold(0.0, f64::max);
    let s = 2.3 * if largest > 0.0 { largest } else { 1.0 };
    let product = |roots: &[Complex64]| roots.iter().fold(Complex64::new(1.0, 0.0), |p, r| p * (s - r) / s);
    let lead = transfer(s)? * (product(poles) / product(zeros)).re * s.powi(poles.len() as i32 - zeros.len() as i32);
    Some((lead, transfer(0.0)))
}

/// Sign and logarithm of `det(G + sC)`.
fn determinant(p: &Bordered, s: f64) -> Option<(f64, f64)> {
    let values: Vec<f64> = p.g.iter().zip(&p.c).map(|(g, c)| g + s * c).collect();
    let mut lu = Lu::<f64>::new(&p.pattern);
    lu.factor(&values).ok()?;
    Some(lu.log_determinant())
}

fn table(poles: &[Complex64], zeros: &[Complex64], gain: Option<(f64, Option<f64>)>, summary: &mut Summary) {
    if let Some((lead, rest)) = gain {
        let rest = rest.map_or("none".to_string(), |h| format!("{h:.9e}"));
        summary.table.push(format!("gain at direct current: {rest}; leading coefficient: {lead:.9e}"));
    }
    for (name, roots) in [("pole", poles), ("zero", zeros)] {
        for (k, s) in roots.iter().enumerate().take(SHOWN) {
            let q = if s.im != 0.0 { format!("  Q = {:.4}", s.norm() / (2.0 * s.re.abs())) } else { String::new() };
            let number = k + 1;
            summary.table.push(format!(
                "{name} {number:>3} {:>17.9e} {:>17.9e} 1/s  |s|/2pi = {:.6e} Hz{q}",
                s.re,
                s.im,
                s.norm() / TAU
            ));
        }
        if roots.len() > SHOWN {
            summary.table.push(format!("... and {} more {name}s in the results", roots.len() - SHOWN));
        }
    }
}

/// Roots of each kind that are printed.
const SHOWN: usize = 20;
