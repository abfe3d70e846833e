//! Coupled inductors: the matrix of coupling coefficients, 1 on its diagonal, must not have a negative eigenvalue (decision 30).
//! Otherwise the inductors would give more energy than they were given.

use std::collections::BTreeMap;

use crate::circuit::graph::Values;
use crate::circuit::{Circuit, Terminal};
use crate::diag::Diagnostic;
use crate::span::Span;

/// Rounding that a pivot may show where coupling is perfect (k = 1 exactly gives 0).
const ROUNDING: f64 = 1e-9;

/// Checks every group of coupled inductors.
pub fn check(circuit: &Circuit, values: &Values) -> Vec<Diagnostic> {
    let Some(model) = circuit.models.iter().position(|m| m.name == "mutual") else { return Vec::new() };
    let Ok(Some(k)) = circuit.models[model].parameter("k") else { return Vec::new() };
    let mut pairs: Vec<(u32, u32, f64, Span)> = Vec::new();
    for instance in circuit.instances.iter().filter(|i| i.model as usize == model) {
        if let [Terminal::InstanceCurrent(a), Terminal::InstanceCurrent(b)] = instance.terminals[..]
            && let Some((_, value)) = instance.params.iter().find(|(p, _)| *p == k)
        {
            pairs.push((a, b, values.of(*value), instance.span));
        }
    }
    groups(&pairs).into_iter().filter_map(|group| judge(circuit, &pairs, &group)).collect()
}

/// Inductors that are coupled with one another, directly or not.
fn groups(pairs: &[(u32, u32, f64, Span)]) -> Vec<Vec<u32>> {
    let mut members: BTreeMap<u32, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (a, b, ..) in pairs {
        let of = |members: &mut BTreeMap<u32, usize>, groups: &mut Vec<Vec<u32>>, l: u32| {
            *members.entry(l).or_insert_with(|| {
                groups.push(vec![l]);
                groups.len() - 1
            })
        };
        let (x, y) = (of(&mut members, &mut groups, *a), of(&mut members, &mut groups, *b));
        if x != y {
            let moved = std::mem::take(&mut groups[y]);
            moved.iter().for_each(|l| {
                members.insert(*l, x);
            });
            groups[x].extend(moved);
        }
    }
    groups.retain(|g| g.len() > 1);
    groups
}

/// Cholesky on the matrix of a group.
fn judge(circuit: &Circuit, pairs: &[(u32, u32, f64, Span)], group: &[u32]) -> Option<Diagnostic> {
    let n = group.len();
    let mut matrix = vec![vec![0.0; n]; n];
    let mut place = Span::default();
    for (k, row) in matrix.iter_mut().enumerate() {
        row[k] = 1.0;
    }
    for (a, b, value, span) in pairs {
        if let (Some(a), Some(b)) = (group.iter().position(|l| l == a), group.iter().position(|l| l == b)) {
            matrix[a][b] = *value;
            matrix[b][a] = *value;
            place = *span;
        }
    }
    for k in 0..n {
        let pivot = matrix[k][k];
        if pivot < -ROUNDING {
            let names: Vec<&str> = group.iter().map(|l| circuit.instances[*l as usize].name.as_str()).collect();
            return Some(
                Diagnostic::error(place, format!("the couplings of {} contradict one another", names.join(", ")))
                    .expected("the matrix of couplings is not positive definite")
                    .hint("inductors that are both close to a third one are close to each other"),
            );
        }
        if pivot <= ROUNDING {
            continue;
        }
        let (above, below) = matrix.split_at_mut(k + 1);
        for row in below {
            let factor = row[k] / pivot;
            row.iter_mut().zip(&above[k]).skip(k).for_each(|(entry, over)| *entry -= factor * over);
        }
    }
    None
}
