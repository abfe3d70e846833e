//! What models say and write: formats, files, strings, severity.

use std::sync::atomic::AtomicBool;

use memspice::run::{RunOptions, RunReport, run};

use super::{module, refused};

/// Runs a deck from files; gives the folder, the report, and reads what was written.
fn report(model: &str, deck: &str) -> (tempfile::TempDir, RunReport) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.va"), model).expect("written");
    let path = folder.path().join("deck.cir");
    std::fs::write(&path, format!("test\n.hdl \"m.va\"\n{deck}\n.end\n")).expect("written");
    let options =
        RunOptions { output: Some(folder.path().join("out")), formats: vec!["csv".into()], quiet: true, ..RunOptions::default() };
    let report = run(&path, &options, &AtomicBool::new(false), &|_, _| {});
    (folder, report)
}

const OP: &str = "V1 a 0 1\nX1 a 0 m\n.op";

/// What one statement says at an operating point.
fn said(declarations: &str, statement: &str) -> String {
    let (_folder, report) = report(&module(declarations, &format!("I(p, n) <+ V(p, n);\n {statement}")), OP);
    assert!(report.exit < 2, "{}", report.diagnostics);
    report.text
}

#[test]
fn formats_print_as_c_does() {
    let cases = [
        ("$strobe(\"%e|%E|%.2e\", 1234.5, 1e-7, -0.5);", "1.234500e+03|1.000000E-07|-5.00e-01"),
        ("$strobe(\"%f|%8.3f|%-8.3f|%+.1f|%08.2f\", 1.5, 2.25, 2.25, 3.0, -1.5);", "1.500000|   2.250|2.250   |+3.0|-0001.50"),
        ("$strobe(\"%g|%g|%g|%.3g\", 1e-5, 100000.0, 1e6, 2.0/3);", "1e-05|100000|1e+06|0.667"),
        ("$strobe(\"%r|%.3r\", 4.7e-9, 2200.0);", "4.70000n|2.20k"),
        ("$strobe(\"%d|%5d|%-5d|%05d|%0d\", 42, -42, 42, -42, 7);", "42|  -42|42   |-0042|7"),
        ("$strobe(\"%h|%x|%H|%o|%b|%h\", 255, 16, 255, 8, 5, -1);", "ff|10|FF|10|101|ffffffff"),
        ("$strobe(\"%c%c\", 79, 75);", "OK"),
        ("$strobe(\"%s|%6s|%-6s|\", \"ab\", \"cd\", \"ef\");", "ab|    cd|ef    |"),
        ("$strobe(\"100 %% of %m in %l\");", "100 % of X1 in m"),
        ("$strobe(\"v = \", V(p, n), \" and twice \", 2 * V(p, n));", "v = 1 and twice 2"),
        ("$strobe(V(p, n), 3, \"x\");", "1 3x"),
        ("$strobe(\"%d\", 2.6);", "3"),
    ];
    for (statement, expected) in cases {
        assert_eq!(said("", statement), format!("{expected}\n"), "{statement}");
    }
}

#[test]
fn tasks_differ_in_line_feeds_and_moments() {
    assert_eq!(said("", "$write(\"a\"); $write(\"b\\n\"); $strobe(\"c\"); $display(\"d\"); $write(\"e\");"), "ab\nc\nd\ne\n");
    // The arm that is not taken says nothing.
    assert_eq!(said("", "if (V(p, n) > 2) $strobe(\"no\"); else $strobe(\"yes\");"), "yes\n");
    assert_eq!(said("integer k;", "for (k = 0; k < 3; k = k + 1) $write(\"%d \", k);"), "0 1 2 \n");
    let model = module(
        "",
        "I(p, n) <+ V(p, n); @(initial_step) $strobe(\"first\"); @(final_step) $strobe(\"last\"); $monitor(\"%.1f %g\", V(p, n), $abstime);",
    );
    let (_folder, report) = report(&model, "V1 a 0 PWL(0 1 1u 1 1.001u 2 2u 2)\nX1 a 0 m\n.tran 0.5u 2u 0 0.2u");
    let lines: Vec<&str> = report.text.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("first", "last"), "{}", report.text);
    let level = |v: &str| lines.iter().filter(|l| l.starts_with(v)).count();
    // The time does not count as a change: one line at 1 V, one at 2 V.
    assert_eq!((level("1.0"), level("2.0")), (1, 1), "{}", report.text);
}

#[test]
fn functions_may_speak() {
    let declarations =
        "analog function real twice; input x; real x; begin twice = 2 * x; $strobe(\"x = %g\", x); end endfunction\n real y;";
    assert_eq!(said(declarations, "y = twice(V(p, n)) + twice(3.0);"), "x = 1\nx = 3\n");
}

#[test]
fn severities_end_the_run_as_they_should() {
    let exit = |statement: &str| {
        let (_folder, report) = report(&module("", &format!("I(p, n) <+ V(p, n);\n {statement}")), OP);
        (report.exit, report.text + &report.diagnostics)
    };
    for (statement, code, expected) in [
        ("$info(\"i %d\", 1);", 0, "i 1"),
        ("$warning(\"w\");", 0, "warning: w"),
        ("$error(\"e\");", 1, "error: e"),
        ("$fatal(1, \"f %g\", V(p, n));", 1, "X1: f 1"),
        ("$finish(0);", 0, ""),
        ("$stop;", 0, ""),
    ] {
        let (found, text) = exit(statement);
        assert_eq!(found, code, "{statement}: {text}");
        assert!(text.contains(expected), "{statement}: {text}");
    }
}

#[test]
fn files_are_written_below_the_output_folder() {
    let model = module(
        "integer a, b, both; parameter string name = \"log.txt\";",
        "@(initial_step) begin a = $fopen(name, \"w\"); b = $fopen(\"sub/%m.txt\"); both = b | 1; $fwrite(a, \"t v\\n\"); end
         I(p, n) <+ V(p, n);
         if (analysis(\"tran\")) $fstrobe(a, \"%g %.3f\", $abstime, V(p, n));
         @(initial_step) $fdisplay(both, \"here and there\");
         @(final_step) begin $fdisplay(b, \"end\"); $fclose(a); $fclose(b); end",
    );
    let (folder, report) = report(&model, "V1 a 0 PWL(0 0 1u 1)\nX1 a 0 m\nX2 a 0 m name=\"other.txt\"\n.tran 0.5u 1u 0 0.25u");
    assert_eq!(report.exit, 0, "{}{}", report.text, report.diagnostics);
    let read = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let log = read("log.txt");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[1]), ("t v", "0 0.000"));
    for line in &lines[1..] {
        let (t, v) = line.split_once(' ').expect("two columns");
        // The source is 1 V per microsecond; three digits are printed.
        assert!((t.parse::<f64>().unwrap() * 1e6 - v.parse::<f64>().unwrap()).abs() < 1e-3, "{line}");
    }
    assert!(lines.last().is_some_and(|l| l.starts_with("1e-06 1.000")), "{log}");
    assert_eq!(read("other.txt"), log, "each instance has its own name");
    assert_eq!(read("sub/X1.txt"), "here and there\nend\n");
    assert_eq!(read("sub/X2.txt"), "here and there\nend\n");
    assert_eq!(report.text.matches("here and there").count(), 2, "bit 0 is the report: {}", report.text);
    assert!(report.files.iter().any(|f| f.ends_with("sub/X1.txt")));
}

#[test]
fn analyses_do_not_overwrite_each_other() {
    let model =
        module("integer a;", "@(initial_step) a = $fopen(\"log.txt\", \"w\"); I(p, n) <+ V(p, n); $fstrobe(a, \"%g\", V(p, n));");
    let (folder, report) = report(&model, "V1 a 0 1\nX1 a 0 m\n.op\n.dc V1 0 2 1\n.step param temp list 20 30");
    assert_eq!(report.exit, 0, "{}", report.diagnostics);
    for (name, text) in [("log.op-1.txt", "1\n"), ("log.op-2.txt", "1\n"), ("log.dc-2.txt", "0\n1\n2\n")] {
        assert_eq!(std::fs::read_to_string(folder.path().join("out").join(name)).expect(name), text, "{name}");
    }
}

#[test]
fn descriptors_that_lead_nowhere_are_told() {
    let (_folder, report) = report(
        &module(
            "integer a;",
            "@(initial_step) begin a = $fopen(\"x.txt\", \"w\"); $fclose(a); end I(p, n) <+ V(p, n); $fstrobe(a, \"lost\"); $fclose(a);",
        ),
        OP,
    );
    assert!(
        report.text.contains("belongs to no open file") && report.text.contains("`$fclose` of a file that is not open"),
        "{}",
        report.text
    );
    let dynamic = module("string s; integer a;", "$sformat(s, \"%m/../../x\"); a = $fopen(s, \"w\"); I(p, n) <+ V(p, n);");
    let (folder, report) = super::messages::report(&dynamic, OP);
    assert_eq!(report.exit, 1);
    assert!(report.text.contains("leads out of it"), "{}", report.text);
    assert!(!folder.path().join("x").exists());
}

#[test]
fn strings_are_made_kept_and_compared() {
    // A string of constants is a constant: it may be compared and name a file.
    let text = said("string s; parameter integer k = 3;", "$sformat(s, \"a%02d\", 7); if (s == \"a07\") $strobe(\"equal %s\", s);");
    assert_eq!(text, "equal a07\n");
    // One of moving values is written where it is said, with the values of the time when it was made.
    let model = module(
        "string s;",
        "@(initial_step) $sformat(s, \"%m started at %.2f V\", V(p, n)); I(p, n) <+ V(p, n); @(final_step) $strobe(\"%s\", s);",
    );
    let (_folder, report) = report(&model, "V1 a 0 PWL(0 0.25 1u 1)\nX1 a 0 m\n.tran 0.5u 1u");
    assert_eq!(report.text, "X1 started at 0.25 V\n");
    assert_eq!(said("string s;", "$swrite(s, \"v=\", V(p, n)); $strobe(s);"), "v=1\n");
    assert_eq!(
        said("string s;", "s = $simparam$str(\"module\"); $strobe(\"%s %s\", s, $simparam$str(\"analysis_type\"));"),
        "m dc\n"
    );
    assert_eq!(said("", "$strobe($simparam$str(\"instance\"));"), "X1\n");
}

#[test]
fn instances_speak_in_order_whatever_the_threads() {
    let model = module("", "I(p, n) <+ V(p, n); @(initial_step) $strobe(\"%m\");");
    let cards: String = (0..70).map(|k| format!("X{k} a 0 m\n")).collect();
    let (_folder, report) = report(&model, &format!("V1 a 0 1\n{cards}.op"));
    let expected: String = (0..70).map(|k| format!("X{k}\n")).collect();
    assert_eq!(report.text, expected);
}

#[test]
fn mistakes_in_messages_are_named() {
    let cases = [
        ("$strobe(\"%d %d\", 1);", "more places than arguments"),
        ("$strobe(\"%y\", 1);", "`%y` is no format"),
        ("$strobe(\"%d\", \"text\");", "a string where `%d` wants a number"),
        ("$strobe(\"%9999f\", 1.0);", "asks for more than 500"),
        ("a = $fopen(\"/etc/passwd\", \"w\");", "below the folder of the results"),
        ("a = $fopen(\"../x\", \"w\");", "`..` leads out of it"),
        ("a = $fopen(\"x\", \"r\");", "models read no files"),
        ("$fstrobe();", "says not where"),
        ("$strbe(\"x\");", "$strobe"),
        ("$sformat(a, \"x\");", "writes to a string variable"),
        ("a = $strobe(\"x\");", "it is a statement of its own"),
        ("a = $fgets(s, a);", "models read no files"),
    ];
    for (statement, expected) in cases {
        let said = refused(&module("integer a; string s;", &format!("I(p, n) <+ V(p, n);\n {statement}")));
        assert!(said.contains(expected), "{statement}:\n{said}");
    }
}
