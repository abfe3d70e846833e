//! What people read after a run: measures, summary, failures; and how cards become measures and plots.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::circuit::expect::Asked;
use crate::circuit::{MeasureCard, MeasureWord, Plot};
use crate::dae::{Channel, Fault, MessageKind, System};
use crate::diag::{self, Diagnostic};
use crate::mna::Mna;
use crate::output::array::Array;
use crate::output::svg::{self, members::Pick};
use crate::run::{Outcome, Simulation, met};
use crate::solve::{Counts, SimError};
use crate::span::{Sources, Span};
use crate::units::engineering;
use crate::wave::Dataset;
use crate::wave::measure::{self, Word};

pub mod cost;

/// Column of a result that belongs to one of the circuit's outputs; past the last one if the result has none of that name.
fn column(mna: &Mna, output: u32, data: &Dataset) -> usize {
    data.find(&mna.circuit().outputs[output as usize].name).unwrap_or(usize::MAX)
}

/// Name of the first column that a card reads and a result does not have.
fn missing<'a>(mna: &'a Mna, card: &MeasureCard, data: &Dataset) -> Option<&'a str> {
    let names = card.words.iter().filter_map(|word| match word {
        MeasureWord::Column(k, _) => Some(mna.circuit().outputs[*k as usize].name.as_str()),
        _ => None,
    });
    names.into_iter().find(|name| data.find(name).is_none())
}

/// Words of a `.measure` card; `column` gives what stands for a column of the circuit.
fn words(card: &MeasureCard, column: impl Fn(u32) -> usize) -> Vec<Word> {
    let one = |word: &MeasureWord| match word {
        MeasureWord::Word(w, _) => Word::Word(w.clone()),
        MeasureWord::Number(v, _) => Word::Number(*v),
        MeasureWord::Column(k, _) => Word::Column(column(*k)),
        MeasureWord::Key(k, _) => Word::Key(k.clone()),
        MeasureWord::Equals(_) => Word::Equals,
        MeasureWord::Formula(f, names, _) => Word::Formula(f.clone(), names.clone()),
    };
    card.words.iter().map(one).collect()
}

fn place(word: &MeasureWord) -> Span {
    match word {
        MeasureWord::Word(_, s)
        | MeasureWord::Number(_, s)
        | MeasureWord::Column(_, s)
        | MeasureWord::Key(_, s)
        | MeasureWord::Equals(s)
        | MeasureWord::Formula(_, _, s) => *s,
    }
}

/// Checks the grammar of all `.measure` cards.
///
/// # Errors
/// What is wrong, where.
pub fn check_measures(mna: &Mna) -> Result<(), Vec<Diagnostic>> {
    let wrong = |card: &MeasureCard| {
        let (index, message) = measure::parse(&words(card, |k| k as usize)).err()?;
        let span = card.words.get(index).map_or(card.span, place);
        Some(Diagnostic::error(span, format!("measure `{}`: {message}", card.name)))
    };
    let errors: Vec<Diagnostic> = mna.circuit().measures.iter().filter_map(wrong).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Names of the columns that measures of an analysis read; empty if there are no measures.
pub fn measured_columns<'a>(mna: &'a Mna, analysis: &str) -> Vec<&'a str> {
    let outputs = &mna.circuit().outputs;
    let cards = || mna.circuit().measures.iter().filter(|m| m.analysis == analysis);
    let words = cards().flat_map(|card| &card.words).filter_map(|word| match word {
        MeasureWord::Column(k, _) => Some(outputs[*k as usize].name.as_str()),
        _ => None,
    });
    // Labels of special points are read by `point=`.
    words.chain(cards().next().map(|_| "point")).collect()
}

/// The measures of one analysis: name and value, or the reason why there is none.
pub fn evaluate(mna: &Mna, analysis: &str, data: &Dataset, earlier: &[(String, f64)]) -> Vec<(String, Result<f64, String>)> {
    let mut out: Vec<(String, Result<f64, String>)> = Vec::new();
    for card in mna.circuit().measures.iter().filter(|m| m.analysis == analysis) {
        let lookup = |name: &str| {
            let own = out.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).and_then(|(_, v)| v.as_ref().ok().copied());
            own.or_else(|| earlier.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v))
        };
        let value = match measure::parse(&words(card, |k| column(mna, k, data))) {
            Ok(_) if data.rows == 0 => Err("there is no result".to_string()),
            Ok(_) if let Some(name) = missing(mna, card, data) => Err(format!(".{analysis} gives no `{name}`")),
            Ok(parsed) => measure::evaluate(&parsed, data, &lookup),
            Err((_, message)) => Err(message),
        };
        out.push((card.name.clone(), value));
    }
    out
}

/// Units of all measures of a member of a family, as far as they are known: `1` for plain numbers, empty for unknown ones.
pub fn units(mna: &Mna, member: &[Outcome]) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for outcome in member {
        let analysis = outcome.summary.analysis.as_str();
        for card in mna.circuit().measures.iter().filter(|m| m.analysis == analysis) {
            let earlier = |name: &str| {
                let found = out.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.map_or_else(String::new, |(_, unit)| unit.clone())
            };
            let parsed = measure::parse(&words(card, |k| column(mna, k, &outcome.data)));
            let unit = parsed.map_or_else(|_| String::new(), |m| measure::unit(&m, &outcome.data.header, &earlier));
            out.push((card.name.clone(), unit));
        }
    }
    out
}

/// What is asked of the measures of one analysis in member number `member`.
pub fn asked(mna: &Mna, analysis: &str, member: usize) -> Vec<Asked> {
    mna.circuit().measures.iter().filter(|m| m.analysis == analysis).map(|m| m.expectation.of(member)).collect()
}

/// Checks that lists of `expect=` have an entry for each of `members`.
///
/// # Errors
/// Lists of another length.
pub fn check_expectations(mna: &Mna, members: usize) -> Result<(), Vec<Diagnostic>> {
    let wrong = |card: &MeasureCard| {
        let entries = card.expectation.entries().filter(|n| *n != members)?;
        let message = format!("measure `{}` has {entries} expectations, the family has {members} members", card.name);
        Some(Diagnostic::error(card.span, message).hint("`-` stands for a member of which nothing is asked"))
    };
    let errors: Vec<Diagnostic> = mna.circuit().measures.iter().filter_map(wrong).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The `.plot` cards as plots of named columns.
///
/// # Errors
/// Unknown settings.
pub fn plots(mna: &Mna) -> Result<Vec<svg::Plot>, Vec<Diagnostic>> {
    let circuit = mna.circuit();
    let name = |k: u32| circuit.outputs[k as usize].name.clone();
    let mut errors = Vec::new();
    let mut out = Vec::new();
    for plot in &circuit.plots {
        match svg::Settings::from_args(&plot.settings) {
            Ok(settings) => {
                errors.extend(unmeasured(mna, plot));
                errors.extend(strangers(mna, plot, &settings));
                let family = plot.measures.iter().map(|(y, x)| svg::Curve { y: y.clone(), x: x.clone() });
                let curves = plot.curves.iter().map(|c| svg::Curve { y: name(c.y), x: c.x.map(name) }).chain(family).collect();
                out.push(svg::Plot { analysis: plot.analysis.clone(), curves, settings });
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// What is wrong with the names of a `.plot measure`.
fn unmeasured(mna: &Mna, plot: &Plot) -> Option<Diagnostic> {
    let circuit = mna.circuit();
    let steps = circuit.steps.last().map(|step| step.name.as_str());
    let known: Vec<&str> = circuit.measures.iter().map(|m| m.name.as_str()).chain(steps).collect();
    let names = plot.measures.iter().flat_map(|(y, x)| std::iter::once(y).chain(x));
    let wrong = names.into_iter().find(|name| !known.iter().any(|k| k.eq_ignore_ascii_case(name)));
    let family = !plot.measures.is_empty() && circuit.steps.is_empty();
    match wrong {
        Some(name) => Some(
            Diagnostic::error(plot.span, format!("there is no measure `{name}`"))
                .expected("expected names of .measure cards")
                .suggest(name, known.iter().copied()),
        ),
        None if family => Some(Diagnostic::error(plot.span, "`.plot measure` draws families, and there is no .step")),
        None => None,
    }
}

/// What is wrong with `members=`: parameters that are not stepped, more members than there are.
fn strangers(mna: &Mna, plot: &Plot, settings: &svg::Settings) -> Option<Diagnostic> {
    let steps = &mna.circuit().steps;
    let inner = usize::from(plot.analysis.as_deref() == Some("measure"));
    let known: Vec<&str> = steps[..steps.len().saturating_sub(inner)].iter().map(|step| step.name.as_str()).collect();
    let count: usize = steps[..known.len()].iter().map(|step| step.values.len()).product();
    let what = if inner == 1 { "lines: the innermost .step is the abscissa" } else { "members" };
    settings.members.iter().find_map(|pick| match pick {
        Pick::Number(number) if *number > count || known.is_empty() => {
            Some(Diagnostic::error(plot.span, format!("there is no member {number}")).expected(format!("there are {count} {what}")))
        }
        Pick::Value(name, _) if !known.contains(&name.as_str()) => Some(
            Diagnostic::error(plot.span, format!("`{name}` tells no members apart"))
                .expected(format!("there are {count} {what}"))
                .suggest(name, known.iter().copied()),
        ),
        _ => None,
    })
}

/// The `.array` cards.
///
/// # Errors
/// Unknown settings and kinds of files.
pub fn arrays(mna: &Mna) -> Result<Vec<Array>, Vec<Diagnostic>> {
    let cards = mna.circuit().arrays.iter();
    let read = cards.map(|card| Array::from_args(card.analysis.clone(), &card.pattern, &card.settings));
    let (found, errors): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
    let errors: Vec<Diagnostic> = errors.into_iter().filter_map(Result::err).collect();
    if errors.is_empty() { Ok(found.into_iter().flatten().collect()) } else { Err(errors) }
}

/// Measures and, unless `quiet`, the summary of every analysis.
pub fn text(simulation: &Simulation, deck: &Path, sources: &Sources, quiet: bool) -> String {
    let mut out = String::new();
    if !quiet {
        let circuit = simulation.mna.circuit();
        let (devices, banks) = simulation.mna.sizes();
        let unknowns = simulation.mna.layout().unknowns.len();
        let _ = writeln!(out, "{}: {}", deck.display(), circuit.title);
        let _ = writeln!(out, "  {devices} devices in {banks} banks, {} sources, {unknowns} unknowns", circuit.sources.len());
    }
    let steps = simulation.mna.step_units();
    for (index, member) in simulation.members.iter().enumerate() {
        let keys = member.first().map_or_else(String::new, |o| keys_text(&o.data.header.keys, &steps));
        if !quiet && simulation.members.len() > 1 && index < MEMBERS_SHOWN {
            let _ = writeln!(out, "  {keys}");
        }
        for outcome in member {
            if !quiet && index < MEMBERS_SHOWN {
                out.push_str(&summary(outcome));
            }
            out.push_str(&said(outcome, sources));
        }
    }
    if !quiet && simulation.members.len() > MEMBERS_SHOWN {
        let _ = writeln!(out, "  ... and {} more members", simulation.members.len() - MEMBERS_SHOWN);
    }
    out.push_str(&measured(simulation));
    out
}

/// Members of a family whose summaries are shown.
const MEMBERS_SHOWN: usize = 6;

/// `r1 = 1000 ohm, n = 3`
fn keys_text(keys: &[(String, f64)], units: &[(String, String)]) -> String {
    keys.iter().map(|(n, v)| format!("{n} = {v}{}", unit_text(n, units))).collect::<Vec<_>>().join(", ")
}

/// The unit of what is called `name` with a blank before it; nothing where it is not known, and for plain numbers.
fn unit_text(name: &str, units: &[(String, String)]) -> String {
    let known = units.iter().find(|(n, unit)| n == name && !matches!(unit.as_str(), "" | "1"));
    known.map_or_else(String::new, |(_, unit)| format!(" {unit}"))
}

fn summary(outcome: &Outcome) -> String {
    let s = &outcome.summary;
    let mut out = String::new();
    let method = if s.method.is_empty() { String::new() } else { format!(" ({})", s.method) };
    let c = &s.counts;
    let _ = write!(out, "  {}{method}: {} points", s.analysis, s.points);
    if c.accepted + c.rejected > 0 {
        let _ = write!(out, ", {} steps accepted, {} rejected{}", c.accepted, c.rejected, rejected(c));
    }
    let _ = write!(out, ", {} Newton iterations, {} factorisations", c.iterations, c.factorisations);
    if c.accepted > 0 {
        let _ = write!(out, ", {} evaluations, {} solves", c.evaluations, c.solves);
    }
    let _ = writeln!(out, ", {}s", engineering(outcome.seconds, 3));
    if !s.operating_point.is_empty() {
        let _ = writeln!(out, "    operating point: {}", s.operating_point);
    }
    if !s.ruled_by.is_empty() {
        let _ = writeln!(out, "    step ruled by: {}", s.ruled_by);
    }
    for line in &s.table {
        let _ = writeln!(out, "    {line}");
    }
    for remark in &s.remarks {
        let _ = writeln!(out, "    note: {remark}");
    }
    out
}

/// Why steps were rejected, where both reasons occur or Newton is one.
fn rejected(counts: &Counts) -> String {
    match counts.failed {
        0 => String::new(),
        failed => format!(" ({} error, {failed} Newton)", counts.rejected - failed.min(counts.rejected)),
    }
}

/// What models said.
fn said(outcome: &Outcome, sources: &Sources) -> String {
    let mut out = String::new();
    for m in &outcome.summary.messages {
        let kind = match m.kind {
            MessageKind::Note => "",
            MessageKind::Warning => "warning: ",
            MessageKind::Error => "error: ",
            MessageKind::Finish => "finish: ",
            MessageKind::Fatal => "fatal: ",
        };
        if m.kind == MessageKind::Note {
            out.push_str(&m.text);
            if m.channel == Channel::Line {
                out.push('\n');
            }
        } else {
            end_line(&mut out);
            let _ = writeln!(out, "{kind}{} ({}, t = {}s, {})", m.text, m.instance, engineering(m.t, 6), sources.place(m.span));
        }
    }
    end_line(&mut out);
    out
}

/// `$write` may have left a line open.
fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// All measures: one line each, or a table over the members of a family.
fn measured(simulation: &Simulation) -> String {
    let mut out = String::new();
    let names: Vec<&String> =
        simulation.members.first().into_iter().flatten().flat_map(|o| o.measures.iter().map(|m| &m.0)).collect();
    let width = names.iter().map(|n| n.len()).max().unwrap_or(0);
    let steps = simulation.mna.step_units();
    let units = simulation.members.first().map(|member| units(&simulation.mna, member)).unwrap_or_default();
    for member in &simulation.members {
        let keys = member.first().map_or_else(String::new, |o| keys_text(&o.data.header.keys, &steps));
        let suffix = if keys.is_empty() { keys } else { format!("   ({keys})") };
        for (name, value, asked) in member.iter().flat_map(Outcome::figures) {
            let verdict = match asked {
                Asked::Nothing => String::new(),
                _ => format!("   asked {asked}: {}", if met(value, asked) { "met" } else { "MISSED" }),
            };
            let _ = match value {
                Ok(value) => writeln!(out, "{name:<width$} = {value:.10e}{}{suffix}{verdict}", unit_text(name, &units)),
                Err(reason) => writeln!(out, "{name:<width$} = failed: {reason}{suffix}{verdict}"),
            };
        }
    }
    out.push_str(&tally(simulation));
    out
}

/// How many figures are as asked.
fn tally(simulation: &Simulation) -> String {
    let figures = || simulation.members.iter().flatten().flat_map(Outcome::figures).filter(|f| f.2 != Asked::Nothing);
    let met = figures().filter(|(_, value, asked)| met(value, *asked)).count();
    match figures().count() {
        0 => String::new(),
        all if met == all => format!("{all} figures as asked\n"),
        all => format!("warning: {} of {all} figures are not as asked\n", all - met),
    }
}

/// Failed analyses, each with what is known of it.
pub fn failures(simulation: &Simulation, sources: &Sources) -> String {
    let mut out = String::new();
    let steps = simulation.mna.step_units();
    for outcome in simulation.members.iter().flatten() {
        if let Some(failure) = &outcome.failure {
            let keys = keys_text(&outcome.data.header.keys, &steps);
            let of = if keys.is_empty() { keys } else { format!(" ({keys})") };
            let _ = writeln!(out, "error: .{}{of}: {failure}", outcome.summary.analysis);
            if let SimError::NotFinite { faults, .. } = failure {
                let place = |f: &Fault| Diagnostic::note(f.span, format!("in {}: {}", f.instance, f.text));
                out.push_str(&diag::render(&faults.iter().map(place).collect::<Vec<_>>(), sources, false));
            }
            if outcome.data.rows > 0 {
                let _ = writeln!(out, "  {} points computed so far are kept", outcome.data.rows);
            }
        }
    }
    out
}

/// What the user should know about the files.
pub fn notes(notes: &[String], quiet: bool) -> String {
    let shown = notes.iter().filter(|_| !quiet);
    shown.map(|note| format!("note: {note}\n")).collect()
}

/// The files written, one line for each folder.
pub fn file_list(files: &[PathBuf], quiet: bool) -> String {
    if quiet || files.is_empty() {
        return String::new();
    }
    let mut out = String::from("written:\n");
    for file in files {
        let _ = writeln!(out, "  {}", file.display());
    }
    out
}
