//! Finite eigenvalues of a pencil: s with `det(G + s C) = 0`, the natural frequencies in 1/s of `C dy/dt + G y = 0`.
//!
//! Shift and invert: the eigenvalues mu of `(G + sigma C)^-1 C` give `s = sigma - 1/mu`; mu = 0 is an eigenvalue at infinity
//! (an algebraic equation). Only columns where C has entries matter, which takes the algebraic unknowns out exactly. Up to
//! 200 such columns the matrix is formed and solved densely, and two shifts must agree on an eigenvalue before it counts
//! (decision 32): infinite ones of index 2 appear as large numbers that depend on the shift. Beyond, [`super::modes`] finds the
//! rightmost ones by Arnoldi's method.

use faer::Mat;
use num_complex::Complex64;

use super::{Lu, Pattern, Singular, modes};

/// Largest number of dynamic columns solved densely.
pub(super) const DENSE: usize = 200;
/// Agreement of two shifts, relative to the eigenvalue, and what a shift contributes in absolute terms: round-off of mu times
/// `|sigma - s|`, with room for eigenvalues that are sensitive.
const AGREE: (f64, f64) = (1e-5, 1e-9);
/// Finite eigenvalues s of `det(G + s C) = 0`, the rightmost first, at most `want` of them; `g` and `c` by slot.
///
/// For systems with more than 200 dynamic unknowns these are the rightmost that [`modes::rightmost`] finds, not a proof that
/// there is none further right, and never all of them.
///
/// # Errors
/// If the pencil is singular for every shift tried: the equations do not determine the unknowns.
pub fn eigenvalues(pattern: &Pattern, g: &[f64], c: &[f64], want: usize) -> Result<Vec<Complex64>, Singular> {
    Ok(modes::rightmost(pattern, g, c, want)?.values)
}

/// All finite eigenvalues, the rightmost first, by a dense matrix.
pub(super) fn dense(pattern: &Pattern, g: &[f64], c: &[f64]) -> Result<Vec<Complex64>, Singular> {
    let mut pencil = Pencil::new(pattern, g, c);
    let mut found = if pencil.dynamic.is_empty() { Vec::new() } else { pencil.dense()? };
    found.sort_by(|a, b| b.re.total_cmp(&a.re).then(b.im.total_cmp(&a.im)));
    Ok(found)
}

/// Columns in which C has entries.
pub(super) fn dynamic_columns(pattern: &Pattern, c: &[f64]) -> Vec<usize> {
    (0..pattern.n).filter(|j| pattern.column(*j).any(|s| c[s] != 0.0)).collect()
}

/// Rates of a pencil that do not depend on units, rising; never empty.
pub(super) fn rates(pattern: &Pattern, g: &[f64], c: &[f64]) -> Vec<f64> {
    Pencil::new(pattern, g, c).rates()
}

struct Pencil<'a> {
    pattern: &'a Pattern,
    g: &'a [f64],
    c: &'a [f64],
    lu: Lu<f64>,
    values: Vec<f64>,
    /// Columns in which C has entries.
    dynamic: Vec<usize>,
}

/// Eigenvalues found at one shift.
struct Seen {
    sigma: f64,
    values: Vec<Complex64>,
}

impl<'a> Pencil<'a> {
    fn new(pattern: &'a Pattern, g: &'a [f64], c: &'a [f64]) -> Pencil<'a> {
        Pencil { pattern, g, c, lu: Lu::new(pattern), values: vec![0.0; pattern.len()], dynamic: dynamic_columns(pattern, c) }
    }

    /// Rates that do not depend on the units of rows or unknowns, rising: `|g_kk / c_kk|` of single equations and
    /// `sqrt |g_ij g_ji / (c_ii c_jj)|` of pairs (a capacitor and an inductor).
    fn rates(&self) -> Vec<f64> {
        let p = self.pattern;
        let at = |values: &[f64], row: u32, column: u32| values[p.slot(row, column).0 as usize];
        let mut rates = Vec::new();
        for &j in &self.dynamic {
            let own = at(self.c, j as u32, j as u32);
            rates.push((at(self.g, j as u32, j as u32) / own).abs());
            for s in p.column(j) {
                let i = p.rows[s];
                if p.rows[p.column(i as usize)].binary_search(&(j as u32)).is_ok() && (i as usize) < j {
                    let product = self.g[s] * at(self.g, j as u32, i) / own / at(self.c, i, i);
                    rates.push(product.abs().sqrt());
                }
            }
        }
        rates.retain(|r| r.is_finite() && *r > 0.0);
        rates.sort_by(f64::total_cmp);
        if rates.is_empty() {
            rates.push(1.0);
        }
        rates
    }

    /// Factors `G + sigma C` at a shift near `sigma`; returns the shift.
    fn shift(&mut self, sigma: f64) -> Result<f64, Singular> {
        let (mut sigma, mut result) = (sigma, Ok(0.0));
        for _ in 0..3 {
            for ((v, g), c) in self.values.iter_mut().zip(self.g).zip(self.c) {
                *v = g + sigma * c;
            }
            result = self.lu.factor(&self.values).map(|_| sigma);
            if result.is_ok() {
                break;
            }
            // The shift may be an eigenvalue by accident.
            sigma *= 1.37;
        }
        result
    }

    /// `(G + sigma C)^-1 C x` for x on the dynamic columns; `full` is space for n numbers.
    fn apply(&mut self, x: &[f64], full: &mut [f64], out: &mut [f64]) {
        full.fill(0.0);
        for (j, x) in self.dynamic.iter().zip(x) {
            for s in self.pattern.column(*j) {
                full[self.pattern.rows[s] as usize] += self.c[s] * x;
            }
        }
        self.lu.solve(full);
        for (out, j) in out.iter_mut().zip(&self.dynamic) {
            *out = full[*j];
        }
    }

    fn dense(&mut self) -> Result<Vec<Complex64>, Singular> {
        let rates = self.rates();
        let logs: f64 = rates.iter().map(|r| r.ln()).sum();
        let middle = (logs / rates.len() as f64).exp();
        let first = self.dense_at(middle)?;
        // The second shift looks from where the rightmost ones are, if the first was far off.
        let nearest = first.values.iter().map(|s| s.norm()).filter(|s| *s > 1e-6 * middle).fold(f64::INFINITY, f64::min);
        let second = self.dense_at(if nearest < 0.1 * middle { (nearest * middle).sqrt() } else { 2.7 * middle })?;
        Ok(agreed(&first, &second))
    }

    fn dense_at(&mut self, sigma: f64) -> Result<Seen, Singular> {
        let sigma = self.shift(sigma)?;
        let n = self.dynamic.len();
        let (mut full, mut unit, mut column) = (vec![0.0; self.pattern.n], vec![0.0; n], vec![0.0; n]);
        let mut matrix = Mat::<f64>::zeros(n, n);
        for j in 0..n {
            unit[j] = 1.0;
            self.apply(&unit, &mut full, &mut column);
            unit[j] = 0.0;
            (0..n).for_each(|i| matrix[(i, j)] = column[i]);
        }
        balance(&mut matrix);
        let values = dense_eigenvalues(&matrix).into_iter().filter_map(|mu| unshift(sigma, mu)).collect();
        Ok(Seen { sigma, values })
    }
}

/// `s = sigma - 1/mu`; `None` for mu that is zero but for round-off.
fn unshift(sigma: f64, mu: Complex64) -> Option<Complex64> {
    let s = sigma - mu.inv();
    (mu.norm() * sigma > 1e-13 && s.is_finite()).then_some(s)
}

/// What both shifts see, as seen from the nearer one; eigenvalues that coincide are counted as often as both see them.
fn agreed(first: &Seen, second: &Seen) -> Vec<Complex64> {
    let mut open = second.values.clone();
    let mut common = Vec::new();
    for &s in &first.values {
        let distance = |t: &Complex64| (*t - s).norm();
        let Some(k) = (0..open.len()).min_by(|a, b| distance(&open[*a]).total_cmp(&distance(&open[*b]))) else { break };
        let t = open[k];
        let scale = |seen: &Seen, s: Complex64| (Complex64::from(seen.sigma) - s).norm();
        if distance(&t) <= AGREE.0 * s.norm() + AGREE.1 * scale(first, s).max(scale(second, t)) {
            // The error of s is that of mu times |sigma - s|^2, and mu is accurate to the largest, 1/sigma or so.
            let error = |seen: &Seen, s: Complex64| scale(seen, s).powi(2) / seen.sigma;
            common.push(if error(second, t) < error(first, s) { t } else { s });
            open.swap_remove(k);
        }
    }
    common
}

/// Eigenvalues of a dense matrix; none if it is not finite or the iteration does not end.
fn dense_eigenvalues(matrix: &Mat<f64>) -> Vec<Complex64> {
    let finite = (0..matrix.ncols()).all(|j| (0..matrix.nrows()).all(|i| matrix[(i, j)].is_finite()));
    if !finite {
        return Vec::new();
    }
    matrix.eigenvalues().unwrap_or_default()
}

/// Makes rows and columns alike in size by powers of two (Parlett, Reinsch, Numer. Math. 13, 1969): unknowns come in volts,
/// kelvins and amperes.
fn balance(matrix: &mut Mat<f64>) {
    let n = matrix.ncols();
    for _ in 0..20 {
        let mut done = true;
        for k in 0..n {
            let off = (0..n).filter(|i| *i != k);
            let (row, column) = off.fold((0.0, 0.0), |(r, c), i| (r + matrix[(k, i)].abs(), c + matrix[(i, k)].abs()));
            if !(row > 0.0 && column > 0.0 && row.is_finite() && column.is_finite()) {
                continue;
            }
            let factor = 2f64.powi((0.5 * (row / column).log2()).round().clamp(-500.0, 500.0) as i32);
            if column * factor + row / factor < 0.95 * (column + row) {
                done = false;
                for i in 0..n {
                    matrix[(i, k)] *= factor;
                    matrix[(k, i)] /= factor;
                }
            }
        }
        if done {
            break;
        }
    }
}
