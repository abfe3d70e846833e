//! How long the next step may be, from the error of the last ones.
//!
//! With the weighted error `e` of a step (accepted when `e <= 1`), `e ~ h^k`, the ratio of the next step to this one is
//! `rho_n = (E/e_n)^(b1/k) (E/e_(n-1))^(b2/k) rho_(n-1)^(-a2)`: a digital filter (Soederlind, ACM TOMS 29 (2003) 1). The
//! ratio goes through a smooth limiter, so that it never jumps. A rejected step is repeated with the plain `(E/e)^(1/k)`.
//!
//! Where tolerances are loose, the error of a steady oscillation rises and falls within some steps, and steps that follow it are
//! rejected at the same length again and again. From the second time on the error aimed at fades slowly instead: steps stay just
//! below that length, as many are solved, and all of them count.

use super::integrate::Estimate;

/// Coefficients of one controller.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Filter {
    /// Name.
    pub name: &'static str,
    /// Weight of the last error.
    pub b1: f64,
    /// Weight of the error before it.
    pub b2: f64,
    /// Weight of the last ratio.
    pub a2: f64,
}

/// The controllers.
pub const FILTERS: [Filter; 3] = [
    Filter { name: "elementary", b1: 1.0, b2: 0.0, a2: 0.0 },
    Filter { name: "pi", b1: 0.6, b2: -0.2, a2: 0.0 },
    Filter { name: "h211b", b1: 0.25, b2: 0.25, a2: 0.25 },
];

/// Error aimed at: below 1, so that few steps are rejected.
pub const AIM: f64 = 0.5;
/// A smaller error counts as this one.
const LEAST: f64 = 1e-6;
/// Reach of the limiter: ratios stay within 1 +- pi/2 times this.
const REACH: f64 = 2.0;
/// Growth that is not made use of where tolerances are loose: an alpha that stays saves factors.
const IDLE: f64 = 1.1;
/// Where tolerances are loose, an error below this is far from the limit.
const FAR: f64 = 1e-3;
/// Two rejected steps whose lengths differ by less than this factor are of the same length.
const SAME: f64 = 1.21;
/// A rejected step with an error above this met something new.
const NEW: f64 = 2.0;
/// What remains of an error held from one step to the next, and what is too little to be held.
const HELD: (f64, f64) = (0.95, 0.02);
/// Ratios before the limiter that end at the largest one behind it, `1 + 2 atan((30.2 - 1)/2) > 4`, and at 2.
const ENOUGH: (f64, f64) = (30.2, 2.1);
/// Part of a step that Newton failed in which is tried next; where tolerances are loose, it gives up early.
const FAILED: (f64, f64) = (0.25, 0.5);
/// Limits of the ratio.
const RATIO: (f64, f64) = (0.2, 4.0);

/// What to do after a step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Verdict {
    /// The step holds; the next one may be this many times as long.
    Accept(f64),
    /// Repeat the step, shorter by this factor.
    Reject(f64),
}

/// A filter with its memory.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    filter: Filter,
    last_error: f64,
    last_ratio: f64,
    idle: f64,
    /// Always filtered, and no growth after a rejected step.
    relaxed: bool,
    /// The step judged is a repeated one.
    repeated: bool,
    /// Length of the step in units of the last one that was rejected for its error.
    length: f64,
    /// The error counts as this one at least.
    held: f64,
}

impl Controller {
    /// A controller without memory; growth by less than `idle` is not made use of.
    pub fn new(filter: Filter, idle: f64) -> Controller {
        Controller { filter, last_error: f64::NAN, last_ratio: 1.0, idle, relaxed: false, repeated: false, length: 0.0, held: 0.0 }
    }

    /// For loose tolerances, whose steps meet every bend of the waveforms: errors rise and fall by orders from one step to
    /// the next, and a step that grows at once after a rejected one is mostly rejected again.
    pub fn relax(&mut self) {
        self.relaxed = true;
        self.idle = self.idle.max(IDLE);
    }

    /// Judges a step that Newton failed in.
    pub fn failed(&mut self) -> Verdict {
        self.repeated = true;
        (self.length, self.held) = (0.0, 0.0);
        Verdict::Reject(if self.relaxed { FAILED.1 } else { FAILED.0 })
    }

    /// Forgets the past, after a corner.
    pub fn restart(&mut self) {
        self.last_error = f64::NAN;
        self.last_ratio = 1.0;
    }

    /// Judges a step by its estimate.
    pub fn judge(&mut self, estimate: &Estimate) -> Verdict {
        if !estimate.error.is_finite() || estimate.error > 1.0 {
            // A rejected step says that the past does not tell the future.
            self.restart();
            let same = self.length < SAME && self.length * SAME > 1.0;
            self.held = if same && !self.repeated && estimate.error < NEW { AIM } else { 0.0 };
            self.repeated = true;
            let ratio = (AIM / estimate.error).powf(1.0 / f64::from(estimate.exponent));
            self.length = if ratio.is_finite() { ratio.clamp(0.1, 0.9) } else { 0.1 };
            return Verdict::Reject(self.length);
        }
        let repeated = std::mem::take(&mut self.repeated) && self.relaxed;
        if !estimate.verified {
            return Verdict::Accept(estimate.growth.min(2.0));
        }
        let k = f64::from(estimate.next_exponent);
        let error = self.hold(estimate.next_error.max(LEAST));
        // Far from the limit there is nothing to smooth: straight to the step that the error allows.
        let little = self.last_error.is_nan() || error < if self.relaxed { FAR } else { 0.05 };
        let enough = if estimate.growth <= 2.0 { ENOUGH.1 } else { ENOUGH.0 };
        if little && error * enough.powi(estimate.next_exponent as i32) < AIM {
            // As below, without roots: a run at its ceiling pays for nothing.
            let ratio = RATIO.1.min(estimate.growth);
            return self.accept(error, ratio, repeated);
        }
        let ratio = if little {
            (AIM / error).powf(1.0 / k)
        } else {
            let Filter { b1, b2, a2, .. } = self.filter;
            (AIM / error).powf(b1 / k) * (AIM / self.last_error).powf(b2 / k) * self.last_ratio.powf(-a2)
        };
        let ratio = (1.0 + REACH * ((ratio - 1.0) / REACH).atan()).clamp(RATIO.0, RATIO.1).min(estimate.growth);
        self.accept(error, ratio, repeated)
    }

    /// Goes on with this ratio, or with 1 where growth is not made use of.
    fn accept(&mut self, error: f64, ratio: f64, repeated: bool) -> Verdict {
        self.last_error = error;
        self.last_ratio = if ratio > 1.0 && (ratio < self.idle || repeated) { 1.0 } else { ratio };
        self.length *= self.last_ratio;
        Verdict::Accept(self.last_ratio)
    }

    /// What the error counts as.
    fn hold(&mut self, error: f64) -> f64 {
        let held = self.relaxed && self.held > HELD.1 && error > FAR;
        self.held = if held { error.max(HELD.0 * self.held) } else { 0.0 };
        error.max(self.held)
    }
}
