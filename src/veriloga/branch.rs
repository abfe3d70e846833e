//! Branches: access functions, probes, contributions, currents that are unknowns.
//!
//! The row of a node is the sum of the currents that leave it into the device. `I(a,b) <+ e` adds e to row a and subtracts it
//! from row b. A branch whose potential is set, or whose current must be known for another reason, has its current as an
//! unknown i with a row of its own: `V(a,b) - e = 0` or `i - e = 0`. Flows are those of one of m parallel devices.

use crate::diag::Diagnostic;
use crate::ir::{Input, Op, Type, Value};
use crate::model::{Limit, LocalUnknown, Probe, UnknownKind};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind, Name};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};

/// A branch that is probed or contributed to.
#[derive(Clone, PartialEq, Debug)]
pub struct BranchState {
    /// Index of the named branch, if it is one.
    pub named: Option<usize>,
    /// Node that it leaves.
    pub plus: usize,
    /// Node that it reaches; `None`: ground.
    pub minus: Option<usize>,
    /// Name of its current as an unknown.
    pub name: String,
    /// Row of its current.
    pub current: Option<u32>,
    /// True if its current is read as an unknown.
    pub probed: bool,
    /// Mark: sum of the flows contributed.
    pub flow: usize,
    /// Mark: sum of the potentials contributed.
    pub potential: usize,
    /// Mark: whether it is a potential that was contributed last.
    pub sets_potential: usize,
    /// Mark: whether nothing but zero was contributed to the potential.
    pub shorted: usize,
    /// The text contributes a potential somewhere.
    pub any_potential: bool,
    /// Order of the last statement that contributes a flow.
    pub last_flow: Option<u32>,
    /// Its current must be an unknown (`ddx` asks for it).
    pub explicit: bool,
    /// Marks of an indirect contribution: what must be zero, and whether control reached it.
    pub implied: Option<(usize, usize)>,
    /// Where it is first met.
    pub span: Span,
}

/// What an access function asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Difference of potentials.
    Potential,
    /// Flow.
    Flow,
}

/// A branch as it is written: `I(b, a)` is the branch (a, b) the other way round.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reference {
    /// Index of the branch.
    pub branch: usize,
    /// Its ends are exchanged.
    pub reversed: bool,
    /// What is asked for.
    pub access: Access,
}

impl Lowerer<'_> {
    /// The branch that `access(arguments)` is about.
    pub fn reference(&mut self, access: &Name, arguments: &[Expr], span: Span) -> Lowered<Reference> {
        if let [Expr { kind: ExprKind::Port(_), span }] = arguments {
            return self.error(*span, "the flow into a port can only be read", "expected a branch");
        }
        if arguments.is_empty() || arguments.len() > 2 {
            let message = format!("`{}` takes one or two nodes, or a branch", access.text);
            return self.error(span, message, format!("{} are given", arguments.len()));
        }
        let mut nodes = Vec::new();
        let mut named = None;
        for argument in arguments {
            let name = &self.node_name(access, argument)?;
            match self.symbols.names.get(name).map(|(s, _)| *s) {
                Some(Symbol::Node(node)) => nodes.push(node),
                Some(Symbol::Branch(branch)) if self.symbols.branches[branch].port => {
                    return self.error(argument.span, "the flow into a port can only be read", "expected another branch");
                }
                Some(Symbol::Branch(branch)) if arguments.len() == 1 => named = Some(branch),
                Some(Symbol::Array(_)) => {
                    return self.error(argument.span, format!("`{name}` is a vector"), "expected an index in brackets");
                }
                Some(_) => {
                    let what = if arguments.len() == 1 { "expected a node or a branch" } else { "expected a node" };
                    return self.error(argument.span, format!("`{name}` is not a node"), what);
                }
                None => {
                    let nodes = self.symbols.nodes.iter().map(|n| n.name.text.as_str());
                    let known: Vec<&str> = nodes.chain(self.symbols.branches.iter().map(|b| b.name.text.as_str())).collect();
                    let error = Diagnostic::error(argument.span, format!("the node `{name}` is not declared"));
                    self.diagnostics.push(error.suggest(name, known));
                    return Err(crate::veriloga::parse::Abort);
                }
            }
        }
        let (plus, minus) = match named {
            Some(k) => (self.symbols.branches[k].plus, self.symbols.branches[k].minus),
            None => (nodes[0], nodes.get(1).copied()),
        };
        if minus == Some(plus) {
            return self.error(span, "a branch from a node to itself", "expected two different nodes");
        }
        let kind = self.access_kind(access, plus, span)?;
        if let Some(minus) = minus
            && !self.symbols.compatible(plus, minus, self.world, span, &mut self.diagnostics)
        {
            return Err(crate::veriloga::parse::Abort);
        }
        let (branch, reversed) = self.branch(named, plus, minus, span);
        Ok(Reference { branch, reversed, access: kind })
    }

    /// Whether `access` is the potential or the flow of the node's discipline.
    fn access_kind(&mut self, access: &Name, node: usize, span: Span) -> Lowered<Access> {
        let node = &self.symbols.nodes[node];
        let Some(discipline) = node.discipline.and_then(|d| self.world.disciplines.get(d)) else {
            // The declaration was complained about.
            return Err(crate::veriloga::parse::Abort);
        };
        if discipline.discrete {
            let message = format!("`{}` belongs to the digital language", node.name.text);
            return self.error(span, message, format!("the domain of `{}` is discrete", discipline.name));
        }
        let name = |nature: Option<usize>| nature.map_or("", |n| self.world.natures[n].access.as_str());
        let (potential, flow) = (name(discipline.potential), name(discipline.flow));
        match access.text.as_str() {
            "potential" if discipline.potential.is_some() => return Ok(Access::Potential),
            "flow" if discipline.flow.is_some() => return Ok(Access::Flow),
            text if text == potential => return Ok(Access::Potential),
            text if text == flow => return Ok(Access::Flow),
            _ => {}
        }
        let offered: Vec<String> = [potential, flow].iter().filter(|n| !n.is_empty()).map(|n| format!("`{n}`")).collect();
        let message = format!("`{}` does not fit the discipline `{}` of `{}`", access.text, discipline.name, node.name.text);
        let offered = if offered.is_empty() { "nothing".to_string() } else { offered.join(" and ") };
        self.error(span, message, format!("this discipline has {offered}"))
    }

    /// Index of a branch, made if it is new, and whether its ends are exchanged.
    fn branch(&mut self, named: Option<usize>, plus: usize, minus: Option<usize>, span: Span) -> (usize, bool) {
        for (k, known) in self.branches.iter().enumerate() {
            if known.named != named {
                continue;
            }
            if (known.plus, known.minus) == (plus, minus) {
                return (k, false);
            }
            if Some(known.plus) == minus && known.minus == Some(plus) {
                return (k, true);
            }
        }
        let text = |node: usize| self.symbols.nodes[node].name.text.clone();
        let name = match (named, minus) {
            (Some(k), _) => self.symbols.branches[k].name.text.clone(),
            (None, minus) => unnamed(&text(plus), minus.map(text).as_deref()),
        };
        let (zero, no) = (self.zero(Kind::Real), self.zero(Kind::Bool));
        let yes = Term::new(self.builder.boolean(true), Kind::Bool);
        let (flow, potential) = (self.mark(zero), self.mark(zero));
        let (sets_potential, shorted) = (self.mark(no), self.mark(yes));
        self.branches.push(BranchState {
            named,
            plus,
            minus,
            name,
            current: None,
            probed: false,
            flow,
            potential,
            sets_potential,
            shorted,
            any_potential: false,
            last_flow: None,
            explicit: false,
            implied: None,
            span,
        });
        (self.branches.len() - 1, false)
    }

    /// The value of `access(arguments)` in an expression.
    pub fn access(&mut self, access: &Name, arguments: &[Expr], span: Span) -> Lowered<Term> {
        if let Some(port) = self.port(arguments) {
            return self.port_flow(access, port, span);
        }
        let reference = self.reference(access, arguments, span)?;
        let term = match reference.access {
            Access::Potential => {
                let value = self.potential(reference, None);
                return Ok(Term::new(value, Kind::Real));
            }
            Access::Flow => self.flow(reference.branch),
        };
        Ok(if reference.reversed { self.negate(term) } else { term })
    }

    /// The port that `<port>` or the name of its branch stands for.
    fn port(&self, arguments: &[Expr]) -> Option<Name> {
        match arguments {
            [Expr { kind: ExprKind::Port(name), .. }] => Some(name.clone()),
            [Expr { kind: ExprKind::Name(name), span }] => match self.symbols.names.get(name) {
                Some((Symbol::Branch(k), _)) if self.symbols.branches[*k].port => {
                    let text = self.symbols.nodes[self.symbols.branches[*k].plus].name.text.clone();
                    Some(Name { text, span: *span })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What flows into the model at a port, from outside.
    fn port_flow(&mut self, access: &Name, port: Name, span: Span) -> Lowered<Term> {
        let node = match self.symbols.names.get(&port.text) {
            Some((Symbol::Node(node), _)) if self.symbols.nodes[*node].port || self.symbols.nodes[*node].binding.is_some() => *node,
            _ => {
                let ports = self.symbols.nodes.iter().filter(|n| n.port).map(|n| n.name.text.as_str());
                let error = Diagnostic::error(port.span, format!("`{}` is not a port", port.text)).suggest(&port.text, ports);
                self.diagnostics.push(error);
                return Err(crate::veriloga::parse::Abort);
            }
        };
        if self.access_kind(access, node, span)? == Access::Potential {
            return self.error(span, "the potential of a port's branch", "its flow can be read, nothing else");
        }
        let Some(row) = self.port_currents.get(&node).copied() else {
            return self.error(span, "the flow into a port cannot be read here", "it belongs to the analog block");
        };
        let total = self.probe(row, None, None);
        Ok(self.share(total, node))
    }

    /// What one of m parallel devices has of a flow.
    fn share(&mut self, total: Value, node: usize) -> Term {
        let multiplicity = self.multiplicity_at(node);
        let one = self.builder.real(1.0);
        let share = self.builder.op(Op::Div, &[one, multiplicity]);
        Term::new(self.builder.op(Op::Mul, &[total, share]), Kind::Real)
    }

    /// The potential of a branch as it is written, limited or not.
    pub fn potential(&mut self, reference: Reference, limit: Option<Limit>) -> Value {
        let branch = &self.branches[reference.branch];
        let (plus, minus) = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
        let (plus, minus) = if reference.reversed { (minus, plus) } else { (plus, minus) };
        match (plus, minus) {
            // Two ports of an instance at one node.
            (Some(plus), Some(minus)) if plus == minus => self.builder.real(0.0),
            (Some(plus), minus) => self.probe(plus, minus, limit),
            (None, Some(minus)) => {
                let value = self.probe(minus, None, limit);
                self.builder.op(Op::Neg, &[value])
            }
            (None, None) => self.builder.real(0.0),
        }
    }

    /// The value of `x[plus] - x[minus]`.
    pub fn probe(&mut self, plus: u32, minus: Option<u32>, limit: Option<Limit>) -> Value {
        let step = || minus.is_none().then(|| self.steps.get(&plus).copied()).flatten().map(|largest| Limit::Step { largest });
        let limit = limit.or_else(step);
        let probe = Probe { plus, minus, limit };
        let known = self.model.probes.iter().position(|p| *p == probe);
        let index = known.unwrap_or(self.model.probes.len());
        if known.is_none() {
            self.model.probes.push(probe);
        }
        self.builder.input(Input::Probe(index as u32), Type::Real)
    }

    /// The flow of a branch, from plus to minus. Where everything that is contributed to it stands before this point it is
    /// known as an expression; otherwise it is an unknown.
    fn flow(&mut self, branch: usize) -> Term {
        let state = &self.branches[branch];
        let complete = state.implied.is_none()
            && state.last_flow.is_some_and(|last| last <= self.latest)
            && self.loops == 0
            && self.calls.is_empty();
        if complete && !state.any_potential && !state.explicit {
            let flow = self.marked(state.flow);
            return if self.regions > 0 { self.resolved(flow) } else { flow };
        }
        let row = self.current(branch);
        self.branches[branch].probed = true;
        let total = self.probe(row, None, None);
        let plus = self.branches[branch].plus;
        self.share(total, plus)
    }

    /// How many devices the flow of a branch stands for: the multiplicity of the model times that of the instance inside.
    pub fn multiplicity(&mut self, branch: usize) -> Value {
        self.multiplicity_at(self.branches[branch].plus)
    }

    /// The same for the part of the module that a node belongs to.
    fn multiplicity_at(&mut self, node: usize) -> Value {
        let whole = self.builder.input(Input::Multiplicity, Type::Real);
        let node = &self.symbols.nodes[node].name.text;
        let Some(own) = self.module.flat.multiplicities.get(node) else { return whole };
        match self.symbols.names.get(own) {
            Some((Symbol::Parameter(k), _)) => {
                let own = self.parameter_value(*k).value;
                self.builder.op(Op::Mul, &[whole, own])
            }
            _ => whole,
        }
    }

    /// Row of the current of a branch, which becomes an unknown if it is not yet one.
    pub fn current(&mut self, branch: usize) -> u32 {
        if let Some(row) = self.branches[branch].current {
            return row;
        }
        let state = self.branches[branch].clone();
        let discipline = self.symbols.nodes[state.plus].discipline.and_then(|d| self.world.disciplines.get(d));
        let nature = |index: Option<usize>| index.map(|n| self.world.natures[n].clone()).unwrap_or_default();
        let flow = nature(discipline.and_then(|d| d.flow));
        let potential = nature(discipline.and_then(|d| d.potential));
        let row = self.unknown(LocalUnknown {
            name: state.name,
            kind: UnknownKind::Current,
            quantity: quantity_name(&flow.name),
            unit: flow.unit,
            abstol: flow.abstol,
            residual_abstol: if state.any_potential { potential.abstol } else { flow.abstol },
            start: None,
            held: false,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
            span: state.span,
        });
        self.branches[branch].current = Some(row);
        row
    }

    /// Adds an unknown; its name is made different from all others.
    pub fn unknown(&mut self, mut unknown: LocalUnknown) -> u32 {
        let mut name = unknown.name.clone();
        let mut count = 2;
        while !self.unknown_names.insert(name.to_ascii_lowercase()) {
            name = format!("{}_{count}", unknown.name);
            count += 1;
        }
        unknown.name = name;
        self.model.unknowns.push(unknown);
        self.model.unknowns.len() as u32 - 1
    }

    /// `access(...) <+ value;`
    pub fn contribute(&mut self, target: &Expr, value: &Expr) -> Lowered<()> {
        let ExprKind::Call(access, arguments) = &target.kind else {
            return self.error(target.span, "this cannot be contributed to", "expected an access function such as `I(a, b)`");
        };
        if self.world.disciplines.is_empty() {
            // The disciplines are missing, which has been said.
            return Err(crate::veriloga::parse::Abort);
        }
        if !self.world.is_access(&access.text) && !self.world.natures.is_empty() {
            let known = self.world.natures.iter().map(|n| n.access.as_str());
            let error = Diagnostic::error(access.span, format!("`{}` is not an access function", access.text));
            self.diagnostics.push(error.suggest(&access.text, known));
            return Err(crate::veriloga::parse::Abort);
        }
        let reference = self.reference(access, arguments, target.span);
        self.target = reference.as_ref().ok().map(|r| self.branches[r.branch].name.clone());
        let term = self.expression(value);
        self.target = None;
        let (reference, term) = (reference?, term?);
        let term = self.convert(term, Kind::Real, value.span)?;
        if self.loops > 0 {
            let remark = "contributions need loops whose rounds are known when the model is compiled";
            return self.error(target.span, "a contribution in a loop", remark);
        }
        self.builder.span = target.span.to(value.span);
        let term = if reference.reversed { self.negate(term) } else { term };
        let branch = self.branches[reference.branch].clone();
        let (zero, yes, no) = (self.zero(Kind::Real), self.builder.boolean(true), self.builder.boolean(false));
        match reference.access {
            Access::Flow => {
                let sum = self.add(self.marked(branch.flow), term);
                self.set_mark(branch.flow, sum);
                self.set_mark(branch.potential, zero);
                self.set_mark(branch.shorted, Term::new(yes, Kind::Bool));
                self.set_mark(branch.sets_potential, Term::new(no, Kind::Bool));
            }
            Access::Potential => {
                let sum = self.add(self.marked(branch.potential), term);
                let nothing = term.charge.is_none() && self.builder.constant(term.value) == Some(0.0);
                let still = if nothing { self.marked(branch.shorted).value } else { no };
                self.set_mark(branch.potential, sum);
                self.set_mark(branch.flow, zero);
                self.set_mark(branch.shorted, Term::new(still, Kind::Bool));
                self.set_mark(branch.sets_potential, Term::new(yes, Kind::Bool));
            }
        }
        Ok(())
    }
}

impl Lowerer<'_> {
    /// `access(...) : left == right;`: the branch takes whatever potential or flow makes the equation hold.
    pub fn indirect(&mut self, target: &Expr, left: &Expr, right: &Expr) -> Lowered<()> {
        let ExprKind::Call(access, arguments) = &target.kind else {
            return self.error(target.span, "this cannot be contributed to", "expected an access function such as `V(a, b)`");
        };
        if !self.world.is_access(&access.text) && !self.world.natures.is_empty() {
            let known = self.world.natures.iter().map(|n| n.access.as_str());
            let error = Diagnostic::error(access.span, format!("`{}` is not an access function", access.text));
            self.diagnostics.push(error.suggest(&access.text, known));
            return Err(crate::veriloga::parse::Abort);
        }
        let reference = self.reference(access, arguments, target.span);
        let (left_term, right_term) = (self.expression(left), self.expression(right));
        let (reference, a, b) = (reference?, left_term?, right_term?);
        let (a, b) = (self.convert(a, Kind::Real, left.span)?, self.convert(b, Kind::Real, right.span)?);
        self.builder.span = target.span.to(right.span);
        let opposite = self.negate(b);
        let equation = self.add(a, opposite);
        if self.branches[reference.branch]
            .implied
            .is_some_and(|(_, set)| self.builder.constant(self.marked(set).value) != Some(0.0))
        {
            return self.error(target.span, "a second indirect contribution to one branch", "one equation finds one unknown");
        }
        let (nothing, no) = (self.zero(Kind::Real), self.zero(Kind::Bool));
        let (sum, set) = match self.branches[reference.branch].implied {
            Some(marks) => marks,
            None => (self.mark(nothing), self.mark(no)),
        };
        let yes = Term::new(self.builder.boolean(true), Kind::Bool);
        self.branches[reference.branch].implied = Some((sum, set));
        self.branches[reference.branch].probed = true;
        self.current(reference.branch);
        self.set_mark(sum, equation);
        self.set_mark(set, yes);
        Ok(())
    }
}

/// Name of a quantity from its nature: `Voltage` is a voltage.
pub fn quantity_name(nature: &str) -> String {
    nature.to_lowercase()
}

/// Name of the current of a branch without a name: `i_a_b`, inside of an instance `r1.i_a_b`.
fn unnamed(plus: &str, minus: Option<&str>) -> String {
    let (path, plus) = plus.rsplit_once('.').map_or((String::new(), plus), |(path, own)| (format!("{path}."), own));
    match minus {
        Some(minus) => format!("{path}i_{plus}_{}", minus.strip_prefix(path.as_str()).unwrap_or(minus)),
        None => format!("{path}i_{plus}"),
    }
}
