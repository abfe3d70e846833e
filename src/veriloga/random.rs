//! Random numbers: `$random`, `$arandom`, `$dist_...` and `$rdist_...` (LRM 2.4, clauses 9.13.1 and 9.13.2).
//!
//! A draw is a hash of the instance's stream, the place of the call, the seed argument and the number of the draw, put through
//! the quantile of its distribution. A variable as seed is read and moved on (the full-period congruential sequence of the
//! digital language's own generator is replaced by another one with the same property), so that it holds the state. With a
//! constant or no seed the number of the draw is counted over the accepted points. Inside of `@(initial_step)` a draw depends
//! on nothing that moves: it is made once for each instance.

use crate::diag::Diagnostic;
use crate::ir::chance::HASHES;
use crate::ir::{Input, Op, Type, Value};
use crate::model::Moment;
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::walk::visit;

/// A distribution: name behind `$dist_` and `$rdist_`, what its parameters must be (`+`: positive), its quantile.
type Quantile = fn(&mut Lowerer, Value, &[Value]) -> Value;
const TABLE: [(&str, &[&str], Quantile); 7] = [
    ("uniform", &["start", "end"], uniform),
    ("normal", &["mean", "standard deviation"], |l, u, p| {
        let z = l.builder.op(Op::NormalQuantile, &[u]);
        let spread = l.builder.op(Op::Mul, &[p[1], z]);
        l.builder.op(Op::Add, &[p[0], spread])
    }),
    ("exponential", &["mean+"], |l, u, p| {
        let logarithm = l.builder.op(Op::Ln, &[u]);
        let scaled = l.builder.op(Op::Mul, &[p[0], logarithm]);
        l.builder.op(Op::Neg, &[scaled])
    }),
    ("poisson", &["mean+"], |l, u, p| l.builder.op(Op::PoissonQuantile, &[u, p[0]])),
    ("chi_square", &["degree of freedom+"], |l, u, p| {
        let half = l.builder.real(0.5);
        let shape = l.builder.op(Op::Mul, &[p[0], half]);
        let quantile = l.builder.op(Op::GammaQuantile, &[u, shape]);
        l.builder.op(Op::Div, &[quantile, half])
    }),
    ("t", &["degree of freedom+"], |l, u, p| l.builder.op(Op::StudentQuantile, &[u, p[0]])),
    ("erlang", &["number of stages+", "mean+"], |l, u, p| {
        let quantile = l.builder.op(Op::GammaQuantile, &[u, p[0]]);
        let scale = l.builder.op(Op::Div, &[p[1], p[0]]);
        l.builder.op(Op::Mul, &[quantile, scale])
    }),
];

fn uniform(l: &mut Lowerer, u: Value, p: &[Value]) -> Value {
    let width = l.builder.op(Op::Sub, &[p[1], p[0]]);
    let part = l.builder.op(Op::Mul, &[width, u]);
    l.builder.op(Op::Add, &[p[0], part])
}

/// What a random function is called.
#[derive(Clone, Copy)]
enum Draw {
    /// `$random`, `$arandom`: all integers.
    Bits,
    /// Row of [`TABLE`], and whether it gives integers.
    Distribution(usize, bool),
}

fn draw_of(name: &str) -> Option<Draw> {
    if matches!(name, "$random" | "$arandom") {
        return Some(Draw::Bits);
    }
    let (rest, whole) = match name.strip_prefix("$dist_") {
        Some(rest) => (rest, true),
        None => (name.strip_prefix("$rdist_")?, false),
    };
    TABLE.iter().position(|(n, _, _)| *n == rest).map(|k| Draw::Distribution(k, whole))
}

/// Names of all random functions.
pub fn names() -> Vec<String> {
    let both = TABLE.iter().flat_map(|(n, _, _)| [format!("$dist_{n}"), format!("$rdist_{n}")]);
    both.chain(["$random".to_string(), "$arandom".to_string()]).collect()
}

/// Multiplier and increment of the sequence of seeds modulo 2^32 (Knuth; full period).
const MULTIPLIER: i32 = 1_664_525;
const INCREMENT: i32 = 1_013_904_223;

impl Lowerer<'_> {
    /// Makes the counters of draws if the module draws anything; loops carry them.
    pub fn count_draws(&mut self) {
        let mut found = false;
        let module = self.module;
        let bodies = module.functions.iter().flat_map(|f| &f.body);
        for statement in module.analog.iter().map(|(_, s)| s).chain(bodies) {
            visit(statement, &mut |expr| found |= matches!(&expr.kind, ExprKind::Call(name, _) if draw_of(&name.text).is_some()));
        }
        if !found {
            return;
        }
        let span = module.name.span;
        let (over_all, here) = (self.new_slot("$draws", Kind::Int, span, false), self.new_slot("$first", Kind::Int, span, true));
        let index = self.past.len() as u32;
        self.past.push(crate::veriloga::lower::Remembered::Variable(over_all));
        self.slots[over_all].past = Some(index);
        let past = self.builder.input(Input::Past(index), Type::Int);
        self.write(over_all, Term::new(past, Kind::Int));
        let zero = self.zero(Kind::Int);
        self.write(here, zero);
        self.draw_counters = Some((over_all, here));
    }

    /// A call of a random function; `None` if `name` is none.
    pub fn random(&mut self, name: &str, arguments: &[Expr], span: Span) -> Option<Lowered<Term>> {
        draw_of(name).map(|draw| self.draw(name, draw, arguments, span))
    }

    fn draw(&mut self, name: &str, draw: Draw, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let given: Vec<&Expr> = arguments.iter().filter(|a| a.kind != ExprKind::Missing || arguments.len() > 1).collect();
        let (kind, given) = match given.split_last() {
            Some((Expr { kind: ExprKind::Text(text), span }, rest)) => (Some((text.as_str(), *span)), rest),
            _ => (None, &given[..]),
        };
        let shared = match kind {
            None | Some(("instance", _)) => false,
            Some(("global", _)) => true,
            Some((other, place)) => {
                let message = format!("\"{other}\" is no kind of random number");
                return self.error(place, message, "expected \"instance\" or \"global\"");
            }
        };
        let parameters = match draw {
            Draw::Bits => 0,
            Draw::Distribution(k, _) => TABLE[k].1.len(),
        };
        let seeds = given.len().checked_sub(parameters).filter(|n| *n == 1 || *n == 0 && parameters == 0);
        let Some(seeds) = seeds else {
            let wanted = match draw {
                Draw::Bits => "a seed or nothing".to_string(),
                Draw::Distribution(k, _) => format!("seed, {}", TABLE[k].1.join(", ").replace('+', "")),
            };
            return self.error(span, format!("`{name}` takes other arguments"), format!("expected {wanted}"));
        };
        let values = self.parameters_of(name, draw, &given[seeds..])?;
        let u = self.uniform_draw(name, given.first().copied().filter(|_| seeds == 1), shared, span)?;
        self.builder.span = span;
        Ok(match draw {
            Draw::Bits => self.bits(u),
            Draw::Distribution(k, whole) => self.distributed(k, whole, u, &values),
        })
    }

    /// Mean, deviation ... as numbers; constants are looked at.
    fn parameters_of(&mut self, name: &str, draw: Draw, given: &[&Expr]) -> Lowered<Vec<Value>> {
        let Draw::Distribution(row, _) = draw else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for (expr, label) in given.iter().zip(TABLE[row].1) {
            let value = self.plain_real(expr)?;
            if let (Some(label), Some(number)) = (label.strip_suffix('+'), self.builder.constant(value))
                && number <= 0.0
            {
                return self.error(expr.span, format!("the {label} of `{name}` is {number}"), "expected a positive number");
            }
            values.push(value);
        }
        Ok(values)
    }

    /// A number between 0 and 1, both excluded.
    fn uniform_draw(&mut self, name: &str, seed: Option<&Expr>, shared: bool, span: Span) -> Lowered<Value> {
        self.draws += 1;
        let site = self.builder.real(f64::from(self.draws));
        let (seed, index) = self.seed(seed)?;
        self.builder.span = span;
        let stream = self.builder.input(if shared { Input::Seed } else { Input::Stream }, Type::Real);
        let key = self.builder.op(Op::Hash, &[stream, site, seed]);
        let zero = self.builder.real(0.0);
        let hash = self.builder.op(Op::Hash, &[key, index, zero]);
        let (half, size) = (self.builder.real(0.5), self.builder.real(HASHES));
        let middle = self.builder.op(Op::Add, &[hash, half]);
        let u = self.builder.op(Op::Div, &[middle, size]);
        if self.moment == Moment::Every && self.open_events == 0 && self.context != Context::Function && !self.is_fixed(u) {
            let message = format!("`{name}` outside of an event draws anew at every accepted point");
            let warning = Diagnostic::warning(span, message).expected("what it gives depends on the steps that are taken");
            let hint = "draw inside of `@(timer(...))` or `@(initial_step)`, or use a noise source";
            self.warn_once(&format!("draw {span:?}"), warning.hint(hint));
        }
        Ok(u)
    }

    /// Value of the seed and number of the draw. A variable is moved on and needs no number.
    fn seed(&mut self, seed: Option<&Expr>) -> Lowered<(Value, Value)> {
        if let Some(Expr { kind: ExprKind::Name(name), span }) = seed
            && let Some(Local::Variable(slot, None)) = self.find(name)
        {
            // At the start nothing is remembered: the seed is what its declaration says.
            let unwritten = self.state.variables.get(slot).copied().flatten().is_none();
            let term = if unwritten && self.moment == Moment::First { self.rest(slot) } else { self.read(slot) };
            let old = self.convert(term, Kind::Int, *span)?.value;
            let (a, b) = (self.builder.int(MULTIPLIER), self.builder.int(INCREMENT));
            let product = self.builder.op(Op::IntMul, &[old, a]);
            let next = self.builder.op(Op::IntAdd, &[product, b]);
            let kind = self.slots[slot].kind;
            let next = self.convert(Term::new(next, Kind::Int), kind, *span)?;
            self.write(slot, next);
            return Ok((old, self.builder.int(0)));
        }
        let value = match seed {
            Some(expr) => {
                let term = self.expression(expr)?;
                self.convert(term, Kind::Int, expr.span)?.value
            }
            None => self.builder.int(0),
        };
        Ok((value, self.number_of_draw()))
    }

    /// The value of a variable that nothing was ever assigned to.
    fn rest(&mut self, slot: usize) -> Term {
        let (kind, initial) = (self.slots[slot].kind, self.slots[slot].initial);
        initial.map_or_else(|| self.zero(kind), |value| Term::new(value, kind))
    }

    /// The number of a draw without a variable: counted over all points, or from 0 where it must not move.
    fn number_of_draw(&mut self) -> Value {
        let zero = self.builder.int(0);
        let still = self.moment == Moment::First;
        let counters = self.draw_counters.filter(|_| !matches!(self.context, Context::Parameters(_)));
        let Some((over_all, here)) = counters.filter(|_| !still || self.loops > 0) else { return zero };
        let slot = if still { here } else { over_all };
        let number = self.read(slot).value;
        let one = self.builder.int(1);
        let next = self.builder.op(Op::IntAdd, &[number, one]);
        self.write(slot, Term::new(next, Kind::Int));
        number
    }

    /// One of all integers of 32 bits.
    fn bits(&mut self, u: Value) -> Term {
        let (all, half) = (self.builder.real(4_294_967_296.0), self.builder.real(2_147_483_648.0));
        let scaled = self.builder.op(Op::Mul, &[u, all]);
        let whole = self.builder.op(Op::Floor, &[scaled]);
        let signed = self.builder.op(Op::Sub, &[whole, half]);
        Term::new(self.builder.op(Op::ToInt, &[signed]), Kind::Int)
    }

    fn distributed(&mut self, row: usize, whole: bool, u: Value, values: &[Value]) -> Term {
        let (name, _, quantile) = TABLE[row];
        if !whole {
            return Term::new(quantile(self, u, values), Kind::Real);
        }
        if name == "uniform" {
            // Both ends belong to it: the floor of a number from start to end + 1.
            let one = self.builder.real(1.0);
            let above = self.builder.op(Op::Add, &[values[1], one]);
            let real = quantile(self, u, &[values[0], above]);
            let floor = self.builder.op(Op::Floor, &[real]);
            return Term::new(self.builder.op(Op::ToInt, &[floor]), Kind::Int);
        }
        let real = quantile(self, u, values);
        Term::new(self.builder.op(Op::ToInt, &[real]), Kind::Int)
    }
}
