//! The tree of a Verilog-A file as written: one type per syntactic class, spans on everything.

use std::collections::BTreeMap;

use crate::span::{FileId, Span};

/// An identifier.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Name {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `(* name = value *)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Attribute {
    /// What is said.
    pub name: Name,
    /// Its value; absent means true.
    pub value: Option<Expr>,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of expressions.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// Real number.
    Real(f64),
    /// Whole number.
    Int(i32),
    /// String.
    Text(String),
    /// Name of a parameter, variable, node or branch.
    Name(String),
    /// `name[index]`.
    Index(Name, Box<Expr>),
    /// `name(arguments)` or `$name(arguments)`, also `$name` alone.
    Call(Name, Vec<Expr>),
    /// `<port>`, as an argument of an access function.
    Port(Name),
    /// An argument that is not there.
    Missing,
    /// `-a`, `!a` ...
    Unary(Unary, Box<Expr>),
    /// `a + b` ...
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `condition ? a : b`.
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `'{a, b}` or `{a, b}`.
    List(Vec<Expr>),
    /// `'{count{a, b}}`.
    Replicate(Box<Expr>, Vec<Expr>),
    /// `[low:high]`, as a label of a `case`.
    Range(Box<Expr>, Box<Expr>),
}

/// Operators with one operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary {
    /// `+a`
    Plus,
    /// `-a`
    Minus,
    /// `!a`
    Not,
    /// `~a`
    BitNot,
    /// `&a`: all bits are set.
    AllBits,
    /// `|a`: some bit is set.
    AnyBit,
    /// `^a`: an odd number of bits is set.
    OddBits,
    /// `~&a`
    NotAllBits,
    /// `~|a`
    NoBit,
    /// `~^a`
    EvenBits,
}

/// Operators with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
    Shl,
    Shr,
    ShrSigned,
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    BitAnd,
    BitOr,
    BitXor,
    BitXnor,
    And,
    Or,
}

/// A statement of an analog block.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Where it stands.
    pub span: Span,
    /// Counts statements in order of the text.
    pub order: u32,
}

/// Kinds of statements.
#[derive(Clone, PartialEq, Debug)]
pub enum StatementKind {
    /// `;`, or what could not be read.
    Empty,
    /// `begin : name ... end`.
    Block(Block),
    /// `target = value;`
    Assign(Expr, Expr),
    /// `access <+ value;`
    Contribute(Expr, Expr),
    /// `access : f == g;`: the target, f, g.
    Indirect(Expr, Expr, Expr),
    /// `if (condition) then { else if (condition) then } else otherwise`.
    If(Vec<(Expr, Statement)>, Option<Box<Statement>>),
    /// `case (subject) values: statement ... default: statement endcase`.
    Case(Expr, Vec<(Vec<Expr>, Statement)>, Option<Box<Statement>>),
    /// `for (initial; condition; step) body`.
    For(Box<Statement>, Expr, Box<Statement>, Box<Statement>),
    /// `while (condition) body`.
    While(Expr, Box<Statement>),
    /// `repeat (count) body`.
    Repeat(Expr, Box<Statement>),
    /// `@(event or event) body`.
    Event(Vec<Expr>, Box<Statement>),
    /// `$task(arguments);` or `function(arguments);`.
    Call(Expr),
    /// `return value;` in a function.
    Return(Option<Expr>),
}

/// `begin ... end` with declarations of its own.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// Its name.
    pub name: Option<Name>,
    /// Variables of its own.
    pub variables: Vec<Variable>,
    /// Parameters of its own.
    pub parameters: Vec<Parameter>,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// Type of a declaration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `real`
    Real,
    /// `integer`
    Int,
    /// `string`
    Text,
}

/// `real name[first:last] = initial;`
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Its type.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Bounds of an array.
    pub bounds: Option<(Expr, Expr)>,
    /// Value before the first evaluation.
    pub initial: Option<Expr>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// True for `genvar`.
    pub genvar: bool,
}

/// `parameter real name = default from ... exclude ...;`
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    /// Its type, if it is said.
    pub kind: Option<Kind>,
    /// Its name.
    pub name: Name,
    /// Bounds of an array.
    pub bounds: Option<(Expr, Expr)>,
    /// Value where none is given.
    pub default: Expr,
    /// Allowed and excluded values.
    pub ranges: Vec<Range>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// `localparam`.
    pub local: bool,
    /// The whole declaration.
    pub span: Span,
}

/// `from [low:high)`, `exclude value`.
#[derive(Clone, PartialEq, Debug)]
pub struct Range {
    /// True for `exclude`.
    pub exclude: bool,
    /// `None`: minus infinity.
    pub low: Option<Expr>,
    /// `None`: infinity.
    pub high: Option<Expr>,
    /// `[` before the lower bound.
    pub low_closed: bool,
    /// `]` after the upper bound.
    pub high_closed: bool,
    /// Where it stands.
    pub span: Span,
}

/// `electrical a, b;`, `inout a;`, `ground g;`: what is said about some nodes at once.
#[derive(Clone, PartialEq, Debug)]
pub struct Net {
    /// The node.
    pub name: Name,
    /// First and last index of a vector of nodes.
    pub range: Option<(Expr, Expr)>,
    /// Its discipline.
    pub discipline: Option<Name>,
    /// `inout`, `input`, `output`: it is a port.
    pub direction: Option<Name>,
    /// `ground`.
    pub ground: bool,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// Nodes in a branch or in a connection: `name`, `name[3]`, `name[3:0]`.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeReference {
    /// The node or vector of nodes.
    pub name: Name,
    /// Index, or first and last index.
    pub range: Option<(Expr, Option<Expr>)>,
}

/// `branch (a, b) name;` or `branch (<port>) name;`
#[derive(Clone, PartialEq, Debug)]
pub struct Branch {
    /// Its name.
    pub name: Name,
    /// First and last index of a vector of branches.
    pub range: Option<(Expr, Expr)>,
    /// It is what flows into the port `plus`.
    pub port: bool,
    /// From.
    pub plus: NodeReference,
    /// To; absent: ground.
    pub minus: Option<NodeReference>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// `analog function real name; ... endfunction`.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// Its type.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Its arguments in order, with their directions.
    pub arguments: Vec<(Name, Direction)>,
    /// Types of arguments, and further variables.
    pub variables: Vec<Variable>,
    /// Parameters of its own.
    pub parameters: Vec<Parameter>,
    /// What it does.
    pub body: Vec<Statement>,
}

/// Which way an argument is handed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `input`
    In,
    /// `output`
    Out,
    /// `inout`
    InOut,
}

/// `module name(ports); ... endmodule`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    /// Its name.
    pub name: Name,
    /// Its file.
    pub file: FileId,
    /// What stands before the word `module`.
    pub attributes: Vec<Attribute>,
    /// Names in the port list.
    pub ports: Vec<Name>,
    /// What is said about nodes.
    pub nets: Vec<Net>,
    /// Named branches.
    pub branches: Vec<Branch>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// `aliasparam alias = name;`
    pub aliases: Vec<(Name, Name)>,
    /// Variables of the module.
    pub variables: Vec<Variable>,
    /// Analog functions.
    pub functions: Vec<Function>,
    /// Statements of the `analog` blocks; true for `analog initial`.
    pub analog: Vec<(bool, Statement)>,
    /// Instances of other modules.
    pub instances: Vec<Instance>,
    /// Loops and conditions around items.
    pub generates: Vec<Generate>,
    /// What flattening leaves to be known (see `flatten`).
    pub flat: Flat,
    /// Rise and fall times of transitions that say none: `` `default_transition ``.
    pub default_transition: Option<Expr>,
}

/// `module #(.parameter(value)) name (.port(node));`
#[derive(Clone, PartialEq, Debug)]
pub struct Instance {
    /// Name of the module.
    pub module: Name,
    /// Its own name.
    pub name: Name,
    /// First and last index of an array of instances.
    pub range: Option<(Expr, Expr)>,
    /// Values of parameters, by name or in order; no value: the default.
    pub parameters: Vec<(Option<Name>, Option<Expr>)>,
    /// Connections of ports, by name or in order.
    pub connections: Vec<Connection>,
    /// Counts with the statements in order of the text.
    pub order: u32,
}

/// What a port is connected to.
#[derive(Clone, PartialEq, Debug)]
pub struct Connection {
    /// Name of the port, if it is said.
    pub port: Option<Name>,
    /// Its nodes in order; none: the port is open.
    pub nodes: Vec<NodeReference>,
    /// Where it stands.
    pub span: Span,
}

/// Items that exist under a condition or several times. The items are those of a module, whose name is that of the block.
#[derive(Clone, PartialEq, Debug)]
pub struct Generate {
    /// What it is.
    pub kind: GenerateKind,
    /// Where it stands.
    pub span: Span,
    /// Counts with the statements in order of the text.
    pub order: u32,
}

impl Generate {
    /// All blocks of the construct.
    pub fn blocks(&self) -> Vec<&Module> {
        match &self.kind {
            GenerateKind::Block(block) | GenerateKind::For(_, _, block) => vec![block],
            GenerateKind::If(_, then, otherwise) => [&**then].into_iter().chain(otherwise.as_deref()).collect(),
            GenerateKind::Case(_, arms, default) => arms.iter().map(|(_, b)| b).chain(default.as_deref()).collect(),
        }
    }
}

/// Kinds of generate constructs.
#[derive(Clone, PartialEq, Debug)]
pub enum GenerateKind {
    /// `for (variable = initial; condition; variable = step) block`.
    For(Name, Box<[Expr; 3]>, Box<Module>),
    /// `if (condition) block else block`.
    If(Expr, Box<Module>, Option<Box<Module>>),
    /// `case (subject) values: block ... default: block endcase`.
    Case(Expr, Vec<(Vec<Expr>, Module)>, Option<Box<Module>>),
    /// `begin ... end`.
    Block(Box<Module>),
}

/// `paramset name base; ... endparamset`.
#[derive(Clone, PartialEq, Debug)]
pub struct Paramset {
    /// Its name.
    pub name: Name,
    /// The module or paramset whose parameters it sets.
    pub base: Name,
    /// Its own parameters and variables.
    pub module: Module,
    /// `.parameter = value;`
    pub settings: Vec<(Name, Expr)>,
}

/// What is left of structure once a module is flat.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Flat {
    /// Ports of instances, and the nodes that they are; none: the port is open.
    pub bindings: Vec<(Name, Option<String>)>,
    /// Vectors of nodes and branches, arrays of parameters: their elements are called `name[index]`.
    pub arrays: Vec<Array>,
    /// Parameters that decided on structure, with the values that they had.
    pub shape: Vec<(String, f64)>,
    /// Nodes of instances with a multiplicity, and the parameter that holds it.
    pub multiplicities: BTreeMap<String, String>,
}

/// A vector of nodes or branches, or an array of parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct Array {
    /// Its name.
    pub name: Name,
    /// First index.
    pub first: i32,
    /// Last index.
    pub last: i32,
    /// What its elements are.
    pub noun: &'static str,
}

impl Array {
    /// The indices in order.
    pub fn indices(&self) -> Vec<i32> {
        span_of(self.first, self.last)
    }
}

/// The whole numbers from `first` to `last`, up or down.
pub fn span_of(first: i32, last: i32) -> Vec<i32> {
    if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() }
}

/// `nature name : parent; ... endnature`.
#[derive(Clone, PartialEq, Debug)]
pub struct Nature {
    /// Its name.
    pub name: Name,
    /// Nature that it is derived from, or a discipline whose potential or flow that is.
    pub parent: Option<Name>,
    /// `potential` or `flow`, if the parent is a discipline.
    pub of: Option<Name>,
    /// `units = ...; access = ...; abstol = ...;`
    pub items: Vec<(Name, Expr)>,
}

/// `discipline name; ... enddiscipline`.
#[derive(Clone, PartialEq, Debug)]
pub struct Discipline {
    /// Its name.
    pub name: Name,
    /// `potential nature;`
    pub potential: Option<Name>,
    /// `flow nature;`
    pub flow: Option<Name>,
    /// `domain continuous;` or `domain discrete;`
    pub domain: Option<Name>,
    /// `potential.abstol = 1e-3;`: which nature, item, value.
    pub overrides: Vec<(Name, Name, Expr)>,
}

/// A whole file with everything that it includes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct File {
    /// Natures in order.
    pub natures: Vec<Nature>,
    /// Disciplines in order.
    pub disciplines: Vec<Discipline>,
    /// Modules in order.
    pub modules: Vec<Module>,
    /// Paramsets in order.
    pub paramsets: Vec<Paramset>,
}

/// The attribute called `name`.
pub fn attribute<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|a| a.name.text == name)
}

/// The string that an attribute says, empty if there is none.
pub fn attribute_text(attributes: &[Attribute], name: &str) -> String {
    match attribute(attributes, name).and_then(|a| a.value.as_ref()) {
        Some(Expr { kind: ExprKind::Text(text), .. }) => text.clone(),
        _ => String::new(),
    }
}
