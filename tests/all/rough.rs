//! Circuits that are rough on a solver: events out of rounding, jumps that no step resolves, corners at which nothing happens.

use memspice::solve::integrate::find;

use super::decks::{run_one, run_text};
use super::events::{messages, run, run_with};

/// A state that is held at 0 and rises; the event is that it leaves 0, which rounding does first.
#[test]
fn an_event_at_the_start_value_of_a_state_ends() {
    let model = "
module leaving(p, n);
    inout p, n; electrical p, n;
    (* hold = \"0\", abstol = \"1e-12\" *) state w;
    real last; integer gone;
    analog begin
        @(cross(X(w) - last, 1)) gone = 1;
        XRate(w) <+ ddt(X(w)) - 1e6*(sqrt(pow(V(p,n), 40) + 1e-6) - 1e-3);
        I(p,n) <+ 1e-3*V(p,n)*(2 - gone);
    end
endmodule";
    let ran = run_with(model, "V1 a 0 PULSE(0 1 50n 20n 20n 100n 1u)\nX1 a 0 leaving\n.tran 1n 300n", 1);
    // The edges add two integrals of (t/20 ns)^20, but for the term that keeps the slope of the root at 0.
    let expected = 1e6 * (100e-9 * ((1.0f64 + 1e-6).sqrt() - 1e-3) + 2.0 * 20e-9 / 21.0);
    let (w, i) = (ran.at("x1.w", 290e-9), ran.at("i(v1)", 100e-9));
    assert!((w - expected).abs() < 2e-2 * expected, "{w} {expected} {:?}", ran.failed);
    assert!((i + 1e-3).abs() < 1e-6, "{i}");
}

/// A charge `c v^2/2` loses `i + g v` and is spent at `t = c/g (1 - i/g ln(1 + g/i))`, where its capacitance is 0: v jumps to -i/g.
#[test]
fn a_capacitance_that_vanishes_ends_in_a_jump() {
    let model = "
module spent(p, n);
    inout p, n; electrical p, n;
    analog I(p,n) <+ ddt(0.5e-9*pow(max(V(p,n), 0), 2));
endmodule";
    let t = 1e-3 * (1.0 - 2f64.ln());
    for method in ["radau", "trap", "gear", "trbdf2", "esdirk"] {
        let reltol = find(method).expect("a method").reltol;
        let deck = format!("I1 a 0 1u\nR1 a 0 1meg\nX1 a 0 spent\n.ic v(a)=1\n.tran 1u 1m method={method}");
        let ran = run(model, &deck);
        let (time, v) = (ran.column("time"), ran.column("v(a)"));
        let jump = time[v.iter().position(|v| *v < -0.5).expect("a jump")];
        assert!((jump / t - 1.0).abs() < 100.0 * reltol, "{method} {jump} {t}");
        assert!((v[v.len() - 1] + 1.0).abs() < 1e-6, "{method}");
    }
}

/// Where no module of its own is needed.
const OTHER: &str = "module none(p); inout p; electrical p; analog I(p) <+ V(p); endmodule";

/// A temperature that feeds itself and has no heat capacity falls over the ends of its branches to where a small one would lead it.
#[test]
fn a_temperature_falls_as_with_a_small_heat_capacity() {
    for hot in ["0.5", "0.53", "0.6", "0.66", "0.706", "0.728", "0.74"] {
        let ran = |cth: &str| {
            let source = "V1 s 0 PWL(0 0 10u 0.06 1m 0.06 1.01m 0.6 1.1m 0.6 1.11m 0.05 1.2m 0.05)\nR1 s a 1k";
            run(OTHER, &format!("{source}\nX1 a 0 vcm_disc cth={cth} hot={hot} phin=0.16 r=129n\n.tran 1u 1.2m\n.save all"))
        };
        let (without, with) = (ran("0"), ran("1e-18"));
        for t in [1.0015e-3, 1.004e-3, 1.008e-3, 1.05e-3, 1.104e-3, 1.108e-3] {
            let (without, with) = (without.at("x1.t", t), with.at("x1.t", t));
            assert!((without / with - 1.0).abs() < 3e-2, "{hot} {t} {without} {with}");
        }
    }
}

/// A source that reads a current has no charge: it follows the swept one at once, in the jump too.
#[test]
fn a_jump_of_a_sweep_takes_sources_along() {
    let deck = "V1 a 0 0\nX1 a 0 threshold_switch";
    let sweep = ".dc V1 20m 120m 0.5m mode=jump";
    let (alone, read) = (run_one(&format!("{deck}\n{sweep}")), "B1 on 0 v={-i(V1)/(max(v(a),1m)*10u)}\nR1 on 0 1".to_string());
    let with = run_one(&format!("{deck}\n{read}\n{sweep}"));
    assert_eq!(alone.rows, with.rows);
    for (a, b) in alone.real("i(v1)").unwrap().iter().zip(with.real("i(v1)").unwrap()) {
        assert!((a - b).abs() <= 1e-6 * a.abs() + 1e-15, "{a} {b}");
    }
    // Both signs of the voltage have a branch through the origin, where all cross: the sweep gets there.
    let data = run_one("V1 a 0 0\nX1 a 0 pnw_pd_uni\n.dc V1 -10 10 0.5 mode=jump");
    assert_eq!(data.real("v1").unwrap().last(), Some(&10.0));
    // A step of the grid that is large beside the voltage that it changes.
    let data = run_one("V1 a 0 0\nX1 a 0 vo2\n.dc V1 -10 10 0.5 mode=jump");
    assert_eq!(data.real("v1").unwrap().last(), Some(&10.0));
}

/// The current of a terminal has the name that decks give it.
#[test]
fn currents_of_terminals_are_found_by_either_name() {
    let data = run_one("V1 a 0 1\nM1 a a 0 0 n\n.model n nmos(vto=0.5 kp=1m)\n.save i(m1,d)\n.op");
    assert_eq!(data.find("i(m1,d)"), data.find("i(M1.d)"));
    assert!((data.real("i(m1,d)").unwrap()[0] - 0.125e-3).abs() < 1e-9);
}

/// The state of a passive device stays in 0 to 1, and so does what is written of it between the points of stiff jumps.
#[test]
fn rows_between_points_stay_with_them() {
    let deck = "B1 a 0 v={10*sin(6.2832*1.37*time*50)*sin(6.2832*3.1*time)}\nX1 a 0 second_order\n.tran 1m 0.2";
    let data = run_one(deck);
    let w = data.real("x1.w").unwrap();
    let (low, high) = w.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), w| (low.min(*w), high.max(*w)));
    assert!(low > -1e-3 && high < 1.001 && high > 0.5, "{low} {high}");
}

/// Where nothing moves between the ticks of a timer two steps are enough; where a tick changes no equation there is no corner.
#[test]
fn ticks_of_timers_cost_few_steps() {
    let model = "
module ticks(p);
    inout p; electrical p;
    integer k;
    analog begin
        @(timer(1u, 1u)) k = 1 - k;
        V(p) <+ k;
    end
endmodule
module counts(p);
    inout p; electrical p;
    integer k;
    analog begin
        @(timer(1u, 1u)) k = k + 1;
        @(final_step) $strobe(\"%d ticks\", k);
        I(p) <+ 1e-3*V(p);
    end
endmodule";
    let ran = run(model, "X1 a ticks\nR1 a 0 1k\n.tran 0.5u 200u 0 1");
    assert!(ran.steps <= 500, "{}", ran.steps);
    for (t, expected) in [(0.5e-6, 0.0), (1.01e-6, 1.0), (1.99e-6, 1.0), (2.01e-6, 0.0), (150.5e-6, 0.0), (151.5e-6, 1.0)] {
        assert!((ran.at("v(a)", t) - expected).abs() < 1e-9, "{t}");
    }
    // A time constant of 100 us: a hundred ticks in it add their ends to the steps, and nothing else.
    let ran = run(model, "I1 0 a 1m\nC1 a 0 100n\nX1 a counts\n.ic v(a)=0\n.tran 1u 200.5u");
    assert_eq!(ran.said.last().expect("said").1.trim(), "200 ticks");
    assert!(ran.steps <= 330, "{}", ran.steps);
    assert!((ran.at("v(a)", 100e-6) - (1.0 - (-1f64).exp())).abs() < 1e-5);
}

/// An output that nobody reads is no mistake; an open end of a resistor may be one.
#[test]
fn outputs_of_models_may_stay_open() {
    let said = |deck: &str| messages(OTHER, deck);
    assert!(!said("V1 a 0 1\nX1 a 0 out comparator\n.op").contains("one terminal"));
    assert!(said("V1 a 0 1\nR1 a out 1\n.op").contains("one terminal"));
    assert!(run_text("V1 a 0 1\nX1 a 0 out comparator\n.op").members[0][0].failure.is_none());
}
