//! The batch engine: register bytecode over lanes, one lane per instance.
//!
//! Takes a [`Function`] and gives a [`Program`], which evaluates up to [`LANES`] instances at once: every instruction is
//! applied to all lanes before the next one. An `If` runs only the arm that its lanes take; where they differ it runs both
//! and selects. A `Loop` runs until no lane goes on; lanes that are done keep their values. Registers are reused in the
//! order of execution (linear scan). Results depend neither on the number of lanes nor on the position of a lane.

use std::sync::Arc;

use crate::ir::op::looked_up;
use crate::ir::simd::{CHUNKS, Path, Registers, Steps};
use crate::ir::{Function, Input, Inst, Item, MAX_ROUNDS, NodeKind, Op, Region, Value};

use crate::ir::table::Table;

pub use crate::ir::simd::LANES;

/// Values of one input.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// One per lane (at least as many as lanes are run).
    Lanes(&'a [f64]),
    /// The same in all lanes.
    Same(f64),
}

/// A compiled function.
pub struct Program {
    /// What is read, in the order in which sources are passed.
    pub inputs: Vec<Input>,
    /// Number of outputs.
    pub outputs: usize,
    /// Register of each input.
    input_registers: Vec<u32>,
    /// Register of each output.
    output_registers: Vec<u32>,
    /// Constants and their registers, which nothing else uses.
    constants: Vec<(u32, f64)>,
    registers: usize,
    code: Vec<Part>,
    /// Tells programs apart.
    stamp: u64,
}

/// Registers of one program and one thread.
#[derive(Default)]
pub struct Work {
    registers: Option<Registers>,
    /// Program whose constants are in place.
    stamp: u64,
}

/// A piece of code.
enum Part {
    Straight(Steps),
    If(Box<Branch>),
    Loop(Box<Repeat>),
    Lookup(Box<Lookup>),
}

/// One lookup in all lanes.
struct Lookup {
    table: Arc<Table>,
    orders: [u8; 2],
    to: u32,
    from: [u32; 2],
}

struct Branch {
    condition: u32,
    /// The arm for true and the arm for false, each followed by the transport of its results.
    arms: [(Vec<Part>, Steps); 2],
    /// Results where lanes differ.
    select: Steps,
}

struct Repeat {
    /// Carried values from initial values.
    start: Steps,
    body: Vec<Part>,
    condition: u32,
    /// Truth value: which lanes go on.
    going: u32,
    /// Carried values from `next`, in lanes that go on.
    update: Steps,
}

impl Program {
    /// Compiles `f`, which holds no `Inst::Partial`.
    pub fn compile(f: &Function) -> Program {
        Program::compile_for(f, Path::best())
    }

    /// Compiles for one of the two vector paths; they give the same bits.
    pub fn compile_for(f: &Function, path: Path) -> Program {
        compile::program(f, path)
    }

    /// Number of registers.
    pub fn registers(&self) -> usize {
        self.registers
    }

    /// Evaluates `count` lanes (at most [`LANES`]); output k of lane i goes to `outputs[k * LANES + i]`.
    pub fn run(&self, count: usize, sources: &[Source], work: &mut Work, outputs: &mut [f64]) {
        assert!((1..=LANES).contains(&count) && sources.len() == self.inputs.len());
        let largest = chunk_for(count);
        let registers = work.prepare(self, largest);
        let mut start = 0;
        while start < count {
            let chunk = chunk_for(count - start).min(largest);
            let part = CHUNKS[chunk].min(count - start);
            self.load(start, part, chunk, sources, registers);
            run(&self.code, registers, chunk, u64::MAX >> (LANES - part));
            for (k, register) in self.output_registers.iter().enumerate() {
                outputs[k * LANES + start..][..part].copy_from_slice(&registers.lanes(*register)[..part]);
            }
            start += part;
        }
    }

    /// Puts `count` lanes of the inputs from `start` on into their registers.
    fn load(&self, start: usize, count: usize, chunk: usize, sources: &[Source], registers: &mut Registers) {
        let padded = CHUNKS[chunk];
        for (register, source) in self.input_registers.iter().zip(sources) {
            let lanes = registers.lanes_mut(*register);
            match source {
                Source::Same(number) => lanes[..padded].fill(*number),
                Source::Lanes(values) => {
                    lanes[..count].copy_from_slice(&values[start..start + count]);
                    // Lanes that nobody asked for behave like the last one: no surprises, no extra branches.
                    lanes[count..padded].fill(values[start + count - 1]);
                }
            }
        }
    }
}

/// Index of the smallest chunk that holds `count` lanes, of the largest if none does. Up to two of the smallest are
/// cheaper than one of the next.
fn chunk_for(count: usize) -> usize {
    match count {
        0..=8 => 0,
        9..=16 => 1,
        _ => 2,
    }
}

impl Work {
    /// Registers for one program.
    pub fn new(program: &Program) -> Work {
        let mut work = Work::default();
        work.prepare(program, CHUNKS.len() - 1);
        work
    }

    /// Lays registers out for a chunk and puts constants in place, unless that is done already.
    fn prepare(&mut self, program: &Program, chunk: usize) -> &mut Registers {
        let fresh = self.stamp != program.stamp || self.registers.is_none();
        if fresh {
            self.registers = None;
        }
        let registers = self.registers.get_or_insert_with(|| Registers::new(program.registers));
        if registers.fit(chunk) || fresh {
            for (register, number) in &program.constants {
                registers.lanes_mut(*register).fill(*number);
            }
            self.stamp = program.stamp;
        }
        registers
    }
}

/// Runs code over one chunk; results matter in `active` ones only.
fn run(code: &[Part], registers: &mut Registers, chunk: usize, active: u64) {
    for part in code {
        match part {
            Part::Straight(steps) => registers.execute(steps, chunk),
            Part::If(branch) => branch.run(registers, chunk, active),
            Part::Loop(repeat) => repeat.run(registers, chunk, active),
            Part::Lookup(lookup) => lookup.run(registers),
        }
    }
}

impl Lookup {
    fn run(&self, registers: &mut Registers) {
        for lane in 0..registers.lanes(self.to).len() {
            let point = self.from.map(|register| registers.lanes(register)[lane]);
            registers.lanes_mut(self.to)[lane] = self.table.value(point, self.orders);
        }
    }
}

impl Branch {
    fn run(&self, registers: &mut Registers, chunk: usize, active: u64) {
        let taken = registers.truths(self.condition) & active;
        let others = active & !taken;
        let [(first, first_moves), (second, second_moves)] = &self.arms;
        if others == 0 {
            run(first, registers, chunk, active);
            registers.execute(first_moves, chunk);
        } else if taken == 0 {
            run(second, registers, chunk, active);
            registers.execute(second_moves, chunk);
        } else {
            run(first, registers, chunk, taken);
            run(second, registers, chunk, others);
            registers.execute(&self.select, chunk);
        }
    }
}

impl Repeat {
    fn run(&self, registers: &mut Registers, chunk: usize, active: u64) {
        registers.execute(&self.start, chunk);
        let mut going = active;
        for _ in 0..MAX_ROUNDS {
            run(&self.body, registers, chunk, going);
            going &= registers.truths(self.condition);
            if going == 0 {
                break;
            }
            for (k, lane) in registers.lanes_mut(self.going).iter_mut().enumerate() {
                *lane = f64::from(u8::from(going >> k & 1 == 1));
            }
            registers.execute(&self.update, chunk);
        }
    }
}

mod compile {
    //! From the tree of regions to code: how long each value lives, then registers.

    use super::*;

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
    }

    pub fn program(f: &Function, path: Path) -> Program {
        let count = f.insts.len();
        let mut life =
            Life { f, position: 0, born: vec![0; count], last: vec![0; count], closes: vec![0; f.nodes.len()], loops: Vec::new() };
        life.region(Region(0));
        f.outputs.iter().for_each(|v| life.last[v.0 as usize] = END);
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
            used: 0,
        };
        let mut program = Program {
            inputs: Vec::new(),
            outputs: f.outputs.len(),
            input_registers: Vec::new(),
            output_registers: Vec::new(),
            constants: Vec::new(),
            registers: 0,
            code: Vec::new(),
            stamp: 0,
        };
        for (v, inst) in f.insts.iter().enumerate() {
            match inst {
                Inst::Const(number) => {
                    compiler.register[v] = compiler.take();
                    program.constants.push((compiler.register[v], *number));
                }
                Inst::Input(input) => {
                    compiler.register[v] = compiler.take();
                    program.inputs.push(*input);
                    program.input_registers.push(compiler.register[v]);
                }
                _ => {}
            }
        }
        program.code = compiler.region(Region(0));
        program.output_registers = f.outputs.iter().map(|v| compiler.register[v.0 as usize]).collect();
        program.registers = compiler.used as usize;
        program.stamp = stamp(&program);
        program
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
            steps.push(self.path, op.row().code, op.row().value, to, arguments);
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
                            parts.push(Part::Straight(std::mem::take(&mut steps)));
                        }
                        parts.push(self.lookup(*value));
                    }
                    Item::Value(value) => self.value(*value, &mut steps),
                    Item::Node(node) => {
                        if !steps.is_empty() {
                            parts.push(Part::Straight(std::mem::take(&mut steps)));
                        }
                        parts.push(self.node(node.0 as usize));
                    }
                }
            }
            if !steps.is_empty() {
                parts.push(Part::Straight(steps));
            }
            parts
        }

        fn lookup(&mut self, value: Value) -> Part {
            let Inst::Op(_, [code, x, y]) = self.f.insts[value.0 as usize] else { panic!("this is a lookup") };
            let Inst::Const(code) = self.f.insts[code.0 as usize] else { panic!("the table of a lookup is a constant") };
            let (table, orders) = looked_up(code);
            let from = [self.at(x), self.at(y)];
            self.bury();
            let to = self.take();
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
                    let to = self.take();
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
}
