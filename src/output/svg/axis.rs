//! Axes: from a range of values to limits, ticks and a label that says quantity and unit.
//!
//! One prefix for the whole axis (`time (us)`); on logarithmic axes each tick brings its own (`10k`). Where ticks would need more
//! than five digits they count from an offset that stands in the label: `v(a) - 295.35 mV (uV)`. Positions on logarithmic
//! axes are decimal logarithms throughout.

use crate::output::svg::unit::{self, Class, Scale, class};

pub use crate::output::svg::unit::short;

/// What an axis is to show.
#[derive(Clone, PartialEq, Debug)]
pub struct Wish {
    /// Smallest and largest value of the data; `None` if there are none.
    pub range: Option<(f64, f64)>,
    /// Limits that the user sets.
    pub fixed: (Option<f64>, Option<f64>),
    /// Whether positions are decimal logarithms.
    pub log: bool,
    /// Positions are those of [`symmetric`] with this threshold.
    pub symlog: Option<f64>,
    /// All values are whole numbers (members, counts): no ticks between them.
    pub whole: bool,
    /// What stands before the unit in the label.
    pub name: String,
    /// `s`, `V`; empty for none.
    pub unit: String,
    /// About how many ticks have room.
    pub ticks: f64,
    /// Fraction of the range that is left free at each end.
    pub margin: f64,
}

/// An axis ready to be drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// Position of its lower end.
    pub low: f64,
    /// Position of its upper end.
    pub high: f64,
    /// Positions and texts.
    pub ticks: Vec<(f64, String)>,
    /// Quantity, offset, prefix and unit.
    pub label: String,
}

impl Axis {
    /// Fraction of the way from the lower to the upper end.
    pub fn fraction(&self, position: f64) -> f64 {
        (position - self.low) / (self.high - self.low)
    }
}

/// Lays out an axis.
pub fn layout(wish: &Wish) -> Axis {
    let (low, high) = limits(wish);
    match wish.symlog {
        Some(threshold) => both_signs(wish, threshold, low, high),
        None if wish.log => logarithmic(wish, low, high),
        None => linear(wish, low, high),
    }
}

/// Logarithmic on both sides of zero, straight within the threshold: sign(v) log10(1 + abs(v) / threshold).
pub fn symmetric(value: f64, threshold: f64) -> f64 {
    value.signum() * (value.abs() / threshold).ln_1p() / std::f64::consts::LN_10
}

/// Ticks at zero and at powers of ten of both signs, as far as they do not run together.
fn both_signs(wish: &Wish, threshold: f64, low: f64, high: f64) -> Axis {
    let first = threshold.log10().ceil() as i32;
    let last = (low.abs().max(high.abs()) + threshold.log10()).floor() as i32;
    let room = (high - low) / (2.0 * wish.ticks.max(1.0));
    let mut kept: Vec<f64> = Vec::new();
    for size in (first..=last).rev().map(|exponent| 10f64.powi(exponent)) {
        let place = symmetric(size, threshold);
        if place >= room && kept.last().is_none_or(|k| symmetric(*k, threshold) - place >= room) {
            kept.push(size);
        }
    }
    let both = kept.iter().flat_map(|v| [-*v, *v]).chain([0.0]);
    let slack = 1e-6 * (high - low);
    let mut values: Vec<f64> = both.filter(|v| (low - slack..=high + slack).contains(&symmetric(*v, threshold))).collect();
    values.sort_by(f64::total_cmp);
    let (texts, unit) = unit::logarithmic(&values, &wish.unit);
    let ticks = values.iter().map(|v| symmetric(*v, threshold)).zip(texts).collect();
    Axis { low, high, ticks, label: label(&wish.name, &unit) }
}

/// Beyond this, differences and powers of ten would overflow; below its inverse they would vanish.
const FAR: f64 = 1e290;

fn limits(wish: &Wish) -> (f64, f64) {
    let bound = |x: f64| if wish.log { x.clamp(-FAR.log10(), FAR.log10()) } else { x.clamp(-FAR, FAR) };
    let (low, high) = wish.range.filter(|(a, b)| a.is_finite() && b.is_finite()).unwrap_or((0.0, 1.0));
    let (low, high) = (bound(low), bound(high));
    let given = |limit: Option<f64>, own: f64| limit.filter(|x| x.is_finite()).map_or(own, bound);
    // What the user's limits cut off needs no margin.
    let shown = given(wish.fixed.1, high) - given(wish.fixed.0, low);
    let margin = if is_point(low, high) { 0.0 } else { wish.margin * shown.clamp(0.0, high - low) };
    let (low, high) = widened((low - margin, high + margin), wish.log);
    let (bottom, top) = (given(wish.fixed.0, low), given(wish.fixed.1, high));
    let span = high - low;
    let ordered = match (bottom < top, wish.fixed.0) {
        (true, _) => (bottom, top),
        // The user's limit holds, the other one gives way.
        (false, Some(_)) => (bottom, bottom + span),
        (false, None) => (top - span, top),
    };
    widened(ordered, wish.log)
}

/// A range of rounding errors is a constant.
fn is_point(low: f64, high: f64) -> bool {
    high - low <= (1e-13 * low.abs().max(high.abs())).max(1.0 / FAR)
}

fn widened((low, high): (f64, f64), log: bool) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    let half = if log {
        0.5
    } else if size < 1.0 / FAR {
        1.0
    } else {
        0.1 * size
    };
    if is_point(low, high) { (low - half, high + half) } else { (low, high) }
}

/// The step of 1, 2 or 5 times a power of ten that gives at most about `count` ticks; degrees go by parts of a circle.
fn step(span: f64, count: f64, unit: &str) -> f64 {
    let wanted = span / count.max(1.0);
    if unit == "deg" && wanted > 2.0 {
        const PARTS: [f64; 8] = [5.0, 10.0, 15.0, 30.0, 45.0, 90.0, 180.0, 360.0];
        if let Some(part) = PARTS.iter().find(|p| **p >= wanted) {
            return *part;
        }
    }
    let decade = 10f64.powf(wanted.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * decade >= wanted * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * decade
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    (0..=(last - first).clamp(-1.0, 200.0) as i64).map(|k| (first + k as f64) * step).collect()
}

fn linear(wish: &Wish, low: f64, high: f64) -> Axis {
    let step = step(high - low, wish.ticks, &wish.unit).max(if wish.whole { 1.0 } else { 0.0 });
    let positions = multiples(low, high, step);
    let largest = |origin: f64| positions.iter().map(|p| (p - origin).abs()).fold(0.0, f64::max);
    let mut origin = 0.0;
    if digits(largest(0.0), step, &wish.unit) > 5 {
        // The coarser grain gives the shorter offset, unless it leaves too much on the ticks.
        let span = high - low;
        let floor = |grain: f64| (positions.first().unwrap_or(&low) / grain + 1e-6).floor() * grain;
        origin = floor(10f64.powf(span.log10().ceil()));
        if largest(origin) > 3.0 * span {
            origin = floor(10f64.powf(span.log10().floor()));
        }
    }
    let scale = Scale::of(&wish.unit, largest(origin));
    let unit = 10f64.powi(scale.exponent);
    let decimals = decimals(step / unit);
    let ticks = positions.iter().map(|p| (*p, fixed((p - origin) / unit, decimals))).collect();
    let name = match origin {
        0.0 => wish.name.clone(),
        below if below < 0.0 => format!("{} + {}", wish.name, amount(-origin, step, &wish.unit)),
        _ => format!("{} \u{2212} {}", wish.name, amount(origin, step, &wish.unit)),
    };
    Axis { low, high, ticks, label: label(&name, &scale.text(&wish.unit)) }
}

/// Digits of the longest tick.
fn digits(largest: f64, step: f64, unit: &str) -> usize {
    let factor = 10f64.powi(Scale::of(unit, largest).exponent);
    let before = (largest / factor).max(1.0).log10().floor() as usize + 1;
    before + decimals(step / factor)
}

/// `295.35 mV`, to the precision of a step.
fn amount(value: f64, step: f64, unit: &str) -> String {
    let mut scale = Scale::of(unit, value);
    let power_of_ten = class(unit::split(unit).1) == Class::Power && scale.exponent != 0;
    if power_of_ten {
        scale.exponent = value.log10().floor() as i32;
    }
    let factor = 10f64.powi(scale.exponent);
    let number = fixed(value / factor, decimals(step / factor));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    let text = scale.text(unit);
    format!("{number}{}{text}", if text.is_empty() || text.starts_with('\u{d7}') { "" } else { " " })
}

fn label(name: &str, unit: &str) -> String {
    // What users write to say that there is no unit.
    let name = name.strip_suffix("(1)").map_or(name, str::trim_end);
    if unit.is_empty() { name.to_string() } else { format!("{name} ({unit})") }
}

/// Decimals that a multiple of `step` needs.
fn decimals(step: f64) -> usize {
    (0..12)
        .find(|d| {
            let scaled = step * 10f64.powi(*d);
            scaled > 0.5 && (scaled - scaled.round()).abs() < 1e-3 * scaled
        })
        .unwrap_or(12) as usize
}

fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if zero { "0".to_string() } else { text.replace('-', "\u{2212}") }
}

fn logarithmic(wish: &Wish, low: f64, high: f64) -> Axis {
    let decades = high - low;
    // Ticks at 1, 2 and 5 of each decade where there is room for them.
    let ticks: Vec<f64> = if decades > 1.5 && 3.0 * decades + 1.0 > wish.ticks {
        let stride = (decades / wish.ticks.max(2.0)).ceil().max(1.0);
        multiples(low, high, stride)
    } else if decades > 0.5 {
        let inside = |p: &f64| (low - 1e-9..=high + 1e-9).contains(p);
        let whole = low.floor() as i32..=high.ceil() as i32;
        whole.flat_map(|d| [1.0, 2.0, 5.0].map(|m: f64| f64::from(d) + m.log10())).filter(inside).collect()
    } else {
        let (a, b) = (10f64.powf(low), 10f64.powf(high));
        multiples(a, b, step(b - a, wish.ticks, "")).into_iter().filter(|v| *v > 0.0).map(f64::log10).collect()
    };
    let values: Vec<f64> = ticks.iter().map(|p| 10f64.powf(*p)).collect();
    let (texts, unit) = unit::logarithmic(&values, &wish.unit);
    Axis { low, high, ticks: ticks.into_iter().zip(texts).collect(), label: label(&wish.name, &unit) }
}
