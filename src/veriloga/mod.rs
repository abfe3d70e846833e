//! Verilog-A text to models: lexed, preprocessed, parsed with recovery, checked, lowered to `ir`.
//!
//! The language is that of the Accellera Verilog-AMS LRM 2.4, analog part, as far as the files of this folder say; what lies
//! beyond is named in an error with its place.

use std::path::PathBuf;

use crate::diag::{Diagnostic, has_errors};
use crate::model::Model;
use crate::span::{FileId, Sources, Span};

pub mod ast;
pub mod branch;
pub mod check;
pub mod declare;
pub mod expr;
pub mod finish;
pub mod function;
pub mod keyword;
pub mod lex;
pub mod lower;
pub mod macros;
pub mod message;
pub mod module;
pub mod noise;
pub mod number;
pub mod operator;
pub mod parse;
pub mod preprocess;
pub mod random;
pub mod statement;
pub mod system;
pub mod value;
pub mod walk;

/// All modules of a file as models, and everything that is to be said about it. Modules with errors are left out.
pub fn compile(sources: &mut Sources, file: FileId, search: &[PathBuf]) -> (Vec<Model>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let tokens = preprocess::preprocess(sources, file, search, &mut diagnostics);
    let tree = parse::Parser::new(&tokens, &mut diagnostics).file(file);
    let world = check::World::new(&tree, &mut diagnostics);
    if tree.modules.is_empty() && !has_errors(&diagnostics) {
        let start = Span::new(file, 0, 0);
        diagnostics.push(Diagnostic::error(start, "this file holds no module").expected("expected Verilog-A"));
    }
    let broken = has_errors(&diagnostics);
    let doc = head_comment(sources.text(file));
    let mut models = Vec::new();
    for module in &tree.modules {
        let mut found = Vec::new();
        let symbols = check::Symbols::new(module, &world, &mut found);
        let (mut model, said) = lower::Lowerer::new(module, &symbols, &world, sources).run();
        found.extend(said);
        if !broken && !has_errors(&found) {
            model.doc.clone_from(&doc);
            models.push(model);
        }
        diagnostics.extend(found);
    }
    (models, diagnostics)
}

/// The comment that a file begins with, without comment signs.
pub fn head_comment(text: &str) -> String {
    let mut lines = Vec::new();
    let mut block = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if block {
            let (inside, closed) = match trimmed.split_once("*/") {
                Some((inside, _)) => (inside, true),
                None => (trimmed.trim_start_matches('*'), false),
            };
            lines.push(inside.strip_prefix(' ').unwrap_or(inside).trim_end().to_string());
            block = !closed;
        } else if let Some(rest) = trimmed.strip_prefix("//") {
            lines.push(rest.strip_prefix(' ').unwrap_or(rest).trim_end().to_string());
        } else if let Some(rest) = trimmed.strip_prefix("/*") {
            block = !rest.contains("*/");
            lines.push(rest.split("*/").next().unwrap_or("").trim().to_string());
        } else {
            break;
        }
    }
    lines.join("\n").trim().to_string()
}
