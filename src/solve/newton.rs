//! Newton on `alpha q(x) + beta + f(x, t) = 0`.

use crate::dae::{Memory, Params, Phase};

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
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Iterations of this solve.
    pub iterations: u32,
    /// Row with the largest weighted residual at the end, and the residual.
    pub worst_row: (usize, f64),
    /// Unknown with the largest weighted update at the end, and the update.
    pub worst_unknown: (usize, f64),
}
