//! Rest guard: large steps of any damped method, and error control of all of them, are content to sit on an equilibrium that
//! is unstable (decision 18). When nothing moves any more, the eigenvalues of `s C y = -G y` are asked; a rising one limits
//! the step to `0.1/|s|`, until the system rests elsewhere. A point that solves the equations to the last bit has nothing that could
//! grow: after some hundred times of growth at it, the steps are free again. Where tolerances are loose, systems of more
//! than 200 dynamic unknowns are asked after 2000 steps.

use std::collections::VecDeque;

use num_complex::Complex64;

use crate::dae::{Eval, System, Want};
use crate::sparse::{Lu, eigen};

use super::history::History;
use super::integrate::{Problem, Weights};

/// Movement per step, in tolerances, that counts as none. (Within 0.01 ESDIRK at 1e-3 can tremble about an unstable focus for long.)
const STILL: f64 = 0.1;
/// Steps without movement before anything is asked.
const STEPS: u32 = 5;
/// Growth of the step before anything is asked.
const GROWN: f64 = 10.0;
/// Step in units of 1/|s| while resting on, or leaving, an unstable equilibrium.
const PACE: f64 = 0.1;
/// Real parts below this share of |s| are rounding.
const ROUNDING: f64 = 1e-7;
/// A place this many tolerances away from the last one asked about is another place.
const ELSEWHERE: f64 = 10.0;

/// Rightmost eigenvalues asked for.
const WANTED: usize = 8;

/// Drift in tolerances that is rest.
const DRIFT: f64 = 0.5;
/// So many tolerances away from a place that repels without turning, error control does without the limit.
const LEFT: f64 = 100.0;
/// Places whose verdicts are remembered: pulses come back to theirs.
const PLACES: usize = 8;

/// A place at rest and the longest step there, s.
#[derive(Clone)]
struct Place {
    x: Vec<f64>,
    limit: f64,
    /// True if the limit holds until the next rest: what grows there oscillates, or the method damps, and would be back.
    keeps: bool,
}

/// Dynamic unknowns whose eigenvalues are cheap (a dense matrix), and steps that a larger system takes first: Arnoldi's method
/// costs it as much as a hundred.
const SMALL: usize = 200;
const EARNED: u32 = 2000;

/// Steps of [`PACE`] after which what is at rest and does not turn stays so: a rounding would have grown by e^100.
const HELD: u32 = 1000;

/// Accepted steps at rest before anything is asked again: eigenvalues cost as `n^3`, a step about as `n`.
fn pause(n: usize) -> u32 {
    20 + (n * n / 4).min(10_000) as u32
}

/// What the guard remembers.
pub struct RestGuard {
    still: u32,
    /// Accepted steps since anything was asked.
    steps: u32,
    /// Large systems wait for some steps before they are asked.
    pub patient: bool,
    /// The unknown that moved last.
    mover: usize,
    shortest: f64,
    asked: VecDeque<Place>,
    at: Option<Place>,
    /// Steps at rest since the limit holds.
    held: u32,
    pause: u32,
    eval: Eval,
    /// Longest step allowed, s.
    pub limit: f64,
    /// Times at which rest on an unstable equilibrium was found.
    pub found: Vec<f64>,
}

impl RestGuard {
    /// A guard for `system`.
    pub fn new(system: &dyn System) -> RestGuard {
        let eval = Eval::new(system);
        RestGuard {
            still: 0,
            steps: 0,
            patient: false,
            mover: 0,
            shortest: f64::INFINITY,
            asked: VecDeque::new(),
            at: None,
            held: 0,
            pause: 0,
            eval,
            limit: f64::INFINITY,
            found: Vec::new(),
        }
    }

    /// A source has turned a corner.
    pub fn restart(&mut self) {
        self.still = 0;
        self.shortest = f64::INFINITY;
        self.limit = f64::INFINITY;
    }

    /// After an accepted point: looks whether anything moves. `remaining` is the time left.
    pub fn look(&mut self, problem: &Problem, history: &History, weights: &Weights, damped: bool, remaining: f64) {
        let (now, before) = (history.newest(), history.back(1));
        let h = now.t - before.t;
        self.shortest = self.shortest.min(h);
        self.steps = self.steps.saturating_add(1);
        let gone = |place: &Place| !place.keeps && differ(&now.x, &place.x, weights, LEFT, &mut 0);
        if self.limit.is_finite() && self.at.as_ref().is_some_and(gone) {
            self.limit = f64::INFINITY;
        }
        self.tire(&now.x, weights);
        if h < GROWN * self.shortest {
            self.still = 0;
            return;
        }
        let moved = differ(&now.x, &before.x, weights, STILL, &mut self.mover);
        self.still = if moved { 0 } else { self.still + 1 };
        if self.still < STEPS {
            return;
        }
        self.pause = self.pause.saturating_sub(1);
        // Nothing to ask, and no place known that would hold the steps back.
        if self.pause > 0 && self.limit.is_infinite() && self.asked.iter().all(|place| place.limit.is_infinite()) {
            return;
        }
        if let Some(known) = self.asked.iter().find(|known| !differ(&now.x, &known.x, weights, ELSEWHERE, &mut 0)) {
            self.limit = known.limit;
            self.at = Some(known.clone());
            if self.limit.is_infinite() {
                self.pause = pause(now.x.len());
            }
            return;
        }
        if self.pause > 0 || (self.patient && self.steps < EARNED && weights.counted.iter().filter(|c| **c).count() > SMALL) {
            return;
        }
        self.pause = pause(now.x.len());
        self.steps = 0;
        let at = problem.point(&now.x, now.t);
        problem.system.eval(&at, Want::NEWTON, &mut self.eval);
        let entries = problem.system.pattern().len();
        let (g, c) = (&self.eval.g[..entries], &self.eval.c[..entries]);
        // A pencil that no shift makes regular has no verdict.
        let values = eigen::eigenvalues(problem.system.pattern(), g, c, WANTED).unwrap_or_default();
        let limit = values.iter().map(|s| pace(*s, damped, remaining)).fold(f64::INFINITY, f64::min);
        // Long against the growth as well as against the steps: what moves at all has moved by then.
        if limit.is_finite() && self.drift(problem, &now.x, weights, (10.0 * h).max(100.0 * limit)) > DRIFT {
            // Slow, but on its way: ask again later.
            return;
        }
        if self.asked.len() == PLACES {
            self.asked.pop_front();
        }
        let turns = values.iter().any(|s| pace(*s, damped, remaining).is_finite() && s.im != 0.0);
        let place = Place { x: now.x.clone(), limit, keeps: damped || turns };
        self.asked.push_back(place.clone());
        self.at = Some(place);
        self.limit = limit;
        if limit.is_finite() {
            self.found.push(now.t);
        }
    }

    /// Gives a place free that nothing leaves.
    fn tire(&mut self, x: &[f64], weights: &Weights) {
        let here = |place: &&mut Place| place.limit.is_finite() && !place.keeps && !differ(x, &place.x, weights, ELSEWHERE, &mut 0);
        let holds = self.limit.is_finite();
        let Some(place) = holds.then(|| self.asked.iter_mut().find(here)).flatten() else {
            self.held = 0;
            return;
        };
        self.held += 1;
        if self.held > HELD {
            place.limit = f64::INFINITY;
            self.limit = f64::INFINITY;
        }
    }

    /// How far, in tolerances, the system moves within `time` from `x`, by one linear backward-Euler step.
    fn drift(&mut self, problem: &Problem, x: &[f64], weights: &Weights, time: f64) -> f64 {
        let pattern = problem.system.pattern();
        let mut values = vec![0.0; pattern.len()];
        self.eval.pencil(1.0 / time, &mut values);
        let mut lu = Lu::new(pattern);
        if lu.factor(&values).is_err() {
            return f64::INFINITY;
        }
        let mut moved: Vec<f64> = self.eval.f[..x.len()].to_vec();
        lu.solve(&mut moved);
        weights.norm(&moved, x).1
    }
}

/// Longest step that follows the growth of `exp(s t)`; infinite if it does not grow by a factor of e in what time is left.
fn pace(s: Complex64, damped: bool, remaining: f64) -> f64 {
    if s.re * remaining < 1.0 || s.re < ROUNDING * s.norm() {
        return f64::INFINITY;
    }
    // Backward Euler damps a spiral unless h < 2 Re s/|s|^2.
    let share = if damped { PACE.min(0.5 * s.re / s.norm()) } else { PACE };
    share / s.norm()
}

/// True if a dynamic unknown of one point is at least `much` tolerances away from that of the other. `first` is looked at first, and
/// becomes the one that tells: a circuit that moves mostly moves where it has moved before.
fn differ(a: &[f64], b: &[f64], weights: &Weights, much: f64, first: &mut usize) -> bool {
    let far = |j: usize| weights.counted[j] && (a[j] - b[j]).abs() >= much * weights.allowed(j, a[j]);
    if *first < a.len() && far(*first) {
        return true;
    }
    let found = (0..a.len()).find(|j| far(*j));
    *first = found.unwrap_or(*first);
    found.is_some()
}
