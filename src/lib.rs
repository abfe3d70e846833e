//! memspice: a SPICE-class circuit simulator for memristors and every other device that carries state.

pub mod analysis;
pub mod args;
pub mod catalogue;
pub mod circuit;
pub mod clock;
pub mod dae;
pub mod diag;
pub mod gallery;
pub mod ir;
pub mod lint;
pub mod matrix;
pub mod mna;
pub mod model;
pub mod netlist;
pub mod output;
pub mod portrait;
pub mod report;
pub mod run;
pub mod show;
pub mod solve;
pub mod span;
pub mod sparse;
pub mod units;
pub mod veriloga;
pub mod wave;
