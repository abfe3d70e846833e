//! Sparse LU against a dense reference, with bounds on the backward error.
//!
//! The measure is the row-wise backward error of the scaled matrix: `|A x - b|_i / (sum_j |a_ij| |x|_max + |b_i|)`. Threshold
//! pivoting with 1e-3 lets entries grow by 1e3 in the worst step, in practice by less than 10; 1e-12 is 4500 units of
//! round-off and is missed by any wrong pivot, index or stale value.

use memspice::sparse::eigen::eigenvalues;
use memspice::sparse::{Factored, Lu, Pattern, Scalar, Singular};
use num_complex::Complex64;

const BACKWARD: f64 = 1e-12;

/// A small generator of numbers, so that failures repeat.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Uniform in -1..1.
    fn signed(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A sign and a size spread evenly over `decades` around 1.
    fn spread(&mut self, decades: f64) -> f64 {
        (0.5 + self.signed().abs()).copysign(self.signed()) * 10f64.powf(self.signed() * decades / 2.0)
    }
}

/// A matrix by entries; the same place twice adds up.
#[derive(Clone, Default)]
struct Entries<T> {
    n: usize,
    entries: Vec<(u32, u32, T)>,
}

impl<T: Scalar> Entries<T> {
    fn new(n: usize) -> Entries<T> {
        Entries { n, entries: Vec::new() }
    }

    fn add(&mut self, row: usize, column: usize, value: T) {
        self.entries.push((row as u32, column as u32, value));
    }

    fn pattern(&self) -> Pattern {
        Pattern::new(self.n, self.entries.iter().map(|e| (e.0, e.1)))
    }

    fn values(&self, pattern: &Pattern) -> Vec<T> {
        let mut values = vec![T::default(); pattern.len() + 1];
        for (row, column, value) in &self.entries {
            values[pattern.slot(*row, *column).0 as usize] += *value;
        }
        values
    }
}

impl Entries<f64> {
    /// Conductance between two nodes; index n is ground.
    fn conductance(&mut self, a: usize, b: usize, g: f64) {
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
    fn source(&mut self, a: usize, branch: usize) {
        self.add(a, branch, 1.0);
        self.add(branch, a, 1.0);
    }
}

/// Largest backward error over rows.
fn backward_error<T: Scalar>(pattern: &Pattern, values: &[T], x: &[T], b: &[T]) -> f64 {
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

fn transposed<T: Scalar>(pattern: &Pattern, values: &[T]) -> (Pattern, Vec<T>) {
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
fn check<T: Scalar>(lu: &mut Lu<T>, pattern: &Pattern, values: &[T], b: &[T]) -> Factored {
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

fn random_matrix(random: &mut Random, n: usize, per_column: usize, decades: f64) -> Entries<f64> {
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

fn right_side(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.signed()).collect()
}

/// Assembly and products against an independent library.
#[test]
fn assembly_and_products_are_those_of_sprs() {
    let mut random = Random(41);
    for n in [1, 7, 60] {
        let entries = random_matrix(&mut random, n, 4, 3.0);
        let (pattern, x) = (entries.pattern(), right_side(&mut random, n));
        let mut triplets = sprs::TriMat::new((n, n));
        for (row, column, value) in &entries.entries {
            triplets.add_triplet(*row as usize, *column as usize, *value);
        }
        let matrix: sprs::CsMat<f64> = triplets.to_csc();
        let mut found = vec![0.0; n];
        pattern.multiply_add(&entries.values(&pattern), &x, &mut found);
        let mut expected = vec![0.0; n];
        sprs::prod::mul_acc_mat_vec_csc(matrix.view(), &x, &mut expected);
        for (found, expected) in found.iter().zip(&expected) {
            // Sums of a few terms in another order.
            approx::assert_relative_eq!(found, expected, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}

#[test]
fn random_matrices_solve() {
    let mut random = Random(1);
    for n in [1, 2, 3, 5, 8, 13, 40, 150] {
        for per_column in [0, 1, 2, 4] {
            for decades in [0.0, 4.0] {
                let m = random_matrix(&mut random, n, per_column, decades);
                let p = m.pattern();
                let v = m.values(&p);
                let mut lu = Lu::new(&p);
                let b = right_side(&mut random, n);
                assert_eq!(check(&mut lu, &p, &v, &b), Factored::Chosen);
                assert_eq!(check(&mut lu, &p, &v, &b), Factored::Kept);
            }
        }
    }
}

#[test]
fn complex_matrices_solve() {
    let mut random = Random(2);
    for n in [1, 4, 20, 90] {
        let mut m = Entries::new(n);
        for (row, column, value) in random_matrix(&mut random, n, 3, 3.0).entries {
            m.add(row as usize, column as usize, Complex64::new(value, random.spread(3.0)));
        }
        let p = m.pattern();
        let v = m.values(&p);
        let b: Vec<Complex64> = (0..n).map(|_| Complex64::new(random.signed(), random.signed())).collect();
        let mut lu = Lu::new(&p);
        check(&mut lu, &p, &v, &b);
        assert_eq!(check(&mut lu, &p, &v, &b), Factored::Kept);
    }
}

#[test]
fn no_rows_and_one_row() {
    let empty = Pattern::new(0, []);
    let mut lu = Lu::<f64>::new(&empty);
    assert_eq!(lu.factor(&[]), Ok(Factored::Chosen));
    lu.solve(&mut []);
    lu.solve_transposed(&mut []);
    let one = Pattern::new(1, []);
    let mut lu = Lu::new(&one);
    assert_eq!(lu.factor(&[0.0]), Err(Singular { column: 0, row: Some(0), not_finite: false }));
    assert_eq!(lu.factor(&[4.0]), Ok(Factored::Chosen));
    let mut b = [2.0];
    lu.solve(&mut b);
    assert_eq!(b, [0.5]);
    // Subnormal and huge numbers survive the scaling of rows.
    for value in [f64::MAX, f64::MIN_POSITIVE, 5e-324 * 1024.0] {
        assert!(lu.factor(&[value]).is_ok(), "{value:e}");
        let mut b = [value];
        lu.solve(&mut b);
        assert_eq!(b, [1.0]);
    }
}

/// `y . (A^-1 b) = (A^-T y) . b`: the two solves belong to the same factors, whatever the accuracy of either.
#[test]
fn transposed_solve_is_the_adjoint() {
    let mut random = Random(3);
    for n in [2, 7, 30, 120] {
        let m = random_matrix(&mut random, n, 3, 2.0);
        let p = m.pattern();
        let mut lu = Lu::new(&p);
        lu.factor(&m.values(&p)).expect("regular");
        let (b, y) = (right_side(&mut random, n), right_side(&mut random, n));
        let (mut x, mut z) = (b.clone(), y.clone());
        lu.solve(&mut x);
        lu.solve_transposed(&mut z);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = dot(&x.iter().map(|x| x.abs()).collect::<Vec<_>>(), &vec![1.0; n]);
        // Both sums have the condition of the matrix in their rounding; random matrices stay far below 1e6.
        assert!((dot(&y, &x) - dot(&z, &b)).abs() < 1e-9 * size, "n = {n}");
    }
}

/// Old pivots must never give a wrong answer with success (LinearSolve.jl issue 1297): the values change by 1e12.
#[test]
fn pivots_that_went_bad_are_chosen_again() {
    let p = Pattern::new(2, [(0, 1), (1, 0)]);
    let values = |a: f64, b: f64, c: f64, d: f64| {
        let mut m = Entries::new(2);
        [(0, 0, a), (0, 1, b), (1, 0, c), (1, 1, d)].into_iter().for_each(|(i, j, v)| m.add(i, j, v));
        m.values(&p)
    };
    let mut lu = Lu::new(&p);
    assert_eq!(check(&mut lu, &p, &values(1.0, 1.0, 1e-3, 2.0), &[1.0, 2.0]), Factored::Chosen);
    assert_eq!(check(&mut lu, &p, &values(1.0, 2.0, 1e-2, 3.0), &[1.0, 2.0]), Factored::Kept);
    assert_eq!(check(&mut lu, &p, &values(1e-12, 1.0, 1.0, 1e-12), &[1.0, 2.0]), Factored::Chosen);
    assert_eq!(check(&mut lu, &p, &values(1e-15, 1.0, 1.0, 1e-18), &[1.0, 2.0]), Factored::Kept);
    check(&mut lu, &p, &values(1.0, 1.0, 1e-12, 1.0), &[1.0, 2.0]);

    let mut random = Random(4);
    for n in [5, 20, 60] {
        let m = random_matrix(&mut random, n, 3, 0.0);
        let p = m.pattern();
        let mut lu = Lu::new(&p);
        let mut chosen = 0;
        for _ in 0..60 {
            let mut now = m.clone();
            for entry in &mut now.entries {
                if random.below(3) == 0 {
                    entry.2 = random.spread(24.0);
                }
            }
            let v = now.values(&p);
            // Values spread over 24 decades may well be singular to working precision: then it must say so.
            let mut x = right_side(&mut random, n);
            let b = x.clone();
            if let Ok(factored) = lu.factor(&v) {
                lu.solve(&mut x);
                assert!(backward_error(&p, &v, &x, &b) <= BACKWARD, "n = {n}, {factored:?}");
                chosen += u32::from(factored == Factored::Chosen);
            }
        }
        assert!(chosen > 10, "the sequence was meant to be hard: {chosen} at n = {n}");
    }
}

/// Rows multiplied by powers of two, right side too: the same pivots, hence the same bits.
#[test]
fn scale_of_rows_does_not_matter() {
    let mut random = Random(5);
    for n in [3, 17, 80] {
        let m = random_matrix(&mut random, n, 3, 2.0);
        let p = m.pattern();
        let factors: Vec<f64> = (0..n).map(|_| 2f64.powi(random.below(80) as i32 - 40)).collect();
        let mut scaled = m.clone();
        scaled.entries.iter_mut().for_each(|e| e.2 *= factors[e.0 as usize]);
        let mut x = right_side(&mut random, n);
        let mut y: Vec<f64> = x.iter().zip(&factors).map(|(b, f)| b * f).collect();
        let (mut lu, mut lu_scaled) = (Lu::new(&p), Lu::new(&p));
        lu.factor(&m.values(&p)).expect("regular");
        lu_scaled.factor(&scaled.values(&p)).expect("regular");
        lu.solve(&mut x);
        lu_scaled.solve(&mut y);
        assert_eq!(x, y);
    }
    // A row in femtoamperes whose diagonal dominates it keeps its diagonal pivot: no exchange with a row in siemens.
    let mut m = Entries::new(2);
    [(0, 0, 1e-15), (0, 1, 1e-18), (1, 0, 5.0), (1, 1, 1.0)].into_iter().for_each(|(i, j, v)| m.add(i, j, v));
    let p = m.pattern();
    let mut lu = Lu::new(&p);
    check(&mut lu, &p, &m.values(&p), &[1e-15, 6.0]);
}

#[test]
fn structural_singularity_names_row_and_column() {
    // Columns 0 and 2 both live in row 0 alone; nothing stands in row 2.
    let mut m = Entries::new(3);
    [(0, 0, 1.0), (0, 2, 1.0), (1, 1, 1.0)].into_iter().for_each(|(i, j, v)| m.add(i, j, v));
    let p = m.pattern();
    let mut lu = Lu::new(&p);
    assert_eq!(lu.factor(&m.values(&p)), Err(Singular { column: 2, row: Some(2), not_finite: false }));
    // With a value on the diagonal it is regular, and stays so for the same solver.
    m.add(2, 2, 3.0);
    check(&mut lu, &p, &m.values(&p), &[1.0, 2.0, 3.0]);
    assert!(!lu.pattern().is_empty() && lu.blocks() == 3);
}

#[test]
fn values_that_are_not_finite_are_named() {
    let p = Pattern::new(3, [(0, 1), (1, 0), (2, 1)]);
    let good = vec![2.0, 1.0, 1.0, 2.0, 1.0, 2.0, f64::NAN];
    let mut lu = Lu::new(&p);
    // The last value belongs to ground and is not looked at.
    assert_eq!(lu.factor(&good), Ok(Factored::Chosen));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for fresh in [false, true] {
            let mut values = good.clone();
            values[p.slot(2, 1).0 as usize] = bad;
            let mut lu = if fresh { Lu::new(&p) } else { lu.clone() };
            assert_eq!(lu.factor(&values), Err(Singular { column: 1, row: Some(2), not_finite: true }));
            assert!(!lu.is_factored());
            assert!(lu.factor(&good).is_ok());
        }
    }
    assert_eq!(lu.factor(&good), Ok(Factored::Kept));
}

/// A network of resistors without ground has no unique solution; round-off must not hide that.
///
/// Over one decade of resistances the last pivot is a few units of round-off beside its terms and every case is found; over
/// many decades the error of earlier pivots may hide it, so nothing is asked there.
#[test]
fn floating_networks_are_singular() {
    let mut random = Random(6);
    for round in 0..200 {
        let n = 2 + random.below(60);
        let mut m = Entries::new(n);
        for a in 1..n {
            m.conductance(a, random.below(a), random.spread(1.0).abs());
        }
        for _ in 0..n {
            let (a, b) = (random.below(n), random.below(n));
            if a != b {
                m.conductance(a, b, random.spread(1.0).abs());
            }
        }
        let p = m.pattern();
        let mut lu = Lu::new(&p);
        assert!(lu.factor(&m.values(&p)).is_err(), "round {round}, n = {n}");
        // A leak of a gigaohm makes it regular.
        m.conductance(random.below(n), n, 1e-9);
        let (v, b) = (m.values(&p), right_side(&mut random, n));
        check(&mut lu, &p, &v, &b);
        assert!(lu.weakest_pivot().0 < 1e-8);
    }
}

/// `v = 1` at the head of a ladder of equal resistors that ends in ground: the voltage falls linearly, the branch current is
/// -1/(sections). Zero diagonal at the source.
#[test]
fn ladder_behind_a_source() {
    let sections = 2000;
    let n = sections + 1;
    let (branch, ground) = (sections, n);
    let mut m = Entries::new(n);
    for k in 0..sections {
        m.conductance(k, if k + 1 < sections { k + 1 } else { ground }, 1e-3);
    }
    m.source(0, branch);
    let p = m.pattern();
    let mut lu = Lu::new(&p);
    let mut b = vec![0.0; n];
    b[branch] = 1.0;
    check(&mut lu, &p, &m.values(&p), &b);
    let mut x = b.clone();
    lu.solve(&mut x);
    for (k, v) in x[..sections].iter().enumerate() {
        let exact = 1.0 - k as f64 / sections as f64;
        // The condition of the ladder is sections^2 = 4e6 units of round-off.
        assert!((v - exact).abs() < 1e-9, "node {k}: {v}");
    }
    assert!((x[branch] + 1e-3 / sections as f64).abs() < 1e-15);
    // No fill in a chain: n pivots, and one entry beside each in L and in U.
    assert!(lu.entries() <= 3 * n, "{} entries", lu.entries());
}

fn grid(side: usize, g: impl Fn(usize) -> f64) -> Entries<f64> {
    let n = side * side;
    let mut m = Entries::new(n);
    for y in 0..side {
        for x in 0..side {
            let k = y * side + x;
            m.conductance(k, n, 1e-6 * g(k));
            if x + 1 < side {
                m.conductance(k, k + 1, g(k));
            }
            if y + 1 < side {
                m.conductance(k, k + side, g(k + n));
            }
        }
    }
    m
}

#[test]
fn grid_keeps_its_pivots_and_little_fill() {
    let side = 40;
    let mut random = Random(7);
    let first = grid(side, |_| 1.0);
    let p = first.pattern();
    let mut lu = Lu::new(&p);
    let b = right_side(&mut random, side * side);
    check(&mut lu, &p, &first.values(&p), &b);
    // The natural order would fill the band: 2 * 40 n.
    assert!(lu.entries() < 40 * side * side, "{} entries", lu.entries());
    for _ in 0..3 {
        let factors: Vec<f64> = (0..2 * side * side).map(|_| random.spread(6.0).abs()).collect();
        let v = grid(side, |k| factors[k]).values(&p);
        // Diagonally dominant: the diagonal is good for every set of values.
        assert_eq!(check(&mut lu, &p, &v, &b), Factored::Kept);
        assert!(lu.growth() <= 2.0 * (1.0 + 1e-12));
    }
}

/// Thousands of branches on a few ideal rails: rails fall out as blocks of one, and the rest has hardly any fill.
#[test]
fn supply_rails_fall_apart() {
    let (cells, rails) = (3000, 4);
    let mut random = Random(8);
    let n = cells + 2 * rails;
    let mut m = Entries::new(n);
    for k in 0..cells {
        for rail in 0..rails {
            m.conductance(k, cells + rail, random.spread(3.0).abs());
        }
        // A gate: what the cell before does, this one feels.
        if k > 0 {
            m.add(k, k - 1, random.signed());
        }
    }
    for rail in 0..rails {
        m.source(cells + rail, cells + rails + rail);
    }
    let p = m.pattern();
    let v = m.values(&p);
    let b = right_side(&mut random, n);
    let mut lu = Lu::new(&p);
    check(&mut lu, &p, &v, &b);
    assert_eq!(check(&mut lu, &p, &v, &b), Factored::Kept);
    assert_eq!(lu.blocks(), n, "the circuit is a cascade");
    assert_eq!(lu.entries(), m.pattern().len() - rails, "no fill, and no entry for the unused diagonals");
}

/// A diagonal entry that was zero so far gets a value (a node is pinned): the analysis is made again, and not a second time.
#[test]
fn diagonal_that_comes_to_life() {
    let mut m = Entries::new(3);
    m.conductance(0, 1, 1.0);
    m.conductance(1, 3, 2.0);
    m.source(0, 2);
    let p = m.pattern();
    let plain = m.values(&p);
    let mut pinned = plain.clone();
    pinned[p.slot(2, 2).0 as usize] = -1e-3;
    let mut lu = Lu::new(&p);
    let b = [0.0, 0.0, 1.0];
    assert_eq!(check(&mut lu, &p, &plain, &b), Factored::Chosen);
    assert_eq!(lu.blocks(), 3);
    assert_eq!(check(&mut lu, &p, &pinned, &b), Factored::Chosen);
    check(&mut lu, &p, &plain, &b);
    assert_eq!(check(&mut lu, &p, &pinned, &b), Factored::Kept);
}

/// Devices that wake up one after the other: a bounded number of analyses, and right answers throughout.
#[test]
fn diagonals_that_come_to_life_one_by_one() {
    let n = 40;
    let mut m = Entries::new(n);
    for k in 0..n {
        m.add(k, (k + 1) % n, 1.0);
        m.add((k + 1) % n, k, 2.0);
        m.add(k, (k + 7) % n, 0.3);
    }
    let p = m.pattern();
    let mut random = Random(10);
    let b = right_side(&mut random, n);
    let mut lu = Lu::new(&p);
    let mut chosen = 0;
    for k in 0..n {
        m.add(k, k, 1.0 + k as f64);
        chosen += u32::from(check(&mut lu, &p, &m.values(&p), &b) == Factored::Chosen);
    }
    assert!(chosen < 30, "{chosen} analyses");
}

/// Numbers depend on the pivots only, not on what was factored before, nor on which clone does it.
#[test]
fn history_leaves_no_trace() {
    let mut random = Random(9);
    let m = random_matrix(&mut random, 50, 3, 1.0);
    let p = m.pattern();
    let v = m.values(&p);
    let nearby: Vec<f64> = v.iter().map(|v| v * 1.01).collect();
    let b = right_side(&mut random, 50);
    let mut lu = Lu::new(&p);
    lu.factor(&v).expect("regular");
    let mut first = b.clone();
    lu.solve(&mut first);
    let mut other = lu.clone();
    for values in [&nearby, &v] {
        assert_eq!(other.factor(values), Ok(Factored::Kept));
    }
    let mut second = b.clone();
    other.solve(&mut second);
    assert_eq!(first, second);
}

/// G and C of `C dy/dt + G y = 0`.
struct Dynamics {
    g: Entries<f64>,
    c: Entries<f64>,
}

impl Dynamics {
    fn new(n: usize) -> Dynamics {
        Dynamics { g: Entries::new(n), c: Entries::new(n) }
    }

    fn eigenvalues(&self, want: usize) -> Vec<Complex64> {
        let entries = self.g.entries.iter().chain(&self.c.entries);
        let p = Pattern::new(self.g.n, entries.map(|e| (e.0, e.1)));
        eigenvalues(&p, &self.g.values(&p), &self.c.values(&p), want).expect("regular pencil")
    }

    /// Inductor from node `a` to ground with branch current `branch`: `v - L di/dt = 0`.
    fn inductor(&mut self, a: usize, branch: usize, l: f64) {
        self.g.source(a, branch);
        self.c.add(branch, branch, -l);
    }
}

fn assert_close(found: Complex64, exact: Complex64, relative: f64) {
    assert!((found - exact).norm() <= relative * exact.norm(), "{found} instead of {exact}");
}

#[test]
fn eigenvalues_of_small_circuits() {
    let real = |x: f64| Complex64::new(x, 0.0);
    // RC: -1/RC, whatever the scale; the node behind the source is algebraic.
    for (r, c) in [(1e3, 1e-9), (1e12, 1e-6), (1e-3, 1e-15)] {
        let mut m = Dynamics::new(3);
        m.g.conductance(0, 1, 1.0 / r);
        m.c.conductance(1, 3, c);
        m.g.source(0, 2);
        let s = m.eigenvalues(9);
        assert_eq!(s.len(), 1);
        assert_close(s[0], real(-1.0 / (r * c)), 1e-13);
    }
    // Parallel RLC: s^2 + s/(RC) + 1/(LC) = 0.
    let (r, l, c) = (1e4, 1e-6, 1e-12);
    let mut m = Dynamics::new(2);
    m.g.conductance(0, 2, 1.0 / r);
    m.c.conductance(0, 2, c);
    m.inductor(0, 1, l);
    let s = m.eigenvalues(9);
    let (damping, omega): (f64, f64) = (0.5 / (r * c), 1.0 / (l * c));
    let exact = Complex64::new(-damping, (omega - damping * damping).sqrt());
    assert_eq!(s.len(), 2);
    assert_close(s[0], exact, 1e-12);
    assert_close(s[1], exact.conj(), 1e-12);
    // A held state (dx/dt = 0) beside an RC: zero within round-off of the other.
    let mut m = Dynamics::new(2);
    m.g.conductance(0, 2, 1e-3);
    m.c.conductance(0, 2, 1e-9);
    m.c.add(1, 1, 1.0);
    let s = m.eigenvalues(9);
    assert_eq!(s.len(), 2);
    assert!(s[0].norm() < 1e-6, "{}", s[0]);
    assert_close(s[1], real(-1e6), 1e-12);
    assert!(Dynamics::new(0).eigenvalues(1).is_empty());
}

/// Infinite eigenvalues, also of index 2 (capacitors held by sources, inductors in series with current sources), are not seen.
#[test]
fn eigenvalues_at_infinity_stay_there() {
    // Source over a capacitor, and through another capacitor to a resistor: one finite eigenvalue, -1/RC.
    let mut m = Dynamics::new(3);
    m.g.source(0, 1);
    m.c.conductance(0, 3, 1e-9);
    m.c.conductance(0, 2, 2e-9);
    m.g.conductance(2, 3, 1e-3);
    let s = m.eigenvalues(9);
    assert_eq!(s.len(), 1, "{s:?}");
    assert_close(s[0], Complex64::new(-5e5, 0.0), 1e-12);
    // An inductor at a node of its own (i = 0, v = L di/dt: index 2) and a gyrator with floating capacitors.
    let mut m = Dynamics::new(5);
    m.inductor(0, 1, 1e-3);
    m.g.add(2, 3, 0.7);
    m.g.add(3, 2, -0.3);
    m.c.conductance(2, 5, 1e-6);
    m.g.conductance(3, 4, 1e-3);
    m.c.conductance(4, 5, 1e-9);
    m.c.conductance(3, 4, 3e-9);
    let s = m.eigenvalues(9);
    for s in &s {
        assert!(s.re < 1e-3, "an unstable eigenvalue out of nothing: {s}");
    }
}

/// The NbOx cell of the reference (ndr-models 2 and 4.3) at its operating point, node voltage and temperature in kelvins.
fn nbox_cell(m: &mut Dynamics, node: usize, state: usize, x: f64, v: f64) {
    let horner = |k: &[f64]| k.iter().rev().fold(0.0, |sum, k| sum * x + k);
    let slope = |k: &[f64]| (1..k.len()).rev().fold(0.0, |sum, i| sum * x + i as f64 * k[i]);
    let d = [6.5e-3, -6.66e-5, 2.14e-7, -2.14e-10, 1.19e-13];
    let f = [7.21e9, -7.39e7, 2.37e5, -2.37e2, 0.132];
    m.g.add(node, node, horner(&d) + 1.0 / 200.0);
    m.g.add(node, state, slope(&d) * v);
    m.g.add(state, node, -2.0 * v * horner(&f));
    m.g.add(state, state, 2.05e7 - v * v * slope(&f));
    m.c.add(node, node, 2.2e-9);
    m.c.add(state, state, 1.0);
}

#[test]
fn eigenvalues_of_the_nbox_cells() {
    let mut m = Dynamics::new(2);
    nbox_cell(&mut m, 0, 1, 324.89349, 0.9708085);
    let s = m.eigenvalues(1);
    // The last digits printed; the operating point is given to 1e-7, which costs as much.
    assert!((s[0].re + 8.00885e5).abs() < 5.0 && (s[0].im - 4.854671e6).abs() < 5.0, "{}", s[0]);
    // Two cells, coupled by 25 ohm, on the branch with unequal states: rests on an unstable equilibrium.
    let mut m = Dynamics::new(4);
    nbox_cell(&mut m, 0, 1, 363.6416, 0.935379);
    nbox_cell(&mut m, 2, 3, 295.5146, 0.951478);
    m.g.conductance(0, 2, 1.0 / 25.0);
    let s = m.eigenvalues(1);
    assert!((s[0].re - 2.405e5).abs() < 0.01e5, "{}", s[0]);
    // A row of 150 cells: 300 dynamic unknowns, found by Krylov vectors. Uniform, coupled by 1 kohm: the uniform mode is the
    // single cell's; modes with coupling are damped more.
    let cells = 150;
    let mut m = Dynamics::new(2 * cells);
    for k in 0..cells {
        nbox_cell(&mut m, 2 * k, 2 * k + 1, 324.89349, 0.9708085);
        if k > 0 {
            m.g.conductance(2 * k, 2 * k - 2, 1e-3);
        }
    }
    let s = m.eigenvalues(2);
    assert!((s[0].re + 8.00885e5).abs() < 5.0 && (s[0].im.abs() - 4.854671e6).abs() < 5.0, "{s:?}");
}

/// RC ladder driven at its head, open at its end: `s_k = -4/(RC) sin^2((2k - 1) pi / (4 n + 2))`.
#[test]
fn eigenvalues_of_ladders() {
    let (r, c) = (1e3, 1e-12);
    let exact = |n: usize, k: usize| {
        let angle = (2 * k - 1) as f64 * std::f64::consts::PI / (4 * n + 2) as f64;
        Complex64::new(-4.0 / (r * c) * angle.sin().powi(2), 0.0)
    };
    // Small: all of them. Large: the slowest, 1e6 times slower than the fastest.
    for (n, want) in [(60, 60), (1000, 3)] {
        let mut m = Dynamics::new(n);
        for k in 0..n {
            m.g.conductance(k, if k > 0 { k - 1 } else { n }, 1.0 / r);
            m.c.conductance(k, n, c);
        }
        let s = m.eigenvalues(want);
        assert_eq!(s.len(), want);
        for (k, s) in s.iter().enumerate() {
            // mu is exact to round-off of the largest; the slowest are 1e-3 of the shift in the small case.
            assert_close(*s, exact(n, k + 1), 1e-8);
        }
    }
}

/// A fast oscillator that is unstable by little, beside a long slow ladder.
#[test]
fn unstable_oscillator_in_a_large_circuit() {
    let ladder = 400;
    let (l, c, g) = (1e-9, 1e-12, -1e-6);
    let n = ladder + 2;
    let mut m = Dynamics::new(n);
    for k in 0..ladder {
        m.g.conductance(k, if k > 0 { k - 1 } else { n }, 1e-3);
        m.c.conductance(k, n, 1e-9);
    }
    m.g.add(ladder, ladder, g);
    m.c.conductance(ladder, n, c);
    m.inductor(ladder, ladder + 1, l);
    let s = m.eigenvalues(1);
    let exact = Complex64::new(-0.5 * g / c, (1.0 / (l * c) - (0.5 * g / c).powi(2)).sqrt());
    assert!((s[0].re - exact.re).abs() < 1e-3 * exact.re && (s[0].im.abs() - exact.im).abs() < 1e-9 * exact.im, "{s:?} {exact}");
}

/// A sheet of equal cells with a leak each, `s = -leak - 4 (sin^2(i pi / 2 n) + sin^2(j pi / 2 n))`: the right edge is one of
/// many that lie close together, and from the right half plane all of them look alike.
#[test]
fn the_right_edge_of_a_sheet() {
    let side = 40;
    let mut m = Dynamics::new(side * side);
    for k in 0..side * side {
        m.g.add(k, k, 1.0);
        m.c.add(k, k, 1.0);
        if (k + 1) % side != 0 {
            m.g.conductance(k, k + 1, 1.0);
        }
        if k + side < side * side {
            m.g.conductance(k, k + side, 1.0);
        }
    }
    let first = 4.0 * (std::f64::consts::PI / (2 * side) as f64).sin().powi(2);
    let s = m.eigenvalues(4);
    assert_eq!(s.len(), 4);
    for (found, exact) in s.iter().zip([1.0, 1.0 + first, 1.0 + first, 1.0 + 2.0 * first]) {
        // Symmetric: the residual at which a pair is locked, 1e-10 of the distance, bounds the error.
        assert_close(*found, Complex64::new(-exact, 0.0), 1e-9);
    }
    assert_close(m.eigenvalues(1)[0], Complex64::new(-1.0, 0.0), 1e-9);
}

/// Many cells, each with a capacitor that a source holds, an inductor at a node of its own (index 2) and a gyrator's
/// oscillation: nothing grows, and what is found agrees with a few cells that are solved densely.
#[test]
fn index_two_in_large_circuits() {
    let edge = |cells: usize| {
        let n = 8 * cells;
        let mut m = Dynamics::new(n);
        for o in (0..n).step_by(8) {
            m.g.source(o, o + 1);
            m.c.conductance(o, n, 1e-9);
            m.c.conductance(o, o + 2, 2e-9);
            m.g.conductance(o + 2, n, 1e-3);
            m.inductor(o + 3, o + 4, 1e-3);
            m.g.add(o + 5, o + 6, 0.7);
            m.g.add(o + 6, o + 5, -0.3);
            m.c.conductance(o + 5, n, 1e-6);
            m.g.conductance(o + 6, o + 7, 1e-3);
            m.c.conductance(o + 7, n, 1e-9);
            m.c.conductance(o + 6, o + 7, 3e-9);
            if o > 0 {
                m.g.conductance(o + 2, o - 6, 1e-3);
                m.g.conductance(o + 7, o - 1, 1e-4);
            }
        }
        m.eigenvalues(1)
    };
    // The uniform mode is that of one cell, whatever their number.
    let (few, many) = (edge(10), edge(60));
    assert!(few[0].re < 0.0, "{few:?}");
    assert!((many[0].re - few[0].re).abs() < 1e-7 * few[0].norm(), "{many:?} {few:?}");
    assert!((many[0].im.abs() - few[0].im.abs()).abs() < 1e-7 * few[0].norm(), "{many:?} {few:?}");
}

/// A crossbar of this size has enough fill for fronts.
const SIDE: usize = 64;

/// A crossbar with wires of 1 S and one state for each cell, which makes the pattern and the values unsymmetric.
fn crossbar(side: usize, random: &mut Random) -> Entries<f64> {
    let (row, column, state) =
        (|i: usize, j: usize| i * side + j, |i: usize, j: usize| side * side + i * side + j, |k: usize| 2 * side * side + k);
    let n = 3 * side * side;
    let mut m = Entries::new(n);
    for i in 0..side {
        for j in 0..side {
            let (a, b, x) = (row(i, j), column(i, j), state(i * side + j));
            m.conductance(a, b, 1e-4 * random.spread(4.0).abs());
            m.conductance(a, if j > 0 { row(i, j - 1) } else { n }, 1.0);
            m.conductance(b, if i > 0 { column(i - 1, j) } else { n }, 1.0);
            for (node, sign) in [(a, 1.0), (b, -1.0)] {
                m.add(node, x, sign * 1e-3 * random.signed());
                m.add(x, node, sign * random.signed());
            }
            m.add(x, x, 10.0 + random.signed());
        }
    }
    m
}

#[test]
fn fronts_solve_what_single_columns_solve() {
    let mut random = Random(11);
    let first = crossbar(SIDE, &mut random);
    let p = first.pattern();
    let b = right_side(&mut random, first.n);
    let mut lu = Lu::new(&p);
    assert_eq!(check(&mut lu, &p, &first.values(&p), &b), Factored::Chosen);
    assert!(lu.has_fronts(), "a crossbar has much fill");
    for _ in 0..3 {
        assert_eq!(check(&mut lu, &p, &crossbar(SIDE, &mut random).values(&p), &b), Factored::Kept);
    }
    // The same bits from a factorisation without history.
    let values = crossbar(SIDE, &mut random).values(&p);
    let (mut x, mut y) = (b.clone(), b.clone());
    lu.factor(&values).unwrap();
    lu.solve(&mut x);
    let mut fresh = Lu::new(&p);
    fresh.factor(&values).unwrap();
    fresh.solve(&mut y);
    assert_eq!(x, y);
}

#[test]
fn fronts_of_complex_numbers() {
    let mut random = Random(12);
    let real = crossbar(SIDE, &mut random);
    let mut m = Entries::new(real.n);
    for (row, column, value) in &real.entries {
        m.add(*row as usize, *column as usize, Complex64::new(*value, 0.3 * value * random.signed()));
    }
    let p = m.pattern();
    let b: Vec<Complex64> = (0..m.n).map(|_| Complex64::new(random.signed(), random.signed())).collect();
    let mut lu = Lu::new(&p);
    check(&mut lu, &p, &m.values(&p), &b);
    assert!(lu.has_fronts());
}

/// Pivots that become small are noticed in fronts as well, also by a factor of 1e12 from one time to the next.
#[test]
fn weak_pivots_in_fronts_are_chosen_again() {
    let mut random = Random(13);
    let first = crossbar(SIDE, &mut random);
    let p = first.pattern();
    let b = right_side(&mut random, first.n);
    let mut lu = Lu::new(&p);
    check(&mut lu, &p, &first.values(&p), &b);
    for k in 0..4 {
        let mut next = crossbar(SIDE, &mut random);
        for _ in 0..200 {
            // A state whose own row says nothing of it: its pivot must come from elsewhere.
            let state = 2 * SIDE * SIDE + random.below(SIDE * SIDE);
            for entry in next.entries.iter_mut().filter(|e| e.0 as usize == state && e.1 as usize == state) {
                entry.2 = if k % 2 == 0 { 1e-12 } else { 1e12 };
            }
        }
        check(&mut lu, &p, &next.values(&p), &b);
    }
}

#[test]
fn singular_fronts_are_named() {
    let mut random = Random(14);
    let mut m = crossbar(SIDE, &mut random);
    // Two unknowns that nothing tells apart.
    let (u, v) = (m.n, m.n + 1);
    m.n += 2;
    for (i, j) in [(u, u), (u, v), (v, u), (v, v), (u, 5), (v, 5), (5, u), (5, v)] {
        m.add(i, j, 1.0);
    }
    let p = m.pattern();
    let mut lu = Lu::new(&p);
    let refused = lu.factor(&m.values(&p)).unwrap_err();
    assert!(refused.column >= u || refused.column == 5, "{refused:?}");
    m.add(v, v, 0.5);
    let b = right_side(&mut random, m.n);
    check(&mut lu, &p, &m.values(&p), &b);
    assert!(lu.has_fronts());
}
