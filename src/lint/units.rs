//! Units that do not fit, where `units` attributes and natures give them: sums, comparisons, assignments, contributions.
//!
//! A number written in the text fits everything: it may carry a unit that nobody wrote down. So do names without a unit.

use std::collections::BTreeMap;

use crate::lint::unit::{Dimension, NUMBER, combine, parse, text};
use crate::lint::{Finding, Subject};
use crate::span::Span;
use crate::veriloga::ast::{Binary, Expr, ExprKind, Module, StatementKind, Unary, attribute_text};
use crate::veriloga::walk::walk;

/// What is known of a module's units.
struct Known<'a> {
    names: BTreeMap<&'a str, Dimension>,
    /// Of access functions.
    accesses: BTreeMap<&'a str, Dimension>,
}

/// All statements of a module.
pub fn check(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(module), Some(tree)) = (subject.module, subject.tree) else { return };
    let accesses = tree.natures.iter().filter_map(|n| nature(n));
    let known = Known { names: declared(module), accesses: accesses.collect() };
    if known.names.is_empty() {
        return;
    }
    for (_, statement) in &module.analog {
        walk(statement, &mut |s| match &s.kind {
            StatementKind::Assign(target, value) | StatementKind::Contribute(target, value) => {
                let (left, right) = (known.of(target, out), known.of(value, out));
                mismatch(left, right, value.span, "what is assigned", out);
            }
            StatementKind::If(arms, _) => arms.iter().for_each(|(condition, _)| _ = known.of(condition, out)),
            StatementKind::While(condition, _) => _ = known.of(condition, out),
            _ => {}
        });
    }
}

fn declared(module: &Module) -> BTreeMap<&str, Dimension> {
    let parameters = module.parameters.iter().map(|p| (p.name.text.as_str(), &p.attributes));
    let variables = module.variables.iter().map(|v| (v.name.text.as_str(), &v.attributes));
    parameters.chain(variables).filter_map(|(name, a)| parse(&attribute_text(a, "units")).map(|d| (name, d))).collect()
}

/// Access function and unit of a nature.
fn nature(nature: &crate::veriloga::ast::Nature) -> Option<(&str, Dimension)> {
    let item = |wanted: &str| nature.items.iter().find(|(name, _)| name.text == wanted).map(|(_, value)| &value.kind);
    match (item("access"), item("units")) {
        (Some(ExprKind::Name(access)), Some(ExprKind::Text(unit))) => Some((access.as_str(), parse(unit)?)),
        _ => None,
    }
}

fn mismatch(a: Option<Dimension>, b: Option<Dimension>, span: Span, what: &str, out: &mut Vec<Finding>) {
    if let (Some(a), Some(b)) = (a, b)
        && a != b
    {
        out.push(Finding::new(
            span,
            format!("{what} does not fit: {} and {}", text(a), text(b)),
            "by the `units` of the names in it",
            "look for a missing factor, or correct the attribute",
        ));
    }
}

impl Known<'_> {
    /// The unit of an expression, as far as it is known; `None` fits everything.
    fn of(&self, expr: &Expr, out: &mut Vec<Finding>) -> Option<Dimension> {
        match &expr.kind {
            ExprKind::Name(name) => self.names.get(name.as_str()).copied(),
            ExprKind::Index(name, _) => self.names.get(name.text.as_str()).copied(),
            ExprKind::Unary(Unary::Plus | Unary::Minus, a) => self.of(a, out),
            ExprKind::Unary(_, a) => {
                self.of(a, out);
                None
            }
            ExprKind::Binary(operator, a, b) => self.binary(*operator, a, b, expr.span, out),
            ExprKind::Conditional(condition, a, b) => {
                self.of(condition, out);
                let (a, b) = (self.of(a, out), self.of(b, out));
                mismatch(a, b, expr.span, "a choice", out);
                a.or(b)
            }
            ExprKind::Call(name, arguments) => self.call(&name.text, arguments, expr.span, out),
            _ => None,
        }
    }

    fn binary(&self, operator: Binary, a: &Expr, b: &Expr, span: Span, out: &mut Vec<Finding>) -> Option<Dimension> {
        let (x, y) = (self.of(a, out), self.of(b, out));
        match operator {
            Binary::Add | Binary::Sub => {
                mismatch(x, y, span, "a sum", out);
                // One complaint about a sum is enough.
                if x.is_some() && y.is_some() && x != y { None } else { x.or(y) }
            }
            Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge | Binary::Eq | Binary::Ne => {
                mismatch(x, y, span, "a comparison", out);
                None
            }
            Binary::Mul => Some(combine(x?, 1, y?)),
            Binary::Div => Some(combine(y?, -1, x?)),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Expr], span: Span, out: &mut Vec<Finding>) -> Option<Dimension> {
        if let Some(access) = self.accesses.get(name) {
            return Some(*access);
        }
        let units: Vec<Option<Dimension>> = arguments.iter().map(|a| self.of(a, out)).collect();
        let first = units.first().copied().flatten();
        match name {
            "abs" => first,
            "min" | "max" | "hypot" => {
                let second = units.get(1).copied().flatten();
                mismatch(first, second, span, "a choice", out);
                first.or(second)
            }
            "ddt" => first.map(|d| combine([0, 0, 1, 0, 0, 0], -1, d)),
            "idt" => first.map(|d| combine([0, 0, 1, 0, 0, 0], 1, d)),
            "exp" | "limexp" | "ln" | "log" | "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" => {
                if let Some(unit) = first.filter(|d| *d != NUMBER) {
                    out.push(Finding::new(
                        span,
                        format!("the argument of `{name}` has the unit {}", text(unit)),
                        "it should be a number",
                        "divide by a quantity of the same kind",
                    ));
                }
                Some(NUMBER)
            }
            "$temperature" => Some([0, 0, 0, 0, 1, 0]),
            "$abstime" => Some([0, 0, 1, 0, 0, 0]),
            "$vt" => parse("V"),
            _ => None,
        }
    }
}
