//! `.op .dc .tran .ac` and `.step`: fields to words and numbers.
//!
//! Numbers may be expressions of parameters; they are collected first and filled in when the graph is complete.

use crate::args::{Arg, Args};
use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::names::Device;
use crate::circuit::scope::{TEMPERATURE, TOP};
use crate::circuit::{Circuit, Number, Step};
use crate::diag::Diagnostic;
use crate::netlist::ast::{Card, Deck, Expr, ExprKind, Field};
use crate::netlist::expr::is_probe;
use crate::span::Span;

/// A field with a number that is not known yet.
#[derive(Clone)]
pub struct Word {
    /// `Some` for `name=value`, lower case.
    pub name: Option<String>,
    /// As written, without braces and quotes.
    pub text: String,
    /// Its number.
    pub number: Option<Number>,
    /// Where it stands.
    pub span: Span,
}

/// Cards whose numbers are not known yet.
pub struct Pending {
    analyses: Vec<(Card, Vec<Word>)>,
    steps: Vec<(Card, Vec<Word>)>,
}

impl Pending {
    /// Numbers that the cards depend on.
    pub fn numbers(&self) -> Vec<Number> {
        self.analyses.iter().chain(&self.steps).flat_map(|(_, words)| words.iter().filter_map(|w| w.number)).collect()
    }
}

/// Words that are never parameters.
const KEYWORDS: [&str; 8] = ["uic", "dec", "oct", "lin", "list", "param", "vs", "all"];

/// Reads analyses and steps.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) -> Pending {
    let analyses = deck.analyses.iter().map(|card| (card.clone(), words(fl, &card.fields))).collect();
    let steps: Vec<(Card, Vec<Word>)> = deck.steps.iter().map(|card| (card.clone(), words(fl, &card.fields))).collect();
    for (card, words) in &steps {
        check_name(fl, card, words);
    }
    Pending { analyses, steps }
}

/// Fields to words.
pub fn words(fl: &mut Flattener, fields: &[Field]) -> Vec<Word> {
    let mut words = Vec::with_capacity(fields.len());
    for field in fields {
        match field {
            Field::Value(expr) => words.push(word(fl, None, expr)),
            Field::Assignment(name, value) => {
                let name = fl.sources.slice(name.span).trim().to_lowercase();
                words.push(word(fl, Some(name), value));
            }
        }
    }
    words
}

fn word(fl: &mut Flattener, name: Option<String>, expr: &Expr) -> Word {
    let written = fl.sources.slice(expr.span).trim().trim_matches(['{', '}', '\'', '"']).to_string();
    let (text, number) = match &expr.kind {
        ExprKind::Number(value) => (written, Some(Number::Fixed(*value))),
        ExprKind::Text(text) => (text.clone(), None),
        ExprKind::Name(text) => {
            let folded = text.to_lowercase();
            let value = if KEYWORDS.contains(&folded.as_str()) { None } else { fl.scopes.parameter(TOP, &folded, expr.span) };
            (text.clone(), value.map(|v| fl.scopes.graph.number(v)))
        }
        _ if reads_results(expr) => (written, None),
        _ => (written, Some(fl.scopes.number(TOP, expr))),
    };
    Word { name, text, number, span: expr.span }
}

/// Whether an expression speaks of voltages, currents or variables.
pub fn reads_results(expr: &Expr) -> bool {
    holds(expr, &|leaf| match &leaf.kind {
        ExprKind::Variable(..) => true,
        ExprKind::Call(name, _) => is_probe(name),
        _ => false,
    })
}

/// Whether `question` is answered with yes by any part of an expression.
pub fn holds(expr: &Expr, question: &dyn Fn(&Expr) -> bool) -> bool {
    question(expr)
        || match &expr.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Name(_) | ExprKind::Variable(..) => false,
            ExprKind::Call(_, arguments) => arguments.iter().any(|a| holds(a, question)),
            ExprKind::Unary(_, a) => holds(a, question),
            ExprKind::Binary(_, a, b) => holds(a, question) || holds(b, question),
            ExprKind::Ternary(a, b, c) => holds(a, question) || holds(b, question) || holds(c, question),
        }
}

/// Fills in the numbers.
pub fn finish(circuit: &mut Circuit, pending: Pending, values: &Values, found: &mut Vec<Diagnostic>) {
    circuit.analyses = pending.analyses.iter().map(|(card, words)| arguments(card, words, values)).collect();
    for (card, words) in &pending.steps {
        match step(card, &arguments(card, words, values)) {
            Ok(step) => circuit.steps.push(step),
            Err(error) => found.push(error),
        }
    }
}

/// A card with its numbers.
pub fn arguments(card: &Card, words: &[Word], values: &Values) -> Args {
    let items = words.iter().map(|w| Arg {
        name: w.name.clone(),
        text: w.text.clone(),
        number: w.number.map(|n| values.of(n)),
        span: w.span,
    });
    Args { keyword: card.keyword.text.to_lowercase(), span: card.span, items: items.collect() }
}

/// Position of the name among the words of a `.step` card: `param X ...`, `X ...`, `dec param X ...`.
fn name_position(words: &[&str]) -> usize {
    let spacing = |w: &str| ["lin", "dec", "oct"].iter().any(|s| w.eq_ignore_ascii_case(s));
    let lead = usize::from(words.first().is_some_and(|w| spacing(w)));
    lead + usize::from(words.get(lead).is_some_and(|w| w.eq_ignore_ascii_case("param")))
}

fn check_name(fl: &mut Flattener, card: &Card, words: &[Word]) {
    let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    let Some(word) = words.get(name_position(&texts)) else {
        fl.report(Diagnostic::error(card.span, ".step names nothing to step").expected("expected `.step param name from to by`"));
        return;
    };
    let name = word.text.to_lowercase();
    let root = fl.scopes.roots.iter().any(|r| r.name == name) || TEMPERATURE.contains(&name.as_str()) || name == "seed";
    let device = matches!(fl.device(&name), Some(Device::Instance(_) | Device::Source(_)));
    let parameter = fl.instance(&name).is_some_and(|(instance, parameter)| {
        let model = fl.circuit.instances[instance as usize].model;
        matches!(fl.circuit.models[model as usize].parameter(parameter), Ok(Some(_)))
    });
    if root || device || parameter {
        return;
    }
    let mut known: Vec<String> = fl.scopes.roots.iter().map(|r| r.name.clone()).collect();
    if texts.iter().any(|w| w.eq_ignore_ascii_case("param")) {
        let error = Diagnostic::error(word.span, format!("there is no parameter `{}` to step", word.text));
        return fl.report(error.expected("unknown name").suggest(&name, known.iter().map(String::as_str)));
    }
    known.extend(fl.circuit.sources.iter().map(|s| s.name.clone()));
    known.extend(fl.circuit.instances.iter().map(|i| i.name.to_string()));
    fl.report(
        Diagnostic::error(word.span, format!("there is no parameter, source or device `{}` to step", word.text))
            .expected("unknown name")
            .suggest(&name, known.iter().map(String::as_str)),
    );
}

fn step(card: &Card, args: &Args) -> Result<Step, Diagnostic> {
    let positional: Vec<&Arg> = args.positional().collect();
    let texts: Vec<&str> = positional.iter().map(|a| a.text.as_str()).collect();
    let at = name_position(&texts);
    let lead = texts.first().filter(|_| at > 0).map(|w| w.to_lowercase()).filter(|w| w != "param");
    let Some(name) = positional.get(at) else {
        return Err(Diagnostic::error(card.span, ".step names nothing to step"));
    };
    let mut rest = &positional[at + 1..];
    let mut spacing = lead.clone().unwrap_or_else(|| "lin".to_string());
    if let Some(word) = rest.first().filter(|a| a.number.is_none()) {
        spacing = word.text.to_lowercase();
        rest = &rest[1..];
    }
    let mut numbers = Vec::with_capacity(rest.len());
    for arg in rest {
        match arg.number {
            Some(number) if number.is_finite() => numbers.push(number),
            _ => return Err(Diagnostic::error(arg.span, format!("`{}` is not a number", arg.text)).expected("expected a number")),
        }
    }
    // `dec param X a b n` has the number of points last, `X dec n a b` first.
    if lead.is_some() && spacing != "lin" && numbers.len() == 3 {
        numbers.rotate_right(1);
    }
    let mut folded = name.text.to_lowercase();
    if TEMPERATURE.contains(&folded.as_str()) {
        folded = "temp".to_string();
    }
    let values = series(&spacing, &numbers).map_err(|expected| {
        Diagnostic::error(card.span, "wrong values in .step")
            .expected(expected)
            .hint("`lin from to by`, `dec n from to`, `oct n from to`, `list a b c`")
    })?;
    Ok(Step { name: folded, values, span: card.span })
}

/// Values that a loop takes may not be more than this.
const MOST: f64 = 1e6;

/// The values of a series: `lin from to by`, `dec n from to`, `oct n from to`, `list ...`.
fn series(spacing: &str, numbers: &[f64]) -> Result<Vec<f64>, String> {
    match (spacing, numbers) {
        ("list", []) => Err("expected values after `list`".to_string()),
        ("list", values) => Ok(values.to_vec()),
        ("lin", [from, to, by]) => {
            let steps = (to - from) / by;
            if *by == 0.0 || !(0.0..MOST).contains(&steps) {
                return Err(format!("{from} to {to} by {by} is no series of at most a million values"));
            }
            // A millionth of a step forgives rounding: 0 to 1 by 0.1 has eleven values.
            Ok((0..=(steps + 1e-6).floor() as usize).map(|k| from + k as f64 * by).collect())
        }
        ("dec" | "oct", [per, from, to]) => {
            let base: f64 = if spacing == "dec" { 10.0 } else { 2.0 };
            let steps = (to / from).ln() / base.ln() * per;
            if *per < 1.0 || *from <= 0.0 || !(0.0..MOST).contains(&steps) {
                return Err(format!("{from} to {to} with {per} values per {spacing} is no rising series of positive values"));
            }
            Ok((0..=(steps + 1e-6).floor() as usize).map(|k| from * base.powf(k as f64 / per)).collect())
        }
        ("lin" | "dec" | "oct", numbers) => Err(format!("expected 3 numbers, {} given", numbers.len())),
        (other, _) => Err(format!("`{other}` is none of lin, dec, oct, list")),
    }
}
