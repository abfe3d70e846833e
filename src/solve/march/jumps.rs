//! Jumps in explicit time that nobody has announced (decision 21): a step over which time alone changes a row of f by more
//! than half of its scale. Where tolerances are loose, what changes along a straight line, as on the ramp of a pulse, is none.

use super::{March, RESOLVED, Trial};
use crate::dae::Want;

/// A change of a row through explicit time alone that is too much for one step, in units of its scale.
pub(super) const JUMP: f64 = 0.5;
/// How far a change may be from a straight line, in units of the scale, and where in the step that is looked at: a narrow edge
/// in the middle of the step is even only there.
const UNEVEN: (f64, [f64; 2]) = (0.1, [0.25, 0.6]);
/// Accepted steps between two looks at explicit time, while the step does not grow: at least, and where little moves.
const LOOK_EVERY: (u32, u32) = (8, 64);
/// A change that is little, in units of the scale.
const LITTLE: f64 = 0.05;

/// When explicit time was looked at.
pub(super) struct Watch {
    /// Accepted steps since.
    since: u32,
    /// Steps between two looks.
    every: u32,
    /// Steps up to this length need none, s.
    longest: f64,
}

impl Watch {
    /// The next step is to be looked at.
    pub fn due() -> Watch {
        Watch { since: LOOK_EVERY.1, every: LOOK_EVERY.0, longest: 0.0 }
    }
}

impl March<'_> {
    /// True if explicit time alone changes some row too much within the trial step.
    pub(super) fn jumps(&mut self, trial: &Trial) -> bool {
        self.leapt = false;
        if self.history.smooth() < 2 || (self.watch.since < self.watch.every && trial.h <= self.watch.longest) {
            self.watch.since += 1;
            return false;
        }
        let start = self.history.newest().t;
        let plan = &self.given.plan;
        // On a flat of all sources there is nothing to look at.
        let moves = !plan.system.same_time(plan.params, [start, trial.t]) && self.moves(start, trial.t);
        let share = |k: usize| (self.f_after[k] - self.f_before[k]).abs() / self.scales[k].max(f64::MIN_POSITIVE);
        let largest = if moves { (0..self.scales.len()).map(share).fold(0.0, f64::max) } else { 0.0 };
        let jumps = largest > JUMP * (1.0 + 1e-9) && (!self.relaxed || self.uneven(start, trial.t));
        if jumps && trial.h <= RESOLVED * self.longest {
            // No step resolves it: over it, and on from there as after a corner.
            self.leapt = true;
            return false;
        }
        let every = if self.relaxed && largest < LITTLE { (2 * self.watch.every).min(LOOK_EVERY.1) } else { LOOK_EVERY.0 };
        let longest = if moves || !self.relaxed { 1.1 * trial.h } else { self.watch.longest.max(1.1 * trial.h) };
        (self.watch.since, self.watch.every, self.watch.longest) = if jumps { (every, every, 0.0) } else { (0, every, longest) };
        jumps
    }

    /// True if explicit time alone changes f between two times; the rows are then in place, and their scales know of it.
    fn moves(&mut self, start: f64, end: f64) -> bool {
        let (n, wanted) = (self.f_before.len(), Want::F | Want::SCALE);
        self.at_time(start, wanted);
        self.f_before.copy_from_slice(&self.eval.f[..n]);
        self.at_time(end, wanted);
        self.f_after.copy_from_slice(&self.eval.f[..n]);
        self.scales.iter_mut().zip(&self.eval.scale).for_each(|(largest, scale)| *largest = largest.max(*scale));
        let moves = self.f_before != self.f_after;
        if moves {
            // What time alone has done since the beginning counts too: where unknowns follow a source, f itself stays small.
            self.at_time(0.0, Want::F);
            let since = self.f_after.iter().zip(&self.eval.f).map(|(now, then)| (now - then).abs());
            self.scales.iter_mut().zip(since).for_each(|(largest, change)| *largest = largest.max(change));
        }
        moves
    }

    /// Evaluates what is wanted with the unknowns of the newest point at another time.
    pub(super) fn at_time(&mut self, t: f64, wanted: Want) {
        let problem = self.given.problem();
        problem.system.eval(&problem.point(&self.history.newest().x, t), wanted, &mut self.eval);
        self.work.counts.evaluations += 1;
    }

    /// True if the change within the step is no straight line.
    fn uneven(&mut self, start: f64, end: f64) -> bool {
        UNEVEN.1.into_iter().any(|share| {
            self.at_time(start + share * (end - start), Want::F);
            let ends = self.f_before.iter().zip(&self.f_after).map(|(before, after)| before + share * (after - before));
            let mut rows = ends.zip(&self.eval.f).zip(&self.scales);
            rows.any(|((line, there), scale)| (line - there).abs() > UNEVEN.0 * scale)
        })
    }
}
