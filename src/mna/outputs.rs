//! Output rows that no bank fills: unknowns, their differences, currents of sources, numbers of the deck.

use crate::circuit::{OutputKind, SourceKind};
use crate::dae::{Eval, Point};
use crate::mna::Mna;
use crate::mna::values::Values;

impl Mna {
    /// Output rows that no bank fills.
    pub(super) fn plain_outputs(&self, values: &Values, at: &Point, gradient: bool, out: &mut Eval) {
        let read = |k: u32| at.x.get(k as usize).copied().unwrap_or(0.0);
        for (output, row) in self.circuit.outputs.iter().zip(&self.rows) {
            let (plus, minus) = match &output.kind {
                OutputKind::Terminal(t) => (self.numbering.terminal(&self.circuit, *t), None),
                OutputKind::Difference(a, b) => {
                    (self.numbering.terminal(&self.circuit, *a), Some(self.numbering.terminal(&self.circuit, *b)))
                }
                OutputKind::Unknown { instance, unknown } => {
                    (self.numbering.locals.of(*instance as usize)[*unknown as usize], None)
                }
                OutputKind::SourceCurrent(k) if self.circuit.sources[*k as usize].kind == SourceKind::Voltage => {
                    (self.numbering.branches[*k as usize], None)
                }
                OutputKind::SourceCurrent(k) => {
                    out.outputs.value[*row as usize] = self.level(*k as usize, values, at);
                    continue;
                }
                OutputKind::Number(n) => {
                    out.outputs.value[*row as usize] = values.number(*n);
                    continue;
                }
                OutputKind::PortCurrent { .. } | OutputKind::Variable { .. } | OutputKind::Expression { .. } | OutputKind::Own => {
                    continue;
                }
            };
            out.outputs.value[*row as usize] = read(plus) - minus.map_or(0.0, read);
            if gradient {
                for (unknown, slope) in [(Some(plus), 1.0), (minus, -1.0)] {
                    if let Some(k) = unknown.filter(|k| (*k as usize) < at.x.len()) {
                        out.outputs.gradient.push((*row, k, slope, 0.0));
                    }
                }
            }
        }
    }
}
