//! Integration in time: one file a method, one row of [`TABLE`] each.
//!
//! Every method turns a step into algebraic problems `alpha q(x) + beta + f(x, t) = 0` and carries the past derivative as
//! `qdot = alpha q + beta`, never as `-f`: rows without charge then stay exactly algebraic. The local error is made in q and
//! measured in x: `e = (G + alpha C)^-1 (alpha e_q)`, each component against its unknown's own tolerance, largest one counts
//! (decision 6).
//!
//! # Work and precision
//!
//! Measured by `cargo bench` (`tests/bench/precision.rs`, every method at every tolerance). Error of the period in per cent /
//! Newton iterations in thousands, for 200 us of figure 12 at 25 ohm, 10 us of the Pickett oscillator, and 5000 time units of
//! van der Pol's equation with mu = 1000 (an iteration of Radau is three residuals and two back-substitutions; it factors
//! once in three to ten of them, all others in each):
//!
//! | method | reltol | figure 12 | Pickett | van der Pol |
//! |---|---|---|---|---|
//! | radau | 1e-3 | +0.0071 / 2.6 | +0.0000 / 17 | -0.0008 / 3.0 |
//! | radau | 1e-4 | +0.0005 / 3.6 | +0.0012 / 16 | -0.0001 / 3.1 |
//! | **radau** | **1e-5** | +0.0000 / 6.2 | -0.0003 / 23 | -0.0000 / 3.6 |
//! | radau | 1e-6 | +0.0000 / 9.1 | -0.0002 / 33 | +0.0000 / 4.8 |
//! | trap | 1e-3 | +2.1155 / 3.8 | -0.7156 / 23 | -25 / 5.5 |
//! | trap | 1e-4 | +0.4675 / 7.3 | -0.2075 / 25 | -0.1781 / 3.9 |
//! | trap | 1e-5 | +0.1078 / 10 | -0.0498 / 36 | -0.0493 / 6.5 |
//! | **trap** | **1e-6** | +0.0252 / 21 | -0.0103 / 72 | -0.0091 / 15 |
//! | gear | 1e-4 | +0.0422 / 5.6 | -0.1012 / 24 | -0.3006 / 3.3 |
//! | gear | 1e-5 | -0.0216 / 5.8 | -0.0152 / 28 | -0.0648 / 4.0 |
//! | **gear** | **1e-6** | +0.0062 / 7.3 | +0.0024 / 32 | -0.0105 / 5.3 |
//! | trbdf2 | 1e-5 | +0.0836 / 16 | -0.0389 / 55 | -0.0264 / 9.7 |
//! | **trbdf2** | **1e-6** | +0.0197 / 33 | -0.0087 / 108 | -0.0071 / 24 |
//! | esdirk | 1e-5 | +0.0429 / 12 | +0.0087 / 69 | -33 / 13 |
//! | **esdirk** | **1e-6** | +0.0030 / 20 | +0.0002 / 88 | -0.0009 / 14 |
//! | **euler** | **1e-5** | +0.3016 / 60 | +0.6153 / 329 | -0.4268 / 123 |
//!
//! These are iterations of a tight Newton. At reltol 1e-3, where Newton is loose, thousands of accepted + rejected steps,
//! iterations / factorisations, and errors in per cent against Radau at 1e-7, for 1 us of a ring of nine CMOS inverters (level 1,
//! longest step 50 ps; the charges of a transistor have kinks, which cap the order) and a pair of threshold oscillators (20 us). All
//! steps were solved to the end for this table; with hopeless ones given up (`foresight`) trap takes 189 / 70 and 57 / 49 in bold:
//!
//! | method | trtol | ring: steps | iterations | period, swing | pair: steps | iterations | period |
//! |---|---|---|---|---|---|---|---|
//! | trap | 7 | 62 + 12 | **212 / 74** | +0.42, -0.72 | 21.7 + 3.4 | 59 / 51 | -0.3, -0.5 |
//! | trap | 5 | 69 + 9 | 223 / 72 | +0.33, -0.44 | 23.4 + 3.8 | **62 / 51** | +0.8, +0.3 |
//! | gear | 7 | 58 + 8 | 214 / 72 | +0.33, -1.2 | 22.7 + 3.8 | 52 / 39 | -2.6, -1.1 |
//! | trbdf2 | 7 | 50 + 7 | 304 / 96 | +0.28, -0.43 | 17.8 + 3.2 | 71 / 45 | +0.9, +0.4 |
//! | radau | 7 | 33 + 0.2 | 164 / 67 | +0.02, +0.04 | 13.2 + 2.4 | 62 / 33 | -0.8, -0.4 |
//!
//! The mean state of figure 14d-e (100 MHz, 50 steps a cycle, 2000 cycles) is off by 1e-8 with radau at 1e-5 and by 2e-7 with
//! esdirk; trap at 1e-6 is off by up to 3e-4 after 500 cycles, because the steps that its error control chooses are not even
//! and the sum over a cycle loses its cancellation, while at 1e-3 its even steps give 5e-7 there and 2 % in figure 12. Hence
//! Radau IIA at 1e-5 is the default, and the tolerances in bold are those of the methods where a deck gives none.

use super::failure::Failure;
use super::history::{History, Record};
use super::newton::{Implicit, Newton, Rows};
use super::{Counts, Tolerances, rounding};
use crate::dae::{Eval, Memory, Params, Phase, Point, System, Want};
use foresight::Foresight;

pub mod dirk;
pub mod esdirk;
pub mod euler;
pub mod foresight;
pub mod gear;
pub mod radau;
pub mod trapezoidal;
pub mod trbdf2;

/// One row of the table of methods.
pub struct Method {
    /// Name in decks: `.options method=`.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// For people.
    pub title: &'static str,
    /// Order of convergence, the highest if it varies.
    pub order: u32,
    /// `reltol` if the deck gives none: what the work-precision table asks for.
    pub reltol: f64,
    /// Index into [`super::step::FILTERS`].
    pub filter: usize,
    /// Growth of the step that is not worth it: new pencils cost more than longer steps save.
    pub idle: f64,
    /// Makes one; the argument is the highest order wanted.
    pub make: fn(u32) -> Box<dyn Integrator>,
}

/// The methods; the first one is the default.
pub const TABLE: &[Method] = &[radau::METHOD, trapezoidal::METHOD, gear::METHOD, trbdf2::METHOD, esdirk::METHOD, euler::METHOD];

/// The method called `name`, any case.
pub fn find(name: &str) -> Option<&'static Method> {
    TABLE.iter().find(|m| m.name.eq_ignore_ascii_case(name) || m.aliases.iter().any(|a| a.eq_ignore_ascii_case(name)))
}

/// What is integrated.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The equations.
    pub system: &'a dyn System,
    /// Parameter values.
    pub params: &'a Params,
    /// What models remember at the last accepted point.
    pub past: &'a Memory,
    /// Newton's tolerances.
    pub tolerances: &'a Tolerances,
}

impl<'a> Problem<'a> {
    /// The place `x` at `t`, nothing limited.
    pub fn point(&self, x: &'a [f64], t: f64) -> Point<'a> {
        Point { x, t, params: self.params, past: self.past, trial: None, phase: Phase::Transient }
    }
}

/// What a step says about itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// Largest weighted local error; the step holds if it is at most 1.
    pub error: f64,
    /// Unknown with this error.
    pub worst: usize,
    /// The error goes as `h^exponent`.
    pub exponent: u32,
    /// Error of the formula that the next step will use, for a step as long as this one.
    pub next_error: f64,
    /// Its exponent.
    pub next_exponent: u32,
    /// False for the first step of a segment, whose error nothing tells: it must be short.
    pub verified: bool,
    /// The next step may not be longer by more than this factor.
    pub growth: f64,
}

impl Estimate {
    /// An estimate whose formula stays the same.
    pub fn new((worst, error): (usize, f64), exponent: u32) -> Estimate {
        let growth = f64::INFINITY;
        Estimate { error, worst, exponent, next_error: error, next_exponent: exponent, verified: true, growth }
    }

    /// No estimate at all.
    pub fn unverified() -> Estimate {
        Estimate { verified: false, ..Estimate::new((0, 0.0), 2) }
    }
}

/// A method with its state.
pub trait Integrator {
    /// Tries the step from the newest point of `past` to `work.end.t`; `work.end` becomes the point reached.
    ///
    /// # Errors
    /// If Newton fails.
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure>;

    /// The step just tried was accepted (it is not yet in the history) or not.
    fn judged(&mut self, _problem: &Problem, _accepted: bool, _past: &History, _work: &mut Work) {}

    /// Dense output: `x` and `qdot` at `share` (0 to 1) of the step that ended at the newest point of `past`, for methods
    /// whose steps are longer than a plot likes; false if there is none.
    fn interpolate(&self, _share: f64, _past: &History, _out: &mut Record) -> bool {
        false
    }

    /// Shares of the step, between its ends, at which it was solved; nothing if there is no dense output.
    fn stages(&self) -> &[f64] {
        &[]
    }

    /// `x` at `share` (0 to 1) of the step just tried, from the newest point of `past` to `end`.
    fn within(&self, share: f64, past: &History, end: &Record, out: &mut [f64]) {
        past.within(share, end, out);
    }
}

/// What each unknown's error is held against: `factor (relative max(|x|, largest) + absolute)`.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The relative tolerance.
    pub relative: f64,
    /// `trtol`.
    pub factor: f64,
    /// Absolute tolerance by unknown.
    pub absolute: Vec<f64>,
    /// Largest |x| lately, by unknown.
    pub largest: Vec<f64>,
    /// What |x| counts at most: 1 for what counts turns.
    pub most: Vec<f64>,
    /// False for unknowns that are algebraic or of index 2.
    pub counted: Vec<bool>,
}

impl Weights {
    /// Weights for `system`; everything counts until it is said to be algebraic.
    pub fn new(system: &dyn System, relative: f64, factor: f64) -> Weights {
        let layout = system.layout();
        let absolute: Vec<f64> = layout.unknowns.iter().map(|u| layout.quantities[u.quantity as usize].abstol).collect();
        let n = absolute.len();
        let mut most = vec![f64::INFINITY; n];
        layout.cyclic.iter().for_each(|k| most[*k as usize] = 1.0);
        Weights { relative, factor, absolute, largest: vec![0.0; n], most, counted: vec![true; n] }
    }

    /// What unknown `j`, now at `x`, is allowed.
    pub fn allowed(&self, j: usize, x: f64) -> f64 {
        self.factor * (self.relative * self.largest[j].max(x.abs()).min(self.most[j]) + self.absolute[j])
    }

    /// The largest share of its tolerance that any component of `dx` takes at `x`, and where; algebraic unknowns count as well.
    pub fn largest(&self, dx: &[f64], x: &[f64]) -> (usize, f64) {
        self.worst::<true>(dx, x)
    }

    /// The largest share of its tolerance that any counted component of `e` takes at `x`, and where.
    pub fn norm(&self, e: &[f64], x: &[f64]) -> (usize, f64) {
        self.worst::<false>(e, x)
    }

    /// By blocks without branches; only blocks that hold something larger are looked through. Few unknowns are no block.
    fn worst<const ALL: bool>(&self, e: &[f64], x: &[f64]) -> (usize, f64) {
        let n = e.len();
        if n < BLOCK {
            let errors = e.iter().zip(x).enumerate().filter(|(j, _)| ALL || self.counted[*j]);
            return errors.fold((0, 0.0), |worst, (j, (e, x))| {
                let (error, allowed) = (e.abs(), self.allowed(j, *x));
                if error <= worst.1 * allowed {
                    return worst;
                }
                let share = error / allowed;
                (j, if share.is_nan() { f64::INFINITY } else { share })
            });
        }
        let (x, largest, most, absolute, counted) =
            (&x[..n], &self.largest[..n], &self.most[..n], &self.absolute[..n], &self.counted[..n]);
        let mut worst = (0, 0.0);
        let mut shares = [0.0; BLOCK];
        for start in (0..n).step_by(BLOCK) {
            let count = BLOCK.min(n - start);
            let part = start..start + count;
            let (e, x, counted) = (&e[part.clone()], &x[part.clone()], &counted[part.clone()]);
            let (largest, most, absolute) = (&largest[part.clone()], &most[part.clone()], &absolute[part]);
            let mut stands_out = false;
            for j in 0..count {
                let size = largest[j].max(x[j].abs()).min(most[j]);
                let share = e[j].abs() / (self.factor * (self.relative * size + absolute[j]));
                shares[j] = if ALL || counted[j] { share } else { 0.0 };
                stands_out |= shares[j] > worst.1 || shares[j].is_nan();
            }
            if stands_out {
                for (j, share) in shares[..count].iter().enumerate() {
                    if *share > worst.1 || share.is_nan() {
                        worst = (start + j, if share.is_nan() { f64::INFINITY } else { *share });
                    }
                }
            }
        }
        worst
    }
}

/// Unknowns that are looked at together.
const BLOCK: usize = 32;

/// Workspace of the methods: allocated once.
pub struct Work {
    /// Newton with the LU of the last pencil.
    pub newton: Newton,
    /// The point that a step goes to; its `t` is set by the caller, the rest by the method.
    pub end: Record,
    /// Constant term of the algebraic problem, extended.
    pub beta: Vec<f64>,
    /// Local error, n.
    pub error: Vec<f64>,
    /// What rounding makes of nothing, n.
    pub noise: Vec<f64>,
    /// What errors are held against.
    pub weights: Weights,
    /// What it cost.
    pub counts: Counts,
    /// Largest single contribution to each row lately, n.
    pub scale: Vec<f64>,
    /// Share of the local error allowed that Newton may leave; `None`: nothing.
    pub share: Option<f64>,
    /// Solves leave the charges of output rows to [`Work::complete`].
    pub later: bool,
    /// alpha of the solve whose charges of output rows are still missing.
    due: Option<f64>,
    /// alpha of the last solve.
    pub alpha: f64,
    /// What predictors say of errors.
    pub foresight: Foresight,
    eval: Eval,
}

/// Relative remnant of Newton that is rounding, where the equations are linear.
const ROUNDING: f64 = 1e-12;

impl Work {
    /// Space for `system`.
    pub fn new(system: &dyn System, weights: Weights) -> Work {
        let n = system.layout().unknowns.len();
        let extended = n + system.layout().outputs.len();
        Work {
            newton: Newton::new(system),
            end: Record::new(n, extended),
            beta: vec![0.0; extended],
            error: vec![0.0; n],
            noise: vec![0.0; n],
            weights,
            counts: Counts::default(),
            scale: vec![0.0; n],
            share: None,
            later: false,
            due: None,
            alpha: 0.0,
            foresight: Foresight::default(),
            eval: Eval::new(system),
        }
    }

    /// Solves `alpha q + beta + f(x, t) = 0` for `end.x`, from its present value; sets the charges and their derivatives.
    ///
    /// # Errors
    /// If Newton fails.
    pub fn solve(&mut self, problem: &Problem, alpha: f64, t: f64) -> Result<(), Failure> {
        let n = self.end.x.len();
        let eq = Implicit {
            alpha,
            beta: &self.beta[..n],
            t,
            rows: Rows::Plain,
            params: problem.params,
            past: problem.past,
            phase: Phase::Transient,
        };
        let share = match self.share {
            // Factors of a linear system are those of alpha alone, whatever is demanded.
            None if self.later && problem.system.layout().linear() => {
                Some(ROUNDING / (self.weights.factor * self.weights.relative))
            }
            share => share,
        };
        let (x, counts) = (&mut self.end.x, &mut self.counts);
        match share {
            None => self.newton.solve(problem.system, &eq, problem.tolerances, x, counts)?,
            Some(share) => {
                let limit = problem.tolerances.step_iterations;
                let milne = if self.share.is_some() { self.foresight.milne() } else { 0.0 };
                self.newton.follow(problem.system, &eq, (&self.weights, share, milne), (x, limit), counts)?
            }
        };
        self.newton.charge(problem.system, &mut self.end.q);
        self.scale.copy_from_slice(&self.newton.eval().scale[..n]);
        for ((qdot, q), beta) in self.end.qdot[..n].iter_mut().zip(&self.end.q).zip(&self.beta) {
            *qdot = alpha * q + beta;
        }
        (self.alpha, self.due) = (alpha, Some(alpha));
        if !self.later {
            self.complete(problem, t);
        }
        Ok(())
    }

    /// Does what [`Work::solve`] does, but gives up a step whose first update shows that its error will be too large: `Some` of the
    /// unknown and the error.
    ///
    /// # Errors
    /// If Newton fails.
    pub fn attempt(&mut self, problem: &Problem, alpha: f64, t: f64) -> Result<Option<(usize, f64)>, Failure> {
        match self.solve(problem, alpha, t) {
            Err(Failure::Hopeless(unknown, error)) => Ok(Some((unknown, error))),
            other => other.map(|()| None),
        }
    }

    /// The charges of output rows at the end of the last solve, at `t`, and their derivatives. False if they are there already.
    pub fn complete(&mut self, problem: &Problem, t: f64) -> bool {
        let Some(alpha) = self.due.take() else { return false };
        let n = self.end.x.len();
        output_charges(problem, &mut self.eval, &self.end.x, t, &mut self.end.q);
        for ((qdot, q), beta) in self.end.qdot[n..].iter_mut().zip(&self.end.q[n..]).zip(&self.beta[n..]) {
            *qdot = alpha * q + beta;
        }
        self.end.q.len() > n
    }

    /// The evaluation of the output rows that [`Work::complete`] made last.
    pub fn completed(&self) -> &Eval {
        &self.eval
    }

    /// [`Work::measure`] of a step that [`Work::attempt`] has solved.
    pub fn judge(&mut self, alpha: f64) -> (usize, f64) {
        let worst = self.measure(alpha);
        self.foresight.end(self.newton.moved(), worst.1);
        worst
    }

    /// Turns the error in q at hand (`self.error`) into one in x with the pencil factored last, and weighs it.
    pub fn measure(&mut self, alpha: f64) -> (usize, f64) {
        let alpha = self.newton.alpha_of_factors(alpha);
        self.error.iter_mut().for_each(|e| *e *= alpha);
        self.newton.back_substitute(&mut self.error);
        let worst = self.weights.norm(&self.error, &self.end.x);
        if !(worst.1 > 1.0 && worst.1.is_finite()) {
            return worst;
        }
        rounding::currents(alpha, &self.end.q, &mut self.noise);
        self.newton.back_substitute(&mut self.noise);
        self.audible()
    }

    /// The error at hand less what is rounding (`self.noise`), weighed.
    pub fn audible(&mut self) -> (usize, f64) {
        rounding::discount(&mut self.error, &self.noise);
        self.weights.norm(&self.error, &self.end.x)
    }
}

/// Charges of the output rows at `x` into the tail of the extended vector `q`.
pub fn output_charges(problem: &Problem, eval: &mut Eval, x: &[f64], t: f64, q: &mut [f64]) {
    let n = x.len();
    if q.len() > n {
        problem.system.eval(&problem.point(x, t), Want::OUTPUTS, eval);
        q[n..].copy_from_slice(&eval.outputs.charge);
    }
}
