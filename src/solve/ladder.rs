//! The way to an operating point: rungs tried in order until one holds.
//!
//! | rung | what it does |
//! |---|---|
//! | direct | Newton from the start |
//! | gmin | a conductance at every node goes from 10 mS to exactly 0 |
//! | source | all sources go from 0 to 1 |
//! | pseudo-transient | backward Euler with growing steps, until nothing moves |
//! | arclength | the sources again, but along the branch, through its folds |

use crate::dae::Params;

use super::Counts;
use super::border::Branch;
use super::failure::Failure;
use super::newton::{Newton, Report};
use super::settle::{Settling, settle};
use super::statics::Statics;
use super::walk::{Path, walk};

/// Success, or where a way ended, in words, and why.
type Outcome = Result<(), (String, Failure)>;
type Way = fn(&Statics, &mut Newton, &Params, &mut [f64], &mut Counts) -> Outcome;

/// One way to an operating point: from the start in `x` to the solution in `x`; or where it ended, in words, and why.
pub struct Rung {
    /// `gmin`.
    pub name: &'static str,
    climb: Way,
}

/// The rungs in order.
pub const LADDER: [Rung; 5] = [
    Rung { name: "direct", climb: direct },
    Rung { name: "gmin", climb: gmin },
    Rung { name: "source", climb: sources },
    Rung { name: "pseudo-transient", climb: pseudo_transient },
    Rung { name: "arclength", climb: arclength },
];

/// Largest conductance of the gmin rung, S.
const SHUNT: f64 = 1e-2;
/// Decades that it falls before it is 0.
const DECADES: f64 = 11.0;
/// Motion of the pseudo-transient rung.
const SETTLING: Settling = Settling { first: 1e-11, capacitance: 1e-12 };
/// Steps along the branch in the arclength rung.
const ARC_STEPS: u32 = 2000;
/// Common factor of the sources beyond which a branch is given up.
const FARTHEST: f64 = 3.0;

/// Which rung held, and what was tried before.
#[derive(Clone, PartialEq, Debug)]
pub struct Climbed {
    /// Name of the rung.
    pub rung: &'static str,
    /// `direct (no convergence after 100 iterations), gmin (stuck at shunt = 1.0e-9 S)`; empty if the first rung held.
    pub tried: String,
}

/// Climbs from the start in `x`, which becomes the solution; after a failure it is the start.
///
/// # Errors
/// What stopped the first rung, or the one that says most, and all that was tried.
pub fn climb(
    statics: &Statics,
    newton: &mut Newton,
    params: &Params,
    x: &mut [f64],
    counts: &mut Counts,
) -> Result<Climbed, (Failure, String)> {
    climb_from(&LADDER, statics, newton, params, x, counts)
}

/// [`climb`] with a choice of rungs.
///
/// # Errors
/// See [`climb`].
pub fn climb_from(
    rungs: &[Rung],
    statics: &Statics,
    newton: &mut Newton,
    params: &Params,
    x: &mut [f64],
    counts: &mut Counts,
) -> Result<Climbed, (Failure, String)> {
    let mut tried: Vec<String> = Vec::new();
    let mut failures = Vec::new();
    for rung in rungs {
        let mut trial = x.to_vec();
        match (rung.climb)(statics, newton, params, &mut trial, counts) {
            Ok(()) => {
                x.copy_from_slice(&trial);
                return Ok(Climbed { rung: rung.name, tried: tried.join(", ") });
            }
            Err((place, failure)) => {
                tried.push(format!("{} ({place})", rung.name));
                // A matrix that becomes singular far out says nothing about the circuit: that is no convergence.
                failures.push(match failure {
                    Failure::Singular(s) if !s.not_finite => Failure::NoConvergence(Report { iterations: 0, ..newton.report() }),
                    other => other,
                });
            }
        }
    }
    let start = newton.linearise(statics.system, &statics.equation(params), x, counts).err();
    Err((most_telling(start, &failures), tried.join(", ")))
}

/// What to report: a refusal; what is wrong at the start itself if no rung came further; a solve that did not converge.
fn most_telling(start: Option<Failure>, failures: &[Failure]) -> Failure {
    let refused = failures.iter().find(|f| matches!(f, Failure::Refused(_)));
    let moved = failures.iter().find(|f| matches!(f, Failure::NoConvergence(report) if report.iterations > 0));
    let other = failures.iter().find(|f| matches!(f, Failure::NoConvergence(_)));
    refused.or(moved).cloned().or(start).or(other.cloned()).unwrap_or(Failure::NotFinite)
}

fn direct(statics: &Statics, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Outcome {
    statics.solve(newton, params, x, counts).map(|_| ()).map_err(|failure| (failure.words(statics.system), failure))
}

fn gmin(statics: &Statics, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Outcome {
    let Some(id) = statics.system.param("shunt") else { return Err(absent("shunt")) };
    let mut params = params.clone();
    let least = 10f64.powf(-DECADES);
    let value = |u: f64| if u >= 1.0 { 0.0 } else { SHUNT * (10f64.powf(-DECADES * u) - least) / (1.0 - least) };
    walk(statics, newton, &mut params, &Path { id, value: &value }, x, counts)
        .map_err(|(u, failure)| (format!("stuck at {:.1e} S: {}", value(u), failure.words(statics.system)), failure))
}

fn sources(statics: &Statics, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Outcome {
    let Some(id) = statics.system.param("sources") else { return Err(absent("sources")) };
    let mut params = params.clone();
    walk(statics, newton, &mut params, &Path { id, value: &|u| u }, x, counts)
        .map_err(|(u, failure)| (format!("stuck at {:.3} % of the sources: {}", 100.0 * u, failure.words(statics.system)), failure))
}

fn pseudo_transient(statics: &Statics, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Outcome {
    settle(statics, newton, params, SETTLING, x, counts)
        .map_err(|failure| (format!("does not come to rest: {}", failure.words(statics.system)), failure))
}

fn arclength(statics: &Statics, newton: &mut Newton, params: &Params, x: &mut [f64], counts: &mut Counts) -> Outcome {
    let Some(id) = statics.system.param("sources") else { return Err(absent("sources")) };
    let mut branch = Branch::new(statics.clone(), params.clone(), id, (0.0, 1.0));
    let result = follow_sources(&mut branch, newton, x);
    *counts += branch.counts;
    let p = statics.system.value(&branch.params, id);
    result
        .map_err(|failure| (format!("stuck at {:.3} % of the sources: {}", 100.0 * p, failure.words(statics.system)), failure))?;
    // The branch ends where the sources are 1 as a limit of steps; the last digits belong to the problem as posed.
    statics.solve(newton, params, x, counts).map(|_| ()).map_err(|failure| (failure.words(statics.system), failure))
}

fn follow_sources(branch: &mut Branch, newton: &mut Newton, x: &mut [f64]) -> Result<(), Failure> {
    let (statics, _, params, counts) = branch.apart(0.0)?;
    statics.solve(newton, params, x, counts)?;
    let mut result = Err(Failure::NotFinite);
    // The branch may lead from the origin to full sources by either way.
    for sign in [1.0, -1.0] {
        branch.apart(0.0)?;
        let mut trial = x.to_vec();
        result = follow_one_way(branch, &mut trial, sign);
        if result.is_ok() {
            x.copy_from_slice(&trial);
            break;
        }
    }
    result
}

fn follow_one_way(branch: &mut Branch, x: &mut [f64], sign: f64) -> Result<(), Failure> {
    let mut place = branch.enter(x, sign)?;
    let mut step = 0.02;
    for _ in 0..ARC_STEPS {
        let (next, proposal) = branch.step(&place, step, 1e-7)?;
        if (next.p() - 1.0) * (place.p() - 1.0) <= 0.0 {
            let end = branch.at(&place, &next, 1.0)?;
            x.copy_from_slice(end.x());
            return Ok(());
        }
        if next.p().abs() > FARTHEST {
            break;
        }
        (place, step) = (next, proposal.min(0.2));
    }
    Err(Failure::NoConvergence(Report::default()))
}

fn absent(name: &str) -> (String, Failure) {
    (format!("no parameter `{name}`"), Failure::NotFinite)
}
