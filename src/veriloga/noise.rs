//! Small-signal sources: `white_noise`, `flicker_noise`, `noise_table`, `noise_table_log`, `ac_stim` (LRM 2.4, 4.6).
//!
//! A call is an input of its own that is 0 but in small-signal analyses (see `model::small`); its density is a mark, so that
//! a call that is not reached has none. Sources act through whatever the model does with the value: factors, sums, `ddt`,
//! several contributions.

use std::path::Path;

use crate::ir::{Input, Type, Value};
use crate::model::small::{Small, SmallKind, SmallSource};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};

/// A source on its way: its numbers are marks.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingSource {
    name: String,
    kind: PendingKind,
    /// Marks of its numbers.
    marks: Vec<usize>,
    span: Span,
}

#[derive(Clone, PartialEq, Debug)]
enum PendingKind {
    White,
    Flicker,
    Table(bool),
    File(Vec<(f64, f64)>, bool),
    Stimulus(String),
}

impl Lowerer<'_> {
    /// `white_noise(power [, name])`.
    pub fn white_noise(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("white_noise", span)?;
        let power = self.plain_real(&arguments[0])?;
        let name = self.source_name(arguments.get(1), "white_noise")?;
        Ok(self.source(name, PendingKind::White, &[power], span))
    }

    /// `flicker_noise(power, exponent [, name])`.
    pub fn flicker_noise(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("flicker_noise", span)?;
        let power = self.plain_real(&arguments[0])?;
        let exponent = self.plain_real(&arguments[1])?;
        let name = self.source_name(arguments.get(2), "flicker_noise")?;
        Ok(self.source(name, PendingKind::Flicker, &[power, exponent], span))
    }

    /// `noise_table(vector or file [, name])`; with `logarithmic`, `noise_table_log`.
    pub fn noise_table(&mut self, arguments: &[Expr], span: Span, logarithmic: bool) -> Lowered<Term> {
        let function = if logarithmic { "noise_table_log" } else { "noise_table" };
        self.operators_allowed(function, span)?;
        let name = self.source_name(arguments.get(1), function)?;
        if let ExprKind::Text(file) = &arguments[0].kind {
            let points = self.table_file(file, arguments[0].span)?;
            return Ok(self.source(name, PendingKind::File(points, logarithmic), &[], span));
        }
        let values = self.vector(&arguments[0])?;
        if values.is_empty() || values.len() % 2 != 0 {
            let given = format!("{} numbers are given", values.len());
            return self.error(
                arguments[0].span,
                "the table is no list of pairs",
                format!("expected frequency, density ...; {given}"),
            );
        }
        Ok(self.source(name, PendingKind::Table(logarithmic), &values, span))
    }

    /// `ac_stim([analysis [, magnitude [, phase]]])`, the phase in radians.
    pub fn ac_stim(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.operators_allowed("ac_stim", span)?;
        let analysis = match arguments.first() {
            Some(given) if given.kind != ExprKind::Missing => self.literal(given)?,
            _ => "ac".to_string(),
        };
        let mut numbers = [self.builder.real(1.0), self.builder.real(0.0)];
        for (number, argument) in numbers.iter_mut().zip(arguments.iter().skip(1)) {
            if argument.kind != ExprKind::Missing {
                *number = self.plain_real(argument)?;
            }
        }
        if !["ac", "noise", "xf", "sp"].contains(&analysis.as_str()) {
            let warning = crate::diag::Diagnostic::warning(span, format!("there is no small-signal analysis \"{analysis}\""));
            self.warn_once(&format!("{span:?}"), warning.expected("this source never acts").hint("\"ac\" is the usual one"));
        }
        Ok(self.source("ac_stim".to_string(), PendingKind::Stimulus(analysis), &numbers, span))
    }

    fn source_name(&mut self, argument: Option<&Expr>, default: &str) -> Lowered<String> {
        match argument {
            Some(given) if given.kind != ExprKind::Missing => self.literal(given),
            _ => Ok(default.to_string()),
        }
    }

    /// Makes a source with these numbers; the value is the source itself.
    fn source(&mut self, name: String, kind: PendingKind, numbers: &[Value], span: Span) -> Term {
        self.builder.span = span;
        let mut marks = Vec::with_capacity(numbers.len());
        for number in numbers {
            let nothing = self.zero(Kind::Real);
            let mark = self.mark(nothing);
            self.set_mark(mark, Term::new(*number, Kind::Real));
            marks.push(mark);
        }
        let index = self.sources_of_noise.len() as u32;
        self.sources_of_noise.push(PendingSource { name, kind, marks, span });
        Term::new(self.builder.input(Input::Small(index), Type::Real), Kind::Real)
    }

    /// The values of `'{a, b, ...}` or of an array.
    fn vector(&mut self, expr: &Expr) -> Lowered<Vec<Value>> {
        match &expr.kind {
            ExprKind::List(_) => self.list(expr),
            ExprKind::Name(name) if self.is_array(name) => self.list(expr),
            _ => self.error(expr.span, "this is no table", "expected `'{frequency, density, ...}`, an array or the name of a file"),
        }
    }

    /// Pairs of numbers of a file, one pair to a line; `#` begins a comment.
    fn table_file(&mut self, file: &str, span: Span) -> Lowered<Vec<(f64, f64)>> {
        let own = self.sources.path(self.module.file).parent().unwrap_or(Path::new("")).join(file);
        let Ok(text) = self.sources.peek(&own).or_else(|_| self.sources.peek(Path::new(file))) else {
            return self.error(span, format!("cannot read {file}"), "expected a file of pairs: frequency and density");
        };
        let mut points = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let numbers: Vec<Option<f64>> =
                line.split([' ', '\t', ',']).filter(|w| !w.is_empty()).map(|w| w.parse().ok()).collect();
            match numbers.as_slice() {
                [Some(frequency), Some(density)] => points.push((*frequency, *density)),
                _ => {
                    let remark = format!("line {} is `{line}`; expected a frequency and a density", number + 1);
                    return self.error(span, format!("{file} is no table of noise"), remark);
                }
            }
        }
        if points.is_empty() {
            return self.error(span, format!("{file} is empty"), "expected a frequency and a density on each line");
        }
        Ok(points)
    }

    /// Values of the marks of all sources, in order.
    pub fn source_values(&self) -> Vec<Value> {
        self.sources_of_noise.iter().flat_map(|s| s.marks.iter().map(|m| self.marked(*m).value)).collect()
    }

    /// The sources; their numbers are the outputs from `first` on.
    pub fn small_sources(&self, first: u32, function: crate::ir::Function) -> Small {
        let mut next = first;
        let mut sources = Vec::new();
        for pending in &self.sources_of_noise {
            let own: Vec<u32> = (next..next + pending.marks.len() as u32).collect();
            next += own.len() as u32;
            let kind = match &pending.kind {
                PendingKind::White => SmallKind::White(own[0]),
                PendingKind::Flicker => SmallKind::Flicker(own[0], own[1]),
                PendingKind::Table(logarithmic) => SmallKind::Table(own.chunks(2).map(|p| (p[0], p[1])).collect(), *logarithmic),
                PendingKind::File(points, logarithmic) => SmallKind::File(points.clone(), *logarithmic),
                PendingKind::Stimulus(analysis) => SmallKind::Stimulus(analysis.clone(), own[0], own[1]),
            };
            sources.push(SmallSource { name: pending.name.clone(), kind, span: pending.span });
        }
        Small { sources, function }
    }
}
