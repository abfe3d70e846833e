//! A stretch of a real transient, recorded: accepted points from a start to an end.
//!
//! Takes charges (or a point) at a time; gives the points that the adaptive march accepts on its way. The mesh of a frozen
//! period is made of their times, without the very short steps that only find out how long a step may be.

use crate::dae::{Eval, Memory, Message, Params, Phase, Point, System, Want};
use crate::solve::history::Record;
use crate::solve::integrate::{Problem, TABLE, Weights, Work, output_charges};
use crate::solve::march::{Ceiling, March, Plan};
use crate::solve::{Counts, SimError, Tolerances, failure::Failure};

use super::shifted::Shifted;

/// A step longer than this many times the one before grew because nothing stood in its way.
const FREE_GROWTH: f64 = 1.7;
/// First step in units of the stretch.
const FIRST: f64 = 1e-5;
/// Points of a stretch at which nothing is begun again.
const MOST: usize = 100_000;
/// Step of the solve that finds the unknowns to given charges, in units of the first step.
const SETTLE: f64 = 1e-6;

/// What a stretch is made with.
#[derive(Clone)]
pub struct Course<'a> {
    /// The equations.
    pub system: &'a dyn System,
    /// Parameter values.
    pub params: &'a Params,
    /// What models remember: nothing.
    pub past: &'a Memory,
    /// What is accurate enough.
    pub tolerances: &'a Tolerances,
    /// Bounds on the step.
    pub ceilings: Vec<Ceiling>,
}

impl<'a> Course<'a> {
    /// What the integrators see of it.
    pub fn problem(&self) -> Problem<'a> {
        Problem { system: self.system, params: self.params, past: self.past, tolerances: self.tolerances }
    }

    /// The point at time `t` with the charges `q` (n of them), whose unknowns are near `x`.
    ///
    /// # Errors
    /// If Newton fails.
    pub fn point(&self, q: &[f64], x: &[f64], t: f64, stretch: f64, counts: &mut Counts) -> Result<Record, Failure> {
        let n = x.len();
        let weights = Weights::new(self.system, self.tolerances.reltol, self.tolerances.trtol);
        let mut work = Work::new(self.system, weights);
        let h = SETTLE * FIRST * stretch;
        work.end.x.copy_from_slice(x);
        work.end.t = t;
        work.beta[..n].iter_mut().zip(q).for_each(|(b, q)| *b = -q / h);
        let solved = work.solve(&self.problem(), 1.0 / h, t);
        *counts += work.counts;
        solved?;
        let mut point = work.end;
        point.q[..n].copy_from_slice(q);
        point.t = t;
        Ok(point)
    }

    /// Accepted points from `start` to the time `stop`, both included; `slope`: the `qdot` of the start holds.
    ///
    /// # Errors
    /// If the transient does not get there.
    pub fn run(&self, start: &Record, slope: bool, stop: f64, counts: &mut Counts) -> Result<Vec<Record>, SimError> {
        let mut points = vec![start.clone()];
        let mut slope = slope;
        loop {
            let last = points.len() - 1;
            let (from, before) = (points[last].clone(), points.len());
            match self.leg(from, slope, stop, &mut points, counts) {
                // Near an explosion the clock is too coarse: it begins again at zero where the march got stuck.
                Err(SimError::StepTooSmall { .. }) if points.len() > before && points.len() < MOST => slope = false,
                other => return other.map(|()| points),
            }
        }
    }

    /// From the last of `points` towards `stop`, by a clock that begins there where time has passed already.
    fn leg(&self, mut from: Record, slope: bool, stop: f64, points: &mut Vec<Record>, counts: &mut Counts) -> Result<(), SimError> {
        let (method, begin, again) = (&TABLE[0], from.t, points.len() > 1);
        let shifted = Shifted { inner: self.system, begin };
        let (system, offset): (&dyn System, f64) = if again { (&shifted, begin) } else { (self.system, 0.0) };
        from.t -= offset;
        let first = if again { FIRST * FIRST * (stop - begin) } else { FIRST * (stop - begin) };
        let plan = Plan {
            system,
            params: self.params,
            tolerances: *self.tolerances,
            method,
            maxord: method.order,
            stop: stop - offset,
            first,
            ceilings: self.ceilings.clone(),
        };
        let mut march = March::new(plan, self.past.clone(), from, slope);
        let mut messages: Vec<Message> = Vec::new();
        let mut outcome = Ok(());
        while !march.done() && outcome.is_ok() {
            outcome = march.advance(&mut messages);
            if outcome.is_ok() {
                let mut point = march.history.newest().clone();
                point.t = if march.done() { stop } else { point.t + offset };
                points.push(point);
            }
        }
        *counts += march.work.counts;
        outcome
    }

    /// The place `x` at `t`.
    pub fn at<'b>(&'b self, x: &'b [f64], t: f64) -> Point<'b> {
        Point { x, t, params: self.params, past: self.past, trial: None, phase: Phase::Transient }
    }

    /// Charges of rows and of output rows at `x`.
    pub fn charges(&self, x: &[f64], t: f64) -> Vec<f64> {
        let mut eval = Eval::new(self.system);
        let mut q = vec![0.0; x.len() + self.system.layout().outputs.len()];
        self.system.eval(&self.at(x, t), Want::Q, &mut eval);
        q[..x.len()].copy_from_slice(&eval.q[..x.len()]);
        output_charges(&self.problem(), &mut eval, x, t, &mut q);
        q
    }
}

/// Indices of the points that make the mesh: both ends, every corner (a step that is much shorter than the one before it), and
/// what the error asked for; the steps that only grow, after the start and after corners, are merged.
pub fn mesh(times: &[f64]) -> Vec<usize> {
    let steps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    let mut kept = vec![0];
    let mut k = 0;
    while k < steps.len() {
        let starts = k == 0 || steps[k] < 0.05 * steps[k - 1];
        if starts {
            while k + 1 < steps.len() && steps[k + 1] > FREE_GROWTH * steps[k] {
                k += 1;
            }
            // The last of the growing steps is as long as all before it together, or longer: one step up to its start.
            if k > kept.last().copied().unwrap_or(0) {
                kept.push(k);
            }
        }
        k += 1;
        kept.push(k);
    }
    kept.dedup();
    kept
}
