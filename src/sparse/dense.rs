//! Dense kernels of the fronts: products, the elimination of narrow panels, dot products.
//!
//! All take matrices by columns. Products of many multiplications go to faer, whose packing pays there; fronts of circuits
//! are mostly smaller, and for these the kernels here begin at once: tiles of `2 LANES x 4` in registers, masked at the
//! edges. AVX-512 or AVX2 with FMA are chosen at run time; elsewhere, and for complex numbers, plain loops do. This is the
//! only file of the room with `unsafe` loads and stores. Which kernel computes an entry depends on the shape alone.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::Complex64;

use super::Scalar;

/// Products of fewer multiplications than this stay here.
const LARGE: usize = 40_000;
/// The same for numbers without kernels of their own.
const LARGE_PLAIN: usize = 2_000;

/// What a pivot is compared with, and what was found.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Part of its column that a pivot must be.
    pub keep: f64,
    /// Size below which a pivot may be round-off.
    pub suspect: f64,
    /// Largest entry of U so far.
    pub growth: f64,
}

/// A pivot that is too small: its column, and whether it may be nothing but round-off.
pub type Refused = (usize, bool);

/// Numbers with kernels of their own.
pub trait Kernels: Sized {
    /// `c -= a b` for a product of few multiplications.
    fn subtract_product(c: MatMut<'_, Self>, a: MatRef<'_, Self>, b: MatRef<'_, Self>);
    /// Eliminates a panel of `(rows, columns)` in place; columns are `stride` apart.
    fn narrow(panel: &mut [Self], stride: usize, shape: (usize, usize), watch: &mut Watch) -> Result<(), Refused>;
    /// `y -= x factor`
    fn subtract(x: &[Self], factor: Self, y: &mut [Self]);
    /// Sum of products.
    fn dot(a: &[Self], b: &[Self]) -> Self;
    /// Largest magnitude, at least `from`.
    fn largest(x: &[Self], from: f64) -> f64;
}

/// `c -= a b`
pub(super) fn subtract_product<T: Scalar>(c: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    let work = a.nrows() * a.ncols() * b.ncols();
    if work >= if size_of::<T>() == size_of::<f64>() { LARGE } else { LARGE_PLAIN } {
        matmul(c, Accum::Add, a, b, T::from(-1.0), Par::Seq);
    } else if work > 0 {
        T::subtract_product(c, a, b);
    }
}

/// Adds a column to places of another: those of `map` less its first. The places rise; the last is the last of `target`.
pub(super) fn add_scattered<T: Scalar>(column: &[T], map: &[u32], target: &mut [T]) {
    let Some(first) = map.first() else { return };
    for (value, row) in column.iter().zip(map) {
        let place = row.wrapping_sub(*first) as usize;
        if let Some(target) = target.get_mut(place) {
            *target += *value;
        }
    }
}

/// How `c - a b` is rounded.
trait Arithmetic<T> {
    fn subtract(c: T, a: T, b: T) -> T;
}

/// After the product and after the difference.
struct Plain;
/// Once.
struct Fused;

impl<T: Scalar> Arithmetic<T> for Plain {
    #[inline(always)]
    fn subtract(c: T, a: T, b: T) -> T {
        c - a * b
    }
}

impl Arithmetic<f64> for Fused {
    #[inline(always)]
    fn subtract(c: f64, a: f64, b: f64) -> f64 {
        (-a).mul_add(b, c)
    }
}

/// Lanes of a reduction: what the widest vectors hold twice.
const LANES: usize = 16;

#[inline(always)]
fn largest_with<T: Scalar>(x: &[T], from: f64) -> f64 {
    let chunks = x.chunks_exact(LANES);
    let mut most = from;
    for x in chunks.remainder() {
        let size = x.magnitude();
        most = if size > most { size } else { most };
    }
    if x.len() >= LANES {
        let mut lanes = [most; LANES];
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                let size = x.magnitude();
                *lane = if size > *lane { size } else { *lane };
            }
        }
        most = lanes.into_iter().fold(most, |a, b| if b > a { b } else { a });
    }
    most
}

#[inline(always)]
fn subtract_with<T: Scalar, A: Arithmetic<T>>(x: &[T], factor: T, y: &mut [T]) {
    for (x, y) in x.iter().zip(y) {
        *y = A::subtract(*y, *x, factor);
    }
}

#[inline(always)]
fn dot_with<T: Scalar, A: Arithmetic<T>>(a: &[T], b: &[T]) -> T {
    let count = a.len().min(b.len());
    let (a, b) = (&a[..count], &b[..count]);
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let mut sum = rest.fold(T::default(), |sum, (a, b)| A::subtract(sum, *a, *b));
    if count >= LANES {
        let mut lanes = [T::default(); LANES];
        for (a, b) in left.zip(right) {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane = A::subtract(*lane, *a, *b);
            }
        }
        sum = lanes.into_iter().fold(sum, |a, b| a + b);
    }
    -sum
}

#[inline(always)]
fn narrow_with<T: Scalar, A: Arithmetic<T>>(
    panel: &mut [T],
    stride: usize,
    (rows, width): (usize, usize),
    watch: &mut Watch,
) -> Result<(), Refused> {
    for p in 0..width {
        let (before, after) = panel.split_at_mut(((p + 1) * stride).min(panel.len()));
        let column = &mut before[p * stride..][p..rows];
        let pivot = column[0];
        let size = pivot.magnitude();
        let largest = largest_with(&column[1..], 0.0);
        watch.growth = if size > watch.growth { size } else { watch.growth };
        // Written so that a pivot that is not a number is refused.
        if !(size >= watch.keep * largest && size > 0.0 && size < f64::INFINITY) {
            return Err((p, size <= 0.0));
        }
        if size < watch.suspect {
            return Err((p, true));
        }
        let inverse = T::from(1.0) / pivot;
        for l in &mut column[1..] {
            *l *= inverse;
        }
        let column = &column[1..];
        for other in after.chunks_mut(stride).take(width - p - 1) {
            let factor = other[p];
            watch.growth = if factor.magnitude() > watch.growth { factor.magnitude() } else { watch.growth };
            subtract_with::<T, A>(column, factor, &mut other[p + 1..rows]);
        }
    }
    Ok(())
}

/// `c -= a b` column by column.
fn product_plain<T: Scalar>(mut c: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    for j in 0..c.ncols() {
        for p in 0..a.ncols() {
            let factor = b[(p, j)];
            for i in 0..a.nrows() {
                c[(i, j)] -= a[(i, p)] * factor;
            }
        }
    }
}

impl Kernels for Complex64 {
    fn subtract_product(c: MatMut<'_, Self>, a: MatRef<'_, Self>, b: MatRef<'_, Self>) {
        product_plain(c, a, b);
    }

    fn narrow(panel: &mut [Self], stride: usize, shape: (usize, usize), watch: &mut Watch) -> Result<(), Refused> {
        narrow_with::<Self, Plain>(panel, stride, shape, watch)
    }

    fn subtract(x: &[Self], factor: Self, y: &mut [Self]) {
        subtract_with::<Self, Plain>(x, factor, y);
    }

    fn dot(a: &[Self], b: &[Self]) -> Self {
        dot_with::<Self, Plain>(a, b)
    }

    fn largest(x: &[Self], from: f64) -> f64 {
        largest_with(x, from)
    }
}

/// Calls the version of a kernel that this machine can run.
macro_rules! dispatch {
    ($plain:expr, $fused:ident ( $($argument:expr),* )) => {{
        #[cfg(target_arch = "x86_64")]
        {
            // Safety: each is called where its features were found.
            if is_x86_feature_detected!("avx512f") {
                return unsafe { wide::$fused($($argument),*) };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return unsafe { middle::$fused($($argument),*) };
            }
        }
        $plain
    }};
}

impl Kernels for f64 {
    fn subtract_product(c: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
        dispatch!(product_plain(c, a, b), product(c, a, b))
    }

    fn narrow(panel: &mut [f64], stride: usize, shape: (usize, usize), watch: &mut Watch) -> Result<(), Refused> {
        dispatch!(narrow_with::<f64, Plain>(panel, stride, shape, watch), narrow(panel, stride, shape, watch))
    }

    fn subtract(x: &[f64], factor: f64, y: &mut [f64]) {
        dispatch!(subtract_with::<f64, Plain>(x, factor, y), subtract(x, factor, y))
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        dispatch!(dot_with::<f64, Plain>(a, b), dot(a, b))
    }

    fn largest(x: &[f64], from: f64) -> f64 {
        dispatch!(largest_with(x, from), largest(x, from))
    }
}

/// A vector register of numbers.
#[cfg(target_arch = "x86_64")]
trait Register: Copy {
    const WIDTH: usize;
    type Mask: Copy;
    /// The mask of the first `count` lanes.
    unsafe fn mask(count: usize) -> Self::Mask;
    unsafe fn load(from: *const f64) -> Self;
    unsafe fn load_some(from: *const f64, mask: Self::Mask) -> Self;
    unsafe fn store(self, to: *mut f64);
    unsafe fn store_some(self, to: *mut f64, mask: Self::Mask);
    unsafe fn splat(from: *const f64) -> Self;
    /// `self - a b`
    unsafe fn less(self, a: Self, b: Self) -> Self;
}

/// Steps between the entries of a product: columns of c and of a, rows and columns of b.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Steps {
    c: isize,
    a: isize,
    row: isize,
    column: isize,
}

/// A piece of a column: one register or two, the last of which may be masked.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn read<R: Register, const TWO: bool, const EDGE: bool>(from: *const f64, mask: R::Mask) -> [R; 2] {
    // Safety: as the caller says.
    unsafe {
        let first = if EDGE && !TWO { R::load_some(from, mask) } else { R::load(from) };
        match (TWO, EDGE) {
            (false, _) => [first, first],
            (true, false) => [first, R::load(from.add(R::WIDTH))],
            (true, true) => [first, R::load_some(from.add(R::WIDTH), mask)],
        }
    }
}

/// One tile of at most two registers by N columns, `inner` products each.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn tile<R: Register, const N: usize, const TWO: bool, const EDGE: bool>(
    (c, a, b): (*mut f64, *const f64, *const f64),
    inner: usize,
    steps: Steps,
    rows: usize,
) {
    // Safety: the caller owns `rows` by N entries of c, `rows` by `inner` of a, `inner` by N of b.
    unsafe {
        let mask = R::mask(if TWO { rows - R::WIDTH.min(rows) } else { rows });
        let mut sums = [[R::splat(b); 2]; N];
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = read::<R, TWO, EDGE>(c.offset(j as isize * steps.c), mask);
        }
        let (mut a, mut b) = (a, b);
        for _ in 0..inner {
            let column = read::<R, TWO, EDGE>(a, mask);
            for (j, sum) in sums.iter_mut().enumerate() {
                let factor = R::splat(b.offset(j as isize * steps.column));
                sum[0] = sum[0].less(column[0], factor);
                if TWO {
                    sum[1] = sum[1].less(column[1], factor);
                }
            }
            a = a.offset(steps.a);
            b = b.offset(steps.row);
        }
        for (j, sum) in sums.iter().enumerate() {
            let to = c.offset(j as isize * steps.c);
            if EDGE && !TWO {
                sum[0].store_some(to, mask);
            } else {
                sum[0].store(to);
            }
            if TWO && EDGE {
                sum[1].store_some(to.add(R::WIDTH), mask);
            } else if TWO {
                sum[1].store(to.add(R::WIDTH));
            }
        }
    }
}

/// A strip of N columns.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn strip<R: Register, const N: usize>(
    (c, a, b): (*mut f64, *const f64, *const f64),
    (rows, inner): (usize, usize),
    steps: Steps,
) {
    let mut i = 0;
    // Safety: tiles stay within the rows.
    unsafe {
        while i + 2 * R::WIDTH <= rows {
            tile::<R, N, true, false>((c.add(i), a.add(i), b), inner, steps, 2 * R::WIDTH);
            i += 2 * R::WIDTH;
        }
        match rows - i {
            0 => {}
            left if left > R::WIDTH => tile::<R, N, true, true>((c.add(i), a.add(i), b), inner, steps, left),
            left => tile::<R, N, false, true>((c.add(i), a.add(i), b), inner, steps, left),
        }
    }
}

/// `c -= a b`, columns of c and of a in one piece each.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn product_with<R: Register>(c: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    assert!(c.nrows() == a.nrows() && c.ncols() == b.ncols() && a.ncols() == b.nrows());
    assert!(c.nrows() <= 1 || c.row_stride() == 1 && a.row_stride() == 1);
    let (size, columns) = ((c.nrows(), a.ncols()), c.ncols());
    let steps = Steps { c: c.col_stride(), a: a.col_stride(), row: b.row_stride(), column: b.col_stride() };
    let (c, a, b) = (c.as_ptr_mut(), a.as_ptr(), b.as_ptr());
    let mut j = 0;
    // Safety: the views own what their sizes and steps say, and the sizes fit.
    unsafe {
        while j + 4 <= columns {
            let at = (c.offset(j as isize * steps.c), a, b.offset(j as isize * steps.column));
            strip::<R, 4>(at, size, steps);
            j += 4;
        }
        let at = (c.offset(j as isize * steps.c), a, b.offset(j as isize * steps.column));
        match columns - j {
            1 => strip::<R, 1>(at, size, steps),
            2 => strip::<R, 2>(at, size, steps),
            3 => strip::<R, 3>(at, size, steps),
            _ => {}
        }
    }
}

/// The kernels under one set of machine features.
#[cfg(target_arch = "x86_64")]
macro_rules! compiled {
    ($name:ident, $register:ty, $features:literal) => {
        mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) unsafe fn product(c: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
                // Safety: as the caller says of the machine.
                unsafe { product_with::<$register>(c, a, b) }
            }

            #[target_feature(enable = $features)]
            pub(super) unsafe fn narrow(
                panel: &mut [f64],
                stride: usize,
                shape: (usize, usize),
                watch: &mut Watch,
            ) -> Result<(), Refused> {
                narrow_with::<f64, Fused>(panel, stride, shape, watch)
            }

            #[target_feature(enable = $features)]
            pub(super) unsafe fn subtract(x: &[f64], factor: f64, y: &mut [f64]) {
                subtract_with::<f64, Fused>(x, factor, y);
            }

            #[target_feature(enable = $features)]
            pub(super) unsafe fn dot(a: &[f64], b: &[f64]) -> f64 {
                dot_with::<f64, Fused>(a, b)
            }

            #[target_feature(enable = $features)]
            pub(super) unsafe fn largest(x: &[f64], from: f64) -> f64 {
                largest_with(x, from)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
compiled!(middle, std::arch::x86_64::__m256d, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(wide, std::arch::x86_64::__m512d, "avx512f,avx2,fma");

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::x86_64::*;

    use super::Register;

    impl Register for __m256d {
        const WIDTH: usize = 4;
        type Mask = __m256i;

        #[inline(always)]
        unsafe fn mask(count: usize) -> __m256i {
            const BITS: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];
            // Safety: four numbers from a place in 0..=4.
            unsafe { _mm256_loadu_si256(BITS.as_ptr().add(4 - count.min(4)).cast()) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self {
            unsafe { _mm256_loadu_pd(from) }
        }
        #[inline(always)]
        unsafe fn load_some(from: *const f64, mask: __m256i) -> Self {
            unsafe { _mm256_maskload_pd(from, mask) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            unsafe { _mm256_storeu_pd(to, self) }
        }
        #[inline(always)]
        unsafe fn store_some(self, to: *mut f64, mask: __m256i) {
            unsafe { _mm256_maskstore_pd(to, mask, self) }
        }
        #[inline(always)]
        unsafe fn splat(from: *const f64) -> Self {
            unsafe { _mm256_broadcast_sd(&*from) }
        }
        #[inline(always)]
        unsafe fn less(self, a: Self, b: Self) -> Self {
            unsafe { _mm256_fnmadd_pd(a, b, self) }
        }
    }

    impl Register for __m512d {
        const WIDTH: usize = 8;
        type Mask = __mmask8;

        #[inline(always)]
        unsafe fn mask(count: usize) -> __mmask8 {
            ((1u32 << count.min(8)) - 1) as __mmask8
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self {
            unsafe { _mm512_loadu_pd(from) }
        }
        #[inline(always)]
        unsafe fn load_some(from: *const f64, mask: __mmask8) -> Self {
            unsafe { _mm512_maskz_loadu_pd(mask, from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            unsafe { _mm512_storeu_pd(to, self) }
        }
        #[inline(always)]
        unsafe fn store_some(self, to: *mut f64, mask: __mmask8) {
            unsafe { _mm512_mask_storeu_pd(to, mask, self) }
        }
        #[inline(always)]
        unsafe fn splat(from: *const f64) -> Self {
            unsafe { _mm512_set1_pd(*from) }
        }
        #[inline(always)]
        unsafe fn less(self, a: Self, b: Self) -> Self {
            unsafe { _mm512_fnmadd_pd(a, b, self) }
        }
    }
}
