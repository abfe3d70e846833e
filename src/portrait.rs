//! `memspice models NAME --iv --drm --pulse`: the standard portraits of a device, without a deck.
//!
//! name → model or card → words (given, of the card, of the model) → the circuit around it → voltages and times (said, or found
//! by trials) → a deck for each portrait, written beside its plots and run like any other.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::clock::Stopwatch;
use crate::diag;
use crate::run::{self, Outcome, RunOptions, RunReport};
use crate::span::{MemoryFiles, Sources};

mod decks;
mod maps;
mod pulses;
mod settings;
mod subject;
mod words;

use settings::Settled;
use subject::{Subject, quantity};

pub use subject::drawable;
pub use words::{Settings, parse as settings_of};

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
    /// What is given on the command line, number by number.
    pub settings: Settings,
    /// The same as words of the attribute.
    pub words: String,
}

/// Draws the portraits that are asked for.
pub fn portraits(name: &str, options: &Options, stop: &AtomicBool) -> RunReport {
    let refused = |diagnostics: String| RunReport { diagnostics, exit: 2, ..RunReport::default() };
    let (subject, settings) = match prepare(name, options, stop) {
        Ok(found) => found,
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
    if options.drm && subject.states().is_empty() {
        let _ = writeln!(report.text, "  it has no state: no route map");
    }
    let maps = if options.drm { maps::maps(&subject, &settings, stop) } else { Vec::new() };
    for (state, map) in maps {
        match map {
            Ok(deck) => draw(&subject, (&format!("drm-{state}"), &deck), &folder, stop, &mut report),
            Err(why) => _ = writeln!(report.text, "  no route map of {state}: {why}"),
        }
    }
    let traceless = settings.pulses == 0 || subject.states().is_empty() && subject.show.is_none();
    if options.pulse && traceless {
        let _ = writeln!(report.text, "  pulses leave nothing behind: no pulse response");
    } else if options.pulse {
        pulses::draw(&subject, &settings, &folder, stop, &mut report);
    }
    report.text.push_str(&crate::report::file_list(&report.files, false));
    report
}

/// The device in its circuit, and how it is driven.
fn prepare(name: &str, options: &Options, stop: &AtomicBool) -> Result<(Subject, Settled), String> {
    let (item, card) = Catalogue::new().find(name)?;
    let words = words::parse(&options.words).map_err(|what| format!("error: --portrait: {what}\n"))?;
    let known = settings::known(&item, card.as_ref(), &options.settings.or(&words))?;
    let subject = Subject::new(item, card.as_ref(), &known, &options.sets)?;
    let settled = settings::settle(&subject, &known, stop)?;
    Ok((subject, settled))
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
