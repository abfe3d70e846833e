//! Plots as svg files: waveforms, loops, Bode plots, families.
//!
//! A plot is a [`Sink`]: it records its lines in bounded memory while the analysis runs and is drawn at the end. Columns are
//! found by name. Quantities with different units get panels under one another with a common abscissa; complex columns give
//! a magnitude in decibels and a phase in degrees. Each member of a `.step` family is a line of its own; when results have no
//! abscissa (operating points), the innermost `.step` parameter is it.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::args::{Arg, Args};
use crate::diag::Diagnostic;
use crate::output::svg::page::{Hue, Line, Ordinate, Page, Panel};
use crate::output::svg::trace::{Extent, Shape, Trace};
use crate::output::{Request, Writer};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Flow, Header, Sink};

pub mod axis;
pub mod canvas;
pub mod page;
pub mod trace;

/// One line of a plot (or one for each member of a family).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Curve {
    /// Column of the ordinate.
    pub y: String,
    /// Column of the abscissa, if it is not the analysis' own.
    pub x: Option<String>,
}

/// What `.plot` says besides its curves.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Above the plot; `None`: that of the deck.
    pub title: Option<String>,
    /// Name of the file without ending; `None`: that of the analysis.
    pub file: Option<String>,
    /// Instead of the name of the abscissa; the unit is appended.
    pub xlabel: Option<String>,
    /// Instead of the name of the ordinate; the unit is appended.
    pub ylabel: Option<String>,
    /// Logarithmic abscissa.
    pub xlog: bool,
    /// Logarithmic ordinate (of complex columns: magnitude instead of decibels).
    pub ylog: bool,
    /// Limits of the abscissa, in its unit.
    pub x: (Option<f64>, Option<f64>),
    /// Limits of the ordinate, in its unit.
    pub y: (Option<f64>, Option<f64>),
}

const KEYS: [&str; 10] = ["title", "file", "xlabel", "ylabel", "xlog", "ylog", "xmin", "xmax", "ymin", "ymax"];

impl Settings {
    /// From the arguments of a `.plot` card; positional ones other than `xlog` and `ylog` are the curves and left alone.
    ///
    /// # Errors
    /// A diagnostic at the first key that is unknown or the first value of the wrong kind.
    pub fn from_args(args: &Args) -> Result<Settings, Diagnostic> {
        for arg in &args.items {
            let Some(name) = arg.name.as_deref().filter(|n| !KEYS.contains(n)) else { continue };
            return Err(Diagnostic::error(arg.span, format!(".plot has no setting `{name}`"))
                .expected(format!("expected one of {}", KEYS.join(", "))));
        }
        let text = |key: &str| args.named(key).map(|arg| arg.text.clone());
        let switch = |key: &str| args.flag(key) || args.named(key).is_some_and(is_on);
        let limit = |key: &str| args.named(key).map(|_| args.named_number(key, 0.0)).transpose();
        Ok(Settings {
            title: text("title"),
            file: text("file"),
            xlabel: text("xlabel"),
            ylabel: text("ylabel"),
            xlog: switch("xlog"),
            ylog: switch("ylog"),
            x: (limit("xmin")?, limit("xmax")?),
            y: (limit("ymin")?, limit("ymax")?),
        })
    }
}

fn is_on(arg: &Arg) -> bool {
    arg.number.map_or(!matches!(arg.text.to_ascii_lowercase().as_str(), "no" | "off" | "false"), |x| x != 0.0)
}

/// One plot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plot {
    /// Which analysis it is drawn for; `None`: each that has its columns.
    pub analysis: Option<String>,
    /// Its lines.
    pub curves: Vec<Curve>,
    /// Everything else.
    pub settings: Settings,
}

/// Draws results into one svg file.
///
/// # Errors
/// What the stream says; `InvalidInput` if no result has any of the plot's columns.
pub fn draw(plot: &Plot, results: &[&Dataset], out: &mut dyn Write) -> io::Result<()> {
    let mut figure: Option<Figure> = None;
    for dataset in results {
        let figure = figure.get_or_insert_with(|| Figure::new(plot.clone(), &dataset.header, ""));
        dataset.replay(figure)?;
    }
    match figure.filter(|f| !f.entries.is_empty()) {
        Some(figure) => out.write_all(figure.render().as_bytes()),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "no result has the columns of the plot")),
    }
}

/// A plot of everything that a result has, as far as it is legible.
pub fn automatic(header: &Header) -> Plot {
    const PANELS: usize = 4;
    const LINES: usize = 8;
    let mut units: Vec<(&str, usize)> = Vec::new();
    let mut curves = Vec::new();
    for column in header.columns.iter().skip(header.independent).filter(|c| c.kind != ColumnKind::Text) {
        let k = units.iter().position(|(u, _)| *u == column.unit).unwrap_or(units.len());
        if k == units.len() && k < PANELS {
            units.push((&column.unit, 0));
        }
        if let Some((_, count)) = units.get_mut(k).filter(|(_, count)| *count < LINES) {
            *count += 1;
            curves.push(Curve { y: column.name.clone(), x: None });
        }
    }
    Plot { analysis: Some(header.analysis.clone()), curves, settings: Settings::default() }
}

/// A writer of one svg file for each plot and analysis.
pub fn open(request: &Request) -> Box<dyn Writer> {
    Box::new(Gallery { request: request.clone(), figures: Vec::new(), current: Vec::new() })
}

/// All plots of a run.
struct Gallery {
    request: Request,
    figures: Vec<Figure>,
    /// Figures that the current result is drawn in.
    current: Vec<usize>,
}

impl Sink for Gallery {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.current.clear();
        let made = [automatic(header)];
        let plots = if self.request.plots.is_empty() { &made[..] } else { &self.request.plots[..] };
        for plot in plots {
            if plot.analysis.as_ref().is_some_and(|a| !a.eq_ignore_ascii_case(&header.analysis)) {
                continue;
            }
            let known = self.figures.iter().position(|f| f.plot == *plot && f.takes(header));
            let k = known.unwrap_or(self.figures.len());
            if known.is_none() {
                self.figures.push(Figure::new(plot.clone(), header, &self.request.title));
            }
            self.figures[k].begin(header)?;
            self.current.push(k);
        }
        Ok(())
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.current.iter().try_for_each(|k| self.figures[*k].segment(label))
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        for k in &self.current {
            self.figures[*k].row(cells)?;
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer for Gallery {
    fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        for figure in self.figures.iter().filter(|f| !f.entries.is_empty()) {
            let name = figure.plot.settings.file.as_deref().unwrap_or(&figure.analysis);
            let name = name.strip_suffix(".svg").unwrap_or(name);
            let path = |count: usize| {
                let number = if count == 1 { String::new() } else { count.to_string() };
                self.request.folder.join(format!("{name}{number}.svg"))
            };
            let file = (1..).map(path).find(|p| !files.contains(p)).unwrap_or_else(|| path(1));
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&file, figure.render())?;
            files.push(file);
        }
        Ok(files)
    }
}

/// What is drawn of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Real,
    Magnitude,
    Decibel,
    Phase,
}

/// Where an abscissa comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Source {
    Column(usize),
    /// A `.step` parameter.
    Key(f64),
    RowNumber,
}

/// A plot while its lines are recorded.
struct Figure {
    plot: Plot,
    title: String,
    analysis: String,
    xlog: bool,
    /// Key values of all results so far.
    seen: Vec<Vec<(String, f64)>>,
    entries: Vec<Entry>,
    row: u64,
}

/// One line being recorded.
struct Entry {
    curve: usize,
    part: Part,
    /// Key values that tell it from other lines of the same curve.
    keys: Vec<(String, f64)>,
    x: Ordinate,
    y: ColumnInfo,
    /// Where the current result has its values; `None` if it has none for this line.
    sources: Option<(Source, usize)>,
    trace: Trace,
    /// Last phase in degrees, to go on without jumps.
    phase: f64,
}

impl Figure {
    fn new(plot: Plot, header: &Header, deck: &str) -> Figure {
        let own = if deck.is_empty() { &header.title } else { deck };
        let title = plot.settings.title.clone().unwrap_or_else(|| own.to_string());
        let xlog = plot.settings.xlog || header.logarithmic && plot.curves.iter().all(|c| c.x.is_none());
        let analysis = header.analysis.clone();
        Figure { plot, title, analysis, xlog, seen: Vec::new(), entries: Vec::new(), row: 0 }
    }

    /// Whether a result belongs to this figure rather than to another card of the same kind.
    fn takes(&self, header: &Header) -> bool {
        self.analysis == header.analysis && !self.seen.contains(&header.keys)
    }

    fn begin_curve(&mut self, k: usize, header: &Header) {
        let curve = &self.plot.curves[k];
        let find = |name: &str| header.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        let Some(y) = find(&curve.y).filter(|y| header.columns[*y].kind != ColumnKind::Text) else { return };
        let mut keys = header.keys.clone();
        let (source, name, unit) = match (&curve.x, header.independent) {
            (Some(name), _) => match find(name) {
                Some(x) => (Source::Column(x), name.clone(), header.columns[x].unit.clone()),
                None => return,
            },
            (None, 0) => match keys.pop() {
                Some((name, value)) => (Source::Key(value), name.clone(), key_unit(&name).to_string()),
                None => (Source::RowNumber, "row".to_string(), String::new()),
            },
            (None, _) => (Source::Column(0), header.columns[0].name.clone(), header.columns[0].unit.clone()),
        };
        let complex = header.columns[y].kind == ColumnKind::Complex && curve.x.is_none();
        let parts = match (complex, self.plot.settings.ylog) {
            (true, false) => &[Part::Decibel, Part::Phase][..],
            (true, true) => &[Part::Magnitude, Part::Phase],
            (false, _) => &[Part::Real],
        };
        let shape = if curve.x.is_some() { Shape::Free } else { Shape::Run };
        let mut units = self.plot.curves.iter().filter_map(|c| find(&c.y)).map(|y| &header.columns[y].unit);
        let alone = units.all(|unit| *unit == header.columns[y].unit);
        let window = window(&self.plot.settings, shape, alone, self.xlog);
        let x = Ordinate { name, unit, log: self.xlog, fixed: (None, None) };
        for part in parts {
            let known = self.entries.iter().position(|e| e.curve == k && e.part == *part && e.keys == keys);
            let at = known.unwrap_or(self.entries.len());
            if known.is_none() {
                self.entries.push(Entry {
                    curve: k,
                    part: *part,
                    keys: keys.clone(),
                    x: x.clone(),
                    y: header.columns[y].clone(),
                    sources: None,
                    trace: Trace::new(shape, window),
                    phase: 0.0,
                });
            }
            self.entries[at].sources = Some((source, y));
        }
    }

    fn logarithmic(&self, entry: &Entry) -> bool {
        self.plot.settings.ylog && entry.part != Part::Phase
    }
}

/// What will be shown of a line, by the limits that the user sets.
fn window(settings: &Settings, shape: Shape, alone: bool, xlog: bool) -> Extent {
    let limits = |(low, high): (Option<f64>, Option<f64>), log: bool| {
        let place = |limit: Option<f64>, none: f64| limit.map(|v| position(v, log)).filter(|v| !v.is_nan()).unwrap_or(none);
        (place(low, f64::NEG_INFINITY), place(high, f64::INFINITY))
    };
    // Buckets of a run keep their extremes wherever they are.
    let y = if shape == Shape::Free && alone { limits(settings.y, settings.ylog) } else { Extent::ALL.y };
    Extent { x: limits(settings.x, xlog), y }
}

/// Unit of a `.step` parameter, where its name tells.
fn key_unit(name: &str) -> &str {
    if name.eq_ignore_ascii_case("temp") { "degC" } else { "" }
}

fn position(value: f64, log: bool) -> f64 {
    // Logarithms of what is not positive are gaps.
    if log { if value > 0.0 { value.log10() } else { f64::NAN } } else { value }
}

impl Sink for Figure {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.seen.push(header.keys.clone());
        self.row = 0;
        self.entries.iter_mut().for_each(|e| e.sources = None);
        (0..self.plot.curves.len()).for_each(|k| self.begin_curve(k, header));
        Ok(())
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        self.entries.iter_mut().filter(|e| e.sources.is_some()).for_each(|e| e.trace.lift());
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        let ylog = self.plot.settings.ylog;
        for entry in &mut self.entries {
            let Some((source, y)) = entry.sources else { continue };
            let x = match source {
                Source::Column(k) => real(&cells[k]),
                Source::Key(value) => value,
                Source::RowNumber => self.row as f64,
            };
            let value = entry.value(&cells[y]);
            let log = ylog && entry.part != Part::Phase;
            entry.trace.push((position(x, self.xlog), position(value, log)));
        }
        self.row += 1;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn real(cell: &Cell) -> f64 {
    match cell {
        Cell::Real(x) => *x,
        Cell::Complex(z) => z.re,
        Cell::Text(_) => f64::NAN,
    }
}

impl Entry {
    fn value(&mut self, cell: &Cell) -> f64 {
        let Cell::Complex(z) = cell else { return real(cell) };
        match self.part {
            Part::Real => z.re,
            Part::Magnitude => z.norm(),
            Part::Decibel => 20.0 * z.norm().log10(),
            Part::Phase => {
                let angle = z.arg().to_degrees();
                let turns = ((self.phase - angle) / 360.0).round();
                let angle = angle + 360.0 * turns;
                self.phase = if angle.is_finite() { angle } else { self.phase };
                angle
            }
        }
    }

    /// Lines with the same key share a panel.
    fn panel(&self) -> (String, String, Part) {
        let quantity = match (self.part, self.y.unit.as_str()) {
            (Part::Phase, _) => "deg".to_string(),
            (_, "" | "1") => self.y.quantity.clone(),
            (_, unit) => unit.to_string(),
        };
        (self.x.name.clone(), quantity, self.part)
    }
}

impl Figure {
    /// The svg file.
    fn render(&self) -> String {
        let mut kinds: Vec<(String, String, Part)> = Vec::new();
        let mut groups: Vec<Vec<&Entry>> = Vec::new();
        for entry in &self.entries {
            let kind = entry.panel();
            let k = kinds.iter().position(|other| *other == kind).unwrap_or(kinds.len());
            if k == kinds.len() {
                kinds.push(kind);
                groups.push(Vec::new());
            }
            groups[k].push(entry);
        }
        let shared = groups.iter().flatten().all(|e| e.x.name == self.entries[0].x.name);
        let alone = groups.iter().filter(|g| g[0].part != Part::Phase).count() == 1;
        let panels = groups.iter().map(|group| self.panel(group, alone)).collect();
        page::render(&Page { title: self.title.clone(), panels, shared })
    }

    /// `alone`: the user's settings for the ordinate are meant for this panel.
    fn panel<'a>(&self, group: &[&'a Entry], alone: bool) -> Panel<'a> {
        let settings = &self.plot.settings;
        let first = group[0];
        let place = |limit: Option<f64>, log: bool| limit.map(|v| position(v, log));
        let mut x = first.x.clone();
        x.fixed = (place(settings.x.0, x.log), place(settings.x.1, x.log));
        if let Some(label) = &settings.xlabel {
            x = labelled(x, label);
        }
        let log = self.logarithmic(first);
        let mut y = self.ordinate(group);
        y.log = log;
        if alone && first.part != Part::Phase {
            y.fixed = (place(settings.y.0, log), place(settings.y.1, log));
            if let Some(label) = &settings.ylabel {
                y = labelled(y, label);
            }
        }
        let mut curves: Vec<usize> = group.iter().map(|e| e.curve).collect();
        curves.dedup();
        let members = group.iter().filter(|e| e.curve == first.curve).count();
        let mut counts = vec![0; self.plot.curves.len()];
        let lines = group.iter().enumerate().map(|(k, entry)| {
            let member = counts[entry.curve];
            counts[entry.curve] += 1;
            let fraction = member as f64 / (members.max(2) - 1) as f64;
            let hue = match (self.curves_of(group), group.len()) {
                (1, n) if n > 8 => Hue::Ramp(fraction),
                (_, n) if n > 8 && members > 1 => Hue::Shade(entry.curve, fraction),
                _ => Hue::Palette(k),
            };
            let marked = matches!(entry.sources, Some((Source::Key(_), _)));
            Line { label: self.label(entry, group), hue, marked, trace: &entry.trace }
        });
        Panel { x, lines: lines.collect(), y }
    }

    fn curves_of(&self, group: &[&Entry]) -> usize {
        let mut curves: Vec<usize> = group.iter().map(|e| e.curve).collect();
        curves.sort_unstable();
        curves.dedup();
        curves.len()
    }

    /// The names of all curves, while they are few.
    fn names(&self, group: &[&Entry]) -> String {
        let mut names: Vec<&str> = group.iter().map(|e| e.y.name.as_str()).collect();
        names.dedup();
        if names.len() <= 3 { names.join(", ") } else { "value".to_string() }
    }

    fn ordinate(&self, group: &[&Entry]) -> Ordinate {
        let first = group[0];
        let several = self.curves_of(group) > 1;
        let quantity = match (several, first.y.quantity.is_empty()) {
            (false, _) => first.y.name.clone(),
            (true, false) => first.y.quantity.clone(),
            (true, true) => self.names(group),
        };
        let (name, unit) = match first.part {
            Part::Real | Part::Magnitude => (quantity, first.y.unit.clone()),
            Part::Decibel => (if several { format!("{quantity} magnitude") } else { quantity }, "dB".to_string()),
            Part::Phase => ("phase".to_string(), "deg".to_string()),
        };
        Ordinate { name, unit, log: false, fixed: (None, None) }
    }

    /// `v(a)`, `rc=25`, or both, as far as they tell the lines of a panel apart.
    fn label(&self, entry: &Entry, group: &[&Entry]) -> String {
        let keys: Vec<String> = entry.keys.iter().map(|(n, v)| format!("{n}={}", axis::short(*v, false))).collect();
        let curve = &self.plot.curves[entry.curve];
        let ordinates = self.plot.curves.iter().filter(|c| c.y == curve.y).count();
        let name = match &curve.x {
            Some(x) if ordinates > 1 => format!("{} vs {x}", curve.y),
            _ => curve.y.clone(),
        };
        match (keys.is_empty(), self.curves_of(group)) {
            (true, _) => name,
            (false, 1) => keys.join(", "),
            (false, _) => format!("{name}, {}", keys.join(", ")),
        }
    }
}

/// The user's words instead of the name; with a unit in parentheses already, numbers are left as they are.
fn labelled(axis: Ordinate, label: &str) -> Ordinate {
    let unit = if label.contains('(') { String::new() } else { axis.unit };
    Ordinate { name: label.to_string(), unit, ..axis }
}
