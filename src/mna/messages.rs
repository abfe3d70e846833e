//! What models say: `$strobe` and its kin, formatted in the manner of the LRM (clause 9.4).

use crate::dae::{Message, MessageKind};
use crate::model::{ArgumentType, MessageCall, MessageLevel, Model, Moment};

/// Appends the messages of one instance whose condition holds.
pub fn collect(model: &Model, moments: &[Moment], fetch: &dyn Fn(u32) -> f64, instance: &str, t: f64, out: &mut Vec<Message>) {
    for call in model.messages.iter().filter(|c| moments.contains(&c.moment) && fetch(c.condition) != 0.0) {
        let kind = match call.kind {
            MessageLevel::Note => MessageKind::Note,
            MessageLevel::Warning => MessageKind::Warning,
            MessageLevel::Error => MessageKind::Error,
            MessageLevel::Finish => MessageKind::Finish,
            MessageLevel::Fatal => MessageKind::Fatal,
        };
        out.push(Message { kind, instance: instance.to_string(), span: call.span, t, text: text(model, call, fetch, instance) });
    }
}

fn text(model: &Model, call: &MessageCall, fetch: &dyn Fn(u32) -> f64, instance: &str) -> String {
    let mut arguments = call.arguments.iter().map(|(o, kind)| (fetch(*o), *kind));
    let mut out = String::new();
    let mut rest = call.format.as_deref().unwrap_or("");
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = &rest[at + 1..];
        let end = directive.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(directive.len());
        let (flags, letter) = (&directive[..end], directive[end..].chars().next());
        rest = directive.get(end + 1..).unwrap_or("");
        match letter {
            Some('%') => out.push('%'),
            Some('m' | 'M') => out.push_str(instance),
            Some('l' | 'L') => out.push_str(&model.name),
            Some(letter) => out.push_str(&arguments.next().map_or_else(String::new, |a| one(model, flags, letter, a))),
            None => {}
        }
    }
    out.push_str(rest);
    for (k, (value, kind)) in arguments.enumerate() {
        if k > 0 || !out.is_empty() {
            out.push(' ');
        }
        let letter = match kind {
            ArgumentType::Real => 'g',
            ArgumentType::Int => 'd',
            ArgumentType::Text => 's',
        };
        out.push_str(&one(model, "", letter, (value, kind)));
    }
    out
}

/// One argument by one directive: `%5.2f`.
fn one(model: &Model, flags: &str, letter: char, (value, kind): (f64, ArgumentType)) -> String {
    let left = flags.contains('-');
    let digits = flags.trim_start_matches(['-', '+', '0', ' ']);
    let (width, precision) = digits.split_once('.').map_or((digits, None), |(w, p)| (w, p.parse().ok()));
    let width: usize = width.parse().unwrap_or(0);
    let body = match letter.to_ascii_lowercase() {
        's' if kind == ArgumentType::Text => model.strings.get(value as usize).cloned().unwrap_or_default(),
        _ if kind == ArgumentType::Text => model.strings.get(value as usize).cloned().unwrap_or_default(),
        'd' | 't' => format!("{}", value.round() as i64),
        'b' => format!("{:b}", value.round() as i64),
        'h' | 'x' => format!("{:x}", value.round() as i64),
        'o' => format!("{:o}", value.round() as i64),
        'c' => char::from_u32(value.round() as u32).map(String::from).unwrap_or_default(),
        'e' => exponential(value, precision.unwrap_or(6)),
        'f' => format!("{value:.*}", precision.unwrap_or(6)),
        'r' => crate::units::engineering(value, precision.unwrap_or(6)).replace(' ', ""),
        _ => general(value, precision.unwrap_or(6)),
    };
    if left { format!("{body:<width$}") } else { format!("{body:>width$}") }
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
