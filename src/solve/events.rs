//! Events of models in a transient: which have fired at the end of a step, and where in the step the first of them did.
//!
//! An event fires where its value crosses zero (or, piecewise constant, changes) between two accepted points. The crossing is
//! looked for on the polynomial of the step; the step is then solved anew to end just behind it, until the crossing found in
//! the step that ends there is within the tolerance before its end (decision 9). Default tolerance: `LATE` of the step.

use crate::dae::{Eval, EventKind, EventValue, Memory, System, Want};

use super::history::{History, Record};
use super::integrate::{Integrator, Problem};

/// How late a step may end after the crossing if nothing is said, in units of the step that found it.
const LATE: f64 = 1e-7;
/// The least of it, in units of the rounding of time.
const ROUNDING: f64 = 32.0 * f64::EPSILON;
/// Attempts to end a step just behind a crossing.
const ATTEMPTS: u32 = 40;
/// Rounds of the search on the polynomial.
const ROUNDS: u32 = 100;

/// What a step that is otherwise good means to the events.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Look {
    /// Nothing fires.
    Nothing,
    /// Something fires at its end.
    Fires,
    /// It is to be repeated, to end here.
    End(f64),
}

/// A search on its way: where steps without the crossing ended, where one with it did.
#[derive(Clone, Copy, Debug)]
struct Search {
    low: f64,
    high: f64,
    late: f64,
    attempts: u32,
    /// The step on its way is the last attempt.
    last: bool,
}

/// The events of a system.
pub struct Events {
    eval: Eval,
    x: Vec<f64>,
    /// Values at the end of the step looked at.
    values: Vec<EventValue>,
    /// Those that fire there.
    fired: Vec<usize>,
    search: Option<Search>,
    /// How often each fired since the last turn, and between the last two.
    counts: Vec<(u64, u64)>,
}

impl Events {
    /// The events of `system`; none if it has none.
    pub fn new(system: &dyn System) -> Option<Events> {
        let count = system.layout().events.len();
        (count > 0).then(|| Events {
            eval: Eval::new(system),
            x: vec![0.0; system.layout().unknowns.len()],
            values: vec![EventValue::default(); count],
            fired: Vec::new(),
            search: None,
            counts: vec![(0, 0); count],
        })
    }

    /// Notes the values at a point where nothing is asked: the start.
    pub fn begin(&mut self, problem: &Problem, at: &Record, seen: &mut Vec<f64>) {
        problem.system.eval(&problem.point(&at.x, at.t), Want::EVENTS, &mut self.eval);
        seen.clear();
        seen.extend(self.eval.events.iter().map(|e| e.value));
    }

    /// Forgets the search: the step is shortened for another reason.
    pub fn interrupt(&mut self) {
        self.search = None;
    }

    /// Looks at a step to `end` that is otherwise good.
    pub fn look(&mut self, problem: &Problem, integrator: &dyn Integrator, past: &History, end: &Record) -> Look {
        let (kinds, seen) = (&problem.system.layout().events, &problem.past.seen);
        problem.system.eval(&problem.point(&end.x, end.t), Want::EVENTS, &mut self.eval);
        self.values.clone_from(&self.eval.events);
        self.fired.clear();
        let crossed = |k: &usize| crosses(kinds[*k].kind, seen[*k], &self.values[*k]);
        self.fired.extend((0..kinds.len()).filter(crossed));
        let start = past.newest().t;
        let least = ROUNDING * end.t.abs();
        if self.fired.is_empty() {
            return self.not_yet(end.t, least);
        }
        let late = self.search.map_or(LATE * (end.t - start), |s| s.late);
        let mut search = self.search.unwrap_or(Search { low: start, high: end.t, late, attempts: 0, last: false });
        search.high = end.t;
        let (mut first, mut allowed) = (end.t, f64::INFINITY);
        for k in self.fired.clone() {
            let EventValue { value, time_tolerance, value_tolerance, .. } = self.values[k];
            let late = if time_tolerance > 0.0 { time_tolerance } else { late };
            let at = self.crossing(problem, integrator, past, end, k, 0.1 * late.max(least));
            // How much nearer the end has to be for the value's sake.
            let share = if value_tolerance > 0.0 { (value_tolerance / value.abs()).min(1.0) } else { 1.0 };
            let late = if share < 1.0 { late.min(share * (end.t - at)) } else { late };
            if at < first {
                first = at;
            }
            allowed = allowed.min(late);
        }
        let allowed = allowed.max(least);
        let first = first.max(search.low);
        if end.t - first <= allowed || search.attempts >= ATTEMPTS || search.last {
            self.search = None;
            return Look::Fires;
        }
        search.attempts += 1;
        let target = first + 0.5 * allowed;
        // Where the polynomial and the steps disagree, halving gets there.
        let target = if search.attempts > ATTEMPTS / 2 { 0.5 * (search.low + search.high) } else { target };
        self.search = Some(search);
        if target < end.t { Look::End(target) } else { Look::Fires }
    }

    /// A step that ends before what an earlier one crossed: a little further, then further, then halves of what is left. A value
    /// that rounding makes may cross in one step and not in the next, so that there is a last attempt, whatever it finds.
    fn not_yet(&mut self, t: f64, least: f64) -> Look {
        let Some(search) = &mut self.search else { return Look::Nothing };
        if search.last || t >= search.high {
            self.search = None;
            return Look::Nothing;
        }
        search.low = t;
        search.attempts += 1;
        let close = search.late.max(least);
        if search.attempts > ATTEMPTS || search.high - t <= close {
            search.last = true;
            return Look::End(search.high);
        }
        let further = t + close * 4f64.powi(search.attempts.min(30) as i32);
        Look::End(if further < search.high { further } else { 0.5 * (t + search.high) })
    }

    /// Where event `k` crosses on the polynomial of the step, to within `close`.
    fn crossing(
        &mut self,
        problem: &Problem,
        integrator: &dyn Integrator,
        past: &History,
        end: &Record,
        k: usize,
        close: f64,
    ) -> f64 {
        let (start, kind) = (past.newest().t, problem.system.layout().events[k].kind);
        let (h, seen) = (end.t - start, problem.past.seen[k]);
        if kind == EventKind::Timer {
            return end.t - self.values[k].value;
        }
        let value = |events: &mut Events, share: f64| {
            if share <= 0.0 {
                events.x.copy_from_slice(&past.newest().x);
            } else {
                integrator.within(share, past, end, &mut events.x);
            }
            problem.system.eval(&problem.point(&events.x, start + share * h), Want::EVENTS, &mut events.eval);
            events.eval.events[k]
        };
        let at_start = value(self, 0.0);
        if crosses(kind, seen, &at_start) {
            return start;
        }
        let (mut low, mut high) = ((0.0, at_start.value), (1.0, self.values[k].value));
        for round in 0..ROUNDS {
            if (high.0 - low.0) * h <= close {
                break;
            }
            let middle = 0.5 * (low.0 + high.0);
            let secant = low.0 - low.1 * (high.0 - low.0) / (high.1 - low.1);
            let inside = secant > low.0 && secant < high.0;
            let straight = kind != EventKind::Change && round % 3 != 2 && inside;
            // A little beyond the estimate, in turn to either side, so that both ends come near.
            let shift = if round % 2 == 0 { 0.45 } else { -0.45 } * close / h;
            let share = if straight { (secant + shift).clamp(low.0, high.0) } else { middle };
            let share = if share > low.0 && share < high.0 { share } else { middle };
            let there = value(self, share);
            if crosses(kind, seen, &there) {
                high = (share, there.value);
            } else {
                low = (share, there.value);
            }
        }
        start + high.0 * h
    }

    /// Marks what fires for the evaluation that commits the point.
    pub fn announce(&mut self, memory: &mut Memory) {
        for k in &self.fired {
            memory.fired[*k] = 1.0;
            self.counts[*k].0 += 1;
        }
    }

    /// The event that fired most often between the last two turns, if that is more than `least` times.
    pub fn busiest(&self, least: u64) -> Option<usize> {
        let busiest = self.counts.iter().enumerate().max_by_key(|(_, count)| count.1);
        busiest.filter(|(_, count)| count.1 > least).map(|(k, _)| k)
    }

    /// Begins to count anew.
    pub fn turn(&mut self) {
        self.counts.iter_mut().for_each(|count| *count = (0, count.0));
    }

    /// True if a timer fires.
    pub fn timed(&self, system: &dyn System) -> bool {
        self.fired.iter().any(|k| system.layout().events[*k].kind == EventKind::Timer)
    }

    /// True if something fires.
    pub fn any(&self) -> bool {
        !self.fired.is_empty()
    }

    /// Notes the values at the point accepted, `problem` being that of the next step; true if an argument of an operator has
    /// changed, which makes a corner.
    pub fn conclude(&mut self, problem: &Problem, at: &Record, seen: &mut [f64]) -> bool {
        let kinds = &problem.system.layout().events;
        problem.system.eval(&problem.point(&at.x, at.t), Want::EVENTS, &mut self.eval);
        let mut corner = false;
        for (k, event) in kinds.iter().enumerate() {
            let now = self.eval.events[k].value;
            seen[k] = match event.kind {
                EventKind::Change => {
                    corner |= seen[k] != now;
                    now
                }
                EventKind::Timer => now,
                // What has just fired may stand on either side of zero, unless its own statements have moved it.
                _ if self.fired.contains(&k) && now == self.values[k].value => 0.0,
                _ if self.fired.contains(&k) => now,
                _ => self.values[k].value,
            };
        }
        self.fired.clear();
        corner
    }
}

/// True if an event fires between a point where its value was `seen` and one where it is `now`.
fn crosses(kind: EventKind, seen: f64, now: &EventValue) -> bool {
    let (rising, falling) = (seen < 0.0 && now.value >= 0.0, seen > 0.0 && now.value <= 0.0);
    match kind {
        EventKind::Change => !seen.is_nan() && now.value != seen,
        EventKind::Above | EventKind::Timer => rising,
        EventKind::Cross => (rising && now.direction >= 0.0) || (falling && now.direction <= 0.0),
    }
}

/// Marks what fires at an operating point: `above` where it is true and was not, and timers that begin with the transient.
/// True if anything does; `memory.seen` is brought up to date.
pub fn at_rest(events: &[EventValue], system: &dyn System, begins: bool, memory: &mut Memory) -> bool {
    let mut any = false;
    for (k, event) in system.layout().events.iter().enumerate() {
        let (now, was) = (events[k].value, memory.seen[k]);
        let fires = match event.kind {
            EventKind::Above => now >= 0.0 && (was.is_nan() || was < 0.0),
            EventKind::Timer => begins && now >= 0.0 && was.is_nan(),
            EventKind::Cross | EventKind::Change => false,
        };
        memory.seen[k] = now;
        memory.fired[k] = f64::from(u8::from(fires));
        any |= fires;
    }
    any
}
