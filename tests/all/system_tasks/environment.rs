//! Functions about the simulation: `$simparam`, `analysis`, positions, conversions; and names that are refused with a reason.

use super::{module, refused, run};

/// Values of an expression at the operating point, in a transient and in a small-signal analysis.
fn value(declarations: &str, expression: &str) -> f64 {
    let model = module(&format!("{declarations} (* desc=\"value\" *) real x;"), &format!("x = {expression}; I(p, n) <+ V(p, n);"));
    run(&model, "V1 a 0 1\nX1 a 0 m m=2\n.op\n.options gmin=3p temp=50\n.save @x1[x]").column(0, "@x1[x]")[0]
}

#[test]
fn the_environment_has_values() {
    let cases = [
        ("$simparam(\"gmin\")", 3e-12),
        ("$simparam(\"unheard\", 7.5)", 7.5),
        ("$simparam(\"tnom\")", 27.0),
        ("$temperature", 323.15),
        ("$vt", 1.380649e-23 * 323.15 / 1.602176634e-19),
        ("$vt(300)", 1.380649e-23 * 300.0 / 1.602176634e-19),
        ("$mfactor", 2.0),
        ("$xposition + $yposition + $angle", 0.0),
        ("$hflip + $vflip", 2.0),
        ("$param_given(q)", 0.0),
        ("$port_connected(p)", 1.0),
        ("$test$plusargs(\"x\")", 0.0),
        ("$cputime", 0.0),
        ("$simprobe(\"x2\", \"g\", 4.5)", 4.5),
        ("$rtoi(-2.7)", -2.0),
        ("$itor(3)", 3.0),
        ("$clog2(9)", 4.0),
        ("$signed(5)", 5.0),
        ("$ln($exp(2.0)) + $pow(2.0, 3) + $sqrt(16.0) + $log10(100.0) + $floor(1.5) + $ceil(1.5)", 19.0),
        ("$hypot(3.0, 4.0) + $abs(-1.0) + $min(1, 2) + $max(1, 2)", 9.0),
        ("analysis(\"dc\") && analysis(\"static\") && analysis(\"op\") && !analysis(\"tran\", \"ac\", \"noise\", \"ic\")", 1.0),
    ];
    for (expression, expected) in cases {
        let found = value("parameter real q = 1;", expression);
        assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{expression}: {found}, expected {expected}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let cases = [
        ("x = $realtobits(1.0);", "integers have 32 bits"),
        ("x = $time;", "use `$abstime`"),
        ("$analog_node_alias(p, \"top.a\");", "nodes are connected in the deck"),
        ("x = $simprobe(\"x2\", \"g\");", "values are read in the deck"),
        ("x = $value$plusargs(\"x=%d\", x);", "use a parameter and `--set`"),
        ("x = $urandom();", "use `$random`"),
        ("x = $simparam(\"gmim\");", "gmin"),
        ("x = $simparam$str(\"modul\") == \"a\";", "module"),
        ("x = $tempreature;", "$temperature"),
        ("x = $sscanf(\"1\", \"%d\", x);", "not read"),
    ];
    for (statement, expected) in cases {
        let said = refused(&module("real x;", &format!("I(p, n) <+ V(p, n);\n {statement}")));
        assert!(said.contains(expected), "{statement}:\n{said}");
    }
}
