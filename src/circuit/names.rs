//! Names of the flat circuit: nodes and devices by folded path, as cards that speak of results look them up.

use std::collections::HashMap;

use crate::circuit::flatten::Flattener;
use crate::circuit::{Circuit, Terminal};
use crate::diag::Diagnostic;
use crate::model::{Model, UnknownKind};
use crate::span::Span;

/// What a device name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Device {
    /// Index into `Circuit::instances`.
    Instance(u32),
    /// Index into `Circuit::sources`.
    Source(u32),
    /// A subcircuit: a path, not a device.
    Subcircuit,
    /// A `K` card: couples inductors, has no current of its own.
    Coupling,
    /// A card with a mistake that was reported already.
    Broken,
}

/// All names.
#[derive(Default)]
pub struct Names {
    /// Folded name to index into `Circuit::nodes`.
    pub nodes: HashMap<String, u32>,
    /// Folded name to device.
    pub devices: HashMap<String, Device>,
}

/// Names of ground.
pub const GROUND: [&str; 3] = ["0", "gnd", "gnd!"];

impl Names {
    /// The terminal that a node name of the flat circuit stands for.
    pub fn node(&self, name: &str) -> Option<Terminal> {
        let folded = name.to_lowercase();
        if GROUND.contains(&folded.as_str()) {
            return Some(Terminal::Ground);
        }
        self.nodes.get(&folded).map(|n| Terminal::Node(*n))
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<Device> {
        self.devices.get(&name.to_lowercase()).copied()
    }

    /// Splits `x1.x2.state` into the longest instance path and what follows it.
    pub fn instance<'n>(&self, name: &'n str) -> Option<(u32, &'n str)> {
        let dots = name.char_indices().rev().filter(|(_, c)| *c == '.').map(|(k, _)| k);
        dots.into_iter().find_map(|dot| match self.device(&name[..dot]) {
            Some(Device::Instance(instance)) => Some((instance, &name[dot + 1..])),
            _ => None,
        })
    }
}

/// Index of the local unknown called `name` of a model: exact, else folded.
pub fn local_unknown(model: &Model, name: &str) -> Option<u32> {
    let exact = model.unknowns.iter().position(|u| u.name == name);
    exact.or_else(|| model.unknowns.iter().position(|u| u.name.eq_ignore_ascii_case(name))).map(|k| k as u32)
}

/// The only branch current of a model.
pub fn branch_current(model: &Model) -> Option<u32> {
    let mut currents = model.unknowns.iter().enumerate().filter(|(_, u)| u.kind == UnknownKind::Current);
    let first = currents.next().map(|(k, _)| k as u32);
    first.filter(|_| currents.next().is_none())
}

/// The name of what a terminal is bound to, as people write it.
pub fn terminal_name(circuit: &Circuit, terminal: Terminal) -> String {
    match terminal {
        Terminal::Ground => "0".to_string(),
        Terminal::Node(node) => circuit.nodes[node as usize].name.clone(),
        Terminal::SourceCurrent(source) => format!("i({})", circuit.sources[source as usize].name),
        Terminal::InstanceCurrent(instance) => format!("i({})", circuit.instances[instance as usize].name),
        Terminal::Open => "(open)".to_string(),
    }
}

impl Flattener<'_, '_> {
    /// There is no node or unknown of this name.
    pub fn unknown_node(&self, span: Span, name: &str) -> Diagnostic {
        if let Some(note) = self.broken(span, name) {
            return note;
        }
        let known = self.circuit.nodes.iter().map(|n| n.name.as_str());
        let mut error =
            Diagnostic::error(span, format!("there is no node `{name}`")).expected("no element touches it").suggest(name, known);
        if self.names.device(name).is_some() {
            error = error.hint(format!("`{name}` is an element: its current is i({name})"));
        }
        error
    }

    /// A name that would be there if its card had no mistake: no error of its own.
    fn broken(&self, span: Span, name: &str) -> Option<Diagnostic> {
        let ends = name.char_indices().filter(|(_, c)| *c == '.').map(|(k, _)| k).chain([name.len()]);
        let device = ends.into_iter().map(|k| &name[..k]).find(|n| self.names.device(n) == Some(Device::Broken))?;
        Some(Diagnostic::note(span, format!("`{name}` is not there because of the mistake in `{device}`")))
    }

    /// There is no device of this name.
    pub fn unknown_device(&self, span: Span, name: &str) -> Diagnostic {
        if let Some(note) = self.broken(span, name) {
            return note;
        }
        let sources = self.circuit.sources.iter().map(|s| s.name.as_str());
        let known = self.circuit.instances.iter().map(|i| i.name.as_str()).chain(sources);
        let (message, expected) = match self.names.device(name) {
            Some(Device::Subcircuit) => (format!("`{name}` is a subcircuit, no device"), "expected a device"),
            _ => (format!("there is no element `{name}`"), "no such element"),
        };
        let mut error = Diagnostic::error(span, message).expected(expected);
        if self.names.device(name) != Some(Device::Subcircuit) {
            return error.suggest(name, known);
        }
        let path = format!("{}.", name.to_lowercase());
        if let Some(inside) = known.into_iter().find(|k| k.to_lowercase().starts_with(&path)) {
            error = error.hint(format!("name a device inside: {inside}"));
        }
        error
    }

    /// An instance has no unknown of this name.
    pub fn no_unknown(&self, span: Span, instance: u32, local: &str) -> Diagnostic {
        let card = &self.circuit.instances[instance as usize];
        let known: Vec<&str> = self.circuit.models[card.model as usize].unknowns.iter().map(|u| u.name.as_str()).collect();
        Diagnostic::error(span, format!("`{}` has no unknown `{local}`", card.name))
            .expected("no such unknown")
            .suggest(local, known.iter().copied())
            .hint(format!("it has {}", known.join(", ")))
    }
}
