//! Corners at which nothing happens, and jumps that no step resolves.
//!
//! The moment of a timer is a corner, because what the model does there may be anything. Often it does nothing to the equations: it
//! counts, or looks. Then the step goes on as if nothing had been. And where nothing is dynamic and time alone moves nothing, one
//! step goes from corner to corner.
//!
//! A state may come to a place where its capacitance vanishes (a node that an empty channel alone holds): it arrives there in a finite
//! time with an infinite slope, and jumps. No step is short enough for that. One step of backward Euler goes over it, as a corner.

use super::{FIRED, March};
use crate::dae::{Eval, EventKind, Want};
use crate::solve::source_break;

/// Length of the step that goes over a jump, in units of the longest of its segment.
const OVER: f64 = 1e-6;
/// Trials of that step, and how much longer each is than the one before.
pub(super) const WIDER: (u32, f64) = (5, 10.0);
/// Jumps that no step resolves, gone over by one step each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Leaps {
    /// How many.
    pub count: u64,
    /// Time of the first, s.
    pub first: f64,
    /// How many there may be.
    pub most: u64,
}

impl March<'_> {
    /// Prepares the step that goes over a jump; false if there were too many.
    pub(super) fn leap(&mut self) -> bool {
        if self.leaps.count >= self.leaps.most || self.longest.max(self.uncut) == 0.0 {
            return false;
        }
        if self.leaps.count == 0 {
            self.leaps.first = self.t();
        }
        self.leaps.count += 1;
        self.shortest_leap();
        self.target = None;
        self.history.restart();
        self.controller.restart();
        true
    }

    /// A state that the step has led out of its bounds over more than their range: equations may have solutions out there, and Newton
    /// may take a place where they are steep for one.
    pub(super) fn astray(&self) -> Option<usize> {
        let (ends, starts) = (&self.work.end.x, &self.history.newest().x);
        let out = |(k, low, high): &&(usize, f64, f64)| {
            let x = ends[*k];
            (x < *low || x > *high) && (x - starts[*k]).abs() > high - low
        };
        self.bounded.iter().find(out).map(|(k, ..)| *k)
    }

    /// The step is the shortest that goes over a jump.
    pub(super) fn shortest_leap(&mut self) {
        self.h = OVER * self.longest.max(self.uncut);
    }

    /// True if the corner just reached is one of timers alone and the equations are the same on both sides of it, for `h` at least.
    pub(super) fn quiet(&mut self, h: f64) -> bool {
        let (system, params) = (self.given.plan.system, self.given.plan.params);
        let layout = system.layout();
        let only_timers = layout.tracks == 0 && !layout.events.iter().any(|e| e.kind == EventKind::Change);
        let (before, now) = (self.history.back(1).t, self.t());
        if !only_timers || source_break(system, params, before) <= now {
            return false;
        }
        let mut other = self.spare.take().unwrap_or_else(|| Box::new(Eval::new(system)));
        let same = [now, now + h].into_iter().all(|t| {
            let x = &self.history.newest().x;
            system.eval(&self.given.taken().point(x, t), Want::NEWTON, &mut other);
            self.at_time(t, Want::NEWTON);
            let (a, b) = (&self.eval, &other);
            a.f == b.f && a.q == b.q && a.g == b.g && a.c == b.c
        });
        self.spare = Some(other);
        same && self.straight(now, h)
    }

    /// True if explicit time alone moves no row away from a straight line about `t`.
    fn straight(&mut self, t: f64, h: f64) -> bool {
        let n = self.f_before.len();
        self.at_time(t - h, Want::F);
        self.f_before.copy_from_slice(&self.eval.f[..n]);
        self.at_time(t + h, Want::F);
        self.f_before.iter_mut().zip(&self.eval.f).for_each(|(before, after)| *before = 0.5 * (*before + after));
        self.same_as_before(t)
    }

    /// True if nothing is dynamic and explicit time alone moves nothing until the next corner.
    pub(super) fn still(&mut self) -> bool {
        let (t, corner) = (self.t(), self.corner);
        if self.work.weights.counted.contains(&true) || !corner.is_finite() || self.given.plan.system.layout().tracks > 0 {
            return false;
        }
        let n = self.f_before.len();
        self.at_time(t, Want::F);
        self.f_before.copy_from_slice(&self.eval.f[..n]);
        [0.3, 0.6, 1.0].into_iter().all(|share| self.same_as_before(t + share * (corner - t)))
    }

    /// True if `f` at the unknowns of the newest point and at this time is what was kept.
    fn same_as_before(&mut self, t: f64) -> bool {
        self.at_time(t, Want::F | Want::SCALE);
        let unknowns = &self.given.plan.system.layout().unknowns;
        let mut rows = self.f_before.iter().zip(&self.eval.f).zip(&self.eval.scale).zip(unknowns);
        rows.all(|(((before, now), scale), unknown)| (before - now).abs() <= FIRED * scale + unknown.residual_abstol)
    }
}
