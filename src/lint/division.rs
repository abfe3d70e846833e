//! Division of whole numbers in a real expression: `pow(x, 3/2)` is `pow(x, 1)` (LRM 2.4, 4.2.1).

use std::collections::BTreeMap;

use crate::lint::{Finding, Subject};
use crate::veriloga::ast::{Binary, Expr, ExprKind, Kind, Module, Statement, StatementKind, Unary};
use crate::veriloga::walk::walk;

/// Divisions of literals that leave a remainder, and of literals and integer names, wherever the result becomes a real.
pub fn check(subject: &Subject, out: &mut Vec<Finding>) {
    let Some(module) = subject.module else { return };
    let kinds = kinds(module);
    for parameter in module.parameters.iter().filter(|p| p.kind != Some(Kind::Int)) {
        look(&parameter.default, &kinds, out);
        parameter.ranges.iter().flat_map(|r| r.low.iter().chain(&r.high)).for_each(|e| look(e, &kinds, out));
    }
    for variable in module.variables.iter().filter(|v| v.kind == Kind::Real) {
        variable.initial.iter().for_each(|e| look(e, &kinds, out));
    }
    module.analog.iter().for_each(|(_, s)| statement(s, &kinds, out));
    for function in &module.functions {
        let mut own = kinds.clone();
        own.extend(function.variables.iter().map(|v| (v.name.text.clone(), v.kind)));
        own.insert(function.name.text.clone(), function.kind);
        function.body.iter().for_each(|s| statement(s, &own, out));
    }
}

type Kinds = BTreeMap<String, Kind>;

fn kinds(module: &Module) -> Kinds {
    let mut kinds = Kinds::new();
    for parameter in &module.parameters {
        let guessed = if matches!(parameter.default.kind, ExprKind::Int(_)) { Kind::Int } else { Kind::Real };
        kinds.insert(parameter.name.text.clone(), parameter.kind.unwrap_or(guessed));
    }
    kinds.extend(module.variables.iter().map(|v| (v.name.text.clone(), v.kind)));
    kinds
}

fn statement(root: &Statement, kinds: &Kinds, out: &mut Vec<Finding>) {
    let mut kinds = kinds.clone();
    walk(root, &mut |s| {
        if let StatementKind::Block(block) = &s.kind {
            kinds.extend(block.variables.iter().map(|v| (v.name.text.clone(), v.kind)));
        }
    });
    walk(root, &mut |s| match &s.kind {
        StatementKind::Assign(target, value) => {
            let name = match &target.kind {
                ExprKind::Name(name) => Some(name),
                ExprKind::Index(name, _) => Some(&name.text),
                _ => None,
            };
            // What goes to an integer is meant to be whole.
            if name.and_then(|n| kinds.get(n)) != Some(&Kind::Int) {
                look(value, &kinds, out);
            }
        }
        StatementKind::Contribute(_, value) => look(value, &kinds, out),
        StatementKind::If(arms, _) => arms.iter().for_each(|(condition, _)| look(condition, &kinds, out)),
        StatementKind::While(condition, _) => look(condition, &kinds, out),
        StatementKind::Call(call) => look(call, &kinds, out),
        _ => {}
    });
}

fn look(expr: &Expr, kinds: &Kinds, out: &mut Vec<Finding>) {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match &expr.kind {
            // Indices and operands of integer operators are meant to be whole.
            ExprKind::Index(..) => {}
            ExprKind::Binary(Binary::Rem | Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::Shl | Binary::Shr, ..) => {}
            ExprKind::Binary(Binary::Div, a, b) if loses(a, b, kinds) => {
                let text = |e: &Expr| match &e.kind {
                    ExprKind::Int(v) => v.to_string(),
                    ExprKind::Name(name) => name.clone(),
                    _ => "...".to_string(),
                };
                let value = match (number(a), number(b)) {
                    (Some(a), Some(b)) if b != 0 => format!("the result is {}", a.wrapping_div(b)),
                    _ => "the result is rounded towards zero".to_string(),
                };
                let remedy = match (&a.kind, &b.kind) {
                    (_, ExprKind::Int(v)) => format!("write `{}/{v}.0`", text(a)),
                    (ExprKind::Int(v), _) => format!("write `{v}.0/{}`", text(b)),
                    _ => "write `1.0*` before it".to_string(),
                };
                out.push(Finding::new(expr.span, "whole numbers are divided in a real expression", value, remedy));
            }
            ExprKind::Binary(_, a, b) => open.extend([&**a, &**b]),
            ExprKind::Unary(_, a) => open.push(a),
            ExprKind::Conditional(a, b, c) => open.extend([&**a, &**b, &**c]),
            ExprKind::Call(_, items) | ExprKind::List(items) => open.extend(items),
            _ => {}
        }
    }
}

fn number(expr: &Expr) -> Option<i32> {
    match &expr.kind {
        ExprKind::Int(v) => Some(*v),
        ExprKind::Unary(Unary::Minus, inner) => number(inner).map(i32::wrapping_neg),
        _ => None,
    }
}

/// Whether `a / b` is a division of whole numbers that may have a remainder.
fn loses(a: &Expr, b: &Expr, kinds: &Kinds) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => b != 0 && a.wrapping_rem(b) != 0,
        _ => whole(a, kinds) && whole(b, kinds),
    }
}

/// Whether an expression is an integer.
fn whole(expr: &Expr, kinds: &Kinds) -> bool {
    match &expr.kind {
        ExprKind::Int(_) => true,
        ExprKind::Name(name) => kinds.get(name) == Some(&Kind::Int),
        ExprKind::Index(name, _) => kinds.get(&name.text) == Some(&Kind::Int),
        ExprKind::Unary(_, a) => whole(a, kinds),
        ExprKind::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem, a, b) => {
            whole(a, kinds) && whole(b, kinds)
        }
        _ => false,
    }
}
