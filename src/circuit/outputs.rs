//! `.save .print .probe .plot`: which columns there are, which of them go to files, and what is drawn.
//!
//! Without a `.save` everything is saved, up to [`MOST`] unknowns; above that only what cards name (decision 33).

use crate::args::{Arg, Args};
use crate::circuit::controls::{self, Word};
use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::{Circuit, Curve, Number, Plot};
use crate::diag::Diagnostic;
use crate::model::UnknownKind;
use crate::netlist::ast::{Card, Deck, Expr, ExprKind, Field};
use crate::span::Span;

/// Unknowns up to which everything is saved.
pub const MOST: usize = 2000;

/// Analyses that may be named first on `.print`, `.plot` and `.measure`.
pub const ANALYSES: [&str; 14] =
    ["tran", "ac", "dc", "op", "noise", "tf", "pss", "sens", "stability", "pz", "continue", "envelope", "activity", "drm"];

/// Words of `.plot` that stand for themselves.
const FLAGS: [&str; 4] = ["xlog", "ylog", "loglog", "grid"];

/// A plot whose settings are not known yet.
pub struct PendingPlot {
    plot: Plot,
    card: Card,
    settings: Vec<Word>,
}

/// Reads all output cards; settings of plots come later.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) -> Vec<PendingPlot> {
    let saves = |card: &&Card| matches!(card.keyword.folded().as_str(), "save" | "probe");
    let mut saves = deck.outputs.iter().filter(saves).peekable();
    let everything = saves.peek().is_none() || saves.any(says_all);
    let unknowns = count_unknowns(&fl.circuit);
    let mut saved = Vec::new();
    if everything && unknowns > MOST {
        let text = format!("{unknowns} unknowns: only what .save, .print, .plot and .measure name is saved");
        let mut note = Diagnostic::note(Span::default(), text).hint("name what you need in a .save card");
        note.labels.clear();
        fl.report(note);
    } else if everything {
        saved = all(fl);
    }
    let mut named = Vec::new();
    let mut plots = Vec::new();
    for card in &deck.outputs {
        match card.keyword.folded().as_str() {
            "plot" => plots.push(plot(fl, card, &mut named)),
            _ => save(fl, card, &mut named),
        }
    }
    saved.extend(named);
    let mut seen = vec![false; fl.circuit.outputs.len()];
    saved.retain(|k| !std::mem::replace(&mut seen[*k as usize], true));
    fl.circuit.saved = saved;
    plots
}

/// Words for everything.
const ALL: [&str; 3] = ["all", "alli", "allv"];

fn says_all(card: &Card) -> bool {
    card.fields.iter().any(|field| matches!(field, Field::Value(expr) if is_word(expr, &ALL)))
}

/// Columns of a `.save`, `.print` or `.probe` card.
fn save<'d>(fl: &mut Flattener<'d, '_>, card: &'d Card, named: &mut Vec<u32>) {
    for (k, field) in card.fields.iter().enumerate() {
        match field {
            Field::Value(expr) if k == 0 && is_word(expr, &ANALYSES) => {}
            Field::Value(expr) if is_word(expr, &ALL) => {}
            Field::Value(expr) => match fl.column(expr) {
                Ok(column) => named.push(column),
                Err(error) => fl.report(error),
            },
            Field::Assignment(name, _) => fl.report(
                Diagnostic::error(name.span, format!(".{} takes no settings", card.keyword.text))
                    .expected("expected v(node), i(device)"),
            ),
        }
    }
}

fn is_word(expr: &Expr, words: &[&str]) -> bool {
    matches!(&expr.kind, ExprKind::Name(name) if words.iter().any(|w| name.eq_ignore_ascii_case(w)))
}

fn plot<'d>(fl: &mut Flattener<'d, '_>, card: &'d Card, named: &mut Vec<u32>) -> PendingPlot {
    let mut fields = card.fields.as_slice();
    let mut analysis = None;
    if let Some(Field::Value(expr)) = fields.first()
        && is_word(expr, &ANALYSES)
        && let ExprKind::Name(name) = &expr.kind
    {
        analysis = Some(name.to_lowercase());
        fields = &fields[1..];
    }
    let mut curves: Vec<Curve> = Vec::new();
    let mut settings = Vec::new();
    let mut versus = false;
    for field in fields {
        match field {
            Field::Assignment(..) => settings.push(field.clone()),
            Field::Value(expr) if is_word(expr, &FLAGS) => settings.push(field.clone()),
            Field::Value(expr) if is_word(expr, &["vs"]) && !curves.is_empty() => versus = true,
            Field::Value(expr) => match fl.column(expr) {
                Ok(column) => {
                    named.push(column);
                    match curves.last_mut().filter(|_| std::mem::take(&mut versus)) {
                        Some(last) => last.x = Some(column),
                        None => curves.push(Curve { y: column, x: None }),
                    }
                }
                Err(error) => fl.report(error),
            },
        }
    }
    if card.fields.is_empty() {
        fl.report(Diagnostic::error(card.span, ".plot names nothing to draw").expected("expected v(node), i(device), ..."));
    }
    let settings = controls::words(fl, &settings);
    let empty = Args { keyword: "plot".to_string(), span: card.span, items: Vec::<Arg>::new() };
    PendingPlot { plot: Plot { analysis, curves, settings: empty, span: card.span }, card: card.clone(), settings }
}

/// Numbers that settings of plots depend on.
pub fn numbers(pending: &[PendingPlot]) -> Vec<Number> {
    pending.iter().flat_map(|p| p.settings.iter().filter_map(|w| w.number)).collect()
}

/// Stores the plots with their settings.
pub fn finish(circuit: &mut Circuit, pending: Vec<PendingPlot>, values: &Values) {
    circuit.plots =
        pending.into_iter().map(|p| Plot { settings: controls::arguments(&p.card, &p.settings, values), ..p.plot }).collect();
}

fn count_unknowns(circuit: &Circuit) -> usize {
    let inner = |model: u32| {
        let model = &circuit.models[model as usize];
        model.unknowns.len() - model.ports
    };
    circuit.nodes.len() + circuit.sources.len() + circuit.instances.iter().map(|i| inner(i.model)).sum::<usize>()
}

/// Every node voltage, every source current, every unknown inside a device.
fn all(fl: &mut Flattener) -> Vec<u32> {
    let mut columns: Vec<u32> = (0..fl.circuit.nodes.len()).map(|n| fl.voltage(super::Terminal::Node(n as u32))).collect();
    columns.extend((0..fl.circuit.sources.len()).map(|s| fl.source_current(s as u32)));
    for instance in 0..fl.circuit.instances.len() as u32 {
        let model = fl.circuit.models[fl.circuit.instances[instance as usize].model as usize].clone();
        for (k, unknown) in model.unknowns.iter().enumerate().skip(model.ports) {
            let current = unknown.kind == UnknownKind::Current && fl.has_one_current(&model);
            columns.push(if current { fl.port_current(instance, 0, true) } else { fl.unknown(instance, k as u32) });
        }
    }
    columns
}
