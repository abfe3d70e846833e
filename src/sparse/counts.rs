//! The cost of an order of elimination, without computing the fill: elimination tree (Liu, 1986) and column counts (Gilbert,
//! Ng, Peyton, SIAM J. Matrix Anal. Appl. 15, 1994), in nearly linear time.
//!
//! Column j of L has the row i below it if j is on a path of the tree from a neighbour of i up to i. These paths form the
//! subtree of row i; adding its weight at each leaf of the subtree, and taking it off where two of its branches meet and above
//! its root, makes the sum over all descendants of j the number of rows of column j.

use super::dissect::degree::Cost;
use super::dissect::graph::Graph;

const NONE: u32 = u32::MAX;

/// Cost of eliminating the vertices of a graph in this order.
pub fn cost(graph: &Graph, order: &[u32]) -> Cost {
    let parent = parents(graph, order);
    let post = postorder(&parent);
    let order: Vec<u32> = post.iter().map(|k| order[*k as usize]).collect();
    let mut cost = Cost::default();
    for (v, below) in order.iter().zip(counts(graph, &order, &renumbered(&parent, &post))) {
        cost.add(f64::from(graph.weights[*v as usize]), below as f64);
    }
    cost
}

fn positions(order: &[u32]) -> Vec<u32> {
    let mut position = vec![0; order.len()];
    order.iter().enumerate().for_each(|(k, v)| position[*v as usize] = k as u32);
    position
}

/// Parent of each position in the elimination tree.
fn parents(graph: &Graph, order: &[u32]) -> Vec<u32> {
    let position = positions(order);
    let (mut parent, mut ancestor) = (vec![NONE; order.len()], vec![NONE; order.len()]);
    for (i, v) in order.iter().enumerate() {
        for u in graph.of(*v) {
            let mut at = position[*u as usize];
            while at < i as u32 {
                let next = std::mem::replace(&mut ancestor[at as usize], i as u32);
                if next == NONE {
                    parent[at as usize] = i as u32;
                    break;
                }
                at = next;
            }
        }
    }
    parent
}

/// Positions, children before parents and each subtree together.
fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    // Sizes of subtrees give every root and child its range at once: parents are behind their children.
    let mut size = vec![1u32; n];
    for k in 0..n {
        if parent[k] != NONE {
            size[parent[k] as usize] += size[k];
        }
    }
    // End of what is not given away yet of each subtree's range, from the top down.
    let (mut free, mut end) = (vec![0u32; n], n as u32);
    let mut order = vec![0; n];
    for k in (0..n).rev() {
        let own = if parent[k] == NONE { &mut end } else { &mut free[parent[k] as usize] };
        let place = *own - 1;
        *own -= size[k];
        free[k] = place;
        order[place as usize] = k as u32;
    }
    order
}

/// The tree with its positions in another order.
fn renumbered(parent: &[u32], order: &[u32]) -> Vec<u32> {
    let position = positions(order);
    order.iter().map(|k| parent[*k as usize]).map(|p| if p == NONE { NONE } else { position[p as usize] }).collect()
}

/// Weight of the rows below the diagonal of each column, for an order that is a postorder of its tree.
fn counts(graph: &Graph, order: &[u32], parent: &[u32]) -> Vec<i64> {
    let n = order.len();
    let position = positions(order);
    let mut first: Vec<u32> = (0..n as u32).collect();
    for j in 0..n {
        if parent[j] != NONE {
            first[parent[j] as usize] = first[parent[j] as usize].min(first[j]);
        }
    }
    let weight = |j: usize| i64::from(graph.weights[order[j] as usize]);
    let mut sums = vec![0i64; n];
    // Of each row: first descendant of its last leaf (one more, 0 for none), and the leaf itself.
    let (mut reached, mut leaf) = (vec![0u32; n], vec![NONE; n]);
    let mut ancestor: Vec<u32> = (0..n as u32).collect();
    for j in 0..n {
        if first[j] == j as u32 {
            sums[j] += weight(j);
        }
        if parent[j] != NONE {
            sums[parent[j] as usize] -= weight(j);
        }
        for u in graph.of(order[j]) {
            let i = position[*u as usize] as usize;
            if i <= j || first[j] < reached[i] {
                continue;
            }
            sums[j] += weight(i);
            let before = std::mem::replace(&mut leaf[i], j as u32);
            if before != NONE {
                sums[meeting(&mut ancestor, before) as usize] -= weight(i);
            }
            reached[i] = j as u32 + 1;
        }
        if parent[j] != NONE {
            ancestor[j] = parent[j];
        }
    }
    for j in 0..n {
        if parent[j] != NONE {
            sums[parent[j] as usize] += sums[j];
        }
    }
    (0..n).map(|j| sums[j] - weight(j)).collect()
}

/// The top of what is joined with `k` so far, with shorter ways for the next time.
fn meeting(ancestor: &mut [u32], k: u32) -> u32 {
    let mut top = k;
    while ancestor[top as usize] != top {
        top = ancestor[top as usize];
    }
    let mut at = k;
    while at != top {
        at = std::mem::replace(&mut ancestor[at as usize], top);
    }
    top
}
