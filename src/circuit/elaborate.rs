//! Deck to circuit: hierarchy flattened, names resolved, all numbers in one graph.
//!
//! The order is that of dependence: files, parameters of the top level, devices, cards about results, numbers, checks.

use std::path::{Path, PathBuf};

use crate::circuit::data::DataFiles;
use crate::circuit::graph::Values;
use crate::circuit::scope::{Scopes, TOP};
use crate::circuit::{
    Circuit, Root, check, controls, flatten::Flattener, measures, options, outputs, overrides, ranges, starts, stimulus,
};
use crate::diag::{Diagnostic, has_errors};
use crate::model::library::Library;
use crate::netlist::ast::Deck;
use crate::span::Sources;

/// Elaborates a deck. `overrides` replace the values of top-level parameters (`--set`, `.step`).
///
/// The circuit is there if none of the messages is an error.
pub fn elaborate(
    deck: &Deck,
    library: &mut Library,
    sources: &mut Sources,
    overrides: &[(String, f64)],
) -> (Option<Circuit>, Vec<Diagnostic>) {
    let loaded = load(deck, library, sources);
    let mut scopes = Scopes::new(&deck.top, [options::temperature(deck), options::seed(deck)], overrides, DataFiles::new(sources));
    scopes.found.extend(loaded);
    scopes.temperature();
    scopes.force(TOP);
    let mut root_values = scopes.graph.evaluate_roots(&scopes.roots);
    let mut fl = Flattener::new(deck, scopes, library, sources);
    fl.run();
    overrides::apply(&mut fl, overrides);
    let pending_options = options::read(&mut fl, deck);
    starts::read(&mut fl, deck);
    let pending = controls::read(&mut fl, deck);
    let pending_plots = outputs::read(&mut fl, deck);
    let pending_measures = measures::read(&mut fl, deck);
    let Flattener { scopes, mut circuit, checks, shaping, .. } = fl;
    let mut found = scopes.found;
    found.extend(library.take_diagnostics());
    // The root of the seed, where an element was the first to draw.
    for root in &scopes.roots[root_values.len()..] {
        root_values.push(scopes.graph.worth(root.value, &scopes.roots));
    }
    circuit.roots = scopes.roots;
    circuit.seed_root = scopes.seed_root;
    circuit.expressions = scopes.graph.finish();
    let values = Values::new(&circuit.expressions, &root_values);
    let on_cards = [
        options::numbers(&pending_options),
        pending.numbers(),
        outputs::numbers(&pending_plots),
        pending_measures.numbers(),
        shaping,
    ];
    circuit.card_roots = overrides::roots_behind(&circuit, &on_cards.concat());
    let shaping = |root: &&Root| deck.shaping.iter().any(|name| root.name.eq_ignore_ascii_case(name));
    let loops: Vec<String> = circuit.roots.iter().filter(shaping).map(|root| root.name.clone()).collect();
    circuit.card_roots.extend(loops);
    options::finish(&mut circuit, pending_options, &values, &mut found);
    let temperature = circuit.roots.iter().zip(&root_values).find(|(root, _)| root.name == "temp").map(|(_, value)| *value);
    circuit.options.temp = temperature.unwrap_or(circuit.options.temp);
    if let Some((_, seed)) = overrides.iter().find(|(name, _)| name.eq_ignore_ascii_case("seed")) {
        circuit.options.seed = *seed as u64;
    }
    controls::finish(&mut circuit, pending, &values, &mut found);
    outputs::finish(&mut circuit, pending_plots, &values);
    found.extend(stimulus::edges(&circuit, &values));
    measures::finish(&mut circuit, pending_measures, &values);
    let temperature = circuit.options.temp;
    found.extend(ranges::check(&circuit, &values, temperature, &checks));
    if !has_errors(&found) {
        found.extend(check::check(&mut circuit, &values));
    }
    circuit.files = sources.all().iter().map(|f| f.path.clone()).collect();
    sort(&mut found);
    (if has_errors(&found) { None } else { Some(circuit) }, found)
}

/// Loads the files of `.hdl` cards. A message without a place is about the card.
fn load(deck: &Deck, library: &mut Library, sources: &mut Sources) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let paths: Vec<PathBuf> = deck.verilog.iter().map(|file| PathBuf::from(&file.text)).collect();
    library.announce(sources, &paths);
    for file in &deck.verilog {
        for mut message in library.load(sources, Path::new(&file.text)) {
            if message.labels.is_empty() {
                message = message.label(file.span, "named here");
            }
            found.push(message);
        }
    }
    found
}

/// By place, those without a place first.
fn sort(found: &mut Vec<Diagnostic>) {
    found.sort_by_key(|d| d.span().map(|s| (s.file, s.start, d.severity)));
    found.dedup();
}
