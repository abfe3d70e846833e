//! Newton, walks, ladder, folds: against closed forms.

use memspice::analysis::{Env, op};
use memspice::dae::{Memory, Phase, StartKind, System};
use memspice::solve::ladder::{LADDER, climb_from};
use memspice::solve::newton::{Implicit, Newton, Report, Rows};
use memspice::solve::statics::Statics;
use memspice::solve::{Counts, Tolerances};

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
pub fn env(system: &Toy) -> Env<'static> {
    static STOP: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    Env {
        tolerances: tolerances(),
        reltol_given: false,
        method: None,
        newton: memspice::solve::Effort::Auto,
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

/// Start values choose among the three equilibria of the coupled cells.
#[test]
fn start_values_choose_the_equilibrium() {
    let point = operating_point(&nbox_pair(0.0, 25.0, [290.0, 370.0], [0.95, 0.93]));
    assert!((point.x[1] - 295.51463).abs() < 1e-5 && (point.x[3] - 363.64158).abs() < 1e-5, "{:?}", point.x);
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

/// Reference values: the symmetric state of the coupled cells at 25 ohm grows with 6.0974e5 1/s.
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

/// The ladder goes as far as it must: a system for each rung.
#[test]
fn each_rung_wins_where_the_ones_before_fail() {
    let off = Toy::new(|e| {
        let v = e.x(0);
        e.f(0, v * v * v);
        e.f(0, e.sources() * -8.0);
    })
    .unknown("a", VOLTAGE, 1e-12);
    for (rung, system, x) in
        [("gmin", off, 2.0), ("source", runaway(true, false), 3.0), ("pseudo-transient", runaway(false, true), 3.0)]
    {
        let point = operating_point(&system);
        assert!(point.rung.starts_with(rung) && (point.x[0] - x).abs() < 1e-9, "{rung}: {} {:?}", point.rung, point.x);
    }
    let x = climb_with("arclength", &cubic(3.0)).unwrap_or_else(|e| panic!("{e}"));
    assert!((x[0] * x[0] * x[0] - 3.0 * x[0] - 3.0).abs() < 1e-12);
}

#[test]
fn nothing_works_is_told_in_names() {
    let error = op::solve(&runaway(false, false), &env(&runaway(false, false)), Phase::Static).map(|_| ()).unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("x") && error.contains("direct (") && error.contains("arclength ("), "{error}");
    let open = Toy::new(|e| {
        let a = e.x(0);
        e.f(0, a - 1.0);
    })
    .unknown("a", VOLTAGE, 1e-12)
    .unknown("loose", STATE, 1e-12);
    let error = op::solve(&open, &env(&open), Phase::Static).map(|_| ()).unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("singular") && error.contains("loose"), "{error}");
    let wrong = Toy::new(|e| {
        let a = e.x(0);
        e.f(0, (a - 1.0).ln());
    })
    .unknown("a", VOLTAGE, 1e-12);
    let error = op::solve(&wrong, &env(&wrong), Phase::Static).map(|_| ()).unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("not a finite number") && error.contains("a: not finite"), "{error}");
}

/// A state that nothing moves at rest is held where it starts (decision 1), and told.
#[test]
fn undetermined_states_are_held() {
    let point = operating_point(
        &Toy::new(|e| {
            let (v, x) = (e.x(0), e.x(1));
            e.f(0, (v - e.sources() * 0.0) / 1e3 + v * x);
            e.f(1, -(v * v));
            e.q(1, x);
        })
        .unknown("n", VOLTAGE, 1e-12)
        .unknown("x1.x", STATE, 1e-12)
        .start(1, 0.3, StartKind::State),
    );
    assert_eq!(point.x, [0.0, 0.3]);
    assert_eq!(point.remarks, ["x1.x: nothing determines it at rest; held at its start value 0.3"]);
}

#[test]
fn initial_conditions_count_where_a_transient_starts() {
    let system = nbox_cell(0.0, 253.15).start(1, 300.0, StartKind::Ic);
    let point = op::solve(&system, &env(&system), Phase::TransientStart).unwrap();
    assert_eq!(point.x[1], 300.0);
    // v = V_S / (1 + R_S G(300 K)).
    assert!((point.x[0] - 1.25 / (1.0 + 200.0 * 9.659000e-4)).abs() < 1e-7, "{:?}", point.x);
    assert!((operating_point(&system).x[1] - 324.89349).abs() < 5e-6);
}

/// The latch has two stable states and one between; a nodeset chooses, and without one the symmetric state is told.
#[test]
fn nodesets_choose_the_state_of_a_latch() {
    let symmetric = operating_point(&latch(5.0));
    assert!((symmetric.x[0] - symmetric.x[1]).abs() < 1e-9, "{:?}", symmetric.x);
    assert!(symmetric.remarks.iter().any(|r| r.starts_with("an unstable equilibrium")), "{:?}", symmetric.remarks);
    for k in 0..2 {
        let point = operating_point(&latch(5.0).start(k, 0.1, StartKind::Nodeset));
        let (on, off) = (point.x[k as usize], point.x[1 - k as usize]);
        assert!(on < 0.2 && off > 4.0, "{:?} by {}", point.x, point.rung);
        assert!(!point.remarks.iter().any(|r| r.contains("unstable")), "{:?}", point.remarks);
    }
}

/// Any rung alone brings the chain of diodes to its current, and the latch somewhere that solves it.
#[test]
fn every_rung_climbs_chains_and_latches() {
    for rung in &LADDER {
        let x = climb_with(rung.name, &diode_chain(10.0, 100.0)).unwrap_or_else(|e| panic!("{}: {e}", rung.name));
        let current = 1e-14 * ((x[0] / 5.0 / 0.025852).exp() - 1.0);
        assert!((current - (10.0 - x[0]) / 100.0).abs() < 1e-12, "{}: {x:?}", rung.name);
        climb_with(rung.name, &latch(5.0)).unwrap_or_else(|e| panic!("{}: {e}", rung.name));
    }
}

/// A row whose terms cancel inside one contribution: its residual cannot fall below the rounding of the terms, 1e-11, though
/// scale and absolute tolerance ask for 1e-12. The update tells that nothing is left to gain.
#[test]
fn rounding_inside_a_row_is_no_failure() {
    let system = Toy::new(|e| {
        let x = e.x(0);
        e.f(0, (x * x * x + 1e5) - (1e5 + 0.3));
    })
    .unknown("x", STATE, 1e-13);
    let mut x = [1.0];
    solve(&system, Rows::Plain, &mut x).unwrap();
    assert!((x[0] - 0.3f64.cbrt()).abs() < 1e-10, "{x:?}");
}
