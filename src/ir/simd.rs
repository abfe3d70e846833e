//! Vectors of four lanes, and vector code of single operations over fixed numbers of lanes.
//!
//! Two paths give the same bits: AVX2 with FMA, chosen at run time, and a portable one with `f64::mul_add`. Every
//! operation acts on each lane by itself, so that no result depends on the position of a lane or on its neighbours. Beside
//! `registers` and `native` this is the only file of the room with `unsafe`: loads, stores and intrinsics.

/// Lanes of a block.
pub const LANES: usize = 64;
/// Lanes of a vector.
pub const WIDTH: usize = 4;

/// Four numbers. Comparisons give masks: all bits of a lane, or none.
pub trait Vector: Copy {
    /// The same number in all lanes.
    fn splat(x: f64) -> Self;
    /// Four numbers from memory.
    ///
    /// # Safety
    /// Four numbers can be read there.
    unsafe fn load(from: *const f64) -> Self;
    /// Four numbers to memory.
    ///
    /// # Safety
    /// Four numbers can be written there; the place is a multiple of 32 bytes.
    unsafe fn store(self, to: *mut f64);
    /// The lanes.
    fn lanes(self) -> [f64; WIDTH];
    /// From lanes.
    fn from_lanes(lanes: [f64; WIDTH]) -> Self;
    /// `a + b`
    fn add(self, b: Self) -> Self;
    /// `a - b`
    fn sub(self, b: Self) -> Self;
    /// `a b`
    fn mul(self, b: Self) -> Self;
    /// `a / b`
    fn div(self, b: Self) -> Self;
    /// `a b + c`, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
    /// `a < b ? a : b`
    fn min(self, b: Self) -> Self;
    /// `a > b ? a : b`
    fn max(self, b: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Largest whole number not above.
    fn floor(self) -> Self;
    /// Smallest whole number not below.
    fn ceil(self) -> Self;
    /// Bits in both.
    fn and(self, b: Self) -> Self;
    /// Bits in either.
    fn or(self, b: Self) -> Self;
    /// Bits in one but not in the other.
    fn xor(self, b: Self) -> Self;
    /// Mask of `a < b`.
    fn lt(self, b: Self) -> Self;
    /// Mask of `a <= b`.
    fn le(self, b: Self) -> Self;
    /// Mask of `a == b`.
    fn eq(self, b: Self) -> Self;
    /// By this mask: `a` where set, else `b`.
    fn choose(self, a: Self, b: Self) -> Self;
    /// One bit per lane of a mask, lane 0 lowest.
    fn bits(self) -> u32;
    /// Bits of each lane moved up.
    fn shift_up<const BY: i32>(self) -> Self;
    /// Bits of each lane moved down.
    fn shift_down<const BY: i32>(self) -> Self;

    /// 1 where a mask is set, else 0.
    #[inline(always)]
    fn truth(self) -> Self {
        self.and(Self::splat(1.0))
    }
    /// `-a`
    #[inline(always)]
    fn neg(self) -> Self {
        self.xor(Self::splat(-0.0))
    }
    /// `|a|`
    #[inline(always)]
    fn abs(self) -> Self {
        self.and(Self::splat(f64::from_bits(!(1 << 63))))
    }
    /// Lanes of `self` where the mask is not set, else what `value` gives for lanes of `a` and `b`.
    #[inline(always)]
    fn patch(self, mask: Self, a: Self, b: Self, value: fn(f64, f64) -> f64) -> Self {
        if mask.bits() == 0 { self } else { patched(self, mask, a, b, value) }
    }
}

/// The rare part of [`Vector::patch`].
#[cold]
#[inline(never)]
fn patched<V: Vector>(plain: V, mask: V, a: V, b: V, value: fn(f64, f64) -> f64) -> V {
    let (bits, a, b, mut lanes) = (mask.bits(), a.lanes(), b.lanes(), plain.lanes());
    for (k, lane) in lanes.iter_mut().enumerate().filter(|(k, _)| bits & (1 << k) != 0) {
        *lane = value(a[k], b[k]);
    }
    V::from_lanes(lanes)
}

/// The portable vector.
#[derive(Clone, Copy)]
pub struct Four([f64; WIDTH]);

impl Four {
    #[inline(always)]
    fn each(self, b: Four, f: impl Fn(f64, f64) -> f64) -> Four {
        Four(std::array::from_fn(|k| f(self.0[k], b.0[k])))
    }
    #[inline(always)]
    fn each_bits(self, b: Four, f: impl Fn(u64, u64) -> u64) -> Four {
        self.each(b, |a, b| f64::from_bits(f(a.to_bits(), b.to_bits())))
    }
    #[inline(always)]
    fn mask(self, b: Four, f: impl Fn(f64, f64) -> bool) -> Four {
        self.each(b, |a, b| f64::from_bits(if f(a, b) { u64::MAX } else { 0 }))
    }
}

impl Vector for Four {
    #[inline(always)]
    fn splat(x: f64) -> Four {
        Four([x; WIDTH])
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Four {
        // SAFETY: the caller vouches for four numbers.
        Four(unsafe { *from.cast::<[f64; WIDTH]>() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller vouches for four numbers.
        unsafe { *to.cast::<[f64; WIDTH]>() = self.0 }
    }
    #[inline(always)]
    fn lanes(self) -> [f64; WIDTH] {
        self.0
    }
    #[inline(always)]
    fn from_lanes(lanes: [f64; WIDTH]) -> Four {
        Four(lanes)
    }
    #[inline(always)]
    fn add(self, b: Four) -> Four {
        self.each(b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, b: Four) -> Four {
        self.each(b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, b: Four) -> Four {
        self.each(b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, b: Four) -> Four {
        self.each(b, |a, b| a / b)
    }
    #[inline(always)]
    fn fused(self, b: Four, c: Four) -> Four {
        Four(std::array::from_fn(|k| self.0[k].mul_add(b.0[k], c.0[k])))
    }
    #[inline(always)]
    fn min(self, b: Four) -> Four {
        self.each(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, b: Four) -> Four {
        self.each(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self) -> Four {
        Four(self.0.map(f64::sqrt))
    }
    #[inline(always)]
    fn floor(self) -> Four {
        Four(self.0.map(f64::floor))
    }
    #[inline(always)]
    fn ceil(self) -> Four {
        Four(self.0.map(f64::ceil))
    }
    #[inline(always)]
    fn and(self, b: Four) -> Four {
        self.each_bits(b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, b: Four) -> Four {
        self.each_bits(b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor(self, b: Four) -> Four {
        self.each_bits(b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn lt(self, b: Four) -> Four {
        self.mask(b, |a, b| a < b)
    }
    #[inline(always)]
    fn le(self, b: Four) -> Four {
        self.mask(b, |a, b| a <= b)
    }
    #[inline(always)]
    fn eq(self, b: Four) -> Four {
        self.mask(b, |a, b| a == b)
    }
    #[inline(always)]
    fn choose(self, a: Four, b: Four) -> Four {
        Four(std::array::from_fn(|k| if self.0[k].is_sign_negative() { a.0[k] } else { b.0[k] }))
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        (0..WIDTH).map(|k| u32::from(self.0[k].is_sign_negative()) << k).sum()
    }
    #[inline(always)]
    fn shift_up<const BY: i32>(self) -> Four {
        Four(self.0.map(|a| f64::from_bits(a.to_bits() << BY)))
    }
    #[inline(always)]
    fn shift_down<const BY: i32>(self) -> Four {
        Four(self.0.map(|a| f64::from_bits(a.to_bits() >> BY)))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx {
    //! The AVX2 vector. Its methods are only reached from functions that are compiled for AVX2 and FMA and only called
    //! where the processor has both.
    use super::{Vector, WIDTH};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub struct Wide(__m256d);

    macro_rules! binary {
        ($($name:ident => $intrinsic:ident),*) => { $(
            #[inline(always)]
            fn $name(self, b: Wide) -> Wide {
                // SAFETY: see the head of this module.
                Wide(unsafe { $intrinsic(self.0, b.0) })
            }
        )* };
    }
    macro_rules! compare {
        ($($name:ident => $predicate:ident),*) => { $(
            #[inline(always)]
            fn $name(self, b: Wide) -> Wide {
                // SAFETY: see the head of this module.
                Wide(unsafe { _mm256_cmp_pd::<$predicate>(self.0, b.0) })
            }
        )* };
    }
    macro_rules! unary {
        ($($name:ident => $intrinsic:ident),*) => { $(
            #[inline(always)]
            fn $name(self) -> Wide {
                // SAFETY: see the head of this module.
                Wide(unsafe { $intrinsic(self.0) })
            }
        )* };
    }

    impl Vector for Wide {
        binary!(add => _mm256_add_pd, sub => _mm256_sub_pd, mul => _mm256_mul_pd, div => _mm256_div_pd, min => _mm256_min_pd,
            max => _mm256_max_pd, and => _mm256_and_pd, or => _mm256_or_pd, xor => _mm256_xor_pd);
        compare!(lt => _CMP_LT_OQ, le => _CMP_LE_OQ, eq => _CMP_EQ_OQ);
        unary!(sqrt => _mm256_sqrt_pd, floor => _mm256_floor_pd, ceil => _mm256_ceil_pd);

        #[inline(always)]
        fn splat(x: f64) -> Wide {
            // SAFETY: see the head of this module.
            Wide(unsafe { _mm256_set1_pd(x) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Wide {
            // SAFETY: the caller vouches for four numbers.
            Wide(unsafe { _mm256_loadu_pd(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            // SAFETY: the caller vouches for four numbers.
            unsafe { *to.cast::<__m256d>() = self.0 }
        }
        #[inline(always)]
        fn lanes(self) -> [f64; WIDTH] {
            // SAFETY: both are four numbers.
            unsafe { std::mem::transmute::<__m256d, [f64; WIDTH]>(self.0) }
        }
        #[inline(always)]
        fn from_lanes(lanes: [f64; WIDTH]) -> Wide {
            // SAFETY: both are four numbers.
            Wide(unsafe { std::mem::transmute::<[f64; WIDTH], __m256d>(lanes) })
        }
        #[inline(always)]
        fn fused(self, b: Wide, c: Wide) -> Wide {
            // SAFETY: see the head of this module.
            Wide(unsafe { _mm256_fmadd_pd(self.0, b.0, c.0) })
        }
        #[inline(always)]
        fn choose(self, a: Wide, b: Wide) -> Wide {
            // SAFETY: see the head of this module.
            Wide(unsafe { _mm256_blendv_pd(b.0, a.0, self.0) })
        }
        #[inline(always)]
        fn bits(self) -> u32 {
            // SAFETY: see the head of this module.
            unsafe { _mm256_movemask_pd(self.0) as u32 }
        }
        #[inline(always)]
        fn shift_up<const BY: i32>(self) -> Wide {
            // SAFETY: see the head of this module.
            Wide(unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<BY>(_mm256_castpd_si256(self.0))) })
        }
        #[inline(always)]
        fn shift_down<const BY: i32>(self) -> Wide {
            // SAFETY: see the head of this module.
            Wide(unsafe { _mm256_castsi256_pd(_mm256_srli_epi64::<BY>(_mm256_castpd_si256(self.0))) })
        }
    }
}

/// One operation on vectors; unused arguments are ignored.
pub trait Kernel {
    /// The result.
    fn apply<V: Vector>(a: V, b: V, c: V) -> V;
}

/// Scalar function of an operation.
pub type Value = fn([f64; 3]) -> f64;
/// Runs one operation over a fixed number of lanes: result, arguments, scalar function.
#[allow(improper_ctypes_definitions)]
pub type Run = unsafe extern "C" fn(*mut f64, *const f64, *const f64, *const f64, Value);

/// Numbers of lanes that code exists for. Fixed ones, because loops of cheap operations are then unrolled: besides being
/// faster they leave the processor's memory of jumps to the sequence of instructions, which it then predicts.
pub const CHUNKS: [usize; 4] = [4, 8, 16, 32];
/// Code of one operation for each of [`CHUNKS`].
pub type Runs = [Run; CHUNKS.len()];

/// Vector code of one operation, for both paths.
#[derive(Clone, Copy)]
pub struct Code {
    /// AVX2 and FMA, or what there is.
    pub fast: Runs,
    /// Plain Rust.
    pub portable: Runs,
}

/// Which of the two paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// AVX2 and FMA.
    Fast,
    /// Plain Rust.
    Portable,
}

impl Path {
    /// The best path that this processor has.
    pub fn best() -> Path {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Path::Fast;
        }
        Path::Portable
    }
}

/// Code that applies the scalar function lane by lane.
pub const fn each() -> Code {
    let runs: Runs = [run_each::<4>, run_each::<8>, run_each::<16>, run_each::<32>];
    Code { fast: runs, portable: runs }
}

/// Code of a kernel.
pub const fn code<K: Kernel>() -> Code {
    let portable: Runs =
        [run_vectors::<K, Four, 4>, run_vectors::<K, Four, 8>, run_vectors::<K, Four, 16>, run_vectors::<K, Four, 32>];
    #[cfg(target_arch = "x86_64")]
    let fast: Runs = [run_fast::<K, 4>, run_fast::<K, 8>, run_fast::<K, 16>, run_fast::<K, 32>];
    #[cfg(not(target_arch = "x86_64"))]
    let fast = portable;
    Code { fast, portable }
}

/// Vector code from an expression in vectors: `lanes!(x, y => x.add(y))`. The vector type is called `V` in it.
macro_rules! lanes {
    ($a:ident => $body:expr) => {
        lanes!(@ $a, _b, _c => $body)
    };
    ($a:ident, $b:ident => $body:expr) => {
        lanes!(@ $a, $b, _c => $body)
    };
    ($a:ident, $b:ident, $c:ident => $body:expr) => {
        lanes!(@ $a, $b, $c => $body)
    };
    (@ $a:ident, $b:ident, $c:ident => $body:expr) => {{
        struct Row;
        impl crate::ir::simd::Kernel for Row {
            #[inline(always)]
            fn apply<V: crate::ir::simd::Vector>($a: V, $b: V, $c: V) -> V {
                $body
            }
        }
        crate::ir::simd::code::<Row>()
    }};
}
pub(crate) use lanes;

#[allow(improper_ctypes_definitions)]
#[inline(always)]
unsafe extern "C" fn run_vectors<K: Kernel, V: Vector, const COUNT: usize>(
    to: *mut f64,
    a: *const f64,
    b: *const f64,
    c: *const f64,
    _: Value,
) {
    let mut k = 0;
    while k < COUNT {
        // The wrapping additions never wrap; they are what stays fast in debug builds.
        // SAFETY: the caller vouches for `COUNT` numbers behind each pointer, a multiple of four.
        unsafe {
            let (a, b, c) = (V::load(a.wrapping_add(k)), V::load(b.wrapping_add(k)), V::load(c.wrapping_add(k)));
            K::apply(a, b, c).store(to.wrapping_add(k));
        }
        k += WIDTH;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[allow(improper_ctypes_definitions)]
unsafe extern "C" fn run_fast<K: Kernel, const COUNT: usize>(
    to: *mut f64,
    a: *const f64,
    b: *const f64,
    c: *const f64,
    value: Value,
) {
    // SAFETY: as in `run_vectors`; the processor has what `Path::best` asked for.
    unsafe { run_vectors::<K, avx::Wide, COUNT>(to, a, b, c, value) }
}

#[allow(improper_ctypes_definitions)]
unsafe extern "C" fn run_each<const COUNT: usize>(to: *mut f64, a: *const f64, b: *const f64, c: *const f64, value: Value) {
    for k in 0..COUNT {
        // SAFETY: the caller vouches for `COUNT` numbers behind each pointer.
        unsafe { *to.wrapping_add(k) = value([*a.wrapping_add(k), *b.wrapping_add(k), *c.wrapping_add(k)]) };
    }
}
