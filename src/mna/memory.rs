//! What banks remember: retained values, events, signals that are read later; and what becomes of them at accepted points.
//!
//! A delayed signal is read from the points noted at accepted steps (and within them, where the method knows more), on the
//! cubic through four of them that lie on the smoother side of the place asked about. Where the delay is shorter than the step
//! being taken, the straight line from the last accepted point to the present value counts. What changes in steps is read as
//! the last value noted.

use crate::circuit::Circuit;
use crate::dae::{Eval, Event, EventKind, Layout, Memory, Message, Phase, Point, TrackPoint};
use crate::ir::batch::LANES;
use crate::mna::Mna;
use crate::mna::bank::{Bank, Lanes, Scratch, Which};
use crate::mna::messages;
use crate::mna::values::Values;
use crate::model::kernel::Place;
use crate::model::{self, DelayTime, Moment, Signal};
use crate::sparse::Pattern;

/// Times that rounding alone keeps apart, relative.
const SAME_TIME: f64 = 1e-13;
/// Points behind the longest delay that are kept, and how many more before old ones are dropped.
const KEPT: (usize, usize) = (4, 64);

/// Counts what the banks remember.
pub fn layout(circuit: &Circuit, banks: &mut [Bank], layout: &mut Layout) {
    for bank in banks {
        let model = bank.model.clone();
        (bank.event_start, bank.track_start) = (layout.events.len(), layout.tracks);
        let name = |lane: usize| circuit.instances[bank.instances[lane] as usize].name.as_str();
        for event in &model.events {
            let (kind, text) = match event.kind {
                model::EventKind::Cross => (EventKind::Cross, "cross"),
                model::EventKind::Above => (EventKind::Above, "above"),
                model::EventKind::Timer => (EventKind::Timer, "timer"),
                model::EventKind::Change => (EventKind::Change, "change of an operator's argument"),
            };
            layout.events.extend((0..bank.len()).map(|lane| Event { name: format!("{}: {text}", name(lane)), kind }));
        }
        layout.tracks += model.tracks.len() * bank.len();
        layout.breaks |= !model.breaks.is_empty() || model.tracks.iter().any(|t| matches!(t.signal, Signal::Stepped(_)));
        for row in &model.cyclic {
            layout.cyclic.extend(&bank.unknowns[*row as usize]);
        }
        if !model.delays.is_empty() {
            layout.delays.extend((0..bank.len()).map(|lane| name(lane).to_string()));
        }
    }
}

/// The entries of a bank's delayed terms.
pub fn delay_slots(bank: &Bank, pattern: &Pattern) -> Vec<Vec<u32>> {
    let at = |row: u32, lane: usize| bank.unknowns[row as usize][lane];
    let of = |d: &model::Delay| (0..bank.len()).map(|lane| pattern.slot(at(d.row, lane), at(d.column, lane)).0).collect();
    bank.model.delays.iter().map(of).collect()
}

impl Bank {
    /// True if accepted points mean something to the bank.
    fn remembers(&self) -> bool {
        let model = &self.model;
        let silent = model.retained.is_empty() && model.messages.is_empty() && model.tracks.is_empty();
        !silent || model.discontinuity.is_some()
    }

    /// Delay of a track, s.
    fn delay(&self, k: usize, lane: usize, at: &Point, lanes: &Lanes) -> f64 {
        match self.model.tracks[k].delay {
            DelayTime::Fixed(output) => match self.kernel.outputs[output as usize] {
                Place::Setup(s) => lanes.setup[s as usize][lane],
                Place::Eval(_) => 0.0,
            },
            DelayTime::Retained(r) => {
                at.past.values.get(self.memory_start + r as usize * self.len() + lane).copied().unwrap_or(0.0)
            }
        }
    }

    /// Delayed value of a track without the share of the present one, and that share.
    pub fn delayed(&self, k: usize, lane: usize, at: &Point, lanes: &Lanes) -> (f64, f64) {
        let Some(points) = at.past.tracks.get(self.track_start + k * self.len() + lane) else { return (0.0, 0.0) };
        let t = at.t - self.delay(k, lane, at, lanes).max(0.0);
        match self.model.tracks[k].signal {
            Signal::Smooth(_) => smooth(points, t, at.t),
            Signal::Stepped(_) => (stepped(points, t), 0.0),
        }
    }

    /// Looks up all tracks of a block: values and shares.
    pub fn look_up(&self, at: &Point, lanes: &Lanes, start: usize, block: usize, out: &mut Vec<[[f64; LANES]; 2]>) {
        if out.len() < self.model.tracks.len() {
            out.resize(self.model.tracks.len(), [[0.0; LANES]; 2]);
        }
        for (k, buffer) in out.iter_mut().enumerate().take(self.model.tracks.len()) {
            let [values, shares] = buffer;
            for (lane, (value, share)) in values.iter_mut().zip(shares).enumerate().take(block) {
                (*value, *share) = self.delayed(k, start + lane, at, lanes);
            }
        }
    }

    /// Adds a point to a track and drops what is too old.
    fn note(&self, k: usize, lane: usize, at: &Point, lanes: &Lanes, value: f64, memory: &mut Memory) {
        let delay = self.delay(k, lane, at, lanes).max(0.0);
        let points = &mut memory.tracks[self.track_start + k * self.len() + lane];
        if at.phase != Phase::Transient {
            points.clear();
        }
        match points.last_mut() {
            Some(last) if at.t <= last.t => last.value = value,
            Some(last) if matches!(self.model.tracks[k].signal, Signal::Stepped(_)) && last.value == value => {}
            _ => points.push(TrackPoint { t: at.t, value }),
        }
        let old = points.partition_point(|p| p.t < at.t - delay * (1.0 + SAME_TIME));
        if old > KEPT.0 + KEPT.1 {
            points.drain(..old - KEPT.0);
        }
    }
}

/// A smooth signal at `t`, its present value being that at `now`: what the points say, and the weight of the present value.
fn smooth(points: &[TrackPoint], t: f64, now: f64) -> (f64, f64) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return (0.0, 0.0) };
    if t <= first.t && t < last.t {
        return (first.value, 0.0);
    }
    if t >= last.t {
        let share = if now > last.t { (t - last.t) / (now - last.t) } else { 0.0 };
        return ((1.0 - share) * last.value, share);
    }
    // The two points around, then twice the neighbour with the smaller divided difference (essentially non-oscillatory).
    let right = points.partition_point(|p| p.t <= t);
    let (mut low, mut high) = (right - 1, right);
    for _ in 0..2 {
        let before = (low > 0).then(|| difference(&points[low - 1..=high]).abs());
        let after = (high + 1 < points.len()).then(|| difference(&points[low..=high + 1]).abs());
        match (before, after) {
            (Some(a), Some(b)) if a <= b => low -= 1,
            (_, Some(_)) => high += 1,
            (Some(_), None) => low -= 1,
            (None, None) => break,
        }
    }
    let stencil = &points[low..=high];
    let term = |j: usize| {
        let others = (0..stencil.len()).filter(|i| *i != j);
        stencil[j].value * others.map(|i| (t - stencil[i].t) / (stencil[j].t - stencil[i].t)).product::<f64>()
    };
    ((0..stencil.len()).map(term).sum(), 0.0)
}

/// Divided difference of all the points.
fn difference(points: &[TrackPoint]) -> f64 {
    let weight = |j: usize| (0..points.len()).filter(|i| *i != j).map(|i| points[j].t - points[i].t).product::<f64>();
    points.iter().enumerate().map(|(j, p)| p.value / weight(j)).sum()
}

/// A signal in steps at `t`.
fn stepped(points: &[TrackPoint], t: f64) -> f64 {
    let reached = points.partition_point(|p| p.t <= t + SAME_TIME * t.abs());
    points.get(reached.saturating_sub(1)).map_or(0.0, |p| p.value)
}

impl Mna {
    /// Runs the value programs of banks that remember or say something, at an accepted point.
    pub(super) fn commit_point(&self, at: &Point, memory: &mut Memory, messages: &mut Vec<Message>) {
        let first = matches!(at.phase, Phase::Static | Phase::TransientStart);
        let moments: &[Moment] = if first { &[Moment::Every, Moment::First] } else { &[Moment::Every] };
        memory.discontinuity = false;
        self.look_back(at, moments, Some(memory), messages);
    }

    /// Runs the value programs of banks that say or remember something.
    pub(super) fn look_back(&self, at: &Point, moments: &[Moment], mut memory: Option<&mut Memory>, messages: &mut Vec<Message>) {
        if !self.banks.iter().any(Bank::remembers) {
            return;
        }
        if let Some(memory) = memory.as_deref_mut() {
            memory.values.resize(self.layout.memory, 0.0);
            memory.tracks.resize(self.layout.tracks, Vec::new());
        }
        let values = self.values(at.params);
        let mut scratch = Scratch::default();
        for (bank, lanes) in self.banks.iter().zip(&values.lanes).filter(|(b, _)| b.remembers()) {
            for start in (0..bank.len()).step_by(LANES) {
                let block = LANES.min(bank.len() - start);
                bank.gather(at, start, block, &mut scratch);
                bank.run(Which::Values, at, lanes, start, block, &mut scratch);
                for lane in 0..block {
                    let fetch = |output: u32| bank.fetch(output, lanes, &scratch, start, lane);
                    if let Some(memory) = memory.as_deref_mut() {
                        self.keep(bank, start + lane, at, lanes, &fetch, memory);
                    }
                    let name = &self.circuit.instances[bank.instances[start + lane] as usize].name;
                    messages::collect(&bank.model, moments, &fetch, name, at.t, messages);
                }
            }
        }
    }

    /// What one instance remembers of a point.
    fn keep(&self, bank: &Bank, lane: usize, at: &Point, lanes: &Lanes, fetch: &dyn Fn(u32) -> f64, memory: &mut Memory) {
        for (k, retained) in bank.model.retained.iter().enumerate() {
            memory.values[bank.memory_start + k * bank.len() + lane] = fetch(retained.output);
        }
        for (k, track) in bank.model.tracks.iter().enumerate() {
            let value = match track.signal {
                Signal::Smooth(row) => at.x.get(bank.unknowns[row as usize][lane] as usize).copied().unwrap_or(0.0),
                Signal::Stepped(output) => fetch(output),
            };
            bank.note(k, lane, at, lanes, value, memory);
        }
        memory.discontinuity |= bank.model.discontinuity.is_some_and(|output| fetch(output) != 0.0);
    }

    /// Notes smooth signals at a point within a step.
    pub(super) fn record_tracks(&self, at: &Point, memory: &mut Memory) {
        let values = self.values(at.params);
        for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
            for (k, track) in bank.model.tracks.iter().enumerate() {
                let Signal::Smooth(row) = track.signal else { continue };
                for lane in 0..bank.len() {
                    let value = at.x.get(bank.unknowns[row as usize][lane] as usize).copied().unwrap_or(0.0);
                    bank.note(k, lane, at, lanes, value, memory);
                }
            }
        }
    }

    /// The next time at which a model wants a step to end.
    pub(super) fn model_break(&self, at: &Point) -> f64 {
        let values = self.values(at.params);
        let mut scratch = Scratch::default();
        let mut next = f64::INFINITY;
        let mut offer = |time: f64| {
            if time > at.t + SAME_TIME * at.t.abs() && time < next {
                next = time;
            }
        };
        for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
            for (k, track) in bank.model.tracks.iter().enumerate().filter(|(_, t)| matches!(t.signal, Signal::Stepped(_))) {
                debug_assert!(matches!(track.signal, Signal::Stepped(_)));
                for lane in 0..bank.len() {
                    let points = at.past.tracks.get(bank.track_start + k * bank.len() + lane);
                    let delay = bank.delay(k, lane, at, lanes);
                    points.into_iter().flatten().for_each(|p| offer(p.t + delay));
                }
            }
            if bank.model.breaks.is_empty() {
                continue;
            }
            for start in (0..bank.len()).step_by(LANES) {
                let block = LANES.min(bank.len() - start);
                bank.gather(at, start, block, &mut scratch);
                bank.run(Which::Values, at, lanes, start, block, &mut scratch);
                for lane in 0..block {
                    bank.model.breaks.iter().for_each(|o| offer(bank.fetch(*o, lanes, &scratch, start, lane)));
                }
            }
        }
        next
    }

    /// Entries of the matrix that are delayed.
    pub(super) fn delay_terms(&self, values: &Values, out: &mut Eval) {
        for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
            for (delay, slots) in bank.model.delays.iter().zip(&bank.delay_slots) {
                for (lane, slot) in slots.iter().enumerate() {
                    let number = |output: u32| match bank.kernel.outputs[output as usize] {
                        Place::Setup(s) => lanes.setup[s as usize][lane],
                        Place::Eval(_) => f64::NAN,
                    };
                    out.delays.push((*slot, number(delay.delay), number(delay.factor)));
                }
            }
        }
    }
}
