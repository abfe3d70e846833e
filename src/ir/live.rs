//! Removal of what no output needs: instructions, whole nodes, single results of a node.
//!
//! Gives a function in which values are numbered in the order of execution.

use crate::ir::verify::debug_check;
use crate::ir::{Function, Inst, Item, Node, NodeKind, Region, Value};

/// The part of `f` that computes `outputs`, which are values of region 0.
pub fn prune(f: &Function, outputs: &[Value]) -> Function {
    let used = Used::by(f, outputs);
    let mut copy = Copy {
        f,
        used: &used,
        to: vec![Value(u32::MAX); f.insts.len()],
        nodes: vec![None; f.nodes.len()],
        ranks: used.results.iter().map(|used| ranks(used)).collect(),
        out: Function { tables: f.tables.clone(), ..Function::default() },
    };
    copy.region(Region(0));
    let outputs = outputs.iter().map(|v| copy.to[v.0 as usize]).collect();
    let out = Function { outputs, ..copy.out };
    debug_check(&out);
    out
}

/// What some outputs need.
pub struct Used {
    /// Which values.
    pub values: Vec<bool>,
    /// Which results (of a loop: carried values) of each node.
    pub results: Vec<Vec<bool>>,
}

impl Used {
    /// What `roots` need of `f`.
    pub fn by(f: &Function, roots: &[Value]) -> Used {
        let results = f.nodes.iter().map(|node| vec![false; results_of(node)]).collect();
        let mut used = Used { values: vec![false; f.insts.len()], results };
        let mut open: Vec<Value> = roots.to_vec();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut used.values[value.0 as usize], true) {
                continue;
            }
            match f.insts[value.0 as usize] {
                Inst::Const(_) | Inst::Input(_) => {}
                Inst::Op(op, arguments) => open.extend(&arguments[..op.arity()]),
                Inst::Partial(of, _) => open.push(of),
                Inst::Result(node, k) | Inst::Carried(node, k) => {
                    used.results[node.0 as usize][k as usize] = true;
                    match &f.nodes[node.0 as usize] {
                        NodeKind::If { condition, then, otherwise } => {
                            open.extend([*condition, then.1[k as usize], otherwise.1[k as usize]]);
                        }
                        NodeKind::Loop { initial, condition, next, .. } => {
                            open.extend([*condition, initial[k as usize], next[k as usize]]);
                        }
                    }
                }
            }
        }
        used
    }
}

/// Number of results of a node.
pub fn results_of(node: &NodeKind) -> usize {
    match node {
        NodeKind::If { then, .. } => then.1.len(),
        NodeKind::Loop { initial, .. } => initial.len(),
    }
}

struct Copy<'a> {
    f: &'a Function,
    used: &'a Used,
    to: Vec<Value>,
    nodes: Vec<Option<Node>>,
    /// For each result of each node, how many before it are used.
    ranks: Vec<Vec<u32>>,
    out: Function,
}

/// How many are set before each.
fn ranks(used: &[bool]) -> Vec<u32> {
    let rank = |count: &mut u32, used: &bool| {
        *count += u32::from(*used);
        Some(*count - u32::from(*used))
    };
    used.iter().scan(0, rank).collect()
}

impl Copy<'_> {
    fn value(&self, value: Value) -> Value {
        self.to[value.0 as usize]
    }

    /// New values of those entries of `list` that are used.
    fn kept(&self, node: Node, list: &[Value]) -> Vec<Value> {
        let used = &self.used.results[node.0 as usize];
        list.iter().zip(used).filter(|(_, used)| **used).map(|(v, _)| self.value(*v)).collect()
    }

    fn region(&mut self, region: Region) -> Region {
        let fresh = Region(self.out.regions.len() as u32);
        self.out.regions.push(Vec::new());
        let mut items = Vec::new();
        for item in &self.f.regions[region.0 as usize] {
            match item {
                Item::Value(value) if self.used.values[value.0 as usize] => {
                    self.inst(*value);
                    items.push(Item::Value(self.value(*value)));
                }
                Item::Node(node) if self.used.results[node.0 as usize].contains(&true) => items.push(Item::Node(self.node(*node))),
                _ => {}
            }
        }
        self.out.regions[fresh.0 as usize] = items;
        fresh
    }

    fn inst(&mut self, value: Value) {
        let index = value.0 as usize;
        let renumber = |node: Node, k: u32| (self.nodes[node.0 as usize].unwrap_or(node), self.ranks[node.0 as usize][k as usize]);
        let inst = match self.f.insts[index] {
            Inst::Op(op, arguments) => {
                let mut moved = [self.value(arguments[0]); 3];
                for (to, from) in moved.iter_mut().zip(&arguments).take(op.arity()) {
                    *to = self.value(*from);
                }
                Inst::Op(op, moved)
            }
            Inst::Partial(of, probe) => Inst::Partial(self.value(of), probe),
            Inst::Result(node, k) => {
                let (node, k) = renumber(node, k);
                Inst::Result(node, k)
            }
            Inst::Carried(node, k) => {
                let (node, k) = renumber(node, k);
                Inst::Carried(node, k)
            }
            plain => plain,
        };
        self.to[index] = Value(self.out.insts.len() as u32);
        self.out.insts.push(inst);
        self.out.types.push(self.f.types[index]);
        self.out.spans.push(self.f.spans[index]);
    }

    fn node(&mut self, node: Node) -> Node {
        let fresh = Node(self.out.nodes.len() as u32);
        self.nodes[node.0 as usize] = Some(fresh);
        let f = self.f;
        self.out.nodes.push(f.nodes[node.0 as usize].clone());
        let kind = match &f.nodes[node.0 as usize] {
            NodeKind::If { condition, then, otherwise } => {
                let first = self.region(then.0);
                let second = self.region(otherwise.0);
                NodeKind::If {
                    condition: self.value(*condition),
                    then: (first, self.kept(node, &then.1)),
                    otherwise: (second, self.kept(node, &otherwise.1)),
                }
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let inside = self.region(*body);
                NodeKind::Loop {
                    initial: self.kept(node, initial),
                    body: inside,
                    condition: self.value(*condition),
                    next: self.kept(node, next),
                }
            }
        };
        self.out.nodes[fresh.0 as usize] = kind;
        fresh
    }
}
