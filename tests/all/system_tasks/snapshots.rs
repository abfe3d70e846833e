//! What is said about mistakes in system tasks, word for word.

use memspice::diag::render;
use memspice::span::{MemoryFiles, Sources};
use memspice::veriloga::compile;

use super::module;

/// Statements in a module with `real x; integer a; string s;` and a function `f(v)`.
const CASES: &[&str] = &[
    "x = $rdist_exponential(1, 0);",
    "x = $rdist_normal(1, 0);",
    "x = $rdist_normal(1, 0, 1, \"local\");",
    "x = $rdist_norml(1, 0, 1);",
    "x = $urandom();",
    "x = $rdist_uniform(3, 0, 1);",
    "$strobe(\"%d %d\", 1);",
    "$strobe(\"%y\", 1);",
    "$strobe(\"%\");",
    "$strobe(\"%d\", \"text\");",
    "$strobe(\"%s\", 1);",
    "$strobe(\"%9999f\", 1.0);",
    "$strbe(\"x\");",
    "$debug(\"x\");",
    "a = $strobe(\"x\");",
    "a = $fopen(\"/etc/passwd\", \"w\");",
    "a = $fopen(\"../x\", \"w\");",
    "a = $fopen(\"c:x\", \"w\");",
    "a = $fopen(\"x\", \"r\");",
    "a = $fopen(\"x\", s);",
    "a = $fopen(3, \"w\");",
    "a = $fgets(s, a);",
    "$fstrobe();",
    "$fclose();",
    "$sformat(a, \"x\");",
    "$sformat(s, a);",
    "$swrite();",
    "$swrite(s, V(p, n)); if (s == \"1\") x = 1;",
    "s = {\"a\", 3};",
    "x = s + 1;",
    "$monitoron;",
    "x = $time;",
    "x = $realtobits(1.0);",
    "x = $simprobe(\"x2\", \"g\");",
    "x = $simprobe(\"x2\", \"g\", 1);",
    "x = $value$plusargs(\"x=%d\", x);",
    "x = $test$plusargs(\"x\");",
    "x = $cputime;",
    "x = $simparam(\"gmim\");",
    "x = $simparam(gmin);",
    "s = $simparam$str(\"modul\");",
    "x = analysis(\"transient\");",
    "$analog_node_alias(p, \"top.a\");",
    "x = $tempreature;",
    "x = timer(0);",
    "x = $table_model(V(p, n), \"none.tbl\", \"1L\");",
    "x = $table_model(V(p, n), \"bad.tbl\", \"1L\");",
    "x = $table_model(V(p, n), \"good.tbl\", \"4L\");",
    "x = $table_model(V(p, n), \"good.tbl\", \"1CLE\");",
    "x = $table_model(V(p, n), \"good.tbl\", \"1;9\");",
    "x = $table_model(V(p, n), \"twice.tbl\", \"1\");",
    "x = $table_model(V(p, n));",
    "x = $table_model(V(p, n), '{0, V(p, n)}, '{0, 1}, \"1\");",
    "x = $table_model(V(p, n), '{0, 1}, '{0, 1, 2}, \"1\");",
    "x = $limit(V(p, n), f, 1);",
    "x = $limit(V(p, n), g);",
    "x = $limit(V(p, n), \"newlim\", 1);",
    "x = $limit(V(p, n), \"pnjlim\", 1);",
    "x = $limit(x, \"pnjlim\", 1, 2);",
];

#[test]
fn mistakes_in_system_tasks() {
    let mut out = String::new();
    for case in CASES {
        let declarations = "real x; integer a; string s; analog function real f; input v; real v; f = v; endfunction";
        let text = module(declarations, &format!("I(p, n) <+ V(p, n);\n {case}"));
        let data = [("bad.tbl", "0 1\n1 x\n"), ("good.tbl", "0 1\n1 2\n"), ("twice.tbl", "# v i\n0 1\n0 2\n1 1\n")];
        let files = data.iter().map(|(name, text)| (name.into(), text.as_bytes().to_vec()));
        let mut sources = Sources::new(Box::new(MemoryFiles(files.collect())));
        let file = sources.add("m.va".as_ref(), text);
        let (_, said) = compile(&mut sources, file, &[]);
        assert!(!said.is_empty(), "nothing is said about {case}");
        out.push_str(&format!("{case}\n{}\n", render(&said, &sources, false)));
    }
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("system_tasks", out);
    });
}
