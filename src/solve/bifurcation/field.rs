//! The vector field of a continuation: `F(x; p) = f(x; p)` with its derivatives at any place, nothing held.
//!
//! Gives `J = F_x`, `F_p` and `q_p` for one or two parameters, the charge matrix C, and the derivatives of all of these along
//! a direction. The first derivatives are exact; those along a direction are differences of the exact ones, extrapolated where
//! the digits count ([`Field::curved`]), which loses about a third of the digits and says how many.

use crate::dae::{ParamId, Params, RowKind};
use crate::solve::Counts;
use crate::solve::failure::Failure;
use crate::solve::newton::Newton;
use crate::solve::statics::Statics;
use crate::solve::walk::assign;
use crate::sparse::Pattern;

/// Equations with one or two parameters.
pub struct Field<'a> {
    /// The static problem; its pins are states made parameters.
    pub statics: Statics<'a>,
    /// Parameter values; those of the continuation change all the time.
    pub params: Params,
    /// The parameters.
    pub ids: Vec<ParamId>,
    /// What it cost.
    pub counts: Counts,
    /// Size of each unknown, then of each parameter: what a small change is measured by.
    pub size: Vec<f64>,
    /// Evaluations.
    pub newton: Newton,
    /// `F_p` of each parameter, n entries.
    pub slopes: Vec<Vec<f64>>,
    /// `q_p` of each parameter, n entries.
    pub charges: Vec<Vec<f64>>,
    /// C by slot, rows without dynamics zero.
    pub c: Vec<f64>,
    still: Vec<bool>,
    spare: (Vec<f64>, Vec<f64>),
}

/// Derivatives along a direction.
#[derive(Clone, Debug, Default)]
pub struct Along {
    /// Of J, by slot.
    pub j: Vec<f64>,
    /// Of C, by slot.
    pub c: Vec<f64>,
    /// Of `F_p`.
    pub slopes: Vec<Vec<f64>>,
    /// Of `q_p`.
    pub charges: Vec<Vec<f64>>,
}

/// First and second derivative of J and C along a direction, with the error of each entry.
#[derive(Clone, Debug, Default)]
pub struct Curved {
    /// d J, d C, d2 J, d2 C by slot.
    pub value: [Vec<f64>; 4],
    /// Estimated errors of the same.
    pub error: [Vec<f64>; 4],
}

/// Part of the size of an unknown that a difference moves it by.
const NUDGE: f64 = 1e-4;
/// The same for extrapolated differences: the largest, and how many halvings.
const FIRST: (f64, usize) = (0.1, 9);

impl<'a> Field<'a> {
    /// The field through the parameters `ids`, which vary over `spans`.
    pub fn new(statics: Statics<'a>, params: Params, ids: &[ParamId], spans: &[f64]) -> Field<'a> {
        let system = statics.system;
        let (n, layout) = (system.layout().unknowns.len(), system.layout());
        let mut newton = Newton::new(system);
        newton.release();
        let still = (0..n as u32).map(|k| statics.pinned(k) || layout.unknowns[k as usize].row == RowKind::Anchored).collect();
        // An unknown that is zero where it all begins counts as a million of its tolerances: 1 V, 1 K, 1e-3 of a state.
        let floors = crate::solve::floors(layout).map(|f| f * 1e6);
        Field {
            size: floors.chain(spans.iter().map(|s| s.abs().max(f64::MIN_POSITIVE.sqrt()))).collect(),
            newton,
            slopes: vec![vec![0.0; n]; ids.len()],
            charges: vec![vec![0.0; n]; ids.len()],
            c: vec![0.0; system.pattern().len()],
            still,
            spare: (vec![0.0; n + 1], vec![0.0; n + 1]),
            statics,
            params,
            ids: ids.to_vec(),
            counts: Counts::default(),
        }
    }

    /// Number of unknowns.
    pub fn n(&self) -> usize {
        self.still.len()
    }

    /// The pattern of J and C.
    pub fn pattern(&self) -> &'a Pattern {
        self.statics.system.pattern()
    }

    /// J as assembled last, by slot.
    pub fn j(&self) -> &[f64] {
        self.newton.matrix()
    }

    /// Sets the parameters, the first entries of `p`.
    ///
    /// # Errors
    /// If one refuses its value.
    pub fn set(&mut self, p: &[f64]) -> Result<(), Failure> {
        for (id, value) in self.ids.clone().into_iter().zip(p) {
            if self.statics.system.value(&self.params, id) != *value {
                assign(&self.statics, &mut self.params, id, *value)?;
            }
        }
        Ok(())
    }

    /// F, J, C and the derivatives by the parameters at `z = (x, p...)`.
    ///
    /// # Errors
    /// If something is not finite or a parameter refuses its value.
    pub fn assemble(&mut self, z: &[f64]) -> Result<(), Failure> {
        let n = self.n();
        self.set(&z[n..])?;
        let system = self.statics.system;
        self.newton.assemble(system, &self.statics.equation(&self.params), &z[..n], &mut self.counts)?;
        let entries = self.c.len();
        self.c.copy_from_slice(&self.newton.eval().c[..entries]);
        let still = &self.still;
        let rows = &system.pattern().rows;
        self.c.iter_mut().zip(rows).filter(|(_, row)| still[**row as usize]).for_each(|(c, _)| *c = 0.0);
        for k in 0..self.ids.len() {
            let at = self.statics.point(&self.params, &z[..n]);
            let (df, dq) = (&mut self.spare.0, &mut self.spare.1);
            system.slope(self.ids[k], &at, df, dq);
            self.counts.evaluations += 1;
            for (row, still) in self.still.iter().enumerate() {
                // Anchored rows: f + w q, w = 1/s; pins do not depend on parameters.
                let anchored = *still && !self.statics.pinned(row as u32);
                let pinned = *still && !anchored;
                self.slopes[k][row] = if pinned { 0.0 } else { df[row] + if anchored { dq[row] } else { 0.0 } };
                self.charges[k][row] = if *still { 0.0 } else { dq[row] };
            }
            if !self.slopes[k].iter().all(|v| v.is_finite()) {
                return Err(Failure::NotFinite);
            }
        }
        Ok(())
    }

    /// Size of the terms of each row of F, in its unit, when unknowns and parameters move by their sizes; never 0.
    pub fn row_sizes(&self) -> Vec<f64> {
        let (n, layout) = (self.n(), self.statics.system.layout());
        let scale = &self.newton.eval().scale;
        let mut sizes: Vec<f64> = (0..n).map(|k| scale[k].abs().max(1e6 * layout.unknowns[k].residual_abstol)).collect();
        let pattern = self.pattern();
        for column in 0..n {
            for s in pattern.column(column) {
                let row = pattern.rows[s] as usize;
                sizes[row] = sizes[row].max(self.j()[s].abs() * self.size[column]);
            }
        }
        for (k, slope) in self.slopes.iter().enumerate() {
            sizes.iter_mut().zip(slope).for_each(|(s, f)| *s = s.max(f.abs() * self.size[n + k]));
        }
        sizes.iter_mut().filter(|s| s.is_nan() || **s <= 0.0).for_each(|s| *s = 1.0);
        sizes
    }

    /// The largest entry of a direction in units of what each unknown and parameter is measured by.
    pub fn extent(&self, d: &[f64]) -> f64 {
        d.iter().zip(&self.size).map(|(d, s)| d.abs() / s).fold(0.0, f64::max)
    }

    /// Derivatives along `d = (dx, dp...)` at `z`, by central differences: good to six digits or so. What was assembled is that
    /// of another place afterwards.
    ///
    /// # Errors
    /// See [`Field::assemble`].
    pub fn along(&mut self, z: &[f64], d: &[f64]) -> Result<Along, Failure> {
        let extent = self.extent(d);
        let h = if extent > 0.0 { NUDGE / extent } else { 1.0 };
        let nudged = |sign: f64| -> Vec<f64> { z.iter().zip(d).map(|(z, d)| z + sign * h * d).collect() };
        self.assemble(&nudged(1.0))?;
        let (j, c) = (self.j().to_vec(), self.c.clone());
        let (slopes, charges) = (self.slopes.clone(), self.charges.clone());
        self.assemble(&nudged(-1.0))?;
        let between = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| (a - b) / (2.0 * h)).collect() };
        let all = |a: &[Vec<f64>], b: &[Vec<f64>]| a.iter().zip(b).map(|(a, b)| between(a, b)).collect();
        Ok(Along {
            j: between(&j, self.j()),
            c: between(&c, &self.c),
            slopes: all(&slopes, &self.slopes),
            charges: all(&charges, &self.charges),
        })
    }

    /// First and second derivatives of J and C along `d = (dx, dp...)`, extrapolated to vanishing differences (Ridders, Adv.
    /// Eng. Software 4, 75, 1982), each entry with its error.
    ///
    /// # Errors
    /// See [`Field::assemble`].
    pub fn curved(&mut self, z: &[f64], d: &[f64]) -> Result<Curved, Failure> {
        self.assemble(z)?;
        let middle = [self.j().to_vec(), self.c.clone()];
        let entries = middle[0].len();
        let extent = self.extent(d);
        let mut out = Curved { value: Default::default(), error: Default::default() };
        out.value = std::array::from_fn(|_| vec![0.0; entries]);
        out.error = std::array::from_fn(|_| vec![if extent > 0.0 { f64::INFINITY } else { 0.0 }; entries]);
        if extent == 0.0 {
            return Ok(out);
        }
        let mut rows: [Vec<Vec<f64>>; 4] = Default::default();
        for k in 0..FIRST.1 {
            let h = FIRST.0 * 0.5f64.powi(k as i32) / extent;
            let nudged = |sign: f64| -> Vec<f64> { z.iter().zip(d).map(|(z, d)| z + sign * h * d).collect() };
            if self.assemble(&nudged(1.0)).is_err() {
                continue;
            }
            let plus = [self.j().to_vec(), self.c.clone()];
            if self.assemble(&nudged(-1.0)).is_err() {
                continue;
            }
            let minus = [self.j().to_vec(), self.c.clone()];
            let first = |m: usize| (0..entries).map(|s| (plus[m][s] - minus[m][s]) / (2.0 * h)).collect::<Vec<f64>>();
            let second = |m: usize| {
                (0..entries).map(|s| ((plus[m][s] - middle[m][s]) - (middle[m][s] - minus[m][s])) / (h * h)).collect::<Vec<f64>>()
            };
            for (kind, new) in [first(0), first(1), second(0), second(1)].into_iter().enumerate() {
                extrapolate(&mut rows[kind], new, &mut out.value[kind], &mut out.error[kind]);
            }
        }
        self.assemble(z)?;
        if out.value.iter().flatten().all(|v| v.is_finite()) { Ok(out) } else { Err(Failure::NotFinite) }
    }
}

/// One more row of the table of Romberg; each entry keeps its best value.
fn extrapolate(last: &mut Vec<Vec<f64>>, new: Vec<f64>, value: &mut [f64], error: &mut [f64]) {
    let mut row = vec![new];
    for k in 0..last.len() {
        let factor = 4f64.powi(k as i32 + 1);
        let next: Vec<f64> = row[k].iter().zip(&last[k]).map(|(a, b)| a + (a - b) / (factor - 1.0)).collect();
        for (s, better) in next.iter().enumerate() {
            let estimate = (better - row[k][s]).abs().max((better - last[k][s]).abs());
            if estimate < error[s] {
                (error[s], value[s]) = (estimate, *better);
            }
        }
        row.push(next);
    }
    *last = row;
}
