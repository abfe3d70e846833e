//! Axes: from a range of values to limits, ticks and a label that says quantity and unit.
//!
//! One prefix for the whole axis (`time (us)`); on logarithmic axes one for each tick (`10k`). Where ticks would need more
//! than five digits they count from an offset that stands in the label: `v(a) - 295.35 mV (uV)`. Positions on logarithmic
//! axes are decimal logarithms throughout.

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

/// Ticks at zero and at powers of ten of both signs.
fn both_signs(wish: &Wish, threshold: f64, low: f64, high: f64) -> Axis {
    let first = threshold.log10().ceil() as i32;
    let last = (low.abs().max(high.abs()) + threshold.log10()).floor() as i32;
    let room = (wish.ticks / 2.0).max(1.0);
    let stride = (f64::from(last - first + 1) / room).ceil().max(1.0) as usize;
    let powers: Vec<i32> = (first..=last).rev().step_by(stride).collect();
    let text = |sign: f64, exponent: i32| {
        let sign = if sign < 0.0 { "\u{2212}" } else { "" };
        let plain = (-2..4).contains(&exponent);
        if plain { format!("{sign}{}", short(10f64.powi(exponent), false)) } else { format!("{sign}{}", power(exponent)) }
    };
    let mut ticks = vec![(0.0, "0".to_string())];
    for exponent in powers {
        for sign in [-1.0, 1.0] {
            let position = symmetric(sign * 10f64.powi(exponent), threshold);
            if (low..=high).contains(&position) {
                ticks.push((position, text(sign, exponent)));
            }
        }
    }
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    Axis { low, high, ticks, label: label(&wish.name, symbol(&wish.unit)) }
}

/// Beyond this, differences and powers of ten would overflow; below its inverse they would vanish.
const FAR: f64 = 1e290;

fn limits(wish: &Wish) -> (f64, f64) {
    let bound = |x: f64| if wish.log { x.clamp(-FAR.log10(), FAR.log10()) } else { x.clamp(-FAR, FAR) };
    let (low, high) = wish.range.filter(|(a, b)| a.is_finite() && b.is_finite()).unwrap_or((0.0, 1.0));
    let (low, high) = (bound(low), bound(high));
    let margin = if is_point(low, high) { 0.0 } else { wish.margin * (high - low) };
    let (low, high) = widened((low - margin, high + margin), wish.log);
    let given = |limit: Option<f64>, own: f64| limit.filter(|x| x.is_finite()).map_or(own, bound);
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
    let step = step(high - low, wish.ticks, &wish.unit);
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
    let power_of_ten = class(unit) == Class::Power && scale.exponent != 0;
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

/// How a unit takes powers of ten.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// Prefixes of the SI.
    Prefix,
    /// Only those below one: mK and us, but not kK or ks.
    Below,
    /// None.
    Plain,
    /// A power of ten before the unit.
    Power,
}

fn class(unit: &str) -> Class {
    match unit {
        "Hz" | "V" | "A" | "ohm" | "S" | "W" | "J" | "C" | "F" | "H" | "m" | "eV" | "Wb" | "T" | "V*s" | "Vs" | "Ohm" => {
            Class::Prefix
        }
        "s" | "K" => Class::Below,
        "dB" | "deg" | "degC" | "rad" | "%" => Class::Plain,
        _ => Class::Power,
    }
}

const PREFIXES: [&str; 13] = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

fn prefix(exponent: i32) -> &'static str {
    PREFIXES.get((exponent / 3 + 6).max(0) as usize).copied().unwrap_or_default()
}

/// The power of ten that an axis counts in.
struct Scale {
    exponent: i32,
}

impl Scale {
    fn of(unit: &str, size: f64) -> Scale {
        if size == 0.0 || !size.is_finite() {
            return Scale { exponent: 0 };
        }
        let third = ((size.log10() + 1e-9) / 3.0).floor() as i32 * 3;
        // 0.8 V, not 800 mV; but 0.2 V is 200 mV.
        let third = if third == -3 && size >= 0.5 { 0 } else { third };
        let exponent = match class(unit) {
            Class::Prefix => third,
            // 86400 s stay as they are, 1e9 s do not.
            Class::Below if size >= 1e6 => third,
            Class::Below => third.min(0),
            Class::Plain => 0,
            Class::Power if (1e-2..1e5).contains(&size) => 0,
            Class::Power => third,
        };
        Scale { exponent }
    }

    /// `us`, or `10³ 1/s`.
    fn text(&self, unit: &str) -> String {
        let shown = symbol(unit);
        let named = match class(unit) {
            Class::Prefix => (-18..=18).contains(&self.exponent),
            Class::Below => (-18..=0).contains(&self.exponent),
            Class::Plain => true,
            Class::Power => self.exponent == 0,
        };
        match named {
            true => format!("{}{}", prefix(self.exponent), shown),
            false if shown.is_empty() => format!("\u{d7}{}", power(self.exponent)),
            false => format!("{} {shown}", power(self.exponent)),
        }
    }
}

/// A unit as it is printed.
fn symbol(unit: &str) -> &str {
    match unit {
        "1" => "",
        "ohm" | "Ohm" => "\u{3a9}",
        "degC" => "\u{b0}C",
        other => other,
    }
}

/// `10⁻³`.
fn power(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.to_string().chars().map(|c| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize])).collect::<String>();
    format!("10{digits}")
}

fn logarithmic(wish: &Wish, low: f64, high: f64) -> Axis {
    let decades = high - low;
    let ticks: Vec<f64> = if decades > 1.5 {
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
    let text = |position: f64| match class(&wish.unit) {
        Class::Prefix | Class::Below if (-18.0..21.0).contains(&position) => short(10f64.powf(position), true),
        _ if (position - position.round()).abs() < 1e-6 && !(-2.5..4.5).contains(&position) => power(position.round() as i32),
        _ => short(10f64.powf(position), false),
    };
    let label = label(&wish.name, symbol(&wish.unit));
    Axis { low, high, ticks: ticks.into_iter().map(|p| (p, text(p))).collect(), label }
}

/// A number in few characters: `25`, `1.5k`, `0.3`, `2n`.
pub fn short(value: f64, always_prefix: bool) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (!always_prefix && (1e-2..1e4).contains(&size)) {
        return trim(value);
    }
    let third = ((size.log10() + 1e-9) / 3.0).floor() as i32 * 3;
    if (-18..=18).contains(&third) {
        format!("{}{}", trim(value / 10f64.powi(third)), prefix(third))
    } else {
        format!("{value:.3e}")
    }
}

/// Five significant digits without zeros at the end.
fn trim(value: f64) -> String {
    let before = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let text = format!("{value:.*}", (4.0 - before).clamp(0.0, 12.0) as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replace('-', "\u{2212}")
}
