//! The tree of a deck: cards with their spans, nothing resolved. Text keeps its case; names compare case-folded.

use crate::netlist::plain::Plain;
use crate::netlist::template::Loop;
use crate::span::Span;

/// A name as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

impl Name {
    /// Lower case, for comparison.
    pub fn folded(&self) -> String {
        self.text.to_lowercase()
    }
}

/// An expression of a deck, also a plain number or a quoted text.
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
    /// `1.5k`.
    Number(f64),
    /// `"text"`.
    Text(String),
    /// A parameter, argument or built-in constant; in results also `x1.state`.
    Name(String),
    /// `@x1[g]`: operating-point variable (device, name).
    Variable(String, String),
    /// `f(a, b)`; also `v(n1)`, `v(n1, n2)`, `i(r1)`, whose arguments are then [`ExprKind::Name`] (node names, also numeric: `v(1)`).
    Call(String, Vec<Expr>),
    /// `-a`, `!a`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `c ? a : b`.
    Ternary(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOp {
    /// `-`.
    Minus,
    /// `!`.
    Not,
}

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `**` or `^`
    Power,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// `name = value`.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// The name.
    pub name: Name,
    /// The value.
    pub value: Expr,
}

/// Time function of an independent source as written: `SIN(0 1 1k)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Waveform {
    /// `pulse sin exp pwl sffm am`, lower case.
    pub kind: Name,
    /// Its arguments in order.
    pub arguments: Vec<Expr>,
    /// `pwl file="x.csv" r=0 td=..`: named arguments.
    pub named: Vec<Assignment>,
}

/// An element card. What an element's first letter makes of its fields is decided here in the parser; which model it is, later.
#[derive(Clone, PartialEq, Debug)]
pub struct Element {
    /// The name with its letter: `R1`, `Xcell`.
    pub name: Name,
    /// First letter, lower case: `r c l k v i e f g h b d m s x n`.
    pub letter: char,
    /// Nodes in order. For `k`: the inductors' names. For `x`, `n`: all words before the last one that is no assignment.
    pub nodes: Vec<Name>,
    /// Model or subcircuit name (`d m s x n`, also `r c l` where a model name stands there).
    pub model: Option<Name>,
    /// Controlling elements (`f h`: the voltage source; none otherwise).
    pub controls: Vec<Name>,
    /// Main value: resistance, dc value, gain, coupling, area of `d`. Behavioural sources have none: `b`, and `e g f h` in the forms
    /// `value=`, `vol=`, `cur=`, POLY and TABLE, have two nodes and the parameter `v` (`b e h`) or `i` (`b g f`).
    pub value: Option<Expr>,
    /// `ac` magnitude and phase in degrees.
    pub ac: Option<Box<(Expr, Option<Expr>)>>,
    /// Time function.
    pub waveform: Option<Box<Waveform>>,
    /// `name=value` in order, names as written: `w=1u ic=0 m=2 v={...}`.
    pub parameters: Vec<Assignment>,
    /// Bare words that are flags: `off`.
    pub flags: Vec<Name>,
    /// The whole card.
    pub span: Span,
}

/// `.model name type(param=value ...)`.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelCard {
    /// Its name.
    pub name: Name,
    /// Type: `d nmos pmos sw r c l` or the name of a Verilog-A module.
    pub kind: Name,
    /// Parameters.
    pub parameters: Vec<Assignment>,
    /// The whole card.
    pub span: Span,
}

/// `.func f(a, b) {expression}`.
#[derive(Clone, PartialEq, Debug)]
pub struct FunctionCard {
    /// Its name.
    pub name: Name,
    /// Its arguments.
    pub arguments: Vec<Name>,
    /// Its body.
    pub body: Expr,
}

/// Behind the first `elements` elements of a scope stand its plain ones up to `plain`, then its loops up to `loops`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// How many elements.
    pub elements: u32,
    /// How many plain ones.
    pub plain: u32,
    /// How many loops.
    pub loops: u32,
    /// True if it ends with a loop.
    pub ends: bool,
}

/// An element of a scope, or a loop of them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Item<'s> {
    /// One of `elements`.
    Element(&'s Element),
    /// One of `plain`.
    Plain(&'s Plain),
    /// One of `loops`.
    Loop(&'s Loop),
}

/// What stands between `.subckt` and `.ends`, or on the top level.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scope {
    /// Elements in order, but for those in `plain`.
    pub elements: Vec<Element>,
    /// Elements whose cards are nothing but words, in order.
    pub plain: Vec<Plain>,
    /// Loops of elements whose cards are nothing but words, in order.
    pub loops: Vec<Loop>,
    /// How these lists are mixed.
    pub turns: Vec<Turn>,
    /// The first plain element of each kind.
    pub kinds: Vec<Element>,
    /// `.model` cards.
    pub models: Vec<ModelCard>,
    /// `.param` assignments in order.
    pub parameters: Vec<Assignment>,
    /// `.func` cards.
    pub functions: Vec<FunctionCard>,
    /// Subcircuits defined here.
    pub subcircuits: Vec<Subcircuit>,
}

/// `.subckt name ports ... params: a=1`.
#[derive(Clone, PartialEq, Debug)]
pub struct Subcircuit {
    /// Its name.
    pub name: Name,
    /// Its ports.
    pub ports: Vec<Name>,
    /// Its parameters with their defaults.
    pub parameters: Vec<Assignment>,
    /// Its content.
    pub scope: Scope,
    /// The `.subckt` card.
    pub span: Span,
}

/// A card that is neither element nor declaration: `.tran`, `.plot`, `.measure` ...
#[derive(Clone, PartialEq, Debug)]
pub struct Card {
    /// Keyword without the dot, lower case, aliases resolved (`.meas` is `measure`, `.print` stays `print`).
    pub keyword: Name,
    /// Words and expressions in order; `a=b` as [`Field::Assignment`].
    pub fields: Vec<Field>,
    /// The whole card.
    pub span: Span,
}

/// A field of a [`Card`].
#[derive(Clone, PartialEq, Debug)]
pub enum Field {
    /// A word, number, `v(a,b)`, `{expression}` or quoted text.
    Value(Expr),
    /// `name=value`, also `v(out)=0.5`, whose left side is then an expression.
    Assignment(Expr, Expr),
}

/// `.ic` and `.nodeset`: `v(a)=1`, `x1.state=0.3`.
#[derive(Clone, PartialEq, Debug)]
pub struct StartCard {
    /// Node or unknown: `a`, `x1.state`; a current stays as written: `i(l1)`.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// A whole deck.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deck {
    /// First line.
    pub title: String,
    /// Everything of the top level.
    pub top: Scope,
    /// `.global` nodes.
    pub globals: Vec<Name>,
    /// `.ic`.
    pub initial: Vec<StartCard>,
    /// `.nodeset`.
    pub nodesets: Vec<StartCard>,
    /// `.options name=value`, flags with value 1.
    pub options: Vec<Assignment>,
    /// `.temp` value, degrees Celsius.
    pub temperature: Option<Expr>,
    /// `.hdl "file.va"`: paths resolved against the file that holds the card.
    pub verilog: Vec<Name>,
    /// `.op .dc .tran .ac` in order.
    pub analyses: Vec<Card>,
    /// `.step` in order: the first is the outermost loop.
    pub steps: Vec<Card>,
    /// `.measure`.
    pub measures: Vec<Card>,
    /// `.save .print .probe .plot .array`.
    pub outputs: Vec<Card>,
    /// Parameters that `.for` loops of the top level depend on, lower case.
    pub shaping: Vec<String>,
}
