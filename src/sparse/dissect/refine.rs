//! Refinement of vertex separators by moves of single vertices (Fiduccia, Mattheyses, 1982; for separators Ashcraft, Liu, 1996).
//!
//! A separator S stands between two sides. A vertex of S goes to one side, and its neighbours on the other side come into S:
//! the gain is its weight less theirs. Moves are made best first, losses included; the best state on the way is kept. A pass
//! moves the separator in one direction only, so that it sweeps over ground where all states are equal, and the next pass
//! brings it back: in grids jagged separators become straight.

use std::collections::BinaryHeap;

use super::graph::Graph;

/// Place of the vertices of the separator; those of the sides are 1 and 2.
pub const SEPARATOR: u8 = 0;
/// The heavier side may have this part of the whole.
const HEAVIEST: f64 = 0.6;
/// Passes over one separator.
const PASSES: usize = 6;
/// Moves without a new best after which a pass ends, and the part of a small graph that counts in its place.
const PATIENCE: usize = 100;
const PART: usize = 8;

/// The vertices of a graph on two sides and in a separator between them.
#[derive(Clone, Debug)]
pub struct Split {
    /// Place of each vertex.
    pub place: Vec<u8>,
    /// Weights of the separator and of the sides.
    pub weights: [i64; 3],
}

impl Split {
    fn whole(&self) -> i64 {
        self.weights.iter().sum()
    }

    fn most(&self) -> i64 {
        (self.whole() as f64 * HEAVIEST) as i64
    }

    /// What is to be smallest: excess of the heavier side, separator, heavier side.
    pub fn cost(&self) -> (i64, i64, i64) {
        let heavier = self.weights[1].max(self.weights[2]);
        ((heavier - self.most()).max(0), self.weights[0], heavier)
    }

    /// Puts a vertex in another place.
    pub fn put(&mut self, graph: &Graph, v: u32, place: u8) {
        let weight = i64::from(graph.weights[v as usize]);
        let old = std::mem::replace(&mut self.place[v as usize], place);
        self.weights[old as usize] -= weight;
        self.weights[place as usize] += weight;
    }
}

/// Scratch space of the refinement, for graphs of any size.
#[derive(Default)]
pub struct Refiner {
    /// Gain of a vertex of the separator.
    gains: Vec<i32>,
    /// The pass in which a vertex was moved.
    moved: Vec<u32>,
    pass: u32,
    /// Gain, number of the entry, vertex. Entries whose gain is out of date stay.
    queue: BinaryHeap<(i32, u32, u32)>,
    entries: u32,
    /// Vertices and their places before the move.
    log: Vec<(u32, u8)>,
    separator: Vec<u32>,
}

impl Refiner {
    /// Improves a separator.
    pub fn refine(&mut self, graph: &Graph, split: &mut Split) {
        if self.moved.len() < graph.len() {
            self.gains.resize(graph.len(), 0);
            self.moved.resize(graph.len(), 0);
        }
        self.separator.clear();
        self.separator.extend((0..graph.len() as u32).filter(|v| split.place[*v as usize] == SEPARATOR));
        let mut to = if split.weights[2] < split.weights[1] { 2 } else { 1 };
        let mut idle = 0;
        for _ in 0..PASSES {
            idle = if self.sweep(graph, split, to) { 0 } else { idle + 1 };
            // Neither direction helps any more.
            if idle == 2 {
                break;
            }
            to = 3 - to;
        }
    }

    /// Moves the separator towards one side's growth; true if it is better for it.
    fn sweep(&mut self, graph: &Graph, split: &mut Split, to: u8) -> bool {
        self.pass += 1;
        self.log.clear();
        self.queue.clear();
        self.entries = 0;
        for k in 0..self.separator.len() {
            self.enter(graph, split, to, self.separator[k]);
        }
        let most = split.most();
        let patience = PATIENCE.min(graph.len() / PART) + self.separator.len() / 4 + 5;
        let before = split.cost();
        let (mut best, mut best_cost, mut best_length) = (split.weights, before, 0);
        let mut idle = 0;
        while let Some((gain, _, v)) = self.queue.pop() {
            let valid = self.moved[v as usize] != self.pass && self.gains[v as usize] == gain;
            let weight = i64::from(graph.weights[v as usize]);
            if !valid || split.place[v as usize] != SEPARATOR || split.weights[to as usize] + weight > most {
                continue;
            }
            self.shift(graph, split, to, v);
            let cost = split.cost();
            if cost < best_cost {
                (best, best_cost, best_length, idle) = (split.weights, cost, self.log.len(), 0);
            } else {
                idle += 1;
                if idle > patience {
                    break;
                }
            }
        }
        for (v, old) in self.log.drain(best_length..).rev() {
            split.place[v as usize] = old;
        }
        split.weights = best;
        self.separator.retain(|v| split.place[*v as usize] == SEPARATOR);
        let arrived = self.log.iter().filter(|(v, old)| *old != SEPARATOR && split.place[*v as usize] == SEPARATOR);
        self.separator.extend(arrived.map(|(v, _)| *v));
        best_cost < before
    }

    /// Queues a vertex that is, or has come, into the separator.
    fn enter(&mut self, graph: &Graph, split: &Split, to: u8, v: u32) {
        if self.moved[v as usize] == self.pass {
            return;
        }
        let pulled = graph.of(v).iter().filter(|u| split.place[**u as usize] == 3 - to);
        let pulled: i32 = pulled.map(|u| graph.weights[*u as usize] as i32).sum();
        self.gains[v as usize] = graph.weights[v as usize] as i32 - pulled;
        self.push(v);
    }

    fn push(&mut self, v: u32) {
        self.entries += 1;
        self.queue.push((self.gains[v as usize], self.entries, v));
    }

    /// Moves a vertex of the separator to a side, and its neighbours on the other side into the separator.
    fn shift(&mut self, graph: &Graph, split: &mut Split, to: u8, v: u32) {
        self.moved[v as usize] = self.pass;
        self.log.push((v, SEPARATOR));
        split.put(graph, v, to);
        for &u in graph.of(v) {
            if split.place[u as usize] != 3 - to {
                continue;
            }
            self.log.push((u, 3 - to));
            split.put(graph, u, SEPARATOR);
            self.enter(graph, split, to, u);
            // It is no longer pulled in by those that are there.
            for &x in graph.of(u) {
                if split.place[x as usize] == SEPARATOR && self.moved[x as usize] != self.pass {
                    self.gains[x as usize] += graph.weights[u as usize] as i32;
                    self.push(x);
                }
            }
        }
    }
}
