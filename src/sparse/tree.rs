//! The elimination tree of a block and its supernodes: which pivots share a dense front, and what each front holds.
//!
//! Everything is about the symmetrised pattern of one diagonal block, `B + B'`, whose pivots stand on the diagonal: entry
//! (i, j) of the factors is present only where the fill path theorem for that pattern allows it. Tree by Liu (1986) with path
//! compression, counts of columns by row subtrees, relaxed supernodes (Ashcraft, Grimes, 1989).

use super::elimination::{parents, postorder};
use super::order::NONE;

/// Pivots that are eliminated together, in postorder of the tree.
#[derive(Clone, Debug)]
pub(super) struct Supernode {
    /// First pivot.
    pub first: u32,
    /// Number of pivots.
    pub pivots: u32,
    /// Rows below the pivots, rising; the pivots themselves are left out.
    pub rows: Vec<u32>,
    /// The supernode that takes the update; `NONE` for a root.
    pub parent: u32,
}

impl Supernode {
    /// Rows and columns of the front.
    pub fn size(&self) -> usize {
        self.pivots as usize + self.rows.len()
    }
}

/// The supernodes of a block, children before parents, and the seat of each of its positions in that order.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Supernodes in postorder.
    pub supernodes: Vec<Supernode>,
    /// New index (seat) of each position of the block.
    pub seats: Vec<u32>,
    /// Position of each seat.
    pub positions: Vec<u32>,
    /// Multiplications and additions of a factorisation with these fronts.
    pub flops: f64,
    /// Stored entries of the factors.
    pub entries: f64,
}

/// Zeros that merging may store, in parts of the merged front, up to so many pivots.
const RELAXED: [(u32, f64); 3] = [(4, 0.8), (16, 0.1), (48, 0.05)];

impl Tree {
    /// The tree of the symmetrised pattern of `n` positions with these entries off the diagonal.
    pub fn new(n: usize, entries: &[(u32, u32)]) -> Tree {
        let below = Below::new(n, entries.iter().copied());
        let order = postorder(&tree(&below));
        let mut seats = vec![0u32; n];
        for (seat, position) in order.iter().enumerate() {
            seats[*position as usize] = seat as u32;
        }
        let moved = entries.iter().map(|(i, j)| (seats[*i as usize], seats[*j as usize]));
        let below = Below::new(n, moved);
        let parent = tree(&below);
        let counts = column_counts(&below, &parent);
        let supernodes = relaxed(&fundamental(&parent, &counts));
        let supernodes = structures(n, &below, &supernodes);
        let (flops, entries) = supernodes.iter().map(work).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        Tree { supernodes, seats, positions: order, flops, entries }
    }
}

/// Multiplications and additions of a front, and entries of the factors that it stores.
pub(super) fn work(s: &Supernode) -> (f64, f64) {
    let (k, m) = (f64::from(s.pivots), s.rows.len() as f64);
    // Sums over the pivots of (rest)^2 and of the stored row and column.
    let squares = |top: f64| top * (top + 1.0) * (2.0 * top + 1.0) / 6.0;
    (2.0 * (squares(k + m - 1.0) - squares(m - 1.0)), k * k + 2.0 * k * m)
}

/// For each position the lower ones it is connected to.
struct Below {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Below {
    fn new(n: usize, entries: impl Iterator<Item = (u32, u32)> + Clone) -> Below {
        let mut starts = vec![0u32; n + 1];
        for (i, j) in entries.clone().filter(|(i, j)| i != j) {
            starts[i.max(j) as usize + 1] += 1;
        }
        for k in 0..n {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut list = vec![0; starts[n] as usize];
        for (i, j) in entries.filter(|(i, j)| i != j) {
            let place = &mut next[i.max(j) as usize];
            list[*place as usize] = i.min(j);
            *place += 1;
        }
        Below { starts, list }
    }

    fn of(&self, i: usize) -> &[u32] {
        &self.list[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }
}

fn tree(below: &Below) -> Vec<u32> {
    parents(below.len(), |i| below.of(i).iter().copied())
}

/// Entries of each column of L below the diagonal: row i has one in every column on the paths from its entries up to i.
fn column_counts(below: &Below, parent: &[u32]) -> Vec<u32> {
    let n = below.len();
    let (mut counts, mut seen) = (vec![0u32; n], vec![NONE; n]);
    for i in 0..n {
        seen[i] = i as u32;
        for &k in below.of(i) {
            let mut at = k;
            while seen[at as usize] != i as u32 {
                seen[at as usize] = i as u32;
                counts[at as usize] += 1;
                at = parent[at as usize];
            }
        }
    }
    counts
}

/// A run of pivots: first, number, rows below them, parent run.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    pivots: u32,
    rows: u32,
    parent: u32,
    /// Zeros stored so far.
    zeros: f64,
}

/// Runs of columns with the same rows.
fn fundamental(parent: &[u32], counts: &[u32]) -> Vec<Run> {
    let n = parent.len();
    let mut children = vec![0u32; n];
    parent.iter().filter(|p| **p != NONE).for_each(|p| children[*p as usize] += 1);
    let mut runs: Vec<Run> = Vec::new();
    let mut run_of = vec![0u32; n];
    for j in 0..n {
        let joins = j > 0 && parent[j - 1] == j as u32 && children[j] == 1 && counts[j - 1] == counts[j] + 1;
        match runs.last_mut() {
            Some(run) if joins => {
                run.pivots += 1;
                run.rows = counts[j];
            }
            _ => runs.push(Run { first: j as u32, pivots: 1, rows: counts[j], parent: NONE, zeros: 0.0 }),
        }
        run_of[j] = runs.len() as u32 - 1;
    }
    for run in &mut runs {
        let above = parent[(run.first + run.pivots - 1) as usize];
        run.parent = if above == NONE { NONE } else { run_of[above as usize] };
    }
    runs
}

/// Runs merged into their parents where few zeros are stored for it: a run and the one right behind it that is its parent.
fn relaxed(runs: &[Run]) -> Vec<Run> {
    let mut merged: Vec<Run> = Vec::with_capacity(runs.len());
    // Where each run went.
    let mut at = vec![0u32; runs.len()];
    let mut kept: Vec<Vec<u32>> = Vec::with_capacity(runs.len());
    for (k, run) in runs.iter().enumerate() {
        let mut now = *run;
        let mut own = vec![k as u32];
        while let Some(child) = merged.last() {
            if child.parent != k as u32 || child.first + child.pivots != now.first {
                break;
            }
            let pivots = child.pivots + now.pivots;
            // The child's columns grow to all rows of the parent.
            let zeros = child.zeros + now.zeros + f64::from(child.pivots) * f64::from(now.pivots + now.rows - child.rows);
            let size = f64::from(pivots) * (0.5 * f64::from(pivots) + f64::from(now.rows));
            if !RELAXED.iter().any(|(most, part)| pivots <= *most && zeros <= part * size) && zeros > 0.0 {
                break;
            }
            now = Run { first: child.first, pivots, zeros, ..now };
            merged.pop();
            own.extend(kept.pop().unwrap_or_default());
        }
        merged.push(now);
        kept.push(own);
    }
    for (k, own) in kept.iter().enumerate() {
        own.iter().for_each(|run| at[*run as usize] = k as u32);
    }
    for run in &mut merged {
        if run.parent != NONE {
            run.parent = at[run.parent as usize];
        }
    }
    merged
}

/// The rows of each front: those of its own columns and of its children.
fn structures(n: usize, below: &Below, runs: &[Run]) -> Vec<Supernode> {
    // Entries by columns: the rows behind each pivot.
    let mut starts = vec![0u32; n + 1];
    below.list.iter().for_each(|k| starts[*k as usize + 1] += 1);
    for k in 0..n {
        starts[k + 1] += starts[k];
    }
    let (mut next, mut rows_of) = (starts.clone(), vec![0u32; below.list.len()]);
    for i in 0..n {
        for &k in below.of(i) {
            rows_of[next[k as usize] as usize] = i as u32;
            next[k as usize] += 1;
        }
    }
    let mut mark = vec![NONE; n];
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); runs.len()];
    let mut found: Vec<Supernode> = Vec::with_capacity(runs.len());
    for (s, run) in runs.iter().enumerate() {
        let end = run.first + run.pivots;
        let mut rows: Vec<u32> = Vec::with_capacity(run.rows as usize);
        let mut add = |row: u32, rows: &mut Vec<u32>| {
            if row >= end && mark[row as usize] != s as u32 {
                mark[row as usize] = s as u32;
                rows.push(row);
            }
        };
        for &row in &rows_of[starts[run.first as usize] as usize..starts[end as usize] as usize] {
            add(row, &mut rows);
        }
        for child in &children[s] {
            for &row in &found[*child as usize].rows {
                add(row, &mut rows);
            }
        }
        rows.sort_unstable();
        if run.parent != NONE {
            children[run.parent as usize].push(s as u32);
        }
        found.push(Supernode { first: run.first, pivots: run.pivots, rows, parent: run.parent });
    }
    found
}
