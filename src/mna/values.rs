//! Parameter values of a system: roots of the deck, lanes of every bank, numbers of the sources, constant matrices.
//! Copied on write; an assignment recomputes what depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::circuit::{Circuit, Number, Source};
use crate::dae::{Memory, Phase, Point};
use crate::diag::Diagnostic;
use crate::ir::{Function, Input, Inst, chance, interp};
use crate::mna::Mna;
use crate::mna::bank::{Bank, Lanes, Scratch, Which};
use crate::mna::column::{Column, Growing};
use crate::mna::dual::Real;
use crate::mna::linear::{Constant, Rows};
use crate::mna::stimulus::{Stimulus, TranTimes, Wave, wave};
use crate::model::kernel::Place;
use crate::model::{Formula, Range};
use crate::sparse::Slot;
use crate::units::CELSIUS;

/// Values of all parameters.
#[derive(Clone)]
pub struct Values {
    /// Value of each root; those assigned to are in `cut`.
    pub roots: Vec<f64>,
    /// Roots that no longer follow their formula.
    pub cut: Arc<Vec<bool>>,
    /// `$simparam("gmin")`, S.
    pub gmin: f64,
    /// Conductance from every node to ground, S.
    pub shunt: f64,
    /// Conductance from every node and, by `Layout::stray`, every temperature to ground, S.
    pub stray: f64,
    /// Common factor of all independent sources.
    pub sources: f64,
    /// Temperature of the circuit, degrees Celsius.
    pub temp: f64,
    /// Seed of all random streams.
    pub seed: f64,
    /// Instance parameters that were assigned: (instance, parameter) to value.
    pub given: Arc<BTreeMap<(u32, u32), f64>>,
    /// Dc values of sources that were assigned.
    pub levels: Arc<BTreeMap<u32, f64>>,
    /// Per bank.
    pub lanes: Vec<Arc<Lanes>>,
    /// Per source.
    pub stimuli: Arc<Vec<Stimulus>>,
    /// All outputs of the deck's expressions.
    pub numbers: Arc<Vec<f64>>,
    /// Constant part of G, C (by slot), f and q.
    pub constant: Arc<Constant>,
}

impl Values {
    /// A number of the deck.
    pub fn number(&self, number: Number) -> f64 {
        match number {
            Number::Fixed(v) => v,
            Number::Output(k) => self.numbers[k as usize],
        }
    }
}

/// Roots in order of their dependence: formulas of earlier roots, evaluated one by one.
pub struct RootFormulas(pub Vec<Option<Function>>);

impl RootFormulas {
    /// The formula of each root that has one.
    pub fn new(circuit: &Circuit) -> RootFormulas {
        let formula = |n: Number| match n {
            Number::Fixed(_) => None,
            Number::Output(k) => Some(crate::ir::rate::slice(&circuit.expressions, &[k])),
        };
        RootFormulas(circuit.roots.iter().map(|r| formula(r.value)).collect())
    }

    /// Brings roots that follow a formula up to date, then all numbers of the deck.
    pub fn refresh(&self, circuit: &Circuit, values: &mut Values) {
        for (k, root) in circuit.roots.iter().enumerate() {
            if root.name == "temp" {
                values.roots[k] = values.temp;
            }
            if let (Some(formula), false) = (&self.0[k], values.cut[k]) {
                let roots = &values.roots;
                values.roots[k] = interp::evaluate(formula, &|input| argument(roots, input))[0];
            }
            if root.name == "temp" {
                values.temp = values.roots[k];
            }
        }
        let roots = &values.roots;
        values.numbers = Arc::new(interp::evaluate(&circuit.expressions, &|input| argument(roots, input)));
    }
}

/// Arguments of the deck's expressions: the roots.
pub fn argument(roots: &[f64], input: Input) -> f64 {
    match input {
        Input::Argument(k) => roots.get(k as usize).copied().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// Numeric sources.
pub fn stimuli(circuit: &Circuit, values: &Values) -> Vec<Stimulus> {
    let number = |n: Number| values.number(n);
    let level = |k: usize| values.levels.get(&(k as u32)).copied();
    circuit.sources.iter().enumerate().map(|(k, source)| stimulus(circuit, source, level(k), &number)).collect()
}

/// One source in numbers of any kind; `level` is the dc value that was assigned to it.
pub fn stimulus<N: Real>(circuit: &Circuit, source: &Source, level: Option<N>, number: &dyn Fn(Number) -> N) -> Stimulus<N> {
    Stimulus {
        dc: level.or(source.dc.map(number)),
        ac: source.ac.map(|(m, p)| (number(m), number(p))),
        wave: source.waveform.as_ref().map_or(Wave::None, |w| wave(w, tran_times(circuit), number)),
    }
}

/// Step and end of the first transient of the deck; without one, a second in a hundred steps.
pub fn tran_times(circuit: &Circuit) -> TranTimes {
    let tran = circuit.analyses.iter().find(|a| a.keyword == "tran");
    let number = |k| tran.and_then(|a| a.positional().filter_map(|p| p.number).nth(k));
    let stop = number(1).unwrap_or(1.0);
    TranTimes { step: number(0).filter(|s| *s > 0.0).unwrap_or(stop / 100.0), stop }
}

/// Value of a simulator parameter that models may ask for.
fn simulator(name: &str, default: Option<f64>, values: &Values, circuit: &Circuit) -> f64 {
    match name {
        "gmin" => values.gmin,
        "tnom" => circuit.options.tnom,
        "temp" | "temperature" => values.temp,
        "sourceScaleFactor" => values.sources,
        "scale" | "gdev_scale" => 1.0,
        "shrink" => 0.0,
        "reltol" => circuit.options.reltol.unwrap_or(1e-3),
        "abstol" => circuit.options.abstol,
        "vntol" => circuit.options.vntol,
        "minr" => 1e-3,
        "tstop" => tran_times(circuit).stop,
        "simulatorVersion" => 1.0,
        _ => default.unwrap_or(0.0),
    }
}

/// Parameters, temperature and setup values of one bank.
pub fn lanes(bank: &Bank, circuit: &Circuit, values: &Values) -> Lanes {
    let model = &bank.model;
    let simulators: Vec<f64> = model.simparams.iter().map(|(n, d)| simulator(n, *d, values, circuit)).collect();
    let mut lanes = Lanes {
        streams: streams(bank, circuit, values.seed),
        seed: chance::hash([values.seed, 0.0, 0.0]),
        simulator: simulators,
        ..Lanes::default()
    };
    let common: Vec<Option<f64>> = model.params.iter().map(|p| common_default(&p.default, &lanes)).collect();
    let columns = || (0..model.params.len()).map(|_| Growing::default()).collect::<Vec<Growing>>();
    let (mut params, mut given) = (columns(), columns());
    let (mut temperature, mut multiplicity) = (Growing::default(), Growing::default());
    let mut own = Own { params: vec![0.0; model.params.len()], given: vec![0.0; model.params.len()], ..Own::default() };
    for (lane, index) in bank.instances.iter().enumerate() {
        let instance = &circuit.instances[*index as usize];
        own.params.fill(0.0);
        own.given.fill(0.0);
        for (param, number) in &instance.params {
            own.params[*param as usize] = values.number(*number);
            own.given[*param as usize] = 1.0;
        }
        own.multiplicity = values.number(instance.multiplicity);
        own.temperature = instance.temperature.map_or(values.temp, |t| values.number(t)) + CELSIUS;
        for ((_, param), value) in values.given.range((*index, 0)..=(*index, u32::MAX)) {
            own.params[*param as usize] = *value;
            own.given[*param as usize] = 1.0;
        }
        for (k, param) in model.params.iter().enumerate() {
            if own.given[k] == 0.0 {
                own.params[k] = common[k].unwrap_or_else(|| own.formula(&param.default, &lanes, lane));
            }
        }
        params.iter_mut().zip(&own.params).for_each(|(column, value)| column.push(*value, bank.len()));
        given.iter_mut().zip(&own.given).for_each(|(column, value)| column.push(*value, bank.len()));
        temperature.push(own.temperature, bank.len());
        multiplicity.push(own.multiplicity, bank.len());
    }
    let finish = |columns: Vec<Growing>| columns.into_iter().map(Growing::finish).collect();
    (lanes.params, lanes.given) = (finish(params), finish(given));
    (lanes.temperature, lanes.multiplicity) = (temperature.finish(), multiplicity.finish());
    bank.setup(&mut lanes);
    lanes
}

/// What one lane is given, while its defaults are computed.
#[derive(Default)]
struct Own {
    params: Vec<f64>,
    given: Vec<f64>,
    temperature: f64,
    multiplicity: f64,
}

impl Own {
    /// A default; parameters that come later are not known yet.
    fn formula(&self, formula: &Formula, lanes: &Lanes, lane: usize) -> f64 {
        let input = |input: Input| match input {
            Input::Param(k) => self.params[k as usize],
            Input::Given(k) => self.given[k as usize],
            Input::Temperature => self.temperature,
            Input::Multiplicity => self.multiplicity,
            other => parameter_input(other, lanes, lane),
        };
        match formula {
            Formula::Number(v) => *v,
            Formula::Function(f) => interp::evaluate(f, &input)[0],
        }
    }
}

/// A default that is the same in all lanes: a number, or a function of simulator parameters alone.
fn common_default(default: &Formula, lanes: &Lanes) -> Option<f64> {
    let same = |inst: &Inst| match inst {
        Inst::Input(input) => matches!(input, Input::Simulator(_) | Input::Seed),
        _ => true,
    };
    match default {
        Formula::Number(value) => Some(*value),
        Formula::Function(f) if f.insts.iter().all(same) => Some(formula(default, lanes, 0)),
        Formula::Function(_) => None,
    }
}

/// Random stream of each instance; none where the model draws nothing.
fn streams(bank: &Bank, circuit: &Circuit, seed: f64) -> Column {
    let draws = |f: &Function| f.insts.contains(&Inst::Input(Input::Stream));
    let default = |p: &crate::model::Param| matches!(&p.default, Formula::Function(f) if draws(f));
    if !draws(&bank.model.function) && !bank.model.params.iter().any(default) {
        return Column::default();
    }
    let name = |k: &u32| circuit.instances[*k as usize].name.to_lowercase();
    Column::Each(bank.instances.iter().map(|k| chance::hash_text(seed, &name(k))).collect())
}

/// A formula with the parameters of one lane.
pub fn formula(formula: &Formula, lanes: &Lanes, lane: usize) -> f64 {
    match formula {
        Formula::Number(v) => *v,
        Formula::Function(f) => interp::evaluate(f, &|input| parameter_input(input, lanes, lane))[0],
    }
}

/// Inputs of rate Parameter in one lane.
pub fn parameter_input(input: Input, lanes: &Lanes, lane: usize) -> f64 {
    match input {
        Input::Param(k) => lanes.params[k as usize][lane],
        Input::Given(k) => lanes.given[k as usize][lane],
        Input::Temperature => lanes.temperature[lane],
        Input::Multiplicity => lanes.multiplicity[lane],
        Input::Simulator(k) => lanes.simulator[k as usize],
        Input::Stream => lanes.streams[lane],
        Input::Seed => lanes.seed,
        Input::Connected(_) => 1.0,
        _ => f64::NAN,
    }
}

/// Whether `value` lies in the ranges of a parameter: the first range that forbids it.
pub fn violated<'a>(ranges: &'a [Range], value: f64, lanes: &Lanes, lane: usize) -> Option<&'a Range> {
    let inside = |r: &Range| {
        let (low, high) = (formula(&r.low, lanes, lane), formula(&r.high, lanes, lane));
        let above = if r.low_closed { value >= low } else { value > low };
        let below = if r.high_closed { value <= high } else { value < high };
        above && below
    };
    let mut allowed = ranges.iter().filter(|r| !r.exclude).peekable();
    let missing = if allowed.peek().is_some() && !allowed.clone().any(inside) { allowed.next() } else { None };
    missing.or_else(|| ranges.iter().find(|r| r.exclude && inside(r)))
}

/// The constant matrices: affine contributions of all banks, other derivatives that do not move, and the incidence of sources.
pub fn constant(mna: &Mna, values: &Values) -> Constant {
    let (rows, entries) = (mna.layout.unknowns.len() + 1, mna.pattern.len() + 1);
    let mut out =
        Constant { g: vec![0.0; entries], c: vec![0.0; entries], f: vec![0.0; rows], q: vec![0.0; rows], ..Default::default() };
    let mut others = [Vec::new(), Vec::new()];
    for (bank, lanes) in mna.banks.iter().zip(&values.lanes) {
        for derivative in &bank.kernel.derivatives {
            let Place::Setup(k) = derivative.place else { continue };
            let affine = bank.kernel.affine[derivative.contribution as usize];
            let (target, affine) = if derivative.charge { (&mut out.c, affine.1) } else { (&mut out.g, affine.0) };
            let mut add = |slot: Slot, value: f64| match affine {
                true => target[slot.0 as usize] += value,
                false => others[usize::from(derivative.charge)].push((slot, value)),
            };
            let column = &lanes.setup[k as usize];
            for lane in 0..bank.len() {
                let value = column[lane];
                let [pp, mm, pm, mp] = bank.stamp(derivative, lane, &mna.pattern);
                [(pp, value), (mm, value), (pm, -value), (mp, -value)].into_iter().for_each(|(slot, value)| add(slot, value));
            }
        }
        offsets(bank, lanes, rows - 1, &mut out);
    }
    mna.incidence(&mut out.g);
    (out.conductances, out.capacitances) = (Rows::new(&mna.pattern, &out.g), Rows::new(&mna.pattern, &out.c));
    for (target, list) in [&mut out.g, &mut out.c].into_iter().zip(others) {
        list.into_iter().for_each(|(slot, value): (Slot, f64)| target[slot.0 as usize] += value);
    }
    out
}

/// f and q of affine contributions with all probes at zero.
fn offsets(bank: &Bank, lanes: &Lanes, ground: usize, out: &mut Constant) {
    let outputs: Vec<(usize, u32, bool)> = bank
        .model
        .contributions
        .iter()
        .enumerate()
        .flat_map(|(k, c)| {
            let (f, q) = bank.kernel.affine[k];
            let f = c.f.filter(|_| f).map(|o| (k, o, false));
            let q = c.q.filter(|_| q).map(|o| (k, o, true));
            f.into_iter().chain(q)
        })
        .collect();
    if outputs.is_empty() || bank.is_empty() {
        return;
    }
    let x = vec![0.0; ground];
    let params = crate::dae::Params(Arc::new(()));
    let past = Memory::default();
    let at = Point { x: &x, t: 0.0, params: &params, past: &past, trial: None, phase: Phase::Static };
    let mut scratch = Scratch::default();
    for start in (0..bank.len()).step_by(crate::ir::batch::LANES) {
        let block = crate::ir::batch::LANES.min(bank.len() - start);
        bank.zero_probes(&mut scratch);
        bank.run(Which::Values, &at, lanes, start, block, &mut scratch);
        for (k, output, charge) in &outputs {
            let contribution = &bank.model.contributions[*k];
            for lane in 0..block {
                let value = bank.fetch(*output, lanes, &scratch, start, lane);
                let target = if *charge { &mut out.q } else { &mut out.f };
                target[bank.unknowns[contribution.plus as usize][start + lane] as usize] += value;
                let minus = contribution.minus.map_or(ground, |m| bank.unknowns[m as usize][start + lane] as usize);
                target[minus] -= value;
            }
        }
    }
}

/// A diagnostic for a value that a parameter does not allow.
pub fn range_error(circuit: &Circuit, bank: &Bank, lanes: &Lanes, lane: usize, param: u32, value: f64) -> Option<Diagnostic> {
    let declared = &bank.model.params[param as usize];
    let range = violated(&declared.ranges, value, lanes, lane)?;
    let instance = &circuit.instances[bank.instances[lane] as usize];
    let message = format!("{} = {value} of {} is outside of its range", declared.name, instance.name);
    Some(Diagnostic::error(instance.span, message).label(range.span, "the range is declared here"))
}
