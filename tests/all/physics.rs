//! What physics asks of any circuit: currents and charges balance, energy is kept, memristors dissipate and are pinched, linear
//! networks are reciprocal.

use memspice::wave::Dataset;
use num_complex::Complex64;

use super::decks::run_one;

fn column<'a>(data: &'a Dataset, name: &str) -> &'a [f64] {
    data.real(name).unwrap_or_else(|| panic!("no column {name}"))
}

/// Integral of `y` over the abscissa from `from` to `to`, straight lines between rows.
fn integral(t: &[f64], y: impl Fn(usize) -> f64, from: f64, to: f64) -> f64 {
    let piece = |k: usize| {
        let (low, high) = (from.max(t[k]), to.min(t[k + 1]));
        let at = |x: f64| y(k) + (y(k + 1) - y(k)) * (x - t[k]) / (t[k + 1] - t[k]);
        if low < high { 0.5 * (high - low) * (at(low) + at(high)) } else { 0.0 }
    };
    (0..t.len() - 1).map(piece).sum()
}

/// A bridge of four diodes with a capacitor, a coil and a memristor.
const BRIDGE: &str = "
V1 a b SIN(0 3 1k)
D1 a p dm
D2 n a dm
D3 b p dm
D4 n b dm
.model dm d(is=1n n=1.5 cjo=20p tt=10n)
L1 p q 10m
C1 q n 1u
X1 q n ion_drift x0=0.2 window=3
R1 n 0 10
.save all i(d1) i(d2) i(d3) i(d4) i(c1) i(x1) i(r1)
";

#[test]
fn currents_into_every_node_sum_to_zero() {
    let data = run_one(&format!("{BRIDGE}\n.tran 1u 2m 0 5u method=trapezoidal"));
    let nodes: [&[(&str, f64)]; 5] = [
        &[("i(v1)", 1.0), ("i(d1)", 1.0), ("i(d2)", -1.0)],
        &[("i(v1)", -1.0), ("i(d3)", 1.0), ("i(d4)", -1.0)],
        &[("i(d1)", -1.0), ("i(d3)", -1.0), ("i(l1)", 1.0)],
        &[("i(l1)", -1.0), ("i(c1)", 1.0), ("i(x1)", 1.0)],
        &[("i(d2)", 1.0), ("i(d4)", 1.0), ("i(c1)", -1.0), ("i(x1)", -1.0), ("i(r1)", 1.0)],
    ];
    let largest = column(&data, "i(v1)").iter().fold(0.0_f64, |m, i| m.max(i.abs()));
    for node in nodes {
        for k in 1..data.rows {
            let sum: f64 = node.iter().map(|(name, sign)| sign * column(&data, name)[k]).sum();
            // All rows are accepted points here (not so with Radau), where Newton stops at 1e-9 of the largest term.
            assert!(sum.abs() <= 1e-7 * largest, "{node:?} at row {k}: {sum:e} of {largest:e}");
        }
    }
}

#[test]
fn power_of_all_devices_sums_to_zero() {
    // Tellegen: node voltages times node currents, whatever the devices are.
    let data = run_one(&format!("{BRIDGE}\n.tran 1u 2m 0 5u method=trapezoidal"));
    let ends = [
        ("i(v1)", "v(a)", "v(b)"),
        ("i(d1)", "v(a)", "v(p)"),
        ("i(d2)", "v(n)", "v(a)"),
        ("i(d3)", "v(b)", "v(p)"),
        ("i(d4)", "v(n)", "v(b)"),
        ("i(l1)", "v(p)", "v(q)"),
        ("i(c1)", "v(q)", "v(n)"),
        ("i(x1)", "v(q)", "v(n)"),
        ("i(r1)", "v(n)", ""),
    ];
    let value = |name: &str, k: usize| if name.is_empty() { 0.0 } else { column(&data, name)[k] };
    for k in 1..data.rows {
        let each: Vec<f64> = ends.iter().map(|(i, p, n)| value(i, k) * (value(p, k) - value(n, k))).collect();
        let (sum, size) = (each.iter().sum::<f64>(), each.iter().fold(1e-6_f64, |m, p| m.max(p.abs())));
        assert!(sum.abs() < 1e-6 * size, "row {k}: {sum:e} of {size:e}");
    }
}

#[test]
fn charge_of_a_capacitor_is_the_integral_of_its_current() {
    let data = run_one("V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 100n\n.tran 1u 2m 0 2u\n.save all i(c1)");
    let (t, i, v) = (column(&data, "time"), column(&data, "i(c1)"), column(&data, "v(b)"));
    for end in [0.3e-3, 1e-3, 1.77e-3] {
        let k = t.iter().rposition(|t| *t <= end).unwrap();
        let charge = integral(t, |k| i[k], 0.0, t[k]);
        // Trapezoids of 1/500 period, (2 pi/500)^2/12 of 84 nC, and the default error bound of 1e-5 a step.
        assert!((charge - 100e-9 * v[k]).abs() < 8e-12, "at {end}: {charge:e} against {:e}", 100e-9 * v[k]);
    }
}

#[test]
fn no_charge_is_pumped_through_a_gate() {
    // A gate that is driven periodically takes no charge over a period, whatever drain and source do at other phases:
    // capacitances that do not conserve charge fail here.
    let deck = "VG g 0 SIN(0.8 1.2 10meg)\nVD d 0 SIN(0.5 1 10meg 0 0 70)\nVS s 0 SIN(0.3 0.4 10meg 0 0 -130)\n\
                M1 d g s 0 nm w=10u l=2u ad=10p as=10p\n\
                .model nm nmos(vto=0.6 kp=100u gamma=0.4 phi=0.7 tox=20n cj=1m cgso=0.3n cgdo=0.3n)\n.tran 0.1n 200n 0 0.05n\n.save i(m1.g)";
    let data = run_one(deck);
    let (t, i) = (column(&data, "time"), column(&data, "i(m1.g)"));
    let pumped = integral(t, |k| i[k], 100e-9, 200e-9);
    let moved = integral(t, |k| i[k].abs(), 100e-9, 200e-9);
    // The current jumps where a capacitance does: half a step, 1/4000 of the period, each.
    assert!(pumped.abs() < 5e-4 * moved, "{pumped:e} C of {moved:e} C");
}

#[test]
fn a_drain_that_is_pinched_off_has_no_charge() {
    // A gate that rises fast drives the channel's current alone through a drain in saturation.
    let data = run_one(
        "VG g 0 PWL(0 0 0.1n 2)\nVD d 0 5\nM1 d g 0 0 nm w=5u l=0.2u\n.model nm nmos(vto=0.3 kp=200u tox=2n)\n\
         .tran 1p 0.1n\n.save v(g) i(m1.d)",
    );
    let (v, i) = (column(&data, "v(g)"), column(&data, "i(m1.d)"));
    for k in 0..data.rows {
        let expected = 2.5e-3 * (v[k] - 0.3).max(0.0).powi(2);
        // A junction that leaks and gmin: 1e-11 A.
        assert!((i[k] - expected).abs() < 2e-11 + 1e-9 * expected, "{} V: {:e} {expected:e}", v[k], i[k]);
    }
    // So the node between two channels, which nothing else holds, stays between the rails, and the gate above it can be followed.
    let data = run_one(
        "VM m 0 1\nVE e 0 PULSE(0 1 0.2n 0.1n 0.1n 2.4n 5n)\nRA a m 50k\nM1 a i 0 0 nm w=1u l=1u\nVI i 0 0.34\nM2 m a s 0 nm w=1u l=0.2u\n\
         M7 s e 0 0 nm w=5u l=0.2u\n.model nm nmos(vto=0.3 kp=200u lambda=0.02 tox=2n)\n.tran 0.1n 20n",
    );
    assert!(*column(&data, "time").last().unwrap() >= 20e-9);
    assert!(column(&data, "v(s)").iter().all(|s| (-1.0..1.1).contains(s)));
}

#[test]
fn a_floating_island_keeps_its_charge() {
    // Node m hangs between two capacitors: its charge is that of the start, whatever the source does.
    let data = run_one("V1 a 0 PWL(0 0 1u 3 2u -1 3u 2)\nC1 a m 1n\nC2 m 0 3n\n.ic v(m)=0.5\n.tran 10n 3u");
    let (a, m) = (column(&data, "v(a)"), column(&data, "v(m)"));
    for k in 0..data.rows {
        let charge = 3e-9 * m[k] - 1e-9 * (a[k] - m[k]);
        assert!((charge - 2e-9).abs() < 1e-14, "row {k}: {charge:e}");
    }
}

#[test]
fn memristors_dissipate_and_are_pinched() {
    for (card, amplitude, frequency) in [
        ("taox x0=0.2", 0.5, "100meg"),
        ("ion_drift x0=0.3 window=3", 1.0, "1"),
        ("vteam x0=0.5 koff=1u kon=-1u", 1.0, "10k"),
        ("yakopcic", 0.5, "100"),
        ("nbox", 0.9, "1meg"),
        ("pickett", 1.4, "1meg"),
    ] {
        let f = memspice::units::number(frequency).unwrap();
        let data = run_one(&format!("V1 a 0 SIN(0 {amplitude} {frequency})\nX1 a 0 {card}\n.save all i(x1)\n.tran 1n {}", 3.0 / f));
        let (v, i) = (column(&data, "v(a)"), column(&data, "i(x1)"));
        let largest = i.iter().fold(0.0_f64, |m, i| m.max(i.abs()));
        assert!(largest > 1e-9, "{card}: no current");
        for k in 0..data.rows {
            assert!(v[k] * i[k] >= 0.0, "{card}: {:e} W at row {k}", v[k] * i[k]);
            // Near the origin the current is small, of whatever state.
            assert!(
                i[k].abs() <= largest * (60.0 * v[k].abs() / amplitude).min(1.0) + 1e-15,
                "{card}: {:e} A at {:e} V",
                i[k],
                v[k]
            );
        }
    }
}

#[test]
fn lossless_oscillation_keeps_its_energy() {
    for method in ["radau", "trapezoidal"] {
        let deck = format!("L1 a 0 1m ic=0\nC1 a 0 1u ic=1\n.tran 1u 2m uic\n.options method={method} reltol=1e-7");
        let data = run_one(&deck);
        let energy = |k: usize| 0.5e-6 * column(&data, "v(a)")[k].powi(2) + 0.5e-3 * column(&data, "i(l1)")[k].powi(2);
        for k in [data.rows / 2, data.rows - 1] {
            // Ten periods with an error of 1e-7 a step, some hundred steps a period.
            assert!((energy(k) / 0.5e-6 - 1.0).abs() < 1e-4, "{method}: {} at row {k}", energy(k) / 0.5e-6);
        }
    }
}

#[test]
fn what_the_source_gives_is_stored_or_turned_to_heat() {
    let deck = "V1 s 0 1.25\nR1 s a 200\nC1 a 0 2.2n ic=0\nX1 a 0 nbox x0=253.15\n.tran 1n 3u 0 2n uic\n.save all i(r1) i(x1)";
    let data = run_one(deck);
    let t = column(&data, "time");
    let (is, i1, ix) = (column(&data, "i(v1)"), column(&data, "i(r1)"), column(&data, "i(x1)"));
    let (s, a) = (column(&data, "v(s)"), column(&data, "v(a)"));
    let end = t[data.rows - 1];
    let given = integral(t, |k| -is[k] * s[k], 0.0, end);
    let heat = integral(t, |k| i1[k] * (s[k] - a[k]) + ix[k] * a[k], 0.0, end);
    let stored = 0.5 * 2.2e-9 * a[data.rows - 1].powi(2);
    // Trapezoids of 2 ns over a rise of 0.4 us.
    assert!((given - heat - stored).abs() < 1e-5 * given, "{given:e} J given, {heat:e} J heat, {stored:e} J stored");
}

/// Current into port 2 (short) by 1 V at port 1, at 1 MHz.
fn transfer(network: &str, from: &str, to: &str) -> Complex64 {
    let deck = format!("{network}\nVA {from} 0 ac 1\nVB {to} 0 ac 0\n.ac lin 1 1meg 1meg");
    let data = run_one(&deck);
    let k = data.find("i(vb)").unwrap();
    match &data.columns[k] {
        memspice::wave::Column::Complex(values) => values[0],
        _ => panic!("not complex"),
    }
}

#[test]
fn linear_networks_are_reciprocal() {
    let network = "R1 a m 50\nC1 m 0 1n\nL1 m n 20u\nL2 n 0 40u\nK1 L1 L2 0.7\nR2 n b 75\nC2 a b 30p";
    let (forward, backward) = (transfer(network, "a", "b"), transfer(network, "b", "a"));
    assert!((forward - backward).norm() < 1e-12 * forward.norm(), "{forward} and {backward}");
    // A controlled source breaks it.
    let active = format!("{network}\nG1 b 0 a 0 1m");
    let (forward, backward) = (transfer(&active, "a", "b"), transfer(&active, "b", "a"));
    assert!((forward - backward).norm() > 0.1 * backward.norm());
}

#[test]
fn an_ideal_transformer_turns_impedances_over() {
    // k = 1, L1:L2 = 1:4: 400 ohm behind it are 100 ohm beside j w L1.
    let data = run_one("I1 0 a ac 1\nL1 a 0 1m\nL2 b 0 4m\nK1 L1 L2 1\nR1 b 0 400\n.ac lin 1 1meg 1meg");
    let k = data.find("v(a)").unwrap();
    let memspice::wave::Column::Complex(v) = &data.columns[k] else { panic!("not complex") };
    let magnetising = Complex64::new(0.0, 2.0 * std::f64::consts::PI * 1e6 * 1e-3);
    let expected = magnetising * 100.0 / (magnetising + 100.0);
    assert!((v[0] - expected).norm() < 1e-9 * expected.norm(), "{} and {expected}", v[0]);
}

#[test]
fn small_signals_are_slopes_of_the_operating_point() {
    // The conductance seen by .ac at low frequency is that of two neighbouring operating points.
    let card = "M1 d g 0 0 nm w=10u l=1u\n.model nm nmos(vto=0.6 kp=100u lambda=0.05)\nVG g 0 1.5";
    let current = |v: f64| column(&run_one(&format!("VD d 0 {v}\n{card}\n.op\n.save i(m1.d)")), "i(m1.d)")[0];
    let slope = (current(1.001) - current(0.999)) / 2e-3;
    let data = run_one(&format!("VD d 0 1 ac 1\n{card}\n.ac lin 1 1 1\n.save i(vd)"));
    let memspice::wave::Column::Complex(i) = &data.columns[data.find("i(vd)").unwrap()] else { panic!("not complex") };
    // The current of a source flows through it from its first node: the other sign.
    assert!((i[0].re + slope).abs() < 1e-6 * slope, "{} and {slope}", i[0]);
}
