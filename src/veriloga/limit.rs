//! `$limit` (LRM 2.4, clause 9.17.3): probes that Newton may not move too far at once.
//!
//! `pnjlim` and `fetlim` with arguments that are fixed by parameters are known to the bank. All others, and functions of the
//! user, become outputs of a program of their own (`Model::limiter`): it reads the probes as Newton gives them, the values of
//! the last iterate (`Input::Trial`) and parameters, and gives the value that the device is evaluated at. Where an argument
//! depends on a limited probe, that probe has its value of the last iterate there, as in SPICE.

use crate::diag::Diagnostic;
use crate::ir::live::prune;
use crate::ir::{Function, Input, Inst, Op, Type, Value};
use crate::model::Limit;
use crate::span::Span;
use crate::veriloga::ast::{Direction, Expr, ExprKind};
use crate::veriloga::branch::{Access, Reference};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};
use crate::veriloga::parse::Abort;

impl Lowerer<'_> {
    /// `$limit(V(a,b), "pnjlim", vt, vcrit)`, `"fetlim", vto`, or a function of the user with further arguments.
    pub fn limit(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("$limit", span)?;
        let probe = match &arguments[0].kind {
            ExprKind::Call(access, nodes) if self.world.is_access(&access.text) => {
                self.reference(access, nodes, arguments[0].span)?
            }
            _ => return self.error(arguments[0].span, "`$limit` of something that is not a potential", "expected `V(a, b)`"),
        };
        if probe.access == Access::Flow {
            let ExprKind::Call(access, nodes) = &arguments[0].kind else { return Err(Abort) };
            let warning = Diagnostic::warning(span, "flows are not limited").expected("this is the flow itself");
            self.warn_once(&format!("{span:?}"), warning);
            return self.access(access, nodes, arguments[0].span);
        }
        let (name, named) = match arguments.get(1).map(|a| &a.kind) {
            Some(ExprKind::Text(name)) => (name.as_str(), true),
            Some(ExprKind::Name(name)) => (name.as_str(), false),
            _ => ("", true),
        };
        if let Some((Symbol::Function(k), _)) = self.symbols.names.get(name) {
            return self.limit_by_function(probe, *k, &arguments[2..], span);
        }
        if !named {
            let error = Diagnostic::error(arguments[1].span, format!("there is no function `{name}` to limit with"));
            let known = self.module.functions.iter().map(|f| f.name.text.as_str());
            self.diagnostics.push(error.suggest(name, known).hint("or \"pnjlim\", \"fetlim\" in quotes"));
            return Err(Abort);
        }
        let mut values = Vec::new();
        for argument in arguments.iter().skip(2) {
            values.push(self.plain_real(argument)?);
        }
        let fixed = values.clone().into_iter().all(|v| self.is_fixed(v));
        let limit = match (name, values.as_slice()) {
            ("pnjlim", [vt, vcrit]) if fixed => {
                let (vt, vcrit) = (self.output(*vt), self.output(*vcrit));
                Some(Limit::Pnj { vt, vcrit })
            }
            ("fetlim", [vto]) if fixed => Some(Limit::Fet { vto: self.output(*vto) }),
            ("pnjlim", [vt, vcrit]) => {
                let (vt, vcrit) = (*vt, *vcrit);
                return self.limit_by(probe, span, &mut |l, new, old| Ok(junction(l, new, old, vt, vcrit)));
            }
            ("fetlim", [vto]) => {
                let vto = *vto;
                return self.limit_by(probe, span, &mut |l, new, old| Ok(gate(l, new, old, vto)));
            }
            ("pnjlim" | "fetlim", _) => {
                let what = if name == "pnjlim" { "a thermal and a critical voltage" } else { "a threshold voltage" };
                return self.error(span, format!("`{name}` takes {what}"), format!("{} arguments are given", values.len()));
            }
            _ => {
                let warning = Diagnostic::warning(span, "this potential is not limited");
                let warning = warning.expected("this kind of limiting is not known");
                self.warn_once(
                    &format!("{span:?}"),
                    warning.hint("\"pnjlim\" and \"fetlim\" are known, and functions of the module"),
                );
                None
            }
        };
        self.builder.span = span;
        // A limit works on the difference as it is written: the other way round, it is the negative of the same probe.
        Ok(Term::new(self.potential(probe, limit), Kind::Real))
    }

    /// Limiting by a function of the module: new and old value, then what the call gives.
    fn limit_by_function(&mut self, probe: Reference, k: usize, given: &[Expr], span: Span) -> Lowered<Term> {
        let function = &self.module.functions[k];
        let count = function.arguments.len();
        if count != given.len() + 2 {
            let error = Diagnostic::error(span, format!("`{}` has {count} arguments and does not fit", function.name.text));
            let error = error.expected(format!("it is called with new and old value and the {} given here", given.len()));
            self.diagnostics.push(error.label(function.name.span, "it is declared here"));
            return Err(Abort);
        }
        if let Some((argument, _)) = function.arguments.iter().find(|(_, direction)| *direction != Direction::In) {
            let remark = "a function that limits has arguments of kind `input` only";
            return self.error(argument.span, format!("`{}` is written to", argument.text), remark);
        }
        let mut extra = Vec::new();
        for expr in given {
            let term = self.expression(expr)?;
            extra.push(Some(Term::new(self.plain(term, expr.span)?, term.kind)));
        }
        self.limit_by(probe, span, &mut |l, new, old| {
            let real = |value: Value| Some(Term::new(value, Kind::Real));
            let values: Vec<Option<Term>> = [real(new), real(old)].into_iter().chain(extra.iter().copied()).collect();
            let (result, _) = l.inlined(k, &values, &[])?;
            Ok(l.convert(result, Kind::Real, span)?.value)
        })
    }

    /// A probe that is limited by a program; `make` gives its value from the new and the old one.
    fn limit_by(
        &mut self,
        probe: Reference,
        span: Span,
        make: &mut dyn FnMut(&mut Self, Value, Value) -> Lowered<Value>,
    ) -> Lowered<Term> {
        if self.regions > 0 {
            return self.error(span, "`$limit` under a condition", "assign it to a variable before");
        }
        self.builder.span = span;
        let limit = Limit::Program(self.limiters.len() as u32);
        let zero = self.builder.real(0.0);
        self.limiters.push(zero);
        let place = self.limiters.len() - 1;
        let limited = self.potential(probe, Some(limit.clone()));
        let Some(k) = self.model.probes.iter().position(|p| p.limit.as_ref() == Some(&limit)) else {
            return self.error(span, "`$limit` of a node against itself", "there is nothing to limit");
        };
        // The probe may run the other way than it is written; the function sees it as written.
        let new = self.potential(probe, None);
        let trial = self.builder.input(Input::Trial(k as u32), Type::Real);
        let reversed = matches!(self.builder.function.insts[limited.0 as usize], Inst::Op(Op::Neg, _));
        let old = if reversed { self.builder.op(Op::Neg, &[trial]) } else { trial };
        let value = make(self, new, old)?;
        self.limiters[place] = if reversed { self.builder.op(Op::Neg, &[value]) } else { value };
        Ok(Term::new(limited, Kind::Real))
    }

    /// The program of all limits that are computed; limited probes have their values of the last iterate in it.
    pub fn limiter(&self) -> Option<Function> {
        if self.limiters.is_empty() {
            return None;
        }
        let mut function = self.builder.function.clone();
        for inst in &mut function.insts {
            if let Inst::Input(Input::Probe(k)) = inst
                && self.model.probes[*k as usize].limit.is_some()
            {
                *inst = Inst::Input(Input::Trial(*k));
            }
        }
        Some(prune(&function, &self.limiters))
    }
}

/// As `mna::limit` has it for junctions.
fn junction(l: &mut Lowerer, new: Value, old: Value, vt: Value, vcrit: Value) -> Value {
    let b = &mut l.builder;
    let (zero, one, two) = (b.real(0.0), b.real(1.0), b.real(2.0));
    let step = b.op(Op::Sub, &[new, old]);
    let (size, bound) = (b.op(Op::Abs, &[step]), b.op(Op::Mul, &[two, vt]));
    let (above, far) = (b.op(Op::Gt, &[new, vcrit]), b.op(Op::Gt, &[size, bound]));
    let limited = b.op(Op::And, &[above, far]);
    let units = b.op(Op::Div, &[new, vt]);
    let logarithm = b.op(Op::Ln, &[units]);
    let fresh = b.op(Op::Mul, &[vt, logarithm]);
    let steps = b.op(Op::Div, &[step, vt]);
    let growth = b.op(Op::Add, &[one, steps]);
    let logarithm = b.op(Op::Ln, &[growth]);
    let rise = b.op(Op::Mul, &[vt, logarithm]);
    let grown = b.op(Op::Add, &[old, rise]);
    let (grows, off) = (b.op(Op::Gt, &[growth, zero]), b.op(Op::Le, &[old, zero]));
    let on = b.select(grows, grown, vcrit);
    let value = b.select(off, fresh, on);
    b.select(limited, value, new)
}

/// As `mna::limit` has it for gates.
fn gate(l: &mut Lowerer, new: Value, old: Value, vto: Value) -> Value {
    let b = &mut l.builder;
    let zero = b.real(0.0);
    let (one, two) = (b.real(1.0), b.real(2.0));
    let above = |b: &mut crate::ir::Builder, volts: f64| {
        let volts = b.real(volts);
        b.op(Op::Add, &[vto, volts])
    };
    let (deep, four, half, below, least_on) = (above(b, 3.5), above(b, 4.0), above(b, 0.5), above(b, -0.5), above(b, 2.0));
    let drive = b.op(Op::Sub, &[old, vto]);
    let overdrive = b.op(Op::Abs, &[drive]);
    let double = b.op(Op::Mul, &[two, overdrive]);
    let (up, down) = (b.op(Op::Add, &[double, two]), b.op(Op::Add, &[overdrive, one]));
    let (top, bottom) = (b.op(Op::Add, &[old, up]), b.op(Op::Sub, &[old, down]));
    let step = b.op(Op::Sub, &[new, old]);
    let rising = b.op(Op::Gt, &[step, zero]);
    let least = |b: &mut crate::ir::Builder, x: Value| b.op(Op::Min, &[new, x]);
    let most = |b: &mut crate::ir::Builder, x: Value| b.op(Op::Max, &[new, x]);
    let stays = b.op(Op::Ge, &[new, deep]);
    let floor = b.select(stays, bottom, least_on);
    let (a1, a2) = (least(b, top), most(b, floor));
    let far = b.select(rising, a1, a2);
    let (b1, b2) = (least(b, four), most(b, below));
    let near = b.select(rising, b1, b2);
    let inside = b.op(Op::Le, &[new, half]);
    let (c1, c2) = (least(b, top), most(b, bottom));
    let enters = b.select(inside, c1, half);
    let off = b.select(rising, enters, c2);
    let (is_far, is_on) = (b.op(Op::Ge, &[old, deep]), b.op(Op::Ge, &[old, vto]));
    let on = b.select(is_on, near, off);
    b.select(is_far, far, on)
}
