//! Decks to trees: form by form, and expressions to numbers.

use std::path::Path;

use memspice::diag::{self, Diagnostic, Severity};
use memspice::ir::{Builder, Value};
use memspice::netlist;
use memspice::netlist::ast::{Assignment, Card, Deck, Element, Expr, ExprKind, Field, FunctionCard, Name};
use memspice::netlist::lower::{self, Resolve};
use memspice::span::{MemoryFiles, Sources};

/// Parses `text` as `deck.cir`, with further files.
pub fn parse_with(text: &str, files: &[(&str, &str)]) -> (Deck, Vec<Diagnostic>, Sources) {
    let memory = files.iter().map(|(path, text)| (Path::new(path).to_path_buf(), text.as_bytes().to_vec())).collect();
    let mut sources = Sources::new(Box::new(MemoryFiles(memory)));
    let file = sources.add(Path::new("deck.cir"), text.to_string());
    let (mut deck, diagnostics) = netlist::parse(&mut sources, file);
    deck.unpack(&sources);
    (deck, diagnostics, sources)
}

/// Parses a deck that must be without any message.
pub fn good(text: &str) -> Deck {
    let (deck, diagnostics, sources) = parse_with(text, &[]);
    assert!(diagnostics.is_empty(), "{}", diag::render(&diagnostics, &sources, false));
    deck
}

#[test]
fn an_rc_deck() {
    let deck = good(
        "RC low pass\nV1 in 0 dc 0 pulse(0 1 0 1n 1n 5u 10u)\nR1 in out 1k\nC1 out 0 {1n*2} ic=0\n.tran 10n 20u uic\n.print v(out)\n.end\n",
    );
    assert_eq!(deck.title, "RC low pass");
    assert_eq!(deck.top.elements.len(), 3);
    assert_eq!(deck.top.elements[0].waveform.as_ref().unwrap().arguments.len(), 7);
    assert_eq!(deck.analyses[0].fields.len(), 3);
}

/// Looks names up in a list; functions of a deck's top level.
struct Names<'d> {
    values: Vec<(&'static str, f64)>,
    functions: &'d [FunctionCard],
}

impl<'d> Resolve<'d> for Names<'d> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let ExprKind::Name(name) = &leaf.kind else { return Ok(None) };
        let found = self.values.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        Ok(found.map(|(_, value)| builder.real(*value)))
    }

    fn function(&self, name: &str) -> Option<&'d FunctionCard> {
        self.functions.iter().find(|f| f.name.text.eq_ignore_ascii_case(name))
    }
}

/// The constant that `.param` number `index` of the deck is, earlier ones known by name.
fn value_of(deck: &Deck, index: usize, values: Vec<(&'static str, f64)>) -> Result<f64, Diagnostic> {
    let mut builder = Builder::new();
    let mut names = Names { values, functions: &deck.top.functions };
    let value = lower::lower(&deck.top.parameters[index].value, &mut builder, &mut names)?;
    Ok(builder.constant(value).unwrap_or(f64::NAN))
}

/// The number that `text` is, with x = 3 and y = -0.5.
fn number(text: &str) -> f64 {
    let deck = good(&format!("title\n.func cube(a)={{a**3}}\n.func twice(a,b) {{cube(a)+cube(b)}}\n.param p={{{text}}}\n"));
    value_of(&deck, 0, vec![("x", 3.0), ("y", -0.5)]).unwrap()
}

#[test]
fn expressions_have_their_values() {
    let cases = [
        ("1+2*3", 7.0),
        ("-2**2", -4.0),
        ("2**3**2", 512.0),
        ("2^-1", 0.5),
        ("(1+2)*3", 9.0),
        ("{1+2}*3", 9.0),
        ("7%4", 3.0),
        ("10/4/5", 0.5),
        ("1k+1meg", 1.001e6),
        ("4.7kohm", 4700.0),
        ("2.5e-3", 2.5e-3),
        (".5u", 0.5e-6),
        ("x>2?10:20", 10.0),
        ("x<2?10:x==3?30:40", 30.0),
        ("x>2 && y<0 || 0", 1.0),
        ("!(x>2)", 0.0),
        ("!x + 1", 1.0),
        ("x >= 3", 1.0),
        ("x != 3", 0.0),
        ("- - x", 3.0),
        ("+x", 3.0),
        ("X*2", 6.0),
        ("pi", std::f64::consts::PI),
        ("boltz/echarge", 1.380649e-23 / 1.602176634e-19),
        ("kelvin", -273.15),
        ("true+false", 1.0),
        ("sqrt(16)+abs(-1)", 5.0),
        ("log(e)", 1.0),
        ("log10(1000)", 3.0),
        ("atan2(1,1)*4", std::f64::consts::PI),
        ("min(3,1,2)+max(1,5)", 6.0),
        ("pow(2,10)", 1024.0),
        ("pwr(-2,3)", -8.0),
        ("pwr(-4,0.5)", -2.0),
        ("sgn(y)+sgn(0)+sgn(x)", 0.0),
        ("int(-2.7)+floor(-2.2)+ceil(1.1)", -3.0),
        ("nint(2.5)+round(-2.5)+nint(0.4)", 0.0),
        ("limit(7,0,5)+limit(-7,0,5)+limit(2,0,5)", 7.0),
        ("u(1)+u(0)+u(-1)+uramp(4)+uramp(-4)", 5.0),
        ("db(0.1)", -20.0),
        ("if(x>2, 5, 6)", 5.0),
        ("table(0.5, 0,0, 1,10, 2,0)", 5.0),
        ("table(1.5, 0,0, 1,10, 2,0)", 5.0),
        ("table(-9, 0,1, 1,10)", 1.0),
        ("table(9, 0,1, 1,10)", 10.0),
        ("table(1, 0,0, 1,0, 1,5, 2,5)", 0.0),
        ("table(1.001, 0,0, 1,0, 1,5, 2,5)", 5.0),
        ("cube(2)", 8.0),
        ("twice(1,2)+x", 12.0),
        ("cube(cube(2))", 512.0),
    ];
    for (text, wanted) in cases {
        let got = number(text);
        // Folded with the same functions of the standard library: a few units in the last place.
        assert!((got - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs(), "{text}: {got}, not {wanted}");
    }
}

#[test]
fn expressions_that_mean_nothing_are_named() {
    let cases = [
        ("nope+1", "unknown name `nope`"),
        ("sqr(2)", "unknown function `sqr`"),
        ("sqrt(1,2)", "`sqrt` is given 2 arguments"),
        ("cube(1,2)", "`cube` is given 2 arguments"),
        ("ddt(x)", "the function `ddt` is not supported yet"),
        ("loop(1)", "the function `loop` calls itself"),
        ("\"a\"+1", "the text \"a\" stands where a number is wanted"),
        ("table(1, 2,0, 1,0)", "the table's x falls from 2 to 1 at point 2"),
        ("table(1, 2,0, 1)", "a table needs pairs of numbers, not 3 of them"),
        ("v(a)", "there is no such voltage, current or variable"),
    ];
    for (text, wanted) in cases {
        let deck = good(&format!(
            "title\n.func cube(a)={{a**3}}\n.func loop(a)={{pool(a)}}\n.func pool(a)={{loop(a)}}\n.param p={{{text}}}\n"
        ));
        let error = value_of(&deck, 0, vec![("x", 3.0)]).unwrap_err();
        assert_eq!(error.message, wanted, "{text}");
    }
}

#[test]
fn functions_that_double_are_stopped() {
    let mut text = "title\n.func f0(a)={a+1}\n".to_string();
    for k in 1..60 {
        text += &format!(".func f{k}(a)={{f{}(a)+f{}(a)}}\n", k - 1, k - 1);
    }
    let deck = good(&(text + ".param p={f59(1)}\n"));
    assert!(value_of(&deck, 0, Vec::new()).unwrap_err().message.contains("too large"));
}

#[test]
fn the_deepest_trees_fit_on_the_stack() {
    let long = format!("{}1", "1+".repeat(900));
    assert_eq!(number(&long), 901.0);
    let nested = format!("{}1{}", "(".repeat(99), ")".repeat(99));
    assert_eq!(number(&nested), 1.0);
    let (_, diagnostics, _) = parse_with(&format!("title\n.param p={{{}1}}\n", "1+".repeat(100_000)), &[]);
    assert!(diagnostics[0].message.contains("levels"));
    for text in
        [format!("{}1", "(".repeat(100_000)), format!("1{}", "**1".repeat(100_000)), "1?".repeat(100_000), "-".repeat(100_000)]
    {
        let (_, diagnostics, _) = parse_with(&format!("title\n.param p={{{text}}}\n"), &[]);
        assert_eq!(diagnostics.len(), 1);
    }
}

// ---- forms ----

/// An expression as text with all brackets.
fn shown(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number(value) => format!("{value:e}"),
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Variable(device, name) => format!("@{device}[{name}]"),
        ExprKind::Call(name, arguments) => format!("{name}({})", arguments.iter().map(shown).collect::<Vec<_>>().join(", ")),
        ExprKind::Unary(op, inner) => format!("({op:?} {})", shown(inner)),
        ExprKind::Binary(op, a, b) => format!("({} {op:?} {})", shown(a), shown(b)),
        ExprKind::Ternary(c, a, b) => format!("({} ? {} : {})", shown(c), shown(a), shown(b)),
    }
}

fn assigned(list: &[Assignment]) -> String {
    list.iter().map(|a| format!(" {}={}", a.name.text, shown(&a.value))).collect()
}

fn joined(names: &[Name]) -> String {
    names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// An element in one line: letter, nodes, and what else is there.
fn element_shown(element: &Element) -> String {
    let mut out = format!("{}: {}", element.letter, joined(&element.nodes));
    for (label, names) in [("model", element.model.as_slice()), ("by", &element.controls), ("flags", &element.flags)] {
        if !names.is_empty() {
            out += &format!(" | {label} {}", joined(names));
        }
    }
    if let Some(value) = &element.value {
        out += &format!(" | value {}", shown(value));
    }
    if let Some((magnitude, phase)) = element.ac.as_deref() {
        out += &format!(" | ac {} {}", shown(magnitude), phase.as_ref().map_or("-".to_string(), shown));
    }
    if let Some(w) = &element.waveform {
        let arguments: Vec<String> = w.arguments.iter().map(shown).collect();
        out += &format!(" | {}({}){}", w.kind.text, arguments.join(" "), assigned(&w.named));
    }
    if !element.parameters.is_empty() {
        out += &format!(" |{}", assigned(&element.parameters));
    }
    out
}

#[test]
fn elements_of_every_form() {
    let cases = [
        ("R1 a b 10k", "r: a b | value 1e4"),
        ("R1 a b {rr}", "r: a b | value rr"),
        ("r1 (a b) 10k", "r: a b | value 1e4"),
        ("R1 a b r=10k", "r: a b | r=1e4"),
        ("R1 a b {r0*2} m=2 tc1=1m", "r: a b | value (r0 Multiply 2e0) | m=2e0 tc1=1e-3"),
        ("R1 a b 'r0*2'", "r: a b | value (r0 Multiply 2e0)"),
        ("R1 a b 2*r0", "r: a b | value (2e0 Multiply r0)"),
        ("R1 a b -1", "r: a b | value -1e0"),
        ("R1 a b rmod r=1k", "r: a b | model rmod | r=1e3"),
        ("R1 a b rmod 1k w=1u", "r: a b | model rmod | value 1e3 | w=1e-6"),
        ("R1 a b 1k rmod", "r: a b | model rmod | value 1e3"),
        ("R1 a b 1k tc=1m,2u", "r: a b | value 1e3 | tc1=1e-3 tc2=2e-6"),
        ("XN a b noisy tc=1m te=2u", "x: a b | model noisy | tc=1e-3 te=2e-6"),
        ("R1 n+ n- 4.7kohm", "r: n+ n- | value 4.7e3"),
        ("R1 a$b x1.c#d 1Meg", "r: a$b x1.c#d | value 1e6"),
        ("C1 a 0 1p ic=0", "c: a 0 | value 1e-12 | ic=0e0"),
        ("C1 a 0 c = 1p ic = {v0}", "c: a 0 | c=1e-12 ic=v0"),
        ("C1 a 0 q={1p*v(a)}", "c: a 0 | q=(1e-12 Multiply v(a))"),
        ("L1 a b 1u ic=1m", "l: a b | value 1e-6 | ic=1e-3"),
        ("K1 L1 L2 0.99", "k: L1 L2 | value 9.9e-1"),
        ("K1 L1 L2 L3 {kk}", "k: L1 L2 L3 | value kk"),
        ("K1 L1 L2 k=0.5", "k: L1 L2 | value 5e-1"),
        ("V1 a 0 5", "v: a 0 | value 5e0"),
        ("V1 a 0", "v: a 0"),
        ("V1 a 0 dc=5 ac=1,90", "v: a 0 | value 5e0 | ac 1e0 9e1"),
        ("V1 a 0 dc 5 ac 1 0 SIN(0 1 1k)", "v: a 0 | value 5e0 | ac 1e0 0e0 | sin(0e0 1e0 1e3)"),
        ("V1 a 0 ac sin 0 1 1k dc 2", "v: a 0 | value 2e0 | ac 1e0 - | sin(0e0 1e0 1e3)"),
        ("V1 a 0 SINE (0, {amp}, '1/t')", "v: a 0 | sin(0e0 amp (1e0 Divide t))"),
        ("I1 a 0 pulse(0 1 0 1n 1n 5n 10n 3)", "i: a 0 | pulse(0e0 1e0 0e0 1e-9 1e-9 5e-9 1e-8 3e0)"),
        ("I1 a 0 exp(0 1 1n 2n)", "i: a 0 | exp(0e0 1e0 1e-9 2e-9)"),
        ("V1 a 0 PWL(0 0 1n 1, 2n 0) r=0 td=1n", "v: a 0 | pwl(0e0 0e0 1e-9 1e0 2e-9 0e0) r=0e0 td=1e-9"),
        ("V1 a 0 pwl((0 0) (1n -1))", "v: a 0 | pwl(0e0 0e0 1e-9 -1e0)"),
        ("V1 a 0 pwl file=\"x.csv\" r=1u", "v: a 0 | pwl() file=\"x.csv\" r=1e-6"),
        ("V1 a 0 pwl(file=../w/x.csv)", "v: a 0 | pwl() file=\"../w/x.csv\""),
        ("V1 a 0 sffm(0 1 1k 5 100) m=2", "v: a 0 | sffm(0e0 1e0 1e3 5e0 1e2) | m=2e0"),
        ("V1 a 0 am(1 0 1k 1meg)", "v: a 0 | am(1e0 0e0 1e3 1e6)"),
        ("V1 a 0 vdd", "v: a 0 | value vdd"),
        ("E1 a b c d 10", "e: a b c d | value 1e1"),
        ("E1 a b (c,d) {g}", "e: a b c d | value g"),
        ("E1 a b VCVS c d 10 m=1", "e: a b c d | value 1e1 | m=1e0"),
        ("E1 a b c d gain=3", "e: a b c d | value 3e0"),
        ("E1 a b value={v(c)*2}", "e: a b | v=(v(c) Multiply 2e0)"),
        ("E1 a b VALUE {v(c)}", "e: a b | v=v(c)"),
        ("E1 a b vol='v(c,d)**2'", "e: a b | v=(v(c, d) Power 2e0)"),
        ("G1 a b cur='i(v1)' m=3", "g: a b | i=i(v1) m=3e0"),
        ("G1 a b c d 1m", "g: a b c d | value 1e-3"),
        ("E1 a b POLY(1) c d 2", "e: a b | v=(2e0 Multiply v(c, d))"),
        ("E1 a b POLY(1) c d 1 2 3", "e: a b | v=((1e0 Add (2e0 Multiply v(c, d))) Add (3e0 Multiply (v(c, d) Power 2e0)))"),
        (
            "G1 a b poly(2) (c,0) (d,0) 0 0 0 1 2 3",
            "g: a b | i=(((1e0 Multiply (v(c, 0) Power 2e0)) Add ((2e0 Multiply v(c, 0)) Multiply v(d, 0))) Add (3e0 Multiply (v(d, 0) Power 2e0)))",
        ),
        ("F1 a b poly(2) v1 v2 1 0 2", "f: a b | i=(1e0 Add (2e0 Multiply i(v2)))"),
        ("H1 a b poly(1) v1 0 0", "h: a b | v=0e0"),
        ("E1 a b TABLE {v(c)} = (0,0) (1,2)", "e: a b | v=table(v(c), 0e0, 0e0, 1e0, 2e0)"),
        ("G1 a b table {v(c)} 0,0 1,{y} m=2", "g: a b | i=table(v(c), 0e0, 0e0, 1e0, y) m=2e0"),
        ("F1 a b vsense 10", "f: a b | by vsense | value 1e1"),
        ("H1 a b x1.vs {r}", "h: a b | by x1.vs | value r"),
        ("F1 a b CCCS vs 2", "f: a b | by vs | value 2e0"),
        ("B1 a b v={v(c)*2}", "b: a b | v=(v(c) Multiply 2e0)"),
        ("B1 a b I = v(c) * 2 + i(v1) tc1=1", "b: a b | i=((v(c) Multiply 2e0) Add i(v1)) tc1=1e0"),
        ("B1 a b v=time > 1n ? 1 : @x1[g]", "b: a b | v=((time Greater 1e-9) ? 1e0 : @x1[g])"),
        ("D1 a b dmod", "d: a b | model dmod"),
        ("D1 a b dmod 2 off", "d: a b | model dmod | flags off | value 2e0"),
        ("D1 a b dmod area=2 m=3", "d: a b | model dmod | area=2e0 m=3e0"),
        ("M1 d g s b nmos w=1u l={ll}", "m: d g s b | model nmos | w=1e-6 l=ll"),
        ("S1 a b c d sw on", "s: a b c d | model sw | flags on"),
        ("X1 a b cell", "x: a b | model cell"),
        ("X1 a b cell p=1 q={2*r}", "x: a b | model cell | p=1e0 q=(2e0 Multiply r)"),
        ("X1 (a b) cell PARAMS: p=1", "x: a b | model cell | p=1e0"),
        ("N1 a 0 nbox(rth=1k, t0=300)", "n: a 0 | model nbox | rth=1e3 t0=3e2"),
        ("X1 cell", "x:  | model cell"),
        ("X1 1 2 3 my_cell kind=\"fast\"", "x: 1 2 3 | model my_cell | kind=\"fast\""),
    ];
    for (text, wanted) in cases {
        let deck = good(&format!("title\n{text}\n"));
        assert_eq!(element_shown(&deck.top.elements[0]), wanted, "{text}");
    }
}

#[test]
fn lines_are_joined_and_comments_dropped() {
    let cases = [
        "R1 a b\n+ 10k",
        "R1 a\n* a comment\n\n   \n; another\n  + b 10k",
        "R1 a b 10k ; comment",
        "R1 a b 10k $ comment",
        "R1 a b 10k $comment",
        "$ comment\nR1 a b 10k",
        "R1 a b {10 *\n* no factor\n+ 1k}",
        "R1 a b 10k\r\n* comment\r",
        "  R1\ta\tb\t10k  ",
        "R1 a b '5k\n+ +5k'",
        "R1 a b ; comment\n+ 10k $ comment\n+ ; comment",
    ];
    for text in cases {
        let deck = good(&format!("title\n{text}\n.end\n"));
        assert_eq!(deck.top.elements.len(), 1, "{text}");
        assert_eq!(joined(&deck.top.elements[0].nodes), "a b", "{text}");
        let value = deck.top.elements[0].value.clone().unwrap();
        let mut builder = Builder::new();
        let result = lower::lower(&value, &mut builder, &mut Names { values: Vec::new(), functions: &[] }).unwrap();
        assert_eq!(builder.constant(result), Some(10e3), "{text}");
    }
    // A slash pair and a dollar sign inside of a word are part of it.
    assert_eq!(joined(&good("t\nR1 a//b n$1 1\n").top.elements[0].nodes), "a//b n$1");
}

#[test]
fn titles() {
    assert_eq!(good("* An RC circuit\nR1 a 0 1\n").title, "An RC circuit");
    assert_eq!(good("R1 a 0 1\nR2 a 0 1\n").top.elements.len(), 1);
    assert_eq!(good("t\n.title \"Another one\"\n").title, "Another one");
    assert_eq!(good("t\n.title Two words\n").title, "Two words");
}

#[test]
fn declarations() {
    let deck = good(
        "t\n.param a=1 b = {2*a}, c='b+1' sq(x)={x*x} d = a * 2 + sq(3)\n.func f(x, y) {x+y}\n.func g() = 3\n\
         .model dm D(is=1e-14, n=1.05)\n.model nm nmos level=1 vto=0.7\n.model cell nbox (rth=1k)\n\
         .global vdd gnd!\n.ic v(a)=1 V(x1.b) = {a} x1.state=0.3 i(l1)=1m\n.nodeset v(c)=0.5\n.temp 85\n\
         .options reltol=1e-4 method=trap noacct\n.opt seed=7\n.hdl \"m/x.va\" \"y.va\"\n.va z.va\n",
    );
    assert_eq!(assigned(&deck.top.parameters), " a=1e0 b=(2e0 Multiply a) c=(b Add 1e0) d=((a Multiply 2e0) Add sq(3e0))");
    let functions: Vec<String> =
        deck.top.functions.iter().map(|f| format!("{}({})={}", f.name.text, joined(&f.arguments), shown(&f.body))).collect();
    assert_eq!(functions, ["sq(x)=(x Multiply x)", "f(x y)=(x Add y)", "g()=3e0"]);
    let models: Vec<String> =
        deck.top.models.iter().map(|m| format!("{} {}{}", m.name.text, m.kind.text, assigned(&m.parameters))).collect();
    assert_eq!(models, ["dm D is=1e-14 n=1.05e0", "nm nmos level=1e0 vto=7e-1", "cell nbox rth=1e3"]);
    assert_eq!(joined(&deck.globals), "vdd gnd!");
    let starts: Vec<String> =
        deck.initial.iter().chain(&deck.nodesets).map(|s| format!("{}={}", s.name.text, shown(&s.value))).collect();
    assert_eq!(starts, ["a=1e0", "x1.b=a", "x1.state=3e-1", "i(l1)=1e-3", "c=5e-1"]);
    assert_eq!(shown(deck.temperature.as_ref().unwrap()), "8.5e1");
    assert_eq!(assigned(&deck.options), " reltol=1e-4 method=trap noacct=1e0 seed=7e0");
    assert_eq!(joined(&deck.verilog), "m/x.va y.va z.va");
}

#[test]
fn subcircuits_in_one_another() {
    let deck = good(
        "t\n.subckt outer a b params: r=1k\n.param s={2*r}\n.subckt inner p q\nR1 p q {s}\n.ends inner\nX1 a b inner\n.model dm d\n.ENDS\n\
         .subckt plain (x y)\nR1 x y 1\n.ends PLAIN\nX2 1 0 outer\n",
    );
    let outer = &deck.top.subcircuits[0];
    assert_eq!((joined(&outer.ports), assigned(&outer.parameters)), ("a b".to_string(), " r=1e3".to_string()));
    assert_eq!(outer.scope.subcircuits[0].scope.elements.len(), 1);
    assert_eq!((outer.scope.elements.len(), outer.scope.models.len(), outer.scope.parameters.len()), (1, 1, 1));
    assert_eq!(joined(&deck.top.subcircuits[1].ports), "x y");
    assert_eq!(deck.top.elements.len(), 1);
}

/// A card in one line.
fn card_shown(card: &Card) -> String {
    let field = |field: &Field| match field {
        Field::Value(value) => format!(" {}", shown(value)),
        Field::Assignment(left, right) => format!(" {}={}", shown(left), shown(right)),
    };
    card.keyword.text.clone() + &card.fields.iter().map(field).collect::<String>()
}

#[test]
fn cards_of_every_kind() {
    let cases = [
        (".op", "op"),
        (".tran 1n {10*t} 0 1n uic", "tran 1e-9 (1e1 Multiply t) 0e0 1e-9 uic"),
        (".TRAN 1n 10u UIC", "tran 1e-9 1e-5 UIC"),
        (".dc V1 -1 1 10m V2 0 1 1", "dc V1 -1e0 1e0 1e-2 V2 0e0 1e0 1e0"),
        (".dc V1 0 1 1m jump", "dc V1 0e0 1e0 1e-3 jump"),
        (".ac dec 10 1 1meg", "ac dec 1e1 1e0 1e6"),
        (".step dec param r 1k 1meg 5", "step dec param r 1e3 1e6 5e0"),
        (".step temp list -40 27 85", "step temp list -4e1 2.7e1 8.5e1"),
        (".step x1.ron 1k 2k 100", "step x1.ron 1e3 2e3 1e2"),
        (
            ".meas tran t1 trig v(in) val=0.5 rise=1 targ v(out) val='0.5*vdd' fall=last",
            "measure tran t1 trig v(in) val=5e-1 rise=1e0 targ v(out) val=(5e-1 Multiply vdd) fall=last",
        ),
        (".measure tran x find v(a) when v(b)=v(c) cross=2", "measure tran x find v(a) when v(b)=v(c) cross=2e0"),
        (".meas ac y max vdb(out) from=1k to=1meg", "measure ac y max vdb(out) from=1e3 to=1e6"),
        (".meas tran z param='x/y'", "measure tran z param=(x Divide y)"),
        (".meas tran w avg {v(a)*i(r1)}", "measure tran w avg (v(a) Multiply i(r1))"),
        (".save all v(a) @m1[gm] x1.state i(x1.r1)", "save all v(a) @m1[gm] x1.state i(x1.r1)"),
        (".print tran v(1),v(2) v( a , b )", "print tran v(1e0) v(2e0) v(a, b)"),
        (".print v(n+,n-) v(a)-v(b)", "print v(n+, n-) (v(a) Subtract v(b))"),
        (".probe v(*)", "probe v(*)"),
        (".plot i(x1) vs v(a)", "plot i(x1) vs v(a)"),
        (
            ".plot tran v(a) title=\"A title\" xlabel=time/s ylog xmin=1n file=out/a.svg",
            "plot tran v(a) title=\"A title\" xlabel=\"time/s\" ylog xmin=1e-9 file=\"out/a.svg\"",
        ),
    ];
    for (text, wanted) in cases {
        let deck = good(&format!("title\n{text}\n"));
        let cards: Vec<&Card> = deck.analyses.iter().chain(&deck.steps).chain(&deck.measures).chain(&deck.outputs).collect();
        // Names of nodes stay names, also when they are digits.
        assert_eq!(card_shown(cards[0]), wanted.replace("v(1e0) v(2e0)", "v(1) v(2)"), "{text}");
    }
}

#[test]
fn control_blocks() {
    let text = "t\nR1 a 0 1\n.control\nset noaskquit\nrun\ntran 1n 1u\nplot v(a) vs v(b)\nlet x = 'unclosed\nwrdata out.txt v(a)\nmeas tran t1 when v(a)=0.5\nquit\n.endc\n.op\n";
    let (deck, diagnostics, _) = parse_with(text, &[]);
    let cards: Vec<String> = deck.analyses.iter().chain(&deck.outputs).chain(&deck.measures).map(card_shown).collect();
    assert_eq!(cards, ["tran 1e-9 1e-6", "op", "plot v(a) vs v(b)", "print v(a)", "measure tran t1 when v(a)=5e-1"]);
    assert_eq!(diagnostics.iter().filter(|d| d.severity == Severity::Warning).count(), 2);
    assert_eq!(diagnostics[0].message, "`set` in a .control block is not done");
    let notes: Vec<&str> = diagnostics.iter().filter(|d| d.severity == Severity::Note).map(|d| d.message.as_str()).collect();
    assert_eq!(notes, ["`wrdata` names a file; results go to the output folder"]);
}

#[test]
fn a_control_block_in_a_section_leaves_it_open() {
    let library = ".lib tt\nR1 a 0 1\n.control\nrun\n.endc\nR2 a 0 1\n.endl\n.lib ff\nR3 a 0 1\n.endl\n";
    let (deck, diagnostics, _) = parse_with("t\n.lib l tt\n", &[("l", library)]);
    assert!(diagnostics.is_empty() && deck.top.elements.len() == 2);
}

#[test]
fn files_in_files() {
    let files = [
        ("sub/a.inc", "R1 a 0 1\n.inc b.inc\n"),
        ("sub/b.inc", "* no title here\nR2 a 0 1\n.hdl \"m.va\"\n.end\n"),
        (
            "lib/x.lib",
            "garbage {\n.lib tt\n.param corner=1\n.lib 'x.lib' common\n.endl tt\n.lib ff\n.param corner=2\n.endl\n.lib common\nR9 a 0 1\n.endl\n",
        ),
    ];
    let text = "t\n.include \"sub/a.inc\"\n.lib 'lib/x.lib' TT\nR4 a 0 1\n";
    let (deck, diagnostics, sources) = parse_with(text, &files);
    assert!(diagnostics.is_empty(), "{}", diag::render(&diagnostics, &sources, false));
    let names: Vec<&str> = deck.top.elements.iter().map(|e| e.name.text.as_str()).collect();
    assert_eq!(names, ["R1", "R2", "R9", "R4"]);
    assert_eq!(assigned(&deck.top.parameters), " corner=1e0");
    assert_eq!(deck.verilog[0].text, "sub/m.va");
    assert_eq!(sources.slice(deck.top.elements[1].span), "R2 a 0 1");
    assert_eq!(sources.place(deck.top.elements[1].span), "sub/b.inc:2");
    // A file that holds sections may be included: they are skipped unless asked for.
    let (deck, diagnostics, _) = parse_with("t\n.include l\n", &[("l", "R1 a 0 1\n.lib tt\nR2 a 0 1\n.endl\nR3 a 0 1\n")]);
    assert!(diagnostics.is_empty() && deck.top.elements.len() == 2);
}

#[test]
fn what_stands_behind_the_end_is_not_read() {
    for rest in ["R2 a 0 1\nR3 a 0 1\n", "{ {\n"] {
        let (deck, diagnostics, _) = parse_with(&format!("t\nR1 a 0 1\n.end\n\n* a comment\n{rest}"), &[]);
        assert_eq!(deck.top.elements.len(), 1);
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].severity, Severity::Warning);
    }
}

#[test]
fn files_that_include_each_other_twice_are_stopped() {
    let names: Vec<String> = (0..35).map(|k| format!("f{k}")).collect();
    let texts: Vec<String> = (1..=35).map(|k| format!(".inc f{k}\n").repeat(2)).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    files.push(("f35", "R1 a 0 1\n"));
    let (_, diagnostics, _) = parse_with("t\n.inc f0\n", &files);
    assert!(diagnostics[0].message.starts_with("files include each other"));
}

#[test]
fn text_of_another_encoding_is_read() {
    let bytes = b"t\n* \xb0C and \xb5\nR1 a 0 10\xb5\n".to_vec();
    let files = MemoryFiles([(Path::new("deck.cir").to_path_buf(), bytes)].into());
    let mut sources = Sources::new(Box::new(files));
    let file = sources.load(Path::new("deck.cir")).unwrap();
    let (mut deck, diagnostics) = netlist::parse(&mut sources, file);
    deck.unpack(&sources);
    assert!(diagnostics.is_empty());
    assert_eq!(element_shown(&deck.top.elements[0]), "r: a 0 | value 1e-5");
}

#[test]
fn spans_cover_what_they_name() {
    let text = "t\nR1 in out {2 *\n+ rr} m=3 ; comment\nV1 in 0 ac 1 sin(0 1 1k)\n.param q = 2 * x ; c\n.print v(in, out)\n";
    let (deck, _, sources) = parse_with(text, &[]);
    let r = &deck.top.elements[0];
    assert_eq!(sources.slice(r.span), "R1 in out {2 *\n+ rr} m=3");
    assert_eq!(sources.slice(r.nodes[1].span), "out");
    assert_eq!(sources.slice(r.value.as_ref().unwrap().span), "{2 *\n+ rr}");
    assert_eq!(sources.slice(r.parameters[0].name.span), "m");
    assert_eq!(sources.slice(r.parameters[0].value.span), "3");
    assert_eq!(sources.slice(deck.top.elements[1].waveform.as_ref().unwrap().kind.span), "sin");
    assert_eq!(sources.slice(deck.top.parameters[0].value.span), "2 * x");
    let Field::Value(voltage) = &deck.outputs[0].fields[0] else { panic!("a value") };
    assert_eq!(sources.slice(voltage.span), "v(in, out)");
    let ExprKind::Call(_, nodes) = &voltage.kind else { panic!("a call") };
    assert_eq!(sources.slice(nodes[1].span), "out");
    assert_eq!(sources.slice(deck.outputs[0].keyword.span), ".print");
}
