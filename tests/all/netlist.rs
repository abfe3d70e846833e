//! Decks to trees: form by form, messages, mutations; and measures against hand numbers.

use std::path::Path;
use std::sync::Arc;

use memspice::diag::{self, Diagnostic};
use memspice::ir::{Builder, Input, Op, Type, Value};
use memspice::netlist;
use memspice::netlist::ast::{Deck, Expr, ExprKind, FunctionCard};
use memspice::netlist::lower::{self, Resolve};
use memspice::span::{MemoryFiles, Sources};
use memspice::wave::measure::{self, Word};
use memspice::wave::{Column, ColumnInfo, ColumnKind, Dataset, Header};
use num_complex::Complex64;

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

// ---- measures ----

/// A real dataset with an abscissa and further columns.
fn dataset(names: &[&str], columns: Vec<Vec<f64>>) -> Dataset {
    let info = |name: &&str| ColumnInfo {
        name: (*name).to_string(),
        quantity: String::new(),
        unit: String::new(),
        kind: ColumnKind::Real,
    };
    let header =
        Header { analysis: "tran".to_string(), columns: names.iter().map(info).collect(), independent: 1, ..Header::default() };
    let rows = columns[0].len();
    Dataset { header, columns: columns.into_iter().map(Column::Real).collect(), segments: Vec::new(), rows }
}

/// 2 sin(2 pi t) + 0.5 over three periods with 400 rows each, and its cosine.
fn sine() -> Dataset {
    let time: Vec<f64> = (0..=1200).map(|k| f64::from(k) / 400.0).collect();
    let phase = |t: &f64| 2.0 * std::f64::consts::PI * t;
    let a = time.iter().map(|t| 2.0 * phase(t).sin() + 0.5).collect();
    let b = time.iter().map(|t| phase(t).cos()).collect();
    dataset(&["time", "v(a)", "v(b)"], vec![time, a, b])
}

/// Words from text: `find`, `c1` (a column), `at=`, `=`, numbers.
fn words(text: &str) -> Vec<Word> {
    text.split_whitespace()
        .map(|w| match w {
            "=" => Word::Equals,
            _ if w.ends_with('=') => Word::Key(w[..w.len() - 1].to_string()),
            _ => match (w.strip_prefix('c').and_then(|k| k.parse().ok()), w.parse()) {
                (Some(column), _) => Word::Column(column),
                (_, Ok(number)) => Word::Number(number),
                _ => Word::Word(w.to_string()),
            },
        })
        .collect()
}

fn measured(data: &Dataset, text: &str) -> Result<f64, String> {
    let measure = measure::parse(&words(text)).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    measure::evaluate(&measure, data, &|_| None)
}

#[test]
fn measures_of_a_sine() {
    // Straight lines between 400 rows a period: a value is wrong by at most A (2 pi / 400)**2 / 8 = 6e-5 and a crossing by
    // about that over the slope 4 pi; trapezoids over whole periods of equal steps are exact but for rounding.
    let data = sine();
    let half = 0.5f64;
    let first = (half / 2.0).asin() / (2.0 * std::f64::consts::PI);
    let cases = [
        ("avg c1", 0.5, 1e-12),
        ("rms c1", (half * half + 2.0).sqrt(), 1e-12),
        ("rms c2 from= 0 to= 1", half.sqrt(), 1e-12),
        // Quarter of a period: int 2 sin + 0.5 = 1/pi + 1/8; the trapezoid error is h**2/12 (f'(b) - f'(a)) = 1.6e-5 / pi.
        ("integ c1 from= 0 to= 0.25", 1.0 / std::f64::consts::PI + 0.125, 1e-5),
        ("max c1", 2.5, 1e-12),
        ("min c1", -1.5, 1e-12),
        ("pp c1", 4.0, 1e-12),
        ("max_at c1", 0.25, 1e-12),
        ("min_at c1 from= 1", 1.75, 1e-12),
        ("max c1 from= 0.5 to= 1", 0.5, 1e-12),
        ("when c1 = 0.5 rise= 2", 2.0, 1e-12),
        ("when c1 = 0.5", 0.5, 1e-12),
        ("when c1 = 0.5 fall= last", 2.5, 1e-12),
        ("when c1 = 0.5 cross= 2", 1.0, 1e-12),
        ("when c1 = 0.5 fall= 1 td= 0.6", 1.5, 1e-12),
        ("when c1 = 1 rise= 1", first, 1e-5),
        // 2 sin + 0.5 = cos.
        ("when c1 = c2 rise= 1", ((1.0 / 5f64.sqrt()).asin() - (half / 5f64.sqrt()).asin()) / (2.0 * std::f64::consts::PI), 1e-5),
        ("find c2 at= 0.5", -1.0, 1e-12),
        ("find c2 at= 0.12345", (2.0 * std::f64::consts::PI * 0.12345).cos(), 4e-5),
        ("find c2 when c1 = 0.5 fall= 1", -1.0, 1e-12),
        ("deriv c1 at= 1", 4.0 * std::f64::consts::PI, 1e-3),
        ("deriv c1 when c1 = 0.5 fall= 1", -4.0 * std::f64::consts::PI, 1e-3),
        ("trig c1 val= 0.5 rise= 1 targ c1 val= 0.5 rise= 2", 1.0, 1e-12),
        ("trig c1 = 0.5 fall= 1 targ c1 = 0.5 fall= last", 2.0, 1e-12),
        ("trig at= 0.25 targ c1 val= 0.5 fall= 1", 0.25, 1e-12),
    ];
    for (text, wanted, tolerance) in cases {
        let got = measured(&data, text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!((got - wanted).abs() <= tolerance, "{text}: {got}, not {wanted}");
    }
}

#[test]
fn measures_that_fail_say_why() {
    let data = sine();
    let cases = [
        ("when c1 = 5", "v(a) crosses 5 never"),
        ("when c1 = 0.5 rise= 7", "v(a) rises through 0.5 2 times"),
        ("when c1 = c2 fall= 9", "v(a) falls through v(b) 3 times"),
        ("find c1 at= 9", "9 lies outside of 0 to 3"),
        ("avg c1 from= 4 to= 5", "4 to 5 lies outside of 0 to 3"),
        ("avg c1 from= 2 to= 1", "from=2 lies behind to=1"),
        ("trig c1 val= 9 targ at= 1", "trig: v(a) crosses 9 never"),
        ("trig at= 1 targ c1 val= 9", "targ: v(a) crosses 9 never"),
        ("avg c9", "the result does not have this column"),
    ];
    for (text, wanted) in cases {
        assert_eq!(measured(&data, text).unwrap_err(), wanted, "{text}");
    }
    let empty = dataset(&["time", "v(a)"], vec![vec![], vec![]]);
    assert_eq!(measured(&empty, "max c1").unwrap_err(), "the result has no rows");
}

#[test]
fn measures_that_cannot_be_read_name_the_word() {
    let cases = [
        ("", 0, "expected find"),
        ("fnd c1", 0, "expected find"),
        ("find 1", 1, "expected a voltage"),
        ("find c1", 2, "expected when or at="),
        ("find c1 at= c1", 3, "expected a number after at="),
        ("when c1 0.5", 2, "expected = and a level"),
        ("when c1 = 0.5 rise= 0", 5, "expected 1, 2, ... or last"),
        ("when c1 = 0.5 rise= 1 fall= 1", 6, "one of rise="),
        ("avg c1 rise= 1", 2, "rise= means nothing here"),
        ("avg c1 from= 1 from= 2", 4, "a second from="),
        ("trig c1 val= 1", 4, "expected targ"),
        ("trig c1 targ c1", 2, "expected val="),
        ("avg c1 c2", 2, "the measure ends before this word"),
    ];
    for (text, index, start) in cases {
        let (at, message) = measure::parse(&words(text)).unwrap_err();
        assert!(at == index && message.starts_with(start), "{text}: {at} {message}");
    }
}

#[test]
fn edges_of_measures() {
    // A corner signal of three rows: the pieces count, not the rows.
    let ramp = dataset(&["time", "v(a)"], vec![vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 0.0]]);
    let cases = [
        ("integ c1 from= 0.5 to= 1.5", 0.75),
        ("avg c1 from= 0.5 to= 1.5", 0.75),
        ("deriv c1 at= 0.5", 1.0),
        ("deriv c1 at= 1", 0.0),
        ("find c1 at= 2", 0.0),
        ("when c1 = 1", 1.0),
        ("when c1 = 0 fall= 1", 2.0),
        ("avg c1 from= 1 to= 1", 1.0),
    ];
    for (text, wanted) in cases {
        assert_eq!(measured(&ramp, text), Ok(wanted), "{text}");
    }
    // A jump at one time: both values are there, and no area.
    let jump = dataset(&["time", "v(a)"], vec![vec![0.0, 1.0, 1.0, 2.0], vec![0.0, 0.0, 1.0, 1.0]]);
    assert_eq!(measured(&jump, "integ c1"), Ok(1.0));
    assert_eq!(measured(&jump, "when c1 = 0.5"), Ok(1.0));
    // A falling sweep reads like a rising one.
    let falling = dataset(&["v1", "i(r1)"], vec![vec![2.0, 1.0, 0.0], vec![4.0, 1.0, 0.0]]);
    assert_eq!(measured(&falling, "integ c1"), Ok(3.0));
    assert_eq!(measured(&falling, "when c1 = 2 rise= 1"), Ok(1.0 + 1.0 / 3.0));
    // A closed path: its area.
    let square = dataset(&["v", "i"], vec![vec![0.0, 1.0, 1.0, 0.0], vec![1.0, 1.0, 0.0, 0.0]]);
    assert_eq!(measured(&square, "integ c1"), Ok(1.0));
    // Segments are not joined: the fall from 1 to 0 between them is none.
    let mut family = dataset(&["time", "v(a)"], vec![vec![0.0, 1.0, 0.0, 1.0], vec![0.0, 1.0, 0.0, 1.0]]);
    family.segments = vec![(0, "a".to_string()), (2, "b".to_string())];
    assert!(measured(&family, "when c1 = 0.5 fall= 1").is_err());
    assert_eq!(measured(&family, "when c1 = 0.5 rise= 2"), Ok(0.5));
    // One row, no abscissa: an operating point.
    let mut point = dataset(&["v(a)"], vec![vec![3.0]]);
    point.header.independent = 0;
    assert_eq!(measured(&point, "max c0"), Ok(3.0));
    assert_eq!(measured(&point, "avg c0"), Ok(3.0));
}

#[test]
fn complex_columns_count_by_their_magnitude() {
    let mut data = dataset(&["frequency", "v(a)"], vec![vec![1.0, 2.0], vec![0.0, 0.0]]);
    data.columns[1] = Column::Complex(vec![Complex64::new(3.0, 4.0), Complex64::new(0.0, 1.0)]);
    assert_eq!(measured(&data, "max c1"), Ok(5.0));
    data.columns[1] = Column::Text(vec!["fold".to_string(), "hopf".to_string()]);
    assert_eq!(measured(&data, "max c1").unwrap_err(), "`v(a)` has words, not numbers");
}

#[test]
fn formulas_of_measures() {
    let mut builder = Builder::new();
    let (a, b) = (builder.input(Input::Argument(0), Type::Real), builder.input(Input::Argument(1), Type::Real));
    let ratio = builder.op(Op::Div, &[a, b]);
    let function = Arc::new(builder.finish(vec![ratio]));
    let words = [Word::Key("param".to_string()), Word::Formula(function, vec!["x".to_string(), "y".to_string()])];
    let formula = measure::parse(&words).unwrap();
    let data = sine();
    let known = |name: &str| [("x", 6.0), ("y", 4.0)].iter().find(|k| k.0 == name).map(|k| k.1);
    assert_eq!(measure::evaluate(&formula, &data, &known), Ok(1.5));
    assert_eq!(measure::evaluate(&formula, &data, &|_| None).unwrap_err(), "it needs the measure `x`, which has no value");
    assert_eq!(measure::evaluate(&formula, &data, &|_| Some(0.0)).unwrap_err(), "the result is NaN");
}
