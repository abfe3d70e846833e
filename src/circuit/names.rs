//! Names of the flat circuit: nodes and devices by folded path, as cards that speak of results look them up.

use std::cell::RefCell;

use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use crate::circuit::flatten::Flattener;
use crate::circuit::{Circuit, Node, Terminal, fold};
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

/// All names. Tables hold numbers; the names themselves stand in the circuit.
#[derive(Default)]
pub struct Names {
    /// Nodes by name.
    nodes: HashTable<u32>,
    /// Devices that were declared while their scope was unfolded, by folded name: these may be asked for before they are built.
    pub declared: FxHashMap<String, Device>,
    /// Devices that are built, by name; made when first asked for.
    built: RefCell<Built>,
}

/// Instances (twice their number) and sources (twice their number and one) by name, and how many of each there are.
#[derive(Default)]
struct Built {
    table: HashTable<u32>,
    instances: usize,
    sources: usize,
}

/// Names of ground.
pub const GROUND: [&str; 3] = ["0", "gnd", "gnd!"];

/// Whether a node name is that of ground.
pub fn is_ground(name: &str) -> bool {
    name == "0" || (name.len() <= 4 && GROUND.iter().any(|ground| name.eq_ignore_ascii_case(ground)))
}

impl Names {
    /// The node called `name`, made by `make` when it is new.
    pub fn node(&mut self, nodes: &mut Vec<Node>, name: &str, make: impl FnOnce() -> Node) -> u32 {
        let equal = |k: &u32| fold::same(&nodes[*k as usize].name, name);
        let slot = self.nodes.entry(fold::hash(name), equal, |k| fold::hash(&nodes[*k as usize].name));
        let next = nodes.len() as u32;
        let node = *slot.or_insert(next).get();
        if node == next {
            nodes.push(make());
        }
        node
    }

    /// The device that is built and has this name.
    fn built(&self, circuit: &Circuit, name: &str) -> Option<Device> {
        let text = |k: u32| match k % 2 {
            0 => circuit.instances[k as usize / 2].name.as_str(),
            _ => circuit.sources[k as usize / 2].name.as_str(),
        };
        let mut built = self.built.borrow_mut();
        let Built { table, instances, sources } = &mut *built;
        let new = (*instances..circuit.instances.len()).map(|k| 2 * k as u32);
        for k in new.chain((*sources..circuit.sources.len()).map(|k| 2 * k as u32 + 1)) {
            table.insert_unique(fold::hash(text(k)), k, |k| fold::hash(text(*k)));
        }
        (*instances, *sources) = (circuit.instances.len(), circuit.sources.len());
        let found = *table.find(fold::hash(name), |k| fold::same(text(*k), name))?;
        Some(if found % 2 == 0 { Device::Instance(found / 2) } else { Device::Source(found / 2) })
    }
}

impl Flattener<'_, '_> {
    /// The terminal that a node name of the flat circuit stands for.
    pub fn node_named(&self, name: &str) -> Option<Terminal> {
        if is_ground(name) {
            return Some(Terminal::Ground);
        }
        let nodes = &self.circuit.nodes;
        let found = self.names.nodes.find(fold::hash(name), |k| fold::same(&nodes[*k as usize].name, name));
        found.map(|node| Terminal::Node(*node))
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<Device> {
        let declared = self.names.declared.get(&name.to_lowercase()).copied();
        declared.or_else(|| self.names.built(&self.circuit, name))
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
        Terminal::Node(node) => circuit.nodes[node as usize].name.to_string(),
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
        if self.device(name).is_some() {
            error = error.hint(format!("`{name}` is an element: its current is i({name})"));
        }
        error
    }

    /// A name that would be there if its card had no mistake: no error of its own.
    fn broken(&self, span: Span, name: &str) -> Option<Diagnostic> {
        let ends = name.char_indices().filter(|(_, c)| *c == '.').map(|(k, _)| k).chain([name.len()]);
        let device = ends.into_iter().map(|k| &name[..k]).find(|n| self.device(n) == Some(Device::Broken))?;
        Some(Diagnostic::note(span, format!("`{name}` is not there because of the mistake in `{device}`")))
    }

    /// There is no device of this name.
    pub fn unknown_device(&self, span: Span, name: &str) -> Diagnostic {
        if let Some(note) = self.broken(span, name) {
            return note;
        }
        let sources = self.circuit.sources.iter().map(|s| s.name.as_str());
        let known = self.circuit.instances.iter().map(|i| i.name.as_str()).chain(sources);
        let path = format!("{}.", name.to_lowercase());
        let inside = known.clone().find(|k| k.to_lowercase().starts_with(&path));
        let subcircuit = self.device(name) == Some(Device::Subcircuit) || inside.is_some();
        let (message, expected) = match subcircuit {
            true => (format!("`{name}` is a subcircuit, no device"), "expected a device"),
            _ => (format!("there is no element `{name}`"), "no such element"),
        };
        let mut error = Diagnostic::error(span, message).expected(expected);
        if !subcircuit {
            return error.suggest(name, known);
        }
        if let Some(inside) = inside {
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
