//! Declarations to the model: parameters with defaults and ranges, nodes with their attributes, variables; and what has to
//! be known of the analog block before it is lowered.

use std::collections::BTreeSet;

use crate::diag::Diagnostic;
use crate::ir::Value;
use crate::model::{Contribution, Formula, LocalUnknown, Param, ParamKind, Range, UnknownKind};
use crate::span::{Sources, Span};
use crate::veriloga::ast::{self, Attribute, Expr, ExprKind, StatementKind, attribute, attribute_text};
use crate::veriloga::branch::{Access, quantity_name};
use crate::veriloga::check::Symbol;
use crate::veriloga::declare::is_whole;
use crate::veriloga::lex::lex_part;
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, Slot};
use crate::veriloga::parse::{Abort, Parser};
use crate::veriloga::walk::{assigned, visit, walk};

/// Elements of an array of variables.
const MOST_ELEMENTS: i64 = 16_384;
/// Elements of which one is picked by a moving index for one unit of fuel.
const PICKED_AT_ONCE: u32 = 64;

impl Lowerer<'_> {
    /// All parameters, in order.
    pub fn parameters(&mut self) {
        let module = self.module;
        for (k, tree) in module.parameters.iter().enumerate() {
            let kind = self.parameter_kind(k, tree);
            let said = |name: &str| attribute_text(&tree.attributes, name);
            let (text, unit) = (if said("desc").is_empty() { said("info") } else { said("desc") }, said("units"));
            let description = if text.is_empty() { self.comment_after(tree.span) } else { text };
            self.model.params.push(Param {
                name: tree.name.text.clone(),
                kind,
                default: Formula::Number(0.0),
                ranges: Vec::new(),
                description,
                unit,
                local: tree.local,
                instance: attribute_text(&tree.attributes, "type") == "instance",
                span: tree.name.span,
            });
            // The default may not use this parameter, its ranges may not either.
            self.context = Context::Parameters(k);
            let default = self.parameter_formula(&tree.default, kind);
            let known = default.is_ok();
            if let Ok(default) = default {
                self.model.params[k].default = default;
            }
            for range in &tree.ranges {
                if let Ok(range) = self.range(range, kind) {
                    self.model.params[k].ranges.push(range);
                }
            }
            if known {
                self.check_value(k, tree);
            }
        }
        self.context = Context::Analog;
        for (alias, name) in &module.aliases {
            if let Some((Symbol::Parameter(k), _)) = self.symbols.names.get(&name.text) {
                self.model.aliases.push((alias.text.clone(), *k as u32));
            }
        }
    }

    /// The value that an instance inside of a module gives to a parameter must be in its range, if that can be seen here.
    fn check_value(&mut self, k: usize, tree: &ast::Parameter) {
        let param = &self.model.params[k];
        let Formula::Number(value) = param.default else { return };
        if !param.local || param.ranges.is_empty() || param.kind == ParamKind::Text {
            return;
        }
        let inside = |range: &Range| match (&range.low, &range.high) {
            (Formula::Number(low), Formula::Number(high)) => {
                (value > *low || (range.low_closed && value == *low)) && (value < *high || (range.high_closed && value == *high))
            }
            // Seen when the parameters are known.
            _ => !range.exclude,
        };
        let mut from = param.ranges.iter().filter(|r| !r.exclude).peekable();
        let allowed = from.peek().is_none() || from.any(inside);
        if !allowed || param.ranges.iter().any(|r| r.exclude && inside(r)) {
            let message = format!("parameter `{}` = {value} is out of range", param.name);
            let mut error = Diagnostic::error(tree.default.span, message).expected("given here");
            for range in &tree.ranges {
                error = error.label(range.span, "its range");
            }
            self.diagnostics.push(error);
        }
    }

    fn parameter_kind(&mut self, k: usize, tree: &ast::Parameter) -> ParamKind {
        match tree.kind {
            Some(ast::Kind::Real) => ParamKind::Real,
            Some(ast::Kind::Int) => ParamKind::Int,
            Some(ast::Kind::Text) => ParamKind::Text,
            None if matches!(tree.default.kind, ExprKind::Text(_)) => ParamKind::Text,
            None => {
                let kind = if is_whole(&tree.default) { ParamKind::Int } else { ParamKind::Real };
                if !tree.local {
                    let what = if kind == ParamKind::Int { "an integer, as its default is" } else { "real" };
                    let warning = Diagnostic::warning(tree.name.span, format!("the parameter `{}` has no type", tree.name.text));
                    self.warn_once(&format!("type {k}"), warning.expected(format!("it is taken as {what}")));
                }
                kind
            }
        }
    }

    fn parameter_formula(&mut self, expr: &Expr, kind: ParamKind) -> Lowered<Formula> {
        let kind = match kind {
            ParamKind::Real => Kind::Real,
            ParamKind::Int => Kind::Int,
            ParamKind::Text => Kind::Text,
        };
        self.formula(|l| {
            let term = l.expression(expr)?;
            let value = l.convert(term, kind, expr.span)?.value;
            match l.is_fixed(value) || l.is_all_fixed() {
                true => Ok(value),
                false => {
                    l.error(expr.span, "a parameter that changes during the simulation", "expected parameters and constants only")
                }
            }
        })
    }

    fn range(&mut self, tree: &ast::Range, kind: ParamKind) -> Lowered<Range> {
        let kind = if kind == ParamKind::Text { ParamKind::Text } else { ParamKind::Real };
        let low = match &tree.low {
            Some(expr) => self.parameter_formula(expr, kind)?,
            None => Formula::Number(f64::NEG_INFINITY),
        };
        let high = match &tree.high {
            Some(expr) => self.parameter_formula(expr, kind)?,
            None => Formula::Number(f64::INFINITY),
        };
        if let (Formula::Number(low), Formula::Number(high)) = (&low, &high)
            && low > high
        {
            return self.error(tree.span, "this range is empty", format!("{low} is above {high}"));
        }
        let (exclude, low_closed, high_closed) = (tree.exclude, tree.low_closed, tree.high_closed);
        Ok(Range { exclude, low, high, low_closed, high_closed, span: tree.span })
    }

    /// The text of a `//` comment behind a declaration, on its last line.
    fn comment_after(&self, span: Span) -> String {
        let text = self.sources.text(span.file);
        let rest = text.get(span.end as usize..).unwrap_or("").lines().next().unwrap_or("");
        match rest.split_once("//") {
            // Another declaration may stand between; then the comment is not about this one.
            Some((before, comment)) if before.trim().trim_matches([';', ',']).is_empty() => comment.trim().to_string(),
            _ => String::new(),
        }
    }

    /// Ports and internal nodes as unknowns.
    pub fn nodes(&mut self) {
        let symbols = self.symbols;
        let mut ammeters: BTreeSet<String> =
            symbols.branches.iter().filter(|b| b.port).map(|b| symbols.nodes[b.plus].name.text.clone()).collect();
        for (_, statement) in &self.module.analog {
            visit(statement, &mut |expr| {
                if let ExprKind::Port(name) = &expr.kind {
                    ammeters.insert(name.text.clone());
                }
            });
        }
        self.model.ports = symbols.nodes.iter().filter(|n| n.port).count();
        for node in &symbols.nodes {
            if (node.ground && !node.port) || matches!(node.binding, Some(Some(_))) {
                self.rows.push(None);
                continue;
            }
            let discipline = node.discipline.and_then(|d| self.world.disciplines.get(d));
            let nature = |index: Option<usize>| index.map(|n| self.world.natures[n].clone()).unwrap_or_default();
            let potential = nature(discipline.and_then(|d| d.potential));
            let flow = nature(discipline.and_then(|d| d.flow));
            let abstol = self.attribute_number(&node.attributes, "abstol");
            let bounds = self.bounds(&node.attributes);
            let unit = attribute_text(&node.attributes, "units");
            let row = self.unknown(LocalUnknown {
                name: node.name.text.clone(),
                kind: if node.port { UnknownKind::Port } else { UnknownKind::Internal },
                quantity: quantity_name(&potential.name),
                unit: if unit.is_empty() { potential.unit } else { unit },
                abstol: abstol.unwrap_or(potential.abstol),
                residual_abstol: flow.abstol,
                start: None,
                held: false,
                bounds,
                span: node.name.span,
            });
            if node.port && node.output {
                self.model.outputs.push(row);
            }
            self.rows.push(Some(row));
            self.start_value(row, &node.attributes);
            self.largest_step(row, &node.attributes);
        }
        let depth = |mut at: usize| {
            let mut count = 0;
            while let Some(Some(outer)) = symbols.nodes[at].binding {
                (at, count) = (outer, count + 1);
            }
            count
        };
        // From outside in: what is bound to a port lies behind its ammeter.
        let mut order: Vec<usize> = (0..symbols.nodes.len()).collect();
        order.sort_by_key(|k| depth(*k));
        for k in order {
            let node = &symbols.nodes[k];
            if let Some(Some(outer)) = node.binding {
                self.rows[k] = self.rows[outer];
            }
            if (node.port || node.binding.is_some()) && ammeters.contains(&node.name.text) {
                self.ammeter(k);
            }
        }
    }

    /// The current into a port becomes an unknown: what belongs to the port lies behind it, at a node of its own.
    fn ammeter(&mut self, node: usize) {
        let Some(outer) = self.rows[node] else { return };
        let port = LocalUnknown { name: self.symbols.nodes[node].name.text.clone(), ..self.model.unknowns[outer as usize].clone() };
        let name = format!("{}_inner", port.name);
        let inner = self.unknown(LocalUnknown { name, kind: UnknownKind::Internal, start: None, held: false, ..port.clone() });
        let discipline = self.symbols.nodes[node].discipline.and_then(|d| self.world.disciplines.get(d));
        let flow = discipline.and_then(|d| d.flow).map(|n| self.world.natures[n].clone()).unwrap_or_default();
        let row = self.unknown(LocalUnknown {
            name: format!("i_{}", port.name),
            kind: UnknownKind::Current,
            quantity: quantity_name(&flow.name),
            unit: flow.unit,
            abstol: flow.abstol,
            residual_abstol: port.abstol,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
            start: None,
            held: false,
            span: port.span,
        });
        self.rows[node] = Some(inner);
        self.port_currents.insert(node, row);
        self.builder.span = port.span;
        let i = self.probe(row, None, None);
        let i = self.output(i);
        self.model.contributions.push(Contribution { plus: outer, minus: Some(inner), f: Some(i), q: None, span: port.span });
        let v = self.probe(outer, Some(inner), None);
        self.equation(row, Some(v), None);
    }

    /// `(* start = "..." *)` and `(* hold = "..." *)`.
    pub fn start_value(&mut self, row: u32, attributes: &[Attribute]) {
        for (name, held) in [("start", false), ("hold", true)] {
            let Some(found) = attribute(attributes, name) else { continue };
            if let Ok(value) = self.attribute_value(found) {
                let output = self.output(value);
                let unknown = &mut self.model.unknowns[row as usize];
                (unknown.start, unknown.held) = (Some(output), unknown.held || held);
            }
        }
    }

    /// `(* lower = ..., upper = ... *)` or `(* bounds = "low:high" *)`.
    pub fn bounds(&mut self, attributes: &[Attribute]) -> (f64, f64) {
        if let Some((low, high)) = attribute_text(attributes, "bounds").split_once(':') {
            let read = |text: &str, otherwise: f64| text.trim().parse().unwrap_or(otherwise);
            return (read(low, f64::NEG_INFINITY), read(high, f64::INFINITY));
        }
        let (low, high) = (self.attribute_number(attributes, "lower"), self.attribute_number(attributes, "upper"));
        (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))
    }

    /// `(* maxstep = "..." *)`.
    pub fn largest_step(&mut self, row: u32, attributes: &[Attribute]) {
        if let Some(found) = attribute(attributes, "maxstep")
            && let Ok(value) = self.attribute_value(found)
        {
            let output = self.output(value);
            self.steps.insert(row, output);
        }
    }

    /// The number that an attribute says.
    pub fn attribute_number(&mut self, attributes: &[Attribute], name: &str) -> Option<f64> {
        let found = attribute(attributes, name)?;
        let value = self.attribute_value(found).ok()?;
        let number = self.builder.constant(value);
        if number.is_none() {
            let _ = self.error::<()>(found.name.span, format!("`{name}` is not a number"), "expected a constant");
        }
        number
    }

    /// The value of an attribute: a number, or a string that holds an expression of parameters.
    fn attribute_value(&mut self, found: &Attribute) -> Lowered<Value> {
        let Some(value) = &found.value else {
            return self.error(found.name.span, format!("`{}` needs a value", found.name.text), "expected `= \"expression\"`");
        };
        let expr = match &value.kind {
            ExprKind::Text(_) => quoted(self.sources, value.span, &mut self.diagnostics)?,
            _ => value.clone(),
        };
        let context = std::mem::replace(&mut self.context, Context::Parameters(self.module.parameters.len()));
        let result = self.plain_real(&expr);
        self.context = context;
        let result = result?;
        if !self.is_fixed(result) {
            return self.error(expr.span, format!("`{}` moves with the solution", found.name.text), "expected parameters only");
        }
        Ok(result)
    }

    /// Variables of the module.
    pub fn variables(&mut self) {
        let module = self.module;
        for variable in &module.variables {
            self.declare(variable, false);
        }
    }

    /// A variable of the innermost open block. `fresh`: it starts at zero (or its initial value) with every call.
    pub fn declare(&mut self, tree: &ast::Variable, fresh: bool) {
        let kind = Kind::from(tree.kind);
        let name = tree.name.text.as_str();
        let array = match &tree.bounds {
            None => None,
            Some((first, last)) => match self.bounds_of(first, last) {
                Ok(bounds) => Some(bounds),
                Err(Abort) => return,
            },
        };
        let fresh = fresh || tree.genvar;
        // A block that is run again finds its variables again.
        let key = (tree.name.span, name.to_string());
        if let Some(slot) = self.block_slots.get(&key).filter(|_| !fresh) {
            return self.bind(name, Local::Variable(*slot, array));
        }
        let slot = self.new_slot(name, kind, tree.name.span, fresh);
        if !fresh {
            self.block_slots.insert(key, slot);
        }
        for _ in 1..array.map_or(1, |(_, length)| length) {
            self.new_slot(name, kind, tree.name.span, fresh);
        }
        self.bind(name, Local::Variable(slot, array));
        let Some(initial) = &tree.initial else { return };
        let Ok(spelled) = self.spelled_out(initial) else { return };
        let initial = spelled.as_ref().unwrap_or(initial);
        let items: Vec<&Expr> = match (&initial.kind, array) {
            (ExprKind::List(items), Some((_, length))) if items.len() == length as usize => {
                // The first value belongs to the bound that is written first.
                let falls = tree.bounds.as_ref().is_some_and(|(first, last)| self.falls(first, last));
                if falls { items.iter().rev().collect() } else { items.iter().collect() }
            }
            (_, Some((_, length))) => {
                let _ =
                    self.error::<()>(initial.span, "this does not fill the array", format!("expected {length} values in braces"));
                return;
            }
            _ => vec![initial],
        };
        let context = std::mem::replace(&mut self.context, Context::Parameters(self.module.parameters.len()));
        for (k, item) in items.into_iter().enumerate() {
            let term = self.expression(item).and_then(|t| self.convert(t, kind, item.span));
            if let Ok(term) = term {
                self.slots[slot + k].initial = Some(term.value);
            }
        }
        self.context = context;
    }

    /// True for bounds such as `[3:0]`.
    fn falls(&mut self, first: &Expr, last: &Expr) -> bool {
        let mut number = |expr: &Expr| {
            let value = self.expression(expr).ok()?.value;
            self.builder.constant(value)
        };
        matches!((number(first), number(last)), (Some(a), Some(b)) if a > b)
    }

    fn bounds_of(&mut self, first: &Expr, last: &Expr) -> Lowered<(i32, u32)> {
        let mut ends = [0; 2];
        for (end, expr) in ends.iter_mut().zip([first, last]) {
            let term = self.expression(expr)?;
            let value = self.convert(term, Kind::Int, expr.span)?.value;
            match self.builder.constant(value) {
                Some(number) => *end = number as i64,
                None => return self.error(expr.span, "the bound of an array is not a number", "expected a constant"),
            }
        }
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        if high - low >= MOST_ELEMENTS {
            let most = format!("expected at most {MOST_ELEMENTS} elements");
            return self.error(first.span.to(last.span), "this array is too large", most);
        }
        Ok((low as i32, (high - low + 1) as u32))
    }

    /// Takes the fuel that picking one of `length` elements costs.
    pub fn burn_for(&mut self, length: u32, span: Span) -> Lowered<()> {
        (0..length / PICKED_AT_ONCE).try_for_each(|_| self.burn(span))
    }

    /// A new variable.
    pub fn new_slot(&mut self, name: &str, kind: Kind, span: Span, fresh: bool) -> usize {
        self.slots.push(Slot { name: name.to_string(), kind, span, initial: None, fresh, past: None });
        let slot = self.slots.len() - 1;
        if let Some(old) = self.state.variables.get_mut(slot) {
            *old = None;
        }
        slot
    }

    /// Looks through the analog block: where variables are assigned, and what branches are given.
    pub fn survey(&mut self) {
        let module = self.module;
        let mut contributions = Vec::new();
        let mut derivatives = Vec::new();
        let mut integrated = Vec::new();
        for (_, statement) in &module.analog {
            let assignments = &mut self.assignments;
            assigned(statement, &module.functions, &mut |name, order| assignments.entry(name.to_string()).or_default().push(order));
            walk(statement, &mut |s| {
                if let StatementKind::Assign(Expr { kind: ExprKind::Name(name), .. }, value) = &s.kind
                    && matches!(&value.kind, ExprKind::Call(operator, _) if operator.text == "idt")
                {
                    integrated.push(name.clone());
                }
                if let StatementKind::Contribute(Expr { kind: ExprKind::Call(access, nodes), span }, _) = &s.kind {
                    contributions.push((access, nodes, *span, s.order));
                }
            });
            visit(statement, &mut |expr| {
                if let ExprKind::Call(name, arguments) = &expr.kind
                    && name.text == "ddx"
                    && let Some(Expr { kind: ExprKind::Call(access, nodes), span }) = arguments.get(1)
                {
                    derivatives.push((access.clone(), nodes.clone(), *span));
                }
            });
        }
        integrated.retain(|name| self.assignments.get(name).is_some_and(|orders| orders.len() == 1));
        self.integrals = integrated.into_iter().map(|name| (name, None)).collect();
        // Complaints come when the statements are lowered.
        let said = std::mem::take(&mut self.diagnostics);
        for (access, nodes, span, order) in contributions {
            if let Ok(reference) = self.reference(access, nodes, span) {
                let branch = &mut self.branches[reference.branch];
                match reference.access {
                    Access::Potential => branch.any_potential = true,
                    Access::Flow => branch.last_flow = branch.last_flow.max(Some(order)),
                }
            }
        }
        for (access, nodes, span) in derivatives {
            if let Ok(reference) = self.reference(&access, &nodes, span) {
                self.branches[reference.branch].explicit |= reference.access == Access::Flow;
            }
        }
        self.diagnostics = said;
    }
}

/// The expression inside of a string.
pub fn quoted(sources: &Sources, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Lowered<Expr> {
    let text = sources.text(span.file);
    let (start, end) = (span.start as usize + 1, (span.end as usize).saturating_sub(1));
    let tokens = lex_part(span.file, text, start, end.max(start), diagnostics);
    let mut parser = Parser::new(&tokens, diagnostics);
    let expr = parser.expression()?;
    if !parser.over() {
        return parser.fail("unexpected text in this expression", "expected its end");
    }
    Ok(expr)
}
