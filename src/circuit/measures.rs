//! `.measure`: words, numbers and columns, names resolved. What they mean is known to `wave::measure`.

use std::sync::Arc;

use crate::circuit::columns::is_own;
use crate::circuit::controls::{holds, reads_results};
use crate::circuit::expect::{self, Expectation};
use crate::circuit::flatten::Flattener;
use crate::circuit::graph::Values;
use crate::circuit::outputs::ANALYSES;
use crate::circuit::scope::TOP;
use crate::circuit::{Circuit, MeasureCard, MeasureWord, Number};
use crate::diag::Diagnostic;
use crate::ir::{Builder, Function, Input, Inst, Type, Value};
use crate::netlist::ast::{Card, Deck, Expr, ExprKind, Field, FunctionCard};
use crate::netlist::lower::{self, Resolve};
use crate::span::Span;

/// Words of the language of measures.
const WORDS: [&str; 32] = [
    "find",
    "when",
    "trig",
    "targ",
    "avg",
    "rms",
    "min",
    "max",
    "pp",
    "integ",
    "integral",
    "deriv",
    "derivative",
    "param",
    "par",
    "at",
    "rise",
    "fall",
    "cross",
    "last",
    "td",
    "from",
    "to",
    "val",
    "goal",
    "minval",
    "weight",
    "min_at",
    "max_at",
    "print",
    "all",
    "point",
];

/// Words that say what is measured, and are names of parameters and measures anywhere else.
const PORTRAITS: [&str; 13] = [
    "pinch",
    "lobe",
    "lobe_neg",
    "onoff",
    "energy",
    "switching",
    "excursion",
    "period",
    "frequency",
    "duty",
    "spikes",
    "spike_width",
    "phase",
];

/// A word whose number is not known yet.
enum Word {
    Ready(MeasureWord),
    Number(Number, Span),
    Formula(Function, Vec<Argument>, Span),
}

/// What a formula reads.
enum Argument {
    Measure(String),
    Number(Number),
}

/// A card whose numbers are not known yet.
struct Unfinished {
    card: MeasureCard,
    words: Vec<Word>,
    expected: expect::Pending,
}

/// Cards whose numbers are not known yet.
pub struct Pending(Vec<Unfinished>);

impl Pending {
    /// Numbers that the measures depend on.
    pub fn numbers(&self) -> Vec<Number> {
        let of = |word: &Word| -> Vec<Number> {
            match word {
                Word::Ready(_) => Vec::new(),
                Word::Number(number, _) => vec![*number],
                Word::Formula(_, arguments, _) => {
                    arguments.iter().filter_map(|a| if let Argument::Number(n) = a { Some(*n) } else { None }).collect()
                }
            }
        };
        self.0.iter().flat_map(|m| m.words.iter().flat_map(of).chain(m.expected.numbers())).collect()
    }
}

/// Reads all measures.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) -> Pending {
    let mut pending = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for card in &deck.measures {
        match measure(fl, card, &names) {
            Ok(unfinished) => {
                let measure = &unfinished.card;
                if names.iter().any(|n| n.eq_ignore_ascii_case(&measure.name)) {
                    fl.report(
                        Diagnostic::error(measure.span, format!("measure `{}` is declared twice", measure.name))
                            .expected("second declaration"),
                    );
                }
                names.push(measure.name.clone());
                pending.push(unfinished);
            }
            Err(error) => fl.report(error),
        }
    }
    Pending(pending)
}

fn measure<'d>(fl: &mut Flattener<'d, '_>, card: &'d Card, names: &[String]) -> Result<Unfinished, Diagnostic> {
    let name_of = |field: Option<&'d Field>| match field {
        Some(Field::Value(Expr { kind: ExprKind::Name(name) | ExprKind::Text(name), span })) => Some((name.clone(), *span)),
        _ => None,
    };
    let mut fields = card.fields.as_slice();
    let mut analysis = "tran".to_string();
    if let Some((first, _)) = name_of(fields.first()).filter(|(n, _)| ANALYSES.contains(&n.to_lowercase().as_str())) {
        analysis = first.to_lowercase();
        fields = &fields[1..];
    }
    let (name, span) = name_of(fields.first()).ok_or_else(|| {
        Diagnostic::error(card.span, ".measure has no name").expected("expected `.measure tran name find v(a) at=1u`")
    })?;
    let mut words = Vec::with_capacity(fields.len());
    let mut expected = expect::Pending::default();
    for (k, field) in fields[1..].iter().enumerate() {
        match field {
            Field::Value(Expr { kind: ExprKind::Name(text) | ExprKind::Text(text), span }) if k == 0 && is_portrait(text) => {
                words.push(Word::Ready(MeasureWord::Word(text.to_lowercase(), *span)));
            }
            Field::Value(expr) => words.push(value(fl, expr, names)?),
            Field::Assignment(key, expr) => {
                match &key.kind {
                    ExprKind::Name(text) if expected.take(fl, text, expr)? => continue,
                    // The label of a special point is a word, whatever else is called so.
                    ExprKind::Name(text) if text.eq_ignore_ascii_case("point") => {
                        words.push(Word::Ready(MeasureWord::Key("point".to_string(), key.span)));
                        let label = fl.sources.slice(expr.span).trim().trim_matches(['"', '\'']).to_string();
                        words.push(Word::Ready(MeasureWord::Word(label, expr.span)));
                        continue;
                    }
                    ExprKind::Name(text) if WORDS.contains(&text.to_lowercase().as_str()) => {
                        words.push(Word::Ready(MeasureWord::Key(text.to_lowercase(), key.span)));
                    }
                    _ => {
                        words.push(value(fl, key, names)?);
                        words.push(Word::Ready(MeasureWord::Equals(Span {
                            start: key.span.end,
                            end: expr.span.start,
                            ..key.span
                        })));
                    }
                }
                words.push(value(fl, expr, names)?);
            }
        }
    }
    if words.is_empty() {
        return Err(Diagnostic::error(card.span, format!("measure `{name}` says nothing"))
            .expected("expected find, when, trig, avg, rms, min, max, pp, integ, deriv or param"));
    }
    let card = MeasureCard { analysis, name, span, words: Vec::new(), expectation: Expectation::default() };
    Ok(Unfinished { card, words, expected })
}

fn is_portrait(text: &str) -> bool {
    PORTRAITS.iter().any(|p| p.eq_ignore_ascii_case(text))
}

fn value<'d>(fl: &mut Flattener<'d, '_>, expr: &Expr, names: &[String]) -> Result<Word, Diagnostic> {
    match &expr.kind {
        ExprKind::Number(number) => return Ok(Word::Number(Number::Fixed(*number), expr.span)),
        ExprKind::Name(text) | ExprKind::Text(text) if WORDS.contains(&text.to_lowercase().as_str()) => {
            return Ok(Word::Ready(MeasureWord::Word(text.to_lowercase(), expr.span)));
        }
        _ => {}
    }
    let declared = |fl: &mut Flattener, name: &str| {
        names.iter().any(|n| n.eq_ignore_ascii_case(name)) || fl.scopes.parameter(TOP, &name.to_lowercase(), expr.span).is_some()
    };
    let own = matches!(&expr.kind, ExprKind::Name(name) if is_own(name) && !declared(fl, name));
    if own || reads_results(expr) || reads_unknowns(fl, expr) {
        return Ok(Word::Ready(MeasureWord::Column(fl.column(expr)?, expr.span)));
    }
    let mut reads = Reads { fl, names, arguments: Vec::new() };
    let mut builder = Builder::new();
    let value = lower::lower(expr, &mut builder, &mut reads)?;
    let arguments = reads.arguments;
    if arguments.iter().any(|a| matches!(a, Argument::Measure(_))) {
        return Ok(Word::Formula(builder.finish(vec![value]), arguments, expr.span));
    }
    Ok(Word::Number(fl.scopes.number(TOP, expr), expr.span))
}

/// `x1.state` outside of `v()`, alone or in an expression.
fn reads_unknowns(fl: &Flattener, expr: &Expr) -> bool {
    holds(expr, &|leaf| matches!(&leaf.kind, ExprKind::Name(name) if fl.instance(name).is_some()))
}

/// Stores the measures with their numbers.
pub fn finish(circuit: &mut Circuit, pending: Pending, values: &Values) {
    let word = |word| match word {
        Word::Ready(word) => word,
        Word::Number(number, span) => MeasureWord::Number(values.of(number), span),
        Word::Formula(function, arguments, span) => formula(function, &arguments, values, span),
    };
    let finished = |m: Unfinished| MeasureCard {
        words: m.words.into_iter().map(word).collect(),
        expectation: m.expected.finish(values),
        ..m.card
    };
    circuit.measures = pending.0.into_iter().map(finished).collect();
}

/// Numbers among the arguments become constants, measures are numbered anew.
fn formula(mut function: Function, arguments: &[Argument], values: &Values, span: Span) -> MeasureWord {
    let mut measures = Vec::new();
    let mut insts = Vec::with_capacity(arguments.len());
    for argument in arguments {
        insts.push(match argument {
            Argument::Number(number) => Inst::Const(values.of(*number)),
            Argument::Measure(name) => {
                measures.push(name.clone());
                Inst::Input(Input::Argument(measures.len() as u32 - 1))
            }
        });
    }
    for inst in &mut function.insts {
        if let Inst::Input(Input::Argument(k)) = inst {
            *inst = insts[*k as usize];
        }
    }
    MeasureWord::Formula(Arc::new(function), measures, span)
}

/// Names in a formula: earlier measures, then parameters.
struct Reads<'f, 'd, 'l> {
    fl: &'f mut Flattener<'d, 'l>,
    names: &'f [String],
    arguments: Vec<Argument>,
}

impl<'d> Resolve<'d> for Reads<'_, 'd, '_> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let ExprKind::Name(name) = &leaf.kind else { return Ok(None) };
        let argument = match self.names.iter().find(|n| n.eq_ignore_ascii_case(name)) {
            Some(measure) => Argument::Measure(measure.clone()),
            None => match self.fl.scopes.parameter(TOP, &name.to_lowercase(), leaf.span) {
                Some(value) => Argument::Number(self.fl.scopes.graph.number(value)),
                None => return Ok(None),
            },
        };
        self.arguments.push(argument);
        Ok(Some(builder.input(Input::Argument(self.arguments.len() as u32 - 1), Type::Real)))
    }

    fn function(&self, name: &str) -> Option<&'d FunctionCard> {
        self.fl.scopes.function(TOP, &name.to_lowercase()).map(|(function, _)| function)
    }

    fn data(&mut self, whole: &Expr, file: &Expr, indices: &[Value], builder: &mut Builder) -> Result<Value, Diagnostic> {
        crate::circuit::data::value(&mut self.fl.scopes.data, whole, file, indices, builder)
    }

    fn names(&self) -> Vec<String> {
        self.names.iter().cloned().chain(self.fl.scopes.visible(TOP, |d| d.parameter_names())).collect()
    }
}
