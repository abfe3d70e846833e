//! Characters to tokens of Verilog-A (LRM 2.4, clause 2), each with its byte range.
//!
//! Comments and blanks vanish, but a token knows whether it is the first of its line, which is all that directives need to
//! know about lines. A backslash at the end of a line (also after a comment) joins it with the next one.

use std::rc::Rc;

use crate::diag::Diagnostic;
use crate::span::{FileId, Span};

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
    /// Where it stands; after macro expansion the place of the call.
    pub span: Span,
    /// True if a line begins with it.
    pub first: bool,
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
    "+", "-", "*", "/", "%", "<", ">", "=", "!", "~", "&", "|", "^", "?", ":", ";", ",", ".", "(", ")", "[", "]", "{", "}", "@",
    "#", "~&", "~|", "'", "$",
];

/// Messages about characters that belong to nothing, after which a file is taken for not being Verilog-A at all.
const MOST_STRAY: usize = 3;

/// The tokens of a whole file, closed by an `End`.
pub fn lex(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    lex_part(file, text, 0, text.len(), diagnostics)
}

/// The tokens of the bytes `start..end` of a file: the inside of a string that holds an expression.
pub fn lex_part(file: FileId, text: &str, start: usize, end: usize, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    let text = text.get(..end).unwrap_or(text);
    let mut scanner = Scanner { file, text, at: start, first: true, tokens: Vec::new(), diagnostics, stray: 0 };
    while scanner.skip_blank() && scanner.stray < MOST_STRAY {
        scanner.token();
    }
    scanner.at = text.len();
    scanner.push(TokenKind::End, "", text.len());
    scanner.tokens
}

struct Scanner<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    first: bool,
    tokens: Vec<Token>,
    diagnostics: &'a mut Vec<Diagnostic>,
    stray: usize,
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: TokenKind, text: &str, start: usize) {
        let span = Span::new(self.file, start, self.at);
        self.tokens.push(Token { kind, text: Rc::from(text), span, first: self.first });
        self.first = false;
    }

    fn complain(&mut self, start: usize, message: &str, remark: &str) {
        self.diagnostics.push(Diagnostic::error(Span::new(self.file, start, self.at), message).expected(remark));
    }

    /// Skips blanks and comments; false at the end.
    fn skip_blank(&mut self) -> bool {
        loop {
            match self.byte(0) {
                b'\n' => {
                    self.first = true;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0c => self.at += 1,
                b'\\' if self.continuation().is_some() => self.at += self.continuation().unwrap_or(1),
                b'/' if self.byte(1) == b'/' => self.line_comment(),
                b'/' if self.byte(1) == b'*' => self.block_comment(),
                0 if self.at >= self.text.len() => return false,
                _ => return true,
            }
        }
    }

    /// Bytes that a backslash and the line end after it take, if that is what stands here.
    fn continuation(&self) -> Option<usize> {
        let blanks = self.text.as_bytes()[self.at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        (self.byte(1 + blanks) == b'\n').then_some(blanks + 2)
    }

    fn line_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let joined = rest[..length].trim_end().ends_with('\\');
        self.at += length + usize::from(joined && length < rest.len());
    }

    fn block_comment(&mut self) {
        let start = self.at;
        match self.text[start + 2..].find("*/") {
            Some(length) => self.at += length + 4,
            None => {
                self.at = (start + 2).min(self.text.len());
                self.complain(start, "this comment is never closed", "expected `*/`");
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
            b'\\' if self.byte(1) > b' ' => {
                let rest = &self.text[start..];
                self.at += rest.find(char::is_whitespace).unwrap_or(rest.len());
                self.push(TokenKind::Name, &self.text[start + 1..self.at], start);
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => {
                self.number();
                let span = Span::new(self.file, start, self.at);
                let warning = Diagnostic::warning(span, "a number begins with its point");
                self.diagnostics.push(warning.expected("the language wants a digit before it"));
            }
            b'"' => self.string(),
            _ => self.symbol(),
        }
    }

    fn word(&mut self) {
        while is_word(self.byte(0)) || self.byte(0).is_ascii_digit() || self.byte(0) == b'$' {
            self.at += 1;
        }
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() || self.byte(0) == b'_' {
            self.at += 1;
        }
    }

    fn number(&mut self) {
        let start = self.at;
        self.digits();
        let mut whole = true;
        if self.byte(0) == b'.' && self.byte(1).is_ascii_digit() {
            self.at += 1;
            self.digits();
            whole = false;
        } else if self.byte(0) == b'.' {
            self.at += 1;
            whole = false;
            self.complain(start, "a number ends with its point", "expected a digit after it");
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        let mut scaled = 1.0;
        if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
            self.at += 1 + sign;
            self.digits();
            whole = false;
        }
        let mantissa: String = self.text[start..self.at].chars().filter(|c| *c != '_').collect();
        if let Some(factor) = scale(self.byte(0))
            && !is_word(self.byte(1))
            && !self.byte(1).is_ascii_digit()
        {
            self.at += 1;
            whole = false;
            scaled = factor;
        }
        if is_word(self.byte(0)) || self.byte(0) == b'\'' {
            self.word();
            if self.byte(0) == b'\'' {
                self.at += 1;
                self.word();
            }
            self.complain(start, "this is not a number", "a number may be followed by one of T G M K k m u n p f a");
        }
        let value = mantissa.trim_end_matches('.').parse::<f64>().unwrap_or(0.0);
        let kind = match mantissa.parse::<i32>() {
            Ok(value) if whole => TokenKind::Int(value),
            // A power of ten below one is divided by its inverse: 1u is then the double nearest to 1e-6.
            _ if scaled < 1.0 => TokenKind::Real(value / (1.0 / scaled).round()),
            _ => TokenKind::Real(value * scaled),
        };
        self.push(kind, &self.text[start..self.at], start);
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
        self.at += rest.find(|c: char| c.is_ascii_graphic() || c.is_whitespace()).filter(|n| *n > 0).unwrap_or(1).min(rest.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.stray += 1;
        self.complain(start, "a character that belongs to nothing", "expected Verilog-A");
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Scale letters of the LRM (table 2-1).
fn scale(letter: u8) -> Option<f64> {
    Some(match letter {
        b'T' => 1e12,
        b'G' => 1e9,
        b'M' => 1e6,
        b'K' | b'k' => 1e3,
        b'm' => 1e-3,
        b'u' => 1e-6,
        b'n' => 1e-9,
        b'p' => 1e-12,
        b'f' => 1e-15,
        b'a' => 1e-18,
        _ => return None,
    })
}
