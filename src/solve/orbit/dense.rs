//! Small dense systems of shooting: Newton directions with neutral directions left out, eigenvalues with participation.

use faer::Mat;
use faer::linalg::solvers::Solve;
use num_complex::Complex64;

/// Singular values below this share of the largest count as zero.
const ROUNDING: f64 = 1e-14;

/// The solution of `a y = b` of least length; directions that `a` sees by less than `floor` are left out, and counted.
pub fn solve_least(a: &Mat<f64>, b: &[f64], floor: f64) -> (Vec<f64>, usize) {
    let n = a.ncols();
    let Ok(svd) = a.svd() else { return (vec![f64::NAN; n], 0) };
    let (u, s, v) = (svd.U(), svd.S(), svd.V());
    let largest = (0..n).map(|k| s[k]).fold(0.0, f64::max);
    let (mut y, mut neutral) = (vec![0.0; n], 0);
    for k in 0..n {
        if s[k] <= floor.max(ROUNDING * largest) {
            neutral += 1;
            continue;
        }
        let part: f64 = (0..a.nrows()).map(|i| u[(i, k)] * b[i]).sum::<f64>() / s[k];
        y.iter_mut().enumerate().for_each(|(j, y)| *y += part * v[(j, k)]);
    }
    (y, neutral)
}

/// The solution of `a y = b` by LU.
pub fn solve(a: &Mat<f64>, b: &[f64]) -> Vec<f64> {
    let right = Mat::from_fn(b.len(), 1, |i, _| b[i]);
    let y = a.partial_piv_lu().solve(&right);
    (0..b.len()).map(|i| y[(i, 0)]).collect()
}

/// An eigenvalue with the share that each component has in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Mode {
    /// The eigenvalue.
    pub value: Complex64,
    /// `|u_k w_k|` of right and left eigenvector, scaled to a sum of 1.
    pub participation: Vec<f64>,
    /// The right eigenvector.
    pub vector: Vec<Complex64>,
}

/// Eigenvalues of a square matrix, the largest in modulus first; empty if it is not finite.
pub fn modes(a: &Mat<f64>) -> Vec<Mode> {
    let n = a.ncols();
    let finite = (0..n).all(|j| (0..n).all(|i| a[(i, j)].is_finite()));
    let Some(eigen) = finite.then(|| a.eigen().ok()).flatten() else { return Vec::new() };
    let (values, right) = (eigen.S(), eigen.U());
    let left = right.to_owned().partial_piv_lu().solve(Mat::<Complex64>::identity(n, n));
    let mode = |k: usize| {
        let share: Vec<f64> = (0..n).map(|i| (right[(i, k)] * left[(k, i)]).norm()).collect();
        let sum: f64 = share.iter().sum();
        Mode {
            value: values[k],
            participation: share.iter().map(|s| if sum.is_finite() && sum > 0.0 { s / sum } else { f64::NAN }).collect(),
            vector: (0..n).map(|i| right[(i, k)]).collect(),
        }
    };
    let mut out: Vec<Mode> = (0..n).map(mode).collect();
    out.sort_by(|a, b| b.value.norm().total_cmp(&a.value.norm()).then(b.value.im.total_cmp(&a.value.im)));
    out
}
