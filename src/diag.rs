//! What is wrong with the user's text: message, places, hints; shown under the source line.

use crate::span::{Sources, Span};
use codespan_reporting::diagnostic as csr;
use codespan_reporting::files::SimpleFiles;
use codespan_reporting::term;

/// How much it matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used, perhaps not as meant.
    Warning,
    /// For information.
    Note,
}

/// One message about the user's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence without a final full stop.
    pub message: String,
    /// Places with a remark each; the first one is the place of the message.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, span, message)
    }

    /// A warning at `span`.
    pub fn warning(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, span, message)
    }

    /// A note at `span`.
    pub fn note(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Note, span, message)
    }

    /// An error without a place in any text.
    pub fn anywhere(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, message: message.into(), labels: Vec::new(), hints: Vec::new() }
    }

    fn new(severity: Severity, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity, message: message.into(), labels: vec![(span, String::new())], hints: Vec::new() }
    }

    /// Sets the remark under the first place, typically what was expected there.
    #[must_use]
    pub fn expected(mut self, remark: impl Into<String>) -> Diagnostic {
        if let Some(first) = self.labels.first_mut() {
            first.1 = remark.into();
        }
        self
    }

    /// Adds a further place with a remark.
    #[must_use]
    pub fn label(mut self, span: Span, remark: impl Into<String>) -> Diagnostic {
        self.labels.push((span, remark.into()));
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hints.push(hint.into());
        self
    }

    /// Adds "did you mean `x`?" when one of `candidates` is near `name`.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        match nearest(name, candidates) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// The place of the message.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|l| l.0)
    }
}

/// True if any of `diagnostics` is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

/// The candidate nearest to `name`, if any is near enough to be a slip of the hand; case does not count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = name.len() / 3 + 1;
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, c)| c)
}

/// All of `diagnostics`, sorted by place, each under its source line; plain text or with terminal colours.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let mut sorted: Vec<Diagnostic> = diagnostics.iter().map(|d| unfolded(d, sources)).collect();
    sorted.sort_by_key(|d| d.span());
    sorted.dedup();
    // Texts are looked through line by line: those that no message is about are left out, however large.
    let mut named = vec![false; sources.all().len()];
    for (span, _) in sorted.iter().flat_map(|d| &d.labels) {
        named.iter_mut().skip(span.file.0 as usize).take(1).for_each(|named| *named = true);
    }
    let mut files = SimpleFiles::new();
    for (file, named) in sources.all().iter().zip(named) {
        files.add(file.path.display().to_string(), if named { clip_long_lines(&file.text) } else { String::new() });
    }
    let config = term::Config::default();
    let mut out = String::new();
    for diagnostic in sorted {
        let shown = to_codespan(&diagnostic, sources);
        let result = if colour {
            let mut buffer = term::termcolor::Buffer::ansi();
            let written = term::emit_to_write_style(&mut buffer, &config, &files, &shown);
            out.push_str(&String::from_utf8_lossy(buffer.as_slice()));
            written
        } else {
            term::emit_to_string(&mut out, &config, &files, &shown)
        };
        if result.is_err() {
            out.push_str(&format!("{:?}: {}\n", diagnostic.severity, diagnostic.message));
        }
    }
    out
}

/// The same message about places in files: what a macro brought is shown where it is used, and below it in the definitions.
fn unfolded(diagnostic: &Diagnostic, sources: &Sources) -> Diagnostic {
    let mut labels: Vec<(Span, String)> = Vec::new();
    let mut chain: Vec<(Span, String)> = Vec::new();
    for (k, (span, remark)) in diagnostic.labels.iter().enumerate() {
        labels.push((sources.used(*span), remark.clone()));
        let mut at = *span;
        while let Some(expansion) = sources.expansion(at.file).filter(|_| k == 0) {
            chain.push((sources.spelled(at), format!("in expansion of ``{}`", expansion.name)));
            at = expansion.call;
        }
    }
    // A macro that goes on and on says so with its first and its last links.
    if chain.len() > LONGEST_CHAIN {
        chain.drain(LONGEST_CHAIN / 2..chain.len() - LONGEST_CHAIN / 2);
    }
    labels.extend(chain);
    labels.retain({
        let mut seen = Vec::new();
        move |label: &(Span, String)| {
            let new = !seen.contains(label);
            seen.push(label.clone());
            new
        }
    });
    Diagnostic { labels, ..diagnostic.clone() }
}

/// Links of a chain of macros that are shown.
const LONGEST_CHAIN: usize = 8;

/// A line of a megabyte would be printed as such; beyond this many bytes a text is shown without its tail.
const LONGEST_LINE: usize = 400;

fn clip_long_lines(text: &str) -> String {
    if text.lines().all(|l| l.len() <= LONGEST_LINE) {
        return text.to_string();
    }
    // Blanks keep the byte offsets of everything that follows.
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut cut = LONGEST_LINE.min(line.len());
        while !line.is_char_boundary(cut) {
            cut -= 1;
        }
        out.push_str(&line[..cut]);
        let ends = line.ends_with('\n') && cut < line.len();
        out.extend(std::iter::repeat_n(' ', line.len() - cut - usize::from(ends)));
        if ends {
            out.push('\n');
        }
    }
    out
}

fn to_codespan(d: &Diagnostic, sources: &Sources) -> csr::Diagnostic<usize> {
    let severity = match d.severity {
        Severity::Error => csr::Severity::Error,
        Severity::Warning => csr::Severity::Warning,
        Severity::Note => csr::Severity::Note,
    };
    let labels =
        d.labels.iter().enumerate().filter(|(_, (s, _))| (s.file.0 as usize) < sources.all().len()).map(|(k, (span, remark))| {
            let style = if k == 0 { csr::LabelStyle::Primary } else { csr::LabelStyle::Secondary };
            let length = sources.text(span.file).len();
            let range = (span.start as usize).min(length)..(span.end as usize).min(length);
            csr::Label::new(style, span.file.0 as usize, range).with_message(remark)
        });
    csr::Diagnostic::new(severity)
        .with_message(&d.message)
        .with_labels(labels.collect())
        .with_notes(d.hints.iter().map(|h| format!("hint: {h}")).collect())
}
