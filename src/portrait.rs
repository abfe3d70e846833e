//! `memspice models NAME --iv --drm --pulse`: the standard portraits of a device, without a deck.
//!
//! name → model or card → settings (given, of the model, or found by trials) → a deck for each portrait, written beside its
//! plots and run like any other. Portraits are for devices of two terminals; further terminals are grounded.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::catalogue::{Card, Catalogue, Item};
use crate::clock::Stopwatch;
use crate::diag;
use crate::run::{self, Outcome, RunOptions, RunReport};
use crate::span::{MemoryFiles, Sources};
use crate::units::engineering;

mod decks;
mod pulses;
mod settings;

pub use settings::{Settings, parse as settings_of};

/// What the command line asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Options {
    /// Loops of current and voltage.
    pub iv: bool,
    /// Dynamic route map of each state.
    pub drm: bool,
    /// Conductance under a train of pulses.
    pub pulse: bool,
    /// Where files go; `None`: `out/models/<name>`.
    pub output: Option<PathBuf>,
    /// Parameters of the device, as written.
    pub sets: Vec<(String, String)>,
    /// What is given on the command line.
    pub settings: Settings,
}

/// The device that is drawn.
struct Subject {
    item: Item,
    card: Option<Card>,
    /// The line of the deck, between `n` and ground.
    instance: String,
    /// Name of the model or card as given.
    name: String,
}

impl Subject {
    fn new(item: Item, card: Option<Card>, sets: &[(String, String)]) -> Result<Subject, String> {
        let name = card.as_ref().map_or_else(|| item.model.name.clone(), |c| c.name.clone());
        let ports: Vec<&str> = item.model.unknowns[..item.model.ports].iter().map(|u| u.name.as_str()).collect();
        let Some((plus, minus)) = ends(&ports) else {
            let terminals = ports.join(" ");
            let hint =
                "portraits are for devices of two terminals, which may have others that are grounded; draw this one by a deck";
            return Err(format!("error: `{name}` has the terminals {terminals}\n  hint: {hint}\n"));
        };
        let node = |k: usize| if k == plus { "n" } else { "0" };
        let nodes: Vec<&str> = (0..ports.len()).map(node).collect();
        debug_assert!(plus != minus);
        let sets: String = sets.iter().map(|(n, v)| format!(" {n}={v}")).collect();
        let instance = format!("X1 {} {name}{sets}", nodes.join(" "));
        Ok(Subject { item, card, instance, name })
    }

    /// Names of its states.
    fn states(&self) -> Vec<&str> {
        self.item.states.iter().map(|s| self.item.model.unknowns[s.row].name.as_str()).collect()
    }

    /// The same with one element of each vector: a bank of domains is told by one of them.
    fn plain_states(&self) -> Vec<&str> {
        let all = self.states();
        let bank = |s: &&str| s.ends_with(']');
        let first = all.iter().copied().find(bank);
        all.into_iter().filter(|s| !bank(s) || first == Some(*s)).collect()
    }

    /// Where a state is meant to be.
    fn bounds(&self, state: &str) -> (f64, f64) {
        let found = self.item.model.unknowns.iter().find(|u| u.name == state);
        found.map_or((f64::NEG_INFINITY, f64::INFINITY), |u| u.bounds)
    }

    /// It forgets by itself: none of its states is kept.
    fn volatile(&self) -> bool {
        !self.item.states.iter().any(|s| s.held)
    }
}

/// Positions of the two ends of a device among its terminals.
fn ends(ports: &[&str]) -> Option<(usize, usize)> {
    const PAIRS: [(&str, &str); 5] = [("p", "n"), ("p_", "n_"), ("t", "b"), ("a", "c"), ("d", "s")];
    if let [_, _] = ports {
        return Some((0, 1));
    }
    let at = |name: &str| ports.iter().position(|p| p.eq_ignore_ascii_case(name));
    // A transistor is no device of two terminals.
    let gated = at("g").is_some() && at("p").is_none();
    PAIRS.iter().find_map(|(a, b)| Some((at(a)?, at(b)?))).filter(|_| !gated)
}

/// Draws the portraits that are asked for.
pub fn portraits(name: &str, options: &Options, stop: &AtomicBool) -> RunReport {
    let refused = |diagnostics: String| RunReport { diagnostics, exit: 2, ..RunReport::default() };
    let subject = match Catalogue::new().find(name).and_then(|(item, card)| Subject::new(item, card, &options.sets)) {
        Ok(subject) => subject,
        Err(message) => return refused(message),
    };
    let settings = match settings::settle(&subject, &options.settings, stop) {
        Ok(settings) => settings,
        Err(message) => return refused(message),
    };
    let folder = options.output.clone().unwrap_or_else(|| Path::new("out/models").join(&subject.name));
    let mut report = RunReport::default();
    let _ = writeln!(report.text, "{}: {}", subject.name, subject.item.summary());
    let _ = writeln!(report.text, "  {}", settings.told);
    if options.iv {
        let deck = decks::loops(&subject, &settings, stop);
        draw(&subject, ("iv", &deck), &folder, stop, &mut report);
    }
    if options.drm {
        let maps = decks::maps(&subject, &settings, stop);
        if subject.states().is_empty() {
            let _ = writeln!(report.text, "  it has no state: no route map");
        }
        for (file, deck) in maps {
            draw(&subject, (&file, &deck), &folder, stop, &mut report);
        }
    }
    if options.pulse {
        pulses::draw(&subject, &settings, &folder, stop, &mut report);
    }
    report.text.push_str(&crate::report::file_list(&report.files, false));
    report
}

/// Writes a deck, runs it, keeps its plots and what it has to say.
fn draw(subject: &Subject, (file, deck): (&str, &str), folder: &Path, stop: &AtomicBool, report: &mut RunReport) {
    let path = folder.join(format!("{file}.cir"));
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&path, deck)) {
        let _ = writeln!(report.diagnostics, "error: cannot write {}: {error}", path.display());
        report.exit = report.exit.max(1);
        return;
    }
    let options = RunOptions { output: Some(folder.to_path_buf()), formats: vec!["svg".to_string()], ..RunOptions::default() };
    let own = run::run(&path, &options, stop, &|_, _| {});
    report.exit = report.exit.max(own.exit);
    report.diagnostics.push_str(&own.diagnostics);
    let notes = own.text.lines().filter_map(|l| l.strip_prefix("    note: "));
    notes.for_each(|note| _ = writeln!(report.text, "  {note}"));
    if own.files.is_empty() && own.exit == 0 {
        let _ = writeln!(report.text, "  {file}: nothing to draw of {}", subject.name);
    }
    report.files.push(path);
    report.files.extend(own.files);
}

/// Runs a deck that stands in no file for at most `longest` seconds, every row in memory.
///
/// # Errors
/// Diagnostics, rendered.
fn try_out(deck: &str, longest: f64, stop: &AtomicBool) -> Result<Vec<Vec<Outcome>>, String> {
    let path = Path::new("portrait.cir");
    let mut files = MemoryFiles::default();
    files.0.insert(path.to_path_buf(), deck.as_bytes().to_vec());
    let mut sources = Sources::new(Box::new(files));
    let mna = match run::prepare(path, &[], &mut sources) {
        Ok((mna, _)) => mna,
        Err(errors) => return Err(diag::render(&errors, &sources, false)),
    };
    let sources = Mutex::new(sources);
    let (late, over, watch) = (AtomicBool::new(false), AtomicBool::new(false), Stopwatch::start());
    // A run that is stuck reports no progress: somebody else has to look at the clock.
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if stop.load(Ordering::Relaxed) || watch.read().wall.as_secs_f64() > longest {
                    late.store(true, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let done = run::simulate(mna, path, &[], &sources, &late, &|_| {});
        over.store(true, Ordering::Relaxed);
        done
    });
    let sources = sources.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.map(|simulation| simulation.members).map_err(|errors| diag::render(&errors, &sources, false))
}

/// A number with its unit, for titles: `1 MHz`.
fn quantity(value: f64, unit: &str) -> String {
    let text = engineering(value, 3);
    let (digits, prefix) = text.split_once(' ').unwrap_or((&text, ""));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits} {prefix}{unit}")
}
