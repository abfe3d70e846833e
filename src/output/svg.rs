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
use crate::output::svg::figure::Figure;
use crate::output::svg::members::Pick;
use crate::output::{Request, Writer};
use crate::wave::{Cell, ColumnKind, Dataset, Flow, Header, Sink};

pub mod axis;
pub mod canvas;
mod chart;
mod figure;
pub mod map;
pub mod members;
mod overlay;
pub mod page;
mod pixels;
pub mod snapshot;
pub mod thin;
pub mod trace;
mod unit;

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
    /// Ordinate logarithmic on both sides of zero, straight within this threshold.
    pub symlog: Option<f64>,
    /// Whether points are marked; `None`: those of families whose abscissa is a `.step` parameter, while they are few.
    pub marks: Option<bool>,
    /// Members of a family that are drawn; empty: all.
    pub members: Vec<Pick>,
    /// Columns that are the cells of an array: `x%_%.x`.
    pub map: Option<String>,
    /// Abscissae of its snapshots, rising.
    pub at: Vec<f64>,
}

const KEYS: [&str; 15] = [
    "symlog", "title", "file", "xlabel", "ylabel", "xlog", "ylog", "xmin", "xmax", "ymin", "ymax", "marks", "map", "at", "members",
];

impl Settings {
    /// From the arguments of a `.plot` card; positional ones other than switches are the curves and left alone.
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
            xlog: switch("xlog") || switch("loglog"),
            ylog: switch("ylog") || switch("loglog"),
            x: (limit("xmin")?, limit("xmax")?),
            y: (limit("ymin")?, limit("ymax")?),
            symlog: limit("symlog")?.filter(|t| *t > 0.0),
            marks: (args.flag("marks") || args.named("marks").is_some()).then(|| switch("marks")),
            members: args.named("members").map_or(Ok(Vec::new()), members::picks)?,
            map: text("map"),
            at: args.named("at").map_or(Ok(Vec::new()), abscissae)?,
        })
    }
}

/// One number, or a text of several.
pub(crate) fn abscissae(arg: &Arg) -> Result<Vec<f64>, Diagnostic> {
    let read = |word: &str| {
        let error = || Diagnostic::error(arg.span, format!("`{word}` is not a number")).expected("numbers: `at=\"0 5u 20u\"`");
        crate::units::number(word).ok_or_else(error)
    };
    let mut found = match arg.number {
        Some(number) => vec![number],
        None => arg.text.split([' ', ',']).filter(|w| !w.is_empty()).map(read).collect::<Result<Vec<f64>, _>>()?,
    };
    found.sort_by(f64::total_cmp);
    Ok(found)
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
    let family: Vec<&[(String, f64)]> = results.iter().map(|r| r.header.keys.as_slice()).collect();
    let picked = |dataset: &&&Dataset| members::drawn(&plot.settings.members, &family, &dataset.header.keys);
    for dataset in results.iter().filter(picked) {
        let figure = figure.get_or_insert_with(|| Figure::new(plot.clone(), &dataset.header, &Request::default()));
        dataset.replay(figure)?;
    }
    match figure.filter(|f| !f.is_empty()) {
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

/// A kind of plot: records results as a sink and is drawn at the end.
trait Drawing: Sink + Send {
    /// What the card says.
    fn plot(&self) -> &Plot;
    /// The analysis it belongs to.
    fn analysis(&self) -> &str;
    /// Whether a result belongs to this drawing rather than to another one of the same card.
    fn takes(&self, header: &Header) -> bool;
    /// Whether no result had anything for it.
    fn is_empty(&self) -> bool;
    /// Whether all there is to see is one point.
    fn is_point(&self) -> bool {
        false
    }
    /// The svg file.
    fn render(&self) -> String;
    /// Numbers that it holds, about.
    fn held(&self) -> usize;
}

/// The drawing that suits a result: a map over a plane, lines otherwise.
fn drawing(plot: &Plot, header: &Header, request: &Request) -> Box<dyn Drawing> {
    if chart::is_chart(header) {
        return Box::new(chart::Chart::new(plot.clone(), header, request));
    }
    if let Some(snapshots) = snapshot::Snapshots::new(plot, header, request) {
        return Box::new(snapshots);
    }
    match map::Map::new(plot, header, request) {
        Some(map) => Box::new(map),
        None => Box::new(Figure::new(plot.clone(), header, request)),
    }
}

/// The title of a plot: its own, else that of the deck, else that of the result.
fn title(plot: &Plot, header: &Header, request: &Request) -> String {
    let usual = if request.title.is_empty() { &header.title } else { &request.title };
    plot.settings.title.as_ref().unwrap_or(usual).clone()
}

/// `rc=25 Ω, n=3`: a member of a family.
fn key_text(keys: &[(String, f64)], units: &[(String, String)]) -> String {
    let one = |(name, value): &(String, f64)| format!("{name}={}", unit::named(*value, key_unit(name, units)));
    keys.iter().map(one).collect::<Vec<String>>().join(", ")
}

/// Unit of a `.step` parameter; of files that are read again the name alone tells.
fn key_unit<'a>(name: &str, units: &'a [(String, String)]) -> &'a str {
    let known = units.iter().find(|(n, _)| n == name).map(|(_, unit)| unit.as_str());
    known.unwrap_or(if name.eq_ignore_ascii_case("temp") { "degC" } else { "" })
}

/// A writer of one svg file for each plot and analysis.
pub fn open(request: &Request) -> Box<dyn Writer> {
    Box::new(Gallery { request: request.clone(), figures: Vec::new(), current: Vec::new() })
}

/// All plots of a run.
struct Gallery {
    request: Request,
    figures: Vec<Box<dyn Drawing>>,
    /// Figures that the current result is drawn in.
    current: Vec<usize>,
}

impl Gallery {
    /// Whether a plot is about this member of the family.
    fn is_drawn(&self, plot: &Plot, header: &Header) -> bool {
        if plot.settings.members.is_empty() {
            return true;
        }
        // What is drawn over the innermost parameter has the outer ones as keys.
        let outer = |keys: &'_ Vec<(String, f64)>| keys.len().min(header.keys.len());
        let mut family: Vec<&[(String, f64)]> = self.request.family.iter().map(|keys| &keys[..outer(keys)]).collect();
        family.dedup();
        members::drawn(&plot.settings.members, &family, &header.keys)
    }
}

impl Sink for Gallery {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.current.clear();
        // A single operating point is no plot, unless it is a map of an array.
        let single = header.independent == 0 && header.keys.is_empty();
        let chart = chart::is_chart(header);
        let special = chart || map::is_map(header);
        let made = [if chart { chart::automatic(header) } else { automatic(header) }];
        // Diagrams are drawn in any case: plots meant for other analyses do not stand for them.
        let own = |p: &Plot| p.analysis.as_ref().is_some_and(|a| a.eq_ignore_ascii_case(&header.analysis));
        let none = self.request.plots.is_empty() || special && !self.request.plots.iter().any(own);
        let plots = if none { &made[..] } else { &self.request.plots[..] };
        for plot in plots {
            if plot.analysis.as_ref().is_some_and(|a| !a.eq_ignore_ascii_case(&header.analysis)) {
                continue;
            }
            if single && plot.settings.map.is_none() || !self.is_drawn(plot, header) {
                continue;
            }
            // Settings alone: they are for what would be drawn by itself.
            let bare = plot.curves.is_empty() && plot.settings.map.is_none();
            let plot = if bare { Plot { curves: made[0].curves.clone(), ..plot.clone() } } else { plot.clone() };
            let known = self.figures.iter().position(|f| *f.plot() == plot && f.takes(header));
            let k = known.unwrap_or(self.figures.len());
            if known.is_none() {
                self.figures.push(drawing(&plot, header, &self.request));
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

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for k in &self.current {
            self.figures[*k].rows(width, values)?;
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
        for figure in self.figures.iter().filter(|f| !f.is_empty() && !f.is_point()) {
            let name = figure.plot().settings.file.as_deref().unwrap_or(figure.analysis());
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

    fn held(&self) -> usize {
        self.figures.iter().map(|f| f.held()).sum()
    }
}
