//! Matrices of circuits by formula: what the solver is timed on.

use memspice::sparse::Pattern;

/// A circuit by its stamps.
pub struct Network {
    pub n: usize,
    entries: Vec<(u32, u32, f64)>,
}

/// A small generator of numbers (splitmix64), so that runs compare.
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

impl Network {
    fn new(n: usize) -> Network {
        Network { n, entries: Vec::new() }
    }

    fn add(&mut self, row: usize, column: usize, value: f64) {
        self.entries.push((row as u32, column as u32, value));
    }

    /// Conductance between two nodes; index n is ground.
    fn conductance(&mut self, a: usize, b: usize, g: f64) {
        for (p, m) in [(a, b), (b, a)] {
            if p < self.n {
                self.add(p, p, g);
                if m < self.n {
                    self.add(p, m, -g);
                }
            }
        }
    }

    /// Ideal source from a node to ground with the current `branch`.
    fn source(&mut self, node: usize, branch: usize) {
        self.add(node, branch, 1.0);
        self.add(branch, node, 1.0);
    }

    /// A MOS-like element: a conductance from drain to source, a transconductance from the gate.
    fn transistor(&mut self, drain: usize, gate: usize, source: usize, gm: f64) {
        self.conductance(drain, source, 0.05 * gm);
        for (row, sign) in [(drain, 1.0), (source, -1.0)] {
            for (column, sign) in [(gate, sign), (source, -sign)] {
                if row < self.n && column < self.n {
                    self.add(row, column, sign * gm);
                }
            }
        }
    }

    /// Pattern, and values with all duplicates summed.
    pub fn matrix(&self) -> (Pattern, Vec<f64>) {
        let pattern = Pattern::new(self.n, self.entries.iter().map(|e| (e.0, e.1)));
        let mut values = vec![0.0; pattern.len() + 1];
        for (row, column, value) in &self.entries {
            values[pattern.slot(*row, *column).0 as usize] += value;
        }
        (pattern, values)
    }
}

/// RC ladder behind a source.
pub fn ladder(sections: usize) -> Network {
    let mut m = Network::new(sections + 2);
    m.source(0, sections + 1);
    for k in 0..sections {
        m.conductance(k, k + 1, 1e-3);
        m.conductance(k + 1, m.n, 1e-4);
    }
    m
}

/// Random RC tree.
pub fn tree(nodes: usize) -> Network {
    let (mut m, mut random) = (Network::new(nodes), Random(3));
    for k in 0..nodes {
        m.conductance(k, if k > 0 { random.below(k) } else { nodes }, 1e-3 * (0.5 + random.uniform()));
        m.conductance(k, nodes, 1e-5);
    }
    m
}

/// Ring oscillator of MOS inverters with a supply.
pub fn ring(stages: usize) -> Network {
    let (mut m, mut random) = (Network::new(stages + 2), Random(4));
    let (supply, ground) = (stages, stages + 2);
    m.source(supply, stages + 1);
    for k in 0..stages {
        let gate = if k > 0 { k - 1 } else { stages - 1 };
        m.transistor(k, gate, ground, 1e-4 * (0.5 + random.uniform()));
        m.transistor(k, gate, supply, 1e-4 * (0.5 + random.uniform()));
        m.conductance(k, ground, 1e-3);
        m.conductance(k, gate, 1e-5);
    }
    m
}

/// Crossbar with wires of 1 S, driven at the row heads, read at the column feet; with or without a state for each cell.
pub fn crossbar(side: usize, states: bool) -> Network {
    let cells = side * side;
    let (mut m, mut random) = (Network::new(if states { 3 } else { 2 } * cells), Random(5));
    let ground = m.n;
    for i in 0..side {
        for j in 0..side {
            let (a, b, x) = (i * side + j, cells + i * side + j, 2 * cells + i * side + j);
            m.conductance(a, b, 1e-4 * (0.1 + random.uniform()));
            m.conductance(a, if j > 0 { a - 1 } else { ground }, 1.0);
            m.conductance(b, if i > 0 { b - side } else { ground }, 1.0);
            if states {
                for (node, sign) in [(a, 1.0), (b, -1.0)] {
                    m.add(node, x, sign * 1e-3 * random.uniform());
                    m.add(x, node, sign * random.uniform());
                }
                m.add(x, x, 10.0 + random.uniform());
            }
        }
    }
    m
}

/// Square grid of resistors with loads and a supply at each corner.
pub fn grid(side: usize) -> Network {
    let cells = side * side;
    let (mut m, mut random) = (Network::new(cells + 4), Random(6));
    let ground = m.n;
    for k in 0..cells {
        m.conductance(k, ground, 1e-4 * random.uniform());
        if (k + 1) % side != 0 {
            m.conductance(k, k + 1, 0.5 + random.uniform());
        }
        if k + side < cells {
            m.conductance(k, k + side, 0.5 + random.uniform());
        }
    }
    for (k, node) in [0, side - 1, cells - side, cells - 1].into_iter().enumerate() {
        m.source(node, cells + k);
    }
    m
}

/// Unsymmetric network of transistors between few neighbours, with four rails that a fifth of them touch.
pub fn transistors(nodes: usize) -> Network {
    let sources = nodes / 333;
    let mut m = Network::new(nodes + 4 + 4 + 2 * sources);
    let (ground, mut random) = (m.n, Random(7));
    for rail in 0..4 {
        m.source(nodes + rail, nodes + 4 + rail);
    }
    for k in 0..sources {
        let (node, branch) = (nodes + 8 + 2 * k, nodes + 9 + 2 * k);
        m.source(node, branch);
        m.conductance(node, random.below(nodes), 1e-3);
    }
    let near = |k: usize, random: &mut Random| (k + 1 + random.below(8)) % nodes;
    for k in 0..nodes {
        m.conductance(k, ground, 1e-4 * (1.0 + random.uniform()));
        let rail = nodes + random.below(4);
        let other = if random.below(5) == 0 { rail } else { near(k, &mut random) };
        let gate = near(k, &mut random);
        m.transistor(k, gate, other, 1e-4 * (0.1 + random.uniform()));
        if random.below(10) == 0 {
            m.conductance(k, random.below(nodes), 1e-5);
        }
    }
    m
}
