//! Newton, walks, ladder, folds: against closed forms.

use memspice::analysis::{Env, Summary, TABLE, op};
use memspice::args::{Arg, Args};
use memspice::dae::{Memory, Phase, StartKind, System};
use memspice::solve::ladder::{LADDER, climb_from};
use memspice::solve::newton::{Implicit, Newton, Report, Rows};
use memspice::solve::statics::Statics;
use memspice::solve::{Counts, SimError, Tolerances};
use memspice::wave::Dataset;

use super::systems::*;

fn tolerances() -> Tolerances {
    Tolerances { reltol: 1e-3, trtol: 7.0, static_iterations: 100, step_iterations: 20 }
}

fn solve(system: &Toy, rows: Rows, x: &mut [f64]) -> Result<Report, memspice::solve::failure::Failure> {
    let (params, past) = (system.params(), Memory::default());
    let eq = Implicit { alpha: 0.0, beta: &[], t: 0.0, rows, params: &params, past: &past, phase: Phase::Static };
    Newton::new(system).solve(system, &eq, &tolerances(), x, &mut Counts::default())
}

#[test]
fn newton_solves_linear_systems_in_two_iterations() {
    let mut x = [0.0];
    let report = solve(&rc(1e3, 1e-9, 5.0, 0.0, 1.0), Rows::Plain, &mut x).unwrap();
    assert_eq!((x[0], report.iterations), (5.0, 2));
}

/// I = is (exp(v/vt) - 1) with V = v + R I, solved by bisection.
#[test]
fn newton_finds_the_diode_voltage_from_rest() {
    let (v1, r, is, vt) = (5.0, 1e3, 1e-14, 0.025852);
    let excess = |v: f64| is * ((v / vt).exp() - 1.0) - (v1 - v) / r;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if excess(middle) > 0.0 { high = middle } else { low = middle }
    }
    let mut x = [0.0];
    let report = solve(&diode(v1, r, 0.0, 1.0), Rows::Plain, &mut x).unwrap();
    assert!((x[0] - low).abs() < 1e-14, "{} {low}", x[0]);
    assert!(report.iterations < 15, "{}", report.iterations);
}

#[test]
fn newton_finds_the_nbox_cell() {
    let mut x = [0.9, 300.0];
    let report = solve(&nbox_cell(0.0, 300.0), Rows::Plain, &mut x).unwrap();
    assert!((x[1] - 324.89349).abs() < 5e-6, "{x:?}"); // last printed digit of the reference
    assert!((x[0] - 0.9708085).abs() < 5e-8, "{x:?} after {}", report.iterations);
}

#[test]
fn equal_cells_stay_equal() {
    let mut x = [0.9, 300.0, 0.9, 300.0];
    solve(&nbox_pair(0.0, 100.0, [300.0; 2], [0.0; 2]), Rows::Plain, &mut x).unwrap();
    assert!((x[1] - x[3]).abs() < 1e-9 && (x[1] - 324.89349).abs() < 5e-6, "{x:?}");
}

#[test]
fn held_rows_keep_their_start_and_pins_their_value() {
    let mut x = [0.2];
    solve(&taox_driven(0.2, 0.5, 0.0, 1.0), Rows::Static { q0: &[0.2], pins: &[] }, &mut x).unwrap();
    assert_eq!(x[0], 0.2);
    let toy = nbox_cell(0.0, 300.0).start(1, 310.0, StartKind::Ic);
    let mut x = [0.0, 300.0];
    solve(&toy, Rows::Static { q0: &[0.0, 0.0], pins: &[(1, 310.0)] }, &mut x).unwrap();
    assert_eq!(x[1], 310.0);
}

/// What an analysis needs to run a toy with the parameters given.
fn env(system: &Toy) -> Env<'static> {
    static STOP: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    Env {
        tolerances: tolerances(),
        reltol_given: false,
        method: None,
        maxord: None,
        points_per_period: 50.0,
        stop: &STOP,
        progress: &|_| (),
        params: system.params(),
        keys: Vec::new(),
    }
}

fn operating_point(system: &Toy) -> op::OperatingPoint {
    op::solve(system, &env(system), Phase::Static).unwrap()
}

/// Climbs with one rung only.
fn climb_with(rung: &str, system: &Toy) -> Result<Vec<f64>, String> {
    let k = LADDER.iter().position(|r| r.name == rung).unwrap();
    let params = system.params();
    let (statics, mut x) = Statics::new(system, tolerances(), &params, Phase::Static);
    let mut newton = Newton::new(system);
    climb_from(&LADDER[k..=k], &statics, &mut newton, &params, &mut x, &mut Counts::default()).map(|_| x).map_err(|e| e.1)
}

#[test]
fn every_rung_finds_the_cell_and_the_diode() {
    for rung in &LADDER {
        let x = climb_with(rung.name, &nbox_cell(0.0, 300.0)).unwrap_or_else(|e| panic!("{e}"));
        assert!((x[1] - 324.89349).abs() < 5e-6, "{}: {x:?}", rung.name);
        let x = climb_with(rung.name, &diode(5.0, 1e3, 0.0, 1.0)).unwrap_or_else(|e| panic!("{e}"));
        assert!((x[0] - 0.691_943).abs() < 1e-3, "{}: {x:?}", rung.name);
    }
}

#[test]
fn operating_point_of_the_cell_says_what_was_not_used() {
    let point = operating_point(&nbox_cell(0.0, 300.0));
    assert_eq!(point.rung, "direct");
    assert_eq!(point.remarks, ["x1.x: start value 300 not used; .op gives 324.893 K"]);
}

/// Start values choose among the three equilibria of the coupled cells (ndr-models, 4.4).
#[test]
fn start_values_choose_the_equilibrium() {
    let point = operating_point(&nbox_pair(0.0, 25.0, [290.0, 370.0], [0.95, 0.93]));
    assert!((point.x[1] - 295.51463).abs() < 1e-5 && (point.x[3] - 363.64158).abs() < 1e-5, "{:?}", point.x);
}

/// Runs a card such as `dc v1 0 1.2 1m` (numbers plain) on a toy.
fn run_card(card: &str, system: &Toy) -> (Dataset, Summary, Result<(), SimError>) {
    let mut words = card.split_whitespace();
    let keyword = words.next().unwrap().to_string();
    let span = memspice::span::Span::default();
    let items = words
        .map(|word| match word.split_once('=') {
            Some((name, text)) => Arg { name: Some(name.into()), text: text.into(), number: text.parse().ok(), span },
            None => Arg { name: None, text: word.into(), number: word.parse().ok(), span },
        })
        .collect();
    let args = Args { keyword: keyword.clone(), span, items };
    let entry = TABLE.iter().find(|e| e.keyword == keyword).unwrap();
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

/// ndr-models 4.2: onset of the negative resistance, and points of the curve.
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
    println!("rows {} counts {:?} {:?}", data.rows, summary.counts, summary.remarks);
}

/// `v^3 = 8`: at the start nothing conducts, so that zeros alone make the matrix singular; the ladder must go on.
#[test]
fn devices_that_are_off_at_the_start_are_no_dead_end() {
    let system = Toy::new(|e| {
        let v = e.x(0);
        e.f(0, v * v * v);
        e.f(0, e.sources() * -8.0);
    })
    .unknown("a", VOLTAGE, 1e-12);
    let point = operating_point(&system);
    assert!((point.x[0] - 2.0).abs() < 1e-9, "{:?} by {}", point.x, point.rung);
}

/// ndr-models 4.3: the symmetric state of the coupled cells at 25 ohm grows with 6.0974e5 1/s.
#[test]
fn unstable_operating_points_are_told() {
    let pair = |x0| operating_point(&nbox_pair(0.0, 25.0, x0, [0.0; 2]));
    let point = pair([300.0, 300.0]);
    assert!((point.x[1] - 324.89349).abs() < 5e-6 && (point.x[1] - point.x[3]).abs() < 1e-9, "{:?}", point.x);
    assert!(point.remarks.iter().any(|r| r.contains("grows with 6.0974e5 1/s")), "{:?}", point.remarks);
    assert!(operating_point(&nbox_cell(0.0, 300.0)).remarks.len() == 1);
    // Started apart, they stay apart.
    let apart = pair([300.0, 500.0]);
    assert!((apart.x[1] - 295.51463).abs() < 1e-5 && (apart.x[3] - 363.64158).abs() < 1e-5, "{:?}", apart.x);
    assert!(!apart.remarks.iter().any(|r| r.contains("unstable")), "{:?}", apart.remarks);
}
