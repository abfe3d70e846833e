//! `.save .print .probe .plot .array`: which columns there are, which of them go to files, and what is drawn.
//!
//! Without a `.save` everything is saved, up to [`MOST`] unknowns; above that only what cards name (decision 33), or everything
//! up to [`FAR`] if they name nothing at all. Entries of
//! arrays are columns that go to no other file.

use crate::args::{Arg, Args};
use crate::circuit::controls::{self, Word};
use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::patterns::is_pattern;
use crate::circuit::{ArrayCard, Circuit, Curve, Number, Plot};
use crate::diag::Diagnostic;
use crate::model::UnknownKind;
use crate::netlist::ast::{Card, Deck, Expr, ExprKind, Field};
use crate::span::Span;

/// Unknowns up to which everything is saved.
pub const MOST: usize = 2000;
/// Unknowns up to which everything is saved where no card names anything: what else would the run be for.
pub const FAR: usize = 20_000;

/// What `.plot measure` is drawn of: the measures of a family.
const MEASURE: &str = "measure";

/// Analyses that may be named first on `.print`, `.plot` and `.measure`.
pub const ANALYSES: [&str; 14] =
    ["tran", "ac", "dc", "op", "noise", "tf", "pss", "sens", "stability", "pz", "continue", "envelope", "activity", "drm"];

/// Words of `.plot` that stand for themselves.
const FLAGS: [&str; 5] = ["xlog", "ylog", "loglog", "grid", "marks"];

/// Most lines that the patterns of one plot make.
const MOST_LINES: usize = 200;

/// A plot or an array whose settings are not known yet.
pub struct PendingPlot {
    kind: Kind,
    card: Card,
    settings: Vec<Word>,
}

enum Kind {
    Plot(Plot),
    Array(ArrayCard),
}

/// Reads all output cards; settings of plots come later.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) -> Vec<PendingPlot> {
    let saves = |card: &&Card| matches!(card.keyword.folded().as_str(), "save" | "probe");
    let mut saves = deck.outputs.iter().filter(saves).peekable();
    let silent = saves.peek().is_none();
    let everything = silent || saves.any(says_all);
    let unknowns = count_unknowns(&fl.circuit);
    let mut saved = Vec::new();
    let nameless = deck.measures.is_empty() && deck.outputs.is_empty();
    let most = if nameless { FAR } else { MOST };
    if silent && unknowns > most {
        let text = format!("{unknowns} unknowns: only what .save, .print, .plot and .measure name is saved");
        let hint = "name what you need in a .save card: v(out) x*.x; `.save all` is everything";
        let mut note = Diagnostic::note(Span::default(), text).hint(hint);
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
            "array" => plots.extend(array(fl, card)),
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
            Field::Value(expr) => match columns(fl, expr, card.keyword.folded() != "print") {
                Ok(columns) => named.extend(columns),
                Err(error) => fl.report(error),
            },
            Field::Assignment(name, _) => fl.report(
                Diagnostic::error(name.span, format!(".{} takes no settings", card.keyword.text))
                    .expected("expected v(node), i(device)"),
            ),
        }
    }
}

/// The columns of one field: those that a pattern fits, or the one that it names. `names`: only names stand here, so that
/// `x*_3.x` is a pattern and no product.
fn columns(fl: &mut Flattener, expr: &Expr, names: bool) -> Result<Vec<u32>, Diagnostic> {
    if let Some(found) = fl.columns_like(expr) {
        return found;
    }
    let written = fl.sources.slice(expr.span).trim().to_string();
    let namelike = is_pattern(&written) && written.bytes().all(|b| b.is_ascii_alphanumeric() || b"._#$*?%".contains(&b));
    let product = matches!(expr.kind, ExprKind::Binary(..)) && namelike;
    if product && names {
        return fl.columns_like_text(&written, expr.span);
    }
    match fl.column(expr) {
        Err(_) if product => fl.columns_like_text(&written, expr.span),
        other => other.map(|column| vec![column]),
    }
}

fn is_word(expr: &Expr, words: &[&str]) -> bool {
    matches!(&expr.kind, ExprKind::Name(name) if words.iter().any(|w| name.eq_ignore_ascii_case(w)))
}

fn plot<'d>(fl: &mut Flattener<'d, '_>, card: &'d Card, named: &mut Vec<u32>) -> PendingPlot {
    let mut fields = card.fields.as_slice();
    let mut analysis = None;
    if let Some(Field::Value(expr)) = fields.first()
        && (is_word(expr, &ANALYSES) || is_word(expr, &[MEASURE]))
        && let ExprKind::Name(name) = &expr.kind
    {
        analysis = Some(name.to_lowercase());
        fields = &fields[1..];
    }
    let mut curves: Vec<Curve> = Vec::new();
    let mut measures: Vec<(String, Option<String>)> = Vec::new();
    let mut settings = Vec::new();
    let mut versus = false;
    let family = analysis.as_deref() == Some(MEASURE);
    for field in fields {
        match field {
            Field::Assignment(name, value) => {
                if is_word(name, &["map"]) {
                    cells(fl, value);
                }
                settings.push(field.clone());
            }
            Field::Value(expr) if is_word(expr, &FLAGS) => settings.push(field.clone()),
            Field::Value(expr) if is_word(expr, &["vs"]) && !(curves.is_empty() && measures.is_empty()) => versus = true,
            Field::Value(expr) if family => {
                let name = fl.sources.slice(expr.span).trim().to_string();
                match measures.last_mut().filter(|_| std::mem::take(&mut versus)) {
                    Some(last) => last.1 = Some(name),
                    None => measures.push((name, None)),
                }
            }
            Field::Value(expr) => match columns(fl, expr, false) {
                Ok(mut columns) => {
                    limited(fl, expr, &mut columns);
                    named.extend(&columns);
                    match (columns.as_slice(), curves.last_mut().filter(|_| std::mem::take(&mut versus))) {
                        ([column], Some(last)) => last.x = Some(*column),
                        (many, _) => curves.extend(many.iter().map(|y| Curve { y: *y, x: None })),
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
    let plot = Plot { analysis, curves, measures, settings: empty, span: card.span };
    PendingPlot { kind: Kind::Plot(plot), card: card.clone(), settings }
}

/// A pattern that fits more than a plot can show.
fn limited(fl: &mut Flattener, expr: &Expr, columns: &mut Vec<u32>) {
    if columns.len() > MOST_LINES {
        fl.report(
            Diagnostic::warning(expr.span, format!("{} lines: the first {MOST_LINES} are drawn", columns.len()))
                .hint("an array is seen as a map: `.plot tran map=\"x%_%.x\"`"),
        );
        columns.truncate(MOST_LINES);
    }
}

/// Makes the columns that are the cells of an array.
fn cells(fl: &mut Flattener, pattern: &Expr) -> Option<String> {
    let (ExprKind::Text(text) | ExprKind::Name(text)) = &pattern.kind else {
        let text = fl.sources.slice(pattern.span).trim().to_string();
        return with_cells(fl, text, pattern.span);
    };
    with_cells(fl, text.clone(), pattern.span)
}

fn with_cells(fl: &mut Flattener, text: String, span: Span) -> Option<String> {
    match fl.columns_like_text(&text, span) {
        Ok(found) => (!found.is_empty()).then_some(text),
        Err(error) => {
            fl.report(error);
            None
        }
    }
}

/// `.array tran "x%_%.x" file="state.npy" at="0 5u"`.
fn array<'d>(fl: &mut Flattener<'d, '_>, card: &'d Card) -> Option<PendingPlot> {
    const USAGE: &str = "usage: .array [tran] x%_%.x file=\"state.npy\" [at=\"0 5u\"]";
    let mut analysis = None;
    let mut patterns: Vec<&Expr> = Vec::new();
    let mut settings = Vec::new();
    for (k, field) in card.fields.iter().enumerate() {
        match field {
            Field::Value(Expr { kind: ExprKind::Name(name), .. }) if k == 0 && ANALYSES.contains(&name.to_lowercase().as_str()) => {
                analysis = Some(name.to_lowercase());
            }
            Field::Value(expr) => patterns.push(expr),
            Field::Assignment(..) => settings.push(field.clone()),
        }
    }
    let [pattern] = patterns.as_slice() else {
        let message = format!(".array names {} quantities", patterns.len());
        fl.report(Diagnostic::error(card.span, message).expected("expected one, with `%` for row and column").hint(USAGE));
        return None;
    };
    let pattern = cells(fl, pattern)?;
    let settings = controls::words(fl, &settings);
    let empty = Args { keyword: "array".to_string(), span: card.span, items: Vec::<Arg>::new() };
    let array = ArrayCard { analysis, pattern, settings: empty, span: card.span };
    Some(PendingPlot { kind: Kind::Array(array), card: card.clone(), settings })
}

/// Numbers that settings of plots depend on.
pub fn numbers(pending: &[PendingPlot]) -> Vec<Number> {
    pending.iter().flat_map(|p| p.settings.iter().filter_map(|w| w.number)).collect()
}

/// Stores the plots with their settings.
pub fn finish(circuit: &mut Circuit, pending: Vec<PendingPlot>, values: &Values) {
    for one in pending {
        let settings = controls::arguments(&one.card, &one.settings, values);
        match one.kind {
            Kind::Plot(plot) => circuit.plots.push(Plot { settings, ..plot }),
            Kind::Array(array) => circuit.arrays.push(ArrayCard { settings, ..array }),
        }
    }
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
