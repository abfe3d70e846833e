//! Units of measures: what a number of a result is measured in, as far as its columns and formulas tell.
//!
//! A dimension is a product of powers of units; `W`, `ohm` and their kin stand for products of `V`, `A` and `s`, so that `V*A*s` is
//! written `J`. What is not known is an empty text, a plain number is `1`. Formulas carry units as far as they are sure: a
//! factor other than 1 or 2 may have a unit of its own or be a change of scale, and ends it.

use std::collections::BTreeMap;

use crate::ir::{Function, Input, Inst, Op};
use crate::wave::Header;
use crate::wave::measure::{Measure, Portrait, Scalar, Statistic};

/// Powers of units.
type Dimension = BTreeMap<String, i32>;

/// Units of products of V, A and s.
const PRODUCTS: &[(&str, [i32; 3])] = &[
    ("V", [1, 0, 0]),
    ("A", [0, 1, 0]),
    ("s", [0, 0, 1]),
    ("W", [1, 1, 0]),
    ("J", [1, 1, 1]),
    ("C", [0, 1, 1]),
    ("ohm", [1, -1, 0]),
    ("S", [-1, 1, 0]),
    ("F", [-1, 1, 1]),
    ("H", [1, -1, 1]),
    ("V*s", [1, 0, 1]),
];

/// Other spellings.
const SPELLINGS: &[(&str, &str)] = &[("Hz", "1/s"), ("Ohm", "ohm"), ("Wb", "V*s"), ("Vs", "V*s")];

/// The unit of a measure on a result with this header; `earlier` gives those of the measures before it.
pub fn unit(measure: &Measure, header: &Header, earlier: &dyn Fn(&str) -> String) -> String {
    let column = |k: usize| header.columns.get(k).map_or("", |c| c.unit.as_str());
    let abscissa = if header.independent > 0 { column(0) } else { "" };
    let times = |a: &str, b: &str, power: i32| match (read(a), read(b)) {
        (Some(a), Some(b)) => written(&product(&a, &b, power)),
        _ => String::new(),
    };
    match measure {
        Measure::When(_) | Measure::Between(..) | Measure::Labelled(None, _) => abscissa.to_string(),
        Measure::Find(k, _) | Measure::End(k) | Measure::Labelled(Some(k), _) => column(*k).to_string(),
        Measure::Derivative(k, _) => times(column(*k), abscissa, -1),
        Measure::Over { statistic, column: k, .. } => match statistic {
            Statistic::Integral => times(column(*k), abscissa, 1),
            Statistic::MinAt | Statistic::MaxAt => abscissa.to_string(),
            _ => column(*k).to_string(),
        },
        Measure::Portrait(kind, view) => {
            let other = view.other.map_or("", column);
            match kind {
                Portrait::Pinch | Portrait::Excursion => column(view.column).to_string(),
                Portrait::Lobe | Portrait::LobeNegative => times(column(view.column), other, 1),
                Portrait::Energy => times(&times(column(view.column), other, 1), abscissa, 1),
                Portrait::Switching | Portrait::Period | Portrait::SpikeWidth => abscissa.to_string(),
                Portrait::Frequency => rate(times("1", abscissa, -1)),
                Portrait::OnOff | Portrait::Duty | Portrait::Spikes => "1".to_string(),
                Portrait::Phase => "deg".to_string(),
            }
        }
        Measure::Formula(Scalar::Number(_)) => String::new(),
        Measure::Formula(Scalar::Formula(function, names)) => {
            let arguments: Vec<Option<Dimension>> = names.iter().map(|name| read(&earlier(name))).collect();
            formula(function, &arguments).map(|d| rate(written(&d))).unwrap_or_default()
        }
    }
}

/// What happens once in a second happens with one hertz.
fn rate(unit: String) -> String {
    if unit == "1/s" { "Hz".to_string() } else { unit }
}

fn read(unit: &str) -> Option<Dimension> {
    let unit = SPELLINGS.iter().find(|s| s.0 == unit).map_or(unit, |s| s.1);
    let mut found = Dimension::new();
    let mut sign = 1;
    for part in unit.split_inclusive(['*', '/']) {
        let name = part.trim_end_matches(['*', '/']);
        match PRODUCTS.iter().find(|p| p.0 == name) {
            _ if name.is_empty() => return None,
            _ if name == "1" => {}
            Some((_, powers)) => ["V", "A", "s"].iter().zip(powers).for_each(|(base, power)| raise(&mut found, base, sign * power)),
            None => raise(&mut found, name, sign),
        }
        // `a/b*c` is a c/b: only a slash turns what follows it.
        sign = if part.ends_with('/') { -1 } else { 1 };
    }
    (!unit.is_empty()).then_some(found)
}

fn raise(dimension: &mut Dimension, base: &str, power: i32) {
    let now = dimension.entry(base.to_string()).or_insert(0);
    *now += power;
    if *now == 0 {
        dimension.remove(base);
    }
}

/// `a` times `b` to this power.
fn product(a: &Dimension, b: &Dimension, power: i32) -> Dimension {
    let mut out = a.clone();
    b.iter().for_each(|(base, exponent)| raise(&mut out, base, power * exponent));
    out
}

fn written(dimension: &Dimension) -> String {
    let power = |base: &str| dimension.get(base).copied().unwrap_or(0);
    let known =
        PRODUCTS.iter().find(|p| p.1 == ["V", "A", "s"].map(power) && p.1.iter().filter(|x| **x != 0).count() == dimension.len());
    if let Some((name, _)) = known {
        return (*name).to_string();
    }
    let factors = |sign: i32| {
        let one = |(base, power): (&String, &i32)| if power.abs() == 1 { base.clone() } else { format!("{base}^{}", power.abs()) };
        dimension.iter().filter(|f| f.1.signum() == sign).map(one).collect::<Vec<String>>()
    };
    let (above, below) = (factors(1), factors(-1));
    let above = if above.is_empty() { "1".to_string() } else { above.join("*") };
    std::iter::once(above).chain(below).collect::<Vec<String>>().join("/")
}

/// What a value of a formula is.
#[derive(Clone)]
enum Known {
    Number(f64),
    Quantity(Dimension),
}

fn formula(function: &Function, arguments: &[Option<Dimension>]) -> Option<Dimension> {
    let mut values: Vec<Option<Known>> = Vec::with_capacity(function.insts.len());
    for inst in &function.insts {
        values.push(match inst {
            Inst::Const(number) => Some(Known::Number(*number)),
            Inst::Input(Input::Argument(k)) => arguments.get(*k as usize).cloned().flatten().map(Known::Quantity),
            Inst::Op(op, operands) => {
                let operand = |k: usize| operands.get(k).and_then(|v| values.get(v.0 as usize)).cloned().flatten();
                combined(*op, operand(0), operand(1))
            }
            _ => None,
        });
    }
    match values.get(function.outputs.first()?.0 as usize)?.clone()? {
        Known::Quantity(dimension) => Some(dimension),
        Known::Number(_) => None,
    }
}

fn combined(op: Op, a: Option<Known>, b: Option<Known>) -> Option<Known> {
    use Known::{Number, Quantity};
    let harmless = |factor: f64| factor == 1.0 || factor.abs() == 2.0 || factor.abs() == 0.5;
    let quantity = |d: Dimension| Some(Quantity(d));
    match (op, a?, b) {
        (Op::Neg | Op::Abs, a, _) => Some(a),
        (Op::Add | Op::Sub | Op::Min | Op::Max, Quantity(a), Some(Quantity(b))) if a == b => quantity(a),
        (Op::Add | Op::Sub | Op::Min | Op::Max, Quantity(a), Some(Number(_))) => quantity(a),
        (Op::Add | Op::Sub | Op::Min | Op::Max, Number(_), Some(Quantity(b))) => quantity(b),
        (Op::Mul, Quantity(a), Some(Quantity(b))) => quantity(product(&a, &b, 1)),
        (Op::Mul | Op::Div, Quantity(a), Some(Number(factor))) if harmless(factor) => quantity(a),
        (Op::Mul, Number(factor), Some(Quantity(b))) if harmless(factor) => quantity(b),
        (Op::Div, Quantity(a), Some(Quantity(b))) => quantity(product(&a, &b, -1)),
        (Op::Div, Number(1.0), Some(Quantity(b))) => quantity(product(&Dimension::new(), &b, -1)),
        _ => None,
    }
}
