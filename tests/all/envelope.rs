//! `.envelope`: averaged field, inverse problem and skipped cycles, against closed forms and independent programs.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::run::{Outcome, prepare, simulate};
use memspice::solve::orbit::rosenbrock;
use memspice::solve::orbit::scheme::Scheme;
use memspice::span::{MemoryFiles, Sources};

use super::decks::run_text;

/// The error of a deck, at whatever stage.
pub fn refusal(text: &str) -> String {
    refusal_with("", text)
}

/// The same with a model file `m.va`.
pub fn refusal_with(model: &str, text: &str) -> String {
    let mut files = MemoryFiles::default();
    files.0.insert("m.va".into(), model.as_bytes().to_vec());
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.end\n").into_bytes());
    let mut sources = Sources::new(Box::new(files));
    let words = |d: &[memspice::diag::Diagnostic]| d.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ");
    let mna = match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok((mna, _)) => mna,
        Err(errors) => return words(&errors),
    };
    let sources = Mutex::new(sources);
    match simulate(mna, Path::new("deck.cir"), &[], &sources, &AtomicBool::new(false), &|_| {}) {
        Err(errors) => words(&errors),
        Ok(simulation) => {
            let failures = simulation.members.iter().flatten().filter_map(|o| o.failure.as_ref());
            failures.map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    }
}

/// The last value of a column.
pub fn last(outcome: &Outcome, column: &str) -> f64 {
    *outcome.data.real(column).unwrap_or_else(|| panic!("no column {column}")).last().unwrap()
}

/// Cycles simulated, as the summary says.
fn simulated(outcome: &Outcome) -> f64 {
    let remark = outcome.summary.remarks.iter().find(|r| r.contains("simulated")).unwrap();
    remark.split(" s, ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
}

/// y' = -y^2 + sin-free: exact 1/(1 + t); the error of one step of RODAS goes as h^5, of its estimate as h^4.
#[test]
fn rodas_has_its_order() {
    let error = |h: f64| {
        let (y, estimate) = rosenbrock::step(&[1.0], &[-1.0], &faer_one(-2.0), h, &mut |y| Some(vec![-y[0] * y[0]])).unwrap();
        ((y[0] - 1.0 / (1.0 + h)).abs(), estimate[0].abs())
    };
    let ((a, ea), (b, eb)) = (error(0.1), error(0.05));
    let (order, estimated) = ((a / b).log2(), (ea / eb).log2());
    assert!((4.6..5.6).contains(&order), "{order}");
    assert!((3.6..4.6).contains(&estimated), "{estimated}");
    // Stiff and linear: a step of a thousand time constants lands at rest.
    let (y, _) = rosenbrock::step(&[1.0], &[-1e3], &faer_one(-1e3), 1.0, &mut |y| Some(vec![-1e3 * y[0]])).unwrap();
    assert!(y[0].abs() < 1e-2, "{}", y[0]);
}

fn faer_one(value: f64) -> faer::Mat<f64> {
    faer::Mat::from_fn(1, 1, |_, _| value)
}

#[test]
fn radau_nodes_are_those_of_the_books() {
    let s = Scheme::radau(3);
    let root = 6f64.sqrt();
    for (c, exact) in s.c.iter().zip([(4.0 - root) / 10.0, (4.0 + root) / 10.0, 1.0]) {
        assert!((c - exact).abs() < 1e-14, "{c} {exact}");
    }
    // Differentiation of t^k at the nodes is exact up to the number of stages.
    let s = Scheme::radau(5);
    for k in 1..=5i32 {
        for (c, w) in s.c.iter().zip(&s.w) {
            let slope: f64 = w.iter().zip(&s.c).map(|(w, c)| w * c.powi(k)).sum();
            let exact = f64::from(k) * c.powi(k - 1);
            assert!((slope - exact).abs() < 1e-11 * exact.max(1.0), "{k}: {slope} {exact}");
        }
    }
}

const SINE: &str = "V1 a 0 SIN(0 0.5 100meg)\nX1 a 0 taox x0=0.2\n";

#[test]
fn the_averaged_sine_rests_where_gain_and_loss_cancel() {
    let simulation = run_text(&format!("{SINE}.envelope fixed 0.2 0.4 points=4\n.envelope 12u mode=average\n"));
    let outcomes = &simulation.members[0];
    // Independent: 600-point Gauss quadrature for each half wave.
    assert_eq!(outcomes[0].data.rows, 1);
    assert!((last(&outcomes[0], "x1.x") - 0.295354344957125).abs() < 1e-10);
    assert!((last(&outcomes[0], "growth") / -9.78867e5 - 1.0).abs() < 1e-5);
    // 1 % of the end is reached after 8.75 us; rows sag by 1e-3.
    let (t, x) = (outcomes[1].data.real("time").unwrap(), outcomes[1].data.real("x1.x").unwrap());
    let k = x.iter().position(|x| *x > 0.99 * 0.295354344957).unwrap();
    let level = 0.99 * 0.295354344957;
    let at = t[k - 1] + (t[k] - t[k - 1]) * (level - x[k - 1]) / (x[k] - x[k - 1]);
    assert!((at / 8.75e-6 - 1.0).abs() < 5e-3, "{at}");
}

const OFFSETS: [f64; 9] = [
    -0.04282755534410737,
    0.00868567465720509,
    0.02015952912353394,
    0.04005736812107,
    0.06624656708032729,
    0.09575495644313331,
    0.12672800199123416,
    0.15811609417622957,
    0.18934418126797245,
];

fn square(offset: f64, x0: f64, amplitude_side: &str) -> String {
    format!(
        ".param f=5.8meg amplitude=0.45 offset={offset:e}\n\
         V1 a 0 PULSE({{offset-amplitude}} {{offset+amplitude}} 0 1n 1n {{0.5/f-1n}} {{1/f}})\n\
         X1 a 0 taox x0={x0}\n{amplitude_side}\n"
    )
}

#[test]
fn the_inverse_problem_finds_all_nine_offsets() {
    for (k, exact) in OFFSETS.iter().enumerate() {
        let target = (k + 1) as f64 / 10.0;
        let simulation = run_text(&square(0.0, 0.5, &format!(".envelope find offset target x1.x={target}")));
        let found = &simulation.members[0][0];
        assert!((last(found, "offset") - exact).abs() < 1e-10, "{target}: {}", last(found, "offset"));
        assert_eq!(last(found, "stable"), 1.0);
        // The mean of an ideal square wave is its offset.
        assert!((last(found, "v(a)") - exact).abs() < 1e-10);
    }
}

/// Times to 1 % of the target, s: averaged field with edges of 1 ns, LSODA to 1e-10, from x = 0.05, 0.5 and 1.
const TIMES: [[f64; 3]; 9] = [
    [1.781146, 2.960913e-2, 2.960983e-2],
    [2.042888e-1, 2.934789e-4, 3.287654e-4],
    [1.215406e-1, 8.550761e-5, 1.697693e-4],
    [4.840062e-2, 1.232880e-4, 5.040729e-4],
    [1.372650e-2, 0.0, 2.777137e-3],
    [3.246664e-3, 2.068712e-4, 1.967394e-2],
    [1.555275e-3, 9.884021e-4, 1.476903e-1],
    [5.224274e-3, 5.132302e-3, 1.013432],
    [2.660518e-2, 2.659193e-2, 4.975867],
];

#[test]
fn skipped_cycles_settle_at_all_nine_targets() {
    let period = 1.0 / 5.8e6;
    for (k, offset) in OFFSETS.iter().enumerate() {
        let target = (k + 1) as f64 / 10.0;
        for (x0, expected) in [0.05, 0.5, 1.0].into_iter().zip(TIMES[k]) {
            let simulation = run_text(&square(*offset, x0, ".envelope 12"));
            let outcome = &simulation.members[0][0];
            let place = format!("target {target} from {x0}");
            assert!((last(outcome, "x1.x") - target).abs() < 2e-5, "{place}: {}", last(outcome, "x1.x"));
            let (t, x) = (outcome.data.real("time").unwrap(), outcome.data.real("x1.x").unwrap());
            let within = |x: f64| (x - target).abs() <= 0.01 * target;
            let j = (0..x.len()).rev().find(|j| !within(x[*j])).map_or(0, |j| j + 1);
            let level = target * if j > 0 && x[j - 1] > target { 1.01 } else { 0.99 };
            let at = if j == 0 { 0.0 } else { t[j - 1] + (t[j] - t[j - 1]) * (level - x[j - 1]) / (x[j] - x[j - 1]) };
            assert!((at - expected).abs() <= 0.02 * expected + 10.0 * period, "{place}: 1 % after {at:e} s, expected {expected:e}");
            assert!(simulated(outcome) <= 20_000.0, "{place}: {} cycles", simulated(outcome));
        }
    }
}

/// Three RC sections on one source with offset: time constants of 1e3, 1e5 and 0.1 periods. Middle of the ripple:
/// 1 - exp(-t/RC) to first order in T/RC.
#[test]
fn states_of_any_pace_are_skipped_together() {
    let text = "V1 a 0 SIN(1 1 1meg)\n\
                R1 a b 1k\nC1 b 0 1u ic=0\nR2 a c 1k\nC2 c 0 100u ic=0\nR3 a d 1k\nC3 d 0 0.1n ic=0\n.envelope 50m uic";
    let simulation = run_text(text);
    let outcome = &simulation.members[0][0];
    let (t, b, c) = (outcome.data.real("time").unwrap(), outcome.data.real("v(b)").unwrap(), outcome.data.real("v(c)").unwrap());
    for (k, t) in t.iter().enumerate().filter(|(_, t)| **t > 3e-6) {
        // Half a cycle between middle and end of the cycle, and the swing that the first cycle leaves behind: T/RC each.
        assert!((b[k] - (1.0 - (-t / 1e-3).exp())).abs() < 2e-3, "{t}: {}", b[k]);
        assert!((c[k] - (1.0 - (-t / 0.1).exp())).abs() < 2e-4, "{t}: {}", c[k]);
    }
    assert!(simulated(outcome) < 1500.0, "{} of 50 000 cycles", simulated(outcome));
    // The fast one follows the source: its amplitude is 1/sqrt(1 + (0.2 pi)^2).
    assert!((last(outcome, "v(d)") - 1.0).abs() < 1e-3);
}

#[test]
fn skipped_cycles_agree_with_all_cycles() {
    let simulation = run_text(&format!("{SINE}.envelope 10u\n.tran 0.1n 10u\n"));
    let (map, tran) = (&simulation.members[0][0], &simulation.members[0][1]);
    let (t, x) = (tran.data.real("time").unwrap(), tran.data.real("x1.x").unwrap());
    let late = t.iter().zip(x).filter(|(t, _)| **t >= 10e-6 - 10.001e-9).map(|(_, x)| *x);
    let (low, high) = late.fold((1.0f64, 0.0f64), |(l, h), x| (l.min(x), h.max(x)));
    assert!((last(map, "x1.x") - 0.5 * (low + high)).abs() < 2e-5, "{} {low} {high}", last(map, "x1.x"));
    assert!((last(map, "max(x1.x)") - high).abs() < 2e-5 && (last(map, "min(x1.x)") - low).abs() < 2e-5);
    assert!(simulated(map) < 500.0);
}

#[test]
fn what_has_no_envelope_is_said() {
    let two = "V1 a 0 SIN(0 0.5 1meg)\nV2 b a SIN(0 0.1 1.4142135meg)\nX1 b 0 taox x0=0.2\n.envelope 1m";
    assert!(refusal(two).contains("no common period"), "{}", refusal(two));
    let once = "V1 a 0 PULSE(0 1 0 1n 1n 1u)\nX1 a 0 taox x0=0.2\n.envelope 1m";
    assert!(refusal(once).contains("v1` never repeats") || refusal(once).contains("V1` never repeats"), "{}", refusal(once));
    let still = "V1 a 0 0.1\nX1 a 0 taox x0=0.2\n.envelope 1m";
    assert!(refusal(still).contains("no source moves"));
    let capacitor = format!("{SINE}R1 a b 1k\nC1 b 0 1n\n.envelope fixed");
    assert!(refusal(&capacitor).contains("b is dynamic too; use mode=map"), "{}", refusal(&capacitor));
    let nowhere = square(0.0, 0.5, ".envelope find offset target x1.x=0.3 from=0.1 to=0.2");
    assert!(refusal(&nowhere).contains("keeps its sign") && refusal(&nowhere).contains("nearest"), "{}", refusal(&nowhere));
    assert!(refusal(&format!("{SINE}.envelope find V9 target x1.x=0.3")).contains("nothing is called"));
    assert!(refusal(&format!("{SINE}.envelope 1u mode=mean")).contains("unknown mode"));
    assert!(refusal(&format!("{SINE}.envelope 1u perod=1n")).contains("no argument `perod`"));
}
