//! Nested separators: a graph is split, each side is split, and so on, down to leaves.

use super::bisect::bisect;
use super::coarsen::{Level, levels_of_part};
use super::graph::Graph;
use super::refine::Refiner;

/// Sides of so many vertices are worth a thread of their own.
const SHARED: usize = 10_000;
/// Sides of fewer vertices are made coarser anew.
const INHERITED: usize = 30_000;

/// The vertices of a graph in an order of elimination: leaves, then the separators behind them.
pub struct Parts {
    /// Vertices.
    pub order: Vec<u32>,
    /// Ranges of the leaves in `order`, rising.
    pub leaves: Vec<(u32, u32)>,
}

/// Separates `graph` down to leaves of about the weight `leaf`.
pub fn parts(graph: &Graph, leaf: i64) -> Parts {
    let mut order: Vec<u32> = (0..graph.len() as u32).collect();
    let leaves = split((graph, Vec::new()), &mut order, 0, leaf, &mut Refiner::default());
    Parts { order, leaves }
}

/// Orders a graph whose vertices are called `names`, which stand from `begin` on, and of which coarser graphs are known; the
/// leaves.
fn split(
    (graph, mut levels): (&Graph, Vec<Level>),
    names: &mut [u32],
    begin: u32,
    leaf: i64,
    refiner: &mut Refiner,
) -> Vec<(u32, u32)> {
    let whole = vec![(begin, begin + names.len() as u32)];
    if graph.weight() <= leaf {
        return whole;
    }
    let Some(found) = bisect(graph, &mut levels, refiner) else { return whole };
    let of = |side: u8| -> Vec<u32> { (0..graph.len() as u32).filter(|v| found.place[*v as usize] == side).collect() };
    let (separator, near, far) = (of(0), of(1), of(2));
    let old = names.to_vec();
    let sequence = near.iter().chain(&far).chain(&separator);
    names.iter_mut().zip(sequence).for_each(|(name, v)| *name = old[*v as usize]);
    // Large sides keep the clusters of the whole: what costs most of a search is done once.
    let part = |side: &[u32]| {
        let part = graph.part(side, &mut vec![0; graph.len()]);
        let levels = if part.len() > INHERITED { levels_of_part(&levels, side, &part) } else { Vec::new() };
        (part, levels)
    };
    let shared = graph.len() > SHARED;
    let ((first, first_levels), (second, second_levels)) =
        if shared { rayon::join(|| part(&near), || part(&far)) } else { (part(&near), part(&far)) };
    drop(levels);
    let (left, rest) = names.split_at_mut(near.len());
    let right = &mut rest[..far.len()];
    let middle = begin + left.len() as u32;
    let one = |refiner: &mut Refiner| split((&first, first_levels), left, begin, leaf, refiner);
    let other = |refiner: &mut Refiner| split((&second, second_levels), right, middle, leaf, refiner);
    let (mut leaves, behind) = match shared {
        true => rayon::join(|| one(&mut Refiner::default()), || other(&mut Refiner::default())),
        false => (one(refiner), other(refiner)),
    };
    leaves.extend(behind);
    leaves
}
