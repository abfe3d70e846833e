//! Holds one result against another, at the abscissae of the one that is right.
//!
//! Takes two [`Dataset`]s and [`Rules`] (from the head of a golden file), gives a [`Comparison`]: for each column the worst
//! difference, where it is, and what was allowed, `abs + rel * full scale` with the full scale the largest magnitude of the
//! golden column. The other result is interpolated linearly. Branches and the lines of a map are segments: where both results
//! have them, each is held against the one with the same label. Oscillations without a clock have no phase to compare by: with
//! `align = v(n1) rising mean` the period, the extrema and one period from a rising crossing are compared instead.

use std::fmt;

use num_complex::Complex64;

use crate::wave::{Column, Dataset};

/// What a difference may be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tolerance {
    /// In the column's unit.
    pub absolute: f64,
    /// Of the column's full scale.
    pub relative: f64,
    /// In the unit of the abscissa: the other waveform may be this much early or late.
    pub shift: f64,
}

/// Where oscillations are cut.
#[derive(Clone, PartialEq, Debug)]
pub struct Align {
    /// Column that is watched.
    pub column: String,
    /// Whether it crosses upwards.
    pub rising: bool,
    /// The level; `None`: the mean of the golden column.
    pub level: Option<f64>,
}

/// How results are compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    /// By column name, lower case; `period` is the period of an oscillation.
    pub columns: Vec<(String, Tolerance)>,
    /// For all other columns.
    pub default: Tolerance,
    /// For oscillations.
    pub align: Option<Align>,
}

impl Rules {
    /// The same relative tolerance for all columns.
    pub fn relative(relative: f64) -> Rules {
        Rules { columns: Vec::new(), default: Tolerance { absolute: 0.0, relative, shift: 0.0 }, align: None }
    }

    /// From the head lines of a golden file, without their `#`; `relative` holds where they are silent.
    ///
    /// # Errors
    /// A sentence that names the line that is not understood.
    pub fn from_notes(notes: &[String], relative: f64) -> Result<Rules, String> {
        let mut rules = Rules::relative(relative);
        for note in notes {
            if let Some(rest) = note.strip_prefix("tol ") {
                rules.tolerance(rest).map_err(|what| format!("`# {note}`: {what}"))?;
            } else if let Some(rest) = note.strip_prefix("align").and_then(|r| r.trim_start().strip_prefix('=')) {
                rules.align = Some(align(rest).ok_or_else(|| format!("`# {note}`: expected `align = v(n1) rising mean`"))?);
            }
        }
        Ok(rules)
    }

    fn tolerance(&mut self, text: &str) -> Result<(), String> {
        let mut tolerance = Tolerance { absolute: 0.0, relative: 0.0, shift: 0.0 };
        let mut names = Vec::new();
        for word in text.split_whitespace() {
            let field = word.split_once('=').and_then(|(key, value)| Some((key, value.parse::<f64>().ok()?)));
            match field {
                Some(("abs", x)) => tolerance.absolute = x,
                Some(("rel", x)) => tolerance.relative = x,
                Some(("shift", x)) => tolerance.shift = x,
                Some((key, _)) => return Err(format!("unknown key `{key}`; known are abs, rel, shift")),
                None => names.push(word.to_lowercase()),
            }
        }
        if names.is_empty() || names.iter().any(|name| name == "*") {
            self.default = tolerance;
        }
        self.columns.extend(names.into_iter().map(|name| (name, tolerance)));
        Ok(())
    }

    /// What holds for the column called `name`.
    pub fn of(&self, name: &str) -> Tolerance {
        self.columns.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or(self.default, |(_, t)| *t)
    }
}

fn align(text: &str) -> Option<Align> {
    let &[column, direction, level] = text.split_whitespace().collect::<Vec<_>>().as_slice() else { return None };
    let rising = match direction {
        "rising" => true,
        "falling" => false,
        _ => return None,
    };
    let level = if level == "mean" { None } else { Some(level.parse().ok()?) };
    Some(Align { column: column.to_string(), rising, level })
}

/// What was found about one column, or one number of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// `v(out)`, `period`, `v(out) maximum`.
    pub name: String,
    /// Largest difference relative to what is allowed; passed up to 1.
    pub badness: f64,
    /// That difference.
    pub difference: f64,
    /// What was allowed.
    pub allowed: f64,
    /// Abscissa where it is.
    pub at: f64,
    /// Golden value there.
    pub golden: Complex64,
    /// Other value there.
    pub other: Complex64,
}

/// What was found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Comparison {
    /// One for each thing compared, worst first.
    pub verdicts: Vec<Verdict>,
}

impl Comparison {
    /// True if nothing differs more than allowed.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|v| v.badness <= 1.0)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let value = |z: Complex64| if z.im == 0.0 { format!("{:.9e}", z.re) } else { format!("{:.6e}{:+.6e}j", z.re, z.im) };
        for v in &self.verdicts {
            let word = if v.badness <= 1.0 { "ok    " } else { "DIFFER" };
            let (golden, other) = (value(v.golden), value(v.other));
            writeln!(
                f,
                "{word} {}: difference {:.3e}, allowed {:.3e}, at {:.6e} ({golden} expected, {other} found)",
                v.name, v.difference, v.allowed, v.at
            )?;
        }
        Ok(())
    }
}

/// Compares results pairwise: those with the same key values, in order; where the same analysis gave several kinds of result,
/// those with the same abscissa.
///
/// # Errors
/// A sentence, if a result or a column is missing or there is nothing to compare.
pub fn all(golden: &[Dataset], other: &[Dataset], rules: &Rules) -> Result<Comparison, String> {
    let mut verdicts = Vec::new();
    for (k, right) in golden.iter().enumerate() {
        let pairs_with = |d: &&Dataset| {
            d.header.keys == right.header.keys && (right.header.analysis.is_empty() || d.header.analysis == right.header.analysis)
        };
        let before = golden[..k].iter().filter(pairs_with).filter(|d| d.header.analysis == right.header.analysis);
        let (before, alike) = (before.collect::<Vec<_>>(), other.iter().filter(pairs_with).collect::<Vec<_>>());
        let found = if alike.iter().any(|d| same_abscissa(right, d)) {
            let before = before.iter().filter(|d| same_abscissa(right, d)).count();
            alike.into_iter().filter(|d| same_abscissa(right, d)).nth(before)
        } else {
            alike.get(before.len()).copied()
        };
        let found =
            found.ok_or_else(|| format!("the other file has no result number {} with keys {:?}", k + 1, right.header.keys))?;
        verdicts.extend(compare(right, found, rules)?.verdicts);
    }
    verdicts.sort_by(|a, b| b.badness.total_cmp(&a.badness));
    Ok(Comparison { verdicts })
}

/// Compares every column of `golden` except the first with that of the same name of `other`.
///
/// # Errors
/// A sentence, if a column is missing or there is nothing to compare.
pub fn compare(golden: &Dataset, other: &Dataset, rules: &Rules) -> Result<Comparison, String> {
    if golden.rows == 0 || other.rows == 0 {
        return Err("a result without rows cannot be compared".to_string());
    }
    let mut verdicts = Vec::new();
    if golden.segments.is_empty() || other.segments.is_empty() {
        verdicts.extend(whole(golden, other, rules)?);
    } else {
        for (k, (_, label)) in golden.segments.iter().enumerate() {
            let before = golden.segments[..k].iter().filter(|(_, l)| l == label).count();
            let found = (0..other.segments.len()).filter(|k| other.segments[*k].1 == *label).nth(before);
            let found = found.ok_or_else(|| {
                let labels: Vec<&str> = other.segments.iter().map(|(_, l)| l.as_str()).collect();
                format!("the other result has no segment `{label}`; it has {}", labels.join(", "))
            })?;
            let part = whole(&segment(golden, k), &segment(other, found), rules)?;
            verdicts.extend(part.into_iter().map(|v| Verdict { name: format!("{} of {label}", v.name), ..v }));
        }
    }
    verdicts.sort_by(|a, b| b.badness.total_cmp(&a.badness));
    Ok(Comparison { verdicts })
}

/// Compares without regard to segments.
fn whole(golden: &Dataset, other: &Dataset, rules: &Rules) -> Result<Vec<Verdict>, String> {
    match &rules.align {
        Some(align) => oscillation(golden, other, rules, align),
        None => waveform(golden, other, rules),
    }
}

/// Whether two results have a first column of the same name.
fn same_abscissa(a: &Dataset, b: &Dataset) -> bool {
    let name = |d: &Dataset| d.header.columns.first().filter(|_| d.header.independent > 0).map(|c| c.name.to_lowercase());
    name(a) == name(b)
}

/// The rows of segment `k` alone.
fn segment(dataset: &Dataset, k: usize) -> Dataset {
    let (from, to) = (dataset.segments[k].0, dataset.segments.get(k + 1).map_or(dataset.rows, |next| next.0));
    let columns = dataset.columns.iter().map(|column| match column {
        Column::Real(v) => Column::Real(v[from..to].to_vec()),
        Column::Complex(v) => Column::Complex(v[from..to].to_vec()),
        Column::Text(v) => Column::Text(v[from..to].to_vec()),
    });
    Dataset { header: dataset.header.clone(), columns: columns.collect(), segments: Vec::new(), rows: to - from }
}

fn complex(column: &Column) -> Vec<Complex64> {
    match column {
        Column::Real(v) => v.iter().map(|x| Complex64::new(*x, 0.0)).collect(),
        Column::Complex(v) => v.clone(),
        Column::Text(_) => Vec::new(),
    }
}

/// Name, golden values, other values.
type Pair = (String, Vec<Complex64>, Vec<Complex64>);

/// Pairs of columns with the same name, the independent one left out; words are not compared.
fn pairs(golden: &Dataset, other: &Dataset) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for (k, info) in golden.header.columns.iter().enumerate().skip(golden.header.independent) {
        if matches!(golden.columns[k], Column::Text(_)) {
            continue;
        }
        let found = other.find(&info.name).ok_or_else(|| {
            let names: Vec<&str> = other.header.columns.iter().map(|c| c.name.as_str()).collect();
            format!("the other result has no column {}; it has {}", info.name, names.join(", "))
        })?;
        pairs.push((info.name.clone(), complex(&golden.columns[k]), complex(&other.columns[found])));
    }
    if pairs.is_empty() { Err("there is no column to compare".to_string()) } else { Ok(pairs) }
}

/// The independent column of a result, or row numbers if it has none.
fn abscissa(dataset: &Dataset) -> Vec<f64> {
    match dataset.columns.first() {
        Some(column) if dataset.header.independent > 0 => complex(column).iter().map(|z| z.re).collect(),
        _ => (0..dataset.rows).map(|k| k as f64).collect(),
    }
}

fn waveform(golden: &Dataset, other: &Dataset, rules: &Rules) -> Result<Vec<Verdict>, String> {
    let (at, grid) = (abscissa(golden), Grid::new(abscissa(other)));
    let verdicts = pairs(golden, other)?.into_iter().map(|(name, right, found)| {
        let tolerance = rules.of(&name);
        let allowed = tolerance.absolute + tolerance.relative * full_scale(&right);
        let each = at.iter().zip(&right).map(|(x, z)| {
            let value = grid.nearest_value(&found, *x, tolerance.shift, *z);
            (*x, *z, value)
        });
        worst(name, each, allowed)
    });
    Ok(verdicts.collect())
}

fn full_scale(values: &[Complex64]) -> f64 {
    values.iter().map(|z| z.norm()).filter(|r| r.is_finite()).fold(0.0, f64::max)
}

/// The largest of the differences (abscissa, golden, other).
fn worst(name: String, each: impl Iterator<Item = (f64, Complex64, Complex64)>, allowed: f64) -> Verdict {
    let none = Complex64::new(f64::NAN, 0.0);
    let mut verdict = Verdict { name, badness: -1.0, difference: 0.0, allowed, at: f64::NAN, golden: none, other: none };
    for (at, golden, other) in each {
        let difference = if golden == other || (golden.is_nan() && other.is_nan()) { 0.0 } else { (golden - other).norm() };
        // A difference that is no number is worse than any other; zero against an allowance of zero is fine.
        let badness = match difference / allowed {
            _ if difference == 0.0 => 0.0,
            ratio if ratio.is_nan() => f64::INFINITY,
            ratio => ratio,
        };
        if badness > verdict.badness {
            verdict = Verdict { badness, difference, at, golden, other, ..verdict };
        }
    }
    verdict
}

/// An abscissa, cut where it turns round (sweeps there and back, branches).
struct Grid {
    x: Vec<f64>,
    /// Runs of rows over which it only rises or only falls.
    runs: Vec<std::ops::Range<usize>>,
}

impl Grid {
    fn new(x: Vec<f64>) -> Grid {
        let mut runs = Vec::new();
        let mut start = 0;
        let mut direction = 0.0;
        for k in 1..x.len() {
            let step = x[k] - x[k - 1];
            if step * direction < 0.0 {
                runs.push(start..k);
                start = k - 1;
                direction = step;
            } else if step != 0.0 {
                direction = step;
            }
        }
        runs.push(start..x.len());
        Grid { x, runs }
    }

    /// Of the values that a column takes within `shift` of `at`, on any run, the one nearest to `target`.
    fn nearest_value(&self, values: &[Complex64], at: f64, shift: f64, target: Complex64) -> Complex64 {
        let distance = |z: &Complex64| if z.is_nan() { f64::INFINITY } else { (z - target).norm() };
        let candidates = self.runs.iter().filter_map(|run| self.on_run(run, values, at, shift, target));
        let best = candidates.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        best.unwrap_or(Complex64::new(f64::NAN, f64::NAN))
    }

    fn on_run(
        &self,
        run: &std::ops::Range<usize>,
        values: &[Complex64],
        at: f64,
        shift: f64,
        target: Complex64,
    ) -> Option<Complex64> {
        let (x, y) = (&self.x[run.clone()], &values[run.clone()]);
        let (first, last) = (*x.first()?, *x.last()?);
        // Ends that differ by rounding only belong to the run.
        let slack = shift + 1e-9 * (last - first).abs().max(at.abs());
        if at < first.min(last) - slack || at > first.max(last) + slack {
            return None;
        }
        if shift == 0.0 {
            return Some(interpolate(x, y, at));
        }
        // Within the window: the nearest real value between the extremes counts as met.
        let mut window = vec![interpolate(x, y, at - shift), interpolate(x, y, at + shift)];
        window.extend(x.iter().zip(y).filter(|(t, _)| (**t - at).abs() <= shift).map(|(_, z)| *z));
        let part = |pick: fn(&Complex64) -> f64| {
            let low = window.iter().map(pick).fold(f64::INFINITY, f64::min);
            let high = window.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        };
        let (re, im) = (part(|z| z.re), part(|z| z.im));
        Some(Complex64::new(target.re.max(re.0).min(re.1), target.im.max(im.0).min(im.1)))
    }
}

/// Linear interpolation on a monotone abscissa; the end values beyond its ends.
fn interpolate(x: &[f64], y: &[Complex64], at: f64) -> Complex64 {
    let rising = x[0] <= x[x.len() - 1];
    let k = x.partition_point(|t| if rising { *t < at } else { *t > at });
    if k == 0 || k == x.len() || x[k] == at {
        return y[k.min(x.len() - 1)];
    }
    let w = (at - x[k - 1]) / (x[k] - x[k - 1]);
    y[k - 1] * (1.0 - w) + y[k] * w
}

/// An oscillation cut at its crossings.
struct Cut {
    crossings: Vec<f64>,
    period: f64,
}

/// The last `count` crossings, at least two.
fn cut(x: &[f64], y: &[Complex64], align: &Align, level: f64, count: usize) -> Result<Cut, String> {
    let sign = if align.rising { 1.0 } else { -1.0 };
    let mut crossings: Vec<f64> = (1..x.len())
        .filter_map(|k| {
            let (a, b) = (sign * (y[k - 1].re - level), sign * (y[k].re - level));
            (a < 0.0 && b >= 0.0).then(|| x[k - 1] + (x[k] - x[k - 1]) * a / (a - b))
        })
        .collect();
    crossings.drain(..crossings.len().saturating_sub(count.max(2)));
    let &[first, .., last] = crossings.as_slice() else {
        return Err(format!("{} crosses {level:.6e} less than twice: no period to compare", align.column));
    };
    let period = (last - first) / (crossings.len() - 1) as f64;
    Ok(Cut { crossings, period })
}

/// Mean over the abscissa by the trapezoidal rule.
fn mean(x: &[f64], y: &[Complex64]) -> f64 {
    let area: f64 = (1..x.len()).map(|k| 0.5 * (x[k] - x[k - 1]) * (y[k].re + y[k - 1].re)).sum();
    area / (x[x.len() - 1] - x[0])
}

/// Largest and smallest real part from `from` on for one `period`, the ends interpolated.
fn extrema(x: &[f64], y: &[Complex64], from: f64, period: f64) -> [f64; 2] {
    let to = from + period;
    let inside = x.iter().zip(y).filter(|(t, _)| (from..=to).contains(*t)).map(|(_, z)| z.re);
    let ends = [interpolate(x, y, from).re, interpolate(x, y, to).re];
    let (mut high, mut low) = (f64::NEG_INFINITY, f64::INFINITY);
    for v in inside.chain(ends) {
        (high, low) = (high.max(v), low.min(v));
    }
    [high, low]
}

fn oscillation(golden: &Dataset, other: &Dataset, rules: &Rules, align: &Align) -> Result<Vec<Verdict>, String> {
    let (x, t) = (abscissa(golden), abscissa(other));
    let pairs = pairs(golden, other)?;
    let watched = pairs.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&align.column));
    let (_, right, found) = watched.ok_or_else(|| format!("the column {} to align by is missing", align.column))?;
    let level = align.level.unwrap_or_else(|| mean(&x, right));
    let a = cut(&x, right, align, level, usize::MAX)?;
    // The end of the other waveform: its start may be a transient.
    let b = cut(&t, found, align, level, a.crossings.len())?;
    let tolerance = rules.of("period");
    let allowed = tolerance.absolute + tolerance.relative * a.period;
    let number = |x: f64| Complex64::new(x, 0.0);
    let mut verdicts =
        vec![worst("period".to_string(), std::iter::once((b.crossings[0], number(a.period), number(b.period))), allowed)];
    let (start, begin) = (a.crossings[0], b.crossings[b.crossings.len() - 2]);
    let last = b.crossings[b.crossings.len() - 1] - begin;
    for (name, right, found) in &pairs {
        let tolerance = rules.of(name);
        let allowed = tolerance.absolute + tolerance.relative * full_scale(right);
        let (e, g) = (extrema(&x, right, start, a.period), extrema(&t, found, begin, last));
        for (what, e, g) in [("maximum", e[0], g[0]), ("minimum", e[1], g[1])] {
            verdicts.push(worst(format!("{name} {what}"), std::iter::once((start, number(e), number(g))), allowed));
        }
        // Phase for phase over one period.
        let shift = tolerance.shift;
        let grid = Grid::new(t.clone());
        let period = x.iter().zip(right).filter(|(x, _)| (start..=start + a.period).contains(*x));
        let each = period.map(|(x, z)| {
            let at = begin + (x - start) * last / a.period;
            (*x, *z, grid.nearest_value(found, at, shift, *z))
        });
        verdicts.push(worst(format!("{name} over one period"), each, allowed));
    }
    Ok(verdicts)
}
