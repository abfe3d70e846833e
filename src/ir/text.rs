//! Functions as text and back: one line per instruction, braces around regions.
//!
//! ```text
//! v0 = input probe 0 real
//! v1 = const 0 real
//! v2 = lt v0 v1
//! n0 = if v2 {
//!   v3 = neg v0
//! } v3 {
//!   v4 = exp v0
//! } v4
//! v5 = result n0 0
//! n1 = loop v5 {
//!   v6 = carried n1 0
//!   ...
//! } v8 v7
//! outputs v5
//! ```
//!
//! Behind the braces stands what an arm hands out; behind those of a loop its condition and the next values. Values and
//! nodes are numbered as they come. Places in the source are not part of the text. For formulas to be read see `formula`.

use std::fmt::Write;

use crate::ir::op::TABLE;
use crate::ir::{Function, Input, Inst, Item, Node, NodeKind, Region, Type, Value};
use crate::span::Span;

/// `f` as text.
pub fn print(f: &Function) -> String {
    let mut out = String::new();
    region(f, Region(0), 0, &mut out);
    let _ = writeln!(out, "outputs{}", values(&f.outputs));
    out
}

fn values(list: &[Value]) -> String {
    list.iter().map(|v| format!(" v{}", v.0)).collect()
}

fn region(f: &Function, region_of: Region, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for item in &f.regions[region_of.0 as usize] {
        match item {
            Item::Value(v) => {
                let kind = type_name(f.types[v.0 as usize]);
                let right = match f.insts[v.0 as usize] {
                    Inst::Const(number) => format!("const {number:?} {kind}"),
                    Inst::Input(input) => format!("input {} {kind}", input_name(input)),
                    Inst::Op(op, arguments) => format!("{}{}", op.row().name, values(&arguments[..op.arity()])),
                    Inst::Result(node, k) => format!("result n{} {k}", node.0),
                    Inst::Carried(node, k) => format!("carried n{} {k}", node.0),
                    Inst::Partial(of, probe) => format!("partial v{} {probe}", of.0),
                };
                let _ = writeln!(out, "{indent}v{} = {right}", v.0);
            }
            Item::Node(node) => match &f.nodes[node.0 as usize] {
                NodeKind::If { condition, then, otherwise } => {
                    let _ = writeln!(out, "{indent}n{} = if v{} {{", node.0, condition.0);
                    region(f, then.0, depth + 1, out);
                    let _ = writeln!(out, "{indent}}}{} {{", values(&then.1));
                    region(f, otherwise.0, depth + 1, out);
                    let _ = writeln!(out, "{indent}}}{}", values(&otherwise.1));
                }
                NodeKind::Loop { initial, body, condition, next } => {
                    let _ = writeln!(out, "{indent}n{} = loop{} {{", node.0, values(initial));
                    region(f, *body, depth + 1, out);
                    let _ = writeln!(out, "{indent}}} v{}{}", condition.0, values(next));
                }
            },
        }
    }
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Real => "real",
        Type::Int => "int",
        Type::Bool => "bool",
    }
}

/// Words of an input: `probe 3`, `time`.
pub fn input_name(input: Input) -> String {
    match input {
        Input::Param(k) => format!("param {k}"),
        Input::Given(k) => format!("given {k}"),
        Input::Connected(k) => format!("connected {k}"),
        Input::Temperature => "temperature".to_string(),
        Input::Multiplicity => "multiplicity".to_string(),
        Input::Simulator(k) => format!("simulator {k}"),
        Input::Stream => "stream".to_string(),
        Input::Seed => "seed".to_string(),
        Input::Phase => "phase".to_string(),
        Input::Time => "time".to_string(),
        Input::Probe(k) => format!("probe {k}"),
        Input::Small(k) => format!("small {k}"),
        Input::Trial(k) => format!("trial {k}"),
        Input::Past(k) => format!("past {k}"),
        Input::Fired(k) => format!("fired {k}"),
        Input::Delayed(k) => format!("delayed {k}"),
        Input::Share(k) => format!("share {k}"),
        Input::Hoisted(k) => format!("hoisted {k}"),
        Input::Argument(k) => format!("argument {k}"),
    }
}

/// The function that a text describes.
///
/// # Errors
/// The line that cannot be read, and why.
pub fn parse(text: &str) -> Result<Function, String> {
    let mut reader = Reader { out: Function { regions: vec![Vec::new()], ..Function::default() }, open: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() {
            reader.line(&words).map_err(|what| format!("line {}: {what}: `{}`", number + 1, line.trim()))?;
        }
    }
    match reader.open.is_empty() {
        true => Ok(reader.out),
        false => Err("a brace is not closed".to_string()),
    }
}

struct Reader {
    out: Function,
    /// Open nodes and the regions around them.
    open: Vec<(usize, Region)>,
}

type Done = Result<(), String>;

impl Reader {
    fn region(&self) -> Region {
        let inner = self.open.last().map(|(node, _)| match &self.out.nodes[*node] {
            NodeKind::If { then, otherwise, .. } => {
                if otherwise.0 == Region(0) {
                    then.0
                } else {
                    otherwise.0
                }
            }
            NodeKind::Loop { body, .. } => *body,
        });
        inner.unwrap_or(Region(0))
    }

    fn line(&mut self, words: &[&str]) -> Done {
        match words {
            ["outputs", list @ ..] => {
                self.out.outputs = self.list(list)?;
                Ok(())
            }
            ["}", rest @ ..] => self.close(rest),
            [name, "=", kind @ ("if" | "loop"), rest @ .., "{"] => self.begin(name, kind, rest),
            [name, "=", rest @ ..] => {
                if index("v", name)? != self.out.insts.len() as u32 {
                    return Err("values are numbered as they come".to_string());
                }
                let (inst, kind) = self.inst(rest)?;
                let region = self.region();
                self.out.regions[region.0 as usize].push(Item::Value(Value(self.out.insts.len() as u32)));
                self.out.insts.push(inst);
                self.out.types.push(kind);
                self.out.spans.push(Span::default());
                Ok(())
            }
            _ => Err("expected an instruction".to_string()),
        }
    }

    fn begin(&mut self, name: &str, kind: &str, rest: &[&str]) -> Done {
        let node = self.out.nodes.len();
        if index("n", name)? as usize != node {
            return Err("nodes are numbered as they come".to_string());
        }
        let (arguments, around) = (self.list(rest)?, self.region());
        let inner = self.fresh();
        let made = match (kind, arguments.as_slice()) {
            ("if", [condition]) => {
                NodeKind::If { condition: *condition, then: (inner, Vec::new()), otherwise: (Region(0), Vec::new()) }
            }
            ("if", _) => return Err("an if has one condition".to_string()),
            _ => NodeKind::Loop { initial: arguments, body: inner, condition: Value(0), next: Vec::new() },
        };
        self.out.nodes.push(made);
        self.open.push((node, around));
        Ok(())
    }

    fn close(&mut self, rest: &[&str]) -> Done {
        let Some((node, around)) = self.open.last().copied() else { return Err("nothing is open".to_string()) };
        let (list, more) = match rest {
            [list @ .., "{"] => (self.list(list)?, true),
            list => (self.list(list)?, false),
        };
        let second = if more { Some(self.fresh()) } else { None };
        match &mut self.out.nodes[node] {
            NodeKind::If { then, otherwise, .. } => match second {
                Some(region) => {
                    then.1 = list;
                    otherwise.0 = region;
                    return Ok(());
                }
                None => otherwise.1 = list,
            },
            NodeKind::Loop { condition, next, .. } => {
                let Some((first, others)) = list.split_first() else { return Err("a loop has a condition".to_string()) };
                (*condition, *next) = (*first, others.to_vec());
            }
        }
        self.out.regions[around.0 as usize].push(Item::Node(Node(node as u32)));
        self.open.pop();
        Ok(())
    }

    fn fresh(&mut self) -> Region {
        self.out.regions.push(Vec::new());
        Region(self.out.regions.len() as u32 - 1)
    }

    fn list(&self, words: &[&str]) -> Result<Vec<Value>, String> {
        words.iter().map(|word| self.value(word)).collect()
    }

    fn value(&self, word: &str) -> Result<Value, String> {
        let value = index("v", word)?;
        if (value as usize) < self.out.insts.len() { Ok(Value(value)) } else { Err(format!("{word} is not defined yet")) }
    }

    fn inst(&self, words: &[&str]) -> Result<(Inst, Type), String> {
        match words {
            ["const", number, kind] => Ok((Inst::Const(parsed(number)?), self.kind(kind)?)),
            ["input", name @ .., kind] => Ok((Inst::Input(input(name)?), self.kind(kind)?)),
            ["partial", of, probe] => Ok((Inst::Partial(self.value(of)?, parsed(probe)?), Type::Real)),
            [which @ ("result" | "carried"), node, k] => {
                let (node, k): (u32, u32) = (index("n", node)?, parsed(k)?);
                let source = match self.out.nodes.get(node as usize) {
                    Some(NodeKind::If { then, .. }) => then.1.get(k as usize),
                    Some(NodeKind::Loop { initial, .. }) => initial.get(k as usize),
                    None => None,
                };
                let kind = self.out.types[source.ok_or("there is no such result")?.0 as usize];
                Ok((if *which == "result" { Inst::Result(Node(node), k) } else { Inst::Carried(Node(node), k) }, kind))
            }
            [name, arguments @ ..] => {
                let row = TABLE.iter().find(|row| row.name == *name).ok_or("unknown operation")?;
                let arguments = self.list(arguments)?;
                if arguments.len() != row.op.arity() {
                    return Err(format!("{name} takes {} arguments", row.op.arity()));
                }
                let mut padded = [arguments[0]; 3];
                padded[..arguments.len()].copy_from_slice(&arguments);
                let kind = row.signature.1.unwrap_or(self.out.types[arguments[arguments.len() - 1].0 as usize]);
                Ok((Inst::Op(row.op, padded), kind))
            }
            [] => Err("nothing behind the equals sign".to_string()),
        }
    }

    fn kind(&self, word: &str) -> Result<Type, String> {
        [Type::Real, Type::Int, Type::Bool].into_iter().find(|t| type_name(*t) == word).ok_or(format!("`{word}` is no type"))
    }
}

fn parsed<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number"))
}

fn index(letter: &str, word: &str) -> Result<u32, String> {
    word.strip_prefix(letter).and_then(|digits| digits.parse().ok()).ok_or(format!("expected {letter} and a number, not `{word}`"))
}

/// The input that [`input_name`] writes so.
fn input(words: &[&str]) -> Result<Input, String> {
    let number = |k: &str| parsed::<u32>(k);
    Ok(match words {
        ["param", k] => Input::Param(number(k)?),
        ["given", k] => Input::Given(number(k)?),
        ["connected", k] => Input::Connected(number(k)?),
        ["temperature"] => Input::Temperature,
        ["multiplicity"] => Input::Multiplicity,
        ["simulator", k] => Input::Simulator(number(k)?),
        ["phase"] => Input::Phase,
        ["stream"] => Input::Stream,
        ["seed"] => Input::Seed,
        ["time"] => Input::Time,
        ["probe", k] => Input::Probe(number(k)?),
        ["small", k] => Input::Small(number(k)?),
        ["trial", k] => Input::Trial(number(k)?),
        ["past", k] => Input::Past(number(k)?),
        ["fired", k] => Input::Fired(number(k)?),
        ["delayed", k] => Input::Delayed(number(k)?),
        ["share", k] => Input::Share(number(k)?),
        ["hoisted", k] => Input::Hoisted(number(k)?),
        ["argument", k] => Input::Argument(number(k)?),
        _ => return Err("unknown input".to_string()),
    })
}
