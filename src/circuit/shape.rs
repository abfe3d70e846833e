//! Models whose structure depends on parameters: the size of a vector of nodes, what a generate construct makes.
//!
//! Takes a model and what a card gives, gives the model for these values. A number that depends on a root of the deck is noted:
//! where the root is to differ, the circuit is elaborated anew.

use std::collections::BTreeMap;

use crate::circuit::Number;
use crate::circuit::flatten::Flattener;
use crate::circuit::models::Given;
use crate::circuit::ranges::inside;
use crate::circuit::scope::EnvId;
use crate::model::{Formula, Model, Range};
use crate::netlist::ast::Assignment;

/// Parameters of cards that are not the model's.
const SPECIAL: [&str; 4] = ["m", "temp", "dtemp", "trise"];

/// Rounds until no further parameter turns out to decide on structure.
const MOST_ROUNDS: usize = 8;

impl Flattener<'_, '_> {
    /// The model like `model` for what is given already (by a `.model` card) and for the assignments of a card.
    pub fn shaped(&mut self, env: EnvId, model: u32, given: &Given, assignments: &[Assignment]) -> u32 {
        let mut index = self.chosen(env, model, given, assignments);
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

    /// Of several paramsets of one name, the first one that has all parameters that are given and allows their values.
    fn chosen(&mut self, env: EnvId, model: u32, given: &Given, assignments: &[Assignment]) -> u32 {
        let own = self.circuit.models[model as usize].clone();
        let all = self.library.alternatives(&own);
        if all.len() < 2 {
            return model;
        }
        let mut numbers: BTreeMap<String, Number> =
            given.params.iter().map(|(k, n)| (own.params[*k as usize].name.clone(), *n)).collect();
        for assignment in assignments.iter().filter(|a| !SPECIAL.contains(&a.name.folded().as_str())) {
            numbers.insert(assignment.name.text.clone(), self.scopes.number(env, &assignment.value));
        }
        let mut values = BTreeMap::new();
        for (name, number) in numbers {
            values.insert(name, self.scopes.graph.worth(number, &self.scopes.roots));
            if matches!(number, Number::Output(_)) && !self.shaping.contains(&number) {
                self.shaping.push(number);
            }
        }
        let Some(k) = all.iter().position(|candidate| values.iter().all(|(name, value)| takes(candidate, name, *value))) else {
            return model;
        };
        let key = if k == 0 { own.name.clone() } else { format!("{} #{k}", own.name) };
        self.models.intern(&mut self.circuit.models, &key, || all[k].clone())
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
        let key = format!("{} {:?} {}", known.name, known.span, list.join(" "));
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
            let (index, given) = (card.model, Given { params: card.params.to_vec(), unchecked: Vec::new() });
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
            (card.model, card.params) = (next, params.into());
        }
    }
}

/// Whether a model has a parameter and a plain range allows its value.
fn takes(model: &Model, name: &str, value: f64) -> bool {
    let Ok(Some(k)) = model.parameter(name) else { return false };
    let param = &model.params[k as usize];
    let within = |range: &Range| match (&range.low, &range.high) {
        (Formula::Number(low), Formula::Number(high)) => inside(value, range, *low, *high),
        _ => !range.exclude,
    };
    let mut from = param.ranges.iter().filter(|r| !r.exclude).peekable();
    !param.local && (from.peek().is_none() || from.any(within)) && !param.ranges.iter().any(|r| r.exclude && within(r))
}
