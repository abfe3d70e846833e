//! `$limit` with functions of the user, moving arguments and unknown names: the way to the solution changes, the solution does not.

use super::{Done, module, run, run_with};

/// `pnjlim` as a user would write it (Nagel 1975), with the same arguments.
const USER: &str = "analog function real mine; input new, old, vt, vcrit; real new, old, vt, vcrit, growth; begin
   mine = new;
   if (new > vcrit && abs(new - old) > 2 * vt) begin
     if (old > 0) begin
       growth = 1 + (new - old) / vt;
       if (growth > 0) mine = old + vt * ln(growth); else mine = vcrit;
     end else mine = vt * ln(new / vt);
   end
 end endfunction
 analog function real damped; input new, old; real new, old; damped = old + 0.5 * (new - old); endfunction
 real v, vt, vcrit;";

fn diode(limited: &str) -> String {
    module(USER, &format!("vt = $vt; vcrit = vt * ln(vt / (1.414 * 1e-14)); v = {limited}; I(p, n) <+ 1e-14 * (exp(v / vt) - 1);"))
}

/// Ten volts through a kilo-ohm into the diode; and the same diode reversed.
const DECK: &str = "V1 a 0 10\nR1 a b 1k\nX1 b 0 m\nR2 a c 10k\nX2 0 c m\n.op\n.save v(b) v(c)";

fn solved(limited: &str) -> (Done, f64, f64, u64) {
    let done = run(&diode(limited), DECK);
    let iterations = done.simulation.members[0][0].summary.counts.iterations;
    let (b, c) = (done.column(0, "v(b)")[0], done.column(0, "v(c)")[0]);
    (done, b, c, iterations)
}

#[test]
fn a_function_of_the_user_limits_as_well_as_pnjlim() {
    let (_, b, c, known) = solved("$limit(V(p, n), \"pnjlim\", vt, vcrit)");
    let (done, mine, other, own) = solved("$limit(V(p, n), mine, vt, vcrit)");
    assert_eq!(done.warnings, "");
    assert!((mine - b).abs() < 1e-12 && (other - c).abs() < 1e-12, "{b} {mine}; {c} {other}");
    // The same steps: one iteration more or less is a matter of when an equality of numbers is seen.
    assert!(own.abs_diff(known) <= 2, "{own} iterations, pnjlim takes {known}");
    // The solution itself: (10 - v) / 1k = 1e-14 (exp(v/vt) - 1), by bisection.
    let vt = 1.380649e-23 * 300.15 / 1.602176634e-19;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..80 {
        let v: f64 = 0.5 * (low + high);
        if 1e-14 * ((v / vt).exp() - 1.0) > (10.0 - v) / 1e3 { high = v } else { low = v }
    }
    assert!((mine - low).abs() < 1e-12, "{mine}, expected {low}");
}

#[test]
fn moving_arguments_and_slow_functions_end_at_the_same_point() {
    let (_, b, c, known) = solved("$limit(V(p, n), \"pnjlim\", vt, vcrit)");
    // The critical voltage moves with the solution: a little lower where the device conducts.
    let moving = "$limit(V(p, n), \"pnjlim\", vt, vcrit * (1 - 0.01 * tanh(V(p, n))))";
    // Half of each step, and the ladder of the operating point besides: slow, but it arrives.
    let cases = [(moving, 5), ("$limit(V(p, n), damped)", 1000)];
    for (limited, more) in cases {
        let (_, own, other, iterations) = solved(limited);
        assert!((own - b).abs() < 1e-12 && (other - c).abs() < 1e-12, "{limited}: {own}, expected {b}");
        assert!(iterations <= known + more, "{limited}: {iterations} iterations, pnjlim takes {known}");
    }
}

#[test]
fn fetlim_with_a_threshold_that_moves() {
    // A transistor as resistor: i = k/2 (v - vto)^2 above the threshold, which falls with the voltage.
    let fet = |limited: &str| {
        let code = format!(
            "vt = 0.7 - 0.05 * tanh(V(p, n)); v = {limited} - vt; I(p, n) <+ (v > 0 ? 0.5m * v * v : 0) + 1e-12 * V(p, n);"
        );
        run(&module(USER, &code), "V1 a 0 12\nR1 a b 4.7k\nX1 b 0 m\n.op\n.save v(b)").column(0, "v(b)")[0]
    };
    let plain = fet("V(p, n)");
    let limited = fet("$limit(V(p, n), \"fetlim\", vt)");
    assert!((plain - limited).abs() < 1e-12, "{plain} {limited}");
}

#[test]
fn limited_models_run_through_transients() {
    let deck = "V1 a 0 SIN(0 5 1k)\nR1 a b 100\nX1 b 0 m\nC1 b 0 10n\n.tran 10u 2m\n.save v(b)";
    let peak = |limited: &str| run(&diode(limited), deck).column(0, "v(b)").into_iter().fold(f64::NEG_INFINITY, f64::max);
    let (known, own) = (peak("$limit(V(p, n), \"pnjlim\", vt, vcrit)"), peak("$limit(V(p, n), mine, vt, vcrit)"));
    // Default tolerance 1e-5; the steps may differ.
    assert!((known - own).abs() < 1e-5, "{known} {own}");
}

#[test]
fn limits_that_are_not_known_are_told() {
    let (done, ..) = solved("$limit(V(p, n), \"newlim\", vt, vcrit)");
    assert!(done.warnings.contains("this potential is not limited"), "{}", done.warnings);
    let refused = |limited: &str| match run_with(&diode(limited), DECK, &[], 1) {
        Ok(_) => panic!("{limited} should be refused"),
        Err(said) => said,
    };
    assert!(refused("$limit(V(p, n), mine, vt)").contains("has 4 arguments and does not fit"));
    assert!(refused("$limit(V(p, n), main, vt, vcrit)").contains("mine"));
    assert!(refused("$limit(V(p, n), \"fetlim\", vt, vcrit)").contains("takes a threshold voltage"));
}
