//! Straight code as machine code: what one chunk of lanes costs is then what its operations cost.
//!
//! Takes the steps between two places of control flow, each an operation on registers in memory, and gives a function on the
//! memory of these registers. Cheap operations become one instruction or a few, on vectors that stay in the processor while
//! they are needed (of those at hand the one goes back to memory that is needed last, Belady 1966), exponentials some thirty; other
//! dear ones are calls of the vector code that the interpreter runs as well. Every instruction rounds as that of the interpreter: the bits are the same.
//!
//! Machines other than x86-64 with AVX2 under Unix, and systems that give no pages for code, interpret instead.

mod encode;
mod exponential;

use std::arch::is_x86_feature_detected;

use memmap2::{Mmap, MmapMut};

use crate::ir::Op;
use crate::ir::op::SATURATION;
use crate::ir::registers::{Places, Step};
use crate::ir::simd::CHUNKS;
use encode::{Assembler, Base, Binary, Compare, Operand, Round, Vector};

/// Vectors that hold registers; two more are spare.
const HELD: usize = 14;
const SPARE: [Vector; 2] = [14, 15];
/// A value that is not read again but counts at the end of the code.
const AT_END: u32 = u32::MAX - 1;
/// A value that nobody reads again.
const NEVER: u32 = u32::MAX;

/// Constants of the code, each a whole vector.
#[derive(Clone, Copy)]
enum Constant {
    Zero,
    One,
    Sign,
    Size,
    Top,
    Bottom,
}

const CONSTANTS: [u64; 6] = [0, 1f64.to_bits(), 1 << 63, !(1 << 63), SATURATION.to_bits(), (-SATURATION).to_bits()];
/// Bytes of one constant.
const ENTRY: usize = 64;

impl From<Constant> for Operand {
    fn from(constant: Constant) -> Operand {
        Operand::Pool((constant as usize * ENTRY) as u32)
    }
}

/// Machine code.
pub struct Native {
    code: Mmap,
    entry: usize,
    registers: u32,
    fixed: u32,
}

/// Lanes of the vectors that this processor has; 0 if there is no machine code for it.
pub fn widest() -> usize {
    match is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        true if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") => 8,
        true => 4,
        false => 0,
    }
}

impl Native {
    /// Code for a chunk of 4 or 8 lanes; `None` for others, and where the processor or the system does not have what it takes.
    pub fn new(steps: &[Step], places: &Places, chunk: usize) -> Option<Native> {
        let lanes = CHUNKS[chunk];
        if lanes > widest() || !matches!(lanes, 4 | 8) {
            return None;
        }
        let registers = steps.iter().flat_map(|s| s.arguments.into_iter().chain([s.to])).max()? + 1;
        // Displacements have 32 bits.
        i32::try_from(u64::from(registers) * 64).ok()?;
        let constants = CONSTANTS.into_iter().chain(exponential::CONSTANTS.map(f64::to_bits));
        let pool: Vec<u8> = constants.flat_map(|c| std::iter::repeat_n(c.to_le_bytes(), 8).flatten()).collect();
        let entry = pool.len();
        let mut writer = Writer { code: Assembler::new(lanes == 8, pool), places, held: [None; HELD], chunk };
        writer.code.enter();
        let uses = uses(steps, places.results);
        steps.iter().zip(&uses).for_each(|(step, next)| writer.step(step, next));
        writer.flush();
        writer.code.leave();
        let bytes = writer.code.bytes;
        let mut memory = MmapMut::map_anon(bytes.len()).ok()?;
        memory.copy_from_slice(&bytes);
        Some(Native { code: memory.make_exec().ok()?, entry, registers, fixed: places.fixed.len() as u32 })
    }

    /// Number of registers that the code may touch, and of those in memory of their own.
    pub fn reach(&self) -> (usize, usize) {
        (self.registers as usize, self.fixed as usize)
    }

    /// Runs the code.
    ///
    /// # Safety
    /// Behind `registers` lie as many registers as [`Native::reach`] says, of as many lanes as the code was made for, and behind
    /// `fixed` those in memory of their own.
    pub unsafe fn run(&self, registers: *mut f64, fixed: *const f64) {
        // SAFETY: the block holds a function of this type from `entry` on, which keeps the calling convention (`enter`, `leave`).
        unsafe {
            let function: unsafe extern "C" fn(*mut f64, *const f64) =
                std::mem::transmute(self.code.as_ptr().wrapping_add(self.entry));
            function(registers, fixed);
        }
    }
}

/// When each operand is read next: those of the arguments and that of the result.
fn uses(steps: &[Step], results: u32) -> Vec<[u32; 4]> {
    let count = steps.iter().flat_map(|s| s.arguments.into_iter().chain([s.to])).max().map_or(0, |r| r as usize + 1);
    let mut next: Vec<u32> = (0..count as u32).map(|r| if r < results { AT_END } else { NEVER }).collect();
    let mut all = vec![[NEVER; 4]; steps.len()];
    for (k, step) in steps.iter().enumerate().rev() {
        let after = next[step.to as usize];
        next[step.to as usize] = NEVER;
        let [a, b, c] = step.arguments.map(|r| next[r as usize]);
        all[k] = [a, b, c, after];
        step.arguments[..step.op.arity()].iter().for_each(|r| next[*r as usize] = k as u32);
    }
    all
}

/// What a vector holds.
#[derive(Clone, Copy)]
struct Held {
    register: u32,
    /// When it is read next.
    next: u32,
    /// It differs from memory.
    changed: bool,
}

struct Writer<'a> {
    code: Assembler,
    places: &'a Places,
    held: [Option<Held>; HELD],
    /// Number of its lanes.
    chunk: usize,
}

impl Writer<'_> {
    fn place(&self, register: u32) -> (Base, i32) {
        let bytes = (8 * self.code.lanes()) as u32;
        match self.places.fixed.contains(&register) {
            true => (Base::Fixed, ((register - self.places.fixed.start) * bytes) as i32),
            false => (Base::Registers, (register * bytes) as i32),
        }
    }

    fn memory(&self, register: u32) -> Operand {
        let (base, displacement) = self.place(register);
        Operand::Memory(base, displacement)
    }

    fn find(&self, register: u32) -> Option<usize> {
        self.held.iter().position(|h| h.is_some_and(|h| h.register == register))
    }

    /// A vector for something new that is none of `kept`.
    fn make_room(&mut self, kept: &[u32]) -> usize {
        if let Some(free) = self.held.iter().position(Option::is_none) {
            return free;
        }
        let candidates = self.held.iter().enumerate().filter_map(|(k, h)| h.map(|h| (k, h)));
        let movable = candidates.filter(|(_, h)| !kept.contains(&h.register));
        let chosen = movable.max_by_key(|(_, h)| h.next).map_or(0, |(k, _)| k);
        self.put_back(chosen);
        chosen
    }

    /// Empties a vector; what counts goes to memory.
    fn put_back(&mut self, k: usize) {
        if let Some(held) = self.held[k].take()
            && held.changed
            && held.next != NEVER
        {
            self.code.store(self.memory(held.register), k as Vector);
        }
    }

    fn flush(&mut self) {
        (0..HELD).for_each(|k| self.put_back(k));
    }

    /// An argument; what is read again is kept at hand.
    fn operand(&mut self, register: u32, next: u32, kept: &[u32]) -> Operand {
        if let Some(k) = self.find(register) {
            if let Some(held) = &mut self.held[k] {
                held.next = next;
            }
            return Operand::Register(k as Vector);
        }
        if next >= AT_END {
            return self.memory(register);
        }
        let k = self.make_room(kept);
        self.code.load(k as Vector, self.memory(register));
        self.held[k] = Some(Held { register, next, changed: false });
        Operand::Register(k as Vector)
    }

    /// The operand in a vector: where it is, or in the spare one.
    fn in_vector(&mut self, operand: Operand, spare: Vector) -> Vector {
        if let Operand::Register(k) = operand {
            return k;
        }
        self.code.load(spare, operand);
        spare
    }

    fn step(&mut self, step: &Step, next: &[u32; 4]) {
        if matches!(step.op, Op::Exp | Op::Limexp) {
            return self.exponential(step, next);
        }
        if is_dear(step.op) {
            return self.call(step);
        }
        let arity = step.op.arity();
        let used = &step.arguments[..arity];
        let mut operands = [Operand::Register(0); 3];
        for k in 0..arity {
            operands[k] = self.operand(step.arguments[k], next[k], used);
        }
        // The result may take the place of an argument that is not read again: instructions read before they write.
        self.drop_gone(step);
        let to = self.make_room(used);
        self.held[to] = Some(Held { register: step.to, next: next[3], changed: true });
        self.instruction(step.op, to as Vector, operands);
    }

    /// Forgets what is not read again, and what the result replaces.
    fn drop_gone(&mut self, step: &Step) {
        let used = &step.arguments[..step.op.arity()];
        for held in &mut self.held {
            *held = held.filter(|h| h.register != step.to && !(used.contains(&h.register) && h.next == NEVER));
        }
    }

    fn instruction(&mut self, op: Op, to: Vector, [a, b, c]: [Operand; 3]) {
        let [first, second] = SPARE;
        let binary = match op {
            Op::Add => Some(Binary::Add),
            Op::Sub => Some(Binary::Sub),
            Op::Mul | Op::And => Some(Binary::Mul),
            Op::Div => Some(Binary::Div),
            Op::Min => Some(Binary::Min),
            Op::Max | Op::Or => Some(Binary::Max),
            _ => None,
        };
        if let Some(binary) = binary {
            let a = self.in_vector(a, first);
            return self.code.binary(binary, to, a, b);
        }
        match op {
            Op::Sqrt => self.code.sqrt(to, a),
            Op::Floor => self.code.round(Round::Floor, to, a),
            Op::Ceil => self.code.round(Round::Ceil, to, a),
            Op::ToReal => self.code.load(to, a),
            Op::Neg | Op::Abs => {
                let a = self.in_vector(a, first);
                let (op, constant) = if op == Op::Neg { (Binary::Xor, Constant::Sign) } else { (Binary::And, Constant::Size) };
                self.code.binary(op, to, a, constant.into());
            }
            Op::Lt | Op::Le | Op::Eq | Op::Gt | Op::Ge => {
                let (compare, x, y) = match op {
                    Op::Lt => (Compare::Less, a, b),
                    Op::Le => (Compare::LessOrEqual, a, b),
                    Op::Gt => (Compare::Less, b, a),
                    Op::Ge => (Compare::LessOrEqual, b, a),
                    _ => (Compare::Equal, a, b),
                };
                let x = self.in_vector(x, first);
                self.code.keep_where(compare, second, (x, y), Constant::One.into());
                self.code.load(to, Operand::Register(second));
            }
            // 1 less the truth of equality.
            Op::Ne | Op::ToBool => {
                let b = if op == Op::Ne { b } else { Constant::Zero.into() };
                let x = self.in_vector(a, first);
                self.code.keep_where(Compare::Equal, second, (x, b), Constant::One.into());
                self.code.load(first, Constant::One.into());
                self.code.binary(Binary::Sub, to, first, Operand::Register(second));
            }
            Op::Not => {
                self.code.load(first, Constant::One.into());
                self.code.binary(Binary::Sub, to, first, a);
            }
            Op::Select => {
                let condition = self.in_vector(a, first);
                self.code.compare(Compare::Equal, second, condition, Constant::Zero.into());
                let yes = self.in_vector(b, first);
                self.code.blend(to, c, yes, second);
            }
            // NaN becomes 0, the rest is bounded.
            Op::Saturate => {
                let x = self.in_vector(a, first);
                self.code.keep_where(Compare::Equal, second, (x, Operand::Register(x)), Operand::Register(x));
                self.code.binary(Binary::Min, second, second, Constant::Top.into());
                self.code.binary(Binary::Max, to, second, Constant::Bottom.into());
            }
            _ => unreachable!("dear operations are calls"),
        }
    }

    /// A dear operation: arguments and result in memory, all vectors empty.
    fn call(&mut self, step: &Step) {
        for k in 0..HELD {
            if let Some(held) = &mut self.held[k]
                && step.arguments.contains(&held.register)
            {
                // Read by the call, whatever comes later.
                held.next = held.next.min(AT_END);
            }
        }
        self.flush();
        let [a, b, c] = step.arguments;
        let addresses = [step.to, a, b, c].map(|r| self.place(r));
        self.code.call(step.runs[self.chunk] as usize as u64, addresses, step.value as usize as u64);
    }
}

/// Whether an operation is called instead of written out.
fn is_dear(op: Op) -> bool {
    use Op::*;
    let plain =
        matches!(op, Neg | Add | Sub | Mul | Div | Min | Max | Abs | Sqrt | Floor | Ceil | Saturate | Select | ToReal | ToBool);
    !plain && !matches!(op, Lt | Le | Gt | Ge | Eq | Ne | And | Or | Not)
}
