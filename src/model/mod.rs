//! A compiled model: ports, unknowns, parameters, and the functions that evaluate it.
//!
//! A model speaks of *local rows* (= local unknowns): first its ports, then internal nodes, branch currents and the
//! unknowns that `ddt`, `idt` in expressions make. Its kernel computes *contributions* from *probes*:
//!
//! - probe k is `x[plus] - x[minus]` (one local unknown, or a difference of two), limited if it asks for it;
//! - contribution j adds `f_j` and `q_j` to row `plus` and subtracts them from row `minus`;
//! - the derivative of contribution j by probe k is scattered to four entries, as a conductance is stamped.
//!
//! So a two-terminal device has one contribution and one probe however many derivatives that makes.

use std::sync::Arc;

use crate::ir::{Function, Type};
use crate::span::{FileId, Span};

pub mod format;
pub mod kernel;
pub mod library;

use format::Piece;
pub mod small;
pub mod stamp;

/// Index of a local row, which is also that of its unknown.
pub type Row = u32;

/// A model as the front end leaves it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Module name as written.
    pub name: String,
    /// Where the module stands.
    pub span: Span,
    /// File that holds it.
    pub file: FileId,
    /// The head comment of its file, without comment signs.
    pub doc: String,
    /// What stands before the word `module`: `(* desc = "...", class = "...", passive = 1 *)`, as name and text.
    pub attributes: Vec<(String, String)>,
    /// Number of ports; they are the first unknowns.
    pub ports: usize,
    /// Ports declared `output`: nobody need take a current from them.
    pub outputs: Vec<Row>,
    /// Local unknowns; ports first.
    pub unknowns: Vec<LocalUnknown>,
    /// Parameters in order of declaration.
    pub params: Vec<Param>,
    /// Other names of parameters (`aliasparam`): name and index.
    pub aliases: Vec<(String, u32)>,
    /// Parameters that decide on structure (sizes of vectors, generate constructs), with the values that this model is made
    /// for. For other values there is another model: `library::Library::shaped`.
    pub shape: Vec<(u32, f64)>,
    /// Names that `Input::Simulator(k)` stands for, with the default given in the call if any.
    pub simparams: Vec<(String, Option<f64>)>,
    /// Strings of the model; string values at run time are indices into this list (the deck may append to a copy).
    pub strings: Vec<String>,
    /// What the kernel reads.
    pub probes: Vec<Probe>,
    /// What the kernel adds to the rows.
    pub contributions: Vec<Contribution>,
    /// Values that users may look at: `@x1[name]`.
    pub variables: Vec<Variable>,
    /// Messages: `$strobe` and its kin.
    pub messages: Vec<MessageCall>,
    /// String parameters that name files of tables: read when the model is compiled, so that no other value may be given.
    pub table_files: Vec<u32>,
    /// Strings that are made at run time.
    pub texts: Vec<MadeText>,
    /// Variables that keep their value from accepted point to accepted point.
    pub retained: Vec<Retained>,
    /// Pairs of local unknowns that become one when the output is true (rate Parameter): `V(a,b) <+ 0`.
    pub collapses: Vec<Collapse>,
    /// Output that gives the longest step (`$bound_step`).
    pub bound_step: Option<u32>,
    /// Sources of noise and small-signal stimuli, with a function of their own.
    pub small: small::Small,
    /// Events: `Input::Fired(k)` for the k-th of them.
    pub events: Vec<Event>,
    /// Outputs with times at which a step has to end.
    pub breaks: Vec<u32>,
    /// Signals that are read later: `Input::Delayed(k)` for the k-th of them.
    pub tracks: Vec<Track>,
    /// What small-signal analyses add with a delay.
    pub delays: Vec<Delay>,
    /// Unknowns that count turns: an error of theirs is one of the turn, not of the count.
    pub cyclic: Vec<Row>,
    /// Output (Bool) that announces a discontinuity.
    pub discontinuity: Option<u32>,
    /// Everything above in one function; the `u32` "outputs" in this struct are indices into its outputs.
    pub function: Function,
    /// Values of the probes that are limited by `Limit::Program`; reads `Input::Trial`.
    pub limiter: Option<Function>,
}

/// Kind of a local unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownKind {
    /// Potential of a port.
    Port,
    /// Potential of an internal node.
    Internal,
    /// Current of a branch that sets a potential, or whose current is probed.
    Current,
    /// Made for an operator (`idt`, `ddt` inside a nonlinear expression).
    Implicit,
}

/// One local unknown and its row.
#[derive(Clone, PartialEq, Debug)]
pub struct LocalUnknown {
    /// `p`, `x`, `br`: what follows the dot in `x1.x`.
    pub name: String,
    /// What it is.
    pub kind: UnknownKind,
    /// `voltage`, `current`, `temperature`, `state` ... from the nature's access or name.
    pub quantity: String,
    /// Unit from the nature or attribute.
    pub unit: String,
    /// Absolute tolerance of the unknown.
    pub abstol: f64,
    /// Absolute tolerance of the row's residual.
    pub residual_abstol: f64,
    /// Output (rate Parameter) with the start value, if it has one.
    pub start: Option<u32>,
    /// True if static analyses hold it at its start value (decision 1): `idt` with an initial value, `(* hold *)`.
    pub held: bool,
    /// Where the model is meant to hold (`(* lower = 200, upper = 700 *)` at the declaration): sweeps end there. Infinite
    /// if nothing is said.
    pub bounds: (f64, f64),
    /// Where it is declared.
    pub span: Span,
}

/// A difference of two local unknowns that the kernel reads.
#[derive(Clone, PartialEq, Debug)]
pub struct Probe {
    /// The unknown.
    pub plus: Row,
    /// What is subtracted; `None` is ground.
    pub minus: Option<Row>,
    /// How the probe is limited between Newton iterates, if at all.
    pub limit: Option<Limit>,
}

/// Limiting of a probe between Newton iterates (decision 8). The arguments are outputs of rate Parameter.
#[derive(Clone, PartialEq, Debug)]
pub enum Limit {
    /// `$limit(v, "pnjlim", vt, vcrit)`.
    Pnj {
        /// Thermal voltage times emission coefficient.
        vt: u32,
        /// Critical voltage.
        vcrit: u32,
    },
    /// `$limit(v, "fetlim", vto)`.
    Fet {
        /// Threshold voltage.
        vto: u32,
    },
    /// Output k of `Model::limiter`.
    Program(u32),
    /// `(* maxstep = ... *)` on a node or state: no Newton step larger than this.
    Step {
        /// Largest change.
        largest: u32,
    },
}

/// A term of the equations.
#[derive(Clone, PartialEq, Debug)]
pub struct Contribution {
    /// Row it is added to.
    pub plus: Row,
    /// Row it is subtracted from; `None` is ground.
    pub minus: Option<Row>,
    /// Output with the part that stands as it is.
    pub f: Option<u32>,
    /// Output with the part that is differentiated by time.
    pub q: Option<u32>,
    /// Where it stands.
    pub span: Span,
}

/// A value that users may look at.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Name as written.
    pub name: String,
    /// `desc` attribute.
    pub description: String,
    /// `units` attribute.
    pub unit: String,
    /// Output with the value.
    pub output: u32,
}

/// A variable that is read before it is written: `Input::Past(k)` for the k-th of them (decision 2).
#[derive(Clone, PartialEq, Debug)]
pub struct Retained {
    /// Name of the variable.
    pub name: String,
    /// Output with the value at the end of an evaluation.
    pub output: u32,
    /// It belongs to an operator, no variable of the text holds it.
    pub hidden: bool,
    /// Where it is declared.
    pub span: Span,
}

/// An event. The indices are outputs.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// What makes it fire.
    pub kind: EventKind,
    /// Its expression.
    pub value: u32,
    /// Which crossings count, by sign; none: both.
    pub direction: Option<u32>,
    /// How late after the crossing a step may end.
    pub time_tolerance: Option<u32>,
    /// How far from zero its expression may then be.
    pub value_tolerance: Option<u32>,
    /// Where it stands.
    pub span: Span,
}

/// What makes an event fire (mirrors `dae::EventKind`, which this room may not import).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// `cross`.
    Cross,
    /// `above`.
    Above,
    /// `timer`: the expression is the time since.
    Timer,
    /// The argument of an operator, piecewise constant, changes.
    Change,
}

/// A signal that is read later.
#[derive(Clone, PartialEq, Debug)]
pub struct Track {
    /// What it is.
    pub signal: Signal,
    /// How much later.
    pub delay: DelayTime,
}

/// The signal of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// A local unknown, smooth between accepted points.
    Smooth(Row),
    /// An output that changes at accepted points only.
    Stepped(u32),
}

/// The delay of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DelayTime {
    /// An output of rate Parameter.
    Fixed(u32),
    /// Retained value k: the delay that held at the last accepted point.
    Retained(u32),
}

/// A term `factor e^(-s delay) x[column]` of a row in small-signal analyses. The last two are outputs of rate Parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct Delay {
    /// The row.
    pub row: Row,
    /// The unknown.
    pub column: Row,
    /// The delay, s.
    pub delay: u32,
    /// The factor.
    pub factor: u32,
}

/// Severity and moment of a message.
#[derive(Clone, PartialEq, Debug)]
pub struct MessageCall {
    /// What is said, in order.
    pub pieces: Vec<Piece>,
    /// Arguments that the pieces name: outputs and their types; strings are `Int` outputs flagged here.
    pub arguments: Vec<(u32, ArgumentType)>,
    /// Output (Bool): whether control reached the call.
    pub condition: u32,
    /// When it is looked at.
    pub moment: Moment,
    /// What it does.
    pub kind: crate::model::MessageLevel,
    /// Where it goes.
    pub channel: MessageChannel,
    /// Where it stands.
    pub span: Span,
}

/// Type of a message argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgumentType {
    /// Printed as a real number by default.
    Real,
    /// Printed as an integer by default.
    Int,
    /// Index into `Model::strings`; below zero, `-1 - k` stands for text k of `Model::texts`.
    Text,
}

/// At which accepted points a message is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Every accepted point.
    Every,
    /// The first point of an analysis: inside `@(initial_step)`.
    First,
    /// The last point: inside `@(final_step)`.
    Last,
}

/// A string that is made at run time: `$sformat`, `$swrite`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MadeText {
    /// What it consists of.
    pub pieces: Vec<Piece>,
    /// Arguments that the pieces name.
    pub arguments: Vec<(u32, ArgumentType)>,
}

/// Where a message goes. File descriptors are those of the LRM (clause 9.5): one bit for each channel, or bit 31 and a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MessageChannel {
    /// The report, as a line of its own.
    #[default]
    Line,
    /// The report, continued by what comes next.
    Part,
    /// The report, whenever the text has changed; arguments with a bit here do not count as a change (time).
    Monitor(u64),
    /// Files of the descriptor in this output.
    File(u32),
    /// The same, whenever the text has changed.
    FileMonitor(u32, u64),
    /// No message: opens the file that the text names.
    Open {
        /// Descriptor that it gets.
        descriptor: i32,
        /// Goes on behind what is there.
        append: bool,
    },
    /// No message: closes the descriptor in this output.
    Close(u32),
}

/// What a message does (mirrors `dae::MessageKind`, which this room may not import).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageLevel {
    /// `$strobe`, `$display`, `$write`, `$info`.
    Note,
    /// `$warning`.
    Warning,
    /// `$error`.
    Error,
    /// `$finish`, `$stop`.
    Finish,
    /// `$fatal`.
    Fatal,
}

/// Two unknowns that are one.
#[derive(Clone, PartialEq, Debug)]
pub struct Collapse {
    /// This unknown ...
    pub a: Row,
    /// ... and this one (`None` is ground) are the same ...
    pub b: Option<Row>,
    /// ... where this output (Bool, rate Parameter) is true.
    pub condition: u32,
    /// Unknowns (branch currents) that vanish with them.
    pub drops: Vec<Row>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Name as written.
    pub name: String,
    /// Its type (`Int` with `text` for strings).
    pub kind: ParamKind,
    /// Value where none is given.
    pub default: Formula,
    /// Allowed and excluded values.
    pub ranges: Vec<Range>,
    /// `desc` attribute, or the comment after the declaration.
    pub description: String,
    /// `units` attribute.
    pub unit: String,
    /// `localparam`: cannot be set.
    pub local: bool,
    /// `(* type = "instance" *)`.
    pub instance: bool,
    /// Where it is declared.
    pub span: Span,
}

/// Type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// Real.
    Real,
    /// Integer.
    Int,
    /// String: the value is an index into `Model::strings`.
    Text,
}

/// A number, or a function of the parameters declared before it (one output; inputs of rate Parameter).
#[derive(Clone, Debug)]
pub enum Formula {
    /// A number.
    Number(f64),
    /// One output.
    Function(Arc<Function>),
}

/// `from [low:high)` or `exclude ...`.
#[derive(Clone, Debug)]
pub struct Range {
    /// True for `exclude`.
    pub exclude: bool,
    /// Lower bound.
    pub low: Formula,
    /// Upper bound; the same as `low` for one excluded value.
    pub high: Formula,
    /// Whether `low` itself belongs to the range.
    pub low_closed: bool,
    /// Whether `high` itself belongs to the range.
    pub high_closed: bool,
    /// Where it stands.
    pub span: Span,
}

impl Model {
    /// The parameter called `name`: exact match first, else the only one that differs by case alone (decision 28).
    ///
    /// # Errors
    /// The candidates, where several differ by case alone.
    pub fn parameter(&self, name: &str) -> Result<Option<u32>, Vec<&str>> {
        let all = || {
            let own = self.params.iter().enumerate().map(|(k, p)| (p.name.as_str(), k as u32));
            own.chain(self.aliases.iter().map(|(n, k)| (n.as_str(), *k)))
        };
        if let Some((_, k)) = all().find(|(n, _)| *n == name) {
            return Ok(Some(k));
        }
        let folded: Vec<(&str, u32)> = all().filter(|(n, _)| n.eq_ignore_ascii_case(name)).collect();
        match folded.as_slice() {
            [] => Ok(None),
            [(_, k)] => Ok(Some(*k)),
            several => Err(several.iter().map(|(n, _)| *n).collect()),
        }
    }

    /// What an attribute of the module says; empty if it says nothing.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Type of an output of `function`.
    pub fn type_of_output(&self, output: u32) -> Type {
        self.function.types[self.function.outputs[output as usize].0 as usize]
    }
}
