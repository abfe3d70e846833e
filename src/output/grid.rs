//! Rows of a transient at multiples of the step of its card (`.options interp`), on straight lines between the steps taken.

/// Where it is.
pub struct Grid {
    step: f64,
    /// Number of the next multiple.
    next: f64,
    /// The last row that came.
    last: Vec<f64>,
    /// Abscissa of the last row that went.
    written: f64,
}

impl Grid {
    /// Multiples of `step`.
    pub fn new(step: f64) -> Grid {
        Grid { step, next: 0.0, last: Vec::new(), written: f64::NAN }
    }

    /// What there is to write of these rows: the very first one, and whatever lies on a multiple.
    pub fn rows(&mut self, width: usize, values: &[f64]) -> Vec<f64> {
        let mut out = Vec::new();
        for row in values.chunks_exact(width.max(1)) {
            if self.last.is_empty() {
                out.extend_from_slice(row);
                (self.next, self.written) = ((row[0] / self.step).floor() + 1.0, row[0]);
            }
            while !self.last.is_empty() && self.next * self.step <= row[0] {
                let at = self.next * self.step;
                let w = (at - self.last[0]) / (row[0] - self.last[0]);
                out.push(at);
                out.extend(self.last.iter().zip(row).skip(1).map(|(a, b)| a + w * (b - a)));
                (self.next, self.written) = (self.next + 1.0, at);
            }
            self.last.clear();
            self.last.extend_from_slice(row);
        }
        out
    }

    /// The last row, if it lies behind the last multiple.
    pub fn end(&mut self) -> Option<Vec<f64>> {
        let last = std::mem::take(&mut self.last);
        last.first().is_some_and(|t| *t > self.written).then_some(last)
    }
}
