//! The circuits of the cases as flat text that both memspice and ngspice read.
//!
//! Takes a size, gives elements line by line; the decks of `netlists/bench/` say the same in loops. ngspice gets the analysis
//! in a `.control` block that leaves nothing but the wanted columns in memory.

use std::fmt::Write;
use std::path::Path;

/// A circuit and what is done with it.
pub struct Circuit {
    /// Models, subcircuits, elements.
    pub body: String,
    /// Columns that are kept.
    pub saved: Vec<String>,
    /// `tran 1n 20u 0 5n uic`.
    pub analysis: &'static str,
    /// Beside the tolerances, which are ngspice's own.
    pub options: &'static str,
}

impl Circuit {
    /// The deck for `ngspice -b`; with `file` its columns are written there as a rawfile.
    pub fn ngspice(&self, file: Option<&Path>) -> String {
        let mut out = format!("benchmark\n{}", self.body);
        if !self.options.is_empty() {
            let _ = writeln!(out, ".options {}", self.options);
        }
        let columns = self.saved.join(" ");
        let _ = writeln!(out, ".control\nset noaskquit\nset filetype=binary\nsave {columns}\n{}", self.analysis);
        if let Some(file) = file {
            let _ = writeln!(out, "write {} {columns}", file.display());
        }
        out.push_str("quit\n.endc\n.end\n");
        out
    }

    /// The same for memspice with ngspice's tolerances.
    pub fn memspice(&self) -> String {
        let method = if self.options.is_empty() { "method=trap" } else { self.options };
        let (columns, tolerances) = (self.saved.join(" "), "reltol=1e-3 trtol=7 abstol=1e-12 vntol=1e-6");
        format!("benchmark\n{}.save {columns}\n.options {method} {tolerances}\n.{}\n.end\n", self.body, self.analysis)
    }
}

/// Appends a line; writing into a string does not fail.
macro_rules! line {
    ($to:expr, $($text:tt)*) => { let _ = writeln!($to, $($text)*); };
}

fn circuit(body: String, saved: &[&str], analysis: &'static str) -> Circuit {
    Circuit { body, saved: saved.iter().map(ToString::to_string).collect(), analysis, options: "" }
}

/// One RC.
pub fn start_up(_: usize) -> Circuit {
    circuit("v1 1 0 1\nr1 1 2 1k\nc1 2 0 1n\n".into(), &["v(2)"], "tran 1u 10u")
}

/// RC ladder behind a step.
pub fn ladder(n: usize) -> Circuit {
    let mut body = String::from("v1 n0 0 pulse(0 1 0 1n 1n 1 2)\n");
    for k in 0..n {
        line!(body, "r{k} n{k} n{} 1\nc{k} n{} 0 1p", k + 1, k + 1);
    }
    circuit(body, &[&format!("v(n{})", n / 10)], "tran 100n 50u 0 100n")
}

/// Diode bridge.
pub fn bridge(_: usize) -> Circuit {
    let body = "\
.model dm d(is=80p rs=0.05 n=1.45 cjo=25p m=0.33 vj=0.7 bv=1k ibv=5u)
vs a b sin(0 20 50)
d1 a p dm
d2 q a dm
d3 b p dm
d4 q b dm
cl p q 100u
rl p q 1k
rg1 b 0 1meg
rg2 q 0 1meg
";
    Circuit { options: "method=gear maxord=2", ..circuit(body.into(), &["v(p)", "v(q)"], "tran 1u 1 0 1u") }
}

/// RC behind pulses.
pub fn pulses(_: usize) -> Circuit {
    let body = "v1 1 0 pulse(0 1 0 1u 1u 0.498m 1m)\nr1 1 2 1k\nc1 2 0 1u\n";
    circuit(body.into(), &["v(2)"], "tran 1u 1 0 1u")
}

/// Ring of CMOS inverters.
pub fn ring(n: usize) -> Circuit {
    let mut body = String::from(
        "\
.model nm nmos(level=1 vto=0.6 kp=120u gamma=0.4 phi=0.7 lambda=0.05 tox=9n cgso=0.25n cgdo=0.25n cgbo=0.1n cj=0.6m mj=0.4
+ cjsw=0.3n mjsw=0.3 pb=0.8)
.model pm pmos(level=1 vto=-0.7 kp=40u gamma=0.5 phi=0.7 lambda=0.08 tox=9n cgso=0.25n cgdo=0.25n cgbo=0.1n cj=0.9m mj=0.4
+ cjsw=0.3n mjsw=0.3 pb=0.8)
vdd vdd 0 2.5
ik 0 n1 pulse(0 200u 1n 0.1n 0.1n 1n 1)
",
    );
    for k in 1..=n {
        let next = k % n + 1;
        line!(body, "mp{k} n{next} n{k} vdd vdd pm l=0.35u w=4u ad=4p as=4p pd=6u ps=6u");
        line!(body, "mn{k} n{next} n{k} 0 0 nm l=0.35u w=2u ad=2p as=2p pd=4u ps=4u\nc{k} n{next} 0 5f");
    }
    circuit(body, &["v(n1)"], if n < 50 { "tran 50p 1u 0 50p" } else { "tran 50p 200n 0 50p" })
}

/// Two coupled thermal switches.
pub fn pair(_: usize) -> Circuit {
    let body = "\
.subckt switch p n
bm p n i={0.115*v(p,n)*exp(-0.2/(8.617e-5*(300+100*max(v(t),0))))}
bt 0 t i={1.5e4*v(p,n)*0.115*v(p,n)*exp(-0.2/(8.617e-5*(300+100*max(v(t),0)))) - v(t)}
ct t 0 1.5n
.ends
vdd vdd 0 pulse(0 1.2 0 1n 1n 1 2)
rs0 vdd o0 4000
cp0 o0 0 20p
x0 o0 0 switch
rs1 vdd o1 4100
cp1 o1 0 21p
x1 o1 0 switch
cc1 o0 o1 2p
";
    circuit(body.into(), &["v(o0)", "v(o1)"], "tran 1n 20u 0 5n uic")
}

/// Crossbar of Yakopcic memristors, middle cell selected.
pub fn crossbar(n: usize) -> Circuit {
    let mut body = String::from(
        "\
.subckt cell p n
bm p n i={2e-5*v(x)*sinh(0.5*v(p,n))}
bx 0 x i={(v(p,n)>0.55 ? 2e6*(exp(v(p,n))-exp(0.55)) : (v(p,n)<-0.55 ? -2e6*(exp(-v(p,n))-exp(0.55)) : 0))
+ *(v(p,n)>=0 ? (v(x)>=0.5 ? exp(-1.0*(v(x)-0.5))*((0.5-v(x))/(1-0.5)+1) : 1)
+ : (v(x)<=1-0.5 ? exp(5.0*(v(x)+0.5-1))*v(x)/(1-0.5) : 1))}
cx x 0 1 ic=0.11
.ends
vsel sel 0 pulse(0 1 20n 10n 10n 1u 4u)
vhalf half 0 pulse(0 0.5 20n 10n 10n 1u 4u)
",
    );
    let middle = n / 2;
    for i in 0..n {
        line!(body, "rr{i}_0 {} r{i}_0 1", if i == middle { "sel" } else { "half" });
        line!(body, "rc{n}_{i} c{}_{i} {} 1", n - 1, if i == middle { "0" } else { "half" });
        for j in 1..n {
            line!(body, "rr{i}_{j} r{i}_{} r{i}_{j} 1\nrc{j}_{i} c{}_{i} c{j}_{i} 1", j - 1, j - 1);
        }
        for j in 0..n {
            line!(body, "x{i}_{j} r{i}_{j} c{i}_{j} cell");
        }
    }
    let m = middle;
    let saved = [format!("v(r{m}_{m})"), format!("v(c{m}_{m})"), format!("v(x{m}_{m}.x)")];
    circuit(body, &saved.each_ref().map(String::as_str), "tran 10n 1.2u 0 50n uic")
}

/// Crossbar of resistors between 10 and 100 kohm.
pub fn resistive(n: usize) -> Circuit {
    let mut body = String::new();
    for i in 0..n {
        line!(body, "vr{i} d{i} 0 {:.2}\nrr{i}_0 d{i} r{i}_0 1\nrc{n}_{i} c{}_{i} 0 1", 0.04 * (1 + i % 5) as f64, n - 1);
        for j in 1..n {
            line!(body, "rr{i}_{j} r{i}_{} r{i}_{j} 1\nrc{j}_{i} c{}_{i} c{j}_{i} 1", j - 1, j - 1);
        }
        for j in 0..n {
            let (a, b) = (i as f64, j as f64);
            let share = 0.55 + 0.45 * (127.1 * a * a + 311.7 * b + 74.7 * a * b).sin();
            line!(body, "rx{i}_{j} r{i}_{j} c{i}_{j} {:.6e}", 1.0 / (1e-4 * share));
        }
    }
    circuit(body, &[&format!("v(c{}_{})", n - 1, n / 2)], "op")
}

/// Chain of n elements, resistors and capacitors.
pub fn chain(n: usize) -> Circuit {
    let mut body = String::from("v1 n0 0 dc 1\n");
    for k in 0..n / 2 {
        line!(body, "r{k} n{k} n{} 1\nc{k} n{} 0 1p", k + 1, k + 1);
    }
    circuit(body, &["v(n1)"], "op")
}
