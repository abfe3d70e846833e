//! Finds models by module name: those loaded by `.hdl` first, then those of the files of `models/`, which are part of the
//! binary and compiled when they are first asked for. Files of the folder that the environment variable `MEMSPICE_MODELS` names
//! come on top: they are added to those of the binary and replace those of the same path, for work on models without a build.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::diag::{Diagnostic, has_errors};
use crate::model::Model;
use crate::span::{FileId, Sources, Span};
use crate::veriloga::{compile_shaped, compile_with, head_comment};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/models");

/// Names the folder whose files come on top of those of the binary.
const FOLDER: &str = "MEMSPICE_MODELS";

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

/// Texts that hold modules: files of `.hdl` cards, files beside them that are called like a module, and those of `models/`.
struct Texts {
    /// Files of `.hdl` cards with the names of their modules.
    files: Vec<(FileId, Vec<String>)>,
    /// Their modules, found when a name is asked for that no file of `models/std` is called by.
    embedded: OnceCell<Vec<Entry>>,
    /// Texts of `models/` by path.
    texts: BTreeMap<String, Cow<'static, str>>,
    /// The files that embedded files include are among the sources.
    shared: bool,
}

/// Models by name.
pub struct Library {
    loaded: Vec<Arc<Model>>,
    texts: Texts,
    /// Models of the embedded files compiled so far, by path.
    compiled: BTreeMap<String, Vec<Arc<Model>>>,
    /// Models made for other values of the parameters that decide on their structure.
    shaped: BTreeMap<Shape, Option<Arc<Model>>>,
    diagnostics: Vec<Diagnostic>,
}

/// Where the module stands, and the values (as bits) of parameters that decide on structure.
type Shape = (Span, Vec<(String, u64)>);

impl Default for Library {
    fn default() -> Library {
        Library::new()
    }
}

impl Library {
    /// The embedded files, nothing loaded.
    pub fn new() -> Library {
        Library {
            loaded: Vec::new(),
            texts: Texts::new(),
            compiled: BTreeMap::new(),
            shaped: BTreeMap::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Adds a model that does not come from a file.
    pub fn add(&mut self, model: Arc<Model>) {
        self.loaded.push(model);
    }

    /// Reads files whose modules may be instantiated by those of any other; [`Library::load`] makes models of them.
    pub fn announce(&mut self, sources: &mut Sources, paths: &[PathBuf]) {
        for path in paths {
            if self.texts.file(sources, path).is_none()
                && let Ok(file) = sources.load(path)
            {
                self.texts.add(sources, file);
            }
        }
    }

    /// Loads the modules of a file; a later one replaces an earlier one of the same name. A message without a place says that
    /// the file cannot be read.
    pub fn load(&mut self, sources: &mut Sources, path: &Path) -> Vec<Diagnostic> {
        let known = self.texts.file(sources, path).map(Ok);
        let file = match known.unwrap_or_else(|| sources.load(path)) {
            Ok(file) => file,
            Err(why) => {
                let message = format!("the file \"{}\" cannot be read: {why}", path.display());
                let hints = vec!["the path counts from the folder of the deck".to_string()];
                return vec![Diagnostic { severity: crate::diag::Severity::Error, message, labels: Vec::new(), hints }];
            }
        };
        self.texts.add(sources, file);
        self.texts.share(sources);
        let (models, diagnostics) = compile_with(sources, file, &[], &mut |s, name| self.texts.find(s, name));
        // Several paramsets of one name belong together.
        self.loaded.retain(|old| models.iter().all(|new| new.name != old.name));
        self.loaded.extend(models.into_iter().map(Arc::new));
        diagnostics
    }

    /// The model of the module called `name`: exact match first, else the only one that differs by case alone (decision 28).
    /// What there is to say about its file is kept for [`Library::take_diagnostics`].
    pub fn get(&mut self, sources: &mut Sources, name: &str) -> Option<Arc<Model>> {
        let loaded: Vec<String> = self.loaded.iter().map(|m| m.name.clone()).collect();
        if let Some(k) = self.choose(name, &loaded) {
            return Some(self.loaded[k].clone());
        }
        let (path, name) = match self.texts.standard(name) {
            Some(path) => (path, name.to_string()),
            None => {
                let names: Vec<String> = self.list().iter().map(|e| e.name.clone()).collect();
                let entry = self.choose(name, &names).map(|k| self.list()[k].clone())?;
                (entry.path, entry.name)
            }
        };
        if !self.compiled.contains_key(&path) {
            let file = self.texts.embedded_file(sources, &path);
            let (models, diagnostics) = compile_with(sources, file, &[], &mut |s, name| self.texts.find(s, name));
            self.diagnostics.extend(diagnostics);
            self.compiled.insert(path.clone(), models.into_iter().map(Arc::new).collect());
        }
        self.compiled.get(&path)?.iter().find(|m| m.name == name).cloned()
    }

    /// All models called like `model`, which is the first of them: paramsets, of which the values that are given choose one.
    pub fn alternatives(&self, model: &Model) -> Vec<Arc<Model>> {
        let all = self.loaded.iter().chain(self.compiled.values().flatten());
        all.filter(|m| m.name == model.name && m.file == model.file).cloned().collect()
    }

    /// The model like `model` for these values of parameters that decide on its structure (`Model::shape`). What there is to
    /// say about it is kept for [`Library::take_diagnostics`].
    pub fn shaped(&mut self, sources: &mut Sources, model: &Model, values: &BTreeMap<String, f64>) -> Option<Arc<Model>> {
        let bits = values.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect();
        let key = (model.span, bits);
        if let Some(known) = self.shaped.get(&key) {
            return known.clone();
        }
        let find = &mut |s: &mut Sources, name: &str| self.texts.find(s, name);
        let (made, diagnostics) = compile_shaped(sources, model.file, &[], find, model.span, values);
        if has_errors(&diagnostics) {
            self.diagnostics.extend(diagnostics);
        }
        let made = made.map(Arc::new);
        self.shaped.insert(key, made.clone());
        made
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
        loaded.chain(self.list().iter().map(|e| e.name.clone())).collect()
    }

    /// The file of `models/cards` that has a `.model` card of this name, as path and text.
    pub fn card(&self, name: &str) -> Option<(&str, &str)> {
        let holds = |text: &str| cards(text).any(|n| n.eq_ignore_ascii_case(name));
        self.card_files().find(|(_, text)| holds(text))
    }

    /// Names of the cards of `models/cards`.
    pub fn card_names(&self) -> Vec<String> {
        self.card_files().flat_map(|(_, text)| cards(text)).map(str::to_string).collect()
    }

    /// Files of cards: path and text.
    pub fn card_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.texts.iter().filter(|(path, _)| path.ends_with(".lib")).map(|(path, text)| (path.as_str(), text.as_ref()))
    }

    /// The text of a file of `models/`, put among the sources with what it may include.
    pub fn file(&mut self, sources: &mut Sources, path: &str) -> FileId {
        self.texts.embedded_file(sources, path)
    }

    /// The modules of the embedded files, in order of their paths.
    pub fn list(&self) -> &[Entry] {
        self.texts.entries()
    }
}

/// All modules of a file that no deck loads, as models; modules that it lacks are looked for where decks find theirs.
pub fn compile(sources: &mut Sources, file: FileId, search: &[PathBuf]) -> (Vec<Model>, Vec<Diagnostic>) {
    let mut texts = Texts::new();
    texts.share(sources);
    texts.add(sources, file);
    compile_with(sources, file, search, &mut |s, name| texts.find(s, name))
}

impl Texts {
    fn new() -> Texts {
        let mut texts = BTreeMap::new();
        collect(&FILES, &mut texts);
        if let Some(folder) = std::env::var_os(FOLDER) {
            on_top(Path::new(&folder), "models", &mut texts);
        }
        Texts { files: Vec::new(), embedded: OnceCell::new(), texts, shared: false }
    }

    /// The modules of all embedded files, in order of their paths.
    fn entries(&self) -> &[Entry] {
        let of_file = |(path, text): (&String, &Cow<'static, str>)| -> Vec<Entry> {
            let entry = |name: &str| Entry { name: name.to_string(), path: path.clone(), doc: head_comment(text) };
            modules(text).map(entry).collect()
        };
        let all = || self.texts.iter().filter(|(path, _)| path.ends_with(".va")).flat_map(of_file).collect();
        self.embedded.get_or_init(all)
    }

    /// The file of `models/std` that is called like a module and holds it: most decks ask for no others.
    fn standard(&self, name: &str) -> Option<String> {
        let path = format!("models/std/{name}.va");
        let text = self.texts.get(&path)?;
        modules(text).any(|n| n == name).then_some(path)
    }

    /// The file of a path, if it is among those of `.hdl` cards.
    fn file(&self, sources: &Sources, path: &Path) -> Option<FileId> {
        self.files.iter().map(|(file, _)| *file).find(|file| sources.path(*file) == path)
    }

    fn add(&mut self, sources: &Sources, file: FileId) {
        if self.files.iter().all(|(known, _)| *known != file) {
            self.files.push((file, modules(sources.text(file)).map(str::to_string).collect()));
        }
    }

    /// The file that holds the module called `name`.
    fn find(&mut self, sources: &mut Sources, name: &str) -> Option<FileId> {
        if let Some((file, _)) = self.files.iter().rfind(|(_, names)| names.iter().any(|n| n == name)) {
            return Some(*file);
        }
        let folders: Vec<PathBuf> =
            self.files.iter().filter_map(|(f, _)| sources.path(*f).parent().map(Path::to_path_buf)).collect();
        for folder in folders {
            if let Ok(file) = sources.load(&folder.join(format!("{name}.va")))
                && modules(sources.text(file)).any(|n| n == name)
            {
                self.add(sources, file);
                return Some(file);
            }
        }
        let entry = self.entries().iter().find(|e| e.name == name)?;
        let path = entry.path.clone();
        Some(self.embedded_file(sources, &path))
    }

    /// Puts files that are made to be included among the sources.
    fn share(&mut self, sources: &mut Sources) {
        if !std::mem::replace(&mut self.shared, true) {
            for (path, text) in self.texts.iter().filter(|(path, _)| path.ends_with(".vams") || path.ends_with(".inc")) {
                sources.add(Path::new(path), text.to_string());
            }
        }
    }

    /// The text of a file of `models/`, with what it includes.
    fn embedded_file(&mut self, sources: &mut Sources, path: &str) -> FileId {
        self.share(sources);
        if let Some(k) = sources.all().iter().position(|f| f.path == Path::new(path)) {
            return FileId(k as u32);
        }
        let text = self.texts.get(path).map(|text| text.to_string()).unwrap_or_default();
        sources.add(Path::new(path), text)
    }
}

/// Ends of the names of files that models and cards are read from.
const KINDS: [&str; 4] = ["va", "vams", "inc", "lib"];

fn of_interest(path: &Path) -> bool {
    path.extension().is_some_and(|e| KINDS.iter().any(|k| e == *k))
}

/// Finds the texts of an embedded folder.
fn collect(folder: &'static Dir, out: &mut BTreeMap<String, Cow<'static, str>>) {
    for file in folder.files().filter(|f| of_interest(f.path())) {
        out.extend(file.contents_utf8().map(|text| (format!("models/{}", file.path().display()), Cow::Borrowed(text))));
    }
    folder.dirs().for_each(|inner| collect(inner, out));
}

/// Finds the texts of a folder of the disk, which stand for `path` here.
fn on_top(folder: &Path, path: &str, out: &mut BTreeMap<String, Cow<'static, str>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (full, name) = (entry.path(), format!("{path}/{}", entry.file_name().to_string_lossy()));
        if full.is_dir() {
            on_top(&full, &name, out);
        } else if of_interest(&full)
            && let Ok(text) = std::fs::read_to_string(&full)
        {
            out.insert(name, Cow::Owned(text));
        }
    }
}

/// Names of the `.model` cards of a text.
fn cards(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (word, rest) = line.split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case(".model").then(|| rest.split_whitespace().next()).flatten()
    })
}

/// Names that follow the word `module` or `paramset` at the start of a line, or behind attributes.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.rsplit("*)").next()?.trim_start();
        let rest = ["module", "macromodule", "paramset"].iter().find_map(|word| line.strip_prefix(word))?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}
