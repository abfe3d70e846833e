//! Vector instructions of x86-64 in bytes: VEX (AVX2, four lanes) or EVEX (AVX-512, eight lanes) as the width asks.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2. A vector operand is a
//! register or a place in memory; general registers serve as bases and for calls only.

/// A vector register, 0 to 15.
pub type Vector = u8;

/// A vector operand that may stand in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A vector register.
    Register(Vector),
    /// Bytes behind a base.
    Memory(Base, i32),
    /// Bytes behind the begin of the code's own block, which holds its constants.
    Pool(u32),
}

/// Registers that point to memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Base {
    /// `rbx`: the registers of the program.
    Registers = 3,
    /// `r13`: values that change with parameters only.
    Fixed = 13,
}

/// Instructions `to = a op b`: bytes behind the prefix 66 of map 0F.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Binary {
    Add = 0x58,
    Mul = 0x59,
    Sub = 0x5c,
    Min = 0x5d,
    Div = 0x5e,
    Max = 0x5f,
    And = 0x54,
    Xor = 0x57,
}

/// Comparisons, ordered and quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Compare {
    Equal = 0x00,
    Less = 0x11,
    LessOrEqual = 0x12,
}

/// Whole numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Round {
    Floor = 0x09,
    Ceil = 0x0a,
}

/// General registers that hold the first four arguments of a call: rdi, rsi, rdx, rcx.
pub const ARGUMENTS: [u8; 4] = [7, 6, 2, 1];

/// Opcode maps.
const MAP_0F: u8 = 1;
const MAP_0F38: u8 = 2;
const MAP_0F3A: u8 = 3;
/// Multiplication and addition in one.
const FUSED: (u8, u8) = (MAP_0F38, 0xb8);
/// The mask register in use, k1.
const MASK: u8 = 1;
/// Zeros where the mask is not set.
const ZEROS: u8 = 0x80;

/// Code that grows.
pub struct Assembler {
    /// The block: constants, then code.
    pub bytes: Vec<u8>,
    /// Eight lanes instead of four.
    wide: bool,
}

impl Assembler {
    /// A block that begins with constants.
    pub fn new(wide: bool, pool: Vec<u8>) -> Assembler {
        Assembler { bytes: pool, wide }
    }

    /// Lanes of a vector.
    pub fn lanes(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// `to = from`
    pub fn load(&mut self, to: Vector, from: Operand) {
        self.vector((MAP_0F, 0x10), to, 0, from, None, 0);
    }

    /// `to = from`, to memory.
    pub fn store(&mut self, to: Operand, from: Vector) {
        self.vector((MAP_0F, 0x11), from, 0, to, None, 0);
    }

    /// `to = a op b`
    pub fn binary(&mut self, op: Binary, to: Vector, a: Vector, b: Operand) {
        self.vector((MAP_0F, op as u8), to, a, b, None, 0);
    }

    /// `to = a b + to`, rounded once.
    pub fn fused(&mut self, to: Vector, a: Vector, b: Operand) {
        self.vector(FUSED, to, a, b, None, 0);
    }

    /// `to =` the bits of `a` moved up.
    pub fn shift_up(&mut self, to: Vector, a: Vector, by: u8) {
        self.vector((MAP_0F, 0x73), 6, to, Operand::Register(a), Some(by), 0);
    }

    /// `to = sqrt(a)`
    pub fn sqrt(&mut self, to: Vector, a: Operand) {
        self.vector((MAP_0F, 0x51), to, 0, a, None, 0);
    }

    /// `to =` the whole number below or above.
    pub fn round(&mut self, kind: Round, to: Vector, a: Operand) {
        self.vector((MAP_0F3A, 0x09), to, 0, a, Some(kind as u8), 0);
    }

    /// `to = a < b ? value : 0`; `to` is none of the operands.
    pub fn keep_where(&mut self, compare: Compare, to: Vector, (a, b): (Vector, Operand), value: Operand) {
        self.compare(compare, to, a, b);
        match self.wide {
            true => self.vector((MAP_0F, 0x10), to, 0, value, None, ZEROS | MASK),
            false => self.binary(Binary::And, to, to, value),
        }
    }

    /// A mask of `a < b` for [`Assembler::blend`], in `spare` where vectors are masks.
    pub fn compare(&mut self, compare: Compare, spare: Vector, a: Vector, b: Operand) {
        self.vector((MAP_0F, 0xc2), if self.wide { MASK } else { spare }, a, b, Some(compare as u8), 0);
    }

    /// `to =` by the mask of the last comparison `yes` or `no`.
    pub fn blend(&mut self, to: Vector, yes: Operand, no: Vector, spare: Vector) {
        match self.wide {
            true => self.vector((MAP_0F38, 0x65), to, no, yes, None, MASK),
            false => self.vector((MAP_0F3A, 0x4b), to, no, yes, Some(spare << 4), 0),
        }
    }

    /// One vector instruction with prefix 66; `mask` holds the bits z and aaa of EVEX.
    fn vector(&mut self, (map, opcode): (u8, u8), reg: u8, second: u8, rm: Operand, immediate: Option<u8>, mask: u8) {
        let high = match rm {
            Operand::Register(r) => r >> 3,
            Operand::Memory(base, _) => base as u8 >> 3,
            Operand::Pool(_) => 0,
        };
        // Bits that extend register numbers are stored inverted; X is not used by these addresses.
        let first = (((reg >> 3) ^ 1) << 7) | 1 << 6 | ((high ^ 1) << 5);
        let second = (second ^ 15) << 3;
        // Doubles have W set; blends and rounding of VEX ignore it or want it clear.
        let w = u8::from(self.wide || (map, opcode) == FUSED) << 7;
        if self.wide {
            self.bytes.extend([0x62, first | 1 << 4 | map, w | second | 1 << 2 | 1, mask | 2 << 5 | 1 << 3, opcode]);
        } else {
            self.bytes.extend([0xc4, first | map, w | second | 1 << 2 | 1, opcode]);
        }
        let low = (reg & 7) << 3;
        match rm {
            Operand::Register(r) => self.bytes.push(0xc0 | low | (r & 7)),
            Operand::Memory(base, displacement) => {
                self.bytes.push(0x80 | low | (base as u8 & 7));
                self.bytes.extend(displacement.to_le_bytes());
            }
            Operand::Pool(at) => {
                self.bytes.push(low | 5);
                // Counted from the end of the instruction.
                let end = self.bytes.len() + 4 + usize::from(immediate.is_some());
                self.bytes.extend((at as i32 - end as i32).to_le_bytes());
            }
        }
        self.bytes.extend(immediate);
    }

    /// Keeps what the caller wants kept; takes the two bases from the first two arguments.
    pub fn enter(&mut self) {
        // push rbx; push r13; sub rsp, 8; mov rbx, rdi; mov r13, rsi
        self.bytes.extend([0x53, 0x41, 0x55, 0x48, 0x83, 0xec, 0x08, 0x48, 0x89, 0xfb, 0x49, 0x89, 0xf5]);
    }

    /// The way back.
    pub fn leave(&mut self) {
        // vzeroupper; add rsp, 8; pop r13; pop rbx; ret
        self.bytes.extend([0xc5, 0xf8, 0x77, 0x48, 0x83, 0xc4, 0x08, 0x41, 0x5d, 0x5b, 0xc3]);
    }

    /// Calls a function with addresses and one more argument; all vectors are lost.
    pub fn call(&mut self, function: u64, addresses: [(Base, i32); 4], last: u64) {
        for ((base, displacement), register) in addresses.into_iter().zip(ARGUMENTS) {
            // lea register, [base + displacement]
            let number = base as u8;
            self.bytes.extend([0x48 | number >> 3, 0x8d, 0x80 | register << 3 | (number & 7)]);
            self.bytes.extend(displacement.to_le_bytes());
        }
        // mov r8, last; mov rax, function; vzeroupper; call rax
        self.bytes.extend([0x49, 0xb8]);
        self.bytes.extend(last.to_le_bytes());
        self.bytes.extend([0x48, 0xb8]);
        self.bytes.extend(function.to_le_bytes());
        self.bytes.extend([0xc5, 0xf8, 0x77, 0xff, 0xd0]);
    }
}
