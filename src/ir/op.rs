//! One row per operation: name, types, cost, value, derivative, vector code, and what to say when it fails.
//!
//! Everything that knows operations (builder, differentiation, interpreter, batch engine, printer, tests) reads [`TABLE`];
//! adding an operation is adding a name to [`Op`] and a row here. Derivative *factors* that can be infinite pass through
//! [`Op::Saturate`], so that their product with an exact zero is zero: the limit wherever one exists (decision 27).

use crate::ir::chance;
use crate::ir::kernels::Functions;
use crate::ir::simd::{Code, each, lanes};
use crate::ir::{Builder, Type, Value};

/// An operation on values. Booleans are 0 and 1, integers exact in `f64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Op {
    // real arithmetic
    Neg,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Min,
    Max,
    Abs,
    Pow,
    Sqrt,
    Hypot,
    Floor,
    Ceil,
    // real functions
    Exp,
    Expm1,
    Ln,
    Ln1p,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Atan2,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    /// exp below 80, its tangent above: `limexp` of the LRM in closed form.
    Limexp,
    /// Clamps a derivative factor to +-1e100 (decision 27); NaN becomes 0.
    Saturate,
    /// A whole number below 2^52 from three numbers: see `chance`.
    Hash,
    /// Quantiles of distributions, see `chance`; but for the normal one, shapes are not differentiated by.
    NormalQuantile,
    PoissonQuantile,
    GammaQuantile,
    StudentQuantile,
    /// A table of the function at a point of one or two variables: number of the table and orders of the derivative (see
    /// [`lookup`]), then the variables. Evaluators read `Function::tables`; the row's own value is undefined.
    Lookup,
    // integers: wrap to 32 bits; division truncates, by zero gives 0
    IntNeg,
    IntAdd,
    IntSub,
    IntMul,
    IntDiv,
    IntRem,
    IntAbs,
    IntMin,
    IntMax,
    BitAnd,
    BitOr,
    BitXor,
    BitNot,
    Shl,
    Shr,
    // comparisons (of reals or integers): Bool
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    // truth values
    And,
    Or,
    Not,
    /// condition, then, otherwise (of one type).
    Select,
    /// Int or Bool to Real.
    ToReal,
    /// Real to Int, rounded half away from zero (LRM 4.2.1.1); Bool to Int.
    ToInt,
    /// Real or Int to Bool: not zero.
    ToBool,
}

/// What an operation accepts as one argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Exactly this type.
    Only(Type),
    /// Any type.
    Any,
    /// The type of the argument before it.
    Same,
}

/// Arguments and result of an operation; `None` as a result: the type of the last argument.
pub type Signature = (&'static [Takes], Option<Type>);

/// Derivative of an operation.
#[derive(Clone, Copy)]
pub enum Rule {
    /// Piecewise constant.
    Zero,
    /// Partial derivative by argument `k` as a value; arguments are (builder, arguments, result, k).
    Factor(fn(&mut Builder, [Value; 3], Value, usize) -> Value),
    /// The whole derivative; the last argument holds the arguments' derivatives (0 where there is none).
    Whole(fn(&mut Builder, [Value; 3], [Value; 3]) -> Value),
}

/// All that is known of one operation.
pub struct Row {
    /// The operation; row number `op as usize`.
    pub op: Op,
    /// Its name in texts.
    pub name: &'static str,
    /// Types.
    pub signature: Signature,
    /// Cost in additions, for the choice between branching and selecting.
    pub cost: u32,
    /// Its value; unused arguments are ignored.
    pub value: fn([f64; 3]) -> f64,
    /// Its derivative.
    pub rule: Rule,
    /// Its vector code.
    pub code: Code,
    /// What to say when it is undefined or has a pole.
    pub trouble: &'static str,
}

impl Op {
    /// The row of this operation.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
    /// Number of arguments.
    pub fn arity(self) -> usize {
        self.row().signature.0.len()
    }
    /// The value for constant arguments.
    pub fn value(self, arguments: [f64; 3]) -> f64 {
        (self.row().value)(arguments)
    }
}

/// Bound of [`Op::Saturate`].
pub const SATURATION: f64 = 1e100;
/// Where [`Op::Limexp`] leaves the exponential.
pub const LIMEXP: f64 = 80.0;

/// `exp(LIMEXP)`
pub const LIMEXP_TOP: f64 = 5.54062238439351e34;

const REAL: Takes = Takes::Only(Type::Real);
const INT: Takes = Takes::Only(Type::Int);
const BOOL: Takes = Takes::Only(Type::Bool);
const ONE: Signature = (&[REAL], Some(Type::Real));
const TWO: Signature = (&[REAL, REAL], Some(Type::Real));
const INT_ONE: Signature = (&[INT], Some(Type::Int));
const INT_TWO: Signature = (&[INT, INT], Some(Type::Int));
const COMPARE: Signature = (&[Takes::Any, Takes::Same], Some(Type::Bool));
const BOOL_TWO: Signature = (&[BOOL, BOOL], Some(Type::Bool));

type Args = [f64; 3];

const fn row(op: Op, name: &'static str, signature: Signature, cost: u32, value: fn(Args) -> f64, rule: Rule, code: Code) -> Row {
    Row { op, name, signature, cost, value, rule, code, trouble: "" }
}

impl Row {
    /// The same row with a text for undefined results.
    const fn or(self, trouble: &'static str) -> Row {
        Row { trouble, ..self }
    }
}

/// An operation on integers: arguments and result are exact in `f64`.
macro_rules! int {
    ($op:expr, $name:expr, |$a:ident| $value:expr) => {
        row(
            $op,
            $name,
            INT_ONE,
            2,
            |[a, _, _]| {
                let $a = a as i32;
                f64::from($value)
            },
            Rule::Zero,
            each(),
        )
    };
    ($op:expr, $name:expr, |$a:ident, $b:ident| $value:expr) => {
        row(
            $op,
            $name,
            INT_TWO,
            2,
            |[a, b, _]| {
                let ($a, $b) = (a as i32, b as i32);
                f64::from($value)
            },
            Rule::Zero,
            each(),
        )
    };
}

/// A truth value as a number.
const fn truth(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

/// The table, in the order of [`Op`].
#[rustfmt::skip]
pub static TABLE: [Row; 68] = [
    row(Op::Neg, "neg", ONE, 1, |[x, _, _]| -x, Rule::Whole(|b, _, [d, _, _]| b.op(Op::Neg, &[d])), lanes!(x => x.neg())),
    row(Op::Add, "add", TWO, 1, |[x, y, _]| x + y, Rule::Whole(|b, _, [d, e, _]| b.op(Op::Add, &[d, e])), lanes!(x, y => x.add(y))),
    row(Op::Sub, "sub", TWO, 1, |[x, y, _]| x - y, Rule::Whole(|b, _, [d, e, _]| b.op(Op::Sub, &[d, e])), lanes!(x, y => x.sub(y))),
    row(Op::Mul, "mul", TWO, 1, |[x, y, _]| x * y, Rule::Factor(|b, x, _, k| tamed(b, x[1 - k])), lanes!(x, y => x.mul(y))),
    row(Op::Div, "div", TWO, 4, |[x, y, _]| x / y, Rule::Factor(quotient), lanes!(x, y => x.div(y))).or("division by zero"),
    row(Op::Rem, "rem", TWO, 20, |[x, y, _]| x % y, Rule::Factor(remainder), each()).or("remainder of a division by zero"),
    row(Op::Min, "min", TWO, 1, |[x, y, _]| if x < y { x } else { y }, Rule::Whole(|b, x, d| active(b, Op::Lt, x, d)), lanes!(x, y => x.min(y))),
    row(Op::Max, "max", TWO, 1, |[x, y, _]| if x > y { x } else { y }, Rule::Whole(|b, x, d| active(b, Op::Gt, x, d)), lanes!(x, y => x.max(y))),
    row(Op::Abs, "abs", ONE, 1, |[x, _, _]| x.abs(), Rule::Factor(|b, x, _, _| sign(b, x[0])), lanes!(x => x.abs())),
    row(Op::Pow, "pow", TWO, 60, |[x, y, _]| power(x, y), Rule::Factor(power_factor), lanes!(x, y => x.pow(y))).or("pow outside its domain"),
    row(Op::Sqrt, "sqrt", ONE, 5, |[x, _, _]| x.sqrt(), Rule::Factor(|b, _, y, _| { let half = b.real(0.5); ratio(b, half, y) }), lanes!(x => x.sqrt())).or("sqrt of a negative number"),
    row(Op::Hypot, "hypot", TWO, 20, |[x, y, _]| x.hypot(y), Rule::Factor(|b, x, y, k| ratio(b, x[k], y)), each()),
    row(Op::Floor, "floor", ONE, 1, |[x, _, _]| x.floor(), Rule::Zero, lanes!(x => x.floor())),
    row(Op::Ceil, "ceil", ONE, 1, |[x, _, _]| x.ceil(), Rule::Zero, lanes!(x => x.ceil())),
    row(Op::Exp, "exp", ONE, 20, |[x, _, _]| x.exp(), Rule::Factor(|b, _, y, _| b.op(Op::Saturate, &[y])), lanes!(x => x.exp())),
    row(Op::Expm1, "expm1", ONE, 30, |[x, _, _]| x.exp_m1(), Rule::Factor(|b, x, _, _| saturated(b, Op::Exp, x[0])), each()),
    row(Op::Ln, "ln", ONE, 20, |[x, _, _]| x.ln(), Rule::Factor(|b, x, _, _| reciprocal(b, x[0])), lanes!(x => x.ln())).or("ln of a number that is not positive"),
    row(Op::Ln1p, "ln1p", ONE, 30, |[x, _, _]| x.ln_1p(), Rule::Factor(|b, x, _, _| { let one = b.real(1.0); let sum = b.op(Op::Add, &[one, x[0]]); reciprocal(b, sum) }), each()).or("ln1p of -1 or less"),
    row(Op::Log10, "log10", ONE, 30, |[x, _, _]| x.log10(), Rule::Factor(|b, x, _, _| { let r = reciprocal(b, x[0]); let c = b.real(std::f64::consts::LOG10_E); b.op(Op::Mul, &[r, c]) }), each()).or("log10 of a number that is not positive"),
    row(Op::Sin, "sin", ONE, 30, |[x, _, _]| x.sin(), Rule::Factor(|b, x, _, _| b.op(Op::Cos, &[x[0]])), each()).or("sin of an infinite number"),
    row(Op::Cos, "cos", ONE, 30, |[x, _, _]| x.cos(), Rule::Factor(|b, x, _, _| { let s = b.op(Op::Sin, &[x[0]]); b.op(Op::Neg, &[s]) }), each()).or("cos of an infinite number"),
    row(Op::Tan, "tan", ONE, 30, |[x, _, _]| x.tan(), Rule::Factor(|b, _, y, _| { let s = b.op(Op::Mul, &[y, y]); let one = b.real(1.0); b.op(Op::Add, &[s, one]) }), each()).or("tan of an infinite number"),
    row(Op::Asin, "asin", ONE, 30, |[x, _, _]| x.asin(), Rule::Factor(|b, x, _, _| { let s = one_minus_square(b, x[0]); let r = b.op(Op::Sqrt, &[s]); reciprocal(b, r) }), each()).or("asin of a number outside [-1, 1]"),
    row(Op::Acos, "acos", ONE, 30, |[x, _, _]| x.acos(), Rule::Factor(|b, x, _, _| { let s = one_minus_square(b, x[0]); let r = b.op(Op::Sqrt, &[s]); let c = reciprocal(b, r); b.op(Op::Neg, &[c]) }), each()).or("acos of a number outside [-1, 1]"),
    row(Op::Atan, "atan", ONE, 30, |[x, _, _]| x.atan(), Rule::Factor(|b, x, _, _| { let s = one_plus_square(b, x[0]); let one = b.real(1.0); b.op(Op::Div, &[one, s]) }), each()),
    row(Op::Atan2, "atan2", TWO, 30, |[y, x, _]| y.atan2(x), Rule::Factor(angle), each()),
    row(Op::Sinh, "sinh", ONE, 30, |[x, _, _]| x.sinh(), Rule::Factor(|b, x, _, _| saturated(b, Op::Cosh, x[0])), lanes!(x => x.sinh())),
    row(Op::Cosh, "cosh", ONE, 30, |[x, _, _]| x.cosh(), Rule::Factor(|b, x, _, _| saturated(b, Op::Sinh, x[0])), lanes!(x => x.cosh())),
    row(Op::Tanh, "tanh", ONE, 30, |[x, _, _]| x.tanh(), Rule::Factor(|b, _, y, _| one_minus_square(b, y)), lanes!(x => x.tanh())),
    row(Op::Asinh, "asinh", ONE, 40, |[x, _, _]| x.asinh(), Rule::Factor(|b, x, _, _| { let s = one_plus_square(b, x[0]); let r = b.op(Op::Sqrt, &[s]); let one = b.real(1.0); b.op(Op::Div, &[one, r]) }), each()),
    row(Op::Acosh, "acosh", ONE, 40, |[x, _, _]| x.acosh(), Rule::Factor(acosh_factor), each()).or("acosh of a number below 1"),
    row(Op::Atanh, "atanh", ONE, 40, |[x, _, _]| x.atanh(), Rule::Factor(|b, x, _, _| { let s = one_minus_square(b, x[0]); reciprocal(b, s) }), each()).or("atanh of a number outside (-1, 1)"),
    row(Op::Limexp, "limexp", ONE, 22, |[x, _, _]| limexp(x), Rule::Factor(|b, _, y, _| { let top = b.real(LIMEXP_TOP); b.op(Op::Min, &[y, top]) }), lanes!(x => x.limexp())),
    row(Op::Saturate, "saturate", ONE, 2, |[x, _, _]| saturate(x), Rule::Factor(|b, x, _, _| inside(b, x[0])), lanes!(x => x.saturate())),
    row(Op::Hash, "hash", (&[Takes::Any, Takes::Any, Takes::Any], Some(Type::Real)), 20, chance::hash, Rule::Zero, each()),
    row(Op::NormalQuantile, "normal_quantile", ONE, 60, |[u, _, _]| chance::normal(u), Rule::Factor(normal_factor), each()).or("quantile of a number outside (0, 1)"),
    row(Op::PoissonQuantile, "poisson_quantile", TWO, 900, |[u, mean, _]| chance::poisson(u, mean), Rule::Zero, each()).or("Poisson distribution whose mean is not positive"),
    row(Op::GammaQuantile, "gamma_quantile", TWO, 900, |[u, shape, _]| chance::gamma(u, shape), Rule::Zero, each()).or("gamma distribution whose shape is not positive"),
    row(Op::StudentQuantile, "student_quantile", TWO, 900, |[u, freedom, _]| chance::student(u, freedom), Rule::Zero, each()).or("t distribution whose degrees of freedom are not positive"),
    row(Op::Lookup, "lookup", (&[INT, REAL, REAL], Some(Type::Real)), 60, |_| f64::NAN, Rule::Factor(steeper), each()).or("a table looked up at something that is no number"),
    int!(Op::IntNeg, "int_neg", |a| a.wrapping_neg()),
    int!(Op::IntAdd, "int_add", |a, b| a.wrapping_add(b)),
    int!(Op::IntSub, "int_sub", |a, b| a.wrapping_sub(b)),
    int!(Op::IntMul, "int_mul", |a, b| a.wrapping_mul(b)),
    int!(Op::IntDiv, "int_div", |a, b| if b == 0 { 0 } else { a.wrapping_div(b) }),
    int!(Op::IntRem, "int_rem", |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }),
    int!(Op::IntAbs, "int_abs", |a| a.wrapping_abs()),
    int!(Op::IntMin, "int_min", |a, b| a.min(b)),
    int!(Op::IntMax, "int_max", |a, b| a.max(b)),
    int!(Op::BitAnd, "bit_and", |a, b| a & b),
    int!(Op::BitOr, "bit_or", |a, b| a | b),
    int!(Op::BitXor, "bit_xor", |a, b| a ^ b),
    int!(Op::BitNot, "bit_not", |a| !a),
    int!(Op::Shl, "shl", |a, b| if (0..32).contains(&b) { a << b } else { 0 }),
    int!(Op::Shr, "shr", |a, b| if (0..32).contains(&b) { ((a as u32) >> b) as i32 } else { 0 }),
    row(Op::Lt, "lt", COMPARE, 1, |[x, y, _]| truth(x < y), Rule::Zero, lanes!(x, y => x.lt(y).truth())),
    row(Op::Le, "le", COMPARE, 1, |[x, y, _]| truth(x <= y), Rule::Zero, lanes!(x, y => x.le(y).truth())),
    row(Op::Gt, "gt", COMPARE, 1, |[x, y, _]| truth(x > y), Rule::Zero, lanes!(x, y => y.lt(x).truth())),
    row(Op::Ge, "ge", COMPARE, 1, |[x, y, _]| truth(x >= y), Rule::Zero, lanes!(x, y => y.le(x).truth())),
    row(Op::Eq, "eq", COMPARE, 1, |[x, y, _]| truth(x == y), Rule::Zero, lanes!(x, y => x.eq(y).truth())),
    row(Op::Ne, "ne", COMPARE, 1, |[x, y, _]| truth(x != y), Rule::Zero, lanes!(x, y => V::splat(1.0).sub(x.eq(y).truth()))),
    row(Op::And, "and", BOOL_TWO, 1, |[x, y, _]| x * y, Rule::Zero, lanes!(x, y => x.mul(y))),
    row(Op::Or, "or", BOOL_TWO, 1, |[x, y, _]| if x > y { x } else { y }, Rule::Zero, lanes!(x, y => x.max(y))),
    row(Op::Not, "not", (&[BOOL], Some(Type::Bool)), 1, |[x, _, _]| 1.0 - x, Rule::Zero, lanes!(x => V::splat(1.0).sub(x))),
    row(Op::Select, "select", (&[BOOL, Takes::Any, Takes::Same], None), 1, |[c, x, y]| if c != 0.0 { x } else { y }, Rule::Whole(|b, [c, _, _], [_, d, e]| b.select(c, d, e)), lanes!(c, x, y => c.eq(V::splat(0.0)).choose(y, x))),
    row(Op::ToReal, "to_real", (&[Takes::Any], Some(Type::Real)), 0, |[x, _, _]| x, Rule::Zero, lanes!(x => x)),
    row(Op::ToInt, "to_int", (&[Takes::Any], Some(Type::Int)), 2, |[x, _, _]| f64::from(x.round() as i32), Rule::Zero, each()),
    row(Op::ToBool, "to_bool", (&[Takes::Any], Some(Type::Bool)), 1, |[x, _, _]| truth(x != 0.0), Rule::Zero, lanes!(x => V::splat(1.0).sub(x.eq(V::splat(0.0)).truth()))),
];

/// `d z / d u`: one over the normal density at z.
fn normal_factor(b: &mut Builder, _: [Value; 3], z: Value, _: usize) -> Value {
    let (half, root) = (b.real(0.5), b.real((2.0 * std::f64::consts::PI).sqrt()));
    let square = b.op(Op::Mul, &[z, z]);
    let exponent = b.op(Op::Mul, &[half, square]);
    let growth = saturated(b, Op::Exp, exponent);
    b.op(Op::Mul, &[root, growth])
}

/// The first argument of [`Op::Lookup`]: table, and how often it is differentiated by each variable.
pub const fn lookup(table: u32, orders: [u8; 2]) -> i32 {
    (table * 16 + orders[0] as u32 * 4 + orders[1] as u32) as i32
}

/// What [`lookup`] was made of.
pub fn looked_up(code: f64) -> (usize, [u8; 2]) {
    let code = code as u32;
    ((code / 16) as usize, [(code / 4 % 4) as u8, (code % 4) as u8])
}

/// Derivative of a lookup: the same one, an order higher; no interpolant has a fourth.
fn steeper(b: &mut Builder, x: [Value; 3], _: Value, k: usize) -> Value {
    let (table, mut orders) = looked_up(b.constant(x[0]).unwrap_or(0.0));
    let Some(order) = k.checked_sub(1).and_then(|k| orders.get_mut(k)).filter(|order| **order < 3) else { return b.real(0.0) };
    *order += 1;
    let code = b.int(lookup(table as u32, orders));
    b.op(Op::Lookup, &[code, x[1], x[2]])
}

/// `x^y`; exponents that are a few multiplications are those, so that folding to them changes no value.
pub fn power(x: f64, y: f64) -> f64 {
    match y {
        0.5 => x.sqrt(),
        -1.0 => 1.0 / x,
        2.0 => x * x,
        3.0 => x * x * x,
        4.0 => (x * x) * (x * x),
        _ => x.powf(y),
    }
}

/// `exp(x)` up to [`LIMEXP`], its tangent there beyond.
pub fn limexp(x: f64) -> f64 {
    if x < LIMEXP { x.exp() } else { LIMEXP_TOP * (x - LIMEXP + 1.0) }
}

/// See [`Op::Saturate`].
pub fn saturate(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-SATURATION, SATURATION) }
}

/// `a / b`, saturated.
fn ratio(b: &mut Builder, numerator: Value, denominator: Value) -> Value {
    let quotient = b.op(Op::Div, &[numerator, denominator]);
    b.op(Op::Saturate, &[quotient])
}

/// `1 / x`, saturated.
fn reciprocal(b: &mut Builder, x: Value) -> Value {
    let one = b.real(1.0);
    ratio(b, one, x)
}

/// `(1 - x)(1 + x)`: no cancellation near 1.
fn one_minus_square(b: &mut Builder, x: Value) -> Value {
    let one = b.real(1.0);
    let (low, high) = (b.op(Op::Sub, &[one, x]), b.op(Op::Add, &[one, x]));
    b.op(Op::Mul, &[low, high])
}

/// `1 + x^2`.
fn one_plus_square(b: &mut Builder, x: Value) -> Value {
    let (one, square) = (b.real(1.0), b.op(Op::Mul, &[x, x]));
    b.op(Op::Add, &[one, square])
}

/// `op(x)`, saturated: where it overflows, the factors behind it vanish (`1 / (1 + exp(x))`).
fn saturated(b: &mut Builder, op: Op, x: Value) -> Value {
    let value = b.op(op, &[x]);
    b.op(Op::Saturate, &[value])
}

/// `d acosh(x)`: `1 / sqrt((x - 1) (x + 1))`.
fn acosh_factor(b: &mut Builder, x: [Value; 3], _: Value, _: usize) -> Value {
    let one = b.real(1.0);
    let (low, high) = (b.op(Op::Sub, &[x[0], one]), b.op(Op::Add, &[x[0], one]));
    let square = b.op(Op::Mul, &[low, high]);
    let root = b.op(Op::Sqrt, &[square]);
    reciprocal(b, root)
}

/// A factor of a product, saturated if it is a logarithm: `x ln x` has a derivative wherever `x` has.
fn tamed(b: &mut Builder, x: Value) -> Value {
    match b.operation(x) {
        Some(Op::Ln | Op::Log10 | Op::Ln1p) => b.op(Op::Saturate, &[x]),
        _ => x,
    }
}

/// `d(x / y)`: `1 / y` and `-(x / y) / y`.
fn quotient(b: &mut Builder, x: [Value; 3], result: Value, k: usize) -> Value {
    let inverse = reciprocal(b, x[1]);
    if k == 0 {
        return inverse;
    }
    let product = b.op(Op::Mul, &[result, inverse]);
    let bounded = if b.constant(x[1]).is_some() { product } else { b.op(Op::Saturate, &[product]) };
    b.op(Op::Neg, &[bounded])
}

/// `d(x % y)`: 1 and `-trunc(x / y)`.
fn remainder(b: &mut Builder, x: [Value; 3], result: Value, k: usize) -> Value {
    if k == 0 {
        return b.real(1.0);
    }
    let whole = b.op(Op::Sub, &[result, x[0]]);
    ratio(b, whole, x[1])
}

/// `sign(x)`, 0 at 0.
fn sign(b: &mut Builder, x: Value) -> Value {
    let (zero, plus, minus) = (b.real(0.0), b.real(1.0), b.real(-1.0));
    let (above, below) = (b.op(Op::Gt, &[x, zero]), b.op(Op::Lt, &[x, zero]));
    let other = b.select(below, minus, zero);
    b.select(above, plus, other)
}

/// 1 where [`Op::Saturate`] does nothing, else 0.
fn inside(b: &mut Builder, x: Value) -> Value {
    let (size, bound) = (b.op(Op::Abs, &[x]), b.real(SATURATION));
    let (within, one, zero) = (b.op(Op::Lt, &[size, bound]), b.real(1.0), b.real(0.0));
    b.select(within, one, zero)
}

/// Derivative of the argument that a minimum or maximum takes.
fn active(b: &mut Builder, comparison: Op, x: [Value; 3], d: [Value; 3]) -> Value {
    let first = b.op(comparison, &[x[0], x[1]]);
    b.select(first, d[0], d[1])
}

/// `d atan2(y, x)`: `x / (x^2 + y^2)` and `-y / (x^2 + y^2)`.
fn angle(b: &mut Builder, x: [Value; 3], _: Value, k: usize) -> Value {
    let (first, second) = (b.op(Op::Mul, &[x[0], x[0]]), b.op(Op::Mul, &[x[1], x[1]]));
    let square = b.op(Op::Add, &[first, second]);
    let factor = ratio(b, x[1 - k], square);
    if k == 0 { factor } else { b.op(Op::Neg, &[factor]) }
}

/// `d x^y`: `y x^(y-1)`, written as `y (x^y / x)` where `x` is not 0 and as its limit there; and `x^y ln x`, 0 unless `x > 0`.
fn power_factor(b: &mut Builder, x: [Value; 3], result: Value, k: usize) -> Value {
    let (zero, one) = (b.real(0.0), b.real(1.0));
    if k == 1 {
        let (positive, logarithm) = (b.op(Op::Gt, &[x[0], zero]), b.op(Op::Ln, &[x[0]]));
        let slope = b.op(Op::Mul, &[result, logarithm]);
        let bounded = b.op(Op::Saturate, &[slope]);
        return b.select(positive, bounded, zero);
    }
    let (steep, top) = (b.op(Op::Lt, &[x[1], one]), b.real(SATURATION));
    let (linear, rest) = (b.op(Op::Eq, &[x[1], one]), b.op(Op::Eq, &[x[0], zero]));
    let gentle = b.select(linear, one, zero);
    let limit = b.select(steep, top, gentle);
    let quotient = b.op(Op::Div, &[result, x[0]]);
    let bounded = b.op(Op::Saturate, &[quotient]);
    let lowered = b.select(rest, limit, bounded);
    b.op(Op::Mul, &[x[1], lowered])
}
