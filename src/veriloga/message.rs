//! Calls that stand alone: `$strobe` and its kin, `$finish`, `$bound_step`, analog functions called for what they write.

use crate::diag::Diagnostic;
use crate::ir::{Op, Value};
use crate::model::format::Piece;
use crate::model::{ArgumentType, MessageLevel, Moment};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Context, Kind, Lowered, Lowerer, Term};
use crate::veriloga::names;
use crate::veriloga::parse::Abort;

/// What a task of the `$strobe` family does.
struct Task {
    name: &'static str,
    level: MessageLevel,
    /// A number may come first that says how much is told, or how the run ends.
    numbered: bool,
    /// A line feed follows.
    line: bool,
    /// The first argument is a descriptor.
    file: bool,
    /// Speaks only where its arguments have changed.
    monitor: bool,
}

const fn task(name: &'static str, level: MessageLevel) -> Task {
    Task { name, level, numbered: false, line: true, file: false, monitor: false }
}

/// Tasks that say something.
const TASKS: &[Task] = &[
    task("$strobe", MessageLevel::Note),
    task("$display", MessageLevel::Note),
    Task { line: false, ..task("$write", MessageLevel::Note) },
    Task { monitor: true, ..task("$monitor", MessageLevel::Note) },
    task("$debug", MessageLevel::Note),
    task("$info", MessageLevel::Note),
    task("$warning", MessageLevel::Warning),
    task("$error", MessageLevel::Error),
    Task { numbered: true, ..task("$fatal", MessageLevel::Fatal) },
    Task { numbered: true, ..task("$finish", MessageLevel::Finish) },
    Task { numbered: true, ..task("$stop", MessageLevel::Finish) },
    Task { file: true, ..task("$fstrobe", MessageLevel::Note) },
    Task { file: true, ..task("$fdisplay", MessageLevel::Note) },
    Task { file: true, line: false, ..task("$fwrite", MessageLevel::Note) },
    Task { file: true, monitor: true, ..task("$fmonitor", MessageLevel::Note) },
    Task { file: true, ..task("$fdebug", MessageLevel::Note) },
];

/// Names of all tasks of this family.
pub fn task_names() -> impl Iterator<Item = &'static str> {
    TASKS.iter().map(|t| t.name)
}

/// Where a message goes, with values in place of outputs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Target {
    /// The report, as a line.
    Line,
    /// The report, no line feed behind it.
    Part,
    /// The report when something has changed; bits of arguments that do not count.
    Monitor(u64),
    /// The files of the descriptor in this mark.
    File(usize),
    /// The same when something has changed.
    FileMonitor(usize, u64),
    /// Opens a file.
    Open {
        /// Descriptor that it gets.
        descriptor: i32,
        /// Goes on behind what is there.
        append: bool,
    },
    /// Closes the descriptor in this mark.
    Close(usize),
}

/// A message on its way: marks for whether it is reached and for its arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    /// What is said.
    pub pieces: Vec<Piece>,
    /// Mark and type of each argument.
    pub arguments: Vec<(usize, ArgumentType)>,
    /// Mark: reached.
    pub reached: usize,
    /// When it is looked at.
    pub moment: Moment,
    /// What it does.
    pub level: MessageLevel,
    /// Where it goes.
    pub target: Target,
    /// Where it stands.
    pub span: Span,
}

impl Lowerer<'_> {
    /// A call as a statement.
    pub fn call_statement(&mut self, call: &Expr) -> Lowered<()> {
        let ExprKind::Call(name, arguments) = &call.kind else { return Ok(()) };
        let text = name.text.as_str();
        if let Some(task) = TASKS.iter().find(|t| t.name == text) {
            return self.message(task, arguments, call.span);
        }
        match text {
            "$bound_step" => return self.bound_step(arguments, call.span),
            "$discontinuity" => return self.discontinuity(arguments, call.span),
            "$sformat" | "$swrite" => return self.made_text(text, arguments, call.span),
            "$fclose" => return self.close(arguments, call.span),
            "$fflush" => {
                // Files are written when the analysis is over: there is nothing to be flushed before.
                return arguments.iter().try_for_each(|a| self.expression(a).map(|_| ()));
            }
            _ => {}
        }
        if let Some(reason) = names::refused(text) {
            return self.error(call.span, format!("`{text}` is not supported"), reason);
        }
        let function = matches!(self.symbols.names.get(text), Some((Symbol::Function(_), _)));
        if !function && text.starts_with('$') && !self.is_known(text) {
            let known: Vec<String> = self.known_names().into_iter().chain(task_names().map(String::from)).collect();
            let error = Diagnostic::error(name.span, format!("the task `{text}` is not known"));
            self.diagnostics.push(error.suggest(text, known.iter().map(String::as_str)));
            return Err(Abort);
        }
        if self.world.is_access(text) && !function {
            return self.error(call.span, "nothing is done with this value", "expected `<+` after it");
        }
        self.expression(call).map(|_| ())
    }

    /// A message that ends the run.
    pub fn fatal(&mut self, text: &str, span: Span) {
        if self.messages_allowed(span).is_ok() {
            let pieces = vec![Piece::Text(text.to_string())];
            self.say(pieces, Vec::new(), MessageLevel::Fatal, Target::Line, span);
        }
    }

    /// Complaint about a message where none can be.
    pub fn messages_allowed(&mut self, span: Span) -> Lowered<()> {
        if matches!(self.context, Context::Parameters(_)) || self.visible != usize::MAX || self.loops > 0 {
            let remark = "messages belong to the analog block, outside of loops whose rounds are not known";
            return self.error(span, "a message where none can be", remark);
        }
        Ok(())
    }

    fn message(&mut self, task: &Task, arguments: &[Expr], span: Span) -> Lowered<()> {
        self.messages_allowed(span)?;
        if task.name.ends_with("debug") {
            let warning = Diagnostic::warning(span, format!("`{}` speaks at accepted points only", task.name));
            self.warn_once(task.name, warning.expected("not in each iteration"));
        }
        let mut rest = arguments;
        if task.numbered && !matches!(rest.first(), Some(Expr { kind: ExprKind::Text(_), .. })) {
            rest = rest.get(1..).unwrap_or(&[]);
        }
        let mut descriptor = None;
        if task.file {
            let Some((first, others)) = rest.split_first() else {
                return self.error(span, format!("`{}` says not where", task.name), "expected the descriptor of a file");
            };
            let term = self.expression(first)?;
            let term = self.convert(term, Kind::Int, first.span)?;
            descriptor = Some(self.marked_value(term.value, Kind::Int));
            rest = others;
        }
        let (mut pieces, terms) = self.pieces(rest)?;
        let mut still = 0;
        for (k, (_, _, time)) in terms.iter().enumerate().take(64) {
            still |= u64::from(*time) << k;
        }
        let marks = terms.into_iter().map(|(value, shown, _)| (self.marked_value(value, kind_of(shown)), shown)).collect();
        if task.file && task.line {
            pieces.push(Piece::Text("\n".to_string()));
        }
        let target = match (descriptor, task.monitor) {
            (Some(mark), true) => Target::FileMonitor(mark, still),
            (Some(mark), false) => Target::File(mark),
            (None, true) => Target::Monitor(still),
            (None, false) if task.line => Target::Line,
            (None, false) => Target::Part,
        };
        self.say(pieces, marks, task.level, target, span);
        Ok(())
    }

    /// A message, reached where this stands.
    pub fn say(
        &mut self,
        pieces: Vec<Piece>,
        arguments: Vec<(usize, ArgumentType)>,
        level: MessageLevel,
        target: Target,
        span: Span,
    ) {
        let yes = self.builder.boolean(true);
        let reached = self.marked_value(yes, Kind::Bool);
        self.messages.push(Pending { pieces, arguments, reached, moment: self.moment, level, target, span });
    }

    /// A mark with a value; it rests at zero.
    pub fn marked_value(&mut self, value: Value, kind: Kind) -> usize {
        let nothing = self.zero(kind);
        let mark = self.mark(nothing);
        self.set_mark(mark, Term::new(value, kind));
        mark
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

/// Type of the value that is shown in a certain way.
pub fn kind_of(shown: ArgumentType) -> Kind {
    match shown {
        ArgumentType::Real => Kind::Real,
        ArgumentType::Int => Kind::Int,
        ArgumentType::Text => Kind::Text,
    }
}
