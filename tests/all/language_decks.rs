//! Indirect contributions and flows into ports in decks that are run, against closed forms.

use std::sync::atomic::AtomicBool;

use memspice::run::{RunOptions, RunReport, run};

use super::frontend::{model, module, names};

/// Runs a deck beside a file `m.va`.
fn ran(va: &str, deck: &str) -> RunReport {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.va"), va).expect("written");
    let path = folder.path().join("deck.cir");
    std::fs::write(&path, format!("test\n.hdl \"m.va\"\n{deck}\n.end\n")).expect("written");
    let options = RunOptions { output: Some(folder.path().join("out")), formats: vec!["csv".into()], ..RunOptions::default() };
    run(&path, &options, &AtomicBool::new(false), &|_, _| {})
}

/// The result of a measure.
fn measured(report: &RunReport, name: &str) -> f64 {
    let line = report.text.lines().find_map(|l| l.trim().strip_prefix(&format!("{name} = ")));
    let word = line
        .and_then(|l| l.split_whitespace().next())
        .unwrap_or_else(|| panic!("no {name}: {}{}", report.text, report.diagnostics));
    word.parse().unwrap_or_else(|_| panic!("{name} is {word}"))
}

/// An ideal amplifier: V(out) is such that V(in) is zero. Inverting with 1k and 3k: -3 times the source, and the input draws
/// nothing.
#[test]
fn an_indirect_contribution_is_an_ideal_amplifier() {
    let va = "`include \"disciplines.vams\"\nmodule opamp(out, inp, inn); inout out, inp, inn; electrical out, inp, inn;\nanalog V(out) : V(inp, inn) == 0;\nendmodule\n";
    let report = ran(
        va,
        "V1 a 0 0.5\nR1 a b 1k\nR2 b c 3k\nX1 c 0 b opamp\n.tran 1u 10u\n.measure tran vc find v(c) at=5u\n.measure tran vb find v(b) at=5u",
    );
    assert_eq!(report.exit, 0, "{}{}", report.text, report.diagnostics);
    assert!((measured(&report, "vc") + 1.5).abs() < 1e-9 && measured(&report, "vb").abs() < 1e-9, "{}", report.text);
}

/// `V(x) : ddt(V(x)) == (1 - V(x))/tau` is 1 - exp(-t/tau) from zero.
#[test]
fn an_indirect_contribution_is_a_differential_equation() {
    let va = "`include \"disciplines.vams\"\nmodule lag(x); inout x; electrical x; parameter real tau = 1u;\nanalog V(x) : ddt(V(x)) == (1 - V(x))/tau;\nendmodule\n";
    let report = ran(va, "X1 x lag\nR1 x 0 1k\n.tran 10n 2u 0 5n uic\n.measure tran one find v(x) at=1u");
    assert_eq!(report.exit, 0, "{}{}", report.text, report.diagnostics);
    // reltol is 1e-5; straight lines between rows 5 ns apart cost (0.005)^2/8.
    assert!((measured(&report, "one") - (1.0 - (-1f64).exp())).abs() < 2e-5, "{}", report.text);
}

/// The flow into a port, in a module whose node has two branches: 1 V over 1k and 2k in parallel draw 1.5 mA, and the copy of
/// that current flows at the second port.
#[test]
fn flows_into_ports() {
    for read in ["I(<p>)", "I(whole)"] {
        let va = format!(
            "`include \"disciplines.vams\"\nmodule copy(p, n, o); inout p, n, o; electrical p, n, o; branch (<p>) whole;\nanalog begin I(p,n) <+ V(p,n)/1k; I(p,n) <+ V(p,n)/2k; I(o) <+ -2*{read}; end\nendmodule\n"
        );
        for (multiplicity, volts) in [("", 3.0), (" m=4", 12.0)] {
            let report = ran(
                &va,
                &format!("V1 a 0 1\nX1 a 0 o copy{multiplicity}\nR1 o 0 1k\n.tran 1u 10u\n.measure tran vo find v(o) at=5u"),
            );
            assert_eq!(report.exit, 0, "{}{}", report.text, report.diagnostics);
            assert!((measured(&report, "vo") - volts).abs() < 1e-9 * volts, "{}", report.text);
        }
    }
    let m = model(&module("p, n", "analog begin I(p,n) <+ V(p,n); if (I(<n>) > 1) $strobe(\"x\"); end"));
    assert_eq!(names(&m), ["p", "n", "n_inner", "i_n"]);
}
