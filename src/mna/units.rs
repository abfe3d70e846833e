//! Units of what can be varied: temperature, sources, elements, parameters of models; and parameters of the deck, where all that
//! they are the value of has one unit.

use crate::circuit::{Number, Source, SourceKind, Waveform};
use crate::ir::{Input, Inst};
use crate::mna::Mna;
use crate::mna::params::Handle;
use crate::model::Model;

/// Units of the arguments of time functions; `u` is that of the source.
const PULSE: [&str; 7] = ["u", "u", "s", "s", "s", "s", "s"];
const SIN: [&str; 6] = ["u", "u", "Hz", "s", "1/s", "deg"];
const EXP: [&str; 6] = ["u", "u", "s", "s", "s", "s"];
const SFFM: [&str; 5] = ["u", "u", "Hz", "1", "Hz"];
const AM: [&str; 5] = ["u", "1", "Hz", "Hz", "s"];

/// Values of elements: model, parameter, unit.
const VALUES: [(&str, &str, &str); 3] = [("resistor", "r", "ohm"), ("capacitor", "c", "F"), ("inductor", "l", "H")];

impl Mna {
    /// Name and unit of each `.step` parameter; an empty unit where it is not known.
    pub fn step_units(&self) -> Vec<(String, String)> {
        self.circuit.steps.iter().map(|step| (step.name.clone(), self.unit_of(&step.name).to_string())).collect()
    }

    fn unit_of(&self, name: &str) -> &str {
        match self.find_param(name).map(|id| self.handle(id)) {
            Some(Handle::Gmin | Handle::Shunt) => "S",
            Some(Handle::Temp) => "degC",
            Some(Handle::Root(k)) => self.unit_of_root(k),
            Some(Handle::Source(k)) => of_source(&self.circuit.sources[k as usize]),
            Some(Handle::Instance(k, param)) => of_param(self.model_of(k as usize), param),
            _ => "",
        }
    }

    fn model_of(&self, instance: usize) -> &Model {
        &self.circuit.models[self.circuit.instances[instance].model as usize]
    }

    /// What a parameter of the deck is the value of, if all of that has one unit.
    fn unit_of_root(&self, root: usize) -> &str {
        let circuit = &self.circuit;
        let read = |number: &Number| match number {
            Number::Output(output) => {
                let value = circuit.expressions.outputs[*output as usize];
                circuit.expressions.insts[value.0 as usize] == Inst::Input(Input::Argument(root as u32))
            }
            Number::Fixed(_) => false,
        };
        let sources = circuit.sources.iter().flat_map(uses).map(|(number, unit): (Number, &str)| (number, unit));
        let params = circuit.instances.iter().enumerate().flat_map(|(k, instance)| {
            instance.params.iter().map(move |(param, number)| (*number, of_param(self.model_of(k), *param)))
        });
        let known = sources.chain(params).filter(|(number, unit)| !unit.is_empty() && read(number));
        let mut units: Vec<&str> = known.map(|(_, unit)| unit).collect();
        units.sort_unstable();
        units.dedup();
        if let [unit] = units[..] { unit } else { "" }
    }
}

/// The unit of a parameter of a model, as far as it is said.
fn of_param(model: &Model, param: u32) -> &str {
    let param = &model.params[param as usize];
    VALUES.iter().find(|v| v.0 == model.name && v.1 == param.name).map_or(&param.unit, |v| v.2)
}

fn of_source(source: &Source) -> &'static str {
    match source.kind {
        SourceKind::Voltage => "V",
        SourceKind::Current => "A",
    }
}

/// Numbers of a source with their units.
fn uses(source: &Source) -> Vec<(Number, &'static str)> {
    let listed = |units: &[&'static str], given: &[Option<Number>]| -> Vec<(Number, &'static str)> {
        given.iter().zip(units).filter_map(|(number, unit)| Some(((*number)?, *unit))).collect()
    };
    let mut out = match &source.waveform {
        Some(Waveform::Pulse(given)) => listed(&PULSE, given),
        Some(Waveform::Sin(given)) => listed(&SIN, given),
        Some(Waveform::Exp(given)) => listed(&EXP, given),
        Some(Waveform::Sffm(given)) => listed(&SFFM, given),
        Some(Waveform::Am(given)) => listed(&AM, given),
        Some(Waveform::Pwl { points, delay, .. }) => {
            points.iter().flat_map(|(t, v)| [(*t, "s"), (*v, "u")]).chain([(*delay, "s")]).collect()
        }
        None => Vec::new(),
    };
    out.extend(source.dc.map(|number| (number, "u")));
    out.iter_mut().filter(|(_, unit)| *unit == "u").for_each(|(_, unit)| *unit = of_source(source));
    out
}
