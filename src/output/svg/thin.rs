//! Lines with fewer points that look the same.
//!
//! Three ways: the extremes of each pixel column for lines that go one way ([`columns`]), leaving out points that lie on a
//! straight line within a tolerance ([`straighten`]), and leaving out what is drawn already ([`uncovered`]).

use crate::output::svg::trace::{Bucket, Spot};

/// First, lowest, highest and last point of each column of `width`; for lines whose abscissa goes one way.
pub fn columns(stroke: &[Spot], width: f64) -> Vec<Spot> {
    let mut out = Vec::new();
    let mut column: Option<(f64, Bucket)> = None;
    for spot in stroke {
        let k = (spot.0 / width).floor();
        match &mut column {
            Some((at, bucket)) if *at == k => bucket.merge(&Bucket::of(*spot)),
            _ => {
                if let Some((_, done)) = column.replace((k, Bucket::of(*spot))) {
                    done.spots(&mut out);
                }
            }
        }
    }
    if let Some((_, done)) = column {
        done.spots(&mut out);
    }
    out
}

/// Leaves out points so that no point of the line is farther than `tolerance` from what is left.
///
/// From each point kept, a wedge holds all directions in which a straight line passes within the tolerance of every point
/// since; the last point before the wedge closes, or before the line turns back, is the next one kept.
pub fn straighten(stroke: &[Spot], tolerance: f64) -> Vec<Spot> {
    let Some(first) = stroke.first() else { return Vec::new() };
    let mut out = vec![*first];
    let mut anchor = *first;
    let mut before = *first;
    // Direction of the wedge's middle and its edges relative to it.
    let mut wedge: Option<(f64, f64, f64)> = None;
    let mut reach = 0.0;
    for spot in &stroke[1..] {
        let mut repeat = true;
        while std::mem::take(&mut repeat) {
            let (dx, dy) = (spot.0 - anchor.0, spot.1 - anchor.1);
            let distance = dx.hypot(dy);
            if distance <= tolerance {
                // Still at the anchor, unless it has been farther away.
                if reach > 2.0 * tolerance {
                    out.push(before);
                    (anchor, wedge, reach, repeat) = (before, None, 0.0, true);
                }
                continue;
            }
            let half = (tolerance / distance).min(1.0).asin();
            let angle = dy.atan2(dx);
            match &mut wedge {
                None => wedge = Some((angle, -half, half)),
                Some((middle, left, right)) => {
                    let turn = (angle - *middle + 3.0 * std::f64::consts::PI).rem_euclid(2.0 * std::f64::consts::PI)
                        - std::f64::consts::PI;
                    if turn < *left || turn > *right || distance < reach - tolerance {
                        out.push(before);
                        (anchor, wedge, reach, repeat) = (before, None, 0.0, true);
                        continue;
                    }
                    (*left, *right) = (left.max(turn - half), right.min(turn + half));
                }
            }
            reach = f64::max(reach, distance);
        }
        before = *spot;
    }
    if out.last() != Some(&before) {
        out.push(before);
    }
    out
}

/// Leaves out what lies within a cell of what was drawn before; coordinates count in cells from 0 to `size`.
pub fn uncovered(strokes: &[Vec<Spot>], size: Spot) -> Vec<Vec<Spot>> {
    let mut sheet = Sheet::new(size);
    let mut out = Vec::new();
    for stroke in strokes {
        let mut current: Vec<Spot> = Vec::new();
        if let &[only] = stroke.as_slice() {
            if sheet.draw(only, only) {
                out.push(vec![only]);
            }
            continue;
        }
        // Short gaps are drawn over: lifting the pen costs more.
        let mut skipped: Vec<Spot> = Vec::new();
        for pair in stroke.windows(2) {
            if sheet.draw(pair[0], pair[1]) {
                if current.is_empty() || skipped.len() > 3 {
                    if current.len() > 1 {
                        out.push(std::mem::take(&mut current));
                    }
                    current = vec![pair[0]];
                } else {
                    current.append(&mut skipped);
                }
                skipped.clear();
                current.push(pair[1]);
            } else {
                skipped.push(pair[1]);
            }
        }
        if current.len() > 1 {
            out.push(current);
        }
    }
    out
}

/// Which cells are drawn on, and after which length of line for the first time.
struct Sheet {
    width: i64,
    height: i64,
    drawn: Vec<f32>,
    length: f32,
}

impl Sheet {
    fn new(size: Spot) -> Sheet {
        let (width, height) = (size.0.ceil() as i64 + 2, size.1.ceil() as i64 + 2);
        Sheet { width, height, drawn: vec![f32::INFINITY; (width * height) as usize], length: 0.0 }
    }

    /// Draws a line if any of it is on paper that was empty until some cells ago (its own start does not count).
    fn draw(&mut self, from: Spot, to: Spot) -> bool {
        const OWN: f32 = 6.0;
        let distance = (to.0 - from.0).hypot(to.1 - from.1);
        let steps = (distance / 0.7).ceil().clamp(1.0, 1e5);
        let inside = |s: Spot| (0.0..self.width as f64).contains(&s.0) && (0.0..self.height as f64).contains(&s.1);
        // Lines that come from outside are few, and may be too long to follow.
        if !(inside(from) && inside(to)) {
            return true;
        }
        let start = self.length;
        let along = |k: i64| {
            let w = k as f64 / steps;
            let (x, y) = ((from.0 + w * (to.0 - from.0)) as i64, (from.1 + w * (to.1 - from.1)) as i64);
            (x, y, start + (w * distance) as f32)
        };
        let cells = 0..=steps as i64;
        let fresh = cells.clone().map(along).any(|(x, y, length)| self.drawn[(y * self.width + x) as usize] >= length - OWN);
        // What is left out leaves no mark: lines that creep sideways would hide one another for ever.
        for (x, y, length) in cells.filter(|_| fresh).map(along) {
            for (a, b) in (-1..=1).flat_map(|a| (-1..=1).map(move |b| (x + a, y + b))) {
                if (0..self.width).contains(&a) && (0..self.height).contains(&b) {
                    let cell = &mut self.drawn[(b * self.width + a) as usize];
                    *cell = cell.min(length);
                }
            }
        }
        self.length += distance as f32;
        fresh
    }
}
