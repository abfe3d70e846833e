//! Rows one point late: between points that are right there may be a peak that none of them shows.
//!
//! Takes rows of accepted points, and where the march has seen extremes between the two in the middle of the last four; passes the
//! rows on with one more at each of these, on the cubic through the four. What is put in lies between the chord and the lines from
//! without, so that neither a kink nor a jump throws it beyond what the points themselves say.

use std::collections::VecDeque;
use std::io;

use crate::solve::history::value_weights;
use crate::wave::Flow;

/// Rows that a cubic goes through.
const THROUGH: usize = 4;

/// The last rows, oldest first; the newest is not yet passed on.
#[derive(Default)]
pub struct Late {
    rows: VecDeque<Vec<f64>>,
    row: Vec<f64>,
}

impl Late {
    /// Takes the next row, time first; `places`: shares of the step before the last one at which there are extremes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn push(
        &mut self,
        row: &[f64],
        places: impl Iterator<Item = f64>,
        out: &mut dyn FnMut(&[f64]) -> io::Result<Flow>,
    ) -> io::Result<Flow> {
        let mut space = if self.rows.len() == THROUGH { self.rows.pop_front().unwrap_or_default() } else { Vec::new() };
        space.clear();
        space.extend_from_slice(row);
        self.rows.push_back(space);
        if self.rows.len() == THROUGH {
            for place in places {
                self.between(place);
                if out(&self.row)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        match self.rows.len() {
            1 => Ok(Flow::Continue),
            n => out(&self.rows[n - 2]),
        }
    }

    /// Passes on the row that is held.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn end(&mut self, out: &mut dyn FnMut(&[f64]) -> io::Result<Flow>) -> io::Result<()> {
        self.rows.pop_back().map_or(Ok(()), |row| out(&row).map(|_| ()))
    }

    /// Makes the row at `share` of the middle step.
    fn between(&mut self, share: f64) {
        let [a, b, c, d] = std::array::from_fn(|k| &self.rows[k]);
        let t = b[0] + share * (c[0] - b[0]);
        let w = value_weights(t, &[a[0], b[0], c[0], d[0]]);
        self.row.clear();
        self.row.push(t);
        self.row.extend((1..a.len()).map(|k| {
            let chord = b[k] + share * (c[k] - b[k]);
            let left = b[k] + (b[k] - a[k]) * (t - b[0]) / (b[0] - a[0]);
            let right = c[k] - (d[k] - c[k]) * (c[0] - t) / (d[0] - c[0]);
            let (low, high) = match (left > chord, right > chord) {
                (true, true) => (chord, left.min(right)),
                (false, false) => (left.max(right), chord),
                _ => (left.min(right), left.max(right)),
            };
            (w[0] * a[k] + w[1] * b[k] + w[2] * c[k] + w[3] * d[k]).max(low).min(high)
        }));
    }
}
