//! Why Newton stopped, in numbers, and the one place where numbers become names.

use thiserror::Error;

use crate::dae::{Point, System};
use crate::sparse::Singular;

use super::SimError;
use super::newton::Report;

/// Why a solve failed, in rows and columns.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum Failure {
    /// Iterations are spent.
    #[error("no convergence after {} iterations", .0.iterations)]
    NoConvergence(Report),
    /// The matrix has no inverse.
    #[error("singular matrix, column {}", .0.column)]
    Singular(Singular),
    /// Residual or matrix is not finite however short the step.
    #[error("not a finite number")]
    NotFinite,
    /// The first update says that the step will not hold: the unknown that moved most, and by how many tolerances.
    #[error("the step is too long")]
    Hopeless(usize, f64),
    /// The unknown left the range where its model holds.
    #[error("unknown {0} leaves its bounds")]
    Escaped(usize),
    /// A parameter does not take the value that a walk needs.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// The failure in a few words with the names of `system`.
    pub fn words(&self, system: &dyn System) -> String {
        let name = |k: usize| system.layout().unknowns.get(k).map_or_else(String::new, |u| u.name.to_string());
        match self {
            Failure::Singular(singular) => format!("singular at {}", name(singular.column)),
            Failure::Escaped(unknown) => format!("{} leaves its bounds", name(*unknown)),
            Failure::NoConvergence(report) if report.iterations == 0 => "steps became too small".to_string(),
            other => other.to_string(),
        }
    }

    /// The failure with the names of `system`: `what` failed at `at` (whose time is left out in static phases), after `tried`.
    pub fn named(&self, system: &dyn System, at: &Point, what: &str, tried: &str, hint: &str) -> SimError {
        let name = |k: usize| system.layout().unknowns.get(k).map_or_else(|| format!("#{k}"), |u| u.name.to_string());
        let t = if matches!(at.phase, crate::dae::Phase::Transient) { at.t } else { f64::NAN };
        let (what, hint) = (what.to_string(), hint.to_string());
        match self {
            Failure::NoConvergence(report) => SimError::NoConvergence {
                what,
                row: name(report.worst_row.0),
                residual: report.worst_row.1,
                unknown: name(report.worst_unknown.0),
                update: report.worst_unknown.1,
                t,
                tried: tried.to_string(),
                hint,
            },
            Failure::Singular(singular) if singular.not_finite => not_finite(system, at, what),
            Failure::Singular(singular) => {
                SimError::Singular { what, unknown: name(singular.column), row: singular.row.map(name), t, hint }
            }
            Failure::Escaped(unknown) => SimError::Fatal(format!("{what}: {} leaves the range of its model", name(*unknown))),
            Failure::Hopeless(unknown, _) => SimError::Fatal(format!("{what}: the step is too long for {}", name(*unknown))),
            Failure::Refused(text) => SimError::Fatal(format!("{what}: {text}")),
            Failure::NotFinite => not_finite(system, at, what),
        }
    }
}

fn not_finite(system: &dyn System, at: &Point, what: String) -> SimError {
    let faults = system.explain(at);
    let named: Vec<String> = faults.iter().map(|f| format!("{}: {}", f.instance, f.text)).collect();
    let detail = if named.is_empty() { "no device names itself as the cause".to_string() } else { named.join("; ") };
    SimError::NotFinite { what, t: at.t, detail, faults }
}
