//! LU factorisation of a circuit matrix whose values change again and again while its pattern stays.
//!
//! ```text
//! let mut lu = Lu::<f64>::new(&pattern);
//! lu.factor(&values)?;       // analysis, pivots, numbers; later: numbers only, as long as the pivots are good
//! lu.solve(&mut b);          // b becomes A^-1 b
//! ```
//!
//! A factorisation with old pivots either succeeds with pivots that are good for the new values or is done again with new
//! ones: it never returns a wrong answer with success. Rows may differ in scale by any factor: pivots are compared after
//! every row was scaled to a largest entry between 1 and 2.

use std::sync::Arc;

use crate::clock;

use super::frozen::{Frozen, GROWTH, Refusal, scales};
use super::gilbert::{self, MIDDLE, PREFER, STRICT};
use super::order::{Plan, Use};
use super::{Pattern, Scalar, Singular};

/// What a factorisation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factored {
    /// The pivots of before were good enough.
    Kept,
    /// Pivots were chosen for these values.
    Chosen,
}

/// Factors of a matrix; the analysis is shared by clones.
#[derive(Clone, Debug)]
pub struct Lu<T> {
    pattern: Arc<Pattern>,
    plan: Option<Arc<Plan>>,
    frozen: Option<Frozen<T>>,
    analyses: u32,
    sound: bool,
    usage: Use,
}

/// Analyses after which every diagonal entry is taken for present: devices that wake up one after the other must not cost
/// an analysis each.
const ANALYSES: u32 = 16;

impl<T: Scalar> Lu<T> {
    /// Nothing factored yet; the analysis is made by the first [`Lu::factor`], which knows which diagonal entries are zero.
    pub fn new(pattern: &Pattern) -> Lu<T> {
        Lu { pattern: Arc::new(pattern.clone()), plan: None, frozen: None, analyses: 0, sound: false, usage: Use::Often }
    }

    /// Few factorisations are to come: an analysis not yet made will be a quick one.
    pub fn hurry(&mut self) {
        self.usage = Use::Once;
    }

    /// Factors the matrix with these values by slot (entries past the pattern's last are ignored).
    ///
    /// No allocation while the pivots are [`Factored::Kept`].
    ///
    /// # Errors
    /// If the matrix is singular to working precision, or a value is not finite. [`Lu::solve`] is not to be used then.
    ///
    /// # Panics
    /// If there are fewer values than slots.
    pub fn factor(&mut self, values: &[T]) -> Result<Factored, Singular> {
        self.sound = false;
        let values = &values[..self.pattern.len()];
        if self.plan.as_ref().is_some_and(|plan| plan.absent_slots.iter().all(|s| values[*s as usize] == T::default())) {
            if let Some(frozen) = &mut self.frozen {
                match frozen.refactor(values, true) {
                    Ok(()) => {
                        self.sound = true;
                        return Ok(Factored::Kept);
                    }
                    Err(Refusal::NotFinite) => return Err(self.not_finite(values)),
                    Err(_) => self.frozen = None,
                }
            }
        } else {
            self.analyse(values)?;
        }
        self.choose(values)
    }

    /// The plan for the diagonal entries that are, or ever were, different from zero.
    fn analyse(&mut self, values: &[T]) -> Result<(), Singular> {
        self.frozen = None;
        let before = self.plan.take();
        let zero = |c: usize| values[self.pattern.slot(c as u32, c as u32).0 as usize] == T::default();
        let known = |c: usize| before.as_ref().is_none_or(|plan| plan.absent[c]);
        self.analyses += 1;
        let patient = self.analyses <= ANALYSES;
        let absent = (0..self.pattern.n).map(|c| patient && known(c) && zero(c)).collect();
        self.plan = Some(clock::span(clock::Phase::Order, || self.pattern.plans.find(&self.pattern, absent, self.usage))?);
        Ok(())
    }

    fn choose(&mut self, values: &[T]) -> Result<Factored, Singular> {
        let Some(scale) = scales(&self.pattern, values) else { return Err(self.not_finite(values)) };
        let Some(plan) = self.plan.clone() else { unreachable!("analysed before") };
        let mut frozen = self.factors(&plan, values, &scale, PREFER)?;
        for prefer in [MIDDLE, STRICT] {
            if frozen.growth() <= GROWTH {
                break;
            }
            // Rare: the preference for the diagonal costs too many digits.
            if let Ok(other) = self.factors(&plan, values, &scale, prefer)
                && other.growth() < frozen.growth()
            {
                frozen = other;
            }
        }
        self.frozen = Some(frozen);
        self.sound = true;
        Ok(Factored::Chosen)
    }

    /// Factors with pivots of their own.
    fn factors(&self, plan: &Plan, values: &[T], scale: &[f64], prefer: f64) -> Result<Frozen<T>, Singular> {
        let pattern = &self.pattern;
        if prefer <= PREFER && plan.trees.iter().any(Option::is_some) {
            // Blocks with fronts try the pivots of the plan, which costs no search.
            let pivots = gilbert::choose(pattern, plan, (values, scale), prefer, &|k| plan.trees[k].is_some())?;
            let mut frozen = Frozen::new(pattern, plan, pivots, &plan.trees);
            if frozen.refactor(values, true).is_ok() && frozen.growth() <= GROWTH {
                frozen.settle();
                return Ok(frozen);
            }
        }
        let pivots = gilbert::choose(pattern, plan, (values, scale), prefer, &|_| false)?;
        if plan.trees.iter().any(Option::is_some) {
            let trees = (0..plan.trees.len()).map(|k| plan.trees[k].as_ref().and_then(|_| plan.tree(pattern, &pivots.position, k)));
            let mut frozen = Frozen::new(pattern, plan, pivots.clone(), &trees.collect::<Vec<_>>());
            if frozen.has_fronts() && frozen.refactor(values, false).is_ok() {
                return Ok(frozen);
            }
        }
        let mut frozen = Frozen::new(pattern, plan, pivots, &vec![None; plan.blocks.len() - 1]);
        match frozen.refactor(values, false) {
            Ok(()) => Ok(frozen),
            Err(Refusal::Weak(j) | Refusal::Vanished(j)) => {
                Err(Singular { column: frozen.column_at(j), row: None, not_finite: false })
            }
            Err(Refusal::NotFinite) => Err(self.not_finite(values)),
        }
    }

    /// Names the place of the first value that is not finite.
    #[cold]
    fn not_finite(&self, values: &[T]) -> Singular {
        let slot = values.iter().position(|v| !v.magnitude().is_finite()).unwrap_or(0);
        let column = self.pattern.columns.partition_point(|start| *start as usize <= slot).saturating_sub(1);
        Singular { column, row: self.pattern.rows.get(slot).map(|r| *r as usize), not_finite: true }
    }

    /// `b` becomes the solution x of `A x = b`. No allocation.
    ///
    /// # Panics
    /// If nothing is factored, or b is shorter than n.
    pub fn solve(&mut self, b: &mut [T]) {
        self.factors_mut().solve(b);
    }

    /// As [`Lu::solve`] for `count` right-hand sides, one behind the other in `b`: the factors are read once for several.
    ///
    /// # Panics
    /// If nothing is factored, or b is shorter than `count n`.
    pub fn solve_many(&mut self, b: &mut [T], count: usize) {
        let entries = count * self.pattern.n;
        match count {
            1 => self.solve(&mut b[..entries]),
            _ => self.factors_mut().solve_many(&mut b[..entries]),
        }
    }

    /// `b` becomes the solution x of `A^T x = b` (transposed, not conjugated). No allocation.
    ///
    /// # Panics
    /// As [`Lu::solve`].
    pub fn solve_transposed(&mut self, b: &mut [T]) {
        self.factors_mut().solve_transposed(b);
    }

    fn factors_mut(&mut self) -> &mut Frozen<T> {
        match &mut self.frozen {
            Some(frozen) if self.sound => frozen,
            _ => panic!("solve without a successful factor"),
        }
    }

    /// True after a successful [`Lu::factor`].
    pub fn is_factored(&self) -> bool {
        self.sound
    }

    /// The pattern this was made for.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Stored entries of the factors; 0 before the first factorisation.
    pub fn entries(&self) -> usize {
        self.frozen.as_ref().map_or(0, Frozen::entries)
    }

    /// Multiplications and additions of a factorisation; 0 before the first one.
    pub fn flops(&self) -> f64 {
        self.frozen.as_ref().map_or(0.0, Frozen::flops)
    }

    /// True if some block is factored by dense fronts.
    pub fn has_fronts(&self) -> bool {
        self.frozen.as_ref().is_some_and(Frozen::has_fronts)
    }

    /// Diagonal blocks of the block triangular form; 0 before the first factorisation.
    pub fn blocks(&self) -> usize {
        self.frozen.as_ref().map_or(0, Frozen::block_count)
    }

    /// Smallest pivot over largest pivot (of the matrix with scaled rows), and the column of the smallest: a cheap hint where a
    /// matrix is close to singular. `(1, 0)` before the first factorisation.
    pub fn weakest_pivot(&self) -> (f64, usize) {
        let Some(frozen) = &self.frozen else { return (1.0, 0) };
        let (mut smallest, mut largest, mut at) = (f64::INFINITY, 0.0, 0);
        for (j, size) in frozen.inverse_pivots().iter().map(|i| 1.0 / i.magnitude()).enumerate() {
            largest = f64::max(largest, size);
            if size < smallest {
                (smallest, at) = (size, j);
            }
        }
        if largest > 0.0 { (smallest / largest, frozen.column_at(at)) } else { (1.0, 0) }
    }

    /// Largest entry of U where the largest of the matrix (with scaled rows) is between 1 and 2: what multiplies round-off.
    pub fn growth(&self) -> f64 {
        self.frozen.as_ref().map_or(1.0, Frozen::growth)
    }
}

impl Lu<f64> {
    /// Sign and natural logarithm of the modulus of the determinant of the matrix factored last; `(1, 0)` before.
    pub fn log_determinant(&self) -> (f64, f64) {
        self.frozen.as_ref().map_or((1.0, 0.0), Frozen::log_determinant)
    }
}
