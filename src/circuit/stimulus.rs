//! `V` and `I` cards to independent sources with their time functions.

use crate::circuit::device;
use crate::circuit::flatten::{Flattener, count};
use crate::circuit::graph::Values;
use crate::circuit::ranges::shown;
use crate::circuit::scope::EnvId;
use crate::circuit::{Circuit, Number, Source, SourceKind, Terminal, Waveform};
use crate::diag::Diagnostic;
use crate::ir::Value;
use crate::netlist::ast::{self, Element, Expr, ExprKind};
use crate::span::Span;
use crate::units;

/// Time functions, how many of their arguments are amplitudes (they come first), and the names of all.
const SHAPES: [(&str, usize, &[&str]); 5] = [
    ("pulse", 2, &["v1", "v2", "td", "tr", "tf", "pw", "per", "np"]),
    ("sin", 2, &["vo", "va", "freq", "td", "theta", "phase"]),
    ("exp", 2, &["v1", "v2", "td1", "tau1", "td2", "tau2"]),
    ("sffm", 2, &["vo", "va", "fc", "mdi", "fs"]),
    ("am", 1, &["sa", "oc", "fm", "fc", "td"]),
];

/// Builds a source.
pub fn build(fl: &mut Flattener, env: EnvId, element: &Element, kind: SourceKind, nodes: &[Terminal]) {
    if nodes.len() != 2 {
        fl.report(
            Diagnostic::error(element.span, format!("a source has 2 nodes, `{}` has {}", element.name.text, nodes.len()))
                .expected("expected 2 nodes"),
        );
    }
    // `m` current sources in parallel give m times the current; of voltage sources in parallel there is nothing to say.
    let scale = match kind {
        SourceKind::Current => device::multiplicity(fl, env, element),
        SourceKind::Voltage => fl.scopes.graph.fixed(1.0),
    };
    let dc = element.value.as_ref().map(|value| scaled(fl, env, value, scale));
    let ac = element.ac.as_ref().map(|ac| {
        let magnitude = scaled(fl, env, &ac.0, scale);
        (magnitude, ac.1.as_ref().map_or(Number::Fixed(0.0), |phase| fl.scopes.number(env, phase)))
    });
    let waveform = element.waveform.as_ref().and_then(|w| waveform(fl, env, w, scale));
    for assignment in element.parameters.iter().filter(|a| !(kind == SourceKind::Current && a.name.text.eq_ignore_ascii_case("m")))
    {
        fl.report(
            Diagnostic::error(assignment.name.span, format!("a source has no parameter `{}`", assignment.name.text))
                .expected("unknown parameter")
                .hint("write `dc value`, `ac magnitude phase`, `sin(...)`, `pulse(...)`, `pwl(...)`, `exp(...)`, `sffm(...)`, `am(...)`"),
        );
    }
    fl.circuit.sources.push(Source {
        name: fl.path(env, &element.name.text),
        kind,
        plus: nodes.first().copied().unwrap_or(Terminal::Ground),
        minus: nodes.get(1).copied().unwrap_or(Terminal::Ground),
        dc,
        ac,
        waveform,
        span: element.span,
    });
}

/// Edges of no length take a step of the simulation; what that does to the duty of a square wave is said (decision 20).
pub fn edges(circuit: &Circuit, values: &Values) -> Vec<Diagnostic> {
    let tran = circuit.analyses.iter().find(|a| a.keyword == "tran");
    let Some(step) = tran.and_then(|t| t.number(0, "").ok()) else { return Vec::new() };
    let mut found = Vec::new();
    for source in &circuit.sources {
        let Some(Waveform::Pulse(arguments)) = &source.waveform else { continue };
        let value = |k: usize| arguments[k].map(|n| values.of(n));
        let (Some(width), Some(period)) = (value(5), value(6).filter(|p| *p > 0.0)) else { continue };
        let edge = |k: usize| value(k).filter(|t| *t > 0.0);
        if edge(3).is_some() && edge(4).is_some() {
            continue;
        }
        // The mean of a ramp is half of its height.
        let duty = (width + (edge(3).unwrap_or(step) + edge(4).unwrap_or(step)) / 2.0) / period;
        found.push(
            Diagnostic::warning(
                source.span,
                format!("TR or TF of `{}` is 0 and becomes the step of .tran, {step:e} s", source.name),
            )
            .expected(format!("PW leaves out the edges: the duty is {:.4} %", 100.0 * duty))
            .hint("give TR and TF, and shorten PW by their mean for the duty that you want"),
        );
    }
    found
}

/// An amplitude times the multiplicity.
fn scaled(fl: &mut Flattener, env: EnvId, expr: &Expr, scale: Value) -> Number {
    let value = fl.scopes.value(env, expr);
    let value = fl.scopes.graph.product(scale, value);
    fl.scopes.graph.number(value)
}

fn waveform(fl: &mut Flattener, env: EnvId, written: &ast::Waveform, scale: Value) -> Option<Waveform> {
    let kind = written.kind.folded();
    if kind == "pwl" {
        return pwl(fl, env, written, scale);
    }
    let Some((_, amplitudes, names)) = SHAPES.iter().find(|(shape, ..)| *shape == kind) else {
        fl.report(
            Diagnostic::error(written.kind.span, format!("unknown time function `{}`", written.kind.text))
                .expected("expected sin, pulse, pwl, exp, sffm or am")
                .suggest(&kind, SHAPES.iter().map(|s| s.0).chain(["pwl"])),
        );
        return None;
    };
    let one = fl.scopes.graph.fixed(1.0);
    let factor = |k: usize| if k < *amplitudes { scale } else { one };
    let mut arguments: Vec<Option<Number>> =
        written.arguments.iter().enumerate().map(|(k, a)| Some(scaled(fl, env, a, factor(k)))).collect();
    if arguments.len() > names.len() || arguments.is_empty() {
        let span = written.arguments.get(names.len()).map_or(written.kind.span, |a| a.span);
        fl.report(
            Diagnostic::error(span, format!("{kind}() takes up to {}, {} given", count(names.len(), "argument"), arguments.len()))
                .expected(format!("expected {kind}({})", names.join(" "))),
        );
        return None;
    }
    arguments.resize(names.len(), None);
    for assignment in &written.named {
        match names.iter().position(|n| assignment.name.text.eq_ignore_ascii_case(n)) {
            Some(k) => arguments[k] = Some(scaled(fl, env, &assignment.value, factor(k))),
            None => fl.report(
                Diagnostic::error(assignment.name.span, format!("{kind}() has no argument `{}`", assignment.name.text))
                    .expected(format!("expected {}", names.join(", ")))
                    .suggest(&assignment.name.text, names.iter().copied()),
            ),
        }
    }
    Some(match kind.as_str() {
        "pulse" => Waveform::Pulse(arguments),
        "sin" => Waveform::Sin(arguments),
        "exp" => Waveform::Exp(arguments),
        "sffm" => Waveform::Sffm(arguments),
        _ => Waveform::Am(arguments),
    })
}

fn pwl(fl: &mut Flattener, env: EnvId, written: &ast::Waveform, scale: Value) -> Option<Waveform> {
    let mut points = Vec::new();
    let mut repeat = None;
    let mut delay = Number::Fixed(0.0);
    for assignment in &written.named {
        match assignment.name.folded().as_str() {
            "file" => {
                points = file(fl, &assignment.value)?;
                for (_, value) in &mut points {
                    let graph = &mut fl.scopes.graph;
                    let whole = graph.value(*value);
                    let product = graph.product(whole, scale);
                    *value = graph.number(product);
                }
            }
            "r" | "repeat" => repeat = Some(fl.scopes.number(env, &assignment.value)),
            "td" => delay = fl.scopes.number(env, &assignment.value),
            _ => fl.report(
                Diagnostic::error(assignment.name.span, format!("pwl() has no argument `{}`", assignment.name.text))
                    .expected("expected file=, r= or td="),
            ),
        }
    }
    if !written.arguments.len().is_multiple_of(2) {
        let last = written.arguments.last().map_or(written.kind.span, |a| a.span);
        fl.report(
            Diagnostic::error(
                last,
                format!("pwl() needs pairs of time and value, {} given", count(written.arguments.len(), "number")),
            )
            .expected("the value at this time is missing"),
        );
        return None;
    }
    for pair in written.arguments.chunks_exact(2) {
        let point = (fl.scopes.number(env, &pair[0]), scaled(fl, env, &pair[1], scale));
        if let (Some((Number::Fixed(before), _)), Number::Fixed(now)) = (points.last(), point.0)
            && now < *before
        {
            fl.report(
                Diagnostic::error(pair[0].span, "times of pwl() must rise")
                    .expected(format!("this is before {} s, the time of the point before it", shown(*before))),
            );
            return None;
        }
        points.push(point);
    }
    if points.is_empty() {
        fl.report(Diagnostic::error(written.kind.span, "pwl() has no points").expected("expected pwl(t1 v1 t2 v2 ...)"));
        return None;
    }
    Some(Waveform::Pwl { points, repeat, delay })
}

/// Points from a file: an NPY file of two columns, or a text with two numbers a line, separated by comma, semicolon or blanks,
/// in which lines without numbers are skipped.
fn file(fl: &mut Flattener, expr: &Expr) -> Option<Vec<(Number, Number)>> {
    let (ExprKind::Text(name) | ExprKind::Name(name)) = &expr.kind else {
        fl.report(Diagnostic::error(expr.span, "the name of a file is a text").expected("expected file=\"name.csv\""));
        return None;
    };
    if name.ends_with(".npy") {
        return array(fl, name, expr.span);
    }
    let folder = fl.sources.path(expr.span.file).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    let id = match fl.sources.load(&folder.join(name)) {
        Ok(id) => id,
        Err(error) => {
            fl.report(
                Diagnostic::error(expr.span, format!("cannot read `{}`: {error}", folder.join(name).display()))
                    .expected("a file with a time and a value on each line"),
            );
            return None;
        }
    };
    let mut points: Vec<(Number, Number)> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for line in fl.sources.text(id).lines() {
        let mut words = line.split([',', ';', ' ', '\t']).filter(|w| !w.is_empty());
        let pair = words.next().and_then(units::number).zip(words.next().and_then(units::number));
        let Some((time, value)) = pair else { continue };
        if time < last {
            let text = format!("times in `{name}` must rise: {} s comes after {} s", shown(time), shown(last));
            fl.report(Diagnostic::error(expr.span, text).expected("this file"));
            return None;
        }
        last = time;
        points.push((Number::Fixed(time), Number::Fixed(value)));
    }
    if points.is_empty() {
        let text = format!("`{name}` holds no points");
        fl.report(Diagnostic::error(expr.span, text).expected("expected a time and a value on each line"));
        return None;
    }
    Some(points)
}

/// Points from an NPY file.
fn array(fl: &mut Flattener, name: &str, span: Span) -> Option<Vec<(Number, Number)>> {
    let matrix = match fl.scopes.data.matrix(name, span) {
        Ok(matrix) => matrix,
        Err(error) => {
            fl.report(error);
            return None;
        }
    };
    let rising = matrix.values.chunks_exact(2).zip(matrix.values.chunks_exact(2).skip(1)).all(|(a, b)| a[0] <= b[0]);
    if matrix.shape.len() != 2 || matrix.shape[1] != 2 || !rising || matrix.values.is_empty() {
        let text = format!("`{name}` has {}, or times that do not rise", matrix.size());
        fl.report(Diagnostic::error(span, text).expected("expected rows of a time and a value, times rising"));
        return None;
    }
    Some(matrix.values.chunks_exact(2).map(|p| (Number::Fixed(p[0]), Number::Fixed(p[1]))).collect())
}
