//! `cargo bench --bench klu`: the solver on circuit matrices, beside KLU where that is installed (`libklu.so`, from
//! SuiteSparse: `apt-get install libsuitesparse-dev`), which is loaded at run time and for this table only.
//!
//! Both factor the same values, in alternation, on one thread; times are CPU times of the thread, medians. A name as argument
//! limits the table to cases that contain it.

#[path = "matrices.rs"]
mod matrices;
#[path = "oracle.rs"]
mod oracle;

use std::hint::black_box;
use std::time::{Duration, Instant};

use matrices::{Network, Random, crossbar, grid, ladder, ring, transistors, tree};
use memspice::sparse::{Lu, Pattern};
use oracle::{Klu, Oracle};

type Case = (&'static str, fn() -> Network);

const CASES: [Case; 24] = [
    ("ladder 8", || ladder(8)),
    ("ladder 30", || ladder(30)),
    ("ladder 300", || ladder(300)),
    ("ladder 10k", || ladder(10_000)),
    ("ladder 100k", || ladder(100_000)),
    ("tree 100k", || tree(100_000)),
    ("ring 9", || ring(9)),
    ("ring 101", || ring(101)),
    ("MOS 20", || transistors(20)),
    ("MOS 100", || transistors(100)),
    ("MOS 300", || transistors(300)),
    ("MOS 2k", || transistors(2_000)),
    ("MOS 20k", || transistors(20_000)),
    ("crossbar 8", || crossbar(8, false)),
    ("crossbar 16", || crossbar(16, false)),
    ("crossbar 16 s", || crossbar(16, true)),
    ("crossbar 32", || crossbar(32, false)),
    ("crossbar 32 s", || crossbar(32, true)),
    ("crossbar 64", || crossbar(64, false)),
    ("crossbar 64 s", || crossbar(64, true)),
    ("crossbar 128", || crossbar(128, false)),
    ("crossbar 128 s", || crossbar(128, true)),
    ("crossbar 256", || crossbar(256, false)),
    ("grid 300", || grid(300)),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let oracle = Oracle::load();
    if let Err(why) = &oracle {
        println!("no comparison: {why}");
    }
    println!("us: microseconds of this solver; ratio: its time divided by KLU's");
    println!(
        "{:<15} {:>7} {:>8} {:>9} {:>8} {:>6} {:>11} {:>6} {:>10} {:>6} {:>10} {:>6} {:>8} {:>9}",
        "matrix",
        "n",
        "L+U",
        "KLU L+U",
        "Mflop",
        "fronts",
        "refactor us",
        "ratio",
        "solve us",
        "ratio",
        "first us",
        "ratio",
        "Gflop/s",
        "2 threads"
    );
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    for (name, network) in CASES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()))) {
        let (pattern, values) = network().matrix();
        let line = one.install(|| compare(&pattern, &values, oracle.as_ref().ok()));
        let wall = if line.fronts { two.install(|| wall(&pattern, &values)) } else { f64::NAN };
        line.print(name, pattern.n, wall);
    }
}

/// Times of one case in seconds: ours and KLU's.
struct Line {
    entries: usize,
    klu_entries: usize,
    flops: f64,
    fronts: bool,
    refactor: [f64; 2],
    solve: [f64; 2],
    first: [f64; 2],
    wall: f64,
}

impl Line {
    fn print(&self, name: &str, n: usize, wall: f64) {
        let pair = |t: &[f64; 2]| (1e6 * t[0], t[0] / t[1]);
        let ((r, rr), (s, sr), (f, fr)) = (pair(&self.refactor), pair(&self.solve), pair(&self.first));
        println!(
            "{name:<15} {n:>7} {:>8} {:>9} {:>8.2} {:>6} {r:>11.2} {rr:>6.2} {s:>10.2} {sr:>6.2} {f:>10.1} {fr:>6.2} {:>8.2} {:>9.2}",
            self.entries,
            self.klu_entries,
            1e-6 * self.flops,
            if self.fronts { "yes" } else { "no" },
            1e-9 * self.flops / self.refactor[0],
            wall / self.wall
        );
    }
}

/// All values moved by up to 2 percent.
fn moved(values: &[f64], random: &mut Random) -> Vec<f64> {
    values.iter().map(|v| v * (1.0 + 0.02 * random.uniform())).collect()
}

fn compare(pattern: &Pattern, values: &[f64], oracle: Option<&Oracle>) -> Line {
    let mut random = Random(1);
    let sets: Vec<Vec<f64>> = (0..4).map(|_| moved(values, &mut random)).collect();
    let mut lu = Lu::new(pattern);
    lu.factor(values).expect("a regular matrix");
    let mut klu = oracle.map(|o| Klu::new(o, pattern, values));
    let started = Instant::now();
    lu.factor(&sets[0]).expect("a regular matrix");
    // Enough calls for the clock, few enough for patience.
    let calls = (Duration::from_micros(300).as_nanos() / started.elapsed().as_nanos().max(1)).clamp(1, 2000) as usize;
    let rounds = if calls > 1 { 61 } else { 15 };
    let mut times: [Vec<f64>; 6] = Default::default();
    let mut note = |k: usize, calls: usize, work: &mut dyn FnMut(usize)| {
        let started = clock();
        (0..calls).for_each(&mut *work);
        times[k].push((clock() - started) / calls as f64);
    };
    let b = vec![1.0; pattern.n];
    let (mut x, mut y) = (b.clone(), b.clone());
    for _ in 0..rounds {
        note(0, calls, &mut |k| {
            let _ = black_box(lu.factor(black_box(&sets[k % sets.len()])));
        });
        note(1, calls, &mut |_| {
            x.copy_from_slice(&b);
            lu.solve(black_box(&mut x));
        });
        if let Some(klu) = &mut klu {
            note(2, calls, &mut |k| klu.refactor(black_box(&sets[k % sets.len()])));
            note(3, calls, &mut |_| {
                y.copy_from_slice(&b);
                klu.solve(black_box(&mut y));
            });
        }
    }
    for _ in 0..if calls > 1 { 9 } else { 3 } {
        note(4, 1, &mut |_| {
            let mut lu = Lu::new(pattern);
            black_box(lu.factor(values)).expect("a regular matrix");
        });
        if let Some(oracle) = oracle {
            note(5, 1, &mut |_| drop(Klu::new(oracle, pattern, values)));
        }
    }
    if let Some(klu) = &klu {
        agree(&x, &y);
        assert_eq!(klu.n, pattern.n);
    }
    let wall = wall(pattern, values);
    let [refactor, solve, klu_refactor, klu_solve, first, klu_first] = times.map(median);
    Line {
        entries: lu.entries(),
        klu_entries: klu.as_ref().map_or(0, Klu::entries),
        flops: lu.flops(),
        fronts: lu.has_fronts(),
        refactor: [refactor, klu_refactor],
        solve: [solve, klu_solve],
        first: [first, klu_first],
        wall,
    }
}

/// Seconds of a refactorisation by the clock on the wall.
fn wall(pattern: &Pattern, values: &[f64]) -> f64 {
    let mut lu = Lu::new(pattern);
    lu.factor(values).expect("a regular matrix");
    let once = |_| {
        let started = Instant::now();
        black_box(lu.factor(black_box(values))).expect("a regular matrix");
        started.elapsed().as_secs_f64()
    };
    median((0..15).map(once).collect())
}

/// The last solutions belong to the same matrix.
fn agree(x: &[f64], y: &[f64]) {
    let size = y.iter().fold(0.0f64, |m, y| m.max(y.abs()));
    let worst = x.iter().zip(y).fold(0.0f64, |m, (x, y)| m.max((x - y).abs()));
    assert!(worst <= 1e-6 * size, "the two differ by {worst:e} of {size:e}");
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU time of this thread in seconds.
#[cfg(target_os = "linux")]
fn clock() -> f64 {
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Time) -> i32;
    }
    const THREAD: i32 = 3;
    let mut time = Time { seconds: 0, nanoseconds: 0 };
    // Safety: the structure has the layout of `struct timespec` on 64-bit Linux.
    unsafe { clock_gettime(THREAD, &raw mut time) };
    time.seconds as f64 + 1e-9 * time.nanoseconds as f64
}

#[cfg(not(target_os = "linux"))]
fn clock() -> f64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
