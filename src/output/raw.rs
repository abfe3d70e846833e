//! Rawfiles as ngspice writes and loads them: `<deck>.raw`, each result one plot, one after the other in the same file.
//!
//! A plot is a text head (title, name, `Flags: real` or `complex`, numbers of variables and points, one line for each
//! variable with its type) and its values point by point: little-endian doubles after `Binary:`, text after `Values:`.
//! In a complex plot every value is a pair. The number of points is known only at the end, so its place is kept and
//! patched with every block of rows: a file whose run was cut short reads up to its last block. Columns of words have no place
//! in a rawfile and are left out. Key values of `.step` stand in the plot's name.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use num_complex::Complex64;

use crate::output::{Request, Writer, create, key_text};
use crate::wave::{Cell, Column, ColumnInfo, ColumnKind, Dataset, Flow, Header, Sink};

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Little-endian doubles.
    Binary,
    /// Text.
    Ascii,
}

/// Writes plots to any stream that can go back to patch a number.
pub struct Plots<W: Write + Seek> {
    out: W,
    title: String,
    encoding: Encoding,
    /// Where the number of points of the current plot stands.
    place: u64,
    points: u64,
    complex: bool,
    /// Values that wait to be written.
    block: Vec<u8>,
}

/// Bytes that are written at once.
const BLOCK: usize = 1 << 18;

/// Characters kept free for the number of points.
const ROOM: usize = 20;

impl<W: Write + Seek> Plots<W> {
    /// No plot yet; `title` is that of the deck.
    pub fn new(out: W, title: &str, encoding: Encoding) -> Plots<W> {
        Plots { out, title: one_line(title), encoding, place: 0, points: 0, complex: false, block: Vec::new() }
    }

    /// The stream.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn value(&mut self, z: Complex64) -> io::Result<()> {
        match (self.encoding, self.complex) {
            (Encoding::Binary, false) => self.block.extend_from_slice(&z.re.to_le_bytes()),
            (Encoding::Binary, true) => {
                self.block.extend_from_slice(&z.re.to_le_bytes());
                self.block.extend_from_slice(&z.im.to_le_bytes());
            }
            (Encoding::Ascii, false) => writeln!(self.block, "\t{:.16e}", z.re)?,
            (Encoding::Ascii, true) => writeln!(self.block, "\t{:.16e},{:.16e}", z.re, z.im)?,
        }
        Ok(())
    }

    /// A row is complete.
    fn point(&mut self) -> io::Result<Flow> {
        self.points += 1;
        if self.block.len() >= BLOCK {
            self.settle()?;
        }
        Ok(Flow::Continue)
    }

    /// Writes what waits and says how many points there are.
    fn settle(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.block.clear();
        let end = self.out.stream_position()?;
        self.out.seek(SeekFrom::Start(self.place))?;
        write!(self.out, "{:<ROOM$}", self.points)?;
        self.out.seek(SeekFrom::Start(end))?;
        self.out.flush()
    }
}

impl<W: Write + Seek> Sink for Plots<W> {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.points = 0;
        self.complex = header.columns.iter().any(|c| c.kind == ColumnKind::Complex);
        let variables: Vec<&ColumnInfo> = header.columns.iter().filter(|c| c.kind != ColumnKind::Text).collect();
        writeln!(self.out, "Title: {}", self.title)?;
        writeln!(self.out, "Date: not recorded")?;
        writeln!(self.out, "Plotname: {}{}", one_line(&header.title), key_text(&header.keys))?;
        writeln!(self.out, "Flags: {}", if self.complex { "complex" } else { "real" })?;
        writeln!(self.out, "No. Variables: {}", variables.len())?;
        write!(self.out, "No. Points: ")?;
        self.place = self.out.stream_position()?;
        writeln!(self.out, "{:<ROOM$}", 0)?;
        writeln!(self.out, "Variables:")?;
        for (k, column) in variables.iter().enumerate() {
            // grid=3 is ngspice's logarithmic abscissa.
            let grid = if k == 0 && header.logarithmic { " grid=3" } else { "" };
            let name: String = column.name.split_whitespace().collect();
            writeln!(self.out, "\t{k}\t{name}\t{}{grid}", kind_of(column))?;
        }
        writeln!(self.out, "{}", if self.encoding == Encoding::Binary { "Binary:" } else { "Values:" })?;
        self.out.flush()
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        if self.encoding == Encoding::Ascii {
            write!(self.block, " {}\t", self.points)?;
        }
        for cell in cells {
            match cell {
                Cell::Real(x) => self.value(Complex64::new(*x, 0.0))?,
                Cell::Complex(z) => self.value(*z)?,
                Cell::Text(_) => {}
            }
        }
        if self.encoding == Encoding::Ascii {
            writeln!(self.block)?;
        }
        self.point()
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for row in values.chunks_exact(width.max(1)) {
            match (self.encoding, self.complex) {
                (Encoding::Binary, false) => self.block.extend(row.iter().flat_map(|x| x.to_le_bytes())),
                (Encoding::Binary, true) => row.iter().try_for_each(|x| self.value(Complex64::new(*x, 0.0)))?,
                (Encoding::Ascii, _) => {
                    write!(self.block, " {}\t", self.points)?;
                    row.iter().try_for_each(|x| self.value(Complex64::new(*x, 0.0)))?;
                    writeln!(self.block)?;
                }
            }
            self.point()?;
        }
        // Rows come in blocks: what has come this far is kept if nothing more does.
        self.settle()?;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        self.settle()
    }
}

/// Variable types that ngspice knows, by the quantity of a column.
fn kind_of(column: &ColumnInfo) -> &'static str {
    match column.quantity.to_ascii_lowercase().as_str() {
        "time" => "time",
        "frequency" => "frequency",
        "voltage" => "voltage",
        "current" => "current",
        "temperature" => "temperature",
        "phase" => "phase",
        "decibel" => "decibel",
        "resistance" | "impedance" => "impedance",
        "conductance" | "admittance" => "admittance",
        "power" => "power",
        "charge" => "charge",
        "capacitance" => "capacitance",
        _ => "notype",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A writer of `<deck>.raw`.
pub fn open(request: &Request) -> Box<dyn Writer> {
    Box::new(OnDisk { request: request.clone(), name: format!("{}.raw", request.stem), encoding: Encoding::Binary, plots: None })
}

/// A writer of `<deck>.ascii.raw`.
pub fn open_ascii(request: &Request) -> Box<dyn Writer> {
    let name = format!("{}.ascii.raw", request.stem);
    Box::new(OnDisk { request: request.clone(), name, encoding: Encoding::Ascii, plots: None })
}

/// One rawfile, made when the first result begins.
struct OnDisk {
    request: Request,
    name: String,
    encoding: Encoding,
    plots: Option<Plots<BufWriter<File>>>,
}

impl Sink for OnDisk {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let plots = match &mut self.plots {
            Some(plots) => plots,
            empty => {
                let file = create(&self.request.folder.join(&self.name))?;
                empty.insert(Plots::new(file, &self.request.title, self.encoding))
            }
        };
        plots.begin(header)
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.plots.as_mut().map_or(Ok(Flow::Continue), |p| p.row(cells))
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        self.plots.as_mut().map_or(Ok(Flow::Continue), |p| p.rows(width, values))
    }

    fn end(&mut self) -> io::Result<()> {
        self.plots.as_mut().map_or(Ok(()), Sink::end)
    }
}

impl Writer for OnDisk {
    fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        let Some(plots) = &mut self.plots else { return Ok(Vec::new()) };
        plots.out.flush()?;
        Ok(vec![self.request.folder.join(&self.name)])
    }

    fn held(&self) -> usize {
        self.plots.as_ref().map_or(0, |p| p.block.len() / 8)
    }
}

/// True if `bytes` begin like a rawfile.
pub fn recognised(bytes: &[u8]) -> bool {
    bytes.get(..6).is_some_and(|head| head.eq_ignore_ascii_case(b"title:"))
}

/// Reads all plots of a rawfile, also of one that ngspice wrote.
///
/// # Errors
/// A sentence that says what is wrong in which plot.
pub fn parse(bytes: &[u8]) -> Result<Vec<Dataset>, String> {
    let mut rest = Cursor { bytes, at: 0 };
    let mut results = Vec::new();
    while rest.skip_blank() {
        let plot = results.len() + 1;
        results.push(rest.plot().map_err(|what| format!("plot {plot}: {what}"))?);
    }
    Ok(results)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// False at the end.
    fn skip_blank(&mut self) -> bool {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.at < self.bytes.len()
    }

    fn line(&mut self) -> Option<String> {
        let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
        let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.bytes.len());
        Some(String::from_utf8_lossy(&rest[..length]).trim_end().to_string())
    }

    fn word(&mut self) -> Result<&'a str, String> {
        if !self.skip_blank() {
            return Err("the values end early".to_string());
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at += length;
        std::str::from_utf8(&rest[..length]).map_err(|_| "a value is not text".to_string())
    }

    fn double(&mut self) -> Result<f64, String> {
        let bytes = self.bytes.get(self.at..self.at + 8).ok_or("the values end early")?;
        self.at += 8;
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        Ok(f64::from_le_bytes(eight))
    }

    fn plot(&mut self) -> Result<Dataset, String> {
        let (mut complex, mut points, mut variables) = (false, 0, 0);
        let mut header = Header::default();
        loop {
            let line = self.line().ok_or("the head has no end (`Binary:` or `Values:`)")?;
            let (key, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not a head line"))?;
            let count = || value.trim().parse::<usize>().map_err(|_| format!("`{line}` holds no count"));
            match key.trim().to_ascii_lowercase().as_str() {
                "plotname" => header.title = value.trim().to_string(),
                "flags" => complex = value.to_ascii_lowercase().contains("complex"),
                "no. variables" => variables = count()?,
                "no. points" => points = count()?,
                "variables" => header.columns = self.variables(variables, complex, &mut header.logarithmic)?,
                "binary" => return self.values(header, points, complex, Encoding::Binary),
                "values" => return self.values(header, points, complex, Encoding::Ascii),
                _ => {}
            }
        }
    }

    fn variables(&mut self, count: usize, complex: bool, logarithmic: &mut bool) -> Result<Vec<ColumnInfo>, String> {
        let mut columns = Vec::new();
        for k in 0..count {
            let line = self.line().ok_or("the list of variables ends early")?;
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[_, name, kind, ref more @ ..] = words.as_slice() else {
                return Err(format!("`{line}` names no variable"));
            };
            *logarithmic |= k == 0 && more.contains(&"grid=3");
            let column = if complex { ColumnKind::Complex } else { ColumnKind::Real };
            let quantity = if kind == "notype" { "" } else { kind };
            let (quantity, unit) = (quantity.to_string(), unit_of(kind).to_string());
            columns.push(ColumnInfo { name: name.to_string(), quantity, unit, kind: column });
        }
        Ok(columns)
    }

    fn values(&mut self, mut header: Header, points: usize, complex: bool, encoding: Encoding) -> Result<Dataset, String> {
        let width = header.columns.len();
        // A count that the file cannot hold must not allocate memory.
        let bytes = if complex { 16 } else { 8 };
        if encoding == Encoding::Binary && points.saturating_mul(width).saturating_mul(bytes) > self.bytes.len() - self.at {
            return Err(format!("{points} points of {width} variables are announced, the file ends before"));
        }
        let mut table: Vec<Vec<Complex64>> = vec![Vec::new(); width];
        for _ in 0..points {
            if encoding == Encoding::Ascii {
                self.word()?;
            }
            for column in &mut table {
                let z = match (encoding, complex) {
                    (Encoding::Binary, false) => Complex64::new(self.double()?, 0.0),
                    (Encoding::Binary, true) => Complex64::new(self.double()?, self.double()?),
                    (Encoding::Ascii, _) => pair(self.word()?)?,
                };
                column.push(z);
            }
        }
        settle(&mut header);
        // The independent column of a complex plot is real in truth.
        if complex && header.independent == 1 {
            header.columns[0].kind = ColumnKind::Real;
        }
        let columns = header.columns.iter().zip(table).map(|(info, values)| match info.kind {
            ColumnKind::Complex => Column::Complex(values),
            ColumnKind::Real | ColumnKind::Text => Column::Real(values.iter().map(|z| z.re).collect()),
        });
        Ok(Dataset { columns: columns.collect(), header, segments: Vec::new(), rows: points })
    }
}

/// What the head says only indirectly: the analysis and the number of independent columns by the plot's name, key values
/// at its end.
fn settle(header: &mut Header) {
    if let Some((name, keys)) = header.title.clone().strip_suffix(')').and_then(|t| t.rsplit_once(" (")) {
        let pairs = keys.split(", ").map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.to_string(), value.parse().ok()?))
        });
        if let Some(keys) = pairs.collect::<Option<Vec<_>>>() {
            header.title = name.to_string();
            header.keys = keys;
        }
    }
    let title = header.title.to_ascii_lowercase();
    let known = [("transient", "tran"), ("operating", "op"), ("dc transfer", "dc"), ("ac", "ac"), ("dc", "dc"), ("noise", "noise")];
    header.analysis = known.iter().find(|(text, _)| title.contains(text)).map_or(String::new(), |(_, name)| (*name).to_string());
    header.independent = usize::from(header.analysis != "op" && !header.columns.is_empty());
}

fn pair(word: &str) -> Result<Complex64, String> {
    let (re, im) = word.split_once(',').unwrap_or((word, "0"));
    let number = |text: &str| text.parse::<f64>().map_err(|_| format!("`{word}` is not a number"));
    Ok(Complex64::new(number(re)?, number(im)?))
}

fn unit_of(kind: &str) -> &'static str {
    match kind {
        "time" => "s",
        "frequency" => "Hz",
        "voltage" => "V",
        "current" => "A",
        "temperature" => "K",
        "phase" => "deg",
        "decibel" => "dB",
        "impedance" => "ohm",
        "admittance" => "S",
        "power" => "W",
        "charge" => "C",
        "capacitance" => "F",
        _ => "",
    }
}
