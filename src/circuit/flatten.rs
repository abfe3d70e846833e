//! Subcircuits unfolded: takes the scopes of a deck, gives nodes, instances and sources with dotted names.
//!
//! In every use of a scope the devices come first, in the order of their cards, then the subcircuits: so the index of a
//! device is known before it is built, and a controlled source may stand before the source that controls it.

use std::collections::{HashMap, HashSet};

use crate::circuit::columns::Columns;
use crate::circuit::device::{self, Plan};
use crate::circuit::models::Models;
use crate::circuit::names::{Device, GROUND, Names, branch_current, local_unknown};
use crate::circuit::scope::{EnvId, Scopes, TOP};
use crate::circuit::{Circuit, Node, Number, SourceKind, Terminal};
use crate::diag::Diagnostic;
use crate::model::library::Library;
use crate::netlist::ast::{Deck, Element, Name, Subcircuit};
use crate::span::{Sources, Span};

/// Subcircuits in one another; each costs stack.
const DEEPEST: usize = 200;
/// Devices that fit into memory, about.
const MOST_DEVICES: usize = 30_000_000;

/// Everything that elaboration works on.
pub struct Flattener<'d, 'l> {
    /// Names of the deck.
    pub scopes: Scopes<'d>,
    /// Names of the circuit.
    pub names: Names,
    /// The circuit as far as it is built.
    pub circuit: Circuit,
    /// Models in use.
    pub models: Models,
    /// Columns asked for.
    pub columns: Columns,
    /// Where models come from.
    pub library: &'l mut Library,
    /// Texts.
    pub sources: &'l mut Sources,
    /// Given parameters that must be checked when all values are known: instance, index into its `params`, place.
    pub checks: Vec<(u32, u32, Span)>,
    /// Numbers that decided on the structure of a model.
    pub shaping: Vec<Number>,
    /// Instances with one branch current, which may control others.
    pub branches: HashSet<u32>,
    /// Controlling currents inside subcircuits, which are unfolded later: path and place.
    later: Vec<(String, Span)>,
    globals: HashMap<String, String>,
    chain: Vec<(&'d Subcircuit, Span)>,
}

/// What an element card turns out to be.
enum Target<'d> {
    Device(Plan),
    Subcircuit(&'d Subcircuit, EnvId),
    Nothing,
}

impl<'d, 'l> Flattener<'d, 'l> {
    /// Starts with an empty circuit.
    pub fn new(deck: &'d Deck, scopes: Scopes<'d>, library: &'l mut Library, sources: &'l mut Sources) -> Self {
        Flattener {
            scopes,
            names: Names::default(),
            circuit: Circuit { title: deck.title.clone(), ..Circuit::default() },
            models: Models::default(),
            columns: Columns::default(),
            library,
            sources,
            checks: Vec::new(),
            shaping: Vec::new(),
            branches: HashSet::new(),
            later: Vec::new(),
            globals: deck.globals.iter().map(|n| (n.folded(), n.text.clone())).collect(),
            chain: Vec::new(),
        }
    }

    /// Reports a mistake.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.scopes.report(diagnostic);
    }

    /// Unfolds the whole deck.
    pub fn run(&mut self) {
        self.unfold(TOP);
        self.inner_unknowns();
        self.bind_later();
    }

    /// Stands for the current of a device that is not unfolded yet, until `Flattener::bind_later`.
    pub fn later(&mut self, path: String, span: Span) -> Terminal {
        let known = self.later.iter().position(|(p, _)| *p == path);
        let index = known.unwrap_or(self.later.len());
        if known.is_none() {
            self.later.push((path, span));
        }
        Terminal::SourceCurrent(u32::MAX - index as u32)
    }

    /// Binds the currents that were waited for.
    fn bind_later(&mut self) {
        let later = std::mem::take(&mut self.later);
        if later.is_empty() {
            return;
        }
        let bound: Vec<Terminal> =
            later.into_iter().map(|(text, span)| device::current_of(self, TOP, &Name { text, span })).collect();
        // Whoever is still unknown is told once more to wait: then there is no such element.
        for (path, span) in std::mem::take(&mut self.later) {
            let error = self.unknown_device(span, &path);
            self.report(error);
        }
        for terminal in self.circuit.instances.iter_mut().flat_map(|i| &mut i.terminals) {
            if let Terminal::SourceCurrent(index) = terminal
                && let Some(real) = bound.get((u32::MAX - *index) as usize)
            {
                *terminal = *real;
            }
        }
    }

    /// A controlling node that is really an unknown inside a device.
    fn inner_unknowns(&mut self) {
        for k in 0..self.circuit.nodes.len() {
            let node = &self.circuit.nodes[k];
            let Some((instance, local)) = self.names.instance(&node.name) else { continue };
            let Some(card) = self.circuit.instances.get(instance as usize) else { continue };
            let model = &self.circuit.models[card.model as usize];
            let Some(unknown) = local_unknown(model, local) else { continue };
            let what = if (unknown as usize) < model.ports { "a terminal" } else { "an unknown" };
            let error = Diagnostic::error(node.span, format!("`{}` is {what} of `{}`, no node", node.name, card.name))
                .expected("expected a node")
                .hint("results may name it; to control something it must be a node of the deck");
            self.report(error);
        }
    }

    /// Unfolds one use of a scope.
    fn unfold(&mut self, env: EnvId) {
        let elements: &'d [Element] = &self.scopes.envs[env].definition.scope.elements;
        let mut targets = Vec::with_capacity(elements.len());
        for element in elements {
            let target = self.target(env, element);
            let nodes = match target {
                Target::Device(Plan::Mutual) | Target::Nothing => Vec::new(),
                _ => element.nodes.iter().map(|n| self.node(env, n)).collect(),
            };
            self.declare(env, element, &target);
            targets.push((element, target, nodes));
        }
        self.index_devices(env, &targets);
        // Couplings read the inductances, so they come last.
        for couplings in [false, true] {
            for (element, target, nodes) in &targets {
                if let Target::Device(plan) = target
                    && matches!(plan, Plan::Mutual) == couplings
                {
                    device::build(self, env, element, plan, nodes);
                }
            }
        }
        for (element, target, nodes) in targets {
            if let Target::Subcircuit(subcircuit, defined) = target {
                self.enter(env, element, subcircuit, defined, &nodes);
            }
        }
    }

    /// What an element is: `X` and `N` ask for a subcircuit first, then for a model card, then for a module.
    fn target(&mut self, env: EnvId, element: &'d Element) -> Target<'d> {
        if matches!(element.letter, 'x' | 'n')
            && let Some(name) = &element.model
            && let Some((subcircuit, defined)) = self.scopes.subcircuit(env, &name.folded())
        {
            return Target::Subcircuit(subcircuit, defined);
        }
        device::plan(self, env, element).map_or(Target::Nothing, Target::Device)
    }

    /// Claims the name of an element.
    fn declare(&mut self, env: EnvId, element: &Element, target: &Target) {
        let path = self.path(env, &element.name.text).to_lowercase();
        let device = match target {
            Target::Subcircuit(..) => Device::Subcircuit,
            // The index of a device is filled in by `index_devices`.
            Target::Device(_) | Target::Nothing => Device::Broken,
        };
        if self.names.devices.insert(path, device).is_none() {
            return;
        }
        let elements = &self.scopes.envs[env].definition.scope.elements;
        let first = elements.iter().find(|e| e.name.folded() == element.name.folded()).map_or(element.span, |e| e.name.span);
        self.report(
            Diagnostic::error(element.name.span, format!("element `{}` is declared twice", element.name.text))
                .expected("second declaration")
                .label(first, "first declaration")
                .hint("give one of them another name"),
        );
    }

    /// Gives every device of a scope the index that it will have.
    fn index_devices(&mut self, env: EnvId, targets: &[(&'d Element, Target<'d>, Vec<Terminal>)]) {
        let (mut instance, mut source) = (self.circuit.instances.len() as u32, self.circuit.sources.len() as u32);
        for (element, target, _) in targets {
            let Target::Device(plan) = target else { continue };
            let device = match plan {
                Plan::Source(_) => {
                    source += 1;
                    Device::Source(source - 1)
                }
                // Built after all others; nobody refers to it.
                Plan::Mutual => Device::Coupling,
                Plan::Module(_) | Plan::Behaviour(_) => {
                    let branch = match plan {
                        Plan::Module(used) => branch_current(&self.circuit.models[used.model as usize]).is_some(),
                        other => matches!(other, Plan::Behaviour(SourceKind::Voltage)),
                    };
                    if branch {
                        self.branches.insert(instance);
                    }
                    instance += 1;
                    Device::Instance(instance - 1)
                }
            };
            let path = self.path(env, &element.name.text).to_lowercase();
            self.names.devices.insert(path, device);
        }
    }

    /// Unfolds a subcircuit where an `X` card uses it.
    fn enter(&mut self, env: EnvId, element: &'d Element, subcircuit: &'d Subcircuit, defined: EnvId, nodes: &[Terminal]) {
        if self.recursive(element, subcircuit) || self.too_much(element) {
            return;
        }
        if nodes.len() != subcircuit.ports.len() {
            let names: Vec<&str> = subcircuit.ports.iter().map(|p| p.text.as_str()).collect();
            self.report(
                Diagnostic::error(
                    element.span,
                    format!("subcircuit `{}` has {}, {} given", subcircuit.name.text, count(names.len(), "port"), nodes.len()),
                )
                .expected(format!("expected {}", count(names.len(), "node")))
                .label(subcircuit.span, format!("ports: {}", names.join(" "))),
            );
            return;
        }
        let definition = self.scopes.definition(&subcircuit.scope, &subcircuit.parameters, &subcircuit.ports);
        let ports = subcircuit.ports.iter().map(Name::folded).zip(nodes.iter().copied()).collect();
        let path = format!("{}.", self.path(env, &element.name.text));
        let multiplicity = device::multiplicity(self, env, element);
        let inner = self.scopes.push(definition.clone(), Some(defined), path, ports, multiplicity);
        for assignment in element.parameters.iter().filter(|a| !a.name.text.eq_ignore_ascii_case("m")) {
            match definition.header_parameter(&assignment.name.folded()) {
                Some(k) => self.scopes.assign(inner, k, &assignment.value, env),
                None => self.unknown_parameter(assignment.name.span, &assignment.name.text, subcircuit),
            }
        }
        self.scopes.force(inner);
        self.chain.push((subcircuit, element.span));
        self.unfold(inner);
        self.chain.pop();
        self.scopes.pop();
    }

    /// Limits that no circuit meets but by mistake.
    fn too_much(&mut self, element: &Element) -> bool {
        let what = match (self.chain.len(), self.circuit.instances.len()) {
            (DEEPEST.., _) => format!("subcircuits in subcircuits, more than {DEEPEST} deep"),
            (_, MOST_DEVICES..) => format!("more than {MOST_DEVICES} devices"),
            _ => return false,
        };
        self.report(Diagnostic::error(element.span, what).expected("this one is too much"));
        true
    }

    fn unknown_parameter(&mut self, span: Span, name: &str, subcircuit: &Subcircuit) {
        let known: Vec<&str> = subcircuit.parameters.iter().map(|p| p.name.text.as_str()).collect();
        let list = if known.is_empty() { "it has none".to_string() } else { format!("it has {}", known.join(", ")) };
        self.report(
            Diagnostic::error(span, format!("subcircuit `{}` has no parameter `{name}`", subcircuit.name.text))
                .expected(list)
                .label(subcircuit.span, "declared here")
                .suggest(name, known),
        );
    }

    fn recursive(&mut self, element: &Element, subcircuit: &'d Subcircuit) -> bool {
        let Some(start) = self.chain.iter().position(|(s, _)| std::ptr::eq(*s, subcircuit)) else { return false };
        let mut path: Vec<&str> = self.chain[start..].iter().map(|(s, _)| s.name.text.as_str()).collect();
        path.push(&subcircuit.name.text);
        let mut error = Diagnostic::error(element.span, format!("subcircuit `{}` contains itself: {}", path[0], path.join(" -> ")))
            .expected("here the circle closes");
        for (inner, span) in &self.chain[start + 1..] {
            error = error.label(*span, format!("`{}` is used here", inner.name.text));
        }
        // The same mistake is met once for every use of the outermost subcircuit.
        if !self.scopes.found.iter().any(|d| d.message == error.message) {
            self.report(error);
        }
        true
    }

    /// Names of all inductors so far, for suggestions.
    pub fn inductor_names(&self) -> Vec<String> {
        let all = self.circuit.instances.iter();
        all.filter(|i| self.circuit.models[i.model as usize].name == "inductor").map(|i| i.name.clone()).collect()
    }

    /// The name of something in a use: with the path of the use before it.
    pub fn path(&self, env: EnvId, name: &str) -> String {
        format!("{}{name}", self.scopes.envs[env].path)
    }

    /// The terminal that a node name stands for; the first mention makes the node.
    pub fn node(&mut self, env: EnvId, name: &Name) -> Terminal {
        let folded = name.folded();
        if GROUND.contains(&folded.as_str()) {
            return Terminal::Ground;
        }
        if let Some(port) = self.scopes.envs[env].ports.get(&folded) {
            return *port;
        }
        let path = match self.globals.get(&folded) {
            Some(global) => global.clone(),
            None => self.path(env, &name.text),
        };
        let next = self.circuit.nodes.len() as u32;
        let node = *self.names.nodes.entry(path.to_lowercase()).or_insert(next);
        if node == next {
            self.circuit.nodes.push(Node { name: path, span: name.span });
        }
        Terminal::Node(node)
    }
}

/// `1 port`, `2 ports`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
