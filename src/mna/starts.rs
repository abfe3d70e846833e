//! Start values: states of instances, `ic=` of capacitors and inductors, `.nodeset`, `.ic`.

use crate::circuit::StartTarget;
use crate::dae::{Params, Start, StartKind};
use crate::mna::{Mna, bank};
use crate::model::kernel::Place;

impl Mna {
    /// Start values in order of rising precedence.
    pub(super) fn start_values(&self, params: &Params) -> Vec<Start> {
        let values = self.values(params);
        let n = self.numbering.n as u32;
        let mut out = Vec::new();
        for (k, instance) in self.circuit.instances.iter().enumerate() {
            let (bank, lane) = self.lanes_of[k];
            let model = &self.circuit.models[instance.model as usize];
            for (local, unknown) in model.unknowns.iter().enumerate() {
                let Some(Place::Setup(s)) = unknown.start.map(|o| self.banks[bank as usize].kernel.outputs[o as usize]) else {
                    continue;
                };
                let (at, value) = (self.numbering.locals[k][local], values.lanes[bank as usize].setup[s as usize][lane as usize]);
                if at < n {
                    out.push(Start { unknown: at, minus: None, value, kind: StartKind::State });
                }
            }
            if let Some(initial) = instance.initial {
                let terminal = |t: usize| self.numbering.locals[k].get(t).copied().unwrap_or(n);
                let value = values.number(initial);
                let (plus, minus, sign) = match bank::branch_current(model) {
                    Some(current) => (self.numbering.locals[k][current as usize], n, 1.0),
                    None if terminal(0) == n => (terminal(1), n, -1.0),
                    None => (terminal(0), terminal(1), 1.0),
                };
                if plus < n {
                    out.push(Start {
                        unknown: plus,
                        minus: (minus < n).then_some(minus),
                        value: sign * value,
                        kind: StartKind::State,
                    });
                }
            }
        }
        for (list, kind) in [(&self.circuit.nodesets, StartKind::Nodeset), (&self.circuit.initial, StartKind::Ic)] {
            for start in list {
                let at = match start.unknown {
                    StartTarget::Terminal(t) => self.numbering.terminal(&self.circuit, t),
                    StartTarget::Unknown(i, u) => self.numbering.locals[i as usize][u as usize],
                };
                if at < n {
                    out.push(Start { unknown: at, minus: None, value: values.number(start.value), kind });
                }
            }
        }
        out
    }
}
