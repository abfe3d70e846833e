//! Eigenvalues of `C dy/dt + G y = 0` against closed forms.

use memspice::sparse::Pattern;
use memspice::sparse::eigen::eigenvalues;
use num_complex::Complex64;

use super::entries::Entries;

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

/// The NbOx cell of the reference at its operating point, node voltage and temperature in kelvins.
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
