//! Loops of plain cards, kept as they are written: `.for i 0 255` around `r{i}_{j} a{i} b{j} 1k` is a list of pieces and two
//! indices, not a text of 65536 lines. Cards are written out one by one when the circuit is built, into one buffer.
//!
//! What a loop must hold to be kept so: element cards of nothing but words, whose braces are sums and products of indices, and
//! loops of that kind with fixed limits. Any other loop is written out as text (`repeat`).

use std::path::Path;

use crate::diag::Diagnostic;
use crate::netlist::ast::{BinaryOp, Element, Expr, ExprKind, UnaryOp};
use crate::netlist::card::Cursor;
use crate::netlist::expr::{self, Range};
use crate::netlist::lex::{Scanner, Token, TokenKind};
use crate::netlist::plain::{self, Card, Value};
use crate::netlist::repeat::{self, Head, Known};
use crate::span::{FileId, Sources, Span};

/// Loops in one another; further ones are written out.
const DEEPEST: usize = 20;

/// A loop of plain cards.
#[derive(Clone, PartialEq, Debug)]
pub struct Loop {
    head: Head,
    body: Vec<Part>,
}

#[derive(Clone, PartialEq, Debug)]
enum Part {
    Card(Template),
    Loop(Loop),
}

/// A card with indices in it.
#[derive(Clone, PartialEq, Debug)]
struct Template {
    span: Span,
    /// Index into `Scope::kinds`.
    kind: u32,
    pieces: Vec<Piece>,
    last: Last,
}

/// Part of the text of a card.
#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    /// Number of the loop, outermost first, and what is added to its index.
    Index(usize, f64),
    /// Anything else that can be computed from indices.
    Formula(Expr),
}

/// The value that stands last.
#[derive(Clone, PartialEq, Debug)]
enum Last {
    /// None, or one without indices.
    Number(f64),
    /// The last word of the text.
    Written,
    /// An expression.
    Formula(Expr),
}

/// Where the rounds of a loop stand.
struct State<'l> {
    indices: Vec<(&'l str, f64)>,
    buffer: String,
}

/// The value of an expression of numbers and indices.
fn evaluate(expr: &Expr, indices: &[(&str, f64)]) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number(value) => Some(*value),
        ExprKind::Name(name) => indices.iter().rev().find(|(index, _)| index.eq_ignore_ascii_case(name)).map(|(_, value)| *value),
        ExprKind::Unary(UnaryOp::Minus, a) => Some(-evaluate(a, indices)?),
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (evaluate(a, indices)?, evaluate(b, indices)?);
            match op {
                BinaryOp::Add => Some(a + b),
                BinaryOp::Subtract => Some(a - b),
                BinaryOp::Multiply => Some(a * b),
                BinaryOp::Divide => Some(a / b),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Loop {
    /// Cards of the loop in all rounds, in order.
    ///
    /// # Errors
    /// An index in a name that is no whole number.
    pub fn each(&self, act: &mut dyn FnMut(&Card)) -> Result<(), Diagnostic> {
        self.rounds(&mut State { indices: Vec::new(), buffer: String::new() }, act)
    }

    fn rounds<'l>(&'l self, state: &mut State<'l>, act: &mut dyn FnMut(&Card)) -> Result<(), Diagnostic> {
        let depth = state.indices.len();
        state.indices.push((self.head.index(), 0.0));
        for value in self.head.values() {
            state.indices[depth].1 = value;
            for part in &self.body {
                match part {
                    Part::Card(template) => template.act(state, act)?,
                    Part::Loop(inner) => inner.rounds(state, act)?,
                }
            }
        }
        state.indices.pop();
        Ok(())
    }
}

impl Template {
    /// Writes the card out.
    fn write(&self, state: &mut State) -> Result<(), Diagnostic> {
        state.buffer.clear();
        for piece in &self.pieces {
            let value = match piece {
                Piece::Text(text) => {
                    state.buffer.push_str(text);
                    continue;
                }
                Piece::Index(depth, offset) => state.indices[*depth].1 + offset,
                Piece::Formula(expr) => evaluate(expr, &state.indices).unwrap_or(f64::NAN),
            };
            if value.fract() != 0.0 || value.is_nan() {
                let span = if let Piece::Formula(expr) = piece { expr.span } else { self.span };
                return Err(Diagnostic::error(span, format!("{value} in a name")).expected("expected a whole number in a name"));
            }
            whole(&mut state.buffer, value as i64);
        }
        Ok(())
    }

    fn act(&self, state: &mut State, act: &mut dyn FnMut(&Card)) -> Result<(), Diagnostic> {
        self.write(state)?;
        let value = match &self.last {
            Last::Number(value) => Value::Number(*value),
            Last::Written => {
                let word = state.buffer.rsplit(' ').next().unwrap_or("");
                let missing = || Diagnostic::error(self.span, format!("`{word}` is no number")).expected("expected a value");
                Value::Number(crate::units::number(word).ok_or_else(missing)?)
            }
            Last::Formula(expr) => match evaluate(expr, &state.indices) {
                Some(value) => Value::Number(value),
                None => Value::Formula(expr, &state.indices),
            },
        };
        act(&Card::written(&state.buffer, self.span, self.kind, value));
        Ok(())
    }
}

/// Writes a whole number; names are written out by the million, so this does not go through the formatter.
fn whole(out: &mut String, value: i64) {
    let mut digits = [0u8; 20];
    let (mut at, mut rest) = (digits.len(), value.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    digits[at..].iter().for_each(|digit| out.push(char::from(*digit)));
}

/// What a loop that is being read takes from where it stands.
struct Reading<'r> {
    text: &'r str,
    file: FileId,
    known: Known<'r>,
    /// Heads of the loops around.
    heads: Vec<Head>,
    kinds: Vec<Element>,
}

/// The loop with this head, whose body is `from..end` of `text`, if all of it is plain; then `kinds` learns those of its cards.
pub fn read(
    text: &str,
    (file, from, end): (FileId, usize, usize),
    (head, known): (Head, Known),
    kinds: &mut Vec<Element>,
    sources: &mut Sources,
) -> Option<Loop> {
    let mut reading = Reading { text, file, known, heads: Vec::new(), kinds: kinds.clone() };
    let made = reading.body(head, from, end, sources)?;
    *kinds = reading.kinds;
    Some(made)
}

impl Reading<'_> {
    fn body(&mut self, head: Head, from: usize, end: usize, sources: &mut Sources) -> Option<Loop> {
        if self.heads.len() >= DEEPEST || head.values().next().is_none() {
            return None;
        }
        self.heads.push(head);
        let mut scanner = Scanner::new(&self.text[..end], self.file, from);
        let mut body = Vec::new();
        while scanner.advance().ok()? {
            let mut cursor = Cursor::new(self.text, self.file, scanner.tokens());
            if cursor.is_word(".for") {
                let (inner_end, next) = repeat::body(&self.text[..end], scanner.position(), cursor.card_span()).ok()?;
                let inner = Head::read(&mut cursor, self.known).ok()?;
                body.push(Part::Loop(self.body(inner, scanner.position(), inner_end, sources)?));
                scanner.seek(next);
            } else {
                body.push(Part::Card(self.card(&cursor, sources)?));
            }
        }
        Some(Loop { head: self.heads.pop()?, body })
    }

    /// Words of a card: runs of tokens that touch one another.
    fn card(&mut self, cursor: &Cursor, sources: &mut Sources) -> Option<Template> {
        let span = cursor.card_span();
        if self.text[span.start as usize..span.end as usize].contains('\n') {
            return None;
        }
        let tokens = cursor.tokens();
        let (mut pieces, mut start) = (Vec::new(), 0);
        let mut last = Last::Number(0.0);
        while start < tokens.len() {
            let touching = tokens[start..].windows(2).take_while(|pair| pair[0].end == pair[1].start).count();
            let word = &tokens[start..=start + touching];
            start += touching + 1;
            let final_word = start == tokens.len();
            if let ([alone], true) = (word, final_word)
                && alone.kind == TokenKind::Braced
            {
                last = Last::Formula(self.inside(alone)?);
                break;
            }
            if !pieces.is_empty() {
                pieces.push(Piece::Text(" ".to_string()));
            }
            if final_word && word.iter().any(|t| t.kind == TokenKind::Braced) {
                last = Last::Written;
            }
            for token in word {
                pieces.push(self.piece(token, word.len() > 1)?);
            }
        }
        let first: Vec<(&str, f64)> = self.heads.iter().map(|head| (head.index(), head.values().next().unwrap_or(0.0))).collect();
        let mut state = State { indices: first, buffer: String::new() };
        let template = Template { span, kind: 0, pieces: merged(pieces), last };
        template.write(&mut state).ok()?;
        self.settled(template, state.buffer, sources)
    }

    /// The template with its kind: the card of the first round decides.
    fn settled(&mut self, mut template: Template, mut line: String, sources: &mut Sources) -> Option<Template> {
        if matches!(template.last, Last::Formula(_)) {
            line.push_str(" 1");
        }
        let mut scanner = Scanner::new(&line, self.file, 0);
        scanner.advance().ok().filter(|found| *found)?;
        let cursor = Cursor::new(&line, self.file, scanner.tokens());
        let path = format!("{} (.for)", sources.path(self.file).display());
        let place = || sources.add(Path::new(&path), line.clone());
        let (kind, value) = plain::kind(&cursor, &mut self.kinds, place)?;
        template.kind = kind;
        match template.last {
            Last::Number(_) => template.last = Last::Number(value),
            // A model whose name has an index is another one in each round.
            Last::Written | Last::Formula(_) if self.kinds[kind as usize].value.is_none() => return None,
            _ => {}
        }
        Some(template)
    }

    /// A token of a word.
    fn piece(&self, token: &Token, glued: bool) -> Option<Piece> {
        match token.kind {
            TokenKind::Word => Some(Piece::Text(self.text[token.start..token.end].to_string())),
            TokenKind::Braced if glued => {
                let expr = self.inside(token).filter(|expr| self.mentions(expr))?;
                let indices: Vec<(&str, f64)> = self.heads.iter().map(|head| (head.index(), 1.0)).collect();
                evaluate(&expr, &indices)?;
                Some(self.near(&expr).unwrap_or(Piece::Formula(expr)))
            }
            _ => None,
        }
    }

    /// What stands in braces.
    fn inside(&self, token: &Token) -> Option<Expr> {
        if self.text.as_bytes()[token.start] != b'{' {
            return None;
        }
        expr::parse_all(Range { text: self.text, file: self.file, start: token.start + 1, end: token.end - 1 }).ok()
    }

    /// Whether an expression reads an index.
    fn mentions(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => self.heads.iter().any(|head| head.index().eq_ignore_ascii_case(name)),
            ExprKind::Call(_, arguments) => arguments.iter().any(|a| self.mentions(a)),
            ExprKind::Unary(_, a) => self.mentions(a),
            ExprKind::Binary(_, a, b) => self.mentions(a) || self.mentions(b),
            ExprKind::Ternary(a, b, c) => [a, b, c].iter().any(|e| self.mentions(e)),
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Variable(..) => false,
        }
    }

    /// `i`, `i+1`, `i-1`.
    fn near(&self, expr: &Expr) -> Option<Piece> {
        let index = |expr: &Expr| match &expr.kind {
            ExprKind::Name(name) => self.heads.iter().rposition(|head| head.index().eq_ignore_ascii_case(name)),
            _ => None,
        };
        let number = |expr: &Expr| if let ExprKind::Number(n) = expr.kind { Some(n).filter(|n| n.fract() == 0.0) } else { None };
        match &expr.kind {
            ExprKind::Name(_) => Some(Piece::Index(index(expr)?, 0.0)),
            ExprKind::Binary(BinaryOp::Add, a, b) => Some(Piece::Index(index(a)?, number(b)?)),
            ExprKind::Binary(BinaryOp::Subtract, a, b) => Some(Piece::Index(index(a)?, -number(b)?)),
            _ => None,
        }
    }
}

/// Texts that follow one another as one.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => all.push(piece),
        }
    }
    all
}
