//! Start values and their slopes: states of instances, `ic=` of capacitors and inductors, `.nodeset`, `.ic`.

use std::collections::BTreeMap;

use crate::circuit::{Number, StartTarget};
use crate::dae::{ParamId, Params, Start, StartKind};
use crate::ir::{Input, interp};
use crate::mna::values::{self, Values};
use crate::mna::{Mna, bank};
use crate::model::kernel::Place;

/// Where a start value comes from.
enum Origin {
    /// An output of a model, which its parameters decide: bank, lane, number of the output.
    Output(u32, u32, u32),
    /// A number of the deck, with a sign.
    Number(Number, f64),
}

impl Mna {
    /// Start values in order of rising precedence.
    pub(super) fn start_values(&self, params: &Params) -> Vec<Start> {
        let values = self.values(params);
        self.origins().into_iter().map(|(start, origin)| Start { value: self.start_value(values, &origin), ..start }).collect()
    }

    fn start_value(&self, values: &Values, origin: &Origin) -> f64 {
        match origin {
            Origin::Output(bank, lane, output) => match self.banks[*bank as usize].kernel.outputs[*output as usize] {
                Place::Setup(s) => values.lanes[*bank as usize].setup[s as usize][*lane as usize],
                _ => f64::NAN,
            },
            Origin::Number(number, sign) => sign * values.number(*number),
        }
    }

    /// Derivatives of the start values by a parameter, in their order.
    pub(super) fn exact_start_slopes(&self, id: ParamId, params: &Params) -> Vec<f64> {
        let values = self.values(params);
        let direction = self.direction(id, values);
        let mut moved = BTreeMap::new();
        let slope = |(_, origin): (Start, Origin)| match origin {
            Origin::Number(number, sign) => sign * direction.number(number),
            Origin::Output(at, lane, output) => {
                let (bank, lanes, lane) = (&self.banks[at as usize], &values.lanes[at as usize], lane as usize);
                let moved = moved.entry(at).or_insert_with(|| self.moved(bank, lanes, values, &direction));
                if moved.is_empty() {
                    return 0.0;
                }
                let number = self.circuit.instances[bank.instances[lane] as usize].model;
                let gradient = self.slopes.starts(number, &bank.model);
                let tangent = |input: Input| moved.iter().find(|m| m.0 == input).and_then(|m| m.1.get(lane)).copied();
                let partial = interp::evaluate(&gradient.function, &|input| values::parameter_input(input, lanes, lane));
                let terms = gradient.row(output).filter_map(|(k, seed)| Some(partial[k] * tangent(gradient.seeds[seed])?));
                terms.sum()
            }
        };
        self.origins().into_iter().map(slope).collect()
    }

    /// The unknowns that have start values, in order of rising precedence; their values are left open.
    fn origins(&self) -> Vec<(Start, Origin)> {
        let n = self.numbering.n as u32;
        let mut out = Vec::new();
        let open = |unknown, minus, kind| Start { unknown, minus, value: f64::NAN, kind };
        let starting: Vec<bool> = self.circuit.models.iter().map(|m| m.unknowns.iter().any(|u| u.start.is_some())).collect();
        for (k, instance) in self.circuit.instances.iter().enumerate() {
            if !starting[instance.model as usize] && instance.initial.is_none() {
                continue;
            }
            let (bank, lane) = self.lanes_of[k];
            let model = &self.circuit.models[instance.model as usize];
            for (local, unknown) in model.unknowns.iter().enumerate() {
                let Some(output) = unknown.start else { continue };
                let at = self.numbering.locals.of(k)[local];
                if at < n && matches!(self.banks[bank as usize].kernel.outputs[output as usize], Place::Setup(_)) {
                    out.push((open(at, None, StartKind::State), Origin::Output(bank, lane, output)));
                }
            }
            if let Some(initial) = instance.initial {
                let terminal = |t: usize| self.numbering.locals.of(k).get(t).copied().unwrap_or(n);
                let (plus, minus, sign) = match bank::branch_current(model) {
                    Some(current) => (self.numbering.locals.of(k)[current as usize], n, 1.0),
                    None if terminal(0) == n => (terminal(1), n, -1.0),
                    None => (terminal(0), terminal(1), 1.0),
                };
                if plus < n {
                    out.push((open(plus, (minus < n).then_some(minus), StartKind::State), Origin::Number(initial, sign)));
                }
            }
        }
        for (list, kind) in [(&self.circuit.nodesets, StartKind::Nodeset), (&self.circuit.initial, StartKind::Ic)] {
            for start in list {
                let at = match start.unknown {
                    StartTarget::Terminal(t) => self.numbering.terminal(&self.circuit, t),
                    StartTarget::Unknown(i, u) => self.numbering.locals.of(i as usize)[u as usize],
                };
                if at < n {
                    out.push((open(at, None, kind), Origin::Number(start.value, 1.0)));
                }
            }
        }
        out
    }
}
