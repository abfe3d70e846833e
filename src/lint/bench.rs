//! A model on the bench: its function and derivatives by the reference interpreter, parameters at their defaults.
//!
//! Unknowns are given as a vector u (ports first); probes are their differences. Temperature 27 degrees Celsius, one device,
//! static phase, nothing remembered.

use crate::ir::interp::Interpreter;
use crate::ir::{Function, Input, Inst, Op, Type, interp};
use crate::model::kernel::differentiated;
use crate::model::{Contribution, Formula, Model, Probe, UnknownKind};

/// Operations that all numeric rules together may cost.
const WORK: usize = 400_000_000;
/// Volts that count as within reach.
pub const REACH: f64 = 10.0;

/// A model ready to be evaluated.
pub struct Bench {
    /// Outputs of the model, then the derivatives of its contributions.
    pub function: Function,
    /// Number of the model's own outputs.
    pub own: usize,
    /// Values with a truth value or a whole number that moves: where they change, a branch is taken.
    pub switches: Vec<usize>,
    probes: Vec<Probe>,
    contributions: Vec<Contribution>,
    params: Vec<f64>,
    simulator: Vec<f64>,
    /// Start values of the unknowns that have one.
    pub start: Vec<Option<f64>>,
    /// Evaluations that the rules may spend on one question.
    pub evaluations: usize,
}

/// One isolated state: a row to which nothing is added but from and to ground.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct State {
    /// Its unknown.
    pub row: usize,
    /// Held in static analyses.
    pub held: bool,
    /// Its start value, 0 if it has none.
    pub start: f64,
    /// Whether the model gives one.
    pub started: bool,
    /// Where it is meant to be.
    pub bounds: (f64, f64),
}

impl Bench {
    /// Puts a model on the bench.
    pub fn new(model: &Model) -> Bench {
        let (function, _) = differentiated(model);
        let moving = |k: &usize| match function.insts[*k] {
            Inst::Op(Op::Floor | Op::Ceil | Op::ToInt, _) => true,
            Inst::Op(..) => function.types[*k] == Type::Bool,
            _ => false,
        };
        let switches = (0..function.insts.len()).filter(moving).collect();
        let mut bench = Bench {
            own: model.function.outputs.len(),
            switches,
            probes: model.probes.clone(),
            contributions: model.contributions.clone(),
            params: Vec::new(),
            simulator: model.simparams.iter().map(|(name, default)| simulator(name, *default)).collect(),
            start: Vec::new(),
            evaluations: (WORK / 20 / function.insts.len().max(1)).clamp(50, 20_000),
            function,
        };
        for param in &model.params {
            let value = match &param.default {
                Formula::Number(value) => *value,
                Formula::Function(f) => interp::evaluate(f, &|input| bench.input(input, &[])).first().copied().unwrap_or(f64::NAN),
            };
            bench.params.push(value);
        }
        let zero = vec![0.0; model.unknowns.len()];
        let outputs = bench.runner().outputs(&zero).to_vec();
        bench.start = model.unknowns.iter().map(|u| u.start.map(|k| outputs[k as usize])).collect();
        bench
    }

    fn input(&self, input: Input, u: &[f64]) -> f64 {
        let value = |row: u32| u.get(row as usize).copied().unwrap_or(0.0);
        match input {
            Input::Param(k) => self.params.get(k as usize).copied().unwrap_or(0.0),
            Input::Connected(_) | Input::Multiplicity => 1.0,
            Input::Temperature => 300.15,
            Input::Simulator(k) => self.simulator.get(k as usize).copied().unwrap_or(0.0),
            Input::Probe(k) => {
                let probe = &self.probes[k as usize];
                value(probe.plus) - probe.minus.map_or(0.0, value)
            }
            _ => 0.0,
        }
    }

    /// Something that evaluates.
    pub fn runner(&self) -> Runner<'_> {
        Runner { bench: self, interpreter: Interpreter::new(&self.function) }
    }

    /// Where and why the first value is not finite, if one is.
    pub fn trouble(&self, u: &[f64]) -> Option<interp::NonFinite> {
        interp::first_non_finite(&self.function, &|input| self.input(input, u))
    }

    /// The unknowns with all ports at 0 and states at their start values (or their lower bounds, where 0 is outside).
    pub fn origin(&self, model: &Model) -> Vec<f64> {
        let of = |(u, start): (&crate::model::LocalUnknown, &Option<f64>)| {
            start.filter(|s| s.is_finite()).unwrap_or_else(|| 0.0f64.clamp(u.bounds.0, u.bounds.1.max(u.bounds.0)))
        };
        model.unknowns.iter().zip(&self.start).map(of).collect()
    }

    /// Numbers that an unknown may take, rising.
    pub fn reach(&self, model: &Model, row: usize) -> (f64, f64) {
        let unknown = &model.unknowns[row];
        let (low, high) = unknown.bounds;
        let size = self.start[row].filter(|s| s.is_finite()).map_or(1.0, |s| s.abs().max(1.0));
        let usual = match (unknown.kind, unknown.quantity.as_str()) {
            (UnknownKind::Current, _) => (-1.0, 1.0),
            (_, "voltage") => (-REACH, REACH),
            (_, "temperature") => (size, 2.0 * size),
            _ => (0.0, size),
        };
        (if low.is_finite() { low } else { usual.0 }, if high.is_finite() { high } else { usual.1 })
    }

    /// The isolated states.
    pub fn states(&self, model: &Model) -> Vec<State> {
        let touches = |c: &&Contribution, row: u32| c.plus == row || c.minus == Some(row);
        let mut out = Vec::new();
        for (row, unknown) in model.unknowns.iter().enumerate().skip(model.ports) {
            let own: Vec<&Contribution> = model.contributions.iter().filter(|c| touches(c, row as u32)).collect();
            let isolated = own.iter().all(|c| c.minus.is_none());
            let moves = own.iter().any(|c| c.q.is_some()) && !self.is_derivative(model, row as u32);
            if isolated && moves && unknown.kind != UnknownKind::Current {
                let start = self.start[row].filter(|s| s.is_finite());
                let (held, bounds) = (unknown.held, unknown.bounds);
                out.push(State { row, held, start: start.unwrap_or(0.0), started: start.is_some(), bounds });
            }
        }
        out
    }

    /// Whether the row is `y - d/dt q = 0`, made for a `ddt` in a nonlinear expression.
    pub fn is_derivative(&self, model: &Model, row: u32) -> bool {
        model.unknowns[row as usize].kind == UnknownKind::Implicit
            && model.contributions.iter().any(|c| c.plus == row && c.q.is_some() && c.f.is_some_and(|f| is_itself(model, f, row)))
    }
}

/// Whether an output is the unknown itself.
pub fn is_itself(model: &Model, output: u32, row: u32) -> bool {
    match model.function.insts[model.function.outputs[output as usize].0 as usize] {
        Inst::Input(Input::Probe(k)) => {
            let probe = &model.probes[k as usize];
            probe.plus == row && probe.minus.is_none()
        }
        _ => false,
    }
}

fn simulator(name: &str, default: Option<f64>) -> f64 {
    match name {
        "gmin" => 1e-12,
        "tnom" | "temp" | "temperature" => 27.0,
        "reltol" => 1e-3,
        _ => default.unwrap_or(1.0),
    }
}

/// Evaluates a model again and again.
pub struct Runner<'a> {
    bench: &'a Bench,
    /// Holds the values of the last run.
    pub interpreter: Interpreter<'a>,
}

impl Runner<'_> {
    /// All outputs at u.
    pub fn outputs(&mut self, u: &[f64]) -> &[f64] {
        let bench = self.bench;
        self.interpreter.run(&|input| bench.input(input, u))
    }

    /// f and q of every contribution at u, in order.
    pub fn contributions(&mut self, u: &[f64]) -> Vec<f64> {
        let bench = self.bench;
        let outputs = self.outputs(u);
        bench.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q)).map(|k| outputs[k as usize]).collect()
    }

    /// f and q of an isolated row at u.
    pub fn row(&mut self, row: usize, u: &[f64]) -> (f64, f64) {
        let bench = self.bench;
        let outputs = self.outputs(u);
        let own = bench.contributions.iter().filter(|c| c.plus as usize == row);
        own.fold((0.0, 0.0), |(f, q), c| {
            let read = |k: Option<u32>| k.map_or(0.0, |k| outputs[k as usize]);
            (f + read(c.f), q + read(c.q))
        })
    }

    /// Values that tell which branches were taken in the last run.
    pub fn taken(&self) -> Vec<f64> {
        self.bench.switches.iter().map(|k| self.interpreter.values[*k]).collect()
    }
}

/// `count` numbers from `low` to `high`, ends included.
pub fn grid(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |k| low + (high - low) * k as f64 / (count - 1).max(1) as f64)
}
