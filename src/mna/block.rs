//! What a block of lanes tells after a program has run: output rows, events, the tangent at limited probes.

use crate::dae::{Eval, EventValue, Want};
use crate::ir::batch::LANES;
use crate::mna::bank::{Bank, Lanes, Requested, contribution_sign};
use crate::mna::sums::{self, Lost};
use crate::model::kernel::Place;

/// One block of lanes with the outputs of its program.
pub struct Block<'a> {
    /// The bank.
    pub bank: &'a Bank,
    /// Its parameters.
    pub lanes: &'a Lanes,
    /// Outputs of the program, `LANES` numbers apart.
    pub outputs: &'a [f64],
    /// First lane.
    pub start: usize,
    /// Number of lanes.
    pub block: usize,
}

impl Block<'_> {
    fn column(&self, place: Place) -> &[f64] {
        match place {
            Place::Setup(k) => self.lanes.setup[k as usize].block(self.start..self.start + self.block),
            Place::Eval(k) => &self.outputs[k as usize * LANES..k as usize * LANES + self.block],
        }
    }

    fn output(&self, output: u32) -> &[f64] {
        self.column(self.bank.kernel.outputs[output as usize])
    }

    fn unknown(&self, local: Option<u32>, lane: usize, ground: usize) -> usize {
        local.map_or(ground, |row| self.bank.unknowns[row as usize][self.start + lane] as usize)
    }

    /// The tangent at the limited values: f + G (v - v_lim), q + C (v - v_lim) (decision 8).
    pub fn scatter_limit_terms(&self, limited: &[[f64; LANES]], unlimited: &[[f64; LANES]], lost: &mut Lost, out: &mut Eval) {
        let ground = out.f.len() - 1;
        for derivative in &self.bank.kernel.derivatives {
            let probe = derivative.probe as usize;
            let affine = self.bank.kernel.affine[derivative.contribution as usize];
            let affine = if derivative.charge { affine.1 } else { affine.0 };
            if affine || self.bank.model.probes[probe].limit.is_none() {
                continue;
            }
            let contribution = &self.bank.model.contributions[derivative.contribution as usize];
            for (lane, value) in self.column(derivative.place).iter().enumerate() {
                let shift = unlimited[probe][lane] - limited[probe][lane];
                if shift == 0.0 {
                    continue;
                }
                let (target, lost) = if derivative.charge { (&mut out.q, &mut lost.q) } else { (&mut out.f, &mut lost.f) };
                sums::add(target, lost, self.unknown(Some(contribution.plus), lane, ground), value * shift);
                sums::add(target, lost, self.unknown(contribution.minus, lane, ground), -value * shift);
            }
        }
    }

    /// Values of the event expressions.
    pub fn events(&self, out: &mut Eval) {
        for (k, event) in self.bank.model.events.iter().enumerate() {
            let first = self.bank.event_start + k * self.bank.len() + self.start;
            for (lane, out) in out.events[first..first + self.block].iter_mut().enumerate() {
                let optional = |output: Option<u32>, otherwise: f64| output.map_or(otherwise, |o| self.output(o)[lane]);
                *out = EventValue {
                    value: self.output(event.value)[lane],
                    direction: optional(event.direction, 0.0),
                    time_tolerance: optional(event.time_tolerance, f64::NAN),
                    value_tolerance: optional(event.value_tolerance, f64::NAN),
                };
            }
        }
    }

    /// The shortest of the longest steps that lanes ask for.
    pub fn bound_step(&self, out: &mut Eval) {
        if let Some(output) = self.bank.model.bound_step {
            let least = self.output(output).iter().copied().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
            out.advice.bound_step = out.advice.bound_step.min(least);
        }
    }

    /// Fills the output rows that ask for lanes of the block.
    pub fn answer_requests(&self, want: Want, out: &mut Eval) {
        let requests = &self.bank.requests;
        let first = requests.partition_point(|r| (r.lane as usize) < self.start);
        for request in requests[first..].iter().take_while(|r| (r.lane as usize) < self.start + self.block) {
            let lane = request.lane as usize - self.start;
            match request.what {
                Requested::Variable(output) => out.outputs.value[request.output as usize] = self.output(output)[lane],
                Requested::Row(row) | Requested::Merged(row) => {
                    if matches!(request.what, Requested::Row(_)) {
                        let output = request.output as usize;
                        (out.outputs.value[output], out.outputs.charge[output]) = (0.0, 0.0);
                    }
                    self.row_sum(row, lane, request.output, out);
                    if want.contains(Want::OUTPUT_GRADIENT) {
                        self.row_gradient(row, lane, request.output, out);
                    }
                }
            }
        }
    }

    fn row_sum(&self, row: u32, lane: usize, output: u32, out: &mut Eval) {
        let (mut value, mut charge) = (0.0, 0.0);
        for contribution in &self.bank.model.contributions {
            let sign = contribution_sign(contribution.plus, contribution.minus, row);
            if sign == 0.0 {
                continue;
            }
            value += contribution.f.map_or(0.0, |f| sign * self.output(f)[lane]);
            charge += contribution.q.map_or(0.0, |q| sign * self.output(q)[lane]);
        }
        out.outputs.value[output as usize] += value;
        out.outputs.charge[output as usize] += charge;
    }

    fn row_gradient(&self, row: u32, lane: usize, output: u32, out: &mut Eval) {
        let ground = out.f.len() - 1;
        for derivative in &self.bank.kernel.derivatives {
            let contribution = &self.bank.model.contributions[derivative.contribution as usize];
            let sign = contribution_sign(contribution.plus, contribution.minus, row);
            if sign == 0.0 {
                continue;
            }
            let slope = sign * self.column(derivative.place)[lane];
            let probe = &self.bank.model.probes[derivative.probe as usize];
            for (unknown, slope) in
                [(self.unknown(Some(probe.plus), lane, ground), slope), (self.unknown(probe.minus, lane, ground), -slope)]
            {
                if unknown != ground {
                    let (g, c) = if derivative.charge { (0.0, slope) } else { (slope, 0.0) };
                    out.outputs.gradient.push((output, unknown as u32, g, c));
                }
            }
        }
    }
}
