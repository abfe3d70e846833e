//! What memspice says of a run: counts and times of its phases, from `--stats` or, of older builds, from the report.

use std::path::Path;

use serde_json::Value;

/// Phases in the order of the table.
pub const PHASES: [&str; 7] = ["read", "elaborate", "order", "operating point", "transient", "analysis", "write"];

/// Counts of one run.
#[derive(Clone, Default)]
pub struct Counts {
    /// Rows of output.
    pub points: String,
    /// Rejected steps.
    pub rejected: String,
    /// Newton iterations.
    pub iterations: String,
    /// Factorisations.
    pub factorisations: String,
    /// CPU seconds of each of [`PHASES`]; none if they are not known.
    pub phases: Vec<f64>,
}

impl Counts {
    /// From the file that `--stats` writes; `None` if it is not there.
    pub fn read(file: &Path) -> Option<Counts> {
        let text = std::fs::read_to_string(file).ok()?;
        let run: Value = serde_json::from_str(text.lines().next()?).ok()?;
        let analyses = run["analyses"].as_array()?;
        let sum = |key: &str| analyses.iter().filter_map(|a| a[key].as_u64()).sum::<u64>().to_string();
        let phases = PHASES.iter().map(|phase| run["phases"][phase]["cpu"].as_f64().unwrap_or(0.0)).collect();
        Some(Counts {
            points: sum("points"),
            rejected: sum("rejected"),
            iterations: sum("iterations"),
            factorisations: sum("factorisations"),
            phases,
        })
    }

    /// From the report: `85 points, 84 steps accepted, 9 rejected, 155 Newton iterations, 155 factorisations`.
    pub fn from_report(said: &str) -> Counts {
        let line = said.lines().find(|l| l.contains(" points")).unwrap_or("");
        let before = |word: &str| {
            let (head, _) = line.split_once(word)?;
            Some(head.trim_end().rsplit([' ', ',']).next()?.to_string())
        };
        let number = |word: &str| before(word).unwrap_or_default();
        Counts {
            points: number(" point"),
            rejected: number(" rejected"),
            iterations: number(" Newton"),
            factorisations: number(" factorisation"),
            phases: Vec::new(),
        }
    }
}
