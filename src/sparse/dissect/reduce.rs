//! What needs no search: equal vertices become one, vertices with few neighbours are eliminated at once, hubs come last.
//!
//! A vertex with at most two neighbours, or with up to four that all know each other, may be eliminated first whatever comes
//! after it (Rose's simplicial vertices; paths in series): ladders and trees vanish, states of devices that hang on two
//! terminals leave the wires alone. Supply rails touch so many others that they only hide the structure of the rest.

use std::collections::VecDeque;

use super::graph::Graph;

/// Neighbours of a vertex that may be eliminated up front if they are connected with each other.
const CLIQUE: usize = 4;
/// Longer lists are not searched.
const SEARCHED: usize = 100;

/// A graph without what can be ordered beforehand.
pub struct Reduced {
    /// Vertices that are eliminated first, in order.
    pub first: Vec<u32>,
    /// What is left; a vertex stands for several of equal neighbours.
    pub core: Graph,
    /// Start of the vertices of each vertex of the core in `members`.
    pub starts: Vec<u32>,
    /// Vertices.
    pub members: Vec<u32>,
    /// Vertices that are eliminated last.
    pub last: Vec<u32>,
}

/// A vertex with more neighbours than this is a hub.
pub fn dense(n: usize) -> usize {
    (10.0 * (n as f64).sqrt()).max(16.0) as usize
}

/// Reduces a graph.
pub fn reduce(graph: &Graph) -> Reduced {
    let n = graph.len();
    let mut reduction = Reduction {
        list: graph.list.clone(),
        starts: &graph.starts,
        lengths: graph.starts.windows(2).map(|s| s[1] - s[0]).collect(),
        gone: vec![false; n],
        degrees: graph.starts.windows(2).map(|s| s[1] - s[0]).collect(),
        queue: Vec::new(),
    };
    let mut last: Vec<u32> = (0..n as u32).filter(|v| graph.of(*v).len() > dense(n)).collect();
    last.sort_by_key(|v| graph.of(*v).len());
    last.iter().for_each(|v| reduction.remove(*v));
    let followers = reduction.merge_equal(graph);
    let mut first = Vec::new();
    for v in reduction.eliminate() {
        first.extend(chain(&followers, v));
    }
    let (mut starts, mut members) = (vec![0], Vec::new());
    let mut number = vec![u32::MAX; n];
    for v in (0..n as u32).filter(|v| !reduction.gone[*v as usize]) {
        number[v as usize] = starts.len() as u32 - 1;
        members.extend(chain(&followers, v));
        starts.push(members.len() as u32);
    }
    let mut core = Graph { starts: vec![0], weights: starts.windows(2).map(|s| s[1] - s[0]).collect(), ..Graph::default() };
    for v in (0..n as u32).filter(|v| number[*v as usize] != u32::MAX) {
        core.list.extend(reduction.of(v).iter().map(|u| number[*u as usize]).filter(|u| *u != u32::MAX));
        core.starts.push(core.list.len() as u32);
    }
    Reduced { first, core, starts, members, last }
}

/// A vertex and those that are equal to it.
fn chain(followers: &[u32], v: u32) -> impl Iterator<Item = u32> + '_ {
    std::iter::successors(Some(v), |v| Some(followers[*v as usize]).filter(|f| *f != u32::MAX))
}

struct Reduction<'a> {
    /// Neighbours; those that are gone are taken out when a list is looked at.
    list: Vec<u32>,
    starts: &'a [u32],
    lengths: Vec<u32>,
    gone: Vec<bool>,
    /// Neighbours that are not gone.
    degrees: Vec<u32>,
    /// Vertices to be looked at.
    queue: Vec<u32>,
}

impl Reduction<'_> {
    fn of(&self, v: u32) -> &[u32] {
        let start = self.starts[v as usize] as usize;
        &self.list[start..start + self.lengths[v as usize] as usize]
    }

    fn remove(&mut self, v: u32) {
        self.gone[v as usize] = true;
        let start = self.starts[v as usize] as usize;
        for k in start..start + self.lengths[v as usize] as usize {
            let u = self.list[k];
            self.degrees[u as usize] = self.degrees[u as usize].saturating_sub(1);
            if !self.gone[u as usize] && self.degrees[u as usize] as usize <= CLIQUE {
                self.queue.push(u);
            }
        }
    }

    /// Takes what is gone out of a list.
    fn tidy(&mut self, v: u32) {
        let start = self.starts[v as usize] as usize;
        let mut to = start;
        for k in start..start + self.lengths[v as usize] as usize {
            let u = self.list[k];
            if !self.gone[u as usize] {
                self.list[to] = u;
                to += 1;
            }
        }
        self.lengths[v as usize] = (to - start) as u32;
    }

    /// Neighbours with the same neighbours become one: the chains of vertices behind each.
    fn merge_equal(&mut self, graph: &Graph) -> Vec<u32> {
        let n = graph.len();
        let mix = |v: u32| u64::from(v + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        let hashes: Vec<u64> = (0..n as u32).map(|v| graph.of(v).iter().fold(mix(v), |sum, u| sum.wrapping_add(mix(*u)))).collect();
        let mut followers = vec![u32::MAX; n];
        let mut ends: Vec<u32> = (0..n as u32).collect();
        let mut seen = vec![u32::MAX; n];
        for v in 0..n as u32 {
            if self.gone[v as usize] {
                continue;
            }
            for &u in graph.of(v) {
                let alike = u > v && hashes[u as usize] == hashes[v as usize] && !self.gone[u as usize];
                if !alike || graph.of(u).len() != graph.of(v).len() {
                    continue;
                }
                if seen[v as usize] != v {
                    seen[v as usize] = v;
                    graph.of(v).iter().for_each(|x| seen[*x as usize] = v);
                }
                if graph.of(u).iter().all(|x| seen[*x as usize] == v) {
                    self.remove(u);
                    followers[ends[v as usize] as usize] = u;
                    ends[v as usize] = u;
                }
            }
        }
        followers
    }

    /// Eliminates what has few neighbours; what fills in only when nothing is left that does not.
    fn eliminate(&mut self) -> Vec<u32> {
        let mut order = Vec::new();
        self.queue = (0..self.gone.len() as u32).filter(|v| !self.gone[*v as usize] && self.small(*v)).collect();
        let (mut later, mut waiting) = (Vec::new(), VecDeque::new());
        // Places of each vertex in the row of those that wait: whose neighbours have changed goes to its end. A ring loses every
        // second vertex, then every fourth: sweeps over the factors find columns that do not wait for each other.
        let mut places = vec![0u32; self.gone.len()];
        loop {
            while !self.queue.is_empty() {
                // In rounds: what becomes small now is looked at after all that is small already.
                std::mem::swap(&mut later, &mut self.queue);
                for v in later.drain(..) {
                    if self.gone[v as usize] || !self.small(v) {
                        continue;
                    }
                    if self.bypass(v, false) {
                        order.push(v);
                    } else if self.degrees[v as usize] == 2 {
                        waiting.push_back(v);
                        places[v as usize] += 1;
                    }
                }
            }
            let Some(v) = waiting.pop_front() else { break };
            places[v as usize] -= 1;
            if places[v as usize] == 0 && !self.gone[v as usize] && self.bypass(v, true) {
                order.push(v);
            }
        }
        order
    }

    fn small(&self, v: u32) -> bool {
        self.degrees[v as usize] as usize <= CLIQUE
    }

    /// Removes a vertex if its neighbours are connected with each other; with `fill`, two of them may become so.
    fn bypass(&mut self, v: u32, fill: bool) -> bool {
        self.tidy(v);
        let mut near = [0u32; CLIQUE];
        let count = self.of(v).len();
        near[..count].copy_from_slice(self.of(v));
        let near = &near[..count];
        for &u in near.iter().filter(|_| count > 1) {
            // Once for each list: it is short afterwards.
            if self.lengths[u as usize] as usize > SEARCHED && self.degrees[u as usize] as usize <= SEARCHED {
                self.tidy(u);
            }
        }
        let linked = (1..count).all(|k| near[..k].iter().all(|u| self.linked(*u, near[k])));
        if !linked {
            let ([a, b], true) = (near, fill) else { return false };
            let (a, b) = (*a, *b);
            let lists_are_short = [a, b].iter().all(|u| self.lengths[*u as usize] as usize <= SEARCHED);
            if !lists_are_short {
                return false;
            }
            // The path through v becomes an edge, in the places where v was.
            self.gone[v as usize] = true;
            self.replace(a, v, b);
            self.replace(b, v, a);
            let small = [a, b].into_iter().filter(|u| self.degrees[*u as usize] as usize <= CLIQUE);
            self.queue.extend(small);
            return true;
        }
        self.remove(v);
        true
    }

    fn linked(&self, a: u32, b: u32) -> bool {
        let (short, other) = if self.lengths[a as usize] < self.lengths[b as usize] { (a, b) } else { (b, a) };
        self.lengths[short as usize] as usize <= SEARCHED && self.of(short).contains(&other)
    }

    fn replace(&mut self, of: u32, old: u32, new: u32) {
        let start = self.starts[of as usize] as usize;
        let range = start..start + self.lengths[of as usize] as usize;
        if let Some(place) = self.list[range].iter_mut().find(|u| **u == old) {
            *place = new;
        }
    }
}
