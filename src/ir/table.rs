//! Tables of samples: interpolation along one dimension after the other, with exact derivatives.
//!
//! Samples lie on isolines: for each value of the first (outermost) variable a set of values of the next one, and so on; the
//! sets may differ from line to line. The value at a point is found recursively: every line gives one number by interpolation
//! along its own variable, and these numbers are interpolated along the outer one. In each dimension the interpolant is a
//! weighted sum of the samples, `y(x) = sum_i w_i(x) y_i`, so that a derivative replaces w by w' (and is the derivative of the
//! interpolant itself). Degrees: nearest sample, broken line, quadratic spline, cubic spline. Where a spline ends its second
//! derivative is zero (cubic: at both ends, quadratic: in the first interval), which a linear continuation wants.

/// Interpolation along one dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Degree {
    /// The nearest sample; half way between two, the one farther from zero.
    Nearest,
    /// Straight lines.
    Linear,
    /// Parabolas with continuous slope.
    Quadratic,
    /// Cubic parabolas with continuous curvature.
    Cubic,
}

/// What lies beyond the samples at one end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beyond {
    /// The value at the end.
    Constant,
    /// The tangent at the end.
    Linear,
    /// The tangent; that the point lies outside is told at accepted points.
    Error,
}

/// How one dimension is treated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axis {
    /// Degree of the interpolant.
    pub degree: Degree,
    /// Below the first sample.
    pub below: Beyond,
    /// Above the last sample.
    pub above: Beyond,
}

/// Samples of one isoline.
#[derive(Clone, PartialEq, Debug)]
struct Line {
    /// Values of the variable, rising.
    x: Vec<f64>,
    /// What stands there.
    values: Samples,
    /// What bends a spline at each of its points: second derivatives of a cubic, slopes of a quadratic one. Of numbers, these;
    /// of lines, how much of each line is in them, row by row.
    bends: Vec<f64>,
}

#[derive(Clone, PartialEq, Debug)]
enum Samples {
    Numbers(Vec<f64>),
    Lines(Vec<Line>),
}

/// A function of up to [`DIMENSIONS`] variables, given by samples.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    axes: Vec<Axis>,
    root: Line,
}

/// Most variables of a table.
pub const DIMENSIONS: usize = 2;
/// Most samples of a table.
pub const SAMPLES: usize = 1_000_000;
/// Most lines that a spline runs across: their influence on each other is a full matrix.
pub const SPLINE: usize = 1_000;

impl Table {
    /// A table of rows: values of the variables, outermost first, and of the function.
    ///
    /// # Errors
    /// What is wrong with the samples; the number is that of a row, from 0, if one is to blame.
    pub fn new(axes: &[Axis], rows: &[(Vec<f64>, f64)]) -> Result<Table, (Option<usize>, String)> {
        if axes.is_empty() || axes.len() > DIMENSIONS {
            return Err((None, format!("a table has 1 to {DIMENSIONS} variables")));
        }
        if rows.len() > SAMPLES {
            return Err((None, format!("a table has at most {SAMPLES} samples")));
        }
        let bad = rows.iter().position(|(x, y)| x.len() != axes.len() || !y.is_finite() || x.iter().any(|v| !v.is_finite()));
        if let Some(row) = bad {
            return Err((Some(row), "a sample is not finite".to_string()));
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        Ok(Table { axes: axes.to_vec(), root: line(axes, rows, all, 0)? })
    }

    /// Number of variables.
    pub fn dimensions(&self) -> usize {
        self.axes.len()
    }

    /// Derivative of these orders at a point; orders 0 are the value.
    pub fn value(&self, x: [f64; DIMENSIONS], orders: [u8; DIMENSIONS]) -> f64 {
        if x[..self.dimensions()].iter().any(|v| v.is_nan()) {
            return f64::NAN;
        }
        at(&self.axes, &self.root, &x, &orders)
    }

    /// First and last value of the outermost variable.
    pub fn range(&self) -> (f64, f64) {
        (self.root.x[0], self.root.x[self.root.x.len() - 1])
    }

    /// Whether all lines of dimension `k` reach over the same values: from, to.
    pub fn bounds(&self, k: usize) -> Option<(f64, f64)> {
        bounds(&self.root, k)
    }
}

fn bounds(line: &Line, k: usize) -> Option<(f64, f64)> {
    if k == 0 {
        return Some((line.x[0], line.x[line.x.len() - 1]));
    }
    let Samples::Lines(lines) = &line.values else { return None };
    let first = bounds(&lines[0], k - 1)?;
    lines.iter().all(|l| bounds(l, k - 1) == Some(first)).then_some(first)
}

/// The line of some rows in dimension `depth`.
fn line(axes: &[Axis], rows: &[(Vec<f64>, f64)], mut own: Vec<usize>, depth: usize) -> Result<Line, (Option<usize>, String)> {
    own.sort_by(|a, b| rows[*a].0[depth].total_cmp(&rows[*b].0[depth]).then(a.cmp(b)));
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for k in own {
        let v = rows[k].0[depth];
        match groups.last_mut() {
            Some((last, members)) if *last == v => members.push(k),
            _ => groups.push((v, vec![k])),
        }
    }
    let x: Vec<f64> = groups.iter().map(|g| g.0).collect();
    let degree = axes[depth].degree;
    let least = if degree == Degree::Nearest { 1 } else { 2 };
    if x.len() < least {
        let row = groups.first().map(|g| g.1[0]);
        return Err((
            row,
            format!("a line of the table has {} samples of variable {}: expected {least} or more", x.len(), depth + 1),
        ));
    }
    let inner = depth + 1 < axes.len();
    let values = if inner {
        let lines: Result<Vec<Line>, _> = groups.into_iter().map(|(_, members)| line(axes, rows, members, depth + 1)).collect();
        Samples::Lines(lines?)
    } else {
        if let Some((_, members)) = groups.iter().find(|(_, members)| members.len() > 1) {
            return Err((Some(members[1]), "this point stands twice in the table".to_string()));
        }
        Samples::Numbers(groups.iter().map(|(_, members)| rows[members[0]].1).collect())
    };
    let spline = matches!(degree, Degree::Quadratic | Degree::Cubic) && x.len() > 2;
    if spline && inner && x.len() > SPLINE {
        return Err((
            None,
            format!("a spline runs across at most {SPLINE} lines: use linear interpolation in variable {}", depth + 1),
        ));
    }
    let n = x.len();
    let bends = match &values {
        _ if !spline => Vec::new(),
        Samples::Numbers(y) => bend(degree, &x, y),
        Samples::Lines(_) => {
            let mut all = vec![0.0; n * n];
            let mut unit = vec![0.0; n];
            for j in 0..n {
                unit[j] = 1.0;
                bend(degree, &x, &unit).into_iter().enumerate().for_each(|(i, b)| all[i * n + j] = b);
                unit[j] = 0.0;
            }
            all
        }
    };
    Ok(Line { x, values, bends })
}

/// What bends a spline through the points.
fn bend(degree: Degree, x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let mut out = vec![0.0; n];
    let h: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let slope = |i: usize| (y[i + 1] - y[i]) / h[i];
    if degree == Degree::Quadratic {
        // Straight in the first interval; from there on the slope at the end follows from that at the beginning.
        (out[0], out[1]) = (slope(0), slope(0));
        for i in 1..n - 1 {
            out[i + 1] = 2.0 * slope(i) - out[i];
        }
        return out;
    }
    // h_(i-1) m_(i-1) + 2 (h_(i-1) + h_i) m_i + h_i m_(i+1) = 6 (slope_i - slope_(i-1)), m = 0 at both ends.
    let mut diagonal = vec![0.0; n];
    for i in 1..n - 1 {
        let factor = if i > 1 { h[i - 1] / diagonal[i - 1] } else { 0.0 };
        diagonal[i] = 2.0 * (h[i - 1] + h[i]) - factor * h[i - 1];
        out[i] = 6.0 * (slope(i) - slope(i - 1)) - factor * out[i - 1];
    }
    for i in (1..n - 1).rev() {
        out[i] = (out[i] - h[i] * out[i + 1]) / diagonal[i];
    }
    out
}

/// Value or derivative of what a line and those behind it give.
fn at(axes: &[Axis], line: &Line, x: &[f64], orders: &[u8]) -> f64 {
    let (Some((axis, axes)), Some((v, x)), Some((order, orders))) = (axes.split_first(), x.split_first(), orders.split_first())
    else {
        return f64::NAN;
    };
    let sample = |k: usize| match &line.values {
        Samples::Numbers(numbers) => numbers[k],
        Samples::Lines(lines) => at(axes, &lines[k], x, orders),
    };
    along(line, *axis, *v, *order, &sample)
}

/// `sum_i w_i^(order)(v) sample(i)`.
fn along(line: &Line, axis: Axis, v: f64, order: u8, sample: &dyn Fn(usize) -> f64) -> f64 {
    let x = &line.x;
    let n = x.len();
    if axis.degree == Degree::Nearest || n == 1 {
        return if order == 0 { sample(nearest(x, v)) } else { 0.0 };
    }
    let (first, last) = (x[0], x[n - 1]);
    let (end, beyond) = match (v < first, v > last) {
        (true, _) => (first, Some(axis.below)),
        (_, true) => (last, Some(axis.above)),
        _ => (v, None),
    };
    let segment = x.partition_point(|p| *p <= end).clamp(1, n - 1) - 1;
    match beyond {
        None => piece(line, axis.degree, segment, end, order, sample),
        Some(Beyond::Constant) if order == 0 => piece(line, axis.degree, segment, end, 0, sample),
        Some(Beyond::Constant) => 0.0,
        Some(_) => {
            let slope = |sample: &dyn Fn(usize) -> f64| piece(line, axis.degree, segment, end, 1, sample);
            match order {
                0 => piece(line, axis.degree, segment, end, 0, sample) + slope(sample) * (v - end),
                1 => slope(sample),
                _ => 0.0,
            }
        }
    }
}

/// Index of the nearest sample; half way, the one farther from zero.
fn nearest(x: &[f64], v: f64) -> usize {
    let above = x.partition_point(|p| *p < v);
    if above == 0 || above == x.len() {
        return above.min(x.len() - 1);
    }
    let (low, high) = (v - x[above - 1], x[above] - v);
    if high < low || (high == low && x[above].abs() > x[above - 1].abs()) { above } else { above - 1 }
}

/// One piece of the interpolant, or its derivative.
fn piece(line: &Line, degree: Degree, k: usize, v: f64, order: u8, sample: &dyn Fn(usize) -> f64) -> f64 {
    let (n, x) = (line.x.len(), &line.x);
    let h = x[k + 1] - x[k];
    let (a, b) = ((x[k + 1] - v) / h, (v - x[k]) / h);
    // Weights of the two ends in a straight line.
    let (left, right) = match order {
        0 => (a, b),
        1 => (-1.0 / h, 1.0 / h),
        _ => (0.0, 0.0),
    };
    let straight = || if order > 1 { 0.0 } else { left * sample(k) + right * sample(k + 1) };
    if line.bends.is_empty() {
        return straight();
    }
    // What the bends at both ends are weighted with.
    let (low, high) = match (degree, order) {
        (Degree::Cubic, 0) => ((a * a * a - a) * h * h / 6.0, (b * b * b - b) * h * h / 6.0),
        (Degree::Cubic, 1) => (-(3.0 * a * a - 1.0) * h / 6.0, (3.0 * b * b - 1.0) * h / 6.0),
        (Degree::Cubic, 2) => (a, b),
        (Degree::Cubic, 3) => (-1.0 / h, 1.0 / h),
        // y = y_k + s_k d + (s_(k+1) - s_k) d^2 / (2 h): the line and what bends it.
        (_, 0) => (a * b * h / 2.0, -a * b * h / 2.0),
        (_, 1) => ((a - b) / 2.0, (b - a) / 2.0),
        (_, 2) => (-1.0 / h, 1.0 / h),
        _ => (0.0, 0.0),
    };
    if matches!(line.values, Samples::Numbers(_)) {
        return straight() + low * line.bends[k] + high * line.bends[k + 1];
    }
    let mut sum = 0.0;
    for i in 0..n {
        let mut weight = low * line.bends[k * n + i] + high * line.bends[(k + 1) * n + i];
        weight += if i == k { left } else { 0.0 };
        weight += if i == k + 1 { right } else { 0.0 };
        if weight != 0.0 {
            sum += weight * sample(i);
        }
    }
    sum
}
