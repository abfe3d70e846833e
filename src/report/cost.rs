//! What a run cost: time by phase, peak memory, steps and iterations, for people (one line) and for programs (json).
//!
//! Processor time is that of all threads. Members of a `.step` family run side by side: their phases are shares of the time
//! that all took together. Peak memory is `VmHWM` of `/proc/self/status`, in bytes; systems without it say nothing.

use std::path::Path;

use serde_json::{Value, json};

use crate::circuit::expect::Asked;
use crate::clock::{Ledger, PHASES, Phase, Spent};
use crate::dae::System;
use crate::run::{Outcome, Simulation, met};

/// What a run cost.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cost {
    /// By phase.
    pub phases: Ledger,
    /// From the start of reading to the last file.
    pub total: Spent,
    /// Peak of the memory that the process held, bytes.
    pub memory: Option<u64>,
    /// Threads that there were.
    pub threads: usize,
}

/// Peak of the memory that the process held so far, bytes.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// One line for people: `cost: 0.52 s CPU (read 0.01, ...), 0.53 s wall, 14.2 MiB`.
pub fn line(cost: &Cost) -> String {
    let seconds = |spent: Spent| format!("{:.3}", spent.processor.as_secs_f64());
    let least = 0.0005;
    let shown = PHASES.iter().map(|(phase, name)| (name, cost.phases.get(*phase)));
    let parts: Vec<String> = shown
        .filter(|(_, spent)| spent.processor.as_secs_f64() >= least)
        .map(|(name, spent)| format!("{name} {}", seconds(spent)))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let memory = cost.memory.map_or_else(String::new, |bytes| format!(", {:.1} MiB", bytes as f64 / 1_048_576.0));
    format!("cost: {} s CPU{parts}, {:.3} s wall{memory}\n", seconds(cost.total), cost.total.wall.as_secs_f64())
}

/// One line of json; its fields are listed in README.
pub fn json(cost: &Cost, simulation: &Simulation, deck: &Path, exit: u8) -> String {
    let mna = &simulation.mna;
    let (devices, banks) = mna.sizes();
    let phase = |(phase, name): &(Phase, &str)| ((*name).to_string(), time(cost.phases.get(*phase)));
    let units = simulation.members.first().map(|member| super::units(mna, member)).unwrap_or_default();
    let analyses: Vec<Value> = simulation.members.iter().flatten().map(|outcome| analysis(outcome, &units)).collect();
    let value = json!({
        "deck": deck.display().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "threads": cost.threads,
        "devices": devices,
        "banks": banks,
        "unknowns": mna.layout().unknowns.len(),
        "entries": mna.pattern().len(),
        "columns": mna.layout().outputs.len() + mna.layout().derived.len(),
        "phases": PHASES.iter().map(phase).collect::<serde_json::Map<String, Value>>(),
        "total": time(cost.total),
        "peak_memory": cost.memory,
        "analyses": analyses,
        "exit": exit,
    });
    format!("{value}\n")
}

fn time(spent: Spent) -> Value {
    json!({ "cpu": spent.processor.as_secs_f64(), "wall": spent.wall.as_secs_f64() })
}

fn analysis(outcome: &Outcome, units: &[(String, String)]) -> Value {
    let (summary, counts) = (&outcome.summary, &outcome.summary.counts);
    let keys: serde_json::Map<String, Value> =
        outcome.data.header.keys.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "analysis": summary.analysis,
        "keys": keys,
        "method": summary.method,
        "points": summary.points,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "rejected_by_newton": counts.failed,
        "iterations": counts.iterations,
        "evaluations": counts.evaluations,
        "solves": counts.solves,
        "factorisations": counts.factorisations,
        "seconds": outcome.seconds,
        "failed": outcome.failure.as_ref().map(ToString::to_string),
        "measures": outcome.figures().map(|figure| measure(figure, units)).collect::<Vec<_>>(),
    })
}

fn measure((name, value, asked): (&str, &Result<f64, String>, Asked), units: &[(String, String)]) -> Value {
    let unit = units.iter().find(|(n, _)| n == name).map_or("", |(_, unit)| unit);
    let passed = (asked != Asked::Nothing).then(|| met(value, asked));
    let (number, failed) = (value.as_ref().ok(), value.as_ref().err());
    json!({ "name": name, "value": number, "unit": unit, "failed": failed, "asked": wanted(asked), "passed": passed })
}

/// What is asked of a measure: `{"value": v, "tolerance": t}`, `{"above": v}`, `{"below": v}` or null.
pub fn wanted(asked: Asked) -> Value {
    match asked {
        Asked::Nothing => Value::Null,
        Asked::Value(value, tolerance) => json!({ "value": value, "tolerance": tolerance }),
        Asked::Above(bound) => json!({ "above": bound }),
        Asked::Below(bound) => json!({ "below": bound }),
    }
}
