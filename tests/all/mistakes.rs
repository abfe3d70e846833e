//! What is said about bad Verilog-A, as snapshots: one text and one snapshot a mistake (with `frontend`, more than eighty).

use memspice::diag::{Severity, render};

use super::frontend::{compile, module};

/// Bad texts: a name for the snapshot, and what stands inside of a module.
const INSIDE: [(&str, &str); 40] = [
    ("port_flow_written", "branch (<p>) b; analog begin I(<p>) <+ 1; V(b) <+ 1; V(p,n) <+ V(<p>) + I(<q>); end"),
    ("indirect_without_equation", "analog begin V(p) : V(n); V(p) : V(n) = 1; end"),
    ("indirect_twice", "analog begin V(p) : V(n) == 0; V(p) : V(n) == 1; end"),
    ("indirect_and_direct", "analog begin I(p,n) <+ 1; V(p,n) : V(p) == 1; end"),
    ("compound_assignment", "real x; analog begin x += 2; x -= 1; x *= 3; x++; I(p,n) <+ x; end"),
    ("digital_assignment", "real x; analog begin x <= 2; I(p,n) <+ x; end"),
    ("digital_statements", "real x; analog begin disable main; forever x = 1; #10 x = 2; wait (x) x = 3; -> go; I(p,n) <+ 1; end"),
    ("digital_items", "reg r; wire w; initial begin r = 0; end\nassign w = r;\nanalog I(p,n) <+ 1;"),
    ("digital_edges", "real x; analog begin @(posedge p) x = 1; @* x = 2; I(p,n) <+ x; end"),
    ("misspelt_statement", "real x; analog begin fi (V(p,n) > 0) x = 1; whlie (x < 1) x = 2; I(p,n) <+ x; end"),
    ("misspelt_item", "paramter real r = 1;\nanalog I(p,n) <+ 1;"),
    ("misspelt_operator", "analog I(p,n) <+ dtd(V(p,n)) + limxep(V(p,n)) + whit_noise(1);"),
    ("misspelt_task", "analog begin $stobe(\"x\"); $bound_stp(1); I(p,n) <+ $temprature + $abstim; end"),
    ("else_after_semicolon", "real x; analog begin if (V(p) > 0) x = 1;; else x = 2; I(p,n) <+ x; end"),
    ("late_declaration", "analog begin I(p,n) <+ 1; real x; end"),
    ("two_defaults", "integer k; analog begin k = 1; case (k) default: k = 2; 1: k = 3; default: k = 4; endcase I(p,n) <+ k; end"),
    ("missing_endcase", "integer k; analog begin case (k) 1: k = 2; end"),
    ("return_outside", "analog begin return 1; I(p,n) <+ 1; end"),
    (
        "break_and_continue",
        "integer i; analog begin for (i = 0; i < 3; i = i + 1) begin if (i > 1) break; continue; end I(p,n) <+ i; end",
    ),
    ("endless_contributions", "integer i; analog for (i = 0; i < 10000; i = i + 1) I(p,n) <+ i;"),
    (
        "parameter_from_function",
        "parameter real a = f(b); parameter real b = 1; analog function real f; input x; real x; f = x*b; endfunction\nanalog I(p,n) <+ a;",
    ),
    (
        "message_in_default",
        "parameter real a = f(1); analog function real f; input x; real x; begin $strobe(\"x\"); f = x; end endfunction\nanalog I(p,n) <+ a;",
    ),
    (
        "written_argument",
        "analog function real f; input a; output b; real a, b; begin b = a; f = a; end endfunction\nreal x; analog begin x = f(1, 2); I(p,n) <+ x; end",
    ),
    ("based_numbers", "integer k; analog begin k = 8'h1x + 4'b102 + 64'hFF + 'hFFFFFFFFF; I(p,n) <+ k; end"),
    (
        "units_behind_numbers",
        "parameter real r = 10meg; parameter real c = 3ohm; parameter real d = 5mm; analog I(p,n) <+ r + c + d;",
    ),
    ("lookalikes", "analog I(p,n) <+ V(p,n) \u{2212} 1;"),
    ("macro_chain", "`define INNER(x) (x*gain)\n`define OUTER(y) (1 + `INNER(y))\nanalog I(p,n) <+ `OUTER(V(p,n));"),
    ("macro_statement", "`define SET(v, e) v = e;\\\n  v = v*factor;\nreal x; analog begin `SET(x, 2) I(p,n) <+ x; end"),
    ("macro_defaults", "`define F(a, b = 2) (a + b)\nanalog I(p,n) <+ `F() + `F(1) + `F(1, 2, 3);"),
    ("macro_head", "`define F(a, 2) a\n`define include x\n`define\n`define G(a\nanalog I(p,n) <+ 1;"),
    ("macro_without_arguments", "`define F(a) a\nanalog I(p,n) <+ `F + 1;"),
    ("misspelt_directive", "`ifdfe X\n`endif\nanalog I(p,n) <+ 1;"),
    ("protected_text", "`protected xyz\nanalog I(p,n) <+ 1;"),
    ("else_twice", "`ifdef X\n`else\n`else\n`endif\n`endif\nanalog I(p,n) <+ 1;"),
    ("alias_of_system", "aliasparam m = $mfactor; analog I(p,n) <+ 1;"),
    ("node_as_value", "branch (p,n) b; analog I(p,n) <+ p + b;"),
    (
        "contribution_in_function",
        "analog function real f; input x; real x; begin I(p,n) <+ x; f = x; end endfunction\nanalog I(p,n) <+ f(1);",
    ),
    ("array_without_index", "real w[0:1]; real v; analog begin v = w; w = 1; v = v[0]; I(p,n) <+ v; end"),
    ("list_as_value", "real v; analog begin v = {1, 2}; I(p,n) <+ v + '{2{1}}; end"),
    ("real_bits", "real v; analog begin v = ~V(p,n) | (V(p,n) << 2); I(p,n) <+ v + &v; end"),
];

/// Bad whole files.
const WHOLE: [(&str, &str); 10] = [
    ("misspelt_module", "modul m(p); inout p; endmodule"),
    (
        "misspelt_nature",
        "`include \"disciplines.vams\"\ndiscipline d potential Voltag; flow Curent; enddiscipline\nmodule m(p); inout p; d p; analog flow(p) <+ 1; endmodule",
    ),
    ("bad_nature", "nature N access = 3; abstol = \"a\"; units = 2; ddt_nature = Nowhere; endnature\nmodule m; endmodule"),
    ("bad_domain", "discipline d domain analogue; enddiscipline\nmodule m; endmodule"),
    (
        "bad_override",
        "`include \"disciplines.vams\"\ndiscipline d potential.abstol = 1; potential Voltage; endiscipline\nmodule m; endmodule",
    ),
    ("discrete_node", "discipline bits domain discrete; enddiscipline\nmodule m(p); inout p; bits p; analog V(p) <+ 1; endmodule"),
    (
        "unknown_default_discipline",
        "`include \"disciplines.vams\"\n`default_discipline electricle\nmodule m(p); inout p; analog V(p) <+ 1; endmodule",
    ),
    (
        "two_modules_unclosed",
        "`include \"disciplines.vams\"\nmodule a(p); inout p; electrical p; analog V(p) <+ 1;\nmodule b(p); inout p; electrical p; analog V(p) <+ ; endmodule",
    ),
    (
        "function_unclosed",
        "`include \"disciplines.vams\"\nmodule a(p); inout p; electrical p;\nanalog function real f; input x; real x; f = x;\nanalog V(p) <+ f(1); endmodule",
    ),
    (
        "many_at_once",
        "`include \"disciplines.vams\"\nmodule a(p, q); inout p; electrical p;\nparameter real r = 1 from (0:;\nparameter integer k = 1.5 +;\nanalog begin\n  V(p) <+ r*;\n  if V(p) > 1 V(p) <+ 2;\n  I(p) <+ undefined;\nend\nendmodule",
    ),
];

/// Texts that are read with a warning.
const ODD: [(&str, &str); 5] = [
    ("odd_numbers", "parameter real a = 1.; parameter real b = .5; parameter real c = 1.e3; analog I(p,n) <+ a + b + c;"),
    ("odd_semicolons", "real x; analog begin if (V(p) > 0) begin x = 1; end; else x = 2; I(p,n) <+ x; end"),
    ("odd_case", "integer k; analog begin k = 2; casex (k) [1:3]: k = 5; default: k = 6; endcase I(p,n) <+ k; end"),
    ("odd_head", "analog function real f(input real a, b); f = a + b; endfunction\nanalog I(p,n) <+ f(1, 2);"),
    ("odd_blank", "analog\u{a0}I(p,n) <+ 1;"),
];

#[test]
fn mistakes() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let inside = INSIDE.iter().map(|(name, text)| (*name, module("p, n", text)));
    let whole = WHOLE.iter().map(|(name, text)| (*name, (*text).to_string()));
    settings.bind(|| {
        for (name, text) in inside.chain(whole) {
            let (_, diagnostics, sources) = compile(&text);
            assert!(diagnostics.iter().any(|d| d.severity == Severity::Error), "nothing is wrong with {name}");
            insta::assert_snapshot!(format!("verilog_{name}"), render(&diagnostics, &sources, false));
        }
        for (name, text) in ODD {
            let (models, diagnostics, sources) = compile(&module("p, n", text));
            assert!(!models.is_empty() && !diagnostics.is_empty(), "{name}: {}", render(&diagnostics, &sources, false));
            insta::assert_snapshot!(format!("verilog_{name}"), render(&diagnostics, &sources, false));
        }
    });
}
