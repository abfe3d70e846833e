//! Derivatives by parameters, made when they are first asked for and kept.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::circuit::Circuit;
use crate::ir::batch::Program;
use crate::ir::{Function, Input, Inst, diff, rate};
use crate::model::Model;

/// Some derivatives of a function.
pub struct Gradient {
    /// Output k is entry k.
    pub function: Function,
    /// What derivatives are taken by.
    pub seeds: Vec<Input>,
    /// Output that is differentiated and number of the seed, in order of outputs.
    pub entries: Vec<(u32, u32)>,
}

impl Gradient {
    fn new(function: &Function, outputs: &[u32], seeds: Vec<Input>) -> Gradient {
        let (all, entries) = diff::differentiate_by(function, outputs, &seeds);
        let kept: Vec<u32> = entries.iter().map(|e| e.index).collect();
        let entries = entries.iter().map(|e| (e.output, e.probe)).collect();
        Gradient { function: rate::slice(&all, &kept), seeds, entries }
    }

    /// Entries of one output: number of the entry and of the seed.
    pub fn row(&self, output: u32) -> impl Iterator<Item = (usize, usize)> {
        let first = self.entries.partition_point(|e| e.0 < output);
        let row = self.entries[first..].iter().take_while(move |e| e.0 == output);
        row.enumerate().map(move |(k, e)| (first + k, e.1 as usize))
    }
}

/// The derivatives of a model's contributions by one input.
pub struct ModelSlopes {
    /// Reads what the model reads.
    pub program: Program,
    /// For each output of the program: the contribution, and whether it is that of q.
    pub outputs: Vec<(u32, bool)>,
}

type Kept<K, V> = Mutex<HashMap<K, Arc<V>>>;

/// What has been made so far; shared by threads.
#[derive(Default)]
pub struct Cache {
    deck: Kept<Vec<u32>, Gradient>,
    defaults: Kept<(u32, u32), Gradient>,
    starts: Kept<u32, Gradient>,
    models: Kept<(u32, Input), Option<Arc<ModelSlopes>>>,
}

impl Cache {
    /// Derivatives of the deck's numbers by some roots.
    pub fn deck(&self, circuit: &Circuit, roots: &[u32]) -> Arc<Gradient> {
        keep(&self.deck, roots.to_vec(), || {
            let outputs: Vec<u32> = (0..circuit.expressions.outputs.len() as u32).collect();
            Gradient::new(&circuit.expressions, &outputs, roots.iter().map(|k| Input::Argument(*k)).collect())
        })
    }

    /// Derivatives of the default of parameter `param` by all that it reads.
    pub fn parameter_default(&self, model: u32, param: u32, function: &Function) -> Arc<Gradient> {
        keep(&self.defaults, (model, param), || Gradient::new(function, &[0], inputs(function)))
    }

    /// Derivatives of the start values of model number `number` by all that is fixed during a simulation.
    pub fn starts(&self, number: u32, model: &Model) -> Arc<Gradient> {
        keep(&self.starts, number, || {
            let mut wanted: Vec<u32> = model.unknowns.iter().filter_map(|u| u.start).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let fixed =
                |input: &Input| matches!(input, Input::Param(_) | Input::Temperature | Input::Multiplicity | Input::Simulator(_));
            Gradient::new(&model.function, &wanted, inputs(&model.function).into_iter().filter(fixed).collect())
        })
    }

    /// Derivatives of the contributions of model number `number` by one input; none if they do not depend on it.
    pub fn model(&self, number: u32, input: Input, model: &Model) -> Option<Arc<ModelSlopes>> {
        let kept = keep(&self.models, (number, input), || model_slopes(model, input).map(Arc::new));
        kept.as_ref().clone()
    }
}

/// What is kept under `key`. It is made outside of the lock: two threads may do so at once, with the same result.
fn keep<K: Eq + Hash, V>(kept: &Kept<K, V>, key: K, make: impl FnOnce() -> V) -> Arc<V> {
    if let Some(found) = kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return found.clone();
    }
    let made = Arc::new(make());
    kept.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(made).clone()
}

fn model_slopes(model: &Model, input: Input) -> Option<ModelSlopes> {
    if !inputs(&model.function).contains(&input) {
        return None;
    }
    let mut wanted: Vec<u32> = model.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let gradient = Gradient::new(&model.function, &wanted, vec![input]);
    let (mut kept, mut outputs) = (Vec::new(), Vec::new());
    for (k, contribution) in model.contributions.iter().enumerate() {
        for (output, charge) in [(contribution.f, false), (contribution.q, true)] {
            for (entry, _) in output.into_iter().flat_map(|output| gradient.row(output)) {
                kept.push(entry as u32);
                outputs.push((k as u32, charge));
            }
        }
    }
    let program = (!kept.is_empty()).then(|| Program::compile(&rate::slice(&gradient.function, &kept)));
    program.map(|program| ModelSlopes { program, outputs })
}

/// What a function reads from outside, each input once.
pub fn inputs(function: &Function) -> Vec<Input> {
    let mut list: Vec<Input> =
        function.insts.iter().filter_map(|inst| if let Inst::Input(input) = inst { Some(*input) } else { None }).collect();
    list.sort_unstable();
    list.dedup();
    list
}
