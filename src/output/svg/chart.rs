//! Charts of special shape: bifurcation diagrams (stable solid, unstable dashed, special points labelled) and the s-plane.
//!
//! A diagram has the parameter on its abscissa and one panel for each unit; column `unstable` of its rows decides the style of
//! the line, column `point` names special points. The s-plane shows poles and modes as crosses and zeros as rings; what lies to
//! the right of the imaginary axis grows and is drawn in the second colour.

use std::io;

use crate::output::svg::axis::{self, Axis, Wish};
use crate::output::svg::canvas::{self, Anchor, Canvas, Colour, Frame};
use crate::output::svg::page::{self, TICK, TITLE, draw_axes};
use crate::output::svg::trace::Spot;
use crate::output::svg::{Curve, Drawing, Plot, Settings};
use crate::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Flow, Header, Sink};

/// Analyses whose results are charts.
pub(super) fn is_chart(header: &Header) -> bool {
    matches!(header.analysis.as_str(), "continue" | "stability" | "pz")
}

/// Most lines and panels of a diagram that nobody has asked for.
const LINES: usize = 6;
const PANELS: usize = 3;

/// The plot of a diagram that nobody has asked for: the states, or without any the voltages and currents.
pub(super) fn automatic(header: &Header) -> Plot {
    let usual = |quantity: &str| matches!(quantity, "voltage" | "potential" | "current");
    let outputs = || {
        let lead = header.columns.iter().position(|c| c.name == "point").map_or(header.independent, |k| k + 1);
        header.columns.iter().skip(lead).filter(|c| c.kind == ColumnKind::Real)
    };
    let states = outputs().filter(|c| !usual(&c.quantity));
    let voltages = outputs().filter(|c| matches!(c.quantity.as_str(), "voltage" | "potential"));
    let rest = outputs().filter(|c| c.quantity == "current");
    let mut units: Vec<(&str, usize)> = Vec::new();
    let mut curves = Vec::new();
    let mut columns: Vec<&ColumnInfo> = states.collect();
    if columns.is_empty() {
        columns = voltages.chain(rest).collect();
    }
    if !header.columns.iter().any(|c| c.name == "unstable") {
        // A curve in the plane of two parameters.
        columns = header.columns.iter().skip(1).take(1).collect();
    }
    for column in columns {
        let k = units.iter().position(|u| u.0 == column.unit).unwrap_or(units.len());
        if k == units.len() {
            if units.len() == PANELS {
                continue;
            }
            units.push((&column.unit, 0));
        }
        if units[k].1 < LINES {
            units[k].1 += 1;
            curves.push(Curve { y: column.name.clone(), x: None });
        }
    }
    Plot { analysis: Some(header.analysis.clone()), curves, settings: Settings::default() }
}

/// A chart while its results are recorded.
pub(super) struct Chart {
    plot: Plot,
    analysis: String,
    title: String,
    results: Vec<Dataset>,
}

impl Chart {
    pub(super) fn new(plot: Plot, header: &Header, deck: &str) -> Chart {
        let own = if deck.is_empty() { header.title.clone() } else { deck.to_string() };
        let title = plot.settings.title.clone().unwrap_or(own);
        Chart { plot, analysis: header.analysis.clone(), title, results: Vec::new() }
    }
}

impl Drawing for Chart {
    fn plot(&self) -> &Plot {
        &self.plot
    }

    fn analysis(&self) -> &str {
        &self.analysis
    }

    fn takes(&self, header: &Header) -> bool {
        self.analysis == header.analysis && !self.results.iter().any(|r| r.header.keys == header.keys)
    }

    fn is_empty(&self) -> bool {
        self.results.iter().all(|r| r.rows == 0)
    }

    fn held(&self) -> usize {
        self.results.iter().map(|r| r.rows * r.columns.len()).sum()
    }

    fn render(&self) -> String {
        if self.analysis == "continue" { self.diagram() } else { self.plane() }
    }
}

impl Sink for Chart {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let mut data = Dataset::default();
        data.begin(header)?;
        self.results.push(data);
        Ok(())
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.results.last_mut().map_or(Ok(()), |r| r.segment(label))
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.results.last_mut().map_or(Ok(Flow::Continue), |r| r.row(cells))
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stretch of a line, with its style.
struct Stretch {
    spots: Vec<Spot>,
    dashed: bool,
}

/// One curve of a diagram.
struct Line {
    label: String,
    hue: usize,
    stretches: Vec<Stretch>,
    points: Vec<(Spot, String)>,
}

/// Panels of a diagram: name and unit of the ordinate, lines.
type Panel = (String, String, Vec<Line>);

impl Chart {
    fn diagram(&self) -> String {
        let mut panels: Vec<Panel> = Vec::new();
        for (hue, curve) in self.plot.curves.iter().enumerate() {
            let Some(data) = self.results.iter().find(|r| r.find(&curve.y).is_some()) else { continue };
            let Some(column) = data.find(&curve.y) else { continue };
            let info = &data.header.columns[column];
            let lines = self.results.iter().filter_map(|r| line(r, curve, hue)).collect::<Vec<Line>>();
            match panels.iter_mut().find(|p| p.1 == info.unit) {
                Some(panel) => panel.2.extend(lines),
                None => panels.push((info.quantity.clone(), info.unit.clone(), lines)),
            }
        }
        for panel in panels.iter_mut().filter(|p| p.2.len() == 1 || p.0.is_empty()) {
            panel.0 = panel.2.first().map_or_else(String::new, |l| l.label.clone());
        }
        self.draw(&panels)
    }

    fn draw(&self, panels: &[Panel]) -> String {
        let count = panels.len().max(1);
        let height = if count == 1 { 380.0 } else { 260.0 };
        let inner = 720.0;
        let labels = panels.iter().filter(|p| p.2.len() > 1).flat_map(|p| &p.2);
        let legend = labels.map(|l| canvas::width_of(&l.label, TICK.size) + 46.0).fold(24.0, f64::max).min(320.0);
        let abscissa = self.abscissa();
        let settings = &self.plot.settings;
        let all = |pick: fn(&Spot) -> f64, panels: &[Panel]| {
            let spots = panels.iter().flat_map(|p| &p.2).flat_map(|l| &l.stretches).flat_map(|s| &s.spots);
            spots.map(pick).filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let range = |(low, high): (f64, f64)| (low <= high).then_some((low, high));
        let wish = |range, fixed, name: &str, unit: &str, ticks, margin| {
            axis::layout(&Wish { range, fixed, log: false, symlog: None, name: name.into(), unit: unit.into(), ticks, margin })
        };
        let x = wish(range(all(|s| s.0, panels)), settings.x, &abscissa.0, &abscissa.1, inner / 85.0, 0.0);
        let fixed = if count == 1 { settings.y } else { (None, None) };
        let ordinate = |k: usize| {
            let name = settings.ylabel.as_deref().filter(|_| count == 1).unwrap_or(&panels[k].0);
            wish(range(all(|s| s.1, &panels[k..=k])), fixed, name, &panels[k].1, f64::min(height / 32.0, 8.0), 0.08)
        };
        let axes: Vec<Axis> = (0..panels.len()).map(ordinate).collect();
        let tick = |a: &Axis| a.ticks.iter().map(|(_, t)| canvas::width_of(t, TICK.size)).fold(0.0, f64::max);
        let left = 44.0 + axes.iter().map(tick).fold(20.0, f64::max);
        let (top, gap) = (44.0, 16.0);
        let total = top + count as f64 * height + (count - 1) as f64 * gap + 58.0;
        canvas::page((left + inner + legend).ceil(), total.ceil(), |canvas| {
            canvas.words(&self.title, (left + inner / 2.0, 24.0), Anchor::Middle, TITLE);
            for (k, panel) in panels.iter().enumerate() {
                let frame = Frame { left, top: top + k as f64 * (height + gap), width: inner, height };
                draw_axes(canvas, &frame, (&x, &axes[k]), k + 1 == count, (false, false));
                draw_lines(canvas, &frame, (&x, &axes[k]), &panel.2);
                canvas.outline(&frame, page::FRAME, 1.0);
                if panel.2.len() > 1 {
                    draw_legend(canvas, &frame, &panel.2);
                }
            }
        })
    }

    /// Name and unit of the abscissa.
    fn abscissa(&self) -> (String, String) {
        let Some(header) = self.results.first().map(|r| &r.header) else { return Default::default() };
        let own = self.plot.curves.iter().find_map(|c| c.x.as_ref());
        let k = own.and_then(|x| header.columns.iter().position(|c| c.name.eq_ignore_ascii_case(x))).unwrap_or(0);
        let name = self.plot.settings.xlabel.clone().unwrap_or_else(|| header.columns[k].name.clone());
        (name, header.columns[k].unit.clone())
    }

    /// Modes, poles and zeros.
    fn plane(&self) -> String {
        let number = |r: &Dataset, name: &str, row: usize| r.real(name).map_or(f64::NAN, |v| v[row]);
        let root = if self.analysis == "pz" { "root" } else { "mode" };
        let mut marks: Vec<(Spot, bool)> = Vec::new();
        for r in &self.results {
            let kinds = r.find("kind").map(|k| &r.columns[k]);
            for row in 0..r.rows {
                let ring = matches!(kinds, Some(crate::wave::Column::Text(words)) if words[row] == "zero");
                let part = |name: &str| number(r, &format!("{root}_{name}"), row);
                marks.push(((part("real"), part("imaginary")), ring));
            }
        }
        marks.retain(|m| m.0.0.is_finite() && m.0.1.is_finite());
        let settings = &self.plot.settings;
        let extent = |pick: fn(&Spot) -> f64| {
            let values = marks.iter().map(|m| pick(&m.0)).chain([0.0]);
            Some(values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v: f64| (a.min(v), b.max(v))))
        };
        let wish = |range, fixed, name: &str, ticks| {
            axis::layout(&Wish {
                range,
                fixed,
                log: false,
                symlog: None,
                name: name.into(),
                unit: "1/s".into(),
                ticks,
                margin: 0.08,
            })
        };
        let x = wish(extent(|s| s.0), settings.x, "Re s", 6.0);
        let y = wish(extent(|s| s.1), settings.y, "Im s", 7.0);
        let width = y.ticks.iter().map(|(_, t)| canvas::width_of(t, TICK.size)).fold(20.0, f64::max);
        let title = page::wrap(&self.title, 560.0);
        let top = 24.0 + 20.0 * title.len().max(1) as f64;
        let frame = Frame { left: 44.0 + width, top, width: 560.0, height: 400.0 };
        canvas::page((frame.right() + 24.0).ceil(), frame.bottom() + 58.0, |canvas| {
            for (row, text) in title.iter().enumerate() {
                canvas.words(text, (frame.left + frame.width / 2.0, 24.0 + 20.0 * row as f64), Anchor::Middle, TITLE);
            }
            draw_axes(canvas, &frame, (&x, &y), true, (false, false));
            let border = frame.left + x.fraction(0.0) * frame.width;
            canvas.path(&[(border, frame.top), (border, frame.bottom())], &frame, page::INK, 1.2);
            for (spot, ring) in &marks {
                let (px, py) = (frame.left + x.fraction(spot.0) * frame.width, frame.bottom() - y.fraction(spot.1) * frame.height);
                let colour = page::PALETTE[usize::from(spot.0 > 0.0)];
                match ring {
                    true => canvas.path(&circle((px, py), 5.0), &frame, colour, 1.6),
                    false => {
                        canvas.path(&[(px - 5.0, py - 5.0), (px + 5.0, py + 5.0)], &frame, colour, 1.8);
                        canvas.path(&[(px - 5.0, py + 5.0), (px + 5.0, py - 5.0)], &frame, colour, 1.8);
                    }
                }
            }
            canvas.outline(&frame, page::FRAME, 1.0);
        })
    }
}

fn circle((x, y): Spot, r: f64) -> Vec<Spot> {
    (0..=32).map(|k| std::f64::consts::TAU * f64::from(k) / 32.0).map(|a| (x + r * a.cos(), y + r * a.sin())).collect()
}

/// One curve of one result, cut where a segment begins or the style changes.
fn line(data: &Dataset, curve: &Curve, hue: usize) -> Option<Line> {
    let y = data.real(&curve.y).filter(|y| !y.is_empty())?;
    let x = match &curve.x {
        Some(name) => data.real(name)?,
        None => data.columns[0].real(),
    };
    let unstable = data.real("unstable");
    let words = data.find("point").map(|k| &data.columns[k]);
    let label = |row: usize| match words {
        Some(crate::wave::Column::Text(words)) => words[row].as_str(),
        _ => "",
    };
    let starts: Vec<usize> = data.segments.iter().map(|s| s.0).collect();
    let mut line = Line { label: curve.y.clone(), hue, stretches: Vec::new(), points: Vec::new() };
    if !data.header.keys.is_empty() {
        let keys: Vec<String> = data.header.keys.iter().map(|(n, v)| format!("{n}={}", axis::short(*v, false))).collect();
        line.label = format!("{}, {}", curve.y, keys.join(", "));
    }
    for row in 0..data.rows {
        if !label(row).is_empty() && !line.points.iter().any(|p| p.1 == label(row)) {
            line.points.push(((x[row], y[row]), label(row).to_string()));
        }
        if row == 0 || starts.contains(&row) {
            continue;
        }
        // The style of a piece is that of its ordinary end: special points stand between two.
        let end = if label(row).is_empty() { row } else { row - 1 };
        let dashed = unstable.is_some_and(|u| u[end] > 0.0);
        let spot = (x[row], y[row]);
        match line.stretches.last_mut() {
            Some(last) if last.dashed == dashed && row > 1 && !starts.contains(&(row - 1)) => last.spots.push(spot),
            _ => line.stretches.push(Stretch { spots: vec![(x[row - 1], y[row - 1]), spot], dashed }),
        }
    }
    Some(line)
}

/// Length of a dash and of a gap, pixels.
const DASH: (f64, f64) = (7.0, 5.0);

fn draw_lines(canvas: &mut Canvas, frame: &Frame, (x, y): (&Axis, &Axis), lines: &[Line]) {
    let place = |spot: &Spot| (frame.left + x.fraction(spot.0) * frame.width, frame.bottom() - y.fraction(spot.1) * frame.height);
    for line in lines {
        let colour = page::PALETTE[line.hue % page::PALETTE.len()];
        for stretch in &line.stretches {
            let spots: Vec<Spot> = stretch.spots.iter().map(place).filter(|s| s.0.is_finite() && s.1.is_finite()).collect();
            if stretch.dashed { dashes(canvas, &spots, frame, colour) } else { canvas.path(&spots, frame, colour, 1.8) }
        }
    }
    let mut taken: Vec<(f64, f64, f64, f64)> = Vec::new();
    // Points of several lines at one place share a label.
    let mut shared: Vec<(Spot, String)> = Vec::new();
    for (spot, label) in lines.iter().flat_map(|l| &l.points) {
        let spot = place(spot);
        match shared.iter_mut().find(|s| (s.0.0 - spot.0).hypot(s.0.1 - spot.1) < 2.0) {
            Some((_, words)) if words.split(", ").any(|w| w == label) => {}
            Some((_, words)) => *words = format!("{words}, {label}"),
            None => shared.push((spot, label.clone())),
        }
    }
    for line in lines {
        let colour = page::PALETTE[line.hue % page::PALETTE.len()];
        line.points.iter().for_each(|(spot, _)| canvas.dot(place(spot), frame, colour, 3.6));
    }
    for (spot, label) in &shared {
        let width = canvas::width_of(label, TICK.size);
        let offsets = [(8.0, -11.0), (8.0, 12.0), (-8.0 - width, -11.0), (-8.0 - width, 12.0), (8.0, -24.0), (8.0, 25.0)];
        let free = |&(dx, dy): &(f64, f64)| {
            let (a, b) = (spot.0 + dx, spot.1 + dy);
            let inside = a > frame.left && a + width < frame.right() && b > frame.top + 8.0 && b < frame.bottom() - 8.0;
            inside && !taken.iter().any(|t| a < t.2 && a + width > t.0 && b - 7.0 < t.3 && b + 7.0 > t.1)
        };
        let Some((dx, dy)) = offsets.into_iter().find(free) else { continue };
        taken.push((spot.0 + dx, spot.1 + dy - 7.0, spot.0 + dx + width, spot.1 + dy + 7.0));
        canvas.words(label, (spot.0 + dx, spot.1 + dy), Anchor::Left, TICK);
    }
}

fn dashes(canvas: &mut Canvas, spots: &[Spot], frame: &Frame, colour: Colour) {
    let (mut drawn, mut left, mut dash): (bool, f64, Vec<Spot>) = (true, DASH.0, spots.first().copied().into_iter().collect());
    for pair in spots.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut rest = (to.0 - from.0).hypot(to.1 - from.1);
        while rest > left {
            let part = left / rest;
            from = (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1));
            rest -= left;
            if drawn {
                dash.push(from);
                canvas.path(&dash, frame, colour, 1.8);
            }
            drawn = !drawn;
            left = if drawn { DASH.0 } else { DASH.1 };
            dash = vec![from];
        }
        left -= rest;
        dash.push(to);
    }
    if drawn && dash.len() > 1 {
        canvas.path(&dash, frame, colour, 1.8);
    }
}

fn draw_legend(canvas: &mut Canvas, frame: &Frame, lines: &[Line]) {
    for (row, line) in lines.iter().enumerate().take(12) {
        let (x, y) = (frame.right() + 12.0, frame.top + 10.0 + 20.0 * row as f64);
        canvas.line((x, y), (x + 20.0, y), page::PALETTE[line.hue % page::PALETTE.len()], 2.4);
        canvas.words(&line.label, (x + 27.0, y), Anchor::Left, TICK);
    }
}
