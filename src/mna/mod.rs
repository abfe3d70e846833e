//! Circuit to equations: modified nodal analysis by banks of identical devices.
//!
//! Unknowns are node potentials, branch currents of voltage sources, and what the models bring along. Row k of a node is the
//! sum of the currents that leave it; of a voltage source's branch `v(plus) - v(minus) - e(t)`. Affine contributions live in
//! constant matrices, computed once per parameter change; the rest is evaluated bank by bank.

use std::sync::Arc;

use crate::circuit::{Circuit, OutputKind, Terminal};
use crate::dae::{
    Change, Drive, Eval, Excitation, Fault, Layout, Memory, Message, Motion, NoiseSource, ParamId, Params, Phase, Point, Start,
    System, Want,
};
use crate::diag::Diagnostic;
use crate::ir::{Input, interp};
use crate::model::Moment;
use crate::model::kernel::Kernel;
use crate::sparse::Pattern;

mod abreast;
mod assemble;
pub mod bank;
mod block;
pub mod column;
pub mod dual;
pub mod files;
mod limit;
mod linear;
mod memory;
mod messages;
mod outputs;
mod params;
mod scatter;
mod slope;
mod small;
mod sources;
mod starts;
pub mod stimulus;
mod sums;
mod units;
mod values;

use assemble::Numbering;
use bank::{Bank, Requested, Scratch};
use scatter::Lists;
use sources::Incident;
use values::{RootFormulas, Values};

/// The equations of a circuit.
pub struct Mna {
    circuit: Arc<Circuit>,
    layout: Layout,
    pattern: Pattern,
    numbering: Numbering,
    banks: Vec<Bank>,
    lanes_of: Vec<(u32, u32)>,
    /// Where sources act.
    incidents: Vec<Incident>,
    rows: Vec<u32>,
    formulas: RootFormulas,
    base: Params,
    /// First identifier of the parameters of each instance.
    instance_ids: Vec<u32>,
    derived: Vec<Arc<crate::ir::Function>>,
    /// Root that is the temperature of the circuit.
    temperature_root: Option<usize>,
    slopes: slope::cache::Cache,
    /// Some model knows what time it is.
    timed: bool,
}

impl Mna {
    /// The equations of `circuit`.
    ///
    /// # Errors
    /// Parameter values outside of their ranges.
    pub fn new(circuit: Circuit) -> Result<Mna, Vec<Diagnostic>> {
        let circuit = Arc::new(circuit);
        let kernels: Vec<Arc<Kernel>> = circuit.models.iter().map(|m| Arc::new(Kernel::compile(m))).collect();
        let mut banks = assemble::banks(&circuit, &kernels);
        let lanes_of = assemble::lanes_of(&banks, circuit.instances.len());
        let formulas = RootFormulas::new(&circuit);
        let mut values = params::initial(&circuit);
        formulas.refresh(&circuit, &mut values);
        values.temp = params::temperature(&circuit, &values);
        values.lanes = banks.iter().map(|b| Arc::new(values::lanes(b, &circuit, &values))).collect();
        values.stimuli = Arc::new(values::stimuli(&circuit, &values));
        params::check_ranges(&circuit, &banks, &values)?;
        let collapsed = assemble::collapsed(&circuit, &banks, &lanes_of, &values);
        let numbering = assemble::number(&circuit, &|instance, k| collapsed.binary_search(&(instance, k)).is_ok());
        let mut layout = assemble::layout(&circuit, &numbering);
        for bank in &mut banks {
            let locals = bank.model.unknowns.len();
            let of = |local: usize| bank.instances.iter().map(|k| numbering.locals.of(*k as usize)[local]).collect();
            bank.unknowns = (0..locals).map(of).collect();
            bank.trial_start = layout.limits;
            bank.memory_start = layout.memory;
            layout.limits += bank.limited().count() * bank.len();
            layout.memory += bank.model.retained.len() * bank.len();
        }
        memory::layout(&circuit, &mut banks, &mut layout);
        let pattern = assemble::pattern(&circuit, &banks, &numbering);
        for bank in &mut banks {
            if !bank.idle {
                bank.stamped = bank.kernel.tied(&bank.model, &bank.ties(numbering.n));
            }
            bank.lists = Lists::new(bank, &pattern);
            bank.delay_slots = memory::delay_slots(bank, &pattern);
        }
        layout.moving = moving(&banks, pattern.len());
        let incidents = sources::incidents(&circuit, &numbering);
        let rows = assemble::rows_of_outputs(&circuit);
        assemble::requests(&circuit, &mut banks, &lanes_of, &rows, &collapsed);
        let derived = circuit.outputs.iter().filter_map(|o| match &o.kind {
            OutputKind::Expression { function, .. } => Some(function.clone()),
            _ => None,
        });
        let derived = derived.collect();
        let mut next = params::ROOTS + (circuit.roots.len() + circuit.sources.len()) as u32;
        let instance_ids = circuit.instances.iter().map(|i| {
            next += circuit.models[i.model as usize].params.len() as u32;
            next - circuit.models[i.model as usize].params.len() as u32
        });
        let instance_ids = instance_ids.collect();
        let mut mna = Mna {
            temperature_root: circuit.roots.iter().position(|r| r.name == "temp"),
            slopes: slope::cache::Cache::default(),
            timed: banks.iter().any(Bank::timed),
            circuit,
            layout,
            pattern,
            numbering,
            banks,
            lanes_of,
            incidents,
            rows,
            formulas,
            base: Params(Arc::new(())),
            instance_ids,
            derived,
        };
        values.constant = Arc::new(values::constant(&mna, &values));
        mna.base = Params(Arc::new(values));
        Ok(mna)
    }

    /// The circuit that it was made from.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Row or number of each of the circuit's outputs (see `assemble::rows_of_outputs`).
    pub fn output_rows(&self) -> &[u32] {
        &self.rows
    }

    /// Number of instances and of banks.
    pub fn sizes(&self) -> (usize, usize) {
        (self.circuit.instances.len(), self.banks.len())
    }

    fn values<'a>(&self, params: &'a Params) -> &'a Values {
        params.0.downcast_ref::<Values>().expect("parameters of this system")
    }
}

/// Slots to which derivatives are added that are not constant.
fn moving(banks: &[Bank], slots: usize) -> Vec<u32> {
    let mut moves = vec![false; slots];
    banks.iter().flat_map(|b| b.lists.slots()).for_each(|slot| moves[slot as usize] = true);
    (0..slots as u32).filter(|k| moves[*k as usize]).collect()
}

impl System for Mna {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    fn params(&self) -> Params {
        self.base.clone()
    }

    fn param(&self, name: &str) -> Option<ParamId> {
        self.find_param(name)
    }

    fn value(&self, params: &Params, id: ParamId) -> f64 {
        self.param_value(params, id)
    }

    fn assign(&self, params: &mut Params, id: ParamId, value: f64) -> Result<Change, Diagnostic> {
        self.assign_param(params, id, value)
    }

    fn starts(&self, params: &Params) -> Vec<Start> {
        self.start_values(params)
    }

    fn start_slopes(&self, id: ParamId, params: &Params) -> Vec<f64> {
        self.exact_start_slopes(id, params)
    }

    fn eval(&self, at: &Point, want: Want, out: &mut Eval) {
        let values = self.values(at.params);
        out.advice = Default::default();
        out.outputs.gradient.clear();
        out.delays.clear();
        if want.contains(Want::C) && at.phase == Phase::SmallSignal {
            self.delay_terms(values, out);
        }
        let mut space = out.workspace.0.take().unwrap_or_else(|| Box::new(Scratch::default()));
        if let Some(scratch) = space.downcast_mut::<Scratch>() {
            scratch.lost.fit(self.layout.unknowns.len() + 1);
            self.add_constant(values, at, want, &mut scratch.filled, &mut scratch.lost, out);
            self.add_sources(values, at, want, scratch, out);
            self.add_shunt(values, at, want, out);
            let numbers = want.intersects(Want::NEWTON);
            let outputs = want.intersects(Want::OUTPUTS | Want::OUTPUT_GRADIENT);
            for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
                if !bank.idle && numbers {
                    bank.eval(at, lanes, want, scratch, out);
                }
                if bank.tells(want, outputs) {
                    bank.tell(at, lanes, want, scratch, out);
                }
            }
            if want.intersects(Want::F | Want::SCALE) {
                sums::settle(&mut out.f, &scratch.lost.f);
            }
            if want.contains(Want::Q) {
                sums::settle(&mut out.q, &scratch.lost.q);
            }
        }
        out.workspace.0 = Some(space);
        if want.intersects(Want::OUTPUTS | Want::OUTPUT_GRADIENT) {
            self.plain_outputs(values, at, want.contains(Want::OUTPUT_GRADIENT), out);
            out.outputs.gradient.sort_by_key(|g| (g.0, g.1));
        }
        let n = self.numbering.n;
        if want.contains(Want::F) {
            out.advice.not_finite |= out.f[..n].iter().any(|v| !v.is_finite());
        }
        if want.contains(Want::Q) {
            out.advice.not_finite |= out.q[..n].iter().any(|v| !v.is_finite());
        }
    }

    fn commit(&self, at: &Point, memory: &mut Memory, messages: &mut Vec<Message>) {
        self.commit_point(at, memory, messages);
    }

    fn record(&self, at: &Point, memory: &mut Memory) {
        self.record_tracks(at, memory);
    }

    fn conclude(&self, at: &Point, messages: &mut Vec<Message>) {
        self.look_back(at, &[Moment::Last], None, messages);
    }

    fn derive(&self, k: usize, arguments: &[f64]) -> f64 {
        let argument = |input: Input| match input {
            Input::Argument(a) => arguments.get(a as usize).copied().unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        interp::first(&self.derived[k], &argument)
    }

    fn excitation(&self, at: &Point, out: &mut Excitation) {
        *out = Excitation::new(at.x.len());
        self.add_excitation(at.params, out);
        self.add_stimuli(at, out);
    }

    fn unit_excitation(&self, name: &str, b: &mut [f64]) -> Option<&'static str> {
        self.add_unit(name, b)
    }

    fn noise(&self, at: &Point, out: &mut Vec<NoiseSource>) {
        out.clear();
        self.add_noise(at, out);
    }

    fn next_break(&self, at: &Point) -> f64 {
        let stimuli = self.values(at.params).stimuli.iter().map(|s| s.wave.next_break(at.t)).fold(f64::INFINITY, f64::min);
        if self.layout.breaks { stimuli.min(self.model_break(at)) } else { stimuli }
    }

    fn same_time(&self, params: &Params, [a, b]: [f64; 2]) -> bool {
        let values = self.values(params);
        !self.timed && values.stimuli.iter().all(|s| s.value(Some(a)).to_bits() == s.value(Some(b)).to_bits())
    }

    fn motion(&self, params: &Params) -> Option<Motion> {
        let stimuli = &self.values(params).stimuli;
        let periods = self.circuit.sources.iter().zip(stimuli.iter()).map(|(source, s)| (s.wave.period(), &source.name));
        let fastest = periods.filter(|(p, _)| p.is_finite()).min_by(|a, b| a.0.total_cmp(&b.0));
        fastest.map(|(period, name)| Motion { source: name.clone(), period })
    }

    fn drives(&self, params: &Params) -> Vec<Drive> {
        let stimuli = &self.values(params).stimuli;
        let of = |(source, s): (&crate::circuit::Source, &stimulus::Stimulus)| s.wave.drives(&source.name);
        self.circuit.sources.iter().zip(stimuli.iter()).flat_map(of).collect()
    }

    fn slope(&self, id: ParamId, at: &Point, df: &mut [f64], dq: &mut [f64]) {
        self.exact_slope(id, at, df, dq);
    }

    fn explain(&self, at: &Point) -> Vec<Fault> {
        let values = self.values(at.params);
        let mut faults = Vec::new();
        for (bank, lanes) in self.banks.iter().zip(&values.lanes) {
            // A value may be finite where its derivative is not.
            let function = crate::model::kernel::differentiated(&bank.model).0;
            for lane in 0..bank.len() {
                let input = |input: Input| bank.input_at(input, at, lanes, lane);
                if let Some(found) = interp::first_non_finite(&function, &input) {
                    let instance = self.circuit.instances[bank.instances[lane] as usize].name.to_string();
                    faults.push(Fault { instance, span: found.span, text: found.text });
                }
                if faults.len() >= 3 {
                    return faults;
                }
            }
        }
        faults
    }
}

impl Mna {
    /// Kind of each request, for `show`.
    pub fn requests(&self) -> usize {
        self.banks.iter().flat_map(|b| &b.requests).filter(|r| matches!(r.what, Requested::Row(_))).count()
    }

    /// Name of what a terminal is bound to.
    pub fn terminal_name(&self, terminal: Terminal) -> String {
        let at = self.numbering.terminal(&self.circuit, terminal) as usize;
        self.layout.unknowns.get(at).map_or_else(|| "0".to_string(), |u| u.name.to_string())
    }
}
