//! The results as Markdown.

use std::fmt::Write;
use std::process::Command;

use super::agreement::Difference;
use super::arguments::Arguments;
use super::cases::{Case, Target};
use super::child::Spent;
use super::counts::PHASES;
use super::row::Row;

fn cpu(spent: &Spent) -> f64 {
    spent.cpu
}

fn wall(spent: &Spent) -> f64 {
    spent.wall
}

fn memory(spent: &Spent) -> f64 {
    spent.memory
}

/// Three significant digits, or a dash.
fn short(x: f64) -> String {
    match x {
        x if x.is_nan() => "-".into(),
        x if x >= 100.0 => format!("{x:.0}"),
        x if x >= 10.0 => format!("{x:.1}"),
        x if x >= 1.0 => format!("{x:.2}"),
        x if x >= 0.1 => format!("{x:.3}"),
        x => format!("{x:.4}"),
    }
}

/// CPU model, cores, system, date, programs.
pub fn machine(arguments: &Arguments) -> String {
    let said = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output().ok();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string()).unwrap_or_default()
    };
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(": ")).map_or("unknown", |p| p.1);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = said("ngspice", &["--version"]);
    let peer = version.lines().find_map(|l| l.split_whitespace().find(|w| w.starts_with("ngspice-")));
    let mut out = format!("{}; {model}, {cores} cores, {}", said("date", &["+%Y-%m-%d"]), said("uname", &["-sr"]));
    if let (true, Some(peer)) = (arguments.ngspice, peer) {
        let _ = write!(out, "; {peer}");
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let _ = write!(out, "; load at the end {}", load.split(' ').next().unwrap_or(""));
    out
}

/// The target as text and whether it is met.
fn verdict(case: &Case, row: &Row) -> (String, Option<bool>) {
    let own = row.own.median(cpu);
    let ratio = own / row.peer.median(cpu);
    let judge = |value: f64, limit: f64| (!value.is_nan()).then_some(value <= limit);
    let (mut text, mut met) = match case.target {
        Target::Ratio(limit) => (format!("{limit} x ngspice"), judge(ratio, limit)),
        Target::Seconds(limit) => (format!("{} s", short(limit)), judge(own, limit)),
        Target::Wall(limit) => (format!("{} s by the clock", short(limit)), judge(row.own.median(wall), limit)),
        Target::Open => (String::new(), None),
    };
    if case.memory.is_finite() {
        let _ = write!(text, ", {} MiB", case.memory);
        let held = judge(row.own.median(memory), case.memory);
        met = met.zip(held).map(|(a, b)| a && b);
    }
    (text, met)
}

/// The table of costs.
pub fn costs(rows: &[Row]) -> String {
    let against = rows.iter().any(|r| r.against.count() > 0);
    let mut out = String::from("| case | points | rejected | Newton | factorisations | CPU s | wall s | MiB |");
    out += if against { " other build | ratio |" } else { "" };
    out += " ngspice CPU s | ratio | target | met |\n";
    out += "|---|---|---|---|---|---|---|---|";
    out += if against { "---|---|" } else { "" };
    out += "---|---|---|---|\n";
    for row in rows {
        let (own, peer, c) = (row.own.median(cpu), row.peer.median(cpu), &row.counts);
        let (target, met) = verdict(row.case, row);
        let _ = write!(out, "| {} | {} | {} | {} | {} ", row.case.title, c.points, c.rejected, c.iterations, c.factorisations);
        let _ = write!(out, "| {} | {} | {} |", short(own), short(row.own.median(wall)), short(row.own.median(memory)));
        if against {
            let other = row.against.median(cpu);
            let _ = write!(out, " {} | {} |", short(other), short(own / other));
        }
        let met = met.map_or("", |met| if met { "yes" } else { "no" });
        let _ = writeln!(out, " {} | {} | {target} | {met} |", short(peer), short(own / peer));
    }
    out
}

/// CPU seconds of each phase; nothing if no build says them.
pub fn phases(rows: &[Row]) -> String {
    let known: Vec<&Row> = rows.iter().filter(|r| !r.counts.phases.is_empty()).collect();
    if known.is_empty() {
        return String::new();
    }
    let mut out = format!("| CPU s of | {} |\n|---|{}\n", PHASES.join(" | "), "---|".repeat(PHASES.len()));
    for row in known {
        let times: Vec<String> = row.counts.phases.iter().map(|t| if *t > 0.0 { short(*t) } else { "-".into() }).collect();
        let _ = writeln!(out, "| {} | {} |", row.case.title, times.join(" | "));
    }
    out
}

/// The table of differences; nothing if there are none.
pub fn differences(rows: &[Row]) -> String {
    let all = |row: &Row| [row.from_peer, row.from_tight, row.peer_from_tight, row.both_tight];
    if rows.iter().all(|row| all(row).iter().all(Option::is_none)) {
        return String::new();
    }
    let mut out = String::from(
        "| case | from ngspice | from tight tolerances | ngspice from these | tight ngspice from these |\n|---|---|---|---|---|\n",
    );
    for row in rows.iter().filter(|row| all(row).iter().any(Option::is_some)) {
        let text = |d: Option<Difference>| d.map_or("-".into(), |d| format!("{d}{}", if d.holds() { "" } else { " (!)" }));
        let [a, b, c, d] = all(row).map(text);
        let _ = writeln!(out, "| {} | {a} | {b} | {c} | {d} |", row.case.title);
    }
    out
}

/// One line on the way.
pub fn progress(row: &Row) -> String {
    let (own, peer) = (row.own.median(cpu), row.peer.median(cpu));
    let (_, met) = verdict(row.case, row);
    let mut out =
        format!("{:<10} {} s CPU, {} MiB, {} runs", row.case.name, short(own), short(row.own.median(memory)), row.own.count());
    if row.peer.count() > 0 {
        let _ = write!(out, "; ngspice {} s, ratio {}", short(peer), short(own / peer));
    }
    if row.against.count() > 0 {
        let _ = write!(out, "; other build ratio {}", short(own / row.against.median(cpu)));
    }
    out += match met {
        Some(true) => "; met",
        Some(false) => "; missed",
        None => "",
    };
    for failure in [&row.own, &row.against, &row.peer].into_iter().filter_map(|r| r.failure.as_ref()).chain(&row.remarks) {
        let _ = write!(out, "\n           {failure}");
    }
    out
}
