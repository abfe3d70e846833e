//! Sparse matrices of circuits: one pattern, values by slot, LU with frozen refactorisation.
//!
//! Knows columns and rows only; names belong to whoever calls.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use num_complex::Complex64;

mod columns;
pub mod counts;
mod dense;
pub mod dissect;
pub mod eigen;
mod elimination;
mod fronts;
mod frozen;
mod gilbert;
mod lu;
pub mod modes;
mod order;
mod parts;
mod sweeps;
mod tree;

pub use lu::{Factored, Lu};

/// Index into the value array of a [`Pattern`]; found once at assembly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(pub u32);

/// Compressed sparse columns of a square matrix, rows ascending in each column, full diagonal.
///
/// Value arrays that belong to it have `len()` entries, and one more where a bucket for ground is needed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pattern {
    /// Number of rows and columns.
    pub n: usize,
    /// Start of each column in `rows`; `n + 1` entries.
    pub columns: Vec<u32>,
    /// Row of each stored entry.
    pub rows: Vec<u32>,
    /// What was found out about the order of elimination.
    plans: order::Plans,
}

impl Pattern {
    /// The pattern of all `(row, column)` in `entries`, duplicates merged, diagonal added. Indices `>= n` are ignored (ground).
    pub fn new(n: usize, entries: impl IntoIterator<Item = (u32, u32)>) -> Pattern {
        let entries: Vec<(u32, u32)> = entries.into_iter().collect();
        Pattern::visited(n, |entry| entries.iter().for_each(|(row, column)| entry(*row, *column)))
    }

    /// The same for entries `(row, column)` that `visit` names twice in the same way: once to be counted, once to be put in place,
    /// so that no list of them is ever held.
    pub fn visited(n: usize, visit: impl Fn(&mut dyn FnMut(u32, u32))) -> Pattern {
        let inside = |row: u32, column: u32| (row as usize) < n && (column as usize) < n;
        // The diagonal is one entry of each column; the count of column c stands at c + 2, so that filling moves it to c + 1.
        let mut ends = vec![1u32; n + 2];
        (ends[0], ends[1]) = (0, 0);
        visit(&mut |row, column| {
            if inside(row, column) {
                ends[column as usize + 2] += 1;
            }
        });
        for c in 1..ends.len() {
            ends[c] += ends[c - 1];
        }
        let mut rows = vec![0u32; ends[n + 1] as usize];
        let mut put = |row: u32, column: u32| {
            if inside(row, column) {
                let end = &mut ends[column as usize + 1];
                rows[*end as usize] = row;
                *end += 1;
            }
        };
        visit(&mut put);
        (0..n as u32).for_each(|k| put(k, k));
        ends.truncate(n + 1);
        let merged = merge_columns(&mut ends, &mut rows);
        rows.truncate(merged);
        rows.shrink_to_fit();
        Pattern { n, columns: ends, rows, plans: order::Plans::default() }
    }

    /// Number of stored entries.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True for the matrix without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Slots of column `c`.
    pub fn column(&self, c: usize) -> std::ops::Range<usize> {
        self.columns[c] as usize..self.columns[c + 1] as usize
    }

    /// The slot of entry `(row, column)`; one past the last slot (the bucket) if either index is ground (`>= n`).
    ///
    /// # Panics
    /// If the entry is not stored.
    pub fn slot(&self, row: u32, column: u32) -> Slot {
        if row as usize >= self.n || column as usize >= self.n {
            return Slot(self.len() as u32);
        }
        let range = self.column(column as usize);
        let rows = &self.rows[range.clone()];
        // Most columns are short enough for a look at each entry.
        let found = if rows.len() <= 8 { rows.iter().position(|r| *r == row).ok_or(0) } else { rows.binary_search(&row) };
        Slot((range.start + found.expect("entry is in the pattern")) as u32)
    }

    /// `y += A x` for values on this pattern.
    pub fn multiply_add<T: Scalar>(&self, values: &[T], x: &[T], y: &mut [T]) {
        for (c, x) in x.iter().enumerate().take(self.n) {
            for s in self.column(c) {
                y[self.rows[s] as usize] += values[s] * *x;
            }
        }
    }
}

/// Sorts the rows of each column and drops what is there twice; gives the number of entries that are left.
fn merge_columns(columns: &mut [u32], rows: &mut [u32]) -> usize {
    let (mut start, mut kept) = (0, 0);
    for end in &mut columns[1..] {
        let range = start as usize..*end as usize;
        start = *end;
        rows[range.clone()].sort_unstable();
        let first = kept;
        for k in range {
            if kept == first || rows[kept - 1] != rows[k] {
                rows[kept] = rows[k];
                kept += 1;
            }
        }
        *end = kept as u32;
    }
    kept
}

/// The two number fields that matrices are made of.
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialEq
    + Send
    + Sync
    + 'static
    + faer::traits::ComplexField
    + dense::Kernels
    + Neg<Output = Self>
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// Absolute value.
    fn modulus(self) -> f64;
    /// A size within a factor of 1.5 of the absolute value and cheaper: for comparisons.
    fn magnitude(self) -> f64;
    /// The product with a real number.
    fn scaled(self, factor: f64) -> Self;
    /// The exponential function.
    fn exponential(self) -> Self;
    /// The conjugate.
    fn conjugate(self) -> Self;
}

impl Scalar for f64 {
    fn modulus(self) -> f64 {
        self.abs()
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }

    fn scaled(self, factor: f64) -> f64 {
        self * factor
    }

    fn exponential(self) -> f64 {
        self.exp()
    }

    fn conjugate(self) -> f64 {
        self
    }
}

impl Scalar for Complex64 {
    fn modulus(self) -> f64 {
        self.norm()
    }

    fn magnitude(self) -> f64 {
        self.re.abs() + self.im.abs()
    }

    fn scaled(self, factor: f64) -> Complex64 {
        self * factor
    }

    fn exponential(self) -> Complex64 {
        self.exp()
    }

    fn conjugate(self) -> Complex64 {
        self.conj()
    }
}

/// A matrix that cannot be factored: no usable pivot for this column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Singular {
    /// The column (unknown) without a pivot.
    pub column: usize,
    /// A row (equation) left over, if zeros alone forbid to give every column a row of its own; the row of the value that is
    /// not finite.
    pub row: Option<usize>,
    /// True if a value in this column is infinite or not a number.
    pub not_finite: bool,
}
