//! Exponentials written out: the operations of `kernels` in their order, so that the bits are the same.

use super::encode::{Binary, Compare, Operand, Vector};
use super::{CONSTANTS as FIRST, Constant, ENTRY, Held, Op, SPARE, Step, Writer};
use crate::ir::kernels::{LN2, LN2_REST, MAGIC};
use crate::ir::op::{LIMEXP, LIMEXP_TOP};

/// Vectors needed beside the spare ones.
const TEMPORARY: usize = 6;
/// Number of no register.
const RESERVED: u32 = u32::MAX;

/// Places among [`CONSTANTS`].
#[derive(Clone, Copy)]
enum Number {
    Top,
    Bottom,
    Log2E,
    Magic,
    Ln2,
    Ln2Rest,
    Half,
    Exponent,
    Bound,
    BoundTop,
    Series,
}

/// Behind the constants of the other operations: bounds, range reduction, and the coefficients of the series in pairs as they are used.
pub(super) const CONSTANTS: [f64; 22] = [
    711.0,
    -746.0,
    std::f64::consts::LOG2_E,
    MAGIC,
    -LN2,
    -LN2_REST,
    0.5,
    MAGIC + 1023.0,
    LIMEXP,
    LIMEXP_TOP,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5040.0,
    1.0 / (362_880.0 / 9.0),
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

fn at(place: usize) -> Operand {
    Operand::Pool(((FIRST.len() + place) * ENTRY) as u32)
}

impl From<Number> for Operand {
    fn from(number: Number) -> Operand {
        at(number as usize)
    }
}

impl Writer<'_> {
    /// `e^x`, or its tangent beyond the bound.
    pub(super) fn exponential(&mut self, step: &Step, next: &[u32; 4]) {
        let used = &step.arguments[..1];
        let x = self.operand(step.arguments[0], next[0], used);
        let space: [Vector; TEMPORARY] = std::array::from_fn(|_| {
            let k = self.make_room(used);
            self.held[k] = Some(Held { register: RESERVED, next: 0, changed: false });
            k as Vector
        });
        self.exp(x, space);
        if step.op == Op::Limexp {
            self.tangent(x, space);
        }
        space.iter().for_each(|k| self.held[*k as usize] = None);
        self.drop_gone(step);
        self.held[space[2] as usize] = Some(Held { register: step.to, next: next[3], changed: true });
    }

    /// `e^x` into the third vector.
    fn exp(&mut self, x: Operand, [bounded, k, r, r2, r4, middle]: [Vector; TEMPORARY]) {
        let [low, pair] = SPARE;
        let code = &mut self.code;
        let held = Operand::Register;
        code.load(bounded, Number::Top.into());
        code.binary(Binary::Min, bounded, bounded, x);
        code.load(k, Number::Bottom.into());
        code.binary(Binary::Max, bounded, k, held(bounded));
        // x = k ln 2 + r
        code.load(k, Number::Magic.into());
        code.fused(k, bounded, Number::Log2E.into());
        code.binary(Binary::Sub, k, k, Number::Magic.into());
        code.load(r, held(bounded));
        code.fused(r, k, Number::Ln2.into());
        code.fused(r, k, Number::Ln2Rest.into());
        // The series.
        code.binary(Binary::Mul, r2, r, held(r));
        code.binary(Binary::Mul, r4, r2, held(r2));
        let high = bounded;
        for (quarter, sum) in [low, middle, high].into_iter().enumerate() {
            let first = Number::Series as usize + 4 * quarter;
            code.load(sum, at(first));
            code.fused(sum, r, at(first + 1));
            code.load(pair, at(first + 2));
            code.fused(pair, r, at(first + 3));
            code.fused(sum, r2, held(pair));
        }
        code.fused(middle, r4, held(high));
        code.fused(low, r4, held(middle));
        code.fused(r, r2, held(low));
        code.binary(Binary::Add, r, r, Constant::One.into());
        // Scaled in two steps.
        let half = r2;
        code.binary(Binary::Mul, half, k, Number::Half.into());
        code.binary(Binary::Add, half, half, Number::Magic.into());
        code.binary(Binary::Sub, half, half, Number::Magic.into());
        code.binary(Binary::Sub, k, k, held(half));
        for part in [half, k] {
            code.binary(Binary::Add, part, part, Number::Exponent.into());
            code.shift_up(part, part, 52);
            code.binary(Binary::Mul, r, r, held(part));
        }
    }

    /// Replaces what is in the third vector by the tangent where x is beyond the bound.
    fn tangent(&mut self, x: Operand, [line, copy, result, ..]: [Vector; TEMPORARY]) {
        let mask = SPARE[1];
        let code = &mut self.code;
        code.load(copy, x);
        code.binary(Binary::Sub, line, copy, Number::Bound.into());
        code.binary(Binary::Add, line, line, Constant::One.into());
        code.binary(Binary::Mul, line, line, Number::BoundTop.into());
        code.compare(Compare::Less, mask, copy, Number::Bound.into());
        code.blend(result, Operand::Register(result), line, mask);
    }
}
