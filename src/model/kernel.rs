//! The programs of a model: setup once per parameter change, values or values and derivatives once per iterate.
//!
//! From `Model::function` with outputs y (contributions, variables, conditions ...) and probes v:
//! `setup` computes whatever depends on parameters and temperature alone, `values` the rest of y, `full` also dy/dv of the
//! contributions. A contribution whose derivatives are all of rate Parameter and which does not depend on time is affine in
//! its probes: the system adds it as a constant matrix and never runs a program for it.

use std::sync::Arc;

use crate::ir::batch::Program;
use crate::ir::{Function, Input, Rate, diff, rate};
use crate::model::Model;

/// Where an output of the model is found at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Output of the setup program: changes with parameters only.
    Setup(u32),
    /// Output of the program that runs at every iterate.
    Eval(u32),
}

/// A derivative of a contribution by a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Derivative {
    /// Index into `Model::contributions`.
    pub contribution: u32,
    /// Index into `Model::probes`.
    pub probe: u32,
    /// Of q instead of f.
    pub charge: bool,
    /// Where it is found.
    pub place: Place,
}

/// One program with the derivatives that it (or setup) yields.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Parameters to hoisted values and outputs of rate Parameter.
    pub setup: Program,
    /// Number of outputs of `setup`; the hoisted value k is output `hoisted + k`.
    pub hoisted: u32,
    /// Iterate to outputs, without derivatives.
    pub values: Program,
    /// Iterate to outputs and derivatives: the outputs of `values` come first and in the same order.
    pub full: Program,
    /// Where each output of the model is found (by index into `Model::function.outputs`).
    pub outputs: Vec<Place>,
    /// Derivatives of the contributions, in order of contribution, f before q.
    pub derivatives: Vec<Derivative>,
    /// Per contribution: f is affine in the probes with constant coefficients; the same for q.
    pub affine: Vec<(bool, bool)>,
}
