//! Strings that are made: formats with their arguments, `$sformat` and `$swrite`, and the files that models write.
//!
//! A string at run time is an index into `Model::strings`. One that is made at run time is a number below zero: its text
//! (`Model::texts`) is written where it is said, from arguments that are remembered like variables.

use crate::diag::Diagnostic;
use crate::ir::Value;
use crate::model::format::{self, Directive, Part, Piece};
use crate::model::{ArgumentType, MadeText, MessageLevel};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::message::{Target, kind_of};

/// A text that is made at run time: its pieces, and the slots that hold its arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    /// What it consists of.
    pub pieces: Vec<Piece>,
    /// Slot and type of each argument.
    pub arguments: Vec<(usize, ArgumentType)>,
}

/// Value of an argument, how it is shown, and whether it is the time.
pub type Shown = (Value, ArgumentType, bool);

/// Channels that descriptors of single bits have: bit 0 is the report, bit 31 marks the other kind of descriptor.
const CHANNELS: i32 = 30;
/// Number of the first file of the other kind, behind the standard ones.
const FIRST: i32 = 3;

impl Lowerer<'_> {
    /// Formats and arguments as pieces and values. Every string that is written as such is a format of its own.
    pub fn pieces(&mut self, arguments: &[Expr]) -> Lowered<(Vec<Piece>, Vec<Shown>)> {
        let (mut pieces, mut shown): (Vec<Piece>, Vec<Shown>) = (Vec::new(), Vec::new());
        let mut rest = arguments.iter();
        let mut bare = false;
        while let Some(argument) = rest.next() {
            match &argument.kind {
                ExprKind::Text(text) => {
                    bare = false;
                    let parts = match format::parse(text) {
                        Ok(parts) => parts,
                        Err(what) => return self.error(argument.span, what, "in this format"),
                    };
                    for part in parts {
                        match part {
                            Part::Text(text) => pieces.push(Piece::Text(text)),
                            Part::Instance => pieces.push(Piece::Instance),
                            Part::Module => pieces.push(Piece::Text(self.module.name.text.clone())),
                            Part::Argument(directive) => {
                                let Some(next) = rest.next() else {
                                    let remark = "each `%` with a letter takes one argument";
                                    return self.error(argument.span, "this format has more places than arguments", remark);
                                };
                                self.shown(next, directive, &mut pieces, &mut shown)?;
                            }
                        }
                    }
                }
                ExprKind::Missing => pieces.push(Piece::Text(" ".to_string())),
                _ => {
                    if std::mem::replace(&mut bare, true) {
                        pieces.push(Piece::Text(" ".to_string()));
                    }
                    self.shown(argument, Directive::default(), &mut pieces, &mut shown)?;
                }
            }
        }
        Ok((pieces, shown))
    }

    /// One argument by one directive.
    fn shown(&mut self, expr: &Expr, directive: Directive, pieces: &mut Vec<Piece>, shown: &mut Vec<Shown>) -> Lowered<()> {
        let time = matches!(&expr.kind, ExprKind::Call(name, _) if matches!(name.text.as_str(), "$abstime" | "$realtime"));
        let term = self.expression(expr)?;
        let kind = match term.kind {
            Kind::Real => ArgumentType::Real,
            Kind::Text => ArgumentType::Text,
            Kind::Int | Kind::Bool => ArgumentType::Int,
        };
        if kind == ArgumentType::Text && !matches!(directive.letter, 0 | b's' | b't') {
            let letter = char::from(directive.letter);
            return self.error(expr.span, format!("a string where `%{letter}` wants a number"), "expected `%s` in the format");
        }
        if kind != ArgumentType::Text && directive.letter == b's' {
            let warning =
                Diagnostic::warning(expr.span, "a number where `%s` wants a string").expected("it is printed as a number");
            self.warn_once(&format!("%s {:?}", expr.span), warning);
        }
        let term = self.convert(term, kind_of(kind), expr.span)?;
        let value = self.plain(term, expr.span)?;
        pieces.push(Piece::Value(shown.len() as u32, directive));
        shown.push((value, kind, time));
        Ok(())
    }

    /// The text of pieces whose arguments are constants.
    fn constant_text(&self, pieces: &[Piece], shown: &[Shown]) -> Option<String> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Instance => return None,
                Piece::Value(k, directive) => {
                    let (value, kind, _) = shown[*k as usize];
                    let number = self.builder.constant(value)?;
                    match kind {
                        ArgumentType::Text if number < 0.0 => return None,
                        ArgumentType::Text => {
                            out.push_str(&format::padded(*directive, self.model.strings.get(number as usize)?));
                        }
                        _ => out.push_str(&format::number(*directive, number, kind)),
                    }
                }
            }
        }
        Some(out)
    }

    /// A string of pieces: one of the model's strings if it is constant, else one that is made at run time.
    fn string_of(&mut self, pieces: Vec<Piece>, shown: Vec<Shown>, span: Span) -> Lowered<Term> {
        if let Some(text) = self.constant_text(&pieces, &shown) {
            let index = self.string(&text);
            return Ok(Term::new(self.builder.int(index as i32), Kind::Text));
        }
        if self.context != Context::Analog || self.loops > 0 {
            return self.error(span, "a string is made where none can be", "in the analog block, outside of loops, it can");
        }
        // Remembered like variables: what was made once can be said at a later point.
        self.assignments.entry("$text".to_string()).or_default().push(u32::MAX);
        let mut arguments = Vec::new();
        for (value, kind, _) in shown {
            let slot = self.new_slot("$text", kind_of(kind), span, false);
            self.write(slot, Term::new(value, kind_of(kind)));
            arguments.push((slot, kind));
        }
        self.templates.push(Template { pieces, arguments });
        let index = -(self.templates.len() as i32);
        Ok(Term::new(self.builder.int(index), Kind::Text))
    }

    /// `$sformat(variable, format, ...)`, `$swrite(variable, ...)`.
    pub fn made_text(&mut self, name: &str, arguments: &[Expr], span: Span) -> Lowered<()> {
        let Some((target, rest)) = arguments.split_first() else {
            return self.error(span, format!("`{name}` says not where"), "expected a string variable first");
        };
        let slot = match &target.kind {
            ExprKind::Name(variable) => match self.find(variable) {
                Some(Local::Variable(slot, None)) if self.slots[slot].kind == Kind::Text => Some(slot),
                _ => None,
            },
            _ => None,
        };
        let Some(slot) = slot else {
            return self.error(target.span, format!("`{name}` writes to a string variable"), "expected its name");
        };
        if name == "$sformat" && !matches!(rest.first(), Some(Expr { kind: ExprKind::Text(_), .. })) {
            return self.error(span, "`$sformat` has no format", "expected a string in double quotes");
        }
        let (pieces, shown) = self.pieces(rest)?;
        let term = self.string_of(pieces, shown, span)?;
        self.write(slot, term);
        Ok(())
    }

    /// `{a, b}` of strings: one behind the other.
    pub fn joined_texts(&mut self, items: &[Expr], span: Span) -> Lowered<Term> {
        let (mut pieces, mut shown) = (Vec::new(), Vec::new());
        for item in items {
            let term = self.expression(item)?;
            if term.kind != Kind::Text {
                return self.error(span, "a list where a value is wanted", "lists are values of arrays, or join strings");
            }
            let directive = Directive { letter: b's', ..Directive::default() };
            pieces.push(Piece::Value(shown.len() as u32, directive));
            shown.push((term.value, ArgumentType::Text, false));
        }
        self.string_of(pieces, shown, span)
    }

    /// Strings are compared by what they are, which is not known of one that is made at run time.
    pub fn comparable(&mut self, texts: &[Term], span: Span) -> Lowered<()> {
        let made = texts.iter().any(|t| self.builder.constant(t.value).is_some_and(|k| k < 0.0));
        if made {
            let remark = "it is made of values that are not known when the model is compiled: it can be printed only";
            return self.error(span, "this string cannot be compared", remark);
        }
        let moving = texts.iter().any(|t| self.builder.constant(t.value).is_none());
        if moving && !self.templates.is_empty() {
            let warning = Diagnostic::warning(span, "a string that may have been made at run time is compared");
            self.warn_once(&format!("{span:?}"), warning.expected("only strings that are written in the model can be equal"));
        }
        Ok(())
    }

    /// A text with the path of the instance.
    pub fn instance_path(&mut self, span: Span) -> Lowered<Term> {
        self.string_of(vec![Piece::Instance], Vec::new(), span)
    }

    /// The templates with their arguments as outputs.
    pub fn made_texts(&mut self) {
        for template in self.templates.clone() {
            let mut arguments = Vec::new();
            for (slot, kind) in template.arguments {
                let term = self.read(slot);
                let value = self.resolved(term).value;
                arguments.push((self.output(value), kind));
            }
            self.model.texts.push(MadeText { pieces: template.pieces, arguments });
        }
    }

    /// `$fopen(name [, mode])`: a descriptor that belongs to this call, and the message that opens the file.
    pub fn open(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.messages_allowed(span)?;
        let mode = match arguments.get(1).map(|a| (&a.kind, a.span)) {
            None => None,
            Some((ExprKind::Text(mode), place)) => match mode.trim_end_matches('b') {
                "w" | "a" => Some(mode.starts_with('a')),
                other => {
                    let what = if other.starts_with('r') { "models read no files" } else { "this mode is not known" };
                    return self.error(
                        place,
                        format!("a file cannot be opened with \"{mode}\": {what}"),
                        "expected \"w\" or \"a\"",
                    );
                }
            },
            Some((_, place)) => return self.error(place, "the mode of a file is not a string", "expected \"w\" or \"a\""),
        };
        let (mut pieces, mut shown) = (Vec::new(), Vec::new());
        match &arguments[0].kind {
            // A name may hold `%m`, so that every instance has a file of its own.
            ExprKind::Text(_) => (pieces, shown) = self.pieces(&arguments[..1])?,
            _ => {
                self.shown(&arguments[0], Directive::default(), &mut pieces, &mut shown)?;
                if shown.iter().any(|s| s.1 != ArgumentType::Text) {
                    return self.error(arguments[0].span, "the name of a file is a number", "expected a string");
                }
            }
        }
        if let Some(name) = self.constant_text(&pieces, &shown)
            && let Some(fault) = format::file_name_fault(&name)
            && !name.is_empty()
        {
            return self.error(arguments[0].span, format!("the file \"{name}\" cannot be written"), fault);
        }
        self.files += 1;
        if mode.is_none() && self.files > CHANNELS {
            let remark = "give a mode: `$fopen(name, \"w\")` has no such limit";
            return self.error(span, format!("more than {CHANNELS} files without a mode"), remark);
        }
        let descriptor = match mode {
            None => 1 << self.files,
            Some(_) => i32::MIN + FIRST + self.files,
        };
        let marks = shown.into_iter().map(|(value, kind, _)| (self.marked_value(value, kind_of(kind)), kind)).collect();
        let target = Target::Open { descriptor, append: mode == Some(true) };
        self.say(pieces, marks, MessageLevel::Note, target, span);
        Ok(Term::new(self.builder.int(descriptor), Kind::Int))
    }

    /// `$fclose(descriptor)`.
    pub fn close(&mut self, arguments: &[Expr], span: Span) -> Lowered<()> {
        self.messages_allowed(span)?;
        let [descriptor] = arguments else {
            return self.error(span, "`$fclose` takes 1 argument", "expected the descriptor of a file");
        };
        let term = self.expression(descriptor)?;
        let term = self.convert(term, Kind::Int, descriptor.span)?;
        let mark = self.marked_value(term.value, Kind::Int);
        self.say(Vec::new(), Vec::new(), MessageLevel::Note, Target::Close(mark), span);
        Ok(())
    }
}
