//! The static problem: `f(x) = 0` with held, anchored and pinned rows.

use std::collections::BTreeMap;

use crate::dae::{Eval, Memory, ParamId, Params, Phase, Point, Start, StartKind, System, Want};

use super::failure::Failure;
use super::newton::{Implicit, Newton, Report, Rows};
use super::{Counts, Tolerances};

/// What stays the same while parameters walk.
#[derive(Clone)]
pub struct Statics<'a> {
    /// The equations.
    pub system: &'a dyn System,
    /// What is accurate enough.
    pub tolerances: Tolerances,
    /// What models remember.
    pub past: Memory,
    /// What runs.
    pub phase: Phase,
    /// q at the start values, for held and anchored rows.
    pub q0: Vec<f64>,
    /// Unknown and value, instead of the unknown's row; in order of unknowns.
    pub pins: Vec<(u32, f64)>,
}

impl<'a> Statics<'a> {
    /// The problem of `phase` with what the start values say. Returned with the start of x (decision 1): state starts and
    /// nodesets are guesses; `.ic` is pinned if the solve starts a transient, and otherwise ignored.
    pub fn new(system: &'a dyn System, tolerances: Tolerances, params: &Params, phase: Phase) -> (Statics<'a>, Vec<f64>) {
        let mut statics =
            Statics { system, tolerances, past: Memory::new(system.layout()), phase, q0: Vec::new(), pins: Vec::new() };
        let starts = system.starts(params);
        let forced = |s: &&Start| s.kind == StartKind::Ic && s.minus.is_none() && phase == Phase::TransientStart;
        statics.pin(starts.iter().filter(forced).map(|s| (s.unknown, s.value)));
        let x = statics.begin(params, &starts);
        (statics, x)
    }

    /// Sets `q0` from `starts`, and returns the start of x.
    fn begin(&mut self, params: &Params, starts: &[Start]) -> Vec<f64> {
        let mut x = vec![0.0; self.system.layout().unknowns.len()];
        for start in starts.iter().filter(|s| self.counts(s)) {
            x[start.unknown as usize] = start.value + start.minus.map_or(0.0, |m| x[m as usize]);
        }
        self.q0 = self.charge(params, &x);
        x
    }

    /// Start values and held charges anew, after a parameter has changed that they depend on.
    pub fn renew(&mut self, params: &Params) -> Vec<f64> {
        let starts = self.system.starts(params);
        self.begin(params, &starts)
    }

    /// Start values count unless they are `.ic` in an analysis that is not a transient's start.
    fn counts(&self, start: &Start) -> bool {
        start.kind != StartKind::Ic || self.phase == Phase::TransientStart
    }

    /// The derivative of `q0` by a parameter: `dq0/dp = dq/dp + C dx0/dp` at the start values x0.
    pub fn start_slope(&self, params: &Params, id: ParamId, eval: &mut Eval) -> Vec<f64> {
        let n = self.system.layout().unknowns.len();
        let (mut x, mut dx) = (vec![0.0; n], vec![0.0; n]);
        let starts = self.system.starts(params);
        for (start, slope) in starts.iter().zip(self.system.start_slopes(id, params)).filter(|(s, _)| self.counts(s)) {
            let (at, minus) = (start.unknown as usize, start.minus.map(|m| m as usize));
            x[at] = start.value + minus.map_or(0.0, |m| x[m]);
            dx[at] = slope + minus.map_or(0.0, |m| dx[m]);
        }
        let at = self.point(params, &x);
        let (mut df, mut dq) = (vec![0.0; n + 1], vec![0.0; n + 1]);
        self.system.slope(id, &at, &mut df, &mut dq);
        dq.truncate(n);
        self.system.eval(&at, Want::C, eval);
        let pattern = self.system.pattern();
        pattern.multiply_add(&eval.c[..pattern.len()], &dx, &mut dq);
        dq
    }

    fn charge(&self, params: &Params, x: &[f64]) -> Vec<f64> {
        let mut eval = Eval::new(self.system);
        self.system.eval(&self.point(params, x), Want::Q, &mut eval);
        eval.q.truncate(x.len());
        eval.q
    }

    /// Pins unknowns; a later pin of the same one replaces an earlier one.
    pub fn pin(&mut self, pins: impl IntoIterator<Item = (u32, f64)>) {
        let all: BTreeMap<u32, f64> = self.pins.drain(..).chain(pins).collect();
        self.pins = all.into_iter().collect();
    }

    /// True if the unknown is pinned.
    pub fn pinned(&self, unknown: u32) -> bool {
        self.pins.binary_search_by_key(&unknown, |p| p.0).is_ok()
    }

    /// The place `x`, for evaluations outside of Newton.
    pub fn point<'b>(&'b self, params: &'b Params, x: &'b [f64]) -> Point<'b> {
        Point { x, t: 0.0, params, past: &self.past, trial: None, phase: self.phase }
    }

    /// The algebraic problem at these parameter values.
    pub fn equation<'b>(&'b self, params: &'b Params) -> Implicit<'b> {
        let rows = Rows::Static { q0: &self.q0, pins: &self.pins };
        Implicit { alpha: 0.0, beta: &[], t: 0.0, rows, params, past: &self.past, phase: self.phase }
    }

    /// Newton from `x`.
    ///
    /// # Errors
    /// See [`Newton::solve`].
    pub fn solve(&self, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Result<Report, Failure> {
        newton.solve(self.system, &self.equation(params), &self.tolerances, x, counts)
    }
}
