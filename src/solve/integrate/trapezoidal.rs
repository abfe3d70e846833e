//! Trapezoidal rule, order 2: `q = q_n + h/2 (qdot + qdot_n)`, that is `alpha = 2/h`, `beta = -(2/h) q_n - qdot_n`. A-stable and
//! without numerical damping, so that oscillations keep their amplitude; not L-stable, so that what is infinitely fast rings:
//! the first two steps after a corner, and two steps whenever differences of qdot alternate in sign three times above
//! tolerance, are backward Euler (decision 22). Local error `-h^3/12 q'''`, from the second divided difference of qdot.

use super::{Estimate, Integrator, Method, Problem, Work, euler};
use crate::dae::Unknown;
use crate::solve::failure::Failure;
use crate::solve::history::{History, difference_weights};

/// Row of the table.
pub const METHOD: Method = Method {
    name: "trap",
    aliases: &["trapezoidal", "tr"],
    title: "trapezoidal",
    order: 2,
    reltol: 1e-6,
    filter: 2,
    idle: 1.0,
    make: |_| Box::new(Trapezoidal { damp: 2, alternations: Vec::new() }),
};

/// The method: backward Euler steps still to be done, and for each row how often differences of qdot have alternated.
struct Trapezoidal {
    damp: u32,
    alternations: Vec<u8>,
}

/// Alternations in sequence that count as ringing.
const RINGING: u8 = 3;

impl Integrator for Trapezoidal {
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
        if past.slopes() == 0 || self.alternations.is_empty() {
            self.damp = 2;
            self.alternations.clear();
            self.alternations.resize(work.end.x.len(), 0);
        }
        work.foresight.begin(0.0);
        if self.damp > 0 {
            return euler::step(problem, work, past);
        }
        let (t, start) = (work.end.t, past.newest());
        let h = t - start.t;
        let alpha = 2.0 / h;
        for ((b, q), qdot) in work.beta.iter_mut().zip(&start.q).zip(&start.qdot) {
            *b = -alpha * q - qdot;
        }
        past.predict(t, 3, &mut work.end.x);
        if past.slopes() >= 2 && past.smooth() >= 3 {
            // h^3/12 of the third derivative over the predictor's (t - t_0)(t - t_1)(t - t_2)/6.
            work.foresight.begin(0.5 * h * h / ((t - past.back(1).t) * (t - past.back(2).t)));
        }
        if let Some(error) = work.attempt(problem, alpha, t)? {
            return Ok(Estimate::new(error, 3));
        }
        if past.slopes() >= 2 {
            let w = difference_weights(&[t, start.t, past.back(1).t]);
            for (k, e) in work.error.iter_mut().enumerate() {
                *e = h * h * h / 6.0 * (w[0] * work.end.qdot[k] + w[1] * start.qdot[k] + w[2] * past.back(1).qdot[k]);
            }
            return Ok(Estimate::new(work.judge(alpha), 3));
        }
        for (k, e) in work.error.iter_mut().enumerate() {
            *e = 0.5 * h * (work.end.qdot[k] - start.qdot[k]);
        }
        Ok(Estimate::new(work.measure(alpha), 2))
    }

    fn judged(&mut self, problem: &Problem, accepted: bool, past: &History, work: &mut Work) {
        if !accepted {
            return;
        }
        if self.damp > 0 {
            self.damp -= 1;
            self.alternations.fill(0);
        } else if past.slopes() >= 2 && self.rings(&problem.system.layout().unknowns, problem.tolerances.reltol, past, work) {
            self.damp = 2;
            self.alternations.fill(0);
        }
    }
}

impl Trapezoidal {
    /// Counts alternations of the differences of qdot row by row; true if a row has rung too often.
    fn rings(&mut self, unknowns: &[Unknown], reltol: f64, past: &History, work: &Work) -> bool {
        let (now, before, earlier) = (&work.end.qdot, &past.newest().qdot, &past.back(1).qdot);
        let scale = &work.scale;
        // What Newton has left of its last update is no ringing.
        let (alpha, part, q) = (work.alpha, work.newton.remainder().min(1.0), &work.newton.eval().q);
        let mut ringing = false;
        for (k, count) in self.alternations.iter_mut().enumerate() {
            let (last, next) = (before[k] - earlier[k], now[k] - before[k]);
            let left = if part > 0.0 { 4.0 * part * alpha * (work.end.q[k] - q[k]).abs() } else { 0.0 };
            let tolerance = reltol * scale[k] + unknowns[k].residual_abstol + left;
            let alternates = last * next < 0.0 && last.abs().min(next.abs()) > tolerance;
            *count = if alternates { *count + 1 } else { 0 };
            ringing |= *count >= RINGING;
        }
        ringing
    }
}
