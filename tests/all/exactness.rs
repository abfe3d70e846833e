//! Derivatives to the last digits, and engines that agree.
//!
//! The measure for derivatives is the complex step (Squire and Trapp 1998): `f'(x) = Im f(x + i h) / h` with h = 1e-40 knows no
//! cancellation. [`Complex`] evaluates any function of the IR in complex numbers by rules of its own, which share nothing with
//! `ir::diff`. Where a function takes another branch nearby, both take that of the real part.

use std::sync::Arc;

use memspice::diag;
use memspice::ir::batch::{LANES, Program, Source, Work};
use memspice::ir::diff::{differentiate, resolve};
use memspice::ir::interp::{self, evaluate};
use memspice::ir::op::{LIMEXP, LIMEXP_TOP, TABLE, Takes};
use memspice::ir::{Builder, Function, Input, MAX_ROUNDS, Op, Type, Value, rate};
use memspice::model::kernel::{self, Kernel};
use memspice::model::library::Library;
use memspice::model::{Formula, Model, UnknownKind};
use memspice::span::{MemoryFiles, Sources};
use num_complex::Complex64;

use super::arithmetic::{self, Arithmetic};
use super::ir::{Dice, given, random};
use super::modules;
use super::shaken::{NOTHING, SURE, shaken};

/// The complex step.
const STEP: f64 = 1e-40;

/// Complex numbers, with values of the inputs.
struct Complex<'a>(&'a dyn Fn(Input) -> Complex64);

impl Complex<'_> {
    /// The outputs of `f`, which holds no `Inst::Partial`.
    fn outputs(f: &Function, input: &dyn Fn(Input) -> Complex64) -> Vec<Complex64> {
        arithmetic::outputs(f, &mut Complex(input))
    }
}

impl Arithmetic for Complex<'_> {
    type Number = Complex64;

    fn constant(&mut self, number: f64) -> Complex64 {
        number.into()
    }

    fn input(&mut self, which: Input) -> Complex64 {
        (self.0)(which)
    }

    fn operation(&mut self, _: &Function, _: usize, op: Op, arguments: [Complex64; 3]) -> Complex64 {
        operation(op, arguments)
    }

    fn truth(number: Complex64) -> bool {
        number.re != 0.0
    }
}

/// `f` beside the real axis, from its value and derivative on it: for functions whose complex formulas cancel.
fn beside(x: Complex64, value: f64, slope: f64) -> Complex64 {
    Complex64::new(value, x.im * slope)
}

/// An operation in complex numbers with small imaginary parts.
fn operation(op: Op, [x, y, z]: [Complex64; 3]) -> Complex64 {
    let r = x.re;
    // Where the real function is undefined, so is this one.
    if op.value([x.re, y.re, z.re]).is_nan() {
        return Complex64::new(f64::NAN, f64::NAN);
    }
    match op {
        Op::Neg => -x,
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        Op::Div => x / y,
        Op::Rem => x - y * (x.re / y.re).trunc(),
        Op::Min => {
            if x.re < y.re {
                x
            } else {
                y
            }
        }
        Op::Max => {
            if x.re > y.re {
                x
            } else {
                y
            }
        }
        Op::Abs => {
            if r < 0.0 {
                -x
            } else {
                x
            }
        }
        Op::Pow if y.im == 0.0 && x.im == 0.0 => x.re.powf(y.re).into(),
        // A negative base has whole exponents.
        Op::Pow if r < 0.0 => {
            let size = (y * (-x).ln()).exp();
            if y.re % 2.0 == 0.0 { size } else { -size }
        }
        Op::Pow => (y * x.ln()).exp(),
        Op::Sqrt => x.sqrt(),
        Op::Hypot => (x * x + y * y).sqrt(),
        Op::Exp => x.exp(),
        Op::Expm1 => Complex64::new(r.exp_m1(), r.exp() * x.im),
        Op::Ln => x.ln(),
        Op::Ln1p => (x + 1.0).ln() - (1.0 + r).ln() + r.ln_1p(),
        Op::Log10 => x.ln() * std::f64::consts::LOG10_E,
        Op::Sin => x.sin(),
        Op::Cos => x.cos(),
        Op::Tan => x.sin() / x.cos(),
        Op::Asin => beside(x, r.asin(), 1.0 / ((1.0 - r) * (1.0 + r)).sqrt()),
        Op::Acos => beside(x, r.acos(), -1.0 / ((1.0 - r) * (1.0 + r)).sqrt()),
        Op::Atan => beside(x, r.atan(), 1.0 / (1.0 + r * r)),
        Op::Atan2 => {
            let square = r * r + y.re * y.re;
            Complex64::new(r.atan2(y.re), (x.im * y.re - y.im * r) / square)
        }
        Op::Sinh => x.sinh(),
        Op::Cosh => x.cosh(),
        Op::Tanh => beside(x, r.tanh(), 1.0 / r.cosh().powi(2)),
        Op::Asinh => beside(x, r.asinh(), 1.0 / (1.0 + r * r).sqrt()),
        Op::Acosh => beside(x, r.acosh(), 1.0 / ((r - 1.0) * (r + 1.0)).sqrt()),
        Op::Atanh => beside(x, r.atanh(), 1.0 / ((1.0 - r) * (1.0 + r))),
        Op::NormalQuantile => {
            let quantile = op.value([r, 0.0, 0.0]);
            beside(x, quantile, (2.0 * std::f64::consts::PI).sqrt() * (0.5 * quantile * quantile).exp())
        }
        Op::Limexp if r < LIMEXP => x.exp(),
        Op::Limexp => (x - LIMEXP + 1.0) * LIMEXP_TOP,
        Op::Saturate if r.abs() < 1e100 => x,
        Op::Select => {
            if x.re != 0.0 {
                y
            } else {
                z
            }
        }
        Op::ToReal => x,
        other => other.value([x.re, y.re, z.re]).into(),
    }
}

/// The derivative of all outputs by one input, by a complex step.
fn complex_step(f: &Function, seed: Input, input: &dyn Fn(Input) -> f64) -> Vec<f64> {
    let moved = |which: Input| Complex64::new(input(which), if which == seed { STEP } else { 0.0 });
    Complex::outputs(f, &moved).iter().map(|v| v.im / STEP).collect()
}

#[test]
fn derivatives_of_every_operation_agree_with_the_complex_step() {
    for row in TABLE.iter().filter(|row| row.signature.0.iter().all(|t| *t == Takes::Only(Type::Real))) {
        let arity = row.op.arity();
        let mut b = Builder::new();
        let x: Vec<Value> = (0..arity as u32).map(|k| b.input(Input::Probe(k), Type::Real)).collect();
        let made = b.op(row.op, &x);
        let f = b.finish(vec![made]);
        let (g, entries) = differentiate(&f, &[0], &[0, 1]);
        let mut dice = Dice(row.op as u64 + 5);
        let mut compared = 0;
        for _ in 0..4000 {
            let mut at = [dice.real(-3.0, 3.0), dice.real(-3.0, 3.0)];
            if row.op == Op::Pow && at[0] < 0.0 {
                at[1] = at[1].round();
            }
            let values = evaluate(&g, &given(at));
            if !values[0].is_finite() {
                continue;
            }
            for probe in 0..arity as u32 {
                // x^y by y exists for positive x only.
                if row.op == Op::Pow && probe == 1 && at[0] <= 0.0 {
                    continue;
                }
                let expected = complex_step(&f, Input::Probe(probe), &given(at))[0];
                let found = entries.iter().find(|e| e.probe == probe).map_or(0.0, |e| values[e.index as usize]);
                // A few roundings on both sides; products of a large and a small factor in ln and pow.
                let allowed = 1e-13 * expected.abs() + 1e-15;
                assert!((found - expected).abs() <= allowed, "{} {at:?} by {probe}: {found:e} {expected:e}", row.name);
                compared += 1;
            }
        }
        assert!(compared > 500, "{}: {compared}", row.name);
    }
}

/// Branches, loops whose rounds depend on the values, selections: against the complex step, which follows the same way.
#[test]
fn derivatives_of_random_functions_agree_with_the_complex_step() {
    let (mut compared, mut nodes, mut undefined) = (0, 0, 0);
    for seed in 0..1500 {
        let f = random(seed, 2);
        nodes += f.nodes.len();
        let (g, entries) = differentiate(&f, &[0, 1], &[0, 1]);
        let mut dice = Dice(seed + 31);
        let at = [dice.real(0.1, 2.0), dice.real(0.1, 2.0)];
        let values = evaluate(&g, &given(at));
        for probe in 0..2 {
            let expected = complex_step(&f, Input::Probe(probe), &given(at));
            for (output, expected) in expected.iter().enumerate() {
                let entry = entries.iter().find(|e| e.probe == probe && e.output == output as u32);
                let found = entry.map_or(0.0, |e| values[e.index as usize]);
                if !values[output].is_finite() || !expected.is_finite() || expected.abs() > 1e8 {
                    continue;
                }
                // Sums of such terms cancel: what a neighbouring point gives shows how ill-conditioned the derivative is.
                let near = complex_step(&f, Input::Probe(probe), &given(at.map(|x| x * (1.0 + 1e-13))))[output];
                let allowed = 1e-10 * expected.abs() + 100.0 * (near - expected).abs() + 1e-12;
                // A derivative through an infinite value, far from any pair of operations with a limit.
                if found.is_nan() && interp::first_non_finite(&g, &given(at)).is_some_and(|n| n.result.is_infinite()) {
                    undefined += 1;
                    continue;
                }
                let rough = (near - expected).abs() > 1e-6 * (1.0 + expected.abs());
                assert!(rough || (found - expected).abs() <= allowed, "seed {seed} {at:?}: {found:e} {expected:e}");
                compared += usize::from(!rough);
            }
        }
    }
    assert!(compared > 4000 && nodes > 1500 && undefined < 20, "{compared} {nodes} {undefined}");
}

#[test]
fn a_loop_of_unknown_rounds_has_the_derivative_of_the_rounds_it_took() {
    // Newton's square root of x from 1, until it no longer moves: the derivative is 1 / (2 sqrt x) but for the last round, in
    // which values gain twice as many digits.
    let mut b = Builder::new();
    let x = b.input(Input::Probe(0), Type::Real);
    let (one, half, small) = (b.real(1.0), b.real(0.5), b.real(1e-14));
    let carried = b.begin_loop(&[one]);
    let ratio = b.op(Op::Div, &[x, carried[0]]);
    let sum = b.op(Op::Add, &[ratio, carried[0]]);
    let next = b.op(Op::Mul, &[half, sum]);
    let change = b.op(Op::Sub, &[next, carried[0]]);
    let (size, scale) = (b.op(Op::Abs, &[change]), b.op(Op::Mul, &[small, next]));
    let go = b.op(Op::Gt, &[size, scale]);
    let root = b.end_loop(go, &[next])[0];
    let f = b.finish(vec![root]);
    let (g, _) = differentiate(&f, &[0], &[0]);
    let program = Program::compile(&g);
    let arguments: Vec<f64> = (0..LANES).map(|k| 1e-3 * 1.4_f64.powi(k as i32)).collect();
    let mut out = vec![0.0; 2 * LANES];
    program.run(LANES, &[Source::Lanes(&arguments)], &mut Work::default(), &mut out);
    for (lane, x) in arguments.iter().enumerate() {
        assert!((out[lane] / x.sqrt() - 1.0).abs() < 1e-14, "{x}");
        let slope = out[LANES + lane];
        assert!((slope * 2.0 * x.sqrt() - 1.0).abs() < 1e-6, "{x}: {slope}");
        let expected = complex_step(&f, Input::Probe(0), &|_| *x)[0];
        assert!((slope / expected - 1.0).abs() < 1e-13, "{x}: {slope} {expected}");
    }
}

#[test]
fn derivatives_of_derivatives_are_second_derivatives() {
    // d/dx of d/dx and of d/dy of x^3 exp(x y) inside of a branch.
    let mut b = Builder::new();
    let (x, y) = (b.input(Input::Probe(0), Type::Real), b.input(Input::Probe(1), Type::Real));
    let zero = b.real(0.0);
    let three = b.real(3.0);
    let condition = b.op(Op::Lt, &[y, zero]);
    b.begin_if(condition);
    let sine = b.op(Op::Sin, &[x]);
    b.begin_else();
    let (cube, product) = (b.op(Op::Pow, &[x, three]), b.op(Op::Mul, &[x, y]));
    let exponential = b.op(Op::Exp, &[product]);
    let value = b.op(Op::Mul, &[cube, exponential]);
    let chosen = b.end_if(&[(sine, value)])[0];
    let (by_x, by_y) = (b.partial(chosen, 0), b.partial(chosen, 1));
    let f = b.finish(vec![by_x, by_y]);
    let (g, entries) = differentiate(&f, &[0, 1], &[0, 1]);
    let slope = |at: [f64; 2], output: u32, probe: u32| {
        let found = entries.iter().find(|e| (e.output, e.probe) == (output, probe));
        evaluate(&g, &given(at))[found.expect("it depends on both").index as usize]
    };
    let (x, y) = (0.7_f64, 0.4_f64);
    let e = (x * y).exp();
    let expected = [
        (0, 0, (6.0 * x + 6.0 * x * x * y + x.powi(3) * y * y) * e),
        (0, 1, (4.0 * x.powi(3) + x.powi(4) * y) * e),
        (1, 0, (4.0 * x.powi(3) + x.powi(4) * y) * e),
        (1, 1, x.powi(5) * e),
    ];
    for (output, probe, expected) in expected {
        let found = slope([x, y], output, probe);
        assert!((found / expected - 1.0).abs() < 1e-14, "{output} {probe}: {found} {expected}");
    }
    assert!((slope([x, -y], 0, 0) + x.sin()).abs() < 1e-15 && slope([x, -y], 1, 1) == 0.0);
    // The resolved function itself has the first derivatives, and a complex step through it the second ones.
    let step = complex_step(&resolve(&f), Input::Probe(1), &given([x, y]));
    assert!((step[0] / expected[1].2 - 1.0).abs() < 1e-14);
}

/// A model and values of its inputs at one random point.
struct Place<'a> {
    model: &'a Model,
    params: Vec<f64>,
    given: Vec<bool>,
    temperature: f64,
    unknowns: Vec<f64>,
}

impl<'a> Place<'a> {
    fn random(model: &'a Model, dice: &mut Dice) -> Place<'a> {
        let unknowns = model.unknowns.iter().map(|u| match (u.bounds, u.kind) {
            ((low, high), _) if low.is_finite() && high.is_finite() => dice.real(low, high),
            (_, UnknownKind::Current) => dice.real(-1e-3, 1e-3),
            _ if u.quantity == "temperature" => dice.real(280.0, 450.0),
            _ => dice.real(-1.2, 1.2),
        });
        let unknowns = unknowns.collect();
        let temperature = dice.real(250.0, 400.0);
        let mut place = Place { model, params: Vec::new(), given: Vec::new(), temperature, unknowns };
        for param in &model.params {
            let default = match &param.default {
                Formula::Number(number) => *number,
                Formula::Function(f) => evaluate(f, &|input| place.input(input))[0],
            };
            let varied = default * dice.real(0.8, 1.25);
            let bound = |f: &Formula| if let Formula::Number(number) = f { *number } else { f64::NAN };
            let inside = |r: &memspice::model::Range| (varied > bound(&r.low) && varied < bound(&r.high)) != r.exclude;
            let change = !param.local && param.kind == memspice::model::ParamKind::Real && param.ranges.iter().all(inside);
            place.params.push(if change { varied } else { default });
            place.given.push(change && dice.below(2) == 0);
        }
        place
    }

    fn input(&self, input: Input) -> f64 {
        match input {
            Input::Param(k) => self.params[k as usize],
            Input::Given(k) => f64::from(u8::from(self.given[k as usize])),
            Input::Temperature => self.temperature,
            Input::Connected(_) | Input::Multiplicity => 1.0,
            Input::Simulator(k) => self.model.simparams[k as usize].1.unwrap_or(1e-12),
            Input::Probe(k) => {
                let probe = &self.model.probes[k as usize];
                self.unknowns[probe.plus as usize] - probe.minus.map_or(0.0, |m| self.unknowns[m as usize])
            }
            _ => 0.0,
        }
    }
}

/// Every model of the library, and one that was made up.
pub fn models() -> Vec<Arc<Model>> {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let mut library = Library::new();
    let mut all: Vec<Arc<Model>> = Vec::new();
    for name in library.names() {
        all.push(library.get(&mut sources, &name).unwrap_or_else(|| panic!("no model {name}")));
    }
    let said = library.take_diagnostics();
    assert!(said.is_empty(), "{}", diag::render(&said, &sources, false));
    all.push(Arc::new(modules::model(modules::EKV)));
    all
}

#[test]
fn jacobians_of_all_models_agree_with_the_complex_step() {
    for model in models() {
        let (function, entries) = kernel::differentiated(&model);
        let plain = resolve(&model.function);
        let mut dice = Dice(model.name.len() as u64);
        let (mut compared, mut rough) = (0, 0);
        for _ in 0..60 {
            let place = Place::random(&model, &mut dice);
            let values = evaluate(&function, &|input| place.input(input));
            let noise = shaken(&function, &values, &|input| place.input(input));
            for probe in 0..model.probes.len() as u32 {
                let expected = complex_step(&plain, Input::Probe(probe), &|input| place.input(input));
                for contribution in &model.contributions {
                    for output in [contribution.f, contribution.q].into_iter().flatten() {
                        let entry = entries.iter().find(|e| (e.output, e.probe) == (output, probe));
                        let (found, expected) = (entry.map_or(0.0, |e| values[e.index as usize]), expected[output as usize]);
                        if !expected.is_finite() || !values[output as usize].is_finite() {
                            rough += 1;
                            continue;
                        }
                        // Rounding of the derivative; powers of complex numbers go through logarithms up to 700, a thousand roundings.
                        let allowed = SURE * entry.map_or(0.0, |e| noise[e.index as usize]) + 1e-13 * expected.abs() + NOTHING;
                        let name = &model.name;
                        assert!(
                            (found - expected).abs() <= allowed,
                            "{name} output {output} by {probe}: {found:e} {expected:e} within {allowed:e}"
                        );
                        compared += 1;
                    }
                }
            }
        }
        // A source reads nothing: there is no derivative to compare.
        let least = 60 * model.contributions.len().min(model.probes.len()).min(1);
        assert!(compared >= 10 * rough && compared >= least, "{}: {compared} {rough}", model.name);
    }
}

/// Outputs of a kernel's programs at some places, one lane each, in blocks as a bank runs them.
fn kernel_outputs(kernel: &Kernel, program: &Program, places: &[Place]) -> Vec<Vec<f64>> {
    let (mut work, mut early) = (Work::default(), Work::default());
    let mut all = Vec::new();
    for block in places.chunks(LANES) {
        let run = |program: &Program, hoisted: &[f64], work: &mut Work| {
            let lanes = |input: &Input| -> Vec<f64> {
                let value = |(lane, place): (usize, &Place)| match input {
                    Input::Hoisted(k) => hoisted[(kernel.hoisted + k) as usize * LANES + lane],
                    other => place.input(*other),
                };
                block.iter().enumerate().map(value).collect()
            };
            let values: Vec<Vec<f64>> = program.inputs.iter().map(lanes).collect();
            let sources: Vec<Source> = values.iter().map(|v| Source::Lanes(v)).collect();
            let mut out = vec![0.0; program.outputs * LANES];
            program.run(block.len(), &sources, work, &mut out);
            out
        };
        let setup = run(&kernel.setup, &[], &mut early);
        let out = run(program, &setup, &mut work);
        let columns = setup.chunks(LANES).chain(out.chunks(LANES));
        let columns: Vec<&[f64]> = columns.collect();
        all.extend((0..block.len()).map(|lane| columns.iter().map(|c| c[lane]).collect::<Vec<f64>>()));
    }
    all
}

#[test]
fn kernels_agree_with_the_reference_to_the_largest_term() {
    for model in models() {
        let kernel = Kernel::compile(&model);
        let (function, _) = kernel::differentiated(&model);
        let split = rate::split(&function);
        let mut dice = Dice(model.name.len() as u64 + 1);
        let places: Vec<Place> = (0..LANES).map(|_| Place::random(&model, &mut dice)).collect();
        let found = kernel_outputs(&kernel, &kernel.full, &places);
        for (place, found) in places.iter().zip(&found) {
            let mut interpreter = interp::Interpreter::new(&function);
            let expected = interpreter.run(&|input| place.input(input)).to_vec();
            // The largest intermediate term, infinities of arms not taken aside.
            let finite = (0..function.insts.len() as u32).map(|v| interpreter.get(Value(v)).abs()).filter(|v| v.is_finite());
            let largest = finite.fold(0.0, f64::max);
            for (output, origin) in split.origins.iter().enumerate() {
                let at = match origin {
                    rate::Origin::Setup(k) => *k as usize,
                    rate::Origin::Eval(k) => kernel.setup.outputs + *k as usize,
                };
                let (found, expected) = (found[at], expected[output]);
                let same = found == expected || found.is_nan() && expected.is_nan();
                assert!(
                    same || (found - expected).abs() <= 1e-13 * largest,
                    "{} output {output}: {found:e} {expected:e} of {largest:e}",
                    model.name
                );
            }
        }
    }
}

#[test]
fn any_number_of_lanes_and_threads_gives_the_same_bits() {
    for name in ["nmos", "ekv_size", "taox"] {
        let model = models().into_iter().find(|m| m.name == name).expect("it is there");
        let kernel = Kernel::compile(&model);
        let mut dice = Dice(3);
        let places: Vec<Place> = (0..200).map(|_| Place::random(&model, &mut dice)).collect();
        let bits = |rows: &[Vec<f64>]| -> Vec<Vec<u64>> {
            rows.iter().map(|row| row.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect()).collect()
        };
        let all = bits(&kernel_outputs(&kernel, &kernel.full, &places));
        // Sizes in threads, as many as there are; each has registers of its own.
        std::thread::scope(|scope| {
            for first in 1..=3 {
                let (all, places, kernel) = (&all, &places, &kernel);
                scope.spawn(move || {
                    for count in (first..=200).step_by(3) {
                        let part = bits(&kernel_outputs(kernel, &kernel.full, &places[200 - count..]));
                        assert!(part == all[200 - count..], "{name}: {count} lanes");
                    }
                });
            }
        });
    }
}

#[test]
fn an_arm_that_no_lane_takes_is_not_run_and_one_that_some_take_is_dropped_in_the_others() {
    // An arm with a loop that ends after 100 000 rounds only.
    let mut b = Builder::new();
    let x = b.input(Input::Probe(0), Type::Real);
    let (zero, one) = (b.real(0.0), b.real(1.0));
    let condition = b.op(Op::Lt, &[x, zero]);
    b.begin_if(condition);
    let carried = b.begin_loop(&[x]);
    let go = b.boolean(true);
    let next = b.op(Op::Add, &[carried[0], one]);
    let long = b.end_loop(go, &[next])[0];
    b.begin_else();
    let logarithm = b.op(Op::Ln, &[x]);
    let chosen = b.end_if(&[(long, logarithm)])[0];
    let f = b.finish(vec![chosen]);
    let (g, _) = differentiate(&f, &[0], &[0]);
    let program = Program::compile(&g);
    let arguments: Vec<f64> = (0..LANES).map(|k| 0.5 + k as f64).collect();
    let (mut work, mut out) = (Work::default(), vec![0.0; 2 * LANES]);
    let begin = std::time::Instant::now();
    for _ in 0..1000 {
        program.run(LANES, &[Source::Lanes(&arguments)], &mut work, &mut out);
    }
    // A thousand times 100 000 rounds would take minutes.
    assert!(begin.elapsed().as_secs_f64() < 10.0, "{:?}", begin.elapsed());
    // Logarithms of negative numbers in lanes that count rounds: nothing of them is seen.
    let mixed: Vec<f64> = (0..LANES).map(|k| if k % 5 == 0 { -3.0 } else { k as f64 }).collect();
    program.run(LANES, &[Source::Lanes(&mixed)], &mut work, &mut out);
    for (lane, x) in mixed.iter().enumerate() {
        let (value, slope) = if *x < 0.0 { (MAX_ROUNDS as f64 - 3.0, 1.0) } else { (x.ln(), 1.0 / x) };
        assert!((out[lane] - value).abs() <= 4.0 * f64::EPSILON * value.abs(), "{x}");
        assert!((out[LANES + lane] - slope).abs() <= 4.0 * f64::EPSILON * slope, "{x}");
    }
}
