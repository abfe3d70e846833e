//! What one instance adds to the equations, summed within the instance: the stamp.
//!
//! From the part of a model's function that runs at every iterate come, for each local row r, the sums of the contributions
//! that are not affine, `f_r` and `q_r`, the largest of them in size (the scale of Newton's test), and for each pair of a row
//! and a column the sum of the derivatives that change with the iterate. Summing inside of the program costs one operation
//! for all lanes; every entry of the matrix is then touched once for each instance. Terms are added in the order of the
//! contributions, whatever the nodes are called, so that equal devices in equal states add equal numbers.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::ir::live::prune;
use crate::ir::{Function, Inst, Item, Op, Type, Value};
use crate::model::Model;
use crate::model::kernel::{Derivative, Place};
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

/// The stamp of a model whose iterate function is `eval`; `outputs` says where the model's outputs are found, `affine` which
/// contributions live in constant matrices.
pub fn stamp(
    model: &Model,
    eval: &Function,
    outputs: &[Place],
    derivatives: &[Derivative],
    affine: &[(bool, bool)],
) -> (Function, Stamp) {
    let value_at = |place: Place| match place {
        Place::Eval(k) => Some(eval.outputs[k as usize]),
        Place::Setup(_) => None,
    };
    let bound_step = model.bound_step.and_then(|o| value_at(outputs[o as usize]));
    let (mut rows, mut entries): (BTreeMap<u32, Terms>, BTreeMap<(u32, u32), Terms>) = Default::default();
    for (contribution, affine) in model.contributions.iter().zip(affine) {
        for (output, affine, charge) in [(contribution.f, affine.0, 0), (contribution.q, affine.1, 1)] {
            let Some(value) = output.filter(|_| !affine).and_then(|o| value_at(outputs[o as usize])) else { continue };
            rows.entry(contribution.plus).or_default()[charge].push((value, false));
            contribution.minus.into_iter().for_each(|row| rows.entry(row).or_default()[charge].push((value, true)));
        }
    }
    for derivative in derivatives {
        let Some(value) = value_at(derivative.place) else { continue };
        let (contribution, probe) =
            (&model.contributions[derivative.contribution as usize], &model.probes[derivative.probe as usize]);
        for (row, lower) in [(Some(contribution.plus), false), (contribution.minus, true)] {
            for (column, right) in [(Some(probe.plus), false), (probe.minus, true)] {
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
