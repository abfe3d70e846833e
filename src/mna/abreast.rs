//! Large banks are evaluated by all threads: chunks of a strip side by side, each thread with registers of its own; what they give is
//! then added chunk after chunk. The sums have the order that they have on one thread, and so the bits.

use rayon::prelude::*;

use crate::dae::{Eval, Point, Want};
use crate::ir::batch::{Program, Registers, Work};
use crate::mna::bank::{Bank, Lanes, Scratch, Which};
use crate::mna::scatter::Prepared;

/// Lanes from which on a bank is large: some hundred microseconds of work.
const LARGE: usize = 4096;
/// Chunks of a strip: what they give stays near the processor.
const STRIP: usize = 1024;

/// Registers of one thread, and unknowns that a chunk reads.
type Seat = (Work, Vec<f64>);

/// Workspace, made when it is first needed.
#[derive(Default)]
pub struct Abreast {
    /// For each program, one for each thread.
    seats: Vec<Vec<Seat>>,
    /// Outputs of the chunks of a strip.
    outputs: Vec<f64>,
}

impl Bank {
    /// True if it has so many lanes that threads share them. Limits and delays are looked up by one thread.
    pub(super) fn is_large(&self) -> bool {
        self.len() >= LARGE && self.limited().next().is_none() && self.model.tracks.is_empty()
    }

    /// As [`Bank::eval`].
    pub(super) fn eval_abreast(
        &self,
        (program, which): (&Program, Which),
        prepared: &Prepared,
        (at, lanes): (&Point, &Lanes),
        want: Want,
        scratch: &mut Scratch,
        out: &mut Eval,
    ) {
        let (width, chunks) = (self.lists.width, self.lists.ends.len());
        let size = program.outputs * Registers::stride_of(width);
        let seat = scratch.seat(self, which);
        let mut space = std::mem::take(&mut scratch.abreast);
        if space.seats.len() <= seat {
            space.seats.resize_with(seat + 1, Vec::new);
        }
        let seats = &mut space.seats[seat];
        seats.resize_with(rayon::current_num_threads(), Seat::default);
        space.outputs.resize(space.outputs.len().max(size * STRIP.min(chunks)), 0.0);
        let count = |chunk: usize| width.min(self.len() - chunk * width);
        let mut begin = [0; 5];
        for first in (0..chunks).step_by(STRIP) {
            let strip = STRIP.min(chunks - first);
            let share = strip.div_ceil(seats.len());
            let outputs = &mut space.outputs[..size * strip];
            let read = scratch.read();
            outputs.par_chunks_mut(size * share).zip(&mut *seats).enumerate().for_each(|(part, (outputs, (work, potentials)))| {
                let registers = program.registers_of(work, width);
                for (k, outputs) in outputs.chunks_exact_mut(size).enumerate() {
                    let chunk = first + part * share + k;
                    self.read(chunk, at, potentials);
                    self.feed(program, registers, Some(potentials), (at, lanes), (chunk * width, count(chunk)), read);
                    program.advance(prepared.chunk(chunk), registers, count(chunk));
                    outputs.copy_from_slice(&registers.all()[..size]);
                }
            });
            for (k, values) in outputs.chunks_exact(size).enumerate() {
                let end = self.lists.ends[first + k];
                self.scatter(want, [begin, end], values, &mut scratch.lost, out);
                self.bound_step(values, lanes, count(first + k), out);
                begin = end;
            }
        }
        scratch.abreast = space;
    }
}
