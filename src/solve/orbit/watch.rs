//! Where an oscillation repeats itself in a transient.
//!
//! Takes accepted points; gives the last stretch between two rising crossings of the middle of one unknown at which all unknowns are
//! nearly the same.

use crate::solve::history::Record;

/// Crossings compared with the last one: the orbit may cross several times in a period.
const BACK: usize = 6;

/// One cycle of a transient.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Recurrence {
    /// Index of the first and of the last point.
    pub span: (usize, usize),
    /// The period, s.
    pub period: f64,
    /// Largest difference between its ends, relative to the swing of the unknown.
    pub miss: f64,
}

/// Extremes of unknown `j` over the points.
pub fn range(points: &[Record], j: usize) -> (f64, f64) {
    points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, p| (r.0.min(p.x[j]), r.1.max(p.x[j])))
}

/// The unknown that swings most, relative to its size, among `candidates`, and that share; `None` if nothing moves by 1e-6.
pub fn liveliest(points: &[Record], candidates: &[usize]) -> Option<(usize, f64)> {
    let share = |j: usize| {
        let (low, high) = range(points, j);
        (high - low) / low.abs().max(high.abs()).max(f64::MIN_POSITIVE)
    };
    let best = candidates.iter().copied().map(|j| (j, share(j))).max_by(|a, b| a.1.total_cmp(&b.1));
    best.filter(|b| b.1 > 1e-6)
}

/// The last recurrence by crossings of unknown `j`, among the unknowns `compared`; `None` without two crossings.
pub fn last_cycle(points: &[Record], j: usize, compared: &[usize]) -> Option<Recurrence> {
    // What came first may be a transient of another size.
    let late = &points[points.len() / 2..];
    let (low, high) = range(late, j);
    let level = 0.5 * (low + high);
    let crossing = |k: usize| {
        let (a, b) = (points[k - 1].x[j], points[k].x[j]);
        (a < level && b >= level).then(|| (k, (level - a) / (b - a)))
    };
    let crossings: Vec<(usize, f64)> = (1..points.len()).filter_map(crossing).collect();
    let last = *crossings.last()?;
    let at = |(k, share): (usize, f64), i: usize| points[k - 1].x[i] + share * (points[k].x[i] - points[k - 1].x[i]);
    let time = |(k, share): (usize, f64)| points[k - 1].t + share * (points[k].t - points[k - 1].t);
    let candidate = |before: (usize, f64)| {
        let miss = |i: usize| {
            let (low, high) = range(&points[before.0..=last.0], i);
            if high > low { (at(before, i) - at(last, i)).abs() / (high - low) } else { 0.0 }
        };
        let miss = compared.iter().copied().map(miss).fold(0.0, f64::max);
        Recurrence { span: (before.0, last.0), period: time(last) - time(before), miss }
    };
    let all: Vec<Recurrence> = crossings.iter().rev().skip(1).take(BACK).map(|c| candidate(*c)).collect();
    let best = all.iter().map(|r| r.miss).fold(f64::INFINITY, f64::min);
    // The shortest among those that are about as good.
    all.into_iter().find(|r| r.miss <= 3.0 * best + 1e-3)
}
