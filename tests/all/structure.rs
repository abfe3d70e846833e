//! Structure in Verilog-A: instances, arrays of them, paramsets, vectors of nodes, arrays of parameters, generate constructs.
//! Every construct stands in a module of a few lines whose solution is known in closed form.

use std::sync::atomic::AtomicBool;

use memspice::run::{RunOptions, RunReport, run};
use memspice::wave::Dataset;

/// Runs a deck with a model file beside it; gives the results of its only analysis.
fn try_run(verilog: &str, deck: &str) -> (RunReport, Option<Dataset>) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("`include \"constants.vams\"\n`include \"disciplines.vams\"\n{verilog}");
    std::fs::write(folder.path().join("model.va"), text).expect("written");
    let path = folder.path().join("deck.cir");
    std::fs::write(&path, format!("structure\n.hdl \"model.va\"\n{deck}\n.end\n")).expect("written");
    let out = folder.path().join("out");
    let options = RunOptions { output: Some(out.clone()), formats: vec!["csv".into()], ..RunOptions::default() };
    let report = run(&path, &options, &AtomicBool::new(false), &|_, _| {});
    let mut files: Vec<_> = std::fs::read_dir(&out).map_or(Vec::new(), |d| d.filter_map(|e| e.ok().map(|e| e.path())).collect());
    files.retain(|f| f.extension().is_some_and(|e| e == "csv"));
    let data = files.first().and_then(|f| memspice::output::read(f).ok()).and_then(|c| c.results.into_iter().next());
    (report, data)
}

fn solve(verilog: &str, deck: &str) -> Dataset {
    let (report, data) = try_run(verilog, deck);
    assert_eq!(report.exit, 0, "{}\n{}", report.diagnostics, report.text);
    data.unwrap_or_else(|| panic!("no results: {}", report.diagnostics))
}

/// The first value of a column.
fn first(data: &Dataset, name: &str) -> f64 {
    let found = data.real(name).unwrap_or_else(|| panic!("no column {name}"));
    found[0]
}

fn close(found: f64, expected: f64, what: &str) {
    // Linear circuits of a few elements: what Newton leaves is rounding.
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-12), "{what}: {found:e}, expected {expected:e}");
}

const RES: &str = "module res(p, n);\n inout p, n; electrical p, n;\n parameter real r = 1k from (0:inf);\n \
                   analog I(p, n) <+ V(p, n) / r;\nendmodule\n";

#[test]
fn a_divider_of_two_instances() {
    let divider = "module divider(a, b, c);\n inout a, b, c; electrical a, b, c;\n parameter real top = 3k;\n \
                   res #(.r(top)) r1 (a, b);\n res #(1k) r2 (.n(c), .p(b));\nendmodule\n";
    let data = solve(&format!("{divider}{RES}"), "V1 a 0 4\nX1 a m 0 divider\nX2 a k 0 divider top=1k\n.op\n.save v(m) v(k) i(v1)");
    close(first(&data, "v(m)"), 1.0, "3k over 1k");
    close(first(&data, "v(k)"), 2.0, "1k over 1k");
    close(first(&data, "i(v1)"), -(1e-3 + 2e-3), "both in parallel");
}

#[test]
fn an_array_of_instances_takes_its_part_of_a_vector() {
    let chain = "module chain(a, b);\n inout a, b; electrical a, b;\n electrical [0:4] n;\n parameter real unit = 1k;\n \
                 res #(.r(unit)) r[0:3] (n[0:3], n[1:4]);\n res #(.r(1)) first (a, n[0]), last (n[4], b);\nendmodule\n";
    let data = solve(&format!("{chain}{RES}"), "V1 a 0 4.002\nX1 a 0 chain\n.op\n.save x1.n[1] x1.n[4] i(v1)");
    close(first(&data, "i(v1)"), -1e-3, "1 + 4 x 1k + 1 ohm");
    close(first(&data, "X1.n[1]"), 3.001, "after the first of the chain");
    close(first(&data, "X1.n[4]"), 1e-3, "before the last one");
}

#[test]
fn one_node_for_all_instances_puts_them_in_parallel() {
    let bundle = "module bundle(a, b);\n inout a, b; electrical a, b;\n parameter integer n = 4;\n res r[n-1:0] (.p(a), .n(b));\nendmodule\n";
    let deck =
        "V1 a 0 1\nX1 a 0 bundle\nX2 a 0 bundle n=7\n.model many bundle n=10\nX3 a 0 many\n.op\n.save i(v1) i(x1) i(x2) i(x3)";
    let data = solve(&format!("{bundle}{RES}"), deck);
    close(first(&data, "i(X1)"), 4e-3, "the default");
    close(first(&data, "i(X2)"), 7e-3, "another size on the card");
    close(first(&data, "i(X3)"), 10e-3, "another size on a model card");
}

#[test]
fn a_size_follows_parameters_of_the_deck_and_steps() {
    let bundle = "module bundle(a, b);\n inout a, b; electrical a, b;\n parameter integer n = 4;\n res r[1:n] (a, b);\nendmodule\n";
    let deck = ".param k=3\nV1 a 0 1\nX1 a 0 bundle n={2*k}\n.step param k list 3 5\n.op\n.save i(x1)";
    let (report, data) = try_run(&format!("{bundle}{RES}"), deck);
    assert_eq!(report.exit, 0, "{}", report.diagnostics);
    let data = data.expect("results");
    let found = data.real("i(X1)").expect("a column");
    close(found[0], 6e-3, "k = 3");
    let folder = tempfile::tempdir().expect("a folder");
    drop(folder);
    let deck = "V1 a 0 1\nX1 a 0 bundle n=2\n.step param x1.n list 3 5\n.op\n.save i(x1)";
    let (report, data) = try_run(&format!("{bundle}{RES}"), deck);
    assert_eq!(report.exit, 0, "{}", report.diagnostics);
    close(data.expect("results").real("i(X1)").expect("a column")[0], 3e-3, "n = 3");
}

#[test]
fn parameters_pass_through_two_levels() {
    let outer = "module outer(a, b);\n inout a, b; electrical a, b;\n parameter real total = 6k from (0:inf);\n \
                 localparam real part = total / 3;\n middle #(.r(part)) m1 (a, b);\nendmodule\n\
                 module middle(a, b);\n inout a, b; electrical a, b, k;\n parameter real r = 1, other = 2 * r;\n \
                 res #(.r(r)) up (a, k);\n res #(.r(other)) down (k, b);\nendmodule\n";
    let data = solve(&format!("{outer}{RES}"), "V1 a 0 3\nX1 a 0 outer total=3k\n.op\n.save i(v1) x1.m1.k");
    close(first(&data, "i(v1)"), -1e-3, "1k + 2k");
    close(first(&data, "X1.m1.k"), 2.0, "the node between");
}

#[test]
fn open_ports_and_given_parameters_are_known_inside() {
    let part = "module part(p, n, s);\n inout p, n, s; electrical p, n, s;\n parameter real r = 1k;\n \
                analog begin\n  I(p, n) <+ V(p, n) / r * ($param_given(r) ? 1 : 2);\n  \
                if ($port_connected(s)) I(p, n) <+ V(s) * 1m; else I(p, n) <+ 3m;\n  I(s) <+ V(s) * 1u;\n end\nendmodule\n\
                module both(a, b, c, d);\n inout a, b, c, d; electrical a, b, c, d;\n \
                part #(.r(1k)) one (a, 0_, c); part two (.p(b), .n(0_)); part #(.r()) three (d, 0_, );\n electrical 0_; ground 0_;\nendmodule\n";
    let part = part.replace("0_", "gnd");
    let data = solve(&part, "V1 a 0 1\nV2 b 0 1\nV3 c 0 5\nV4 d 0 1\nX1 a b c d both\n.op\n.save i(v1) i(v2) i(v4)");
    close(first(&data, "i(v1)"), -(1e-3 + 5e-3), "given and connected");
    close(first(&data, "i(v2)"), -(2e-3 + 3e-3), "neither");
    close(first(&data, "i(v4)"), -(2e-3 + 3e-3), "a parameter with empty parentheses and a port with nothing are neither");
}

/// Both parts use the unnamed branch between the same two nodes; each has one of its own.
#[test]
fn instances_between_the_same_nodes_do_not_mix_their_branches() {
    let tank = "module tank(a, b);\n inout a, b; electrical a, b;\n resistor #(.r(2k)) r1 (a, b);\n source #(.v(3)) s1 (a, b);\n \
                meter m1 (a, b);\nendmodule\n\
                module source(p, n);\n inout p, n; electrical p, n;\n parameter real v = 1;\n analog V(p, n) <+ v;\nendmodule\n\
                module meter(p, n);\n inout p, n; electrical p, n;\n (* desc = \"own current\" *) real own;\n \
                analog begin\n  I(p, n) <+ V(p, n) * 1m;\n  own = I(p, n);\n end\nendmodule\n";
    let data = solve(tank, "R1 a 0 1k\nX1 a 0 tank\n.op\n.save v(a) @x1[m1.own] i(r1)");
    close(first(&data, "v(a)"), 3.0, "the source holds the node");
    close(first(&data, "@X1[m1.own]"), 3e-3, "not the current of the others");
}

#[test]
fn both_ports_of_an_instance_at_one_node() {
    let short = "module short_(a);\n inout a; electrical a;\n res r1 (a, a);\n diode d1 (a, a);\nendmodule\n";
    let data = solve(&format!("{short}{RES}"), "V1 in 0 1\nR1 in a 1k\nR2 a 0 1k\nX1 a short_\n.op\n.save v(a)");
    close(first(&data, "v(a)"), 0.5, "no current through either");
}

/// The parts of the library inside of a module give what they give in a deck: states, limiting, collapsed nodes.
#[test]
fn a_module_of_pure_structure_is_a_subcircuit() {
    let cell = "module cell(a, b);\n inout a, b; electrical a, b, k;\n parameter real x0 = 0.3;\n \
                taox #(.x0(x0)) m1 (a, k);\n diode #(.is(1e-12)) d1 (k, b);\n capacitor #(.c(1n)) c1 (k, b);\nendmodule\n";
    let data = solve(
        cell,
        ".model di d is=1e-12\nV1 a 0 SIN(0 1 1k)\nX1 a 0 cell x0=0.4\nV2 b 0 SIN(0 1 1k)\nN2 b m taox x0=0.4\nD2 m 0 di\nC2 m 0 1n\n\
         .tran 10u 1m\n.save i(v1) i(v2) x1.m1.x n2.x x1.k v(m)",
    );
    let (one, other) = (data.real("X1.m1.x").expect("x"), data.real("N2.x").expect("x"));
    assert!(one.len() > 30);
    for (a, b) in one.iter().zip(other) {
        assert!((a - b).abs() < 1e-12, "{a} {b}: one Newton iterate serves both");
    }
    for (a, b) in data.real("X1.k").expect("k").iter().zip(data.real("v(m)").expect("m")) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

#[test]
fn vectors_of_nodes_are_ports_in_order() {
    let ladder = "module dac(d, out);\n parameter integer bits = 3 from [1:16];\n inout [bits-1:0] d; inout out; electrical [bits-1:0] d; electrical out;\n \
                  electrical ref; ground ref;\n genvar i;\n branch (d[0], ref) lowest;\n \
                  analog begin\n  for (i = 0; i < bits; i = i + 1) V(out) <+ V(d[i]) * (1 << i);\n  I(lowest) <+ V(d[0]) * 1m;\n end\nendmodule\n";
    let deck =
        "V2 a 0 1\nV1 b 0 0\nV0 c 0 1\nX1 a b c out dac\nV3 e 0 1\nX2 e a b c out4 dac bits=4\n.op\n.save v(out) v(out4) i(v0)";
    let data = solve(ladder, deck);
    close(first(&data, "v(out)"), 5.0, "101");
    close(first(&data, "v(out4)"), 13.0, "1101");
    close(first(&data, "i(v0)"), -2e-3, "the lowest bit of both");
}

#[test]
fn vectors_of_branches_and_concatenated_connections() {
    let bus = "module bus(a, b, c);\n inout a, b, c; electrical a, b, c;\n electrical [0:2] k;\n branch (k, c) load;\n genvar i;\n \
               pass p1 ({a, b}, k[0:1]);\n pass p2 (.x({b, a}), .y({k[2], c}));\n \
               analog for (i = 0; i < 3; i = i + 1) I(load[i]) <+ V(load[i]) * 1m * (i + 1);\nendmodule\n\
               module pass(x, y);\n inout [0:1] x, y; electrical [0:1] x, y;\n genvar j;\n \
               analog for (j = 0; j < 2; j = j + 1) I(x[j], y[j]) <+ V(x[j], y[j]) * 1m;\nendmodule\n";
    let data = solve(bus, "V1 a 0 6\nV2 b 0 8\nX1 a b 0 bus\n.op\n.save x1.k[0] x1.k[1] x1.k[2]");
    close(first(&data, "X1.k[0]"), 3.0, "6 over 1 mS + 1 mS");
    close(first(&data, "X1.k[1]"), 8.0 / 3.0, "8 over 1 mS + 2 mS");
    close(first(&data, "X1.k[2]"), 2.0, "8 over 1 mS + 3 mS");
}

#[test]
fn arrays_of_parameters() {
    let poly = "module poly(p, n);\n inout p, n; electrical p, n;\n parameter integer order = 2 from [0:8];\n \
                parameter real a[0:2] = '{0, 1m, 2m} from [0:inf);\n real y; integer k;\n \
                analog begin\n  y = 0;\n  for (k = order; k >= 0; k = k - 1) y = y * V(p, n) + a[k];\n  I(p, n) <+ y;\n end\nendmodule\n\
                module twice(p, n);\n inout p, n; electrical p, n;\n parameter real b[1:3] = '{1m, 0, 0};\n \
                poly #(.a(b)) one (p, n);\n poly #(.a('{b[1], 2 * b[1], 0})) two (p, n);\nendmodule\n";
    let deck = "V1 a 0 2\nX1 a 0 poly\nX2 a 0 poly a[1]=0 a[0]=5m\nX3 a 0 twice b[3]=1m\nX4 a 0 poly order=1\n.op\n.save i(x1) i(x2) i(x3) i(x4)";
    let data = solve(poly, deck);
    close(first(&data, "i(X1)"), 10e-3, "1m v + 2m v^2");
    close(first(&data, "i(X2)"), 13e-3, "5m + 2m v^2");
    close(first(&data, "i(X3)"), (1e-3 + 4e-3) + (1e-3 + 4e-3), "b handed over, and a list of its elements");
    close(first(&data, "i(X4)"), 2e-3, "an order that is no structure");
}

#[test]
fn generate_loops_conditions_and_cases() {
    let text = "module net(a, b);\n inout a, b; electrical a, b;\n parameter integer n = 3 from [1:40];\n parameter integer kind = 0;\n \
                electrical [0:n] k;\n genvar i;\n generate\n  for (i = 0; i < n; i = i + 1) begin : stage\n   \
                localparam real r = 1k * (i + 1);\n   electrical mid;\n   res #(.r(r)) up (k[i], mid);\n   \
                if (i == 0) begin : special\n    res #(.r(500)) half (mid, k[i+1]);\n   end else\n    res down (mid, k[i+1]);\n  end\n endgenerate\n \
                case (kind)\n  0: begin : plain analog V(a, k[0]) <+ 0; end\n  1, 2: begin : drop analog V(a, k[0]) <+ 1; end\n  \
                default: begin : other real x; analog begin x = 2; V(a, k[0]) <+ x; end end\n endcase\n \
                analog V(k[n], b) <+ 0;\nendmodule\n";
    // n = 3: 1k + 500 + 2k + 1k + 3k + 1k = 8.5k; n = 2: 4.5k.
    let deck = "V1 a 0 8.5\nX1 a 0 net\nX2 a 0 net n=2 kind=1\nX3 a 0 net kind=7\n.op\n.save i(x1) i(x2) i(x3) x1.stage[1].mid";
    let data = solve(&format!("{text}{RES}"), deck);
    close(first(&data, "i(X1)"), 1e-3, "three stages");
    close(first(&data, "i(X2)"), 7.5 / 4.5e3, "two stages and a drop of 1 V");
    close(first(&data, "i(X3)"), 6.5 / 8.5e3, "a drop of 2 V");
    close(first(&data, "X1.stage[1].mid"), 8.5 - 3.5, "inside of a stage");
}

/// A round looks at the one before it by an index that moves with the loop.
#[test]
fn rounds_of_a_loop_name_one_another() {
    let text = "module chain(a);\n inout a; electrical a;\n genvar i;\n for (i = 0; i < 4; i = i + 1) begin : s\n  electrical o;\n  \
                if (i > 0) begin : on\n   res r1 (s[i-1].o, o);\n   analog I(o) <+ V(s[i-1].o) * 1m + V(o) * 1m;\n  end else\n   \
                analog V(o, a) <+ 0;\n end\nendmodule\n";
    let data =
        solve(&format!("{text}{RES}"), "V1 x 0 8\nRS x a 0.001\nX1 a chain\n.op\n.save x1.s[0].o x1.s[1].o x1.s[2].o x1.s[3].o");
    // I = 1m (V(prev) - V) = 1m V(prev) + 1m V + I of the next one; the last one: V(prev) - V = V(prev) + V, so V = 0.
    let v: Vec<f64> = (0..4).map(|k| first(&data, &format!("X1.s[{k}].o"))).collect();
    assert!(v[3].abs() < 1e-9, "{v:?}");
    for k in 1..4 {
        let next = if k < 3 { v[k] - v[k + 1] } else { 0.0 };
        assert!((v[k - 1] - v[k] - v[k - 1] - v[k] - next).abs() < 1e-9, "{v:?}");
    }
}

#[test]
fn lists_repeat_their_items() {
    let text = "module rep(p, n);\n inout p, n; electrical p, n;\n parameter integer m = 3;\n parameter real a[0:m+1] = '{2{1m}, '{m{2m}}};\n \
                real b[0:3] = '{4{1.0}}; integer k; real g;\n analog begin\n  g = 0;\n  for (k = 0; k < m + 2; k = k + 1) g = g + a[k];\n  \
                for (k = 0; k < 4; k = k + 1) g = g + b[k] * 1m;\n  I(p, n) <+ g * V(p, n);\n end\nendmodule\n";
    let text = text.replace("'{2{1m}, '{m{2m}}}", "'{1m, 1m, '{m{2m}}}");
    let data = solve(&text, "V1 a 0 1\nX1 a 0 rep\nX2 a 0 rep m=5\n.op\n.save i(x1) i(x2)");
    close(first(&data, "i(X1)"), 2e-3 + 6e-3 + 4e-3, "two, three times two, four");
    close(first(&data, "i(X2)"), 2e-3 + 10e-3 + 4e-3, "as long as another parameter says");
}

#[test]
fn arrays_of_variables_are_sized_by_parameters() {
    let text = "module mean(p, n);\n inout p, n; electrical p, n;\n parameter integer m = 3 from [1:50];\n real x[0:m-1]; integer k; real sum;\n \
                analog begin\n  for (k = 0; k < m; k = k + 1) x[k] = V(p, n) * (k + 1);\n  sum = 0;\n  \
                for (k = 0; k < m; k = k + 1) sum = sum + x[k];\n  I(p, n) <+ sum / m * 1m;\n end\nendmodule\n";
    let data = solve(text, "V1 a 0 2\nX1 a 0 mean\nX2 a 0 mean m=9\n.op\n.save i(x1) i(x2)");
    close(first(&data, "i(X1)"), 4e-3, "mean of 1 2 3 is 2");
    close(first(&data, "i(X2)"), 10e-3, "mean of 1 ... 9 is 5");
}

#[test]
fn paramsets_in_decks_and_modules() {
    let text = "paramset small base;\n parameter real w = 1 from (0:10];\n .g = 1m * w; .shift = off;\n real off; off = 2 * w;\n \
                (* desc = \"twice the width\" *) real shown; shown = 2 * w;\nendparamset\n\
                paramset small base;\n parameter real w = 20 from (10:100];\n .g = 5m;\nendparamset\n\
                module base(p, n);\n inout p, n; electrical p, n;\n parameter real g = 1, shift = 0, w = 77;\n \
                analog I(p, n) <+ g * (V(p, n) - shift);\nendmodule\n\
                module pair(p, n);\n inout p, n; electrical p, n;\n small #(.w(3)) one (p, n);\n small #(.w(50)) two (p, n);\nendmodule\n";
    let deck = ".model big small w=40\nV1 a 0 9\nX1 a 0 small w=2\nX2 a 0 pair\nX3 a 0 small w=30\nX4 a 0 big\n.op\n\
                .save i(x1) i(x2) i(x3) i(x4) @x1[shown] @x2[one.shown]";
    let data = solve(text, deck);
    close(first(&data, "i(X1)"), 2e-3 * 5.0, "g = 1m w, shift = 2 w");
    close(first(&data, "i(X2)"), 3e-3 * 3.0 + 5e-3 * 9.0, "the range chooses the set");
    close(first(&data, "i(X3)"), 45e-3, "the range chooses the set for a card");
    close(first(&data, "i(X4)"), 45e-3, "and for a model card");
    close(first(&data, "@X1[shown]"), 4.0, "its own output");
    close(first(&data, "@X2[one.shown]"), 6.0, "inside of a module");
}

#[test]
fn instances_in_parallel_by_mfactor() {
    let text = "module many(a, b);\n inout a, b; electrical a, b;\n parameter real m = 3;\n \
                wrap #(.$mfactor(m)) w1 (a, b);\nendmodule\n\
                module wrap(a, b);\n inout a, b; electrical a, b;\n part #(.$mfactor(2)) p1 (a, b);\n res r1 (a, b);\nendmodule\n\
                module part(p, n);\n inout p, n; electrical p, n;\n (* desc = \"one of them\" *) real one; (* desc = \"how many\" *) real count;\n \
                analog begin\n  V(p, n) <+ 1k * I(p, n) + 1;\n  one = I(p, n); count = $mfactor;\n end\nendmodule\n";
    let data = solve(&format!("{text}{RES}"), "V1 a 0 3\nX1 a 0 many m=3\n.op\n.save i(v1) @x1[w1.p1.one] @x1[w1.p1.count]");
    close(first(&data, "@X1[w1.p1.one]"), 2e-3, "2 V over 1k in each");
    close(first(&data, "@X1[w1.p1.count]"), 6.0, "2 x 3");
    close(first(&data, "i(v1)"), -(6.0 * 2e-3 + 3.0 * 3e-3), "six parts and three resistors");
}

#[test]
fn names_with_points_look_into_instances() {
    let text = "module look(a, b, o);\n inout a, b, o; electrical a, b, o;\n half h1 (a, b);\n half h[0:1] (a, b);\n \
                analog V(o) <+ V(h1.k, b) + 1k * I(h[1].r1.p, h[1].r1.n) + h1.seen;\nendmodule\n\
                module half(a, b);\n inout a, b; electrical a, b, k;\n real seen;\n res r1 (a, k), r2 (k, b);\n \
                analog seen = 10 * V(k, b);\nendmodule\n";
    let data = solve(&format!("{text}{RES}"), "V1 a 0 2\nX1 a 0 o look\n.op\n.save v(o)");
    close(first(&data, "v(o)"), 1.0 + 1.0 + 10.0, "node, current and variable");
}

#[test]
fn attributes_and_functions_of_instances_see_their_own_names() {
    let text = "module two(a, b);\n inout a, b; electrical a, b;\n store #(.x0(0.25)) s1 (a, b);\n store #(.x0(0.75)) s2 (a, b);\nendmodule\n\
                module store(p, n);\n inout p, n; electrical p, n;\n parameter real x0 = 0.5;\n (* hold = \"x0 * 2\" *) state x;\n \
                analog function real scaled; input p; real p; scaled = p * x0; endfunction\n \
                analog begin : body\n  real v;\n  v = V(p, n);\n  XRate(x) <+ ddt(X(x));\n  I(p, n) <+ scaled(v) * X(x) * 1m;\n end\nendmodule\n";
    let data = solve(text, "V1 a 0 4\nX1 a 0 two\n.op\n.save i(v1) x1.s1.x x1.s2.x");
    close(first(&data, "X1.s1.x"), 0.5, "2 x 0.25");
    close(first(&data, "X1.s2.x"), 1.5, "2 x 0.75");
    close(first(&data, "i(v1)"), -(4e-3 * (0.25 * 0.5 + 0.75 * 1.5)), "each with its own x0");
}

#[test]
fn a_range_inside_is_checked_with_the_values_of_the_card() {
    let text =
        "module outer(a, b);\n inout a, b; electrical a, b;\n parameter real g = 1m;\n res #(.r(1 / g)) r1 (a, b);\nendmodule\n";
    let (report, _) = try_run(&format!("{text}{RES}"), "V1 a 0 4\nX1 a 0 outer g=-1m\n.op");
    assert_eq!(report.exit, 2, "{}", report.diagnostics);
    assert!(report.diagnostics.contains("r1.r") && report.diagnostics.contains("outside of its range"), "{}", report.diagnostics);
}

/// 64 sections of a resistor and a capacitor in one model, compiled and run.
#[test]
fn a_ladder_of_64_sections() {
    let text = "module line(a, b);\n inout a, b; electrical a, b;\n parameter integer n = 64 from [1:1000];\n electrical [0:n] k;\n \
                resistor #(.r(1k / n)) r[1:n] (k[0:n-1], k[1:n]);\n capacitor #(.c(1n / n)) c[1:n] (k[1:n], gnd);\n \
                electrical gnd; ground gnd;\n analog begin\n  V(a, k[0]) <+ 0;\n  V(b, k[n]) <+ 0;\n end\nendmodule\n";
    let started = std::time::Instant::now();
    let data = solve(text, "V1 a 0 PULSE(0 1 0 1n 1n 1 2)\nX1 a b line\n.tran 10n 5u\n.save v(b)");
    let last = *data.real("v(b)").expect("v(b)").last().expect("a row");
    // The slowest mode of a uniform line is exp(-pi^2 t/(4 RC)), its weight 4/pi; n = 64 shifts it by 1/(2 n) at most.
    let slow = 1.0 - 4.0 / std::f64::consts::PI * (-std::f64::consts::PI.powi(2) * 5.0 / 4.0).exp();
    assert!((last - slow).abs() < 1e-4, "{last} {slow}");
    assert!(started.elapsed().as_secs_f64() < 20.0, "{:?}", started.elapsed());
}

/// The primitives of SPICE as instances: the same waveforms as those of the deck's own sources.
#[test]
fn sources_of_the_standard_are_instances() {
    let text = "module all_(a, b, c, d, e);\n inout a, b, c, d, e; electrical a, b, c, d, e, gnd; ground gnd;\n \
                vsine #(.offset(0.5), .ampl(2), .freq(1k), .td(0.1m), .damp(100)) s (a, gnd);\n \
                ipulse #(.val1(1m), .td(0.1m), .rise(10u), .fall(20u), .width(0.2m), .period(0.5m)) p (gnd, b);\n resistor rb (b, gnd);\n \
                vexp #(.val1(3), .td0(0.1m), .tau0(50u), .td1(0.6m), .tau1(0.1m)) x (c, gnd);\n \
                vpwl #(.wave('{0.1m, 1, 0.3m, 3, 0.4m, -1})) w (d, gnd);\n \
                vccs #(.gm(1m)) g (.sink(gnd), .src(e), .ps(a), .ns(gnd)); inductor #(.l(1u)) l (e, gnd);\nendmodule\n";
    let deck = "X1 a b c d e all_\nVS sa 0 SIN(0.5 2 1k 0.1m 100)\nIP 0 pb PULSE(0 1m 0.1m 10u 20u 0.2m 0.5m)\nRB pb 0 1k\n\
                VX xc 0 EXP(0 3 0.1m 50u 0.6m 0.1m)\nVW wd 0 PWL(0.1m 1 0.3m 3 0.4m -1)\nRL1 sa 0 1k\nRL2 xc 0 1k\nRL3 wd 0 1k\n\
                RA a 0 1k\nRC c 0 1k\nRD d 0 1k\n.tran 1u 1m\n.save v(a) v(sa) v(b) v(pb) v(c) v(xc) v(d) v(wd)";
    let data = solve(text, deck);
    for (own, deck) in [("v(a)", "v(sa)"), ("v(b)", "v(pb)"), ("v(c)", "v(xc)"), ("v(d)", "v(wd)")] {
        let (x, y) = (data.real(own).expect(own), data.real(deck).expect(deck));
        assert!(x.len() > 100);
        for (k, (x, y)) in x.iter().zip(y).enumerate() {
            assert!((x - y).abs() < 1e-9, "{own} row {k}: {x} {y}");
        }
    }
}

fn said(text: &str) -> String {
    use memspice::span::{MemoryFiles, Sources};
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let text = format!("`include \"disciplines.vams\"\n{text}");
    let file = sources.add("test.va".as_ref(), text);
    let (_, found) = memspice::model::library::compile(&mut sources, file, &[]);
    memspice::diag::render(&found, &sources, false)
}

/// A module with two ports around `items`.
fn top(items: &str) -> String {
    format!("{RES}module top(a, b);\ninout a, b; electrical a, b;\nparameter real r = 1;\n{items}\nendmodule\n")
}

const MISTAKES: [(&str, &str); 27] = [
    ("no primitive", "tline #(.z0(50)) t1 (a, b, a, b);"),
    ("unknown module", "ress r1 (a, b);"),
    ("unknown parameter", "res #(.rr(1k)) r1 (a, b);"),
    ("unknown port", "res r1 (.p(a), .m(b));"),
    ("too many ports", "res r1 (a, b, a);"),
    ("too many parameters", "res #(1, 2) r1 (a, b);"),
    ("parameter twice", "res #(.r(1), .r(2)) r1 (a, b);"),
    ("port twice", "res r1 (.p(a), .p(b));"),
    ("by name and in order", "res r1 (.p(a), b);"),
    ("out of range", "res #(.r(-1)) r1 (a, b);"),
    ("a variable for a parameter", "real x; res #(.r(x)) r1 (a, b);"),
    ("a node for a parameter", "res #(.r(V(a))) r1 (a, b);"),
    ("widths", "electrical [0:3] d; res r1 (d, b);"),
    ("slices", "electrical [0:2] d; res r[0:1] (d, b);"),
    ("outside of the vector", "electrical [0:2] d; res r1 (d[3], b);"),
    ("outside in an access", "electrical [0:2] d; analog I(d[5]) <+ V(d);"),
    ("index that moves", "electrical [0:2] d; integer k; analog begin k = V(a); I(d[k]) <+ 1; end"),
    ("no vector", "analog I(a[0]) <+ 1;"),
    ("bound that moves", "real x; electrical [0:x] d;"),
    ("endless loop", "genvar i; for (i = 0; i < 5; i = i) begin : block res r1 (a, b); end"),
    ("defparam", "res r1 (a, b); defparam r1.r = 2;"),
    ("list of the wrong length", "parameter real p[0:2] = '{1, 2};"),
    ("localparam set", "fixed #(.q(2)) f1 (a, b);"),
    ("undeclared node", "res r1 (a, c);"),
    ("undeclared in a generate", "if (k > 2) begin : block res r1 (a, b); end"),
    ("generate not closed", "generate if (r > 2) begin : block res r1 (a, b); end"),
    (
        "no paramset item",
        "res r1 (a, b);\nendmodule\nparamset p res; .r = 2; .q = 3; x = 3; V(a) <+ 3; endparamset\nmodule empty(a); inout a; electrical a;",
    ),
];

#[test]
fn mistakes_are_named_with_their_place() {
    let mut all = String::new();
    for (what, items) in MISTAKES {
        let fixed = "module fixed(p, n);\ninout p, n; electrical p, n;\nlocalparam real q = 1;\nanalog I(p, n) <+ q;\nendmodule\n";
        let text = said(&format!("{fixed}{}", top(items)));
        assert!(text.contains("error") || what == "undeclared node", "{what}: {text}");
        all.push_str(&format!("### {what}\n{text}\n"));
    }
    let loops = "module ping(a);\ninout a; electrical a;\npong p (a);\nendmodule\nmodule pong(a);\ninout a; electrical a;\nping p (a);\nendmodule\n";
    all.push_str(&format!("### recursion\n{}\n", said(loops)));
    let thermal = "module heat(t);\ninout t; thermal t;\nanalog Pwr(t) <+ Temp(t);\nendmodule\nmodule wrong(a);\ninout a; electrical a;\nheat h (a);\nendmodule\n";
    all.push_str(&format!("### disciplines\n{}\n", said(thermal)));
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("structure_mistakes", all);
    });
}

/// Texts with structure, broken at random places: messages or models, no panic, no hang.
#[test]
fn broken_structure_ends_in_messages() {
    use memspice::span::{MemoryFiles, Sources};
    let text = format!(
        "`include \"disciplines.vams\"\n{RES}module top(a, b);\n inout [0:1] a; inout b; electrical [0:1] a; electrical b;\n \
         parameter integer n = 3 from [1:9];\n parameter real w[0:n] = '{{1, 2, '{{2{{3}}}}}};\n genvar i;\n electrical [n:0] k;\n \
         generate for (i = 0; i < n; i = i + 1) begin : s\n  localparam real g = w[i] * 2;\n  electrical o;\n  \
         if (i > 1) res #(.r(g)) r1 (s[i-1].o, k[i]); else begin : e res r2[0:1] ({{o, b}}, a); end\n end endgenerate\n \
         case (n) 1, 2: res #(1) r3 (a[0], b); default: begin res r4 (k[n], a[1]); end endcase\n branch (k, b) br;\n \
         analog begin\n  for (i = 0; i <= n; i = i + 1) I(br[i]) <+ V(br[i]) * w[i];\n  V(k[0], a[1]) <+ 0;\n end\nendmodule\n\
         paramset p res; parameter real x = 1 from (0:2); real y; y = 2 * x; .r = y; endparamset\n"
    );
    assert!(!said(&text).contains("error"), "{}", said(&text));
    let words = [
        "(", ")", "[", "]", "{", "begin", "end", "n", "0", "-1", "1e9", "res", ".", ",", ";", "#", "generate", "i", "a", "\0",
        "top",
    ];
    let mut state = 12345u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for _ in 0..1500 {
        let mut broken = text.clone();
        for _ in 0..1 + random(3) {
            let (at, length) = (random(broken.len()), random(12));
            let end = (at + length).min(broken.len());
            broken.replace_range(at..end, words[random(words.len())]);
        }
        let mut sources = Sources::new(Box::new(MemoryFiles::default()));
        let file = sources.add("test.va".as_ref(), broken);
        memspice::model::library::compile(&mut sources, file, &[]);
    }
}

/// How long the text of a ladder takes to become a model: `cargo test ladder_text -- --nocapture` prints it.
#[test]
fn a_ladder_text_becomes_a_model_in_reasonable_time() {
    use memspice::span::{MemoryFiles, Sources};
    for sections in [64, 256] {
        let text = format!(
            "`include \"disciplines.vams\"\nmodule line(a, b);\n inout a, b; electrical a, b;\n electrical [0:{sections}] k;\n electrical gnd; ground gnd;\n \
             resistor #(.r(10)) r[1:{sections}] (k[0:{sections}-1], k[1:{sections}]);\n capacitor #(.c(1p)) c[1:{sections}] (k[1:{sections}], gnd);\n \
             analog begin V(a, k[0]) <+ 0; V(b, k[{sections}]) <+ 0; end\nendmodule\n"
        );
        let started = std::time::Instant::now();
        let mut sources = Sources::new(Box::new(MemoryFiles::default()));
        let file = sources.add("test.va".as_ref(), text);
        let (models, found) = memspice::model::library::compile(&mut sources, file, &[]);
        assert_eq!(models.len(), 1, "{}", memspice::diag::render(&found, &sources, false));
        let lowered = started.elapsed();
        memspice::model::kernel::Kernel::compile(&models[0]);
        println!("{sections} sections: text to model {lowered:?}, to programs {:?}", started.elapsed());
        // Loaded machines are ten times slower than this takes alone.
        assert!(started.elapsed().as_secs_f64() < 10.0);
    }
}
