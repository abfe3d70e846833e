//! Factors with a frozen pattern: numeric refactorisation, solves, and the watch over the pivots.
//!
//! `P R A Q = L U + F` with R a scaling of rows by powers of two (no rounding), L unit lower and U upper triangular within
//! each diagonal block, F what stands above the blocks. Blocks are factored column by column ([`super::columns`]) or by dense
//! fronts ([`super::fronts`]).
//!
//! R is computed anew only when it no longer fits: when the entry that was the largest of its row has become small, or some
//! entry large. As its factors are powers of two, the numbers do not depend on when that was; they only have to be near enough
//! for pivots to be compared.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::columns::{Columns, Limits, Shape, exceeds};
use super::fronts::Fronts;
use super::gilbert::Pivots;
use super::order::Plan;
use super::sweeps::{ABREAST, Entry, Space};
use super::tree::Tree;
use super::{Pattern, Scalar};

/// A pivot below this part of its column's maximum is no longer good enough: one decade below what is chosen anew, so that
/// a matrix at the border does not change its mind every time.
const KEEP: f64 = 1e-4;
/// Entries of the scaled matrix are below 2; in U they may grow to this before pivots are chosen anew: four digits lost.
pub(super) const GROWTH: f64 = 1e4;
/// The entry that was the largest of its row, and then between 1 and 2, may have become this small.
const BOTTOM: f64 = 1.0 / 16.0;

/// Stored entries of factors from which on groups of right-hand sides are solved for in parallel.
const PARALLEL: usize = 100_000;

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

/// Blocks that are factored together.
#[derive(Clone, Debug)]
struct Stage<T> {
    positions: Range<usize>,
    /// Blocks of one position each: nothing of L.
    single: bool,
    fronts: Option<Fronts<T>>,
    /// Slot and position of the row of what stands above a block with fronts, in the order of its columns.
    above: Arc<[(u32, u32)]>,
}

#[derive(Clone, Debug)]
pub(super) struct Frozen<T> {
    pattern: Arc<Pattern>,
    /// Row and column at each position.
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// Position of each row.
    position: Vec<u32>,
    block_count: usize,
    stages: Vec<Stage<T>>,
    /// L, U and F, but for blocks with fronts, of which it has F alone.
    factors: Columns<T>,
    /// Reciprocal pivots, but for blocks with fronts.
    inverse: Vec<T>,
    /// R, by position, and the slot of the entry that was the largest of the row then; false as long as there is none.
    scale: Vec<f64>,
    witness: Vec<u32>,
    scaled: bool,
    /// Largest entry of U within the blocks, and what it may be.
    growth: f64,
    growth_limit: f64,
    /// Zero between calls.
    work: Vec<T>,
    space: Space<T>,
}

/// The reciprocal of the largest power of two not above `largest`.
fn reciprocal_power(largest: f64) -> f64 {
    let exponent = (largest.to_bits() >> 52).clamp(1, 2045);
    f64::from_bits((2046 - exponent) << 52)
}

/// Scale of each row of the matrix; `None` if some value is not finite.
pub(super) fn scales<T: Scalar>(pattern: &Pattern, values: &[T]) -> Option<Vec<f64>> {
    let mut scale = vec![0.0; pattern.n];
    let mut finite = true;
    for (row, value) in pattern.rows.iter().zip(values) {
        let (size, largest) = (value.magnitude(), &mut scale[*row as usize]);
        finite &= size < f64::INFINITY;
        *largest = if size > *largest { size } else { *largest };
    }
    scale.iter_mut().for_each(|s| *s = reciprocal_power(*s));
    finite.then_some(scale)
}

fn span(starts: &[u32], j: usize) -> Range<usize> {
    starts[j] as usize..starts[j + 1] as usize
}

impl<T: Scalar> Frozen<T> {
    /// Space for the factors of a matrix with these pivots, and for each block the tree of its fronts, if it has any.
    pub fn new(pattern: &Arc<Pattern>, plan: &Plan, pivots: Pivots, trees: &[Option<Tree>]) -> Frozen<T> {
        let n = pattern.n;
        let mut shape = Shape::new(pattern);
        let mut stages: Vec<Stage<T>> = Vec::new();
        let (mut far, mut inside, mut above) = (Vec::new(), Vec::new(), Vec::new());
        for (block, tree) in plan.blocks.windows(2).zip(trees) {
            let positions = block[0] as usize..block[1] as usize;
            inside.clear();
            above.clear();
            for p in positions.clone() {
                let c = plan.columns[p] as usize;
                far.clear();
                for slot in pattern.column(c) {
                    let row = pattern.rows[slot] as usize;
                    let position = pivots.position[row];
                    if row == c && plan.absent[c] {
                        continue;
                    }
                    if position < block[0] {
                        far.push(position);
                        above.extend(tree.as_ref().map(|_| (slot as u32, position)));
                    } else if tree.is_some() {
                        inside.push((slot as u32, position, p as u32));
                    }
                }
                let slots = pattern.column(c);
                if tree.is_some() {
                    shape.push(slots.start as u32, std::iter::empty(), &far, &[], &[]);
                } else {
                    let rows = slots.clone().map(|slot| pivots.position[pattern.rows[slot] as usize]);
                    let upper = &pivots.upper[span(&pivots.upper_start, p)];
                    shape.push(slots.start as u32, rows, &far, upper, &pivots.lower[span(&pivots.lower_start, p)]);
                }
            }
            let single = positions.len() == 1;
            match stages.last_mut() {
                Some(last) if single && last.single => last.positions.end = positions.end,
                _ => {
                    let fronts = tree.as_ref().map(|tree| Fronts::new(block[0] as usize, tree, &inside));
                    stages.push(Stage { positions, single, fronts, above: above.as_slice().into() });
                }
            }
        }
        let mut frozen = Frozen {
            pattern: pattern.clone(),
            rows: pivots.rows,
            columns: plan.columns.clone(),
            position: pivots.position,
            block_count: plan.blocks.len() - 1,
            stages,
            factors: Columns::new(shape),
            inverse: vec![T::default(); n],
            scale: vec![0.0; n],
            witness: vec![0; n],
            scaled: false,
            growth: 1.0,
            growth_limit: f64::INFINITY,
            work: vec![T::default(); n],
            space: Space::default(),
        };
        frozen.space = Space::new(frozen.room());
        frozen
    }

    /// Factors new values with the pivots as they are; with `watch`, only while they are good enough.
    pub fn refactor(&mut self, values: &[T], watch: bool) -> Result<(), Refusal> {
        let fits = watch && self.scaled && self.fits(values);
        if !fits {
            self.rescale(values)?;
        }
        match self.numbers(values, watch) {
            Ok(false) => {}
            // Old scales may be why.
            Ok(true) | Err(_) if fits => {
                self.rescale(values)?;
                self.numbers(values, watch)?;
            }
            Ok(true) => {}
            Err(refusal) => return Err(refusal),
        }
        if !watch {
            self.settle();
        }
        Ok(())
    }

    /// True if no row has become small beside its scale, as far as its witness tells.
    fn fits(&self, values: &[T]) -> bool {
        let mut small = false;
        for (scale, slot) in self.scale.iter().zip(&self.witness) {
            let size = values[*slot as usize].scaled(*scale).magnitude();
            small |= size < BOTTOM || size.is_nan();
        }
        !small
    }

    #[cold]
    fn rescale(&mut self, values: &[T]) -> Result<(), Refusal> {
        self.scaled = false;
        self.scale.fill(0.0);
        let mut finite = true;
        for (slot, (row, value)) in self.pattern.rows.iter().zip(values).enumerate() {
            let (size, at) = (value.magnitude(), self.position[*row as usize] as usize);
            finite &= size < f64::INFINITY;
            if size > self.scale[at] {
                (self.scale[at], self.witness[at]) = (size, slot as u32);
            }
        }
        self.scale.iter_mut().for_each(|s| *s = reciprocal_power(*s));
        self.scaled = finite;
        if finite { Ok(()) } else { Err(Refusal::NotFinite) }
    }

    /// Takes the growth of these values for what others may need as well.
    pub fn settle(&mut self) {
        self.growth_limit = GROWTH.max(10.0 * self.growth);
    }

    /// The numbers; true if some entry is too large for the scales.
    fn numbers(&mut self, values: &[T], watch: bool) -> Result<bool, Refusal> {
        let (keep, limit) = if watch { (KEEP, self.growth_limit) } else { (0.0, f64::INFINITY) };
        let mut limits = Limits { keep, limit, growth: 1.0, beyond: false };
        let scale = &self.scale[..];
        for stage in &mut self.stages {
            let positions = stage.positions.clone();
            match &mut stage.fronts {
                None => {
                    let space = (&mut self.inverse[..], &mut self.work[..]);
                    self.factors.refactor(positions, (values, scale), space, &mut limits)?;
                }
                Some(fronts) => {
                    let above = self.factors.far_mut(positions.clone());
                    for ((slot, row), value) in stage.above.iter().zip(above) {
                        *value = values[*slot as usize].scaled(scale[*row as usize]);
                        limits.beyond |= exceeds(value.magnitude());
                    }
                    let start = positions.start;
                    fronts.refactor((values, scale), &mut limits)?;
                    if limits.growth > limit {
                        return Err(Refusal::Weak(start));
                    }
                }
            }
        }
        self.growth = limits.growth;
        Ok(limits.beyond)
    }

    /// True if some block is factored by fronts.
    pub fn has_fronts(&self) -> bool {
        self.stages.iter().any(|stage| stage.fronts.is_some())
    }

    /// `A x = b`, in place.
    pub fn solve(&mut self, b: &mut [T]) {
        let work = &mut self.work[..];
        let b = &mut b[..work.len()];
        for ((w, row), scale) in work.iter_mut().zip(&self.rows).zip(&self.scale) {
            *w = b[*row as usize].scaled(*scale);
        }
        sweep(&self.stages, &self.factors, &self.inverse, (&mut *work, &mut self.space));
        for (w, column) in work.iter_mut().zip(&self.columns) {
            b[*column as usize] = std::mem::take(w);
        }
    }

    /// `A x = b` for vectors one behind the other, in place; [`ABREAST`] at a time, in parallel where that is worth it.
    pub fn solve_many(&self, b: &mut [T]) {
        let n = self.rows.len();
        if n == 0 {
            return;
        }
        let together = |b: &mut [T]| {
            let mut work = vec![[T::default(); ABREAST]; n];
            let mut space = Space::new(self.room());
            for (k, b) in b.chunks_exact(n).enumerate() {
                for ((w, row), scale) in work.iter_mut().zip(&self.rows).zip(&self.scale) {
                    w[k] = b[*row as usize].scaled(*scale);
                }
            }
            sweep(&self.stages, &self.factors, &self.inverse, (&mut work[..], &mut space));
            for (k, b) in b.chunks_exact_mut(n).enumerate() {
                for (w, column) in work.iter().zip(&self.columns) {
                    b[*column as usize] = w[k];
                }
            }
        };
        if b.len() > ABREAST * n && self.entries() > PARALLEL {
            b.par_chunks_mut(ABREAST * n).for_each(together);
        } else {
            b.chunks_mut(ABREAST * n).for_each(together);
        }
    }

    /// Positions and rows that fronts need space for.
    fn room(&self) -> (usize, usize) {
        self.fronts().map(Fronts::space).fold((0, 0), |a, b| (a.0.max(b.0), a.1.max(b.1)))
    }

    /// `A^T x = b`, in place (transposed, not conjugated).
    pub fn solve_transposed(&mut self, b: &mut [T]) {
        let work = &mut self.work[..];
        for (w, column) in work.iter_mut().zip(&self.columns) {
            *w = b[*column as usize];
        }
        for stage in &self.stages {
            let positions = stage.positions.clone();
            match &stage.fronts {
                Some(fronts) => {
                    self.factors.forward_transposed(positions.clone(), None, work);
                    fronts.solve_transposed(&mut work[positions], &mut self.space);
                }
                None => {
                    self.factors.forward_transposed(positions.clone(), Some(&self.inverse), work);
                    if !stage.single {
                        self.factors.backward_transposed(positions, work);
                    }
                }
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
    pub fn inverse_pivots(&self) -> Vec<T> {
        let mut inverse = self.inverse.clone();
        for stage in &self.stages {
            if let Some(fronts) = &stage.fronts {
                fronts.inverse_pivots(&mut inverse[stage.positions.clone()]);
            }
        }
        inverse
    }

    fn fronts(&self) -> impl Iterator<Item = &Fronts<T>> {
        self.stages.iter().filter_map(|stage| stage.fronts.as_ref())
    }

    /// Stored entries of L and U and F, diagonal included.
    pub fn entries(&self) -> usize {
        self.factors.entries() + self.rows.len() + self.fronts().map(Fronts::entries).sum::<usize>()
    }

    /// Multiplications and additions of a refactorisation, those with zeros that fronts store included.
    pub fn flops(&self) -> f64 {
        self.factors.flops() + self.fronts().map(Fronts::flops).sum::<f64>()
    }

    /// Number of diagonal blocks.
    pub fn block_count(&self) -> usize {
        self.block_count
    }

    /// Largest magnitude in U within the blocks, at least 1.
    pub fn growth(&self) -> f64 {
        self.growth
    }
}

/// `L U x = b` with what stands above the blocks, from the last block to the first.
fn sweep<T: Scalar, V: Entry<T>>(stages: &[Stage<T>], factors: &Columns<T>, inverse: &[T], (x, space): (&mut [V], &mut Space<V>)) {
    for stage in stages.iter().rev() {
        let positions = stage.positions.clone();
        match &stage.fronts {
            Some(fronts) => {
                fronts.solve(&mut x[positions.clone()], space);
                factors.above(positions, x);
            }
            None => {
                if !stage.single {
                    factors.forward(positions.clone(), x);
                }
                factors.backward(positions, inverse, x);
            }
        }
    }
}

impl Frozen<f64> {
    /// Sign and logarithm of the modulus of the determinant: pivots, less the scaling, with the parity of both permutations.
    pub fn log_determinant(&self) -> (f64, f64) {
        let inverse = self.inverse_pivots();
        let pivots: f64 = inverse.iter().map(|i| -i.abs().ln()).sum();
        let scaling: f64 = self.scale.iter().map(|s| s.ln()).sum();
        let negative = inverse.iter().filter(|i| **i < 0.0).count();
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
