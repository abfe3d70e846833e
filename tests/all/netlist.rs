//! Decks to trees: form by form, messages, mutations; and measures against hand numbers.

use std::path::Path;

use memspice::diag::{self, Diagnostic};
use memspice::netlist::{self, ast::Deck};
use memspice::span::{MemoryFiles, Sources};

/// Parses `text` as `deck.cir`, with further files.
fn parse_with(text: &str, files: &[(&str, &str)]) -> (Deck, Vec<Diagnostic>, Sources) {
    let memory = files.iter().map(|(path, text)| (Path::new(path).to_path_buf(), text.as_bytes().to_vec())).collect();
    let mut sources = Sources::new(Box::new(MemoryFiles(memory)));
    let file = sources.add(Path::new("deck.cir"), text.to_string());
    let (deck, diagnostics) = netlist::parse(&mut sources, file);
    (deck, diagnostics, sources)
}

/// Parses a deck that must be without any message.
fn good(text: &str) -> Deck {
    let (deck, diagnostics, sources) = parse_with(text, &[]);
    assert!(diagnostics.is_empty(), "{}", diag::render(&diagnostics, &sources, false));
    deck
}

#[test]
fn an_rc_deck() {
    let deck = good(
        "RC low pass\nV1 in 0 dc 0 pulse(0 1 0 1n 1n 5u 10u)\nR1 in out 1k\nC1 out 0 {1n*2} ic=0\n.tran 10n 20u uic\n.print v(out)\n.end\n",
    );
    assert_eq!(deck.title, "RC low pass");
    assert_eq!(deck.top.elements.len(), 3);
    assert_eq!(deck.top.elements[0].waveform.as_ref().unwrap().arguments.len(), 7);
    assert_eq!(deck.analyses[0].fields.len(), 3);
}
