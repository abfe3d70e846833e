//! `.stability [modes=n]`: the natural modes `exp(s t)` of the circuit at its operating point.
//!
//! `(G + s C) x = 0` with G = df/dx and C = dq/dx: s in 1/s, frequency `|Im s|/2 pi` in Hz, damping ratio `-Re s/|s|`, time
//! constant `-1/Re s` in s. The point is stable if all real parts are negative. The number of dynamic states is the degree of
//! `det(G + s C)`. The part that unknown k takes in a mode is `x_k (C^T y)_k` with the left eigenvector y; the parts add up
//! to 1 (Perez-Arriaga, Verghese, Schweppe, IEEE Trans. PAS 101, 3117, 1982). States that static analyses hold are linearised
//! where they are held (decision 1).

use std::f64::consts::TAU;

use num_complex::Complex64;

use crate::args::Args;
use crate::dae::{Eval, Phase, Point, RowKind, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::failure::Failure;
use crate::sparse::Pattern;
use crate::sparse::modes::{self, Mode};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::columns::{lead, writing};
use super::op::significant;
use super::{Analysis, Entry, Env, Summary, op};

/// The row of the table.
pub const ENTRY: Entry = Entry { keyword: "stability", usage: ".stability [modes=20]", parse };

/// Modes shown unless the card says how many.
const MODES: usize = 20;
/// Unknowns named with a mode, and the least part that is worth a name.
const NAMED: (usize, f64) = (4, 0.02);
/// Real parts below this share of |s| are rounding; moduli below this share of the fastest rate are zero.
const ROUNDING: (f64, f64) = (1e-9, 1e-12);

/// The analysis of the card `.stability`.
#[derive(Clone, PartialEq, Debug)]
pub struct Stability {
    /// Number of modes to show.
    pub modes: usize,
}

fn parse(args: &Args, _: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    if let Some(arg) = args.items.iter().find(|a| a.name.as_deref() != Some("modes")) {
        return Err(
            Diagnostic::error(arg.span, format!("`.stability` has no argument `{}`", arg.text)).expected("expected modes=20")
        );
    }
    let modes = args.named_number("modes", MODES as f64)?;
    if !(1.0..=1e5).contains(&modes) {
        return Err(Diagnostic::error(args.span, format!("{modes} modes")).expected("expected a whole number from 1"));
    }
    Ok(Box::new(Stability { modes: modes as usize }))
}

impl Analysis for Stability {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "stability".into(), ..Summary::default() };
        let begun = sink.begin(&header(env)).map_err(writing);
        let result = begun.and_then(|()| self.modes(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

fn header(env: &Env) -> Header {
    let word = |name: &str| ColumnInfo { name: name.into(), quantity: String::new(), unit: String::new(), kind: ColumnKind::Text };
    let columns = vec![
        lead("mode", "count", ""),
        lead("mode_real", "rate", "1/s"),
        lead("mode_imaginary", "rate", "1/s"),
        lead("mode_frequency", "frequency", "Hz"),
        lead("mode_damping", "ratio", ""),
        lead("mode_tau", "time", "s"),
        word("kind"),
        word("participation"),
    ];
    Header {
        analysis: "stability".into(),
        title: "Natural modes".into(),
        columns,
        independent: 1,
        logarithmic: false,
        keys: env.keys.clone(),
    }
}

/// The linearised equations at an operating point.
pub struct Linearised {
    /// G by slot.
    pub g: Vec<f64>,
    /// C by slot.
    pub c: Vec<f64>,
}

impl Linearised {
    /// G and C at a point.
    ///
    /// # Errors
    /// If a derivative is not finite.
    pub fn at(system: &dyn System, at: &Point, what: &str) -> Result<Linearised, SimError> {
        if let [first, ..] = system.layout().delays.as_slice() {
            let text = format!("{what}: {first} delays a signal, which has no polynomial pencil; its modes are not counted");
            return Err(SimError::Fatal(text));
        }
        let mut eval = Eval::new(system);
        system.eval(at, Want::G | Want::C | Want::F, &mut eval);
        let entries = system.pattern().len();
        eval.g.truncate(entries);
        eval.c.truncate(entries);
        match eval.g.iter().chain(&eval.c).all(|v| v.is_finite()) {
            true => Ok(Linearised { g: eval.g, c: eval.c }),
            false => Err(Failure::NotFinite.named(system, at, what, "", "")),
        }
    }
}

impl Stability {
    fn modes(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        op::without_delays(system, "stability")?;
        let point = op::solve(system, env, Phase::Static)?;
        summary.counts = point.counts;
        summary.remarks.extend(op::drifts(system, &point));
        let at = Point { x: &point.x, t: 0.0, params: &point.params, past: &point.memory, trial: None, phase: Phase::SmallSignal };
        summary.operating_point = point.rung.clone();
        summary.remarks.extend(point.remarks.iter().filter(|r| !r.starts_with("an unstable equilibrium")).cloned());
        summary.messages = point.messages.clone();
        let linear = Linearised::at(system, &at, "stability: derivatives at the operating point")?;
        let pattern = system.pattern();
        let hint = "the equations do not determine all unknowns, however fast they move";
        let singular = |s| Failure::Singular(s).named(system, &at, "stability", "", hint);
        let spectrum = modes::rightmost(pattern, &linear.g, &linear.c, self.modes.max(1)).map_err(singular)?;
        let all = modes::vectors(pattern, &linear.g, &linear.c, &spectrum.values).map_err(singular)?;
        let order = modes::order(pattern, &linear.g, &linear.c);
        self.report(system, &linear, &all, (order, spectrum.complete), summary);
        let scale = all.iter().map(|m| m.s.norm()).fold(0.0, f64::max);
        for (k, mode) in all.iter().enumerate() {
            summary.points += 1;
            if sink.row(&row(system, &linear, k, mode, scale)).map_err(writing)? == Flow::Stop {
                break;
            }
        }
        system.conclude(&at, &mut summary.messages);
        Ok(())
    }

    /// The verdict and the table.
    fn report(
        &self,
        system: &dyn System,
        linear: &Linearised,
        all: &[Mode],
        (order, complete): (Option<usize>, bool),
        summary: &mut Summary,
    ) {
        let scale = all.iter().map(|m| m.s.norm()).fold(0.0, f64::max);
        let growing = all.iter().filter(|m| m.s.re > ROUNDING.0 * m.s.norm() && !neutral(m.s, scale)).count();
        let resting = all.iter().filter(|m| m.s.re.abs() <= ROUNDING.0 * m.s.norm() || neutral(m.s, scale)).count();
        let verdict = match (growing, resting) {
            (0, 0) if all.is_empty() => "no dynamic states: nothing moves by itself".to_string(),
            (0, 0) => "stable".to_string(),
            (0, n) => format!("stable but for {n} neutral {}", if n == 1 { "mode" } else { "modes" }),
            (n, _) => format!("unstable: {n} {} grow", if n == 1 { "mode" } else { "modes" }).replace("mode grow", "mode grows"),
        };
        let states = match order {
            Some(n) if complete && all.len() < self.modes && n != all.len() => {
                format!("{n} dynamic states by the degree of the determinant, {} eigenvalues found", all.len())
            }
            Some(1) => "1 dynamic state".to_string(),
            Some(n) => format!("{n} dynamic states"),
            None => format!("at least {} dynamic states (eigenvalues too far apart to tell)", all.len()),
        };
        summary.table.push(format!("{verdict}; {states}"));
        if !complete {
            summary.table.push(format!("the {} rightmost of the eigenvalues near the circuit's own rates", all.len()));
        }
        if !all.is_empty() {
            summary.table.push(format!(
                "{:>4} {:>16} {:>16} {:>12} {:>9} {:>12}  {}",
                "mode", "Re s (1/s)", "Im s (1/s)", "f (Hz)", "damping", "tau (s)", "participation"
            ));
        }
        for (k, mode) in all.iter().enumerate().take(SHOWN) {
            let who = participants(system.pattern(), &linear.c, mode);
            let kind = kind(system, &who, mode, scale);
            let note = if kind.is_empty() || kind == "real" || kind == "turning" { String::new() } else { format!("  [{kind}]") };
            summary.table.push(format!(
                "{:>4} {:>16.8e} {:>16.8e} {:>12.5e} {:>9.5} {:>12.4e}  {}{note}",
                k + 1,
                mode.s.re,
                mode.s.im,
                mode.s.im.abs() / TAU,
                damping(mode.s),
                -1.0 / mode.s.re,
                words(system, &who)
            ));
        }
        if all.len() > SHOWN {
            summary.table.push(format!("... and {} more in the results", all.len() - SHOWN));
        }
        if let Some(worst) = all.iter().map(|m| m.residual).max_by(f64::total_cmp).filter(|r| *r > 1e-9) {
            summary.remarks.push(format!("eigenvectors hold their equations within {worst:.1e} of the terms only"));
        }
    }
}

/// Rows of the printed table.
const SHOWN: usize = 20;

/// Zero but for rounding.
fn neutral(s: Complex64, scale: f64) -> bool {
    s.norm() <= (ROUNDING.1 * scale).max(1e-12)
}

fn damping(s: Complex64) -> f64 {
    if s.norm() == 0.0 { 0.0 } else { -s.re / s.norm() }
}

/// Unknowns with their parts in a mode, the largest first.
pub fn participants(pattern: &Pattern, c: &[f64], mode: &Mode) -> Vec<(usize, f64)> {
    let mut parts: Vec<(usize, f64)> = (0..pattern.n)
        .map(|j| {
            let weight: Complex64 = pattern.column(j).map(|s| mode.left[pattern.rows[s] as usize] * c[s]).sum();
            (j, (weight * mode.right[j]).norm())
        })
        .collect();
    let total: f64 = parts.iter().map(|p| p.1).sum();
    if total > 0.0 {
        parts.iter_mut().for_each(|p| p.1 /= total);
    }
    parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    parts.truncate(64);
    parts
}

/// `x1.x 62 %, n1 38 %`.
pub fn words(system: &dyn System, parts: &[(usize, f64)]) -> String {
    let named = parts.iter().take(NAMED.0).filter(|p| p.1 >= NAMED.1);
    let text: Vec<String> = named.map(|(k, part)| format!("{} {:.0} %", system.layout().unknowns[*k].name, 100.0 * part)).collect();
    match (text.is_empty(), parts.first()) {
        (true, Some((k, part))) => format!("spread out: {} {} %", system.layout().unknowns[*k].name, significant(100.0 * part)),
        _ => text.join(", "),
    }
}

/// `real`, `turning`, `growing`, or what a zero means.
fn kind(system: &dyn System, parts: &[(usize, f64)], mode: &Mode, scale: f64) -> &'static str {
    let of =
        |wanted: RowKind| -> f64 { parts.iter().filter(|(k, _)| system.layout().unknowns[*k].row == wanted).map(|p| p.1).sum() };
    if neutral(mode.s, scale) {
        return match () {
            () if of(RowKind::Held) > 0.5 => "nonvolatile",
            () if of(RowKind::Anchored) > 0.5 => "conserved charge",
            () => "neutral",
        };
    }
    match (mode.s.re > ROUNDING.0 * mode.s.norm(), mode.s.im != 0.0) {
        (true, true) => "growing, turning",
        (true, false) => "growing",
        (false, true) => "turning",
        (false, false) => "real",
    }
}

fn row(system: &dyn System, linear: &Linearised, k: usize, mode: &Mode, scale: f64) -> Vec<Cell> {
    let who = participants(system.pattern(), &linear.c, mode);
    let s = mode.s;
    vec![
        Cell::Real((k + 1) as f64),
        Cell::Real(s.re),
        Cell::Real(s.im),
        Cell::Real(s.im.abs() / TAU),
        Cell::Real(damping(s)),
        Cell::Real(-1.0 / s.re),
        Cell::Text(kind(system, &who, mode, scale).to_string()),
        Cell::Text(words(system, &who)),
    ]
}
