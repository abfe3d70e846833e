//! Radau IIA, three stages, order 5, L-stable, stiffly accurate.
//!
//! Stages: `1/h sum_j W_ij (q(X_j) - q_n) + f(X_i, t_n + c_i h) = 0` with `W = A^-1`. A simplified Newton with one frozen pair
//! (G, C) splits along the eigenvectors of W into a real system `(G + mu_0/h C) w_0 = -u_0 r` and a complex one
//! `(G + mu_1/h C) w_1 = -u_1 r`, `dX = v_0 w_0 + 2 Re(v_1 w_1)` (Hairer and Wanner, Solving ODEs II, IV.8). The error is the distance
//! between the qdot carried from the last step and that of the collocation polynomial at its left end, `h/mu_0` times it,
//! filtered by the real pencil: order 4. `qdot` at the end is that of the collocation polynomial, which also is the dense output.

use num_complex::Complex64;

use super::{Estimate, Integrator, Method, Problem, Work, euler, output_charges};
use crate::dae::{Eval, Want};
use crate::solve::failure::Failure;
use crate::solve::history::{History, Record, slope_weights_at, value_weights};
use crate::solve::newton::Report;
use crate::solve::rounding;
use crate::sparse::Lu;

/// Row of the table.
pub const METHOD: Method = Method {
    name: "radau",
    aliases: &["radau5", "radauiia"],
    title: "Radau IIA",
    order: 5,
    reltol: 1e-5,
    filter: 2,
    idle: 1.2,
    make: |_| Box::new(Radau { scheme: Scheme::new(), space: None, extrapolate: false }),
};

const SQRT_6: f64 = 2.449_489_742_783_178;
/// Iterations with one Jacobian, and Jacobians, before the step counts as failed.
const ITERATIONS: (u32, u32) = (8, 3);
/// A slower convergence than this asks for a new Jacobian.
const SLOW: f64 = 0.4;
/// Convergence that asks for new pencils at the next step.
const STALE: f64 = 0.05;
/// Steps whose lengths agree to this use the same pencils.
const SAME: f64 = 1e-9;
/// Rounding of charges in the residual.
const ROUNDING: f64 = 16.0 * f64::EPSILON;
/// Share of the tolerance that what is left of the iteration may take.
const SHARE: f64 = 3e-3;
/// Updates, in units of that share, after which nothing is left that counts.
const TINY: f64 = 1e-3;
/// Updates whose sizes agree to this part are the same one: at rates below, what is left of [`TINY`] ones is a tenth of the share.
const REPEATED: f64 = 1e-2;

/// Coefficients, derived from those of the method once.
pub struct Scheme {
    /// Places of the stages.
    pub c: [f64; 3],
    /// The inverse of A.
    pub w: [[f64; 3]; 3],
    /// Eigenvalues of `w`: the real one and one of the pair.
    pub mu: (f64, Complex64),
    /// Left eigenvectors, scaled to `u v = 1`.
    pub u: ([f64; 3], [Complex64; 3]),
    /// Right eigenvectors.
    pub v: ([f64; 3], [Complex64; 3]),
    /// Weights of `q(X_j) - q_n` in h times the derivative of the collocation polynomial at its left end.
    pub left: [f64; 3],
}

impl Scheme {
    fn new() -> Scheme {
        let s = SQRT_6;
        let a = [
            [(88.0 - 7.0 * s) / 360.0, (296.0 - 169.0 * s) / 1800.0, (-2.0 + 3.0 * s) / 225.0],
            [(296.0 + 169.0 * s) / 1800.0, (88.0 + 7.0 * s) / 360.0, (-2.0 - 3.0 * s) / 225.0],
            [(16.0 - s) / 36.0, (16.0 + s) / 36.0, 1.0 / 9.0],
        ];
        let w = inverse(&a);
        // Roots of mu^3 - 9 mu^2 + 36 mu - 60.
        let (third, two_thirds) = (3f64.cbrt(), 9f64.cbrt());
        let real = 3.0 - third + two_thirds;
        let complex = Complex64::new(3.0 + 0.5 * (third - two_thirds), 0.5 * (3f64.powf(5.0 / 6.0) + 3f64.powf(7.0 / 6.0)));
        let (u0, v0) = eigenvectors(&w, Complex64::from(real));
        let (u1, v1) = eigenvectors(&w, complex);
        Scheme {
            c: [(4.0 - s) / 10.0, (4.0 + s) / 10.0, 1.0],
            w,
            mu: (real, complex),
            u: (u0.map(|z| z.re), u1),
            v: (v0.map(|z| z.re), v1),
            left: [(13.0 + 7.0 * s) / 3.0, (13.0 - 7.0 * s) / 3.0, 1.0 / 3.0],
        }
    }
}

/// The inverse of a 3 x 3 matrix by cofactors.
fn inverse(a: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |i: usize, j: usize| {
        let (r, c) = (((i + 1) % 3, (i + 2) % 3), ((j + 1) % 3, (j + 2) % 3));
        a[r.0][c.0] * a[r.1][c.1] - a[r.0][c.1] * a[r.1][c.0]
    };
    let determinant: f64 = (0..3).map(|j| a[0][j] * minor(0, j)).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| minor(j, i) / determinant))
}

/// Left and right eigenvector of `w` for `mu`, scaled to `u v = 1`: what is orthogonal to two columns, and to two rows, of `w - mu`.
fn eigenvectors(w: &[[f64; 3]; 3], mu: Complex64) -> ([Complex64; 3], [Complex64; 3]) {
    let m = |i: usize, j: usize| Complex64::from(w[i][j]) - if i == j { mu } else { Complex64::ZERO };
    let cross = |a: [Complex64; 3], b: [Complex64; 3]| {
        std::array::from_fn::<Complex64, 3, _>(|k| a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3])
    };
    let v = cross(std::array::from_fn(|j| m(0, j)), std::array::from_fn(|j| m(1, j)));
    let u = cross(std::array::from_fn(|i| m(i, 0)), std::array::from_fn(|i| m(i, 1)));
    let product: Complex64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
    (u.map(|z| z / product), v)
}

/// Workspace: the two factorised pencils and the stages.
struct Space {
    eval: Eval,
    real: Lu<f64>,
    complex: Lu<Complex64>,
    real_values: Vec<f64>,
    complex_values: Vec<Complex64>,
    /// Unknowns at the stages.
    x: [Vec<f64>; 3],
    /// Extended charges at the stages, less those at the start of the step.
    z: [Vec<f64>; 3],
    f: [Vec<f64>; 3],
    w0: Vec<f64>,
    w1: Vec<Complex64>,
    /// C of the pencils.
    c: Vec<f64>,
    /// Last update of each stage.
    dx: [Vec<f64>; 3],
    /// True if the residuals at the last update were small: huge entries of G make updates small anywhere.
    balanced: bool,
    /// True if the last update was [`TINY`] beside what unknowns were allowed at the start of the step: far from a solution, where
    /// values are huge, what is allowed there is huge as well.
    tiny: bool,
    /// Length of the step that the pencils were factored for; NaN once they should not be used again.
    factored: f64,
}

/// The method; `extrapolate`: the stages of the last step are those of the step that ended at the newest point.
struct Radau {
    scheme: Scheme,
    space: Option<Box<Space>>,
    extrapolate: bool,
}

impl Integrator for Radau {
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
        if past.slopes() == 0 {
            self.extrapolate = false;
            return euler::step(problem, work, past);
        }
        let mut space = self.space.take().unwrap_or_else(|| Box::new(Space::new(problem, work)));
        let h = work.end.t - past.newest().t;
        self.predict(&mut space, past, h);
        let solved = self.iterate(&mut space, problem, work, past, h);
        let result = solved.map(|()| self.finish(&mut space, problem, work, past, h));
        self.space = Some(space);
        result
    }

    fn judged(&mut self, _problem: &Problem, accepted: bool, past: &History, _work: &mut Work) {
        // A rejected step has overwritten the stages of the one before it.
        self.extrapolate = accepted && past.slopes() > 0;
    }

    fn within(&self, share: f64, past: &History, end: &Record, out: &mut [f64]) {
        let Some(space) = self.space.as_ref().filter(|_| past.slopes() > 0) else {
            return past.within(share, end, out);
        };
        let (start, c) = (past.newest(), &self.scheme.c);
        let value = value_weights(share, &[0.0, c[0], c[1], c[2]]);
        for (k, x) in out.iter_mut().enumerate() {
            *x = value[0] * start.x[k] + (0..3).map(|i| value[i + 1] * space.x[i][k]).sum::<f64>();
        }
    }

    fn stages(&self) -> &[f64] {
        &self.scheme.c[..2]
    }

    fn interpolate(&self, share: f64, past: &History, out: &mut Record) -> bool {
        let Some(space) = self.space.as_ref().filter(|_| self.extrapolate) else {
            return false;
        };
        let (start, c) = (past.back(1), &self.scheme.c);
        let h = past.newest().t - start.t;
        let nodes = [0.0, c[0], c[1], c[2]];
        let (value, slope) = (value_weights(share, &nodes), slope_weights_at(share, &nodes));
        out.t = start.t + share * h;
        for (k, x) in out.x.iter_mut().enumerate() {
            *x = value[0] * start.x[k] + (0..3).map(|i| value[i + 1] * space.x[i][k]).sum::<f64>();
        }
        for (k, qdot) in out.qdot.iter_mut().enumerate() {
            *qdot = (0..3).map(|i| slope[i + 1] * space.z[i][k]).sum::<f64>() / h;
        }
        true
    }
}

impl Space {
    fn new(problem: &Problem, work: &Work) -> Space {
        let (n, extended, entries) = (work.end.x.len(), work.end.q.len(), problem.system.pattern().len());
        let vectors = |length: usize| std::array::from_fn(|_| vec![0.0; length]);
        Space {
            eval: Eval::new(problem.system),
            real: Lu::new(problem.system.pattern()),
            complex: Lu::new(problem.system.pattern()),
            real_values: vec![0.0; entries],
            complex_values: vec![Complex64::ZERO; entries],
            x: vectors(n),
            z: vectors(extended),
            f: vectors(n),
            w0: vec![0.0; n],
            w1: vec![Complex64::ZERO; n],
            c: vec![0.0; entries],
            dx: vectors(n),
            balanced: false,
            tiny: false,
            factored: f64::NAN,
        }
    }

    /// Evaluates G and C at the second stage and factors both pencils.
    fn factor(&mut self, scheme: &Scheme, problem: &Problem, work: &mut Work, t: f64, h: f64) -> Result<(), Failure> {
        // Whatever fails below leaves no pencils behind.
        self.factored = f64::NAN;
        problem.system.eval(&problem.point(&self.x[1], t), Want::NEWTON, &mut self.eval);
        self.eval.pencil(scheme.mu.0 / h, &mut self.real_values);
        self.eval.pencil(scheme.mu.1 / h, &mut self.complex_values);
        if !self.real_values.iter().all(|v| v.is_finite()) {
            return Err(Failure::NotFinite);
        }
        work.counts.evaluations += 1;
        work.counts.factorisations += 2;
        self.real.factor(&self.real_values).map_err(Failure::Singular)?;
        self.complex.factor(&self.complex_values).map_err(Failure::Singular)?;
        let entries = self.c.len();
        self.c.copy_from_slice(&self.eval.c[..entries]);
        self.factored = h;
        Ok(())
    }

    /// Evaluates f and q at all stages.
    fn evaluate(&mut self, scheme: &Scheme, problem: &Problem, work: &mut Work, past: &History, h: f64) -> Result<(), Failure> {
        let start = past.newest();
        let n = self.w0.len();
        work.scale.fill(0.0);
        for i in 0..3 {
            let t = if i == 2 { work.end.t } else { start.t + scheme.c[i] * h };
            problem.system.eval(&problem.point(&self.x[i], t), Want::RESIDUAL, &mut self.eval);
            self.f[i].copy_from_slice(&self.eval.f[..n]);
            work.scale.iter_mut().zip(&self.eval.scale).for_each(|(largest, scale)| *largest = largest.max(*scale));
            self.z[i][..n].iter_mut().zip(&self.eval.q).zip(&start.q).for_each(|((z, q), q0)| *z = q - q0);
            if self.eval.advice.not_finite || !self.f[i].iter().chain(&self.z[i][..n]).all(|v| v.is_finite()) {
                return Err(Failure::NotFinite);
            }
        }
        work.counts.evaluations += 3;
        Ok(())
    }

    /// One update of all stages; its largest share of the tolerance, and where. Sets `balanced` if all residuals are small.
    fn update(&mut self, scheme: &Scheme, problem: &Problem, work: &Work, past: &History, h: f64) -> (usize, f64) {
        let unknowns = &problem.system.layout().unknowns;
        self.balanced = true;
        for (k, unknown) in unknowns.iter().enumerate() {
            let r: [f64; 3] = std::array::from_fn(|i| {
                let w = &scheme.w[i];
                (w[0] * self.z[0][k] + w[1] * self.z[1][k] + w[2] * self.z[2][k]) / h + self.f[i][k]
            });
            let moved = self.z[0][k].abs().max(self.z[1][k].abs()).max(self.z[2][k].abs()) * scheme.mu.0 / h;
            let rounding = ROUNDING * past.newest().q[k].abs() * scheme.mu.0 / h;
            let allowed = work.weights.relative * work.scale[k].max(moved) + unknown.residual_abstol + rounding;
            self.balanced &= r.iter().all(|r| r.abs() <= allowed);
            self.w0[k] = -(scheme.u.0[0] * r[0] + scheme.u.0[1] * r[1] + scheme.u.0[2] * r[2]);
            self.w1[k] = -(scheme.u.1[0] * r[0] + scheme.u.1[1] * r[1] + scheme.u.1[2] * r[2]);
        }
        self.real.solve(&mut self.w0);
        self.complex.solve(&mut self.w1);
        let mut worst = (0, 0.0);
        self.tiny = true;
        let start = &past.newest().x;
        for (k, x) in start.iter().enumerate() {
            let little = TINY * SHARE * work.weights.allowed(k, *x);
            for i in 0..3 {
                let dx = scheme.v.0[i] * self.w0[k] + 2.0 * (scheme.v.1[i] * self.w1[k]).re;
                self.x[i][k] += dx;
                self.dx[i][k] = dx;
                self.tiny &= dx.abs() <= little;
                let share = dx.abs() / (SHARE * work.weights.allowed(k, self.x[i][k]));
                if share > worst.1 || share.is_nan() {
                    worst = (k, share);
                }
            }
        }
        worst
    }

    /// True if the last updates are what rounding of charges makes, but for what may be left of the iteration.
    fn rounds(&mut self, scheme: &Scheme, work: &mut Work, past: &History, (h, rate): (f64, f64)) -> bool {
        rounding::currents(scheme.mu.0 / h, &past.newest().q, &mut work.noise);
        self.real.solve(&mut work.noise);
        let share = SHARE * rounding::slack(rate);
        work.noise.iter().enumerate().all(|(k, noise)| {
            let allowed = share * work.weights.allowed(k, self.x[2][k]) + noise.abs();
            noise.is_finite() && self.dx.iter().all(|dx| dx[k].abs() <= allowed)
        })
    }
}

impl Radau {
    /// Starting values of the stages: the last collocation polynomial carried on, or the last points.
    fn predict(&self, space: &mut Space, past: &History, h: f64) {
        let start = past.newest();
        if !self.extrapolate {
            for (c, x) in self.scheme.c.iter().zip(&mut space.x) {
                past.predict(start.t + c * h, 3, x);
            }
            return;
        }
        let before = past.back(1);
        let ratio = h / (start.t - before.t);
        let c = &self.scheme.c;
        let weights = c.map(|c_i| value_weights(1.0 + c_i * ratio, &[0.0, c[0], c[1], c[2]]));
        for k in 0..start.x.len() {
            let old = [before.x[k], space.x[0][k], space.x[1][k], space.x[2][k]];
            for (x, w) in space.x.iter_mut().zip(&weights) {
                x[k] = old.iter().zip(w).map(|(x, w)| x * w).sum();
            }
        }
    }

    /// Simplified Newton on all stages, with the pencils of the last step if that was as long and converged well.
    fn iterate(&self, space: &mut Space, problem: &Problem, work: &mut Work, past: &History, h: f64) -> Result<(), Failure> {
        let middle = past.newest().t + self.scheme.c[1] * h;
        let mut report = Report::default();
        for attempt in 0..=ITERATIONS.1 {
            if attempt > 0 || (space.factored / h - 1.0).abs() > SAME || space.factored.is_nan() {
                space.factor(&self.scheme, problem, work, middle, h)?;
            }
            let (mut last, mut rate, mut tiny) = (f64::INFINITY, f64::INFINITY, false);
            for _ in 0..ITERATIONS.0 {
                space.evaluate(&self.scheme, problem, work, past, h)?;
                let (worst, share) = space.update(&self.scheme, problem, work, past, h);
                work.counts.iterations += 1;
                report.iterations += 1;
                report.worst_unknown = (worst, share * SHARE * work.weights.allowed(worst, space.x[2][worst]));
                report.worst_row = (worst, space.f[2][worst]);
                if last.is_finite() {
                    rate = share / last;
                }
                let left = if rate < 1.0 { share * rate / (1.0 - rate) } else { f64::INFINITY };
                // A row may be one contribution with terms that cancel inside of it: two tiny updates then say more than its residual.
                // But one that is repeated has come no nearer: the pencils are those of a place where the equations are much steeper.
                let repeated = share > 0.0 && (rate - 1.0).abs() < REPEATED;
                if (space.balanced && (left <= 1.0 || share <= TINY)) || (space.tiny && tiny && !repeated) {
                    if rate.is_finite() && rate > STALE {
                        space.factored = f64::NAN;
                    }
                    return Ok(());
                }
                // What only rounding moves has converged, and new pencils would not help.
                if rate.is_finite()
                    && rate > SLOW
                    && share.is_finite()
                    && space.balanced
                    && space.rounds(&self.scheme, work, past, (h, rate))
                {
                    return Ok(());
                }
                if !share.is_finite() || (last.is_finite() && rate > SLOW && share > 1.0) {
                    break;
                }
                (last, tiny) = (share, space.tiny);
            }
        }
        space.factored = f64::NAN;
        Err(Failure::NoConvergence(report))
    }

    /// Charges and derivatives at the end, and the error.
    fn finish(&self, space: &mut Space, problem: &Problem, work: &mut Work, past: &History, h: f64) -> Estimate {
        let (start, n) = (past.newest(), work.end.x.len());
        let Scheme { c, w, left, .. } = &self.scheme;
        for (i, c) in c.iter().enumerate() {
            // The charges at hand are those before the last update.
            problem.system.pattern().multiply_add(&space.c, &space.dx[i], &mut space.z[i][..n]);
            let t = if i == 2 { work.end.t } else { start.t + c * h };
            output_charges(problem, &mut space.eval, &space.x[i], t, &mut work.end.q);
            space.z[i][n..].iter_mut().zip(&work.end.q[n..]).zip(&start.q[n..]).for_each(|((z, q), q0)| *z = q - q0);
        }
        work.end.q.iter_mut().zip(&space.z[2]).zip(&start.q).for_each(|((q, z), q0)| *q = q0 + z);
        work.end.x.copy_from_slice(&space.x[2]);
        for (k, qdot) in work.end.qdot.iter_mut().enumerate() {
            *qdot = (w[2][0] * space.z[0][k] + w[2][1] * space.z[1][k] + w[2][2] * space.z[2][k]) / h;
        }
        for (k, e) in work.error.iter_mut().enumerate() {
            let slope = (left[0] * space.z[0][k] + left[1] * space.z[1][k] + left[2] * space.z[2][k]) / h;
            // alpha times the error in q, alpha = mu_0/h.
            *e = start.qdot[k] - slope;
        }
        space.real.solve(&mut work.error);
        let worst = work.weights.norm(&work.error, &work.end.x);
        if !(worst.1 > 1.0 && worst.1.is_finite()) {
            return Estimate::new(worst, 4);
        }
        // The derivative carried has the rounding of the step before.
        let before = if past.smooth() > 1 { start.t - past.back(1).t } else { h };
        rounding::currents(self.scheme.mu.0 * (1.0 / h + 1.0 / before), &work.end.q, &mut work.noise);
        space.real.solve(&mut work.noise);
        Estimate::new(work.audible(), 4)
    }
}
