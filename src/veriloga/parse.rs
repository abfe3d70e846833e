//! Tokens to the tree: the cursor and recovery. The grammar is in `module` (files, declarations), `behaviour` (statements) and
//! `expr` (expressions), one function per production.
//!
//! A production that cannot go on leaves one message and [`Abort`]; lists of statements and of declarations catch it, skip to
//! the next `;` or closing keyword and go on, so that one run shows all mistakes of a file.

use std::collections::BTreeSet;

use crate::diag::Diagnostic;
use crate::span::Span;
use crate::veriloga::ast::{Expr, Name};
use crate::veriloga::keyword::{CLOSING, is_reserved};
use crate::veriloga::lex::{Token, TokenKind};

/// The message is already written.
#[derive(Debug)]
pub struct Abort;

/// Result of a production.
pub type Parsed<T> = Result<T, Abort>;

/// Messages after which a file is given up.
const MOST_ERRORS: usize = 50;

/// Reads tokens.
pub struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    orders: u32,
    /// Messages so far.
    pub diagnostics: &'a mut Vec<Diagnostic>,
    errors: usize,
    warned: BTreeSet<&'static str>,
    /// What `` `default_discipline `` says.
    pub default_discipline: Option<Name>,
    /// What `` `default_transition `` says.
    pub default_transition: Option<Expr>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `tokens`, which are closed by an `End`.
    pub fn new(tokens: &'a [Token], diagnostics: &'a mut Vec<Diagnostic>) -> Parser<'a> {
        Parser {
            tokens,
            at: 0,
            depth: 0,
            orders: 0,
            diagnostics,
            errors: 0,
            warned: BTreeSet::new(),
            default_discipline: None,
            default_transition: None,
        }
    }

    /// The next token.
    pub fn peek(&self) -> &Token {
        self.ahead(0)
    }

    /// The token after `count` others.
    pub fn ahead(&self, count: usize) -> &Token {
        &self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    /// Place of the last token taken.
    pub fn last(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// True at the end, or when there are so many mistakes that going on is of no use.
    pub fn over(&self) -> bool {
        self.peek().kind == TokenKind::End || self.errors >= MOST_ERRORS
    }

    /// Takes the next token.
    pub fn advance(&mut self) -> Span {
        let span = self.peek().span;
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    /// Takes `text` (operator or keyword) if it is next.
    pub fn accept(&mut self, text: &str) -> bool {
        let found = self.next_is(text);
        if found {
            self.advance();
        }
        found
    }

    /// True if `text` (operator or keyword) is next.
    pub fn next_is(&self, text: &str) -> bool {
        self.peek().is(text) || self.peek().is_word(text)
    }

    /// True if the next token is a keyword.
    pub fn at_keyword(&self) -> bool {
        self.peek().kind == TokenKind::Name && is_reserved(&self.peek().text)
    }

    /// Takes `text`, which must be next.
    pub fn expect(&mut self, text: &str) -> Parsed<Span> {
        if self.next_is(text) {
            return Ok(self.advance());
        }
        let next = self.peek().clone();
        let (last, first) = (self.last(), next.first || next.kind == TokenKind::End);
        if first && self.at > 0 {
            // What is missing stood at the end of the line before.
            let after = Span { start: last.end.saturating_sub(1).max(last.start), ..last };
            self.report(Diagnostic::error(after, format!("`{text}` is missing")).expected(format!("expected `{text}` after this")));
            return if text == ";" { Ok(last) } else { Err(Abort) };
        }
        self.fail(format!("unexpected {}", next.shown()), format!("expected `{text}`"))
    }

    /// Leaves a message at the next token.
    pub fn fail<T>(&mut self, message: impl Into<String>, remark: impl Into<String>) -> Parsed<T> {
        let span = self.peek().span;
        self.report(Diagnostic::error(span, message).expected(remark));
        Err(Abort)
    }

    /// Leaves a message.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.errors += 1;
        self.diagnostics.push(diagnostic);
    }

    /// Leaves a warning, once for each `key`.
    pub fn warn_once(&mut self, key: &'static str, diagnostic: Diagnostic) {
        if self.warned.insert(key) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Number of the next statement.
    pub fn order(&mut self) -> u32 {
        self.orders += 1;
        self.orders
    }

    /// Takes a semicolon that some write behind `end`, `endmodule` ... if one is next.
    pub fn idle_semicolon(&mut self) {
        if self.peek().is(";") {
            let span = self.advance();
            let warning = Diagnostic::warning(span, "a semicolon that closes nothing");
            self.warn_once("idle", warning.expected("the word before it needs none"));
        }
    }

    /// Takes a name; `what` is expected.
    pub fn name(&mut self, what: &str) -> Parsed<Name> {
        if self.peek().kind == TokenKind::Name && !self.at_keyword() {
            let text = self.peek().text.to_string();
            return Ok(Name { text, span: self.advance() });
        }
        let message = match self.at_keyword() {
            true => format!("{} is a keyword", self.peek().shown()),
            false => format!("unexpected {}", self.peek().shown()),
        };
        self.fail(message, format!("expected {what}"))
    }

    /// Items separated by commas up to `close`, which is not taken.
    pub fn comma_separated<T>(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if self.next_is(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.accept(",") {
                return Ok(items);
            }
        }
    }

    /// Runs `inner` one level deeper, unless that is too deep.
    pub fn nested<T>(&mut self, deepest: usize, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= deepest {
            return self.fail("this is nested too deeply", "split it");
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Skips past the next `;`, or up to a word that closes something; takes at least one token if `start` is here.
    pub fn recover(&mut self, start: usize) {
        while !self.over() {
            if self.peek().is(";") {
                self.advance();
                return;
            }
            let closes = self.peek().kind == TokenKind::Name && CLOSING.contains(&&*self.peek().text);
            if closes && self.at > start {
                return;
            }
            self.advance();
        }
    }

    /// The next number in order of the text.
    pub fn next_order(&mut self) -> u32 {
        self.orders += 1;
        self.orders
    }

    /// Where the parser stands, for `recover`.
    pub fn place(&self) -> usize {
        self.at
    }
}
