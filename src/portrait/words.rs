//! What is said about driving a device: `amplitude=10 width=5n drive=g read_at=d read=0.1`.
//!
//! The same words stand in the attribute `(* portrait = "..." *)` of a model, in a comment `* portrait: ...` above a card, and behind
//! `--portrait` on the command line, where each of them wins over those before. `portrait = "none: why"` says that a device has none.

use crate::units;

/// How a device is driven, as far as it is known.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Greatest value of the sine, volts (or what the driven terminal has).
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
    /// Least value of the sine; else the amplitude with the other sign.
    pub low: Option<f64>,
    /// Height of the first pulses; else the amplitude.
    pub pulse: Option<f64>,
    /// Height of the second pulses; else that of the first with the other sign, nothing for what forgets by itself.
    pub reset: Option<f64>,
    /// Seconds that one of the second pulses takes.
    pub reset_width: Option<f64>,
    /// Seconds from a pulse to its reading; else as long as a pulse.
    pub gap: Option<f64>,
    /// Value of the driven terminal while another one is read.
    pub hold: Option<f64>,
    /// Terminal that is driven.
    pub drive: Option<String>,
    /// Terminal whose current is drawn.
    pub read_at: Option<String>,
    /// What is drawn besides the current: a variable of the model, or one of its terminals.
    pub show: Option<String>,
    /// Terminals that are left open; all others are grounded.
    pub open: Vec<String>,
    /// Terminals that are kept at a value.
    pub bias: Vec<(String, f64)>,
    /// Parameters of the device.
    pub set: Vec<(String, String)>,
}

type Number = fn(&mut Settings) -> &mut Option<f64>;
type Name = fn(&mut Settings) -> &mut Option<String>;

const NUMBERS: [(&str, Number); 12] = [
    ("amplitude", |s| &mut s.amplitude),
    ("frequency", |s| &mut s.frequency),
    ("series", |s| &mut s.series),
    ("width", |s| &mut s.width),
    ("read", |s| &mut s.read),
    ("pulses", |s| &mut s.pulses),
    ("low", |s| &mut s.low),
    ("pulse", |s| &mut s.pulse),
    ("reset", |s| &mut s.reset),
    ("reset_width", |s| &mut s.reset_width),
    ("gap", |s| &mut s.gap),
    ("hold", |s| &mut s.hold),
];
const NAMES: [(&str, Name); 3] = [("drive", |s| &mut s.drive), ("read_at", |s| &mut s.read_at), ("show", |s| &mut s.show)];

impl Settings {
    /// What is known here, else what `other` knows.
    #[must_use]
    pub fn or(&self, other: &Settings) -> Settings {
        let (mut out, mut other) = (self.clone(), other.clone());
        NUMBERS.iter().for_each(|(_, of)| *of(&mut out) = of(&mut out).or(*of(&mut other)));
        NAMES.iter().for_each(|(_, of)| *of(&mut out) = of(&mut out).take().or(of(&mut other).take()));
        out.open.append(&mut other.open);
        other.bias.retain(|(name, _)| out.bias.iter().all(|(own, _)| own != name));
        out.bias.append(&mut other.bias);
        other.set.retain(|(name, _)| out.set.iter().all(|(own, _)| own != name));
        out.set.append(&mut other.set);
        out
    }

    /// What another device of the same make shares: the circuit around it, not the voltages and times.
    pub(super) fn circuit(self) -> Settings {
        let Settings { series, pulses, drive, read_at, show, open, bias, set, .. } = self;
        Settings { series, pulses, drive, read_at, show, open, bias, set, ..Settings::default() }
    }
}

/// Reads `amplitude=1 frequency=1meg drive=g bias.b=0.5 set.k=2`.
///
/// # Errors
/// A sentence that names the word that is none.
pub fn parse(text: &str) -> Result<Settings, String> {
    let mut out = Settings::default();
    for word in text.split([' ', ',', '\n']).filter(|w| !w.is_empty()) {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected name=value"))?;
        let number = || units::number(value).ok_or_else(|| format!("`{value}` is not a number"));
        if let Some((_, of)) = NUMBERS.iter().find(|(n, _)| *n == name) {
            *of(&mut out) = Some(number()?);
        } else if let Some((_, of)) = NAMES.iter().find(|(n, _)| *n == name) {
            *of(&mut out) = Some(value.to_string());
        } else if name == "open" {
            out.open.push(value.to_string());
        } else if let Some(terminal) = name.strip_prefix("bias.") {
            out.bias.push((terminal.to_string(), number()?));
        } else if let Some(parameter) = name.strip_prefix("set.") {
            out.set.push((parameter.to_string(), value.to_string()));
        } else {
            let known: Vec<&str> = NUMBERS.iter().map(|n| n.0).chain(NAMES.iter().map(|n| n.0)).collect();
            return Err(format!("`{name}`: expected {}, open, bias.TERMINAL or set.PARAMETER", known.join(", ")));
        }
    }
    Ok(out)
}

/// Why devices of these classes have no portrait, unless one is described.
const NONE: [(&str, &str); 3] = [
    ("wrapper", "it stands between other parts of a circuit and has no loop of its own: draw the device with it by a deck"),
    ("source", "it drives a circuit and has no response of its own: draw its waveform by a deck with .tran"),
    ("periphery", "it is a block with an output, not a device with a conductance: draw what it does by a deck with .dc or .tran"),
];

/// The words of a model, or why it has no portrait.
///
/// # Errors
/// A sentence that says so.
pub(super) fn of_model(portrait: &str, class: &str) -> Result<Settings, String> {
    if let Some(why) = portrait.strip_prefix("none:") {
        return Err(format!("no portrait: {}", why.trim()));
    }
    let none = || class.split_whitespace().find_map(|word| NONE.iter().find(|(class, _)| *class == word));
    match none().filter(|_| portrait.is_empty()) {
        Some((_, why)) => Err(format!("no portrait: {why}")),
        None => parse(portrait),
    }
}
