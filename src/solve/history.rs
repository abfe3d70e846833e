//! Accepted points of a transient: what predictors, multistep formulas and dense output read.
//!
//! A point carries x (n entries) and the *extended* charges `q` and their derivatives `qdot`: first the n rows of the
//! system, then the charges of the output rows (decision 4), so that saved currents come from the very formula that is
//! integrated without taking part in the solve. A corner of a source ends a segment: points before it are not used again.

use std::collections::VecDeque;

/// Points kept: order 5 looks back over 7 old points when it considers order 6, and one slot is recycled.
const KEPT: usize = 9;
/// Most points a polynomial goes through.
pub const MOST: usize = 8;

/// One point in time.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Time, s.
    pub t: f64,
    /// Unknowns, n.
    pub x: Vec<f64>,
    /// Charges of rows and of output rows.
    pub q: Vec<f64>,
    /// Their time derivatives as the integration formula gives them.
    pub qdot: Vec<f64>,
}

impl Record {
    /// Space for `n` unknowns and `extended` charges.
    pub fn new(n: usize, extended: usize) -> Record {
        Record { t: 0.0, x: vec![0.0; n], q: vec![0.0; extended], qdot: vec![0.0; extended] }
    }
}

/// The last points, newest first.
#[derive(Debug)]
pub struct History {
    points: VecDeque<Record>,
    smooth: usize,
    slopes: usize,
}

impl History {
    /// A history that begins at `start`; `slope` says whether its `qdot` is known.
    pub fn new(start: Record, slope: bool) -> History {
        let blank = Record::new(start.x.len(), start.q.len());
        let mut points = VecDeque::with_capacity(KEPT);
        points.push_back(start);
        points.resize(KEPT, blank);
        History { points, smooth: 1, slopes: usize::from(slope) }
    }

    /// The newest point.
    pub fn newest(&self) -> &Record {
        &self.points[0]
    }

    /// The point `k` steps back; 0 is the newest.
    pub fn back(&self, k: usize) -> &Record {
        &self.points[k]
    }

    /// Number of points of this smooth segment, newest included, that may be used together.
    pub fn smooth(&self) -> usize {
        self.smooth
    }

    /// Number of newest points whose `qdot` is known.
    pub fn slopes(&self) -> usize {
        self.slopes
    }

    /// Accepts `end`, which becomes space for the next one.
    pub fn push(&mut self, end: &mut Record) {
        if let Some(mut oldest) = self.points.pop_back() {
            std::mem::swap(&mut oldest, end);
            self.points.push_front(oldest);
        }
        self.smooth = (self.smooth + 1).min(KEPT - 1);
        self.slopes = (self.slopes + 1).min(self.smooth);
    }

    /// Ends the segment at the newest point: what came before, and its `qdot`, hold no longer.
    pub fn restart(&mut self) {
        self.smooth = 1;
        self.slopes = 0;
    }

    /// `x` at `t` on the polynomial through the newest `count` points of the segment (fewer if it has not so many).
    pub fn predict(&self, t: f64, count: usize, out: &mut [f64]) {
        let count = count.clamp(1, self.smooth.min(MOST));
        let mut times = [0.0; MOST];
        times.iter_mut().zip(&self.points).for_each(|(time, p)| *time = p.t);
        let weights = value_weights(t, &times[..count]);
        out.fill(0.0);
        for (weight, point) in weights[..count].iter().zip(&self.points) {
            out.iter_mut().zip(&point.x).for_each(|(out, x)| *out += weight * x);
        }
    }

    /// Dense output: `x` at `t` within the last step, on the cubic through the newest points of the segment.
    pub fn interpolate(&self, t: f64, out: &mut [f64]) {
        self.predict(t, 4, out);
    }
}

/// Points that a polynomial within a step goes through.
const WITHIN: usize = 4;

impl History {
    /// `x` at `share` of the step from the newest point to `end`, on the polynomial through `end` and the newest points of the
    /// segment.
    pub fn within(&self, share: f64, end: &Record, out: &mut [f64]) {
        let count = (self.smooth + 1).min(WITHIN);
        let mut times = [0.0; WITHIN];
        times[0] = end.t;
        times[1..].iter_mut().zip(&self.points).for_each(|(time, p)| *time = p.t);
        let start = self.newest().t;
        let weights = value_weights(start + share * (end.t - start), &times[..count]);
        out.fill(0.0);
        for (weight, point) in weights[..count].iter().zip(std::iter::once(end).chain(&self.points)) {
            out.iter_mut().zip(&point.x).for_each(|(out, x)| *out += weight * x);
        }
    }
}

/// Weights of the values at `times` in the value at `t` of the polynomial through them.
pub fn value_weights(t: f64, times: &[f64]) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    for j in 0..times.len() {
        let others = (0..times.len()).filter(|i| *i != j);
        weights[j] = others.map(|i| (t - times[i]) / (times[j] - times[i])).product();
    }
    weights
}

/// Weights of the values at `times` in the derivative, at `times[0]`, of the polynomial through them.
pub fn slope_weights(times: &[f64]) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    let t = times[0];
    for j in 1..times.len() {
        let others = (1..times.len()).filter(|i| *i != j);
        let product: f64 = others.map(|i| (t - times[i]) / (times[j] - times[i])).product();
        weights[j] = product / (times[j] - t);
        weights[0] += 1.0 / (t - times[j]);
    }
    weights
}

/// Weights of the values at `times` in the derivative at any `t` of the polynomial through them.
pub fn slope_weights_at(t: f64, times: &[f64]) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    for j in 0..times.len() {
        for k in (0..times.len()).filter(|k| *k != j) {
            let others = (0..times.len()).filter(|m| *m != j && *m != k);
            let product: f64 = others.map(|m| (t - times[m]) / (times[j] - times[m])).product();
            weights[j] += product / (times[j] - times[k]);
        }
    }
    weights
}

/// Weights of the values at `times` in their divided difference of order `times.len() - 1`.
pub fn difference_weights(times: &[f64]) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    for j in 0..times.len() {
        let others = (0..times.len()).filter(|i| *i != j);
        weights[j] = 1.0 / others.map(|i| times[j] - times[i]).product::<f64>();
    }
    weights
}
