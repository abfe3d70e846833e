//! `.for i first last [step]` ... `.endfor`: the cards between them once for each value of `i`, as text.
//!
//! In braces `i` stands for its value. Braces that touch a word are part of a name and are computed at once: with i = 3
//! `n{i}_{i+1}` is the node `n3_4`; braces that stand alone are expressions and stay so: `{r0*(1+i)}` becomes
//! `{r0*(1+3)}`. Loops stand in one another. The limits are whole numbers or expressions of `.param`s given above by
//! numbers. Messages show the line as it was written out, in a text of its own named after the loop.

use std::fmt::Write as _;

use crate::diag::Diagnostic;
use crate::ir::{Builder, Value};
use crate::netlist::ast::{Assignment, Expr, ExprKind, FunctionCard};
use crate::netlist::card::Cursor;
use crate::netlist::expr::{self, Range};
use crate::netlist::lex::is_blank;
use crate::netlist::lower::{self, Resolve};
use crate::span::{FileId, Span};

/// Values of one loop.
const MOST_ROUNDS: f64 = 1e7;
/// Bytes that one loop may write out.
const MOST_TEXT: usize = 1 << 30;
/// Parameters that are made from one another.
const DEEPEST: u32 = 50;

/// The head of a loop.
pub struct Head {
    /// Name of the index.
    index: String,
    values: (f64, f64, f64),
    span: Span,
}

impl Head {
    /// Reads what follows `.for`.
    ///
    /// # Errors
    /// What is missing or no whole number.
    pub fn read(cursor: &mut Cursor, parameters: &[Assignment]) -> Result<Head, Diagnostic> {
        let span = cursor.card_span();
        cursor.skip();
        let index = cursor.expect_name("the name of an index: `.for i 0 15`")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !index.text.chars().all(plain) || index.text.starts_with(|c: char| c.is_ascii_digit()) {
            let error = Diagnostic::error(index.span, format!("`{}` cannot be an index", index.text));
            return Err(error.expected("expected a name of letters, digits and `_`"));
        }
        let mut number = |what: &str| -> Result<f64, Diagnostic> {
            let expr = cursor.value(what)?;
            let value = constant(&expr, parameters, 0)?;
            match value {
                Some(v) if v.fract() == 0.0 && v.abs() < 1e9 => Ok(v),
                Some(v) => Err(Diagnostic::error(expr.span, format!("{v} is no whole number")).expected(what)),
                None => Err(Diagnostic::error(expr.span, "the limit of a loop is not known here")
                    .expected("expected a number, or parameters that are given by numbers above")),
            }
        };
        let (first, last) = (number("the first value of the index")?, number("the last value of the index")?);
        let step = if cursor.done() { if last < first { -1.0 } else { 1.0 } } else { cursor_step(cursor, parameters)? };
        if !cursor.done() {
            return Err(cursor.missing("the end of `.for i first last [step]`"));
        }
        if step == 0.0 || (last - first) / step > MOST_ROUNDS {
            return Err(Diagnostic::error(span, format!("steps of {step} from {first} to {last} are too many")));
        }
        Ok(Head { index: index.text, values: (first, last, step), span })
    }

    /// The body once for each value.
    ///
    /// # Errors
    /// An index that cannot be computed, or more text than is sensible.
    pub fn write_out(&self, body: &str, file: FileId, start: usize) -> Result<String, Diagnostic> {
        let (first, last, step) = self.values;
        let rounds = ((last - first) / step + 1e-9).floor();
        let mut out = String::new();
        let mut k = 0.0;
        while k <= rounds {
            self.round(body, first + k * step, (file, start), &mut out)?;
            if out.len() > MOST_TEXT {
                return Err(Diagnostic::error(self.span, "this loop writes out more than a gigabyte"));
            }
            k += 1.0;
        }
        Ok(out)
    }

    /// The body with the index replaced.
    fn round(&self, body: &str, value: f64, (file, start): (FileId, usize), out: &mut String) -> Result<(), Diagnostic> {
        let bytes = body.as_bytes();
        let mut done = 0;
        while let Some(open) = body[done..].find('{').map(|k| done + k) {
            out.push_str(&body[done..open]);
            let Some(length) = closing(&bytes[open..]) else {
                done = open;
                break;
            };
            let end = open + length;
            let inside = &body[open + 1..end - 1];
            let (replaced, any) = self.replaced(inside, value);
            let touches = |at: Option<&u8>| at.is_some_and(|b| !is_blank(*b) && !b"\n(),=;".contains(b));
            let glued = touches(open.checked_sub(1).and_then(|k| bytes.get(k))) || touches(bytes.get(end));
            match (any, glued) {
                (false, _) => out.push_str(&body[open..end]),
                (true, false) => {
                    let _ = write!(out, "{{{replaced}}}");
                }
                (true, true) => {
                    let place = Span::new(file, start + open, start + end);
                    match computed(&replaced) {
                        Some(Ok(number)) => {
                            let _ = write!(out, "{number}");
                        }
                        // Another index is still to come.
                        None => {
                            let _ = write!(out, "{{{replaced}}}");
                        }
                        Some(Err(text)) => return Err(Diagnostic::error(place, text).expected("expected a whole number in a name")),
                    }
                }
            }
            done = end;
        }
        out.push_str(&body[done..]);
        if !out.ends_with('\n') {
            out.push('\n');
        }
        Ok(())
    }

    /// A text with the index as a number, and whether it was there at all.
    fn replaced(&self, text: &str, value: f64) -> (String, bool) {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut any = false;
        while let Some(first) = rest.chars().next() {
            let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            if length == 0 {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            if rest[..length].eq_ignore_ascii_case(&self.index) {
                any = true;
                let _ = if value < 0.0 { write!(out, "({value})") } else { write!(out, "{value}") };
            } else {
                out.push_str(&rest[..length]);
            }
            rest = &rest[length..];
        }
        (out, any)
    }
}

fn cursor_step(cursor: &mut Cursor, parameters: &[Assignment]) -> Result<f64, Diagnostic> {
    let expr = cursor.value("the step of the index")?;
    match constant(&expr, parameters, 0)? {
        Some(step) if step.fract() == 0.0 => Ok(step),
        _ => Err(Diagnostic::error(expr.span, "the step of a loop").expected("expected a whole number")),
    }
}

/// Length of the bracketed text that begins here.
fn closing(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0;
    for (k, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(k + 1);
        }
    }
    None
}

/// The whole number that a text of numbers is; `None` if names are left in it.
fn computed(text: &str) -> Option<Result<i64, String>> {
    let range = Range { text, file: FileId::default(), start: 0, end: text.len() };
    let expr = match expr::parse_all(range) {
        Ok(expr) => expr,
        Err(error) => return Some(Err(error.message)),
    };
    match constant(&expr, &[], 0) {
        Ok(Some(v)) if v.fract() == 0.0 && v.abs() < 1e15 => Some(Ok(v as i64)),
        Ok(Some(v)) => Some(Err(format!("{v} in a name"))),
        Ok(None) | Err(_) => None,
    }
}

/// The value of an expression of numbers and of parameters given by numbers.
fn constant(expr: &Expr, parameters: &[Assignment], depth: u32) -> Result<Option<f64>, Diagnostic> {
    let mut builder = Builder::new();
    let mut known = Known { parameters, depth, unknown: false };
    let value = lower::lower(expr, &mut builder, &mut known);
    if known.unknown {
        return Ok(None);
    }
    value.map(|v| builder.constant(v))
}

/// The parameters above a loop.
struct Known<'p> {
    parameters: &'p [Assignment],
    depth: u32,
    unknown: bool,
}

impl<'deck> Resolve<'deck> for Known<'_> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        if let ExprKind::Name(name) = &leaf.kind
            && self.depth < DEEPEST
            && let Some(found) = self.parameters.iter().rev().find(|p| p.name.text.eq_ignore_ascii_case(name))
            && let Some(value) = constant(&found.value, self.parameters, self.depth + 1)?
        {
            return Ok(Some(builder.real(value)));
        }
        self.unknown |= !matches!(&leaf.kind, ExprKind::Name(name) if crate::netlist::builtin::constant(name).is_some());
        Ok(None)
    }

    fn function(&self, _: &str) -> Option<&'deck FunctionCard> {
        None
    }
}

/// The body of the loop whose head ends before byte `from`: its end, and the first byte behind `.endfor`.
///
/// # Errors
/// If there is no `.endfor`.
pub fn body(text: &str, from: usize, head: Span) -> Result<(usize, usize), Diagnostic> {
    let mut depth = 1;
    let mut at = from;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |k| at + k + 1);
        let word = text[at..end].split_whitespace().next().unwrap_or("");
        if word.eq_ignore_ascii_case(".for") {
            depth += 1;
        } else if word.eq_ignore_ascii_case(".endfor") {
            depth -= 1;
        }
        if depth == 0 {
            return Ok((at, end));
        }
        at = end;
    }
    Err(Diagnostic::error(head, "`.for` has no `.endfor`"))
}
