//! What is said about decks that can be read but not built: one message each, with place, expectation and hint.

use memspice::mna::Mna;

use crate::elaborate::deck;

/// Name of the case and the deck without its title line.
const BAD: &[(&str, &str)] = &[
    ("unknown model", "V1 a 0 1\nD1 a 0 dd1\n.model dd2 d(is=1f)\n"),
    ("unknown model type", "V1 a 0 1\nD1 a 0 dd\n.model dd diod(is=1f)\n"),
    ("unknown subcircuit", "V1 a 0 1\nX1 a 0 cel\n.subckt cell a b\nR1 a b 1\n.ends\n"),
    ("unknown parameter of a model", "V1 a 0 1\nD1 a 0 dd\n.model dd d(iss=1f)\n"),
    ("unknown parameter of an instance", "V1 a 0 1\nR1 a 0 1k tc3=1\n"),
    ("unknown parameter of a subcircuit", "V1 a 0 1\nX1 a 0 cell rr=1\n.subckt cell a b r=1\nR1 a b {r}\n.ends\n"),
    ("unknown parameter of a module", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem Roff2=1\n"),
    ("unknown parameter in an expression", ".param rload=1\nV1 a 0 1\nR1 a 0 {2*rlaod}\n"),
    ("unknown function", ".func dbl(x) {2*x}\nV1 a 0 1\nR1 a 0 {dlb(2)}\n"),
    ("function of the deck with too many arguments", ".func dbl(x) {2*x}\nV1 a 0 1\nR1 a 0 {dbl(2,3)}\n"),
    ("function with too few arguments", "V1 a 0 1\nR1 a 0 {pow(2)}\n"),
    ("function that calls itself", ".func f(x) {g(x)}\n.func g(x) {f(x)+1}\nV1 a 0 1\nR1 a 0 {f(2)}\n"),
    ("function that calls itself in a source", ".func f(x) {f(x)+1}\nV1 a 0 1\nR1 a b 1\nB1 b 0 i=f(v(a))\n"),
    ("circular parameters", ".param a={b+1} b={c} c={2*a}\nV1 a 0 1\nR1 a 0 {a}\n"),
    ("parameter of itself", ".param a={a}\nV1 a 0 1\nR1 a 0 {a}\n"),
    ("circular parameters of a subcircuit", "V1 a 0 1\nX1 a 0 cell\n.subckt cell a b p={q} q={p}\nR1 a b {p}\n.ends\n"),
    ("recursive subcircuit", "V1 a 0 1\nX1 a 0 one\n.subckt one a b\nX2 a b two\n.ends\n.subckt two a b\nXA a b one\n.ends\n"),
    ("too few nodes of a subcircuit", "V1 a 0 1\nX1 a cell\n.subckt cell a b\nR1 a b 1\n.ends\n"),
    ("too many nodes of a module", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 b mem\nR1 b 0 1\n"),
    ("element declared twice", "V1 a 0 1\nR1 a 0 1\nr1 a 0 2\n"),
    ("model declared twice", "V1 a 0 1\nD1 a 0 dd\n.model dd d(is=1f)\n.model DD d(is=2f)\n"),
    ("parameter set twice", ".param a=1\n.param A=2\nV1 a 0 1\nR1 a 0 {a}\n"),
    ("value out of range", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem x0=1.5\n"),
    ("value out of a range given by another", ".hdl \"mem.va\"\n.param r=1k\nV1 a 0 1\nX1 a 0 mem ron={r} roff={r/2}\n"),
    ("excluded value", "V1 a 0 1\nR1 a 0 0\n"),
    ("no integer", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem window=1.5\n"),
    ("text for a number", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem ron=\"low\"\n"),
    ("number for a text", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem kind=3\n"),
    ("M with a module", ".hdl \"mem.va\"\nV1 a 0 1\nM1 a 0 0 0 card\n.model card mem(ron=1)\n"),
    ("M with the name of a module", ".hdl \"mem.va\"\nV1 a 0 1\nM1 a 0 0 0 mem\n"),
    ("D with a switch", "V1 a 0 1\nD1 a 0 sw\n.model sw sw(ron=1)\n"),
    ("level of a transistor", "V1 a 0 1\nM1 a 0 0 0 nn\n.model nn nmos(level=54)\n"),
    ("control by a resistor", "V1 a 0 1\nR1 a b 1\nF1 b 0 R1 2\n"),
    ("control by nothing", "V1 a 0 1\nR1 a b 1\nF1 b 0 V11 2\n"),
    ("coupling of a resistor", "V1 a 0 1\nR1 a b 1\nL1 b 0 1m\nK1 L1 R1 0.5\n"),
    ("coupling out of range", "V1 a 0 1\nR1 a b 1\nL1 b 0 1m\nL2 c 0 1m\nR2 c 0 1\nK1 L1 L2 1.5\n"),
    (
        "couplings that contradict",
        "V1 a 0 1\nR1 a b 1\nL1 b 0 1m\nL2 c 0 1m\nR2 c 0 1\nL3 d 0 1m\nR3 d 0 1\nK1 L1 L2 0.9\nK2 L2 L3 0.9\nK3 L1 L3 0\n",
    ),
    ("voltage in a parameter", ".param r={v(a)}\nV1 a 0 1\nR1 a 0 {r}\n"),
    ("time in a parameter", ".param r={time}\nV1 a 0 1\nR1 a 0 {r}\n"),
    ("unknown node in a source", "V1 a 0 1\nR1 a b 1\nB1 b 0 i=v(aa)\n"),
    ("small-signal part in a source", "V1 a 0 1\nR1 a b 1\nB1 b 0 i=vdb(a)\n"),
    ("state that controls", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a b mem\nB1 b 0 i=v(x1.state)\n"),
    ("temperature as a parameter", ".param temp=50\nV1 a 0 1\nR1 a 0 1\n"),
    ("flag without effect", "V1 a 0 1\nD1 a 0 dd off\n.model dd d(is=1f)\n"),
    ("value without model", "V1 a 0 1\nR1 a 0 tc1=1\n"),
    ("unknown node in .print", "V1 out 0 1\nR1 out 0 1\n.print tran v(uot)\n"),
    ("unknown node of a subcircuit", "V1 a 0 1\nX1 a 0 cell\n.subckt cell a b\nR1 a mid 1\nR2 mid b 1\n.ends\n.print v(x1.mud)\n"),
    ("unknown device in .save", "V1 a 0 1\nRload a 0 1\n.save i(rlaod)\n"),
    ("unknown state", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem\n.save x1.stat\n"),
    ("unknown variable", ".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem\n.save @x1[ress]\n"),
    ("current of a transistor", "V1 a 0 1\nM1 a 0 0 0 nn\n.model nn nmos\n.save i(m1)\n"),
    ("current of a subcircuit", "V1 a 0 1\nX1 a 0 cell\n.subckt cell a b\nR1 a b 1\n.ends\n.save i(x1)\n"),
    ("unknown node in .ic", "V1 a 0 1\nR1 a 0 1\n.ic v(b)=1\n"),
    ("start value of ground", "V1 a 0 1\nR1 a 0 1\n.ic v(0)=1\n"),
    ("unknown name in .measure", "V1 a 0 1\nR1 a 0 1\n.measure tran x max v(b)\n"),
    ("unknown measure in .measure", "V1 a 0 1\nR1 a 0 1\n.measure tran x max v(a)\n.measure tran y param='xx*2'\n"),
    ("step of nothing", ".param r=1\nV1 a 0 1\nR1 a 0 {r}\n.step param rr 1 2 1\n"),
    ("step without end", ".param r=1\nV1 a 0 1\nR1 a 0 {r}\n.step param r 1 2 -1\n"),
    ("unknown option", "V1 a 0 1\nR1 a 0 1\n.options retol=1e-3\n"),
    ("option without effect", "V1 a 0 1\nR1 a 0 1\n.options chgtol=1e-14 itl5=0\n"),
    ("option out of range", "V1 a 0 1\nR1 a 0 1\n.options reltol=2\n"),
    ("loop of voltage sources", "V1 a 0 1\nV2 a b 1\nE1 b 0 a 0 2\nR1 a 0 1\n"),
    ("short-circuited source", "V1 a a 1\nR1 a 0 1\n"),
    ("island", "V1 a 0 1\nC1 a b 1n\nC2 b 0 1n\n"),
    ("node between current sources", "V1 a 0 1\nR1 a 0 1\nI1 0 b 1\nI2 b 0 1\n"),
    ("loop of inductors", "V1 a 0 1\nL1 a b 1m\nL2 a b 1m\nR1 b 0 1\n"),
    ("node with one terminal", "V1 a 0 1\nR1 a b 1\n"),
    ("unused node of a subcircuit", "V1 a 0 1\nX1 a b cell\n.subckt cell p q\nR1 p 0 1\n.ends\n"),
    ("unknown time function argument", "V1 a 0 pulse(0 1 0 1n 1n 5n 10n 3 7)\nR1 a 0 1\n"),
    ("times that fall", "V1 a 0 pwl(0 0 2n 1 1n 0)\nR1 a 0 1\n"),
    ("missing file of points", "V1 a 0 pwl file=\"none.csv\"\nR1 a 0 1\n"),
    ("missing Verilog-A file", ".hdl \"none.va\"\nV1 a 0 1\nR1 a 0 1\n"),
];

#[test]
fn mistakes_are_explained() {
    let mut out = String::new();
    for (what, text) in BAD {
        let (_, shown) = deck(text, &[]);
        assert!(!shown.is_empty(), "{what} is accepted");
        out += &format!("==== {what}\n{shown}\n");
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("bad_circuits", out);
    });
}

/// Decks with something of everything, to be damaged.
const SEEDS: [&str; 3] = [
    ".hdl \"mem.va\"\n.param a=1 b={2*a+temp} r=1k\n.func f(x,y) {x*y+a}\n.global vdd\nV1 in 0 dc 1 ac 1 90 pulse(0 {b} 0 1n 1n 5n 10n)\n\
     R1 in out {r} tc1=1m\nC1 out 0 1p ic=0 m=2\nL1 out q 1u\nL2 q 0 1u\nK1 L1 L2 0.9\nX1 in out mem ron={a*100}\n\
     .subckt cell p q w=1\nR1 p m {w}\nX2 m q sub2 k={w*2}\n.subckt sub2 a b k=1\nB1 a b i=v(a,b)*k+i(v9)\nV9 a z 0\nR9 z b 1\n.ends\n.ends\n\
     X3 in vdd cell w=3 m=2\nR7 vdd 0 1\n.ic v(out)=1 x1.state=0.3\n.step param r list 1 2\n.tran 1n {10*a} uic\n\
     .save v(out) i(x1) x1.state @x1[res] v(x3.m) i(x3.r1)\n.plot tran i(x1) vs v(in,out) xlog title=\"t\"\n\
     .measure tran y find v(out) when v(in)={a/2} rise=1\n.measure tran z param='y*2+a'\n.options reltol=1e-4 method=gear\n",
    "V1 a 0 1\nR1 a b 1\nB1 b 0 i=f(v(a),2)+time\n.func f(x,y) {x**y+y}\nE1 c 0 a b 2\nR2 c 0 1\nF1 0 d V1 2\nR3 d 0 1\n\
     H1 e 0 E1 2\nR4 e 0 1\nG1 0 g poly(2) (a,0) (b,0) 1 2 3\nR5 g 0 1\nD1 a h dd 2 off\nR6 h 0 1\nM1 a b h 0 nn w=2u l=1u\n\
     S1 a b c 0 sw\n.model dd d(is=1f n=1.1)\n.model nn nmos(vto=0.7)\n.model sw sw(ron=1 vt=0.5)\n.print p(d1) vdb(c) {v(a)/2}\n.op\n",
    "V1 a 0 1\nV2 b a 1\nC1 b c 1\nC2 c 0 1\nL1 b d 1\nL2 d b 1\nR1 d 0 1\nI1 c 0 1m\nE1 x 0 c 0 1\nR2 x 0 1\n.ac dec 10 1 1k\n",
];

/// Any damage ends in a circuit or in messages, never in a panic.
#[test]
fn damaged_decks_end_in_messages() {
    let mut state = 12345u64;
    let mut random = |n: usize| {
        // A linear congruential generator with Knuth's constants: the high bits are good enough to pick places.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n.max(1)
    };
    for round in 0..1000 {
        let seed = SEEDS[round % SEEDS.len()];
        let mut lines: Vec<String> = seed.lines().map(str::to_string).collect();
        for _ in 0..=random(3) {
            let (k, other) = (random(lines.len()), random(lines.len()));
            let words: Vec<String> = lines[k].split(' ').map(str::to_string).collect();
            let spare: Vec<String> = lines[other].split(' ').map(str::to_string).collect();
            let mut damaged = words.clone();
            match random(5) {
                0 => drop(damaged.remove(random(words.len()))),
                1 => damaged[random(words.len())] = spare[random(spare.len())].clone(),
                2 => damaged.insert(random(words.len()), spare[random(spare.len())].clone()),
                3 => lines.swap(k, other),
                _ => drop(lines.remove(k)),
            }
            if k < lines.len() {
                lines[k] = damaged.join(" ");
            }
        }
        let text = lines.join("\n");
        let result = std::panic::catch_unwind(|| deck(&text, &[]).0.map(|circuit| Mna::new(circuit).is_ok()));
        assert!(result.is_ok(), "this deck ends in a panic:\n{text}");
    }
}
