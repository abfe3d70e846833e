//! A measure and a result to a number: crossings, values, slopes and integrals of straight pieces between rows (see the rules
//! in the room above).

use crate::ir::{Input, interp};
use crate::wave::measure::{Crossing, Direction, Level, Measure, Place, Scalar, Statistic, Which};
use crate::wave::{Column, Dataset};

/// `measure` on `data`; `earlier` gives the measures that came before it.
///
/// # Errors
/// The reason why there is no such number, as it follows `failed:`.
pub fn evaluate(measure: &Measure, data: &Dataset, earlier: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
    let wave = Wave { data, earlier };
    let value = match measure {
        Measure::When(crossing) => wave.crossing(crossing)?,
        Measure::Find(column, place) => {
            let x = wave.place(place)?;
            wave.value_at(*column, x)?
        }
        Measure::Labelled(column, label) => {
            let row = wave.labelled(label)?;
            match column {
                Some(column) => {
                    wave.check(*column)?;
                    wave.number(*column, row)
                }
                None => wave.x(row),
            }
        }
        Measure::End(column) => {
            wave.check(*column)?;
            wave.number(*column, data.rows - 1)
        }
        Measure::Derivative(column, place) => {
            let x = wave.place(place)?;
            wave.slope_at(*column, x)?
        }
        Measure::Between(first, second) => {
            let first = wave.place(first).map_err(|reason| format!("trig: {reason}"))?;
            wave.place(second).map_err(|reason| format!("targ: {reason}"))? - first
        }
        Measure::Over { statistic, column, from, to } => wave.statistic(*statistic, *column, from.as_ref(), to.as_ref())?,
        Measure::Portrait(kind, view) => wave.portrait(*kind, view)?,
        Measure::Formula(scalar) => wave.scalar(scalar)?,
    };
    if value.is_finite() { Ok(value) } else { Err(format!("the result is {value}")) }
}

pub(super) struct Wave<'a> {
    data: &'a Dataset,
    earlier: &'a dyn Fn(&str) -> Option<f64>,
}

/// A straight piece of a column.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) x0: f64,
    pub(super) x1: f64,
    pub(super) y0: f64,
    pub(super) y1: f64,
}

impl Piece {
    /// The value at `x`, which lies in the piece; exact at its ends.
    fn at(&self, x: f64) -> f64 {
        if x == self.x0 {
            self.y0
        } else if x == self.x1 {
            self.y1
        } else {
            self.y0 + (self.y1 - self.y0) * ((x - self.x0) / (self.x1 - self.x0))
        }
    }

    fn holds(&self, x: f64) -> bool {
        self.x0.min(self.x1) <= x && x <= self.x0.max(self.x1)
    }

    /// The part between `low` and `high`, if any.
    pub(super) fn clip(&self, low: f64, high: f64) -> Option<Piece> {
        let (left, right) = (self.x0.min(self.x1).max(low), self.x0.max(self.x1).min(high));
        if left > right {
            return None;
        }
        let (x0, x1) = if self.x0 <= self.x1 { (left, right) } else { (right, left) };
        if self.x0 == self.x1 {
            return Some(*self);
        }
        Some(Piece { x0, x1, y0: self.at(x0), y1: self.at(x1) })
    }
}

impl Wave<'_> {
    fn scalar(&self, scalar: &Scalar) -> Result<f64, String> {
        let (function, names) = match scalar {
            Scalar::Number(number) => return Ok(*number),
            Scalar::Formula(function, names) => (function, names),
        };
        let mut values = Vec::with_capacity(names.len());
        for name in names {
            values.push((self.earlier)(name).ok_or_else(|| format!("it needs the measure `{name}`, which has no value"))?);
        }
        let results = interp::evaluate(function, &|input| match input {
            Input::Argument(k) => values.get(k as usize).copied().unwrap_or(f64::NAN),
            _ => f64::NAN,
        });
        results.first().copied().ok_or_else(|| "the formula gives nothing".to_string())
    }

    pub(super) fn optional(&self, scalar: Option<&Scalar>) -> Result<Option<f64>, String> {
        scalar.map(|s| self.scalar(s)).transpose()
    }

    fn number(&self, column: usize, row: usize) -> f64 {
        match self.data.columns.get(column) {
            Some(Column::Real(values)) => values[row],
            Some(Column::Complex(values)) => values[row].norm(),
            _ => f64::NAN,
        }
    }

    pub(super) fn check(&self, column: usize) -> Result<(), String> {
        let name = self.data.header.columns.get(column).map_or("?", |c| &c.name);
        match self.data.columns.get(column) {
            None => Err("the result does not have this column".to_string()),
            Some(Column::Text(_)) => Err(format!("`{name}` has words, not numbers")),
            Some(_) if self.data.rows == 0 => Err("the result has no rows".to_string()),
            Some(_) => Ok(()),
        }
    }

    /// The first row whose column `point` has this label.
    fn labelled(&self, label: &str) -> Result<usize, String> {
        let words = match self.data.find("point").map(|k| &self.data.columns[k]) {
            Some(Column::Text(words)) => words,
            _ => return Err("the result has no special points".to_string()),
        };
        words.iter().position(|w| w.eq_ignore_ascii_case(label)).ok_or_else(|| {
            let mut known: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.is_empty()).collect();
            known.dedup();
            let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
            format!("there is no point {label}; found: {known}")
        })
    }

    /// Abscissa of a row; results without one (operating points) count as at 0.
    fn x(&self, row: usize) -> f64 {
        if self.data.header.independent == 0 { 0.0 } else { self.number(0, row) }
    }

    /// True if the abscissa never rises.
    fn falls(&self) -> bool {
        self.data.rows > 1 && (1..self.data.rows).all(|k| self.x(k) <= self.x(k - 1)) && self.x(0) > self.x(self.data.rows - 1)
    }

    /// Pairs of neighbouring rows, in the order in which they are read.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let backwards = self.falls();
        let last = self.data.rows.saturating_sub(1);
        let starts: Vec<usize> = self.data.segments.iter().map(|s| s.0).collect();
        (0..last)
            .map(move |k| if backwards { (last - k, last - k - 1) } else { (k, k + 1) })
            .filter(move |(a, b)| starts.binary_search(a.max(b)).is_err())
    }

    pub(super) fn pieces(&self, column: usize) -> impl Iterator<Item = Piece> + '_ {
        self.pairs().map(move |(a, b)| Piece {
            x0: self.x(a),
            x1: self.x(b),
            y0: self.number(column, a),
            y1: self.number(column, b),
        })
    }

    pub(super) fn range(&self) -> (f64, f64) {
        (0..self.data.rows)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), row| (low.min(self.x(row)), high.max(self.x(row))))
    }

    fn place(&self, place: &Place) -> Result<f64, String> {
        match place {
            Place::At(scalar) => self.scalar(scalar),
            Place::Crossing(crossing) => self.crossing(crossing),
        }
    }

    fn crossing(&self, crossing: &Crossing) -> Result<f64, String> {
        self.check(crossing.column)?;
        let from = self.optional(crossing.from.as_ref())?.unwrap_or(f64::NEG_INFINITY);
        let to = self.optional(crossing.to.as_ref())?.unwrap_or(f64::INFINITY);
        let fixed = match &crossing.level {
            Level::Scalar(scalar) => Some(self.scalar(scalar)?),
            Level::Column(column) => {
                self.check(*column)?;
                None
            }
        };
        let level = |row| match (&crossing.level, fixed) {
            (Level::Column(column), _) => self.number(*column, row),
            (_, level) => level.unwrap_or(f64::NAN),
        };
        let mut count = 0;
        let mut last = None;
        for (a, b) in self.pairs() {
            let (d0, d1) = (self.number(crossing.column, a) - level(a), self.number(crossing.column, b) - level(b));
            let (up, down) = (d0 < 0.0 && d1 >= 0.0, d0 > 0.0 && d1 <= 0.0);
            let counts = match crossing.direction {
                Direction::Rise => up,
                Direction::Fall => down,
                Direction::Cross => up || down,
            };
            if !counts {
                continue;
            }
            let (x0, x1) = (self.x(a), self.x(b));
            let x = if d1 == 0.0 { x1 } else { x0 + (x1 - x0) * (d0 / (d0 - d1)) };
            if x < from || x > to {
                continue;
            }
            count += 1;
            last = Some(x);
            if crossing.which == Which::Number(count) {
                return Ok(x);
            }
        }
        match (crossing.which, last) {
            (Which::Last, Some(x)) => Ok(x),
            _ => Err(self.no_crossing(crossing, count, fixed)),
        }
    }

    fn no_crossing(&self, crossing: &Crossing, count: usize, level: Option<f64>) -> String {
        let name = |column: usize| self.data.header.columns.get(column).map_or("?", |c| &c.name).to_string();
        let verb = match crossing.direction {
            Direction::Rise => "rises through",
            Direction::Fall => "falls through",
            Direction::Cross => "crosses",
        };
        let level = match (&crossing.level, level) {
            (Level::Column(column), _) => name(*column),
            (_, level) => format!("{}", level.unwrap_or(f64::NAN)),
        };
        let times = match count {
            0 => "never".to_string(),
            1 => "once".to_string(),
            n => format!("{n} times"),
        };
        format!("{} {verb} {level} {times}", name(crossing.column))
    }

    /// The pieces of `column` that hold `x`: one inside, two at a row.
    fn around(&self, column: usize, x: f64) -> Result<Vec<Piece>, String> {
        self.check(column)?;
        let mut found: Vec<Piece> = Vec::new();
        for piece in self.pieces(column) {
            match found.last() {
                // Only the piece that goes on from the same row belongs to the same place.
                Some(first) if piece.holds(x) && first.x1 == x && piece.x0 == x => found.push(piece),
                Some(_) => break,
                None if piece.holds(x) => found.push(piece),
                None => {}
            }
        }
        if found.is_empty() {
            let (low, high) = self.range();
            if self.data.rows == 1 && x == low {
                let y = self.number(column, 0);
                return Ok(vec![Piece { x0: x, x1: x, y0: y, y1: y }]);
            }
            return Err(format!("{x} lies outside of {low} to {high}"));
        }
        Ok(found)
    }

    fn value_at(&self, column: usize, x: f64) -> Result<f64, String> {
        Ok(self.around(column, x)?[0].at(x))
    }

    /// The slope of the piece at `x`; at a row, that of the parabola through its neighbours.
    fn slope_at(&self, column: usize, x: f64) -> Result<f64, String> {
        let pieces: Vec<Piece> = self.around(column, x)?.into_iter().filter(|p| p.x0 != p.x1).collect();
        let slope = |p: &Piece| (p.y1 - p.y0) / (p.x1 - p.x0);
        match pieces.as_slice() {
            [one] => Ok(slope(one)),
            [left, right, ..] => {
                let (h0, h1) = (left.x1 - left.x0, right.x1 - right.x0);
                Ok((slope(left) * h1 + slope(right) * h0) / (h0 + h1))
            }
            [] => Err("one row has no slope".to_string()),
        }
    }

    fn statistic(&self, statistic: Statistic, column: usize, from: Option<&Scalar>, to: Option<&Scalar>) -> Result<f64, String> {
        self.check(column)?;
        let (low, high) = self.range();
        let from = self.optional(from)?.unwrap_or(low);
        let to = self.optional(to)?.unwrap_or(high);
        if from > to {
            return Err(format!("from={from} lies behind to={to}"));
        }
        if from > high || to < low {
            return Err(format!("{from} to {to} lies outside of {low} to {high}"));
        }
        let mut sums = Sums::new();
        if self.data.rows == 1 {
            let y = self.number(column, 0);
            sums.add(Piece { x0: low, x1: low, y0: y, y1: y });
        }
        for piece in self.pieces(column) {
            if let Some(part) = piece.clip(from, to) {
                sums.add(part);
            }
        }
        sums.result(statistic)
    }
}

/// What is gathered from the pieces of a column.
struct Sums {
    min: (f64, f64),
    max: (f64, f64),
    /// Integral over x.
    area: f64,
    /// Integrals of y and of its square over the length of the path.
    path: f64,
    square: f64,
    length: f64,
    /// Value where the path has no length.
    point: f64,
}

impl Sums {
    fn new() -> Sums {
        let (min, max) = ((f64::INFINITY, f64::NAN), (f64::NEG_INFINITY, f64::NAN));
        Sums { min, max, area: 0.0, path: 0.0, square: 0.0, length: 0.0, point: f64::NAN }
    }

    fn add(&mut self, piece: Piece) {
        for (x, y) in [(piece.x0, piece.y0), (piece.x1, piece.y1)] {
            if y < self.min.0 {
                self.min = (y, x);
            }
            if y > self.max.0 {
                self.max = (y, x);
            }
        }
        let width = piece.x1 - piece.x0;
        let mean = 0.5 * (piece.y0 + piece.y1);
        self.area += mean * width;
        self.path += mean * width.abs();
        self.square += 0.5 * (piece.y0 * piece.y0 + piece.y1 * piece.y1) * width.abs();
        self.length += width.abs();
        self.point = piece.y1;
    }

    fn result(&self, statistic: Statistic) -> Result<f64, String> {
        if self.min.1.is_nan() && self.max.1.is_nan() {
            return Err("there is no number in this range".to_string());
        }
        let pointlike = self.length == 0.0;
        Ok(match statistic {
            Statistic::Average if pointlike => self.point,
            Statistic::Average => self.path / self.length,
            Statistic::Rms if pointlike => self.point.abs(),
            Statistic::Rms => (self.square / self.length).sqrt(),
            Statistic::Min => self.min.0,
            Statistic::Max => self.max.0,
            Statistic::PeakToPeak => self.max.0 - self.min.0,
            Statistic::Integral => self.area,
            Statistic::MinAt => self.min.1,
            Statistic::MaxAt => self.max.1,
        })
    }
}
