//! The decks of portraits, as text: a person could have written them, and finds them beside the plots.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use crate::portrait::settings::Settled;
use crate::portrait::{Subject, quantity, try_out};

/// Seconds that a look ahead may take.
const LONGEST: f64 = 5.0;

/// The source at `p`, a resistor if there is one, and the device at `n`.
pub fn circuit(subject: &Subject, source: &str, series: f64) -> String {
    match series > 0.0 {
        true => format!("V1 p 0 {source}\nRS p n {series:e}\n{}\n", subject.instance),
        false => format!("V1 n 0 {source}\n{}\n", subject.instance),
    }
}

/// Two periods of a sine, of which the second is measured.
pub fn trial(subject: &Subject, state: &str, (amplitude, frequency, series): (f64, f64, f64)) -> String {
    let period = 1.0 / frequency;
    format!(
        "trial\n{}.options reltol=1e-3\n.tran {:e} {:e} {period:e}\n.measure tran top max x1.{state}\n.measure tran low min x1.{state}\n.end\n",
        circuit(subject, &format!("SIN(0 {amplitude} {frequency:e})"), series),
        0.02 * period,
        2.0 * period
    )
}

/// Loops of current and voltage at three frequencies.
pub fn loops(subject: &Subject, settings: &Settled) -> String {
    let Settled { amplitude, frequency, series, .. } = settings;
    let mut out = format!("{}: loops of current and voltage\n", subject.name);
    let _ = writeln!(
        out,
        "* The third period of a sine, at three frequencies. The loop of a memristor shrinks as the frequency rises,"
    );
    let _ = writeln!(out, "* and passes through the origin.");
    let _ = writeln!(out, ".param amplitude={amplitude} f={frequency:e}");
    out.push_str(&circuit(subject, "SIN(0 {amplitude} {f})", *series));
    let _ = writeln!(out, ".tran {{0.002/f}} {{3/f}} {{2/f}}");
    let _ = writeln!(out, ".step param f list {:e} {frequency:e} {:e}", frequency / 10.0, frequency * 10.0);
    let title = format!("{} under a sine of {}", subject.name, quantity(*amplitude, "V"));
    let _ = writeln!(out, ".plot tran i(x1) vs v(n) title=\"{title}\" xlabel=\"voltage\" ylabel=\"current\" file=iv");
    let states = subject.states();
    if !states.is_empty() {
        let curves: Vec<String> = states.iter().take(4).map(|s| format!("x1.{s} vs v(n)")).collect();
        let _ = writeln!(out, ".plot tran {} title=\"States of {title}\" xlabel=\"voltage\" file=iv-states", curves.join(" "));
    }
    out.push_str(".end\n");
    out
}

/// A route map for each state: name of the file and deck.
pub fn maps(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> Vec<(String, String)> {
    let model = &subject.item.model;
    let one = |row: usize| {
        let unknown = &model.unknowns[row];
        let range = match unknown.bounds {
            (low, high) if low.is_finite() && high.is_finite() => Some((low, high)),
            _ => excursion(subject, &unknown.name, settings, stop),
        };
        let (file, name) = (format!("drm-{}", unknown.name), unknown.name.as_str());
        let Some(range) = range else { return (file, map(subject, name, settings, None, None)) };
        // A first look tells over how many decades rates go.
        let scale = rates(&map(subject, name, settings, Some(range), None), stop);
        (file, map(subject, name, settings, Some(range), scale))
    };
    subject.item.states.iter().map(|s| one(s.row)).collect()
}

fn map(subject: &Subject, state: &str, settings: &Settled, range: Option<(f64, f64)>, symlog: Option<f64>) -> String {
    let a = settings.amplitude;
    let held = subject.item.states.iter().any(|s| s.held && subject.item.model.unknowns[s.row].name == state);
    let mut out = format!("{}: dynamic route map of {state}\n", subject.name);
    let _ =
        writeln!(out, "* Rate of the state against the state at fixed voltages, everything else at rest. The curve of 0 V is the");
    let kept = if held { "the axis itself means that every state is kept" } else { "it falls through zero where the device rests" };
    let _ = writeln!(out, "* power-off plot: {kept}.");
    out.push_str(&circuit(subject, "0", settings.series));
    let values: Vec<String> = [-1.0, -0.75, -0.5, 0.0, 0.5, 0.75, 1.0].iter().map(|w| format!("{}", rounded(w * a))).collect();
    let limits = range.map_or_else(String::new, |(low, high)| format!(" from={low:e} to={high:e}"));
    let _ = writeln!(out, ".drm x1.{state} V1 list {}{limits}", values.join(" "));
    let scale = symlog.map_or_else(String::new, |s| format!(" symlog={s:e}"));
    let title = format!("Dynamic route map of {}", subject.name);
    let _ = writeln!(out, ".plot drm{scale} title=\"{title}\" xlabel=\"{state}\" ylabel=\"rate of {state}\" file=drm-{state}");
    out.push_str(".end\n");
    out
}

/// Without the digits of rounding.
fn rounded(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

/// Where a state goes under the sine, a fifth wider; `None` if it does not move.
fn excursion(subject: &Subject, state: &str, settings: &Settled, stop: &AtomicBool) -> Option<(f64, f64)> {
    let members = try_out(&trial(subject, state, (settings.amplitude, settings.frequency, settings.series)), LONGEST, stop).ok()?;
    let outcome = members.first()?.first()?;
    let value = |k: usize| outcome.measures.get(k).and_then(|m| m.1.as_ref().ok()).copied();
    let (top, low) = (value(0)?, value(1)?);
    let more = 0.2 * (top - low);
    (more > 0.0 && more.is_finite()).then_some((low - more, top + more))
}

/// Rates above this are drawn by their logarithms; `None` where all are of one size.
fn rates(deck: &str, stop: &AtomicBool) -> Option<f64> {
    let members = try_out(deck, LONGEST, stop).ok()?;
    let data = &members.first()?.first()?.data;
    let mut sizes: Vec<f64> = Vec::new();
    // The largest rate of each curve counts, so that steep ends of one do not hide the others.
    for column in data.columns.iter().skip(1) {
        let most = column.real().iter().map(|r| r.abs()).filter(|r| r.is_finite()).fold(0.0, f64::max);
        sizes.extend(Some(most).filter(|m| *m > 0.0));
    }
    let all: Vec<f64> = data.columns.iter().skip(1).flat_map(|c| c.real()).map(|r| r.abs()).filter(|r| *r > 0.0).collect();
    let most = sizes.iter().copied().fold(0.0, f64::max);
    let least = sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let typical = median(all)?;
    let spread = (most / least).max(most / typical);
    // Three decades below the smallest curve, twelve below the largest at most.
    (spread > 30.0).then(|| 10f64.powf((1e-2 * least.min(typical)).max(1e-12 * most).log10().floor()))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
