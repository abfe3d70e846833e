//! `.pss`: orbits, Floquet multipliers and branches of cycles, against closed forms, the literature and long transients.

use memspice::run::Outcome;

use super::decks::{run_text, text_of};
use super::envelope::{last, refusal, refusal_with};

/// The words after `multipliers` of the summary, as real parts.
fn multipliers(outcome: &Outcome) -> Vec<f64> {
    let remark = outcome.summary.remarks.iter().find(|r| r.contains("multipliers ") && r.contains("stable")).unwrap();
    let list = remark.split("multipliers ").nth(1).unwrap();
    let number = |word: &str| word.trim().split([' ', 'i']).next().unwrap().parse::<f64>().ok();
    list.split("),").flat_map(|w| w.split(',')).filter_map(number).collect()
}

fn remark<'a>(outcome: &'a Outcome, part: &str) -> &'a str {
    let all = &outcome.summary.remarks;
    all.iter().find(|r| r.contains(part)).unwrap_or_else(|| panic!("no remark with `{part}`: {all:?}"))
}

fn extremes(outcome: &Outcome, column: &str) -> (f64, f64) {
    let values = outcome.data.real(column).unwrap();
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
}

#[test]
fn an_rc_section_forgets_by_its_time_constant() {
    for method in ["shoot", "colloc"] {
        let text = format!("V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 0.7u\n.pss method={method}");
        let simulation = run_text(&text);
        let found = multipliers(&simulation.members[0][0])[0];
        assert!((found - (-1.0 / 0.7f64).exp()).abs() < 1e-8, "{method}: {found}");
    }
}

/// Conductance g0 + g1 sin^2: the exponent is -(g0 + g1/2) T/C, whatever the rest.
#[test]
fn a_time_varying_circuit_forgets_by_its_mean_conductance() {
    let text = "V1 c 0 SIN(0 1 1k)\nI1 0 n 1m\nC1 n 0 1u\nB1 n 0 i={v(n)*(0.5m+0.8m*v(c)*v(c))}\n";
    for method in ["shoot", "colloc"] {
        let simulation = run_text(&format!("{text}.pss method={method}"));
        let found = multipliers(&simulation.members[0][0])[0];
        assert!((found - (-0.9f64).exp()).abs() < 1e-8, "{method}: {found}");
    }
}

/// A switch without hysteresis has no memory: one half of the period 1 kohm, the other 2 kohm, at 1 uF. With hysteresis it has.
#[test]
fn circuits_with_plain_switches_have_orbits() {
    let text = "V1 c 0 SIN(0 1 1k)\nI1 0 n 1m\nC1 n 0 1u\nS1 n 0 c 0 sm\n.model sm sw(ron=1k roff=2k)\n.pss";
    let simulation = run_text(text);
    let found = multipliers(&simulation.members[0][0])[0];
    // The transition takes 2 mV of the sine twice, 6e-4 of the period, and is geometric: 3 % off the mean for that time.
    assert!((found / (-0.75f64).exp() - 1.0).abs() < 1e-4, "{found}");
    let said = refusal(&text.replace("roff=2k", "roff=2k vh=0.1"));
    assert!(said.contains("retained by models"), "{said}");
}

/// A ladder with more states than are treated densely; slowest mode: RC 4 sin^2(pi/(4 n + 2)), one end driven, the other open.
#[test]
fn large_circuits_are_known_by_products() {
    let n = 230;
    let mut text = String::from("V1 n0 0 SIN(0 1 1)\n");
    for k in 1..=n {
        text += &format!("R{k} n{} n{k} 1\nC{k} n{k} 0 0.1m\n", k - 1);
    }
    let simulation = run_text(&format!("{text}.pss reltol=1e-5"));
    let rate = 4.0 / 1e-4 * (std::f64::consts::PI / (4.0 * f64::from(n) + 2.0)).sin().powi(2);
    let found = multipliers(&simulation.members[0][0])[0];
    assert!((found / (-rate).exp() - 1.0).abs() < 1e-6, "{found} {}", (-rate).exp());
}

const VAN_DER_POL: &str = "C1 n 0 1\nL1 n 0 1 ic=0.1\nB1 n 0 i={mu*(v(n)*v(n)*v(n)/3-v(n))}\n";

#[test]
fn van_der_pol_has_the_periods_of_the_literature() {
    // 2 pi (1 + mu^2/16 - 5 mu^4/3072 + O(mu^6)); Urabe, IRE Trans. CT-7, 382 (1960): 6.6632869, 19.0783696.
    let small = std::f64::consts::TAU * (1.0 + 0.01 / 16.0 - 5e-4 / 3072.0);
    for (mu, exact, tolerance) in [(0.1, small, 1e-9), (1.0, 6.6632869, 5e-8), (10.0, 19.0783696, 5e-8)] {
        for method in ["shoot", "colloc"] {
            let simulation = run_text(&format!(".param mu={mu}\n{VAN_DER_POL}.pss auto T0=6.3 n uic method={method}"));
            let outcome = &simulation.members[0][0];
            assert!(
                (last(outcome, "time") - exact).abs() < tolerance * exact.max(10.0),
                "{mu} {method}: {}",
                last(outcome, "time")
            );
            // Liouville: the multiplier is exp of the integral of mu (1 - v^2).
            let (t, v) = (outcome.data.real("time").unwrap(), outcome.data.real("v(n)").unwrap());
            let trace = |k: usize| mu * (1.0 - v[k] * v[k]);
            let sum: f64 = (1..t.len()).map(|k| 0.5 * (t[k] - t[k - 1]) * (trace(k) + trace(k - 1))).sum();
            let found = multipliers(outcome)[0];
            // The trapezoids of the check are what errs.
            assert!((found - sum.exp()).abs() < 2e-3 * sum.exp() + 1e-9, "{mu} {method}: {found} {}", sum.exp());
        }
    }
}

/// Figure 12 without its cards; the first line is a parameter.
fn smale(rc: f64) -> String {
    let cards = [".step", ".measure", ".plot", ".tran", ".end"];
    let kept = |line: &&str| !cards.iter().any(|card| line.starts_with(card));
    let text: Vec<String> = text_of("figures/smale-two-cells.cir").lines().filter(kept).map(str::to_string).collect();
    text.join("\n").replace("rc=25", &format!("rc={rc}")) + "\n"
}

#[test]
fn figure_12_has_the_cycles_of_the_reference() {
    // Period in ns; ranges of both temperatures in K and voltages, last printed digit.
    let table = [
        (25.0, 1832.1552, [("x1.x", 289.7113, 305.3907), ("x2.x", 341.2693, 383.0398)], (0.929648, 0.974435)),
        (27.0, 1820.8098, [("x1.x", 292.7307, 302.1175), ("x2.x", 348.5922, 373.5334)], (0.941167, 0.967595)),
    ];
    for (rc, period, ranges, v1) in table {
        let text = smale(rc);
        let simulation = run_text(&format!("{text}.pss auto T0=1.8u uic\n.pss auto T0=1.8u uic method=colloc\n"));
        let [shoot, colloc] = &simulation.members[0][..] else { panic!() };
        for outcome in [shoot, colloc] {
            let found = 1e9 * last(outcome, "time");
            assert!((found - period).abs() < 1e-4, "{rc}: {found}");
            for (column, low, high) in ranges {
                let range = extremes(outcome, column);
                // Rows are stages of the steps: an extremum between two of them is missed by up to 0.002 of the swing.
                let slack = 2e-3 * (high - low) + 1e-4;
                assert!((range.0 - low).abs() < slack && (range.1 - high).abs() < slack, "{rc} {column}: {range:?}");
            }
            let range = extremes(outcome, "v(n1)");
            assert!((range.0 - v1.0).abs() < 1e-4 && (range.1 - v1.1).abs() < 1e-4, "{rc}: {range:?}");
            assert!(remark(outcome, "; multipliers").starts_with("stable"));
        }
        assert!((last(shoot, "time") / last(colloc, "time") - 1.0).abs() < 1e-8);
        assert!((multipliers(shoot)[0] - multipliers(colloc)[0]).abs() < 1e-6);
        // An own tight transient: ten periods by crossings; steps of 4 ns are straight to 1e-7 of the period there.
        let level = 0.5 * (v1.0 + v1.1);
        let trigger = |what: &str, rise: u32, td: &str| format!("{what} v(n1) val={level} rise={rise} td={td} ");
        // At 27 ohm what the start leaves behind dies out by 0.68 a period only.
        let late = if rc == 25.0 { 90 } else { 140 };
        let from = format!("{late}u");
        let measure = format!(".measure tran ten {}{}", trigger("trig", 1, &from), trigger("targ", 11, &from));
        let span = format!("{}u {}u", late + 25, late - 2);
        let tran = run_text(&format!("{text}.tran 10n {span} 4n uic reltol=1e-8\n{measure}\n"));
        let ten = tran.members[0][0].measures[0].1.clone().unwrap();
        assert!((ten / 10.0 / last(shoot, "time") - 1.0).abs() < 1e-6, "{rc}: {} {}", ten / 10.0, last(shoot, "time"));
    }
}

#[test]
fn the_pickett_oscillator_has_its_period() {
    let text = "V1 s 0 1.8\nRL s n 4.2k\nC1 n 0 23p ic=0\nRS n d 2.75k\nX1 d 0 pickett u0=1e-6\n.pss auto T0=200n v(n) uic";
    let simulation = run_text(text);
    let outcome = &simulation.members[0][0];
    // Last printed digit of the independent program.
    assert!((1e9 * last(outcome, "time") - 197.665).abs() < 1e-3, "{}", last(outcome, "time"));
    let range = extremes(outcome, "v(n)");
    assert!((range.0 - 1.28274).abs() < 1e-3 && (range.1 - 1.55168).abs() < 1e-3, "{range:?}");
}

#[test]
fn the_rectifier_is_at_once_where_a_long_transient_ends() {
    let text = "V1 a 0 SIN(0 5 50)\nD1 a b dd\n.model dd d is=1e-14\nC1 b 0 47u\nR1 b 0 1k\n";
    let simulation = run_text(&format!("{text}.pss\n.tran 10u 0.5 0.48 20u reltol=1e-7\n"));
    let [pss, tran] = &simulation.members[0][..] else { panic!() };
    let (a, b) = (extremes(pss, "v(b)"), extremes(tran, "v(b)"));
    // 10 time constants have passed: 5e-5 is left of the start; extremes lie between rows.
    assert!((a.0 - b.0).abs() < 2e-4 && (a.1 - b.1).abs() < 2e-4, "{a:?} {b:?}");
}

#[test]
fn the_taox_cycle_is_found_although_a_hundred_cycles_make_a_time_constant() {
    let simulation = run_text("V1 a 0 SIN(0 0.5 100meg)\nX1 a 0 taox x0=0.2\n.pss");
    let outcome = &simulation.members[0][0];
    let range = extremes(outcome, "x1.x");
    // Extremes of the independent program; the multiplier is exp(-T/tau).
    assert!((range.0 - 0.29513463).abs() < 2e-6 && (range.1 - 0.29557379).abs() < 2e-6, "{range:?}");
    assert!((multipliers(outcome)[0] - 0.99026).abs() < 1e-5);
    assert!((outcome.data.real("x1.x").unwrap()[0] - 0.295134628565).abs() < 1e-7);
}

#[test]
fn harmonics_of_a_clipped_sine() {
    // v^3 of a cosine of amplitude 1: 3/4 and 1/4.
    let text = "V1 a 0 SIN(0 1 1k)\nB1 0 b i={v(a)*v(a)*v(a)}\nR1 b 0 1\nC1 a 0 1n\n.pss spectrum harmonics=5";
    let simulation = run_text(text);
    let outcome = &simulation.members[0][0];
    let column = outcome.data.find("v(b)").unwrap();
    let memspice::wave::Column::Complex(values) = &outcome.data.columns[column] else { panic!() };
    let exact = [0.0, 0.75, 0.0, 0.25, 0.0, 0.0];
    for (value, exact) in values.iter().zip(exact) {
        assert!((value.norm() - exact).abs() < 1e-8, "{value} {exact}");
    }
    // THD of v(b): a third.
    let thd: f64 = remark(outcome, "v(b): fundamental").split("THD ").nth(1).unwrap().trim_end_matches(" %").parse().unwrap();
    assert!((thd - 100.0 / 3.0).abs() < 1e-3, "{thd}");
}

#[test]
fn what_is_no_orbit_is_said() {
    let rest = smale(50.0) + ".pss auto T0=1.8u uic";
    assert!(refusal(&rest).contains("came to rest") || refusal(&rest).contains("equilibrium"), "{}", refusal(&rest));
    let still = "V1 a 0 1\nR1 a b 1k\nC1 b 0 1u\n.pss";
    assert!(refusal(still).contains("needs `.pss auto"), "{}", refusal(still));
    let moved = "V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 1u\n.pss auto T0=1m";
    assert!(refusal(moved).contains("is not autonomous"), "{}", refusal(moved));
    let part = "V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 1u\n.pss T=1.5m";
    assert!(refusal(part).contains("no multiple of the period"), "{}", refusal(part));
    assert!(refusal("V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 1u\n.pss v(q)").contains("no node or state `q`"));
    let twice = run_text("V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 1u\n.pss T=2m");
    remark(&twice.members[0][0], "repeats itself 2 times");
    let latch = "`include \"disciplines.vams\"\nmodule latch(p, n); inout p, n; electrical p, n; integer up;\n\
        analog begin\n@(cross(V(p, n) - 0.5, 1)) up = 1;\nI(p, n) <+ 1m*(1 + up)*V(p, n);\nend\nendmodule\n";
    let hidden = "V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 1u\n.hdl \"m.va\"\nX1 a 0 latch\n";
    for card in [".pss", ".envelope 1"] {
        let said = refusal_with(latch, &format!("{hidden}{card}"));
        assert!(said.contains("retained by models") && said.contains("hidden state"), "{card}: {said}");
    }
    // An ideal drift device returns to any state: found, and said.
    let drift = "V1 a 0 SIN(0 1 1)\nX1 a 0 ion_drift x0=0.3\n.pss";
    let simulation = run_text(drift);
    remark(&simulation.members[0][0], "nothing holds X1.");
}

/// Planar field x' = (p + r^2 - r^4) x - y, y' = x + (p + r^2 - r^4) y: cycles r^2 = 1/2 +- sqrt(1/4 + p), fold at p = -1/4.
const RADIAL: &str = ".param p=-0.2\nCx x 0 1 ic=1\nCy y 0 1 ic=0\n\
    Bx 0 x i={(p+v(x)*v(x)+v(y)*v(y)-(v(x)*v(x)+v(y)*v(y))*(v(x)*v(x)+v(y)*v(y)))*v(x)-v(y)}\n\
    By 0 y i={(p+v(x)*v(x)+v(y)*v(y)-(v(x)*v(x)+v(y)*v(y))*(v(x)*v(x)+v(y)*v(y)))*v(y)+v(x)}\n";

fn number_after(text: &str, key: &str) -> f64 {
    let rest = text.split(key).nth(1).unwrap();
    rest.trim_start().split([',', ' ', ';']).next().unwrap().parse().unwrap()
}

#[test]
fn a_fold_of_cycles_is_located_and_passed() {
    let simulation = run_text(&format!("{RADIAL}.pss auto T0=6.28 x uic continue=p from=0.1 to=-0.3"));
    let outcome = &simulation.members[0][0];
    let fold = number_after(remark(outcome, "LPC at"), "p =");
    assert!((fold + 0.25).abs() < 1e-7, "{fold}");
    // Behind it the small unstable cycle shrinks to the Hopf point at p = 0.
    let end = number_after(remark(outcome, "shrink to a Hopf point"), "p =");
    assert!(end.abs() < 1e-3, "{end}");
    let (p, stable) = (outcome.data.real("p").unwrap(), outcome.data.real("stable").unwrap());
    let (x, period) = (outcome.data.real("v(x)").unwrap(), outcome.data.real("period").unwrap());
    for k in 0..outcome.data.segments[1].0 {
        // The multiplier is exp(4 pi r^2 (1 - 2 r^2)); the greatest x may lie between two rows.
        let r2 = x[k] * x[k];
        if (r2 - 0.5).abs() > 0.02 {
            assert_eq!(stable[k] > 0.5, r2 > 0.5, "p = {}, r^2 = {r2}", p[k]);
        }
        assert!((p[k] + r2 - r2 * r2).abs() < 5e-3, "{} {r2}", p[k]);
        assert!((period[k] - std::f64::consts::TAU).abs() < 1e-6);
    }
}

/// A circle of radius 1 and a focus beside it, u' = q u - 1.3 v, v' = 1.3 u + q v: multipliers exp(2 pi (q +- 1.3 i)).
#[test]
fn a_torus_is_born_where_the_focus_turns_unstable() {
    let text = ".param q=-0.05\nCx x 0 1 ic=1\nCy y 0 1 ic=0\nCu u 0 1 ic=0\nCv v 0 1 ic=0\n\
        Bx 0 x i={(1-v(x)*v(x)-v(y)*v(y))*v(x)-v(y)}\nBy 0 y i={(1-v(x)*v(x)-v(y)*v(y))*v(y)+v(x)}\n\
        Bu 0 u i={q*v(u)-1.3*v(v)}\nBv 0 v i={1.3*v(u)+q*v(v)}\n.pss auto T0=6.28 x uic continue=q to=0.05";
    let simulation = run_text(text);
    let outcome = &simulation.members[0][0];
    let found = number_after(remark(outcome, "NS at"), "q =");
    assert!(found.abs() < 1e-8, "{found}");
}

#[test]
fn figure_12_shrinks_to_its_hopf_point_and_doubles_its_period() {
    let simulation =
        run_text(&format!("{}.pss auto T0=1.8u uic continue=rc to=30\n.pss auto T0=1.8u uic continue=rc to=20\n", smale(25.0)));
    let [up, down] = &simulation.members[0][..] else { panic!() };
    // Hopf point of the equilibria: 28.14077 ohm.
    let hopf = number_after(remark(up, "shrink to a Hopf point"), "rc =");
    assert!((hopf - 28.14077).abs() < 2e-3, "{hopf}");
    // Period 1 at 21 ohm, period 2 at 20, as the independent program sees it.
    let doubling = number_after(remark(down, "PD at"), "rc =");
    assert!((20.0..21.0).contains(&doubling), "{doubling}");
}

#[test]
fn both_mirror_oscillations_start_from_their_hopf_points() {
    let simulation = run_text(&format!("{}.pss continue=rc from=60 to=25 hopf=all\n", smale(25.0)));
    let outcome = &simulation.members[0][0];
    let data = &outcome.data;
    // Greatest and least values of each of the two branches.
    assert_eq!(data.segments.len(), 4, "{:?}", data.segments);
    let rows = |k: usize| data.segments[k].0..data.segments.get(k + 1).map_or(data.rows, |s| s.0);
    let (rc, period, point) = (data.real("rc").unwrap(), data.real("period").unwrap(), outcome);
    let (x1, x2) = (data.real("x1.x").unwrap(), data.real("x2.x").unwrap());
    for branch in 0..2 {
        let (high, low) = (rows(2 * branch), rows(2 * branch + 1));
        let end = high.end - 1;
        assert!((rc[end] - 25.0).abs() < 1e-9, "{}", rc[end]);
        assert!((1e9 * period[end] - 1832.1552).abs() < 1e-3, "{}", period[end]);
        // Supercritical: the square of the swing is 540 K^2/ohm times the distance, near the Hopf point.
        let hot = if x1[end] > x2[end] { x1 } else { x2 };
        let near: Vec<(usize, usize)> = high.clone().zip(low).filter(|(h, _)| (27.9..28.135).contains(&rc[*h])).collect();
        assert!(!near.is_empty());
        for (h, l) in near {
            let law = (hot[h] - hot[l]).powi(2) / (28.14077 - rc[h]);
            assert!((law / 540.0 - 1.0).abs() < 0.03, "{}: {law}", rc[h]);
        }
    }
    let ends = [rows(0).end - 1, rows(2).end - 1];
    assert!((x1[ends[0]] - x2[ends[1]]).abs() < 0.05 && (x2[ends[0]] - x1[ends[1]]).abs() < 0.05, "mirror images");
    assert!(remark(point, "HB1").contains("cycles from there"));
}
