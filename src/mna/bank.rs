//! A bank: all instances of one model with the same connected ports and collapsed nodes. Gather probes, run the kernel
//! over all lanes, scatter contributions and derivatives.

use std::sync::{Arc, OnceLock};

use crate::dae::{Eval, Phase, Point, Want};
use crate::ir::batch::{LANES, Program, Source, Work};
use crate::ir::{Function, Input, Inst};
use crate::mna::abreast::Abreast;
use crate::mna::block::Block;
use crate::mna::column::{Column, Growing};
use crate::mna::limit;
use crate::mna::linear::Filled;
use crate::mna::scatter::{Laid, Lists};
use crate::mna::sources::Levels;
use crate::mna::sums::Lost;
use crate::model::kernel::{Derivative, Kernel, Place};
use crate::model::small::Gain;
use crate::model::stamp::{Stamped, Ties};
use crate::model::{Limit, Model, UnknownKind};
use crate::sparse::{Pattern, Slot};

/// All instances of one model that look the same from outside; lane k is instance `instances[k]`.
pub struct Bank {
    /// Number of the bank.
    pub number: usize,
    /// The model.
    pub model: Arc<Model>,
    /// Its programs.
    pub kernel: Arc<Kernel>,
    /// What its lanes add to rows and matrices, with what they have in common.
    pub stamped: Arc<Stamped>,
    /// Instance of each lane.
    pub instances: Vec<u32>,
    /// `[local unknown][lane]`: index of the unknown, `n` for ground.
    pub unknowns: Vec<Vec<u32>>,
    /// Whether each port is connected.
    pub connected: Vec<bool>,
    /// Where its lanes add what they yield.
    pub lists: Lists,
    /// First of its limited probes in `Eval::trial`; laid out `[limited probe][lane]`.
    pub trial_start: usize,
    /// First of its retained values in `Memory`; laid out `[retained][lane]`.
    pub memory_start: usize,
    /// First of its events in `Eval::events` and `Memory`; laid out `[event][lane]`.
    pub event_start: usize,
    /// First of its tracks in `Memory`; laid out `[track][lane]`.
    pub track_start: usize,
    /// `[delay][lane]`: entry of the matrix.
    pub delay_slots: Vec<Vec<u32>>,
    /// Output rows that need its values, in order of lanes.
    pub requests: Vec<Request>,
    /// True if every contribution is affine and nothing else is asked for at every iterate.
    pub idle: bool,
    /// Function of the small-signal sources with their gains, made when it is first asked for.
    pub small: OnceLock<(Function, Vec<Gain>)>,
}

/// An output row that a bank fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Lane.
    pub lane: u32,
    /// Output row.
    pub output: u32,
    /// What is wanted.
    pub what: Requested,
}

/// What an output row wants of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requested {
    /// Sum of the contributions to a local row: current into a port.
    Row(u32),
    /// The same, added to what the output row holds: a local row whose unknown is that of the port.
    Merged(u32),
    /// An output of the model's function.
    Variable(u32),
}

/// Parameter-dependent values of a bank, `[..][lane]`.
#[derive(Clone, Default)]
pub struct Lanes {
    /// Values of parameters.
    pub params: Vec<Column>,
    /// 1 where a parameter was given.
    pub given: Vec<Column>,
    /// Temperature, K.
    pub temperature: Column,
    /// Multiplicity.
    pub multiplicity: Column,
    /// Random stream of each instance.
    pub streams: Column,
    /// Random stream that all share.
    pub seed: f64,
    /// Values of the model's simulator parameters.
    pub simulator: Vec<f64>,
    /// Outputs of the setup program.
    pub setup: Vec<Column>,
    /// What the programs of Newton read of all this.
    pub laid: Laid,
}

/// One of the programs that run in the iterate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Outputs of the model.
    Values,
    /// Outputs and derivatives.
    Full,
    /// Limits of probes.
    Limiter,
    /// Sums of rows.
    Residual,
    /// Sums of rows and entries.
    Newton,
    /// A program that is not the kernel's own.
    Other,
}

/// Buffers of one block of lanes; one for all banks of a system.
#[derive(Default)]
pub struct Scratch {
    probes: Vec<[f64; LANES]>,
    /// Unknowns that a chunk reads.
    pub potentials: Vec<f64>,
    unlimited: Vec<[f64; LANES]>,
    outputs: Vec<f64>,
    /// Signals as they were their delays ago, and the share of the present.
    pub delayed: Vec<[[f64; LANES]; 2]>,
    /// What the sums of rows have lost to rounding.
    pub lost: Lost,
    /// Values of the sources.
    pub levels: Levels,
    /// What the matrices hold.
    pub filled: Filled,
    /// Registers with their constants in place, six for each bank.
    pub work: Vec<Work>,
    /// What threads need that evaluate a large bank side by side.
    pub abreast: Abreast,
}

impl Scratch {
    /// Number of the registers of one program.
    pub fn seat(&mut self, bank: &Bank, which: Which) -> usize {
        let seat = 6 * bank.number + which as usize;
        if self.work.len() <= seat {
            self.work.resize_with(seat + 1, Work::default);
        }
        seat
    }

    /// Probes and delayed signals of the block at hand.
    pub fn read(&self) -> Read<'_> {
        (&self.probes, &self.delayed)
    }

    /// Output of the program that ran last, in one lane of its block.
    pub fn output(&self, output: usize, lane: usize) -> f64 {
        self.outputs[output * LANES + lane]
    }
}

/// Probes and delayed signals of a block.
pub type Read<'a> = (&'a [[f64; LANES]], &'a [[[f64; LANES]; 2]]);

/// Inputs that a program may have before the list of its sources goes to the heap.
const INPUTS_ON_STACK: usize = 64;

impl Bank {
    /// Number of instances.
    pub fn len(&self) -> usize {
        self.instances.len()
    }

    /// True for a bank without instances.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Whether what it adds changes with time alone.
    pub fn timed(&self) -> bool {
        let timed = |inst: &Inst| matches!(inst, Inst::Input(Input::Time | Input::Delayed(_) | Input::Share(_)));
        !self.idle && self.stamped.function.insts.iter().any(timed)
    }

    /// Unknowns that all lanes have in common; `n` is ground.
    pub fn ties(&self, n: usize) -> Ties {
        let alone = |k: usize| (0..k).find(|j| self.unknowns[*j] == self.unknowns[k]).unwrap_or(k) as u32;
        let first = |k: usize| (!self.unknowns[k].iter().all(|u| *u as usize == n)).then(|| alone(k));
        Ties((0..self.unknowns.len()).map(first).collect())
    }

    /// Runs the setup program for all lanes.
    pub fn setup(&self, lanes: &mut Lanes) {
        let program = &self.kernel.setup;
        let count = self.len();
        let mut setup: Vec<Growing> = (0..program.outputs).map(|_| Growing::default()).collect();
        let mut work = Work::default();
        let mut outputs = vec![0.0; program.outputs * LANES];
        for start in (0..count).step_by(LANES) {
            let block = LANES.min(count - start);
            let sources: Vec<Source> = program.inputs.iter().map(|i| self.parameter_source(*i, lanes, start, block)).collect();
            program.run(block, &sources, &mut work, &mut outputs);
            for (k, column) in setup.iter_mut().enumerate() {
                outputs[k * LANES..k * LANES + block].iter().for_each(|value| column.push(*value, count));
            }
        }
        lanes.setup = setup.into_iter().map(Growing::finish).collect();
    }

    /// Lanes of an input that changes with parameters only; 0 for all others.
    pub fn parameter_source<'a>(&self, input: Input, lanes: &'a Lanes, start: usize, block: usize) -> Source<'a> {
        let range = start..start + block;
        match input {
            Input::Param(k) => lanes.params[k as usize].source(range),
            Input::Given(k) => lanes.given[k as usize].source(range),
            Input::Connected(k) => Source::Same(f64::from(self.connected[k as usize])),
            Input::Temperature => lanes.temperature.source(range),
            Input::Multiplicity => lanes.multiplicity.source(range),
            Input::Simulator(k) => Source::Same(lanes.simulator[k as usize]),
            Input::Stream => lanes.streams.source(range),
            Input::Seed => Source::Same(lanes.seed),
            Input::Hoisted(k) => lanes.setup[(self.kernel.hoisted + k) as usize].source(range),
            Input::Phase => Source::Same(f64::from(Phase::Static as u8)),
            Input::Probe(_) | Input::Trial(_) | Input::Small(_) | Input::Time | Input::Past(_) | Input::Argument(_) => {
                Source::Same(0.0)
            }
            Input::Fired(_) | Input::Delayed(_) | Input::Share(_) => Source::Same(0.0),
        }
    }

    /// Lanes of any input; probes and delayed signals are those of the block.
    pub fn source<'a>(
        &self,
        input: Input,
        at: &Point<'a>,
        lanes: &'a Lanes,
        (probes, delayed): Read<'a>,
        start: usize,
        block: usize,
    ) -> Source<'a> {
        match input {
            Input::Probe(k) => Source::Lanes(&probes[k as usize][..block]),
            Input::Delayed(k) => Source::Lanes(&delayed[k as usize][0][..block]),
            Input::Share(k) => Source::Lanes(&delayed[k as usize][1][..block]),
            Input::Fired(k) => {
                let first = self.event_start + k as usize * self.len() + start;
                at.past.fired.get(first..first + block).map_or(Source::Same(0.0), Source::Lanes)
            }
            Input::Trial(k) => {
                let place = self.limited().position(|(probe, _)| probe == k as usize).unwrap_or(0);
                let first = self.trial_start + place * self.len() + start;
                at.trial.and_then(|trial| trial.get(first..first + block)).map_or(Source::Same(0.0), Source::Lanes)
            }
            Input::Time => Source::Same(at.t),
            Input::Phase => Source::Same(f64::from(at.phase as u8)),
            Input::Past(k) => {
                let first = self.memory_start + k as usize * self.len() + start;
                at.past.values.get(first..first + block).map_or(Source::Same(0.0), Source::Lanes)
            }
            other => self.parameter_source(other, lanes, start, block),
        }
    }

    /// Whether the bank has something to say of what is wanted beside rows and matrices.
    pub fn tells(&self, want: Want, outputs: bool) -> bool {
        let waits = want.contains(Want::EVENTS) && !self.model.events.is_empty();
        waits || outputs && (!self.requests.is_empty() || self.model.bound_step.is_some())
    }

    /// Output rows, events and the longest step of the lanes that are asked for.
    pub fn tell(&self, at: &Point, lanes: &Lanes, want: Want, scratch: &mut Scratch, out: &mut Eval) {
        let which = if want.contains(Want::OUTPUT_GRADIENT) { Which::Full } else { Which::Values };
        let all = self.model.bound_step.is_some() || want.contains(Want::EVENTS) && !self.model.events.is_empty();
        let mut requests = self.requests.iter().map(|r| r.lane as usize).peekable();
        for start in (0..self.len()).step_by(LANES) {
            let block = LANES.min(self.len() - start);
            let asked = requests.peek().is_some_and(|lane| *lane < start + block);
            while requests.next_if(|lane| *lane < start + block).is_some() {}
            if !all && !asked {
                continue;
            }
            self.gather(at, start, block, scratch);
            self.limit(at, lanes, start, block, scratch, out);
            self.run(which, at, lanes, start, block, scratch);
            let view = Block { bank: self, lanes, outputs: &scratch.outputs, start, block };
            view.bound_step(out);
            if want.contains(Want::EVENTS) {
                view.events(out);
            }
            if want.intersects(Want::OUTPUTS | Want::OUTPUT_GRADIENT) {
                view.answer_requests(want, out);
            }
        }
    }

    /// The tangent at the limited values of the chunk at hand.
    pub fn limit_terms(&self, at: &Point, lanes: &Lanes, (start, block): (usize, usize), scratch: &mut Scratch, out: &mut Eval) {
        self.run(Which::Full, at, lanes, start, block, scratch);
        let view = Block { bank: self, lanes, outputs: &scratch.outputs, start, block };
        view.scatter_limit_terms(&scratch.probes, &scratch.unlimited, &mut scratch.lost, out);
    }

    /// Slots of one derivative in one lane: added to (plus plus, minus minus) and subtracted from (plus minus, minus plus).
    pub fn stamp(&self, derivative: &Derivative, lane: usize, pattern: &Pattern) -> [Slot; 4] {
        let at = |row: Option<u32>| row.map_or(pattern.n as u32, |r| self.unknowns[r as usize][lane]);
        let contribution = &self.model.contributions[derivative.contribution as usize];
        let probe = &self.model.probes[derivative.probe as usize];
        let (plus, minus) = (at(Some(contribution.plus)), at(contribution.minus));
        let (p, m) = (at(Some(probe.plus)), at(probe.minus));
        [pattern.slot(plus, p), pattern.slot(minus, m), pattern.slot(plus, m), pattern.slot(minus, p)]
    }

    fn program(&self, which: Which) -> &Program {
        match (which, &self.kernel.limiter) {
            (Which::Limiter, Some(limiter)) => limiter,
            (Which::Values | Which::Limiter | Which::Other, _) => &self.kernel.values,
            (Which::Full, _) => &self.kernel.full,
            (Which::Residual, _) => &self.stamped.residual,
            (Which::Newton, _) => &self.stamped.newton,
        }
    }

    /// Runs one of the bank's programs for one block; the outputs are in the scratch space afterwards.
    pub fn run(&self, which: Which, at: &Point, lanes: &Lanes, start: usize, block: usize, scratch: &mut Scratch) {
        self.run_program((self.program(which), which), at, lanes, (start, block), scratch);
    }

    /// Runs any program for one block.
    pub fn run_program(
        &self,
        (program, which): (&Program, Which),
        at: &Point,
        lanes: &Lanes,
        (start, block): (usize, usize),
        scratch: &mut Scratch,
    ) {
        if scratch.outputs.len() < program.outputs * LANES {
            scratch.outputs.resize(program.outputs * LANES, 0.0);
        }
        let inputs = &program.inputs;
        let seat = scratch.seat(self, which);
        if !self.model.tracks.is_empty() {
            self.look_up(at, lanes, start, block, &mut scratch.delayed);
        }
        let (outputs, work) = (&mut scratch.outputs, &mut scratch.work[seat]);
        let read = (scratch.probes.as_slice(), scratch.delayed.as_slice());
        if inputs.len() <= INPUTS_ON_STACK {
            let mut sources = [const { Source::Same(0.0) }; INPUTS_ON_STACK];
            for (source, input) in sources.iter_mut().zip(inputs) {
                *source = self.source(*input, at, lanes, read, start, block);
            }
            program.run(block, &sources[..inputs.len()], work, outputs);
        } else {
            let sources: Vec<Source> = inputs.iter().map(|i| self.source(*i, at, lanes, read, start, block)).collect();
            program.run(block, &sources, work, outputs);
        }
    }

    /// Reads the probes of one block.
    pub fn gather(&self, at: &Point, start: usize, block: usize, scratch: &mut Scratch) {
        let count = self.model.probes.len();
        if scratch.probes.len() < count {
            scratch.probes.resize(count, [0.0; LANES]);
            scratch.unlimited.resize(count, [0.0; LANES]);
        }
        for (k, buffer) in scratch.probes.iter_mut().enumerate().take(count) {
            self.probe(k as u32, at, start, &mut buffer[..block]);
        }
    }

    /// Reads some lanes of one probe.
    pub fn probe(&self, k: u32, at: &Point, start: usize, to: &mut [f64]) {
        let value = |unknown: u32| at.x.get(unknown as usize).copied().unwrap_or(0.0);
        let probe = &self.model.probes[k as usize];
        let plus = &self.unknowns[probe.plus as usize][start..start + to.len()];
        match probe.minus {
            None => to.iter_mut().zip(plus).for_each(|(v, p)| *v = value(*p)),
            Some(minus) => {
                let minus = &self.unknowns[minus as usize][start..start + to.len()];
                to.iter_mut().zip(plus.iter().zip(minus)).for_each(|(v, (p, m))| *v = value(*p) - value(*m));
            }
        }
    }

    /// Any input of one lane at a point, unlimited.
    pub fn input_at(&self, input: Input, at: &Point, lanes: &Lanes, lane: usize) -> f64 {
        let value = |row: u32| at.x.get(self.unknowns[row as usize][lane] as usize).copied().unwrap_or(0.0);
        match input {
            Input::Probe(k) => {
                let probe = &self.model.probes[k as usize];
                value(probe.plus) - probe.minus.map_or(0.0, value)
            }
            Input::Time => at.t,
            Input::Small(_) => 0.0,
            Input::Phase => f64::from(at.phase as u8),
            Input::Past(k) => at.past.values.get(self.memory_start + k as usize * self.len() + lane).copied().unwrap_or(0.0),
            Input::Fired(k) => at.past.fired.get(self.event_start + k as usize * self.len() + lane).copied().unwrap_or(0.0),
            Input::Delayed(k) => self.delayed(k as usize, lane, at, lanes).0,
            Input::Share(k) => self.delayed(k as usize, lane, at, lanes).1,
            Input::Connected(k) => f64::from(self.connected[k as usize]),
            other => crate::mna::values::parameter_input(other, lanes, lane),
        }
    }

    /// Sets all probes of a block to zero.
    pub fn zero_probes(&self, scratch: &mut Scratch) {
        scratch.probes.clear();
        scratch.probes.resize(self.model.probes.len(), [0.0; LANES]);
        scratch.unlimited.resize(self.model.probes.len(), [0.0; LANES]);
    }

    /// Output of the model's function in one lane, after [`Bank::run`].
    pub fn fetch(&self, output: u32, lanes: &Lanes, scratch: &Scratch, start: usize, lane: usize) -> f64 {
        match self.kernel.outputs[output as usize] {
            Place::Setup(k) => lanes.setup[k as usize][start + lane],
            Place::Eval(k) => scratch.outputs[k as usize * LANES + lane],
        }
    }

    /// Limited probes: index of the probe and how it is limited.
    pub fn limited(&self) -> impl Iterator<Item = (usize, &Limit)> {
        self.model.probes.iter().enumerate().filter_map(|(k, p)| p.limit.as_ref().map(|l| (k, l)))
    }

    /// Limits the probes that ask for it; without a trial, hands their values on as they are.
    pub fn limit(&self, at: &Point, lanes: &Lanes, start: usize, block: usize, scratch: &mut Scratch, out: &mut Eval) -> bool {
        let mut any = false;
        if let (Some(_), Some(_)) = (&self.kernel.limiter, at.trial) {
            self.run(Which::Limiter, at, lanes, start, block, scratch);
        }
        for (k, (probe, kind)) in self.limited().enumerate() {
            let first = self.trial_start + k * self.len() + start;
            let Some(trial) = at.trial else {
                out.trial[first..first + block].copy_from_slice(&scratch.probes[probe][..block]);
                continue;
            };
            scratch.unlimited[probe] = scratch.probes[probe];
            for lane in 0..block {
                let argument = |output: u32| match self.kernel.outputs[output as usize] {
                    Place::Setup(s) => lanes.setup[s as usize][start + lane],
                    Place::Eval(_) => f64::NAN,
                };
                let new = scratch.unlimited[probe][lane];
                let computed = |output: u32| scratch.outputs[output as usize * LANES + lane];
                let (value, limited) = match kind {
                    Limit::Program(_) => limit::apply(kind, new, trial[first + lane], computed),
                    _ => limit::apply(kind, new, trial[first + lane], argument),
                };
                scratch.probes[probe][lane] = value;
                out.trial[first + lane] = value;
                any |= limited;
            }
        }
        out.advice.limited |= any;
        any
    }
}

/// 1 if a contribution is added to a local row, -1 if it is subtracted from it.
pub fn contribution_sign(plus: u32, minus: Option<u32>, row: u32) -> f64 {
    f64::from(u8::from(plus == row)) - f64::from(u8::from(minus == Some(row)))
}

/// Index of the only branch current among a model's unknowns, if there is exactly one.
pub fn branch_current(model: &Model) -> Option<u32> {
    let mut currents = model.unknowns.iter().enumerate().filter(|(_, u)| u.kind == UnknownKind::Current);
    match (currents.next(), currents.next()) {
        (Some((k, _)), None) => Some(k as u32),
        _ => None,
    }
}
