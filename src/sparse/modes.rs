//! Modes of a pencil: `(G + s C) x = 0`, `y^T (G + s C) = 0`, `y^T C x = 1`, with s in 1/s; and the degree of `det(G + s C)`.
//!
//! Eigenvalues come from [`super::eigen`] up to 200 dynamic unknowns. Beyond, Arnoldi's method on `(G + sigma C)^-1 C` is
//! restarted with what has converged locked away (Saad, Numerical Methods for Large Eigenvalue Problems, 2011, section 6.5), so
//! that equal eigenvalues of symmetric arrays are found as often as they occur. Vectors of both sides come from inverse
//! iteration at each eigenvalue, which also polishes it by the two-sided Rayleigh quotient `s = -(y^T G x)/(y^T C x)`.

use faer::Mat;
use num_complex::Complex64;

use super::eigen::{self, dynamic_columns};
use super::{Lu, Pattern, Singular};

/// One natural mode `exp(s t)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Mode {
    /// Eigenvalue, 1/s.
    pub s: Complex64,
    /// Right eigenvector, the shape of the mode; largest entry has modulus 1.
    pub right: Vec<Complex64>,
    /// Left eigenvector, transposed and not conjugated, with `left^T C right = 1`.
    pub left: Vec<Complex64>,
    /// `|(G + s C) right|` row by row beside the sum of magnitudes of the row's terms, the largest.
    pub residual: f64,
}

/// Eigenvalues, the rightmost first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spectrum {
    /// Their values, 1/s.
    pub values: Vec<Complex64>,
    /// True if there are no others: the pencil was solved densely.
    pub complete: bool,
}

/// Vectors of a Krylov space beyond the locked ones.
const KRYLOV: usize = 60;
/// Residual of a pair that is locked, relative to the largest mu.
const LOCKED: f64 = 1e-10;
/// Eigenvalues of a large pencil that are looked for at most.
const MOST: usize = 60;
/// Agreement of inverse iteration with what it starts from, relative to the eigenvalue and to the largest one.
const AGREE: (f64, f64) = (1e-5, 1e-9);
/// Imaginary part of a real eigenvalue at most, relative to its size.
const REAL: f64 = 1e-9;
/// Restarts at one shift.
const RESTARTS: usize = 40;
/// Eigenvalues nearer to each other than this (relative to their distance from the shift) are treated together.
const CLUSTER: f64 = 1e-7;

/// The `want` rightmost eigenvalues.
///
/// # Errors
/// If the pencil is singular for every shift tried.
pub fn rightmost(pattern: &Pattern, g: &[f64], c: &[f64], want: usize) -> Result<Spectrum, Singular> {
    let dynamic = dynamic_columns(pattern, c);
    if dynamic.len() <= eigen::DENSE {
        let mut values = eigen::dense(pattern, g, c)?;
        values.truncate(want);
        return Ok(Spectrum { values, complete: true });
    }
    let want = want.min(MOST);
    let mut found: Vec<Complex64> = Vec::new();
    for turning in [false, true] {
        if let Some(shift) = approach(pattern, g, c, &dynamic, turning)? {
            merge(&mut found, &Search::new(pattern, g, c, &dynamic, shift)?.nearest(want + 6));
        }
    }
    sort(&mut found);
    // Once more from just right of everything: what was overlooked there would be nearest.
    if let (Some(top), Some(last)) = (found.first().copied(), found.get(want.min(found.len()).saturating_sub(1))) {
        let margin = (0.3 * (top.re - last.re)).max(1e-3 * top.norm());
        let shift = Complex64::new(top.re + margin, top.im.abs());
        merge(&mut found, &Search::new(pattern, g, c, &dynamic, shift)?.nearest((want / 2).max(4)));
        sort(&mut found);
    }
    confirm(pattern, g, c, &mut found)?;
    found.truncate(want);
    // Complex arithmetic leaves rounding on what is real.
    found.iter_mut().filter(|s| s.im.abs() <= REAL * s.norm()).for_each(|s| s.im = 0.0);
    Ok(Spectrum { values: found, complete: false })
}

/// Drops growing modes that inverse iteration does not find again: infinite eigenvalues of index 2 appear as large numbers that
/// depend on the shift, on either side.
fn confirm(pattern: &Pattern, g: &[f64], c: &[f64], found: &mut Vec<Complex64>) -> Result<(), Singular> {
    let growing: Vec<Complex64> = found.iter().copied().take_while(|s| s.re > 0.0).collect();
    let largest = found.iter().map(|s| s.norm()).fold(0.0, f64::max);
    let again = vectors(pattern, g, c, &growing)?;
    let holds = |(s, mode): (&Complex64, &Mode)| (mode.s - s).norm() <= AGREE.0 * s.norm() + AGREE.1 * largest;
    let held: Vec<Complex64> = growing.iter().zip(&again).filter(|pair| holds(*pair)).map(|pair| *pair.0).collect();
    found.splice(..growing.len(), held);
    Ok(())
}

fn sort(values: &mut [Complex64]) {
    values.sort_by(|a, b| b.re.total_cmp(&a.re).then(b.im.total_cmp(&a.im)));
}

/// Rounds of the approach, the part of the distance that remains after each, and the residual of a Ritz value that leads it.
const APPROACH: (usize, f64, f64) = (24, 0.15, 1e-2);

/// A shift close to the right edge of the spectrum: from far right, where the edge is seen roughly, in steps that leave a part
/// of the distance. `turning`: towards the rightmost complex pair; `None` if there is none.
fn approach(pattern: &Pattern, g: &[f64], c: &[f64], dynamic: &[usize], turning: bool) -> Result<Option<Complex64>, Singular> {
    let fastest = eigen::rates(pattern, g, c).last().copied().unwrap_or(1.0);
    let mut shift = Complex64::new(2.0 * fastest, 0.0);
    let mut target: Option<Complex64> = None;
    for _ in 0..APPROACH.0 {
        let mut search = Search::new(pattern, g, c, dynamic, shift)?;
        shift = search.shift;
        let start = search.random(dynamic.len());
        let (pairs, largest) = search.run(&start, dynamic.len());
        let seen = pairs.iter().filter(|p| p.2 <= APPROACH.2 * largest && p.0.norm() > 1e-12 * largest);
        let values = seen.map(|(mu, _, residual)| (shift + mu.inv(), *residual));
        let candidates = values.filter(|(s, _)| s.is_finite() && (!turning || s.im.abs() > 0.02 * s.norm()));
        let Some((s, residual)) = candidates.max_by(|a, b| a.0.re.total_cmp(&b.0.re)) else { break };
        let s = Complex64::new(s.re, if turning { s.im.abs() } else { s.im });
        target = Some(s);
        let distance = (shift - s).norm();
        // What has converged here can be locked here; a cluster that looks like one eigenvalue from afar has not.
        if residual <= LOCKED * largest && distance <= 0.3 * s.norm() || distance <= 1e-9 * s.norm() {
            break;
        }
        shift = s + (APPROACH.1 * distance).max(1e-3 * s.norm());
    }
    Ok(target.map(|s| s + (shift - s).norm().min(0.1 * s.norm()).max(1e-6 * s.norm())))
}

/// Adds eigenvalues that another shift found, each as often as the shift that saw it most often.
fn merge(found: &mut Vec<Complex64>, new: &[Complex64]) {
    let mut open: Vec<bool> = vec![true; found.len()];
    for s in new {
        let near = |t: &Complex64| (t - s).norm() <= 1e-6 * s.norm().max(t.norm());
        match (0..open.len()).find(|k| open[*k] && near(&found[*k])) {
            Some(k) => open[k] = false,
            None => found.push(*s),
        }
    }
}

/// Arnoldi's method with locking at one complex shift.
struct Search<'a> {
    pattern: &'a Pattern,
    c: &'a [f64],
    dynamic: &'a [usize],
    lu: Lu<Complex64>,
    shift: Complex64,
    full: Vec<Complex64>,
    /// Orthonormal basis of what is locked.
    locked: Vec<Vec<Complex64>>,
    seed: u64,
}

impl<'a> Search<'a> {
    fn new(pattern: &'a Pattern, g: &[f64], c: &'a [f64], dynamic: &'a [usize], shift: Complex64) -> Result<Search<'a>, Singular> {
        let (lu, shift) = factored(pattern, g, c, shift)?;
        let full = vec![Complex64::default(); pattern.n];
        Ok(Search { pattern, c, dynamic, lu, shift, full, locked: Vec::new(), seed: 1 })
    }

    /// `-(G + shift C)^-1 C x`: eigenvalue mu gives `s = shift + 1/mu`. Orthogonal to what is locked.
    fn apply(&mut self, x: &[Complex64], out: &mut [Complex64]) {
        self.full.fill(Complex64::default());
        for (j, x) in self.dynamic.iter().zip(x) {
            for s in self.pattern.column(*j) {
                self.full[self.pattern.rows[s] as usize] -= x * self.c[s];
            }
        }
        self.lu.solve(&mut self.full);
        for (out, j) in out.iter_mut().zip(self.dynamic) {
            *out = self.full[*j];
        }
        orthogonalise(&self.locked, out);
    }

    /// About `want` eigenvalues nearest to the shift, as often as they occur.
    fn nearest(&mut self, want: usize) -> Vec<Complex64> {
        let n = self.dynamic.len();
        let mut values: Vec<Complex64> = Vec::new();
        let mut start = self.random(n);
        let (mut barren, mut confirmed) = (0, false);
        for _ in 0..RESTARTS {
            let (pairs, largest) = self.run(&start, n);
            let mut kept = 0;
            // The nearest first, and none locked past one that has not converged: what is locked is a prefix.
            for (mu, vector, residual) in &pairs {
                if *residual > LOCKED * largest || mu.norm() < 1e-12 * largest {
                    break;
                }
                let mut v = vector.clone();
                orthogonalise(&self.locked, &mut v);
                if normalise(&mut v) < 1e-6 {
                    break;
                }
                self.locked.push(v);
                values.push(self.shift + mu.inv());
                kept += 1;
                if values.len() >= 2 * want + 8 {
                    break;
                }
            }
            let distance = |s: &Complex64| (s - self.shift).norm();
            let done = values.len() >= want;
            // A fresh start that finds nothing nearer confirms that no copy of an eigenvalue is missing.
            let mut sorted: Vec<f64> = values.iter().map(distance).collect();
            sorted.sort_by(f64::total_cmp);
            let next = pairs.get(kept).map_or(f64::INFINITY, |p| 1.0 / p.0.norm());
            if done && confirmed && next > sorted[want - 1] {
                break;
            }
            confirmed = done;
            barren = if kept == 0 { barren + 1 } else { 0 };
            if barren > 6 || self.locked.len() + 2 >= n {
                break;
            }
            start = self.random(n);
            if kept == 0 {
                // Towards what is wanted.
                start.iter_mut().for_each(|x| *x *= 1e-3);
                for (_, vector, _) in pairs.iter().take(want.saturating_sub(values.len()).max(2)) {
                    start.iter_mut().zip(vector).for_each(|(x, v)| *x += v);
                }
            }
        }
        values.sort_by(|a, b| (a - self.shift).norm().total_cmp(&(b - self.shift).norm()));
        values
    }

    fn random(&mut self, n: usize) -> Vec<Complex64> {
        self.seed += 1;
        pseudorandom(self.seed, n)
    }

    /// Ritz values, vectors and residuals, the largest mu first, and the largest modulus.
    fn run(&mut self, start: &[Complex64], n: usize) -> (Vec<(Complex64, Vec<Complex64>, f64)>, f64) {
        let size = KRYLOV.min(n - self.locked.len());
        let mut basis: Vec<Vec<Complex64>> = Vec::with_capacity(size + 1);
        let mut h = Mat::<Complex64>::zeros(size + 1, size);
        let mut next = vec![Complex64::default(); n];
        self.apply(start, &mut next);
        if normalise(&mut next) == 0.0 {
            return (Vec::new(), 0.0);
        }
        basis.push(next.clone());
        let mut used = 0;
        for j in 0..size {
            self.apply(&basis[j], &mut next);
            let before = norm(&next);
            for _ in 0..2 {
                for (i, v) in basis.iter().enumerate() {
                    let part = inner(v, &next);
                    h[(i, j)] += part;
                    next.iter_mut().zip(v).for_each(|(x, v)| *x -= part * v);
                }
            }
            used = j + 1;
            let rest = normalise(&mut next);
            h[(j + 1, j)] = Complex64::new(rest, 0.0);
            if rest <= 1e-14 * before {
                h[(j + 1, j)] = Complex64::default();
                break;
            }
            basis.push(next.clone());
        }
        ritz(&h, used, &basis)
    }
}

/// Ritz values with vectors and absolute residuals, the largest first.
fn ritz(h: &Mat<Complex64>, used: usize, basis: &[Vec<Complex64>]) -> (Vec<(Complex64, Vec<Complex64>, f64)>, f64) {
    let square = Mat::from_fn(used, used, |i, j| h[(i, j)]);
    let Ok(eigen) = square.eigen() else { return (Vec::new(), 0.0) };
    let (values, vectors) = (eigen.S(), eigen.U());
    let mut order: Vec<usize> = (0..used).collect();
    order.sort_by(|a, b| values[*b].norm().total_cmp(&values[*a].norm()));
    let largest = order.first().map_or(0.0, |k| values[*k].norm());
    let pairs = order.iter().map(|&k| {
        let length = (0..used).map(|i| vectors[(i, k)].norm_sqr()).sum::<f64>().sqrt();
        let mut x = vec![Complex64::default(); basis[0].len()];
        for (i, v) in basis.iter().enumerate().take(used) {
            let weight = vectors[(i, k)] / length;
            x.iter_mut().zip(v).for_each(|(x, v)| *x += weight * v);
        }
        (values[k], x, h[(used, used - 1)].norm() * vectors[(used - 1, k)].norm() / length)
    });
    (pairs.collect(), largest)
}

/// Factors `G + s C` at a place near `s`.
fn factored(pattern: &Pattern, g: &[f64], c: &[f64], s: Complex64) -> Result<(Lu<Complex64>, Complex64), Singular> {
    let mut lu = Lu::new(pattern);
    let mut values = vec![Complex64::default(); pattern.len()];
    let (mut at, mut result) = (s, Ok(()));
    for _ in 0..4 {
        for ((v, g), c) in values.iter_mut().zip(g).zip(c) {
            *v = at * *c + *g;
        }
        result = lu.factor(&values).map(|_| ());
        if result.is_ok() {
            return Ok((lu, at));
        }
        at = at * Complex64::new(1.0 + 3e-7, 2e-7) + Complex64::new(1e-30, 0.0);
    }
    result.map(|()| (lu, at))
}

/// The modes at the given eigenvalues, each polished, in their order. Equal eigenvalues share an invariant subspace.
///
/// # Errors
/// If no shift near an eigenvalue has a factorisation.
pub fn vectors(pattern: &Pattern, g: &[f64], c: &[f64], values: &[Complex64]) -> Result<Vec<Mode>, Singular> {
    let mut modes: Vec<Option<Mode>> = vec![None; values.len()];
    let rates: Vec<f64> = eigen::rates(pattern, g, c);
    let slowest = rates.first().copied().unwrap_or(1.0);
    for k in 0..values.len() {
        if modes[k].is_some() {
            continue;
        }
        let s = values[k];
        let scale = s.norm().max(1e-6 * slowest);
        let together: Vec<usize> =
            (k..values.len()).filter(|j| modes[*j].is_none() && (values[*j] - s).norm() <= CLUSTER * scale).collect();
        let found = cluster(pattern, g, c, s, scale, together.len())?;
        for (j, mut mode) in together.into_iter().zip(found) {
            // The complex shift leaves rounding on what is real.
            if mode.s.im.abs() <= 1e-13 * mode.s.norm() {
                mode.s.im = 0.0;
            }
            modes[j] = Some(mode);
        }
    }
    Ok(modes.into_iter().flatten().collect())
}

/// Iterations of inverse iteration.
const INVERSE: usize = 4;

fn cluster(pattern: &Pattern, g: &[f64], c: &[f64], s: Complex64, scale: f64, count: usize) -> Result<Vec<Mode>, Singular> {
    let shift = s + Complex64::new(scale * 1e-8, scale * 0.3e-8);
    let (mut lu, _) = factored(pattern, g, c, shift)?;
    let n = pattern.n;
    let mut right: Vec<Vec<Complex64>> = (0..count).map(|k| pseudorandom(7 + k as u64, n)).collect();
    let mut left: Vec<Vec<Complex64>> = (0..count).map(|k| pseudorandom(907 + k as u64, n)).collect();
    for _ in 0..INVERSE {
        for x in &mut right {
            let mut b = multiply(pattern, c, x, false);
            lu.solve(&mut b);
            *x = b;
        }
        for y in &mut left {
            let mut b = multiply(pattern, c, y, true);
            lu.solve_transposed(&mut b);
            *y = b;
        }
        orthonormal(&mut right);
        orthonormal(&mut left);
    }
    let project = |values: &[f64], left: &[Vec<Complex64>], right: &[Vec<Complex64>]| {
        let products: Vec<Vec<Complex64>> = right.iter().map(|x| multiply(pattern, values, x, false)).collect();
        Mat::from_fn(count, count, |i, j| left[i].iter().zip(&products[j]).map(|(a, b)| a * b).sum::<Complex64>())
    };
    // left := left Mc^-T, so that left^T C right = 1.
    let Some(inverse) = inverted(&project(c, &left, &right)) else { return Ok(Vec::new()) };
    let mut dual = combine(&left, |i, j| inverse[(i, j)]);
    let turned = project(g, &dual, &right);
    let mut values: Vec<Complex64> = (0..count).map(|k| -turned[(k, k)]).collect();
    if count > 1
        && let Ok(eigen) = turned.eigen()
        && let Some(back) = inverted(&eigen.U().to_owned())
    {
        let (u, own) = (eigen.U(), eigen.S());
        values = (0..count).map(|k| -own[k]).collect();
        right = combine(&right, |j, i| u[(i, j)]);
        dual = combine(&dual, |i, j| back[(i, j)]);
    }
    let finish = |k: usize| mode(pattern, g, c, values[k], right[k].clone(), dual[k].clone());
    Ok((0..count).map(finish).collect())
}

/// Vector number k of the result is `sum_j weight(k, j) vectors[j]`.
fn combine(vectors: &[Vec<Complex64>], weight: impl Fn(usize, usize) -> Complex64) -> Vec<Vec<Complex64>> {
    let n = vectors[0].len();
    let one = |k: usize| {
        let mut out = vec![Complex64::default(); n];
        for (j, v) in vectors.iter().enumerate() {
            let w = weight(k, j);
            out.iter_mut().zip(v).for_each(|(o, v)| *o += w * v);
        }
        out
    };
    (0..vectors.len()).map(one).collect()
}

fn mode(pattern: &Pattern, g: &[f64], c: &[f64], s: Complex64, mut right: Vec<Complex64>, mut left: Vec<Complex64>) -> Mode {
    let mut s = s;
    let largest = right.iter().copied().fold(Complex64::default(), |a, b| if b.norm() > 1.0001 * a.norm() { b } else { a });
    right.iter_mut().for_each(|x| *x /= largest);
    left.iter_mut().for_each(|y| *y *= largest);
    // A simple real eigenvalue has real vectors.
    let straight = |v: &[Complex64]| v.iter().all(|x| x.im.abs() <= 1e-7 * x.norm().max(1e-3));
    if s.im.abs() <= 1e-9 * s.norm() && straight(&right) {
        s.im = 0.0;
        right.iter_mut().chain(&mut left).for_each(|x| x.im = 0.0);
    }
    let (mut rest, mut size) = (vec![Complex64::default(); pattern.n], vec![0.0; pattern.n]);
    for (column, x) in right.iter().enumerate() {
        for slot in pattern.column(column) {
            let row = pattern.rows[slot] as usize;
            let (a, b) = (x * g[slot], x * s * c[slot]);
            rest[row] += a + b;
            size[row] += a.norm() + b.norm();
        }
    }
    let residual = rest.iter().zip(&size).filter(|(_, s)| **s > 0.0).map(|(r, s)| r.norm() / s).fold(0.0, f64::max);
    Mode { s, right, left, residual }
}

/// `A x`, or `A^T x`.
fn multiply(pattern: &Pattern, values: &[f64], x: &[Complex64], transposed: bool) -> Vec<Complex64> {
    let mut out = vec![Complex64::default(); pattern.n];
    for column in 0..pattern.n {
        for slot in pattern.column(column) {
            let row = pattern.rows[slot] as usize;
            match transposed {
                true => out[column] += x[row] * values[slot],
                false => out[row] += x[column] * values[slot],
            }
        }
    }
    out
}

fn inverted(matrix: &Mat<Complex64>) -> Option<Mat<Complex64>> {
    let n = matrix.nrows();
    let mut a = matrix.clone();
    let mut out = Mat::from_fn(n, n, |i, j| Complex64::new(f64::from(u8::from(i == j)), 0.0));
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| a[(*i, k)].norm().total_cmp(&a[(*j, k)].norm()))?;
        if a[(pivot, k)].norm() == 0.0 || !a[(pivot, k)].is_finite() {
            return None;
        }
        for j in 0..n {
            (a[(k, j)], a[(pivot, j)]) = (a[(pivot, j)], a[(k, j)]);
            (out[(k, j)], out[(pivot, j)]) = (out[(pivot, j)], out[(k, j)]);
        }
        let inverse = a[(k, k)].inv();
        for j in 0..n {
            a[(k, j)] *= inverse;
            out[(k, j)] *= inverse;
        }
        for i in (0..n).filter(|i| *i != k) {
            let factor = a[(i, k)];
            for j in 0..n {
                let (p, q) = (a[(k, j)], out[(k, j)]);
                a[(i, j)] -= factor * p;
                out[(i, j)] -= factor * q;
            }
        }
    }
    Some(out)
}

fn orthonormal(vectors: &mut [Vec<Complex64>]) {
    for k in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(k);
        orthogonalise(before, &mut rest[0]);
        normalise(&mut rest[0]);
    }
}

fn orthogonalise(basis: &[Vec<Complex64>], x: &mut [Complex64]) {
    for _ in 0..2 {
        for v in basis {
            let part = inner(v, x);
            x.iter_mut().zip(v).for_each(|(x, v)| *x -= part * v);
        }
    }
}

fn inner(a: &[Complex64], b: &[Complex64]) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
}

fn norm(x: &[Complex64]) -> f64 {
    x.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt()
}

fn normalise(x: &mut [Complex64]) -> f64 {
    let length = norm(x);
    if length > 0.0 && length.is_finite() {
        x.iter_mut().for_each(|x| *x /= length);
    }
    length
}

/// Numbers between -0.5 and 0.5 without any symmetry, the same in every run (splitmix64).
fn pseudorandom(seed: u64, n: usize) -> Vec<Complex64> {
    let number = |k: u64| {
        let mut z = (k ^ (seed << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..n as u64).map(|k| Complex64::new(number(2 * k + 1), number(2 * k + 2))).collect()
}

/// Decades over which the growth of the determinant is looked at.
const DECADES: usize = 12;

/// The degree of `det(G + s C)` as a polynomial in s, which is the number of dynamic states: the determinant grows as
/// `s^degree` beyond all eigenvalues. `None` if no power shows (eigenvalues too far apart).
///
/// A matching of rows and columns would count every capacitor of a loop; the determinant counts what is independent.
pub fn order(pattern: &Pattern, g: &[f64], c: &[f64]) -> Option<usize> {
    if dynamic_columns(pattern, c).is_empty() {
        return Some(0);
    }
    let mut lu = Lu::<f64>::new(pattern);
    let fastest = eigen::rates(pattern, g, c).last().copied()?;
    let mut last: Option<f64> = None;
    let mut powers: Vec<f64> = Vec::new();
    for k in 0..DECADES {
        let sigma = fastest * 10f64.powi(k as i32 + 1) * 1.234_567;
        let values: Vec<f64> = g.iter().zip(c).map(|(g, c)| g + sigma * c).collect();
        lu.factor(&values[..pattern.len()]).ok()?;
        let now = lu.log_determinant().1;
        if let Some(before) = last {
            powers.push((now - before) / 10f64.ln());
            if let [.., a, b] = powers[..]
                && (a - b).abs() < 2e-3
                && (b - b.round()).abs() < 2e-3
            {
                return Some(b.round().max(0.0) as usize);
            }
        }
        last = Some(now);
    }
    None
}
