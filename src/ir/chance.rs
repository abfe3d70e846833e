//! Random numbers without a state: a hash of three numbers, and quantiles that turn it into distributions.
//!
//! A stream is a number; draw k of it is `hash(stream, k, ...)`. Nothing is advanced, so that a draw is the same in every
//! Newton iteration, after every rejected step and in every thread (decision 31). The hash is the finaliser of SplitMix64
//! (Steele, Lea and Flood, OOPSLA 2014), once for each argument: a few lines of our own, because the numbers must never change.
//! Quantiles invert the distribution functions of statrs by bisection, bounded whatever the arguments; they are NaN where a
//! distribution does not exist.

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur, ln_gamma};

/// One more than the largest result of [`hash`]: 2^52, so that `(hash + 1/2) / HASHES` lies inside of (0, 1) and is exact.
pub const HASHES: f64 = 4_503_599_627_370_496.0;

/// A whole number from 0 to `HASHES - 1`, each equally likely.
pub fn hash([a, b, c]: [f64; 3]) -> f64 {
    // Adding zero makes one number of both zeros.
    let bits = [a, b, c].map(|x| (x + 0.0).to_bits());
    let mixed = bits.iter().fold(0x6a09_e667_f3bc_c909_u64, |h, x| mix(h ^ *x));
    (mixed >> 12) as f64
}

/// A number for a text, by the same hash.
pub fn hash_text(seed: f64, text: &str) -> f64 {
    text.bytes().fold(hash([seed, text.len() as f64, 0.0]), |h, byte| hash([h, f64::from(byte), 1.0]))
}

/// One step of SplitMix64: every bit of the result depends on every bit of the argument.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn inside(u: f64) -> bool {
    u > 0.0 && u < 1.0
}

/// The value that a standard normal variable exceeds with probability `1 - u`.
pub fn normal(u: f64) -> f64 {
    if inside(u) { -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u) } else { f64::NAN }
}

/// Shapes and means beyond this are taken for the limit of many small parts, with its first correction: what is left out is
/// of the order of 1e-6 standard deviations.
const LARGE: f64 = 1e5;

/// Quantile of the Poisson distribution with this mean: the search starts where the normal distribution has it.
pub fn poisson(u: f64, mean: f64) -> f64 {
    if !(inside(u) && mean > 0.0 && mean.is_finite()) {
        return f64::NAN;
    }
    let z = normal(u);
    let guess = (mean + mean.sqrt() * z + (z * z - 1.0) / 6.0).round().max(0.0);
    if mean > LARGE {
        return guess;
    }
    let cumulative = |k: f64| checked_gamma_ur(k + 1.0, mean).unwrap_or(f64::NAN);
    let mut k = guess;
    while cumulative(k) < u && k < 10.0 * LARGE {
        k += 1.0;
    }
    while k > 0.0 && cumulative(k - 1.0) >= u {
        k -= 1.0;
    }
    k
}

/// Quantile of the gamma distribution of this shape and unit scale.
pub fn gamma(u: f64, shape: f64) -> f64 {
    if !(inside(u) && shape > 0.0 && shape.is_finite()) {
        return f64::NAN;
    }
    // Wilson and Hilferty: the cube root is nearly normal.
    let root = 1.0 - 1.0 / (9.0 * shape) + normal(u) / (3.0 * shape.sqrt());
    if shape > LARGE {
        return shape * root * root * root;
    }
    // Near zero the density is a power.
    let near_zero = ((u.ln() + ln_gamma(shape + 1.0)) / shape).exp();
    if near_zero < 1e-12 {
        return near_zero;
    }
    let guess = if root > 0.1 { shape * root * root * root } else { near_zero };
    crossing(guess, |x| checked_gamma_lr(shape, x).unwrap_or(f64::NAN) < u)
}

/// Quantile of Student's distribution with this many degrees of freedom.
pub fn student(u: f64, freedom: f64) -> f64 {
    if !(inside(u) && freedom > 0.0 && freedom.is_finite()) {
        return f64::NAN;
    }
    let (tail, sign) = if u < 0.5 { (u, -1.0) } else { (1.0 - u, 1.0) };
    let z = normal(1.0 - tail);
    if tail == 0.5 || freedom > LARGE {
        return sign * (z + (z * z * z + z) / (4.0 * freedom));
    }
    // P(T > t) = I_x(freedom / 2, 1 / 2) / 2 with x = freedom / (freedom + t^2).
    let beyond = |t: f64| {
        let x = freedom / (freedom + t * t);
        0.5 * checked_beta_reg(0.5 * freedom, 0.5, x.clamp(0.0, 1.0)).unwrap_or(f64::NAN)
    };
    sign * crossing(z.max(1e-9), |t| beyond(t) > tail)
}

/// Where `below` stops to hold, as x grows from 0: doubled or halved from a guess, then bisected.
fn crossing(guess: f64, below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (guess, guess);
    // More steps than there are powers of two.
    for _ in 0..2200 {
        if !below(high) || high.is_infinite() {
            break;
        }
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..2200 {
        if below(low) || low == 0.0 {
            break;
        }
        (low, high) = (0.5 * low, low);
    }
    for _ in 0..60 {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) { low = middle } else { high = middle }
    }
    high
}
