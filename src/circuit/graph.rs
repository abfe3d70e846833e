//! All numbers of a circuit in one graph: takes values of one shared [`Builder`], gives [`Number`]s and, in the end, the
//! function `Circuit::expressions`, whose `Argument(k)` is root k (decision 3: re-assigning a parameter is one evaluation).

use std::collections::HashMap;

use crate::circuit::{Number, Root};
use crate::ir::{Builder, Function, Input, Op, Type, Value, interp};
use crate::span::Span;

/// The shared builder and which of its values are handed out.
#[derive(Default)]
pub struct Graph {
    /// Where expressions are lowered to.
    pub builder: Builder,
    outputs: Vec<Value>,
    index: HashMap<Value, u32>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph { builder: Builder::new(), outputs: Vec::new(), index: HashMap::new() }
    }

    /// A constant.
    pub fn fixed(&mut self, value: f64) -> Value {
        self.builder.real(value)
    }

    /// Root number `root`.
    pub fn root(&mut self, root: u32) -> Value {
        self.builder.input(Input::Argument(root), Type::Real)
    }

    /// The number that a value is: fixed if it depends on no root, else an output of the graph.
    pub fn number(&mut self, value: Value) -> Number {
        let value = self.real(value);
        if let Some(constant) = self.builder.constant(value) {
            return Number::Fixed(constant);
        }
        let next = self.outputs.len() as u32;
        let output = *self.index.entry(value).or_insert(next);
        if output == next {
            self.outputs.push(value);
        }
        Number::Output(output)
    }

    /// The value of a number.
    pub fn value(&mut self, number: Number) -> Value {
        match number {
            Number::Fixed(constant) => self.builder.real(constant),
            Number::Output(output) => self.outputs[output as usize],
        }
    }

    /// `value` as a real number, whatever its type.
    pub fn real(&mut self, value: Value) -> Value {
        match self.builder.type_of(value) {
            Type::Real => value,
            Type::Int | Type::Bool => self.builder.op(Op::ToReal, &[value]),
        }
    }

    /// `a * b`.
    pub fn product(&mut self, a: Value, b: Value) -> Value {
        self.builder.op(Op::Mul, &[a, b])
    }

    /// `a + b`.
    pub fn sum(&mut self, a: Value, b: Value) -> Value {
        self.builder.op(Op::Add, &[a, b])
    }

    /// Sets the place that new values get.
    pub fn at(&mut self, span: Span) {
        self.builder.span = span;
    }

    /// The values of `roots`, each from those before it. Only what the roots read is evaluated, so call this while the
    /// graph holds nothing else.
    pub fn evaluate_roots(&self, roots: &[Root]) -> Vec<f64> {
        let mut function = self.builder.function.clone();
        function.outputs = self.outputs.clone();
        root_values(&function, roots)
    }

    /// What a number is worth at the values of `roots`, while the graph is being built.
    pub fn worth(&self, number: Number, roots: &[Root]) -> f64 {
        let Number::Output(output) = number else {
            return if let Number::Fixed(value) = number { value } else { f64::NAN };
        };
        let mut function = self.builder.function.clone();
        function.outputs = self.outputs.clone();
        let values = root_values(&function, roots);
        evaluate(&function, &values)[output as usize]
    }

    /// The whole graph as one function.
    pub fn finish(self) -> Function {
        self.builder.finish(self.outputs)
    }
}

/// The values of `roots`, each from those before it; `function` gives the outputs that they name.
fn root_values(function: &Function, roots: &[Root]) -> Vec<f64> {
    let mut values = vec![f64::NAN; roots.len()];
    for (k, root) in roots.iter().enumerate() {
        values[k] = match root.value {
            Number::Fixed(value) => value,
            Number::Output(output) => evaluate(function, &values)[output as usize],
        };
    }
    values
}

/// All outputs of a free-standing function.
pub fn evaluate(function: &Function, arguments: &[f64]) -> Vec<f64> {
    interp::evaluate(function, &|input| match input {
        Input::Argument(k) => arguments[k as usize],
        _ => f64::NAN,
    })
}

/// What every number of a circuit is worth at given root values.
pub struct Values {
    outputs: Vec<f64>,
}

impl Values {
    /// Evaluates `expressions` once.
    pub fn new(expressions: &Function, roots: &[f64]) -> Values {
        Values { outputs: if expressions.outputs.is_empty() { Vec::new() } else { evaluate(expressions, roots) } }
    }

    /// The value of a number.
    pub fn of(&self, number: Number) -> f64 {
        match number {
            Number::Fixed(value) => value,
            Number::Output(output) => self.outputs[output as usize],
        }
    }
}
