//! Maps: one quantity over the plane of two others, as coloured cells.
//!
//! A map is a [`Sink`] for results with two independent columns on a grid. A column followed by a column of words is a code:
//! its cells get one colour for each word and a legend. Any other column gets a ramp from its least to its largest value and
//! a bar that says what the colours mean. Axis steps need not be even: a cell reaches half-way to its neighbours.

use std::io;

use crate::output::Request;
use crate::output::svg::axis::{self, Axis, Wish};
use crate::output::svg::canvas::{self, Anchor, Canvas, Colour, Frame};
use crate::output::svg::page::{INK, LABEL, TICK, Title, fitted, ramp};
use crate::output::svg::unit;
use crate::output::svg::{self, Drawing, Plot, key_text};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

/// Colours of codes: quiet, warning, remarkable; then whatever else.
const CODES: [Colour; 6] = [(222, 226, 232), (213, 130, 80), (0, 114, 178), (0, 158, 115), (204, 121, 167), (240, 228, 66)];
/// Where nothing was computed.
const NOTHING: Colour = (255, 255, 255);

/// Neighbours overlap by this much, pixels, so that no light shines between them.
pub(super) const SEAM: f64 = 0.6;

/// Width and height of the coloured field, pixels.
const FIELD: (f64, f64) = (560.0, 440.0);

/// True if a result is to be drawn as a map: two independent columns, the cells of a plane.
pub fn is_map(header: &Header) -> bool {
    header.analysis == "activity" && header.independent == 2
}

/// A map while it is recorded.
pub struct Map {
    plot: Plot,
    analysis: String,
    title: String,
    keys: Vec<(String, f64)>,
    begun: bool,
    x: ColumnInfo,
    y: ColumnInfo,
    z: ColumnInfo,
    /// Columns of the value, and of the word for it if it is a code.
    columns: (usize, Option<usize>),
    cells: Vec<(f64, f64, f64)>,
    /// Words of the codes.
    words: Vec<(f64, String)>,
}

impl Map {
    /// The map of a plot's first curve that the result has, or of the first dependent column.
    pub fn new(plot: &Plot, header: &Header, request: &Request) -> Option<Map> {
        if !is_map(header) {
            return None;
        }
        let find = |name: &str| header.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        let asked = plot.curves.iter().find_map(|c| find(&c.y)).filter(|k| *k >= header.independent);
        let z = asked.unwrap_or(header.independent);
        let coded = header.columns.get(z + 1).is_some_and(|c| c.kind == ColumnKind::Text);
        Some(Map {
            title: format!("{}{}", svg::title(plot, header, request), of_member(&header.keys, &request.units)),
            plot: plot.clone(),
            analysis: header.analysis.clone(),
            keys: header.keys.clone(),
            begun: false,
            x: header.columns[0].clone(),
            y: header.columns[1].clone(),
            z: header.columns.get(z)?.clone(),
            columns: (z, coded.then_some(z + 1)),
            cells: Vec::new(),
            words: Vec::new(),
        })
    }
}

/// ` (rc=25)`: which member of a family a picture shows.
fn of_member(keys: &[(String, f64)], units: &[(String, String)]) -> String {
    if keys.is_empty() { String::new() } else { format!(" ({})", key_text(keys, units)) }
}

impl Sink for Map {
    fn begin(&mut self, _: &Header) -> io::Result<()> {
        self.begun = true;
        Ok(())
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        let real = |k: usize| match cells.get(k) {
            Some(Cell::Real(v)) => *v,
            _ => f64::NAN,
        };
        let value = real(self.columns.0);
        self.cells.push((real(0), real(1), value));
        if let Some(Cell::Text(word)) = self.columns.1.and_then(|k| cells.get(k))
            && self.words.iter().all(|(code, _)| *code != value)
        {
            self.words.push((value, word.clone()));
            self.words.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Edges of cells around sorted positions: half-way between neighbours, as far beyond the outer ones.
fn edges(positions: &[f64]) -> Vec<f64> {
    let n = positions.len();
    let middle = |k: usize| 0.5 * (positions[k - 1] + positions[k]);
    let (first, last) = match n {
        1 => (positions[0] - 0.5, positions[0] + 0.5),
        _ => (1.5 * positions[0] - 0.5 * positions[1], 1.5 * positions[n - 1] - 0.5 * positions[n - 2]),
    };
    std::iter::once(first).chain((1..n).map(middle)).chain(std::iter::once(last)).collect()
}

fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

impl Drawing for Map {
    fn plot(&self) -> &Plot {
        &self.plot
    }

    fn analysis(&self) -> &str {
        &self.analysis
    }

    /// Each member of a family is a map of its own.
    fn takes(&self, header: &Header) -> bool {
        !self.begun && self.analysis == header.analysis && self.keys == header.keys
    }

    fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    fn held(&self) -> usize {
        3 * self.cells.len()
    }

    fn render(&self) -> String {
        let (xs, ys) = (distinct(self.cells.iter().map(|c| c.0)), distinct(self.cells.iter().map(|c| c.1)));
        if xs.is_empty() || ys.is_empty() {
            return canvas::page(FIELD.0, FIELD.1, |_| {});
        }
        let (across, up) = (edges(&xs), edges(&ys));
        let values = self.cells.iter().map(|c| c.2).filter(|v| v.is_finite());
        let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let wish = |column: &ColumnInfo, label: &Option<String>, ends: (f64, f64), room: f64| Wish {
            range: Some(ends),
            fixed: (Some(ends.0), Some(ends.1)),
            log: false,
            symlog: None,
            whole: false,
            name: unit::labelled(label.as_ref(), &column.name, &column.unit).0,
            unit: unit::labelled(label.as_ref(), &column.name, &column.unit).1,
            ticks: room,
            margin: 0.0,
        };
        let ends = |edges: &[f64]| (edges[0], edges[edges.len() - 1]);
        let x = axis::layout(&wish(&self.x, &self.plot.settings.xlabel, ends(&across), FIELD.0 / 85.0));
        let y = axis::layout(&wish(&self.y, &self.plot.settings.ylabel, ends(&up), FIELD.1 / 40.0));
        let bar = axis::layout(&wish(&self.z, &None, spread(range), 8.0));
        let width = |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| canvas::width_of(t, TICK.size)).fold(0.0, f64::max);
        let left = 52.0 + width(&mut y.ticks.iter().map(|t| &t.1));
        let legend = match self.words.is_empty() {
            true => bar_width(&bar),
            false => 60.0 + width(&mut self.words.iter().map(|w| &w.1)),
        };
        let title = Title::new(&self.title, FIELD.0);
        let frame = Frame { left, top: title.bottom(), width: FIELD.0, height: FIELD.1 };
        canvas::page((left + FIELD.0 + legend).ceil(), frame.bottom() + 58.0, |canvas| {
            title.draw(canvas, frame.left + frame.width / 2.0);
            canvas.fill(&frame, NOTHING);
            self.draw_cells(canvas, &frame, (&xs, &across, &x), (&ys, &up, &y), range);
            draw_frame(canvas, &frame, &x, &y);
            if self.words.is_empty() { draw_bar(canvas, &frame, &bar) } else { self.draw_words(canvas, &frame) }
        })
    }
}

impl Map {
    fn colour(&self, value: f64, (low, high): (f64, f64)) -> Colour {
        if !value.is_finite() {
            return NOTHING;
        }
        if self.columns.1.is_some() {
            return CODES[value.abs() as usize % CODES.len()];
        }
        ramp(if high > low { (value - low) / (high - low) } else { 0.5 })
    }

    /// Cells of one row and colour are one rectangle.
    fn draw_cells(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        (xs, across, x): (&[f64], &[f64], &Axis),
        (ys, up, y): (&[f64], &[f64], &Axis),
        range: (f64, f64),
    ) {
        let mut field: Vec<Option<Colour>> = vec![None; xs.len() * ys.len()];
        for (cx, cy, value) in &self.cells {
            let at = |list: &[f64], v: f64| list.binary_search_by(|p| p.total_cmp(&v)).ok();
            if let (Some(i), Some(j)) = (at(xs, *cx), at(ys, *cy)) {
                field[j * xs.len() + i] = Some(self.colour(*value, range));
            }
        }
        let horizontal = |v: f64| frame.left + x.fraction(v) * frame.width;
        let vertical = |v: f64| frame.bottom() - y.fraction(v) * frame.height;
        for (j, row) in field.chunks(xs.len()).enumerate() {
            let (top, bottom) = (vertical(up[j + 1]), vertical(up[j]));
            let mut start = 0;
            while start < row.len() {
                let length = row[start..].iter().take_while(|c| **c == row[start]).count();
                if let Some(colour) = row[start] {
                    let (left, right) = (horizontal(across[start]), horizontal(across[start + length]));
                    canvas.fill(&Frame { left, top: top - SEAM, width: right - left + SEAM, height: bottom - top + SEAM }, colour);
                }
                start += length;
            }
        }
    }

    fn draw_words(&self, canvas: &mut Canvas, frame: &Frame) {
        for (row, (code, word)) in self.words.iter().enumerate() {
            let (x, y) = (frame.right() + 14.0, frame.top + 6.0 + row as f64 * 24.0);
            let sample = Frame { left: x, top: y - 7.0, width: 18.0, height: 14.0 };
            canvas.fill(&sample, self.colour(*code, (0.0, 0.0)));
            canvas.outline(&sample, INK, 0.6);
            canvas.words(word, (x + 26.0, y), Anchor::Left, TICK);
        }
    }
}

fn draw_frame(canvas: &mut Canvas, frame: &Frame, x: &Axis, y: &Axis) {
    let inside = |f: &f64| (-1e-6..=1.0 + 1e-6).contains(f);
    for (position, text) in x.ticks.iter().filter(|(p, _)| inside(&x.fraction(*p))) {
        let at = frame.left + x.fraction(*position) * frame.width;
        canvas.line((at, frame.bottom()), (at, frame.bottom() + 5.0), INK, 1.0);
        canvas.words(text, (at, frame.bottom() + 16.0), Anchor::Middle, TICK);
    }
    for (position, text) in y.ticks.iter().filter(|(p, _)| inside(&y.fraction(*p))) {
        let at = frame.bottom() - y.fraction(*position) * frame.height;
        canvas.line((frame.left - 5.0, at), (frame.left, at), INK, 1.0);
        canvas.words(text, (frame.left - 9.0, at), Anchor::Right, TICK);
    }
    canvas.outline(frame, INK, 1.0);
    let (across, up) = (fitted(&x.label, LABEL, frame.width), fitted(&y.label, LABEL, frame.height));
    canvas.words(&x.label, (frame.left + frame.width / 2.0, frame.bottom() + 40.0), Anchor::Middle, across);
    canvas.words(&y.label, (20.0, frame.top + frame.height / 2.0), Anchor::Upwards, up);
}

/// The bar that says what colours mean.
pub(super) fn draw_bar(canvas: &mut Canvas, frame: &Frame, axis: &Axis) {
    const STEPS: usize = 64;
    let bar = Frame { left: frame.right() + 18.0, width: 18.0, ..*frame };
    let height = bar.height / STEPS as f64;
    for k in 0..STEPS {
        let top = bar.bottom() - (k + 1) as f64 * height;
        canvas.fill(&Frame { top: top - SEAM, height: height + SEAM, ..bar }, ramp((k as f64 + 0.5) / STEPS as f64));
    }
    for (position, text) in axis.ticks.iter().filter(|(p, _)| (-1e-6..=1.0 + 1e-6).contains(&axis.fraction(*p))) {
        let at = bar.bottom() - axis.fraction(*position) * bar.height;
        canvas.line((bar.right(), at), (bar.right() + 4.0, at), INK, 1.0);
        canvas.words(text, (bar.right() + 8.0, at), Anchor::Left, TICK);
    }
    canvas.outline(&bar, INK, 0.8);
    let beside = (frame.right() + bar_width(axis) - 20.0, bar.top + bar.height / 2.0);
    canvas.words(&axis.label, beside, Anchor::Upwards, fitted(&axis.label, TICK, bar.height));
}

/// Pixels that the bar takes with its ticks and label, and the margin of the page.
pub(super) fn bar_width(axis: &Axis) -> f64 {
    84.0 + axis.ticks.iter().map(|t| canvas::width_of(&t.1, TICK.size)).fold(0.0, f64::max)
}

/// A range of colours that is not empty: around a value where all are equal.
pub(super) fn spread((low, high): (f64, f64)) -> (f64, f64) {
    let half = if low.is_finite() && low != 0.0 { 0.1 * low.abs() } else { 1.0 };
    if low < high {
        (low, high)
    } else if low.is_finite() {
        (low - half, low + half)
    } else {
        (0.0, 1.0)
    }
}
