//! Decks to trees: form by form, messages, mutations; and measures against hand numbers.

use std::path::Path;

use memspice::diag::{self, Diagnostic};
use memspice::ir::{Builder, Value};
use memspice::netlist;
use memspice::netlist::ast::{Deck, Expr, ExprKind, FunctionCard};
use memspice::netlist::lower::{self, Resolve};
use memspice::span::{MemoryFiles, Sources};

/// Parses `text` as `deck.cir`, with further files.
fn parse_with(text: &str, files: &[(&str, &str)]) -> (Deck, Vec<Diagnostic>, Sources) {
    let memory = files.iter().map(|(path, text)| (Path::new(path).to_path_buf(), text.as_bytes().to_vec())).collect();
    let mut sources = Sources::new(Box::new(MemoryFiles(memory)));
    let file = sources.add(Path::new("deck.cir"), text.to_string());
    let (deck, diagnostics) = netlist::parse(&mut sources, file);
    (deck, diagnostics, sources)
}

/// Parses a deck that must be without any message.
fn good(text: &str) -> Deck {
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
