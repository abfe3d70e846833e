//! Curves of solutions by pseudo-arclength (Keller 1977), and isolated solutions by Newton, of extended systems.
//!
//! A place is `z = (x, p..., own...)`: the unknowns, one or two parameters, and what the conditions bring along (a frequency).
//! `F(x; p) + B own = 0` are n equations, [`Conditions`] add the rest. Distances are measured in the size of each entry,
//! `|dz|^2 = sum (dz_j / size_j)^2`, so volts, kelvins and amperes weigh alike.

use crate::solve::failure::Failure;
use crate::solve::newton::{Report, SHARE, enough, good, judge_update};

use super::bordered::Bordered;
use super::field::Field;

/// Conditions beside `F = 0`.
pub trait Conditions {
    /// Number of unknowns of its own, behind the parameters.
    fn own(&self) -> usize;
    /// Number of conditions.
    fn count(&self) -> usize;
    /// At `z`: assembles the field there, adds to its residual what the own unknowns contribute, gives the columns of the own
    /// unknowns in F, the conditions' values and their gradients by z.
    ///
    /// # Errors
    /// If something is not finite.
    fn assemble(&mut self, field: &mut Field, z: &[f64]) -> Result<Border, Failure>;
}

/// What conditions contribute to the matrix.
#[derive(Clone, Debug, Default)]
pub struct Border {
    /// Column in F of each own unknown, n entries.
    pub columns: Vec<Vec<f64>>,
    /// What the own unknowns add to F; empty for nothing.
    pub added: Vec<f64>,
    /// Values of the conditions.
    pub values: Vec<f64>,
    /// Gradients of the conditions, as long as z.
    pub rows: Vec<Vec<f64>>,
}

/// Equilibria: no condition at all.
pub struct Equilibria;

impl Conditions for Equilibria {
    fn own(&self) -> usize {
        0
    }

    fn count(&self) -> usize {
        0
    }

    fn assemble(&mut self, field: &mut Field, z: &[f64]) -> Result<Border, Failure> {
        field.assemble(z).map(|()| Border::default())
    }
}

/// A place of a curve with its direction.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// Unknowns, parameters, own unknowns.
    pub z: Vec<f64>,
    /// dz/ds, of length 1.
    pub tangent: Vec<f64>,
    /// Sign and logarithm of the determinant of the bordered matrix: it changes its sign where branches cross, and not at folds.
    pub determinant: (f64, f64),
}

/// A curve with all workspaces.
pub struct Curve<'a, K> {
    /// The equations.
    pub field: Field<'a>,
    /// What else must hold.
    pub conditions: K,
    bordered: Bordered<f64>,
    /// Size of the own unknowns.
    own_size: Vec<f64>,
}

/// Iterations of a corrector.
const CORRECTIONS: u32 = 14;
/// Iterations for an isolated solution.
const ISOLATED: u32 = 30;
/// Cosine of the angle between tangents at the ends of a step: below the first it is refused, above the second it grows.
const COSINE: (f64, f64) = (0.95, 0.995);

impl<'a, K: Conditions> Curve<'a, K> {
    /// A curve, or with as many conditions as extra unknowns a point.
    pub fn new(field: Field<'a>, conditions: K, own_size: &[f64]) -> Curve<'a, K> {
        let width = field.ids.len() + conditions.own();
        Curve { bordered: Bordered::new(field.pattern(), width), field, conditions, own_size: own_size.to_vec() }
    }

    /// Size of each entry of z.
    pub fn size(&self, k: usize) -> f64 {
        let known = self.field.size.len();
        if k < known { self.field.size[k] } else { self.own_size[k - known] }
    }

    /// Scalar product in the measure of the curve.
    pub fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).enumerate().map(|(k, (a, b))| (a / self.size(k)) * (b / self.size(k))).sum()
    }

    /// The row of the matrix that measures along `d`.
    pub fn row(&self, d: &[f64]) -> Vec<f64> {
        d.iter().enumerate().map(|(k, d)| d / (self.size(k) * self.size(k))).collect()
    }

    /// Distance of two places.
    pub fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        self.dot(&d, &d).sqrt()
    }

    /// Sizes grow to what the unknowns reach.
    pub fn measure(&mut self, z: &[f64]) {
        let n = self.field.n();
        self.field.size[..n].iter_mut().zip(z).for_each(|(size, z)| *size = size.max(z.abs()));
    }

    /// The direction of the curve at `z`, on the side of `reference`.
    ///
    /// # Errors
    /// If the place is singular.
    pub fn tangent(&mut self, z: &[f64], reference: &[f64]) -> Result<Place, Failure> {
        let row = self.row(reference);
        factor(&mut self.field, &mut self.conditions, &mut self.bordered, z, Some(&row))?;
        let determinant = self.bordered.determinant();
        let mut tangent = self.bordered.unit(self.bordered.width() - 1);
        let length = self.dot(&tangent, &tangent).sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(Failure::NotFinite);
        }
        tangent.iter_mut().for_each(|t| *t /= length);
        // As if the last row had been the tangent itself: det grows with row . tangent.
        let along: f64 = row.iter().zip(&tangent).map(|(r, t)| r * t).sum();
        Ok(Place { z: z.to_vec(), tangent, determinant: (determinant.0, determinant.1 - along.abs().ln()) })
    }

    /// Solves for all equations and `row . z = value`. Returns the iterations.
    ///
    /// # Errors
    /// If Newton does not converge.
    pub fn correct(&mut self, z: &mut [f64], row: &[f64], value: f64) -> Result<u32, Failure> {
        let last = Some((row, value));
        solve(&mut self.field, &mut self.conditions, &mut self.bordered, &self.own_size, z, last)
    }

    /// One step: the place at distance `step` along the tangent, shorter where it must be, not shorter than `least`; with a
    /// proposal for the next.
    ///
    /// # Errors
    /// If no step that is long enough succeeds.
    pub fn step(&mut self, from: &Place, step: f64, least: f64) -> Result<(Place, f64), Failure> {
        let mut step = step;
        loop {
            match self.attempt(from, step) {
                Ok((place, cosine, iterations)) if cosine >= COSINE.0 => {
                    self.measure(&place.z);
                    let easy = cosine >= COSINE.1 && iterations <= 5;
                    return Ok((place, if easy { 1.6 * step } else { step }));
                }
                Ok((place, cosine, _)) if step < 2.0 * least && cosine > 0.0 => return Ok((place, step)),
                Ok(_) if step < 2.0 * least => return Err(Failure::NoConvergence(Report::default())),
                Err(failure) if step < 2.0 * least => return Err(failure),
                _ => step *= 0.5,
            }
        }
    }

    fn attempt(&mut self, from: &Place, step: f64) -> Result<(Place, f64, u32), Failure> {
        let mut z: Vec<f64> = from.z.iter().zip(&from.tangent).map(|(z, t)| z + step * t).collect();
        let row = self.row(&from.tangent);
        let value = row.iter().zip(&z).map(|(r, z)| r * z).sum();
        let iterations = self.correct(&mut z, &row, value)?;
        let place = self.tangent(&z, &from.tangent)?;
        let cosine = self.dot(&place.tangent, &from.tangent) / self.dot(&from.tangent, &from.tangent).sqrt();
        Ok((place, cosine, iterations))
    }

    /// The place on the way from `a` to `b` at the fraction `theta` of the chord.
    ///
    /// # Errors
    /// If Newton does not converge there.
    pub fn between(&mut self, a: &Place, b: &Place, theta: f64) -> Result<Place, Failure> {
        let chord: Vec<f64> = b.z.iter().zip(&a.z).map(|(b, a)| b - a).collect();
        let length = self.dot(&chord, &chord).sqrt();
        let mut z: Vec<f64> = (0..a.z.len()).map(|k| hermite(a, b, length, theta, k)).collect();
        let row = self.row(&chord);
        let value = row.iter().zip(&a.z).zip(&chord).map(|((r, a), d)| r * (a + theta * d)).sum();
        self.correct(&mut z, &row, value)?;
        self.tangent(&z, &a.tangent)
    }

    /// The place between `a` and `b` at which entry `k` of z is `value`.
    ///
    /// # Errors
    /// If Newton does not converge there.
    pub fn at(&mut self, a: &Place, b: &Place, k: usize, value: f64) -> Result<Place, Failure> {
        let theta = ((value - a.z[k]) / (b.z[k] - a.z[k])).clamp(0.0, 1.0);
        let mut z: Vec<f64> = a.z.iter().zip(&b.z).map(|(a, b)| a + theta * (b - a)).collect();
        z[k] = value;
        let mut row = vec![0.0; z.len()];
        row[k] = 1.0;
        self.correct(&mut z, &row, value)?;
        z[k] = value;
        self.tangent(&z, &a.tangent)
    }

    /// The first place of a curve: `z` is close to a solution, entry `k` keeps its value, and the direction has the sign of
    /// `sign` in it.
    ///
    /// # Errors
    /// If there is no solution near, or it is singular.
    pub fn enter(&mut self, z: &[f64], k: usize, sign: f64) -> Result<Place, Failure> {
        let mut z = z.to_vec();
        let mut unit = vec![0.0; z.len()];
        unit[k] = 1.0;
        let value = z[k];
        self.correct(&mut z, &unit, value)?;
        z[k] = value;
        self.measure(&z);
        unit[k] = sign * self.size(k);
        let place = self.tangent(&z, &unit)?;
        // What moves along with the parameter gets the size it will have at the far end.
        let reach = self.size(k) / place.tangent[k].abs().max(1e-3 * self.size(k));
        let n = self.field.n();
        let expected: Vec<f64> = (0..n).map(|j| z[j].abs().max(0.2 * (reach * place.tangent[j]).abs())).collect();
        self.measure(&expected);
        self.tangent(&z, &unit)
    }
}

/// The isolated solution of as many conditions as there are extra unknowns, near `z`.
///
/// # Errors
/// If Newton does not converge.
pub fn isolate<K: Conditions>(field: &mut Field, conditions: &mut K, own_size: &[f64], z: &mut [f64]) -> Result<u32, Failure> {
    let mut bordered = Bordered::new(field.pattern(), z.len() - field.n());
    solve(field, conditions, &mut bordered, own_size, z, None)
}

/// Assembles and factors at `z` with the last row given (none for an isolated point).
fn factor<K: Conditions>(
    field: &mut Field,
    conditions: &mut K,
    bordered: &mut Bordered<f64>,
    z: &[f64],
    last: Option<&[f64]>,
) -> Result<Border, Failure> {
    let border = conditions.assemble(field, z)?;
    let columns: Vec<&[f64]> = field.slopes.iter().chain(&border.columns).map(Vec::as_slice).collect();
    let rows: Vec<&[f64]> = border.rows.iter().map(Vec::as_slice).chain(last).collect();
    bordered.factor(field.newton.matrix(), &columns, &rows)?;
    field.counts.factorisations += 1;
    Ok(border)
}

/// Newton on the whole, with a last row or without.
fn solve<K: Conditions>(
    field: &mut Field,
    conditions: &mut K,
    bordered: &mut Bordered<f64>,
    own_size: &[f64],
    z: &mut [f64],
    last: Option<(&[f64], f64)>,
) -> Result<u32, Failure> {
    let n = field.n();
    let relative = SHARE * field.statics.tolerances.reltol;
    let (mut before, mut report) = (f64::INFINITY, Report::default());
    for iteration in 1..=if last.is_some() { CORRECTIONS } else { ISOLATED } {
        let border = factor(field, conditions, bordered, z, last.map(|l| l.0))?;
        field.counts.iterations += 1;
        let mut right: Vec<f64> = field.newton.residual().iter().map(|r| -r).collect();
        right.iter_mut().zip(&border.added).for_each(|(r, a)| *r -= a);
        right.extend(border.values.iter().map(|v| -v));
        right.extend(last.map(|(row, value)| value - row.iter().zip(z.iter()).map(|(r, z)| r * z).sum::<f64>()));
        bordered.solve(&mut right);
        let system = field.statics.system;
        let (k, residual) = match border.added.is_empty() {
            true => field.newton.judge_residual(system, &field.statics.equation(&field.params), relative),
            false => (0, 0.0),
        };
        let (j, update) = judge_update(system, &right[..n], &z[..n], relative);
        let known = field.size.len();
        let size = |k: usize| if k < known { field.size[k] } else { own_size[k - known] };
        let extra = |k: usize| right[k].abs() / (relative * size(k).max(z[k].abs()));
        let weight = (n..z.len()).map(extra).fold(update, f64::max);
        if !weight.is_finite() {
            return Err(Failure::NotFinite);
        }
        report = Report { iterations: iteration, worst_row: (k, field.newton.residual()[k]), worst_unknown: (j, right[j]) };
        z.iter_mut().zip(&right).for_each(|(z, dz)| *z += dz);
        if good(residual, weight, before) && enough(true, relative, weight, before) {
            field.set(&z[n..])?;
            return Ok(iteration);
        }
        before = weight;
    }
    Err(Failure::NoConvergence(report))
}

/// Component k of the cubic between two places whose chord has the length given.
fn hermite(a: &Place, b: &Place, length: f64, theta: f64, k: usize) -> f64 {
    let (u, w) = (theta, 1.0 - theta);
    let ends = w * w * (1.0 + 2.0 * u) * a.z[k] + u * u * (1.0 + 2.0 * w) * b.z[k];
    ends + length * (u * w * w * a.tangent[k] - u * u * w * b.tangent[k])
}
