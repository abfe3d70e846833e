//! Mutations of our own models through lexer, preprocessor, parser, checker, lowering and evaluation: whatever the text, it
//! ends soon, in models or in messages. The sequence is fixed; `MEMSPICE_FUZZ=200000` asks for that many inputs
//! (`MEMSPICE_FUZZ_FROM` starts later in the sequence).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memspice::diag::{Severity, render};
use memspice::ir::{Input, diff, interp, verify};
use memspice::model::{Formula, Model};
use memspice::span::{MemoryFiles, Sources};
use memspice::veriloga;

use super::frontend;

/// Inputs of an ordinary run.
const ORDINARY: u64 = 3000;
/// What an input may take: a hundred times what the largest model takes here, so that a busy machine is no failure.
const LONGEST: Duration = Duration::from_secs(60);

/// The next number of a fixed sequence (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

/// All models of the project, and texts that use much of the language at once.
fn seeds() -> Vec<Vec<u8>> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("models") {
            let path = entry.expect("entry").path();
            match path.extension().and_then(|e| e.to_str()) {
                _ if path.is_dir() => walk(&path, out),
                Some("va" | "vams") => out.push(path),
                _ => {}
            }
        }
    }
    let mut paths = Vec::new();
    walk(Path::new("models"), &mut paths);
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|p| std::fs::read(p).expect("a model")).collect();
    let rich = frontend::module("p, n", frontend::RICH).into_bytes();
    let wide = WIDE.as_bytes().to_vec();
    seeds.extend(std::iter::repeat_n(rich, 10));
    seeds.extend(std::iter::repeat_n(wide, 20));
    seeds.extend(std::iter::repeat_n(OPERATORS.as_bytes().to_vec(), 8));
    seeds
}

/// What the models of the project do not use.
const WIDE: &str = r#"
`include "constants.vams"
`include "disciplines.vams"
`define PAIR(a, b = 2, c = (1, 2)) ((a) + (b))
`define NAME(x) prefix_``x
`define BLOCK(v) \
    if (v > 0) begin \
        `ifdef __MEMSPICE__ \
        y = `PAIR(v); \
        `else \
        y = 0; \
        `endif \
    end
`default_discipline electrical
`default_transition 1n
nature Own; access = OwnPot; units = "u"; abstol = 1u; endnature
nature Kin : Own; abstol = 1m; endnature
discipline own potential Kin; flow Current; flow.abstol = 1p; domain continuous; enddiscipline
module part(a, b); inout a, b; parameter real g = 1m from (0:inf) exclude 3; parameter integer n = 2 from [1:4];
  real w[0:n-1]; genvar k;
  analog begin for (k = 0; k < n; k = k + 1) begin w[k] = V(a,b)*k; I(a,b) <+ g*w[k]; end end
endmodule
module whole(p, n, q, o); inout p, n, q; output o; electrical p, n, mid, in; electrical [1:0] q; own s; ground g;
  parameter real tau = 1n; parameter real list[0:2] = '{1, 2, 3}; parameter string kind = "a" from '{"a", "b"};
  localparam integer count = 2*1 + 8'hF; aliasparam time_constant = tau;
  branch (p, mid) pm; branch (<p>) into; real y, prefix_z = 1.5, m[3:0] = '{4{0.5}}; integer i, j; string t = "x";
  part #(.g(2m), .n(3)) one(mid, n), many[1:0](.a(q), .b(n));
  analog function real early; input a; inout b; real a, b;
    begin if (a > 1) return 2*a; for (b = 0; b < 3; b = b + 1) if (a > b) return b; early = -a; end
  endfunction
  analog initial begin j = 3; end
  analog begin : main
    `BLOCK(V(p, n))
    `NAME(z) = early(y, m[1]);
    if (i == 1) y = 1; else if (i == 2) y = 2; else if (i == 3) y = 3; else if (i == 4) y = 4; else if (i == 5) y = 5;
    else if (i == 6) y = 6; else if (i == 7) y = 7; else if (i == 8) y = 8; else if (i == 9) y = 9; else if (i == 10) y = 1;
    else if (i == 11) y = 6; else if (i == 12) y = 7; else if (i == 13) y = 8; else y = prefix_z;
    case (j) 1, 2: y = 1; [3:5]: y = 2; default: begin end endcase
    V(o) : V(in) == ddt(V(o))*tau; I(in) <+ V(in)*1p; I(pm) <+ V(pm)/1K + I(<p>)*0 + I(into)*0;
    for (i = 0; i < j; i = i + 1) I(mid, g) <+ 1u*i;
    while (y > 10) y = y/2; repeat (j) y = y + (&i | ^j) + (i >>> 1) + (j <<< 2);
    @(cross(V(p) - 1, +1, 1n) or timer(1n, 2n)) i = i + 1; @(initial_step or final_step) $strobe("%d %s", i, t);
    @(above(V(n))) y = $random;
    V(q[0], g) <+ y; I(q[1], g) <+ V(q[1], g);
    OwnPot(s) <+ list[i] + white_noise(1p, "w") + limexp(y) + $vt(300) + (kind == "a" ? (* att *) 1 : 2);
    begin : inner real z; z = $abstime; y = z; end
  end
endmodule
paramset half part; parameter real r = 1; .g = 1/r; endparamset
"#;

/// Operators with histories, tables, files.
const OPERATORS: &str = r#"
`include "disciplines.vams"
module operators(p, n); inout p, n; electrical p, n; parameter real tau = 1n; real y; integer i, f;
  analog begin
    V(p, n) <+ transition(i, 0, tau) + absdelay(V(p), tau) + slew(V(p), 1, -1) + laplace_nd(V(p), {1}, {1, tau});
    I(p, n) <+ idtmod(V(p), 0, 1) + idt(V(n), 0, V(p) > 1) + $table_model(V(p), '{0, 1}, '{0, 1}, "1L");
    I(p, n) <+ zi_nd(V(p), '{1}, '{1, 0.5}, 1n) + last_crossing(V(p), 1) + noise_table('{1, 1p, 10, 2p}) + ac_stim("ac", 1);
    @(cross(V(p) - 0.5, +1)) begin y = $abstime; i = !i; $discontinuity(0); end
    @(timer(0, 1u)) y = $rdist_normal(i, 0, 1) + $dist_uniform(i, 1, 5); @(above(V(p) - 1)) $finish;
    @(initial_step) f = $fopen("out.txt"); $fstrobe(f, "%g", y); @(final_step) $fclose(f);
  end
endmodule
"#;

/// Pieces that are put in.
const PIECES: [&str; 52] = [
    "begin",
    "end",
    "(",
    ")",
    ";",
    "`define A `A\n",
    "`define B `B + `B\n",
    "`ifdef X\n",
    "`else\n",
    "`endif\n",
    "\"",
    "/*",
    "*/",
    "(*",
    "*)",
    "if (",
    "else if (1)",
    "ddt(",
    "idt(",
    "V(p,n)",
    "<+",
    "1e999",
    "99999999999",
    "[",
    "]",
    "{",
    "'{",
    "\u{e9}",
    "while (1)",
    "for (i = 0; i < 1000000000; i = i + 1)",
    "repeat (1000000)",
    "-",
    "1e-400",
    "2147483647",
    "-2147483648",
    "real z[0:100000];",
    "real z[-5:5];",
    "`include \"disciplines.vams\"\n",
    "`include \"test.va\"\n",
    "return",
    "I(<p>)",
    ":",
    "==",
    "8'hFFFFFFFFF",
    "'b",
    "\\esc ",
    "``",
    "`\"",
    "genvar g;",
    "electrical [0:99999] big;",
    "analog initial",
    "0",
];

/// A text with accidents.
fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..1 + chance.below(5) {
        let length = bytes.len().max(1);
        let at = chance.below(length).min(bytes.len());
        let end = (at + chance.below(60)).min(bytes.len());
        match chance.below(13) {
            0 => {
                for _ in 0..1 + chance.below(4) {
                    let k = chance.below(length);
                    if let Some(byte) = bytes.get_mut(k) {
                        *byte ^= 1 << chance.below(8);
                    }
                }
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = chance.below(length).min(bytes.len());
                bytes.splice(to..to, piece);
            }
            3 => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len());
                let piece = other[from..(from + chance.below(300)).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            4 => bytes.truncate(at),
            5 | 6 => drop(bytes.splice(at..at, PIECES[chance.below(PIECES.len())].bytes())),
            7 => {
                let (open, close) =
                    [("(", ")"), ("-", ""), ("begin ", " end"), ("exp(", ")"), ("if (1) ", ""), ("1?", ":1")][chance.below(6)];
                let count = [3, 60, 300, 5000][chance.below(4)];
                bytes.splice(end..end, close.repeat(count).into_bytes());
                bytes.splice(at..at, open.repeat(count).into_bytes());
            }
            _ => words(&mut bytes, chance),
        }
    }
    bytes
}

/// Takes out, doubles, exchanges or replaces words.
fn words(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'.';
    let mut word = |bytes: &[u8]| {
        let from = chance.below(bytes.len());
        let start = bytes[from..].iter().position(is_word).map_or(from, |k| from + k);
        let end = bytes[start..].iter().position(|b| !is_word(b)).map_or(bytes.len(), |k| start + k);
        (start, end)
    };
    if bytes.is_empty() {
        return;
    }
    let ((a, b), (c, d)) = (word(bytes), word(bytes));
    let (first, second) = (bytes[a..b].to_vec(), bytes[c..d].to_vec());
    match chance.below(4) {
        0 => drop(bytes.drain(a..b)),
        1 => drop(bytes.splice(a..a, second.into_iter().chain([b' ']))),
        2 if b <= c => {
            bytes.splice(c..d, first);
            bytes.splice(a..b, second);
        }
        _ => drop(bytes.splice(a..b, PIECES[chance.below(PIECES.len())].bytes())),
    }
}

/// Whatever a function reads.
fn some(model: &Model, input: Input) -> f64 {
    match input {
        Input::Param(k) => match model.params.get(k as usize).map(|p| &p.default) {
            Some(Formula::Number(value)) => *value,
            _ => 1.0,
        },
        Input::Temperature => 300.0,
        Input::Probe(k) => 0.3 + f64::from(k),
        _ => 1.0,
    }
}

/// Sends one text through everything.
fn tried(bytes: &[u8], shown: bool) {
    let path = Path::new("test.va");
    let mut sources = Sources::new(Box::new(MemoryFiles(BTreeMap::from([(path.to_path_buf(), bytes.to_vec())]))));
    let file = sources.load(path).expect("it is there");
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    assert!(!models.is_empty() || diagnostics.iter().any(|d| d.severity == Severity::Error), "nothing is said");
    for model in &models {
        assert_eq!(verify::check(&model.function), Ok(()));
        // Loops of many rounds are slow here and prove nothing.
        let has_loop = model.function.nodes.iter().any(|n| matches!(n, memspice::ir::NodeKind::Loop { .. }));
        if !has_loop && model.function.insts.len() < 5000 {
            interp::evaluate(&diff::resolve(&model.function), &|input| some(model, input));
        }
    }
    if shown {
        render(&diagnostics, &sources, false);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn fuzzed_models_end_in_models_or_messages() {
    let seeds = seeds();
    let (from, count) = (number("MEMSPICE_FUZZ_FROM").unwrap_or(0), number("MEMSPICE_FUZZ").unwrap_or(ORDINARY));
    for round in from..from + count {
        let bytes = mutated(&seeds, &mut Chance(round.wrapping_mul(0x5851_f42d_4c95_7f2d)));
        let start = Instant::now();
        let result = std::panic::catch_unwind(|| tried(&bytes, round % 16 == 0));
        let took = start.elapsed();
        if result.is_err() || took > LONGEST {
            let place = std::env::temp_dir().join(format!("memspice-fuzz-{round}.va"));
            std::fs::write(&place, &bytes).expect("written");
            panic!("input {round} ({took:?}), kept as {}", place.display());
        }
    }
}

#[test]
fn the_wide_text_is_good() {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("wide.va"), WIDE.to_string());
    let (_, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    assert!(errors.is_empty(), "{}", render(&errors, &sources, false));
}
