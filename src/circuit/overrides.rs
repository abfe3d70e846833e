//! `--set name=value` and members of a family that are elaborated anew: values that replace those of the deck.
//!
//! Roots are replaced where they are made (see `scope`); here sources (`v1`: its dc value), instances (`r1`: its first
//! parameter) and parameters of instances (`x1.ron`) follow.

use crate::circuit::flatten::Flattener;
use crate::circuit::names::Device;
use crate::circuit::{Circuit, Number};
use crate::diag::Diagnostic;
use crate::ir::{Function, Input, Inst, Value};
use crate::span::Span;

/// Applies what is not about roots; names that mean nothing are errors.
pub fn apply(fl: &mut Flattener, overrides: &[(String, f64)]) {
    for (name, value) in overrides {
        let root = fl.scopes.roots.iter().any(|r| r.name.eq_ignore_ascii_case(name));
        if root || name.eq_ignore_ascii_case("seed") || one(fl, name, *value) {
            continue;
        }
        let mut known: Vec<String> = fl.scopes.roots.iter().map(|r| r.name.clone()).collect();
        let list = known.join(", ");
        known.extend(fl.circuit.sources.iter().map(|s| s.name.clone()));
        known.extend(fl.circuit.instances.iter().map(|i| i.name.to_string()));
        let mut error = Diagnostic::error(Span::default(), format!("there is no parameter `{name}` to set"))
            .suggest(name, known.iter().map(String::as_str))
            .hint(format!("the deck's parameters are {list}"));
        error.labels.clear();
        fl.report(error);
    }
}

/// Applies one override; false if its name means nothing.
fn one(fl: &mut Flattener, name: &str, value: f64) -> bool {
    let (instance, parameter) = match fl.device(name) {
        Some(Device::Source(source)) => {
            fl.circuit.sources[source as usize].dc = Some(Number::Fixed(value));
            return true;
        }
        Some(Device::Instance(instance)) => (instance, None),
        _ => match fl.instance(name) {
            Some((instance, parameter)) => (instance, Some(parameter)),
            None => return false,
        },
    };
    let Some(card) = fl.circuit.instances.get_mut(instance as usize) else { return false };
    let model = &fl.circuit.models[card.model as usize];
    let found = match parameter {
        Some(parameter) => model.parameter(parameter).ok().flatten(),
        None => (!model.params.is_empty()).then_some(0),
    };
    let Some(k) = found else { return false };
    card.params.set(k, Number::Fixed(value));
    fl.checks.push((instance, k, card.span));
    fl.reshape(instance);
    true
}

/// Names of the roots that any of `numbers` depends on, directly or through other roots.
pub fn roots_behind(circuit: &Circuit, numbers: &[Number]) -> Vec<String> {
    let mut wanted = vec![false; circuit.roots.len()];
    let mut open: Vec<Number> = numbers.to_vec();
    while let Some(number) = open.pop() {
        let Number::Output(output) = number else { continue };
        for root in arguments(&circuit.expressions, output) {
            if !std::mem::replace(&mut wanted[root as usize], true) {
                open.push(circuit.roots[root as usize].value);
            }
        }
    }
    circuit.roots.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(root, _)| root.name.clone()).collect()
}

/// The arguments that an output depends on; deck expressions have no control flow.
fn arguments(function: &Function, output: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut open: Vec<Value> = vec![function.outputs[output as usize]];
    while let Some(value) = open.pop() {
        if !seen.insert(value) {
            continue;
        }
        match &function.insts[value.0 as usize] {
            Inst::Input(Input::Argument(k)) => found.push(*k),
            Inst::Op(op, operands) => open.extend(&operands[..op.arity()]),
            _ => {}
        }
    }
    found
}
