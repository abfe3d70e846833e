//! Layout of a plot: panels under one another, axes, grid, lines, legends.
//!
//! Takes panels with recorded traces, gives the text of an svg file of at most [`BUDGET`] points: what has more detail than
//! that is drawn coarser, extremes kept.

use crate::output::svg::axis::{self, Axis, Wish};
use crate::output::svg::canvas::{self, Anchor, Canvas, Colour, Face, Frame};
use crate::output::svg::overlay;
use crate::output::svg::thin;
use crate::output::svg::trace::{Extent, Shape, Spot, Trace};

/// Points of all lines of a page together; a point takes about ten bytes.
pub const BUDGET: usize = 15_000;

/// Distinguishable with every kind of colour vision (after Okabe and Ito 2008), legible on white.
pub(super) const PALETTE: [Colour; 8] =
    [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (110, 80, 40), (86, 180, 233), (200, 140, 0), (70, 70, 70)];
/// Even in lightness from dark to light, its palest end left out.
const RAMP: [Colour; 5] = [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (190, 210, 40)];

pub(super) const INK: Colour = (40, 40, 40);
pub(super) const FRAME: Colour = (120, 120, 120);
const GRID: Colour = (230, 230, 230);
const ZERO: Colour = (185, 185, 185);

const TITLE: Face = Face { size: 16.0, bold: true, colour: INK };
pub(super) const LABEL: Face = Face { size: 14.0, bold: false, colour: INK };
pub(super) const TICK: Face = Face { size: 12.5, bold: false, colour: INK };

/// Entries of a legend; of larger families some are named.
const ENTRIES: usize = 12;

/// Most pixels that a legend takes.
const LEGEND: f64 = 360.0;

/// Points of a line up to which marks do not run together.
pub(super) const MARKS: usize = 60;

/// Strokes of a run up to which each is drawn for itself.
const TURNS: usize = 64;

/// Colour of a line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Hue {
    /// One of the palette.
    Palette(usize),
    /// Fraction along the ramp.
    Ramp(f64),
    /// One of the palette, lighter by a fraction.
    Shade(usize, f64),
    /// Fraction along the ramp, lighter by a fraction.
    Pale(f64, f64),
}

/// A line with its name.
pub struct Line<'a> {
    /// What it is called in the legend.
    pub label: String,
    /// Its colour.
    pub hue: Hue,
    /// Lines of a family have the same.
    pub curve: usize,
    /// Number of points up to which they are marked.
    pub marked: usize,
    /// Its points.
    pub trace: &'a Trace,
}

/// What one axis shows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ordinate {
    /// Name or quantity.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Whether positions are decimal logarithms.
    pub log: bool,
    /// Positions are those of [`axis::symmetric`] with this threshold.
    pub symlog: Option<f64>,
    /// Limits that the user sets.
    pub fixed: (Option<f64>, Option<f64>),
}

/// One coordinate system.
pub struct Panel<'a> {
    /// Its abscissa.
    pub x: Ordinate,
    /// Its ordinate.
    pub y: Ordinate,
    /// What is drawn in it.
    pub lines: Vec<Line<'a>>,
}

/// A whole plot.
pub struct Page<'a> {
    /// Above it.
    pub title: String,
    /// From top to bottom.
    pub panels: Vec<Panel<'a>>,
    /// Whether all panels share the abscissa.
    pub shared: bool,
}

/// The svg file.
pub fn render(page: &Page) -> String {
    let count = page.panels.len().max(1);
    let free = page.panels.iter().any(|p| p.lines.iter().any(|l| l.trace.shape == Shape::Free));
    let legends: Vec<Vec<usize>> = (0..page.panels.len()).map(|k| legend_of(page, k)).collect();
    let widest = page.panels.iter().zip(&legends).flat_map(|(p, l)| l.iter().map(|k| &p.lines[*k].label));
    let legend = legend_width(widest);
    let inner = if free { 560.0 } else { 760.0 };
    let height = match (free, count) {
        (true, 1) => 440.0,
        (true, _) => 340.0,
        (false, 1) => 380.0,
        (false, 2) => 240.0,
        (false, 3) => 190.0,
        (false, _) => 150.0,
    };
    let axes: Vec<(Axis, Axis)> = axes(page, inner, height);
    let tick_width = |a: &Axis| a.ticks.iter().map(|(_, t)| canvas::width_of(t, TICK.size)).fold(0.0, f64::max);
    let left = 44.0 + axes.iter().map(|(_, y)| tick_width(y)).fold(20.0, f64::max);
    let title = Title::new(&page.title, inner);
    let top = title.bottom();
    let gap = if page.shared { 16.0 } else { 62.0 };
    let total = top + count as f64 * height + (count - 1) as f64 * gap + 58.0;
    canvas::page((left + inner + legend).ceil(), total.ceil(), |canvas| {
        title.draw(canvas, left + inner / 2.0);
        for (k, (panel, (x, y))) in page.panels.iter().zip(&axes).enumerate() {
            let frame = Frame { left, top: top + k as f64 * (height + gap), width: inner, height };
            let last = k + 1 == count || !page.shared;
            draw_axes(canvas, &frame, (x, y), last, (panel.x.log, panel.y.log));
            draw_lines(canvas, &frame, (x, y), panel, BUDGET * panel.lines.len() / lines(page));
            canvas.outline(&frame, FRAME, 1.0);
            draw_legend(canvas, &frame, panel, &legends[k]);
        }
    })
}

/// A title in as many lines as it needs.
pub(super) struct Title {
    rows: Vec<String>,
    face: Face,
}

/// Distance of its lines, pixels.
const LEADING: f64 = 20.0;

impl Title {
    /// What fits into `width`: broken between words; a word that is too long by itself makes all letters smaller.
    pub(super) fn new(text: &str, width: f64) -> Title {
        // Bold letters are wider.
        let wide = |text: &str| 1.15 * canvas::width_of(text, TITLE.size);
        let mut rows: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match rows.last_mut() {
                Some(row) if wide(&format!("{row} {word}")) < width => {
                    row.push(' ');
                    row.push_str(word);
                }
                _ => rows.push(word.to_string()),
            }
        }
        let widest = rows.iter().map(|row| wide(row)).fold(0.0, f64::max);
        let size = TITLE.size * (width / widest.max(1.0)).min(1.0);
        Title { rows, face: Face { size, ..TITLE } }
    }

    /// Pixels from the edge of the page to what stands below it.
    pub(super) fn bottom(&self) -> f64 {
        if self.rows.is_empty() { 16.0 } else { 24.0 + LEADING * self.rows.len() as f64 }
    }

    /// Draws it, its middle at `x`.
    pub(super) fn draw(&self, canvas: &mut Canvas, x: f64) {
        for (row, text) in self.rows.iter().enumerate() {
            canvas.words(text, (x, 24.0 + LEADING * row as f64), Anchor::Middle, self.face);
        }
    }
}

/// The size at which words fit into `width`, as far as they stay legible.
pub(super) fn fitted(text: &str, face: Face, width: f64) -> Face {
    Face { size: (width / canvas::width_of(text, 1.0).max(1e-3)).clamp(8.0, face.size), ..face }
}

fn lines(page: &Page) -> usize {
    page.panels.iter().map(|p| p.lines.len()).sum::<usize>().max(1)
}

fn axes(page: &Page, width: f64, height: f64) -> Vec<(Axis, Axis)> {
    let extent_of = |panel: &Panel| panel.lines.iter().fold(Extent::EMPTY, |e, l| e.with(l.trace.extent));
    let all = page.panels.iter().map(extent_of).fold(Extent::EMPTY, Extent::with);
    let range = |(low, high): (f64, f64)| (low <= high).then_some((low, high));
    let wish = |o: &Ordinate, range, whole, ticks, margin| Wish {
        range,
        whole,
        fixed: o.fixed,
        log: o.log,
        symlog: o.symlog,
        name: o.name.clone(),
        unit: o.unit.clone(),
        ticks,
        margin,
    };
    page.panels
        .iter()
        .map(|panel| {
            let extent = extent_of(panel);
            let run = panel.lines.iter().all(|l| l.trace.shape == Shape::Run);
            let x = range(if page.shared { all.x } else { extent.x });
            (
                axis::layout(&wish(&panel.x, x, whole_numbers(panel, |s| s.0), width / 85.0, if run { 0.0 } else { 0.04 })),
                axis::layout(&wish(&panel.y, range(extent.y), whole_numbers(panel, |s| s.1), (height / 32.0).min(8.0), 0.06)),
            )
        })
        .collect()
}

/// Whether the points of a panel that are marked, members of a family, are whole numbers.
fn whole_numbers(panel: &Panel, pick: fn(&Spot) -> f64) -> bool {
    let whole = |line: &Line| line.trace.strokes().iter().flatten().all(|spot| pick(spot).fract() == 0.0);
    panel.lines.iter().all(|line| line.marked > 0 && whole(line))
}

pub(super) fn draw_axes(canvas: &mut Canvas, frame: &Frame, (x, y): (&Axis, &Axis), last: bool, log: (bool, bool)) {
    let inside = |f: &f64| (-1e-6..=1.0 + 1e-6).contains(f);
    for (position, text) in x.ticks.iter().filter(|(p, _)| inside(&x.fraction(*p))) {
        let at = frame.left + x.fraction(*position) * frame.width;
        let colour = if *position == 0.0 && x.low < 0.0 && !log.0 { ZERO } else { GRID };
        canvas.line((at, frame.top), (at, frame.bottom()), colour, 1.0);
        if last {
            canvas.line((at, frame.bottom()), (at, frame.bottom() + 5.0), FRAME, 1.0);
            canvas.words(text, (at, frame.bottom() + 16.0), Anchor::Middle, TICK);
        }
    }
    for (position, text) in y.ticks.iter().filter(|(p, _)| inside(&y.fraction(*p))) {
        let at = frame.bottom() - y.fraction(*position) * frame.height;
        let colour = if *position == 0.0 && y.low < 0.0 && !log.1 { ZERO } else { GRID };
        canvas.line((frame.left, at), (frame.right(), at), colour, 1.0);
        canvas.line((frame.left - 5.0, at), (frame.left, at), FRAME, 1.0);
        canvas.words(text, (frame.left - 9.0, at), Anchor::Right, TICK);
    }
    if last {
        let face = fitted(&x.label, LABEL, frame.width);
        canvas.words(&x.label, (frame.left + frame.width / 2.0, frame.bottom() + 40.0), Anchor::Middle, face);
    }
    let face = fitted(&y.label, LABEL, 0.95 * frame.height);
    canvas.words(&y.label, (20.0, frame.top + frame.height / 2.0), Anchor::Upwards, face);
}

fn draw_lines(canvas: &mut Canvas, frame: &Frame, (x, y): (&Axis, &Axis), panel: &Panel, budget: usize) {
    let place = |spot: &Spot| (frame.left + x.fraction(spot.0) * frame.width, frame.bottom() - y.fraction(spot.1) * frame.height);
    // What an overflow left is not drawn; what lies outside need not be thinned.
    let visible = |stroke: &Vec<Spot>| -> Vec<Vec<Spot>> {
        let spots = stroke.iter().map(place).filter(|s| s.0.is_finite() && s.1.is_finite()).collect::<Vec<Spot>>();
        if spots.len() == 1 { vec![spots] } else { canvas::clip(&spots, frame) }
    };
    let drawn: Vec<(&Line, Vec<Vec<Spot>>)> =
        panel.lines.iter().map(|line| (line, line.trace.strokes().iter().flat_map(visible).collect())).collect();
    let mut detail = 1.0;
    let thinned = loop {
        let thinned: Vec<Vec<Vec<Spot>>> =
            drawn.iter().map(|(line, strokes)| thin(strokes, line.trace.shape, frame, detail)).collect();
        // A stroke costs as much as eight points.
        let cost: usize = thinned.iter().flatten().map(|stroke| stroke.len() + 8).sum();
        if cost <= budget || detail > 64.0 {
            break thinned;
        }
        detail *= if detail < 4.0 { 1.4 } else { 2.0 };
    };
    for layer in overlay::layers(thinned) {
        let line = drawn[layer.line].0;
        let colour = colour(line.hue);
        if line.marked > 0 {
            // Points of the line, not those where the frame cuts it; those above others leave a ring of them.
            let points = line.trace.strokes().concat().iter().map(place).filter(|s| frame.contains(*s)).collect::<Vec<Spot>>();
            let radius = 3.0 * 0.75f64.powi(layer.rank.min(4) as i32);
            points.iter().filter(|_| points.len() <= line.marked).for_each(|spot| canvas.dot(*spot, frame, colour, radius));
        }
        for stroke in &layer.strokes {
            match stroke.as_slice() {
                &[only] => canvas.dot(only, frame, colour, 3.0),
                several => canvas.path(several, frame, colour, 1.6),
            }
        }
    }
}

/// Strokes in pixels with as few points as show the same at this detail (1: a pixel).
fn thin(strokes: &[Vec<Spot>], shape: Shape, frame: &Frame, detail: f64) -> Vec<Vec<Spot>> {
    let straight = |stroke: &Vec<Spot>| thin::straighten(stroke, 0.12 * detail);
    // A run that turns round again and again covers itself like a loop.
    let shape = if strokes.len() > TURNS { Shape::Free } else { shape };
    match shape {
        Shape::Run => strokes.iter().map(|s| straight(&thin::columns(s, detail))).collect(),
        Shape::Free => {
            let cell = 0.6 * detail;
            let to = |s: &Spot| ((s.0 - frame.left) / cell, (s.1 - frame.top) / cell);
            let back = |s: &Spot| (s.0 * cell + frame.left, s.1 * cell + frame.top);
            let cells: Vec<Vec<Spot>> = strokes.iter().map(|s| s.iter().map(to).collect()).collect();
            let kept = thin::uncovered(&cells, (frame.width / cell, frame.height / cell));
            kept.iter().map(|s| straight(&s.iter().map(back).collect())).collect()
        }
    }
}

/// Indices of the lines that panel `k` names: none for a single line, none if a panel above names the same.
fn legend_of(page: &Page, k: usize) -> Vec<usize> {
    let lines = &page.panels[k].lines;
    let same = |other: &Panel| other.lines.iter().map(|l| &l.label).eq(lines.iter().map(|l| &l.label));
    if lines.len() < 2 || page.panels[..k].iter().any(same) {
        return Vec::new();
    }
    thinned(&lines.iter().map(|l| l.curve).collect::<Vec<usize>>())
}

/// Indices of the lines that a legend names, by their curves: all while they are few, some of each family else.
pub(super) fn thinned(of: &[usize]) -> Vec<usize> {
    let mut curves: Vec<usize> = of.to_vec();
    curves.sort_unstable();
    curves.dedup();
    let room = if of.len() <= ENTRIES { ENTRIES } else { (ENTRIES / curves.len().max(1)).max(1) };
    let members = |curve: &usize| {
        let all: Vec<usize> = (0..of.len()).filter(|k| of[*k] == *curve).collect();
        let shown = all.len().min(room);
        let pitch = (all.len() - 1) as f64 / (shown.max(2) - 1) as f64;
        (0..shown).map(|n| all[(n as f64 * pitch).round() as usize]).collect::<Vec<_>>()
    };
    curves.iter().flat_map(members).collect()
}

/// Pixels that a legend takes.
pub(super) fn legend_width<'a>(labels: impl Iterator<Item = &'a String>) -> f64 {
    labels.map(|text| canvas::width_of(text, TICK.size) + 46.0).fold(24.0, f64::max).min(LEGEND)
}

fn draw_legend(canvas: &mut Canvas, frame: &Frame, panel: &Panel, entries: &[usize]) {
    let entries: Vec<(&str, Hue)> = entries.iter().map(|k| (panel.lines[*k].label.as_str(), panel.lines[*k].hue)).collect();
    name_lines(canvas, frame, &entries);
}

/// Names of lines beside their frame.
pub(super) fn name_lines(canvas: &mut Canvas, frame: &Frame, entries: &[(&str, Hue)]) {
    let pitch = (frame.height / entries.len().max(1) as f64).clamp(11.0, 20.0);
    for (row, (label, hue)) in entries.iter().enumerate() {
        let y = frame.top + 10.0 + row as f64 * pitch;
        let x = frame.right() + 12.0;
        canvas.line((x, y), (x + 20.0, y), colour(*hue), 2.4);
        canvas.words(label, (x + 27.0, y), Anchor::Left, fitted(label, TICK, LEGEND - 40.0));
    }
}

/// The colour of a line: one of the palette while lines are few, shades of its curve's colour or of a ramp in a family.
/// `line`, `curve` and `member`: which one of how many, in the panel, of its curves, of its family.
pub(super) fn hue(line: (usize, usize), curve: (usize, usize), member: (usize, usize)) -> Hue {
    let fraction = |(at, of): (usize, usize)| at as f64 / (of.max(2) - 1) as f64;
    match (line.1, member.1) {
        (0..=8, _) => Hue::Palette(line.0),
        (_, 1) => Hue::Ramp(fraction(line)),
        _ if curve.1 == 1 => Hue::Ramp(fraction(line)),
        _ if curve.1 > PALETTE.len() => Hue::Pale(fraction(curve), 0.65 * fraction(member)),
        _ => Hue::Shade(curve.0, 0.65 * fraction(member)),
    }
}

pub(super) fn colour(hue: Hue) -> Colour {
    match hue {
        Hue::Palette(k) => PALETTE[k % PALETTE.len()],
        Hue::Ramp(along) => ramp(along),
        Hue::Shade(k, light) => blend(PALETTE[k % PALETTE.len()], (255, 255, 255), light),
        Hue::Pale(along, light) => blend(ramp(along), (255, 255, 255), light),
    }
}

/// The colour at a fraction of the ramp.
pub(super) fn ramp(fraction: f64) -> Colour {
    let at = fraction.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let k = (at.floor() as usize).min(RAMP.len() - 2);
    blend(RAMP[k], RAMP[k + 1], at - k as f64)
}

/// A colour between two.
fn blend(a: Colour, b: Colour, w: f64) -> Colour {
    let mix = |a: u8, b: u8| (f64::from(a) * (1.0 - w) + f64::from(b) * w).round() as u8;
    (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}
