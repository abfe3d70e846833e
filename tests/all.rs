//! The only test binary, for a fast link.
#[path = "all/ac.rs"]
mod ac;
#[path = "all/activity.rs"]
mod activity;
#[path = "all/arithmetic.rs"]
mod arithmetic;
#[path = "all/arrays.rs"]
mod arrays;
#[path = "all/bad_circuits.rs"]
mod bad_circuits;
#[path = "all/bad_decks.rs"]
mod bad_decks;
#[path = "all/bifurcation.rs"]
mod bifurcation;
#[path = "all/catalogue.rs"]
mod catalogue;
#[path = "all/cli.rs"]
mod cli;
#[path = "all/crossbar.rs"]
mod crossbar;
#[path = "all/decks.rs"]
mod decks;
#[path = "all/determinism.rs"]
mod determinism;
#[path = "all/diagnostics.rs"]
mod diagnostics;
#[path = "all/eigenvalues.rs"]
mod eigenvalues;
#[path = "all/elaborate.rs"]
mod elaborate;
#[path = "all/entries.rs"]
mod entries;
#[path = "all/envelope.rs"]
mod envelope;
#[path = "all/events.rs"]
mod events;
#[path = "all/exactness.rs"]
mod exactness;
#[path = "all/frontend.rs"]
mod frontend;
#[path = "all/fronts.rs"]
mod fronts;
#[path = "all/fuzz.rs"]
mod fuzz;
#[path = "all/gallery.rs"]
mod gallery;
#[path = "all/ir.rs"]
mod ir;
#[path = "all/language.rs"]
mod language;
#[path = "all/language_decks.rs"]
mod language_decks;
#[path = "all/library.rs"]
mod library;
#[path = "all/library_decks.rs"]
mod library_decks;
#[path = "all/lint.rs"]
mod lint;
#[path = "all/measure.rs"]
mod measure;
#[path = "all/mistakes.rs"]
mod mistakes;
#[path = "all/models.rs"]
mod models;
#[allow(dead_code)]
#[path = "bench/modules.rs"]
mod modules;
#[path = "all/native.rs"]
mod native;
#[path = "all/netlist.rs"]
mod netlist;
#[path = "all/noise.rs"]
mod noise;
#[path = "all/numerics.rs"]
mod numerics;
#[path = "all/operators.rs"]
mod operators;
#[path = "all/ordering.rs"]
mod ordering;
#[path = "all/output.rs"]
mod output;
#[path = "all/pace.rs"]
mod pace;
#[path = "all/periodic.rs"]
mod periodic;
#[path = "all/physics.rs"]
mod physics;
#[path = "all/plots.rs"]
mod plots;
#[path = "bench/precision.rs"]
mod precision;
#[path = "all/repeat.rs"]
mod repeat;
#[path = "all/rough.rs"]
mod rough;
#[path = "all/runs.rs"]
mod runs;
#[path = "all/scale.rs"]
mod scale;
#[path = "all/shaken.rs"]
mod shaken;
#[path = "all/slopes.rs"]
mod slopes;
#[path = "all/sparse.rs"]
mod sparse;
#[path = "all/spread.rs"]
mod spread;
#[path = "all/streams.rs"]
mod streams;
#[path = "all/structure.rs"]
mod structure;
#[path = "all/sweeps.rs"]
mod sweeps;
#[path = "all/system_tasks.rs"]
mod system_tasks;
#[allow(dead_code)]
#[path = "all/systems.rs"]
mod systems;
#[path = "all/tidy.rs"]
mod tidy;
#[path = "all/ties.rs"]
mod ties;
#[allow(dead_code)]
#[path = "all/toy.rs"]
mod toy;
#[path = "all/trains.rs"]
mod trains;
#[path = "all/transient.rs"]
mod transient;
