//! Backward differentiation (Gear), orders 1 to 5, variable step with exactly fitted coefficients.
//!
//! `qdot` is the derivative at the new point of the polynomial through it and the last k accepted points, whatever their
//! distances, so that the order holds on any sequence of steps (Brayton, Gustavson, Hachtel, Proc. IEEE 60 (1972) 98):
//! `alpha = sum_(j=1..k) 1/(t - t_j)`, `beta = sum_j w_j q_j`. The polynomial misses `d_k = q[t, t_1 .. t_(k+1)] (t - t_1) .. (t - t_k)`
//! of the derivative, hence the error in q is `d_k/alpha_k`. The same at k - 1 and k + 1 tells which order allows the
//! longest step; it is asked every k + 1 steps, and the step grows only then, which keeps the formulas stable.

use super::{Estimate, Integrator, Method, Problem, Work, euler};
use crate::solve::failure::Failure;
use crate::solve::history::{History, MOST, difference_weights, slope_weights};
use crate::solve::step::AIM;

/// Row of the table.
pub const METHOD: Method = Method {
    name: "gear",
    aliases: &["bdf", "ndf"],
    title: "Gear (BDF), variable order",
    order: 5,
    reltol: 1e-6,
    filter: 0,
    idle: 1.1,
    make: |highest| Box::new(Gear { order: 1, lowest: 1, highest: highest.clamp(1, 5), steady: 0, next: 1 }),
};

/// The formula of one order, as soon as there are points enough.
pub fn of_order(order: u32) -> Box<dyn Integrator> {
    let order = order.clamp(1, 5);
    Box::new(Gear { order: order as usize, lowest: order, highest: order, steady: 0, next: order as usize })
}

/// The method: order of this step and of the next, lowest and highest order, steps since order or step changed.
struct Gear {
    order: usize,
    lowest: u32,
    highest: u32,
    steady: usize,
    next: usize,
}

/// Pessimism about the step that another order allows: lower, same, higher.
const BIAS: [f64; 3] = [1.3, 1.2, 1.4];
/// An error so far below the limit that nothing is lost by growing at once (starts).
const FAR: f64 = 0.01;
/// Highest order that is stable wherever the equations are.
const STABLE: usize = 2;
/// An error that is hardly more than what Newton and rounding leave.
const NOTHING: f64 = 1e-3;
/// Longest growth of a step at once.
const GROWTH: f64 = 2.0;

impl Integrator for Gear {
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
        work.foresight.begin(0.0);
        if past.smooth() == 1 {
            (self.order, self.next, self.steady) = (self.lowest as usize, self.lowest as usize, 0);
            return euler::step(problem, work, past);
        }
        let order = self.order.min(past.smooth());
        let times = times(work.end.t, past);
        let weights = slope_weights(&times[..=order]);
        work.beta.fill(0.0);
        for (j, weight) in weights[1..=order].iter().enumerate() {
            work.beta.iter_mut().zip(&past.back(j).q).for_each(|(b, q)| *b += weight * q);
        }
        past.predict(work.end.t, order + 1, &mut work.end.x);
        if past.smooth() > order {
            let own: f64 = times[1..=order].iter().map(|s| 1.0 / (times[0] - s)).sum();
            work.foresight.begin(1.0 / (own * (times[0] - times[order + 1])));
        }
        if let Some(error) = work.attempt(problem, weights[0], work.end.t)? {
            return Ok(Estimate { growth: 1.0, ..Estimate::new(error, order as u32 + 1) });
        }
        if past.smooth() < order + 1 {
            // Only after a start whose derivative was given; the order below has its estimate.
            return Ok(Estimate { growth: 1.0, ..self.estimate(work, past, order - 1, weights[0]) });
        }
        let mut estimate = self.estimate(work, past, order, weights[0]);
        work.foresight.end(work.newton.moved(), estimate.error);
        self.next = self.order;
        // Between choices the step stays as it is while it holds.
        (estimate.growth, estimate.next_error) = (1.0, estimate.error.min(AIM));
        if (self.steady >= order || estimate.error < FAR) && estimate.error <= 1.0 {
            self.choose(work, past, order, weights[0], &mut estimate);
        }
        Ok(estimate)
    }

    fn judged(&mut self, _problem: &Problem, accepted: bool, past: &History, work: &mut Work) {
        if !accepted {
            self.steady = 0;
            return;
        }
        let same_step = past.smooth() < 2 || {
            let (h, before) = (work.end.t - past.newest().t, past.newest().t - past.back(1).t);
            (h / before - 1.0).abs() < 1e-3
        };
        self.steady = if self.next != self.order || !same_step { 0 } else { self.steady + 1 };
        self.order = self.next;
    }
}

impl Gear {
    /// Error of the formula of `order` for the step just solved with the pencil of `alpha`.
    fn estimate(&self, work: &mut Work, past: &History, order: usize, alpha: f64) -> Estimate {
        let times = times(work.end.t, past);
        let weights = difference_weights(&times[..order + 2]);
        let reach: f64 = times[1..=order].iter().map(|s| times[0] - s).product();
        let own: f64 = times[1..=order].iter().map(|s| 1.0 / (times[0] - s)).sum();
        let part = reach / own;
        work.error.iter_mut().zip(&work.end.q).for_each(|(e, q)| *e = part * weights[0] * q);
        for (j, weight) in weights[1..order + 2].iter().enumerate() {
            work.error.iter_mut().zip(&past.back(j).q).for_each(|(e, q)| *e += part * weight * q);
        }
        Estimate::new(work.measure(alpha), order as u32 + 1)
    }

    /// Chooses the next order and lets the step grow.
    fn choose(&mut self, work: &mut Work, past: &History, order: usize, alpha: f64, estimate: &mut Estimate) {
        // Where something else limits the step, the order with the least error is the best; equal ones keep the order.
        let far = estimate.error < FAR;
        let cost = |error: f64, order: usize, bias: f64| match far {
            true => error,
            false => bias * error.max(1e-12).powf(1.0 / (order as f64 + 1.0)),
        };
        let mut best = (cost(estimate.error, order, BIAS[1]), order, *estimate);
        // An error that is nearly nothing tells orders apart by rounding alone; higher ones are left all the same, for a kink behind.
        let lower = order > self.lowest as usize && (order > STABLE || estimate.error > NOTHING);
        let (lower, higher) = (lower, order < self.highest as usize && past.smooth() >= order + 2);
        for (other, bias, possible) in [(order.wrapping_sub(1), BIAS[0], lower), (order + 1, BIAS[2], higher)] {
            if possible {
                let there = self.estimate(work, past, other, alpha);
                let cost = cost(there.error, other, bias);
                if cost < best.0 {
                    best = (cost, other, there);
                }
            }
        }
        self.next = best.1.max(self.lowest as usize);
        estimate.next_error = best.2.error;
        estimate.next_exponent = best.2.exponent;
        estimate.growth = GROWTH;
    }
}

/// The new point's time and those of the points before it, newest first.
fn times(t: f64, past: &History) -> [f64; MOST] {
    let mut times = [0.0; MOST];
    times[0] = t;
    for (k, time) in times.iter_mut().enumerate().skip(1) {
        *time = past.back(k - 1).t;
    }
    times
}
