//! Which steps need not be solved to the end, because their first Newton update says that their error will be too large.
//!
//! Predictor and corrector are off by known multiples of the same derivative, so that their difference times `ratio` is the local
//! error (W. E. Milne, Amer. Math. Monthly 33 (1926) 455), and the first update of Newton is nearly that difference. Where rows are
//! stiff the corrector's error is damped and the predictor's is not: the part of Milne's estimate that the errors of the last
//! steps reached is remembered, and forgotten slowly.

/// What is left of the remembered part after each step.
const FADING: f64 = 0.95;

/// What the steps so far have taught.
#[derive(Default)]
pub struct Foresight {
    /// Errors in units of Milne's estimates, at most 1.
    part: f64,
    /// Error of the corrector in units of its distance from the predictor, in the step at hand; 0: unknown.
    ratio: f64,
}

impl Foresight {
    /// A step begins whose predictor goes through as many points as its error needs.
    pub fn begin(&mut self, ratio: f64) {
        self.ratio = ratio;
    }

    /// The error that the step at hand will have in units of its first update; 0: unknown.
    pub fn milne(&self) -> f64 {
        self.part * self.ratio
    }

    /// The step at hand began with an update of `moved` tolerances, and its error was `error`.
    pub fn end(&mut self, moved: f64, error: f64) {
        let milne = std::mem::take(&mut self.ratio) * moved;
        if error <= 1.0 && milne > 0.0 && milne.is_finite() {
            self.part = (error / milne).min(1.0).max(FADING * self.part);
        }
    }
}
