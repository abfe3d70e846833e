//! Where rows go while analyses run: into memory, into files at once, or aside until it is their turn.
//!
//! A deck without `.step` writes its files while it runs. Members of a family run side by side and are put aside
//! ([`Spool`]), in memory while they are small and in a temporary file of the output folder else; their files are written in
//! order when all are done, the same whatever the number of threads. In both cases only the columns that measures read stay in
//! memory.

use std::io;
use std::sync::{Arc, Mutex};

use crate::output::Outputs;
use crate::output::block::Blocks;
use crate::output::spool::{Spool, Store};
use crate::wave::kept::Kept;
use crate::wave::{Cell, Dataset, Flow, Header, Sink};

/// Where rows go.
#[derive(Clone, Copy)]
pub enum Destination<'a> {
    /// Every column stays in memory, for whoever calls.
    Memory,
    /// Into files, as they come; one analysis at a time.
    Files(&'a Mutex<Outputs>),
    /// Aside.
    Aside(&'a Arc<Store>),
}

/// What an analysis left behind: what it returned, what is in memory, what was put aside.
pub struct Recorded<T> {
    /// What it returned.
    pub result: T,
    /// Its rows, or the columns that measures read.
    pub data: Dataset,
    /// Its rows, if they were put aside.
    pub spool: Option<Spool>,
}

impl Destination<'_> {
    /// Runs `work` with a sink; of its rows the columns called `names` are kept.
    pub fn record<T>(&self, names: &[&str], work: impl FnOnce(&mut dyn Sink) -> T) -> Recorded<T> {
        let mut kept = Kept::new(names.iter().copied());
        let (result, spool) = match self {
            Destination::Memory => {
                let mut data = Dataset::default();
                let result = work(&mut data);
                return Recorded { result, data, spool: None };
            }
            Destination::Files(outputs) => {
                let mut outputs = outputs.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let mut both = Both { kept: &mut kept, other: &mut *outputs };
                (work(&mut Blocks::new(&mut both)), None)
            }
            Destination::Aside(store) => {
                let mut spool = Spool::new(store);
                let mut both = Both { kept: &mut kept, other: &mut spool };
                (work(&mut Blocks::new(&mut both)), Some(spool))
            }
        };
        Recorded { result, data: kept.into_data(), spool: spool.filter(|s| !s.is_empty()) }
    }
}

/// Hands everything to two sinks.
struct Both<'a> {
    kept: &'a mut Kept,
    other: &'a mut dyn Sink,
}

impl Sink for Both<'_> {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.kept.begin(header)?;
        self.other.begin(header)
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.kept.segment(label)?;
        self.other.segment(label)
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.kept.row(cells)?;
        self.other.row(cells)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        self.kept.rows(width, values)?;
        self.other.rows(width, values)
    }

    fn end(&mut self) -> io::Result<()> {
        self.kept.end()?;
        self.other.end()
    }
}
