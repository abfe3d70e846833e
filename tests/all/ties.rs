//! What instances have in common changes how their sums are made, not what they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use memspice::ir::interp::evaluate;
use memspice::ir::{Function, Input};
use memspice::model::Model;
use memspice::model::kernel::Kernel;
use memspice::model::stamp::{Stamped, Ties};

use super::exactness::models;
use super::ir::Dice;

/// Each unknown is ground, or the same as an earlier one, or stands alone.
fn random(model: &Model, dice: &mut Dice) -> Ties {
    let mut ties: Vec<Option<u32>> = Vec::new();
    for k in 0..model.unknowns.len() as u32 {
        let chosen = dice.real(0.0, 1.0);
        let earlier = ties.get(dice.below(k.max(1) as usize)).copied().flatten();
        ties.push(if chosen < 0.25 {
            None
        } else if chosen < 0.5 && earlier.is_some() {
            earlier
        } else {
            Some(k)
        });
    }
    Ties(ties)
}

/// Sums by tied rows and entries: f, q, G, C, each with the largest term.
type Found = BTreeMap<(u32, Option<u32>, bool), (f64, f64)>;

fn sums(stamped: &Stamped, ties: &Ties, input: &dyn Fn(Input) -> f64) -> Found {
    let values = evaluate(&stamped.function as &Function, input);
    let mut found = Found::new();
    let mut add = |row: u32, column: Option<u32>, charge: bool, output: Option<u32>| {
        let (Some(row), Some(output)) = (ties.0[row as usize], output) else { return };
        let column = match column.map(|c| ties.0[c as usize]) {
            Some(None) => return,
            other => other.flatten(),
        };
        let (sum, size) = found.entry((row, column, charge)).or_default();
        (*sum, *size) = (*sum + values[output as usize], size.max(values[output as usize].abs()));
    };
    for row in &stamped.stamp.rows {
        add(row.row, None, false, row.f.map(|f| f.0));
        add(row.row, None, true, row.q);
    }
    for entry in &stamped.stamp.entries {
        add(entry.row, Some(entry.column), false, entry.g);
        add(entry.row, Some(entry.column), true, entry.c);
    }
    found
}

#[test]
fn tied_instances_add_what_free_ones_add() {
    let mut compared = 0;
    for model in models() {
        let kernel = Kernel::compile(&model);
        let mut dice = Dice(model.name.len() as u64 + 99);
        for _ in 0..8 {
            let ties = random(&model, &mut dice);
            let x: Vec<f64> = model.unknowns.iter().map(|_| dice.real(-0.9, 0.9)).collect();
            let hoisted: Vec<f64> = (0..97).map(|_| dice.real(0.1, 1.0)).collect();
            let at = |row: u32| ties.0[row as usize].map_or(0.0, |k| x[k as usize]);
            let input = |input: Input| match input {
                Input::Probe(k) => {
                    let probe = &model.probes[k as usize];
                    at(probe.plus) - probe.minus.map_or(0.0, at)
                }
                Input::Hoisted(k) => hoisted[k as usize % hoisted.len()],
                _ => 0.3,
            };
            let free = sums(&kernel.free, &ties, &input);
            let tied: Arc<Stamped> = kernel.tied(&model, &ties);
            let tied = sums(&tied, &ties, &input);
            for (place, (sum, size)) in &free {
                let (other, _) = tied.get(place).copied().unwrap_or_default();
                if sum.is_finite() && size.is_finite() {
                    assert!(
                        (sum - other).abs() <= 1e-11 * size,
                        "{} {ties:?} {place:?}: {sum:e} {other:e} of {size:e}",
                        model.name
                    );
                    compared += 1;
                }
            }
            assert!(tied.keys().all(|place| free.contains_key(place)), "{} {ties:?}", model.name);
        }
    }
    assert!(compared > 500, "{compared}");
}
