//! The constant part of the equations: `f = f0 + G0 x`, `q = q0 + C0 x`, and the entries that only parameters change.
//!
//! G0 and C0 are kept by rows, zeros left out, so that the sum of a row stays in registers. Entries of the matrices that no
//! iterate changes are written once for each set of parameter values.

use std::sync::Arc;

use crate::dae::{Eval, Params, Point, Want};
use crate::mna::Mna;
use crate::mna::sums::Lost;
use crate::mna::values::Values;
use crate::sparse::Pattern;

/// A sparse matrix by rows, and a constant to be added.
#[derive(Clone, Default)]
pub struct Rows {
    starts: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Rows {
    /// The entries of `values` (by slot) that are not zero.
    pub fn new(pattern: &Pattern, values: &[f64]) -> Rows {
        let mut starts = vec![0u32; pattern.n + 1];
        let kept = |slot: &usize| values[*slot] != 0.0;
        (0..pattern.len()).filter(kept).for_each(|slot| starts[pattern.rows[slot] as usize + 1] += 1);
        for k in 0..pattern.n {
            starts[k + 1] += starts[k];
        }
        let count = starts[pattern.n] as usize;
        let (mut columns, mut made) = (vec![0; count], vec![0.0; count]);
        let mut next = starts.clone();
        for column in 0..pattern.n {
            for slot in pattern.column(column).filter(kept) {
                let place = &mut next[pattern.rows[slot] as usize];
                (columns[*place as usize], made[*place as usize]) = (column as u32, values[slot]);
                *place += 1;
            }
        }
        Rows { starts, columns, values: made }
    }

    /// `constant + A x` to `sums`, what rounding drops to `lost`, the largest term of each row to `scale` if that is wanted.
    fn apply<const SCALE: bool>(&self, constant: &[f64], x: &[f64], sums: &mut [f64], lost: &mut [f64], scale: &mut [f64]) {
        let targets = sums.iter_mut().zip(lost);
        for (row, (bounds, (total, dropped))) in self.starts.windows(2).zip(targets).enumerate() {
            let entries = bounds[0] as usize..bounds[1] as usize;
            let (mut sum, mut rest) = (constant[row], 0.0);
            let mut size = sum.abs();
            for (column, value) in self.columns[entries.clone()].iter().zip(&self.values[entries]) {
                let product = value * x[*column as usize];
                let new = sum + product;
                let part = new - sum;
                rest += (sum - (new - part)) + (product - part);
                sum = new;
                if SCALE {
                    size = size.max(product.abs());
                }
            }
            (*total, *dropped) = (sum, rest);
            if SCALE {
                scale[row] = size;
            }
        }
    }
}

/// What affine contributions and sources add, and derivatives that only parameters change.
#[derive(Clone, Default)]
pub struct Constant {
    /// Entries of G by slot, bucket included.
    pub g: Vec<f64>,
    /// Entries of C by slot, bucket included.
    pub c: Vec<f64>,
    /// By row, bucket included.
    pub f: Vec<f64>,
    /// By row, bucket included.
    pub q: Vec<f64>,
    /// G0.
    pub conductances: Rows,
    /// C0.
    pub capacitances: Rows,
}

/// Parameter values that the matrices of an [`Eval`] were filled with.
#[derive(Default)]
pub struct Filled {
    g: Option<Params>,
    c: Option<Params>,
}

impl Filled {
    /// Whether `slot` holds the entries for these parameters; it does from now on.
    fn same(slot: &mut Option<Params>, params: &Params) -> bool {
        let same = slot.as_ref().is_some_and(|p| Arc::ptr_eq(&p.0, &params.0));
        if !same {
            *slot = Some(params.clone());
        }
        same
    }
}

impl Mna {
    /// Puts the constant part of what is wanted in place; of matrices that hold it already, what moves.
    pub(super) fn add_constant(
        &self,
        values: &Values,
        at: &Point,
        want: Want,
        filled: &mut Filled,
        lost: &mut Lost,
        out: &mut Eval,
    ) {
        let constant = &*values.constant;
        let restore = |wanted: Want, slot: &mut Option<Params>, from: &[f64], to: &mut [f64]| {
            if !want.contains(wanted) {
                return;
            }
            if Filled::same(slot, at.params) && values.shunt == 0.0 && values.stray == 0.0 {
                self.layout.moving.iter().for_each(|k| to[*k as usize] = from[*k as usize]);
            } else {
                to.copy_from_slice(from);
            }
        };
        restore(Want::G, &mut filled.g, &constant.g, &mut out.g);
        restore(Want::C, &mut filled.c, &constant.c, &mut out.c);
        if want.intersects(Want::F | Want::SCALE) {
            out.scale.iter_mut().zip(&constant.f).skip(at.x.len()).for_each(|(s, f)| *s = f.abs());
            constant.conductances.apply::<true>(&constant.f, at.x, &mut out.f, &mut lost.f, &mut out.scale);
        }
        if want.contains(Want::Q) {
            constant.capacitances.apply::<false>(&constant.q, at.x, &mut out.q, &mut lost.q, &mut []);
        }
    }

    pub(super) fn add_shunt(&self, values: &Values, at: &Point, want: Want, out: &mut Eval) {
        if values.shunt == 0.0 && values.stray == 0.0 {
            return;
        }
        for (k, unknown) in self.layout.unknowns.iter().enumerate() {
            let shunt = values.stray * self.layout.stray(k) + if unknown.node { values.shunt } else { 0.0 };
            if shunt == 0.0 {
                continue;
            }
            if want.contains(Want::F) {
                out.f[k] += shunt * at.x[k];
            }
            if want.contains(Want::G) {
                out.g[self.pattern.slot(k as u32, k as u32).0 as usize] += shunt;
            }
        }
    }
}
