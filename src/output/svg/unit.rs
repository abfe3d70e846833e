//! Units as axes print them: prefixes of the SI, powers of ten, and units that users write into their labels.
//!
//! A unit may come with a prefix (`uA`, from a label such as `current (uA)`); numbers then are in that unit, and the axis
//! may choose another prefix. What takes no prefix gets a power of ten in front: `10³ 1/s`.

/// How a unit takes powers of ten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Prefixes of the SI.
    Prefix,
    /// Only those below one: mK and us, but not kK or ks.
    Below,
    /// None.
    Plain,
    /// A power of ten before the unit.
    Power,
}

pub(super) fn class(unit: &str) -> Class {
    match unit {
        "Hz" | "V" | "A" | "ohm" | "Ohm" | "\u{3a9}" | "S" | "W" | "J" | "C" | "F" | "H" | "m" | "eV" | "Wb" | "T" | "Pa"
        | "V*s" | "Vs" => Class::Prefix,
        "s" | "K" => Class::Below,
        "dB" | "deg" | "degC" | "rad" | "%" => Class::Plain,
        _ => Class::Power,
    }
}

const PREFIXES: [&str; 13] = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

pub(super) fn prefix(exponent: i32) -> &'static str {
    PREFIXES.get((exponent / 3 + 6).max(0) as usize).copied().unwrap_or_default()
}

/// Power of ten of a prefix and what it stands before: `uA` is -6 and `A`. Units that take no prefix stay whole.
pub(super) fn split(unit: &str) -> (i32, &str) {
    let takes = |unit: &str| matches!(class(unit), Class::Prefix | Class::Below);
    let parts = unit.char_indices().nth(1).map(|(at, _)| unit.split_at(at));
    match parts.filter(|(_, base)| !takes(unit) && class(unit) != Class::Plain && takes(base)) {
        Some((first, base)) => {
            let first = if first == "\u{b5}" || first == "\u{3bc}" { "u" } else { first };
            let known = PREFIXES.iter().position(|p| *p == first);
            known.map_or((0, unit), |k| (3 * (k as i32 - 6), base))
        }
        None => (0, unit),
    }
}

/// The power of ten that an axis counts in.
pub(super) struct Scale {
    /// Of the numbers: a tick is the number divided by this power of ten.
    pub(super) exponent: i32,
    /// Of the unit that the numbers are in.
    shift: i32,
}

impl Scale {
    pub(super) fn of(unit: &str, size: f64) -> Scale {
        let (shift, base) = split(unit);
        if size == 0.0 || !size.is_finite() {
            return Scale { exponent: 0, shift };
        }
        // Logarithms first: the factor of a prefix could overflow.
        let decade = size.log10() + f64::from(shift);
        let third = ((decade + 1e-9) / 3.0).floor() as i32 * 3;
        // 0.8 V, not 800 mV; but 0.2 V is 200 mV.
        let third = if third == -3 && decade >= 0.5f64.log10() { 0 } else { third };
        let exponent = match class(base) {
            Class::Prefix => third,
            // 86400 s stay as they are, 1e9 s do not.
            Class::Below if decade >= 6.0 => third,
            Class::Below => third.min(0),
            Class::Plain => 0,
            Class::Power if (1e-2..1e5).contains(&size) => 0,
            Class::Power => third,
        };
        Scale { exponent: exponent - shift, shift }
    }

    /// `us`, or `10³ 1/s`.
    pub(super) fn text(&self, unit: &str) -> String {
        let (_, base) = split(unit);
        let (shown, exponent) = (symbol(base), self.exponent + self.shift);
        let named = match class(base) {
            Class::Prefix => (-18..=18).contains(&exponent),
            Class::Below => (-18..=0).contains(&exponent),
            Class::Plain => true,
            Class::Power => exponent == 0,
        };
        match named {
            true => format!("{}{}", prefix(exponent), shown),
            false if shown.is_empty() => format!("\u{d7}{}", power(exponent)),
            false => format!("{} {shown}", power(exponent)),
        }
    }
}

/// A unit as it is printed.
pub(super) fn symbol(unit: &str) -> &str {
    match unit {
        "1" => "",
        "ohm" | "Ohm" => "\u{3a9}",
        "degC" => "\u{b0}C",
        other => other,
    }
}

/// `10⁻³`.
pub(super) fn power(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.to_string().chars().map(|c| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize])).collect::<String>();
    format!("10{digits}")
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

/// A number and its unit in few characters: `25`, `1.5 kΩ`, `300 mV`.
pub(super) fn named(value: f64, unit: &str) -> String {
    let scale = Scale::of(unit, value.abs());
    match class(unit) {
        Class::Power => format!("{} {}", short(value, false), symbol(unit)).trim_end().to_string(),
        _ => format!("{} {}", trim(value / 10f64.powi(scale.exponent)), scale.text(unit)),
    }
}

/// Five significant digits without zeros at the end.
pub(super) fn trim(value: f64) -> String {
    let before = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let text = format!("{value:.*}", (4.0 - before).clamp(0.0, 12.0) as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replace('-', "\u{2212}")
}

/// Texts of the ticks of a logarithmic axis and the unit in its label. All ticks are written in one way: with prefixes where the
/// unit takes them (`20n`, `1u`), as plain numbers within some decades around one, as powers of ten (`10⁵`, `2·10⁵`) beyond.
pub(super) fn logarithmic(values: &[f64], unit: &str) -> (Vec<String>, String) {
    let (shift, base) = split(unit);
    let all = |low: f64, high: f64| values.iter().all(|v| *v == 0.0 || (low * (1.0 - 1e-9)..high).contains(&v.abs()));
    let factor = 10f64.powi(shift);
    let takes = matches!(class(base), Class::Prefix | Class::Below);
    if takes && all(1e-18 / factor, 1e21 / factor) {
        return (values.iter().map(|v| short(v * factor, true)).collect(), symbol(base).to_string());
    }
    let write = if all(1e-3, 2e4) { trim } else { scientific };
    (values.iter().map(|v| write(*v)).collect(), format!("{}{}", prefix(shift), symbol(base)))
}

/// `10⁵`, `2·10⁵`.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    let exponent = (value.abs().log10() + 1e-9).floor();
    let digits = trim(value / 10f64.powf(exponent));
    match digits.as_str() {
        "1" => power(exponent as i32),
        "\u{2212}1" => format!("\u{2212}{}", power(exponent as i32)),
        _ => format!("{digits}\u{b7}{}", power(exponent as i32)),
    }
}

/// Name and unit of an axis that the user calls `label`, if at all, for numbers in `unit`. Brackets at the end of a label name it:
/// `rate (Hz)` is `rate` in `Hz`. `current (uA)` of numbers in ampere is a current, whatever prefix the axis needs. Brackets with
/// several words in them (`state (0 off, 1 on)`) stay where they are, and the axis has no unit.
pub(super) fn labelled(label: Option<&String>, name: &str, unit: &str) -> (String, String) {
    let Some(label) = label else { return (name.to_string(), unit.to_string()) };
    let (name, inner) = match last_brackets(label) {
        Some((name, inner)) if !name.trim().is_empty() => (name.trim(), inner.trim()),
        _ => return (label.to_string(), unit.to_string()),
    };
    let word = inner.chars().count() <= 12 && !inner.contains([' ', ',', ':', '=']);
    match inner {
        "1" => (name.to_string(), String::new()),
        _ if word && same(split(inner).1, unit) => (name.to_string(), unit.to_string()),
        _ if word && !inner.is_empty() => (name.to_string(), inner.to_string()),
        _ => (label.to_string(), String::new()),
    }
}

/// What stands before the brackets that end a label, and in them: `noise (V/sqrt(Hz))` is `noise` and `V/sqrt(Hz)`.
fn last_brackets(label: &str) -> Option<(&str, &str)> {
    let inner = label.trim_end().strip_suffix(')')?;
    let mut depth = 1;
    for (at, c) in inner.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inner[..at], &inner[at + 1..]));
        }
    }
    None
}

fn same(a: &str, b: &str) -> bool {
    symbol(a) == symbol(b)
}
