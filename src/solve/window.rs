//! Extremes in a running window: what "relative" is relative to (decision 6), and how far something has swung lately.
//!
//! Two halves of the window: the one being filled and the one before it. Each spans a number of accepted steps, so that an
//! oscillation that passes through zero keeps its amplitude in sight.

/// Accepted steps of half a window.
const HALF: u32 = 100;

/// The window over one vector: lowest and highest values of both halves.
#[derive(Clone, Debug)]
pub struct Window {
    now: Vec<(f64, f64)>,
    before: Vec<(f64, f64)>,
    filled: u32,
}

/// Nothing seen yet.
const EMPTY: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl Window {
    /// An empty window over `n` values.
    pub fn new(n: usize) -> Window {
        Window { now: vec![EMPTY; n], before: vec![EMPTY; n], filled: 0 }
    }

    /// Takes in the values of an accepted point and writes the largest absolute ones to `largest`.
    pub fn push(&mut self, values: &[f64], largest: &mut [f64]) {
        if self.filled == HALF {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.fill(EMPTY);
            self.filled = 0;
        }
        self.filled += 1;
        for (k, value) in values.iter().enumerate() {
            let now = &mut self.now[k];
            *now = (now.0.min(*value), now.1.max(*value));
            let (low, high) = self.extremes(k);
            largest[k] = high.max(-low);
        }
    }

    /// Lowest and highest value of component `k`.
    pub fn extremes(&self, k: usize) -> (f64, f64) {
        (self.now[k].0.min(self.before[k].0), self.now[k].1.max(self.before[k].1))
    }
}
