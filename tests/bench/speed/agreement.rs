//! How far two runs of one circuit are apart.
//!
//! Forced circuits: largest difference over the points of the first, in units of full scale, the other interpolated by straight
//! lines. Oscillators: relative difference of mean period and of amplitude over the last four fifths.

use std::path::Path;

use memspice::output;
use memspice::wave::Dataset;

use super::cases::Kind;

/// Differences of one pair of runs.
#[derive(Clone, Copy)]
pub enum Difference {
    /// Of full scale.
    Forced(f64),
    /// Relative, of period and amplitude.
    Oscillator(f64, f64),
}

impl Difference {
    /// Whether it is within what is asked: 1e-3 of full scale; 1 % of the period, 0.5 % of the amplitude.
    pub fn holds(self) -> bool {
        match self {
            Difference::Forced(x) => x <= 1e-3,
            Difference::Oscillator(period, amplitude) => period.abs() <= 1e-2 && amplitude.abs() <= 5e-3,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Difference::Forced(x) => write!(f, "{x:.1e}"),
            Difference::Oscillator(period, amplitude) => write!(f, "{:+.2} %, {:+.2} %", 100.0 * period, 100.0 * amplitude),
        }
    }
}

/// The only result of a rawfile.
///
/// # Errors
/// If there is none, or not one with rows.
pub fn read(file: &Path) -> Result<Dataset, String> {
    let contents = output::read(file).map_err(|e| e.to_string())?;
    contents.results.into_iter().find(|r| r.rows > 0).ok_or_else(|| format!("{}: no rows", file.display()))
}

/// How far `other` is from `reference` in the columns that both have.
pub fn difference(kind: Kind, reference: &Dataset, other: &Dataset) -> Option<Difference> {
    match kind {
        Kind::Silent => None,
        Kind::Forced => {
            let pairs = pairs(reference, other);
            let largest = pairs.iter().map(|(a, b)| apart(reference, a, other, b)).fold(0.0, f64::max);
            (!pairs.is_empty()).then_some(Difference::Forced(largest))
        }
        Kind::Oscillator => {
            let (a, b) = pairs(reference, other).into_iter().next()?;
            let (first, second) = (cycle(time(reference), a)?, cycle(time(other), b)?);
            Some(Difference::Oscillator(second.0 / first.0 - 1.0, second.1 / first.1 - 1.0))
        }
    }
}

fn time(data: &Dataset) -> &[f64] {
    data.real("time").unwrap_or(&[])
}

/// Columns of one name; `v(x1.x)` is the `x1.x` of a model in Verilog-A.
fn pairs<'a>(reference: &'a Dataset, other: &'a Dataset) -> Vec<(&'a [f64], &'a [f64])> {
    let bare = |name: &str| name.strip_prefix("v(").and_then(|n| n.strip_suffix(')')).unwrap_or(name).to_lowercase();
    let columns = |data: &Dataset| -> Vec<String> { data.header.columns.iter().map(|c| bare(&c.name)).collect() };
    let (names, others) = (columns(reference), columns(other));
    let wanted = names.iter().enumerate().filter(|(_, name)| *name != "time");
    let both = wanted.filter_map(|(k, name)| Some((k, others.iter().position(|n| n == name)?)));
    both.map(|(k, m)| (reference.columns[k].real(), other.columns[m].real())).collect()
}

/// Largest difference over full scale, at the reference's points.
fn apart(reference: &Dataset, a: &[f64], other: &Dataset, b: &[f64]) -> f64 {
    let scale = a.iter().fold(0.0, |s: f64, x| s.max(x.abs()));
    let (t, u) = (time(reference), time(other));
    if t.is_empty() || u.is_empty() {
        return (a[0] - b[0]).abs() / scale;
    }
    let mut k = 0;
    let differences = t.iter().zip(a).map(|(t, a)| {
        while k + 2 < u.len() && u[k + 1] <= *t {
            k += 1;
        }
        let share = if u[k + 1] > u[k] { ((t - u[k]) / (u[k + 1] - u[k])).clamp(0.0, 1.0) } else { 1.0 };
        (a - b[k] - share * (b[k + 1] - b[k])).abs()
    });
    differences.fold(0.0, f64::max) / scale
}

/// Mean period and amplitude over the last four fifths; `None` if it does not oscillate.
fn cycle(t: &[f64], v: &[f64]) -> Option<(f64, f64)> {
    let start = t.partition_point(|x| *x < 0.2 * t.last().copied().unwrap_or(0.0));
    let (t, v) = (&t[start..], &v[start..]);
    let (low, high) = v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let level = 0.5 * (low + high);
    let rises: Vec<f64> = (1..v.len())
        .filter(|k| v[k - 1] < level && v[*k] >= level)
        .map(|k| t[k - 1] + (t[k] - t[k - 1]) * (level - v[k - 1]) / (v[k] - v[k - 1]))
        .collect();
    let (first, last) = (rises.first()?, rises.last()?);
    (rises.len() > 1).then(|| ((last - first) / (rises.len() - 1) as f64, high - low))
}
