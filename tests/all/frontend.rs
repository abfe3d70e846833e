//! Verilog-A to models: every construct by evaluating the model's function at points against hand calculations; messages and
//! a few functions as snapshots; mutated texts for robustness.

use std::collections::BTreeMap;
use std::path::Path;

use memspice::diag::{Diagnostic, Severity, render};
use memspice::ir::{Input, interp};
use memspice::model::library::Library;
use memspice::model::{Formula, Model};
use memspice::span::{MemoryFiles, Sources};
use memspice::veriloga;

/// Standard head and a module around `body`.
fn module(ports: &str, body: &str) -> String {
    format!(
        "`include \"constants.vams\"\n`include \"disciplines.vams\"\nmodule dut({ports});\ninout {ports};\nelectrical {ports};\n{body}\nendmodule\n"
    )
}

/// Compiles a text and gives everything.
fn compile(text: &str) -> (Vec<Model>, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("test.va"), text.to_string());
    let (models, diagnostics) = veriloga::compile(&mut sources, file, &[]);
    (models, diagnostics, sources)
}

/// The one model of a text without errors.
fn model(text: &str) -> Model {
    let (mut models, diagnostics, sources) = compile(text);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    assert!(errors.is_empty(), "{}", render(&errors, &sources, false));
    models.pop().expect("a model")
}

/// Values of a model at a point, given by names.
struct At<'a> {
    model: &'a Model,
    unknowns: BTreeMap<&'a str, f64>,
    params: BTreeMap<&'a str, f64>,
    outside: BTreeMap<&'a str, f64>,
    past: Vec<f64>,
}

impl<'a> At<'a> {
    fn new(model: &'a Model) -> At<'a> {
        At { model, unknowns: BTreeMap::new(), params: BTreeMap::new(), outside: BTreeMap::new(), past: Vec::new() }
    }

    fn x(mut self, name: &'a str, value: f64) -> Self {
        assert!(self.model.unknowns.iter().any(|u| u.name == name), "no unknown {name}: {:?}", names(self.model));
        self.unknowns.insert(name, value);
        self
    }

    fn p(mut self, name: &'a str, value: f64) -> Self {
        self.params.insert(name, value);
        self
    }

    /// `temp`, `m`, `time`, `phase`.
    fn set(mut self, name: &'a str, value: f64) -> Self {
        self.outside.insert(name, value);
        self
    }

    fn past(mut self, values: &[f64]) -> Self {
        self.past = values.to_vec();
        self
    }

    fn param(&self, k: u32) -> f64 {
        let param = &self.model.params[k as usize];
        if let Some(value) = self.params.get(param.name.as_str()) {
            return *value;
        }
        match &param.default {
            Formula::Number(value) => *value,
            Formula::Function(f) => interp::evaluate(f, &|input| self.input(input))[0],
        }
    }

    fn unknown(&self, row: u32) -> f64 {
        self.unknowns.get(self.model.unknowns[row as usize].name.as_str()).copied().unwrap_or(0.0)
    }

    fn input(&self, input: Input) -> f64 {
        let outside = |name: &str, otherwise: f64| self.outside.get(name).copied().unwrap_or(otherwise);
        match input {
            Input::Param(k) => self.param(k),
            Input::Given(k) => f64::from(u8::from(self.params.contains_key(self.model.params[k as usize].name.as_str()))),
            Input::Connected(_) => outside("connected", 1.0),
            Input::Temperature => outside("temp", 300.15),
            Input::Multiplicity => outside("m", 1.0),
            Input::Simulator(k) => self.model.simparams[k as usize].1.unwrap_or(1e-12),
            Input::Phase => outside("phase", 0.0),
            Input::Time => outside("time", 0.0),
            Input::Probe(k) => {
                let probe = &self.model.probes[k as usize];
                self.unknown(probe.plus) - probe.minus.map_or(0.0, |m| self.unknown(m))
            }
            Input::Past(k) => self.past.get(k as usize).copied().unwrap_or(0.0),
            Input::Hoisted(_) | Input::Argument(_) => f64::NAN,
        }
    }

    fn outputs(&self) -> Vec<f64> {
        interp::evaluate(&self.model.function, &|input| self.input(input))
    }

    fn row(&self, name: &str) -> u32 {
        let found = self.model.unknowns.iter().position(|u| u.name == name);
        found.unwrap_or_else(|| panic!("no unknown {name}: {:?}", names(self.model))) as u32
    }

    /// Sum of what the contributions add to the row called `name`, in f and in q.
    fn sums(&self, name: &str) -> (f64, f64) {
        let (row, outputs) = (self.row(name), self.outputs());
        let (mut f, mut q) = (0.0, 0.0);
        for c in &self.model.contributions {
            let sign = f64::from(u8::from(c.plus == row)) - f64::from(u8::from(c.minus == Some(row)));
            f += sign * c.f.map_or(0.0, |k| outputs[k as usize]);
            q += sign * c.q.map_or(0.0, |k| outputs[k as usize]);
        }
        (f, q)
    }

    fn f(&self, name: &str) -> f64 {
        self.sums(name).0
    }

    fn q(&self, name: &str) -> f64 {
        self.sums(name).1
    }

    /// The op-point variable called `name`.
    fn var(&self, name: &str) -> f64 {
        let found = self.model.variables.iter().find(|v| v.name == name);
        self.outputs()[found.unwrap_or_else(|| panic!("no variable {name}")).output as usize]
    }
}

fn names(model: &Model) -> Vec<&str> {
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

fn close(a: f64, b: f64) {
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
