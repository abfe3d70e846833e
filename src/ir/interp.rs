//! The reference evaluator: one instance, one instruction after the other, no cleverness. Everything else is held against it.

use crate::ir::diff::resolve;
use crate::ir::op::looked_up;
use crate::ir::{Function, Input, Inst, Item, MAX_ROUNDS, NodeKind, Op, Region, Value};
use crate::span::Span;

/// Values of the outputs of `f`, which holds no `Inst::Partial`.
pub fn evaluate(f: &Function, input: &dyn Fn(Input) -> f64) -> Vec<f64> {
    Interpreter::new(f).run(input).to_vec()
}

/// Instructions of a function that [`first`] evaluates without allocating.
const SHORT: usize = 64;

/// The first output of `f`; not a number if it has none. Formulas over results are short and asked for at every row.
pub fn first(f: &Function, input: &dyn Fn(Input) -> f64) -> f64 {
    let Some(output) = f.outputs.first() else { return f64::NAN };
    if !f.nodes.is_empty() || f.insts.len() > SHORT {
        return evaluate(f, input)[0];
    }
    let mut values = [f64::NAN; SHORT];
    for item in &f.regions[0] {
        let Item::Value(value) = item else { continue };
        let get = |v: Value| values[v.0 as usize];
        values[value.0 as usize] = match f.insts[value.0 as usize] {
            Inst::Const(number) => number,
            Inst::Input(which) => input(which),
            Inst::Op(Op::Lookup, [code, x, y]) => look_up(f, get(code), get(x), get(y)),
            Inst::Op(op, arguments) => op.value(arguments.map(get)),
            Inst::Carried(..) | Inst::Result(..) | Inst::Partial(..) => f64::NAN,
        };
    }
    values[output.0 as usize]
}

/// Evaluates one function again and again without allocating.
pub struct Interpreter<'a> {
    f: &'a Function,
    /// Values of the last run; of arms not taken, those of an earlier run.
    pub values: Vec<f64>,
    /// For each `If`, whether the first arm was taken in the last run.
    pub taken: Vec<bool>,
    outputs: Vec<f64>,
    scratch: Vec<f64>,
    /// For each loop, its carried values and results with their numbers.
    carried: Vec<Vec<(u32, u32)>>,
}

impl<'a> Interpreter<'a> {
    /// An evaluator of `f`.
    pub fn new(f: &'a Function) -> Interpreter<'a> {
        let mut carried = vec![Vec::new(); f.nodes.len()];
        for (value, inst) in f.insts.iter().enumerate() {
            if let Inst::Carried(node, k) | Inst::Result(node, k) = inst {
                carried[node.0 as usize].push((value as u32, *k));
            }
        }
        Interpreter {
            f,
            values: vec![f64::NAN; f.insts.len()],
            taken: vec![false; f.nodes.len()],
            outputs: vec![0.0; f.outputs.len()],
            scratch: Vec::new(),
            carried,
        }
    }

    /// Values of the outputs.
    pub fn run(&mut self, input: &dyn Fn(Input) -> f64) -> &[f64] {
        self.region(Region(0), input);
        for (out, value) in self.outputs.iter_mut().zip(&self.f.outputs) {
            *out = self.values[value.0 as usize];
        }
        &self.outputs
    }

    /// A value as it was computed last.
    pub fn get(&self, value: Value) -> f64 {
        self.values[value.0 as usize]
    }

    fn region(&mut self, region: Region, input: &dyn Fn(Input) -> f64) {
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Value(value) => {
                    let result = match f.insts[value.0 as usize] {
                        Inst::Const(number) => number,
                        Inst::Input(which) => input(which),
                        Inst::Op(Op::Lookup, [code, x, y]) => look_up(f, self.get(code), self.get(x), self.get(y)),
                        Inst::Op(op, arguments) => op.value(arguments.map(|a| self.get(a))),
                        // Set by the node that owns them.
                        Inst::Carried(..) => self.get(*value),
                        Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
                            NodeKind::If { then, otherwise, .. } => {
                                let arm = if self.taken[node.0 as usize] { then } else { otherwise };
                                self.get(arm.1[k as usize])
                            }
                            NodeKind::Loop { .. } => self.get(*value),
                        },
                        Inst::Partial(..) => panic!("derivatives must be resolved before evaluation"),
                    };
                    self.values[value.0 as usize] = result;
                }
                Item::Node(node) => self.node(node.0 as usize, input),
            }
        }
    }

    fn node(&mut self, node: usize, input: &dyn Fn(Input) -> f64) {
        let f = self.f;
        match &f.nodes[node] {
            NodeKind::If { condition, then, otherwise } => {
                self.taken[node] = self.get(*condition) != 0.0;
                self.region(if self.taken[node] { then.0 } else { otherwise.0 }, input);
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let start = self.scratch.len();
                self.scratch.extend(initial.iter().map(|v| self.values[v.0 as usize]));
                for _ in 0..MAX_ROUNDS {
                    self.carry(node, start);
                    self.region(*body, input);
                    if self.get(*condition) == 0.0 {
                        break;
                    }
                    for (k, v) in next.iter().enumerate() {
                        self.scratch[start + k] = self.get(*v);
                    }
                }
                self.carry(node, start);
                self.scratch.truncate(start);
            }
        }
    }

    /// Sets the carried values and the results of a loop.
    fn carry(&mut self, node: usize, start: usize) {
        for (value, k) in &self.carried[node] {
            self.values[*value as usize] = self.scratch[start + *k as usize];
        }
    }
}

/// Value of `Op::Lookup`.
fn look_up(f: &Function, code: f64, x: f64, y: f64) -> f64 {
    let (table, orders) = looked_up(code);
    f.tables.get(table).map_or(f64::NAN, |table| table.value([x, y], orders))
}

/// The first operation that made something infinite or undefined of finite arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct NonFinite {
    /// The value in the function (after `diff::resolve`).
    pub value: Value,
    /// What it is.
    pub result: f64,
    /// Where it stands in the source.
    pub span: Span,
    /// `exp overflows`, `division by zero`.
    pub text: String,
    /// The arguments of the operation.
    pub arguments: Vec<f64>,
}

/// The first operation that made an output of `f` infinite or undefined; only what the outputs really took counts, not
/// the other arms. `None` if all outputs are finite. Derivatives asked for inside `f` are resolved first.
pub fn first_non_finite(f: &Function, input: &dyn Fn(Input) -> f64) -> Option<NonFinite> {
    let f = &resolve(f);
    let mut interpreter = Interpreter::new(f);
    interpreter.run(input);
    let mut open: Vec<Value> = f.outputs.clone();
    let mut seen = vec![false; f.insts.len()];
    let mut first: Option<Value> = None;
    while let Some(value) = open.pop() {
        let bad = !interpreter.get(value).is_finite();
        if !bad || std::mem::replace(&mut seen[value.0 as usize], true) {
            continue;
        }
        let causes = causes(f, &interpreter, value);
        // A carried value shows its last round; a culprit in an earlier one is out of sight.
        if causes.iter().all(|v| interpreter.get(*v).is_finite()) {
            first = Some(first.map_or(value, |known| known.min(value)));
        }
        open.extend(causes);
    }
    first.map(|value| describe(f, &interpreter, value))
}

/// The values that one value was made from, in the arms taken.
fn causes(f: &Function, run: &Interpreter, value: Value) -> Vec<Value> {
    match f.insts[value.0 as usize] {
        Inst::Const(_) | Inst::Input(_) => Vec::new(),
        Inst::Op(Op::Select, [c, a, b]) => vec![if run.get(c) != 0.0 { a } else { b }],
        Inst::Op(op, arguments) => arguments[..op.arity()].to_vec(),
        Inst::Partial(of, _) => vec![of],
        Inst::Carried(node, k) | Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
            NodeKind::If { then, otherwise, .. } => {
                vec![if run.taken[node.0 as usize] { then.1[k as usize] } else { otherwise.1[k as usize] }]
            }
            NodeKind::Loop { initial, next, .. } => vec![initial[k as usize], next[k as usize]],
        },
    }
}

/// Says in words what happened.
fn describe(f: &Function, run: &Interpreter, value: Value) -> NonFinite {
    let (inst, result) = (f.insts[value.0 as usize], run.get(value));
    let (text, arguments) = match inst {
        Inst::Op(op, arguments) => {
            let numbers: Vec<f64> = arguments[..op.arity()].iter().map(|a| run.get(*a)).collect();
            let pole = match op {
                Op::Div => numbers[1] == 0.0,
                Op::Pow => numbers[0] == 0.0,
                _ => true,
            };
            let row = op.row();
            let text = match (row.trouble, result.is_nan()) {
                ("", true) => format!("{} is undefined", row.name),
                (trouble, _) if !trouble.is_empty() && (pole || result.is_nan()) => trouble.to_string(),
                _ => format!("{} overflows", row.name),
            };
            (text, numbers)
        }
        Inst::Input(input) => (format!("{input:?} is not finite"), Vec::new()),
        Inst::Const(_) => ("a constant is not finite".to_string(), Vec::new()),
        _ => ("a loop leaves the finite numbers".to_string(), Vec::new()),
    };
    NonFinite { value, result, span: f.spans[value.0 as usize], text, arguments }
}
