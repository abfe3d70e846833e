//! The first point of a transient that starts from given values (`uic`, decision 22).
//!
//! Start values are of unknowns or of differences of two (capacitor `ic=`). They are joined to a forest whose trees hang
//! on ground where they can; a later (stronger) value that closes a loop with weaker ones replaces them, because the
//! strongest are joined first. A tree that does not reach ground is shifted until its rows hold no net charge.

use std::collections::BTreeMap;

use crate::dae::{Eval, Start, StartKind, System, Want};

use super::failure::Failure;
use super::history::Record;
use super::integrate::{Problem, Work, output_charges};

/// Unknowns joined by start values; `offset` is the value less that of the parent, ground is one past the last.
struct Forest {
    parent: Vec<usize>,
    offset: Vec<f64>,
}

impl Forest {
    /// Root of `k` and the value of `k` less that of the root.
    fn find(&self, mut k: usize) -> (usize, f64) {
        let mut sum = 0.0;
        while self.parent[k] != k {
            sum += self.offset[k];
            k = self.parent[k];
        }
        (k, sum)
    }

    /// Demands `x_a - x_b = value` unless that is settled already.
    fn join(&mut self, a: usize, b: usize, value: f64) {
        let ((root_a, from_a), (root_b, from_b)) = (self.find(a), self.find(b));
        if root_a == root_b {
            return;
        }
        // Ground stays a root.
        let ground = self.parent.len() - 1;
        if root_a == ground {
            self.parent[root_b] = root_a;
            self.offset[root_b] = from_a - value - from_b;
        } else {
            self.parent[root_a] = root_b;
            self.offset[root_a] = value + from_b - from_a;
        }
    }
}

/// The unknowns as the start values say, 0 where nothing is said.
pub fn assembled(problem: &Problem, starts: &[Start]) -> Vec<f64> {
    let n = problem.system.layout().unknowns.len();
    let mut forest = Forest { parent: (0..=n).collect(), offset: vec![0.0; n + 1] };
    for start in starts.iter().rev().filter(|s| s.kind != StartKind::Nodeset) {
        forest.join(start.unknown as usize, start.minus.map_or(n, |m| m as usize), start.value);
    }
    let places: Vec<(usize, f64)> = (0..n).map(|k| forest.find(k)).collect();
    let mut x: Vec<f64> = places.iter().map(|p| p.1).collect();
    let mut trees: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (k, place) in places.iter().enumerate().filter(|(_, p)| p.0 != n) {
        trees.entry(place.0).or_default().push(k);
    }
    let mut eval = Eval::new(problem.system);
    for members in trees.values().filter(|m| m.len() > 1) {
        let shift = neutral_shift(problem, members, &x, &mut eval);
        members.iter().for_each(|k| x[*k] += shift);
    }
    x
}

/// How far to shift `members` together so that the sum of their rows of q becomes 0, to first order.
fn neutral_shift(problem: &Problem, members: &[usize], x: &[f64], eval: &mut Eval) -> f64 {
    problem.system.eval(&problem.point(x, 0.0), Want::Q | Want::C, eval);
    let pattern = problem.system.pattern();
    let charge: f64 = members.iter().map(|k| eval.q[*k]).sum();
    let slots = members.iter().flat_map(|c| pattern.column(*c));
    let capacitance: f64 = slots.filter(|s| members.binary_search(&(pattern.rows[*s] as usize)).is_ok()).map(|s| eval.c[s]).sum();
    let shift = -charge / capacitance;
    // An island that only its own capacitors see (no capacitance to the rest) may stand anywhere.
    if shift.is_finite() && capacitance.abs() > 1e-9 * largest_entry(problem.system, members, eval) { shift } else { 0.0 }
}

fn largest_entry(system: &dyn System, members: &[usize], eval: &Eval) -> f64 {
    members.iter().flat_map(|c| system.pattern().column(*c)).map(|s| eval.c[s].abs()).fold(0.0, f64::max)
}

/// The point at time 0 that keeps the charges at `x`: one backward-Euler solve `(q - q(x))/h + f = 0` with a very short `h`.
///
/// # Errors
/// If Newton fails.
pub fn settled(problem: &Problem, work: &mut Work, x: &[f64], h: f64) -> Result<Record, Failure> {
    let mut start = still(problem, x);
    work.end.x.copy_from_slice(x);
    // Where charges contradict sources, the first solve moves them at once; only the second gives finite currents.
    let solves = if problem.system.layout().unknowns.iter().any(|u| u.index2) { 2 } else { 1 };
    for _ in 0..solves {
        work.beta.iter_mut().zip(&start.q).for_each(|(b, q)| *b = -q / h);
        work.solve(problem, 1.0 / h, 0.0)?;
        start.clone_from(&work.end);
    }
    start.t = 0.0;
    Ok(start)
}

/// The point `x` at time 0 with nothing moving: after an operating point.
pub fn still(problem: &Problem, x: &[f64]) -> Record {
    let (n, layout) = (x.len(), problem.system.layout());
    let mut eval = Eval::new(problem.system);
    let mut start = Record::new(n, n + layout.outputs.len());
    problem.system.eval(&problem.point(x, 0.0), Want::Q, &mut eval);
    start.q[..n].copy_from_slice(&eval.q[..n]);
    output_charges(problem, &mut eval, x, 0.0, &mut start.q);
    start.x.copy_from_slice(x);
    start
}
