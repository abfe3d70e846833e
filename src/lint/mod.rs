//! What a Verilog-A model may be read and compiled with, and still be wrong or badly posed: a table of rules.
//!
//! Takes the tree of a module and its model, gives warnings and notes with place, reason and remedy. Rules look at the text,
//! at what depends on what in the IR, or at numbers: the reference interpreter over the parameters' defaults, ports within
//! ±10 V, states within their bounds. `// lint_off rule: reason` on the line of a finding, or on a line of its own for the
//! whole file, silences a rule. Background: T. Wang, J. Roychowdhury, "Well-Posed Models of Memristive Devices" (2016).

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diag::{Diagnostic, Severity};
use crate::model::Model;
use crate::span::{FileId, Sources, Span};
use crate::veriloga::{self, ast};

pub mod bench;
mod division;
mod memory;
mod names;
mod ranges;
mod shape;
mod states;
mod suppress;
mod unit;
mod units;

use bench::Bench;

/// What a rule found.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Where.
    pub span: Span,
    /// What, in one sentence.
    pub message: String,
    /// Why it matters, a few words.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    fn new(span: Span, message: impl Into<String>, reason: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { span, message: message.into(), reason: reason.into(), remedy: remedy.into() }
    }
}

/// What a rule looks at.
pub struct Subject<'a> {
    /// The tree of the module, where there is one.
    module: Option<&'a ast::Module>,
    /// Natures and disciplines.
    tree: Option<&'a ast::File>,
    /// The compiled model.
    model: &'a Model,
    /// Its numbers.
    bench: Option<&'a Bench>,
}

/// One rule.
pub struct Rule {
    /// Its name, for `lint_off`.
    pub name: &'static str,
    /// Warning, or note where nothing need be wrong.
    pub severity: Severity,
    /// One line for people.
    pub summary: &'static str,
    /// Analyses whose results it bears on: said when a deck uses the model and asks for one of them.
    pub bears_on: &'static [&'static str],
    check: fn(&Subject, &mut Vec<Finding>),
}

/// Analyses that linearise, or look for equilibria and orbits: they see unknowns only.
const LINEAR: &[&str] = &["ac", "noise", "pz", "stability", "activity", "continue", "pss", "drm"];
/// Those, and everything that moves in time.
const MOVING: &[&str] = &["tran", "envelope", "ac", "noise", "pz", "stability", "activity", "continue", "pss", "drm"];

/// All rules.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    Rule { name: "own-integration", severity: Severity::Warning, summary: "integrated by hand on $abstime", bears_on: MOVING, check: memory::integration },
    Rule { name: "hidden-state", severity: Severity::Warning, summary: "a state in a retained variable", bears_on: LINEAR, check: memory::hidden },
    Rule { name: "discrete-state", severity: Severity::Note, summary: "a state that only events change", bears_on: &[], check: memory::discrete },
    Rule { name: "charge", severity: Severity::Note, summary: "c(v) ddt(v) instead of ddt(q(v))", bears_on: &[], check: memory::charge },
    Rule { name: "not-finite", severity: Severity::Warning, summary: "division by zero or the like at the origin", bears_on: &[], check: shape::not_finite },
    Rule { name: "jump", severity: Severity::Warning, summary: "a discontinuous function within reach", bears_on: &[], check: shape::jump },
    Rule { name: "infinite-slope", severity: Severity::Warning, summary: "an infinite slope within reach", bears_on: &[], check: shape::steep },
    Rule { name: "no-dc-solution", severity: Severity::Warning, summary: "a bias at which a state has no equilibrium", bears_on: &[], check: states::no_solution },
    Rule { name: "unbounded-state", severity: Severity::Warning, summary: "a state that may grow without end", bears_on: &[], check: states::unbounded },
    Rule { name: "many-equilibria", severity: Severity::Note, summary: "several equilibria at zero bias", bears_on: &[], check: states::equilibria },
    Rule { name: "integer-division", severity: Severity::Warning, summary: "whole numbers divided in a real expression", bears_on: &[], check: division::check },
    Rule { name: "unused", severity: Severity::Warning, summary: "a name that nobody reads", bears_on: &[], check: names::unused },
    Rule { name: "shadowed", severity: Severity::Warning, summary: "a name that hides another", bears_on: &[], check: names::shadowed },
    Rule { name: "units", severity: Severity::Warning, summary: "units that do not fit", bears_on: &[], check: units::check },
    Rule { name: "no-range", severity: Severity::Note, summary: "parameters without a range", bears_on: &[], check: ranges::check },
];

/// Everything the rules say about the modules of a file that compiles.
pub fn check(sources: &mut Sources, file: FileId, search: &[PathBuf], models: &[Model]) -> Vec<Diagnostic> {
    let tree = veriloga::tree(sources, file, search);
    let mut out = Vec::new();
    for model in models {
        let module = tree.modules.iter().find(|m| m.name.text == model.name);
        let bench = Bench::new(model);
        out.extend(apply(&Subject { module, tree: Some(&tree), model, bench: Some(&bench) }, RULES.iter(), sources));
    }
    let mut seen = Vec::new();
    out.retain(|d| {
        let new = !seen.contains(d);
        if new {
            seen.push(d.clone());
        }
        new
    });
    out
}

/// What bears on the results of `analyses` when a deck uses `model`.
pub fn on_use(model: &Model, analyses: &[&str], sources: &Sources) -> Vec<Diagnostic> {
    let bears = |rule: &&Rule| analyses.iter().any(|a| rule.bears_on.contains(a));
    let subject = Subject { module: None, tree: None, model, bench: None };
    apply(&subject, RULES.iter().filter(bears), sources)
}

fn apply<'r>(subject: &Subject, rules: impl Iterator<Item = &'r Rule>, sources: &Sources) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut said: BTreeSet<Span> = BTreeSet::new();
    for rule in rules {
        let mut found = Vec::new();
        (rule.check)(subject, &mut found);
        // One variable integrated by hand need not be called hidden as well.
        let memory = ["own-integration", "hidden-state", "discrete-state"].contains(&rule.name);
        found.retain(|f| !memory || said.insert(f.span));
        found.retain(|f| !suppress::silenced(rule.name, f.span, sources));
        out.extend(found.into_iter().map(|f| diagnostic(rule, f)));
    }
    out
}

fn diagnostic(rule: &Rule, finding: Finding) -> Diagnostic {
    let message = format!("{} [{}]", finding.message, rule.name);
    let made = match rule.severity {
        Severity::Note => Diagnostic::note(finding.span, message),
        _ => Diagnostic::warning(finding.span, message),
    };
    made.expected(finding.reason).hint(finding.remedy)
}
