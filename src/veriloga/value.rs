//! Expressions to values: types, conversions, operators, and how a charge passes through them.
//!
//! `a + b`, `-a`, `k a`, `a / k` and `fixed ? a : b` keep charges (k fixed by parameters); everything else makes of a charge
//! an unknown of its own (see `operator`).

use crate::diag::Diagnostic;
use crate::ir::{Input, Op, Type, Value};
use crate::span::Span;
use crate::veriloga::ast::{Binary, Expr, ExprKind, Unary};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::parse::Abort;

impl Lowerer<'_> {
    /// A real constant.
    pub fn real(&mut self, value: f64) -> Term {
        Term::new(self.builder.real(value), Kind::Real)
    }

    /// The zero (false, empty string) of a type.
    pub fn zero(&mut self, kind: Kind) -> Term {
        let value = match kind {
            Kind::Real => self.builder.real(0.0),
            Kind::Int => self.builder.int(0),
            Kind::Bool => self.builder.boolean(false),
            Kind::Text => {
                let empty = self.string("");
                self.builder.int(empty as i32)
            }
        };
        Term::new(value, kind)
    }

    /// `term` as a value of another type; its charge stays if both are real.
    pub fn convert(&mut self, term: Term, kind: Kind, span: Span) -> Lowered<Term> {
        let op = match (term.kind, kind) {
            (a, b) if a == b => return Ok(term),
            (Kind::Text, _) => return self.error(span, "a string where a number is wanted", "expected a number"),
            (_, Kind::Text) => return self.error(span, "a number where a string is wanted", "expected a string"),
            (_, Kind::Real) => Op::ToReal,
            (_, Kind::Int) => Op::ToInt,
            (_, Kind::Bool) => Op::ToBool,
        };
        let plain = self.plain(term, span)?;
        Ok(Term::new(self.builder.op(op, &[plain]), kind))
    }

    /// A real value without charge.
    pub fn plain_real(&mut self, expr: &Expr) -> Lowered<Value> {
        let term = self.expression(expr)?;
        let term = self.convert(term, Kind::Real, expr.span)?;
        self.plain(term, expr.span)
    }

    /// A truth value.
    pub fn condition(&mut self, expr: &Expr) -> Lowered<Value> {
        let term = self.expression(expr)?;
        Ok(self.convert(term, Kind::Bool, expr.span)?.value)
    }

    /// The value of an expression.
    pub fn expression(&mut self, expr: &Expr) -> Lowered<Term> {
        self.burn(expr.span)?;
        self.descend(expr.span)?;
        self.builder.span = expr.span;
        let term = self.expression_kind(expr);
        self.ascend();
        term
    }

    fn expression_kind(&mut self, expr: &Expr) -> Lowered<Term> {
        match &expr.kind {
            ExprKind::Real(value) => Ok(self.real(*value)),
            ExprKind::Int(value) => Ok(Term::new(self.builder.int(*value), Kind::Int)),
            ExprKind::Text(text) => {
                let index = self.string(text);
                Ok(Term::new(self.builder.int(index as i32), Kind::Text))
            }
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Index(name, index) => self.element(&name.text, name.span, index),
            ExprKind::Call(name, arguments) => self.call(name, arguments, expr.span),
            ExprKind::Port(_) => self.error(expr.span, "a port has no value of its own", "write `I(<port>)`"),
            ExprKind::Missing => self.error(expr.span, "an argument is missing", "expected an expression"),
            ExprKind::Unary(operator, operand) => {
                let term = self.expression(operand)?;
                self.builder.span = expr.span;
                self.unary(*operator, term, expr.span)
            }
            ExprKind::Binary(..) => self.chain(expr),
            ExprKind::Conditional(condition, then, otherwise) => self.conditional(condition, then, otherwise, expr.span),
            ExprKind::Range(..) => self.error(expr.span, "a range where a value is wanted", "expected an expression"),
            ExprKind::List(items) => self.joined_texts(items, expr.span),
            ExprKind::Replicate(..) => match self.spelled_out(expr)? {
                Some(Expr { kind: ExprKind::List(items), span }) => self.joined_texts(&items, span),
                _ => Err(Abort),
            },
        }
    }

    /// A chain of operators, leftmost first, without recursion along its length.
    fn chain(&mut self, expr: &Expr) -> Lowered<Term> {
        let mut links = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(operator, left, right) = &first.kind {
            links.push((*operator, &**right, first.span));
            first = left;
        }
        let mut left = self.expression(first);
        for (operator, right, span) in links.into_iter().rev() {
            // Both sides are lowered before giving up, so that both may complain.
            let right = self.expression(right);
            self.builder.span = span;
            left = match (left, right) {
                (Ok(left), Ok(right)) => self.binary(operator, left, right, span),
                _ => Err(Abort),
            };
        }
        left
    }

    fn unary(&mut self, operator: Unary, term: Term, span: Span) -> Lowered<Term> {
        if term.kind == Kind::Text {
            return self.error(span, "an operator on a string", "expected a number");
        }
        match operator {
            Unary::Plus => Ok(term),
            Unary::Minus if term.kind == Kind::Real => Ok(self.negate(term)),
            Unary::Minus => {
                let term = self.convert(term, Kind::Int, span)?;
                Ok(Term::new(self.builder.op(Op::IntNeg, &[term.value]), Kind::Int))
            }
            Unary::Not => {
                let term = self.convert(term, Kind::Bool, span)?;
                Ok(Term::new(self.builder.op(Op::Not, &[term.value]), Kind::Bool))
            }
            Unary::BitNot => {
                let term = self.whole(term, span)?;
                Ok(Term::new(self.builder.op(Op::BitNot, &[term]), Kind::Int))
            }
            reduction => {
                let bits = self.whole(term, span)?;
                Ok(Term::new(self.reduced(reduction, bits), Kind::Bool))
            }
        }
    }

    /// `&a`, `|a`, `^a` and their opposites.
    fn reduced(&mut self, operator: Unary, bits: Value) -> Value {
        match operator {
            Unary::AllBits | Unary::NotAllBits => {
                let all = self.builder.int(-1);
                self.builder.op(if operator == Unary::AllBits { Op::Eq } else { Op::Ne }, &[bits, all])
            }
            Unary::OddBits | Unary::EvenBits => {
                let mut folded = bits;
                for shift in [16, 8, 4, 2, 1] {
                    let shift = self.builder.int(shift);
                    let upper = self.builder.op(Op::Shr, &[folded, shift]);
                    folded = self.builder.op(Op::BitXor, &[folded, upper]);
                }
                let one = self.builder.int(1);
                let last = self.builder.op(Op::BitAnd, &[folded, one]);
                self.builder.op(if operator == Unary::OddBits { Op::Eq } else { Op::Ne }, &[last, one])
            }
            _ => {
                let none = self.builder.int(0);
                self.builder.op(if operator == Unary::AnyBit { Op::Ne } else { Op::Eq }, &[bits, none])
            }
        }
    }

    /// `a >>> b`: the sign comes in from the left.
    fn shifted_with_sign(&mut self, a: Value, b: Value) -> Value {
        let zero = self.builder.int(0);
        let negative = self.builder.op(Op::Lt, &[a, zero]);
        let opposite = self.builder.op(Op::BitNot, &[a]);
        let moved = self.builder.op(Op::Shr, &[opposite, b]);
        let below = self.builder.op(Op::BitNot, &[moved]);
        let above = self.builder.op(Op::Shr, &[a, b]);
        self.builder.select(negative, below, above)
    }

    /// An integer without conversion from real: bit operators want nothing else.
    fn whole(&mut self, term: Term, span: Span) -> Lowered<Value> {
        if term.kind == Kind::Real {
            return self.error(span, "a bit operator on a real number", "expected integers");
        }
        Ok(self.convert(term, Kind::Int, span)?.value)
    }

    /// `-term`.
    pub fn negate(&mut self, term: Term) -> Term {
        let value = self.builder.op(Op::Neg, &[term.value]);
        let charge = term.charge.map(|q| self.builder.op(Op::Neg, &[q]));
        Term { value, charge, kind: Kind::Real }
    }

    /// `a + b` of real terms.
    pub fn add(&mut self, a: Term, b: Term) -> Term {
        let nothing = |l: &Self, t: Term| l.builder.constant(t.value) == Some(0.0);
        let value = if nothing(self, a) {
            b.value
        } else if nothing(self, b) {
            a.value
        } else {
            self.builder.op(Op::Add, &[a.value, b.value])
        };
        let charge = match (a.charge, b.charge) {
            (Some(p), Some(q)) => Some(self.builder.op(Op::Add, &[p, q])),
            (p, q) => p.or(q),
        };
        Term { value, charge, kind: Kind::Real }
    }

    /// `factor * term` with a factor that has no charge and, if the term has one, is fixed.
    pub fn scale(&mut self, term: Term, factor: Value) -> Term {
        let nothing = self.builder.constant(term.value) == Some(0.0);
        let value = if nothing { term.value } else { self.builder.op(Op::Mul, &[term.value, factor]) };
        let charge = term.charge.map(|q| self.builder.op(Op::Mul, &[q, factor]));
        Term { value, charge, kind: Kind::Real }
    }

    /// `a operator b`.
    pub fn binary(&mut self, operator: Binary, a: Term, b: Term, span: Span) -> Lowered<Term> {
        let text = a.kind == Kind::Text || b.kind == Kind::Text;
        let comparison = matches!(operator, Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge);
        if text && !(a.kind == b.kind && matches!(operator, Binary::Eq | Binary::Ne)) {
            return self.error(span, "an operator on a string", "strings can only be compared, with `==` and `!=`");
        }
        if text {
            self.comparable(&[a, b], span)?;
        }
        let real = a.kind == Kind::Real || b.kind == Kind::Real;
        if comparison {
            let kind = if text {
                Kind::Text
            } else if real {
                Kind::Real
            } else {
                Kind::Int
            };
            let (a, b) = (self.convert(a, kind, span)?, self.convert(b, kind, span)?);
            let (a, b) = (self.plain(a, span)?, self.plain(b, span)?);
            let op = match operator {
                Binary::Eq => Op::Eq,
                Binary::Ne => Op::Ne,
                Binary::Lt => Op::Lt,
                Binary::Le => Op::Le,
                Binary::Gt => Op::Gt,
                _ => Op::Ge,
            };
            return Ok(Term::new(self.builder.op(op, &[a, b]), Kind::Bool));
        }
        match operator {
            Binary::And | Binary::Or => {
                let (a, b) = (self.convert(a, Kind::Bool, span)?, self.convert(b, Kind::Bool, span)?);
                let op = if operator == Binary::And { Op::And } else { Op::Or };
                Ok(Term::new(self.builder.op(op, &[a.value, b.value]), Kind::Bool))
            }
            Binary::ShrSigned => {
                let (a, b) = (self.whole(a, span)?, self.whole(b, span)?);
                Ok(Term::new(self.shifted_with_sign(a, b), Kind::Int))
            }
            Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::BitXnor | Binary::Shl | Binary::Shr => {
                let (a, b) = (self.whole(a, span)?, self.whole(b, span)?);
                let op = match operator {
                    Binary::BitAnd => Op::BitAnd,
                    Binary::BitOr => Op::BitOr,
                    Binary::Shl => Op::Shl,
                    Binary::Shr => Op::Shr,
                    _ => Op::BitXor,
                };
                let value = self.builder.op(op, &[a, b]);
                let value = if operator == Binary::BitXnor { self.builder.op(Op::BitNot, &[value]) } else { value };
                Ok(Term::new(value, Kind::Int))
            }
            _ if real => {
                let (a, b) = (self.convert(a, Kind::Real, span)?, self.convert(b, Kind::Real, span)?);
                self.arithmetic(operator, a, b, span)
            }
            _ => {
                let (a, b) = (self.convert(a, Kind::Int, span)?, self.convert(b, Kind::Int, span)?);
                Ok(self.integer(operator, a.value, b.value))
            }
        }
    }

    fn integer(&mut self, operator: Binary, a: Value, b: Value) -> Term {
        let op = match operator {
            Binary::Add => Op::IntAdd,
            Binary::Sub => Op::IntSub,
            Binary::Mul => Op::IntMul,
            Binary::Div => Op::IntDiv,
            Binary::Rem => Op::IntRem,
            _ => {
                // Truncated, as integer division is: 2 ** -1 is 0.
                let (a, b) = (self.builder.op(Op::ToReal, &[a]), self.builder.op(Op::ToReal, &[b]));
                let power = self.builder.op(Op::Pow, &[a, b]);
                let power = self.truncate(power);
                return Term::new(self.builder.op(Op::ToInt, &[power]), Kind::Int);
            }
        };
        Term::new(self.builder.op(op, &[a, b]), Kind::Int)
    }

    /// A real rounded towards zero.
    pub fn truncate(&mut self, value: Value) -> Value {
        let zero = self.builder.real(0.0);
        let negative = self.builder.op(Op::Lt, &[value, zero]);
        let (up, down) = (self.builder.op(Op::Ceil, &[value]), self.builder.op(Op::Floor, &[value]));
        self.builder.select(negative, up, down)
    }

    fn arithmetic(&mut self, operator: Binary, a: Term, b: Term, span: Span) -> Lowered<Term> {
        match operator {
            Binary::Add => return Ok(self.add(a, b)),
            Binary::Sub => {
                let value = self.builder.op(Op::Sub, &[a.value, b.value]);
                let charge = match (a.charge, b.charge) {
                    (Some(p), Some(q)) => Some(self.builder.op(Op::Sub, &[p, q])),
                    (None, Some(q)) => Some(self.builder.op(Op::Neg, &[q])),
                    (p, None) => p,
                };
                return Ok(Term { value, charge, kind: Kind::Real });
            }
            Binary::Mul if a.charge.is_some() && b.charge.is_none() && self.is_fixed(b.value) => return Ok(self.scale(a, b.value)),
            Binary::Mul if b.charge.is_some() && a.charge.is_none() && self.is_fixed(a.value) => return Ok(self.scale(b, a.value)),
            Binary::Div if a.charge.is_some() && b.charge.is_none() && self.is_fixed(b.value) => {
                let nothing = self.builder.constant(a.value) == Some(0.0);
                let value = if nothing { a.value } else { self.builder.op(Op::Div, &[a.value, b.value]) };
                let charge = a.charge.map(|q| self.builder.op(Op::Div, &[q, b.value]));
                return Ok(Term { value, charge, kind: Kind::Real });
            }
            _ => {}
        }
        let (a, b) = (self.plain(a, span)?, self.plain(b, span)?);
        self.builder.span = span;
        let op = match operator {
            Binary::Mul => Op::Mul,
            Binary::Div => Op::Div,
            Binary::Rem => Op::Rem,
            _ => Op::Pow,
        };
        Ok(Term::new(self.builder.op(op, &[a, b]), Kind::Real))
    }

    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr, span: Span) -> Lowered<Term> {
        let condition = self.condition(condition);
        let (a, b) = (
            self.guarded(condition.as_ref().ok().copied(), true, then),
            self.guarded(condition.as_ref().ok().copied(), false, otherwise),
        );
        let (condition, a, b) = (condition?, a?, b?);
        let kind = match (a.kind, b.kind) {
            (x, y) if x == y => x,
            (Kind::Real, _) | (_, Kind::Real) => Kind::Real,
            _ => Kind::Int,
        };
        let (a, b) = (self.convert(a, kind, span)?, self.convert(b, kind, span)?);
        self.builder.span = span;
        Ok(self.join(condition, a, b))
    }

    /// An arm of `?:`, under its condition.
    fn guarded(&mut self, condition: Option<Value>, holds: bool, expr: &Expr) -> Lowered<Term> {
        let Some(condition) = condition else { return self.expression(expr) };
        let guard = if holds { condition } else { self.builder.op(Op::Not, &[condition]) };
        self.guards.push(guard);
        let term = self.expression(expr);
        self.guards.pop();
        term
    }

    /// `condition ? a : b` of one type. Charges stay if the condition is fixed; where it moves, the charge would jump with
    /// it, so that each arm's derivative becomes an unknown instead.
    pub fn join(&mut self, condition: Value, a: Term, b: Term) -> Term {
        if a == b {
            return a;
        }
        let (mut a, mut b) = (a, b);
        if a.charge != b.charge && !self.is_fixed(condition) {
            (a, b) = (self.resolved(a), self.resolved(b));
        }
        let value = self.builder.select(condition, a.value, b.value);
        let charge = match (a.charge, b.charge) {
            (None, None) => None,
            (p, q) if p == q => p,
            (p, q) => {
                let zero = self.builder.real(0.0);
                Some(self.builder.select(condition, p.unwrap_or(zero), q.unwrap_or(zero)))
            }
        };
        Term { value, charge, kind: a.kind }
    }

    /// A name alone: parameter, variable.
    fn name(&mut self, name: &str, span: Span) -> Lowered<Term> {
        match self.find(name) {
            Some(Local::Variable(slot, None)) => Ok(self.read(slot)),
            Some(Local::Variable(..)) => self.error(span, format!("`{name}` is an array"), "expected an index in brackets"),
            Some(Local::Constant(term)) => Ok(term),
            None => self.module_name(name, span),
        }
    }

    fn module_name(&mut self, name: &str, span: Span) -> Lowered<Term> {
        match self.symbols.names.get(name).map(|(symbol, _)| *symbol) {
            Some(Symbol::Parameter(k)) => {
                let before = if let Context::Parameters(before) = self.context { before } else { usize::MAX };
                if k >= before.min(self.visible) {
                    let message = format!("the parameter `{name}` is used before it is declared");
                    return self.error(span, message, "a default may use parameters declared earlier");
                }
                Ok(self.parameter_value(k))
            }
            Some(Symbol::Variable(_)) if self.started(name).is_some() => self.started(name).ok_or(Abort),
            Some(Symbol::Variable(_)) => self.error(span, format!("`{name}` is a variable"), "only parameters may be used here"),
            Some(Symbol::Node(_)) => {
                let access = "write the access function: `V(...)`, `I(...)`";
                self.error(span, format!("the node `{name}` has no value of its own"), access)
            }
            Some(Symbol::Branch(_)) => {
                let access = "write the access function: `V(...)`, `I(...)`";
                self.error(span, format!("the branch `{name}` has no value of its own"), access)
            }
            Some(Symbol::Function(_)) => self.error(span, format!("`{name}` is a function"), "expected its arguments"),
            Some(Symbol::Array(_)) => self.error(span, format!("`{name}` is an array"), "expected an index in brackets"),
            None if name == "inf" => Ok(self.real(f64::INFINITY)),
            None => self.undeclared(name, span),
        }
    }

    /// The value that a variable of the module starts with, where another one's start depends on it.
    fn started(&self, name: &str) -> Option<Term> {
        let Some(Local::Variable(slot, None)) = self.scopes.first()?.get(name).copied() else { return None };
        let slot = self.slots.get(slot).filter(|_| matches!(self.context, Context::Parameters(_)))?;
        Some(Term::new(slot.initial?, slot.kind))
    }

    /// The complaint about a name that nobody declared.
    pub fn undeclared<T>(&mut self, name: &str, span: Span) -> Lowered<T> {
        let locals = self.scopes.iter().flat_map(|s| s.keys().map(String::as_str));
        let known: Vec<&str> = locals.chain(self.symbols.names.keys().map(String::as_str)).collect();
        let error = Diagnostic::error(span, format!("`{name}` is not declared"));
        // Any letter is near to any other.
        self.diagnostics.push(if name.len() > 1 { error.suggest(name, known) } else { error });
        Err(Abort)
    }

    /// What `name` stands for in the open blocks.
    pub fn find(&self, name: &str) -> Option<Local> {
        if matches!(self.context, Context::Parameters(_)) {
            return None;
        }
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    /// Parameter `k` as a value.
    pub fn parameter_value(&mut self, k: usize) -> Term {
        let kind = match self.model.params[k].kind {
            crate::model::ParamKind::Real => Kind::Real,
            crate::model::ParamKind::Int => Kind::Int,
            crate::model::ParamKind::Text => Kind::Text,
        };
        let shape = &self.module.flat.shape;
        if let Some((_, fixed)) = shape.iter().find(|(name, _)| *name == self.model.params[k].name) {
            // It decided on structure: the model is made for this value.
            return Term::new(self.builder.number(*fixed, kind.ir()), kind);
        }
        let param = &self.model.params[k];
        if let (true, crate::model::Formula::Number(value)) = (param.local, &param.default) {
            return Term::new(self.builder.number(*value, kind.ir()), kind);
        }
        Term::new(self.builder.input(Input::Param(k as u32), kind.ir()), kind)
    }

    /// The value of a variable; what it was at the last point if it is not yet written.
    pub fn read(&mut self, slot: usize) -> Term {
        match self.state.variables.get(slot).copied().flatten() {
            // A charge may not be scaled inside of a region: rows are out of its sight.
            Some(term) if self.regions > 0 => self.resolved(term),
            Some(term) => term,
            None => self.unwritten(slot),
        }
    }

    /// The value of a variable before it is written.
    pub fn unwritten(&mut self, slot: usize) -> Term {
        let info = self.slots[slot].clone();
        let rest = match info.initial {
            Some(value) => Term::new(value, info.kind),
            None => self.zero(info.kind),
        };
        if !info.fresh
            && self.integrals.contains_key(&info.name)
            && let Some(term) = self.early_integral(&info)
        {
            return term;
        }
        if info.fresh || !self.assignments.contains_key(&info.name) {
            return rest;
        }
        let index = info.past.unwrap_or(self.past.len() as u32);
        if info.past.is_none() {
            self.past.push(crate::veriloga::lower::Remembered::Variable(slot));
            self.slots[slot].past = Some(index);
        }
        let past = self.builder.input(Input::Past(index), info.kind.ir());
        if info.initial.is_none() {
            return Term::new(past, info.kind);
        }
        let starting = self.is_beginning();
        Term::new(self.builder.select(starting, rest.value, past), info.kind)
    }

    /// True while an operating point is being found.
    pub fn is_starting(&mut self) -> Value {
        let phase = self.builder.input(Input::Phase, Type::Int);
        let transient = self.builder.int(2);
        self.builder.op(Op::Lt, &[phase, transient])
    }

    /// First slot, first index and length of an array.
    pub fn array(&mut self, name: &str, span: Span) -> Lowered<(usize, i32, u32)> {
        match self.find(name) {
            Some(Local::Variable(slot, Some((first, length)))) => Ok((slot, first, length)),
            Some(_) => self.error(span, format!("`{name}` is not an array"), "it has no elements"),
            None if self.symbols.names.contains_key(name) => {
                self.error(span, format!("`{name}` is not an array"), "it has no elements")
            }
            None => self.undeclared(name, span),
        }
    }

    /// Slot of an element.
    pub fn constant_element(&mut self, name: &str, array: (usize, i32, u32), index: i32, span: Span) -> Lowered<usize> {
        let (slot, first, length) = array;
        let offset = i64::from(index) - i64::from(first);
        if offset < 0 || offset >= i64::from(length) {
            let last = i64::from(first) + i64::from(length) - 1;
            return self.error(span, format!("`{name}[{index}]` is outside of the array"), format!("expected {first} to {last}"));
        }
        Ok(slot + offset as usize)
    }
}
