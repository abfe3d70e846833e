//! `memspice gallery`: runs many decks side by side and writes one page with what must be seen, what was seen, and the
//! figures asked and found.
//!
//! folders and decks → jobs → processes, longest first → `index.html`, `summary.json`, a report. A deck that fails, crashes or
//! takes too long does not stop the others. Nothing here prints.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::clock::Stopwatch;
use crate::gallery::job::{Done, End, Job, Runner};
use crate::run::RunReport;

pub mod head;
pub mod job;
mod page;
pub mod summary;

/// What the command line asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Decks, and folders with decks; empty: the folder `netlists`.
    pub inputs: Vec<PathBuf>,
    /// Where the page goes.
    pub output: PathBuf,
    /// Decks that run at a time; `None`: one for each processor.
    pub jobs: Option<usize>,
    /// Leaves out what is marked as slow.
    pub quick: bool,
    /// Seconds that one deck may take.
    pub longest: f64,
    /// The program that runs a deck.
    pub program: PathBuf,
}

/// How far a gallery is.
pub struct Progress<'a> {
    /// Decks that are done.
    pub done: usize,
    /// All decks.
    pub total: usize,
    /// Fraction of the work that is done, as far as it is known.
    pub fraction: f64,
    /// Seconds left, as far as they are known.
    pub left: Option<f64>,
    /// The deck that has just ended, and how.
    pub last: Option<(&'a str, String)>,
}

/// Folder of decks that measure speed: nothing to see, left out unless it is asked for by name.
const UNSEEN: &str = "bench";

/// Runs the decks and writes the page.
pub fn gallery(options: &Options, stop: &AtomicBool, progress: &(dyn Fn(&Progress) + Sync)) -> RunReport {
    let mut jobs = match jobs(&options.inputs) {
        Ok(jobs) => jobs,
        Err(message) => return RunReport { diagnostics: format!("error: {message}\n"), exit: 2, ..RunReport::default() },
    };
    let skipped: Vec<Job> = jobs.iter().filter(|j| options.quick && j.head.slow.is_some()).cloned().collect();
    jobs.retain(|j| !skipped.contains(j));
    let watch = Stopwatch::start();
    let done = run_all(&jobs, options, stop, progress);
    let outcome = Outcome { done, skipped, seconds: watch.read().wall.as_secs_f64() };
    let files = [("index.html", page::page(&outcome, &options.output)), ("summary.json", summary::json(&outcome))];
    let mut report = RunReport { text: text(&outcome), exit: u8::from(!outcome.good()), ..RunReport::default() };
    for (name, text) in files {
        let path = options.output.join(name);
        match fs::create_dir_all(&options.output).and_then(|()| fs::write(&path, text)) {
            Ok(()) => report.files.push(path),
            Err(error) => {
                let _ = writeln!(report.diagnostics, "error: cannot write {}: {error}", path.display());
                report.exit = 1;
            }
        }
    }
    report.text.push_str(&crate::report::file_list(&report.files, false));
    report
}

/// What became of all decks.
pub struct Outcome {
    /// Those that were run, by group and name.
    pub done: Vec<Done>,
    /// Those that were left out.
    pub skipped: Vec<Job>,
    /// Seconds that it took by the clock.
    pub seconds: f64,
}

impl Outcome {
    /// Figures asked for and found, of all decks.
    pub fn score(&self) -> (usize, usize) {
        self.done.iter().map(Done::score).fold((0, 0), |(a, f), (asked, found)| (a + asked, f + found))
    }

    /// Every run ended well and every figure was found.
    pub fn good(&self) -> bool {
        let (asked, found) = self.score();
        asked == found && self.done.iter().all(Done::ran)
    }
}

/// The decks that paths stand for, ordered by group and name.
///
/// # Errors
/// A sentence that says which path holds no deck.
pub fn jobs(inputs: &[PathBuf]) -> Result<Vec<Job>, String> {
    let usual = [PathBuf::from("netlists")];
    let inputs = if inputs.is_empty() { &usual[..] } else { inputs };
    let mut out: Vec<Job> = Vec::new();
    for input in inputs {
        let mut decks = Vec::new();
        if input.is_dir() {
            walk(input, &mut decks);
        } else if input.is_file() {
            decks.push(input.clone());
        }
        if decks.is_empty() {
            let what = if input.exists() { "holds no deck (*.cir)" } else { "does not exist" };
            let hint = "give folders or decks, or go to the folder that holds `netlists`: decks are not part of the program";
            return Err(format!("{} {what}\n  hint: {hint}", input.display()));
        }
        for deck in decks {
            let job = Job::new(&deck, &group(&deck));
            if out.iter().all(|known| known.deck != job.deck) {
                out.push(job);
            }
        }
    }
    out.sort_by_key(Job::name);
    Ok(out)
}

/// Name of the folder that a deck stands in.
fn group(deck: &Path) -> String {
    let folder = deck.parent().and_then(Path::file_name);
    folder.map_or_else(|| "decks".to_string(), |f| f.to_string_lossy().into_owned())
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && path.file_name().is_none_or(|n| n != UNSEEN) {
            walk(&path, out);
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("cir")) {
            out.push(path);
        }
    }
}

/// Runs all jobs on several threads, each of which waits for one process at a time.
fn run_all(jobs: &[Job], options: &Options, stop: &AtomicBool, progress: &(dyn Fn(&Progress) + Sync)) -> Vec<Done> {
    let earlier = summary::seconds(&options.output.join("summary.json"));
    let expected: Vec<f64> = expected(jobs, &earlier);
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by(|a, b| expected[*b].total_cmp(&expected[*a]));
    let runner = Runner { program: options.program.clone(), folder: options.output.clone(), longest: options.longest };
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let threads = options.jobs.unwrap_or(processors).clamp(1, jobs.len().max(1));
    let watch = Stopwatch::start();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Done)>> = Mutex::new(Vec::new());
    let whole: f64 = expected.iter().sum();
    let tell = |last: Option<&Done>| {
        let Ok(done) = done.lock() else { return };
        let spent: f64 = done.iter().map(|(k, _)| expected[*k]).sum();
        let fraction = if whole > 0.0 { spent / whole } else { 0.0 };
        let seconds = watch.read().wall.as_secs_f64();
        let left = (fraction > 0.02).then(|| seconds * (1.0 - fraction) / fraction);
        let name = last.map(|d| d.job.name()).unwrap_or_default();
        let last = last.map(|d| (name.as_str(), verdict(d)));
        progress(&Progress { done: done.len(), total: jobs.len(), fraction, left, last });
    };
    tell(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(k) = order.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let ended = runner.run(&jobs[k], stop);
                    if let Ok(mut done) = done.lock() {
                        done.push((k, ended.clone()));
                    }
                    tell(Some(&ended));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(k, _)| *k);
    done.into_iter().map(|(_, d)| d).collect()
}

/// Seconds that decks are expected to take: what they took last time, else what their heads say, else as much as most.
fn expected(jobs: &[Job], earlier: &HashMap<String, f64>) -> Vec<f64> {
    let known: Vec<Option<f64>> = jobs.iter().map(|j| earlier.get(&j.name()).copied().or(j.head.slow)).collect();
    let mut seconds: Vec<f64> = known.iter().flatten().copied().collect();
    seconds.sort_by(f64::total_cmp);
    let usual = seconds.get(seconds.len() / 2).copied().unwrap_or(1.0);
    known.into_iter().map(|s| s.unwrap_or(usual).max(0.01)).collect()
}

/// How a deck ended, in a few words.
fn verdict(done: &Done) -> String {
    if let Some(trouble) = done.trouble() {
        return trouble;
    }
    match done.score() {
        (0, _) => format!("{:.2} s", done.seconds),
        (asked, found) => format!("{found} of {asked} figures, {:.2} s", done.seconds),
    }
}

/// What is printed at the end.
fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    let (asked, found) = outcome.score();
    let ran = outcome.done.iter().filter(|d| d.ran()).count();
    let cpu: f64 = outcome.done.iter().filter_map(|d| d.stats["total"]["cpu"].as_f64()).sum();
    let left_out =
        if outcome.skipped.is_empty() { String::new() } else { format!(" ({} slow ones left out)", outcome.skipped.len()) };
    let _ = writeln!(
        out,
        "gallery: {ran} of {} decks ran{left_out}, {found} of {asked} figures found; {cpu:.1} s CPU, {:.1} s by the clock",
        outcome.done.len(),
        outcome.seconds
    );
    let missed: Vec<String> =
        outcome.done.iter().flat_map(|d| missed(d).map(move |line| format!("  {}: {line}", d.job.name()))).collect();
    if !missed.is_empty() {
        let _ = writeln!(out, "missed:\n{}", missed.join("\n"));
    }
    let failed: Vec<String> = outcome.done.iter().filter_map(|d| Some(format!("  {}: {}", d.job.name(), d.trouble()?))).collect();
    if !failed.is_empty() {
        let _ = writeln!(out, "failed:\n{}", failed.join("\n"));
    }
    if outcome.done.iter().any(|d| d.end == End::Stopped) {
        let _ = writeln!(out, "stopped; the page holds what was done before");
    }
    out
}

/// Figures of a deck that were asked for and not found.
fn missed(done: &Done) -> impl Iterator<Item = String> {
    done.found.iter().filter(|f| f.is_asked() && !f.passed).map(|f| {
        let keys: Vec<String> = f.keys.iter().map(|(n, v)| format!("{n} = {v}")).collect();
        let keys = if keys.is_empty() { String::new() } else { format!(" ({})", keys.join(", ")) };
        let found = f.value.as_ref().map_or_else(|why| format!("failed: {why}"), |v| summary::short(*v));
        format!("{}{keys}: asked {}, found {found}", f.name, summary::asked(f.asked))
    })
}
