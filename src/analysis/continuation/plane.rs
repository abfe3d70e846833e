//! `.continue P1 a b P2 c d curve=lp|bp|hb [point=LP1]`: a curve of special points in the plane of two parameters.
//!
//! The first point of the kind (or the one named) on the branches of P1, with P2 as the deck has it, is followed in both
//! directions until a range is left. Points of codimension two are named where the curve passes them.

use std::f64::consts::TAU;
use std::sync::atomic::Ordering;

use crate::analysis::columns::{self, RowMaker, lead, writing};
use crate::analysis::op::significant;
use crate::analysis::{Analysis, Env, Summary};
use crate::args::{Arg, Args};
use crate::dae::{Eval, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::bifurcation::diagram::{End, Form, Special};
use crate::solve::bifurcation::field::Field;
use crate::solve::bifurcation::plane::{Plane, Trail, trace};
use crate::solve::bifurcation::special::{Crossing, Fold, Turning};
use crate::solve::failure::Failure;
use crate::wave::{Cell, ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::{Axis, Continuation};

/// The analysis with two parameters.
pub struct Curves {
    first: Continuation,
    second: Axis,
    letters: &'static str,
    point: Option<String>,
}

/// What can be followed.
const KINDS: [(&str, &str, &str); 3] = [("lp", "LP", "folds"), ("bp", "BP", "branch points"), ("hb", "HB", "Hopf points")];

/// From the card.
///
/// # Errors
/// An unknown kind of points.
pub fn parse(args: &Args, first: Continuation, second: Axis, curve: &Arg) -> Result<Box<dyn Analysis>, Diagnostic> {
    let kind = KINDS.iter().find(|k| k.0.eq_ignore_ascii_case(&curve.text)).ok_or_else(|| {
        Diagnostic::error(curve.span, format!("`{}` is no kind of point", curve.text))
            .expected("expected lp, bp or hb")
            .suggest(&curve.text, KINDS.map(|k| k.0))
    })?;
    Ok(Box::new(Curves { first, second, letters: kind.1, point: args.named("point").map(|a| a.text.clone()) }))
}

impl Analysis for Curves {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "continue".into(), ..Summary::default() };
        if let Err(error) = sink.begin(&self.header(system, env)) {
            return (summary, Err(writing(error)));
        }
        let result = self.solve(system, env, sink, &mut summary);
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Curves {
    fn header(&self, system: &dyn System, env: &Env) -> Header {
        let (a, b) = (&self.first.axis, &self.second);
        let point = ColumnInfo { name: "point".into(), quantity: String::new(), unit: String::new(), kind: ColumnKind::Text };
        let leads = vec![
            lead(&a.name, a.quantity(), &self.first.unit),
            lead(&b.name, b.quantity(), b.unit()),
            lead("branch", "count", ""),
            lead("mode_frequency", "frequency", "Hz"),
            point,
        ];
        let kind = KINDS.iter().find(|k| k.1 == self.letters).map_or("", |k| k.2);
        columns::header(system, env, ("continue", &format!("Curve of {kind}")), leads, 1, ColumnKind::Real)
    }

    fn solve(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let (diagram, field) = self.first.solve(system, env, summary)?;
        let wanted = |s: &&Special| match &self.point {
            Some(label) => s.label.eq_ignore_ascii_case(label) && s.form.letters() == self.letters,
            None => s.form.letters() == self.letters,
        };
        let Some(special) = diagram.specials.iter().find(wanted) else {
            let known: Vec<&str> = diagram.specials.iter().map(|s| s.label.as_str()).collect();
            return Err(SimError::Fatal(format!(
                "continuation: no {} for {} from {} to {} to follow; found: {}",
                self.point.as_deref().unwrap_or(self.letters),
                self.first.axis.name,
                significant(self.first.axis.from),
                significant(self.first.axis.to),
                if known.is_empty() { "nothing".to_string() } else { known.join(", ") }
            )));
        };
        let trails = self.trails(system, &field, special, env, summary).map_err(|failure| {
            let n = field.n();
            let at = field.statics.point(&field.params, &special.z[..n]);
            failure.named(
                system,
                &at,
                &format!("curve of {} through {}", self.letters, special.label),
                "",
                "another point with point=",
            )
        })?;
        let n = field.n();
        let mut place = Field::new(field.statics, field.params, &[self.first.axis.id, self.second.id], &[1.0, 1.0]);
        let mut eval = Eval::new(system);
        let mut rows = RowMaker::default();
        for (k, trail) in trails.iter().enumerate() {
            sink.segment(&format!("{} curve, direction {}", self.letters, k + 1)).map_err(writing)?;
            self.describe(k, trail, special, n, summary);
            for spot in &trail.spots {
                place.set(&spot.z[n..n + 2]).map_err(|f| SimError::Fatal(f.to_string()))?;
                system.eval(&place.statics.point(&place.params, &spot.z[..n]), Want::OUTPUTS, &mut eval);
                let turning = if self.letters == "HB" { spot.z[n + 2].abs() / TAU } else { 0.0 };
                let leads = [spot.z[n], spot.z[n + 1], (k + 1) as f64, turning];
                let mut cells: Vec<Cell> = rows.real(system, &leads, &eval.outputs, &[]).to_vec();
                cells.insert(leads.len(), Cell::Text(spot.label.unwrap_or_default().to_string()));
                summary.points += 1;
                if sink.row(&cells).map_err(writing)? == Flow::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn trails(
        &self,
        system: &dyn System,
        old: &Field,
        special: &Special,
        env: &Env,
        summary: &mut Summary,
    ) -> Result<Vec<Trail>, Failure> {
        let n = old.n();
        let (a, b) = (&self.first.axis, &self.second);
        let mut params = old.params.clone();
        let refused = |d: Diagnostic| Failure::Refused(d.message);
        system.assign(&mut params, a.id, special.z[n]).map_err(refused)?;
        let p2 = system.value(&params, b.id);
        let mut field = Field::new(old.statics.clone(), params, &[a.id, b.id], &[a.to - a.from, b.to - b.from]);
        field.size[..n].copy_from_slice(&old.size[..n]);
        let mut z = special.z.clone();
        z.push(p2);
        field.assemble(&z)?;
        let settings = &self.first.settings;
        let plane = Plane { ranges: [(a.from, a.to), (b.from, b.to)], longest: settings.longest, places: settings.places };
        let stop = || env.stop.load(Ordering::Relaxed);
        let (trails, counts) = match &special.form {
            Form::Fold(form) => {
                let conditions = Fold::new(&field, &form.right)?;
                trace(field, conditions, &z, &plane, &stop)?
            }
            Form::Crossing(form) => {
                let conditions = Crossing::new(&field, &form.along)?;
                z.push(0.0);
                trace(field, conditions, &z, &plane, &stop)?
            }
            Form::Hopf(hopf) => {
                let conditions = Turning::new(&field, &hopf.right, &hopf.left, hopf.omega)?;
                z.push(hopf.omega);
                trace(field, conditions, &z, &plane, &stop)?
            }
            _ => return Err(Failure::Refused(format!("{} has no extended system to follow", special.label))),
        };
        summary.counts += counts;
        Ok(trails)
    }

    fn describe(&self, k: usize, trail: &Trail, special: &Special, n: usize, summary: &mut Summary) {
        let (a, b) = (&self.first.axis.name, &self.second.name);
        let at = |z: &[f64]| format!("{a} = {:.9e}, {b} = {:.9e}", z[n], z[n + 1]);
        if k == 0 {
            summary.table.push(format!("{} curve through {}: {}", self.letters, special.label, at(&trail.spots[0].z)));
        }
        for spot in trail.spots.iter().filter(|s| s.label.is_some()) {
            let label = spot.label.unwrap_or_default();
            let name = match label {
                "CP" => "cusp",
                "BT" => "Bogdanov-Takens",
                _ => "generalised Hopf",
            };
            summary.table.push(format!("{label}  {}: {name}", at(&spot.z)));
        }
        let last = trail.spots.last().map_or_else(String::new, |s| at(&s.z));
        let end = match &trail.end {
            End::Range(_) => "a range is left".to_string(),
            End::Stuck(why) => why.clone(),
            End::Spent => "points are spent".to_string(),
            other => format!("{other:?}").to_lowercase(),
        };
        summary.table.push(format!("direction {}: {} places, up to {last}; {end}", k + 1, trail.spots.len()));
    }
}
