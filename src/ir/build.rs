//! Builder of functions: folds constants, shares equal subexpressions.

use crate::ir::{Function, Input, Op, Type, Value};
use crate::span::Span;

/// Makes a [`Function`], instruction by instruction.
#[derive(Default)]
pub struct Builder {
    /// What is being built.
    pub function: Function,
    /// Place given to new values.
    pub span: Span,
}

impl Builder {
    /// A function without anything in it.
    pub fn new() -> Builder {
        todo!()
    }
    /// A real constant.
    pub fn real(&mut self, _value: f64) -> Value {
        todo!()
    }
    /// An integer constant.
    pub fn int(&mut self, _value: i32) -> Value {
        todo!()
    }
    /// A truth value.
    pub fn boolean(&mut self, _value: bool) -> Value {
        todo!()
    }
    /// Something from outside.
    pub fn input(&mut self, _input: Input, _kind: Type) -> Value {
        todo!()
    }
    /// An operation; arguments must have the types that it wants (convert with `Op::ToReal` etc.).
    pub fn op(&mut self, _op: Op, _arguments: &[Value]) -> Value {
        todo!()
    }
    /// `condition ? a : b`.
    pub fn select(&mut self, _condition: Value, _a: Value, _b: Value) -> Value {
        todo!()
    }
    /// The constant that a value is, if it is one.
    pub fn constant(&self, _value: Value) -> Option<f64> {
        todo!()
    }
    /// Type of a value.
    pub fn type_of(&self, _value: Value) -> Type {
        todo!()
    }
    /// Partial derivative of `value` by probe `probe`, all other probes held (`ddx`).
    pub fn partial(&mut self, _value: Value, _probe: u32) -> Value {
        todo!()
    }
    /// Opens an `If`: what follows, up to `begin_else`, belongs to its first arm.
    pub fn begin_if(&mut self, _condition: Value) {
        todo!()
    }
    /// Ends the first arm of the innermost `If`, opens the second.
    pub fn begin_else(&mut self) {
        todo!()
    }
    /// Closes the innermost `If`. `pairs`: what the first and the second arm hand out. An `If` whose arms are cheap becomes
    /// selections; one whose condition is constant is replaced by the arm taken.
    pub fn end_if(&mut self, _pairs: &[(Value, Value)]) -> Vec<Value> {
        todo!()
    }
    /// Opens a loop that carries values starting with `initial`; gives the carried values as seen in the body.
    pub fn begin_loop(&mut self, _initial: &[Value]) -> Vec<Value> {
        todo!()
    }
    /// Closes the innermost loop: goes on with `next` while `condition` (see `NodeKind::Loop`); gives the results.
    pub fn end_loop(&mut self, _condition: Value, _next: &[Value]) -> Vec<Value> {
        todo!()
    }
    /// Hands out `outputs`; unused instructions are removed.
    pub fn finish(self, _outputs: Vec<Value>) -> Function {
        todo!()
    }
}
