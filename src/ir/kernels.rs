//! Elementary functions on vectors, the same bits on every path.
//!
//! exp: x = k ln 2 + r, |r| <= ln 2 / 2, Taylor polynomial of degree 13, scaled by 2^k in two steps so that subnormal
//! results are rounded once. ln: x = 2^k m, m in [sqrt(1/2), sqrt 2), s = (m - 1)/(m + 1), ln m = 2 atanh s. pow: the same
//! with the logarithm as an unevaluated sum of two numbers (Dekker 1971), so that y ln x keeps its digits. Rare arguments
//! (zeros, infinities, subnormal ones) go to the standard library lane by lane. Errors: tests/all/ir.rs.

use crate::ir::op::{LIMEXP, LIMEXP_TOP, SATURATION, power};
use crate::ir::simd::Vector;

/// 1.5 * 2^52: adding it rounds to a whole number that then stands in the low bits.
pub(crate) const MAGIC: f64 = 6755399441055744.0;
pub(crate) const LN2: f64 = std::f64::consts::LN_2;
/// What [`LN2`] leaves of the logarithm of 2.
pub(crate) const LN2_REST: f64 = 2.319_046_813_846_299_6e-17;
/// Leading 32 bits of the logarithm of 2: a multiple by any exponent is exact.
const LN2_TOP: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// The logarithm of 2 without its leading 32 bits.
const LN2_BOTTOM: f64 = 1.908_214_929_270_587_7e-10;

/// The functions of `op::TABLE` that vectors compute by themselves.
pub trait Functions: Vector {
    /// `e^x`
    #[inline(always)]
    fn exp(self) -> Self {
        scaled_exp(self, Self::splat(0.0), 0.0)
    }

    /// Natural logarithm.
    #[inline(always)]
    fn ln(self) -> Self {
        let (m, k) = decompose(self);
        let f = m.sub(Self::splat(1.0));
        let s = f.div(f.add(Self::splat(2.0)));
        let z = s.mul(s);
        let rest = z.mul(atanh_series(z, Self::splat(2.0 / 3.0), 2.0));
        // ln(1 + f) = f - (f^2/2 - s (f^2/2 + rest)): the large term f is exact.
        let half_square = f.mul(f).mul(Self::splat(0.5));
        let small = s.fused(half_square.add(rest), k.mul(Self::splat(LN2_BOTTOM)));
        let plain = k.fused(Self::splat(LN2_TOP), f.sub(half_square.sub(small)));
        plain.patch(unusual(self), self, self, |x, _| x.ln())
    }

    /// `x^y`
    #[inline(always)]
    fn pow(self, y: Self) -> Self {
        let size = self.abs();
        let (high, low) = split_ln(size);
        let product = y.mul(high);
        let rest = y.fused(high, product.neg()).add(y.mul(low));
        let plain = scaled_exp(product, rest, 0.0);
        // A negative base with a whole exponent keeps the sign of odd powers.
        let negative = self.lt(Self::splat(0.0));
        let half = y.mul(Self::splat(0.5));
        let (whole, even) = (y.floor().eq(y), half.floor().eq(half));
        let sign = even.choose(Self::splat(0.0), self.and(Self::splat(-0.0)));
        let signed = plain.xor(sign);
        let usual_y = y.abs().le(Self::splat(1e9));
        let broken = negative.and(whole.xor(ones()));
        let strange = unusual(size).or(usual_y.xor(ones())).or(broken);
        signed.patch(strange, self, y, power)
    }

    /// Hyperbolic sine.
    #[inline(always)]
    fn sinh(self) -> Self {
        let size = self.abs();
        let near = size.lt(Self::splat(1.0));
        let half = scaled_exp(size, Self::splat(0.0), -1.0);
        let far = half.sub(Self::splat(0.25).div(half));
        near.choose(sinh_series(self), far.or(self.and(Self::splat(-0.0))))
    }

    /// Hyperbolic cosine.
    #[inline(always)]
    fn cosh(self) -> Self {
        let half = scaled_exp(self.abs(), Self::splat(0.0), -1.0);
        half.add(Self::splat(0.25).div(half))
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        let size = self.abs();
        let sinh = sinh_series(self);
        let close = sinh.div(sinh.fused(sinh, Self::splat(1.0)).sqrt());
        let grown = size.add(size).exp().add(Self::splat(1.0));
        let far = Self::splat(1.0).sub(Self::splat(2.0).div(grown));
        size.lt(Self::splat(1.0)).choose(close, far.or(self.and(Self::splat(-0.0))))
    }

    /// See `Op::Limexp`.
    #[inline(always)]
    fn limexp(self) -> Self {
        let bound = Self::splat(LIMEXP);
        let line = Self::splat(LIMEXP_TOP).mul(self.sub(bound).add(Self::splat(1.0)));
        self.lt(bound).choose(self.exp(), line)
    }

    /// See `Op::Saturate`.
    #[inline(always)]
    fn saturate(self) -> Self {
        let number = self.and(self.eq(self));
        number.min(Self::splat(SATURATION)).max(Self::splat(-SATURATION))
    }
}

impl<V: Vector> Functions for V {}

/// A mask with all lanes set.
#[inline(always)]
fn ones<V: Vector>() -> V {
    V::splat(f64::from_bits(u64::MAX))
}

/// Mask of what is not a positive, normal, finite number.
#[inline(always)]
fn unusual<V: Vector>(x: V) -> V {
    let usual = V::splat(f64::MIN_POSITIVE).le(x).and(x.lt(V::splat(f64::INFINITY)));
    usual.xor(ones())
}

/// `2^k` for whole k from -1022 to 1023.
#[inline(always)]
fn power_of_two<V: Vector>(k: V) -> V {
    k.add(V::splat(MAGIC + 1023.0)).shift_up::<52>()
}

/// `e^(x + rest) 2^shift`, `rest` being small against x.
#[inline(always)]
fn scaled_exp<V: Vector>(x: V, rest: V, shift: f64) -> V {
    // Beyond these bounds the result is infinite or zero; the order of arguments keeps NaN.
    let bounded = V::splat(-746.0).max(V::splat(711.0).min(x));
    let magic = V::splat(MAGIC);
    let k = bounded.fused(V::splat(std::f64::consts::LOG2_E), magic).sub(magic);
    let r = k.fused(V::splat(-LN2), bounded);
    let correction = bounded.eq(x).and(rest);
    let r = k.fused(V::splat(-LN2_REST), r).add(correction);
    let p = exp_series(r);
    let k = k.add(V::splat(shift));
    let first = k.mul(V::splat(0.5)).add(magic).sub(magic);
    p.mul(power_of_two(first)).mul(power_of_two(k.sub(first)))
}

/// `e^r` for |r| <= 0.35: 1 + (r + r^2 (1/2 + r/6 + ... )).
#[inline(always)]
fn exp_series<V: Vector>(r: V) -> V {
    let c = |k: f64| V::splat(1.0 / k);
    let (r2, pair) = (r.mul(r), |low: f64, high: f64| r.fused(c(high), c(low)));
    let r4 = r2.mul(r2);
    // Pairs, then fours, then eights: short chains.
    let low = r2.fused(pair(24.0, 120.0), pair(2.0, 6.0));
    let middle = r2.fused(pair(362_880.0 / 9.0, 362_880.0), pair(720.0, 5040.0));
    let high = r2.fused(pair(479_001_600.0, 6_227_020_800.0), pair(3_628_800.0, 39_916_800.0));
    let sum = r4.fused(r4.fused(high, middle), low);
    r2.fused(sum, r).add(V::splat(1.0))
}

/// `sinh x` for |x| < 1: `x + x^3 (1/6 + x^2/120 + ...)`.
#[inline(always)]
fn sinh_series<V: Vector>(x: V) -> V {
    let c = |k: f64| V::splat(1.0 / k);
    let z = x.mul(x);
    let (z2, pair) = (z.mul(z), |low: f64, high: f64| z.fused(c(high), c(low)));
    let z4 = z2.mul(z2);
    let low = z2.fused(pair(5040.0, 362_880.0), pair(6.0, 120.0));
    let high = z2.fused(pair(1_307_674_368_000.0, 355_687_428_096_000.0), pair(39_916_800.0, 6_227_020_800.0));
    let sum = z4.fused(z4.fused(c(121_645_100_408_832_000.0), high), low);
    z.mul(x).fused(sum, x)
}

/// `(atanh(s)/s - 1)/z` times `factor` for z = s^2 <= 0.0295; its first coefficient is given.
#[inline(always)]
fn atanh_series<V: Vector>(z: V, first: V, factor: f64) -> V {
    atanh_tail(z, factor).fused(z, first)
}

/// The coefficients behind the first: 1/5 + z/7 + ... + z^10/25, times `factor`.
#[inline(always)]
fn atanh_tail<V: Vector>(z: V, factor: f64) -> V {
    let c = |k: f64| V::splat(factor / k);
    let (z2, pair) = (z.mul(z), |low: f64, high: f64| z.fused(c(high), c(low)));
    let z4 = z2.mul(z2);
    let low = z2.fused(pair(9.0, 11.0), pair(5.0, 7.0));
    let high = z2.fused(pair(17.0, 19.0), pair(13.0, 15.0));
    let top = z2.fused(c(25.0), pair(21.0, 23.0));
    z4.fused(z4.fused(top, high), low)
}

/// Mantissa in [sqrt(1/2), sqrt 2) and exponent of a normal positive number.
#[inline(always)]
fn decompose<V: Vector>(x: V) -> (V, V) {
    // 2^52 and the biased exponent in its low bits, minus both offsets.
    const OFFSET: f64 = 4503599627370496.0;
    let exponent = x.shift_down::<52>().or(V::splat(OFFSET)).sub(V::splat(OFFSET + 1023.0));
    let mantissa = x.and(V::splat(f64::from_bits((1 << 52) - 1))).or(V::splat(1.0));
    let high = V::splat(std::f64::consts::SQRT_2).le(mantissa);
    (mantissa.mul(high.choose(V::splat(0.5), V::splat(1.0))), exponent.add(high.truth()))
}

/// `ln x` as a sum of two numbers, to about 2^-65.
#[inline(always)]
fn split_ln<V: Vector>(x: V) -> (V, V) {
    let one = V::splat(1.0);
    let (m, k) = decompose(x);
    // s = (m - 1)/(m + 1) as s + t.
    let f = m.sub(one);
    let d = m.add(one);
    let d_rest = m.sub(d.sub(one));
    let s = f.div(d);
    let t = s.neg().fused(d, f).sub(s.mul(d_rest)).div(d);
    // z = s^2 as z + u.
    let z = s.mul(s);
    let u = s.fused(s, z.neg()).add(s.add(s).mul(t));
    // 1/3 + z/5 + ... as c + e.
    const THIRD: f64 = 1.0 / 3.0;
    const THIRD_REST: f64 = 1.850_371_707_708_594e-17;
    let tail = z.mul(atanh_tail(z, 1.0));
    let c = V::splat(THIRD).add(tail);
    let e = V::splat(THIRD).sub(c).add(tail).add(V::splat(THIRD_REST));
    // p = z (1/3 + ...), q = s p, each with its rest.
    let p = z.mul(c);
    let p_rest = z.fused(c, p.neg()).add(z.mul(e)).add(u.mul(c));
    let q = s.mul(p);
    let q_rest = s.fused(p, q.neg()).add(s.mul(p_rest)).add(t.mul(p));
    // ln x = k ln 2 + 2 (s + q), added from the largest term down.
    let (two_s, two_q) = (s.add(s), q.add(q));
    let top = k.mul(V::splat(LN2_TOP));
    let a = top.add(two_s);
    let a_rest = two_sum_rest(top, two_s, a);
    let b = a.add(two_q);
    let b_rest = two_sum_rest(a, two_q, b);
    let small = t.add(q_rest);
    let rest = k.fused(V::splat(LN2_BOTTOM), small.add(small)).add(a_rest).add(b_rest);
    let high = b.add(rest);
    (high, b.sub(high).add(rest))
}

/// What `sum = a + b` lost (Knuth).
#[inline(always)]
fn two_sum_rest<V: Vector>(a: V, b: V, sum: V) -> V {
    let other = sum.sub(a);
    a.sub(sum.sub(other)).add(b.sub(other))
}
