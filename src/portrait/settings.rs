//! How a device is driven: as the command line says, as its model or card says, or as trials show that it moves.
//!
//! `(* portrait = "amplitude=0.6 frequency=1meg" *)` before the word `module`, or a comment `* portrait: amplitude=...` above a
//! card. Without them a sine of several amplitudes and frequencies is tried: chosen is the fastest one that moves the states over
//! most of what they can reach, with an amplitude near a volt.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Stopwatch;
use crate::portrait::{Subject, decks, quantity, try_out};
use crate::units;

/// How a device is driven, as far as it is known.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Volts.
    pub amplitude: Option<f64>,
    /// Hertz.
    pub frequency: Option<f64>,
    /// Ohms between the source and the device.
    pub series: Option<f64>,
    /// Seconds that a pulse takes.
    pub width: Option<f64>,
    /// Volts at which the conductance is read.
    pub read: Option<f64>,
    /// Pulses of each sign.
    pub pulses: Option<f64>,
}

impl Settings {
    /// What is known here, else what `other` knows.
    fn or(&self, other: &Settings) -> Settings {
        Settings {
            amplitude: self.amplitude.or(other.amplitude),
            frequency: self.frequency.or(other.frequency),
            series: self.series.or(other.series),
            width: self.width.or(other.width),
            read: self.read.or(other.read),
            pulses: self.pulses.or(other.pulses),
        }
    }
}

/// Reads `amplitude=1 frequency=1meg`.
///
/// # Errors
/// A sentence that names the word that is none.
pub fn parse(text: &str) -> Result<Settings, String> {
    let mut out = Settings::default();
    for word in text.split([' ', ',']).filter(|w| !w.is_empty()) {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected name=value"))?;
        let value = units::number(value).ok_or_else(|| format!("`{value}` is not a number"))?;
        let place = match name {
            "amplitude" => &mut out.amplitude,
            "frequency" => &mut out.frequency,
            "series" => &mut out.series,
            "width" => &mut out.width,
            "read" => &mut out.read,
            "pulses" => &mut out.pulses,
            _ => return Err(format!("`{name}`: expected amplitude, frequency, series, width, read or pulses")),
        };
        *place = Some(value);
    }
    Ok(out)
}

/// How a device is driven.
pub struct Settled {
    pub amplitude: f64,
    pub frequency: f64,
    pub series: f64,
    pub width: f64,
    pub read: f64,
    pub pulses: usize,
    /// All of this in a line.
    pub told: String,
}

/// Settles what is open.
///
/// # Errors
/// What is wrong with the attribute of the model, or with the device as it is given.
pub fn settle(subject: &Subject, given: &Settings, stop: &AtomicBool) -> Result<Settled, String> {
    let wrong = |what: String| format!("error: portrait of `{}`: {what}\n", subject.name);
    let of_card = subject.card.as_ref().and_then(|c| c.comment.split_once("portrait:")).map_or("", |(_, rest)| rest.trim());
    let of_model = parse(subject.item.model.attribute("portrait")).map_err(wrong)?;
    // Another device with the same equations has other voltages and times, but belongs into the same circuit.
    let shared = if subject.card.is_some() { Settings { series: of_model.series, ..Settings::default() } } else { of_model };
    let own = parse(of_card).map_err(wrong)?.or(&shared);
    let known = given.or(&own);
    let series = known.series.unwrap_or(0.0);
    let (amplitude, frequency, how) = match (known.amplitude, known.frequency) {
        (Some(amplitude), Some(frequency)) => (amplitude, frequency, ""),
        _ => found(subject, &known, series, stop)?,
    };
    let positive = [("amplitude", amplitude), ("frequency", frequency)].into_iter().find(|(_, v)| !(*v > 0.0 && v.is_finite()));
    if let Some((name, value)) = positive {
        return Err(wrong(format!("{name} = {value}: expected a positive number")));
    }
    let width = known.width.unwrap_or(0.005 / frequency);
    let read = known.read.unwrap_or(0.1 * amplitude);
    let pulses = known.pulses.unwrap_or(20.0).clamp(1.0, 1000.0) as usize;
    let through = if series > 0.0 { format!(" through {}", quantity(series, "ohm")) } else { String::new() };
    let told = format!(
        "amplitude {}{through}, frequency {}{how}; pulses of {}, read at {}",
        quantity(amplitude, "V"),
        quantity(frequency, "Hz"),
        quantity(width, "s"),
        quantity(read, "V")
    );
    Ok(Settled { amplitude, frequency, series, width, read, pulses, told })
}

/// Amplitudes and frequencies that are tried.
const AMPLITUDES: [f64; 10] = [0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0];
const FREQUENCIES: [f64; 11] = [0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Seconds that trials may take. Runs that end take milliseconds; the limits are for those that are stuck.
const LONGEST: f64 = 20.0;
/// Seconds that one of them may take.
const ONE: f64 = 1.0;
/// Part of its range that a state must move by, to be seen.
const LEAST: f64 = 0.05;
/// Part of the widest swing at an amplitude that counts as wide.
const WIDE: f64 = 0.6;

/// One trial: amplitude, frequency, and how far each state went.
#[derive(Clone, Debug)]
struct Trial {
    amplitude: f64,
    frequency: f64,
    ways: Vec<f64>,
}

/// Amplitude and frequency by trials.
fn found(subject: &Subject, known: &Settings, series: f64, stop: &AtomicBool) -> Result<(f64, f64, &'static str), String> {
    let amplitudes = known.amplitude.map_or(AMPLITUDES.to_vec(), |a| vec![a]);
    let frequencies = known.frequency.map_or(FREQUENCIES.to_vec(), |f| vec![f]);
    let usual = (known.amplitude.unwrap_or(1.0), known.frequency.unwrap_or(1e3));
    let bounds: Vec<(f64, f64)> = subject.plain_states().iter().map(|s| subject.bounds(s)).collect();
    if bounds.is_empty() {
        return Ok((usual.0, usual.1, " (it has no state)"));
    }
    let watch = Stopwatch::start();
    let mut trials: Vec<Trial> = Vec::new();
    for amplitude in amplitudes {
        for frequency in &frequencies {
            if watch.read().wall.as_secs_f64() > LONGEST || stop.load(Ordering::Relaxed) {
                break;
            }
            let deck = decks::trial(subject, (amplitude, *frequency, series));
            let members = try_out(&deck, ONE, stop)?;
            let Some(outcome) = members.first().and_then(|m| m.first()).filter(|o| o.failure.is_none()) else { continue };
            let value = |k: usize| outcome.measures.get(k).and_then(|m| m.1.as_ref().ok()).copied().unwrap_or(f64::NAN);
            let ways: Option<Vec<f64>> =
                bounds.iter().enumerate().map(|(k, b)| way((value(2 * k), value(2 * k + 1)), *b)).collect();
            trials.extend(ways.map(|ways| Trial { amplitude, frequency: *frequency, ways }));
        }
    }
    let bounded: Vec<bool> = bounds.iter().map(|b| b.0.is_finite() && b.1.is_finite()).collect();
    Ok(match chosen(&trials, &bounded) {
        Some((amplitude, frequency)) => (amplitude, frequency, " (found by trials)"),
        None => (usual.0, usual.1, " (its states hardly move at any: say --amplitude and --frequency)"),
    })
}

/// How far a state goes, as a part of its range; of a state without bounds in its own unit. `None` where it leaves them.
fn way((top, low): (f64, f64), (lower, upper): (f64, f64)) -> Option<f64> {
    let way = top - low;
    if !way.is_finite() {
        return None;
    }
    let range = upper - lower;
    if !range.is_finite() {
        return Some(way);
    }
    let inside = low > lower - 0.05 * range && top < upper + 0.05 * range;
    inside.then_some(way / range)
}

/// The best trial: near a volt, not too slow, with states that move. States without bounds count by their longest way.
fn chosen(trials: &[Trial], bounded: &[bool]) -> Option<(f64, f64)> {
    let longest = |k: usize| trials.iter().map(|t| t.ways[k]).fold(0.0, f64::max);
    let scales: Vec<f64> = bounded.iter().enumerate().map(|(k, bounded)| if *bounded { 1.0 } else { longest(k) }).collect();
    let moving: Vec<usize> = (0..scales.len()).filter(|k| scales[*k] > 0.0 && longest(*k) > LEAST * scales[*k]).collect();
    let swing = |t: &Trial| moving.iter().map(|k| t.ways[*k] / scales[*k]).sum::<f64>() / moving.len().max(1) as f64;
    let one_only = trials.iter().all(|t| t.frequency == trials[0].frequency);
    let mut best: Option<(f64, (f64, f64))> = None;
    for start in trials {
        let same = || trials.iter().filter(|t| t.amplitude == start.amplitude);
        let widest = same().map(swing).fold(0.0, f64::max);
        if widest < LEAST {
            continue;
        }
        // The loops of a tenth and of ten times the frequency must come out as well.
        let near = |f: f64| same().any(|t| (t.frequency / f - 1.0).abs() < 1e-6);
        let framed = |t: &&Trial| one_only || near(t.frequency / 10.0) && near(t.frequency * 10.0);
        let fast = same().filter(framed).filter(|t| swing(t) >= WIDE * widest).max_by(|a, b| a.frequency.total_cmp(&b.frequency));
        let Some(fast) = fast else { continue };
        let small = if widest < 0.3 { 1.5 } else { 0.0 };
        let cost = 0.25 * (fast.frequency.log10() - 4.0).abs() + 0.4 * fast.amplitude.log2().abs() + small;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, (fast.amplitude, fast.frequency)));
        }
    }
    best.map(|(_, trial)| trial)
}
