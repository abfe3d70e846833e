//! `$table_model`: values between samples against closed forms, derivatives against the interpolant itself, files and mistakes.

use memspice::ir::op::{Op, lookup};
use memspice::ir::table::{Axis, Beyond, Degree, Table};

use super::{module, run_with};

fn axis(degree: Degree, below: Beyond, above: Beyond) -> Axis {
    Axis { degree, below, above }
}

fn plain(degree: Degree) -> Axis {
    axis(degree, Beyond::Linear, Beyond::Linear)
}

fn line(x: &[f64], f: impl Fn(f64) -> f64) -> Vec<(Vec<f64>, f64)> {
    x.iter().map(|x| (vec![*x], f(*x))).collect()
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found:.15e}, expected {expected:.15e}");
}

#[test]
fn straight_lines_and_nearest_samples() {
    let rows = line(&[-1.0, 0.0, 2.0], |x| x * x);
    let table = Table::new(&[plain(Degree::Linear)], &rows).unwrap();
    for (x, y, slope) in [(-0.5, 0.5, -1.0), (1.0, 2.0, 2.0), (3.0, 6.0, 2.0), (-2.0, 2.0, -1.0)] {
        close(table.value([x, 0.0], [0, 0]), y, 1e-15, "value");
        close(table.value([x, 0.0], [1, 0]), slope, 1e-15, "slope");
        assert_eq!(table.value([x, 0.0], [2, 0]), 0.0, "straight lines are not bent");
    }
    let nearest = Table::new(&[plain(Degree::Nearest)], &line(&[-2.0, -1.0, 0.0, 1.0, 2.0], |x| 10.0 * x)).unwrap();
    // Half way between two samples the one farther from zero counts.
    for (x, y) in [(0.4, 0.0), (0.6, 10.0), (0.5, 10.0), (-0.5, -10.0), (1.5, 20.0), (-1.5, -20.0), (9.0, 20.0), (-9.0, -20.0)] {
        assert_eq!(nearest.value([x, 0.0], [0, 0]), y, "{x}");
        assert_eq!(nearest.value([x, 0.0], [1, 0]), 0.0);
    }
}

#[test]
fn a_natural_cubic_spline_is_the_one_of_the_textbook() {
    // Three points (0, 0), (1, 1), (2, 0): 4 m = 6 (-1 - 1), m = -3; the left piece is y = x + (x - x^3)/2.
    let table = Table::new(&[plain(Degree::Cubic)], &line(&[0.0, 1.0, 2.0], |x| 1.0 - (x - 1.0).abs())).unwrap();
    for k in 0..=10 {
        let x = f64::from(k) / 10.0;
        let (y, d, dd) = (x + (x - x * x * x) / 2.0, 1.0 + (1.0 - 3.0 * x * x) / 2.0, -3.0 * x);
        for (mirror, sign) in [(x, 1.0), (2.0 - x, -1.0)] {
            close(table.value([mirror, 0.0], [0, 0]), y, 1e-14, "value");
            close(table.value([mirror, 0.0], [2, 0]), dd, 1e-14, "curvature");
            if k < 10 {
                close(table.value([mirror, 0.0], [1, 0]), sign * d, 1e-14, "slope");
                close(table.value([mirror, 0.0], [3, 0]), -3.0 * sign, 1e-14, "third derivative");
            }
        }
    }
    // Beyond the ends: the tangent, without curvature.
    close(table.value([-1.0, 0.0], [0, 0]), -1.5, 1e-14, "continued");
    assert_eq!(table.value([-1.0, 0.0], [2, 0]), 0.0);
    let held = Table::new(&[axis(Degree::Cubic, Beyond::Constant, Beyond::Linear)], &line(&[0.0, 1.0, 2.0], |x| x * x)).unwrap();
    assert_eq!((held.value([-3.0, 0.0], [0, 0]), held.value([-3.0, 0.0], [1, 0])), (0.0, 0.0));
}

#[test]
fn a_quadratic_spline_keeps_value_and_slope() {
    // Straight from (0, 0) to (1, 1); then slope 1 at x = 1 and y(2) = 4: y = x + 2 (x - 1)^2.
    let table = Table::new(&[plain(Degree::Quadratic)], &line(&[0.0, 1.0, 2.0], |x| x * x)).unwrap();
    for k in 0..=20 {
        let x = f64::from(k) / 10.0;
        let over = (x - 1.0).max(0.0);
        close(table.value([x, 0.0], [0, 0]), x + 2.0 * over * over, 1e-14, "value");
        close(table.value([x, 0.0], [1, 0]), 1.0 + 4.0 * over, 1e-14, "slope");
    }
    close(table.value([3.0, 0.0], [0, 0]), 9.0, 1e-14, "continued with slope 5");
}

/// Samples of f on lines that differ in range and number.
fn ragged(f: impl Fn(f64, f64) -> f64) -> Vec<(Vec<f64>, f64)> {
    let mut rows = Vec::new();
    for (k, x) in [0.0, 0.7, 1.5, 2.0].into_iter().enumerate() {
        for j in 0..5 + k {
            let y = -0.2 * k as f64 + 0.5 * f64::from(j as u32);
            rows.push((vec![x, y], f(x, y)));
        }
    }
    // The order of the lines of a file does not count.
    rows.reverse();
    rows.swap(3, 11);
    rows
}

#[test]
fn two_variables_on_ragged_lines() {
    // What is linear in both variables is reproduced by every degree, inside and out.
    let f = |x: f64, y: f64| 2.0 + 3.0 * x - y;
    for a in [Degree::Linear, Degree::Quadratic, Degree::Cubic] {
        for b in [Degree::Linear, Degree::Quadratic, Degree::Cubic] {
            let table = Table::new(&[plain(a), plain(b)], &ragged(f)).unwrap();
            for (x, y) in [(0.3, 0.4), (1.9, 1.1), (-1.0, 0.5), (2.5, 3.5), (0.7, 0.3)] {
                close(table.value([x, y], [0, 0]), f(x, y), 1e-12, "value");
                close(table.value([x, y], [1, 0]), 3.0, 1e-12, "by x");
                close(table.value([x, y], [0, 1]), -1.0, 1e-12, "by y");
                close(table.value([x, y], [1, 1]), 0.0, 1e-11, "mixed");
            }
        }
    }
}

#[test]
fn derivatives_are_those_of_the_interpolant() {
    let f = |x: f64, y: f64| (1.3 * x).sin() * (0.7 * y + 0.2).exp();
    for (a, b) in [(Degree::Cubic, Degree::Cubic), (Degree::Quadratic, Degree::Cubic), (Degree::Linear, Degree::Quadratic)] {
        let table = Table::new(&[plain(a), plain(b)], &ragged(f)).unwrap();
        for (x, y) in [(0.31, 0.43), (1.21, 1.17), (1.83, -0.05), (-0.4, 0.61), (2.3, 2.83)] {
            // Central differences of polynomials of degree three: the error is h^2 times a sixth of the third derivative.
            let h = 1e-4;
            let by = |orders: [u8; 2], dx: f64, dy: f64| {
                let value = |s: f64| table.value([x + s * dx, y + s * dy], orders);
                (value(h) - value(-h)) / (2.0 * h)
            };
            for (orders, up, dx, dy) in
                [([0, 0], [1, 0], 1.0, 0.0), ([0, 0], [0, 1], 0.0, 1.0), ([1, 0], [2, 0], 1.0, 0.0), ([1, 0], [1, 1], 0.0, 1.0)]
            {
                close(table.value([x, y], up), by(orders, dx, dy), 2e-7, &format!("{a:?} {b:?} {orders:?} at {x}, {y}"));
            }
        }
    }
}

#[test]
fn a_dense_table_converges_to_the_function() {
    // Errors of interpolation: h^2/8 max y'' (lines), and for cubic splines 5/384 h^4 max y'''' away from the ends.
    let x: Vec<f64> = (0..=100).map(|k| f64::from(k) * 0.1).collect();
    let linear = Table::new(&[plain(Degree::Linear)], &line(&x, f64::sin)).unwrap();
    let cubic = Table::new(&[plain(Degree::Cubic)], &line(&x, f64::sin)).unwrap();
    for k in 200..800 {
        let v = f64::from(k) * 0.01 + 0.003;
        close(linear.value([v, 0.0], [0, 0]), v.sin(), 0.01 / 8.0, "lines");
        close(cubic.value([v, 0.0], [0, 0]), v.sin(), 5.0 / 384.0 * 1e-4, "spline");
        close(cubic.value([v, 0.0], [1, 0]), v.cos(), 1e-3 / 24.0, "its slope");
    }
}

#[test]
fn lookups_have_derivatives_in_both_engines() {
    use memspice::ir::batch::{LANES, Program, Source, Work};
    use memspice::ir::{Builder, Input, Type, diff, interp};
    let table = Table::new(&[plain(Degree::Cubic), plain(Degree::Linear)], &ragged(|x, y| x * y + x * x)).unwrap();
    let mut b = Builder::new();
    let number = b.table(table.clone().into());
    let (x, y) = (b.input(Input::Probe(0), Type::Real), b.input(Input::Probe(1), Type::Real));
    let code = b.int(lookup(number, [0, 0]));
    let value = b.op(Op::Lookup, &[code, x, y]);
    let square = b.op(Op::Mul, &[value, value]);
    // Under a condition, so that a region holds it.
    let zero = b.real(0.0);
    let positive = b.op(Op::Gt, &[y, zero]);
    b.begin_if(positive);
    let inner = b.op(Op::Lookup, &[code, y, x]);
    let far = b.op(Op::Exp, &[inner]);
    b.begin_else();
    let chosen = b.end_if(&[(far, square)])[0];
    let function = b.finish(vec![chosen]);
    let (f, entries) = diff::differentiate(&function, &[0], &[0, 1]);
    assert_eq!(entries.len(), 2);
    let points: Vec<(f64, f64)> = (0..LANES).map(|k| (0.06 * k as f64, 0.9 - 0.07 * k as f64)).collect();
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let program = Program::compile(&f);
    let mut outputs = vec![0.0; program.outputs * LANES];
    let sources: Vec<Source> =
        program.inputs.iter().map(|i| Source::Lanes(if *i == Input::Probe(0) { &xs } else { &ys })).collect();
    program.run(LANES, &sources, &mut Work::default(), &mut outputs);
    for (lane, (x, y)) in points.iter().enumerate() {
        let reference = interp::evaluate(&f, &|input| if input == Input::Probe(0) { *x } else { *y });
        for (k, expected) in reference.iter().enumerate() {
            close(outputs[k * LANES + lane], *expected, 1e-14 * expected.abs(), "engines agree");
        }
        let v = |orders| table.value([*x, *y], orders);
        let swapped = |orders| table.value([*y, *x], orders);
        let (by_x, by_y) = match *y > 0.0 {
            true => (swapped([0, 0]).exp() * swapped([0, 1]), swapped([0, 0]).exp() * swapped([1, 0])),
            false => (2.0 * v([0, 0]) * v([1, 0]), 2.0 * v([0, 0]) * v([0, 1])),
        };
        close(reference[1], by_x, 1e-13 * by_x.abs().max(1.0), "by x");
        close(reference[2], by_y, 1e-13 * by_y.abs().max(1.0), "by y");
    }
}

/// Current through the device at `v` volts, and what was warned.
fn current(model: &str, v: f64, files: &[(&str, &str)]) -> f64 {
    let done =
        run_with(model, &format!("V1 a 0 {v}\nX1 a 0 m\n.op\n.save i(x1)"), files, 1).unwrap_or_else(|said| panic!("{said}"));
    done.column(0, "i(x1)")[0]
}

#[test]
fn files_and_arrays_in_decks() {
    // A measured diode: three columns, of which the second is another device's.
    let file = "# v   i1    i2\n0.0 0 0\n0.5, 1e-3, 2e-3 # measured twice\n1.0 4e-3 9e-3\n";
    let model = |control: &str| module("", &format!("I(p, n) <+ $table_model(V(p, n), \"d.tbl\", \"{control}\");"));
    close(current(&model("1L"), 0.75, &[("d.tbl", file)]), 2.5e-3, 1e-15, "first column");
    close(current(&model("1L;2"), 0.75, &[("d.tbl", file)]), 5.5e-3, 1e-15, "second column");
    close(current(&model("1CC"), 2.0, &[("d.tbl", file)]), 4e-3, 1e-15, "held");
    close(current(&model("1CL"), 2.0, &[("d.tbl", file)]), 1e-2, 1e-15, "continued");
    // A third of the way from 2 mA to 9 mA.
    close(current(&model("I,1L"), 2e-3, &[("d.tbl", file)]), 13e-3 / 3.0, 1e-15, "i2 over i1");
    // Arrays of constants, of parameters, lists.
    for (declarations, analog) in [
        (
            "real x[0:2], y[0:2];",
            "x[0] = 0; x[1] = 1; x[2] = 2; y[0] = 0; y[1] = 1; y[2] = 8; I(p, n) <+ $table_model(V(p, n), x, y, \"1\");",
        ),
        ("parameter real y[0:2] = '{0, 1, 8};", "I(p, n) <+ $table_model(V(p, n), '{0, 1, 2}, y, \"1\");"),
        ("", "I(p, n) <+ $table_model(V(p, n), '{0, 1, 2}, '{0, 1, 8});"),
    ] {
        close(current(&module(declarations, analog), 1.5, &[]), 4.5, 1e-12, analog);
    }
}

#[test]
fn newton_converges_on_a_table_through_a_resistor() {
    // i = v^3 by a spline of 41 samples through 1 ohm: v + s(v) = 2, found by bisection on the same spline.
    let x: Vec<f64> = (0..=40).map(|k| f64::from(k) * 0.05).collect();
    let rows: String = x.iter().map(|x| format!("{x} {}\n", x * x * x)).collect();
    let spline = Table::new(&[plain(Degree::Cubic)], &line(&x, |x| x * x * x)).unwrap();
    let (mut low, mut high) = (0.0, 2.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if middle + spline.value([middle, 0.0], [0, 0]) > 2.0 { high = middle } else { low = middle }
    }
    let model = module("", "I(p, n) <+ $table_model(V(p, n), \"c.tbl\", \"3L\");");
    let done =
        run_with(&model, "V1 a 0 2\nR1 a b 1\nX1 b 0 m\n.op\n.save v(b)", &[("c.tbl", &rows)], 1).unwrap_or_else(|s| panic!("{s}"));
    close(done.column(0, "v(b)")[0], low, 1e-12, "operating point");
}

#[test]
fn three_variables_are_sums_of_slices() {
    let mut rows = String::new();
    for x in [0.0, 1.0, 3.0] {
        for y in [0.0, 2.0, 3.0] {
            for z in [-1.0, 0.0, 1.0] {
                rows.push_str(&format!("{x} {y} {z} {}\n", 1.0 + x - 2.0 * y + 4.0 * z));
            }
        }
    }
    let model = module("", "I(p, n) <+ $table_model(V(p, n), 2.5, 0.5 * V(p, n), \"t.tbl\", \"3L,1L,1L\");");
    // The function is linear, so that any degree gives it: 1 + v - 5 + 2 v.
    close(current(&model, 0.4, &[("t.tbl", &rows)]), 1.0 + 0.4 - 5.0 + 0.8, 1e-13, "inside");
    close(current(&model, 4.0, &[("t.tbl", &rows)]), 1.0 + 4.0 - 5.0 + 8.0, 1e-12, "outside");
}

#[test]
fn leaving_a_table_that_forbids_it_is_fatal() {
    let model = module("", "I(p, n) <+ 1m * $table_model(V(p, n), '{0, 1}, '{0, 1}, \"1CE\");");
    let said = |v: &str| {
        let done = run_with(&model, &format!("V1 a 0 {v}\nX1 a 0 m\n.op"), &[], 1).unwrap_or_else(|s| panic!("{s}"));
        let outcome = &done.simulation.members[0][0];
        outcome.failure.as_ref().map_or_else(String::new, |f| f.to_string())
    };
    assert_eq!(said("0.5"), "");
    assert_eq!(said("-0.5"), "");
    assert!(said("1.5").contains("variable 1 of the table \"arrays\" is above 1"), "{}", said("1.5"));
}

#[test]
fn mistakes_in_tables_are_named_with_their_line() {
    let cases = [
        ("\"d.tbl\"", "\"1\"", "0 1\n1 x\n", "line 2 of the table \"d.tbl\": `x` is not a number"),
        ("\"d.tbl\"", "\"1\"", "0 1\n1 2 3\n", "line 2 of the table \"d.tbl\": 3 columns, the lines before have 2"),
        ("\"d.tbl\"", "\"1;3\"", "0 1\n1 2\n", "the table \"d.tbl\" has 2 columns"),
        ("\"d.tbl\"", "\"1\"", "# v i\n0 1\n\n0 2\n1 1\n", "in line 4 of \"d.tbl\""),
        ("\"d.tbl\"", "\"1\"", "0 1\n", "expected 2 or more"),
        ("\"none.tbl\"", "\"1\"", "0 1\n1 2\n", "the table \"none.tbl\" cannot be read"),
        ("\"d.tbl\"", "\"4L\"", "0 1\n1 2\n", "is no control"),
        ("\"d.tbl\"", "\"1L,1L\"", "0 1\n1 2\n", "2 variables are described, 1 are given"),
        ("'{0, 1}, '{0, 1, 2}", "\"1\"", "", "have 2, 3 elements"),
        ("'{0, V(p, n)}, '{0, 1}", "\"1\"", "", "the samples of a table change during the simulation"),
    ];
    for (source, control, file, expected) in cases {
        let model = module("", &format!("I(p, n) <+ $table_model(V(p, n), {source}, {control});"));
        match run_with(&model, "V1 a 0 1\nX1 a 0 m\n.op", &[("d.tbl", file)], 1) {
            Ok(_) => panic!("this should be refused: {source} {control} {file}"),
            Err(said) => assert!(said.contains(expected), "{source} {control}:\n{said}"),
        }
    }
    let model = module("parameter string file = \"d.tbl\";", "I(p, n) <+ $table_model(V(p, n), file, \"1\");");
    close(current(&model, 0.5, &[("d.tbl", "0 0\n1 1\n")]), 0.5, 1e-15, "a name by parameter");
    let other = run_with(&model, "V1 a 0 1\nX1 a 0 m file=\"e.tbl\"\n.op", &[("d.tbl", "0 0\n1 1\n")], 1);
    assert!(other.err().is_some_and(|said| said.contains("names the file of a table")));
}
