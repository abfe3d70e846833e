//! Rules about states: an equilibrium for every bias, an end to their growth, one equilibrium at zero bias.
//!
//! A state is a row that nothing is added to but from and to ground: `c ds/dt + f(s, v) = 0`.

use crate::lint::bench::{Bench, Runner, State, grid};
use crate::lint::shape::short;
use crate::lint::{Finding, Subject};
use crate::model::Model;

/// Biases of the first port against all others, V.
const BIASES: [f64; 11] = [0.0, 1e-2, -1e-2, 0.1, -0.1, 1.0, -1.0, 3.0, -3.0, 10.0, -10.0];
/// Points of a state.
const POINTS: usize = 401;
/// How far a state is followed, in units of its start value or 1.
const FAR: f64 = 1e3;

/// A model with one of its states free.
struct Free<'a> {
    runner: Runner<'a>,
    point: Vec<f64>,
    state: State,
}

impl<'a> Free<'a> {
    fn new(bench: &'a Bench, model: &Model, state: State, bias: f64) -> Free<'a> {
        let mut point = bench.origin(model);
        if model.ports > 0 {
            point[0] = bias;
        }
        Free { runner: bench.runner(), point, state }
    }

    /// f of its row.
    fn f(&mut self, s: f64) -> f64 {
        self.point[self.state.row] = s;
        self.runner.row(self.state.row, &self.point).0
    }

    /// The rate ds/dt, its capacity taken at s.
    fn rate(&mut self, s: f64) -> f64 {
        let step = 1e-6 * s.abs().max(1e-3);
        self.point[self.state.row] = s + step;
        let above = self.runner.row(self.state.row, &self.point).1;
        self.point[self.state.row] = s - step;
        let below = self.runner.row(self.state.row, &self.point).1;
        -self.f(s) / ((above - below) / (2.0 * step))
    }
}

/// Numbers that a state may be tried at: its bounds, or far around its start value.
fn range(state: State) -> (f64, f64) {
    let size = FAR * state.start.abs().max(1.0);
    let (low, high) = state.bounds;
    (if low.is_finite() { low } else { -size }, if high.is_finite() { high } else { size })
}

/// Denser near the start value where the range is open.
fn trials(state: State) -> Vec<f64> {
    let (low, high) = range(state);
    let mut out: Vec<f64> = grid(low, high, POINTS).collect();
    let size = state.start.abs().max(1.0);
    out.extend(grid(state.start - 2.0 * size, state.start + 2.0 * size, POINTS).filter(|s| *s >= low && *s <= high));
    out.sort_by(f64::total_cmp);
    out
}

/// Where one free state has no equilibrium.
pub fn no_solution(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    let free: Vec<State> = bench.states(model).into_iter().filter(|s| !s.held).collect();
    let [state] = free.as_slice() else { return };
    for bias in BIASES {
        let mut free = Free::new(bench, model, *state, bias);
        let values: Vec<f64> = trials(*state).iter().map(|s| free.f(*s)).filter(|f| f.is_finite()).collect();
        let (some_above, some_below) = (values.iter().any(|f| *f >= 0.0), values.iter().any(|f| *f <= 0.0));
        if values.is_empty() || some_above && some_below {
            continue;
        }
        let unknown = &model.unknowns[state.row];
        let (low, high) = range(*state);
        out.push(Finding::new(
            unknown.span,
            format!(
                "`{}` has no equilibrium at V({}) = {}: its rate keeps its sign from {} to {}",
                unknown.name,
                model.unknowns.first().map_or("", |u| u.name.as_str()),
                short(bias),
                short(low),
                short(high)
            ),
            "there is no DC solution at this bias: `.op` fails there",
            "let the state come to rest at its limits, or hold it: `(* hold = \"start\" *)`, `idt(rate, start)`",
        ));
        return;
    }
}

/// States that nothing stops.
pub fn unbounded(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    for state in bench.states(model) {
        let unknown = &model.unknowns[state.row];
        let found = BIASES.iter().filter(|b| **b != 0.0).find_map(|bias| {
            let mut free = Free::new(bench, model, state, *bias);
            [1.0, -1.0].into_iter().find(|way| {
                let bound = if *way > 0.0 { state.bounds.1 } else { state.bounds.0 };
                !bound.is_finite() && escapes(&mut free, *way)
            })?;
            Some(*bias)
        });
        if let Some(bias) = found {
            out.push(Finding::new(
                unknown.span,
                format!(
                    "`{}` may grow without end: at V({}) = {} nothing stops it",
                    unknown.name,
                    model.unknowns.first().map_or("", |u| u.name.as_str()),
                    short(bias)
                ),
                "a state that leaves its range takes the equations where they do not hold",
                "let its rate vanish or turn at its limits (a window), or say where it is meant to be: `(* lower = 0, upper = 1 *)`",
            ));
        }
    }
}

/// Whether a state moves on in direction `way` wherever it is.
fn escapes(free: &mut Free, way: f64) -> bool {
    let (start, size) = (free.state.start, free.state.start.abs().max(1.0));
    let steps = grid(0.0, 2.0, 60).chain(grid(2.0, FAR, 60));
    steps.map(|d| start + way * d * size).all(|s| {
        let rate = free.rate(s) * way;
        rate > 0.0 && rate.is_finite()
    })
}

/// More than one place of rest without a bias.
pub fn equilibria(subject: &Subject, out: &mut Vec<Finding>) {
    let (Some(bench), model) = (subject.bench, subject.model) else { return };
    for state in bench.states(model) {
        let unknown = &model.unknowns[state.row];
        let (low, high) = bench.reach(model, state.row);
        let mut driven = Free::new(bench, model, state, 1.0);
        let mut rest = Free::new(bench, model, state, 0.0);
        let size = grid(low, high, 21).map(|s| driven.f(s).abs()).filter(|f| f.is_finite()).fold(0.0, f64::max);
        let values: Vec<f64> = grid(low, high, POINTS).map(|s| rest.f(s)).collect();
        let pinned = match (state.held, state.started) {
            (true, _) => "`.op`, `.dc` and `.ac` hold it at its start value; `.continue` finds a line of equilibria",
            (false, true) => "`.op` goes to the equilibrium that Newton finds from its start value",
            (false, false) => "`.op` takes whichever Newton finds first",
        };
        if values.iter().all(|f| f.abs() <= 1e-12 * size) && size > 0.0 {
            let remedy = if state.held {
                "nothing need be done: it is nonvolatile"
            } else {
                "hold it: `(* hold = \"start\" *)`, `idt(rate, start)`"
            };
            let message = format!("every value of `{}` is an equilibrium at zero bias", unknown.name);
            out.push(Finding::new(unknown.span, message, pinned, remedy));
            continue;
        }
        let turns = values.windows(2).filter(|w| (w[0] < 0.0) != (w[1] < 0.0) && w[0].is_finite() && w[1].is_finite()).count();
        if turns > 1 {
            let message = format!("`{}` has {turns} equilibria at zero bias from {} to {}", unknown.name, short(low), short(high));
            out.push(Finding::new(unknown.span, message, pinned, "give it a start value on the side that is meant"));
        }
    }
}
