//! Runs a program and says what it cost: CPU seconds, seconds by the clock, peak memory.
//!
//! A small process of this bench stands between: the peak memory that the system notes for a process counts what its parent
//! held when it was made, and this one holds waveforms.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a run cost.
#[derive(Clone, Default)]
pub struct Spent {
    /// User and system time, s.
    pub cpu: f64,
    /// s.
    pub wall: f64,
    /// Peak memory, MiB.
    pub memory: f64,
    /// What it printed.
    pub said: String,
}

/// The first argument of the process between.
pub const MEASURE: &str = "--measure";

/// Runs a program; one that takes longer than `patience` is ended.
///
/// # Errors
/// If it could not be run, was ended, or failed; with the end of what it said.
pub fn run(program: &Path, arguments: &[String], patience: Duration) -> Result<Spent, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(own);
    command.arg(MEASURE).arg(patience.as_secs().to_string()).arg(program).args(arguments);
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let (said, costs) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let numbers: Vec<f64> = costs.split(' ').filter_map(|w| w.parse().ok()).collect();
    let [cpu, wall, memory, code] = numbers[..] else { return Err(format!("{}: could not be run: {text}", program.display())) };
    if code != 0.0 {
        let told = if complaint.is_empty() { said } else { &complaint };
        let tail: Vec<&str> = told.lines().rev().take(6).collect();
        let why = if wall >= patience.as_secs_f64() { "took too long".to_string() } else { format!("failed with {code}") };
        return Err(format!("{} {why}: {}", program.display(), tail.into_iter().rev().collect::<Vec<_>>().join(" / ")));
    }
    Ok(Spent { cpu, wall, memory, said: said.to_string() })
}

/// What the process between does: runs, passes on what is said, and prints the costs as its last line.
///
/// # Errors
/// What the system says.
pub fn measure(arguments: &[String]) -> io::Result<()> {
    let [patience, program, rest @ ..] = arguments else { return Err(io::Error::other("too few arguments")) };
    let patience = Duration::from_secs(patience.parse().unwrap_or(600));
    let begin = Instant::now();
    let mut child = Command::new(program).args(rest).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let id = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    std::thread::spawn(move || {
        std::thread::sleep(patience);
        // SAFETY: a call without pointers; the child has not been waited for as long as this process lives.
        unsafe { libc::kill(id, libc::SIGKILL) };
    });
    let mut said = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut said)?;
    }
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to values that live until the call returns.
    let waited = unsafe { libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr()) };
    if waited != id {
        return Err(io::Error::last_os_error());
    }
    let wall = begin.elapsed().as_secs_f64();
    // SAFETY: zeroes are a value of this type, and `wait4` has filled it.
    let usage = unsafe { usage.assume_init() };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + 1e-6 * t.tv_usec as f64;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    println!("{said}\n{cpu} {wall} {} {status}", usage.ru_maxrss as f64 / 1024.0);
    Ok(())
}
