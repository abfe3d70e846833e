//! What a user gets when something fails after the text was read: names, what was tried, waveforms kept, exit codes.

use std::sync::atomic::AtomicBool;

use memspice::run::{RunOptions, RunReport, run};

/// Runs a deck from a file in a folder of its own; csv only.
fn report(text: &str) -> (tempfile::TempDir, RunReport) {
    let folder = tempfile::tempdir().expect("a folder");
    let deck = folder.path().join("deck.cir");
    std::fs::write(&deck, text).expect("written");
    let options = RunOptions { output: Some(folder.path().join("out")), formats: vec!["csv".into()], ..RunOptions::default() };
    let report = run(&deck, &options, &AtomicBool::new(false), &|_, _| {});
    (folder, report)
}

fn rows(folder: &tempfile::TempDir, name: &str) -> usize {
    memspice::output::read(&folder.path().join("out").join(name)).map_or(0, |c| c.results[0].rows)
}

/// Above its fold a voltage-driven NbOx device runs away in finite time: no step is small enough.
#[test]
fn a_transient_that_fails_names_the_culprit_and_keeps_its_rows() {
    let (folder, report) = report("run-away\nV1 a 0 PWL(0 0 1u 3)\nX1 a 0 nbox\n.tran 10n 2u uic\n.end\n");
    assert_eq!(report.exit, 1, "{}", report.diagnostics);
    assert!(report.diagnostics.contains("X1.x") && report.diagnostics.contains("tried"), "{}", report.diagnostics);
    assert!(rows(&folder, "tran.csv") > 10, "rows are kept");
}

#[test]
fn an_operating_point_that_does_not_exist_says_what_was_tried() {
    let (_folder, report) = report("no solution\nV1 a 0 2\nX1 a 0 nbox\n.op\n.end\n");
    assert_eq!(report.exit, 1);
    for rung in ["direct", "gmin", "source", "pseudo-transient", "arclength"] {
        assert!(report.diagnostics.contains(rung), "{rung}: {}", report.diagnostics);
    }
}

#[test]
fn a_failed_measure_says_why_and_counts_only_when_strict() {
    let deck = "measure\nV1 a 0 1\nR1 a 0 1k\n.tran 1u 10u\n.measure tran late when v(a)=2\n.end\n";
    let (folder, report) = report(deck);
    assert_eq!(report.exit, 0);
    assert!(report.text.contains("late = failed: "), "{}", report.text);
    let options = RunOptions { output: Some(folder.path().join("again")), strict: true, ..RunOptions::default() };
    assert_eq!(run(&folder.path().join("deck.cir"), &options, &AtomicBool::new(false), &|_, _| {}).exit, 1);
}

#[test]
fn a_deck_that_is_not_there_is_wrong_input() {
    let report = run("nowhere.cir".as_ref(), &RunOptions::default(), &AtomicBool::new(false), &|_, _| {});
    assert_eq!(report.exit, 2);
    assert!(report.diagnostics.contains("cannot read nowhere.cir"), "{}", report.diagnostics);
}

/// What a model says reaches the user, with the place of the call, and `$error` makes exit code 1.
#[test]
fn models_speak() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = "`include \"disciplines.vams\"\nmodule talker(p, n);\n inout p, n; electrical p, n;\n analog begin\n  I(p, n) <+ V(p, n);\n  \
                 @(initial_step) $strobe(\"hello from %m, v = %g\", V(p, n));\n  if (V(p, n) > 0.5) $error(\"too much\");\n end\nendmodule\n";
    std::fs::write(folder.path().join("talker.va"), model).expect("written");
    let deck = folder.path().join("deck.cir");
    std::fs::write(&deck, "talk\n.hdl \"talker.va\"\nV1 a 0 1\nX1 a 0 talker\n.op\n.end\n").expect("written");
    let options = RunOptions { output: Some(folder.path().join("out")), ..RunOptions::default() };
    let report = run(&deck, &options, &AtomicBool::new(false), &|_, _| {});
    assert!(report.text.contains("hello from X1, v = 1"), "{}", report.text);
    assert!(report.text.contains("too much") && report.text.contains("talker.va:7"), "{}", report.text);
    assert_eq!(report.exit, 1);
}

/// A value that is not a number is traced to the operation, under its source line.
#[test]
fn a_value_that_is_no_number_is_shown_where_it_is_computed() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = "`include \"disciplines.vams\"\nmodule hole(p, n);\n inout p, n; electrical p, n;\n analog I(p, n) <+ ln(V(p, n) - 10);\nendmodule\n";
    std::fs::write(folder.path().join("hole.va"), model).expect("written");
    let deck = folder.path().join("deck.cir");
    std::fs::write(&deck, "hole\n.hdl \"hole.va\"\nV1 a 0 1\nX1 a 0 hole\n.op\n.end\n").expect("written");
    let options = RunOptions { output: Some(folder.path().join("out")), ..RunOptions::default() };
    let report = run(&deck, &options, &AtomicBool::new(false), &|_, _| {});
    assert_eq!(report.exit, 1, "{}", report.diagnostics);
    assert!(
        report.diagnostics.contains("not a finite number") && report.diagnostics.contains("hole.va:4"),
        "{}",
        report.diagnostics
    );
}
