//! Measures of loops and oscillations: pinch, lobes, on/off ratio, switching, periods, spikes, phases.
//!
//! Each takes one or two columns between `from` and `to` and, where a level counts, `val=`. Between rows everything is a
//! straight line. A level that is not given is half-way between the extremes of the column.
//!
//! | word | columns | value |
//! |---|---|---|
//! | `pinch` | i, v | largest abs(i) where v crosses zero: 0 for a pinched loop |
//! | `lobe`, `lobe_neg` | i, v | area of the loop where v > 0 (v < 0), abs of the integral of i dv over the path |
//! | `onoff` | i, v | largest over smallest abs(i) where v crosses `val` |
//! | `energy` | i, v | integral of v i over the abscissa |
//! | `switching` | x | time from 10 % to 90 % of the way from the first to the last value |
//! | `excursion` | x | greatest minus least value |
//! | `period`, `frequency` | y | mean distance of rises through `val`; its inverse |
//! | `duty` | y | part of whole periods above `val` |
//! | `spikes`, `spike_width` | y | number of rises through `val`; mean time above it of those that end |
//! | `phase` | y, z | degrees by which z lags y, in (-180, 180] |

use super::evaluate::{Piece, Wave};
use super::{Portrait, Scalar};

/// What a portrait measures: columns, level, limits.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    /// The first column.
    pub column: usize,
    /// The second one, if two count.
    pub other: Option<usize>,
    /// `val=`.
    pub level: Option<Scalar>,
    /// Start; the first row if not given.
    pub from: Option<Scalar>,
    /// End; the last row if not given.
    pub to: Option<Scalar>,
}

/// Rises and falls of a column through a level.
struct Crossings {
    rises: Vec<f64>,
    falls: Vec<f64>,
}

impl Wave<'_> {
    /// The value of a portrait.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn portrait(&self, kind: Portrait, view: &View) -> Result<f64, String> {
        let pieces = self.window(view.column, view)?;
        match kind {
            Portrait::Pinch | Portrait::Lobe | Portrait::LobeNegative | Portrait::OnOff | Portrait::Energy => {
                let other = view.other.ok_or("a second column is missing")?;
                let drive = self.window(other, view)?;
                self.loop_value(kind, &pieces, &drive, view)
            }
            Portrait::Switching => switching(&pieces),
            Portrait::Excursion => extremes(&pieces).map(|(low, high)| high - low),
            Portrait::Period => mean_period(&self.crossings(&pieces, view)?.rises),
            Portrait::Frequency => mean_period(&self.crossings(&pieces, view)?.rises).map(|t| 1.0 / t),
            Portrait::Duty => {
                let level = self.level(&pieces, view)?;
                duty(&pieces, &self.crossings(&pieces, view)?.rises, level)
            }
            Portrait::Spikes => Ok(self.crossings(&pieces, view)?.rises.len() as f64),
            Portrait::SpikeWidth => width(&self.crossings(&pieces, view)?),
            Portrait::Phase => {
                let other = view.other.ok_or("a second column is missing")?;
                let second = self.window(other, view)?;
                let half = View { level: None, ..view.clone() };
                phase(&self.crossings(&pieces, &half)?.rises, &self.crossings(&second, &half)?.rises)
            }
        }
    }

    /// The pieces of a column between `from` and `to`, in order.
    fn window(&self, column: usize, view: &View) -> Result<Vec<Piece>, String> {
        self.check(column)?;
        let (low, high) = self.range();
        let from = self.optional(view.from.as_ref())?.unwrap_or(low);
        let to = self.optional(view.to.as_ref())?.unwrap_or(high);
        let pieces: Vec<Piece> = self.pieces(column).filter_map(|p| p.clip(from, to)).filter(|p| p.x0 != p.x1).collect();
        if pieces.is_empty() { Err(format!("nothing lies between {from} and {to}")) } else { Ok(pieces) }
    }

    fn level(&self, pieces: &[Piece], view: &View) -> Result<f64, String> {
        match self.optional(view.level.as_ref())? {
            Some(level) => Ok(level),
            None => extremes(pieces).map(|(low, high)| 0.5 * (low + high)),
        }
    }

    fn crossings(&self, pieces: &[Piece], view: &View) -> Result<Crossings, String> {
        let level = self.level(pieces, view)?;
        let mut found = Crossings { rises: Vec::new(), falls: Vec::new() };
        for piece in pieces {
            let (before, after) = (piece.y0 - level, piece.y1 - level);
            let place = || piece.x0 + (piece.x1 - piece.x0) * (before / (before - after));
            if before < 0.0 && after >= 0.0 {
                found.rises.push(place());
            } else if before > 0.0 && after <= 0.0 {
                found.falls.push(place());
            }
        }
        Ok(found)
    }

    fn loop_value(&self, kind: Portrait, current: &[Piece], drive: &[Piece], view: &View) -> Result<f64, String> {
        let both = || current.iter().zip(drive);
        match kind {
            Portrait::Energy => Ok(both().map(|(i, v)| product_integral(i, v)).sum()),
            Portrait::Lobe => Ok(both().map(|(i, v)| lobe(i, v, 1.0)).sum::<f64>().abs()),
            Portrait::LobeNegative => Ok(both().map(|(i, v)| lobe(i, v, -1.0)).sum::<f64>().abs()),
            _ => {
                let level = if kind == Portrait::Pinch { 0.0 } else { self.level(drive, view)? };
                let found: Vec<f64> = both().filter_map(|(i, v)| at_level(i, v, level)).map(f64::abs).collect();
                if found.is_empty() {
                    return Err(format!("the second column never crosses {level}"));
                }
                let high = found.iter().copied().fold(0.0, f64::max);
                let low = found.iter().copied().fold(f64::INFINITY, f64::min);
                Ok(if kind == Portrait::Pinch { high } else { high / low })
            }
        }
    }
}

fn extremes(pieces: &[Piece]) -> Result<(f64, f64), String> {
    let values = pieces.iter().flat_map(|p| [p.y0, p.y1]).filter(|y| !y.is_nan());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), y| (a.min(y), b.max(y)));
    if low <= high { Ok((low, high)) } else { Err("there is no number in this range".to_string()) }
}

/// Integral of the product of two straight lines over their piece (Simpson's rule is exact).
fn product_integral(a: &Piece, b: &Piece) -> f64 {
    (a.x1 - a.x0) / 6.0 * (a.y0 * b.y0 + (a.y0 + a.y1) * (b.y0 + b.y1) + a.y1 * b.y1)
}

/// Integral of i dv over the part of a piece where v has the sign.
fn lobe(i: &Piece, v: &Piece, sign: f64) -> f64 {
    let (mut a, mut b) = ((v.y0 * sign, i.y0), (v.y1 * sign, i.y1));
    if a.0 <= 0.0 && b.0 <= 0.0 {
        return 0.0;
    }
    let cut = |p: (f64, f64), q: (f64, f64)| (0.0, p.1 + (q.1 - p.1) * (p.0 / (p.0 - q.0)));
    if a.0 < 0.0 {
        a = cut(a, b);
    } else if b.0 < 0.0 {
        b = cut(a, b);
    }
    0.5 * (a.1 + b.1) * (b.0 - a.0)
}

/// The current where the voltage crosses a level within a piece.
fn at_level(i: &Piece, v: &Piece, level: f64) -> Option<f64> {
    let (before, after) = (v.y0 - level, v.y1 - level);
    if before == 0.0 || (before < 0.0) == (after < 0.0) && after != 0.0 {
        return (before == 0.0).then_some(i.y0);
    }
    Some(i.y0 + (i.y1 - i.y0) * (before / (before - after)))
}

/// Time from 10 % to 90 % of the way from the first to the last value.
fn switching(pieces: &[Piece]) -> Result<f64, String> {
    let (first, last) = (pieces[0].y0, pieces[pieces.len() - 1].y1);
    let reach = |fraction: f64| {
        let level = first + fraction * (last - first);
        let beyond = |y: f64| (y - level) * (last - first) >= 0.0;
        let piece = pieces.iter().find(|p| !beyond(p.y0) && beyond(p.y1));
        piece.map(|p| p.x0 + (p.x1 - p.x0) * ((level - p.y0) / (p.y1 - p.y0)))
    };
    match (reach(0.1), reach(0.9)) {
        (Some(start), Some(end)) if first != last => Ok(end - start),
        _ => Err("it ends where it began".to_string()),
    }
}

fn mean_period(rises: &[f64]) -> Result<f64, String> {
    match rises {
        [first, .., last] => Ok((last - first) / (rises.len() - 1) as f64),
        _ => Err(format!("{} rises through the level: a period needs two", rises.len())),
    }
}

fn duty(pieces: &[Piece], rises: &[f64], level: f64) -> Result<f64, String> {
    let (Some(start), Some(end), true) = (rises.first(), rises.last(), rises.len() > 1) else {
        return Err(format!("{} rises through the level: a period needs two", rises.len()));
    };
    let above = |p: Piece| {
        let (a, b) = (p.y0 - level, p.y1 - level);
        let part = match (a > 0.0, b > 0.0) {
            (true, true) => 1.0,
            (false, false) => 0.0,
            (true, false) => a / (a - b),
            (false, true) => b / (b - a),
        };
        part * (p.x1 - p.x0)
    };
    Ok(pieces.iter().filter_map(|p| p.clip(*start, *end)).map(above).sum::<f64>() / (end - start))
}

fn width(crossings: &Crossings) -> Result<f64, String> {
    let ends = |rise: &f64| crossings.falls.iter().find(|f| *f > rise).map(|f| f - rise);
    let widths: Vec<f64> = crossings.rises.iter().filter_map(ends).collect();
    if widths.is_empty() {
        Err("no spike begins and ends".to_string())
    } else {
        Ok(widths.iter().sum::<f64>() / widths.len() as f64)
    }
}

/// Degrees by which the second oscillation lags the first, averaged over the rises of the first.
fn phase(first: &[f64], second: &[f64]) -> Result<f64, String> {
    let period = mean_period(first)?;
    let own = mean_period(second)?;
    if (own / period - 1.0).abs() > 0.01 {
        return Err(format!("periods of {period:e} and {own:e} have no common phase"));
    }
    // Averaged on the circle, so that lags near half a turn do not cancel.
    let (mut sine, mut cosine, mut count) = (0.0, 0.0, 0);
    for rise in first {
        let Some(next) = second.iter().find(|t| *t >= rise) else { break };
        let (s, c) = (std::f64::consts::TAU * (next - rise) / period).sin_cos();
        (sine, cosine, count) = (sine + s, cosine + c, count + 1);
    }
    if count == 0 {
        Err("the second column never rises after the first".to_string())
    } else {
        Ok(f64::atan2(sine, cosine).to_degrees())
    }
}
