//! Finds models by module name among the files of `models/` and those loaded by `.hdl`.

use std::path::Path;
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::model::Model;
use crate::span::Sources;

/// Models by name.
#[derive(Default)]
pub struct Library {
    models: Vec<Arc<Model>>,
}

impl Library {
    /// An empty library.
    pub fn new() -> Library {
        Library::default()
    }

    /// Adds a model that does not come from a file.
    pub fn add(&mut self, model: Arc<Model>) {
        self.models.push(model);
    }

    /// The model of the module called `name`.
    pub fn get(&mut self, _sources: &mut Sources, name: &str) -> Option<Arc<Model>> {
        self.models.iter().find(|m| m.name.eq_ignore_ascii_case(name)).cloned()
    }

    /// Loads the modules of a file.
    pub fn load(&mut self, _sources: &mut Sources, _path: &Path) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Names of all modules.
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|m| m.name.clone()).collect()
    }
}
