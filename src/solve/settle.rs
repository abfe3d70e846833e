//! Pseudo-transient: backward Euler from any point to where the motion ends, accuracy loosely kept.
//!
//! `(q(x) - q_last) / h + f(x) = 0`, h growing while little changes, so that an attractor is reached along the flow and
//! not whichever root Newton finds first. Held rows stay held. On request nodes get a pseudo-capacitance to ground,
//! by the `shunt` parameter and its share of the constant term.

use crate::dae::{Eval, Layout, ParamId, Params, Want};

use super::Counts;
use super::failure::Failure;
use super::newton::{Implicit, Newton};
use super::statics::Statics;

/// How the motion is followed.
#[derive(Clone, Copy, Debug)]
pub struct Settling {
    /// First step, s.
    pub first: f64,
    /// Capacitance from every node to ground, F.
    pub capacitance: f64,
}

/// Steps in all, and those after which the change in a step is no longer limited: what still moves then is an oscillation,
/// which large steps damp.
const STEPS: (u32, u32) = (1500, 800);
/// Relative change in a step that is aimed at, and that is refused.
const CHANGE: (f64, f64) = (0.05, 0.3);
/// Change in three steps below which the end is tried; how near it must be.
const QUIET: (f64, f64) = (1e-2, 0.1);
/// Step, in units of the first, below which a change is a jump that no step makes smaller: what follows a source without charge.
const SHORT: f64 = 1e-9;
/// Longest step, s: what has not come to rest in such a time never will.
const LONGEST: f64 = 1e9;
/// Size of an unknown in units of its absolute tolerance below which its changes do not count.
const FLOOR: f64 = 1e3;

/// Leads `x` along the flow to a solution.
///
/// # Errors
/// If the motion does not end, or leads where the equations cannot be evaluated; `x` is then the last point.
pub fn settle(
    statics: &Statics,
    newton: &mut Newton,
    params: &Params,
    how: Settling,
    x: &mut [f64],
    counts: &mut Counts,
) -> Result<(), Failure> {
    let mut motion = Motion::new(statics, params, how, x)?;
    let (mut h, mut quiet) = (how.first, 0);
    for step in 0..STEPS.0 {
        match motion.step(newton, h, counts) {
            Ok(change) if change > CHANGE.1 && step < STEPS.1 && h > SHORT * how.first => h *= (0.5 * CHANGE.0 / change).max(0.05),
            Ok(change) => {
                motion.accept();
                x.copy_from_slice(&motion.here);
                if let Some(k) = outside(statics.system.layout(), x) {
                    return Err(Failure::Escaped(k));
                }
                quiet = if change < QUIET.0 { quiet + 1 } else { 0 };
                if quiet >= 3 && quiet % 3 == 0 && motion.ends(newton, params, x, counts) {
                    return Ok(());
                }
                h *= (CHANGE.0 / change.max(1e-12)).clamp(0.3, 4.0);
                if h > LONGEST {
                    break;
                }
            }
            Err(failure) => {
                h *= 0.125;
                if h < how.first * 1e-6 {
                    return Err(failure);
                }
            }
        }
    }
    Err(Failure::NoConvergence(Default::default()))
}

/// The point reached, and what a step from it needs.
struct Motion<'a> {
    statics: &'a Statics<'a>,
    params: Params,
    shunt: Option<(ParamId, f64, f64)>,
    eval: Eval,
    here: Vec<f64>,
    next: Vec<f64>,
    beta: Vec<f64>,
    size: Vec<f64>,
}

impl<'a> Motion<'a> {
    fn new(statics: &'a Statics<'a>, params: &Params, how: Settling, x: &[f64]) -> Result<Motion<'a>, Failure> {
        let system = statics.system;
        let shunt = system.param("shunt").filter(|_| how.capacitance > 0.0);
        let floors = super::floors(system.layout()).map(|f| f * FLOOR);
        let mut motion = Motion {
            statics,
            params: params.clone(),
            shunt: shunt.map(|id| (id, system.value(params, id), how.capacitance)),
            eval: Eval::new(system),
            here: x.to_vec(),
            next: x.to_vec(),
            beta: vec![0.0; x.len()],
            size: floors.zip(x).map(|(floor, x)| floor.max(x.abs())).collect(),
        };
        motion.remember();
        Ok(motion)
    }

    /// q of the point reached.
    fn remember(&mut self) {
        let point = self.statics.point(&self.params, &self.here);
        self.statics.system.eval(&point, Want::Q | Want::C, &mut self.eval);
    }

    /// Solves the step into `next`; returns the largest relative change of an unknown that has a charge.
    fn step(&mut self, newton: &mut Newton, h: f64, counts: &mut Counts) -> Result<f64, Failure> {
        let layout = self.statics.system.layout();
        self.beta.iter_mut().zip(&self.eval.q).for_each(|(beta, q)| *beta = -q / h);
        if let Some((id, base, capacitance)) = self.shunt {
            super::walk::assign(self.statics, &mut self.params, id, base + capacitance / h)?;
            for (k, _) in layout.unknowns.iter().enumerate().filter(|(_, u)| u.node) {
                self.beta[k] -= capacitance / h * self.here[k];
            }
        }
        self.next.copy_from_slice(&self.here);
        let eq = Implicit { alpha: 1.0 / h, beta: &self.beta, ..self.statics.equation(&self.params) };
        newton.solve(self.statics.system, &eq, &self.statics.tolerances, &mut self.next, counts)?;
        let pattern = self.statics.system.pattern();
        let moves =
            |j: usize| pattern.column(j).any(|s| self.eval.c[s] != 0.0) || (self.shunt.is_some() && layout.unknowns[j].node);
        let change = |j: usize| (self.next[j] - self.here[j]).abs() / self.size[j];
        Ok((0..self.here.len()).filter(|j| moves(*j)).map(change).fold(0.0, f64::max))
    }

    fn accept(&mut self) {
        std::mem::swap(&mut self.here, &mut self.next);
        self.size.iter_mut().zip(&self.here).for_each(|(size, x)| *size = size.max(x.abs()));
        self.remember();
    }

    /// True, with the solution in `x`, if there is one right here.
    fn ends(&mut self, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> bool {
        self.next.copy_from_slice(&self.here);
        let solved = self.statics.solve(newton, params, &mut self.next, counts).is_ok();
        let far = |((next, here), size): ((&f64, &f64), &f64)| (next - here).abs() > QUIET.1 * size;
        if !solved || self.next.iter().zip(&self.here).zip(&self.size).any(far) {
            return false;
        }
        x.copy_from_slice(&self.next);
        true
    }
}

/// The first unknown that is outside of its bounds by more than its absolute tolerance: a state that rests on a bound may stand
/// beyond it by rounding.
pub fn outside(layout: &Layout, x: &[f64]) -> Option<usize> {
    layout.unknowns.iter().zip(x).position(|(unknown, x)| {
        let slack = layout.quantities[unknown.quantity as usize].abstol;
        *x < unknown.bounds.0 - slack || *x > unknown.bounds.1 + slack
    })
}
