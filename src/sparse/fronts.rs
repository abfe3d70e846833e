//! Multifrontal refactorisation of one diagonal block with much fill: dense fronts instead of single columns.
//!
//! The pivots of a supernode and all rows and columns that they touch are one dense matrix, the front (Duff, Reid, ACM TOMS 9,
//! 1983). Entries of A and the updates of its children are added up in it, its pivots are eliminated in place, the panels of L
//! and U are kept, and the rest is handed to the parent. Pivots stay on the diagonal; each is watched against the column
//! below it, as in [`super::frozen`].
//!
//! Storage of a supernode with k pivots and r further rows: L with the pivots' own triangles, (k + r) x k, then U, k x r, both
//! by columns.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::Scalar;
use super::frozen::Refusal;
use super::tree::Tree;

/// Columns eliminated one by one before the rest of the front is updated by a product.
const PANEL: usize = 32;
/// Updates of fewer multiplications than this are done column by column: the product's set-up would cost more.
const SMALL: usize = 4096;
/// Work for each stored entry above which fronts win over single columns.
const WORTH: f64 = 40.0;
/// Blocks of fewer positions are not looked at.
const SMALLEST: usize = 200;
/// Largest front: positions in it are counted by 32 bits.
const LARGEST: usize = 60_000;

/// An entry of A on its way into a front.
#[derive(Clone, Copy, Debug)]
struct Entry {
    slot: u32,
    /// Position of its row, for the scaling.
    row: u32,
    /// Place in the front, by columns.
    place: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Fronts<T> {
    tree: Tree,
    /// First position of the block.
    begin: usize,
    /// Start of each supernode's entries.
    entry_starts: Vec<u32>,
    entries: Vec<Entry>,
    /// Place of each row of a supernode in the front of its parent; starts by supernode.
    map_starts: Vec<u32>,
    map: Vec<u32>,
    /// Start of each supernode's panels.
    panel_starts: Vec<usize>,
    panels: Vec<T>,
    /// Updates that wait for their parents, one behind the other.
    stack: Vec<T>,
    front: Vec<T>,
    gather: Vec<T>,
}

/// What a refactorisation of a block found.
pub(super) struct Watch {
    /// Part of its column that a pivot must be.
    pub keep: f64,
    /// Part of its largest assembled entry below which a pivot may be round-off.
    pub suspect: f64,
    /// Largest entry of U so far.
    pub growth: f64,
}

/// The tree of the block of positions `begin..end` with these entries (row, column), if fronts are faster there than single
/// columns.
pub(super) fn worth_while(begin: usize, end: usize, entries: &[(u32, u32)]) -> Option<Tree> {
    if end - begin < SMALLEST {
        return None;
    }
    let local: Vec<(u32, u32)> = entries.iter().map(|(i, j)| (i - begin as u32, j - begin as u32)).collect();
    let tree = Tree::new(end - begin, &local);
    let largest = tree.supernodes.iter().map(|s| s.size()).max().unwrap_or(0);
    (tree.flops >= WORTH * tree.entries && largest <= LARGEST).then_some(tree)
}

impl<T: Scalar> Fronts<T> {
    /// Fronts by `tree` for the block that begins at position `begin`; its entries are (slot, row, column), in positions.
    pub fn new(begin: usize, tree: Tree, near: &[(u32, u32, u32)]) -> Fronts<T> {
        let n = tree.seats.len();
        let local = |position: u32| position - begin as u32;
        let pairs: Vec<(u32, u32)> = near.iter().map(|(_, i, j)| (local(*i), local(*j))).collect();
        let largest = tree.supernodes.iter().map(|s| s.size()).max().unwrap_or(0);
        let mut supernode_of = vec![0u32; n];
        for (s, node) in tree.supernodes.iter().enumerate() {
            supernode_of[node.first as usize..(node.first + node.pivots) as usize].fill(s as u32);
        }
        let mut placed: Vec<(u32, Entry)> = Vec::with_capacity(near.len());
        for (&(slot, row, _), &(i, j)) in near.iter().zip(&pairs) {
            let (i, j) = (tree.seats[i as usize], tree.seats[j as usize]);
            let s = supernode_of[i.min(j) as usize];
            let node = &tree.supernodes[s as usize];
            let at = |seat: u32| match seat < node.first + node.pivots {
                true => (seat - node.first) as usize,
                false => node.pivots as usize + node.rows.partition_point(|r| *r < seat),
            };
            placed.push((s, Entry { slot, row, place: (at(i) + at(j) * node.size()) as u32 }));
        }
        placed.sort_by_key(|(s, e)| (*s, e.place));
        let starts = |counts: &mut dyn Iterator<Item = usize>| {
            let mut starts = vec![0];
            counts.for_each(|c| starts.push(starts[starts.len() - 1] + c));
            starts
        };
        let mut of_node = vec![0usize; tree.supernodes.len()];
        placed.iter().for_each(|(s, _)| of_node[*s as usize] += 1);
        let entry_starts = starts(&mut of_node.into_iter()).into_iter().map(|s| s as u32).collect();
        let map_starts = starts(&mut tree.supernodes.iter().map(|s| s.rows.len())).into_iter().map(|s| s as u32).collect();
        let panel_size = |s: &super::tree::Supernode| s.pivots as usize * (s.size() + s.rows.len());
        let panel_starts: Vec<usize> = starts(&mut tree.supernodes.iter().map(panel_size));
        let (depth, rows) = (deepest(&tree), tree.supernodes.iter().map(|s| s.rows.len()).max().unwrap_or(0));
        Fronts {
            begin,
            entry_starts,
            entries: placed.into_iter().map(|(_, e)| e).collect(),
            map_starts,
            map: map(&tree),
            panels: vec![T::default(); panel_starts[panel_starts.len() - 1]],
            panel_starts,
            stack: Vec::with_capacity(depth),
            front: vec![T::default(); largest * largest],
            gather: vec![T::default(); rows.max(n)],
            tree,
        }
    }

    /// Stored entries of L and U.
    pub fn entries(&self) -> usize {
        self.panels.len()
    }

    /// Factors new values; `inverse` gets the reciprocal pivots by position of the block.
    pub fn refactor(&mut self, values: &[T], scale: &[f64], watch: &mut Watch, inverse: &mut [T]) -> Result<(), Refusal> {
        self.stack.clear();
        let mut waiting: Vec<(u32, usize)> = Vec::new();
        for s in 0..self.tree.supernodes.len() {
            let node = &self.tree.supernodes[s];
            let (size, pivots) = (node.size(), node.pivots as usize);
            let front = &mut self.front[..size * size];
            front.fill(T::default());
            let mut assembled = 0.0f64;
            for entry in &self.entries[self.entry_starts[s] as usize..self.entry_starts[s + 1] as usize] {
                let value = values[entry.slot as usize].scaled(scale[entry.row as usize]);
                front[entry.place as usize] += value;
                assembled = assembled.max(value.magnitude());
            }
            while let Some(&(child, at)) = waiting.last() {
                if self.tree.supernodes[child as usize].parent != s as u32 {
                    break;
                }
                waiting.pop();
                let map = &self.map[self.map_starts[child as usize] as usize..self.map_starts[child as usize + 1] as usize];
                extend(&self.stack[at..], map, front, size);
                self.stack.truncate(at);
            }
            let failed = eliminate(front, size, pivots, watch, assembled);
            let (lower, upper) = panels(&mut self.panels, self.panel_starts[s], size, pivots);
            lower.copy_from_slice(&front[..size * pivots]);
            for (c, column) in upper.chunks_exact_mut(pivots).enumerate() {
                let start = (pivots + c) * size;
                column.copy_from_slice(&front[start..start + pivots]);
                watch.growth = column.iter().map(|u| u.magnitude()).fold(watch.growth, f64::max);
            }
            for p in 0..pivots {
                inverse[self.tree.positions[node.first as usize + p] as usize] = T::from(1.0) / lower[p + p * size];
            }
            if let Err((p, vanished)) = failed {
                let position = self.begin + self.position_of(node.first as usize + p);
                return Err(if vanished { Refusal::Vanished(position) } else { Refusal::Weak(position) });
            }
            if size > pivots && node.parent != super::order::NONE {
                waiting.push((s as u32, self.stack.len()));
                for c in pivots..size {
                    self.stack.extend_from_slice(&front[c * size + pivots..(c + 1) * size]);
                }
            }
        }
        Ok(())
    }

    /// Position within the block of a seat.
    fn position_of(&self, seat: usize) -> usize {
        self.tree.positions[seat] as usize
    }

    /// `L U x = b` for the part of a vector that belongs to the block, in place.
    pub fn solve(&mut self, b: &mut [T]) {
        let x = &mut self.gather[..b.len()];
        for (x, position) in x.iter_mut().zip(&self.tree.positions) {
            *x = b[*position as usize];
        }
        for (s, node) in self.tree.supernodes.iter().enumerate() {
            let (first, pivots, size) = (node.first as usize, node.pivots as usize, node.size());
            let lower = &self.panels[self.panel_starts[s]..][..size * pivots];
            for (p, column) in lower.chunks_exact(size).enumerate() {
                let value = x[first + p];
                for (l, x) in column[p + 1..pivots].iter().zip(&mut x[first + p + 1..first + pivots]) {
                    *x -= *l * value;
                }
                for (l, row) in column[pivots..].iter().zip(&node.rows) {
                    x[*row as usize] -= *l * value;
                }
            }
        }
        for (s, node) in self.tree.supernodes.iter().enumerate().rev() {
            let (first, pivots, size) = (node.first as usize, node.pivots as usize, node.size());
            let (lower, upper) = self.panels[self.panel_starts[s]..].split_at(size * pivots);
            for (column, row) in upper.chunks_exact(pivots).zip(&node.rows) {
                let value = x[*row as usize];
                for (u, x) in column.iter().zip(&mut x[first..first + pivots]) {
                    *x -= *u * value;
                }
            }
            for p in (0..pivots).rev() {
                let column = &lower[p * size..];
                let value = x[first + p] / column[p];
                x[first + p] = value;
                for (u, x) in column[..p].iter().zip(&mut x[first..first + p]) {
                    *x -= *u * value;
                }
            }
        }
        for (x, position) in x.iter().zip(&self.tree.positions) {
            b[*position as usize] = *x;
        }
    }

    /// `(L U)' x = b`, in place (transposed, not conjugated).
    pub fn solve_transposed(&mut self, b: &mut [T]) {
        let x = &mut self.gather[..b.len()];
        for (x, position) in x.iter_mut().zip(&self.tree.positions) {
            *x = b[*position as usize];
        }
        for (s, node) in self.tree.supernodes.iter().enumerate() {
            let (first, pivots, size) = (node.first as usize, node.pivots as usize, node.size());
            let (lower, upper) = self.panels[self.panel_starts[s]..].split_at(size * pivots);
            for p in 0..pivots {
                let column = &lower[p * size..];
                let done: T = dot(&column[..p], &x[first..first + p]);
                x[first + p] = (x[first + p] - done) / column[p];
            }
            for (column, row) in upper.chunks_exact(pivots).zip(&node.rows) {
                let done = dot(column, &x[first..first + pivots]);
                x[*row as usize] -= done;
            }
        }
        for (s, node) in self.tree.supernodes.iter().enumerate().rev() {
            let (first, pivots, size) = (node.first as usize, node.pivots as usize, node.size());
            let lower = &self.panels[self.panel_starts[s]..][..size * pivots];
            for p in (0..pivots).rev() {
                let column = &lower[p * size..(p + 1) * size];
                let mut done = dot(&column[p + 1..pivots], &x[first + p + 1..first + pivots]);
                for (l, row) in column[pivots..].iter().zip(&node.rows) {
                    done += *l * x[*row as usize];
                }
                x[first + p] -= done;
            }
        }
        for (x, position) in x.iter().zip(&self.tree.positions) {
            b[*position as usize] = *x;
        }
    }
}

fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::default(), |sum, (a, b)| sum + *a * *b)
}

/// The panels of one supernode.
fn panels<T>(all: &mut [T], start: usize, size: usize, pivots: usize) -> (&mut [T], &mut [T]) {
    let (lower, rest) = all[start..].split_at_mut(size * pivots);
    (lower, &mut rest[..pivots * (size - pivots)])
}

/// Most entries that wait at once.
fn deepest(tree: &Tree) -> usize {
    let (mut now, mut most) = (0usize, 0usize);
    let mut open: Vec<(u32, usize)> = Vec::new();
    for (s, node) in tree.supernodes.iter().enumerate() {
        while let Some(&(child, size)) = open.last() {
            if tree.supernodes[child as usize].parent != s as u32 {
                break;
            }
            open.pop();
            now -= size;
        }
        let size = node.rows.len() * node.rows.len();
        open.push((s as u32, size));
        now += size;
        most = most.max(now);
    }
    most
}

/// Places of the rows of each supernode in the front of its parent.
fn map(tree: &Tree) -> Vec<u32> {
    let mut map = Vec::new();
    for node in &tree.supernodes {
        let Some(parent) = tree.supernodes.get(node.parent as usize) else {
            map.extend(node.rows.iter().map(|_| 0));
            continue;
        };
        let end = parent.first + parent.pivots;
        // Both lists rise: one walk.
        let mut at = 0;
        for row in &node.rows {
            if *row < end {
                map.push(row - parent.first);
                continue;
            }
            while parent.rows.get(at).is_some_and(|r| r < row) {
                at += 1;
            }
            map.push(parent.pivots + at as u32);
        }
    }
    map
}

/// Adds the update of a child to a front.
fn extend<T: Scalar>(update: &[T], map: &[u32], front: &mut [T], size: usize) {
    for (column, place) in update.chunks_exact(map.len().max(1)).zip(map) {
        let target = &mut front[*place as usize * size..][..size];
        for (value, row) in column.iter().zip(map) {
            target[*row as usize] += *value;
        }
    }
}

/// Eliminates the pivots of a front in place; the pivot that is too small, and whether it may be nothing but round-off.
fn eliminate<T: Scalar>(
    front: &mut [T],
    size: usize,
    pivots: usize,
    watch: &mut Watch,
    assembled: f64,
) -> Result<(), (usize, bool)> {
    for start in (0..pivots).step_by(PANEL) {
        let end = (start + PANEL).min(pivots);
        for p in start..end {
            let (before, after) = front.split_at_mut((p + 1) * size);
            let column = &mut before[p * size..];
            let pivot = column[p];
            let inverse = T::from(1.0) / pivot;
            let mut largest = 0.0f64;
            for l in &mut column[p + 1..] {
                largest = largest.max(l.magnitude());
                *l *= inverse;
            }
            let magnitude = pivot.magnitude();
            watch.growth = watch.growth.max(magnitude);
            // Written so that a pivot that is not a number is refused.
            if !(magnitude >= watch.keep * largest && magnitude > 0.0 && magnitude < f64::INFINITY) {
                return Err((p, magnitude <= 0.0));
            }
            if magnitude < watch.suspect * assembled {
                return Err((p, true));
            }
            let column = &before[p * size..];
            for other in after.chunks_exact_mut(size).take(end - p - 1) {
                subtract(&column[p + 1..], other[p], &mut other[p + 1..]);
            }
        }
        // Rows of U of this panel in the columns behind it, then the rest by one product.
        let (left, right) = front.split_at_mut(end * size);
        for column in right.chunks_exact_mut(size) {
            for p in start..end {
                let factor = column[p];
                subtract(&left[p * size + p + 1..p * size + end], factor, &mut column[p + 1..end]);
            }
        }
        if size > end {
            product(&left[start * size..], right, (start, end, size));
        }
    }
    Ok(())
}

/// `y -= x factor`.
fn subtract<T: Scalar>(x: &[T], factor: T, y: &mut [T]) {
    for (x, y) in x.iter().zip(y) {
        *y -= *x * factor;
    }
}

/// What stands right of and below a panel less the product of its L and U.
fn product<T: Scalar>(left: &[T], right: &mut [T], (start, end, size): (usize, usize, usize)) {
    let (inner, rest) = (end - start, size - end);
    if inner * rest * rest < SMALL {
        for column in right.chunks_exact_mut(size) {
            for p in 0..inner {
                let factor = column[start + p];
                subtract(&left[p * size + end..(p + 1) * size], factor, &mut column[end..]);
            }
        }
        return;
    }
    let lower = MatRef::from_column_major_slice_with_stride(&left[end..], rest, inner, size);
    let right = MatMut::from_column_major_slice_with_stride_mut(&mut right[start..], size - start, rest, size);
    let (upper, below) = right.split_at_row_mut(inner);
    matmul(below, Accum::Add, lower, upper.as_ref(), T::from(-1.0), Par::Seq);
}
