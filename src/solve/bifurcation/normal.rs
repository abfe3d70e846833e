//! Normal forms at special points: what grows out of them, and whether it is stable.
//!
//! For `d/dt q + f = 0` with null vectors V of J and phi of its transpose, `m = phi^T C V`, and xi the displacement of the
//! *named* unknown, whose entry in V is 1:
//!
//! | point | equation on the centre manifold | on the branch |
//! |---|---|---|
//! | fold | `xi' = -(phi^T F_p dp + 1/2 phi^T F_xx VV xi^2)/m` | `dp = k xi^2` |
//! | pitchfork | `xi' = -(B dp xi + 1/6 E xi^3)/m`, `E = phi^T (F_xxx VVV + 3 F_xx V h)`, `J h = -F_xx VV` | `dp = k xi^2`, `k = -E/6B` |
//! | transcritical | `xi' = -(B dp xi + 1/2 A xi^2)/m` | `xi = -2 B/A dp` |
//! | Hopf | `A' = (s_p dp + c abs(A)^2) A` | amplitude `r = 2 abs(A)` of the named unknown: `r' = Re s_p dp r + Re c/4 r^3` |
//!
//! The Hopf coefficient follows from harmonic balance to third order, with `B_s(u, w) = f_xx uw + s q_xx uw`, `J a_0 = -B_0(v, v*)`,
//! `(J + 2 i omega C) a_2 = -1/2 B_2iw(v, v)`: `c = -y^T [B_iw(v, a_0) + B_iw(v*, a_2) + 1/2 T_iw(v, v, v*)]`, `y^T C v = 1`. For
//! constant C this is Kuznetsov's c_1 (Elements of Applied Bifurcation Theory, 2004, eq 5.39); his l_1 is `Re c/omega`.

use num_complex::Complex64;

use crate::solve::failure::Failure;
use crate::sparse::{Lu, Pattern};

use super::curve::Conditions;
use super::field::{Curved, Field};
use super::special::{Crossing, Fold, Turning, dot, left_product, product};

/// A fold.
#[derive(Clone, PartialEq, Debug)]
pub struct FoldForm {
    /// Unknown whose displacement measures the null vector.
    pub named: usize,
    /// Null vector; entry `named` is 1.
    pub right: Vec<f64>,
    /// `dp = k xi^2`.
    pub curvature: f64,
    /// `xi' = a xi^2`, 1/(s unit); not a number if nothing moves.
    pub quadratic: f64,
    /// Estimated relative error of both.
    pub error: f64,
}

/// What two branches do where they cross.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CrossingKind {
    /// One of them has the parameter stationary there: `dp = k xi^2`; with the cubic coefficient of `xi' = c xi^3`, 1/(s unit^2).
    Pitchfork {
        /// k.
        curvature: f64,
        /// c; negative: supercritical.
        cubic: f64,
    },
    /// Both pass with the parameter: the second has `xi = slope dp` against the first.
    Transcritical {
        /// Slope of the second.
        slope: f64,
        /// Coefficient of `xi' = a xi^2`.
        quadratic: f64,
    },
    /// An isolated point, or one where second derivatives say nothing.
    Degenerate,
}

/// A crossing of branches.
#[derive(Clone, PartialEq, Debug)]
pub struct CrossingForm {
    /// Unknown whose displacement measures the null vector.
    pub named: usize,
    /// Direction in which the branch that was followed goes on, n + 1 entries.
    pub along: Vec<f64>,
    /// Directions of the others.
    pub others: Vec<Vec<f64>>,
    /// Null vector of J; entry `named` is 1.
    pub right: Vec<f64>,
    /// Kind and coefficients.
    pub kind: CrossingKind,
    /// Estimated relative error.
    pub error: f64,
}

/// A Hopf point with all that is needed to start a limit cycle from it: `x(t) = x + 2 Re(A right exp(i omega t))`.
#[derive(Clone, PartialEq, Debug)]
pub struct Hopf {
    /// Equilibrium.
    pub x: Vec<f64>,
    /// Value of the parameter.
    pub parameter: f64,
    /// Angular frequency, 1/s.
    pub omega: f64,
    /// Right eigenvector, `(J + i omega C) right = 0`; entry `named` is 1.
    pub right: Vec<Complex64>,
    /// Left eigenvector, transposed and not conjugated, with `left^T C right = 1`.
    pub left: Vec<Complex64>,
    /// Unknown whose amplitude measures the cycle.
    pub named: usize,
    /// ds/dp of the eigenvalue along the branch.
    pub crossing: Complex64,
    /// c in `A' = (crossing dp + c |A|^2) A`, 1/(s unit^2).
    pub coefficient: Complex64,
    /// Estimated error of `Re c`.
    pub error: f64,
}

impl Hopf {
    /// First Lyapunov coefficient in `r' = l r^3` with the amplitude r of the named unknown: negative means supercritical.
    pub fn lyapunov(&self) -> f64 {
        0.25 * self.coefficient.re
    }

    /// `r^2 = slope dp`: on which side cycles exist, and how large they are.
    pub fn amplitude_slope(&self) -> f64 {
        -self.crossing.re / self.lyapunov()
    }
}

/// The unknown that moves most in units of its size; among those that C knows if there are any.
fn name(field: &Field, right: impl Fn(usize) -> f64) -> usize {
    let n = field.n();
    let mut dynamic = vec![false; n];
    let pattern = field.pattern();
    for (column, dynamic) in dynamic.iter_mut().enumerate() {
        *dynamic = pattern.column(column).any(|s| field.c[s] != 0.0);
    }
    let anything = (0..n).any(|k| dynamic[k] && right(k) > 0.0);
    let share = |k: usize| if dynamic[k] || !anything { right(k) / field.size[k] } else { 0.0 };
    (0..n).max_by(|a, b| share(*a).total_cmp(&share(*b)).then(b.cmp(a))).unwrap_or(0)
}

/// The normal form at a fold `z = (x, p)`, located by `fold`.
///
/// # Errors
/// If derivatives are not finite.
pub fn fold(field: &mut Field, fold: &mut Fold, z: &[f64]) -> Result<FoldForm, Failure> {
    let n = field.n();
    fold.assemble(field, z)?;
    let named = name(field, |k| fold.right[k].abs());
    let right: Vec<f64> = fold.right.iter().map(|v| v / fold.right[named]).collect();
    let left = fold.left.clone();
    let m = dot(&left, &product(field.pattern(), &field.c, &right));
    let forced = dot(&left, &field.slopes[0]);
    let mut direction = right.clone();
    direction.resize(n + field.ids.len(), 0.0);
    let curved = field.curved(z, &direction)?;
    let second = dot(&left, &product(field.pattern(), &curved.value[0], &right));
    let wrong = absolute(field.pattern(), &left, &curved.error[0], &right);
    Ok(FoldForm { named, curvature: -0.5 * second / forced, quadratic: -0.5 * second / m, error: wrong / second.abs(), right })
}

/// `|y|^T |A| |x|`.
fn absolute(pattern: &Pattern, y: &[f64], values: &[f64], x: &[f64]) -> f64 {
    let column = |c: usize| pattern.column(c).map(|s| y[pattern.rows[s] as usize].abs() * values[s].abs()).sum::<f64>();
    (0..pattern.n).map(|c| column(c) * x[c].abs()).sum()
}

/// Second derivatives that are no more than this part of their terms, or of what the third make of them over this part of an
/// unknown's size, are zero: a pitchfork.
const VANISHES: (f64, f64) = (1e-6, 1e-4);

/// The normal form where branches cross, at `z = (x, p)` located by `crossing`; the branch came along `tangent`.
///
/// # Errors
/// If derivatives are not finite.
pub fn crossing(field: &mut Field, crossing: &mut Crossing, z: &[f64], tangent: &[f64]) -> Result<CrossingForm, Failure> {
    let n = field.n();
    let y = z[..=n].to_vec();
    let mut extended = y.clone();
    extended.push(0.0);
    crossing.assemble(field, &extended)?;
    let (null, left) = (crossing.right.clone(), crossing.left.clone());
    // The null vector of J is the combination without a p-part; any other one, with dp = 1, completes the plane.
    let right: Vec<f64> = (0..n).map(|k| null[0][k] * null[1][n] - null[1][k] * null[0][n]).collect();
    let named = name(field, |k| right[k].abs());
    let right: Vec<f64> = right.iter().map(|v| v / right[named]).collect();
    let m = dot(&left, &product(field.pattern(), &field.c, &right));
    let larger = if (null[0][n] / size_of(field, &null[0])).abs() > (null[1][n] / size_of(field, &null[1])).abs() { 0 } else { 1 };
    let moved: Vec<f64> = null[larger].iter().map(|v| v / null[larger][n]).collect();
    let flat: Vec<f64> = right.iter().copied().chain([0.0]).collect();
    let shapes = Shapes::new(field, &y, &left, &right, &flat, &moved)?;
    let mut form = CrossingForm {
        named,
        along: tangent.to_vec(),
        others: Vec::new(),
        right: right.clone(),
        kind: CrossingKind::Degenerate,
        error: shapes.error,
    };
    let sum = |part: f64| -> Vec<f64> { moved.iter().zip(&flat).map(|(m, v)| m + part * v).collect() };
    let Shapes { a, b, d, e, .. } = shapes;
    let small = VANISHES.1 * field.size[named] * e.abs();
    let mut directions = match () {
        () if !moved.iter().all(|v| v.is_finite()) || b == 0.0 => return Ok(form),
        () if a.abs() <= small.max(VANISHES.0 * shapes.terms) => {
            form.kind = CrossingKind::Pitchfork { curvature: -e / (6.0 * b), cubic: -e / (6.0 * m) };
            vec![flat.clone(), sum(-0.5 * d / b)]
        }
        // a xi^2/2 + b xi eta + d eta^2/2 = 0 with eta = 1.
        () if b * b > a * d => {
            let root = (b * b - a * d).sqrt();
            let q = -(b + b.signum() * root);
            let (first, second) = (q / a, d / q);
            form.kind = CrossingKind::Transcritical { slope: (first - second).abs(), quadratic: -0.5 * a / m };
            vec![sum(first), sum(second)]
        }
        () => return Ok(form),
    };
    let size = field.size.clone();
    let measure = |a: &[f64], b: &[f64]| -> f64 { (0..=n).map(|k| a[k] * b[k] / (size[k] * size[k])).sum() };
    for direction in &mut directions {
        let length = measure(direction, direction).sqrt();
        direction.iter_mut().for_each(|d| *d /= length);
    }
    directions.sort_by(|a, b| measure(b, tangent).abs().total_cmp(&measure(a, tangent).abs()));
    form.others = directions.split_off(1);
    form.along = directions.remove(0);
    field.assemble(&y)?;
    Ok(form)
}

/// Length of a direction in sizes.
fn size_of(field: &Field, d: &[f64]) -> f64 {
    d.iter().zip(&field.size).map(|(d, s)| (d / s) * (d / s)).sum::<f64>().sqrt()
}

/// Derivatives of `g = phi^T F` over the plane of V and a second null vector: `g = a xi^2/2 + b xi eta + d eta^2/2 + e xi^3/6`.
struct Shapes {
    a: f64,
    b: f64,
    d: f64,
    e: f64,
    /// Sum of the magnitudes whose sum is a.
    terms: f64,
    /// Relative error of e.
    error: f64,
}

impl Shapes {
    fn new(field: &mut Field, y: &[f64], left: &[f64], right: &[f64], flat: &[f64], moved: &[f64]) -> Result<Shapes, Failure> {
        let n = field.n();
        let second = |field: &Field, along: &super::field::Along, b: &[f64]| {
            dot(left, &product(field.pattern(), &along.j, &b[..n])) + b[n] * dot(left, &along.slopes[0])
        };
        let along = field.along(y, moved)?;
        let (b, d) = (second(field, &along, flat), second(field, &along, moved));
        let curved = field.curved(y, flat)?;
        let quadratic = product(field.pattern(), &curved.value[0], right);
        let cubic = product(field.pattern(), &curved.value[2], right);
        let mut inverse = Fold::new(field, right)?;
        let mut h = inverse.inverse(field, &quadratic.iter().map(|q| -q).collect::<Vec<_>>())?;
        // Any multiple of V may be added to h where F_xx VV has no part along phi; this one is orthogonal to the named unknown.
        let named = right.iter().position(|v| *v == 1.0).unwrap_or(0);
        let part = h[named];
        h.iter_mut().zip(right).for_each(|(h, v)| *h -= part * v);
        let e = dot(left, &cubic) + 3.0 * dot(left, &product(field.pattern(), &curved.value[0], &h));
        let wrong =
            absolute(field.pattern(), left, &curved.error[2], right) + 3.0 * absolute(field.pattern(), left, &curved.error[0], &h);
        let terms = absolute(field.pattern(), left, &curved.value[0], right);
        Ok(Shapes { a: dot(left, &quadratic), b, d, e, terms, error: wrong / e.abs() })
    }
}

/// The normal form at a Hopf point `z = (x, p, omega)` located by `turning`.
///
/// # Errors
/// If derivatives are not finite or a second harmonic is in resonance.
pub fn hopf(field: &mut Field, turning: &mut Turning, z: &[f64]) -> Result<Hopf, Failure> {
    let n = field.n();
    let (y, omega) = (&z[..n + field.ids.len()], z[n + field.ids.len()]);
    turning.assemble(field, z)?;
    let pattern = field.pattern();
    let named = name(field, |k| turning.right[k].norm());
    let scale = turning.right[named];
    let right: Vec<Complex64> = turning.right.iter().map(|v| v / scale).collect();
    let weight: Complex64 = left_product(pattern, &field.c, &turning.left).iter().zip(&right).map(|(a, b)| a * b).sum();
    let left: Vec<Complex64> = turning.left.iter().map(|y| y / weight).collect();
    let crossing = crossing_speed(field, y, omega, &right, &left)?;
    let parts: [Vec<f64>; 2] = [right.iter().map(|v| v.re).collect(), right.iter().map(|v| v.im).collect()];
    let direction = |part: &[f64]| -> Vec<f64> {
        let mut d = part.to_vec();
        d.resize(y.len(), 0.0);
        d
    };
    let curved = [field.curved(y, &direction(&parts[0]))?, field.curved(y, &direction(&parts[1]))?];
    field.assemble(y)?;
    let forms = Forms { pattern, curved: &curved };
    // J a0 = -B_0(v, v*)
    let mut a0: Vec<f64> = product(pattern, &curved[0].value[0], &parts[0]);
    a0.iter_mut().zip(product(pattern, &curved[1].value[0], &parts[1])).for_each(|(a, b)| *a = -(*a + b));
    let mut lu = Lu::<f64>::new(pattern);
    lu.factor(field.j()).map_err(Failure::Singular)?;
    lu.solve(&mut a0);
    let a0: Vec<Complex64> = a0.into_iter().map(Complex64::from).collect();
    // (J + 2 i omega C) a2 = -1/2 B_2iw(v, v)
    let mut a2: Vec<Complex64> = forms.second(2.0 * omega, &right, 1.0).iter().map(|b| b * -0.5).collect();
    let matrix: Vec<Complex64> = field.j().iter().zip(&field.c).map(|(j, c)| Complex64::new(*j, 2.0 * omega * c)).collect();
    let mut lu = Lu::<Complex64>::new(pattern);
    lu.factor(&matrix).map_err(Failure::Singular)?;
    lu.solve(&mut a2);
    let third = forms.third(omega, &right);
    let (first, conjugate) = (forms.second(omega, &a0, 1.0), forms.second(omega, &a2, -1.0));
    let coefficient = -(0..n).map(|k| left[k] * (first[k] + conjugate[k] + 0.5 * third[k])).sum::<Complex64>();
    let error = forms.error(omega, &left, [&a0, &a2, &right]);
    Ok(Hopf { x: z[..n].to_vec(), parameter: z[n], omega, right, left, named, crossing, coefficient, error })
}

/// ds/dp along the branch: `-y^T (d/dp [J + s C]) v`.
fn crossing_speed(field: &mut Field, y: &[f64], omega: f64, right: &[Complex64], left: &[Complex64]) -> Result<Complex64, Failure> {
    let n = field.n();
    field.assemble(y)?;
    let mut lu = Lu::<f64>::new(field.pattern());
    lu.factor(field.j()).map_err(Failure::Singular)?;
    let mut direction: Vec<f64> = field.slopes[0].iter().map(|f| -f).collect();
    lu.solve(&mut direction);
    direction.resize(y.len(), 0.0);
    direction[n] = 1.0;
    let along = field.along(y, &direction)?;
    let s = Complex64::new(0.0, omega);
    let (j, c) = (left_product(field.pattern(), &along.j, left), left_product(field.pattern(), &along.c, left));
    Ok(-(0..n).map(|k| (j[k] + s * c[k]) * right[k]).sum::<Complex64>())
}

/// Derivative forms along the real and imaginary part of an eigenvector.
struct Forms<'a> {
    pattern: &'a Pattern,
    curved: &'a [Curved; 2],
}

impl Forms<'_> {
    /// `B_iw(v, u)`, or with `sign = -1` `B_iw(v*, u)`, at angular frequency w.
    fn second(&self, w: f64, u: &[Complex64], sign: f64) -> Vec<Complex64> {
        let value = |s: usize| {
            let part = |k: usize| Complex64::new(self.curved[k].value[0][s], w * self.curved[k].value[1][s]);
            part(0) + Complex64::I * sign * part(1)
        };
        self.sum(value, u)
    }

    /// `T_iw(v, v, v*)`: for `v = a + i b` that is `(D2[a, a] + D2[b, b]) v`.
    fn third(&self, w: f64, v: &[Complex64]) -> Vec<Complex64> {
        let value = |s: usize| {
            let part = |k: usize| Complex64::new(self.curved[k].value[2][s], w * self.curved[k].value[3][s]);
            part(0) + part(1)
        };
        self.sum(value, v)
    }

    fn sum(&self, value: impl Fn(usize) -> Complex64, u: &[Complex64]) -> Vec<Complex64> {
        let mut out = vec![Complex64::default(); self.pattern.n];
        for (column, u) in u.iter().enumerate() {
            for s in self.pattern.column(column) {
                out[self.pattern.rows[s] as usize] += value(s) * u;
            }
        }
        out
    }

    /// What the errors of the derivatives amount to in c.
    fn error(&self, w: f64, left: &[Complex64], [a0, a2, v]: [&[Complex64]; 3]) -> f64 {
        let mut total = 0.0;
        for column in 0..self.pattern.n {
            for s in self.pattern.column(column) {
                let y = left[self.pattern.rows[s] as usize].norm();
                for curved in self.curved {
                    let e = &curved.error;
                    total += y * (e[0][s] + w * e[1][s]) * (a0[column].norm() + a2[column].norm());
                    total += 0.5 * y * (e[2][s] + w * e[3][s]) * v[column].norm();
                }
            }
        }
        total
    }
}
