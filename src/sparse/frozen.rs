//! Factors with a frozen pattern: numeric refactorisation, solves, and the watch over the pivots.
//!
//! `P R A Q = L U + F` with R a scaling of rows by powers of two (no rounding), L unit lower and U upper triangular within
//! each diagonal block, F what stands above the blocks. Everything is stored by position: columns of L, columns of F and U
//! one behind the other, reciprocal pivots. Left-looking: column j of A is scattered into a dense vector, the columns of L
//! named by U are subtracted in rising order, the rest is divided by the pivot.

use super::fronts::{Fronts, Watch};
use super::gilbert::Pivots;
use super::order::Plan;
use super::tree::Tree;
use super::{Pattern, Scalar};

/// A pivot below this part of its column's maximum is no longer good enough: one decade below what is chosen anew, so that
/// a matrix at the border does not change its mind every time.
const KEEP: f64 = 1e-4;
/// Entries of the scaled matrix are below 2; in U they may grow to this before pivots are chosen anew: four digits lost.
pub(super) const GROWTH: f64 = 1e4;
/// A pivot below this part of its column of A may be nothing but round-off; it is examined.
const SUSPECT: f64 = 1e-12;
/// Round-off to be expected of a sum, in parts of the sum of magnitudes.
const ROUND_OFF: f64 = 16.0 * f64::EPSILON;

/// Why a refactorisation was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The pivot at this position is small beside its column.
    Weak(usize),
    /// The pivot at this position is zero but for round-off.
    Vanished(usize),
    /// Some value is not finite.
    NotFinite,
}

#[derive(Clone, Debug)]
pub(super) struct Frozen<T> {
    /// Row and column at each position.
    rows: Vec<u32>,
    columns: Vec<u32>,
    blocks: Vec<u32>,
    /// Entries of A within the blocks: slot and row position, by columns.
    near_start: Vec<u32>,
    near: Vec<(u32, u32)>,
    /// Entries of A above the blocks, likewise.
    far_start: Vec<u32>,
    far: Vec<(u32, u32)>,
    /// Columns of F and U.
    upper_start: Vec<u32>,
    upper: Vec<u32>,
    upper_values: Vec<T>,
    /// Columns of L.
    lower_start: Vec<u32>,
    lower: Vec<u32>,
    lower_values: Vec<T>,
    /// Reciprocal pivots.
    inverse: Vec<T>,
    /// R, by position.
    scale: Vec<f64>,
    /// Largest entry of U within the blocks, and what it may be.
    growth: f64,
    growth_limit: f64,
    /// Zero between calls.
    work: Vec<T>,
    /// For each block its fronts, if it has any; columns of L and U are empty there.
    fronts: Vec<Option<Fronts<T>>>,
}

/// The reciprocal of the largest power of two not above `largest`.
fn reciprocal_power(largest: f64) -> f64 {
    let exponent = (largest.to_bits() >> 52).clamp(1, 2045);
    f64::from_bits((2046 - exponent) << 52)
}

/// Scale of each row (index by `row_of`) and whether all values are finite.
fn row_scales<T: Scalar>(entries: impl Iterator<Item = (usize, usize)>, values: &[T], scale: &mut [f64]) -> bool {
    scale.fill(0.0);
    let mut poison = 0.0;
    for (slot, row) in entries {
        let size = values[slot].magnitude();
        poison += size * 0.0;
        if size > scale[row] {
            scale[row] = size;
        }
    }
    for s in scale {
        *s = reciprocal_power(*s);
    }
    poison == 0.0
}

/// Scale of each row of the matrix; `None` if some value is not finite.
pub(super) fn scales<T: Scalar>(pattern: &Pattern, values: &[T]) -> Option<Vec<f64>> {
    let mut scale = vec![0.0; pattern.n];
    let entries = pattern.rows.iter().enumerate().map(|(slot, row)| (slot, *row as usize));
    row_scales(entries, values, &mut scale).then_some(scale)
}

fn span(starts: &[u32], j: usize) -> std::ops::Range<usize> {
    starts[j] as usize..starts[j + 1] as usize
}

impl<T: Scalar> Frozen<T> {
    /// Space for the factors of a matrix with these pivots, and for each block the tree of its fronts, if it has any.
    pub fn new(pattern: &Pattern, plan: &Plan, pivots: Pivots, trees: Vec<Option<Tree>>) -> Frozen<T> {
        let n = pattern.n;
        let (mut near_start, mut near) = (vec![0], Vec::with_capacity(pattern.len()));
        let (mut far_start, mut far) = (vec![0], Vec::new());
        let (mut upper_start, mut upper) = (vec![0], Vec::with_capacity(pivots.upper.len()));
        let (mut lower_start, mut lower) = (vec![0], Vec::with_capacity(pivots.lower.len()));
        let mut fronts = Vec::with_capacity(trees.len());
        for (block, tree) in plan.blocks.windows(2).zip(trees) {
            let mut inside = Vec::new();
            for p in block[0] as usize..block[1] as usize {
                let c = plan.columns[p] as usize;
                for slot in pattern.column(c) {
                    let row = pattern.rows[slot] as usize;
                    let position = pivots.position[row];
                    match position < block[0] {
                        _ if row == c && plan.absent[c] => {}
                        true => far.push((slot as u32, position)),
                        false => {
                            near.push((slot as u32, position));
                            inside.extend(tree.as_ref().map(|_| (slot as u32, position, p as u32)));
                        }
                    }
                }
                upper.extend(far[far_start[p] as usize..].iter().map(|f| f.1));
                if tree.is_none() {
                    upper.extend(&pivots.upper[span(&pivots.upper_start, p)]);
                    lower.extend(&pivots.lower[span(&pivots.lower_start, p)]);
                }
                lower_start.push(lower.len() as u32);
                near_start.push(near.len() as u32);
                far_start.push(far.len() as u32);
                upper_start.push(upper.len() as u32);
            }
            fronts.push(tree.map(|tree| Fronts::new(block[0] as usize, tree, &inside)));
        }
        Frozen {
            rows: pivots.rows,
            columns: plan.columns.clone(),
            blocks: plan.blocks.clone(),
            near_start,
            near,
            far_start,
            far,
            upper_values: vec![T::default(); upper.len()],
            upper_start,
            upper,
            lower_values: vec![T::default(); lower.len()],
            lower_start,
            lower,
            inverse: vec![T::default(); n],
            scale: vec![0.0; n],
            growth: 1.0,
            growth_limit: f64::INFINITY,
            work: vec![T::default(); n],
            fronts,
        }
    }

    /// Factors new values with the pivots as they are; with `watch`, only while they are good enough.
    pub fn refactor(&mut self, values: &[T], watch: bool) -> Result<(), Refusal> {
        let entries = self.near.iter().chain(&self.far).map(|(slot, row)| (*slot as usize, *row as usize));
        if !row_scales(entries, values, &mut self.scale) {
            return Err(Refusal::NotFinite);
        }
        let keep = if watch { KEEP } else { 0.0 };
        self.growth = 1.0;
        for k in 0..self.fronts.len() {
            let block = self.blocks[k] as usize..self.blocks[k + 1] as usize;
            if let Err(refusal) = self.block(k, block, values, keep, watch) {
                self.work.fill(T::default());
                return Err(refusal);
            }
        }
        if !watch {
            self.settle();
        }
        Ok(())
    }

    /// Takes the growth of these values for what others may need as well.
    pub fn settle(&mut self) {
        self.growth_limit = GROWTH.max(10.0 * self.growth);
    }

    fn block(&mut self, k: usize, positions: std::ops::Range<usize>, values: &[T], keep: f64, watch: bool) -> Result<(), Refusal> {
        let limit = if watch { self.growth_limit } else { f64::INFINITY };
        if let Some(fronts) = &mut self.fronts[k] {
            for j in positions.clone() {
                let far = &self.far[span(&self.far_start, j)];
                for (&(slot, row), value) in far.iter().zip(&mut self.upper_values[span(&self.upper_start, j)]) {
                    *value = values[slot as usize].scaled(self.scale[row as usize]);
                }
            }
            let start = positions.start;
            let mut watched = Watch { keep, suspect: SUSPECT, growth: self.growth };
            fronts.refactor(values, &self.scale, &mut watched, &mut self.inverse[positions])?;
            self.growth = watched.growth;
            return if self.growth > limit { Err(Refusal::Weak(start)) } else { Ok(()) };
        }
        for j in positions {
            self.column(j, values, keep)?;
            if self.growth > limit {
                return Err(Refusal::Weak(j));
            }
        }
        Ok(())
    }

    /// True if some block is factored by fronts.
    pub fn has_fronts(&self) -> bool {
        self.fronts.iter().any(Option::is_some)
    }

    #[inline]
    fn column(&mut self, j: usize, values: &[T], keep: f64) -> Result<(), Refusal> {
        let work = &mut self.work[..];
        let mut column_size = 0.0;
        for &(slot, row) in &self.near[span(&self.near_start, j)] {
            let value = values[slot as usize].scaled(self.scale[row as usize]);
            work[row as usize] = value;
            column_size = f64::max(column_size, value.magnitude());
        }
        let upper = span(&self.upper_start, j);
        let far = &self.far[span(&self.far_start, j)];
        let (far_values, near_values) = self.upper_values[upper.clone()].split_at_mut(far.len());
        for (&(slot, row), value) in far.iter().zip(far_values) {
            *value = values[slot as usize].scaled(self.scale[row as usize]);
        }
        let mut growth = self.growth;
        for (&k, value) in self.upper[upper].iter().skip(far.len()).zip(near_values) {
            let u = std::mem::take(&mut work[k as usize]);
            *value = u;
            growth = f64::max(growth, u.magnitude());
            let lower = span(&self.lower_start, k as usize);
            for (&row, &l) in self.lower[lower.clone()].iter().zip(&self.lower_values[lower]) {
                work[row as usize] -= l * u;
            }
        }
        let pivot = std::mem::take(&mut work[j]);
        let inverse = T::from(1.0) / pivot;
        self.inverse[j] = inverse;
        let lower = span(&self.lower_start, j);
        let mut largest = 0.0;
        for (&row, value) in self.lower[lower.clone()].iter().zip(&mut self.lower_values[lower]) {
            let x = std::mem::take(&mut work[row as usize]);
            largest = f64::max(largest, x.magnitude());
            *value = x * inverse;
        }
        let size = pivot.magnitude();
        self.growth = f64::max(growth, size);
        // Written so that a pivot that is not a number is refused.
        if !(size >= keep * largest && size > 0.0 && size < f64::INFINITY) {
            return Err(if size > 0.0 { Refusal::Weak(j) } else { Refusal::Vanished(j) });
        }
        if size < SUSPECT * column_size && size <= ROUND_OFF * self.pivot_terms(j, values) {
            return Err(Refusal::Vanished(j));
        }
        Ok(())
    }

    /// Sum of the magnitudes whose sum is pivot `j`.
    #[cold]
    fn pivot_terms(&self, j: usize, values: &[T]) -> f64 {
        let own = self.near[span(&self.near_start, j)].iter().find(|(_, row)| *row as usize == j);
        let own = own.map_or(0.0, |(slot, _)| values[*slot as usize].scaled(self.scale[j]).magnitude());
        let products = span(&self.upper_start, j).skip(span(&self.far_start, j).len()).map(|at| {
            let lower = span(&self.lower_start, self.upper[at] as usize);
            match self.lower[lower.clone()].binary_search(&(j as u32)) {
                Ok(found) => self.lower_values[lower.start + found].magnitude() * self.upper_values[at].magnitude(),
                Err(_) => 0.0,
            }
        });
        own + products.sum::<f64>()
    }

    /// `A x = b`, in place.
    pub fn solve(&mut self, b: &mut [T]) {
        let work = &mut self.work[..];
        for ((w, row), scale) in work.iter_mut().zip(&self.rows).zip(&self.scale) {
            *w = b[*row as usize].scaled(*scale);
        }
        for (block, fronts) in self.blocks.windows(2).zip(&mut self.fronts).rev() {
            let (begin, end) = (block[0] as usize, block[1] as usize);
            if let Some(fronts) = fronts {
                fronts.solve(&mut work[begin..end]);
                for j in begin..end {
                    let x = work[j];
                    let upper = span(&self.upper_start, j);
                    for (&row, &u) in self.upper[upper.clone()].iter().zip(&self.upper_values[upper]) {
                        work[row as usize] -= u * x;
                    }
                }
                continue;
            }
            for j in begin..end {
                let x = work[j];
                let lower = span(&self.lower_start, j);
                for (&row, &l) in self.lower[lower.clone()].iter().zip(&self.lower_values[lower]) {
                    work[row as usize] -= l * x;
                }
            }
            for j in (begin..end).rev() {
                let x = work[j] * self.inverse[j];
                work[j] = x;
                let upper = span(&self.upper_start, j);
                for (&row, &u) in self.upper[upper.clone()].iter().zip(&self.upper_values[upper]) {
                    work[row as usize] -= u * x;
                }
            }
        }
        for (w, column) in work.iter_mut().zip(&self.columns) {
            b[*column as usize] = std::mem::take(w);
        }
    }

    /// `A^T x = b`, in place (transposed, not conjugated).
    pub fn solve_transposed(&mut self, b: &mut [T]) {
        let work = &mut self.work[..];
        for (w, column) in work.iter_mut().zip(&self.columns) {
            *w = b[*column as usize];
        }
        for (block, fronts) in self.blocks.windows(2).zip(&mut self.fronts) {
            let (begin, end) = (block[0] as usize, block[1] as usize);
            if let Some(fronts) = fronts {
                for j in begin..end {
                    let upper = span(&self.upper_start, j);
                    let mut x = work[j];
                    for (&row, &u) in self.upper[upper.clone()].iter().zip(&self.upper_values[upper]) {
                        x -= u * work[row as usize];
                    }
                    work[j] = x;
                }
                fronts.solve_transposed(&mut work[begin..end]);
                continue;
            }
            for j in begin..end {
                let upper = span(&self.upper_start, j);
                let mut x = work[j];
                for (&row, &u) in self.upper[upper.clone()].iter().zip(&self.upper_values[upper]) {
                    x -= u * work[row as usize];
                }
                work[j] = x * self.inverse[j];
            }
            for j in (begin..end).rev() {
                let lower = span(&self.lower_start, j);
                let mut x = work[j];
                for (&row, &l) in self.lower[lower.clone()].iter().zip(&self.lower_values[lower]) {
                    x -= l * work[row as usize];
                }
                work[j] = x;
            }
        }
        for ((w, row), scale) in work.iter_mut().zip(&self.rows).zip(&self.scale) {
            b[*row as usize] = std::mem::take(w).scaled(*scale);
        }
    }

    /// Column (of the matrix) of the pivot at position `j`.
    pub fn column_at(&self, j: usize) -> usize {
        self.columns[j] as usize
    }

    /// Reciprocal pivots by position.
    pub fn inverse_pivots(&self) -> &[T] {
        &self.inverse
    }

    /// Stored entries of L and U and F, diagonal included.
    pub fn entries(&self) -> usize {
        let fronts: usize = self.fronts.iter().flatten().map(Fronts::entries).sum();
        self.lower.len() + self.upper.len() + self.rows.len() + fronts
    }

    /// Number of diagonal blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Largest magnitude in U within the blocks, at least 1.
    pub fn growth(&self) -> f64 {
        self.growth
    }
}

impl Frozen<f64> {
    /// Sign and logarithm of the modulus of the determinant: pivots, less the scaling, with the parity of both permutations.
    pub fn log_determinant(&self) -> (f64, f64) {
        let pivots: f64 = self.inverse.iter().map(|i| -i.abs().ln()).sum();
        let scaling: f64 = self.scale.iter().map(|s| s.ln()).sum();
        let negative = self.inverse.iter().filter(|i| **i < 0.0).count();
        let sign = if negative % 2 == 0 { 1.0 } else { -1.0 };
        (sign * parity(&self.rows) * parity(&self.columns), pivots - scaling)
    }
}

/// 1 for an even permutation, -1 for an odd one.
fn parity(permutation: &[u32]) -> f64 {
    let mut seen = vec![false; permutation.len()];
    let mut sign = 1.0;
    for start in 0..permutation.len() {
        let (mut k, mut length) = (start, 0);
        while !std::mem::replace(&mut seen[k], true) {
            k = permutation[k] as usize;
            length += 1;
        }
        if length > 0 && length % 2 == 0 {
            sign = -sign;
        }
    }
    sign
}
