//! Integrals of densities over a band of frequencies.
//!
//! Between two points a density is taken as a power law, `p = p1 (f/f1)^k`: exact for white, flicker and any straight line in a
//! double logarithmic plot. Where halving a stretch (at its geometric mean) changes its integral by more than `SETTLED`,
//! the stretch is divided further; the error left is extrapolated, being proportional to the square of a stretch's length.

/// Densities at one frequency.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Hz.
    pub frequency: f64,
    /// One for each integral.
    pub values: Vec<f64>,
}

/// Integrals so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Band {
    /// One for each density.
    pub integrals: Vec<f64>,
    /// First and last frequency, Hz.
    pub limits: (f64, f64),
}

/// Relative change of a stretch's integral that is small enough; what is left after extrapolation is some 1e-3 of it.
const SETTLED: f64 = 1e-4;
/// A change that is this small beside the integral so far does not count.
const SLIGHT: f64 = 1e-9;
/// Most halvings.
const DEEPEST: u32 = 12;
/// Densities that decide: the output's and the one referred to the input.
const DECIDING: usize = 2;

impl Band {
    /// `count` integrals, all zero.
    pub fn new(count: usize, limits: (f64, f64)) -> Band {
        Band { integrals: vec![0.0; count], limits }
    }

    /// Adds the integrals from `a` to `b`, which lies above it; `sample` gives the densities in between.
    ///
    /// # Errors
    /// What `sample` says.
    pub fn add<E>(&mut self, a: &Sample, b: &Sample, sample: &mut dyn FnMut(f64) -> Result<Sample, E>) -> Result<(), E> {
        if b.frequency > a.frequency { self.stretch(a, b, DEEPEST, sample) } else { Ok(()) }
    }

    fn stretch<E>(
        &mut self,
        a: &Sample,
        b: &Sample,
        depth: u32,
        sample: &mut dyn FnMut(f64) -> Result<Sample, E>,
    ) -> Result<(), E> {
        let middle = sample((a.frequency * b.frequency).sqrt())?;
        let of = |a: &Sample, b: &Sample, k: usize| power_law((a.frequency, a.values[k]), (b.frequency, b.values[k]));
        let settled = (0..DECIDING.min(self.integrals.len())).all(|k| {
            let (whole, halves) = (of(a, b, k), of(a, &middle, k) + of(&middle, b, k));
            let change = (whole - halves).abs();
            !change.is_finite() || change <= SETTLED * halves || change <= SLIGHT * self.integrals[k]
        });
        if !settled && depth > 0 {
            self.stretch(a, &middle, depth - 1, sample)?;
            return self.stretch(&middle, b, depth - 1, sample);
        }
        for k in 0..self.integrals.len() {
            let (whole, halves) = (of(a, b, k), of(a, &middle, k) + of(&middle, b, k));
            let better = halves + (halves - whole) / 3.0;
            self.integrals[k] += if better >= 0.0 { better } else { halves };
        }
        Ok(())
    }
}

/// The integral of a power law through two points; of a straight line where a density is zero.
pub fn power_law(a: (f64, f64), b: (f64, f64)) -> f64 {
    let ((f1, p1), (f2, p2)) = (a, b);
    if !(p1 > 0.0 && p2 > 0.0 && f1 > 0.0) {
        return 0.5 * (p1 + p2) * (f2 - f1);
    }
    let length = (f2 / f1).ln();
    // f p = f1 p1 exp(m u) over u = ln(f/f1).
    let m = (p2 / p1).ln() / length + 1.0;
    let growth = m * length;
    f1 * p1 * length * if growth.abs() < 1e-12 { 1.0 } else { growth.exp_m1() / growth }
}
