//! One deck of the gallery: a process of its own, so that whatever becomes of it the others go on, with what it left behind.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::circuit::expect::Asked;
use crate::clock::Stopwatch;
use crate::gallery::head::{self, Head};

/// A deck that is to be run.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// Its file.
    pub deck: PathBuf,
    /// Folder that it stands in, for the index: `logic`.
    pub group: String,
    /// Its name without ending.
    pub stem: String,
    /// What its head says.
    pub head: Head,
}

impl Job {
    /// Reads the head of a deck; a deck that cannot be read has none, and its run will say why.
    pub fn new(deck: &Path, group: &str) -> Job {
        let text = fs::read(deck).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let stem = deck.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        Job { deck: deck.to_path_buf(), group: group.to_string(), stem, head: head::read(&text) }
    }

    /// `logic/imply`: what it is called everywhere.
    pub fn name(&self) -> String {
        format!("{}/{}", self.group, self.stem)
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With an exit code.
    Code(i32),
    /// It was ended because it took too long.
    TimeOut,
    /// The user ended all.
    Stopped,
    /// It was ended by the system, or never began.
    Crash(String),
}

/// One number that a deck measures.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// Name of the measure.
    pub name: String,
    /// Values of `.step` parameters.
    pub keys: Vec<(String, f64)>,
    /// The number, or why there is none.
    pub value: Result<f64, String>,
    /// Its unit; empty where there is none or it is not known.
    pub unit: String,
    /// What was asked for.
    pub asked: Asked,
    /// Whether what was found is what was asked for.
    pub passed: bool,
}

impl Found {
    /// Whether anything was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked != Asked::Nothing
    }
}

/// A deck that has run.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// The deck.
    pub job: Job,
    /// How it ended.
    pub end: End,
    /// Seconds by the clock.
    pub seconds: f64,
    /// What `--stats` tells; null where the run did not get so far.
    pub stats: Value,
    /// Its measures.
    pub found: Vec<Found>,
    /// What it wrote to standard error.
    pub messages: String,
    /// Its plots, in order of their names.
    pub plots: Vec<PathBuf>,
}

impl Done {
    /// Whether it ran to its end.
    pub fn ran(&self) -> bool {
        self.end == End::Code(0)
    }

    /// Figures that were asked for, and those of them that were found.
    pub fn score(&self) -> (usize, usize) {
        let asked = || self.found.iter().filter(|f| f.is_asked());
        (asked().count(), asked().filter(|f| f.passed).count())
    }

    /// Why it did not run to its end, in one line.
    pub fn trouble(&self) -> Option<String> {
        let line = self.messages.lines().find(|l| l.starts_with("error")).map(|l| format!(": {l}")).unwrap_or_default();
        match &self.end {
            End::Code(0) => None,
            End::Code(code) => Some(format!("exit code {code}{line}")),
            End::TimeOut => Some("ended because it took too long".to_string()),
            End::Stopped => Some("stopped".to_string()),
            End::Crash(how) => Some(format!("{how}{line}")),
        }
    }
}

/// How decks are run.
#[derive(Clone, PartialEq, Debug)]
pub struct Runner {
    /// The program.
    pub program: PathBuf,
    /// Folder of the gallery.
    pub folder: PathBuf,
    /// Seconds that one deck may take.
    pub longest: f64,
}

impl Runner {
    /// Runs a deck to its end, or to that of its time.
    pub fn run(&self, job: &Job, stop: &AtomicBool) -> Done {
        let folder = self.folder.join(&job.group).join(&job.stem);
        // Plots of an earlier run must not be taken for those of this one.
        let _ = fs::remove_dir_all(&folder);
        let watch = Stopwatch::start();
        let end = match self.start(job, &folder) {
            Ok(child) => self.wait(child, &watch, stop),
            Err(error) => End::Crash(format!("cannot run: {error}")),
        };
        let stats = fs::read_to_string(folder.join("stats.json")).ok().and_then(|text| serde_json::from_str(&text).ok());
        let stats: Value = stats.unwrap_or_default();
        let messages = fs::read(folder.join("messages.txt")).unwrap_or_default();
        Done {
            job: job.clone(),
            end,
            seconds: watch.read().wall.as_secs_f64(),
            found: found(&stats),
            stats,
            messages: String::from_utf8_lossy(&messages).into_owned(),
            plots: plots(&folder),
        }
    }

    fn start(&self, job: &Job, folder: &Path) -> io::Result<Child> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&job.deck).arg("--output").arg(folder).args(["--format", "svg", "--threads", "1"]);
        command.arg("--stats").arg(folder.join("stats.json"));
        command.stdin(Stdio::null());
        command.stdout(File::create(folder.join("report.txt"))?);
        command.stderr(File::create(folder.join("messages.txt"))?);
        command.spawn()
    }

    fn wait(&self, mut child: Child, watch: &Stopwatch, stop: &AtomicBool) -> End {
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    let crash = || End::Crash(format!("ended by the system ({status})"));
                    return status.code().map_or_else(crash, |code| if code == 101 { crash() } else { End::Code(code) });
                }
                Err(error) => return End::Crash(format!("lost: {error}")),
                Ok(None) => {}
            }
            let late = watch.read().wall.as_secs_f64() > self.longest;
            if late || stop.load(Ordering::Relaxed) {
                let _ = child.kill();
                let _ = child.wait();
                return if late { End::TimeOut } else { End::Stopped };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The svg files of a folder.
fn plots(folder: &Path) -> Vec<PathBuf> {
    let mut plots: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    plots.retain(|p| p.extension().is_some_and(|e| e == "svg"));
    plots.sort();
    plots
}

fn asked(stats: &Value) -> Asked {
    let number = |key: &str| stats[key].as_f64();
    match (number("value"), number("above"), number("below")) {
        (Some(value), ..) => Asked::Value(value, number("tolerance").unwrap_or(0.0)),
        (_, Some(bound), _) => Asked::Above(bound),
        (_, _, Some(bound)) => Asked::Below(bound),
        _ => Asked::Nothing,
    }
}

/// Measures out of what `--stats` tells.
fn found(stats: &Value) -> Vec<Found> {
    let text = |v: &Value| v.as_str().map(str::to_string);
    let one = |keys: &[(String, f64)], m: &Value| Found {
        name: text(&m["name"]).unwrap_or_default(),
        keys: keys.to_vec(),
        value: m["value"].as_f64().ok_or_else(|| text(&m["failed"]).unwrap_or_default()),
        unit: text(&m["unit"]).filter(|unit| unit != "1").unwrap_or_default(),
        asked: asked(&m["asked"]),
        passed: m["passed"].as_bool().unwrap_or(false),
    };
    let keys = |a: &Value| -> Vec<(String, f64)> {
        let object = a["keys"].as_object();
        object.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()
    };
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    list(&stats["analyses"])
        .iter()
        .flat_map(|a| {
            let keys = keys(a);
            list(&a["measures"]).iter().map(|m| one(&keys, m)).collect::<Vec<_>>()
        })
        .collect()
}
