//! The grammar of expressions (LRM 2.4, clause 4): precedence climbing over the table of operators.

use crate::veriloga::ast::{Binary, Expr, ExprKind, Name, Unary};
use crate::veriloga::lex::TokenKind;
use crate::veriloga::parse::{Abort, Parsed, Parser};

/// Nesting of parentheses and calls that is accepted, so that no input exhausts the stack.
const DEEPEST: usize = 250;
/// Length of a chain such as `a + b + c + ...` that is accepted, for the same reason.
const LONGEST_CHAIN: usize = 4000;

/// Operators by strength, weakest first (LRM table 4-5); `?:` is weaker than all of them.
const BINARY: [(&str, Binary, u8); 25] = [
    ("||", Binary::Or, 1),
    ("&&", Binary::And, 2),
    ("|", Binary::BitOr, 3),
    ("^", Binary::BitXor, 4),
    ("~^", Binary::BitXnor, 4),
    ("^~", Binary::BitXnor, 4),
    ("&", Binary::BitAnd, 5),
    ("==", Binary::Eq, 6),
    ("!=", Binary::Ne, 6),
    ("===", Binary::Eq, 6),
    ("!==", Binary::Ne, 6),
    ("<", Binary::Lt, 7),
    ("<=", Binary::Le, 7),
    (">", Binary::Gt, 7),
    (">=", Binary::Ge, 7),
    ("<<", Binary::Shl, 8),
    (">>", Binary::Shr, 8),
    ("<<<", Binary::Shl, 8),
    (">>>", Binary::ShrSigned, 8),
    ("+", Binary::Add, 9),
    ("-", Binary::Sub, 9),
    ("*", Binary::Mul, 10),
    ("/", Binary::Div, 10),
    ("%", Binary::Rem, 10),
    ("**", Binary::Pow, 11),
];

impl Parser<'_> {
    /// `expression ::= conditional`.
    pub fn expression(&mut self) -> Parsed<Expr> {
        self.nested(DEEPEST, |parser| parser.conditional())
    }

    /// `conditional ::= binary [ ? conditional : conditional ]`.
    fn conditional(&mut self) -> Parsed<Expr> {
        let condition = self.binary(1)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        self.attributes()?;
        let then = self.expression()?;
        self.expect(":")?;
        let otherwise = self.expression()?;
        let span = condition.span.to(otherwise.span);
        Ok(Expr { kind: ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise)), span })
    }

    /// A chain of operators at least as strong as `least`.
    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        let mut length = 0;
        while let Some((operator, strength)) = self.binary_operator().filter(|(_, s)| *s >= least) {
            length += 1;
            if length > LONGEST_CHAIN {
                return self.fail("this expression is too long", "split it with variables");
            }
            self.advance();
            self.attributes()?;
            let right = self.binary(strength + 1)?;
            let span = left.span.to(right.span);
            left = Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), span };
        }
        Ok(left)
    }

    fn binary_operator(&self) -> Option<(Binary, u8)> {
        let token = self.peek();
        if token.kind != TokenKind::Symbol {
            return None;
        }
        BINARY.iter().find(|(text, _, _)| *text == &*token.text).map(|(_, o, s)| (*o, *s))
    }

    /// `unary ::= { + | - | ! | ~ | & | ~& | | | ~| | ^ | ~^ } primary`.
    fn unary(&mut self) -> Parsed<Expr> {
        let token = self.peek().clone();
        let operator = match (token.kind, &*token.text) {
            (TokenKind::Symbol, "+") => Unary::Plus,
            (TokenKind::Symbol, "-") => Unary::Minus,
            (TokenKind::Symbol, "!") => Unary::Not,
            (TokenKind::Symbol, "~") => Unary::BitNot,
            (TokenKind::Symbol, "&") => Unary::AllBits,
            (TokenKind::Symbol, "|") => Unary::AnyBit,
            (TokenKind::Symbol, "^") => Unary::OddBits,
            (TokenKind::Symbol, "~&") => Unary::NotAllBits,
            (TokenKind::Symbol, "~|") => Unary::NoBit,
            (TokenKind::Symbol, "~^" | "^~") => Unary::EvenBits,
            _ => return self.primary(),
        };
        self.advance();
        self.attributes()?;
        let operand = self.nested(DEEPEST, |parser| parser.unary())?;
        let span = token.span.to(operand.span);
        Ok(Expr { kind: ExprKind::Unary(operator, Box::new(operand)), span })
    }

    /// `primary ::= number | string | name | name[...] | name(...) | ( expression ) | '{ ... }`.
    pub fn primary(&mut self) -> Parsed<Expr> {
        let token = self.peek().clone();
        let simple = match token.kind {
            TokenKind::Int(value) => Some(ExprKind::Int(value)),
            TokenKind::Real(value) => Some(ExprKind::Real(value)),
            TokenKind::Text => Some(ExprKind::Text(token.text.to_string())),
            _ => None,
        };
        if let Some(kind) = simple {
            self.advance();
            return Ok(Expr { kind, span: token.span });
        }
        if token.is("(") {
            self.advance();
            let mut inner = self.expression()?;
            let close = self.expect(")")?;
            inner.span = token.span.to(close);
            return Ok(inner);
        }
        if token.is("'{") || token.is("{") {
            self.advance();
            let items = self.comma_separated("}", |parser| parser.expression())?;
            if items.len() == 1 && self.accept("{") {
                let inner = self.comma_separated("}", |parser| parser.expression())?;
                self.expect("}")?;
                let close = self.expect("}")?;
                let count = items.into_iter().next().map(Box::new).ok_or(Abort)?;
                return Ok(Expr { kind: ExprKind::Replicate(count, inner), span: token.span.to(close) });
            }
            let close = self.expect("}")?;
            return Ok(Expr { kind: ExprKind::List(items), span: token.span.to(close) });
        }
        let callable = token.kind == TokenKind::System || (token.kind == TokenKind::Name && !self.at_keyword());
        if !callable {
            return self.fail(format!("unexpected {}", token.shown()), "expected an expression");
        }
        self.advance();
        self.after_name(Name { text: token.text.to_string(), span: token.span }, token.kind == TokenKind::System)
    }

    /// What may follow a name: nothing, an index, arguments.
    fn after_name(&mut self, name: Name, system: bool) -> Parsed<Expr> {
        let start = name.span;
        if self.peek().is("(*") && self.attribute_of_a_call() {
            self.attributes()?;
        }
        if self.accept("(") {
            let arguments = self.comma_separated(")", |parser| parser.argument())?;
            let close = self.expect(")")?;
            return Ok(Expr { kind: ExprKind::Call(name, arguments), span: start.to(close) });
        }
        if system {
            return Ok(Expr { kind: ExprKind::Call(name, Vec::new()), span: start });
        }
        if self.accept("[") {
            let index = self.expression()?;
            let close = self.expect("]")?;
            if self.peek().is(".") {
                let name = self.below(name, &index)?;
                let below = self.after_name(name, false)?;
                return match below.kind {
                    // The index that was left open.
                    ExprKind::Name(text) if text.contains(crate::veriloga::structure::OPEN_INDEX) => {
                        let name = Name { text, span: below.span };
                        Ok(Expr { kind: ExprKind::Index(name, Box::new(index)), span: below.span })
                    }
                    _ => Ok(below),
                };
            }
            return Ok(Expr { kind: ExprKind::Index(name, Box::new(index)), span: start.to(close) });
        }
        if self.peek().is(".") {
            let name = self.path(name)?;
            return self.after_name(name, false);
        }
        Ok(Expr { kind: ExprKind::Name(name.text), span: start })
    }

    /// True for `(* attribute *) (`: behind a name, attributes of a declaration may stand as well.
    fn attribute_of_a_call(&self) -> bool {
        let close = (0..60).find(|k| self.ahead(*k).is("*)") || self.ahead(*k).is(";"));
        close.is_some_and(|k| self.ahead(k).is("*)") && self.ahead(k + 1).is("("))
    }

    /// `argument ::= [ expression ] | < name >`.
    fn argument(&mut self) -> Parsed<Expr> {
        let token = self.peek().clone();
        if token.is(",") || token.is(")") {
            return Ok(Expr { kind: ExprKind::Missing, span: token.span });
        }
        if self.accept("<") {
            let name = self.name("the name of a port")?;
            let close = self.expect(">")?;
            return Ok(Expr { kind: ExprKind::Port(name), span: token.span.to(close) });
        }
        self.expression()
    }
}
