//! A branch of cycles against a parameter by pseudo-arclength on the shooting system.
//!
//! Unknown are the charges at the start, the logarithm of the period (autonomous circuits) and the parameter; the border is the
//! phase and the distance along the last tangent. Multipliers say where the branch changes its stability: a fold LPC where
//! dp/ds changes sign, a branch point BPC where another real multiplier passes 1, period doubling PD at -1, a torus NS
//! where a pair leaves the unit circle. Special points are located by secants on the test function, each value a solved
//! cycle. A branch that shrinks to a point ends at the Hopf point there; one can also start from it.

use num_complex::Complex64;

use crate::dae::{Change, Memory, ParamId, Params, System};
use crate::solve::march::Ceiling;
use crate::solve::{Counts, Tolerances};

use super::dense::Mode;
use super::flow::Track;
use super::recorded::Course;
use super::scheme::Scheme;
use super::shoot::{DENSE, Local, Search};

/// First, shortest and longest step of the branch.
const STEP: (f64, f64, f64) = (0.01, 1e-7, 0.1);
/// Corrections of one point, and those that make the next step longer.
const CORRECTIONS: (u32, u32) = (10, 4);
/// A correction smaller than this ends the search for a point.
const DONE: f64 = 1e-9;
/// Change of the parameter for its derivative, in units of the way.
const NUDGE: f64 = 1e-5;
/// A cycle smaller than this share of the largest so far is about to vanish.
const SMALL: f64 = 0.03;
/// Secants on a test function.
const SECANTS: u32 = 30;
/// A mesh serves for so many points.
const SERVES: u32 = 4;

/// What is followed.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    /// The equations.
    pub system: &'a dyn System,
    /// Their parameters at the start.
    pub params: &'a Params,
    /// What models remember: nothing.
    pub past: &'a Memory,
    /// Tolerances of the mesh.
    pub tolerances: &'a Tolerances,
    /// The parameter.
    pub id: ParamId,
    /// Where it goes.
    pub to: f64,
    /// Where it ends on the other side.
    pub from: f64,
    /// Length of the way, which measures it.
    pub span: f64,
    /// True if the period is unknown.
    pub free: bool,
    /// Fewest steps in a period.
    pub fewest: f64,
    /// Most points.
    pub most: u32,
    /// Longest step in the parameter.
    pub longest: f64,
}

/// What happens at a special point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The branch turns round.
    Fold,
    /// Another branch of cycles crosses.
    Crossing,
    /// A cycle of twice the period is born.
    Doubling,
    /// A torus is born.
    Torus,
}

impl Kind {
    /// `LPC`, `BPC`, `PD`, `NS`.
    pub fn letters(self) -> &'static str {
        match self {
            Kind::Fold => "LPC",
            Kind::Crossing => "BPC",
            Kind::Doubling => "PD",
            Kind::Torus => "NS",
        }
    }
}

/// A cycle of the branch.
#[derive(Clone, Debug)]
pub struct Point {
    /// The parameter.
    pub p: f64,
    /// The trajectory.
    pub track: Track,
    /// Multipliers without the trivial one, the largest first.
    pub multipliers: Vec<Complex64>,
    /// Distance of the trivial multiplier from 1; 0 for driven circuits.
    pub off: f64,
    /// Special point.
    pub special: Option<Kind>,
    tangent: Vec<f64>,
    corrections: u32,
}

impl Point {
    /// True if every disturbance dies out.
    pub fn stable(&self) -> bool {
        self.multipliers.iter().all(|m| m.norm() < 1.0)
    }

    /// Largest modulus of a multiplier.
    pub fn largest(&self) -> f64 {
        self.multipliers.first().map_or(0.0, |m| m.norm())
    }
}

/// Why the branch ends.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// The parameter reached the end of the way, or left it at its start.
    Range,
    /// The cycle shrinks to a point at this value: a Hopf point.
    Hopf(f64),
    /// Points are spent.
    Spent,
    /// Somebody wanted it.
    Stopped,
    /// No further point can be found; why.
    Stuck(String),
}

/// Follows the branch.
pub struct Follower<'a> {
    path: Path<'a>,
    scheme: Scheme,
    rows: Vec<usize>,
    scale: Vec<f64>,
    /// What it cost.
    pub counts: Counts,
}

/// Takes points; false ends the branch.
pub type Taker<'t> = dyn FnMut(&Point) -> bool + 't;

impl<'a> Follower<'a> {
    /// A branch along `path` that starts near `track`; sizes of charges are those of `track`.
    pub fn new(path: Path<'a>, scheme: Scheme, track: &Track) -> Follower<'a> {
        let course = course(&path, path.params, track.period());
        let search = Search::new(course, scheme.clone(), track);
        let (rows, scale) = (search.rows.clone(), search.scale.clone());
        Follower { path, scheme, rows, scale, counts: Counts::default() }
    }

    fn params(&self, p: f64) -> Option<Params> {
        let mut params = self.path.params.clone();
        matches!(self.path.system.assign(&mut params, self.path.id, p), Ok(Change::Values)).then_some(params)
    }

    /// Runs `work` with a search at the parameter value `p`.
    fn with<T>(&mut self, p: f64, track: &Track, work: impl FnOnce(&mut Search) -> Option<T>) -> Option<T> {
        let params = self.params(p)?;
        let mut search = Search::new(course(&self.path, &params, track.period()), self.scheme.clone(), track);
        // Sizes stay what they were: they measure the branch.
        (search.rows, search.scale) = (self.rows.clone(), self.scale.clone());
        let result = work(&mut search);
        self.counts += search.flow.counts;
        result
    }

    /// Derivative of the map by the parameter in units of the way.
    fn slope(&mut self, p: f64, track: &Track) -> Option<Vec<f64>> {
        let mut gaps = Vec::with_capacity(2);
        for sign in [1.0, -1.0] {
            let there = p + sign * NUDGE * self.path.span;
            let mut trial = track.clone();
            let rows = self.rows.clone();
            gaps.push(self.with(there, track, |search| {
                search.flow.pass(&mut trial, &mut [], None, false).ok()?;
                Some(rows.iter().map(|k| trial.q[trial.steps()][*k]).collect::<Vec<f64>>())
            })?);
        }
        let d = |k: usize| (gaps[0][k] - gaps[1][k]) / (2.0 * NUDGE * self.scale[k]);
        Some((0..self.rows.len()).map(d).collect())
    }

    /// Directions of the bordered system: `right` is the gap of the map, `rest` that of the tangent's equation.
    fn solve(&mut self, p: f64, track: &Track, local: &Local, slope: &[f64], tangent: &[f64], rest: f64) -> Option<Vec<f64>> {
        let free = self.path.free;
        self.with(p, track, |search| {
            let border = (tangent.to_vec(), rest);
            let step = if free {
                let phase = search.phase(local);
                search.direction(local, &[&local.stretch, slope], &[phase, border])
            } else {
                search.direction(local, &[slope], &[border])
            };
            step.iter().all(|s| s.is_finite()).then_some(step)
        })
    }

    /// The cycle at the distance `ds` from `from` along its tangent.
    fn correct(&mut self, from: &Point, ds: f64) -> Option<Point> {
        let (mut p, mut track) = (from.p, from.track.clone());
        let mut gone: Vec<f64> = from.tangent.iter().map(|t| ds * t).collect();
        self.advance(&mut track, &mut p, &gone);
        for corrections in 1..=CORRECTIONS.0 {
            let guess = track.clone();
            let local = self.with(p, &guess, |search| search.linearise(&mut track).ok())?;
            let slope = self.slope(p, &track)?;
            let rest = ds - from.tangent.iter().zip(&gone).map(|(t, g)| t * g).sum::<f64>();
            let step = self.solve(p, &track, &local, &slope, &from.tangent, rest)?;
            let size = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
            if size > 0.5 {
                return None;
            }
            gone.iter_mut().zip(&step).for_each(|(g, s)| *g += s);
            self.advance(&mut track, &mut p, &step);
            if size <= DONE {
                return self.finished(p, track, &from.tangent, corrections);
            }
        }
        None
    }

    fn advance(&self, track: &mut Track, p: &mut f64, step: &[f64]) {
        let d = self.rows.len();
        for ((k, scale), s) in self.rows.iter().zip(&self.scale).zip(step) {
            track.q[0][*k] += s * scale;
        }
        if self.path.free {
            let period = track.period();
            track.stretch(period * (1.0 + step[d]));
        }
        *p += step[step.len() - 1] * self.path.span;
    }

    /// Tangent and multipliers at a solved cycle; `before`: the tangent of the point before it.
    fn finished(&mut self, p: f64, mut track: Track, before: &[f64], corrections: u32) -> Option<Point> {
        let guess = track.clone();
        let mut local = self.with(p, &guess, |search| search.linearise(&mut track).ok())?;
        track.first = track.at(track.steps()).to_vec();
        let free = self.path.free;
        let modes: Vec<Mode> = self.with(p, &track, |search| Some(search.modes(&local)))?;
        let slope = self.slope(p, &track)?;
        local.gap.fill(0.0);
        let mut tangent = self.solve(p, &track, &local, &slope, before, 1.0)?;
        let length = tangent.iter().map(|t| t * t).sum::<f64>().sqrt();
        tangent.iter_mut().for_each(|t| *t /= length);
        let mut multipliers: Vec<Complex64> = modes.iter().map(|m| m.value).collect();
        let mut off = 0.0;
        if free {
            let one = |m: &Complex64| (m - Complex64::ONE).norm();
            let trivial = (0..multipliers.len()).min_by(|a, b| one(&multipliers[*a]).total_cmp(&one(&multipliers[*b])))?;
            off = one(&multipliers.remove(trivial));
        }
        Some(Point { p, track, multipliers, off, special: None, tangent, corrections })
    }

    /// Size of the cycle in units of the charges.
    fn size(&self, track: &Track) -> f64 {
        let swing = |k: usize| {
            let range = track.q.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, q| (r.0.min(q[k]), r.1.max(q[k])));
            range.1 - range.0
        };
        self.rows.iter().zip(&self.scale).map(|(k, scale)| (swing(*k) / scale).powi(2)).sum::<f64>().sqrt()
    }

    fn small_enough(&self) -> Result<(), String> {
        match self.rows.len() {
            d if d > DENSE => Err(format!("{d} dynamic equations: cycles are followed for {DENSE} at most")),
            _ => Ok(()),
        }
    }

    /// The solved cycle that a branch starts with.
    ///
    /// # Errors
    /// If the map cannot be linearised there.
    pub fn start(&mut self, p: f64, track: &Track) -> Result<Point, String> {
        self.small_enough()?;
        let extra = 1 + usize::from(self.path.free);
        let mut before = vec![0.0; self.rows.len() + extra];
        let last = before.len() - 1;
        before[last] = (self.path.to - p).signum();
        self.finished(p, track.clone(), &before, 0).ok_or_else(|| "the first cycle cannot be linearised".to_string())
    }

    /// The first cycle off a Hopf point: `x + 2 Re(a right exp(i omega t))` with `a` so that the charges move by `reach` of
    /// their size at most.
    ///
    /// # Errors
    /// If no small cycle is found.
    pub fn from_hopf(&mut self, p: f64, still: &Track, moved: &[Complex64], reach: f64) -> Result<Point, String> {
        self.small_enough()?;
        let part = |k: usize| moved[self.rows[k]] / self.scale[k];
        let most = (0..self.rows.len()).map(|k| part(k).norm()).fold(0.0, f64::max);
        let extra = 1 + usize::from(self.path.free);
        let mut tangent: Vec<f64> = (0..self.rows.len()).map(|k| part(k).re / most).collect();
        tangent.extend(vec![0.0; extra]);
        let length = tangent.iter().map(|t| t * t).sum::<f64>().sqrt();
        tangent.iter_mut().for_each(|t| *t /= length);
        let centre = Point { p, track: still.clone(), multipliers: Vec::new(), off: 0.0, special: None, tangent, corrections: 0 };
        (0..4)
            .find_map(|k| self.correct(&centre, reach * 0.3f64.powi(k)))
            .ok_or_else(|| "no small cycle closes near the Hopf point".to_string())
    }

    /// The branch from `start`, which is taken too.
    pub fn run(&mut self, start: Point, take: &mut Taker) -> End {
        let Path { to, from, span, most, .. } = self.path;
        if !take(&start) {
            return End::Stopped;
        }
        let (mut here, mut ds, mut largest, mut age) = (start, STEP.0, 0.0f64, 0);
        for _ in 0..most {
            let size = self.size(&here.track);
            largest = largest.max(size);
            if age >= SERVES {
                here = self.remeshed(here);
                age = 0;
            }
            let pace = here.tangent[here.tangent.len() - 1].abs() * span;
            let longest = STEP.2.min(if pace > 0.0 { self.path.longest / pace } else { STEP.2 }).min((0.35 * size).max(STEP.1));
            let next = loop {
                ds = ds.min(longest);
                if let Some(next) = self.correct(&here, ds) {
                    break next;
                }
                ds *= 0.4;
                if ds < STEP.1 {
                    return End::Stuck("Newton finds no cycle however near".to_string());
                }
            };
            age += 1;
            let small = self.size(&next.track);
            if small < SMALL * largest && small < size {
                let _ = take(&next);
                // The square of the amplitude goes as the parameter.
                let (a, b) = (size * size, small * small);
                return End::Hopf(next.p - (next.p - here.p) * b / (b - a));
            }
            for special in self.specials(&here, &next, ds) {
                if !take(&special) {
                    return End::Stopped;
                }
            }
            if (next.p - to) * (here.p - to) <= 0.0 && next.p != here.p {
                if let Some(last) = self.at(&here, ds, &|point| point.p - to) {
                    let _ = take(&last);
                }
                return End::Range;
            }
            if (next.p - from) * (to - from).signum() < -1e-9 * span {
                let _ = take(&next);
                return End::Range;
            }
            if !take(&next) {
                return End::Stopped;
            }
            ds *= if next.corrections <= CORRECTIONS.1 { 1.4 } else { 0.8 };
            here = next;
            self.rescale(&mut here);
        }
        End::Spent
    }

    /// Charges that have grown beyond their size get a new one, and the tangent with them.
    fn rescale(&mut self, point: &mut Point) {
        for (i, (k, scale)) in self.rows.iter().zip(&mut self.scale).enumerate() {
            let size = point.track.q.iter().map(|q| q[*k].abs()).fold(0.0, f64::max);
            if size > 2.0 * *scale {
                point.tangent[i] *= *scale / size;
                *scale = size;
            }
        }
        let length = point.tangent.iter().map(|t| t * t).sum::<f64>().sqrt();
        point.tangent.iter_mut().for_each(|t| *t /= length);
    }

    /// The same cycle on a mesh of its own; as it was if that fails.
    fn remeshed(&mut self, point: Point) -> Point {
        let track = point.track.clone();
        let meshed = self.with(point.p, &track, |search| search.remesh(&track).ok());
        let closed = meshed.and_then(|mut meshed| {
            let free = self.path.free;
            self.with(point.p, &track, |search| {
                meshed.q[0].clone_from(&track.q[0]);
                search.shoot(&meshed, free).ok().map(|orbit| orbit.track)
            })
        });
        match closed.and_then(|track| self.finished(point.p, track, &point.tangent, point.corrections)) {
            Some(new) => Point { special: point.special, ..new },
            None => point,
        }
    }

    /// What happens between two points, located.
    fn specials(&mut self, a: &Point, b: &Point, ds: f64) -> Vec<Point> {
        let last = a.tangent.len() - 1;
        let mut kinds = Vec::new();
        let fold = a.tangent[last] * b.tangent[last] < 0.0;
        if fold {
            kinds.push(Kind::Fold);
        }
        let above = |p: &Point| p.multipliers.iter().filter(|m| m.im == 0.0 && m.re > 1.0).count();
        let below = |p: &Point| p.multipliers.iter().filter(|m| m.im == 0.0 && m.re < -1.0).count();
        let outside = |p: &Point| p.multipliers.iter().filter(|m| m.im > 0.0 && m.norm() > 1.0).count();
        if above(a) != above(b) && !fold {
            kinds.push(Kind::Crossing);
        }
        if below(a) != below(b) {
            kinds.push(Kind::Doubling);
        }
        // A pair may also meet on the real axis outside of the circle.
        if outside(a) != outside(b) && above(a) == above(b) && below(a) == below(b) {
            kinds.push(Kind::Torus);
        }
        let mut found: Vec<Point> = kinds
            .into_iter()
            .filter_map(|kind| {
                let test = move |point: &Point| test(kind, point);
                self.at(a, ds, &test).map(|point| Point { special: Some(kind), ..point })
            })
            .collect();
        found.sort_by(|x, y| (x.p - a.p).abs().total_cmp(&(y.p - a.p).abs()));
        found
    }

    /// The cycle within `ds` of `from` where `test` vanishes.
    fn at(&mut self, from: &Point, ds: f64, test: &dyn Fn(&Point) -> f64) -> Option<Point> {
        let (mut low, mut f_low) = (0.0, test(from));
        let mut best = self.correct(from, ds)?;
        let (mut high, mut f_high) = (ds, test(&best));
        if f_low * f_high > 0.0 {
            return None;
        }
        let mut side = 0;
        for _ in 0..SECANTS {
            let s = low - f_low * (high - low) / (f_high - f_low);
            let s = if s > low && s < high { s } else { 0.5 * (low + high) };
            let point = self.correct(from, s)?;
            let f = test(&point);
            let done = f.abs() <= 1e-10 || (high - low) <= 1e-12 * ds;
            best = point;
            if done {
                break;
            }
            if f * f_low > 0.0 {
                (low, f_low) = (s, f);
                // Illinois: the end that stays counts half.
                f_high *= if side == 1 { 0.5 } else { 1.0 };
                side = 1;
            } else {
                (high, f_high) = (s, f);
                f_low *= if side == 2 { 0.5 } else { 1.0 };
                side = 2;
            }
        }
        Some(best)
    }
}

/// Zero where `kind` happens.
fn test(kind: Kind, point: &Point) -> f64 {
    let real = || point.multipliers.iter().filter(|m| m.im == 0.0).map(|m| m.re);
    let nearest = |target: f64| real().min_by(|a, b| (a - target).abs().total_cmp(&(b - target).abs())).unwrap_or(f64::NAN);
    match kind {
        Kind::Fold => point.tangent[point.tangent.len() - 1],
        Kind::Crossing => nearest(1.0) - 1.0,
        Kind::Doubling => nearest(-1.0) + 1.0,
        Kind::Torus => {
            let moduli = point.multipliers.iter().filter(|m| m.im > 0.0).map(|m| m.norm() - 1.0);
            moduli.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(f64::NAN)
        }
    }
}

/// How transients along the path are made.
fn course<'b>(path: &Path<'b>, params: &'b Params, period: f64) -> Course<'b> {
    let longest = period / path.fewest;
    let ceilings = vec![Ceiling { name: "ceiling: share of a period".into(), longest }];
    Course { system: path.system, params, past: path.past, tolerances: path.tolerances, ceilings }
}
