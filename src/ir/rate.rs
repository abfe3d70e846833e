//! How often values change, and the split of a function into a part per parameter change and a part per iterate.
//!
//! [`split`] moves everything that depends on parameters alone into `setup`: out of branches (both arms are computed there
//! and selected from) and out of loops. `eval` reads it back as `Input::Hoisted(k)`. A caller runs `setup` once per
//! parameter change and lane, keeps its outputs from `first_hoisted` on as lanes, and runs `eval` per iterate.

use rustc_hash::FxHashMap as HashMap;

use crate::ir::diff::{resolved, until_stable};
use crate::ir::few::{needs, shown};
use crate::ir::live::{prune, results_of};
use crate::ir::sets::Sets;
use crate::ir::{Builder, Function, Input, Inst, Item, Node, NodeKind, Op, Rate, Region, Value};

/// Where an output of the function went that was split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This output of `setup`.
    Setup(u32),
    /// This output of `eval`.
    Eval(u32),
}

/// A function in two parts.
#[derive(Clone, Debug)]
pub struct Split {
    /// Reads no probe, time, phase or retained value. Outputs: those of the function with rate `Parameter` or less, in
    /// their order, then the hoisted values.
    pub setup: Function,
    /// The rest; `Input::Hoisted(k)` is output `first_hoisted + k` of `setup`.
    pub eval: Function,
    /// For each output of the function, where it is now.
    pub origins: Vec<Origin>,
    /// For each output of the function, how often it changes.
    pub rates: Vec<Rate>,
    /// Number of the first hoisted value among the outputs of `setup`.
    pub first_hoisted: u32,
}

impl Split {
    /// Number of hoisted values.
    pub fn hoisted(&self) -> usize {
        self.setup.outputs.len() - self.first_hoisted as usize
    }
}

/// Rate of an input.
pub fn input_rate(input: Input) -> Rate {
    match input {
        Input::Param(_) | Input::Given(_) | Input::Connected(_) | Input::Temperature | Input::Multiplicity => Rate::Parameter,
        Input::Simulator(_) | Input::Hoisted(_) | Input::Stream | Input::Seed => Rate::Parameter,
        Input::Phase | Input::Time | Input::Past(_) | Input::Fired(_) | Input::Delayed(_) | Input::Share(_) => Rate::Time,
        Input::Probe(_) | Input::Trial(_) | Input::Small(_) | Input::Argument(_) => Rate::Iterate,
    }
}

/// Rate of each value.
pub fn rates(f: &Function) -> Vec<Rate> {
    let mut rates = vec![Rate::Constant; f.insts.len()];
    until_stable(f.insts.len(), |v| {
        let own = match f.insts[v] {
            Inst::Input(input) => input_rate(input),
            _ => Rate::Constant,
        };
        let rate = needs(f, Value(v as u32)).iter().map(|from| rates[from.0 as usize]).fold(own, Rate::max);
        std::mem::replace(&mut rates[v], rate) != rate
    });
    rates
}

/// The part of `f` that computes the outputs with these numbers.
pub fn slice(f: &Function, outputs: &[u32]) -> Function {
    let wanted: Vec<Value> = outputs.iter().map(|k| f.outputs[*k as usize]).collect();
    prune(f, &wanted)
}

/// Splits `f` by rate.
pub fn split(f: &Function) -> Split {
    let f = resolved(f);
    let f = &prune(&f, &f.outputs);
    let rates = rates(f);
    let output_rates: Vec<Rate> = f.outputs.iter().map(|v| rates[v.0 as usize]).collect();
    let plan = Plan::new(f, rates);
    let early = f.outputs.iter().copied().filter(|v| plan.early(*v));
    let late: Vec<Value> = f.outputs.iter().copied().filter(|v| !plan.early(*v)).collect();
    let (needed, hoisted) = plan.needs_of(&late);
    let setup_outputs: Vec<Value> = early.clone().collect();
    let mut setup = Setup::new(&plan, &setup_outputs, &hoisted);
    setup.emit(None, 0..f.insts.len());
    let mut eval = Eval {
        plan: &plan,
        setup: &setup,
        b: Builder::beside(f),
        to: vec![None; f.insts.len()],
        needed,
        slots: HashMap::default(),
        kept: Vec::new(),
    };
    eval.region(Region(0));
    let eval_outputs: Vec<Value> = late.iter().map(|v| eval.value(*v)).collect();
    let (eval_builder, kept) = (eval.b, eval.kept);
    let mut outputs: Vec<Value> = setup_outputs.iter().map(|v| setup.at(*v)).collect();
    let first_hoisted = outputs.len() as u32;
    outputs.extend(kept);
    let (mut next_setup, mut next_eval) = (0.., 0..);
    let origins = f.outputs.iter().map(|v| match plan.early(*v) {
        true => Origin::Setup(next_setup.next().unwrap_or(0)),
        false => Origin::Eval(next_eval.next().unwrap_or(0)),
    });
    let origins = origins.collect();
    Split { setup: setup.b.finish(outputs), eval: eval_builder.finish(eval_outputs), origins, rates: output_rates, first_hoisted }
}

/// What is known of a function before it is split.
struct Plan<'a> {
    f: &'a Function,
    rates: Vec<Rate>,
    /// The loops.
    nodes: Vec<Node>,
    /// Loops that hold each value, by their number: it depends on what they carry.
    held: Sets,
    /// For each node, the values that show what it gives.
    shown: Vec<Vec<(Value, u32)>>,
    /// Depth of each loop, outermost 0.
    depth: Vec<usize>,
    /// Values that stand in the body of each loop.
    bodies: Vec<std::ops::Range<usize>>,
    /// Conditions around each node, with the arm it stands in.
    paths: Vec<Vec<(Value, bool)>>,
}

impl<'a> Plan<'a> {
    fn new(f: &'a Function, rates: Vec<Rate>) -> Plan<'a> {
        let (mut loops, mut nodes) = (vec![None; f.nodes.len()], Vec::new());
        for (k, node) in f.nodes.iter().enumerate() {
            if matches!(node, NodeKind::Loop { .. }) {
                loops[k] = Some(nodes.len() as u32);
                nodes.push(Node(k as u32));
            }
        }
        let mut held = Sets::new(f.insts.len(), nodes.len());
        for (v, inst) in f.insts.iter().enumerate() {
            if let Inst::Carried(node, _) = inst
                && let Some(number) = loops[node.0 as usize]
            {
                held.insert(v, number);
            }
        }
        until_stable(if nodes.is_empty() { 0 } else { f.insts.len() }, |v| {
            // The result of a loop is free of it; what it carries is held by it anyway.
            let without = match f.insts[v] {
                Inst::Result(node, _) => loops[node.0 as usize],
                _ => None,
            };
            needs(f, Value(v as u32)).iter().fold(false, |grew, from| grew | held.unite(v, from.0 as usize, without))
        });
        let (depth, bodies, paths) = (vec![0; f.nodes.len()], vec![0..0; f.nodes.len()], vec![Vec::new(); f.nodes.len()]);
        let mut plan = Plan { f, rates, nodes, held, shown: shown(f), depth, bodies, paths };
        plan.survey(Region(0), 0, &mut Vec::new());
        plan
    }

    /// Finds depth, body and path of the nodes of a region; gives the values that it spans.
    fn survey(&mut self, region: Region, depth: usize, path: &mut Vec<(Value, bool)>) -> std::ops::Range<usize> {
        let f = self.f;
        let (mut start, mut end) = (usize::MAX, 0);
        let mut cover = |range: std::ops::Range<usize>| {
            start = start.min(range.start);
            end = end.max(range.end);
        };
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => cover(value.0 as usize..value.0 as usize + 1),
                Item::Node(node) => {
                    self.depth[node.0 as usize] = depth;
                    self.paths[node.0 as usize].clone_from(path);
                    match &f.nodes[node.0 as usize] {
                        NodeKind::If { condition, then, otherwise } => {
                            for (arm, first) in [(then, true), (otherwise, false)] {
                                path.push((*condition, first));
                                cover(self.survey(arm.0, depth, path));
                                path.pop();
                            }
                        }
                        NodeKind::Loop { body, .. } => {
                            let inside = self.survey(*body, depth + 1, path);
                            self.bodies[node.0 as usize] = inside.clone();
                            cover(inside);
                        }
                    }
                }
            }
        }
        start..end
    }

    /// Whether a value is known before any iterate is, and alone.
    fn early(&self, value: Value) -> bool {
        self.rates[value.0 as usize] <= Rate::Parameter && self.held.is_empty(value.0 as usize)
    }

    /// The innermost loop that holds a value.
    fn holder(&self, value: usize) -> Option<u32> {
        let loops = self.held.elements(value).map(|number| self.nodes[number as usize]);
        loops.map(|node| node.0).max_by_key(|node| self.depth[*node as usize])
    }

    /// What `eval` computes for some outputs, and what it reads instead.
    fn needs_of(&self, roots: &[Value]) -> (Vec<bool>, Vec<Value>) {
        let mut needed = vec![false; self.f.insts.len()];
        let mut hoisted = Vec::new();
        let mut open = roots.to_vec();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut needed[value.0 as usize], true) {
                continue;
            }
            if self.early(value) {
                needed[value.0 as usize] = false;
                hoisted.push(value);
            } else {
                open.extend(&*needs(self.f, value));
            }
        }
        (needed, hoisted)
    }

    /// Which results or carried values of a node are among `values`.
    fn used_results(&self, node: Node, values: &[bool]) -> Vec<u32> {
        let mut used = vec![false; results_of(&self.f.nodes[node.0 as usize])];
        for (value, k) in &self.shown[node.0 as usize] {
            used[*k as usize] |= values[value.0 as usize];
        }
        (0..used.len() as u32).filter(|k| used[*k as usize]).collect()
    }
}

/// Builds `setup`: values in order of execution, but each where the innermost loop that holds it is open.
struct Setup<'a> {
    plan: &'a Plan<'a>,
    b: Builder,
    to: Vec<Option<Value>>,
    needed: Vec<bool>,
}

impl<'a> Setup<'a> {
    fn new(plan: &'a Plan<'a>, outputs: &[Value], hoisted: &[Value]) -> Setup<'a> {
        let f = plan.f;
        let mut needed = vec![false; f.insts.len()];
        let mut open: Vec<Value> = outputs.iter().chain(hoisted).copied().collect();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut needed[value.0 as usize], true) {
                continue;
            }
            open.extend(&*needs(f, value));
            if let Inst::Result(node, _) = f.insts[value.0 as usize] {
                open.extend(plan.paths[node.0 as usize].iter().map(|p| p.0).filter(|c| plan.early(*c)));
            }
        }
        Setup { plan, b: Builder::beside(f), to: vec![None; f.insts.len()], needed }
    }

    fn at(&self, value: Value) -> Value {
        self.to[value.0 as usize].unwrap_or_else(|| panic!("value {} is not computed in setup", value.0))
    }

    /// Emits what stands in `range` and is held by `holder` as its innermost loop.
    fn emit(&mut self, holder: Option<u32>, range: std::ops::Range<usize>) {
        for v in range {
            if self.needed[v] && self.to[v].is_none() && self.plan.holder(v) == holder {
                self.inst(v);
            }
        }
    }

    fn inst(&mut self, v: usize) {
        let f = self.plan.f;
        self.b.span = f.spans[v];
        let made = match f.insts[v] {
            Inst::Const(number) => self.b.number(number, f.types[v]),
            Inst::Input(input) => self.b.input(input, f.types[v]),
            Inst::Op(op, arguments) => {
                let moved: Vec<Value> = arguments[..op.arity()].iter().map(|a| self.at(*a)).collect();
                self.b.op(op, &moved)
            }
            Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
                NodeKind::If { condition, then, otherwise } => {
                    let (condition, a, b) = (self.at(*condition), self.at(then.1[k as usize]), self.at(otherwise.1[k as usize]));
                    self.b.select(condition, a, b)
                }
                NodeKind::Loop { .. } => return self.repeat(node),
            },
            Inst::Carried(..) | Inst::Partial(..) => return,
        };
        self.to[v] = Some(made);
    }

    /// Emits a loop with what is needed of it.
    fn repeat(&mut self, node: Node) {
        let plan = self.plan;
        let NodeKind::Loop { initial, condition, next, .. } = &plan.f.nodes[node.0 as usize] else { return };
        let used = plan.used_results(node, &self.needed);
        let start: Vec<Value> = used.iter().map(|k| self.at(initial[*k as usize])).collect();
        let carried = self.b.begin_loop(&start);
        show(self.plan, &mut self.to, node, &used, &carried, true);
        self.emit(Some(node.0), plan.bodies[node.0 as usize].clone());
        let following: Vec<Value> = used.iter().map(|k| self.at(next[*k as usize])).collect();
        let mut go = self.at(*condition);
        // In an arm that is not taken the loop must not run: it may have no end there.
        for (other, first) in &plan.paths[node.0 as usize] {
            if let Some(reached) = self.to[other.0 as usize].filter(|_| plan.early(*other)) {
                let reached = if *first { reached } else { self.b.op(Op::Not, &[reached]) };
                go = self.b.op(Op::And, &[go, reached]);
            }
        }
        let results = self.b.end_loop(go, &following);
        show(self.plan, &mut self.to, node, &used, &results, false);
    }
}

/// Builds `eval`: a copy of what is needed per iterate.
struct Eval<'a> {
    plan: &'a Plan<'a>,
    setup: &'a Setup<'a>,
    b: Builder,
    to: Vec<Option<Value>>,
    /// Values that are neither early nor unused.
    needed: Vec<bool>,
    /// Number of each hoisted value, by what it is in `setup`.
    slots: HashMap<Value, u32>,
    kept: Vec<Value>,
}

impl Eval<'_> {
    /// Where a value is; early ones are constants, bare inputs or hoisted.
    fn value(&mut self, value: Value) -> Value {
        if !self.plan.early(value) {
            return self.to[value.0 as usize].unwrap_or_else(|| panic!("value {} is not computed in eval", value.0));
        }
        let there = self.setup.at(value);
        let kind = self.setup.b.type_of(there);
        match self.setup.b.function.insts[there.0 as usize] {
            Inst::Const(number) => self.b.number(number, kind),
            Inst::Input(input) => self.b.input(input, kind),
            _ => {
                let slot = *self.slots.entry(there).or_insert_with(|| {
                    self.kept.push(there);
                    self.kept.len() as u32 - 1
                });
                self.b.input(Input::Hoisted(slot), kind)
            }
        }
    }

    fn values(&mut self, list: &[Value], used: &[u32]) -> Vec<Value> {
        used.iter().map(|k| self.value(list[*k as usize])).collect()
    }

    fn region(&mut self, region: Region) {
        let f = self.plan.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => {
                    if self.needed[value.0 as usize] {
                        self.inst(value.0 as usize);
                    }
                }
                Item::Node(node) => {
                    let used = self.plan.used_results(*node, &self.needed);
                    if !used.is_empty() {
                        self.node(*node, &used);
                    }
                }
            }
        }
    }

    fn inst(&mut self, v: usize) {
        let f = self.plan.f;
        self.b.span = f.spans[v];
        match f.insts[v] {
            Inst::Input(input) => self.to[v] = Some(self.b.input(input, f.types[v])),
            Inst::Op(op, arguments) => {
                let moved: Vec<Value> = arguments[..op.arity()].iter().map(|a| self.value(*a)).collect();
                self.to[v] = Some(self.b.op(op, &moved));
            }
            // Constants are early; the others are set by the node that owns them.
            _ => {}
        }
    }

    fn node(&mut self, node: Node, used: &[u32]) {
        match &self.plan.f.nodes[node.0 as usize] {
            NodeKind::If { condition, then, otherwise } => {
                let condition = self.value(*condition);
                self.b.begin_if(condition);
                self.region(then.0);
                let first = self.values(&then.1, used);
                self.b.begin_else();
                self.region(otherwise.0);
                let second = self.values(&otherwise.1, used);
                let pairs: Vec<(Value, Value)> = first.into_iter().zip(second).collect();
                let results = self.b.end_if(&pairs);
                show(self.plan, &mut self.to, node, used, &results, false);
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let start = self.values(initial, used);
                let carried = self.b.begin_loop(&start);
                show(self.plan, &mut self.to, node, used, &carried, true);
                self.region(*body);
                let following = self.values(next, used);
                let condition = self.value(*condition);
                let results = self.b.end_loop(condition, &following);
                show(self.plan, &mut self.to, node, used, &results, false);
            }
        }
    }
}

/// Hands what a node gives to the values that show it: what a loop carries (`inside`), or its results.
fn show(plan: &Plan, to: &mut [Option<Value>], node: Node, used: &[u32], given: &[Value], inside: bool) {
    for (value, k) in &plan.shown[node.0 as usize] {
        let v = value.0 as usize;
        if matches!(plan.f.insts[v], Inst::Carried(..)) == inside
            && let Ok(position) = used.binary_search(k)
        {
            to[v] = Some(given[position]);
        }
    }
}
