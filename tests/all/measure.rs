//! Measures against hand numbers, and what they say when there is no number.

use std::sync::Arc;

use memspice::ir::{Builder, Input, Op, Type};
use memspice::wave::measure::{self, Word};
use memspice::wave::{Column, ColumnInfo, ColumnKind, Dataset, Header};
use num_complex::Complex64;

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
        ("deriv c1", 2, "expected when or at="),
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

/// v = sin t, i = sin t + 0.25 sin 2t over whole turns of 2000 rows: a pinched loop whose lobes are integrals of i dv with
/// abs(integral of 0.25 sin 2t cos t dt over half a turn) = 0.25 * 4/3 = 1/3 each.
fn pinched() -> Dataset {
    let time: Vec<f64> = (0..=6000).map(|k| f64::from(k) / 2000.0 * std::f64::consts::TAU).collect();
    let v = time.iter().map(|t| t.sin()).collect();
    let i = time.iter().map(|t| t.sin() + 0.25 * (2.0 * t).sin()).collect();
    let late = time.iter().map(|t| (t - 0.75).sin() + 3.0).collect();
    dataset(&["time", "v", "i", "late"], vec![time, v, i, late])
}

#[test]
fn portraits_of_loops() {
    let data = pinched();
    let turn = std::f64::consts::TAU;
    // 2000 rows a turn: chords of curves of size 1 are off by (2 pi / 2000)**2 / 8 = 1.2e-6, areas by a few of that.
    for (text, expected, tolerance) in [
        ("pinch c2 c1 from= 0.1", 0.0, 2e-6),
        (&*format!("lobe c2 c1 to= {turn}"), 1.0 / 3.0, 1e-5),
        (&*format!("lobe_neg c2 c1 to= {turn}"), 1.0 / 3.0, 1e-5),
        // v = 0.5 at t = 30 and 150 degrees: i = 0.5 +- 0.25 sin 60.
        (&*format!("onoff c2 c1 val= 0.5 to= {turn}"), (0.5 + 0.125 * 3f64.sqrt()) / (0.5 - 0.125 * 3f64.sqrt()), 2e-5),
        // sin**2 integrates to half a turn, the mixed term to nothing.
        (&*format!("energy c2 c1 to= {turn}"), 0.5 * turn, 2e-5),
    ] {
        let found = measured(&data, text).unwrap();
        assert!((found - expected).abs() < tolerance, "{text}: {found} instead of {expected}");
    }
}

#[test]
fn portraits_of_oscillations() {
    let data = pinched();
    let turn = std::f64::consts::TAU;
    for (text, expected, tolerance) in [
        ("period c3", turn, 1e-5),
        ("frequency c3", 1.0 / turn, 1e-6),
        ("duty c3", 0.5, 1e-5),
        // Above 3.5 a third of each turn.
        ("duty c3 val= 3.5", 1.0 / 3.0, 1e-5),
        ("spikes c3 val= 3.5", 3.0, 0.0),
        ("spike_width c3 val= 3.5", turn / 3.0, 1e-5),
        ("phase c1 c3", 0.75f64.to_degrees(), 1e-3),
        ("excursion c3", 2.0, 1e-5),
    ] {
        let found = measured(&data, text).unwrap();
        assert!((found - expected).abs() <= tolerance, "{text}: {found} instead of {expected}");
    }
    let reason = measured(&data, "period c1 val= 7").unwrap_err();
    assert_eq!(reason, "0 rises through the level: a period needs two");
}

/// 1 - exp(-t): 10 % to 90 % of the way takes ln 9 of an endless rise; to t = 10 the way is 1 - exp(-10).
#[test]
fn switching_time_of_a_relaxation() {
    let time: Vec<f64> = (0..=10_000).map(|k| f64::from(k) / 1000.0).collect();
    let x = time.iter().map(|t| 1.0 - (-t).exp()).collect();
    let data = dataset(&["time", "x"], vec![time, x]);
    let way = 1.0 - (-10f64).exp();
    let expected = ((1.0 - 0.1 * way) / (1.0 - 0.9 * way)).ln();
    // Chords of steps of 1 ms: (1e-3)**2 / 8 over a slope of 0.1.
    assert!((measured(&data, "switching c1").unwrap() - expected).abs() < 2e-6);
}
