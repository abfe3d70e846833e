//! Walks over trees: every statement, every expression, every assignment.

use crate::veriloga::ast::{Direction, Expr, ExprKind, Function, Statement, StatementKind};

/// Calls `f` for every expression in a statement, innermost included.
pub fn visit(statement: &Statement, f: &mut dyn FnMut(&Expr)) {
    let many = |statements: &[Statement], f: &mut dyn FnMut(&Expr)| statements.iter().for_each(|s| visit(s, f));
    match &statement.kind {
        StatementKind::Empty => {}
        StatementKind::Block(block) => {
            block.parameters.iter().for_each(|p| visit_expression(&p.default, f));
            block.variables.iter().filter_map(|v| v.initial.as_ref()).for_each(|e| visit_expression(e, f));
            many(&block.statements, f);
        }
        StatementKind::Assign(a, b) | StatementKind::Contribute(a, b) => {
            visit_expression(a, f);
            visit_expression(b, f);
        }
        StatementKind::Indirect(a, b, c) => [a, b, c].iter().for_each(|e| visit_expression(e, f)),
        StatementKind::If(arms, otherwise) => {
            for (condition, then) in arms {
                visit_expression(condition, f);
                visit(then, f);
            }
            otherwise.iter().for_each(|s| visit(s, f));
        }
        StatementKind::Case(subject, arms, default) => {
            visit_expression(subject, f);
            for (values, statement) in arms {
                values.iter().for_each(|v| visit_expression(v, f));
                visit(statement, f);
            }
            default.iter().for_each(|s| visit(s, f));
        }
        StatementKind::For(initial, condition, step, body) => {
            visit_expression(condition, f);
            [initial, step, body].iter().for_each(|s| visit(s, f));
        }
        StatementKind::While(condition, body) | StatementKind::Repeat(condition, body) => {
            visit_expression(condition, f);
            visit(body, f);
        }
        StatementKind::Event(events, body) => {
            events.iter().for_each(|e| visit_expression(e, f));
            visit(body, f);
        }
        StatementKind::Call(call) => visit_expression(call, f),
        StatementKind::Return(value) => value.iter().for_each(|e| visit_expression(e, f)),
    }
}

/// Calls `f` for an expression and everything in it, without recursion along chains of operators.
pub fn visit_expression(expr: &Expr, f: &mut dyn FnMut(&Expr)) {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        f(expr);
        match &expr.kind {
            ExprKind::Index(_, a) | ExprKind::Unary(_, a) => open.push(a),
            ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => open.extend([&**a, &**b]),
            ExprKind::Replicate(count, items) => {
                open.push(count);
                open.extend(items);
            }
            ExprKind::Conditional(a, b, c) => open.extend([&**a, &**b, &**c]),
            ExprKind::Call(_, items) | ExprKind::List(items) => open.extend(items),
            _ => {}
        }
    }
}

/// Calls `f` for every statement in a statement, itself included.
pub fn walk<'t>(statement: &'t Statement, f: &mut dyn FnMut(&'t Statement)) {
    f(statement);
    match &statement.kind {
        StatementKind::Block(block) => block.statements.iter().for_each(|s| walk(s, f)),
        StatementKind::If(arms, otherwise) => {
            arms.iter().for_each(|(_, s)| walk(s, f));
            otherwise.iter().for_each(|s| walk(s, f));
        }
        StatementKind::Case(_, arms, default) => {
            arms.iter().for_each(|(_, s)| walk(s, f));
            default.iter().for_each(|s| walk(s, f));
        }
        StatementKind::For(initial, _, step, body) => [initial, step, body].iter().for_each(|s| walk(s, f)),
        StatementKind::While(_, body) | StatementKind::Repeat(_, body) | StatementKind::Event(_, body) => walk(body, f),
        _ => {}
    }
}

/// Whether a function of the language writes to its first argument: random numbers (the seed), texts that are made.
pub fn writes_first(name: &str) -> bool {
    matches!(name, "$random" | "$arandom" | "$sformat" | "$swrite") || name.starts_with("$dist_") || name.starts_with("$rdist_")
}

/// Calls `f` with the name and order of every assignment in a statement; names handed to one of `functions` count, since a
/// function may write to its arguments.
pub fn assigned(statement: &Statement, functions: &[Function], f: &mut dyn FnMut(&str, u32)) {
    walk(statement, &mut |s| match &s.kind {
        StatementKind::Assign(Expr { kind: ExprKind::Name(name), .. }, _) => f(name, s.order),
        StatementKind::Assign(Expr { kind: ExprKind::Index(name, _), .. }, _) => f(&name.text, s.order),
        _ => {}
    });
    visit(statement, &mut |expr| {
        if let ExprKind::Call(name, arguments) = &expr.kind
            && let Some(Expr { kind: ExprKind::Name(written), .. }) = arguments.first()
            && writes_first(&name.text)
        {
            f(written, statement.order);
        }
    });
    if functions.iter().all(|f| f.arguments.iter().all(|(_, direction)| *direction == Direction::In)) {
        return;
    }
    visit(statement, &mut |expr| {
        let ExprKind::Call(name, arguments) = &expr.kind else { return };
        let Some(function) = functions.iter().find(|f| f.name.text == name.text) else { return };
        for (argument, (_, direction)) in arguments.iter().zip(&function.arguments) {
            let written = match &argument.kind {
                ExprKind::Name(written) => written,
                ExprKind::Index(written, _) => &written.text,
                _ => continue,
            };
            if *direction != Direction::In {
                // The order of the statement that holds the call is at least that of the whole.
                f(written, statement.order);
            }
        }
    });
}

/// The expressions and the statements that a statement is made of, in order; a block gives its statements only.
pub fn parts_mut(statement: &mut Statement) -> (Vec<&mut Expr>, Vec<&mut Statement>) {
    match &mut statement.kind {
        StatementKind::Empty => (Vec::new(), Vec::new()),
        StatementKind::Block(block) => (Vec::new(), block.statements.iter_mut().collect()),
        StatementKind::Assign(a, b) | StatementKind::Contribute(a, b) => (vec![a, b], Vec::new()),
        StatementKind::Indirect(a, b, c) => (vec![a, b, c], Vec::new()),
        StatementKind::Return(value) => (value.iter_mut().collect(), Vec::new()),
        StatementKind::If(arms, otherwise) => {
            let (conditions, mut statements): (Vec<_>, Vec<_>) = arms.iter_mut().map(|(c, s)| (c, s)).unzip();
            statements.extend(otherwise.as_deref_mut());
            (conditions, statements)
        }
        StatementKind::Case(subject, arms, default) => {
            let (mut expressions, mut statements) = (vec![subject], Vec::new());
            for (values, arm) in arms {
                expressions.extend(values);
                statements.push(arm);
            }
            statements.extend(default.as_deref_mut());
            (expressions, statements)
        }
        StatementKind::For(initial, condition, step, body) => (vec![condition], vec![initial, step, body]),
        StatementKind::While(condition, body) | StatementKind::Repeat(condition, body) => (vec![condition], vec![body]),
        StatementKind::Event(events, body) => (events.iter_mut().collect(), vec![body]),
        StatementKind::Call(call) => (vec![call], Vec::new()),
    }
}

/// Numbers the statements of a flat module anew, in order.
pub fn renumber(statement: &mut Statement, next: &mut u32) {
    *next += 1;
    statement.order = *next;
    for inner in parts_mut(statement).1 {
        renumber(inner, next);
    }
}
