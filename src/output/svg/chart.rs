//! Charts of special shape: bifurcation diagrams (stable solid, unstable dashed, special points labelled) and the s-plane.
//!
//! A diagram has the parameter on its abscissa and one panel for each unit; column `unstable` of its rows decides the style of
//! the line, column `point` names special points. The s-plane shows poles and modes as crosses and zeros as rings; what lies to
//! the right of the imaginary axis grows and is drawn in the second colour.

use std::io;

use crate::output::Request;
use crate::output::svg::axis::{self, Axis, Wish};
use crate::output::svg::canvas::{self, Anchor, Canvas, Frame};
use crate::output::svg::overlay;
use crate::output::svg::page::{self, Hue, TICK, Title, draw_axes};
use crate::output::svg::trace::Spot;
use crate::output::svg::{self, Curve, Drawing, Plot, Settings, key_text, unit};
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
    /// Units of `.step` parameters.
    units: Vec<(String, String)>,
    results: Vec<Dataset>,
}

impl Chart {
    pub(super) fn new(plot: Plot, header: &Header, request: &Request) -> Chart {
        let (title, units) = (svg::title(&plot, header, request), request.units.clone());
        Chart { plot, analysis: header.analysis.clone(), title, units, results: Vec::new() }
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

/// One curve of a diagram, of one member of a family.
struct Line {
    label: String,
    /// Which curve of the plot.
    curve: usize,
    hue: Hue,
    stretches: Vec<Stretch>,
    points: Vec<(Spot, String)>,
}

/// Panels of a diagram: name and unit of the ordinate, lines.
type Panel = (String, String, Vec<Line>);

/// Lines up to which the special points of a diagram have names.
const NAMED: usize = 4;

impl Chart {
    fn diagram(&self) -> String {
        let mut panels: Vec<Panel> = Vec::new();
        let keys = varying(&self.results);
        for (number, curve) in self.plot.curves.iter().enumerate() {
            let Some(data) = self.results.iter().find(|r| r.find(&curve.y).is_some()) else { continue };
            let Some(column) = data.find(&curve.y) else { continue };
            let info = &data.header.columns[column];
            let lines = self.results.iter().filter_map(|r| line(r, curve, (number, &keys), &self.units)).collect::<Vec<Line>>();
            match panels.iter_mut().find(|p| p.1 == info.unit) {
                Some(panel) => panel.2.extend(lines),
                None => panels.push((info.quantity.clone(), info.unit.clone(), lines)),
            }
        }
        for (name, _, lines) in &mut panels {
            let Some(first) = lines.first().map(|l| l.curve) else { continue };
            let several = lines.iter().any(|l| l.curve != first);
            if !several || name.is_empty() {
                *name = self.plot.curves[first].y.clone();
            }
            let curves: Vec<usize> = lines.iter().map(|l| l.curve).collect();
            // Lines of a curve follow one another.
            let mut distinct = curves.clone();
            distinct.dedup();
            for (k, line) in lines.iter_mut().enumerate() {
                let among = |upto: usize| curves[..upto].iter().filter(|c| **c == line.curve).count();
                let rank = distinct.iter().take_while(|c| **c < line.curve).count();
                line.hue = page::hue((k, curves.len()), (rank, distinct.len()), (among(k), among(curves.len())));
                line.label = match (several, line.label.is_empty()) {
                    (_, true) => self.plot.curves[line.curve].y.clone(),
                    (true, false) => format!("{}, {}", self.plot.curves[line.curve].y, line.label),
                    (false, false) => std::mem::take(&mut line.label),
                };
            }
        }
        self.draw(&panels)
    }

    fn draw(&self, panels: &[Panel]) -> String {
        let count = panels.len().max(1);
        let height = if count == 1 { 380.0 } else { 260.0 };
        let inner = 720.0;
        let legend = page::legend_width(panels.iter().filter(|p| p.2.len() > 1).flat_map(|p| &p.2).map(|l| &l.label));
        let abscissa = self.abscissa();
        let settings = &self.plot.settings;
        let all = |pick: fn(&Spot) -> f64, panels: &[Panel]| {
            let spots = panels.iter().flat_map(|p| &p.2).flat_map(|l| &l.stretches).flat_map(|s| &s.spots);
            spots.map(pick).filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let range = |(low, high): (f64, f64)| (low <= high).then_some((low, high));
        let wish = |range, fixed, (name, unit): (String, String), ticks, margin| {
            axis::layout(&Wish { range, fixed, log: false, symlog: None, whole: false, name, unit, ticks, margin })
        };
        let x = wish(range(all(|s| s.0, panels)), settings.x, abscissa, inner / 85.0, 0.0);
        let fixed = if count == 1 { settings.y } else { (None, None) };
        let ordinate = |k: usize| {
            let words = unit::labelled(settings.ylabel.as_ref().filter(|_| count == 1), &panels[k].0, &panels[k].1);
            wish(range(all(|s| s.1, &panels[k..=k])), fixed, words, f64::min(height / 32.0, 8.0), 0.08)
        };
        let axes: Vec<Axis> = (0..panels.len()).map(ordinate).collect();
        let tick = |a: &Axis| a.ticks.iter().map(|(_, t)| canvas::width_of(t, TICK.size)).fold(0.0, f64::max);
        let left = 44.0 + axes.iter().map(tick).fold(20.0, f64::max);
        let title = Title::new(&self.title, inner);
        let (top, gap) = (title.bottom(), 16.0);
        let total = top + count as f64 * height + (count - 1) as f64 * gap + 58.0;
        canvas::page((left + inner + legend).ceil(), total.ceil(), |canvas| {
            title.draw(canvas, left + inner / 2.0);
            for (k, panel) in panels.iter().enumerate() {
                let frame = Frame { left, top: top + k as f64 * (height + gap), width: inner, height };
                draw_axes(canvas, &frame, (&x, &axes[k]), k + 1 == count, (false, false));
                draw_lines(canvas, &frame, (&x, &axes[k]), &panel.2);
                canvas.outline(&frame, page::FRAME, 1.0);
                if panel.2.len() > 1 {
                    let entries = page::thinned(&panel.2.iter().map(|l| l.curve).collect::<Vec<usize>>());
                    let entries = entries.iter().map(|k| (panel.2[*k].label.as_str(), panel.2[*k].hue));
                    page::name_lines(canvas, &frame, &entries.collect::<Vec<_>>());
                }
            }
        })
    }

    /// Name and unit of the abscissa.
    fn abscissa(&self) -> (String, String) {
        let Some(header) = self.results.first().map(|r| &r.header) else { return Default::default() };
        let own = self.plot.curves.iter().find_map(|c| c.x.as_ref());
        let k = own.and_then(|x| header.columns.iter().position(|c| c.name.eq_ignore_ascii_case(x))).unwrap_or(0);
        unit::labelled(self.plot.settings.xlabel.as_ref(), &header.columns[k].name, &header.columns[k].unit)
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
                whole: false,
                name: name.into(),
                unit: "1/s".into(),
                ticks,
                margin: 0.08,
            })
        };
        let x = wish(extent(|s| s.0), settings.x, "Re s", 6.0);
        let y = wish(extent(|s| s.1), settings.y, "Im s", 7.0);
        let width = y.ticks.iter().map(|(_, t)| canvas::width_of(t, TICK.size)).fold(20.0, f64::max);
        let title = Title::new(&self.title, 560.0);
        let frame = Frame { left: 44.0 + width, top: title.bottom(), width: 560.0, height: 400.0 };
        canvas::page((frame.right() + 24.0).ceil(), frame.bottom() + 58.0, |canvas| {
            title.draw(canvas, frame.left + frame.width / 2.0);
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

/// Names of the keys that tell members of a family apart.
fn varying(results: &[Dataset]) -> Vec<String> {
    let keys = |r: &Dataset| r.header.keys.clone();
    let first = results.first().map(keys).unwrap_or_default();
    let differs = |(name, value): &(String, f64)| results.iter().flat_map(keys).any(|(n, v)| n == *name && v != *value);
    first.into_iter().filter(differs).map(|(name, _)| name).collect()
}

/// One curve of one result, cut where a segment begins or the style changes; its label are the keys called `names`.
fn line(data: &Dataset, curve: &Curve, (number, names): (usize, &[String]), units: &[(String, String)]) -> Option<Line> {
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
    let keys: Vec<(String, f64)> = data.header.keys.iter().filter(|(n, _)| names.contains(n)).cloned().collect();
    let mut line =
        Line { label: key_text(&keys, units), curve: number, hue: Hue::Palette(number), stretches: Vec::new(), points: Vec::new() };
    for row in 0..data.rows {
        let special = !label(row).is_empty() && turns(data, y, row, label(row));
        if special && !line.points.iter().any(|p| p.1 == label(row)) {
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

/// Whether a special point is one of this curve: at a fold of something else it comes back the way it went.
fn turns(data: &Dataset, y: &[f64], row: usize, label: &str) -> bool {
    let starts = |row: usize| data.segments.iter().any(|s| s.0 == row);
    if !label.starts_with("LP") || row == 0 || row + 1 >= data.rows || starts(row) || starts(row + 1) {
        return true;
    }
    let (low, high) = y.iter().filter(|v| v.is_finite()).fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    let (before, after) = (y[row] - y[row - 1], y[row + 1] - y[row]);
    before * after > 0.0 && before.abs().min(after.abs()) > 1e-6 * (high - low)
}

/// Length of a dash and of a gap, pixels.
const DASH: [f64; 2] = [7.0, 5.0];

fn draw_lines(canvas: &mut Canvas, frame: &Frame, (x, y): (&Axis, &Axis), lines: &[Line]) {
    let place = |spot: &Spot| (frame.left + x.fraction(spot.0) * frame.width, frame.bottom() - y.fraction(spot.1) * frame.height);
    for line in lines {
        let colour = page::colour(line.hue);
        for stretch in &line.stretches {
            let spots: Vec<Spot> = stretch.spots.iter().map(place).filter(|s| s.0.is_finite() && s.1.is_finite()).collect();
            let lengths: &[f64] = if stretch.dashed { &DASH } else { &[f64::INFINITY] };
            let pieces = overlay::cut(&[spots], lengths);
            pieces.iter().filter(|piece| piece.0 == 0).for_each(|(_, piece)| canvas.path(piece, frame, colour, 1.8));
        }
    }
    for line in lines {
        let radius = if lines.len() > NAMED { 2.6 } else { 3.6 };
        line.points.iter().for_each(|(spot, _)| canvas.dot(place(spot), frame, page::colour(line.hue), radius));
    }
    if lines.len() <= NAMED {
        name_points(canvas, frame, lines, place);
    }
}

/// Labels of special points beside them, as far as there is room.
fn name_points(canvas: &mut Canvas, frame: &Frame, lines: &[Line], place: impl Fn(&Spot) -> Spot) {
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
