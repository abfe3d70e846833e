//! The tree of a Verilog-A file as written: one type per syntactic class, spans on everything.

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
    /// `if (condition) then else otherwise`.
    If(Expr, Box<Statement>, Option<Box<Statement>>),
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
    /// Its discipline.
    pub discipline: Option<Name>,
    /// `inout`, `input`, `output`: it is a port.
    pub direction: Option<Name>,
    /// `ground`.
    pub ground: bool,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// `branch (a, b) name;`
#[derive(Clone, PartialEq, Debug)]
pub struct Branch {
    /// Its name.
    pub name: Name,
    /// From.
    pub plus: Name,
    /// To; absent: ground.
    pub minus: Option<Name>,
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
}

/// `nature name : parent; ... endnature`.
#[derive(Clone, PartialEq, Debug)]
pub struct Nature {
    /// Its name.
    pub name: Name,
    /// Nature that it is derived from.
    pub parent: Option<Name>,
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
