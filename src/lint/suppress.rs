//! `// lint_off rule: reason`: on the line of a finding, or on a line of its own for the whole file. A reason must be there.

use crate::span::{Sources, Span};

const WORD: &str = "lint_off";

/// Whether a comment silences `rule` at `span`.
pub fn silenced(rule: &str, span: Span, sources: &Sources) -> bool {
    let text = sources.text(span.file);
    let mut start = 0;
    text.split_inclusive('\n').any(|line| {
        let here = (start..start + line.len()).contains(&(span.start as usize));
        start += line.len();
        let Some((code, comment)) = line.split_once("//") else { return false };
        let whole_file = code.trim().is_empty();
        (here || whole_file) && speaks_of(comment, rule)
    })
}

/// Whether a comment is `lint_off rule: reason`.
fn speaks_of(comment: &str, rule: &str) -> bool {
    let Some(rest) = comment.split_once(WORD).map(|(_, rest)| rest) else { return false };
    let Some((names, reason)) = rest.split_once(':') else { return false };
    !reason.trim().is_empty() && names.split([',', ' ']).any(|name| name.trim() == rule)
}
