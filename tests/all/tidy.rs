//! The import table of ARCHITECTURE.md and the rules of style that a machine can hold.

use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms that it may use. `lib`, `main`, `run` and `report` join everything and are not listed.
const IMPORTS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("span", &[]),
    ("clock", &[]),
    ("matrix", &[]),
    ("sparse", &["clock"]),
    ("diag", &["span"]),
    ("args", &["span", "diag", "units"]),
    ("ir", &["span"]),
    ("veriloga", &["model", "ir", "span", "diag", "units"]),
    ("netlist", &["ir", "args", "span", "diag", "units"]),
    ("model", &["veriloga", "ir", "span", "diag", "units"]),
    ("lint", &["veriloga", "model", "ir", "span", "diag"]),
    ("circuit", &["matrix", "netlist", "model", "ir", "args", "span", "diag", "units"]),
    ("dae", &["sparse", "span", "diag"]),
    ("mna", &["circuit", "model", "ir", "dae", "sparse", "span", "diag", "units"]),
    ("solve", &["dae", "sparse"]),
    ("wave", &["units", "ir", "args"]),
    ("analysis", &["clock", "dae", "solve", "sparse", "wave", "args", "diag"]),
    ("output", &["clock", "matrix", "wave", "args", "diag", "units"]),
];

/// Files that may join everything.
const JOINERS: &[&str] = &["lib.rs", "main.rs", "run.rs", "report.rs", "show.rs", "gallery.rs", "catalogue.rs", "portrait.rs"];
/// Folders of files that may join everything.
const JOINING: &[&str] = &["show", "report", "run", "gallery", "catalogue", "portrait"];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("readable folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out.sort();
    out
}

/// First component of the path below `src`, without ending: the room.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let first = below.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_string()
}

fn name(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the project").display().to_string()
}

/// Rooms that a text names as `crate::room`.
fn uses(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for line in text.lines().map(str::trim_start).filter(|l| !l.starts_with("//")) {
        for part in line.split("crate::").skip(1) {
            let word: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            out.push(word);
            if let Some(group) = part.strip_prefix('{') {
                let names = group
                    .split(',')
                    .map(|n| n.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
                out.extend(names);
            }
        }
    }
    out.retain(|w| IMPORTS.iter().any(|(room, _)| room == w));
    out
}

#[test]
fn rooms_import_what_the_table_allows() {
    let mut wrong = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let joins = |p: &Path| JOINERS.iter().any(|j| p == src.join(j)) || JOINING.iter().any(|j| p.starts_with(src.join(j)));
    for path in sources().iter().filter(|p| !joins(p)) {
        let here = room(path);
        let allowed = IMPORTS.iter().find(|(r, _)| *r == here).unwrap_or_else(|| panic!("room `{here}` is not in the table")).1;
        for used in uses(&fs::read_to_string(path).expect("text")) {
            if used != here && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {here} may not use {used}", name(path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("text");
        let lines = text.lines().count();
        if lines > 800 {
            wrong.push(format!("{}: {lines} lines, more than one idea", name(&path)));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: no head comment", name(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_unfinished_and_nothing_prints() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("text");
        let prints = !path.ends_with("src/main.rs");
        for (k, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            for word in ["todo!(", "unimplemented!(", "dbg!(", ".unwrap()"] {
                if line.contains(word) {
                    wrong.push(format!("{}:{}: {word}", name(&path), k + 1));
                }
            }
            if prints && ["println!(", "eprintln!(", "print!("].iter().any(|w| line.contains(w)) {
                wrong.push(format!("{}:{}: prints", name(&path), k + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let allowed = [
        "src/ir/simd.rs",
        "src/ir/registers.rs",
        "src/ir/native.rs",
        "src/ir/native/none.rs",
        "src/mna/scatter.rs",
        "src/mna/sums.rs",
        "src/sparse/columns.rs",
        "src/sparse/dense.rs",
    ];
    for path in sources().iter().filter(|p| !allowed.iter().any(|a| p.ends_with(a))) {
        let text = fs::read_to_string(path).expect("text");
        let code =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).any(|l| l.contains("unsafe {") || l.contains("unsafe fn"));
        assert!(!code, "{}: unsafe", name(path));
    }
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let is_function = ["fn ", "pub fn ", "const fn ", "pub const fn ", "unsafe fn "].iter().any(|w| head.starts_with(w));
            if !is_function {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indent));
            let length = lines[start..].iter().position(|l| *l == close).unwrap_or(0);
            if length > 100 {
                wrong.push(format!("{}:{}: {length} lines", name(&path), start + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
