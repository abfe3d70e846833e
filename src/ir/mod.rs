//! The mathematics of one model: typed values in single assignment, structured control flow.
//!
//! A [`Function`] is a list of instructions, each of which defines one [`Value`], and a tree of [`Region`]s that says in
//! which order and under which condition they are computed. There are no jumps: an `If` has two regions, a `Loop` one, and
//! both hand out results, so that every pass is one walk. All operations are pure; computing an instruction that is not
//! needed is waste, never an error (values stay IEEE: infinities and NaN of an arm not taken are dropped by the selection).
//!
//! Values are `f64` at run time whatever their type: integers are exact (32 bit), booleans are 0 and 1.

use crate::span::Span;

pub mod batch;
pub mod build;
pub mod chance;
pub mod diff;
pub mod few;
pub mod fold;
pub mod formula;
pub mod interp;
pub mod kernels;
pub mod live;
#[cfg(all(unix, target_arch = "x86_64"))]
pub mod native;
#[cfg(not(all(unix, target_arch = "x86_64")))]
#[path = "native/none.rs"]
pub mod native;
pub mod op;
pub mod rate;
pub mod registers;
pub mod sets;
pub mod simd;
pub mod small;
pub mod table;
pub mod text;
pub mod verify;

pub use build::Builder;
pub use op::Op;

/// Index of an instruction and of the value that it defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Value(pub u32);

/// Index of a region.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Region(pub u32);

/// Index of an `If` or a `Loop`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(pub u32);

/// What a value stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// A real number.
    Real,
    /// An integer of 32 bits, two's complement.
    Int,
    /// True or false.
    Bool,
}

/// What a function is given from outside, one value per instance (lane).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Input {
    /// Parameter number k.
    Param(u32),
    /// Whether parameter k was given (Bool).
    Given(u32),
    /// Whether port k is connected (Bool).
    Connected(u32),
    /// Temperature of the instance, K.
    Temperature,
    /// Multiplicity of the instance.
    Multiplicity,
    /// Simulator parameter k of the model's own list of names (`$simparam("gmin")`).
    Simulator(u32),
    /// Random stream of the instance: a number made of the deck's seed and the instance's name.
    Stream,
    /// Random stream that all instances share: a number made of the deck's seed.
    Seed,
    /// What runs (see `dae::Phase`), as its number (Int).
    Phase,
    /// Time, s.
    Time,
    /// Probe k: difference of two unknowns, limited if the model asks for it. Derivatives are taken by these.
    Probe(u32),
    /// Small-signal source k (noise, `ac_stim`): 0 everywhere, but differentiated by in small-signal analyses.
    Small(u32),
    /// Limited value of probe k in the last Newton iterate (programs of `$limit`).
    Trial(u32),
    /// Retained value k, from the last accepted point.
    Past(u32),
    /// Whether event k fires (Bool): false but in the evaluation that commits the point where it does.
    Fired(u32),
    /// Signal k as it was its delay ago. Within the step being taken its present value counts with the weight of `Share`,
    /// which is left out here.
    Delayed(u32),
    /// Weight of the present value of signal k in its delayed one: not 0 only where the delay is shorter than the step.
    Share(u32),
    /// Value k handed over from the setup function (see `rate`).
    Hoisted(u32),
    /// Argument k of a free-standing function (deck expressions).
    Argument(u32),
}

/// How often a value changes; ordered, the later the more often.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rate {
    /// Written in the source.
    Constant,
    /// With parameters, temperature, simulator parameters.
    Parameter,
    /// With time, the phase or the retained values: once per time point.
    Time,
    /// With the iterate.
    Iterate,
}

/// How one value comes about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Inst {
    /// A number.
    Const(f64),
    /// From outside.
    Input(Input),
    /// An operation on up to three values (`Op::arity` of them count).
    Op(Op, [Value; 3]),
    /// Result `index` of an `If` or a `Loop`.
    Result(Node, u32),
    /// Value `index` that a loop carries, inside its body: the initial value in the first round, then `next`.
    Carried(Node, u32),
    /// Partial derivative of the value by `Input::Probe`, all other probes held; replaced by `diff::resolve`.
    Partial(Value, u32),
}

/// What a region computes, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// An instruction.
    Value(Value),
    /// An `If` or a `Loop`, whose results may be used afterwards.
    Node(Node),
}

/// Structured control flow.
#[derive(Clone, PartialEq, Debug)]
pub enum NodeKind {
    /// `results[k] = condition ? yields of then[k] : yields of otherwise[k]`.
    If {
        /// Bool.
        condition: Value,
        /// The regions and what they hand out, of equal length.
        then: (Region, Vec<Value>),
        /// The other arm.
        otherwise: (Region, Vec<Value>),
    },
    /// `carried = initial; while { body; condition } { carried = next }; results = carried`: the body is computed, then the
    /// condition decides whether its `next` values count. The results are the carried values of the round that stopped.
    Loop {
        /// Values on entry.
        initial: Vec<Value>,
        /// Computed every round.
        body: Region,
        /// Bool, defined in the body (or outside).
        condition: Value,
        /// Values for the next round, defined in the body (or outside).
        next: Vec<Value>,
    },
}

/// Rounds after which a loop is left, so that no input can hang the simulator.
pub const MAX_ROUNDS: usize = 100_000;

/// One function: inputs to outputs, no state.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Function {
    /// The instructions.
    pub insts: Vec<Inst>,
    /// Type of each value.
    pub types: Vec<Type>,
    /// Source place of each value: a side table, so that passes stay clean.
    pub spans: Vec<Span>,
    /// The regions; number 0 is the whole function.
    pub regions: Vec<Vec<Item>>,
    /// The control-flow nodes.
    pub nodes: Vec<NodeKind>,
    /// What is handed out, in order; all defined in region 0.
    pub outputs: Vec<Value>,
    /// Tables that `Op::Lookup` reads, shared by all that is made of this function.
    pub tables: Vec<std::sync::Arc<table::Table>>,
}
