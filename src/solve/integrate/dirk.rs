//! Diagonally implicit Runge-Kutta methods with an explicit first stage, stiffly accurate (ESDIRK): the stepping that
//! `trbdf2` and `esdirk` share.
//!
//! Stage i at `t_n + c_i h`: `q(X_i) = q_n + h sum_(j<i) a_ij K_j + h gamma K_i` with `K = qdot = -f`, that is
//! `alpha = 1/(h gamma)`, `beta = -alpha (q_n + h sum_(j<i) a_ij K_j)`, `K_i = alpha q(X_i) + beta`: one and the same pencil for all
//! stages. The first stage is the qdot carried from the last step, the last stage is the new point. Error in q:
//! `h sum (b_j - bhat_j) K_j` (Kennedy and Carpenter, Appl. Numer. Math. 44 (2003) 139).

use super::{Estimate, Integrator, Problem, Work, euler};
use crate::solve::failure::Failure;
use crate::solve::history::{History, value_weights};

/// Most stages.
pub const STAGES: usize = 6;

/// Coefficients of one method.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tableau {
    /// Number of stages, the explicit one included.
    pub stages: usize,
    /// Diagonal of all implicit stages.
    pub gamma: f64,
    /// Places of the stages in the step.
    pub c: [f64; STAGES],
    /// Rows below the diagonal and the diagonal; the last one is `b`.
    pub a: [[f64; STAGES]; STAGES],
    /// Weights of the embedded method.
    pub embedded: [f64; STAGES],
    /// The error goes as h to this power.
    pub exponent: u32,
}

/// A tableau with its stages.
pub struct Dirk {
    tableau: &'static Tableau,
    slopes: Vec<Vec<f64>>,
    places: Vec<Vec<f64>>,
}

impl Dirk {
    /// The method of `tableau`.
    pub fn new(tableau: &'static Tableau) -> Dirk {
        Dirk { tableau, slopes: Vec::new(), places: Vec::new() }
    }

    /// Space, at the first step.
    fn prepare(&mut self, work: &Work) {
        if self.slopes.is_empty() {
            self.slopes = vec![vec![0.0; work.end.q.len()]; self.tableau.stages];
            self.places = vec![vec![0.0; work.end.x.len()]; self.tableau.stages];
        }
    }

    /// Starting value of stage `i`: the polynomial through the stages before it and, for the early ones, the last points.
    fn predict(&self, i: usize, h: f64, past: &History, out: &mut [f64]) {
        let start = past.newest().t;
        if i == 1 {
            past.predict(start + self.tableau.c[1] * h, 3, out);
            return;
        }
        let first = i.saturating_sub(4);
        let mut times = self.tableau.c;
        times[..i - first].copy_from_slice(&self.tableau.c[first..i]);
        // The point before the step supports the first stages, if it is not much farther away than the step is long.
        let before = (i < 4 && past.smooth() > 1).then(|| (past.back(1).t - start) / h).filter(|c| *c > -4.0);
        let count = i - first + usize::from(before.is_some());
        if let Some(c) = before {
            times[count - 1] = c;
        }
        let weights = value_weights(self.tableau.c[i], &times[..count]);
        out.fill(0.0);
        for (weight, place) in weights.iter().zip(self.places[first..i].iter().chain(before.map(|_| &past.back(1).x))) {
            out.iter_mut().zip(place).for_each(|(out, x)| *out += weight * x);
        }
    }
}

impl Integrator for Dirk {
    fn step(&mut self, problem: &Problem, work: &mut Work, past: &History) -> Result<Estimate, Failure> {
        if past.slopes() == 0 {
            return euler::step(problem, work, past);
        }
        self.prepare(work);
        let Tableau { stages, gamma, c, a, embedded, exponent } = self.tableau;
        let start = past.newest();
        let (t, h) = (work.end.t, work.end.t - start.t);
        let alpha = 1.0 / (h * gamma);
        self.slopes[0].copy_from_slice(&start.qdot);
        self.places[0].copy_from_slice(&start.x);
        for i in 1..*stages {
            work.beta.iter_mut().zip(&start.q).for_each(|(b, q)| *b = -alpha * q);
            for (weight, slope) in a[i][..i].iter().zip(&self.slopes).filter(|(w, _)| **w != 0.0) {
                work.beta.iter_mut().zip(slope).for_each(|(b, k)| *b -= weight / gamma * k);
            }
            self.predict(i, h, past, &mut work.end.x);
            let at = if i + 1 == *stages { t } else { start.t + c[i] * h };
            work.solve(problem, alpha, at)?;
            if i + 1 < *stages {
                work.complete(problem, at);
            }
            self.slopes[i].copy_from_slice(&work.end.qdot);
            self.places[i].copy_from_slice(&work.end.x);
        }
        work.error.fill(0.0);
        for (j, slope) in self.slopes.iter().enumerate() {
            let weight = h * (a[stages - 1][j] - embedded[j]);
            work.error.iter_mut().zip(slope).for_each(|(e, k)| *e += weight * k);
        }
        Ok(Estimate::new(work.measure(alpha), *exponent))
    }
}
