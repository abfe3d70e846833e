//! What rounding does to the values of a function: each operation that rounds is moved by one unit in its last place, up or down at
//! random, and the function is evaluated some times (the random arithmetic of La Porte and Vignes, 1974). The largest change of an
//! output is the error that its last digits carry, whatever cancels inside. Two evaluations of the same function differ by that
//! much, and so does an exact derivative from one that was computed.

use memspice::ir::op::{Op, looked_up};
use memspice::ir::{Function, Input, Type};

use super::arithmetic::{self, Arithmetic};
use super::ir::Dice;

/// Evaluations. The largest of eight is rarely less than the standard deviation, which [`SURE`] of it then covers.
const TIMES: u64 = 8;

/// Real errors are held within this many of the largest change found: a normal error leaves eight standard deviations never.
pub const SURE: f64 = 8.0;

/// Factors of derivatives end at 1e100 (decision 27): what is lost there stands beside a value below its reciprocal.
pub const NOTHING: f64 = 1e-100;

/// The largest change of each output of `f`, which has the values `exact` there.
pub fn shaken(f: &Function, exact: &[f64], input: &dyn Fn(Input) -> f64) -> Vec<f64> {
    let mut largest = vec![0.0_f64; exact.len()];
    for seed in 0..TIMES {
        let found = arithmetic::outputs(f, &mut Shaken { read: input, dice: Dice(seed) });
        for ((largest, value), exact) in largest.iter_mut().zip(found).zip(exact) {
            *largest = largest.max((value - exact).abs());
        }
    }
    largest
}

struct Shaken<'a> {
    read: &'a dyn Fn(Input) -> f64,
    dice: Dice,
}

impl Arithmetic for Shaken<'_> {
    type Number = f64;

    fn constant(&mut self, number: f64) -> f64 {
        number
    }

    fn input(&mut self, which: Input) -> f64 {
        let value = (self.read)(which);
        // A probe is a difference of unknowns.
        if let Input::Probe(_) = which { self.moved(value) } else { value }
    }

    fn truth(number: f64) -> bool {
        number != 0.0
    }

    fn operation(&mut self, f: &Function, v: usize, op: Op, arguments: [f64; 3]) -> f64 {
        let [x, y, z] = arguments;
        let value = match op {
            Op::Lookup => {
                let (table, orders) = looked_up(x);
                f.tables[table].value([y, z], orders)
            }
            op => op.value(arguments),
        };
        // What is computed without rounding stays: zeros, copies, products by one, differences of neighbours.
        let exact = match op {
            Op::Neg
            | Op::Abs
            | Op::Min
            | Op::Max
            | Op::Select
            | Op::ToReal
            | Op::Saturate
            | Op::Rem
            | Op::Floor
            | Op::Ceil
            | Op::Hash => true,
            Op::Add | Op::Sub => {
                let y = if op == Op::Add { y } else { -y };
                let back = value - x;
                (x - (value - back)) + (y - back) == 0.0
            }
            Op::Mul => x.mul_add(y, -value) == 0.0,
            Op::Div => value.mul_add(-y, x) == 0.0,
            _ => value == 0.0,
        };
        if exact || f.types[v] != Type::Real { value } else { self.moved(value) }
    }
}

impl Shaken<'_> {
    /// A neighbour.
    fn moved(&mut self, value: f64) -> f64 {
        let up = self.dice.below(2) == 0;
        if value == 0.0 || !value.is_finite() {
            value
        } else if up {
            value.next_up()
        } else {
            value.next_down()
        }
    }
}
