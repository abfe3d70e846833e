//! Coarsening: vertices that hold together strongly become one.
//!
//! Heavy-edge clustering (Karypis, Kumar, SIAM J. Sci. Comput. 20, 1998, matched pairs; here a vertex may also join a cluster
//! that is there already, so that stars shrink as fast as grids). A neighbour u of v is rated by `strength^2 / weight(u)`:
//! strong edges vanish inside clusters, and clusters stay of one size. Among equals a hash decides: regular arrays would
//! become long stripes otherwise, whose separators are poor.

use super::graph::Graph;

/// No cluster.
const NONE: u32 = u32::MAX;
/// Clusters may have this many times the mean weight of the vertices they are made of.
const GROWTH: u64 = 4;
/// Vertices are visited in an irregular order within windows of this length, so that neighbours in memory stay together.
const WINDOW: usize = 1024;

/// The next coarser graph, and the vertex of it that each vertex is in; `None` if it is hardly smaller. `trial` numbers the
/// ways to do it.
pub fn coarser(graph: &Graph, trial: u32) -> Option<(Graph, Vec<u32>)> {
    let (map, count) = clusters(graph, trial);
    (count * 10 < graph.len() * 9).then(|| (contract(graph, &map, count), map))
}

/// A graph whose vertices are clusters of those of a finer one.
pub struct Level {
    /// The clusters. An edge may stand for one that is no longer there.
    pub graph: Graph,
    /// Cluster of each vertex of the finer graph.
    pub map: Vec<u32>,
}

/// The levels of a part of a graph, from those of the whole: clusters of which a member is in the part. `part` is the graph of
/// `vertices`.
pub fn levels_of_part(levels: &[Level], vertices: &[u32], part: &Graph) -> Vec<Level> {
    let mut all: Vec<Level> = Vec::with_capacity(levels.len());
    let mut members = vertices.to_vec();
    for level in levels {
        let mut place = vec![NONE; level.graph.len()];
        members.iter().for_each(|v| place[level.map[*v as usize] as usize] = 0);
        let clusters: Vec<u32> = (0..place.len() as u32).filter(|c| place[*c as usize] != NONE).collect();
        let mut graph = level.graph.part(&clusters, &mut place);
        let map: Vec<u32> = members.iter().map(|v| place[level.map[*v as usize] as usize]).collect();
        graph.weights.fill(0);
        let finer = all.last().map_or(part, |level| &level.graph);
        map.iter().zip(&finer.weights).for_each(|(c, weight)| graph.weights[*c as usize] += weight);
        members = clusters;
        all.push(Level { graph, map });
    }
    all
}

/// Scrambles bits (the finaliser of SplitMix64).
fn scrambled(seed: u64) -> u64 {
    let z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 29)
}

/// Cluster of each vertex, and their number.
fn clusters(graph: &Graph, trial: u32) -> (Vec<u32>, usize) {
    let n = graph.len();
    let cap = GROWTH * (graph.weight() as u64).div_ceil(n.max(1) as u64);
    let mut map = vec![NONE; n];
    let mut sizes: Vec<u32> = Vec::with_capacity(n / 2 + 1);
    for window in (0..n).step_by(WINDOW) {
        let length = WINDOW.min(n - window);
        let offset = scrambled((window as u64) << 8 | u64::from(trial)) as usize % length;
        // A step without common factor with the length visits every vertex once.
        let mut step = length * 5 / 8 + 1 + 2 * trial as usize;
        while common_factor(step, length) != 1 {
            step += 1;
        }
        for k in 0..length {
            let v = (window + (k * step + offset) % length) as u32;
            if map[v as usize] != NONE {
                continue;
            }
            let own = graph.weights[v as usize];
            let best = partner(graph, v, trial, &map, &sizes, cap);
            let cluster = best.map_or(NONE, |u| map[u as usize]);
            if cluster != NONE {
                map[v as usize] = cluster;
                sizes[cluster as usize] += own;
                continue;
            }
            map[v as usize] = sizes.len() as u32;
            best.iter().for_each(|u| map[*u as usize] = sizes.len() as u32);
            sizes.push(own + best.map_or(0, |u| graph.weights[u as usize]));
        }
    }
    (map, sizes.len())
}

/// The neighbour whose cluster a vertex joins.
fn partner(graph: &Graph, v: u32, trial: u32, map: &[u32], sizes: &[u32], cap: u64) -> Option<u32> {
    let (mut best, mut rating) = (None, (0.0f64, 1.0f64));
    let seed = scrambled(u64::from(v) << 8 | u64::from(trial));
    for (u, strength) in graph.edges(v) {
        let cluster = map[u as usize];
        let size = if cluster == NONE { graph.weights[u as usize] } else { sizes[cluster as usize] };
        if u64::from(size) + u64::from(graph.weights[v as usize]) > cap {
            continue;
        }
        // Noise below a thousandth.
        let noise = (seed ^ u64::from(u)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
        let square = f64::from(strength) * f64::from(strength);
        let size = f64::from(size) + noise as f64 * 1e-6;
        // Quotients compared without division.
        if square * rating.1 > rating.0 * size {
            (best, rating) = (Some(u), (square, size));
        }
    }
    best
}

fn common_factor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_factor(b, a % b) }
}

/// The graph of the clusters.
fn contract(graph: &Graph, map: &[u32], count: usize) -> Graph {
    // Members of each cluster, by counting.
    let mut starts = vec![0u32; count + 1];
    map.iter().for_each(|c| starts[*c as usize] += 1);
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut members = vec![0u32; map.len()];
    for (v, c) in map.iter().enumerate().rev() {
        starts[*c as usize] -= 1;
        members[starts[*c as usize] as usize] = v as u32;
    }
    let mut coarse = Graph {
        starts: Vec::with_capacity(count + 1),
        list: Vec::with_capacity(graph.list.len()),
        strengths: Vec::with_capacity(graph.list.len()),
        weights: Vec::with_capacity(count),
    };
    coarse.starts.push(0);
    // One more than the place of the edge to a cluster, if that is behind the beginning of the cluster at work.
    let mut place = vec![0u32; count];
    for c in 0..count as u32 {
        let begin = coarse.list.len() as u32;
        let mut weight = 0;
        for v in &members[starts[c as usize] as usize..starts[c as usize + 1] as usize] {
            weight += graph.weights[*v as usize];
            for (u, strength) in graph.edges(*v) {
                let d = map[u as usize];
                let at = place[d as usize];
                if d == c {
                    continue;
                }
                if at > begin {
                    coarse.strengths[at as usize - 1] += strength;
                } else {
                    coarse.list.push(d);
                    coarse.strengths.push(strength);
                    place[d as usize] = coarse.list.len() as u32;
                }
            }
        }
        coarse.weights.push(weight);
        coarse.starts.push(coarse.list.len() as u32);
    }
    coarse
}
