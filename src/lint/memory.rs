//! Rules about what models remember, and about charges that are none.

use std::collections::BTreeSet;

use crate::ir::{Function, Input, Inst, NodeKind, Value};
use crate::lint::bench::is_itself;
use crate::lint::{Finding, Subject};
use crate::model::{Model, Retained, UnknownKind};

/// All inputs that an output depends on, conditions included.
fn inputs(f: &Function, output: u32) -> BTreeSet<Input> {
    let mut seen = vec![false; f.insts.len()];
    let mut open: Vec<Value> = vec![f.outputs[output as usize]];
    let mut found = BTreeSet::new();
    while let Some(value) = open.pop() {
        if std::mem::replace(&mut seen[value.0 as usize], true) {
            continue;
        }
        match &f.insts[value.0 as usize] {
            Inst::Const(_) => {}
            Inst::Input(input) => _ = found.insert(*input),
            Inst::Op(op, arguments) => open.extend(&arguments[..op.arity()]),
            Inst::Partial(of, _) => open.push(*of),
            Inst::Result(node, k) | Inst::Carried(node, k) => match &f.nodes[node.0 as usize] {
                NodeKind::If { condition, then, otherwise } => {
                    open.extend([*condition, then.1[*k as usize], otherwise.1[*k as usize]]);
                }
                NodeKind::Loop { initial, condition, next, .. } => {
                    open.extend([*condition, initial[*k as usize], next[*k as usize]]);
                }
            },
        }
    }
    found
}

/// Retained values that reach an equation, with what their next value depends on.
fn reaching(model: &Model) -> Vec<(&Retained, u32, BTreeSet<Input>)> {
    let f = &model.function;
    let next: Vec<BTreeSet<Input>> = model.retained.iter().map(|r| inputs(f, r.output)).collect();
    let equations = model.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q));
    let mut reached: BTreeSet<Input> = equations.flat_map(|output| inputs(f, output)).collect();
    loop {
        let more: BTreeSet<Input> =
            (0..next.len()).filter(|k| reached.contains(&Input::Past(*k as u32))).flat_map(|k| next[k].clone()).collect();
        let before = reached.len();
        reached.extend(more);
        if reached.len() == before {
            break;
        }
    }
    let all = model.retained.iter().zip(next).enumerate().filter(|(_, (retained, _))| !retained.hidden);
    // Counters of random draws are no states; draws are warned of where they stand.
    let all = all.filter(|(_, (r, _))| !r.name.starts_with('$'));
    all.filter(|(k, _)| reached.contains(&Input::Past(*k as u32))).map(|(k, (r, next))| (r, k as u32, next)).collect()
}

fn by_events(next: &BTreeSet<Input>) -> bool {
    next.iter().any(|i| matches!(i, Input::Fired(_)))
}

/// Whether a retained value is nothing but the time of the last point.
fn is_clock(model: &Model, retained: &Retained) -> bool {
    let value = model.function.outputs[retained.output as usize];
    matches!(model.function.insts[value.0 as usize], Inst::Input(Input::Time))
}

/// `x = x + rate*($abstime - last)`.
pub fn integration(subject: &Subject, out: &mut Vec<Finding>) {
    for (retained, k, next) in reaching(subject.model) {
        let own = next.contains(&Input::Past(k)) && next.contains(&Input::Time);
        if own && !by_events(&next) && !is_clock(subject.model, retained) {
            out.push(Finding::new(
                retained.span,
                format!("`{}` of `{}` is integrated by hand on `$abstime`", retained.name, subject.model.name),
                "explicit Euler: its error goes with the step and no analysis but `.tran` sees it",
                format!("write `{0} = idt(rate, {0}0);`, or a node with `ddt`: then it is an unknown", retained.name),
            ));
        }
    }
}

/// A variable that is read before it is written and reaches an equation.
pub fn hidden(subject: &Subject, out: &mut Vec<Finding>) {
    for (retained, _, next) in reaching(subject.model) {
        if !by_events(&next) && !is_clock(subject.model, retained) {
            out.push(Finding::new(
                retained.span,
                format!(
                    "`{}` of `{}` keeps its value from point to point: a state that is no unknown",
                    retained.name, subject.model.name
                ),
                ".ac, .noise, .pss, .stability and .continue take it for constant",
                "write the state as `idt(rate, start)` or as a node with `ddt`",
            ));
        }
    }
}

/// The same, changed by events alone.
pub fn discrete(subject: &Subject, out: &mut Vec<Finding>) {
    for (retained, _, next) in reaching(subject.model) {
        if by_events(&next) {
            out.push(Finding::new(
                retained.span,
                format!("`{}` of `{}` changes at events only", retained.name, subject.model.name),
                "small-signal analyses take it for constant; .pss refuses it",
                "nothing need be done where that is meant",
            ));
        }
    }
}

/// `c(v)*ddt(v)`: the same current as a charge's, but no charge that comes back to where it was (decision 16).
pub fn charge(subject: &Subject, out: &mut Vec<Finding>) {
    let model = subject.model;
    for (row, unknown) in model.unknowns.iter().enumerate().filter(|(_, u)| u.kind == UnknownKind::Implicit) {
        let row = row as u32;
        let derivative =
            model.contributions.iter().any(|c| c.plus == row && c.q.is_some() && c.f.is_some_and(|f| is_itself(model, f, row)));
        if derivative {
            out.push(Finding::new(
                unknown.span,
                "a time derivative is multiplied with something that moves",
                "what flows is right along any path, but the charge of a cycle need not be zero",
                "write `ddt(Q(V))` with the integral of the capacitance, if this is a charge",
            ));
        }
    }
}
