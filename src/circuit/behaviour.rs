//! Expressions as sources: `B`, and `E G F H` with expressions, polynomials and tables, to instances of models made for them.
//!
//! Takes `i = e(v(a), v(b,c), i(v1), time)` or `v = e(...)`. All that does not change during a simulation (literals, parameters)
//! is lifted into parameters of the model, so that sources of one shape share one model and one bank (decision 30):
//!
//! - current: row p gets `+e`, row n gets `-e`;
//! - voltage: the branch current j is an unknown; row p gets `+j`, row n `-j`, and row j is `v(p) - v(n) - e = 0`;
//! - `ddt(e)` and `idt(e, y0)` (also `sdt`) in it are unknowns y with the rows `y - d/dt e = 0` and `d/dt y - e = 0`, the
//!   latter held at y0, or 0, in static analyses.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::circuit::device::{self, named};
use crate::circuit::flatten::Flattener;
use crate::circuit::scope::EnvId;
use crate::circuit::{Instance, Number, SourceKind, Terminal};
use crate::diag::Diagnostic;
use crate::ir::{Builder, Function, Input, Op, Type, Value};
use crate::model::{Contribution, Formula, LocalUnknown, Model, Param, ParamKind, Probe, UnknownKind};
use crate::netlist::ast::{BinaryOp, Element, Expr, ExprKind, FunctionCard, Name};
use crate::netlist::expr::is_probe;
use crate::netlist::lower::{self, DATA, Resolve};
use crate::span::Span;

/// Operators that make an unknown.
const OPERATORS: [&str; 3] = ["ddt", "idt", "sdt"];

/// Absolute tolerance of such an unknown.
const ABSTOL: f64 = 1e-9;

/// Levels of an expression with its functions expanded; each costs stack.
const DEEPEST: usize = 1200;

/// Part of an expression: fixed during a simulation, or not.
#[derive(Clone)]
enum Part {
    Fixed(Value),
    Moving(Expr),
}

/// Nodes of an expression with its functions expanded; beyond it they double from one to the next.
const MOST_NODES: usize = 1_000_000;

/// What an expression reads, in order of first mention.
struct Shape {
    /// Nodes p and n, then what controls.
    terminals: Vec<Terminal>,
    /// Pairs of ports; `None` is ground.
    probes: Vec<(u32, Option<u32>)>,
    /// Lifted values.
    values: Vec<Value>,
    /// Derivatives and integrals.
    operators: Vec<Operator>,
}

/// A derivative by time or an integral over it.
#[derive(Clone)]
struct Operator {
    /// Of what.
    body: Expr,
    /// Of an integral: the lifted value that it starts at.
    start: Option<usize>,
}

/// Builds the instance of a behavioural source.
pub fn build(fl: &mut Flattener, env: EnvId, element: &Element, kind: SourceKind, nodes: &[Terminal]) {
    let key = if kind == SourceKind::Voltage { "v" } else { "i" };
    let Some(expression) = named(element, key) else { return };
    if nodes.len() != 2 {
        fl.report(
            Diagnostic::error(element.span, format!("a source has 2 nodes, `{}` has {}", element.name.text, nodes.len()))
                .expected("expected 2 nodes"),
        );
    }
    for other in element.parameters.iter().filter(|a| !["m", key].contains(&a.name.folded().as_str())) {
        fl.report(
            Diagnostic::error(other.name.span, format!("a source with an expression has no parameter `{}`", other.name.text))
                .expected("unknown parameter")
                .hint("it has `v={expression}` or `i={expression}`, and `m`"),
        );
    }
    let mut terminals = nodes.to_vec();
    terminals.resize(2, Terminal::Ground);
    let mut shape = Shape { terminals, probes: Vec::new(), values: Vec::new(), operators: Vec::new() };
    let model = match shape_of(fl, env, &expression.value, &mut shape) {
        Ok(body) => model(fl, element, kind, &body, &shape),
        Err(error) => Err(error),
    };
    let model = model.unwrap_or_else(|error| {
        fl.report(error);
        shape = Shape { terminals: shape.terminals[..2].to_vec(), probes: Vec::new(), values: Vec::new(), operators: Vec::new() };
        fl.models.intern(&mut fl.circuit.models, "#broken", || Arc::new(broken(element.span)))
    });
    let multiplicity = device::multiplicity(fl, env, element);
    let graph = &mut fl.scopes.graph;
    let params: Vec<(u32, Number)> = shape.values.iter().enumerate().map(|(k, v)| (k as u32, graph.number(*v))).collect();
    let params = params.into();
    let multiplicity = graph.number(multiplicity);
    fl.circuit.instances.push(Instance {
        name: fl.path(env, &element.name.text).into(),
        model,
        terminals: shape.terminals.into(),
        params,
        multiplicity,
        temperature: None,
        initial: None,
        span: element.span,
    });
}

/// The expression with everything fixed replaced by `#v0 #v1 ...` and every probe by `#p0 #p1 ...`.
fn shape_of<'d>(fl: &mut Flattener<'d, '_>, env: EnvId, expr: &Expr, shape: &mut Shape) -> Result<Expr, Diagnostic> {
    let part = Lift { fl, env, shape, depth: 0, nodes: 0, active: Vec::new() }.part(expr, &HashMap::new())?;
    Ok(written(part, expr.span, shape))
}

/// A part as an expression again: a fixed one becomes a parameter.
fn written(part: Part, span: Span, shape: &mut Shape) -> Expr {
    match part {
        Part::Moving(expr) => expr,
        Part::Fixed(value) => {
            shape.values.push(value);
            Expr { kind: ExprKind::Name(format!("#v{}", shape.values.len() - 1)), span }
        }
    }
}

/// Arguments of a function that is being expanded, by folded name.
type Bound = HashMap<String, Part>;

struct Lift<'a, 'd, 'l> {
    fl: &'a mut Flattener<'d, 'l>,
    env: EnvId,
    shape: &'a mut Shape,
    depth: usize,
    nodes: usize,
    /// Functions being expanded.
    active: Vec<&'d FunctionCard>,
}

impl<'d> Lift<'_, 'd, '_> {
    fn part(&mut self, expr: &Expr, bound: &Bound) -> Result<Part, Diagnostic> {
        self.nodes += 1;
        if self.depth > DEEPEST || self.nodes > MOST_NODES {
            return Err(Diagnostic::error(expr.span, "an expression that is too large with its functions expanded"));
        }
        self.depth += 1;
        let part = self.any(expr, bound);
        self.depth -= 1;
        part
    }

    fn any(&mut self, expr: &Expr, bound: &Bound) -> Result<Part, Diagnostic> {
        match &expr.kind {
            ExprKind::Name(name) if bound.contains_key(&name.to_lowercase()) => {
                let part = bound[&name.to_lowercase()].clone();
                if let Part::Moving(expr) = &part {
                    self.nodes += size(expr);
                }
                Ok(part)
            }
            ExprKind::Name(name) if name.eq_ignore_ascii_case("time") => Ok(Part::Moving(expr.clone())),
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Name(_) => Ok(Part::Fixed(self.fl.scopes.value(self.env, expr))),
            ExprKind::Variable(device, name) => {
                Err(Diagnostic::error(expr.span, format!("`@{device}[{name}]` cannot control a source"))
                    .expected("expected v(), i(), time or parameters"))
            }
            ExprKind::Call(name, arguments) if is_probe(name) => self.probe(name, arguments, expr.span),
            ExprKind::Call(name, arguments) if OPERATORS.iter().any(|o| o.eq_ignore_ascii_case(name)) => {
                self.operator(name, arguments, expr.span, bound)
            }
            ExprKind::Call(name, arguments) => match self.fl.scopes.function(self.env, &name.to_lowercase()) {
                Some((function, _)) => self.expand(function, arguments, expr.span, bound),
                None if name.eq_ignore_ascii_case(DATA) && !arguments.is_empty() => self.data(expr, arguments, bound),
                None => self.node(expr, &arguments.iter().collect::<Vec<_>>(), bound),
            },
            ExprKind::Unary(_, a) => self.node(expr, &[a], bound),
            ExprKind::Binary(BinaryOp::Power, a, b) => self.power(expr, a, b, bound),
            ExprKind::Binary(_, a, b) => self.node(expr, &[a, b], bound),
            ExprKind::Ternary(a, b, c) => self.node(expr, &[a, b, c], bound),
        }
    }

    /// An operation or a built-in function: fixed if all its operands are.
    fn node(&mut self, expr: &Expr, operands: &[&Expr], bound: &Bound) -> Result<Part, Diagnostic> {
        let mut parts = Vec::with_capacity(operands.len());
        for operand in operands {
            parts.push(self.part(operand, bound)?);
        }
        let fixed: Option<Vec<Value>> = parts.iter().map(|p| if let Part::Fixed(v) = p { Some(*v) } else { None }).collect();
        if let Some(values) = fixed {
            let names: Vec<(String, Value)> = values.into_iter().enumerate().map(|(k, v)| (format!("#{k}"), v)).collect();
            let operands = operands.iter().zip(&names).map(|(o, (n, _))| Expr { kind: ExprKind::Name(n.clone()), span: o.span });
            let whole = with_operands(expr, operands.collect());
            return Ok(Part::Fixed(self.fl.scopes.value_with(self.env, &whole, &names)));
        }
        let operands = operands.iter().zip(parts).map(|(o, part)| written(part, o.span, self.shape)).collect();
        Ok(Part::Moving(with_operands(expr, operands)))
    }

    /// `data("file", i, j)`: a number like any other.
    fn data(&mut self, whole: &Expr, arguments: &[Expr], bound: &Bound) -> Result<Part, Diagnostic> {
        let mut names: Vec<(String, Value)> = Vec::with_capacity(arguments.len());
        let mut operands = vec![arguments[0].clone()];
        for (k, index) in arguments.iter().enumerate().skip(1) {
            let Part::Fixed(value) = self.part(index, bound)? else {
                return Err(Diagnostic::error(index.span, "an index of data() moves").expected("expected numbers and parameters"));
            };
            names.push((format!("#{k}"), value));
            operands.push(Expr { kind: ExprKind::Name(format!("#{k}")), span: index.span });
        }
        let whole = with_operands(whole, operands);
        Ok(Part::Fixed(self.fl.scopes.value_with(self.env, &whole, &names)))
    }

    /// `ddt(e)`, `idt(e [, start])`.
    fn operator(&mut self, name: &str, arguments: &[Expr], span: Span, bound: &Bound) -> Result<Part, Diagnostic> {
        let derivative = name.eq_ignore_ascii_case("ddt");
        if arguments.is_empty() || arguments.len() > if derivative { 1 } else { 2 } {
            let expected = if derivative { "expected 1" } else { "expected 1 or 2" };
            return Err(Diagnostic::error(span, format!("`{name}` is given {} arguments", arguments.len())).expected(expected));
        }
        let part = self.part(&arguments[0], bound)?;
        let zero = self.fl.scopes.graph.fixed(0.0);
        if derivative && matches!(part, Part::Fixed(_)) {
            return Ok(Part::Fixed(zero));
        }
        let start = match arguments.get(1).map(|a| self.part(a, bound)).transpose()? {
            _ if derivative => None,
            None => Some(zero),
            Some(Part::Fixed(value)) => Some(value),
            Some(Part::Moving(_)) => {
                return Err(Diagnostic::error(arguments[1].span, format!("the start value of `{name}` moves"))
                    .expected("expected numbers and parameters"));
            }
        };
        let body = written(part, arguments[0].span, self.shape);
        let start = start.map(|value| {
            self.shape.values.push(value);
            self.shape.values.len() - 1
        });
        self.shape.operators.push(Operator { body, start });
        let name = format!("#o{}", self.shape.operators.len() - 1);
        Ok(Part::Moving(Expr { kind: ExprKind::Name(name), span }))
    }

    /// Whole exponents stay in the shape: `v(a)**2` is a product, not a power.
    fn power(&mut self, expr: &Expr, base: &Expr, exponent: &Expr, bound: &Bound) -> Result<Part, Diagnostic> {
        const LARGEST: f64 = 16.0;
        if let ExprKind::Number(n) = exponent.kind
            && n.fract() == 0.0
            && n.abs() <= LARGEST
            && let Part::Moving(base) = self.part(base, bound)?
        {
            return Ok(Part::Moving(with_operands(expr, vec![base, exponent.clone()])));
        }
        self.node(expr, &[base, exponent], bound)
    }

    fn expand(&mut self, function: &'d FunctionCard, arguments: &[Expr], span: Span, bound: &Bound) -> Result<Part, Diagnostic> {
        let (shown, wanted) = (&function.name.text, function.arguments.len());
        if wanted != arguments.len() {
            return Err(Diagnostic::error(span, format!("`{shown}` is given {} arguments", arguments.len()))
                .expected(format!("expected {wanted}"))
                .label(function.name.span, "defined here"));
        }
        if self.active.iter().any(|active| std::ptr::eq(*active, function)) {
            return Err(
                Diagnostic::error(span, format!("the function `{shown}` calls itself")).label(function.name.span, "defined here")
            );
        }
        let mut inner = Bound::new();
        for (name, argument) in function.arguments.iter().zip(arguments) {
            inner.insert(name.folded(), self.part(argument, bound)?);
        }
        self.active.push(function);
        let part = self.part(&function.body, &inner);
        self.active.pop();
        part
    }

    fn probe(&mut self, name: &str, arguments: &[Expr], span: Span) -> Result<Part, Diagnostic> {
        let mut names = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match &argument.kind {
                ExprKind::Name(text) => names.push(Name { text: text.clone(), span: argument.span }),
                _ => {
                    return Err(
                        Diagnostic::error(argument.span, "this is no name").expected("expected the name of a node or an element")
                    );
                }
            }
        }
        let (plus, minus) = match (name.to_lowercase().as_str(), names.as_slice()) {
            ("v", [a]) => (self.fl.node(self.env, &a.text, a.span), Terminal::Ground),
            ("v", [a, b]) => (self.fl.node(self.env, &a.text, a.span), self.fl.node(self.env, &b.text, b.span)),
            ("i", [source]) => (device::current_of(self.fl, self.env, source), Terminal::Ground),
            ("v" | "i", _) => {
                return Err(Diagnostic::error(span, format!("`{name}()` with {} names", names.len()))
                    .expected("expected v(node), v(node, node) or i(source)"));
            }
            _ => {
                return Err(
                    Diagnostic::error(span, format!("`{name}()` belongs to small-signal results")).expected("expected v() or i()")
                );
            }
        };
        if plus == minus {
            return Ok(Part::Fixed(self.fl.scopes.graph.fixed(0.0)));
        }
        // A probe is never of ground alone.
        let (first, second, negative) = if plus == Terminal::Ground { (minus, plus, true) } else { (plus, minus, false) };
        let pair = (self.port(first), (second != Terminal::Ground).then(|| self.port(second)));
        let known = self.shape.probes.iter().position(|p| *p == pair);
        let index = known.unwrap_or(self.shape.probes.len());
        if known.is_none() {
            self.shape.probes.push(pair);
        }
        let probe = Expr { kind: ExprKind::Name(format!("#p{index}")), span };
        let signed = ExprKind::Unary(crate::netlist::ast::UnaryOp::Minus, Box::new(probe.clone()));
        Ok(Part::Moving(if negative { Expr { kind: signed, span } } else { probe }))
    }

    /// The controlling port that is bound to `terminal`.
    fn port(&mut self, terminal: Terminal) -> u32 {
        let controls = &self.shape.terminals[2..];
        if let Some(known) = controls.iter().position(|t| *t == terminal) {
            return known as u32 + 2;
        }
        self.shape.terminals.push(terminal);
        self.shape.terminals.len() as u32 - 1
    }
}

/// The same operation or call with other operands.
fn with_operands(expr: &Expr, operands: Vec<Expr>) -> Expr {
    let mut each = operands.into_iter();
    let mut next = || Box::new(each.next().unwrap_or(Expr { kind: ExprKind::Number(0.0), span: expr.span }));
    let kind = match &expr.kind {
        ExprKind::Unary(op, _) => ExprKind::Unary(*op, next()),
        ExprKind::Binary(op, ..) => ExprKind::Binary(*op, next(), next()),
        ExprKind::Ternary(..) => ExprKind::Ternary(next(), next(), next()),
        ExprKind::Call(name, _) => ExprKind::Call(name.clone(), each.collect()),
        other => other.clone(),
    };
    Expr { kind, span: expr.span }
}

/// Number of nodes of an expression.
fn size(expr: &Expr) -> usize {
    1 + match &expr.kind {
        ExprKind::Unary(_, a) => size(a),
        ExprKind::Binary(_, a, b) => size(a) + size(b),
        ExprKind::Ternary(a, b, c) => size(a) + size(b) + size(c),
        ExprKind::Call(_, arguments) => arguments.iter().map(size).sum(),
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Name(_) | ExprKind::Variable(..) => 0,
    }
}

/// The text of a shape, without places: what makes two models the same.
fn text(expr: &Expr, out: &mut String) {
    let list: Vec<&Expr> = match &expr.kind {
        ExprKind::Number(value) => {
            let _ = write!(out, "{value:e} ");
            return;
        }
        ExprKind::Name(name) => {
            let _ = write!(out, "{name} ");
            return;
        }
        ExprKind::Text(_) | ExprKind::Variable(..) => return,
        ExprKind::Call(name, arguments) => {
            let _ = write!(out, "{}", name.to_lowercase());
            arguments.iter().collect()
        }
        ExprKind::Unary(op, a) => {
            let _ = write!(out, "{op:?}");
            vec![a]
        }
        ExprKind::Binary(op, a, b) => {
            let _ = write!(out, "{op:?}");
            vec![a, b]
        }
        ExprKind::Ternary(a, b, c) => {
            out.push('?');
            vec![a, b, c]
        }
    };
    out.push('(');
    list.into_iter().for_each(|e| text(e, out));
    out.push(')');
}

/// The model of a shape, made when the shape is new.
fn model(fl: &mut Flattener, element: &Element, kind: SourceKind, body: &Expr, shape: &Shape) -> Result<u32, Diagnostic> {
    let mut key = format!("{kind:?} {} {:?} ", shape.terminals.len(), shape.probes);
    text(body, &mut key);
    for operator in &shape.operators {
        let _ = write!(key, "; {:?} ", operator.start);
        text(&operator.body, &mut key);
    }
    if let Some(known) = fl.models.known(&key) {
        return Ok(known);
    }
    let made = make(element, kind, body, shape)?;
    Ok(fl.models.intern(&mut fl.circuit.models, &key, || Arc::new(made)))
}

/// A local unknown: a voltage or a current.
fn port(name: String, kind: UnknownKind, current: bool, span: Span) -> LocalUnknown {
    LocalUnknown {
        name,
        kind,
        quantity: if current { "current" } else { "voltage" }.to_string(),
        unit: if current { "A" } else { "V" }.to_string(),
        abstol: if current { 1e-12 } else { 1e-6 },
        residual_abstol: if current && kind == UnknownKind::Current { 1e-6 } else { 1e-12 },
        start: None,
        held: false,
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
        span,
    }
}

/// Two ports and no equation: stands where a model with a mistake would, so that the rest can be read.
fn broken(span: Span) -> Model {
    let port = |name: &str| port(name.to_string(), UnknownKind::Port, false, span);
    Model { name: "broken".to_string(), ports: 2, unknowns: vec![port("p"), port("n")], span, ..Model::default() }
}

fn make(element: &Element, kind: SourceKind, body: &Expr, shape: &Shape) -> Result<Model, Diagnostic> {
    let ports = shape.terminals.len();
    let unknown = |name: String, kind, current: bool| port(name, kind, current, element.span);
    let port = |k: usize| match k {
        0 => unknown("p".to_string(), UnknownKind::Port, false),
        1 => unknown("n".to_string(), UnknownKind::Port, false),
        k => unknown(
            format!("c{}", k - 1),
            UnknownKind::Port,
            matches!(shape.terminals[k], Terminal::SourceCurrent(_) | Terminal::InstanceCurrent(_)),
        ),
    };
    let mut unknowns: Vec<LocalUnknown> = (0..ports).map(port).collect();
    let controls = shape.probes.iter().map(|(plus, minus)| Probe { plus: *plus, minus: *minus, limit: None });
    let contribution = |plus: u32, minus, f| Contribution { plus, minus, f: Some(f), q: None, span: element.span };
    let (own, mut contributions) = match kind {
        SourceKind::Current => (Vec::new(), vec![contribution(0, Some(1), 0)]),
        SourceKind::Voltage => {
            let branch = unknowns.len() as u32;
            unknowns.push(unknown("branch".to_string(), UnknownKind::Current, true));
            let own = vec![Probe { plus: 0, minus: Some(1), limit: None }, Probe { plus: branch, minus: None, limit: None }];
            (own, vec![contribution(0, Some(1), 1), contribution(branch, None, 0)])
        }
    };
    let function = compile(body, element.span, own.len() as u32, shape)?;
    let mut probes: Vec<Probe> = own.into_iter().chain(controls).collect();
    let mut output = if kind == SourceKind::Voltage { 2 } else { 1 };
    for (k, operator) in shape.operators.iter().enumerate() {
        let row = unknowns.len() as u32;
        let name = format!("{}{}", if operator.start.is_some() { "idt" } else { "ddt" }, k + 1);
        let state = unknown(name, UnknownKind::Implicit, false);
        unknowns.push(LocalUnknown {
            quantity: "state".to_string(),
            unit: String::new(),
            abstol: ABSTOL,
            residual_abstol: ABSTOL,
            start: operator.start.map(|_| output + 2),
            held: operator.start.is_some(),
            ..state
        });
        probes.push(Probe { plus: row, minus: None, limit: None });
        contributions.push(Contribution { plus: row, minus: None, f: Some(output), q: Some(output + 1), span: element.span });
        output += if operator.start.is_some() { 3 } else { 2 };
    }
    let params = (0..shape.values.len()).map(|k| Param {
        name: format!("#{k}"),
        kind: ParamKind::Real,
        default: Formula::Number(0.0),
        ranges: Vec::new(),
        description: String::new(),
        unit: String::new(),
        local: false,
        instance: true,
        span: element.span,
    });
    Ok(Model {
        name: "expression".to_string(),
        span: element.span,
        file: element.span.file,
        ports,
        unknowns,
        params: params.collect(),
        probes,
        contributions,
        function,
        ..Model::default()
    })
}

/// The function of a shape. With two probes of its own (voltage across, current through) it is the row of a voltage source.
/// Behind that come f and q of the rows of its operators, and start values.
fn compile(body: &Expr, span: Span, own_probes: u32, shape: &Shape) -> Result<Function, Diagnostic> {
    let mut builder = Builder::new();
    builder.span = span;
    let mut names = ShapeNames { own_probes, controls: shape.probes.len() as u32 };
    let value = lower::lower(body, &mut builder, &mut names)?;
    let mut outputs = vec![value];
    if own_probes > 0 {
        let across = builder.input(Input::Probe(0), Type::Real);
        let through = builder.input(Input::Probe(1), Type::Real);
        outputs = vec![builder.op(Op::Sub, &[across, value]), through];
    }
    for (k, operator) in shape.operators.iter().enumerate() {
        let of = lower::lower(&operator.body, &mut builder, &mut names)?;
        let y = builder.input(Input::Probe(names.operator(k as u32)), Type::Real);
        let negative = builder.op(Op::Neg, &[of]);
        match operator.start {
            None => outputs.extend([y, negative]),
            Some(start) => {
                let start = builder.input(Input::Param(start as u32), Type::Real);
                outputs.extend([negative, y, start]);
            }
        }
    }
    Ok(builder.finish(outputs))
}

/// `#v0` is a parameter, `#p0` a probe, `#o0` an operator's unknown.
struct ShapeNames {
    own_probes: u32,
    controls: u32,
}

impl ShapeNames {
    /// Probe of an operator's unknown.
    fn operator(&self, k: u32) -> u32 {
        self.own_probes + self.controls + k
    }
}

impl<'d> Resolve<'d> for ShapeNames {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let ExprKind::Name(name) = &leaf.kind else { return Ok(None) };
        let index = |prefix: &str| name.strip_prefix(prefix).and_then(|k| k.parse::<u32>().ok());
        let input = match (index("#v"), index("#p"), index("#o")) {
            (Some(k), ..) => Input::Param(k),
            (_, Some(k), _) => Input::Probe(k + self.own_probes),
            (.., Some(k)) => Input::Probe(self.operator(k)),
            _ if name.eq_ignore_ascii_case("time") => Input::Time,
            _ => return Ok(None),
        };
        Ok(Some(builder.input(input, Type::Real)))
    }

    fn function(&self, _name: &str) -> Option<&'d FunctionCard> {
        None
    }
}
