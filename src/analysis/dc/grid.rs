//! The values of a sweep.

use crate::args::Args;
use crate::dae::{Change, ParamId, Params, System};
use crate::diag::Diagnostic;
use crate::solve::SimError;

use crate::analysis::op::significant;

/// `name from to step`: one parameter and its values.
#[derive(Clone, PartialEq, Debug)]
pub struct Grid {
    /// The parameter.
    pub id: ParamId,
    /// Its name as written, lower case.
    pub name: String,
    /// First value.
    pub from: f64,
    /// Last value, if the steps meet it.
    pub to: f64,
    /// Distance with its sign.
    pub step: f64,
    /// Number of values.
    pub count: usize,
}

/// Most values of one sweep.
const MOST: f64 = 1e8;

impl Grid {
    /// Reads the four positional arguments from `first` on.
    ///
    /// # Errors
    /// What is missing or makes no sense.
    pub fn parse(args: &Args, first: usize, system: &dyn System) -> Result<Grid, Diagnostic> {
        let Some(arg) = args.positional().nth(first) else {
            return Err(Diagnostic::error(args.span, "`.dc` needs a parameter to sweep").expected("name from to step"));
        };
        let name = arg.text.to_lowercase();
        let id = system.param(&name).ok_or_else(|| {
            Diagnostic::error(arg.span, format!("nothing called `{}` can be swept", arg.text))
                .expected("expected a source, a parameter, `temp` or an instance's parameter such as `x1.ron`")
        })?;
        let number = |k: usize, what: &str| args.number(first + k, what);
        let (from, to) = (number(1, "the first value")?, number(2, "the last value")?);
        let step = number(3, "the step")?.abs() * if to < from { -1.0 } else { 1.0 };
        if (step == 0.0 && from != to) || !(to - from).is_finite() || !step.is_finite() || (to - from) / step > MOST {
            let step_span = args.positional().nth(first + 3).map_or(args.span, |a| a.span);
            return Err(Diagnostic::error(step_span, format!("the step {step} does not lead from {from} to {to}")));
        }
        let count = if from == to { 1 } else { ((to - from) / step * (1.0 + 1e-9) + 1e-9).floor() as usize + 1 };
        Ok(Grid { id, name, from, to, step, count })
    }

    /// The same sweep from the other end.
    pub fn reversed(&self) -> Grid {
        let last = self.value(self.count - 1);
        Grid { from: last, to: self.from, step: -self.step, ..self.clone() }
    }

    /// Value number k; the last one is met exactly. Steps such as 0.1 are taken as divisions by 10, so that the third value
    /// is 0.3 and not 0.30000000000000004.
    pub fn value(&self, k: usize) -> f64 {
        let (inverse, first) = ((1.0 / self.step).round(), (self.from / self.step).round());
        let decimal = 1.0 / inverse == self.step && first / inverse == self.from && first.abs() < 1e15;
        let value = if decimal { (first + k as f64) / inverse } else { self.from + k as f64 * self.step };
        if (value - self.to).abs() < 1e-6 * self.step.abs() { self.to } else { value }
    }

    /// Gives the parameter a value; `card` names the sweep in messages.
    ///
    /// # Errors
    /// See [`assign`].
    pub fn assign(&self, system: &dyn System, params: &mut Params, value: f64, card: &str) -> Result<(), SimError> {
        assign(system, params, (self.id, &self.name), value, card)
    }

    /// `|to - from|`.
    pub fn span(&self) -> f64 {
        (self.to - self.from).abs()
    }

    /// The values between `a` (left out) and `b` (included), in the direction from a to b.
    pub fn between(&self, a: f64, b: f64) -> Vec<f64> {
        let index =
            |p: f64| if self.step == 0.0 { 0.0 } else { ((p - self.from) / self.step).clamp(-2.0, self.count as f64 + 1.0) };
        let (low, high) = (index(a.min(b)).min(index(a.max(b))), index(a.min(b)).max(index(a.max(b))));
        let first = (low.floor() - 1.0).max(0.0) as usize;
        let last = ((high.ceil() + 1.0).max(0.0) as usize).min(self.count.saturating_sub(1));
        let inside = |p: &f64| if a < b { *p > a && *p <= b } else { *p < a && *p >= b };
        let mut values: Vec<f64> = (first..=last).map(|k| self.value(k)).filter(inside).collect();
        values.sort_by(|p, q| (p - a).abs().total_cmp(&(q - a).abs()));
        values
    }

    /// The first value past `p` in the direction of `sign`.
    pub fn after(&self, p: f64, sign: f64) -> Option<f64> {
        let end = if sign > 0.0 { self.from.max(self.to) } else { self.from.min(self.to) };
        self.between(p, end).into_iter().next()
    }

    /// Kind and unit of the parameter, as far as its name tells.
    pub fn quantity(&self) -> (&'static str, &'static str) {
        match self.name.as_bytes() {
            b"temp" => ("temperature", "C"),
            [b'v', ..] => ("voltage", "V"),
            [b'i', ..] => ("current", "A"),
            _ => ("parameter", ""),
        }
    }
}

/// Gives a swept parameter, by identifier and name, a value; `card` names the sweep in messages.
///
/// # Errors
/// A value that the parameter does not allow, or that changes the structure of the circuit.
pub fn assign(
    system: &dyn System,
    params: &mut Params,
    (id, name): (ParamId, &str),
    value: f64,
    card: &str,
) -> Result<(), SimError> {
    let why = match system.assign(params, id, value) {
        Ok(Change::Values) => return Ok(()),
        Ok(Change::Structure) => "changes the structure of the circuit; use .step".to_string(),
        Err(diagnostic) => diagnostic.message,
    };
    Err(SimError::Fatal(format!("{card}: {name} = {}: {why}", significant(value))))
}
