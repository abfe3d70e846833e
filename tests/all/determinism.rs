//! What must not change a result by a single bit: saving, the number of threads.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::run::{prepare, simulate};
use memspice::span::{MemoryFiles, Sources};
use memspice::wave::Dataset;

const CELLS: &str = "two coupled cells
.param rc=25
VS1 s1 0 1.25
VS2 s2 0 1.25
RS1 s1 n1 200
RS2 s2 n2 200
C1 n1 0 2.2n ic=0.1m
C2 n2 0 2.2n ic=0.2m
X1 n1 0 nbox x0=253.15
X2 n2 0 nbox x0=253.15
RC n1 n2 {rc}
";

/// All members of a deck, simulated by `threads` threads.
fn run(text: &str, threads: usize) -> Vec<Dataset> {
    let path = Path::new("deck.cir");
    let files = MemoryFiles([(path.to_path_buf(), text.as_bytes().to_vec())].into());
    let mut sources = Sources::new(Box::new(files));
    let (mna, _) = prepare(path, &[], &mut sources).expect("the deck is right");
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let work = || simulate(mna, path, &[], &Mutex::new(sources), &stop, &|_| {});
    let done = pool.install(work).expect("the cards are right");
    done.members.into_iter().flatten().map(|o| o.data).collect()
}

fn bits(data: &Dataset, column: &str) -> Vec<u64> {
    data.real(column).unwrap_or_else(|| panic!("no column {column}")).iter().map(|v| v.to_bits()).collect()
}

#[test]
fn saving_changes_no_bit() {
    for method in ["trap", "gear", "trbdf2", "esdirk", "radau"] {
        let plain = format!("{CELLS}.options method={method}\n.tran 1n 3u uic\n.save x1.x v(n2)\n.end\n");
        let more = plain.replace(".save x1.x v(n2)", ".save x1.x v(n2) i(c1) i(x2) i(rc) @x1[power] i(vs1)");
        let (a, b) = (run(&plain, 1), run(&more, 1));
        for column in ["time", "x1.x", "v(n2)"] {
            assert_eq!(bits(&a[0], column), bits(&b[0], column), "{method}: {column}");
        }
        assert!(b[0].real("i(c1)").is_some_and(|i| i.iter().all(|v| v.is_finite())), "{method}: saved currents are numbers");
    }
}

#[test]
fn threads_change_no_bit() {
    let deck = format!("{CELLS}.step param rc list 100 50 25 20\n.tran 1n 3u uic\n.end\n");
    let (one, two) = (run(&deck, 1), run(&deck, 2));
    assert_eq!(one.len(), 4);
    for (a, b) in one.iter().zip(&two) {
        for column in ["time", "x1.x", "x2.x", "v(n1)"] {
            assert_eq!(bits(a, column), bits(b, column), "{column} at {:?}", a.header.keys);
        }
    }
}

/// Runs one after another in one process share nothing.
#[test]
fn a_second_run_gives_the_same_bits() {
    let deck = format!("{CELLS}.tran 1n 3u uic\n.end\n");
    let (first, second) = (run(&deck, 2), run(&deck, 2));
    assert_eq!(bits(&first[0], "x2.x"), bits(&second[0], "x2.x"));
}

/// 4356 cells are enough for threads to share them; the last chunk of the last strip is not full.
#[test]
fn threads_change_no_bit_of_a_large_bank() {
    let deck = "cells
.model fast yakopcic(a1=2e-5 a2=2e-5 b=0.5 vp=0.55 vn=0.55 ap=2e6 an=2e6 xp=0.5 xn=0.5 alphap=1 alphan=5)
VS s 0 pulse(0 1.2 10n 10n 10n 1u)
.for i 1 4356
R{i} s n{i} {100 + i}
X{i} n{i} 0 fast x0={0.1 + i/10000}
.endfor
.options reltol=1e-3 method=trap
.tran 10n 200n
.save v(n1) v(n4356) x1.x x4356.x
.end
";
    let (one, three) = (run(deck, 1), run(deck, 3));
    for column in ["time", "v(n1)", "v(n4356)", "x1.x", "x4356.x"] {
        assert_eq!(bits(&one[0], column), bits(&three[0], column), "{column}");
    }
    let x = one[0].real("x4356.x").expect("a state");
    assert!(x[x.len() - 1] > x[0] + 1e-3, "the cells move: {x:?}");
}
