//! Large linear systems and leading eigenvalues of a map that is known by its products alone: GMRES and Arnoldi.
//!
//! Takes a product `y = A x`; gives the solution of `A y = b` (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 856, 1986), or the
//! Ritz values of largest modulus.

use faer::Mat;
use num_complex::Complex64;

use super::dense;

/// The Krylov space of `a` from `start`: basis and Hessenberg matrix, `most` columns or fewer if the space ends.
fn space(a: &mut dyn FnMut(&[f64]) -> Vec<f64>, start: &[f64], most: usize) -> (Vec<Vec<f64>>, Mat<f64>, usize) {
    let length = norm(start);
    let mut basis = vec![start.iter().map(|x| x / length).collect::<Vec<f64>>()];
    let mut h = Mat::<f64>::zeros(most + 1, most);
    for j in 0..most {
        let mut next = a(&basis[j]);
        let before = norm(&next);
        // Twice is enough to be orthogonal to working precision.
        for _ in 0..2 {
            for (i, v) in basis.iter().enumerate() {
                let part: f64 = v.iter().zip(&next).map(|(v, x)| v * x).sum();
                h[(i, j)] += part;
                next.iter_mut().zip(v).for_each(|(x, v)| *x -= part * v);
            }
        }
        let rest = norm(&next);
        if rest.is_nan() || rest <= 1e-14 * before {
            return (basis, h, j + 1);
        }
        h[(j + 1, j)] = rest;
        next.iter_mut().for_each(|x| *x /= rest);
        basis.push(next);
    }
    (basis, h, most)
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// `y` with `A y = b` to the relative residual `tolerance`, or as near as `most` products come.
pub fn gmres(a: &mut dyn FnMut(&[f64]) -> Vec<f64>, b: &[f64], most: usize, tolerance: f64) -> Vec<f64> {
    let mut y = vec![0.0; b.len()];
    let target = tolerance * norm(b);
    let mut rest = b.to_vec();
    for _ in 0..4 {
        let length = norm(&rest);
        if length <= target {
            break;
        }
        let (basis, h, used) = space(a, &rest, most.min(b.len()));
        let rows = basis.len().max(used);
        let small = Mat::from_fn(rows, used, |i, j| h[(i, j)]);
        let right: Vec<f64> = (0..rows).map(|i| if i == 0 { length } else { 0.0 }).collect();
        let (c, _) = dense::solve_least(&small, &right, 0.0);
        for (c, v) in c.iter().zip(&basis) {
            y.iter_mut().zip(v).for_each(|(y, v)| *y += c * v);
        }
        let product = a(&y);
        rest = b.iter().zip(&product).map(|(b, p)| b - p).collect();
    }
    y
}

/// Ritz values of `a`, the largest in modulus first, with the Ritz vectors' components.
pub fn leading(a: &mut dyn FnMut(&[f64]) -> Vec<f64>, n: usize, most: usize) -> Vec<dense::Mode> {
    // A start without symmetry, so that no eigenvector is orthogonal to it by chance.
    let start: Vec<f64> = (0..n).map(|k| 1.0 + 0.5 * (1.618 * k as f64 + 0.3).sin()).collect();
    let (basis, h, used) = space(a, &start, most.min(n));
    let square = Mat::from_fn(used, used, |i, j| h[(i, j)]);
    let lift = |mode: dense::Mode| {
        let vector: Vec<Complex64> =
            (0..n).map(|i| basis.iter().zip(&mode.vector).map(|(v, c)| c * v[i]).sum::<Complex64>()).collect();
        let sum: f64 = vector.iter().map(|z| z.norm_sqr()).sum();
        let participation = vector.iter().map(|z| z.norm_sqr() / sum).collect();
        dense::Mode { value: mode.value, participation, vector }
    };
    dense::modes(&square).into_iter().map(lift).collect()
}
