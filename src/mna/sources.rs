//! Independent sources in the equations: incidence, excitation, small-signal stimulus.

use num_complex::Complex64;

use crate::circuit::SourceKind;
use crate::dae::{Eval, Params, Phase, Point, Want};
use crate::mna::Mna;
use crate::mna::sums::{self, Lost};
use crate::mna::values::Values;

impl Mna {
    /// The constant entries of the sources' incidence.
    pub(super) fn incidence(&self, g: &mut [f64]) {
        for (k, source) in self.circuit.sources.iter().enumerate() {
            let branch = self.numbering.branches[k];
            for (terminal, sign) in [(source.plus, 1.0), (source.minus, -1.0)] {
                let node = self.numbering.terminal(&self.circuit, terminal);
                g[self.pattern.slot(node, branch).0 as usize] += sign;
                g[self.pattern.slot(branch, node).0 as usize] += sign;
            }
        }
    }

    /// Value of the excitation of a source at a point: the dc value in static phases, the waveform in transients.
    pub(super) fn level(&self, k: usize, values: &Values, at: &Point) -> f64 {
        let t = match at.phase {
            Phase::Static | Phase::SmallSignal => None,
            Phase::TransientStart | Phase::Transient => Some(at.t),
        };
        values.sources * values.stimuli[k].value(t)
    }

    /// Adds the values of all sources to f.
    pub(super) fn add_sources(&self, values: &Values, at: &Point, want: Want, lost: &mut Lost, out: &mut Eval) {
        for (k, source) in self.circuit.sources.iter().enumerate() {
            let level = self.level(k, values, at);
            if !want.intersects(Want::F | Want::SCALE) {
                continue;
            }
            match source.kind {
                SourceKind::Voltage => {
                    let row = self.numbering.branches[k] as usize;
                    sums::add(&mut out.f, &mut lost.f, row, -level);
                    out.scale[row] = out.scale[row].max(level.abs());
                }
                SourceKind::Current => {
                    for (terminal, sign) in [(source.plus, 1.0), (source.minus, -1.0)] {
                        let row = self.numbering.terminal(&self.circuit, terminal) as usize;
                        sums::add(&mut out.f, &mut lost.f, row, sign * level);
                        out.scale[row] = out.scale[row].max(level.abs());
                    }
                }
            }
        }
    }

    /// The right-hand side of `(G + jwC) y = b`.
    pub(super) fn add_excitation(&self, params: &Params, b: &mut [Complex64]) {
        let values = self.values(params);
        b.fill(Complex64::default());
        for (k, source) in self.circuit.sources.iter().enumerate() {
            let Some((magnitude, phase)) = values.stimuli[k].ac else { continue };
            let level = Complex64::from_polar(magnitude, phase.to_radians());
            let mut add = |row: u32, value: Complex64| {
                if let Some(entry) = b.get_mut(row as usize) {
                    *entry += value;
                }
            };
            match source.kind {
                SourceKind::Voltage => add(self.numbering.branches[k], level),
                SourceKind::Current => {
                    add(self.numbering.terminal(&self.circuit, source.plus), -level);
                    add(self.numbering.terminal(&self.circuit, source.minus), level);
                }
            }
        }
    }
}
