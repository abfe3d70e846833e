//! The pipeline from files to a report: what `memspice run` and `check` do (`show` and `models` are in `explain`).
//!
//! deck text → tree → circuit → equations → analyses, one set for each member of `.step`, members in parallel → measures,
//! files, summary. Nothing here prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use crate::analysis::{Analysis, Env, Summary, TABLE};
use crate::args::{Arg, Args};
use crate::circuit::expect::Asked;
use crate::circuit::{Circuit, OutputKind, elaborate::elaborate};
use crate::clock::{self, Ledger, Phase, Stopwatch};
use crate::dae::{Change, MessageKind, Params, System};
use crate::diag::{self, Diagnostic};
use crate::lint;
use crate::mna::{Mna, files};
use crate::model::library::Library;
use crate::output::spool::{Spool, Store};
use crate::output::{self, Outputs, Request};
use crate::report::{self, cost};
use crate::solve::{Effort, SimError, Tolerances};
use crate::span::{Disk, Sources, Span};
use crate::wave::{Dataset, Sink};

pub mod family;
pub mod record;

use record::{Destination, Recorded};

/// What the command line asks for besides the deck.
#[derive(Clone, PartialEq, Debug)]
pub struct RunOptions {
    /// Folder for results; `None`: `out/<deck>`.
    pub output: Option<PathBuf>,
    /// Formats by name; empty: `raw`, `csv`, `svg`.
    pub formats: Vec<String>,
    /// Parameters set from outside: name, value.
    pub sets: Vec<(String, f64)>,
    /// No summary.
    pub quiet: bool,
    /// A measure that fails or is not what its card expects makes exit code 1.
    pub strict: bool,
    /// Number of threads; `None`: one for each processor.
    pub threads: Option<usize>,
    /// Whether plots are drawn.
    pub plots: bool,
    /// Whether [`RunReport::stats`] is wanted.
    pub stats: bool,
}

impl Default for RunOptions {
    fn default() -> RunOptions {
        RunOptions {
            output: None,
            formats: Vec::new(),
            sets: Vec::new(),
            quiet: false,
            strict: false,
            threads: None,
            plots: true,
            stats: false,
        }
    }
}

/// What a command has to say, ready to print.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunReport {
    /// Measures and summary, for standard output.
    pub text: String,
    /// Diagnostics, rendered, for standard error.
    pub diagnostics: String,
    /// 0: done; 1: a simulation failed or was stopped; 2: the input is wrong.
    pub exit: u8,
    /// Files that were written.
    pub files: Vec<PathBuf>,
    /// What it cost as one line of json, if that was asked for.
    pub stats: String,
}

/// One analysis of one member of a `.step` family, done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it cost and said.
    pub summary: Summary,
    /// Its rows; empty columns if it never began. Where rows go to files as they come, only the columns that measures read.
    pub data: Dataset,
    /// Its rows, if they wait to be written.
    pub spool: Option<Spool>,
    /// Its failure, if it failed.
    pub failure: Option<SimError>,
    /// Its measures: name and value or reason.
    pub measures: Vec<(String, Result<f64, String>)>,
    /// What is asked of each of them.
    pub asked: Vec<Asked>,
    /// Seconds it took.
    pub seconds: f64,
    /// Files that models wrote: name and text.
    pub files: BTreeMap<String, String>,
    /// Where the time went.
    pub spent: Ledger,
}

impl Outcome {
    /// Measures with what is asked of them: name, value or reason, expectation.
    pub fn figures(&self) -> impl Iterator<Item = (&str, &Result<f64, String>, Asked)> {
        self.measures.iter().zip(&self.asked).map(|((name, value), asked)| (name.as_str(), value, *asked))
    }
}

/// Whether a measure has a value, and the one that is asked for.
pub fn met(value: &Result<f64, String>, asked: Asked) -> bool {
    value.as_ref().is_ok_and(|v| asked.met(*v))
}

/// A deck whose analyses have run.
pub struct Simulation {
    /// The equations.
    pub mna: Mna,
    /// Outcomes: members of the family in order, in each of them the analyses in order.
    pub members: Vec<Vec<Outcome>>,
}

/// An analysis and the card that it was made from.
pub type Card = (Args, Box<dyn Analysis>);

/// Reads a deck up to its equations.
///
/// # Errors
/// The diagnostics, of which at least one is an error.
pub fn prepare(deck: &Path, sets: &[(String, f64)], sources: &mut Sources) -> Result<(Mna, Vec<Diagnostic>), Vec<Diagnostic>> {
    let file = match sources.load(deck) {
        Ok(file) => file,
        Err(error) => {
            return Err(vec![Diagnostic::anywhere(format!("cannot read {}: {error}", deck.display()))]);
        }
    };
    let (tree, mut diagnostics) = clock::span(Phase::Read, || crate::netlist::parse_with(sources, file, sets));
    clock::span(Phase::Elaborate, || {
        let (circuit, more) = elaborate(&tree, &mut Library::new(), sources, sets);
        diagnostics.extend(more);
        // The tree of a large deck takes as much memory as its equations.
        drop(tree);
        built(circuit, diagnostics, sources)
    })
}

fn built(
    circuit: Option<Circuit>,
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
) -> Result<(Mna, Vec<Diagnostic>), Vec<Diagnostic>> {
    match circuit {
        Some(circuit) if !diag::has_errors(&diagnostics) => {
            let analyses: Vec<&str> = circuit.analyses.iter().map(|a| a.keyword.as_str()).collect();
            diagnostics.extend(circuit.models.iter().flat_map(|m| lint::on_use(m, &analyses, sources)));
            equations(circuit, diagnostics)
        }
        _ => Err(diagnostics),
    }
}

fn equations(circuit: Circuit, mut diagnostics: Vec<Diagnostic>) -> Result<(Mna, Vec<Diagnostic>), Vec<Diagnostic>> {
    match Mna::new(circuit) {
        Ok(mna) => Ok((mna, diagnostics)),
        Err(errors) => {
            diagnostics.extend(errors);
            Err(diagnostics)
        }
    }
}

/// The analyses of a circuit with their arguments checked; an operating point if the deck asks for nothing.
///
/// # Errors
/// What is wrong with a card.
pub fn analyses(mna: &Mna) -> Result<Vec<Card>, Vec<Diagnostic>> {
    let mut out: Vec<Card> = Vec::new();
    let mut errors = Vec::new();
    let op = Args { keyword: "op".into(), span: Span::default(), items: Vec::<Arg>::new() };
    let asked = &mna.circuit().analyses;
    let all: Vec<&Args> = if asked.is_empty() { vec![&op] } else { asked.iter().collect() };
    for args in all {
        let parsed = match TABLE.iter().find(|e| e.keyword == args.keyword) {
            Some(entry) => (entry.parse)(args, mna).map_err(|e| e.hint(format!("usage: {}", entry.usage))),
            None => Err(Diagnostic::error(args.span, format!("unknown analysis `.{}`", args.keyword))
                .suggest(&args.keyword, TABLE.iter().map(|e| e.keyword))),
        };
        match parsed {
            Ok(analysis) => out.push((args.clone(), analysis)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// Values of the `.step` parameters of every member, outermost slowest; one empty member without `.step`.
fn members(circuit: &Circuit) -> Vec<Vec<(String, f64)>> {
    circuit.steps.iter().fold(vec![Vec::new()], |all, step| {
        let with =
            |keys: Vec<(String, f64)>| step.values.iter().map(move |v| [keys.clone(), vec![(step.name.clone(), *v)]].concat());
        all.into_iter().flat_map(with).collect()
    })
}

/// Everything that runs share.
struct Shared<'a> {
    sources: &'a Mutex<Sources>,
    deck: &'a Path,
    sets: &'a [(String, f64)],
    stop: &'a AtomicBool,
    progress: &'a (dyn Fn(f64) + Sync),
    destination: Destination<'a>,
    /// Number of the member, counted from 0.
    number: usize,
}

/// Runs all analyses of all members; every row stays in memory.
///
/// # Errors
/// Diagnostics about cards and step values.
pub fn simulate(
    mna: Mna,
    deck: &Path,
    sets: &[(String, f64)],
    sources: &Mutex<Sources>,
    stop: &AtomicBool,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Simulation, Vec<Diagnostic>> {
    simulate_into(mna, deck, sets, (sources, stop, progress), Destination::Memory)
}

/// Checks the cards about analyses, measures and plots.
fn check(mna: &Mna) -> Result<Vec<Card>, Vec<Diagnostic>> {
    let analyses = analyses(mna)?;
    report::check_measures(mna)?;
    report::plots(mna)?;
    report::arrays(mna)?;
    Ok(analyses)
}

/// The same with rows that go elsewhere. `surroundings`: texts, the flag that ends the run, and who is told the progress.
fn simulate_into(
    mna: Mna,
    deck: &Path,
    sets: &[(String, f64)],
    surroundings: (&Mutex<Sources>, &AtomicBool, &(dyn Fn(f64) + Sync)),
    destination: Destination,
) -> Result<Simulation, Vec<Diagnostic>> {
    let (sources, stop, progress) = surroundings;
    let analyses = check(&mna)?;
    let members = members(mna.circuit());
    report::check_expectations(&mna, members.len())?;
    let total = (members.len() * analyses.len()) as f64;
    let done = Mutex::new(vec![0.0; members.len()]);
    let one = |(index, keys): (usize, &Vec<(String, f64)>)| {
        let report = |fraction: f64| {
            if let Ok(mut done) = done.lock() {
                done[index] = fraction;
                progress(done.iter().sum::<f64>() / total);
            }
        };
        let shared = Shared { sources, deck, sets, stop, progress: &report, destination, number: index };
        member(&mna, &analyses, keys, &shared)
    };
    let outcomes: Result<Vec<_>, _> = members.par_iter().enumerate().map(one).collect();
    Ok(Simulation { members: outcomes?, mna })
}

fn member(mna: &Mna, analyses: &[Card], keys: &[(String, f64)], shared: &Shared) -> Result<Vec<Outcome>, Vec<Diagnostic>> {
    let mut params = mna.params();
    let mut structure = false;
    for (step, (name, value)) in mna.circuit().steps.iter().zip(keys) {
        let Some(id) = mna.param(name) else {
            return Err(vec![
                Diagnostic::error(step.span, format!("nothing is called `{name}`"))
                    .expected("expected a parameter, source, `temp` or instance parameter"),
            ]);
        };
        let change = mna.assign(&mut params, id, *value).map_err(|e| vec![e.label(step.span, "set here")])?;
        structure |= change == Change::Structure || mna.circuit().card_roots.contains(name);
    }
    if structure {
        return rebuilt(keys, shared);
    }
    Ok(run_all(mna, params, analyses, keys, shared))
}

/// A member whose parameter values change the structure is elaborated anew.
fn rebuilt(keys: &[(String, f64)], shared: &Shared) -> Result<Vec<Outcome>, Vec<Diagnostic>> {
    let mut sets = shared.sets.to_vec();
    sets.extend(keys.iter().cloned());
    let mna = match shared.sources.lock() {
        Ok(mut sources) => prepare(shared.deck, &sets, &mut sources)?.0,
        Err(_) => return Ok(Vec::new()),
    };
    let own = analyses(&mna)?;
    let params = mna.params();
    Ok(run_all(&mna, params, &own, keys, shared))
}

fn run_all(mna: &Mna, params: Params, analyses: &[Card], keys: &[(String, f64)], shared: &Shared) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (number, (args, analysis)) in analyses.iter().enumerate() {
        if shared.stop.load(Ordering::Relaxed) && number > 0 {
            break;
        }
        let progress = |fraction: f64| (shared.progress)(number as f64 + fraction);
        let env = environment(mna.circuit(), params.clone(), keys, shared.stop, &progress);
        let watch = Stopwatch::start();
        let phase = match args.keyword.as_str() {
            "tran" => Phase::Transient,
            "op" => Phase::OperatingPoint,
            _ => Phase::Analysis,
        };
        let names = report::measured_columns(mna, &args.keyword);
        let work = |sink: &mut dyn Sink| clock::scope(|| clock::span(phase, || analysis.run(mna, &env, sink)));
        let Recorded { result, data, spool } = shared.destination.record(&names, work);
        let ((mut summary, result), spent) = result;
        let told = files::replay(std::mem::take(&mut summary.messages));
        summary.messages = told.messages;
        let seconds = watch.read().wall.as_secs_f64();
        let earlier: Vec<(String, f64)> =
            outcomes.iter().flat_map(|o| &o.measures).filter_map(|(n, v)| v.as_ref().ok().map(|v| (n.clone(), *v))).collect();
        let measures = report::evaluate(mna, &args.keyword, &data, &earlier);
        let asked = report::asked(mna, &args.keyword, shared.number);
        // What measures have read is needed no more.
        let data = if matches!(shared.destination, Destination::Memory) { data } else { Dataset { columns: Vec::new(), ..data } };
        outcomes.push(Outcome { summary, data, spool, failure: result.err(), measures, asked, seconds, files: told.files, spent });
    }
    outcomes
}

fn environment<'a>(
    circuit: &Circuit,
    params: Params,
    keys: &[(String, f64)],
    stop: &'a AtomicBool,
    progress: &'a (dyn Fn(f64) + Sync),
) -> Env<'a> {
    let options = &circuit.options;
    Env {
        tolerances: Tolerances {
            reltol: options.reltol.unwrap_or(1e-3),
            trtol: options.trtol.unwrap_or(1.0),
            static_iterations: options.itl1,
            step_iterations: options.itl4,
        },
        reltol_given: options.reltol.is_some(),
        method: options.method.clone(),
        newton: options.newton.map_or(Effort::Auto, |loose| if loose { Effort::Loose } else { Effort::Tight }),
        maxord: options.maxord,
        points_per_period: options.ppp,
        stop,
        progress,
        params,
        keys: keys.to_vec(),
    }
}

/// Runs a deck: simulates, writes files, reports.
pub fn run(deck: &Path, options: &RunOptions, stop: &AtomicBool, progress: &(dyn Fn(&str, f64) + Sync)) -> RunReport {
    let watch = Stopwatch::start();
    let sources = Mutex::new(Sources::new(Box::new(Disk)));
    let name = deck.display().to_string();
    progress(&format!("{name}: reading and elaborating"), 0.0);
    let (prepared, mut phases) =
        clock::scope(|| prepare(deck, &options.sets, &mut sources.lock().expect("no thread has panicked yet")));
    let (mna, warnings) = match prepared {
        Ok(prepared) => prepared,
        Err(errors) => return refused(&errors, &sources),
    };
    let mut outputs = match check(&mna).and_then(|_| open(&mna, deck, options)) {
        Ok(outputs) => outputs,
        Err(errors) => return refused(&[warnings, errors].concat(), &sources),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build();
    progress(&format!("{name}: operating point"), 0.0);
    let work = || simulate_into(mna, deck, &options.sets, (&sources, stop, &|f| progress(&name, f)), outputs.destination());
    let simulating = Stopwatch::start();
    let (result, threads) = match pool {
        Ok(pool) => (pool.install(work), pool.current_num_threads()),
        Err(_) => (work(), 1),
    };
    let simulation = match result {
        Ok(simulation) => simulation,
        Err(errors) => return refused(&[warnings, errors].concat(), &sources),
    };
    phases += shares(&simulation, simulating.read());
    let mut report = RunReport { diagnostics: render(&warnings, &sources), ..RunReport::default() };
    let sources = sources.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report.exit = exit_code(&simulation, options.strict);
    report.text = report::text(&simulation, deck, &sources, options.quiet);
    report.diagnostics.push_str(&report::failures(&simulation, &sources));
    progress(&format!("{name}: writing"), 1.0);
    let (written, writing) = clock::scope(|| clock::span(Phase::Write, || write(&simulation, &mut outputs)));
    phases += writing;
    match written {
        Ok(files) => report.files = files,
        Err(error) => {
            report.diagnostics.push_str(&format!("error: writing results: {error}\n"));
            report.exit = report.exit.max(1);
        }
    }
    report.text.push_str(&report::notes(outputs.files().notes(), options.quiet));
    report.text.push_str(&report::file_list(&report.files, options.quiet));
    let cost = cost::Cost { phases, total: watch.read(), memory: cost::peak_memory(), threads };
    if !options.quiet {
        report.text.push_str(&cost::line(&cost));
    }
    if options.stats {
        report.stats = cost::json(&cost, &simulation, deck, report.exit);
    }
    report
}

/// Where the time of all analyses together went.
fn shares(simulation: &Simulation, whole: clock::Spent) -> Ledger {
    let mut sum = Ledger::default();
    simulation.members.iter().flatten().for_each(|o| sum += o.spent);
    if simulation.members.len() > 1 { sum.scaled_to(whole) } else { sum }
}

fn exit_code(simulation: &Simulation, strict: bool) -> u8 {
    let outcomes = || simulation.members.iter().flatten();
    let failed = outcomes().any(|o| o.failure.is_some());
    let complained =
        outcomes().flat_map(|o| &o.summary.messages).any(|m| matches!(m.kind, MessageKind::Error | MessageKind::Fatal));
    let missed = strict && outcomes().flat_map(Outcome::figures).any(|(_, value, asked)| !met(value, asked));
    u8::from(failed || complained || missed)
}

/// Files of a run.
struct Open {
    outputs: Mutex<Outputs>,
    /// Where members of a family wait.
    store: Option<Arc<Store>>,
    folder: PathBuf,
}

impl Open {
    fn destination(&self) -> Destination<'_> {
        match &self.store {
            Some(store) => Destination::Aside(store),
            None => Destination::Files(&self.outputs),
        }
    }

    fn files(&mut self) -> &mut Outputs {
        self.outputs.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn open(mna: &Mna, deck: &Path, options: &RunOptions) -> Result<Open, Vec<Diagnostic>> {
    let circuit = mna.circuit();
    let stem = deck.file_stem().map_or_else(|| "deck".to_string(), |s| s.to_string_lossy().into_owned());
    let folder = options.output.clone().unwrap_or_else(|| Path::new("out").join(&stem));
    let request = Request {
        folder: folder.clone(),
        stem,
        title: circuit.title.clone(),
        plots: report::plots(mna)?,
        family: if circuit.steps.is_empty() { Vec::new() } else { members(circuit) },
        units: mna.step_units(),
        arrays: report::arrays(mna)?,
        grid: grid(circuit),
        dropped: dropped(circuit),
    };
    let wrong = |text: String| vec![Diagnostic::anywhere(text)];
    let outputs = output::open(&options.formats, options.plots, &request).map_err(wrong)?;
    let family = members(circuit).len() > 1;
    let store = if family { Some(Store::new(&folder)) } else { None };
    let store = store.transpose().map_err(|error| wrong(format!("writing results: {}: {error}", folder.display())))?;
    Ok(Open { outputs: Mutex::new(outputs), store, folder })
}

/// Step of the rows in files: that of the transient, where `.options interp` asks for it.
fn grid(circuit: &Circuit) -> Option<f64> {
    let card = circuit.analyses.iter().find(|args| circuit.options.interp && args.keyword == "tran")?;
    card.number(0, "a time step").ok().filter(|step| *step > 0.0)
}

fn write(simulation: &Simulation, open: &mut Open) -> Result<Vec<PathBuf>, String> {
    let folder = open.folder.clone();
    let outputs = open.files();
    let count = simulation.members.iter().map(Vec::len).max().unwrap_or(0);
    // All members of one analysis follow one another, as a family.
    for analysis in 0..count {
        for spool in simulation.members.iter().filter_map(|m| m.get(analysis)?.spool.as_ref()) {
            spool.replay(outputs).map_err(|e| e.to_string())?;
        }
    }
    for measures in family::measures(simulation) {
        measures.replay(outputs).map_err(|e| e.to_string())?;
    }
    let mut files = outputs.finish().map_err(|e| e.to_string())?;
    for (name, text) in model_files(simulation) {
        let path = folder.join(&name);
        if files.contains(&path) {
            return Err(format!("a model writes to {}, which holds results", path.display()));
        }
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, text)).map_err(|e| format!("{}: {e}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

/// Files that models wrote. Where several analyses wrote one of the same name, each gets its own: `log.tran-2.txt`.
fn model_files(simulation: &Simulation) -> Vec<(String, &String)> {
    let all = || simulation.members.iter().enumerate().flat_map(|(member, outcomes)| outcomes.iter().map(move |o| (member, o)));
    let mut written: Vec<(String, &String)> = Vec::new();
    for (member, outcome) in all() {
        for (name, text) in &outcome.files {
            let alone = all().filter(|(_, o)| o.files.contains_key(name)).count() == 1;
            let analysis = &outcome.summary.analysis;
            let mark = if simulation.members.len() > 1 { format!("{analysis}-{}", member + 1) } else { analysis.clone() };
            let mut own = if alone { name.clone() } else { marked(name, &mark) };
            for again in 2.. {
                if written.iter().all(|(n, _)| *n != own) {
                    break;
                }
                own = marked(name, &format!("{mark}-{again}"));
            }
            written.push((own, text));
        }
    }
    written
}

/// `log.txt` with a mark: `log.tran.txt`.
fn marked(name: &str, mark: &str) -> String {
    let folder = name.rfind('/').map_or(0, |k| k + 1);
    match name[folder..].rfind('.').filter(|k| *k > 0) {
        Some(k) => format!("{}.{mark}{}", &name[..folder + k], &name[folder + k..]),
        None => format!("{name}.{mark}"),
    }
}

/// Columns that the deck needs but does not save.
fn dropped(circuit: &Circuit) -> Vec<String> {
    let mut saved = vec![false; circuit.outputs.len()];
    circuit.saved.iter().for_each(|k| saved[*k as usize] = true);
    let hidden = circuit.outputs.iter().zip(saved).filter(|(output, saved)| !saved && output.kind != OutputKind::Own);
    hidden.map(|(output, _)| output.name.clone()).collect()
}

fn refused(errors: &[Diagnostic], sources: &Mutex<Sources>) -> RunReport {
    RunReport { diagnostics: render(errors, sources), exit: 2, ..RunReport::default() }
}

fn render(diagnostics: &[Diagnostic], sources: &Mutex<Sources>) -> String {
    sources.lock().map_or_else(|_| String::new(), |s| diag::render(diagnostics, &s, false))
}
