//! The intermediate representation: builder, interpreter, derivatives, rates, batch engine.

use memspice::ir::interp::{evaluate, first_non_finite};
use memspice::ir::{Builder, Function, Input, Op, Type};

/// A function of `Probe(0..)`, built by `make`.
fn function(probes: usize, make: impl Fn(&mut Builder, &[memspice::ir::Value]) -> Vec<memspice::ir::Value>) -> Function {
    let mut b = Builder::new();
    let x: Vec<_> = (0..probes).map(|k| b.input(Input::Probe(k as u32), Type::Real)).collect();
    let outputs = make(&mut b, &x);
    b.finish(outputs)
}

/// Value of the first output for probe values `x`.
fn at(f: &Function, x: &[f64]) -> f64 {
    evaluate(f, &|input| match input {
        Input::Probe(k) => x[k as usize],
        _ => f64::NAN,
    })[0]
}

#[test]
fn table_is_in_the_order_of_the_operations() {
    for (k, row) in memspice::ir::op::TABLE.iter().enumerate() {
        assert_eq!(row.op as usize, k, "{}", row.name);
    }
}

#[test]
fn a_branch_with_constant_condition_is_the_arm_taken() {
    for fixed in [true, false] {
        let f = function(1, |b, x| {
            let c = b.boolean(fixed);
            b.begin_if(c);
            let first = b.op(Op::Exp, &[x[0]]);
            b.begin_else();
            let second = b.op(Op::Sin, &[x[0]]);
            b.end_if(&[(first, second)])
        });
        assert!(f.nodes.is_empty() && f.insts.len() == 2);
        assert_eq!(at(&f, &[0.3]), if fixed { 0.3f64.exp() } else { 0.3f64.sin() });
    }
}

#[test]
fn cheap_arms_are_selected_and_dear_ones_branch() {
    let build = |op: Op| {
        function(1, |b, x| {
            let zero = b.real(0.0);
            let c = b.op(Op::Lt, &[x[0], zero]);
            b.begin_if(c);
            let first = b.op(Op::Neg, &[x[0]]);
            b.begin_else();
            let second = b.op(op, &[x[0]]);
            b.end_if(&[(first, second)])
        })
    };
    assert!(build(Op::Sqrt).nodes.is_empty());
    let dear = build(Op::Ln);
    assert_eq!(dear.nodes.len(), 1);
    assert_eq!((at(&dear, &[-2.0]), at(&dear, &[2.0])), (2.0, 2.0f64.ln()));
}

#[test]
fn loops_carry_values() {
    // x^5 by repeated multiplication, and the sum of the powers before it.
    let f = function(1, |b, x| {
        let (zero, one, start) = (b.int(0), b.real(1.0), b.real(0.0));
        let carried = b.begin_loop(&[zero, one, start]);
        let (five, step) = (b.int(5), b.int(1));
        let go = b.op(Op::Lt, &[carried[0], five]);
        let next =
            [b.op(Op::IntAdd, &[carried[0], step]), b.op(Op::Mul, &[carried[1], x[0]]), b.op(Op::Add, &[carried[2], carried[1]])];
        let results = b.end_loop(go, &next);
        results[1..].to_vec()
    });
    let outputs = evaluate(&f, &|_| 2.0);
    assert_eq!(outputs, [32.0, 31.0]);
}

#[test]
fn the_first_operation_that_fails_is_named_in_the_arm_taken() {
    let f = function(2, |b, x| {
        let zero = b.real(0.0);
        let c = b.op(Op::Gt, &[x[0], zero]);
        let (log, exp) = (b.op(Op::Ln, &[x[0]]), b.op(Op::Exp, &[x[1]]));
        let chosen = b.select(c, log, zero);
        vec![b.op(Op::Add, &[chosen, exp])]
    });
    let ask = |x: f64, y: f64| first_non_finite(&f, &|i| if i == Input::Probe(0) { x } else { y });
    assert_eq!(ask(-1.0, 1.0), None);
    let found = ask(-1.0, 1e4).map(|n| (n.text, n.arguments));
    assert_eq!(found, Some(("exp overflows".to_string(), vec![1e4])));
}
