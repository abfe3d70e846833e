//! A function in other numbers than those of the engines: who walks over it is here, numbers and rules come with an [`Arithmetic`].

use memspice::ir::{Function, Input, Inst, Item, MAX_ROUNDS, NodeKind, Op, Region, Value};

/// Numbers, and what operations make of them.
pub trait Arithmetic {
    /// A value.
    type Number: Copy + Default;
    /// A constant.
    fn constant(&mut self, number: f64) -> Self::Number;
    /// An input.
    fn input(&mut self, which: Input) -> Self::Number;
    /// Value `v` of `f`, an operation.
    fn operation(&mut self, f: &Function, v: usize, op: Op, arguments: [Self::Number; 3]) -> Self::Number;
    /// Whether a condition holds.
    fn truth(number: Self::Number) -> bool;
}

/// The outputs of `f`, which holds no `Inst::Partial`.
pub fn outputs<A: Arithmetic>(f: &Function, rules: &mut A) -> Vec<A::Number> {
    let mut walk = Walk { f, rules, values: vec![A::Number::default(); f.insts.len()], taken: vec![false; f.nodes.len()] };
    walk.region(Region(0));
    f.outputs.iter().map(|v| walk.get(*v)).collect()
}

struct Walk<'a, A: Arithmetic> {
    f: &'a Function,
    rules: &'a mut A,
    values: Vec<A::Number>,
    taken: Vec<bool>,
}

impl<A: Arithmetic> Walk<'_, A> {
    fn get(&self, value: Value) -> A::Number {
        self.values[value.0 as usize]
    }

    fn region(&mut self, region: Region) {
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            match item {
                Item::Node(node) => self.node(node.0 as usize),
                Item::Value(value) => {
                    let v = value.0 as usize;
                    self.values[v] = match f.insts[v] {
                        Inst::Const(number) => self.rules.constant(number),
                        Inst::Input(which) => self.rules.input(which),
                        Inst::Op(op, arguments) => {
                            let arguments = arguments.map(|a| self.get(a));
                            self.rules.operation(f, v, op, arguments)
                        }
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

    fn node(&mut self, node: usize) {
        let f = self.f;
        match &f.nodes[node] {
            NodeKind::If { condition, then, otherwise } => {
                self.taken[node] = A::truth(self.get(*condition));
                self.region(if self.taken[node] { then.0 } else { otherwise.0 });
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let mut carried: Vec<A::Number> = initial.iter().map(|v| self.get(*v)).collect();
                for _ in 0..MAX_ROUNDS {
                    self.carry(node, &carried);
                    self.region(*body);
                    if !A::truth(self.get(*condition)) {
                        break;
                    }
                    carried = next.iter().map(|v| self.get(*v)).collect();
                }
                self.carry(node, &carried);
            }
        }
    }

    fn carry(&mut self, node: usize, carried: &[A::Number]) {
        for (v, inst) in self.f.insts.iter().enumerate() {
            if let Inst::Carried(owner, k) | Inst::Result(owner, k) = inst
                && owner.0 as usize == node
            {
                self.values[v] = carried[*k as usize];
            }
        }
    }
}
