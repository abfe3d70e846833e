//! What a model connects, read from its equations alone: which pairs of rows conduct, store charge, or are tied by a voltage.

use std::collections::BTreeSet;

use crate::ir::{Function, Input, Inst, Node, NodeKind, Value};
use crate::model::{Model, Row, UnknownKind};

/// A pair of rows; `None` is ground.
pub type Pair = (Row, Option<Row>);

/// How a branch current and the voltage across its branch hang together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tie {
    /// The voltage does not depend on the current: a voltage source, perhaps a controlled one.
    Ideal,
    /// Only on its derivative: an inductor.
    Inductive,
    /// It depends on it.
    Resistive,
}

/// What a model connects.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Pairs with a direct current that depends on the voltage across them, or on a branch current.
    pub conducting: Vec<Pair>,
    /// Pairs with a current that depends on something else.
    pub driven: Vec<Pair>,
    /// Pairs with a charge between them.
    pub charged: Vec<Pair>,
    /// Pairs whose difference some current depends on.
    pub probed: Vec<Pair>,
    /// Branches with a current of their own: pair, how it is tied, the unknown.
    pub branches: Vec<(Pair, Tie, Row)>,
    /// Per port: whether the model has a current or a charge there, not only a look at it.
    pub touches: Vec<bool>,
}

/// Reads the structure of a model.
pub fn structure(model: &Model) -> Structure {
    let mut out = Structure { touches: vec![false; model.ports], ..Structure::default() };
    let kind = |row: Row| model.unknowns[row as usize].kind;
    let reads = |output: Option<u32>| output.map_or_else(BTreeSet::new, |o| probes(&model.function, o));
    for contribution in &model.contributions {
        let pair = (contribution.plus, contribution.minus);
        for row in [Some(pair.0), pair.1].into_iter().flatten().filter(|r| (*r as usize) < model.ports) {
            out.touches[row as usize] = true;
        }
        let (f, q) = (reads(contribution.f), reads(contribution.q));
        out.probed.extend(f.iter().map(|k| (model.probes[*k as usize].plus, model.probes[*k as usize].minus)));
        if kind(pair.0) == UnknownKind::Current {
            continue;
        }
        if !q.is_empty() {
            out.charged.push(pair);
        }
        let own = |k: &u32| {
            let probe = &model.probes[*k as usize];
            let rows = [Some(probe.plus), probe.minus];
            kind(probe.plus) == UnknownKind::Current || rows.iter().flatten().any(|r| *r == pair.0 || Some(*r) == pair.1)
        };
        if f.iter().any(own) {
            out.conducting.push(pair);
        } else if !f.is_empty() {
            out.driven.push(pair);
        }
    }
    // Two nodes that may become one.
    let node = |row: Row| matches!(kind(row), UnknownKind::Port | UnknownKind::Internal);
    for collapse in model.collapses.iter().filter(|c| node(c.a) && c.b.is_none_or(node)) {
        for row in [Some(collapse.a), collapse.b].into_iter().flatten().filter(|r| (*r as usize) < model.ports) {
            out.touches[row as usize] = true;
        }
        out.conducting.push((collapse.a, collapse.b));
    }
    out.branches = branches(model);
    out
}

/// Branch currents that flow from one row into another, and what their own rows say.
fn branches(model: &Model) -> Vec<(Pair, Tie, Row)> {
    let mut all = Vec::new();
    for (row, _) in model.unknowns.iter().enumerate().filter(|(_, u)| u.kind == UnknownKind::Current) {
        let row = row as Row;
        let is_own = |k: u32| model.probes[k as usize].plus == row && model.probes[k as usize].minus.is_none();
        let reads = |output: Option<u32>| output.is_some_and(|o| probes(&model.function, o).into_iter().any(is_own));
        let flow = model.contributions.iter().find(|c| {
            let alone = c.f.is_some_and(|o| probes(&model.function, o).into_iter().all(is_own)) && reads(c.f);
            c.plus != row && c.minus != Some(row) && alone
        });
        let Some(flow) = flow else { continue };
        let mut tie = Tie::Ideal;
        for own in model.contributions.iter().filter(|c| c.plus == row) {
            tie = match (reads(own.f), reads(own.q), tie) {
                (true, _, _) | (_, _, Tie::Resistive) => Tie::Resistive,
                (_, true, _) | (_, _, Tie::Inductive) => Tie::Inductive,
                _ => Tie::Ideal,
            };
        }
        all.push(((flow.plus, flow.minus), tie, row));
    }
    all
}

/// The probes that an output depends on, whatever path control takes.
fn probes(function: &Function, output: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut seen = vec![false; function.insts.len()];
    let mut open = vec![function.outputs[output as usize]];
    while let Some(value) = open.pop() {
        if std::mem::replace(&mut seen[value.0 as usize], true) {
            continue;
        }
        match &function.insts[value.0 as usize] {
            Inst::Input(Input::Probe(k)) => {
                found.insert(*k);
            }
            Inst::Const(_) | Inst::Input(_) => {}
            Inst::Op(op, arguments) => open.extend(&arguments[..op.arity()]),
            Inst::Partial(value, _) => open.push(*value),
            Inst::Result(node, k) | Inst::Carried(node, k) => behind(function, *node, *k, &mut open),
        }
    }
    found
}

/// What result or carried value `k` of a node depends on.
fn behind(function: &Function, node: Node, k: u32, open: &mut Vec<Value>) {
    match &function.nodes[node.0 as usize] {
        NodeKind::If { condition, then, otherwise } => {
            open.extend([*condition, then.1[k as usize], otherwise.1[k as usize]]);
        }
        NodeKind::Loop { initial, condition, next, .. } => {
            open.extend([*condition, initial[k as usize], next[k as usize]]);
        }
    }
}
