//! Analog operators of Verilog-A against their closed forms: in time, at rest and in small-signal analyses.

use std::f64::consts::{PI, TAU};

use memspice::wave::Column;
use num_complex::Complex64;

use super::events::{Ran, messages, methods, run};

/// A module `f(in, out)` whose output is `expression` of `V(in)`.
fn function(expression: &str) -> String {
    format!(
        "module f(in, out); inout in, out; electrical in, out; parameter real k = 2; real y; analog begin y = {expression}; V(out) <+ y; end endmodule"
    )
}

/// A deck with the source `source` at the input.
fn deck(source: &str, cards: &str) -> String {
    format!("V1 in 0 {source}\nX1 in out f\nR1 out 0 1k\n{cards}")
}

/// `v(out)` of an ac analysis at the frequencies given.
fn response(expression: &str, frequencies: &[f64]) -> Vec<Complex64> {
    let list: Vec<String> = frequencies.iter().map(|f| format!("{f}")).collect();
    let ran = run(&function(expression), &deck("0.3 ac 1", &format!(".ac list {}", list.join(" "))));
    let data = ran.data.last().expect("an analysis");
    match &data.columns[data.find("v(out)").expect("the output")] {
        Column::Complex(values) => values.clone(),
        _ => panic!("the output is real"),
    }
}

/// `v(out)` at rest with 0.3 V at the input.
fn rest(expression: &str) -> f64 {
    run(&function(expression), &deck("0.3", ".op")).column("v(out)")[0]
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found:e}, not {expected:e}");
}

fn near(found: Complex64, expected: Complex64, what: &str) {
    // Rounding of a few operations.
    assert!((found - expected).norm() <= 1e-9 * (1.0 + expected.norm()), "{what}: {found}, not {expected}");
}

#[test]
fn transition_ramps_delays_and_is_interrupted() {
    // A square of 10 us: edges at 1, 6, 11 us; delay 0.5 us, rise 1 us, fall 2 us.
    let model = function("transition(V(in) > 0.5 ? 1.0 : 0.0, 0.5u, 1u, 2u)");
    for method in methods() {
        let cards = format!(".options method={method}\n.tran 10n 20u");
        let ran = run(&model, &deck("PULSE(0 1 1u 1n 1n 5u 10u)", &cards));
        // The input passes 0.5 V half a nanosecond after its edge begins, or before it ends.
        for (t, expected) in
            [(1.4e-6, 0.0), (2.0005e-6, 0.5), (2.6e-6, 1.0), (6.5e-6, 1.0), (7.5015e-6, 0.5), (8.6e-6, 0.0), (12.0005e-6, 0.5)]
        {
            close(ran.at("v(out)", t), expected, 1e-6, &format!("{method} at {t}"));
        }
    }
    // Shorter than the rise time: the ramp turns round at 0.4 and falls as fast as from 1 to 0 in 2 us.
    let model = function("transition(V(in) > 0.5, 0, 1u, 2u)");
    let ran = run(&model, &deck("PULSE(0 1 1u 1p 1p 0.4u 10u)", ".tran 10n 5u"));
    for (t, expected) in [(1.2e-6, 0.2), (1.4e-6, 0.4), (1.8e-6, 0.2), (2.3e-6, 0.0), (4e-6, 0.0)] {
        close(ran.at("v(out)", t), expected, 1e-5, &format!("interrupted, at {t}"));
    }
    // Several changes within the delay.
    let model = function("transition(V(in) > 0.5, 5u, 0.1u)");
    let ran = run(&model, &deck("PULSE(0 1 1u 1p 1p 0.5u 1u)", ".tran 10n 10u"));
    for k in 0..3 {
        let t = 6e-6 + k as f64 * 1e-6;
        close(ran.at("v(out)", t + 0.05e-6), 0.5, 1e-4, "delayed rise");
        close(ran.at("v(out)", t + 0.3e-6), 1.0, 1e-9, "delayed top");
        close(ran.at("v(out)", t + 0.55e-6), 0.5, 1e-4, "delayed fall");
        close(ran.at("v(out)", t + 0.8e-6), 0.0, 1e-9, "delayed bottom");
    }
    assert_eq!(rest("transition(V(in) > 0.1, 1u, 1u)"), 1.0);
    assert_eq!(response("transition(V(in), 1u, 1u)", &[1e3])[0], Complex64::new(1.0, 0.0));
}

#[test]
fn slew_limits_slopes_exactly() {
    // A square wave becomes a trapezoid of 2 V/us up and 1 V/us down.
    for method in methods() {
        let cards = format!(".options method={method}\n.tran 10n 10u");
        let ran = run(&function("slew(V(in), 2e6, -1e6)"), &deck("PULSE(0 1 1u 1p 1p 4u 20u)", &cards));
        for (t, expected) in [(0.9e-6, 0.0), (1.25e-6, 0.5), (1.6e-6, 1.0), (5e-6, 1.0), (5.5e-6, 0.5), (6.2e-6, 0.0)] {
            close(ran.at("v(out)", t), expected, 3e-6, &format!("{method} at {t}"));
        }
    }
    // A sine too fast for it becomes a triangle: 4 V of slope in each half period.
    let ran = run(&function("slew(V(in), 4, -4)"), &deck("SIN(0 100 1)", ".tran 1m 3"));
    let (low, high) = super::runs::range(&ran.column("v(out)")[ran.column("v(out)").len() / 2..]);
    // The corners of the triangle are where it meets the sine, not quite at its zeros.
    close(high - low, 2.0, 5e-2, "swing of the triangle");
    // A sine that is slow enough passes.
    let ran = run(&function("slew(V(in), 10)"), &deck("SIN(0 1 1)", ".tran 1m 1"));
    for (v, y) in ran.column("v(in)").iter().zip(ran.column("v(out)")) {
        close(*y, *v, 1e-12, "a slow sine");
    }
    assert_eq!(rest("slew(V(in), 1)"), 0.3);
    assert_eq!(response("slew(V(in), 1)", &[1e3])[0], Complex64::new(1.0, 0.0));
}

#[test]
fn absdelay_is_the_past_in_time_and_a_factor_in_frequency() {
    for method in methods() {
        let cards = format!(".options method={method} reltol=1e-6\n.tran 1m 3 0 5m");
        let ran = run(&function("absdelay(V(in), 0.123)"), &deck("SIN(0 1 1)", &cards));
        for (t, y) in ran.column("time").iter().zip(ran.column("v(out)")) {
            let expected = if *t < 0.123 { 0.0 } else { (TAU * (t - 0.123)).sin() };
            // Cubics through points 5 ms apart: (2 pi 5 ms)^4 * 3/128.
            close(*y, expected, 3e-7, &format!("{method} at {t}"));
        }
    }
    // A step comes later by the delay, edges included.
    let ran = run(&function("absdelay(V(in), 1u)"), &deck("PULSE(0 1 1u 10n 10n 10u)", ".tran 10n 5u"));
    for (t, expected) in [(1.9e-6, 0.0), (2.005e-6, 0.5), (2.02e-6, 1.0), (4e-6, 1.0)] {
        close(ran.at("v(out)", t), expected, 2e-2, &format!("step at {t}"));
    }
    // A delay far below the step.
    let ran = run(&function("absdelay(V(in), 1n)"), &deck("SIN(0 1 1)", ".tran 1m 1"));
    for (v, y) in ran.column("v(in)").iter().zip(ran.column("v(out)")) {
        close(*y, *v, 1e-8, "a very short delay");
    }
    assert_eq!(rest("absdelay(V(in), 1)"), 0.3);
    for (f, y) in [10.0, 123.0].iter().zip(response("absdelay(V(in), 1m)", &[10.0, 123.0])) {
        near(y, Complex64::from_polar(1.0, -TAU * f * 1e-3), "delay");
    }
}

#[test]
fn a_delay_line_in_a_loop_oscillates() {
    // dy/dt = -y(t - 1) pi/2 has the solution cos(pi t/2) for ever.
    let model = "
module loop(o);
    inout o; electrical o;
    real y;
    analog begin
        y = idt(-0.5 * 3.141592653589793 * absdelay(V(o), 1), 1);
        V(o) <+ y;
    end
endmodule";
    // From y = 1 for t <= 0: y = 1 - pi t/2 up to 1, then 1 - pi/2 t + pi^2/8 (t-1)^2 up to 2.
    for method in methods() {
        let ran = run(model, &format!("X1 o loop\nR1 o 0 1k\n.options method={method} reltol=1e-6\n.tran 1m 2 0 2m"));
        for t in [0.5, 0.9, 1.5, 1.9_f64] {
            let late = (t - 1.0).max(0.0);
            let expected = 1.0 - 0.5 * PI * t + PI * PI / 8.0 * late * late;
            let allowed = if method == "euler" { 5e-3 } else { 1e-4 };
            close(ran.at("v(o)", t), expected, allowed, &format!("{method} at {t}"));
        }
    }
}

#[test]
fn laplace_filters_have_their_transfer_functions() {
    // Two poles, damping 0.1 at 1 krad/s, gain 2; written in four ways.
    let w: f64 = 1e3;
    let (re, im) = (-0.1 * w, (1.0 - 0.01_f64).sqrt() * w);
    let forms = [
        "laplace_nd(V(in), {2}, {1, 0.2/1e3, 1/1e6})".to_string(),
        format!("laplace_np(V(in), '{{2}}, '{{{re}, {im}, {re}, {}}})", -im),
        "k * laplace_zd(V(in), , {1, 0.2m, 1u})".to_string(),
        format!("2 * laplace_zp(V(in), , {{{re}, {im}, {re}, {}}})", -im),
    ];
    let frequencies = [1.0, 100.0, 159.0, 1000.0];
    for form in &forms {
        close(rest(form), 0.6, 1e-9, form);
        for (f, y) in frequencies.iter().zip(response(form, &frequencies)) {
            let s = Complex64::new(0.0, TAU * f);
            near(y, 2.0 / (1.0 + 0.2e-3 * s + 1e-6 * s * s), form);
        }
        let cards = ".options reltol=1e-7\n.tran 10u 20m";
        let ran = run(&function(form), &deck("PWL(0 0 1p 1)", cards));
        for (t, y) in ran.column("time").iter().zip(ran.column("v(out)")) {
            // The step response of a damped pair; rows within a step are worse than its end.
            let expected = 2.0 * (1.0 - (re * t).exp() * ((im * t).cos() - re / im * (im * t).sin()));
            close(*y, expected, 1e-5, form);
        }
    }
    // Equal degrees (a lead), a differentiator, an integrator's zero at the origin.
    for (form, h) in [
        ("laplace_nd(V(in), {1, 1m}, {1, 0.1m})", (|s| (1.0 + 1e-3 * s) / (1.0 + 1e-4 * s)) as fn(Complex64) -> Complex64),
        ("laplace_nd(V(in), {0, 1m}, {1})", |s| 1e-3 * s),
        ("laplace_zp(V(in), {0, 0}, {-1k, 0})", |s| s / (1.0 + 1e-3 * s)),
        ("laplace_nd(V(in), {3}, {2})", |_| Complex64::new(1.5, 0.0)),
    ] {
        for (f, y) in frequencies.iter().zip(response(form, &frequencies)) {
            near(y, h(Complex64::new(0.0, TAU * f)), form);
        }
    }
}

#[test]
fn sampled_filters_follow_their_recursion() {
    // y_n = 0.5 y_(n-1) + 0.5 u_n, a sample a millisecond.
    for form in ["zi_nd(V(in), {0.5}, {1, -0.5}, 1m)", "0.5 * zi_zp(V(in), , {0.5, 0}, 1m)"] {
        close(rest(form), 0.3, 1e-12, form);
        let ran = run(&function(form), &deck("PWL(0 0 0.5m 0 0.5001m 1)", ".tran 10u 10m"));
        for n in 1..9 {
            let expected = 1.0 - 0.5_f64.powi(n);
            close(ran.at("v(out)", (n as f64 + 0.5) * 1e-3), expected, 1e-9, &format!("{form}, sample {n}"));
        }
        for (f, y) in [10.0, 200.0].iter().zip(response(form, &[10.0, 200.0])) {
            let z = Complex64::from_polar(1.0, -TAU * f * 1e-3);
            near(y, 0.5 / (1.0 - 0.5 * z), form);
        }
    }
    // With a transition time the edges are ramps.
    let ran = run(&function("zi_nd(V(in), {0, 1}, {1}, 1m, 0.2m, 0.5m)"), &deck("PWL(0 0 1m 0 1.0001m 1)", ".tran 10u 5m"));
    for (t, expected) in [(2.4e-3, 0.0), (2.6e-3, 0.5), (2.75e-3, 1.0)] {
        close(ran.at("v(out)", t), expected, 1e-9, &format!("ramp at {t}"));
    }
}

#[test]
fn last_crossing_tells_when() {
    let ran = run(&function("last_crossing(V(in) - 0.5, 1)"), &deck("SIN(0 1 1)", ".tran 1m 2.5"));
    for (t, expected) in [(0.05, -1.0), (0.5, 1.0 / 12.0), (1.05, 1.0 / 12.0), (1.5, 13.0 / 12.0), (2.4, 25.0 / 12.0)] {
        close(ran.at("v(out)", t), expected, 1e-8, &format!("at {t}"));
    }
}

#[test]
fn integrals_are_reset_exactly() {
    for method in methods() {
        // Integral of 1 from 0.5, reset while the input is above 0.5 V: from 1 to 2 s.
        let cards = format!(".options method={method}\n.tran 1m 4");
        let ran = run(&function("idt(1, 0.5, V(in) > 0.5)"), &deck("PULSE(0 1 1 1u 1u 1 10)", &cards));
        for (t, expected) in [(0.7, 1.2), (0.99, 1.49), (1.5, 0.5), (1.9, 0.5), (2.5, 1.0 - 1.5e-6), (3.9, 2.4 - 1.5e-6)] {
            close(ran.at("v(out)", t), expected, 3e-6, &format!("{method} at {t}"));
        }
    }
    assert_eq!(rest("idt(V(in), 0.25)"), 0.25);
    // 1/jw, and what feedback makes of an integral without initial value at rest.
    near(response("idt(V(in), 0)", &[10.0])[0], Complex64::new(0.0, -1.0 / (TAU * 10.0)), "1/jw");
    close(rest("0.1 + idt(V(in) - V(out))"), 0.3, 1e-9, "an integral in a loop");
}

#[test]
fn turns_of_a_phase_do_not_loosen_it() {
    for method in ["radau", "trap", "gear"] {
        let cards = format!(".options method={method}\n.tran 1m 200");
        let ran = run(&function("idtmod(1 + V(in), 0.25, 1, 0)"), &deck("0.5", &cards));
        let (t, y) = (ran.column("time"), ran.column("v(out)"));
        for k in 0..t.len() {
            let phase = (0.25 + 1.5 * t[k]).rem_euclid(1.0);
            let off = (y[k] - phase).abs();
            // Constant slope is exact for every method; at the turn either end may stand.
            assert!(off < 1e-6 || (off - 1.0).abs() < 1e-6, "{method} at {}: {} {phase}", t[k], y[k]);
        }
    }
    let chirp = "sin(6.283185307179586 * idtmod(1e3 * (1 + 0.5 * V(in)), 0, 1)); $bound_step(2e-5)";
    let ran = run(&function(chirp), &deck("SIN(0 1 10)", ".tran 10u 0.1"));
    let t = ran.column("time");
    for k in (0..t.len()).step_by(7) {
        let phase = 1e3 * (t[k] + 0.5 * (1.0 - (TAU * 10.0 * t[k]).cos()) / (TAU * 10.0));
        close(ran.column("v(out)")[k], (TAU * phase).sin(), 2e-3, &format!("chirp at {}", t[k]));
    }
    assert_eq!(rest("idtmod(V(in), 1.3, 1, 0)"), 1.3_f64.rem_euclid(1.0));
}

#[test]
fn derivatives_of_anything() {
    let sine = deck("SIN(0 1 1)", ".options reltol=1e-7\n.tran 1m 1 0 2m");
    let check = |expression: &str, exact: fn(f64) -> f64| {
        let ran = run(&function(expression), &sine);
        for t in [0.1, 0.37, 0.62, 0.9] {
            close(ran.at("v(out)", t), exact(t), 2e-3, &format!("{expression} at {t}"));
        }
    };
    check("ddt(V(in))", |t| TAU * (TAU * t).cos());
    check("V(in) * ddt(V(in))", |t| TAU * (TAU * t).cos() * (TAU * t).sin());
    check("tanh(ddt(V(in)) / 10)", |t| (TAU * (TAU * t).cos() / 10.0).tanh());
    check("ddx(V(in) * V(in) * k, V(in))", |t| 4.0 * (TAU * t).sin());
    check("ddx(pow(V(in), 3), V(in))", |t| 3.0 * (TAU * t).sin().powi(2));
    check("limexp(V(in))", |t| (TAU * t).sin().exp());
    near(response("ddt(V(in))", &[10.0])[0], Complex64::new(0.0, TAU * 10.0), "jw");
    assert_eq!(rest("ddt(V(in))"), 0.0);
}

#[test]
fn operators_under_conditions() {
    // Fixed by a parameter: no warning. Moving: always evaluated, with a warning.
    let fixed = "module f(in, out); inout in, out; electrical in, out; parameter integer on = 1; real y;
        analog begin y = 0; if (on) y = transition(V(in) > 0.5, 0, 1u); V(out) <+ y; end endmodule";
    let ran = run(fixed, &deck("PULSE(0 1 1u 1n 1n 5u)", ".tran 10n 3u"));
    close(ran.at("v(out)", 1.5e-6), 0.5, 1e-3, "a ramp under a parameter");
    assert!(ran.warned.is_empty(), "{}", ran.warned);
    let moving = fixed.replace("if (on)", "if (V(in) > -1)");
    let ran = run(&moving, &deck("PULSE(0 1 1u 1n 1n 5u)", ".tran 10n 3u"));
    close(ran.at("v(out)", 1.5e-6), 0.5, 1e-3, "a ramp under a moving condition");
    assert!(ran.warned.contains("under a condition that changes"), "{}", ran.warned);
}

#[test]
fn a_branch_switches_by_events_and_by_bias() {
    // A latching relay: a short from the event on, open before.
    let model = "module f(in, out); inout in, out; electrical in, out; integer closed;
        analog begin
            @(cross(V(in) - 0.5, 1)) closed = 1;
            if (closed) V(in, out) <+ 0; else I(in, out) <+ 0;
        end endmodule";
    let ran = run(model, &deck("SIN(0 1 1)", ".tran 1m 1"));
    for (t, closed) in [(0.05, 0.0), (0.2, 1.0), (0.8, 1.0)] {
        close(ran.at("v(out)", t), closed * ran.at("v(in)", t), 1e-9, &format!("relay at {t}"));
    }
}

#[test]
fn mistakes_are_named() {
    let said = |expression: &str| messages(&function(expression), &deck("0", ".op"));
    for (expression, expected) in [
        ("transition(V(in) > 0, -1n)", "negative delay"),
        ("transition(V(in), 0, 1n)", "moves smoothly"),
        ("slew(V(in), -1)", "negative slope of rise"),
        ("absdelay(V(in), -1)", "negative delay"),
        ("absdelay(V(in), V(in))", "the delay moves"),
        ("laplace_nd(V(in), {1}, {0, 0})", "is zero"),
        ("laplace_nd(V(in), {1}, {0, 1})", "nothing determines"),
        ("laplace_np(V(in), {1}, {1, 2, 3})", "odd number"),
        ("laplace_np(V(in), {1}, {1, 2})", "stands alone"),
        ("laplace_nd(V(in), {1, 0, 0, 1}, {1})", "much higher degree"),
        ("laplace_nd(V(in), {V(in)}, {1})", "move"),
        ("zi_nd(V(in), {1}, {0, 1}, 1m)", "newest output"),
        ("zi_nd(V(in), {1}, {1}, -1)", "period of sampling"),
        ("idt(V(in), 0, V(in) > 0, 1, 2)", "1 to 4"),
        ("idt(V(in), , V(in) > 0)", "without an initial value"),
        ("idtmod(V(in), 0, -1)", "the modulus"),
        ("cross(V(in))", "in an expression"),
    ] {
        let text = said(expression);
        assert!(text.contains(expected), "{expression}: {text}");
    }
    let text = messages(
        "module f(in, out); inout in, out; electrical in, out; real y;
         analog function real g; input x; real x; g = ddt(x); endfunction
         analog begin @(cross(V(in))) y = ddt(V(in)); y = g(V(in)); V(out) <+ y; end endmodule",
        &deck("0", ".op"),
    );
    for expected in ["`ddt` cannot be used here", "`ddt` in an event"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn the_sampler_is_the_same_for_all_methods() {
    let model = function("zi_nd(V(in), {1}, {1}, 0.1)");
    let all: Vec<Ran> = methods().map(|m| run(&model, &deck("SIN(0 1 1)", &format!(".options method={m}\n.tran 1m 1")))).collect();
    for ran in &all {
        for k in 0..10 {
            let expected = (TAU * 0.1 * k as f64).sin();
            close(ran.at("v(out)", 0.1 * k as f64 + 0.05), expected, 1e-9, "a sample");
        }
    }
}

#[test]
fn sources_of_decks_take_derivatives_and_integrals() {
    let plain = "module none(a); inout a; electrical a; analog I(a) <+ 0; endmodule";
    let deck = "V1 in 0 SIN(0 1 1) ac 1
B1 a 0 v={k * ddt(v(in) * v(in))}
B2 b 0 v={0.5 + idt(v(in), 0.25)}
B3 0 c i={sdt(v(in))}
RC c 0 1
.param k=2
.options reltol=1e-7
.tran 1m 1 0 2m
";
    let ran = run(plain, deck);
    for t in [0.13, 0.4, 0.77] {
        let (s, c) = (TAU * t).sin_cos();
        // Straight lines between rows 2 ms apart.
        close(ran.at("v(a)", t), 4.0 * TAU * s * c, 5e-3, "ddt");
        close(ran.at("v(b)", t), 0.75 + (1.0 - c) / TAU, 1e-4, "idt");
        close(ran.at("v(c)", t), (1.0 - c) / TAU, 1e-4, "sdt");
    }
    let still = run(plain, &deck.replace(".tran 1m 1 0 2m", ".op"));
    assert_eq!(still.column("v(b)"), [0.75]);
    assert!(messages(plain, "V1 a 0 1\nB1 b 0 v={ddt(v(a), 2)}\n.op").contains("given 2 arguments"));
    assert!(messages(plain, "V1 a 0 1\nB1 b 0 v={idt(v(a), v(a))}\n.op").contains("moves"));
}

#[test]
fn a_switch_of_a_deck_has_the_hysteresis_of_spice() {
    let plain = "module none(a); inout a; electrical a; analog I(a) <+ 0; endmodule";
    let ran =
        run(plain, "V1 c 0 SIN(0 1 1)\nV2 a 0 1\nS1 a b c 0 sm\nR1 b 0 1k\n.model sm sw(vt=0.1 vh=0.4 ron=1 roff=1g)\n.tran 1m 2");
    // On above 0.5 V (1/12 s), off below -0.3 V.
    let off = 0.5 + 0.3_f64.asin() / TAU;
    for (t, on) in [(0.05, false), (0.09, true), (0.3, true), (off - 2e-3, true), (off + 2e-3, false), (0.99, false), (1.09, true)]
    {
        let expected = if on { 1e3 / 1001.0 } else { 1e-6 };
        close(ran.at("v(b)", t), expected, 1e-6, &format!("at {t}"));
    }
}

#[test]
fn flags_say_how_a_switch_begins_between_its_thresholds() {
    let plain = "module none(a); inout a; electrical a; analog I(a) <+ 0; endmodule";
    // Thresholds at -0.3 V and 0.5 V; beyond them the control alone decides.
    for (control, flag, on) in [(0.0, "", false), (0.0, "on", true), (0.0, "off", false), (0.6, "off", true), (-0.4, "on", false)] {
        let card = format!("V1 c 0 {control}\nV2 a 0 1\nS1 a b c 0 sm {flag}\nR1 b 0 1k\n");
        let ran = run(plain, &format!("{card}.model sm sw(vt=0.1 vh=0.4 ron=1 roff=1g)\n.op"));
        let expected = if on { 1e3 / 1001.0 } else { 1e-6 };
        close(ran.column("v(b)")[0], expected, 1e-6, &format!("{control} {flag}"));
    }
    let smooth = "V1 c 0 0\nS1 c 0 c 0 sm on\n.model sm sw(ron=1)\n.op";
    assert!(messages(plain, smooth).contains("has no hysteresis"));
}

#[test]
fn natural_frequencies_of_delays_are_refused_by_name() {
    let ran = super::events::run_with(&function("absdelay(V(in), 1m)"), &deck("0", ".stability"), 1);
    assert!(ran.failed.iter().any(|f| f.contains("infinitely many") && f.contains("X1")), "{:?}", ran.failed);
}
