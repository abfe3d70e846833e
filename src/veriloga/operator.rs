//! Analog operators: `ddt`, `idt`, `ddx`, and the unknowns that they need.
//!
//! `ddt(e)` is the term `0 + d/dt e`. Where the charge of a term meets something nonlinear it becomes an unknown y with the
//! row `y - d/dt q = 0`. `idt(e, y0)` is an unknown with the row `d/dt y - e = 0`, held at y0 in static analyses.

use crate::diag::Diagnostic;
use crate::ir::{Op, Value};
use crate::model::{Contribution, EventKind, Formula, LocalUnknown, Moment, UnknownKind};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind, attribute_text};
use crate::veriloga::branch::Access;
use crate::veriloga::lower::{Context, Kind, Lowered, Lowerer, Slot, Term};

/// Absolute tolerance of an unknown made by an operator, where nothing is said.
const ABSTOL: f64 = 1e-9;

impl Lowerer<'_> {
    /// The tolerance of an `idt`: a number; of a parameter its default.
    fn tolerance(&mut self, expr: &Expr) -> Lowered<f64> {
        let value = self.plain_real(expr)?;
        if let Some(number) = self.builder.constant(value) {
            return Ok(number);
        }
        let written = match &expr.kind {
            ExprKind::Name(name) => self.model.params.iter().find(|p| p.name == *name).map(|p| &p.default),
            _ => None,
        };
        let Some(Formula::Number(number)) = written.cloned() else {
            return self.error(expr.span, "the tolerance of `idt` is not a number", "expected a constant");
        };
        let warning = Diagnostic::warning(expr.span, "a tolerance is the same for all instances");
        self.diagnostics.push(warning.expected(format!("the default {number} of the parameter is taken")));
        Ok(number)
    }

    /// A term's value where a charge is of no use: its derivative becomes an unknown. Not in loops and functions.
    pub fn plain(&mut self, term: Term, span: Span) -> Lowered<Value> {
        if term.charge.is_some() && self.context != Context::Analog {
            return self.error(span, "a time derivative where none can be", "assign it to a variable first");
        }
        Ok(self.resolved(term).value)
    }

    /// `value + d/dt charge` with an unknown y = d/dt charge; one for each distinct charge.
    pub fn resolved(&mut self, term: Term) -> Term {
        let Some(charge) = term.charge else { return term };
        let row = match self.derivatives.iter().find(|(q, _)| *q == charge) {
            Some((_, row)) => *row,
            None => self.derivative(charge),
        };
        let y = self.probe(row, None, None);
        Term::new(self.builder.op(Op::Add, &[term.value, y]), term.kind)
    }

    fn derivative(&mut self, charge: Value) -> u32 {
        let named = self.charge_names.iter().find(|(q, _)| *q == charge).map(|(_, name)| name.clone());
        let name = named.or_else(|| self.target.clone()).unwrap_or_else(|| "ddt".to_string());
        let row = self.implicit(name, self.builder.span);
        // Its equation is written at the end, outside of all conditions.
        self.derivatives.push((charge, row));
        row
    }

    /// Adds to the row of an unknown.
    pub fn equation(&mut self, row: u32, f: Option<Value>, q: Option<Value>) {
        let (f, q) = (f.map(|v| self.output(v)), q.map(|v| self.output(v)));
        let span = self.builder.span;
        self.model.contributions.push(Contribution { plus: row, minus: None, f, q, span });
    }

    /// A new unknown for an operator, named after the variable it is assigned to, with that variable's attributes.
    pub fn implicit(&mut self, name: String, span: Span) -> u32 {
        let module = self.module;
        let variable = module.variables.iter().find(|v| Some(&v.name.text) == self.target.as_ref());
        let attributes = variable.map_or(&[][..], |v| &v.attributes);
        let abstol = self.attribute_number(attributes, "abstol").unwrap_or(ABSTOL);
        let bounds = self.bounds(attributes);
        let row = self.unknown(LocalUnknown {
            name,
            kind: UnknownKind::Implicit,
            quantity: "state".to_string(),
            unit: attribute_text(attributes, "units"),
            abstol,
            residual_abstol: abstol,
            start: None,
            held: false,
            bounds,
            span,
        });
        self.largest_step(row, attributes);
        row
    }

    /// Complaint about an operator where none can stand.
    pub fn operators_allowed(&mut self, name: &str, span: Span) -> Lowered<()> {
        if self.context != Context::Analog {
            return self.error(span, format!("`{name}` cannot be used here"), "analog operators belong to the analog block");
        }
        if self.loops > 0 {
            let remark = "analog operators need loops whose rounds are known when the model is compiled";
            return self.error(span, format!("`{name}` in a loop"), remark);
        }
        if self.moment != Moment::Every || self.open_events > 0 {
            return self.error(span, format!("`{name}` in an event"), "analog operators are about all times");
        }
        Ok(())
    }

    /// Warns of an operator under a condition that moves with the solution.
    pub fn hoisted(&mut self, name: &str, span: Span) -> bool {
        let guards = self.guards.clone();
        let moving = guards.into_iter().any(|g| !self.is_fixed(g));
        if moving {
            let message = format!("`{name}` under a condition that changes during the simulation");
            let warning = Diagnostic::warning(span, message).expected("it is evaluated whether the condition holds or not");
            self.warn_once(&format!("{name} {span:?}"), warning);
        }
        moving
    }

    /// `ddt(e [, abstol])`.
    pub fn ddt(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("ddt", span)?;
        let e = self.plain_real(&arguments[0])?;
        self.builder.span = span;
        let zero = self.builder.real(0.0);
        if self.is_fixed(e) {
            return Ok(Term::new(zero, Kind::Real));
        }
        let term = Term { value: zero, charge: Some(e), kind: Kind::Real };
        Ok(if self.hoisted("ddt", span) { self.resolved(term) } else { term })
    }

    /// `idt(e [, initial [, assert [, abstol]]])`.
    pub fn idt(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("idt", span)?;
        let given = |k: usize| arguments.get(k).filter(|a| a.kind != ExprKind::Missing);
        // Operators inside of the argument are not the variable.
        let name = self.target.take();
        let early = name.as_ref().and_then(|name| self.integrals.get(name).copied().flatten());
        let row = match early {
            Some(row) => row,
            None => {
                self.target.clone_from(&name);
                let row = self.implicit(name.clone().unwrap_or_else(|| "idt".to_string()), span);
                self.target = None;
                row
            }
        };
        if let Some(known) = name.as_ref().and_then(|name| self.integrals.get_mut(name)) {
            *known = Some(row);
        }
        let module = self.module;
        let variable = module.variables.iter().find(|v| Some(&v.name.text) == name.as_ref());
        self.start_value(row, variable.map_or(&[][..], |v| &v.attributes));
        let e = self.plain_real(&arguments[0])?;
        if let Some(initial) = given(1) {
            let value = self.plain_real(initial)?;
            if !self.is_fixed(value) {
                return self.error(initial.span, "the initial value of `idt` moves", "it may depend on parameters only");
            }
            let output = self.output(value);
            let unknown = &mut self.model.unknowns[row as usize];
            (unknown.start, unknown.held) = (Some(output), true);
        }
        let assert = given(2).map(|a| self.condition(a)).transpose()?.filter(|c| self.builder.constant(*c) != Some(0.0));
        if assert.is_some() && given(1).is_none() {
            return self.error(span, "a reset of `idt` without an initial value", "expected it as the second argument");
        }
        if let Some(abstol) = given(3) {
            let tolerance = self.tolerance(abstol)?;
            self.model.unknowns[row as usize].abstol = tolerance;
        }
        self.builder.span = span;
        let y = self.probe(row, None, None);
        let mut f = self.builder.op(Op::Neg, &[e]);
        let mut value = y;
        if let Some(assert) = assert {
            let start = self.model.unknowns[row as usize].start.map(|k| self.outputs[k as usize]);
            let start = start.unwrap_or_else(|| self.builder.real(0.0));
            (f, value) = self.reset(assert, y, start, f, span);
        }
        if !self.hoisted("idt", span) {
            // An operator in an arm that the parameters do not take stays where it is: d/dt y + (y - y0) = 0.
            let start = self.model.unknowns[row as usize].start.map(|k| self.outputs[k as usize]);
            let start = start.unwrap_or_else(|| self.builder.real(0.0));
            let rest = self.builder.op(Op::Sub, &[y, start]);
            for guard in self.guards.clone().into_iter().rev() {
                f = self.builder.select(guard, f, rest);
            }
        }
        self.equation(row, Some(f), Some(y));
        Ok(Term::new(value, Kind::Real))
    }

    /// An integral y that is `start` while `assert` holds: it rests then, and what it was at the last point of the reset is
    /// taken off afterwards. Gives the row's f and the value.
    fn reset(&mut self, assert: Value, y: Value, start: Value, f: Value, span: Span) -> (Value, Value) {
        let (offset, taken) = self.hidden("offset of an integral", Kind::Real);
        let (was, before) = self.hidden("reset of an integral", Kind::Real);
        self.watch_changes(assert, span);
        let (zero, starting) = (self.builder.real(0.0), self.is_starting());
        let held = self.builder.op(Op::ToReal, &[assert]);
        self.keep(was, held);
        let before = self.builder.op(Op::ToBool, &[before]);
        let at_rest = self.builder.op(Op::Or, &[assert, before]);
        // In the step in which the reset ends, the value still is the initial one.
        let distance = self.builder.op(Op::Sub, &[y, start]);
        let new = self.builder.select(at_rest, distance, taken);
        let new = self.builder.select(starting, zero, new);
        self.keep(offset, new);
        let rest = self.builder.select(assert, zero, f);
        let shifted = self.builder.op(Op::Sub, &[y, taken]);
        let running = self.builder.select(at_rest, start, shifted);
        (rest, self.builder.select(starting, y, running))
    }

    /// `idtmod(e [, initial [, modulus [, offset [, abstol]]]])`: an integral that is brought back to `offset` whenever it
    /// has gone through `modulus`. The unknown counts turns and goes on; its tolerance is that of one turn.
    pub fn idtmod(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let Some(modulus) = self.optional(arguments, 2)? else {
            let missing = Expr { kind: ExprKind::Missing, span };
            let given = |k: usize| arguments.get(k).cloned().unwrap_or_else(|| missing.clone());
            return self.idt(&[given(0), given(1), missing.clone(), given(4)], span);
        };
        self.operators_allowed("idtmod", span)?;
        let name = self.target.take();
        if !self.is_fixed(modulus) || self.builder.constant(modulus).is_some_and(|m| m <= 0.0) {
            return self.error(span, "the modulus of `idtmod`", "expected a positive value of parameters");
        }
        let e = self.plain_real(&arguments[0])?;
        let zero = self.builder.real(0.0);
        let initial = self.optional(arguments, 1)?;
        let offset = self.optional(arguments, 3)?.unwrap_or(zero);
        self.hoisted("idtmod", span);
        self.builder.span = span;
        let row = self.implicit(format!("{}_turns", name.unwrap_or_else(|| "idtmod".to_string())), span);
        self.model.cyclic.push(row);
        let y = self.probe(row, None, None);
        if let Some(initial) = initial {
            if !self.is_fixed(initial) {
                return self.error(span, "the initial value of `idtmod` moves", "it may depend on parameters only");
            }
            let start = self.builder.op(Op::Sub, &[initial, offset]);
            let start = self.builder.op(Op::Div, &[start, modulus]);
            let output = self.output(start);
            let unknown = &mut self.model.unknowns[row as usize];
            (unknown.start, unknown.held) = (Some(output), true);
        }
        let speed = self.builder.op(Op::Div, &[e, modulus]);
        let f = self.builder.op(Op::Neg, &[speed]);
        self.equation(row, Some(f), Some(y));
        let (index, turns) = self.hidden("turns of an integral", Kind::Real);
        let here = self.builder.op(Op::Floor, &[y]);
        self.keep(index, here);
        let starting = self.is_starting();
        let turns = self.builder.select(starting, here, turns);
        // A step that goes round ends there, whichever way it goes.
        let (one, back) = (self.builder.real(1.0), self.builder.real(-1.0));
        let part = self.builder.op(Op::Sub, &[y, turns]);
        let beyond = self.builder.op(Op::Sub, &[part, one]);
        self.watch(EventKind::Cross, beyond, [Some(one), None, None], span);
        self.watch(EventKind::Cross, part, [Some(back), None, None], span);
        let scaled = self.builder.op(Op::Mul, &[part, modulus]);
        Ok(Term::new(self.builder.op(Op::Add, &[scaled, offset]), Kind::Real))
    }

    /// The value of `x` before `x = idt(...)`, its only assignment: the integral itself. The letter of the LRM is the value at
    /// the last point, which is this one in the limit of small steps, and would make an explicit method of every other.
    pub fn early_integral(&mut self, slot: &Slot) -> Option<Term> {
        if slot.kind != Kind::Real {
            return None;
        }
        let row = match self.integrals.get(&slot.name).copied().flatten() {
            Some(row) => row,
            None => {
                let outer = self.target.replace(slot.name.clone());
                let row = self.implicit(slot.name.clone(), slot.span);
                self.target = outer;
                self.integrals.insert(slot.name.clone(), Some(row));
                let warning = Diagnostic::warning(slot.span, format!("`{}` is read before it is integrated", slot.name));
                let warning = warning.expected("its present value is taken, not that of the last point");
                self.warn_once(&format!("early {}", slot.name), warning);
                row
            }
        };
        Some(Term::new(self.probe(row, None, None), Kind::Real))
    }

    /// `ddx(e, V(a))`: by the potential of a node, that of a branch, or a flow.
    pub fn ddx(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("ddx", span)?;
        let e = self.plain_real(&arguments[0]);
        let ExprKind::Call(access, nodes) = &arguments[1].kind else {
            return self.error(arguments[1].span, "`ddx` by something that is not an unknown", "expected `V(node)` or `I(branch)`");
        };
        if !self.world.is_access(&access.text) {
            return self.error(access.span, "`ddx` by something that is not an unknown", "expected `V(node)` or `I(branch)`");
        }
        let reference = self.reference(access, nodes, arguments[1].span)?;
        let e = e?;
        self.builder.span = span;
        let branch = self.branches[reference.branch].clone();
        let (plus, minus, factor) = match reference.access {
            Access::Flow => {
                let row = self.current(reference.branch);
                self.branches[reference.branch].probed = true;
                let m = self.multiplicity(reference.branch);
                (Some(row), None, if reference.reversed { self.builder.op(Op::Neg, &[m]) } else { m })
            }
            Access::Potential => {
                let ends = (self.rows[branch.plus], branch.minus.and_then(|m| self.rows[m]));
                let one = self.builder.real(1.0);
                if reference.reversed { (ends.1, ends.0, one) } else { (ends.0, ends.1, one) }
            }
        };
        let mut sum = self.builder.real(0.0);
        for (k, probe) in self.model.probes.clone().iter().enumerate() {
            // By a node: every probe that reads it. By a branch: the probes of just these two nodes.
            let sign = match (plus, minus) {
                (Some(p), None) if probe.plus == p => 1.0,
                (Some(p), None) if probe.minus == Some(p) => -1.0,
                (Some(p), Some(m)) if (probe.plus, probe.minus) == (p, Some(m)) => 1.0,
                (Some(p), Some(m)) if (probe.plus, probe.minus) == (m, Some(p)) => -1.0,
                _ => continue,
            };
            let part = self.builder.partial(e, k as u32);
            let op = if sign > 0.0 { Op::Add } else { Op::Sub };
            sum = self.builder.op(op, &[sum, part]);
        }
        Ok(Term::new(self.builder.op(Op::Mul, &[sum, factor]), Kind::Real))
    }
}
