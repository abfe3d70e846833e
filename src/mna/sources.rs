//! Independent sources in the equations: incidence, excitation, small-signal stimulus.

use num_complex::Complex64;

use crate::circuit::{OutputKind, SourceKind};
use crate::dae::{Eval, Excitation, Params, Phase, Point, Want};
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
            Phase::Static | Phase::SmallSignal | Phase::Noise => None,
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

    /// Small-signal values of the independent sources.
    pub(super) fn add_excitation(&self, params: &Params, out: &mut Excitation) {
        let values = self.values(params);
        for (k, source) in self.circuit.sources.iter().enumerate() {
            let Some((magnitude, phase)) = values.stimuli[k].ac else { continue };
            let level = Complex64::from_polar(magnitude, phase.to_radians());
            self.add_source(k, |row, sign| {
                if let Some(entry) = out.value.get_mut(row as usize) {
                    *entry += level * sign;
                }
            });
            let own = OutputKind::SourceCurrent(k as u32);
            if source.kind == SourceKind::Current
                && let Some((_, row)) = self.circuit.outputs.iter().zip(&self.rows).find(|(o, _)| o.kind == own)
            {
                out.outputs.push((*row, level, Complex64::default()));
            }
        }
    }

    /// The right-hand side for a unit value of one source, and its unit.
    pub(super) fn add_unit(&self, name: &str, b: &mut [f64]) -> Option<&'static str> {
        let k = self.circuit.sources.iter().position(|s| s.name.eq_ignore_ascii_case(name))?;
        b.fill(0.0);
        self.add_source(k, |row, sign| {
            if let Some(entry) = b.get_mut(row as usize) {
                *entry += sign;
            }
        });
        Some(if self.circuit.sources[k].kind == SourceKind::Voltage { "V" } else { "A" })
    }

    /// Rows of the right-hand side that source k acts on, with their signs.
    fn add_source(&self, k: usize, mut add: impl FnMut(u32, f64)) {
        let source = &self.circuit.sources[k];
        match source.kind {
            SourceKind::Voltage => add(self.numbering.branches[k], 1.0),
            SourceKind::Current => {
                add(self.numbering.terminal(&self.circuit, source.plus), -1.0);
                add(self.numbering.terminal(&self.circuit, source.minus), 1.0);
            }
        }
    }
}
