//! Comma-separated text: one file for each analysis, `tran.csv`.
//!
//! Lines that start with `#` are the head: `# analysis = tran`, `# title = ..`, `# units = s,V,..`, `# quantities = ..`,
//! `# independent = 1`, `# step = rc` (the number of leading columns with `.step` values, by name). Then a line of names
//! and a line for each row. A complex column is two: `v(a).re`, `v(a).im`. The members of a `.step` family follow one
//! another in the same file, their key values repeated in the leading columns, which is what data frames want. A branch or
//! sweep begins with a line `# segment: label`. Numbers are the shortest that read back to the same double.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use num_complex::Complex64;

use crate::output::{Contents, Request, Writer, create, decimal};
use crate::wave::{Cell, Column, ColumnInfo, ColumnKind, Dataset, Flow, Header, Sink};

/// Writes one table to any stream.
pub struct Table<W: Write> {
    out: W,
    keys: Vec<u8>,
    /// Whole lines that wait to be written: a file whose run was cut short ends with one.
    lines: Vec<u8>,
    started: bool,
}

/// Bytes that are written at once.
const BLOCK: usize = 1 << 16;

impl<W: Write> Table<W> {
    /// An empty table.
    pub fn new(out: W) -> Table<W> {
        Table { out, keys: Vec::new(), lines: Vec::new(), started: false }
    }

    /// The stream.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// A line is complete.
    fn line(&mut self) -> io::Result<()> {
        if self.lines.last() == Some(&b',') {
            self.lines.pop();
        }
        self.lines.push(b'\n');
        if self.lines.len() >= BLOCK { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.out.write_all(&self.lines)?;
        self.lines.clear();
        self.out.flush()
    }

    fn head(&mut self, header: &Header) -> io::Result<()> {
        let list = |field: fn(&ColumnInfo) -> &str| {
            header.columns.iter().map(|c| field(c).replace(',', ";")).collect::<Vec<_>>().join(",")
        };
        writeln!(self.out, "# analysis = {}", header.analysis)?;
        writeln!(self.out, "# title = {}", header.title)?;
        writeln!(self.out, "# quantities = {}", list(|c| &c.quantity))?;
        writeln!(self.out, "# units = {}", list(|c| &c.unit))?;
        writeln!(self.out, "# independent = {}", header.independent)?;
        if header.logarithmic {
            writeln!(self.out, "# logarithmic")?;
        }
        if !header.keys.is_empty() {
            writeln!(self.out, "# step = {}", header.keys.len())?;
        }
        let mut names: Vec<String> = header.keys.iter().map(|(name, _)| quoted(name)).collect();
        for column in &header.columns {
            match column.kind {
                ColumnKind::Complex => {
                    names.extend([".re", ".im"].map(|part| quoted(&format!("{}{part}", column.name))));
                }
                ColumnKind::Real | ColumnKind::Text => names.push(quoted(&column.name)),
            }
        }
        writeln!(self.out, "{}", names.join(","))
    }
}

impl<W: Write> Sink for Table<W> {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        if !self.started {
            self.started = true;
            self.head(header)?;
        }
        self.keys.clear();
        for (_, value) in &header.keys {
            decimal::append(&mut self.keys, *value);
            self.keys.push(b',');
        }
        self.out.flush()
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.settle()?;
        writeln!(self.out, "# segment: {}", label.replace('\n', " "))
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.lines.extend_from_slice(&self.keys);
        for cell in cells {
            match cell {
                Cell::Real(x) => decimal::append(&mut self.lines, *x),
                Cell::Complex(z) => {
                    decimal::append(&mut self.lines, z.re);
                    self.lines.push(b',');
                    decimal::append(&mut self.lines, z.im);
                }
                Cell::Text(text) => self.lines.extend_from_slice(quoted(text).as_bytes()),
            }
            self.lines.push(b',');
        }
        self.line()?;
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for row in values.chunks_exact(width.max(1)) {
            self.lines.extend_from_slice(&self.keys);
            for x in row {
                decimal::append(&mut self.lines, *x);
                self.lines.push(b',');
            }
            self.line()?;
        }
        self.settle()?;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        self.settle()
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with('#') {
        format!("\"{}\"", text.replace('"', "\"\"").replace(['\n', '\r'], " "))
    } else {
        text.to_string()
    }
}

/// A writer of csv files in the folder of `request`.
pub fn open(request: &Request) -> Box<dyn Writer> {
    Box::new(Folder { request: request.clone(), tables: Vec::new(), current: 0 })
}

/// All tables of a run.
struct Folder {
    request: Request,
    tables: Vec<Open>,
    current: usize,
}

struct Open {
    /// Header of its first result.
    header: Header,
    /// Key values of all results so far: a second result with the same ones belongs to another card of the same kind.
    members: Vec<Vec<f64>>,
    path: PathBuf,
    table: Table<BufWriter<File>>,
}

impl Open {
    fn takes(&self, header: &Header, member: &[f64]) -> bool {
        let key_names = |h: &Header| h.keys.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        self.header.analysis == header.analysis
            && self.header.columns == header.columns
            && key_names(&self.header) == key_names(header)
            && !self.members.iter().any(|m| m == member)
    }
}

impl Sink for Folder {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let member: Vec<f64> = header.keys.iter().map(|(_, value)| *value).collect();
        self.current = match self.tables.iter().position(|t| t.takes(header, &member)) {
            Some(k) => k,
            None => {
                let same = self.tables.iter().filter(|t| t.header.analysis == header.analysis).count();
                let count = if same == 0 { String::new() } else { (same + 1).to_string() };
                let path = self.request.folder.join(format!("{}{count}.csv", header.analysis));
                let table = Table::new(create(&path)?);
                self.tables.push(Open { header: header.clone(), members: Vec::new(), path, table });
                self.tables.len() - 1
            }
        };
        let open = &mut self.tables[self.current];
        open.members.push(member);
        open.table.begin(header)
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.tables[self.current].table.segment(label)
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.tables[self.current].table.row(cells)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        self.tables[self.current].table.rows(width, values)
    }

    fn end(&mut self) -> io::Result<()> {
        self.tables[self.current].table.end()
    }
}

impl Writer for Folder {
    fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        self.tables.iter_mut().try_for_each(|t| t.table.end())?;
        Ok(self.tables.iter().map(|t| t.path.clone()).collect())
    }

    fn held(&self) -> usize {
        self.tables.iter().map(|t| t.table.lines.len() / 8).sum()
    }
}

/// Reads a table back: its comment lines and one [`Dataset`] for each combination of key values in a row.
///
/// # Errors
/// A sentence that names the line.
pub fn parse(text: &str) -> Result<Contents, String> {
    let comments: Vec<(u64, &str)> =
        text.lines().zip(1..).filter_map(|(line, number)| line.strip_prefix('#').map(|rest| (number, rest.trim()))).collect();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_string).collect();
    if names.is_empty() {
        return Err("the table has no line of names".to_string());
    }
    if let Some(name) = names.iter().find(|name| name.parse::<f64>().is_ok()) {
        return Err(format!("the first line must hold names of columns, not numbers like `{name}`"));
    }
    let frame = Frame::new(&names, &comments)?;
    // A record is one line; the reader's own positions count comments to the record that follows them.
    let lines: Vec<u64> =
        text.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#')).map(|(_, number)| number).collect();
    let mut segments =
        comments.iter().filter_map(|(line, text)| text.strip_prefix("segment:").map(|label| (*line, label.trim()))).peekable();
    let mut results: Vec<Dataset> = Vec::new();
    for (record, line) in reader.records().zip(lines.iter().skip(1)) {
        let record = record.map_err(|e| format!("line {line}: {}", ragged(&e)))?;
        let mut labels = Vec::new();
        while let Some((_, label)) = segments.next_if(|(at, _)| at < line) {
            labels.push(label);
        }
        frame.row(&record, &labels, &mut results).map_err(|what| format!("line {line}: {what}"))?;
    }
    if results.is_empty() {
        results.push(frame.member(Vec::new()));
    }
    Ok(Contents { notes: comments.into_iter().map(|(_, text)| text.to_string()).collect(), results })
}

fn ragged(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields where {expected_len} are named"),
        _ => error.to_string(),
    }
}

/// How the fields of a line become key values and cells.
struct Frame {
    header: Header,
    key_names: Vec<String>,
}

impl Frame {
    fn new(names: &[String], comments: &[(u64, &str)]) -> Result<Frame, String> {
        let keyed = |key: &str| {
            comments.iter().find_map(|(_, text)| {
                let (name, value) = text.split_once('=')?;
                (name.trim() == key).then_some(value.trim())
            })
        };
        let count = |key: &str, default: usize| {
            keyed(key).map_or(Ok(default), |v| v.parse().map_err(|_| format!("`# {key} = {v}` is not a count")))
        };
        let keys = count("step", 0)?.min(names.len());
        let list = |key: &str| keyed(key).map(|v| v.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default();
        let (quantities, units) = (list("quantities"), list("units"));
        let mut columns: Vec<ColumnInfo> = Vec::new();
        let mut rest = names[keys..].iter().peekable();
        while let Some(name) = rest.next() {
            let k = columns.len();
            let field = |list: &[&str]| list.get(k).copied().unwrap_or_default().to_string();
            let complex = name.strip_suffix(".re").filter(|stem| rest.peek().is_some_and(|next| **next == format!("{stem}.im")));
            let kind = if complex.is_some() { ColumnKind::Complex } else { ColumnKind::Real };
            let (name, quantity, unit) = (complex.unwrap_or(name).to_string(), field(&quantities), field(&units));
            if kind == ColumnKind::Complex {
                rest.next();
            }
            columns.push(ColumnInfo { name, quantity, unit, kind });
        }
        let header = Header {
            analysis: keyed("analysis").unwrap_or_default().to_string(),
            title: keyed("title").unwrap_or_default().to_string(),
            independent: count("independent", 1)?,
            logarithmic: comments.iter().any(|(_, text)| *text == "logarithmic"),
            keys: Vec::new(),
            columns,
        };
        Ok(Frame { header, key_names: names[..keys].to_vec() })
    }

    fn member(&self, values: Vec<f64>) -> Dataset {
        let keys = self.key_names.iter().cloned().zip(values).collect();
        let mut dataset = Dataset {
            columns: self.header.columns.iter().map(|c| Column::new(c.kind)).collect(),
            header: self.header.clone(),
            ..Dataset::default()
        };
        dataset.header.keys = keys;
        dataset
    }

    /// Appends a line to the last of `results`, or to a new one if its keys are others.
    fn row(&self, record: &csv::StringRecord, labels: &[&str], results: &mut Vec<Dataset>) -> Result<(), String> {
        let real = |k: usize| {
            let field = record.get(k).unwrap_or_default();
            field.parse::<f64>().map_err(|_| format!("`{field}` is not a number"))
        };
        let keys: Vec<f64> = (0..self.key_names.len()).map(real).collect::<Result<_, _>>()?;
        let same = results.last().is_some_and(|d| d.header.keys.iter().map(|(_, v)| *v).eq(keys.iter().copied()));
        if !same {
            results.push(self.member(keys));
        }
        let Some(dataset) = results.last_mut() else { return Ok(()) };
        let start = dataset.rows;
        dataset.segments.extend(labels.iter().map(|label| (start, (*label).to_string())));
        let mut field = self.key_names.len();
        for (info, column) in dataset.header.columns.iter_mut().zip(&mut dataset.columns) {
            if info.kind == ColumnKind::Real && dataset.rows == 0 && real(field).is_err() {
                // The first row decides which columns hold words.
                info.kind = ColumnKind::Text;
                *column = Column::new(ColumnKind::Text);
            }
            match column {
                Column::Real(v) => v.push(real(field)?),
                Column::Complex(v) => {
                    v.push(Complex64::new(real(field)?, real(field + 1)?));
                    field += 1;
                }
                Column::Text(v) => v.push(record.get(field).unwrap_or_default().to_string()),
            }
            field += 1;
        }
        dataset.rows += 1;
        Ok(())
    }
}
