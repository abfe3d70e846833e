//! Results that wait for their turn: members of a family end in any order, their files have one.
//!
//! A [`Spool`] is a sink that keeps a result for later. Beyond [`LIMIT`] numbers it puts them into the one temporary file
//! that all spools of a run share ([`Store`]), which has no name and is gone with the process however that ends. Words of a
//! row are kept once each; a row is numbers only: a complex value is two, a word is its number.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use num_complex::Complex64;

use crate::wave::{Cell, ColumnKind, Flow, Header, Sink};

/// Numbers that a spool keeps in memory while its result grows.
pub const LIMIT: usize = 1 << 16;
/// Numbers that it keeps when its result is complete: there may be thousands of them.
pub const REST: usize = 1 << 12;

/// The temporary file of a run.
#[derive(Debug)]
pub struct Store {
    file: Mutex<(File, u64)>,
}

impl Store {
    /// An empty one in `folder`, which is made.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(folder: &Path) -> io::Result<Arc<Store>> {
        std::fs::create_dir_all(folder)?;
        Ok(Arc::new(Store { file: Mutex::new((tempfile::tempfile_in(folder)?, 0)) }))
    }

    fn put(&self, values: &[f64]) -> io::Result<u64> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut guard = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (file, end) = &mut *guard;
        let place = *end;
        file.seek(SeekFrom::Start(place))?;
        file.write_all(&bytes)?;
        *end += bytes.len() as u64;
        Ok(place)
    }

    fn get(&self, place: u64, count: usize, out: &mut Vec<f64>) -> io::Result<()> {
        let mut bytes = vec![0u8; 8 * count];
        {
            let mut guard = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            guard.0.seek(SeekFrom::Start(place))?;
            guard.0.read_exact(&mut bytes)?;
        }
        out.clear();
        out.extend(bytes.chunks_exact(8).map(|c| f64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]])));
        Ok(())
    }
}

/// A result that waits.
#[derive(Clone, Debug)]
pub struct Spool {
    store: Arc<Store>,
    header: Header,
    begun: bool,
    /// Numbers of a row.
    width: usize,
    values: Vec<f64>,
    /// Where full blocks lie in the store, and their numbers.
    stored: Vec<(u64, usize)>,
    /// Rows before each segment.
    segments: Vec<(usize, String)>,
    rows: usize,
    words: Vec<String>,
    index: HashMap<String, usize>,
}

impl Spool {
    /// An empty one.
    pub fn new(store: &Arc<Store>) -> Spool {
        Spool {
            store: store.clone(),
            header: Header::default(),
            begun: false,
            width: 0,
            values: Vec::new(),
            stored: Vec::new(),
            segments: Vec::new(),
            rows: 0,
            words: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// Numbers that it holds in memory.
    pub fn held(&self) -> usize {
        self.values.len()
    }

    /// True if nothing ever came.
    pub fn is_empty(&self) -> bool {
        !self.begun
    }

    /// Puts the numbers away if there are more than `most`.
    fn put_away(&mut self, most: usize) -> io::Result<()> {
        if self.values.len() > most {
            self.stored.push((self.store.put(&self.values)?, self.values.len()));
            self.values.clear();
        }
        Ok(())
    }

    /// Pushes everything into another sink.
    ///
    /// # Errors
    /// What the sink or the file system says.
    pub fn replay(&self, sink: &mut dyn Sink) -> io::Result<()> {
        sink.begin(&self.header)?;
        let mut block = Vec::new();
        let mut place = Replay { row: 0, segments: self.segments.iter().peekable(), cells: Vec::new() };
        for (at, count) in &self.stored {
            self.store.get(*at, *count, &mut block)?;
            if self.block(&block, &mut place, sink)? == Flow::Stop {
                return sink.end();
            }
        }
        self.block(&self.values, &mut place, sink)?;
        sink.end()
    }

    fn block(&self, values: &[f64], place: &mut Replay, sink: &mut dyn Sink) -> io::Result<Flow> {
        let width = self.width.max(1);
        let plain = self.header.columns.iter().all(|c| c.kind == ColumnKind::Real);
        let mut rest = values;
        while !rest.is_empty() {
            while let Some((_, label)) = place.segments.next_if(|(start, _)| *start == place.row) {
                sink.segment(label)?;
            }
            // Up to the next segment all rows are alike.
            let until = place.segments.peek().map_or(usize::MAX, |(start, _)| *start) - place.row;
            let count = (rest.len() / width).min(until).max(1);
            let (now, later) = rest.split_at((count * width).min(rest.len()));
            rest = later;
            place.row += count;
            let flow = if plain { sink.rows(width, now)? } else { self.cells(now, &mut place.cells, sink)? };
            if flow == Flow::Stop {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    fn cells(&self, values: &[f64], cells: &mut Vec<Cell>, sink: &mut dyn Sink) -> io::Result<Flow> {
        for row in values.chunks_exact(self.width) {
            let mut numbers = row.iter().copied();
            let mut next = || numbers.next().unwrap_or(f64::NAN);
            cells.clear();
            cells.extend(self.header.columns.iter().map(|c| match c.kind {
                ColumnKind::Real => Cell::Real(next()),
                ColumnKind::Complex => Cell::Complex(Complex64::new(next(), next())),
                ColumnKind::Text => Cell::Text(self.words.get(next() as usize).cloned().unwrap_or_default()),
            }));
            if sink.row(cells)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

/// How far a replay is.
struct Replay<'a> {
    row: usize,
    segments: std::iter::Peekable<std::slice::Iter<'a, (usize, String)>>,
    cells: Vec<Cell>,
}

impl Sink for Spool {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let numbers = |kind: ColumnKind| if kind == ColumnKind::Complex { 2 } else { 1 };
        let width = header.columns.iter().map(|c| numbers(c.kind)).sum();
        *self = Spool { header: header.clone(), begun: true, width, ..Spool::new(&self.store) };
        Ok(())
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.segments.push((self.rows, label.to_string()));
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        for (cell, column) in cells.iter().zip(&self.header.columns) {
            match (cell, column.kind) {
                (Cell::Complex(z), ColumnKind::Complex) => self.values.extend([z.re, z.im]),
                (Cell::Real(x), ColumnKind::Complex) => self.values.extend([*x, 0.0]),
                (Cell::Real(x), _) => self.values.push(*x),
                (Cell::Complex(z), _) => self.values.push(z.re),
                (Cell::Text(word), _) => {
                    let next = self.words.len();
                    let number = *self.index.entry(word.clone()).or_insert(next);
                    if number == next {
                        self.words.push(word.clone());
                    }
                    self.values.push(number as f64);
                }
            }
        }
        self.rows += 1;
        self.put_away(LIMIT)?;
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        self.values.extend_from_slice(values);
        self.rows += values.len() / width.max(1);
        self.put_away(LIMIT)?;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        self.put_away(REST)?;
        self.values.shrink_to_fit();
        Ok(())
    }
}
