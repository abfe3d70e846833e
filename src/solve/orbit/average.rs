//! The averaged field: slow states under a fast periodic drive, frozen during a period (theory, eq 3 to 5).
//!
//! `dx/dt = F(x) = <r(x, t)>` over a period, `r = -C^-1 f` of the states' rows at the solution of all other equations with the
//! states as they are. Edges of pulses are ideal: their time goes to the flat parts on both sides. The derivative of F follows
//! from the same factors as the solution; fixed points are its zeros, stable where all eigenvalues of dF/dx lie to the left.

use faer::Mat;

use crate::dae::{Change, Memory, ParamId, Params, Phase, System, Want};
use crate::solve::newton::{Implicit, Newton, Rows};
use crate::solve::{Counts, Tolerances, floors};

use super::clock::Clock;
use super::dense;
use super::quadrature::{Piece, mean};

/// Edges longer than this share of the period are ramps.
const EDGE: f64 = 0.05;
/// Panels for each period of the fastest smooth source.
const PANELS: f64 = 8.0;
/// Newton iterations on the mean field.
const ITERATIONS: u32 = 60;
/// Relative accuracy of fixed points.
const EXACT: f64 = 1e-14;

/// The field with its workspace.
pub struct Averaged<'a> {
    system: &'a dyn System,
    tolerances: &'a Tolerances,
    past: &'a Memory,
    /// Parameter values.
    pub params: Params,
    /// The slow states, as unknowns.
    pub states: Vec<u32>,
    /// The parts of a period.
    pub pieces: Vec<Piece>,
    /// What it cost.
    pub counts: Counts,
    newton: Newton,
    x: Vec<f64>,
    right: Vec<f64>,
}

/// The field and its derivative.
pub struct Mean {
    /// Rates, unit of the state per s.
    pub rate: Vec<f64>,
    /// Their derivatives by the states.
    pub jacobian: Mat<f64>,
}

impl Mean {
    /// The largest real part of the eigenvalues, 1/s: negative where the field attracts.
    pub fn growth(&self) -> f64 {
        dense::modes(&self.jacobian).iter().map(|m| m.value.re).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The parts of a period of `clock`: between corners, ideal edges left out unless `real_edges`.
pub fn pieces(system: &dyn System, params: &Params, clock: Clock, real_edges: bool) -> Vec<Piece> {
    let (start, end) = (clock.from, clock.from + clock.period);
    let near = 1e-9 * clock.period;
    let mut corners = vec![start];
    loop {
        let last = corners[corners.len() - 1];
        let corner = crate::solve::source_break(system, params, last + near);
        if corner >= end - near {
            break;
        }
        corners.push(corner);
    }
    corners.push(end);
    let edge = |from: f64, to: f64| {
        let middle = 0.5 * (from + to);
        system.drives(params).iter().filter(|d| d.period.is_finite()).any(|d| {
            let within = (middle - d.from).rem_euclid(d.period);
            d.edges.iter().any(|(at, length)| *length < EDGE * d.period && within >= *at && within <= at + length)
        })
    };
    let mut all: Vec<(Piece, bool)> = corners
        .windows(2)
        .map(|w| (Piece { from: w[0], to: w[1], weight: (w[1] - w[0]) / clock.period }, !real_edges && edge(w[0], w[1])))
        .collect();
    let count = all.len();
    for k in (0..count).filter(|k| all[*k].1).collect::<Vec<_>>() {
        let half = 0.5 * all[k].0.weight;
        let flat = |mut j: usize, by: usize| {
            (0..count).find_map(|_| {
                j = (j + by) % count;
                (!all[j].1).then_some(j)
            })
        };
        if let (Some(left), Some(right)) = (flat(k, count - 1), flat(k, 1)) {
            all[left].0.weight += half;
            all[right].0.weight += half;
        }
    }
    let smooth = system.motion(params).map_or(f64::INFINITY, |m| m.period);
    let panels = |piece: Piece| {
        let parts = (PANELS * (piece.to - piece.from) / smooth).ceil().max(1.0);
        let at = move |k: f64| piece.from + (piece.to - piece.from) * k / parts;
        (0..parts as u32).map(f64::from).map(move |k| Piece { from: at(k), to: at(k + 1.0), weight: piece.weight / parts })
    };
    all.into_iter().filter(|p| !p.1).flat_map(|p| panels(p.0)).collect()
}

impl<'a> Averaged<'a> {
    /// The field of `states` over `pieces`; `x`: unknowns to start from.
    pub fn new(
        (system, tolerances, past): (&'a dyn System, &'a Tolerances, &'a Memory),
        params: Params,
        states: Vec<u32>,
        pieces: Vec<Piece>,
        x: &[f64],
    ) -> Averaged<'a> {
        Averaged {
            system,
            tolerances,
            past,
            params,
            states,
            pieces,
            counts: Counts::default(),
            newton: Newton::new(system),
            x: x.to_vec(),
            right: vec![0.0; x.len()],
        }
    }

    /// Solves everything but the states at time `t`; the unknowns are in `self.x`, the factors in `newton`.
    fn freeze(&mut self, t: f64, values: &[f64]) -> bool {
        let pins: Vec<(u32, f64)> = self.states.iter().copied().zip(values.iter().copied()).collect();
        let q0 = vec![0.0; self.x.len()];
        let rows = Rows::Static { q0: &q0, pins: &pins };
        let Averaged { system, params, past, .. } = self;
        let eq = Implicit { alpha: 0.0, beta: &[], t, rows, params, past, phase: Phase::Transient };
        pins.iter().for_each(|(k, value)| self.x[*k as usize] = *value);
        let before = self.x.clone();
        let solved = self.newton.solve(*system, &eq, self.tolerances, &mut self.x, &mut self.counts).is_ok()
            && self.newton.linearise(*system, &eq, &self.x, &mut self.counts).is_ok();
        if !solved {
            self.x = before;
        }
        solved
    }

    /// Rates and their derivatives at `t`, into `out`: d rates, then d x d derivatives by rows.
    fn rates(&mut self, t: f64, values: &[f64], out: &mut [f64]) -> bool {
        if !self.freeze(t, values) {
            return false;
        }
        let (d, pattern) = (values.len(), self.system.pattern());
        let states = self.states.clone();
        let place = |row: u32, column: u32| {
            let range = pattern.column(column as usize);
            pattern.rows[range.clone()].binary_search(&row).ok().map(|k| range.start + k)
        };
        let eval = self.newton.eval();
        let c = Mat::from_fn(d, d, |i, j| place(states[i], states[j]).map_or(0.0, |s| eval.c[s]));
        let g: Vec<f64> = eval.g[..pattern.len()].to_vec();
        let f: Vec<f64> = states.iter().map(|k| -eval.f[*k as usize]).collect();
        out[..d].copy_from_slice(&dense::solve(&c, &f));
        for j in 0..d {
            self.right.fill(0.0);
            self.right[states[j] as usize] = 1.0;
            self.newton.back_substitute(&mut self.right);
            let mut df = vec![0.0; self.right.len()];
            pattern.multiply_add(&g, &self.right, &mut df);
            let minus: Vec<f64> = states.iter().map(|k| -df[*k as usize]).collect();
            for (i, slope) in dense::solve(&c, &minus).into_iter().enumerate() {
                out[d + i * d + j] = slope;
            }
        }
        out.iter().all(|v| v.is_finite())
    }

    /// The mean field at `values`; `None` where the other equations have no solution.
    pub fn field(&mut self, values: &[f64]) -> Option<Mean> {
        let d = values.len();
        let pieces = self.pieces.clone();
        let all = mean(&pieces, d + d * d, d, &mut |t, out| self.rates(t, values, out))?;
        Some(Mean { rate: all[..d].to_vec(), jacobian: Mat::from_fn(d, d, |i, j| all[d + i * d + j]) })
    }

    /// Means of all output rows at `values`.
    pub fn outputs(&mut self, values: &[f64]) -> Option<Vec<f64>> {
        let size = self.system.layout().outputs.len();
        let mut eval = crate::dae::Eval::new(self.system);
        let pieces = self.pieces.clone();
        // Nothing counts: every piece is taken once.
        mean(&pieces, size, 0, &mut |t, out| {
            let ok = self.freeze(t, values);
            let Averaged { system, params, past, .. } = self;
            let at = crate::dae::Point { x: &self.x, t, params, past, trial: None, phase: Phase::Transient };
            system.eval(&at, Want::OUTPUTS, &mut eval);
            out.copy_from_slice(&eval.outputs.value);
            ok
        })
    }

    /// The zero of the field that Newton finds from `values`.
    pub fn fixed_point(&mut self, values: &[f64]) -> Option<(Vec<f64>, Mean)> {
        let mut y = values.to_vec();
        for _ in 0..ITERATIONS {
            let mean = self.field(&y)?;
            let minus: Vec<f64> = mean.rate.iter().map(|r| -r).collect();
            let step = dense::solve(&mean.jacobian, &minus);
            // Rates are exponentials of the state: whole steps overshoot.
            let reach = |(k, step): (usize, &f64)| step.abs() / (0.1 * y[k].abs().max(self.span(k)));
            let factor = 1.0 / step.iter().enumerate().map(reach).fold(1.0, f64::max);
            if !factor.is_finite() {
                return None;
            }
            let small = step.iter().zip(&y).all(|(s, y)| s.abs() <= EXACT * y.abs());
            if small || factor == 1.0 && step.iter().zip(&y).all(|(s, y)| s.abs() <= 1e-9 * y.abs()) {
                y.iter_mut().zip(&step).for_each(|(y, s)| *y += s);
                return self.field(&y).map(|mean| (y, mean));
            }
            y.iter_mut().zip(&step).for_each(|(y, s)| *y += factor * s);
        }
        None
    }

    /// What is small for a state: a tenth of its range, or its absolute tolerance.
    fn span(&self, k: usize) -> f64 {
        let unknown = &self.system.layout().unknowns[self.states[k] as usize];
        let (low, high) = unknown.bounds;
        let floor = floors(self.system.layout()).nth(self.states[k] as usize).unwrap_or(0.0);
        if (high - low).is_finite() { 0.1 * (high - low) } else { 1e3 * floor }
    }

    /// All zeros of the field of a single state between `low` and `high` that a scan of `points` points can tell apart.
    pub fn scan(&mut self, low: f64, high: f64, points: u32) -> Vec<(f64, Mean)> {
        let at = |k: u32| low + (high - low) * f64::from(k) / f64::from(points);
        let mut found = Vec::new();
        let mut before: Option<(f64, f64)> = None;
        for k in 0..=points {
            let now = self.field(&[at(k)]).map(|m| (at(k), m.rate[0]));
            if let (Some(a), Some(b)) = (before, now)
                && a.1 * b.1 < 0.0
                && let Some(x) = bracketed(a, b, &mut |x| self.field(&[x]).map(|m| m.rate[0]))
                && let Some(mean) = self.field(&[x])
            {
                found.push((x, mean));
            }
            before = now.filter(|n| n.1 != 0.0);
        }
        found
    }

    /// Values of `ids` at which the field vanishes at `target`. One parameter: between `range`, or outwards from the present
    /// value; several: Newton from the present values.
    ///
    /// # Errors
    /// A sentence with the nearest thing found.
    pub fn find(&mut self, ids: &[ParamId], target: &[f64], range: Option<(f64, f64)>) -> Result<Vec<f64>, String> {
        if let [id] = ids {
            return self.find_one(*id, target, range).map(|v| vec![v]);
        }
        let mut p: Vec<f64> = ids.iter().map(|id| self.system.value(&self.params, *id)).collect();
        let mut last = f64::INFINITY;
        for _ in 0..ITERATIONS {
            let rate = self.rate_with(ids, &p, target).ok_or("the field cannot be evaluated there")?;
            let d = p.len();
            let mut slopes = Mat::<f64>::zeros(d, d);
            for j in 0..d {
                let step = 1e-6 * p[j].abs().max(1e-6);
                let mut moved = p.clone();
                moved[j] += step;
                let there = self.rate_with(ids, &moved, target).ok_or("the field cannot be evaluated nearby")?;
                (0..d).for_each(|i| slopes[(i, j)] = (there[i] - rate[i]) / step);
            }
            let minus: Vec<f64> = rate.iter().map(|r| -r).collect();
            let step = dense::solve(&slopes, &minus);
            let size = step.iter().zip(&p).map(|(s, p)| s.abs() / p.abs().max(1e-3)).fold(0.0, f64::max);
            let factor = 1.0 / (size / 0.2).max(1.0);
            p.iter_mut().zip(&step).for_each(|(p, s)| *p += factor * s);
            if size <= 1e-13 || (size <= 1e-9 && size >= 0.5 * last) {
                return Ok(p);
            }
            last = size;
        }
        Err(format!("Newton does not converge; last values {p:?}"))
    }

    fn find_one(&mut self, id: ParamId, target: &[f64], range: Option<(f64, f64)>) -> Result<f64, String> {
        let now = self.system.value(&self.params, id);
        let mut nearest = (f64::NAN, f64::INFINITY);
        let mut at = |this: &mut Self, p: f64| {
            let rate = this.rate_with(&[id], &[p], target).map(|r| r[0]);
            if let Some(r) = rate.filter(|r| r.abs() < nearest.1) {
                nearest = (p, r.abs());
            }
            rate
        };
        let places: Vec<f64> = match range {
            Some((low, high)) => (0..=200).map(|k| low + (high - low) * f64::from(k) / 200.0).collect(),
            None => {
                let unit = (1e-2 * now.abs()).max(1e-3);
                let out = (0..24).map(|k| unit * f64::from(1u32 << k));
                std::iter::once(now).chain(out.flat_map(|s| [now + s, now - s])).collect()
            }
        };
        let mut seen: Vec<(f64, f64)> = Vec::new();
        for p in places {
            let Some(rate) = at(self, p) else { continue };
            if rate == 0.0 {
                return Ok(p);
            }
            seen.push((p, rate));
            seen.sort_by(|a, b| a.0.total_cmp(&b.0));
            let k = seen.iter().position(|s| s.0 == p).unwrap_or(0);
            let pairs = [k.checked_sub(1).map(|j| (j, k)), (k + 1 < seen.len()).then_some((k, k + 1))];
            if let Some((i, j)) = pairs.into_iter().flatten().find(|(i, j)| seen[*i].1 * seen[*j].1 < 0.0)
                && let Some(p) = bracketed(seen[i], seen[j], &mut |p| at(self, p))
            {
                return Ok(p);
            }
        }
        let (low, high) = (seen.first().map_or(now, |s| s.0), seen.last().map_or(now, |s| s.0));
        Err(format!(
            "the mean rate keeps its sign from {low:.6e} to {high:.6e}; nearest to zero at {:.6e}: {:.3e} 1/s",
            nearest.0, nearest.1
        ))
    }

    /// The field at `target` with other parameter values; they stay.
    fn rate_with(&mut self, ids: &[ParamId], values: &[f64], target: &[f64]) -> Option<Vec<f64>> {
        for (id, value) in ids.iter().zip(values) {
            matches!(self.system.assign(&mut self.params, *id, *value), Ok(Change::Values)).then_some(())?;
        }
        self.field(target).map(|m| m.rate)
    }
}

/// A zero between two places of opposite sign by Ridders' method (IEEE Trans. Circuits Syst. 26, 979, 1979), which takes an
/// exponential out of values that span many decades.
fn bracketed(a: (f64, f64), b: (f64, f64), f: &mut dyn FnMut(f64) -> Option<f64>) -> Option<f64> {
    let (mut a, mut b) = if a.0 < b.0 { (a, b) } else { (b, a) };
    let mut last = f64::NAN;
    for _ in 0..100 {
        let middle = (0.5 * (a.0 + b.0), f(0.5 * (a.0 + b.0))?);
        let root = (middle.1 * middle.1 - a.1 * b.1).sqrt();
        let x = middle.0 + (middle.0 - a.0) * (a.1 - b.1).signum() * middle.1 / root;
        if middle.1 == 0.0 || !x.is_finite() {
            return Some(middle.0);
        }
        if (x - last).abs() <= 2.0 * f64::EPSILON * x.abs() || b.0 - a.0 <= 4.0 * f64::EPSILON * a.0.abs().max(b.0.abs()) {
            return Some(x);
        }
        last = x;
        let here = (x, f(x)?);
        if here.1 == 0.0 {
            return Some(x);
        }
        let mut places = [a, middle, here, b];
        places.sort_by(|p, q| p.0.total_cmp(&q.0));
        let pair = places.windows(2).find(|w| w[0].1 * w[1].1 <= 0.0)?;
        (a, b) = (pair[0], pair[1]);
    }
    Some(last)
}
