//! `.activity` and `.drm` against closed forms and published operating points.

use super::decks::run_text;

/// Class, and the columns of the only row of the only analysis.
fn row(text: &str) -> (f64, impl Fn(&str) -> f64 + use<>) {
    let data = run_text(text).members.remove(0).remove(0).data;
    let class = data.real("class").unwrap()[0];
    (class, move |name: &str| data.real(name).unwrap()[0])
}

const PASSIVE: f64 = 0.0;
const UNSTABLE: f64 = 1.0;
const EDGE: f64 = 2.0;

#[test]
fn passive_networks_are_passive() {
    let (class, get) = row("R1 a 0 1k\nC1 a 0 1n\n.activity v(a)");
    assert_eq!(class, PASSIVE);
    assert!((get("growth") + 1e6).abs() < 1e-3, "-1/RC: {}", get("growth"));
    assert!((get("re_rest") - 1e3).abs() < 1e-9);
    // A lossless tank: poles on the axis with a positive residue, 1 / (2 C).
    let (class, get) = row("L1 a 0 1u\nC1 a 0 1n\n.activity v(a)");
    assert_eq!(class, PASSIVE);
    assert!((get("f_natural") - 1.0 / (std::f64::consts::TAU * (1e-15f64).sqrt())).abs() < 1.0);
    // Two equal tanks in series: the pencil has double eigenvalues, Z has simple poles.
    let tanks = "L1 a m 1u\nC1 a m 1n\nL2 m 0 1u\nC2 m 0 1n\n.activity v(a)";
    assert_eq!(row(tanks).0, PASSIVE);
    // A gyrator gives what it is given.
    let gyrator = "R1 a 0 1k\nR2 b 0 1k\nC1 b 0 1n\nG1 a 0 b 0 5m\nG2 b 0 a 0 -5m\n.activity v(a) v(b)";
    assert_eq!(row(gyrator).0, PASSIVE);
}

/// A negative conductance of 10 mS with a capacitor: Z has a pole at +1/RC, its inverse has none.
#[test]
fn negative_conductance_is_stable_only_under_a_voltage() {
    let circuit = "R1 a 0 -100\nC1 a 0 1n\nIB 0 a 0\n";
    let (class, get) = row(&format!("{circuit}.activity v(a)"));
    assert_eq!(class, UNSTABLE);
    assert!((get("growth") - 1e7).abs() < 1.0, "{}", get("growth"));
    assert_eq!(row(&format!("{circuit}.activity v(a) drive=voltage")).0, EDGE);
}

/// Z = 50 - 100 / (1 + s tau): Re Z(jw) < 0 for w tau < 1, pole at -1/tau, zero at +1/tau.
const FEEDBACK: &str = "R1 a m 50\nVX m p 0\nE1 p 0 q 0 -1\nF1 0 q VX 100\nRq q 0 1\nCq q 0 1u\nIB 0 a 0\n";

#[test]
fn edge_of_chaos_of_a_known_impedance() {
    let (class, get) = row(&format!("{FEEDBACK}.activity v(a)"));
    assert_eq!(class, EDGE);
    assert!((get("re_min") + 50.0).abs() < 1e-9 && get("f_min") == 0.0, "{} at {}", get("re_min"), get("f_min"));
    assert!((get("growth") + 1e6).abs() < 1e-3);
    assert_eq!(row(&format!("{FEEDBACK}.activity v(a) drive=voltage")).0, UNSTABLE);
    let told = run_text(&format!("{FEEDBACK}.activity v(a)")).members.remove(0).remove(0).summary.remarks.join("\n");
    assert!(told.contains("locally active from 0 Hz to 159155 Hz"), "{told}");
}

/// Z = [R1, 0; -gm R1 R2, R2]: the hermitian part is indefinite where gm^2 R1 R2 > 4.
#[test]
fn transconductance_makes_a_two_port_active() {
    let text = "R1 a 0 1k\nR2 b 0 4k\n.param gm=1u\nG1 b 0 a 0 {gm}\n.activity v(a) v(b) gm 0.1m 2m 0.1m";
    let outcome = run_text(text).members.remove(0).remove(0);
    let (gm, class) = (outcome.data.real("gm").unwrap(), outcome.data.real("class").unwrap());
    for (gm, class) in gm.iter().zip(class) {
        let expected = if *gm > 1.0e-3 * (1.0 + 1e-9) { EDGE } else { PASSIVE };
        assert_eq!(*class, expected, "gm = {gm}");
    }
    // The boundary is bisected: 2 / sqrt(R1 R2) = 1 mS; what round-off is allowed (1e-11 of Z) moves it by 1e-11.
    let told = outcome.summary.remarks.join("\n");
    assert!(told.contains("locally passive | edge of chaos at gm = 0.0010000000"), "{told}");
}

/// The cell of the review's Figures 12 and 13 is on the edge of chaos at 1.25 V; by itself (no capacitor) as well. The real
/// part of the device alone at 1 MHz is negative (-6.15 ohm), which is where the activity comes from.
#[test]
fn published_cell_is_on_the_edge_of_chaos() {
    for capacitor in ["", "C1 n 0 2.2n\n"] {
        let cell = format!("VS s 0 1.25\nRS s n 200\n{capacitor}X1 n 0 nbox\n.activity v(n)");
        assert_eq!(row(&cell).0, EDGE, "{cell}");
    }
    // Reference: -8.00885e5 +- j4.854671e6 1/s with 2.2 nF, -8.272896e6 1/s without; R_S parallel to -22.1191 ohm at rest.
    let (_, get) = row("VS s 0 1.25\nRS s n 200\nC1 n 0 2.2n\nX1 n 0 nbox\n.activity v(n)");
    assert!(
        (get("growth") / -8.00885e5 - 1.0).abs() < 1e-6
            && (get("f_natural") / 4.854671e6 * std::f64::consts::TAU - 1.0).abs() < 1e-6
    );
    assert!((get("re_rest") + 1.0 / (1.0 / 22.1191 - 1.0 / 200.0)).abs() < 1e-4);
    let (_, get) = row("VS s 0 1.25\nRS s n 200\nX1 n 0 nbox\n.activity v(n)");
    assert!((get("growth") / -8.272896e6 - 1.0).abs() < 1e-6);
    // Below the onset of negative resistance the cell is passive.
    assert_eq!(row("VS s 0 1.0\nRS s n 200\nC1 n 0 2.2n\nX1 n 0 nbox\n.activity v(n)").0, PASSIVE);
}

/// Activity ends where the slope of the static characteristic of the cell changes sign: R_S parallel to r_dc, so that the
/// boundary on the side of low bias is the fold of the device (0.972734 V, 316.647 K) seen through R_S.
#[test]
fn boundary_of_activity_is_where_the_device_turns() {
    let told = run_text("VS s 0 1\nRS s n 200\nX1 n 0 nbox\n.activity v(n) VS 1 1.3 0.02").members.remove(0).remove(0);
    let remark = told.summary.remarks.join("\n");
    let at: f64 = remark.split("edge of chaos at vs = ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    // 0.972733504 V + 200 ohm times the current there, G(316.64709 K) 0.9727335 V.
    let t = 316.64709_f64;
    let g = 6.5e-3 + t * (-6.66e-5 + t * (2.14e-7 + t * (-2.14e-10 + t * 1.19e-13)));
    let expected = 0.9727335045 * (1.0 + 200.0 * g);
    // The temperature is known to 1e-5 K, which moves the current by 1e-7 of itself.
    assert!((at - expected).abs() < 1e-6, "{at} {expected}");
}

#[test]
fn route_maps_have_the_rates_and_zeros_of_the_model() {
    let text = "V1 n 0 0\nX1 n 0 nbox\n.drm x1.x V1 list 0 0.9 from=250 to=450 points=5";
    let outcome = run_text(text).members.remove(0).remove(0);
    let x = outcome.data.real("x1.x").unwrap();
    assert_eq!(x, [250.0, 300.0, 350.0, 400.0, 450.0]);
    let field = |t: f64, v: f64| {
        let f = 7.21e9 + t * (-7.39e7 + t * (2.37e5 + t * (-2.37e2 + t * 0.132)));
        5.19e9 - 2.05e7 * t + v * v * f
    };
    for (name, v) in [("rate(v1=0)", 0.0), ("rate(v1=0.9)", 0.9)] {
        for (t, rate) in x.iter().zip(outcome.data.real(name).unwrap()) {
            // Terms of 1e10 cancel: a part in 1e15 of them each.
            assert!((rate - field(*t, v)).abs() < 1e-4, "{name} at {t}: {rate} {}", field(*t, v));
        }
    }
    let told = outcome.summary.remarks.join("\n");
    assert!(told.contains("v1 = 0: stable 253.170731707"), "5.19e9 / 2.05e7: {told}");
    assert!(told.contains("v1 = 0.9: stable 282.750298"), "{told}");
}

/// dx/dt = v + 0.25 - x up to 0.6, and v less or more by a constant beyond: zeros at 0.25 + v, jumps across zero at 0.6.
#[test]
fn jumps_of_a_route_map_are_no_places_of_rest() {
    let remarks = |h: f64, values: &str| {
        let text = format!(
            "V1 n 0 0\nX1 n jumpy\n.subckt jumpy p\nRP p 0 1k\nC1 x 0 1\nB1 0 x i={{v(p) + (v(x) < 0.6 ? 0.25 - v(x) : {h})}}\n.ends\n\
             .drm x1.x V1 list {values} from=0 to=1"
        );
        run_text(&text).members.remove(0).remove(0).summary.remarks
    };
    let told = remarks(2.0, "0 -0.1 -0.3 -3 0.5");
    let expected = [
        "v1 = 0: stable 0.250000000, repelling jump at 0.600000000",
        "v1 = -0.1: stable 0.150000000, repelling jump at 0.600000000",
        "v1 = -0.3: repelling jump at 0.600000000",
        "v1 = -3: no state rests; it falls everywhere",
        "v1 = 0.5: no state rests; it rises everywhere",
    ];
    assert_eq!(told, expected);
    let told = remarks(-2.0, "0 0.5 3");
    assert_eq!(told[..2], ["v1 = 0: stable 0.250000000", "v1 = 0.5: attracting jump at 0.600000000"]);
    assert!(told[2].contains("no state rests; it rises everywhere"), "{told:?}");
}

#[test]
fn power_off_plot_of_a_nonvolatile_device() {
    let text = "V1 n 0 0\nX1 n 0 taox\n.drm x1.x V1 list 0 0.4";
    let outcome = run_text(text).members.remove(0).remove(0);
    let told = outcome.summary.remarks.join("\n");
    assert!(told.contains("v1 = 0: every state rests (nonvolatile)"), "{told}");
    assert!(told.contains("v1 = 0.4: no state rests; it rises everywhere"), "{told}");
}
