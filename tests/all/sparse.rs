//! Sparse LU of matrices of low fill, with bounds on the backward error.

use memspice::sparse::{Factored, Lu, Pattern, Singular};
use num_complex::Complex64;

use super::entries::{BACKWARD, Entries, Random, backward_error, check, random_matrix, right_side};

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
