//! `.options` and `.temp`: one row per option.

use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::ranges::shown;
use crate::circuit::scope::TOP;
use crate::circuit::{Circuit, Number, Options};
use crate::diag::Diagnostic;
use crate::netlist::ast::{Deck, Expr, ExprKind};
use crate::span::Span;

/// A numeric option: how it is stored, smallest and largest value.
struct Row {
    name: &'static str,
    set: fn(&mut Options, f64),
    low: f64,
    high: f64,
}

const fn row(name: &'static str, low: f64, high: f64, set: fn(&mut Options, f64)) -> Row {
    Row { name, set, low, high }
}

const LARGEST: f64 = f64::MAX;
const SMALLEST: f64 = f64::MIN_POSITIVE;

const TABLE: [Row; 13] = [
    row("reltol", 1e-15, 1.0, |o, v| o.reltol = Some(v)),
    row("abstol", SMALLEST, LARGEST, |o, v| o.abstol = v),
    row("vntol", SMALLEST, LARGEST, |o, v| o.vntol = v),
    row("trtol", 1e-6, LARGEST, |o, v| o.trtol = Some(v)),
    row("gmin", 0.0, LARGEST, |o, v| o.gmin = v),
    row("maxord", 1.0, 6.0, |o, v| o.maxord = Some(v as u32)),
    row("itl1", 1.0, 1e9, |o, v| o.itl1 = v as u32),
    row("itl4", 1.0, 1e9, |o, v| o.itl4 = v as u32),
    row("ppp", 1.0, 1e6, |o, v| o.ppp = v),
    row("interp", 0.0, 1.0, |o, v| o.interp = v != 0.0),
    row("temp", -273.15, LARGEST, |o, v| o.temp = v),
    row("tnom", -273.15, LARGEST, |o, v| o.tnom = v),
    row("seed", 0.0, 9_007_199_254_740_992.0, |o, v| o.seed = v as u64),
];

/// Words of `newton=`, what they set, and what they mean for the steps of a transient.
const EFFORTS: [(&str, Option<bool>, &str); 3] = [
    ("auto", None, "loose where reltol is above 1e-5"),
    ("tight", Some(false), "until only rounding is left"),
    ("loose", Some(true), "until a hundredth of the local error allowed is left"),
];

/// Options of other simulators that are read and change nothing, and why.
const WITHOUT_EFFECT: [(&str, &str); 25] = [
    ("chgtol", "the error of charges is measured in the unknowns themselves"),
    ("itl2", "sweeps use itl1"),
    ("itl3", "steps are controlled by their error"),
    ("itl5", "the number of steps is not limited"),
    ("itl6", "source stepping is adaptive"),
    ("pivtol", "pivots are chosen by growth"),
    ("pivrel", "pivots are chosen by growth"),
    ("gminsteps", "gmin stepping is adaptive"),
    ("srcsteps", "source stepping is adaptive"),
    ("acct", "the summary is always printed"),
    ("noacct", "the summary is always printed"),
    ("list", "use `memspice show`"),
    ("node", "use `memspice show`"),
    ("nopage", "nothing is paged"),
    ("nomod", "models are not listed"),
    ("opts", "options are not listed"),
    ("post", "results are always written"),
    ("probe", "use .save"),
    ("numdgt", "all digits are written"),
    ("delmax", "use the fourth argument of .tran"),
    ("plotwinsize", "results are not compressed"),
    ("savecurrents", "currents of all two-terminal devices can be saved by name"),
    ("rshunt", "add resistors where they belong"),
    ("xmu", "the trapezoidal rule is not damped by it"),
    ("bypass", "all devices are always evaluated"),
];

/// The expression that gives the temperature of the circuit.
pub fn temperature(deck: &Deck) -> Option<&Expr> {
    let option = deck.options.iter().rev().find(|a| a.name.text.eq_ignore_ascii_case("temp"));
    deck.temperature.as_ref().or(option.map(|a| &a.value))
}

/// The expression that gives the seed of what is drawn.
pub fn seed(deck: &Deck) -> Option<&Expr> {
    deck.options.iter().rev().find(|a| a.name.text.eq_ignore_ascii_case("seed")).map(|a| &a.value)
}

/// Options whose numbers are not known yet: row of the table, number, place.
pub type Pending = Vec<(usize, Number, Span)>;

/// Reads the options; numbers come later.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) -> Pending {
    let mut pending = Pending::new();
    for option in &deck.options {
        let name = option.name.folded();
        if let Some(k) = TABLE.iter().position(|r| r.name == name) {
            let number = fl.scopes.number(TOP, &option.value);
            pending.push((k, number, option.value.span));
        } else if name == "method" {
            match &option.value.kind {
                ExprKind::Name(method) | ExprKind::Text(method) => fl.circuit.options.method = Some(method.to_lowercase()),
                _ => fl.report(Diagnostic::error(option.value.span, "a method has a name").expected("expected trap, gear, ...")),
            }
        } else if name == "newton" {
            let word = match &option.value.kind {
                ExprKind::Name(word) | ExprKind::Text(word) => word.to_lowercase(),
                _ => String::new(),
            };
            match EFFORTS.iter().find(|(known, ..)| *known == word) {
                Some((_, loose, _)) => fl.circuit.options.newton = *loose,
                None => {
                    let known = EFFORTS.map(|(word, _, meaning)| format!("{word} ({meaning})")).join(", ");
                    let wrong = Diagnostic::error(option.value.span, "option `newton` takes a word");
                    fl.report(wrong.expected(format!("expected {known}")).suggest(&word, EFFORTS.iter().map(|e| e.0)));
                }
            }
        } else if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(n, _)| *n == name) {
            fl.report(Diagnostic::note(option.name.span, format!("option `{name}` has no effect: {why}")));
        } else {
            let known = TABLE.iter().map(|r| r.name).chain(["method", "newton"]);
            fl.report(
                Diagnostic::warning(option.name.span, format!("unknown option `{}`", option.name.text))
                    .expected("ignored")
                    .suggest(&name, known),
            );
        }
    }
    pending
}

/// Numbers that the options depend on. The temperature is a root of its own.
pub fn numbers(pending: &Pending) -> Vec<Number> {
    pending.iter().filter(|(k, ..)| TABLE[*k].name != "temp").map(|(_, number, _)| *number).collect()
}

/// Stores the numbers.
pub fn finish(circuit: &mut Circuit, pending: Pending, values: &Values, found: &mut Vec<Diagnostic>) {
    for (k, number, span) in pending {
        let (row, value) = (&TABLE[k], values.of(number));
        if value < row.low || value > row.high {
            found.push(
                Diagnostic::error(span, format!("option `{}` = {} is out of range", row.name, shown(value))).expected(format!(
                    "expected {} to {}",
                    shown(row.low),
                    shown(row.high)
                )),
            );
        } else if !value.is_nan() {
            (row.set)(&mut circuit.options, value);
        }
    }
}
