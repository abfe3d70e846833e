//! Nested separators: a graph is split, each side is split, and so on, down to leaves.

use super::bisect::bisect;
use super::graph::Graph;
use super::refine::Refiner;

/// Sides of so many vertices are worth a thread of their own.
const SHARED: usize = 10_000;

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
    let leaves = split(graph, &mut order, 0, leaf, &mut Refiner::default());
    Parts { order, leaves }
}

/// Orders a graph whose vertices are called `names`, which stand from `begin` on; the leaves.
fn split(graph: &Graph, names: &mut [u32], begin: u32, leaf: i64, refiner: &mut Refiner) -> Vec<(u32, u32)> {
    let whole = vec![(begin, begin + names.len() as u32)];
    if graph.weight() <= leaf {
        return whole;
    }
    let Some(found) = bisect(graph, refiner) else { return whole };
    let of = |side: u8| -> Vec<u32> { (0..graph.len() as u32).filter(|v| found.place[*v as usize] == side).collect() };
    let (separator, near, far) = (of(0), of(1), of(2));
    let old = names.to_vec();
    let sequence = near.iter().chain(&far).chain(&separator);
    names.iter_mut().zip(sequence).for_each(|(name, v)| *name = old[*v as usize]);
    let mut scratch = vec![0; graph.len()];
    let (first, second) = (graph.part(&near, &mut scratch), graph.part(&far, &mut scratch));
    let (left, rest) = names.split_at_mut(near.len());
    let right = &mut rest[..far.len()];
    let middle = begin + left.len() as u32;
    let (mut leaves, behind) = if graph.len() > SHARED {
        rayon::join(
            || split(&first, left, begin, leaf, &mut Refiner::default()),
            || split(&second, right, middle, leaf, &mut Refiner::default()),
        )
    } else {
        (split(&first, left, begin, leaf, refiner), split(&second, right, middle, leaf, refiner))
    };
    leaves.extend(behind);
    leaves
}
