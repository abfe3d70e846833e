//! Events of Verilog-A models, retained variables and their semantics, against closed forms.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::diag;
use memspice::run::{prepare, simulate};
use memspice::solve::integrate::TABLE;
use memspice::span::{MemoryFiles, Sources};
use memspice::wave::Dataset;

/// Standard headers and a module from its ports, declarations and analog block.
pub fn module(text: &str) -> String {
    format!("`include \"disciplines.vams\"\n`include \"constants.vams\"\n{text}\n")
}

/// What a run gives: data of all members and analyses, what models said and what the summaries remark, or the error.
pub struct Ran {
    /// One for each analysis.
    pub data: Vec<Dataset>,
    /// Lines of models, in order.
    pub said: Vec<(f64, String)>,
    /// Why it stopped early.
    pub failed: Vec<String>,
    /// Warnings about the text.
    pub warned: String,
    /// Accepted steps of the last analysis.
    pub steps: u64,
}

impl Ran {
    /// Column of the last analysis.
    pub fn column(&self, name: &str) -> &[f64] {
        let data = self.data.last().expect("an analysis");
        data.real(name)
            .unwrap_or_else(|| panic!("no column {name} in {:?}", data.header.columns.iter().map(|c| &c.name).collect::<Vec<_>>()))
    }

    /// `name` at time `t` by straight lines between rows.
    pub fn at(&self, name: &str, t: f64) -> f64 {
        let (time, values) = (self.column("time"), self.column(name));
        let k = time.partition_point(|s| *s < t).clamp(1, time.len() - 1);
        values[k - 1] + (values[k] - values[k - 1]) * (t - time[k - 1]) / (time[k] - time[k - 1])
    }

    /// Times at which something with `start` was said.
    pub fn times(&self, start: &str) -> Vec<f64> {
        self.said.iter().filter(|s| s.1.starts_with(start)).map(|s| s.0).collect()
    }
}

/// Reads a deck with the models of `model` in `m.va`; messages are those shown to the user.
pub fn messages(model: &str, deck: &str) -> String {
    let mut sources = files(model, deck);
    match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok((_, warnings)) => diag::render(&warnings, &sources, false),
        Err(errors) => diag::render(&errors, &sources, false),
    }
}

fn files(model: &str, deck: &str) -> Sources {
    let deck = format!("test\n.hdl \"m.va\"\n{deck}\n.end\n");
    let texts = [("m.va", module(model)), ("deck.cir", deck)];
    Sources::new(Box::new(MemoryFiles(texts.map(|(name, text)| (Path::new(name).to_path_buf(), text.into_bytes())).into())))
}

/// Runs a deck with the models of `model`.
pub fn run_with(model: &str, deck: &str, threads: usize) -> Ran {
    let path = Path::new("deck.cir");
    let mut sources = files(model, deck);
    let (mna, warnings) = match prepare(path, &[], &mut sources) {
        Ok(done) => done,
        Err(errors) => panic!("{}", diag::render(&errors, &sources, false)),
    };
    let warned = diag::render(&warnings, &sources, false);
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let work = || simulate(mna, path, &[], &Mutex::new(sources), &stop, &|_| {});
    let done = pool.install(work).unwrap_or_else(|_| panic!("the cards are wrong"));
    let mut ran = Ran { data: Vec::new(), said: Vec::new(), failed: Vec::new(), warned, steps: 0 };
    for one in done.members.into_iter().flatten() {
        ran.said.extend(one.summary.messages.iter().map(|m| (m.t, m.text.clone())));
        ran.failed.extend(one.failure.iter().map(|e| e.to_string()));
        ran.steps = one.summary.counts.accepted;
        ran.data.push(one.data);
    }
    ran
}

/// The same with one thread, which must not fail.
pub fn run(model: &str, deck: &str) -> Ran {
    let ran = run_with(model, deck, 1);
    assert!(ran.failed.is_empty(), "{:?}", ran.failed);
    ran
}

/// Names of all integration methods.
pub fn methods() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|m| m.name)
}

/// A ball that falls from rest at 1 m with g = 9.81 m/s^2 and keeps 0.8 of its speed.
const BALL: &str = "
module ball(y);
    inout y; electrical y;
    real v0, t0, height, bounces;
    analog begin
        @(initial_step) begin v0 = 0; t0 = 0; bounces = 0; height = 1; end
        V(y) <+ height + v0 * ($abstime - t0) - 0.5 * 9.81 * ($abstime - t0) * ($abstime - t0);
        @(cross(V(y), -1, 1e-12)) begin
            v0 = 0.8 * (9.81 * ($abstime - t0) - v0);
            t0 = $abstime;
            height = 0;
            bounces = bounces + 1;
            $strobe(\"bounce %g\", bounces);
        end
    end
endmodule";

#[test]
fn a_ball_bounces_at_the_times_of_its_closed_form() {
    for method in methods() {
        let ran = run(BALL, &format!("X1 y ball\nR1 y 0 1k\n.options method={method}\n.tran 1m 2"));
        let found = ran.times("bounce");
        let fall = (2.0_f64 / 9.81).sqrt();
        // Flights last 2 v/g, and the speed is 0.8 of the one before.
        let (mut expected, mut t, mut flight) = (vec![fall], fall, 2.0 * fall * 0.8);
        while t + flight < 2.0 {
            t += flight;
            expected.push(t);
            flight *= 0.8;
        }
        assert_eq!(found.len(), expected.len(), "{method}: {found:?}");
        for (found, expected) in found.iter().zip(&expected) {
            // Each bounce may be late by 1e-12 s.
            assert!((found - expected).abs() < 1e-11, "{method}: {found} {expected}");
        }
    }
}

/// An integrator switched between charge and discharge at two thresholds: a triangle of period 4.
const TRIANGLE: &str = "
module triangle(y);
    inout y; electrical y;
    real slope;
    analog begin
        @(initial_step) slope = 1;
        V(y) <+ idt(slope, 0);
        @(cross(V(y) - 1, 1)) slope = -1;
        @(cross(V(y), -1)) begin slope = 1; $strobe(\"low\"); end
    end
endmodule";

#[test]
fn a_relaxation_oscillator_keeps_its_period() {
    for method in methods() {
        let ran = run(TRIANGLE, &format!("X1 y triangle\nR1 y 0 1\n.options method={method}\n.tran 1m 21"));
        let low = ran.times("low");
        assert_eq!(low.len(), 10, "{method}: {low:?}");
        for (k, t) in low.iter().enumerate() {
            // Each landing is late by 1e-7 of a step of less than 1.
            assert!((t - 2.0 * (k as f64 + 1.0)).abs() < 2e-6 * (k as f64 + 1.0), "{method}: {k} {t}");
        }
        let (least, most) = super::runs::range(ran.column("v(y)"));
        assert!(most < 1.0 + 1e-6 && least > -1e-6, "{method}: {least} {most}");
    }
}

#[test]
fn an_rc_relaxation_oscillator_has_the_logarithmic_period() {
    // C charges to 1 V through R and is discharged to 0 V through R, thresholds 1/3 and 2/3: period 2 R C ln 2.
    let model = "
module timer555(c, o);
    inout c, o; electrical c, o;
    integer high;
    analog begin
        @(initial_step) high = 1;
        @(cross(V(c) - 2.0/3, 1)) high = 0;
        @(cross(V(c) - 1.0/3, -1)) begin high = 1; $strobe(\"up\"); end
        V(o) <+ high;
    end
endmodule";
    for method in methods() {
        let ran = run(
            model,
            &format!("X1 c o timer555\nR1 o c 1k\nC1 c 0 1u ic=0\n.options method={method} reltol=1e-6\n.tran 1u 10m uic"),
        );
        let up = ran.times("up");
        let period = (up[up.len() - 1] - up[1]) / (up.len() - 2) as f64;
        let expected = 2e-3 * 2f64.ln();
        assert!(
            (period / expected - 1.0).abs()
                < if method == "euler" {
                    2e-3
                } else if method == "radau" {
                    1e-5
                } else {
                    2e-4
                },
            "{method}: {period} {expected}"
        );
        let (least, most) = super::runs::range(&ran.column("v(c)")[ran.column("v(c)").len() / 2..]);
        assert!((most - 2.0 / 3.0).abs() < 1e-5 && (least - 1.0 / 3.0).abs() < 1e-5, "{method}: {least} {most}");
    }
}

/// A pulse-width modulator by two timers; the duty follows the input at the beginning of each period.
const PWM: &str = "
module pwm(in, out);
    inout in, out; electrical in, out;
    parameter real period = 1u;
    real fall;
    integer on;
    analog begin
        @(initial_step) begin on = 0; fall = 1; end
        @(timer(0, period)) begin on = 1; fall = $abstime + period * V(in); end
        @(timer(fall)) on = 0;
        V(out) <+ on;
    end
endmodule";

#[test]
fn a_modulator_by_timers_has_exact_edges() {
    for method in methods() {
        let ran = run(PWM, &format!("V1 in 0 0.3\nX1 in out pwm\nR1 out 0 1k\n.options method={method}\n.tran 10n 5u"));
        let (t, v) = (ran.column("time"), ran.column("v(out)"));
        assert_eq!(v[0], 1.0, "{method}: the timer at 0 fires in the operating point");
        let mut edges = Vec::new();
        for k in 1..t.len() {
            if (v[k] - v[k - 1]).abs() > 0.5 {
                edges.push(t[k - 1]);
            }
        }
        assert_eq!(edges.len(), 9, "{method}: {edges:?}");
        for (k, edge) in edges.iter().enumerate() {
            let expected = 1e-6 * ((k as f64 + 1.0) / 2.0).floor() + if k % 2 == 0 { 0.3e-6 } else { 0.0 };
            assert!((edge - expected).abs() < 1e-18, "{method}: edge {k} at {edge}, not {expected}");
        }
    }
}

#[test]
fn samples_are_held_until_the_next_one() {
    let model = "
module hold(in, out);
    inout in, out; electrical in, out;
    real sample;
    analog begin
        @(timer(0, 0.1)) sample = V(in);
        V(out) <+ sample;
    end
endmodule";
    let ran = run(model, "V1 in 0 SIN(0 1 1)\nX1 in out hold\nR1 out 0 1k\n.tran 1m 2");
    for k in 0..200 {
        let t = 0.005 + 0.01 * k as f64;
        let expected = (std::f64::consts::TAU * ((t / 0.1).floor() * 0.1)).sin();
        // Samples are values of the waveform itself.
        assert!((ran.at("v(out)", t) - expected).abs() < 1e-9, "at {t}: {} {expected}", ran.at("v(out)", t));
    }
}

#[test]
fn a_sigma_delta_modulator_counts_its_input() {
    let model = "
module sigma(in, out);
    inout in, out; electrical in, out;
    integer bit, ones, all;
    real sum;
    analog begin
        @(timer(1m, 1m)) begin
            sum = sum + V(in) - bit;
            bit = sum > 0;
            ones = ones + bit;
            all = all + 1;
        end
        V(out) <+ bit;
        @(final_step) $strobe(\"%d of %d\", ones, all);
    end
endmodule";
    let ran = run(model, "V1 in 0 0.37\nX1 in out sigma\nR1 out 0 1k\n.tran 1m 1.0005");
    // A first-order modulator keeps its sum within one step: 370 of 1000, give or take one.
    let last = &ran.said.last().expect("something was said").1;
    assert!(["369 of 1000", "370 of 1000", "371 of 1000"].contains(&last.as_str()), "{last}");
}

/// Rows show what was so on the way to them, the last one what an event leaves that ends the run: no later row does.
#[test]
fn the_last_row_shows_what_the_event_left_that_ended_the_run() {
    let model = "
module ticks(a);
    inout a; electrical a;
    (* desc = \"ticks so far\" *) integer done;
    analog begin
        @(timer(1u, 1u)) begin
            done = done + 1;
            if (done >= 3) $finish;
        end
        V(a) <+ 0;
    end
endmodule";
    let ran = run(model, "X1 a ticks\nR1 a 0 1\n.save @x1[done]\n.tran 1u 10u");
    let (time, done) = (ran.column("time"), ran.column("@x1[done]"));
    let last = time.len() - 1;
    assert!((time[last] - 3e-6).abs() < 1e-12, "{}", time[last]);
    assert_eq!((done[last - 1], done[last]), (2.0, 3.0));
}

/// A threshold memristor with a latched state: set above 1 V, reset below -1 V.
const LATCH: &str = "
module latch(p, n);
    inout p, n; electrical p, n;
    parameter real ron = 1k;
    parameter real roff = 100k;
    integer state;
    analog begin
        @(cross(V(p, n) - 1, 1)) state = 1;
        @(cross(V(p, n) + 1, -1)) state = 0;
        I(p, n) <+ V(p, n) / (state ? ron : roff);
    end
endmodule";

#[test]
fn a_latched_memristor_switches_at_its_thresholds() {
    let deck = "V1 a 0 SIN(0 2 1k)\nX1 a 0 latch\n.options method=METHOD\n.tran 1u 2m\n.save i(v1) v(a)";
    for method in methods() {
        let ran = run(LATCH, &deck.replace("METHOD", method));
        let (t, v, i) = (ran.column("time"), ran.column("v(a)"), ran.column("i(v1)"));
        let set = (0.5_f64).asin() / std::f64::consts::TAU * 1e-3;
        let reset = 0.5e-3 + set;
        for k in 0..t.len() {
            let phase = t[k] % 1e-3;
            let on = phase > set && phase < reset;
            // At the edges themselves either value may stand.
            let edge = (phase - set).abs() < 2e-8 || (phase - reset).abs() < 2e-8;
            let expected = -v[k] / if on { 1e3 } else { 1e5 };
            assert!(edge || (i[k] - expected).abs() < 1e-9, "{method}: at {}: {} {expected}", t[k], i[k]);
        }
    }
}

#[test]
fn nothing_depends_on_threads_or_saves() {
    let decks = [(TRIANGLE, "X1 y triangle\nR1 y 0 1\n.tran 1m 5"), (LATCH, "V1 a 0 SIN(0 2 1k)\nX1 a 0 latch\n.tran 1u 2m")];
    for (model, deck) in decks {
        let name = if deck.contains("triangle") { "v(y)" } else { "v(a)" };
        let (one, four) = (run_with(model, deck, 1), run_with(model, deck, 4));
        let saved = run_with(model, &format!("{deck}\n.save {name}"), 1);
        for other in [&four, &saved] {
            let bits = |r: &Ran, c: &str| r.column(c).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one, "time"), bits(other, "time"));
            assert_eq!(bits(&one, name), bits(other, name));
        }
    }
}

#[test]
fn iterations_and_rejected_steps_leave_no_trace() {
    // x integrated by hand with the trapezoidal rule on accepted points; the diode makes Newton iterate, the pulse rejects steps.
    let model = "
module hand(p, n, o);
    inout p, n, o; electrical p, n, o;
    real x, last, before, count;
    analog begin
        I(p, n) <+ 1e-14 * (limexp(V(p, n) / 0.026) - 1) + ddt(1e-12 * V(p, n));
        x = x + 0.5 * ($abstime - last) * (V(p, n) + before);
        last = $abstime;
        before = V(p, n);
        count = count + 1;
        V(o) <+ x;
        @(final_step) $strobe(\"%g points\", count);
    end
endmodule";
    let deck = "V1 a 0 PULSE(0 2 1n 1n 1n 20n 50n)\nR1 a d 1k\nX1 d 0 o hand\nR2 o 0 1k\n.tran 1n 100n 0 0.2n\n.options OPTIONS";
    let mut results = Vec::new();
    // With Radau rows lie between accepted points as well.
    for (options, close) in
        [("itl4=8", 1e-3), ("itl4=200", 1e-3), ("reltol=1e-7", 1e-3), ("method=trap", 1e-9), ("method=gear", 1e-9)]
    {
        let ran = run(model, &deck.replace("OPTIONS", options));
        // The integral of v(d) from the rows themselves.
        let (t, v) = (ran.column("time"), ran.column("v(d)"));
        let sum: f64 = (1..t.len()).map(|k| 0.5 * (t[k] - t[k - 1]) * (v[k] + v[k - 1])).sum();
        let x = ran.column("v(o)")[t.len() - 1];
        assert!((x - sum).abs() < close * sum.abs(), "{options}: {x} {sum}");
        results.push(x);
        // One count for each accepted point, the start included.
        assert_eq!(ran.said.last().expect("said").1, format!("{} points", ran.steps + 1), "{options}");
    }
    // Trapezoids of 0.2 ns or less on edges of 1 ns.
    assert!(results.iter().all(|x| (x / results[0] - 1.0).abs() < 2e-3), "{results:?}");
}

#[test]
fn above_fires_at_the_operating_point_too() {
    let model = "
module comparator(in, out);
    inout in, out; electrical in, out;
    integer high;
    analog begin
        @(above(V(in) - 0.5)) high = 1;
        @(above(0.5 - V(in))) high = 0;
        V(out) <+ high;
    end
endmodule";
    let ran = run(model, "V1 in 0 0.7\nX1 in out comparator\nR1 out 0 1\n.op");
    assert_eq!(ran.column("v(out)"), [1.0]);
    let ran = run(model, "V1 in 0 SIN(0.7 1 1)\nX1 in out comparator\nR1 out 0 1\n.tran 1m 1");
    assert_eq!(ran.column("v(out)")[0], 1.0);
    let fall = 0.5 + (0.2_f64).asin() / std::f64::consts::TAU;
    for (t, expected) in [(fall - 1e-4, 1.0), (fall + 1e-4, 0.0)] {
        assert!((ran.at("v(out)", t) - expected).abs() < 1e-12, "{t}: {}", ran.at("v(out)", t));
    }
    // In a sweep it follows the input.
    let ran = run(model, "V1 in 0 0\nX1 in out comparator\nR1 out 0 1\n.dc V1 0 1 0.25");
    assert_eq!(ran.column("v(out)").last(), Some(&1.0), "{:?}", ran.column("v(out)"));
}

#[test]
fn directions_tolerances_lists_and_enables() {
    let model = "
module count(in);
    inout in; electrical in;
    integer up, down, both, any, off;
    analog begin
        I(in) <+ V(in);
        @(cross(V(in), 1, 1n, 1u)) up = up + 1;
        @(cross(V(in), -1)) down = down + 1;
        @(cross(V(in))) begin both = both + 1; $strobe(\"zero %g\", V(in)); end
        @(cross(V(in) - 2) or cross(V(in) - 0.5, 1) or timer(0.1)) any = any + 1;
        @(cross(V(in), 0, 1n, 1n, V(in) > 10)) off = off + 1;
        @(final_step) $strobe(\"%d %d %d %d %d\", up, down, both, any, off);
    end
endmodule";
    let ran = run(model, "V1 in 0 SIN(0.1 1 1)\nX1 in count\n.tran 1m 2.8");
    // Zeros of 0.1 + sin: falling near 0.516, 1.516, 2.516, rising near 0.984, 1.984.
    assert_eq!(ran.said.last().expect("said").1, "2 3 5 4 0");
    for (_, text) in ran.said.iter().filter(|s| s.1.starts_with("zero")) {
        let value: f64 = text[5..].parse().expect("a number");
        // The rising ones have 1 uV; all are within 1e-7 of a step of 1/50 with a slope of 6/s.
        assert!(value.abs() < 1e-6, "{text}");
    }
}

#[test]
fn an_event_without_end_is_an_error_with_the_name_of_its_device() {
    let model = "
module zeno(o);
    inout o; electrical o;
    real x;
    analog begin
        @(timer(1, 1)) x = 1;
        V(o) <+ x;
        @(cross(V(o) - 0.5, 1)) x = 0;
        @(cross(0.5 - V(o), 1)) x = 1;
    end
endmodule";
    let ran = run_with(model, "X1 o zeno\nR1 o 0 1\n.tran 1m 3", 1);
    assert!(ran.failed.iter().any(|f| f.contains("X1: cross") && f.contains("again and again")), "{:?}", ran.failed);
}

#[test]
fn a_discontinuity_restarts_the_integration() {
    let model = "
module kink(o, c);
    inout o, c; electrical o, c;
    analog begin
        if ($abstime >= 0.5) begin
            V(o) <+ 1;
            if ($abstime < 0.51) $discontinuity(0);
        end else
            V(o) <+ 0;
        $discontinuity(-1);
        I(o, c) <+ V(o, c);
        I(c) <+ ddt(0.1 * V(c));
    end
endmodule";
    let ran = run(model, "X1 o c kink\nR1 o 0 1\n.tran 1m 1 0 1m");
    let expected = |t: f64| if t < 0.5 { 0.0 } else { 1.0 - (-(t - 0.5) / 0.1).exp() };
    for t in [0.4, 0.52, 0.6, 0.9] {
        // The step that meets the jump is 1 ms long.
        assert!((ran.at("v(c)", t) - expected(t)).abs() < 6e-3, "{t}: {}", ran.at("v(c)", t));
    }
}
