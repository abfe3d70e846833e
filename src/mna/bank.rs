//! A bank: all instances of one model with the same connected ports and collapsed nodes. Gather probes, run the kernel
//! over all lanes, scatter contributions and derivatives.

use std::sync::{Arc, OnceLock};

use crate::dae::{Eval, EventValue, Phase, Point, Want};
use crate::ir::batch::{LANES, Program, Source, Work};
use crate::ir::{Function, Input};
use crate::mna::limit;
use crate::mna::sums::{self, Lost};
use crate::model::kernel::{Kernel, Place};
use crate::model::small::Gain;
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
    /// Instance of each lane.
    pub instances: Vec<u32>,
    /// `[local unknown][lane]`: index of the unknown, `n` for ground.
    pub unknowns: Vec<Vec<u32>>,
    /// Whether each port is connected.
    pub connected: Vec<bool>,
    /// `[derivative][lane]`: where it is added (plus plus, minus minus) and subtracted (plus minus, minus plus).
    pub slots: Vec<Vec<[Slot; 4]>>,
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
    pub params: Vec<Vec<f64>>,
    /// 1 where a parameter was given.
    pub given: Vec<Vec<f64>>,
    /// Temperature, K.
    pub temperature: Vec<f64>,
    /// Multiplicity.
    pub multiplicity: Vec<f64>,
    /// Random stream of each instance.
    pub streams: Vec<f64>,
    /// Random stream that all share.
    pub seed: f64,
    /// Values of the model's simulator parameters.
    pub simulator: Vec<f64>,
    /// Outputs of the setup program.
    pub setup: Vec<Vec<f64>>,
}

/// Buffers of one block of lanes; one for all banks of a system.
#[derive(Default)]
pub struct Scratch {
    probes: Vec<[f64; LANES]>,
    unlimited: Vec<[f64; LANES]>,
    outputs: Vec<f64>,
    delayed: Vec<[[f64; LANES]; 2]>,
    /// What the sums of rows have lost to rounding.
    pub lost: Lost,
    /// Registers with their constants in place: two programs for each bank.
    work: Vec<Work>,
}

impl Scratch {
    /// Output of the program that ran last, in one lane of its block.
    pub fn output(&self, output: usize, lane: usize) -> f64 {
        self.outputs[output * LANES + lane]
    }
}

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

    /// Runs the setup program for all lanes.
    pub fn setup(&self, lanes: &mut Lanes) {
        let program = &self.kernel.setup;
        let count = self.len();
        let mut setup = vec![vec![0.0; count]; program.outputs];
        let mut work = Work::default();
        let mut outputs = vec![0.0; program.outputs * LANES];
        for start in (0..count).step_by(LANES) {
            let block = LANES.min(count - start);
            let sources: Vec<Source> = program.inputs.iter().map(|i| self.parameter_source(*i, lanes, start, block)).collect();
            program.run(block, &sources, &mut work, &mut outputs);
            for (k, column) in setup.iter_mut().enumerate() {
                column[start..start + block].copy_from_slice(&outputs[k * LANES..k * LANES + block]);
            }
        }
        lanes.setup = setup;
    }

    fn parameter_source<'a>(&self, input: Input, lanes: &'a Lanes, start: usize, block: usize) -> Source<'a> {
        let range = start..start + block;
        match input {
            Input::Param(k) => Source::Lanes(&lanes.params[k as usize][range]),
            Input::Given(k) => Source::Lanes(&lanes.given[k as usize][range]),
            Input::Connected(k) => Source::Same(f64::from(self.connected[k as usize])),
            Input::Temperature => Source::Lanes(&lanes.temperature[range]),
            Input::Multiplicity => Source::Lanes(&lanes.multiplicity[range]),
            Input::Simulator(k) => Source::Same(lanes.simulator[k as usize]),
            Input::Stream => Source::Lanes(&lanes.streams[range]),
            Input::Seed => Source::Same(lanes.seed),
            Input::Hoisted(k) => Source::Lanes(&lanes.setup[(self.kernel.hoisted + k) as usize][range]),
            Input::Phase => Source::Same(f64::from(Phase::Static as u8)),
            Input::Probe(_) | Input::Trial(_) | Input::Small(_) | Input::Time | Input::Past(_) | Input::Argument(_) => {
                Source::Same(0.0)
            }
            Input::Fired(_) | Input::Delayed(_) | Input::Share(_) => Source::Same(0.0),
        }
    }

    fn source<'a>(
        &self,
        input: Input,
        at: &Point<'a>,
        lanes: &'a Lanes,
        (probes, delayed): (&'a [[f64; LANES]], &'a [[[f64; LANES]; 2]]),
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

    /// Adds the bank's part of what is wanted to `out`. Affine contributions are left to the constant matrices.
    pub fn eval(&self, at: &Point, lanes: &Lanes, want: Want, scratch: &mut Scratch, out: &mut Eval) {
        let derivatives = want.intersects(Want::G | Want::C | Want::OUTPUT_GRADIENT);
        let limiting = at.trial.is_some() && self.limited().next().is_some();
        let program = if derivatives || limiting { &self.kernel.full } else { &self.kernel.values };
        for start in (0..self.len()).step_by(LANES) {
            let block = LANES.min(self.len() - start);
            self.gather(at, start, block, scratch);
            let limited = self.limit(at, lanes, start, block, scratch, out);
            self.run(program, at, lanes, start, block, scratch);
            let view = Block { bank: self, lanes, outputs: &scratch.outputs, start, block };
            if want.intersects(Want::F | Want::Q | Want::SCALE) {
                view.scatter_values(want, &mut scratch.lost, out);
            }
            if want.intersects(Want::G | Want::C) {
                view.scatter_derivatives(want, out);
            }
            if limited {
                view.scatter_limit_terms(&scratch.probes, &scratch.unlimited, &mut scratch.lost, out);
            }
            view.bound_step(out);
            if want.contains(Want::EVENTS) {
                view.events(out);
            }
            if want.intersects(Want::OUTPUTS | Want::OUTPUT_GRADIENT) {
                view.answer_requests(want, out);
            }
        }
    }

    /// Number of one of the bank's programs of the iterate.
    fn program_number(&self, program: &Program) -> usize {
        if std::ptr::eq(program, &raw const self.kernel.values) {
            0
        } else if std::ptr::eq(program, &raw const self.kernel.full) {
            1
        } else {
            2
        }
    }

    /// Runs `program` for one block; the outputs are in the scratch space afterwards.
    pub fn run(&self, program: &Program, at: &Point, lanes: &Lanes, start: usize, block: usize, scratch: &mut Scratch) {
        if scratch.outputs.len() < program.outputs * LANES {
            scratch.outputs.resize(program.outputs * LANES, 0.0);
        }
        let inputs = &program.inputs;
        let seat = 3 * self.number + self.program_number(program);
        if scratch.work.len() <= seat {
            scratch.work.resize_with(seat + 1, Work::default);
        }
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
        let value = |unknown: u32| at.x.get(unknown as usize).copied().unwrap_or(0.0);
        for (probe, buffer) in self.model.probes.iter().zip(&mut scratch.probes) {
            let plus = &self.unknowns[probe.plus as usize][start..start + block];
            match probe.minus {
                None => buffer.iter_mut().zip(plus).for_each(|(v, p)| *v = value(*p)),
                Some(minus) => {
                    let minus = &self.unknowns[minus as usize][start..start + block];
                    buffer.iter_mut().zip(plus.iter().zip(minus)).for_each(|(v, (p, m))| *v = value(*p) - value(*m));
                }
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
    fn limit(&self, at: &Point, lanes: &Lanes, start: usize, block: usize, scratch: &mut Scratch, out: &mut Eval) -> bool {
        let mut any = false;
        if let (Some(program), Some(_)) = (&self.kernel.limiter, at.trial) {
            self.run(program, at, lanes, start, block, scratch);
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

/// One block of lanes with the outputs of its program.
struct Block<'a> {
    bank: &'a Bank,
    lanes: &'a Lanes,
    outputs: &'a [f64],
    start: usize,
    block: usize,
}

impl Block<'_> {
    fn column(&self, place: Place) -> &[f64] {
        match place {
            Place::Setup(k) => &self.lanes.setup[k as usize][self.start..self.start + self.block],
            Place::Eval(k) => &self.outputs[k as usize * LANES..k as usize * LANES + self.block],
        }
    }

    fn output(&self, output: u32) -> &[f64] {
        self.column(self.bank.kernel.outputs[output as usize])
    }

    fn unknown(&self, local: Option<u32>, lane: usize, ground: usize) -> usize {
        local.map_or(ground, |row| self.bank.unknowns[row as usize][self.start + lane] as usize)
    }

    fn scatter_values(&self, want: Want, lost: &mut Lost, out: &mut Eval) {
        let ground = out.f.len() - 1;
        for (contribution, (f_affine, q_affine)) in self.bank.model.contributions.iter().zip(&self.bank.kernel.affine) {
            if let (Some(f), false) = (contribution.f, *f_affine) {
                for (lane, value) in self.output(f).iter().enumerate() {
                    let plus = self.unknown(Some(contribution.plus), lane, ground);
                    let minus = self.unknown(contribution.minus, lane, ground);
                    sums::add(&mut out.f, &mut lost.f, plus, *value);
                    sums::add(&mut out.f, &mut lost.f, minus, -value);
                    let size = value.abs();
                    // `max` would swallow a NaN: the comparison keeps the old scale, and f itself carries the NaN on.
                    if size > out.scale[plus] {
                        out.scale[plus] = size;
                    }
                    if size > out.scale[minus] {
                        out.scale[minus] = size;
                    }
                }
            }
            if let (Some(q), false, true) = (contribution.q, *q_affine, want.contains(Want::Q)) {
                for (lane, value) in self.output(q).iter().enumerate() {
                    sums::add(&mut out.q, &mut lost.q, self.unknown(Some(contribution.plus), lane, ground), *value);
                    sums::add(&mut out.q, &mut lost.q, self.unknown(contribution.minus, lane, ground), -value);
                }
            }
        }
    }

    fn scatter_derivatives(&self, want: Want, out: &mut Eval) {
        for (derivative, slots) in self.bank.kernel.derivatives.iter().zip(&self.bank.slots) {
            let affine = self.bank.kernel.affine[derivative.contribution as usize];
            let (target, affine) = if derivative.charge { (&mut out.c, affine.1) } else { (&mut out.g, affine.0) };
            let wanted = want.contains(if derivative.charge { Want::C } else { Want::G });
            if affine || !wanted {
                continue;
            }
            for (value, [pp, mm, pm, mp]) in self.column(derivative.place).iter().zip(&slots[self.start..]) {
                target[pp.0 as usize] += value;
                target[mm.0 as usize] += value;
                target[pm.0 as usize] -= value;
                target[mp.0 as usize] -= value;
            }
        }
    }

    /// The tangent at the limited values: f + G (v - v_lim), q + C (v - v_lim) (decision 8).
    fn scatter_limit_terms(&self, limited: &[[f64; LANES]], unlimited: &[[f64; LANES]], lost: &mut Lost, out: &mut Eval) {
        let ground = out.f.len() - 1;
        for derivative in &self.bank.kernel.derivatives {
            let probe = derivative.probe as usize;
            let affine = self.bank.kernel.affine[derivative.contribution as usize];
            let affine = if derivative.charge { affine.1 } else { affine.0 };
            if affine || self.bank.model.probes[probe].limit.is_none() {
                continue;
            }
            let contribution = &self.bank.model.contributions[derivative.contribution as usize];
            for (lane, value) in self.column(derivative.place).iter().enumerate() {
                let shift = unlimited[probe][lane] - limited[probe][lane];
                if shift == 0.0 {
                    continue;
                }
                let (target, lost) = if derivative.charge { (&mut out.q, &mut lost.q) } else { (&mut out.f, &mut lost.f) };
                sums::add(target, lost, self.unknown(Some(contribution.plus), lane, ground), value * shift);
                sums::add(target, lost, self.unknown(contribution.minus, lane, ground), -value * shift);
            }
        }
    }

    fn events(&self, out: &mut Eval) {
        for (k, event) in self.bank.model.events.iter().enumerate() {
            let first = self.bank.event_start + k * self.bank.len() + self.start;
            for (lane, out) in out.events[first..first + self.block].iter_mut().enumerate() {
                let optional = |output: Option<u32>, otherwise: f64| output.map_or(otherwise, |o| self.output(o)[lane]);
                *out = EventValue {
                    value: self.output(event.value)[lane],
                    direction: optional(event.direction, 0.0),
                    time_tolerance: optional(event.time_tolerance, f64::NAN),
                    value_tolerance: optional(event.value_tolerance, f64::NAN),
                };
            }
        }
    }

    fn bound_step(&self, out: &mut Eval) {
        if let Some(output) = self.bank.model.bound_step {
            let least = self.output(output).iter().copied().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
            out.advice.bound_step = out.advice.bound_step.min(least);
        }
    }

    fn answer_requests(&self, want: Want, out: &mut Eval) {
        let requests = &self.bank.requests;
        let first = requests.partition_point(|r| (r.lane as usize) < self.start);
        for request in requests[first..].iter().take_while(|r| (r.lane as usize) < self.start + self.block) {
            let lane = request.lane as usize - self.start;
            match request.what {
                Requested::Variable(output) => out.outputs.value[request.output as usize] = self.output(output)[lane],
                Requested::Row(row) | Requested::Merged(row) => {
                    if matches!(request.what, Requested::Row(_)) {
                        let output = request.output as usize;
                        (out.outputs.value[output], out.outputs.charge[output]) = (0.0, 0.0);
                    }
                    self.row_sum(row, lane, request.output, out);
                    if want.contains(Want::OUTPUT_GRADIENT) {
                        self.row_gradient(row, lane, request.output, out);
                    }
                }
            }
        }
    }

    fn row_sum(&self, row: u32, lane: usize, output: u32, out: &mut Eval) {
        let (mut value, mut charge) = (0.0, 0.0);
        for contribution in &self.bank.model.contributions {
            let sign = contribution_sign(contribution.plus, contribution.minus, row);
            if sign == 0.0 {
                continue;
            }
            value += contribution.f.map_or(0.0, |f| sign * self.output(f)[lane]);
            charge += contribution.q.map_or(0.0, |q| sign * self.output(q)[lane]);
        }
        out.outputs.value[output as usize] += value;
        out.outputs.charge[output as usize] += charge;
    }

    fn row_gradient(&self, row: u32, lane: usize, output: u32, out: &mut Eval) {
        let ground = out.f.len() - 1;
        for derivative in &self.bank.kernel.derivatives {
            let contribution = &self.bank.model.contributions[derivative.contribution as usize];
            let sign = contribution_sign(contribution.plus, contribution.minus, row);
            if sign == 0.0 {
                continue;
            }
            let slope = sign * self.column(derivative.place)[lane];
            let probe = &self.bank.model.probes[derivative.probe as usize];
            for (unknown, slope) in
                [(self.unknown(Some(probe.plus), lane, ground), slope), (self.unknown(probe.minus, lane, ground), -slope)]
            {
                if unknown != ground {
                    let (g, c) = if derivative.charge { (0.0, slope) } else { (slope, 0.0) };
                    out.outputs.gradient.push((output, unknown as u32, g, c));
                }
            }
        }
    }
}

/// 1 if a contribution is added to a local row, -1 if it is subtracted from it.
pub fn contribution_sign(plus: u32, minus: Option<u32>, row: u32) -> f64 {
    f64::from(u8::from(plus == row)) - f64::from(u8::from(minus == Some(row)))
}

/// Entries of one derivative in one lane.
pub fn stamp(pattern: &Pattern, rows: (u32, u32), columns: (u32, u32)) -> [Slot; 4] {
    [
        pattern.slot(rows.0, columns.0),
        pattern.slot(rows.1, columns.1),
        pattern.slot(rows.0, columns.1),
        pattern.slot(rows.1, columns.0),
    ]
}

/// Index of the only branch current among a model's unknowns, if there is exactly one.
pub fn branch_current(model: &Model) -> Option<u32> {
    let mut currents = model.unknowns.iter().enumerate().filter(|(_, u)| u.kind == UnknownKind::Current);
    match (currents.next(), currents.next()) {
        (Some((k, _)), None) => Some(k as u32),
        _ => None,
    }
}
