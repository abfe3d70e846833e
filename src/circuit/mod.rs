//! What is connected to what: a deck with its hierarchy flattened, its names resolved, its expressions in one graph.
//! Plain data; `elaborate` makes it, `mna` turns it into equations.

use std::path::PathBuf;
use std::sync::Arc;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::args::Args;
use crate::circuit::expect::Expectation;
use crate::circuit::settings::Settings;
use crate::ir::Function;
use crate::model::Model;
use crate::span::Span;

pub mod behaviour;
pub mod check;
pub mod columns;
pub mod controls;
pub mod coupling;
pub mod data;
pub mod device;
pub mod elaborate;
pub mod expect;
pub mod flatten;
pub mod fold;
pub mod forest;
pub mod formula;
pub mod graph;
pub mod measures;
pub mod models;
pub mod names;
pub mod options;
pub mod outputs;
pub mod overrides;
pub mod patterns;
pub mod plain;
pub mod ranges;
pub mod reader;
pub mod scope;
pub mod settings;
pub mod shape;
pub mod stamp;
pub mod starts;
pub mod stimulus;
pub mod structure;

/// A number of the deck: fixed, or an output of `Circuit::expressions` (it then depends on a root parameter).
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// Fixed.
    Fixed(f64),
    /// Output of `Circuit::expressions`.
    Output(u32),
}

/// A `.param` of the top level, or `temp` (degrees Celsius), which expressions depend on. Also what `--set` and `.step` change.
#[derive(Clone, PartialEq, Debug)]
pub struct Root {
    /// Lower case.
    pub name: String,
    /// Value, or the output of `expressions` that gives it (when it depends on earlier roots; assigning to it cuts that).
    pub value: Number,
    /// Where it is set.
    pub span: Span,
}

/// A node; ground is not among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// `out`, `x1.mid`: as first written, with the path of its subcircuit.
    pub name: SmolStr,
    /// First element that touches it.
    pub span: Span,
}

/// What a terminal of an instance is bound to: an unknown and its equation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Terminal {
    /// Ground.
    Ground,
    /// A node.
    Node(u32),
    /// The branch current of a source (index into `sources`) and its equation.
    SourceCurrent(u32),
    /// The branch current of an instance (its only `UnknownKind::Current` unknown) and its equation.
    InstanceCurrent(u32),
    /// A port that is not connected: gets an unknown of its own.
    Open,
}

/// Terminals of a device; most have few.
pub type Terminals = SmallVec<[Terminal; 3]>;

/// One device.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `r1`, `x1.m3`: as written, with path.
    pub name: SmolStr,
    /// Index into `Circuit::models`.
    pub model: u32,
    /// One per port of the model.
    pub terminals: Terminals,
    /// Parameters that are given (model card and instance together): index into `Model::params`, value.
    pub params: Settings,
    /// Product of all `m` down the hierarchy.
    pub multiplicity: Number,
    /// Temperature in degrees Celsius, if it is not that of the circuit.
    pub temperature: Option<Number>,
    /// `ic=` of capacitors (voltage) and inductors (current).
    pub initial: Option<Number>,
    /// Its card.
    pub span: Span,
}

/// Kind of an independent source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// `V`: has a branch current, positive from the first node through the source to the second.
    Voltage,
    /// `I`: current from the first node through the source to the second.
    Current,
}

/// Time function of a source; the arguments are in SPICE's order, missing ones are `None`.
#[derive(Clone, PartialEq, Debug)]
pub enum Waveform {
    /// `pulse(v1 v2 td tr tf pw per np)`.
    Pulse(Vec<Option<Number>>),
    /// `sin(vo va freq td theta phase)`.
    Sin(Vec<Option<Number>>),
    /// `exp(v1 v2 td1 tau1 td2 tau2)`.
    Exp(Vec<Option<Number>>),
    /// `sffm(vo va fc mdi fs)`.
    Sffm(Vec<Option<Number>>),
    /// `am(sa oc fm fc td)`.
    Am(Vec<Option<Number>>),
    /// `pwl(t1 v1 t2 v2 ...)`, from text or file.
    Pwl {
        /// Times and values, times rising.
        points: Vec<(Number, Number)>,
        /// Time to which it returns after the last point (`r=`).
        repeat: Option<Number>,
        /// Delay (`td=`).
        delay: Number,
    },
}

/// An independent source.
#[derive(Clone, Debug)]
pub struct Source {
    /// `v1`, `x1.vdd`.
    pub name: String,
    /// Which.
    pub kind: SourceKind,
    /// First node.
    pub plus: Terminal,
    /// Second node.
    pub minus: Terminal,
    /// Value in static analyses; without one, that of the waveform at t = 0.
    pub dc: Option<Number>,
    /// Small-signal magnitude and phase in degrees.
    pub ac: Option<(Number, Number)>,
    /// Time function.
    pub waveform: Option<Waveform>,
    /// Its card.
    pub span: Span,
}

/// A column that somebody wants.
#[derive(Clone, PartialEq, Debug)]
pub enum OutputKind {
    /// `v(a)`, or the unknown a terminal is bound to.
    Terminal(Terminal),
    /// `v(a,b)`.
    Difference(Terminal, Terminal),
    /// Current into port `port` of an instance.
    PortCurrent {
        /// Index into `instances`.
        instance: u32,
        /// Port.
        port: u32,
    },
    /// Current of a source from its first node through it.
    SourceCurrent(u32),
    /// Local unknown of an instance: `x1.state`.
    Unknown {
        /// Index into `instances`.
        instance: u32,
        /// Local unknown.
        unknown: u32,
    },
    /// `@x1[name]`.
    Variable {
        /// Index into `instances`.
        instance: u32,
        /// Index into `Model::variables`.
        variable: u32,
    },
    /// A column that an analysis brings along itself: `onoise_spectrum`. Found by its name in the results.
    Own,
    /// A number of the deck: a root, or what depends on roots alone (`.plot v(a)/rload` reads `rload` this way).
    Number(Number),
    /// An expression: arguments are earlier outputs; `Argument(k)` of the function is the k-th of them.
    Expression {
        /// One output.
        function: Arc<Function>,
        /// What it reads.
        arguments: Vec<(u32, Part)>,
    },
}

/// Part of a complex result that an expression reads (see `dae::Part`, which this room may not import).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The value itself.
    Value,
    /// `vm`.
    Magnitude,
    /// `vdb`.
    Decibel,
    /// `vp`.
    Phase,
    /// `vr`.
    Real,
    /// `vi`.
    Imaginary,
}

/// A column of the results, all names resolved.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// `v(a)`, `i(r1)`, `x1.state`, `@x1[g]`, or the expression as written.
    pub name: String,
    /// What it is.
    pub kind: OutputKind,
    /// `voltage`, `current`, `power`, ... as far as known.
    pub quantity: String,
    /// Its unit.
    pub unit: String,
}

/// Forced and guessed start values (`.ic`, `.nodeset`).
#[derive(Clone, PartialEq, Debug)]
pub struct StartValue {
    /// What it is about.
    pub unknown: StartTarget,
    /// The value.
    pub value: Number,
    /// Its card.
    pub span: Span,
}

/// What a start value is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTarget {
    /// Node or branch current.
    Terminal(Terminal),
    /// Local unknown of an instance.
    Unknown(u32, u32),
}

/// `.options`, plain numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Relative tolerance; `None`: the method's default.
    pub reltol: Option<f64>,
    /// Absolute tolerance of currents, A.
    pub abstol: f64,
    /// Absolute tolerance of voltages, V.
    pub vntol: f64,
    /// Factor on the local error allowed; `None`: 1.
    pub trtol: Option<f64>,
    /// What models get for `$simparam("gmin")`, S.
    pub gmin: f64,
    /// Integration method by name; `None`: the default.
    pub method: Option<String>,
    /// `newton=`: true for `loose`, false for `tight`; `None`: as the tolerance of the local error asks for.
    pub newton: Option<bool>,
    /// Highest order of multistep methods.
    pub maxord: Option<u32>,
    /// Newton iterations of an operating point (`itl1`).
    pub itl1: u32,
    /// Newton iterations of a time point (`itl4`).
    pub itl4: u32,
    /// Points per period of the fastest source (decision 21).
    pub ppp: f64,
    /// Whether files of transients have rows at multiples of their step instead of the steps taken.
    pub interp: bool,
    /// Temperature of the circuit, degrees Celsius.
    pub temp: f64,
    /// Temperature at which model parameters hold, degrees Celsius.
    pub tnom: f64,
    /// Seed of random streams.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reltol: None,
            abstol: 1e-12,
            vntol: 1e-6,
            trtol: None,
            gmin: 1e-12,
            method: None,
            newton: None,
            maxord: None,
            itl1: 200,
            itl4: 50,
            ppp: 50.0,
            interp: false,
            temp: 27.0,
            tnom: 27.0,
            seed: 1,
        }
    }
}

/// One curve of a plot: indices into `Circuit::outputs`.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Ordinate.
    pub y: u32,
    /// Abscissa, if it is not the analysis' own (`i(x1) vs v(a)`).
    pub x: Option<u32>,
}

/// A `.plot` card.
#[derive(Clone, PartialEq, Debug)]
pub struct Plot {
    /// Which analyses it is drawn for (`tran`), or all.
    pub analysis: Option<String>,
    /// Its curves.
    pub curves: Vec<Curve>,
    /// Curves over a family, if it is of the analysis `measure`: names of measures or `.step` parameters, `vs` what.
    pub measures: Vec<(String, Option<String>)>,
    /// `title="..." xlabel= ylabel= xlog ylog xmin= xmax= ymin= ymax= file=`: as written.
    pub settings: Args,
    /// The whole card.
    pub span: Span,
}

/// An `.array` card: which columns are the entries of a matrix, and where it goes.
#[derive(Clone, PartialEq, Debug)]
pub struct ArrayCard {
    /// Which analysis it is of (`tran`), or all.
    pub analysis: Option<String>,
    /// Names of the columns, with `%` for row and column: `x%_%.x`.
    pub pattern: String,
    /// `file= at=`: as written.
    pub settings: Args,
    /// The whole card.
    pub span: Span,
}

/// A `.measure` card: names resolved to outputs, numbers evaluated.
#[derive(Clone, PartialEq, Debug)]
pub struct MeasureCard {
    /// `tran`, `ac`, `dc`, `op`.
    pub analysis: String,
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What follows, in order.
    pub words: Vec<MeasureWord>,
    /// What it should give (`expect=`, `tol=`).
    pub expectation: Expectation,
}

/// A word of a `.measure` card.
#[derive(Clone, PartialEq, Debug)]
pub enum MeasureWord {
    /// `find`, `when`, `trig`, `targ`, `avg`, `at`, `rise`, `last`, ... lower case.
    Word(String, Span),
    /// A number.
    Number(f64, Span),
    /// A column: index into `Circuit::outputs`.
    Column(u32, Span),
    /// `name=` before the next value: `at=`, `val=`, `rise=`, `from=`.
    Key(String, Span),
    /// `=` between two values: `when v(a)=0.5`.
    Equals(Span),
    /// `param='a+b'`: a function of earlier measures (`Argument(k)` is the measure called `.1[k]`).
    Formula(Arc<Function>, Vec<String>, Span),
}

/// One loop of `.step`: name of what is changed and its values.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// A name that `System::param` understands: root, source, `temp`, `x1.ron`.
    pub name: String,
    /// The values in order.
    pub values: Vec<f64>,
    /// Its card.
    pub span: Span,
}

/// A circuit, flat.
#[derive(Clone, Debug, Default)]
pub struct Circuit {
    /// First line of the deck.
    pub title: String,
    /// Nodes without ground.
    pub nodes: Vec<Node>,
    /// The models that are used.
    pub models: Vec<Arc<Model>>,
    /// Devices.
    pub instances: Vec<Instance>,
    /// Independent sources.
    pub sources: Vec<Source>,
    /// Parameters of the top level; `Argument(k)` of `expressions` is root k.
    pub roots: Vec<Root>,
    /// All numbers that depend on roots.
    pub expressions: Function,
    /// `.ic`.
    pub initial: Vec<StartValue>,
    /// `.nodeset`.
    pub nodesets: Vec<StartValue>,
    /// `.options`.
    pub options: Options,
    /// Columns, in order; expressions after what they read.
    pub outputs: Vec<Output>,
    /// Which of `outputs` are written to files: those of `.save`, or everything.
    pub saved: Vec<u32>,
    /// `.array`.
    pub arrays: Vec<ArrayCard>,
    /// `.op .dc .tran .ac` in order.
    pub analyses: Vec<Args>,
    /// `.step`, outermost first.
    pub steps: Vec<Step>,
    /// `.measure`.
    pub measures: Vec<MeasureCard>,
    /// `.plot`.
    pub plots: Vec<Plot>,
    /// Nodes of islands without a path for direct current (decision 29).
    pub islands: Vec<u32>,
    /// Instances whose branch current is anchored in static solves: one inductor of each loop of inductors (decision 29).
    pub loops: Vec<u32>,
    /// Unknowns that are fixed by sources and their derivatives (index 2): branch currents of sources in capacitor loops.
    pub index2: Vec<Terminal>,
    /// Roots that numbers on cards depend on (arguments of analyses, measures, plots, `.options`): a circuit in which one of
    /// them is to differ must be elaborated anew.
    pub card_roots: Vec<String>,
    /// The root that stands for the seed of the options, where expressions draw random numbers.
    pub seed_root: Option<u32>,
    /// Files that were read, for the summary.
    pub files: Vec<PathBuf>,
}
