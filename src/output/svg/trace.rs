//! Lines of any length in bounded memory, as they are pushed.
//!
//! A *run* has an abscissa that goes one way: it is kept in buckets of equal width, each with its first, lowest, highest and
//! last point; when there are too many, the width doubles. A *free* line (loops, phase portraits) drops points nearer than a
//! fraction of a pixel to the last one kept, and when it grows too long, whatever lies on what is drawn already: a thousand
//! turns of a limit cycle become one. Ordinates and abscissae that are not finite lift the pen.

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

#[derive(Clone, Copy, Debug)]
struct Bucket {
    first: Spot,
    low: Spot,
    high: Spot,
    last: Spot,
}

impl Bucket {
    fn of(spot: Spot) -> Bucket {
        Bucket { first: spot, low: spot, high: spot, last: spot }
    }

    fn merge(&mut self, next: &Bucket) {
        if next.low.1 < self.low.1 {
            self.low = next.low;
        }
        if next.high.1 > self.high.1 {
            self.high = next.high;
        }
        self.last = next.last;
    }

    /// Its points in order, without repetition.
    fn spots(&self, out: &mut Vec<Spot>) {
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
        ((spot.0 - self.buckets[0].first.0) / self.width).abs().floor()
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

    /// Draws a line; true if any of it is on paper that was empty until some cells ago (its own start does not count).
    fn draw(&mut self, from: Spot, to: Spot) -> bool {
        const OWN: f32 = 6.0;
        let distance = (to.0 - from.0).hypot(to.1 - from.1);
        let steps = (distance / 0.7).ceil().clamp(1.0, 1e5);
        let mut fresh = false;
        for k in 0..=steps as i64 {
            let w = k as f64 / steps;
            let (x, y) = ((from.0 + w * (to.0 - from.0)) as i64, (from.1 + w * (to.1 - from.1)) as i64);
            let length = self.length + (w * distance) as f32;
            if (0..self.width).contains(&x) && (0..self.height).contains(&y) {
                fresh |= self.drawn[(y * self.width + x) as usize] >= length - OWN;
            }
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
