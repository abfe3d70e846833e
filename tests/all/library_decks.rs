//! Decks that carry the figures asked of them in their own measures (`expect=`): each folder of `netlists/` runs as one test.
//!
//! Decks of the table of `decks.rs` are left to it; decks with a line `* slow:` in their heads run in the gallery alone.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use super::decks::{TESTED, hold, root};

/// All decks as `folder/stem`, in order.
pub fn all() -> Vec<String> {
    let mut out = Vec::new();
    for folder in fs::read_dir(root().join("netlists")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        let decks = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        let name = |path: &Path| path.strip_prefix(root().join("netlists")).unwrap().with_extension("").display().to_string();
        out.extend(decks.filter(|p| p.extension().is_some_and(|e| e == "cir")).map(|p| name(&p)));
    }
    out.sort();
    out
}

fn text(deck: &str) -> String {
    fs::read_to_string(root().join("netlists").join(format!("{deck}.cir"))).unwrap()
}

fn is_slow(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("* slow:"))
}

/// Runs the decks of a folder from number `first` on, every `every`th.
fn folder(name: &str, first: usize, every: usize) {
    let in_folder = |deck: &&String| deck.split('/').next() == Some(name);
    let decks: Vec<String> = all().iter().filter(in_folder).filter(|d| !TESTED.contains(&d.as_str())).cloned().collect();
    let mut wrong = String::new();
    for deck in decks.iter().skip(first).step_by(every).filter(|deck| !is_slow(&text(deck))) {
        if let Err(reason) = catch_unwind(|| hold(deck, &[], &[])) {
            let reason = reason.downcast_ref::<String>().cloned().unwrap_or_default();
            wrong += &format!("--- {deck} ---\n{reason}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

macro_rules! folders {
    ($($name:ident: $folder:literal, $first:literal of $every:literal;)*) => {
        $(#[test]
        fn $name() {
            folder($folder, $first, $every);
        })*

        const FOLDERS: &[&str] = &[$($folder),*];
    };
}

folders! {
    devices_first: "devices", 0 of 2;
    devices_second: "devices", 1 of 2;
    neurons: "neurons", 0 of 1;
    synapses: "synapses", 0 of 1;
    logic: "logic", 0 of 1;
    memory: "memory", 0 of 1;
    crossbar: "crossbar", 0 of 1;
    compute_first: "compute", 0 of 2;
    compute_second: "compute", 1 of 2;
    sensing: "sensing", 0 of 1;
    periphery: "periphery", 0 of 1;
}

#[test]
fn every_deck_runs_and_asks_for_something() {
    let mut stems: Vec<String> = Vec::new();
    for deck in all() {
        let (folder, stem) = deck.split_once('/').unwrap();
        assert!(!stems.contains(&stem.to_string()), "two decks are called {stem}: their goldens would be one folder");
        stems.push(stem.to_string());
        if TESTED.contains(&deck.as_str()) {
            continue;
        }
        assert!(FOLDERS.contains(&folder), "no test runs the decks of netlists/{folder}");
        assert!(text(&deck).contains("expect="), "{deck} asks for no figure");
    }
}
