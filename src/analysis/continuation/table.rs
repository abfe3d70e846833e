//! What a continuation found, in words: special points with their normal forms and all unknowns, branches with their ends.

use std::f64::consts::TAU;

use crate::analysis::Summary;
use crate::analysis::op::{shown, significant};
use crate::dae::System;
use crate::solve::bifurcation::diagram::{Diagram, End, Form, Special};
use crate::solve::bifurcation::normal::{CrossingForm, CrossingKind, FoldForm, Hopf};

/// Unknowns that are printed of a special point.
const UNKNOWNS: usize = 12;

/// Names of the parameter and of unknowns.
struct Words<'a> {
    system: &'a dyn System,
    parameter: &'a str,
    unit: &'a str,
}

/// Fills the table and the remarks of the summary.
pub fn describe(diagram: &Diagram, parameter: &str, unit: &str, system: &dyn System, summary: &mut Summary) {
    let words = Words { system, parameter, unit };
    for special in &diagram.specials {
        let p = special.z[special.z.len() - 1];
        let twin = special.twin.map_or_else(String::new, |t| format!(" (mirror image of {})", diagram.specials[t].label));
        let head = format!("{}  {parameter} = {:.10} {unit}", special.label, Precise(p));
        summary.table.push(format!("{}: {}{twin}", head.trim_end(), words.form(special)));
        if special.twin.is_none() {
            summary.table.push(format!("     {}", words.unknowns(special)));
        }
    }
    for (k, arm) in diagram.arms.iter().enumerate() {
        let from = arm.origin.map_or_else(String::new, |o| format!(" from {}", diagram.specials[o].label));
        summary.table.push(format!(
            "branch {}{from}: {} places, {}; {}",
            k + 1,
            arm.samples.len(),
            words.stability(arm),
            words.end(arm, diagram)
        ));
    }
    if diagram.specials.is_empty() {
        summary.remarks.push(words.nearest(diagram));
    }
    summary.remarks.extend(diagram.remarks.iter().cloned());
}

/// A number with up to ten significant digits.
pub(in crate::analysis) struct Precise(pub f64);

impl std::fmt::Display for Precise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(10);
        let magnitude = if self.0 == 0.0 { 0.0 } else { self.0.abs().log10().floor() };
        if !(-4.0..9.0).contains(&magnitude) {
            return write!(f, "{:.*e}", digits - 1, self.0);
        }
        let text = format!("{:.*}", (digits as f64 - 1.0 - magnitude).max(0.0) as usize, self.0);
        f.write_str(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
    }
}

/// ` (error 1e-3)` where digits are few.
fn doubt(error: f64) -> String {
    if error > 1e-4 && error.is_finite() { format!(", relative error {error:.0e}") } else { String::new() }
}

impl Words<'_> {
    fn name(&self, unknown: usize) -> &str {
        &self.system.layout().unknowns[unknown].name
    }

    fn unit(&self, unknown: usize) -> &str {
        let layout = self.system.layout();
        &layout.quantities[layout.unknowns[unknown].quantity as usize].unit
    }

    fn form(&self, special: &Special) -> String {
        match &special.form {
            Form::Fold(form) => self.fold(form),
            Form::Crossing(form) => self.crossing(form),
            Form::Hopf(hopf) => self.hopf(hopf),
            Form::Multiple(count) => {
                format!("branch point with {count} real eigenvalues at once; the branches there are not followed")
            }
            Form::Infinite => "an eigenvalue passes through infinity: the algebraic equations lose their solution".to_string(),
            Form::Unclear(letters, why) => {
                let what = if *letters == "LP" {
                    "a fold"
                } else if *letters == "BP" {
                    "a branch point"
                } else {
                    "a Hopf point"
                };
                format!("{what}, by bisection only ({why})")
            }
        }
    }

    fn fold(&self, form: &FoldForm) -> String {
        let (p, x, unit) = (self.parameter, self.name(form.named), self.unit(form.named));
        let per = if unit.is_empty() { String::new() } else { format!("/{unit}^2") };
        format!("fold, d{p} = {} {}{per} (d {x})^2{}", significant(form.curvature), self.unit, doubt(form.error))
    }

    fn crossing(&self, form: &CrossingForm) -> String {
        let (p, x, unit) = (self.parameter, self.name(form.named), self.unit(form.named));
        match form.kind {
            CrossingKind::Pitchfork { curvature, cubic } => {
                let kind = match cubic {
                    c if c < 0.0 => "supercritical ",
                    c if c > 0.0 => "subcritical ",
                    _ => "",
                };
                let per = if unit.is_empty() { String::new() } else { format!("/{unit}^2") };
                format!("{kind}pitchfork, d{p} = {} {}{per} (d {x})^2{}", significant(curvature), self.unit, doubt(form.error))
            }
            CrossingKind::Transcritical { slope, .. } => {
                format!("transcritical, the branches part with d {x} = {} {unit} d{p}", significant(slope))
            }
            CrossingKind::Degenerate => "branch point; second derivatives do not tell how the branches go on".to_string(),
        }
    }

    fn hopf(&self, hopf: &Hopf) -> String {
        let (x, unit) = (self.name(hopf.named), self.unit(hopf.named));
        let l = hopf.lyapunov();
        let uncertain = hopf.error > 0.1 * hopf.coefficient.re.abs();
        let kind = match () {
            () if uncertain => "criticality beyond rounding",
            () if l < 0.0 => "supercritical",
            () => "subcritical",
        };
        let (slope, p) = (hopf.amplitude_slope(), self.parameter);
        format!(
            "{kind} Hopf, f = {:.10} Hz, first Lyapunov coefficient {} 1/(s {unit}^2); cycles where {p} {}, (amplitude of {x})^2 = {} {unit}^2/{} |d{p}|{}",
            Precise(hopf.omega.abs() / TAU),
            significant(l),
            if slope > 0.0 { "rises" } else { "falls" },
            significant(slope.abs()),
            if self.unit.is_empty() { "1" } else { self.unit },
            doubt(hopf.error / hopf.coefficient.re.abs())
        )
        .replace("(s ^2)", "s")
    }

    fn unknowns(&self, special: &Special) -> String {
        let n = special.z.len() - 1;
        let one = |k: usize| format!("{} = {}", self.name(k), shown_precisely(self.system, k, special.z[k]));
        let mut text = (0..n.min(UNKNOWNS)).map(one).collect::<Vec<_>>().join(", ");
        if n > UNKNOWNS {
            text += &format!(" ... ({n} unknowns, all in the results)");
        }
        text
    }

    fn stability(&self, arm: &crate::solve::bifurcation::diagram::Arm) -> String {
        let mut counts: Vec<usize> = Vec::new();
        for sample in arm.samples.iter().filter(|s| s.special.is_none()) {
            if counts.last() != Some(&sample.unstable) {
                counts.push(sample.unstable);
            }
        }
        if arm.samples.iter().all(|s| s.rightmost.re.is_nan()) {
            return "without dynamics".to_string();
        }
        let word = |n: &usize| if *n == 0 { "stable".to_string() } else { format!("{n} unstable") };
        counts.iter().map(word).collect::<Vec<_>>().join(", then ")
    }

    fn end(&self, arm: &crate::solve::bifurcation::diagram::Arm, diagram: &Diagram) -> String {
        let p = arm.samples.last().map_or(f64::NAN, |s| s.z[s.z.len() - 1]);
        let at = format!("{} = {}", self.parameter, significant(p));
        match &arm.end {
            End::Range(value) => format!("{} reached {}", self.parameter, significant(*value)),
            End::Bound(k) => format!("{} left the range of its model after {at}", self.name(*k)),
            End::Joined(k) => format!("joins what is known at {}", diagram.specials[*k].label),
            End::Closed => "a closed curve".to_string(),
            End::Spent => format!("points are spent at {at}"),
            End::Stuck(why) => format!("cannot be followed beyond {at}: {why}"),
            End::Stopped => "stopped".to_string(),
        }
    }

    /// No special point: what comes nearest.
    fn nearest(&self, diagram: &Diagram) -> String {
        let samples = diagram.arms.iter().flat_map(|a| &a.samples).filter(|s| s.rightmost.re.is_finite());
        match samples.min_by(|a, b| a.rightmost.re.abs().total_cmp(&b.rightmost.re.abs())) {
            Some(s) => format!(
                "no special point in the range; nearest to one at {} = {}, rightmost eigenvalue {} {} i 1/s",
                self.parameter,
                significant(s.z[s.z.len() - 1]),
                significant(s.rightmost.re),
                format_args!("{:+.5e}", s.rightmost.im)
            ),
            None => "no special point in the range".to_string(),
        }
    }
}

/// A value with its unit and nine digits.
fn shown_precisely(system: &dyn System, unknown: usize, value: f64) -> String {
    let unit = shown(system, unknown as u32, 0.0);
    let unit = unit.trim_start_matches('0').trim();
    format!("{:.9} {unit}", Precise(value)).trim_end().to_string()
}
