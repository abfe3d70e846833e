//! Fill-reducing order of a symmetric graph: minimum degree or nested dissection, whichever costs less.
//!
//! Nested dissection (George, SIAM J. Numer. Anal. 10, 1973): a separator is eliminated last, the sides on its own. Separators
//! come from coarse graphs and are refined (Hendrickson, Rothberg, SIAM J. Sci. Comput. 20, 1998; Karypis, Kumar, 1998).
//! On grids and crossbars it halves the work and more; on ladders, trees and circuits with rails it does not.

pub mod bisect;
pub mod coarsen;
pub mod degree;
pub mod graph;
pub mod nest;
pub mod reduce;
pub mod refine;

use super::counts;
use degree::{Cost, MinimumDegree};
use graph::Graph;

/// Weight of a leaf.
pub const LEAF: i64 = 500;
/// Graphs with fewer vertices are ordered by minimum degree.
const FEWEST: usize = 600;
/// Work for each entry below which dissection is not tried.
const WORTH: f64 = 25.0;
/// Operations of a factorisation that take the time of one vertex on one level of dissection: 5.4e3 in a crossbar of 256 x 256,
/// 5.1e3 in one of 512 x 512, as measured.
const VERTEX: f64 = 5e3;
/// Part of the work of minimum degree that dissection may save, as a rule.
const SAVED: f64 = 0.5;

/// An order of elimination for `graph`, where so many factorisations are to come that dissection has to pay for itself.
pub fn order(graph: &Graph, factorisations: f64) -> Vec<u32> {
    let reduced = reduce::reduce(graph);
    let core = core_order(&reduced.core, factorisations);
    let mut order = reduced.first;
    for v in core {
        order.extend(&reduced.members[reduced.starts[v as usize] as usize..reduced.starts[v as usize + 1] as usize]);
    }
    order.extend(&reduced.last);
    order
}

fn core_order(core: &Graph, factorisations: f64) -> Vec<u32> {
    let mut least = Vec::with_capacity(core.len());
    let cost = MinimumDegree::default().order(core, core.len(), &mut least);
    let levels = (core.len() as f64 / LEAF as f64).log2().max(1.0);
    let pays = factorisations * SAVED * cost.flops > VERTEX * core.len() as f64 * levels;
    if core.len() < FEWEST || cost.flops < WORTH * cost.entries || !pays {
        return least;
    }
    let nested = dissected(core, LEAF);
    if counts::cost(core, &nested).flops < cost.flops { nested } else { least }
}

/// The order by nested dissection.
pub fn dissected(core: &Graph, leaf: i64) -> Vec<u32> {
    let mut parts = nest::parts(core, leaf);
    let mut place = vec![u32::MAX; core.len()];
    let mut degree = MinimumDegree::default();
    for &(begin, end) in &parts.leaves {
        order_leaf(core, &mut parts.order[begin as usize..end as usize], &mut place, &mut degree);
    }
    parts.order
}

/// Orders a leaf by minimum degree with the separators around it as halo. `place` is scratch space.
fn order_leaf(core: &Graph, leaf: &mut [u32], place: &mut [u32], degree: &mut MinimumDegree) -> Cost {
    let interior = leaf.len();
    let mut vertices = leaf.to_vec();
    for (k, v) in leaf.iter().enumerate() {
        place[*v as usize] = k as u32;
    }
    let mut local = Graph { starts: vec![0], ..Graph::default() };
    for v in leaf.iter() {
        for &u in core.of(*v) {
            if vertices.get(place[u as usize] as usize) != Some(&u) {
                place[u as usize] = vertices.len() as u32;
                vertices.push(u);
            }
            local.list.push(place[u as usize]);
        }
        local.starts.push(local.list.len() as u32);
    }
    // Lists of the halo: the leaf's edges turned round.
    let halo = vertices.len() - interior;
    let mut back: Vec<Vec<u32>> = vec![Vec::new(); halo];
    for v in 0..interior as u32 {
        for u in local.list[local.starts[v as usize] as usize..local.starts[v as usize + 1] as usize].iter() {
            if *u as usize >= interior {
                back[*u as usize - interior].push(v);
            }
        }
    }
    for list in back {
        local.list.extend(list);
        local.starts.push(local.list.len() as u32);
    }
    local.weights = vertices.iter().map(|v| core.weights[*v as usize]).collect();
    let mut order = Vec::with_capacity(interior);
    let cost = degree.order(&local, interior, &mut order);
    for (place, k) in leaf.iter_mut().zip(order) {
        *place = vertices[k as usize];
    }
    cost
}
