//! `.dc`: branches, folds, jumps, ends, against closed forms.

use memspice::analysis::{Summary, TABLE};
use memspice::args::{Arg, Args};
use memspice::dae::StartKind;
use memspice::solve::SimError;
use memspice::wave::Dataset;

use super::numerics::env;
use super::systems::*;

fn args_of(card: &str) -> Args {
    let mut words = card.split_whitespace();
    let keyword = words.next().unwrap().to_string();
    let span = memspice::span::Span::default();
    let items = words
        .map(|word| match word.split_once('=') {
            Some((name, text)) => Arg { name: Some(name.into()), text: text.into(), number: text.parse().ok(), span },
            None => Arg { name: None, text: word.into(), number: word.parse().ok(), span },
        })
        .collect();
    Args { keyword, span, items }
}

/// Runs a card such as `dc v1 0 1.2 1m` (numbers plain) on a toy.
fn run_card(card: &str, system: &Toy) -> (Dataset, Summary, Result<(), SimError>) {
    let args = args_of(card);
    let entry = TABLE.iter().find(|e| e.keyword == args.keyword).unwrap();
    let analysis = (entry.parse)(&args, system).unwrap_or_else(|d| panic!("{}", d.message));
    let mut data = Dataset::default();
    let (summary, result) = analysis.run(system, &env(system), &mut data);
    (data, summary, result)
}

/// Row with the smallest |dp/ds|: here simply the row at which the branch number is about to rise.
fn fold_rows(data: &Dataset) -> Vec<usize> {
    let pass = data.real("branch").unwrap();
    (1..pass.len()).filter(|k| pass[*k] > pass[*k - 1]).map(|k| k - 1).collect()
}

#[test]
fn sweep_of_a_linear_circuit_is_plain() {
    let (data, summary, result) = run_card("dc v1 -1 1 0.1", &rc(1e3, 1e-9, 5.0, 0.0, 1.0));
    result.unwrap();
    assert_eq!((data.rows, summary.ruled_by.as_str()), (21, "v1 reached 1"));
    let (v1, out) = (data.real("v1").unwrap(), data.real("v(out)").unwrap());
    for (v, x) in v1.iter().zip(out) {
        assert!((v - x).abs() < 1e-15, "{v} {x}");
    }
    assert_eq!((v1[0], v1[20]), (-1.0, 1.0));
}

/// x^3 - 3x = p: folds at p = 2, x = -1 and p = -2, x = 1, where d/dx = 0.
#[test]
fn cubic_is_followed_through_both_folds() {
    let system = cubic(0.0).start(0, -3.0, StartKind::State);
    let (data, summary, result) = run_card("dc p -3 3 0.25", &system);
    result.unwrap();
    let (p, x) = (data.real("p").unwrap(), data.real("x").unwrap());
    let folds = fold_rows(&data);
    assert_eq!(folds.len(), 2, "{summary:?}");
    for (row, sign) in folds.iter().zip([-1.0, 1.0]) {
        assert!((x[*row] - sign).abs() < 1e-9 && (p[*row] + 2.0 * sign).abs() < 1e-12, "{} {}", x[*row], p[*row]);
    }
    for (p, x) in p.iter().zip(x) {
        assert!((x * x * x - 3.0 * x - p).abs() < 1e-12);
    }
    // Every grid value once on each pass it belongs to: 21 up to p = 2, 17 back, 21 on; the two at the folds may coincide.
    assert!((59..=61).contains(&data.rows), "{}", data.rows);
    assert_eq!(summary.ruled_by, "p reached 3");
}

/// With jumps the state leaves x = -1 for the far branch at p > 2, and comes back at p < -2: hysteresis.
#[test]
fn cubic_with_jumps_is_a_hysteresis_loop() {
    let system = cubic(0.0).start(0, -3.0, StartKind::State);
    let (data, summary, result) = run_card("dc p -3 3 0.25 mode=back", &system);
    result.unwrap();
    let (p, x, pass) = (data.real("p").unwrap(), data.real("x").unwrap(), data.real("branch").unwrap());
    assert_eq!(fold_rows(&data).len(), 3, "{summary:?}");
    for k in 0..data.rows {
        let up = pass[k] <= 2.0;
        let on_upper = if up { p[k] > 2.0 + 1e-9 } else { p[k] > -2.0 - 1e-9 };
        assert_eq!(x[k] > 0.0, on_upper, "p = {}, x = {}, pass {}", p[k], x[k], pass[k]);
    }
}

/// Reference values: onset of the negative resistance, and points of the curve.
#[test]
fn nbox_onset_is_located_and_followed_beyond() {
    let (data, summary, result) = run_card("dc v1 0 1.2 0.001", &nbox_direct(0.0));
    result.unwrap();
    let (v, x, i) = (data.real("v1").unwrap(), data.real("x1.x").unwrap(), data.real("i(v1)").unwrap());
    let folds = fold_rows(&data);
    assert_eq!(folds.len(), 1, "{summary:?}");
    let k = folds[0];
    assert!((v[k] - 0.972734).abs() < 1e-6 && (x[k] - 316.647).abs() < 1e-3, "{} {}", v[k], x[k]);
    assert!((i[k] + 1.23556e-3).abs() < 1e-8, "{}", i[k]);
    assert!(summary.ruled_by.contains("x1.x left its range 200 K to 700 K"), "{}", summary.ruled_by);
    assert!(x.iter().all(|x| *x <= 700.0) && *x.last().unwrap() > 695.0);
}

/// With a series resistor of 20 ohm the curve against the source has two folds, where dv/di = -R. Along the curve, with x as
/// its parameter, v^2 = -(a0 + a1 x)/F(x) and V = v (1 + R G(x)); extrema by golden section.
#[test]
fn nbox_behind_a_small_resistor_has_two_folds() {
    let r = 20.0;
    let source = |x: f64| {
        let heating = 7.21e9 + x * (-7.39e7 + x * (2.37e5 + x * (-2.37e2 + x * 0.132)));
        let conductance = 6.5e-3 + x * (-6.66e-5 + x * (2.14e-7 + x * (-2.14e-10 + x * 1.19e-13)));
        (-(5.19e9 - 2.05e7 * x) / heating).sqrt() * (1.0 + r * conductance)
    };
    let extremum = |mut a: f64, mut b: f64, sign: f64| {
        for _ in 0..100 {
            let (p, q) = (b - 0.618_033_988_75 * (b - a), a + 0.618_033_988_75 * (b - a));
            if sign * source(p) > sign * source(q) { b = q } else { a = p }
        }
        (0.5 * (a + b), source(0.5 * (a + b)))
    };
    let (data, summary, result) = run_card("dc vs 0 1.1 0.01", &with_resistance(nbox_cell(0.0, 253.15), r));
    result.unwrap();
    let (v, x) = (data.real("vs").unwrap(), data.real("x1.x").unwrap());
    let folds = fold_rows(&data);
    assert_eq!(folds.len(), 2, "{summary:?}");
    for (row, (low, high, sign)) in folds.iter().zip([(300.0, 340.0, 1.0), (500.0, 650.0, -1.0)]) {
        let (x_fold, v_fold) = extremum(low, high, sign);
        // The search sees a parabola: its x is good to the root of rounding.
        assert!((v[*row] - v_fold).abs() < 1e-12 && (x[*row] - x_fold).abs() < 1e-4, "{} {}", v[*row] - v_fold, x[*row] - x_fold);
    }
    for (v, x) in v.iter().zip(x).skip(1) {
        assert!((source(*x) - v).abs() < 1e-11, "{v} {x}");
    }
    assert_eq!(summary.ruled_by, "vs reached 1.1");
}

fn with_resistance(toy: Toy, r: f64) -> Toy {
    toy.preset("rs", r)
}

/// With 20 ohm a slow ramp up jumps at the first fold to the hot branch, and back at the second.
#[test]
fn nbox_jumps_there_and_back() {
    let (data, summary, result) = run_card("dc vs 0 1.1 0.01 mode=back", &with_resistance(nbox_cell(0.0, 253.15), 20.0));
    result.unwrap();
    let (v, x, pass) = (data.real("vs").unwrap(), data.real("x1.x").unwrap(), data.real("branch").unwrap());
    assert_eq!(*pass.last().unwrap(), 4.0, "{summary:?}");
    assert_eq!((v[0], *v.last().unwrap()), (0.0, 0.0));
    let widest = (0..data.rows).filter(|k| (v[*k] - 0.98).abs() < 1e-9).map(|k| x[k]).collect::<Vec<_>>();
    assert_eq!(widest.len(), 2);
    assert!(widest[0] < 320.0 && widest[1] > 500.0, "{widest:?}");
}

#[test]
fn a_device_without_equilibrium_ends_a_jump_at_its_bound() {
    let (data, summary, result) = run_card("dc v1 0 1.2 0.01 mode=jump", &nbox_direct(0.0));
    result.unwrap();
    assert!((data.real("v1").unwrap().last().unwrap() - 0.972734).abs() < 1e-6);
    assert!(summary.ruled_by.contains("x1.x left its range"), "{}", summary.ruled_by);
}

/// Kirchhoff by hand: i = is (exp(v/vt) - 1) in every point of the sweep of the chain of five.
#[test]
fn diodes_are_swept_through_their_knee() {
    let (data, summary, result) = run_card("dc v1 -5 10 0.1", &diode_chain(0.0, 100.0));
    result.unwrap();
    assert_eq!(data.rows, 151, "{summary:?}");
    let (v1, top) = (data.real("v1").unwrap(), data.real("v(a1)").unwrap());
    for (v, a) in v1.iter().zip(top) {
        let current = 1e-14 * ((a / 5.0 / 0.025852).exp() - 1.0);
        // Equal diodes share the voltage. In reverse five diodes of 1e-14 A hang on 1e-12 A of residual tolerance.
        assert!((current - (v - a) / 100.0).abs() < 1e-11 + 1e-9 * current.abs(), "{v} {a}");
    }
}

#[test]
fn retained_values_follow_the_sweep() {
    let (data, _, result) = run_card("dc v1 -2 2 0.5 mode=back", &comparator());
    result.unwrap();
    let shown: Vec<f64> = data.real("v(out)").unwrap().iter().map(|v| v.round()).collect();
    // The value that a point sees is what the point before it left.
    assert_eq!(shown, [0., 0., 0., 0., 0., 0., 0., 0., 1., 1., 1., 1., 1., 1., 1., 1., 0.]);
}

#[test]
fn the_second_parameter_is_the_outer_loop() {
    let (data, _, result) = run_card("dc v1 0 1 0.5 r 1000 3000 1000", &rc(1e3, 1e-9, 5.0, 0.0, 1.0));
    result.unwrap();
    assert_eq!(data.segments, [(0, "r = 1000".to_string()), (3, "r = 2000".into()), (6, "r = 3000".into())]);
    assert_eq!(data.real("r").unwrap(), [1e3, 1e3, 1e3, 2e3, 2e3, 2e3, 3e3, 3e3, 3e3]);
    assert_eq!(data.real("v(out)").unwrap()[..3], [0.0, 0.5, 1.0]);
}

#[test]
fn held_states_are_said_once_and_do_not_move() {
    let (data, summary, result) = run_card("dc v1 -0.5 0.5 0.1", &taox_driven(0.2, 0.0, 0.0, 1.0));
    result.unwrap();
    assert!(data.real("x1.x").unwrap().iter().all(|x| *x == 0.2));
    assert_eq!(summary.remarks, ["held at the start value: x1.x; this is a read-out curve"]);
    // Reference value: i(0.2, 0.5 V).
    let i = *data.real("i(x1)").unwrap().last().unwrap();
    assert!((i - 2.579933270330e-3).abs() < 1e-11 * i, "{i}");
}

#[test]
fn a_single_value_is_one_row() {
    let (data, _, result) = run_card("dc v1 2 2 1", &rc(1e3, 1e-9, 5.0, 0.0, 1.0));
    result.unwrap();
    assert_eq!(data.real("v(out)").unwrap(), [2.0]);
}

/// Reference values: the patterned branch of two coupled cells against the coupling, which ends in the pitchfork at
/// 49.73916 ohm; beyond it only the symmetric state is left.
#[test]
fn the_patterned_branch_of_two_cells_ends_in_the_pitchfork() {
    let system = nbox_pair(0.0, 25.0, [290.0, 370.0], [0.95, 0.93]);
    let (data, summary, result) = run_card("dc rc 25 60 1", &system);
    result.unwrap_or_else(|e| panic!("{e} {summary:?}"));
    let (rc, x1, x2) = (data.real("rc").unwrap(), data.real("x1.x").unwrap(), data.real("x2.x").unwrap());
    for (r, cold, hot) in [(49.0, 319.4919, 330.5349), (40.0, 306.0569, 347.0794), (30.0, 298.5115, 358.5146)] {
        let k = rc.iter().position(|v| *v == r).unwrap();
        assert!((x1[k] - cold).abs() < 1e-4 && (x2[k] - hot).abs() < 1e-4, "{r}: {} {}", x1[k], x2[k]);
    }
}

#[test]
fn the_symmetric_branch_passes_the_pitchfork() {
    let system = nbox_pair(0.0, 100.0, [300.0, 300.0], [0.95, 0.95]);
    let (data, summary, result) = run_card("dc rc 60 25 1", &system);
    result.unwrap_or_else(|e| panic!("{e} {summary:?}"));
    let (x1, x2) = (data.real("x1.x").unwrap(), data.real("x2.x").unwrap());
    assert!(x1.iter().zip(x2).all(|(a, b)| (a - b).abs() < 1e-9 && (a - 324.89349).abs() < 5e-6), "{x1:?} {x2:?}");
    assert_eq!(data.rows, 36);
}

/// The read-out current against the stored state, G(x) v of the reference: the sweep moves what is held.
#[test]
fn the_start_value_of_a_held_state_can_be_swept() {
    let system = taox_driven(0.2, 0.5, 0.0, 1.0).param("x0", 0.2).started_by(0, 3);
    let (data, _, result) = run_card("dc x0 0.1 0.9 0.1", &system);
    result.unwrap();
    let (x0, x, i) = (data.real("x0").unwrap(), data.real("x1.x").unwrap(), data.real("i(x1)").unwrap());
    assert_eq!(data.rows, 9);
    for k in 0..9 {
        let g = x0[k] * 0.025 + (1.0 - x0[k]) * 7.2e-6 * (4.7 * 0.5f64.sqrt()).exp();
        assert!((x[k] - x0[k]).abs() < 1e-12 && (i[k] - 0.5 * g).abs() < 1e-12, "{} {} {}", x0[k], x[k], i[k]);
    }
}

#[test]
fn cards_that_make_no_sense_are_told() {
    let system = rc(1e3, 1e-9, 5.0, 0.0, 1.0);
    for (card, message) in [
        ("dc", "`.dc` needs a parameter to sweep"),
        ("dc vx 0 1 0.1", "nothing called `vx` can be swept"),
        ("dc v1 0 1", ".dc needs the step"),
        ("dc v1 0 1 0", "the step 0 does not lead from 0 to 1"),
        ("dc v1 0 one 1", "`one` is not a number"),
        ("dc v1 0 1 0.1 mode=jmp", "unknown mode `jmp`"),
        ("dc v1 0 1 0.1 mod=jump", "`.dc` has no argument `mod`"),
        ("op 3", "`.op` takes no arguments: `3`"),
    ] {
        let args = args_of(card);
        let entry = TABLE.iter().find(|e| e.keyword == args.keyword).unwrap();
        let told = (entry.parse)(&args, &system).map(|_| ()).unwrap_err();
        assert_eq!(told.message, message, "{card}");
    }
}
