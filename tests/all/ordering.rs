//! Orders of elimination: what they cost on circuits of every shape, against the crate `amd`, against figures of METIS, and
//! against elimination done by hand.

use std::collections::BTreeSet;

use memspice::sparse::counts;
use memspice::sparse::dissect::degree::{Cost, MinimumDegree};
use memspice::sparse::dissect::{self, graph::Graph};

/// A small generator of numbers (SplitMix64), so that failures repeat.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as u32
    }
}

fn graph(n: u32, edges: Vec<(u32, u32)>) -> Graph {
    Graph::new(n as usize, edges.into_iter())
}

fn ladder(n: u32) -> Graph {
    graph(n, (1..n).map(|k| (k - 1, k)).collect())
}

fn tree(n: u32) -> Graph {
    let mut random = Random(3);
    graph(n, (1..n).map(|k| (random.below(k as usize), k)).collect())
}

/// Rows and columns of wires; with states, one unknown more at each crossing.
fn crossbar(n: u32, states: bool) -> Graph {
    let (row, column) = (|i: u32, j: u32| i * n + j, |i: u32, j: u32| n * n + j * n + i);
    let mut edges = Vec::new();
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        edges.push((row(i, j), column(i, j)));
        if j > 0 {
            edges.push((row(i, j - 1), row(i, j)));
        }
        if i > 0 {
            edges.push((column(i - 1, j), column(i, j)));
        }
        if states {
            let state = 2 * n * n + i * n + j;
            edges.extend([(state, row(i, j)), (state, column(i, j))]);
        }
    }
    graph(if states { 3 * n * n } else { 2 * n * n }, edges)
}

/// A grid of `sides` points in each direction.
fn grid(sides: [u32; 3]) -> Graph {
    let at = |p: [u32; 3]| (p[0] * sides[1] + p[1]) * sides[2] + p[2];
    let mut edges = Vec::new();
    for a in 0..sides[0] {
        for b in 0..sides[1] {
            for c in 0..sides[2] {
                for d in 0..3 {
                    let mut other = [a, b, c];
                    if other[d] > 0 {
                        other[d] -= 1;
                        edges.push((at([a, b, c]), at(other)));
                    }
                }
            }
        }
    }
    graph(sides.iter().product(), edges)
}

/// Gates of three nodes, each next to some near it, most of them on one of four rails.
fn rails(n: u32) -> Graph {
    let mut random = Random(7);
    let mut edges = Vec::new();
    for k in 4..n {
        let near = (4 + random.below((k - 3) as usize)).max(k.saturating_sub(30));
        edges.push((k, near));
        if random.below(40) == 0 {
            edges.push((k, 4 + random.below((n - 4) as usize)));
        }
        edges.extend((0..2).map(|_| (k, random.below(4))));
    }
    graph(n, edges)
}

fn ring_of_rings(n: u32) -> Graph {
    let at = |i: u32, j: u32| (i % n) * n + j % n;
    let edges = (0..n * n).flat_map(|k| [(k, at(k / n, k % n + 1)), (k, at(k / n + 1, k % n))]).collect();
    graph(n * n, edges)
}

fn random_graph(n: u32, edges: usize, seed: u64) -> Graph {
    let mut random = Random(seed);
    let edges = (0..edges).map(|_| (random.below(n as usize), random.below(n as usize))).collect();
    graph(n, edges)
}

fn amd_order(graph: &Graph) -> Vec<u32> {
    let (mut starts, mut rows) = (vec![0], Vec::new());
    for v in 0..graph.len() as u32 {
        let begin = rows.len();
        // With the diagonal: the crate's assertions count on it.
        rows.extend(graph.of(v).iter().chain([&v]).map(|u| *u as i32));
        rows[begin..].sort_unstable();
        starts.push(rows.len() as i32);
    }
    let order = amd::order(graph.len() as i32, &starts, &rows, &amd::Control::default());
    order.unwrap_or_else(|_| panic!("amd refuses")).0.iter().map(|v| *v as u32).collect()
}

fn assert_permutation(order: &[u32], n: usize) {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..n as u32), "no permutation of {n}");
}

/// The cost of an order by elimination with sets.
fn by_hand(graph: &Graph, order: &[u32]) -> Cost {
    let mut near: Vec<BTreeSet<u32>> = (0..graph.len() as u32).map(|v| graph.of(v).iter().copied().collect()).collect();
    let mut cost = Cost::default();
    for &v in order {
        let own = std::mem::take(&mut near[v as usize]);
        cost.add(1.0, own.len() as f64);
        for &u in &own {
            near[u as usize].remove(&v);
            near[u as usize].extend(own.iter().filter(|x| **x != u));
        }
    }
    cost
}

#[test]
fn counts_are_those_of_an_elimination() {
    for seed in 0..40 {
        let n = 2 + seed as u32 * 2;
        let g = random_graph(n, (n as usize * (1 + seed as usize % 4)) / 2, seed);
        for order in [dissect::order(&g, 1e9), dissect::dissected(&g, 20), (0..n).collect(), (0..n).rev().collect()] {
            assert_permutation(&order, g.len());
            assert_eq!(counts::cost(&g, &order), by_hand(&g, &order), "seed {seed}");
        }
        // What minimum degree says about its own cost is exact, too.
        let mut order = Vec::new();
        let cost = MinimumDegree::default().order(&g, g.len(), &mut order);
        assert_permutation(&order, g.len());
        assert_eq!(cost, by_hand(&g, &order), "seed {seed}");
    }
}

#[test]
fn no_order_costs_more_than_minimum_degree() {
    let cases = [
        ("ladder", ladder(3000)),
        ("tree", tree(3000)),
        ("rails", rails(6000)),
        ("grid", grid([60, 60, 1])),
        ("block", grid([12, 12, 12])),
        ("crossbar", crossbar(48, false)),
        ("crossbar with states", crossbar(40, true)),
        ("ring of rings", ring_of_rings(40)),
        ("expander", random_graph(2000, 4000, 9)),
        ("dust", random_graph(5000, 2500, 4)),
    ];
    for (name, g) in cases {
        let order = dissect::order(&g, 1e9);
        assert_permutation(&order, g.len());
        let (own, amd) = (counts::cost(&g, &order), counts::cost(&g, &amd_order(&g)));
        // Minimum degree depends on how ties are broken by some per cent: that much is nobody's loss.
        assert!(own.flops <= 1.05 * amd.flops, "{name}: {} flops, amd {}", own.flops, amd.flops);
    }
}

/// METIS 5.1 (`METIS_NodeND`, default options) needs 80.2 million multiplications and additions for a crossbar of 128.
#[test]
fn crossbars_cost_what_metis_makes_them_cost() {
    let g = crossbar(128, false);
    let cost = counts::cost(&g, &dissect::order(&g, 1e9));
    assert!(cost.flops <= 1.1 * 80.2e6, "{} flops", cost.flops);
}

#[test]
fn the_order_does_not_depend_on_threads() {
    let g = crossbar(96, false);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| dissect::order(&g, 1e9))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

/// Equal neighbours, hubs, stars, cliques, lonely vertices: none is lost, and nothing takes long.
#[test]
fn extreme_graphs_are_ordered() {
    let star = graph(20_000, (1..20_000).map(|k| (0, k)).collect());
    let stars = graph(40_000, (100..40_000).map(|k| (k % 100, k)).collect());
    let bridges = graph(30_000, (2..30_000).flat_map(|k| [(0, k), (1, k)]).collect());
    let clique = graph(120, (0..120).flat_map(|a| (0..a).map(move |b| (a, b))).collect());
    for g in [star, stars, bridges, clique, graph(0, Vec::new()), graph(1, Vec::new()), graph(700, Vec::new())] {
        assert_permutation(&dissect::order(&g, 1e9), g.len());
        assert_permutation(&dissect::dissected(&g, 50), g.len());
    }
}

/// A ring loses every second vertex, then every fourth: columns that wait for each other are few. One vertex after the other would
/// make a chain as long as the ring.
#[test]
fn rings_are_eliminated_in_rounds() {
    let n = 256u32;
    let ring = graph(n, (0..n).map(|k| (k, (k + 1) % n)).collect());
    let order = dissect::order(&ring, 1.0);
    assert_permutation(&order, n as usize);
    assert_eq!(by_hand(&ring, &order).entries, 5.0 * f64::from(n) - 6.0);
    let mut neighbours: Vec<BTreeSet<u32>> = (0..n).map(|v| ring.of(v).iter().copied().collect()).collect();
    let mut rounds = vec![0; n as usize];
    for &v in &order {
        let near = std::mem::take(&mut neighbours[v as usize]);
        for &u in &near {
            neighbours[u as usize].extend(near.iter().filter(|w| **w != u));
            neighbours[u as usize].remove(&v);
            rounds[u as usize] = rounds[u as usize].max(rounds[v as usize] + 1);
        }
    }
    // log2(256) rounds, and few for what is left over.
    assert!(rounds.iter().all(|r| *r <= 10), "{:?}", rounds.iter().max());
}
