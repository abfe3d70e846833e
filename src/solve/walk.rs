//! Natural continuation: solutions of `f(x; p) = 0` while a parameter goes from one value to another.
//!
//! Takes a solution at the start of a path `p(u)`, u from 0 to 1, and leads it to the end in steps that grow while Newton
//! finds it easy and shrink where it does not. gmin stepping, source stepping and plain sweeps are all this function.

use crate::dae::{Change, ParamId, Params};

use super::Counts;
use super::failure::Failure;
use super::newton::Newton;
use super::statics::Statics;

/// The way of one parameter.
pub struct Path<'a> {
    /// The parameter.
    pub id: ParamId,
    /// Its value at u, 0 to 1.
    pub value: &'a dyn Fn(f64) -> f64,
}

/// First step in u, smallest step, and most steps.
const STEP: (f64, f64, u32) = (0.1, 1e-7, 400);
/// Newton iterations below which the next step is twice as long.
const EASY: u32 = 8;

/// Sets a parameter for a walk.
///
/// # Errors
/// [`Failure::Refused`] if the value is out of range or would change the structure.
pub fn assign(statics: &Statics, params: &mut Params, id: ParamId, value: f64) -> Result<(), Failure> {
    match statics.system.assign(params, id, value) {
        Ok(Change::Values) => Ok(()),
        Ok(Change::Structure) => Err(Failure::Refused(format!("the circuit's structure would change at the value {value:.6e}"))),
        Err(diagnostic) => Err(Failure::Refused(diagnostic.message)),
    }
}

/// Leads `x`, a guess at u = 0, to the solution at u = 1.
///
/// # Errors
/// The u where it got stuck, and why.
pub fn walk(
    statics: &Statics,
    newton: &mut Newton,
    params: &mut Params,
    path: &Path,
    x: &mut [f64],
    counts: &mut Counts,
) -> Result<(), (f64, Failure)> {
    let fail = |u: f64| move |failure| (u, failure);
    assign(statics, params, path.id, (path.value)(0.0)).map_err(fail(0.0))?;
    statics.solve(newton, params, x, counts).map_err(fail(0.0))?;
    let (mut here, mut before) = (x.to_vec(), x.to_vec());
    let (mut u, mut step, mut last_step, mut failed) = (0.0, STEP.0, 0.0, false);
    for _ in 0..STEP.2 {
        let next = if u + 1.001 * step >= 1.0 { 1.0 } else { u + step };
        // A prediction far out may be what failed: then the next attempt starts from the last solution.
        let ahead = if last_step > 0.0 && !failed { (next - u) / last_step } else { 0.0 };
        for ((x, here), before) in x.iter_mut().zip(&here).zip(&before) {
            *x = here + ahead * (here - before);
        }
        let solved = assign(statics, params, path.id, (path.value)(next))
            .and_then(|()| statics.solve(newton, params, x, counts).map(|report| report.iterations));
        match solved {
            Ok(iterations) => {
                before.copy_from_slice(&here);
                here.copy_from_slice(x);
                (last_step, u, failed) = (next - u, next, false);
                if u >= 1.0 {
                    return Ok(());
                }
                step *= if iterations <= EASY { 2.0 } else { 1.0 };
            }
            Err(failure) if step < STEP.1 => return Err((u, failure)),
            Err(_) => {
                failed = true;
                step *= 0.25;
            }
        }
    }
    Err((u, Failure::NoConvergence(Default::default())))
}
