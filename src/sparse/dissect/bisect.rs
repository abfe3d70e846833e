//! One separator of a graph: coarsening, several growths on the coarsest graph, refinement on the way back.

use super::coarsen::{Level, coarser};
use super::graph::Graph;
use super::refine::{Refiner, SEPARATOR, Split};

/// Graphs of so many vertices are split without coarsening.
const SMALL: usize = 60;
/// Growths on the coarsest graph.
const GROWTHS: usize = 3;
/// A large graph is made coarser down to this part of its vertices, or this number, before it is split several times, through
/// different coarser graphs.
const TRIED: (usize, usize, usize) = (64, 300, 3000);
/// Number of times for graphs of more vertices than this.
const TRIALS: [(usize, u32); 3] = [(10_000, 6), (2000, 4), (0, 1)];

/// The best separator found; `None` where none is worth while. Coarser graphs are taken from `levels`; what is missing there
/// is added.
pub fn bisect(graph: &Graph, levels: &mut Vec<Level>, refiner: &mut Refiner) -> Option<Split> {
    let trials = TRIALS.iter().find(|(above, _)| graph.len() > *above).map_or(1, |(_, trials)| *trials);
    let tried = (graph.len() / TRIED.0).clamp(TRIED.1, TRIED.2);
    let mut depth = 0;
    while at(graph, levels, depth).len() > tried {
        if depth == levels.len() {
            let last = at(graph, levels, depth);
            match coarser(last, 0) {
                Some((graph, map)) => levels.push(Level { graph, map }),
                // Stars and the like: growing would be slow, and there is nothing to be found.
                None if last.len() > TRIED.2 => return None,
                None => break,
            }
        }
        depth += 1;
    }
    let coarsest = at(graph, levels, depth);
    let mut best = (0..trials).map(|trial| multilevel(coarsest, trial, refiner)).min_by_key(Split::cost)?;
    for k in (0..depth).rev() {
        best = project(at(graph, levels, k), &levels[k].map, &best, refiner);
    }
    let [separator, near, far] = best.weights;
    // A heavy separator between small sides orders nothing.
    let whole = separator + near + far;
    (near.min(far) * 8 >= whole && separator * 3 <= whole).then_some(best)
}

/// The graph after so many coarsenings.
fn at<'g>(graph: &'g Graph, levels: &'g [Level], depth: usize) -> &'g Graph {
    depth.checked_sub(1).map_or(graph, |k| &levels[k].graph)
}

fn multilevel(graph: &Graph, trial: u32, refiner: &mut Refiner) -> Split {
    if graph.len() > SMALL
        && let Some((coarse, map)) = coarser(graph, trial)
    {
        let small = multilevel(&coarse, trial, refiner);
        return project(graph, &map, &small, refiner);
    }
    let grown = |k: usize, refiner: &mut Refiner| {
        let seed = (k * graph.len() / GROWTHS) as u32;
        let mut split = grown(graph, if k.is_multiple_of(2) { farthest(graph, seed) } else { seed });
        refiner.refine(graph, &mut split);
        split
    };
    let first = grown(0, refiner);
    (1..GROWTHS).fold(first, |best, k| {
        let next = grown(k, refiner);
        if next.cost() < best.cost() { next } else { best }
    })
}

fn project(graph: &Graph, map: &[u32], coarse: &Split, refiner: &mut Refiner) -> Split {
    let place = map.iter().map(|c| coarse.place[*c as usize]).collect();
    let mut split = Split { place, weights: coarse.weights };
    refiner.refine(graph, &mut split);
    split
}

/// A vertex far away from `seed`: the last one that a breadth-first search finds.
fn farthest(graph: &Graph, seed: u32) -> u32 {
    let mut seen = vec![false; graph.len()];
    let mut queue = vec![seed];
    seen[seed as usize] = true;
    let mut next = 0;
    while next < queue.len() {
        for &u in graph.of(queue[next]) {
            if !std::mem::replace(&mut seen[u as usize], true) {
                queue.push(u);
            }
        }
        next += 1;
    }
    queue[queue.len() - 1]
}

/// Side 1 grown from `seed`, always by the vertex that widens the separator least, until it is as heavy as side 2.
fn grown(graph: &Graph, seed: u32) -> Split {
    let mut split = Split { place: vec![2; graph.len()], weights: [0, 0, graph.weight()] };
    let mut separator: Vec<u32> = Vec::new();
    let (mut start, mut fresh) = (Some(seed), 0);
    while split.weights[1] < split.weights[2] {
        if separator.is_empty() {
            // A component is used up: on with the next one.
            while start.is_none() && fresh < graph.len() {
                start = (split.place[fresh] == 2).then_some(fresh as u32);
                fresh += 1;
            }
            let Some(v) = start.take() else { break };
            split.put(graph, v, SEPARATOR);
            separator.push(v);
        }
        let widening = |v: &u32| {
            let pulled = graph.of(*v).iter().filter(|u| split.place[**u as usize] == 2);
            pulled.map(|u| i64::from(graph.weights[*u as usize])).sum::<i64>() - i64::from(graph.weights[*v as usize])
        };
        let Some((k, _)) = separator.iter().enumerate().min_by_key(|(_, v)| widening(v)) else { break };
        let v = separator.remove(k);
        split.put(graph, v, 1);
        for &u in graph.of(v) {
            if split.place[u as usize] == 2 {
                split.put(graph, u, SEPARATOR);
                separator.push(u);
            }
        }
    }
    split
}
