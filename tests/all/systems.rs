//! Hand-written systems for tests of everything below the waist; sources of equations and numbers are named at each.

use memspice::dae::*;

pub use super::toy::*;

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

/// Current and dx/dt of the NaMLab NbOx memristor.
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

/// Conductance and dx/dt of the HP TaOx memristor, exponents merged.
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
