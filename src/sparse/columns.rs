//! Scalar refactorisation: left-looking, column by column, for matrices of low fill.
//!
//! Column j of A is scattered into a dense vector, the columns of L named by U are subtracted in rising order, the rest is
//! divided by the pivot. Everything lies in the order in which it is used; what is far (above the diagonal blocks) comes
//! before U in each column, so that blocks need no loop of their own.
//!
//! Indices are checked once, when the columns are made: the hot loops here read and write without checks.

use super::frozen::Refusal;
use super::sweeps::Entry;
use super::{Pattern, Scalar};

/// A pivot below this part of its column of A may be nothing but round-off; it is examined.
const SUSPECT: f64 = 1e-12;
/// Round-off to be expected of a sum, in parts of the sum of magnitudes.
const ROUND_OFF: f64 = 16.0 * f64::EPSILON;
/// Scaled entries are below 2 when they are scaled; here they may have grown.
const TOP: f64 = 32.0;

/// True if a scaled entry of this size is too large for its scale, or not a number.
#[inline(always)]
pub(super) fn exceeds(size: f64) -> bool {
    size > TOP || size.is_nan()
}

/// Where the lists of a column begin; they end where those of the next begin.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// First slot of its entries of A.
    slot: u32,
    /// Positions of the rows of these entries.
    entries: u32,
    /// Rows above the block, then rows of U.
    upper: u32,
    /// How many of these stand above the block.
    far: u32,
    /// Rows of L.
    lower: u32,
}

/// The pattern of the columns; every position in it is below `n`, every slot below `slots`.
#[derive(Debug, Default)]
pub(super) struct Shape {
    n: usize,
    slots: usize,
    heads: Vec<Head>,
    entries: Vec<u32>,
    upper: Vec<u32>,
    lower: Vec<u32>,
}

/// Values of L and U.
#[derive(Clone, Debug)]
pub(super) struct Columns<T> {
    shape: std::sync::Arc<Shape>,
    upper: Vec<T>,
    lower: Vec<T>,
}

/// What a refactorisation may not exceed, and what it found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Part of its column that a pivot must be.
    pub keep: f64,
    /// What entries of U may grow to.
    pub limit: f64,
    /// Largest entry of U so far.
    pub growth: f64,
    /// Some scaled entry of A [`exceeds`] its scale.
    pub beyond: bool,
}

impl Shape {
    /// Nothing yet, for the columns of a pattern.
    pub fn new(pattern: &Pattern) -> Shape {
        Shape { n: pattern.n, slots: pattern.len(), heads: vec![Head::default()], ..Shape::default() }
    }

    /// Adds the next column: its first slot, the positions of all its rows, rows above the block, rows of U, rows of L.
    pub fn push(&mut self, slot: u32, rows: impl Iterator<Item = u32>, far: &[u32], upper: &[u32], lower: &[u32]) {
        let Some(head) = self.heads.last_mut() else { return };
        (head.slot, head.far) = (slot, far.len() as u32);
        let first = self.entries.len();
        self.entries.extend(rows);
        self.upper.extend_from_slice(far);
        self.upper.extend_from_slice(upper);
        self.lower.extend_from_slice(lower);
        assert!(slot as usize + self.entries.len() - first <= self.slots, "slots of a column");
        assert!([&self.entries[first..], far, upper, lower].iter().all(|list| list.iter().all(|i| (*i as usize) < self.n)));
        let (entries, upper, lower) = (self.entries.len() as u32, self.upper.len() as u32, self.lower.len() as u32);
        self.heads.push(Head { slot: 0, entries, upper, far: 0, lower });
    }
}

/// `list[i]`
///
/// # Safety
/// i is below the length.
#[inline(always)]
unsafe fn at<T: Copy>(list: &[T], i: usize) -> T {
    debug_assert!(i < list.len());
    unsafe { *list.get_unchecked(i) }
}

/// The part `from..to` of a list.
///
/// # Safety
/// `from <= to`, and both are at most the length.
#[inline(always)]
unsafe fn part<T>(list: &[T], from: u32, to: u32) -> &[T] {
    debug_assert!(from <= to && to as usize <= list.len());
    unsafe { list.get_unchecked(from as usize..to as usize) }
}

/// As [`part`].
#[inline(always)]
unsafe fn part_mut<T>(list: &mut [T], from: u32, to: u32) -> &mut [T] {
    debug_assert!(from <= to && to as usize <= list.len());
    unsafe { list.get_unchecked_mut(from as usize..to as usize) }
}

/// `x[row] -= value factor` for all rows.
///
/// # Safety
/// All rows are below the length of x.
#[inline(always)]
unsafe fn spread<T: Scalar, V: Entry<T>>(rows: &[u32], values: &[T], factor: V, x: &mut [V]) {
    for (row, value) in rows.iter().zip(values) {
        debug_assert!((*row as usize) < x.len());
        let x = unsafe { x.get_unchecked_mut(*row as usize) };
        *x = x.less(*value, factor);
    }
}

/// `start` less the sum of `value x[row]`.
///
/// # Safety
/// As [`spread`].
#[inline(always)]
unsafe fn gather<T: Scalar, V: Entry<T>>(rows: &[u32], values: &[T], start: V, x: &[V]) -> V {
    rows.iter().zip(values).fold(start, |sum, (row, value)| sum.less(*value, unsafe { at(x, *row as usize) }))
}

impl<T: Scalar> Columns<T> {
    pub fn new(shape: Shape) -> Columns<T> {
        let zeros = |count: usize| vec![T::default(); count];
        Columns { upper: zeros(shape.upper.len()), lower: zeros(shape.lower.len()), shape: std::sync::Arc::new(shape) }
    }

    /// Stored entries, without the diagonal.
    pub fn entries(&self) -> usize {
        self.upper.len() + self.lower.len()
    }

    /// Multiplications and additions of a refactorisation.
    pub fn flops(&self) -> f64 {
        let heads = &self.shape.heads;
        let mut flops = self.lower.len() as f64;
        for pair in heads.windows(2) {
            for k in &self.shape.upper[(pair[0].upper + pair[0].far) as usize..pair[1].upper as usize] {
                flops += 2.0 * f64::from(heads[*k as usize + 1].lower - heads[*k as usize].lower);
            }
        }
        flops
    }

    /// Values above the block of the columns `positions`, from elsewhere: by number in the list of all of these columns.
    pub fn far_mut(&mut self, positions: std::ops::Range<usize>) -> &mut [T] {
        let heads = &self.shape.heads;
        &mut self.upper[heads[positions.start].upper as usize..heads[positions.end].upper as usize]
    }

    /// Factors the columns `positions`. `work` is zero before and after, also where a pivot is refused.
    pub fn refactor(
        &mut self,
        positions: std::ops::Range<usize>,
        (values, scale): (&[T], &[f64]),
        (inverse, work): (&mut [T], &mut [T]),
        limits: &mut Limits,
    ) -> Result<(), Refusal> {
        let shape = &*self.shape;
        assert!(values.len() >= shape.slots && scale.len() >= shape.n && inverse.len() >= shape.n && work.len() >= shape.n);
        assert!(positions.end < shape.heads.len());
        let mut growth = limits.growth;
        let mut beyond = false;
        for j in positions {
            // Safety: positions are below n, slots below their number, and starts rise to the lengths: see `Shape::push`.
            let (pivot, largest) = unsafe {
                let (head, next) = (at(&shape.heads, j), at(&shape.heads, j + 1));
                let rows = part(&shape.entries, head.entries, next.entries);
                for (k, row) in rows.iter().enumerate() {
                    let value = at(values, head.slot as usize + k).scaled(at(scale, *row as usize));
                    beyond |= exceeds(value.magnitude());
                    *work.get_unchecked_mut(*row as usize) = value;
                }
                let middle = head.upper + head.far;
                let far = part_mut(&mut self.upper, head.upper, middle);
                for (row, value) in part(&shape.upper, head.upper, middle).iter().zip(far) {
                    *value = std::mem::take(work.get_unchecked_mut(*row as usize));
                }
                let near = part_mut(&mut self.upper, middle, next.upper);
                for (k, value) in part(&shape.upper, middle, next.upper).iter().zip(near) {
                    let k = *k as usize;
                    let u = std::mem::take(work.get_unchecked_mut(k));
                    *value = u;
                    let size = u.magnitude();
                    growth = if size > growth { size } else { growth };
                    let (from, to) = (at(&shape.heads, k).lower, at(&shape.heads, k + 1).lower);
                    spread(part(&shape.lower, from, to), part(&self.lower, from, to), u, work);
                }
                let pivot = std::mem::take(work.get_unchecked_mut(j));
                let inverse_pivot = T::from(1.0) / pivot;
                *inverse.get_unchecked_mut(j) = inverse_pivot;
                let mut largest = 0.0;
                let own = part_mut(&mut self.lower, head.lower, next.lower);
                for (row, value) in part(&shape.lower, head.lower, next.lower).iter().zip(own) {
                    let x = std::mem::take(work.get_unchecked_mut(*row as usize));
                    let size = x.magnitude();
                    largest = if size > largest { size } else { largest };
                    *value = x * inverse_pivot;
                }
                (pivot, largest)
            };
            let size = pivot.magnitude();
            growth = if size > growth { size } else { growth };
            // Written so that what is not a number is refused.
            let good = size >= limits.keep * largest && size > 0.0 && size < f64::INFINITY && growth <= limits.limit;
            if !good || size < TOP * SUSPECT {
                (limits.growth, limits.beyond) = (growth, limits.beyond | beyond);
                if !good {
                    work.fill(T::default());
                    return Err(if size > 0.0 { Refusal::Weak(j) } else { Refusal::Vanished(j) });
                }
                self.examine(j, size, (values, scale))?;
            }
        }
        (limits.growth, limits.beyond) = (growth, limits.beyond | beyond);
        Ok(())
    }

    /// A small pivot is refused if it may be nothing but round-off of the terms whose sum it is.
    #[cold]
    fn examine(&self, j: usize, size: f64, (values, scale): (&[T], &[f64])) -> Result<(), Refusal> {
        let shape = &*self.shape;
        let (head, next) = (shape.heads[j], shape.heads[j + 1]);
        let (mut column, mut terms) = (0.0f64, 0.0);
        for (k, row) in shape.entries[head.entries as usize..next.entries as usize].iter().enumerate() {
            let far = shape.upper[head.upper as usize..(head.upper + head.far) as usize].contains(row);
            let value = values[head.slot as usize + k].scaled(scale[*row as usize]).magnitude();
            column = if far { column } else { column.max(value) };
            terms += if *row as usize == j { value } else { 0.0 };
        }
        if size >= SUSPECT * column {
            return Ok(());
        }
        for at in (head.upper + head.far) as usize..next.upper as usize {
            let k = shape.upper[at] as usize;
            let lower = shape.heads[k].lower as usize..shape.heads[k + 1].lower as usize;
            if let Ok(found) = shape.lower[lower.clone()].binary_search(&(j as u32)) {
                terms += self.lower[lower.start + found].magnitude() * self.upper[at].magnitude();
            }
        }
        if size <= ROUND_OFF * terms { Err(Refusal::Vanished(j)) } else { Ok(()) }
    }

    /// `x` less what the columns of L of these positions take.
    pub fn forward<V: Entry<T>>(&self, positions: std::ops::Range<usize>, x: &mut [V]) {
        let shape = &*self.shape;
        assert!(x.len() >= shape.n && positions.end < shape.heads.len());
        for j in positions {
            // Safety: as in `refactor`.
            unsafe {
                let (from, to) = (at(&shape.heads, j).lower, at(&shape.heads, j + 1).lower);
                let factor = at(x, j);
                spread(part(&shape.lower, from, to), part(&self.lower, from, to), factor, x);
            }
        }
    }

    /// The same for the columns of U and what stands above, after the division by the pivot.
    pub fn backward<V: Entry<T>>(&self, positions: std::ops::Range<usize>, inverse: &[T], x: &mut [V]) {
        let shape = &*self.shape;
        assert!(x.len() >= shape.n && inverse.len() >= shape.n && positions.end < shape.heads.len());
        for j in positions.rev() {
            // Safety: as in `refactor`.
            unsafe {
                let (from, to) = (at(&shape.heads, j).upper, at(&shape.heads, j + 1).upper);
                let value = at(x, j).times(at(inverse, j));
                *x.get_unchecked_mut(j) = value;
                spread(part(&shape.upper, from, to), part(&self.upper, from, to), value, x);
            }
        }
    }

    /// `x` less what stands above the block, for columns that have nothing else here.
    pub fn above<V: Entry<T>>(&self, positions: std::ops::Range<usize>, x: &mut [V]) {
        let shape = &*self.shape;
        assert!(x.len() >= shape.n && positions.end < shape.heads.len());
        if shape.heads[positions.start].upper == shape.heads[positions.end].upper {
            return;
        }
        for j in positions {
            // Safety: as in `refactor`.
            unsafe {
                let (from, to) = (at(&shape.heads, j).upper, at(&shape.heads, j + 1).upper);
                let value = at(x, j);
                spread(part(&shape.upper, from, to), part(&self.upper, from, to), value, x);
            }
        }
    }

    /// Rows of U' and of what stands above, from first to last; divided by the pivots if there are any here.
    pub fn forward_transposed(&self, positions: std::ops::Range<usize>, inverse: Option<&[T]>, x: &mut [T]) {
        let shape = &*self.shape;
        assert!(x.len() >= shape.n && inverse.is_none_or(|i| i.len() >= shape.n) && positions.end < shape.heads.len());
        for j in positions {
            // Safety: as in `refactor`.
            unsafe {
                let (from, to) = (at(&shape.heads, j).upper, at(&shape.heads, j + 1).upper);
                let value = gather(part(&shape.upper, from, to), part(&self.upper, from, to), at(x, j), x);
                *x.get_unchecked_mut(j) = inverse.map_or(value, |inverse| value * at(inverse, j));
            }
        }
    }

    /// Rows of L', from last to first.
    pub fn backward_transposed(&self, positions: std::ops::Range<usize>, x: &mut [T]) {
        let shape = &*self.shape;
        assert!(x.len() >= shape.n && positions.end < shape.heads.len());
        for j in positions.rev() {
            // Safety: as in `refactor`.
            unsafe {
                let (from, to) = (at(&shape.heads, j).lower, at(&shape.heads, j + 1).lower);
                let value = gather(part(&shape.lower, from, to), part(&self.lower, from, to), at(x, j), x);
                *x.get_unchecked_mut(j) = value;
            }
        }
    }
}
