//! Limiting of probes between Newton iterates (decision 8): new and previous value to the value that the kernel sees.
//!
//! `pnjlim` and `fetlim` follow the rules of SPICE2 (Nagel, ERL-M520, 1975, and Vladimirescu's accounts of them), restated:
//! a junction voltage above its critical value may grow only as the logarithm of its current does.

use crate::model::Limit;

/// The limited value, and whether it differs from `new`.
pub fn apply(limit: &Limit, new: f64, old: f64, argument: impl Fn(u32) -> f64) -> (f64, bool) {
    if let Limit::Program(output) = limit {
        return computed(new, argument(*output));
    }
    let value = match limit {
        Limit::Pnj { vt, vcrit } => junction(new, old, argument(*vt), argument(*vcrit)),
        Limit::Fet { vto } => gate(new, old, argument(*vto)),
        Limit::Step { largest } => {
            let largest = argument(*largest).abs();
            old + (new - old).clamp(-largest, largest)
        }
        Limit::Program(_) => new,
    };
    if value.is_finite() { (value, value != new) } else { (new, false) }
}

/// A limit that a program computed. One that follows slowly comes to rest where the tangent's error, which is of second order,
/// is below rounding.
fn computed(new: f64, value: f64) -> (f64, bool) {
    const NEAR: f64 = 1e-9;
    if value.is_finite() { (value, (value - new).abs() > NEAR * (new.abs() + NEAR)) } else { (new, false) }
}

/// Junction: above `vcrit`, a step of more than two thermal voltages becomes a step in the logarithm of the current.
fn junction(new: f64, old: f64, vt: f64, vcrit: f64) -> f64 {
    if !(new > vcrit && (new - old).abs() > 2.0 * vt) {
        return new;
    }
    if old <= 0.0 {
        return vt * (new / vt).ln();
    }
    let growth = 1.0 + (new - old) / vt;
    if growth > 0.0 { old + vt * growth.ln() } else { vcrit }
}

/// Gate: within three volts around the threshold steps are bounded, far above it they may at most double the overdrive.
fn gate(new: f64, old: f64, vto: f64) -> f64 {
    let overdrive = (old - vto).abs();
    let (up, down) = (2.0 * overdrive + 2.0, overdrive + 1.0);
    let step = new - old;
    if old >= vto + 3.5 {
        let least = if new >= vto + 3.5 { old - down } else { vto + 2.0 };
        if step > 0.0 { new.min(old + up) } else { new.max(least) }
    } else if old >= vto {
        if step > 0.0 { new.min(vto + 4.0) } else { new.max(vto - 0.5) }
    } else if step > 0.0 {
        if new <= vto + 0.5 { new.min(old + up) } else { vto + 0.5 }
    } else {
        new.max(old - down)
    }
}
