//! A system from a closure: equations in dual numbers, so that derivatives are exact, for tests below the waist.
//!
//! `shunt`, `gmin` and `sources` behave as in a circuit.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::Arc;

use memspice::dae::*;
use memspice::diag::Diagnostic;
use memspice::sparse::Pattern;
use num_complex::Complex64;

/// Derivatives carried: unknowns, then parameters, the last one for the distance to a limited probe.
const WIDTH: usize = 16;
const SHIFT: usize = WIDTH - 1;

/// A number with its derivatives.
#[derive(Clone, Copy, Debug)]
pub struct Dual {
    pub v: f64,
    pub d: [f64; WIDTH],
}

impl Dual {
    fn seed(v: f64, k: usize) -> Dual {
        let mut d = [0.0; WIDTH];
        d[k] = 1.0;
        Dual { v, d }
    }

    fn chain(self, v: f64, slope: f64) -> Dual {
        Dual { v, d: self.d.map(|d| if d == 0.0 { 0.0 } else { slope * d }) }
    }

    pub fn exp(self) -> Dual {
        self.chain(self.v.exp(), self.v.exp())
    }

    pub fn ln(self) -> Dual {
        self.chain(self.v.ln(), 1.0 / self.v)
    }

    pub fn sinh(self) -> Dual {
        self.chain(self.v.sinh(), self.v.cosh())
    }

    pub fn sqrt(self) -> Dual {
        self.chain(self.v.sqrt(), 0.5 / self.v.sqrt())
    }

    pub fn abs(self) -> Dual {
        self.chain(self.v.abs(), if self.v == 0.0 { 0.0 } else { self.v.signum() })
    }

    pub fn sin(self) -> Dual {
        self.chain(self.v.sin(), self.v.cos())
    }
}

impl From<f64> for Dual {
    fn from(v: f64) -> Dual {
        Dual { v, d: [0.0; WIDTH] }
    }
}

impl<T: Into<Dual>> Add<T> for Dual {
    type Output = Dual;
    fn add(self, o: T) -> Dual {
        let o = o.into();
        Dual { v: self.v + o.v, d: std::array::from_fn(|k| self.d[k] + o.d[k]) }
    }
}

impl<T: Into<Dual>> Sub<T> for Dual {
    type Output = Dual;
    fn sub(self, o: T) -> Dual {
        self + -o.into()
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // the product rule adds
impl<T: Into<Dual>> Mul<T> for Dual {
    type Output = Dual;
    fn mul(self, o: T) -> Dual {
        let o = o.into();
        Dual { v: self.v * o.v, d: std::array::from_fn(|k| self.d[k] * o.v + self.v * o.d[k]) }
    }
}

impl<T: Into<Dual>> Div<T> for Dual {
    type Output = Dual;
    fn div(self, o: T) -> Dual {
        let o = o.into();
        self * o.chain(1.0 / o.v, -1.0 / (o.v * o.v))
    }
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        self.chain(-self.v, -1.0)
    }
}

/// What equations read and where they write.
pub struct Equations<'a> {
    pub t: f64,
    pub phase: Phase,
    x: &'a [f64],
    params: &'a [f64],
    trial: Option<&'a [f64]>,
    past: &'a [f64],
    pattern: &'a Pattern,
    out: &'a mut Eval,
    /// df/dp and dq/dp of one parameter, if wanted.
    slope: Option<(usize, &'a mut [f64], &'a mut [f64])>,
}

impl Equations<'_> {
    /// Unknown k.
    pub fn x(&self, k: usize) -> Dual {
        Dual::seed(self.x[k], k)
    }

    /// Parameter k, in order of [`Toy::param`].
    pub fn p(&self, k: usize) -> Dual {
        Dual::seed(self.params[k + RESERVED], self.x.len() + k + RESERVED)
    }

    /// Retained value k.
    pub fn past(&self, k: usize) -> f64 {
        self.past[k]
    }

    /// The common factor of sources.
    pub fn sources(&self) -> Dual {
        Dual::seed(self.params[0], self.x.len())
    }

    /// Adds `value` to row `row` of f.
    pub fn f(&mut self, row: usize, value: Dual) {
        let total = value.v + value.d[SHIFT];
        self.out.f[row] += total;
        self.out.scale[row] = self.out.scale[row].max(total.abs());
        for c in 0..self.x.len() {
            self.out.g[self.pattern.slot(row as u32, c as u32).0 as usize] += value.d[c];
        }
        if let Some((p, df, _)) = &mut self.slope {
            df[row] += value.d[self.x.len() + *p];
        }
    }

    /// Adds `value` to row `row` of q.
    pub fn q(&mut self, row: usize, value: Dual) {
        self.out.q[row] += value.v + value.d[SHIFT];
        for c in 0..self.x.len() {
            self.out.c[self.pattern.slot(row as u32, c as u32).0 as usize] += value.d[c];
        }
        if let Some((p, _, dq)) = &mut self.slope {
            dq[row] += value.d[self.x.len() + *p];
        }
    }

    /// Output row k (after those of the unknowns): value and charge.
    pub fn output(&mut self, k: usize, value: Dual, charge: Dual) {
        let row = self.x.len() + k;
        self.out.outputs.value[row] = value.v;
        self.out.outputs.charge[row] = charge.v;
        for c in 0..self.x.len() {
            if value.d[c] != 0.0 || charge.d[c] != 0.0 {
                self.out.outputs.gradient.push((row as u32, c as u32, value.d[c], charge.d[c]));
            }
        }
    }

    /// Event value k.
    pub fn event(&mut self, k: usize, value: f64) {
        self.out.events[k].value = value;
    }

    /// Probe number k, limited by `rule(new, old)`.
    pub fn limit(&mut self, k: usize, probe: Dual, rule: impl Fn(f64, f64) -> f64) -> Dual {
        let limited = self.trial.map_or(probe.v, |old| rule(probe.v, old[k]));
        self.out.trial[k] = limited;
        if (limited - probe.v).abs() > 1e-9 * probe.v.abs().max(1.0) {
            self.out.advice.limited = true;
        }
        let mut d = probe.d;
        d[SHIFT] = probe.v - limited;
        Dual { v: limited, d }
    }
}

/// `sources`, `shunt`, `gmin` come before a system's own parameters.
const RESERVED: usize = 3;

type Writer = Box<dyn Fn(&mut Equations) + Send + Sync>;
type Keeper = Box<dyn Fn(&[f64], &mut [f64]) + Send + Sync>;

/// A system from a closure.
pub struct Toy {
    layout: Layout,
    pattern: Pattern,
    params: Vec<(String, f64)>,
    starts: Vec<Start>,
    write: Writer,
    keep: Option<Keeper>,
    started: Option<(u32, usize)>,
    pub breaks: Vec<f64>,
    pub motion: Option<Motion>,
    pub stimulus: Vec<(usize, Complex64)>,
}

/// Indices into the quantities of every toy.
pub const VOLTAGE: u32 = 0;
pub const CURRENT: u32 = 1;
pub const TEMPERATURE: u32 = 2;
pub const STATE: u32 = 3;

impl Toy {
    pub fn new(write: impl Fn(&mut Equations) + Send + Sync + 'static) -> Toy {
        let quantity = |name: &str, unit: &str, abstol| Quantity { name: name.into(), unit: unit.into(), abstol };
        let quantities = vec![
            quantity("voltage", "V", 1e-6),
            quantity("current", "A", 1e-12),
            quantity("temperature", "K", 1e-6),
            quantity("state", "", 1e-9),
        ];
        Toy {
            layout: Layout { quantities, ..Layout::default() },
            pattern: Pattern::new(0, []),
            params: vec![("sources".into(), 1.0), ("shunt".into(), 0.0), ("gmin".into(), 1e-12)],
            starts: Vec::new(),
            write: Box::new(write),
            keep: None,
            started: None,
            breaks: Vec::new(),
            motion: None,
            stimulus: Vec::new(),
        }
    }

    /// The next unknown; voltages are circuit nodes.
    pub fn unknown(mut self, name: &str, quantity: u32, residual_abstol: f64) -> Toy {
        let node = quantity == VOLTAGE;
        let row = RowKind::Equilibrium;
        self.layout.unknowns.push(Unknown {
            name: name.into(),
            quantity,
            residual_abstol,
            row,
            node,
            index2: false,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
        });
        let n = self.layout.unknowns.len() as u32;
        self.pattern = Pattern::new(n as usize, (0..n).flat_map(|r| (0..n).map(move |c| (r, c))));
        self.layout.moving = (0..self.pattern.len() as u32).collect();
        let shown = if node { format!("v({name})") } else { name.to_string() };
        self.layout.outputs.insert(n as usize - 1, OutputInfo { name: shown, quantity });
        self
    }

    /// Changes the unknown made last.
    pub fn with(mut self, change: impl Fn(&mut Unknown)) -> Toy {
        self.layout.unknowns.last_mut().into_iter().for_each(change);
        self
    }

    /// The next output row after those of the unknowns.
    pub fn output(mut self, name: &str, quantity: u32) -> Toy {
        self.layout.outputs.push(OutputInfo { name: name.into(), quantity });
        self
    }

    pub fn param(mut self, name: &str, value: f64) -> Toy {
        self.params.push((name.into(), value));
        self
    }

    /// The start of a state is the value of parameter k.
    pub fn started_by(mut self, unknown: u32, k: usize) -> Toy {
        self.started = Some((unknown, k + RESERVED));
        self
    }

    /// Changes the value of a parameter.
    pub fn preset(mut self, name: &str, value: f64) -> Toy {
        self.params.iter_mut().filter(|p| p.0 == name).for_each(|p| p.1 = value);
        self
    }

    pub fn start(mut self, unknown: u32, value: f64, kind: StartKind) -> Toy {
        self.starts.push(Start { unknown, minus: None, value, kind });
        self
    }

    pub fn limits(mut self, count: usize) -> Toy {
        self.layout.limits = count;
        self
    }

    /// Retained values, renewed at accepted points from the unknowns.
    pub fn memory(mut self, count: usize, keep: impl Fn(&[f64], &mut [f64]) + Send + Sync + 'static) -> Toy {
        self.layout.memory = count;
        self.keep = Some(Box::new(keep));
        self
    }

    pub fn events(mut self, count: usize) -> Toy {
        self.layout.events = vec![Event { name: "toy".into(), kind: EventKind::Cross }; count];
        self
    }

    fn numbers<'a>(&self, params: &'a Params) -> &'a [f64] {
        params.0.downcast_ref::<Vec<f64>>().expect("parameters of a toy")
    }

    fn write(&self, at: &Point, out: &mut Eval, slope: Option<(usize, &mut [f64], &mut [f64])>) {
        [&mut out.f, &mut out.q, &mut out.g, &mut out.c, &mut out.scale].into_iter().for_each(|v| v.fill(0.0));
        out.outputs.gradient.clear();
        out.advice = Advice::default();
        let params = self.numbers(at.params);
        let (t, phase, trial) = (at.t, at.phase, at.trial);
        let past = &at.past.values;
        let mut equations = Equations { t, phase, x: at.x, params, trial, past, pattern: &self.pattern, out, slope };
        (self.write)(&mut equations);
        let shunt = Dual::seed(params[1], at.x.len() + 1);
        for (k, unknown) in self.layout.unknowns.iter().enumerate() {
            if unknown.node && params[1] != 0.0 {
                let x = equations.x(k);
                equations.f(k, shunt * x);
            }
            equations.out.outputs.value[k] = at.x[k];
            equations.out.outputs.gradient.push((k as u32, k as u32, 1.0, 0.0));
        }
        out.outputs.gradient.sort_by_key(|g| (g.0, g.1));
        out.advice.not_finite = !out.f.iter().chain(&out.q).chain(&out.g).chain(&out.c).all(|v| v.is_finite());
    }
}

impl System for Toy {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    fn params(&self) -> Params {
        Params(Arc::new(self.params.iter().map(|p| p.1).collect::<Vec<f64>>()))
    }

    fn param(&self, name: &str) -> Option<ParamId> {
        self.params.iter().position(|p| p.0 == name).map(|k| ParamId(k as u32))
    }

    fn value(&self, params: &Params, id: ParamId) -> f64 {
        self.numbers(params)[id.0 as usize]
    }

    fn assign(&self, params: &mut Params, id: ParamId, value: f64) -> Result<Change, Diagnostic> {
        let mut numbers = self.numbers(params).to_vec();
        numbers[id.0 as usize] = value;
        *params = Params(Arc::new(numbers));
        Ok(Change::Values)
    }

    fn starts(&self, params: &Params) -> Vec<Start> {
        let numbers = self.numbers(params);
        let own = self.started.map(|(unknown, k)| Start { unknown, minus: None, value: numbers[k], kind: StartKind::State });
        self.starts.iter().copied().chain(own).collect()
    }

    fn start_slopes(&self, id: ParamId, _: &Params) -> Vec<f64> {
        let own = self.started.map(|(_, k)| f64::from(u8::from(id.0 as usize == k)));
        self.starts.iter().map(|_| 0.0).chain(own).collect()
    }

    fn eval(&self, at: &Point, _: Want, out: &mut Eval) {
        self.write(at, out, None);
    }

    fn commit(&self, at: &Point, memory: &mut Memory, _: &mut Vec<Message>) {
        if let Some(keep) = &self.keep {
            keep(at.x, &mut memory.values);
        }
    }

    fn derive(&self, _: usize, arguments: &[f64]) -> f64 {
        arguments.iter().sum()
    }

    fn excitation(&self, _: &Point, out: &mut Excitation) {
        let b = &mut out.value;
        b.fill(Complex64::new(0.0, 0.0));
        self.stimulus.iter().for_each(|(row, value)| b[*row] += value);
    }

    fn noise(&self, _: &Point, _: &mut Vec<NoiseSource>) {}

    fn next_break(&self, at: &Point) -> f64 {
        self.breaks.iter().copied().find(|b| *b > at.t).unwrap_or(f64::INFINITY)
    }

    fn motion(&self, _: &Params) -> Option<Motion> {
        self.motion.clone()
    }

    fn slope(&self, id: ParamId, at: &Point, df: &mut [f64], dq: &mut [f64]) {
        df.fill(0.0);
        dq.fill(0.0);
        let mut eval = Eval::new(self);
        self.write(at, &mut eval, Some((id.0 as usize, df, dq)));
    }

    fn explain(&self, at: &Point) -> Vec<Fault> {
        let mut eval = Eval::new(self);
        self.eval(at, Want::NEWTON, &mut eval);
        let row = eval.f.iter().position(|f| !f.is_finite());
        let fault = |k: usize| Fault {
            instance: self.layout.unknowns[k].name.to_string(),
            span: memspice::span::Span::default(),
            text: "not finite".into(),
        };
        row.map(fault).into_iter().collect()
    }
}
