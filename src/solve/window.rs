//! Largest absolute values in a running window: what "relative" is relative to (decision 6).
//!
//! Two halves of the window: the maximum of the one being filled and that of the one before it. Each spans a number of
//! accepted steps, so that an oscillation that passes through zero keeps its amplitude in sight.

/// Accepted steps of half a window.
const HALF: u32 = 100;

/// The window over one vector.
#[derive(Clone, Debug)]
pub struct Window {
    now: Vec<f64>,
    before: Vec<f64>,
    filled: u32,
}

impl Window {
    /// An empty window over `n` values.
    pub fn new(n: usize) -> Window {
        Window { now: vec![0.0; n], before: vec![0.0; n], filled: 0 }
    }

    /// Takes in the values of an accepted point and writes the maxima to `largest`.
    pub fn push(&mut self, values: &[f64], largest: &mut [f64]) {
        if self.filled == HALF {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.fill(0.0);
            self.filled = 0;
        }
        self.filled += 1;
        for (((now, before), value), largest) in self.now.iter_mut().zip(&self.before).zip(values).zip(largest) {
            *now = now.max(value.abs());
            *largest = now.max(*before);
        }
    }
}
