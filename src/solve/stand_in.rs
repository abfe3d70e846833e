//! Dense LU with partial pivoting behind the interface of the sparse one, until that one is in.

use crate::sparse::{Pattern, Singular};

/// See `sparse::Lu`.
pub struct Lu {
    pattern: Pattern,
    a: Vec<f64>,
    order: Vec<usize>,
}

impl Lu {
    /// Space.
    pub fn new(pattern: &Pattern) -> Lu {
        Lu { pattern: pattern.clone(), a: vec![0.0; pattern.n * pattern.n], order: (0..pattern.n).collect() }
    }

    /// Factors.
    ///
    /// # Errors
    /// If there is no pivot.
    pub fn factor(&mut self, values: &[f64]) -> Result<(), Singular> {
        let n = self.pattern.n;
        self.a.fill(0.0);
        self.order = (0..n).collect();
        for c in 0..n {
            for s in self.pattern.column(c) {
                self.a[self.pattern.rows[s] as usize * n + c] = values[s];
            }
        }
        for k in 0..n {
            let best = (k..n).max_by(|i, j| self.a[i * n + k].abs().total_cmp(&self.a[j * n + k].abs())).unwrap_or(k);
            if self.a[best * n + k].abs() < 1e-300 {
                return Err(Singular { column: k, row: None, not_finite: false });
            }
            if best != k {
                (0..n).for_each(|j| self.a.swap(k * n + j, best * n + j));
                self.order.swap(k, best);
            }
            for i in k + 1..n {
                let l = self.a[i * n + k] / self.a[k * n + k];
                self.a[i * n + k] = l;
                for j in k + 1..n {
                    self.a[i * n + j] -= l * self.a[k * n + j];
                }
            }
        }
        Ok(())
    }

    /// Solves.
    pub fn solve(&mut self, b: &mut [f64]) {
        let n = self.pattern.n;
        let mut y: Vec<f64> = self.order.iter().map(|k| b[*k]).collect();
        for i in 0..n {
            for j in 0..i {
                y[i] -= self.a[i * n + j] * y[j];
            }
        }
        for i in (0..n).rev() {
            for j in i + 1..n {
                y[i] -= self.a[i * n + j] * y[j];
            }
            y[i] /= self.a[i * n + i];
        }
        b.copy_from_slice(&y);
    }
}
