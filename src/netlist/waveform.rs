//! V and I: dc value, small-signal value, time function.

use crate::diag::Diagnostic;
use crate::netlist::ast::{Element, Expr, ExprKind, Waveform};
use crate::netlist::card::Cursor;
use crate::netlist::clip;
use crate::netlist::elements::{nodes, parameter};
use crate::netlist::lex::TokenKind;
use crate::span::Span;

/// Spellings of the time functions and their names.
const KINDS: &[(&str, &str)] =
    &[("pulse", "pulse"), ("sin", "sin"), ("sine", "sin"), ("exp", "exp"), ("pwl", "pwl"), ("sffm", "sffm"), ("am", "am")];
/// Time functions of other simulators.
const LATER: &[&str] = &["trnoise", "trrandom", "external", "pat", "lfsr", "noise", "port"];
/// Named arguments of `pwl`.
const PWL_NAMES: &[&str] = &["file", "r", "td"];

/// V and I.
///
/// # Errors
/// If the card is not of that form.
pub fn source(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    loop {
        cursor.skip_commas();
        let Some(token) = cursor.peek() else { return Ok(()) };
        let here = cursor.span(token);
        let word = cursor.word().unwrap_or("");
        if cursor.at_key() && !is_keyword(word) {
            parameter(cursor, element)?;
        } else if word.eq_ignore_ascii_case("dc") {
            skip_keyword(cursor);
            let value = cursor.value("the dc value")?;
            set_value(element, value)?;
        } else if word.eq_ignore_ascii_case("ac") {
            skip_keyword(cursor);
            if element.ac.is_some() {
                return Err(Diagnostic::error(here, "a second `ac`"));
            }
            element.ac = Some(Box::new(small_signal(cursor, here)?));
        } else if let Some((_, kind)) = kind_of(word) {
            if let Some(first) = &element.waveform {
                return Err(Diagnostic::error(here, "a second time function").label(first.kind.span, "the first one"));
            }
            element.waveform = Some(Box::new(time_function(cursor, kind)?));
        } else if LATER.iter().any(|k| word.eq_ignore_ascii_case(k)) {
            return Err(Diagnostic::error(here, format!("the time function `{word}` is not supported yet")));
        } else {
            let calls = cursor.kind() == Some(TokenKind::Word) && touches_parenthesis(cursor);
            if calls {
                let names = KINDS.iter().map(|row| row.0);
                return Err(Diagnostic::error(here, format!("unknown time function `{}`", clip(word)))
                    .suggest(&clip(word), names)
                    .hint("time functions are pulse, sin, exp, pwl, sffm and am"));
            }
            let value = cursor.value("a value, `dc`, `ac` or a time function")?;
            set_value(element, value)?;
        }
    }
}

fn set_value(element: &mut Element, value: Expr) -> Result<(), Diagnostic> {
    if let Some(first) = &element.value {
        return Err(Diagnostic::error(value.span, "a second dc value").label(first.span, "the first one"));
    }
    element.value = Some(value);
    Ok(())
}

/// `dc`, `dc=`.
fn skip_keyword(cursor: &mut Cursor) {
    cursor.skip();
    if cursor.kind() == Some(TokenKind::Equals) {
        cursor.skip();
    }
}

fn touches_parenthesis(cursor: &Cursor) -> bool {
    let mut next = *cursor;
    next.skip();
    next.kind() == Some(TokenKind::Open) && next.peek().map(|t| t.start) == cursor.peek().map(|t| t.end)
}

fn kind_of(word: &str) -> Option<&'static (&'static str, &'static str)> {
    KINDS.iter().find(|row| row.0.eq_ignore_ascii_case(word))
}

fn is_keyword(word: &str) -> bool {
    word.eq_ignore_ascii_case("dc") || word.eq_ignore_ascii_case("ac") || kind_of(word).is_some()
}

/// What follows `ac`: magnitude (1 if missing) and phase.
fn small_signal(cursor: &mut Cursor, here: Span) -> Result<(Expr, Option<Expr>), Diagnostic> {
    if !at_value(cursor) {
        return Ok((Expr { kind: ExprKind::Number(1.0), span: here }, None));
    }
    let magnitude = cursor.value("the magnitude")?;
    cursor.skip_commas();
    let phase = if at_value(cursor) { Some(cursor.value("the phase in degrees")?) } else { None };
    Ok((magnitude, phase))
}

/// True where a value stands, not a keyword, an assignment or the end.
fn at_value(cursor: &Cursor) -> bool {
    match cursor.kind() {
        None | Some(TokenKind::Close | TokenKind::Equals) => false,
        _ => !cursor.at_key() && !is_keyword(cursor.word().unwrap_or("")),
    }
}

/// `sin(0 1 1k)`, `sin 0 1 1k`, `pwl(0 0 1n 1) r=0`, `pwl file="x.csv"`.
fn time_function(cursor: &mut Cursor, kind: &str) -> Result<Waveform, Diagnostic> {
    let mut name = cursor.expect_name("a time function")?;
    name.text = kind.to_string();
    let mut waveform = Waveform { kind: name, arguments: Vec::new(), named: Vec::new() };
    let opened = cursor.peek().filter(|t| t.kind == TokenKind::Open);
    if opened.is_some() {
        cursor.skip();
    }
    loop {
        cursor.skip_commas();
        if opened.is_some() && cursor.kind() == Some(TokenKind::Close) {
            cursor.skip();
            break;
        }
        match (cursor.done(), opened) {
            (true, Some(token)) => {
                return Err(Diagnostic::error(cursor.span(token), format!("`{kind}(` is never closed")).expected("opened here"));
            }
            (true, None) => break,
            _ => {}
        }
        let ours = cursor.at_key() && belongs_to_pwl(cursor, kind);
        if ours {
            waveform.named.push(cursor.assignment()?);
        } else if opened.is_none() && !at_value(cursor) {
            break;
        } else if cursor.kind() == Some(TokenKind::Open) {
            // Points may stand in parentheses of their own: pwl((0 0) (1n 1)).
            group(cursor, &mut waveform.arguments)?;
        } else {
            waveform.arguments.push(cursor.value("a number")?);
        }
    }
    while cursor.at_key() && belongs_to_pwl(cursor, kind) {
        waveform.named.push(cursor.assignment()?);
        cursor.skip_commas();
    }
    if waveform.arguments.is_empty() && waveform.named.is_empty() {
        return Err(Diagnostic::error(waveform.kind.span, format!("`{kind}` has no arguments")));
    }
    Ok(waveform)
}

/// `(0 0)`.
fn group(cursor: &mut Cursor, arguments: &mut Vec<Expr>) -> Result<(), Diagnostic> {
    cursor.skip();
    loop {
        cursor.skip_commas();
        if cursor.kind() == Some(TokenKind::Close) {
            cursor.skip();
            return Ok(());
        }
        arguments.push(cursor.value("a number or `)`")?);
    }
}

fn belongs_to_pwl(cursor: &Cursor, kind: &str) -> bool {
    kind == "pwl" && cursor.word().is_some_and(|w| PWL_NAMES.iter().any(|n| n.eq_ignore_ascii_case(w)))
}
