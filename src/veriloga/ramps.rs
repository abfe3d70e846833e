//! Operators that shape edges (LRM 2.4, clause 4.5): `transition`, `slew`, `last_crossing`.
//!
//! All of them are functions of time and of hidden memory within a step, renewed where a point is accepted; in static and
//! small-signal analyses a ramp is its argument. The change of a `transition`'s argument, the beginning and end of slewing
//! and the crossings of `last_crossing` are events, so that steps end on them.

use crate::diag::Diagnostic;
use crate::ir::{Input, Op, Type, Value};
use crate::model::{DelayTime, EventKind, Signal, Track};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};

/// Excess over the fastest line, relative to the values, that is rounding.
const ROUNDING: f64 = 1e-9;

impl Lowerer<'_> {
    /// Argument `k` as a real value, if it is given.
    pub fn optional(&mut self, arguments: &[Expr], k: usize) -> Lowered<Option<Value>> {
        match arguments.get(k).filter(|a| a.kind != ExprKind::Missing) {
            Some(argument) => self.plain_real(argument).map(Some),
            None => Ok(None),
        }
    }

    /// Complains about an argument that is a negative constant.
    pub fn not_negative(&mut self, name: &str, what: &str, value: Option<Value>, span: Span) -> Lowered<()> {
        match value.and_then(|v| self.builder.constant(v)) {
            Some(number) if number < 0.0 => {
                self.error(span, format!("`{name}` with a negative {what}"), format!("expected 0 or more, not {number}"))
            }
            _ => Ok(()),
        }
    }

    /// `transition(e [, delay [, rise [, fall [, tolerance]]]])`.
    pub fn transition(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("transition", span)?;
        self.target = None;
        let e = self.plain_real(&arguments[0])?;
        let (delay, rise) = (self.optional(arguments, 1)?, self.optional(arguments, 2)?);
        let fall = self.optional(arguments, 3)?;
        for (what, value) in [("delay", delay), ("rise time", rise), ("fall time", fall)] {
            self.not_negative("transition", what, value, span)?;
        }
        if self.is_fixed(e) {
            return Ok(Term::new(e, Kind::Real));
        }
        self.hoisted("transition", span);
        self.builder.span = span;
        let zero = self.builder.real(0.0);
        let rise = rise.unwrap_or(zero);
        let fall = fall.unwrap_or(rise);
        let stepwise = self.watch_changes(e, arguments[0].span);
        if !stepwise {
            let warning = Diagnostic::warning(arguments[0].span, "`transition` of a value that moves smoothly");
            let warning = warning.expected("its ramps lead to the values at the accepted points");
            self.warn_once(&format!("{span:?}"), warning.hint("`slew` limits the slope of smooth values"));
        }
        let signal = match delay.filter(|d| self.builder.constant(*d) != Some(0.0)) {
            Some(delay) => self.later(e, delay)?,
            None => e,
        };
        let y = self.ramp(signal, rise, fall, stepwise);
        let moving = self.in_transient();
        Ok(Term::new(self.builder.select(moving, y, e), Kind::Real))
    }

    /// A value in steps, `delay` later.
    fn later(&mut self, e: Value, delay: Value) -> Lowered<Value> {
        let signal = Signal::Stepped(self.output(e));
        let delay = self.delay_time(delay);
        self.model.tracks.push(Track { signal, delay });
        Ok(self.builder.input(Input::Delayed(self.model.tracks.len() as u32 - 1), Type::Real))
    }

    /// A delay as the run time reads it: of parameters, or as it was at the last accepted point.
    pub fn delay_time(&mut self, delay: Value) -> DelayTime {
        if self.is_fixed(delay) {
            return DelayTime::Fixed(self.output(delay));
        }
        let (index, _) = self.hidden("delay", Kind::Real);
        self.keep(index, delay);
        DelayTime::Retained(index)
    }

    /// Straight lines from value to value of `target`. A ramp that is interrupted by a reversal goes on as fast as one from
    /// its destination would; one that is led further keeps its origin (LRM 2.4, clause 4.5.8).
    pub fn ramp(&mut self, target: Value, rise: Value, fall: Value, corners: bool) -> Value {
        let now = self.builder.input(Input::Time, Type::Real);
        let (begin, t0) = self.hidden("begin of a ramp", Kind::Real);
        let (end, t1) = self.hidden("end of a ramp", Kind::Real);
        let (from, y0) = self.hidden("value at the begin of a ramp", Kind::Real);
        let (to, y1) = self.hidden("destination of a ramp", Kind::Real);
        let (root, origin) = self.hidden("origin of a ramp", Kind::Real);
        let b = &mut self.builder;
        // The line, then its ends.
        let (zero, one) = (b.real(0.0), b.real(1.0));
        let length = b.op(Op::Sub, &[t1, t0]);
        let long = b.op(Op::Gt, &[length, zero]);
        let length = b.select(long, length, one);
        let since = b.op(Op::Sub, &[now, t0]);
        let share = b.op(Op::Div, &[since, length]);
        let distance = b.op(Op::Sub, &[y1, y0]);
        let part = b.op(Op::Mul, &[share, distance]);
        let line = b.op(Op::Add, &[y0, part]);
        let over = b.op(Op::Ge, &[now, t1]);
        let y = b.select(over, y1, line);
        // What becomes of it.
        let changed = b.op(Op::Ne, &[target, y1]);
        let step = b.op(Op::Sub, &[target, y]);
        let product = b.op(Op::Mul, &[step, distance]);
        let reversed = b.op(Op::Lt, &[product, zero]);
        let kept = b.select(reversed, y1, origin);
        let root_next = b.select(over, y, kept);
        let up = b.op(Op::Gt, &[step, zero]);
        let nominal = b.select(up, rise, fall);
        let (whole, rest) = (b.op(Op::Sub, &[target, root_next]), b.op(Op::Abs, &[step]));
        let whole = b.op(Op::Abs, &[whole]);
        let proper = b.op(Op::Gt, &[whole, zero]);
        let whole = b.select(proper, whole, one);
        let share = b.op(Op::Div, &[rest, whole]);
        let share = b.select(proper, share, one);
        let share = b.op(Op::Min, &[share, one]);
        let duration = b.op(Op::Mul, &[nominal, share]);
        let arrival = b.op(Op::Add, &[now, duration]);
        let starting = self.is_starting();
        let next = |l: &mut Self, index: u32, new: Value, old: Value, rest: Value| {
            let kept = l.builder.select(changed, new, old);
            let value = l.builder.select(starting, rest, kept);
            l.keep(index, value);
        };
        next(self, begin, now, t0, now);
        next(self, end, arrival, t1, now);
        next(self, from, y, y0, target);
        next(self, to, target, y1, target);
        next(self, root, root_next, origin, target);
        if corners {
            let output = self.output(t1);
            self.model.breaks.push(output);
        }
        y
    }

    /// `slew(e [, fastest rise [, fastest fall]])`: `e` while its slope stays between the two, else a line from the last point.
    pub fn slew(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("slew", span)?;
        self.target = None;
        let e = self.plain_real(&arguments[0])?;
        let (up, down) = (self.optional(arguments, 1)?, self.optional(arguments, 2)?);
        let Some(up) = up else { return Ok(Term::new(e, Kind::Real)) };
        self.not_negative("slew", "slope of rise", Some(up), span)?;
        if down.and_then(|d| self.builder.constant(d)).is_some_and(|d| d > 0.0) {
            return self.error(span, "`slew` with a positive slope of fall", "expected a negative one, or none");
        }
        if self.is_fixed(e) {
            return Ok(Term::new(e, Kind::Real));
        }
        self.hoisted("slew", span);
        self.builder.span = span;
        let down = match down {
            Some(down) => down,
            None => self.builder.op(Op::Neg, &[up]),
        };
        let (index, past) = self.hidden("value of slew", Kind::Real);
        let (now, last) = (self.builder.input(Input::Time, Type::Real), self.last_time());
        let elapsed = self.builder.op(Op::Sub, &[now, last]);
        let line = |l: &mut Self, slope: Value| {
            let way = l.builder.op(Op::Mul, &[slope, elapsed]);
            l.builder.op(Op::Add, &[past, way])
        };
        let (top, bottom) = (line(self, up), line(self, down));
        let raised = self.builder.op(Op::Max, &[e, bottom]);
        let bounded = self.builder.op(Op::Min, &[raised, top]);
        let moving = self.in_transient();
        let y = self.builder.select(moving, bounded, e);
        self.keep(index, y);
        // Where slewing begins and ends.
        let excess = self.builder.op(Op::Sub, &[e, bounded]);
        let (size, little) = (self.builder.op(Op::Abs, &[e]), self.builder.real(ROUNDING));
        let allowed = self.builder.op(Op::Mul, &[size, little]);
        let negative = self.builder.op(Op::Neg, &[allowed]);
        let (over, under) = (self.builder.op(Op::Gt, &[excess, allowed]), self.builder.op(Op::Lt, &[excess, negative]));
        let (one, back, none) = (self.builder.real(1.0), self.builder.real(-1.0), self.builder.real(0.0));
        let slews = self.builder.select(under, back, none);
        let slews = self.builder.select(over, one, slews);
        let slews = self.builder.select(moving, slews, none);
        self.watch(EventKind::Change, slews, [None; 3], span);
        Ok(Term::new(y, Kind::Real))
    }

    /// `last_crossing(e [, direction])`: when `e` crossed zero last; -1 before it does.
    pub fn last_crossing(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("last_crossing", span)?;
        self.target = None;
        let e = self.plain_real(&arguments[0])?;
        let direction = self.optional(arguments, 1)?;
        self.hoisted("last_crossing", span);
        self.builder.span = span;
        let fired = self.watch(EventKind::Cross, e, [direction, None, None], span);
        let (index, past) = self.hidden("time of the last crossing", Kind::Real);
        let (now, never) = (self.builder.input(Input::Time, Type::Real), self.builder.real(-1.0));
        let starting = self.is_starting();
        let next = self.builder.select(fired, now, past);
        let next = self.builder.select(starting, never, next);
        self.keep(index, next);
        Ok(Term::new(self.builder.select(starting, never, past), Kind::Real))
    }
}
