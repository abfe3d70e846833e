//! Small-signal analysis against closed forms, and the mistakes its card can have.

use std::f64::consts::TAU;
use std::sync::atomic::AtomicBool;

use memspice::analysis::ac::{Ac, ENTRY};
use memspice::analysis::{Env, Summary};
use memspice::args::{Arg, Args};
use memspice::dae::System;
use memspice::solve::{SimError, Tolerances};
use memspice::span::Span;
use memspice::wave::{Column, Dataset};
use num_complex::Complex64;

use super::systems::*;

/// `.ac` with the words of `text`.
fn card(text: &str) -> Args {
    let items = text.split_whitespace().map(|word| {
        let (name, value) = word.split_once('=').map_or((None, word), |(n, v)| (Some(n.to_string()), v));
        Arg { name, text: value.into(), number: value.parse().ok(), span: Span::default() }
    });
    Args { keyword: "ac".into(), span: Span::default(), items: items.collect() }
}

fn run(system: &Toy, text: &str) -> (Dataset, Summary, Result<(), SimError>) {
    let stop = AtomicBool::new(false);
    let env = Env {
        tolerances: Tolerances { reltol: 1e-3, trtol: 7.0, static_iterations: 100, step_iterations: 20 },
        reltol_given: false,
        method: None,
        newton: memspice::solve::Effort::Auto,
        maxord: None,
        points_per_period: 50.0,
        stop: &stop,
        progress: &|_| (),
        params: system.params(),
        keys: Vec::new(),
    };
    let mut data = Dataset::default();
    let analysis = (ENTRY.parse)(&card(text), system).expect("a correct card");
    let (summary, result) = analysis.run(system, &env, &mut data);
    (data, summary, result)
}

fn complex<'a>(data: &'a Dataset, name: &str) -> &'a [Complex64] {
    match &data.columns[data.find(name).unwrap_or_else(|| panic!("no column {name}"))] {
        Column::Complex(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

/// `v = 1/(1 + jwRC)`, `i(c1) = jwC v`, which is the current of r1 as well.
#[test]
fn low_pass_of_first_order() {
    let (r, c) = (1e3, 1e-9);
    let mut system = rc(r, c, 5.0, 0.0, 1.0);
    system.stimulus = vec![(0, Complex64::new(1.0 / r, 0.0))];
    let (data, summary, result) = run(&system, "dec 10 1 1e9");
    result.expect("no failure");
    assert_eq!((data.rows, summary.points, data.header.logarithmic, data.header.independent), (91, 91, true, 1));
    assert!(summary.remarks.is_empty(), "{:?}", summary.remarks);
    let frequencies = data.real("frequency").expect("the first column");
    let (v, ir, ic) = (complex(&data, "v(out)"), complex(&data, "i(r1)"), complex(&data, "i(c1)"));
    for (k, f) in frequencies.iter().enumerate() {
        assert!((f / 10f64.powf(k as f64 / 10.0) - 1.0).abs() < 1e-14);
        let s = Complex64::new(0.0, TAU * f);
        let exact = 1.0 / (1.0 + s * r * c);
        // A handful of operations on numbers that do not cancel.
        assert!((v[k] - exact).norm() < 1e-14 * exact.norm(), "{f}: {} {exact}", v[k]);
        assert!((ic[k] - s * c * exact).norm() < 1e-14 * (s * c * exact).norm());
        // The toy's resistor current leaves out the source's own part.
        assert!((ir[k] + exact / r).norm() < 1e-14 * (exact / r).norm());
    }
}

/// Impedance of the NbOx memristor at its operating point in the cell.
#[test]
fn impedance_of_the_nbox_memristor() {
    let mut system = nbox_cell(0.0, 300.0);
    system.stimulus = vec![(0, Complex64::new(1.0 / 200.0, 0.0))];
    let (data, _, result) = run(&system, "list 1e5 1e6 1e7");
    result.expect("no failure");
    let (v, i) = (complex(&data, "v(n1)"), complex(&data, "i(x1)"));
    let exact = [(-21.95582, 10.82366), (-6.14886, 105.85178), (476.42617, 330.43871)];
    for (k, (re, im)) in exact.into_iter().enumerate() {
        let z = v[k] / i[k];
        // Half a unit of the last printed digit.
        assert!((z.re - re).abs() <= 5.1e-6 && (z.im - im).abs() <= 5.1e-6, "{z}");
    }
    assert!(!data.header.logarithmic);
}

#[test]
fn remarks_on_drift_and_silence() {
    let moving = taox_driven(0.5, 1.0, 0.0, 1.0);
    let (_, summary, result) = run(&moving, "lin 3 1 2");
    result.expect("no failure");
    assert!(summary.remarks.iter().any(|r| r.contains("x1.x drifts at") && r.contains("1/s: frozen-state")), "{summary:?}");
    assert!(summary.remarks.iter().any(|r| r.contains("no source has an ac value")), "{summary:?}");
    let (_, summary, _) = run(&taox_driven(0.5, 0.0, 0.0, 1.0), "lin 3 1 2");
    assert!(!summary.remarks.iter().any(|r| r.contains("drifts")), "{summary:?}");
}

#[test]
fn frequencies_of_all_kinds() {
    let of = |text: &str| Ac::new(&card(text)).expect("a correct card").frequencies;
    assert_eq!(of("lin 5 1 3"), [1.0, 1.5, 2.0, 2.5, 3.0]);
    assert_eq!(of("lin 1 7 9"), [7.0]);
    assert_eq!(of("LIN 4 2 2"), [2.0]);
    assert_eq!(of("list 5 3 5"), [5.0, 3.0, 5.0]);
    assert_eq!(of("oct 1 1 9"), [1.0, 2.0, 4.0, 8.0]);
    assert_eq!(of("dec 1 1 1000").len(), 4);
    assert_eq!(of("dec 3 1 1e12").len(), 37);
    assert_eq!(of("dec 10 50 50"), [50.0]);
}

#[test]
fn mistakes_on_the_card() {
    let cases = [
        ("", "without arguments"),
        ("des 10 1 2", "no way to space"),
        ("10 1 2", "no way to space"),
        ("dec", "needs the number of points"),
        ("dec ten 1 2", "not a number"),
        ("dec 0 1 2", "0 points"),
        ("dec 2.5 1 2", "2.5 points"),
        ("dec 10 0 2", "the first frequency is 0"),
        ("dec 10 1", "needs the last frequency"),
        ("dec 10 5 2", "below the first"),
        ("lin 10 -1 2", "the first frequency is -1"),
        ("dec 10 1 2 3", "too many"),
        ("dec 1e7 1 1e99", "frequencies are too many"),
        ("list", "needs a frequency"),
        ("list 1 0", "a frequency is 0"),
        ("dec 10 1 2 sweep=3", "no named arguments"),
    ];
    for (text, message) in cases {
        let error = Ac::new(&card(text)).expect_err(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
    }
    let error = Ac::new(&card("dex 10 1 2")).expect_err("misspelt");
    assert!(error.hints.iter().any(|h| h.contains("dec")), "{error:?}");
}
