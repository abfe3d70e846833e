//! Files to a deck: title, cards in order, included files and library sections, subcircuits in one another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::diag::{self, Diagnostic, Severity};
use crate::netlist::ast::{Deck, Name, Scope, Subcircuit};
use crate::netlist::card::Cursor;
use crate::netlist::cards::{self, Keyword};
use crate::netlist::lex::Scanner;
use crate::netlist::repeat::{self, Head, Known};
use crate::netlist::section::{Sections, Verdict};
use crate::netlist::{clip, control, elements, plain, template};
use crate::span::{FileId, Sources, Span};

/// Files in one another.
const DEEPEST_INCLUDE: usize = 40;
/// Inclusions in all; beyond it files include each other exponentially often.
const MOST_INCLUDES: usize = 10_000;
/// Subcircuits in one another.
const DEEPEST_SUBCKT: usize = 100;
/// Errors after which reading stops.
const MOST_ERRORS: usize = 100;

/// What is being read.
pub struct Reader<'s> {
    sources: &'s mut Sources,
    deck: Deck,
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    /// Subcircuits whose `.ends` is still to come.
    open: Vec<Subcircuit>,
    /// Files (and sections of libraries) that are being read, outermost first.
    stack: Vec<(PathBuf, Option<String>)>,
    loaded: BTreeMap<PathBuf, FileId>,
    includes: usize,
    /// Values that replace those of parameters of the top level.
    overrides: Vec<(String, f64)>,
}

impl<'s> Reader<'s> {
    /// With nothing read yet.
    pub fn new(sources: &'s mut Sources, overrides: &[(String, f64)]) -> Reader<'s> {
        Reader {
            sources,
            deck: Deck::default(),
            diagnostics: Vec::new(),
            errors: 0,
            open: Vec::new(),
            stack: Vec::new(),
            loaded: BTreeMap::new(),
            includes: 0,
            overrides: overrides.to_vec(),
        }
    }

    /// Reads the deck whose main text is `file`.
    pub fn read(mut self, file: FileId) -> (Deck, Vec<Diagnostic>) {
        let path = normal(self.sources.path(file));
        self.loaded.insert(path.clone(), file);
        self.stack.push((path, None));
        let text = self.sources.text(file);
        if text.trim().is_empty() {
            let diagnostic = Diagnostic::error(Span::new(file, 0, 0), "the deck is empty");
            self.push(diagnostic.hint("a deck is a title line, element cards and cards such as .tran"));
            return (self.deck, self.diagnostics);
        }
        let line = text.lines().next().unwrap_or("");
        let (end, title) = (line.len(), line.trim().trim_start_matches('*').trim().to_string());
        self.check_title(file, &title, end);
        self.deck.title = title;
        self.read_cards(file, end, None);
        for subcircuit in std::mem::take(&mut self.open) {
            let name = clip(&subcircuit.name.text);
            self.push(Diagnostic::error(subcircuit.span, format!("`.subckt {name}` has no `.ends`")));
        }
        (self.deck, self.diagnostics)
    }

    /// A card on the first line is a title like any other text; that is rarely meant.
    fn check_title(&mut self, file: FileId, title: &str, end: usize) {
        let word = title.split_whitespace().next().unwrap_or("");
        let known = word.strip_prefix('.').and_then(cards::keyword);
        if known.is_some_and(|row| row.2 != Keyword::Title) {
            let message = format!("the first line is the title; `{word}` is not read as a card");
            self.push(Diagnostic::warning(Span::new(file, 0, end), message).hint("put a title line above it"));
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if self.errors >= MOST_ERRORS {
            return;
        }
        let place = diagnostic.span();
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        self.diagnostics.push(diagnostic);
        if self.errors == MOST_ERRORS {
            let message = format!("{MOST_ERRORS} errors; the rest of the deck is not read");
            self.diagnostics.push(Diagnostic::error(place.unwrap_or_default(), message));
        }
    }

    fn scope(&mut self) -> &mut Scope {
        match self.open.last_mut() {
            Some(subcircuit) => &mut subcircuit.scope,
            None => &mut self.deck.top,
        }
    }

    /// Reads the cards of `file` from byte `start`, all or those of one section.
    fn read_cards(&mut self, file: FileId, start: usize, section: Option<&Name>) {
        let text = self.sources.shared(file);
        if let Some(diagnostic) = self.unreadable(file, &text) {
            self.push(diagnostic);
            return;
        }
        let mut sections = Sections::new(section);
        let mut scanner = Scanner::new(&text, file, start);
        while self.errors < MOST_ERRORS {
            match scanner.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if sections.skipping() => continue,
                Err(mut diagnostic) => {
                    if sections.in_control() {
                        diagnostic.severity = Severity::Warning;
                    }
                    self.push(diagnostic);
                    continue;
                }
            }
            let cursor = Cursor::new(&text, file, scanner.tokens());
            let keyword = cursor.word().and_then(|w| w.strip_prefix('.')).and_then(cards::keyword).map(|row| row.2);
            let done = match sections.judge(keyword, cursor) {
                Verdict::Skip => Ok(()),
                Verdict::Statement => {
                    self.control_statement(cursor);
                    Ok(())
                }
                Verdict::Wrong(diagnostic) => Err(diagnostic),
                Verdict::Card if keyword == Some(Keyword::End) => {
                    self.after_end(scanner, &text, file);
                    break;
                }
                Verdict::Card if keyword == Some(Keyword::For) => {
                    let (written, next) = self.write_out(cursor, &text, scanner.position());
                    scanner.seek(next);
                    written.map(|text| text.into_iter().for_each(|text| self.read_cards(text, 0, None)))
                }
                Verdict::Card => self.card(cursor),
            };
            if let Err(diagnostic) = done {
                self.push(diagnostic);
            }
        }
        if self.errors < MOST_ERRORS {
            sections.finish().into_iter().for_each(|diagnostic| self.push(diagnostic));
        }
    }

    /// A loop as a text of its own, if it has to be written out, and the byte behind its end.
    fn write_out(&mut self, mut cursor: Cursor, text: &str, from: usize) -> (Result<Option<FileId>, Diagnostic>, usize) {
        let span = cursor.card_span();
        let (end, next) = match repeat::body(text, from, span) {
            Ok(found) => found,
            Err(diagnostic) => return (Err(diagnostic), text.len()),
        };
        let top = self.open.is_empty();
        let parameters = std::mem::take(&mut self.scope().parameters);
        let used = RefCell::default();
        let overrides = if top { self.overrides.as_slice() } else { &[] };
        let known = Known { parameters: &parameters, overrides, used: &used };
        let head = Head::read(&mut cursor, known);
        let kept = head.as_ref().ok().and_then(|head| {
            let scope = match self.open.last_mut() {
                Some(subcircuit) => &mut subcircuit.scope,
                None => &mut self.deck.top,
            };
            template::read(text, (span.file, from, end), (head.clone(), known), &mut scope.kinds, self.sources)
        });
        let written = match &kept {
            Some(_) => Ok(None),
            None => head.and_then(|head| head.write_out(&text[from..end], (span.file, from), known)).map(Some),
        };
        self.scope().parameters = parameters;
        kept.into_iter().for_each(|kept| self.scope().push_loop(kept));
        if top {
            self.deck.shaping.extend(used.into_inner());
        }
        let path = format!("{} (.for)", self.sources.path(span.file).display());
        (written.map(|text| text.map(|text| self.sources.add(Path::new(&path), text))), next)
    }

    /// Cards behind `.end` do not count; that is said once.
    fn after_end(&mut self, mut scanner: Scanner, text: &str, file: FileId) {
        let place = match scanner.advance() {
            Ok(false) => return,
            Ok(true) => Some(Cursor::new(text, file, scanner.tokens()).card_span()),
            Err(diagnostic) => diagnostic.span(),
        };
        if let Some(span) = place {
            self.push(Diagnostic::warning(span, "what stands behind `.end` is not read").expected("the first card behind it"));
        }
    }

    /// What makes a file one that cannot be read at all.
    fn unreadable(&self, file: FileId, text: &str) -> Option<Diagnostic> {
        if u32::try_from(text.len()).is_err() {
            return Some(Diagnostic::error(Span::new(file, 0, 0), "a file of more than 4 gigabytes is not read"));
        }
        let at = text.bytes().position(|b| b == 0)?;
        let message = format!("{} is not a text file", self.sources.path(file).display());
        Some(Diagnostic::error(Span::new(file, at, at + 1), message).expected("a zero byte"))
    }

    fn control_statement(&mut self, cursor: Cursor) {
        match control::statement(cursor) {
            control::Statement::Analysis(card) => self.deck.analyses.push(card),
            control::Statement::Output(card) => self.deck.outputs.push(card),
            control::Statement::File(card, note) => {
                self.deck.outputs.push(card);
                self.push(note);
            }
            control::Statement::Measure(card) => self.deck.measures.push(card),
            control::Statement::Nothing => {}
            control::Statement::Remark(diagnostic) => self.push(diagnostic),
        }
    }

    /// Reads one card outside of `.control`.
    fn card(&mut self, mut cursor: Cursor) -> Result<(), Diagnostic> {
        let first = cursor.word().unwrap_or("");
        if let Some(word) = first.strip_prefix('.') {
            return self.dot_card(cursor, word);
        }
        if plain::read(&cursor, self.scope()) {
            return Ok(());
        }
        let element = elements::element(&mut cursor)?;
        self.scope().elements.push(element);
        Ok(())
    }

    fn dot_card(&mut self, mut cursor: Cursor, word: &str) -> Result<(), Diagnostic> {
        let span = cursor.here();
        cursor.skip();
        let Some((_, canonical, keyword)) = cards::keyword(word) else {
            let spellings = cards::KEYWORDS.iter().filter(|row| row.2 != Keyword::Later).map(|row| row.0);
            let shown = clip(word);
            let diagnostic = Diagnostic::error(span, format!("unknown card `.{shown}`"));
            return Err(match diag::nearest(&shown, spellings) {
                Some(near) => diagnostic.hint(format!("did you mean `.{near}`?")),
                None => diagnostic,
            });
        };
        let name = Name { text: (*canonical).to_string(), span };
        if !self.open.is_empty() && only_on_top(*keyword) {
            let inner = &self.open[self.open.len() - 1];
            let message = format!("`.{canonical}` inside of a subcircuit");
            return Err(Diagnostic::error(span, message)
                .expected("stands on the top level only")
                .label(inner.span, "`.ends` of this one is still to come"));
        }
        match keyword {
            Keyword::Param => {
                let (values, functions) = cards::param(&mut cursor)?;
                let scope = self.scope();
                scope.parameters.extend(values);
                scope.functions.extend(functions);
            }
            Keyword::Func => {
                let function = cards::function(&mut cursor)?;
                nothing_more(&cursor, "the expression of the function in one piece")?;
                self.scope().functions.push(function);
            }
            Keyword::Subckt => self.begin_subckt(&mut cursor)?,
            Keyword::Ends => self.end_subckt(&mut cursor)?,
            Keyword::Include => self.include(&mut cursor)?,
            Keyword::Lib => self.library(&mut cursor)?,
            Keyword::Model => {
                let model = cards::model(&mut cursor)?;
                self.scope().models.push(model);
            }
            Keyword::Global => {
                while !cursor.done() {
                    self.deck.globals.push(cursor.expect_name("the name of a node")?);
                }
            }
            Keyword::Ic => self.deck.initial.extend(cards::start_values(&mut cursor)?),
            Keyword::Nodeset => self.deck.nodesets.extend(cards::start_values(&mut cursor)?),
            Keyword::Temp => {
                self.deck.temperature = Some(cursor.value("a temperature in degrees Celsius")?);
                nothing_more(&cursor, "one temperature; `.step temp list ...` runs several")?;
            }
            Keyword::Options => self.deck.options.extend(cards::options(&mut cursor)?),
            Keyword::Hdl => self.verilog(&mut cursor)?,
            Keyword::Title => {
                let span = cursor.card_span();
                let from = cursor.peek().map_or(span.end as usize, |t| t.start);
                self.deck.title = cursor.text[from..span.end as usize].trim_matches('"').to_string();
            }
            Keyword::Analysis => self.deck.analyses.push(cards::general(&mut cursor, name)?),
            Keyword::Step => self.deck.steps.push(cards::general(&mut cursor, name)?),
            Keyword::Measure => self.deck.measures.push(cards::general(&mut cursor, name)?),
            Keyword::Output => self.deck.outputs.push(cards::general(&mut cursor, name)?),
            Keyword::Later => return Err(Diagnostic::error(span, format!("`.{canonical}` is not supported yet"))),
            Keyword::Endc => return Err(Diagnostic::error(span, "`.endc` without `.control` before it")),
            Keyword::Endfor => return Err(Diagnostic::error(span, "`.endfor` without `.for` before it")),
            // Handled by `read_cards`.
            Keyword::Endl | Keyword::End | Keyword::Control | Keyword::For => {}
        }
        Ok(())
    }

    fn begin_subckt(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        // A head that cannot be read still begins a subcircuit: its `.ends` must not be an error too.
        let span = cursor.card_span();
        let (subcircuit, failure) = match cards::subckt(cursor) {
            Ok(subcircuit) => (subcircuit, None),
            Err(diagnostic) => {
                let name = Name { text: String::new(), span };
                let scope = Scope::default();
                (Subcircuit { name, ports: Vec::new(), parameters: Vec::new(), scope, span }, Some(diagnostic))
            }
        };
        if self.open.len() >= DEEPEST_SUBCKT {
            return Err(Diagnostic::error(span, format!("more than {DEEPEST_SUBCKT} subcircuits in one another")));
        }
        self.open.push(subcircuit);
        failure.map_or(Ok(()), Err)
    }

    fn end_subckt(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        let Some(subcircuit) = self.open.pop() else {
            return Err(Diagnostic::error(cursor.card_span(), "`.ends` without `.subckt` before it"));
        };
        let head = subcircuit.name.clone();
        self.scope().subcircuits.push(subcircuit);
        if cursor.done() {
            return Ok(());
        }
        let name = cursor.expect_name("the name of the subcircuit or nothing")?;
        if head.text.is_empty() || name.text.eq_ignore_ascii_case(&head.text) {
            return Ok(());
        }
        let message = format!("`.ends {}` ends the subcircuit `{}`", clip(&name.text), clip(&head.text));
        Err(Diagnostic::error(name.span, message).label(head.span, "begun here"))
    }

    // ---- other files ----

    /// `name` as a path: relative to the file that holds the card.
    fn path_of(&self, name: &Name) -> PathBuf {
        let here = self.sources.path(name.span.file).parent().unwrap_or(Path::new(""));
        normal(&here.join(&name.text))
    }

    fn include(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        let name = cursor.raw_text("a file: `.include file`")?;
        nothing_more(cursor, "one file")?;
        self.enter(&name, None)
    }

    fn library(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        let name = cursor.raw_text("a file and a section: `.lib file section`")?;
        let section = cursor.raw_text("a section: `.lib file section`")?;
        nothing_more(cursor, "one section")?;
        self.enter(&name, Some(&section))
    }

    /// Reads `name`, or one section of it.
    fn enter(&mut self, name: &Name, section: Option<&Name>) -> Result<(), Diagnostic> {
        let path = self.path_of(name);
        let key = (path.clone(), section.map(Name::folded));
        if self.stack.contains(&key) {
            let message = format!("`{}` includes itself", path.display());
            let chain: Vec<String> = self.stack.iter().map(|(p, _)| p.display().to_string()).collect();
            return Err(Diagnostic::error(name.span, message).hint(format!("read so far: {}", chain.join(", then "))));
        }
        self.includes += 1;
        if self.stack.len() >= DEEPEST_INCLUDE || self.includes > MOST_INCLUDES {
            let message = format!("files include each other more than {DEEPEST_INCLUDE} deep or {MOST_INCLUDES} times");
            return Err(Diagnostic::error(name.span, message));
        }
        let file = match self.loaded.get(&path) {
            Some(file) => *file,
            None => {
                let file = self.sources.load(&path).map_err(|error| {
                    let message = format!("cannot read `{}`: {error}", path.display());
                    Diagnostic::error(name.span, message).hint("paths are relative to the file that holds the card")
                })?;
                self.loaded.insert(path, file);
                file
            }
        };
        self.stack.push(key);
        self.read_cards(file, 0, section);
        self.stack.pop();
        Ok(())
    }

    fn verilog(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        loop {
            let mut name = cursor.raw_text("a file: `.hdl \"file.va\"`")?;
            name.text = self.path_of(&name).to_string_lossy().into_owned();
            self.deck.verilog.push(name);
            cursor.skip_commas();
            if cursor.done() {
                return Ok(());
            }
        }
    }
}

/// Cards that say what to do with the whole circuit.
fn only_on_top(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Analysis
            | Keyword::Step
            | Keyword::Measure
            | Keyword::Output
            | Keyword::Ic
            | Keyword::Nodeset
            | Keyword::Temp
            | Keyword::Control
    )
}

/// An error if the card goes on.
fn nothing_more(cursor: &Cursor, wanted: &str) -> Result<(), Diagnostic> {
    if cursor.done() { Ok(()) } else { Err(cursor.missing(wanted)) }
}

/// `path` without `.` and with `a/..` cut out, so that one file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
