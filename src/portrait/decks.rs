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

/// Two periods of a sine, of which the second is measured: greatest and least value of each state, then greatest voltage.
pub fn trial(subject: &Subject, (amplitude, frequency, series): (f64, f64, f64)) -> String {
    let period = 1.0 / frequency;
    let measure = |s: &str| format!(".measure tran top_{s} max x1.{s}\n.measure tran low_{s} min x1.{s}\n");
    let measures: String = subject.plain_states().iter().map(|s| measure(s)).collect();
    format!(
        "trial\n{}.options reltol=1e-3\n.tran {:e} {:e} {period:e}\n{measures}.measure tran reach max v(n)\n.end\n",
        circuit(subject, &format!("SIN(0 {amplitude} {frequency:e})"), series),
        0.02 * period,
        2.0 * period
    )
}

/// Loops of current and voltage at three frequencies.
pub fn loops(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> String {
    let linear = loops_with(subject, settings, None);
    match decades(&linear, stop) {
        Some(least) => loops_with(subject, settings, Some(least)),
        None => linear,
    }
}

/// `least`: currents from here on are also drawn by their logarithms.
fn loops_with(subject: &Subject, settings: &Settled, least: Option<f64>) -> String {
    let Settled { amplitude, frequency, series, .. } = settings;
    let mut out = format!("{}: loops of current and voltage\n", subject.name);
    let _ = writeln!(
        out,
        "* The third period of a sine, at three frequencies. The loop of a memristor shrinks as the frequency rises,"
    );
    let _ = writeln!(out, "* and passes through the origin.");
    let _ = writeln!(out, ".param amplitude={amplitude} f={frequency:e}");
    out.push_str(&circuit(subject, "SIN(0 {amplitude} {f})", *series));
    let _ = writeln!(out, ".options ppp=200\n.tran {{0.002/f}} {{3/f}} {{1.99/f}}");
    let _ = writeln!(out, ".step param f list {:e} {frequency:e} {:e}", frequency / 10.0, frequency * 10.0);
    let title = format!("{} under a sine of {}", subject.name, quantity(*amplitude, "V"));
    let _ = writeln!(out, ".plot tran i(x1) vs v(n) title=\"{title}\" xlabel=\"voltage\" ylabel=\"current\" file=iv");
    if let Some(least) = least {
        let labels = "xlabel=\"voltage\" ylabel=\"magnitude of the current\"";
        let _ = writeln!(out, ".plot tran abs(i(x1)) vs v(n) ylog ymin={least:e} title=\"{title}\" {labels} file=iv-log");
    }
    let states = subject.plain_states();
    if !states.is_empty() {
        let curves: Vec<String> = states.iter().take(4).map(|s| format!("x1.{s} vs v(n)")).collect();
        let _ = writeln!(out, ".plot tran {} title=\"States of {title}\" xlabel=\"voltage\" file=iv-states", curves.join(" "));
    }
    out.push_str(".end\n");
    out
}

/// The power of ten below most currents, where they go over several decades.
fn decades(deck: &str, stop: &AtomicBool) -> Option<f64> {
    let members = try_out(deck, LONGEST, stop).ok()?;
    let mut sizes: Vec<f64> = Vec::new();
    for outcome in members.iter().flatten() {
        sizes.extend(outcome.data.real("i(x1)").unwrap_or(&[]).iter().map(|i| i.abs()).filter(|i| *i > 0.0));
    }
    sizes.sort_by(f64::total_cmp);
    let (low, most) = (*sizes.get(sizes.len() / 10)?, *sizes.last()?);
    (most > 1e3 * low).then(|| 10f64.powf((0.3 * low).log10().floor()))
}

/// A route map for each state: name of the file and deck.
pub fn maps(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> Vec<(String, String)> {
    let seen = excursions(subject, settings, stop);
    let states = subject.plain_states();
    let one = |(k, state): (usize, &&str)| {
        let bounds = subject.bounds(state);
        let (low, high) = seen.get(k).copied().unwrap_or((f64::NAN, f64::NAN));
        let low = if bounds.0.is_finite() { bounds.0 } else { low };
        let high = if bounds.1.is_finite() { bounds.1 } else { high };
        let range = (low < high).then_some((low, high));
        let reach = seen.last().map_or(settings.amplitude, |s| s.1);
        let file = format!("drm-{state}");
        if range.is_none() {
            return (file, map(subject, state, reach, None, None));
        }
        // A first look tells over how many decades rates go.
        let scale = rates(&map(subject, state, reach, range, None), stop);
        (file, map(subject, state, reach, range, scale))
    };
    states.iter().enumerate().map(one).collect()
}

/// Voltages of a map, as parts of the largest.
const PARTS: [f64; 7] = [-1.0, -0.75, -0.5, 0.0, 0.5, 0.75, 1.0];
/// The same where a device does not tell the sign.
const HALF: [f64; 6] = [0.0, 0.4, 0.6, 0.8, 0.9, 1.0];

fn map(subject: &Subject, state: &str, reach: f64, range: Option<(f64, f64)>, symlog: Option<f64>) -> String {
    let held = subject.item.states.iter().any(|s| s.held && subject.item.model.unknowns[s.row].name == state);
    let mut out = format!("{}: dynamic route map of {state}\n", subject.name);
    let _ =
        writeln!(out, "* Rate of the state against the state at fixed voltages, everything else at rest. The curve of 0 V is the");
    let kept = if held { "the axis itself means that every state is kept" } else { "it falls through zero where the device rests" };
    let _ = writeln!(out, "* power-off plot: {kept}.");
    out.push_str(&circuit(subject, "0", 0.0));
    let symmetric = subject.item.model.attribute("class").split_whitespace().any(|w| w == "symmetric");
    let parts: &[f64] = if symmetric { &HALF } else { &PARTS };
    let values: Vec<String> = parts.iter().map(|w| format!("{}", rounded(w * reach))).collect();
    let limits = range.map_or_else(String::new, |(low, high)| format!(" from={low:e} to={high:e}"));
    let _ = writeln!(out, ".drm x1.{state} V1 list {}{limits}", values.join(" "));
    let scale = symlog.map_or_else(String::new, |s| format!(" symlog={s:e}"));
    let title = format!("Dynamic route map of {}", subject.name);
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
    let deck = trial(subject, (settings.amplitude, settings.frequency, settings.series));
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
