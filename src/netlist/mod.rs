//! Deck text to a tree with spans ([`ast::Deck`]); nothing is resolved here.

pub mod ast;
