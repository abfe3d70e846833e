//! What was understood of a file, without simulating: `memspice check` and `show`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::catalogue;
use crate::dae::{RowKind, System};
use crate::diag::{self, Diagnostic, Severity};
use crate::lint;
use crate::mna::Mna;
use crate::model::Model;
use crate::model::library;
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
            catalogue::page(model, None, &sources, if full { usize::MAX } else { LONGEST_LIST }, &mut report.text);
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

/// Parameters, and operating-point variables, that `show` lists.
const LONGEST_LIST: usize = 80;

fn bracketed(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("({unit})") }
}
