//! Independent sources in the equations: incidence, excitation, small-signal stimulus.

use std::sync::Arc;

use num_complex::Complex64;

use crate::circuit::{Circuit, OutputKind, SourceKind};
use crate::dae::{Eval, Excitation, Params, Phase, Point, Want};
use crate::mna::Mna;
use crate::mna::assemble::Numbering;
use crate::mna::bank::Scratch;
use crate::mna::sums;
use crate::mna::values::Values;

/// A row of f that a source acts on.
pub struct Incident {
    row: u32,
    source: u32,
    sign: f64,
}

/// Values of all sources at a time (NaN: in static analyses).
#[derive(Default)]
pub struct Levels {
    params: Option<Params>,
    t: f64,
    values: Vec<f64>,
}

/// Rows that sources act on, in order of the sources, without ground.
pub fn incidents(circuit: &Circuit, numbering: &Numbering) -> Vec<Incident> {
    let mut list = Vec::new();
    for (k, source) in circuit.sources.iter().enumerate() {
        let mut act = |row: u32, sign: f64| {
            if (row as usize) < numbering.n {
                list.push(Incident { row, source: k as u32, sign });
            }
        };
        match source.kind {
            SourceKind::Voltage => act(numbering.branches[k], -1.0),
            SourceKind::Current => {
                act(numbering.terminal(circuit, source.plus), 1.0);
                act(numbering.terminal(circuit, source.minus), -1.0);
            }
        }
    }
    list
}

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

    /// Adds the values of all sources to f. They depend on time and parameters alone and are kept until these change.
    pub(super) fn add_sources(&self, values: &Values, at: &Point, want: Want, scratch: &mut Scratch, out: &mut Eval) {
        if !want.intersects(Want::F | Want::SCALE) || self.incidents.is_empty() {
            return;
        }
        let Scratch { levels, lost, .. } = scratch;
        let moment = if matches!(at.phase, Phase::TransientStart | Phase::Transient) { at.t } else { f64::NAN };
        let known = levels.params.as_ref().is_some_and(|p| Arc::ptr_eq(&p.0, &at.params.0));
        if !known || levels.t.to_bits() != moment.to_bits() {
            levels.values.clear();
            levels.values.extend((0..self.circuit.sources.len()).map(|k| self.level(k, values, at)));
            levels.t = moment;
            if !known {
                levels.params = Some(at.params.clone());
            }
        }
        for Incident { row, source, sign } in &self.incidents {
            let (row, level) = (*row as usize, levels.values[*source as usize]);
            sums::add(&mut out.f, &mut lost.f, row, sign * level);
            out.scale[row] = out.scale[row].max(level.abs());
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
