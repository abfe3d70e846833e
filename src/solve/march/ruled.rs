//! What rules the length of a step, and how often each rule has.

use super::Ceiling;

/// What rules a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Error,
    Corner,
    Between,
    Bound,
    Rest,
    Event,
    Ceiling(usize),
}

impl Rule {
    /// True if the step was cut short: its length says nothing about how long steps may be.
    pub fn cuts(self) -> bool {
        matches!(self, Rule::Corner | Rule::Event)
    }
}

/// The words of the rules, in order; ceilings follow with their own.
const NAMES: [&str; 6] = [
    "local error",
    "corners of sources",
    "steps between corners",
    "bound_step of a model",
    "rest on an unstable equilibrium",
    "events",
];

/// What ruled the length of the accepted steps: how many each.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ruled(Vec<(String, u64)>);

impl Ruled {
    /// Nothing counted yet.
    pub(super) fn new(ceilings: &[Ceiling]) -> Ruled {
        let names = NAMES.iter().map(|n| n.to_string()).chain(ceilings.iter().map(|c| c.name.clone()));
        Ruled(names.map(|name| (name, 0)).collect())
    }

    pub(super) fn count(&mut self, rule: Rule) {
        let place = match rule {
            Rule::Error => 0,
            Rule::Corner => 1,
            Rule::Between => 2,
            Rule::Bound => 3,
            Rule::Rest => 4,
            Rule::Event => 5,
            Rule::Ceiling(k) => NAMES.len() + k,
        };
        self.0[place].1 += 1;
    }

    /// `local error 93 %, corners of sources 7 %`, largest first; shares that round to nothing are left out.
    pub fn shares(&self) -> String {
        let total: u64 = self.0.iter().map(|r| r.1).sum();
        let mut sorted = self.0.clone();
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let share = |count: u64| 100.0 * count as f64 / total.max(1) as f64;
        let shown = sorted.iter().filter(|r| share(r.1) >= 0.5).map(|r| format!("{} {:.0} %", r.0, share(r.1)));
        shown.collect::<Vec<_>>().join(", ")
    }
}
