//! Decks that are wrong: what is said about them, and that nothing that can be typed makes the parser stop working.

use std::time::{Duration, Instant};

use memspice::diag;

use crate::netlist::parse_with;

/// One mistake each; the first line is the title.
const BAD: &[(&str, &str)] = &[
    ("unknown element", "R1 a 0 1k\n?1 a 0 1\n"),
    ("element not supported", "Q1 c b e npn\n"),
    ("unknown card", ".tarn 1n 1u\n"),
    ("card not supported", ".disto dec 10 1 1meg\n"),
    ("one node", "R1 a\n"),
    ("no value", "R1 a b\n"),
    ("two values", "R1 a b 1k 2k\n"),
    ("value in place of a node", "C1 a {c} 1p\n"),
    ("number of two parts", "R1 a b 1k5\n"),
    ("number with a wrong tail", "R1 a b 10_k\n"),
    ("capacitor with a stray word", "C1 a b 1p ic=0 off\n"),
    ("coupling of one inductor", "K1 L1 0.99\n"),
    ("coupling without coefficient", "K1 L1 L2\n"),
    ("unknown time function", "V1 a 0 puls(0 1 0 1n 1n 5n 10n)\n"),
    ("time function never closed", "V1 a 0 pulse(0 1 0 1n\nR1 a 0 1k\n"),
    ("two time functions", "V1 a 0 sin(0 1 1k) sin(0 1 2k)\n"),
    ("two dc values", "V1 a 0 5 dc 6\n"),
    ("time function not supported", "V1 a 0 trnoise(1 1n 0 0)\n"),
    ("controlled source with three nodes", "E1 a b c 10\n"),
    ("controlled source without gain", "G1 a b c d\n"),
    ("laplace", "E1 a b laplace {v(c)} = {1/(1+s)}\n"),
    ("poly without number", "E1 a b poly c d 1\n"),
    ("poly without coefficients", "E1 a b poly(2) c d e f\n"),
    ("table with half a pair", "E1 a b table {v(c)} = (0,0) (1)\n"),
    ("current control without source", "F1 a b 10\nF2 a b\n"),
    ("behavioural without expression", "B1 a b m=2\n"),
    ("behavioural with two expressions", "B1 a b v=1 i=2\n"),
    ("diode without model", "D1 a b\n"),
    ("transistor with three nodes", "M1 d g s nmos w=1u\n"),
    ("switch flag", "S1 a b c d sw maybe\n"),
    ("instance without name", "X1 p=1\n"),
    ("instance with a node after parameters", "X1 a b cell p=1 c\n"),
    ("brace never closed", "R1 a b {r0*2\nC1 a b 1p\n"),
    ("brace never opened", "R1 a b r0}\n"),
    ("quote never closed", "R1 a b 'r0*2\n"),
    ("text never closed", ".include \"a.inc\nR1 a 0 1\n"),
    ("expression breaks off", "R1 a b {1+}\n"),
    ("parenthesis in an expression", ".param a={2*(1+b}\n"),
    ("single equality", ".param a={b=1}\n"),
    ("colon missing", ".param a={b?1}\n"),
    ("single and", ".param a={b&c}\n"),
    ("voltage of three nodes", "B1 a b v=v(a,b,c)\n"),
    ("voltage never closed", "B1 a b v=v(a\n"),
    ("variable without name", ".save @m1\n"),
    ("param without value", ".param a\n"),
    ("param with a name that is taken", ".param time=1\n"),
    ("two arguments of one name", ".func f(a,A) {a}\n"),
    ("function without body", ".func f(a)\n"),
    ("model without type", ".model m1\n.model m2 is=1\n"),
    ("model with a bare word", ".model m1 d(is=1e-14 fast)\n"),
    ("start value without value", ".ic v(a)\n"),
    ("start value of an expression", ".ic v(a)+1=2\n"),
    ("subcircuit without end", ".subckt cell a b\nR1 a b 1k\n"),
    ("end without subcircuit", "R1 a 0 1\n.ends\n"),
    ("end of another subcircuit", ".subckt cell a b\n.ends sell\n"),
    ("analysis in a subcircuit", ".subckt cell a b\n.tran 1n 1u\n.ends\n"),
    ("ports of one name", ".subckt cell a A\n.ends\n"),
    ("missing file", ".include nowhere.inc\n"),
    ("file that includes itself", ".include loop.inc\n"),
    ("section that is not there", ".lib corners.lib ft\n"),
    ("section without end", ".lib corners.lib open\n"),
    ("end of a section", ".endl\n"),
    ("control without end", ".control\nrun\n"),
    ("control with unknown statements", ".control\nlet x=1\nforeach y 1 2\nend\n.endc\n"),
    ("end of control", ".endc\n"),
    ("two temperatures", ".temp 27 85\n"),
    ("continuation of nothing", "\n\n* only a comment\n+ R1 a b\n"),
    ("binary", "R1 a b 1\u{0}\u{1}\u{2}\n"),
    ("cards behind the end", "R1 a 0 1\n.end\nR2 a 0 1\n"),
    ("several mistakes", "R1 a\nR2 a b 1k5\n.trna 1 2\nC1 a b 1p\nQ1 a b c d\n"),
];

#[test]
fn every_mistake_is_explained() {
    let files = [
        ("loop.inc", "R1 a 0 1\n.include inner.inc\n"),
        ("inner.inc", ".include ./loop.inc\n"),
        ("corners.lib", ".lib tt\n.param c=1\n.endl\n.lib ff\n.param c=2\n.endl\n.lib open\n.param c=3\n"),
    ];
    let mut out = String::new();
    for (what, text) in BAD {
        let (_, diagnostics, sources) = parse_with(&format!("title\n{text}"), &files);
        assert!(!diagnostics.is_empty(), "{what} is accepted");
        out += &format!("==== {what}\n{}\n", diag::render(&diagnostics, &sources, false));
    }
    for (what, text) in [("empty", ""), ("blank", " \n\n"), ("first line is a card", ".tran 1n 1u\nR1 a 0 1\n")] {
        let (_, diagnostics, sources) = parse_with(text, &[]);
        out += &format!("==== {what}\n{}\n", diag::render(&diagnostics, &sources, false));
    }
    let out = out.replace(|c: char| c.is_control() && c != '\n', "?");
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("bad_decks", out);
    });
}

/// A deck with something of everything, to be damaged.
const SEED: &str = "A deck\n\
    .param a=1 b={2*a} f(x)={x*x > 1 ? sqrt(x) : table(x, 0,0, 1,1)}\n\
    V1 in 0 dc 1 ac 1 90 pulse(0 {b} 0 1n 1n 5n 10n)\n\
    V2 p 0 pwl(0 0, 1n 1) r=0\n\
    R1 in out 4.7kohm tc=1m,2u ; comment\n\
    C1 out 0 1p ic=0 $ comment\n\
    + m=2\n\
    L1 a b 1u\nL2 c d 1u\nK1 L1 L2 0.9\n\
    E1 a b poly(2) (c,0) (d,0) 1 2 3 4\nG1 a 0 table {v(a)} = (0,0) (1,2)\n\
    F1 a b V1 10\nB1 x 0 v={v(a,b)*i(V1)+@X1[g]} \n\
    D1 a b dm 2 off\nM1 d g s b nm w=1u l='2*a'\nS1 a b c d sw on\nX1 a b cell params: p=1 q=\"t\"\n\
    .subckt cell a b p=1\n.model dm d(is=1e-14, n=1.05)\nN1 a b nbox(rth=1k)\n.ends cell\n\
    .ic v(a)=1 X1.state=0.3\n.options reltol=1e-4 method=trap\n.lib x.lib tt\n.include y.inc\n\
    .tran 1n 10u uic\n.meas tran t trig v(in) val=0.5 rise=1 targ v(out)='a/2' fall=last\n\
    .plot i(x1) vs v(a) title=\"T\"\n.control\nrun\nset x\n.endc\n.end\n";

/// Bytes that mean something, and some that do not.
const SIGNS: &[u8] = b"(){}'\"=,;$*+-/.%^<>!&|?:@[]\n\n\t 019akmn_~\\#\x01\x7f\xc2\xb5";

/// A generator of the kind of Marsaglia's xorshift: the same damage in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

#[test]
fn damaged_decks_end_in_messages() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let files = [("x.lib", ".lib tt\nR9 a 0 1\n.endl\n"), ("y.inc", "R8 a 0 1\n")];
    for _ in 0..4000 {
        let mut bytes = SEED.as_bytes().to_vec();
        for _ in 0..=next(&mut state) % 6 {
            if bytes.is_empty() {
                break;
            }
            let at = next(&mut state) % bytes.len();
            let sign = SIGNS[next(&mut state) % SIGNS.len()];
            match next(&mut state) % 5 {
                0 => bytes[at] = sign,
                1 => bytes.insert(at, sign),
                2 => drop(bytes.drain(at..bytes.len().min(at + 1 + next(&mut state) % 20))),
                3 => {
                    let end = bytes.len().min(at + 1 + next(&mut state) % 200);
                    let piece = bytes[at..end].to_vec();
                    let to = next(&mut state) % bytes.len();
                    bytes.splice(to..to, piece);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        // As `Sources::load` does for bytes that are not UTF-8.
        let text = String::from_utf8(bytes).unwrap_or_else(|e| e.as_bytes().iter().map(|b| *b as char).collect());
        let (_, diagnostics, sources) = parse_with(&text, &files);
        for diagnostic in &diagnostics {
            for (span, _) in &diagnostic.labels {
                let text = sources.text(span.file);
                assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?}\n{text}");
            }
        }
        let _ = diag::render(&diagnostics, &sources, false);
    }
}

#[test]
fn noise_ends_in_messages() {
    let mut state = 77;
    for length in [1, 10, 100, 1000, 10_000] {
        for _ in 0..40 {
            let text: String = (0..length).map(|_| (next(&mut state) % 256) as u8 as char).collect();
            let (_, diagnostics, _) = parse_with(&format!("t\n{text}"), &[]);
            assert!(diagnostics.len() <= 101);
        }
    }
}

/// Text of a megabyte that a parser of quadratic time would take minutes for.
#[test]
fn a_megabyte_of_anything_is_read_quickly() {
    let many = |piece: &str| piece.repeat(1_000_000 / piece.len());
    let texts = [
        format!("R1 {}", many("a")),
        format!("R1 {}", many("a ")),
        format!("V1 a 0 pwl({})", many("1n 2 ")),
        format!("V1 a 0 pwl({}", many("1n (")),
        format!("X1 {} cell", many("n ")),
        format!(".subckt x {}", many("abc ")),
        format!(".param a={}", many("1+")),
        format!(".param a={}", many("(")),
        format!(".param a={}", many("{")),
        format!(".param a={}", many("f(1,")),
        format!(".param a={}", many("-")),
        format!(".param a={}", many("9")),
        format!(".print {}", many("v(")),
        format!(".print {}", many("v(a) ")),
        format!(".print {}", many("(a")),
        format!(".ic {}", many("v(a)=1 ")),
        many("'\n"),
        many("{\n"),
        many("\"\n"),
        many("R1 a\n"),
        many("R1 a b 1\n*\n"),
        many(".lib a\n"),
        many(".subckt a\n"),
        many(".ends\n"),
        many("+\n"),
        many(";\n"),
        format!("R1 a b {{1{}}}", many("\n+")),
        format!("R1 a b {{1{}}}", many("\n*")),
        format!("E1 a b poly(3) 1 0 2 0 3 0 {}", many("1 ")),
        format!("E1 a b table {{v(a)}} {}", many("(1,2)")),
        format!("K1 {}", many("L1 ")),
        many("\u{b5}"),
    ];
    let start = Instant::now();
    for text in texts {
        let one = Instant::now();
        let (_, diagnostics, sources) = parse_with(&format!("t\n{text}\n"), &[]);
        let _ = diag::render(&diagnostics, &sources, false);
        // A tenth of a second alone; the rest is for a machine that does much else.
        assert!(one.elapsed() < Duration::from_secs(10), "{}: {:?}", &text[..20], one.elapsed());
    }
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}
