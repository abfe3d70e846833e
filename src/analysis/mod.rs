//! Analyses: each is one file and one row of [`TABLE`].

use std::sync::atomic::AtomicBool;

use crate::args::Args;
use crate::dae::{Message, Params, System};
use crate::diag::Diagnostic;
use crate::solve::{Counts, Effort, SimError, Tolerances};
use crate::wave::Sink;

pub mod ac;
pub mod activity;
pub mod columns;
pub mod continuation;
pub mod dc;
pub mod drm;
pub mod envelope;
pub mod noise;
pub mod op;
pub mod pss;
pub mod pz;
pub mod stability;
pub mod tran;

/// All analyses.
pub static TABLE: &[Entry] = &[
    op::ENTRY,
    dc::ENTRY,
    tran::ENTRY,
    ac::ENTRY,
    noise::ENTRY,
    envelope::ENTRY,
    pss::ENTRY,
    activity::ENTRY,
    drm::ENTRY,
    stability::ENTRY,
    pz::ENTRY,
    continuation::ENTRY,
];

/// The deck's `.options`, plain data, and what an analysis needs to talk to the world.
pub struct Env<'a> {
    /// What is accurate enough; `reltol` and `trtol` as given in the deck.
    pub tolerances: Tolerances,
    /// True if the deck gave `reltol` itself (otherwise the method's own default holds).
    pub reltol_given: bool,
    /// Integration method by name; `None`: the default.
    pub method: Option<String>,
    /// How far Newton goes in the steps of a transient.
    pub newton: Effort,
    /// Highest order of multistep methods.
    pub maxord: Option<u32>,
    /// Points per period of the fastest source.
    pub points_per_period: f64,
    /// Set from outside to end the run.
    pub stop: &'a AtomicBool,
    /// Told the fraction done, 0 to 1, now and then.
    pub progress: &'a (dyn Fn(f64) + Sync),
    /// Parameter values to run with (`.step` members differ here).
    pub params: Params,
    /// Values of the `.step` parameters, for the header.
    pub keys: Vec<(String, f64)>,
}

/// What an analysis has to say besides its rows.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// `tran`, `ac` ...
    pub analysis: String,
    /// Integration method, if any.
    pub method: String,
    /// Rows written.
    pub points: u64,
    /// What it cost.
    pub counts: Counts,
    /// Rung of the operating-point ladder that won, if one was solved.
    pub operating_point: String,
    /// What ruled the step: `local error`, `ceiling: v1 (50 points per period)`, with shares.
    pub ruled_by: String,
    /// A table for people, line by line: modes, special points.
    pub table: Vec<String>,
    /// Things the user should know: frozen states, unused start values, rest on an unstable equilibrium ...
    pub remarks: Vec<String>,
    /// What models said.
    pub messages: Vec<Message>,
}

/// One analysis with its arguments.
pub trait Analysis: Send + Sync {
    /// Runs it; rows go to `sink`, which is begun and ended here in any case.
    ///
    /// # Errors
    /// What failed; the summary so far comes along.
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>);
}

/// Makes an analysis from the card's arguments; sees the system, so that unknown names are text errors.
pub type Parse = fn(&Args, &dyn System) -> Result<Box<dyn Analysis>, Diagnostic>;

/// One row of the table of analyses.
pub struct Entry {
    /// Card without the dot.
    pub keyword: &'static str,
    /// One line for `--help` and for errors.
    pub usage: &'static str,
    /// From the card's arguments.
    pub parse: Parse,
}
