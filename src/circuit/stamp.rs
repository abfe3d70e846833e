//! Further uses of a subcircuit as copies of the first: what an `X` card unfolds to differs from one use to the next in names
//! and nodes only, where both give the same parameters. No expression is read twice, and lists of parameters are shared.

use std::ops::Range;

use smol_str::SmolStr;

use crate::circuit::flatten::{Flattener, Use};
use crate::circuit::scope::EnvId;
use crate::circuit::{Node, Terminal};
use crate::netlist::ast::Subcircuit;

/// Stamps of one kind of card; what else there is is unfolded again and again.
const MOST_STAMPS: usize = 16;

/// One use of a subcircuit.
pub struct Stamp {
    /// For each port, the first one with the same node, or none for ground: on this depends what is built inside.
    ports: Vec<Option<u32>>,
    /// Values of its parameters.
    values: Vec<f64>,
    /// Length of the path of its names.
    path: usize,
    nodes: Range<u32>,
    instances: Range<usize>,
    sources: Range<usize>,
    /// What the terminals of its instances, then of its sources, are bound to.
    bound: Vec<Bound>,
}

/// What a terminal is bound to, seen from the use.
#[derive(Clone, Copy)]
enum Bound {
    /// Whatever the use.
    Same(Terminal),
    /// A node of its own: how many-th.
    Own(u32),
    /// A port.
    Port(u32),
    /// The current of an instance of its own: how many-th.
    Instance(u32),
    /// The current of a source of its own: how many-th.
    Source(u32),
}

fn shape(nodes: &[Terminal]) -> Vec<Option<u32>> {
    let first = |t: &Terminal| nodes.iter().position(|other| other == t).map(|k| k as u32);
    nodes.iter().map(|t| if *t == Terminal::Ground { None } else { first(t) }).collect()
}

impl<'d> Flattener<'d, '_> {
    /// Unfolds a subcircuit for a plain card, as a copy of an earlier use where that is possible.
    pub fn enter_again(
        &mut self,
        env: EnvId,
        card: &Use<'d, '_>,
        (subcircuit, defined): (&'d Subcircuit, EnvId),
        stamps: &mut Vec<Stamp>,
        nodes: &[Terminal],
    ) {
        let alike = |stamp: &&Stamp| {
            stamp.values == card.values
                && stamp.ports.len() == nodes.len()
                && nodes.iter().zip(&stamp.ports).all(|(node, port)| match port {
                    None => *node == Terminal::Ground,
                    Some(k) => *node != Terminal::Ground && *node == nodes[*k as usize],
                })
                && stamp.distinct(nodes)
        };
        if let Some(stamp) = stamps.iter().find(alike) {
            if !self.too_much(card.span) {
                self.copy(env, card.name, stamp, nodes);
            }
            return;
        }
        let before = (self.circuit.nodes.len() as u32, self.circuit.instances.len(), self.circuit.sources.len());
        // What is drawn differs from one use to the next.
        let quiet = (self.later.len(), self.dotted.len(), self.scopes.found.len(), self.scopes.draws);
        self.enter(env, card, subcircuit, defined, nodes);
        // What reaches out of the subcircuit, and what has mistakes, is read for every use.
        if quiet != (self.later.len(), self.dotted.len(), self.scopes.found.len(), self.scopes.draws) || stamps.len() >= MOST_STAMPS
        {
            return;
        }
        let path = self.path(env, card.name).len() + 1;
        let nodes_made = before.0..self.circuit.nodes.len() as u32;
        let made = (before.1..self.circuit.instances.len(), before.2..self.circuit.sources.len());
        let made = self.stamp(path, nodes_made, made, nodes);
        stamps.extend(made.map(|stamp| Stamp { values: card.values.to_vec(), ..stamp }));
    }

    /// What can be copied of a use that was just unfolded; none if something in it is bound to what lies outside.
    fn stamp(
        &self,
        path: usize,
        nodes: Range<u32>,
        (instances, sources): (Range<usize>, Range<usize>),
        ports: &[Terminal],
    ) -> Option<Stamp> {
        // With global nodes a port may be one of them, or a node made inside may belong to all.
        if !self.globals.is_empty() {
            return None;
        }
        let bound = |terminal: &Terminal| {
            if let Some(port) = ports.iter().position(|p| p == terminal && *p != Terminal::Ground) {
                return Some(Bound::Port(port as u32));
            }
            match *terminal {
                Terminal::Ground | Terminal::Open => Some(Bound::Same(*terminal)),
                Terminal::Node(k) => nodes.contains(&k).then(|| Bound::Own(k - nodes.start)),
                Terminal::InstanceCurrent(k) => {
                    instances.contains(&(k as usize)).then(|| Bound::Instance(k - instances.start as u32))
                }
                Terminal::SourceCurrent(k) => sources.contains(&(k as usize)).then(|| Bound::Source(k - sources.start as u32)),
            }
        };
        let of_instances = self.circuit.instances[instances.clone()].iter().flat_map(|i| &i.terminals);
        let list: Option<Vec<Bound>> = of_instances.map(bound).collect();
        let mut list = list?;
        for source in &self.circuit.sources[sources.clone()] {
            list.extend([bound(&source.plus)?, bound(&source.minus)?]);
        }
        Some(Stamp { ports: shape(ports), values: Vec::new(), path, nodes, instances, sources, bound: list })
    }

    /// Copies a use.
    fn copy(&mut self, env: EnvId, name: &str, stamp: &Stamp, ports: &[Terminal]) {
        let mut path = self.path(env, name);
        path.push('.');
        let length = path.len();
        let mut renamed = |old: &str| {
            path.truncate(length);
            path.push_str(&old[stamp.path..]);
            SmolStr::new(&path)
        };
        let mut own: Vec<u32> = Vec::with_capacity(stamp.nodes.len());
        for k in stamp.nodes.clone() {
            let old = &self.circuit.nodes[k as usize];
            let node = Node { name: renamed(&old.name), span: old.span };
            let name = node.name.clone();
            own.push(self.names.node(&mut self.circuit.nodes, &name, || node));
        }
        let (first_instance, first_source) = (self.circuit.instances.len() as u32, self.circuit.sources.len() as u32);
        let mut bound = stamp.bound.iter().map(|bound| match *bound {
            Bound::Same(terminal) => terminal,
            Bound::Own(k) => Terminal::Node(own[k as usize]),
            Bound::Port(k) => ports[k as usize],
            Bound::Instance(k) => Terminal::InstanceCurrent(first_instance + k),
            Bound::Source(k) => Terminal::SourceCurrent(first_source + k),
        });
        for k in stamp.instances.clone() {
            let mut instance = self.circuit.instances[k].clone();
            instance.name = renamed(&instance.name);
            instance.terminals.iter_mut().zip(&mut bound).for_each(|(terminal, real)| *terminal = real);
            self.circuit.instances.push(instance);
        }
        for k in stamp.sources.clone() {
            let mut source = self.circuit.sources[k].clone();
            source.name = renamed(&source.name).to_string();
            for terminal in [&mut source.plus, &mut source.minus] {
                *terminal = bound.next().unwrap_or(*terminal);
            }
            self.circuit.sources.push(source);
        }
    }
}

impl Stamp {
    /// Whether ports that were different nodes are so again.
    fn distinct(&self, nodes: &[Terminal]) -> bool {
        let own = |k: usize| self.ports[k] == Some(k as u32);
        (0..nodes.len()).filter(|k| own(*k)).all(|k| !(0..k).any(|other| own(other) && nodes[other] == nodes[k]))
    }
}
