//! Over a jump on a clock of its own.
//!
//! What no step resolves may have a way of its own all the same. A state may move within less than the clock can tell (1e-14 s at
//! 0.2 s). A device without capacitance may have several voltages for one current (a barrier that rises with the voltage, a filament
//! that heats itself at once); where the one that it stands at comes to its end, the real device falls to another one, within the
//! time that its stray capacitance takes. So does this step: sources stand, backward Euler follows the motion from zero time on,
//! accuracy loosely kept, and nodes and temperatures have small capacitances, which the last of these steps leaves out.

use super::March;
use crate::solve::failure::Failure;
use crate::solve::integrate::{Estimate, Problem};

/// Steps of the motion in units of its whole time: the first, and the least.
const SHARE: (f64, f64) = (1e-12, 1e-18);
/// Capacitance of nodes over the whole time, S: they follow whatever conducts a thousand times better.
const CONDUCTANCE: f64 = 1e-9;
/// Change in a step of the motion, in units of the size of an unknown: what is aimed at, and what is refused.
const CHANGE: (f64, f64) = (0.05, 0.3);
/// Size of an unknown that has no bounds, in units of its absolute tolerance, where it is near zero.
const FLOOR: f64 = 1e3;
/// How much longer a step may be than the last: at most, after one that failed, and how that factor recovers.
const PACE: (f64, f64, f64) = (10.0, 1.25, 1.2);
/// Steps of the motion.
const STEPS: u32 = 1000;

impl March<'_> {
    /// The step to `work.end.t`; its error is not known.
    pub(super) fn fall(&mut self) -> Result<Estimate, Failure> {
        let plan = &self.given.plan;
        let (system, work, from) = (plan.system, &mut self.work, self.history.newest());
        let (unknowns, stray) = (&system.layout().unknowns, system.param("stray conductance"));
        let (t, whole) = (work.end.t, work.end.t - from.t);
        let watched: Vec<usize> =
            (0..unknowns.len()).filter(|k| system.layout().stray(*k) > 0.0 || work.weights.counted[*k]).collect();
        let floors: Vec<f64> = crate::solve::floors(system.layout()).map(|f| FLOOR * f).collect();
        let range = |k: usize| Some(unknowns[k].bounds.1 - unknowns[k].bounds.0).filter(|range| range.is_finite());
        let (mut params, mut here, mut q) = (plan.params.clone(), from.x.clone(), from.q.clone());
        let (mut gone, mut step, mut pace, mut why) = (0.0, SHARE.0 * whole, PACE.0, Failure::NotFinite);
        work.share = None;
        for _ in 0..STEPS {
            let last = gone + step >= whole;
            step = step.min(whole - gone);
            let g = if last { 0.0 } else { CONDUCTANCE * whole / step };
            work.beta.iter_mut().zip(&q).for_each(|(b, q)| *b = -q / step);
            // A system without this parameter moves without capacitances.
            if stray.is_some_and(|id| system.assign(&mut params, id, system.value(plan.params, id) + g).is_ok()) {
                work.beta.iter_mut().zip(&here).enumerate().for_each(|(k, (b, x))| *b -= g * system.layout().stray(k) * x);
            }
            work.end.x.copy_from_slice(&here);
            let problem = Problem { system, params: &params, past: &self.given.memory, tolerances: &plan.tolerances };
            let change = match work.solve(&problem, 1.0 / step, t) {
                Ok(()) => {
                    let size = |k: usize| range(k).unwrap_or(0.0).max(floors[k]).max(here[k].abs());
                    watched.iter().map(|k| (work.end.x[*k] - here[*k]).abs() / size(*k)).fold(0.0, f64::max)
                }
                Err(failure) => {
                    why = failure;
                    f64::INFINITY
                }
            };
            if change > CHANGE.1 {
                step *= 0.25;
                pace = PACE.1;
                if step < SHARE.1 * whole {
                    break;
                }
                continue;
            }
            work.complete(&problem, t);
            if last {
                return Ok(Estimate::unverified());
            }
            gone += step;
            here.copy_from_slice(&work.end.x);
            q.copy_from_slice(&work.end.q);
            step *= (CHANGE.0 / change.max(1e-12)).clamp(0.3, pace);
            pace = (pace * PACE.2).min(PACE.0);
        }
        Err(why)
    }
}
