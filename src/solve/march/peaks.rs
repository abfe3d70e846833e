//! Extremes that rows miss: where tolerances are loose, multistep formulas step over peaks that stand `h^2 |x''|/8` out of points
//! that are right, 1 % of a swing. They are looked for one step late, on the cubic through two points on either side.

use super::March;
use crate::solve::history::slope_weights_at;

/// How far an extreme stands out of both its neighbours to be seen, in units of the swing lately.
const PEAK: f64 = 1e-3;
/// Parts of a step at which extremes are looked for.
const PARTS: u32 = 16;
/// Points that the cubic goes through.
const THROUGH: usize = 4;

/// Where there are extremes within the step before the last one: one bit for each place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Peaks(u32);

impl Peaks {
    /// Shares of the step, between 0 and 1, in rising order.
    pub fn shares(self) -> impl Iterator<Item = f64> {
        (1..PARTS).filter(move |k| self.0 >> k & 1 == 1).map(|k| f64::from(k) / f64::from(PARTS))
    }
}

impl March<'_> {
    /// Where unknowns have extremes within the step before the last one: they rise at one end and beside it, and fall at the other,
    /// or the other way round. `None`: tolerances are tight, or the method has dense output.
    pub fn peaks(&self) -> Option<Peaks> {
        if !self.relaxed || !self.integrator.stages().is_empty() {
            return None;
        }
        if self.history.smooth() < THROUGH {
            return Some(Peaks::default());
        }
        let [d, c, b, a] = std::array::from_fn(|k| self.history.back(k));
        let [before, h, behind] = [b.t - a.t, c.t - b.t, d.t - c.t];
        let times = [a.t, b.t, c.t, d.t];
        let (mut weights, mut found) = (None, 0);
        for (j, (((a, b), c), d)) in a.x.iter().zip(&b.x).zip(&c.x).zip(&d.x).enumerate() {
            let (rise, fall) = (b - a, d - c);
            if rise * fall >= 0.0 {
                continue;
            }
            // By parabolas first: most corners are flat.
            let [left, middle, right] = [rise / before, (c - b) / h, fall / behind];
            let ends = [(left * h + middle * before) / (before + h), (middle * behind + right * h) / (h + behind)];
            let (low, high) = self.window.extremes(j);
            let least = PEAK * (high - low) + self.work.weights.absolute[j];
            if height(ends, h) < 0.5 * least {
                continue;
            }
            let weights = weights.get_or_insert_with(|| [times[1], times[2]].map(|t| slope_weights_at(t, &times)));
            let ends = weights.map(|w| w[0] * a + w[1] * b + w[2] * c + w[3] * d);
            if ends[0] * rise > 0.0 && height(ends, h) > least {
                found |= 1 << (ends[0] / (ends[0] - ends[1]) * f64::from(PARTS)).round() as u32;
            }
        }
        Some(Peaks(found))
    }
}

/// How far the extreme between two points, h apart with these slopes, stands out of both of them; below 0 if there is none.
fn height([start, end]: [f64; 2], h: f64) -> f64 {
    let share = start / (start - end);
    0.5 * h * (share * start.abs()).min((1.0 - share) * end.abs())
}
