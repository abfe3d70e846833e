//! Statements of a `.control` block: those that mean the same as a card are read as one, the others are named.

use crate::diag::{Diagnostic, Severity};
use crate::netlist::ast::{Card, Name};
use crate::netlist::card::Cursor;
use crate::netlist::{cards, clip};

/// What a statement amounts to.
pub enum Statement {
    /// `op`, `dc ...`, `tran ...`, `ac ...`.
    Analysis(Card),
    /// `print ...`, `plot ...`.
    Output(Card),
    /// `wrdata file ...`, `write file ...`: the vectors are kept; that the file is not written is said.
    File(Card, Diagnostic),
    /// `meas ...`.
    Measure(Card),
    /// Done anyway: `run`, `quit`.
    Nothing,
    /// Something to say about it.
    Remark(Diagnostic),
}

/// What the words amount to.
#[derive(Clone, Copy)]
enum Role {
    Analysis,
    Output,
    Measure,
    /// The first word after it is a file.
    File,
    Nothing,
}

const STATEMENTS: &[(&str, &str, Role)] = &[
    ("op", "op", Role::Analysis),
    ("dc", "dc", Role::Analysis),
    ("tran", "tran", Role::Analysis),
    ("ac", "ac", Role::Analysis),
    ("stability", "stability", Role::Analysis),
    ("pz", "pz", Role::Analysis),
    ("print", "print", Role::Output),
    ("plot", "plot", Role::Output),
    ("save", "save", Role::Output),
    ("meas", "measure", Role::Measure),
    ("measure", "measure", Role::Measure),
    ("wrdata", "print", Role::File),
    ("write", "print", Role::File),
    ("run", "", Role::Nothing),
    ("quit", "", Role::Nothing),
    ("exit", "", Role::Nothing),
];

/// Reads one statement.
pub fn statement(mut cursor: Cursor) -> Statement {
    let word = cursor.word().unwrap_or("");
    let Some((_, canonical, role)) = STATEMENTS.iter().find(|row| row.0.eq_ignore_ascii_case(word)) else {
        let shown = clip(if word.is_empty() { "(" } else { word });
        return Statement::Remark(
            Diagnostic::warning(cursor.card_span(), format!("`{shown}` in a .control block is not done"))
                .hint("done are op, dc, tran, ac, run, meas, print, plot, save, wrdata, write and quit"),
        );
    };
    let keyword = Name { text: (*canonical).to_string(), span: cursor.here() };
    cursor.skip();
    let made = match role {
        Role::Nothing => return Statement::Nothing,
        Role::File => return file(cursor, keyword, word),
        Role::Analysis => cards::general(&mut cursor, keyword).map(Statement::Analysis),
        Role::Output => cards::general(&mut cursor, keyword).map(Statement::Output),
        Role::Measure => cards::general(&mut cursor, keyword).map(Statement::Measure),
    };
    made.unwrap_or_else(Statement::Remark)
}

/// `wrdata file v(a) v(b)`: the vectors are kept; where results go is not said by the deck.
fn file(mut cursor: Cursor, keyword: Name, word: &str) -> Statement {
    let written = cursor.raw_text("a file").and_then(|_| cards::general(&mut cursor, keyword));
    match written {
        Ok(card) => {
            let mut note = Diagnostic::warning(card.span, format!("`{word}` names a file; results go to the output folder"));
            note.severity = Severity::Note;
            if card.fields.is_empty() { Statement::Remark(note) } else { Statement::File(card, note) }
        }
        Err(diagnostic) => Statement::Remark(diagnostic),
    }
}
