//! Branches of solutions `f(x, p) = 0` by pseudo-arclength (Keller 1977), through folds.
//!
//! A point is `y = (x, p)`. The bordered matrix
//!
//! ```text
//!     [ J    F_p ]
//!     [ c^T  c_p ]
//! ```
//!
//! is factored as a whole on a pattern with one more row and column: at a fold J is singular and it is not. Distances are
//! measured in the size of each unknown, `|dy|^2 = sum (dy_j / size_j)^2`, so volts, kelvins and amperes weigh alike.

use crate::dae::{Eval, Outputs, ParamId, Params, Want};
use crate::sparse::{Lu, Pattern};

use super::Counts;
use super::failure::Failure;
use super::newton::{Newton, Report, SHARE, enough, good, judge_update};
use super::statics::Statics;
use super::walk::assign;

/// A matrix with one more row and column than the system's, factored as a whole.
pub struct Border {
    lu: Lu<f64>,
    values: Vec<f64>,
    inner: Vec<u32>,
    row: Vec<u32>,
    column: Vec<u32>,
}

impl Border {
    /// Space for matrices on `pattern` with a border.
    pub fn new(pattern: &Pattern) -> Border {
        let n = pattern.n as u32;
        let inner = (0..n).flat_map(|c| pattern.column(c as usize).map(move |s| (pattern.rows[s], c)));
        let bordered = Pattern::new(n as usize + 1, inner.chain((0..n).flat_map(|k| [(n, k), (k, n)])));
        let slot = |r: u32, c: u32| bordered.slot(r, c).0;
        Border {
            inner: (0..n)
                .flat_map(|c| pattern.column(c as usize).map(move |s| (pattern.rows[s], c)))
                .map(|(r, c)| slot(r, c))
                .collect(),
            row: (0..=n).map(|k| slot(n, k)).collect(),
            column: (0..n).map(|k| slot(k, n)).collect(),
            values: vec![0.0; bordered.len()],
            lu: Lu::new(&bordered),
        }
    }

    /// Factors `[matrix column; row]`; `row` has n + 1 entries.
    ///
    /// # Errors
    /// If there is no inverse.
    pub fn factor(&mut self, matrix: &[f64], column: &[f64], row: &[f64]) -> Result<(), Failure> {
        self.inner.iter().zip(matrix).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        self.column.iter().zip(column).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        self.row.iter().zip(row).for_each(|(slot, v)| self.values[*slot as usize] = *v);
        self.lu.factor(&self.values).map_err(Failure::Singular)?;
        Ok(())
    }

    /// Sign of the determinant of the matrix factored last.
    pub fn sign(&self) -> f64 {
        self.lu.log_determinant().0
    }

    /// `b := [..]^-1 b`, n + 1 entries.
    pub fn solve(&mut self, b: &mut [f64]) {
        self.lu.solve(b);
    }
}

/// A point of a branch with the direction of travel.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// Unknowns, then the parameter.
    pub y: Vec<f64>,
    /// dy/ds, of length 1 in the branch's measure.
    pub tangent: Vec<f64>,
    /// Sign of the determinant bordered with the tangent: it changes where branches cross, and not at folds.
    pub sign: f64,
}

impl Place {
    /// The parameter.
    pub fn p(&self) -> f64 {
        self.y[self.y.len() - 1]
    }

    /// The unknowns.
    pub fn x(&self) -> &[f64] {
        &self.y[..self.y.len() - 1]
    }

    /// dp/ds.
    pub fn slope(&self) -> f64 {
        self.tangent[self.tangent.len() - 1]
    }
}

/// The branch of one parameter, with all workspaces.
pub struct Branch<'a> {
    /// The equations; memory may be renewed between points.
    pub statics: Statics<'a>,
    /// Parameter values; that of the branch changes all the time.
    pub params: Params,
    /// What it cost.
    pub counts: Counts,
    id: ParamId,
    newton: Newton,
    border: Border,
    size: Vec<f64>,
    slope: Vec<f64>,
    slope_q: Vec<f64>,
    right: Vec<f64>,
    held_moves: bool,
    sign: f64,
    spare: Eval,
}

/// Iterations of a corrector; a prediction that needs more was too far out.
const CORRECTIONS: u32 = 12;
/// Cosine of the angle between tangents at the ends of a step: below the first it is refused, above the second it grows.
const COSINE: (f64, f64) = (0.9, 0.99);
/// Search steps on an arc.
const SEARCH: u32 = 60;

impl<'a> Branch<'a> {
    /// The branch through parameter `id`, whose interesting values span `range`.
    pub fn new(statics: Statics<'a>, params: Params, id: ParamId, range: (f64, f64)) -> Branch<'a> {
        let system = statics.system;
        let n = system.layout().unknowns.len();
        let floors = super::floors(system.layout()).map(|f| f * 1e3);
        let size = floors.chain(std::iter::once((range.1 - range.0).abs().max(f64::MIN_POSITIVE.sqrt()))).collect();
        let mut branch = Branch {
            newton: Newton::new(system),
            border: Border::new(system.pattern()),
            spare: Eval::new(system),
            statics,
            params,
            counts: Counts::default(),
            id,
            size,
            slope: vec![0.0; n + 1],
            slope_q: vec![0.0; n + 1],
            right: vec![0.0; n + 1],
            held_moves: false,
            sign: 1.0,
        };
        branch.held_moves = branch.start_depends(range);
        branch
    }

    /// True if the parameter moves what is held: start values.
    fn start_depends(&mut self, range: (f64, f64)) -> bool {
        let now = self.statics.system.value(&self.params, self.id);
        let mut seen = |value| {
            let mut params = self.params.clone();
            assign(&self.statics, &mut params, self.id, value).ok()?;
            self.statics.renew(&params);
            Some((self.statics.q0.clone(), self.statics.system.starts(&params).iter().map(|s| s.value).collect::<Vec<_>>()))
        };
        let differs = seen(range.0) != seen(range.1);
        seen(now);
        differs && !self.statics.q0.is_empty()
    }

    /// Sets the parameter.
    ///
    /// # Errors
    /// If it refuses the value.
    pub fn set(&mut self, p: f64) -> Result<(), Failure> {
        assign(&self.statics, &mut self.params, self.id, p)?;
        if self.held_moves {
            self.statics.renew(&self.params);
        }
        Ok(())
    }

    /// Residual, matrix and `F_p` at `y`.
    fn assemble(&mut self, y: &[f64]) -> Result<(), Failure> {
        let (x, p) = y.split_at(y.len() - 1);
        self.set(p[0])?;
        let system = self.statics.system;
        self.newton.assemble(system, &self.statics.equation(&self.params), x, &mut self.counts)?;
        system.slope(self.id, &self.statics.point(&self.params, x), &mut self.slope, &mut self.slope_q);
        self.counts.evaluations += 1;
        let moves = self.held_moves;
        let shift = if moves { self.statics.start_slope(&self.params, self.id, &mut self.spare) } else { Vec::new() };
        self.newton.special_slope(&self.slope_q, &shift, &self.statics.pins, &mut self.slope);
        if self.slope[..x.len()].iter().all(|v| v.is_finite()) { Ok(()) } else { Err(Failure::NotFinite) }
    }

    /// Takes the sizes of the unknowns from a point and, where it is the first, from where its tangent leads.
    fn measure(&mut self, y: &[f64]) {
        let n = y.len() - 1;
        self.size[..n].iter_mut().zip(y).for_each(|(size, y)| *size = size.max(y.abs()));
    }

    /// Length of `d` in the measure of the branch.
    fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(&self.size).map(|((a, b), s)| (a / s) * (b / s)).sum()
    }

    /// The direction of the branch at `y`, on the side of `reference`.
    fn tangent(&mut self, y: &[f64], reference: &[f64]) -> Result<Vec<f64>, Failure> {
        self.assemble(y)?;
        let row: Vec<f64> = reference.iter().zip(&self.size).map(|(t, s)| t / (s * s)).collect();
        self.border.factor(self.newton.matrix(), &self.slope, &row)?;
        self.sign = self.border.sign();
        self.counts.factorisations += 1;
        let mut tangent = vec![0.0; y.len()];
        tangent[y.len() - 1] = 1.0;
        self.border.solve(&mut tangent);
        let length = self.dot(&tangent, &tangent).sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(Failure::NotFinite);
        }
        tangent.iter_mut().for_each(|t| *t /= length);
        Ok(tangent)
    }

    /// Solves `F = 0` with `row . y = value` from `y`; returns the iterations.
    fn correct(&mut self, y: &mut [f64], row: &[f64], value: f64) -> Result<u32, Failure> {
        let n = y.len() - 1;
        let relative = SHARE * self.statics.tolerances.reltol;
        let mut last = f64::INFINITY;
        let mut report = Report::default();
        for iteration in 1..=CORRECTIONS {
            self.assemble(y)?;
            self.border.factor(self.newton.matrix(), &self.slope, row)?;
            self.counts.factorisations += 1;
            self.counts.iterations += 1;
            self.right[..n].iter_mut().zip(self.newton.residual()).for_each(|(b, r)| *b = -r);
            self.right[n] = value - row.iter().zip(y.iter()).map(|(c, y)| c * y).sum::<f64>();
            self.border.solve(&mut self.right);
            let system = self.statics.system;
            let (k, residual) = self.newton.judge_residual(system, &self.statics.equation(&self.params), relative);
            let (j, update) = judge_update(system, &self.right[..n], &y[..n], relative);
            let weight = update.max(self.right[n].abs() / (relative * self.size[n]));
            report = Report { iterations: iteration, worst_row: (k, self.newton.residual()[k]), worst_unknown: (j, self.right[j]) };
            y.iter_mut().zip(&self.right).for_each(|(y, dy)| *y += dy);
            if good(residual, weight, last) && enough(true, relative, weight, last) {
                self.set(y[n])?;
                return Ok(iteration);
            }
            last = weight;
        }
        Err(Failure::NoConvergence(report))
    }

    /// The first place: `x` solves the equations at the parameter's present value; `direction` is the sign of dp/ds there.
    ///
    /// # Errors
    /// If the point is singular or `x` is no solution.
    pub fn enter(&mut self, x: &[f64], direction: f64) -> Result<Place, Failure> {
        let n = x.len();
        let mut y = x.to_vec();
        y.push(self.statics.system.value(&self.params, self.id));
        let mut unit = vec![0.0; n + 1];
        unit[n] = 1.0;
        let value = y[n];
        self.correct(&mut y, &unit, value)?;
        self.measure(&y);
        unit[n] = direction.signum();
        let tangent = self.tangent(&y, &unit)?;
        // What moves along with the parameter gets the size it will have at the far end.
        let reach = self.size[n] / tangent[n].abs().max(1e-3 * self.size[n]);
        let expected: Vec<f64> = y.iter().zip(&tangent).map(|(y, t)| y.abs().max((reach * t).abs())).collect();
        self.measure(&expected);
        let tangent = self.tangent(&y, &unit)?;
        Ok(Place { y, tangent, sign: self.sign })
    }

    /// The place one step of length `step` on, with a proposal for the next length; shorter steps are tried down to `least`.
    ///
    /// # Errors
    /// If no step that is long enough succeeds.
    pub fn step(&mut self, from: &Place, step: f64, least: f64) -> Result<(Place, f64), Failure> {
        let mut step = step;
        loop {
            match self.attempt(from, step) {
                Ok((place, cosine, iterations)) if cosine >= COSINE.0 => {
                    self.measure(&place.y);
                    let easy = cosine >= COSINE.1 && iterations <= 5;
                    return Ok((place, if easy { 2.0 * step } else { step }));
                }
                // A corner: the direction changes at once however short the step.
                Ok((place, ..)) if step < 2.0 * least => return Ok((place, step)),
                Err(failure) if step < 2.0 * least => return Err(failure),
                _ => step *= 0.5,
            }
        }
    }

    fn attempt(&mut self, from: &Place, step: f64) -> Result<(Place, f64, u32), Failure> {
        let mut y: Vec<f64> = from.y.iter().zip(&from.tangent).map(|(y, t)| y + step * t).collect();
        let row: Vec<f64> = from.tangent.iter().zip(&self.size).map(|(t, s)| t / (s * s)).collect();
        let value = row.iter().zip(&y).map(|(c, y)| c * y).sum();
        let iterations = self.correct(&mut y, &row, value)?;
        let tangent = self.tangent(&y, &from.tangent)?;
        let cosine = self.dot(&tangent, &from.tangent) / self.dot(&from.tangent, &from.tangent).sqrt();
        Ok((Place { y, tangent, sign: self.sign }, cosine, iterations))
    }

    /// The place where `measure` is zero on the arc from `a` to `b`, at whose ends it has opposite signs.
    ///
    /// # Errors
    /// If a place on the arc cannot be solved.
    pub fn search(&mut self, a: &Place, b: &Place, measure: &dyn Fn(&Place) -> f64) -> Result<Place, Failure> {
        let chord: Vec<f64> = b.y.iter().zip(&a.y).map(|(b, a)| b - a).collect();
        let row: Vec<f64> = chord.iter().zip(&self.size).map(|(t, s)| t / (s * s)).collect();
        let length = self.dot(&chord, &chord).sqrt();
        let (mut low, mut high) = ((0.0, measure(a)), (1.0, measure(b)));
        let negligible = 1e-14 * low.1.abs().max(high.1.abs());
        let (mut place, mut last, mut side) = (a.clone(), f64::NAN, 0);
        for _ in 0..SEARCH {
            // Secant; the value at an end that stays is halved, so that both ends close in (Illinois).
            let theta = ((low.0 * high.1 - high.0 * low.1) / (high.1 - low.1)).clamp(low.0, high.0);
            let mut y: Vec<f64> = (0..a.y.len()).map(|k| hermite(a, b, length, theta, k)).collect();
            let value = row.iter().zip(&a.y).zip(&chord).map(|((c, a), d)| c * (a + theta * d)).sum();
            self.correct(&mut y, &row, value)?;
            let tangent = self.tangent(&y, &a.tangent)?;
            place = Place { y, tangent, sign: self.sign };
            let found = measure(&place);
            if found.abs() <= negligible || (theta - last).abs() < 1e-15 {
                break;
            }
            if (found > 0.0) == (high.1 > 0.0) {
                high = (theta, found);
                low.1 *= if side == 1 { 0.5 } else { 1.0 };
                side = 1;
            } else {
                low = (theta, found);
                high.1 *= if side == -1 { 0.5 } else { 1.0 };
                side = -1;
            }
            last = theta;
        }
        Ok(place)
    }

    /// The fold between `a` and `b`, where dp/ds changes its sign.
    ///
    /// # Errors
    /// See [`Branch::search`].
    pub fn fold(&mut self, a: &Place, b: &Place) -> Result<Place, Failure> {
        self.search(a, b, &Place::slope)
    }

    /// The place between `a` and `b`, where p is monotone, at which the parameter is `p`.
    ///
    /// # Errors
    /// See [`Branch::search`].
    pub fn at(&mut self, a: &Place, b: &Place, p: f64) -> Result<Place, Failure> {
        let chord: Vec<f64> = b.y.iter().zip(&a.y).map(|(b, a)| b - a).collect();
        let length = self.dot(&chord, &chord).sqrt();
        let n = a.x().len();
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            let before = (hermite(a, b, length, middle, n) - p) * (b.p() - a.p()) < 0.0;
            if before { low = middle } else { high = middle }
        }
        let mut y: Vec<f64> = (0..=n).map(|k| hermite(a, b, length, low, k)).collect();
        y[n] = p;
        self.set(p)?;
        let solved = self.statics.solve(&mut self.newton, &self.params, &mut y[..n], &mut self.counts).is_ok();
        let along: Vec<f64> = y.iter().zip(&a.y).map(|(y, a)| y - a).collect();
        let theta = self.dot(&along, &chord) / self.dot(&chord, &chord);
        if solved && (-1e-6..=1.0 + 1e-6).contains(&theta) {
            return Ok(Place { tangent: chord, y, sign: a.sign });
        }
        let natural = Place { tangent: chord, y, sign: a.sign };
        match self.search(a, b, &|place: &Place| place.p() - p) {
            Err(_) if solved => Ok(natural),
            other => other,
        }
    }

    /// The problem at the parameter value `p`, apart from the branch: for jumps.
    ///
    /// # Errors
    /// If the parameter refuses the value.
    pub fn apart(&mut self, p: f64) -> Result<(&Statics<'a>, &mut Newton, &Params, &mut Counts), Failure> {
        self.set(p)?;
        Ok((&self.statics, &mut self.newton, &self.params, &mut self.counts))
    }

    /// The value of the parameter.
    pub fn parameter(&self) -> f64 {
        self.statics.system.value(&self.params, self.id)
    }

    /// The outputs at a place where the parameter has been set.
    pub fn outputs(&mut self, place: &Place) -> &Outputs {
        self.counts.evaluations += 1;
        let at = self.statics.point(&self.params, place.x());
        self.statics.system.eval(&at, Want::OUTPUTS, &mut self.spare);
        &self.spare.outputs
    }
}

/// Component k of the cubic between two places whose chord has the length given.
fn hermite(a: &Place, b: &Place, length: f64, theta: f64, k: usize) -> f64 {
    let (u, w) = (theta, 1.0 - theta);
    let ends = w * w * (1.0 + 2.0 * u) * a.y[k] + u * u * (1.0 + 2.0 * w) * b.y[k];
    ends + length * (u * w * w * a.tangent[k] - u * u * w * b.tangent[k])
}
