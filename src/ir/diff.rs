//! Exact derivatives by probes: forward mode over structured control flow.
//!
//! For a value y = op(a, b) the derivative by probe p is `dy = (d op / d a) da + (d op / d b) db` with the rule of the
//! operation's row. An `If` hands out the derivatives of what it hands out, a `Loop` carries those of what it carries.
//! Only derivatives that are wanted and not structurally zero are made: first, forward, which value depends on which probe;
//! then, backward, which derivatives the wanted ones need. Method: Griewank and Walther, Evaluating Derivatives, ch. 3.

use crate::ir::op::{Op, Rule};
use crate::ir::sets::Sets;
use crate::ir::{Builder, Function, Input, Inst, Item, NodeKind, Region, Value};

/// One entry of the derivative: output `index` of the new function is d(`output`)/d(`probe`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Output of the function that was differentiated.
    pub output: u32,
    /// Number of the probe.
    pub probe: u32,
    /// Output of the new function.
    pub index: u32,
}

/// `f` with derivatives of `outputs` by `probes` as further outputs. Entries that are zero whatever the inputs are absent.
pub fn differentiate(f: &Function, outputs: &[u32], probes: &[u32]) -> (Function, Vec<Entry>) {
    let resolved = resolve(f);
    let f = &resolved;
    let mut wanted = Sets::new(f.insts.len(), width(f, probes));
    for output in outputs {
        for probe in probes {
            wanted.insert(f.outputs[*output as usize].0 as usize, *probe);
        }
    }
    let mut forward = Forward::new(f, wanted);
    forward.region(Region(0));
    let mut results: Vec<Value> = f.outputs.iter().map(|v| forward.to(*v)).collect();
    let mut entries = Vec::new();
    for output in outputs {
        for probe in probes {
            if let Some(slope) = forward.slope(f.outputs[*output as usize], *probe) {
                entries.push(Entry { output: *output, probe: *probe, index: results.len() as u32 });
                results.push(slope);
            }
        }
    }
    (forward.b.finish(results), entries)
}

/// `f` with every `Inst::Partial` replaced by the derivative it asks for; innermost ones first.
pub fn resolve(f: &Function) -> Function {
    let mut f = f.clone();
    while let Some(inner) = innermost(&f) {
        let mut wanted = Sets::new(f.insts.len(), width(&f, &[]));
        for value in &inner {
            if let Inst::Partial(of, probe) = f.insts[value.0 as usize] {
                wanted.insert(of.0 as usize, probe);
            }
        }
        let mut forward = Forward::new(&f, wanted);
        for value in &inner {
            forward.resolved[value.0 as usize] = true;
        }
        forward.region(Region(0));
        let outputs = f.outputs.iter().map(|v| forward.to(*v)).collect();
        f = forward.b.finish(outputs);
    }
    f
}

/// The `Partial`s that depend on no other `Partial`; `None` if there are none at all.
fn innermost(f: &Function) -> Option<Vec<Value>> {
    let is_partial = |v: &Value| matches!(f.insts[v.0 as usize], Inst::Partial(..));
    let all: Vec<Value> = (0..f.insts.len() as u32).map(Value).filter(is_partial).collect();
    if all.is_empty() {
        return None;
    }
    let mut tainted = Sets::new(f.insts.len(), 1);
    all.iter().for_each(|v| {
        tainted.insert(v.0 as usize, 0);
    });
    until_stable(f.insts.len(), |v| {
        sources(f, Value(v as u32)).iter().fold(false, |grew, from| tainted.unite(v, from.0 as usize, None) || grew)
    });
    let inner = all.into_iter().filter(|v| match f.insts[v.0 as usize] {
        Inst::Partial(of, _) => tainted.is_empty(of.0 as usize),
        _ => false,
    });
    Some(inner.collect())
}

/// Repeats `visit` over all values until it reports no change.
pub(crate) fn until_stable(count: usize, mut visit: impl FnMut(usize) -> bool) {
    while (0..count).fold(false, |grew, v| visit(v) || grew) {}
}

/// The values that one value is made from (conditions of nodes left out).
pub(crate) fn sources(f: &Function, value: Value) -> Vec<Value> {
    match f.insts[value.0 as usize] {
        Inst::Const(_) | Inst::Input(_) => Vec::new(),
        Inst::Op(op, arguments) => arguments[..op.arity()].to_vec(),
        Inst::Partial(of, _) => vec![of],
        Inst::Carried(node, k) | Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
            NodeKind::If { then, otherwise, .. } => vec![then.1[k as usize], otherwise.1[k as usize]],
            NodeKind::Loop { initial, next, .. } => vec![initial[k as usize], next[k as usize]],
        },
    }
}

/// One more than the largest probe number in sight.
fn width(f: &Function, probes: &[u32]) -> usize {
    let seen = f.insts.iter().map(|inst| match inst {
        Inst::Input(Input::Probe(k)) | Inst::Partial(_, k) => *k as usize + 1,
        _ => 0,
    });
    seen.chain(probes.iter().map(|k| *k as usize + 1)).max().unwrap_or(0)
}

/// Which probes each value depends on smoothly.
fn dependence(f: &Function, width: usize) -> Sets {
    let mut depends = Sets::new(f.insts.len(), width);
    for (v, inst) in f.insts.iter().enumerate() {
        if let Inst::Input(Input::Probe(k)) = inst {
            depends.insert(v, *k);
        }
    }
    until_stable(f.insts.len(), |v| {
        let flat = match f.insts[v] {
            Inst::Op(op, _) => matches!(op.row().rule, Rule::Zero),
            Inst::Partial(..) => true,
            _ => false,
        };
        !flat && sources(f, Value(v as u32)).iter().fold(false, |grew, from| depends.unite(v, from.0 as usize, None) || grew)
    });
    depends
}

/// A walk that copies a function and makes derivatives beside it.
struct Forward<'a> {
    f: &'a Function,
    b: Builder,
    /// Where each value went.
    to: Vec<Value>,
    /// Its derivatives that are not zero: probe and value.
    slopes: Vec<Vec<(u32, Value)>>,
    /// Which derivatives are needed and not structurally zero.
    needed: Sets,
    /// `Partial`s to be replaced.
    resolved: Vec<bool>,
    /// For each node, the values that show its results or carried values, with their numbers.
    shown: Vec<Vec<(Value, u32)>>,
}

impl<'a> Forward<'a> {
    /// Finds out what the derivatives in `wanted` need.
    fn new(f: &'a Function, wanted: Sets) -> Forward<'a> {
        let count = f.insts.len();
        let depends = dependence(f, width(f, &[]).max(wanted.width()));
        let mut needed = Sets::new(count, wanted.width());
        for v in 0..count {
            wanted.elements(v).into_iter().filter(|probe| depends.has(v, *probe)).for_each(|probe| {
                needed.insert(v, probe);
            });
        }
        let shown = shown(f);
        until_stable(count, |backward| {
            let v = count - 1 - backward;
            if needed.is_empty(v) {
                return false;
            }
            let from = sources(f, Value(v as u32));
            let partners = partners(f, &shown, v);
            let step = |needed: &mut Sets, to: usize| needed.unite_within(to, v, &depends, to);
            from.iter().chain(&partners).fold(false, |grew, to| step(&mut needed, to.0 as usize) || grew)
        });
        Forward {
            f,
            b: Builder::new(),
            to: vec![Value(u32::MAX); count],
            slopes: vec![Vec::new(); count],
            needed,
            resolved: vec![false; count],
            shown,
        }
    }

    fn to(&self, value: Value) -> Value {
        self.to[value.0 as usize]
    }

    /// Derivative of `value` by `probe`, if it is not zero.
    fn slope(&self, value: Value, probe: u32) -> Option<Value> {
        self.slopes[value.0 as usize].iter().find(|(p, _)| *p == probe).map(|(_, slope)| *slope)
    }

    /// The same as a value.
    fn slope_or_zero(&mut self, value: Value, probe: u32) -> Value {
        self.slope(value, probe).unwrap_or_else(|| self.b.real(0.0))
    }

    fn set_slope(&mut self, value: usize, probe: u32, slope: Value) {
        if self.b.constant(slope) != Some(0.0) {
            self.slopes[value].push((probe, slope));
        }
    }

    fn region(&mut self, region: Region) {
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => self.inst(*value),
                Item::Node(node) => self.node(node.0),
            }
        }
    }

    fn inst(&mut self, value: Value) {
        let (f, v) = (self.f, value.0 as usize);
        self.b.span = f.spans[v];
        match f.insts[v] {
            Inst::Const(number) => self.to[v] = self.b.number(number, f.types[v]),
            Inst::Input(input) => {
                self.to[v] = self.b.input(input, f.types[v]);
                if let Input::Probe(k) = input
                    && self.needed.has(v, k)
                {
                    let one = self.b.real(1.0);
                    self.set_slope(v, k, one);
                }
            }
            Inst::Op(op, arguments) => self.operation(v, op, arguments),
            Inst::Partial(of, probe) => {
                self.to[v] =
                    if self.resolved[v] { self.slope_or_zero(of, probe) } else { self.b.partial(self.to[of.0 as usize], probe) };
            }
            // Set by the node that owns them.
            Inst::Result(..) | Inst::Carried(..) => {}
        }
    }

    fn operation(&mut self, v: usize, op: Op, arguments: [Value; 3]) {
        let arity = op.arity();
        let moved = arguments.map(|a| self.to(a));
        let result = self.b.op(op, &moved[..arity]);
        self.to[v] = result;
        let mut factors: [Option<Value>; 3] = [None; 3];
        for probe in self.needed.elements(v) {
            match op.row().rule {
                Rule::Zero => {}
                Rule::Whole(rule) => {
                    let mut slopes = moved;
                    for k in 0..arity {
                        if f64_like(self.f, arguments[k]) {
                            slopes[k] = self.slope_or_zero(arguments[k], probe);
                        }
                    }
                    let slope = rule(&mut self.b, moved, slopes);
                    self.set_slope(v, probe, slope);
                }
                Rule::Factor(rule) => {
                    let mut sum: Option<Value> = None;
                    for k in 0..arity {
                        let Some(slope) = self.slope(arguments[k], probe) else { continue };
                        let factor = match factors[k] {
                            Some(factor) => factor,
                            None => *factors[k].insert(rule(&mut self.b, moved, result, k)),
                        };
                        let term = self.b.op(Op::Mul, &[factor, slope]);
                        sum = Some(sum.map_or(term, |sum| self.b.op(Op::Add, &[sum, term])));
                    }
                    if let Some(sum) = sum {
                        self.set_slope(v, probe, sum);
                    }
                }
            }
        }
    }

    fn node(&mut self, node: u32) {
        let f = self.f;
        let shown = std::mem::take(&mut self.shown[node as usize]);
        // Which derivatives the node hands out: those that anyone needs of the values that show it.
        let mut extra: Vec<(u32, u32)> = Vec::new();
        for (value, k) in &shown {
            extra.extend(self.needed.elements(value.0 as usize).into_iter().map(|probe| (*k, probe)));
        }
        extra.sort_unstable();
        extra.dedup();
        match &f.nodes[node as usize] {
            NodeKind::If { condition, then, otherwise } => {
                let condition = self.to(*condition);
                self.b.begin_if(condition);
                self.region(then.0);
                let first = self.with_slopes(&then.1, &extra);
                self.b.begin_else();
                self.region(otherwise.0);
                let second = self.with_slopes(&otherwise.1, &extra);
                let pairs: Vec<(Value, Value)> = first.into_iter().zip(second).collect();
                let results = self.b.end_if(&pairs);
                self.show(&shown, &extra, &results, then.1.len(), |_| true);
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let start = self.with_slopes(initial, &extra);
                let carried = self.b.begin_loop(&start);
                let inside = |v: Value| matches!(f.insts[v.0 as usize], Inst::Carried(..));
                self.show(&shown, &extra, &carried, initial.len(), inside);
                self.region(*body);
                let following = self.with_slopes(next, &extra);
                let condition = self.to(*condition);
                let results = self.b.end_loop(condition, &following);
                self.show(&shown, &extra, &results, initial.len(), |v| !inside(v));
            }
        }
    }

    /// Copies of `values`, followed by the derivatives in `extra`: (index into `values`, probe).
    fn with_slopes(&mut self, values: &[Value], extra: &[(u32, u32)]) -> Vec<Value> {
        let mut list: Vec<Value> = values.iter().map(|v| self.to(*v)).collect();
        for (k, probe) in extra {
            let slope = self.slope_or_zero(values[*k as usize], *probe);
            list.push(slope);
        }
        list
    }

    /// Hands what a node gives to the values that show it.
    fn show(&mut self, shown: &[(Value, u32)], extra: &[(u32, u32)], given: &[Value], plain: usize, which: impl Fn(Value) -> bool) {
        for (value, k) in shown.iter().filter(|(v, _)| which(*v)) {
            let v = value.0 as usize;
            self.to[v] = given[*k as usize];
            for (position, (_, probe)) in extra.iter().enumerate().filter(|(_, (index, _))| index == k) {
                self.set_slope(v, *probe, given[plain + position]);
            }
        }
    }
}

/// Real values have derivatives; conditions and integers have none.
fn f64_like(f: &Function, value: Value) -> bool {
    f.types[value.0 as usize] == crate::ir::Type::Real
}

/// For each node, the values that show its results or carried values, with their numbers.
fn shown(f: &Function) -> Vec<Vec<(Value, u32)>> {
    let mut lists = vec![Vec::new(); f.nodes.len()];
    for (v, inst) in f.insts.iter().enumerate() {
        if let Inst::Result(node, k) | Inst::Carried(node, k) = inst {
            lists[node.0 as usize].push((Value(v as u32), *k));
        }
    }
    lists
}

/// A loop's result needs the same derivatives as the carried value behind it, and the other way round.
fn partners(f: &Function, shown: &[Vec<(Value, u32)>], v: usize) -> Vec<Value> {
    match f.insts[v] {
        Inst::Result(node, k) | Inst::Carried(node, k) if matches!(f.nodes[node.0 as usize], NodeKind::Loop { .. }) => {
            shown[node.0 as usize].iter().filter(|(_, index)| *index == k).map(|(value, _)| *value).collect()
        }
        _ => Vec::new(),
    }
}
