//! Curves that lie on one another: the first is drawn whole, each other one in dashes above it, in turn where they are several.

use crate::output::svg::trace::Spot;

/// Pixels between two curves that nobody sees.
const NEAR: f64 = 1.0;
/// Part of its length over which a curve lies on another one to be drawn in dashes.
const MOST: f64 = 0.5;
/// Places of a curve that are looked at.
const PLACES: f64 = 64.0;
/// Pixels of a dash, at least; most dashes along a curve.
const DASH: f64 = 14.0;
const DASHES: f64 = 150.0;
/// Curves of a panel up to which their colours are told apart.
const CURVES: usize = 200;

/// Pieces of one curve, to be drawn at once.
pub struct Layer {
    /// Which curve.
    pub line: usize,
    /// How many it lies on.
    pub rank: usize,
    /// The pieces, in pixels.
    pub strokes: Vec<Vec<Spot>>,
}

/// A curve and the first one that it lies on, itself if there is none.
struct Member {
    line: usize,
    first: usize,
    rank: usize,
}

/// What is drawn of each curve, in the order of drawing.
pub fn layers(lines: Vec<Vec<Vec<Spot>>>) -> Vec<Layer> {
    let mut members = groups(&lines);
    members.sort_by_key(|m| (m.rank > 0, m.line));
    let size = |first: usize| members.iter().filter(|m| m.first == first).count();
    let layer = |m: &Member| {
        let strokes = &lines[m.line];
        let strokes = if m.rank == 0 { strokes.clone() } else { dashes(strokes, &lines[m.first], (m.rank, size(m.first))) };
        Layer { line: m.line, rank: m.rank, strokes }
    };
    members.iter().map(layer).collect()
}

/// Longer curves come first: a short one lies on a long one, whichever is drawn before.
fn groups(lines: &[Vec<Vec<Spot>>]) -> Vec<Member> {
    let lengths: Vec<f64> = lines.iter().map(|strokes| length(strokes)).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    // Lengths within a twentieth are equal: then the order of the curves counts.
    order.sort_by_key(|k| -(lengths[*k].max(1.0).ln() / 0.05).round() as i64);
    let mut members: Vec<Member> = Vec::with_capacity(lines.len());
    for line in order {
        let places: Vec<Spot> = match lengths[line] > 0.0 && lines.len() <= CURVES {
            true => cut(&lines[line], &[lengths[line] / PLACES]).iter().map(|(_, piece)| middle(piece)).collect(),
            false => Vec::new(),
        };
        let on = |first: usize| {
            let mut misses = ((1.0 - MOST) * places.len() as f64) as usize;
            places.iter().all(|place| near(*place, &lines[first]) || misses.checked_sub(1).map(|left| misses = left).is_some())
        };
        let first = members.iter().filter(|m| m.rank == 0 && !places.is_empty()).map(|m| m.line).find(|first| on(*first));
        let first = first.unwrap_or(line);
        members.push(Member { line, first, rank: members.iter().filter(|m| m.first == first).count() });
    }
    members
}

/// The dashes of curve number `rank` of several on one another, and all of it that lies beside the `first`.
fn dashes(strokes: &[Vec<Spot>], first: &[Vec<Spot>], (rank, of): (usize, usize)) -> Vec<Vec<Spot>> {
    let length = length(strokes);
    let dash = (length / DASHES).max(DASH).min(length / of as f64);
    let pieces = cut(strokes, &vec![dash; of]);
    pieces.into_iter().filter(|(k, piece)| *k == rank || !near(middle(piece), first)).map(|(_, piece)| piece).collect()
}

fn length(strokes: &[Vec<Spot>]) -> f64 {
    strokes.iter().flat_map(|s| s.windows(2)).map(|pair| distance(pair[0], pair[1])).sum()
}

fn distance(a: Spot, b: Spot) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn between(a: Spot, b: Spot, w: f64) -> Spot {
    (a.0 + w * (b.0 - a.0), a.1 + w * (b.1 - a.1))
}

fn middle(piece: &[Spot]) -> Spot {
    let k = piece.len() / 2;
    between(piece[k.saturating_sub(1)], piece[k], 0.5)
}

fn near(spot: Spot, strokes: &[Vec<Spot>]) -> bool {
    let close = |a: Spot, b: Spot| {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let w = ((spot.0 - a.0) * dx + (spot.1 - a.1) * dy) / (dx * dx + dy * dy);
        // A segment without length has no direction.
        distance(spot, between(a, b, if w.is_nan() { 0.0 } else { w.clamp(0.0, 1.0) })) <= NEAR
    };
    strokes.iter().flat_map(|s| s.windows(2)).any(|pair| close(pair[0], pair[1]))
}

/// Cuts lines into pieces of these lengths in turn, each with the number of its length; a gap between two lines cuts as well.
pub fn cut(strokes: &[Vec<Spot>], lengths: &[f64]) -> Vec<(usize, Vec<Spot>)> {
    let mut out = Vec::new();
    let (mut k, mut left) = (0, lengths[0]);
    for stroke in strokes {
        let mut piece: Vec<Spot> = stroke.first().copied().into_iter().collect();
        for pair in stroke.windows(2) {
            let (mut from, to) = (pair[0], pair[1]);
            let mut rest = distance(from, to);
            while rest > left {
                from = between(from, to, left / rest);
                rest -= left;
                piece.push(from);
                out.push((k, std::mem::replace(&mut piece, vec![from])));
                k = (k + 1) % lengths.len();
                left = lengths[k];
            }
            left -= rest;
            piece.push(to);
        }
        if piece.len() > 1 {
            out.push((k, piece));
        }
    }
    out
}
