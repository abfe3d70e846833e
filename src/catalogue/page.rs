//! The page of a model: what it is, its equations, terminals, states with their rule for static analyses, parameters,
//! operating-point variables, cards.

use std::fmt::Write;

use crate::catalogue::{Card, Item};
use crate::ir::{Input, Inst};
use crate::lint::bench::Bench;
use crate::model::{Formula, LocalUnknown, Model, Param, ParamKind, Range};
use crate::span::Sources;

/// The page of a model of the library, or of one of its cards.
pub fn of_library(item: &Item, card: Option<&Card>, sources: &Sources) -> String {
    let model = &item.model;
    let mut out = String::new();
    if let Some(card) = card {
        let _ = writeln!(out, "card {}   {}\n", card.name, card.path);
        if !card.comment.is_empty() {
            let _ = writeln!(out, "{}\n", card.comment);
        }
        let values: Vec<String> = card.values.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let _ = writeln!(out, "  .model {} {}({})\n", card.name, card.module, values.join(" "));
    }
    page(model, card, sources, usize::MAX, &mut out);
    if !item.cards.is_empty() && card.is_none() {
        let _ = writeln!(out, "cards (a deck uses them by name, as it does the model)");
        let width = item.cards.iter().map(|c| c.name.len()).max().unwrap_or(0);
        for card in &item.cards {
            let _ = writeln!(out, "  {:<width$}  {}", card.name, card.comment);
        }
        out.push('\n');
    }
    let ports: Vec<&str> = model.unknowns[..model.ports].iter().map(|u| u.name.as_str()).collect();
    let given = model.params.iter().find(|p| p.instance).map_or_else(String::new, |p| format!(" [{}=...]", p.name));
    let _ = writeln!(out, "in a deck: X1 {} {}{given}", ports.join(" "), card.map_or(&model.name, |c| &c.name));
    if crate::portrait::drawable(model) {
        let _ = writeln!(out, "portraits: memspice models {} --iv --drm --pulse", card.map_or(&model.name, |c| &c.name));
    }
    out
}

/// What a model declares; lists are cut behind `longest` lines. Values of a card stand in the place of defaults, with a star.
pub fn page(model: &Model, card: Option<&Card>, sources: &Sources, longest: usize, out: &mut String) {
    let ports: Vec<&str> = model.unknowns[..model.ports].iter().map(|u| u.name.as_str()).collect();
    let _ = writeln!(out, "module {}({})   {}\n", model.name, ports.join(", "), sources.place(model.span));
    if !model.attribute("desc").is_empty() {
        let _ = writeln!(out, "{}", model.attribute("desc"));
    }
    let marks = marks(model);
    if !marks.is_empty() {
        let _ = writeln!(out, "{marks}");
    }
    if !model.attributes.is_empty() {
        out.push('\n');
    }
    if !model.doc.is_empty() {
        let _ = writeln!(out, "{}\n", model.doc.trim_end());
    }
    let terminals = &model.unknowns[..model.ports];
    let _ = writeln!(out, "terminals");
    terminals.iter().take(longest).for_each(|u| _ = writeln!(out, "  {:<12} {} {}", u.name, u.quantity, bracketed(&u.unit)));
    out.push('\n');
    unknowns(model, longest, out);
    parameters(model, card, longest, out);
    if !model.variables.is_empty() {
        let width = model.variables.iter().map(|v| v.name.len()).max().unwrap_or(0) + 4;
        let _ = writeln!(out, "operating-point variables");
        for v in model.variables.iter().take(longest) {
            let _ = writeln!(out, "  {:<width$}  {} {}", format!("@x[{}]", v.name), v.description, bracketed(&v.unit));
        }
        more(model.variables.len(), longest, out);
        out.push('\n');
    }
    if !model.retained.is_empty() {
        let names: Vec<&str> = model.retained.iter().map(|r| r.name.as_str()).collect();
        let _ = writeln!(out, "retained from point to point: {}\n", names.join(", "));
    }
}

/// What attributes say: class, passive, pinched, covers.
fn marks(model: &Model) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(Some(model.attribute("class").to_string()).filter(|c| !c.is_empty()));
    let flag = |name: &str, yes: &str, no: &str| match model.attribute(name) {
        "1" => Some(yes.to_string()),
        "0" => Some(no.to_string()),
        _ => None,
    };
    parts.extend(flag("passive", "passive", "not passive"));
    parts.extend(flag("pinched", "its loops pass through the origin", "its loops do not pass through the origin"));
    parts.extend(Some(model.attribute("covers")).filter(|c| !c.is_empty()).map(|c| format!("covers {c}")));
    parts.join("; ")
}

/// Name of the parameter that an unknown starts from, or the number.
pub fn start(model: &Model, unknown: &LocalUnknown, value: Option<f64>) -> Option<String> {
    let output = model.function.outputs[unknown.start? as usize];
    match model.function.insts[output.0 as usize] {
        Inst::Input(Input::Param(k)) => Some(model.params[k as usize].name.clone()),
        _ => value.map(plain),
    }
}

fn unknowns(model: &Model, longest: usize, out: &mut String) {
    let bench = Bench::new(model);
    let states = bench.states(model);
    let describe = |k: usize, u: &LocalUnknown| {
        let bounds = match u.bounds {
            (low, high) if low.is_infinite() && high.is_infinite() => String::new(),
            (low, high) => format!("{} to {}", plain(low), plain(high)),
        };
        (bounds, start(model, u, bench.start.get(k).copied().flatten()))
    };
    if !states.is_empty() {
        let _ = writeln!(out, "states");
        for state in states.iter().take(longest) {
            let u = &model.unknowns[state.row];
            let (bounds, start) = describe(state.row, u);
            let rule = match (u.held, start) {
                (true, Some(start)) => format!("held at {start} in operating points and sweeps"),
                (true, None) => "held in operating points and sweeps".to_string(),
                (false, Some(start)) => format!("finds its equilibrium in operating points; {start} is where it starts"),
                (false, None) => "finds its equilibrium in operating points".to_string(),
            };
            let _ = writeln!(out, "  {:<12} {:<14} {bounds:<14} {rule}", u.name, format!("{} {}", u.quantity, bracketed(&u.unit)));
        }
        out.push('\n');
    }
    let others: Vec<&LocalUnknown> =
        (model.ports..model.unknowns.len()).filter(|k| states.iter().all(|s| s.row != *k)).map(|k| &model.unknowns[k]).collect();
    if !others.is_empty() {
        let _ = writeln!(out, "unknowns of its own");
        for u in others.iter().take(longest) {
            let kept = if u.held { "  nonvolatile: held in operating points and sweeps" } else { "" };
            let _ = writeln!(out, "  {:<12} {} {}{kept}", u.name, u.quantity, bracketed(&u.unit));
        }
        more(others.len(), longest, out);
        out.push('\n');
    }
}

fn parameters(model: &Model, card: Option<&Card>, longest: usize, out: &mut String) {
    let own: Vec<(usize, &Param)> = model.params.iter().enumerate().filter(|(_, p)| !p.local).collect();
    if own.is_empty() {
        return;
    }
    let _ = writeln!(out, "parameters{}", if card.is_some() { " (* set by the card)" } else { "" });
    let value = |p: &Param| {
        let set = card.and_then(|c| c.values.iter().find(|(n, _)| n.eq_ignore_ascii_case(&p.name)));
        set.map_or_else(|| default(model, p), |(_, v)| format!("{v} *"))
    };
    let rows: Vec<[String; 3]> = own
        .iter()
        .take(longest)
        .map(|(_, p)| [p.name.clone(), value(p), p.ranges.iter().map(range).collect::<Vec<_>>().join(" ")])
        .collect();
    let width = |k: usize| rows.iter().map(|r| r[k].chars().count()).max().unwrap_or(0).min(24);
    let (a, b, c) = (width(0), width(1), width(2));
    for ((k, p), [name, value, range]) in own.iter().zip(&rows) {
        let shapes = if model.shape.iter().any(|(shaping, _)| *shaping == *k as u32) { " (decides on structure)" } else { "" };
        let of = if p.instance { " (of an instance)" } else { "" };
        let unit = if p.unit.is_empty() { String::new() } else { format!(" {}", bracketed(&p.unit)) };
        let _ = writeln!(out, "  {name:<a$} = {value:<b$}  {range:<c$}  {}{unit}{of}{shapes}", p.description);
    }
    more(own.len(), longest, out);
    out.push('\n');
}

/// The default of a parameter.
pub fn default(model: &Model, p: &Param) -> String {
    match (&p.default, p.kind) {
        (Formula::Number(v), ParamKind::Text) => format!("\"{}\"", model.strings.get(*v as usize).map_or("", |s| s)),
        (Formula::Number(v), _) => plain(*v),
        (Formula::Function(_), _) => "(depends on others)".to_string(),
    }
}

pub(super) fn bracketed(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("({unit})") }
}

/// Says how many lines were left out.
fn more(count: usize, longest: usize, out: &mut String) {
    if count > longest {
        let _ = writeln!(out, "  ... and {} more (--full lists all)", count - longest);
    }
}

/// A number as people write it: 5190000000, 2.14e-10.
fn plain(v: f64) -> String {
    let text = format!("{v:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// `[0:1]`, `(0:inf)`, `not 3`.
pub fn range(r: &Range) -> String {
    let end = |f: &Formula| match f {
        Formula::Number(v) => plain(*v),
        Formula::Function(_) => "(...)".to_string(),
    };
    let (open, close) = (if r.low_closed { '[' } else { '(' }, if r.high_closed { ']' } else { ')' });
    match (&r.low, &r.high) {
        (Formula::Number(a), Formula::Number(b)) if a == b => format!("{} {}", if r.exclude { "not" } else { "only" }, plain(*a)),
        _ => format!("{}{open}{}:{}{close}", if r.exclude { "not " } else { "" }, end(&r.low), end(&r.high)),
    }
}
