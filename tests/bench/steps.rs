//! `cargo bench`: a table of what things cost, in steps and in time. Numbers are medians of several runs.

#[path = "precision.rs"]
mod precision;
#[path = "../all/runs.rs"]
#[allow(dead_code)]
mod runs;
#[path = "../all/systems.rs"]
#[allow(dead_code)]
mod systems;
#[path = "../all/toy.rs"]
#[allow(dead_code)]
mod toy;

use std::hint::black_box;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use memspice::run::{prepare, simulate};
use memspice::span::{Disk, Sources};
use memspice::sparse::{Lu, Pattern};

fn main() {
    precision::print();
    decks();
    linear_algebra();
}

/// Decks whose transients are timed.
const DECKS: [&str; 6] = [
    "netlists/basics/rc.cir",
    "netlists/basics/diode-rectifier.cir",
    "netlists/basics/ring9.cir",
    "netlists/figures/turing-two-cells.cir",
    "netlists/figures/smale-two-cells.cir",
    "netlists/neurons/pickett-oscillator.cir",
];

/// Steps, iterations and time of each member of each deck, from the run of median time of five.
fn decks() {
    println!(
        "{:<24} {:<14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "deck", "method", "points", "accepted", "rejected", "newton", "factor", "ms"
    );
    let stop = AtomicBool::new(false);
    for deck in DECKS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(deck);
        let once = || {
            let mut sources = Sources::new(Box::new(Disk));
            let (mna, _) = prepare(&path, &[], &mut sources).expect("the deck is right");
            simulate(mna, &path, &[], &Mutex::new(sources), &stop, &|_| {}).expect("the cards are right")
        };
        let mut runs: Vec<_> = (0..5).map(|_| once()).collect();
        let seconds = |k: &memspice::run::Simulation| k.members.iter().flatten().map(|o| o.seconds).sum::<f64>();
        runs.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        let median = &runs[runs.len() / 2];
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        for outcome in median.members.iter().flatten().filter(|o| o.summary.counts.accepted > 0) {
            let (summary, c) = (&outcome.summary, &outcome.summary.counts);
            println!(
                "{name:<24} {:<14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9.3}",
                summary.method.split(',').next().unwrap_or(""),
                summary.points,
                c.accepted,
                c.rejected,
                c.iterations,
                c.factorisations,
                1e3 * outcome.seconds
            );
        }
    }
}

/// Median time of a call, s: as many calls to a sample as fill a few milliseconds, nine samples.
fn median(mut call: impl FnMut()) -> f64 {
    let begin = Instant::now();
    call();
    let calls = (2e-3 / begin.elapsed().as_secs_f64().max(1e-8)).clamp(1.0, 1e5) as u32;
    let mut samples: Vec<f64> = (0..9)
        .map(|_| {
            let begin = Instant::now();
            (0..calls).for_each(|_| call());
            begin.elapsed().as_secs_f64() / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Entries of a matrix made of conductances; index n is ground.
struct Network {
    n: usize,
    entries: Vec<(u32, u32, f64)>,
    count: u64,
}

impl Network {
    fn new(n: usize) -> Network {
        Network { n, entries: Vec::new(), count: 0 }
    }

    /// A conductance whose value varies from one to the next by a factor of up to 2.
    fn join(&mut self, a: usize, b: usize) {
        self.count = self.count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let g = 1.0 + (self.count >> 40) as f64 / (1u64 << 24) as f64;
        for (p, m) in [(a, b), (b, a)] {
            if p < self.n {
                self.entries.push((p as u32, p as u32, g));
                if m < self.n {
                    self.entries.push((p as u32, m as u32, -g));
                }
            }
        }
    }

    fn source(&mut self, node: usize, branch: usize) {
        self.entries.push((node as u32, branch as u32, 1.0));
        self.entries.push((branch as u32, node as u32, 1.0));
    }

    fn matrix(&self) -> (Pattern, Vec<f64>) {
        let pattern = Pattern::new(self.n, self.entries.iter().map(|e| (e.0, e.1)));
        let mut values = vec![0.0; pattern.len() + 1];
        for (row, column, value) in &self.entries {
            values[pattern.slot(*row, *column).0 as usize] += value;
        }
        (pattern, values)
    }
}

/// RC ladder behind a source.
fn ladder(sections: usize) -> Network {
    let mut m = Network::new(sections + 1);
    for k in 0..sections {
        m.join(k, if k + 1 < sections { k + 1 } else { m.n });
        m.join(k, m.n);
    }
    m.source(0, sections);
    m
}

fn grid(side: usize) -> Network {
    let mut m = Network::new(side * side);
    for k in 0..side * side {
        m.join(k, m.n);
        if k % side + 1 < side {
            m.join(k, k + 1);
        }
        if k + side < m.n {
            m.join(k, k + side);
        }
    }
    m
}

/// Memristor crossbar with wire resistance: two nodes for each crossing.
fn crossbar(side: usize) -> Network {
    let cells = side * side;
    let mut m = Network::new(2 * cells);
    for k in 0..cells {
        m.join(k, cells + k);
        m.join(k, if k % side + 1 < side { k + 1 } else { m.n });
        m.join(cells + k, if k + side < cells { cells + k + side } else { m.n });
    }
    m
}

/// Cells between ideal supply rails, each driven by the one before.
fn rails(cells: usize) -> Network {
    let mut m = Network::new(cells + 8);
    for k in 0..cells {
        (0..4).for_each(|rail| m.join(k, cells + rail));
        m.entries.push((k as u32, ((k * 7 + 3) % cells) as u32, 0.5));
    }
    (0..4).for_each(|rail| m.source(cells + rail, cells + 4 + rail));
    m
}

fn linear_algebra() {
    println!("sparse LU (times in microseconds)");
    println!(
        "{:<14} {:>7} {:>8} {:>9} {:>7} {:>10} {:>10} {:>10}",
        "matrix", "n", "entries", "L + U", "blocks", "first", "refactor", "solve"
    );
    let cases = [
        ("ladder 3", ladder(3)),
        ("ladder 30", ladder(30)),
        ("ladder 10k", ladder(10_000)),
        ("grid 30", grid(30)),
        ("grid 100", grid(100)),
        ("crossbar 8", crossbar(8)),
        ("crossbar 16", crossbar(16)),
        ("crossbar 64", crossbar(64)),
        ("rails 2k", rails(2_000)),
    ];
    for (name, network) in cases {
        let (pattern, values) = network.matrix();
        let mut lu = Lu::new(&pattern);
        let first = median(|| {
            lu = Lu::new(&pattern);
            black_box(lu.factor(black_box(&values))).expect("a regular matrix");
        });
        let refactor = median(|| {
            black_box(lu.factor(black_box(&values))).expect("a regular matrix");
        });
        let mut b = vec![1.0; pattern.n];
        let solve = median(|| {
            b.fill(1.0);
            lu.solve(black_box(&mut b));
        });
        println!(
            "{name:<14} {:>7} {:>8} {:>9} {:>7} {:>10.2} {:>10.3} {:>10.3}",
            pattern.n,
            pattern.len(),
            lu.entries(),
            lu.blocks(),
            1e6 * first,
            1e6 * refactor,
            1e6 * solve
        );
    }
}
