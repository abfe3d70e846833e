//! Numbers with SPICE scale suffixes, and physical constants (CODATA 2018, exact where the SI defines them).

/// Boltzmann constant, J/K (exact).
pub const BOLTZMANN: f64 = 1.380_649e-23;
/// Elementary charge, C (exact).
pub const CHARGE: f64 = 1.602_176_634e-19;
/// 0 degrees Celsius in kelvin.
pub const CELSIUS: f64 = 273.15;

/// Scale of a SPICE suffix (`f p n u m k meg g t a mil x`, any case), with what follows it ignored as a unit: `10kohm`.
///
/// Returns the factor and the number of bytes of `text` that the suffix takes (0 if there is none).
pub fn suffix(text: &str) -> (f64, usize) {
    let lower: String = text.chars().take(3).map(|c| c.to_ascii_lowercase()).collect();
    if lower.starts_with("meg") {
        return (1e6, 3);
    }
    if lower.starts_with("mil") {
        return (25.4e-6, 3);
    }
    let factor = match text.chars().next() {
        Some('t' | 'T') => 1e12,
        Some('g' | 'G') => 1e9,
        Some('x' | 'X') => 1e6,
        Some('k' | 'K') => 1e3,
        Some('m' | 'M') => 1e-3,
        Some('u' | 'U') => 1e-6,
        Some('µ') => return (1e-6, 'µ'.len_utf8()),
        Some('n' | 'N') => 1e-9,
        Some('p' | 'P') => 1e-12,
        Some('f' | 'F') => 1e-15,
        Some('a' | 'A') => 1e-18,
        _ => return (1.0, 0),
    };
    (factor, 1)
}

/// A whole SPICE number: digits, exponent, suffix, unit letters. `None` if the text is not one.
pub fn number(text: &str) -> Option<f64> {
    let end = mantissa_length(text);
    let value: f64 = text.get(..end)?.parse().ok()?;
    let (factor, used) = suffix(&text[end..]);
    let unit = &text[end + used..];
    if !unit.chars().all(|c| c.is_alphabetic() || c == '%' || c == 'Ω') {
        return None;
    }
    // Dividing by the exact power of ten gives the nearest double to what was written: 1u is 1e-6, not 1.0000000000000001e-6.
    Some(if factor < 1.0 { scale_down(value, factor) } else { value * factor })
}

/// `value * factor` for a factor below one, rounded once where its inverse is exact.
pub fn scale_down(value: f64, factor: f64) -> f64 {
    let inverse = (1.0 / factor).round();
    if (1.0 / inverse - factor).abs() <= f64::EPSILON * factor { value / inverse } else { value * factor }
}

/// Length of the decimal mantissa and exponent at the start of `text`.
pub fn mantissa_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut k: usize| {
        while bytes.get(k).is_some_and(u8::is_ascii_digit) {
            k += 1;
        }
        k
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut k = digits(sign);
    let mut count = k - sign;
    if bytes.get(k) == Some(&b'.') {
        let end = digits(k + 1);
        count += end - k - 1;
        k = end;
    }
    if count == 0 {
        return 0;
    }
    if matches!(bytes.get(k), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(k + 1), Some(b'+' | b'-')));
        let end = digits(k + 1 + sign);
        if end > k + 1 + sign {
            k = end;
        }
    }
    k
}

/// `value` with an engineering prefix and `digits` significant digits: `1.25 m`, `47 k`.
pub fn engineering(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value} ");
    }
    const PREFIX: [&str; 13] = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let exponent = (value.abs().log10() / 3.0 + 1e-12).floor().clamp(-6.0, 6.0) as i32;
    let mantissa = value / 10f64.powi(3 * exponent);
    let before = (mantissa.abs().log10().floor().max(0.0) as usize) + 1;
    format!("{mantissa:.*} {}", digits.saturating_sub(before), PREFIX[(exponent + 6) as usize])
}
