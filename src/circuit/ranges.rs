//! Parameter values against the types and ranges that a model declares, evaluated with all other parameters of the instance.

use std::sync::Arc;

use crate::circuit::graph::Values;
use crate::circuit::{Circuit, Instance};
use crate::diag::Diagnostic;
use crate::ir::{Input, interp};
use crate::model::{Formula, Model, Param, ParamKind, Range};
use crate::span::Span;
use crate::units::CELSIUS;

/// Whether `value` lies in a range with the bounds `low` and `high`.
pub fn inside(value: f64, range: &Range, low: f64, high: f64) -> bool {
    let above = if range.low_closed { value >= low } else { value > low };
    let below = if range.high_closed { value <= high } else { value < high };
    above && below
}

/// A number as people write it.
pub fn shown(value: f64) -> String {
    let plain = value == 0.0 || !value.is_finite() || (1e-3..1e6).contains(&value.abs());
    if plain { format!("{value}") } else { format!("{value:e}") }
}

/// Values of all parameters of an instance, defaults included.
pub struct Parameters<'c> {
    model: &'c Model,
    values: Vec<f64>,
    given: Vec<bool>,
    temperature: f64,
}

impl<'c> Parameters<'c> {
    /// Evaluates given values and, in order of declaration, defaults.
    pub fn new(model: &'c Model, instance: &Instance, numbers: &Values, temperature: f64) -> Parameters<'c> {
        let mut all = Parameters {
            model,
            values: vec![f64::NAN; model.params.len()],
            given: vec![false; model.params.len()],
            temperature: instance.temperature.map_or(temperature, |t| numbers.of(t)),
        };
        for (k, value) in &instance.params {
            all.values[*k as usize] = numbers.of(*value);
            all.given[*k as usize] = true;
        }
        for (k, param) in model.params.iter().enumerate() {
            if !all.given[k] {
                all.values[k] = all.formula(&param.default);
            }
        }
        all
    }

    /// Value of parameter `k`.
    pub fn value(&self, k: u32) -> f64 {
        self.values[k as usize]
    }

    /// Value of a default or a bound.
    fn formula(&self, formula: &Formula) -> f64 {
        match formula {
            Formula::Number(value) => *value,
            Formula::Function(function) => {
                interp::evaluate(function, &|input| self.input(input)).first().copied().unwrap_or(f64::NAN)
            }
        }
    }

    fn input(&self, input: Input) -> f64 {
        match input {
            Input::Param(k) => self.values[k as usize],
            Input::Given(k) => f64::from(u8::from(self.given[k as usize])),
            Input::Temperature => self.temperature + CELSIUS,
            Input::Multiplicity | Input::Connected(_) => 1.0,
            Input::Simulator(k) => self.model.simparams.get(k as usize).and_then(|s| s.1).unwrap_or(f64::NAN),
            // Ranges of drawn values are looked at when the numbers are there.
            _ => f64::NAN,
        }
    }

    /// What is wrong with the value of parameter `k`, if anything. NaN stands for a mistake that was reported before.
    fn judge(&self, k: u32) -> Option<(String, String)> {
        let param: &Param = &self.model.params[k as usize];
        let value = self.values[k as usize];
        if value.is_nan() || param.kind == ParamKind::Text {
            return None;
        }
        let name = &param.name;
        if param.kind == ParamKind::Int && value.fract() != 0.0 {
            return Some((
                format!("parameter `{name}` of `{}` is an integer, {} given", self.model.name, shown(value)),
                "expected an integer".to_string(),
            ));
        }
        let bounds = |r: &Range| (self.formula(&r.low), self.formula(&r.high));
        let (from, exclude): (Vec<&Range>, Vec<&Range>) = param.ranges.iter().partition(|r| !r.exclude);
        let allowed = from.is_empty()
            || from.iter().any(|r| {
                let (low, high) = bounds(r);
                inside(value, r, low, high)
            });
        let text: Vec<String> = from.iter().map(|r| interval(r, bounds(r))).collect();
        if !allowed {
            return Some((
                format!("parameter `{name}` = {} of `{}` is out of range", shown(value), self.model.name),
                format!("expected {}", text.join(" or ")),
            ));
        }
        let bad = exclude.iter().find(|r| {
            let (low, high) = bounds(r);
            inside(value, r, low, high)
        })?;
        let (low, high) = bounds(bad);
        let excluded = if low == high { shown(low) } else { interval(bad, (low, high)) };
        Some((
            format!("parameter `{name}` = {} of `{}` is out of range", shown(value), self.model.name),
            format!("excluded: {excluded}"),
        ))
    }
}

fn interval(range: &Range, (low, high): (f64, f64)) -> String {
    let open = if range.low_closed { '[' } else { '(' };
    let close = if range.high_closed { ']' } else { ')' };
    format!("{open}{}, {}{close}", shown(low), shown(high))
}

/// Messages about values, at most.
const MOST_FOUND: usize = 500;

/// Checks the parameters listed as (instance, parameter, place).
pub fn check(circuit: &Circuit, numbers: &Values, temperature: f64, checks: &[(u32, u32, Span)]) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut at = 0;
    // Whoever has as many mistakes has made one of them many times.
    while at < checks.len() && found.len() < MOST_FOUND {
        let instance = &circuit.instances[checks[at].0 as usize];
        let model: &Arc<Model> = &circuit.models[instance.model as usize];
        let all = Parameters::new(model, instance, numbers, temperature);
        while at < checks.len() && std::ptr::eq(&circuit.instances[checks[at].0 as usize], instance) {
            let (_, k, span) = checks[at];
            at += 1;
            let Some((message, expected)) = all.judge(k) else { continue };
            let mut error = Diagnostic::error(span, message).expected(expected);
            if span.start < instance.span.start || span.end > instance.span.end || span.file != instance.span.file {
                error = error.label(instance.span, format!("in `{}`", instance.name));
            }
            // A card shared by many instances is wrong once.
            if !found.iter().any(|f| f.message == error.message && f.span() == error.span()) {
                found.push(error);
            }
        }
    }
    found
}
