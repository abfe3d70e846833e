//! The cost of an order of elimination, without computing the fill: elimination tree (Liu, 1986) and column counts (Gilbert,
//! Ng, Peyton, SIAM J. Matrix Anal. Appl. 15, 1994), in nearly linear time.
//!
//! Column j of L has the row i below it if j is on a path of the tree from a neighbour of i up to i. These paths form the
//! subtree of row i; adding its weight at each leaf of the subtree, and taking it off where two of its branches meet and above
//! its root, makes the sum over all descendants of j the number of rows of column j.

use super::dissect::degree::Cost;
use super::dissect::graph::Graph;
use super::elimination::{parents, postorder};
use super::order::NONE;

/// Cost of eliminating the vertices of a graph in this order.
pub fn cost(graph: &Graph, order: &[u32]) -> Cost {
    let position = positions(order);
    let parent = parents(order.len(), |i| graph.of(order[i]).iter().map(|u| position[*u as usize]));
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
