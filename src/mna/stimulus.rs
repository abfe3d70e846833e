//! Independent sources: value at a time, corners, fastest motion.
//!
//! Time functions are those of SPICE (Nagel, ERL-M520, 1975) in its order of arguments. With `TR = 0` or `TF = 0` an edge of
//! a pulse takes `tstep`, as in SPICE; `PW` leaves the edges out. A corner that is closer than 1e-12 relative to the time
//! asked about counts as passed.

use crate::circuit::{Number, Waveform};
use crate::dae::Drive;
use crate::mna::dual::Real;

/// The numbers of one source.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stimulus<N = f64> {
    /// Value in static analyses, if given.
    pub dc: Option<N>,
    /// Small-signal magnitude and phase in degrees.
    pub ac: Option<(N, N)>,
    /// Time function.
    pub wave: Wave<N>,
}

/// A time function.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Wave<N = f64> {
    /// Constant: the dc value.
    #[default]
    None,
    /// `v1 v2 td tr tf pw per np`.
    Pulse(Pulse<N>),
    /// `vo va freq td theta phase(deg)`: `vo + va exp(-(t-td) theta) sin(2 pi freq (t-td) + phase)`.
    Sin([N; 6]),
    /// `v1 v2 td1 tau1 td2 tau2`.
    Exp([N; 6]),
    /// `vo va fc mdi fs`: `vo + va sin(2 pi fc t + mdi sin(2 pi fs t))`.
    Sffm([N; 5]),
    /// `sa oc fm fc td`: `sa (oc + sin(2 pi fm (t-td))) sin(2 pi fc (t-td))`.
    Am([N; 5]),
    /// Straight lines.
    Pwl(Pwl<N>),
}

/// Parameters of a pulse, all times in s.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pulse<N = f64> {
    /// Initial value.
    pub v1: N,
    /// Pulsed value.
    pub v2: N,
    /// Delay.
    pub td: N,
    /// Rise time.
    pub tr: N,
    /// Fall time.
    pub tf: N,
    /// Width without the edges.
    pub pw: N,
    /// Period; infinite for a single pulse.
    pub per: N,
    /// Number of pulses; infinite if not given.
    pub count: N,
}

/// A polygon.
#[derive(Clone, PartialEq, Debug)]
pub struct Pwl<N = f64> {
    /// Times and values, times rising.
    pub points: Vec<(N, N)>,
    /// Time to which it returns after the last point.
    pub repeat: Option<N>,
    /// Delay.
    pub delay: N,
}

const TWO_PI: f64 = 2.0 * std::f64::consts::PI;
/// A degree in radians.
const RADIANS: f64 = std::f64::consts::PI / 180.0;

impl<N: Real> Stimulus<N> {
    /// Value at time `t`; `None`: in a static analysis.
    pub fn value(&self, t: Option<f64>) -> N {
        match (t, self.dc, &self.wave) {
            (None, Some(dc), _) => dc,
            (_, dc, Wave::None) => dc.unwrap_or(N::from(0.0)),
            (t, _, wave) => wave.value(t.unwrap_or(0.0)),
        }
    }
}

impl<N: Real> Wave<N> {
    /// Value at time `t`.
    pub fn value(&self, t: f64) -> N {
        let (zero, now) = (N::from(0.0), N::from(t));
        let turns = |cycles: N| N::from(TWO_PI) * cycles;
        match self {
            Wave::None => zero,
            Wave::Pulse(p) => p.value(t),
            Wave::Sin([vo, va, freq, td, theta, phase]) => {
                let s = if now > *td { now - *td } else { zero };
                let angle = turns(*freq) * s + *phase * N::from(RADIANS);
                *vo + *va * (-s * *theta).exp() * angle.sin()
            }
            Wave::Exp([v1, v2, td1, tau1, td2, tau2]) => {
                let rise = if now > *td1 { -(-(now - *td1) / *tau1).exp_m1() } else { zero };
                let fall = if now > *td2 { -(-(now - *td2) / *tau2).exp_m1() } else { zero };
                *v1 + (*v2 - *v1) * (rise - fall)
            }
            Wave::Sffm([vo, va, fc, mdi, fs]) => *vo + *va * (turns(*fc) * now + *mdi * (turns(*fs) * now).sin()).sin(),
            Wave::Am([sa, oc, fm, fc, td]) => {
                let s = now - *td;
                if s <= zero { zero } else { *sa * (*oc + (turns(*fm) * s).sin()) * (turns(*fc) * s).sin() }
            }
            Wave::Pwl(p) => p.value(t),
        }
    }
}

impl Wave {
    /// The first corner after `t`.
    pub fn next_break(&self, t: f64) -> f64 {
        let first_after = |times: &[f64]| times.iter().copied().filter(|c| after(*c, t)).fold(f64::INFINITY, f64::min);
        match self {
            Wave::None | Wave::Sffm(_) => f64::INFINITY,
            Wave::Pulse(p) => p.next_break(t),
            Wave::Sin([.., td, _, _]) | Wave::Am([.., td]) => first_after(&[*td]),
            Wave::Exp([_, _, td1, _, td2, _]) => first_after(&[*td1, *td2]),
            Wave::Pwl(p) => p.next_break(t),
        }
    }

    /// How it repeats: nothing for a constant, two entries where two frequencies are at work.
    pub fn drives(&self, source: &str) -> Vec<Drive> {
        let one = |period: f64, from: f64, edges: Vec<(f64, f64)>| Drive { source: source.into(), period, from, edges };
        let never = || vec![one(f64::INFINITY, 0.0, Vec::new())];
        match self {
            Wave::None => Vec::new(),
            Wave::Pulse(p) if p.v1 == p.v2 => Vec::new(),
            Wave::Pulse(p) if p.count.is_finite() || !p.per.is_finite() => never(),
            Wave::Pulse(p) => vec![one(p.per, p.td.max(0.0), vec![(0.0, p.tr), (p.tr + p.pw, p.tf)])],
            Wave::Sin([_, va, freq, ..]) if *va == 0.0 || *freq == 0.0 => Vec::new(),
            Wave::Sin([.., theta, _]) if *theta != 0.0 => never(),
            Wave::Sin([_, _, freq, td, ..]) => vec![one(1.0 / freq.abs(), td.max(0.0), Vec::new())],
            Wave::Exp([v1, v2, ..]) if v1 == v2 => Vec::new(),
            Wave::Exp(_) => never(),
            Wave::Sffm([_, va, fc, ..]) if *va == 0.0 || *fc == 0.0 => Vec::new(),
            Wave::Sffm([.., fc, mdi, fs]) => {
                let tones = [(fc, true), (fs, *mdi != 0.0 && *fs != 0.0)];
                tones.iter().filter(|t| t.1).map(|t| one(1.0 / t.0.abs(), 0.0, Vec::new())).collect()
            }
            Wave::Am([sa, ..]) if *sa == 0.0 => Vec::new(),
            Wave::Am([.., fm, fc, td]) => {
                let tones = [fm, fc].into_iter().filter(|f| **f != 0.0);
                tones.map(|f| one(1.0 / f.abs(), td.max(0.0), Vec::new())).collect()
            }
            Wave::Pwl(p) => match (p.repeat, p.points.last()) {
                (Some(back), Some(end)) if end.0 > back => vec![one(end.0 - back, (p.delay + back).max(0.0), Vec::new())],
                _ if p.points.windows(2).all(|w| w[0].1 == w[1].1) => Vec::new(),
                _ => never(),
            },
        }
    }

    /// Shortest period of its smooth parts, s; infinite for straight lines. The exponential's time constants count as
    /// a quarter of a period each, so that the default ceiling resolves them.
    pub fn period(&self) -> f64 {
        match self {
            Wave::None | Wave::Pulse(_) | Wave::Pwl(_) => f64::INFINITY,
            Wave::Sin([_, va, freq, ..]) if *va != 0.0 && *freq > 0.0 => 1.0 / freq,
            Wave::Sin(_) => f64::INFINITY,
            Wave::Exp([_, _, _, tau1, _, tau2]) => 4.0 * tau1.min(*tau2),
            Wave::Sffm([_, va, fc, mdi, fs]) if *va != 0.0 => 1.0 / (fc.abs() + (mdi * fs).abs()),
            Wave::Sffm(_) => f64::INFINITY,
            Wave::Am([sa, _, fm, fc, _]) if *sa != 0.0 => 1.0 / (fc.abs() + fm.abs()),
            Wave::Am(_) => f64::INFINITY,
        }
    }
}

/// True if corner `c` lies after `t` by more than rounding.
fn after(c: f64, t: f64) -> bool {
    c > t + 1e-12 * t.abs()
}

impl<N: Real> Pulse<N> {
    fn value(&self, t: f64) -> N {
        let mut s = N::from(t) - self.td;
        if s.value() < 0.0 {
            return self.v1;
        }
        if self.per.value().is_finite() {
            let cycle = (s / self.per).value().floor();
            if cycle >= self.count.value() {
                return self.v1;
            }
            s = s - N::from(cycle) * self.per;
        }
        let top = self.tr + self.pw;
        if s < self.tr {
            self.v1 + (self.v2 - self.v1) * (s / self.tr)
        } else if s <= top {
            self.v2
        } else if s < top + self.tf {
            self.v2 + (self.v1 - self.v2) * ((s - top) / self.tf)
        } else {
            self.v1
        }
    }
}

impl Pulse {
    fn next_break(&self, t: f64) -> f64 {
        let corners = [0.0, self.tr, self.tr + self.pw, self.tr + self.pw + self.tf];
        let first = if self.per.is_finite() { ((t - self.td) / self.per).floor().max(0.0) } else { 0.0 };
        for cycle in [first, first + 1.0] {
            let start = self.td + if cycle > 0.0 { cycle * self.per } else { 0.0 };
            if cycle >= self.count || !start.is_finite() {
                break;
            }
            if let Some(corner) = corners.iter().map(|c| start + c).find(|c| after(*c, t)) {
                return corner;
            }
        }
        f64::INFINITY
    }
}

impl<N: Real> Pwl<N> {
    /// Time within the polygon, and what to add to it to come back.
    fn fold(&self, t: f64) -> (N, N) {
        let s = N::from(t) - self.delay;
        let end = self.points.last().map_or(N::from(0.0), |p| p.0);
        match self.repeat {
            Some(back) if s > end && end > back => {
                let cycles = N::from(((s - back) / (end - back)).value().floor());
                (s - cycles * (end - back), self.delay + cycles * (end - back))
            }
            _ => (s, self.delay),
        }
    }

    fn value(&self, t: f64) -> N {
        let (s, _) = self.fold(t);
        let k = self.points.partition_point(|p| p.0 <= s);
        match (k.checked_sub(1).map(|j| self.points[j]), self.points.get(k)) {
            (None, None) => N::from(0.0),
            (None, Some(first)) => first.1,
            (Some(last), None) => last.1,
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * ((s - a.0) / (b.0 - a.0)),
        }
    }
}

impl Pwl {
    fn next_break(&self, t: f64) -> f64 {
        let (s, shift) = self.fold(t);
        let end = self.points.last().map_or(0.0, |p| p.0);
        if let Some(p) = self.points.iter().find(|p| after(p.0 + shift, t) && p.0 >= s) {
            return p.0 + shift;
        }
        match self.repeat {
            Some(back) if end > back => {
                let next = self.points.iter().map(|p| p.0).find(|p| *p > back).unwrap_or(end);
                shift + (end - back) + next
            }
            _ => f64::INFINITY,
        }
    }
}

/// What the deck's `.tran` card says, for the defaults of a pulse.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TranTimes {
    /// Suggested step, s.
    pub step: f64,
    /// End, s.
    pub stop: f64,
}

/// The numeric form of a waveform.
pub fn wave<N: Real>(waveform: &Waveform, times: TranTimes, number: &dyn Fn(Number) -> N) -> Wave<N> {
    let list = |given: &[Option<Number>], defaults: &[f64]| -> Vec<N> {
        let value = |k: usize| given.get(k).copied().flatten().map(number);
        defaults.iter().enumerate().map(|(k, d)| value(k).unwrap_or(N::from(*d))).collect()
    };
    let array = |given: &[Option<Number>], defaults: [f64; 6]| -> [N; 6] {
        let mut out = defaults.map(N::from);
        out.copy_from_slice(&list(given, &defaults));
        out
    };
    let positive = |t: N, otherwise: f64| if t.value() > 0.0 { t } else { N::from(otherwise) };
    match waveform {
        Waveform::Pulse(given) => {
            let v = list(given, &[0.0, 0.0, 0.0, 0.0, 0.0, f64::INFINITY, f64::INFINITY, f64::INFINITY]);
            Wave::Pulse(Pulse {
                v1: v[0],
                v2: v[1],
                td: v[2],
                tr: positive(v[3], times.step),
                tf: positive(v[4], times.step),
                pw: v[5],
                per: positive(v[6], f64::INFINITY),
                count: positive(v[7], f64::INFINITY),
            })
        }
        Waveform::Sin(given) => Wave::Sin(array(given, [0.0, 0.0, 1.0 / times.stop, 0.0, 0.0, 0.0])),
        Waveform::Exp(given) => {
            let mut v = array(given, [0.0, 0.0, 0.0, times.step, f64::NAN, times.step]);
            if v[4].value().is_nan() {
                v[4] = v[2] + N::from(times.step);
            }
            v[3] = positive(v[3], times.step);
            v[5] = positive(v[5], times.step);
            Wave::Exp(v)
        }
        Waveform::Sffm(given) => {
            let v = array(given, [0.0, 0.0, 1.0 / times.stop, 0.0, 1.0 / times.stop, 0.0]);
            Wave::Sffm([v[0], v[1], v[2], v[3], v[4]])
        }
        Waveform::Am(given) => {
            let v = array(given, [0.0, 0.0, 1.0 / times.stop, 1.0 / times.stop, 0.0, 0.0]);
            Wave::Am([v[0], v[1], v[2], v[3], v[4]])
        }
        Waveform::Pwl { points, repeat, delay } => Wave::Pwl(Pwl {
            points: points.iter().map(|(t, v)| (number(*t), number(*v))).collect(),
            repeat: repeat.map(number),
            delay: number(*delay),
        }),
    }
}
