//! Models whose structure depends on parameters: the size of a vector of nodes, what a generate construct makes.
//!
//! Takes a model and what a card gives, gives the model for these values. A number that depends on a root of the deck is noted:
//! where the root is to differ, the circuit is elaborated anew.

use std::collections::BTreeMap;

use crate::circuit::Number;
use crate::circuit::flatten::Flattener;
use crate::circuit::models::Given;
use crate::circuit::scope::EnvId;
use crate::model::Model;
use crate::netlist::ast::Assignment;

/// Rounds until no further parameter turns out to decide on structure.
const MOST_ROUNDS: usize = 8;

impl<'d> Flattener<'d, '_> {
    /// The model like `model` for what is given already (by a `.model` card) and for the assignments of a card.
    pub fn shaped(&mut self, env: EnvId, model: u32, given: &Given, assignments: &'d [Assignment]) -> u32 {
        let mut index = model;
        for _ in 0..MOST_ROUNDS {
            let known = self.circuit.models[index as usize].clone();
            let mut numbers = BTreeMap::new();
            for (k, _) in &known.shape {
                let name = &known.params[*k as usize].name;
                let of_card = assignments.iter().rfind(|a| known.parameter(&a.name.text) == Ok(Some(*k)));
                let number = match of_card {
                    Some(assignment) => Some(self.scopes.number(env, &assignment.value)),
                    None => given
                        .params
                        .iter()
                        .find(|(p, _)| self.circuit.models[model as usize].params[*p as usize].name == *name)
                        .map(|(_, n)| *n),
                };
                if let Some(number) = number {
                    numbers.insert(name.clone(), number);
                }
            }
            match self.model_for(index, &known, &numbers) {
                Some(next) => index = next,
                None => break,
            }
        }
        index
    }

    /// The model for these numbers, if it is another one.
    pub fn model_for(&mut self, index: u32, known: &Model, numbers: &BTreeMap<String, Number>) -> Option<u32> {
        let mut values = BTreeMap::new();
        for (name, number) in numbers {
            let value = self.scopes.graph.worth(*number, &self.scopes.roots);
            if !value.is_nan() {
                values.insert(name.clone(), value);
            }
            if matches!(number, Number::Output(_)) && !self.shaping.contains(number) {
                self.shaping.push(*number);
            }
        }
        let same = |(k, old): &(u32, f64)| values.get(&known.params[*k as usize].name).is_none_or(|value| value == old);
        if known.shape.iter().all(same) {
            return None;
        }
        let made = self.library.shaped(self.sources, known, &values)?;
        let list: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let key = format!("{} {}", known.name, list.join(" "));
        let next = self.models.intern(&mut self.circuit.models, &key, || made);
        (next != index).then_some(next)
    }

    /// What was given to `from`, as given to `to`, a model like it.
    pub fn handed_over(&self, given: &Given, from: u32, to: u32) -> Given {
        if from == to {
            return given.clone();
        }
        let (from, to) = (&self.circuit.models[from as usize], &self.circuit.models[to as usize]);
        let place = |k: u32| {
            let name = &from.params[k as usize].name;
            to.params.iter().position(|p| p.name == *name).map(|k| k as u32)
        };
        Given {
            params: given.params.iter().filter_map(|(k, n)| Some((place(*k)?, *n))).collect(),
            unchecked: given.unchecked.iter().filter_map(|(k, span)| Some((place(*k)?, *span))).collect(),
        }
    }

    /// The model of an instance whose parameters were replaced after it was built.
    pub fn reshape(&mut self, instance: u32) {
        for _ in 0..MOST_ROUNDS {
            let card = &self.circuit.instances[instance as usize];
            let (index, given) = (card.model, Given { params: card.params.clone(), unchecked: Vec::new() });
            let known = self.circuit.models[index as usize].clone();
            let number = |k: &u32| given.params.iter().find(|(p, _)| p == k).map(|(_, n)| *n);
            let numbers =
                known.shape.iter().filter_map(|(k, _)| Some((known.params[*k as usize].name.clone(), number(k)?))).collect();
            let Some(next) = self.model_for(index, &known, &numbers) else { return };
            if self.circuit.models[next as usize].ports != known.ports {
                let span = self.circuit.instances[instance as usize].span;
                let message = format!("these values change the number of ports of `{}`", known.name);
                self.report(crate::diag::Diagnostic::error(span, message).expected("its connections are those of the card"));
                return;
            }
            let params = self.handed_over(&given, index, next).params;
            let card = &mut self.circuit.instances[instance as usize];
            (card.model, card.params) = (next, params);
        }
    }
}
