//! LU by dense fronts: matrices of much fill, on one thread and on several.

use memspice::sparse::{Factored, Lu};
use num_complex::Complex64;

use super::entries::{BACKWARD, Entries, Random, backward_error, check, random_matrix, right_side};

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

/// Values that change by 1e12 from one time to the next, rows in units 1e-150 to 1e150, zero diagonals: either the solution is
/// right or the matrix is refused.
#[test]
fn fronts_survive_wild_values() {
    let mut random = Random(15);
    let first = crossbar(SIDE, &mut random);
    let p = first.pattern();
    let b = right_side(&mut random, first.n);
    let mut lu = Lu::new(&p);
    check(&mut lu, &p, &first.values(&p), &b);
    assert!(lu.has_fronts());
    let mut solved = 0;
    for round in 0..6 {
        let mut next = crossbar(SIDE, &mut random);
        let units: Vec<f64> = (0..next.n).map(|_| 10f64.powf(150.0 * random.signed())).collect();
        for entry in &mut next.entries {
            if random.below(50) == 0 && round % 3 != 0 {
                entry.2 *= if round % 2 == 0 { 1e-12 } else { 1e12 };
            }
            if round % 3 == 0 && entry.0 == entry.1 && entry.0 as usize >= 2 * SIDE * SIDE && random.below(9) == 0 {
                entry.2 = 0.0;
            }
            entry.2 *= units[entry.0 as usize];
        }
        let (v, right) = (next.values(&p), b.iter().zip(&units).map(|(b, u)| b * u).collect::<Vec<f64>>());
        if lu.factor(&v).is_ok() {
            let mut x = right.clone();
            lu.solve(&mut x);
            let error = backward_error(&p, &v, &x, &right);
            assert!(error <= BACKWARD, "round {round}: {error:e}");
            solved += 1;
        }
    }
    assert!(solved >= 4, "{solved} of 6");
}

/// Cliques of `own` positions each that share `common` more: fronts that are large enough to be divided.
fn cliques(count: usize, own: usize, common: usize, random: &mut Random) -> Entries<f64> {
    let n = count * own + common;
    let mut m = Entries::new(n);
    for clique in 0..count {
        let members: Vec<usize> = (clique * own..(clique + 1) * own).chain(count * own..n).collect();
        for i in &members {
            for j in &members {
                m.add(*i, *j, random.signed());
            }
            m.add(*i, *i, 60.0);
        }
    }
    m
}

/// Subtrees and strips of fronts run side by side: the same bits with any number of threads.
#[test]
fn threads_leave_no_trace() {
    let mut random = Random(16);
    for m in [crossbar(SIDE, &mut random), cliques(3, 200, 180, &mut random), cliques(1, 400, 0, &mut random)] {
        let (p, b) = (m.pattern(), right_side(&mut random, 9 * m.n));
        let v = m.values(&p);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| {
                let mut lu = Lu::new(&p);
                lu.factor(&v).expect("regular");
                assert!(lu.has_fronts());
                assert_eq!(lu.factor(&v), Ok(Factored::Kept));
                let (mut x, mut many) = (b[..p.n].to_vec(), b.clone());
                lu.solve(&mut x);
                lu.solve_many(&mut many, 9);
                (x, many, lu.log_determinant(), lu.growth(), lu.weakest_pivot())
            })
        };
        let one = run(1);
        assert!(backward_error(&p, &v, &one.0, &b[..p.n]) <= BACKWARD);
        for threads in [2, 3] {
            assert!(run(threads) == one, "{threads} threads, n = {}", p.n);
        }
    }
}

/// The first pivot without a value is named the same way however many threads look for it.
#[test]
fn threads_name_the_same_column() {
    let mut random = Random(17);
    let mut m = crossbar(SIDE, &mut random);
    for k in [100, 5_000, 9_000] {
        // An equation without entries, in several parts of the tree.
        m.entries.iter_mut().filter(|e| e.0 == k).for_each(|e| e.2 = 0.0);
    }
    let p = m.pattern();
    let v = m.values(&p);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| Lu::new(&p).factor(&v))
    };
    let one = run(1);
    assert!(one.is_err());
    assert_eq!(run(2), one);
    assert_eq!(run(3), one);
}

/// Several right-hand sides at once are several solves.
#[test]
fn many_right_hand_sides() {
    let mut random = Random(18);
    for m in [crossbar(SIDE, &mut random), random_matrix(&mut random, 50, 3, 2.0), random_matrix(&mut random, 1, 0, 0.0)] {
        let p = m.pattern();
        let v = m.values(&p);
        let mut lu = Lu::new(&p);
        lu.factor(&v).expect("regular");
        for count in [0, 1, 2, 4, 7] {
            let b = right_side(&mut random, count * m.n);
            let mut x = b.clone();
            lu.solve_many(&mut x, count);
            for (x, b) in x.chunks(m.n).zip(b.chunks(m.n)) {
                assert!(backward_error(&p, &v, x, b) <= BACKWARD, "n = {}", m.n);
            }
        }
    }
}
