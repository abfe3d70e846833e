//! `.measure` on a result: numbers from waveforms.
//!
//! Takes the words of a card with its columns resolved, gives a [`Measure`]; that and a dataset give a number or the reason
//! why there is none ([`evaluate`]). Between rows everything is a straight line: crossings, values at a point, and integrals (trapezoids on
//! the rows' own abscissae, cut exactly at `from` and `to`). A level is crossed where it is reached from below (rise) or above
//! (fall); leaving a level is no crossing. Complex columns count by their magnitude. Rows of different segments are not joined.
//! A sweep that falls throughout is read backwards; one that turns round is integrated along its path, so that `integ` of a
//! closed loop is its area.

use std::sync::Arc;

use crate::ir::Function;

mod evaluate;
mod portrait;
mod unit;

pub use evaluate::evaluate;
pub use portrait::View;
pub use unit::unit;

/// A word of a `.measure` card, names resolved.
#[derive(Clone, PartialEq, Debug)]
pub enum Word {
    /// `find`, `when`, `trig`, `last` ... lower case.
    Word(String),
    /// A number.
    Number(f64),
    /// A column of the dataset.
    Column(usize),
    /// `name=` before the next value: `at=`, `val=`, `rise=`; lower case.
    Key(String),
    /// `=` between two values: `when v(a)=0.5`.
    Equals,
    /// A formula of earlier measures: `Argument(k)` of the function is the measure called `.1[k]`.
    Formula(Arc<Function>, Vec<String>),
}

/// A number that the card gives, or that earlier measures give.
#[derive(Clone, PartialEq, Debug)]
pub enum Scalar {
    /// Given.
    Number(f64),
    /// `Argument(k)` of the function is the measure called `.1[k]`.
    Formula(Arc<Function>, Vec<String>),
}

/// What a column is compared with.
#[derive(Clone, PartialEq, Debug)]
pub enum Level {
    /// A number.
    Scalar(Scalar),
    /// Another column.
    Column(usize),
}

/// Which way a level is crossed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From below.
    Rise,
    /// From above.
    Fall,
    /// Either.
    Cross,
}

/// Which of several crossings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Counted from 1.
    Number(usize),
    /// The last one.
    Last,
}

/// A crossing of a level by a column.
#[derive(Clone, PartialEq, Debug)]
pub struct Crossing {
    /// The column.
    pub column: usize,
    /// The level.
    pub level: Level,
    /// Which way.
    pub direction: Direction,
    /// Which one.
    pub which: Which,
    /// Where counting begins (`td`, `from`).
    pub from: Option<Scalar>,
    /// Where it ends.
    pub to: Option<Scalar>,
}

/// A place on the abscissa.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// `at=`.
    At(Scalar),
    /// Where a level is crossed.
    Crossing(Crossing),
}

/// A number that stands for a stretch of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statistic {
    /// Integral over the abscissa divided by its length.
    Average,
    /// Root of the average of the square.
    Rms,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Greatest minus least.
    PeakToPeak,
    /// Integral over the abscissa.
    Integral,
    /// Abscissa of the (first) least value.
    MinAt,
    /// Abscissa of the (first) greatest value.
    MaxAt,
}

/// What is read off a loop or an oscillation (the table of `portrait.rs`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Portrait {
    Pinch,
    Lobe,
    LobeNegative,
    OnOff,
    Energy,
    Switching,
    Excursion,
    Period,
    Frequency,
    Duty,
    Spikes,
    SpikeWidth,
    Phase,
}

/// What is measured.
#[derive(Clone, PartialEq, Debug)]
pub enum Measure {
    /// Something of a loop or an oscillation.
    Portrait(Portrait, View),
    /// The abscissa of a crossing.
    When(Crossing),
    /// The value of a column at a place.
    Find(usize, Place),
    /// The value of a column in the last row: all there is of an operating point.
    End(usize),
    /// The value of a column, or the abscissa, in the row whose column `point` has this label.
    Labelled(Option<usize>, String),
    /// The slope of a column at a place.
    Derivative(usize, Place),
    /// The abscissa of the second place minus that of the first.
    Between(Place, Place),
    /// A statistic of a column between `from` and `to`.
    Over {
        /// Which.
        statistic: Statistic,
        /// Of which column.
        column: usize,
        /// Start; the first row if not given.
        from: Option<Scalar>,
        /// End; the last row if not given.
        to: Option<Scalar>,
    },
    /// A formula of earlier measures.
    Formula(Scalar),
}

/// Reads a measure from the words after its name.
///
/// # Errors
/// What is wrong and the index of the word where it is (the number of words if something is missing at the end).
pub fn parse(words: &[Word]) -> Result<Measure, (usize, String)> {
    let mut reader = Reader { words, at: 0 };
    let measure = reader.measure()?;
    match words.get(reader.at) {
        None => Ok(measure),
        Some(_) => reader.fail("the measure ends before this word"),
    }
}

type Failure = (usize, String);

const STATISTICS: &[(&str, Statistic)] = &[
    ("avg", Statistic::Average),
    ("rms", Statistic::Rms),
    ("min", Statistic::Min),
    ("max", Statistic::Max),
    ("pp", Statistic::PeakToPeak),
    ("integ", Statistic::Integral),
    ("integral", Statistic::Integral),
    ("min_at", Statistic::MinAt),
    ("max_at", Statistic::MaxAt),
];

/// Word, what it means, number of columns that it takes, whether a level counts.
pub const PORTRAITS: &[(&str, Portrait, usize, bool)] = &[
    ("pinch", Portrait::Pinch, 2, false),
    ("lobe", Portrait::Lobe, 2, false),
    ("lobe_neg", Portrait::LobeNegative, 2, false),
    ("onoff", Portrait::OnOff, 2, true),
    ("energy", Portrait::Energy, 2, false),
    ("switching", Portrait::Switching, 1, false),
    ("excursion", Portrait::Excursion, 1, false),
    ("period", Portrait::Period, 1, true),
    ("frequency", Portrait::Frequency, 1, true),
    ("duty", Portrait::Duty, 1, true),
    ("spikes", Portrait::Spikes, 1, true),
    ("spike_width", Portrait::SpikeWidth, 1, true),
    ("phase", Portrait::Phase, 2, false),
];

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
}

/// `name=value` arguments of one clause.
#[derive(Default)]
struct Keys {
    at: Option<Scalar>,
    val: Option<Scalar>,
    from: Option<Scalar>,
    to: Option<Scalar>,
    td: Option<Scalar>,
    crossing: Option<(Direction, Which)>,
}

impl Reader<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Failure> {
        Err((self.at, message.into()))
    }

    fn peek_word(&self) -> &str {
        match self.words.get(self.at) {
            Some(Word::Word(word)) => word,
            _ => "",
        }
    }

    fn measure(&mut self) -> Result<Measure, Failure> {
        if let Some(Word::Key(key) | Word::Word(key)) = self.words.first()
            && (key == "param" || key == "expr")
        {
            self.at = 1;
            return self.scalar("a formula").map(Measure::Formula);
        }
        if let Some(Word::Formula(..)) = self.words.first() {
            return self.scalar("a formula").map(Measure::Formula);
        }
        if let Some(label) = self.label() {
            return Ok(Measure::Labelled(None, label));
        }
        let word = self.peek_word().to_string();
        let start = self.at;
        self.at += 1;
        match word.as_str() {
            "when" => Ok(Measure::When(self.when()?)),
            "find" => {
                let column = self.column()?;
                if self.at == self.words.len() {
                    return Ok(Measure::End(column));
                }
                if let Some(label) = self.label() {
                    return Ok(Measure::Labelled(Some(column), label));
                }
                Ok(Measure::Find(column, self.place()?))
            }
            "deriv" | "derivative" => {
                let column = self.column()?;
                Ok(Measure::Derivative(column, self.place()?))
            }
            "trig" => self.between(),
            _ => {
                if let Some((_, statistic)) = STATISTICS.iter().find(|row| row.0 == word) {
                    return self.over(*statistic);
                }
                match PORTRAITS.iter().find(|row| row.0 == word) {
                    Some((_, kind, columns, level)) => self.portrait(*kind, *columns, *level),
                    None => {
                        self.at = start;
                        let portraits = PORTRAITS.iter().map(|row| row.0).collect::<Vec<_>>().join(", ");
                        let words = "find, when, trig, avg, rms, min, max, pp, integ, min_at, max_at, deriv, param=";
                        self.fail(format!("expected {words}, {portraits}"))
                    }
                }
            }
        }
    }

    /// `point=LP1`.
    fn label(&mut self) -> Option<String> {
        match (self.words.get(self.at), self.words.get(self.at + 1)) {
            (Some(Word::Key(key)), Some(Word::Word(label))) if key == "point" => {
                self.at += 2;
                Some(label.clone())
            }
            _ => None,
        }
    }

    fn over(&mut self, statistic: Statistic) -> Result<Measure, Failure> {
        let column = self.column()?;
        let keys = self.keys(&["from", "to", "td"])?;
        Ok(Measure::Over { statistic, column, from: keys.from.or(keys.td), to: keys.to })
    }

    fn portrait(&mut self, kind: Portrait, columns: usize, level: bool) -> Result<Measure, Failure> {
        let column = self.column()?;
        let other = if columns == 2 { Some(self.column()?) } else { None };
        let keys = self.keys(if level { &["val", "from", "to", "td"] } else { &["from", "to", "td"] })?;
        Ok(Measure::Portrait(kind, View { column, other, level: keys.val, from: keys.from.or(keys.td), to: keys.to }))
    }

    fn between(&mut self) -> Result<Measure, Failure> {
        let first = self.end_of_interval()?;
        if self.peek_word() != "targ" {
            return self.fail("expected targ");
        }
        self.at += 1;
        let second = self.end_of_interval()?;
        Ok(Measure::Between(first, second))
    }

    /// After trig or targ: `v(a) val=0.5 rise=1 td=1n`, `v(a)=0.5 rise=1`, `at=1n`.
    fn end_of_interval(&mut self) -> Result<Place, Failure> {
        if let Some(Word::Key(key)) = self.words.get(self.at)
            && key == "at"
        {
            self.at += 1;
            return Ok(Place::At(self.scalar("a number after at=")?));
        }
        let column = self.column()?;
        if self.words.get(self.at) == Some(&Word::Equals) {
            self.at += 1;
            let level = self.level()?;
            let keys = self.keys(&["td", "from", "to", "rise", "fall", "cross"])?;
            return Ok(Place::Crossing(crossing(column, level, keys)));
        }
        let mut keys = self.keys(&["val", "td", "from", "to", "rise", "fall", "cross"])?;
        match keys.val.take() {
            Some(level) => Ok(Place::Crossing(crossing(column, Level::Scalar(level), keys))),
            None => self.fail("expected val="),
        }
    }

    /// After find or deriv: `when v(a)=0.5 rise=1` or `at=1n`.
    fn place(&mut self) -> Result<Place, Failure> {
        match self.words.get(self.at) {
            Some(Word::Word(word)) if word == "when" => {
                self.at += 1;
                Ok(Place::Crossing(self.when()?))
            }
            Some(Word::Key(key)) if key == "at" => {
                self.at += 1;
                Ok(Place::At(self.scalar("a number after at=")?))
            }
            _ => self.fail("expected when or at="),
        }
    }

    fn when(&mut self) -> Result<Crossing, Failure> {
        let column = self.column()?;
        if self.words.get(self.at) != Some(&Word::Equals) {
            return self.fail("expected = and a level");
        }
        self.at += 1;
        let level = self.level()?;
        let keys = self.keys(&["td", "from", "to", "rise", "fall", "cross"])?;
        Ok(crossing(column, level, keys))
    }

    fn column(&mut self) -> Result<usize, Failure> {
        match self.words.get(self.at) {
            Some(Word::Column(column)) => {
                self.at += 1;
                Ok(*column)
            }
            _ => self.fail("expected a voltage, a current or another result"),
        }
    }

    fn level(&mut self) -> Result<Level, Failure> {
        match self.words.get(self.at) {
            Some(Word::Column(column)) => {
                self.at += 1;
                Ok(Level::Column(*column))
            }
            _ => Ok(Level::Scalar(self.scalar("a number or a result")?)),
        }
    }

    fn scalar(&mut self, wanted: &str) -> Result<Scalar, Failure> {
        let scalar = match self.words.get(self.at) {
            Some(Word::Number(number)) => Scalar::Number(*number),
            Some(Word::Formula(function, names)) => Scalar::Formula(function.clone(), names.clone()),
            _ => return self.fail(format!("expected {wanted}")),
        };
        self.at += 1;
        Ok(scalar)
    }

    fn keys(&mut self, allowed: &[&str]) -> Result<Keys, Failure> {
        let mut keys = Keys::default();
        while let Some(Word::Key(key)) = self.words.get(self.at) {
            if !allowed.contains(&key.as_str()) {
                return self.fail(format!("{key}= means nothing here; there is {}", allowed.join(", ")));
            }
            self.at += 1;
            let direction = match key.as_str() {
                "rise" => Direction::Rise,
                "fall" => Direction::Fall,
                "cross" => Direction::Cross,
                _ => {
                    let slot = match key.as_str() {
                        "val" => &mut keys.val,
                        "from" => &mut keys.from,
                        "to" => &mut keys.to,
                        "td" => &mut keys.td,
                        _ => &mut keys.at,
                    };
                    if slot.is_some() {
                        self.at -= 1;
                        return self.fail(format!("a second {key}="));
                    }
                    *slot = Some(self.scalar(&format!("a number after {key}="))?);
                    continue;
                }
            };
            if keys.crossing.is_some() {
                self.at -= 1;
                return self.fail("one of rise=, fall= and cross= only");
            }
            keys.crossing = Some((direction, self.which(key)?));
        }
        Ok(keys)
    }

    fn which(&mut self, key: &str) -> Result<Which, Failure> {
        if self.peek_word() == "last" {
            self.at += 1;
            return Ok(Which::Last);
        }
        match self.words.get(self.at) {
            Some(Word::Number(number)) if *number >= 1.0 && number.fract() == 0.0 && *number < 1e9 => {
                self.at += 1;
                Ok(Which::Number(*number as usize))
            }
            _ => self.fail(format!("expected 1, 2, ... or last after {key}=")),
        }
    }
}

fn crossing(column: usize, level: Level, keys: Keys) -> Crossing {
    let (direction, which) = keys.crossing.unwrap_or((Direction::Cross, Which::Number(1)));
    Crossing { column, level, direction, which, from: keys.td.or(keys.from), to: keys.to }
}
