//! What was understood of a file, without simulating: `memspice check`, `show` and `models`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::dae::{RowKind, System};
use crate::diag::{self, Diagnostic, Severity};
use crate::lint;
use crate::mna::Mna;
use crate::model::library::{self, Library};
use crate::model::{Formula, Model, ParamKind, Range};
use crate::netlist::{
    self,
    ast::{Name, Scope},
};
use crate::report;
use crate::run::{RunReport, analyses, prepare};
use crate::span::{Disk, Sources};

mod equations;

fn is_model(file: &Path) -> bool {
    file.extension().is_some_and(|e| ["va", "vams"].iter().any(|x| e.eq_ignore_ascii_case(x)))
}

/// Everything that can be known of decks and Verilog-A files without simulating.
pub fn check(files: &[PathBuf]) -> RunReport {
    let mut report = RunReport::default();
    for file in files {
        let mut sources = Sources::new(Box::new(Disk));
        let (what, found) = if is_model(file) { check_model(file, &mut sources) } else { check_deck(file, &mut sources) };
        report.diagnostics.push_str(&diag::render(&found, &sources, false));
        let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
        let warnings = found.iter().filter(|d| d.severity == Severity::Warning).count();
        let _ = match errors {
            0 => writeln!(report.text, "{}: {what}, {}", file.display(), plural(warnings, "warning")),
            _ => writeln!(report.text, "{}: {}, {}", file.display(), plural(errors, "error"), plural(warnings, "warning")),
        };
        if errors > 0 {
            report.exit = 2;
        }
    }
    report
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn check_model(file: &Path, sources: &mut Sources) -> (String, Vec<Diagnostic>) {
    let (models, mut found) = compile(file, sources);
    let names: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
    if let Some(first) = models.first() {
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        found.extend(lint::check(sources, first.file, &[folder], &models));
    }
    (format!("module {}", names.join(", ")), found)
}

fn compile(file: &Path, sources: &mut Sources) -> (Vec<Model>, Vec<Diagnostic>) {
    match sources.load(file) {
        Ok(id) => {
            let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
            library::compile(sources, id, &[folder])
        }
        Err(error) => (Vec::new(), vec![Diagnostic::anywhere(format!("cannot read {}: {error}", file.display()))]),
    }
}

fn check_deck(file: &Path, sources: &mut Sources) -> (String, Vec<Diagnostic>) {
    let (mna, mut found) = match prepare(file, &[], sources) {
        Ok(prepared) => prepared,
        Err(found) => return (String::new(), found),
    };
    found.extend(analyses(&mna).err().unwrap_or_default());
    found.extend(report::check_measures(&mna).err().unwrap_or_default());
    found.extend(report::plots(&mna).err().unwrap_or_default());
    let circuit = mna.circuit();
    let (devices, _) = mna.sizes();
    let counts = format!(
        "{devices} devices, {} sources, {} unknowns, {}",
        circuit.sources.len(),
        mna.layout().unknowns.len(),
        plural(circuit.analyses.len(), "analysis").replace("analysiss", "analyses")
    );
    (counts, found)
}

/// Unknowns, equations, derivatives and matrix pattern of a deck or a model; of large models a summary, unless `full`.
pub fn show(file: &Path, full: bool) -> RunReport {
    let mut sources = Sources::new(Box::new(Disk));
    let mut report = RunReport::default();
    let found = if is_model(file) {
        let (models, found) = compile(file, &mut sources);
        for model in &models {
            model_page(model, &sources, if full { usize::MAX } else { LONGEST_LIST }, &mut report.text);
            equations::equations(model, full, &mut report.text);
        }
        found
    } else {
        match prepare(file, &[], &mut sources) {
            Ok((mna, found)) => {
                if let Ok(id) = sources.load(file) {
                    let (mut deck, _) = netlist::parse(&mut sources, id);
                    deck.unpack(&sources);
                    let _ = writeln!(report.text, "tree");
                    tree(&deck.top, 1, &mut report.text);
                    report.text.push('\n');
                }
                deck_page(&mna, &mut report.text);
                found
            }
            Err(found) => found,
        }
    };
    report.exit = if diag::has_errors(&found) { 2 } else { 0 };
    report.diagnostics = diag::render(&found, &sources, false);
    report
}

/// What a deck declares, as it was read: one line each, subcircuits with what stands in them.
fn tree(scope: &Scope, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let names = |list: &[Name]| list.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(" ");
    for p in &scope.parameters {
        let _ = writeln!(out, "{indent}.param {}", p.name.text);
    }
    for m in &scope.models {
        let _ = writeln!(out, "{indent}.model {} {}", m.name.text, m.kind.text);
    }
    for s in &scope.subcircuits {
        let _ = writeln!(out, "{indent}.subckt {} {}", s.name.text, names(&s.ports));
        tree(&s.scope, depth + 1, out);
    }
    for e in &scope.elements {
        let model = e.model.as_ref().map_or("", |m| m.text.as_str());
        let _ = writeln!(out, "{indent}{} {} {model}", e.name.text, names(&e.nodes));
    }
}

fn deck_page(mna: &Mna, out: &mut String) {
    let (circuit, layout, pattern) = (mna.circuit(), mna.layout(), mna.pattern());
    let _ = writeln!(out, "{}\n\nunknowns", circuit.title);
    for (k, unknown) in layout.unknowns.iter().enumerate() {
        let quantity = &layout.quantities[unknown.quantity as usize];
        let kind = match unknown.row {
            RowKind::Equilibrium => "",
            RowKind::Held => "  held at its start value in static analyses",
            RowKind::Anchored => "  anchored in static analyses",
        };
        let _ = writeln!(out, "  {k:>4}  {}  {} {}{kind}", unknown.name, quantity.name, bracketed(&quantity.unit));
    }
    let _ = writeln!(out, "\ndevices");
    for instance in &circuit.instances {
        let nodes: Vec<String> = instance.terminals.iter().map(|t| mna.terminal_name(*t)).collect();
        let _ = writeln!(out, "  {}  {}({})", instance.name, circuit.models[instance.model as usize].name, nodes.join(", "));
    }
    let _ = writeln!(out, "\nmatrix: {} unknowns, {} entries", pattern.n, pattern.len());
    if pattern.n <= LARGEST_PICTURE {
        picture(mna, out);
    }
}

/// Largest matrix whose pattern is drawn.
const LARGEST_PICTURE: usize = 60;

fn picture(mna: &Mna, out: &mut String) {
    let pattern = mna.pattern();
    for row in 0..pattern.n {
        let mark = |c: usize| if pattern.rows[pattern.column(c)].contains(&(row as u32)) { 'x' } else { '.' };
        let line: String = (0..pattern.n).map(mark).collect();
        let _ = writeln!(out, "  {line}  {}", mna.layout().unknowns[row].name);
    }
}

fn bracketed(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("({unit})") }
}

/// Parameters, and operating-point variables, that `show` lists.
const LONGEST_LIST: usize = 80;

/// The documentation of a model: its head comment, terminals, states and parameters; lists are cut behind `longest` lines.
fn model_page(model: &Model, sources: &Sources, longest: usize, out: &mut String) {
    let ports: Vec<&str> = model.unknowns[..model.ports].iter().map(|u| u.name.as_str()).collect();
    let _ = writeln!(out, "module {}({})   {}\n", model.name, ports.join(", "), sources.place(model.span));
    if !model.doc.is_empty() {
        let _ = writeln!(out, "{}\n", model.doc.trim_end());
    }
    let internal = &model.unknowns[model.ports..];
    if !internal.is_empty() {
        let _ = writeln!(out, "unknowns of its own");
        for unknown in internal {
            let kept = if unknown.held { ", nonvolatile: held in static analyses" } else { "" };
            let _ = writeln!(out, "  {:<12} {} {}{kept}", unknown.name, unknown.quantity, bracketed(&unknown.unit));
        }
        out.push('\n');
    }
    let own: Vec<_> = model.params.iter().enumerate().filter(|(_, p)| !p.local).collect();
    if !own.is_empty() {
        let _ = writeln!(out, "parameters");
        for (k, p) in own.iter().take(longest) {
            let default = match (&p.default, p.kind) {
                (Formula::Number(v), ParamKind::Text) => format!("\"{}\"", model.strings.get(*v as usize).map_or("", |s| s)),
                (Formula::Number(v), _) => plain(*v),
                (Formula::Function(_), _) => "(depends on others)".to_string(),
            };
            let ranges: Vec<String> = p.ranges.iter().map(range).collect();
            let shapes = if model.shape.iter().any(|(shaping, _)| *shaping == *k as u32) { " (decides on structure)" } else { "" };
            let _ = writeln!(out, "  {:<12} = {default:<12} {:<14} {}{shapes}", p.name, ranges.join(" "), p.description);
        }
        more(own.len(), longest, out);
        out.push('\n');
    }
    if !model.variables.is_empty() {
        let _ = writeln!(out, "operating-point variables");
        for v in model.variables.iter().take(longest) {
            let _ = writeln!(out, "  @x[{}]  {} {}", v.name, v.description, bracketed(&v.unit));
        }
        more(model.variables.len(), longest, out);
        out.push('\n');
    }
    if !model.retained.is_empty() {
        let names: Vec<&str> = model.retained.iter().map(|r| r.name.as_str()).collect();
        let _ = writeln!(out, "retained from point to point: {}\n", names.join(", "));
    }
}

/// Says how many lines were left out.
fn more(count: usize, longest: usize, out: &mut String) {
    if count > longest {
        let _ = writeln!(out, "  ... and {} more (--full lists all)", count - longest);
    }
}

/// A number as people write it: 5190000000, 2.14e-10.
fn plain(v: f64) -> String {
    let text = format!("{v:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

fn range(r: &Range) -> String {
    let end = |f: &Formula| match f {
        Formula::Number(v) => plain(*v),
        Formula::Function(_) => "(...)".to_string(),
    };
    let (open, close) = (if r.low_closed { '[' } else { '(' }, if r.high_closed { ']' } else { ')' });
    match (&r.low, &r.high) {
        (Formula::Number(a), Formula::Number(b)) if a == b => format!("{} {}", if r.exclude { "not" } else { "only" }, plain(*a)),
        _ => format!("{}{open}{}:{}{close}", if r.exclude { "not " } else { "" }, end(&r.low), end(&r.high)),
    }
}

/// All models that come along, or the documentation of one.
pub fn models(name: Option<&str>) -> RunReport {
    let mut sources = Sources::new(Box::new(Disk));
    let mut library = Library::new();
    let mut report = RunReport::default();
    match name {
        None => {
            for entry in library.list() {
                let _ = writeln!(report.text, "  {:<12} {:<32} {}", entry.name, entry.path, entry.doc.lines().next().unwrap_or(""));
            }
        }
        Some(name) => match library.get(&mut sources, name) {
            Some(model) => model_page(&model, &sources, usize::MAX, &mut report.text),
            None => {
                let names = library.names();
                let near = diag::nearest(name, names.iter().map(String::as_str));
                let hint = near.map_or_else(|| "`memspice models` lists them".to_string(), |n| format!("did you mean `{n}`?"));
                report.diagnostics = format!("error: no model is called `{name}`\n  hint: {hint}\n");
                report.exit = 2;
            }
        },
    }
    report
}
