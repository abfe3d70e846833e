//! Exact `df/dp` and `dq/dp` for any parameter of the system (decision 14).
//!
//! A parameter p moves roots of the deck, these the deck's numbers, these parameters and temperatures of instances, defaults
//! of other parameters, and sources. The tangents of all those are carried forward along p; then each bank adds
//! `sum over moved inputs u of (df/du) (du/dp)`. The functions df/du are made by `ir::diff` when they are first asked for and
//! kept per (model, input). Integers have no slope. At kinks the derivative is that of the side the values are on.

use std::collections::HashMap;

use crate::circuit::{Number, SourceKind, Waveform};
use crate::dae::{ParamId, Phase, Point};
use crate::ir::batch::LANES;
use crate::ir::{Input, interp};
use crate::mna::Mna;
use crate::mna::bank::{Bank, Lanes, Scratch, Which};
use crate::mna::dual::Dual;
use crate::mna::params::Handle;
use crate::mna::values::{self, Values};
use crate::model::Formula;

pub(super) mod cache;

/// What moves with the parameter, and how fast.
#[derive(Default)]
pub(super) struct Direction {
    gmin: f64,
    temp: f64,
    sources: f64,
    /// Source whose dc value it is.
    level: Option<u32>,
    /// Instance and parameter that it is.
    instance: Option<(u32, u32)>,
    /// Derivatives of the deck's numbers that move.
    numbers: HashMap<u32, f64>,
}

impl Direction {
    /// Derivative of a number of the deck.
    pub(super) fn number(&self, number: Number) -> f64 {
        match number {
            Number::Fixed(_) => 0.0,
            Number::Output(k) => self.numbers.get(&k).copied().unwrap_or(0.0),
        }
    }

    /// Derivative of a simulator parameter that models ask for.
    fn simulator(&self, name: &str) -> f64 {
        match name {
            "gmin" => self.gmin,
            "temp" | "temperature" => self.temp,
            "sourceScaleFactor" => self.sources,
            _ => 0.0,
        }
    }
}

/// Inputs of a bank that move: derivative in each lane.
pub(super) type Moved = Vec<(Input, Vec<f64>)>;

impl Mna {
    /// `df/dp` and `dq/dp`, n + 1 entries each.
    pub(super) fn exact_slope(&self, id: ParamId, at: &Point, df: &mut [f64], dq: &mut [f64]) {
        df.fill(0.0);
        dq.fill(0.0);
        let values = self.values(at.params);
        let direction = self.direction(id, values);
        if let handle @ (Handle::Shunt | Handle::Stray) = self.handle(id) {
            let node = |k: usize| f64::from(self.layout.unknowns[k].node);
            let of = |k: usize| if matches!(handle, Handle::Stray) { self.layout.stray(k) } else { node(k) };
            (0..at.x.len()).for_each(|k| df[k] = of(k) * at.x[k]);
        }
        self.source_slopes(&direction, values, at, df);
        let mut scratch = Scratch::default();
        for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
            for (input, tangents) in self.moved(bank, lanes, values, &direction) {
                self.bank_slopes((bank, lanes), (input, &tangents), at, &mut scratch, [df, dq]);
            }
        }
    }

    /// What moves with a parameter.
    pub(super) fn direction(&self, id: ParamId, values: &Values) -> Direction {
        let mut direction = Direction::default();
        match self.handle(id) {
            // A seed is no quantity that anything depends on smoothly.
            Handle::Shunt | Handle::Stray | Handle::Seed => {}
            Handle::Gmin => direction.gmin = 1.0,
            Handle::Sources => direction.sources = 1.0,
            Handle::Source(k) => direction.level = Some(k),
            Handle::Instance(k, param) => direction.instance = Some((k, param)),
            Handle::Root(k) => self.follow_roots(k, values, &mut direction),
            Handle::Temp => match self.temperature_root {
                Some(k) => self.follow_roots(k, values, &mut direction),
                None => direction.temp = 1.0,
            },
        }
        direction
    }

    /// The tangents of all roots behind `first`, and of the numbers that read them.
    fn follow_roots(&self, first: usize, values: &Values, direction: &mut Direction) {
        let mut moved = vec![first as u32];
        for (k, formula) in self.formulas.0.iter().enumerate().skip(first + 1) {
            let Some(formula) = formula.as_ref().filter(|_| !values.cut[k]) else { continue };
            let reads = |input: &Input| matches!(input, Input::Argument(a) if moved.contains(a));
            if cache::inputs(formula).iter().any(reads) {
                moved.push(k as u32);
            }
        }
        let gradient = self.slopes.deck(&self.circuit, &moved);
        let roots = &values.roots;
        let partial = interp::evaluate(&gradient.function, &|input| values::argument(roots, input));
        let mut tangents = vec![0.0; moved.len()];
        tangents[0] = 1.0;
        for position in 1..moved.len() {
            let Number::Output(output) = self.circuit.roots[moved[position] as usize].value else { continue };
            tangents[position] = gradient.row(output).map(|(k, seed)| partial[k] * tangents[seed]).sum();
        }
        for (k, (output, seed)) in gradient.entries.iter().enumerate() {
            *direction.numbers.entry(*output).or_insert(0.0) += partial[k] * tangents[*seed as usize];
        }
        let temperature = moved.iter().position(|k| Some(*k as usize) == self.temperature_root);
        direction.temp = temperature.map_or(0.0, |position| tangents[position]);
    }

    fn source_slopes(&self, direction: &Direction, values: &Values, at: &Point, df: &mut [f64]) {
        let t = match at.phase {
            Phase::Static | Phase::SmallSignal | Phase::Noise => None,
            Phase::TransientStart | Phase::Transient => Some(at.t),
        };
        for (k, source) in self.circuit.sources.iter().enumerate() {
            let own = direction.level == Some(k as u32);
            let stirred = own || direction.sources != 0.0 || self.source_moves(k, direction);
            if !stirred {
                continue;
            }
            let assigned = values.levels.get(&(k as u32));
            let number = |n: Number| Dual { value: values.number(n), slope: direction.number(n) };
            let level = match (own, assigned) {
                (true, _) => Some(Dual { value: self.source_level(k, values), slope: 1.0 }),
                (false, level) => level.map(|level| Dual::from(*level)),
            };
            let stimulus = values::stimulus(&self.circuit, source, level, &number).value(t);
            let slope = direction.sources * stimulus.value + values.sources * stimulus.slope;
            match source.kind {
                SourceKind::Voltage => df[self.numbering.branches[k] as usize] -= slope,
                SourceKind::Current => {
                    df[self.numbering.terminal(&self.circuit, source.plus) as usize] += slope;
                    df[self.numbering.terminal(&self.circuit, source.minus) as usize] -= slope;
                }
            }
        }
    }

    /// Dc value of a source.
    fn source_level(&self, k: usize, values: &Values) -> f64 {
        values.stimuli[k].value(None)
    }

    /// Whether a number of the source moves.
    fn source_moves(&self, k: usize, direction: &Direction) -> bool {
        if direction.numbers.is_empty() {
            return false;
        }
        let moves = |n: &Number| direction.number(*n) != 0.0;
        let source = &self.circuit.sources[k];
        source.dc.iter().any(moves)
            || source.waveform.as_ref().is_some_and(|waveform| match waveform {
                Waveform::Pulse(list) | Waveform::Sin(list) | Waveform::Exp(list) | Waveform::Sffm(list) | Waveform::Am(list) => {
                    list.iter().flatten().any(moves)
                }
                Waveform::Pwl { points, repeat, delay } => {
                    points.iter().any(|(t, v)| moves(t) || moves(v)) || repeat.iter().any(moves) || moves(delay)
                }
            })
    }

    /// The inputs of a bank that move.
    pub(super) fn moved(&self, bank: &Bank, lanes: &Lanes, values: &Values, direction: &Direction) -> Moved {
        let model = &bank.model;
        let simulator: Vec<f64> = model.simparams.iter().map(|(name, _)| direction.simulator(name)).collect();
        let mut params: Vec<Vec<f64>> = vec![Vec::new(); model.params.len()];
        let (mut multiplicity, mut temperature) = (Vec::new(), Vec::new());
        let everywhere = direction.temp != 0.0 || simulator.iter().any(|s| *s != 0.0);
        let own = direction.instance.map(|(instance, _)| self.lanes_of[instance as usize]);
        for (lane, index) in bank.instances.iter().enumerate() {
            let chosen = own == Some((bank.number as u32, lane as u32));
            if !(everywhere || chosen || !direction.numbers.is_empty()) {
                continue;
            }
            let set = |column: &mut Vec<f64>, tangent: f64| {
                if tangent != 0.0 || !column.is_empty() {
                    column.resize(bank.len(), 0.0);
                    column[lane] = tangent;
                }
            };
            let instance = &self.circuit.instances[*index as usize];
            instance.params.iter().for_each(|(param, number)| set(&mut params[*param as usize], direction.number(*number)));
            for ((_, param), _) in values.given.range((*index, 0)..=(*index, u32::MAX)) {
                set(&mut params[*param as usize], 0.0);
            }
            if let Some((_, param)) = direction.instance.filter(|_| chosen) {
                set(&mut params[param as usize], 1.0);
            }
            set(&mut multiplicity, direction.number(instance.multiplicity));
            set(&mut temperature, instance.temperature.map_or(direction.temp, |t| direction.number(t)));
            self.default_slopes(bank, lanes, lane, (&temperature, &multiplicity, &simulator), &mut params, direction);
        }
        let columns = params.into_iter().enumerate().map(|(k, column)| (Input::Param(k as u32), column));
        let more = [(Input::Multiplicity, multiplicity), (Input::Temperature, temperature)];
        let asked = simulator.iter().enumerate().filter(|(_, s)| **s != 0.0);
        let asked = asked.map(|(k, s)| (Input::Simulator(k as u32), vec![*s; bank.len()]));
        columns.chain(more).filter(|(_, column)| !column.is_empty()).chain(asked).collect()
    }

    /// Tangents of parameters of one lane that follow from others by their default.
    fn default_slopes(
        &self,
        bank: &Bank,
        lanes: &Lanes,
        lane: usize,
        (temperature, multiplicity, simulator): (&[f64], &[f64], &[f64]),
        params: &mut [Vec<f64>],
        direction: &Direction,
    ) {
        let instance = bank.instances[lane];
        for (k, param) in bank.model.params.iter().enumerate() {
            let itself = direction.instance == Some((instance, k as u32));
            let Formula::Function(function) = &param.default else { continue };
            if itself || lanes.given[k][lane] != 0.0 {
                continue;
            }
            let gradient = self.slopes.parameter_default(self.circuit.instances[instance as usize].model, k as u32, function);
            if gradient.entries.is_empty() {
                continue;
            }
            let at = |column: &[f64]| column.get(lane).copied().unwrap_or(0.0);
            let tangent_of = |input: Input| match input {
                Input::Param(j) => at(&params[j as usize]),
                Input::Temperature => at(temperature),
                Input::Multiplicity => at(multiplicity),
                Input::Simulator(j) => simulator[j as usize],
                _ => 0.0,
            };
            let tangents: Vec<f64> = gradient.entries.iter().map(|(_, seed)| tangent_of(gradient.seeds[*seed as usize])).collect();
            if tangents.iter().all(|t| *t == 0.0) {
                continue;
            }
            let partial = interp::evaluate(&gradient.function, &|input| values::parameter_input(input, lanes, lane));
            let tangent = partial.iter().zip(&tangents).filter(|(_, t)| **t != 0.0).map(|(p, t)| p * t).sum();
            params[k].resize(bank.len(), 0.0);
            params[k][lane] = tangent;
        }
    }

    /// Adds what one input of a bank brings along.
    fn bank_slopes(
        &self,
        (bank, lanes): (&Bank, &Lanes),
        (input, tangents): (Input, &[f64]),
        at: &Point,
        scratch: &mut Scratch,
        [df, dq]: [&mut [f64]; 2],
    ) {
        let model = self.circuit.instances[bank.instances[0] as usize].model;
        let Some(slopes) = self.slopes.model(model, input, &bank.model) else { return };
        let ground = df.len() - 1;
        let at = &Point { trial: None, ..*at };
        for block in (0..bank.len()).step_by(LANES) {
            let end = bank.len().min(block + LANES);
            let moves = |lane: &usize| tangents[*lane] != 0.0;
            let (Some(first), Some(last)) = ((block..end).find(moves), (block..end).rev().find(moves)) else { continue };
            let count = last + 1 - first;
            bank.gather(at, first, count, scratch);
            bank.run_program((&slopes.program, Which::Other), at, lanes, (first, count), scratch);
            for (output, (contribution, charge)) in slopes.outputs.iter().enumerate() {
                let contribution = &bank.model.contributions[*contribution as usize];
                let target: &mut [f64] = if *charge { dq } else { df };
                for lane in (first..=last).filter(moves) {
                    let term = scratch.output(output, lane - first) * tangents[lane];
                    target[bank.unknowns[contribution.plus as usize][lane] as usize] += term;
                    let minus = contribution.minus.map_or(ground, |m| bank.unknowns[m as usize][lane] as usize);
                    target[minus] -= term;
                }
            }
        }
    }
}
