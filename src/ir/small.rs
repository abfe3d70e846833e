//! A function without its small-signal sources: `Input::Small(k)` is an exact zero.
//!
//! `0 x` is 0 whatever x is, since a source that is not there adds nothing; sums lose the term. What is left over is pruned.

use crate::ir::live::prune;
use crate::ir::{Function, Input, Inst, NodeKind, Op, Type, Value};

/// `f` with its first `outputs` outputs and all small-signal sources gone.
pub fn without_sources(f: &Function, outputs: usize) -> Function {
    let mut f = f.clone();
    let mut same: Vec<Value> = (0..f.insts.len() as u32).map(Value).collect();
    let mut nothing = vec![false; f.insts.len()];
    for v in 0..f.insts.len() {
        if let Inst::Op(_, arguments) = &mut f.insts[v] {
            arguments.iter_mut().for_each(|a| *a = same[a.0 as usize]);
        }
        let Some(change) = change(&f, v, &nothing) else { continue };
        match change {
            Change::Zero => {
                nothing[v] = true;
                f.insts[v] = Inst::Const(0.0);
            }
            Change::Same(value) => same[v] = value,
            Change::Negative(value) => f.insts[v] = Inst::Op(Op::Neg, [value; 3]),
        }
    }
    let to = |v: &mut Value| *v = same[v.0 as usize];
    for node in &mut f.nodes {
        match node {
            NodeKind::If { condition, then, otherwise } => {
                to(condition);
                then.1.iter_mut().chain(&mut otherwise.1).for_each(to);
            }
            NodeKind::Loop { initial, condition, next, .. } => {
                to(condition);
                initial.iter_mut().chain(next).for_each(to);
            }
        }
    }
    for inst in &mut f.insts {
        if let Inst::Partial(of, _) = inst {
            to(of);
        }
    }
    let wanted: Vec<Value> = f.outputs[..outputs].iter().map(|v| same[v.0 as usize]).collect();
    prune(&f, &wanted)
}

/// What becomes of a value.
enum Change {
    Zero,
    Same(Value),
    Negative(Value),
}

fn change(f: &Function, v: usize, nothing: &[bool]) -> Option<Change> {
    if f.types[v] != Type::Real {
        return None;
    }
    let zero = |value: &Value| nothing[value.0 as usize];
    match &f.insts[v] {
        Inst::Input(Input::Small(_)) => Some(Change::Zero),
        Inst::Op(op, [a, b, c]) => match op {
            Op::Mul if zero(a) || zero(b) => Some(Change::Zero),
            Op::Neg | Op::Div if zero(a) => Some(Change::Zero),
            Op::Add | Op::Sub if zero(a) && zero(b) => Some(Change::Zero),
            Op::Add | Op::Sub if zero(b) => Some(Change::Same(*a)),
            Op::Add if zero(a) => Some(Change::Same(*b)),
            Op::Sub if zero(a) => Some(Change::Negative(*b)),
            Op::Select if zero(b) && zero(c) => Some(Change::Zero),
            _ => None,
        },
        Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
            NodeKind::If { then, otherwise, .. } if zero(&then.1[*k as usize]) && zero(&otherwise.1[*k as usize]) => {
                Some(Change::Zero)
            }
            _ => None,
        },
        _ => None,
    }
}
