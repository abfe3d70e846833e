//! Vector code of the operations (the portable path only, for now).

/// Vector code of one operation.
#[derive(Clone, Copy)]
pub enum Code {
    /// The value function, lane by lane.
    Each,
}

/// Lane by lane.
pub const fn each() -> Code {
    Code::Each
}

/// Vector code from an expression in vectors.
macro_rules! lanes {
    ($($name:ident),* => $body:expr) => {
        crate::ir::simd::each()
    };
}
pub(crate) use lanes;
