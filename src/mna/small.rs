//! Small-signal sources of models: noise densities and `ac_stim`, with what they add to the rows.
//!
//! Evaluated by the reference interpreter, once per instance and operating point. The density of a source is divided by the
//! multiplicity m: contributions are already those of m devices (flows times m), and the average of m independent sources
//! has the m-th part of the power of one (decision 30). Stimuli of m devices are one and the same.

use num_complex::Complex64;

use crate::dae::{Density, Excitation, Gain, NoiseSource, Point};
use crate::ir::{Input, interp};
use crate::mna::Mna;
use crate::mna::bank::{Bank, Requested, contribution_sign};
use crate::model::small::{SmallKind, SmallSource, gains};

/// One source of one instance at a point.
struct Active<'a> {
    source: &'a SmallSource,
    instance: u32,
    multiplicity: f64,
    /// Outputs of `Small::function`.
    values: &'a [f64],
    gains: Vec<Gain>,
    outputs: Vec<Gain>,
}

impl Mna {
    /// Calls `f` for every small-signal source of every instance.
    fn each_source(&self, at: &Point, f: &mut dyn FnMut(Active)) {
        let values = self.values(at.params);
        for (bank, lanes) in self.banks.iter().zip(&values.lanes).filter(|(b, _)| !b.model.small.sources.is_empty()) {
            let function = &bank.small.get_or_init(|| gains(&bank.model)).0;
            let mut interpreter = interp::Interpreter::new(function);
            for lane in 0..bank.len() {
                let input = |input: Input| bank.input_at(input, at, lanes, lane);
                let values = interpreter.run(&input);
                for (k, source) in bank.model.small.sources.iter().enumerate() {
                    let (gains, outputs) = self.gains(bank, lane, k as u32, values);
                    let (instance, multiplicity) = (bank.instances[lane], lanes.multiplicity[lane]);
                    f(Active { source, instance, multiplicity, values, gains, outputs });
                }
            }
        }
    }

    /// What source `k` of one lane adds to the rows of the equations and of the outputs.
    fn gains(&self, bank: &Bank, lane: usize, k: u32, values: &[f64]) -> (Vec<Gain>, Vec<Gain>) {
        let ground = self.numbering.n as u32;
        let (mut rows, mut outputs) = (Vec::new(), Vec::new());
        let Some((_, all)) = bank.small.get() else { return (rows, outputs) };
        for gain in all.iter().filter(|g| g.source == k) {
            let size = values[gain.output as usize];
            let made = |row: u32, size: f64| {
                let (value, charge) = if gain.charge { (0.0, size) } else { (size, 0.0) };
                Gain { row, value, charge }
            };
            let contribution = &bank.model.contributions[gain.contribution as usize];
            for (local, sign) in [(Some(contribution.plus), 1.0), (contribution.minus, -1.0)] {
                let row = local.map_or(ground, |r| bank.unknowns[r as usize][lane]);
                if row != ground {
                    rows.push(made(row, sign * size));
                }
            }
            for request in bank.requests.iter().filter(|r| r.lane as usize == lane) {
                if let Requested::Row(local) | Requested::Merged(local) = request.what {
                    let sign = contribution_sign(contribution.plus, contribution.minus, local);
                    if sign != 0.0 {
                        outputs.push(made(request.output, sign * size));
                    }
                }
            }
        }
        (rows, outputs)
    }

    /// All noise sources at a point.
    pub(super) fn add_noise(&self, at: &Point, out: &mut Vec<NoiseSource>) {
        self.each_source(at, &mut |active| {
            let share = 1.0 / active.multiplicity;
            let read = |k: &u32| active.values[*k as usize];
            let density = match &active.source.kind {
                SmallKind::White(power) => Density::White(read(power) * share),
                SmallKind::Flicker(power, exponent) => Density::Flicker(read(power) * share, read(exponent)),
                SmallKind::Table(points, logarithmic) => {
                    let points = points.iter().map(|(f, p)| (read(f), read(p) * share));
                    table(points.collect(), *logarithmic)
                }
                SmallKind::File(points, logarithmic) => table(points.iter().map(|(f, p)| (*f, p * share)).collect(), *logarithmic),
                SmallKind::Stimulus(..) => return,
            };
            out.push(NoiseSource {
                instance: self.circuit.instances[active.instance as usize].name.to_string(),
                name: active.source.name.clone(),
                density,
                gains: active.gains,
                outputs: active.outputs,
            });
        });
    }

    /// `ac_stim` of all models.
    pub(super) fn add_stimuli(&self, at: &Point, out: &mut Excitation) {
        self.each_source(at, &mut |active| {
            let SmallKind::Stimulus(analysis, magnitude, phase) = &active.source.kind else { return };
            if analysis != "ac" {
                return;
            }
            let level = Complex64::from_polar(active.values[*magnitude as usize], active.values[*phase as usize]);
            for gain in &active.gains {
                // What stands on the left-hand side as `gain s` goes to the right.
                out.value[gain.row as usize] -= level * gain.value;
                out.charge[gain.row as usize] -= level * gain.charge;
            }
            out.outputs.extend(active.outputs.iter().map(|g| (g.row, level * g.value, level * g.charge)));
        });
    }
}

/// A table by rising frequency.
fn table(mut points: Vec<(f64, f64)>, logarithmic: bool) -> Density {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Density::Table(points, logarithmic)
}
