//! The page: one html file with its style and plots inside, readable by day and by night, no programs in it.
//!
//! Plots stand on white cards, because maps and palettes are made for white. Those of more than [`LARGE`] bytes, and all behind
//! the first [`MOST`] bytes of plots, are shown from their files beside the page. Whatever comes from a deck is escaped.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::gallery::Outcome;
use crate::gallery::head::{Block, LEADS};
use crate::gallery::job::{Done, Found};
use crate::gallery::summary::{self, short};

/// Bytes up to which a plot is part of the page.
const LARGE: usize = 250_000;
/// Bytes of plots that the page holds at most.
const MOST: usize = 30_000_000;
/// Rows that a table of a family shows at once.
const ROWS: usize = 24;

const STYLE: &str = include_str!("style.css");

/// Text that may stand between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What html has no place for.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The html file for a folder.
pub fn page(outcome: &Outcome, folder: &Path) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>memspice gallery</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>memspice gallery</h1>\n"
    );
    overview(outcome, &mut out);
    out.push_str("</header>\n<nav>\n");
    for group in groups(outcome) {
        index(outcome, group, &mut out);
    }
    out.push_str("</nav>\n<main>\n");
    let mut budget = MOST;
    for group in groups(outcome) {
        let _ = writeln!(out, "<h2 id=\"{}\">{}</h2>", anchor(group), escape(group));
        outcome.done.iter().filter(|d| d.job.group == group).for_each(|d| deck(d, folder, &mut budget, &mut out));
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn groups(outcome: &Outcome) -> Vec<&str> {
    let mut groups: Vec<&str> = outcome.done.iter().map(|d| d.job.group.as_str()).collect();
    groups.dedup();
    groups
}

/// A name as the target of a link.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

fn overview(outcome: &Outcome, out: &mut String) {
    let (asked, found) = outcome.score();
    let ran = outcome.done.iter().filter(|d| d.ran()).count();
    let cpu: f64 = outcome.done.iter().filter_map(|d| d.stats["total"]["cpu"].as_f64()).sum();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        out,
        "<p>{ran} of {} decks ran to their end, <strong>{found} of {asked}</strong> figures asked for were found. \
         {} by the clock, {} of processors. memspice {version}.</p>",
        outcome.done.len(),
        time(outcome.seconds),
        time(cpu)
    );
    let bad: Vec<&Done> = outcome.done.iter().filter(|d| state(d) != "pass" && state(d) != "plain").collect();
    if !bad.is_empty() {
        out.push_str("<div class=\"bad\"><strong>To look at</strong><ul>\n");
        for done in bad {
            let (asked, found) = done.score();
            let what = done.trouble().unwrap_or_else(|| format!("{} of {asked} figures missed", asked - found));
            let _ = writeln!(
                out,
                "<li><a href=\"#{}\">{}</a>: {}</li>",
                anchor(&done.job.name()),
                escape(&done.job.name()),
                escape(&what)
            );
        }
        out.push_str("</ul></div>\n");
    }
    if !outcome.skipped.is_empty() {
        let names: Vec<String> = outcome.skipped.iter().map(|j| escape(&j.name())).collect();
        let _ = writeln!(out, "<p class=\"quiet\">Left out because they are slow: {}.</p>", names.join(", "));
    }
}

/// `fail`: no result; `miss`: a figure is missed; `pass`: all figures found; `plain`: none asked for.
fn state(done: &Done) -> &'static str {
    match done.score() {
        _ if !done.ran() => "fail",
        (0, _) => "plain",
        (asked, found) if asked == found => "pass",
        _ => "miss",
    }
}

fn index(outcome: &Outcome, group: &str, out: &mut String) {
    let decks: Vec<&Done> = outcome.done.iter().filter(|d| d.job.group == group).collect();
    let _ = writeln!(
        out,
        "<section><h3><a href=\"#{}\">{}</a> <span class=\"quiet\">{}</span></h3><ul>",
        anchor(group),
        escape(group),
        decks.len()
    );
    for done in decks {
        let (asked, found) = done.score();
        let score = if asked > 0 { format!(" <span class=\"quiet\">{found}/{asked}</span>") } else { String::new() };
        let _ = writeln!(
            out,
            "<li class=\"{}\"><a href=\"#{}\" title=\"{}\">{}</a>{score}</li>",
            state(done),
            anchor(&done.job.name()),
            escape(&done.job.head.title),
            escape(&done.job.stem)
        );
    }
    out.push_str("</ul></section>\n");
}

fn deck(done: &Done, folder: &Path, budget: &mut usize, out: &mut String) {
    let job = &done.job;
    let title = if job.head.title.is_empty() { &job.stem } else { &job.head.title };
    let _ = writeln!(out, "<article id=\"{}\" class=\"{}\">\n<h3>{}</h3>", anchor(&job.name()), state(done), escape(title));
    let covers = if job.head.covers.is_empty() { String::new() } else { format!(" · covers {}", escape(&job.head.covers)) };
    let _ = writeln!(out, "<p class=\"quiet\"><code>{}</code>{covers}</p>", escape(&job.deck.display().to_string()));
    if let Some(trouble) = done.trouble() {
        let _ = writeln!(out, "<p class=\"bad\">{}</p>", escape(&trouble));
    }
    for block in &job.head.prose {
        let _ = match block {
            Block::Paragraph(text) => writeln!(out, "<p>{}</p>", led(text)),
            Block::Shaped(text) => writeln!(out, "<pre class=\"prose\">{}</pre>", escape(text)),
        };
    }
    if !done.plots.is_empty() {
        out.push_str("<div class=\"plots\">\n");
        done.plots.iter().for_each(|p| plot(p, folder, budget, out));
        out.push_str("</div>\n");
    }
    figures(&done.found, out);
    let _ = writeln!(out, "<p class=\"quiet\">{}</p>", cost(done));
    if !done.messages.trim().is_empty() {
        let count = done.messages.lines().filter(|l| l.starts_with("warning") || l.starts_with("error")).count();
        let what = if count == 1 { "1 message".to_string() } else { format!("{count} messages") };
        let _ = writeln!(out, "<details><summary>{what}</summary><pre>{}</pre></details>", escape(done.messages.trim_end()));
    }
    out.push_str("</article>\n");
}

/// A paragraph whose first words may be marked.
fn led(text: &str) -> String {
    match LEADS.iter().find(|lead| text.starts_with(**lead)) {
        Some(lead) => format!("<strong>{lead}</strong>{}", escape(&text[lead.len()..])),
        None => escape(text),
    }
}

fn plot(path: &Path, folder: &Path, budget: &mut usize, out: &mut String) {
    let Ok(text) = fs::read_to_string(path) else { return };
    let inside = text.len() <= LARGE && text.len() <= *budget;
    if let (true, Some(start)) = (inside, text.find("<svg")) {
        *budget -= text.len();
        let _ = writeln!(out, "<figure>{}</figure>", text[start..].trim_end());
    } else {
        let address = path.strip_prefix(folder).unwrap_or(path).display().to_string().replace('\\', "/");
        let _ = writeln!(out, "<figure><img loading=\"lazy\" alt=\"{0}\" src=\"{0}\"></figure>", escape(&address));
    }
}

/// Figures asked and found: a line each, or one row for each member of a family.
fn figures(found: &[Found], out: &mut String) {
    if found.is_empty() {
        return;
    }
    if found.iter().any(|f| !f.keys.is_empty()) {
        family(found, out);
        return;
    }
    out.push_str("<table>\n<tr><th>Figure</th><th>Asked</th><th>Found</th><th></th></tr>\n");
    for f in found {
        let (class, word) = verdict(f);
        let asked = escape(&summary::asked(f.asked));
        let _ = writeln!(
            out,
            "<tr class=\"{class}\"><td><code>{}</code></td><td>{asked}</td><td>{}</td><td>{word}</td></tr>",
            escape(&f.name),
            value(f)
        );
    }
    out.push_str("</table>\n");
}

fn verdict(f: &Found) -> (&'static str, &'static str) {
    match (f.is_asked(), f.passed, &f.value) {
        (true, true, _) => ("pass", "✓"),
        (true, false, _) => ("miss", "✗ missed"),
        (false, _, Err(_)) => ("none", "no value"),
        (false, _, Ok(_)) => ("plain", ""),
    }
}

fn value(f: &Found) -> String {
    match &f.value {
        Ok(value) => escape(format!("{} {}", short(*value), f.unit).trim_end()),
        Err(why) => format!("<span class=\"quiet\">{}</span>", escape(why)),
    }
}

fn family(found: &[Found], out: &mut String) {
    let mut names: Vec<&str> = Vec::new();
    let mut members: Vec<&[(String, f64)]> = Vec::new();
    for f in found {
        if !names.contains(&f.name.as_str()) {
            names.push(&f.name);
        }
        if !members.contains(&f.keys.as_slice()) {
            members.push(&f.keys);
        }
    }
    let keys: Vec<&str> = members.first().map_or(Vec::new(), |m| m.iter().map(|(n, _)| n.as_str()).collect());
    let folded = members.len() > ROWS;
    if folded {
        let missed = found.iter().any(|f| f.is_asked() && !f.passed);
        let open = if missed { " open" } else { "" };
        let _ = writeln!(out, "<details{open}><summary>{} members, {} figures</summary>", members.len(), found.len());
    }
    let head = |n: &&str| format!("<th><code>{}</code></th>", escape(n));
    let _ = writeln!(
        out,
        "<table>\n<tr>{}{}</tr>",
        keys.iter().map(head).collect::<String>(),
        names.iter().map(head).collect::<String>()
    );
    for member in members {
        out.push_str("<tr>");
        member.iter().for_each(|(_, v)| _ = write!(out, "<td class=\"key\">{}</td>", escape(&short(*v))));
        for name in &names {
            let Some(f) = found.iter().find(|f| f.name == *name && f.keys == member) else {
                out.push_str("<td></td>");
                continue;
            };
            let (class, _) = verdict(f);
            let mark = if class == "pass" {
                " ✓"
            } else if class == "miss" {
                " ✗"
            } else {
                ""
            };
            let asked =
                if f.is_asked() { format!(" <small>asked {}</small>", escape(&summary::asked(f.asked))) } else { String::new() };
            let _ = write!(out, "<td class=\"{class}\">{}{mark}{asked}</td>", value(f));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
    if folded {
        out.push_str("</details>\n");
    }
}

/// What the run cost, in a line.
fn cost(done: &Done) -> String {
    let stats = &done.stats;
    let Some(cpu) = stats["total"]["cpu"].as_f64() else { return format!("{} by the clock", time(done.seconds)) };
    let analyses = stats["analyses"].as_array().map_or(&[][..], Vec::as_slice);
    let sum = |key: &str| analyses.iter().filter_map(|a| a[key].as_u64()).sum::<u64>();
    let mut names: Vec<&str> = analyses.iter().filter_map(|a| a["analysis"].as_str()).collect();
    let runs = names.len();
    names.sort_unstable();
    names.dedup();
    let plural = |v: u64, one: &str| format!("{v} {one}{}", if v == 1 { "" } else { "s" });
    let mut parts = vec![
        format!("{} of processors", time(cpu)),
        plural(stats["devices"].as_u64().unwrap_or(0), "device"),
        plural(stats["unknowns"].as_u64().unwrap_or(0), "unknown"),
    ];
    let list: Vec<String> = names.iter().map(|n| format!("<code>.{}</code>", escape(n))).collect();
    parts.push(if runs > names.len() { format!("{} ({runs} runs)", list.join(" ")) } else { list.join(" ") });
    parts.push(plural(sum("points"), "point"));
    if sum("accepted") > 0 {
        parts.push(format!("{} steps ({} rejected)", sum("accepted"), sum("rejected")));
    }
    parts.push(plural(sum("iterations"), "Newton iteration"));
    if let Some(bytes) = stats["peak_memory"].as_f64() {
        parts.push(format!("{:.0} MiB", bytes / 1_048_576.0));
    }
    parts.join(", ")
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 10.0 => format!("{s:.0} s"),
        s if s >= 0.1 => format!("{s:.2} s"),
        s => format!("{:.1} ms", 1e3 * s),
    }
}
