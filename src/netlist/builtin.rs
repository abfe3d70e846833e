//! Built-in functions and constants of deck expressions, one row each.

use crate::ir::{Builder, Op, Value};
use crate::netlist::lower::to_bool;
use crate::units;

/// How a function is made.
#[derive(Clone, Copy)]
enum Make {
    /// One operation on real numbers.
    Op(Op),
    /// Folded over its arguments.
    Fold(Op),
    /// By code; the error says what is wrong with the arguments.
    Code(fn(&mut Builder, &[Value]) -> Result<Value, String>),
}

/// A built-in function.
pub struct Row {
    /// Its name, lower case.
    pub name: &'static str,
    /// Fewest arguments.
    least: usize,
    /// Most arguments.
    most: usize,
    make: Make,
}

const fn op(name: &'static str, op: Op, count: usize) -> Row {
    Row { name, least: count, most: count, make: Make::Op(op) }
}

const fn code(name: &'static str, count: usize, make: fn(&mut Builder, &[Value]) -> Result<Value, String>) -> Row {
    Row { name, least: count, most: count, make: Make::Code(make) }
}

const fn fold(name: &'static str, op: Op) -> Row {
    Row { name, least: 1, most: usize::MAX, make: Make::Fold(op) }
}

const ROWS: &[Row] = &[
    op("abs", Op::Abs, 1),
    op("sqrt", Op::Sqrt, 1),
    op("exp", Op::Exp, 1),
    op("limexp", Op::Limexp, 1),
    op("ln", Op::Ln, 1),
    op("log", Op::Ln, 1),
    op("log10", Op::Log10, 1),
    op("sin", Op::Sin, 1),
    op("cos", Op::Cos, 1),
    op("tan", Op::Tan, 1),
    op("asin", Op::Asin, 1),
    op("acos", Op::Acos, 1),
    op("atan", Op::Atan, 1),
    op("arctan", Op::Atan, 1),
    op("atan2", Op::Atan2, 2),
    op("sinh", Op::Sinh, 1),
    op("cosh", Op::Cosh, 1),
    op("tanh", Op::Tanh, 1),
    op("asinh", Op::Asinh, 1),
    op("acosh", Op::Acosh, 1),
    op("atanh", Op::Atanh, 1),
    op("hypot", Op::Hypot, 2),
    op("floor", Op::Floor, 1),
    op("ceil", Op::Ceil, 1),
    op("pow", Op::Pow, 2),
    op("mod", Op::Rem, 2),
    fold("min", Op::Min),
    fold("max", Op::Max),
    code("pwr", 2, |b, x| {
        let sign = sign(b, x[0]);
        let size = b.op(Op::Abs, &[x[0]]);
        let power = b.op(Op::Pow, &[size, x[1]]);
        Ok(b.op(Op::Mul, &[sign, power]))
    }),
    code("sgn", 1, |b, x| Ok(sign(b, x[0]))),
    code("int", 1, |b, x| {
        let zero = b.real(0.0);
        let negative = b.op(Op::Lt, &[x[0], zero]);
        let (up, down) = (b.op(Op::Ceil, &[x[0]]), b.op(Op::Floor, &[x[0]]));
        Ok(b.select(negative, up, down))
    }),
    code("nint", 1, round),
    code("round", 1, round),
    code("limit", 3, |b, x| {
        let above = b.op(Op::Max, &[x[0], x[1]]);
        Ok(b.op(Op::Min, &[above, x[2]]))
    }),
    code("u", 1, step),
    code("step", 1, step),
    code("uramp", 1, |b, x| {
        let zero = b.real(0.0);
        Ok(b.op(Op::Max, &[x[0], zero]))
    }),
    code("db", 1, |b, x| {
        let size = b.op(Op::Abs, &[x[0]]);
        let (log, twenty) = (b.op(Op::Log10, &[size]), b.real(20.0));
        Ok(b.op(Op::Mul, &[twenty, log]))
    }),
    code("if", 3, choose),
    code("ternary_fcn", 3, choose),
    Row { name: "table", least: 3, most: usize::MAX, make: Make::Code(table) },
];

/// Functions of other simulators that are refused by name.
pub const LATER: &[&str] = &["ddt", "idt", "sdt", "idtmod", "delay", "absdelay", "rand", "random", "mc", "white", "limit2", "ddx"];

const CONSTANTS: &[(&str, f64)] = &[
    ("pi", std::f64::consts::PI),
    ("e", std::f64::consts::E),
    ("boltz", units::BOLTZMANN),
    ("echarge", units::CHARGE),
    // Absolute zero in degrees Celsius, as in ngspice.
    ("kelvin", -units::CELSIUS),
    ("true", 1.0),
    ("false", 0.0),
    ("inf", f64::INFINITY),
];

/// The value of a built-in constant (any case).
pub fn constant(name: &str) -> Option<f64> {
    CONSTANTS.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1)
}

/// The row of a built-in function (any case).
pub fn function(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// Names of all functions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

impl Row {
    /// True if it may be called with `count` arguments.
    pub fn takes(&self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }

    /// "2 arguments", "at least 3 arguments".
    pub fn wanted(&self) -> String {
        let least = self.least;
        let noun = if least == 1 { "argument" } else { "arguments" };
        if self.most > least { format!("at least {least} {noun}") } else { format!("{least} {noun}") }
    }

    /// The value for real arguments, as many as it takes.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn build(&self, b: &mut Builder, x: &[Value]) -> Result<Value, String> {
        match self.make {
            Make::Op(op) => Ok(b.op(op, x)),
            Make::Fold(op) => Ok(x[1..].iter().fold(x[0], |all, next| b.op(op, &[all, *next]))),
            Make::Code(code) => code(b, x).map(|value| super::lower::to_real(b, value)),
        }
    }
}

/// -1, 0, 1.
fn sign(b: &mut Builder, x: Value) -> Value {
    let (zero, one, minus) = (b.real(0.0), b.real(1.0), b.real(-1.0));
    let (above, below) = (b.op(Op::Gt, &[x, zero]), b.op(Op::Lt, &[x, zero]));
    let lower = b.select(below, minus, zero);
    b.select(above, one, lower)
}

/// To the nearest integer, halves away from zero.
fn round(b: &mut Builder, x: &[Value]) -> Result<Value, String> {
    let (sign, size, half) = (sign(b, x[0]), b.op(Op::Abs, &[x[0]]), b.real(0.5));
    let more = b.op(Op::Add, &[size, half]);
    let whole = b.op(Op::Floor, &[more]);
    Ok(b.op(Op::Mul, &[sign, whole]))
}

/// 1 above zero, else 0.
fn step(b: &mut Builder, x: &[Value]) -> Result<Value, String> {
    let zero = b.real(0.0);
    Ok(b.op(Op::Gt, &[x[0], zero]))
}

fn choose(b: &mut Builder, x: &[Value]) -> Result<Value, String> {
    let condition = to_bool(b, x[0]);
    Ok(b.select(condition, x[1], x[2]))
}

/// `table(x, x1, y1, x2, y2, ...)`: straight lines between the points, level outside of them.
fn table(b: &mut Builder, values: &[Value]) -> Result<Value, String> {
    if values.len().is_multiple_of(2) {
        return Err(format!("a table needs pairs of numbers, not {} of them", values.len() - 1));
    }
    let x = values[0];
    let points: Vec<[Value; 2]> = values[1..].chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    let mut result = points[0][1];
    for (k, pair) in points.windows(2).enumerate() {
        let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
        if let (Some(left), Some(right)) = (b.constant(x0), b.constant(x1)) {
            if right < left || left.is_nan() || right.is_nan() {
                return Err(format!("the table's x falls from {left} to {right} at point {}", k + 2));
            }
            if left == right {
                // A step: the next segment, or the level behind the last point, goes on from the upper value.
                continue;
            }
        }
        let (width, height, along) = (b.op(Op::Sub, &[x1, x0]), b.op(Op::Sub, &[y1, y0]), b.op(Op::Sub, &[x, x0]));
        let slope = b.op(Op::Div, &[height, width]);
        let rise = b.op(Op::Mul, &[slope, along]);
        let line = b.op(Op::Add, &[y0, rise]);
        let right = b.op(Op::Gt, &[x, x0]);
        result = b.select(right, line, result);
    }
    let [last_x, last_y] = points[points.len() - 1];
    let beyond = b.op(Op::Gt, &[x, last_x]);
    Ok(b.select(beyond, last_y, result))
}
