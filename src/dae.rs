//! The waist: `d/dt q(x, t; p) + f(x, t; p) = 0`, with `G = df/dx` and `C = dq/dx` on one pattern.
//!
//! Everything above turns text into a [`System`]; everything below turns a `System` into waveforms. Nothing here knows
//! what a circuit is. Row k is the equation of unknown k. Vectors of unknowns have `n` entries; `f`, `q` and `scale`
//! have `n + 1`, `g` and `c` have `pattern.len() + 1`: the last entry is the bucket of ground, never read.

use std::any::Any;
use std::sync::Arc;

use bitflags::bitflags;
use num_complex::Complex64;
use smol_str::SmolStr;

pub use crate::diag::Diagnostic;
use crate::span::Span;
use crate::sparse::{Pattern, Scalar};

/// Handle of a parameter that an analysis may change: a source value, an instance or model parameter, a deck `.param`,
/// `temp`, or one of `gmin` (what models ask by `$simparam`), `shunt` (conductance from every node to ground, 0 but in the
/// operating-point ladder), `stray conductance` (by [`Layout::stray`] from every node and temperature, 0 but in falls) and `sources`
/// (common factor of all independent sources, 1 but in the ladder).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParamId(pub u32);

/// Values of all parameters of a system, copied on write: every thread owns its own.
#[derive(Clone)]
pub struct Params(pub Arc<dyn Any + Send + Sync>);

/// What `assign` did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Only numbers changed.
    Values,
    /// The pattern would change (collapsed node, array size): elaborate again.
    Structure,
}

/// What runs; a model may ask for it by `analysis()`. The number is what the IR sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Phase {
    /// Operating point of its own, and points of a DC sweep.
    #[default]
    Static = 0,
    /// Operating point that starts a transient.
    TransientStart = 1,
    /// Inside a transient.
    Transient = 2,
    /// Small-signal analyses (linearisation).
    SmallSignal = 3,
    /// Noise analysis (linearisation).
    Noise = 4,
}

/// What models remember at the last accepted point (decision 2); empty while no model remembers anything.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Memory {
    /// Retained values of all instances.
    pub values: Vec<f64>,
    /// Values of the event expressions at the last accepted point: NaN before the first one, 0 where one has just fired.
    pub seen: Vec<f64>,
    /// 1 for the events that fire, in the evaluation that commits their point; 0 in all others.
    pub fired: Vec<f64>,
    /// Signals that are read later, each its points in order of time.
    pub tracks: Vec<Vec<TrackPoint>>,
    /// A model announced a discontinuity at the last accepted point (`$discontinuity(0)`).
    pub discontinuity: bool,
}

impl Memory {
    /// The memory of a system that has not run yet.
    pub fn new(layout: &Layout) -> Memory {
        Memory {
            values: vec![0.0; layout.memory],
            seen: vec![f64::NAN; layout.events.len()],
            fired: vec![0.0; layout.events.len()],
            tracks: vec![Vec::new(); layout.tracks],
            discontinuity: false,
        }
    }
}

/// A point of a signal that is read later.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrackPoint {
    /// Time, s.
    pub t: f64,
    /// The signal.
    pub value: f64,
}

/// Where the system is evaluated.
#[derive(Clone, Copy)]
pub struct Point<'a> {
    /// The unknowns, `n` of them.
    pub x: &'a [f64],
    /// Time, s.
    pub t: f64,
    /// Parameter values.
    pub params: &'a Params,
    /// What models remember, constant during a step.
    pub past: &'a Memory,
    /// Limited probe values of the previous Newton iterate (`layout.limits` of them); `None`: no limiting at all.
    pub trial: Option<&'a [f64]>,
    /// What runs.
    pub phase: Phase,
}

bitflags! {
    /// What is wanted of an evaluation.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Want: u16 {
        /// `f`.
        const F = 1;
        /// `q`.
        const Q = 2;
        /// `g`.
        const G = 4;
        /// `c`.
        const C = 8;
        /// `scale`.
        const SCALE = 16;
        /// `outputs`: value and charge part of every output row.
        const OUTPUTS = 32;
        /// `outputs.gradient`: the output rows' derivatives (small-signal analyses).
        const OUTPUT_GRADIENT = 64;
        /// `events`.
        const EVENTS = 128;
        /// All that Newton needs.
        const NEWTON = 1 | 2 | 4 | 8 | 16;
        /// Residual only.
        const RESIDUAL = 1 | 2 | 16;
    }
}

/// Result of an evaluation; allocated once by [`Eval::new`], overwritten by every call.
#[derive(Clone, Debug, Default)]
pub struct Eval {
    /// `f(x, t)`, n + 1.
    pub f: Vec<f64>,
    /// `q(x, t)`, n + 1.
    pub q: Vec<f64>,
    /// `df/dx` by slot, one more for ground.
    pub g: Vec<f64>,
    /// `dq/dx` by slot, one more for ground.
    pub c: Vec<f64>,
    /// Largest absolute single contribution to each row of `f` (n + 1): what "small residual" means for that row.
    pub scale: Vec<f64>,
    /// Output rows.
    pub outputs: Outputs,
    /// The event expressions.
    pub events: Vec<EventValue>,
    /// Entries with a delay, in small-signal analyses: slot, delay in s and factor. The pencil has `factor e^(-s delay)` there.
    pub delays: Vec<(u32, f64, f64)>,
    /// Limited probe values to hand to the next iterate as `Point::trial`.
    pub trial: Vec<f64>,
    /// What models say about the step.
    pub advice: Advice,
    /// Space that the system uses between calls; nobody else looks at it.
    pub workspace: Workspace,
}

/// Space of whatever type the system needs; a copy starts empty.
#[derive(Default)]
pub struct Workspace(pub Option<Box<dyn Any + Send + Sync>>);

impl Clone for Workspace {
    fn clone(&self) -> Workspace {
        Workspace(None)
    }
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workspace")
    }
}

/// Output rows `y = value + d/dt charge` (decision 4).
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// The part without derivative, one per output row.
    pub value: Vec<f64>,
    /// What is differentiated by time, one per output row; 0 for most.
    pub charge: Vec<f64>,
    /// `(row, unknown, dvalue/dx, dcharge/dx)`, in order of rows; only if wanted.
    pub gradient: Vec<(u32, u32, f64, f64)>,
}

/// What models say about the step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Advice {
    /// Longest step allowed, s.
    pub bound_step: f64,
    /// Some probe was limited: the iterate must not be accepted.
    pub limited: bool,
    /// A model called `$finish` or `$stop`.
    pub finish: bool,
    /// Something is not finite: see [`System::explain`].
    pub not_finite: bool,
}

impl Default for Advice {
    fn default() -> Advice {
        Advice { bound_step: f64::INFINITY, limited: false, finish: false, not_finite: false }
    }
}

impl Eval {
    /// Space for the results of `system`.
    pub fn new(system: &dyn System) -> Eval {
        let (layout, entries) = (system.layout(), system.pattern().len() + 1);
        let rows = layout.unknowns.len() + 1;
        Eval {
            f: vec![0.0; rows],
            q: vec![0.0; rows],
            g: vec![0.0; entries],
            c: vec![0.0; entries],
            scale: vec![0.0; rows],
            outputs: Outputs {
                value: vec![0.0; layout.outputs.len()],
                charge: vec![0.0; layout.outputs.len()],
                gradient: Vec::new(),
            },
            events: vec![EventValue::default(); layout.events.len()],
            delays: Vec::new(),
            trial: vec![0.0; layout.limits],
            advice: Advice::default(),
            workspace: Workspace::default(),
        }
    }

    /// `G + alpha C`, and what is delayed, by slot (the bucket is left out).
    pub fn pencil<T: Scalar>(&self, alpha: T, out: &mut [T]) {
        for ((out, g), c) in out.iter_mut().zip(&self.g).zip(&self.c) {
            *out = T::from(*g) + alpha * T::from(*c);
        }
        for (slot, delay, factor) in &self.delays {
            if let Some(entry) = out.get_mut(*slot as usize) {
                *entry += (-alpha).scaled(*delay).exponential().scaled(*factor);
            }
        }
    }
}

/// An event expression at a point.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct EventValue {
    /// Its value.
    pub value: f64,
    /// Positive: rising crossings of zero count; negative: falling ones; 0: both.
    pub direction: f64,
    /// How late after the crossing a step may end, s; NaN if nothing is said.
    pub time_tolerance: f64,
    /// How far from zero the value may then be; NaN if nothing is said.
    pub value_tolerance: f64,
}

/// What makes an event fire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// The value crosses zero during a transient.
    Cross,
    /// The value rises through zero, or is not negative at an operating point.
    Above,
    /// A time is reached: the value is the time since.
    Timer,
    /// The value, piecewise constant, changes.
    Change,
}

/// An event that a model waits for.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// `x1: cross`.
    pub name: String,
    /// What makes it fire.
    pub kind: EventKind,
}

/// The kind of a quantity: its name, unit and what is negligible.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantity {
    /// `voltage`, `current`, `temperature`, `state` ...
    pub name: String,
    /// `V`, `A`, `K`, `` ...
    pub unit: String,
    /// Absolute tolerance of an unknown of this kind.
    pub abstol: f64,
}

/// Rows that static analyses solve in another way (decisions 1 and 29).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RowKind {
    /// `f_k = 0`.
    #[default]
    Equilibrium,
    /// Nonvolatile state: `q_k(x) = q_k(start)` instead of `f_k = 0`.
    Held,
    /// Node of a floating island: `f_k + w (q_k - q_k(start)) = 0`, w = 1/s.
    Anchored,
}

/// One unknown and its equation.
#[derive(Clone, PartialEq, Debug)]
pub struct Unknown {
    /// `out`, `x1.state`, `l1#branch`: as output files and messages show it (node voltages without `v()`).
    pub name: SmolStr,
    /// Index into `Layout::quantities`: kind of the unknown.
    pub quantity: u32,
    /// Absolute tolerance of the residual of its row, in the unit of f.
    pub residual_abstol: f64,
    /// How static analyses treat its row.
    pub row: RowKind,
    /// True for a voltage of a circuit node (the `shunt` of the ladder goes there).
    pub node: bool,
    /// True if its algebraic value is the time derivative of others (index 2): left out of the error norm.
    pub index2: bool,
    /// Where the model is meant to hold: sweeps and continuations end there. Infinite if nothing is said.
    pub bounds: (f64, f64),
}

/// Column of the results.
#[derive(Clone, PartialEq, Debug)]
pub struct OutputInfo {
    /// `v(out)`, `i(r1)`, `x1.state`, `@x1[g]`.
    pub name: String,
    /// Index into `Layout::quantities`.
    pub quantity: u32,
}

/// Part of a complex result that an expression reads; in real analyses all of them but the phase are the value itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// The value (of a complex one: the real part).
    Value,
    /// `vm(a)`: magnitude.
    Magnitude,
    /// `vdb(a)`: 20 log10 of the magnitude.
    Decibel,
    /// `vp(a)`: phase in degrees.
    Phase,
    /// `vr(a)`: real part.
    Real,
    /// `vi(a)`: imaginary part.
    Imaginary,
}

/// Column computed from output rows: an expression of `.plot`, `.print` or `.measure`.
#[derive(Clone, PartialEq, Debug)]
pub struct Derived {
    /// The expression as written.
    pub name: String,
    /// Index into `Layout::quantities`.
    pub quantity: u32,
    /// What it reads: output row and part.
    pub arguments: Vec<(u32, Part)>,
}

/// What is true of a system whatever its parameter values.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// Kinds of quantities.
    pub quantities: Vec<Quantity>,
    /// The unknowns, row k belonging to unknown k.
    pub unknowns: Vec<Unknown>,
    /// The output rows: everything that is saved, node voltages included.
    pub outputs: Vec<OutputInfo>,
    /// Columns computed from output rows.
    pub derived: Vec<Derived>,
    /// Number of limited probes.
    pub limits: usize,
    /// What models wait for.
    pub events: Vec<Event>,
    /// Number of retained values.
    pub memory: usize,
    /// Number of signals that are read later.
    pub tracks: usize,
    /// True if the next corner depends on what models remember (timers, ramps).
    pub breaks: bool,
    /// Unknowns that count turns: their error is held against one turn, however many there are.
    pub cyclic: Vec<u32>,
    /// Instances whose small-signal equations have delays, which have no polynomial pencil.
    pub delays: Vec<String>,
    /// Slots, rising, where G or C may differ between two evaluations with the same parameter values. All others are the same
    /// at every point, and an [`Eval`] that is used again with the same `Params` (the same allocation) keeps them as they are.
    pub moving: Vec<u32>,
}

impl Layout {
    /// True if `f` and `q` are affine in x with factors that depend on parameters only (what is added may depend on time and on
    /// what is remembered): `G + alpha C` depends on parameters and alpha alone, and Newton takes one iteration.
    pub fn linear(&self) -> bool {
        self.moving.is_empty()
    }

    /// What an unknown has a capacitance of in nature, whether a model says so or not, in units of that of a node: conductances of
    /// heat are small in W/K, and at the end of a branch all is slow.
    pub fn stray(&self, k: usize) -> f64 {
        let unknown = &self.unknowns[k];
        match self.quantities[unknown.quantity as usize].name.as_str() {
            _ if unknown.node => 1.0,
            "temperature" => 1e-3,
            _ => 0.0,
        }
    }
}

/// Where a value of [`Start`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartKind {
    /// The instance's start value of a state (also of capacitor voltages and inductor currents with `ic=`).
    State,
    /// `.ic` card: forced in the operating point that starts a transient.
    Ic,
    /// `.nodeset` card: forced in the first pass of an operating point.
    Nodeset,
}

/// Start value of one unknown, or of a difference of two (capacitor `ic=`).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Start {
    /// The unknown.
    pub unknown: u32,
    /// If set, the value is that of `unknown - minus`.
    pub minus: Option<u32>,
    /// The value.
    pub value: f64,
    /// Where it comes from.
    pub kind: StartKind,
}

/// How fast a source moves at most, for the default step ceiling (decision 21).
#[derive(Clone, PartialEq, Debug)]
pub struct Motion {
    /// Name of the source: `v1`.
    pub source: String,
    /// Shortest period in its smooth parts, s; infinite if it has none.
    pub period: f64,
}

/// How a moving source repeats.
#[derive(Clone, PartialEq, Debug)]
pub struct Drive {
    /// Name of the source: `v1`.
    pub source: String,
    /// Its period, s; infinite if it never repeats.
    pub period: f64,
    /// It repeats from here on, s.
    pub from: f64,
    /// Ramps that stand for jumps (edges of pulses): start after `from` and length, s.
    pub edges: Vec<(f64, f64)>,
}

/// Something a model says at an accepted point.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// Error and fatal messages end the run.
    pub kind: MessageKind,
    /// Instance name.
    pub instance: String,
    /// Where the call stands in the model.
    pub span: Span,
    /// Time, s.
    pub t: f64,
    /// The text.
    pub text: String,
    /// Where it goes.
    pub channel: Channel,
}

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Channel {
    /// The report, as a line of its own.
    #[default]
    Line,
    /// The report, continued by what comes next.
    Part,
    /// The report, unless this call of this instance said the same last time; the number stands for what it said.
    Monitor(u64),
    /// The files behind a descriptor of the instance.
    File(i32),
    /// The same as `Monitor`.
    FileMonitor(i32, u64),
    /// The text is the name of a file to be opened under a descriptor.
    Open {
        /// Descriptor.
        descriptor: i32,
        /// Goes on behind what is there.
        append: bool,
    },
    /// The descriptor is closed.
    Close(i32),
}

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MessageKind {
    /// `$strobe`, `$display`, `$write`, `$info`.
    Note,
    /// `$warning`.
    Warning,
    /// `$error`: said, and the run ends with exit code 1 when it is over.
    Error,
    /// `$finish`, `$stop`: ends the run, exit code 0.
    Finish,
    /// `$fatal`: ends the run at once, exit code 1.
    Fatal,
}

/// Why an evaluation went wrong, for messages after a failure.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// Instance name.
    pub instance: String,
    /// The place in the model.
    pub span: Span,
    /// `exp overflows`.
    pub text: String,
}

/// What a small-signal source s adds to one row, of the equations or of the outputs: `value s + d/dt (charge s)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gain {
    /// The row.
    pub row: u32,
    /// Part without derivative.
    pub value: f64,
    /// Part that is differentiated by time.
    pub charge: f64,
}

/// Power spectral density of a noise source over the frequency f in Hz, one-sided, in the source's unit squared per Hz.
#[derive(Clone, PartialEq, Debug)]
pub enum Density {
    /// The same everywhere.
    White(f64),
    /// `power / f^exponent`.
    Flicker(f64, f64),
    /// Points by rising frequency; between them straight lines, of the logarithms of both if true; constant outside.
    Table(Vec<(f64, f64)>, bool),
}

impl Density {
    /// The density at a frequency above 0 Hz.
    pub fn at(&self, frequency: f64) -> f64 {
        match self {
            Density::White(power) => *power,
            Density::Flicker(power, exponent) => power / frequency.powf(*exponent),
            Density::Table(points, logarithmic) => interpolate(points, frequency, *logarithmic),
        }
    }
}

fn interpolate(points: &[(f64, f64)], frequency: f64, logarithmic: bool) -> f64 {
    let above = points.partition_point(|p| p.0 <= frequency);
    match (above.checked_sub(1).and_then(|k| points.get(k)), points.get(above)) {
        (Some(a), Some(b)) if logarithmic && a.0 > 0.0 && a.1 > 0.0 && b.1 > 0.0 => {
            let share = (frequency / a.0).ln() / (b.0 / a.0).ln();
            a.1 * (b.1 / a.1).powf(share)
        }
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (frequency - a.0) / (b.0 - a.0),
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => 0.0,
    }
}

/// One independent noise source (decision 14); sources that act on several rows are fully correlated there.
#[derive(Clone, PartialEq, Debug)]
pub struct NoiseSource {
    /// Instance name.
    pub instance: String,
    /// `thermal`, `flicker` ... Sources of one name in one instance are added in reports.
    pub name: String,
    /// Its density, that of the multiplicity included.
    pub density: Density,
    /// Rows of the equations that it acts on.
    pub gains: Vec<Gain>,
    /// Output rows that it acts on directly.
    pub outputs: Vec<Gain>,
}

/// Right-hand side of `(G + jwC) y = value + jw charge`, and what stimuli add directly to output rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Excitation {
    /// By row, n of them.
    pub value: Vec<Complex64>,
    /// By row, n of them.
    pub charge: Vec<Complex64>,
    /// Output row, value and charge.
    pub outputs: Vec<(u32, Complex64, Complex64)>,
}

impl Excitation {
    /// None, for n unknowns.
    pub fn new(n: usize) -> Excitation {
        let zero = Complex64::new(0.0, 0.0);
        Excitation { value: vec![zero; n], charge: vec![zero; n], outputs: Vec::new() }
    }
}

/// `d/dt q + f = 0`, as every analysis sees it. Immutable, shared by threads.
pub trait System: Send + Sync {
    /// Names, units, tolerances, kinds of rows.
    fn layout(&self) -> &Layout;
    /// The one pattern of G and C, full diagonal.
    fn pattern(&self) -> &Pattern;
    /// Parameter values as the text gives them.
    fn params(&self) -> Params;
    /// The parameter called `name`: `vs`, `v1` (its dc value), `r1` (its resistance), `x1.ron`, `temp`, `gmin`, `sources`, `shunt`,
    /// `stray conductance` (with a blank, which no parameter of a deck has).
    fn param(&self, name: &str) -> Option<ParamId>;
    /// The value of a parameter.
    fn value(&self, params: &Params, id: ParamId) -> f64;
    /// Sets a parameter and everything that depends on it.
    ///
    /// # Errors
    /// If the value is outside of the parameter's range.
    fn assign(&self, params: &mut Params, id: ParamId, value: f64) -> Result<Change, Diagnostic>;
    /// Start values, in order of rising precedence.
    fn starts(&self, params: &Params) -> Vec<Start>;
    /// Derivatives of the start values by a parameter, in the order of [`System::starts`]; zeros where none depends on it.
    fn start_slopes(&self, id: ParamId, params: &Params) -> Vec<f64>;
    /// Evaluates what is wanted at a point; pure.
    fn eval(&self, at: &Point, want: Want, out: &mut Eval);
    /// Once per accepted point: updates what models remember, yields what they say.
    fn commit(&self, at: &Point, memory: &mut Memory, messages: &mut Vec<Message>);
    /// A point within the step that is about to be committed: models that read their signals later note them.
    fn record(&self, at: &Point, memory: &mut Memory) {
        let _ = (at, memory);
    }
    /// The value of derived column `k` from those of its arguments.
    fn derive(&self, k: usize, arguments: &[f64]) -> f64;
    /// Once after the last point of an analysis: what models say then (`@(final_step)`).
    fn conclude(&self, at: &Point, messages: &mut Vec<Message>) {
        let _ = (at, messages);
    }
    /// Small-signal stimuli at a point: those of all sources with an ac value, and what models say by `ac_stim`.
    fn excitation(&self, at: &Point, out: &mut Excitation);
    /// Right-hand side (n) of `(G + jwC) y = b` for a unit value of the independent source `name` alone; its unit, or `None` if
    /// there is no such source.
    fn unit_excitation(&self, name: &str, b: &mut [f64]) -> Option<&'static str> {
        let _ = (name, b);
        None
    }
    /// Noise sources at a point.
    fn noise(&self, at: &Point, out: &mut Vec<NoiseSource>);
    /// The first corner after `at.t` (exclusive), of any source or of what models remember; infinite if none.
    fn next_break(&self, at: &Point) -> f64;
    /// True if it is known that the equations are the same at both times, but for the unknowns.
    fn same_time(&self, params: &Params, times: [f64; 2]) -> bool {
        let _ = (params, times);
        false
    }
    /// The fastest smooth source, if any moves.
    fn motion(&self, params: &Params) -> Option<Motion>;
    /// How each moving source repeats; one with two frequencies is there twice.
    fn drives(&self, params: &Params) -> Vec<Drive> {
        let _ = params;
        Vec::new()
    }
    /// `df/dp` and `dq/dp` (n + 1 each), exact; at a kink, of the side that the values are on.
    fn slope(&self, id: ParamId, at: &Point, df: &mut [f64], dq: &mut [f64]);
    /// After a failure: which instance, which line, which operation.
    fn explain(&self, at: &Point) -> Vec<Fault>;
}
