//! What rounding does to the values of a function: each operation that rounds is moved by one unit in its last place, up or down at
//! random, and the function is evaluated some times (the random arithmetic of La Porte and Vignes, 1974). The largest change of an
//! output is the error that its last digits carry, whatever cancels inside. Two evaluations of the same function differ by that
//! much, and so does an exact derivative from one that was computed.

use memspice::ir::op::{Op, looked_up};
use memspice::ir::{Function, Input, Inst, Item, MAX_ROUNDS, NodeKind, Region, Type, Value};

use super::ir::Dice;

/// Evaluations. The largest of eight is rarely less than the standard deviation, which [`SURE`] of it then covers.
const TIMES: u64 = 8;

/// Real errors are held within this many of the largest change found: a normal error leaves eight standard deviations never.
pub const SURE: f64 = 8.0;

/// Factors of derivatives end at 1e100 (decision 27): what is lost there stands beside a value below its reciprocal.
pub const NOTHING: f64 = 1e-100;

/// The largest change of each output of `f`, which has the values `exact` there.
pub fn shaken(f: &Function, exact: &[f64], input: &dyn Fn(Input) -> f64) -> Vec<f64> {
    let mut largest = vec![0.0_f64; exact.len()];
    for seed in 0..TIMES {
        let mut run = Shaken { f, values: vec![f64::NAN; f.insts.len()], taken: vec![false; f.nodes.len()], dice: Dice(seed) };
        run.region(Region(0), input);
        for ((largest, value), exact) in largest.iter_mut().zip(&f.outputs).zip(exact) {
            *largest = largest.max((run.get(*value) - exact).abs());
        }
    }
    largest
}

struct Shaken<'a> {
    f: &'a Function,
    values: Vec<f64>,
    taken: Vec<bool>,
    dice: Dice,
}

impl Shaken<'_> {
    fn get(&self, value: Value) -> f64 {
        self.values[value.0 as usize]
    }

    fn region(&mut self, region: Region, input: &dyn Fn(Input) -> f64) {
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Node(node) => self.node(node.0 as usize, input),
                Item::Value(value) => {
                    let v = value.0 as usize;
                    self.values[v] = match f.insts[v] {
                        Inst::Const(number) => number,
                        // A probe is a difference of unknowns.
                        Inst::Input(which @ Input::Probe(_)) => self.moved(input(which)),
                        Inst::Input(which) => input(which),
                        Inst::Op(op, arguments) => self.operation(v, op, arguments.map(|a| self.values[a.0 as usize])),
                        Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
                            NodeKind::If { then, otherwise, .. } => {
                                let arm = if self.taken[node.0 as usize] { then } else { otherwise };
                                self.get(arm.1[k as usize])
                            }
                            NodeKind::Loop { .. } => self.values[v],
                        },
                        Inst::Carried(..) => self.values[v],
                        Inst::Partial(..) => panic!("derivatives must be resolved before"),
                    };
                }
            }
        }
    }

    fn operation(&mut self, v: usize, op: Op, arguments: [f64; 3]) -> f64 {
        let [x, y, z] = arguments;
        let value = match op {
            Op::Lookup => {
                let (table, orders) = looked_up(x);
                self.f.tables[table].value([y, z], orders)
            }
            op => op.value(arguments),
        };
        // What is computed without rounding stays: zeros, copies, products by one, differences of neighbours.
        let exact = match op {
            Op::Neg
            | Op::Abs
            | Op::Min
            | Op::Max
            | Op::Select
            | Op::ToReal
            | Op::Saturate
            | Op::Rem
            | Op::Floor
            | Op::Ceil
            | Op::Hash => true,
            Op::Add | Op::Sub => {
                let y = if op == Op::Add { y } else { -y };
                let back = value - x;
                (x - (value - back)) + (y - back) == 0.0
            }
            Op::Mul => x.mul_add(y, -value) == 0.0,
            Op::Div => value.mul_add(-y, x) == 0.0,
            _ => value == 0.0,
        };
        if exact || self.f.types[v] != Type::Real { value } else { self.moved(value) }
    }

    /// A neighbour.
    fn moved(&mut self, value: f64) -> f64 {
        let up = self.dice.below(2) == 0;
        if value == 0.0 || !value.is_finite() {
            value
        } else if up {
            value.next_up()
        } else {
            value.next_down()
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
                let mut carried: Vec<f64> = initial.iter().map(|v| self.get(*v)).collect();
                for _ in 0..MAX_ROUNDS {
                    self.carry(node, &carried);
                    self.region(*body, input);
                    if self.get(*condition) == 0.0 {
                        break;
                    }
                    carried = next.iter().map(|v| self.get(*v)).collect();
                }
                self.carry(node, &carried);
            }
        }
    }

    fn carry(&mut self, node: usize, carried: &[f64]) {
        for (v, inst) in self.f.insts.iter().enumerate() {
            if let Inst::Carried(owner, k) | Inst::Result(owner, k) = inst
                && owner.0 as usize == node
            {
                self.values[v] = carried[*k as usize];
            }
        }
    }
}
