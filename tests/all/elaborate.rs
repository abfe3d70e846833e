//! Decks to circuits: hierarchy, parameters, devices, results.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use memspice::analysis::{Env, TABLE};
use memspice::circuit::elaborate::elaborate;
use memspice::circuit::graph::{Values, evaluate};
use memspice::circuit::{Circuit, MeasureWord, Number, OutputKind, Part, SourceKind, StartTarget, Terminal, Waveform};
use memspice::dae::System;
use memspice::diag;
use memspice::ir::{Input, interp};
use memspice::mna::Mna;
use memspice::model::library::Library;
use memspice::netlist;
use memspice::solve::Tolerances;
use memspice::span::{MemoryFiles, Sources};
use memspice::wave::Dataset;

/// A memristor with a state, to be loaded by `.hdl "mem.va"`.
const MEM: &str = "`include \"disciplines.vams\"
module mem(p, n);
    inout p, n; electrical p, n;
    (* start = \"x0\" *) thermal state;
    parameter real ron = 100 from (0:inf);
    parameter real roff = 16k from (ron:inf);
    parameter real x0 = 0.1 from [0:1];
    parameter integer window = 2 from [0:10];
    parameter string kind = \"soft\";
    (* desc = \"resistance\", units = \"ohm\" *) real res;
    analog begin
        res = ron * Temp(state) + roff * (1 - Temp(state));
        I(p, n) <+ V(p, n) / res;
        Pwr(state) <+ ddt(Temp(state)) - window * V(p, n);
    end
endmodule
";

/// Elaborates a deck; gives the circuit and all messages as they are shown.
pub fn deck(text: &str, overrides: &[(String, f64)]) -> (Option<Circuit>, String) {
    let mut files = MemoryFiles::default();
    files.0.insert("mem.va".into(), MEM.as_bytes().to_vec());
    files.0.insert("wave.csv".into(), b"time,value\n0,0\n1e-6,1\n2e-6,0.5\n".to_vec());
    let mut sources = Sources::new(Box::new(files));
    let file = sources.add(Path::new("deck.cir"), format!("title\n{text}"));
    let (tree, mut found) = netlist::parse(&mut sources, file);
    let (circuit, more) = elaborate(&tree, &mut Library::new(), &mut sources, overrides);
    found.extend(more);
    (circuit, diag::render(&found, &sources, false))
}

fn good(text: &str) -> Circuit {
    let (circuit, shown) = deck(text, &[]);
    circuit.unwrap_or_else(|| panic!("{shown}"))
}

/// Values of all numbers with the roots replaced as given.
fn values(circuit: &Circuit, replaced: &[(&str, f64)]) -> Values {
    let mut roots: Vec<f64> = Vec::new();
    for root in &circuit.roots {
        let mut arguments = roots.clone();
        arguments.resize(circuit.roots.len(), f64::NAN);
        let own = match root.value {
            Number::Fixed(value) => value,
            Number::Output(k) => evaluate(&circuit.expressions, &arguments)[k as usize],
        };
        roots.push(replaced.iter().find(|(n, _)| *n == root.name).map_or(own, |r| r.1));
    }
    Values::new(&circuit.expressions, &roots)
}

/// A given parameter of an instance.
fn parameter(circuit: &Circuit, instance: &str, name: &str, values: &Values) -> f64 {
    let card = circuit.instances.iter().find(|i| i.name.eq_ignore_ascii_case(instance)).expect("the instance");
    let k = circuit.models[card.model as usize].parameter(name).expect("one name").expect("the parameter");
    values.of(card.params.iter().find(|(p, _)| *p == k).expect("a given parameter").1)
}

fn nodes(circuit: &Circuit) -> Vec<&str> {
    circuit.nodes.iter().map(|n| n.name.as_str()).collect()
}

fn instances(circuit: &Circuit) -> Vec<&str> {
    circuit.instances.iter().map(|i| i.name.as_str()).collect()
}

fn saved(circuit: &Circuit) -> Vec<&str> {
    circuit.saved.iter().map(|k| circuit.outputs[*k as usize].name.as_str()).collect()
}

#[test]
fn subcircuits_unfold() {
    let circuit = good(
        ".subckt outer a b r=1
         X1 a m inner r={r}
         X2 m b inner r={2*r} m=2
         .subckt inner p q r=1 c=1p
         .param double={2*r}
         R1 p mid {r}
         R2 mid q {double} m=3
         C1 mid 0 {c}
         .ends
         .ends
         V1 IN gnd 1
         XA in 0 outer r=10 m=5
         ",
    );
    assert_eq!(nodes(&circuit), ["IN", "XA.m", "XA.X1.mid", "XA.X2.mid"]);
    assert_eq!(instances(&circuit), ["XA.X1.R1", "XA.X1.R2", "XA.X1.C1", "XA.X2.R1", "XA.X2.R2", "XA.X2.C1"]);
    let now = values(&circuit, &[]);
    assert_eq!(parameter(&circuit, "xa.x2.r1", "r", &now), 20.0);
    assert_eq!(parameter(&circuit, "xa.x2.r2", "r", &now), 40.0);
    assert_eq!(parameter(&circuit, "xa.x1.c1", "c", &now), 1e-12);
    let multiplicities: Vec<f64> = circuit.instances.iter().map(|i| now.of(i.multiplicity)).collect();
    assert_eq!(multiplicities, [5.0, 15.0, 5.0, 10.0, 30.0, 10.0]);
    assert_eq!(circuit.instances[4].terminals[..], [Terminal::Node(3), Terminal::Ground]);
}

#[test]
fn globals_and_local_names() {
    let circuit = good(
        ".global VDD
         .model m1 r(tc1=1m)
         .func f(x) {x*10}
         .param g=2
         .subckt cell a
         .model m1 r(tc1=5m)
         .func f(x) {x*100}
         R1 a vdd m1 {f(g)}
         .ends
         V1 vdd 0 1
         X1 o cell
         R2 o 0 m1 r={f(g)}
         ",
    );
    assert_eq!(nodes(&circuit), ["VDD", "o"]);
    let now = values(&circuit, &[]);
    assert_eq!(parameter(&circuit, "x1.r1", "tc1", &now), 5e-3);
    assert_eq!(parameter(&circuit, "r2", "tc1", &now), 1e-3);
    assert_eq!(parameter(&circuit, "x1.r1", "r", &now), 200.0);
    assert_eq!(parameter(&circuit, "r2", "r", &now), 20.0);
}

#[test]
fn parameters_stay_live() {
    let text = ".param k={2*rr} rr=1k other=3
                .temp 50
                V1 a 0 sin(0 {k} {1/rr})
                R1 a 0 {k*other+temp}
                R2 a 0 {3*4}
                ";
    let circuit = good(text);
    let names: Vec<&str> = circuit.roots.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["temp", "rr", "k", "other"], "roots come after what they depend on");
    assert_eq!(circuit.options.temp, 50.0);
    assert_eq!(parameter(&circuit, "r1", "r", &values(&circuit, &[])), 6050.0);
    assert_eq!(parameter(&circuit, "r1", "r", &values(&circuit, &[("rr", 1.0)])), 56.0);
    assert_eq!(parameter(&circuit, "r1", "r", &values(&circuit, &[("k", 1.0), ("temp", 0.0)])), 3.0);
    assert_eq!(circuit.instances[1].params[0].1, Number::Fixed(12.0));
    let Some(Waveform::Sin(sin)) = &circuit.sources[0].waveform else { panic!("no sine") };
    let now = values(&circuit, &[("rr", 4.0)]);
    let shown: Vec<Option<f64>> = sin.iter().map(|n| n.map(|n| now.of(n))).collect();
    assert_eq!(shown, [Some(0.0), Some(8.0), Some(0.25), None, None, None]);

    let (circuit, _) = deck(text, &[("RR".to_string(), 5.0)]);
    let circuit = circuit.expect("a circuit");
    assert_eq!(parameter(&circuit, "r1", "r", &values(&circuit, &[])), 80.0);
    let (_, shown) = deck(text, &[("rrx".to_string(), 5.0)]);
    assert!(shown.contains("there is no parameter `rrx`") && shown.contains("did you mean `rr`"), "{shown}");
}

#[test]
fn every_letter_becomes_its_module() {
    let circuit = good(
        "V1 a 0 1
         R1 a b 1k tc1=1m temp=85
         C1 b 0 1u ic=0.5
         L1 b c 1m ic=1m
         L2 c 0 4m
         L3 c 0 9m
         K1 L1 L2 L3 0.5
         E1 d 0 a b 2
         G1 d 0 a b 3
         F1 d 0 V1 4
         H1 e 0 E1 5
         D1 e 0 dd 2
         M1 a b 0 0 nn w=2u l=1u
         S1 a b c 0 sw
         R2 e 0 1
         .model dd d(is=1f)
         .model nn nmos(vto=0.7 level=1)
         .model sw sw(ron=1 roff=1meg vt=0.5)
         ",
    );
    let of = |name: &str| {
        let card = circuit.instances.iter().find(|i| i.name == name).expect("the instance");
        (circuit.models[card.model as usize].name.as_str(), card)
    };
    let modules = ["resistor", "capacitor", "inductor", "vcvs", "vccs", "cccs", "ccvs", "diode", "nmos", "switch"];
    for (name, module) in ["R1", "C1", "L1", "E1", "G1", "F1", "H1", "D1", "M1", "S1"].into_iter().zip(modules) {
        assert_eq!(of(name).0, module);
    }
    let now = values(&circuit, &[]);
    assert_eq!(of("C1").1.initial, Some(Number::Fixed(0.5)));
    assert_eq!(of("R1").1.temperature, Some(Number::Fixed(85.0)));
    assert_eq!(of("F1").1.terminals[2], Terminal::SourceCurrent(0));
    let e1 = circuit.instances.iter().position(|i| i.name == "E1").expect("E1") as u32;
    assert_eq!(of("H1").1.terminals[2], Terminal::InstanceCurrent(e1));
    assert_eq!(parameter(&circuit, "d1", "area", &now), 2.0);
    let couplings: Vec<&_> = circuit.instances.iter().filter(|i| circuit.models[i.model as usize].name == "mutual").collect();
    assert_eq!(couplings.len(), 3, "three pairs of three inductors");
    let l = |k: usize| (couplings[k].params[1].1, couplings[k].params[2].1);
    let fixed = |a, b| (Number::Fixed(a), Number::Fixed(b));
    assert_eq!([l(0), l(1), l(2)], [fixed(1e-3, 4e-3), fixed(1e-3, 9e-3), fixed(4e-3, 9e-3)]);
}

#[test]
fn modules_are_found_by_card_and_by_name() {
    let circuit = good(
        ".hdl \"mem.va\"
         .model card MEM(ron=50 kind=\"hard\")
         .subckt mem2 a b
         X1 a b mem ron=10
         .ends
         V1 a 0 1
         X1 a b card x0=0.3
         N2 b c mem RON=70 m=2
         X3 c 0 mem2
         ",
    );
    assert_eq!(instances(&circuit), ["X1", "N2", "X3.X1"]);
    let now = values(&circuit, &[]);
    let ron: Vec<f64> = instances(&circuit).iter().map(|i| parameter(&circuit, i, "ron", &now)).collect();
    assert_eq!(ron, [50.0, 70.0, 10.0]);
    assert_eq!(circuit.models.len(), 1);
    let strings = &circuit.models[0].strings;
    assert_eq!(strings[parameter(&circuit, "x1", "kind", &now) as usize], "hard");
    assert_eq!(now.of(circuit.instances[1].multiplicity), 2.0);
    assert_eq!(saved(&circuit), ["v(a)", "v(b)", "v(c)", "i(V1)", "X1.state", "N2.state", "X3.X1.state"]);
}

#[test]
fn sources_of_one_shape_share_a_model() {
    let circuit = good(
        ".param k=3
         .func sq(x) {x*x}
         V1 a 0 1
         R1 b 0 1
         R2 c 0 1
         B1 0 b i=2*v(a)+k*sq(v(b,c))**2+i(v1)
         B2 0 c I={5*v(b)+7*sq(v(c,a))**2+i(V1)} m=4
         B3 d 0 v=time*temper+v(0,a)
         R3 d 0 1
         E4 e 0 value={v(a)*2}
         G5 0 e poly(1) (a,0) 1 2
         R4 e 0 1
         ",
    );
    let of = |name: &str| circuit.instances.iter().find(|i| i.name == name).expect("the instance");
    assert_eq!(of("B1").model, of("B2").model);
    assert_eq!(
        of("B1").terminals[..],
        [Terminal::Ground, Terminal::Node(1), Terminal::Node(0), Terminal::Node(1), Terminal::Node(2), Terminal::SourceCurrent(0)]
    );
    // i = 2 v(a) + k (v(b,c)^2)^2 + i(v1) by the function of the model, at v(a) = 1, v(b,c) = 2, i(v1) = 0.25.
    let model = &circuit.models[of("B1").model as usize];
    let now = values(&circuit, &[("k", 10.0)]);
    let params: Vec<f64> = of("B1").params.iter().map(|(_, n)| now.of(*n)).collect();
    let probes = [1.0, 2.0, 0.25];
    let out = interp::evaluate(&model.function, &|input| match input {
        Input::Param(k) => params[k as usize],
        Input::Probe(k) => probes[k as usize],
        other => panic!("{other:?}"),
    });
    assert_eq!(out, [2.0 + 10.0 * 16.0 + 0.25]);
    // The row of a voltage source: v(d) - (time temper - v(a)) = 0.
    let model = &circuit.models[of("B3").model as usize];
    assert_eq!(model.unknowns.len(), 4);
    let params: Vec<f64> = of("B3").params.iter().map(|(_, n)| now.of(*n)).collect();
    let out = interp::evaluate(&model.function, &|input| match input {
        Input::Param(k) => params[k as usize],
        Input::Probe(k) => [7.0, 0.5, 3.0][k as usize],
        Input::Time => 2.0,
        other => panic!("{other:?}"),
    });
    assert_eq!(out, [7.0 - (2.0 * 27.0 - 3.0), 0.5]);
}

#[test]
fn many_sources_of_one_shape_are_one_model() {
    let mut text = String::from("V1 n0 0 1\n");
    for k in 0..200 {
        text += &format!("B{k} 0 n{} i={{v(n{k})*{}+{k}m}}\nR{k} n{} 0 1\n", k + 1, k + 2, k + 1);
    }
    let circuit = good(&text);
    assert_eq!(circuit.models.len(), 2);
}

#[test]
fn results_have_one_name() {
    let circuit = good(
        ".hdl \"mem.va\"
         .param rload=10
         V1 a 0 1
         X1 a b mem
         R1 b 0 {rload}
         M1 a b 0 0 nn
         .model nn nmos
         .save v(A) V(a,B) i(x1) x1.state v(X1.State) @x1[RES] i(m1,d) i(M1.g) i(v1) v(x1.p) @x1[ron]
         .print tran {v(a)/rload} p(r1) vdb(b)
         .plot tran i(x1) vs v(a) v(b) title=\"A b\" xlog xmin={2*rload}
         ",
    );
    assert_eq!(
        saved(&circuit),
        [
            "v(a)",
            "v(a,b)",
            "i(X1)",
            "X1.state",
            "@X1[res]",
            "i(M1.d)",
            "i(M1.g)",
            "i(V1)",
            "@X1[ron]",
            "v(a)/rload",
            "p(r1)",
            "vdb(b)",
            "v(b)"
        ]
    );
    let kind = |name: &str| &circuit.outputs.iter().find(|o| o.name == name).expect("the output").kind;
    assert_eq!(*kind("i(M1.d)"), OutputKind::PortCurrent { instance: 2, port: 0 });
    assert_eq!(*kind("@X1[ron]"), OutputKind::Number(Number::Fixed(100.0)));
    let OutputKind::Expression { arguments, .. } = kind("v(a)/rload") else { panic!("no expression") };
    assert_eq!(arguments.len(), 2, "the parameter stays live");
    let OutputKind::Expression { arguments, .. } = kind("vdb(b)") else { panic!("no expression") };
    assert_eq!(arguments[0].1, Part::Decibel);
    let power = circuit.outputs.iter().find(|o| o.name == "p(r1)").expect("the power");
    assert_eq!((power.quantity.as_str(), power.unit.as_str()), ("power", "W"));
    let plot = &circuit.plots[0];
    assert_eq!(plot.analysis.as_deref(), Some("tran"));
    assert_eq!(plot.curves.len(), 2);
    assert_eq!(circuit.outputs[plot.curves[0].x.expect("an abscissa") as usize].name, "v(a)");
    assert!(plot.settings.flag("xlog"));
    assert_eq!(plot.settings.named_number("xmin", 0.0), Ok(20.0));
    assert_eq!(plot.settings.named("title").map(|a| a.text.as_str()), Some("A b"));
}

#[test]
fn expressions_of_results_compute() {
    let circuit = good(
        ".param k=4
         V1 a 0 1
         R1 a b 1
         R2 b 0 2
         .print {max(v(a), k*v(b)) + i(r1)**2}
         ",
    );
    let last = &circuit.outputs[*circuit.saved.last().expect("a column") as usize];
    let OutputKind::Expression { function, arguments } = &last.kind else { panic!("no expression") };
    let names: Vec<&str> = arguments.iter().map(|(k, _)| circuit.outputs[*k as usize].name.as_str()).collect();
    assert_eq!(names, ["v(a)", "k", "v(b)", "i(R1)"]);
    assert_eq!(evaluate(function, &[1.0, 4.0, 0.5, 3.0]), [11.0]);
}

#[test]
fn without_save_everything_is_saved() {
    let circuit = good("V1 a 0 1\nR1 a b 1\nL1 b c 1m\nE1 c 0 a b 2\nI1 b 0 1m\nB1 b 0 v=v(a)/2\nD1 b 0 dd\n.model dd d(rs=1)\n");
    assert_eq!(saved(&circuit)[..5], ["v(a)", "v(b)", "v(c)", "i(V1)", "i(I1)"]);
    for name in ["i(L1)", "i(E1)", "i(B1)"] {
        assert!(saved(&circuit).contains(&name), "{name} in {:?}", saved(&circuit));
    }
}

#[test]
fn large_circuits_save_what_is_named() {
    let mut text = String::from("V1 n0 0 1\n");
    for k in 0..2100 {
        text += &format!("R{k} n{k} n{} 1\n", k + 1);
    }
    text += "Rend n2100 0 1\n.print v(n7)\n";
    let (circuit, shown) = deck(&text, &[]);
    assert_eq!(saved(&circuit.expect("a circuit")), ["v(n7)"]);
    assert!(shown.contains("2102 unknowns"), "{shown}");
}

#[test]
fn steps_make_series() {
    let series = |card: &str| {
        let circuit = good(&format!(".param r=1 c=1\nV1 a 0 1\nR1 a 0 {{r}}\n.step {card}\n"));
        (circuit.steps[0].name.clone(), circuit.steps[0].values.clone())
    };
    let r = |v: &[f64]| ("r".to_string(), v.to_vec());
    assert_eq!(series("param r 1 2 0.5"), r(&[1.0, 1.5, 2.0]));
    assert_eq!(series("R 3 1 -1"), r(&[3.0, 2.0, 1.0]));
    assert_eq!(series("param r lin 0 1 0.1").1.len(), 11);
    assert_eq!(series("lin param r 0 {2*c} 1"), r(&[0.0, 1.0, 2.0]));
    assert_eq!(series("r list 5 {c} 7k"), r(&[5.0, 1.0, 7000.0]));
    assert_eq!(series("param r oct 1 1 8"), r(&[1.0, 2.0, 4.0, 8.0]));
    let decade = series("r dec 2 1 100").1;
    let wanted = [1.0, 10f64.sqrt(), 10.0, 10.0 * 10f64.sqrt(), 100.0];
    // Powers are rounded.
    assert!(decade.len() == 5 && decade.iter().zip(wanted).all(|(a, b)| (a / b - 1.0).abs() < 1e-14), "{decade:?}");
    assert_eq!(series("dec param r 1 100 2").1, decade);
    assert_eq!(series("temp -50 100 50"), ("temp".to_string(), vec![-50.0, 0.0, 50.0, 100.0]));
    assert_eq!(series("V1 0 1 1"), ("v1".to_string(), vec![0.0, 1.0]));
    assert_eq!(series("R1.tc1 list 1 2"), ("r1.tc1".to_string(), vec![1.0, 2.0]));
}

#[test]
fn overrides_reach_sources_and_devices() {
    let text = "V1 a 0 sin(0 1 1k)\nX1 a 0 cell\n.subckt cell a b\nR1 a b 1k tc1=1m\n.ends\n";
    let set = [("v1".to_string(), 5.0), ("x1.r1".to_string(), 7.0), ("X1.R1.tc2".to_string(), 1e-6)];
    let (circuit, shown) = deck(text, &set);
    let circuit = circuit.unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(circuit.sources[0].dc, Some(Number::Fixed(5.0)));
    let now = values(&circuit, &[]);
    assert_eq!(parameter(&circuit, "x1.r1", "r", &now), 7.0);
    assert_eq!(parameter(&circuit, "x1.r1", "tc2", &now), 1e-6);
    let (_, shown) = deck(text, &[("x1.r1".to_string(), 0.0)]);
    assert!(shown.contains("out of range"), "{shown}");
}

#[test]
fn cards_say_which_roots_they_depend_on() {
    let circuit = good(
        ".param f=1k period={1/f} r=1 other=2
         V1 a 0 1
         R1 a 0 {r}
         .tran 1n {10*period}
         .measure tran x find v(a) at={other}
         ",
    );
    assert_eq!(circuit.card_roots, ["f", "period", "other"]);
}

#[test]
fn analyses_get_numbers() {
    let circuit = good(
        ".param f=1k vs=2
         V1 a 0 {vs}
         R1 a 0 1
         .tran 1n {10/f} uic
         .dc vs 0 1 1m mode=back
         .ac dec 10 1 {f*1k}
         .op
         ",
    );
    let keywords: Vec<&str> = circuit.analyses.iter().map(|a| a.keyword.as_str()).collect();
    assert_eq!(keywords, ["tran", "dc", "ac", "op"]);
    assert_eq!(circuit.analyses[0].number(1, "stop"), Ok(0.01));
    assert!(circuit.analyses[0].flag("uic"));
    assert_eq!(circuit.analyses[1].items[0].text, "vs");
    assert_eq!(circuit.analyses[1].named("mode").map(|a| a.text.as_str()), Some("back"));
    assert!(circuit.analyses[2].flag("dec"));
    assert_eq!(circuit.analyses[2].number(3, "last"), Ok(1e6));
}

#[test]
fn measures_have_words() {
    let circuit = good(
        ".param half=0.5
         V1 a 0 1
         R1 a b 1
         R2 b 0 1
         .meas tran t1 trig v(a) val={half} rise=1 targ v(b) val='half/2' fall=last
         .meas tran y find {v(a)-v(b)} when v(b)=0.25 cross=2
         .meas tran z avg i(r1) from=1n to=2u
         .meas tran p param='t1*2+y*half'
         ",
    );
    assert_eq!(circuit.measures.len(), 4);
    let shown = |k: usize| -> Vec<String> {
        let word = |w: &MeasureWord| match w {
            MeasureWord::Word(text, _) => text.clone(),
            MeasureWord::Number(number, _) => number.to_string(),
            MeasureWord::Column(column, _) => circuit.outputs[*column as usize].name.clone(),
            MeasureWord::Key(key, _) => format!("{key}="),
            MeasureWord::Equals(_) => "=".to_string(),
            MeasureWord::Formula(_, names, _) => format!("f({})", names.join(",")),
        };
        circuit.measures[k].words.iter().map(word).collect()
    };
    assert_eq!(shown(0), ["trig", "v(a)", "val=", "0.5", "rise=", "1", "targ", "v(b)", "val=", "0.25", "fall=", "last"]);
    assert_eq!(shown(1), ["find", "v(a)-v(b)", "when", "v(b)", "=", "0.25", "cross=", "2"]);
    assert_eq!(
        shown(2),
        ["avg", "i(R1)", "from=", "1e-9", "to=", "2e-6"].map(|s| if s == "1e-9" {
            "0.000000001".into()
        } else if s == "2e-6" {
            "0.000002".to_string()
        } else {
            s.to_string()
        })
    );
    assert_eq!(shown(3), ["param=", "f(t1,y)"]);
    let MeasureWord::Formula(function, ..) = &circuit.measures[3].words[1] else { panic!("no formula") };
    assert_eq!(evaluate(function, &[3.0, 4.0]), [8.0]);
}

#[test]
fn start_values_find_their_unknowns() {
    let circuit = good(
        ".hdl \"mem.va\"
         .param v0=2
         V1 a 0 1
         X1 a b mem
         L1 b c 1m
         R1 c 0 1
         .ic v(b)={v0} x1.state=0.3 v(X1.STATE)=0.4 i(L1)=1m i(v1)=2m
         .nodeset c=1
         ",
    );
    let targets: Vec<StartTarget> = circuit.initial.iter().map(|s| s.unknown).collect();
    assert_eq!(
        targets,
        [
            StartTarget::Terminal(Terminal::Node(1)),
            StartTarget::Unknown(0, 2),
            StartTarget::Unknown(0, 2),
            StartTarget::Terminal(Terminal::InstanceCurrent(1)),
            StartTarget::Terminal(Terminal::SourceCurrent(0)),
        ]
    );
    assert_eq!(circuit.nodesets[0].unknown, StartTarget::Terminal(Terminal::Node(2)));
}

#[test]
fn current_sources_count_their_multiplicity() {
    let circuit = good("I1 0 a 1m ac 1 90 sin(0 2 1k) m=3\nR1 a 0 1\nV1 b 0 pwl file=\"wave.csv\" r=0 td=1n\nR2 b 0 1\n");
    let source = &circuit.sources[0];
    assert_eq!(source.kind, SourceKind::Current);
    assert_eq!(source.dc, Some(Number::Fixed(3e-3)));
    assert_eq!(source.ac, Some((Number::Fixed(3.0), Number::Fixed(90.0))));
    let Some(Waveform::Sin(sin)) = &source.waveform else { panic!("no sine") };
    assert_eq!(sin[1..3], [Some(Number::Fixed(6.0)), Some(Number::Fixed(1e3))]);
    let Some(Waveform::Pwl { points, repeat, delay }) = &circuit.sources[1].waveform else { panic!("no pwl") };
    assert_eq!(points.len(), 3);
    assert_eq!(points[1], (Number::Fixed(1e-6), Number::Fixed(1.0)));
    assert_eq!((*repeat, *delay), (Some(Number::Fixed(0.0)), Number::Fixed(1e-9)));
}

#[test]
fn islands_are_found() {
    let circuit = good("V1 a 0 1\nC1 a b 1n\nC2 b 0 1n\nC3 b c 1n\nR1 c d 1\nC4 d 0 1n\nR2 a 0 1\n");
    assert_eq!(circuit.islands, [1, 2, 3]);
    // A floating gate that drives a transistor is one; the output of a controlled source that watches it is none.
    let circuit = good("V1 a 0 1\nC1 a g 1n\nM1 d g 0 0 nn\nR1 a d 1k\n.model nn nmos(cgso=1p)\n");
    let names: Vec<&str> = circuit.islands.iter().map(|n| circuit.nodes[*n as usize].name.as_str()).collect();
    assert_eq!(names, ["g"]);
    let circuit = good("V1 in 0 1\nR1 in m 1k\nG1 0 x in m 1\nC1 x 0 1\nG2 m 0 x 0 1\n");
    assert!(circuit.islands.is_empty());
}

#[test]
fn loops_of_inductors_are_anchored() {
    let circuit = good("V1 a 0 1\nR1 a b 1\nL1 b 0 1m\nL2 b 0 1m\nL3 b 0 1m\n");
    let names: Vec<&str> = circuit.loops.iter().map(|i| circuit.instances[*i as usize].name.as_str()).collect();
    assert_eq!(names, ["L2", "L3"]);
}

#[test]
fn capacitor_loops_are_index_two() {
    let circuit = good("V1 a 0 1\nC1 a b 1n\nV2 b 0 1\nV3 c 0 1\nR3 c d 1\nC3 d 0 1n\nE1 e 0 a c 1\nC4 e 0 1n\nR4 e 0 1\n");
    let e1 = circuit.instances.iter().position(|i| i.name == "E1").expect("E1") as u32;
    assert_eq!(circuit.index2, [Terminal::SourceCurrent(0), Terminal::SourceCurrent(1), Terminal::InstanceCurrent(e1)]);
}

#[test]
fn options_are_read() {
    let circuit = good(
        ".param tol=1e-5
         V1 a 0 1
         R1 a 0 1
         .options reltol={tol} abstol=1p vntol=1u trtol=2 gmin=1e-13 method=gear maxord=4 itl1=300 temp=40 tnom=25 seed=7 ppp=80
         ",
    );
    let o = &circuit.options;
    assert_eq!((o.reltol, o.abstol, o.vntol, o.trtol), (Some(1e-5), 1e-12, 1e-6, Some(2.0)));
    assert_eq!((o.gmin, o.method.as_deref(), o.maxord, o.itl1), (1e-13, Some("gear"), Some(4), 300));
    assert_eq!((o.temp, o.tnom, o.seed, o.ppp), (40.0, 25.0, 7, 80.0));
}

/// Ten thousand devices take no noticeable time; the limit is a hundred times what was measured (debug build).
#[test]
fn size_is_no_trouble() {
    let mut text = String::from(".param r=1\n.subckt cell a b\nR1 a m {r}\nR2 m b {2*r}\n.ends\nV1 n0 0 1\n");
    for k in 0..5000 {
        text += &format!("X{k} n{k} n{} cell\n", k + 1);
    }
    text += "Rend n5000 0 1\n";
    let start = std::time::Instant::now();
    let circuit = good(&text);
    assert_eq!(circuit.instances.len(), 10001);
    assert!(start.elapsed().as_secs_f64() < 20.0, "{:?}", start.elapsed());
}

/// Nothing that can be written ends in anything but a message.
#[test]
fn depth_and_size_end_in_messages() {
    let chain = |n: usize| -> String { (0..n).map(|k| format!(".param a{k}={{a{}+1}}\n", k + 1)).collect() };
    let (_, shown) = deck(&format!("{}.param a5000=1\nV1 a 0 {{a0}}\nR1 a 0 1\n", chain(5000)), &[]);
    assert!(shown.contains("chain of 300 parameters"), "{}", &shown[..shown.len().min(500)]);
    let backwards: String = (0..5000).rev().map(|k| format!(".param a{k}={{a{}+1}}\n", k + 1)).collect();
    let circuit = good(&format!(".param a5000=1\n{backwards}V1 a 0 {{a0}}\nR1 a 0 1\n"));
    assert_eq!(circuit.roots.len(), 5002);

    let nest: String = (0..1000).map(|k| format!(".subckt s{k} a\nX1 a s{}\n.ends\n", k + 1)).collect();
    let (_, shown) = deck(&format!("{nest}.subckt s1000 a\nR1 a 0 1\n.ends\nV1 a 0 1\nX1 a s0\n"), &[]);
    assert!(shown.contains("more than 200 deep"), "{}", &shown[..shown.len().min(500)]);

    let sum = vec!["v(a)"; 900].join("+");
    let circuit = good(&format!("V1 a 0 1\nR1 a b 1\nB1 b 0 i={sum}\n.print {{{sum}}}\n"));
    assert_eq!(circuit.instances.len(), 2);
    let bomb: String = (0..20).map(|k| format!(".func f{}(x) {{f{k}(x)+f{k}(x)}}\n", k + 1)).collect();
    let (_, shown) = deck(&format!(".func f0(x) {{x}}\n{bomb}V1 a 0 1\nR1 a 0 {{f20(1)}}\n"), &[]);
    assert!(shown.contains("too large"), "{shown}");
    let (_, shown) = deck(&format!(".func f0(x) {{x}}\n{bomb}V1 a 0 1\nR1 a b 1\nB1 b 0 i=f20(v(a))\n"), &[]);
    assert!(shown.contains("too large"), "{shown}");
    let doubled = format!("{}v(a){}", "g(".repeat(60), ")".repeat(60));
    let (_, shown) = deck(&format!(".func g(x) {{x+x}}\nV1 a 0 1\nR1 a b 1\nB1 b 0 i={doubled}\n"), &[]);
    assert!(shown.contains("too large"), "{shown}");
}

#[test]
fn edges_of_no_length_are_named() {
    let (circuit, shown) = deck("V1 a 0 pulse(0 1 0 0 0 0.5u 1u)\nR1 a 0 1\n.tran 1n 10u\n", &[]);
    assert!(circuit.is_some() && shown.contains("the duty is 50.1000 %"), "{shown}");
    let (_, shown) = deck("V1 a 0 pulse(0 1 0 1n 1n 0.5u 1u)\nR1 a 0 1\n.tran 1n 10u\n", &[]);
    assert!(shown.is_empty(), "{shown}");
}

#[test]
fn defaults_are_checked_against_ranges_that_move() {
    let (circuit, shown) = deck(".hdl \"mem.va\"\nV1 a 0 1\nX1 a 0 mem ron=20k\n", &[]);
    assert!(circuit.is_none() && shown.contains("`roff` = 16000"), "{shown}");
}

#[test]
fn currents_inside_subcircuits_control() {
    let circuit = good(
        "V0 a 0 1
         F1 0 b x1.V1 2
         B1 0 c i=2*i(X1.xy.e1)+i(x1.v1)
         R1 b 0 1
         R2 c 0 1
         X1 a sub
         .subckt sub a
         V1 a m 0
         XY m inner
         R1 m 0 1
         .ends
         .subckt inner a
         E1 p 0 a 0 1
         R1 p 0 1
         .ends
         ",
    );
    let of = |name: &str| circuit.instances.iter().find(|i| i.name == name).expect("the instance");
    let v1 = circuit.sources.iter().position(|s| s.name == "X1.V1").expect("the source") as u32;
    let e1 = circuit.instances.iter().position(|i| i.name == "X1.XY.E1").expect("the instance") as u32;
    assert_eq!(of("F1").terminals[2], Terminal::SourceCurrent(v1));
    assert_eq!(of("B1").terminals[2..], [Terminal::InstanceCurrent(e1), Terminal::SourceCurrent(v1)]);
    let (_, shown) = deck("V0 a 0 1\nR1 a b 1\nF1 0 b x1.v7 2\nX1 b s\n.subckt s a\nV1 a m 0\nR1 m 0 1\n.ends\n", &[]);
    assert!(shown.contains("there is no element `x1.v7`") && shown.contains("did you mean `X1.V1`"), "{shown}");
}

/// The operating point of a deck with one of every kind of controlled source, against values by hand.
#[test]
fn controlled_sources_solve() {
    let circuit = good(
        ".param g=2
         V1 a 0 3
         R1 a b 1k
         B1 b 0 i={1m*v(b)**2}
         R2 b 0 1k
         E1 c 0 poly(2) (a,0) (b,0) 1 2 3
         R3 c 0 1k
         F1 0 d V1 10
         R4 d 0 1k
         H1 e 0 E1 1k
         R5 e 0 1k
         B2 f 0 v=v(a)*v(b)+v(c)
         R6 f 0 1
         B3 h 0 v=-10*v(k)
         R9 h k 1k
         R8 k 0 1k m={g}
         I1 0 k 1m
         C1 a z 1u
         C2 z 0 1u
         G1 0 y a b 1m
         R7 y 0 1k
         .print p(r1) {g*v(a)} i(b2)
         .op
         ",
    );
    let card = circuit.analyses[0].clone();
    let mna = Mna::new(circuit).expect("equations");
    let entry = TABLE.iter().find(|e| e.keyword == "op").expect("the analysis");
    let op = (entry.parse)(&card, &mna).expect("its arguments");
    let tolerances = Tolerances { reltol: 1e-6, trtol: 1.0, static_iterations: 200, step_iterations: 50 };
    let env = Env {
        tolerances,
        reltol_given: false,
        method: None,
        newton: memspice::solve::Effort::Auto,
        maxord: None,
        points_per_period: 50.0,
        stop: &AtomicBool::new(false),
        progress: &|_| {},
        params: mna.params(),
        keys: Vec::new(),
    };
    let mut data = Dataset::default();
    op.run(&mna, &env, &mut data).1.expect("an operating point");
    // 3 - v(b) = v(b)^2 + v(b) gives v(b) = 1; -11 v(k) + 1 = 2 v(k) gives v(k) = 1/13.
    let wanted = [
        ("v(b)", 1.0),
        ("v(c)", 10.0),
        ("v(d)", -20.0),
        ("v(e)", -10.0),
        ("v(f)", 13.0),
        ("v(k)", 1.0 / 13.0),
        ("v(z)", 1.5),
        ("v(y)", 2.0),
        ("p(r1)", 4e-3),
        ("g*v(a)", 6.0),
        ("i(B2)", -13.0),
    ];
    for (name, value) in wanted {
        let found = data.real(name).unwrap_or_else(|| panic!("no {name}"))[0];
        // Newton goes on until the update stops falling: rounding remains, of numbers up to 13.
        assert!((found - value).abs() < 1e-9, "{name} = {found}, not {value}");
    }
}
