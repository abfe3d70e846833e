//! Every rule of the linter with a module that triggers it (snapshot) and one that does not; the library's own models;
//! what a deck says about the models it uses.

use std::path::{Path, PathBuf};

use memspice::diag::{Diagnostic, Severity, render};
use memspice::lint::{self, RULES};
use memspice::span::{Disk, MemoryFiles, Sources};
use memspice::veriloga;

/// A module with ports p and n.
fn module(body: &str) -> String {
    format!("`include \"disciplines.vams\"\nmodule dut(p, n); inout p, n; electrical p, n;\n{body}\nendmodule\n")
}

/// What the linter says about a text that compiles, and the texts.
fn findings(text: &str) -> (Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("dut.va"), text.to_string());
    let (models, said) = veriloga::compile(&mut sources, file, &[]);
    assert!(!memspice::diag::has_errors(&said), "{}", render(&said, &sources, false));
    let found = lint::check(&mut sources, file, &[], &models);
    (found, sources)
}

/// Names of the rules that found something.
fn names(found: &[Diagnostic]) -> Vec<String> {
    let of = |d: &Diagnostic| d.message.rsplit_once('[').map_or(String::new(), |(_, rest)| rest.trim_end_matches(']').to_string());
    found.iter().map(of).collect()
}

/// Rule, a body that triggers it, a body that does what is meant without.
const CASES: &[(&str, &str, &str)] = &[
    (
        "own-integration",
        "real x, last; analog begin x = x + V(p,n)*($abstime - last); last = $abstime; I(p,n) <+ x*V(p,n); end",
        "real x; analog begin x = idt(V(p,n)*(1 - x)*x, 0.5); I(p,n) <+ x*V(p,n); end",
    ),
    (
        "hidden-state",
        "real x; analog begin x = 0.9*x + 0.1*tanh(V(p,n)); I(p,n) <+ x; end",
        "real x; analog begin x = tanh(V(p,n)); I(p,n) <+ x; end",
    ),
    (
        "discrete-state",
        "integer on; analog begin @(cross(V(p,n) - 1, 1)) on = 1; @(cross(V(p,n) + 1, -1)) on = 0; \
         I(p,n) <+ V(p,n)*(on ? 1m : 1u); end",
        "integer count; analog begin @(cross(V(p,n) - 1, 1)) count = count + 1; @(final_step) $strobe(\"%d\", count); \
         I(p,n) <+ V(p,n); end",
    ),
    (
        "charge",
        "analog I(p,n) <+ 1n*(1 + V(p,n)*V(p,n))*ddt(V(p,n));",
        "analog I(p,n) <+ ddt(1n*(V(p,n) + V(p,n)*V(p,n)*V(p,n)/3));",
    ),
    ("not-finite", "analog I(p,n) <+ V(p,n)*V(p,n)/abs(V(p,n));", "analog I(p,n) <+ V(p,n)*abs(V(p,n))/(abs(V(p,n)) + 1u);"),
    (
        "jump",
        "analog if (V(p,n) > 0.5) I(p,n) <+ 2m*V(p,n); else I(p,n) <+ 1m*V(p,n);",
        "analog if (V(p,n) > 0.5) I(p,n) <+ 2m*(V(p,n) - 0.25); else I(p,n) <+ 1m*V(p,n);",
    ),
    (
        "infinite-slope",
        "analog I(p,n) <+ pow(max(V(p,n), 0), 0.5);",
        "analog I(p,n) <+ sqrt(V(p,n)*V(p,n) + 1e-6) + pow(max(V(p,n), 0), 1.5);",
    ),
    (
        "no-dc-solution",
        "(* lower = 0, upper = 1 *) electrical s; analog begin I(s) <+ ddt(-1n*V(s)); I(s) <+ V(p,n); I(p,n) <+ V(p,n)*V(s); end",
        "(* lower = -20, upper = 20 *) electrical s; analog begin I(s) <+ ddt(-1n*V(s)); I(s) <+ V(p,n) - V(s); I(p,n) <+ V(p,n)*V(s); end",
    ),
    (
        "unbounded-state",
        "real x; analog begin x = idt(V(p,n), 0.1); I(p,n) <+ V(p,n)*tanh(x); end",
        "real x; analog begin x = idt(V(p,n)*x*(1 - x), 0.1); I(p,n) <+ V(p,n)*x; end",
    ),
    (
        "many-equilibria",
        "electrical s; analog begin I(s) <+ ddt(-1n*V(s)); I(s) <+ V(p,n) + V(s)*(4 - V(s))*(4 + V(s)); I(p,n) <+ V(p,n)*V(s); end",
        "electrical s; analog begin I(s) <+ ddt(-1n*V(s)); I(s) <+ V(p,n) - V(s); I(p,n) <+ V(p,n)*V(s); end",
    ),
    (
        "integer-division",
        "parameter integer k = 3 from [1:9]; parameter real half = 1/2 from [0:1]; \
         analog I(p,n) <+ half*pow(max(V(p,n), 0), 3/2) + V(p,n)*(k/2);",
        "parameter integer k = 3 from [1:9]; parameter real half = 1/2.0 from [0:1]; integer whole; \
         analog begin whole = k/2; I(p,n) <+ half*pow(max(V(p,n), 0), 3.0/2) + V(p,n)*(4/2) + whole; end",
    ),
    (
        "unused",
        "parameter real ghost = 1 from [0:1]; electrical lost; branch (p, n) idle; real vain, never; \
         analog function real twice; input a; real a; twice = 2*a; endfunction \
         analog begin vain = V(p,n); I(p,n) <+ V(p,n); end",
        "parameter real g = 1 from [0:1]; branch (p, n) b; (* desc = \"voltage\" *) real shown; \
         analog function real twice; input a; real a; twice = 2*a; endfunction \
         analog begin shown = V(b); I(b) <+ twice(g*V(b)); end",
    ),
    (
        "shadowed",
        "real g, G; analog begin g = 1; G = 2; if (V(p,n) > 0) begin : inner real g; g = 2; I(p,n) <+ g*V(p,n) - V(p,n); end \
         I(p,n) <+ g*V(p,n) + 0*G; end",
        "real g; analog begin g = 1; if (V(p,n) > 0) begin : inner real h; h = 2; I(p,n) <+ h*V(p,n) - V(p,n); end \
         I(p,n) <+ g*V(p,n); end",
    ),
    (
        "units",
        "(* units = \"ohm\" *) parameter real r = 1k from (0:inf); (* units = \"V\" *) parameter real v0 = 1 from [0:inf); \
         (* units = \"A\" *) real i; analog begin i = (V(p,n) + r)/r; I(p,n) <+ i + V(p,n) - exp(v0)*V(p,n); end",
        "(* units = \"kohm\" *) parameter real r = 1k from (0:inf); (* units = \"V\" *) parameter real v0 = 1 from [0:inf); \
         (* units = \"mA\" *) real i; analog begin i = (V(p,n) + v0)/r; I(p,n) <+ i - exp(v0/v0)*i + 2*V(p,n); end",
    ),
    (
        "no-range",
        "parameter real a = 1; parameter integer b = 2; analog I(p,n) <+ a*b*V(p,n);",
        "parameter real a = 1 from (0:inf); parameter integer b = 2 exclude 0; localparam real c = 2; analog I(p,n) <+ a*b*c*V(p,n);",
    ),
];

#[test]
fn every_rule_finds_what_it_is_for() {
    let mut all = String::new();
    for (rule, bad, _) in CASES {
        let (found, sources) = findings(&module(bad));
        let own: Vec<Diagnostic> = found.iter().filter(|d| d.message.ends_with(&format!("[{rule}]"))).cloned().collect();
        assert!(!own.is_empty(), "{rule} is silent:\n{}", render(&found, &sources, false));
        all += &format!("==== {rule}\n{}\n", render(&own, &sources, false));
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("lint", all);
    });
}

#[test]
fn no_rule_finds_what_is_not_there() {
    for (rule, _, good) in CASES {
        let (found, sources) = findings(&module(good));
        assert!(!names(&found).contains(&rule.to_string()), "{rule}:\n{}", render(&found, &sources, false));
    }
}

#[test]
fn all_rules_are_tested() {
    let tested: Vec<&str> = CASES.iter().map(|c| c.0).collect();
    assert_eq!(RULES.iter().map(|r| r.name).collect::<Vec<_>>(), tested);
}

/// Warnings about models that come along are explained in their files.
#[test]
fn our_own_models_are_clean() {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut open = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                None => open.push(path),
                Some(e) if e == "va" => files.push(path),
                Some(_) => {}
            }
        }
    }
    assert!(files.len() > 10);
    let mut wrong = String::new();
    for path in files {
        let mut sources = Sources::new(Box::new(Disk));
        let file = sources.load(&path).expect("a text");
        let folder = path.parent().expect("a folder").to_path_buf();
        let (models, _) = memspice::model::library::compile(&mut sources, file, std::slice::from_ref(&folder));
        let mut found = lint::check(&mut sources, file, &[folder], &models);
        found.retain(|d| d.severity != Severity::Note);
        wrong += &render(&found, &sources, false);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn findings_are_silenced_with_a_reason() {
    let body =
        |comment: &str| module(&format!("real x; {comment}\nanalog begin x = idt(V(p,n), 0.1); I(p,n) <+ V(p,n)*tanh(x); end"));
    let finds = |text: &str| names(&findings(text).0).contains(&"unbounded-state".to_string());
    assert!(finds(&body("")));
    assert!(finds(&body("// lint_off unbounded-state")), "no reason is given");
    assert!(finds(&body("// lint_off jump: another rule")));
    // On the line of the finding; on a line of its own.
    let trailing = "`include \"disciplines.vams\"\nmodule dut(p, n); inout p, n; electrical p, n;\nreal x;\nanalog begin\n\
        x = idt(V(p,n), 0.1); // lint_off unbounded-state: it is the flux\nI(p,n) <+ V(p,n)*tanh(x); end\nendmodule\n";
    assert!(!finds(trailing));
    assert!(!finds(&format!("// lint_off unbounded-state: it is the flux\n{}", body(""))));
}

/// A deck is told what bears on the analyses it asks for.
#[test]
fn decks_are_warned_where_it_matters() {
    let said = |model: &str, analyses: &str| {
        let mut files = MemoryFiles::default();
        files.0.insert("dut.va".into(), module(model).into_bytes());
        files.0.insert(
            "deck.cir".into(),
            format!("deck\n.hdl \"dut.va\"\nV1 a 0 dc 0 ac 1\nN1 a 0 dut\n{analyses}\n.end\n").into_bytes(),
        );
        let mut sources = Sources::new(Box::new(files));
        let found = match memspice::run::prepare(Path::new("deck.cir"), &[], &mut sources) {
            Ok((_, found)) => found,
            Err(found) => panic!("{}", render(&found, &sources, false)),
        };
        names(&found.into_iter().filter(|d| d.message.ends_with(']')).collect::<Vec<_>>())
    };
    let hidden = CASES[1].1;
    assert_eq!(said(hidden, ".ac dec 1 1 10"), ["hidden-state"]);
    assert_eq!(said(hidden, ".tran 1n 1u"), [""; 0]);
    let own = CASES[0].1;
    assert_eq!(said(own, ".tran 1n 1u"), ["own-integration"]);
    assert_eq!(said(own, ".ac dec 1 1 10"), ["own-integration"]);
    assert_eq!(said(own, ".op"), [""; 0]);
    assert_eq!(said(CASES[0].2, ".ac dec 1 1 10\n.tran 1n 1u"), [""; 0]);
}

#[test]
fn units_are_read() {
    // The rule takes any spelling of one unit for the same.
    let fits = |a: &str, b: &str| {
        let text = format!(
            "(* units = \"{a}\" *) parameter real a = 1 from [0:inf); (* units = \"{b}\" *) parameter real b = 1 from [0:inf); \
             analog I(p,n) <+ V(p,n)*((a > b) ? 1 : 2);"
        );
        !names(&findings(&module(&text)).0).contains(&"units".to_string())
    };
    for (a, b) in [
        ("A/V", "S"),
        ("cm^2/(V s)", "m**2/V/s"),
        ("F", "C/V"),
        ("J", "eV"),
        ("ohm", "V/A"),
        ("1/s", "Hz"),
        ("uA", "A"),
        ("furlong", "A"),
    ] {
        assert!(fits(a, b), "{a} and {b}");
    }
    for (a, b) in [("A", "V"), ("m", "s"), ("A/V", "V/A"), ("F/m", "F"), ("K", "eV")] {
        assert!(!fits(a, b), "{a} and {b}");
    }
}
