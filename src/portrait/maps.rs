//! The decks of dynamic route maps: the rate of each state against the state, at fixed voltages.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use crate::portrait::decks::{LONGEST, trial};
use crate::portrait::settings::Settled;
use crate::portrait::{Subject, try_out};
use crate::solve::SimError;

/// A route map for each state: its name, and its deck or why there is none.
pub fn maps(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> Vec<(String, Result<String, String>)> {
    let seen = excursions(subject, settings, stop);
    let states = subject.plain_states();
    let one = |(k, state): (usize, &&str)| {
        let bounds = subject.bounds(state);
        let (low, high) = seen.get(k).copied().unwrap_or((f64::NAN, f64::NAN));
        let low = if bounds.0.is_finite() { bounds.0 } else { low };
        let high = if bounds.1.is_finite() { bounds.1 } else { high };
        let reach = seen.last().map_or(settings.amplitude, |s| s.1);
        if low.partial_cmp(&high) != Some(Ordering::Less) {
            return Err("no sine of this amplitude moves it, and it has no bounds; say --amplitude and --frequency".to_string());
        }
        let of = |scale: Option<f64>| map(subject, settings, (state, reach), (low, high), scale);
        // A first look tells over how many decades rates go, and whether there are any.
        rates(&of(None), stop).map(of)
    };
    states.iter().enumerate().map(|s| (s.1.to_string(), one(s))).collect()
}

/// Drives of a map, as parts of the largest and of the least one.
const PARTS: [f64; 7] = [-1.0, -0.75, -0.5, 0.0, 0.5, 0.75, 1.0];
/// The same where a device does not tell the sign, or has one alone.
const HALF: [f64; 6] = [0.0, 0.4, 0.6, 0.8, 0.9, 1.0];

fn map(subject: &Subject, settings: &Settled, (state, reach): (&str, f64), (from, to): (f64, f64), symlog: Option<f64>) -> String {
    let held = subject.item.states.iter().any(|s| s.held && subject.item.model.unknowns[s.row].name == state);
    let mut out = format!("{}: dynamic route map of {state}\n", subject.name);
    let _ =
        writeln!(out, "* Rate of the state against the state at fixed voltages, everything else at rest. The curve of 0 V is the");
    let kept = if held { "the axis itself means that every state is kept" } else { "it falls through zero where the device rests" };
    let _ = writeln!(out, "* power-off plot: {kept}.");
    out.push_str(&subject.circuit("0", 0.0, settings.read));
    let symmetric = subject.item.model.attribute("class").split_whitespace().any(|w| w == "symmetric");
    let part = |w: &f64| match settings.low < 0.0 {
        true if *w < 0.0 => -w * reach * settings.low / settings.amplitude,
        true => w * reach,
        false => settings.low + w * (reach - settings.low),
    };
    let parts: &[f64] = if symmetric || settings.low >= 0.0 { &HALF } else { &PARTS };
    let values: Vec<String> = parts.iter().map(|w| format!("{}", rounded(part(w)))).collect();
    let _ = writeln!(out, ".drm x1.{state} V1 list {} from={from:e} to={to:e}", values.join(" "));
    let scale = symlog.map_or_else(String::new, |s| format!(" symlog={s:e}"));
    let title = format!("Dynamic route map of {}, {}", subject.name, subject.abscissa());
    let _ = writeln!(out, ".plot drm{scale} title=\"{title}\" xlabel=\"{state}\" ylabel=\"rate of {state}\" file=drm-{state}");
    out.push_str(".end\n");
    out
}

/// Three digits: voltages are chosen, not measured.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Where each state goes under the sine, a fifth wider, and at the end the voltage of the device; empty if that run fails.
fn excursions(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> Vec<(f64, f64)> {
    let deck = trial(subject, (settings.amplitude, settings.low), (settings.frequency, settings.series, settings.read));
    let members = try_out(&deck, LONGEST, stop).unwrap_or_default();
    let Some(outcome) = members.first().and_then(|m| m.first()) else { return Vec::new() };
    let value = |k: usize| outcome.measures.get(k).and_then(|m| m.1.as_ref().ok()).copied().unwrap_or(f64::NAN);
    let count = outcome.measures.len() / 2;
    let states = (0..count).map(|k| {
        let (top, low) = (value(2 * k), value(2 * k + 1));
        (low - 0.2 * (top - low), top + 0.2 * (top - low))
    });
    let reach = if settings.series > 0.0 { value(2 * count) } else { settings.amplitude };
    states.chain([(0.0, if reach.is_finite() { reach } else { settings.amplitude })]).collect()
}

/// Rates above this are drawn by their logarithms; none where all are of one size.
///
/// # Errors
/// Why there are no rates to draw.
fn rates(deck: &str, stop: &AtomicBool) -> Result<Option<f64>, String> {
    let members = try_out(deck, LONGEST, stop).unwrap_or_default();
    // A run that fails will say so itself.
    let Some(outcome) = members.first().and_then(|m| m.first()) else { return Ok(None) };
    if let Some(SimError::Fatal(_)) = outcome.failure {
        return Err("it follows the others at once (its equation has no time derivative with these values)".to_string());
    }
    let columns = || outcome.data.columns.iter().skip(1).map(|c| c.real());
    // The largest rate of each curve counts, so that steep ends of one do not hide the others.
    let most = |rates: &[f64]| rates.iter().map(|r| r.abs()).filter(|r| r.is_finite()).fold(0.0, f64::max);
    let sizes: Vec<f64> = columns().map(most).filter(|m| *m > 0.0).collect();
    if sizes.is_empty() && outcome.failure.is_none() {
        return Err("it rests at every constant drive and moves, if at all, while the drive does".to_string());
    }
    let Some(typical) = median(columns().flatten().map(|r| r.abs()).filter(|r| *r > 0.0).collect()) else { return Ok(None) };
    let most = sizes.iter().copied().fold(0.0, f64::max);
    let least = sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let spread = (most / least).max(most / typical);
    // Three decades below the smallest curve, twelve below the largest at most.
    Ok((spread > 30.0).then(|| 10f64.powf((1e-2 * least.min(typical)).max(1e-12 * most).log10().floor())))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
