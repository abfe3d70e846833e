//! The choice of pivots: left-looking factorisation with threshold partial pivoting (Gilbert, Peierls, SIAM J. Sci. Stat.
//! Comput. 9, 1988) and symmetric pruning (Eisenstat, Liu, 1992), block by block.
//!
//! Yields the permutation of rows and the pattern of L and U; the numbers themselves are computed by [`super::frozen`],
//! so that they depend on the pivots only and not on how the pivots were found.

use super::order::{NONE, Plan};
use super::{Pattern, Scalar, Singular};

/// The diagonal entry stays the pivot while it is this part of the largest candidate.
pub(super) const PREFER: f64 = 1e-3;
/// The same where the first choice lets numbers grow too much, and where this does so as well: with each exchange the order
/// for low fill is left further behind.
pub(super) const MIDDLE: f64 = 0.03;
pub(super) const STRICT: f64 = 0.5;

/// Pivots and the pattern of the factors, in positions.
#[derive(Clone, Debug)]
pub(super) struct Pivots {
    /// Row at each position.
    pub rows: Vec<u32>,
    /// Position of each row.
    pub position: Vec<u32>,
    /// Start of each column in `lower`; n + 1 entries.
    pub lower_start: Vec<u32>,
    /// Rows of L below the diagonal, rising in each column.
    pub lower: Vec<u32>,
    /// Start of each column in `upper`; n + 1 entries.
    pub upper_start: Vec<u32>,
    /// Rows of U above the diagonal and within the block, rising in each column.
    pub upper: Vec<u32>,
}

/// Chooses pivots for `values`, whose row r is to be multiplied by `scale[r]`; the diagonal is taken from the part `prefer`
/// of the largest candidate. Blocks marked in `given` keep the pivots of the plan, and get no pattern.
pub(super) fn choose<T: Scalar>(
    pattern: &Pattern,
    plan: &Plan,
    (values, scale): (&[T], &[f64]),
    prefer: f64,
    given: &dyn Fn(usize) -> bool,
) -> Result<Pivots, Singular> {
    let n = pattern.n;
    let mut search = Search {
        pattern,
        plan,
        values,
        scale,
        prefer,
        x: vec![T::default(); n],
        mark: vec![NONE; n],
        pruned: vec![0; n],
        lower_values: Vec::new(),
        order: Vec::new(),
        candidates: Vec::new(),
        calls: Vec::new(),
        result: Pivots {
            rows: vec![NONE; n],
            position: vec![NONE; n],
            lower_start: Vec::with_capacity(n + 1),
            lower: Vec::with_capacity(2 * pattern.len()),
            upper_start: Vec::with_capacity(n + 1),
            upper: Vec::with_capacity(2 * pattern.len()),
        },
    };
    search.result.lower_start.push(0);
    search.result.upper_start.push(0);
    for (k, block) in plan.blocks.windows(2).enumerate() {
        for p in block[0]..block[1] {
            match given(k) {
                true => search.take(p),
                false => search.column(p, block[0])?,
            }
        }
    }
    Ok(search.finish())
}

struct Search<'a, T> {
    pattern: &'a Pattern,
    plan: &'a Plan,
    values: &'a [T],
    scale: &'a [f64],
    prefer: f64,
    /// The column at work, by row; zero between columns.
    x: Vec<T>,
    /// Position of the column that reached this row last.
    mark: Vec<u32>,
    /// End of the part of each column of L that reachability needs.
    pruned: Vec<u32>,
    /// Values of L, along with `result.lower`, which holds rows (not positions) until the end.
    lower_values: Vec<T>,
    /// Positions that the column at work depends on, each after those that depend on it.
    order: Vec<u32>,
    /// Rows without position that the column at work reaches.
    candidates: Vec<u32>,
    /// Depth-first search: position, next entry.
    calls: Vec<(u32, u32)>,
    result: Pivots,
}

impl<T: Scalar> Search<'_, T> {
    /// The pivot of the plan, whatever the values.
    fn take(&mut self, p: u32) {
        let row = self.plan.rows[p as usize];
        self.result.rows[p as usize] = row;
        self.result.position[row as usize] = p;
        self.result.upper_start.push(self.result.upper.len() as u32);
        let end = self.result.lower.len() as u32;
        self.result.lower_start.push(end);
        self.pruned[p as usize] = end;
    }

    fn column(&mut self, p: u32, block: u32) -> Result<(), Singular> {
        let c = self.plan.columns[p as usize] as usize;
        self.order.clear();
        self.candidates.clear();
        for s in self.pattern.column(c) {
            let row = self.pattern.rows[s];
            let far = self.result.position[row as usize] < block;
            if far || (row as usize == c && self.plan.absent[c]) {
                continue;
            }
            self.x[row as usize] = self.values[s].scaled(self.scale[row as usize]);
            self.reach(row, p);
        }
        self.eliminate();
        let pivot_row = self.pick(p).ok_or(Singular { column: c, row: None, not_finite: false })?;
        self.store(p, pivot_row);
        self.prune(p, pivot_row);
        Ok(())
    }

    /// Adds `row` and all rows that fill in because of it.
    fn reach(&mut self, row: u32, p: u32) {
        self.visit(row, p);
        while let Some((k, next)) = self.calls.last_mut() {
            if *next == self.pruned[*k as usize] {
                self.order.push(*k);
                self.calls.pop();
            } else {
                let row = self.result.lower[*next as usize];
                *next += 1;
                self.visit(row, p);
            }
        }
    }

    fn visit(&mut self, row: u32, p: u32) {
        let row_index = row as usize;
        if self.mark[row_index] == p {
            return;
        }
        self.mark[row_index] = p;
        match self.result.position[row_index] {
            NONE => self.candidates.push(row),
            k => self.calls.push((k, self.result.lower_start[k as usize])),
        }
    }

    /// The triangular solve with the columns of L found so far; stores the pattern of U.
    fn eliminate(&mut self) {
        let begin = self.result.upper.len();
        for &k in self.order.iter().rev() {
            let u = std::mem::take(&mut self.x[self.result.rows[k as usize] as usize]);
            self.result.upper.push(k);
            let range = self.result.lower_start[k as usize] as usize..self.result.lower_start[k as usize + 1] as usize;
            for (row, l) in self.result.lower[range.clone()].iter().zip(&self.lower_values[range]) {
                self.x[*row as usize] -= *l * u;
            }
        }
        self.result.upper[begin..].sort_unstable();
        self.result.upper_start.push(self.result.upper.len() as u32);
    }

    /// The pivot row: the preferred one if it is large enough, else the largest.
    fn pick(&self, p: u32) -> Option<u32> {
        let (mut largest, mut best) = (0.0, None);
        for &row in &self.candidates {
            let size = self.x[row as usize].magnitude();
            if size > largest {
                (largest, best) = (size, Some(row));
            }
        }
        let preferred = self.plan.rows[p as usize];
        let open = self.mark[preferred as usize] == p && self.result.position[preferred as usize] == NONE;
        let large = open && self.x[preferred as usize].magnitude() >= self.prefer * largest;
        if large && best.is_some() { Some(preferred) } else { best }
    }

    fn store(&mut self, p: u32, pivot_row: u32) {
        let pivot = std::mem::take(&mut self.x[pivot_row as usize]);
        for &row in &self.candidates {
            if row != pivot_row {
                self.result.lower.push(row);
                self.lower_values.push(std::mem::take(&mut self.x[row as usize]) / pivot);
            }
        }
        let end = self.result.lower.len() as u32;
        self.result.lower_start.push(end);
        self.pruned[p as usize] = end;
        self.result.position[pivot_row as usize] = p;
        self.result.rows[p as usize] = pivot_row;
    }

    /// Columns of L that hold the pivot row and are in U of this column need no more than their pivotal rows from here on:
    /// the others are reached through this column.
    fn prune(&mut self, p: u32, pivot_row: u32) {
        let upper = self.result.upper_start[p as usize] as usize..self.result.upper_start[p as usize + 1] as usize;
        for k in upper.map(|u| self.result.upper[u] as usize) {
            let (mut head, end) = (self.result.lower_start[k] as usize, self.result.lower_start[k + 1] as usize);
            if (self.pruned[k] as usize) < end || !self.result.lower[head..end].contains(&pivot_row) {
                continue;
            }
            let mut tail = end;
            while head < tail {
                if self.result.position[self.result.lower[head] as usize] == NONE {
                    tail -= 1;
                    self.result.lower.swap(head, tail);
                    self.lower_values.swap(head, tail);
                } else {
                    head += 1;
                }
            }
            self.pruned[k] = tail as u32;
        }
    }

    /// From rows to positions, sorted.
    fn finish(self) -> Pivots {
        let mut result = self.result;
        for row in &mut result.lower {
            *row = result.position[*row as usize];
        }
        for column in result.lower_start.windows(2) {
            result.lower[column[0] as usize..column[1] as usize].sort_unstable();
        }
        result
    }
}
