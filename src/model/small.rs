//! Small-signal sources of a model: `white_noise`, `flicker_noise`, `noise_table`, `noise_table_log`, `ac_stim`.
//!
//! Source k is an input s_k of its own (`ir::Input::Small(k)`) whose value is 0. [`Small::function`] still holds these inputs;
//! its outputs begin with those of `Model::function`, in which they are gone. What source k adds to a contribution is the
//! derivative of f and q by s_k at 0, so that factors, sums, derivatives and shared sources are exact.

use crate::ir::{Function, Input, diff};
use crate::model::Model;
use crate::span::Span;

/// All small-signal sources of a model.
#[derive(Clone, Debug, Default)]
pub struct Small {
    /// The sources; number k is `Input::Small(k)`.
    pub sources: Vec<SmallSource>,
    /// Outputs of `Model::function` with the sources in them, then what the sources themselves need.
    pub function: Function,
}

/// One source. The `u32` in its kind are outputs of [`Small::function`].
#[derive(Clone, PartialEq, Debug)]
pub struct SmallSource {
    /// Name given in the call, or that of the function called.
    pub name: String,
    /// What it is.
    pub kind: SmallKind,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of small-signal sources.
#[derive(Clone, PartialEq, Debug)]
pub enum SmallKind {
    /// Power spectral density, the same at all frequencies.
    White(u32),
    /// Power spectral density at 1 Hz and exponent: `power / f^exponent`.
    Flicker(u32, u32),
    /// Frequencies and densities by outputs; `true`: interpolated in the logarithms of both.
    Table(Vec<(u32, u32)>, bool),
    /// The same from a file.
    File(Vec<(f64, f64)>, bool),
    /// `ac_stim`: analysis in which it acts, magnitude, phase in radians.
    Stimulus(String, u32, u32),
}

/// What sources add to contributions: a derivative of an output of `Model::function` by a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gain {
    /// Index into `Model::contributions`.
    pub contribution: u32,
    /// Number of the source.
    pub source: u32,
    /// Of q instead of f.
    pub charge: bool,
    /// Output of the function that [`gains`] gives.
    pub output: u32,
}

/// The function of the small-signal sources with all their gains as further outputs.
pub fn gains(model: &Model) -> (Function, Vec<Gain>) {
    let mut wanted: Vec<u32> = model.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let seeds: Vec<Input> = (0..model.small.sources.len() as u32).map(Input::Small).collect();
    let (function, entries) = diff::differentiate_by(&model.small.function, &wanted, &seeds);
    let mut out = Vec::new();
    for (k, contribution) in model.contributions.iter().enumerate() {
        for (output, charge) in [(contribution.f, false), (contribution.q, true)] {
            let own = entries.iter().filter(|e| Some(e.output) == output);
            out.extend(own.map(|e| Gain { contribution: k as u32, source: e.probe, charge, output: e.index }));
        }
    }
    (function, out)
}
