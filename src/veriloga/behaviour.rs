//! The grammar of statements (LRM 2.4, clause 5), one function per production.

use crate::diag::Diagnostic;
use crate::veriloga::ast::{Block, Expr, ExprKind, Name, Statement, StatementKind};
use crate::veriloga::lex::TokenKind;
use crate::veriloga::parse::{Abort, Parsed, Parser};

/// Nesting of statements that is accepted.
const DEEPEST: usize = 250;

/// Statements of the digital language, and what is common elsewhere but not part of the analog language: word, what to do.
const REFUSED: [(&str, &str); 17] = [
    ("disable", "leave the rest of the block out by a condition"),
    ("break", "put it into the condition of the loop"),
    ("continue", "put the rest of the round under a condition"),
    ("forever", "an analog block is evaluated as a whole at every time: loops need an end"),
    ("do", "write `while`"),
    ("fork", "the digital language is not read"),
    ("join", "the digital language is not read"),
    ("wait", "write an event such as `@(cross(...))`"),
    ("assign", "write `=` or `<+` alone"),
    ("deassign", "the digital language is not read"),
    ("force", "the digital language is not read"),
    ("release", "the digital language is not read"),
    ("always", "the digital language is not read"),
    ("initial", "write `analog initial` or `@(initial_step)`"),
    ("analog", "an analog block stands outside of others"),
    ("generate", "a loop over a genvar needs no `generate` here"),
    ("posedge", "the digital language is not read"),
];

/// Words that may begin a statement, for suggestions.
const BEGINNINGS: [&str; 8] = ["begin", "if", "else", "case", "for", "while", "repeat", "end"];

/// What is written between a target and a value in other languages.
const FOREIGN: [&str; 12] = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "<<<", ">>>"];

impl Parser<'_> {
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
            let order = parser.order();
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
            "return" if !self.ahead(1).is("=") && !self.ahead(1).is("<+") => {
                self.advance();
                let value = if self.peek().is(";") { None } else { Some(self.expression()?) };
                self.expect(";")?;
                Ok(StatementKind::Return(value))
            }
            "end" | "endcase" | "endfunction" => self.fail(format!("`{word}` closes nothing"), "expected a statement"),
            "else" => self.fail("`else` without `if`", "is there a semicolon too many before it?"),
            "real" | "integer" | "string" | "genvar" | "parameter" | "localparam" => {
                let remark = "declarations stand at the start of a named block, or outside of the analog block";
                self.fail(format!("a declaration behind a statement: `{word}`"), remark)
            }
            _ => {
                let kind = self.simple_statement()?;
                self.expect(";")?;
                Ok(kind)
            }
        }
    }

    /// `simple ::= target = value | access <+ value | access : f == g | call`, without the semicolon.
    fn simple_statement(&mut self) -> Parsed<StatementKind> {
        let next = self.peek().clone();
        let digital = matches!(next.kind, TokenKind::Name) && !self.ahead(1).is("=") && !self.ahead(1).is("[");
        if digital && let Some((word, remark)) = REFUSED.iter().find(|(word, _)| *word == &*next.text) {
            return self.fail(format!("`{word}` is not part of the analog language"), *remark);
        }
        if next.is("#") || next.is("->") {
            let what = if next.is("#") { "a delay" } else { "an event of the digital language" };
            return self.fail(what, "the digital language is not read");
        }
        let named = matches!(next.kind, TokenKind::Name | TokenKind::System) && !self.at_keyword();
        if !named {
            return self.fail(format!("unexpected {}", next.shown()), "expected a statement");
        }
        let target = self.target()?;
        if self.accept("=") {
            return Ok(StatementKind::Assign(target, self.expression()?));
        }
        if self.accept("<+") {
            return Ok(StatementKind::Contribute(target, self.expression()?));
        }
        if self.accept(":") {
            return self.indirect(target);
        }
        if self.peek().is("<=") {
            return self.fail("an assignment of the digital language", "write `=`, or `<+` for a contribution");
        }
        self.foreign(&target)?;
        match target.kind {
            ExprKind::Call(ref name, _)
                if self.peek().is(";") || self.peek().is(")") || self.peek().first || name.text.starts_with('$') =>
            {
                Ok(StatementKind::Call(target))
            }
            ExprKind::Call(Name { text: name, .. }, _) | ExprKind::Name(name) => {
                let error = Diagnostic::error(self.peek().span, format!("unexpected {}", self.peek().shown()));
                let error = error.expected("expected `=` or `<+`").label(target.span, "after this");
                let ends = ["=", "<+", ";"];
                let known = crate::diag::nearest(&name, BEGINNINGS).filter(|_| name.len() > 1 && !ends.contains(&name.as_str()));
                self.report(match known {
                    Some(word) => error.hint(format!("did you mean `{word}`?")),
                    None => error,
                });
                Err(Abort)
            }
            _ => self.fail(format!("unexpected {}", self.peek().shown()), "expected `=` or `<+`"),
        }
    }

    /// `x += y`, `x++`.
    fn foreign(&mut self, target: &Expr) -> Parsed<()> {
        let operator = self.peek().text.to_string();
        let symbol = self.peek().kind == TokenKind::Symbol && FOREIGN.contains(&operator.as_str());
        let glued = self.peek().span.end == self.ahead(1).span.start;
        let shown = match target.kind {
            ExprKind::Name(ref name) => name.clone(),
            _ => "x".to_string(),
        };
        if symbol && glued && self.ahead(1).is("=") {
            let hint = format!("write `{shown} = {shown} {operator} ...`");
            return self.fail(format!("`{operator}=` is not part of the language"), hint);
        }
        if symbol && glued && self.ahead(1).is(&operator) {
            let hint = format!("write `{shown} = {shown} {operator} 1`");
            return self.fail(format!("`{operator}{operator}` is not part of the language"), hint);
        }
        Ok(())
    }

    /// `access : f == g`, behind the colon.
    fn indirect(&mut self, target: Expr) -> Parsed<StatementKind> {
        let both = self.expression()?;
        match both.kind {
            ExprKind::Binary(crate::veriloga::ast::Binary::Eq, left, right) => Ok(StatementKind::Indirect(target, *left, *right)),
            _ => {
                let error = Diagnostic::error(both.span, "an indirect contribution without an equation");
                self.report(error.expected("expected `f == g`: the target is such that this holds"));
                Err(Abort)
            }
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
        loop {
            let start = self.place();
            let attributes = if self.peek().is("(*") { self.attributes()? } else { Vec::new() };
            let done = if ["parameter", "localparam"].iter().any(|w| self.next_is(w)) {
                self.parameter(attributes, &mut block.parameters)
            } else if ["real", "integer", "string", "genvar"].iter().any(|w| self.next_is(w)) {
                self.variable(attributes, &mut block.variables)
            } else {
                break;
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
        } else if self.accept(":") {
            self.name("the name of the block")?;
        }
        // `end;` before `else` would close the `if`.
        if self.peek().is(";") && self.ahead(1).is_word("else") {
            self.idle_semicolon();
        }
        Ok(StatementKind::Block(block))
    }

    /// `if (condition) statement { else if (condition) statement } [ else statement ]`, without recursion along the chain.
    fn conditional_statement(&mut self) -> Parsed<StatementKind> {
        let mut arms = Vec::new();
        loop {
            self.advance();
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            arms.push((condition, self.statement()?));
            if !self.accept("else") {
                return Ok(StatementKind::If(arms, None));
            }
            if !self.next_is("if") {
                break;
            }
        }
        Ok(StatementKind::If(arms, Some(Box::new(self.statement()?))))
    }

    fn case(&mut self) -> Parsed<StatementKind> {
        if !self.next_is("case") {
            let warning = Diagnostic::warning(self.peek().span, format!("`{}` is read as `case`", self.peek().text));
            self.warn_once("case", warning.expected("unknown bits belong to the digital language"));
        }
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
        let start = self.peek().span;
        if self.accept("default") {
            self.accept(":");
            let statement = self.statement()?;
            if let Some(first) = default {
                let error = Diagnostic::error(start, "a second `default` in one `case`");
                self.report(error.label(first.span, "this is the first"));
            }
            *default = Some(Box::new(statement));
            return Ok(());
        }
        let values = self.comma_separated(":", |parser| parser.case_label())?;
        self.expect(":")?;
        arms.push((values, self.statement()?));
        Ok(())
    }

    /// A value, or as an extension a range `[low:high]`.
    fn case_label(&mut self) -> Parsed<Expr> {
        if !self.peek().is("[") {
            return self.expression();
        }
        let start = self.advance();
        let low = self.expression()?;
        self.expect(":")?;
        let high = self.expression()?;
        let span = start.to(self.expect("]")?);
        let warning = Diagnostic::warning(span, "a range in a `case`");
        self.warn_once("case range", warning.expected("this is not part of the language"));
        Ok(Expr { kind: ExprKind::Range(Box::new(low), Box::new(high)), span })
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
        let order = self.order();
        let kind = self.simple_statement()?;
        Ok(Statement { kind, span: start.to(self.last()), order })
    }

    /// `@ ( event { or event } ) statement`, or `@ event statement`.
    fn event(&mut self) -> Parsed<StatementKind> {
        let mut events = Vec::new();
        if self.peek().is("*") || self.peek().is("(*") {
            return self.fail("an event of the digital language", "the digital language is not read");
        }
        if !self.peek().is("(") {
            events.push(self.primary()?);
            return Ok(StatementKind::Event(events, Box::new(self.statement()?)));
        }
        self.expect("(")?;
        loop {
            if self.next_is("posedge") || self.next_is("negedge") {
                let message = format!("`{}` is not part of the analog language", self.peek().text);
                return self.fail(message, "write `cross(V(a) - threshold, +1)`");
            }
            events.push(self.expression()?);
            if !self.accept("or") && !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(StatementKind::Event(events, Box::new(self.statement()?)))
    }
}
