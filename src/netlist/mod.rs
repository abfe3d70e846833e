//! Deck text to a tree with spans ([`ast::Deck`]); nothing is resolved here.

use crate::diag::Diagnostic;
use crate::span::{FileId, Sources};

pub mod ast;
pub mod builtin;
pub mod card;
pub mod cards;
pub mod chance;
pub mod control;
pub mod controlled;
pub mod elements;
pub mod expr;
pub mod lex;
pub mod lower;
pub mod parse;
pub mod plain;
pub mod repeat;
pub mod section;
pub mod template;
pub mod waveform;

/// Reads the deck whose main text is `file`, with everything that it includes.
///
/// The deck is as complete as the text allows; it must not be used further if one of the messages is an error.
pub fn parse(sources: &mut Sources, file: FileId) -> (ast::Deck, Vec<Diagnostic>) {
    parse_with(sources, file, &[])
}

/// The same with values of parameters of the top level (`--set`, `.step`): they decide how often loops go round.
pub fn parse_with(sources: &mut Sources, file: FileId, overrides: &[(String, f64)]) -> (ast::Deck, Vec<Diagnostic>) {
    parse::Reader::new(sources, overrides).read(file)
}

/// The start of `text`, for messages.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}
