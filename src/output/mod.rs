//! Results become files: one row of [`FORMATS`] for each format, one file of this room for each row.
//!
//! Takes what analyses push into a [`Sink`], gives files in one folder. Every writer takes any number of results one after
//! the other (several analyses, all members of a `.step` family) and completes its files in [`Writer::finish`].

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::output::grid::Grid;
use crate::wave::{Cell, Dataset, Flow, Header, Sink};

pub mod array;
pub mod block;
pub mod csv;
mod decimal;
mod grid;
pub mod raw;
mod seats;
pub mod spool;
pub mod svg;

/// What is to be written, and where.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// Where files go; made when the first result begins.
    pub folder: PathBuf,
    /// Name of the deck without its ending: `rc` of `netlists/rc.cir`.
    pub stem: String,
    /// Title of the deck.
    pub title: String,
    /// Plots to draw; if there are none, one is made up for each analysis.
    pub plots: Vec<svg::Plot>,
    /// Values of the `.step` parameters of all members, in order; empty without a family.
    pub family: Vec<Vec<(String, f64)>>,
    /// Units of these parameters, as far as they are known.
    pub units: Vec<(String, String)>,
    /// Matrices to write.
    pub arrays: Vec<array::Array>,
    /// Step of the rows that transients put into data files; `None`: each step taken. Plots see all rows.
    pub grid: Option<f64>,
    /// Names of columns that do not go to data files (independent ones always do). Plots see all columns.
    pub dropped: Vec<String>,
}

/// A sink that writes files and can be asked which.
pub trait Writer: Sink + Send {
    /// Completes all files and names them.
    ///
    /// # Errors
    /// What the file system says.
    fn finish(&mut self) -> io::Result<Vec<PathBuf>>;

    /// Numbers that it holds in memory, about: bounded, however many rows came.
    fn held(&self) -> usize;
}

/// A file format.
pub struct Format {
    /// What `--format` and the table are keyed by.
    pub name: &'static str,
    /// One line for help and errors.
    pub summary: &'static str,
    /// Makes a writer; touches no file yet.
    pub open: fn(&Request) -> Box<dyn Writer>,
    /// True if it wants every column, dropped or not.
    pub everything: bool,
    /// Columns beyond which it is not written unless it is asked for by name.
    pub widest: usize,
}

/// All formats.
pub const FORMATS: &[Format] = &[
    Format { name: "csv", summary: "one table for each analysis, text", open: csv::open, everything: false, widest: 1000 },
    Format {
        name: "raw",
        summary: "ngspice rawfile, binary, all analyses in one file",
        open: raw::open,
        everything: false,
        widest: usize::MAX,
    },
    Format { name: "ascii", summary: "ngspice rawfile, text", open: raw::open_ascii, everything: false, widest: usize::MAX },
    Format { name: "svg", summary: "the plots of the deck", open: svg::open, everything: true, widest: usize::MAX },
];

/// All the writers of one run; rows are handed to each of them.
pub struct Outputs {
    writers: Vec<Branch>,
    dropped: HashSet<String>,
    /// Step of the rows of transients in data files.
    step: Option<f64>,
    notes: Vec<String>,
}

struct Branch {
    writer: Box<dyn Writer>,
    format: &'static Format,
    /// Columns beyond which nothing is written.
    widest: usize,
    /// The current result is too wide.
    skipped: bool,
    /// Rows of the current result that it gets; `None`: all.
    grid: Option<Grid>,
    /// Columns of the current result that it gets; `None`: all.
    chosen: Option<Vec<usize>>,
    cells: Vec<Cell>,
    values: Vec<f64>,
}

/// Writers for the formats called `names`; for the usual ones if there are none, with plots or without.
///
/// # Errors
/// A sentence that names the unknown format and the known ones.
pub fn open(names: &[String], plots: bool, request: &Request) -> Result<Outputs, String> {
    let mut writers = Vec::new();
    let usual: Vec<String> = ["raw", "csv", "svg"].into_iter().filter(|n| plots || *n != "svg").map(str::to_string).collect();
    for name in if names.is_empty() { &usual } else { names } {
        let Some(format) = FORMATS.iter().find(|f| f.name.eq_ignore_ascii_case(name)) else {
            let known: Vec<&str> = FORMATS.iter().map(|f| f.name).collect();
            return Err(format!("unknown output format `{name}`; known are {}", known.join(", ")));
        };
        let writer = (format.open)(request);
        let widest = if names.is_empty() { format.widest } else { usize::MAX };
        let (cells, values) = (Vec::new(), Vec::new());
        writers.push(Branch { writer, format, widest, skipped: false, grid: None, chosen: None, cells, values });
    }
    if !request.arrays.is_empty() {
        let (format, writer) = (&array::FORMAT, (array::FORMAT.open)(request));
        let (cells, values) = (Vec::new(), Vec::new());
        writers.push(Branch { writer, format, widest: usize::MAX, skipped: false, grid: None, chosen: None, cells, values });
    }
    let dropped = request.dropped.iter().map(|n| n.to_lowercase()).collect();
    Ok(Outputs { writers, dropped, step: request.grid, notes: Vec::new() })
}

impl Outputs {
    /// Completes all files and names them.
    ///
    /// # Errors
    /// The first thing that the file system says; the other files are completed nevertheless.
    pub fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut failure = None;
        for branch in &mut self.writers {
            match branch.writer.finish() {
                Ok(more) => files.extend(more),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(files), Err)
    }

    /// Numbers that all writers hold in memory, about.
    pub fn held(&self) -> usize {
        self.writers.iter().map(|b| b.writer.held()).sum()
    }

    /// What the user should know: formats that were left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writers that take part in the current result.
    fn active(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.writers.iter_mut().filter(|b| !b.skipped)
    }
}

impl Sink for Outputs {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        for branch in &mut self.writers {
            let timed = header.analysis == "tran" && !branch.format.everything;
            branch.grid = self.step.filter(|_| timed).map(Grid::new);
            let all = branch.format.everything || self.dropped.is_empty();
            branch.chosen = (!all).then(|| choose(header, &self.dropped));
            let count = branch.chosen.as_ref().map_or(header.columns.len(), Vec::len);
            branch.skipped = count > branch.widest;
            if branch.skipped {
                let name = branch.format.name;
                let note = format!(".{}: {count} columns are no table: no {name} (`--format {name}` writes it)", header.analysis);
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
                continue;
            }
            match &branch.chosen {
                None => branch.writer.begin(header)?,
                Some(chosen) => {
                    let columns = chosen.iter().map(|k| header.columns[*k].clone()).collect();
                    branch.writer.begin(&Header { columns, ..header.clone() })?;
                }
            }
        }
        Ok(())
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.active().try_for_each(|b| b.writer.segment(label))
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        let mut flow = Flow::Continue;
        for branch in self.active() {
            let answer = match &branch.chosen {
                None => branch.writer.row(cells)?,
                Some(chosen) => {
                    branch.cells.clear();
                    branch.cells.extend(chosen.iter().map(|k| cells[*k].clone()));
                    branch.writer.row(&branch.cells)?
                }
            };
            if answer == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        Ok(flow)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        let mut flow = Flow::Continue;
        for branch in self.active() {
            let (width, values) = match &branch.chosen {
                None => (width, values),
                Some(chosen) => {
                    branch.values.clear();
                    let rows = values.chunks_exact(width.max(1));
                    rows.for_each(|row| branch.values.extend(chosen.iter().map(|k| row[*k])));
                    (chosen.len(), branch.values.as_slice())
                }
            };
            let answer = match &mut branch.grid {
                None => branch.writer.rows(width, values)?,
                Some(grid) => branch.writer.rows(width, &grid.rows(width, values))?,
            };
            if answer == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        Ok(flow)
    }

    fn end(&mut self) -> io::Result<()> {
        for branch in self.active() {
            if let Some(last) = branch.grid.as_mut().and_then(Grid::end) {
                branch.writer.rows(last.len(), &last)?;
            }
            branch.writer.end()?;
        }
        Ok(())
    }
}

/// Indices of the independent columns and of those that are not called as in `dropped`.
fn choose(header: &Header, dropped: &HashSet<String>) -> Vec<usize> {
    let wanted = |k: usize| !dropped.contains(&header.columns[k].name.to_lowercase());
    (0..header.columns.len()).filter(|k| *k < header.independent || wanted(*k)).collect()
}

/// What a results file holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Contents {
    /// Comment lines of a csv file without their `#`: origin, tolerances, alignment.
    pub notes: Vec<String>,
    /// The results; all members of a family one after the other.
    pub results: Vec<Dataset>,
}

/// Reads a csv file or a rawfile, told apart by their content.
///
/// # Errors
/// What the file system says, or `InvalidData` with a sentence that names the line.
pub fn read(path: &Path) -> io::Result<Contents> {
    let bytes = fs::read(path)?;
    parse(&bytes).map_err(|text| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {text}", path.display())))
}

/// The same from bytes.
///
/// # Errors
/// A sentence that names the line.
pub fn parse(bytes: &[u8]) -> Result<Contents, String> {
    if raw::recognised(bytes) {
        return Ok(Contents { notes: Vec::new(), results: raw::parse(bytes)? });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => csv::parse(text),
        Err(_) => Err("neither a rawfile nor text".to_string()),
    }
}

/// A new file with the folders above it.
fn create(path: &Path) -> io::Result<BufWriter<File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    Ok(BufWriter::new(file))
}

/// ` (rc=25, temp=300)`, or nothing without keys.
fn key_text(keys: &[(String, f64)]) -> String {
    let parts: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}
