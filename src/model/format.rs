//! Formats of the `$strobe` family (LRM 2.4, clause 9.4): read once when a model is compiled, written at accepted points.
//!
//! `%[flags][width][.precision]letter` with the letters e f g r (reals; r scales by SI prefixes), d h x o b c (integers), s, t,
//! m (path of the instance), l (the module) and `%%`. Numbers are printed as C prints them.

use crate::model::ArgumentType;
use crate::units::engineering;

/// How one argument is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Directive {
    /// `-`: blanks come behind.
    pub left: bool,
    /// `+`: positive numbers have a sign.
    pub sign: bool,
    /// `0`: zeros instead of blanks.
    pub zeros: bool,
    /// Least number of characters.
    pub width: u16,
    /// Digits behind the point, or significant ones.
    pub precision: Option<u16>,
    /// Lower case, 0 for what suits the argument.
    pub letter: u8,
    /// The letter was upper case.
    pub upper: bool,
}

/// A part of a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// Argument number k of the call.
    Value(u32, Directive),
    /// Path of the instance.
    Instance,
}

/// A piece of a format before its arguments are known.
#[derive(Clone, PartialEq, Debug)]
pub enum Part {
    /// As it is.
    Text(String),
    /// The next argument.
    Argument(Directive),
    /// `%m`.
    Instance,
    /// `%l`.
    Module,
}

/// Widths and precisions beyond this are taken for a mistake.
const WIDEST: u16 = 500;
/// Letters that take an argument.
const LETTERS: &[u8] = b"efgrdhxobcst";

/// The parts of a format.
///
/// # Errors
/// What is wrong with it.
pub fn parse(format: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut directive = Directive::default();
        let mut written = String::from("%");
        while let Some(flag) = rest.next_if(|c| matches!(c, '-' | '+' | '0' | ' ' | '#')) {
            written.push(flag);
            match flag {
                '-' => directive.left = true,
                '+' => directive.sign = true,
                '0' => directive.zeros = true,
                _ => {}
            }
        }
        let mut digits = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        written.push_str(&digits);
        directive.width = digits.parse().unwrap_or(if digits.is_empty() { 0 } else { u16::MAX });
        if rest.next_if_eq(&'.').is_some() {
            written.push('.');
            let mut digits = String::new();
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            written.push_str(&digits);
            directive.precision = Some(digits.parse().unwrap_or(if digits.is_empty() { 0 } else { u16::MAX }));
        }
        if directive.width > WIDEST || directive.precision.unwrap_or(0) > WIDEST {
            return Err(format!("`{written}` asks for more than {WIDEST} characters"));
        }
        let Some(letter) = rest.next() else { return Err(format!("`{written}` has no letter")) };
        written.push(letter);
        if letter == '%' {
            text.push('%');
            continue;
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        directive.upper = letter.is_ascii_uppercase();
        directive.letter = u8::try_from(letter.to_ascii_lowercase()).unwrap_or(0);
        parts.push(match directive.letter {
            b'm' => Part::Instance,
            b'l' => Part::Module,
            known if LETTERS.contains(&known) => Part::Argument(directive),
            _ => return Err(format!("`{written}` is no format: the letters are e f g r d h x o b c s t m l")),
        });
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// A number as `directive` says.
pub fn number(directive: Directive, value: f64, kind: ArgumentType) -> String {
    let precision = directive.precision.map(usize::from);
    let whole = || if value.is_finite() { format!("{:.0}", value.round()) } else { format!("{value}") };
    let bits = value.round() as i64 as i32;
    let letter = match (directive.letter, kind) {
        (0 | b't', ArgumentType::Int) => b'd',
        (0 | b't', _) => b'g',
        (letter, _) => letter,
    };
    let body = match letter {
        b'd' | b's' if kind == ArgumentType::Int || letter == b'd' => whole(),
        b'b' => format!("{bits:b}"),
        b'h' | b'x' => format!("{bits:x}"),
        b'o' => format!("{bits:o}"),
        b'c' => u32::try_from(bits).ok().and_then(char::from_u32).map(String::from).unwrap_or_default(),
        b'e' => exponential(value, precision.unwrap_or(6)),
        b'f' => format!("{value:.*}", precision.unwrap_or(6)),
        b'r' => engineering(value, precision.unwrap_or(6)).replace(' ', ""),
        _ => general(value, precision.unwrap_or(6)),
    };
    // A prefix is a matter of case: milli is not mega.
    let body = if directive.upper && letter != b'r' && letter != b'c' { body.to_uppercase() } else { body };
    let body = if directive.sign && value >= 0.0 && !matches!(letter, b'c' | b's') { format!("+{body}") } else { body };
    padded(directive, &body)
}

/// A text as `directive` says.
pub fn padded(directive: Directive, body: &str) -> String {
    let width = usize::from(directive.width);
    if directive.left {
        return format!("{body:<width$}");
    }
    let missing = width.saturating_sub(body.chars().count());
    if directive.zeros && directive.letter != b's' && missing > 0 {
        let sign = usize::from(body.starts_with(['-', '+']));
        return format!("{}{}{}", &body[..sign], "0".repeat(missing), &body[sign..]);
    }
    format!("{body:>width$}")
}

/// As C's `%e`: at least two digits of exponent, with sign.
fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let number: i32 = exponent.parse().unwrap_or(0);
            format!("{mantissa}e{}{:02}", if number < 0 { '-' } else { '+' }, number.abs())
        }
        None => text,
    }
}

/// As C's `%g`: the shorter of `%e` and `%f`, without trailing zeros.
fn general(value: f64, precision: usize) -> String {
    let precision = precision.max(1);
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let rounded = exponential(value, precision - 1);
    let exponent: i32 = rounded.rsplit_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let (mantissa, tail) = rounded.split_once('e').unwrap_or((&rounded, "+00"));
        format!("{}e{tail}", trim(mantissa))
    } else {
        trim(&format!("{value:.*}", (precision as i32 - 1 - exponent).max(0) as usize)).to_string()
    }
}

fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Why a model may not write to a file of this name, if it may not: files lie below the folder of the results.
pub fn file_name_fault(name: &str) -> Option<&'static str> {
    let parts: Vec<&str> = name.split('/').collect();
    if name.is_empty() || name.len() > 200 || parts.len() > 8 {
        Some("expected a name of 1 to 200 characters")
    } else if name.starts_with(['/', '~']) || name.contains([':', '\\']) {
        Some("files are written below the folder of the results: expected a relative path with `/`")
    } else if parts.contains(&"..") {
        Some("files are written below the folder of the results: `..` leads out of it")
    } else if parts.iter().any(|p| p.is_empty() || *p == ".") || name.chars().any(char::is_control) {
        Some("expected a plain relative path")
    } else {
        None
    }
}
