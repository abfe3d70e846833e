//! How a device is driven: as the command line says, as its model or card says, or as trials show that it moves.
//!
//! `(* portrait = "amplitude=0.6 frequency=1meg" *)` before the word `module`, or a comment `* portrait: amplitude=...` above a
//! card. Without them a sine of several amplitudes and frequencies is tried: chosen is the fastest one that moves the states over
//! most of what they can reach, with an amplitude near a volt.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalogue::{Card, Item};
use crate::clock::Stopwatch;
use crate::portrait::words::{self, Settings};
use crate::portrait::{Subject, decks, quantity, try_out};

/// How a device is driven.
pub struct Settled {
    /// Greatest and least value of the sine.
    pub amplitude: f64,
    pub low: f64,
    pub frequency: f64,
    pub series: f64,
    /// Height and width of the first pulses, and of the second.
    pub first: (f64, f64),
    pub second: (f64, f64),
    /// Seconds from a pulse to its reading.
    pub gap: f64,
    /// Value of the terminal that is read, and of the driven one while it is read.
    pub read: f64,
    pub hold: f64,
    pub pulses: usize,
    /// All of this in a line.
    pub told: String,
}

impl Settled {
    fn words(&self, subject: &Subject, how: &str) -> String {
        let through = if self.series > 0.0 { format!(" through {}", quantity(self.series, "ohm")) } else { String::new() };
        let amplitude = match self.low == -self.amplitude {
            true => format!("amplitude {}", subject.level(self.amplitude)),
            false => format!("{} to {}", subject.level(self.low), subject.level(self.amplitude)),
        };
        let (place, with) = (subject.place(), &subject.with);
        let other = if self.second.1 == self.first.1 { String::new() } else { format!(" and {}", quantity(self.second.1, "s")) };
        format!(
            "{amplitude}{place}{through}, frequency {}{with}{how}; pulses of {}{other}, read at {}",
            quantity(self.frequency, "Hz"),
            quantity(self.first.1, "s"),
            quantity(self.read, "V")
        )
    }
}

/// A sine between two values.
pub fn sine((high, low): (f64, f64), frequency: &str) -> String {
    match high == -low {
        true => format!("SIN(0 {high} {frequency})"),
        false => format!("SIN({} {} {frequency})", 0.5 * (high + low), 0.5 * (high - low)),
    }
}

/// What is said about driving a device: on the command line, else above its card, else by its model.
///
/// # Errors
/// What is wrong with these words, or why there is no portrait.
pub fn known(item: &Item, card: Option<&Card>, given: &Settings) -> Result<Settings, String> {
    let name = card.map_or(&item.model.name, |c| &c.name);
    let wrong = |what: String| format!("error: portrait of `{name}`: {what}\n");
    let of_card = card.and_then(|c| c.comment.split_once("portrait:")).map_or("", |(_, rest)| rest.trim());
    let described = given.drive.is_some();
    let of_model = words::of_model(item.model.attribute("portrait"), item.model.attribute("class"));
    let of_model = match of_model {
        Err(_) if described => Settings::default(),
        other => other.map_err(|why| format!("error: `{name}`: {why}\n"))?,
    };
    // Another device with the same equations has other voltages and times, but belongs into the same circuit.
    let shared = if card.is_some() { of_model.circuit() } else { of_model };
    Ok(given.or(&words::parse(of_card).map_err(wrong)?.or(&shared)))
}

/// Settles what is open.
///
/// # Errors
/// What is wrong with the device as it is given.
pub fn settle(subject: &Subject, known: &Settings, stop: &AtomicBool) -> Result<Settled, String> {
    let wrong = |what: String| format!("error: portrait of `{}`: {what}\n", subject.name);
    let series = known.series.unwrap_or(0.0);
    let (amplitude, frequency, how) = match (known.amplitude, known.frequency) {
        (Some(amplitude), Some(frequency)) => (amplitude, frequency, ""),
        _ => found(subject, known, series, stop)?,
    };
    let low = known.low.unwrap_or(subject.lowest(amplitude));
    if !(frequency > 0.0 && frequency.is_finite()) {
        return Err(wrong(format!("frequency = {frequency}: expected a positive number")));
    }
    if !(low < amplitude && (amplitude - low).is_finite()) {
        return Err(wrong(format!("amplitude = {amplitude}: expected a positive number, or more than low = {low}")));
    }
    let width = known.width.unwrap_or(0.005 / frequency);
    let read = known.read.unwrap_or(if subject.separate() { READ } else { 0.1 * amplitude });
    let pulse = known.pulse.unwrap_or(amplitude);
    let opposite = if subject.volatile() { 0.0 } else { known.low.unwrap_or(subject.lowest(pulse)) };
    let second = (known.reset.unwrap_or(opposite), known.reset_width.unwrap_or(width));
    let pulses = known.pulses.unwrap_or(20.0).clamp(0.0, 1000.0) as usize;
    let hold = known.hold.unwrap_or(0.0);
    let (first, gap) = ((pulse, width), known.gap.unwrap_or(width));
    let mut settled = Settled { amplitude, low, frequency, series, first, second, gap, read, hold, pulses, told: String::new() };
    settled.told = settled.words(subject, how);
    Ok(settled)
}

/// Volts at a terminal that is only read.
const READ: f64 = 0.1;
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
            let deck = decks::trial(
                subject,
                (amplitude, known.low.unwrap_or(subject.lowest(amplitude))),
                (*frequency, series, known.read.unwrap_or(READ)),
            );
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
