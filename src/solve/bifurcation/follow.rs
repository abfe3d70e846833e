//! Equilibria against a parameter: every branch that is connected with the start, every special point on it.
//!
//! Along a branch by arclength. Between two places a fold shows by the sign of dp/ds, a crossing by that of the determinant
//! bordered with the tangent, and whatever else changes the number of unstable eigenvalues by an even number is a Hopf point (or
//! several real eigenvalues at once, by symmetry). A stretch with more than one of these is divided. Each is then located as an isolated
//! solution of its extended system ([`super::special`]), so that steps decide nothing but what is looked at. From a crossing the
//! other branch is followed in both directions.

use num_complex::Complex64;

use crate::solve::failure::Failure;
use crate::solve::settle::outside;
use crate::sparse::{eigen, modes};

use super::curve::{Curve, Equilibria, Place, isolate};
use super::diagram::{Arm, Diagram, End, Form, Sample, Special};
use super::field::Field;
use super::normal;
use super::special::{Crossing, Fold, Turning};

/// How far and how fine.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Range of the parameter; the way begins towards the second.
    pub range: (f64, f64),
    /// Where it begins.
    pub start: f64,
    /// Longest step as a part of the range.
    pub longest: f64,
    /// Places on one arm at most.
    pub places: usize,
    /// Arms at most; 1: no branch switching.
    pub arms: usize,
    /// Eigenvalues looked at where there are too many for all of them; 0: none.
    pub modes: usize,
    /// Values of the parameter at which every branch shows a place of its own.
    pub at: Vec<f64>,
}

impl Settings {
    /// The usual settings for a range.
    pub fn new(from: f64, to: f64) -> Settings {
        Settings { range: (from, to), start: from, longest: 0.02, places: 2000, arms: 24, modes: 12, at: Vec::new() }
    }
}

/// First step and shortest step in the measure of the curve.
const STEP: (f64, f64) = (0.005, 1e-9);
/// Longest step per root of the number of unknowns.
const REACH: f64 = 0.05;
/// Divisions of a stretch with several special points.
const DIVISIONS: u32 = 24;
/// Steps away from a crossing that are tried.
const DEPARTURES: [f64; 7] = [2e-3, 1e-2, 5e-4, 3e-2, 1e-4, 0.1, 1e-5];
/// Distance within which two special points are the same.
const SAME: f64 = 1e-5;

/// A place with its eigenvalues.
#[derive(Clone)]
struct Known {
    place: Place,
    values: Vec<Complex64>,
}

impl Known {
    fn unstable(&self) -> usize {
        self.values.iter().filter(|s| s.re > 0.0).count()
    }

    fn rightmost(&self) -> Complex64 {
        self.values.first().copied().unwrap_or(Complex64::new(f64::NAN, 0.0))
    }
}

/// What changes between two places.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Events {
    fold: bool,
    crossing: bool,
    pairs: usize,
    odd: bool,
}

impl Events {
    fn count(self) -> usize {
        usize::from(self.fold) + usize::from(self.crossing) + self.pairs + usize::from(self.odd)
    }
}

/// A way not yet gone.
struct Ray {
    origin: Option<usize>,
    z: Vec<f64>,
    direction: Vec<f64>,
}

/// Branches under way.
pub struct Follower<'a, 'b> {
    curve: Curve<'a, Equilibria>,
    settings: Settings,
    stop: &'b dyn Fn() -> bool,
    progress: &'b dyn Fn(f64),
    diagram: Diagram,
    rays: Vec<Ray>,
    /// Directions in which each special point has been left or reached: point, direction.
    gone: Vec<(usize, Vec<f64>)>,
}

/// Follows all branches connected with `x`, which is close to an equilibrium at the start of the range.
///
/// # Errors
/// If there is no equilibrium near `x`, or it is singular.
pub fn follow<'a>(
    field: Field<'a>,
    x: &[f64],
    settings: Settings,
    stop: &dyn Fn() -> bool,
    progress: &dyn Fn(f64),
) -> Result<(Diagram, Field<'a>), Box<(Failure, Field<'a>)>> {
    let n = field.n();
    let mut z = x.to_vec();
    z.push(settings.start);
    let (start, (from, to)) = (settings.start, settings.range);
    let curve = Curve::new(field, Equilibria, &[]);
    let mut follower =
        Follower { curve, settings, stop, progress, diagram: Diagram::default(), rays: Vec::new(), gone: Vec::new() };
    let entered = match follower.curve.enter(&z, n, (to - from).signum()) {
        Ok(place) => place,
        Err(failure) => return Err(Box::new((failure, follower.curve.field))),
    };
    let back: Vec<f64> = entered.tangent.iter().map(|t| -t).collect();
    follower.rays.push(Ray { origin: None, z: entered.z.clone(), direction: entered.tangent });
    if (start - from).abs() > 1e-9 * (to - from).abs() {
        follower.rays.push(Ray { origin: None, z: entered.z, direction: back });
    }
    while !follower.rays.is_empty() && follower.diagram.arms.len() < follower.settings.arms {
        let ray = follower.rays.remove(0);
        follower.arm(ray);
        if matches!(follower.diagram.arms.last(), Some(arm) if arm.end == End::Stopped) {
            break;
        }
    }
    if !follower.rays.is_empty() && follower.settings.arms > 1 {
        let text = format!("{} more branches are not followed (arms={})", follower.rays.len(), follower.settings.arms);
        follower.diagram.remarks.push(text);
    }
    follower.mirror_images();
    follower.diagram.counts = follower.curve.field.counts;
    Ok((follower.diagram, follower.curve.field))
}

impl Follower<'_, '_> {
    fn n(&self) -> usize {
        self.curve.field.n()
    }

    /// Eigenvalues at the place assembled last.
    fn spectrum(&mut self, place: Place) -> Known {
        let field = &self.curve.field;
        let wanted = self.settings.modes;
        let dense = field.n() <= 200;
        let values = match () {
            () if dense => eigen::eigenvalues(field.pattern(), field.j(), &field.c, usize::MAX).unwrap_or_default(),
            () if wanted == 0 => Vec::new(),
            () => modes::rightmost(field.pattern(), field.j(), &field.c, wanted).map(|s| s.values).unwrap_or_default(),
        };
        Known { place, values }
    }

    /// The first place of a ray.
    fn depart(&mut self, ray: &Ray) -> Result<Place, Failure> {
        if ray.origin.is_none() {
            return self.curve.tangent(&ray.z, &ray.direction);
        }
        let mut failure = Failure::NotFinite;
        // Sizes may have grown since the direction was found.
        let length = self.curve.dot(&ray.direction, &ray.direction).sqrt();
        let direction: Vec<f64> = ray.direction.iter().map(|d| d / length).collect();
        for step in DEPARTURES {
            let ahead: Vec<f64> = ray.z.iter().zip(&direction).map(|(z, t)| z + step * t).collect();
            let row = self.curve.row(&direction);
            let value = row.iter().zip(&ahead).map(|(r, z)| r * z).sum();
            let mut z = ahead.clone();
            let place = self.curve.correct(&mut z, &row, value).and_then(|_| self.curve.tangent(&z, &direction));
            match place {
                Ok(place) => {
                    let cosine = self.curve.dot(&place.tangent, &direction);
                    if self.curve.distance(&place.z, &ahead) < 0.3 * step && cosine > 0.7 {
                        return Ok(place);
                    }
                }
                Err(other) => failure = other,
            }
        }
        Err(failure)
    }

    /// Follows one ray to its end.
    fn arm(&mut self, ray: Ray) {
        let start = match self.depart(&ray) {
            Ok(place) => place,
            Err(failure) => {
                let words = failure.words(self.curve.field.statics.system);
                let label = ray.origin.map_or_else(String::new, |k| format!(" from {}", self.diagram.specials[k].label));
                self.diagram.remarks.push(format!("a branch{label} cannot be entered: {words}"));
                return;
            }
        };
        let known = self.spectrum(start);
        let mut samples = Vec::new();
        if let Some(k) = ray.origin {
            samples.push(Sample { z: ray.z.clone(), unstable: known.unstable(), rightmost: known.rightmost(), special: Some(k) });
        }
        samples.push(self.sample(&known));
        let number = self.diagram.arms.len();
        self.diagram.arms.push(Arm { origin: ray.origin, samples, end: End::Spent });
        let end = self.march(number, known, &ray);
        self.diagram.arms[number].end = end;
    }

    fn sample(&self, known: &Known) -> Sample {
        Sample { z: known.place.z.clone(), unstable: known.unstable(), rightmost: known.rightmost(), special: None }
    }

    /// Longest step: a part of the range.
    fn longest(&self, place: &Place) -> f64 {
        let n = self.n();
        let span = (self.settings.range.1 - self.settings.range.0).abs();
        let by_range = self.settings.longest * span / place.tangent[n].abs().max(1e-300);
        (REACH * (n as f64).sqrt()).min(by_range)
    }

    fn march(&mut self, number: usize, first: Known, ray: &Ray) -> End {
        let n = self.n();
        let (low, high) = (self.settings.range.0.min(self.settings.range.1), self.settings.range.0.max(self.settings.range.1));
        let slack = 1e-12 * (high - low);
        let mut here = first;
        let mut step = STEP.0;
        let leaves = |p: f64, towards: f64| p >= high - slack && towards > 0.0 || p <= low + slack && towards < 0.0;
        if leaves(here.place.z[n], here.place.tangent[n]) {
            return End::Range(here.place.z[n]);
        }
        for count in 0..self.settings.places {
            if (self.stop)() {
                return End::Stopped;
            }
            let longest = self.longest(&here.place);
            let (mut next, proposal) = match self.curve.step(&here.place, step.min(longest), STEP.1) {
                Ok(found) => found,
                Err(failure) => return End::Stuck(failure.words(self.curve.field.statics.system)),
            };
            step = proposal;
            let mut end = None;
            let p = next.z[n];
            if p > high || p < low {
                let limit = if p > high { high } else { low };
                match self.curve.at(&here.place, &next, n, limit) {
                    Ok(place) => next = place,
                    Err(failure) => return End::Stuck(failure.words(self.curve.field.statics.system)),
                }
                end = Some(End::Range(limit));
            }
            let layout = self.curve.field.statics.system.layout();
            if let Some(k) = outside(layout, &next.z[..n]).filter(|_| outside(layout, &here.place.z[..n]).is_none()) {
                return End::Bound(k);
            }
            if count > 3 && end.is_none() && ray.origin.is_none() && self.passes(&here.place, &next, &ray.z) {
                let place = self.curve.tangent(&ray.z, &here.place.tangent);
                if let Ok(place) = place {
                    let known = self.spectrum(place);
                    let sample = self.sample(&known);
                    self.diagram.arms[number].samples.push(sample);
                }
                return End::Closed;
            }
            let next = match self.curve.tangent(&next.z.clone(), &here.place.tangent) {
                Ok(place) => self.spectrum(place),
                Err(failure) => return End::Stuck(failure.words(self.curve.field.statics.system)),
            };
            if let Some(joined) = self.advance(number, &here, &next, DIVISIONS) {
                return joined;
            }
            here = next;
            (self.progress)(
                ((here.place.z[n] - self.settings.range.0) / (self.settings.range.1 - self.settings.range.0)).clamp(0.0, 1.0),
            );
            if let Some(end) = end {
                return end;
            }
        }
        End::Spent
    }

    /// Whether `z` lies on the way from `a` to `b`.
    fn passes(&self, a: &Place, b: &Place, z: &[f64]) -> bool {
        let chord: Vec<f64> = b.z.iter().zip(&a.z).map(|(b, a)| b - a).collect();
        let to: Vec<f64> = z.iter().zip(&a.z).map(|(z, a)| z - a).collect();
        let length = self.curve.dot(&chord, &chord);
        let theta = self.curve.dot(&to, &chord) / length;
        let off: Vec<f64> = to.iter().zip(&chord).map(|(t, c)| t - theta * c).collect();
        (0.0..=1.0).contains(&theta) && self.curve.dot(&off, &off) < 1e-4 * length
    }

    fn events(&self, a: &Known, b: &Known) -> Events {
        let n = self.n();
        let fold = a.place.tangent[n] * b.place.tangent[n] < 0.0;
        let crossing = a.place.determinant.0 != b.place.determinant.0;
        let mut events = Events { fold, crossing, pairs: 0, odd: false };
        if a.values.is_empty() || b.values.is_empty() {
            return events;
        }
        let change = b.unstable() as i64 - a.unstable() as i64;
        let signs = |present: bool| if present { vec![1, -1] } else { vec![0] };
        let rest = signs(fold).iter().flat_map(|f| signs(crossing).into_iter().map(move |c| (change - f - c).unsigned_abs())).min();
        let rest = rest.unwrap_or(0) as usize;
        (events.pairs, events.odd) = (rest / 2, rest % 2 == 1);
        events
    }

    /// Records the way from `a` to `b` with whatever lies on it; an end if it runs into what is known.
    fn advance(&mut self, number: usize, a: &Known, b: &Known, divisions: u32) -> Option<End> {
        // Rows that are asked for divide the way, so that nothing special hides them.
        if let Some(mark) = self.mark(a, b) {
            return self.advance(number, a, &mark, divisions).or_else(|| self.advance(number, &mark, b, divisions));
        }
        let events = self.events(a, b);
        if events.count() > 1 && divisions > 0 {
            let middle = self.curve.between(&a.place, &b.place, 0.5);
            if let Ok(place) = middle
                && self.curve.distance(&a.place.z, &b.place.z) > 1e-7
            {
                let middle = self.spectrum(place);
                return self.advance(number, a, &middle, divisions - 1).or_else(|| self.advance(number, &middle, b, divisions - 1));
            }
        }
        let mut joined = None;
        if events.count() > 0 {
            joined = self.locate(number, a, b, events);
        }
        if joined.is_none() {
            let sample = self.sample(b);
            self.diagram.arms[number].samples.push(sample);
        }
        joined
    }

    /// The first place on the way from `a` to `b` where the parameter has a value that is asked for.
    fn mark(&mut self, a: &Known, b: &Known) -> Option<Known> {
        let n = self.n();
        let slack = 1e-9 * (self.settings.range.1 - self.settings.range.0).abs();
        let (from, to) = (a.place.z[n], b.place.z[n]);
        let inside = |p: &f64| *p > from.min(to) + slack && *p < from.max(to) - slack;
        let mut marks: Vec<f64> = self.settings.at.iter().copied().filter(inside).collect();
        marks.sort_by(|p, q| (p - from).abs().total_cmp(&(q - from).abs()));
        marks.into_iter().find_map(|p| {
            let place = self.curve.at(&a.place, &b.place, n, p).ok()?;
            let place = self.curve.tangent(&place.z, &a.place.tangent).ok()?;
            // A value met no better than this would be met again and again.
            ((place.z[n] - p).abs() < 0.5 * slack).then(|| self.spectrum(place))
        })
    }

    /// Locates what lies between two places and records it.
    fn locate(&mut self, number: usize, a: &Known, b: &Known, events: Events) -> Option<End> {
        let (z, form, tangent) = match () {
            () if events.crossing => self.crossing(a, b),
            () if events.fold => self.fold(a, b),
            () if events.pairs > 0 => self.hopf(a, b),
            () => (
                self.bisect(a, b, &|k: &Known| k.unstable() as f64 - a.unstable() as f64 - 0.5),
                Form::Infinite,
                a.place.tangent.clone(),
            ),
        };
        // A real eigenvalue that comes near to infinity is no event of the equilibria; a glitch of a zero is none at all.
        if form == Form::Infinite && !far(a, b) {
            return None;
        }
        let letters = form.letters();
        // The eigenvalue that is on the imaginary axis here.
        let critical = match &form {
            Form::Hopf(hopf) => Complex64::new(0.0, hopf.omega.abs()),
            Form::Fold(_) | Form::Crossing(_) if !a.values.is_empty() => Complex64::default(),
            _ => a.rightmost(),
        };
        let same = |s: &Special| s.form.letters() == letters && self.curve.distance(&s.z, &z) < SAME;
        let old = self.diagram.specials.iter().position(same);
        let index = old.unwrap_or(self.diagram.specials.len());
        if old.is_none() {
            let count = 1 + self.diagram.specials.iter().filter(|s| s.form.letters() == letters).count();
            let special = Special { label: format!("{letters}{count}"), z: z.clone(), form, arm: number, twin: None };
            self.diagram.specials.push(special);
        }
        self.diagram.arms[number].samples.push(Sample { z, unstable: a.unstable(), rightmost: critical, special: Some(index) });
        let on = self.gone_before(index, &tangent);
        let back: Vec<f64> = tangent.iter().map(|t| -t).collect();
        // Whoever comes in along a way that was still open has gone it.
        self.close(index, &back);
        self.gone.push((index, back));
        if old.is_some() && on {
            return Some(End::Joined(index));
        }
        self.close(index, &tangent);
        self.gone.push((index, tangent));
        if old.is_none() && self.settings.arms > 1 {
            self.open(index);
        }
        None
    }

    fn gone_before(&self, special: usize, direction: &[f64]) -> bool {
        self.gone.iter().any(|(k, d)| *k == special && self.cosine(d, direction) > 0.99)
    }

    fn cosine(&self, a: &[f64], b: &[f64]) -> f64 {
        self.curve.dot(a, b) / (self.curve.dot(a, a) * self.curve.dot(b, b)).sqrt()
    }

    /// Takes a direction out of the ways still open.
    fn close(&mut self, special: usize, direction: &[f64]) {
        let rays = std::mem::take(&mut self.rays);
        self.rays = rays.into_iter().filter(|r| r.origin != Some(special) || self.cosine(&r.direction, direction) < 0.99).collect();
    }

    /// Opens the other ways from a crossing.
    fn open(&mut self, index: usize) {
        let Form::Crossing(form) = &self.diagram.specials[index].form else { return };
        let z = self.diagram.specials[index].z.clone();
        for direction in form.others.clone() {
            for sign in [1.0, -1.0] {
                let direction: Vec<f64> = direction.iter().map(|d| sign * d).collect();
                self.gone.push((index, direction.clone()));
                self.rays.push(Ray { origin: Some(index), z: z.clone(), direction });
            }
        }
    }

    /// The place where a measure changes its sign, by bisection.
    fn bisect(&mut self, a: &Known, b: &Known, measure: &dyn Fn(&Known) -> f64) -> Vec<f64> {
        let (mut low, mut high) = (0.0, 1.0);
        let mut best = a.place.z.clone();
        let above = measure(b) > 0.0;
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            let Ok(place) = self.curve.between(&a.place, &b.place, middle) else { break };
            let known = self.spectrum(place);
            best = known.place.z.clone();
            if (measure(&known) > 0.0) == above { high = middle } else { low = middle }
        }
        best
    }

    /// Whether a located point belongs to the stretch that was looked at.
    fn belongs(&self, z: &[f64], a: &Known, b: &Known) -> bool {
        let length = self.curve.distance(&a.place.z, &b.place.z);
        let n = self.n() + 1;
        self.curve.distance(&z[..n], &a.place.z) <= 1.5 * length && self.curve.distance(&z[..n], &b.place.z) <= 1.5 * length
    }

    fn fold(&mut self, a: &Known, b: &Known) -> (Vec<f64>, Form, Vec<f64>) {
        let n = self.n();
        let (sa, sb) = (a.place.tangent[n], b.place.tangent[n]);
        let guess = self.curve.between(&a.place, &b.place, sa / (sa - sb)).unwrap_or_else(|_| b.place.clone());
        let direction = guess.tangent.clone();
        let found = self.at_fold(&guess);
        match found {
            Ok((z, form)) if self.belongs(&z, a, b) => (z, Form::Fold(form), direction),
            other => {
                let why = other.err().map_or("the point found lies elsewhere".to_string(), |f| f.to_string());
                (self.bisect(a, b, &|k: &Known| k.place.tangent[n]), Form::Unclear("LP", why), direction)
            }
        }
    }

    fn at_fold(&mut self, guess: &Place) -> Result<(Vec<f64>, normal::FoldForm), Failure> {
        let field = &mut self.curve.field;
        field.assemble(&guess.z)?;
        let mut conditions = Fold::new(field, &guess.tangent)?;
        let mut z = guess.z.clone();
        isolate(field, &mut conditions, &[], &mut z)?;
        let form = normal::fold(field, &mut conditions, &z)?;
        Ok((z, form))
    }

    fn crossing(&mut self, a: &Known, b: &Known) -> (Vec<f64>, Form, Vec<f64>) {
        let share = (a.place.determinant.1 - b.place.determinant.1).clamp(-30.0, 30.0).exp();
        let theta = (share / (1.0 + share)).clamp(0.02, 0.98);
        let guess = self.curve.between(&a.place, &b.place, theta).unwrap_or_else(|_| a.place.clone());
        let direction = guess.tangent.clone();
        match self.at_crossing(&guess) {
            Ok((z, form)) if self.belongs(&z, a, b) => {
                let along = form.along.clone();
                let sign = if self.curve.dot(&along, &direction) < 0.0 { -1.0 } else { 1.0 };
                (z, Form::Crossing(form), along.iter().map(|d| sign * d).collect())
            }
            other => {
                let why = other.err().map_or("the point found lies elsewhere".to_string(), |f| f.to_string());
                let sign = b.place.determinant.0;
                (self.bisect(a, b, &|k: &Known| sign * k.place.determinant.0), Form::Unclear("BP", why), direction)
            }
        }
    }

    fn at_crossing(&mut self, guess: &Place) -> Result<(Vec<f64>, normal::CrossingForm), Failure> {
        let field = &mut self.curve.field;
        field.assemble(&guess.z)?;
        let sizes = field.row_sizes();
        let unfolding = sizes.iter().copied().fold(0.0, f64::max);
        let mut conditions = Crossing::new(field, &guess.tangent)?;
        let mut z = guess.z.clone();
        z.push(0.0);
        isolate(field, &mut conditions, &[unfolding], &mut z)?;
        z.truncate(guess.z.len());
        let form = normal::crossing(field, &mut conditions, &z, &guess.tangent)?;
        Ok((z, form))
    }

    fn hopf(&mut self, a: &Known, b: &Known) -> (Vec<f64>, Form, Vec<f64>) {
        let direction = a.place.tangent.clone();
        let nearest = |k: &Known| {
            let complex = k.values.iter().filter(|s| s.im > 1e-9 * s.norm());
            complex.copied().min_by(|x, y| x.re.abs().total_cmp(&y.re.abs()))
        };
        let theta = match (nearest(a), nearest(b)) {
            (Some(x), Some(y)) if x.re * y.re < 0.0 => x.re / (x.re - y.re),
            _ => 0.5,
        };
        let change = b.unstable() > a.unstable();
        let before = a.unstable();
        let count = move |k: &Known| if (k.unstable() > before) == change && k.unstable() != before { 1.0 } else { -1.0 };
        let tried = self.curve.between(&a.place, &b.place, theta);
        let tried = tried.and_then(|guess| {
            let known = self.spectrum(guess);
            let s = nearest(&known).ok_or(Failure::NotFinite)?;
            self.at_hopf(&known.place, s)
        });
        match tried {
            Ok((z, form)) if self.belongs(&z, a, b) => (z, Form::Hopf(form), direction),
            other => {
                let z = self.bisect(a, b, &count);
                let again = self.curve.tangent(&z, &direction).and_then(|place| {
                    let known = self.spectrum(place);
                    let small: Vec<&Complex64> = known
                        .values
                        .iter()
                        .filter(|s| s.re.abs() < 1e-3 * known.values.iter().map(|v| v.norm()).fold(0.0, f64::max))
                        .collect();
                    if small.len() > 1 && small.iter().all(|s| s.im.abs() <= 1e-6 * known.rightmost().norm().max(1e-300)) {
                        return Ok(Err(small.len()));
                    }
                    let s = nearest(&known).ok_or(Failure::NotFinite)?;
                    self.at_hopf(&known.place, s).map(Ok)
                });
                match again {
                    Ok(Ok((found, form))) if self.belongs(&found, a, b) => (found, Form::Hopf(form), direction),
                    Ok(Err(several)) => (z, Form::Multiple(several), direction),
                    _ => {
                        let why = other.err().map_or("the point found lies elsewhere".to_string(), |f| f.to_string());
                        (z, Form::Unclear("HB", why), direction)
                    }
                }
            }
        }
    }

    fn at_hopf(&mut self, guess: &Place, s: Complex64) -> Result<(Vec<f64>, normal::Hopf), Failure> {
        let field = &mut self.curve.field;
        field.assemble(&guess.z)?;
        let vectors = modes::vectors(field.pattern(), field.j(), &field.c, &[s]).map_err(Failure::Singular)?;
        let mode = vectors.first().ok_or(Failure::NotFinite)?;
        let mut conditions = Turning::new(field, &mode.right, &mode.left, mode.s.im)?;
        let mut z = guess.z.clone();
        z.push(mode.s.im);
        isolate(field, &mut conditions, &[mode.s.im.abs()], &mut z)?;
        let form = normal::hopf(field, &mut conditions, &z)?;
        z.truncate(guess.z.len());
        Ok((z, form))
    }

    /// Special points whose unknowns are the same numbers in another order, at the same value of the parameter.
    fn mirror_images(&mut self) {
        let n = self.n();
        let layout = self.curve.field.statics.system.layout();
        let sorted = |z: &[f64]| {
            let mut entries: Vec<(u32, f64)> = (0..n).map(|k| (layout.unknowns[k].quantity, z[k].abs())).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            entries
        };
        let span = (self.settings.range.1 - self.settings.range.0).abs();
        for k in 0..self.diagram.specials.len() {
            let own = sorted(&self.diagram.specials[k].z);
            let alike = |other: &Special| {
                other.form.letters() == self.diagram.specials[k].form.letters()
                    && (other.z[n] - self.diagram.specials[k].z[n]).abs() <= 1e-7 * span
                    && sorted(&other.z).iter().zip(&own).all(|(a, b)| (a.1 - b.1).abs() <= 1e-6 * a.1.max(b.1).max(1e-9))
            };
            self.diagram.specials[k].twin = (0..k).find(|j| alike(&self.diagram.specials[*j]));
        }
    }
}

/// Whether an eigenvalue is much faster on one side than anything on the other: on its way through infinity.
fn far(a: &Known, b: &Known) -> bool {
    let fastest = |k: &Known| k.values.iter().map(|s| s.norm()).fold(0.0, f64::max);
    let slowest = |k: &Known| k.values.iter().map(|s| s.re.abs()).fold(f64::INFINITY, f64::min);
    slowest(a).min(slowest(b)) > 1e-9 * fastest(a).max(fastest(b))
}
