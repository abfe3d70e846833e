//! What holds at a special point beside `F = 0`, by bordered matrices (minimally augmented systems: Griewank, Reddien, IMA J.
//! Numer. Anal. 4, 1984; Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, SIAM 2000).
//!
//! | point | matrix M | condition |
//! |---|---|---|
//! | fold | `[J w; v^T 0]` | `g = 0` where `M (V, g) = (0, 1)` |
//! | crossing of branches | `[J F_p w; v_1^T 0; v_2^T 0]` | `g_1 = g_2 = 0`, with `F + b w = 0` and b unknown |
//! | Hopf | `[J + i omega C, w; v^H 0]` | `g = 0`, complex, with omega unknown |
//!
//! M has an inverse where J has none. With the transposed solution phi the gradients are `g_z = -phi^T (dJ/dz) V`, which needs
//! derivatives along V only, for second derivatives commute.

use num_complex::Complex64;

use crate::solve::failure::Failure;
use crate::sparse::{Pattern, Scalar};

use super::bordered::Bordered;
use super::curve::{Border, Conditions};
use super::field::Field;

/// `y^T A`, by columns.
pub fn left_product(pattern: &Pattern, values: &[f64], y: &[Complex64]) -> Vec<Complex64> {
    (0..pattern.n).map(|c| pattern.column(c).map(|s| y[pattern.rows[s] as usize] * values[s]).sum()).collect()
}

/// `A x`.
pub fn product(pattern: &Pattern, values: &[f64], x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; pattern.n];
    pattern.multiply_add(values, x, &mut out);
    out
}

/// Scalar product.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Real numbers as complex ones.
fn complex(x: &[f64]) -> Vec<Complex64> {
    x.iter().map(|x| Complex64::from(*x)).collect()
}

/// Numbers between 0.5 and 1 without symmetry: bordering vectors before anything better is known.
fn irregular(n: usize, phase: f64) -> Vec<f64> {
    (0..n).map(|k| 0.75 + 0.25 * (1.618 * k as f64 * (1.0 + 0.1 * phase) + phase).sin()).collect()
}

/// A border that measures in sizes: the conjugate of `v_j / size_j^2` normalised.
fn row_of<T: Scalar>(v: &[T], size: &[f64]) -> Vec<T> {
    let length = v.iter().zip(size).map(|(v, s)| (v.modulus() / s).powi(2)).sum::<f64>().sqrt();
    v.iter().zip(size).map(|(v, s)| v.conjugate().scaled(1.0 / (s * s * length))).collect()
}

/// A column that measures in sizes of rows: the conjugate of `phi_i rows_i^2` normalised.
fn column_of<T: Scalar>(phi: &[T], rows: &[f64]) -> Vec<T> {
    let length = phi.iter().zip(rows).map(|(p, r)| (p.modulus() * r).powi(2)).sum::<f64>().sqrt();
    phi.iter().zip(rows).map(|(p, r)| p.conjugate().scaled(r * r / length)).collect()
}

/// A matrix that is singular at the point looked for, with one null vector on either side.
pub struct Null<T> {
    row: Vec<T>,
    column: Vec<T>,
    bordered: Bordered<T>,
    /// Null vector, as of the last assembly, n entries.
    pub right: Vec<T>,
    /// Null vector of the transpose (not conjugated).
    pub left: Vec<T>,
}

/// Fold: J is singular.
pub type Fold = Null<f64>;

/// Hopf point: `J + i omega C` is singular; omega, in 1/s, is the own unknown.
pub type Turning = Null<Complex64>;

impl<T: Scalar> Null<T> {
    /// Factors the bordered matrix.
    fn factor(&mut self, matrix: &[T]) -> Result<(), Failure> {
        let row = [&self.row[..], &[T::default()]].concat();
        self.bordered.factor(matrix, &[&self.column], &[&row])
    }

    /// g, with both null vectors.
    fn solve(&mut self, matrix: &[T]) -> Result<T, Failure> {
        self.factor(matrix)?;
        let n = self.row.len();
        (self.right, self.left) = (self.bordered.unit(0), self.bordered.unit_transposed(0));
        let g = self.right[n];
        self.right.truncate(n);
        self.left.truncate(n);
        if g.magnitude().is_finite() { Ok(g) } else { Err(Failure::NotFinite) }
    }

    /// Takes the present null vectors for borders: along a curve they turn.
    pub fn adapt(&mut self, field: &Field) {
        self.row = row_of(&self.right, &field.size);
        self.column = column_of(&self.left, &field.row_sizes());
    }
}

impl Fold {
    /// Near a place assembled in `field`, with a guess of the null vector.
    ///
    /// # Errors
    /// If the matrix is singular beyond repair.
    pub fn new(field: &Field, guess: &[f64]) -> Result<Fold, Failure> {
        let n = field.n();
        let rows = field.row_sizes();
        let mut fold = Fold {
            row: row_of(&guess[..n], &field.size),
            column: column_of(&irregular(n, 0.3).iter().zip(&rows).map(|(a, r)| a / r).collect::<Vec<_>>(), &rows),
            bordered: Bordered::new(field.pattern(), 1),
            right: Vec::new(),
            left: Vec::new(),
        };
        for _ in 0..3 {
            fold.solve(field.j())?;
            fold.adapt(field);
        }
        Ok(fold)
    }

    /// The solution of `J h = r` that is orthogonal to the null vector, for r in the range of J.
    ///
    /// # Errors
    /// If the bordered matrix cannot be factored.
    pub fn inverse(&mut self, field: &Field, r: &[f64]) -> Result<Vec<f64>, Failure> {
        self.factor(field.j())?;
        let mut b = r.to_vec();
        b.push(0.0);
        self.bordered.solve(&mut b);
        b.truncate(r.len());
        Ok(b)
    }
}

impl Conditions for Fold {
    fn own(&self) -> usize {
        0
    }

    fn count(&self) -> usize {
        1
    }

    fn assemble(&mut self, field: &mut Field, z: &[f64]) -> Result<Border, Failure> {
        field.assemble(z)?;
        let g = self.solve(field.j())?;
        let mut direction = self.right.clone();
        direction.resize(z.len(), 0.0);
        let along = field.along(z, &direction)?;
        let phi = complex(&self.left);
        let mut row: Vec<f64> = left_product(field.pattern(), &along.j, &phi).iter().map(|v| -v.re).collect();
        row.extend(along.slopes.iter().map(|slope| -dot(&self.left, slope)));
        field.assemble(z)?;
        Ok(Border { columns: Vec::new(), added: Vec::new(), values: vec![g], rows: vec![row] })
    }
}

/// Crossing of two branches: `[J F_p]` has two null vectors. The own unknown b unfolds what need not cross.
pub struct Crossing {
    rows: [Vec<f64>; 2],
    column: Vec<f64>,
    bordered: Bordered<f64>,
    /// Null vectors of `[J F_p]`, n + 1 entries each.
    pub right: [Vec<f64>; 2],
    /// Null vector of the transpose.
    pub left: Vec<f64>,
}

impl Crossing {
    /// Near a place assembled in `field`, where the branch goes along `tangent`.
    ///
    /// # Errors
    /// If the matrix is singular beyond repair.
    pub fn new(field: &Field, tangent: &[f64]) -> Result<Crossing, Failure> {
        let n = field.n();
        let sizes = field.row_sizes();
        let wild: Vec<f64> = irregular(n + 1, 1.1).iter().zip(&field.size).map(|(a, s)| a * s).collect();
        let start = irregular(n, 0.7).iter().zip(&sizes).map(|(a, r)| a / r).collect::<Vec<_>>();
        let mut crossing = Crossing {
            rows: [row_of(&tangent[..=n], &field.size), row_of(&wild, &field.size)],
            column: column_of(&start, &sizes),
            bordered: Bordered::new(field.pattern(), 2),
            right: Default::default(),
            left: Vec::new(),
        };
        for _ in 0..3 {
            crossing.solve(field)?;
            crossing.adapt(field);
        }
        Ok(crossing)
    }

    fn solve(&mut self, field: &Field) -> Result<[f64; 2], Failure> {
        let n = field.n();
        let extended = |row: &[f64]| [row, &[0.0]].concat();
        let rows = [extended(&self.rows[0]), extended(&self.rows[1])];
        self.bordered.factor(field.j(), &[&field.slopes[0], &self.column], &[&rows[0], &rows[1]])?;
        let mut g = [0.0; 2];
        for (k, g) in g.iter_mut().enumerate() {
            let mut right = self.bordered.unit(k);
            *g = right[n + 1];
            right.truncate(n + 1);
            self.right[k] = right;
        }
        let mut left = self.bordered.unit_transposed(1);
        left.truncate(n);
        self.left = left;
        if g.iter().all(|g| g.is_finite()) { Ok(g) } else { Err(Failure::NotFinite) }
    }

    /// Takes the present null vectors, made orthogonal, for borders.
    pub fn adapt(&mut self, field: &Field) {
        let first = row_of(&self.right[0], &field.size);
        let part = dot(&first, &self.right[1]) / dot(&first, &self.right[0]);
        let second: Vec<f64> = self.right[1].iter().zip(&self.right[0]).map(|(b, a)| b - part * a).collect();
        self.rows = [first, row_of(&second, &field.size)];
        self.column = column_of(&self.left, &field.row_sizes());
    }
}

impl Conditions for Crossing {
    fn own(&self) -> usize {
        1
    }

    fn count(&self) -> usize {
        2
    }

    fn assemble(&mut self, field: &mut Field, z: &[f64]) -> Result<Border, Failure> {
        let (n, parameters) = (field.n(), field.ids.len());
        let y = &z[..n + parameters];
        field.assemble(y)?;
        let values = self.solve(field)?.to_vec();
        let phi = complex(&self.left);
        let mut rows = Vec::new();
        for right in self.right.clone() {
            let mut direction = right;
            direction.resize(n + parameters, 0.0);
            let along = field.along(y, &direction)?;
            // D[J F_p] along V, applied from the left: the gradient by x needs J's part, that by p the slopes'.
            let mut row: Vec<f64> = left_product(field.pattern(), &along.j, &phi).iter().map(|v| -v.re).collect();
            row.extend(along.slopes.iter().map(|slope| -dot(&self.left, slope)));
            row.push(0.0);
            rows.push(row);
        }
        field.assemble(y)?;
        let b = z[n + parameters];
        let added = self.column.iter().map(|w| b * w).collect();
        Ok(Border { columns: vec![self.column.clone()], added, values, rows })
    }
}

impl Turning {
    /// Near a place assembled in `field`, with guesses of the eigenvectors.
    ///
    /// # Errors
    /// If the matrix is singular beyond repair.
    pub fn new(field: &Field, right: &[Complex64], left: &[Complex64], omega: f64) -> Result<Turning, Failure> {
        let mut turning = Turning {
            row: Vec::new(),
            column: Vec::new(),
            bordered: Bordered::new(field.pattern(), 1),
            right: right.to_vec(),
            left: left.to_vec(),
        };
        turning.adapt(field);
        turning.solve(&shifted(field, omega))?;
        turning.adapt(field);
        Ok(turning)
    }
}

/// `J + i omega C`.
fn shifted(field: &Field, omega: f64) -> Vec<Complex64> {
    field.j().iter().zip(&field.c).map(|(j, c)| Complex64::new(*j, omega * c)).collect()
}

impl Conditions for Turning {
    fn own(&self) -> usize {
        1
    }

    fn count(&self) -> usize {
        2
    }

    fn assemble(&mut self, field: &mut Field, z: &[f64]) -> Result<Border, Failure> {
        let (n, parameters) = (field.n(), field.ids.len());
        let (y, omega) = (&z[..n + parameters], z[n + parameters]);
        field.assemble(y)?;
        let g = self.solve(&shifted(field, omega))?;
        let (pattern, phi, s) = (field.pattern(), self.left.clone(), Complex64::new(0.0, omega));
        // g by omega: -phi^T i C V.
        let turned = left_product(pattern, &field.c, &phi);
        let by_omega: Complex64 = -turned.iter().zip(&self.right).map(|(a, b)| a * b * Complex64::I).sum::<Complex64>();
        let mut gradient = vec![Complex64::default(); z.len()];
        for (factor, part) in [
            (Complex64::new(1.0, 0.0), self.right.iter().map(|v| v.re).collect::<Vec<_>>()),
            (Complex64::I, self.right.iter().map(|v| v.im).collect()),
        ] {
            let mut direction = part;
            direction.resize(n + parameters, 0.0);
            if direction.iter().all(|d| *d == 0.0) {
                continue;
            }
            let along = field.along(y, &direction)?;
            let (j, c) = (left_product(pattern, &along.j, &phi), left_product(pattern, &along.c, &phi));
            gradient.iter_mut().zip(j.iter().zip(&c)).for_each(|(out, (j, c))| *out -= factor * (j + s * c));
            for k in 0..parameters {
                let product = |slope: &[f64]| phi.iter().zip(slope).map(|(p, v)| p * v).sum::<Complex64>();
                gradient[n + k] -= factor * (product(&along.slopes[k]) + s * product(&along.charges[k]));
            }
        }
        gradient[n + parameters] = by_omega;
        field.assemble(y)?;
        let rows = vec![gradient.iter().map(|v| v.re).collect(), gradient.iter().map(|v| v.im).collect()];
        Ok(Border { columns: vec![vec![0.0; n]], added: Vec::new(), values: vec![g.re, g.im], rows })
    }
}
