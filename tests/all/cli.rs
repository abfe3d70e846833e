//! The command line as a user meets it: help, exit codes, where files go.

use std::path::Path;
use std::process::{Command, Output};

fn memspice(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_memspice")).args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn help_teaches_by_examples() {
    let folder = tempfile::tempdir().unwrap();
    let help = memspice(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let text = said(&help);
    for expected in [
        "Usage: memspice [OPTIONS] <DECK>...",
        "memspice <COMMAND>",
        "memspice rc.cir --set r=2k --set c=10n",
        "--format csv",
        "memspice compare golden.csv out/rc/tran.csv --tol 1e-4",
        "Exit codes: 0 done",
        "[default: out/<deck>]",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    for command in ["run", "check", "show", "models", "compare", "gallery"] {
        assert!(text.contains(&format!("\n  {command} ")), "{command}");
        let help = memspice(folder.path(), &[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(said(&help).contains(&format!("memspice {command}")), "{command}");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&[], "Usage"),
        (&["--sett", "a=1", "x.cir"], "--set"),
        (&["--set", "a", "x.cir"], "expected name=value, as in r=2k"),
        (&["--set", "a=b", "x.cir"], "`b` is not a number"),
        (&["--format", "xls", "x.cir"], "csv (one table for each analysis, text)"),
        (&["--threads", "0", "x.cir"], "not in 1.."),
        (&["compare", "a.csv"], "<OTHER>"),
    ];
    for (arguments, expected) in cases {
        let output = memspice(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(expected), "{arguments:?}: {}", said(&output));
    }
    let missing = memspice(folder.path(), &["nowhere.cir"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).contains("nowhere.cir"));
}

#[test]
fn compare_ends_with_0_1_or_2() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("golden.csv", "# origin: by hand\n# tol v(b) abs=0.5\ntime,v(a),v(b)\n0,1,0\n1,2,0\n2,3,0\n");
    write("near.csv", "time,v(b),v(a)\n0,0.4,1.0005\n2,-0.4,3.0005\n");
    write("far.csv", "time,v(b),v(a)\n0,0.4,1\n2,-0.6,3\n");
    write("other.csv", "time,v(c)\n0,1\n");
    write("garbage.csv", "\u{0}\u{1}");
    let run = |other: &str, tolerance: &str| {
        let output = memspice(folder.path(), &["compare", "golden.csv", other, "--tol", tolerance]);
        (output.status.code(), said(&output))
    };
    assert_eq!(run("near.csv", "1m").0, Some(0));
    let (code, text) = run("near.csv", "1e-4");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("DIFFER v(a): difference 5.000e-4, allowed 3.000e-4"), "{text}");
    let (code, text) = run("far.csv", "1e-3");
    assert_eq!(code, Some(1));
    assert!(text.contains("DIFFER v(b)") && text.contains("at 2.000000e0") && text.contains("ok     v(a)"), "{text}");
    let (code, text) = run("other.csv", "1e-3");
    assert_eq!(code, Some(2));
    assert!(text.contains("no column v(a); it has time, v(c)"), "{text}");
    assert_eq!(run("nowhere.csv", "1e-3").0, Some(2));
    assert_eq!(run("garbage.csv", "1e-3").0, Some(2));
}

const RC: &str = "rc charging\n.param r=1k\nv1 in 0 dc 0 ac 1 pulse(0 1 0 1n 1n 1 2)\nr1 in out {r}\nc1 out 0 1n\n\
.tran 10n 5u\n.ac dec 5 1k 1meg\n.plot tran v(out) title=\"Charging\"\n\
.measure tran t50 when v(out)=0.5 rise=1\n.end\n";

/// Runs in a folder that holds `rc.cir`, `failing.cir` (a measure that fails) and `wrong.cir` (an unknown element).
fn run(arguments: &[&str]) -> (tempfile::TempDir, Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("rc.cir", RC);
    write("failing.cir", &RC.replace("v(out)=0.5", "v(out)=5"));
    write("wrong.cir", &RC.replace("\nr1", "\ny1"));
    let output = memspice(folder.path(), arguments);
    let (code, text) = (output.status.code(), said(&output));
    (folder, code, text)
}

#[test]
fn a_deck_leaves_its_files_in_out() {
    let (folder, code, text) = run(&["rc.cir"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("t50"), "{text}");
    let out = folder.path().join("out/rc");
    for name in ["rc.raw", "tran.csv", "ac.csv", "tran.svg"] {
        assert!(out.join(name).metadata().is_ok_and(|m| m.len() > 0), "{name} is missing");
    }
    let plot = std::fs::read_to_string(out.join("tran.svg")).unwrap();
    assert!(plot.contains("Charging") && plot.contains("time (us)"));
    let results = memspice::output::read(&out.join("rc.raw")).unwrap().results;
    assert_eq!(results.iter().map(|d| d.header.analysis.as_str()).collect::<Vec<_>>(), ["tran", "ac"]);
    // 1 - exp(-5), within a few times the default tolerance.
    let end = *results[0].real("v(out)").unwrap().last().unwrap();
    assert!((end - (1.0 - (-5.0_f64).exp())).abs() < 1e-3, "{end}");
}

#[test]
fn options_choose_folder_formats_and_parameters() {
    let (folder, code, text) = run(&["run", "rc.cir", "-o", "here", "--format", "csv", "--set", "R=2k", "--no-plots", "--quiet"]);
    assert_eq!(code, Some(0), "{text}");
    let names: Vec<String> = std::fs::read_dir(folder.path().join("here"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.contains(&"tran.csv".to_string()) && names.iter().all(|n| n.ends_with(".csv")), "{names:?}");
    let tran = &memspice::output::read(&folder.path().join("here/tran.csv")).unwrap().results[0];
    let end = *tran.real("v(out)").unwrap().last().unwrap();
    // Twice the resistance: 1 - exp(-2.5).
    assert!((end - (1.0 - (-2.5_f64).exp())).abs() < 1e-3, "{end}");
    let (_, code, text) = run(&["rc.cir", "--set", "nothing=1"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("nothing"), "{text}");
}

#[test]
fn exit_codes_tell_failure_from_wrong_input() {
    let (_, code, text) = run(&["failing.cir"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("failed"), "{text}");
    assert_eq!(run(&["failing.cir", "--strict"]).1, Some(1));
    let (_, code, text) = run(&["wrong.cir"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("wrong.cir:4"), "{text}");
    assert_eq!(run(&["check", "rc.cir"]).1, Some(0));
    assert_eq!(run(&["check", "rc.cir", "wrong.cir"]).1, Some(2));
}

/// Ctrl-C ends a run that would take hours; what was computed is in the files.
#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let deck = "long\nv1 in 0 sin(0 1 1meg)\nr1 in out 1k\nc1 out 0 1n\n.tran 1n 1000\n.end\n";
    std::fs::write(folder.path().join("long.cir"), deck).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_memspice"))
        .args(["long.cir", "--format", "csv"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !signal.is_ok_and(|s| s.success()) {
        child.kill().unwrap();
        child.wait().unwrap();
        println!("skipped: no kill on PATH");
        return;
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("stopped"), "{}", said(&output));
    let tran = memspice::output::read(&folder.path().join("out/long/tran.csv")).unwrap();
    assert!(tran.results[0].rows > 10);
}

/// `show` prints equations and derivatives of a model and unknowns of a deck; `models` lists and documents.
#[test]
fn files_and_models_are_explained() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/ndr/nbox.va");
    let (_, code, text) = run(&["show", model]);
    assert_eq!(code, Some(0), "{text}");
    for part in ["module nbox(p, n)", "q1 is added to row x", "df0/d(p,n) =", "operations by how often they change"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let (_, code, text) = run(&["show", "rc.cir"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("tree\n  .param r\n  v1 in 0"), "{text}");
    assert!(text.contains("v1#branch  current (A)") && text.contains("r1  resistor(in, out)"), "{text}");
    let (_, code, text) = run(&["models"]);
    assert!(code == Some(0) && text.contains("Strachan 2013") && text.contains("\n  diode "), "{text}");
    let (_, code, text) = run(&["models", "nboxx"]);
    assert!(code == Some(2) && text.contains("did you mean `nbox`?"), "{text}");
}
