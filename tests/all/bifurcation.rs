//! Stability, poles and zeros, continuation: against closed forms, published bifurcation values, and the figures asked for.

use std::f64::consts::{PI, TAU};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::analysis::{Summary, continuation};
use memspice::dae::System;
use memspice::run::{Outcome, prepare, simulate};
use memspice::solve::bifurcation::diagram::{Diagram, End, Form, Special};
use memspice::solve::bifurcation::follow::Settings;
use memspice::solve::bifurcation::normal::CrossingKind;
use memspice::span::{MemoryFiles, Sources};

use crate::decks::{run_text, text_of};
use crate::numerics::env;
use crate::toy::{STATE, Toy};

/// All branches of a toy over a range of its first parameter.
fn branches(toy: &Toy, from: f64, to: f64) -> Diagram {
    let id = toy.param("p").unwrap();
    let mut summary = Summary::default();
    let environment = env(toy);
    match continuation::diagram(toy, &environment, id, Settings::new(from, to), &mut summary) {
        Ok((diagram, _)) => diagram,
        Err(error) => panic!("{error}"),
    }
}

fn labels(diagram: &Diagram) -> Vec<&str> {
    diagram.specials.iter().map(|s| s.label.as_str()).collect()
}

/// The value of the parameter at a special point.
fn at(special: &Special) -> f64 {
    special.z[special.z.len() - 1]
}

#[track_caller]
fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found:.15e} is not {wanted:.15e} within {tolerance:.1e}");
}

/// `x' = rhs(p, x)`.
fn scalar(rhs: impl Fn(crate::toy::Dual, crate::toy::Dual) -> crate::toy::Dual + Send + Sync + 'static, start: f64) -> Toy {
    Toy::new(move |e| {
        let (x, p) = (e.x(0), e.p(0));
        e.q(0, x);
        e.f(0, -rhs(p, x));
    })
    .unknown("x", STATE, 1e-12)
    .param("p", 0.0)
    .start(0, start, memspice::dae::StartKind::State)
}

#[test]
fn a_fold_with_its_curvature() {
    // x' = p + x^2: p = -x^2.
    let diagram = branches(&scalar(|p, x| p + x * x, -1.0), -1.0, 1.0);
    assert_eq!(labels(&diagram), ["LP1"]);
    let fold = &diagram.specials[0];
    // The extended Newton stops at rounding.
    near(at(fold), 0.0, 1e-12);
    near(fold.z[0], 0.0, 1e-9);
    let Form::Fold(form) = &fold.form else { panic!("{:?}", fold.form) };
    // Differences of a quadratic are exact but for rounding.
    near(form.curvature, -1.0, 1e-9);
    near(form.quadratic, 1.0, 1e-9);
    assert_eq!(diagram.arms[0].end, End::Range(-1.0));
    let unstable: Vec<usize> = diagram.arms[0].samples.iter().map(|s| s.unstable).collect();
    assert_eq!((unstable[0], unstable[unstable.len() - 1]), (0, 1));
}

#[test]
fn a_transcritical_point() {
    // x' = p x - x^2: x = 0 and x = p.
    let diagram = branches(&scalar(|p, x| p * x - x * x, 0.0), -1.0, 1.0);
    assert_eq!(labels(&diagram), ["BP1"]);
    near(at(&diagram.specials[0]), 0.0, 1e-10);
    let Form::Crossing(form) = &diagram.specials[0].form else { panic!() };
    let CrossingKind::Transcritical { slope, .. } = form.kind else { panic!("{:?}", form.kind) };
    // Second derivatives by plain differences.
    near(slope.abs(), 1.0, 1e-5);
    assert_eq!(diagram.arms.len(), 3, "both directions of the other branch");
    for arm in &diagram.arms[1..] {
        let last = arm.samples.last().unwrap();
        near(last.z[0], last.z[1], 1e-9);
        near(last.z[1].abs(), 1.0, 1e-12);
        assert_eq!(last.unstable, usize::from(last.z[1] < 0.0), "they exchange their stability");
    }
}

#[test]
fn pitchforks_of_both_kinds() {
    for (sign, name) in [(-1.0, "supercritical"), (1.0, "subcritical")] {
        let diagram = branches(&scalar(move |p, x| p * x + x * x * x * sign, 0.0), -1.0, 1.0);
        assert_eq!(labels(&diagram), ["BP1"], "{name}");
        let special = &diagram.specials[0];
        near(at(special), 0.0, 1e-10);
        let Form::Crossing(form) = &special.form else { panic!() };
        let CrossingKind::Pitchfork { curvature, cubic } = form.kind else { panic!("{:?}", form.kind) };
        // Extrapolated differences.
        near(curvature, -sign, 1e-6);
        near(cubic, sign, 1e-6);
        assert_eq!(diagram.arms.len(), 3, "{name}: both arms");
        let ends: Vec<f64> = diagram.arms[1..].iter().map(|a| a.samples.last().unwrap().z[0]).collect();
        assert!(ends[0] * ends[1] < 0.0, "{name}: one arm on either side");
        for x in ends {
            near(x.abs(), 1.0, 1e-9);
        }
    }
}

/// Hopf normal form with known coefficient, seen through `q = u + bend u^2`, which to this order changes nothing.
fn rotor(l: f64, bend: f64) -> Toy {
    Toy::new(move |e| {
        let (u, v, p) = (e.x(0), e.x(1), e.p(0));
        let (x, y) = (u + u * u * bend, v);
        let r = x * x + y * y;
        e.q(0, x);
        e.q(1, y);
        e.f(0, -(p * x - y * 3.0 + x * r * l));
        e.f(1, -(x * 3.0 + p * y + y * r * l));
    })
    .unknown("x", STATE, 1e-12)
    .unknown("y", STATE, 1e-12)
    .param("p", 0.0)
}

#[test]
fn hopf_points_with_their_lyapunov_coefficient() {
    for (l, bend) in [(-0.7, 0.0), (0.4, 0.0), (-0.7, 0.3), (0.4, -0.2)] {
        let diagram = branches(&rotor(l, bend), -1.0, 1.5);
        assert_eq!(labels(&diagram), ["HB1"], "l = {l}, bend = {bend}");
        let (special, hopf) = diagram.hopf_points().next().unwrap();
        near(at(special), 0.0, 1e-10);
        near(hopf.omega.abs(), 3.0, 1e-10);
        // Extrapolated third derivatives keep six digits at least.
        near(hopf.lyapunov(), l, 1e-6);
        near(hopf.crossing.re, 1.0, 1e-6);
        near(hopf.amplitude_slope(), -1.0 / l, 1e-5);
        assert!(hopf.error < 1e-4 * hopf.coefficient.re.abs(), "error {:.1e}", hopf.error);
    }
}

#[test]
fn a_quadratic_system_against_the_formula_of_the_plane() {
    // x' = p x - y + x y, y' = x + p y + x^2 (omega = 1): with f = xy, g = x^2 the formula of Guckenheimer and Holmes (3.4.11),
    // 16 l = f_xy (f_xx + f_yy) - g_xy (g_xx + g_yy) - f_xx g_xx + f_yy g_yy + cubic terms, gives 0 for this pair; adding
    // x^2 to f gives f_xx = 2: 16 l = 1 * 2 - 0 - 2 * 2 = -2.
    let toy = Toy::new(|e| {
        let (x, y, p) = (e.x(0), e.x(1), e.p(0));
        e.q(0, x);
        e.q(1, y);
        e.f(0, -(p * x - y + x * y + x * x));
        e.f(1, -(x + p * y + x * x));
    })
    .unknown("x", STATE, 1e-12)
    .unknown("y", STATE, 1e-12)
    .param("p", 0.0);
    let diagram = branches(&toy, -0.2, 0.2);
    let (_, hopf) = diagram.hopf_points().next().unwrap();
    near(hopf.lyapunov(), -0.125, 1e-6);
}

/// Text of a deck for x' = y, y' = a + b x + x^2 + x y; resistors for the structure, undone in the sources.
const BOGDANOV_TAKENS: &str = ".param a=-1 b=-1\nC1 x 0 1\nC2 y 0 1\nR1 x 0 1\nR2 y 0 1\nB1 0 x i={v(y)+v(x)}\n\
    B2 0 y i={a+b*v(x)+v(x)*v(x)+v(x)*v(y)+v(y)}\n";

#[test]
fn curves_of_folds_and_hopf_points_meet_in_a_bogdanov_takens_point() {
    // Equilibria a + b x + x^2 = 0, y = 0; folds at a = b^2/4, Hopf points at x = 0, a = 0, b < 0; they meet at the origin.
    let run = |curve: &str| {
        let mut simulation = run_text(&format!("{BOGDANOV_TAKENS}.nodeset v(x)=-0.6\n.continue a -1 1 b -2 2 curve={curve}"));
        simulation.members.remove(0).remove(0)
    };
    let folds = run("lp");
    let (a, b) = (folds.data.real("a").unwrap(), folds.data.real("b").unwrap());
    assert!(a.len() > 20);
    for (a, b) in a.iter().zip(b) {
        near(*a, b * b / 4.0, 1e-9);
    }
    let table = folds.summary.table.join("\n");
    assert!(table.contains("Bogdanov-Takens"), "{table}");
    let turning = run("hb");
    let (a, b, f) =
        (turning.data.real("a").unwrap(), turning.data.real("b").unwrap(), turning.data.real("mode_frequency").unwrap());
    for ((a, b), f) in a.iter().zip(b).zip(f) {
        near(*a, 0.0, 1e-9);
        near(*f, (-b).sqrt() / TAU, 1e-7);
    }
    assert!(turning.summary.table.join("\n").contains("Bogdanov-Takens"), "{}", turning.summary.table.join("\n"));
}

/// The outcomes of a deck given as text.
fn outcomes(text: &str) -> Vec<Outcome> {
    run_text(text).members.remove(0)
}

#[track_caller]
fn measure(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.measures.iter().find(|m| m.0 == name);
    *found.unwrap_or_else(|| panic!("no measure {name}")).1.as_ref().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The model `nbox`: conductance and heating polynomial, with first derivatives.
fn nbox(x: f64) -> ([f64; 2], [f64; 2]) {
    let polynomial = |c: [f64; 5]| {
        [c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4]))), c[1] + x * (2.0 * c[2] + x * (3.0 * c[3] + x * 4.0 * c[4]))]
    };
    (polynomial([6.5e-3, -6.66e-5, 2.14e-7, -2.14e-10, 1.19e-13]), polynomial([7.21e9, -7.39e7, 2.37e5, -2.37e2, 0.132]))
}

/// The cell at 1.25 V behind 200 ohm: conductance G, zero and pole of its impedance `(s - z)/(G (s - p))`, by hand.
struct Cell {
    g: f64,
    zero: f64,
    pole: f64,
}

impl Cell {
    fn new() -> Cell {
        let (a0, a1) = (5.19e9, -2.05e7);
        let voltage = |x: f64| (-(a0 + a1 * x) / nbox(x).1[0]).sqrt();
        let surplus = |x: f64| (1.25 - voltage(x)) / 200.0 - nbox(x).0[0] * voltage(x);
        let (mut low, mut high) = (300.0, 340.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if surplus(middle) > 0.0 { low = middle } else { high = middle }
        }
        let (x, v) = (low, voltage(low));
        let ([g, gx], [f, fx]) = nbox(x);
        // di = G dv + G' v dx, s dx = (a1 + v^2 F') dx + 2 v F dv.
        let zero_current = a1 + v * v * fx;
        Cell { g, pole: zero_current, zero: zero_current - 2.0 * v * f * gx * v / g }
    }

    /// dv/di for direct current.
    fn resistance(&self) -> f64 {
        self.pole / (self.g * self.zero)
    }

    /// The natural frequency of the cell without a capacitor against a conductance to ground: Y(s) + load = 0 with
    /// `Y = G (s - zero)/(s - pole)`.
    fn frequency(&self, load: f64) -> f64 {
        (self.g * self.zero + load * self.pole) / (self.g + load)
    }
}

#[test]
fn figures_12_and_13_split_at_the_same_coupling() {
    let [smale, turing] = ["figures/smale-diagram.cir", "figures/turing-diagram.cir"].map(|deck| outcomes(&text_of(deck)));
    let [a, b] = [&smale[1], &turing[1]].map(|o| measure(o, "rc_pitchfork"));
    near(a, 49.73916, 1e-4);
    near(a, b, 1e-9 * a);
    let r = Cell::new().resistance().abs();
    near(a, 2.0 * 200.0 * r / (200.0 - r), 1e-8 * a);
    near(measure(&smale[1], "rc_hopf"), 28.14077, 28.14077e-4);
    near(measure(&smale[1], "f_hopf"), 0.551053e6, 0.551053e2);
    near(measure(&smale[1], "rc_hopf_mirror"), measure(&smale[1], "rc_hopf"), 1e-9);
    for (outcome, states) in [(&smale[0], "4 dynamic states"), (&turing[0], "2 dynamic states")] {
        assert!(outcome.summary.table[0].contains(states), "{:?}", outcome.summary.table);
        assert!(outcome.summary.table[0].starts_with("stable"), "{:?}", outcome.summary.table);
    }
    for outcome in [&smale[1], &turing[1]] {
        let table = outcome.summary.table.join("\n");
        assert!(table.contains("supercritical pitchfork"), "{table}");
        assert!(!table.contains("subcritical"), "{table}");
    }
    assert!(smale[1].summary.table.join("\n").contains("supercritical Hopf"));
    assert!(!turing[1].summary.table.join("\n").contains("Hopf"));
}

#[test]
fn figure_12_has_the_values_of_the_table_on_both_branches() {
    let data = outcomes(&text_of("figures/smale-diagram.cir")).remove(1).data;
    let column = |name: &str| data.real(name).unwrap();
    let (rc, x1, x2, v1, unstable) = (column("rc"), column("x1.x"), column("x2.x"), column("v(n1)"), column("unstable"));
    // R_C; hot and cold temperature; voltage of the hot one; stable or not.
    for (r, hot, cold, volt, stable) in [
        (49.0, 330.5349, 319.4919, 0.967717, true),
        (40.0, 347.0794, 306.0569, 0.953552, true),
        (30.0, 358.5146, 298.5115, 0.941242, true),
        (25.0, 363.6416, 295.5146, 0.935379, false),
    ] {
        let rows: Vec<usize> = (0..data.rows).filter(|k| rc[*k] == r && (x1[*k] - x2[*k]).abs() > 1.0).collect();
        assert_eq!(rows.len(), 2, "both mirror branches at {r}");
        for k in rows {
            // The last printed digit of the table.
            near(x1[k].max(x2[k]), hot, 1e-4);
            near(x1[k].min(x2[k]), cold, 1e-4);
            if x1[k] > x2[k] {
                near(v1[k], volt, 1e-6);
            }
            assert_eq!(unstable[k] == 0.0, stable, "at {r}");
        }
    }
}

#[test]
fn amplitude_laws_confirm_the_normal_forms() {
    let mut sources = Sources::new(Box::new(deck_files(&text_of("figures/smale-diagram.cir"))));
    let (mna, _) = prepare(Path::new("deck.cir"), &[], &mut sources).unwrap_or_else(|_| panic!("deck"));
    let stop = AtomicBool::new(false);
    let environment = memspice::analysis::Env { params: mna.params(), stop: &stop, ..env(&scalar(|p, _| p, 0.0)) };
    let mut settings = Settings::new(100.0, 20.0);
    settings.at = vec![49.7];
    let id = mna.param("rc").unwrap();
    let Ok((diagram, _)) = continuation::diagram(&mna, &environment, id, settings, &mut Summary::default()) else { panic!() };
    let pitchfork = &diagram.specials[0];
    let Form::Crossing(form) = &pitchfork.form else { panic!() };
    let CrossingKind::Pitchfork { curvature, cubic } = form.kind else { panic!() };
    assert!(cubic < 0.0);
    // Pitchfork: dp = k xi^2 against the branch itself, 0.04 ohm away (xi of 1.3 K: quartic terms below a hundredth).
    let n = pitchfork.z.len() - 1;
    let arm = &diagram.arms[1];
    let sample = arm.samples.iter().find(|s| s.z[n] == 49.7).unwrap();
    let xi = sample.z[form.named] - pitchfork.z[form.named];
    let law = (49.7 - at(pitchfork)) / curvature;
    near(xi * xi, law, 0.02 * law);
    // Hopf: peak-to-peak squared of x2 is 540 K^2/ohm by an independent program's transients, two to three digits.
    let (_, hopf) = diagram.hopf_points().next().unwrap();
    let names: Vec<&str> = mna.layout().unknowns.iter().map(|u| u.name.as_str()).collect();
    let temperatures: Vec<usize> = (0..n).filter(|k| names[*k].ends_with(".x")).collect();
    let largest = temperatures.iter().map(|k| hopf.right[*k].norm()).fold(0.0, f64::max);
    near(-4.0 * hopf.amplitude_slope() * largest * largest, 540.0, 5.0);
    assert_eq!(diagram.specials[2].twin, Some(1), "the second Hopf point is the first in the mirror");
}

fn deck_files(text: &str) -> MemoryFiles {
    let mut files = MemoryFiles::default();
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.end\n").into_bytes());
    files
}

/// A grid of cells without capacitors, each joined to its neighbours.
fn array(n: usize, rc: f64, cards: &str) -> String {
    let mut text = String::from("VS s 0 1.25\n");
    for i in 0..n {
        for j in 0..n {
            text += &format!("RS{i}_{j} s n{i}_{j} 200\nX{i}_{j} n{i}_{j} 0 nbox\n");
            if i + 1 < n {
                text += &format!("RV{i}_{j} n{i}_{j} n{}_{j} {rc}\n", i + 1);
            }
            if j + 1 < n {
                text += &format!("RH{i}_{j} n{i}_{j} n{i}_{} {rc}\n", j + 1);
            }
        }
    }
    text + cards
}

/// Eigenvalues of the grid's Laplacian with open ends, largest first.
fn laplacian(n: usize) -> Vec<f64> {
    let one = |k: usize| 4.0 * (PI * k as f64 / (2.0 * n as f64)).sin().powi(2);
    let mut all: Vec<f64> = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| one(i) + one(j)).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    all
}

#[test]
fn modes_of_an_array_are_those_of_the_grid() {
    // 1/R_S + Y(s) + lambda/R_C = 0, mode by mode; 256 states go by Krylov spaces. The 20 rightmost are those of the largest
    // lambda, pairs of equal ones by the symmetry of the square among them.
    let rc = 220.0;
    let outcome = outcomes(&array(16, rc, ".options reltol=1e-6\n.stability modes=20\n")).remove(0);
    let found = outcome.data.real("mode_real").unwrap();
    let cell = Cell::new();
    for (found, lambda) in found.iter().zip(laplacian(16)) {
        let wanted = cell.frequency(1.0 / 200.0 + lambda / rc);
        near(*found, wanted, 1e-7 * wanted.abs() + 1.0);
    }
    assert_eq!(found.len(), 20);
    assert!(outcome.summary.table[0].contains("256 dynamic states"), "{:?}", outcome.summary.table);
    assert!(outcome.data.real("mode_imaginary").unwrap().iter().all(|v| v.abs() < 1.0));
}

#[test]
fn loops_of_capacitors_have_one_state_less() {
    let outcome = outcomes("I1 0 a 1m\nR1 a 0 1k\nR2 b 0 1k\nC1 a 0 1u\nC2 b 0 1u\nC3 a b 1u\n.stability").remove(0);
    assert!(outcome.summary.table[0].contains("stable; 2 dynamic states"), "{:?}", outcome.summary.table);
    let outcome = outcomes("V1 a 0 1\nC1 a 0 1u\nR1 a b 1k\nC2 b 0 1u\n.stability").remove(0);
    assert!(outcome.summary.table[0].contains("1 dynamic state"), "{:?}", outcome.summary.table);
    near(outcome.data.real("mode_real").unwrap()[0], -1e3, 1e-6);
}

#[test]
fn a_nonvolatile_state_is_a_neutral_mode_and_a_line_of_equilibria() {
    let deck = "V1 a 0 0\nX1 a 0 ion_drift x0=0.4\n";
    let outcome = outcomes(&format!("{deck}.stability")).remove(0);
    let table = outcome.summary.table.join("\n");
    assert!(table.contains("[nonvolatile]"), "{table}");
    let error = refusal(&format!("{deck}.continue V1 0 1"));
    assert!(error.contains("a line of equilibria: X1.x") && error.contains("hold=X1.x"), "{error}");
    let held = outcomes(&format!("{deck}.continue V1 0 1 hold=x1.x")).remove(0);
    assert!(held.data.real("x1.x").unwrap().iter().all(|x| (x - 0.4).abs() < 1e-9));
    assert!(held.summary.remarks.iter().any(|r| r.contains("no special point")), "{:?}", held.summary.remarks);
}

/// What the first analysis of a deck fails with.
fn refusal(text: &str) -> String {
    let mut sources = Sources::new(Box::new(deck_files(text)));
    let (mna, _) = prepare(Path::new("deck.cir"), &[], &mut sources).unwrap_or_else(|_| panic!("deck"));
    let sources = Mutex::new(sources);
    let simulation = simulate(mna, Path::new("deck.cir"), &[], &sources, &AtomicBool::new(false), &|_| {});
    let simulation = simulation.unwrap_or_else(|_| panic!("cards"));
    simulation.members[0][0].failure.as_ref().map_or_else(|| "no failure".to_string(), ToString::to_string)
}

#[test]
fn poles_zeros_and_gain_of_a_filter() {
    // Lead network: H = (s + 1/(R1 C))/(s + (1/R1 + 1/R2)/C), zero at -1e4, pole at -1.1e5, H(0) = 1/11.
    let deck = "V1 in 0 1\nR1 in out 10k\nC1 in out 10n\nR2 out 0 1k\n";
    for card in [".pz v(out) V1", ".pz in 0 out 0 vol pz"] {
        let outcome = outcomes(&format!("{deck}{card}")).remove(0);
        let roots = outcome.data.real("root_real").unwrap();
        near(roots[0], -1.1e5, 1e-6);
        near(roots[1], -1e4, 1e-6);
        assert_eq!(roots.len(), 2);
        let table = &outcome.summary.table[0];
        assert!(table.contains("9.090909091e-2") && table.contains("1.000000000e0"), "{table}");
    }
    // Impedance of a series resonator between open terminals: Z = (s^2 L C + s R C + 1)/(s C) parallel to 1 Mohm.
    let outcome = outcomes("R0 a 0 1meg\nL1 a b 1m\nR1 b c 10\nC1 c 0 1u\n.pz a 0 a 0 cur zer").remove(0);
    let (re, im) = (outcome.data.real("root_real").unwrap(), outcome.data.real("root_imaginary").unwrap());
    near(re[0], -5e3, 1e-6);
    near(im[0].abs(), (1e9f64 - 25e6).sqrt(), 1e-5);
}

#[test]
fn a_sweep_past_a_pitchfork_says_so() {
    let text = text_of("figures/turing-diagram.cir");
    let kept: Vec<&str> = text.lines().filter(|l| !l.starts_with('.') || l.starts_with(".param")).collect();
    let outcome = outcomes(&format!("{}\n.dc rc 60 40 1", kept.join("\n"))).remove(0);
    let remarks = outcome.summary.remarks.join("\n");
    assert!(remarks.contains("another branch of solutions crosses between rc") && remarks.contains(".continue rc"), "{remarks}");
}

#[test]
fn what_is_not_there_is_said() {
    let deck = "V1 a 0 1\nR1 a b 1k\nC1 b 0 1n\n";
    let outcome = outcomes(&format!("{deck}.continue V1 0 1\n.measure continue p point=HB1")).remove(0);
    assert!(outcome.summary.remarks.iter().any(|r| r.contains("no special point in the range; nearest to one")));
    assert!(outcome.measures[0].1.as_ref().unwrap_err().contains("no point HB1; found: none"));
    let error = refusal(&format!("{deck}.continue V1 0 1 R1 1k 2k curve=hb"));
    assert!(error.contains("no HB for v1 from 0 to 1 to follow; found: nothing"), "{error}");
}
