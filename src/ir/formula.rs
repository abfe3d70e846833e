//! Functions as formulas for people: infix, values that are used once written where they are used.
//!
//! ```text
//! t5 = exp(v / 0.0259)
//! if (v < 0) { t9 = t5 - 1 } else { t9 = v * t5 }
//! i = is * t9
//! ```

use std::fmt::Write;

use crate::ir::live::prune;
use crate::ir::{Function, Input, Inst, Item, NodeKind, Op, Region, Type, Value};

/// Longest formula that is written inside another one.
const LONGEST: usize = 72;

/// How tightly an expression binds; atoms most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Choice,
    Logic,
    Comparison,
    Sum,
    Product,
    Sign,
    Atom,
}

/// Formulas of the outputs with these numbers under these names; `input` names what comes from outside.
pub fn formulas(f: &Function, outputs: &[(u32, String)], input: &dyn Fn(Input) -> String) -> String {
    let wanted: Vec<Value> = outputs.iter().map(|(k, _)| f.outputs[*k as usize]).collect();
    let f = &prune(f, &wanted);
    let mut writer = Writer { f, input, uses: uses(f), texts: vec![None; f.insts.len()], out: String::new() };
    writer.region(Region(0), 0);
    for ((_, name), value) in outputs.iter().zip(&f.outputs) {
        let text = writer.text(*value, Binding::Choice);
        let _ = writeln!(writer.out, "{name} = {text}");
    }
    writer.out
}

/// How often each value is read.
fn uses(f: &Function) -> Vec<u32> {
    let mut uses = vec![0; f.insts.len()];
    let mut read = |v: &Value| uses[v.0 as usize] += 1;
    for inst in &f.insts {
        match inst {
            Inst::Op(op, arguments) => arguments[..op.arity()].iter().for_each(&mut read),
            Inst::Partial(of, _) => read(of),
            _ => {}
        }
    }
    for node in &f.nodes {
        match node {
            NodeKind::If { condition, then, otherwise } => {
                then.1.iter().chain(&otherwise.1).chain([condition]).for_each(&mut read);
            }
            NodeKind::Loop { initial, condition, next, .. } => initial.iter().chain(next).chain([condition]).for_each(&mut read),
        }
    }
    f.outputs.iter().for_each(read);
    uses
}

struct Writer<'a> {
    f: &'a Function,
    input: &'a dyn Fn(Input) -> String,
    uses: Vec<u32>,
    /// Values that are written where they are used.
    texts: Vec<Option<(String, Binding)>>,
    out: String,
}

impl Writer<'_> {
    /// A value inside an expression that binds as tightly as `around`.
    fn text(&self, value: Value, around: Binding) -> String {
        match &self.texts[value.0 as usize] {
            Some((text, own)) if *own < around => format!("({text})"),
            Some((text, _)) => text.clone(),
            None => format!("t{}", value.0),
        }
    }

    fn region(&mut self, region: Region, depth: usize) {
        let (f, indent) = (self.f, "  ".repeat(depth));
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => {
                    let Some((text, binding)) = self.expression(*value) else { continue };
                    let plain = matches!(f.insts[value.0 as usize], Inst::Const(_) | Inst::Input(_));
                    if plain || self.uses[value.0 as usize] <= 1 && text.len() <= LONGEST {
                        self.texts[value.0 as usize] = Some((text, binding));
                    } else {
                        let _ = writeln!(self.out, "{indent}t{} = {text}", value.0);
                    }
                }
                Item::Node(node) => self.node(node.0, depth),
            }
        }
    }

    /// What a value is; `None` for those that a node writes.
    fn expression(&self, value: Value) -> Option<(String, Binding)> {
        Some(match self.f.insts[value.0 as usize] {
            Inst::Const(number) if self.f.types[value.0 as usize] == Type::Bool => {
                (if number == 0.0 { "false" } else { "true" }.to_string(), Binding::Atom)
            }
            Inst::Const(number) => (format!("{number:?}").trim_end_matches(".0").to_string(), Binding::Atom),
            Inst::Input(input) => ((self.input)(input), Binding::Atom),
            Inst::Op(op, arguments) => self.operation(op, arguments),
            Inst::Partial(of, probe) => {
                (format!("ddx({}, {})", self.text(of, Binding::Choice), (self.input)(Input::Probe(probe))), Binding::Atom)
            }
            Inst::Result(..) | Inst::Carried(..) => return None,
        })
    }

    fn operation(&self, op: Op, [a, b, c]: [Value; 3]) -> (String, Binding) {
        if let Some((symbol, binding)) = infix(op) {
            // The right side of a difference or quotient needs parentheses even around its own kind.
            let right = match binding {
                Binding::Sum => Binding::Product,
                Binding::Product => Binding::Sign,
                Binding::Comparison => Binding::Sum,
                _ => Binding::Comparison,
            };
            let left = if binding == Binding::Comparison { Binding::Sum } else { binding };
            return (format!("{} {symbol} {}", self.text(a, left), self.text(b, right)), binding);
        }
        match op {
            Op::Neg | Op::IntNeg => (format!("-{}", self.text(a, Binding::Sign)), Binding::Product),
            Op::Not => (format!("!{}", self.text(a, Binding::Sign)), Binding::Sign),
            Op::ToReal => (self.text(a, Binding::Atom), Binding::Atom),
            Op::ToBool => (format!("{} != 0", self.text(a, Binding::Sum)), Binding::Comparison),
            Op::Select => {
                let condition = self.text(a, Binding::Logic);
                let (yes, no) = (self.text(b, Binding::Logic), self.text(c, Binding::Choice));
                (format!("{condition} ? {yes} : {no}"), Binding::Choice)
            }
            _ => {
                let list: Vec<String> = [a, b, c][..op.arity()].iter().map(|v| self.text(*v, Binding::Choice)).collect();
                (format!("{}({})", op.row().name, list.join(", ")), Binding::Atom)
            }
        }
    }

    /// The values that show what a node gives: their numbers and result indices.
    fn shown(&self, node: u32, inside: bool) -> Vec<(u32, usize)> {
        let of = |(v, inst): (usize, &Inst)| match inst {
            Inst::Result(owner, k) if owner.0 == node && !inside => Some((v as u32, *k as usize)),
            Inst::Carried(owner, k) if owner.0 == node && inside => Some((v as u32, *k as usize)),
            _ => None,
        };
        self.f.insts.iter().enumerate().filter_map(of).collect()
    }

    fn assign(&mut self, names: &[(u32, usize)], values: &[Value], depth: usize) {
        let indent = "  ".repeat(depth);
        for (name, k) in names {
            let text = self.text(values[*k], Binding::Choice);
            let _ = writeln!(self.out, "{indent}t{name} = {text}");
        }
    }

    /// The same in one line: the next values of a loop are computed before any is replaced.
    fn assign_at_once(&mut self, names: &[(u32, usize)], values: &[Value], depth: usize) {
        let left: Vec<String> = names.iter().map(|(name, _)| format!("t{name}")).collect();
        let right: Vec<String> = names.iter().map(|(_, k)| self.text(values[*k], Binding::Choice)).collect();
        let _ = writeln!(self.out, "{}{} = {}", "  ".repeat(depth), left.join(", "), right.join(", "));
    }

    fn node(&mut self, node: u32, depth: usize) {
        let (f, indent, results) = (self.f, "  ".repeat(depth), self.shown(node, false));
        match &f.nodes[node as usize] {
            NodeKind::If { condition, then, otherwise } => {
                let _ = writeln!(self.out, "{indent}if ({}) {{", self.text(*condition, Binding::Choice));
                self.region(then.0, depth + 1);
                self.assign(&results, &then.1, depth + 1);
                let _ = writeln!(self.out, "{indent}}} else {{");
                self.region(otherwise.0, depth + 1);
                self.assign(&results, &otherwise.1, depth + 1);
                let _ = writeln!(self.out, "{indent}}}");
            }
            NodeKind::Loop { initial, body, condition, next } => {
                // A carried value that the body never reads goes by the name of its result.
                let mut carried = self.shown(node, true);
                let silent = results.iter().filter(|(_, k)| carried.iter().all(|(_, index)| index != k));
                carried.extend(silent.copied().collect::<Vec<_>>());
                self.assign(&carried, initial, depth);
                let _ = writeln!(self.out, "{indent}repeat {{");
                self.region(*body, depth + 1);
                let _ = writeln!(self.out, "{indent}  while ({}):", self.text(*condition, Binding::Choice));
                self.assign_at_once(&carried, next, depth + 2);
                let _ = writeln!(self.out, "{indent}}}");
                for (value, k) in &results {
                    let source = carried.iter().find(|(_, index)| index == k).map_or(*value, |(v, _)| *v);
                    if source != *value {
                        let _ = writeln!(self.out, "{indent}t{value} = t{source}");
                    }
                }
            }
        }
    }
}

/// Symbol of an operation that stands between its arguments.
fn infix(op: Op) -> Option<(&'static str, Binding)> {
    Some(match op {
        Op::Add | Op::IntAdd => ("+", Binding::Sum),
        Op::Sub | Op::IntSub => ("-", Binding::Sum),
        Op::Mul | Op::IntMul => ("*", Binding::Product),
        Op::Div | Op::IntDiv => ("/", Binding::Product),
        Op::Rem | Op::IntRem => ("%", Binding::Product),
        Op::Lt => ("<", Binding::Comparison),
        Op::Le => ("<=", Binding::Comparison),
        Op::Gt => (">", Binding::Comparison),
        Op::Ge => (">=", Binding::Comparison),
        Op::Eq => ("==", Binding::Comparison),
        Op::Ne => ("!=", Binding::Comparison),
        Op::And => ("&&", Binding::Logic),
        Op::Or => ("||", Binding::Logic),
        _ => return None,
    })
}
