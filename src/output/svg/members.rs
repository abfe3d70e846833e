//! `members=` of `.plot`: which members of a `.step` family are drawn.
//!
//! `members="1 5 9"` are numbers counted from one, `members=last` is the last one, `members="r=1k r=10k"` goes by values:
//! several values of one parameter are alternatives, of several parameters all must hold.

use crate::args::Arg;
use crate::diag::Diagnostic;
use crate::units;

/// One word of `members=`.
#[derive(Clone, PartialEq, Debug)]
pub enum Pick {
    /// Counted from one.
    Number(usize),
    /// The last one.
    Last,
    /// Value of a `.step` parameter.
    Value(String, f64),
}

/// Values of `.step` parameters.
type Keys = [(String, f64)];

/// What stands behind `members=`.
///
/// # Errors
/// A word that is none of these.
pub(super) fn picks(arg: &Arg) -> Result<Vec<Pick>, Diagnostic> {
    let whole = |number: f64| (number >= 1.0 && number.fract() == 0.0 && number < 1e9).then_some(Pick::Number(number as usize));
    let read = |word: &str| match word.split_once('=') {
        Some((name, value)) => units::number(value).map(|value| Pick::Value(name.to_lowercase(), value)),
        None if word.eq_ignore_ascii_case("last") => Some(Pick::Last),
        None => units::number(word).and_then(whole),
    };
    let wrong = |word: &str| {
        Diagnostic::error(arg.span, format!("`{word}` is no member of a family"))
            .expected("numbers from 1 on, `last`, or values: `members=\"1 5 9\"`, `members=\"r=1k r=10k\"`")
    };
    if let Some(number) = arg.number {
        return whole(number).map(|pick| vec![pick]).ok_or_else(|| wrong(&arg.text));
    }
    arg.text.split([' ', ',']).filter(|w| !w.is_empty()).map(|word| read(word).ok_or_else(|| wrong(word))).collect()
}

/// Whether the member with these keys is drawn; `family`: the keys of all of them, in order.
pub(super) fn drawn(picks: &[Pick], family: &[&Keys], keys: &Keys) -> bool {
    if picks.is_empty() {
        return true;
    }
    let number = family.iter().position(|k| *k == keys).map(|k| k + 1);
    let counted = picks.iter().any(|pick| match pick {
        Pick::Number(wanted) => number == Some(*wanted),
        Pick::Last => number == Some(family.len()),
        Pick::Value(..) => false,
    });
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
    let asked = |name: &str| -> Vec<f64> {
        picks.iter().filter_map(|p| if let Pick::Value(n, v) = p { (n == name).then_some(*v) } else { None }).collect()
    };
    let mut tests = keys.iter().map(|(name, value)| (asked(name), *value)).filter(|(values, _)| !values.is_empty()).peekable();
    counted || tests.peek().is_some() && tests.all(|(values, value)| values.iter().any(|v| near(*v, value)))
}
