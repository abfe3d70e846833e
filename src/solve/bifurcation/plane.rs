//! Curves of special points in the plane of two parameters: folds, crossings and Hopf points followed by arclength on their
//! extended systems ([`super::special`]).
//!
//! Where a test function changes its sign along the curve a point of codimension two is located by bisection on the arc: cusp
//! CP (`phi^T F_xx VV = 0` on a fold curve), Bogdanov-Takens BT (`phi^T C V = 0` on a fold curve, `omega = 0` on a Hopf curve),
//! generalised Hopf GH (first Lyapunov coefficient zero).

use crate::solve::failure::Failure;

use super::curve::{Conditions, Curve, Place};
use super::diagram::End;
use super::field::Field;
use super::normal;
use super::special::{Crossing, Fold, Turning, dot, product};

/// Conditions whose solutions form curves in a plane.
pub trait Trackable: Conditions {
    /// Takes the present null vectors for borders.
    fn renew(&mut self, field: &Field);
    /// Test functions of codimension two at `z`, where the field is assembled; it is so again afterwards.
    ///
    /// # Errors
    /// If derivatives are not finite.
    fn tests(&mut self, field: &mut Field, z: &[f64]) -> Result<Vec<(&'static str, f64)>, Failure>;
    /// Why the curve ends at `z`, if it does.
    fn over(&self, field: &Field, z: &[f64]) -> Option<String>;
}

impl Trackable for Fold {
    fn renew(&mut self, field: &Field) {
        self.adapt(field);
    }

    fn tests(&mut self, field: &mut Field, z: &[f64]) -> Result<Vec<(&'static str, f64)>, Failure> {
        let inertia = dot(&self.left, &product(field.pattern(), &field.c, &self.right));
        let mut direction = self.right.clone();
        direction.resize(z.len(), 0.0);
        let along = field.along(z, &direction)?;
        let bend = dot(&self.left, &product(field.pattern(), &along.j, &self.right));
        field.assemble(z)?;
        Ok(vec![("BT", inertia), ("CP", bend)])
    }

    fn over(&self, _: &Field, _: &[f64]) -> Option<String> {
        None
    }
}

impl Trackable for Crossing {
    fn renew(&mut self, field: &Field) {
        self.adapt(field);
    }

    fn tests(&mut self, _: &mut Field, _: &[f64]) -> Result<Vec<(&'static str, f64)>, Failure> {
        Ok(Vec::new())
    }

    fn over(&self, field: &Field, z: &[f64]) -> Option<String> {
        // The column is measured in row sizes, so b is the misfit relative to the terms of a row.
        (z[field.n() + 2].abs() > 1e-7)
            .then(|| "the branch point does not persist: the second parameter breaks the crossing up".to_string())
    }
}

impl Trackable for Turning {
    fn renew(&mut self, field: &Field) {
        self.adapt(field);
    }

    fn tests(&mut self, field: &mut Field, z: &[f64]) -> Result<Vec<(&'static str, f64)>, Failure> {
        let form = normal::hopf(field, self, z);
        field.assemble(&z[..field.n() + field.ids.len()])?;
        Ok(vec![("GH", form.map_or(f64::NAN, |f| f.coefficient.re))])
    }

    fn over(&self, field: &Field, z: &[f64]) -> Option<String> {
        (z[field.n() + 2] <= 0.0).then(|| "Bogdanov-Takens point: the frequency becomes 0".to_string())
    }
}

/// A place of a curve in the plane.
#[derive(Clone, PartialEq, Debug)]
pub struct Spot {
    /// Unknowns, then both parameters, then the frequency of a Hopf point (1/s) or the misfit of a crossing.
    pub z: Vec<f64>,
    /// Point of codimension two.
    pub label: Option<&'static str>,
}

/// One direction of a curve.
#[derive(Clone, PartialEq, Debug)]
pub struct Trail {
    /// Its places.
    pub spots: Vec<Spot>,
    /// Why it ends.
    pub end: End,
}

/// How far and how fine.
#[derive(Clone, PartialEq, Debug)]
pub struct Plane {
    /// Ranges of both parameters.
    pub ranges: [(f64, f64); 2],
    /// Longest step as a part of either range.
    pub longest: f64,
    /// Places in each direction at most.
    pub places: usize,
}

/// First step and shortest step in the measure of the curve.
const STEP: (f64, f64) = (0.005, 1e-8);

/// Follows the curve through `z`, a special point, in both directions.
///
/// # Errors
/// If the curve has no direction there.
pub fn trace<K: Trackable>(
    field: Field,
    conditions: K,
    z: &[f64],
    plane: &Plane,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Trail>, super::super::Counts), Failure> {
    let n = field.n();
    let own: Vec<f64> = z[n + 2..].iter().map(|v| v.abs().max(1.0)).collect();
    let mut curve = Curve::new(field, conditions, &own);
    curve.measure(z);
    let mut trails = Vec::new();
    for sign in [1.0, -1.0] {
        let start = first(&mut curve, z, sign)?;
        trails.push(trail(&mut curve, start, plane, stop));
    }
    Ok((trails, curve.field.counts))
}

fn first<K: Trackable>(curve: &mut Curve<K>, z: &[f64], sign: f64) -> Result<Place, Failure> {
    let n = curve.field.n();
    let mut result = Err(Failure::NotFinite);
    for k in [n + 1, n] {
        let mut unit = vec![0.0; z.len()];
        unit[k] = sign * curve.size(k);
        result = curve.tangent(z, &unit);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn trail<K: Trackable>(curve: &mut Curve<K>, start: Place, plane: &Plane, stop: &dyn Fn() -> bool) -> Trail {
    let n = curve.field.n();
    let mut trail = Trail { spots: vec![Spot { z: start.z.clone(), label: None }], end: End::Spent };
    let mut here = start;
    let mut tests = curve.conditions.tests(&mut curve.field, &here.z).unwrap_or_default();
    let mut step = STEP.0;
    for _ in 0..plane.places {
        if stop() {
            trail.end = End::Stopped;
            return trail;
        }
        curve.conditions.renew(&curve.field);
        let by_range =
            (0..2).map(|k| plane.longest * (plane.ranges[k].1 - plane.ranges[k].0).abs() / here.tangent[n + k].abs().max(1e-300));
        let longest = by_range.fold(0.05 * (n as f64).sqrt(), f64::min);
        let (mut next, proposal) = match curve.step(&here, step.min(longest), STEP.1) {
            Ok(found) => found,
            Err(failure) => {
                trail.end = End::Stuck(failure.words(curve.field.statics.system));
                return trail;
            }
        };
        step = proposal;
        if let Some(why) = curve.conditions.over(&curve.field, &next.z) {
            trail.end = End::Stuck(why);
            return trail;
        }
        let outside = (0..2).find_map(|k| {
            let (low, high) = (plane.ranges[k].0.min(plane.ranges[k].1), plane.ranges[k].0.max(plane.ranges[k].1));
            let limit = if next.z[n + k] > high { high } else { low };
            (next.z[n + k] > high || next.z[n + k] < low).then_some((k, limit))
        });
        if let Some((k, limit)) = outside {
            if let Ok(place) = curve.at(&here, &next, n + k, limit) {
                next = place;
            }
            trail.end = End::Range(limit);
        }
        let Ok(place) = curve.tangent(&next.z.clone(), &here.tangent) else { return trail };
        next = place;
        let now = curve.conditions.tests(&mut curve.field, &next.z).unwrap_or_default();
        for (label, z) in changes(curve, (&here, &tests), (&next, &now)) {
            trail.spots.push(Spot { z, label: Some(label) });
        }
        trail.spots.push(Spot { z: next.z.clone(), label: None });
        if outside.is_some() {
            return trail;
        }
        if curve.field.assemble(&next.z[..n + 2]).is_err() {
            return trail;
        }
        (here, tests) = (next, now);
    }
    trail
}

type Tested<'a> = (&'a Place, &'a [(&'static str, f64)]);

/// Where test functions change their signs between two places.
fn changes<K: Trackable>(curve: &mut Curve<K>, a: Tested, b: Tested) -> Vec<(&'static str, Vec<f64>)> {
    let mut found = Vec::new();
    for (k, (label, before)) in a.1.iter().enumerate() {
        let Some((_, after)) = b.1.get(k) else { continue };
        if before * after < 0.0 {
            let (mut low, mut high) = (0.0, 1.0);
            let mut z = a.0.z.clone();
            for _ in 0..40 {
                let middle = 0.5 * (low + high);
                let Ok(place) = curve.between(a.0, b.0, middle) else { break };
                let Ok(tests) = curve.conditions.tests(&mut curve.field, &place.z) else { break };
                z = place.z;
                if tests.get(k).is_some_and(|t| t.1 * after > 0.0) { high = middle } else { low = middle }
            }
            found.push((*label, z));
        }
    }
    found
}
