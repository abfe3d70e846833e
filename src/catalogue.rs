//! `memspice models`: what comes along, as a table, a page for each model or card, and for programs.
//!
//! library → entries (models with their states and cards) → table, page, json. `memspice models --check` lints all files.

use std::fmt::Write;

use crate::diag::{self, Severity};
use crate::lint;
use crate::lint::bench::{Bench, State};
use crate::model::Model;
use crate::model::library::{self, Library};
use crate::run::RunReport;
use crate::span::{Disk, Sources};

pub mod cards;
mod json;
mod page;
mod table;

pub use cards::Card;
pub use page::page;

/// A model that comes along.
pub struct Item {
    /// Path of its file: `models/redox/taox.va`.
    pub path: String,
    /// The model.
    pub model: std::sync::Arc<Model>,
    /// Its states.
    pub states: Vec<State>,
    /// Cards that give it other values.
    pub cards: Vec<Card>,
}

impl Item {
    fn new(path: &str, model: std::sync::Arc<Model>, all: &[Card]) -> Item {
        let states = Bench::new(&model).states(&model);
        let cards = all.iter().filter(|c| c.module == model.name).cloned().collect();
        Item { path: path.to_string(), model, states, cards }
    }

    /// Folder that its file stands in: the mechanism.
    pub fn group(&self) -> &str {
        self.path.split('/').rev().nth(1).unwrap_or("models")
    }

    /// What it is, in a line.
    pub fn summary(&self) -> &str {
        match self.model.attribute("desc") {
            "" => self.model.doc.lines().next().unwrap_or(""),
            text => text,
        }
    }

    /// Where its equations and values come from, as the file says it.
    pub fn source(&self) -> String {
        let mut lines = self.model.doc.lines().skip_while(|l| !l.starts_with("Source:")).peekable();
        let first = lines.next().map_or("", |l| l.trim_start_matches("Source:")).trim().to_string();
        let more = lines.take_while(|l| !l.trim().is_empty() && !is_head(l));
        more.fold(first, |text, line| format!("{text} {}", line.trim()))
    }
}

/// Whether a line of a head comment begins with a word and a colon: another subject.
fn is_head(line: &str) -> bool {
    line.split_once(':').is_some_and(|(word, _)| word.len() < 24 && word.starts_with(char::is_uppercase) && !word.contains('.'))
}

/// The library, opened.
pub struct Catalogue {
    library: Library,
    sources: Sources,
    cards: Vec<Card>,
}

impl Default for Catalogue {
    fn default() -> Catalogue {
        Catalogue::new()
    }
}

impl Catalogue {
    /// The models of the binary, with those of the folder that `MEMSPICE_MODELS` names.
    pub fn new() -> Catalogue {
        let library = Library::new();
        let cards = library.card_files().flat_map(|(path, text)| cards::read(path, text)).collect();
        Catalogue { library, sources: Sources::new(Box::new(Disk)), cards }
    }

    /// The model of a name, and the card if it is the name of one.
    ///
    /// # Errors
    /// Messages: there is none, or it does not compile.
    pub fn find(&mut self, name: &str) -> Result<(Item, Option<Card>), String> {
        let card = self.cards.iter().find(|c| c.name.eq_ignore_ascii_case(name)).cloned();
        let module = card.as_ref().map_or(name, |c| c.module.as_str());
        let found = self.library.get(&mut self.sources, module);
        let said = self.library.take_diagnostics();
        if diag::has_errors(&said) {
            return Err(diag::render(&said, &self.sources, false));
        }
        let Some(model) = found else { return Err(self.unknown(name)) };
        let entry = self.library.list().iter().find(|e| e.name == model.name);
        let path = entry.map_or_else(String::new, |e| e.path.clone());
        Ok((Item::new(&path, model, &self.cards), card))
    }

    fn unknown(&self, name: &str) -> String {
        let names: Vec<String> = self.library.names().into_iter().chain(self.cards.iter().map(|c| c.name.clone())).collect();
        let near = diag::nearest(name, names.iter().map(String::as_str));
        let hint = near.map_or_else(|| "`memspice models` lists them".to_string(), |n| format!("did you mean `{n}`?"));
        format!("error: no model or card is called `{name}`\n  hint: {hint}\n")
    }

    /// All models, by folder and name; what does not compile is said.
    pub fn all(&mut self) -> (Vec<Item>, String) {
        let entries = self.library.list().to_vec();
        let mut items = Vec::new();
        let mut said = Vec::new();
        for entry in entries {
            let model = self.library.get(&mut self.sources, &entry.name);
            said.extend(self.library.take_diagnostics());
            items.extend(model.map(|m| Item::new(&entry.path, m, &self.cards)));
        }
        said.retain(|d| d.severity == Severity::Error);
        (items, diag::render(&said, &self.sources, false))
    }

    /// Where something stands.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// The table of all models, or the page of one model or card; for programs if `as_json`.
pub fn models(name: Option<&str>, as_json: bool) -> RunReport {
    let mut catalogue = Catalogue::new();
    let mut report = RunReport::default();
    match name {
        None => {
            let (items, said) = catalogue.all();
            report.exit = if said.is_empty() { 0 } else { 2 };
            report.diagnostics = said;
            report.text = if as_json { json::all(&items) } else { table::table(&items) };
        }
        Some(name) => match catalogue.find(name) {
            Ok((item, card)) => {
                report.text = match as_json {
                    true => json::one(&item),
                    false => page::of_library(&item, card.as_ref(), catalogue.sources()),
                }
            }
            Err(message) => {
                report.diagnostics = message;
                report.exit = 2;
            }
        },
    }
    report
}

/// The linter over all files of the library.
pub fn check() -> RunReport {
    let mut report = RunReport::default();
    let mut paths: Vec<String> = Library::new().list().iter().map(|e| e.path.clone()).collect();
    paths.dedup();
    let (mut warnings, mut errors) = (0, 0);
    for path in &paths {
        // Each file with sources of its own, so that what is said of it stands alone.
        let (mut library, mut sources) = (Library::new(), Sources::new(Box::new(Disk)));
        let file = library.file(&mut sources, path);
        let (models, mut found) = library::compile(&mut sources, file, &[]);
        found.extend(lint::check(&mut sources, file, &[], &models));
        let count = |wanted: Severity| found.iter().filter(|d| d.severity == wanted).count();
        let (bad, odd, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        (errors, warnings) = (errors + bad, warnings + odd);
        report.diagnostics.push_str(&diag::render(&found, &sources, false));
        if bad + odd + notes > 0 {
            let _ = writeln!(report.text, "{path}: {bad} errors, {odd} warnings, {notes} notes");
        }
    }
    let _ = writeln!(report.text, "{} files: {errors} errors, {warnings} warnings", paths.len());
    report.exit = if errors > 0 { 2 } else { 0 };
    report
}
