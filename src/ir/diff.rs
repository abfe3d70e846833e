//! Exact derivatives by probes: forward mode over structured control flow.
//!
//! For a value y = op(a, b) the derivative by probe p is `dy = (d op / d a) da + (d op / d b) db` with the rule of the
//! operation's row. An `If` hands out the derivatives of what it hands out, a `Loop` carries those of what it carries.
//! Only derivatives that are wanted and not structurally zero are made: first, forward, which value depends on which probe;
//! then, backward, which derivatives the wanted ones need. Method: Griewank and Walther, Evaluating Derivatives, ch. 3.

use std::borrow::Cow;

use crate::ir::few::{shown, sources};
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
    let seeds: Vec<Input> = probes.iter().map(|k| Input::Probe(*k)).collect();
    let (function, mut entries) = differentiate_by(f, outputs, &seeds);
    entries.iter_mut().for_each(|entry| entry.probe = probes[entry.probe as usize]);
    (function, entries)
}

/// The same by any real inputs, a parameter for example; `Entry::probe` is the index into `seeds`.
pub fn differentiate_by(f: &Function, outputs: &[u32], seeds: &[Input]) -> (Function, Vec<Entry>) {
    let f = &*resolved(f);
    let mut wanted = Sets::new(f.insts.len(), seeds.len());
    for output in outputs {
        for seed in 0..seeds.len() as u32 {
            wanted.insert(f.outputs[*output as usize].0 as usize, seed);
        }
    }
    let mut forward = Forward::new(f, seeds, &wanted);
    forward.region(Region(0));
    let mut results: Vec<Value> = f.outputs.iter().map(|v| forward.to(*v)).collect();
    let mut entries = Vec::new();
    for output in outputs {
        for seed in 0..seeds.len() as u32 {
            if let Some(slope) = forward.slope(f.outputs[*output as usize], seed) {
                entries.push(Entry { output: *output, probe: seed, index: results.len() as u32 });
                results.push(slope);
            }
        }
    }
    (forward.b.finish(results), entries)
}

/// [`resolve`] where there is anything to resolve.
pub fn resolved(f: &Function) -> Cow<'_, Function> {
    if f.insts.iter().any(|inst| matches!(inst, Inst::Partial(..))) { Cow::Owned(resolve(f)) } else { Cow::Borrowed(f) }
}

/// `f` with every `Inst::Partial` replaced by the derivative it asks for; innermost ones first.
pub fn resolve(f: &Function) -> Function {
    let mut f = f.clone();
    while let Some(inner) = innermost(&f) {
        let seeds: Vec<Input> = (0..probes(&f)).map(Input::Probe).collect();
        let mut wanted = Sets::new(f.insts.len(), seeds.len());
        for value in &inner {
            if let Inst::Partial(of, probe) = f.insts[value.0 as usize] {
                wanted.insert(of.0 as usize, probe);
            }
        }
        let mut forward = Forward::new(&f, &seeds, &wanted);
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
        sources(f, Value(v as u32)).iter().fold(false, |grew, from| grew | tainted.unite(v, from.0 as usize, None))
    });
    let inner = all.into_iter().filter(|v| match f.insts[v.0 as usize] {
        Inst::Partial(of, _) => tainted.is_empty(of.0 as usize),
        _ => false,
    });
    Some(inner.collect())
}

/// Repeats `visit` over all values until it reports no change.
pub(crate) fn until_stable(count: usize, mut visit: impl FnMut(usize) -> bool) {
    while (0..count).fold(false, |grew, v| grew | visit(v)) {}
}

/// One more than the largest probe number that a `Partial` asks for.
fn probes(f: &Function) -> u32 {
    let asked = f.insts.iter().map(|inst| if let Inst::Partial(_, k) = inst { *k + 1 } else { 0 });
    asked.max().unwrap_or(0)
}

/// Which seeds each value depends on smoothly.
fn dependence(f: &Function, seeds: &[Input]) -> Sets {
    let mut depends = Sets::new(f.insts.len(), seeds.len());
    for (v, inst) in f.insts.iter().enumerate() {
        let seed = |input: &Input| seeds.iter().position(|s| s == input);
        if let Inst::Input(input) = inst
            && let Some(seed) = seed(input).filter(|_| is_real(f, Value(v as u32)))
        {
            depends.insert(v, seed as u32);
        }
    }
    until_stable(f.insts.len(), |v| {
        let flat = match f.insts[v] {
            Inst::Op(op, _) => matches!(op.row().rule, Rule::Zero),
            Inst::Partial(..) => true,
            _ => false,
        };
        !flat && sources(f, Value(v as u32)).iter().fold(false, |grew, from| grew | depends.unite(v, from.0 as usize, None))
    });
    depends
}

/// A walk that copies a function and makes derivatives beside it.
struct Forward<'a> {
    f: &'a Function,
    /// What derivatives are taken by.
    seeds: &'a [Input],
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
    fn new(f: &'a Function, seeds: &'a [Input], wanted: &Sets) -> Forward<'a> {
        let count = f.insts.len();
        let depends = dependence(f, seeds);
        let mut needed = Sets::new(count, seeds.len());
        for v in 0..count {
            wanted.elements(v).filter(|probe| depends.has(v, *probe)).for_each(|probe| {
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
            from.iter()
                .chain(partners.iter().map(|(value, _)| value))
                .fold(false, |grew, to| grew | step(&mut needed, to.0 as usize))
        });
        Forward {
            f,
            seeds,
            b: Builder::beside(f),
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
                if let Some(seed) = self.seeds.iter().position(|s| *s == input)
                    && self.needed.has(v, seed as u32)
                {
                    let one = self.b.real(1.0);
                    self.set_slope(v, seed as u32, one);
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
        let moved = arguments.map(|a| self.to(a));
        let result = self.b.op(op, &moved[..op.arity()]);
        self.to[v] = result;
        match op.row().rule {
            Rule::Zero => {}
            Rule::Whole(rule) => {
                for seed in 0..self.seeds.len() as u32 {
                    if !self.needed.has(v, seed) {
                        continue;
                    }
                    let mut slopes = moved;
                    for (slope, argument) in slopes.iter_mut().zip(&arguments).take(op.arity()) {
                        if is_real(self.f, *argument) {
                            *slope = self.slope_or_zero(*argument, seed);
                        }
                    }
                    let slope = rule(&mut self.b, moved, slopes);
                    self.set_slope(v, seed, slope);
                }
            }
            Rule::Factor(rule) => {
                let mut factors =
                    Factors { rule, moved, result, known: [None; 3], both: op.arity() == 2 && arguments[0] == arguments[1] };
                for seed in 0..self.seeds.len() as u32 {
                    if !self.needed.has(v, seed) {
                        continue;
                    }
                    let mut sum: Option<Value> = None;
                    let distinct = if factors.both { 1 } else { op.arity() };
                    for (k, argument) in arguments.iter().enumerate().take(distinct) {
                        let Some(slope) = self.slope(*argument, seed) else { continue };
                        let factor = factors.get(&mut self.b, k);
                        let term = self.b.op(Op::Mul, &[factor, slope]);
                        sum = Some(sum.map_or(term, |sum| self.b.op(Op::Add, &[sum, term])));
                    }
                    if let Some(sum) = sum {
                        self.set_slope(v, seed, sum);
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
            extra.extend(self.needed.elements(value.0 as usize).map(|probe| (*k, probe)));
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
            let first = extra.partition_point(|(index, _)| index < k);
            for (position, (_, probe)) in extra.iter().enumerate().skip(first).take_while(|(_, (index, _))| index == k) {
                self.set_slope(v, *probe, given[plain + position]);
            }
        }
    }
}

/// Partial derivatives of one operation, made when they are first needed.
struct Factors {
    rule: fn(&mut Builder, [Value; 3], Value, usize) -> Value,
    moved: [Value; 3],
    result: Value,
    known: [Option<Value>; 3],
    /// Both arguments are the same value: their partial derivatives are added once.
    both: bool,
}

impl Factors {
    fn get(&mut self, b: &mut Builder, k: usize) -> Value {
        if let Some(factor) = self.known[k] {
            return factor;
        }
        let mut factor = (self.rule)(b, self.moved, self.result, k);
        if self.both {
            let other = (self.rule)(b, self.moved, self.result, 1);
            factor = b.op(Op::Add, &[factor, other]);
        }
        *self.known[k].insert(factor)
    }
}

/// Real values have derivatives; conditions and integers have none.
fn is_real(f: &Function, value: Value) -> bool {
    f.types[value.0 as usize] == crate::ir::Type::Real
}

/// A loop's result needs the same derivatives as the carried value behind it, and the other way round.
fn partners<'s>(f: &Function, shown: &'s [Vec<(Value, u32)>], v: usize) -> &'s [(Value, u32)] {
    match f.insts[v] {
        Inst::Result(node, k) | Inst::Carried(node, k) if matches!(f.nodes[node.0 as usize], NodeKind::Loop { .. }) => {
            let list = &shown[node.0 as usize];
            &list[list.partition_point(|(_, index)| *index < k)..list.partition_point(|(_, index)| *index <= k)]
        }
        _ => &[],
    }
}
