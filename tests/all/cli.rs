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
    for command in ["run", "check", "show", "models", "compare"] {
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
