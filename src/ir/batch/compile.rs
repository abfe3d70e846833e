//! From the tree of regions to code: how long each value lives, then registers.

use super::*;
use crate::ir::Rate;
use crate::ir::rate::input_rate;

/// Position of a value that lives to the end.
const END: usize = usize::MAX;

/// Where values die. Positions count items in the order of execution; a node takes one more when it closes.
struct Life<'a> {
    f: &'a Function,
    position: usize,
    born: Vec<usize>,
    last: Vec<usize>,
    /// Position at which each node closes.
    closes: Vec<usize>,
    /// For each open loop, where it began and what its body reads from outside.
    loops: Vec<(usize, Vec<Value>)>,
}

impl Life<'_> {
    fn read(&mut self, value: Value) {
        let v = value.0 as usize;
        self.last[v] = self.last[v].max(self.position);
        for (start, outside) in &mut self.loops {
            if self.born[v] < *start {
                outside.push(value);
                break;
            }
        }
    }

    fn region(&mut self, region: Region) {
        let f = self.f;
        for item in &f.regions[region.0 as usize] {
            self.position += 1;
            match item {
                Item::Value(value) => {
                    self.born[value.0 as usize] = self.position;
                    if let Inst::Op(op, arguments) = f.insts[value.0 as usize] {
                        arguments[..op.arity()].iter().for_each(|a| self.read(*a));
                    }
                }
                Item::Node(node) => self.node(node.0 as usize),
            }
        }
    }

    fn node(&mut self, node: usize) {
        let f = self.f;
        match &f.nodes[node] {
            NodeKind::If { condition, then, otherwise } => {
                self.region(then.0);
                self.region(otherwise.0);
                self.position += 1;
                then.1.iter().chain(&otherwise.1).chain([condition]).for_each(|v| self.read(*v));
            }
            NodeKind::Loop { initial, body, condition, next } => {
                initial.iter().for_each(|v| self.read(*v));
                self.loops.push((self.position, Vec::new()));
                self.region(*body);
                self.position += 1;
                next.iter().chain([condition]).for_each(|v| self.read(*v));
                // What comes from outside is read again in the next round.
                for value in self.loops.pop().map(|l| l.1).unwrap_or_default() {
                    self.read(value);
                }
            }
        }
        self.closes[node] = self.position;
    }
}

struct Compiler<'a> {
    f: &'a Function,
    path: Path,
    position: usize,
    /// Values that die at each position.
    deaths: Vec<Vec<u32>>,
    register: Vec<u32>,
    /// Registers of the values that each loop carries.
    carried: Vec<Vec<u32>>,
    /// Registers of the results of each `If`.
    results: Vec<Vec<u32>>,
    free: Vec<u32>,
    used: u32,
    /// Registers that outputs get where they are computed.
    pinned: Vec<Option<u32>>,
}

/// Compiles `f`. With `lanes`, outputs lie in the first registers in their order and behind them the inputs that change with
/// parameters only, which no code overwrites.
pub fn program(f: &Function, path: Path, lanes: bool) -> Program {
    let count = f.insts.len();
    let mut life =
        Life { f, position: 0, born: vec![0; count], last: vec![0; count], closes: vec![0; f.nodes.len()], loops: Vec::new() };
    life.region(Region(0));
    f.outputs.iter().for_each(|v| life.last[v.0 as usize] = END);
    let mut pinned = vec![None; count];
    if lanes {
        for (k, v) in f.outputs.iter().enumerate().rev() {
            pinned[v.0 as usize] = Some(k as u32);
        }
        f.insts.iter().enumerate().filter(|(_, inst)| is_fixed(inst)).for_each(|(v, _)| life.last[v] = END);
    }
    let mut deaths = vec![Vec::new(); life.position + 1];
    // Constants stay; results of a node have registers of their own, see `Compiler::node`.
    for (v, inst) in f.insts.iter().enumerate() {
        let (last, born) = (life.last[v], life.born[v]);
        if last != END && !matches!(inst, Inst::Const(_) | Inst::Carried(..)) {
            deaths[last.max(born)].push(v as u32);
        }
    }
    let mut compiler = Compiler {
        f,
        path,
        position: 0,
        deaths,
        register: vec![u32::MAX; count],
        carried: vec![Vec::new(); f.nodes.len()],
        results: vec![Vec::new(); f.nodes.len()],
        free: Vec::new(),
        used: if lanes { f.outputs.len() as u32 } else { 0 },
        pinned,
    };
    let mut program = Program {
        inputs: Vec::new(),
        outputs: f.outputs.len(),
        input_registers: Vec::new(),
        output_registers: Vec::new(),
        constants: Vec::new(),
        fixed: 0,
        registers: 0,
        code: Vec::new(),
        stamp: 0,
    };
    for early in [true, false] {
        for (v, inst) in f.insts.iter().enumerate() {
            if let Inst::Input(input) = inst
                && early == (lanes && is_fixed(inst))
            {
                compiler.register[v] = compiler.take();
                program.inputs.push(*input);
                program.input_registers.push(compiler.register[v]);
                program.fixed += usize::from(early);
            }
        }
    }
    for (v, inst) in f.insts.iter().enumerate() {
        if let Inst::Const(number) = inst {
            compiler.register[v] = compiler.take();
            program.constants.push((compiler.register[v], *number));
        }
    }
    program.code = compiler.region(Region(0));
    if lanes {
        compiler.deliver(&mut program.code);
        let (first, single) = (f.outputs.len() as u32, program.code.len() == 1);
        let places = Places { fixed: first..first + program.fixed as u32, results: if single { first } else { u32::MAX } };
        if path == Path::Fast {
            program.code.iter_mut().for_each(|part| part.settle(&places));
        }
    }
    let found = |(k, v): (usize, &Value)| if lanes { k as u32 } else { compiler.register[v.0 as usize] };
    program.output_registers = f.outputs.iter().enumerate().map(found).collect();
    program.registers = compiler.used as usize;
    program.stamp = stamp(&program);
    program
}

/// Whether a value is an input that changes with parameters only.
fn is_fixed(inst: &Inst) -> bool {
    matches!(inst, Inst::Input(input) if input_rate(*input) <= Rate::Parameter)
}

/// A number that differs between programs whose constants or registers differ (FNV-1a); never 0.
fn stamp(program: &Program) -> u64 {
    let words = program.constants.iter().flat_map(|(r, c)| [u64::from(*r), c.to_bits()]);
    let hash = words
        .chain([program.registers as u64])
        .fold(0xcbf2_9ce4_8422_2325, |h: u64, w| (h ^ w).wrapping_mul(0x0100_0000_01b3).rotate_left(23));
    hash | 1
}

impl Compiler<'_> {
    /// Copies outputs to their registers that are not computed there.
    fn deliver(&self, code: &mut Vec<Part>) {
        if !matches!(code.last(), Some(Part::Straight(_))) {
            code.push(Part::Straight(Box::default()));
        }
        let Some(Part::Straight(steps)) = code.last_mut() else { return };
        for (k, v) in self.f.outputs.iter().enumerate().filter(|(k, v)| self.at(**v) != *k as u32) {
            self.copy(steps, k as u32, self.at(*v));
        }
    }

    /// The register that a computed value gets.
    fn home(&mut self, value: Value) -> u32 {
        self.pinned[value.0 as usize].unwrap_or_else(|| self.take())
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        })
    }

    /// Frees the registers of what dies here.
    fn bury(&mut self) {
        for v in std::mem::take(&mut self.deaths[self.position]) {
            let register = self.register[v as usize];
            if register != u32::MAX {
                self.free.push(register);
            }
        }
    }

    fn at(&self, value: Value) -> u32 {
        self.register[value.0 as usize]
    }

    fn emit(&self, steps: &mut Steps, op: Op, to: u32, arguments: [u32; 3]) {
        steps.push(self.path, op, to, arguments);
    }

    fn copy(&self, steps: &mut Steps, to: u32, from: u32) {
        self.emit(steps, Op::ToReal, to, [from; 3]);
    }

    fn region(&mut self, region: Region) -> Vec<Part> {
        let f = self.f;
        let (mut parts, mut steps) = (Vec::new(), Steps::default());
        for item in &f.regions[region.0 as usize] {
            self.position += 1;
            match item {
                Item::Value(value) if matches!(f.insts[value.0 as usize], Inst::Op(Op::Lookup, _)) => {
                    if !steps.is_empty() {
                        parts.push(Part::Straight(Box::new(std::mem::take(&mut steps))));
                    }
                    parts.push(self.lookup(*value));
                }
                Item::Value(value) => self.value(*value, &mut steps),
                Item::Node(node) => {
                    if !steps.is_empty() {
                        parts.push(Part::Straight(Box::new(std::mem::take(&mut steps))));
                    }
                    parts.push(self.node(node.0 as usize));
                }
            }
        }
        if !steps.is_empty() {
            parts.push(Part::Straight(Box::new(steps)));
        }
        parts
    }

    fn lookup(&mut self, value: Value) -> Part {
        let Inst::Op(_, [code, x, y]) = self.f.insts[value.0 as usize] else { panic!("this is a lookup") };
        let Inst::Const(code) = self.f.insts[code.0 as usize] else { panic!("the table of a lookup is a constant") };
        let (table, orders) = looked_up(code);
        let from = [self.at(x), self.at(y)];
        self.bury();
        let to = self.home(value);
        self.register[value.0 as usize] = to;
        Part::Lookup(Box::new(Lookup { table: self.f.tables[table].clone(), orders, to, from }))
    }

    fn value(&mut self, value: Value, steps: &mut Steps) {
        match self.f.insts[value.0 as usize] {
            Inst::Op(op, arguments) => {
                let mut from = [self.at(arguments[0]); 3];
                for (k, argument) in arguments.iter().enumerate().take(op.arity()) {
                    from[k] = self.at(*argument);
                }
                self.bury();
                let to = self.home(value);
                self.register[value.0 as usize] = to;
                self.emit(steps, op, to, from);
            }
            Inst::Result(node, k) => {
                self.register[value.0 as usize] = match &self.f.nodes[node.0 as usize] {
                    NodeKind::If { .. } => self.results[node.0 as usize][k as usize],
                    NodeKind::Loop { .. } => self.carried[node.0 as usize][k as usize],
                };
                self.bury();
            }
            Inst::Carried(node, k) => {
                self.register[value.0 as usize] = self.carried[node.0 as usize][k as usize];
                self.bury();
            }
            Inst::Const(_) | Inst::Input(_) => self.bury(),
            Inst::Partial(..) => panic!("derivatives must be resolved before compilation"),
        }
    }

    fn node(&mut self, node: usize) -> Part {
        match &self.f.nodes[node] {
            NodeKind::If { condition, then, otherwise } => {
                let first = self.region(then.0);
                let second = self.region(otherwise.0);
                self.position += 1;
                // Results get registers before those of the arms are free, so that transports need no order.
                let (mut moves, mut select) = ([Steps::default(), Steps::default()], Steps::default());
                let mut results = Vec::new();
                for (a, b) in then.1.iter().zip(&otherwise.1) {
                    let to = self.take();
                    self.copy(&mut moves[0], to, self.at(*a));
                    self.copy(&mut moves[1], to, self.at(*b));
                    self.emit(&mut select, Op::Select, to, [self.at(*condition), self.at(*a), self.at(*b)]);
                    results.push(to);
                }
                self.results[node] = results;
                self.bury();
                let [first_moves, second_moves] = moves;
                let arms = [(first, first_moves), (second, second_moves)];
                Part::If(Box::new(Branch { condition: self.at(*condition), arms, select }))
            }
            NodeKind::Loop { initial, body, condition, next } => {
                let carried: Vec<u32> = initial.iter().map(|_| self.take()).collect();
                let mut start = Steps::default();
                for (to, from) in carried.iter().zip(initial) {
                    self.copy(&mut start, *to, self.at(*from));
                }
                self.carried[node] = carried.clone();
                self.bury();
                let going = self.take();
                let body = self.region(*body);
                self.position += 1;
                // Next values may be carried values themselves: all are read before any is written.
                let mut update = Steps::default();
                let fresh: Vec<u32> = next.iter().map(|_| self.take()).collect();
                for ((to, from), old) in fresh.iter().zip(next).zip(&carried) {
                    self.emit(&mut update, Op::Select, *to, [going, self.at(*from), *old]);
                }
                for (to, from) in carried.iter().zip(&fresh) {
                    self.copy(&mut update, *to, *from);
                }
                self.bury();
                self.free.extend(fresh);
                self.free.push(going);
                Part::Loop(Box::new(Repeat { start, body, condition: self.at(*condition), going, update }))
            }
        }
    }
}
