//! The analog block to `ir`: what a module is while it is being lowered, and the order in which that happens.
//!
//! Statements are executed symbolically on a [`State`]: the values of variables, and *marks*, which are what the
//! statements leave behind: what each branch was given, whether a message was reached, the longest step. An `if` lowers both
//! arms from one state and joins the two results. A real value may carry a *charge*: it then means `value + d/dt charge`.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diagnostic;
use crate::ir::rate::input_rate;
use crate::ir::{Builder, Function, Inst, NodeKind, Rate, Type, Value};
use crate::model::{Formula, Model};
use crate::span::{Sources, Span};
use crate::veriloga::ast;
use crate::veriloga::branch::BranchState;
use crate::veriloga::check::{Symbols, World};
use crate::veriloga::parse::Abort;
use crate::veriloga::terms::Terms;

/// Result of lowering: the message is already written where there is none.
pub type Lowered<T> = Result<T, Abort>;

/// Statements and expressions after which unrolled loops and inlined functions are taken for a mistake.
const FUEL: u32 = 2_000_000;
/// Nesting of statements, expressions and functions, so that no input exhausts the stack.
const DEEPEST: u32 = 400;

/// Type of a value as the language sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Real number.
    Real,
    /// Integer.
    Int,
    /// Result of a comparison; counts as 0 or 1.
    Bool,
    /// String, as an index into `Model::strings`.
    Text,
}

impl Kind {
    /// Its type in the IR.
    pub fn ir(self) -> Type {
        match self {
            Kind::Real => Type::Real,
            Kind::Int | Kind::Text => Type::Int,
            Kind::Bool => Type::Bool,
        }
    }
}

impl From<ast::Kind> for Kind {
    fn from(kind: ast::Kind) -> Kind {
        match kind {
            ast::Kind::Real => Kind::Real,
            ast::Kind::Int => Kind::Int,
            ast::Kind::Text => Kind::Text,
        }
    }
}

/// Value of an expression: `value + d/dt charge`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Term {
    /// The part that stands as it is.
    pub value: Value,
    /// What is differentiated by time, if anything.
    pub charge: Option<Value>,
    /// Its type.
    pub kind: Kind,
}

impl Term {
    /// A value without charge.
    pub fn new(value: Value, kind: Kind) -> Term {
        Term { value, charge: None, kind }
    }
}

/// A variable that is in scope.
#[derive(Clone, PartialEq, Debug)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Where it is declared.
    pub span: Span,
    /// Its value before the first evaluation.
    pub initial: Option<Value>,
    /// Belongs to a function: starts at zero with every call.
    pub fresh: bool,
    /// `Input::Past(k)` that stands for its value at the last point, if anything asked for it.
    pub past: Option<u32>,
}

/// What is remembered from accepted point to accepted point.
#[derive(Clone, PartialEq, Debug)]
pub enum Remembered {
    /// The variable in this slot.
    Variable(usize),
    /// Something that an operator needs.
    Hidden {
        /// What it is, for people.
        name: String,
        /// What it becomes.
        value: Value,
        /// Where the operator stands.
        span: Span,
    },
}

/// Where a name leads inside of blocks and functions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Local {
    /// A variable: first slot, and first index and length if it is an array.
    Variable(usize, Option<(i32, u32)>),
    /// A parameter of the block: a value.
    Constant(Term),
}

/// What statements have done so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// Values of the slots; `None`: not written in this evaluation.
    pub variables: Terms,
    /// Values of the marks; `None`: as at the start.
    pub marks: Terms,
}

/// What may be used in an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// Everything.
    Analog,
    /// Parameters that come before this one; nothing else.
    Parameters(usize),
    /// Inside an analog function: no nodes, no analog operators, no variables of the module.
    Function,
}

/// A module on its way to a model.
pub struct Lowerer<'a> {
    /// Natures and disciplines.
    pub world: &'a World,
    /// Names of the module.
    pub symbols: &'a Symbols,
    /// The tree.
    pub module: &'a ast::Module,
    /// The texts (attributes hold expressions, comments describe).
    pub sources: &'a Sources,
    /// Makes the function.
    pub builder: Builder,
    /// What is being made.
    pub model: Model,
    /// Outputs of the function so far.
    pub outputs: Vec<Value>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
    /// Variables of the module and of open blocks.
    pub slots: Vec<Slot>,
    /// What statements have done so far.
    pub state: State,
    /// Value of each mark at the start.
    pub rests: Vec<Term>,
    /// Open blocks, innermost last; the first one belongs to the module (or to the function being inlined).
    pub scopes: Vec<BTreeMap<String, Local>>,
    /// Branches met so far.
    pub branches: Vec<BranchState>,
    /// Row of each node of `symbols`; `None` is ground.
    pub rows: Vec<Option<u32>>,
    /// Conditions of arms that are lowered without a region of their own (see `statement`).
    pub guards: Vec<Value>,
    /// Open loops whose rounds are not known.
    pub loops: usize,
    /// Open regions of the IR.
    pub regions: usize,
    /// Functions being inlined.
    pub calls: Vec<usize>,
    /// Functions that were inlined at least once.
    pub called: BTreeSet<usize>,
    /// What may be used.
    pub context: Context,
    /// Variable that the expression being lowered is assigned to.
    pub target: Option<String>,
    /// Order of the last statement lowered.
    pub latest: u32,
    /// Orders of the statements that assign to each name.
    pub assignments: BTreeMap<String, Vec<u32>>,
    /// What each `Input::Past` stands for.
    pub past: Vec<Remembered>,
    /// The time of the last accepted point, if anything asked for it.
    pub last_time: Option<Value>,
    /// Memory of whether an event has fired at the operating point: its number and value, once it is asked for.
    pub begun: Option<(u32, Value)>,
    /// Events whose bodies are being lowered.
    pub open_events: usize,
    /// Mark: a discontinuity was announced.
    pub jump: Option<usize>,
    /// Moment of the messages being lowered.
    pub moment: crate::model::Moment,
    /// Mark of the longest step.
    pub bound: Option<usize>,
    /// Small-signal sources met so far.
    pub sources_of_noise: Vec<crate::veriloga::noise::PendingSource>,
    /// Messages met so far.
    pub messages: Vec<crate::veriloga::message::Pending>,
    /// Things that were warned of once.
    pub warned: BTreeSet<String>,
    /// Charges that have a derivative as an unknown, with its row.
    pub derivatives: Vec<(Value, u32)>,
    /// Variables whose only assignment is an integral, with the unknown of that integral once it is made.
    pub integrals: BTreeMap<String, Option<u32>>,
    /// Slots that were ever given a charge.
    pub charge_slots: BTreeSet<usize>,
    /// Variables that charges were first assigned to.
    pub charge_names: Vec<(Value, String)>,
    /// Output with the largest Newton step of unknowns that have one.
    pub steps: BTreeMap<u32, u32>,
    /// Values of the probes that are limited by a program.
    pub limiters: Vec<Value>,
    /// Strings that are made at run time.
    pub templates: Vec<crate::veriloga::text::Template>,
    /// Files that are opened.
    pub files: i32,
    /// Draws lowered so far: the number of a call site.
    pub draws: u32,
    /// Slots that count draws: over all accepted points, and within one evaluation.
    pub draw_counters: Option<(usize, usize)>,
    rates: Vec<Rate>,
    fuel: u32,
    depth: u32,
    /// In a function called by a parameter's default: how many parameters may be read. All of them otherwise.
    pub visible: usize,
    /// In a function that returns early: the variable that says whether it has.
    pub returned: Option<usize>,
    /// Names of the unknowns, in small letters.
    pub unknown_names: BTreeSet<String>,
    /// Row of the current into each port whose current is read, and of the node inside of it.
    pub port_currents: BTreeMap<usize, u32>,
    /// Slot of each variable that a block declares.
    pub block_slots: BTreeMap<(Span, String), usize>,
}

impl<'a> Lowerer<'a> {
    /// A module with nothing lowered.
    pub fn new(module: &'a ast::Module, symbols: &'a Symbols, world: &'a World, sources: &'a Sources) -> Lowerer<'a> {
        Lowerer {
            world,
            symbols,
            module,
            sources,
            builder: Builder::new(),
            model: Model { name: module.name.text.clone(), span: module.name.span, file: module.file, ..Model::default() },
            outputs: Vec::new(),
            diagnostics: Vec::new(),
            slots: Vec::new(),
            state: State::default(),
            rests: Vec::new(),
            scopes: vec![BTreeMap::new()],
            branches: Vec::new(),
            rows: Vec::new(),
            guards: Vec::new(),
            loops: 0,
            regions: 0,
            calls: Vec::new(),
            called: BTreeSet::new(),
            context: Context::Analog,
            target: None,
            latest: 0,
            assignments: BTreeMap::new(),
            past: Vec::new(),
            last_time: None,
            begun: None,
            open_events: 0,
            jump: None,
            moment: crate::model::Moment::Every,
            bound: None,
            sources_of_noise: Vec::new(),
            messages: Vec::new(),
            warned: BTreeSet::new(),
            derivatives: Vec::new(),
            integrals: BTreeMap::new(),
            charge_slots: BTreeSet::new(),
            charge_names: Vec::new(),
            steps: BTreeMap::new(),
            limiters: Vec::new(),
            templates: Vec::new(),
            files: 0,
            draws: 0,
            draw_counters: None,
            rates: Vec::new(),
            fuel: FUEL,
            depth: 0,
            visible: usize::MAX,
            returned: None,
            unknown_names: BTreeSet::new(),
            port_currents: BTreeMap::new(),
            block_slots: BTreeMap::new(),
        }
    }

    /// The model, and what is to be said about it.
    pub fn run(mut self) -> (Model, Vec<Diagnostic>) {
        self.parameters();
        self.nodes();
        self.variables();
        self.survey();
        self.count_draws();
        let module = self.module;
        for (initial, statement) in module.analog.iter().filter(|(initial, _)| *initial) {
            debug_assert!(*initial);
            self.initial_step(&[], statement);
        }
        for (_, statement) in module.analog.iter().filter(|(initial, _)| !*initial) {
            self.statement(statement);
        }
        self.uncalled_functions();
        self.finish()
    }

    /// An error; gives what a production returns then.
    pub fn error<T>(&mut self, span: Span, message: impl Into<String>, remark: impl Into<String>) -> Lowered<T> {
        self.diagnostics.push(Diagnostic::error(span, message).expected(remark));
        Err(Abort)
    }

    /// A warning, once for each `key`.
    pub fn warn_once(&mut self, key: &str, diagnostic: Diagnostic) {
        if self.warned.insert(key.to_string()) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Takes one unit of fuel.
    pub fn burn(&mut self, span: Span) -> Lowered<()> {
        if self.fuel == 0 {
            return Err(Abort);
        }
        self.fuel -= 1;
        if self.fuel == 0 {
            return self.error(span, "this module is too large", "loops and functions are unrolled up to a limit");
        }
        Ok(())
    }

    /// Goes one level deeper into statements, expressions and functions.
    pub fn descend(&mut self, span: Span) -> Lowered<()> {
        if self.depth >= DEEPEST {
            return self.error(span, "this is nested too deeply", "functions are put in where they are called");
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back up.
    pub fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Index of an output with `value`.
    pub fn output(&mut self, value: Value) -> u32 {
        if let Some(k) = self.outputs.iter().position(|v| *v == value) {
            return k as u32;
        }
        self.outputs.push(value);
        self.outputs.len() as u32 - 1
    }

    /// A new mark that rests at `rest`.
    pub fn mark(&mut self, rest: Term) -> usize {
        self.rests.push(rest);
        self.rests.len() - 1
    }

    /// The present value of a mark.
    pub fn marked(&self, mark: usize) -> Term {
        self.state.marks.get(mark).copied().flatten().unwrap_or(self.rests[mark])
    }

    /// Sets a mark.
    pub fn set_mark(&mut self, mark: usize, term: Term) {
        if self.state.marks.len() <= mark {
            self.state.marks.set_len(mark + 1);
        }
        self.state.marks[mark] = Some(term);
    }

    /// Index of `text` in the strings of the model.
    pub fn string(&mut self, text: &str) -> u32 {
        if let Some(k) = self.model.strings.iter().position(|s| s == text) {
            return k as u32;
        }
        self.model.strings.push(text.to_string());
        self.model.strings.len() as u32 - 1
    }

    /// How often a value changes, as far as it is known while the function is being built: loops count as the iterate.
    pub fn rate(&mut self, value: Value) -> Rate {
        let function: &Function = &self.builder.function;
        for k in self.rates.len()..=value.0 as usize {
            let of = |v: &Value| self.rates[v.0 as usize];
            let rate = match &function.insts[k] {
                Inst::Const(_) => Rate::Constant,
                Inst::Input(input) => input_rate(*input),
                Inst::Op(op, arguments) => arguments[..op.arity()].iter().map(of).max().unwrap_or(Rate::Constant),
                Inst::Result(node, index) => match &function.nodes[node.0 as usize] {
                    NodeKind::If { condition, then, otherwise } => {
                        let index = *index as usize;
                        of(condition).max(of(&then.1[index])).max(of(&otherwise.1[index]))
                    }
                    NodeKind::Loop { .. } => Rate::Iterate,
                },
                Inst::Carried(..) | Inst::Partial(..) => Rate::Iterate,
            };
            self.rates.push(rate);
        }
        self.rates[value.0 as usize]
    }

    /// True if a value is fixed by parameters and temperature.
    pub fn is_fixed(&mut self, value: Value) -> bool {
        self.rate(value) <= Rate::Parameter
    }

    /// True if nothing that was built so far changes during a simulation; for functions of parameters, which may hold loops.
    pub fn is_all_fixed(&self) -> bool {
        let moves = |inst: &Inst| match inst {
            Inst::Input(input) => input_rate(*input) > Rate::Parameter,
            Inst::Partial(..) => true,
            _ => false,
        };
        !self.builder.function.insts.iter().any(moves)
    }

    /// Lowers with a builder of its own: a function of the parameters alone, with one output.
    pub fn formula(&mut self, make: impl FnOnce(&mut Self) -> Lowered<Value>) -> Lowered<Formula> {
        let outer = std::mem::take(&mut self.builder);
        let rates = std::mem::take(&mut self.rates);
        let made = make(self);
        let inner = std::mem::replace(&mut self.builder, outer);
        self.rates = rates;
        let value = made?;
        Ok(match inner.constant(value) {
            Some(number) => Formula::Number(number),
            None => Formula::Function(std::sync::Arc::new(inner.finish(vec![value]))),
        })
    }
}
