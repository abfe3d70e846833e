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
