//! Characters to tokens of Verilog-A (LRM 2.4, clause 2), each with its byte range.
//!
//! Comments and blanks vanish, but a token knows whether it is the first of its line, which is all that directives need to
//! know about lines. A backslash at the end of a line (also after a comment) joins it with the next one. What is wrong with a
//! token is kept beside the tokens, since text that a condition leaves out may hold anything.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::Diagnostic;
use crate::span::{FileId, Span};
use crate::veriloga::keyword::is_reserved;

/// Class of a token.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum TokenKind {
    /// Identifier or keyword.
    Name,
    /// `$name`.
    System,
    /// `` `name ``; the text is without the accent.
    Directive,
    /// Whole number of at most 32 bits.
    Int(i32),
    /// Any other number, scale letter included.
    Real(f64),
    /// String; the text is without quotes, escapes resolved.
    Text,
    /// Operator or punctuation.
    Symbol,
    /// A character that belongs to nothing.
    Stray,
    /// End of the input.
    End,
}

/// One token.
#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    /// Its class.
    pub kind: TokenKind,
    /// Its text.
    pub text: Rc<str>,
    /// Where it stands; for what a macro brought, inside of that use of the macro.
    pub span: Span,
    /// True if a line begins with it.
    pub first: bool,
    /// True if a line that is joined with the one before begins with it.
    pub joined: bool,
}

/// The tokens of a text.
#[derive(Default)]
pub struct Lexed {
    /// The tokens, closed by an `End`.
    pub tokens: Vec<Token>,
    /// What is wrong with single tokens: start of the token, message.
    pub wrong: BTreeMap<u32, Diagnostic>,
}

impl Token {
    /// True if it is this operator or punctuation.
    pub fn is(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && &*self.text == symbol
    }

    /// True if it is this keyword.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Name && &*self.text == word
    }

    /// How a message calls it.
    pub fn shown(&self) -> String {
        match self.kind {
            TokenKind::End => "end of the file".to_string(),
            TokenKind::Text => "a string".to_string(),
            TokenKind::Directive => format!("``{}`", self.text),
            _ => format!("`{}`", self.text),
        }
    }
}

/// Longest first, so that the first match is the right one.
const SYMBOLS: [&str; 50] = [
    "<<<", ">>>", "===", "!==", "<+", "<=", ">=", "==", "!=", "&&", "||", "**", "<<", ">>", "~^", "^~", "(*", "*)", "'{", "->",
    "~&", "~|", "+", "-", "*", "/", "%", "<", ">", "=", "!", "~", "&", "|", "^", "?", ":", ";", ",", ".", "(", ")", "[", "]", "{",
    "}", "@", "#", "'", "$",
];

/// Characters that word processors put in the place of others.
const LOOKALIKE: [(char, &str); 9] = [
    ('\u{2212}', "-"),
    ('\u{2013}', "-"),
    ('\u{2014}', "-"),
    ('\u{d7}', "*"),
    ('\u{b7}', "*"),
    ('\u{201c}', "\""),
    ('\u{201d}', "\""),
    ('\u{2018}', "'"),
    ('\u{2019}', "'"),
];

/// The tokens of a whole file, closed by an `End`; `diagnostics` gets what is wrong with the file as a whole.
pub fn lex(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Lexed {
    scan(file, text, 0, text.len(), diagnostics)
}

/// The tokens of the bytes `start..end` of a file: the inside of a string that holds an expression.
pub fn lex_part(file: FileId, text: &str, start: usize, end: usize, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    let lexed = scan(file, text, start, end, diagnostics);
    diagnostics.extend(lexed.wrong.into_values());
    lexed.tokens
}

fn scan(file: FileId, text: &str, start: usize, end: usize, diagnostics: &mut Vec<Diagnostic>) -> Lexed {
    let text = text.get(..end).unwrap_or(text);
    let lexed = Lexed::default();
    let mut scanner = Scanner { file, text, at: start.min(text.len()), first: true, joined: false, lexed, diagnostics, odd: false };
    while scanner.skip_blank() {
        scanner.token();
    }
    scanner.at = text.len();
    scanner.push(TokenKind::End, "", text.len());
    scanner.lexed
}

/// Reads characters.
pub struct Scanner<'a> {
    file: FileId,
    /// The text.
    pub text: &'a str,
    /// The next byte.
    pub at: usize,
    first: bool,
    joined: bool,
    lexed: Lexed,
    diagnostics: &'a mut Vec<Diagnostic>,
    odd: bool,
}

impl Scanner<'_> {
    /// The byte after `ahead` others, 0 at the end.
    pub fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Adds a token that ends here.
    pub fn push(&mut self, kind: TokenKind, text: &str, start: usize) {
        let span = Span::new(self.file, start, self.at);
        self.lexed.tokens.push(Token { kind, text: Rc::from(text), span, first: self.first, joined: self.joined });
        (self.first, self.joined) = (false, false);
    }

    /// Something is wrong with the token that starts at `start` and ends here.
    pub fn complain(&mut self, start: usize, message: &str, remark: &str) -> &mut Diagnostic {
        let error = Diagnostic::error(Span::new(self.file, start, self.at), message).expected(remark);
        self.lexed.wrong.entry(start as u32).or_insert(error)
    }

    /// Something about the token that starts at `start` and ends here is not as it should be.
    pub fn warn(&mut self, start: usize, message: &str, remark: &str) {
        let warning = Diagnostic::warning(Span::new(self.file, start, self.at), message).expected(remark);
        self.lexed.wrong.entry(start as u32).or_insert(warning);
    }

    /// Skips blanks and comments; false at the end.
    fn skip_blank(&mut self) -> bool {
        loop {
            match self.byte(0) {
                b'\n' => {
                    self.first = true;
                    self.at += 1;
                }
                b'\r' => {
                    // A line end of its own in very old files.
                    self.first |= self.byte(1) != b'\n';
                    self.at += 1;
                }
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'\\' if self.continuation().is_some() => {
                    self.at += self.continuation().unwrap_or(1);
                    self.joined = true;
                }
                b'/' if self.byte(1) == b'/' => self.line_comment(),
                b'/' if self.byte(1) == b'*' => self.block_comment(),
                0 if self.at >= self.text.len() => return false,
                0x80.. if self.odd_blank() => {}
                _ => return true,
            }
        }
    }

    /// Skips a blank that is none in ASCII: byte order marks, blanks that do not break.
    fn odd_blank(&mut self) -> bool {
        let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else { return false };
        let mark = matches!(c, '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}');
        if !mark && !c.is_whitespace() {
            return false;
        }
        let start = self.at;
        self.at += c.len_utf8();
        if !self.odd && start > 0 {
            self.odd = true;
            let span = Span::new(self.file, start, self.at);
            let warning = Diagnostic::warning(span, "a blank that is not one of the language");
            self.diagnostics.push(warning.expected("this character is not visible"));
        }
        true
    }

    /// Bytes that a backslash and the line end after it take, if that is what stands here.
    fn continuation(&self) -> Option<usize> {
        let blanks = self.text.as_bytes()[self.at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        (self.byte(1 + blanks) == b'\n').then_some(blanks + 2)
    }

    fn line_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let length = rest[..length].find('\r').unwrap_or(length);
        let joined = rest[..length].trim_end().ends_with('\\');
        self.at += length;
        if joined && self.byte(0) != 0 {
            self.at += if self.byte(0) == b'\r' && self.byte(1) == b'\n' { 2 } else { 1 };
            self.joined = true;
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        match self.text[start + 2..].find("*/") {
            Some(length) => self.at += length + 4,
            None => {
                let span = Span::new(self.file, start, start + 2);
                let error = Diagnostic::error(span, "this comment is never closed");
                self.diagnostics.push(error.expected("expected `*/`"));
                self.at = self.text.len();
            }
        }
    }

    fn token(&mut self) {
        let start = self.at;
        match self.byte(0) {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.word();
                self.push(TokenKind::Name, &self.text[start..self.at], start);
            }
            b'$' if is_word(self.byte(1)) => {
                self.at += 1;
                self.word();
                self.push(TokenKind::System, &self.text[start..self.at], start);
            }
            b'`' if is_word(self.byte(1)) => {
                self.at += 1;
                self.word();
                self.push(TokenKind::Directive, &self.text[start + 1..self.at], start);
            }
            b'`' if self.byte(1) == b'`' || self.byte(1) == b'"' => {
                self.at += 2;
                self.push(TokenKind::Symbol, &self.text[start..self.at], start);
            }
            b'\\' if self.byte(1) > b' ' => {
                let rest = &self.text[start..];
                self.at += rest.find(char::is_whitespace).unwrap_or(rest.len());
                // A keyword written so is a name: it keeps its backslash, to be different.
                let name = &self.text[start + 1..self.at];
                let text = if is_reserved(name) { &self.text[start..self.at] } else { name };
                self.push(TokenKind::Name, text, start);
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'\'' if self.is_based() => self.based(start),
            b'"' => self.string(),
            _ => self.symbol(),
        }
    }

    /// Skips letters, digits, underscores and dollars.
    pub fn word(&mut self) {
        while is_word(self.byte(0)) || self.byte(0).is_ascii_digit() || self.byte(0) == b'$' {
            self.at += 1;
        }
    }

    fn string(&mut self) {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            match rest.chars().next() {
                Some('"') => {
                    self.at += 1;
                    break;
                }
                Some('\\') => self.escape(&mut text),
                None | Some('\n') => {
                    self.complain(start, "this string is never closed", "expected `\"` before the end of the line");
                    break;
                }
                Some(c) => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
        self.push(TokenKind::Text, &text, start);
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.text[self.at + 1..].chars().next() else {
            self.at += 1;
            return;
        };
        let digits = self.text.as_bytes()[self.at + 1..].iter().take(3).take_while(|b| (b'0'..b'8').contains(*b)).count();
        if digits > 0 {
            let code = u32::from_str_radix(&self.text[self.at + 1..self.at + 1 + digits], 8).unwrap_or(0);
            text.extend(char::from_u32(code));
            self.at += 1 + digits;
            return;
        }
        self.at += 1 + c.len_utf8();
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            '\n' => {}
            other => text.push(other),
        }
    }

    fn symbol(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        // `(*)` of the digital language is not an attribute.
        let symbol = SYMBOLS.iter().find(|s| rest.starts_with(**s) && !(**s == "(*" && rest.starts_with("(*)")));
        if let Some(symbol) = symbol {
            self.at += symbol.len();
            self.push(TokenKind::Symbol, symbol, start);
            return;
        }
        let c = rest.chars().next().unwrap_or(' ');
        let run = rest.find(|c: char| c.is_ascii_graphic() || c.is_whitespace()).filter(|n| *n > 0).unwrap_or(rest.len());
        let like = LOOKALIKE.iter().find(|(odd, _)| *odd == c);
        self.at += if like.is_some() { c.len_utf8() } else { run.max(c.len_utf8()).min(rest.len()) };
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let error = self.complain(start, "a character that belongs to nothing", "expected Verilog-A");
        if let Some((_, meant)) = like {
            error.hints.push(format!("did you mean `{meant}`?"));
        }
        match like {
            // What is meant is plain: no further complaints.
            Some((_, meant @ ("-" | "*"))) => self.push(TokenKind::Symbol, meant, start),
            _ => self.push(TokenKind::Stray, &self.text[start..self.at], start),
        }
    }
}

/// True for the first character of a word.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}
