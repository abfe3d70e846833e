//! What a measure should give: `expect=` and `tol=` of a `.measure` card, and whether a value meets it.
//!
//! `expect=8.9m tol=2%` asks for a value within 2 % of 8.9e-3; `tol=1e-5` is absolute, in the unit of the measure; without a
//! tolerance a value counts that agrees in six digits. `expect=">1.3"` and `expect="<1.02"` are bounds. A list has one entry for
//! each member of a `.step` family in their order (`expect="1.82 1.76 - >1.3"`, `-` asks for nothing); a single entry holds for all.

use std::fmt;

use crate::circuit::Number;
use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::scope::TOP;
use crate::diag::Diagnostic;
use crate::netlist::ast::{Expr, ExprKind};
use crate::span::Span;
use crate::units;

/// Relative tolerance of a value that is asked without one.
const SIX_DIGITS: f64 = 1e-6;

/// What is asked of one value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// This value, within a tolerance in the same unit.
    Value(f64, f64),
    /// More than this.
    Above(f64),
    /// Less than this.
    Below(f64),
}

impl Asked {
    /// Whether `value` is what is asked; nothing is always met.
    pub fn met(self, value: f64) -> bool {
        match self {
            Asked::Nothing => true,
            Asked::Value(wanted, tolerance) => (value - wanted).abs() <= tolerance,
            Asked::Above(bound) => value > bound,
            Asked::Below(bound) => value < bound,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Asked::Nothing => f.write_str("-"),
            Asked::Value(wanted, tolerance) => write!(f, "{} within {tolerance:.1e}", plain(*wanted)),
            Asked::Above(bound) => write!(f, "more than {}", plain(*bound)),
            Asked::Below(bound) => write!(f, "less than {}", plain(*bound)),
        }
    }
}

/// A number as people write it: with an exponent only where it is far from one.
fn plain(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

/// What is asked of a measure in all members of a family.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Expectation(Vec<Asked>);

impl Expectation {
    /// What is asked of member number `member`, counted from 0.
    pub fn of(&self, member: usize) -> Asked {
        match self.0.as_slice() {
            [one] => *one,
            several => several.get(member).copied().unwrap_or(Asked::Nothing),
        }
    }

    /// Number of entries of a list, if there are several.
    pub fn entries(&self) -> Option<usize> {
        (self.0.len() > 1).then_some(self.0.len())
    }
}

/// `expect=` and `tol=` as they stand on a card, numbers not known yet.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    wanted: Vec<(Sign, Number)>,
    tolerance: Option<(Number, bool)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Sign {
    Nothing,
    Value,
    Above,
    Below,
}

impl Pending {
    /// Takes `expect=` or `tol=`; false if `key` is another word.
    ///
    /// # Errors
    /// Entries that are no numbers.
    pub fn take(&mut self, fl: &mut Flattener, key: &str, value: &Expr) -> Result<bool, Diagnostic> {
        if key.eq_ignore_ascii_case("expect") {
            self.wanted = match &value.kind {
                ExprKind::Text(list) => list.split_whitespace().map(|e| entry(e, value.span)).collect::<Result<_, _>>()?,
                _ => vec![(Sign::Value, fl.scopes.number(TOP, value))],
            };
        } else if key.eq_ignore_ascii_case("tol") {
            self.tolerance = Some(tolerance(fl, value)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Numbers that the expectation depends on.
    pub fn numbers(&self) -> impl Iterator<Item = Number> + '_ {
        self.wanted.iter().map(|w| w.1).chain(self.tolerance.map(|t| t.0))
    }

    /// The expectation with its numbers.
    pub fn finish(&self, values: &Values) -> Expectation {
        let asked = |(sign, number): &(Sign, Number)| {
            let wanted = values.of(*number);
            match (sign, self.tolerance) {
                (Sign::Nothing, _) => Asked::Nothing,
                (Sign::Above, _) => Asked::Above(wanted),
                (Sign::Below, _) => Asked::Below(wanted),
                (Sign::Value, Some((tolerance, false))) => Asked::Value(wanted, values.of(tolerance)),
                (Sign::Value, Some((percent, true))) => Asked::Value(wanted, values.of(percent) / 100.0 * wanted.abs()),
                (Sign::Value, None) => Asked::Value(wanted, SIX_DIGITS * wanted.abs()),
            }
        };
        Expectation(self.wanted.iter().map(asked).collect())
    }
}

/// An entry of a list: a number, `>number`, `<number` or `-`.
fn entry(text: &str, span: Span) -> Result<(Sign, Number), Diagnostic> {
    if text == "-" {
        return Ok((Sign::Nothing, Number::Fixed(0.0)));
    }
    let (sign, digits) = match text.split_at(1) {
        (">", rest) => (Sign::Above, rest),
        ("<", rest) => (Sign::Below, rest),
        _ => (Sign::Value, text),
    };
    let wrong = || Diagnostic::error(span, format!("`{text}` is no number")).expected("expected numbers, `>2`, `<2` or `-`");
    Ok((sign, Number::Fixed(units::number(digits).ok_or_else(wrong)?)))
}

/// A tolerance, and whether it is in percent of the value.
fn tolerance(fl: &mut Flattener, value: &Expr) -> Result<(Number, bool), Diagnostic> {
    let written = fl.sources.slice(value.span).trim_matches(['"', '\'', ' ']).to_string();
    match written.strip_suffix('%') {
        Some(percent) => match units::number(percent) {
            Some(number) => Ok((Number::Fixed(number), true)),
            None => Err(Diagnostic::error(value.span, format!("`{written}` is no number")).expected("expected `tol=2%`")),
        },
        None => Ok((fl.scopes.number(TOP, value), false)),
    }
}
