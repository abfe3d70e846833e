//! Verilog-A to models: every construct by evaluating the model's function at points against hand calculations; messages and
//! a few functions as snapshots; mutated texts for robustness.

use std::collections::BTreeMap;
use std::path::Path;

use memspice::diag::{Diagnostic, Severity, render};
use memspice::ir::{Input, diff, interp, text, verify};
use memspice::model::library::Library;
use memspice::model::{ArgumentType, Formula, Limit, MessageLevel, Model, Moment};
use memspice::span::{MemoryFiles, Sources};
use memspice::veriloga;

/// Standard head and a module around `body`.
pub fn module(ports: &str, body: &str) -> String {
    format!(
        "`include \"constants.vams\"\n`include \"disciplines.vams\"\nmodule dut({ports});\ninout {ports};\nelectrical {ports};\n{body}\nendmodule\n"
    )
}

/// Compiles a text and gives everything.
pub fn compile(text: &str) -> (Vec<Model>, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("test.va"), text.to_string());
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    (models, diagnostics, sources)
}

/// The one model of a text without errors.
pub fn model(text: &str) -> Model {
    let (mut models, diagnostics, sources) = compile(text);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    assert!(errors.is_empty(), "{}", render(&errors, &sources, false));
    let model = models.pop().expect("a model");
    assert_eq!(verify::check(&model.function), Ok(()));
    model
}

/// Values of a model at a point, given by names.
pub struct At<'a> {
    model: &'a Model,
    unknowns: BTreeMap<&'a str, f64>,
    params: BTreeMap<&'a str, f64>,
    outside: BTreeMap<&'a str, f64>,
    past: Vec<f64>,
}

impl<'a> At<'a> {
    pub fn new(model: &'a Model) -> At<'a> {
        At { model, unknowns: BTreeMap::new(), params: BTreeMap::new(), outside: BTreeMap::new(), past: Vec::new() }
    }

    pub fn x(mut self, name: &'a str, value: f64) -> Self {
        assert!(self.model.unknowns.iter().any(|u| u.name == name), "no unknown {name}: {:?}", names(self.model));
        self.unknowns.insert(name, value);
        self
    }

    pub fn p(mut self, name: &'a str, value: f64) -> Self {
        self.params.insert(name, value);
        self
    }

    /// `temp`, `m`, `time`, `phase`.
    pub fn set(mut self, name: &'a str, value: f64) -> Self {
        self.outside.insert(name, value);
        self
    }

    pub fn past(mut self, values: &[f64]) -> Self {
        self.past = values.to_vec();
        self
    }

    pub fn param(&self, k: u32) -> f64 {
        let param = &self.model.params[k as usize];
        if let Some(value) = self.params.get(param.name.as_str()) {
            return *value;
        }
        match &param.default {
            Formula::Number(value) => *value,
            Formula::Function(f) => interp::evaluate(f, &|input| self.input(input))[0],
        }
    }

    pub fn unknown(&self, row: u32) -> f64 {
        self.unknowns.get(self.model.unknowns[row as usize].name.as_str()).copied().unwrap_or(0.0)
    }

    pub fn input(&self, input: Input) -> f64 {
        let outside = |name: &str, otherwise: f64| self.outside.get(name).copied().unwrap_or(otherwise);
        match input {
            Input::Param(k) => self.param(k),
            Input::Given(k) => f64::from(u8::from(self.params.contains_key(self.model.params[k as usize].name.as_str()))),
            Input::Connected(_) => outside("connected", 1.0),
            Input::Temperature => outside("temp", 300.15),
            Input::Multiplicity => outside("m", 1.0),
            Input::Simulator(k) => self.model.simparams[k as usize].1.unwrap_or(1e-12),
            Input::Stream => outside("stream", 0.0),
            Input::Seed => outside("seed", 0.0),
            Input::Phase => outside("phase", 0.0),
            Input::Time => outside("time", 0.0),
            Input::Probe(k) => {
                let probe = &self.model.probes[k as usize];
                self.unknown(probe.plus) - probe.minus.map_or(0.0, |m| self.unknown(m))
            }
            Input::Small(_) => 0.0,
            Input::Trial(_) => f64::NAN,
            Input::Past(k) => self.past.get(k as usize).copied().unwrap_or(0.0),
            Input::Fired(_) | Input::Delayed(_) | Input::Share(_) => 0.0,
            Input::Hoisted(_) | Input::Argument(_) => f64::NAN,
        }
    }

    pub fn outputs(&self) -> Vec<f64> {
        interp::evaluate(&diff::resolve(&self.model.function), &|input| self.input(input))
    }

    pub fn row(&self, name: &str) -> u32 {
        let found = self.model.unknowns.iter().position(|u| u.name == name);
        found.unwrap_or_else(|| panic!("no unknown {name}: {:?}", names(self.model))) as u32
    }

    /// Sum of what the contributions add to the row called `name`, in f and in q.
    pub fn sums(&self, name: &str) -> (f64, f64) {
        let (row, outputs) = (self.row(name), self.outputs());
        let (mut f, mut q) = (0.0, 0.0);
        for c in &self.model.contributions {
            let sign = f64::from(u8::from(c.plus == row)) - f64::from(u8::from(c.minus == Some(row)));
            f += sign * c.f.map_or(0.0, |k| outputs[k as usize]);
            q += sign * c.q.map_or(0.0, |k| outputs[k as usize]);
        }
        (f, q)
    }

    pub fn f(&self, name: &str) -> f64 {
        self.sums(name).0
    }

    pub fn q(&self, name: &str) -> f64 {
        self.sums(name).1
    }

    /// The op-point variable called `name`.
    pub fn var(&self, name: &str) -> f64 {
        let found = self.model.variables.iter().find(|v| v.name == name);
        self.outputs()[found.unwrap_or_else(|| panic!("no variable {name}")).output as usize]
    }
}

pub fn names(model: &Model) -> Vec<&str> {
    model.unknowns.iter().map(|u| u.name.as_str()).collect()
}

/// The value that `y` has after `statements`, which may use V(p,n) = 0.5, a parameter r = 2, an integer parameter n_ = 3.
fn value_of(statements: &str) -> f64 {
    let text = module(
        "p, n",
        &format!(
            "parameter real r = 2.0;\nparameter integer k = 3;\nreal a, b, c; integer i, j;\n(* desc=\"y\" *) real y;\nanalog begin\n{statements}\nend"
        ),
    );
    At::new(&model(&text)).x("p", 0.75).x("n", 0.25).var("y")
}

pub fn close(a: f64, b: f64) {
    // Both sides are the same formula, rounded differently at most in the last digits.
    assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-300), "{a} is not {b}");
}

#[test]
fn resistor() {
    let m = model(&module("p, n", "parameter real r = 50 from (0:inf);\nanalog I(p,n) <+ V(p,n)/r;"));
    assert_eq!(names(&m), ["p", "n"]);
    let at = At::new(&m).x("p", 1.5).x("n", 0.5);
    close(at.f("p"), 0.02);
    close(at.f("n"), -0.02);
    close(At::new(&m).x("p", 1.0).set("m", 3.0).f("p"), 0.06);
}

#[test]
fn capacitor_and_inductor() {
    let m = model(&module("p, n", "parameter real c = 2u;\nanalog I(p,n) <+ c*ddt(V(p,n));"));
    let at = At::new(&m).x("p", 1.5).x("n", 0.5);
    assert_eq!(at.f("p"), 0.0);
    close(at.q("p"), 2e-6);
    assert_eq!(m.contributions.len(), 1);
    assert_eq!(m.contributions[0].f, None);
    let m = model(&module("p, n", "parameter real l = 1m;\nbranch (p,n) coil;\nanalog V(coil) <+ l*ddt(I(coil));"));
    assert_eq!(names(&m), ["p", "n", "coil"]);
    let at = At::new(&m).x("p", 1.5).x("n", 0.5).x("coil", 3.0);
    close(at.f("p"), 3.0);
    close(at.f("n"), -3.0);
    close(at.f("coil"), 1.0);
    close(at.q("coil"), -3e-3);
    close(At::new(&m).x("coil", 3.0).set("m", 2.0).q("coil"), -1.5e-3);
}

#[test]
fn idt_memristor() {
    let m = model(&module(
        "p, n",
        "parameter real ron = 100; parameter real roff = 16k; parameter real k = 1e4; parameter real x0 = 0.1;
         real x;
         analog begin
           x = idt(k*I(p,n), x0);
           V(p,n) <+ (ron*x + roff*(1-x))*I(p,n);
         end",
    ));
    assert_eq!(names(&m), ["p", "n", "x", "i_p_n"]);
    let at = At::new(&m).x("p", 1.0).x("x", 0.25).x("i_p_n", 1e-3);
    close(at.f("x"), -10.0);
    close(at.q("x"), 0.25);
    close(at.f("i_p_n"), 1.0 - (25.0 + 12000.0) * 1e-3);
    let x = &m.unknowns[2];
    assert!(x.held);
    close(at.outputs()[x.start.expect("a start") as usize], 0.1);
}

const NBO2: &str = r#"// NbOx memristor of NaMLab.
`include "disciplines.vams"
module nbo2(p, n);
  inout p, n;
  electrical p, n;
  (* start = "x0", maxstep = "50", lower = 200, upper = 700 *) thermal x;
  parameter real x0 = 300;
  real g, f, v, t;
  analog begin
    v = V(p,n); t = Temp(x);
    g = 6.5e-3 + t*(-6.66e-5 + t*(2.14e-7 + t*(-2.14e-10 + t*1.19e-13)));
    f = 7.21e9 + t*(-7.39e7 + t*(2.37e5 + t*(-2.37e2 + t*0.132)));
    I(p,n) <+ g*v;
    Pwr(x) <+ ddt(t) - (5.19e9 - 2.05e7*t + v*v*f);
  end
endmodule
"#;

#[test]
fn nbo2() {
    let m = model(NBO2);
    assert_eq!(names(&m), ["p", "n", "x"]);
    assert_eq!(m.doc, "NbOx memristor of NaMLab.");
    assert_eq!(m.unknowns[2].quantity, "temperature");
    assert_eq!(m.unknowns[2].unit, "K");
    let at = At::new(&m).x("p", 0.977).x("x", 300.0);
    close(at.outputs()[m.unknowns[2].start.expect("a start") as usize], 300.0);
    // Reference: G(300) = 9.659000e-4 S.
    assert!((at.f("p") / 0.977 - 9.659e-4).abs() < 1e-12);
    close(at.q("x"), 300.0);
    // Reference: the equilibrium at 300 K needs 0.960677 V (six digits).
    let at = At::new(&m).x("p", 0.960677).x("x", 300.0);
    assert!(at.f("x").abs() < 1e-5 * 5.19e9);
}

#[test]
fn every_embedded_model_compiles() {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let mut library = Library::new();
    let names: Vec<String> = library.list().iter().map(|e| e.name.clone()).collect();
    assert!(names.len() > 5);
    for name in names {
        let found = library.get(&mut sources, &name);
        let said = library.take_diagnostics();
        assert!(found.is_some() && said.is_empty(), "{name}: {}", render(&said, &sources, false));
    }
}

/// Messages of a text, one line each.
fn messages(text: &str) -> Vec<String> {
    compile(text).1.into_iter().map(|d| d.message).collect()
}

#[test]
fn arithmetic_of_reals_and_integers() {
    for (text, expected) in [
        ("y = 1 + 2*3;", 7.0),
        ("y = (1 + 2)*3;", 9.0),
        ("y = 7/2;", 3.0),
        ("y = -7/2;", -3.0),
        ("y = 7.0/2;", 3.5),
        ("y = 7%4;", 3.0),
        ("y = -7%4;", -3.0),
        ("y = 7.5%2;", 1.5),
        ("y = 2**3;", 8.0),
        ("y = 2**-1;", 0.0),
        ("y = 2.0**-1;", 0.5),
        ("y = -2**2;", 4.0),
        ("y = 2 ** 3 ** 2;", 64.0),
        ("y = 8 - 3 - 2;", 3.0),
        ("y = 1 << 4 | 1;", 17.0),
        ("y = 6 & 3;", 2.0),
        ("y = 6 ^ 3;", 5.0),
        ("y = 6 ~^ 3;", -6.0),
        ("y = ~0;", -1.0),
        ("y = 12 >> 2;", 3.0),
        ("y = !3 + !0;", 1.0),
        ("y = (1 < 2) + (2 >= 2) + (3 == 4) + (3 != 4);", 3.0),
        ("y = 1 && 0 || 1;", 1.0),
        ("y = r > 1 ? 10 : 20;", 10.0),
        ("y = V(p,n) > 1 ? 10 : V(p,n) > 0.25 ? 20 : 30;", 20.0),
        ("i = 2.5; y = i;", 3.0),
        ("i = -2.5; y = i;", -3.0),
        ("i = 3; j = 2; y = i/j;", 1.0),
        ("y = 1k + 2u*1M + 3m;", 1002.003),
        ("y = 1T/1G + 1p/1f + 1n/1a + 1K;", 1e3 + 1e3 + 1e9 + 1e3),
        ("y = 1_000.5e-1;", 100.05),
        ("y = k/2;", 1.0),
        ("y = r/k;", 2.0 / 3.0),
    ] {
        let got = value_of(text);
        assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{text} gives {got}, not {expected}");
    }
}

#[test]
fn functions_of_the_language() {
    let t = 300.15;
    for (text, expected) in [
        ("y = exp(1) + ln(2) + log(100) + sqrt(2);", 1f64.exp() + 2f64.ln() + 2.0 + 2f64.sqrt()),
        ("y = $exp(1) + $ln(2) + $log10(100) + $sqrt(2);", 1f64.exp() + 2f64.ln() + 2.0 + 2f64.sqrt()),
        ("y = sin(r) + cos(r) + tan(r);", 2f64.sin() + 2f64.cos() + 2f64.tan()),
        ("y = asin(0.5) + acos(0.5) + atan(r) + atan2(1, r);", 0.5f64.asin() + 0.5f64.acos() + 2f64.atan() + 1f64.atan2(2.0)),
        ("y = sinh(r) + cosh(r) + tanh(r);", 2f64.sinh() + 2f64.cosh() + 2f64.tanh()),
        ("y = asinh(r) + acosh(r) + atanh(0.5);", 2f64.asinh() + 2f64.acosh() + 0.5f64.atanh()),
        ("y = pow(r, 3) + hypot(3, 4) + floor(2.7) + ceil(2.1);", 8.0 + 5.0 + 2.0 + 3.0),
        ("y = min(1, 2) + max(1.5, 2) + abs(-3) + abs(-0.5);", 1.0 + 2.0 + 3.0 + 0.5),
        ("y = max(7, 2)/2;", 3.0),
        ("y = limexp(1);", 1f64.exp()),
        ("y = $temperature + $abstime + $realtime + $mfactor;", t + 1.0),
        ("y = $vt;", t * 1.380649e-23 / 1.602176634e-19),
        ("y = $vt(400);", 400.0 * 1.380649e-23 / 1.602176634e-19),
        ("y = $simparam(\"gmin\", 1e-9) + $simparam(\"other\", 5);", 1e-9 + 5.0),
        ("y = $param_given(r);", 0.0),
        ("y = $port_connected(p);", 1.0),
        ("y = `M_PI + `P_Q/`P_K;", std::f64::consts::PI + 1.602176634e-19 / 1.380649e-23),
        ("y = $rtoi(2.9) + $rtoi(-2.9) + $clog2(8) + $clog2(9) + $clog2(1);", 7.0),
        ("y = analysis(\"dc\") + 10*analysis(\"tran\") + 100*analysis(\"static\") + 1000*analysis(\"ac\", \"op\");", 1101.0),
        ("y = white_noise(1e-20, \"thermal\") + flicker_noise(1e-20, 1);", 0.0),
    ] {
        let got = value_of(text);
        assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{text} gives {got}, not {expected}");
    }
}

#[test]
fn statements() {
    for (text, expected) in [
        ("if (V(p,n) > 0) y = 1; else y = 2;", 1.0),
        ("if (V(p,n) < 0) y = 1; else if (V(p,n) < 1) y = 2; else y = 3;", 2.0),
        ("y = 5; if (V(p,n) < 0) begin y = exp(sin(exp(cos(V(p,n))))); end", 5.0),
        ("y = 5; if (V(p,n) > 0) begin y = exp(sin(exp(V(p,n)))); b = y; y = y + b; end", 2.0 * (0.5f64.exp().sin()).exp()),
        ("case (k) 1: y = 10; 2, 3: y = 20; default: y = 30; endcase", 20.0),
        ("case (k) 1: y = 10; default y = 30; endcase", 30.0),
        ("case (1) k == 2: y = 10; k == 3: y = 40; endcase", 40.0),
        ("y = 0; for (i = 0; i < 5; i = i + 1) y = y + i;", 10.0),
        ("y = 0; for (i = 0; i < k; i = i + 1) y = y + i;", 3.0),
        ("y = 1; i = 0; while (i < 10) begin y = y*2; i = i + 1; end", 1024.0),
        ("y = 1; i = 0; while (i < 100) begin y = y + 2; i = i + 1; end", 201.0),
        ("y = 1; repeat (3) y = y*3;", 27.0),
        ("y = 1; repeat (k + 1) y = y*3;", 81.0),
        ("y = 1; repeat (k) begin repeat (k) y = y + 1; y = y*2; end", 8.0 + 3.0 * (8.0 + 4.0 + 2.0)),
        ("y = V(p,n); for (i = 0; i < k; i = i + 1) if (i == 1) y = y*10; else y = y + 1;", 16.0),
        ("begin : inner real t; t = 4; y = t*t; end", 16.0),
        ("begin : inner parameter real t = 4; y = t*r; end", 8.0),
        ("a = 1; begin : inner real a; a = 5; b = a; end y = a + b;", 6.0),
        ("y = 3; ; begin end", 3.0),
    ] {
        let got = value_of(text);
        assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{text} gives {got}, not {expected}");
    }
}

#[test]
fn arrays() {
    let text = module(
        "p, n",
        "parameter integer k = 2; real w[0:3]; integer d[3:1]; real c[0:1] = '{4.0, 5.0}; integer i; (* desc=\"y\" *) real y;
         analog begin
           for (i = 0; i < 4; i = i + 1) w[i] = i*i;
           d[1] = 10; d[2] = 20; d[3] = 30;
           w[k] = w[k] + 100;
           y = w[3] + w[k] + d[k] + c[1];
         end",
    );
    close(At::new(&model(&text)).var("y"), 9.0 + 104.0 + 20.0 + 5.0);
    close(At::new(&model(&text)).p("k", 3.0).var("y"), 109.0 + 109.0 + 30.0 + 5.0);
}

#[test]
fn analog_functions() {
    let text = module(
        "p, n",
        "analog function real square; input x; real x; begin square = x*x; end endfunction
         analog function real poly; input x, n; real x; integer n, i; real term;
           begin poly = 0; term = 1; for (i = 0; i <= n; i = i + 1) begin poly = poly + term; term = term*x; end end
         endfunction
         analog function integer swap; inout a, b; real a, b, t; begin t = a; a = b; b = t; swap = 1; end endfunction
         analog function real twice; input x; real x; twice = square(x) + square(x + 1); endfunction
         real a, b; integer dummy; (* desc=\"y\" *) real y;
         analog begin
           a = 1; b = 2;
           dummy = swap(a, b);
           y = a*10 + b + 100*square(V(p,n)) + 1000*poly(2, 3) + 1e5*twice(1);
         end",
    );
    close(At::new(&model(&text)).x("p", 3.0).var("y"), 21.0 + 900.0 + 15000.0 + 5e5);
}

#[test]
fn parameters_and_ranges() {
    let m = model(&module(
        "p, n",
        "parameter real a = 2 from (0:inf) exclude 5; // the first
         parameter real b = 3*a from [a:10*a];
         parameter integer k = -3 from [-inf:inf];
         (* desc = \"a name\", units = \"m\", type = \"instance\" *) parameter real c = 1u;
         parameter string mode = \"fast\" from '{\"fast\", \"slow\"};
         localparam real d = b + c;
         aliasparam bb = b;
         (* desc = \"y\" *) real y;
         analog if (mode == \"fast\") y = d; else y = -d;",
    ));
    assert_eq!(m.params[0].description, "the first");
    assert_eq!((m.params[3].description.as_str(), m.params[3].unit.as_str(), m.params[3].instance), ("a name", "m", true));
    assert!(m.params[5].local);
    assert_eq!(m.aliases, [("bb".to_string(), 1)]);
    assert_eq!(m.params[0].ranges.len(), 2);
    let (from, exclude) = (&m.params[0].ranges[0], &m.params[0].ranges[1]);
    assert!(!from.exclude && !from.low_closed && !from.high_closed && exclude.exclude && exclude.low_closed);
    assert!(matches!(from.high, Formula::Number(h) if h == f64::INFINITY));
    assert!(matches!(m.params[1].ranges[0].low, Formula::Function(_)));
    close(At::new(&m).var("y"), 6.0 + 1e-6);
    close(At::new(&m).p("a", 1.0).var("y"), 3.0 + 1e-6);
    let slow = m.strings.iter().position(|s| s == "slow").expect("a string") as f64;
    close(At::new(&m).p("mode", slow).var("y"), -(6.0 + 1e-6));
}

#[test]
fn preprocessor() {
    for (text, expected) in [
        ("`define A 3\ny = `A*`A;", 9.0),
        ("`define F(x, y) ((x)*(y) + 1)\ny = `F(2, 3+1);", 9.0),
        ("`define G(x) `H(x, x)\n`define H(a, b) (a*b)\ny = `G(4);", 16.0),
        ("`define LONG(x) begin \\\n y = x; \\\n y = y + 1; \\\n end\n`LONG(4)", 5.0),
        ("`define B\n`ifdef B\ny = 1;\n`else\ny = 2;\n`endif", 1.0),
        ("`ifdef C\ny = 1;\n`elsif D\ny = 2;\n`else\ny = 3;\n`endif", 3.0),
        ("`define D\n`ifdef C\ny = 1;\n`elsif D\ny = 2;\n`else\ny = 3;\n`endif", 2.0),
        ("`ifndef C\n`ifdef E\ny = 1;\n`else\ny = 4;\n`endif\n`else syntax error `endif", 4.0),
        ("`define A 3\n`undef A\n`ifdef A\ny = 1;\n`else\ny = 2;\n`endif", 2.0),
        ("`define P(x) (x) // a comment\ny = `P(max(1, 2));", 2.0),
        ("`ifdef __VAMS_ENABLE__\ny = 7;\n`endif", 7.0),
        ("/* y = 1; */ y = 2; // y = 3;", 2.0),
    ] {
        let got = value_of(text);
        assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{text} gives {got}, not {expected}");
    }
}

#[test]
fn included_files() {
    let mut files = MemoryFiles::default();
    files.0.insert("dir/inner.va".into(), b"parameter real r = 7;\n".to_vec());
    files.0.insert("else/where.inc".into(), b"`include \"more.inc\"\n".to_vec());
    files.0.insert("else/more.inc".into(), b"`define FACTOR 2\n".to_vec());
    let mut sources = Sources::new(Box::new(files));
    let text = "`include \"disciplines.h\"\n`include \"where.inc\"\nmodule m(p); inout p; electrical p;\n`include \"inner.va\"\nanalog I(p) <+ V(p)/(`FACTOR*r); endmodule";
    let file = sources.add(Path::new("dir/m.va"), text.to_string());
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &["else".into()]);
    assert!(diagnostics.is_empty(), "{}", render(&diagnostics, &sources, false));
    close(At::new(&models[0]).x("p", 28.0).f("p"), 2.0);
}

#[test]
fn ports_and_nodes() {
    let m = model(
        "`include \"disciplines.vams\"\nmodule m(inout electrical a, b, input thermal t);\nelectrical c; electrical gnd; ground gnd;\nanalog begin I(a,c) <+ V(a,c); I(c,b) <+ V(c,b); I(b,gnd) <+ V(b,gnd); I(gnd,c) <+ V(gnd, c); Pwr(t) <+ Temp(t) - V(a)*I(a,c); end endmodule",
    );
    assert_eq!(names(&m), ["a", "b", "t", "c"]);
    assert_eq!(m.ports, 3);
    let at = At::new(&m).x("a", 3.0).x("b", 1.0).x("c", 1.5).x("t", 300.0);
    close(at.f("a"), 1.5);
    close(at.f("b"), -0.5 + 1.0);
    close(at.f("c"), -1.5 + 0.5 + 1.5);
    close(at.f("t"), 300.0 - 4.5);
    assert_eq!((m.unknowns[2].quantity.as_str(), m.unknowns[2].unit.as_str()), ("temperature", "K"));
    assert_eq!((m.unknowns[0].abstol, m.unknowns[0].residual_abstol), (1e-6, 1e-12));
}

#[test]
fn branches_either_way_round() {
    let m = model(&module("p, n", "branch (p,n) br; analog begin I(br) <+ V(br); I(n,p) <+ 2*V(n,p); I(p,n) <+ 5; end"));
    let at = At::new(&m).x("p", 1.0);
    // The unnamed branch is one, whichever way it is written: 2*V(n,p) into n is -(-2) into p.
    close(at.f("p"), 1.0 + 2.0 + 5.0);
    close(at.f("n"), -8.0);
}

#[test]
fn flow_probes() {
    // Known as an expression, since everything that is contributed stands before.
    let m = model(&module("p, n", "(* desc=\"power\" *) real w; analog begin I(p,n) <+ 2*V(p,n); w = V(p,n)*I(p,n); end"));
    assert_eq!(names(&m), ["p", "n"]);
    close(At::new(&m).x("p", 3.0).var("w"), 18.0);
    close(At::new(&m).x("p", 3.0).set("m", 4.0).var("w"), 18.0);
    // Asked for before: an unknown.
    let m = model(&module("p, n", "(* desc=\"power\" *) real w; analog begin w = V(p,n)*I(p,n); I(p,n) <+ 2*V(p,n); end"));
    assert_eq!(names(&m), ["p", "n", "i_p_n"]);
    let at = At::new(&m).x("p", 3.0).x("i_p_n", 24.0).set("m", 4.0);
    close(at.var("w"), 18.0);
    close(at.f("p"), 24.0);
    close(at.f("i_p_n"), 24.0 - 4.0 * 6.0);
    // Nothing contributed: an ammeter.
    let m = model(&module("p, n, c", "analog I(c) <+ 3*I(p,n);"));
    let at = At::new(&m).x("p", 3.0).x("n", 2.5).x("i_p_n", 0.25);
    close(at.f("c"), 0.75);
    close(at.f("p"), 0.25);
    close(at.f("i_p_n"), 0.5);
}

#[test]
fn charges_that_join_and_those_that_do_not() {
    let m = model(&module(
        "p, n",
        "parameter real c = 2; parameter integer on = 1; real q, i;
         analog begin
           q = c*V(p,n);
           i = -ddt(q)/4 + 3*V(p,n);
           if (on) i = i + ddt(V(p,n)*V(p,n));
           I(p,n) <+ on ? i : 0;
         end",
    ));
    assert_eq!(names(&m), ["p", "n"]);
    let at = At::new(&m).x("p", 3.0);
    close(at.f("p"), 9.0);
    close(at.q("p"), -1.5 + 9.0);
    let at = At::new(&m).x("p", 3.0).p("on", 0.0);
    assert_eq!((at.f("p"), at.q("p")), (0.0, 0.0));
    // A factor that moves: an unknown y with y - d/dt V = 0.
    let m = model(&module("p, n", "real dv; analog begin dv = ddt(V(p,n)); I(p,n) <+ V(p,n)*dv + dv*dv; end"));
    assert_eq!(names(&m), ["p", "n", "dv"]);
    let at = At::new(&m).x("p", 3.0).x("dv", 7.0);
    close(at.f("p"), 21.0 + 49.0);
    assert_eq!(at.sums("dv"), (7.0, -3.0));
    // One for each distinct argument; ddt of what is fixed is nothing.
    let m = model(&module("p, n", "parameter real k = 1; analog I(p,n) <+ pow(ddt(V(p,n)),2) + exp(ddt(V(p,n))) + ddt(k);"));
    assert_eq!(names(&m).len(), 3);
}

#[test]
fn operators_under_conditions() {
    let text = module("p, n", "real y; analog begin if (V(p,n) > 1) y = ddt(V(p,n)); else y = 2; I(p,n) <+ y; end");
    let (models, diagnostics, _) = compile(&text);
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].message, "`ddt` under a condition that changes during the simulation");
    let at = At::new(&models[0]).x("p", 3.0).x("y", 7.0);
    close(at.f("p"), 7.0);
    close(At::new(&models[0]).x("p", 0.5).x("y", 7.0).f("p"), 2.0);
    // Under a parameter's condition: an operator in the arm not taken rests.
    let m = model(&module(
        "p, n",
        "parameter integer kind = 1; real x;
         analog begin if (kind == 1) x = idt(V(p,n), 0.5); else x = idt(-2*V(p,n), 0.25); I(p,n) <+ x; end",
    ));
    assert_eq!(names(&m), ["p", "n", "x", "x_2"]);
    let at = At::new(&m).x("p", 3.0).x("x", 5.0).x("x_2", 6.0);
    assert_eq!((at.f("p"), at.f("x"), at.q("x"), at.f("x_2"), at.q("x_2")), (5.0, -3.0, 5.0, 5.75, 6.0));
    let at = At::new(&m).x("p", 3.0).x("x", 5.0).x("x_2", 6.0).p("kind", 2.0);
    assert_eq!((at.f("p"), at.f("x"), at.f("x_2")), (6.0, 4.5, 6.0));
}

#[test]
fn integrals() {
    let m = model(&module(
        "p, n",
        "(* units=\"Wb\", abstol=\"1n\" *) real flux; analog begin flux = idt(V(p,n)); I(p,n) <+ 2*flux; end",
    ));
    let u = &m.unknowns[2];
    assert_eq!((u.name.as_str(), u.unit.as_str(), u.abstol, u.held, u.start), ("flux", "Wb", 1e-9, false, None));
    let m = model(&module("p, n", "analog I(p,n) <+ idt(V(p,n), 1, 0, 1e-3);"));
    assert_eq!((m.unknowns[2].name.as_str(), m.unknowns[2].abstol, m.unknowns[2].held), ("i_p_n", 1e-3, true));
}

#[test]
fn derivatives_by_unknowns() {
    let m = model(&module(
        "p, n, c",
        "(* desc=\"g\" *) real gp, gn, gc, gb, i;
         analog begin
           i = pow(V(p,n), 3) + V(p)*V(c);
           gp = ddx(i, V(p)); gn = ddx(i, V(n)); gc = ddx(i, V(c)); gb = ddx(i, V(p,n));
           I(p,n) <+ i;
         end",
    ));
    let at = At::new(&m).x("p", 3.0).x("n", 1.0).x("c", 0.5);
    close(at.var("gp"), 12.0 + 0.5);
    close(at.var("gn"), -12.0);
    close(at.var("gc"), 3.0);
    close(at.var("gb"), 12.0);
    let m = model(&module(
        "p, n",
        "(* desc=\"r\" *) real r; real v; analog begin v = pow(I(p,n), 3); r = ddx(v, I(p,n)); V(p,n) <+ v; end",
    ));
    close(At::new(&m).x("i_p_n", 4.0).set("m", 2.0).var("r"), 12.0);
}

#[test]
fn switch_by_parameter_collapses() {
    let m = model(&module(
        "p, n",
        "electrical i; parameter real rs = 0; parameter real g = 1;
         analog begin
           if (rs > 0) I(p,i) <+ V(p,i)/rs; else V(p,i) <+ 0;
           I(i,n) <+ g*V(i,n);
         end",
    ));
    assert_eq!(names(&m), ["p", "n", "i"]);
    assert_eq!(m.collapses.len(), 1);
    let c = &m.collapses[0];
    assert_eq!((c.a, c.b, c.drops.len()), (0, Some(2), 0));
    assert_eq!(At::new(&m).outputs()[c.condition as usize], 1.0);
    let at = At::new(&m).p("rs", 2.0).x("p", 3.0).x("i", 1.0);
    assert_eq!((at.outputs()[c.condition as usize], at.f("p")), (0.0, 1.0));
    // Potential either way: the current vanishes with the node.
    let m = model(&module(
        "p, n",
        "electrical i; parameter real l = 0; analog begin if (l > 0) V(p,i) <+ l*ddt(I(p,i)); else V(p,i) <+ 0; I(i,n) <+ V(i,n); end",
    ));
    assert_eq!(names(&m), ["p", "n", "i", "i_p_i"]);
    // The current is read, so that it must stay.
    assert!(m.collapses.is_empty());
    let at = At::new(&m).p("l", 2.0).x("p", 3.0).x("i_p_i", 5.0);
    assert_eq!(at.sums("i_p_i"), (3.0, -10.0));
    // A source or a load.
    let m = model(&module("p, n", "parameter integer source = 1; analog if (source) V(p,n) <+ 5; else I(p,n) <+ V(p,n);"));
    assert_eq!(names(&m), ["p", "n", "i_p_n"]);
    assert_eq!((m.collapses[0].a, m.collapses[0].b), (2, None));
    let at = At::new(&m).x("p", 3.0).x("i_p_n", 2.0);
    assert_eq!((at.f("p"), at.f("i_p_n"), at.outputs()[m.collapses[0].condition as usize]), (2.0, -2.0, 0.0));
    let at = At::new(&m).x("p", 3.0).x("i_p_n", 0.0).p("source", 0.0);
    assert_eq!((at.f("p"), at.f("i_p_n"), at.outputs()[m.collapses[0].condition as usize]), (3.0, 3.0, 1.0));
}

#[test]
fn switch_that_moves() {
    let m = model(&module("p, n, c", "analog if (V(c) > 0.5) V(p,n) <+ 0; else I(p,n) <+ 1e-9*V(p,n);"));
    assert_eq!(names(&m), ["p", "n", "c", "i_p_n"]);
    assert!(m.collapses.is_empty());
    let at = At::new(&m).x("p", 3.0).x("i_p_n", 2.0).x("c", 1.0);
    assert_eq!((at.f("p"), at.f("i_p_n")), (2.0, 3.0));
    let at = At::new(&m).x("p", 3.0).x("i_p_n", 2.0);
    assert_eq!((at.f("p"), at.f("i_p_n")), (2.0, 2.0 - 3e-9));
    // The last kind that was contributed counts.
    let m = model(&module("p, n", "analog begin I(p,n) <+ 7; V(p,n) <+ 1; V(p,n) <+ 2; end"));
    let at = At::new(&m).x("p", 3.5).x("i_p_n", 2.0);
    assert_eq!((at.f("p"), at.f("i_p_n")), (2.0, 0.5));
}

#[test]
fn states_on_nodes() {
    let m = model(&module(
        "p, n",
        "parameter real x0 = 0.2; parameter real tau = 1m;
         (* hold = \"x0/2\", maxstep = \"0.1*tau\", abstol = \"1e-6\", bounds = \"0:1\" *) state x;
         analog begin I(p,n) <+ X(x)*V(p,n); XRate(x) <+ ddt(X(x)) - V(p,n)/tau; end",
    ));
    let u = &m.unknowns[2];
    assert_eq!((u.quantity.as_str(), u.abstol, u.held, u.bounds), ("state", 1e-6, true, (0.0, 1.0)));
    let at = At::new(&m).x("p", 2.0).x("x", 0.5);
    close(at.outputs()[u.start.expect("a start") as usize], 0.1);
    assert_eq!(at.sums("x"), (-2000.0, 0.5));
    let limit = m.probes.iter().find(|p| p.plus == 2).and_then(|p| p.limit.clone());
    let Some(Limit::Step { largest }) = limit else { panic!("no limit") };
    close(at.outputs()[largest as usize], 1e-4);
}

#[test]
fn limited_probes() {
    let m = model(&module(
        "p, n",
        "parameter real is = 1e-14; real v; analog begin v = $limit(V(p,n), \"pnjlim\", $vt, $vt*ln($vt/(sqrt(2)*is))); I(p,n) <+ is*(limexp(v/$vt) - 1) + 1e-12*V(p,n); end",
    ));
    assert_eq!(m.probes.len(), 2);
    let Some(Limit::Pnj { vt, vcrit }) = m.probes[0].limit.clone() else { panic!("no limit") };
    let vt_value = 300.15 * 1.380649e-23 / 1.602176634e-19;
    let outputs = At::new(&m).outputs();
    close(outputs[vt as usize], vt_value);
    close(outputs[vcrit as usize], vt_value * (vt_value / (2f64.sqrt() * 1e-14)).ln());
    let text = module("p, n", "analog I(p,n) <+ $limit(V(p,n), \"pnjlim\", V(p), 1);");
    assert!(messages(&text).is_empty(), "arguments may move");
    let text = module("p, n", "analog I(p,n) <+ $limit(V(p,n), \"newlim\", 1);");
    assert_eq!(messages(&text), ["this potential is not limited"]);
}

#[test]
fn remembered_variables() {
    let m = model(&module(
        "p, n",
        "real count, peak; analog begin if (V(p,n) > peak) peak = V(p,n); count = count + 1; I(p,n) <+ peak + 10*count; end",
    ));
    let names: Vec<&str> = m.retained.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["peak", "count"]);
    let at = At::new(&m).x("p", 3.0).past(&[2.0, 4.0]);
    close(at.f("p"), 3.0 + 50.0);
    let outputs = at.outputs();
    assert_eq!((outputs[m.retained[0].output as usize], outputs[m.retained[1].output as usize]), (3.0, 5.0));
    close(At::new(&m).x("p", 1.0).past(&[2.0, 4.0]).f("p"), 2.0 + 50.0);
    // Written in every way through: nothing to remember.
    let m = model(&module(
        "p, n",
        "real a, b; parameter integer k = 1; analog begin if (V(p,n) > 0) a = 1; else a = 2; if (k) b = 3; I(p,n) <+ a + b; end",
    ));
    assert!(m.retained.is_empty());
    // The initial step: remembered if it depends on the solution, known if it does not.
    let m = model(&module(
        "p, n",
        "real a, b; parameter real k = 2; analog begin @(initial_step) begin a = k*k; b = V(p,n); end I(p,n) <+ a + b; end",
    ));
    assert_eq!(m.retained.len(), 1);
    close(At::new(&m).x("p", 3.0).past(&[10.0]).f("p"), 4.0 + 3.0);
    close(At::new(&m).x("p", 3.0).past(&[10.0]).set("phase", 2.0).f("p"), 4.0 + 10.0);
    // An initial value counts while an operating point is found.
    let m = model(&module("p, n", "real a = 5; analog begin I(p,n) <+ a; a = V(p,n); end"));
    close(At::new(&m).x("p", 3.0).past(&[10.0]).f("p"), 5.0);
    close(At::new(&m).x("p", 3.0).past(&[10.0]).set("phase", 2.0).f("p"), 10.0);
    // What is never written keeps its initial value.
    let m = model(&module("p, n", "real a = 5; real b; analog I(p,n) <+ a + b;"));
    assert!(m.retained.is_empty());
    close(At::new(&m).f("p"), 5.0);
}

#[test]
fn said_by_models() {
    let m = model(&module(
        "p, n",
        "integer k; analog begin
           k = 3;
           if (V(p,n) > 1) begin $strobe(\"v = %g, k = %d\", V(p,n), k); $warning(\"high\"); end
           @(initial_step) $display(\"start\");
           @(final_step) $write(\"%m ends at\", $abstime, , \"s\");
           if (V(p,n) > 2) $finish(1); else if (V(p,n) < -2) $fatal(0, \"low %g\", V(p,n));
           $bound_step(1e-3); if (V(p,n) > 0) $bound_step(1e-6);
           I(p,n) <+ V(p,n);
         end",
    ));
    let kinds: Vec<(MessageLevel, Moment)> = m.messages.iter().map(|c| (c.kind, c.moment)).collect();
    use MessageLevel::{Fatal, Finish, Note, Warning};
    use Moment::{Every, First, Last};
    assert_eq!(kinds, [(Note, Every), (Warning, Every), (Note, First), (Note, Last), (Finish, Every), (Fatal, Every)]);
    let at = |v: f64| {
        let outputs = At::new(&m).x("p", v).outputs();
        let reached: Vec<f64> = m.messages.iter().map(|c| outputs[c.condition as usize]).collect();
        (reached, outputs[m.bound_step.expect("a bound") as usize])
    };
    assert_eq!(at(1.5), (vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0], 1e-6));
    assert_eq!(at(2.5).0, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(at(-3.0), (vec![0.0, 0.0, 1.0, 1.0, 0.0, 1.0], 1e-3));
    assert_eq!(m.messages[0].arguments.iter().map(|a| a.1).collect::<Vec<_>>(), [ArgumentType::Real, ArgumentType::Int]);
    assert_eq!(m.messages[3].arguments.iter().map(|a| a.1).collect::<Vec<_>>(), [ArgumentType::Real]);
    let outputs = At::new(&m).x("p", 1.5).outputs();
    assert_eq!(outputs[m.messages[0].arguments[0].0 as usize], 1.5);
}

#[test]
fn own_natures_and_disciplines() {
    let m = model(
        "nature Concentration; units = \"1/m^3\"; access = Conc; abstol = 1e10; endnature
         nature Fine : Concentration; abstol = 1e8; access = FineConc; endnature
         nature Flux units = \"1/s\"; access = Fl; abstol = 1e5; endnature
         discipline diffusive potential Fine; flow Flux; enddiscipline
         module m(a, b); inout a, b; diffusive a, b;
         analog Fl(a,b) <+ 2*FineConc(a,b) + potential(a); endmodule",
    );
    let u = &m.unknowns[0];
    assert_eq!((u.quantity.as_str(), u.unit.as_str(), u.abstol, u.residual_abstol), ("fine", "1/m^3", 1e8, 1e5));
    close(At::new(&m).x("a", 3.0).x("b", 1.0).f("a"), 7.0);
}

#[test]
fn several_modules_in_a_file() {
    let text = module("p, n", "analog I(p,n) <+ V(p,n);")
        + "module second(a); inout a; electrical a; analog begin I(a) <+ 2*V(a); end endmodule";
    let (models, diagnostics, _) = compile(&text);
    assert!(diagnostics.is_empty());
    assert_eq!(models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["dut", "second"]);
}

#[test]
fn extensions_are_warned_of() {
    let text =
        module("p, n", "parameter real a = 1 from [0, 2]; parameter b = 1.5; parameter c = 2; analog I(p,n) <+ a + b + c + .5;");
    assert_eq!(
        messages(&text),
        ["a number begins with its point", "a comma in a range", "the parameter `b` has no type", "the parameter `c` has no type"]
    );
}

/// Bad texts: a name for the snapshot, and what stands inside of a module (or a whole file if it contains `module`).
const BAD: [(&str, &str); 39] = [
    ("missing_semicolon", "parameter real r = 1\nreal a;\nanalog begin\n a = 1\n I(p,n) <+ V(p,n)/r;\nend"),
    (
        "several_mistakes",
        "parameter real r = ;\nreal a, a;\nanalog begin\n a = (1 + ;\n b = 2;\n I(p,n) <+ V(p,x)/r +* 2;\n I(p,n) = 3;\n foo(1);\nend",
    ),
    ("undeclared_name", "parameter real resistance = 1; analog I(p,n) <+ V(p,n)/resistence;"),
    ("undeclared_names_in_one_expression", "analog I(p,n) <+ aa*V(p,n) + bb/cc;"),
    ("undeclared_node", "electrical inner; analog I(p,n) <+ V(p,iner);"),
    ("wrong_access", "analog Pwr(p,n) <+ Temp(p,n);"),
    ("unknown_access", "analog J(p,n) <+ V(p,n);"),
    ("mixed_disciplines", "thermal t; analog I(p,t) <+ V(p,t);"),
    ("access_of_a_variable", "real a; analog begin a = 1; I(p,n) <+ V(a); end"),
    ("branch_to_itself", "analog I(p,p) <+ 1;"),
    ("three_nodes", "electrical c; analog I(p,n) <+ V(p,n,c);"),
    ("arity", "analog I(p,n) <+ pow(V(p,n)) + exp(1, 2) + ddt();"),
    ("arity_of_own_function", "analog function real f; input x; real x; f = x; endfunction\nanalog I(p,n) <+ f(1, 2);"),
    ("unknown_function", "analog I(p,n) <+ sqr(V(p,n));"),
    ("assignment_to_parameter", "parameter real r = 1; analog begin r = 2; I(p,n) <+ V(p,n)/r; end"),
    ("assignment_to_access", "analog V(p,n) = 2;"),
    ("string_for_number", "parameter string s = \"a\"; parameter real r = \"b\"; analog I(p,n) <+ s + 1;"),
    ("bits_of_reals", "analog I(p,n) <+ V(p,n) & 1;"),
    ("parameter_before_declaration", "parameter real a = b; parameter real b = 1; analog I(p,n) <+ a;"),
    ("empty_range", "parameter real a = 1 from [2:1]; analog I(p,n) <+ a;"),
    ("bad_range", "parameter real a = 1 from 0; parameter real b = 1 from (0:1; analog I(p,n) <+ a;"),
    ("declared_twice", "parameter real a = 1; real a; branch (p,n) n; analog I(p,n) <+ a;"),
    ("unknown_discipline", "electricel c; analog I(p,n) <+ V(p,c);"),
    ("missing_end", "analog begin if (V(p,n) > 0) begin I(p,n) <+ 1; end"),
    ("end_too_many", "analog begin I(p,n) <+ 1; end end"),
    ("keyword_as_name", "real from; analog I(p,n) <+ 1;"),
    ("unknown_macro", "analog I(p,n) <+ `M_PY*V(p,n);"),
    ("macro_arguments", "`define F(a, b) (a + b)\nanalog I(p,n) <+ `F(1);"),
    ("macro_of_itself", "`define A `A + 1\nanalog I(p,n) <+ `A;"),
    ("open_condition", "`ifdef X\nanalog I(p,n) <+ 1;"),
    ("missing_include", "`include \"nowhere.va\"\nanalog I(p,n) <+ 1;"),
    ("mistake_in_macro", "`define G(x) (x*gain)\nanalog I(p,n) <+ `G(V(p,n));"),
    ("recursive_function", "analog function real f; input x; real x; f = f(x - 1); endfunction\nanalog I(p,n) <+ f(1);"),
    (
        "node_in_function",
        "analog function real f; input x; real x; f = V(p,n) + ddt(x) + q; endfunction\nreal q; analog I(p,n) <+ 1;",
    ),
    ("not_supported_system", "analog begin $fstrobe(1, \"x\"); I(p,n) <+ $random + $table_model(1); $stroby(\"x\"); end"),
    ("not_supported_items", "resistor #(.r(1)) r1(p, n);\nalways @(p) x = 1;\nelectrical [0:3] bus;\nanalog I(p,n) <+ 1;"),
    ("idt_start_moves", "real x; analog begin x = idt(1, V(p,n)); I(p,n) <+ x; end"),
    ("array_index", "real w[0:3]; real v; analog begin w[4] = 1; v[0] = 2; w = 3; I(p,n) <+ w[-1]; end"),
    ("bad_attribute", "(* hold = \"x1\", maxstep = \"1+\" *) electrical s; analog I(s) <+ ddt(V(s));"),
];

/// Bad whole files.
const BAD_FILES: [(&str, &str); 9] = [
    ("empty", ""),
    ("no_module", "hello world;"),
    ("no_disciplines", "module m(p); inout p; electrical p; analog I(p) <+ V(p); endmodule"),
    (
        "port_without_discipline",
        "`include \"disciplines.vams\"\nmodule m(p, q); inout p, q; electrical p; analog I(p) <+ V(p); endmodule",
    ),
    ("not_a_port", "`include \"disciplines.vams\"\nmodule m(p); inout p, q; electrical p, q; analog I(p) <+ V(p,q); endmodule"),
    ("open_comment", "module m(p); /* no end\nendmodule"),
    ("open_string", "module m(p); (* desc = \"no end *) real a;\nendmodule"),
    ("garbage", "\u{1}\u{2}\u{fffd}\u{fffd} module \u{7f} § € \0 ((((( "),
    (
        "unknown_nature",
        "discipline d potential Nothing; enddiscipline\nnature N abstol = x; access = 3; endnature\nmodule m(p); inout p; d p; endmodule",
    ),
];

#[test]
fn bad_texts() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let inside = BAD.iter().map(|(name, text)| (*name, module("p, n", text)));
    let whole = BAD_FILES.iter().map(|(name, text)| (*name, (*text).to_string()));
    settings.bind(|| {
        for (name, text) in inside.chain(whole) {
            let (_, diagnostics, sources) = compile(&text);
            insta::assert_snapshot!(format!("verilog_{name}"), render(&diagnostics, &sources, false));
        }
    });
}

/// The next number of a fixed sequence (xorshift).
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

/// A text with one to four small accidents: bytes changed, taken out, doubled, pieces exchanged, words put in.
fn mutated(text: &str, state: &mut u64) -> String {
    const WORDS: [&str; 24] = [
        "begin",
        "end",
        "(",
        ")",
        ";",
        "`define A `A",
        "`ifdef X",
        "`else",
        "`endif",
        "\"",
        "/*",
        "*/",
        "(*",
        "*)",
        "if (",
        "ddt(",
        "idt(",
        "V(p,n)",
        "<+",
        "1e999",
        "99999999999",
        "[",
        "\u{e9}",
        "while (1)",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + random(state) % 4 {
        let (a, b) = (random(state) % bytes.len(), random(state) % bytes.len());
        let (low, high) = (a.min(b), (a.min(b) + random(state) % 40).min(bytes.len()));
        match random(state) % 6 {
            0 => bytes[a] = b" (){}[];,.*+-/<>=!@#`'\"\\09azAZ_\n\0\xff"[random(state) % 34],
            1 => drop(bytes.drain(low..high)),
            2 => {
                let piece = bytes[low..high].to_vec();
                bytes.splice(b..b, piece);
            }
            3 => bytes.swap(a, b),
            4 => bytes.truncate(low.max(1)),
            _ => drop(bytes.splice(a..a, WORDS[random(state) % WORDS.len()].bytes())),
        }
        if bytes.is_empty() {
            bytes.push(b' ');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Much of the language at once, as food for mutations.
pub const RICH: &str = r#"
  parameter real x0 = 0.1 from [0:1]; parameter integer kind = 1; parameter string mode = "a" from '{"a", "b"};
  (* hold = "x0", maxstep = "0.1" *) state s; electrical inner; branch (p, inner) first;
  (* desc = "x", units = "m" *) real x; real w[0:3]; real q, v, last, y; integer i, count = 2;
  `define SQUARE(a) ((a)*(a))
  analog function real f; input a; output b; real a, b; integer k;
    begin f = 0; for (k = 0; k < 3; k = k + 1) f = f + a*k; b = f > 1 ? 1 : exp(f); end
  endfunction
  analog begin
    @(initial_step("tran", "dc")) begin last = x0; count = 0; end
    v = $limit(V(p,n), "pnjlim", $vt, 0.6);
    q = f(v, y)*`SQUARE(V(p,n));
    if (kind == 1) x = idt(I(first)*(1 - x), x0); else x = 0.5;
    if (V(p,n) > 1) begin w[kind] = ddt(q); last = v; end else begin : inside real z; z = tanh(sinh(v)); w[0] = z + last; end
    case (kind) 1, 2: V(first) <+ 0; default: I(first) <+ V(first)/(1 + x); endcase
    if (V(p) > V(n)) I(inner,n) <+ ddt(q) + w[1]; else V(inner,n) <+ 1;
    i = 0; while (i < kind) begin y = y*v + i; i = i + 1; end
    repeat (kind) y = y + 1;
    XRate(s) <+ ddt(X(s)) - (mode == "a" ? ddx(q, V(p)) : white_noise(1));
    I(p,n) <+ y*ddt(v) + x + limexp(v) + $simparam("gmin", 1e-12) + analysis("ac");
    if (v > 2) $strobe("v %g %s", v, mode); @(final_step) $finish;
    $bound_step(1e-6 + abs(v));
  end
"#;

#[test]
fn the_rich_text_is_good() {
    let (models, diagnostics, sources) = compile(&module("p, n", RICH));
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    assert!(errors.is_empty() && models.len() == 1, "{}", render(&errors, &sources, false));
    assert_eq!(verify::check(&models[0].function), Ok(()));
    // Everything has a derivative.
    let f = diff::resolve(&models[0].function);
    let outputs: Vec<u32> = (0..f.outputs.len() as u32).collect();
    let probes: Vec<u32> = (0..models[0].probes.len() as u32).collect();
    assert_eq!(verify::check(&diff::differentiate(&f, &outputs, &probes).0), Ok(()));
}

#[test]
fn mutated_texts_end_in_models_or_messages() {
    let files = ["ndr/nbox.va", "redox/taox.va", "std/diode.va", "std/switch.va", "std/mutual.va"];
    let mut texts: Vec<String> = files.iter().map(|f| std::fs::read_to_string(format!("models/{f}")).expect("a model")).collect();
    texts.extend(BAD.iter().map(|(_, text)| module("p, n", text)));
    texts.extend(std::iter::repeat_n(module("p, n", RICH), 20));
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for round in 0..4000 {
        let text = mutated(&texts[round % texts.len()], &mut state);
        let (models, diagnostics, sources) = compile(&text);
        assert!(!models.is_empty() || diagnostics.iter().any(|d| d.severity == Severity::Error), "nothing is said about:\n{text}");
        for model in &models {
            assert_eq!(verify::check(&model.function), Ok(()), "{text}");
            // Whatever is accepted can be evaluated.
            At::new(model).outputs();
        }
        if round % 50 == 0 {
            render(&diagnostics, &sources, false);
        }
    }
}

#[test]
fn large_and_deep_texts_end() {
    let nested =
        |open: &str, close: &str, count: usize| format!("analog I(p,n) <+ {}1{};", open.repeat(count), close.repeat(count));
    let doubled: String = (0..60).map(|k| format!("`define D{} `D{} + `D{}\n", k + 1, k, k)).collect();
    let functions: String = (0..40)
        .map(|k| format!("analog function real f{}; input x; real x; f{} = f{}(x) + f{}(x); endfunction\n", k + 1, k + 1, k, k))
        .collect();
    for text in [
        nested("(", ")", 100_000),
        nested("-", "", 100_000),
        nested("exp(", ")", 5_000),
        nested("1+", "", 3_900),
        nested("1+", "", 100_000),
        nested("(1||1&&1|1^1&1==1<1<<1+1*1**(", "))", 50),
        format!("analog {} I(p,n) <+ 1;", "if (1) ".repeat(10_000)),
        format!("analog {} end", "begin ".repeat(10_000)),
        format!("`define D0 1\n{doubled} analog I(p,n) <+ `D60;"),
        format!("{functions} analog function real f0; input x; real x; f0 = x; endfunction analog I(p,n) <+ f40(V(p,n));"),
        "integer i; real y; analog begin y = 0; for (i = 0; i < 2000000000; i = i + 1) y = y + 1; I(p,n) <+ y*0; end".to_string(),
        "x".repeat(1_000_000),
        "\u{1}".repeat(1_000_000),
        "((*".repeat(100_000),
    ] {
        let (models, diagnostics, _) = compile(&module("p, n", &text));
        assert!(!models.is_empty() || !diagnostics.is_empty());
    }
}

#[test]
fn formulas_of_small_models() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let texts = [
        ("resistor", "parameter real r = 1k from (0:inf); analog I(p,n) <+ V(p,n)/r;"),
        (
            "diode",
            "parameter real is = 1f; parameter real cj = 1p; real v; analog begin v = V(p,n); if (v > -1) I(p,n) <+ is*limexp(v/$vt); else I(p,n) <+ is*v; I(p,n) <+ ddt(cj*v*v); end",
        ),
        ("state", "parameter real x0 = 0.5; real x; analog begin x = idt(I(p,n)*(1 - x)*x, x0); V(p,n) <+ x*I(p,n); end"),
        (
            "loop",
            "parameter integer k = 3; integer i; real s; analog begin s = 0; for (i = 0; i < k; i = i + 1) s = s*V(p,n) + i; I(p,n) <+ s; end",
        ),
    ];
    settings.bind(|| {
        for (name, body) in texts {
            let m = model(&module("p, n", body));
            let mut shown = String::new();
            for c in &m.contributions {
                shown += &format!("row {} minus {:?}: f {:?} q {:?}\n", c.plus, c.minus, c.f, c.q);
            }
            for (k, p) in m.probes.iter().enumerate() {
                shown += &format!("probe {k} = {} - {:?}\n", p.plus, p.minus);
            }
            insta::assert_snapshot!(format!("ir_{name}"), shown + &text::print(&m.function));
        }
    });
}

#[test]
fn a_state_that_reads_itself() {
    // x = idt(... x ...): the integral itself, not what it was at the last point.
    let m =
        model(&module("p, n", "(* start = \"0.25\" *) real x; real dx; analog begin dx = 1 - x; x = idt(dx); I(p,n) <+ x; end"));
    assert_eq!((m.retained.len(), names(&m)), (0, vec!["p", "n", "x"]));
    assert!(!m.unknowns[2].held);
    let at = At::new(&m).x("x", 0.75);
    assert_eq!((at.sums("x"), at.f("p")), ((-0.25, 0.75), 0.75));
    close(At::new(&m).outputs()[m.unknowns[2].start.expect("a start") as usize], 0.25);
}

#[test]
fn attributes_behind_a_declaration() {
    let m = model(
        "`include \"disciplines.vams\"\n`define attr(txt) (*txt*)\nmodule m(p); inout p; electrical p;\nparameter real a = 1 from (0:inf) `attr(info=\"one\" type=\"instance\");\nanalog I(p) <+ a; endmodule",
    );
    assert_eq!((m.params[0].description.as_str(), m.params[0].instance), ("one", true));
    let texts = messages(&module("p, n", "parameter real a = $abstime; parameter real b = analysis(\"dc\"); analog I(p,n) <+ a;"));
    assert_eq!(texts, ["a parameter that changes during the simulation"; 2]);
}
