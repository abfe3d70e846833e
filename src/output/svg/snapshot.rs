//! Snapshots of arrays: one quantity of all cells at given abscissae, each a map, with one ramp of colours for all.
//!
//! `.plot tran map="x%_%.x" at="0 5u 20u"`: each column whose name fits the pattern is a cell; `%` stands for whole numbers,
//! the first one counts rows from the top, the last one columns. Without `at=` the last row of the result is shown. Between rows of
//! a result nothing is interpolated: the first row at or behind the abscissa counts. `ylabel=`, `ymin=`, `ymax=` and `ylog` are
//! for the colours; members of a `.step` family say which one they are.

use std::io;

use crate::output::Request;
use crate::output::seats::{Seat, cell_value, seats};
use crate::output::svg::axis::{self, Wish};
use crate::output::svg::canvas::{self, Anchor, Canvas, Frame};
use crate::output::svg::map::{self, SEAM, bar_width, draw_bar};
use crate::output::svg::page::{INK, TICK, Title, ramp};
use crate::output::svg::{self, Drawing, Plot};
use crate::output::svg::{pixels, unit};
use crate::wave::{Cell, ColumnInfo, Flow, Header, Sink};

/// Snapshots in one row of the page.
const ACROSS: usize = 3;
/// Size of one field, pixels, alone and among others.
const SIZE: (f64, f64) = (460.0, 270.0);

/// Snapshots while they are recorded.
pub struct Snapshots {
    plot: Plot,
    analysis: String,
    title: String,
    keys: Vec<(String, f64)>,
    begun: bool,
    seats: Vec<Seat>,
    cell: ColumnInfo,
    /// `None` for an operating point.
    abscissa: Option<ColumnInfo>,
    /// Abscissae asked for, rising.
    at: Vec<f64>,
    /// Abscissa and values of those found.
    taken: Vec<(f64, Vec<f64>)>,
    /// The newest row, for what lies behind the end.
    newest: (f64, Vec<f64>),
}

impl Snapshots {
    /// Snapshots of a result, if the plot asks for them and the result has such columns.
    pub fn new(plot: &Plot, header: &Header, request: &Request) -> Option<Snapshots> {
        let pattern = plot.settings.map.as_ref()?;
        let seats = seats(pattern, header);
        let cell = header.columns.get(seats.first()?.column)?.clone();
        Some(Snapshots {
            plot: plot.clone(),
            analysis: header.analysis.clone(),
            title: svg::title(plot, header, request),
            keys: header.keys.clone(),
            begun: false,
            seats,
            cell,
            abscissa: (header.independent > 0).then(|| header.columns[0].clone()),
            at: plot.settings.at.clone(),
            taken: Vec::new(),
            newest: (f64::NAN, Vec::new()),
        })
    }

    /// What is shown: those taken, or the newest row if none was asked for.
    fn shown(&self) -> Vec<&(f64, Vec<f64>)> {
        let late = self.taken.len() < self.at.len().max(1);
        self.taken.iter().chain(late.then_some(&self.newest)).collect()
    }
}

/// What a caption needs: the rows of a result lie anywhere.
fn three_digits(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let grain = 10f64.powi(2 - value.abs().log10().floor() as i32);
    (value * grain).round() / grain
}

impl Sink for Snapshots {
    fn begin(&mut self, _: &Header) -> io::Result<()> {
        self.begun = true;
        Ok(())
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        self.take(|k| cell_value(cells.get(k)));
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        let mut rows = values.chunks_exact(width.max(1)).peekable();
        while let Some(row) = rows.next() {
            let wanted = self.at.get(self.taken.len()).is_some_and(|at| row.first().is_some_and(|x| x >= at));
            // Of the others only the newest may be shown.
            if wanted || rows.peek().is_none() {
                self.take(|k| row.get(k).copied().unwrap_or(f64::NAN));
            }
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drawing for Snapshots {
    fn plot(&self) -> &Plot {
        &self.plot
    }

    fn analysis(&self) -> &str {
        &self.analysis
    }

    /// Each member of a family has snapshots of its own.
    fn takes(&self, header: &Header) -> bool {
        !self.begun && self.analysis == header.analysis && self.keys == header.keys
    }

    fn is_empty(&self) -> bool {
        self.newest.1.is_empty()
    }

    fn held(&self) -> usize {
        (self.taken.len() + 1) * self.seats.len()
    }

    fn render(&self) -> String {
        let shown = self.shown();
        let values = shown.iter().flat_map(|s| &s.1).filter(|v| v.is_finite());
        let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let settings = &self.plot.settings;
        let range = (settings.y.0.unwrap_or(range.0), settings.y.1.unwrap_or(range.1));
        let range = map::spread(range);
        let log = settings.ylog && range.0 > 0.0;
        let position = |value: f64| if log { value.log10() } else { value };
        let ends = (position(range.0), position(range.1));
        let (name, unit) = unit::labelled(settings.ylabel.as_ref(), &self.cell.quantity, &self.cell.unit);
        let bar = axis::layout(&Wish {
            range: Some(ends),
            fixed: (Some(ends.0), Some(ends.1)),
            log,
            symlog: None,
            whole: false,
            name,
            unit,
            ticks: 8.0,
            margin: 0.0,
        });
        let size = if shown.len() == 1 { SIZE.0 } else { SIZE.1 };
        let across = shown.len().clamp(1, ACROSS);
        let down = shown.len().div_ceil(across);
        let (left, gap) = (30.0, (22.0, 44.0));
        let fields = across as f64 * (size + gap.0) - gap.0;
        // The bar takes its part of the title's line.
        let title = Title::new(&self.title, fields + bar_width(&bar) - 20.0);
        let top = title.bottom() + 22.0;
        let width = left + fields + bar_width(&bar);
        let height = top + down as f64 * (size + gap.1);
        canvas::page(width.ceil(), height.ceil(), |canvas| {
            title.draw(canvas, width / 2.0);
            for (k, (abscissa, cells)) in shown.iter().enumerate() {
                let at = (left + (k % across) as f64 * (size + gap.0), top + (k / across) as f64 * (size + gap.1));
                let frame = Frame { left: at.0, top: at.1, width: size, height: size };
                self.field(canvas, &frame, cells, |value| bar.fraction(position(value)));
                canvas.words(&self.caption(*abscissa), (frame.left + size / 2.0, frame.top - 12.0), Anchor::Middle, TICK);
            }
            let frame = Frame { left: left + fields, top, width: 0.0, height: size };
            draw_bar(canvas, &frame, &bar);
        })
    }
}

impl Snapshots {
    fn take(&mut self, real: impl Fn(usize) -> f64) {
        self.newest.0 = if self.abscissa.is_none() { f64::NAN } else { real(0) };
        self.newest.1.clear();
        self.newest.1.extend(self.seats.iter().map(|s| real(s.column)));
        while self.at.get(self.taken.len()).is_some_and(|at| self.newest.0 >= *at) {
            self.taken.push(self.newest.clone());
        }
    }

    /// Which member of a family, and where.
    fn caption(&self, abscissa: f64) -> String {
        let here = |column: &ColumnInfo| (column.name.clone(), abscissa, column.unit.clone());
        let keys = self.keys.iter().map(|(name, value)| (name.clone(), *value, String::new()));
        let all = keys.chain(self.abscissa.iter().map(here)).filter(|(_, value, _)| value.is_finite());
        all.map(|(name, value, unit)| format!("{name} = {}{unit}", axis::short(three_digits(value), true)))
            .collect::<Vec<String>>()
            .join(", ")
    }

    fn field(&self, canvas: &mut Canvas, frame: &Frame, cells: &[f64], fraction: impl Fn(f64) -> f64) {
        let extent = |values: &mut dyn Iterator<Item = i64>| values.fold((i64::MAX, i64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let rows = extent(&mut self.seats.iter().map(|s| s.row));
        let places = extent(&mut self.seats.iter().map(|s| s.place));
        if self.seats.len() >= pixels::MANY {
            let (across, down) = ((places.1 - places.0 + 1) as usize, (rows.1 - rows.0 + 1) as usize);
            let mut picture = vec![None; across * down];
            for (seat, value) in self.seats.iter().zip(cells).filter(|(_, v)| v.is_finite()) {
                let at = (seat.row - rows.0) as usize * across + (seat.place - places.0) as usize;
                picture[at] = Some(ramp(fraction(*value)));
            }
            if let Some(address) = pixels::address(across, down, &picture) {
                canvas.picture(frame, &address);
                return canvas.outline(frame, INK, 1.0);
            }
        }
        let (width, height) = (frame.width / (places.1 - places.0 + 1) as f64, frame.height / (rows.1 - rows.0 + 1) as f64);
        for (seat, value) in self.seats.iter().zip(cells).filter(|(_, v)| v.is_finite()) {
            let left = frame.left + (seat.place - places.0) as f64 * width;
            let top = frame.top + (seat.row - rows.0) as f64 * height;
            canvas.fill(&Frame { left, top: top - SEAM, width: width + SEAM, height: height + SEAM }, ramp(fraction(*value)));
        }
        canvas.outline(frame, INK, 1.0);
    }
}
