//! Finds models by module name: those loaded by `.hdl` first, then those of the files of `models/`, which are part of the
//! binary and compiled when they are first asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::diag::Diagnostic;
use crate::model::Model;
use crate::span::Sources;
use crate::veriloga::{compile, head_comment};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/models");

/// A module of an embedded file.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Module name.
    pub name: String,
    /// Path of its file: `models/ndr/nbox.va`.
    pub path: String,
    /// Head comment of its file.
    pub doc: String,
}

/// Models by name.
pub struct Library {
    loaded: Vec<Arc<Model>>,
    embedded: Vec<Entry>,
    /// Models of the embedded files compiled so far, by path.
    compiled: BTreeMap<String, Vec<Arc<Model>>>,
    diagnostics: Vec<Diagnostic>,
    /// The files that embedded files include are among the sources.
    shared: bool,
}

impl Default for Library {
    fn default() -> Library {
        Library::new()
    }
}

impl Library {
    /// The embedded files, nothing loaded.
    pub fn new() -> Library {
        let mut embedded = Vec::new();
        collect(&FILES, &mut embedded);
        embedded.sort_by(|a, b| a.path.cmp(&b.path));
        Library { loaded: Vec::new(), embedded, compiled: BTreeMap::new(), diagnostics: Vec::new(), shared: false }
    }

    /// Adds a model that does not come from a file.
    pub fn add(&mut self, model: Arc<Model>) {
        self.loaded.push(model);
    }

    /// Loads the modules of a file; a later one replaces an earlier one of the same name. A message without a place says that
    /// the file cannot be read.
    pub fn load(&mut self, sources: &mut Sources, path: &Path) -> Vec<Diagnostic> {
        let file = match sources.load(path) {
            Ok(file) => file,
            Err(why) => {
                let message = format!("the file \"{}\" cannot be read: {why}", path.display());
                let hints = vec!["the path counts from the folder of the deck".to_string()];
                return vec![Diagnostic { severity: crate::diag::Severity::Error, message, labels: Vec::new(), hints }];
            }
        };
        let (models, diagnostics) = compile(sources, file, &[]);
        for model in models {
            self.loaded.retain(|m| m.name != model.name);
            self.loaded.push(Arc::new(model));
        }
        diagnostics
    }

    /// The model of the module called `name`: exact match first, else the only one that differs by case alone (decision 28).
    /// What there is to say about its file is kept for [`Library::take_diagnostics`].
    pub fn get(&mut self, sources: &mut Sources, name: &str) -> Option<Arc<Model>> {
        let loaded: Vec<String> = self.loaded.iter().map(|m| m.name.clone()).collect();
        if let Some(k) = self.choose(name, &loaded) {
            return Some(self.loaded[k].clone());
        }
        let names: Vec<String> = self.embedded.iter().map(|e| e.name.clone()).collect();
        let entry = self.choose(name, &names).map(|k| self.embedded[k].clone())?;
        if !self.compiled.contains_key(&entry.path) {
            self.share(sources);
            let text = FILES.get_file(entry.path.trim_start_matches("models/")).and_then(|f| f.contents_utf8()).unwrap_or("");
            let file = sources.add(Path::new(&entry.path), text.to_string());
            let (models, diagnostics) = compile(sources, file, &[]);
            self.diagnostics.extend(diagnostics);
            self.compiled.insert(entry.path.clone(), models.into_iter().map(Arc::new).collect());
        }
        self.compiled.get(&entry.path)?.iter().find(|m| m.name == entry.name).cloned()
    }

    /// Makes the texts that embedded files include known, once.
    fn share(&mut self, sources: &mut Sources) {
        if !std::mem::replace(&mut self.shared, true) {
            let mut parts = Vec::new();
            included(&FILES, &mut parts);
            for (path, text) in parts {
                sources.add(Path::new(&path), text.to_string());
            }
        }
    }

    /// Index of `name` among `names` by the case rule; names that differ by case alone leave a message.
    fn choose(&mut self, name: &str, names: &[String]) -> Option<usize> {
        if let Some(k) = names.iter().position(|n| n == name) {
            return Some(k);
        }
        let folded: Vec<usize> = (0..names.len()).filter(|k| names[*k].eq_ignore_ascii_case(name)).collect();
        if let [first, _, ..] = folded.as_slice() {
            let list: Vec<String> = folded.iter().map(|k| format!("`{}`", names[*k])).collect();
            let message = format!("`{name}` may be any of the modules {}", list.join(", "));
            let hints = vec!["write the name as it is declared".to_string()];
            self.diagnostics.push(Diagnostic { severity: crate::diag::Severity::Error, message, labels: Vec::new(), hints });
            return Some(*first);
        }
        folded.first().copied()
    }

    /// What was to be said about embedded files and names since the last call.
    pub fn take_diagnostics(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.diagnostics)
    }

    /// Names of all modules.
    pub fn names(&self) -> Vec<String> {
        let loaded = self.loaded.iter().map(|m| m.name.clone());
        loaded.chain(self.embedded.iter().map(|e| e.name.clone())).collect()
    }

    /// The modules of the embedded files, in order of their paths.
    pub fn list(&self) -> &[Entry] {
        &self.embedded
    }
}

/// Finds the modules of all `.va` files of a folder.
fn collect(folder: &Dir, out: &mut Vec<Entry>) {
    for file in folder.files().filter(|f| f.path().extension().is_some_and(|e| e == "va")) {
        let Some(text) = file.contents_utf8() else { continue };
        let path = format!("models/{}", file.path().display());
        out.extend(modules(text).map(|name| Entry { name: name.to_string(), path: path.clone(), doc: head_comment(text) }));
    }
    folder.dirs().for_each(|inner| collect(inner, out));
}

/// Finds the files of a folder that are made to be included.
fn included(folder: &'static Dir, out: &mut Vec<(String, &'static str)>) {
    for file in folder.files().filter(|f| f.path().extension().is_some_and(|e| e == "vams" || e == "inc")) {
        out.extend(file.contents_utf8().map(|text| (format!("models/{}", file.path().display()), text)));
    }
    folder.dirs().for_each(|inner| included(inner, out));
}

/// Names that follow the word `module` at the start of a line.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("module")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}
