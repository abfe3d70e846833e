//! Very many cycles of a periodically driven circuit, of which few are simulated.
//!
//! One cycle maps the charges q of the dynamic rows to P(q). Slow states move little in a cycle, so that q over the number of
//! cycles n follows `dq/dn = F(q)`, `exp(F) = P`: with M = dP/dq, `F = 2 (M + 1)^-1 (P(q) - q)`, which is exact to second order in
//! what a cycle does and has P's fixed points exactly. F is integrated by RODAS, order 4 and L-stable: states that follow
//! within a cycle (M = 0) and slow states of very different pace are all the same to it. The cycle at the start of a skip is
//! a real transient, whose accepted points make the mesh; the other cycles of the skip, and M, are taken on that mesh. Where a
//! skip would not pay, cycles are simulated one after the other.

use faer::Mat;

use crate::dae::{Eval, Want};
use crate::solve::history::Record;
use crate::solve::{Counts, SimError};

use super::clock::Clock;
use super::dense;
use super::flow::{Flow, Track};
use super::recorded::{Course, mesh};
use super::rosenbrock::{self, EXPONENT};
use super::scheme::Scheme;

/// Skips shorter than this are not worth their cycles.
const SHORTEST: f64 = 10.0;
/// Cycles simulated at the start, and after a skip that did not pay.
const DIRECT: (u32, u32) = (3, 8);
/// Growth of a skip: least, most, and the share of what the error allows.
const GROWTH: (f64, f64, f64) = (0.1, 6.0, 0.9);
/// Sag of a straight line between two rows that a plot does not show, relative to the largest value.
const SAG: f64 = 1e-4;
/// Most parts that a skip is cut into for rows.
const PARTS: f64 = 12.0;
/// Stages of the scheme on the frozen mesh: the real transient's own.
const STAGES: usize = 3;

/// What was simulated.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spent {
    /// Cycles gone.
    pub cycles: f64,
    /// Cycles simulated, those of rejected skips included.
    pub simulated: u64,
    /// Skips accepted.
    pub skips: u64,
    /// Skips rejected.
    pub rejected: u64,
    /// Largest multiplier of the last cycle's map, in modulus.
    pub multiplier: f64,
}

/// A simulated cycle: the number of cycles done when it ends, and its points, s from the clock's start.
pub struct Cycle<'a> {
    /// Cycles done at its end.
    pub number: f64,
    /// Accepted points.
    pub points: &'a [Record],
}

/// The walk over the cycles.
pub struct Skipper<'a> {
    course: Course<'a>,
    clock: Clock,
    reltol: f64,
    flow: Flow<'a>,
    /// What was simulated.
    pub spent: Spent,
    /// What it cost.
    pub counts: Counts,
    /// Rows with charges.
    rows: Vec<usize>,
    floors: Vec<f64>,
    largest: Vec<f64>,
    corner_at_start: bool,
}

/// The map linearised at the start of a cycle.
struct Local {
    track: Track,
    /// Charges of the dynamic rows.
    y: Vec<f64>,
    /// `2 (M + 1)^-1`.
    logarithm: Mat<f64>,
    rate: Vec<f64>,
    jacobian: Mat<f64>,
}

/// Takes simulated cycles; false ends the walk.
pub type Taker<'t> = dyn FnMut(&Cycle) -> Result<bool, SimError> + 't;

impl<'a> Skipper<'a> {
    /// A walk over cycles of `clock`; `reltol` is that of the slow states.
    pub fn new(course: Course<'a>, clock: Clock, reltol: f64) -> Skipper<'a> {
        let (system, params) = (course.system, course.params);
        let end = clock.from + clock.period;
        let corner = crate::solve::source_break(system, params, end - 1e-6 * clock.period);
        Skipper {
            flow: Flow::new(course.problem(), Scheme::radau(STAGES)),
            spent: Spent::default(),
            counts: Counts::default(),
            rows: Vec::new(),
            floors: Vec::new(),
            largest: Vec::new(),
            corner_at_start: corner <= end + 1e-6 * clock.period,
            course,
            clock,
            reltol,
        }
    }

    /// Walks over `cycles` cycles from `start`, a point at the clock's start; every simulated cycle that belongs to the walk is
    /// handed to `take`, in order.
    ///
    /// # Errors
    /// If a cycle cannot be simulated.
    pub fn walk(&mut self, start: Record, cycles: f64, take: &mut Taker) -> Result<(), SimError> {
        let (mut point, mut done, mut direct, mut skip) = (start, 0.0, DIRECT.0, SHORTEST);
        let mut slope = false;
        let mut before: Option<(f64, Local)> = None;
        while done < cycles {
            let points = self.cycle(&point, slope)?;
            self.find_rows(&points);
            // The last cycle is simulated, whatever skip leads to it.
            let left = cycles - done - 1.0;
            let local = if direct == 0 && left > SHORTEST { self.linearise(&points) } else { None };
            if let (Some((number, old)), Some(new)) = (before.take(), &local)
                && !self.between((number, &old), (done, new), take)?
            {
                return Ok(());
            }
            self.spent.cycles = done + 1.0;
            if !take(&Cycle { number: done + 1.0, points: &points })? {
                return Ok(());
            }
            let jump = local.as_ref().and_then(|local| self.skip(local, &mut skip, left));
            let landed = match (jump, &local) {
                (Some((y, length)), Some(local)) => {
                    let x = &points[points.len() - 1].x;
                    self.restart(local, &y, x).map(|point| (point, length))
                }
                _ => None,
            };
            match (landed, local) {
                (Some((there, length)), Some(local)) => {
                    self.spent.skips += 1;
                    (point, slope) = (there, false);
                    before = Some((done, local));
                    done += length;
                }
                (_, local) => {
                    (direct, skip) = if local.is_some() { (DIRECT.1, SHORTEST) } else { (direct.saturating_sub(1), skip) };
                    point = self.next(&points, &mut slope);
                    done += 1.0;
                }
            }
        }
        self.spent.cycles = cycles;
        Ok(())
    }

    /// One cycle as a real transient.
    fn cycle(&mut self, start: &Record, slope: bool) -> Result<Vec<Record>, SimError> {
        self.spent.simulated += 1;
        self.course.run(start, slope, self.clock.from + self.clock.period, &mut self.counts)
    }

    /// The start of the cycle after one that was simulated.
    fn next(&self, points: &[Record], slope: &mut bool) -> Record {
        let mut point = points[points.len() - 1].clone();
        point.t = self.clock.from;
        *slope = !self.corner_at_start;
        point
    }

    /// The point at the start of a cycle with the charges `y` of the dynamic rows.
    fn restart(&mut self, local: &Local, y: &[f64], x: &[f64]) -> Option<Record> {
        let mut q = local.track.q[0].clone();
        self.rows.iter().zip(y).for_each(|(k, y)| q[*k] = *y);
        self.course.point(&q, x, self.clock.from, self.clock.period, &mut self.counts).ok()
    }

    /// Which rows have charges, and what is negligible in them.
    fn find_rows(&mut self, points: &[Record]) {
        let (system, pattern) = (self.course.system, self.course.system.pattern());
        if self.rows.is_empty() {
            let mut eval = Eval::new(system);
            let mut floors = vec![0.0; pattern.n];
            let abstol: Vec<f64> = crate::solve::floors(system.layout()).collect();
            for point in points {
                system.eval(&self.course.at(&point.x, point.t), Want::C, &mut eval);
                let mut now = vec![0.0; pattern.n];
                for (j, abstol) in abstol.iter().enumerate() {
                    pattern.column(j).for_each(|s| now[pattern.rows[s] as usize] += eval.c[s].abs() * abstol);
                }
                floors.iter_mut().zip(&now).for_each(|(f, now): (&mut f64, &f64)| *f = f.max(*now));
            }
            self.rows = (0..pattern.n).filter(|k| floors[*k] > 0.0).collect();
            self.floors = self.rows.iter().map(|k| floors[*k]).collect();
            self.largest = vec![0.0; self.rows.len()];
        }
        for point in points {
            let charges = self.rows.iter().map(|k| point.q[*k].abs());
            self.largest.iter_mut().zip(charges).for_each(|(largest, q)| *largest = largest.max(q));
        }
        // What was large once, at the start, does not make later values coarse for good.
        let now = |k: usize| points.iter().map(|p| p.q[k].abs()).fold(0.0, f64::max);
        self.largest.iter_mut().zip(&self.rows).for_each(|(largest, k)| *largest = now(*k).max(0.5 * *largest));
    }

    /// The map and its derivative on the mesh of the points of a cycle.
    fn linearise(&mut self, points: &[Record]) -> Option<Local> {
        let (n, d) = (self.course.system.pattern().n, self.rows.len());
        if d == 0 {
            return None;
        }
        let times: Vec<f64> = points.iter().map(|p| p.t).collect();
        // Time does not resolve what happens there.
        if times.windows(2).any(|w| w[1] <= w[0]) {
            return None;
        }
        let chosen: Vec<&Record> = mesh(&times).iter().map(|k| &points[*k]).collect();
        let mut track = Track::through(&chosen, &self.flow.scheme, n);
        let mut columns: Vec<Vec<f64>> = vec![vec![0.0; n]; d];
        columns.iter_mut().zip(&self.rows).for_each(|(column, k)| column[*k] = 1.0);
        self.spent.simulated += 1;
        self.flow.pass(&mut track, &mut columns, None, false).ok()?;
        let m = Mat::from_fn(d, d, |i, j| columns[j][self.rows[i]]);
        self.spent.multiplier = dense::modes(&m).first().map_or(f64::NAN, |mode| mode.value.norm());
        let identity = Mat::<f64>::identity(d, d);
        let sum = &m + &identity;
        let mut logarithm = Mat::<f64>::zeros(d, d);
        for j in 0..d {
            let unit: Vec<f64> = (0..d).map(|i| if i == j { 2.0 } else { 0.0 }).collect();
            let column = dense::solve(&sum, &unit);
            (0..d).for_each(|i| logarithm[(i, j)] = column[i]);
        }
        let difference = &m - &identity;
        let jacobian = &logarithm * &difference;
        let y: Vec<f64> = self.rows.iter().map(|k| track.q[0][*k]).collect();
        let gain: Vec<f64> = self.rows.iter().zip(&y).map(|(k, y)| track.q[track.steps()][*k] - y).collect();
        let rate = product(&logarithm, &gain);
        let sound = rate.iter().all(|r| r.is_finite()) && (0..d).all(|j| (0..d).all(|i| jacobian[(i, j)].is_finite()));
        sound.then_some(Local { track, y, logarithm, rate, jacobian })
    }

    /// Tries skips until one holds or none pays; the charges at its end and its length.
    fn skip(&mut self, local: &Local, wish: &mut f64, left: f64) -> Option<(Vec<f64>, f64)> {
        loop {
            let whole = wish.round().min(left);
            // Two even skips rather than a long one and a crumb.
            let length = if whole < left && whole > 0.6 * left { (0.5 * left).round() } else { whole };
            if length < SHORTEST {
                return None;
            }
            let (flow, spent, rows) = (&mut self.flow, &mut self.spent, &self.rows);
            let mut track = local.track.clone();
            let mut rate = |y: &[f64]| {
                track.q[0].copy_from_slice(&local.track.q[0]);
                rows.iter().zip(y).for_each(|(k, y)| track.q[0][*k] = *y);
                spent.simulated += 1;
                flow.pass(&mut track, &mut [], None, false).ok()?;
                inside(flow, &local.track, &track).then_some(())?;
                let end = &track.q[track.steps()];
                let gain: Vec<f64> = rows.iter().zip(y).map(|(k, y)| end[*k] - y).collect();
                Some(product(&local.logarithm, &gain))
            };
            let tried = rosenbrock::step(&local.y, &local.rate, &local.jacobian, length, &mut rate);
            let error = tried.as_ref().map_or(f64::INFINITY, |(y, e)| self.norm(e, y));
            let ratio = (1.0 / error).powf(1.0 / EXPONENT) * GROWTH.2;
            let ratio = if ratio.is_finite() { ratio.clamp(GROWTH.0, GROWTH.1) } else { GROWTH.0 };
            let ratio = if error == 0.0 { GROWTH.1 } else { ratio };
            *wish = length * ratio;
            if let Some((y, _)) = tried.filter(|_| error <= 1.0) {
                return Some((y, length));
            }
            self.spent.rejected += 1;
        }
    }

    /// The largest share of what is allowed.
    fn norm(&self, error: &[f64], y: &[f64]) -> f64 {
        let share = |k: usize| error[k].abs() / (self.reltol * self.largest[k].max(y[k].abs()) + self.floors[k]);
        (0..error.len()).map(share).fold(0.0, |worst: f64, s| if s.is_nan() { f64::INFINITY } else { worst.max(s) })
    }

    /// Cycles within the last skip, so that straight lines between rows show it; false if nobody wants more.
    fn between(&mut self, from: (f64, &Local), to: (f64, &Local), take: &mut Taker) -> Result<bool, SimError> {
        let length = to.0 - from.0;
        let (a, b) = (from.1, to.1);
        let sag = |k: usize| {
            // Middle of the cubic less middle of the chord.
            let sag = (a.rate[k] - b.rate[k]).abs() * length / 8.0;
            let scale = self.largest[k].max(a.y[k].abs());
            sag.min((a.y[k] - b.y[k]).abs()) / (SAG * scale + self.floors[k])
        };
        let worst = (0..a.y.len()).map(sag).fold(0.0, f64::max);
        let parts = worst.sqrt().ceil().clamp(1.0, PARTS.min(length));
        let at = |part: f64| (length * part / parts).round();
        for part in 1..parts as u32 {
            let n = at(f64::from(part));
            let s = n / length;
            let weights = [
                (1.0 + 2.0 * s) * (1.0 - s).powi(2),
                s * (1.0 - s).powi(2) * length,
                s * s * (3.0 - 2.0 * s),
                s * s * (s - 1.0) * length,
            ];
            let y: Vec<f64> = (0..a.y.len())
                .map(|k| weights[0] * a.y[k] + weights[1] * a.rate[k] + weights[2] * b.y[k] + weights[3] * b.rate[k])
                .collect();
            let Some(start) = self.restart(a, &y, a.track.at(a.track.steps())) else { continue };
            let points = self.cycle(&start, false)?;
            if !take(&Cycle { number: from.0 + n + 1.0, points: &points })? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// False if an unknown left its bounds in a trial cycle although it kept them in the cycle that the skip starts with.
fn inside(flow: &Flow, base: &Track, trial: &Track) -> bool {
    let bounds: Vec<(f64, f64)> = flow.problem.system.layout().unknowns.iter().map(|u| u.bounds).collect();
    let keeps = |track: &Track, k: usize| {
        let (low, high) = bounds[k];
        track.x.iter().flatten().all(|x| x[k] >= low && x[k] <= high)
    };
    (0..bounds.len()).filter(|k| bounds[*k].0.is_finite() || bounds[*k].1.is_finite()).all(|k| keeps(trial, k) || !keeps(base, k))
}

fn product(a: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    (0..a.nrows()).map(|i| (0..x.len()).map(|j| a[(i, j)] * x[j]).sum()).collect()
}
