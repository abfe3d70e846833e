//! Deck text to cards: runs of tokens with byte ranges, continuation lines joined, comments dropped.
//!
//! A token is a word or a sign; what a word means depends on its card, so words are not looked into here. `{...}` and
//! `'...'` stay one token each (`expr` reads them), and so does `"..."`. Every byte is looked at a bounded number of times.

use crate::diag::Diagnostic;
use crate::span::{FileId, Span};

/// Kinds of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// Anything without blanks and signs: `R1`, `10k`, `n+`.
    Word,
    /// `{...}` or `'...'`, signs included.
    Braced,
    /// `"..."`, signs included.
    Text,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `=`
    Equals,
}

/// One token: its kind and byte range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Blanks inside a line.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// Bytes that end a word.
const fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | b'\n' | b'(' | b')' | b',' | b'=' | b'{' | b'}' | b'\'' | b'"' | b';')
}

/// [`ends_word`] of every byte.
const ENDS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = ends_word(byte as u8);
        byte += 1;
    }
    table
};

/// True if the word byte at `at` (`$`) begins a comment: at the start of a line, after a blank or after a comma.
fn dollar_comment(text: &[u8], at: usize) -> bool {
    text[at] == b'$' && (at == 0 || is_blank(text[at - 1]) || matches!(text[at - 1], b'\n' | b','))
}

fn line_end(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|b| *b == b'\n').map_or(text.len(), |k| from + k)
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && is_blank(text[at]) {
        at += 1;
    }
    at
}

/// What follows the end of a line at `at`, comment and blank lines left out: `Ok` the byte after the `+` of a continuation,
/// `Err` the first byte of the next card (or the end).
fn next_line(text: &[u8], mut at: usize) -> Result<usize, usize> {
    while at < text.len() {
        let start = at + 1;
        let first = skip_blanks(text, start);
        match text.get(first) {
            Some(b'+') => return Ok(first + 1),
            Some(b'\n') => at = first,
            Some(b'*' | b';') => at = line_end(text, first),
            Some(b'$') if dollar_comment(text, first) => at = line_end(text, first),
            Some(_) => return Err(start),
            None => break,
        }
    }
    Err(text.len())
}

/// First byte at or after `at` that is neither blank, comment nor line joint. Stops at the end of the card at the latest.
pub fn skip_space(text: &[u8], mut at: usize, limit: usize, comments: bool) -> usize {
    while at < limit {
        match text[at] {
            b'\n' => match next_line(text, at) {
                Ok(next) => at = next,
                Err(_) => return limit,
            },
            b if is_blank(b) => at += 1,
            b';' if comments => at = line_end(text, at),
            b'$' if comments && dollar_comment(text, at) => at = line_end(text, at),
            _ => return at,
        }
    }
    limit
}

/// Cuts a text into cards.
pub struct Scanner<'a> {
    text: &'a [u8],
    file: FileId,
    position: usize,
    tokens: Vec<Token>,
}

impl<'a> Scanner<'a> {
    /// A scanner at byte `position` of `text`, which is the start of a line.
    pub fn new(text: &'a str, file: FileId, position: usize) -> Scanner<'a> {
        Scanner { text: text.as_bytes(), file, position, tokens: Vec::new() }
    }

    /// The first byte that no card has taken yet.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes on at another byte, which is the start of a line.
    pub fn seek(&mut self, position: usize) {
        self.position = position;
    }

    /// The tokens of the card that [`Scanner::advance`] found; never empty.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Reads the next card; false at the end of the text.
    ///
    /// # Errors
    /// Braces and quotes without end, `}` without `{`; the next call goes on after that card.
    pub fn advance(&mut self) -> Result<bool, Diagnostic> {
        self.tokens.clear();
        loop {
            let first = skip_blanks(self.text, self.position);
            match self.text.get(first) {
                None => return Ok(false),
                Some(b'\n') => self.position = first + 1,
                Some(b'*' | b';') => self.skip_line(first),
                Some(b'$') if dollar_comment(self.text, first) => self.skip_line(first),
                Some(b'+') => {
                    let span = Span::new(self.file, first, first + 1);
                    self.skip_line(first);
                    return Err(Diagnostic::error(span, "a continuation line without a card before it")
                        .expected("`+` continues the card above"));
                }
                Some(_) => {
                    self.position = first;
                    self.card()?;
                    // A lone `;` comment leaves no tokens; there is nothing to hand out then.
                    if !self.tokens.is_empty() {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn skip_line(&mut self, from: usize) {
        self.position = (line_end(self.text, from) + 1).min(self.text.len());
    }

    /// Reads tokens up to the end of the card.
    fn card(&mut self) -> Result<(), Diagnostic> {
        let mut failure = None;
        let mut at = self.position;
        while at < self.text.len() {
            let byte = self.text[at];
            if is_blank(byte) {
                at += 1;
            } else if byte == b'\n' {
                match next_line(self.text, at) {
                    Ok(next) => at = next,
                    Err(next) => {
                        self.position = next;
                        return failure.map_or(Ok(()), Err);
                    }
                }
            } else if byte == b';' || dollar_comment(self.text, at) {
                at = line_end(self.text, at);
            } else {
                match self.token(at) {
                    Ok(token) => {
                        self.tokens.push(token);
                        at = token.end;
                    }
                    Err((diagnostic, end)) => {
                        failure.get_or_insert(*diagnostic);
                        at = end;
                    }
                }
            }
        }
        self.position = self.text.len();
        failure.map_or(Ok(()), Err)
    }

    /// The token at `at`; in the error also where to go on.
    fn token(&self, at: usize) -> Result<Token, (Box<Diagnostic>, usize)> {
        let kind = match self.text[at] {
            b'(' => TokenKind::Open,
            b')' => TokenKind::Close,
            b',' => TokenKind::Comma,
            b'=' => TokenKind::Equals,
            b'{' => return self.braced(at),
            b'\'' => return self.quoted(at),
            b'"' => return self.text_token(at),
            b'}' => {
                let diagnostic = Diagnostic::error(Span::new(self.file, at, at + 1), "`}` without `{` before it");
                return Err((Box::new(diagnostic), at + 1));
            }
            _ => {
                let length = self.text[at..].iter().position(|b| ENDS_WORD[*b as usize]).unwrap_or(self.text.len() - at);
                return Ok(Token { kind: TokenKind::Word, start: at, end: at + length });
            }
        };
        Ok(Token { kind, start: at, end: at + 1 })
    }

    fn braced(&self, start: usize) -> Result<Token, (Box<Diagnostic>, usize)> {
        let mut depth = 0;
        let mut at = start;
        while at < self.text.len() {
            match self.text[at] {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b'\n' => match next_line(self.text, at) {
                    Ok(next) => {
                        at = next;
                        continue;
                    }
                    Err(_) => break,
                },
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Ok(Token { kind: TokenKind::Braced, start, end: at });
            }
        }
        Err(self.unclosed(start, at, "`{` is never closed", "`}`"))
    }

    fn quoted(&self, start: usize) -> Result<Token, (Box<Diagnostic>, usize)> {
        let mut at = start + 1;
        while at < self.text.len() {
            match self.text[at] {
                b'\'' => return Ok(Token { kind: TokenKind::Braced, start, end: at + 1 }),
                b'\n' => match next_line(self.text, at) {
                    Ok(next) => at = next,
                    Err(_) => break,
                },
                _ => at += 1,
            }
        }
        Err(self.unclosed(start, at, "a quote is never closed", "`'`"))
    }

    fn text_token(&self, start: usize) -> Result<Token, (Box<Diagnostic>, usize)> {
        let end = line_end(self.text, start);
        match self.text[start + 1..end].iter().position(|b| *b == b'"') {
            Some(length) => Ok(Token { kind: TokenKind::Text, start, end: start + length + 2 }),
            None => Err(self.unclosed(start, end, "a text is never closed", "`\"` on the same line")),
        }
    }

    fn unclosed(&self, start: usize, end: usize, message: &str, wanted: &str) -> (Box<Diagnostic>, usize) {
        let span = Span::new(self.file, start, start + 1);
        (Box::new(Diagnostic::error(span, message).expected(format!("expected {wanted} before the card ends"))), end)
    }
}
