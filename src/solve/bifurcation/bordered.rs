//! A sparse matrix with k more rows and columns, factored as a whole: where the matrix is singular the bordered one is not.
//!
//! ```text
//!     [ A   B ]      A n x n on a circuit's pattern, B n x k dense, R k x (n + k) dense
//!     [   R   ]
//! ```

use crate::solve::failure::Failure;
use crate::sparse::{Lu, Pattern, Scalar};

/// The matrix and its factors.
pub struct Bordered<T> {
    n: usize,
    lu: Lu<T>,
    values: Vec<T>,
    inner: Vec<u32>,
    columns: Vec<Vec<u32>>,
    rows: Vec<Vec<u32>>,
}

impl<T: Scalar> Bordered<T> {
    /// Space for a border of `width` around matrices on `pattern`.
    pub fn new(pattern: &Pattern, width: usize) -> Bordered<T> {
        let (n, all) = (pattern.n as u32, (pattern.n + width) as u32);
        let inner = || (0..n).flat_map(|c| pattern.column(c as usize).map(move |s| (pattern.rows[s], c)));
        let border = (n..all).flat_map(|b| (0..all).flat_map(move |k| [(b, k), (k, b)]));
        let whole = Pattern::new(all as usize, inner().chain(border));
        let slot = |r: u32, c: u32| whole.slot(r, c).0;
        Bordered {
            n: pattern.n,
            inner: inner().map(|(r, c)| slot(r, c)).collect(),
            columns: (n..all).map(|b| (0..n).map(|k| slot(k, b)).collect()).collect(),
            rows: (n..all).map(|b| (0..all).map(|k| slot(b, k)).collect()).collect(),
            values: vec![T::default(); whole.len()],
            lu: Lu::new(&whole),
        }
    }

    /// Width of the border.
    pub fn width(&self) -> usize {
        self.rows.len()
    }

    /// Factors the matrix; `columns` have n entries, `rows` n + k.
    ///
    /// # Errors
    /// If there is no inverse.
    pub fn factor(&mut self, matrix: &[T], columns: &[&[T]], rows: &[&[T]]) -> Result<(), Failure> {
        self.inner.iter().zip(matrix).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        for (slots, column) in self.columns.iter().zip(columns) {
            slots.iter().zip(*column).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        }
        for (slots, row) in self.rows.iter().zip(rows) {
            slots.iter().zip(*row).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        }
        self.lu.factor(&self.values).map_err(Failure::Singular)?;
        Ok(())
    }

    /// `b := M^-1 b`, n + k entries, with one step of refinement.
    pub fn solve(&mut self, b: &mut [T]) {
        let wanted = b.to_vec();
        self.lu.solve(b);
        let mut rest = vec![T::default(); b.len()];
        self.lu.pattern().multiply_add(&self.values, b, &mut rest);
        rest.iter_mut().zip(&wanted).for_each(|(r, w)| *r = *w - *r);
        self.lu.solve(&mut rest);
        b.iter_mut().zip(&rest).for_each(|(b, r)| *b += *r);
    }

    /// `b := M^-T b` (transposed, not conjugated).
    pub fn solve_transposed(&mut self, b: &mut [T]) {
        self.lu.solve_transposed(b);
    }

    /// The solution for the right-hand side that is 1 in row `n + k` of the border and 0 elsewhere.
    pub fn unit(&mut self, k: usize) -> Vec<T> {
        let mut b = vec![T::default(); self.n + self.width()];
        b[self.n + k] = T::from(1.0);
        self.solve(&mut b);
        b
    }

    /// The same for the transposed matrix.
    pub fn unit_transposed(&mut self, k: usize) -> Vec<T> {
        let mut b = vec![T::default(); self.n + self.width()];
        b[self.n + k] = T::from(1.0);
        self.solve_transposed(&mut b);
        b
    }
}

impl Bordered<f64> {
    /// Sign and logarithm of the modulus of the determinant.
    pub fn determinant(&self) -> (f64, f64) {
        self.lu.log_determinant()
    }
}
