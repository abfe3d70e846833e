//! Parameters that say nothing about the values they may take.

use crate::lint::{Finding, Subject};

/// One finding for all parameters of a module.
pub fn check(subject: &Subject, out: &mut Vec<Finding>) {
    let Some(module) = subject.module else { return };
    let bare: Vec<_> = module.parameters.iter().filter(|p| !p.local && p.ranges.is_empty()).collect();
    let bare: Vec<_> = bare.into_iter().filter(|p| p.kind != Some(crate::veriloga::ast::Kind::Text)).collect();
    let Some(first) = bare.first() else { return };
    let names: Vec<&str> = bare.iter().map(|p| p.name.text.as_str()).collect();
    let (noun, verb) = if names.len() == 1 { ("parameter", "has") } else { ("parameters", "have") };
    out.push(Finding::new(
        first.name.span,
        format!("{} {noun} of `{}` {verb} no range: {}", names.len(), module.name.text, names.join(", ")),
        "any value is taken, also one for which the equations make no sense",
        "add `from [low:high]` or `exclude 0`, with `inf` where there is no bound",
    ));
}
