//! Newton of a time step that stops where the error of the step itself makes more digits worthless, and that keeps factors.
//!
//! Takes what [`Newton::solve`] takes, and the weights of the local error; gives a solution of which at most [`LOOSE`] of the local
//! error that the step is allowed is left to Newton, unknown by unknown. What is left after an update of weight w (in tolerances
//! of the step) is `w r/(1 - r)` with r the rate of convergence: measured, as soon as two iterations follow each other; before
//! that, the rate of the solves before: `r` of the factors at hand, or curvature times w after a factorisation.
//!
//! A *chord* iteration evaluates f and q only and solves with factors of before, a *fresh* one evaluates derivatives and factors.
//! Factors made for another alpha are used with the update scaled by `2/(1 + ratio)` (Brown, Byrne, Hindmarsh, SIAM J. Sci.
//! Stat. Comput. 10 (1989) 1038): charges and currents are then off by the same rate `|ratio - 1|/(ratio + 1)`. Which kind comes next
//! is decided by the operations that each is expected to cost, never by a clock.

use super::{Implicit, Newton, Report};
use crate::dae::{System, Want};
use crate::solve::Counts;
use crate::solve::failure::Failure;
use crate::solve::integrate::Weights;
use crate::solve::rounding;

/// Share of the local error allowed that Newton may leave. A tenth takes 3 % (a pair of threshold oscillators) to 11 % (a crossbar)
/// fewer iterations at reltol 1e-3, but the period of that pair, 1 % from Radau's at 1e-5 both with this and with a tight Newton,
/// is then 3 % off to the other side.
pub const LOOSE: f64 = 0.01;
/// The same where the error of the step is foreseen: part of it, and the least. What Newton leaves is not damped like local errors, and
/// counts where these are small: close to the fold at which a threshold oscillator jumps.
const PART: f64 = 0.05;
const LEAST: f64 = 0.001;
/// A chord iteration that converges more slowly than this asks for new factors.
const SLOW: f64 = 0.5;
/// Factors of an alpha this far off, as a rate, are not used.
const FAR: f64 = 0.12;
/// What is believed of the rate with new factors in the next solve.
const GUESS: f64 = 0.2;
/// How much worse a rate is believed to be after each solve that did not measure it.
const AGE: f64 = 1.3;
/// Part of an older rate that a better one does not take away at once.
const MEMORY: f64 = 0.3;
/// What is left after each measurement of the worst rate with factors of before, and of the worst curvature: the one changes from
/// circuit to circuit, the other along an edge.
const FADING: (f64, f64) = (0.97, 0.5);
/// An update larger than this, in units of those at which a rate was measured, does not trust it.
const REACH: f64 = 2.0;
/// Solves in sequence that may believe in a rate without measuring it.
const UNSEEN: u32 = 4;
/// Updates below this say nothing about rates: rounding.
const LITTLE: f64 = 1e-6;
/// Iterations without progress that end a solve, and what is progress. Where a step leads over a fold no solution is near, and one
/// that is found far away after some wandering is another one: a shorter step is cheaper, and right.
const STALLED: (u32, f64) = (2, 0.7);
/// Operations for each entry that moves, evaluated without and with derivatives, and for each entry of the pattern.
const EVALUATION: (f64, f64, f64) = (12.0, 30.0, 4.0);
/// Operations of dense fronts that take the time of one in single columns.
const DENSE: f64 = 6.0;
/// No more chord iterations than these are ever worth it.
const MOST: f64 = 50.0;
/// Operations that any iteration takes.
const OVERHEAD: f64 = 200.0;

/// What one solve leaves for the next.
pub(super) struct Kept {
    /// Of the factors at hand; NaN if there are none to be used again.
    alpha: f64,
    /// Rate of convergence with them.
    rate: f64,
    /// Rate of convergence lately in solves that began with factors of before.
    stale: f64,
    /// Rate of a fresh iteration for each unit of its update.
    curvature: f64,
    /// Weight of the first update of the solves before.
    first: f64,
    /// Largest first updates at which the rate and the curvature were measured.
    reach: (f64, f64),
    /// Solves by chords since the rate was measured.
    unseen: u32,
    /// What was left of the last update, as a part of it.
    remainder: f64,
    /// Operations of a chord and of a fresh iteration.
    costs: (f64, f64),
    /// Entries of the factors that these costs are of.
    entries: usize,
    /// Starting values.
    start: Vec<f64>,
    /// The first update of the last solve, in tolerances of what counts in the local error.
    moved: f64,
}

impl Kept {
    pub(super) fn new(n: usize) -> Kept {
        let start = vec![0.0; n];
        Kept {
            alpha: f64::NAN,
            rate: GUESS,
            stale: 0.0,
            curvature: 1.0,
            first: 1.0,
            reach: (0.0, 0.0),
            unseen: 0,
            remainder: 0.0,
            costs: (1.0, 2.0),
            entries: usize::MAX,
            start,
            moved: f64::NAN,
        }
    }

    /// The factors are not to be used again.
    pub(super) fn forget(&mut self) {
        self.alpha = f64::NAN;
    }

    /// A solve begins that leaves nothing to be learned from.
    pub(super) fn pause(&mut self) {
        self.forget();
        self.moved = f64::NAN;
    }
}

/// An iteration on its way.
struct Pass {
    /// Derivatives are evaluated and factored.
    fresh: bool,
    /// Weight of the update before this one; infinite for none that compares.
    last: f64,
    /// The update before was a fresh one.
    after_fresh: bool,
    /// All updates so far came from factors of before.
    old: bool,
    /// Smallest weight so far, and iterations since.
    best: (f64, u32),
}

impl Newton {
    /// Solves `eq` from `x` until `share` of the local error that `weights` allow is left. Its error will be about `milne` times its
    /// first update, if that is not 0: if it will be too large the solve ends there.
    ///
    /// # Errors
    /// See [`Newton::solve`]; [`Failure::Hopeless`].
    pub fn follow(
        &mut self,
        system: &dyn System,
        eq: &Implicit,
        (weights, mut share, milne): (&Weights, f64, f64),
        (x, limit): (&mut [f64], u32),
        counts: &mut Counts,
    ) -> Result<Report, Failure> {
        let mut report = Report::default();
        self.kept.start.copy_from_slice(x);
        self.kept.moved = f64::NAN;
        let mut pass = Pass::new(self.begins_fresh(eq.alpha, share));
        if pass.fresh {
            self.kept.stale *= FADING.0;
        }
        if pass.fresh || !self.evaluate_chord(system, eq, x, counts) {
            self.restart(system, eq, &mut pass, x, counts)?;
        }
        while report.iterations < limit {
            report.iterations += 1;
            counts.iterations += 1;
            if pass.fresh {
                self.renew(eq, counts)?;
            }
            let mismatch = self.turn(eq, counts);
            if self.moving == 0 && mismatch == 0.0 {
                // The exact solution, whatever the update.
                self.kept.remainder = 0.0;
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                return Ok(report);
            }
            let (unknown, weight) = weights.largest(&self.update, x);
            report.worst_unknown = (unknown, self.update[unknown]);
            self.report = report;
            if report.iterations == 1 {
                let (unknown, moved) = weights.norm(&self.update, x);
                self.kept.moved = moved;
                let foreseen = milne * moved;
                if foreseen > 1.0 && foreseen.is_finite() {
                    return Err(Failure::Hopeless(unknown, foreseen));
                }
                if foreseen > 0.0 {
                    share = (PART * foreseen).max(LEAST);
                }
            }
            let limited = pass.fresh && self.eval.advice.limited;
            let rate = self.rate(&pass, weight, mismatch);
            self.kept.remainder = if rate < 1.0 { rate / (1.0 - rate) } else { f64::INFINITY };
            if !limited && self.enough(&pass, weight, rate, share) {
                self.settle(&pass, weight, report.iterations);
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                return Ok(report);
            }
            let stands = pass.last.is_finite() && weight > SLOW * pass.last && !limited;
            let part = share * rounding::slack(weight / pass.last);
            if stands && self.rounds(eq.alpha, |j| part * weights.allowed(j, x[j])) {
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                return Ok(report);
            }
            // Numbers that are none count as slow.
            let (fast, falls) = (weight <= SLOW * pass.last, weight < pass.last);
            if !pass.fresh && !fast {
                // These factors are too old.
                if !falls {
                    x.copy_from_slice(&self.kept.start);
                }
                self.restart(system, eq, &mut pass, x, counts)?;
                continue;
            }
            if pass.stalls(weight) && !limited {
                break;
            }
            if report.iterations == 1 {
                self.kept.first = weight.min(1e6).max(0.5 * self.kept.first);
            }
            pass.last = if limited { f64::INFINITY } else { weight };
            pass.after_fresh = pass.fresh;
            pass.old &= !pass.fresh;
            pass.fresh = limited || self.prefers_fresh(weight, rate, share);
            if pass.fresh {
                let (row, residual) = self.judge_residual(system, eq, weights.relative);
                report.worst_row = (row, self.residual[row]);
                self.advance(system, eq, x, residual, counts)?;
            } else {
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                if !self.evaluate_chord(system, eq, x, counts) {
                    x.copy_from_slice(&self.kept.start);
                    self.restart(system, eq, &mut pass, x, counts)?;
                }
            }
        }
        self.kept.forget();
        Err(Failure::NoConvergence(report))
    }

    /// alpha of the factors at hand, if they are kept; otherwise `alpha`.
    pub fn alpha_of_factors(&self, alpha: f64) -> f64 {
        if self.kept.alpha.is_nan() { alpha } else { self.kept.alpha }
    }

    /// How far the first update of the last [`Newton::follow`] led, in tolerances of what counts in the local error.
    pub fn moved(&self) -> f64 {
        self.kept.moved
    }

    /// How far the solution of the last [`Newton::follow`] may be off, as a part of the last update.
    pub fn remainder(&self) -> f64 {
        self.kept.remainder
    }

    /// A fresh iteration comes next, at `x`, which compares with nothing before it.
    fn restart(
        &mut self,
        system: &dyn System,
        eq: &Implicit,
        pass: &mut Pass,
        x: &[f64],
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        (pass.fresh, pass.last, pass.after_fresh, pass.old) = (true, f64::INFINITY, false, false);
        self.begin(system, eq, x, counts)
    }

    /// f and q at `x`; false if something is not finite.
    fn evaluate_chord(&mut self, system: &dyn System, eq: &Implicit, x: &[f64], counts: &mut Counts) -> bool {
        counts.evaluations += 1;
        system.eval(&eq.point(x, None), Want::RESIDUAL, &mut self.eval);
        self.assemble_residual(eq, x);
        self.finite()
    }

    /// Factors the derivatives at hand.
    fn renew(&mut self, eq: &Implicit, counts: &mut Counts) -> Result<(), Failure> {
        self.kept.forget();
        self.assemble_matrix(eq)?;
        self.factor(counts)?;
        if self.kept.entries != self.lu.entries() {
            self.kept.entries = self.lu.entries();
            let solve = 2.0 * self.lu.entries() as f64;
            let factor = self.lu.flops() / if self.lu.has_fronts() { DENSE } else { 1.0 };
            let entries = EVALUATION.2 * self.values.len() as f64;
            let moving = self.moving as f64;
            self.kept.costs.0 = EVALUATION.0 * moving + entries + solve + OVERHEAD;
            self.kept.costs.1 = EVALUATION.1 * moving + 2.0 * entries + factor + solve + OVERHEAD;
        }
        self.kept.alpha = eq.alpha;
        self.kept.reach.0 = 0.0;
        self.kept.rate = if self.moving == 0 { 0.0 } else { GUESS };
        Ok(())
    }

    /// The update with the factors at hand; the rate that another alpha alone makes.
    fn turn(&mut self, eq: &Implicit, counts: &mut Counts) -> f64 {
        self.direction();
        counts.solves += 1;
        let ratio = eq.alpha / self.kept.alpha;
        if ratio != 1.0 {
            let scale = 2.0 / (1.0 + ratio);
            self.update.iter_mut().for_each(|dx| *dx *= scale);
        }
        (ratio - 1.0).abs() / (ratio + 1.0)
    }

    /// The rate of convergence after this update, and what it teaches.
    fn rate(&mut self, pass: &Pass, weight: f64, mismatch: f64) -> f64 {
        if self.moving == 0 {
            return mismatch;
        }
        let kept = &mut self.kept;
        if !pass.last.is_finite() {
            return if pass.fresh { kept.curvature * weight } else { kept.rate.max(mismatch) };
        }
        let measured = weight / pass.last.max(LITTLE);
        if pass.after_fresh && pass.last > LITTLE {
            kept.curvature = (measured / pass.last).max(FADING.1 * kept.curvature);
            kept.reach.1 = pass.last.max(FADING.1 * kept.reach.1);
        }
        if pass.fresh {
            // Quadratic, or nearly so: a kink on the way makes it linear.
            return measured * measured.max(0.1);
        }
        if pass.old {
            kept.stale = measured.min(1.0).max(FADING.0 * kept.stale);
        }
        kept.rate = measured.max(MEMORY * kept.rate);
        kept.reach.0 = pass.last.max(FADING.1 * kept.reach.0);
        kept.rate
    }

    /// True if what this update leaves may be left: all of the share if the rate is measured, less of it if it is only believed,
    /// and no belief is trusted that was won with smaller updates, or too long ago: factors that are too stiff make small updates.
    fn enough(&self, pass: &Pass, weight: f64, rate: f64, share: f64) -> bool {
        let kept = &self.kept;
        let left = weight * kept.remainder;
        if self.moving == 0 {
            return left <= share;
        }
        if pass.last.is_finite() {
            return left <= share || pass.fresh && weight.max(pass.last) <= share;
        }
        let (reach, seen) = if pass.fresh { (kept.reach.1, true) } else { (kept.reach.0, kept.unseen < UNSEEN) };
        seen && (left <= share && weight <= REACH * reach || weight <= share && rate < SLOW)
    }

    /// Remembers what a solve that needed no measurement believed.
    fn settle(&mut self, pass: &Pass, weight: f64, iterations: u32) {
        if iterations == 1 {
            self.kept.first = weight.min(1e6).max(0.5 * self.kept.first);
        }
        if pass.last.is_finite() {
            self.kept.unseen = 0;
            return;
        }
        match pass.fresh {
            true => self.kept.curvature *= AGE,
            false => {
                self.kept.rate *= AGE;
                self.kept.unseen += 1;
            }
        }
    }

    /// True if a solve with this alpha should begin with new factors.
    fn begins_fresh(&self, alpha: f64, share: f64) -> bool {
        let kept = &self.kept;
        let ratio = alpha / kept.alpha;
        let mismatch = (ratio - 1.0).abs() / (ratio + 1.0);
        let near = mismatch < FAR;
        if !near {
            return true;
        }
        if self.moving == 0 {
            return mismatch * kept.first > share;
        }
        let rate = kept.rate.max(mismatch).max(kept.stale);
        let chords = 1.0 + more(kept.first, rate, share);
        let second = if kept.curvature * kept.first * kept.first > share { kept.costs.0 } else { 0.0 };
        rate >= SLOW || chords * kept.costs.0 > kept.costs.1 + second
    }

    /// True if after an update of this weight, at this rate, new factors cost less than going on without.
    fn prefers_fresh(&self, weight: f64, rate: f64, share: f64) -> bool {
        if self.moving == 0 {
            return rate > 1e-3;
        }
        let kept = &self.kept;
        let chords = more(weight, rate, share).max(1.0);
        let left = weight * rate;
        let second = if kept.curvature * left * left > share { kept.costs.0 } else { 0.0 };
        rate >= SLOW || chords * kept.costs.0 > kept.costs.1 + second
    }
}

impl Pass {
    fn new(fresh: bool) -> Pass {
        Pass { fresh, last: f64::INFINITY, after_fresh: false, old: !fresh, best: (f64::INFINITY, 0) }
    }

    /// True if iterations lead nowhere.
    fn stalls(&mut self, weight: f64) -> bool {
        if weight < STALLED.1 * self.best.0 {
            self.best = (weight, 0);
        } else {
            self.best.1 += 1;
        }
        self.best.1 >= STALLED.0
    }
}

/// Iterations at a rate that are needed after an update of this weight.
fn more(weight: f64, rate: f64, share: f64) -> f64 {
    if rate <= 0.0 || weight <= 0.0 {
        return 0.0;
    }
    let mut left = weight * rate / (1.0 - rate);
    let mut count = 0.0;
    while left > share || left.is_nan() {
        if rate >= 1.0 || count == MOST {
            return f64::INFINITY;
        }
        (left, count) = (left * rate, count + 1.0);
    }
    count
}
