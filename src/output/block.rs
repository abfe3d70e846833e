//! Rows on their way in blocks: what costs little for each row costs little in all.
//!
//! Takes rows from an analysis, gives them on some thousand numbers at a time, or once a second where rows are slow, so that
//! files grow while the run goes on. The time that the files take is put to the account of [`Phase::Write`].

use std::io;
use std::time::{Duration, Instant};

use crate::clock::{self, Phase};
use crate::wave::{Cell, Flow, Header, Sink};

/// Numbers of a block.
pub const BLOCK: usize = 8192;
/// Rows after which the clock is looked at.
const LOOK: usize = 16;
/// Longest that rows wait.
const WAIT: Duration = Duration::from_secs(1);

/// Gathers rows for another sink.
pub struct Blocks<'a> {
    sink: &'a mut dyn Sink,
    width: usize,
    values: Vec<f64>,
    rows: usize,
    last: Instant,
    flow: Flow,
}

impl<'a> Blocks<'a> {
    /// Rows go to `sink`.
    pub fn new(sink: &'a mut dyn Sink) -> Blocks<'a> {
        Blocks { sink, width: 0, values: Vec::new(), rows: 0, last: Instant::now(), flow: Flow::Continue }
    }

    fn hand_on(&mut self) -> io::Result<Flow> {
        if !self.values.is_empty() {
            let (sink, width, values) = (&mut self.sink, self.width, &self.values);
            if clock::span(Phase::Write, || sink.rows(width, values))? == Flow::Stop {
                self.flow = Flow::Stop;
            }
            self.values.clear();
        }
        self.last = Instant::now();
        Ok(self.flow)
    }
}

impl Sink for Blocks<'_> {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.values.clear();
        (self.rows, self.flow) = (0, Flow::Continue);
        clock::span(Phase::Write, || self.sink.begin(header))
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.hand_on()?;
        self.sink.segment(label)
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.hand_on()?;
        self.sink.row(cells)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        if width != self.width {
            self.hand_on()?;
            self.width = width;
        }
        self.values.extend_from_slice(values);
        self.rows += 1;
        if self.values.len() >= BLOCK || self.rows.is_multiple_of(LOOK) && self.last.elapsed() >= WAIT {
            return self.hand_on();
        }
        Ok(self.flow)
    }

    fn end(&mut self) -> io::Result<()> {
        self.hand_on()?;
        clock::span(Phase::Write, || self.sink.end())
    }
}
