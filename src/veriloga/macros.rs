//! Macros (LRM 2.4, clause 10.2): definition, arguments with default texts, expansion, tokens joined by two accents.
//!
//! A token of a body gets a span in the *use* of the macro (`span::Expansion`): it still says where it is written, and the use
//! says where it was called, so that messages can show the whole chain.

use std::rc::Rc;
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::span::{Expansion, FileId, Span};
use crate::veriloga::lex::{Token, TokenKind, lex};
use crate::veriloga::preprocess::{Frame, MOST_TOKENS, Preprocessor, directives};

/// Nesting of macros beyond which a macro uses itself.
const DEEPEST: usize = 100;
/// Uses of macros after which expansion is taken for a mistake (a chain of macros may double its length at every link).
const MOST_CALLS: usize = 300_000;

/// An argument of a macro.
#[derive(Clone)]
pub struct Argument {
    name: Rc<str>,
    /// What stands for it where nothing is given.
    default: Option<Vec<Token>>,
}

/// A macro.
#[derive(Clone)]
pub struct Macro {
    /// Its arguments; `None`: it takes none.
    pub arguments: Option<Rc<[Argument]>>,
    /// Its text.
    pub body: Rc<[Token]>,
    /// Where its name stands in the definition.
    pub span: Span,
    /// Its name.
    pub name: Arc<str>,
}

impl Preprocessor<'_> {
    /// `` `define name [ ( arguments ) ] text ``.
    pub fn define(&mut self, token: &Token) {
        let Some(name) = self.next_on_line().filter(|n| n.kind == TokenKind::Name) else {
            self.rest_of_line();
            return self.error(token.span, "`define needs a name", "the name is missing");
        };
        if directives().any(|d| d == &*name.text) {
            self.rest_of_line();
            return self.error(name.span, format!("`{}` is the name of a directive", name.text), "expected another name");
        }
        let frame = self.frames.last();
        let next = frame.and_then(|f| f.tokens.get(f.at));
        let glued = next.is_some_and(|t| t.is("(") && !t.first && t.span.file == name.span.file && t.span.start == name.span.end);
        let arguments = if glued { self.formal_arguments(&name) } else { None };
        let mut body = self.rest_of_line();
        body.retain(|t| self.sound(t));
        // Lines of the text are lines again where the macro is used.
        for token in &mut body {
            token.first = token.joined;
        }
        let made = Macro { arguments, body: body.into(), span: name.span, name: Arc::from(&*name.text) };
        self.macros.insert(name.text.to_string(), made);
    }

    /// The arguments between the parentheses that follow a macro's name, which may go over lines.
    fn formal_arguments(&mut self, name: &Token) -> Option<Rc<[Argument]>> {
        let mut parts: Vec<Vec<Token>> = vec![Vec::new()];
        let (mut level, mut closed) = (0usize, false);
        while let Some(frame) = self.frames.last_mut()
            && let Some(token) = frame.tokens.get(frame.at).filter(|t| t.kind != TokenKind::End).cloned()
        {
            frame.at += 1;
            let before = level;
            level = nesting(level, &token);
            match before {
                0 => {}
                1 if level == 0 => {
                    closed = true;
                    break;
                }
                1 if token.is(",") => parts.push(Vec::new()),
                _ => parts.iter_mut().next_back().into_iter().for_each(|part| part.push(token.clone())),
            }
        }
        let mut arguments = Vec::new();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            let default = part.get(1).map(|_| part[2..].to_vec());
            if part[0].kind != TokenKind::Name || part.get(1).is_some_and(|t| !t.is("=")) {
                let error = Diagnostic::error(part[0].span, "this is no argument of a macro");
                self.diagnostics.push(error.expected("expected a name, or a name, `=` and a default"));
            }
            arguments.push(Argument { name: part[0].text.clone(), default });
        }
        if !closed {
            self.error(name.span, "the arguments of this macro are not closed", "expected names, commas and `)`");
        }
        Some(arguments.into())
    }

    /// A macro in use.
    pub fn call(&mut self, token: &Token) {
        let Some(called) = self.macros.get(&*token.text).cloned() else {
            return self.not_defined(token);
        };
        let mut place = token.span;
        let mut actual = Vec::new();
        if let Some(formal) = called.arguments.clone() {
            let Some((given, close)) = self.actual_arguments(token) else { return };
            place = token.span.to(close);
            let none = formal.is_empty() && given.iter().all(Vec::is_empty);
            let rest = formal.get(given.len()..).unwrap_or(&[]);
            if !none && (given.len() > formal.len() || rest.iter().any(|a| a.default.is_none())) {
                let message = format!("the macro ``{}` takes {} arguments, not {}", token.text, formal.len(), given.len());
                let error = Diagnostic::error(place, message);
                self.diagnostics.push(error.label(called.span, "it is defined here"));
                return self.stand_in(token);
            }
            actual = given;
            for (k, argument) in formal.iter().enumerate() {
                if k >= actual.len() {
                    actual.push(Vec::new());
                }
                if let Some(default) = argument.default.as_ref().filter(|_| actual[k].is_empty()) {
                    actual[k].clone_from(default);
                }
            }
        }
        self.calls += 1;
        if self.frames.len() >= DEEPEST || self.brought >= 4 * MOST_TOKENS || self.calls > MOST_CALLS {
            let error = Diagnostic::error(token.span, format!("macros are nested too deeply at ``{}`", token.text));
            self.diagnostics.push(error.label(called.span, "does it call itself?"));
            // On with the file, unless there is no end to it.
            let file = self.frames.iter().rposition(|f| f.conditions.is_some()).map_or(0, |k| k + 1);
            self.frames.truncate(if self.frames.len() >= DEEPEST { file } else { 0 });
            return self.stand_in(token);
        }
        let tokens = self.expansion(&called, &actual, place);
        self.brought += tokens.len() + 1;
        self.frames.push(Frame { tokens: tokens.into(), at: 0, conditions: None });
    }

    fn not_defined(&mut self, token: &Token) {
        let error = Diagnostic::error(token.span, format!("the macro ``{}` is not defined", token.text));
        let mut names: Vec<&str> = self.macros.keys().map(String::as_str).collect();
        for directive in directives() {
            names.push(directive);
        }
        let error = error.suggest(&token.text, names);
        let hint = token.text.starts_with("M_") || token.text.starts_with("P_");
        let hinted = if hint { error.hint("`include \"constants.vams\" brings `M_PI, `P_Q, `P_K ...") } else { error };
        self.diagnostics.push(hinted);
        // What may be its arguments goes with it.
        if self.peek().is_some_and(|t| t.is("(") && t.span.file == token.span.file && t.span.start == token.span.end) {
            self.actual_arguments(token);
        }
        self.stand_in(token);
    }

    /// Puts a number in the place of a macro that cannot be expanded, where an operand is due: no further complaints.
    fn stand_in(&mut self, token: &Token) {
        let operand = self.out.last().is_some_and(|t| t.kind == TokenKind::Symbol && !t.is(";") && !t.is(")"));
        if operand {
            self.out.push(Token { kind: TokenKind::Int(0), text: Rc::from("0"), ..token.clone() });
        }
    }

    /// What stands between the parentheses of a call, split at its commas, and where it ends.
    fn actual_arguments(&mut self, token: &Token) -> Option<(Vec<Vec<Token>>, Span)> {
        if !self.peek().is_some_and(|t| t.is("(")) {
            self.error(token.span, format!("the macro ``{}` takes arguments", token.text), "expected `(` after it");
            return None;
        }
        self.take();
        let mut arguments = vec![Vec::new()];
        let mut level = 0usize;
        while let Some(t) = self.take() {
            if level == 0 && t.is(")") {
                return Some((arguments, t.span));
            }
            if level == 0 && t.is(",") {
                arguments.push(Vec::new());
                continue;
            }
            level = nesting(level, &t);
            if let Some(last) = arguments.last_mut().filter(|_| self.sound(&t)) {
                last.push(t);
            }
        }
        self.error(token.span, format!("the arguments of ``{}` are not closed", token.text), "expected `)` later");
        None
    }

    /// The body of a macro with its arguments put in. Arguments keep their places.
    fn expansion(&mut self, called: &Macro, actual: &[Vec<Token>], place: Span) -> Vec<Token> {
        let formal = called.arguments.as_deref().unwrap_or(&[]);
        let mut files: Vec<(FileId, FileId)> = Vec::new();
        let mut out: Vec<Token> = Vec::with_capacity(called.body.len());
        let (mut join, mut quote) = (false, None);
        for token in called.body.iter() {
            if self.brought + out.len() > 4 * MOST_TOKENS {
                break;
            }
            let file = match files.iter().find(|(body, _)| *body == token.span.file) {
                Some((_, file)) => *file,
                None => {
                    let expansion = Expansion { name: called.name.clone(), call: place, file: token.span.file };
                    files.push((token.span.file, self.sources.expand(expansion)));
                    files[files.len() - 1].1
                }
            };
            let span = Span { file, ..token.span };
            if token.is("``") {
                join = true;
                continue;
            }
            if token.is("`\"") {
                match quote.take() {
                    None => quote = Some(out.len()),
                    Some(start) => {
                        let text: Vec<String> = out.drain(start..).map(|t| spelling(&t)).collect();
                        out.push(Token {
                            kind: TokenKind::Text,
                            text: Rc::from(text.join(" ")),
                            span,
                            first: false,
                            joined: false,
                        });
                    }
                }
                continue;
            }
            let argument = match token.kind {
                TokenKind::Name => formal.iter().position(|f| f.name == token.text),
                _ => None,
            };
            let from = out.len();
            match argument.and_then(|k| actual.get(k)) {
                Some(tokens) => out.extend(tokens.iter().cloned()),
                None => out.push(Token { span, ..token.clone() }),
            }
            if std::mem::take(&mut join) && from > 0 && from < out.len() {
                self.joined(&mut out, from);
            }
        }
        out
    }

    /// Makes one token of the one before `at` and the one there.
    fn joined(&mut self, out: &mut Vec<Token>, at: usize) {
        let (left, right) = (out[at - 1].clone(), out[at].clone());
        let text = spelling(&left) + &spelling(&right);
        let lexed = lex(left.span.file, &text, &mut Vec::new());
        let made = lexed.tokens.into_iter().filter(|t| t.kind != TokenKind::End);
        out.splice(at - 1..=at, made.map(|t| Token { span: left.span, first: left.first, ..t }));
    }
}

/// Depth of brackets after a token.
fn nesting(level: usize, token: &Token) -> usize {
    if ["(", "[", "{", "'{", "(*"].iter().any(|s| token.is(s)) {
        level + 1
    } else if [")", "]", "}", "*)"].iter().any(|s| token.is(s)) {
        level.saturating_sub(1)
    } else {
        level
    }
}

/// A token as it is written.
fn spelling(token: &Token) -> String {
    match token.kind {
        TokenKind::Directive => format!("`{}", token.text),
        TokenKind::Text => format!("\"{}\"", token.text),
        _ => token.text.to_string(),
    }
}
