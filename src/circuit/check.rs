//! What can be known of a circuit from its structure: nodes without elements, loops of voltages, islands (decision 29).
//!
//! Vertices are the nodes, ground, and the inner nodes of every instance; what joins two of them is read from the equations
//! of the models (see `structure`).

use std::collections::BTreeSet;

use crate::circuit::forest::{Components, Forest};
use crate::circuit::graph::Values;
use crate::circuit::names::branch_current;
use crate::circuit::structure::{Pair, Structure, Tie, structure};
use crate::circuit::{Circuit, SourceKind, Terminal, coupling};
use crate::diag::{Diagnostic, Severity};
use crate::span::Span;

/// Messages about nodes, at most; with each of them a name is looked for that was perhaps meant.
const MOST_FOUND: usize = 200;

/// Names listed in one message.
const LISTED: usize = 10;

/// A circuit with its vertices numbered.
struct Map<'c> {
    circuit: &'c Circuit,
    structures: Vec<Structure>,
    /// First inner vertex of each instance.
    inner: Vec<u32>,
    ground: u32,
    vertices: usize,
}

/// Checks the structure; finds islands, loops of inductors and index-2 currents.
pub fn check(circuit: &mut Circuit, values: &Values) -> Vec<Diagnostic> {
    if circuit.instances.is_empty() && circuit.sources.is_empty() {
        return vec![
            Diagnostic::anywhere("the deck has no element").hint("the first line of a deck is its title, whatever it says"),
        ];
    }
    let map = Map::new(circuit);
    let (terminals, ties) = (map.terminals(), map.ties());
    let mut found = map.touches(&terminals);
    let (loops, messages) = map.loops(&ties);
    found.extend(messages);
    let (islands, messages) = map.islands(&terminals.0);
    found.extend(messages);
    let index2 = map.index2(ties);
    found.extend(coupling::check(circuit, values));
    circuit.loops = loops;
    circuit.islands = islands;
    circuit.index2 = index2;
    found
}

impl<'c> Map<'c> {
    fn new(circuit: &'c Circuit) -> Map<'c> {
        let structures = circuit.models.iter().map(|m| structure(m)).collect();
        let ground = circuit.nodes.len() as u32;
        let mut next = ground + 1;
        let mut inner = Vec::with_capacity(circuit.instances.len());
        for instance in &circuit.instances {
            let model = &circuit.models[instance.model as usize];
            inner.push(next);
            next += (model.unknowns.len() - model.ports) as u32;
        }
        Map { circuit, structures, inner, ground, vertices: next as usize }
    }

    fn terminal(&self, terminal: Terminal) -> Option<u32> {
        match terminal {
            Terminal::Ground => Some(self.ground),
            Terminal::Node(node) => Some(node),
            Terminal::SourceCurrent(_) | Terminal::InstanceCurrent(_) | Terminal::Open => None,
        }
    }

    /// The vertices of a pair of rows of an instance; `None` where a terminal is no node.
    fn ends(&self, instance: usize, pair: Pair) -> Option<(u32, u32)> {
        let card = &self.circuit.instances[instance];
        let ports = self.circuit.models[card.model as usize].ports as u32;
        let vertex = |row: u32| match row < ports {
            true => self.terminal(card.terminals[row as usize]),
            false => Some(self.inner[instance] + row - ports),
        };
        Some((vertex(pair.0)?, pair.1.map_or(Some(self.ground), vertex)?))
    }

    /// All pairs of one kind, as vertices.
    fn pairs<'m>(&'m self, of: impl Fn(&'m Structure) -> &'m [Pair] + 'm) -> impl Iterator<Item = (u32, u32)> + 'm {
        // Most circuits have no pairs of most kinds: then no device is looked at.
        let any = self.structures.iter().any(|s| !of(s).is_empty());
        let instances = if any { self.circuit.instances.as_slice() } else { &[] };
        instances.iter().enumerate().flat_map(move |(k, instance)| {
            of(&self.structures[instance.model as usize]).iter().filter_map(move |p| self.ends(k, *p))
        })
    }

    /// Per node, how many terminals touch it with a current or charge, and how many only look at it.
    fn terminals(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut real, mut looks) = (vec![0u32; self.circuit.nodes.len()], vec![0u32; self.circuit.nodes.len()]);
        for instance in &self.circuit.instances {
            let touches = &self.structures[instance.model as usize].touches;
            for (terminal, touch) in instance.terminals.iter().zip(touches) {
                if let Terminal::Node(node) = terminal {
                    let count = if *touch { &mut real } else { &mut looks };
                    count[*node as usize] += 1;
                }
            }
        }
        for terminal in self.circuit.sources.iter().flat_map(|s| [s.plus, s.minus]) {
            if let Terminal::Node(node) = terminal {
                real[node as usize] += 1;
            }
        }
        (real, looks)
    }

    /// Nodes that a port declared `output` drives: a signal may stay unused.
    fn outputs(&self) -> BTreeSet<u32> {
        let instances = self.circuit.instances.iter();
        let driven = instances.flat_map(|instance| {
            let outputs = &self.circuit.models[instance.model as usize].outputs;
            outputs.iter().filter_map(|row| instance.terminals.get(*row as usize))
        });
        driven.filter_map(|terminal| if let Terminal::Node(node) = terminal { Some(*node) } else { None }).collect()
    }

    /// Nodes that no element, or only one terminal, touches; outputs of models may have one.
    fn touches(&self, (real, looks): &(Vec<u32>, Vec<u32>)) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut more: Option<(usize, Span)> = None;
        let outputs = self.outputs();
        for (k, node) in self.circuit.nodes.iter().enumerate() {
            if real[k] > 0 && (real[k] + looks[k] > 1 || outputs.contains(&(k as u32))) {
                continue;
            }
            if found.len() >= MOST_FOUND {
                more = Some(more.map_or((1, node.span), |(count, first)| (count + 1, first)));
            } else if real[k] == 0 {
                let known =
                    self.circuit.nodes.iter().enumerate().filter(|(other, _)| real[*other] > 0).map(|(_, n)| n.name.as_str());
                let what = if looks[k] > 0 { "it only controls, nothing sets its voltage" } else { "nothing is connected to it" };
                let message = format!("node `{}` has no element", node.name);
                found.push(Diagnostic::error(node.span, message).expected(what).suggest(&node.name, known));
            } else {
                let message = format!("node `{}` is connected to one terminal only", node.name);
                found.push(Diagnostic::warning(node.span, message).expected("no current can flow here"));
            }
        }
        // Nodes without any element are errors: if one is among those that are not listed, one of them is.
        if let Some((count, span)) = more {
            let all = (0..real.len()).filter(|k| real[*k] == 0).count();
            let listed = found.iter().filter(|d: &&Diagnostic| d.severity == Severity::Error).count();
            let message = format!("{count} more nodes are connected to one terminal only or to none");
            let made = if all > listed { Diagnostic::error(span, message) } else { Diagnostic::warning(span, message) };
            found.push(made.expected("the first of them"));
        }
        found
    }

    /// Every branch that ties a voltage: ends, how, terminal of its current, name and place.
    fn ties(&self) -> Vec<Branch<'_>> {
        let mut all = Vec::new();
        for (k, source) in self.circuit.sources.iter().enumerate().filter(|(_, s)| s.kind == SourceKind::Voltage) {
            if let (Some(a), Some(b)) = (self.terminal(source.plus), self.terminal(source.minus)) {
                let current = Some(Terminal::SourceCurrent(k as u32));
                all.push(Branch { ends: (a, b), tie: Tie::Ideal, current, name: &source.name, span: source.span });
            }
        }
        if self.structures.iter().all(|s| s.branches.is_empty()) {
            return all;
        }
        for (k, instance) in self.circuit.instances.iter().enumerate() {
            if self.structures[instance.model as usize].branches.is_empty() {
                continue;
            }
            let only = branch_current(&self.circuit.models[instance.model as usize]);
            for (pair, tie, row) in &self.structures[instance.model as usize].branches {
                if let Some(ends) = self.ends(k, *pair) {
                    let current = (only == Some(*row)).then_some(Terminal::InstanceCurrent(k as u32));
                    all.push(Branch { ends, tie: *tie, current, name: &instance.name, span: instance.span });
                }
            }
        }
        all
    }

    /// Loops of voltages are errors; of every loop with an inductor, one inductor is anchored.
    fn loops(&self, ties: &[Branch]) -> (Vec<u32>, Vec<Diagnostic>) {
        let mut forest = Forest::new(self.vertices);
        let (mut anchored, mut found) = (Vec::new(), Vec::new());
        for wanted in [Tie::Ideal, Tie::Inductive] {
            for (k, branch) in ties.iter().enumerate().filter(|(_, b)| b.tie == wanted) {
                let Some(others) = forest.add(branch.ends.0, branch.ends.1, k as u32) else { continue };
                let others: Vec<&Branch> = others.iter().map(|e| &ties[*e as usize]).collect();
                if wanted == Tie::Ideal {
                    found.push(voltage_loop(branch, &others));
                    continue;
                }
                if let Some(Terminal::InstanceCurrent(instance)) = branch.current {
                    anchored.push(instance);
                }
                found.push(inductor_loop(branch, &others));
            }
        }
        (anchored, found)
    }

    /// Components without a path for direct current to ground whose voltage nothing else determines.
    fn islands(&self, real: &[u32]) -> (Vec<u32>, Vec<Diagnostic>) {
        let mut parts = Components::new(self.vertices);
        for (a, b) in self.pairs(|s| &s.conducting) {
            parts.join(a, b);
        }
        for source in self.circuit.sources.iter().filter(|s| s.kind == SourceKind::Voltage) {
            if let (Some(a), Some(b)) = (self.terminal(source.plus), self.terminal(source.minus)) {
                parts.join(a, b);
            }
        }
        let mut crossed = |pairs: &mut dyn Iterator<Item = (u32, u32)>, inside: bool| {
            let mut marks = vec![false; self.vertices];
            for (a, b) in pairs {
                let (a, b) = (parts.root(a), parts.root(b));
                if a != b || inside {
                    marks[a as usize] = true;
                    marks[b as usize] = true;
                }
            }
            marks
        };
        let driven = crossed(&mut self.pairs(|s| &s.driven), false);
        let probed = crossed(&mut self.pairs(|s| &s.probed), false);
        let charged = crossed(&mut self.pairs(|s| &s.charged), true);
        let ground = parts.root(self.ground);
        let mut groups: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
        for node in 0..self.circuit.nodes.len() as u32 {
            let root = parts.root(node);
            // What a current depends on may still determine the voltage: that is for the solver to say.
            if root != ground && real[node as usize] > 0 && !(driven[root as usize] && probed[root as usize]) {
                groups.entry(root).or_default().push(node);
            }
        }
        let (mut islands, mut found) = (Vec::new(), Vec::new());
        for (root, nodes) in groups {
            found.push(self.island(&nodes, charged[root as usize]));
            islands.extend(nodes);
        }
        islands.sort_unstable();
        (islands, found)
    }

    fn island(&self, nodes: &[u32], charged: bool) -> Diagnostic {
        let names: Vec<String> = nodes.iter().take(LISTED).map(|n| format!("`{}`", self.circuit.nodes[*n as usize].name)).collect();
        let more = if nodes.len() > LISTED { format!(" and {} more", nodes.len() - LISTED) } else { String::new() };
        let (list, span) = (format!("{}{more}", names.join(", ")), self.circuit.nodes[nodes[0] as usize].span);
        let node = if nodes.len() == 1 { "node" } else { "nodes" };
        if charged {
            return Diagnostic::warning(span, format!("{node} {list}: no path for direct current to ground"))
                .expected("reached through capacitors or current sources only")
                .hint("static analyses keep its charge; set the voltage it starts from with .ic");
        }
        Diagnostic::error(span, format!("{node} {list}: nothing determines the voltage"))
            .expected("reached through current sources only")
            .hint("connect it to ground by a resistor, however large")
    }

    /// Currents of voltage sources that close a loop of capacitors.
    fn index2(&self, ties: Vec<Branch>) -> Vec<Terminal> {
        let mut parts = Components::new(self.vertices);
        for (a, b) in self.pairs(|s| &s.charged) {
            parts.join(a, b);
        }
        let ties: Vec<Branch> = ties.into_iter().filter(|t| t.tie == Tie::Ideal).collect();
        let mut marks = vec![false; ties.len()];
        let mut forest = Forest::new(self.vertices);
        for (k, tie) in ties.iter().enumerate() {
            let (a, b) = (parts.root(tie.ends.0), parts.root(tie.ends.1));
            if let Some(path) = forest.add(a, b, k as u32) {
                path.iter().for_each(|e| marks[*e as usize] = true);
                marks[k] = true;
            }
        }
        ties.iter().zip(marks).filter(|(_, mark)| *mark).filter_map(|(tie, _)| tie.current).collect()
    }
}

/// A branch that ties a voltage.
struct Branch<'c> {
    ends: (u32, u32),
    tie: Tie,
    current: Option<Terminal>,
    name: &'c str,
    span: Span,
}

fn voltage_loop(branch: &Branch, others: &[&Branch]) -> Diagnostic {
    if others.is_empty() {
        let message = format!("both ends of voltage source `{}` are the same node", branch.name);
        return Diagnostic::error(branch.span, message).expected("short-circuited");
    }
    let names: Vec<&str> = std::iter::once(branch.name).chain(others.iter().map(|o| o.name)).collect();
    let mut error = Diagnostic::error(branch.span, format!("loop of voltage sources: {}", names.join(", ")))
        .expected("its current is not determined");
    for other in others.iter().take(LISTED) {
        error = error.label(other.span, "in the same loop");
    }
    error.hint("put a small resistor into the loop, or remove one source")
}

fn inductor_loop(branch: &Branch, others: &[&Branch]) -> Diagnostic {
    let names: Vec<&str> = std::iter::once(branch.name).chain(others.iter().map(|o| o.name)).collect();
    Diagnostic::warning(branch.span, format!("loop of inductors and voltage sources: {}", names.join(", ")))
        .expected("its direct current is not determined; static analyses keep its flux")
        .hint("set the current it starts from with ic=, or put a resistor into the loop")
}
