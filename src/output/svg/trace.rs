//! Lines of any length in bounded memory, as they are pushed.
//!
//! A *run* has an abscissa that goes one way: it is kept in buckets of equal width, each with its first, lowest, highest and
//! last point; when there are too many, the width doubles. A *free* line (loops, phase portraits) drops points nearer than a
//! fraction of a pixel to the last one kept, and when it grows too long, whatever lies on what is drawn already: a thousand
//! turns of a limit cycle become one. Ordinates and abscissae that are not finite lift the pen.

use crate::output::svg::thin::{straighten, uncovered};

/// A point.
pub type Spot = (f64, f64);

/// Buckets of a run before their width doubles.
const BUCKETS: usize = 4096;
/// Points of a free line before it is thinned.
const POINTS: usize = 32768;
/// Strokes after which the pen is lifted no more (data that alternates with gaps).
const STROKES: usize = 4096;

/// Smallest and largest coordinates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Extent {
    /// Of the abscissa.
    pub x: (f64, f64),
    /// Of the ordinate.
    pub y: (f64, f64),
}

impl Extent {
    /// Contains nothing.
    pub const EMPTY: Extent = Extent { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) };

    /// Contains everything.
    pub const ALL: Extent = Extent { x: (f64::NEG_INFINITY, f64::INFINITY), y: (f64::NEG_INFINITY, f64::INFINITY) };

    /// What both contain.
    fn common(self, other: Extent) -> Extent {
        Extent { x: (self.x.0.max(other.x.0), self.x.1.min(other.x.1)), y: (self.y.0.max(other.y.0), self.y.1.min(other.y.1)) }
    }

    /// On which of the four sides it lies outside.
    fn outside(&self, (x, y): Spot) -> [bool; 4] {
        [x < self.x.0, x > self.x.1, y < self.y.0, y > self.y.1]
    }

    fn include(&mut self, (x, y): Spot) {
        self.x = (self.x.0.min(x), self.x.1.max(x));
        self.y = (self.y.0.min(y), self.y.1.max(y));
    }

    /// The smallest that contains both.
    pub fn with(self, other: Extent) -> Extent {
        Extent { x: (self.x.0.min(other.x.0), self.x.1.max(other.x.1)), y: (self.y.0.min(other.y.0), self.y.1.max(other.y.1)) }
    }
}

/// Whether the abscissa goes one way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It does, or turns round now and then.
    Run,
    /// It need not.
    Free,
}

/// A line being recorded.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Which kind.
    pub shape: Shape,
    /// What it covers, exactly.
    pub extent: Extent,
    /// What will be shown; lines that lie outside altogether are not kept.
    window: Extent,
    /// Last point, if it is not kept.
    hidden: Option<Spot>,
    previous: Option<Spot>,
    runs: Vec<Run>,
    free: Vec<Vec<Spot>>,
    kept: usize,
    grid: usize,
    lifted: bool,
}

impl Trace {
    /// An empty one, of which `window` will be shown.
    pub fn new(shape: Shape, window: Extent) -> Trace {
        Trace {
            shape,
            extent: Extent::EMPTY,
            window,
            hidden: None,
            previous: None,
            runs: Vec::new(),
            free: Vec::new(),
            kept: 0,
            grid: 1024,
            lifted: true,
        }
    }

    /// The next point.
    pub fn push(&mut self, spot: Spot) {
        if !(spot.0.is_finite() && spot.1.is_finite()) {
            return self.lift();
        }
        let side = self.window.outside(spot);
        let before = self.previous.replace(spot).map_or([true; 4], |p| self.window.outside(p));
        if side.iter().zip(before).any(|(a, b)| *a && b) {
            self.pen_up();
            self.hidden = Some(spot);
            return;
        }
        if let Some(hidden) = self.hidden.take() {
            self.keep(hidden);
        }
        self.keep(spot);
    }

    fn keep(&mut self, spot: Spot) {
        self.extent.include(spot);
        match self.shape {
            Shape::Run => self.push_run(spot),
            Shape::Free => self.push_free(spot),
        }
    }

    /// The next point is not connected to the last one.
    pub fn lift(&mut self) {
        self.pen_up();
        self.hidden = None;
        self.previous = None;
    }

    fn pen_up(&mut self) {
        self.lifted = self.runs.len().max(self.free.len()) < STROKES;
    }

    /// Numbers that it holds.
    pub fn held(&self) -> usize {
        self.runs.iter().map(|r| 8 * r.buckets.len()).sum::<usize>() + self.free.iter().map(|s| 2 * s.len()).sum::<usize>()
    }

    /// The lines as kept.
    pub fn strokes(&self) -> Vec<Vec<Spot>> {
        match self.shape {
            Shape::Run => self.runs.iter().map(Run::spots).collect(),
            Shape::Free => self.free.clone(),
        }
    }

    fn push_run(&mut self, spot: Spot) {
        let full = self.runs.len() >= STROKES;
        match self.runs.last_mut() {
            Some(run) if !self.lifted => {
                let turned = run.turned(spot) && !full;
                if !turned {
                    return run.push(spot);
                }
                let mut next = Run::new(run.last());
                next.push(spot);
                self.runs.push(next);
            }
            _ => self.runs.push(Run::new(spot)),
        }
        self.lifted = false;
    }

    fn push_free(&mut self, spot: Spot) {
        let stroke = match self.free.last_mut() {
            Some(stroke) if !self.lifted => stroke,
            _ => {
                self.free.push(Vec::new());
                let last = self.free.len() - 1;
                &mut self.free[last]
            }
        };
        self.lifted = false;
        let shown = self.extent.common(self.window);
        let near = |a: f64, b: f64, (low, high): (f64, f64)| (a - b).abs() * 4096.0 < high - low || a == b;
        if stroke.last().is_some_and(|l| near(l.0, spot.0, shown.x) && near(l.1, spot.1, shown.y)) {
            return;
        }
        stroke.push(spot);
        self.kept += 1;
        if self.kept > POINTS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        loop {
            let (extent, n) = (self.extent.common(self.window), self.grid as f64);
            let scale = |(low, high): (f64, f64)| if high > low { n / (high - low) } else { 1.0 };
            let (sx, sy) = (scale(extent.x), scale(extent.y));
            let to = |s: &Spot| ((s.0 - extent.x.0) * sx, (s.1 - extent.y.0) * sy);
            let back = |s: &Spot| (s.0 / sx + extent.x.0, s.1 / sy + extent.y.0);
            let cells: Vec<Vec<Spot>> = self.free.iter().map(|s| s.iter().map(to).collect()).collect();
            let open = cells.last().and_then(|s| s.last()).copied();
            let mut kept: Vec<Vec<Spot>> = uncovered(&cells, (n, n)).iter().map(|stroke| straighten(stroke, 0.2)).collect();
            // The pen goes on where it is.
            if let Some(end) = open.filter(|end| kept.last().and_then(|s| s.last()) != Some(end)) {
                kept.push(vec![end]);
            }
            self.free = kept.iter().map(|s| s.iter().map(back).collect()).collect();
            self.kept = self.free.iter().map(Vec::len).sum();
            if self.kept <= POINTS / 2 || self.grid <= 64 {
                return;
            }
            self.grid /= 2;
        }
    }
}

/// Points whose abscissa goes one way.
#[derive(Clone, Debug)]
struct Run {
    buckets: Vec<Bucket>,
    /// Width of a bucket; 0 while every point has its own.
    width: f64,
    direction: f64,
}

/// Neighbouring points of a run, as four of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    first: Spot,
    low: Spot,
    high: Spot,
    last: Spot,
}

impl Bucket {
    pub(super) fn of(spot: Spot) -> Bucket {
        Bucket { first: spot, low: spot, high: spot, last: spot }
    }

    pub(super) fn merge(&mut self, next: &Bucket) {
        if next.low.1 < self.low.1 {
            self.low = next.low;
        }
        if next.high.1 > self.high.1 {
            self.high = next.high;
        }
        self.last = next.last;
    }

    /// Its points in order, without repetition.
    pub(super) fn spots(&self, out: &mut Vec<Spot>) {
        let forward = self.first.0 <= self.last.0;
        let (mut a, mut b) = (self.low, self.high);
        if (a.0 > b.0) == forward && a.0 != b.0 {
            (a, b) = (b, a);
        }
        for spot in [self.first, a, b, self.last] {
            if out.last() != Some(&spot) {
                out.push(spot);
            }
        }
    }
}

impl Run {
    fn new(spot: Spot) -> Run {
        Run { buckets: vec![Bucket::of(spot)], width: 0.0, direction: 0.0 }
    }

    fn last(&self) -> Spot {
        self.buckets[self.buckets.len() - 1].last
    }

    fn turned(&self, spot: Spot) -> bool {
        (spot.0 - self.last().0) * self.direction < 0.0
    }

    fn cell(&self, spot: Spot) -> f64 {
        let cell = ((spot.0 - self.buckets[0].first.0) / self.width).abs().floor();
        // Where a range overflows, all is one bucket.
        if cell.is_nan() { 0.0 } else { cell }
    }

    fn push(&mut self, spot: Spot) {
        let last = self.buckets.len() - 1;
        let step = spot.0 - self.last().0;
        if step != 0.0 {
            self.direction = step;
        }
        if self.width > 0.0 && self.cell(spot) == self.cell(self.buckets[last].first) {
            return self.buckets[last].merge(&Bucket::of(spot));
        }
        self.buckets.push(Bucket::of(spot));
        while self.buckets.len() > BUCKETS {
            self.widen();
        }
    }

    fn widen(&mut self) {
        let span = (self.last().0 - self.buckets[0].first.0).abs();
        let least = if span > 0.0 { span / (BUCKETS / 2) as f64 } else { 1.0 };
        self.width = (2.0 * self.width).max(least);
        let mut merged: Vec<Bucket> = Vec::with_capacity(BUCKETS);
        for bucket in &self.buckets {
            match merged.last_mut() {
                Some(last) if self.cell(last.first) == self.cell(bucket.first) => last.merge(bucket),
                _ => merged.push(*bucket),
            }
        }
        self.buckets = merged;
    }

    fn spots(&self) -> Vec<Spot> {
        let mut out = Vec::new();
        self.buckets.iter().for_each(|b| b.spots(&mut out));
        out
    }
}
