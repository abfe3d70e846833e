//! How far runs of one circuit are apart.
//!
//! Forced circuits: the largest difference over the points of the first run, in units of full scale. Rows are far apart, and a
//! straight line between two of them is wrong by more than they are; what is interpolated is therefore the small difference
//! of each run from a fine one (Radau's method, reltol 1e-6, short steps). Oscillators: relative difference of the mean period, of
//! the amplitude (root mean square about the mean, over whole periods) and of the mean swing of a period, over the last four
//! fifths. Judged is the swing.

use std::path::Path;

use memspice::output;
use memspice::wave::Dataset;

use super::cases::Kind;

/// Differences of one pair of runs.
#[derive(Clone, Copy)]
pub enum Difference {
    /// Of full scale.
    Forced(f64),
    /// Relative, of period, amplitude and swing.
    Oscillator([f64; 3]),
}

impl Difference {
    /// Whether it is within what is asked: 1e-3 of full scale; 1 % of the period, 0.5 % of the amplitude.
    pub fn holds(self) -> bool {
        match self {
            Difference::Forced(x) => x <= 1e-3,
            Difference::Oscillator([period, _, swing]) => period.abs() <= 1e-2 && swing.abs() <= 5e-3,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Difference::Forced(x) => write!(f, "{x:.1e}"),
            Difference::Oscillator(parts) => {
                let [period, amplitude, swing] = parts.map(|part| 100.0 * part);
                write!(f, "{period:+.2} %, {amplitude:+.2} % ({swing:+.2} %)")
            }
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

/// How far `other` is from `reference` in the columns that both have; `fine` is the run that both are held against before
/// anything is interpolated.
pub fn difference(kind: Kind, reference: &Dataset, other: &Dataset, fine: Option<&Dataset>) -> Option<Difference> {
    let names: Vec<String> = reference.header.columns.iter().map(|c| bare(&c.name)).filter(|n| n != "time").collect();
    let mut common = names.iter().filter_map(|name| Some((wave(reference, name)?, wave(other, name)?, name)));
    match kind {
        Kind::Silent => None,
        Kind::Forced => {
            let one = |(a, b, name): (Wave, Wave, &String)| a.apart(b, fine.and_then(|fine| wave(fine, name)));
            common.map(one).reduce(f64::max).map(Difference::Forced)
        }
        Kind::Oscillator => {
            let (a, b, _) = common.next()?;
            let (first, second) = (a.cycle()?, b.cycle()?);
            Some(Difference::Oscillator(std::array::from_fn(|k| second[k] / first[k] - 1.0)))
        }
    }
}

/// `v(x1.x)` of a subcircuit is the `x1.x` of a model.
fn bare(name: &str) -> String {
    name.strip_prefix("v(").and_then(|n| n.strip_suffix(')')).unwrap_or(name).to_lowercase()
}

fn wave<'a>(data: &'a Dataset, name: &str) -> Option<Wave<'a>> {
    let k = data.header.columns.iter().position(|c| bare(&c.name) == name)?;
    Some(Wave { t: data.real("time").unwrap_or(&[]), y: data.columns[k].real() })
}

/// One column over time; an operating point has no times.
#[derive(Clone, Copy)]
struct Wave<'a> {
    t: &'a [f64],
    y: &'a [f64],
}

impl Wave<'_> {
    /// Values at rising times, by straight lines.
    fn at(&self, times: &[f64]) -> Vec<f64> {
        let mut k = 0;
        let value = |t: &f64| {
            while k + 2 < self.t.len() && self.t[k + 1] <= *t {
                k += 1;
            }
            let [Some(t0), Some(t1)] = [self.t.get(k), self.t.get(k + 1)] else { return self.y[0] };
            let share = if t1 > t0 { ((t - t0) / (t1 - t0)).clamp(0.0, 1.0) } else { 1.0 };
            self.y[k] + share * (self.y[k + 1] - self.y[k])
        };
        times.iter().map(value).collect()
    }

    /// Largest difference of another wave, in units of this one's largest value.
    fn apart(&self, other: Wave, fine: Option<Wave>) -> f64 {
        let scale = self.y.iter().fold(0.0, |s: f64, x| s.max(x.abs()));
        if self.t.is_empty() {
            return (self.y[0] - other.y[0]).abs() / scale;
        }
        let less = |wave: &Wave| -> Vec<f64> {
            let base = fine.map_or_else(|| vec![0.0; wave.t.len()], |fine| fine.at(wave.t));
            wave.y.iter().zip(base).map(|(y, base)| y - base).collect()
        };
        let (own, others) = (less(self), less(&other));
        let theirs = Wave { t: other.t, y: &others }.at(self.t);
        own.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale
    }

    /// Mean period, root mean square about the mean, and mean swing of a period over the last four fifths; `None` if it does not
    /// oscillate.
    fn cycle(&self) -> Option<[f64; 3]> {
        let start = self.t.partition_point(|t| *t < 0.2 * self.t.last().copied().unwrap_or(0.0));
        let (t, v) = (&self.t[start..], &self.y[start..]);
        let range = |v: &[f64]| v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
        let (low, high) = range(v);
        let level = 0.5 * (low + high);
        // A neighbour's kick may cross the level: a period begins where the lower quarter has been left.
        let mut armed = false;
        let begins = |k: &usize| {
            armed |= v[k - 1] < low + 0.25 * (high - low);
            v[k - 1] < level && v[*k] >= level && std::mem::take(&mut armed)
        };
        let rises: Vec<usize> = (1..v.len()).filter(begins).collect();
        let instant = |k: usize| t[k - 1] + (t[k] - t[k - 1]) * (level - v[k - 1]) / (v[k] - v[k - 1]);
        let (first, last) = (*rises.first()?, *rises.last()?);
        let periods = (rises.len() - 1) as f64;
        let swings = rises.windows(2).map(|w| range(&v[w[0]..w[1]])).map(|(low, high)| high - low).sum::<f64>();
        // Straight lines between rows.
        let (mut time, mut first_moment, mut second_moment) = (0.0, 0.0, 0.0);
        for k in first..last {
            let (h, a, b) = (t[k + 1] - t[k], v[k], v[k + 1]);
            (time, first_moment) = (time + h, first_moment + h * (a + b) / 2.0);
            second_moment += h * (a * a + a * b + b * b) / 3.0;
        }
        let mean = first_moment / time;
        let amplitude = (second_moment / time - mean * mean).sqrt();
        (rises.len() > 1).then(|| [(instant(last) - instant(first)) / periods, amplitude, swings / periods])
    }
}
