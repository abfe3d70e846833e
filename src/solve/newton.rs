//! Newton on `r(x) = alpha q(x) + beta + f(x, t) = 0` with the pencil `J = G + alpha C`.
//!
//! Takes a [`System`], the algebraic problem of one solve ([`Implicit`]) and a starting point; gives the solution in place,
//! or a [`Failure`]. The test has a scale (decision 7): a point is accepted when at the same iterate
//! `|r_k| <= reltol_n scale_k + residual_abstol_k` and `|dx_j| <= reltol_n |x_j| + abstol_j`, with `reltol_n = 1e-3 reltol`,
//! and no probe is limited. Steady problems (`alpha = 0`) then go on until the update stops falling; the others until
//! what is left is estimated below 1e-12, which quadratic convergence mostly gives for nothing and which circuits with a
//! symmetry need, because there the smallest remnant decides which of two equal devices switches.
//!
//! Limiting (decision 8): the first evaluation of a solve has no `trial`, so nothing is limited and `Eval::trial` comes back
//! with the plain probe values; every further evaluation is handed the `Eval::trial` of the iterate before it. A first
//! evaluation that is not finite is repeated with a trial of zeros, so that exponentials are approached from rest.

use crate::dae::{Eval, Memory, Params, Phase, Point, System, Want};
use crate::sparse::Lu;

use super::failure::Failure;
use super::rows::SpecialRows;
use super::{Counts, Tolerances, rounding};

mod loose;

use loose::Kept;
pub use loose::LOOSE;

/// The algebraic problem of one solve.
#[derive(Clone, Copy)]
pub struct Implicit<'a> {
    /// Factor of q: 0 in static solves.
    pub alpha: f64,
    /// Constant term, n entries; empty means zero.
    pub beta: &'a [f64],
    /// Time, s.
    pub t: f64,
    /// How rows marked held or anchored are solved, and which rows are pinned.
    pub rows: Rows<'a>,
    /// Parameter values.
    pub params: &'a Params,
    /// What models remember.
    pub past: &'a Memory,
    /// What runs.
    pub phase: Phase,
}

impl<'a> Implicit<'a> {
    /// The place `x` of this problem, for evaluations with the trial values given.
    pub fn point(&self, x: &'a [f64], trial: Option<&'a [f64]>) -> Point<'a> {
        Point { x, t: self.t, params: self.params, past: self.past, trial, phase: self.phase }
    }
}

/// Treatment of special rows.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Every row as it is (transients, continuation with nothing held).
    Plain,
    /// Held rows `q_k = q0_k`, anchored rows `f_k + w (q_k - q0_k) = 0`; `pins`: `x_k = value` instead of row k.
    Static {
        /// q at the start values, n entries.
        q0: &'a [f64],
        /// Unknown, value.
        pins: &'a [(u32, f64)],
    },
}

/// How a solve went.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Report {
    /// Iterations of this solve.
    pub iterations: u32,
    /// Row with the largest weighted residual at the end, and the residual.
    pub worst_row: (usize, f64),
    /// Unknown with the largest weighted update at the end, and the update.
    pub worst_unknown: (usize, f64),
}

/// Newton's share of `reltol`.
pub(super) const SHARE: f64 = 1e-3;
/// Relative error that is not worth another iteration in a time step.
const NEGLIGIBLE: f64 = 1e-12;
/// A weighted residual that grows by more than this in one full step shortens the step. Newton is meant to go through
/// ridges (an exponential far out makes the residual jump, and the next iterates bring it down), so this is generous.
const GROWTH: f64 = 1e4;
/// An update larger than this part of the one before has not converged any further.
const STANDS: f64 = 0.5;
/// Halvings of a step that leads to numbers that are not finite, and of one that makes the residual grow.
const HALVINGS: (u32, u32) = (30, 6);

/// Newton with its workspace: one for each thread, allocated once.
pub struct Newton {
    lu: Lu<f64>,
    eval: Eval,
    values: Vec<f64>,
    residual: Vec<f64>,
    allowed: Vec<f64>,
    update: Vec<f64>,
    base: Vec<f64>,
    trial: Vec<f64>,
    /// What rounding makes of nothing.
    noise: Vec<f64>,
    special: SpecialRows,
    report: Report,
    /// Entries of the matrix that move.
    moving: usize,
    kept: Kept,
}

impl Newton {
    /// Space for solves of `system`.
    pub fn new(system: &dyn System) -> Newton {
        let n = system.layout().unknowns.len();
        Newton {
            lu: Lu::new(system.pattern()),
            eval: Eval::new(system),
            values: vec![0.0; system.pattern().len()],
            residual: vec![0.0; n],
            allowed: vec![0.0; n],
            update: vec![0.0; n],
            base: vec![0.0; n],
            trial: vec![0.0; system.layout().limits],
            noise: vec![0.0; n],
            special: SpecialRows::new(system.layout(), system.pattern()),
            report: Report::default(),
            moving: system.layout().moving.len(),
            kept: Kept::new(n),
        }
    }

    /// Nothing is held from now on: continuation follows equilibria of the whole circuit (decision 1).
    pub fn release(&mut self) {
        self.special.release();
    }

    /// Solves `eq` from `x`, which becomes the solution; after a failure it holds the last iterate.
    ///
    /// # Errors
    /// Why there is no solution; [`Failure::named`] makes a message of it.
    pub fn solve(
        &mut self,
        system: &dyn System,
        eq: &Implicit,
        tolerances: &Tolerances,
        x: &mut [f64],
        counts: &mut Counts,
    ) -> Result<Report, Failure> {
        let steady = matches!(eq.phase, Phase::Static | Phase::TransientStart);
        let limit = if steady { tolerances.static_iterations } else { tolerances.step_iterations };
        let relative = SHARE * tolerances.reltol;
        let mut report = Report::default();
        let mut last_weight = f64::INFINITY;
        self.kept.pause();
        if steady && self.moving == 0 {
            self.lu.hurry();
        }
        self.begin(system, eq, x, counts)?;
        while report.iterations < limit {
            report.iterations += 1;
            counts.iterations += 1;
            // Where nothing moves the first factors are those of every iterate.
            if report.iterations == 1 || self.moving > 0 {
                self.assemble_matrix(eq)?;
                self.factor(counts)?;
            }
            self.direction();
            counts.solves += 1;
            let (row, residual_weight) = self.judge_residual(system, eq, relative);
            let (unknown, weight) = judge_update(system, &self.update, x, relative);
            report.worst_row = (row, self.residual[row]);
            report.worst_unknown = (unknown, self.update[unknown]);
            self.report = report;
            let accepted = good(residual_weight, weight, last_weight) && !self.eval.advice.limited;
            if accepted && enough(eq.alpha == 0.0, relative, weight, last_weight) {
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                return Ok(report);
            }
            // Updates that do not fall and that rounding explains are the end of what can be had.
            let stands = weight > STANDS * last_weight && residual_weight <= 1.0 && !self.eval.advice.limited;
            if stands
                && self.rounds(eq.alpha, |j| {
                    let unknown = &system.layout().unknowns[j];
                    relative * x[j].abs() + system.layout().quantities[unknown.quantity as usize].abstol
                })
            {
                x.iter_mut().zip(&self.update).for_each(|(x, dx)| *x += dx);
                return Ok(report);
            }
            last_weight = weight;
            self.advance(system, eq, x, residual_weight, counts)?;
        }
        Err(Failure::NoConvergence(report))
    }

    /// Evaluates at `x` with no limiting and factors `J` there: for whoever needs tangents.
    ///
    /// # Errors
    /// See [`Newton::solve`].
    pub fn linearise(&mut self, system: &dyn System, eq: &Implicit, x: &[f64], counts: &mut Counts) -> Result<(), Failure> {
        self.kept.forget();
        self.assemble(system, eq, x, counts)?;
        self.factor(counts)
    }

    /// Evaluates at `x` with no limiting; `residual` and `matrix` are those of the place, nothing is factored.
    ///
    /// # Errors
    /// If something is not finite.
    pub fn assemble(&mut self, system: &dyn System, eq: &Implicit, x: &[f64], counts: &mut Counts) -> Result<(), Failure> {
        counts.evaluations += 1;
        system.eval(&eq.point(x, None), Want::NEWTON, &mut self.eval);
        self.assemble_residual(eq, x);
        if !self.finite() {
            return Err(Failure::NotFinite);
        }
        self.assemble_matrix(eq)
    }

    /// The values of `J`, by slot, as assembled last.
    pub fn matrix(&self) -> &[f64] {
        &self.values
    }

    /// `b := J^-1 b` with the matrix factored last; after a successful solve that of its last iterate.
    pub fn back_substitute(&mut self, b: &mut [f64]) {
        self.lu.solve(b);
    }

    /// The last evaluation: after a successful solve at the iterate before the last update, see [`Newton::update`].
    pub fn eval(&self) -> &Eval {
        &self.eval
    }

    /// The last update: after a successful solve `x` minus the place of [`Newton::eval`].
    pub fn update(&self) -> &[f64] {
        &self.update
    }

    /// How the last iteration went, also of a solve that failed.
    pub fn report(&self) -> Report {
        self.report
    }

    /// `r` at the place of the last evaluation.
    pub fn residual(&self) -> &[f64] {
        &self.residual
    }

    /// `q` at the solution: that of the last iterate carried on by the last update, whose square is below rounding.
    pub fn charge(&self, system: &dyn System, q: &mut [f64]) {
        let n = self.update.len();
        q[..n].copy_from_slice(&self.eval.q[..n]);
        system.pattern().multiply_add(&self.eval.c[..self.values.len()], &self.update, &mut q[..n]);
    }

    fn begin(&mut self, system: &dyn System, eq: &Implicit, x: &[f64], counts: &mut Counts) -> Result<(), Failure> {
        counts.evaluations += 1;
        system.eval(&eq.point(x, None), Want::NEWTON, &mut self.eval);
        self.assemble_residual(eq, x);
        if !self.finite() && !self.trial.is_empty() {
            counts.evaluations += 1;
            self.trial.fill(0.0);
            system.eval(&eq.point(x, Some(&self.trial)), Want::NEWTON, &mut self.eval);
            self.assemble_residual(eq, x);
        }
        if self.finite() { Ok(()) } else { Err(Failure::NotFinite) }
    }

    /// `r` of the evaluation at hand.
    fn assemble_residual(&mut self, eq: &Implicit, x: &[f64]) {
        for (k, r) in self.residual.iter_mut().enumerate() {
            *r = self.eval.f[k];
        }
        if eq.alpha != 0.0 {
            self.residual.iter_mut().zip(&self.eval.q).for_each(|(r, q)| *r += eq.alpha * q);
        }
        self.residual.iter_mut().zip(eq.beta).for_each(|(r, b)| *r += b);
        if let Rows::Static { q0, pins } = eq.rows {
            self.special.residual(&self.eval, x, q0, pins, &mut self.residual);
        }
    }

    fn finite(&self) -> bool {
        !self.eval.advice.not_finite && self.residual.iter().all(|r| r.is_finite())
    }

    fn assemble_matrix(&mut self, eq: &Implicit) -> Result<(), Failure> {
        self.eval.pencil(eq.alpha, &mut self.values);
        if let Rows::Static { pins, .. } = eq.rows {
            self.special.matrix(&self.eval, pins, &mut self.values);
        }
        if self.values.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(Failure::NotFinite) }
    }

    fn factor(&mut self, counts: &mut Counts) -> Result<(), Failure> {
        counts.factorisations += 1;
        self.lu.factor(&self.values).map_err(Failure::Singular)?;
        Ok(())
    }

    /// `update := -J^-1 r`.
    fn direction(&mut self) {
        self.update.iter_mut().zip(&self.residual).for_each(|(dx, r)| *dx = -r);
        self.lu.solve(&mut self.update);
    }

    /// True if the update is what rounding of charges makes with the factors at hand, but for what is allowed of each unknown.
    fn rounds(&mut self, alpha: f64, allowed: impl Fn(usize) -> f64) -> bool {
        if alpha == 0.0 {
            return false;
        }
        rounding::currents(alpha, &self.eval.q, &mut self.noise);
        self.lu.solve(&mut self.noise);
        self.update
            .iter()
            .zip(&self.noise)
            .enumerate()
            .all(|(j, (dx, noise))| noise.is_finite() && dx.abs() <= allowed(j) + noise.abs())
    }

    /// Turns `df/dp` into the derivative of the residual of a static problem: held rows have `dq/dp - shift`, pins none.
    pub(super) fn special_slope(&self, dq: &[f64], shift: &[f64], pins: &[(u32, f64)], df: &mut [f64]) {
        self.special.slope(dq, shift, pins, df);
    }

    /// Sets what each row is allowed, and finds the worst row with its share of that.
    pub(super) fn judge_residual(&mut self, system: &dyn System, eq: &Implicit, relative: f64) -> (usize, f64) {
        let unknowns = &system.layout().unknowns;
        for (k, allowed) in self.allowed.iter_mut().enumerate() {
            let constant = eq.beta.get(k).map_or(0.0, |b| b.abs());
            let charge = if eq.alpha == 0.0 { 0.0 } else { (eq.alpha * self.eval.q[k]).abs() };
            *allowed = relative * self.eval.scale[k].max(constant).max(charge) + unknowns[k].residual_abstol;
        }
        if let Rows::Static { q0, pins } = eq.rows {
            self.special.allowed(&self.eval, system.layout(), relative, q0, pins, &mut self.allowed);
        }
        worst(self.residual.iter().zip(&self.allowed).map(|(r, a)| r.abs() / a))
    }

    /// Moves `x` by the update, or by a part of it where the whole leads out of bounds, and evaluates there.
    fn advance(
        &mut self,
        system: &dyn System,
        eq: &Implicit,
        x: &mut [f64],
        weight: f64,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        self.base.copy_from_slice(x);
        self.trial.copy_from_slice(&self.eval.trial);
        let limited = self.eval.advice.limited;
        let mut factor = 1.0;
        for halvings in 0..=HALVINGS.0 {
            for ((x, base), dx) in x.iter_mut().zip(&self.base).zip(&self.update) {
                *x = base + factor * dx;
            }
            counts.evaluations += 1;
            system.eval(&eq.point(x, Some(&self.trial)), Want::NEWTON, &mut self.eval);
            self.assemble_residual(eq, x);
            if self.finite() {
                let free = limited || self.eval.advice.limited || halvings >= HALVINGS.1;
                let grown = self.residual.iter().zip(&self.allowed).any(|(r, a)| r.abs() / a > GROWTH * weight.max(1.0));
                if free || !grown {
                    return Ok(());
                }
            }
            factor *= 0.5;
        }
        Err(Failure::NotFinite)
    }
}

/// The unknown with the largest update in units of what is tolerated.
pub(super) fn judge_update(system: &dyn System, update: &[f64], x: &[f64], relative: f64) -> (usize, f64) {
    let layout = system.layout();
    worst(update.iter().zip(&layout.unknowns).zip(x).map(|((dx, unknown), x)| {
        let abstol = layout.quantities[unknown.quantity as usize].abstol;
        dx.abs() / (relative * x.abs() + abstol)
    }))
}

/// Updates, in units of what is tolerated, that make the residual irrelevant when two follow each other: it is rounding then.
/// A row may be one contribution with terms that cancel inside of it, so that its scale says nothing.
const ROUNDING: f64 = 1e-3;

/// True if residual and update are small enough, both in units of what is tolerated.
pub(super) fn good(residual: f64, weight: f64, last: f64) -> bool {
    weight <= 1.0 && (residual <= 1.0 || weight.max(last) <= ROUNDING)
}

/// True if another iteration would gain nothing that counts; `weight` is the update in units of what is tolerated.
pub(super) fn enough(steady: bool, relative: f64, weight: f64, last: f64) -> bool {
    if weight * relative <= 4.0 * f64::EPSILON || weight >= 0.5 * last {
        return true;
    }
    // What is left after this update: at the rate of convergence seen last, or, in the first iteration, a guess.
    if last.is_finite() {
        return weight * (weight / last) * relative <= if steady { 0.25 * f64::EPSILON } else { NEGLIGIBLE };
    }
    !steady && weight * (weight * relative).sqrt() * relative <= NEGLIGIBLE
}

/// Position and value of the largest; values that are not numbers count as infinite.
fn worst(values: impl Iterator<Item = f64>) -> (usize, f64) {
    values.enumerate().fold((0, 0.0), |best, (k, v)| {
        let v = if v.is_nan() { f64::INFINITY } else { v };
        if v > best.1 { (k, v) } else { best }
    })
}
