//! Arrays: elements of variables and parameters, all values of an array as an argument, names of elements of vectors of nodes.

use crate::ir::{Input, Inst, NodeKind, Op, Value};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind, Name};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::parse::Abort;

/// Copies in a list.
const MOST_COPIES: f64 = 10_000.0;

impl Lowerer<'_> {
    /// `name[index]`: the element itself if the index is constant, a choice among all otherwise.
    pub fn element(&mut self, name: &str, span: Span, index: &Expr) -> Lowered<Term> {
        if self.find(name).is_none()
            && let Some((Symbol::Array(k), _)) = self.symbols.names.get(name)
        {
            return self.parameter_element(*k, span, index);
        }
        let (slot, first, length) = self.array(name, span)?;
        let at = self.expression(index)?;
        let at = self.convert(at, Kind::Int, index.span)?;
        if let Some(constant) = self.builder.constant(at.value) {
            let slot = self.constant_element(name, (slot, first, length), constant as i32, index.span)?;
            return Ok(self.read(slot));
        }
        self.burn_for(length, index.span)?;
        let elements = (0..length).map(|k| (first + k as i32, self.read(slot + k as usize))).collect();
        Ok(self.chosen(at.value, elements))
    }

    /// An element of an array of parameters.
    fn parameter_element(&mut self, k: usize, span: Span, index: &Expr) -> Lowered<Term> {
        let array = &self.module.flat.arrays[k];
        let name = array.name.text.as_str();
        if array.noun != "parameter" {
            let message = format!("`{name}` is a vector of nodes or branches");
            return self.error(span, message, "write the access function: `V(...)`, `I(...)`");
        }
        let at = self.expression(index)?;
        let at = self.convert(at, Kind::Int, index.span)?.value;
        if let Some(constant) = self.builder.constant(at) {
            let element = format!("{name}[{constant}]");
            return match self.symbols.names.get(&element) {
                Some((Symbol::Parameter(_), _)) => self.expression_name(&element, span),
                _ => {
                    let (low, high) = (array.first.min(array.last), array.first.max(array.last));
                    self.error(index.span, format!("`{element}` is outside of the array"), format!("expected {low} to {high}"))
                }
            };
        }
        let mut elements = Vec::new();
        for k in array.indices() {
            elements.push((k, self.expression_name(&format!("{name}[{k}]"), span)?));
        }
        Ok(self.chosen(at, elements))
    }

    /// The element whose index is `at`, the first one if there is none.
    fn chosen(&mut self, at: Value, elements: Vec<(i32, Term)>) -> Term {
        let mut elements = elements.into_iter();
        let mut result = match elements.next() {
            Some((_, first)) => first,
            None => self.zero(Kind::Real),
        };
        for (k, element) in elements {
            let here = self.builder.int(k);
            let condition = self.builder.op(Op::Eq, &[at, here]);
            result = self.join(condition, element, result);
        }
        result
    }

    fn expression_name(&mut self, name: &str, span: Span) -> Lowered<Term> {
        self.expression(&Expr { kind: ExprKind::Name(name.to_string()), span })
    }

    /// Whether `name` is an array of variables or parameters.
    pub fn is_array(&self, name: &str) -> bool {
        match (self.find(name), self.symbols.names.get(name)) {
            (Some(local), _) => matches!(local, Local::Variable(_, Some(_))),
            (None, Some((Symbol::Array(k), _))) => self.module.flat.arrays[*k].noun == "parameter",
            _ => false,
        }
    }

    /// What the elements of an array of parameters or a vector of nodes are.
    pub fn elements_of(&self, name: &str) -> Option<Vec<Symbol>> {
        let Some((Symbol::Array(k), _)) = self.symbols.names.get(name) else { return None };
        let symbol = |k: i32| self.symbols.names.get(&format!("{name}[{k}]")).map(|(symbol, _)| *symbol);
        Some(self.module.flat.arrays[*k].indices().into_iter().filter_map(symbol).collect())
    }

    /// `'{count{a, b}}` as a list of all its items, lists in it put flat.
    pub fn spelled_out(&mut self, expr: &Expr) -> Lowered<Option<Expr>> {
        let ExprKind::Replicate(count, items) = &expr.kind else { return Ok(None) };
        let term = self.expression(count)?;
        let value = self.convert(term, Kind::Int, count.span)?.value;
        let written = match &count.kind {
            ExprKind::Name(name) => self.model.params.iter().find(|p| p.local && p.name == *name),
            _ => None,
        };
        let written = match written.map(|p| &p.default) {
            Some(crate::model::Formula::Number(number)) => Some(*number),
            _ => None,
        };
        match self.builder.constant(value).or(written) {
            Some(rounds) if (0.0..=MOST_COPIES).contains(&rounds) => {
                let all = (0..rounds as usize).flat_map(|_| items.iter().cloned()).collect();
                Ok(Some(Expr { kind: ExprKind::List(all), span: expr.span }))
            }
            Some(_) => self.error(count.span, "this list is too long", format!("expected a count from 0 to {MOST_COPIES}")),
            None => self.error(count.span, "the count of a list is not a number", "expected a constant"),
        }
    }

    /// The values of an array as an argument: a list `{a, b}` or `'{a, b}`, an array of parameters, an array of variables; a
    /// single value counts as an array of one.
    pub fn list(&mut self, expr: &Expr) -> Lowered<Vec<Value>> {
        let spelled = self.spelled_out(expr)?;
        let expr = spelled.as_ref().unwrap_or(expr);
        if let ExprKind::List(items) = &expr.kind {
            return items.iter().map(|item| self.plain_real(item)).collect();
        }
        let ExprKind::Name(name) = &expr.kind else { return Ok(vec![self.plain_real(expr)?]) };
        if let Some(Local::Variable(slot, Some((_, length)))) = self.find(name) {
            let mut values = Vec::new();
            for k in 0..length as usize {
                let term = self.read(slot + k);
                let term = self.convert(term, Kind::Real, expr.span)?;
                values.push(self.plain(term, expr.span)?);
            }
            return Ok(values);
        }
        if let (None, Some((Symbol::Array(k), _))) = (self.find(name), self.symbols.names.get(name)) {
            let array = &self.module.flat.arrays[*k];
            if array.noun == "parameter" {
                let element = |k: i32| Expr { kind: ExprKind::Name(format!("{name}[{k}]")), span: expr.span };
                return array.indices().into_iter().map(|k| self.plain_real(&element(k))).collect();
            }
        }
        Ok(vec![self.plain_real(expr)?])
    }

    /// The name of the node or branch that an argument of an access function is.
    pub fn node_name(&mut self, access: &Name, argument: &Expr) -> Lowered<String> {
        match &argument.kind {
            ExprKind::Name(name) => Ok(name.clone()),
            ExprKind::Index(name, index) => {
                let Some((Symbol::Array(k), _)) = self.symbols.names.get(&name.text) else {
                    let message = format!("`{}` is not a vector", name.text);
                    return self.error(name.span, message, "expected a vector of nodes or branches");
                };
                let array = &self.module.flat.arrays[*k];
                let at = self.known_index(index)?;
                let (low, high) = (array.first.min(array.last), array.first.max(array.last));
                if at < low || at > high {
                    let message = format!("`{}[{at}]` is outside of the vector", name.text);
                    return self.error(index.span, message, format!("expected {low} to {high}"));
                }
                Ok(format!("{}[{at}]", name.text))
            }
            _ => self.error(argument.span, format!("`{}` is about nodes and branches", access.text), "expected a name"),
        }
    }

    /// An index that must be known when the model is compiled. Parameters that it depends on decide on structure.
    fn known_index(&mut self, index: &Expr) -> Lowered<i32> {
        let term = self.expression(index)?;
        let value = self.convert(term, Kind::Int, index.span)?.value;
        if let Some(number) = self.builder.constant(value) {
            return Ok(number as i32);
        }
        match self.parameters_behind(value) {
            Some(names) => {
                self.symbols.wanted.borrow_mut().extend(names);
                Err(Abort)
            }
            None => {
                let remark = "expected constants, parameters, genvars and counters of loops with known rounds";
                self.error(index.span, "the index of a node changes during the simulation", remark)
            }
        }
    }

    /// The parameters that a value is computed from; `None` if from anything else.
    pub fn parameters_behind(&mut self, value: Value) -> Option<Vec<String>> {
        let function = &self.builder.function;
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![value];
        let mut names = Vec::new();
        while let Some(value) = open.pop() {
            if !seen.insert(value) {
                continue;
            }
            match &function.insts[value.0 as usize] {
                Inst::Const(_) => {}
                Inst::Input(Input::Param(k)) => names.push(self.model.params[*k as usize].name.clone()),
                Inst::Op(op, arguments) => open.extend(&arguments[..op.arity()]),
                Inst::Result(node, k) => match &function.nodes[node.0 as usize] {
                    NodeKind::If { condition, then, otherwise } => {
                        open.extend([*condition, then.1[*k as usize], otherwise.1[*k as usize]]);
                    }
                    NodeKind::Loop { .. } => return None,
                },
                _ => return None,
            }
        }
        Some(names)
    }
}
