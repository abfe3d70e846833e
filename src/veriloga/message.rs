//! Calls that stand alone: `$strobe` and its kin, `$finish`, `$bound_step`, analog functions called for what they write.

use crate::diag::Diagnostic;
use crate::ir::Op;
use crate::model::{ArgumentType, MessageLevel, Moment};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Context, Kind, Lowered, Lowerer, Term};
use crate::veriloga::system::LATER;

/// Tasks that say something: name, what they do, leading number to be dropped.
const MESSAGES: [(&str, MessageLevel, bool); 14] = [
    ("$strobe", MessageLevel::Note, false),
    ("$display", MessageLevel::Note, false),
    ("$write", MessageLevel::Note, false),
    ("$monitor", MessageLevel::Note, false),
    ("$debug", MessageLevel::Note, false),
    ("$info", MessageLevel::Note, false),
    ("$warning", MessageLevel::Warning, false),
    ("$error", MessageLevel::Error, false),
    ("$fatal", MessageLevel::Fatal, true),
    ("$finish", MessageLevel::Finish, true),
    ("$stop", MessageLevel::Finish, true),
    ("$fstrobe", MessageLevel::Note, false),
    ("$fdisplay", MessageLevel::Note, false),
    ("$fwrite", MessageLevel::Note, false),
];

/// A message on its way: marks for whether it is reached and for its arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    /// Format string.
    pub format: Option<String>,
    /// Mark and type of each argument.
    pub arguments: Vec<(usize, ArgumentType)>,
    /// Mark: reached.
    pub reached: usize,
    /// When it is looked at.
    pub moment: Moment,
    /// What it does.
    pub level: MessageLevel,
    /// Where it stands.
    pub span: Span,
}

impl Lowerer<'_> {
    /// A call as a statement.
    pub fn call_statement(&mut self, call: &Expr) -> Lowered<()> {
        let ExprKind::Call(name, arguments) = &call.kind else { return Ok(()) };
        let text = name.text.as_str();
        if text.starts_with("$f") && MESSAGES.iter().any(|(n, _, _)| *n == text) && !matches!(text, "$fatal" | "$finish") {
            return self.error(call.span, format!("`{text}` is not supported yet"), "models do not write files");
        }
        if let Some((_, level, numbered)) = MESSAGES.iter().find(|(n, _, _)| *n == text) {
            return self.message(*level, *numbered, arguments, call.span);
        }
        match text {
            "$bound_step" => return self.bound_step(arguments, call.span),
            "$discontinuity" => return self.discontinuity(arguments, call.span),
            _ => {}
        }
        let function = matches!(self.symbols.names.get(text), Some((Symbol::Function(_), _)));
        if !function && text.starts_with('$') && !LATER.contains(&text) {
            let known: Vec<&str> = MESSAGES.iter().map(|m| m.0).chain(["$bound_step"]).collect();
            let error = Diagnostic::error(name.span, format!("the task `{text}` is not known")).suggest(text, known);
            self.diagnostics.push(error);
            return Err(crate::veriloga::parse::Abort);
        }
        if self.world.is_access(text) && !function {
            return self.error(call.span, "nothing is done with this value", "expected `<+` after it");
        }
        self.expression(call).map(|_| ())
    }

    /// A message that ends the run.
    pub fn fatal(&mut self, text: &str, span: Span) {
        let format = Expr { kind: ExprKind::Text(text.to_string()), span };
        let _ = self.message(MessageLevel::Fatal, false, &[format], span);
    }

    fn message(&mut self, level: MessageLevel, numbered: bool, arguments: &[Expr], span: Span) -> Lowered<()> {
        if matches!(self.context, Context::Parameters(_)) || self.visible != usize::MAX || self.loops > 0 {
            let remark = "messages belong to the analog block, outside of loops whose rounds are not known";
            return self.error(span, "a message where none can be", remark);
        }
        let numbered = numbered && !matches!(arguments.first(), Some(Expr { kind: ExprKind::Text(_), .. }));
        let mut rest = if numbered { arguments.get(1..).unwrap_or(&[]) } else { arguments };
        let mut format = None;
        if let Some((Expr { kind: ExprKind::Text(text), .. }, others)) = rest.split_first() {
            format = Some(text.clone());
            rest = others;
        }
        let mut marks = Vec::new();
        for argument in rest.iter().filter(|a| a.kind != ExprKind::Missing) {
            let term = self.expression(argument)?;
            let (kind, shown) = match term.kind {
                Kind::Real => (Kind::Real, ArgumentType::Real),
                Kind::Text => (Kind::Text, ArgumentType::Text),
                Kind::Int | Kind::Bool => (Kind::Int, ArgumentType::Int),
            };
            let term = self.convert(term, kind, argument.span)?;
            let value = self.plain(term, argument.span)?;
            let nothing = self.zero(kind);
            let mark = self.mark(nothing);
            self.set_mark(mark, Term::new(value, kind));
            marks.push((mark, shown));
        }
        let no = self.zero(Kind::Bool);
        let reached = self.mark(no);
        let yes = self.builder.boolean(true);
        self.set_mark(reached, Term::new(yes, Kind::Bool));
        self.messages.push(Pending { format, arguments: marks, reached, moment: self.moment, level, span });
        Ok(())
    }

    /// `$bound_step(e)`: the shortest of all that are reached.
    fn bound_step(&mut self, arguments: &[Expr], span: Span) -> Lowered<()> {
        if self.context == Context::Function || self.loops > 0 || arguments.len() != 1 {
            return self.error(span, "`$bound_step` takes one argument", "it belongs to the analog block, outside of loops");
        }
        let value = self.plain_real(&arguments[0])?;
        self.builder.span = span;
        let mark = match self.bound {
            Some(mark) => mark,
            None => {
                let endless = self.real(f64::INFINITY);
                self.mark(endless)
            }
        };
        self.bound = Some(mark);
        let old = self.marked(mark).value;
        let shortest = self.builder.op(Op::Min, &[old, value]);
        self.set_mark(mark, Term::new(shortest, Kind::Real));
        Ok(())
    }
}
