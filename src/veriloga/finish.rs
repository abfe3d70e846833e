//! The end of lowering: what the branches were given becomes equations, marks become outputs, memory is what is still read.

use std::collections::BTreeSet;

use crate::diag::{Diagnostic, Severity};
use crate::ir::small::without_sources;
use crate::ir::{Function, Input, Inst, NodeKind, Op, Value};
use crate::model::{Collapse, Contribution, DelayTime, MessageCall, MessageChannel, Model, Retained, UnknownKind, Variable};
use crate::veriloga::ast::{attribute, attribute_text};
use crate::veriloga::branch::{Access, BranchState, Reference};
use crate::veriloga::each_once;
use crate::veriloga::lower::{Kind, Local, Lowerer, Remembered, Term};
use crate::veriloga::message::Target;
use crate::veriloga::unread;

/// Instructions that are looked at, over all remembered variables, before the rest counts as read without looking.
const MOST_EFFORT: usize = 2_000_000;

impl Lowerer<'_> {
    /// The model, and what is to be said about it.
    pub fn finish(mut self) -> (Model, Vec<Diagnostic>) {
        for k in 0..self.branches.len() {
            self.branch_equations(k);
        }
        self.op_point();
        self.said();
        if let Some(mark) = self.bound {
            let value = self.marked(mark).value;
            let output = self.output(value);
            self.model.bound_step = Some(output);
        }
        if let Some(mark) = self.jump {
            let value = self.marked(mark).value;
            let output = self.output(value);
            self.model.discontinuity = Some(output);
        }
        self.derivative_equations();
        self.keep_begun();
        self.remember();
        // An integral that is read but stands where control never comes rests at zero.
        for row in self.integrals.clone().into_values().flatten() {
            if !self.model.contributions.iter().any(|c| c.plus == row) {
                let y = self.probe(row, None, None);
                self.equation(row, Some(y), Some(y));
            }
        }
        if !self.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            self.lonely_nodes();
        }
        self.diagnostics = each_once(std::mem::take(&mut self.diagnostics));
        let model = &mut self.model;
        for (name, value) in &self.module.flat.shape {
            model.shape.extend(model.params.iter().position(|p| p.name == *name).map(|k| (k as u32, *value)));
        }
        if !self.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            self.functions();
        }
        (self.model, self.diagnostics)
    }

    /// The function of the model; that of its small-signal sources, if it has any.
    fn functions(&mut self) {
        let plain = self.outputs.len();
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(self.source_values());
        self.model.limiter = self.limiter();
        let function = std::mem::take(&mut self.builder).finish(outputs);
        if self.sources_of_noise.is_empty() {
            self.model.function = function;
        } else {
            self.model.function = without_sources(&function, plain);
            self.model.small = self.small_sources(plain as u32, function);
        }
    }

    /// What one branch adds to the rows (see the head of `branch`).
    fn branch_equations(&mut self, k: usize) {
        let branch = self.branches[k].clone();
        self.builder.span = branch.span;
        let sets = self.marked(branch.sets_potential).value;
        let shorted = self.marked(branch.shorted).value;
        let (flow, potential) = (self.marked(branch.flow), self.marked(branch.potential));
        let always = self.builder.constant(sets);
        let ends = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
        if let Some((sum, set)) = branch.implied {
            return self.implied_equation(k, sum, set);
        }
        let no_flow = flow.charge.is_none() && self.builder.constant(flow.value) == Some(0.0);
        match always {
            Some(0.0) if branch.current.is_none() => {
                if !no_flow {
                    let scaled = self.parallel(k, flow);
                    self.stamp(ends, scaled);
                }
            }
            Some(0.0) => {
                // The current is wanted: what is contributed, or that of a short where nothing is.
                let row = self.current(k);
                self.carry(ends, row);
                if branch.last_flow.is_some() {
                    let i = self.probe(row, None, None);
                    let scaled = self.parallel(k, flow);
                    let f = self.builder.op(Op::Sub, &[i, scaled.value]);
                    let q = scaled.charge.map(|q| self.builder.op(Op::Neg, &[q]));
                    self.equation(row, Some(f), q);
                } else {
                    let v = self.across(k);
                    self.equation(row, Some(v), None);
                }
            }
            _ if self.is_fixed(sets) => self.fixed_switch(k, sets, shorted, flow, potential),
            _ => self.moving_switch(k, sets, flow, potential),
        }
    }

    /// A branch of an indirect contribution: its current is an unknown and its row the equation. Where control does not
    /// reach the contribution, the branch is what direct ones make of it.
    fn implied_equation(&mut self, k: usize, sum: usize, set: usize) {
        let branch = self.branches[k].clone();
        let ends = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
        let (equation, reached) = (self.marked(sum), self.marked(set).value);
        let row = self.current(k);
        self.carry(ends, row);
        let sets = self.marked(branch.sets_potential).value;
        let (flow, potential) = (self.marked(branch.flow), self.marked(branch.potential));
        let given = [flow, potential].iter().any(|t| t.charge.is_some() || self.builder.constant(t.value) != Some(0.0));
        if given && self.builder.constant(reached) != Some(0.0) && self.builder.constant(reached).is_some() {
            let error = Diagnostic::error(branch.span, "a branch with direct and indirect contributions");
            self.diagnostics.push(error.expected("its equation leaves nothing to contribute to"));
        }
        let scaled = self.parallel(k, flow);
        let (v, i) = (self.across(k), self.probe(row, None, None));
        let (v, i) = (Term::new(v, Kind::Real), Term::new(i, Kind::Real));
        let (given_v, given_i) = (self.negate(potential), self.negate(scaled));
        let (a, b) = (self.add(v, given_v), self.add(i, given_i));
        let direct = self.join(sets, a, b);
        let both = self.join(reached, equation, direct);
        self.equation(row, Some(both.value), both.charge);
    }

    /// The potential difference of a branch.
    fn across(&mut self, branch: usize) -> Value {
        self.potential(Reference { branch, reversed: false, access: Access::Potential }, None)
    }

    /// A flow of one device as that of m in parallel.
    fn parallel(&mut self, branch: usize, flow: Term) -> Term {
        let m = self.multiplicity(branch);
        self.scale(flow, m)
    }

    /// Adds a flow to the rows of its ends.
    fn stamp(&mut self, ends: (Option<u32>, Option<u32>), flow: Term) {
        let (plus, minus, flow) = match ends {
            (Some(plus), Some(minus)) if plus == minus => return,
            (Some(plus), minus) => (plus, minus, flow),
            (None, Some(minus)) => (minus, None, self.negate(flow)),
            (None, None) => return,
        };
        let still = flow.charge.is_some() && self.builder.constant(flow.value) == Some(0.0);
        let f = (!still).then(|| self.output(flow.value));
        let q = flow.charge.map(|q| self.output(q));
        self.model.contributions.push(Contribution { plus, minus, f, q, span: self.builder.span });
    }

    /// Adds the current in `row` to the rows of its ends.
    fn carry(&mut self, ends: (Option<u32>, Option<u32>), row: u32) {
        let i = self.probe(row, None, None);
        self.stamp(ends, Term::new(i, Kind::Real));
    }

    /// A branch whose kind the parameters decide: its current is an unknown only where its potential is set, and vanishes
    /// with the branch where that potential is zero.
    fn fixed_switch(&mut self, k: usize, sets: Value, shorted: Value, flow: Term, potential: Term) {
        let branch = self.branches[k].clone();
        let ends = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
        let inner = self.is_inner(&branch) && ends.0 != ends.1;
        let short = self.builder.op(Op::And, &[sets, shorted]);
        let can_collapse = inner && !branch.probed && self.is_fixed(short) && self.builder.constant(short) != Some(0.0);
        let not_set = self.builder.op(Op::Not, &[sets]);
        let zero = self.zero(Kind::Real);
        if branch.probed && self.builder.constant(sets) != Some(1.0) {
            return self.moving_switch(k, sets, flow, potential);
        }
        let drops = if can_collapse && self.builder.constant(shorted) == Some(1.0) { None } else { Some(self.current(k)) };
        if can_collapse {
            let condition = self.output(short);
            let (a, b) = match ends {
                (Some(a), b) => (a, b),
                (None, Some(b)) => (b, None),
                (None, None) => return,
            };
            self.model.collapses.push(Collapse { a, b, condition, drops: drops.into_iter().collect() });
        }
        // What flows where the potential is not set.
        let flow = self.join(not_set, flow, zero);
        if flow.charge.is_some() || self.builder.constant(flow.value) != Some(0.0) {
            let scaled = self.parallel(k, flow);
            self.stamp(ends, scaled);
        }
        if let Some(row) = drops {
            if self.builder.constant(sets) != Some(1.0) {
                let condition = self.output(not_set);
                self.model.collapses.push(Collapse { a: row, b: None, condition, drops: Vec::new() });
            }
            self.carry(ends, row);
            let v = self.across(k);
            let potential = self.join(sets, potential, zero);
            let f = self.builder.op(Op::Sub, &[v, potential.value]);
            let q = potential.charge.map(|q| self.builder.op(Op::Neg, &[q]));
            self.equation(row, Some(f), q);
        }
    }

    /// True if one of the ends is a node that this model alone has: it can be merged with the other one.
    fn is_inner(&self, branch: &BranchState) -> bool {
        let inner = |node: usize| {
            self.rows[node].is_some_and(|row| {
                let unknown = &self.model.unknowns[row as usize];
                unknown.kind == UnknownKind::Internal && unknown.start.is_none()
            })
        };
        inner(branch.plus) || branch.minus.is_some_and(inner)
    }

    /// A branch whose kind moves with the solution: one row for both kinds.
    fn moving_switch(&mut self, k: usize, sets: Value, flow: Term, potential: Term) {
        let branch = self.branches[k].clone();
        let ends = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
        let row = self.current(k);
        self.carry(ends, row);
        let (v, i) = (self.across(k), self.probe(row, None, None));
        let scaled = self.parallel(k, flow);
        let (v, i) = (Term::new(v, Kind::Real), Term::new(i, Kind::Real));
        let (given_v, given_i) = (self.negate(potential), self.negate(scaled));
        let (a, b) = (self.add(v, given_v), self.add(i, given_i));
        let both = self.join(sets, a, b);
        self.equation(row, Some(both.value), both.charge);
    }

    /// Variables of the module that are described: values to look at.
    fn op_point(&mut self) {
        let module = self.module;
        for tree in &module.variables {
            let described = attribute(&tree.attributes, "desc").is_some() || attribute(&tree.attributes, "units").is_some();
            let Some(Local::Variable(slot, None)) = self.find(&tree.name.text).filter(|_| described) else { continue };
            let term = self.read(slot);
            let term = if term.kind == Kind::Text { self.zero(Kind::Real) } else { term };
            let Ok(term) = self.convert(term, Kind::Real, tree.name.span) else { continue };
            self.target = Some(tree.name.text.clone());
            let value = self.resolved(term).value;
            self.target = None;
            let output = self.output(value);
            self.model.variables.push(Variable {
                name: tree.name.text.clone(),
                description: attribute_text(&tree.attributes, "desc"),
                unit: attribute_text(&tree.attributes, "units"),
                output,
            });
        }
    }

    /// Messages.
    fn said(&mut self) {
        self.made_texts();
        for pending in std::mem::take(&mut self.messages) {
            let condition = self.marked(pending.reached).value;
            if self.builder.constant(condition) == Some(0.0) {
                continue;
            }
            let condition = self.output(condition);
            let mut arguments = Vec::new();
            for (mark, kind) in &pending.arguments {
                let value = self.marked(*mark).value;
                arguments.push((self.output(value), *kind));
            }
            let mut of = |mark: usize| {
                let value = self.marked(mark).value;
                self.output(value)
            };
            let channel = match pending.target {
                Target::Line => MessageChannel::Line,
                Target::Part => MessageChannel::Part,
                Target::Monitor(still) => MessageChannel::Monitor(still),
                Target::File(mark) => MessageChannel::File(of(mark)),
                Target::FileMonitor(mark, still) => MessageChannel::FileMonitor(of(mark), still),
                Target::Open { descriptor, append } => MessageChannel::Open { descriptor, append },
                Target::Close(mark) => MessageChannel::Close(of(mark)),
            };
            let (pieces, moment, kind, span) = (pending.pieces, pending.moment, pending.level, pending.span);
            self.model.messages.push(MessageCall { pieces, arguments, condition, moment, kind, channel, span });
        }
    }

    /// The rows `y - d/dt q = 0` of derivatives that are unknowns.
    fn derivative_equations(&mut self) {
        for (charge, row) in self.derivatives.clone() {
            self.builder.span = self.model.unknowns[row as usize].span;
            let y = self.probe(row, None, None);
            let negative = self.builder.op(Op::Neg, &[charge]);
            self.equation(row, Some(y), Some(negative));
        }
    }

    /// Finds out which remembered values are still read by anything, and gives them their final numbers.
    fn remember(&mut self) {
        let mut kept: Vec<u32> = Vec::new();
        let delays = self.model.tracks.iter().filter_map(|t| match t.delay {
            DelayTime::Retained(k) => Some(k),
            DelayTime::Fixed(_) => None,
        });
        let mut pending: BTreeSet<u32> = delays.collect();
        let mut live = Live::default();
        // Read by something, but along no way that can be taken.
        let mut idle: Vec<u32> = Vec::new();
        let mut effort = 0;
        loop {
            let roots = self.roots();
            live.follow(&self.builder.function, &roots, &mut pending);
            let Some(next) = pending.pop_first() else { break };
            let remembered = self.past[next as usize].clone();
            effort += self.builder.function.insts.len();
            if matches!(remembered, Remembered::Variable(_))
                && effort < MOST_EFFORT
                && !unread::matters(&self.builder.function, &roots, next)
            {
                idle.push(next);
                continue;
            }
            kept.push(next);
            // What it becomes may read what nothing read so far.
            pending.extend(std::mem::take(&mut idle));
            match remembered {
                Remembered::Hidden { name, value, span } => {
                    let output = self.output(value);
                    self.model.retained.push(Retained { name, output, hidden: true, span });
                }
                Remembered::Variable(slot) => {
                    let term = self.state.variables.get(slot).copied().flatten();
                    let term = term.unwrap_or_else(|| self.unwritten(slot));
                    let value = self.resolved(term).value;
                    let output = self.output(value);
                    if let Some(info) = self.slots.get(slot).cloned() {
                        self.model.retained.push(Retained { name: info.name, output, hidden: false, span: info.span });
                    }
                }
            }
        }
        for inst in &mut self.builder.function.insts {
            if matches!(inst, Inst::Input(Input::Past(k)) if idle.contains(k)) {
                *inst = Inst::Const(0.0);
            }
        }
        for track in &mut self.model.tracks {
            if let DelayTime::Retained(k) = &mut track.delay
                && let Some(new) = kept.iter().position(|old| old == k)
            {
                *k = new as u32;
            }
        }
        for inst in &mut self.builder.function.insts {
            if let Inst::Input(Input::Past(k)) = inst
                && let Some(new) = kept.iter().position(|old| old == k)
            {
                *inst = Inst::Input(Input::Past(new as u32));
            }
        }
    }

    /// All that is handed out, and all that becomes so.
    fn roots(&self) -> Vec<Value> {
        let mut roots = self.outputs.clone();
        roots.extend(self.source_values());
        roots.extend(&self.limiters);
        roots
    }

    /// Internal nodes that no equation mentions would be rows of zeros.
    fn lonely_nodes(&mut self) {
        for (row, unknown) in self.model.unknowns.iter().enumerate() {
            if unknown.kind != UnknownKind::Internal {
                continue;
            }
            let row = row as u32;
            let given = self.model.contributions.iter().any(|c| c.plus == row || c.minus == Some(row));
            let merged = self.model.collapses.iter().any(|c| c.a == row || c.b == Some(row));
            if !given && !merged {
                let warning = Diagnostic::warning(unknown.span, format!("nothing flows into the node `{}`", unknown.name));
                self.diagnostics.push(warning.expected("its potential is not determined"));
            }
        }
    }
}

/// The values that something reads, found bit by bit.
#[derive(Default)]
struct Live {
    seen: Vec<bool>,
}

impl Live {
    /// Follows `roots` to whatever they read; remembered values that are new go to `found`.
    fn follow(&mut self, function: &Function, roots: &[Value], found: &mut BTreeSet<u32>) {
        self.seen.resize(function.insts.len(), false);
        let mut open: Vec<Value> = roots.iter().copied().filter(|root| !self.seen[root.0 as usize]).collect();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut self.seen[value.0 as usize], true) {
                continue;
            }
            match &function.insts[value.0 as usize] {
                Inst::Const(_) => {}
                Inst::Input(Input::Past(k)) => {
                    found.insert(*k);
                }
                Inst::Input(_) => {}
                Inst::Op(op, arguments) => open.extend(&arguments[..op.arity()]),
                Inst::Partial(value, _) => open.push(*value),
                Inst::Result(node, k) | Inst::Carried(node, k) => match &function.nodes[node.0 as usize] {
                    NodeKind::If { condition, then, otherwise } => {
                        open.extend([*condition, then.1[*k as usize], otherwise.1[*k as usize]]);
                    }
                    NodeKind::Loop { initial, condition, next, .. } => {
                        open.extend([*condition, initial[*k as usize], next[*k as usize]]);
                    }
                },
            }
        }
    }
}
