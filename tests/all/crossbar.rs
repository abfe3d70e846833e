//! Arrays against closed forms: sums of currents, sneak paths, selectors, rates of array cells.

use super::decks::{run_one, run_text};

/// A selector alone, in series with 10 kohm: one equation, solved here by bisection.
#[test]
fn an_exponential_selector_in_series_with_a_resistor() {
    for v in [-0.5, -0.1, 0.05, 0.3, 0.5, 1.2] {
        let data = run_one(&format!("V1 a 0 {v}\nR1 a m 10k\nN1 m 0 s\n.model s tunnel(i0=1p v0=27.144m)\n.op"));
        let found = data.real("v(m)").unwrap()[0];
        let balance = |u: f64| 1e-12 * (u / 0.027144).sinh() - (v - u) / 1e4;
        let (mut low, mut high) = (v.min(0.0), v.max(0.0));
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if balance(middle) > 0.0 { high = middle } else { low = middle }
        }
        assert!((found - low).abs() < 1e-9, "{v} V: {found} and {low}");
    }
}

/// What reviews ask of selectors: half of the voltage gives less than 1e-4 of the current.
#[test]
fn the_nonlinearity_of_a_selector_is_two_cosh() {
    let current = |v: f64| run_one(&format!("V1 a 0 {v}\nN1 a 0 tunnel\n.op\n.save i(n1)")).real("i(n1)").unwrap()[0];
    let expected = 2.0 * (0.5 / (2.0 * 0.027_144_f64)).cosh();
    assert!((current(0.5) / current(0.25) / expected - 1.0).abs() < 1e-10);
    assert!(expected > 9_990.0, "{expected}");
    // Beyond 80 v0 the tangent goes on: finite and rising.
    assert!(current(20.0).is_finite() && current(20.0) > current(10.0));
}

/// A column is the sum of its cells, for any number of them and whatever they are.
#[test]
fn a_column_at_virtual_ground_sums_its_cells() {
    let text = ".param n=12\n.for i 1 {n}\nV{i} r{i} 0 {0.05*i}\n.for j 1 {n}\nR{i}_{j} r{i} c{j} {1k*(i+2*j)}\n.endfor\n\
                VC{i} c{i} 0 0\n.endfor\n.op";
    let data = run_one(text);
    for j in 1..=12 {
        let expected: f64 = (1..=12).map(|i| 0.05 * f64::from(i) / (1e3 * f64::from(i + 2 * j))).sum();
        let found = data.real(&format!("i(VC{j})")).unwrap()[0];
        assert!((found / expected - 1.0).abs() < 1e-12, "column {j}: {found} and {expected}");
    }
}

/// Sneak paths of equal cells are 2R/(n-1) + R/(n-1)^2, whatever the array's size and the sense resistor.
#[test]
fn sneak_paths_of_equal_cells() {
    let text = ".param n=2\n.step n list 2 3 5 9 17\nV1 r1 0 1\n.for i 1 {n}\n.for j 1 {n}\nR{i}_{j} r{i} c{j} 10k\n.endfor\n.endfor\n\
                RS c1 0 470\n.op\n.measure op out find v(c1)";
    let simulation = run_text(text);
    for (member, n) in simulation.members.iter().zip([2.0, 3.0, 5.0, 9.0, 17.0]) {
        let m: f64 = n - 1.0;
        let sneak = 2e4 / m + 1e4 / (m * m);
        let expected = 470.0 / (470.0 + 1.0 / (1e-4 + 1.0 / sneak));
        let found = *member[0].measures[0].1.as_ref().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-12, "{n}: {found} and {expected}");
    }
}

/// Under a constant voltage far above vs the bipolar cell sets exponentially: w = 1 - (1 - w0) exp(-r0 sinh(v/v0) t).
#[test]
fn the_bipolar_cell_sets_by_its_closed_form() {
    let data = run_one("V1 a 0 1.5\nX1 a 0 bipolar w0=0.1\n.tran 1u 100u");
    let rate = 0.012_236_1 * 15.0_f64.sinh();
    for (t, w) in data.real("time").unwrap().iter().zip(data.real("x1.w").unwrap()) {
        let expected = 1.0 - 0.9 * (-rate * t).exp();
        assert!((w - expected).abs() < 2e-5, "{t} s: {w} and {expected}");
    }
    // Down: w = w0 exp(-r0 sinh(v/v0) t).
    let data = run_one("V1 a 0 -1.5\nX1 a 0 bipolar w0=0.8\n.tran 1u 100u");
    let (t, w) = (data.real("time").unwrap(), data.real("x1.w").unwrap());
    let last = t.len() - 1;
    assert!((w[last] - 0.8 * (-rate * t[last]).exp()).abs() < 2e-5);
}

/// Golden numbers of the bilayer: i(v)/(2 i(v/2)) = sinh(v/vn)/(2 sinh(v/(2 vn))), a state at rest, effective thresholds.
#[test]
fn the_bilayer_reads_linearly_and_writes_steeply() {
    let current = |v: f64| run_one(&format!("V1 a 0 {v}\nX1 a 0 bilayer\n.op\n.save i(x1)")).real("i(x1)").unwrap()[0];
    assert!((current(0.2) / current(0.1) / 2.0 - 1.0200668).abs() < 1e-7);
    assert!((current(1.2) / current(0.6) / 2.0 - 1.8106556).abs() < 1e-7);
    // A tenth in one pulse: 1.33876 V for 10 ns, 0.78553 V for 100 us. The rate is e^(dv/v0), 1 % of the state is 1e-3 V here.
    for (v, t) in [(1.33876, 10e-9), (1.06185, 1e-6), (0.78553, 100e-6), (0.50925, 10e-3)] {
        let data = run_one(&format!("V1 a 0 {v}\nX1 a 0 bilayer x0=0.2\n.tran {} {t}", t / 100.0));
        let x = data.real("x1.x").unwrap();
        let moved = x[x.len() - 1] - 0.2;
        assert!((moved - 0.1).abs() < 2e-3, "{v} V for {t} s: {moved}");
    }
    let data = run_one("V1 a 0 0\nX1 a 0 bilayer x0=0.4\n.tran 1 1000");
    assert_eq!(*data.real("x1.x").unwrap().last().unwrap(), 0.4);
}

/// Delay and retention of the bio-voltage switch (closed forms in the head of the model), within 2 %.
#[test]
fn the_threshold_switch_has_the_delays_and_the_retention_of_its_device() {
    for (v, delay) in [(0.1, 8.980e-3), (0.5, 0.2163e-3)] {
        let text = format!(
            "V1 a 0 {v}\nX1 a 0 threshold_switch\n.tran {} {} uic\n.measure tran on when x1.s=0.5",
            delay / 50.0,
            2.0 * delay
        );
        let found = *run_text(&text).members[0][0].measures[0].1.as_ref().unwrap();
        assert!((found / delay - 1.0).abs() < 0.02, "{v} V: {found} s");
    }
    // 100 mV for 15 ms, then 50.2 ms at no voltage.
    let text =
        "V1 a 0 PULSE(0.1 0 15m 1u 1u 1 2)\nX1 a 0 threshold_switch\n.tran 0.1m 90m uic\n.measure tran off when x1.s=0.5 fall=1";
    let found = *run_text(text).members[0][0].measures[0].1.as_ref().unwrap();
    assert!(((found - 15e-3) / 50.21e-3 - 1.0).abs() < 0.02, "{found} s");
}
