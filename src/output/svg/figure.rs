//! A plot while it is recorded: which columns of which results make its lines, and which lines share a panel.
//!
//! Takes results as a [`Sink`], gives the text of the svg file. A line is told from others by its curve, by the part of a
//! complex value that it shows, and by the key values of its `.step` family.

use std::collections::HashMap;
use std::io;

use crate::output::Request;
use crate::output::svg::page::{self, Hue, Line, Ordinate, Page, Panel};
use crate::output::svg::trace::{Extent, Shape, Trace};
use crate::output::svg::{self, Drawing, Plot, Settings, axis, key_text, key_unit, unit};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

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
pub(super) struct Figure {
    plot: Plot,
    title: String,
    analysis: String,
    /// Units of `.step` parameters.
    units: Vec<(String, String)>,
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
    /// Whether its abscissa is a `.step` parameter.
    keyed: bool,
    trace: Trace,
    /// Last phase in degrees, to go on without jumps.
    phase: f64,
}

impl Figure {
    pub(super) fn new(plot: Plot, header: &Header, request: &Request) -> Figure {
        let (title, units) = (svg::title(&plot, header, request), request.units.clone());
        let xlog = plot.settings.xlog || header.logarithmic && plot.curves.iter().all(|c| c.x.is_none());
        let analysis = header.analysis.clone();
        Figure { plot, title, analysis, units, xlog, seen: Vec::new(), entries: Vec::new(), row: 0 }
    }

    fn begin_curve(&mut self, k: usize, header: &Header, index: &HashMap<String, usize>) {
        let curve = &self.plot.curves[k];
        let find = |name: &str| index.get(&name.to_lowercase()).copied();
        let Some(y) = find(&curve.y).filter(|y| header.columns[*y].kind != ColumnKind::Text) else { return };
        let mut keys = header.keys.clone();
        let (source, name, unit) = match (&curve.x, header.independent) {
            (Some(name), _) => match find(name) {
                Some(x) => (Source::Column(x), name.clone(), header.columns[x].unit.clone()),
                None => return,
            },
            (None, 0) => match keys.pop() {
                Some((name, value)) => (Source::Key(value), name.clone(), key_unit(&name, &self.units).to_string()),
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
        // Whether the limits of the ordinate are meant for this line matters for free ones only.
        let mut units = self.plot.curves.iter().filter_map(|c| find(&c.y)).map(|y| &header.columns[y].unit);
        let alone = shape == Shape::Free && units.all(|unit| *unit == header.columns[y].unit);
        let window = window(&self.plot.settings, shape, alone, self.xlog);
        let x = Ordinate { name, unit, log: self.xlog, symlog: None, fixed: (None, None) };
        for part in parts {
            let known = self.seen.len() > 1;
            let known = self.entries.iter().position(|e| known && e.curve == k && e.part == *part && e.keys == keys);
            let at = known.unwrap_or(self.entries.len());
            if known.is_none() {
                self.entries.push(Entry {
                    curve: k,
                    part: *part,
                    keys: keys.clone(),
                    x: x.clone(),
                    y: header.columns[y].clone(),
                    sources: None,
                    keyed: matches!(source, Source::Key(_)),
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
    let y =
        if shape == Shape::Free && alone && settings.symlog.is_none() { limits(settings.y, settings.ylog) } else { Extent::ALL.y };
    Extent { x: limits(settings.x, xlog), y }
}

/// What the result of the measures of a family is called: each row is a member.
const MEASURE: &str = "measure";

/// Numbers of the curves that lines belong to, rising.
fn distinct(group: &[&Entry]) -> Vec<usize> {
    let mut curves: Vec<usize> = group.iter().map(|e| e.curve).collect();
    curves.sort_unstable();
    curves.dedup();
    curves
}

/// Points that are marked where the user asks for marks.
const MOST_MARKS: usize = 2000;

fn position(value: f64, log: bool) -> f64 {
    // Logarithms of what is not positive are gaps.
    if log { if value > 0.0 { value.log10() } else { f64::NAN } } else { value }
}

impl Sink for Figure {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.seen.push(header.keys.clone());
        self.row = 0;
        self.entries.iter_mut().for_each(|e| e.sources = None);
        let mut index = HashMap::with_capacity(header.columns.len());
        for (k, column) in header.columns.iter().enumerate() {
            index.entry(column.name.to_lowercase()).or_insert(k);
        }
        (0..self.plot.curves.len()).for_each(|k| self.begin_curve(k, header, &index));
        Ok(())
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        self.entries.iter_mut().filter(|e| e.sources.is_some()).for_each(|e| e.trace.lift());
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        let scales = Scales::of(&self.plot.settings, self.xlog);
        for entry in &mut self.entries {
            let Some((source, y)) = entry.sources else { continue };
            let x = match source {
                Source::Column(k) => real(&cells[k]),
                Source::Key(value) => value,
                Source::RowNumber => self.row as f64,
            };
            let value = entry.value(&cells[y]);
            entry.trace.push(scales.spot(x, value, entry.part));
        }
        self.row += 1;
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        let scales = Scales::of(&self.plot.settings, self.xlog);
        for entry in &mut self.entries {
            let Some((source, y)) = entry.sources else { continue };
            for (k, row) in values.chunks_exact(width.max(1)).enumerate() {
                let x = match source {
                    Source::Column(k) => row[k],
                    Source::Key(value) => value,
                    Source::RowNumber => (self.row + k as u64) as f64,
                };
                entry.trace.push(scales.spot(x, row[y], entry.part));
            }
        }
        self.row += (values.len() / width.max(1)) as u64;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How values become positions.
#[derive(Clone, Copy)]
struct Scales {
    xlog: bool,
    ylog: bool,
    symlog: Option<f64>,
}

impl Scales {
    fn of(settings: &Settings, xlog: bool) -> Scales {
        Scales { xlog, ylog: settings.ylog, symlog: settings.symlog }
    }

    fn spot(&self, x: f64, value: f64, part: Part) -> (f64, f64) {
        let place = match self.symlog.filter(|_| part != Part::Phase) {
            Some(threshold) => axis::symmetric(value, threshold),
            None => position(value, self.ylog && part != Part::Phase),
        };
        (position(x, self.xlog), place)
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

impl Drawing for Figure {
    fn plot(&self) -> &Plot {
        &self.plot
    }

    fn analysis(&self) -> &str {
        &self.analysis
    }

    fn takes(&self, header: &Header) -> bool {
        self.analysis == header.analysis && !self.seen.contains(&header.keys)
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn is_point(&self) -> bool {
        self.seen.len() == 1 && self.row == 1
    }

    fn held(&self) -> usize {
        self.entries.iter().map(|e| e.trace.held()).sum()
    }

    fn render(&self) -> String {
        let mut kinds: Vec<(String, String, Part)> = Vec::new();
        let mut groups: Vec<Vec<&Entry>> = Vec::new();
        // What has one label has one ordinate: measures have units only as far as they are known.
        let united = self.analysis == MEASURE && self.plot.settings.ylabel.is_some();
        for entry in &self.entries {
            let kind = if united { (entry.x.name.clone(), String::new(), entry.part) } else { entry.panel() };
            let k = kinds.iter().position(|other| *other == kind).unwrap_or(kinds.len());
            if k == kinds.len() {
                kinds.push(kind);
                groups.push(Vec::new());
            }
            groups[k].push(entry);
        }
        // Phases stand below all magnitudes.
        groups.sort_by_key(|g| g[0].part == Part::Phase);
        let shared = groups.iter().flatten().all(|e| e.x.name == self.entries[0].x.name);
        let alone = groups.iter().filter(|g| g[0].part != Part::Phase).count() == 1;
        let panels = groups.iter().map(|group| self.panel(group, alone)).collect();
        page::render(&Page { title: self.title.clone(), panels, shared })
    }
}

impl Figure {
    /// `alone`: the user's settings for the ordinate are meant for this panel.
    fn panel<'a>(&self, group: &[&'a Entry], alone: bool) -> Panel<'a> {
        let settings = &self.plot.settings;
        let first = group[0];
        let place = |limit: Option<f64>, log: bool| limit.map(|v| position(v, log));
        let mut x = first.x.clone();
        x.fixed = (place(settings.x.0, x.log), place(settings.x.1, x.log));
        (x.name, x.unit) = unit::labelled(settings.xlabel.as_ref(), &x.name, &x.unit);
        let log = self.logarithmic(first);
        let mut y = self.ordinate(group);
        y.log = log;
        y.symlog = settings.symlog.filter(|_| first.part != Part::Phase);
        if alone && first.part != Part::Phase {
            let limit = |limit: Option<f64>| match settings.symlog {
                Some(threshold) => limit.map(|v| axis::symmetric(v, threshold)),
                None => place(limit, log),
            };
            y.fixed = (limit(settings.y.0), limit(settings.y.1));
            (y.name, y.unit) = unit::labelled(settings.ylabel.as_ref(), &y.name, &y.unit);
        }
        let lines = group.iter().map(|entry| Line {
            label: self.label(entry, group),
            hue: self.hue(entry, group),
            curve: entry.curve,
            marked: match (settings.marks, entry.keyed || self.analysis == MEASURE) {
                (Some(true), _) => MOST_MARKS,
                (None, true) => page::MARKS,
                _ => 0,
            },
            trace: &entry.trace,
        });
        Panel { x, lines: lines.collect(), y }
    }

    fn hue(&self, entry: &Entry, group: &[&Entry]) -> Hue {
        // Magnitudes may stand in several panels, the phases in one: their colours must agree.
        let phases: Vec<&Entry> = self.entries.iter().filter(|e| e.part == Part::Phase).collect();
        let among = if phases.is_empty() { group } else { &phases };
        let same = |e: &&&Entry| e.curve == entry.curve && e.keys == entry.keys;
        let before = |list: &[&Entry]| list.iter().take_while(|e| !same(e)).count();
        let members: Vec<&Entry> = among.iter().copied().filter(|e| e.curve == entry.curve).collect();
        let (line, member) = ((before(among), among.len()), (before(&members), members.len()));
        let curves = distinct(among);
        let rank = curves.iter().take_while(|c| **c < entry.curve).count();
        page::hue(line, (rank, curves.len()), member)
    }

    fn curves_of(&self, group: &[&Entry]) -> usize {
        distinct(group).len()
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
        let quantity = match (several, first.y.quantity.is_empty() || self.analysis == MEASURE) {
            (false, _) => first.y.name.clone(),
            (true, false) => first.y.quantity.clone(),
            (true, true) => self.names(group),
        };
        let one = group.iter().all(|e| e.y.unit == first.y.unit);
        let (name, unit) = match first.part {
            Part::Real | Part::Magnitude => (quantity, if one { first.y.unit.clone() } else { String::new() }),
            Part::Decibel => (if several { format!("{quantity} magnitude") } else { quantity }, "dB".to_string()),
            Part::Phase => ("phase".to_string(), "deg".to_string()),
        };
        Ordinate { name, unit, log: false, symlog: None, fixed: (None, None) }
    }

    /// `v(a)`, `rc=25`, or both, as far as they tell the lines of a panel apart.
    fn label(&self, entry: &Entry, group: &[&Entry]) -> String {
        // A key that is the same for all says nothing.
        let varies = |name: &str| {
            let mut values = group.iter().flat_map(|e| &e.keys).filter(|(n, _)| n == name).map(|(_, v)| *v);
            let first = values.next();
            values.any(|v| Some(v) != first)
        };
        let keys: Vec<(String, f64)> = entry.keys.iter().filter(|(n, _)| varies(n)).cloned().collect();
        let curve = &self.plot.curves[entry.curve];
        let ordinates = self.plot.curves.iter().filter(|c| c.y == curve.y).count();
        let name = match &curve.x {
            Some(x) if ordinates > 1 => format!("{} vs {x}", curve.y),
            _ => curve.y.clone(),
        };
        match (keys.is_empty(), self.curves_of(group)) {
            (true, _) => name,
            (false, 1) => key_text(&keys, &self.units),
            (false, _) => format!("{name}, {}", key_text(&keys, &self.units)),
        }
    }
}
