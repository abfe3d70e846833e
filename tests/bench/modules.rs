//! Verilog-A modules of any size, made up at random in the shape of industrial transistor models: macros, functions, a part
//! that prepares parameters, a part in the bias with nested conditions, branches with currents and charges.
//!
//! Every value stays of order one (sums are squashed), so that no amount of lines overflows. The same size gives the same text.

use std::fmt::Write;
use std::path::Path;

use memspice::diag::{has_errors, render};
use memspice::model::Model;
use memspice::span::{FileId, MemoryFiles, Sources};
use memspice::veriloga;

/// How large a module is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Name of the module.
    pub name: &'static str,
    /// Number of parameters.
    pub parameters: usize,
    /// Assignments that depend on parameters and temperature alone.
    pub setup: usize,
    /// Assignments in the bias.
    pub bias: usize,
    /// Internal nodes, each with a resistance.
    pub nodes: usize,
    /// Branches with a current and a charge.
    pub branches: usize,
    /// Deepest nesting of conditions.
    pub depth: usize,
    /// Described variables.
    pub shown: usize,
}

/// About 300 lines after macros: the size of EKV 2.6.
pub const EKV: Size = Size { name: "ekv_size", parameters: 45, setup: 80, bias: 60, nodes: 2, branches: 5, depth: 2, shown: 20 };

/// About 10 000 lines after macros: the size of PSP 103.
pub const PSP: Size =
    Size { name: "psp_size", parameters: 900, setup: 3000, bias: 700, nodes: 8, branches: 17, depth: 4, shown: 150 };

/// Four times as much, to see what grows faster than the text.
pub const FOURFOLD: Size =
    Size { name: "fourfold", parameters: 3600, setup: 12_000, bias: 2800, nodes: 8, branches: 17, depth: 4, shown: 600 };

/// Knuth's linear congruence.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// A number from 0.1 to 0.9.
    fn fraction(&mut self) -> f64 {
        0.1 + 0.8 * (self.next() % 1000) as f64 / 1000.0
    }
}

/// Macros and functions that every module has.
const HEAD: &str = r#"`include "constants.vams"
`include "disciplines.vams"
`define SQUASH(x) ((x) / sqrt(1.0 + (x) * (x)))
`define SOFT_MAX(a, b, e) (0.5 * ((a) + (b) + sqrt(((a) - (b)) * ((a) - (b)) + (e))))
`define SOFT_MIN(a, b, e) (0.5 * ((a) + (b) - sqrt(((a) - (b)) * ((a) - (b)) + (e))))
`define EXPL(x, y) if ((x) > 30.0) begin y = exp(30.0) * (1.0 + (x) - 30.0); end else if ((x) < -30.0) begin \
    y = exp(-30.0) / (1.0 - (x) - 30.0); end else begin y = exp(x); end
`define SCALED(result, p, l, w, wl, il, iw) begin \
    result = p + l * il + w * iw + wl * il * iw; \
    if (result < -4.0) begin result = -4.0; end else if (result > 4.0) begin result = 4.0; end end
`define SURFACE(s, g, v, d) begin \
    help = `SOFT_MAX(v, 0.01, 0.004); \
    `EXPL(-help, s) \
    root = sqrt(help + g * g * 0.25 + s); \
    d = root - 0.5 * g; \
    if (d > v) begin help = d - v; s = `SQUASH(help) + s; end else begin help = v - d; s = s - `SQUASH(help); end \
    s = `SOFT_MIN(s, 2.0 + d * 0.1, 0.02); end
"#;

const FUNCTIONS: &str = "    analog function real smooth;
        input x, e;
        real x, e;
        smooth = 0.5 * (x + sqrt(x * x + e));
    endfunction
    analog function real junction;
        input v, built, grading;
        real v, built, grading, low, high;
        begin
            low = 0.5 * (v + 0.8 * built - sqrt((v - 0.8 * built) * (v - 0.8 * built) + 0.01));
            high = v - low;
            if (grading > 0.49 && grading < 0.51)
                junction = 2.0 * built * (1.0 - sqrt(1.0 - low / (built + 2.0)));
            else
                junction = built * (1.0 - pow(1.0 - low / (built + 2.0), 1.0 - grading)) / (1.0 - grading);
            junction = junction + 1.4 * high;
        end
    endfunction
    analog function real mobility;
        input field, theta, order;
        real field, theta, order, x;
        begin
            x = theta * abs(field);
            mobility = 1.0 / (1.0 + x + pow(x + 0.01, order));
        end
    endfunction
";

struct Writer {
    size: Size,
    random: Random,
    out: String,
    /// Values of the bias written so far, outside of conditions.
    known: Vec<String>,
}

/// The text of a module.
pub fn text(size: Size) -> String {
    let mut writer = Writer { size, random: Random(size.bias as u64 + 17), out: HEAD.to_string(), known: Vec::new() };
    writer.declarations();
    writer.out.push_str("    analog begin\n");
    writer.setup();
    writer.bias();
    writer.contributions();
    writer.out.push_str("    end\nendmodule\n");
    writer.out
}

macro_rules! line {
    ($self:ident, $($argument:tt)*) => {{ let _ = writeln!($self.out, $($argument)*); }};
}

impl Writer {
    fn declarations(&mut self) {
        let Size { name, parameters, setup, bias, nodes, branches, shown, .. } = self.size;
        line!(self, "module {name}(d, g, s, b);\n    inout d, g, s, b;\n    electrical d, g, s, b;");
        for k in 0..nodes {
            line!(self, "    electrical n{k};");
        }
        for k in 0..branches {
            let (a, b) = self.ends(k);
            line!(self, "    branch ({a}, {b}) br{k};");
        }
        line!(self, "    parameter integer swmode = 1 from [0:3];   // way of computing");
        line!(self, "    parameter real len = 0.3 from (0:inf);    // length\n    parameter real wid = 2.0 from (0:inf);");
        line!(self, "    parameter real rser = 10.0 from [0:inf);   // series resistance");
        for k in 0..parameters {
            let value = self.random.fraction();
            let range = if k % 3 == 0 { " from [-10:10]" } else { "" };
            line!(self, "    (* desc = \"coefficient {k}\" *) parameter real p{k} = {value:.3}{range};");
        }
        self.out.push_str(FUNCTIONS);
        for k in 0..setup {
            line!(self, "    real s{k};");
        }
        for k in 0..bias {
            if k < shown {
                line!(self, "    (* desc = \"value {k}\" *) real b{k};");
            } else {
                line!(self, "    real b{k};");
            }
        }
        line!(self, "    real il, iw, dt, help, root, surface, depth, vgs, vds, vbs;");
    }

    /// Ends of a branch: the first ones between the inner nodes of the transistor.
    fn ends(&self, k: usize) -> (String, String) {
        let names = ["d", "g", "s", "b"].iter().enumerate();
        let inner: Vec<String> =
            names.map(|(k, port)| if k < self.size.nodes { format!("n{k}") } else { (*port).to_string() }).collect();
        if k < 6 {
            let pairs = [(0, 2), (1, 2), (1, 0), (1, 3), (3, 0), (3, 2)];
            return (inner[pairs[k].0].clone(), inner[pairs[k].1].clone());
        }
        // Branches to the nodes further in.
        let outer = self.size.nodes.saturating_sub(4).max(1);
        (if self.size.nodes > 4 { format!("n{}", 4 + k % outer) } else { inner[k % 4].clone() }, inner[(k / 2) % 4].clone())
    }

    /// A value that depends on parameters: one of the last written, or a parameter.
    fn fixed(&mut self, before: usize) -> String {
        match self.random.below(3) {
            0 if before > 0 => format!("s{}", before - 1 - self.random.below(before.min(200))),
            _ => format!("p{}", self.random.below(self.size.parameters)),
        }
    }

    fn setup(&mut self) {
        line!(self, "        il = 1.0 / (1.0 + len);\n        iw = 1.0 / (1.0 + wid);");
        line!(self, "        dt = ($temperature - 300.15) / 300.15;");
        for k in 0..self.size.setup {
            let f: Vec<String> = (0..4).map(|_| self.fixed(k)).collect();
            match self.random.below(8) {
                0 => line!(self, "        `SCALED(s{k}, {}, {}, {}, {}, il, iw)", f[0], f[1], f[2], f[3]),
                1 => line!(self, "        s{k} = {} * exp(0.1 * {} * dt) + pow(1.0 + dt * 0.1, {});", f[0], f[1], f[2]),
                2 => line!(
                    self,
                    "        if ({} > {}) begin s{k} = `SQUASH({}); end else begin s{k} = ln(1.0 + {} * {}); end",
                    f[0],
                    f[1],
                    f[2],
                    f[3],
                    f[3]
                ),
                3 => line!(
                    self,
                    "        case (swmode)\n            0: s{k} = {};\n            1: s{k} = `SQUASH({} - {});\n            default: s{k} = {} * 0.5;\n        endcase",
                    f[0],
                    f[1],
                    f[2],
                    f[3]
                ),
                4 => line!(self, "        s{k} = smooth({} - {}, 0.01) * {};", f[0], f[1], f[2]),
                _ => line!(self, "        s{k} = `SQUASH({} * {} + {} - {});", f[0], f[1], f[2], f[3]),
            }
        }
    }

    /// A value that depends on the bias.
    fn moving(&mut self) -> String {
        let count = self.known.len();
        let near = count.min(40);
        self.known[count - 1 - self.random.below(near)].clone()
    }

    fn bias(&mut self) {
        let (g, d, s, b) = if self.size.nodes >= 4 { ("n1", "n0", "n2", "n3") } else { ("g", "n0", "s", "b") };
        line!(self, "        vgs = V({g}, {s});\n        vds = V({d}, {s});\n        vbs = V({b}, {s});");
        self.known = ["vgs", "vds", "vbs"].map(String::from).to_vec();
        let mut k = 0;
        while k < self.size.bias {
            if k > 0 && self.random.below(9) == 0 && self.size.depth > 0 {
                k = self.condition(k, self.size.depth, 2);
            } else {
                self.assign(k, 2);
                self.known.push(format!("b{k}"));
                k += 1;
            }
            if k.is_multiple_of(97) {
                let (fixed, moving) = (self.fixed(self.size.setup), self.moving());
                line!(self, "        `SURFACE(surface, {fixed}, {moving}, depth)");
                self.known.extend(["surface".to_string(), "depth".to_string()]);
            }
        }
    }

    /// An `if` whose arms write the same few variables; gives the number of the next one.
    fn condition(&mut self, first: usize, depth: usize, indent: usize) -> usize {
        let pad = "    ".repeat(indent);
        let (x, c) = (self.moving(), self.random.fraction());
        let fixed = self.random.below(4) == 0;
        let left = if fixed { self.fixed(self.size.setup) } else { x };
        let last = (first + 2 + self.random.below(4)).min(self.size.bias);
        let visible = self.known.len();
        for (arm, text) in [format!("{pad}if ({left} > {c:.3}) begin"), format!("{pad}end else begin")].iter().enumerate() {
            line!(self, "{text}");
            for k in first..last {
                if depth > 1 && arm == 0 && k == first && last - first > 2 {
                    let inner = self.moving();
                    line!(self, "{pad}    if ({inner} < 0.2) begin");
                    self.assign(k, indent + 2);
                    if depth > 2 {
                        line!(self, "{pad}        if ({inner} < -0.2) begin");
                        self.assign(k, indent + 3);
                        line!(self, "{pad}        end");
                    }
                    line!(self, "{pad}    end else begin");
                    self.assign(k, indent + 2);
                    line!(self, "{pad}    end");
                } else {
                    self.assign(k, indent + 1);
                }
                self.known.push(format!("b{k}"));
            }
            self.known.truncate(visible);
        }
        line!(self, "{pad}end");
        self.known.extend((first..last).map(|k| format!("b{k}")));
        last
    }

    fn assign(&mut self, k: usize, indent: usize) {
        let pad = "    ".repeat(indent);
        let m: Vec<String> = (0..3).map(|_| self.moving()).collect();
        let f: Vec<String> = (0..2).map(|_| self.fixed(self.size.setup)).collect();
        match self.random.below(12) {
            0 => line!(self, "{pad}b{k} = `SQUASH({} * {} - {} * {});", m[0], m[1], f[0], m[2]),
            1 => line!(self, "{pad}b{k} = ln(1.0 + exp({} - {}));", m[0], f[0]),
            2 => line!(self, "{pad}b{k} = `SOFT_MAX({}, {} * {}, 0.01);", m[0], f[0], m[1]),
            3 => line!(self, "{pad}b{k} = {} / (1.0 + {} * {});", m[0], m[1], m[1]),
            4 => line!(self, "{pad}b{k} = smooth({} - {}, 0.02) * {};", m[0], m[1], f[0]),
            5 => line!(self, "{pad}`EXPL({} - 2.0, help)\n{pad}b{k} = `SQUASH(help * {});", m[0], f[0]),
            6 => line!(self, "{pad}b{k} = mobility({}, 0.3 + 0.1 * {}, 1.5) * {};", m[0], f[0], m[1]),
            7 => line!(self, "{pad}b{k} = `SOFT_MIN({}, {}, 0.01) * {};", m[0], m[1], f[0]),
            8 => line!(self, "{pad}b{k} = tanh({} * {});", m[0], f[0]),
            _ => line!(self, "{pad}b{k} = `SQUASH({} * {} + {} * {} + {});", f[0], m[0], f[1], m[1], m[2]),
        }
    }

    fn contributions(&mut self) {
        for k in 0..self.size.branches {
            let (current, charge, fixed) = (self.moving(), self.moving(), self.fixed(self.size.setup));
            let built = self.random.fraction();
            line!(self, "        I(br{k}) <+ 1e-4 * {current} * tanh(V(br{k})) + 1e-12 * V(br{k});");
            line!(self, "        I(br{k}) <+ ddt(1e-15 * {charge} * {fixed} + 1e-15 * junction(V(br{k}), {built:.2}, 0.4));");
        }
        for k in 0..self.size.nodes {
            let outer = ["d", "g", "s", "b"][k % 4];
            line!(self, "        if (rser > 0)\n            I({outer}, n{k}) <+ V({outer}, n{k}) / rser;");
            line!(self, "        else\n            V({outer}, n{k}) <+ 0;");
        }
    }
}

fn sources(text: &str) -> (Sources, FileId) {
    let path = Path::new("module.va");
    let files = MemoryFiles([(path.to_path_buf(), text.as_bytes().to_vec())].into());
    let mut sources = Sources::new(Box::new(files));
    let file = sources.load(path).expect("it is in memory");
    (sources, file)
}

/// The model of a module's text.
pub fn compiled(text: &str) -> Model {
    let (mut sources, file) = sources(text);
    let (mut models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    assert!(!has_errors(&diagnostics), "{}", render(&diagnostics, &sources, false));
    models.pop().expect("one module")
}

/// The model of a module of some size.
#[allow(dead_code)]
pub fn model(size: Size) -> Model {
    compiled(&text(size))
}
