//! The text of the language: what the preprocessor, declarations and plain statements mean, by hand calculation at points
//! (`language_decks` runs some of it).

use std::path::Path;

use memspice::diag::{Severity, render};
use memspice::span::{MemoryFiles, Sources};
use memspice::veriloga;

use super::frontend::{At, close, compile, model, module};

/// What `y` is after `statements` (and `items` before them) at V(p,n) = 0.5.
fn value(items: &str, statements: &str) -> f64 {
    let text =
        module("p, n", &format!("{items}\nreal a, b; integer i, j;\n(* desc=\"y\" *) real y;\nanalog begin\n{statements}\nend"));
    At::new(&model(&text)).x("p", 0.75).x("n", 0.25).var("y")
}

#[test]
fn macros_with_defaults_commas_and_joined_tokens() {
    let head = "`define SUM(a, b = 2, c = (1 + 2)) ((a) + (b)*(c))\n`define SECOND(a, b) b\n`define JOIN(x, k) x``_``k\n`define TEXT(x) `\"x is 1`\"\n`define TWICE(x) (2*(x))\nreal v_3; parameter string s = `TEXT(k);\n";
    close(value(head, "y = `SUM(1);"), 7.0);
    close(value(head, "y = `SUM(1, 5);"), 16.0);
    close(value(head, "y = `SUM(1, , 10);"), 21.0);
    // Commas in brackets, braces and strings belong to their argument.
    close(value(head, "y = `SECOND(max(1, 2), min(3, 4));"), 3.0);
    close(value(head, "y = (\"a,b\" == `SECOND({1, 2}, \"a,b\")) + (s == \"k is 1\");"), 2.0);
    close(value(head, "v_3 = 4; y = `JOIN(v, 3);"), 4.0);
    // A macro in an argument, arguments over lines.
    close(value(head, "y = `TWICE(`SUM(1,\n  2,\n  3));"), 14.0);
    let many: Vec<String> = (0..24).map(|k| format!("a{k}")).collect();
    let sum = format!("`define ALL({}) \\\n ( {} )\n", many.join(", \\\n  "), many.join(" + \\\n  "));
    let numbers: Vec<String> = (0..24).map(|k| k.to_string()).collect();
    close(value(&sum, &format!("y = `ALL({});", numbers.join(", "))), 276.0);
}

#[test]
fn conditions_and_definitions_inside_of_macros() {
    let head = "`define PICK(x) \\\n `ifdef CHOSEN \\\n (x) \\\n `else \\\n (-(x)) \\\n `endif\n`define MAKE(n) `define MADE n + 1\n`define A 1\n`define A 2\n";
    close(value(head, "y = `PICK(3);"), -3.0);
    close(value(head, "\n`define CHOSEN\ny = `PICK(3);"), 3.0);
    close(value(head, "\n`MAKE(4)\ny = `MADE;"), 5.0);
    close(value(head, "y = `A;"), 2.0);
    // Text that is left out may be anything.
    close(value("`ifdef NEVER\n 4'bxz § \" 1ohm `nothing\n`elsif ALSO\n#$%\n`else\nreal z;\n`endif", "y = 1;"), 1.0);
    close(
        value("`ifndef X\n`define X 3\n`endif X\n`timescale 1ns/1ps\n`line 7 \"x\" 1\n`pragma y z\n", "y = `X + (`__LINE__ > 5);"),
        4.0,
    );
}

#[test]
fn files_inside_of_modules() {
    let files = [
        ("part.inc", "parameter real k = 3;\n`define HALF(x) ((x)/2)\n"),
        ("sub/body.inc", "I(p,n) <+ `HALF(k)*V(p,n);\n`include \"tail.inc\"\n"),
        ("sub/tail.inc", "I(p,n) <+ `__LINE__;\n"),
    ];
    let files = files.iter().map(|(n, t)| (Path::new(n).to_path_buf(), t.as_bytes().to_vec())).collect();
    let mut sources = Sources::new(Box::new(MemoryFiles(files)));
    let text = "`include \"Discipline.h\"\n`include <constants.vams>\n`define BODY `include \"sub\\body.inc\"\nmodule m(p, n); inout p, n; electrical p, n;\n`include \"part.inc\"\nanalog begin\n`BODY\nend endmodule";
    let file = sources.add(Path::new("m.va"), text.to_string());
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    assert!(diagnostics.is_empty(), "{}", render(&diagnostics, &sources, false));
    close(At::new(&models[0]).x("p", 2.0).f("p"), 4.0);
}

#[test]
fn bytes_names_and_numbers() {
    // A source that is not UTF-8: what stands in comments does not matter.
    let mut bytes = b"// temp\xe9rature\n/* \xff\xfe */ ".to_vec();
    bytes.extend(module("p, n", "analog I(p,n) <+ V(p,n); // \u{b5}A").bytes());
    let files = [(Path::new("m.va").to_path_buf(), bytes)].into_iter().collect();
    let mut sources = Sources::new(Box::new(MemoryFiles(files)));
    let file = sources.load(Path::new("m.va")).expect("read");
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    assert!(models.len() == 1 && diagnostics.is_empty(), "{}", render(&diagnostics, &sources, false));
    close(value("real \\begin , \\a+b ;", "\\begin = 2; \\a+b = 3; y = \\begin *\\a+b ;"), 6.0);
    close(value("", "y = 'hFF + 8'b1010_0101 + 4'd15 + 'o17 + 4'sb1000;"), 255.0 + 165.0 + 15.0 + 15.0 - 8.0);
    close(value("", "y = 32'hFFFFFFFF;"), -1.0);
    close(value("", "y = 1_000 + 2K + 3.5k + 1m*1M + 2e-1_0*0;"), 1000.0 + 2000.0 + 3500.0 + 1000.0);
    close(
        value("", "i = 6; j = -7; y = (&i) + 2*(|i) + 4*(^i) + 8*(~^i) + 16*(~|i) + 32*(&(-1)) + 1000*(j >>> 1) + (j >> 31)*0.5;"),
        42.0 - 4000.0 + 0.5,
    );
}

#[test]
fn attributes_stand_everywhere() {
    let text = "`include \"disciplines.vams\"\n(* a, b = 1 *) module dut((* c *) p, n); (* d *) inout p, n; (* e *) electrical p, n; (* f *) branch (p, n) br;\n\
        (* desc = \"g\" *) parameter real g = 2 from [0:inf); (* h *) real x;\n(* i *) analog (* j *) begin (* k *) x = 1 + (* l *) g * (* m *) exp (* n *) (0); \n\
        (* o *) if (x > 0 ? (* q *) 1 : 0) (* r *) I(br) <+ - (* s *) x; (* t *) case (g) 2: I(br) <+ 1; endcase end endmodule";
    close(At::new(&model(text)).f("p"), -2.0);
}

#[test]
fn starts_read_parameters_functions_and_one_another() {
    let items = "parameter real k = 3; parameter real kk = cube(k) + 1; localparam integer num = 2*2;\n\
        analog function real cube; input x; real x, r; integer m; begin r = 1; for (m = 0; m < 3; m = m + 1) r = r*x; cube = r; end endfunction\n\
        real s = cube(k), t = 2*s; real w[-1:num-2] = '{num{k}}; real v[3:1] = '{10, 20, 30}; integer c = num + 1;";
    close(value(items, "y = kk + s + t;"), 28.0 + 27.0 + 54.0);
    close(value(items, "y = w[-1] + w[2] + c;"), 3.0 + 3.0 + 5.0);
    // The first value of a list belongs to the first bound.
    close(value(items, "y = v[1]; i = 3; y = y + 1000*v[i];"), 30.0 + 10_000.0);
}

#[test]
fn functions_return_early() {
    let items = "analog function real first; input x; real x; integer k; begin\n\
          if (x < 0) return -1; for (k = 0; k < 10; k = k + 1) begin if (k*k > x) return k; end first = 99; end endfunction\n\
        analog function real swap; inout a, b; real a, b, c; begin c = a; a = b; b = c; swap = a - b; end endfunction real w[0:1];";
    close(value(items, "y = first(-3) + 10*first(17) + 1000*first(1000);"), -1.0 + 50.0 + 99_000.0);
    // The bound is not known when the model is compiled: a loop of the IR.
    close(value(items, "y = first(100*V(p,n));"), 8.0);
    close(value(items, "w[0] = 1; w[1] = 5; y = swap(w[0], w[1]); y = y + 10*w[0] + 100*w[1];"), 4.0 + 50.0 + 100.0);
    close(value(items, "i = 1; w[0] = 1; w[1] = 5; y = swap(w[i], w[1 - i]); y = y + 10*w[0] + 100*w[1];"), -4.0 + 50.0 + 100.0);
}

#[test]
fn long_chains_of_conditions() {
    for count in [5usize, 13, 40, 3000] {
        let arms: Vec<String> = (0..count).map(|k| format!("if (V(p,n)*{count} < {k} + 0.25) y = {k};")).collect();
        let chain = format!("{} else y = -1;", arms.join(" else "));
        // 0.5 count < k + 0.25 first holds for k = ceil(count/2 - 0.25).
        close(value("", &chain), (count as f64 / 2.0 - 0.25).ceil());
        let labels: Vec<String> = (0..count).map(|k| format!("{k}: y = {};", 2 * k + 1)).collect();
        close(value("", &format!("i = V(p,n)*4; case (i) default: y = -1; {} endcase", labels.join(" "))), 5.0);
        close(value("", &format!("i = -1; i = i*V(p,n)*2; case (i) default: y = -7; {} endcase", labels.join(" "))), -7.0);
    }
    close(value("", "i = 10*V(p,n); case (i) 1, 2: y = 1; [3:4]: y = 2; [5:9]: y = 3; default: y = 4; endcase"), 3.0);
    // Every arm writes: nothing is remembered.
    let arms: Vec<String> = (0..30).map(|k| format!("if (V(p,n) < {k}) a = {k};")).collect();
    let m = model(&module("p, n", &format!("real a; analog begin {} else a = 1; I(p,n) <+ a; end", arms.join(" else "))));
    assert!(m.retained.is_empty());
}

#[test]
fn loops_with_contributions() {
    let body = "parameter integer count = 3; parameter real c = 1p; integer i;\nanalog begin for (i = 1; i <= count; i = i + 1) begin I(p,n) <+ i*V(p,n); I(p,n) <+ ddt(c*i*V(p,n)); if (i > 2) $strobe(\"%d\", i); end end";
    let m = model(&module("p, n", body));
    let at = At::new(&m).x("p", 2.0);
    close(at.f("p"), 12.0);
    close(at.q("p"), 12e-12);
    close(At::new(&m).x("p", 2.0).p("count", 5.0).f("p"), 30.0);
    close(At::new(&m).x("p", 2.0).p("count", 0.0).f("p") + 1.0, 1.0);
    // More rounds than are unrolled: the run ends with the reason.
    let outputs = At::new(&m).p("count", 1000.0).outputs();
    let fatal = m.messages.iter().find(|call| call.kind == memspice::model::MessageLevel::Fatal).expect("a message");
    assert_eq!(outputs[fatal.condition as usize], 1.0);
    let m = model(&module(
        "p, n",
        "integer i; analog begin i = 0; while (i < 100) begin I(p,n) <+ 1; i = i + 1; end repeat (3) I(p,n) <+ V(p,n); end",
    ));
    close(At::new(&m).x("p", 2.0).f("p"), 106.0);
}

#[test]
fn natures_of_disciplines() {
    let text = "`include \"disciplines.vams\"\nnature Fine : electrical.potential; abstol = 1n; endnature\n\
        discipline precise potential Fine; flow Current; flow.abstol = 2*1p; domain continuous; enddiscipline\n\
        `default_discipline precise\nmodule m(a, b); inout a, b; electrical c; analog begin I(a,b) <+ V(a,b); I(b,c) <+ V(b,c); end endmodule\n\
        `resetall\nmodule k(a); inout a; electrical a; analog I(a) <+ V(a); endmodule";
    let (models, diagnostics, sources) = compile(text);
    assert!(!diagnostics.iter().any(|d| d.severity == Severity::Error), "{}", render(&diagnostics, &sources, false));
    let (a, c) = (&models[0].unknowns[0], &models[0].unknowns[2]);
    assert_eq!((a.abstol, a.residual_abstol, a.unit.as_str()), (1e-9, 2e-12, "V"));
    assert_eq!((c.abstol, c.residual_abstol), (1e-6, 1e-12));
}

/// The usual names of the standard files are there, older spellings too.
#[test]
fn standard_names() {
    let nodes = "electrical a; thermal b; magnetic c; kinematic d; kinematic_v e; rotational f; rotational_omega g; voltage h; current i_; ddiscrete j_;";
    let uses = "y = V(a) + Temp(b) + MMF(c) + Pos(d) + Vel(e) + Theta(f) + Omega(g) + V(h) + `P_Q + `P_K + `P_EPS0 + `P_U0 + `P_CELSIUS0 + `M_PI + `M_TWO_PI + `M_1_PI + `M_SQRT1_2 + `P_C + `P_H + `P_HBAR;\n\
        y = `P_Q_SPICE + `P_K_SPICE + `P_H_SPICE + `P_EPS0_SPICE + `P_Q_OLD + `P_K_OLD + `P_H_OLD + `P_EPS0_OLD\n + `P_Q_NIST1998 + `P_K_NIST1998 + `P_H_NIST1998 + `P_EPS0_NIST1998 + `P_Q_NIST2010 + `P_K_NIST2010 + `P_H_NIST2010 + `P_EPS0_NIST2010;";
    let text = module("p, n", &format!("{nodes} real y; analog begin {uses} I(p,n) <+ y; end"));
    let (models, diagnostics, sources) = compile(&text);
    assert!(models.len() == 1, "{}", render(&diagnostics, &sources, false));
}

/// Names of the variables that a model of `statements` remembers.
fn remembered(items: &str, statements: &str) -> Vec<String> {
    let text = module("p, n", &format!("{items}\nreal a, b, c; integer i;\nanalog begin\n{statements}\nend"));
    model(&text).retained.iter().filter(|r| !r.hidden).map(|r| r.name.clone()).collect()
}

/// A variable is remembered only if what it was can be read: not where the conditions of the read imply that it is written.
#[test]
fn only_what_can_be_read_is_remembered() {
    let none: [&str; 0] = [];
    let items = "parameter integer s = 0; parameter integer t = 0;";
    // The same condition, its negation's other arm, a stronger one, each of two.
    let cases = [
        "if (V(p,n) > 0) a = exp(V(p,n)); if (V(p,n) > 0) b = a; else b = 1; I(p,n) <+ b;",
        "if (V(p,n) > 0) a = exp(V(p,n)); if (!(V(p,n) > 0)) b = 1; else b = a; I(p,n) <+ b;",
        "if (0 < V(p,n)) a = exp(V(p,n)); if (V(p,n) > 0 && V(p) > 1) b = a; else b = 1; I(p,n) <+ b;",
        "if (V(p) > 1) a = 1; if (V(n) > 1) a = 2; if (V(p) > 1 || V(n) > 1) I(p,n) <+ a*V(p,n);",
        "if (s != 0) begin if (V(p) > 1) a = 1; else a = 2; end if (s == 2) I(p,n) <+ a;",
        "if (s > 0 || t > 0) a = V(p,n); if (t >= 1) I(p,n) <+ a;",
        "if (s == 1) begin a = V(p,n); c = a; end b = (s == 1 ? a*c : 0); I(p,n) <+ b;",
    ];
    for case in cases {
        assert_eq!(remembered(items, case), none, "{case}");
    }
    // A weaker condition, another one, a condition that has changed between, one of an earlier round.
    let cases = [
        "if (V(p,n) > 0 && V(p) > 1) a = 1; if (V(p,n) > 0) I(p,n) <+ a;",
        "if (V(p,n) > 0) a = 1; if (V(p,n) >= 0) I(p,n) <+ a;",
        "c = V(p); if (c > 0) a = 1; c = V(n); if (c > 0) I(p,n) <+ a;",
        "b = 0; i = 0; while (i < 3 + s) begin if (V(p)*i > 1) a = i; i = i + 1; end if (V(p) > 1) b = a; I(p,n) <+ b;",
        "b = V(p); while (b > 1) begin if (b > 4) c = a; if (b < 2) a = b; b = b/2; end I(p,n) <+ c;",
    ];
    for case in cases {
        assert!(remembered(items, case).contains(&"a".to_string()), "{case}");
    }
}

/// Grounds without a discipline, arrays of some thousand elements, arrays walked through by moving indices.
#[test]
fn what_published_models_take_for_granted() {
    let text = module("p, n", "ground gnd; real big[0:9999]; analog begin big[7] = V(p, gnd); I(p,n) <+ big[7]; end");
    let (models, diagnostics, sources) = compile(&text);
    assert!(models.len() == 1 && diagnostics.len() == 1, "{}", render(&diagnostics, &sources, false));
    assert!(diagnostics[0].severity == Severity::Warning && diagnostics[0].message.contains("`gnd` has no discipline"));
    // A tolerance that is a parameter: its default.
    let text = module("p, n", "parameter real fine = 1e-6; analog I(p,n) <+ idt(V(p,n), 0, 0, fine);");
    assert!(model(&text).unknowns.iter().any(|unknown| unknown.abstol == 1e-6));
    // A history of a thousand points, remembered: seconds once, not minutes.
    let history =
        "real h[0:999]; integer at; analog begin if (V(p) > h[at]) begin h[at + 1] = V(p); at = at + 1; end\nI(p,n) <+ h[at]; end";
    let before = std::time::Instant::now();
    assert_eq!(model(&module("p, n", history)).retained.len(), 1001);
    // A hundred times what it takes on a free machine.
    assert!(before.elapsed().as_secs() < 30);
}
