//! Multifrontal refactorisation of one diagonal block with much fill: dense fronts instead of single columns.
//!
//! The pivots of a supernode and all rows and columns that they touch are one dense matrix, the front (Duff, Reid, ACM TOMS 9,
//! 1983). Entries of A and the updates of its children are added up in it, its pivots are eliminated, the panels of L and U
//! are kept, and the rest is handed to the parent. Pivots stay on the diagonal; each is watched against the column below it,
//! as in [`super::frozen`].
//!
//! A front with k pivots and r further rows is never stored in one piece: the panel of L with the pivots' own triangles,
//! (k + r) x k, then that of U transposed, r x k, both by columns in their final place; the rest, r x r, where the parent takes
//! it from (see [`super::parts`]). Parts of the tree run side by side, and so do strips of large fronts.

use std::sync::Arc;

use faer::prelude::{Reborrow, ReborrowMut};
use faer::{MatMut, MatRef};
use rayon::prelude::*;

use super::Scalar;
use super::columns::{Limits, exceeds};
use super::dense::{Refused, Watch, add_scattered, subtract_product};
use super::frozen::Refusal;
use super::order::NONE;
use super::parts::{Part, Place, children, partition};
use super::tree::Tree;

/// Columns eliminated one by one before others are updated by a product.
const NARROW: usize = 8;
/// Columns of a strip of a large front.
const STRIP: usize = 128;
/// Multiplications of a product that is worth dividing.
const DIVIDE: usize = 4_000_000;
/// A pivot below this part of the largest assembled entry may be nothing but round-off.
const SUSPECT: f64 = 1e-12;
/// Blocks of fewer positions are not looked at.
const SMALLEST: usize = 200;
/// Work for each stored entry above which fronts win over single columns.
const WORTH: f64 = 20.0;
/// Largest front: positions in it are counted by 32 bits.
const LARGEST: usize = 60_000;

/// An entry of A on its way into a front.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    slot: u32,
    /// Position of its row, for the scaling.
    row: u32,
    /// Place in the panels.
    place: u32,
}

/// What is known of a supernode before any number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// First pivot, in seats.
    pub first: usize,
    /// Number of pivots.
    pub pivots: usize,
    /// Number of further rows.
    pub further: usize,
    /// First of its rows in the list of all.
    pub rows: usize,
    /// First of its panels among those of the part.
    pub panel: usize,
    /// First entry of A.
    entries: usize,
    place: Place,
}

impl Node {
    /// Rows of the panel of L.
    pub fn size(&self) -> usize {
        self.pivots + self.further
    }
}

/// All that does not depend on values.
#[derive(Debug)]
pub(super) struct Layout {
    /// First position of the block.
    pub begin: usize,
    /// Position of each seat.
    pub positions: Vec<u32>,
    pub nodes: Vec<Node>,
    /// Rows of all supernodes below their pivots, in seats.
    pub rows: Vec<u32>,
    /// For each of these the place in the front of the parent.
    map: Vec<u32>,
    /// First supernode of each subtree.
    first: Vec<u32>,
    entries: Vec<Entry>,
    pub flops: f64,
    /// True if anything is worth being divided between threads.
    divided: bool,
}

/// Numbers of a part.
#[derive(Clone, Debug)]
pub(super) struct Numbers<T> {
    pub below: Vec<Numbers<T>>,
    pub nodes: Arc<[u32]>,
    pub panels: Vec<T>,
    stacks: [Vec<T>; 2],
    /// Of the factorisation at work.
    watch: Watch,
    /// Largest entry of A; infinite if one is not a number.
    largest: f64,
    /// First pivot that was refused: its seat.
    refused: Option<Refused>,
}

/// Fronts of a block; the analysis is shared by clones.
#[derive(Clone, Debug)]
pub(super) struct Fronts<T> {
    pub layout: Arc<Layout>,
    pub root: Numbers<T>,
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

impl Layout {
    fn new(begin: usize, tree: &Tree, near: &[(u32, u32, u32)]) -> (Layout, Part) {
        let (mut part, places, first) = partition(tree);
        let count = tree.supernodes.len();
        let mut supernode_of = vec![0u32; tree.seats.len()];
        let (mut nodes, mut rows) = (Vec::with_capacity(count), Vec::new());
        for (s, node) in tree.supernodes.iter().enumerate() {
            supernode_of[node.first as usize..(node.first + node.pivots) as usize].fill(s as u32);
            nodes.push(Node {
                first: node.first as usize,
                pivots: node.pivots as usize,
                further: node.rows.len(),
                rows: rows.len(),
                panel: 0,
                entries: 0,
                place: places[s],
            });
            rows.extend_from_slice(&node.rows);
        }
        panels(&mut part, &mut nodes);
        let mut placed: Vec<(u32, Entry)> = Vec::with_capacity(near.len());
        let mut starts = vec![0usize; nodes.len() + 1];
        for &(slot, row, column) in near {
            let seat = |position: u32| tree.seats[position as usize - begin] as usize;
            let (i, j) = (seat(row), seat(column));
            let s = supernode_of[i.min(j)];
            let node = &nodes[s as usize];
            let own = &rows[node.rows..node.rows + node.further];
            let further = |seat: usize| own.partition_point(|r| (*r as usize) < seat);
            let end = node.first + node.pivots;
            let place = match (i < end, j < end) {
                (true, true) => i - node.first + (j - node.first) * node.size(),
                (false, _) => node.pivots + further(i) + (j - node.first) * node.size(),
                (true, false) => node.pivots * node.size() + further(j) + (i - node.first) * node.further,
            };
            placed.push((s, Entry { slot, row, place: place as u32 }));
            starts[s as usize + 1] += 1;
        }
        for s in 0..nodes.len() {
            nodes[s].entries = starts[s];
            starts[s + 1] += starts[s];
        }
        let mut entries = vec![Entry::default(); placed.len()];
        for (s, entry) in placed {
            let start = &mut starts[s as usize];
            entries[*start] = entry;
            *start += 1;
        }
        // Now each start is the end.
        nodes.iter().zip(&starts).for_each(|(node, end)| entries[node.entries..*end].sort_unstable_by_key(|e| e.place));
        let divided = !part.below.is_empty() || tree.supernodes.iter().any(|s| s.pivots as usize * s.size() * s.size() > DIVIDE);
        let (positions, map, flops) = (tree.positions.clone(), map(tree), tree.flops);
        (Layout { begin, positions, nodes, rows, map, first, entries, flops, divided }, part)
    }

    fn entries(&self, s: usize) -> &[Entry] {
        let end = self.nodes.get(s + 1).map_or(self.entries.len(), |next| next.entries);
        &self.entries[self.nodes[s].entries..end]
    }
}

/// Gives each supernode its place among the panels of its part.
fn panels(part: &mut Part, nodes: &mut [Node]) {
    let mut at = 0;
    for s in &part.nodes {
        let node = &mut nodes[*s as usize];
        node.panel = at;
        at += node.pivots * (node.size() + node.further);
    }
    part.below.iter_mut().for_each(|below| panels(below, nodes));
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

impl<T: Scalar> Fronts<T> {
    /// Fronts by `tree` for the block that begins at position `begin`; its entries are (slot, row, column), in positions.
    pub fn new(begin: usize, tree: &Tree, near: &[(u32, u32, u32)]) -> Fronts<T> {
        let (layout, part) = Layout::new(begin, tree, near);
        Fronts { root: Numbers::new(&layout, part), layout: Arc::new(layout) }
    }

    /// Stored entries of L and U.
    pub fn entries(&self) -> usize {
        self.root.entries()
    }

    /// Multiplications and additions of a refactorisation.
    pub fn flops(&self) -> f64 {
        self.layout.flops
    }

    /// Reciprocal pivots by position of the block.
    pub fn inverse_pivots(&self, inverse: &mut [T]) {
        self.root.pivots(&self.layout, inverse);
    }

    /// Factors new values.
    pub fn refactor(&mut self, (values, scale): (&[T], &[f64]), limits: &mut Limits) -> Result<(), Refusal> {
        let job = Job { layout: &self.layout, values, scale, divided: self.layout.divided && rayon::current_num_threads() > 1 };
        self.root.refactor(&job, Watch { keep: limits.keep, suspect: 0.0, growth: limits.growth });
        limits.growth = self.root.watch.growth;
        limits.beyond |= exceeds(self.root.largest);
        match self.root.refused {
            None => Ok(()),
            Some((seat, vanished)) => {
                let position = self.layout.begin + self.layout.positions[seat] as usize;
                Err(if vanished { Refusal::Vanished(position) } else { Refusal::Weak(position) })
            }
        }
    }
}

/// What all parts read.
struct Job<'a, T> {
    layout: &'a Layout,
    values: &'a [T],
    scale: &'a [f64],
    divided: bool,
}

impl<T: Scalar> Numbers<T> {
    fn new(layout: &Layout, part: Part) -> Numbers<T> {
        let panel = |s: &u32| {
            let node = &layout.nodes[*s as usize];
            node.pivots * (node.size() + node.further)
        };
        Numbers {
            panels: vec![T::default(); part.nodes.iter().map(panel).sum()],
            stacks: part.stacks.map(|entries| vec![T::default(); entries]),
            nodes: part.nodes.into(),
            below: part.below.into_iter().map(|below| Numbers::new(layout, below)).collect(),
            watch: Watch { keep: 0.0, suspect: 0.0, growth: 0.0 },
            largest: 0.0,
            refused: None,
        }
    }

    fn entries(&self) -> usize {
        self.panels.len() + self.below.iter().map(Numbers::entries).sum::<usize>()
    }

    fn refactor(&mut self, job: &Job<T>, watch: Watch) {
        (self.watch, self.largest, self.refused) = (watch, 0.0, None);
        match job.divided {
            true => self.below.par_iter_mut().for_each(|below| below.refactor(job, watch)),
            false => self.below.iter_mut().for_each(|below| below.refactor(job, watch)),
        }
        for below in &self.below {
            self.watch.growth = self.watch.growth.max(below.watch.growth);
            self.largest = self.largest.max(below.largest);
            self.refused = [self.refused, below.refused].into_iter().flatten().min();
        }
        let mut k = 0;
        while self.refused.is_none() && k < self.nodes.len() {
            self.front(job, self.nodes[k]);
            k += 1;
        }
    }

    /// Assembles and eliminates one front.
    fn front(&mut self, job: &Job<T>, s: u32) {
        let layout = job.layout;
        let node = &layout.nodes[s as usize];
        let (size, pivots, further) = (node.size(), node.pivots, node.further);
        let [even, odd] = &mut self.stacks;
        let (own, other) = if node.place.stack == 0 { (even, &*odd) } else { (odd, &*even) };
        let rest = &mut own[node.place.start..][..further * further];
        let panels = &mut self.panels[node.panel..][..pivots * (size + further)];
        panels.fill(T::default());
        rest.fill(T::default());
        // Sizes compare like the whole numbers of their bits, which takes a cycle; what is not a number is beyond infinity.
        let mut top = 0;
        for entry in layout.entries(s as usize) {
            let value = job.values[entry.slot as usize].scaled(job.scale[entry.row as usize]);
            panels[entry.place as usize] += value;
            top = value.magnitude().to_bits().max(top);
        }
        let assembled = f64::from_bits(top.min(f64::INFINITY.to_bits()));
        self.largest = self.largest.max(assembled);
        let (lower, upper) = panels.split_at_mut(pivots * size);
        for child in children(&layout.first, s) {
            let child = &layout.nodes[child as usize];
            let stack = if child.place.home == NONE { other } else { &self.below[child.place.home as usize].stacks[0] };
            let update = &stack[child.place.start..][..child.further * child.further];
            extend(update, &layout.map[child.rows..][..child.further], (lower, upper, rest), (pivots, further));
        }
        self.watch.suspect = SUSPECT * assembled;
        if let Err((p, vanished)) = panel(lower, size, (0, pivots), &mut self.watch, job.divided) {
            self.refused = Some((node.first + p, vanished));
            return;
        }
        if further > 0 {
            let lower = MatRef::from_column_major_slice(lower, size, pivots);
            let (triangle, below) = lower.split_at_row(pivots);
            let upper_view = MatMut::from_column_major_slice_mut(upper, further, pivots);
            let rest = MatMut::from_column_major_slice_mut(rest, further, further);
            update(triangle, below, upper_view, rest, job.divided);
            self.watch.growth = T::largest(upper, self.watch.growth);
        }
    }

    /// Reciprocal pivots by position.
    fn pivots(&self, layout: &Layout, inverse: &mut [T]) {
        for s in self.nodes.iter() {
            let node = &layout.nodes[*s as usize];
            for p in 0..node.pivots {
                let pivot = self.panels[node.panel + p + p * node.size()];
                inverse[layout.positions[node.first + p] as usize] = T::from(1.0) / pivot;
            }
        }
        self.below.iter().for_each(|below| below.pivots(layout, inverse));
    }
}

/// Adds the update of a child to the panels and the rest of a front.
fn extend<T: Scalar>(
    update: &[T],
    map: &[u32],
    (lower, upper, rest): (&mut [T], &mut [T], &mut [T]),
    (pivots, further): (usize, usize),
) {
    let (count, size) = (map.len(), pivots + further);
    let inner = map.partition_point(|place| (*place as usize) < pivots);
    let (near, far) = map.split_at(inner);
    for (column, place) in update.chunks_exact(count.max(1)).zip(near) {
        add(column, map, 0, &mut lower[*place as usize * size..][..size]);
    }
    for (column, place) in update[inner * count..].chunks_exact(count.max(1)).zip(far) {
        let place = *place as usize - pivots;
        for (value, row) in column.iter().zip(near) {
            upper[*row as usize * further + place] += *value;
        }
        add(&column[inner..], far, pivots, &mut rest[place * further..][..further]);
    }
}

/// Adds a column to the places `map - shift` of another; the places rise.
#[inline]
fn add<T: Scalar>(column: &[T], map: &[u32], shift: usize, target: &mut [T]) {
    let (Some(first), Some(last)) = (map.first(), map.last()) else { return };
    let target = &mut target[*first as usize - shift..=*last as usize - shift];
    if target.len() == map.len() {
        for (value, target) in column.iter().zip(target) {
            *target += *value;
        }
    } else {
        add_scattered(column, map, target);
    }
}

/// Eliminates columns `from..to` of a panel with `size` rows, whose columns before are done and taken account of.
fn panel<T: Scalar>(
    lower: &mut [T],
    size: usize,
    (from, to): (usize, usize),
    watch: &mut Watch,
    divided: bool,
) -> Result<(), Refused> {
    if to - from <= NARROW {
        let start = from * size + from;
        let shape = (size - from, to - from);
        return T::narrow(&mut lower[start..to * size], size, shape, watch).map_err(|(p, vanished)| (from + p, vanished));
    }
    // The left part is a multiple of the narrow width.
    let middle = from + (to - from).div_ceil(2).next_multiple_of(NARROW);
    panel(lower, size, (from, middle), watch, divided)?;
    let (left, right) = lower.split_at_mut(middle * size);
    let left = MatRef::from_column_major_slice(&left[from * size..], size, middle - from).split_at_row(from).1;
    let right = MatMut::from_column_major_slice_mut(&mut right[..(to - middle) * size], size, to - middle).split_at_row_mut(from).1;
    let mut growth = watch.growth;
    strips(left, right, divided, &mut growth);
    watch.growth = growth;
    panel(lower, size, (middle, to), watch, divided)
}

/// Columns right of an eliminated panel: rows of U by forward substitution, the rest less the product; in strips.
fn strips<T: Scalar>(left: MatRef<'_, T>, right: MatMut<'_, T>, divided: bool, growth: &mut f64) {
    let (rows, inner, columns) = (left.nrows(), left.ncols(), right.ncols());
    if columns > STRIP && rows * inner * columns > DIVIDE {
        let (first, second) = right.split_at_col_mut((columns / 2).next_multiple_of(8));
        let (mut a, mut b) = (*growth, *growth);
        let one = |growth: &mut f64| strips(left, first, divided, growth);
        let other = |growth: &mut f64| strips(left, second, divided, growth);
        if divided {
            rayon::join(|| one(&mut a), || other(&mut b));
        } else {
            one(&mut a);
            other(&mut b);
        }
        *growth = a.max(b);
        return;
    }
    let (triangle, below) = left.split_at_row(inner);
    let (mut upper, rest) = right.split_at_row_mut(inner);
    substitute(triangle, upper.rb_mut());
    for column in upper.rb().col_iter() {
        if let Some(column) = column.try_as_col_major() {
            *growth = T::largest(column.as_slice(), *growth);
        }
    }
    subtract_product(rest, below, upper.rb());
}

/// `b` becomes the solution x of `L x = b`, L unit lower triangular.
fn substitute<T: Scalar>(lower: MatRef<'_, T>, mut b: MatMut<'_, T>) {
    let count = lower.ncols();
    if count > NARROW {
        let middle = (count / 2).next_multiple_of(NARROW);
        let (top, bottom) = lower.split_at_row(middle);
        let (mut first, mut second) = b.split_at_row_mut(middle);
        substitute(top.subcols(0, middle), first.rb_mut());
        subtract_product(second.rb_mut(), bottom.subcols(0, middle), first.rb());
        substitute(bottom.subcols(middle, count - middle), second);
        return;
    }
    for j in 0..b.ncols() {
        let Some(column) = b.rb_mut().col_mut(j).try_as_col_major_mut() else { return };
        let x = column.as_slice_mut();
        for p in 0..count {
            for i in p + 1..count {
                x[i] -= lower[(i, p)] * x[p];
            }
        }
    }
}

/// The transposed panel of U by substitution, and the rest of the front less the product; in strips.
fn update<T: Scalar>(triangle: MatRef<'_, T>, below: MatRef<'_, T>, mut upper: MatMut<'_, T>, rest: MatMut<'_, T>, divided: bool) {
    let columns = upper.nrows();
    if columns > STRIP && below.nrows() * below.ncols() * columns > DIVIDE {
        let middle = (columns / 2).next_multiple_of(8);
        let (first, second) = upper.split_at_row_mut(middle);
        let (left, right) = rest.split_at_col_mut(middle);
        let one = || update(triangle, below, first, left, divided);
        let other = || update(triangle, below, second, right, divided);
        if divided {
            rayon::join(one, other);
        } else {
            one();
            other();
        }
        return;
    }
    substitute_transposed(triangle, upper.rb_mut());
    subtract_product(rest, below, upper.rb().transpose());
}

/// `b` becomes the solution x of `x L' = b`, L unit lower triangular.
fn substitute_transposed<T: Scalar>(lower: MatRef<'_, T>, b: MatMut<'_, T>) {
    let count = lower.ncols();
    if count <= 1 {
        return;
    }
    if count > 4 {
        let middle = (count / 2).next_multiple_of(4);
        let (mut first, mut second) = b.split_at_col_mut(middle);
        substitute_transposed(lower.submatrix(0, 0, middle, middle), first.rb_mut());
        let factors = lower.submatrix(middle, 0, count - middle, middle);
        subtract_product(second.rb_mut(), first.rb(), factors.transpose());
        substitute_transposed(lower.submatrix(middle, middle, count - middle, count - middle), second);
        return;
    }
    let mut done = b;
    for q in 1..count {
        let (before, after) = done.rb_mut().split_at_col_mut(q);
        let Some(y) = after.col_mut(0).try_as_col_major_mut() else { return };
        let y = y.as_slice_mut();
        for p in 0..q {
            let Some(x) = before.rb().col(p).try_as_col_major() else { return };
            T::subtract(x.as_slice(), lower[(q, p)], y);
        }
    }
}
