//! Analog functions, put in where they are called (LRM 2.4, clause 4.7): they see parameters and their own variables.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::ir::{Op, Value};
use crate::span::Span;
use crate::veriloga::ast::{self, Direction, Expr, ExprKind, Statement};
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::parse::Abort;
use crate::veriloga::statement::holds_return;

/// Functions that call functions, up to this depth.
const DEEPEST: usize = 24;

impl Lowerer<'_> {
    /// The value of a call of function `k`.
    pub fn inline(&mut self, k: usize, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let module = self.module;
        let function = &module.functions[k];
        if self.calls.contains(&k) || self.calls.len() >= DEEPEST {
            let error = Diagnostic::error(span, format!("the function `{}` calls itself", function.name.text));
            self.diagnostics.push(error.label(function.name.span, "it is declared here"));
            return Err(Abort);
        }
        if arguments.len() != function.arguments.len() {
            let count = function.arguments.len();
            let error = Diagnostic::error(span, format!("`{}` takes {count} arguments", function.name.text));
            let error = error.expected(format!("{} given", arguments.len()));
            self.diagnostics.push(error.label(function.name.span, "it is declared here"));
            return Err(Abort);
        }
        let mut values = Vec::new();
        for (argument, (_, direction)) in arguments.iter().zip(&function.arguments) {
            values.push(match direction {
                Direction::Out => None,
                _ => Some(self.expression(argument).and_then(|t| Ok(Term::new(self.plain(t, argument.span)?, t.kind)))),
            });
        }
        let mut ready = Vec::new();
        for value in values {
            ready.push(value.transpose()?);
        }
        let (result, written) = self.inlined(k, &ready, arguments)?;
        self.builder.span = span;
        for (argument, term) in written {
            if !matches!(argument.kind, ExprKind::Name(_) | ExprKind::Index(..)) {
                return self.error(argument.span, "this argument is written to", "expected a variable");
            }
            self.write_to(argument, term, argument.span)?;
        }
        Ok(result)
    }

    /// `return value;`: the value of the function, and nothing of what stands behind counts.
    pub fn return_value(&mut self, value: Option<&Expr>, span: Span) -> Lowered<()> {
        let (Some(returned), Some(k)) = (self.returned, self.calls.last().copied()) else {
            return self.error(span, "`return` outside of a function", "put the rest under a condition");
        };
        let name = &self.module.functions[k].name;
        if let Some(value) = value {
            let term = self.expression(value)?;
            let target = Expr { kind: ExprKind::Name(name.text.clone()), span: name.span };
            self.write_to(&target, term, value.span)?;
        }
        let yes = Term::new(self.builder.boolean(true), Kind::Bool);
        self.write(returned, yes);
        Ok(())
    }

    /// `condition`, and nothing has been returned yet.
    pub fn not_returned(&mut self, condition: Value) -> Value {
        let Some(slot) = self.returned else { return condition };
        let returned = self.read(slot).value;
        let still = self.builder.op(Op::Not, &[returned]);
        self.builder.op(Op::And, &[condition, still])
    }

    /// Statements one after the other, up to a `return`.
    pub fn sequence(&mut self, statements: &[Statement]) {
        for (k, statement) in statements.iter().enumerate() {
            self.statement(statement);
            let rest = &statements[k + 1..];
            if self.returned.is_none() || rest.is_empty() || !holds_return(statement) {
                continue;
            }
            let yes = self.builder.boolean(true);
            let goes_on = self.not_returned(yes);
            return self.fork(goes_on, false, &mut |l| l.sequence(rest), &mut |_| {});
        }
    }

    /// Runs the body of function `k`; gives its value and what it wrote to arguments.
    pub fn inlined<'e>(
        &mut self,
        k: usize,
        values: &[Option<Term>],
        arguments: &'e [Expr],
    ) -> Lowered<(Term, Vec<(&'e Expr, Term)>)> {
        let module = self.module;
        let function = &module.functions[k];
        let scopes = std::mem::replace(&mut self.scopes, vec![BTreeMap::new()]);
        let context = std::mem::replace(&mut self.context, Context::Function);
        let visible = self.visible;
        if let Context::Parameters(before) = context {
            self.visible = self.visible.min(before);
        }
        let (target, latest) = (self.target.take(), self.latest);
        let base = self.slots.len();
        self.calls.push(k);
        self.called.insert(k);
        let errors = self.diagnostics.len();
        let slots = self.function_variables(function);
        for ((slot, value), (name, _)) in slots.iter().zip(values).zip(&function.arguments) {
            if let Some(value) = value {
                let kind = self.slots[*slot].kind;
                if let Ok(term) = self.convert(*value, kind, name.span) {
                    self.write(*slot, term);
                }
            }
        }
        let outer = self.returned.take();
        if function.body.iter().any(holds_return) {
            // Without a name: whatever loops there are hand it on.
            let slot = self.new_slot("", Kind::Bool, function.name.span, true);
            let no = self.zero(Kind::Bool);
            self.write(slot, no);
            self.returned = Some(slot);
        }
        self.sequence(&function.body);
        self.returned = outer;
        let result = match self.find(&function.name.text) {
            Some(Local::Variable(slot, None)) => self.read(slot),
            _ => self.zero(Kind::Real),
        };
        let mut written = Vec::new();
        for ((slot, argument), (_, direction)) in slots.iter().zip(arguments).zip(&function.arguments) {
            if *direction != Direction::In {
                written.push((argument, self.read(*slot)));
            }
        }
        self.calls.pop();
        self.slots.truncate(base);
        self.state.variables.set_len(base);
        (self.scopes, self.context, self.target, self.latest, self.visible) = (scopes, context, target, latest, visible);
        if self.diagnostics[errors..].iter().any(|d| d.severity == crate::diag::Severity::Error) {
            return Err(Abort);
        }
        Ok((result, written))
    }

    /// Declares the result, the arguments and the variables of a function; gives the arguments' slots.
    fn function_variables(&mut self, function: &ast::Function) -> Vec<usize> {
        for variable in &function.variables {
            self.declare(variable, true);
        }
        let result = self.new_slot(&function.name.text, Kind::from(function.kind), function.name.span, true);
        let mut slots = Vec::new();
        for (name, _) in &function.arguments {
            match self.find(&name.text) {
                Some(Local::Variable(slot, None)) => slots.push(slot),
                _ => {
                    // An argument without a type is real.
                    let slot = self.new_slot(&name.text, Kind::Real, name.span, true);
                    self.bind(&name.text, Local::Variable(slot, None));
                    slots.push(slot);
                }
            }
        }
        self.bind(&function.name.text, Local::Variable(result, None));
        for parameter in &function.parameters {
            let kind = parameter.kind.map_or(Kind::Real, Kind::from);
            let term = self.expression(&parameter.default).and_then(|t| self.convert(t, kind, parameter.span));
            if let Ok(term) = term {
                self.bind(&parameter.name.text, Local::Constant(term));
            }
        }
        slots
    }

    /// Makes a name known in the innermost open block.
    pub fn bind(&mut self, name: &str, local: Local) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_string(), local);
        }
    }

    /// Lowers what nobody calls, for its mistakes.
    pub fn uncalled_functions(&mut self) {
        for k in 0..self.module.functions.len() {
            if self.called.contains(&k) {
                continue;
            }
            let module = self.module;
            let function = &module.functions[k];
            let state = self.state.clone();
            let time = self.builder.input(crate::ir::Input::Time, crate::ir::Type::Real);
            let mut values = Vec::new();
            for (name, direction) in &function.arguments {
                let kind = function.variables.iter().find(|v| v.name.text == name.text).map_or(Kind::Real, |v| Kind::from(v.kind));
                let some = match kind {
                    Kind::Text => self.zero(Kind::Text),
                    kind => self.convert(Term::new(time, Kind::Real), kind, name.span).unwrap_or(Term::new(time, Kind::Real)),
                };
                values.push((*direction != Direction::Out).then_some(some));
            }
            let _ = self.inlined(k, &values, &[]);
            self.state = state;
        }
    }
}
