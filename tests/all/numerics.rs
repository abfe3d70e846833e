//! Newton, walks, ladder, folds: against closed forms.

use memspice::dae::{Memory, Phase, StartKind, System};
use memspice::solve::newton::{Implicit, Newton, Report, Rows};
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
