//! Sums of rows with what rounding loses kept beside them (Neumaier 1974; the exact error of an addition is Knuth's).
//!
//! The result hardly depends on the order of the terms: two cells that are alike and in the same state get the same
//! residual to the last bit, wherever their nodes stand in the matrix. Without this a symmetric state would be left by rounding alone
//! (the difference of two coupled NbOx cells grows tenfold every 3.7 us).

/// What was lost in the sums of f and q, by row.
#[derive(Default)]
pub struct Lost {
    /// Of f.
    pub f: Vec<f64>,
    /// Of q.
    pub q: Vec<f64>,
}

impl Lost {
    /// Room for `rows` rows; every sum begins by saying what it has lost.
    pub fn fit(&mut self, rows: usize) {
        self.f.resize(rows, 0.0);
        self.q.resize(rows, 0.0);
    }
}

/// Sum and what it has lost, with one more term.
#[inline(always)]
fn with((old, lost): (f64, f64), term: f64) -> (f64, f64) {
    let new = old + term;
    let part = new - old;
    (new, lost + ((old - (new - part)) + (term - part)))
}

/// Adds `term` to `sum[row]`, what rounding drops to `lost[row]`.
#[inline]
pub fn add(sum: &mut [f64], lost: &mut [f64], row: usize, term: f64) {
    (sum[row], lost[row]) = with((sum[row], lost[row]), term);
}

/// As [`add`].
///
/// # Safety
/// `row` is below the length of both.
#[inline(always)]
pub unsafe fn add_unchecked(sum: &mut [f64], lost: &mut [f64], row: usize, term: f64) {
    debug_assert!(row < sum.len() && row < lost.len());
    unsafe {
        let (sum, lost) = (sum.get_unchecked_mut(row), lost.get_unchecked_mut(row));
        (*sum, *lost) = with((*sum, *lost), term);
    }
}

/// Terms that are added side by side: a sum waits for the one before.
const ABREAST: usize = 4;

/// The sum of some terms, and what it has lost.
pub fn total(terms: &[f64]) -> (f64, f64) {
    let mut sums = [(0.0, 0.0); ABREAST];
    for terms in terms.chunks(ABREAST) {
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = with(*sum, *term));
    }
    sums.into_iter().fold((0.0, 0.0), |(sum, lost), (more, dropped)| with((sum, lost + dropped), more))
}

/// Adds such a sum to `sum[row]`.
pub fn add_total(sum: &mut [f64], lost: &mut [f64], row: usize, (total, dropped): (f64, f64)) {
    add(sum, lost, row, total);
    lost[row] += dropped;
}

/// Puts back what was lost.
pub fn settle(sum: &mut [f64], lost: &[f64]) {
    for (sum, lost) in sum.iter_mut().zip(lost) {
        *sum += lost;
    }
}
