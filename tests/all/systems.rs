//! Hand-written systems for tests of everything below the waist: equations in dual numbers, so that derivatives are exact.
//!
//! Sources of equations and numbers are named at each system; `shunt`, `gmin` and `sources` behave as in a circuit.

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
        self.out.events[k] = value;
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
        self.layout.events = count;
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
        let past = &at.past.0;
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

    fn eval(&self, at: &Point, _: Want, out: &mut Eval) {
        self.write(at, out, None);
    }

    fn commit(&self, at: &Point, memory: &mut Memory, _: &mut Vec<Message>) {
        if let Some(keep) = &self.keep {
            keep(at.x, &mut memory.0);
        }
    }

    fn derive(&self, _: usize, arguments: &[f64]) -> f64 {
        arguments.iter().sum()
    }

    fn excitation(&self, _: &Params, b: &mut [Complex64]) {
        b.fill(Complex64::new(0.0, 0.0));
        self.stimulus.iter().for_each(|(row, value)| b[*row] += value);
    }

    fn noise(&self, _: &Point, _: &mut Vec<NoiseSource>) {}

    fn next_break(&self, _: &Params, t: f64) -> f64 {
        self.breaks.iter().copied().find(|b| *b > t).unwrap_or(f64::INFINITY)
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
            instance: self.layout.unknowns[k].name.clone(),
            span: memspice::span::Span::default(),
            text: "not finite".into(),
        };
        row.map(fault).into_iter().collect()
    }
}

/// R and C in series with `v1 + va sin(2 pi fr t)`; x = voltage of C. dv/dt = (vs - v)/(R C). Parameters r c v1 va fr.
pub fn rc(r: f64, c: f64, v1: f64, va: f64, fr: f64) -> Toy {
    let mut toy = Toy::new(|e| {
        let wave = e.p(3) * (e.p(4) * (2.0 * std::f64::consts::PI * e.t)).sin();
        let vs = e.sources() * (e.p(2) + wave);
        let current = (e.x(0) - vs) / e.p(0);
        let charge = e.p(1) * e.x(0);
        e.f(0, current);
        e.q(0, charge);
        e.output(0, -current, 0.0.into());
        e.output(1, 0.0.into(), charge);
    })
    .unknown("out", VOLTAGE, 1e-12)
    .output("i(r1)", CURRENT)
    .output("i(c1)", CURRENT);
    for (name, value) in [("r", r), ("c", c), ("v1", v1), ("va", va), ("fr", fr)] {
        toy = toy.param(name, value);
    }
    if va != 0.0 {
        toy.motion = Some(Motion { source: "v1".into(), period: 1.0 / fr });
    }
    toy
}

/// `pnjlim` of SPICE3 (Nagel 1975, section 4.2): logarithmic steps above the critical voltage.
pub fn pnjlim(new: f64, old: f64, vt: f64, critical: f64) -> f64 {
    if new <= critical || (new - old).abs() <= 2.0 * vt {
        return new;
    }
    if old > 0.0 {
        let argument = 1.0 + (new - old) / vt;
        if argument > 0.0 { old + vt * argument.ln() } else { critical }
    } else {
        vt * (new / vt).ln()
    }
}

/// Source v1 (+ va sin 2 pi fr t), R, diode with depletion-free charge cj v; parameters v1 r is cj va fr.
pub fn diode(v1: f64, r: f64, va: f64, fr: f64) -> Toy {
    const VT: f64 = 0.025852;
    let mut toy = Toy::new(|e| {
        let saturation = e.p(2);
        let critical = VT * (VT / (std::f64::consts::SQRT_2 * saturation.v)).ln();
        let vs = e.sources() * (e.p(0) + e.p(4) * (e.p(5) * (2.0 * std::f64::consts::PI * e.t)).sin());
        let probe = e.x(0);
        let v = e.limit(0, probe, |new, old| pnjlim(new, old, VT, critical));
        let resistor = (e.x(0) - vs) / e.p(1);
        let junction = saturation * ((v / VT).exp() - 1.0);
        let charge = e.p(3) * v;
        e.f(0, resistor);
        e.f(0, junction);
        e.q(0, charge);
        e.output(0, junction, charge);
    })
    .unknown("a", VOLTAGE, 1e-12)
    .output("i(d1)", CURRENT)
    .limits(1);
    for (name, value) in [("v1", v1), ("r", r), ("is", 1e-14), ("cj", 1e-12), ("va", va), ("fr", fr)] {
        toy = toy.param(name, value);
    }
    if va != 0.0 {
        toy.motion = Some(Motion { source: "v1".into(), period: 1.0 / fr });
    }
    toy
}

fn polynomial(c: [f64; 5], x: Dual) -> Dual {
    c.iter().rev().fold(Dual::from(0.0), |sum, c| sum * x + *c)
}

/// Current and dx/dt of the NaMLab NbOx memristor (ndr-models, section 2).
pub fn nbox(v: Dual, x: Dual) -> (Dual, Dual) {
    let conductance = polynomial([6.5e-3, -6.66e-5, 2.14e-7, -2.14e-10, 1.19e-13], x);
    let heating = polynomial([7.21e9, -7.39e7, 2.37e5, -2.37e2, 0.132], x);
    (conductance * v, x * -2.05e7 + 5.19e9 + v * v * heating)
}

/// Charge of 1 K of a state, C: brings state rows to milliamperes.
const HEAT: f64 = 1e-12;

fn nbox_stamp(e: &mut Equations, node: usize, state: usize) -> Dual {
    let (v, x) = (e.x(node), e.x(state));
    let (current, rate) = nbox(v, x);
    e.f(node, current);
    e.f(state, rate * -HEAT);
    e.q(state, x * HEAT);
    current
}

/// Source, series resistor, capacitor (may be 0) and memristor; unknowns n1, x1.x. Parameters vs rs c. Start of x: `x0`.
pub fn nbox_cell(c: f64, x0: f64) -> Toy {
    Toy::new(|e| {
        let current = nbox_stamp(e, 0, 1);
        let (v, vs) = (e.x(0), e.p(0) * e.sources());
        e.f(0, (v - vs) / e.p(1));
        e.q(0, v * e.p(2));
        e.output(0, current, 0.0.into());
    })
    .unknown("n1", VOLTAGE, 1e-12)
    .unknown("x1.x", TEMPERATURE, 1e-12)
    .output("i(x1)", CURRENT)
    .param("vs", 1.25)
    .param("rs", 200.0)
    .param("c", c)
    .start(1, x0, StartKind::State)
}

/// Two cells joined by rc (Figures 12 with c = 2.2 nF, 13 with c = 0); unknowns n1 x1.x n2 x2.x. Parameters vs rs c rc.
/// `v0`: start values of the nodes (capacitor voltages).
pub fn nbox_pair(c: f64, rc: f64, x0: [f64; 2], v0: [f64; 2]) -> Toy {
    Toy::new(|e| {
        let (v1, v2, vs) = (e.x(0), e.x(2), e.p(0) * e.sources());
        let coupling = (v1 - v2) / e.p(3);
        for (node, v, sign) in [(0, v1, 1.0), (2, v2, -1.0)] {
            let current = nbox_stamp(e, node, node + 1);
            e.f(node, (v - vs) / e.p(1));
            e.f(node, coupling * sign);
            e.q(node, v * e.p(2));
            e.output(node / 2, current, 0.0.into());
        }
    })
    .unknown("n1", VOLTAGE, 1e-12)
    .unknown("x1.x", TEMPERATURE, 1e-12)
    .unknown("n2", VOLTAGE, 1e-12)
    .unknown("x2.x", TEMPERATURE, 1e-12)
    .output("i(x1)", CURRENT)
    .output("i(x2)", CURRENT)
    .param("vs", 1.25)
    .param("rs", 200.0)
    .param("c", c)
    .param("rc", rc)
    .start(0, v0[0], StartKind::State)
    .start(1, x0[0], StartKind::State)
    .start(2, v0[1], StartKind::State)
    .start(3, x0[1], StartKind::State)
}

/// Memristor directly across a voltage source: unknowns n1, x1.x, v1#branch. Parameter v1.
pub fn nbox_direct(v1: f64) -> Toy {
    Toy::new(|e| {
        nbox_stamp(e, 0, 1);
        let (v, i) = (e.x(0), e.x(2));
        e.f(0, i);
        e.f(2, v);
        e.f(2, -(e.p(0) * e.sources()));
        e.output(0, i, 0.0.into());
    })
    .unknown("n1", VOLTAGE, 1e-12)
    .unknown("x1.x", TEMPERATURE, 1e-12)
    .with(|u| u.bounds = (200.0, 700.0))
    .unknown("v1#branch", CURRENT, 1e-6)
    .output("i(v1)", CURRENT)
    .param("v1", v1)
    .start(1, 253.15, StartKind::State)
}

/// `dx/dt = p - x^3 + 3 x`: folds at x = -1, p = 2 (from below) and x = 1, p = -2.
pub fn cubic(p: f64) -> Toy {
    Toy::new(|e| {
        let x = e.x(0);
        e.f(0, x * x * x - x * 3.0);
        e.f(0, -(e.p(0) * e.sources()));
        e.q(0, x);
    })
    .unknown("x", STATE, 1e-12)
    .param("p", p)
}

/// `x' = y, y' = mu (1 - x^2) y - x`, start (2, 0).
pub fn van_der_pol(mu: f64) -> Toy {
    Toy::new(|e| {
        let (x, y) = (e.x(0), e.x(1));
        e.f(0, -y);
        e.q(0, x);
        e.f(1, e.p(0) * (x * x - 1.0) * y);
        e.f(1, x);
        e.q(1, y);
    })
    .unknown("x", STATE, 1e-12)
    .unknown("y", STATE, 1e-12)
    .param("mu", mu)
    .start(0, 2.0, StartKind::State)
    .start(1, 0.0, StartKind::State)
}

/// Conductance and dx/dt of the HP TaOx memristor (nonvolatile-models, section 1.1), exponents merged.
pub fn taox(x: Dual, v: Dual) -> (Dual, Dual) {
    let root = if v.v == 0.0 { Dual::from(0.0) } else { v.abs().sqrt() };
    let conductance = x * 0.025 + (Dual::from(1.0) - x) * (root * 4.7).exp() * 7.2e-6;
    let power = conductance * v * v;
    let rate = if v.v > 0.0 {
        (v / 0.45).sinh() * (power / 4e-5 - (x / 0.06) * (x / 0.06)).exp() * 1e-4
    } else if v.v < 0.0 {
        let ratio = Dual::from(0.4) / x;
        (v / 0.013).sinh() * (Dual::from(1.0) / (power * 500.0 + 1.0) - ratio * ratio).exp() * 1e-10
    } else {
        Dual::from(0.0)
    };
    (conductance, rate)
}

/// TaOx memristor under `v1 + va sin(2 pi fr t)`: one unknown, its state, held in static solves. Parameters v1 va fr.
pub fn taox_driven(x0: f64, v1: f64, va: f64, fr: f64) -> Toy {
    let mut toy = Toy::new(|e| {
        let x = e.x(0);
        let v = e.sources() * (e.p(0) + e.p(1) * (e.p(2) * (2.0 * std::f64::consts::PI * e.t)).sin());
        let (conductance, rate) = taox(x, v);
        e.f(0, -rate);
        e.q(0, x);
        e.output(0, conductance * v, 0.0.into());
    })
    .unknown("x1.x", STATE, 1e-6)
    .with(|u| u.row = RowKind::Held)
    .output("i(x1)", CURRENT)
    .param("v1", v1)
    .param("va", va)
    .param("fr", fr)
    .start(0, x0, StartKind::State);
    if va != 0.0 {
        toy.motion = Some(Motion { source: "v1".into(), period: 1.0 / fr });
    }
    toy
}

const THERMAL: f64 = 0.025852;

/// A junction's current, limited as probe k.
fn junction(e: &mut Equations, k: usize, v: Dual, saturation: f64) -> Dual {
    let critical = THERMAL * (THERMAL / (std::f64::consts::SQRT_2 * saturation)).ln();
    let v = e.limit(k, v, |new, old| pnjlim(new, old, THERMAL, critical));
    ((v / THERMAL).exp() - 1.0) * saturation
}

/// Source v1, R, and five diodes in series; unknowns a1 to a5, the top first. Parameters v1 r.
pub fn diode_chain(v1: f64, r: f64) -> Toy {
    let mut toy = Toy::new(|e| {
        let resistor = (e.x(0) - e.sources() * e.p(0)) / e.p(1);
        e.f(0, resistor);
        for k in 0..5 {
            let v = if k < 4 { e.x(k) - e.x(k + 1) } else { e.x(k) };
            let current = junction(e, k, v, 1e-14);
            e.f(k, current);
            if k < 4 {
                e.f(k + 1, -current);
            }
        }
    });
    for k in 1..=5 {
        toy = toy.unknown(&format!("a{k}"), VOLTAGE, 1e-12);
    }
    toy.limits(5).param("v1", v1).param("r", r)
}

/// Two Ebers-Moll transistors (is 1e-16, bf 100, br 1), each base fed from the other's collector by rb, collectors from vcc
/// by rc; 1 pF at each collector. Unknowns c1 c2 b1 b2. Parameters vcc rc rb.
pub fn latch(vcc: f64) -> Toy {
    let mut toy = Toy::new(|e| {
        for k in 0..2 {
            let (collector, base, other) = (k, 2 + k, 1 - k);
            let (vc, vb, supply) = (e.x(collector), e.x(base), e.sources() * e.p(0));
            let forward = junction(e, 2 * k, vb, 1e-16);
            let reverse = junction(e, 2 * k + 1, vb - vc, 1e-16);
            e.f(collector, (vc - supply) / e.p(1));
            e.f(collector, forward - reverse * 2.0);
            e.f(base, forward / 100.0 + reverse);
            let coupling = (vb - e.x(other)) / e.p(2);
            e.f(base, coupling);
            e.f(other, -coupling);
            e.q(collector, vc * 1e-12);
            e.q(base, vb * 1e-12);
        }
    })
    .limits(4);
    for name in ["c1", "c2", "b1", "b2"] {
        toy = toy.unknown(name, VOLTAGE, 1e-12);
    }
    toy.param("vcc", vcc).param("rc", 1e3).param("rb", 1e4)
}

/// Comparator with retained state s: v(out) = 1 if s else 0 behind 1 ohm; s rises at v1 > 1 and falls at v1 < -1.
pub fn comparator() -> Toy {
    Toy::new(|e| {
        let target = e.past(0);
        let (out, input, v1) = (e.x(0), e.x(1), e.p(0) * e.sources());
        e.f(0, out - target);
        e.f(1, input - v1);
    })
    .unknown("out", VOLTAGE, 1e-12)
    .unknown("in", VOLTAGE, 1e-12)
    .memory(1, |x, past| {
        if x[1] > 1.0 {
            past[0] = 1.0;
        } else if x[1] < -1.0 {
            past[0] = 0.0;
        }
    })
    .param("v1", 0.0)
}

/// `u / sqrt(1 + u^2) = 0` with `u = 5 (x - 3 sources)`: Newton from 0 runs away. With `charge` dx/dt is minus that.
pub fn runaway(sources: bool, charge: bool) -> Toy {
    Toy::new(move |e| {
        let target = if sources { e.sources() * 3.0 } else { 3.0.into() };
        let u = (e.x(0) - target) * 5.0;
        e.f(0, u / (u * u + 1.0).sqrt());
        if charge {
            let x = e.x(0);
            e.q(0, x);
        }
    })
    .unknown("x", STATE, 1e-12)
}
