//! Evaluation of a bank for Newton: chunks of lanes from probes to the sums in rows and matrices.
//!
//! What each lane adds where is listed once, chunk by chunk and without ground; what depends on parameters only is laid out
//! once for each set of values, in the order in which the programs read it. See `model::stamp` for what the programs give.

use std::ops::Range;
use std::sync::OnceLock;

use crate::dae::{Eval, Point, Want};
use crate::ir::batch::{Program, Registers, Source};
use crate::ir::{Input, Inst};
use crate::mna::bank::{Bank, Lanes, Read, Scratch, Which};
use crate::mna::sums::{self, Lost};
use crate::model::kernel::Place;
use crate::model::stamp::Stamp;
use crate::sparse::Pattern;

/// Where the chunks of a bank add their outputs. A source is an index into the registers of a chunk.
#[derive(Default)]
pub struct Lists {
    /// Lanes of a chunk.
    pub width: usize,
    /// Row, source of f and of its scale.
    f: Vec<[u32; 3]>,
    /// Row and source.
    q: Vec<[u32; 2]>,
    /// Slot and source.
    g: Vec<[u32; 2]>,
    /// Slot and source.
    c: Vec<[u32; 2]>,
    /// Rows and slots that all lanes of a chunk have in common.
    common: Vec<Common>,
    /// For each chunk, the ends of its parts of the five lists.
    pub(super) ends: Vec<[u32; 5]>,
    /// Above all rows, above all slots, above all sources of rows, above all of slots.
    tops: [usize; 4],
    /// Local unknowns that probes read.
    locals: usize,
    /// Unknowns of the lanes of each chunk for each of these; lanes that nobody asked for repeat the last one.
    reads: Vec<u32>,
    /// For each probe, the places of its two ends among what is read.
    ends_of: Vec<(u32, Option<u32>)>,
}

/// What all lanes of a chunk add to the same row or slot: a supply that all transistors hang on.
struct Common {
    what: Want,
    /// Row or slot.
    target: u32,
    /// Sources of the values and, for f, of their scales; one behind the other.
    source: u32,
    scale: u32,
    count: u32,
}

/// Lanes from which on what they have in common is summed first.
const TOGETHER: usize = 4;

impl Lists {
    /// The lists of a bank whose unknowns are known; `n` of them are no ground.
    pub fn new(bank: &Bank, pattern: &Pattern) -> Lists {
        let n = pattern.n as u32;
        let width = Program::width(bank.len());
        let mut lists = Lists { width, ..Lists::default() };
        if bank.idle {
            return lists;
        }
        lists.read(bank);
        let Stamp { rows, entries, .. } = &bank.stamped.stamp;
        for start in (0..bank.len()).step_by(width) {
            let lanes = start..bank.len().min(start + width);
            for stamp in rows {
                let row = |lane: usize| Some(bank.unknowns[stamp.row as usize][lane]).filter(|row| *row != n);
                let (f, q) = (stamp.f.map(|(f, scale)| (Want::F, f, scale)), stamp.q.map(|q| (Want::Q, q, q)));
                [f, q].into_iter().flatten().for_each(|what| lists.push(what, lanes.clone(), row));
            }
            for stamp in entries {
                let slot = |lane: usize| {
                    let (row, column) = (bank.unknowns[stamp.row as usize][lane], bank.unknowns[stamp.column as usize][lane]);
                    (row != n && column != n).then(|| pattern.slot(row, column).0)
                };
                let (g, c) = (stamp.g.map(|g| (Want::G, g, g)), stamp.c.map(|c| (Want::C, c, c)));
                [g, c].into_iter().flatten().for_each(|what| lists.push(what, lanes.clone(), slot));
            }
            let ends = [lists.f.len(), lists.q.len(), lists.g.len(), lists.c.len(), lists.common.len()];
            lists.ends.push(ends.map(|end| end as u32));
        }
        lists.f.shrink_to_fit();
        [&mut lists.q, &mut lists.g, &mut lists.c].into_iter().for_each(Vec::shrink_to_fit);
        lists
    }

    /// Lists what an output of a chunk's program adds, with its scale, to the row or slot of each lane.
    fn push(&mut self, (what, value, scale): (Want, u32, u32), lanes: Range<usize>, target: impl Fn(usize) -> Option<u32>) {
        let stride = Registers::stride_of(self.width) as u32;
        let (value, scale) = (value * stride, scale * stride);
        let place = if what.intersects(Want::F | Want::Q) { 0 } else { 1 };
        for lane in lanes.clone() {
            self.tops[place] = self.tops[place].max(target(lane).map_or(0, |t| t as usize + 1));
        }
        self.tops[2 + place] = self.tops[2 + place].max(value.max(scale) as usize + lanes.len());
        let first = target(lanes.start);
        if let Some(target) = first.filter(|_| lanes.len() >= TOGETHER && lanes.clone().all(|lane| target(lane) == first)) {
            self.common.push(Common { what, target, source: value, scale, count: lanes.len() as u32 });
            return;
        }
        let listed =
            lanes.zip(0u32..).filter_map(|(lane, place)| target(lane).map(|target| (target, value + place, scale + place)));
        match what {
            Want::F => self.f.extend(listed.map(|(row, value, scale)| [row, value, scale])),
            Want::Q => self.q.extend(listed.map(|(row, value, _)| [row, value])),
            Want::G => self.g.extend(listed.map(|(slot, value, _)| [slot, value])),
            _ => self.c.extend(listed.map(|(slot, value, _)| [slot, value])),
        }
    }

    /// Which unknowns the programs read of each lane.
    fn read(&mut self, bank: &Bank) {
        let inputs = &bank.stamped.function.insts;
        let asked = |k: usize| inputs.contains(&Inst::Input(Input::Probe(k as u32)));
        let mut locals: Vec<u32> = Vec::new();
        let mut place = |local: u32| {
            let known = locals.iter().position(|l| *l == local);
            known.unwrap_or_else(|| {
                locals.push(local);
                locals.len() - 1
            }) as u32
        };
        self.ends_of = (bank.model.probes.iter().enumerate())
            .map(|(k, probe)| match asked(k) || probe.limit.is_some() {
                true => (place(probe.plus), probe.minus.map(&mut place)),
                false => (0, None),
            })
            .collect();
        self.locals = locals.len();
        for start in (0..bank.len()).step_by(self.width) {
            for local in &locals {
                let lanes = &bank.unknowns[*local as usize];
                self.reads.extend((start..start + self.width).map(|lane| lanes[lane.min(lanes.len() - 1)]));
            }
        }
        self.reads.shrink_to_fit();
    }

    /// Slots that are added to.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        let common = self.common.iter().filter(|common| common.what.intersects(Want::G | Want::C)).map(|common| common.target);
        self.g.iter().chain(&self.c).map(|entry| entry[0]).chain(common)
    }
}

/// Values that change with parameters only, as a program reads them: chunk by chunk, input by input, lane by lane.
#[derive(Clone, Default)]
pub struct Prepared {
    values: Vec<f64>,
    /// Numbers of one chunk; 0 if all chunks are alike.
    step: usize,
}

impl Prepared {
    fn new(program: &Program, bank: &Bank, lanes: &Lanes, width: usize) -> Prepared {
        let inputs = program.fixed();
        let count = bank.len();
        let whole: Vec<Source> = inputs.iter().map(|i| bank.parameter_source(*i, lanes, 0, count)).collect();
        let alike = |source: &Source| match source {
            Source::Same(_) => true,
            Source::Lanes(list) => list.iter().all(|v| v.to_bits() == list[0].to_bits()),
        };
        let chunks = if whole.iter().all(alike) { 1 } else { count.div_ceil(width) };
        let mut values = Vec::with_capacity(chunks * inputs.len() * width);
        for chunk in 0..chunks {
            for source in &whole {
                // Lanes that nobody asked for behave like the last one: no surprises, no extra branches.
                values.extend((chunk * width..(chunk + 1) * width).map(|lane| match source {
                    Source::Same(number) => *number,
                    Source::Lanes(list) => list[lane.min(count - 1)],
                }));
            }
        }
        Prepared { values, step: if chunks == 1 { 0 } else { inputs.len() * width } }
    }

    /// Those of one chunk.
    pub(super) fn chunk(&self, number: usize) -> &[f64] {
        &self.values[number * self.step..]
    }
}

/// What `residual` and `newton` read, made when they first run with these values.
pub type Laid = [OnceLock<Prepared>; 2];

/// Adds what a chunk yields to the entries of its part of a list.
///
/// # Safety
/// Slots are below the length of `target`, sources below that of `values`.
unsafe fn add(target: &mut [f64], list: &[[u32; 2]], values: &[f64]) {
    for [slot, source] in list {
        debug_assert!((*slot as usize) < target.len() && (*source as usize) < values.len());
        unsafe { *target.get_unchecked_mut(*slot as usize) += *values.get_unchecked(*source as usize) }
    }
}

impl Bank {
    /// Adds the bank's part of the rows and matrices that are wanted to `out`. Affine contributions are left to the constant
    /// matrices.
    pub fn eval(&self, at: &Point, lanes: &Lanes, want: Want, scratch: &mut Scratch, out: &mut Eval) {
        let matrix = want.intersects(Want::G | Want::C);
        let (program, which): (&Program, _) =
            if matrix { (&self.stamped.newton, Which::Newton) } else { (&self.stamped.residual, Which::Residual) };
        let width = self.lists.width;
        let prepared = lanes.laid[usize::from(matrix)].get_or_init(|| Prepared::new(program, self, lanes, width));
        // Without a trial nothing is limited.
        let limits = at.trial.is_some() && self.limited().next().is_some();
        if self.is_large() && rayon::current_num_threads() > 1 {
            return self.eval_abreast((program, which), prepared, (at, lanes), want, scratch, out);
        }
        let mut read = std::mem::take(&mut scratch.potentials);
        let seat = scratch.seat(self, which);
        let mut work = std::mem::take(&mut scratch.work[seat]);
        let registers = program.registers_of(&mut work, width);
        let mut begin = [0; 5];
        for (chunk, end) in self.lists.ends.iter().enumerate() {
            let start = chunk * width;
            let count = width.min(self.len() - start);
            if limits {
                self.gather(at, start, count, scratch);
            } else {
                self.read(chunk, at, &mut read);
            }
            let limited = limits && self.limit(at, lanes, start, count, scratch, out);
            if !self.model.tracks.is_empty() {
                self.look_up(at, lanes, start, count, &mut scratch.delayed);
            }
            self.feed(program, registers, (!limits).then_some(&read), (at, lanes), (start, count), scratch.read());
            if at.trial.is_none() {
                self.hand_on(&read, (start, count), out);
            }
            program.advance(prepared.chunk(chunk), registers, count);
            self.scatter(want, [begin, *end], registers.all(), &mut scratch.lost, out);
            if limited {
                self.limit_terms(at, lanes, (start, count), scratch, out);
            }
            self.bound_step(registers.all(), lanes, count, out);
            begin = *end;
        }
        scratch.work[seat] = work;
        scratch.potentials = read;
    }

    /// The unknowns that a chunk reads, lanes of one after the other.
    pub(super) fn read(&self, chunk: usize, at: &Point, read: &mut Vec<f64>) {
        let count = self.lists.locals * self.lists.width;
        let unknowns = &self.lists.reads[chunk * count..(chunk + 1) * count];
        read.clear();
        read.extend(unknowns.iter().map(|k| at.x.get(*k as usize).copied().unwrap_or(0.0)));
    }

    /// A probe from what was read.
    fn difference(&self, probe: u32, read: &[f64], to: &mut [f64]) {
        let width = self.lists.width;
        let (plus, minus) = self.lists.ends_of[probe as usize];
        let count = to.len();
        let lanes = |place: u32| &read[place as usize * width..][..count];
        match minus {
            None => to.copy_from_slice(lanes(plus)),
            Some(minus) => to.iter_mut().zip(lanes(plus).iter().zip(lanes(minus))).for_each(|(v, (p, m))| *v = p - m),
        }
    }

    /// Hands a program what moves, for the lanes of a chunk; `potentials`: the unknowns that it reads, where nothing is limited.
    #[inline(always)]
    pub(super) fn feed(
        &self,
        program: &Program,
        registers: &mut Registers,
        potentials: Option<&Vec<f64>>,
        (at, lanes): (&Point, &Lanes),
        (start, count): (usize, usize),
        read: Read,
    ) {
        for (input, register) in program.moving() {
            let to = &mut registers.lanes_mut(register)[..self.lists.width];
            match (input, potentials) {
                (Input::Probe(k), Some(potentials)) => self.difference(k, potentials, to),
                (input, _) => {
                    self.fill(input, at, lanes, (start, count), read, to);
                    let last = to[count - 1];
                    to[count..].fill(last);
                }
            }
        }
    }

    /// Values of the limited probes, as they are.
    fn hand_on(&self, read: &[f64], (start, count): (usize, usize), out: &mut Eval) {
        for (k, (probe, _)) in self.limited().enumerate() {
            let first = self.trial_start + k * self.len() + start;
            self.difference(probe as u32, read, &mut out.trial[first..first + count]);
        }
    }

    /// The lanes of one input in the step being taken.
    fn fill(&self, input: Input, at: &Point, lanes: &Lanes, (start, count): (usize, usize), read: Read, to: &mut [f64]) {
        match self.source(input, at, lanes, read, start, count) {
            Source::Same(number) => to.fill(number),
            Source::Lanes(values) => to[..count].copy_from_slice(values),
        }
    }

    /// Adds what the program of a chunk has given, registers side by side, where its parts of the lists say.
    pub(super) fn scatter(&self, want: Want, [begin, end]: [[u32; 5]; 2], values: &[f64], lost: &mut Lost, out: &mut Eval) {
        let part = |k: usize| begin[k] as usize..end[k] as usize;
        let [rows, slots, of_rows, of_slots] = self.lists.tops;
        // A program without derivatives gives nothing for slots.
        assert!(values.len() >= if want.intersects(Want::G | Want::C) { of_rows.max(of_slots) } else { of_rows });
        if want.intersects(Want::F | Want::SCALE) {
            assert!(out.f.len().min(lost.f.len()).min(out.scale.len()) >= rows);
            for [row, source, scale] in &self.lists.f[part(0)] {
                let row = *row as usize;
                // Safety: all rows are below `rows`, all their sources below `of_rows`: see `Lists::push`.
                unsafe {
                    sums::add_unchecked(&mut out.f, &mut lost.f, row, *values.get_unchecked(*source as usize));
                    let (size, largest) = (*values.get_unchecked(*scale as usize), out.scale.get_unchecked_mut(row));
                    // `max` would swallow a NaN: the comparison keeps the old scale, and f itself carries the NaN on.
                    *largest = if size > *largest { size } else { *largest };
                }
            }
        }
        if want.contains(Want::Q) {
            assert!(out.q.len().min(lost.q.len()) >= rows);
            for [row, source] in &self.lists.q[part(1)] {
                // Safety: as above.
                unsafe { sums::add_unchecked(&mut out.q, &mut lost.q, *row as usize, *values.get_unchecked(*source as usize)) };
            }
        }
        for (wanted, target, list) in [(Want::G, &mut out.g, &self.lists.g[part(2)]), (Want::C, &mut out.c, &self.lists.c[part(3)])]
        {
            if want.contains(wanted) {
                assert!(target.len() >= slots);
                // Safety: all slots are below `slots`, all their sources below `of_slots`.
                unsafe { add(target, list, values) };
            }
        }
        for common in &self.lists.common[part(4)] {
            let lanes = |first: u32| &values[first as usize..(first + common.count) as usize];
            let (to, total) = (common.target as usize, || sums::total(lanes(common.source)));
            match common.what {
                Want::F if want.intersects(Want::F | Want::SCALE) => {
                    sums::add_total(&mut out.f, &mut lost.f, to, total());
                    out.scale[to] = lanes(common.scale).iter().fold(out.scale[to], |a, b| if *b > a { *b } else { a });
                }
                Want::Q if want.contains(Want::Q) => sums::add_total(&mut out.q, &mut lost.q, to, total()),
                Want::G if want.contains(Want::G) => out.g[to] += total().0,
                Want::C if want.contains(Want::C) => out.c[to] += total().0,
                _ => {}
            }
        }
    }

    pub(super) fn bound_step(&self, values: &[f64], lanes: &Lanes, count: usize, out: &mut Eval) {
        let Some(output) = self.model.bound_step else { return };
        let values = match (self.stamped.stamp.bound_step, self.kernel.outputs[output as usize]) {
            (Some(k), _) => &values[k as usize * Registers::stride_of(self.lists.width)..][..count],
            (None, Place::Setup(k)) => lanes.setup[k as usize].all(),
            (None, Place::Eval(_)) => &[],
        };
        let least = values.iter().copied().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
        out.advice.bound_step = out.advice.bound_step.min(least);
    }
}
