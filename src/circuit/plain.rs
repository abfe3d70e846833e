//! Plain elements to devices: the first one of a kind is built like any other card, those that follow are copies of it with
//! names, nodes and values of their own.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::circuit::flatten::{Flattener, Target};
use crate::circuit::formula::Formulas;
use crate::circuit::models::plainly_allowed;
use crate::circuit::scope::EnvId;
use crate::circuit::settings::Settings;
use crate::circuit::stamp::Stamp;
use crate::circuit::{Number, Terminal, Terminals, device};
use crate::netlist::ast::{Element, Expr, Item, Scope};
use crate::netlist::plain::{Card, Value};
use crate::span::{FileId, Sources};

/// What the plain elements of one kind are in one use of a scope.
#[derive(Default)]
pub struct Kind<'d> {
    /// What the card says; known from the first one on.
    pub target: Option<Target<'d>>,
    /// True if others may refer to such an element before it is built.
    pub declared: bool,
    /// The first device.
    pub first: Option<u32>,
    /// True if no device is like the first: values decide on its structure, or have mistakes.
    pub alone: bool,
    /// Uses of subcircuits that further ones are copied from.
    pub stamps: Vec<Stamp>,
    /// Values that are expressions of indices.
    pub formulas: Formulas,
}

/// The text of the file that was asked for last.
#[derive(Default)]
pub struct Texts(Option<(FileId, Arc<str>)>);

impl Texts {
    /// The text of a file, held while other files are loaded.
    pub fn of(&mut self, sources: &Sources, file: FileId) -> &str {
        if self.0.as_ref().is_none_or(|(known, _)| *known != file) {
            self.0 = Some((file, sources.shared(file)));
        }
        self.0.as_ref().map_or("", |(_, text)| text)
    }

    /// The text that a plain element stands in.
    pub fn behind(&mut self, sources: &Sources, item: &Item) -> &str {
        match item {
            Item::Plain(plain) => self.of(sources, plain.span.file),
            Item::Element(_) | Item::Loop(_) => "",
        }
    }
}

/// The next `count` terminals of a list.
pub fn take<'t>(list: &mut &'t [Terminal], count: usize) -> &'t [Terminal] {
    let (head, rest) = list.split_at(count.min(list.len()));
    *list = rest;
    head
}

impl<'d> Flattener<'d, '_> {
    /// Builds a plain device; does nothing for what is none.
    pub fn build_plain(&mut self, env: EnvId, scope: &'d Scope, card: &Card, kind: &mut Kind<'d>, nodes: &[Terminal]) {
        let Some(Target::Device(plan)) = &kind.target else { return };
        let element = &scope.kinds[card.kind as usize];
        let index = self.circuit.instances.len();
        match kind.first.and_then(|first| self.circuit.instances.get(first as usize)) {
            Some(_) if kind.alone => return device::build(self, env, &card.element(element), plan, nodes),
            Some(first) => {
                let mut instance = first.clone();
                instance.terminals = Terminals::from_slice(nodes);
                instance.terminals.extend(first.terminals.iter().skip(nodes.len()).copied());
                self.circuit.instances.push(instance);
            }
            None => {
                kind.first = Some(index as u32);
                let (checks, found) = (self.checks.len(), self.scopes.found.len());
                device::build(self, env, element, plan, nodes);
                // Values are checked below, for each card its own.
                self.checks.truncate(if element.value.is_some() { checks } else { self.checks.len() });
                let model = self.circuit.instances.get(index).map(|i| self.circuit.models[i.model as usize].clone());
                let shaped = model.is_some_and(|m| !m.shape.is_empty() || self.library.alternatives(&m).len() > 1);
                kind.alone = shaped && !element.parameters.is_empty() || self.scopes.found.len() > found;
            }
        }
        let name = card.name();
        let path = &self.scopes.envs[env].path;
        let name = if path.is_empty() { SmolStr::new(name) } else { format_smolstr!("{path}{name}") };
        let Some(instance) = self.circuit.instances.get_mut(index) else { return };
        (instance.name, instance.span) = (name, card.span);
        if element.value.is_some() {
            self.give_plain(env, card, &mut kind.formulas, index);
        } else if !element.parameters.is_empty() {
            self.give_assigned(card, element, index);
        }
    }

    /// Gives the last device built what its card assigns.
    fn give_assigned(&mut self, card: &Card, element: &Element, index: usize) {
        let instance = &mut self.circuit.instances[index];
        let model = &self.circuit.models[instance.model as usize];
        let mut params = instance.params.to_vec();
        for (assignment, (value, span)) in element.parameters.iter().zip(card.assigned(element)) {
            let Ok(Some(k)) = model.parameter(&assignment.name.text) else { continue };
            let value = Number::Fixed(value);
            params.iter_mut().filter(|(param, _)| *param == k).for_each(|(_, old)| *old = value);
            if !plainly_allowed(&model.params[k as usize], value) {
                self.checks.push((index as u32, k, span));
            }
        }
        let moved = self.models.moving_ranges(instance.model, model);
        let defaults = moved.iter().filter(|k| !params.iter().any(|(param, _)| param == *k));
        self.checks.extend(defaults.map(|k| (index as u32, *k, card.span)));
        instance.params = params.into();
    }

    /// Gives the last device built the value of its card.
    fn give_plain(&mut self, env: EnvId, card: &Card, formulas: &mut Formulas, index: usize) {
        let value = match card.value {
            Value::Number(value) => Number::Fixed(value),
            Value::Formula(expr, indices) => match formulas.value(&self.scopes, env, expr, indices) {
                Some(value) => Number::Fixed(value),
                None => self.read_formula(env, expr, indices),
            },
        };
        let instance = &mut self.circuit.instances[index];
        let Some(main) = instance.params.first().map(|(main, _)| *main) else { return };
        instance.params = Settings::one(main, value);
        let model = &self.circuit.models[instance.model as usize];
        if !plainly_allowed(&model.params[main as usize], value) {
            self.checks.push((index as u32, main, card.value_span()));
        }
        let moved = self.models.moving_ranges(instance.model, model);
        self.checks.extend(moved.iter().filter(|k| **k != main).map(|k| (index as u32, *k, card.span)));
    }

    /// The number of an expression that reads parameters as well as indices.
    fn read_formula(&mut self, env: EnvId, expr: &Expr, indices: &[(&str, f64)]) -> Number {
        let graph = &mut self.scopes.graph;
        let bound: Vec<_> = indices.iter().map(|(name, value)| (name.to_lowercase(), graph.fixed(*value))).collect();
        let value = self.scopes.value_with(env, expr, &bound);
        self.scopes.graph.number(value)
    }
}
