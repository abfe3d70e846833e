//! Large circuits: what a deck of many elements becomes, that the short forms in which it is kept (plain cards, loops, copies
//! of subcircuits) are the same circuit as the long ones, and what an element may take of memory.

use std::fmt::Write as _;
use std::path::Path;

use memspice::circuit::{Instance, Node};
use memspice::dae::{Eval, Memory, Phase, Point, System, Want};
use memspice::diag;
use memspice::mna::Mna;
use memspice::netlist;
use memspice::netlist::plain::Plain;
use memspice::run::prepare;
use memspice::span::{MemoryFiles, Sources};
use memspice::sparse::Pattern;

fn system(text: &str) -> Mna {
    let mut files = MemoryFiles::default();
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.op\n.end\n").into_bytes());
    files.0.insert("w.csv".into(), b"1,2,3,4\n5,6,7,8\n9,10,11,12\n".to_vec());
    let mut sources = Sources::new(Box::new(files));
    let made = prepare(Path::new("deck.cir"), &[], &mut sources);
    made.unwrap_or_else(|found| panic!("{}", diag::render(&found, &sources, false))).0
}

fn complaints(text: &str) -> String {
    let mut files = MemoryFiles::default();
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.op\n.end\n").into_bytes());
    let mut sources = Sources::new(Box::new(files));
    match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok((_, found)) | Err(found) => diag::render(&found, &sources, false),
    }
}

/// Unknowns, entries, and everything that is evaluated at a point without symmetry.
fn evaluated(mna: &Mna) -> Eval {
    let layout = mna.layout();
    let x: Vec<f64> = (0..layout.unknowns.len()).map(|k| 0.3 + 0.1 * (k as f64 * 0.7).sin()).collect();
    let (params, past) = (mna.params(), Memory::new(layout));
    let mut out = Eval::new(mna);
    mna.eval(&Point { x: &x, t: 0.0, params: &params, past: &past, trial: None, phase: Phase::Static }, Want::NEWTON, &mut out);
    out
}

/// Two decks are the same system, to the last bit and in the same order.
fn alike(a: &str, b: &str) {
    let (a, b) = (system(a), system(b));
    let names = |mna: &Mna| mna.circuit().instances.iter().map(|i| i.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    assert_eq!(a.layout().unknowns, b.layout().unknowns);
    assert_eq!(a.pattern(), b.pattern());
    assert_eq!(a.starts(&a.params()), b.starts(&b.params()));
    let (x, y) = (evaluated(&a), evaluated(&b));
    assert_eq!((x.f, x.q, x.g, x.c), (y.f, y.q, y.g, y.c));
}

/// 200 000 resistors and capacitors: every one is there, none takes more than its row, and the tree holds two kinds of cards.
#[test]
fn two_hundred_thousand_elements() {
    let n = 100_000;
    let mut text = "V1 n0 0 1\n".to_string();
    for k in 0..n {
        let _ = write!(text, "R{k} n{k} n{} {}\nC{k} n{} 0 1p\n", k + 1, 1 + k % 7, k + 1);
    }
    let mna = system(&text);
    assert_eq!(mna.sizes(), (2 * n, 2));
    // Nodes and the current of the source.
    assert_eq!(mna.layout().unknowns.len(), n + 2);
    // A tridiagonal matrix of the n + 1 nodes, twice the source's incidence, the diagonal of its row.
    assert_eq!(mna.pattern().len(), (n + 1) + 2 * n + 2 + 1);
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("deck.cir"), format!("t\n{text}"));
    let (deck, found) = netlist::parse(&mut sources, file);
    assert!(found.is_empty());
    assert_eq!((deck.top.elements.len(), deck.top.plain.len(), deck.top.kinds.len(), deck.top.turns.len()), (1, 2 * n, 2, 1));
    // Bytes: a card of the tree, a device, a node. Names of up to 23 letters, two terminals and one value are inside.
    assert!(size_of::<Plain>() <= 24 && size_of::<Instance>() <= 160 && size_of::<Node>() <= 40);
}

/// A crossbar in six lines is the crossbar in flat text; values of their own, steps, loops downwards, words between them.
#[test]
fn loops_are_the_text_that_they_stand_for() {
    let loops = ".param base=100\n.for i 0 4\nV{i} d{i} 0 {0.1*(i+1)}\nRr{i}_0 d{i} r{i}_0 1\n.for j 1 3\nRr{i}_{j} r{i}_{j-1} r{i}_{j} 1\n.endfor\n.endfor\n\
                 .for i 0 4\n.for j 0 3\nRx{i}_{j} r{i}_{j} c{j} {base*(1+i+10*j)}\nCx{i}_{j} r{i}_{j} c{j} {2*i+j+1}p\n.endfor\n.endfor\n\
                 .for j 3 0 -1\nRc{j} c{j} 0 {1+j}\n.endfor";
    let mut flat = ".param base=100\n".to_string();
    for i in 0..5 {
        let _ = write!(flat, "V{i} d{i} 0 {{0.1*({i}+1)}}\nRr{i}_0 d{i} r{i}_0 1\n");
        for j in 1..4 {
            let _ = writeln!(flat, "Rr{i}_{j} r{i}_{} r{i}_{j} 1", j - 1);
        }
    }
    for i in 0..5 {
        for j in 0..4 {
            let _ = write!(flat, "Rx{i}_{j} r{i}_{j} c{j} {{base*(1+{i}+10*{j})}}\nCx{i}_{j} r{i}_{j} c{j} {}p\n", 2 * i + j + 1);
        }
    }
    for j in (0..4).rev() {
        let _ = writeln!(flat, "Rc{j} c{j} 0 {}", 1 + j);
    }
    alike(loops, &flat);
    // The loops around plain cards were not written out as text: only the lines of V, once a round, were.
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("deck.cir"), format!("t\n{loops}"));
    let (deck, found) = netlist::parse(&mut sources, file);
    assert!(found.is_empty(), "{}", diag::render(&found, &sources, false));
    assert_eq!((deck.top.elements.len(), deck.top.loops.len()), (5, 5 + 2));
}

/// Values that are compiled, and those that read more than indices: functions of the deck, one of them in place of a built-in
/// one, constants, an index that hides a parameter, parameters, tables.
#[test]
fn values_in_loops_are_those_of_single_cards() {
    let values = [
        "1/(1e-4*(0.55 + 0.45*sin(127.1*i*i + 311.7*j)))",
        "1k*exp(-i*j/8)*pi + (i > j ? 2 : min(i, j, 1)) - 2**(0.5*i) + pwr(-j, 2)",
        "1k + twice(i)*cos(j) + max(i, 1e3)/3 + int(i/2) + 7 % (1+j)",
        "base*(1 + sqrt(i*j)) + abs(i - j)",
        "1k + 3*hidden + tanh(j)",
        "1k + table(j, 0, i, 2, 10*i, 4, 3) + temper*sin(i)",
        "10*data(\"w.csv\", i, j)*(1 + atan2(i, 1+j))",
    ];
    let head = ".param base=100 hidden=5 j=7\n.func twice(x) {2*x + hypot(x, 1)}\n.func cos(x) {x*x + 1}\nV1 a 0 1\n";
    for value in values {
        let mut flat = head.to_string();
        for i in 0..3 {
            for j in 0..4 {
                let word = |name: &str| if name == "i" { i.to_string() } else { j.to_string() };
                let own: Vec<String> = value
                    .split_inclusive(|c: char| !c.is_alphanumeric())
                    .map(|part| match part.trim_end_matches(|c: char| !c.is_alphanumeric()) {
                        name @ ("i" | "j") => part.replacen(name, &word(name), 1),
                        _ => part.to_string(),
                    })
                    .collect();
                let _ = writeln!(flat, "R{i}_{j} a 0 {{{}}}", own.concat());
            }
        }
        let loops = format!("{head}.for i 0 2\n.for j 0 3\nR{{i}}_{{j}} a 0 {{{value}}}\n.endfor\n.endfor");
        alike(&loops, &flat);
    }
}

/// A million cards in six lines: the tree stays what it is in the text.
#[test]
fn a_loop_takes_no_memory_until_it_is_unfolded() {
    let text = "t\nV1 r0_0 0 1\n.for i 0 999\n.for j 0 999\nR{i}_{j} r{i}_{j} c{i}_{j} 1k\n.endfor\n.endfor\n";
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("deck.cir"), text.to_string());
    let (deck, found) = netlist::parse(&mut sources, file);
    assert!(found.is_empty());
    assert_eq!((deck.top.elements.len(), deck.top.plain.len(), deck.top.loops.len()), (1, 0, 1));
    // The deck and the first card, which stands for its kind.
    assert!(sources.all().iter().map(|f| f.text.len()).sum::<usize>() < 200);
    let mut cards = 0;
    deck.top.loops[0].each(&mut |_| cards += 1).unwrap();
    assert_eq!(cards, 1_000_000);
}

const CELL: &str = ".param gain=2\n.subckt half a b\nR1 a mid {1k*gain}\nC1 mid b 1p ic=0.1\nBs mid b i={1m*v(a,b)+1u*gain}\n.ends\n\
    .subckt cell p n q\nX1 p m half\nX2 m n half\nV1 m k 0.1\nF1 q 0 V1 2\nE1 q2 0 p n 3\nH1 e 0 E1 5\nR3 e q2 1\nR4 q2 n 1\nL1 k n 1n ic=1m\n.ends\n\
    I1 0 a 1\nR0 a 0 1\nR2 b 0 1\nR5 c 0 2\n";

/// Copies of a subcircuit with others in it, sources, currents that control, start values; also with ports on ground and on
/// one node. With `m=1` on the card every use is unfolded by itself.
#[test]
fn copies_of_subcircuits_are_subcircuits() {
    let uses = ["a b c", "b c a", "c a b", "a 0 c", "b 0 a", "a a c", "b b a", "b c a"];
    let write = |tail: &str| {
        let lines = uses.iter().enumerate().map(|(k, nodes)| format!("X{k} {nodes} cell{tail}\n"));
        format!("{CELL}{}", lines.collect::<String>())
    };
    alike(&write(""), &write(" m=1"));
}

/// Cards that assign numbers: devices of modules with values, subcircuits with parameters, the same and different ones.
#[test]
fn cards_that_assign_numbers() {
    let write = |tail: &str| {
        let mut text =
            ".subckt cell p n r=5 c=1p\nR1 p m {2*r}\nR2 m n r\nC1 m n {c}\nNx m n resistor r={r+1}\n.ends\nI1 0 a 1\nR0 a 0 1\n"
                .to_string();
        for k in 0..6 {
            let _ = writeln!(text, "N{k} a b{k} resistor r={} tc1=1m{tail}\nRb{k} b{k} 0 {}", 1 + k % 3, k + 1);
            let _ = writeln!(text, "X{k} a b{k} cell r={} c = {}p{tail}", 1 + k % 2, 2 + k % 2);
        }
        text
    };
    alike(&write(""), &write(" m=1"));
    let found = complaints("V1 a 0 1\nN1 a 0 resistor r=1\nN2 a 0 resistor r=0");
    assert!(found.contains("deck.cir:4:19"), "{found}");
    let found = complaints("V1 a 0 1\nN1 a 0 resistor rr=1\nN2 a 0 resistor rr=2");
    assert_eq!(found.matches("has no parameter `rr`").count(), 2, "{found}");
}

/// What names a part of a copy finds it: results, start values, sources that are controlled from outside.
#[test]
fn parts_of_copies_have_names() {
    let deck = |tail: &str| {
        format!(
            "{CELL}X1 a b c cell{tail}\nX2 b c a cell{tail}\nX3 c a b cell{tail}\nF9 d 0 X3.V1 2\nR9 d 0 1\nB8 f 0 v={{v(X3.X1.mid)}}\n\
             .save v(x2.x1.mid) i(x3.v1) v(x3.e) @x3.x2.r1[r] i(X2.L1)\n.ic v(x3.x2.mid)=0.5\n.nodeset v(X2.q2)=1"
        )
    };
    alike(&deck(""), &deck(" m=1"));
    let names: Vec<String> = system(&deck("")).layout().outputs.iter().map(|o| o.name.clone()).collect();
    assert_eq!(names, ["v(X2.X1.mid)", "i(X3.V1)", "v(X3.e)", "@X3.X2.R1[r]", "i(X2.L1)"]);
}

/// Mistakes on plain cards and in loops are found and shown at their places.
#[test]
fn mistakes_on_plain_cards() {
    let cases = [
        ("R1 a 0 1\nV1 a 0 1\nr1 a 0 2", "element `r1` is declared twice"),
        ("V1 a 0 1\n.for i 1 3\nR{i} a 0 1\n.endfor\nR2 a 0 1", "element `R2` is declared twice"),
        ("V1 a 0 1\nR1 a 0 1\nR2 a 0 0", "deck.cir:4:8"),
        ("V1 a 0 1\nD1 a 0 none\nD2 a 0 none", "there is no model `none`"),
        ("V1 a 0 1\nX1 a cell\nX2 a 0 cell\n.subckt cell p\nR1 p 0 1\n.ends", "has 1 port, 2 given"),
        ("V1 a 0 1\n.for i 1 4\nR{i} a n{i/2} 1\nC{i} n{i/2} 0 1p\n.endfor", "0.5 in a name"),
        ("V1 a 0 1\nR1 a 0 1\nF1 a 0 R1 2", "the current of `R1` is no unknown"),
        ("V1 a 0 1\nR1 a 0 1\nF1 a 0 V2 2", "did you mean `V1`?"),
        ("V1 a 0 1\nR1 a 0 1\n.save i(r2)", "did you mean `R1`?"),
        ("V1 a 0 1\nX1 a cell\nX2 a cell\n.subckt cell p\nR1 p 0 1\n.ends\n.save i(x2)", "name a device inside: X2.R1"),
    ];
    for (text, expected) in cases {
        let found = complaints(text);
        assert!(found.contains(expected), "{text}: expected {expected}, got\n{found}");
    }
    // Each card with the mistake is shown.
    let found = complaints("V1 a 0 1\nD1 a 0 none\nD2 a 0 none");
    assert_eq!(found.matches("there is no model `none`").count(), 2, "{found}");
}

/// A mistake that is made five hundred times is not told five hundred times.
#[test]
fn many_mistakes_are_counted() {
    let lines: String = (0..500).map(|k| format!("R{k} a n{k} 1\n")).collect();
    let found = complaints(&format!("V1 a 0 1\n{lines}"));
    assert!(found.contains("300 more nodes are connected to one terminal only"), "{found}");
    assert_eq!(found.matches("warning: node").count(), 200);
    let lines: String = (0..600).map(|k| format!("R{k} a 0 0\n")).collect();
    assert_eq!(complaints(&format!("V1 a 0 1\n{lines}")).matches("is out of range").count(), 500);
}

/// The pattern of visited entries against a set of pairs: duplicates, ground, the full diagonal, rows in order.
#[test]
fn patterns_are_sets_of_entries() {
    let n = 50;
    let mut state = 7u64;
    let mut draw = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % (n as u64 + 1)) as u32
    };
    let entries: Vec<(u32, u32)> = (0..600).map(|_| (draw(), draw())).collect();
    let pattern = Pattern::new(n, entries.iter().copied());
    let inside = entries.iter().copied().filter(|(r, c)| (*r as usize) < n && (*c as usize) < n);
    let wanted: std::collections::BTreeSet<(u32, u32)> = inside.chain((0..n as u32).map(|k| (k, k))).map(|(r, c)| (c, r)).collect();
    let made = (0..n).flat_map(|c| pattern.column(c).map(move |s| (c as u32, s)));
    let made: Vec<(u32, u32)> = made.map(|(c, s)| (c, pattern.rows[s])).collect();
    assert_eq!(made, wanted.into_iter().collect::<Vec<_>>());
}
