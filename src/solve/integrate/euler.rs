//! Backward Euler, order 1: `(q - q_n)/h + f(x, t) = 0`. L-stable, one-step, needs no past derivative: every other method
//! starts with it. Local error `h^2/2 q''`, from the second divided difference of q.

use super::{Estimate, Integrator, Method, Problem, Work};
use crate::solve::failure::Failure;
use crate::solve::history::{History, difference_weights};

/// Row of the table.
pub const METHOD: Method = Method {
    name: "euler",
    aliases: &["be", "backward-euler", "gear1"],
    title: "backward Euler",
    order: 1,
    reltol: 1e-5,
    filter: 2,
    idle: 1.0,
    make: |_| Box::new(Euler),
};

/// The method; it has no state.
struct Euler;

impl Integrator for Euler {
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
        step(problem, work, past)
    }
}

/// One step, for this method and as the first of others.
///
/// # Errors
/// If Newton fails.
pub fn step(problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
    let (t, start) = (work.end.t, past.newest());
    let h = t - start.t;
    let alpha = 1.0 / h;
    work.beta.iter_mut().zip(&start.q).for_each(|(b, q)| *b = -alpha * q);
    past.predict(t, 2, &mut work.end.x);
    work.solve(problem, alpha, t)?;
    if past.smooth() >= 2 {
        let w = difference_weights(&[t, start.t, past.back(1).t]);
        for (k, e) in work.error.iter_mut().enumerate() {
            *e = h * h * (w[0] * work.end.q[k] + w[1] * start.q[k] + w[2] * past.back(1).q[k]);
        }
    } else if past.slopes() >= 1 {
        for (k, e) in work.error.iter_mut().enumerate() {
            *e = 0.5 * h * (work.end.qdot[k] - start.qdot[k]);
        }
    } else {
        return Ok(Estimate::unverified());
    }
    Ok(Estimate::new(work.measure(alpha), 2))
}
