//! Invariants of a [`Function`]; a violation is our mistake, never the user's.
//!
//! Every value stands in one region, every node too; arguments are defined before use and in sight; types fit the table;
//! carried values stand in the body of their loop, results after their node and beside it; outputs belong to region 0.

use crate::ir::op::Takes;
use crate::ir::{Function, Inst, Item, Node, NodeKind, Region, Type, Value};

/// Panics in debug builds if `f` breaks an invariant.
pub fn debug_check(f: &Function) {
    if cfg!(debug_assertions)
        && let Err(what) = check(f)
    {
        panic!("broken function: {what}");
    }
}

/// The first broken invariant.
///
/// # Errors
/// Which one, of which value.
pub fn check(f: &Function) -> Result<(), String> {
    if f.types.len() != f.insts.len() || f.spans.len() != f.insts.len() || f.regions.is_empty() {
        return Err("tables of different length".to_string());
    }
    let mut walk = Walk {
        f,
        visible: vec![false; f.insts.len()],
        placed: vec![false; f.insts.len()],
        used: vec![false; f.regions.len()],
        open: Vec::new(),
        done: vec![false; f.nodes.len()],
    };
    walk.region(Region(0), &mut |_| Ok(()), false)?;
    f.outputs.iter().try_for_each(|v| walk.sees(*v))?;
    match walk.placed.iter().position(|placed| !placed) {
        Some(value) => Err(format!("value {value} stands in no region")),
        None => Ok(()),
    }
}

struct Walk<'a> {
    f: &'a Function,
    visible: Vec<bool>,
    placed: Vec<bool>,
    used: Vec<bool>,
    /// Loops around the current place.
    open: Vec<Node>,
    done: Vec<bool>,
}

impl Walk<'_> {
    fn sees(&self, value: Value) -> Result<(), String> {
        let seen = self.visible.get(value.0 as usize).copied().unwrap_or(false);
        if seen { Ok(()) } else { Err(format!("value {} is used out of sight", value.0)) }
    }

    fn has_type(&self, value: Value, kind: Type, what: &str) -> Result<(), String> {
        let found = self.f.types[value.0 as usize];
        if found == kind { Ok(()) } else { Err(format!("{what}: value {} is {found:?}, not {kind:?}", value.0)) }
    }

    /// Walks one region; `at_end` sees it while its values are in sight. Values of inner regions go out of sight again.
    fn region(&mut self, region: Region, at_end: &mut dyn FnMut(&Walk) -> Result<(), String>, inner: bool) -> Result<(), String> {
        if std::mem::replace(&mut self.used[region.0 as usize], true) {
            return Err(format!("region {} stands twice", region.0));
        }
        let mut here = Vec::new();
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => {
                    self.value(*value)?;
                    here.push(*value);
                }
                Item::Node(node) => self.node(*node)?,
            }
        }
        at_end(self)?;
        if inner {
            here.iter().for_each(|v| self.visible[v.0 as usize] = false);
        }
        Ok(())
    }

    fn value(&mut self, value: Value) -> Result<(), String> {
        let (f, v) = (self.f, value.0 as usize);
        if std::mem::replace(&mut self.placed[v], true) {
            return Err(format!("value {v} stands twice"));
        }
        match f.insts[v] {
            Inst::Const(_) | Inst::Input(_) => {}
            Inst::Op(op, arguments) => {
                arguments[..op.arity()].iter().try_for_each(|a| self.sees(*a))?;
                let (takes, gives) = op.row().signature;
                for (k, takes) in takes.iter().enumerate() {
                    match takes {
                        Takes::Only(kind) => self.has_type(arguments[k], *kind, op.row().name)?,
                        Takes::Any => {}
                        Takes::Same => self.has_type(arguments[k], f.types[arguments[k - 1].0 as usize], op.row().name)?,
                    }
                }
                let kind = gives.unwrap_or(f.types[arguments[op.arity() - 1].0 as usize]);
                self.has_type(value, kind, op.row().name)?;
            }
            Inst::Partial(of, _) => self.sees(of)?,
            Inst::Result(node, k) => {
                if !self.done[node.0 as usize] {
                    return Err(format!("value {v} comes before its node"));
                }
                let source = match &f.nodes[node.0 as usize] {
                    NodeKind::If { then, .. } => then.1.get(k as usize),
                    NodeKind::Loop { initial, .. } => initial.get(k as usize),
                };
                let source = source.ok_or(format!("value {v} shows a result that there is not"))?;
                self.has_type(value, f.types[source.0 as usize], "result")?;
            }
            Inst::Carried(node, k) => {
                let NodeKind::Loop { initial, .. } = &f.nodes[node.0 as usize] else {
                    return Err(format!("value {v} is carried by no loop"));
                };
                if self.open.last() != Some(&node) || k as usize >= initial.len() {
                    return Err(format!("value {v} stands outside its loop"));
                }
            }
        }
        self.visible[v] = true;
        Ok(())
    }

    fn node(&mut self, node: Node) -> Result<(), String> {
        let f = self.f;
        match &f.nodes[node.0 as usize] {
            NodeKind::If { condition, then, otherwise } => {
                self.sees(*condition)?;
                self.has_type(*condition, Type::Bool, "condition")?;
                if then.1.len() != otherwise.1.len() {
                    return Err(format!("the arms of node {} hand out different numbers of values", node.0));
                }
                for (a, b) in then.1.iter().zip(&otherwise.1) {
                    self.has_type(*b, f.types[a.0 as usize], "arms")?;
                }
                for (region, yields) in [then, otherwise] {
                    self.region(*region, &mut |walk| yields.iter().try_for_each(|v| walk.sees(*v)), true)?;
                }
            }
            NodeKind::Loop { initial, body, condition, next } => {
                initial.iter().try_for_each(|v| self.sees(*v))?;
                self.has_type(*condition, Type::Bool, "condition")?;
                if initial.len() != next.len() {
                    return Err(format!("loop {} goes on with other values than it began with", node.0));
                }
                for (a, b) in initial.iter().zip(next) {
                    self.has_type(*b, f.types[a.0 as usize], "loop")?;
                }
                self.open.push(node);
                let ends = &mut |walk: &Walk| next.iter().chain([condition]).try_for_each(|v| walk.sees(*v));
                self.region(*body, ends, true)?;
                self.open.pop();
            }
        }
        self.done[node.0 as usize] = true;
        Ok(())
    }
}
