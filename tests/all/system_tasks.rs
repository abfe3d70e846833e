//! System tasks and functions of Verilog-A, in models written for the test and run in decks: random numbers, tables, messages
//! and files, limiting, what models may ask.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::diag;
use memspice::run::{Simulation, prepare, simulate};
use memspice::span::{MemoryFiles, Sources};

#[path = "system_tasks/environment.rs"]
mod environment;
#[path = "system_tasks/limits.rs"]
mod limits;
#[path = "system_tasks/messages.rs"]
mod messages;
#[path = "system_tasks/random.rs"]
mod random;
#[path = "system_tasks/snapshots.rs"]
mod snapshots;
#[path = "system_tasks/tables.rs"]
mod tables;

const HEAD: &str = "`include \"disciplines.vams\"\nmodule m(p, n);\n inout p, n; electrical p, n;\n";

/// A two-terminal module `m` with declarations and an analog block.
pub fn module(declarations: &str, analog: &str) -> String {
    format!("{HEAD} {declarations}\n analog begin\n {analog}\n end\nendmodule\n")
}

/// A simulation and the warnings before it.
pub struct Done {
    pub simulation: Simulation,
    pub warnings: String,
}

/// Runs a deck with the model in the file `m.va` and further files.
pub fn run_with(model: &str, deck: &str, more: &[(&str, &str)], threads: usize) -> Result<Done, String> {
    let path = Path::new("deck.cir");
    let deck = format!("test\n.hdl \"m.va\"\n{deck}\n.end\n");
    let own = [("deck.cir", deck.as_str()), ("m.va", model)];
    let files = own.iter().chain(more).map(|(n, t)| (PathBuf::from(n), t.as_bytes().to_vec()));
    let mut sources = Sources::new(Box::new(MemoryFiles(files.collect())));
    let (mna, warnings) = match prepare(path, &[], &mut sources) {
        Ok(ready) => ready,
        Err(said) => return Err(diag::render(&said, &sources, false)),
    };
    let warnings = diag::render(&warnings, &sources, false);
    let sources = Mutex::new(sources);
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let work = || simulate(mna, path, &[], &sources, &stop, &|_| {});
    match pool.install(work) {
        Ok(simulation) => Ok(Done { simulation, warnings }),
        Err(said) => Err(diag::render(&said, &sources.lock().expect("no panic"), false)),
    }
}

/// The same, with one thread; it must work.
pub fn run(model: &str, deck: &str) -> Done {
    run_with(model, deck, &[], 2).unwrap_or_else(|said| panic!("{said}"))
}

/// What is said about a model that cannot be read.
pub fn refused(model: &str) -> String {
    match run_with(model, "V1 a 0 1\nX1 a 0 m\n.op", &[], 1) {
        Ok(_) => panic!("this model should be refused:\n{model}"),
        Err(said) => said,
    }
}

impl Done {
    /// Column of analysis `k` of the first member.
    pub fn column(&self, k: usize, name: &str) -> Vec<f64> {
        self.member(0, k, name)
    }

    /// Column of analysis `k` of a member.
    pub fn member(&self, member: usize, k: usize, name: &str) -> Vec<f64> {
        let outcome = &self.simulation.members[member][k];
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        outcome.data.real(name).unwrap_or_else(|| panic!("no column {name}")).to_vec()
    }
}
