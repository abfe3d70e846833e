//! Solving the equations: Newton, walks in a parameter, integration in time. Knows `dae::System` and numbers, no circuits.

use thiserror::Error;

pub mod activity;
pub mod bifurcation;
pub mod border;
pub mod events;
pub mod failure;
pub mod history;
pub mod integrate;
pub mod ladder;
pub mod march;
pub mod newton;
pub mod orbit;
pub mod rest;
pub mod rounding;
pub mod rows;
pub mod settle;
pub mod start;
pub mod statics;
pub mod step;
pub mod walk;
pub mod window;

/// What is accurate enough.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tolerances {
    /// Relative tolerance of the local error of time steps, and (times 1e-3) of Newton in transients.
    pub reltol: f64,
    /// Factor on the local error allowed.
    pub trtol: f64,
    /// Newton iterations of a static solve.
    pub static_iterations: u32,
    /// Newton iterations of a time step.
    pub step_iterations: u32,
}

/// How far Newton goes in the steps of a transient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Effort {
    /// `Loose` where the tolerance of the local error is above 1e-5, otherwise `Tight`.
    #[default]
    Auto,
    /// Until nothing is left but rounding.
    Tight,
    /// Until what is left is a hundredth of the local error that the step is allowed.
    Loose,
}

impl Effort {
    /// True if steps whose local error is held against `reltol` are solved loosely.
    pub fn loose(self, reltol: f64) -> bool {
        match self {
            Effort::Auto => reltol > 1.001e-5,
            Effort::Tight => false,
            Effort::Loose => true,
        }
    }
}

/// What failed, in names. The waveforms computed so far are kept by whoever holds the sink.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum SimError {
    /// Newton did not converge, by any way tried.
    #[error("{what}: no convergence{at}\n  worst equation: {row} (residual {residual:.3e}), worst unknown: {unknown} (last update {update:.3e})\n  tried: {tried}\n  hint: {hint}", at = at_time(*.t))]
    NoConvergence {
        /// `operating point`, `time step`.
        what: String,
        /// Equation with the largest weighted residual.
        row: String,
        /// Its residual.
        residual: f64,
        /// Unknown with the largest weighted update.
        unknown: String,
        /// Its last update.
        update: f64,
        /// Time, s; NaN for none.
        t: f64,
        /// What was tried, in order.
        tried: String,
        /// What to try.
        hint: String,
    },
    /// The matrix has no inverse.
    #[error("{what}: the matrix is singular{at}: nothing determines {unknown}{row}\n  hint: {hint}", at = at_time(*.t), row = .row.as_ref().map(|r| format!(" (equation left over: {r})")).unwrap_or_default())]
    Singular {
        /// `operating point`, `time step`.
        what: String,
        /// Unknown without a pivot.
        unknown: String,
        /// Equation left over, if the pattern alone is to blame.
        row: Option<String>,
        /// Time, s; NaN for none.
        t: f64,
        /// What to try.
        hint: String,
    },
    /// The time step became too small.
    #[error(
        "time step too small at t = {t:.6e} s (h = {h:.3e} s): {unknown} (equation {row}), error {error:.2e} times what is allowed\n  tried: {tried}\n  hint: {hint}"
    )]
    StepTooSmall {
        /// Time, s.
        t: f64,
        /// Step, s.
        h: f64,
        /// Unknown with the largest error, or that Newton failed on.
        unknown: String,
        /// Its equation.
        row: String,
        /// Weighted error.
        error: f64,
        /// What was tried.
        tried: String,
        /// What to try.
        hint: String,
    },
    /// A value is not finite.
    #[error("{what}: not a finite number{at}: {detail}", at = at_time(*.t))]
    NotFinite {
        /// What was computed.
        what: String,
        /// Time, s; NaN for none.
        t: f64,
        /// Instance, line, operation.
        detail: String,
        /// The same with places in the models.
        faults: Vec<crate::dae::Fault>,
    },
    /// Writing results failed.
    #[error("writing results: {0}")]
    Io(String),
    /// Ctrl-C.
    #[error("stopped{at}; what was computed is kept", at = at_time(*.t))]
    Stopped {
        /// Time, s; NaN for none.
        t: f64,
    },
    /// A model said `$fatal`.
    #[error("{0}")]
    Fatal(String),
}

fn at_time(t: f64) -> String {
    if t.is_nan() { String::new() } else { format!(" at t = {t:.6e} s") }
}

/// What a solve cost.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Counts {
    /// Newton iterations.
    pub iterations: u64,
    /// Evaluations of the system.
    pub evaluations: u64,
    /// Numeric factorisations.
    pub factorisations: u64,
    /// Accepted time steps.
    pub accepted: u64,
    /// Back-substitutions of Newton.
    pub solves: u64,
    /// Rejected time steps (error or Newton).
    pub rejected: u64,
    /// Those of them that Newton failed in.
    pub failed: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, o: Counts) {
        self.iterations += o.iterations;
        self.evaluations += o.evaluations;
        self.factorisations += o.factorisations;
        self.accepted += o.accepted;
        self.solves += o.solves;
        self.rejected += o.rejected;
        self.failed += o.failed;
    }
}

/// The first corner of any source after `t`; models that remember nothing have none of their own.
pub(crate) fn source_break(system: &dyn crate::dae::System, params: &crate::dae::Params, t: f64) -> f64 {
    let (past, x) = (crate::dae::Memory::default(), vec![0.0; system.layout().unknowns.len()]);
    let phase = crate::dae::Phase::Transient;
    system.next_break(&crate::dae::Point { x: &x, t, params, past: &past, trial: None, phase })
}

/// Absolute tolerance of each unknown.
pub(crate) fn floors(layout: &crate::dae::Layout) -> impl Iterator<Item = f64> + '_ {
    layout.unknowns.iter().map(|u| layout.quantities[u.quantity as usize].abstol)
}
