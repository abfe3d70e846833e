//! Linear filters (LRM 2.4, clauses 4.5.11 and 4.5.12): `laplace_nd`, `_np`, `_zd`, `_zp` and `zi_nd`, `_np`, `_zd`, `_zp`.
//!
//! H(s) = N(s)/D(s) becomes unknowns `x_k = d^k w/dt^k` of `D(d/dt) w = e`, and `y = N(d/dt) w`: rows `d/dt x_k - x_(k+1) = 0`
//! and `sum d_k x_k - e = 0`, which need no division and bear zero coefficients. H(z) is a recursion over samples that a
//! timer takes, y ramped from sample to sample; small-signal analyses see it as `sum d_k z^-k y = sum n_k z^-k e` with
//! `z = e^(s T)`. Roots are pairs of real and imaginary parts: factors `1 - s/r` (`s` for r = 0), or `1 - r/z`.

use crate::diag::Diagnostic;
use crate::ir::{Op, Value};
use crate::model::{Delay, EventKind};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};

/// Longest list of coefficients.
const MOST: usize = 64;

impl Lowerer<'_> {
    /// `laplace_xy(e, numerator or zeros, denominator or poles [, tolerance])`.
    pub fn laplace(&mut self, name: &str, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed(name, span)?;
        let own = self.target.take();
        let e = self.plain_real(&arguments[0])?;
        let (top, bottom) = self.fraction(name, &arguments[1], &arguments[2], true)?;
        self.hoisted(name, span);
        self.builder.span = span;
        if let ([n], [d]) = (top.as_slice(), bottom.as_slice()) {
            let gain = self.builder.op(Op::Div, &[*n, *d]);
            return Ok(Term::new(self.builder.op(Op::Mul, &[gain, e]), Kind::Real));
        }
        if top.len() > bottom.len() + 1 {
            return self.error(
                span,
                format!("the numerator of `{name}` has a much higher degree than its denominator"),
                "one more at most: more than one derivative of a signal is not taken",
            );
        }
        let own = own.unwrap_or_else(|| "laplace".to_string());
        let count = top.len().max(bottom.len());
        let rows: Vec<u32> = (0..count).map(|_| self.implicit(own.clone(), span)).collect();
        let states: Vec<Value> = rows.iter().map(|row| self.probe(*row, None, None)).collect();
        for k in 0..count - 1 {
            let f = self.builder.op(Op::Neg, &[states[k + 1]]);
            self.equation(rows[k], Some(f), Some(states[k]));
        }
        let sum = self.weighted(&bottom, &states);
        let f = self.builder.op(Op::Sub, &[sum, e]);
        self.equation(rows[count - 1], Some(f), None);
        Ok(Term::new(self.weighted(&top, &states), Kind::Real))
    }

    /// `zi_xy(e, numerator or zeros, denominator or poles, period [, transition time [, first sample]])`.
    pub fn sampled(&mut self, name: &str, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed(name, span)?;
        let own = self.target.take().unwrap_or_else(|| "zi".to_string());
        let e = self.plain_real(&arguments[0])?;
        let (top, bottom) = self.fraction(name, &arguments[1], &arguments[2], false)?;
        let period = self.plain_real(&arguments[3])?;
        let (edge, first) = (self.optional(arguments, 4)?, self.optional(arguments, 5)?);
        if !self.is_fixed(period) || self.builder.constant(period).is_some_and(|t| t <= 0.0) {
            return self.error(arguments[3].span, "the period of sampling", "expected a positive value of parameters");
        }
        self.not_negative(name, "transition time", edge, span)?;
        self.hoisted(name, span);
        self.builder.span = span;
        let zero = self.builder.real(0.0);
        let moment = self.timer_event(first.unwrap_or(zero), Some(period));
        let fired = self.watch(EventKind::Timer, moment, [None; 3], span);
        let (u, input) = self.own_unknown(format!("{own}_in"), e, span);
        let y = self.implicit(own, span);
        let output = self.probe(y, None, None);
        let (gain_top, gain_bottom) = (self.sum(&top), self.sum(&bottom));
        let gain = self.builder.op(Op::Div, &[gain_top, gain_bottom]);
        let rest = self.builder.op(Op::Mul, &[gain, input]);
        let sample = self.recursion(&top, &bottom, input, rest, fired);
        let edge = edge.unwrap_or(zero);
        let held = self.ramp(sample, edge, edge, true);
        // Transient: the ramp; static: the gain at rest; small-signal: what is not delayed.
        let (moving, small) = (self.in_transient(), self.in_phase(&[3]));
        let ramped = self.builder.op(Op::Sub, &[output, held]);
        let (own, other) = (self.builder.op(Op::Mul, &[gain_bottom, output]), self.builder.op(Op::Mul, &[gain_top, input]));
        let resting = self.builder.op(Op::Sub, &[own, other]);
        let (own, other) = (self.builder.op(Op::Mul, &[bottom[0], output]), self.builder.op(Op::Mul, &[top[0], input]));
        let now = self.builder.op(Op::Sub, &[own, other]);
        let still = self.builder.select(small, now, resting);
        let f = self.builder.select(moving, ramped, still);
        self.equation(y, Some(f), None);
        for (list, column, sign) in [(&bottom, y, 1.0), (&top, u, -1.0)] {
            for (k, coefficient) in list.iter().enumerate().skip(1) {
                let (times, sign) = (self.builder.real(k as f64), self.builder.real(sign));
                let delay = self.builder.op(Op::Mul, &[times, period]);
                let factor = self.builder.op(Op::Mul, &[sign, *coefficient]);
                let (delay, factor) = (self.output(delay), self.output(factor));
                self.model.delays.push(Delay { row: y, column, delay, factor });
            }
        }
        Ok(Term::new(output, Kind::Real))
    }

    /// The newest sample of the output: `(sum n_k u_k - sum d_k y_k)/d_0`, renewed when `fired`.
    fn recursion(&mut self, top: &[Value], bottom: &[Value], input: Value, rest: Value, fired: Value) -> Value {
        let starting = self.is_starting();
        let line = |l: &mut Self, name: &str, count: usize| -> Vec<(u32, Value)> {
            (0..count).map(|_| l.hidden(name, Kind::Real)).collect()
        };
        let inputs = line(self, "sample of the input", top.len() - 1);
        let outputs = line(self, "sample of the output", bottom.len().max(2) - 1);
        let mut sum = self.builder.op(Op::Mul, &[top[0], input]);
        for (n, (_, old)) in top[1..].iter().zip(&inputs) {
            let term = self.builder.op(Op::Mul, &[*n, *old]);
            sum = self.builder.op(Op::Add, &[sum, term]);
        }
        for (d, (_, old)) in bottom[1..].iter().zip(&outputs) {
            let term = self.builder.op(Op::Mul, &[*d, *old]);
            sum = self.builder.op(Op::Sub, &[sum, term]);
        }
        let newest = self.builder.op(Op::Div, &[sum, bottom[0]]);
        for (line, first, still) in [(&inputs, input, input), (&outputs, newest, rest)] {
            let mut next = first;
            for (index, old) in line {
                let shifted = self.builder.select(fired, next, *old);
                let value = self.builder.select(starting, still, shifted);
                self.keep(*index, value);
                next = *old;
            }
        }
        let held = self.builder.select(fired, newest, outputs[0].1);
        self.builder.select(starting, rest, held)
    }

    /// Coefficients of numerator and denominator by rising powers of s, or of 1/z.
    fn fraction(&mut self, name: &str, top: &Expr, bottom: &Expr, laplace: bool) -> Lowered<(Vec<Value>, Vec<Value>)> {
        let kinds = name.as_bytes();
        let roots = (kinds[kinds.len() - 2] == b'z', kinds[kinds.len() - 1] == b'p');
        let mut sides = Vec::new();
        for (expr, roots) in [(top, roots.0), (bottom, roots.1)] {
            let list = if expr.kind == ExprKind::Missing { Vec::new() } else { self.list(expr)? };
            if list.len() > MOST {
                return self.error(expr.span, "too many coefficients", format!("expected {MOST} at most"));
            }
            for value in list.clone() {
                if !self.is_fixed(value) {
                    return self.error(expr.span, format!("the coefficients of `{name}` move"), "expected values of parameters");
                }
            }
            sides.push(if roots { self.product(&list, laplace, expr.span)? } else { list });
        }
        let (Some(bottom_list), Some(top_list)) = (sides.pop(), sides.pop()) else { return Ok((Vec::new(), Vec::new())) };
        if top_list.is_empty() || bottom_list.is_empty() {
            let span = if top_list.is_empty() { top.span } else { bottom.span };
            return self.error(span, format!("`{name}` without coefficients"), "expected at least one");
        }
        if bottom_list.iter().all(|v| self.builder.constant(*v) == Some(0.0)) {
            return self.error(bottom.span, format!("the denominator of `{name}` is zero"), "expected a coefficient other than 0");
        }
        if self.builder.constant(bottom_list[0]) == Some(0.0) {
            let message = format!("the lowest coefficient of the denominator of `{name}` is zero");
            if !laplace {
                return self.error(bottom.span, message, "the newest output could not be computed");
            }
            let warning = Diagnostic::warning(bottom.span, message).expected("at rest nothing determines the output");
            self.warn_once(&format!("{:?}", bottom.span), warning);
        }
        Ok((top_list, bottom_list))
    }

    /// The polynomial with the given roots: the real part of a product whose complex roots come in conjugate pairs.
    fn product(&mut self, list: &[Value], laplace: bool, span: Span) -> Lowered<Vec<Value>> {
        if !list.len().is_multiple_of(2) {
            return self.error(span, "an odd number of values", "roots are pairs: real part, imaginary part");
        }
        let (zero, one) = (self.builder.real(0.0), self.builder.real(1.0));
        let constants: Option<Vec<f64>> = list.iter().map(|v| self.builder.constant(*v)).collect();
        if let Some(numbers) = constants {
            let pairs: Vec<(f64, f64)> = numbers.chunks(2).map(|p| (p[0], p[1])).collect();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
            let lonely = |p: &&(f64, f64)| p.1 != 0.0 && !pairs.iter().any(|q| near(q.0, p.0) && near(q.1, -p.1));
            if let Some((re, im)) = pairs.iter().find(lonely) {
                return self.error(
                    span,
                    format!("the root {re:e} + {im:e} j stands alone"),
                    "its conjugate has to be there as well",
                );
            }
        }
        let mut polynomial = vec![(one, zero)];
        for pair in list.chunks(2) {
            let ((c0, c0_im), c1) = if laplace {
                self.laplace_factor(pair)
            } else {
                let (re, im) = (self.builder.op(Op::Neg, &[pair[0]]), self.builder.op(Op::Neg, &[pair[1]]));
                ((one, zero), (re, im))
            };
            let mut next = vec![(zero, zero); polynomial.len() + 1];
            for (k, p) in polynomial.iter().enumerate() {
                let (low, high) = (self.times(*p, (c0, c0_im)), self.times(*p, c1));
                next[k] = self.plus(next[k], low);
                next[k + 1] = self.plus(next[k + 1], high);
            }
            polynomial = next;
        }
        Ok(polynomial.into_iter().map(|c| c.0).collect())
    }

    /// Coefficients of `1 - s/r`, or of `s` for r = 0.
    fn laplace_factor(&mut self, root: &[Value]) -> ((Value, Value), (Value, Value)) {
        let b = &mut self.builder;
        let (zero, one) = (b.real(0.0), b.real(1.0));
        let (re2, im2) = (b.op(Op::Mul, &[root[0], root[0]]), b.op(Op::Mul, &[root[1], root[1]]));
        let size = b.op(Op::Add, &[re2, im2]);
        let nothing = b.op(Op::Eq, &[size, zero]);
        let divisor = b.select(nothing, one, size);
        let negative = b.op(Op::Neg, &[root[0]]);
        let (re, im) = (b.op(Op::Div, &[negative, divisor]), b.op(Op::Div, &[root[1], divisor]));
        let c0 = b.select(nothing, zero, one);
        let (re, im) = (b.select(nothing, one, re), b.select(nothing, zero, im));
        ((c0, zero), (re, im))
    }

    fn times(&mut self, a: (Value, Value), b: (Value, Value)) -> (Value, Value) {
        let o = &mut self.builder;
        let (rr, ii) = (o.op(Op::Mul, &[a.0, b.0]), o.op(Op::Mul, &[a.1, b.1]));
        let (ri, ir) = (o.op(Op::Mul, &[a.0, b.1]), o.op(Op::Mul, &[a.1, b.0]));
        (o.op(Op::Sub, &[rr, ii]), o.op(Op::Add, &[ri, ir]))
    }

    fn plus(&mut self, a: (Value, Value), b: (Value, Value)) -> (Value, Value) {
        (self.builder.op(Op::Add, &[a.0, b.0]), self.builder.op(Op::Add, &[a.1, b.1]))
    }

    fn sum(&mut self, values: &[Value]) -> Value {
        values[1..].iter().fold(values[0], |sum, v| self.builder.op(Op::Add, &[sum, *v]))
    }

    /// `sum factors_k values_k`.
    fn weighted(&mut self, factors: &[Value], values: &[Value]) -> Value {
        let mut sum = self.builder.real(0.0);
        for (factor, value) in factors.iter().zip(values) {
            let term = self.builder.op(Op::Mul, &[*factor, *value]);
            sum = self.builder.op(Op::Add, &[sum, term]);
        }
        sum
    }
}
