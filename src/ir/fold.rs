//! Algebraic identities that hold in IEEE arithmetic for every value, up to the sign of a zero.
//!
//! `0 x` stays (x may be infinite); structural zeros of derivatives never get here, see `diff`.

use crate::ir::{Builder, Inst, Op, Type, Value};

/// Something simpler than `op` on `arguments`, not all of which are constants.
pub fn simplify(b: &mut Builder, op: Op, arguments: [Value; 3], kind: Type) -> Option<Value> {
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Neg => arithmetic(b, op, arguments),
        Op::Pow => b.constant(arguments[1]).and_then(|y| power(b, arguments[0], y)),
        Op::Saturate | Op::Abs => (b.operation(arguments[0]) == Some(op)).then_some(arguments[0]),
        Op::Min | Op::Max | Op::IntMin | Op::IntMax if arguments[0] == arguments[1] => Some(arguments[0]),
        Op::And | Op::Or | Op::Not | Op::Select => logic(b, op, arguments),
        Op::ToReal | Op::ToInt | Op::ToBool => (b.type_of(arguments[0]) == kind).then_some(arguments[0]),
        _ => None,
    }
}

/// The argument of a negation.
fn negated(b: &Builder, value: Value) -> Option<Value> {
    match b.function.insts[value.0 as usize] {
        Inst::Op(Op::Neg, arguments) => Some(arguments[0]),
        _ => None,
    }
}

fn arithmetic(b: &mut Builder, op: Op, [x, y, _]: [Value; 3]) -> Option<Value> {
    let (left, right) = (b.constant(x), b.constant(y));
    let (minus_x, minus_y) = (negated(b, x), negated(b, y));
    match op {
        Op::Neg => minus_x,
        Op::Add => match (left, right, minus_x, minus_y) {
            (_, Some(0.0), ..) => Some(x),
            (Some(0.0), ..) => Some(y),
            (_, _, _, Some(v)) => Some(b.op(Op::Sub, &[x, v])),
            (_, _, Some(v), _) => Some(b.op(Op::Sub, &[y, v])),
            _ => None,
        },
        Op::Sub => match (left, right, minus_y) {
            (_, Some(0.0), _) => Some(x),
            (Some(0.0), ..) => Some(b.op(Op::Neg, &[y])),
            (_, _, Some(v)) => Some(b.op(Op::Add, &[x, v])),
            _ => None,
        },
        Op::Mul => match (left, right, minus_x, minus_y) {
            (_, Some(1.0), ..) => Some(x),
            (Some(1.0), ..) => Some(y),
            (_, Some(-1.0), ..) => Some(b.op(Op::Neg, &[x])),
            (Some(-1.0), ..) => Some(b.op(Op::Neg, &[y])),
            (_, _, Some(v), Some(w)) => Some(b.op(Op::Mul, &[v, w])),
            _ => None,
        },
        Op::Div => match right {
            Some(1.0) => Some(x),
            Some(-1.0) => Some(b.op(Op::Neg, &[x])),
            // The inverse of a power of two is exact.
            Some(c) if c.is_normal() && c.recip().is_normal() && c.to_bits().trailing_zeros() >= 52 => {
                let inverse = b.real(c.recip());
                Some(b.op(Op::Mul, &[x, inverse]))
            }
            _ => None,
        },
        _ => None,
    }
}

/// `x^y` for the exponents that `op::power` treats in the same way.
fn power(b: &mut Builder, x: Value, y: f64) -> Option<Value> {
    match y {
        0.0 => Some(b.real(1.0)),
        1.0 => Some(x),
        0.5 => Some(b.op(Op::Sqrt, &[x])),
        -1.0 => {
            let one = b.real(1.0);
            Some(b.op(Op::Div, &[one, x]))
        }
        2.0 => Some(b.op(Op::Mul, &[x, x])),
        3.0 => {
            let square = b.op(Op::Mul, &[x, x]);
            Some(b.op(Op::Mul, &[square, x]))
        }
        4.0 => {
            let square = b.op(Op::Mul, &[x, x]);
            Some(b.op(Op::Mul, &[square, square]))
        }
        _ => None,
    }
}

fn logic(b: &mut Builder, op: Op, [x, y, z]: [Value; 3]) -> Option<Value> {
    let truth = |v: Value| b.constant(v).map(|c| c != 0.0);
    match (op, truth(x), truth(y)) {
        (Op::And, Some(true), _) | (Op::Or, Some(false), _) => Some(y),
        (Op::And, _, Some(true)) | (Op::Or, _, Some(false)) => Some(x),
        (Op::And, Some(false), _) | (Op::Or, Some(true), _) => Some(x),
        (Op::And, _, Some(false)) | (Op::Or, _, Some(true)) => Some(y),
        (Op::And | Op::Or, ..) => (x == y).then_some(x),
        (Op::Not, ..) => match b.function.insts[x.0 as usize] {
            Inst::Op(Op::Not, arguments) => Some(arguments[0]),
            _ => None,
        },
        (Op::Select, Some(true), _) => Some(y),
        (Op::Select, Some(false), _) => Some(z),
        (Op::Select, ..) if y == z => Some(y),
        (Op::Select, ..) => match b.function.insts[x.0 as usize] {
            Inst::Op(Op::Not, arguments) => Some(b.op(Op::Select, &[arguments[0], z, y])),
            _ => None,
        },
        _ => None,
    }
}
