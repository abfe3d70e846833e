//! Checks (placeholder).
use crate::circuit::Circuit;
use crate::circuit::graph::Values;
use crate::diag::Diagnostic;
/// Checks.
pub fn check(_circuit: &mut Circuit, _values: &Values) -> Vec<Diagnostic> {
    Vec::new()
}
