//! The arguments of a card: a keyword, positional values and `name=value` pairs, each with its span; typed getters.

use crate::diag::Diagnostic;
use crate::span::Span;

/// One argument as written; braces and quotes around it are gone.
#[derive(Clone, PartialEq, Debug)]
pub struct Arg {
    /// `Some` for `name=value`, lower case.
    pub name: Option<String>,
    /// The text of the value.
    pub text: String,
    /// Its number, if it is one (expressions are evaluated before an analysis sees them).
    pub number: Option<f64>,
    /// Where it stands.
    pub span: Span,
}

/// A card that an analysis, a sweep or a measure is made from: `.tran 1n 10u uic`.
#[derive(Clone, PartialEq, Debug)]
pub struct Args {
    /// The card's keyword without the dot, lower case: `tran`.
    pub keyword: String,
    /// Where the keyword stands.
    pub span: Span,
    /// The arguments in order.
    pub items: Vec<Arg>,
}

impl Args {
    /// Positional arguments, in order.
    pub fn positional(&self) -> impl Iterator<Item = &Arg> {
        self.items.iter().filter(|a| a.name.is_none())
    }

    /// The `name=value` argument called `name`.
    pub fn named(&self, name: &str) -> Option<&Arg> {
        self.items.iter().find(|a| a.name.as_deref() == Some(name))
    }

    /// True if the bare word `word` is among the positional arguments (any case).
    pub fn flag(&self, word: &str) -> bool {
        self.positional().any(|a| a.number.is_none() && a.text.eq_ignore_ascii_case(word))
    }

    /// The `index`-th positional number.
    ///
    /// # Errors
    /// A diagnostic that names `what` if it is missing or not a number.
    pub fn number(&self, index: usize, what: &str) -> Result<f64, Diagnostic> {
        match self.positional().nth(index) {
            Some(arg) => arg.number.ok_or_else(|| {
                Diagnostic::error(arg.span, format!("`{}` is not a number", arg.text)).expected(format!("expected {what}"))
            }),
            None => {
                Err(Diagnostic::error(self.span, format!(".{} needs {what}", self.keyword)).expected(format!("{what} is missing")))
            }
        }
    }

    /// The named number, or `default`.
    ///
    /// # Errors
    /// If it is given and is not a number.
    pub fn named_number(&self, name: &str, default: f64) -> Result<f64, Diagnostic> {
        match self.named(name) {
            None => Ok(default),
            Some(arg) => arg.number.ok_or_else(|| {
                Diagnostic::error(arg.span, format!("`{}` is not a number", arg.text))
                    .expected(format!("expected a number for `{name}`"))
            }),
        }
    }
}
