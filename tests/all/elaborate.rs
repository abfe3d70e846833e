//! Decks to circuits: hierarchy, parameters, devices, results, and what is said about mistakes.

use std::path::Path;
use std::sync::Arc;

use memspice::circuit::elaborate::elaborate;
use memspice::circuit::{Circuit, Number, Terminal};
use memspice::diag;
use memspice::ir::{Builder, Input, Op, Type};
use memspice::model::library::Library;
use memspice::model::{Contribution, Formula, LocalUnknown, Model, Param, ParamKind, Probe, UnknownKind};
use memspice::netlist;
use memspice::span::{MemoryFiles, Sources, Span};

fn unknown(name: &str, kind: UnknownKind) -> LocalUnknown {
    LocalUnknown {
        name: name.into(),
        kind,
        quantity: "voltage".into(),
        unit: "V".into(),
        abstol: 1e-6,
        residual_abstol: 1e-12,
        start: None,
        held: false,
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
        span: Span::default(),
    }
}

fn param(name: &str) -> Param {
    Param {
        name: name.into(),
        kind: ParamKind::Real,
        default: Formula::Number(1.0),
        ranges: Vec::new(),
        description: String::new(),
        unit: String::new(),
        local: false,
        instance: false,
        span: Span::default(),
    }
}

/// Two terminals, one parameter: i = v p.
fn two_terminal(name: &str, main: &str, charge: bool) -> Arc<Model> {
    let mut b = Builder::new();
    let (v, p) = (b.input(Input::Probe(0), Type::Real), b.input(Input::Param(0), Type::Real));
    let f = b.op(Op::Mul, &[v, p]);
    Arc::new(Model {
        name: name.into(),
        ports: 2,
        unknowns: vec![unknown("p", UnknownKind::Port), unknown("n", UnknownKind::Port)],
        params: vec![param(main)],
        probes: vec![Probe { plus: 0, minus: Some(1), limit: None }],
        contributions: vec![Contribution {
            plus: 0,
            minus: Some(1),
            f: (!charge).then_some(0),
            q: charge.then_some(0),
            span: Span::default(),
        }],
        function: b.finish(vec![f]),
        ..Model::default()
    })
}

fn run(text: &str) -> (Option<Circuit>, String) {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("deck.cir"), text.to_string());
    let (deck, mut found) = netlist::parse(&mut sources, file);
    let mut library = Library::new();
    library.add(two_terminal("resistor", "r", false));
    library.add(two_terminal("capacitor", "c", true));
    let (circuit, more) = elaborate(&deck, &mut library, &mut sources, &[]);
    found.extend(more);
    let shown = diag::render(&found, &sources, false);
    (circuit, shown)
}

#[test]
fn subcircuits_unfold() {
    let (circuit, shown) = run("title
.param rr=1k k={rr*2}
.subckt half a b r=1
R1 a mid {r}
R2 mid b {r*2} m=3
.ends
V1 in 0 sin(0 {k} 1k)
X1 in out half r={k} m=2
X2 out 0 half
B1 out 0 i=v(in)*3+k*v(x1.mid)**2
C1 out 0 1u ic=0.5
.tran 1n {10*k} uic
.step param rr list 1k 2k
.print tran v(in)/2 v(x1.mid,out)
.measure tran x max v(out) from=1n
.end
");
    println!("{shown}");
    let circuit = circuit.expect("a circuit");
    let names: Vec<&str> = circuit.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["in", "out", "x1.mid", "X2.mid"]);
    assert_eq!(circuit.instances[2].terminals, [Terminal::Node(0), Terminal::Node(2)]);
    assert!(matches!(circuit.instances[2].params[0].1, Number::Output(_)));
}
