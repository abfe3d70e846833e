//! The device that is drawn, and the circuit around it: which terminal is driven, which one is read, what the others get.

use std::fmt::Write;

use crate::catalogue::{Card, Item};
use crate::lint::bench::Bench;
use crate::model::{Contribution, LocalUnknown, Model};
use crate::portrait::words::Settings;
use crate::units::engineering;

/// The device that is drawn.
pub struct Subject {
    pub item: Item,
    /// Name of the model or card as given.
    pub name: String,
    /// The node that is driven.
    pub node: String,
    /// What is drawn: the current into the terminal that is read.
    pub current: String,
    /// What is drawn besides.
    pub show: Option<Shown>,
    /// Whether a constant voltage can drive a current there; else it is the charge of a capacitor that flows.
    pub conducts: bool,
    /// Parameters and values of other terminals that belong to the portrait, in words.
    pub with: String,
    /// The terminal that is read, if it is not the one that is driven.
    read: Option<String>,
    /// Quantity and unit of the driven terminal.
    driven: (String, String),
    /// The line of the deck.
    instance: String,
    /// Lines that keep other terminals at their values.
    kept: String,
}

/// What is drawn besides the current: a variable of the model, or what one of its terminals gives.
pub struct Shown {
    /// Its name, for files.
    pub name: String,
    /// Words for an axis.
    pub label: String,
    /// What a deck calls it.
    pub expression: String,
}

impl Subject {
    /// Puts the device into its circuit.
    ///
    /// # Errors
    /// A terminal that it does not have, or none that could be driven.
    pub fn new(item: Item, card: Option<&Card>, known: &Settings, sets: &[(String, String)]) -> Result<Subject, String> {
        let name = card.map_or(&item.model.name, |c| &c.name).clone();
        let wrong = |what: String| format!("error: portrait of `{name}`: {what}\n");
        let ports = &item.model.unknowns[..item.model.ports];
        let terminals = || ports.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(" ");
        let at = |terminal: &str| {
            let found = ports.iter().position(|p| p.name.eq_ignore_ascii_case(terminal));
            found.ok_or_else(|| wrong(format!("it has no terminal `{terminal}`\n  hint: its terminals are {}", terminals())))
        };
        let drive = match &known.drive {
            Some(terminal) => at(terminal)?,
            None => plus(ports).ok_or_else(|| {
                let hint = "say which one is driven and which one read: --portrait \"drive=g read_at=d read=0.1\"";
                wrong(format!("it has the terminals {}\n  hint: {hint}", terminals()))
            })?,
        };
        let read = known.read_at.as_deref().map_or(Ok(drive), at)?;
        let open = known.open.iter().map(|t| at(t)).collect::<Result<Vec<usize>, String>>()?;
        let bias = known.bias.iter().map(|(t, v)| Ok((at(t)?, *v))).collect::<Result<Vec<(usize, f64)>, String>>()?;
        // What a terminal gives off must not be grounded; a load that draws next to nothing keeps its node from ending there.
        let ends: String = open.iter().map(|k| format!("R_{0} {0} 0 1g\n", ports[*k].name)).collect();
        let kept: String = bias.iter().fold(ends, |mut out, (k, v)| {
            let _ = writeln!(out, "V_{0} {0} 0 {v:e}", ports[*k].name);
            out
        });
        // The driven node is called `n` where there is no choice.
        let node = if known.drive.is_some() { ports[drive].name.clone() } else { "n".to_string() };
        let node_of = |k: usize| match k {
            _ if k == drive => node.as_str(),
            _ if k == read || open.contains(&k) || bias.iter().any(|b| b.0 == k) => ports[k].name.as_str(),
            _ => "0",
        };
        let nodes: Vec<&str> = (0..ports.len()).map(node_of).collect();
        let own = known.set.iter().filter(|(n, _)| sets.iter().all(|(m, _)| !m.eq_ignore_ascii_case(n)));
        let sets: String = own.clone().chain(sets).map(|(n, v)| format!(" {n}={v}")).collect();
        let instance = format!("X1 {} {name}{sets}", nodes.join(" "));
        let current = if ports.len() == 2 { "i(x1)".to_string() } else { format!("i(x1.{})", ports[read].name) };
        let show = known.show.as_ref().map(|s| match at(s) {
            Ok(k) => {
                let name = plain(&ports[k].quantity);
                Shown { label: format!("{name} at {s} ({})", ports[k].unit), expression: format!("v({})", node_of(k)), name }
            }
            Err(_) => Shown { name: s.clone(), label: s.clone(), expression: format!("@x1[{s}]") },
        });
        let conducts = conducts(&item.model, read);
        let at_value = bias.iter().map(|(k, v)| format!("{} at {}", ports[*k].name, quantity(*v, &ports[*k].unit)));
        let with: Vec<String> = at_value.chain(own.map(|(n, v)| format!("{n}={v}"))).collect();
        let with = if with.is_empty() { String::new() } else { format!(", with {}", with.join(", ")) };
        let driven = (plain(&ports[drive].quantity), ports[drive].unit.clone());
        let read = (read != drive).then(|| ports[read].name.clone());
        Ok(Subject { node: node.clone(), current, show, conducts, with, read, driven, instance, kept, name: name.clone(), item })
    }

    /// The source, a resistor if there is one, the device and what its other terminals get.
    pub fn circuit(&self, source: &str, series: f64, read: f64) -> String {
        let node = &self.node;
        let mut out = match series > 0.0 {
            true => format!("V1 source 0 {source}\nRS source {node} {series:e}\n"),
            false => format!("V1 {node} 0 {source}\n"),
        };
        if let Some(terminal) = &self.read {
            let _ = writeln!(out, "VR {terminal} 0 {read:e}");
        }
        let _ = writeln!(out, "{}{}", self.kept, self.instance);
        out
    }

    /// Whether the terminal that is read is another one than the one that is driven.
    pub fn separate(&self) -> bool {
        self.read.is_some()
    }

    /// The potential over which the current is a conductance.
    pub fn voltage(&self) -> String {
        format!("v({})", self.read.as_ref().unwrap_or(&self.node))
    }

    /// Where it is driven, for titles: ` at g`, or nothing where there is no choice.
    pub fn place(&self) -> String {
        if self.node == "n" { String::new() } else { format!(" at {}", self.node) }
    }

    /// Words for an axis of the driving quantity: `voltage at g`. Whatever it is, a deck takes it for a voltage: its unit is said.
    pub fn abscissa(&self) -> String {
        let (quantity, unit) = &self.driven;
        match unit.as_str() {
            "V" => format!("{quantity}{}", self.place()),
            _ => format!("{quantity}{} ({unit})", self.place()),
        }
    }

    /// Words for an axis of the current: `current into d`.
    pub fn ordinate(&self) -> String {
        self.read.as_ref().map_or_else(|| "current".to_string(), |terminal| format!("current into {terminal}"))
    }

    /// A value of the driving quantity with its unit.
    pub fn level(&self, value: f64) -> String {
        quantity(value, &self.driven.1)
    }

    /// Least value of a sine of this amplitude: light and pressure have one sign.
    pub fn lowest(&self, amplitude: f64) -> f64 {
        if self.driven.1 == "V" { -amplitude } else { 0.0 }
    }

    /// Names of its states.
    pub fn states(&self) -> Vec<&str> {
        self.item.states.iter().map(|s| self.item.model.unknowns[s.row].name.as_str()).collect()
    }

    /// The same with one element of each vector: a bank of domains is told by one of them.
    pub fn plain_states(&self) -> Vec<&str> {
        let all = self.states();
        let bank = |s: &&str| s.ends_with(']');
        let first = all.iter().copied().find(bank);
        all.into_iter().filter(|s| !bank(s) || first == Some(*s)).collect()
    }

    /// Where a state is meant to be.
    pub fn bounds(&self, state: &str) -> (f64, f64) {
        let found = self.item.model.unknowns.iter().find(|u| u.name == state);
        found.map_or((f64::NEG_INFINITY, f64::INFINITY), |u| u.bounds)
    }

    /// It forgets by itself: none of its states is kept.
    pub fn volatile(&self) -> bool {
        !self.item.states.iter().any(|s| s.held)
    }
}

/// A quantity as people call it, where a nature has another name.
fn plain(quantity: &str) -> String {
    const NAMES: [(&str, &str); 2] = [("luminous", "light"), ("touch", "pressure")];
    NAMES.iter().find(|(name, _)| *name == quantity).map_or(quantity, |(_, said)| said).to_string()
}

/// Whether voltages that stay drive a current into a terminal, values at their defaults.
fn conducts(model: &Model, terminal: usize) -> bool {
    let bench = Bench::new(model);
    let mut u = bench.origin(model);
    (0..model.ports).for_each(|k| u[k] = 0.1 * (model.ports - k) as f64);
    let mut runner = bench.runner();
    let outputs = runner.outputs(&u);
    let into = |c: &&Contribution| c.plus as usize == terminal || c.minus.is_some_and(|m| m as usize == terminal);
    model.contributions.iter().filter(into).any(|c| c.f.is_some_and(|k| outputs[k as usize] != 0.0))
}

/// Position of the terminal that is driven where nobody says so: the first of two, or the positive end of a device whose other
/// terminals are grounded.
fn plus(ports: &[LocalUnknown]) -> Option<usize> {
    const PAIRS: [(&str, &str); 5] = [("p", "n"), ("p_", "n_"), ("t", "b"), ("a", "c"), ("d", "s")];
    if let [_, _] = ports {
        return Some(0);
    }
    let at = |name: &str| ports.iter().position(|p| p.name.eq_ignore_ascii_case(name));
    // A transistor is no device of two terminals.
    let gated = at("g").is_some() && at("p").is_none();
    PAIRS.iter().find_map(|(a, b)| at(b).and(at(a))).filter(|_| !gated)
}

/// Whether a model has portraits that need no words of the user.
pub fn drawable(model: &Model) -> bool {
    let known = crate::portrait::words::of_model(model.attribute("portrait"), model.attribute("class"));
    known.is_ok_and(|k| k.drive.is_some() || plus(&model.unknowns[..model.ports]).is_some())
}

/// A number with its unit, for titles: `1 MHz`. Units that have a prefix of their own (`mW`) get no other.
pub fn quantity(value: f64, unit: &str) -> String {
    if unit.len() == 2 && unit.starts_with(['m', 'k', 'u', 'n']) {
        return format!("{value} {unit}");
    }
    let text = engineering(value, 3);
    let (digits, prefix) = text.split_once(' ').unwrap_or((&text, ""));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits} {prefix}{unit}").trim_end().to_string()
}
