//! The common period of the sources.
//!
//! Takes what each source says about how it repeats; gives the shortest time that is a whole number of periods of every one,
//! or the two sources that have none in common.

use crate::dae::Drive;

/// Periods that agree to this, relatively, are the same.
const SAME: f64 = 1e-9;
/// Most cycles of one source in the common period.
const MOST: u32 = 1000;

/// When the circuit is driven periodically.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clock {
    /// The period, s.
    pub period: f64,
    /// All sources repeat from here on, s.
    pub from: f64,
}

/// The clock of `drives`; `None` if nothing moves.
///
/// # Errors
/// A sentence that names a source without a period, or two without a common one.
pub fn common(drives: &[Drive]) -> Result<Option<Clock>, String> {
    if let Some(drive) = drives.iter().find(|d| !d.period.is_finite()) {
        return Err(format!("`{}` never repeats, so there is no period", drive.source));
    }
    let Some(first) = drives.first() else { return Ok(None) };
    let mut clock = Clock { period: first.period, from: first.from };
    for drive in &drives[1..] {
        clock.period = multiple(clock.period, drive.period).ok_or_else(|| {
            format!(
                "`{}` ({:e} s) and what comes before it ({:e} s) have no common period within {MOST} cycles; the nearest is {:e} s",
                drive.source,
                drive.period,
                clock.period,
                nearest(clock.period, drive.period)
            )
        })?;
        clock.from = clock.from.max(drive.from);
    }
    Ok(Some(clock))
}

/// The least common multiple.
fn multiple(a: f64, b: f64) -> Option<f64> {
    (1..=MOST).map(|k| f64::from(k) * a).find(|t| {
        let cycles = t / b;
        let whole = cycles.round();
        whole >= 1.0 && whole <= f64::from(MOST) && (cycles - whole).abs() <= SAME * whole
    })
}

/// The multiple of `a` that comes nearest to one of `b`, relatively.
fn nearest(a: f64, b: f64) -> f64 {
    let miss = |k: u32| {
        let cycles = f64::from(k) * a / b;
        (cycles - cycles.round().max(1.0)).abs() / cycles
    };
    let best = (1..=MOST).min_by(|j, k| miss(*j).total_cmp(&miss(*k)));
    f64::from(best.unwrap_or(1)) * a
}
