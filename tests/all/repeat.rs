//! `.for` loops: what they write out, and what is said about loops that make no sense.

use std::path::Path;

use memspice::diag;
use memspice::run::prepare;
use memspice::span::{MemoryFiles, Sources};

use super::decks::{run_one, run_text};

fn complaint(text: &str) -> String {
    let mut files = MemoryFiles::default();
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.end\n").into_bytes());
    let mut sources = Sources::new(Box::new(files));
    match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok(_) => panic!("no error in {text}"),
        Err(found) => diag::render(&found, &sources, false),
    }
}

/// A divider of ten equal resistors.
#[test]
fn ladder_in_four_lines() {
    let data = run_one("V1 n0 0 10\n.param last=10\n.for k 1 {last}\nR{k} n{k-1} n{k} 1k\n.endfor\nRG n10 0 1u\n.op");
    for k in 0..10 {
        let v = data.real(&format!("v(n{k})")).unwrap()[0];
        // 1 micro-ohm at the end of 10 kilo-ohm.
        assert!((v - (10.0 - f64::from(k))).abs() < 1e-8, "n{k}: {v}");
    }
}

/// Loops in one another, indices in names and values; the inner limit depends on the outer index; downwards as well.
#[test]
fn grids_with_values_of_their_own() {
    let text = ".for i 1 3\n.for j {i} 1\nI{i}_{j} 0 n{i}_{j} {1m*(10*i+j)}\nR{i}_{j} n{i}_{j} 0 1k\n.endfor\n.endfor\n.op";
    let data = run_one(text);
    for i in 1..=3 {
        for j in 1..=i {
            let v = data.real(&format!("v(n{i}_{j})")).unwrap()[0];
            assert!((v - f64::from(10 * i + j)).abs() < 1e-12, "{i} {j}: {v}");
        }
    }
    assert!(data.real("v(n1_2)").is_none());
    // A step, and a loop that never runs.
    let data = run_one("V1 a 0 1\n.for k 0 4 2\nR{k} a 0 1k\n.endfor\n.op\n.save i(r4) i(v1)");
    assert!((data.real("i(v1)").unwrap()[0] + 3e-3).abs() < 1e-15);
}

/// Loops write any cards: measures, subcircuits, instances of them.
#[test]
fn loops_hold_any_cards() {
    let text = ".subckt cell a\nR1 a 0 {1k}\n.ends\nV1 n 0 2\n.for k 1 3\nX{k} n cell\n.measure op i{k} find i(v1)\n.endfor\n.op";
    let outcome = run_text(text).members.remove(0).remove(0);
    let names: Vec<&str> = outcome.measures.iter().map(|m| m.0.as_str()).collect();
    assert_eq!(names, ["i1", "i2", "i3"]);
    assert!(outcome.measures.iter().all(|m| (m.1.as_ref().unwrap() + 6e-3).abs() < 1e-12));
}

#[test]
fn loops_that_make_no_sense() {
    let cases = [
        (".for i 1 3\nR{i} a 0 1", "`.for` has no `.endfor`"),
        ("R1 a 0 1\n.endfor", "`.endfor` without `.for` before it"),
        (".for i 1 {later}\n.endfor\n.param later=3\nR1 a 0 1", "the limit of a loop is not known here"),
        (".for i 1 2.5\n.endfor\nR1 a 0 1", "2.5 is no whole number"),
        (".for 2i 1 2\n.endfor\nR1 a 0 1", "`2i` cannot be an index"),
        (".for i 1 3\nR{i/2} a 0 1\n.endfor", "0.5 in a name"),
        (".for i 1 3 0\n.endfor\nR1 a 0 1", "are too many"),
        (".for i 1 2\nQ{i} a 0\n.endfor", "Q1 a 0"),
    ];
    for (text, expected) in cases {
        let found = complaint(text);
        assert!(found.contains(expected), "{text}: expected {expected}, got\n{found}");
    }
}

#[test]
fn steps_and_sets_decide_how_often_loops_go_round() {
    // n resistors of 1 kohm in parallel to 1 V: n mA, also where n follows from another parameter.
    for (text, values) in
        [(".param n=2\n.step n list 2 3 7", [2.0, 3.0, 7.0]), (".param m=1 n={2*m}\n.step m list 1 2 3", [2.0, 4.0, 6.0])]
    {
        let simulation =
            run_text(&format!("{text}\nV1 a 0 1\n.for k 1 {{n}}\nR{{k}} a 0 1k\n.endfor\n.op\n.measure op i find i(v1)"));
        for (member, n) in simulation.members.iter().zip(values) {
            let found = *member[0].measures[0].1.as_ref().unwrap();
            assert!((found + n * 1e-3).abs() < 1e-15, "{text}: {found} for {n}");
        }
    }
}

#[test]
fn names_may_have_parameters_and_names_within_expressions_indices() {
    // A chain of 4 resistors ends at n5, the last one is read; the index `i` is no probe.
    let text = ".param n=4\nV1 n1 0 8\n.for i 1 {n}\nR{i} n{i} n{i+1} 1k\n.endfor\n.for i 1 1\nVE n{n+1} 0 0\n\
                B{i} out 0 v={1k*{i}*i(VE) + v(n{n})}\n.endfor\n.op";
    let found = run_one(text).real("v(out)").unwrap()[0];
    assert!((found - 4.0).abs() < 1e-12, "{found}");
}
