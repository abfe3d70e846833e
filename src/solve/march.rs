//! From one accepted point of a transient to the next.
//!
//! Takes a system, a method and what bounds the step; gives accepted points. A step ends at a corner of a source exactly
//! (decision 22), is never longer than its ceilings (decision 21), is repeated shorter when Newton fails, when the local
//! error is too large, or when explicit time alone changes a row by more than half of its scale. A step in which an event of
//! a model fires is repeated to end just behind it (see `events`). After a corner, and where what models remember has made
//! the equations jump, the derivatives carried are dropped and the first step is short, one-step and L-stable.

use crate::dae::{Advice, Eval, Memory, Message, Outputs, Params, System, Want};

use super::events::{Events, Look};
use super::failure::Failure;
use super::history::{History, Record};
use super::integrate::{Estimate, Integrator, Method, Problem, Weights, Work};
use super::newton::LOOSE;
use super::rest::RestGuard;
use super::step::{Controller, FILTERS, Verdict};
use super::window::Window;
use super::{SimError, Tolerances};

mod corners;
mod dense;
mod fall;
mod jumps;
mod peaks;
mod ruled;

pub use corners::Leaps;
use corners::WIDER;
use dense::Dense;
use jumps::{JUMP, Watch};
pub use peaks::Peaks;
use ruled::Rule;
pub use ruled::Ruled;

/// First step after a corner, in units of the last step before it; where tolerances are loose.
const AFRESH: (f64, f64) = (1e-3, 1e-2);
/// Steps that each flat and each ramp of a source gets at least; where tolerances are loose.
const STEPS_BETWEEN_CORNERS: (f64, f64) = (8.0, 3.0);
/// What an event changes in a row, in units of its scale, that is more than rounding.
const FIRED: f64 = 1e-9;
/// A step this short, in units of the longest of its segment, goes over a jump.
const RESOLVED: f64 = 1e-7;
/// After so many halvings a jump is one that no step resolves.
const JUMPS: u32 = 10;
/// Where tolerances are loose: after this many rejected steps in sequence Newton is made to converge, and the past is dropped.
const REPEATS: (u32, u32) = (4, 8);
/// After this many failures of Newton in sequence the past is dropped and backward Euler tries.
const FAILURES: u32 = 3;

/// Trials of one step, those that end at an event included, after which there is none.
const TRIALS: u32 = 2000;
/// Steps between two looks at the pace, and steps to the end that are too many.
const CRAWL: (u64, f64) = (20_000, 1e10);
/// Sag of a straight line between two rows that a plot does not show, in units of the swing.
const SAG: f64 = 2e-4;
/// A step shorter than this part of the time ends in a crumb.
const CRUMB: f64 = 64.0 * f64::EPSILON;

/// A bound on the step with the words that the summary uses for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ceiling {
    /// `v1 (50 points per period)`.
    pub name: String,
    /// Longest step, s.
    pub longest: f64,
}

/// What a march needs to know.
pub struct Plan<'a> {
    /// The equations.
    pub system: &'a dyn System,
    /// Parameter values.
    pub params: &'a Params,
    /// Tolerances; `reltol` is that of the method.
    pub tolerances: Tolerances,
    /// The method.
    pub method: &'static Method,
    /// Highest order of multistep methods.
    pub maxord: u32,
    /// End, s.
    pub stop: f64,
    /// First step, s.
    pub first: f64,
    /// Bounds on the step that hold all the time.
    pub ceilings: Vec<Ceiling>,
}

/// The plan and what models remember: what every evaluation needs.
struct Given<'a> {
    plan: Plan<'a>,
    memory: Memory,
    /// What was remembered during the last step: its point and all within it are evaluated with that.
    before: Memory,
}

impl Given<'_> {
    /// The step to take.
    fn problem(&self) -> Problem<'_> {
        let Plan { system, params, tolerances, .. } = &self.plan;
        Problem { system: *system, params, past: &self.memory, tolerances }
    }

    /// The step taken last.
    fn taken(&self) -> Problem<'_> {
        Problem { past: &self.before, ..self.problem() }
    }
}

/// A transient on its way.
pub struct March<'a> {
    given: Given<'a>,
    /// Accepted points.
    pub history: History,
    /// Workspace, with the counts.
    pub work: Work,
    /// The rest guard, with what it found.
    pub guard: RestGuard,
    /// What ruled the steps.
    pub ruled: Ruled,
    /// Jumps that no step resolved.
    pub leaps: Leaps,
    /// What models say at the newest point.
    pub advice: Advice,
    integrator: Box<dyn Integrator>,
    controller: Controller,
    window: Window,
    /// Largest scale of each row so far.
    scales: Vec<f64>,
    eval: Eval,
    spare: Option<Box<Eval>>,
    events: Option<Events>,
    /// A model announced a discontinuity at the newest point.
    announced: bool,
    /// The trial step goes over a jump in explicit time.
    leapt: bool,
    /// Where the step has to end for an event's sake.
    target: Option<f64>,
    dense: Dense,
    ceiling_ruled: bool,
    f_before: Vec<f64>,
    f_after: Vec<f64>,
    /// Unknowns with two bounds.
    bounded: Vec<(usize, f64, f64)>,
    corner: f64,
    pause: f64,
    h: f64,
    watch: Watch,
    /// The error of the steps rules alone what tolerances above the usual ask for.
    relaxed: bool,
    /// The output rows at the newest point are those of the step that led to it.
    completed: bool,
    /// Length of the last step that no corner cut short, s.
    uncut: f64,
    /// Length of the longest step of this segment, s.
    longest: f64,
    /// Accepted steps and time at the last look at the pace.
    milestone: (u64, f64),
}

/// A step to try: its end, its length, and what ruled it.
struct Trial {
    t: f64,
    h: f64,
    rule: Rule,
}

impl<'a> March<'a> {
    /// A march from `start`; `slope`: its `qdot` holds.
    pub fn new(plan: Plan<'a>, memory: Memory, start: Record, slope: bool) -> March<'a> {
        let system = plan.system;
        let n = system.layout().unknowns.len();
        let start_space = start.clone();
        let weights = Weights::new(system, plan.tolerances.reltol, plan.tolerances.trtol);
        let before = memory.clone();
        let given = Given { plan, memory, before };
        let plan = &given.plan;
        let bounds = system.layout().unknowns.iter().enumerate().map(|(k, u)| (k, u.bounds.0, u.bounds.1));
        let mut march = March {
            history: History::new(start, slope),
            work: Work::new(system, weights),
            guard: RestGuard::new(system),
            ruled: Ruled::new(&plan.ceilings),
            leaps: Leaps::default(),
            advice: Advice::default(),
            integrator: (plan.method.make)(plan.maxord),
            controller: Controller::new(FILTERS[plan.method.filter], plan.method.idle),
            window: Window::new(n),
            scales: vec![0.0; n],
            eval: Eval::new(system),
            spare: None,
            events: Events::new(system),
            announced: false,
            leapt: false,
            target: None,
            dense: Dense::new(start_space),
            ceiling_ruled: false,
            f_before: vec![0.0; n],
            f_after: vec![0.0; n],
            bounded: bounds.filter(|(_, low, high)| (high - low).is_finite()).collect(),
            corner: 0.0,
            pause: f64::INFINITY,
            h: plan.first,
            watch: Watch::due(),
            relaxed: false,
            completed: false,
            uncut: 0.0,
            longest: 0.0,
            milestone: (0, 0.0),
            given,
        };
        if let Some(events) = &mut march.events {
            let mut seen = Vec::new();
            events.begin(&march.given.problem(), march.history.newest(), &mut seen);
            march.given.memory.seen = seen;
        }
        march.work.later = true;
        march.work.weights.counted.fill(false);
        march.window.push(&march.history.newest().x, &mut march.work.weights.largest);
        march.begin_segment();
        march
    }

    /// Newton leaves [`LOOSE`] of the local error, and what makes up for a local error that is hardly controlled is left out:
    /// for tolerances that somebody has chosen to be loose.
    pub fn relax(&mut self) {
        self.work.share = Some(LOOSE);
        self.relaxed = true;
        self.controller.relax();
        self.guard.patient = true;
        self.find_corner();
    }

    fn of(&self, values: (f64, f64)) -> f64 {
        if self.relaxed { values.1 } else { values.0 }
    }

    /// Time of the newest point, s.
    pub fn t(&self) -> f64 {
        self.history.newest().t
    }

    /// Shortest step that the clock can tell, s.
    fn smallest(&self) -> f64 {
        (0.25 * CRUMB * self.t()).max(1e-22 * self.given.plan.stop)
    }

    /// True at the end.
    pub fn done(&self) -> bool {
        self.t() >= self.given.plan.stop
    }

    /// Evaluates the output rows at the newest point, and what models say about the next step. If it is the last one, they are those
    /// after what happens there: no later row shows it.
    pub fn evaluate_outputs(&mut self, last: bool) {
        self.completed &= !last;
        if self.completed {
            self.advice = self.work.completed().advice;
            return;
        }
        let at = self.history.newest();
        let problem = if last { self.given.problem() } else { self.given.taken() };
        problem.system.eval(&problem.point(&at.x, at.t), Want::OUTPUTS, &mut self.eval);
        self.advice = self.eval.advice;
    }

    /// The output rows last evaluated.
    pub fn outputs(&self) -> &Outputs {
        if self.completed { &self.work.completed().outputs } else { &self.eval.outputs }
    }

    /// Goes to the next accepted point; what models say there is appended to `messages`.
    ///
    /// # Errors
    /// If the step would have to be too small.
    pub fn advance(&mut self, messages: &mut Vec<Message>) -> Result<(), SimError> {
        let (mut failures, mut jumps, mut repeats, mut trials, mut leaps) = (0, 0, 0, 0, 0);
        self.work.share = self.relaxed.then_some(LOOSE);
        let mut last: Result<Estimate, Failure> = Ok(Estimate::unverified());
        let mut why = None;
        loop {
            let trial = self.choose();
            let smallest = self.smallest();
            trials += 1;
            if trial.h < smallest && !trial.rule.cuts() || trials > TRIALS {
                let stuck = self.too_small(trial.h, &last);
                // The leap itself must be possible.
                if leaps > 0 || !self.leap() {
                    return Err(why.unwrap_or(stuck));
                }
                why = Some(stuck);
                (failures, repeats, trials, leaps) = (0, 0, 0, 1);
                self.events.iter_mut().for_each(Events::interrupt);
                continue;
            }
            self.work.end.t = trial.t;
            let problem = self.given.problem();
            last = match leaps > WIDER.0 {
                true => self.fall(),
                false => self.integrator.step(&problem, &mut self.work, &self.history),
            };
            if last.is_ok() {
                last = self.astray().map_or(last, |k| Err(Failure::Escaped(k)));
            }
            let verdict = match &last {
                Ok(estimate) => self.controller.judge(estimate),
                Err(_) => self.controller.failed(),
            };
            let verdict = match verdict {
                Verdict::Accept(_) if jumps < JUMPS && self.jumps(&trial) => {
                    jumps += 1;
                    Verdict::Reject(0.5)
                }
                verdict => verdict,
            };
            if matches!(verdict, Verdict::Accept(_)) && self.overshoots() {
                self.integrator.judged(&self.given.problem(), false, &self.history, &mut self.work);
                continue;
            }
            let accepted = matches!(verdict, Verdict::Accept(_));
            self.integrator.judged(&self.given.problem(), accepted, &self.history, &mut self.work);
            match verdict {
                Verdict::Accept(ratio) => {
                    self.accept(&trial, ratio, messages);
                    return if self.crawls() { Err(self.stuck(trial.h, &last)) } else { Ok(()) };
                }
                Verdict::Reject(_) if leaps > WIDER.0 => return Err(why.unwrap_or_else(|| self.too_small(trial.h, &last))),
                Verdict::Reject(_) if leaps > 0 => {
                    leaps += 1;
                    self.work.counts.rejected += 1;
                    self.h = WIDER.1 * trial.h;
                    if leaps > WIDER.0 {
                        self.shortest_leap();
                    }
                    self.target = None;
                    self.events.iter_mut().for_each(Events::interrupt);
                }
                Verdict::Reject(ratio) => {
                    self.work.counts.rejected += 1;
                    self.work.counts.failed += u64::from(last.is_err());
                    self.h = trial.h * ratio;
                    self.target = None;
                    self.events.iter_mut().for_each(Events::interrupt);
                    failures = if last.is_err() { failures + 1 } else { 0 };
                    repeats += 1;
                    // What Newton has left may stand in the way: these steps are solved to the end.
                    self.work.share = self.work.share.filter(|_| repeats < REPEATS.0);
                    if (failures == FAILURES || self.relaxed && repeats == REPEATS.1) && self.history.slopes() > 0 {
                        self.history.restart();
                        self.controller.restart();
                    }
                }
            }
        }
    }

    /// What models say at the end.
    pub fn conclude(&self, messages: &mut Vec<Message>) {
        let (at, problem) = (self.history.newest(), self.given.taken());
        problem.system.conclude(&problem.point(&at.x, at.t), messages);
    }

    /// True if an event fires within the step just found good, not at its end: it is to be repeated.
    fn overshoots(&mut self) -> bool {
        self.target = None;
        let Some(events) = &mut self.events else { return false };
        if let Look::End(t) = events.look(&self.given.problem(), &*self.integrator, &self.history, &self.work.end) {
            self.target = Some(t);
        }
        self.target.is_some()
    }

    /// The step to try next.
    fn choose(&self) -> Trial {
        let t = self.t();
        if let Some(target) = self.target {
            return Trial { t: target, h: target - t, rule: Rule::Event };
        }
        // What grows within less than the clock can tell is not watched growing.
        let rest = self.guard.limit.max(CRUMB * t);
        let candidates = [(self.pause, Rule::Between), (self.advice.bound_step, Rule::Bound), (rest, Rule::Rest)];
        let ceilings = self.given.plan.ceilings.iter().enumerate().map(|(k, c)| (c.longest, Rule::Ceiling(k)));
        let least = |best: (f64, Rule), other: (f64, Rule)| if other.0 < best.0 { other } else { best };
        let (h, rule) = candidates.into_iter().chain(ceilings).fold((self.h, Rule::Error), least);
        let left = self.corner - t;
        if h >= left * (1.0 - 1e-6) {
            return Trial { t: self.corner, h: left, rule: if left < 0.9 * h { Rule::Corner } else { rule } };
        }
        // Two even steps rather than a long one and a crumb.
        let (h, rule) = if h > 0.55 * left { (0.5 * left, Rule::Corner) } else { (h, rule) };
        let end = t + h;
        Trial { t: end, h: end - t, rule }
    }

    /// True if, at the pace of the last many steps, the end is out of reach: something chatters about a jump.
    fn crawls(&mut self) -> bool {
        let (steps, t) = self.milestone;
        let taken = self.work.counts.accepted - steps;
        if taken < CRAWL.0 || self.done() {
            return false;
        }
        self.milestone = (self.work.counts.accepted, self.t());
        self.events.iter_mut().for_each(Events::turn);
        let ceiling = self.given.plan.ceilings.iter().fold(f64::INFINITY, |least, c| least.min(c.longest));
        // Steps that come near a ceiling are as long as somebody wants them.
        if ceiling.is_finite() && self.t() - t > 0.01 * ceiling * taken as f64 {
            return false;
        }
        (self.t() - t) * CRAWL.1 < (self.given.plan.stop - self.t()) * taken as f64
    }

    /// Takes the trial step in.
    fn accept(&mut self, trial: &Trial, ratio: f64, messages: &mut Vec<Message>) {
        let before = self.h;
        self.h = trial.h * ratio;
        if trial.rule.cuts() {
            // A step cut short says nothing about how long steps may be.
            self.h = self.h.max(before);
        } else if self.history.smooth() > 1 || self.uncut == 0.0 {
            // The first step of a segment is short whatever happens.
            self.uncut = trial.h;
        }
        self.longest = self.longest.max(trial.h);
        self.ruled.count(trial.rule);
        self.ceiling_ruled = matches!(trial.rule, Rule::Ceiling(_));
        self.work.counts.accepted += 1;
        self.completed = self.work.complete(&self.given.problem(), trial.t);
        self.history.push(&mut self.work.end);
        let (work, history) = (&mut self.work, &self.history);
        self.window.push(&history.newest().x, &mut work.weights.largest);
        // Never forgotten: a row that rests between bursts keeps its scale.
        self.scales.iter_mut().zip(&work.scale).for_each(|(largest, scale)| *largest = largest.max(*scale));
        let leapt = std::mem::take(&mut self.leapt);
        if leapt {
            self.uncut = self.longest;
        }
        let timed = self.events.as_ref().is_some_and(|e| e.timed(self.given.plan.system));
        let jumped = self.commit(messages) || leapt;
        let at = self.history.newest();
        let problem = self.given.problem();
        let remaining = self.given.plan.stop - at.t;
        self.guard.look(&problem, &self.history, &self.work.weights, self.given.plan.method.order == 1, remaining);
        let quiet = timed && !jumped && self.t() < self.given.plan.stop && self.quiet(self.h);
        if quiet {
            self.find_corner();
            self.pause = f64::INFINITY;
        } else if (self.t() >= self.corner || jumped) && self.t() < self.given.plan.stop {
            // What is just behind a jump may end in a crumb.
            self.h = (self.of(AFRESH) * self.uncut.max(trial.h)).max(4.0 * self.smallest());
            self.history.restart();
            self.controller.restart();
            self.guard.restart();
            self.longest = 0.0;
            self.begin_segment();
        } else if self.given.plan.system.layout().breaks {
            self.find_corner();
            // The first step after a corner shows what jumped.
            if self.history.smooth() == 2 && self.still() {
                (self.h, self.pause) = (self.corner - self.t(), f64::INFINITY);
            }
        }
    }

    /// Brings what models remember up to date at the point just reached; true if that makes the equations jump.
    fn commit(&mut self, messages: &mut Vec<Message>) -> bool {
        let system = self.given.plan.system;
        let fires = self.events.as_ref().is_some_and(Events::any);
        std::mem::swap(&mut self.given.before, &mut self.given.memory);
        self.given.memory.clone_from(&self.given.before);
        let at = self.history.newest();
        if let Some(events) = &mut self.events {
            events.announce(&mut self.given.before);
        }
        let Given { plan, memory, before } = &mut self.given;
        let problem = Problem { system, params: plan.params, past: before, tolerances: &plan.tolerances };
        if !memory.tracks.is_empty() {
            for share in [1.0 / 3.0, 2.0 / 3.0] {
                if self.integrator.interpolate(share, &self.history, &mut self.dense.at) {
                    system.record(&problem.point(&self.dense.at.x, self.dense.at.t), memory);
                }
            }
        }
        system.commit(&problem.point(&at.x, at.t), memory, messages);
        before.fired.fill(0.0);
        let mut seen = std::mem::take(&mut self.given.memory.seen);
        // Announced at point after point, it is one discontinuity.
        let announced = std::mem::take(&mut self.given.memory.discontinuity);
        let before = std::mem::replace(&mut self.announced, announced);
        let mut jumped = announced && !before;
        if let Some(events) = &mut self.events {
            jumped |= events.conclude(&self.given.problem(), self.history.newest(), &mut seen);
        }
        self.given.memory.seen = seen;
        jumped || self.equations_jump(if fires { FIRED } else { JUMP })
    }

    /// True if what models remember has changed and moves a row of f by more than `share` of its scale, or one of q.
    fn equations_jump(&mut self, share: f64) -> bool {
        if self.given.memory.values == self.given.before.values {
            return false;
        }
        let (at, wanted) = (self.history.newest(), Want::F | Want::Q | Want::SCALE);
        let (system, n) = (self.given.plan.system, at.x.len());
        let taken = self.given.taken();
        system.eval(&taken.point(&at.x, at.t), wanted, &mut self.eval);
        self.f_before.copy_from_slice(&self.eval.f[..n]);
        self.f_after.copy_from_slice(&self.eval.q[..n]);
        let problem = self.given.problem();
        system.eval(&problem.point(&at.x, at.t), wanted, &mut self.eval);
        self.work.counts.evaluations += 2;
        let unknowns = &system.layout().unknowns;
        (0..n).any(|k| {
            let (f, q) = (self.eval.f[k] - self.f_before[k], self.eval.q[k] - self.f_after[k]);
            f.abs() > share * self.eval.scale[k] + unknowns[k].residual_abstol || q.abs() > share * self.f_after[k].abs()
        })
    }

    /// Finds the next corner.
    fn find_corner(&mut self) {
        let (t, stop) = (self.t(), self.given.plan.stop);
        let (at, problem) = (self.history.newest(), self.given.problem());
        let mut corner = problem.system.next_break(&problem.point(&at.x, t));
        // Corners that rounding alone keeps apart are one.
        while corner - t < 32.0 * f64::EPSILON * t.abs() {
            corner = problem.system.next_break(&problem.point(&at.x, corner));
        }
        let corner = if corner > stop * (1.0 - 32.0 * f64::EPSILON) { stop } else { corner };
        if corner != self.corner || t == 0.0 {
            self.corner = corner;
            self.pause = if corner < stop || t > 0.0 { (corner - t) / self.of(STEPS_BETWEEN_CORNERS) } else { f64::INFINITY };
        }
    }

    /// Finds the next corner and which unknowns are dynamic now.
    fn begin_segment(&mut self) {
        let system = self.given.plan.system;
        self.find_corner();
        self.h = self.h.min(1e-2 * (self.corner - self.t()));
        self.watch = Watch::due();
        let at = self.history.newest();
        let problem = self.given.problem();
        system.eval(&problem.point(&at.x, at.t), Want::C, &mut self.eval);
        let (pattern, unknowns) = (system.pattern(), &system.layout().unknowns);
        for (j, counted) in self.work.weights.counted.iter_mut().enumerate() {
            *counted |= !unknowns[j].index2 && pattern.column(j).any(|s| self.eval.c[s] != 0.0);
        }
    }

    /// Why the end is out of reach.
    fn stuck(&self, h: f64, last: &Result<Estimate, Failure>) -> SimError {
        let storm = self.events.as_ref().and_then(|events| events.busiest(CRAWL.0 / 20));
        match storm {
            Some(k) => {
                let name = &self.given.plan.system.layout().events[k].name;
                SimError::Fatal(format!("{name} fires again and again at t = {:.6e} s", self.t()))
            }
            None => self.too_small(h, last),
        }
    }

    fn too_small(&self, h: f64, last: &Result<Estimate, Failure>) -> SimError {
        let (row, unknown, error, why) = match last {
            Ok(estimate) => (estimate.worst, estimate.worst, estimate.error, "the local error stays too large"),
            Err(Failure::NoConvergence(r)) => (r.worst_row.0, r.worst_unknown.0, f64::INFINITY, "Newton does not converge"),
            Err(Failure::Singular(s)) => (s.row.unwrap_or(s.column), s.column, f64::INFINITY, "the matrix is singular"),
            Err(Failure::Escaped(k)) => (*k, *k, f64::INFINITY, "a state leaves its bounds"),
            Err(Failure::Hopeless(k, moved)) => (*k, *k, *moved, "the local error stays too large"),
            Err(Failure::NotFinite | Failure::Refused(_)) => (0, 0, f64::INFINITY, "a value is not finite"),
        };
        let unknowns = &self.given.plan.system.layout().unknowns;
        let name = |k: usize| unknowns.get(k).map_or_else(String::new, |u| u.name.to_string());
        if matches!(last, Err(Failure::NotFinite)) {
            let at = self.history.newest();
            let point = self.given.problem().point(&self.work.end.x, at.t + h);
            return Failure::NotFinite.named(self.given.plan.system, &point, "time step", "", "");
        }
        SimError::StepTooSmall {
            t: self.t(),
            h,
            unknown: name(unknown),
            row: name(row),
            error,
            tried: format!("{} with ever shorter steps: {why}", self.given.plan.method.title),
            hint: "look for a jump in this device's equations, or try method=gear, or a larger reltol".into(),
        }
    }
}
