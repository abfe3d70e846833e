//! Derivatives of a system by its parameters: closed forms, and Richardson differences for every kind of parameter.

use std::path::Path;

use memspice::dae::{Eval, Memory, ParamId, Params, Phase, Point, System, Want};
use memspice::mna::Mna;
use memspice::run::prepare;
use memspice::span::{MemoryFiles, Sources};

fn equations(text: &str) -> Mna {
    let path = Path::new("deck.cir");
    let files = MemoryFiles([(path.to_path_buf(), text.as_bytes().to_vec())].into());
    let mut sources = Sources::new(Box::new(files));
    prepare(path, &[], &mut sources).unwrap_or_else(|e| panic!("{:?}", e.iter().map(|d| &d.message).collect::<Vec<_>>())).0
}

struct Place<'a> {
    mna: &'a Mna,
    x: Vec<f64>,
    t: f64,
    phase: Phase,
}

impl Place<'_> {
    fn id(&self, name: &str) -> ParamId {
        self.mna.param(name).unwrap_or_else(|| panic!("no parameter {name}"))
    }

    fn slope(&self, name: &str) -> (Vec<f64>, Vec<f64>) {
        self.slope_at(&self.mna.params(), name)
    }

    fn slope_at(&self, params: &Params, name: &str) -> (Vec<f64>, Vec<f64>) {
        let past = Memory::default();
        let at = Point { x: &self.x, t: self.t, params, past: &past, trial: None, phase: self.phase };
        let rows = self.x.len() + 1;
        let (mut df, mut dq) = (vec![f64::NAN; rows], vec![f64::NAN; rows]);
        self.mna.slope(self.id(name), &at, &mut df, &mut dq);
        df.pop();
        dq.pop();
        (df, dq)
    }

    /// f and q with the parameter set to `value`, and the largest term of each row of f.
    fn values(&self, name: &str, value: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut params = self.mna.params();
        self.mna.assign(&mut params, self.id(name), value).expect("the value is allowed");
        let past = Memory::default();
        let at = Point { x: &self.x, t: self.t, params: &params, past: &past, trial: None, phase: self.phase };
        let mut eval = Eval::new(self.mna);
        self.mna.eval(&at, Want::F | Want::Q | Want::SCALE, &mut eval);
        let n = self.x.len();
        (eval.f[..n].to_vec(), eval.q[..n].to_vec(), eval.scale[..n].to_vec())
    }

    fn row(&self, name: &str) -> usize {
        let found = self.mna.layout().unknowns.iter().position(|u| u.name == name);
        found.unwrap_or_else(|| panic!("no unknown {name}"))
    }

    /// Central differences extrapolated to h = 0 (Ridders 1982): derivatives of f and q, and their errors by row.
    fn differences(&self, name: &str) -> [Vec<(f64, f64)>; 2] {
        let p = self.mna.value(&self.mna.params(), self.id(name));
        let mut h = 0.02 * if p == 0.0 { 1.0 } else { p.abs() };
        let difference = |h: f64| {
            let (high, low) = (self.values(name, p + h), self.values(name, p - h));
            let by = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) / (2.0 * h)).collect::<Vec<f64>>();
            [by(&high.0, &low.0), by(&high.1, &low.1)]
        };
        let mut best: [Vec<(f64, f64)>; 2] = [vec![(0.0, f64::INFINITY); self.x.len()], vec![(0.0, f64::INFINITY); self.x.len()]];
        let mut table: Vec<[Vec<f64>; 2]> = Vec::new();
        for round in 0..8 {
            let mut column = vec![difference(h)];
            let mut power = 1.0;
            for older in &table {
                power *= 4.0;
                let last: &[Vec<f64>; 2] = &column[column.len() - 1];
                let next = [0, 1].map(|k| {
                    let pairs = last[k].iter().zip(&older[k]);
                    pairs.map(|(new, old)| new + (new - old) / (power - 1.0)).collect::<Vec<f64>>()
                });
                for k in [0, 1] {
                    for row in 0..self.x.len() {
                        let error = (next[k][row] - last[k][row]).abs().max((next[k][row] - older[k][row]).abs());
                        if round > 0 && error < best[k][row].1 {
                            best[k][row] = (next[k][row], error);
                        }
                    }
                }
                column.push(next);
            }
            table = column;
            h /= 2.0;
        }
        best
    }

    /// Holds the slope against differences. Rows cancel: the error allowed is relative to the largest entry, plus what
    /// rounding of the largest term makes of a difference over 1e-4 of the parameter.
    fn check(&self, name: &str) {
        let p = self.mna.value(&self.mna.params(), self.id(name));
        let (df, dq) = self.slope(name);
        let (_, q, scale) = self.values(name, p);
        let expected = self.differences(name);
        let size = |v: &[f64]| v.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let moved = p.abs().max(1e-12);
        for row in 0..self.x.len() {
            let parts = [("f", &df, &expected[0], scale[row]), ("q", &dq, &expected[1], size(&q))];
            for (what, slope, expected, term) in parts {
                let allowed = 1e-7 * size(slope) + 1e-11 * term / moved + 3.0 * expected[row].1.min(1e-6 * size(slope));
                let unknown = &self.mna.layout().unknowns[row].name;
                assert!(
                    (slope[row] - expected[row].0).abs() <= allowed,
                    "d{what}({unknown})/d({name}) = {:e}, differences {:e} +- {:e}, allowed {allowed:e}",
                    slope[row],
                    expected[row].0,
                    expected[row].1
                );
            }
        }
    }
}

/// A pseudo-random number in [0, 1) (Knuth's linear congruence).
fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1u64 << 53) as f64
}

const ZOO: &str = "one of each
.param scale=1.3 ohms={2k*scale} volts={0.7+0.1*scale^2} hot=40 width={3u*scale}
.options gmin=1e-9
.temp {hot}
V1 a 0 DC {volts} SIN(0.1 {volts} {1k*scale} 0 10 {20*scale})
V2 b 0 PULSE(0.1 {volts} 10u {5u*scale} 7u {100u*scale} 300u)
V3 e 0 PWL(0 0 {10u*scale} {volts} 60u 0.2 r=0)
V4 g 0 EXP(0.2 {volts} {1u*scale} {30u*scale} 100u 20u)
V5 h 0 SFFM(0.1 {volts} 10k {scale} 1k)
V6 i 0 AM({volts} 0.5 {1k*scale} 20k 1u)
I1 0 c DC 1m
R1 a c {ohms} tc=1m,2u
R2 c 0 1k m={scale}
R3 b c 3k temp={hot+scale}
R4 e g 1k
R5 h i 1k
C1 c 0 {1n*scale}
L1 c d 1m
D1 d 0 dm area={scale}
.model dm d(is=1n n=1.5 rs=3 cjo=20p tt=10n bv=60)
M1 d b 0 0 nm w={width} l=1u
.model nm nmos(vto=0.5 kp=100u gamma=0.4 lambda=0.02)
X1 c 0 nbox x0=260
X2 c d ion_drift x0=0.3 window=2
X3 b d taox
B1 c 0 i={1m*scale*tanh(v(c)/volts)}
E1 f 0 c d {3*scale}
R6 f 0 1k
";

/// Values that leave devices in their ranges: voltages and currents small, states where they belong.
fn somewhere(mna: &Mna, seed: &mut u64) -> Vec<f64> {
    let at = |u: &memspice::dae::Unknown, r: f64| match (u.name.as_str(), u.bounds) {
        (name, _) if name.ends_with("#branch") => 2e-3 * (r - 0.5),
        ("x1.x", _) => 260.0 + 100.0 * r,
        (_, (low, high)) if low.is_finite() && high.is_finite() => low + (high - low) * (0.2 + 0.6 * r),
        _ => 1.2 * (r - 0.3),
    };
    mna.layout().unknowns.iter().map(|u| at(u, random(seed))).collect()
}

#[test]
fn slopes_agree_with_differences() {
    let mna = equations(ZOO);
    let mut seed = 7;
    for (phase, t) in [(Phase::Static, 0.0), (Phase::Transient, 3.3e-5), (Phase::Transient, 1.235e-4)] {
        let place = Place { mna: &mna, x: somewhere(&mna, &mut seed), t, phase };
        let names = [
            "scale",
            "hot",
            "ohms",
            "volts",
            "width",
            "temp",
            "gmin",
            "sources",
            "v1",
            "i1",
            "r1",
            "r1.tc1",
            "r1.tnom",
            "r2",
            "c1",
            "l1",
            "d1.is",
            "d1.n",
            "d1.rs",
            "d1.vj",
            "d1.m",
            "d1.bv",
            "d1.eg",
            "d1.area",
            "m1.vto",
            "m1.kp",
            "m1.w",
            "m1.gamma",
            "x2.x0",
            "x2.window",
            "e1",
        ];
        for name in names {
            if mna.param(name).is_some() {
                place.check(name);
            } else {
                panic!("{name} is not a parameter");
            }
        }
    }
}

#[test]
fn a_shunt_is_a_conductance() {
    let mna = equations("t\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k\n");
    let x = vec![0.25, -0.5, 1e-3];
    let place = Place { mna: &mna, x: x.clone(), t: 0.0, phase: Phase::Static };
    let (df, dq) = place.slope("shunt");
    let expected: Vec<f64> = mna.layout().unknowns.iter().zip(&x).map(|(u, x)| if u.node { *x } else { 0.0 }).collect();
    assert_eq!((df, dq), (expected, vec![0.0; 3]));
}

#[test]
fn the_slope_of_a_resistor_is_minus_v_over_r_squared() {
    let mna = equations("t\n.param r0=2k\nV1 a 0 1\nR1 a b {2*r0} tc=1m\nR2 b 0 1k m=3\n");
    let place = Place { mna: &mna, x: vec![1.0, 0.4, 0.0], t: 0.0, phase: Phase::Static };
    let (a, b) = (place.row("a"), place.row("b"));
    // i = v / (2 r0): di/dr0 = -v / (2 r0^2), v = 0.6.
    let (df, dq) = place.slope("r0");
    let expected = -0.6 / (2.0 * 2000.0_f64.powi(2));
    assert!((df[a] - expected).abs() <= 4.0 * f64::EPSILON * expected.abs() && df[b] == -df[a] && dq == [0.0; 3]);
    // The temperature coefficient does nothing at tnom: di/dtc1 = -i (T - tnom), di/dT = -i tc1.
    let (current, at_tnom) = (0.6 / 4000.0, place.slope("r1.tc1").0[a]);
    // The difference of two Celsius temperatures made of Kelvins is rounded.
    assert!(at_tnom.abs() < 1e-12 * current, "{at_tnom:e}");
    let warm = place.slope("temp").0[a];
    assert!((warm + 1e-3 * current).abs() < 1e-13 * current, "{warm:e}");
    // m = 3 of 1 kOhm: di/dm = v/R.
    let parallel = place.slope("r2").0[b];
    assert!((parallel + 3.0 * 0.4 / 1e6).abs() < 1e-18, "{parallel:e}");
}

#[test]
fn the_slope_of_a_diode_by_temperature_is_the_formula() {
    // I = is exp((T/T0 - 1) eg q/(n k T)) (T/T0)^(xti/n) (exp(v q/(n k T)) - 1) with gmin = 0.
    let (v, n, eg, xti, is) = (0.6, 1.2, 1.11, 3.0, 1e-14);
    let mna = equations(&format!(
        "t\n.options gmin=0\n.temp 57\nV1 a 0 1\nD1 a 0 dm\n.model dm d(is={is} n={n} eg={eg} xti={xti} tnom=27)\n"
    ));
    let place = Place { mna: &mna, x: vec![v, 0.0], t: 0.0, phase: Phase::Static };
    let (t, t0, kelvin) = (330.15, 300.15, 1.380649e-23 / 1.602176634e-19);
    let vt = n * kelvin * t;
    let saturation = is * ((t / t0 - 1.0) * eg / vt + xti / n * f64::ln(t / t0)).exp();
    let by_saturation = saturation * (eg / (vt * t) + xti / (n * t)) * f64::exp_m1(v / vt);
    let by_exponent = -saturation * (v / vt).exp() * v / (vt * t);
    let (expected, got) = (by_saturation + by_exponent, place.slope("temp").0[place.row("a")]);
    // Constants of physics in the model's text have nine digits or more.
    assert!((got / expected - 1.0).abs() < 1e-8, "{got:e} {expected:e}");
}

#[test]
fn temperature_follows_its_formula_until_it_is_assigned() {
    let mna = equations("t\n.param hot=50\n.temp {hot}\nV1 a 0 1\nR1 a 0 1k tc=1m\n");
    let place = Place { mna: &mna, x: vec![1.0, 0.0], t: 0.0, phase: Phase::Static };
    let (a, mut params) = (place.row("a"), mna.params());
    assert_eq!(place.slope("hot"), place.slope("temp"));
    mna.assign(&mut params, place.id("hot"), 77.0).expect("a temperature");
    assert_eq!(mna.value(&params, place.id("temp")), 77.0);
    mna.assign(&mut params, place.id("temp"), 60.0).expect("a temperature");
    mna.assign(&mut params, place.id("hot"), 10.0).expect("a temperature");
    assert_eq!(mna.value(&params, place.id("temp")), 60.0);
    assert_eq!(place.slope_at(&params, "hot").0[a], 0.0);
    let mut seen = |name: &str, value: f64| {
        mna.assign(&mut params, place.id(name), value).expect("a temperature");
        place.slope_at(&params, "temp").0[a]
    };
    // i = 1 / (1k (1 + 1e-3 dT)): the slope at 60 degrees.
    let expected = -1e-6 / (1.0 + 1e-3 * 33.0_f64).powi(2);
    assert!((seen("temp", 60.0) / expected - 1.0).abs() < 1e-12);
}

#[test]
fn an_assigned_parameter_no_longer_follows_others() {
    let mna = equations("t\n.param r0=1k r1={2*r0}\nV1 a 0 1\nR1 a 0 {r1}\n");
    let place = Place { mna: &mna, x: vec![1.0, 0.0], t: 0.0, phase: Phase::Static };
    let (a, mut params) = (place.row("a"), mna.params());
    assert_eq!(place.slope_at(&params, "r0").0[a], 2.0 * place.slope_at(&params, "r1").0[a]);
    mna.assign(&mut params, place.id("r1"), 5e3).expect("a resistance");
    assert_eq!(place.slope_at(&params, "r0").0[a], 0.0);
    assert_eq!(place.slope_at(&params, "r1").0[a], -1.0 / 25e6);
    // The instance itself comes before everything.
    mna.assign(&mut params, place.id("r1.r"), 8e3).expect("a resistance");
    assert_eq!(place.slope_at(&params, "r1").0[a], 0.0);
    assert_eq!(place.slope_at(&params, "r1.r").0[a], -1.0 / 64e6);
}

/// Start values: `ic=` of a capacitor, and of an integral what is lifted into a parameter of its model.
#[test]
fn start_values_have_exact_slopes() {
    let text = "deck\n.param p=0.3\nV1 a 0 1\nR1 a c 1k\nC1 c 0 1u ic={3*p}\nB1 b 0 v={idt(v(a), p*p)}\n.op\n.end\n";
    let mna = equations(text);
    let p = mna.param("p").unwrap();
    let mut params = mna.params();
    for value in [0.3, -0.5] {
        mna.assign(&mut params, p, value).unwrap();
        let starts: Vec<f64> = mna.starts(&params).iter().map(|s| s.value).collect();
        let slopes = mna.start_slopes(p, &params);
        assert_eq!((starts.len(), slopes.len()), (2, 2));
        for (found, exact) in starts.iter().chain(&slopes).zip([3.0 * value, value * value, 3.0, 2.0 * value]) {
            // A product or two of rounding.
            assert!((found - exact).abs() <= 1e-15, "{found} {exact}");
        }
    }
}
