//! What one instance adds to the equations, summed within the instance: the stamp.
//!
//! From the part of a model's function that runs at every iterate come, for each local row r, the sums of the contributions
//! that are not affine, `f_r` and `q_r`, the largest of them in size (the scale of Newton's test), and for each pair of a row
//! and a column the sum of the derivatives that change with the iterate. Summing inside of the program costs one operation
//! for all lanes; every entry of the matrix is then touched once for each instance. Terms are added in the order of the
//! contributions, whatever the nodes are called, so that equal devices in equal states add equal numbers.
//!
//! Where all instances of a bank have local unknowns in common ([`Ties`]: a bulk at its source, a terminal at ground), rows
//! and columns of the same unknown are one, those of ground are none, and probes between the two are zero: what only they
//! need is not computed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;

use crate::ir::batch::Program;
use crate::ir::live::prune;
use crate::ir::{Function, Input, Inst, Item, Op, Type, Value, diff, rate};
use crate::model::kernel::{Derivative, Lazy, Place};
use crate::model::{Limit, Model};
use crate::span::Span;

/// What a local row gets, as outputs of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RowStamp {
    /// The local row.
    pub row: u32,
    /// Sum of the contributions to f, and the largest of them in size.
    pub f: Option<(u32, u32)>,
    /// Sum of the contributions to q.
    pub q: Option<u32>,
}

/// What an entry of the matrices gets, as outputs of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EntryStamp {
    /// The local row.
    pub row: u32,
    /// The local unknown.
    pub column: u32,
    /// Derivative of f.
    pub g: Option<u32>,
    /// Derivative of q.
    pub c: Option<u32>,
}

/// The outputs of the programs of the stamp.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stamp {
    /// By rising row.
    pub rows: Vec<RowStamp>,
    /// By rising row and column.
    pub entries: Vec<EntryStamp>,
    /// The longest step, if the model bounds it.
    pub bound_step: Option<u32>,
    /// Outputs of the program without derivatives; those with derivatives have the same first.
    pub residual_outputs: u32,
}

/// Adds sums to a function, each once.
struct Sums {
    f: Function,
    made: FxHashMap<(Op, [Value; 3]), Value>,
}

impl Sums {
    fn op(&mut self, op: Op, a: Value, b: Value) -> Value {
        let f = &mut self.f;
        *self.made.entry((op, [a, b, b])).or_insert_with(|| {
            let value = Value(f.insts.len() as u32);
            f.insts.push(Inst::Op(op, [a, b, b]));
            f.types.push(Type::Real);
            f.spans.push(Span::default());
            f.regions[0].push(Item::Value(value));
            value
        })
    }

    /// The sum of some values, those marked with the opposite sign.
    fn sum(&mut self, terms: &[(Value, bool)]) -> Option<Value> {
        let mut sum = None;
        for (value, negative) in terms {
            sum = Some(match (sum, negative) {
                (None, false) => *value,
                (None, true) => self.op(Op::Neg, *value, *value),
                (Some(sum), false) => self.op(Op::Add, sum, *value),
                (Some(sum), true) => self.op(Op::Sub, sum, *value),
            });
        }
        sum
    }

    /// The largest size of some values.
    fn largest(&mut self, terms: &[(Value, bool)]) -> Option<Value> {
        let mut sizes: Vec<Value> = Vec::new();
        for (value, _) in terms {
            let size = self.op(Op::Abs, *value, *value);
            if !sizes.contains(&size) {
                sizes.push(size);
            }
        }
        let mut sizes = sizes.into_iter();
        let first = sizes.next()?;
        Some(sizes.fold(first, |a, b| self.op(Op::Max, a, b)))
    }
}

/// Terms of f and of q: values with their signs.
type Terms = [Vec<(Value, bool)>; 2];

/// A stamp with its programs.
pub struct Stamped {
    /// The outputs.
    pub stamp: Stamp,
    /// The function of `newton`.
    pub function: Arc<Function>,
    /// Iterate to what an instance adds to rows.
    pub residual: Lazy,
    /// The same, and what it adds to the matrices.
    pub newton: Lazy,
}

/// For each local unknown the first one that is the same in all instances; `None` for ground.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ties(pub Vec<Option<u32>>);

impl Ties {
    /// Nothing is tied.
    pub fn none(model: &Model) -> Ties {
        Ties((0..model.unknowns.len() as u32).map(Some).collect())
    }

    fn of(&self, unknown: Option<u32>) -> Option<u32> {
        unknown.and_then(|u| self.0[u as usize])
    }

    /// `eval` with the probes that ties make zero or equal to an earlier one. A limited probe has a value of its own, but of
    /// nothing no junction limit makes anything.
    fn bind(&self, model: &Model, eval: &Function) -> Function {
        let mut bound = eval.clone();
        let ends = |k: u32| {
            let probe = &model.probes[k as usize];
            (self.of(Some(probe.plus)), self.of(probe.minus))
        };
        let free = |k: u32| model.probes[k as usize].limit.is_none();
        for inst in &mut bound.insts {
            let Inst::Input(Input::Probe(k)) = *inst else { continue };
            let (plus, minus) = ends(k);
            if plus == minus && matches!(model.probes[k as usize].limit, None | Some(Limit::Pnj { .. })) {
                *inst = Inst::Const(0.0);
            } else if let Some(same) = (0..k).find(|j| free(*j) && free(k) && ends(*j) == (plus, minus)) {
                *inst = Inst::Input(Input::Probe(same));
            }
        }
        diff::differentiate_by(&bound, &[], &[]).0
    }
}

impl Stamped {
    /// The stamp of a model whose iterate function is `eval`; `outputs` says where the model's outputs are found, `affine`
    /// which contributions live in constant matrices.
    pub fn new(
        model: &Model,
        (eval, outputs): (&Function, &[Place]),
        derivatives: &[Derivative],
        affine: &[(bool, bool)],
        ties: &Ties,
    ) -> Stamped {
        let (function, stamp) = stamp(model, (eval, outputs), derivatives, affine, ties);
        let few: Vec<u32> = (0..stamp.residual_outputs).collect();
        let function = Arc::new(function);
        let (part, whole) = (function.clone(), function.clone());
        Stamped {
            stamp,
            function,
            residual: LazyLock::new(Box::new(move || Program::for_lanes(&rate::slice(&part, &few)))),
            newton: LazyLock::new(Box::new(move || Program::for_lanes(&whole))),
        }
    }
}

fn stamp(
    model: &Model,
    (eval, outputs): (&Function, &[Place]),
    derivatives: &[Derivative],
    affine: &[(bool, bool)],
    ties: &Ties,
) -> (Function, Stamp) {
    let bound = (*ties != Ties::none(model)).then(|| ties.bind(model, eval));
    let eval = bound.as_ref().unwrap_or(eval);
    let value_at = |place: Place| match place {
        Place::Eval(k) => Some(eval.outputs[k as usize]),
        Place::Setup(_) => None,
    };
    let bound_step = model.bound_step.and_then(|o| value_at(outputs[o as usize]));
    let (mut rows, mut entries): (BTreeMap<u32, Terms>, BTreeMap<(u32, u32), Terms>) = Default::default();
    for (contribution, affine) in model.contributions.iter().zip(affine) {
        for (output, affine, charge) in [(contribution.f, affine.0, 0), (contribution.q, affine.1, 1)] {
            let Some(value) = output.filter(|_| !affine).and_then(|o| value_at(outputs[o as usize])) else { continue };
            let (plus, minus) = (ties.of(Some(contribution.plus)), ties.of(contribution.minus));
            if plus == minus {
                continue;
            }
            plus.into_iter().for_each(|row| rows.entry(row).or_default()[charge].push((value, false)));
            minus.into_iter().for_each(|row| rows.entry(row).or_default()[charge].push((value, true)));
        }
    }
    for derivative in derivatives {
        let Some(value) = value_at(derivative.place) else { continue };
        let (contribution, probe) =
            (&model.contributions[derivative.contribution as usize], &model.probes[derivative.probe as usize]);
        let rows = [(ties.of(Some(contribution.plus)), false), (ties.of(contribution.minus), true)];
        let columns = [(ties.of(Some(probe.plus)), false), (ties.of(probe.minus), true)];
        if rows[0].0 == rows[1].0 || columns[0].0 == columns[1].0 {
            continue;
        }
        for (row, lower) in rows {
            for (column, right) in columns {
                let (Some(row), Some(column)) = (row, column) else { continue };
                entries.entry((row, column)).or_default()[usize::from(derivative.charge)].push((value, lower != right));
            }
        }
    }
    let mut sums = Sums { f: eval.clone(), made: FxHashMap::default() };
    let mut numbered = Numbered::default();
    let mut stamp = Stamp::default();
    for (row, [f, q]) in rows {
        let (sum, scale) = (numbered.number(sums.sum(&f)), numbered.number(sums.largest(&f)));
        stamp.rows.push(RowStamp { row, f: sum.zip(scale), q: numbered.number(sums.sum(&q)) });
    }
    stamp.bound_step = numbered.number(bound_step);
    stamp.residual_outputs = numbered.list.len() as u32;
    for ((row, column), [g, c]) in entries {
        let (g, c) = (numbered.number(sums.sum(&g)), numbered.number(sums.sum(&c)));
        stamp.entries.push(EntryStamp { row, column, g, c });
    }
    (prune(&sums.f, &numbered.list), stamp)
}

/// Outputs of a program, each listed once.
#[derive(Default)]
struct Numbered {
    list: Vec<Value>,
    numbers: FxHashMap<Value, u32>,
}

impl Numbered {
    fn number(&mut self, value: Option<Value>) -> Option<u32> {
        let value = value?;
        Some(*self.numbers.entry(value).or_insert_with(|| {
            self.list.push(value);
            self.list.len() as u32 - 1
        }))
    }
}
