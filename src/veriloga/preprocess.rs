//! Directives on tokens (LRM 2.4, clause 10): conditions, included files, and the directives that only set something.
//!
//! Takes a file, gives the tokens that the parser sees. Files and uses of macros are read from a stack of frames, so that text
//! that a macro brought may use whatever stands behind its call. What `` `default_discipline `` and `` `default_transition `` say
//! is handed on as tokens, since it counts for what follows. Macros themselves are in `macros`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diag::Diagnostic;
use crate::span::{FileId, Sources, Span};
use crate::veriloga::lex::{Token, TokenKind, lex};
use crate::veriloga::macros::Macro;

/// Nesting of included files beyond which a file includes itself.
const DEEPEST_FILE: usize = 40;
/// Tokens after which expansion is taken for a mistake.
pub const MOST_TOKENS: usize = 2_000_000;
/// Messages about characters that belong to nothing, after which a file is taken for not being Verilog-A at all.
const MOST_STRAY: usize = 3;

/// The standard files: names that `` `include `` finds them by (without folder and ending), and their texts.
const STANDARD: [(&str, &str, &str); 4] = [
    ("constants", "constants", include_str!("../../models/std/constants.vams")),
    ("constant", "constants", include_str!("../../models/std/constants.vams")),
    ("disciplines", "disciplines", include_str!("../../models/std/disciplines.vams")),
    ("discipline", "disciplines", include_str!("../../models/std/disciplines.vams")),
];

/// What a directive does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// A part of a condition.
    Condition,
    Define,
    Undefine,
    UndefineAll,
    Include,
    /// Gives the name of its file.
    File,
    /// Gives the number of its line.
    Line,
    /// Is handed on with the rest of its line.
    HandOn,
    /// Is handed on alone.
    Reset,
    /// Says nothing that matters here; its line is skipped.
    Nothing,
    /// The same, without anything behind it.
    NothingAlone,
    /// Cannot be read.
    Refuse(&'static str),
}

/// All directives (LRM 2.4, clause 10; IEEE 1364, clause 19).
const DIRECTIVES: [(&str, Does); 34] = [
    ("ifdef", Does::Condition),
    ("ifndef", Does::Condition),
    ("elsif", Does::Condition),
    ("else", Does::Condition),
    ("endif", Does::Condition),
    ("define", Does::Define),
    ("undef", Does::Undefine),
    ("undefineall", Does::UndefineAll),
    ("include", Does::Include),
    ("__FILE__", Does::File),
    ("__LINE__", Does::Line),
    ("default_discipline", Does::HandOn),
    ("default_nodetype", Does::HandOn),
    ("default_transition", Does::HandOn),
    ("resetall", Does::Reset),
    ("timescale", Does::Nothing),
    ("line", Does::Nothing),
    ("pragma", Does::Nothing),
    ("begin_keywords", Does::Nothing),
    ("default_nettype", Does::Nothing),
    ("unconnected_drive", Does::Nothing),
    ("default_decay_time", Does::Nothing),
    ("default_trireg_strength", Does::Nothing),
    ("delay_mode_distributed", Does::NothingAlone),
    ("delay_mode_path", Does::NothingAlone),
    ("delay_mode_unit", Does::NothingAlone),
    ("delay_mode_zero", Does::NothingAlone),
    ("end_keywords", Does::NothingAlone),
    ("celldefine", Does::NothingAlone),
    ("endcelldefine", Does::NothingAlone),
    ("nounconnected_drive", Does::NothingAlone),
    ("uselib", Does::Refuse("libraries are named in the deck")),
    ("protected", Does::Refuse("encrypted text cannot be read")),
    ("protect", Does::Refuse("encrypted text cannot be read")),
];

/// Names of all directives.
pub fn directives() -> impl Iterator<Item = &'static str> {
    DIRECTIVES.iter().map(|d| d.0)
}

/// Macros that are defined from the start.
const PREDEFINED: [&str; 3] = ["__VAMS_ENABLE__", "__VAMS_COMPACT_MODELING__", "__MEMSPICE__"];

/// The tokens that the parser sees, closed by an `End`.
pub fn preprocess(sources: &mut Sources, file: FileId, search: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    let mut preprocessor = Preprocessor {
        sources,
        search,
        macros: BTreeMap::new(),
        out: Vec::new(),
        diagnostics,
        frames: Vec::new(),
        conditions: Vec::new(),
        wrong: BTreeMap::new(),
        stray: 0,
        brought: 0,
        calls: 0,
    };
    for name in PREDEFINED {
        let span = Span::new(file, 0, 0);
        preprocessor.macros.insert(name.to_string(), Macro { arguments: None, body: Rc::from([]), span, name: name.into() });
    }
    preprocessor.open(file);
    preprocessor.run();
    let end = preprocessor.sources.text(file).len();
    let span = Span::new(file, end, end);
    preprocessor.out.push(Token { kind: TokenKind::End, text: Rc::from(""), span, first: true, joined: false });
    preprocessor.out
}

/// Tokens being read: a file or the expansion of a macro.
pub struct Frame {
    /// The tokens.
    pub tokens: Rc<[Token]>,
    /// The next one.
    pub at: usize,
    /// Conditions that were open when it began; `None`: a macro, which may leave conditions open.
    pub conditions: Option<usize>,
}

/// One open `` `ifdef ``.
struct Condition {
    /// Tokens of the present part count.
    active: bool,
    /// Some part has already been taken (or the whole is inside a part that does not count).
    done: bool,
    /// `` `else `` has been seen.
    last: bool,
    /// The macro that it asks for.
    name: Rc<str>,
    span: Span,
}

/// Reads directives.
pub struct Preprocessor<'a> {
    /// The texts.
    pub sources: &'a mut Sources,
    search: &'a [PathBuf],
    /// Macros by name.
    pub macros: BTreeMap<String, Macro>,
    /// What the parser sees.
    pub out: Vec<Token>,
    /// Messages.
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// What is being read, innermost last.
    pub frames: Vec<Frame>,
    conditions: Vec<Condition>,
    /// What is wrong with tokens that were not yet met, by the places where they are written.
    wrong: BTreeMap<(FileId, u32), Diagnostic>,
    stray: usize,
    /// Tokens that macros brought.
    pub brought: usize,
    /// Uses of macros.
    pub calls: usize,
}

impl Preprocessor<'_> {
    /// Leaves an error.
    pub fn error(&mut self, span: Span, message: impl Into<String>, remark: &str) {
        self.diagnostics.push(Diagnostic::error(span, message).expected(remark));
    }

    fn open(&mut self, file: FileId) {
        let lexed = lex(file, self.sources.text(file), self.diagnostics);
        self.wrong.extend(lexed.wrong.into_iter().map(|(start, message)| ((file, start), message)));
        let conditions = Some(self.conditions.len());
        self.frames.push(Frame { tokens: lexed.tokens.into(), at: 0, conditions });
    }

    fn active(&self) -> bool {
        self.conditions.last().is_none_or(|c| c.active)
    }

    /// Closes frames that are read to their ends.
    fn settle(&mut self) {
        while let Some(frame) = self.frames.last() {
            if frame.tokens.get(frame.at).is_some_and(|t| t.kind != TokenKind::End) {
                return;
            }
            if let Some(open) = frame.conditions {
                while self.conditions.len() > open {
                    let span = self.conditions.pop().map_or(Span::default(), |c| c.span);
                    self.error(span, "this condition is never closed", "expected an `endif later");
                }
            }
            self.frames.pop();
        }
    }

    /// The next token, wherever it stands.
    pub fn take(&mut self) -> Option<Token> {
        self.settle();
        let frame = self.frames.last_mut()?;
        frame.at += 1;
        Some(frame.tokens[frame.at - 1].clone())
    }

    /// The next token without taking it; that of a file is not looked for behind the end of an included one.
    pub fn peek(&self) -> Option<&Token> {
        for frame in self.frames.iter().rev() {
            match frame.tokens.get(frame.at).filter(|t| t.kind != TokenKind::End) {
                Some(token) => return Some(token),
                None if frame.conditions.is_some() => return None,
                None => {}
            }
        }
        None
    }

    /// The next token of the same frame if it stands on the same line.
    pub fn next_on_line(&mut self) -> Option<Token> {
        let frame = self.frames.last_mut()?;
        let token = frame.tokens.get(frame.at).filter(|t| t.kind != TokenKind::End && !t.first)?.clone();
        frame.at += 1;
        Some(token)
    }

    /// The rest of the line.
    pub fn rest_of_line(&mut self) -> Vec<Token> {
        std::iter::from_fn(|| self.next_on_line()).collect()
    }

    /// Says what is wrong with a token, once it counts. False if it is not a token at all.
    pub fn sound(&mut self, token: &Token) -> bool {
        if !self.wrong.is_empty() {
            let place = self.sources.spelled(token.span);
            let known = self.wrong.remove(&(place.file, place.start));
            self.diagnostics.extend(known);
        }
        if token.kind == TokenKind::Stray {
            self.stray += 1;
            if self.stray >= MOST_STRAY {
                self.frames.clear();
                self.conditions.clear();
            }
        }
        token.kind != TokenKind::Stray
    }

    fn run(&mut self) {
        while let Some(token) = self.take() {
            let span = token.span;
            if token.kind == TokenKind::Directive {
                self.directive(&token);
            } else if self.active() && self.sound(&token) {
                self.out.push(token);
            }
            if self.out.len() > MOST_TOKENS {
                self.error(span, "this file is too long", "macros and included files counted");
                self.frames.clear();
            }
        }
    }

    fn directive(&mut self, token: &Token) {
        let known = DIRECTIVES.iter().find(|(name, _)| *name == &*token.text).map(|(_, does)| *does);
        if known == Some(Does::Condition) {
            return self.conditional(token);
        }
        if !self.active() {
            return;
        }
        match known {
            None => self.call(token),
            Some(Does::Define) => self.define(token),
            Some(Does::Undefine) => match self.next_on_line() {
                Some(name) => {
                    self.macros.remove(&*name.text);
                }
                None => self.error(token.span, "`undef needs a name", "the name is missing"),
            },
            Some(Does::UndefineAll) => self.macros.retain(|name, _| PREDEFINED.contains(&name.as_str())),
            Some(Does::Include) => self.include(token),
            Some(Does::File) => {
                let path = self.sources.path(self.sources.used(token.span).file).display().to_string();
                self.out.push(Token { kind: TokenKind::Text, text: Rc::from(path), ..token.clone() });
            }
            Some(Does::Line) => {
                let place = self.sources.place(token.span);
                let line = place.rsplit(':').next().unwrap_or("0");
                self.out.push(Token { kind: TokenKind::Int(line.parse().unwrap_or(0)), text: Rc::from(line), ..token.clone() });
            }
            Some(Does::HandOn) => {
                self.out.push(token.clone());
                let rest = self.rest_of_line();
                self.out.extend(rest);
            }
            Some(Does::Reset) => self.out.push(token.clone()),
            Some(Does::Nothing) => drop(self.rest_of_line()),
            Some(Does::NothingAlone | Does::Condition) => {}
            Some(Does::Refuse(why)) => {
                self.rest_of_line();
                self.error(token.span, format!("``{}` is not supported", token.text), why);
            }
        }
    }

    fn conditional(&mut self, token: &Token) {
        let word = &*token.text;
        let mut name: Rc<str> = Rc::from("");
        let mut defined = false;
        if matches!(word, "ifdef" | "ifndef" | "elsif") {
            match self.next_on_line() {
                Some(found) => {
                    defined = self.macros.contains_key(&*found.text) == (word != "ifndef");
                    name = found.text;
                }
                None => self.error(token.span, format!("`{word} needs a name"), "the name is missing"),
            }
        }
        if word == "ifdef" || word == "ifndef" {
            let outer = self.active();
            let active = outer && defined;
            return self.conditions.push(Condition { active, done: active || !outer, last: false, name, span: token.span });
        }
        if self.frames.last().and_then(|f| f.conditions).is_some_and(|open| self.conditions.len() <= open) {
            return self.error(token.span, format!("`{word} without `ifdef"), "nothing is open here");
        }
        match self.conditions.last_mut() {
            None => self.error(token.span, format!("`{word} without `ifdef"), "nothing is open here"),
            Some(open) if word == "endif" => {
                // Some repeat the name behind the end.
                let name = open.name.clone();
                self.conditions.pop();
                if let Some(frame) = self.frames.last_mut()
                    && frame.tokens.get(frame.at).is_some_and(|t| !t.first && t.kind == TokenKind::Name && t.text == name)
                {
                    frame.at += 1;
                }
            }
            Some(open) if open.last => self.error(token.span, format!("`{word} after `else"), "expected `endif"),
            Some(open) => {
                open.active = !open.done && (word == "else" || defined);
                open.done |= open.active;
                open.last = word == "else";
            }
        }
    }

    fn include(&mut self, token: &Token) {
        let name = match self.next_on_line() {
            Some(name) if name.kind == TokenKind::Text => {
                // As it is written: a backslash is a folder's, not the start of an escape.
                let raw = self.sources.slice(name.span).strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
                let text = raw.map_or(name.text.clone(), Rc::from);
                Token { text, ..name }
            }
            Some(open) if open.is("<") => {
                let rest = self.rest_of_line();
                let end = rest.iter().position(|t| t.is(">")).unwrap_or(rest.len());
                let text: String = rest[..end].iter().map(|t| &*t.text).collect();
                Token { kind: TokenKind::Text, text: Rc::from(text), ..open }
            }
            Some(call) if call.kind == TokenKind::Directive && self.macros.contains_key(&*call.text) => {
                // The name of the file is a macro.
                let body = self.macros[&*call.text].body.clone();
                match body.first().filter(|t| t.kind == TokenKind::Text) {
                    Some(name) => Token { span: call.span, ..name.clone() },
                    None => return self.error(call.span, "`include needs a file name", "this macro is not a string"),
                }
            }
            _ => {
                self.rest_of_line();
                return self.error(token.span, "`include needs a file name", "expected a name in double quotes");
            }
        };
        if self.frames.iter().filter(|f| f.conditions.is_some()).count() >= DEEPEST_FILE {
            return self.error(name.span, format!("`include is nested too deeply at \"{}\"", name.text), "does it include itself?");
        }
        match self.find(token.span.file, &name.text) {
            Some(file) => self.open(file),
            None => {
                let error = Diagnostic::error(name.span, format!("the file \"{}\" cannot be read", name.text));
                let near = self.sources.path(name.span.file).parent().unwrap_or(Path::new("")).to_path_buf();
                let mut places = vec![if near.as_os_str().is_empty() { ".".to_string() } else { near.display().to_string() }];
                places.extend(self.search.iter().map(|p| p.display().to_string()));
                self.diagnostics.push(error.hint(format!("looked for in {}", places.join(", "))));
            }
        }
    }

    /// The file called `name`: beside the including file, in the search path, in `models/std`, or one of the standard files.
    fn find(&mut self, from: FileId, name: &str) -> Option<FileId> {
        let name = name.trim().replace('\\', "/");
        let beside = self.sources.path(from).parent().unwrap_or(Path::new("")).to_path_buf();
        for folder in std::iter::once(&beside).chain(self.search) {
            let path = folder.join(&name);
            if let Some(file) = self.known(&path) {
                return Some(file);
            }
            if let Ok(file) = self.sources.load(&path) {
                return Some(file);
            }
        }
        if let Some(file) = self.known(&Path::new("models/std").join(&name)) {
            return Some(file);
        }
        let stem = Path::new(&name).file_stem()?.to_str()?.to_ascii_lowercase();
        let (_, stem, text) = STANDARD.iter().find(|(s, _, _)| *s == stem)?;
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
