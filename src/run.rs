//! The pipeline from files to a report: what `memspice run`, `check`, `show` and `models` do.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

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
    /// A failed measure makes exit code 1.
    pub strict: bool,
    /// Number of threads; `None`: one for each processor.
    pub threads: Option<usize>,
    /// Whether plots are drawn.
    pub plots: bool,
}

impl Default for RunOptions {
    fn default() -> RunOptions {
        RunOptions { output: None, formats: Vec::new(), sets: Vec::new(), quiet: false, strict: false, threads: None, plots: true }
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
}

/// Runs a deck.
pub fn run(deck: &Path, _: &RunOptions, _: &AtomicBool, _: &(dyn Fn(&str, f64) + Sync)) -> RunReport {
    unfinished(&deck.display().to_string())
}

/// Everything that can be known of decks and Verilog-A files without simulating.
pub fn check(files: &[PathBuf]) -> RunReport {
    unfinished(&files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "))
}

/// Tree, equations, derivatives, unknowns and matrix pattern of a file.
pub fn show(file: &Path) -> RunReport {
    unfinished(&file.display().to_string())
}

/// All models, or the documentation of one.
pub fn models(name: Option<&str>) -> RunReport {
    unfinished(name.unwrap_or("models"))
}

fn unfinished(what: &str) -> RunReport {
    RunReport { diagnostics: format!("{what}: the pipeline is not connected yet\n"), exit: 2, ..RunReport::default() }
}
