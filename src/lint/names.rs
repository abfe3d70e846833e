//! Names that nobody reads, and names that hide others.

use std::collections::{BTreeMap, BTreeSet};

use crate::lint::{Finding, Subject};
use crate::span::Span;
use crate::veriloga::ast::{
    Attribute, Expr, ExprKind, Function, GenerateKind, Module, NodeReference, Statement, StatementKind, Variable, attribute,
};
use crate::veriloga::walk::{visit, visit_expression, walk};

/// How often each name is read, and which are written to.
#[derive(Default)]
struct Uses {
    reads: BTreeMap<String, i64>,
    writes: BTreeSet<String>,
}

impl Uses {
    fn expression(&mut self, expr: &Expr) {
        visit_expression(expr, &mut |e| self.leaf(e));
    }

    fn leaf(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.read(name),
            ExprKind::Index(name, _) | ExprKind::Call(name, _) | ExprKind::Port(name) => self.read(&name.text),
            _ => {}
        }
    }

    fn read(&mut self, name: &str) {
        *self.reads.entry(name.to_string()).or_default() += 1;
    }

    fn statement(&mut self, statement: &Statement) {
        visit(statement, &mut |e| self.leaf(e));
        walk(statement, &mut |s| match &s.kind {
            StatementKind::Assign(target, _) => {
                let name = match &target.kind {
                    ExprKind::Name(name) => name,
                    ExprKind::Index(name, _) => &name.text,
                    _ => return,
                };
                // The visit took the target for a read.
                *self.reads.entry(name.clone()).or_default() -= 1;
                self.writes.insert(name.clone());
            }
            StatementKind::Block(block) => block.variables.iter().for_each(|v| self.variable(v)),
            _ => {}
        });
    }

    fn variable(&mut self, variable: &Variable) {
        variable.initial.iter().for_each(|e| self.expression(e));
        variable.bounds.iter().for_each(|(a, b)| [a, b].into_iter().for_each(|e| self.expression(e)));
        self.attributes(&variable.attributes);
    }

    /// Strings of attributes are expressions (`hold = "x0"`).
    fn attributes(&mut self, attributes: &[Attribute]) {
        for value in attributes.iter().filter_map(|a| a.value.as_ref()) {
            match &value.kind {
                ExprKind::Text(text) => {
                    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).for_each(|word| self.read(word));
                }
                _ => self.expression(value),
            }
        }
    }

    fn node(&mut self, node: &NodeReference) {
        self.read(&node.name.text);
        if let Some((first, last)) = &node.range {
            self.expression(first);
            last.iter().for_each(|e| self.expression(e));
        }
    }

    fn module(&mut self, module: &Module) {
        for parameter in &module.parameters {
            self.expression(&parameter.default);
            let bounds = parameter.ranges.iter().flat_map(|r| r.low.iter().chain(&r.high));
            bounds.for_each(|e| self.expression(e));
            self.attributes(&parameter.attributes);
        }
        module.variables.iter().for_each(|v| self.variable(v));
        module.aliases.iter().for_each(|(_, name)| self.read(&name.text));
        for net in &module.nets {
            self.attributes(&net.attributes);
            net.range.iter().for_each(|(a, b)| [a, b].into_iter().for_each(|e| self.expression(e)));
        }
        for branch in &module.branches {
            [Some(&branch.plus), branch.minus.as_ref()].into_iter().flatten().for_each(|n| self.node(n));
        }
        module.functions.iter().for_each(|f| f.body.iter().for_each(|s| self.statement(s)));
        module.analog.iter().for_each(|(_, s)| self.statement(s));
        for instance in &module.instances {
            instance.parameters.iter().filter_map(|p| p.1.as_ref()).for_each(|e| self.expression(e));
            instance.connections.iter().flat_map(|c| &c.nodes).for_each(|n| self.node(n));
            instance.range.iter().for_each(|(a, b)| [a, b].into_iter().for_each(|e| self.expression(e)));
        }
        for generate in &module.generates {
            match &generate.kind {
                GenerateKind::For(_, parts, _) => parts.iter().for_each(|e| self.expression(e)),
                GenerateKind::If(condition, ..) | GenerateKind::Case(condition, ..) => self.expression(condition),
                GenerateKind::Block(_) => {}
            }
            generate.blocks().into_iter().for_each(|block| self.module(block));
        }
    }

    fn is_read(&self, name: &str) -> bool {
        self.reads.get(name).is_some_and(|count| *count > 0)
    }
}

/// Names that are declared and not read.
pub fn unused(subject: &Subject, out: &mut Vec<Finding>) {
    let Some(module) = subject.module else { return };
    let mut uses = Uses::default();
    uses.module(module);
    let mut say = |what: &str, name: &str, span: Span, reason: &str| {
        out.push(Finding::new(span, format!("{what} `{name}` is never read"), reason, "remove it, or use it where it was meant"));
    };
    for parameter in module.parameters.iter().filter(|p| !uses.is_read(&p.name.text)) {
        say("the parameter", &parameter.name.text, parameter.name.span, "setting it changes nothing");
    }
    let shown = |v: &Variable| attribute(&v.attributes, "desc").or(attribute(&v.attributes, "units")).is_some();
    for variable in module.variables.iter().filter(|v| !v.genvar && !uses.is_read(&v.name.text) && !shown(v)) {
        let written = uses.writes.contains(&variable.name.text);
        let reason = if written { "it is computed in vain" } else { "it is not written either" };
        say("the variable", &variable.name.text, variable.name.span, reason);
    }
    // Files that are made to be included offer more than one module needs.
    let own = |f: &&Function| f.name.span.file == module.name.span.file;
    for function in module.functions.iter().filter(own).filter(|f| !uses.is_read(&f.name.text)) {
        say("the function", &function.name.text, function.name.span, "nobody calls it");
    }
    for branch in module.branches.iter().filter(|b| !uses.is_read(&b.name.text)) {
        say("the branch", &branch.name.text, branch.name.span, "nothing flows in it");
    }
    let mut known = BTreeSet::new();
    for net in module.nets.iter().filter(|n| n.discipline.is_some() && !n.ground && !uses.is_read(&n.name.text)) {
        if known.insert(&net.name.text) {
            say("the node", &net.name.text, net.name.span, "no branch touches it");
        }
    }
}

/// Names of blocks that hide those of the module or of a block around them, and names that differ by case alone.
pub fn shadowed(subject: &Subject, out: &mut Vec<Finding>) {
    let Some(module) = subject.module else { return };
    let mut outer: BTreeMap<&str, Span> = BTreeMap::new();
    outer.extend(module.parameters.iter().map(|p| (p.name.text.as_str(), p.name.span)));
    outer.extend(module.variables.iter().map(|v| (v.name.text.as_str(), v.name.span)));
    for (_, statement) in &module.analog {
        hiding(statement, &outer, out);
    }
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for (name, span) in &outer {
        if let Some(first) = folded.insert(name.to_lowercase(), name) {
            out.push(Finding::new(
                *span,
                format!("`{name}` and `{first}` differ by case alone"),
                "decks are read without regard to case",
                "give one of them another name",
            ));
        }
    }
}

fn hiding(statement: &Statement, outer: &BTreeMap<&str, Span>, out: &mut Vec<Finding>) {
    let mut inner = outer.clone();
    if let StatementKind::Block(block) = &statement.kind {
        let names = block.variables.iter().map(|v| &v.name).chain(block.parameters.iter().map(|p| &p.name));
        for name in names {
            if inner.insert(&name.text, name.span).is_some() {
                out.push(Finding::new(
                    name.span,
                    format!("`{}` hides another of the same name", name.text),
                    "what is written to it here is not seen outside of the block",
                    "give one of them another name",
                ));
            }
        }
        return block.statements.iter().for_each(|s| hiding(s, &inner, out));
    }
    match &statement.kind {
        StatementKind::If(arms, otherwise) => {
            arms.iter().for_each(|(_, s)| hiding(s, outer, out));
            otherwise.iter().for_each(|s| hiding(s, outer, out));
        }
        StatementKind::Case(_, arms, default) => {
            arms.iter().for_each(|(_, s)| hiding(s, outer, out));
            default.iter().for_each(|s| hiding(s, outer, out));
        }
        StatementKind::For(_, _, _, body)
        | StatementKind::While(_, body)
        | StatementKind::Repeat(_, body)
        | StatementKind::Event(_, body) => hiding(body, outer, out),
        _ => {}
    }
}
