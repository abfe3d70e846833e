//! Expressions of a deck: text to [`Expr`] by precedence climbing.
//!
//! Loosest first: `c ? a : b`, `||`, `&&`, `== !=`, `< <= > >=`, `+ -`, `* / %`, unary `- + !`, `** ^` (to the right, tighter
//! than the minus before it: -2**2 is -4). `{...}` and `'...'` inside an expression are parentheses. Outside of any bracket a
//! call's parenthesis must touch its name, so that `a=f (x)` ends at `f`.

use crate::diag::Diagnostic;
use crate::netlist::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use crate::netlist::clip;
use crate::netlist::lex::{is_blank, skip_space};
use crate::span::{FileId, Span};
use crate::units;

/// Functions whose arguments are names of nodes or devices: values and parts of voltages and currents.
pub const PROBES: [&str; 12] = ["v", "vm", "vp", "vdb", "vr", "vi", "i", "im", "ip", "idb", "ir", "ii"];

/// Brackets in brackets; beyond it is no expression that a person wrote, and every level costs stack.
const DEEPEST_NESTING: usize = 100;
/// Height of a tree, for the same reason: passes walk it recursively.
const TALLEST_TREE: usize = 1000;

/// True if `name` is a voltage or a current (any case).
pub fn is_probe(name: &str) -> bool {
    PROBES.iter().any(|p| p.eq_ignore_ascii_case(name))
}

/// The part of `text` that an expression is read from.
#[derive(Clone, Copy)]
pub struct Range<'a> {
    /// The whole text of the file.
    pub text: &'a str,
    /// Its number.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Reads the longest expression at the start of `range`; also gives the byte after it.
///
/// # Errors
/// If there is none, or it breaks off.
pub fn parse_prefix(range: Range) -> Result<(Expr, usize), Diagnostic> {
    let mut parser = Parser::new(range);
    let expr = parser.ternary()?.expr;
    Ok((expr, parser.last_end))
}

/// Reads an expression that takes all of `range`.
///
/// # Errors
/// If it is none, or something follows.
pub fn parse_all(range: Range) -> Result<Expr, Diagnostic> {
    let mut parser = Parser::new(range);
    let expr = parser.ternary()?.expr;
    if parser.token.kind != Kind::End {
        return Err(parser.unexpected("an operator or the end of the expression"));
    }
    Ok(expr)
}

/// Tokens of expressions.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Number(f64),
    /// A word of digits and letters that is no number.
    BadNumber,
    Name,
    Text,
    Binary(BinaryOp),
    Not,
    /// `( {` or `'`.
    Open(u8),
    /// `) }`.
    Close(u8),
    Comma,
    Question,
    Colon,
    At,
    /// A single `=`, `&`, `|` or another sign.
    Other,
    End,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// A tree and its height.
struct Tall {
    expr: Expr,
    height: usize,
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    file: FileId,
    limit: usize,
    /// The token to be read next.
    token: Token,
    /// End of the token read last.
    last_end: usize,
    /// Open brackets.
    nesting: usize,
    /// Open `'`, inside which a further one closes.
    quoted: bool,
}

impl<'a> Parser<'a> {
    fn new(range: Range<'a>) -> Parser<'a> {
        let token = Token { kind: Kind::End, start: range.start, end: range.start };
        let bytes = range.text.as_bytes();
        let limit = range.end.min(bytes.len());
        let (text, file) = (range.text, range.file);
        let mut parser = Parser { text, bytes, file, limit, token, last_end: range.start, nesting: 0, quoted: false };
        parser.token = parser.lex(range.start);
        parser
    }

    fn advance(&mut self) -> Token {
        let token = self.token;
        self.last_end = token.end;
        self.token = self.lex(token.end);
        token
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    // ---- tokens ----

    fn byte(&self, at: usize) -> u8 {
        if at < self.limit { self.bytes[at] } else { 0 }
    }

    fn lex(&self, from: usize) -> Token {
        let start = skip_space(self.bytes, from, self.limit, self.nesting == 0);
        if start >= self.limit {
            return Token { kind: Kind::End, start: self.limit, end: self.limit };
        }
        let (kind, length) = match self.byte(start) {
            b'0'..=b'9' => return self.number(start),
            b'.' if self.byte(start + 1).is_ascii_digit() => return self.number(start),
            b'"' => match self.bytes[start + 1..self.limit].iter().position(|b| matches!(b, b'"' | b'\n')) {
                Some(k) if self.bytes[start + 1 + k] == b'"' => (Kind::Text, k + 2),
                _ => (Kind::Other, 1),
            },
            byte if starts_name(byte) => {
                let length = self.bytes[start..self.limit].iter().position(|b| !continues_name(*b));
                (Kind::Name, length.unwrap_or(self.limit - start))
            }
            byte => sign(byte, self.byte(start + 1)).unwrap_or((Kind::Other, 1)),
        };
        Token { kind, start, end: start + length }
    }

    fn number(&self, start: usize) -> Token {
        let mantissa = units::mantissa_length(&self.text[start..self.limit]);
        let tail = start + mantissa;
        let more = self.bytes[tail..self.limit].iter().position(|b| !(continues_name(*b)));
        let end = more.map_or(self.limit, |k| tail + k);
        let kind = units::number(&self.text[start..end]).map_or(Kind::BadNumber, Kind::Number);
        Token { kind, start, end }
    }

    // ---- messages ----

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let token = self.token;
        let span = self.span(token.start, token.end);
        if token.kind == Kind::BadNumber {
            return bad_number(self.slice(token), span);
        }
        let message = match token.kind {
            Kind::End => "the expression breaks off".to_string(),
            _ => format!("unexpected `{}` in an expression", clip(self.slice(token))),
        };
        let diagnostic = Diagnostic::error(span, message).expected(format!("expected {wanted}"));
        match (token.kind, self.bytes.get(token.start)) {
            (Kind::Other, Some(b'=')) => diagnostic.hint("equality is written `==`"),
            (Kind::Other, Some(b'&')) => diagnostic.hint("the logical and is written `&&`"),
            (Kind::Other, Some(b'|')) => diagnostic.hint("the logical or is written `||`"),
            _ => diagnostic,
        }
    }

    fn node(&self, kind: ExprKind, span: Span, height: usize) -> Result<Tall, Diagnostic> {
        if height > TALLEST_TREE {
            return Err(Diagnostic::error(span, format!("an expression of more than {TALLEST_TREE} levels"))
                .hint("split it into several parameters"));
        }
        Ok(Tall { expr: Expr { kind, span }, height })
    }

    // ---- grammar ----

    fn ternary(&mut self) -> Result<Tall, Diagnostic> {
        if self.nesting > DEEPEST_NESTING {
            let span = self.span(self.token.start, self.token.end);
            return Err(Diagnostic::error(span, format!("more than {DEEPEST_NESTING} brackets in one another")));
        }
        let condition = self.binary(1)?;
        if self.token.kind != Kind::Question {
            return Ok(condition);
        }
        self.advance();
        // Both arms count as nested: a chain of `?` recurses like brackets do.
        self.nesting += 1;
        let yes = self.ternary()?;
        if self.token.kind != Kind::Colon {
            return Err(self.unexpected("`:` of `condition ? a : b`"));
        }
        self.advance();
        let no = self.ternary()?;
        self.nesting -= 1;
        let span = condition.expr.span.to(no.expr.span);
        let height = 1 + condition.height.max(yes.height).max(no.height);
        self.node(ExprKind::Ternary(Box::new(condition.expr), Box::new(yes.expr), Box::new(no.expr)), span, height)
    }

    fn binary(&mut self, least: u8) -> Result<Tall, Diagnostic> {
        let mut left = self.unary()?;
        while let Kind::Binary(op) = self.token.kind {
            let level = precedence(op);
            if level < least {
                break;
            }
            self.advance();
            let right = self.binary(level + 1)?;
            let span = left.expr.span.to(right.expr.span);
            let height = 1 + left.height.max(right.height);
            left = self.node(ExprKind::Binary(op, Box::new(left.expr), Box::new(right.expr)), span, height)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Tall, Diagnostic> {
        let mut signs = Vec::new();
        loop {
            let op = match self.token.kind {
                Kind::Binary(BinaryOp::Subtract) => Some(UnaryOp::Minus),
                Kind::Binary(BinaryOp::Add) => None,
                Kind::Not => Some(UnaryOp::Not),
                _ => break,
            };
            signs.push((op, self.advance().start));
        }
        let mut inner = self.power()?;
        for (op, start) in signs.into_iter().rev() {
            let span = self.span(start, inner.expr.span.end as usize);
            inner = match (op, &inner.expr.kind) {
                (None, _) => inner,
                (Some(UnaryOp::Minus), ExprKind::Number(value)) => self.node(ExprKind::Number(-value), span, 1)?,
                (Some(op), _) => {
                    let height = inner.height + 1;
                    self.node(ExprKind::Unary(op, Box::new(inner.expr)), span, height)?
                }
            };
        }
        Ok(inner)
    }

    fn power(&mut self) -> Result<Tall, Diagnostic> {
        let base = self.primary()?;
        if self.token.kind != Kind::Binary(BinaryOp::Power) {
            return Ok(base);
        }
        self.advance();
        self.nesting += 1;
        if self.nesting > DEEPEST_NESTING {
            return Err(self.unexpected("fewer powers of powers"));
        }
        let exponent = self.unary()?;
        self.nesting -= 1;
        let span = base.expr.span.to(exponent.expr.span);
        let height = 1 + base.height.max(exponent.height);
        self.node(ExprKind::Binary(BinaryOp::Power, Box::new(base.expr), Box::new(exponent.expr)), span, height)
    }

    fn primary(&mut self) -> Result<Tall, Diagnostic> {
        let token = self.token;
        let span = self.span(token.start, token.end);
        match token.kind {
            Kind::Number(value) => {
                self.advance();
                self.node(ExprKind::Number(value), span, 1)
            }
            Kind::Text => {
                self.advance();
                self.node(ExprKind::Text(self.text[token.start + 1..token.end - 1].to_string()), span, 1)
            }
            Kind::Name => self.name_or_call(),
            Kind::At => self.variable(),
            Kind::Open(bracket) => self.bracket(bracket),
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    fn bracket(&mut self, bracket: u8) -> Result<Tall, Diagnostic> {
        let start = self.token.start;
        if bracket == b'\'' && self.quoted {
            return Err(self.unexpected("a number, a name or `(`"));
        }
        let outer = self.quoted;
        self.quoted |= bracket == b'\'';
        self.nesting += 1;
        self.advance();
        let mut inner = self.ternary()?;
        let closing = match bracket {
            b'(' => Kind::Close(b')'),
            b'{' => Kind::Close(b'}'),
            _ => Kind::Open(b'\''),
        };
        if self.token.kind != closing {
            let wanted = match bracket {
                b'(' => "`)`, `,` or an operator",
                b'{' => "`}` or an operator",
                _ => "`'` or an operator",
            };
            return Err(self.unexpected(wanted).label(self.span(start, start + 1), "opened here"));
        }
        self.quoted = outer;
        self.nesting -= 1;
        self.advance();
        inner.expr.span = self.span(start, self.last_end);
        Ok(inner)
    }

    fn name_or_call(&mut self) -> Result<Tall, Diagnostic> {
        let name = self.token;
        let text = self.slice(name);
        let mut open = name.end;
        if self.nesting > 0 || self.quoted {
            open = skip_space(self.bytes, open, self.limit, false);
        }
        if self.byte(open) != b'(' {
            self.advance();
            return self.node(ExprKind::Name(text.to_string()), self.span(name.start, name.end), 1);
        }
        if is_probe(text) {
            return self.probe(name, open);
        }
        self.nesting += 1;
        self.advance();
        self.advance();
        let mut arguments = Vec::new();
        let mut height = 0;
        while self.token.kind != Kind::Close(b')') {
            let argument = self.ternary()?;
            height = height.max(argument.height);
            arguments.push(argument.expr);
            match self.token.kind {
                Kind::Comma => {
                    self.advance();
                }
                Kind::Close(b')') => {}
                _ => return Err(self.unexpected(&format!("`,` or `)` in the call of `{}`", clip(text)))),
            }
        }
        self.nesting -= 1;
        self.advance();
        let span = self.span(name.start, self.last_end);
        self.node(ExprKind::Call(text.to_string(), arguments), span, height + 1)
    }

    /// `v(n+, x1.mid)`: the arguments are names of nodes or devices, of any characters that words of a deck may have.
    fn probe(&mut self, name: Token, open: usize) -> Result<Tall, Diagnostic> {
        let text = self.slice(name);
        let mut arguments = Vec::new();
        let mut at = open + 1;
        loop {
            at = skip_space(self.bytes, at, self.limit, false);
            let start = at;
            while at < self.limit && !is_blank(self.bytes[at]) && !b"\n(),={}'\";".contains(&self.bytes[at]) {
                at += 1;
            }
            if at > start {
                let kind = ExprKind::Name(self.text[start..at].to_string());
                arguments.push(Expr { kind, span: self.span(start, at) });
            }
            at = skip_space(self.bytes, at, self.limit, false);
            match self.byte(at) {
                b')' if !arguments.is_empty() => break,
                b',' if at > start => at += 1,
                byte => {
                    let width = usize::from(byte != 0);
                    let diagnostic = Diagnostic::error(self.span(at, at + width), format!("`{text}(` is not read to its end"));
                    return Err(diagnostic.expected(format!("expected `{text}(name)` or `{text}(name, name)`")));
                }
            }
        }
        let span = self.span(name.start, at + 1);
        if arguments.len() > 2 {
            return Err(Diagnostic::error(span, format!("`{text}()` has {} arguments", arguments.len()))
                .expected("expected one or two names"));
        }
        self.token = Token { kind: Kind::Name, start: name.start, end: at + 1 };
        self.advance();
        self.node(ExprKind::Call(text.to_string(), arguments), span, 2)
    }

    /// `@x1[g]`.
    fn variable(&mut self) -> Result<Tall, Diagnostic> {
        let start = self.token.start;
        let until = |from: usize, sign: u8| {
            let rest = &self.bytes[from..self.limit];
            let length = rest.iter().position(|b| *b == sign || is_blank(*b) || b"\n(),={}'\";".contains(b))?;
            (rest[length] == sign && length > 0).then_some(from + length)
        };
        let Some((open, close)) = until(start + 1, b'[').and_then(|open| Some((open, until(open + 1, b']')?))) else {
            let diagnostic = Diagnostic::error(self.span(start, start + 1), "`@` without a device and a name");
            return Err(diagnostic.expected("expected `@device[name]`"));
        };
        let kind = ExprKind::Variable(self.text[start + 1..open].to_string(), self.text[open + 1..close].to_string());
        self.token = Token { kind: Kind::Name, start, end: close + 1 };
        self.advance();
        self.node(kind, self.span(start, close + 1), 1)
    }
}

fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit() || matches!(byte, b'.' | b'$' | b'#')
}

/// Operators and signs of one or two bytes, with their length.
fn sign(first: u8, second: u8) -> Option<(Kind, usize)> {
    use BinaryOp::*;
    let two = match (first, second) {
        (b'*', b'*') => Some(Power),
        (b'<', b'=') => Some(LessEqual),
        (b'>', b'=') => Some(GreaterEqual),
        (b'=', b'=') => Some(Equal),
        (b'!', b'=') => Some(NotEqual),
        (b'&', b'&') => Some(And),
        (b'|', b'|') => Some(Or),
        _ => None,
    };
    if let Some(op) = two {
        return Some((Kind::Binary(op), 2));
    }
    let kind = match first {
        b'+' => Kind::Binary(Add),
        b'-' => Kind::Binary(Subtract),
        b'*' => Kind::Binary(Multiply),
        b'/' => Kind::Binary(Divide),
        b'%' => Kind::Binary(Remainder),
        b'^' => Kind::Binary(Power),
        b'<' => Kind::Binary(Less),
        b'>' => Kind::Binary(Greater),
        b'!' => Kind::Not,
        b'(' | b'{' | b'\'' => Kind::Open(first),
        b')' | b'}' => Kind::Close(first),
        b',' => Kind::Comma,
        b'?' => Kind::Question,
        b':' => Kind::Colon,
        b'@' => Kind::At,
        _ => return None,
    };
    Some((kind, 1))
}

fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Or => 1,
        And => 2,
        Equal | NotEqual => 3,
        Less | LessEqual | Greater | GreaterEqual => 4,
        Add | Subtract => 5,
        Multiply | Divide | Remainder => 6,
        // Read by `power`; a level that `binary` never asks for on its own.
        Power => 7,
    }
}

/// "`1k5` is not a number", with the number that was probably meant.
pub fn bad_number(text: &str, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(span, format!("`{}` is not a number", clip(text)));
    let mantissa = units::mantissa_length(text);
    let (_, used) = units::suffix(&text[mantissa..]);
    let (before, suffix) = (&text[..mantissa], &text[mantissa..mantissa + used]);
    let after = &text[mantissa + used..];
    let digits = !after.is_empty() && after.len() < 10 && after.bytes().all(|b| b.is_ascii_digit());
    if digits && used > 0 && before.bytes().all(|b| b.is_ascii_digit()) {
        return diagnostic.hint(format!("write it as `{before}.{after}{suffix}`"));
    }
    diagnostic.hint("a number is digits, an exponent, a scale (f p n u m k meg g t) and a unit, as in `4.7kohm`")
}
