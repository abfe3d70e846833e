//! One period as a map: charges at its start to charges at its end, on a frozen sequence of steps, with exact derivatives.
//!
//! A step from `q_n` solves its stages `X_i` all at once, `1/h sum_j w_ij (q(X_j) - q_n) + f(X_i, t_i) = 0`, by a full Newton on
//! the block matrix `A_ij = w_ij/h C(X_j) + delta_ij G(X_i)`. At the solution the same factors carry derivatives:
//! `A dX = (sum_j w_ij)/h dq_n`, `dq_(n+1) = C(X_s) dX_s`; and, where the period T is unknown and all steps stretch with it,
//! `A dX = 1/(h T) sum_j w_ij (q(X_j) - q_n)` in addition. What goes in is charges of rows: unknowns without a derivative need
//! no values at the start. The linear pass treats all steps of a period at once (a boundary-value problem by collocation) with
//! the unknowns inside eliminated step by step.

use crate::dae::{Eval, Want};
use crate::solve::failure::Failure;
use crate::solve::history::Record;
use crate::solve::integrate::Problem;
use crate::solve::newton::Report;
use crate::solve::{Counts, floors};
use crate::sparse::{Lu, Pattern};

use super::scheme::Scheme;

/// Relative and absolute (in units of abstol) change of unknowns after which the next iterate, quadratically better, is exact.
const DONE: (f64, f64) = (1e-8, 1e-3);
/// Iterations of one step.
const ITERATIONS: u32 = 25;
/// Halvings of an update that leads out of where the models can be evaluated.
const HALVINGS: u32 = 12;

/// A trajectory over a period.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Track {
    /// Ends of the steps, s.
    pub times: Vec<f64>,
    /// Charges of the rows there.
    pub q: Vec<Vec<f64>>,
    /// Unknowns, by step and stage.
    pub x: Vec<Vec<Vec<f64>>>,
    /// Unknowns at the start (a guess until a period has closed).
    pub first: Vec<f64>,
}

impl Track {
    /// Through points of a transient, straight between them.
    pub fn through(points: &[&Record], scheme: &Scheme, n: usize) -> Track {
        let between =
            |w: &[&Record], share: f64| -> Vec<f64> { w[0].x.iter().zip(&w[1].x).map(|(a, b)| a + share * (b - a)).collect() };
        Track {
            times: points.iter().map(|p| p.t).collect(),
            q: points.iter().map(|p| p.q[..n].to_vec()).collect(),
            x: points.windows(2).map(|w| scheme.c.iter().map(|c| between(w, *c)).collect()).collect(),
            first: points.first().map(|p| p.x.clone()).unwrap_or_default(),
        }
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.x.len()
    }

    /// The period, s.
    pub fn period(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0) - self.times.first().copied().unwrap_or(0.0)
    }

    /// Stretches all times to another period.
    pub fn stretch(&mut self, period: f64) {
        let start = self.times.first().copied().unwrap_or(0.0);
        let factor = period / self.period();
        self.times.iter_mut().for_each(|t| *t = start + (*t - start) * factor);
    }

    /// Unknowns at the end of step `k - 1`; at the start for 0.
    pub fn at(&self, k: usize) -> &[f64] {
        k.checked_sub(1).and_then(|k| self.x[k].last()).unwrap_or(&self.first)
    }

    /// Unknowns at `t` on the polynomial of the step that holds it.
    pub fn value(&self, scheme: &Scheme, t: f64, out: &mut [f64]) {
        let k = self.times.partition_point(|end| *end <= t).clamp(1, self.steps()) - 1;
        let share = (t - self.times[k]) / (self.times[k + 1] - self.times[k]);
        let weights = scheme.values_at(share.clamp(0.0, 1.0));
        // What is algebraic may jump at a corner: the value at the left end belongs to the step before.
        let start = self.at(k);
        for (j, x) in out.iter_mut().enumerate() {
            *x = weights[0] * start[j] + (0..scheme.stages()).map(|i| weights[i + 1] * self.x[k][i][j]).sum::<f64>();
        }
    }

    /// The same trajectory on other times.
    pub fn on(&self, scheme: &Scheme, other: &Scheme, times: &[f64]) -> Track {
        let n = self.first.len();
        let sample = |t: f64| {
            let mut x = vec![0.0; n];
            self.value(scheme, t, &mut x);
            x
        };
        let x = times.windows(2).map(|w| other.c.iter().map(|c| sample(w[0] + c * (w[1] - w[0]))).collect()).collect();
        let q = times.iter().map(|_| self.q[0].clone()).collect();
        Track { times: times.to_vec(), q, x, first: self.first.clone() }
    }
}

/// A step that failed.
#[derive(Clone, PartialEq, Debug)]
pub struct Broken {
    /// Its number.
    pub step: usize,
    /// Why.
    pub failure: Failure,
}

/// What is kept of a step, to carry more derivatives later.
struct Kept {
    lu: Lu<f64>,
    c: Vec<f64>,
    residual: Vec<f64>,
    /// `1/h sum_j w_ij (q(X_j) - q_n)`, by stage and row.
    slope: Vec<f64>,
    h: f64,
    /// Sum of q(X_s) - q of the mesh point after it.
    gap: Vec<f64>,
}

/// The map with its workspace.
pub struct Flow<'a> {
    /// The equations.
    pub problem: Problem<'a>,
    /// The method.
    pub scheme: Scheme,
    /// What it cost.
    pub counts: Counts,
    n: usize,
    entries: usize,
    slots: Vec<u32>,
    lu: Lu<f64>,
    values: Vec<f64>,
    evals: Vec<Eval>,
    residual: Vec<f64>,
    update: Vec<f64>,
    slope: Vec<f64>,
    floors: Vec<f64>,
    base: Vec<Vec<f64>>,
    kept: Vec<Kept>,
}

impl<'a> Flow<'a> {
    /// The map of `problem` by `scheme`.
    pub fn new(problem: Problem<'a>, scheme: Scheme) -> Flow<'a> {
        let (pattern, s) = (problem.system.pattern(), scheme.stages());
        let (n, entries) = (pattern.n, pattern.len());
        let place = |c: usize| pattern.column(c).map(move |slot| (pattern.rows[slot], c as u32));
        let inner: Vec<(u32, u32)> = (0..n).flat_map(place).collect();
        let blocks = (0..s).flat_map(|i| (0..s).map(move |j| ((i * n) as u32, (j * n) as u32)));
        let all: Vec<(u32, u32)> = blocks.flat_map(|(r, c)| inner.iter().map(move |e| (e.0 + r, e.1 + c))).collect();
        let block = Pattern::new(s * n, all.iter().copied());
        let slots = all.iter().map(|(r, c)| block.slot(*r, *c).0).collect();
        Flow {
            counts: Counts::default(),
            n,
            entries,
            slots,
            lu: Lu::new(&block),
            values: vec![0.0; block.len()],
            evals: (0..s).map(|_| Eval::new(problem.system)).collect(),
            residual: vec![0.0; s * n],
            update: vec![0.0; s * n],
            slope: vec![0.0; s * n],
            floors: floors(problem.system.layout()).collect(),
            base: vec![vec![0.0; n]; s],
            kept: Vec::new(),
            problem,
            scheme,
        }
    }

    /// Evaluates all stages of a step; residual, and with `matrix` the block matrix.
    fn assemble(&mut self, q: &[f64], (t, h): (f64, f64), x: &[Vec<f64>], matrix: bool) -> Result<(), Failure> {
        let (n, s) = (self.n, self.scheme.stages());
        let want = if matrix { Want::NEWTON } else { Want::RESIDUAL };
        for (i, eval) in self.evals.iter_mut().enumerate() {
            let at = self.problem.point(&x[i], t + self.scheme.c[i] * h);
            self.problem.system.eval(&at, want, eval);
            if eval.advice.not_finite {
                return Err(Failure::NotFinite);
            }
        }
        self.counts.evaluations += s as u64;
        for i in 0..s {
            for (k, q) in q.iter().enumerate().take(n) {
                let slope = (0..s).map(|j| self.scheme.w[i][j] * (self.evals[j].q[k] - q)).sum::<f64>() / h;
                self.slope[i * n + k] = slope;
                self.residual[i * n + k] = slope + self.evals[i].f[k];
            }
        }
        if !self.residual.iter().all(|r| r.is_finite()) {
            return Err(Failure::NotFinite);
        }
        if matrix {
            self.values.fill(0.0);
            let mut slots = self.slots.iter();
            for i in 0..s {
                for j in 0..s {
                    let w = self.scheme.w[i][j] / h;
                    for k in 0..self.entries {
                        let g = if i == j { self.evals[i].g[k] } else { 0.0 };
                        if let Some(slot) = slots.next() {
                            self.values[*slot as usize] = w * self.evals[j].c[k] + g;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn factor(&mut self) -> Result<(), Failure> {
        self.counts.factorisations += 1;
        if !self.values.iter().all(|v| v.is_finite()) {
            return Err(Failure::NotFinite);
        }
        self.lu.factor(&self.values).map(|_| ()).map_err(|mut singular| {
            singular.column %= self.n;
            singular.row = singular.row.map(|r| r % self.n);
            Failure::Singular(singular)
        })
    }

    /// Adds `factor` times the update to `base`; the largest share of what is negligible.
    fn move_by(&self, factor: f64, base: &[Vec<f64>], x: &mut [Vec<f64>]) -> (usize, f64) {
        let mut worst = (0, 0.0);
        for (i, (x, base)) in x.iter_mut().zip(base).enumerate() {
            for k in 0..self.n {
                let dx = self.update[i * self.n + k];
                x[k] = base[k] + factor * dx;
                let share = dx.abs() / (DONE.0 * x[k].abs() + DONE.1 * self.floors[k]);
                if share > worst.1 || share.is_nan() {
                    worst = (k, if share.is_nan() { f64::INFINITY } else { share });
                }
            }
        }
        worst
    }

    /// Solves one step for its stages, from `x` as it is.
    ///
    /// # Errors
    /// If Newton does not converge.
    pub fn step(&mut self, q: &[f64], span: (f64, f64), x: &mut [Vec<f64>]) -> Result<(), Failure> {
        let mut report = Report::default();
        let mut base = std::mem::take(&mut self.base);
        self.assemble(q, span, x, true)?;
        let mut result = Err(Failure::NotFinite);
        for _ in 0..ITERATIONS {
            report.iterations += 1;
            self.counts.iterations += 1;
            if let Err(failure) = self.factor() {
                result = Err(failure);
                break;
            }
            self.update.iter_mut().zip(&self.residual).for_each(|(dx, r)| *dx = -r);
            self.lu.solve(&mut self.update);
            base.iter_mut().zip(x.iter()).for_each(|(base, x)| base.copy_from_slice(x));
            let (mut factor, mut tries) = (1.0, 0);
            let (worst, share) = loop {
                let moved = self.move_by(factor, &base, x);
                if self.assemble(q, span, x, true).is_ok() || tries == HALVINGS {
                    break moved;
                }
                factor *= 0.5;
                tries += 1;
            };
            report.worst_unknown = (worst, share);
            if !share.is_finite() || tries == HALVINGS {
                break;
            }
            if share <= 1.0 && factor == 1.0 {
                result = Ok(());
                break;
            }
            result = Err(Failure::NoConvergence(report));
        }
        self.base = base;
        result
    }

    /// The period of `track` from the charges at its start, whose stages are guesses: everything after the start is
    /// overwritten. `columns` (derivatives of charges) are carried along in place; so is `stretch`, the derivative by a period of
    /// all steps together. With `keep`, factors stay for [`Flow::transport`].
    ///
    /// # Errors
    /// The step that failed.
    pub fn pass(
        &mut self,
        track: &mut Track,
        columns: &mut [Vec<f64>],
        stretch: Option<&mut Vec<f64>>,
        keep: bool,
    ) -> Result<(), Broken> {
        self.kept.clear();
        let period = track.period();
        let mut stretch = stretch;
        for k in 0..track.steps() {
            let span = (track.times[k], track.times[k + 1] - track.times[k]);
            let wanted = keep || !columns.is_empty() || stretch.is_some();
            let (q, stages) = (&track.q[k], &mut track.x[k]);
            let solved = self.step(q, span, stages).and_then(|()| if wanted { self.factor() } else { Ok(()) });
            solved.map_err(|failure| Broken { step: k, failure })?;
            let last = self.scheme.stages() - 1;
            track.q[k + 1].copy_from_slice(&self.evals[last].q[..self.n]);
            for column in columns.iter_mut() {
                self.carry(column, span.1, None);
            }
            if let Some(column) = stretch.as_deref_mut() {
                self.carry(column, span.1, Some(period));
            }
            if keep {
                self.keep(span.1, vec![0.0; self.n]);
            }
        }
        Ok(())
    }

    fn keep(&mut self, h: f64, gap: Vec<f64>) {
        let last = self.scheme.stages() - 1;
        self.kept.push(Kept {
            lu: self.lu.clone(),
            c: self.evals[last].c[..self.entries].to_vec(),
            residual: self.residual.clone(),
            slope: self.slope.clone(),
            h,
            gap,
        });
    }

    /// Carries the derivative of the charges at the start of the step solved last to its end.
    fn carry(&mut self, column: &mut [f64], h: f64, period: Option<f64>) {
        let (n, s) = (self.n, self.scheme.stages());
        for i in 0..s {
            let row: f64 = self.scheme.w[i].iter().sum::<f64>() / h;
            for (k, value) in column.iter().enumerate().take(n) {
                let stretched = period.map_or(0.0, |t| self.slope[i * n + k] / t);
                self.update[i * n + k] = row * value + stretched;
            }
        }
        self.lu.solve(&mut self.update);
        column.fill(0.0);
        let c = &self.evals[s - 1].c[..self.entries];
        self.problem.system.pattern().multiply_add(c, &self.update[(s - 1) * n..], column);
    }

    /// Carries a derivative over the whole period with the factors kept by the last pass.
    pub fn transport(&mut self, column: &mut [f64]) {
        let (n, s) = (self.n, self.scheme.stages());
        for kept in &mut self.kept {
            for i in 0..s {
                let row: f64 = self.scheme.w[i].iter().sum::<f64>() / kept.h;
                (0..n).for_each(|k| self.update[i * n + k] = row * column[k]);
            }
            kept.lu.solve(&mut self.update);
            column.fill(0.0);
            self.problem.system.pattern().multiply_add(&kept.c, &self.update[(s - 1) * n..], column);
        }
    }

    /// Linearises all steps at `track` as it is, closed or not. `columns` and `stretch` are carried as by [`Flow::pass`];
    /// `particular` is what the misfits of all steps do to the charges at the end.
    ///
    /// # Errors
    /// The step whose matrix cannot be factored.
    pub fn linear_pass(
        &mut self,
        track: &Track,
        columns: &mut [Vec<f64>],
        stretch: Option<&mut Vec<f64>>,
        particular: &mut [f64],
    ) -> Result<(), Broken> {
        self.kept.clear();
        let (period, last) = (track.period(), self.scheme.stages() - 1);
        let mut stretch = stretch;
        for k in 0..track.steps() {
            let span = (track.times[k], track.times[k + 1] - track.times[k]);
            let ready = self.assemble(&track.q[k], span, &track.x[k], true).and_then(|()| self.factor());
            ready.map_err(|failure| Broken { step: k, failure })?;
            for column in columns.iter_mut() {
                self.carry(column, span.1, None);
            }
            if let Some(column) = stretch.as_deref_mut() {
                self.carry(column, span.1, Some(period));
            }
            let gap: Vec<f64> = (0..self.n).map(|j| self.evals[last].q[j] - track.q[k + 1][j]).collect();
            self.keep(span.1, gap);
            self.correct_step(k, particular, 0.0);
        }
        Ok(())
    }

    /// The update of step `k`'s stages for the change `dq` of the charges at its start, which becomes that at its end;
    /// `stretching` is the relative change of the period.
    fn correct_step(&mut self, k: usize, dq: &mut [f64], stretching: f64) {
        let (n, s) = (self.n, self.scheme.stages());
        let kept = &mut self.kept[k];
        for i in 0..s {
            let row: f64 = self.scheme.w[i].iter().sum::<f64>() / kept.h;
            for (j, value) in dq.iter().enumerate().take(n) {
                let at = i * n + j;
                self.update[at] = row * value - kept.residual[at] + stretching * kept.slope[at];
            }
        }
        kept.lu.solve(&mut self.update);
        dq.copy_from_slice(&kept.gap);
        self.problem.system.pattern().multiply_add(&kept.c, &self.update[(s - 1) * n..], dq);
    }

    /// Applies to `track` what a change `dq` of the charges at its start and a relative change of its period ask of all steps,
    /// by the factors of the last linear pass, times `factor`; the largest share of what is negligible.
    pub fn correct(&mut self, track: &mut Track, dq: &[f64], stretching: f64, factor: f64) -> f64 {
        let mut dq = dq.to_vec();
        let mut worst: f64 = 0.0;
        track.q[0].iter_mut().zip(&dq).for_each(|(q, dq)| *q += factor * dq);
        for k in 0..track.steps() {
            self.correct_step(k, &mut dq, stretching);
            let base = track.x[k].clone();
            worst = worst.max(self.move_by(factor, &base, &mut track.x[k]).1);
            track.q[k + 1].iter_mut().zip(&dq).for_each(|(q, dq)| *q += factor * dq);
        }
        let period = track.period();
        track.stretch(period * (1.0 + factor * stretching));
        worst
    }
}
