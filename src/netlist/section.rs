//! Which cards of a file count: sections of libraries are read only when asked for, `.control` blocks are statements.

use crate::diag::Diagnostic;
use crate::netlist::ast::Name;
use crate::netlist::card::Cursor;
use crate::netlist::cards::Keyword;
use crate::netlist::clip;
use crate::span::Span;

/// What to do with a card.
pub enum Verdict {
    /// Read it.
    Card,
    /// Read it as a statement of a `.control` block.
    Statement,
    /// It does not count, or has done all it does.
    Skip,
    /// It stands in the wrong place.
    Wrong(Diagnostic),
}

/// Where one stands in a file with `.lib name` ... `.endl`.
enum State {
    /// Everything counts.
    Reading,
    /// In a section that is not asked for.
    Passing(Span),
    /// Looking for the section asked for.
    Seeking,
    /// In it.
    Inside(Span),
}

/// Follows the sections and `.control` blocks of one file.
pub struct Sections<'a> {
    wanted: Option<&'a Name>,
    state: State,
    found: bool,
    seen: Vec<String>,
    control: Option<Span>,
}

impl<'a> Sections<'a> {
    /// For a whole file, or for the section `wanted` of it.
    pub fn new(wanted: Option<&'a Name>) -> Sections<'a> {
        let state = if wanted.is_some() { State::Seeking } else { State::Reading };
        Sections { wanted, state, found: false, seen: Vec::new(), control: None }
    }

    /// True where nothing counts, not even mistakes.
    pub fn skipping(&self) -> bool {
        matches!(self.state, State::Passing(_) | State::Seeking)
    }

    /// True inside of a `.control` block.
    pub fn in_control(&self) -> bool {
        self.control.is_some()
    }

    /// What to do with the card at `cursor`, which begins with `keyword`.
    pub fn judge(&mut self, keyword: Option<Keyword>, cursor: Cursor) -> Verdict {
        match keyword {
            _ if self.control.is_some() => match keyword {
                Some(Keyword::Endc) => {
                    self.control = None;
                    Verdict::Skip
                }
                _ => Verdict::Statement,
            },
            Some(Keyword::Lib) => match section_name(cursor) {
                Some(name) => self.begin(&name),
                None if self.skipping() => Verdict::Skip,
                None => Verdict::Card,
            },
            Some(Keyword::Endl) => self.end(cursor.card_span()),
            _ if self.skipping() => Verdict::Skip,
            Some(Keyword::Control) => {
                self.control = Some(cursor.card_span());
                Verdict::Skip
            }
            _ => Verdict::Card,
        }
    }

    fn begin(&mut self, name: &Name) -> Verdict {
        match self.state {
            State::Reading => self.state = State::Passing(name.span),
            State::Seeking if self.wanted.is_some_and(|w| w.text.eq_ignore_ascii_case(&name.text)) => {
                self.found = true;
                self.state = State::Inside(name.span);
            }
            // The sections that are not asked for are looked through card by card, so their ends need no attention.
            State::Seeking => self.seen.push(clip(&name.text)),
            State::Passing(before) | State::Inside(before) => {
                let message = format!("section `{}` begins inside of another one", clip(&name.text));
                let diagnostic = Diagnostic::error(name.span, message).label(before, "begun here");
                return Verdict::Wrong(diagnostic.hint("end the section before it with .endl"));
            }
        }
        Verdict::Skip
    }

    fn end(&mut self, span: Span) -> Verdict {
        match self.state {
            State::Inside(_) => self.state = State::Seeking,
            State::Passing(_) => self.state = State::Reading,
            State::Seeking => {}
            State::Reading => return Verdict::Wrong(Diagnostic::error(span, "`.endl` without `.lib` before it")),
        }
        Verdict::Skip
    }

    /// What the end of the file leaves open.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut list = Vec::new();
        if let State::Inside(span) | State::Passing(span) = self.state {
            let diagnostic = Diagnostic::error(span, "the section has no `.endl`");
            list.push(diagnostic.hint("`.lib name` begins a section; a file is read by `.include file` or `.lib file section`"));
        }
        list.extend(self.control.map(|span| Diagnostic::error(span, "`.control` has no `.endc`")));
        if let Some(wanted) = self.wanted.filter(|_| !self.found) {
            let name = clip(&wanted.text);
            let diagnostic = Diagnostic::error(wanted.span, format!("the library has no section `{name}`"));
            list.push(diagnostic.suggest(&name, self.seen.iter().map(String::as_str)));
        }
        list
    }
}

/// The name of the section that `.lib name` begins; `.lib file section` begins none.
fn section_name(mut cursor: Cursor) -> Option<Name> {
    cursor.skip();
    let name = cursor.raw_text("a section").ok()?;
    cursor.done().then_some(name)
}
