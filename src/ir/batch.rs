//! The batch engine: register bytecode over lanes, one lane per instance.
//!
//! Takes a [`Function`] and gives a [`Program`], which evaluates up to [`LANES`] instances at once: every instruction is
//! applied to all lanes before the next one. An `If` runs only the arm that its lanes take; where they differ it runs both
//! and selects. A `Loop` runs until no lane goes on; lanes that are done keep their values. Registers are reused in the
//! order of execution (linear scan). Results depend neither on the number of lanes nor on the position of a lane.

use std::sync::Arc;

use crate::ir::native::widest;
use crate::ir::op::looked_up;
use crate::ir::registers::{Places, Steps};
use crate::ir::simd::{CHUNKS, Path};
use crate::ir::{Function, Input, Inst, Item, MAX_ROUNDS, NodeKind, Op, Region, Value};

use crate::ir::table::Table;

pub use crate::ir::registers::Registers;
pub use crate::ir::simd::LANES;

mod compile;

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
    /// The first so many inputs change with parameters only and lie side by side behind the outputs ([`Program::for_lanes`]).
    fixed: usize,
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
    Straight(Box<Steps>),
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

    /// Compiles `f` for banks, see [`Program::advance`].
    pub fn for_lanes(f: &Function) -> Program {
        Program::for_lanes_on(f, Path::best())
    }

    /// The same for one of the two vector paths.
    pub fn for_lanes_on(f: &Function, path: Path) -> Program {
        compile::program(f, path, true)
    }

    /// Compiles for one of the two vector paths; they give the same bits.
    pub fn compile_for(f: &Function, path: Path) -> Program {
        compile::program(f, path, false)
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

    /// Lanes that are run at once in a bank of `count`.
    pub fn width(count: usize) -> usize {
        // Machine code keeps vectors at hand: longer chunks would gain nothing. One of eight lanes costs as much as 5/3 of
        // four, since divisions and dear functions work through both halves.
        match widest() {
            0 => CHUNKS[chunk_for(count)],
            8 if 5 * count.div_ceil(8) <= 3 * count.div_ceil(4) => 8,
            _ => 4,
        }
    }

    /// Inputs that change with parameters only, in the order in which [`Program::advance`] is given them.
    pub fn fixed(&self) -> &[Input] {
        &self.inputs[..self.fixed]
    }

    /// The other inputs and their registers, to be filled before each [`Program::advance`].
    pub fn moving(&self) -> impl Iterator<Item = (Input, u32)> {
        self.inputs.iter().copied().zip(self.input_registers.iter().copied()).skip(self.fixed)
    }

    /// Registers for chunks of `width` lanes, with constants in place.
    pub fn registers_of<'w>(&self, work: &'w mut Work, width: usize) -> &'w mut Registers {
        work.prepare(self, CHUNKS.iter().position(|c| *c == width).unwrap_or(CHUNKS.len() - 1))
    }

    /// Runs one chunk of a program compiled by [`Program::for_lanes`]: `fixed` holds `width` lanes of each fixed input one
    /// after the other, the other inputs are in their registers. Output k is then in register k. Results count in the
    /// first `count` lanes.
    pub fn advance(&self, fixed: &[f64], registers: &mut Registers, count: usize) {
        if let [Part::Straight(steps)] = self.code.as_slice()
            && registers.execute_beside(steps, fixed)
        {
            return;
        }
        let (chunk, first) = (registers.chunk(), self.outputs as u32);
        let width = CHUNKS[chunk];
        for (k, lanes) in fixed.chunks_exact(width).enumerate().take(self.fixed) {
            registers.lanes_mut(first + k as u32).copy_from_slice(lanes);
        }
        run(&self.code, registers, chunk, u64::MAX >> (LANES - count));
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

/// Index of the smallest chunk that holds `count` lanes, of the largest if none does.
fn chunk_for(count: usize) -> usize {
    match count {
        0..=4 => 0,
        5..=8 => 1,
        9..=16 => 2,
        _ => 3,
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

impl Part {
    /// Allows machine code.
    fn settle(&mut self, places: &Places) {
        match self {
            Part::Straight(steps) => steps.settle(places),
            Part::If(branch) => {
                for (code, moves) in &mut branch.arms {
                    code.iter_mut().for_each(|part| part.settle(places));
                    moves.settle(places);
                }
                branch.select.settle(places);
            }
            Part::Loop(repeat) => {
                repeat.body.iter_mut().for_each(|part| part.settle(places));
                [&mut repeat.start, &mut repeat.update].into_iter().for_each(|steps| steps.settle(places));
            }
            Part::Lookup(_) => {}
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
