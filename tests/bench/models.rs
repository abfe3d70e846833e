//! `cargo bench --bench models`: what it costs to compile models and to evaluate them. Times are the best of several runs.

#[path = "modules.rs"]
mod modules;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use memspice::ir::batch::{LANES, Program, Source, Work};
use memspice::ir::{Function, Input, Inst, rate};
use memspice::model::kernel::{self, Kernel};

/// Counts bytes in use and their peak.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(used, Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    for size in [modules::EKV, modules::PSP, modules::FOURFOLD] {
        compile(size);
    }
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

/// Seconds that this thread has been on a processor: what others do on the machine hardly counts.
fn now() -> f64 {
    let mut time = [0; 2];
    // SAFETY: `timespec` is two 64-bit numbers here; 3 is CLOCK_THREAD_CPUTIME_ID of Linux.
    unsafe { clock_gettime(3, &mut time) };
    time[0] as f64 + 1e-9 * time[1] as f64
}

/// Best time of `runs` calls, s, and what the last one gave.
fn best<T>(runs: usize, mut call: impl FnMut() -> T) -> (f64, T) {
    let mut least = f64::INFINITY;
    let mut last = None;
    for _ in 0..runs {
        let begin = now();
        let made = call();
        least = least.min(now() - begin);
        last = Some(made);
    }
    (least, last.expect("at least one run"))
}

fn operations(f: &Function) -> usize {
    f.insts.iter().filter(|i| matches!(i, Inst::Op(..))).count()
}

fn compile(size: modules::Size) {
    let text = modules::text(size);
    if std::env::var_os("SHOW").is_some() {
        std::fs::write(format!("/tmp/h/out/{}.va", size.name), &text).expect("written");
    }
    let runs = if size.setup > 1000 { 3 } else { 20 };
    PEAK.store(USED.load(Relaxed), Relaxed);
    let before = USED.load(Relaxed);
    let ms = |s: f64| 1e3 * s;
    let (front, model) = best(runs, || modules::compiled(&text));
    let (all, kernel) = best(runs, || Kernel::compile(&model));
    let peak = PEAK.load(Relaxed) - before;
    println!("{}: {} lines, {} kB of text", size.name, text.lines().count(), text.len() / 1000);
    println!("  text to model {:.2} ms, model to kernels {:.2} ms, peak {:.1} MB", ms(front), ms(all), peak as f64 * 1e-6);
    let (t_diff, (function, entries)) = best(runs, || kernel::differentiated(&model));
    let (t_split, split) = best(runs, || rate::split(&function));
    let (t_full, full) = best(runs, || Program::compile(&split.eval));
    let (t_setup, _) = best(runs, || Program::compile(&split.setup));
    println!(
        "  {} operations in the model; differentiated {} with {} derivatives in {:.2} ms; split {} + {} (hoisted {}) in {:.2} ms; compiled in {:.2} + {:.2} ms",
        operations(&model.function),
        operations(&function),
        entries.len(),
        ms(t_diff),
        operations(&split.setup),
        operations(&split.eval),
        split.hoisted(),
        ms(t_split),
        ms(t_setup),
        ms(t_full),
    );
    println!(
        "  probes {} contributions {} outputs {} registers {}",
        model.probes.len(),
        model.contributions.len(),
        model.function.outputs.len(),
        full.registers()
    );
    evaluation(size.name, &split.eval, &kernel.full);
}

/// Time of one call by the number of lanes.
fn evaluation(name: &str, f: &Function, program: &Program) {
    let count = operations(f);
    for lanes in [1, 4, 16, 64] {
        let values: Vec<Vec<f64>> = program
            .inputs
            .iter()
            .enumerate()
            .map(|(k, input)| match input {
                Input::Probe(_) => (0..lanes).map(|lane| 0.3 + 0.01 * lane as f64 + 0.02 * k as f64).collect(),
                _ => vec![0.5; lanes],
            })
            .collect();
        let sources: Vec<Source> = values.iter().map(|v| Source::Lanes(v)).collect();
        let mut out = vec![0.0; program.outputs * LANES];
        let mut work = Work::new(program);
        let calls = (2_000_000 / (count * lanes.max(8))).max(3);
        let (seconds, ()) = best(9, || (0..calls).for_each(|_| program.run(lanes, &sources, &mut work, &mut out)));
        let call = 1e9 * seconds / calls as f64;
        println!(
            "  {name} {lanes:>3} lanes: {call:>9.0} ns per call, {:>8.1} ns per instance, {:.3} ns per operation",
            call / lanes as f64,
            call / lanes as f64 / count as f64
        );
    }
}
