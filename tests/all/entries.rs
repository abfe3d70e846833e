//! Matrices by entries for tests of the solver: random ones, stamps of circuits, and the error of a solution.

use memspice::sparse::{Factored, Lu, Pattern, Scalar};

/// The measure is the row-wise backward error of the scaled matrix: `|A x - b|_i / (sum_j |a_ij| |x|_max + |b_i|)`. Threshold
/// pivoting with 1e-3 lets entries grow by 1e3 in the worst step, in practice by less than 10; 1e-12 is 4500 units of
/// round-off and is missed by any wrong pivot, index or stale value.
pub(super) const BACKWARD: f64 = 1e-12;

/// A small generator of numbers, so that failures repeat.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Uniform in -1..1.
    pub(super) fn signed(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A sign and a size spread evenly over `decades` around 1.
    pub(super) fn spread(&mut self, decades: f64) -> f64 {
        (0.5 + self.signed().abs()).copysign(self.signed()) * 10f64.powf(self.signed() * decades / 2.0)
    }
}

/// A matrix by entries; the same place twice adds up.
#[derive(Clone, Default)]
pub(super) struct Entries<T> {
    pub(super) n: usize,
    pub(super) entries: Vec<(u32, u32, T)>,
}

impl<T: Scalar> Entries<T> {
    pub(super) fn new(n: usize) -> Entries<T> {
        Entries { n, entries: Vec::new() }
    }

    pub(super) fn add(&mut self, row: usize, column: usize, value: T) {
        self.entries.push((row as u32, column as u32, value));
    }

    pub(super) fn pattern(&self) -> Pattern {
        Pattern::new(self.n, self.entries.iter().map(|e| (e.0, e.1)))
    }

    pub(super) fn values(&self, pattern: &Pattern) -> Vec<T> {
        let mut values = vec![T::default(); pattern.len() + 1];
        for (row, column, value) in &self.entries {
            values[pattern.slot(*row, *column).0 as usize] += *value;
        }
        values
    }
}

impl Entries<f64> {
    /// Conductance between two nodes; index n is ground.
    pub(super) fn conductance(&mut self, a: usize, b: usize, g: f64) {
        for (p, m) in [(a, b), (b, a)] {
            if p < self.n {
                self.add(p, p, g);
                if m < self.n {
                    self.add(p, m, -g);
                }
            }
        }
    }

    /// Ideal voltage source from node `a` to ground with branch current `branch`.
    pub(super) fn source(&mut self, a: usize, branch: usize) {
        self.add(a, branch, 1.0);
        self.add(branch, a, 1.0);
    }
}

/// Largest backward error over rows.
pub(super) fn backward_error<T: Scalar>(pattern: &Pattern, values: &[T], x: &[T], b: &[T]) -> f64 {
    let n = pattern.n;
    let (mut residual, mut sums) = (b.iter().map(|b| -*b).collect::<Vec<T>>(), vec![0.0; n]);
    pattern.multiply_add(values, x, &mut residual);
    for (row, value) in pattern.rows.iter().zip(values) {
        sums[*row as usize] += value.modulus();
    }
    let largest = x.iter().map(|x| x.modulus()).fold(0.0, f64::max);
    (0..n)
        .map(|i| residual[i].modulus() / (sums[i] * largest + b[i].modulus()).max(f64::MIN_POSITIVE))
        .fold(0.0, |worst, e| if e.is_nan() { f64::NAN } else { f64::max(worst, e) })
}

/// The transposed matrix.
pub(super) fn transposed<T: Scalar>(pattern: &Pattern, values: &[T]) -> (Pattern, Vec<T>) {
    let mut t = Entries::new(pattern.n);
    for c in 0..pattern.n {
        for s in pattern.column(c) {
            t.add(c, pattern.rows[s] as usize, values[s]);
        }
    }
    let p = t.pattern();
    let v = t.values(&p);
    (p, v)
}

/// Factors, solves both ways and checks.
pub(super) fn check<T: Scalar>(lu: &mut Lu<T>, pattern: &Pattern, values: &[T], b: &[T]) -> Factored {
    let factored = lu.factor(values).expect("regular");
    let mut x = b.to_vec();
    lu.solve(&mut x);
    let error = backward_error(pattern, values, &x, b);
    assert!(error <= BACKWARD, "backward error {error:e}, {factored:?}");
    let mut x = b.to_vec();
    lu.solve_transposed(&mut x);
    let (tp, tv) = transposed(pattern, values);
    // Rows of the transpose are columns here, and columns are not scaled: measured against the whole.
    let mut residual: Vec<T> = b.iter().map(|b| -*b).collect();
    tp.multiply_add(&tv, &x, &mut residual);
    let size = tv.iter().map(|v| v.modulus()).fold(0.0, f64::max) * x.iter().map(|v| v.modulus()).fold(0.0, f64::max);
    let worst = residual.iter().map(|r| r.modulus()).fold(0.0, f64::max);
    assert!(worst <= BACKWARD * size.max(1.0), "transposed: {worst:e} of {size:e}");
    factored
}

/// Random entries, and a cyclic transversal away from the diagonal.
pub(super) fn random_matrix(random: &mut Random, n: usize, per_column: usize, decades: f64) -> Entries<f64> {
    let mut m = Entries::new(n);
    for c in 0..n {
        for _ in 0..per_column {
            m.add(random.below(n), c, random.spread(decades));
        }
        // A cyclic transversal away from the diagonal makes it regular as a rule.
        m.add((c + 1) % n, c, random.spread(decades));
    }
    m
}

/// Uniform in -1..1.
pub(super) fn right_side(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.signed()).collect()
}
