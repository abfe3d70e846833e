//! The gallery for programs: `summary.json`, from which the next gallery also learns how long decks take.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::circuit::expect::Asked;
use crate::gallery::Outcome;
use crate::gallery::job::{Done, Found};
use crate::report::cost;

/// A number as people read it: five digits, without zeros at the end.
pub fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let text = format!("{value:.4e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if (-3..6).contains(&power) {
        let places = (4 - power).max(0) as usize;
        let plain = format!("{value:.places$}");
        let plain = if power > 4 { format!("{:.0}", value / 10.0).to_string() + "0" } else { plain };
        return if places > 0 { plain.trim_end_matches('0').trim_end_matches('.').to_string() } else { plain };
    }
    format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// What is asked of a figure: `0.0089 ± 2 %`, `> 1.3`; nothing if nothing is.
pub fn asked(asked: Asked) -> String {
    match asked {
        Asked::Nothing => String::new(),
        Asked::Above(bound) => format!("> {}", short(bound)),
        Asked::Below(bound) => format!("< {}", short(bound)),
        Asked::Value(0.0, tolerance) => format!("0 ± {}", brief(tolerance)),
        Asked::Value(value, tolerance) => {
            let share = tolerance / value.abs();
            let within = if share < 2e-5 {
                String::new()
            } else if share < 0.5 {
                format!(" ± {} %", brief(100.0 * share))
            } else {
                format!(" ± {}", brief(tolerance))
            };
            format!("{}{within}", short(value))
        }
    }
}

/// Two digits are enough for a tolerance.
fn brief(value: f64) -> String {
    format!("{value:.1e}").parse().map_or_else(|_| short(value), short)
}

/// The file.
pub fn json(outcome: &Outcome) -> String {
    let (asked, found) = outcome.score();
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "decks": outcome.done.len(),
        "ran": outcome.done.iter().filter(|d| d.ran()).count(),
        "skipped": outcome.skipped.iter().map(|j| j.name()).collect::<Vec<_>>(),
        "figures_asked": asked,
        "figures_found": found,
        "seconds": outcome.seconds,
        "runs": outcome.done.iter().map(run).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn run(done: &Done) -> Value {
    let (asked, found) = done.score();
    json!({
        "name": done.job.name(),
        "deck": done.job.deck.display().to_string(),
        "title": done.job.head.title,
        "covers": done.job.head.covers,
        "seconds": done.seconds,
        "cpu": done.stats["total"]["cpu"],
        "peak_memory": done.stats["peak_memory"],
        "trouble": done.trouble(),
        "figures_asked": asked,
        "figures_found": found,
        "measures": done.found.iter().map(measure).collect::<Vec<_>>(),
        "plots": done.plots.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
    })
}

fn measure(found: &Found) -> Value {
    json!({
        "name": found.name,
        "keys": found.keys.iter().map(|(n, v)| (n.clone(), json!(v))).collect::<Map<String, Value>>(),
        "value": found.value.as_ref().ok(),
        "unit": found.unit,
        "failed": found.value.as_ref().err(),
        "asked": cost::wanted(found.asked),
        "passed": found.is_asked().then_some(found.passed),
    })
}

/// Seconds that decks took when the file was written; nothing if there is none.
pub fn seconds(path: &Path) -> HashMap<String, f64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let one = |run: &Value| Some((run["name"].as_str()?.to_string(), run["seconds"].as_f64()?));
    value["runs"].as_array().into_iter().flatten().filter_map(one).collect()
}
