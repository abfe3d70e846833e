//! One number for each lane of a bank. As long as all lanes agree, which is so for most parameters of most banks, it is kept
//! once: a million resistors cost the memory of their resistances and no more.

use std::ops::{Index, Range};

use crate::ir::batch::{LANES, Source};

/// A number for each lane.
#[derive(Clone, Debug)]
pub enum Column {
    /// The same in all lanes: as many copies as one block of lanes reads, and one at least.
    Same(Vec<f64>),
    /// One for each lane.
    Each(Vec<f64>),
}

impl Default for Column {
    fn default() -> Column {
        Column::same(0.0)
    }
}

impl Column {
    /// The same value everywhere.
    pub fn same(value: f64) -> Column {
        Column::Same(vec![value; LANES])
    }

    /// The values of any range of lanes, as a program reads them.
    pub fn source(&self, lanes: Range<usize>) -> Source<'_> {
        match self {
            Column::Same(copies) => Source::Same(copies[0]),
            Column::Each(values) => Source::Lanes(&values[lanes]),
        }
    }

    /// All values, or one that stands for all.
    pub fn all(&self) -> &[f64] {
        match self {
            Column::Same(copies) => &copies[..1],
            Column::Each(values) => values,
        }
    }

    /// The values of a block of lanes, [`LANES`] at most.
    pub fn block(&self, lanes: Range<usize>) -> &[f64] {
        match self {
            Column::Same(copies) => &copies[..lanes.len()],
            Column::Each(values) => &values[lanes],
        }
    }
}

impl Index<usize> for Column {
    type Output = f64;

    fn index(&self, lane: usize) -> &f64 {
        match self {
            Column::Same(copies) => &copies[0],
            Column::Each(values) => &values[lane],
        }
    }
}

/// A column that is filled lane by lane.
#[derive(Default)]
pub struct Growing {
    count: usize,
    first: f64,
    each: Vec<f64>,
}

impl Growing {
    /// The value of the next lane; `lanes` of them are expected in all.
    pub fn push(&mut self, value: f64, lanes: usize) {
        if self.count == 0 {
            self.first = value;
        }
        if self.each.is_empty() && self.first.to_bits() != value.to_bits() {
            self.each.reserve_exact(lanes);
            self.each.resize(self.count, self.first);
        }
        if !self.each.is_empty() || self.first.to_bits() != value.to_bits() {
            self.each.push(value);
        }
        self.count += 1;
    }

    /// The column.
    pub fn finish(self) -> Column {
        if self.each.is_empty() { Column::same(self.first) } else { Column::Each(self.each) }
    }
}
