//! Directives on tokens (LRM 2.4, clause 10): `` `define `undef `ifdef `ifndef `elsif `else `endif `include ``.
//!
//! Takes a file, gives the tokens that the parser sees. A token that a macro's body brought carries the place of the call,
//! so that the spans of a tree never mix two places; `Expanded::calls` knows where the macro behind such a place is defined.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diag::Diagnostic;
use crate::span::{FileId, Sources, Span};
use crate::veriloga::lex::{Token, TokenKind, lex};

/// Nesting of macros and of included files beyond which something refers to itself.
const DEEPEST: usize = 64;
/// Tokens after which expansion is taken for a mistake.
const MOST_TOKENS: usize = 1_000_000;
/// Macro calls after which the same is true (a chain of macros may double its length at every link).
const MOST_CALLS: usize = 200_000;

/// The standard files, found by any `` `include `` of their names.
const STANDARD: [(&str, &str); 2] = [
    ("constants", include_str!("../../models/std/constants.vams")),
    ("disciplines", include_str!("../../models/std/disciplines.vams")),
];

/// What the parser sees.
pub struct Expanded {
    /// The tokens, closed by an `End`.
    pub tokens: Vec<Token>,
    /// Places of macro calls, each with the place of the definition.
    pub calls: BTreeMap<Span, Span>,
}

/// Runs the directives of `file` and everything that it includes.
pub fn preprocess(sources: &mut Sources, file: FileId, search: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Expanded {
    let mut preprocessor = Preprocessor {
        sources,
        search,
        macros: BTreeMap::new(),
        out: Vec::new(),
        calls: BTreeMap::new(),
        diagnostics,
        depth: 0,
        count: 0,
    };
    for name in ["__VAMS_ENABLE__", "__VAMS_COMPACT_MODELING__"] {
        let span = Span::new(file, 0, 0);
        preprocessor.macros.insert(name.to_string(), Macro { arguments: None, body: Rc::new(Vec::new()), span });
    }
    preprocessor.file(file);
    let end = preprocessor.sources.text(file).len();
    let close = Token { kind: TokenKind::End, text: Rc::from(""), span: Span::new(file, end, end), first: true };
    preprocessor.out.push(close);
    Expanded { tokens: preprocessor.out, calls: preprocessor.calls }
}

#[derive(Clone)]
struct Macro {
    /// Names of the arguments; `None`: it takes none.
    arguments: Option<Vec<Rc<str>>>,
    body: Rc<Vec<Token>>,
    span: Span,
}

struct Preprocessor<'a> {
    sources: &'a mut Sources,
    search: &'a [PathBuf],
    macros: BTreeMap<String, Macro>,
    out: Vec<Token>,
    calls: BTreeMap<Span, Span>,
    diagnostics: &'a mut Vec<Diagnostic>,
    depth: usize,
    count: usize,
}

/// One open `` `ifdef ``.
struct Condition {
    /// Tokens of the present part count.
    active: bool,
    /// Some part has already been taken (or the whole is inside a part that does not count).
    done: bool,
    /// `` `else `` has been seen.
    last: bool,
    span: Span,
}

/// Tokens being read: a file or the expansion of a macro.
struct Stream<'t> {
    tokens: &'t [Token],
    at: usize,
    conditions: Vec<Condition>,
}

impl<'t> Stream<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at).filter(|t| t.kind != TokenKind::End)?;
        self.at += 1;
        Some(token)
    }

    /// The next token if it stands on the same line.
    fn next_on_line(&mut self) -> Option<&'t Token> {
        match self.tokens.get(self.at) {
            Some(token) if !token.first => self.next(),
            _ => None,
        }
    }

    fn rest_of_line(&mut self) -> &'t [Token] {
        let start = self.at;
        while self.next_on_line().is_some() {}
        &self.tokens[start..self.at]
    }

    fn active(&self) -> bool {
        self.conditions.iter().all(|c| c.active)
    }
}

impl Preprocessor<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, remark: &str) {
        self.diagnostics.push(Diagnostic::error(span, message).expected(remark));
    }

    fn file(&mut self, file: FileId) {
        let text = self.sources.text(file).to_string();
        let tokens = lex(file, &text, self.diagnostics);
        self.run(&tokens);
    }

    fn run(&mut self, tokens: &[Token]) {
        let mut stream = Stream { tokens, at: 0, conditions: Vec::new() };
        while let Some(token) = stream.next() {
            if token.kind == TokenKind::Directive {
                self.directive(token, &mut stream);
            } else if stream.active() && self.out.len() < MOST_TOKENS {
                self.out.push(token.clone());
            }
        }
        if let Some(open) = stream.conditions.last() {
            self.error(open.span, "this condition is never closed", "expected an `endif later");
        }
    }

    fn directive(&mut self, token: &Token, stream: &mut Stream) {
        match &*token.text {
            "ifdef" | "ifndef" | "elsif" | "else" | "endif" => self.conditional(token, stream),
            _ if !stream.active() => {}
            "define" => self.define(token, stream),
            "undef" => match stream.next_on_line() {
                Some(name) => {
                    self.macros.remove(&*name.text);
                }
                None => self.error(token.span, "`undef needs a name", "the name is missing"),
            },
            "include" => self.include(token, stream),
            "timescale" | "line" | "pragma" | "default_transition" | "begin_keywords" | "celldefine" | "default_nettype"
            | "unconnected_drive" => {
                stream.rest_of_line();
            }
            "resetall" | "end_keywords" | "endcelldefine" | "nounconnected_drive" => {}
            "default_discipline" => {
                stream.rest_of_line();
                let warning = Diagnostic::warning(token.span, "`default_discipline has no effect");
                self.diagnostics.push(warning.hint("declare the discipline of every node"));
            }
            _ => self.call(token, stream),
        }
    }

    fn conditional(&mut self, token: &Token, stream: &mut Stream) {
        let word = &*token.text;
        let defined = match word {
            "ifdef" | "ifndef" | "elsif" => match stream.next_on_line() {
                Some(name) => self.macros.contains_key(&*name.text) == (word != "ifndef"),
                None => {
                    self.error(token.span, format!("`{word} needs a name"), "the name is missing");
                    false
                }
            },
            _ => false,
        };
        if word == "ifdef" || word == "ifndef" {
            let outer = stream.active();
            let active = outer && defined;
            stream.conditions.push(Condition { active, done: active || !outer, last: false, span: token.span });
            return;
        }
        match stream.conditions.last_mut() {
            None => self.error(token.span, format!("`{word} without `ifdef"), "nothing is open here"),
            Some(_) if word == "endif" => {
                stream.conditions.pop();
            }
            Some(open) if open.last => self.error(token.span, format!("`{word} after `else"), "expected `endif"),
            Some(open) => {
                open.active = !open.done && (word == "else" || defined);
                open.done |= open.active;
                open.last = word == "else";
            }
        }
    }

    fn define(&mut self, token: &Token, stream: &mut Stream) {
        let Some(name) = stream.next_on_line().filter(|n| n.kind == TokenKind::Name) else {
            stream.rest_of_line();
            return self.error(token.span, "`define needs a name", "the name is missing");
        };
        let glued = stream.tokens.get(stream.at).is_some_and(|t| t.is("(") && !t.first && t.span.start == name.span.end);
        let arguments = if glued { self.formal_arguments(name, stream) } else { None };
        let body = Rc::new(stream.rest_of_line().to_vec());
        self.macros.insert(name.text.to_string(), Macro { arguments, body, span: name.span });
    }

    /// The names between the parentheses that follow a macro's name.
    fn formal_arguments(&mut self, name: &Token, stream: &mut Stream) -> Option<Vec<Rc<str>>> {
        stream.next_on_line();
        let mut arguments = Vec::new();
        loop {
            match stream.next_on_line() {
                Some(t) if t.kind == TokenKind::Name => arguments.push(t.text.clone()),
                Some(t) if t.is(",") => {}
                Some(t) if t.is(")") => return Some(arguments),
                _ => {
                    self.error(name.span, "the arguments of this macro are not closed", "expected names and `)` on this line");
                    return Some(arguments);
                }
            }
        }
    }

    fn call(&mut self, token: &Token, stream: &mut Stream) {
        let Some(called) = self.macros.get(&*token.text).cloned() else {
            let error = Diagnostic::error(token.span, format!("the macro ``{}` is not defined", token.text));
            let names = self.macros.keys().map(String::as_str);
            let error = error.suggest(&token.text, names);
            let hint = token.text.starts_with("M_") || token.text.starts_with("P_");
            let hinted = if hint { error.hint("`include \"constants.vams\" brings `M_PI, `P_Q, `P_K ...") } else { error };
            self.diagnostics.push(hinted);
            return self.stand_in(token);
        };
        let mut end = token.span;
        let actual = match &called.arguments {
            None => Vec::new(),
            Some(formal) => {
                let Some((actual, close)) = self.actual_arguments(token, stream) else { return };
                end = close;
                if actual.len() != formal.len() && !(formal.is_empty() && actual.iter().all(|a| a.is_empty())) {
                    let message = format!("the macro ``{}` takes {} arguments, not {}", token.text, formal.len(), actual.len());
                    let error = Diagnostic::error(token.span.to(end), message);
                    self.diagnostics.push(error.label(called.span, "it is defined here"));
                    return self.stand_in(token);
                }
                actual
            }
        };
        self.count += 1;
        if self.depth >= DEEPEST || self.out.len() >= MOST_TOKENS || self.count > MOST_CALLS {
            if !self.diagnostics.iter().any(|d| d.message.starts_with("macros are nested")) {
                let error = Diagnostic::error(token.span, format!("macros are nested too deeply at ``{}`", token.text));
                self.diagnostics.push(error.label(called.span, "does it call itself?"));
            }
            return;
        }
        let place = token.span.to(end);
        self.calls.insert(place, called.span);
        let tokens = substitute(&called, &actual, place);
        self.depth += 1;
        self.run(&tokens);
        self.depth -= 1;
    }

    /// Puts a number in the place of a macro that cannot be expanded, where an operand is due: no further complaints.
    fn stand_in(&mut self, token: &Token) {
        let operand = self.out.last().is_some_and(|t| t.kind == TokenKind::Symbol && !t.is(";") && !t.is(")"));
        if operand {
            self.out.push(Token { kind: TokenKind::Int(0), text: Rc::from("0"), ..token.clone() });
        }
    }

    /// What stands between the parentheses of a call, split at its commas, and where it ends.
    fn actual_arguments(&mut self, token: &Token, stream: &mut Stream) -> Option<(Vec<Vec<Token>>, Span)> {
        if !stream.tokens.get(stream.at).is_some_and(|t| t.is("(")) {
            self.error(token.span, format!("the macro ``{}` takes arguments", token.text), "expected `(` after it");
            return None;
        }
        stream.next();
        let mut arguments = vec![Vec::new()];
        let mut level = 0usize;
        while let Some(t) = stream.next() {
            if level == 0 && t.is(")") {
                return Some((arguments, t.span));
            }
            if level == 0 && t.is(",") {
                arguments.push(Vec::new());
                continue;
            }
            if t.is("(") || t.is("[") || t.is("{") || t.is("'{") || t.is("(*") {
                level += 1;
            } else if t.is(")") || t.is("]") || t.is("}") || t.is("*)") {
                level = level.saturating_sub(1);
            }
            if let Some(last) = arguments.last_mut() {
                last.push(t.clone());
            }
        }
        self.error(token.span, format!("the arguments of ``{}` are not closed", token.text), "expected `)` later");
        None
    }

    fn include(&mut self, token: &Token, stream: &mut Stream) {
        let Some(name) = stream.next_on_line().filter(|n| n.kind == TokenKind::Text) else {
            stream.rest_of_line();
            return self.error(token.span, "`include needs a file name", "expected a name in double quotes");
        };
        if self.depth >= DEEPEST {
            return self.error(name.span, format!("`include is nested too deeply at \"{}\"", name.text), "does it include itself?");
        }
        match self.find(token.span.file, &name.text) {
            Some(file) => {
                self.depth += 1;
                self.file(file);
                self.depth -= 1;
            }
            None => {
                let error = Diagnostic::error(name.span, format!("the file \"{}\" cannot be read", name.text));
                let near = self.sources.path(name.span.file).parent().unwrap_or(Path::new("")).to_path_buf();
                let mut places = vec![if near.as_os_str().is_empty() { ".".to_string() } else { near.display().to_string() }];
                places.extend(self.search.iter().map(|p| p.display().to_string()));
                self.diagnostics.push(error.hint(format!("looked for in {}", places.join(", "))));
            }
        }
    }

    /// The file called `name`: beside the including file, in the search path, or one of the standard files.
    fn find(&mut self, from: FileId, name: &str) -> Option<FileId> {
        let beside = self.sources.path(from).parent().unwrap_or(Path::new("")).to_path_buf();
        for folder in std::iter::once(&beside).chain(self.search) {
            let path = folder.join(name);
            if let Some(file) = self.known(&path) {
                return Some(file);
            }
            if let Ok(file) = self.sources.load(&path) {
                return Some(file);
            }
        }
        let stem = Path::new(name).file_stem()?.to_str()?;
        let (stem, text) = STANDARD.iter().find(|(s, _)| *s == stem)?;
        let path = PathBuf::from(format!("models/std/{stem}.vams"));
        match self.known(&path) {
            Some(file) => Some(file),
            None => Some(self.sources.add(&path, (*text).to_string())),
        }
    }

    /// The file of this path, if it has been loaded: by an earlier `include, or as a part of the binary.
    fn known(&self, path: &Path) -> Option<FileId> {
        self.sources.all().iter().position(|f| f.path == path).map(|k| FileId(k as u32))
    }
}

/// The body of a macro with its arguments put in. Tokens of the body get the place of the call; those of the arguments keep
/// theirs, which lies inside.
fn substitute(called: &Macro, actual: &[Vec<Token>], place: Span) -> Vec<Token> {
    let formal = called.arguments.as_deref().unwrap_or(&[]);
    let mut out = Vec::with_capacity(called.body.len());
    for token in called.body.iter() {
        if out.len() > MOST_TOKENS {
            break;
        }
        let argument = match token.kind {
            TokenKind::Name => formal.iter().position(|f| *f == token.text),
            _ => None,
        };
        match argument.and_then(|k| actual.get(k)) {
            Some(tokens) => out.extend(tokens.iter().cloned()),
            None => out.push(Token { span: place, first: false, ..token.clone() }),
        }
    }
    out
}
