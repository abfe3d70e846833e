//! The order of elimination, found once per pattern: maximum transversal, block triangular form, low fill.
//!
//! Rows and columns are permuted so that the matrix is block upper triangular with a diagonal free of structural zeros:
//! a transversal (I. Duff, ACM TOMS 7, 1981) that keeps the diagonal wherever it can, strongly connected components
//! (Tarjan, SIAM J. Comput. 1, 1972), and within each block minimum degree or nested dissection ([`super::dissect`]) on the
//! pattern of `B + B^T`.
//!
//! A circuit's pattern holds the full diagonal, also where it is never used (the row of a voltage source). Diagonal
//! entries that are exactly zero are therefore left out here, so that ideal supplies fall apart into blocks of one.

use std::sync::{Arc, Mutex, PoisonError};

use super::dissect;
use super::dissect::graph::Graph as Symmetric;
use super::fronts::worth_while;
use super::tree::Tree;
use super::{Pattern, Singular};

/// No index.
pub(super) const NONE: u32 = u32::MAX;

/// How often a plan is going to be used: what a search for a better one may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Use {
    /// Again and again: a search has paid for itself after twenty factorisations.
    #[default]
    Often,
    /// Once or so.
    Once,
}

impl Use {
    /// Factorisations to be reckoned with.
    fn factorisations(self) -> f64 {
        match self {
            Use::Often => 20.0,
            Use::Once => 1.0,
        }
    }
}

/// Permutation of a pattern to block upper triangular form.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Column at each position.
    pub columns: Vec<u32>,
    /// Row that is the pivot of choice at each position.
    pub rows: Vec<u32>,
    /// First position of each block, and n at the end.
    pub blocks: Vec<u32>,
    /// True for each column whose diagonal entry is left out.
    pub absent: Vec<bool>,
    /// The slots of the entries left out: their values must be zero.
    pub absent_slots: Vec<u32>,
    /// For each block the tree of its fronts with the pivots of choice, where fronts are worth while.
    pub trees: Vec<Option<Tree>>,
    /// What it is for.
    usage: Use,
}

/// The plans made for a pattern so far, shared by all its clones: real and complex matrices, analyses and members of a sweep
/// pay for the search once. A plan depends on the pattern, on what is absent and what it is for, not on who asked first.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans(Arc<Mutex<Vec<Arc<Plan>>>>);

/// Patterns are equal whatever is known about them.
impl PartialEq for Plans {
    fn eq(&self, _: &Plans) -> bool {
        true
    }
}

impl Eq for Plans {}

/// Plans that a pattern keeps.
const KEPT: usize = 8;

impl Plans {
    /// The plan for `pattern` without the diagonal entries of the columns marked `absent`.
    pub fn find(&self, pattern: &Pattern, absent: Vec<bool>, usage: Use) -> Result<Arc<Plan>, Singular> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().iter().find(|plan| plan.usage == usage && plan.absent == absent) {
            return Ok(known.clone());
        }
        // Not under the lock: the search may wait for other threads, and those for the lock.
        let plan = Arc::new(Plan::new(pattern, absent, usage)?);
        let mut plans = lock();
        if plans.len() == KEPT {
            plans.remove(0);
        }
        plans.push(plan.clone());
        Ok(plan)
    }
}

impl Plan {
    /// The plan for `pattern` without the diagonal entries of the columns marked `absent`.
    pub fn new(pattern: &Pattern, absent: Vec<bool>, usage: Use) -> Result<Plan, Singular> {
        let absent_slots = (0..pattern.n).filter(|c| absent[*c]).map(|c| pattern.slot(c as u32, c as u32).0).collect();
        let graph = Graph { pattern, absent: &absent };
        let column_of_row = Transversal::find(&graph)?;
        let (mut columns, blocks) = components(&graph, &column_of_row);
        let mut position = vec![NONE; pattern.n];
        for block in blocks.windows(2) {
            let columns = &mut columns[block[0] as usize..block[1] as usize];
            reorder(&graph, &column_of_row, columns, &mut position, usage.factorisations());
        }
        let mut row_of_column = vec![NONE; pattern.n];
        for (row, column) in column_of_row.iter().enumerate() {
            row_of_column[*column as usize] = row as u32;
        }
        let rows: Vec<u32> = columns.iter().map(|c| row_of_column[*c as usize]).collect();
        rows.iter().enumerate().for_each(|(p, row)| position[*row as usize] = p as u32);
        let trees = blocks.windows(2).map(|b| tree(&graph, &columns, &position, b[0], b[1])).collect();
        Ok(Plan { columns, rows, blocks, absent, absent_slots, trees, usage })
    }

    /// The tree of block number `k` if `position` says where each row is.
    pub fn tree(&self, pattern: &Pattern, position: &[u32], k: usize) -> Option<Tree> {
        let graph = Graph { pattern, absent: &self.absent };
        tree(&graph, &self.columns, position, self.blocks[k], self.blocks[k + 1])
    }
}

fn tree(graph: &Graph, columns: &[u32], position: &[u32], begin: u32, end: u32) -> Option<Tree> {
    if (end - begin) as usize <= 1 {
        return None;
    }
    let of = |p: u32| {
        let rows = graph.rows(columns[p as usize] as usize).map(|r| position[r]);
        rows.filter(move |r| (begin..end).contains(r)).map(move |r| (r, p))
    };
    let entries: Vec<(u32, u32)> = (begin..end).flat_map(of).collect();
    worth_while(begin as usize, end as usize, &entries)
}

/// The pattern without the entries left out.
struct Graph<'a> {
    pattern: &'a Pattern,
    absent: &'a [bool],
}

impl Graph<'_> {
    /// Row of slot `s` of column `c`, unless the entry is left out.
    fn row(&self, s: usize, c: usize) -> Option<usize> {
        let row = self.pattern.rows[s] as usize;
        (row != c || !self.absent[c]).then_some(row)
    }

    fn rows(&self, c: usize) -> impl Iterator<Item = usize> + Clone + '_ {
        self.pattern.column(c).filter_map(move |s| self.row(s, c))
    }
}

/// Search for a row of its own for every column.
struct Transversal<'a> {
    graph: &'a Graph<'a>,
    column_of_row: Vec<u32>,
    /// Next slot to try for a free row: rows never become free again.
    cheap: Vec<u32>,
    /// Next slot to descend through.
    next: Vec<u32>,
    /// The column whose search saw this column last.
    visited: Vec<u32>,
    /// Columns on the path, and the rows that lead from one to the next.
    path: Vec<u32>,
    via: Vec<u32>,
}

impl Transversal<'_> {
    fn find(graph: &Graph) -> Result<Vec<u32>, Singular> {
        let n = graph.pattern.n;
        let starts = graph.pattern.columns[..n].to_vec();
        let mut search = Transversal {
            graph,
            column_of_row: vec![NONE; n],
            cheap: starts.clone(),
            next: starts,
            visited: vec![NONE; n],
            path: Vec::new(),
            via: Vec::new(),
        };
        let mut matched = vec![false; n];
        for (c, matched) in matched.iter_mut().enumerate() {
            if graph.rows(c).any(|r| r == c) {
                search.column_of_row[c] = c as u32;
                *matched = true;
            }
        }
        let mut unmatched = None;
        for (c, matched) in matched.iter().enumerate() {
            if !matched && !search.augment(c) {
                unmatched = unmatched.or(Some(c));
            }
        }
        match unmatched {
            None => Ok(search.column_of_row),
            Some(column) => {
                let row = search.column_of_row.iter().position(|c| *c == NONE);
                Err(Singular { column, row, not_finite: false })
            }
        }
    }

    /// Finds a path of alternating choices from column `start` to a free row and flips it.
    fn augment(&mut self, start: usize) -> bool {
        self.path.clear();
        self.via.clear();
        self.enter(start, start);
        while let Some(&c) = self.path.last() {
            if let Some(row) = self.free_row(c as usize) {
                self.flip(row);
                return true;
            }
            match self.deeper(c as usize, start) {
                Some((row, column)) => {
                    self.via.push(row as u32);
                    self.enter(column, start);
                }
                None => {
                    self.path.pop();
                    self.via.pop();
                }
            }
        }
        false
    }

    fn enter(&mut self, column: usize, start: usize) {
        self.visited[column] = start as u32;
        self.next[column] = self.graph.pattern.columns[column];
        self.path.push(column as u32);
    }

    fn free_row(&mut self, c: usize) -> Option<usize> {
        while self.cheap[c] < self.graph.pattern.columns[c + 1] {
            let s = self.cheap[c] as usize;
            self.cheap[c] += 1;
            if let Some(row) = self.graph.row(s, c)
                && self.column_of_row[row] == NONE
            {
                return Some(row);
            }
        }
        None
    }

    fn deeper(&mut self, c: usize, start: usize) -> Option<(usize, usize)> {
        while self.next[c] < self.graph.pattern.columns[c + 1] {
            let s = self.next[c] as usize;
            self.next[c] += 1;
            if let Some(row) = self.graph.row(s, c) {
                let column = self.column_of_row[row] as usize;
                if self.visited[column] != start as u32 {
                    return Some((row, column));
                }
            }
        }
        None
    }

    fn flip(&mut self, mut row: usize) {
        while let Some(column) = self.path.pop() {
            self.column_of_row[row] = column;
            row = self.via.pop().map_or(row, |r| r as usize);
        }
    }
}

/// Strongly connected components of the columns, each before those that reach it: columns in that order, and where blocks start.
fn components(graph: &Graph, column_of_row: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let n = graph.pattern.n;
    let mut found = vec![NONE; n];
    let mut low = vec![0u32; n];
    let mut next = graph.pattern.columns.clone();
    let mut on_stack = vec![false; n];
    let (mut stack, mut calls) = (Vec::new(), Vec::new());
    let (mut columns, mut blocks) = (Vec::with_capacity(n), vec![0u32]);
    let mut count = 0u32;
    for root in 0..n {
        if found[root] != NONE {
            continue;
        }
        calls.push(root);
        while let Some(&c) = calls.last() {
            if found[c] == NONE {
                (found[c], low[c]) = (count, count);
                count += 1;
                stack.push(c);
                on_stack[c] = true;
            }
            let mut child = None;
            while (next[c] as usize) < graph.pattern.columns[c + 1] as usize && child.is_none() {
                let s = next[c] as usize;
                next[c] += 1;
                let Some(row) = graph.row(s, c) else { continue };
                let d = column_of_row[row] as usize;
                if found[d] == NONE {
                    child = Some(d);
                } else if on_stack[d] {
                    low[c] = low[c].min(found[d]);
                }
            }
            if let Some(d) = child {
                calls.push(d);
                continue;
            }
            calls.pop();
            if let Some(&parent) = calls.last() {
                low[parent] = low[parent].min(low[c]);
            }
            if low[c] == found[c] {
                while let Some(d) = stack.pop() {
                    on_stack[d] = false;
                    columns.push(d as u32);
                    if d == c {
                        break;
                    }
                }
                blocks.push(columns.len() as u32);
            }
        }
    }
    (columns, blocks)
}

/// Reorders the columns of one block for low fill. `position` is scratch space, `NONE` everywhere before and after.
fn reorder(graph: &Graph, column_of_row: &[u32], columns: &mut [u32], position: &mut [u32], factorisations: f64) {
    // A matrix of two rows fills in whatever the order.
    if columns.len() < 3 {
        return;
    }
    for (k, c) in columns.iter().enumerate() {
        position[*c as usize] = k as u32;
    }
    let symmetric = {
        let (columns, position) = (&*columns, &*position);
        let of = |k: usize| {
            let rows = graph.rows(columns[k] as usize).map(|r| position[column_of_row[r] as usize]);
            rows.filter(|p| *p != NONE).map(move |p| (p, k as u32))
        };
        Symmetric::new(columns.len(), (0..columns.len()).flat_map(of))
    };
    for c in columns.iter() {
        position[*c as usize] = NONE;
    }
    let before = columns.to_vec();
    for (column, k) in columns.iter_mut().zip(dissect::order(&symmetric, factorisations)) {
        *column = before[k as usize];
    }
}
