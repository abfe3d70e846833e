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

/// Adds `term` to `sum[row]`, what rounding drops to `lost[row]`.
#[inline]
pub fn add(sum: &mut [f64], lost: &mut [f64], row: usize, term: f64) {
    let old = sum[row];
    let new = old + term;
    let part = new - old;
    lost[row] += (old - (new - part)) + (term - part);
    sum[row] = new;
}

/// Puts back what was lost.
pub fn settle(sum: &mut [f64], lost: &[f64]) {
    for (sum, lost) in sum.iter_mut().zip(lost) {
        *sum += lost;
    }
}
