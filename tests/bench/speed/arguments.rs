//! What `cargo bench --bench speed --` takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cases::{CASES, Case, Size};

/// Printed by `--help`.
pub const HELP: &str = "\
cargo bench --bench speed -- [options]
  --cases a,b      only these cases (--list names them); a name may end in * ; large ones are run if named
  --large --huge   rows of minutes and gigabytes as well
  --runs N         runs of each case, of which the median counts [5]; long ones are run less often
  --ngspice        in alternation with `ngspice -b` of the same circuit: ratios of medians, differences of waveforms
  --tight          differences from our own run with Radau's method at reltol 1e-6; comes with --ngspice
  --threads N      threads of memspice [1]
  --memspice FILE  the program to be measured [the release build]
  --against FILE   in alternation with another build of memspice
  --scaling        time and memory of crossbars over N, as netlists/bench/scaling.svg
  --markdown       the tables alone, without the lines on the way
  --list           names of the cases
";

/// The arguments.
pub struct Arguments {
    /// Cases to run.
    pub cases: Vec<&'static Case>,
    /// Largest size asked for.
    pub size: Size,
    /// Runs of each case.
    pub runs: usize,
    /// Compare with ngspice.
    pub ngspice: bool,
    /// Compare with tight tolerances.
    pub tight: bool,
    /// Threads of memspice.
    pub threads: usize,
    /// Program to be measured.
    pub memspice: PathBuf,
    /// Another build.
    pub against: Option<PathBuf>,
    /// Draw the scaling plot.
    pub scaling: bool,
    /// Tables only.
    pub markdown: bool,
}

impl Arguments {
    /// Whether a build knows `--stats`.
    pub fn statistics(&self, program: &Path) -> bool {
        let help = Command::new(program).arg("--help").output();
        help.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("--stats"))
    }
}

/// Reads the arguments; cargo's own `--bench` is passed over.
///
/// # Errors
/// What is to be printed instead of a run.
pub fn read(words: &[String]) -> Result<Arguments, String> {
    let mut out = Arguments {
        cases: Vec::new(),
        size: Size::Standard,
        runs: 5,
        ngspice: false,
        tight: false,
        threads: 1,
        memspice: PathBuf::from(env!("CARGO_BIN_EXE_memspice")),
        against: None,
        scaling: false,
        markdown: false,
    };
    let mut names: Vec<String> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{HELP}"));
        match word.as_str() {
            "--bench" => {}
            "--cases" => names = value()?.split(',').map(String::from).collect(),
            "--runs" => out.runs = value()?.parse().map_err(|_| HELP)?,
            "--threads" => out.threads = value()?.parse().map_err(|_| HELP)?,
            "--memspice" => out.memspice = PathBuf::from(value()?),
            "--against" => out.against = Some(PathBuf::from(value()?)),
            "--large" => out.size = Size::Large,
            "--huge" => out.size = Size::Huge,
            "--ngspice" => (out.ngspice, out.tight) = (true, true),
            "--tight" => out.tight = true,
            "--scaling" => out.scaling = true,
            "--markdown" => out.markdown = true,
            "--list" => return Err(CASES.iter().map(|c| format!("{:<10} {}\n", c.name, c.title)).collect()),
            "--help" => return Err(HELP.to_string()),
            other => return Err(format!("{other} is not known\n{HELP}")),
        }
    }
    let named = |c: &&Case| names.iter().any(|n| n.strip_suffix('*').map_or(c.name == n, |head| c.name.starts_with(head)));
    out.cases = match names.is_empty() {
        true => CASES.iter().filter(|c| c.size <= out.size).collect(),
        false => CASES.iter().filter(named).collect(),
    };
    if out.cases.is_empty() { Err(format!("no case of that name\n{HELP}")) } else { Ok(out) }
}
