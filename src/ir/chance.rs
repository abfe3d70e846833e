//! Random numbers without a state: a hash of three numbers, and quantiles that turn it into distributions.
//!
//! A stream is a number; draw k of it is `hash(stream, k, ...)`. Nothing is advanced, so that a draw is the same in every
//! Newton iteration, after every rejected step and in every thread (decision 31). The hash is the finaliser of SplitMix64
//! (Steele, Lea and Flood, OOPSLA 2014), once for each argument: a few lines of our own, because the numbers must never change.
//! Quantiles are those of statrs; they are NaN where a distribution does not exist.

use statrs::distribution::{ContinuousCDF, DiscreteCDF, Gamma, Poisson, StudentsT};

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
    if inside(u) { -std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * u) } else { f64::NAN }
}

/// Quantile of the Poisson distribution with this mean: the search starts where the normal distribution has it.
pub fn poisson(u: f64, mean: f64) -> f64 {
    // Above this mean the normal distribution is as good as a million draws can tell.
    const LARGE: f64 = 1e6;
    let guess = (mean + mean.sqrt() * normal(u)).round();
    if mean > LARGE && mean.is_finite() {
        return guess;
    }
    let Some(distribution) = Poisson::new(mean).ok().filter(|_| inside(u) && mean.is_finite()) else { return f64::NAN };
    let mut k = guess.max(0.0) as u64;
    while distribution.cdf(k) < u && (k as f64) < 2.0 * LARGE {
        k += 1;
    }
    while k > 0 && distribution.cdf(k - 1) >= u {
        k -= 1;
    }
    k as f64
}

/// Quantile of the gamma distribution of this shape and unit scale.
pub fn gamma(u: f64, shape: f64) -> f64 {
    match Gamma::new(shape, 1.0) {
        Ok(distribution) if inside(u) && shape.is_finite() => distribution.inverse_cdf(u),
        _ => f64::NAN,
    }
}

/// Quantile of Student's distribution with this many degrees of freedom.
pub fn student(u: f64, freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom) {
        Ok(distribution) if inside(u) && freedom.is_finite() => distribution.inverse_cdf(u),
        _ => f64::NAN,
    }
}
