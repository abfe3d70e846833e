//! Local activity of a linearised one-port or two-port, decided exactly and not on a grid of frequencies.
//!
//! Takes a pencil (G, C), `C dx/dt + G x = B i`, and the ports, columns of B with entries +1 and -1; the impedance is
//! `Z(s) = B' (G + s C)^-1 B` in ohm. Chua's criteria (L. O. Chua, Int. J. Bifurcation Chaos 15, 3435, 2005; K. Mainzer,
//! L. Chua, Local Activity Principle, 2013), any one of which makes the port locally active:
//!
//! 1. Z has a pole with Re s > 0;
//! 2. the hermitian part `Z(jw) + Z(jw)^H` has a negative eigenvalue at some w;
//! 3. Z has a simple pole on the imaginary axis whose residue is not hermitian and positive semidefinite;
//! 4. Z has a multiple pole on the imaginary axis.
//!
//! Poles are eigenvalues of (G, C); poles of the admittance (the zeros of det Z) those of the pencil bordered by B. The
//! hermitian part changes sign only at zeros of `Z(s) + Z(-s)'` on the imaginary axis, which are eigenvalues of
//!
//! ```text
//!     | G + s C     0       B |
//!     |   0     G' - s C'   B |        of size 2 n + m,
//!     |   B'        B'      0 |
//! ```
//!
//! so that one look between each two of them decides criterion 2 for all frequencies.

use std::f64::consts::TAU;

use num_complex::Complex64;

use crate::sparse::eigen::eigenvalues;
use crate::sparse::{Lu, Pattern, Singular};

/// An eigenvalue s counts as imaginary if `|Re s|` is below this part of `|s|`: what a double zero, which is where two
/// crossings are born, loses of its digits.
const IMAGINARY: f64 = 1e-6;
/// A pole counts as lying on the imaginary axis (and a pole at zero as zero) below this part of the fastest rate.
const ON_AXIS: f64 = 1e-9;
/// Looks on a logarithmic grid for the least real part that is reported (not for the decision).
const LOOKS: usize = 240;

/// Two nodes of a port: the current enters at the first one; `None` is ground.
pub type Port = (u32, Option<u32>);

/// How a port is driven when its stability is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Drive {
    /// By a current: the port is open, natural frequencies are the poles of Z.
    #[default]
    Current,
    /// By a voltage: the port is shorted, natural frequencies are the poles of 1/Z.
    Voltage,
}

/// What a biased port is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// It cannot give more small-signal energy than it was given.
    Passive,
    /// Locally active, and its operating point is unstable.
    Unstable,
    /// Locally active and stable: the edge of chaos.
    EdgeOfChaos,
}

impl Class {
    /// All of them; a class is written to files as its place in this list.
    pub const ALL: [Class; 3] = [Class::Passive, Class::Unstable, Class::EdgeOfChaos];

    /// In words.
    pub fn name(self) -> &'static str {
        ["locally passive", "locally active, unstable", "edge of chaos"][self as usize]
    }
}

/// All that was found about a port.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// What it is.
    pub class: Class,
    /// Number of the first criterion that holds, 1 to 4; `None`: passive.
    pub criterion: Option<u8>,
    /// Poles of Z, 1/s, rightmost first.
    pub poles: Vec<Complex64>,
    /// Poles of 1/Z (zeros of det Z), 1/s, rightmost first.
    pub zeros: Vec<Complex64>,
    /// Bounds of the bands in which the hermitian part has a negative eigenvalue, Hz.
    pub active: Vec<(f64, f64)>,
    /// Least eigenvalue of the hermitian part `(Z + Z^H)/2` over the frequencies looked at, ohm.
    pub least: f64,
    /// Where that is, Hz.
    pub at: f64,
    /// The same eigenvalue at zero frequency, ohm; NaN if Z has a pole there.
    pub rest: f64,
}

impl Verdict {
    /// The rightmost natural frequency under the drive, 1/s.
    pub fn rightmost(&self, drive: Drive) -> Option<Complex64> {
        match drive {
            Drive::Current => self.poles.first().copied(),
            Drive::Voltage => self.zeros.first().copied(),
        }
    }
}

/// A linearised circuit and its ports.
pub struct Network<'a> {
    /// Pattern of G and C.
    pub pattern: &'a Pattern,
    /// Conductances by slot.
    pub g: &'a [f64],
    /// Capacitances by slot.
    pub c: &'a [f64],
    /// One or two ports.
    pub ports: &'a [Port],
}

impl Network<'_> {
    /// Decides what the network is at its ports.
    ///
    /// # Errors
    /// If the pencil is singular at every shift: the equations do not determine the unknowns.
    pub fn verdict(&self, drive: Drive) -> Result<Verdict, Singular> {
        let poles = eigenvalues(self.pattern, self.g, self.c, usize::MAX)?;
        let zeros = self.bordered_eigenvalues()?;
        let crossings = self.crossings()?;
        let mut probe = Impedance::new(self);
        let bands = self.bands(&crossings, &poles, &mut probe)?;
        let (least, at) = least(&poles, &zeros, &bands, &mut probe)?;
        let fastest = poles.iter().map(|p| p.norm()).fold(0.0, f64::max);
        let rest = match poles.iter().any(|p| p.norm() <= ON_AXIS * fastest) {
            true => f64::NAN,
            false => probe.hermitian(0.0)?,
        };
        let right = |s: &Complex64| s.re > ON_AXIS * fastest.max(s.norm());
        let on_axis = self.axis(&poles, fastest, &mut probe)?;
        let criterion = match on_axis {
            _ if poles.iter().any(right) => Some(1),
            _ if !bands.is_empty() => Some(2),
            found => found,
        };
        // A state that nothing moves (a nonvolatile one) neither grows nor decays.
        let driven = if drive == Drive::Current { &poles } else { &zeros };
        let class = match criterion {
            None => Class::Passive,
            Some(_) if driven.iter().any(right) => Class::Unstable,
            Some(_) => Class::EdgeOfChaos,
        };
        Ok(Verdict { class, criterion, poles, zeros, active: bands, least, at, rest })
    }

    /// Zeros of det Z: eigenvalues of the pencil bordered by the ports.
    fn bordered_eigenvalues(&self) -> Result<Vec<Complex64>, Singular> {
        let n = self.pattern.n;
        let mut entries = Entries::default();
        entries.block(self, 0, false);
        for (k, port) in self.ports.iter().enumerate() {
            entries.port(*port, (n + k) as u32, 0);
        }
        let (pattern, g, c) = entries.assemble(n + self.ports.len());
        eigenvalues(&pattern, &g, &c, usize::MAX)
    }

    /// Angular frequencies above zero at which an eigenvalue of the hermitian part vanishes, rising.
    fn crossings(&self) -> Result<Vec<f64>, Singular> {
        let n = self.pattern.n;
        let mut entries = Entries::default();
        entries.block(self, 0, false);
        entries.block(self, n as u32, true);
        for (k, port) in self.ports.iter().enumerate() {
            entries.port(*port, (2 * n + k) as u32, 0);
            entries.port(*port, (2 * n + k) as u32, n as u32);
        }
        let (pattern, g, c) = entries.assemble(2 * n + self.ports.len());
        let all = match eigenvalues(&pattern, &g, &c, usize::MAX) {
            Ok(all) => all,
            // Z(s) + Z(-s)' vanishes everywhere: a lossless port, whose hermitian part is zero at all frequencies.
            Err(_) => return Ok(Vec::new()),
        };
        let mut found: Vec<f64> = all.iter().filter(|s| s.im > 0.0 && s.re.abs() <= IMAGINARY * s.norm()).map(|s| s.im).collect();
        found.sort_by(f64::total_cmp);
        found.dedup_by(|a, b| (*a - *b).abs() <= 1e-9 * *b);
        Ok(found)
    }

    /// Bands in Hz between crossings in which the hermitian part has a negative eigenvalue.
    fn bands(&self, crossings: &[f64], poles: &[Complex64], probe: &mut Impedance) -> Result<Vec<(f64, f64)>, Singular> {
        let rates = poles.iter().map(|p| p.norm()).chain(crossings.iter().copied()).filter(|r| *r > 0.0);
        let (slow, fast) = rates.fold((f64::INFINITY, 0.0f64), |(a, b), r| (a.min(r), b.max(r)));
        let (slow, fast) = if fast > 0.0 { (1e-3 * slow, 1e3 * fast) } else { (1.0, 1.0) };
        let mut bands: Vec<(f64, f64)> = Vec::new();
        for k in 0..=crossings.len() {
            let low = if k == 0 { 0.0 } else { crossings[k - 1] };
            let high = crossings.get(k).copied().unwrap_or(f64::INFINITY);
            let middle = match (low > 0.0, high.is_finite()) {
                (true, true) => (low * high).sqrt(),
                (false, true) => high.min(slow),
                (true, false) => low.max(fast),
                (false, false) => (slow * fast).sqrt(),
            };
            if probe.hermitian(middle)? < -probe.noise() {
                match bands.last_mut() {
                    Some(last) if last.1 == low / TAU => last.1 = high / TAU,
                    _ => bands.push((low / TAU, high / TAU)),
                }
            }
        }
        Ok(bands)
    }

    /// Criteria 3 and 4: poles on the imaginary axis, by how Z grows on the way to them from the right. A natural frequency
    /// that does not show at the ports makes Z grow not at all.
    fn axis(&self, poles: &[Complex64], fastest: f64, probe: &mut Impedance) -> Result<Option<u8>, Singular> {
        let on = |s: &&Complex64| s.re.abs() <= ON_AXIS * fastest.max(s.norm()) && s.im >= 0.0;
        let slowest = poles.iter().map(|p| p.norm()).filter(|r| *r > ON_AXIS * fastest).fold(f64::INFINITY, f64::min);
        for pole in poles.iter().filter(on) {
            let scale = if pole.norm() > ON_AXIS * fastest { pole.norm() } else { slowest.min(1e12) };
            let others = poles.iter().map(|p| (p - pole).norm()).filter(|d| *d > 1e-6 * scale);
            let step = 1e-3 * others.fold(scale, f64::min);
            let far = probe.matrix(Complex64::new(step, pole.im))?;
            let near = probe.matrix(Complex64::new(0.1 * step, pole.im))?;
            let size = |z: &[Complex64]| z.iter().map(|v| v.norm()).fold(0.0, f64::max);
            match size(&near) / size(&far) {
                growth if growth > 30.0 => return Ok(Some(4)),
                growth if growth < 3.0 => continue,
                _ => {}
            }
            // Next to the pole Z is residue / step: it must be hermitian and positive semidefinite there.
            let residue = 0.05 * size(&near);
            if least_eigenvalue(&near, self.ports.len()) < -residue || probe.skew(&near) > residue {
                return Ok(Some(3));
            }
        }
        Ok(None)
    }
}

/// Least eigenvalue of the hermitian part over a grid that covers the natural frequencies, and where it is; refined where
/// it is least.
fn least(poles: &[Complex64], zeros: &[Complex64], bands: &[(f64, f64)], probe: &mut Impedance) -> Result<(f64, f64), Singular> {
    let ends = bands.iter().flat_map(|b| [b.0, b.1]).filter(|f| f.is_finite()).map(|f| f * TAU);
    let rates = poles.iter().chain(zeros).map(|p| p.norm()).chain(ends).filter(|r| *r > 0.0 && r.is_finite());
    let (slow, fast) = rates.fold((f64::INFINITY, 0.0f64), |(a, b), r| (a.min(r), b.max(r)));
    let (slow, fast) = if fast > 0.0 { (1e-2 * slow, 1e2 * fast) } else { (1.0, 1.0) };
    let (mut best, mut at) = (f64::INFINITY, 0.0);
    let ratio = (fast / slow).powf(1.0 / LOOKS as f64);
    for k in 0..=LOOKS {
        let w = slow * ratio.powi(k as i32);
        let value = probe.hermitian(w)?;
        if value < best {
            (best, at) = (value, w);
        }
    }
    // Golden section between the neighbours of the least look.
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut a, mut b) = ((at / ratio).ln(), (at * ratio).ln());
    for _ in 0..40 {
        let (c, d) = (b - golden * (b - a), a + golden * (b - a));
        if probe.hermitian(c.exp())? < probe.hermitian(d.exp())? { b = d } else { a = c }
    }
    let w = (0.5 * (a + b)).exp();
    let refined = probe.hermitian(w)?;
    let rest = if poles.iter().all(|p| p.norm() > 1e-12 * fast) { probe.hermitian(0.0)? } else { f64::INFINITY };
    let (best, at) = if refined < best { (refined, w) } else { (best, at) };
    // At rest it is not less by round-off alone.
    Ok(if rest < best - 1e-9 * best.abs() { (rest, 0.0) } else { (best, at / TAU) })
}

/// Entries of an extended pencil.
#[derive(Default)]
struct Entries {
    g: Vec<(u32, u32, f64)>,
    c: Vec<(u32, u32, f64)>,
}

impl Entries {
    /// The network at `offset`; `adjoint`: transposed, with the sign of C changed.
    fn block(&mut self, network: &Network, offset: u32, adjoint: bool) {
        for column in 0..network.pattern.n {
            for slot in network.pattern.column(column) {
                let (i, j) = (network.pattern.rows[slot], column as u32);
                let (i, j, sign) = if adjoint { (j, i, -1.0) } else { (i, j, 1.0) };
                self.g.push((i + offset, j + offset, network.g[slot]));
                self.c.push((i + offset, j + offset, sign * network.c[slot]));
            }
        }
    }

    /// A port as row and column number `border` of the block at `offset`.
    fn port(&mut self, port: Port, border: u32, offset: u32) {
        for (node, sign) in [(Some(port.0), 1.0), (port.1, -1.0)] {
            if let Some(node) = node {
                self.g.push((node + offset, border, sign));
                self.g.push((border, node + offset, sign));
            }
        }
    }

    fn assemble(&self, n: usize) -> (Pattern, Vec<f64>, Vec<f64>) {
        let pattern = Pattern::new(n, self.g.iter().map(|e| (e.0, e.1)));
        let (mut g, mut c) = (vec![0.0; pattern.len()], vec![0.0; pattern.len()]);
        for (values, entries) in [(&mut g, &self.g), (&mut c, &self.c)] {
            for (i, j, value) in entries {
                values[pattern.slot(*i, *j).0 as usize] += value;
            }
        }
        (pattern, g, c)
    }
}

/// `Z(s)`, one factorisation for each s.
struct Impedance<'a> {
    network: &'a Network<'a>,
    lu: Lu<Complex64>,
    values: Vec<Complex64>,
    column: Vec<Complex64>,
    /// Largest entry of Z seen.
    largest: f64,
}

impl<'a> Impedance<'a> {
    fn new(network: &'a Network<'a>) -> Impedance<'a> {
        let zero = Complex64::new(0.0, 0.0);
        Impedance {
            lu: Lu::new(network.pattern),
            values: vec![zero; network.pattern.len()],
            column: vec![zero; network.pattern.n],
            largest: 0.0,
            network,
        }
    }

    /// Z row by row.
    fn matrix(&mut self, s: Complex64) -> Result<Vec<Complex64>, Singular> {
        for ((v, g), c) in self.values.iter_mut().zip(self.network.g).zip(self.network.c) {
            *v = s * *c + *g;
        }
        self.lu.factor(&self.values)?;
        let ports = self.network.ports;
        let m = ports.len();
        let mut z = vec![Complex64::new(0.0, 0.0); m * m];
        for (k, port) in ports.iter().enumerate() {
            self.column.fill(Complex64::new(0.0, 0.0));
            self.column[port.0 as usize] += 1.0;
            if let Some(minus) = port.1 {
                self.column[minus as usize] -= 1.0;
            }
            self.lu.solve(&mut self.column);
            for (i, port) in ports.iter().enumerate() {
                z[i * m + k] = self.column[port.0 as usize] - port.1.map_or(0.0.into(), |n| self.column[n as usize]);
            }
        }
        self.largest = z.iter().map(|v| v.norm()).filter(|v| v.is_finite()).fold(self.largest, f64::max);
        Ok(z)
    }

    /// Least eigenvalue of `(Z + Z^H)/2` at `s = j w`.
    fn hermitian(&mut self, w: f64) -> Result<f64, Singular> {
        // A pole on the axis may lie just here; next to it the hermitian part is what it is on both sides.
        let z = self.matrix(Complex64::new(0.0, w)).or_else(|_| self.matrix(Complex64::new(0.0, w * (1.0 + 1e-6))))?;
        Ok(least_eigenvalue(&z, self.network.ports.len()))
    }

    /// What round-off makes of a zero.
    fn noise(&self) -> f64 {
        1e-11 * self.largest
    }

    /// Size of the part of `z` that is not hermitian.
    fn skew(&self, z: &[Complex64]) -> f64 {
        let m = self.network.ports.len();
        let part = |i: usize, k: usize| (z[i * m + k] - z[k * m + i].conj()).norm() * 0.5;
        (0..m).flat_map(|i| (0..m).map(move |k| (i, k))).map(|(i, k)| part(i, k)).fold(0.0, f64::max)
    }
}

/// Least eigenvalue of the hermitian part of a 1 x 1 or 2 x 2 matrix.
fn least_eigenvalue(z: &[Complex64], m: usize) -> f64 {
    if m == 1 {
        return z[0].re;
    }
    let (a, b, off) = (z[0].re, z[3].re, 0.5 * (z[1] + z[2].conj()).norm());
    0.5 * (a + b) - (0.25 * (a - b) * (a - b) + off * off).sqrt()
}
