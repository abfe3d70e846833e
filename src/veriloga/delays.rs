//! `absdelay(e, delay [, longest])` (LRM 2.4, clause 4.5.9): two unknowns, u = e and y(t) = u(t - delay).
//!
//! In static analyses y = u. In a transient y is read from the accepted points of u (`mna::memory`), steps being no longer
//! than the delay, unless that is below `SHORT` of the whole: then the straight line to the present value of u counts. In
//! small-signal analyses the row of y is `y - e^(-s delay) u = 0`.

use crate::diag::Diagnostic;
use crate::ir::{Input, Op, Type, Value};
use crate::model::{Delay, Signal, Track};
use crate::span::Span;
use crate::veriloga::ast::Expr;
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};

/// Shortest delay that bounds the step, in units of the length of the transient.
const SHORT: f64 = 1e-5;

impl Lowerer<'_> {
    /// `absdelay(e, delay [, longest])`.
    pub fn absdelay(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("absdelay", span)?;
        let name = self.target.take();
        let e = self.plain_real(&arguments[0])?;
        let delay = self.plain_real(&arguments[1])?;
        self.not_negative("absdelay", "delay", Some(delay), arguments[1].span)?;
        if self.builder.constant(delay) == Some(0.0) || self.is_fixed(e) {
            return Ok(Term::new(e, Kind::Real));
        }
        if !self.is_fixed(delay) && arguments.len() < 3 {
            return self.error(
                arguments[1].span,
                "the delay moves",
                "without a third argument, the longest delay, it may depend on parameters only",
            );
        }
        let delay = match self.optional(arguments, 2)? {
            Some(longest) => self.builder.op(Op::Min, &[delay, longest]),
            None => delay,
        };
        if !self.is_fixed(delay) {
            let warning = Diagnostic::warning(arguments[1].span, "a delay that moves");
            let warning = warning.expected("in each step it is that of the last accepted point");
            self.warn_once(&format!("{span:?}"), warning);
        }
        self.hoisted("absdelay", span);
        self.builder.span = span;
        let name = name.unwrap_or_else(|| "absdelay".to_string());
        let (u, probe_u) = self.own_unknown(format!("{name}_now"), e, span);
        let y = self.implicit(name, span);
        let probe_y = self.probe(y, None, None);
        let time = self.delay_time(delay);
        self.model.tracks.push(Track { signal: Signal::Smooth(u), delay: time });
        let index = self.model.tracks.len() as u32 - 1;
        let (old, share) =
            (self.builder.input(Input::Delayed(index), Type::Real), self.builder.input(Input::Share(index), Type::Real));
        let present = self.builder.op(Op::Mul, &[share, probe_u]);
        let late = self.builder.op(Op::Add, &[old, present]);
        let moving = self.in_transient();
        let (small, zero) = (self.in_phase(&[3]), self.builder.real(0.0));
        let rest = self.builder.select(small, zero, probe_u);
        let read = self.builder.select(moving, late, rest);
        let f = self.builder.op(Op::Sub, &[probe_y, read]);
        self.equation(y, Some(f), None);
        if self.is_fixed(delay) {
            let minus = self.builder.real(-1.0);
            let (delay, factor) = (self.output(delay), self.output(minus));
            self.model.delays.push(Delay { row: y, column: u, delay, factor });
        } else {
            // The delay of the operating point is a number that no output of the setup has.
            let error = "small-signal analyses take a delay that moves for none";
            let warning = Diagnostic::warning(span, error).expected("its row is `y = 0` there");
            self.warn_once(&format!("small {span:?}"), warning);
        }
        self.longest_step(delay);
        Ok(Term::new(probe_y, Kind::Real))
    }

    /// A new unknown that is `e`.
    pub fn own_unknown(&mut self, name: String, e: Value, span: Span) -> (u32, Value) {
        let row = self.implicit(name, span);
        let probe = self.probe(row, None, None);
        let f = self.builder.op(Op::Sub, &[probe, e]);
        self.equation(row, Some(f), None);
        (row, probe)
    }

    /// Steps no longer than a delay, unless it is very short.
    fn longest_step(&mut self, delay: Value) {
        let mark = match self.bound {
            Some(mark) => mark,
            None => {
                let endless = self.real(f64::INFINITY);
                self.mark(endless)
            }
        };
        self.bound = Some(mark);
        let name = ("tstop".to_string(), Some(1.0));
        let known = self.model.simparams.iter().position(|p| *p == name);
        let index = known.unwrap_or(self.model.simparams.len());
        if known.is_none() {
            self.model.simparams.push(name);
        }
        let whole = self.builder.input(Input::Simulator(index as u32), Type::Real);
        let (share, endless) = (self.builder.real(SHORT), self.builder.real(f64::INFINITY));
        let least = self.builder.op(Op::Mul, &[whole, share]);
        let long = self.builder.op(Op::Ge, &[delay, least]);
        let bound = self.builder.select(long, delay, endless);
        let old = self.marked(mark).value;
        let shortest = self.builder.op(Op::Min, &[old, bound]);
        self.set_mark(mark, Term::new(shortest, Kind::Real));
    }
}
