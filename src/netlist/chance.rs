//! Random numbers in expressions: the distributions of other simulators, and how a draw becomes one of their values.
//!
//! A draw is a whole number that the seed of the deck and the number of the call decide on ([`crate::ir::chance`]); who counts
//! the calls is whoever reads the expression. Values are functions of it, so that derivatives by their arguments are exact and
//! another seed needs no new circuit.

use crate::ir::chance::HASHES;
use crate::ir::{Builder, Op, Value};

/// Name, number of arguments, and the value for its arguments and a number between 0 and 1.
type Row = (&'static str, usize, fn(&mut Builder, &[Value], Value) -> Value);

const ROWS: [Row; 5] = [
    // nom + abs/sigma N(0, 1)
    ("agauss", 3, |b, x, u| {
        let width = b.op(Op::Div, &[x[1], x[2]]);
        let normal = b.op(Op::NormalQuantile, &[u]);
        around(b, x[0], width, normal)
    }),
    // nom (1 + rel/sigma N(0, 1))
    ("gauss", 3, |b, x, u| {
        let relative = b.op(Op::Div, &[x[1], x[2]]);
        let (width, normal) = (b.op(Op::Mul, &[x[0], relative]), b.op(Op::NormalQuantile, &[u]));
        around(b, x[0], width, normal)
    }),
    // nom - abs to nom + abs
    ("aunif", 2, |b, x, u| {
        let side = both(b, u);
        around(b, x[0], x[1], side)
    }),
    // nom (1 - rel) to nom (1 + rel)
    ("unif", 2, |b, x, u| {
        let (width, side) = (b.op(Op::Mul, &[x[0], x[1]]), both(b, u));
        around(b, x[0], width, side)
    }),
    // nom - abs or nom + abs; with three arguments `limit` is something else
    ("limit", 2, |b, x, u| {
        let (half, one, minus) = (b.real(0.5), b.real(1.0), b.real(-1.0));
        let upper = b.op(Op::Gt, &[u, half]);
        let side = b.select(upper, one, minus);
        around(b, x[0], x[1], side)
    }),
];

/// The distribution of this name (any case) that takes this many arguments.
pub fn distribution(name: &str, arguments: usize) -> Option<usize> {
    ROWS.iter().position(|row| row.1 == arguments && row.0.eq_ignore_ascii_case(name))
}

/// How many arguments the distribution of this name takes, for messages.
pub fn wanted(name: &str) -> Option<usize> {
    ROWS.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1)
}

/// Draw number `call` of the stream of `seed`: a number between 0 and 1, both excluded.
pub fn draw(b: &mut Builder, seed: Value, call: u32) -> Value {
    // One stream of draws among those of the models, whose last number is 0 or 1.
    let (call, stream) = (b.real(f64::from(call)), b.real(2.0));
    let hash = b.op(Op::Hash, &[seed, call, stream]);
    let (half, size) = (b.real(0.5), b.real(HASHES));
    let middle = b.op(Op::Add, &[hash, half]);
    b.op(Op::Div, &[middle, size])
}

/// The value of distribution `row`.
pub fn value(b: &mut Builder, row: usize, arguments: &[Value], uniform: Value) -> Value {
    (ROWS[row].2)(b, arguments, uniform)
}

/// From -1 to 1.
fn both(b: &mut Builder, u: Value) -> Value {
    let (two, one) = (b.real(2.0), b.real(1.0));
    let double = b.op(Op::Mul, &[u, two]);
    b.op(Op::Sub, &[double, one])
}

fn around(b: &mut Builder, middle: Value, width: Value, side: Value) -> Value {
    let away = b.op(Op::Mul, &[width, side]);
    b.op(Op::Add, &[middle, away])
}
