//! Verilog-A text to models: lexed, preprocessed, parsed with recovery, checked, lowered to `ir`.
//!
//! The language is that of the Accellera Verilog-AMS LRM 2.4, analog part, as far as the files of this folder say; what lies
//! beyond is named in an error with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diag::{Diagnostic, Severity, has_errors};
use crate::model::Model;
use crate::span::{FileId, Sources, Span};
use crate::veriloga::flatten::Unit;

pub mod array;
pub mod ast;
pub mod behaviour;
pub mod branch;
pub mod check;
pub mod connect;
pub mod constant;
pub mod declare;
pub mod delays;
pub mod events;
pub mod expr;
pub mod filters;
pub mod finish;
pub mod flatten;
pub mod function;
pub mod keyword;
pub mod lex;
pub mod limit;
pub mod lower;
pub mod macros;
pub mod message;
pub mod module;
pub mod names;
pub mod noise;
pub mod number;
pub mod operator;
pub mod parse;
pub mod preprocess;
pub mod ramps;
pub mod random;
pub mod rename;
pub mod statement;
pub mod structure;
pub mod system;
pub mod table;
pub mod terms;
pub mod text;
pub mod unread;
pub mod value;
pub mod walk;

/// Finds the file that holds a module which a text instantiates and does not declare.
pub type Find<'f> = &'f mut (dyn FnMut(&mut Sources, &str) -> Option<FileId> + Send);

/// Stack of the thread that reads: nesting of texts is bounded by counting, and this holds the deepest that is counted.
const STACK: usize = 256 << 20;

/// Rounds of lowering until all parameters that decide on structure are known.
const MOST_ROUNDS: usize = 8;

/// All modules and paramsets of a file as models, and everything that is to be said about it. Those with errors are left out.
pub fn compile(sources: &mut Sources, file: FileId, search: &[PathBuf]) -> (Vec<Model>, Vec<Diagnostic>) {
    compile_with(sources, file, search, &mut |_, _| None)
}

/// The same, with modules of other files.
pub fn compile_with(sources: &mut Sources, file: FileId, search: &[PathBuf], find: Find) -> (Vec<Model>, Vec<Diagnostic>) {
    with_stack(|| compile_here(sources, file, search, find))
}

/// Runs `work` on a thread with a large stack, or here if there is none to be had.
fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let (mut work, mut done) = (Some(work), None);
    let joined = std::thread::scope(|scope| {
        let run = || done = work.take().map(|work| work());
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        thread.ok().map(|thread| thread.join())
    });
    if let Some(Err(panic)) = joined {
        std::panic::resume_unwind(panic);
    }
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("work is done where it was taken"),
    }
}

fn compile_here(sources: &mut Sources, file: FileId, search: &[PathBuf], find: Find) -> (Vec<Model>, Vec<Diagnostic>) {
    let mut text = Text::read(sources, file, search, find);
    if text.units().next().is_none() && !has_errors(&text.diagnostics) {
        let start = Span::new(file, 0, 0);
        text.diagnostics.push(Diagnostic::error(start, "this file holds no module").expected("expected Verilog-A"));
    }
    let broken = has_errors(&text.diagnostics);
    let (mut models, mut diagnostics) = (Vec::new(), Vec::new());
    for unit in text.units() {
        let (model, found) = text.model(unit, sources, &BTreeMap::new());
        if !broken && !has_errors(&found) {
            models.push(model);
        }
        diagnostics.extend(found);
    }
    (models, text.said(diagnostics))
}

/// The model of the module or paramset whose name stands at `at`, for given values of parameters that decide on structure. The
/// errors are there if the model is not.
pub fn compile_shaped(
    sources: &mut Sources,
    file: FileId,
    search: &[PathBuf],
    find: Find,
    at: Span,
    values: &BTreeMap<String, f64>,
) -> (Option<Model>, Vec<Diagnostic>) {
    with_stack(|| {
        let text = Text::read(sources, file, search, find);
        // A name that a macro brought has another use of the macro every time the file is read.
        let is_here =
            |sources: &Sources, span: Span| (sources.spelled(span), sources.used(span)) == (sources.spelled(at), sources.used(at));
        let found = text.units().find(|u| is_here(sources, u.name().span));
        let Some(unit) = found else { return (None, text.said(Vec::new())) };
        let (model, found) = text.model(unit, sources, values);
        let diagnostics = text.said(found);
        ((!has_errors(&diagnostics)).then_some(model), diagnostics)
    })
}

/// A file as it is written, for those who look at texts; what is wrong with it is said by [`compile`].
pub fn tree(sources: &mut Sources, file: FileId, search: &[PathBuf]) -> ast::File {
    parsed(sources, file, search, &mut Vec::new())
}

/// A file as a tree, with those of other files that it needs.
struct Text {
    file: FileId,
    tree: ast::File,
    world: check::World,
    doc: String,
    diagnostics: Vec<Diagnostic>,
}

impl Text {
    fn read(sources: &mut Sources, file: FileId, search: &[PathBuf], find: Find) -> Text {
        let mut diagnostics = Vec::new();
        let mut tree = parsed(sources, file, search, &mut diagnostics);
        let mut asked = BTreeSet::new();
        while let Some(name) = missing(&tree).into_iter().find(|name| !asked.contains(name)) {
            if let Some(other) = find(sources, &name).filter(|other| *other != file) {
                let other = parsed(sources, other, search, &mut diagnostics);
                join(&mut tree, other);
            }
            asked.insert(name);
        }
        let world = check::World::new(&tree, &mut diagnostics);
        let doc = head_comment(sources.text(file));
        Text { file, tree, world, doc, diagnostics }
    }

    /// The modules and paramsets of the file itself.
    fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let own = |module: &&ast::Module| module.file == self.file;
        let sets = self.tree.paramsets.iter().filter(|p| p.module.file == self.file).map(Unit::Paramset);
        self.tree.modules.iter().filter(own).map(Unit::Module).chain(sets)
    }

    fn model(&self, unit: Unit, sources: &Sources, values: &BTreeMap<String, f64>) -> (Model, Vec<Diagnostic>) {
        let mut wanted = BTreeSet::new();
        for round in 0.. {
            let (module, mut found) = flatten::flatten(unit, &self.tree, sources, values, &wanted);
            let symbols = check::Symbols::new(&module, &self.world, &mut found);
            let (mut model, said) = lower::Lowerer::new(&module, &symbols, &self.world, sources).run();
            let more = symbols.wanted.take();
            if round < MOST_ROUNDS && more.iter().any(|name| !wanted.contains(name)) {
                wanted.extend(more);
                continue;
            }
            // Where structure is missing, what follows from that is no news.
            let broken = has_errors(&found);
            found.extend(said.into_iter().filter(|d| !broken || d.severity == Severity::Error));
            model.doc.clone_from(&self.doc);
            model.attributes = unit.tree().attributes.iter().map(|a| written(a, sources)).collect();
            return (model, found);
        }
        (Model::default(), Vec::new())
    }

    /// Everything that is to be said, each once.
    fn said(self, more: Vec<Diagnostic>) -> Vec<Diagnostic> {
        each_once(self.diagnostics.into_iter().chain(more))
    }
}

/// Errors, and other messages, that are shown of one file: a mistake may repeat itself in every element of a long vector.
const MOST_SAID: usize = 200;

/// The same messages without doubles, and without those that are too many.
pub fn each_once(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let (mut errors, mut others): (Vec<Diagnostic>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    for diagnostic in diagnostics {
        let list = if diagnostic.severity == Severity::Error { &mut errors } else { &mut others };
        if list.len() < MOST_SAID && !list.contains(&diagnostic) {
            list.push(diagnostic);
        }
    }
    errors.extend(others);
    errors
}

/// An attribute of a module as name and text; one without a value is switched on.
fn written(attribute: &ast::Attribute, sources: &Sources) -> (String, String) {
    let value = match &attribute.value {
        None => "1".to_string(),
        Some(ast::Expr { kind: ast::ExprKind::Text(text), .. }) => text.clone(),
        Some(other) => sources.slice(other.span).trim().to_string(),
    };
    (attribute.name.text.clone(), value)
}

fn parsed(sources: &mut Sources, file: FileId, search: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> ast::File {
    let tokens = preprocess::preprocess(sources, file, search, diagnostics);
    parse::Parser::new(&tokens, diagnostics).file(file)
}

/// Names of modules that are instantiated and not declared.
fn missing(tree: &ast::File) -> Vec<String> {
    let mut names = BTreeSet::new();
    tree.modules.iter().for_each(|m| instantiated(m, &mut names));
    names.extend(tree.paramsets.iter().map(|p| p.base.text.clone()));
    tree.modules.iter().for_each(|m| _ = names.remove(&m.name.text));
    tree.paramsets.iter().for_each(|p| _ = names.remove(&p.name.text));
    names.into_iter().collect()
}

fn instantiated(module: &ast::Module, names: &mut BTreeSet<String>) {
    names.extend(module.instances.iter().map(|i| i.module.text.clone()));
    for generate in &module.generates {
        generate.blocks().into_iter().for_each(|block| instantiated(block, names));
    }
}

/// Adds what another file declares under names of its own.
fn join(tree: &mut ast::File, other: ast::File) {
    let known: BTreeSet<String> = tree.natures.iter().map(|n| n.name.text.clone()).collect();
    tree.natures.extend(other.natures.into_iter().filter(|n| !known.contains(&n.name.text)));
    let known: BTreeSet<String> = tree.disciplines.iter().map(|d| d.name.text.clone()).collect();
    tree.disciplines.extend(other.disciplines.into_iter().filter(|d| !known.contains(&d.name.text)));
    let modules = tree.modules.iter().map(|m| &m.name.text);
    let known: BTreeSet<String> = modules.chain(tree.paramsets.iter().map(|p| &p.name.text)).cloned().collect();
    tree.modules.extend(other.modules.into_iter().filter(|m| !known.contains(&m.name.text)));
    tree.paramsets.extend(other.paramsets.into_iter().filter(|p| !known.contains(&p.name.text)));
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
