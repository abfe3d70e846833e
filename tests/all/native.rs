//! Machine code gives the bits of the interpreter: every operation, special numbers, random functions, all models.

use memspice::ir::batch::{Program, Work};
use memspice::ir::native::widest;
use memspice::ir::op::{TABLE, Takes};
use memspice::ir::simd::Path;
use memspice::ir::{Builder, Function, Input, Op, Type, Value};
use memspice::model::kernel::Kernel;

use super::exactness::models;
use super::ir::{Dice, random};

/// Outputs of all lanes, run in chunks of `width` as a bank does; `input` gives the values.
fn outputs(program: &Program, count: usize, width: usize, input: &dyn Fn(Input, usize) -> f64) -> Vec<Vec<u64>> {
    let mut work = Work::default();
    let mut all = Vec::new();
    for start in (0..count).step_by(width) {
        let lanes = || (start..start + width).map(|lane| lane.min(count - 1));
        let fixed: Vec<f64> = program.fixed().iter().flat_map(|i| lanes().map(|lane| input(*i, lane))).collect();
        let registers = program.registers_of(&mut work, width);
        for (i, register) in program.moving() {
            registers.lanes_mut(register).iter_mut().zip(lanes()).for_each(|(v, lane)| *v = input(i, lane));
        }
        program.advance(&fixed, registers, width.min(count - start));
        for lane in 0..width.min(count - start) {
            let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
            all.push((0..program.outputs as u32).map(|k| bits(registers.lanes(k)[lane])).collect());
        }
    }
    all
}

/// Compares both paths at all widths and some numbers of lanes.
fn agree(f: &Function, name: &str, input: &dyn Fn(Input, usize) -> f64) {
    let portable = Program::for_lanes_on(f, Path::Portable);
    let fast = Program::for_lanes_on(f, Path::Fast);
    let expected = outputs(&portable, 19, 16, input);
    for width in [4, 8, 16] {
        for count in [1, 4, 9, 19] {
            // Lanes behind the last one asked for repeat it, so that the first ones are the same whatever the count.
            let found = outputs(&fast, count, width, input);
            assert!(found == expected[..count], "{name}: {count} lanes in chunks of {width}\n{found:x?}\n{expected:x?}");
        }
    }
}

#[test]
fn this_machine_has_vectors_that_chunks_exist_for() {
    assert!(matches!(widest(), 0 | 4 | 8));
    assert_eq!(Program::width(1), 4);
    assert!(Program::width(1000) >= 4);
}

#[test]
fn every_operation_has_the_same_bits_in_machine_code() {
    const SPECIAL: [f64; 13] =
        [0.0, -0.0, 1.0, -1.0, 0.5, 2.75, -3.25, 1e-310, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e200, -1e-200];
    for row in TABLE.iter().filter(|r| r.op != Op::Lookup) {
        let mut b = Builder::new();
        let (mut x, mut last) = (Vec::new(), Type::Real);
        for (k, takes) in row.signature.0.iter().enumerate() {
            let kind = match takes {
                Takes::Only(kind) => *kind,
                Takes::Any => Type::Real,
                Takes::Same => last,
            };
            last = kind;
            // One argument that changes, one that does not, so that both kinds of places are read.
            let which = if k % 2 == 0 { Input::Probe(k as u32) } else { Input::Param(k as u32) };
            x.push((b.input(which, kind), kind));
        }
        let arguments: Vec<Value> = x.iter().map(|(v, _)| *v).collect();
        let result = b.op(row.op, &arguments);
        let real = b.op(Op::ToReal, &[result]);
        // Enough steps for machine code to be written, before and behind.
        let mut results = vec![result];
        let mut sum = real;
        for k in 0..12 {
            let number = b.real(0.1 * f64::from(k));
            sum = b.op(if k % 3 == 0 { Op::Mul } else { Op::Sub }, &[sum, number]);
            results.push(sum);
        }
        let f = b.finish(results);
        let kinds: Vec<Type> = x.iter().map(|(_, kind)| *kind).collect();
        for offset in 0..SPECIAL.len() {
            agree(&f, row.name, &|input, lane| {
                let k = match input {
                    Input::Probe(k) | Input::Param(k) => k as usize,
                    _ => 0,
                };
                let number = SPECIAL[(lane + k * offset) % SPECIAL.len()];
                match kinds[k] {
                    Type::Real => number,
                    Type::Int => f64::from(number as i32),
                    Type::Bool => f64::from(u8::from(number > 0.0)),
                }
            });
        }
    }
}

#[test]
fn random_functions_have_the_same_bits_in_machine_code() {
    for seed in 0..150 {
        let f = random(seed, 3);
        agree(&f, &format!("seed {seed}"), &|input, lane| match input {
            Input::Probe(k) => 1.5 - 0.2 * lane as f64 + 0.3 * f64::from(k),
            Input::Param(k) => 1.25 - 0.5 * f64::from(k) + 0.01 * lane as f64,
            _ => 0.3,
        });
    }
}

#[test]
fn stamps_of_all_models_have_the_same_bits_in_machine_code() {
    for model in models() {
        let f = Kernel::compile(&model).free.function.clone();
        let mut dice = Dice(model.name.len() as u64 + 7);
        let table: Vec<f64> = (0..997).map(|_| dice.real(-1.5, 1.5)).collect();
        agree(&f, &model.name, &|input, lane| match input {
            Input::Probe(k) => table[(31 * k as usize + 7 * lane + 3) % table.len()],
            Input::Hoisted(k) => 0.1 + table[(17 * k as usize + lane) % table.len()].abs(),
            _ => 0.3,
        });
    }
}
