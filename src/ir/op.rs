//! One row per operation: name, arity, types, value, derivative.

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
