//! Rules about functions of the unknowns: finite, continuous, of finite slope within reach.

use std::collections::BTreeSet;

use crate::ir::{Inst, Op};
use crate::lint::bench::{Bench, Runner, grid};
use crate::lint::{Finding, Subject};
use crate::model::{Model, UnknownKind};
use crate::span::Span;

/// Points along one line.
const POINTS: usize = 161;
/// As near to zero as makes no difference: at zero itself the slope of `max(x, 0)` is 0.
const TINY: f64 = 1e-220;
/// A slope above this where the function itself is moderate.
const STEEP: f64 = 1e40;
const MODERATE: f64 = 1e30;

/// Points from which lines start: all at rest; the first port at 0.7 V; all different.
fn bases(bench: &Bench, model: &Model) -> Vec<Vec<f64>> {
    let origin = bench.origin(model);
    let mut first = origin.clone();
    let mut different = origin.clone();
    if let Some(port) = first.first_mut() {
        *port = 0.7;
    }
    for (row, value) in different.iter_mut().enumerate() {
        let (low, high) = bench.reach(model, row);
        let share = (0.618_034 * (row + 1) as f64).fract();
        *value = if model.unknowns[row].kind == UnknownKind::Port { 2.0 * share } else { low + (high - low) * share };
    }
    vec![origin, first, different]
}

/// Non-finite values at the origin and at the bounds of states.
pub fn not_finite(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    let origin = bench.origin(model);
    let mut points = vec![(origin.clone(), "at zero bias".to_string())];
    for state in bench.states(model) {
        let name = &model.unknowns[state.row].name;
        for bound in [state.bounds.0, state.bounds.1, 0.0] {
            if bound.is_finite() && state.bounds.0 <= bound && bound <= state.bounds.1 && !(state.held && state.start == bound) {
                let mut point = origin.clone();
                point[state.row] = bound;
                points.push((point, format!("at zero bias and {name} = {bound}")));
            }
        }
    }
    let mut said = BTreeSet::new();
    for (point, place) in points {
        if let Some(found) = bench.trouble(&point)
            && said.insert(found.span)
        {
            out.push(Finding::new(
                found.span,
                format!("{} {place}", found.text),
                "operating points begin there",
                "guard the expression, or give the function its limit there",
            ));
        }
    }
}

/// Discontinuities of contributions along lines through the bases.
pub fn jump(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    if bench.switches.is_empty() {
        return;
    }
    let mut runner = bench.runner();
    let mut said: BTreeSet<Span> = BTreeSet::new();
    let points = POINTS.min(bench.evaluations / (3 * model.unknowns.len()).max(1)).max(9);
    for base in bases(bench, model) {
        for row in 0..model.unknowns.len() {
            let (low, high) = bench.reach(model, row);
            let mut line = Line { runner: &mut runner, base: base.clone(), row };
            for (span, at) in line.jumps(bench, low, high, points) {
                if said.insert(span) {
                    out.push(Finding::new(
                        span,
                        format!("the function jumps here: {} = {}", label(model, row), short(at)),
                        "Newton's method and the step control need continuous functions",
                        "let the arms meet, or blend them over a width",
                    ));
                }
            }
        }
    }
}

fn label(model: &Model, row: usize) -> String {
    let unknown = &model.unknowns[row];
    match unknown.kind {
        UnknownKind::Port => format!("V({})", unknown.name),
        _ => unknown.name.clone(),
    }
}

/// A number for people.
pub fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if value == 0.0 || value.abs() >= 1e-3 && value.abs() < 1e6 { text.to_string() } else { format!("{value:.3e}") }
}

/// One unknown on its way, all others held.
struct Line<'a, 'b> {
    runner: &'a mut Runner<'b>,
    base: Vec<f64>,
    row: usize,
}

impl Line<'_, '_> {
    fn at(&mut self, x: f64) -> (Vec<f64>, Vec<f64>) {
        self.base[self.row] = x;
        let values = self.runner.contributions(&self.base);
        (values, self.runner.taken())
    }

    /// Places in the text and on the line where a branch changes and a contribution jumps.
    fn jumps(&mut self, bench: &Bench, low: f64, high: f64, points: usize) -> Vec<(Span, f64)> {
        let mut found = Vec::new();
        let mut brackets = Vec::new();
        let mut last: Option<(f64, Vec<f64>, Vec<f64>)> = None;
        for x in grid(low, high, points) {
            let (values, taken) = self.at(x);
            if let Some((before, old, branches)) = &last
                && *branches != taken
            {
                let typical: Vec<f64> = old.iter().zip(&values).map(|(a, b)| a.abs().max(b.abs())).collect();
                brackets.push((*before, x, typical));
            }
            last = Some((x, values, taken));
        }
        for (a, b, typical) in brackets {
            let (a, b) = self.narrowed(a, b);
            let ((left, before), (right, after)) = (self.at(a), self.at(b));
            let differs = |k: usize| {
                // Neighbours are 1e-16 apart: a root changes by 1e-8 between them.
                let change = (left[k] - right[k]).abs();
                change.is_finite() && change > 1e-6 * typical[k]
            };
            if !(0..left.len()).any(differs) {
                continue;
            }
            let switch = before.iter().zip(&after).position(|(x, y)| x != y);
            if let Some(k) = switch {
                found.push((bench.function.spans[bench.switches[k]], b));
            }
        }
        found
    }

    /// Two neighbours between which the first branch of a bracket changes.
    fn narrowed(&mut self, mut a: f64, mut b: f64) -> (f64, f64) {
        let (_, before) = self.at(a);
        for _ in 0..80 {
            let middle = 0.5 * (a + b);
            if middle <= a || middle >= b {
                break;
            }
            if self.at(middle).1 == before { a = middle } else { b = middle }
        }
        (a, b)
    }
}

/// Slopes without bound at the bases, at zero and at the ends of each unknown's reach.
pub fn steep(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    let mut runner = bench.runner();
    let mut said: BTreeSet<Span> = BTreeSet::new();
    for base in bases(bench, model) {
        for row in 0..model.unknowns.len() {
            let (low, high) = bench.reach(model, row);
            for x in [base[row], 0.0, TINY, -TINY, low, high] {
                if x < low || x > high {
                    continue;
                }
                let mut point = base.clone();
                point[row] = x;
                let outputs = runner.outputs(&point);
                let moderate = outputs[..bench.own].iter().all(|v| v.is_finite() && v.abs() < MODERATE);
                if !moderate || outputs[bench.own..].iter().all(|d| d.abs() < STEEP) {
                    continue;
                }
                let culprit = (0..bench.function.insts.len()).find(|k| {
                    matches!(bench.function.insts[*k], Inst::Op(Op::Saturate, _)) && runner.interpreter.values[*k].abs() >= 1e99
                });
                let Some(culprit) = culprit else { continue };
                if said.insert(bench.function.spans[culprit]) {
                    out.push(Finding::new(
                        bench.function.spans[culprit],
                        format!(
                            "the slope is infinite here: {} = {}",
                            label(model, row),
                            short(if x.abs() == TINY { 0.0 } else { x })
                        ),
                        "a Newton step that starts there goes nowhere",
                        "add a small number inside of the root or the power, or continue it as a straight line",
                    ));
                }
            }
        }
    }
}
