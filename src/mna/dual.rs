//! Numbers with a slope: forward differentiation of plain code along one direction.
//!
//! A [`Dual`] holds a value and its derivative by one parameter; arithmetic carries both. Comparisons look at values alone,
//! so that code written for [`Real`] takes the same way with either. Method: Griewank and Walther, Evaluating Derivatives,
//! ch. 3.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What time functions need of a number.
pub trait Real:
    Copy
    + PartialOrd
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number without its slope.
    fn value(self) -> f64;
    /// `e^x`
    fn exp(self) -> Self;
    /// `e^x - 1`
    fn exp_m1(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
}

impl Real for f64 {
    fn value(self) -> f64 {
        self
    }
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    fn exp_m1(self) -> f64 {
        f64::exp_m1(self)
    }
    fn sin(self) -> f64 {
        f64::sin(self)
    }
}

/// A value and its derivative.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Dual {
    /// The value.
    pub value: f64,
    /// Its derivative.
    pub slope: f64,
}

impl PartialOrd for Dual {
    fn partial_cmp(&self, other: &Dual) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl From<f64> for Dual {
    fn from(value: f64) -> Dual {
        Dual { value, slope: 0.0 }
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual { value: self.value + other.value, slope: self.slope + other.slope }
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        Dual { value: self.value - other.value, slope: self.slope - other.slope }
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        Dual { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }
}

impl Div for Dual {
    type Output = Dual;
    fn div(self, other: Dual) -> Dual {
        let value = self.value / other.value;
        Dual { value, slope: (self.slope - value * other.slope) / other.value }
    }
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        Dual { value: -self.value, slope: -self.slope }
    }
}

impl Real for Dual {
    fn value(self) -> f64 {
        self.value
    }
    fn exp(self) -> Dual {
        let value = self.value.exp();
        Dual { value, slope: value * self.slope }
    }
    fn exp_m1(self) -> Dual {
        Dual { value: self.value.exp_m1(), slope: self.value.exp() * self.slope }
    }
    fn sin(self) -> Dual {
        Dual { value: self.value.sin(), slope: self.value.cos() * self.slope }
    }
}
