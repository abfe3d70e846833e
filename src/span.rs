//! Source positions, loaded texts, and the only door through which text is read.
//!
//! Takes paths, gives texts with a [`FileId`]; every token, tree node and IR value carries a [`Span`] into one of them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Index of a loaded text in [`Sources`], or of the text that one use of a macro brought (see [`Expansion`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FileId(pub u32);

/// Byte range `start..end` of one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// The file that the offsets count in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; `self` when they lie in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Where texts come from. The simulator reads no text by any other way.
pub trait Files: Send + Sync {
    /// The whole content of `path`.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The file system.
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Texts held in memory, for tests and embedding.
#[derive(Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

/// One loaded text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as the user would write it.
    pub path: PathBuf,
    /// The content; bytes that are not UTF-8 are replaced, which keeps byte offsets only up to the first of them.
    pub text: Arc<str>,
}

/// Numbers of files from here on stand for uses of macros.
const FIRST_EXPANSION: u32 = 1 << 31;

/// One use of a macro. A span whose file is that of an expansion counts bytes in the file that defines the macro, and
/// knows by the expansion where the macro was used.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// Name of the macro.
    pub name: Arc<str>,
    /// Where it is used; this may lie in another expansion.
    pub call: Span,
    /// Where its text stands; this may be another expansion, for macros that define macros.
    pub file: FileId,
}

/// All texts of one run, in order of loading.
pub struct Sources {
    files: Arc<dyn Files>,
    loaded: Vec<SourceFile>,
    expansions: Vec<Expansion>,
}

impl Sources {
    /// An empty set that reads through `files`.
    pub fn new(files: Box<dyn Files>) -> Sources {
        Sources { files: Arc::from(files), loaded: Vec::new(), expansions: Vec::new() }
    }

    /// The reading door, for data that are read when texts are no longer.
    pub fn door(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    /// Reads `path` and keeps it.
    ///
    /// # Errors
    /// What the reading door says.
    pub fn load(&mut self, path: &Path) -> io::Result<FileId> {
        let bytes = self.files.read(path)?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(bad) => latin1(bad.as_bytes()),
        };
        Ok(self.add(path, text))
    }

    /// The content of `path`, which is not kept: data, not source text.
    ///
    /// # Errors
    /// What the reading door says.
    pub fn peek(&self, path: &Path) -> io::Result<String> {
        let bytes = self.files.read(path)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|bad| latin1(bad.as_bytes())))
    }

    /// The text of a file that holds data; it is not kept.
    ///
    /// # Errors
    /// What the reading door says.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = self.files.read(path)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|bad| latin1(bad.as_bytes())))
    }

    /// Keeps a text that did not come from a file.
    pub fn add(&mut self, path: &Path, text: String) -> FileId {
        self.loaded.push(SourceFile { path: path.to_path_buf(), text: text.into() });
        FileId(self.loaded.len() as u32 - 1)
    }

    /// Keeps one use of a macro; gives the file of spans in the text that it brought.
    pub fn expand(&mut self, expansion: Expansion) -> FileId {
        self.expansions.push(expansion);
        FileId(FIRST_EXPANSION + self.expansions.len() as u32 - 1)
    }

    /// The use of a macro that `file` stands for, if it is not a text of its own.
    pub fn expansion(&self, file: FileId) -> Option<&Expansion> {
        self.expansions.get(file.0.checked_sub(FIRST_EXPANSION)? as usize)
    }

    /// Where the text of `span` is written: inside of the definition, for what a macro brought.
    pub fn spelled(&self, span: Span) -> Span {
        let mut file = span.file;
        while let Some(expansion) = self.expansion(file) {
            file = expansion.file;
        }
        Span { file, ..span }
    }

    /// Where the text of `span` is used: the outermost use, for what a macro brought.
    pub fn used(&self, mut span: Span) -> Span {
        while let Some(expansion) = self.expansion(span.file) {
            span = expansion.call;
        }
        span
    }

    fn written(&self, file: FileId) -> Option<&SourceFile> {
        self.loaded.get(self.spelled(Span { file, ..Span::default() }).file.0 as usize)
    }

    /// The text of `file`.
    pub fn text(&self, file: FileId) -> &str {
        self.written(file).map_or("", |f| &f.text)
    }

    /// The text of `file`, to be held while other texts are loaded.
    pub fn shared(&self, file: FileId) -> Arc<str> {
        self.written(file).map_or_else(|| Arc::from(""), |f| f.text.clone())
    }

    /// The path of `file`.
    pub fn path(&self, file: FileId) -> &Path {
        self.written(file).map_or(Path::new(""), |f| &f.path)
    }

    /// The text that `span` covers.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// `path:line` of the start of `span`, lines counted from 1; that of the use, for what a macro brought.
    pub fn place(&self, span: Span) -> String {
        let span = self.used(span);
        let line = self.text(span.file).bytes().take(span.start as usize).filter(|b| *b == b'\n').count() + 1;
        format!("{}:{line}", self.path(span.file).display())
    }

    /// All files, in order of loading.
    pub fn all(&self) -> &[SourceFile] {
        &self.loaded
    }
}

/// Text that is not UTF-8 is read byte by byte as Latin-1, so that no input is refused for its encoding alone.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| *b as char).collect()
}
