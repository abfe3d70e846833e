//! Tokens to the tree: the cursor, recovery, and the grammar of statements (LRM 2.4, clause 5), one function per production.
//!
//! A production that cannot go on leaves one message and [`Abort`]; lists of statements and of declarations catch it, skip to
//! the next `;` or closing keyword and go on, so that one run shows all mistakes of a file.

use crate::diag::Diagnostic;
use crate::span::Span;
use crate::veriloga::ast::{Block, Expr, ExprKind, Name, Statement, StatementKind};
use crate::veriloga::keyword::{CLOSING, is_reserved};
use crate::veriloga::lex::{Token, TokenKind};

/// The message is already written.
#[derive(Debug)]
pub struct Abort;

/// Result of a production.
pub type Parsed<T> = Result<T, Abort>;

/// Nesting of statements that is accepted.
const DEEPEST: usize = 150;
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
}

impl<'a> Parser<'a> {
    /// A parser at the start of `tokens`, which are closed by an `End`.
    pub fn new(tokens: &'a [Token], diagnostics: &'a mut Vec<Diagnostic>) -> Parser<'a> {
        Parser { tokens, at: 0, depth: 0, orders: 0, diagnostics, errors: 0 }
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

    /// Statements up to one of `closing`, which is not taken.
    pub fn statements(&mut self, closing: &[&str]) -> Vec<Statement> {
        let mut statements = Vec::new();
        while !self.over() && !closing.iter().any(|c| self.next_is(c)) {
            let start = self.place();
            match self.statement() {
                Ok(statement) => statements.push(statement),
                Err(Abort) => {
                    self.recover(start);
                    if ["endmodule", "module", "endfunction"].iter().any(|c| self.next_is(c)) {
                        break;
                    }
                }
            }
        }
        statements
    }

    /// `statement ::= { attribute } ( block | if | case | loop | event | assignment | contribution | call | ; )`.
    pub fn statement(&mut self) -> Parsed<Statement> {
        self.nested(DEEPEST, |parser| {
            parser.attributes()?;
            let start = parser.peek().span;
            parser.orders += 1;
            let order = parser.orders;
            let kind = parser.statement_kind()?;
            Ok(Statement { kind, span: start.to(parser.last()), order })
        })
    }

    fn statement_kind(&mut self) -> Parsed<StatementKind> {
        if self.accept(";") {
            return Ok(StatementKind::Empty);
        }
        if self.accept("@") {
            return self.event();
        }
        let word = if self.peek().kind == TokenKind::Name { self.peek().text.to_string() } else { String::new() };
        match word.as_str() {
            "begin" => self.block(),
            "if" => self.conditional_statement(),
            "case" | "casex" | "casez" => self.case(),
            "for" => self.for_loop(),
            "while" | "repeat" => {
                self.advance();
                self.expect("(")?;
                let condition = self.expression()?;
                self.expect(")")?;
                let body = Box::new(self.statement()?);
                let repeat = word == "repeat";
                Ok(if repeat { StatementKind::Repeat(condition, body) } else { StatementKind::While(condition, body) })
            }
            "end" | "endcase" | "endfunction" => self.fail(format!("`{word}` closes nothing"), "expected a statement"),
            _ => {
                let kind = self.simple_statement()?;
                self.expect(";")?;
                Ok(kind)
            }
        }
    }

    /// `simple ::= target = value | access <+ value | call`, without the semicolon.
    fn simple_statement(&mut self) -> Parsed<StatementKind> {
        let named = matches!(self.peek().kind, TokenKind::Name | TokenKind::System) && !self.at_keyword();
        if !named {
            return self.fail(format!("unexpected {}", self.peek().shown()), "expected a statement");
        }
        let target = self.target()?;
        if self.accept("=") {
            return Ok(StatementKind::Assign(target, self.expression()?));
        }
        if self.accept("<+") {
            return Ok(StatementKind::Contribute(target, self.expression()?));
        }
        if self.peek().is(":") {
            return self.fail("indirect contributions are not supported yet", "`V(a) : f == 0` finds V(a) so that f is 0");
        }
        match target.kind {
            ExprKind::Call(..) => Ok(StatementKind::Call(target)),
            _ => self.fail(format!("unexpected {}", self.peek().shown()), "expected `=` or `<+`"),
        }
    }

    /// The left-hand side of an assignment: a primary, so that `<+` is not taken for a comparison.
    fn target(&mut self) -> Parsed<Expr> {
        self.primary()
    }

    fn block(&mut self) -> Parsed<StatementKind> {
        let open = self.advance();
        let name = if self.accept(":") { Some(self.name("the name of the block")?) } else { None };
        let mut block = Block { name, ..Block::default() };
        while ["real", "integer", "string", "parameter", "localparam"].iter().any(|w| self.next_is(w)) {
            let start = self.place();
            let done = match self.next_is("parameter") || self.next_is("localparam") {
                true => self.parameter(Vec::new(), &mut block.parameters),
                false => self.variable(Vec::new(), &mut block.variables),
            };
            if done.is_err() {
                self.recover(start);
            }
        }
        block.statements = self.statements(&["end", "endmodule", "endfunction", "endcase"]);
        if !self.accept("end") {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`end` is missing before {}", next.shown()));
            self.report(error.label(open, "this `begin` is not closed"));
        }
        Ok(StatementKind::Block(block))
    }

    fn conditional_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        let then = Box::new(self.statement()?);
        let otherwise = if self.accept("else") { Some(Box::new(self.statement()?)) } else { None };
        Ok(StatementKind::If(condition, then, otherwise))
    }

    fn case(&mut self) -> Parsed<StatementKind> {
        let open = self.advance();
        self.expect("(")?;
        let subject = self.expression()?;
        self.expect(")")?;
        let (mut arms, mut default) = (Vec::new(), None);
        while !self.over() && !["endcase", "endmodule", "end", "endfunction"].iter().any(|c| self.next_is(c)) {
            let start = self.place();
            if self.case_arm(&mut arms, &mut default).is_err() {
                self.recover(start);
            }
        }
        if !self.accept("endcase") {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`endcase` is missing before {}", next.shown()));
            self.report(error.label(open, "this `case` is not closed"));
        }
        Ok(StatementKind::Case(subject, arms, default))
    }

    fn case_arm(&mut self, arms: &mut Vec<(Vec<Expr>, Statement)>, default: &mut Option<Box<Statement>>) -> Parsed<()> {
        if self.accept("default") {
            self.accept(":");
            *default = Some(Box::new(self.statement()?));
            return Ok(());
        }
        let values = self.comma_separated(":", |parser| parser.expression())?;
        self.expect(":")?;
        arms.push((values, self.statement()?));
        Ok(())
    }

    fn for_loop(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.expect("(")?;
        let initial = Box::new(self.step()?);
        self.expect(";")?;
        let condition = self.expression()?;
        self.expect(";")?;
        let step = Box::new(self.step()?);
        self.expect(")")?;
        let body = Box::new(self.statement()?);
        Ok(StatementKind::For(initial, condition, step, body))
    }

    /// `name = value` in the head of a `for`.
    fn step(&mut self) -> Parsed<Statement> {
        let start = self.peek().span;
        self.orders += 1;
        let order = self.orders;
        let kind = self.simple_statement()?;
        Ok(Statement { kind, span: start.to(self.last()), order })
    }

    /// `@ ( event { or event } ) statement`.
    fn event(&mut self) -> Parsed<StatementKind> {
        self.expect("(")?;
        let mut events = Vec::new();
        loop {
            events.push(self.expression()?);
            if !self.accept("or") && !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(StatementKind::Event(events, Box::new(self.statement()?)))
    }
}
