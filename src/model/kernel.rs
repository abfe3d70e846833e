//! The programs of a model: setup once per parameter change, values or values and derivatives once per iterate.
//!
//! From `Model::function` with outputs y (contributions, variables, conditions ...) and probes v:
//! `setup` computes whatever depends on parameters and temperature alone, `values` the rest of y, `full` also dy/dv of the
//! contributions. Newton runs neither of them but those of [`Stamped`], which give the sums that an instance adds to rows and
//! entries. Programs of the iterate are compiled when they are first run.
//! A contribution whose derivatives are all of rate Parameter and which does not depend on time is affine in
//! its probes: the system adds it as a constant matrix and never runs a program for it.

use std::sync::{Arc, LazyLock};

use crate::ir::batch::Program;
use crate::ir::{Function, Input, Inst, NodeKind, Op, Rate, Value, diff, rate};
use crate::model::Model;
use crate::model::stamp::{Stamped, Ties};

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

/// A program that is compiled when it is first run.
pub type Lazy = LazyLock<Program, Box<dyn FnOnce() -> Program + Send>>;

/// One program with the derivatives that it (or setup) yields.
pub struct Kernel {
    /// Parameters to hoisted values and outputs of rate Parameter.
    pub setup: Program,
    /// Number of outputs of `setup`; the hoisted value k is output `hoisted + k`.
    pub hoisted: u32,
    /// Iterate to outputs, without derivatives.
    pub values: Lazy,
    /// Iterate to outputs and derivatives: the outputs of `values` come first and in the same order.
    pub full: Lazy,
    /// What an instance adds to rows and matrices if nothing is tied.
    pub free: Arc<Stamped>,
    /// The function of `full`.
    eval: Arc<Function>,
    /// Where each output of the model is found (by index into `Model::function.outputs`).
    pub outputs: Vec<Place>,
    /// Derivatives of the contributions, in order of contribution, f before q.
    pub derivatives: Vec<Derivative>,
    /// Values of the probes that are limited by a program.
    pub limiter: Option<Program>,
    /// Per contribution: f is affine in the probes with constant coefficients; the same for q.
    pub affine: Vec<(bool, bool)>,
}

impl Kernel {
    /// Differentiates, splits and compiles the function of `model`.
    pub fn compile(model: &Model) -> Kernel {
        let (function, entries) = differentiated(model);
        let split = rate::split(&function);
        let place = |output: u32| match split.origins[output as usize] {
            rate::Origin::Setup(k) => Place::Setup(k),
            rate::Origin::Eval(k) => Place::Eval(k),
        };
        let outputs: Vec<Place> = (0..model.function.outputs.len() as u32).map(place).collect();
        let values = outputs.iter().filter(|p| matches!(p, Place::Eval(_))).count() as u32;
        let kept: Vec<u32> = (0..values).collect();
        let degrees = degrees(&function);
        let still = |o: u32| matches!(outputs[o as usize], Place::Setup(_));
        let affine = |output: Option<u32>| {
            output.is_some_and(|o| still(o) || degrees[function.outputs[o as usize].0 as usize] <= Degree::Affine)
        };
        let affine: Vec<(bool, bool)> = model.contributions.iter().map(|c| (affine(c.f), affine(c.q))).collect();
        let derivatives = derivatives(model, &entries, &place);
        let free = Stamped::new(model, (&split.eval, &outputs), &derivatives, &affine, &Ties::none(model));
        let eval = Arc::new(split.eval);
        let (part, whole) = (eval.clone(), eval.clone());
        Kernel {
            setup: Program::compile(&split.setup),
            hoisted: split.first_hoisted,
            values: Lazy::new(Box::new(move || Program::compile(&rate::slice(&part, &kept)))),
            full: Lazy::new(Box::new(move || Program::compile(&whole))),
            free: Arc::new(free),
            eval,
            limiter: model.limiter.as_ref().map(|f| Program::compile(&diff::resolve(f))),
            derivatives,
            affine,
            outputs,
        }
    }

    /// What an instance adds if these unknowns are tied.
    pub fn tied(&self, model: &Model, ties: &Ties) -> Arc<Stamped> {
        if *ties == Ties::none(model) {
            return self.free.clone();
        }
        Arc::new(Stamped::new(model, (&self.eval, &self.outputs), &self.derivatives, &self.affine, ties))
    }
}

/// The model's function with the derivatives of all contributions by all probes as further outputs.
pub fn differentiated(model: &Model) -> (Function, Vec<diff::Entry>) {
    let probes: Vec<u32> = (0..model.probes.len() as u32).collect();
    let mut wanted: Vec<u32> = model.contributions.iter().flat_map(|c| c.f.into_iter().chain(c.q)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    diff::differentiate(&model.function, &wanted, &probes)
}

fn derivatives(model: &Model, entries: &[diff::Entry], place: &dyn Fn(u32) -> Place) -> Vec<Derivative> {
    let mut out = Vec::new();
    for (k, contribution) in model.contributions.iter().enumerate() {
        for (output, charge) in [(contribution.f, false), (contribution.q, true)] {
            let own = entries.iter().filter(|e| Some(e.output) == output);
            out.extend(own.map(|e| Derivative { contribution: k as u32, probe: e.probe, charge, place: place(e.index) }));
        }
    }
    out
}

/// How a value depends on the probes, time and past values aside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Degree {
    /// Not at all.
    Constant,
    /// A sum of probes with constant factors, plus a constant.
    Affine,
    /// In any other way; also whatever changes with time.
    Other,
}

/// The degree of each value.
fn degrees(f: &Function) -> Vec<Degree> {
    let mut out: Vec<Degree> = Vec::with_capacity(f.insts.len());
    for inst in &f.insts {
        let of = |v: Value| out.get(v.0 as usize).copied().unwrap_or(Degree::Other);
        out.push(match inst {
            Inst::Const(_) => Degree::Constant,
            Inst::Input(Input::Probe(_)) => Degree::Affine,
            Inst::Input(input) if rate::input_rate(*input) <= Rate::Parameter => Degree::Constant,
            Inst::Input(_) | Inst::Carried(..) | Inst::Partial(..) => Degree::Other,
            Inst::Op(op, arguments) => operation(*op, &arguments.map(of)),
            Inst::Result(node, k) => match &f.nodes[node.0 as usize] {
                NodeKind::If { condition, then, otherwise } if of(*condition) == Degree::Constant => {
                    of(then.1[*k as usize]).max(of(otherwise.1[*k as usize]))
                }
                NodeKind::If { .. } | NodeKind::Loop { .. } => Degree::Other,
            },
        });
    }
    out
}

fn operation(op: Op, arguments: &[Degree; 3]) -> Degree {
    let used = &arguments[..op.arity()];
    let largest = used.iter().copied().max().unwrap_or(Degree::Constant);
    let sum = |a: Degree, b: Degree| if a.min(b) == Degree::Constant { a.max(b) } else { Degree::Other };
    match op {
        _ if largest == Degree::Constant => Degree::Constant,
        Op::Add | Op::Sub | Op::Neg => largest,
        Op::Mul => sum(arguments[0], arguments[1]),
        Op::Div if arguments[1] == Degree::Constant => arguments[0],
        Op::Select if arguments[0] == Degree::Constant => largest,
        _ => Degree::Other,
    }
}
