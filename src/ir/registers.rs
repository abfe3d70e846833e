//! Registers of a program and straight code on them: interpreted step by step, or as machine code where that is worth it.
//!
//! A register holds the lanes of one value; the registers of a chunk of lanes lie side by side.

use std::sync::OnceLock;

use crate::ir::Op;
use crate::ir::native::Native;
use crate::ir::simd::{CHUNKS, Path, Runs, Value};

/// One instruction: an operation on registers.
#[derive(Clone, Copy)]
pub struct Step {
    /// What is done.
    pub op: Op,
    /// Its code.
    pub runs: Runs,
    /// Its scalar function.
    pub value: Value,
    /// The register of the result.
    pub to: u32,
    /// Those of the arguments; of fewer than three the first stands for the rest.
    pub arguments: [u32; 3],
}

/// Where registers lie when a chunk is run.
#[derive(Clone, PartialEq, Debug)]
pub struct Places {
    /// Those in memory of their own; all others are those of the program.
    pub fixed: std::ops::Range<u32>,
    /// Registers below this one count at the end.
    pub results: u32,
}

/// Steps for which machine code is worth its page.
const WORTH: usize = 8;

/// Instructions without control flow.
#[derive(Default)]
pub struct Steps {
    list: Vec<Step>,
    /// One more than the largest register.
    registers: usize,
    /// Set if there may be machine code.
    places: Option<Places>,
    /// Machine code for each of [`CHUNKS`], made when it first runs.
    native: [OnceLock<Option<Native>>; CHUNKS.len()],
}

impl Steps {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends `registers[to] = op(registers[arguments])`.
    pub fn push(&mut self, path: Path, op: Op, to: u32, arguments: [u32; 3]) {
        let (code, value) = (op.row().code, op.row().value);
        let runs = if path == Path::Fast && Path::best() == Path::Fast { code.fast } else { code.portable };
        self.registers = arguments.iter().chain([&to]).map(|r| *r as usize + 1).max().unwrap_or(0).max(self.registers);
        self.list.push(Step { op, runs, value, to, arguments });
    }

    /// Allows machine code.
    pub fn settle(&mut self, places: &Places) {
        self.places = Some(places.clone());
    }

    fn native(&self, chunk: usize) -> Option<&Native> {
        let places = self.places.as_ref().filter(|_| self.list.len() >= WORTH)?;
        self.native[chunk].get_or_init(|| Native::new(&self.list, places, chunk)).as_ref()
    }
}

/// Memory of one register; read and written through pointers.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block(#[allow(dead_code)] [f64; LONG]);

/// Numbers between registers of many lanes: their distance is no power of two, so that they do not compete for the same
/// lines of the cache.
const GAP: usize = 8;
/// Largest distance of registers.
const LONG: usize = CHUNKS[CHUNKS.len() - 1] + GAP;

/// Registers of as many lanes as one of [`CHUNKS`] says.
pub struct Registers {
    memory: Vec<Block>,
    count: usize,
    /// Lanes that each register holds.
    size: usize,
    /// Numbers from one register to the next.
    stride: usize,
}

impl Registers {
    /// `count` registers; how many lanes they hold says `fit`.
    pub fn new(count: usize) -> Registers {
        Registers { memory: vec![Block([0.0; LONG]); count.max(1)], count, size: 0, stride: 0 }
    }

    /// Makes registers hold `CHUNKS[chunk]` lanes: few lanes lie close together. True if this changed the layout, which
    /// loses all contents.
    pub fn fit(&mut self, chunk: usize) -> bool {
        let (size, before) = (CHUNKS[chunk], self.stride);
        (self.size, self.stride) = (size, Registers::stride_of(size));
        self.stride != before
    }

    /// Index into [`CHUNKS`] of the lanes that registers hold.
    pub fn chunk(&self) -> usize {
        CHUNKS.iter().position(|c| *c == self.size).unwrap_or(0)
    }

    /// Numbers from one register to the next in [`Registers::all`], where they hold `width` lanes.
    pub fn stride_of(width: usize) -> usize {
        if width <= GAP { width } else { width + GAP }
    }

    /// All registers, `stride_of` numbers apart.
    pub fn all(&self) -> &[f64] {
        // SAFETY: as in `lanes`.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast::<f64>(), self.memory.len() * LONG) }
    }

    /// The lanes of one register.
    pub fn lanes(&self, register: u32) -> &[f64] {
        // SAFETY: `Block` is made of `LONG` numbers, and those of all blocks lie side by side.
        let all = unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast::<f64>(), self.memory.len() * LONG) };
        &all[register as usize * self.stride..][..self.size]
    }

    /// The lanes of one register, to be written.
    pub fn lanes_mut(&mut self, register: u32) -> &mut [f64] {
        let (stride, size) = (self.stride, self.size);
        // SAFETY: as in `lanes`.
        let all = unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast::<f64>(), self.memory.len() * LONG) };
        &mut all[register as usize * stride..][..size]
    }

    /// Which lanes of a truth value are set.
    pub fn truths(&self, register: u32) -> u64 {
        let set = |bits: u64, (k, x): (usize, &f64)| bits | u64::from(*x != 0.0) << k;
        self.lanes(register).iter().enumerate().fold(0, set)
    }

    /// Runs `steps` over `CHUNKS[chunk]` lanes.
    pub fn execute(&mut self, steps: &Steps, chunk: usize) {
        assert!(steps.registers <= self.count && CHUNKS[chunk] <= self.size && self.stride <= LONG);
        if let (Some(native), Some(places)) = (steps.native(chunk), &steps.places) {
            let fixed = self.lanes(places.fixed.start.min(self.count as u32 - 1)).as_ptr();
            assert!(native.reach().0 <= self.count);
            // SAFETY: as below; what else lies in its own memory lies among the registers here.
            return unsafe { native.run(self.memory.as_mut_ptr().cast::<f64>(), fixed) };
        }
        let (base, stride) = (self.memory.as_mut_ptr().cast::<f64>(), self.stride);
        let at = |register: u32| base.wrapping_add(register as usize * stride);
        for step in &steps.list {
            let [a, b, c] = step.arguments;
            // SAFETY: every register number is below `self.count` and registers hold that many lanes (checked above); `fast`
            // code is only chosen where the processor has it. Result and arguments may be the same register, each lane of
            // which is read before it is written.
            unsafe { (step.runs[chunk])(at(step.to), at(a), at(b), at(c), step.value) };
        }
    }

    /// Runs `steps` with fixed registers in memory of their own, if there is machine code for them.
    pub fn execute_beside(&mut self, steps: &Steps, fixed: &[f64]) -> bool {
        let chunk = self.chunk();
        let Some(native) = steps.native(chunk) else { return false };
        let (registers, others) = native.reach();
        assert!(registers <= self.count && others * CHUNKS[chunk] <= fixed.len() && self.stride == CHUNKS[chunk]);
        // SAFETY: registers and fixed ones are as many as the code may touch (checked above).
        unsafe { native.run(self.memory.as_mut_ptr().cast::<f64>(), fixed.as_ptr()) };
        true
    }
}
