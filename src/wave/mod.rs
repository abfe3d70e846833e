//! Results on their way: columns, rows, segments. Producers push rows into a [`Sink`] and do not know what becomes of them.

use std::io;

use num_complex::Complex64;

pub mod compare;
pub mod kept;
pub mod measure;

/// One number or word of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// A real number.
    Real(f64),
    /// A complex number.
    Complex(Complex64),
    /// A word (names of bifurcations).
    Text(String),
}

/// Type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnKind {
    /// Real numbers.
    Real,
    /// Complex numbers.
    Complex,
    /// Words.
    Text,
}

/// One column.
#[derive(Clone, PartialEq, Debug)]
pub struct ColumnInfo {
    /// `time`, `v(out)`.
    pub name: String,
    /// `time`, `voltage`, `current` ...
    pub quantity: String,
    /// `s`, `V`, `A` ...
    pub unit: String,
    /// Type of its cells.
    pub kind: ColumnKind,
}

/// What a result consists of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Header {
    /// Name of the analysis: `tran`, `ac`, `dc`, `op`.
    pub analysis: String,
    /// Title for people: `Transient Analysis`.
    pub title: String,
    /// The columns; the first `independent` ones are what the others depend on.
    pub columns: Vec<ColumnInfo>,
    /// 0 to 3: what is on the x axis, an outer sweep's value, the number of a branch.
    pub independent: usize,
    /// True if the first independent column is best drawn on a logarithmic axis (`.ac dec`).
    pub logarithmic: bool,
    /// Values of the `.step` parameters that hold for this result, outermost first.
    pub keys: Vec<(String, f64)>,
}

/// Whether the producer should go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End the run; what was pushed is kept.
    Stop,
}

/// Where rows go.
pub trait Sink {
    /// A result begins.
    ///
    /// # Errors
    /// What the file system says; so for all methods.
    fn begin(&mut self, header: &Header) -> io::Result<()>;
    /// A branch, a sweep or a member of a family begins.
    ///
    /// # Errors
    /// See [`Sink::begin`].
    fn segment(&mut self, label: &str) -> io::Result<()>;
    /// One row, in the order of the header's columns.
    ///
    /// # Errors
    /// See [`Sink::begin`].
    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow>;
    /// Rows of real numbers one after the other, `width` numbers each: the same as so many calls of [`Sink::row`], for less.
    ///
    /// # Errors
    /// See [`Sink::begin`].
    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        let mut cells = Vec::with_capacity(width);
        for row in values.chunks_exact(width.max(1)) {
            cells.clear();
            cells.extend(row.iter().map(|x| Cell::Real(*x)));
            if self.row(&cells)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
    /// The result ends (also after a failure).
    ///
    /// # Errors
    /// See [`Sink::begin`].
    fn end(&mut self) -> io::Result<()>;
}

/// Cells of one column.
#[derive(Clone, PartialEq, Debug)]
pub enum Column {
    /// Real numbers, contiguous.
    Real(Vec<f64>),
    /// Complex numbers.
    Complex(Vec<Complex64>),
    /// Words.
    Text(Vec<String>),
}

impl Column {
    /// Empty column for cells of `kind`.
    pub fn new(kind: ColumnKind) -> Column {
        match kind {
            ColumnKind::Real => Column::Real(Vec::new()),
            ColumnKind::Complex => Column::Complex(Vec::new()),
            ColumnKind::Text => Column::Text(Vec::new()),
        }
    }

    /// Appends a cell of the column's own kind.
    pub fn push(&mut self, cell: &Cell) {
        match (self, cell) {
            (Column::Real(v), Cell::Real(x)) => v.push(*x),
            (Column::Complex(v), Cell::Complex(x)) => v.push(*x),
            (Column::Complex(v), Cell::Real(x)) => v.push(Complex64::new(*x, 0.0)),
            (Column::Text(v), Cell::Text(x)) => v.push(x.clone()),
            (column, cell) => unreachable!("cell {cell:?} in column {column:?}"),
        }
    }

    /// The numbers of a real column; empty for others.
    pub fn real(&self) -> &[f64] {
        if let Column::Real(v) = self { v } else { &[] }
    }
}

/// A result in memory.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Dataset {
    /// What it consists of.
    pub header: Header,
    /// One per column of the header.
    pub columns: Vec<Column>,
    /// Start row and label of each segment; empty if there is only one without label.
    pub segments: Vec<(usize, String)>,
    /// Number of rows.
    pub rows: usize,
}

impl Dataset {
    /// Index of the column called `name` (any case); the current of a terminal may be written as decks do, `i(x1,d)`.
    pub fn find(&self, name: &str) -> Option<usize> {
        let find = |name: &str| self.header.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        let terminal = || name.get(..2).filter(|start| start.eq_ignore_ascii_case("i(")).map(|_| name.replace(',', "."));
        find(name).or_else(|| terminal().and_then(|name| find(&name)))
    }

    /// The numbers of the real column called `name`.
    pub fn real(&self, name: &str) -> Option<&[f64]> {
        self.find(name).map(|k| self.columns[k].real())
    }

    /// Pushes everything into another sink.
    ///
    /// # Errors
    /// What the sink says.
    pub fn replay(&self, sink: &mut dyn Sink) -> io::Result<()> {
        sink.begin(&self.header)?;
        let mut cells = Vec::with_capacity(self.columns.len());
        let mut next_segment = self.segments.iter().peekable();
        for row in 0..self.rows {
            while let Some((_, label)) = next_segment.next_if(|(start, _)| *start == row) {
                sink.segment(label)?;
            }
            cells.clear();
            cells.extend(self.columns.iter().map(|c| match c {
                Column::Real(v) => Cell::Real(v[row]),
                Column::Complex(v) => Cell::Complex(v[row]),
                Column::Text(v) => Cell::Text(v[row].clone()),
            }));
            if sink.row(&cells)? == Flow::Stop {
                break;
            }
        }
        sink.end()
    }
}

impl Sink for Dataset {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.header = header.clone();
        self.columns = header.columns.iter().map(|c| Column::new(c.kind)).collect();
        self.segments.clear();
        self.rows = 0;
        Ok(())
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.segments.push((self.rows, label.to_string()));
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.rows += 1;
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for row in values.chunks_exact(width.max(1)) {
            for (column, x) in self.columns.iter_mut().zip(row) {
                match column {
                    Column::Real(v) => v.push(*x),
                    other => other.push(&Cell::Real(*x)),
                }
            }
            self.rows += 1;
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
