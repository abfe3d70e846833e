//! What a column of the results is: takes an expression of a card, gives the index of an output.
//!
//! `v(a)`, `i(r1)`, `x1.state`, `@x1[g]` are outputs of their own; anything else is an expression over such outputs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::circuit::flatten::Flattener;
use crate::circuit::names::{Device, local_unknown, terminal_name};
use crate::circuit::scope::TOP;
use crate::circuit::{Number, Output, OutputKind, Part, Terminal};
use crate::diag::Diagnostic;
use crate::ir::{Builder, Input, Type, Value};
use crate::model::{Formula, Model};
use crate::netlist::ast::{BinaryOp, Expr, ExprKind, FunctionCard};
use crate::netlist::expr::is_probe;
use crate::netlist::lower::{self, Resolve};
use crate::span::Span;

/// Outputs so far, by kind of their name.
#[derive(Default)]
pub struct Columns {
    index: HashMap<String, u32>,
}

/// Parts of complex results by what follows `v` or `i`.
const PARTS: [(&str, Part, &str, &str); 5] = [
    ("m", Part::Magnitude, "", ""),
    ("db", Part::Decibel, "magnitude", "dB"),
    ("p", Part::Phase, "phase", "deg"),
    ("r", Part::Real, "", ""),
    ("i", Part::Imaginary, "", ""),
];

/// The part that `vdb`, `im` or plain `v` asks for.
pub fn part_of(probe: &str) -> Option<Part> {
    let rest = probe.get(1..)?;
    let known = PARTS.iter().find(|p| p.0.eq_ignore_ascii_case(rest)).map(|p| p.1);
    known.or(rest.is_empty().then_some(Part::Value))
}

/// Models with more than two terminals whose current is that of the first pair.
const FIRST_PAIR: [&str; 6] = ["vcvs", "vccs", "cccs", "ccvs", "switch", "expression"];

/// Beginnings of the names of columns that analyses bring along.
const OWN: [&str; 4] = ["onoise_", "inoise_", "mode_", "root_"];

/// Whole names of such columns.
const OWN_NAMES: [&str; 9] = ["class", "re_min", "f_min", "re_rest", "growth", "f_natural", "period", "multiplier", "stable"];

/// Whether a name is that of a column which an analysis brings along.
pub fn is_own(name: &str) -> bool {
    let begins = |own: &&str| name.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own));
    OWN.iter().any(begins) || OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// What a name in `v(...)` stands for.
enum Place {
    Terminal(Terminal),
    Unknown(u32, u32),
}

impl<'d> Flattener<'d, '_> {
    /// The output that an expression asks for, made when it is new.
    ///
    /// # Errors
    /// Unknown nodes, devices, unknowns, names and functions.
    pub fn column(&mut self, expr: &Expr) -> Result<u32, Diagnostic> {
        match &expr.kind {
            ExprKind::Name(name) => self.named_column(name, expr.span),
            ExprKind::Variable(device, name) => self.variable_column(device, name, expr.span),
            ExprKind::Call(name, arguments) if is_probe(name) => match self.probe(name, arguments, expr.span)? {
                (output, Part::Value) => Ok(output),
                (output, part) => self.part_column(name, output, part),
            },
            _ => self.expression_column(expr),
        }
    }

    /// Keeps an output under its name; an equal one is shared.
    pub fn keep(&mut self, output: Output) -> u32 {
        let next = self.circuit.outputs.len() as u32;
        let index = *self.columns.index.entry(output.name.to_lowercase()).or_insert(next);
        if index == next {
            self.circuit.outputs.push(output);
        }
        index
    }

    /// `v(a)`.
    pub fn voltage(&mut self, terminal: Terminal) -> u32 {
        let current = matches!(terminal, Terminal::SourceCurrent(_) | Terminal::InstanceCurrent(_));
        let name = terminal_name(&self.circuit, terminal);
        let (name, quantity, unit) = if current { (name, "current", "A") } else { (format!("v({name})"), "voltage", "V") };
        self.keep(output(name, OutputKind::Terminal(terminal), quantity, unit))
    }

    /// `i(v1)` of a source.
    pub fn source_current(&mut self, source: u32) -> u32 {
        let name = format!("i({})", self.circuit.sources[source as usize].name);
        self.keep(output(name, OutputKind::SourceCurrent(source), "current", "A"))
    }

    /// `x1.state`.
    pub fn unknown(&mut self, instance: u32, unknown: u32) -> u32 {
        let card = &self.circuit.instances[instance as usize];
        let local = &self.circuit.models[card.model as usize].unknowns[unknown as usize];
        let made = output(
            format!("{}.{}", card.name, local.name),
            OutputKind::Unknown { instance, unknown },
            &local.quantity.clone(),
            &local.unit.clone(),
        );
        self.keep(made)
    }

    /// Current into a port of an instance; the first port's is that of the device where it has two terminals.
    pub fn port_current(&mut self, instance: u32, port: u32, whole: bool) -> u32 {
        let card = &self.circuit.instances[instance as usize];
        let local = &self.circuit.models[card.model as usize].unknowns[port as usize].name;
        let name = if whole { format!("i({})", card.name) } else { format!("i({}.{local})", card.name) };
        self.keep(output(name, OutputKind::PortCurrent { instance, port }, "current", "A"))
    }

    /// Whether the current of a device is one number: two terminals, or an output pair with controlling terminals.
    pub fn has_one_current(&self, model: &Model) -> bool {
        model.ports == 2 && model.name != "mutual" || FIRST_PAIR.contains(&model.name.as_str())
    }

    fn place(&self, name: &str, span: Span) -> Result<Place, Diagnostic> {
        if let Some(terminal) = self.node_named(name) {
            return Ok(Place::Terminal(terminal));
        }
        let Some((instance, local)) = self.instance(name) else { return Err(self.unknown_node(span, name)) };
        let card = &self.circuit.instances[instance as usize];
        let model = &self.circuit.models[card.model as usize];
        match local_unknown(model, local) {
            Some(port) if (port as usize) < model.ports => Ok(Place::Terminal(card.terminals[port as usize])),
            Some(unknown) => Ok(Place::Unknown(instance, unknown)),
            None => Err(self.no_unknown(span, instance, local)),
        }
    }

    fn place_column(&mut self, place: Place) -> u32 {
        match place {
            Place::Terminal(terminal) => self.voltage(terminal),
            Place::Unknown(instance, unknown) => self.unknown(instance, unknown),
        }
    }

    /// A bare name: an unknown of a device, a node, or a parameter of the deck.
    fn named_column(&mut self, name: &str, span: Span) -> Result<u32, Diagnostic> {
        let error = match self.place(name, span) {
            Ok(place) => return Ok(self.place_column(place)),
            Err(error) => error,
        };
        match self.scopes.parameter(TOP, &name.to_lowercase(), span) {
            Some(value) => {
                let number = self.scopes.graph.number(value);
                Ok(self.keep(output(name.to_string(), OutputKind::Number(number), "", "")))
            }
            None if is_own(name) => Ok(self.keep(output(name.to_lowercase(), OutputKind::Own, "", ""))),
            None if self.instance(name).is_some() => Err(error),
            None => Err(self.unknown_result(name, span)),
        }
    }

    fn unknown_result(&self, name: &str, span: Span) -> Diagnostic {
        let mut known: Vec<String> = self.circuit.nodes.iter().map(|n| format!("v({})", n.name)).collect();
        known.extend(self.circuit.nodes.iter().map(|n| n.name.to_string()));
        known.extend(self.scopes.visible(TOP, |d| d.parameter_names()));
        let mut error = Diagnostic::error(span, format!("there is no result `{name}`"))
            .expected("expected v(node), i(device), device.unknown, @device[name] or a parameter")
            .suggest(name, known.iter().map(String::as_str));
        if self.device(name).is_some() {
            error = error.hint(format!("the current of an element is i({name})"));
        }
        error
    }

    /// A part of a complex result.
    ///
    /// # Errors
    /// None so far.
    pub fn part_column(&mut self, written: &str, argument: u32, part: Part) -> Result<u32, Diagnostic> {
        let of = &self.circuit.outputs[argument as usize];
        let inner = of.name.split_once('(').map_or(format!("({})", of.name), |(_, rest)| format!("({rest}"));
        let row = PARTS.iter().find(|p| p.1 == part);
        let (quantity, unit) = match row {
            Some((_, _, quantity, unit)) if !quantity.is_empty() => (quantity.to_string(), unit.to_string()),
            _ => (of.quantity.clone(), of.unit.clone()),
        };
        let mut builder = Builder::new();
        let value = builder.input(Input::Argument(0), Type::Real);
        let function = Arc::new(builder.finish(vec![value]));
        let kind = OutputKind::Expression { function, arguments: vec![(argument, part)] };
        Ok(self.keep(output(format!("{}{inner}", written.to_lowercase()), kind, &quantity, &unit)))
    }

    /// `v(a)`, `vdb(a, b)`, `i(r1)`, `i(x1, port)`: the output and which part of it.
    fn probe(&mut self, name: &str, arguments: &[Expr], span: Span) -> Result<(u32, Part), Diagnostic> {
        let folded = name.to_lowercase();
        let part = PARTS.iter().find(|p| p.0 == &folded[1..]).map_or(Part::Value, |p| p.1);
        let mut names = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match &argument.kind {
                ExprKind::Name(text) => names.push((text.as_str(), argument.span)),
                _ => {
                    return Err(
                        Diagnostic::error(argument.span, "this is no name").expected("expected the name of a node or a device")
                    );
                }
            }
        }
        let column = match (folded.starts_with('v'), names.as_slice()) {
            (true, [a]) => {
                let place = self.place(a.0, a.1)?;
                self.place_column(place)
            }
            (true, [a, b]) => self.difference(*a, *b)?,
            (false, [device]) => self.device_current(device.0, device.1)?,
            (false, [device, port]) => self.named_port(device.0, device.1, port.0, port.1)?,
            _ => {
                let wanted = if folded.starts_with('v') { "v(node) or v(node, node)" } else { "i(device) or i(device, port)" };
                return Err(Diagnostic::error(span, format!("`{name}()` with {} names", names.len()))
                    .expected(format!("expected {wanted}")));
            }
        };
        Ok((column, part))
    }

    /// `v(a, b)`.
    ///
    /// # Errors
    /// Unknown nodes.
    pub fn difference(&mut self, a: (&str, Span), b: (&str, Span)) -> Result<u32, Diagnostic> {
        let (first, second) = (self.place(a.0, a.1)?, self.place(b.0, b.1)?);
        if let (Place::Terminal(a), Place::Terminal(b)) = (&first, &second) {
            let name = format!("v({},{})", terminal_name(&self.circuit, *a), terminal_name(&self.circuit, *b));
            return Ok(self.keep(output(name, OutputKind::Difference(*a, *b), "voltage", "V")));
        }
        let arguments = vec![(self.place_column(first), Part::Value), (self.place_column(second), Part::Value)];
        let mut builder = Builder::new();
        let (x, y) = (builder.input(Input::Argument(0), Type::Real), builder.input(Input::Argument(1), Type::Real));
        let value = builder.op(crate::ir::Op::Sub, &[x, y]);
        let function = Arc::new(builder.finish(vec![value]));
        let of = &self.circuit.outputs[arguments[0].0 as usize];
        let (quantity, unit) = (of.quantity.clone(), of.unit.clone());
        Ok(self.keep(output(format!("v({},{})", a.0, b.0), OutputKind::Expression { function, arguments }, &quantity, &unit)))
    }

    /// `i(r1)`, `i(x1.port)`.
    fn device_current(&mut self, name: &str, span: Span) -> Result<u32, Diagnostic> {
        match self.device(name) {
            Some(Device::Source(source)) => return Ok(self.source_current(source)),
            Some(Device::Instance(instance)) => {
                let model = self.circuit.models[self.circuit.instances[instance as usize].model as usize].clone();
                if self.has_one_current(&model) {
                    return Ok(self.port_current(instance, 0, true));
                }
                let ports: Vec<&str> = model.unknowns.iter().take(model.ports).map(|u| u.name.as_str()).collect();
                return Err(Diagnostic::error(span, format!("`{name}` has {} terminals, so i({name}) is ambiguous", model.ports))
                    .expected("which terminal?")
                    .hint(format!("write i({name}, {}); its terminals are {}", ports.first().unwrap_or(&"p"), ports.join(", "))));
            }
            Some(Device::Coupling) => {
                return Err(Diagnostic::error(span, format!("`{name}` couples inductors and has no current of its own"))
                    .expected("expected a device"));
            }
            Some(Device::Subcircuit | Device::Broken) | None => {}
        }
        match self.instance(name) {
            Some((_, port)) => self.named_port(&name[..name.len() - port.len() - 1], span, port, span),
            None => Err(self.unknown_device(span, name)),
        }
    }

    fn named_port(&mut self, device: &str, span: Span, port: &str, port_span: Span) -> Result<u32, Diagnostic> {
        let Some(Device::Instance(instance)) = self.device(device) else {
            return Err(self.unknown_device(span, device));
        };
        let model = self.circuit.models[self.circuit.instances[instance as usize].model as usize].clone();
        let known = local_unknown(&model, port).filter(|k| (*k as usize) < model.ports);
        let known = known.or_else(|| port.parse::<u32>().ok().filter(|k| *k >= 1 && *k as usize <= model.ports).map(|k| k - 1));
        match known {
            Some(k) => Ok(self.port_current(instance, k, k == 0 && self.has_one_current(&model))),
            None => {
                let ports: Vec<&str> = model.unknowns.iter().take(model.ports).map(|u| u.name.as_str()).collect();
                Err(Diagnostic::error(port_span, format!("`{device}` has no terminal `{port}`"))
                    .expected(format!("expected {}", ports.join(", ")))
                    .suggest(port, ports.iter().copied()))
            }
        }
    }

    /// `@x1[name]`: an operating-point variable, or a parameter that is a number.
    ///
    /// # Errors
    /// Unknown devices and names.
    pub fn variable_column(&mut self, device: &str, name: &str, span: Span) -> Result<u32, Diagnostic> {
        let Some(Device::Instance(instance)) = self.device(device) else {
            return Err(self.unknown_device(span, device));
        };
        let card = &self.circuit.instances[instance as usize];
        let model = self.circuit.models[card.model as usize].clone();
        let written = format!("@{}[{name}]", card.name);
        let exact = model.variables.iter().position(|v| v.name == name);
        if let Some(k) = exact.or_else(|| model.variables.iter().position(|v| v.name.eq_ignore_ascii_case(name))) {
            let variable = &model.variables[k];
            let kind = OutputKind::Variable { instance, variable: k as u32 };
            return Ok(self.keep(output(
                format!("@{}[{}]", card.name, variable.name),
                kind,
                &variable.description,
                &variable.unit,
            )));
        }
        if let Ok(Some(k)) = model.parameter(name) {
            let given = card.params.iter().find(|(p, _)| *p == k).map(|(_, number)| *number);
            let number = given.or(match &model.params[k as usize].default {
                Formula::Number(value) => Some(Number::Fixed(*value)),
                Formula::Function(_) => None,
            });
            if let Some(number) = number {
                return Ok(self.keep(output(written, OutputKind::Number(number), "", &model.params[k as usize].unit)));
            }
        }
        let known: Vec<&str> =
            model.variables.iter().map(|v| v.name.as_str()).chain(model.params.iter().map(|p| p.name.as_str())).collect();
        Err(Diagnostic::error(span, format!("`{}` has no variable `{name}`", card.name))
            .expected("expected a variable with `desc` or `units`, or a parameter")
            .suggest(name, known))
    }

    fn expression_column(&mut self, expr: &Expr) -> Result<u32, Diagnostic> {
        let name = self.sources.slice(expr.span).trim().trim_matches(['{', '}', '\'']).trim().to_string();
        let expr = self.with_power(expr)?;
        let mut builder = Builder::new();
        let mut reads = Reads { fl: self, arguments: Vec::new() };
        let value = lower::lower(&expr, &mut builder, &mut reads)?;
        let arguments = reads.arguments;
        let (quantity, unit) = self.quantity(&expr);
        let function = Arc::new(builder.finish(vec![value]));
        Ok(self.keep(output(name, OutputKind::Expression { function, arguments }, quantity, unit)))
    }

    /// Replaces `p(device)` by the sum of voltage times current over its terminals.
    fn with_power(&mut self, expr: &Expr) -> Result<Expr, Diagnostic> {
        let own = self.scopes.function(TOP, "p").is_some();
        let kind = match &expr.kind {
            ExprKind::Call(name, arguments) if name.eq_ignore_ascii_case("p") && arguments.len() == 1 && !own => {
                return self.power(&arguments[0]);
            }
            ExprKind::Call(name, arguments) if !is_probe(name) => {
                let inner: Result<Vec<Expr>, Diagnostic> = arguments.iter().map(|a| self.with_power(a)).collect();
                ExprKind::Call(name.clone(), inner?)
            }
            ExprKind::Unary(op, a) => ExprKind::Unary(*op, Box::new(self.with_power(a)?)),
            ExprKind::Binary(op, a, b) => ExprKind::Binary(*op, Box::new(self.with_power(a)?), Box::new(self.with_power(b)?)),
            ExprKind::Ternary(a, b, c) => {
                ExprKind::Ternary(Box::new(self.with_power(a)?), Box::new(self.with_power(b)?), Box::new(self.with_power(c)?))
            }
            other => other.clone(),
        };
        Ok(Expr { kind, span: expr.span })
    }

    fn power(&self, device: &Expr) -> Result<Expr, Diagnostic> {
        let span = device.span;
        let ExprKind::Name(name) = &device.kind else {
            return Err(Diagnostic::error(span, "this is no name").expected("expected p(device)"));
        };
        let call = |f: &str, names: Vec<String>| Expr {
            kind: ExprKind::Call(f.to_string(), names.into_iter().map(|n| Expr { kind: ExprKind::Name(n), span }).collect()),
            span,
        };
        let binary = |op, a, b| Expr { kind: ExprKind::Binary(op, Box::new(a), Box::new(b)), span };
        let node = |terminal| terminal_name(&self.circuit, terminal);
        match self.device(name) {
            Some(Device::Source(s)) => {
                let source = &self.circuit.sources[s as usize];
                let voltage = call("v", vec![node(source.plus), node(source.minus)]);
                Ok(binary(BinaryOp::Multiply, voltage, call("i", vec![name.clone()])))
            }
            Some(Device::Instance(i)) => {
                let card = &self.circuit.instances[i as usize];
                let model = &self.circuit.models[card.model as usize];
                let mut sum: Option<Expr> = None;
                for (port, terminal) in card.terminals.iter().enumerate() {
                    if !matches!(terminal, Terminal::Node(_)) {
                        continue;
                    }
                    let current = call("i", vec![name.clone(), model.unknowns[port].name.clone()]);
                    let term = binary(BinaryOp::Multiply, call("v", vec![node(*terminal)]), current);
                    sum = Some(match sum {
                        Some(sum) => binary(BinaryOp::Add, sum, term),
                        None => term,
                    });
                }
                Ok(sum.unwrap_or(Expr { kind: ExprKind::Number(0.0), span }))
            }
            _ => Err(self.unknown_device(span, name)),
        }
    }

    /// Quantity and unit of an expression as far as they are plain.
    fn quantity(&self, expr: &Expr) -> (&'static str, &'static str) {
        const NONE: (&str, &str) = ("", "");
        const VOLTAGE: (&str, &str) = ("voltage", "V");
        const CURRENT: (&str, &str) = ("current", "A");
        // Powers of a thousand are changes of scale: 1e6*i(r1) is in microampere.
        let thousands = |x: f64| {
            let decade = x.abs().log10();
            decade.round() != 0.0 && decade.round() % 3.0 == 0.0 && (decade - decade.round()).abs() < 1e-9
        };
        let constant = |e: &Expr| matches!(e.kind, ExprKind::Number(x) if !thousands(x));
        match &expr.kind {
            ExprKind::Call(name, _) if ["v", "vm", "vr", "vi"].iter().any(|n| name.eq_ignore_ascii_case(n)) => VOLTAGE,
            ExprKind::Call(name, _) if ["i", "im", "ir", "ii"].iter().any(|n| name.eq_ignore_ascii_case(n)) => CURRENT,
            ExprKind::Call(name, arguments) if ["abs", "min", "max"].iter().any(|n| name.eq_ignore_ascii_case(n)) => {
                arguments.first().map_or(NONE, |a| self.quantity(a))
            }
            ExprKind::Unary(_, a) => self.quantity(a),
            ExprKind::Binary(BinaryOp::Multiply | BinaryOp::Divide, a, b) if constant(b) => self.quantity(a),
            ExprKind::Binary(BinaryOp::Multiply, a, b) if constant(a) => self.quantity(b),
            ExprKind::Binary(op, a, b) => match (op, self.quantity(a), self.quantity(b)) {
                (BinaryOp::Add | BinaryOp::Subtract, a, b) if a == b => a,
                (BinaryOp::Multiply, VOLTAGE, CURRENT) | (BinaryOp::Multiply, CURRENT, VOLTAGE) => ("power", "W"),
                (BinaryOp::Divide, VOLTAGE, CURRENT) => ("resistance", "ohm"),
                (BinaryOp::Divide, CURRENT, VOLTAGE) => ("conductance", "S"),
                _ => NONE,
            },
            _ => NONE,
        }
    }
}

fn output(name: String, kind: OutputKind, quantity: &str, unit: &str) -> Output {
    Output { name, kind, quantity: quantity.to_string(), unit: unit.to_string() }
}

/// Names in an expression over results.
struct Reads<'f, 'd, 'l> {
    fl: &'f mut Flattener<'d, 'l>,
    arguments: Vec<(u32, Part)>,
}

impl<'d> Resolve<'d> for Reads<'_, 'd, '_> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let argument = match &leaf.kind {
            ExprKind::Call(name, arguments) => self.fl.probe(name, arguments, leaf.span)?,
            ExprKind::Variable(device, name) => (self.fl.variable_column(device, name, leaf.span)?, Part::Value),
            ExprKind::Name(name) => match self.name(name, leaf.span)? {
                Name::Constant(value) => return Ok(Some(builder.real(value))),
                Name::Column(column) => (column, Part::Value),
                Name::Unknown => return Ok(None),
            },
            _ => return Ok(None),
        };
        let known = self.arguments.iter().position(|a| *a == argument);
        let k = known.unwrap_or(self.arguments.len());
        if known.is_none() {
            self.arguments.push(argument);
        }
        Ok(Some(builder.input(Input::Argument(k as u32), Type::Real)))
    }

    fn function(&self, name: &str) -> Option<&'d FunctionCard> {
        self.fl.scopes.function(TOP, &name.to_lowercase()).map(|(function, _)| function)
    }

    fn data(&mut self, whole: &Expr, file: &Expr, indices: &[Value], builder: &mut Builder) -> Result<Value, Diagnostic> {
        crate::circuit::data::value(&mut self.fl.scopes.data, whole, file, indices, builder)
    }

    fn names(&self) -> Vec<String> {
        let nodes = self.fl.circuit.nodes.iter().map(|n| format!("v({})", n.name));
        nodes.chain(self.fl.scopes.visible(TOP, |d| d.parameter_names())).collect()
    }
}

/// What a bare name in an expression is.
enum Name {
    Constant(f64),
    Column(u32),
    Unknown,
}

impl Reads<'_, '_, '_> {
    /// A parameter first (an expression in braces is about parameters), then an unknown of a device.
    fn name(&mut self, name: &str, span: Span) -> Result<Name, Diagnostic> {
        if let Some(value) = self.fl.scopes.parameter(TOP, &name.to_lowercase(), span) {
            return match self.fl.scopes.graph.number(value) {
                Number::Fixed(constant) => Ok(Name::Constant(constant)),
                number => Ok(Name::Column(self.fl.keep(output(name.to_string(), OutputKind::Number(number), "", "")))),
            };
        }
        if self.fl.instance(name).is_some() {
            let place = self.fl.place(name, span)?;
            return Ok(Name::Column(self.fl.place_column(place)));
        }
        Ok(Name::Unknown)
    }
}
