//! Lists of a few values: what one value is made from, without an allocation.

use std::ops::Deref;

use crate::ir::{Function, Inst, NodeKind, Value};

/// At most four values.
#[derive(Clone, Copy, Debug)]
pub struct Few {
    values: [Value; 4],
    count: u8,
}

impl Few {
    /// The values of a slice of at most four.
    pub fn new(list: &[Value]) -> Few {
        let mut values = [Value(0); 4];
        values[..list.len()].copy_from_slice(list);
        Few { values, count: list.len() as u8 }
    }

    /// The list with one more value.
    pub fn with(mut self, value: Value) -> Few {
        self.values[self.count as usize] = value;
        self.count += 1;
        self
    }
}

impl Deref for Few {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.values[..self.count as usize]
    }
}

/// The values that one value is made from (conditions of nodes left out).
pub fn sources(f: &Function, value: Value) -> Few {
    match &f.insts[value.0 as usize] {
        Inst::Const(_) | Inst::Input(_) => Few::new(&[]),
        Inst::Op(op, arguments) => Few::new(&arguments[..op.arity()]),
        Inst::Partial(of, _) => Few::new(&[*of]),
        Inst::Carried(node, k) | Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
            NodeKind::If { then, otherwise, .. } => Few::new(&[then.1[*k as usize], otherwise.1[*k as usize]]),
            NodeKind::Loop { initial, next, .. } => Few::new(&[initial[*k as usize], next[*k as usize]]),
        },
    }
}

/// What must be known before a value is: its sources, and the condition of the node behind it.
pub fn needs(f: &Function, value: Value) -> Few {
    let list = sources(f, value);
    match f.insts[value.0 as usize] {
        Inst::Result(node, _) | Inst::Carried(node, _) => {
            let (NodeKind::If { condition, .. } | NodeKind::Loop { condition, .. }) = &f.nodes[node.0 as usize];
            list.with(*condition)
        }
        _ => list,
    }
}

/// For each node, the values that show its results or carried values, with their numbers, in order of these.
pub fn shown(f: &Function) -> Vec<Vec<(Value, u32)>> {
    let mut lists = vec![Vec::new(); f.nodes.len()];
    for (v, inst) in f.insts.iter().enumerate() {
        if let Inst::Result(node, k) | Inst::Carried(node, k) = inst {
            lists[node.0 as usize].push((Value(v as u32), *k));
        }
    }
    lists.iter_mut().for_each(|list| list.sort_by_key(|(_, k)| *k));
    lists
}
