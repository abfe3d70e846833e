//! Along a branch: arclength steps, a row at every value of the grid, every fold located.

use crate::analysis::Env;
use crate::analysis::op::{shown, significant};
use crate::dae::System;
use crate::solve::SimError;
use crate::solve::border::{Branch, Place};
use crate::solve::failure::Failure;
use crate::solve::ladder::climb;
use crate::solve::settle::{Settling, outside, settle};
use crate::wave::Flow;

use super::grid::Grid;
use super::rows::Rows;

/// What happens at a fold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtFold {
    /// The branch is followed around it.
    Turn,
    /// The state goes where a quasi-static transient goes.
    Jump,
}

/// How a pass ended.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// The parameter left its range, at this value.
    Left(f64),
    /// Unknown `k` reached its bound at this value of the parameter.
    Bound(usize, f64),
    /// Points are spent.
    Spent,
    /// Somebody wants the run to end.
    Stopped,
}

/// A sweep under way.
pub struct Follower<'a, 'b> {
    /// The branch.
    pub branch: Branch<'a>,
    /// Where rows go.
    pub rows: &'b mut Rows<'a>,
    /// The values asked for.
    pub grid: &'b Grid,
    /// Stop flag and progress.
    pub env: &'b Env<'b>,
    /// What happens at folds.
    pub at_fold: AtFold,
    /// What the user should know.
    pub remarks: &'b mut Vec<String>,
}

/// First step and shortest step, in the measure of the branch.
const STEP: (f64, f64) = (0.01, 1e-7);
/// Longest step as a part of the range and, per root of the number of unknowns, in the measure of the branch.
const LONGEST: f64 = 0.05;
/// Points that may be spent, in units of the grid's.
const BUDGET: usize = 20;
/// Motion after a fold: the devices' own charges, and as much on nodes as decides between solutions of resistive circuits.
const SETTLING: Settling = Settling { first: 1e-15, capacitance: 1e-15 };

impl<'a> Follower<'a, '_> {
    /// Follows the branch through `x`, a solution at the present value of the parameter, in the grid's direction, until it
    /// ends; the last place comes along. The row of the first place is written if `first`.
    ///
    /// # Errors
    /// The branch cannot be followed and no solution is found at the next value.
    pub fn run(&mut self, x: &[f64], first: bool) -> Result<(End, Place), SimError> {
        let sign = if self.grid.step < 0.0 { -1.0 } else { 1.0 };
        let mut place = self.enter(x, sign)?;
        if first && self.rows.write(&mut self.branch, &place)? == Flow::Stop {
            return Ok((End::Stopped, place));
        }
        if self.grid.count == 1 {
            return Ok((End::Left(place.p()), place));
        }
        let budget = BUDGET * self.grid.count + 200;
        let (mut step, rows_before) = (STEP.0, self.rows.count);
        for steps in 0.. {
            if self.env.stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok((End::Stopped, place));
            }
            if steps > budget || (self.rows.count - rows_before) as usize > BUDGET * self.grid.count {
                return Ok((End::Spent, place));
            }
            let end = match self.branch.step(&place, step.min(self.longest(&place)), STEP.1) {
                Ok((next, proposal)) => {
                    step = proposal;
                    self.advance(&mut place, next)?
                }
                Err(failure) => {
                    step = STEP.0;
                    self.leap(&mut place, &failure)?
                }
            };
            if let Some(end) = end {
                return Ok((end, place));
            }
            (self.env.progress)(((place.p() - self.grid.from) / (self.grid.to - self.grid.from)).clamp(0.0, 1.0));
        }
        Ok((End::Spent, place))
    }

    fn enter(&mut self, x: &[f64], sign: f64) -> Result<Place, SimError> {
        let p = self.branch.parameter();
        self.branch.enter(x, sign).map_err(|failure| self.failed(&failure, x, p, "first point"))
    }

    /// Longest step: a part of the range, so that nothing is overlooked.
    fn longest(&self, place: &Place) -> f64 {
        let free = LONGEST * (place.y.len() as f64).sqrt();
        free.min(LONGEST * self.grid.span() / place.slope().abs().max(1e-300))
    }

    /// Writes what lies between `place` and `next`, and goes there.
    fn advance(&mut self, place: &mut Place, next: Place) -> Result<Option<End>, SimError> {
        if place.sign != next.sign {
            let name = &self.grid.name;
            self.remarks.push(format!(
                "another branch of solutions crosses between {name} = {} and {}; this curve stays on its own, `.continue {name}` follows all",
                significant(place.p()),
                significant(next.p())
            ));
        }
        if place.slope() * next.slope() >= 0.0 {
            return self.piece(place, next);
        }
        // Where branches of a symmetric device cross, what looks like a fold may be none.
        let fold = match self.branch.fold(place, &next) {
            Ok(fold) => fold,
            Err(failure) => return self.leap(place, &failure),
        };
        let sign = place.slope().signum();
        if let Some(end) = self.piece(place, fold.clone())? {
            return Ok(Some(end));
        }
        self.remarks.push(format!("fold at {} = {}", self.grid.name, precise(fold.p())));
        if self.rows.write(&mut self.branch, &fold)? == Flow::Stop {
            return Ok(Some(End::Stopped));
        }
        self.rows.pass += 1;
        match self.at_fold {
            AtFold::Turn => self.piece(place, next),
            AtFold::Jump => self.jump(place, &fold, sign),
        }
    }

    /// A piece without folds.
    fn piece(&mut self, place: &mut Place, next: Place) -> Result<Option<End>, SimError> {
        let start = place.clone();
        let mut next = next;
        let layout = self.branch.statics.system.layout();
        let escaped = outside(layout, next.x()).filter(|_| outside(layout, start.x()).is_none());
        if let Some(k) = escaped {
            let bounds = layout.unknowns[k].bounds;
            let bound = if next.y[k] > bounds.1 { bounds.1 } else { bounds.0 };
            // Without the exact place the piece is shown to where it was last inside.
            next = self.branch.search(&start, &next, &|place: &Place| place.y[k] - bound).unwrap_or_else(|_| start.clone());
        }
        for p in self.grid.between(start.p(), next.p()) {
            let there = self.branch.at(&start, &next, p).map_err(|f| self.failed(&f, start.x(), p, "point"))?;
            let flow = self.rows.write(&mut self.branch, &there)?;
            if flow == Flow::Stop {
                *place = there;
                return Ok(Some(End::Stopped));
            }
            // The end of the range is a place of its own: a way back starts from it.
            if p == self.grid.value(self.grid.count - 1) || p == self.grid.from {
                *place = Place { tangent: next.tangent.clone(), y: there.y, sign: next.sign };
            }
        }
        let (low, high) = (self.grid.from.min(self.grid.to), self.grid.from.max(self.grid.to));
        let slack = 1e-12 * self.grid.span();
        if next.p() >= high - slack && next.p() > start.p() {
            return Ok(Some(End::Left(high)));
        }
        if next.p() <= low + slack && next.p() < start.p() {
            return Ok(Some(End::Left(low)));
        }
        let p = next.p();
        *place = next;
        Ok(escaped.map(|k| End::Bound(k, p)))
    }

    /// Past a fold: to the attractor at the next value of the grid.
    fn jump(&mut self, place: &mut Place, fold: &Place, sign: f64) -> Result<Option<End>, SimError> {
        let Some(p) = self.grid.after(fold.p(), sign) else {
            *place = fold.clone();
            return Ok(Some(End::Left(fold.p())));
        };
        let mut x = fold.x().to_vec();
        let settled = self
            .branch
            .apart(p)
            .and_then(|(statics, newton, params, counts)| settle(statics, newton, params, SETTLING, &mut x, counts));
        match settled {
            Ok(()) => self.land(place, &x, sign),
            Err(Failure::Escaped(k)) => Ok(Some(End::Bound(k, p))),
            Err(failure) => Err(self.failed(&failure, &x, p, "where the state jumps to")),
        }
    }

    /// Where the branch cannot be followed (a jump of the model itself): to the next value of the grid.
    fn leap(&mut self, place: &mut Place, failure: &Failure) -> Result<Option<End>, SimError> {
        let sign = if place.slope() < 0.0 { -1.0 } else { 1.0 };
        let Some(p) = self.grid.after(place.p(), sign) else {
            return Ok(Some(End::Left(place.p())));
        };
        let mut x = place.x().to_vec();
        let climbed = self
            .branch
            .apart(p)
            .map_err(|f| (f, String::new()))
            .and_then(|(statics, newton, params, counts)| climb(statics, newton, params, &mut x, counts));
        if climbed.is_err() {
            return Err(self.failed(failure, place.x(), place.p(), "next point"));
        }
        self.remarks.push(format!(
            "the branch breaks off at {} = {}; taken up again at {}",
            self.grid.name,
            significant(place.p()),
            significant(p)
        ));
        self.land(place, &x, sign)
    }

    fn land(&mut self, place: &mut Place, x: &[f64], sign: f64) -> Result<Option<End>, SimError> {
        *place = self.enter(x, sign)?;
        let stopped = self.rows.write(&mut self.branch, place)? == Flow::Stop;
        let last = self.grid.after(place.p(), sign).is_none();
        Ok(if stopped { Some(End::Stopped) } else { last.then(|| End::Left(place.p())) })
    }

    fn failed(&self, failure: &Failure, x: &[f64], p: f64, what: &str) -> SimError {
        let statics = &self.branch.statics;
        let what = format!("dc sweep, {what} at {} = {}", self.grid.name, significant(p));
        let at = statics.point(&self.branch.params, x);
        failure.named(
            statics.system,
            &at,
            &what,
            "arclength, Newton at the next value",
            "sweep a smaller range, or a source behind a resistor",
        )
    }
}

/// Ten digits.
fn precise(value: f64) -> String {
    format!("{value:.10}").trim_end_matches('0').trim_end_matches('.').to_string()
}

impl End {
    /// In words.
    pub fn describe(&self, grid: &Grid, system: &dyn System) -> String {
        match self {
            End::Left(p) => format!("{} reached {}", grid.name, significant(*p)),
            End::Bound(k, p) => {
                let unknown = &system.layout().unknowns[*k];
                let bounds = [unknown.bounds.0, unknown.bounds.1]
                    .map(|b| if b.is_finite() { shown(system, *k as u32, b) } else { "-".into() });
                format!("{} left its range {} to {} at {} = {}", unknown.name, bounds[0], bounds[1], grid.name, significant(*p))
            }
            End::Spent => format!("{BUDGET} times the grid's points are spent"),
            End::Stopped => "stopped".to_string(),
        }
    }
}
