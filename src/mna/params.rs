//! Parameters by name and number: reading, assigning, and bringing up to date what depends on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::circuit::{Circuit, Number};
use crate::dae::{Change, ParamId, Params};
use crate::diag::Diagnostic;
use crate::mna::bank::Bank;
use crate::mna::values::{self, Values};
use crate::mna::{Mna, assemble};

/// Identifiers below the roots.
const GMIN: u32 = 0;
const SHUNT: u32 = 1;
const SOURCES: u32 = 2;
const TEMP: u32 = 3;
const SEED: u32 = 4;
const STRAY: u32 = 5;
pub(super) const ROOTS: u32 = 6;

/// What a [`ParamId`] stands for.
#[derive(Clone, Copy)]
pub(super) enum Handle {
    Gmin,
    Shunt,
    Stray,
    Sources,
    Temp,
    Seed,
    Root(usize),
    Source(u32),
    Instance(u32, u32),
}

impl Mna {
    pub(super) fn handle(&self, id: ParamId) -> Handle {
        let (roots, sources) = (self.circuit.roots.len() as u32, self.circuit.sources.len() as u32);
        match id.0 {
            GMIN => Handle::Gmin,
            SHUNT => Handle::Shunt,
            STRAY => Handle::Stray,
            SOURCES => Handle::Sources,
            TEMP => Handle::Temp,
            SEED => Handle::Seed,
            k if k < ROOTS + roots => Handle::Root((k - ROOTS) as usize),
            k if k < ROOTS + roots + sources => Handle::Source(k - ROOTS - roots),
            k => {
                let instance = self.instance_ids.partition_point(|first| *first <= k) - 1;
                Handle::Instance(instance as u32, k - self.instance_ids[instance])
            }
        }
    }

    /// The parameter called `name`.
    pub(super) fn find_param(&self, name: &str) -> Option<ParamId> {
        let name = name.to_lowercase();
        match name.as_str() {
            "gmin" => return Some(ParamId(GMIN)),
            "shunt" => return Some(ParamId(SHUNT)),
            "stray conductance" => return Some(ParamId(STRAY)),
            "sources" => return Some(ParamId(SOURCES)),
            "temp" => return Some(ParamId(TEMP)),
            _ => {}
        }
        if let Some(k) = self.circuit.roots.iter().position(|r| r.name == name) {
            return Some(ParamId(ROOTS + k as u32));
        }
        // A parameter of the deck of that name comes first.
        if name == "seed" {
            return Some(ParamId(SEED));
        }
        let first_source = ROOTS + self.circuit.roots.len() as u32;
        let plain = name.strip_suffix(".dc").unwrap_or(&name);
        if let Some(k) = self.circuit.sources.iter().position(|s| s.name.eq_ignore_ascii_case(plain)) {
            return Some(ParamId(first_source + k as u32));
        }
        if let Some(k) = self.circuit.instances.iter().position(|i| i.name.eq_ignore_ascii_case(&name)) {
            let model = &self.circuit.models[self.circuit.instances[k].model as usize];
            return (!model.params.is_empty()).then(|| ParamId(self.instance_ids[k]));
        }
        let (instance, parameter) = name.rsplit_once('.')?;
        let k = self.circuit.instances.iter().position(|i| i.name.eq_ignore_ascii_case(instance))?;
        let model = &self.circuit.models[self.circuit.instances[k].model as usize];
        let found = model.parameter(parameter).ok().flatten()?;
        Some(ParamId(self.instance_ids[k] + found))
    }

    /// The value of a parameter.
    pub(super) fn param_value(&self, params: &Params, id: ParamId) -> f64 {
        let values = self.values(params);
        match self.handle(id) {
            Handle::Gmin => values.gmin,
            Handle::Shunt => values.shunt,
            Handle::Stray => values.stray,
            Handle::Sources => values.sources,
            Handle::Temp => values.temp,
            Handle::Seed => values.seed,
            Handle::Root(k) => values.roots[k],
            Handle::Source(k) => values.stimuli[k as usize].value(None),
            Handle::Instance(k, param) => {
                let (bank, lane) = self.lanes_of[k as usize];
                values.lanes[bank as usize].params[param as usize][lane as usize]
            }
        }
    }

    /// Sets a parameter and brings up to date what depends on it.
    pub(super) fn assign_param(&self, params: &mut Params, id: ParamId, value: f64) -> Result<Change, Diagnostic> {
        let old = self.values(params);
        let mut new = old.clone();
        match self.handle(id) {
            Handle::Shunt => new.shunt = value,
            Handle::Stray => new.stray = value,
            Handle::Sources => {
                new.sources = value;
                if self.banks.iter().any(|b| b.model.simparams.iter().any(|(name, _)| name == "sourceScaleFactor")) {
                    self.refresh_all(&mut new);
                }
            }
            Handle::Gmin => {
                new.gmin = value;
                self.refresh_all(&mut new);
            }
            Handle::Seed => {
                new.seed = value;
                self.refresh_all(&mut new);
            }
            Handle::Temp => {
                new.temp = value;
                if let Some(k) = self.temperature_root {
                    Arc::make_mut(&mut new.cut)[k] = true;
                }
                self.refresh_all(&mut new);
            }
            Handle::Root(k) => {
                new.roots[k] = value;
                Arc::make_mut(&mut new.cut)[k] = true;
                if self.circuit.roots[k].name == "temp" {
                    new.temp = value;
                }
                if self.circuit.seed_root == Some(k as u32) {
                    new.seed = value;
                }
                self.refresh_all(&mut new);
            }
            Handle::Source(k) => {
                Arc::make_mut(&mut new.levels).insert(k, value);
                Arc::make_mut(&mut new.stimuli)[k as usize].dc = Some(value);
            }
            Handle::Instance(k, param) => {
                let (bank, lane) = self.lanes_of[k as usize];
                let b = &self.banks[bank as usize];
                let lanes = &old.lanes[bank as usize];
                if let Some(error) = values::range_error(&self.circuit, b, lanes, lane as usize, param, value) {
                    return Err(error);
                }
                Arc::make_mut(&mut new.given).insert((k, param), value);
                self.refresh_bank(bank as usize, &mut new);
                if b.model.shape.iter().any(|(shaping, made_for)| *shaping == param && *made_for != value) {
                    *params = Params(Arc::new(new));
                    return Ok(Change::Structure);
                }
            }
        }
        let change = if self.same_structure(old, &new) { Change::Values } else { Change::Structure };
        *params = Params(Arc::new(new));
        Ok(change)
    }

    /// Brings everything up to date after a change of roots or temperature.
    fn refresh_all(&self, values: &mut Values) {
        self.formulas.refresh(&self.circuit, values);
        values.stimuli = Arc::new(values::stimuli(&self.circuit, values));
        values.lanes = self.banks.iter().map(|b| Arc::new(values::lanes(b, &self.circuit, values))).collect();
        values.constant = Arc::new(values::constant(self, values));
    }

    fn refresh_bank(&self, bank: usize, values: &mut Values) {
        values.lanes[bank] = Arc::new(values::lanes(&self.banks[bank], &self.circuit, values));
        values.constant = Arc::new(values::constant(self, values));
    }

    /// Whether any collapse differs between two sets of values.
    fn same_structure(&self, old: &Values, new: &Values) -> bool {
        self.banks.iter().enumerate().all(|(b, bank)| {
            (0..bank.model.collapses.len()).all(|k| {
                (0..bank.len() as u32).all(|lane| {
                    assemble::collapse_applies(&bank.model, &bank.kernel, old, b as u32, lane, k)
                        == assemble::collapse_applies(&bank.model, &bank.kernel, new, b as u32, lane, k)
                })
            })
        })
    }
}

/// Values as the text gives them, nothing evaluated.
pub fn initial(circuit: &Circuit) -> Values {
    Values {
        roots: circuit.roots.iter().map(|r| if let Number::Fixed(v) = r.value { v } else { 0.0 }).collect(),
        cut: Arc::new(vec![false; circuit.roots.len()]),
        gmin: circuit.options.gmin,
        shunt: 0.0,
        stray: 0.0,
        sources: 1.0,
        temp: circuit.options.temp,
        seed: circuit.options.seed as f64,
        given: Arc::new(BTreeMap::new()),
        levels: Arc::new(BTreeMap::new()),
        lanes: Vec::new(),
        stimuli: Arc::new(Vec::new()),
        numbers: Arc::new(Vec::new()),
        constant: Arc::default(),
    }
}

/// `temp` is a root where expressions read it; its value there and in the options are one.
pub fn temperature(circuit: &Circuit, values: &Values) -> f64 {
    circuit.roots.iter().position(|r| r.name == "temp").map_or(circuit.options.temp, |k| values.roots[k])
}

/// Parameter values outside of their ranges.
///
/// # Errors
/// One diagnostic for each.
pub fn check_ranges(circuit: &Circuit, banks: &[Bank], values: &Values) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Vec::new();
    for (bank, lanes) in banks.iter().zip(&values.lanes) {
        for (param, declared) in bank.model.params.iter().enumerate().filter(|(_, p)| !p.ranges.is_empty()) {
            let _ = declared;
            for lane in 0..bank.len() {
                let value = lanes.params[param][lane];
                errors.extend(values::range_error(circuit, bank, lanes, lane, param as u32, value));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
