//! Independent sources: value at a time, corners, fastest motion.
//!
//! Time functions are those of SPICE (Nagel, ERL-M520, 1975) in its order of arguments. With `TR = 0` or `TF = 0` an edge of
//! a pulse takes `tstep`, as in SPICE; `PW` leaves the edges out. A corner that is closer than 1e-12 relative to the time
//! asked about counts as passed.

use crate::circuit::{Number, Waveform};

/// The numbers of one source.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stimulus {
    /// Value in static analyses, if given.
    pub dc: Option<f64>,
    /// Small-signal magnitude and phase in degrees.
    pub ac: Option<(f64, f64)>,
    /// Time function.
    pub wave: Wave,
}

/// A time function.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Wave {
    /// Constant: the dc value.
    #[default]
    None,
    /// `v1 v2 td tr tf pw per np`.
    Pulse(Pulse),
    /// `vo va freq td theta phase(deg)`: `vo + va exp(-(t-td) theta) sin(2 pi freq (t-td) + phase)`.
    Sin([f64; 6]),
    /// `v1 v2 td1 tau1 td2 tau2`.
    Exp([f64; 6]),
    /// `vo va fc mdi fs`: `vo + va sin(2 pi fc t + mdi sin(2 pi fs t))`.
    Sffm([f64; 5]),
    /// `sa oc fm fc td`: `sa (oc + sin(2 pi fm (t-td))) sin(2 pi fc (t-td))`.
    Am([f64; 5]),
    /// Straight lines.
    Pwl(Pwl),
}

/// Parameters of a pulse, all times in s.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pulse {
    /// Initial value.
    pub v1: f64,
    /// Pulsed value.
    pub v2: f64,
    /// Delay.
    pub td: f64,
    /// Rise time.
    pub tr: f64,
    /// Fall time.
    pub tf: f64,
    /// Width without the edges.
    pub pw: f64,
    /// Period; infinite for a single pulse.
    pub per: f64,
    /// Number of pulses; infinite if not given.
    pub count: f64,
}

/// A polygon.
#[derive(Clone, PartialEq, Debug)]
pub struct Pwl {
    /// Times and values, times rising.
    pub points: Vec<(f64, f64)>,
    /// Time to which it returns after the last point.
    pub repeat: Option<f64>,
    /// Delay.
    pub delay: f64,
}

const TWO_PI: f64 = 2.0 * std::f64::consts::PI;

impl Stimulus {
    /// Value at time `t`; `None`: in a static analysis.
    pub fn value(&self, t: Option<f64>) -> f64 {
        match (t, self.dc, &self.wave) {
            (None, Some(dc), _) => dc,
            (_, dc, Wave::None) => dc.unwrap_or(0.0),
            (t, _, wave) => wave.value(t.unwrap_or(0.0)),
        }
    }
}

impl Wave {
    /// Value at time `t`.
    pub fn value(&self, t: f64) -> f64 {
        match self {
            Wave::None => 0.0,
            Wave::Pulse(p) => p.value(t),
            Wave::Sin([vo, va, freq, td, theta, phase]) => {
                let s = (t - td).max(0.0);
                vo + va * (-s * theta).exp() * (TWO_PI * freq * s + phase.to_radians()).sin()
            }
            Wave::Exp([v1, v2, td1, tau1, td2, tau2]) => {
                let rise = if t > *td1 { -(-(t - td1) / tau1).exp_m1() } else { 0.0 };
                let fall = if t > *td2 { -(-(t - td2) / tau2).exp_m1() } else { 0.0 };
                v1 + (v2 - v1) * (rise - fall)
            }
            Wave::Sffm([vo, va, fc, mdi, fs]) => vo + va * (TWO_PI * fc * t + mdi * (TWO_PI * fs * t).sin()).sin(),
            Wave::Am([sa, oc, fm, fc, td]) => {
                let s = t - td;
                if s <= 0.0 { 0.0 } else { sa * (oc + (TWO_PI * fm * s).sin()) * (TWO_PI * fc * s).sin() }
            }
            Wave::Pwl(p) => p.value(t),
        }
    }

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

impl Pulse {
    fn value(&self, t: f64) -> f64 {
        let mut s = t - self.td;
        if s < 0.0 {
            return self.v1;
        }
        if self.per.is_finite() {
            let cycle = (s / self.per).floor();
            if cycle >= self.count {
                return self.v1;
            }
            s -= cycle * self.per;
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

impl Pwl {
    /// Time within the polygon, and what to add to it to come back.
    fn fold(&self, t: f64) -> (f64, f64) {
        let s = t - self.delay;
        let end = self.points.last().map_or(0.0, |p| p.0);
        match self.repeat {
            Some(back) if s > end && end > back => {
                let cycles = ((s - back) / (end - back)).floor();
                (s - cycles * (end - back), self.delay + cycles * (end - back))
            }
            _ => (s, self.delay),
        }
    }

    fn value(&self, t: f64) -> f64 {
        let (s, _) = self.fold(t);
        let k = self.points.partition_point(|p| p.0 <= s);
        match (k.checked_sub(1).map(|j| self.points[j]), self.points.get(k)) {
            (None, None) => 0.0,
            (None, Some(first)) => first.1,
            (Some(last), None) => last.1,
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * ((s - a.0) / (b.0 - a.0)),
        }
    }

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
pub fn wave(waveform: &Waveform, times: TranTimes, number: &dyn Fn(Number) -> f64) -> Wave {
    let list = |given: &[Option<Number>], defaults: &[f64]| -> Vec<f64> {
        let value = |k: usize| given.get(k).copied().flatten().map(number);
        defaults.iter().enumerate().map(|(k, d)| value(k).unwrap_or(*d)).collect()
    };
    let array = |given: &[Option<Number>], defaults: [f64; 6]| -> [f64; 6] {
        let mut out = defaults;
        out.copy_from_slice(&list(given, &defaults));
        out
    };
    match waveform {
        Waveform::Pulse(given) => {
            let v = list(given, &[0.0, 0.0, 0.0, 0.0, 0.0, f64::INFINITY, f64::INFINITY, f64::INFINITY]);
            let edge = |t: f64| if t > 0.0 { t } else { times.step };
            let positive = |t: f64| if t > 0.0 { t } else { f64::INFINITY };
            let count = positive(v[7]);
            Wave::Pulse(Pulse {
                v1: v[0],
                v2: v[1],
                td: v[2],
                tr: edge(v[3]),
                tf: edge(v[4]),
                pw: v[5],
                per: positive(v[6]),
                count,
            })
        }
        Waveform::Sin(given) => Wave::Sin(array(given, [0.0, 0.0, 1.0 / times.stop, 0.0, 0.0, 0.0])),
        Waveform::Exp(given) => {
            let mut v = array(given, [0.0, 0.0, 0.0, times.step, f64::NAN, times.step]);
            if v[4].is_nan() {
                v[4] = v[2] + times.step;
            }
            v[3] = if v[3] > 0.0 { v[3] } else { times.step };
            v[5] = if v[5] > 0.0 { v[5] } else { times.step };
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
