//! Columns and rows that all analyses write: what the card varies, then every output row, then every derived column.
//!
//! Takes a [`System`]'s layout for the header; for each row the values of the output rows, `y = value + d/dt charge`
//! (decision 4), real or complex. Derived columns are computed here from those, so that they are the same everywhere.

use std::io;

use num_complex::Complex64;

use crate::dae::{Outputs, Part, System};
use crate::solve::SimError;
use crate::wave::{Cell, ColumnInfo, ColumnKind, Header};

use super::Env;

/// One of the columns that come first: `time`, `frequency`, the swept parameter, `branch`.
pub fn lead(name: &str, quantity: &str, unit: &str) -> ColumnInfo {
    ColumnInfo { name: name.into(), quantity: quantity.into(), unit: unit.into(), kind: ColumnKind::Real }
}

/// The header of an analysis: `leads`, of which the first `independent` are what the others depend on, then all outputs, of
/// `kind` real or complex, and the derived columns, which are always real.
pub fn header(
    system: &dyn System,
    env: &Env,
    name: (&str, &str),
    leads: Vec<ColumnInfo>,
    independent: usize,
    kind: ColumnKind,
) -> Header {
    let layout = system.layout();
    let column = |name: &str, quantity: u32, kind| {
        let quantity = &layout.quantities[quantity as usize];
        ColumnInfo { name: name.into(), quantity: quantity.name.clone(), unit: quantity.unit.clone(), kind }
    };
    let mut columns = leads;
    columns.extend(layout.outputs.iter().map(|o| column(&o.name, o.quantity, kind)));
    columns.extend(layout.derived.iter().map(|d| column(&d.name, d.quantity, ColumnKind::Real)));
    Header { analysis: name.0.into(), title: name.1.into(), columns, independent, logarithmic: false, keys: env.keys.clone() }
}

/// Makes rows; holds the space for them.
#[derive(Default)]
pub struct RowMaker {
    cells: Vec<Cell>,
    numbers: Vec<f64>,
    arguments: Vec<f64>,
}

impl RowMaker {
    /// A row of numbers. `rate` is d/dt of `outputs.charge`; empty where nothing moves.
    pub fn real(&mut self, system: &dyn System, leads: &[f64], outputs: &Outputs, rate: &[f64]) -> &[Cell] {
        self.numbers(system, leads, outputs, rate);
        self.cells.clear();
        self.cells.extend(self.numbers.iter().map(|v| Cell::Real(*v)));
        &self.cells
    }

    /// The same as plain numbers, for [`crate::wave::Sink::rows`].
    pub fn numbers(&mut self, system: &dyn System, leads: &[f64], outputs: &Outputs, rate: &[f64]) -> &[f64] {
        self.numbers.clear();
        self.numbers.extend_from_slice(leads);
        match rate.len() >= outputs.value.len() {
            true => self.numbers.extend(outputs.value.iter().zip(rate).map(|(v, r)| v + r)),
            // The sum makes a negative zero positive.
            false => self.numbers.extend(outputs.value.iter().map(|v| v + 0.0)),
        }
        for (k, derived) in system.layout().derived.iter().enumerate() {
            self.arguments.clear();
            for (row, part) in &derived.arguments {
                let value = self.numbers[leads.len() + *row as usize];
                let phase = || if value < 0.0 { 180.0 } else { 0.0 };
                self.arguments.push(if *part == Part::Phase { phase() } else { value });
            }
            self.numbers.push(system.derive(k, &self.arguments));
        }
        &self.numbers
    }

    /// A row of complex numbers, one value for each output row.
    pub fn complex(&mut self, system: &dyn System, leads: &[f64], values: &[Complex64]) -> &[Cell] {
        self.cells.clear();
        self.cells.extend(leads.iter().map(|v| Cell::Real(*v)));
        self.cells.extend(values.iter().map(|v| Cell::Complex(*v)));
        for (k, derived) in system.layout().derived.iter().enumerate() {
            self.arguments.clear();
            self.arguments.extend(derived.arguments.iter().map(|(row, part)| part_of(values[*row as usize], *part)));
            self.cells.push(Cell::Real(system.derive(k, &self.arguments)));
        }
        &self.cells
    }
}

/// The part of a complex value that an expression reads.
pub fn part_of(value: Complex64, part: Part) -> f64 {
    match part {
        Part::Value | Part::Real => value.re,
        Part::Imaginary => value.im,
        Part::Magnitude => value.norm(),
        Part::Decibel => 20.0 * value.norm().log10(),
        Part::Phase => value.arg().to_degrees(),
    }
}

/// An error of the sink as one of the run.
pub fn writing(error: io::Error) -> SimError {
    SimError::Io(error.to_string())
}
