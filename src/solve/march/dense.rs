//! Rows within the last step: where straight lines between accepted points would not show it.
//!
//! The polynomial of a step is as good as the step where that resolves the waveform. In the jump of a stiff circuit it does not, and
//! the polynomial swings beyond all that it goes through. Such a step gives the points that it was solved at and nothing else.

use super::{March, SAG};
use crate::dae::Want;
use crate::solve::history::Record;

/// Most parts a step is cut into for rows.
const PARTS: usize = 16;
/// How far the polynomial may go beyond the points that it goes through, in units of the swing.
const STRAY: f64 = 5e-3;

/// Space for the rows within a step.
pub(super) struct Dense {
    /// The point evaluated last.
    pub at: Record,
    /// Shares of the step at which there are rows.
    places: Vec<f64>,
    /// Lowest and highest value of each unknown at the points that the step was solved at.
    hull: Vec<(f64, f64)>,
}

impl Dense {
    /// Space for points like this one.
    pub fn new(at: Record) -> Dense {
        let hull = vec![(0.0, 0.0); at.x.len()];
        Dense { at, places: Vec::new(), hull }
    }
}

impl March<'_> {
    /// How many rows the last step gets by dense output so that straight lines show it: 0 if the method has none, or where a
    /// ceiling ruled, whose density somebody has chosen.
    pub fn places(&mut self) -> usize {
        self.dense.places.clear();
        // What jumps at a corner makes the first polynomial of a segment wrong at its left end.
        let first = self.history.smooth() == 2;
        if first || self.ceiling_ruled || !self.reach(0.5) {
            return 0;
        }
        let (start, end) = (self.history.back(1), self.history.newest());
        let share = |j: usize| {
            let (low, high) = self.window.extremes(j);
            let sag = (self.dense.at.x[j] - 0.5 * (start.x[j] + end.x[j])).abs();
            sag / (SAG * (high - low) + self.work.weights.allowed(j, end.x[j]))
        };
        let worst = (0..end.x.len()).map(share).fold(0.0, f64::max);
        let parts = (worst.sqrt().ceil() as usize).clamp(1, PARTS);
        if self.strays(parts) {
            self.dense.places.extend_from_slice(self.integrator.stages());
        } else {
            self.dense.places.extend((1..parts).map(|k| k as f64 / parts as f64));
        }
        self.dense.places.len()
    }

    /// Evaluates the output rows at place `k` of the last step.
    pub fn evaluate_between(&mut self, k: usize) {
        self.completed = false;
        if self.reach(self.dense.places[k]) {
            let (at, problem) = (&self.dense.at, self.given.taken());
            problem.system.eval(&problem.point(&at.x, at.t), Want::OUTPUTS, &mut self.eval);
        }
    }

    /// The point within the last step that was evaluated last.
    pub fn between(&self) -> &Record {
        &self.dense.at
    }

    /// The point at `share` of the last step; false if there is none.
    pub(super) fn reach(&mut self, share: f64) -> bool {
        self.integrator.interpolate(share, &self.history, &mut self.dense.at)
    }

    /// True if the polynomial, looked at in so many parts, goes far beyond the points that it goes through, or out of the range of
    /// a state.
    fn strays(&mut self, parts: usize) -> bool {
        if parts == 1 || self.integrator.stages().is_empty() {
            return false;
        }
        let (start, end) = (self.history.back(1), self.history.newest());
        let ends = start.x.iter().zip(&end.x).map(|(a, b)| (a.min(*b), a.max(*b)));
        self.dense.hull.clear();
        self.dense.hull.extend(ends);
        for k in 0..self.integrator.stages().len() {
            self.reach(self.integrator.stages()[k]);
            let Dense { at, hull, .. } = &mut self.dense;
            hull.iter_mut().zip(&at.x).for_each(|(hull, x)| *hull = (hull.0.min(*x), hull.1.max(*x)));
        }
        let unknowns = &self.given.plan.system.layout().unknowns;
        (1..parts).any(|k| {
            self.integrator.interpolate(k as f64 / parts as f64, &self.history, &mut self.dense.at);
            self.dense.at.x.iter().zip(&self.dense.hull).enumerate().any(|(j, (x, hull))| {
                let (low, high) = self.window.extremes(j);
                let beyond = (hull.0 - x).max(x - hull.1);
                let (bounds, allowed) = (unknowns[j].bounds, self.work.weights.allowed(j, *x));
                let out = (bounds.0 - x).max(x - bounds.1) > allowed;
                beyond > allowed && (out || beyond > STRAY * (high - low))
            })
        })
    }
}
