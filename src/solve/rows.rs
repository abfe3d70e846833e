//! Rows that static solves treat in another way (decisions 1 and 29), on the same pattern.
//!
//! | row | equation | row of the matrix |
//! |---|---|---|
//! | held | `q_k(x) - q0_k = 0` | row of C |
//! | anchored | `f_k + w (q_k - q0_k) = 0`, w = 1/s | row of G + w C |
//! | pinned | `x_k - value = 0` | 1 on the diagonal |

use crate::dae::{Eval, Layout, RowKind};
use crate::sparse::Pattern;

/// Weight of an anchored row's charge, 1/s.
const ANCHOR: f64 = 1.0;

/// Slots by row, and which rows are special.
pub struct SpecialRows {
    starts: Vec<u32>,
    entries: Vec<(u32, u32)>,
    diagonal: Vec<u32>,
    rows: Vec<(usize, RowKind)>,
}

impl SpecialRows {
    /// Finds the special rows of `layout` and the slots of all rows.
    pub fn new(layout: &Layout, pattern: &Pattern) -> SpecialRows {
        let n = pattern.n;
        let mut starts = vec![0u32; n + 1];
        for row in &pattern.rows {
            starts[*row as usize + 1] += 1;
        }
        for k in 0..n {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0); pattern.len()];
        for column in 0..n {
            for slot in pattern.column(column) {
                let place = &mut next[pattern.rows[slot] as usize];
                entries[*place as usize] = (slot as u32, column as u32);
                *place += 1;
            }
        }
        let diagonal = (0..n as u32).map(|k| pattern.slot(k, k).0).collect();
        let special = |(k, u): (usize, &crate::dae::Unknown)| (u.row != RowKind::Equilibrium).then_some((k, u.row));
        SpecialRows { starts, entries, diagonal, rows: layout.unknowns.iter().enumerate().filter_map(special).collect() }
    }

    /// Held rows become equations like all others.
    pub fn release(&mut self) {
        self.rows.retain(|(_, kind)| *kind != RowKind::Held);
    }

    fn row(&self, k: usize) -> &[(u32, u32)] {
        &self.entries[self.starts[k] as usize..self.starts[k + 1] as usize]
    }

    /// Puts the special rows into the residual.
    pub fn residual(&self, eval: &Eval, x: &[f64], q0: &[f64], pins: &[(u32, f64)], residual: &mut [f64]) {
        for (k, kind) in &self.rows {
            let moved = eval.q[*k] - q0[*k];
            match kind {
                RowKind::Held => residual[*k] = moved,
                RowKind::Anchored => residual[*k] += ANCHOR * moved,
                RowKind::Equilibrium => {}
            }
        }
        for (k, value) in pins {
            residual[*k as usize] = x[*k as usize] - value;
        }
    }

    /// Puts the special rows into the matrix.
    pub fn matrix(&self, eval: &Eval, pins: &[(u32, f64)], values: &mut [f64]) {
        for (k, kind) in &self.rows {
            for (slot, _) in self.row(*k) {
                let (value, c) = (&mut values[*slot as usize], eval.c[*slot as usize]);
                match kind {
                    RowKind::Held => *value = c,
                    RowKind::Anchored => *value += ANCHOR * c,
                    RowKind::Equilibrium => {}
                }
            }
        }
        for (k, _) in pins {
            for (slot, _) in self.row(*k as usize) {
                values[*slot as usize] = 0.0;
            }
            values[self.diagonal[*k as usize] as usize] = 1.0;
        }
    }

    /// Puts the special rows into the derivative of the residual by a parameter; `shift` is that of q0, empty for none.
    pub fn slope(&self, dq: &[f64], shift: &[f64], pins: &[(u32, f64)], df: &mut [f64]) {
        for (k, kind) in &self.rows {
            let moved = dq[*k] - shift.get(*k).copied().unwrap_or(0.0);
            match kind {
                RowKind::Held => df[*k] = moved,
                RowKind::Anchored => df[*k] += ANCHOR * moved,
                RowKind::Equilibrium => {}
            }
        }
        for (k, _) in pins {
            df[*k as usize] = 0.0;
        }
    }

    /// What the special rows' residuals may be: those of held rows in the unit of q, those of pins in that of x.
    pub fn allowed(&self, eval: &Eval, layout: &Layout, relative: f64, q0: &[f64], pins: &[(u32, f64)], allowed: &mut [f64]) {
        let abstol = |j: usize| layout.quantities[layout.unknowns[j].quantity as usize].abstol;
        for (k, kind) in &self.rows {
            if *kind == RowKind::Held {
                let small: f64 = self.row(*k).iter().map(|(s, j)| eval.c[*s as usize].abs() * abstol(*j as usize)).sum();
                allowed[*k] = relative * eval.q[*k].abs().max(q0[*k].abs()) + small;
            }
        }
        for (k, value) in pins {
            allowed[*k as usize] = relative * value.abs() + abstol(*k as usize);
        }
    }
}
