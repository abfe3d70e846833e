//! `.for i first last [step]` ... `.endfor`: the cards between them once for each value of `i`, as text.
//!
//! In braces `i` stands for its value. Braces that touch a word are part of a name and are computed at once: with i = 3
//! `n{i}_{i+1}` is the node `n3_4`; braces that stand alone are expressions and stay so: `{r0*(1+i)}` becomes
//! `{r0*(1+3)}`. Loops stand in one another. The limits are whole numbers or expressions of `.param`s given above by
//! numbers; names may have such parameters too, `n{size+1}_{i}`. Values that `--set` and `.step` give to a parameter count, and
//! the deck notes which parameters decide on loops. Messages show the line as it was written out, in a text of its own named
//! after the loop.
//!
//! Loops of plain cards are not written out at all (`template`).

use std::cell::RefCell;
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
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    /// Name of the index.
    index: String,
    values: (f64, f64, f64),
    span: Span,
}

/// Parameters that limits and names may depend on.
#[derive(Clone, Copy)]
pub struct Known<'p> {
    /// Those given above the loop.
    pub parameters: &'p [Assignment],
    /// Values that replace those of the deck.
    pub overrides: &'p [(String, f64)],
    /// Names of those that were asked for, lower case.
    pub used: &'p RefCell<Vec<String>>,
}

impl Head {
    /// Reads what follows `.for`.
    ///
    /// # Errors
    /// What is missing or no whole number.
    pub fn read(cursor: &mut Cursor, known: Known) -> Result<Head, Diagnostic> {
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
            let value = constant(&expr, known, 0)?;
            match value {
                Some(v) if v.fract() == 0.0 && v.abs() < 1e9 => Ok(v),
                Some(v) => Err(Diagnostic::error(expr.span, format!("{v} is no whole number")).expected(what)),
                None => Err(Diagnostic::error(expr.span, "the limit of a loop is not known here")
                    .expected("expected a number, or parameters that are given by numbers above")),
            }
        };
        let (first, last) = (number("the first value of the index")?, number("the last value of the index")?);
        let step = if cursor.done() { if last < first { -1.0 } else { 1.0 } } else { cursor_step(cursor, known)? };
        if !cursor.done() {
            return Err(cursor.missing("the end of `.for i first last [step]`"));
        }
        if step == 0.0 || (last - first) / step > MOST_ROUNDS {
            return Err(Diagnostic::error(span, format!("steps of {step} from {first} to {last} are too many")));
        }
        Ok(Head { index: index.text, values: (first, last, step), span })
    }

    /// The name of the index.
    pub fn index(&self) -> &str {
        &self.index
    }

    /// The values of the index in order.
    pub fn values(&self) -> impl Iterator<Item = f64> + use<> {
        let (first, last, step) = self.values;
        let rounds = ((last - first) / step + 1e-9).floor();
        let count = if rounds < 0.0 { 0 } else { rounds as u64 + 1 };
        (0..count).map(move |k| first + k as f64 * step)
    }

    /// The body once for each value.
    ///
    /// # Errors
    /// An index that cannot be computed, or more text than is sensible.
    pub fn write_out(&self, body: &str, place: (FileId, usize), known: Known) -> Result<String, Diagnostic> {
        let within = indices(body);
        let mut out = String::new();
        for value in self.values() {
            self.round(body, value, place, (known, &within), &mut out)?;
            if out.len() > MOST_TEXT {
                return Err(Diagnostic::error(self.span, "this loop writes out more than a gigabyte"));
            }
        }
        Ok(out)
    }

    /// The body with the index replaced.
    fn round(
        &self,
        body: &str,
        value: f64,
        (file, start): (FileId, usize),
        (known, within): (Known, &[&str]),
        out: &mut String,
    ) -> Result<(), Diagnostic> {
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
            // Names within an expression may have braces of their own: `{2*i(V{k})}`.
            let mut inner = String::new();
            if inside.contains('{') {
                self.round(inside, value, (file, start + open + 1), (known, within), &mut inner)?;
                inner.pop();
            }
            let (replaced, any) = self.replaced(if inner.is_empty() { inside } else { &inner }, value);
            let any = any || !inner.is_empty() && inner != inside;
            let touches = |at: Option<&u8>| at.is_some_and(|b| !is_blank(*b) && !b"\n(),=;".contains(b));
            let around = [open.checked_sub(1).and_then(|k| bytes.get(k)), bytes.get(end)];
            // Without an index in them, braces are only looked at where they are part of a name for certain.
            let joins = |at: &Option<&u8>| at.is_some_and(|b| b.is_ascii_alphanumeric() || b"_{}".contains(b));
            let glued = if any { around.into_iter().any(touches) } else { around.iter().any(joins) };
            match (any, glued) {
                (false, false) => out.push_str(&body[open..end]),
                (true, false) => {
                    let _ = write!(out, "{{{replaced}}}");
                }
                // Another index is still to come.
                (_, true) if within.iter().any(|index| has_word(inside, index)) => {
                    let _ = write!(out, "{{{replaced}}}");
                }
                (_, true) => {
                    let place = Span::new(file, start + open, start + end);
                    match computed(&replaced, known) {
                        Some(Ok(number)) => {
                            let _ = write!(out, "{number}");
                        }
                        // What it may be is decided where it stands in the end.
                        None => {
                            let _ = write!(out, "{{{replaced}}}");
                        }
                        Some(Err(_)) if !any => out.push_str(&body[open..end]),
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
            // What is called is a function or a probe: `i(v1)` with an index i.
            if rest[..length].eq_ignore_ascii_case(&self.index) && !rest[length..].starts_with('(') {
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

fn cursor_step(cursor: &mut Cursor, known: Known) -> Result<f64, Diagnostic> {
    let expr = cursor.value("the step of the index")?;
    match constant(&expr, known, 0)? {
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

/// Names of the indices of the loops inside of a body.
fn indices(body: &str) -> Vec<&str> {
    let index = |line: &'_ str| -> Option<(usize, usize)> {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|w| w.eq_ignore_ascii_case(".for")).and(words.next())?;
        let at = name.as_ptr() as usize - line.as_ptr() as usize;
        Some((at, at + name.len()))
    };
    body.lines().filter_map(|line| index(line).map(|(from, to)| &line[from..to])).collect()
}

/// Whether a name occurs in an expression.
fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word.eq_ignore_ascii_case(name))
}

/// The whole number that a text of numbers and parameters is; `None` if other names are left in it.
fn computed(text: &str, known: Known) -> Option<Result<i64, String>> {
    let range = Range { text, file: FileId::default(), start: 0, end: text.len() };
    let expr = match expr::parse_all(range) {
        Ok(expr) => expr,
        Err(error) => return Some(Err(error.message)),
    };
    match constant(&expr, known, 0) {
        Ok(Some(v)) if v.fract() == 0.0 && v.abs() < 1e15 => Some(Ok(v as i64)),
        Ok(Some(v)) => Some(Err(format!("{v} in a name"))),
        Ok(None) | Err(_) => None,
    }
}

/// The value of an expression of numbers and of parameters given by numbers.
fn constant(expr: &Expr, known: Known, depth: u32) -> Result<Option<f64>, Diagnostic> {
    let mut builder = Builder::new();
    let mut search = Search { known, depth, unknown: false };
    let value = lower::lower(expr, &mut builder, &mut search);
    if search.unknown {
        return Ok(None);
    }
    value.map(|v| builder.constant(v))
}

/// The parameters above a loop, looked up.
struct Search<'p> {
    known: Known<'p>,
    depth: u32,
    unknown: bool,
}

impl Search<'_> {
    fn parameter(&self, name: &str) -> Result<Option<f64>, Diagnostic> {
        let known = self.known;
        let Some(found) = known.parameters.iter().rev().find(|p| p.name.text.eq_ignore_ascii_case(name)) else { return Ok(None) };
        let mut used = known.used.borrow_mut();
        let folded = name.to_lowercase();
        if !used.contains(&folded) {
            used.push(folded);
        }
        drop(used);
        // The last one counts where one is given twice.
        match known.overrides.iter().rev().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, value)) => Ok(Some(*value)),
            None => constant(&found.value, known, self.depth + 1),
        }
    }
}

impl<'deck> Resolve<'deck> for Search<'_> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        if let ExprKind::Name(name) = &leaf.kind
            && self.depth < DEEPEST
            && let Some(value) = self.parameter(name)?
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
