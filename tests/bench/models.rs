//! `cargo bench --bench models`: what it costs to compile models and to evaluate them. Times are the best of several runs.

#[path = "modules.rs"]
mod modules;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use memspice::dae::{Eval, Memory, Phase, Point, System as _, Want};
use memspice::ir::batch::{LANES, Program, Source, Work};
use memspice::ir::{Builder, Function, Input, Inst, Op, Type, Value, diff, rate};
use memspice::model::kernel::{self, Kernel};
use memspice::model::library::Library;
use memspice::run::prepare;
use memspice::span::{MemoryFiles, Sources};

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
    evaluation("transistor by hand", &transistor(), &Program::compile(&transistor()));
    ["nmos", "taox", "nbox"].into_iter().for_each(library);
    systems();
    for size in [modules::EKV, modules::PSP, modules::FOURFOLD] {
        compile(size);
    }
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

/// Seconds that this process has been on a processor: what others do on the machine hardly counts.
fn now() -> f64 {
    let mut time = [0; 2];
    // SAFETY: `timespec` is two 64-bit numbers here; 2 is CLOCK_PROCESS_CPUTIME_ID of Linux.
    unsafe { clock_gettime(2, &mut time) };
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
    chunks(size.name, &kernel);
}

/// Time of one call by the number of lanes.
fn evaluation(name: &str, f: &Function, program: &Program) {
    let count = operations(f);
    println!("{name}: {count} operations, {} registers, {} outputs", program.registers(), program.outputs);
    println!("  {:>6} {:>12} {:>14} {:>15}", "lanes", "ns per call", "ns/instance", "ns/operation");
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
        let (seconds, ()) = best(15, || (0..calls).for_each(|_| program.run(lanes, &sources, &mut work, &mut out)));
        let call = 1e9 * seconds / calls as f64;
        let instance = call / lanes as f64;
        println!("  {lanes:>6} {call:>12.0} {instance:>14.1} {:>15.3}", instance / count as f64);
    }
}

/// A transistor's kernel made by hand: 6 outputs of 4 probes with all derivatives, about 550 operations.
fn transistor() -> Function {
    let mut b = Builder::new();
    let v: Vec<Value> = (0..4).map(|k| b.input(Input::Probe(k), Type::Real)).collect();
    let p: Vec<Value> = (0..12).map(|k| b.input(Input::Hoisted(k), Type::Real)).collect();
    let one = b.real(1.0);
    let mut outputs = Vec::new();
    for t in 0..6 {
        let (s, other) = (b.op(Op::Sub, &[v[t % 4], v[(t + 1) % 4]]), v[(t + 2) % 4]);
        let scaled = b.op(Op::Mul, &[s, p[t]]);
        let w = b.op(Op::Add, &[scaled, other]);
        let square = b.op(Op::Mul, &[w, w]);
        let above = b.op(Op::Add, &[square, one]);
        let root = b.op(Op::Sqrt, &[above]);
        let ratio = b.op(Op::Div, &[w, root]);
        let mut k = b.op(Op::Mul, &[ratio, p[t + 1]]);
        if t < 4 {
            let grown = b.op(Op::Exp, &[k]);
            let sum = b.op(Op::Add, &[grown, p[t + 2]]);
            k = b.op(Op::Ln, &[sum]);
        }
        let doubled = b.op(Op::Mul, &[k, k]);
        let sum = b.op(Op::Add, &[doubled, root]);
        let quotient = b.op(Op::Div, &[sum, above]);
        let size = b.op(Op::Abs, &[quotient]);
        let larger = b.op(Op::Max, &[size, s]);
        let product = b.op(Op::Mul, &[larger, v[(t + 3) % 4]]);
        outputs.push(b.op(Op::Add, &[product, k]));
    }
    diff::differentiate(&b.finish(outputs), &[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3]).0
}

/// The eval part of a model of the library.
fn library(name: &str) {
    let (mut sources, mut library) = (Sources::new(Box::new(MemoryFiles::default())), Library::new());
    let model = library.get(&mut sources, name).expect("a model of the library");
    let split = rate::split(&kernel::differentiated(&model).0);
    let kernel = Kernel::compile(&model);
    evaluation(name, &split.eval, &kernel.full);
    chunks(name, &kernel);
}

/// Time of one chunk of lanes of the program that Newton runs.
fn chunks(name: &str, kernel: &Kernel) {
    let (program, count) = (&kernel.free.newton, operations(&kernel.free.function));
    println!("{name} as Newton runs it: {count} operations, {} registers, {} outputs", program.registers(), program.outputs);
    for width in [4, 8] {
        let fixed = vec![0.5; program.fixed().len() * width];
        let mut work = Work::default();
        let registers = program.registers_of(&mut work, width);
        for (k, (_, register)) in program.moving().enumerate() {
            let lanes = registers.lanes_mut(register).iter_mut().enumerate();
            lanes.for_each(|(lane, v)| *v = 0.3 + 0.01 * lane as f64 + 0.02 * k as f64);
        }
        let calls = (2_000_000 / (count * 8)).max(3);
        let (seconds, ()) = best(15, || (0..calls).for_each(|_| program.advance(&fixed, registers, width)));
        let call = 1e9 * seconds / calls as f64;
        println!("  {width:>6} {call:>12.0} {:>14.1} {:>15.3}", call / width as f64, call / width as f64 / count as f64);
    }
}

/// Kinds of devices, their cards and one of them with a load: `{k}` stands for its number.
const DEVICES: [(&str, &str, &str); 3] = [
    ("memristor", "", "X{k} d{k} 0 taox\nR{k} d d{k} 1k\n"),
    ("diode", ".model dm d(is=80p rs=0.05 n=1.45 cjo=25p m=0.33 vj=0.7)\n", "D{k} d{k} 0 dm\nR{k} d d{k} 1k\n"),
    ("MOS", ".model nm nmos(vto=0.5 kp=100u gamma=0.4 lambda=0.02)\n", "M{k} d{k} g 0 0 nm w=10u l=1u\nR{k} d d{k} 1k\n"),
];

/// Time of one evaluation of a whole system, gather and scatter included, by the number of devices.
fn systems() {
    println!("whole systems (gather, kernel, scatter of residual and matrix), ns; in brackets the residual alone");
    println!("  {:>10} {:>6} {:>20} {:>20}", "device", "number", "per call", "per instance");
    for (name, card, device) in DEVICES {
        for count in [1, 4, 64, 4096] {
            let mut deck = format!("{name}\nVD d 0 1\nVG g 0 0.8\nRG g 0 1k\n{card}");
            (0..count).for_each(|k| deck.push_str(&device.replace("{k}", &k.to_string())));
            let path = Path::new("deck.cir");
            let files = MemoryFiles([(path.to_path_buf(), deck.into_bytes())].into());
            let mut sources = Sources::new(Box::new(files));
            let Ok((mna, _)) = prepare(path, &[], &mut sources) else { panic!("the deck is right") };
            let (params, past) = (mna.params(), Memory::default());
            let x: Vec<f64> = (0..mna.layout().unknowns.len()).map(|k| 0.3 + 1e-5 * k as f64).collect();
            let at = Point { x: &x, t: 0.0, params: &params, past: &past, trial: None, phase: Phase::Static };
            let mut out = Eval::new(&mna);
            let calls = 200_000 / count.max(20);
            let mut cost = |want| 1e9 * best(9, || (0..calls).for_each(|_| mna.eval(&at, want, &mut out))).0 / calls as f64;
            let (all, few) = (cost(Want::NEWTON), cost(Want::RESIDUAL));
            let each = |cost: f64| cost / count as f64;
            println!("  {name:>10} {count:>6} {all:>10.0} ({few:>7.0}) {:>10.1} ({:>7.1})", each(all), each(few));
        }
    }
}
