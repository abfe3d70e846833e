//! Events (LRM 2.4, clause 5.10): `@(cross(...) or timer(...)) body`, and memory that no variable of the text holds.
//!
//! The body of an event is ordinary code under `Input::Fired(k)`, which is true in the one evaluation that commits the point
//! where the event fires: what it assigns is retained, what it says is said once. The expression of an event is an output.
//! A timer is the event that the time since its next moment is zero; that moment follows from the time of the last accepted
//! point, `T = start + n period` with the least n that makes it later.

use crate::diag::Diagnostic;
use crate::ir::{Input, Inst, NodeKind, Op, Type, Value};
use crate::model::{Event, EventKind};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind, Statement};
use crate::veriloga::lower::{Context, Kind, Lowered, Lowerer, Remembered, Term};
use crate::veriloga::walk::visit;

/// Units of rounding, as a part of the times that a moment is computed from, within which two moments are one.
const SLACK: f64 = 8.0 * f64::EPSILON;

/// How a value changes while time goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// It jumps or stays.
    pub steps: bool,
    /// It depends on the solution or on time.
    pub moves: bool,
}

/// Arguments of an event: name, most of them, and the places of direction, time tolerance, value tolerance and enable.
const EVENTS: [(&str, EventKind, usize, [Option<usize>; 4]); 3] = [
    ("cross", EventKind::Cross, 5, [Some(1), Some(2), Some(3), Some(4)]),
    ("above", EventKind::Above, 4, [None, Some(1), Some(2), Some(3)]),
    ("timer", EventKind::Timer, 4, [None, None, None, Some(3)]),
];

impl Lowerer<'_> {
    /// `@(event or event) body`.
    pub fn event(&mut self, events: &[Expr], body: &Statement) -> Lowered<()> {
        if self.context != Context::Analog || self.loops > 0 {
            return self.error(body.span, "an event where none can be", "events belong to the analog block, outside of loops");
        }
        let (mut first, mut last, mut fired) = (None, false, None);
        for event in events {
            let (name, arguments) = match &event.kind {
                ExprKind::Name(name) => (name.as_str(), &[][..]),
                ExprKind::Call(name, arguments) => (name.text.as_str(), arguments.as_slice()),
                _ => ("", &[][..]),
            };
            match name {
                "initial_step" | "initial_instance" => first = Some(arguments),
                "final_step" => last = true,
                "cross" | "above" | "timer" => {
                    let one = self.watched(name, arguments, event.span)?;
                    fired = Some(match fired {
                        Some(other) => self.builder.op(Op::Or, &[other, one]),
                        None => one,
                    });
                }
                _ => {
                    let error = Diagnostic::error(event.span, "this is not an event");
                    let known = ["initial_step", "final_step", "cross", "above", "timer"];
                    let error = error.expected("`initial_step`, `final_step`, `cross`, `above` and `timer` are known");
                    self.diagnostics.push(error.suggest(name, known));
                    return Err(crate::veriloga::parse::Abort);
                }
            }
        }
        match (first, fired) {
            (Some(arguments), None) => self.initial_step(arguments, body),
            (arguments, Some(mut condition)) => {
                if let Some(arguments) = arguments {
                    let starting = self.starting_phases(arguments);
                    condition = self.builder.op(Op::Or, &[condition, starting]);
                }
                self.open_events += 1;
                self.fork(condition, true, &mut |l| l.statement(body), &mut |_| {});
                self.open_events -= 1;
            }
            (None, None) => {}
        }
        if last {
            self.final_step(body);
        }
        Ok(())
    }

    /// The condition that an event fires.
    fn watched(&mut self, name: &str, arguments: &[Expr], span: Span) -> Lowered<Value> {
        let Some((_, kind, most, places)) = EVENTS.iter().find(|e| e.0 == name) else {
            return self.error(span, "this is not an event", "expected `cross`, `above` or `timer`");
        };
        if arguments.is_empty() || arguments.len() > *most {
            let message = format!("`{name}` takes 1 to {most} arguments");
            return self.error(span, message, format!("{} given", arguments.len()));
        }
        self.operators_allowed(name, span)?;
        self.hoisted(name, span);
        let value = match kind {
            EventKind::Timer => self.timer(arguments, span)?,
            _ => {
                let value = self.plain_real(&arguments[0])?;
                if self.is_fixed(value) {
                    let warning = Diagnostic::warning(arguments[0].span, format!("the expression of `{name}` never changes"));
                    self.warn_once(&format!("{span:?}"), warning.expected("the event does not fire"));
                }
                value
            }
        };
        let mut given = [None; 4];
        for (slot, place) in given.iter_mut().zip(places) {
            let argument = place.and_then(|k| arguments.get(k)).filter(|a| a.kind != ExprKind::Missing);
            *slot = argument.map(|a| self.plain_real(a)).transpose()?;
        }
        let [direction, time, distance, enable] = given;
        let fired = self.watch(*kind, value, [direction, time, distance], span);
        Ok(match enable {
            Some(enable) => {
                let enabled = self.builder.op(Op::ToBool, &[enable]);
                self.builder.op(Op::And, &[fired, enabled])
            }
            None => fired,
        })
    }

    /// The complaint about an event in an expression.
    pub fn event_only(&mut self, name: &str, span: Span) -> Lowered<Term> {
        self.error(span, format!("`{name}` in an expression"), format!("events stand in `@({name}(...))`"))
    }

    /// A new event: whether it fires. Optional: direction, tolerance in time, tolerance in value.
    pub fn watch(&mut self, kind: EventKind, value: Value, optional: [Option<Value>; 3], span: Span) -> Value {
        let [direction, time_tolerance, value_tolerance] = optional.map(|v| v.map(|v| self.output(v)));
        let value = self.output(value);
        let index = self.model.events.len() as u32;
        self.model.events.push(Event { kind, value, direction, time_tolerance, value_tolerance, span });
        self.builder.input(Input::Fired(index), Type::Bool)
    }

    /// The time since the next moment of `timer(start, period)`, which is negative before it.
    fn timer(&mut self, arguments: &[Expr], span: Span) -> Lowered<Value> {
        let start = self.plain_real(&arguments[0])?;
        let period = match arguments.get(1).filter(|a| a.kind != ExprKind::Missing) {
            Some(period) => Some(self.plain_real(period)?),
            None => None,
        };
        self.builder.span = span;
        if period.and_then(|p| self.builder.constant(p)).is_some_and(|p| p < 0.0) {
            return self.error(span, "a timer with a negative period", "expected a positive one, or none");
        }
        Ok(self.timer_event(start, period))
    }

    /// See `Lowerer::timer`; notes the moment as one at which a step ends.
    pub fn timer_event(&mut self, start: Value, period: Option<Value>) -> Value {
        let (now, last) = (self.builder.input(Input::Time, Type::Real), self.last_time());
        let (zero, one, endless) = (self.builder.real(0.0), self.builder.real(1.0), self.builder.real(f64::INFINITY));
        // At the operating point that begins the transient, a moment at time zero counts.
        let starting = self.is_starting();
        let since = self.builder.op(Op::Sub, &[last, start]);
        let grain = self.grain(last, start);
        let (early, early_begin) = (self.builder.op(Op::Lt, &[since, zero]), self.builder.op(Op::Le, &[since, zero]));
        let early = self.builder.select(starting, early_begin, early);
        let next = match period {
            None => self.builder.select(early, start, endless),
            Some(period) => {
                let positive = self.builder.op(Op::Gt, &[period, zero]);
                let divisor = self.builder.select(positive, period, one);
                let ratio = self.builder.op(Op::Div, &[since, divisor]);
                let slack = self.builder.op(Op::Div, &[grain, divisor]);
                let (after, upto) = (self.builder.op(Op::Add, &[ratio, slack]), self.builder.op(Op::Sub, &[ratio, slack]));
                let floor = self.builder.op(Op::Floor, &[after]);
                let (later, here) = (self.builder.op(Op::Add, &[floor, one]), self.builder.op(Op::Ceil, &[upto]));
                let count = self.builder.select(starting, here, later);
                let shift = self.builder.op(Op::Mul, &[count, period]);
                let repeated = self.builder.op(Op::Add, &[start, shift]);
                let following = self.builder.select(positive, repeated, endless);
                self.builder.select(early, start, following)
            }
        };
        let output = self.output(next);
        self.model.breaks.push(output);
        // Of moments that agree but for rounding the first is that of all.
        let left = self.builder.op(Op::Sub, &[now, next]);
        self.builder.op(Op::Add, &[left, grain])
    }

    /// What rounding may have made of a moment: a few units in the last place of the terms that it is computed from.
    fn grain(&mut self, last: Value, start: Value) -> Value {
        let (last, start) = (self.builder.op(Op::Abs, &[last]), self.builder.op(Op::Abs, &[start]));
        let (sum, units) = (self.builder.op(Op::Add, &[last, start]), self.builder.real(SLACK));
        self.builder.op(Op::Mul, &[sum, units])
    }

    /// Memory that no variable holds: its number and its value at the last accepted point. [`Lowerer::keep`] says what it
    /// becomes.
    pub fn hidden(&mut self, name: &str, kind: Kind) -> (u32, Value) {
        let index = self.past.len() as u32;
        let rest = self.zero(kind).value;
        self.past.push(Remembered::Hidden { name: name.to_string(), value: rest, span: self.builder.span });
        (index, self.builder.input(Input::Past(index), kind.ir()))
    }

    /// What a hidden memory becomes at the next accepted point.
    pub fn keep(&mut self, index: u32, new: Value) {
        if let Some(Remembered::Hidden { value, .. }) = self.past.get_mut(index as usize) {
            *value = new;
        }
    }

    /// Time of the last accepted point.
    pub fn last_time(&mut self) -> Value {
        if let Some(value) = self.last_time {
            return value;
        }
        let (index, past) = self.hidden("time of the last point", Kind::Real);
        let now = self.builder.input(Input::Time, Type::Real);
        self.keep(index, now);
        self.last_time = Some(past);
        past
    }

    /// True once an event has fired at the operating point, which is then found anew: what the initial step sets does not
    /// hold any longer. None if the module has no such event.
    pub fn begun(&mut self) -> Option<Value> {
        if let Some((_, past)) = self.begun {
            return Some(past);
        }
        let module = self.module;
        let mut found = false;
        for (_, statement) in &module.analog {
            visit(statement, &mut |expr| {
                found |= matches!(&expr.kind, ExprKind::Call(name, _) if matches!(name.text.as_str(), "above" | "timer"));
            });
        }
        if !found {
            return None;
        }
        let (index, past) = self.hidden("begun", Kind::Bool);
        self.begun = Some((index, past));
        Some(past)
    }

    /// What [`Lowerer::begun`] becomes: true as soon as any event has fired.
    pub fn keep_begun(&mut self) {
        let Some((index, past)) = self.begun else { return };
        let mut fired = past;
        for k in 0..self.model.events.len() as u32 {
            let one = self.builder.input(Input::Fired(k), Type::Bool);
            fired = self.builder.op(Op::Or, &[fired, one]);
        }
        self.keep(index, fired);
    }

    /// True while an operating point is being found for the first time.
    pub fn is_beginning(&mut self) -> Value {
        let starting = self.is_starting();
        match self.begun() {
            Some(begun) => {
                let not = self.builder.op(Op::Not, &[begun]);
                self.builder.op(Op::And, &[starting, not])
            }
            None => starting,
        }
    }

    /// True in a transient.
    pub fn in_transient(&mut self) -> Value {
        self.in_phase(&[2])
    }

    /// How a value changes in time.
    pub fn shape(&self, value: Value) -> Shape {
        let function = &self.builder.function;
        let mut shapes: Vec<Shape> = Vec::with_capacity(value.0 as usize + 1);
        for k in 0..=value.0 as usize {
            let of = |v: &Value| shapes[v.0 as usize];
            let all =
                |values: &[&Value]| Shape { steps: values.iter().all(|v| of(v).steps), moves: values.iter().any(|v| of(v).moves) };
            let mut shape = match &function.insts[k] {
                Inst::Const(_) => Shape { steps: true, moves: false },
                Inst::Input(Input::Probe(_) | Input::Time | Input::Delayed(_) | Input::Share(_)) => {
                    Shape { steps: false, moves: true }
                }
                Inst::Input(_) => Shape { steps: true, moves: false },
                Inst::Op(op, arguments) => {
                    let used: Vec<&Value> = arguments[..op.arity()].iter().collect();
                    let steps = match op {
                        Op::Select => all(&used[1..]).steps,
                        Op::Floor | Op::Ceil => true,
                        _ => all(&used).steps,
                    };
                    Shape { steps, moves: all(&used).moves }
                }
                Inst::Result(node, index) => match &function.nodes[node.0 as usize] {
                    NodeKind::If { condition, then, otherwise } => {
                        let arms = [&then.1[*index as usize], &otherwise.1[*index as usize]];
                        Shape { steps: all(&arms).steps, moves: all(&arms).moves || of(condition).moves }
                    }
                    NodeKind::Loop { .. } => Shape { steps: false, moves: true },
                },
                Inst::Carried(..) | Inst::Partial(..) => Shape { steps: false, moves: true },
            };
            shape.steps |= function.types[k] != Type::Real;
            shapes.push(shape);
        }
        shapes[value.0 as usize]
    }

    /// Waits for changes of a value in steps, so that a step ends where it changes. False if it is no such value.
    pub fn watch_changes(&mut self, value: Value, span: Span) -> bool {
        let shape = self.shape(value);
        if shape.steps && shape.moves {
            let value = if self.builder.type_of(value) == Type::Real { value } else { self.builder.op(Op::ToReal, &[value]) };
            self.watch(EventKind::Change, value, [None; 3], span);
        }
        shape.steps
    }

    /// `$discontinuity(order)`: 0 and above restart the integration; -1 is a notice of `$limit`.
    pub fn discontinuity(&mut self, arguments: &[Expr], span: Span) -> Lowered<()> {
        if self.context != Context::Analog || self.loops > 0 {
            return self.error(span, "`$discontinuity` where none can be", "it belongs to the analog block, outside of loops");
        }
        let order = match arguments.first().filter(|a| a.kind != ExprKind::Missing) {
            Some(order) => self.plain_real(order)?,
            None => self.builder.real(0.0),
        };
        let mark = match self.jump {
            Some(mark) => mark,
            None => {
                let no = self.zero(Kind::Bool);
                self.mark(no)
            }
        };
        self.jump = Some(mark);
        let limit = self.builder.real(-0.5);
        let here = self.builder.op(Op::Gt, &[order, limit]);
        let old = self.marked(mark).value;
        let either = self.builder.op(Op::Or, &[old, here]);
        self.set_mark(mark, Term::new(either, Kind::Bool));
        Ok(())
    }
}
