//! A walk over the tokens of one card: names, values, assignments.

use crate::diag::Diagnostic;
use crate::netlist::ast::{Assignment, Expr, ExprKind, Field, Name};
use crate::netlist::clip;
use crate::netlist::expr::{self, Range};
use crate::netlist::lex::{Token, TokenKind};
use crate::span::{FileId, Span};
use crate::units;

/// Where one stands in a card.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    /// The whole text of the file.
    pub text: &'a str,
    /// Its number.
    pub file: FileId,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first token of a card.
    pub fn new(text: &'a str, file: FileId, tokens: &'a [Token]) -> Cursor<'a> {
        Cursor { text, file, tokens, at: 0 }
    }

    /// The token here.
    pub fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// All tokens of the card.
    pub fn tokens(&self) -> &'a [Token] {
        self.tokens
    }

    /// Kind of the token here.
    pub fn kind(&self) -> Option<TokenKind> {
        self.peek().map(|t| t.kind)
    }

    /// Goes one token on.
    pub fn skip(&mut self) {
        self.at += 1;
    }

    /// True behind the last token.
    pub fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Text of a token.
    pub fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// Place of a token.
    pub fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.start, token.end)
    }

    /// A token as a name.
    pub fn name(&self, token: Token) -> Name {
        Name { text: self.slice(token).to_string(), span: self.span(token) }
    }

    /// The whole card.
    pub fn card_span(&self) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => Span::new(self.file, first.start, last.end),
            _ => Span::new(self.file, 0, 0),
        }
    }

    /// Place of the token here, or of the end of the card.
    pub fn here(&self) -> Span {
        match self.peek() {
            Some(token) => self.span(token),
            None => {
                let end = self.card_span().end as usize;
                Span::new(self.file, end, end)
            }
        }
    }

    /// Skips commas.
    pub fn skip_commas(&mut self) {
        while self.kind() == Some(TokenKind::Comma) {
            self.at += 1;
        }
    }

    /// Skips commas and parentheses, where they only group.
    pub fn skip_grouping(&mut self) {
        while matches!(self.kind(), Some(TokenKind::Comma | TokenKind::Open | TokenKind::Close)) {
            self.at += 1;
        }
    }

    /// The word here.
    pub fn word(&self) -> Option<&'a str> {
        self.peek().filter(|t| t.kind == TokenKind::Word).map(|t| self.slice(t))
    }

    /// True if the word here is `wanted` (any case).
    pub fn is_word(&self, wanted: &str) -> bool {
        self.word().is_some_and(|w| w.eq_ignore_ascii_case(wanted))
    }

    /// True at `name =`.
    pub fn at_key(&self) -> bool {
        self.kind() == Some(TokenKind::Word)
            && self.tokens.get(self.at + 1).is_some_and(|t| t.kind == TokenKind::Equals)
            // `a==b` is a comparison.
            && !self.tokens.get(self.at + 2).is_some_and(|t| t.kind == TokenKind::Equals && t.start == self.tokens[self.at + 1].end)
    }

    /// Skips `params:`, which may be glued to what follows.
    pub fn skip_params_keyword(&mut self) {
        if self.is_word("params:") {
            self.at += 1;
        } else if self.is_word("params") && self.tokens.get(self.at + 1).is_some_and(|t| self.slice(*t) == ":") {
            self.at += 2;
        }
    }

    /// Reads a word as a name.
    ///
    /// # Errors
    /// If something else stands here; `what` was expected.
    pub fn expect_name(&mut self, what: &str) -> Result<Name, Diagnostic> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Word => {
                self.at += 1;
                Ok(self.name(token))
            }
            _ => Err(self.missing(what)),
        }
    }

    /// An error: `what` was expected here.
    pub fn missing(&self, what: &str) -> Diagnostic {
        let message = match self.peek() {
            Some(token) => format!("unexpected `{}`", clip(self.slice(token))),
            None => "the card breaks off".to_string(),
        };
        Diagnostic::error(self.here(), message).expected(format!("expected {what}"))
    }

    /// Goes on after byte `end`, which must be the end of a token.
    fn seek(&mut self, end: usize) -> Result<(), Diagnostic> {
        while self.peek().is_some_and(|t| t.end <= end) {
            self.at += 1;
        }
        match self.peek() {
            Some(token) if token.start < end => {
                let rest = Token { start: end, ..token };
                Err(Diagnostic::error(self.span(rest), format!("unexpected `{}` after a value", clip(self.slice(rest))))
                    .expected("expected a blank or an operator"))
            }
            _ => Ok(()),
        }
    }

    /// Reads the longest expression that starts here, blanks inside it allowed: the right side of an assignment.
    ///
    /// # Errors
    /// If there is no expression.
    pub fn expression(&mut self) -> Result<Expr, Diagnostic> {
        let Some(token) = self.peek() else {
            return Err(self.missing("a value"));
        };
        // The common case first: a number or a name between two others that cannot continue it.
        if let Some(value) = self.simple(token, self.tokens.get(self.at + 1)) {
            self.at += 1;
            return Ok(value);
        }
        let end = self.card_span().end as usize;
        let (value, end) = expr::parse_prefix(Range { text: self.text, file: self.file, start: token.start, end })?;
        self.seek(end)?;
        Ok(value)
    }

    /// A word that is a number or a name and after which a new word starts or the card ends.
    fn simple(&self, token: Token, next: Option<&Token>) -> Option<Expr> {
        let alone = next.is_none_or(|n| {
            n.kind == TokenKind::Close
                || n.kind == TokenKind::Word && starts_simply(self.text.as_bytes()[n.start])
                || n.kind == TokenKind::Comma
        });
        if token.kind != TokenKind::Word || !alone {
            return None;
        }
        self.simple_word(token)
    }

    fn simple_word(&self, token: Token) -> Option<Expr> {
        let text = self.slice(token);
        let span = self.span(token);
        let first = text.as_bytes()[0];
        if first.is_ascii_digit() || matches!(first, b'.' | b'-' | b'+') {
            return units::number(text).map(|value| Expr { kind: ExprKind::Number(value), span });
        }
        let plain = starts_simply(first) && text.bytes().all(|b| starts_simply(b) || b == b'.');
        plain.then(|| Expr { kind: ExprKind::Name(text.to_string()), span })
    }

    /// Reads one value without blanks outside of brackets: a number, name, text, `{...}`, `v(a, b)`, `2*r`.
    ///
    /// # Errors
    /// If nothing of that kind stands here; `what` was expected.
    pub fn value(&mut self, what: &str) -> Result<Expr, Diagnostic> {
        let Some(first) = self.peek() else {
            return Err(self.missing(what));
        };
        if matches!(first.kind, TokenKind::Close | TokenKind::Comma | TokenKind::Equals) {
            return Err(self.missing(what));
        }
        let end = self.chunk_end()?;
        let span = Span::new(self.file, first.start, end.1);
        if end.0 == self.at + 1 {
            if first.kind == TokenKind::Text {
                self.at = end.0;
                return Ok(Expr { kind: ExprKind::Text(self.text[first.start + 1..first.end - 1].to_string()), span });
            }
            if let Some(value) = (first.kind == TokenKind::Word).then(|| self.simple_word(first)).flatten() {
                self.at = end.0;
                return Ok(value);
            }
        }
        let value = expr::parse_all(Range { text: self.text, file: self.file, start: first.start, end: end.1 })?;
        self.at = end.0;
        Ok(value)
    }

    /// Token index and byte after the run of tokens here that touch each other or stand in one pair of parentheses.
    fn chunk_end(&self) -> Result<(usize, usize), Diagnostic> {
        let mut depth = 0usize;
        let mut last = 0;
        for (k, token) in self.tokens.iter().enumerate().skip(self.at) {
            if depth == 0 && k > self.at {
                let touches = token.start == last;
                if !touches || matches!(token.kind, TokenKind::Close | TokenKind::Comma | TokenKind::Equals) {
                    return Ok((k, last));
                }
            }
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            last = token.end;
        }
        match depth {
            0 => Ok((self.tokens.len(), last)),
            _ => Err(Diagnostic::error(self.here(), "`(` is never closed").expected("expected `)` before the card ends")),
        }
    }

    /// The text of the run of tokens here, for paths and titles: quotes around it are gone.
    ///
    /// # Errors
    /// If nothing stands here; `what` was expected.
    pub fn raw_text(&mut self, what: &str) -> Result<Name, Diagnostic> {
        let Some(first) = self.peek() else {
            return Err(self.missing(what));
        };
        let mut last = first;
        self.at += 1;
        if matches!(first.kind, TokenKind::Text | TokenKind::Braced) {
            let inner = Token { start: first.start + 1, end: first.end - 1, ..first };
            return Ok(Name { text: self.slice(inner).to_string(), span: self.span(first) });
        }
        let mut depth = usize::from(first.kind == TokenKind::Open);
        while let Some(token) = self.peek().filter(|t| t.start == last.end) {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close if depth > 0 => depth -= 1,
                // It closes what stands around the text.
                TokenKind::Close | TokenKind::Comma => break,
                _ => {}
            }
            last = token;
            self.at += 1;
        }
        Ok(self.name(Token { start: first.start, end: last.end, ..first }))
    }

    /// Reads `name = expression`.
    ///
    /// # Errors
    /// If something else stands here.
    pub fn assignment(&mut self) -> Result<Assignment, Diagnostic> {
        if !self.at_key() {
            return Err(self.missing("`name=value`"));
        }
        let name = self.expect_name("a name")?;
        self.at += 1;
        let value = if takes_text(&name.text) { self.text_value()? } else { self.expression()? };
        Ok(Assignment { name, value })
    }

    /// A value that is text also without quotes: `file=out/a.csv`.
    fn text_value(&mut self) -> Result<Expr, Diagnostic> {
        let text = self.raw_text("a text")?;
        Ok(Expr { kind: ExprKind::Text(text.text), span: text.span })
    }

    /// Reads assignments up to the end of the card; commas and parentheses between them only group.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn assignments(&mut self) -> Result<Vec<Assignment>, Diagnostic> {
        let mut list = Vec::new();
        loop {
            self.skip_grouping();
            if self.done() {
                return Ok(list);
            }
            list.push(self.assignment()?);
        }
    }

    /// Reads the rest of the card as words, values and `a=b`.
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn fields(&mut self) -> Result<Vec<Field>, Diagnostic> {
        let mut list = Vec::new();
        loop {
            self.skip_commas();
            if self.done() {
                return Ok(list);
            }
            let left = self.field_value()?;
            if self.kind() != Some(TokenKind::Equals) {
                list.push(Field::Value(left));
                continue;
            }
            self.at += 1;
            let text = matches!(&left.kind, ExprKind::Name(name) if takes_text(name));
            let right = if text { self.text_value()? } else { self.field_value()? };
            list.push(Field::Assignment(left, right));
        }
    }

    /// A value, or a word that is none but may name something: `n+`, `all`.
    fn field_value(&mut self) -> Result<Expr, Diagnostic> {
        let before = *self;
        let parsed = self.value("a word or a value");
        let Some(token) = before.peek().filter(|t| t.kind == TokenKind::Word && parsed.is_err()) else {
            return parsed;
        };
        let text = before.slice(token);
        let alone = before.chunk_end().is_ok_and(|end| end.0 == before.at + 1);
        // Also patterns of names: `*.x`.
        let first = text.as_bytes()[0];
        let namelike = alone && (starts_simply(first) || matches!(first, b'*' | b'?')) && !first.is_ascii_digit();
        if !namelike {
            return parsed;
        }
        self.at = before.at + 1;
        Ok(Expr { kind: ExprKind::Name(text.to_string()), span: before.span(token) })
    }
}

/// Settings whose value is text as it stands.
fn takes_text(name: &str) -> bool {
    ["file", "title", "xlabel", "ylabel"].iter().any(|k| k.eq_ignore_ascii_case(name))
}

/// Letters, digits, `_` and what is not ASCII.
fn starts_simply(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
