//! `.envelope tstop`: the cycle map over very many cycles.

use std::sync::atomic::Ordering;

use crate::dae::{Eval, Outputs, System, Want};
use crate::solve::SimError;
use crate::solve::history::Record;
use crate::solve::orbit::skip::{Cycle, Skipper};
use crate::wave::{ColumnInfo, ColumnKind, Flow, Header, Sink};

use super::super::columns::{self, RowMaker, lead, writing};
use super::super::{Env, Summary, op::significant};
use super::Scene;

/// Columns: time, cycle, extremes and mean of each state, then all outputs.
pub(super) fn header(system: &dyn System, env: &Env, states: &[u32]) -> Header {
    let layout = system.layout();
    let mut leads = vec![lead("time", "time", "s"), lead("cycle", "count", "")];
    for state in states {
        let unknown = &layout.unknowns[*state as usize];
        let quantity = &layout.quantities[unknown.quantity as usize];
        for of in ["min", "max", "mean"] {
            let name = format!("{of}({})", unknown.name);
            leads.push(ColumnInfo { name, quantity: quantity.name.clone(), unit: quantity.unit.clone(), kind: ColumnKind::Real });
        }
    }
    columns::header(system, env, ("envelope", "Envelope over Cycles"), leads, 2, ColumnKind::Real)
}

/// Least, greatest and integral of one quantity over a cycle.
#[derive(Clone, Copy)]
struct Extent {
    low: f64,
    high: f64,
    sum: f64,
    last: (f64, f64),
}

impl Extent {
    const EMPTY: Extent = Extent { low: f64::INFINITY, high: f64::NEG_INFINITY, sum: 0.0, last: (f64::NAN, f64::NAN) };

    fn take(&mut self, t: f64, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        if !self.last.0.is_nan() {
            self.sum += 0.5 * (t - self.last.0) * (value + self.last.1);
        }
        self.last = (t, value);
    }
}

/// Turns cycles into rows.
struct Rows<'a> {
    scene: &'a Scene<'a>,
    sink: &'a mut dyn Sink,
    maker: RowMaker,
    eval: Eval,
    outputs: Vec<Extent>,
    states: Vec<Extent>,
    middle: Outputs,
}

impl Rows<'_> {
    fn push(&mut self, cycle: &Cycle) -> Result<Flow, SimError> {
        let Scene { system, clock, states, .. } = self.scene;
        let course = self.scene.course();
        self.outputs.fill(Extent::EMPTY);
        self.states.fill(Extent::EMPTY);
        for (k, Record { t, x, qdot, .. }) in cycle.points.iter().enumerate() {
            system.eval(&course.at(x, *t), Want::OUTPUTS, &mut self.eval);
            let now = &self.eval.outputs;
            let rates = &qdot[qdot.len() - now.value.len()..];
            for (j, extent) in self.outputs.iter_mut().enumerate() {
                // What a charge does at the very start of a cycle is known at its end.
                if k > 0 || now.charge[j] == 0.0 {
                    extent.take(*t, now.value[j] + rates[j]);
                }
            }
            self.states.iter_mut().zip(states).for_each(|(extent, state)| extent.take(*t, x[*state as usize]));
        }
        let mut leads = vec![clock.from + cycle.number * clock.period, cycle.number];
        leads.extend(self.states.iter().flat_map(|e| [e.low, e.high, e.sum / clock.period]));
        self.middle.value.iter_mut().zip(&self.outputs).for_each(|(m, e)| *m = 0.5 * (e.low + e.high));
        self.sink.row(self.maker.real(*system, &leads, &self.middle, &[])).map_err(writing)
    }
}

/// The run: `stop` in s, and the relative tolerance of slow states.
pub(super) fn run(
    scene: &Scene,
    start: Record,
    (stop, reltol): (f64, f64),
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<(), SimError> {
    let Scene { system, env, clock, .. } = scene;
    let start = scene.lead_in(start, &mut summary.counts)?;
    let total = ((stop - clock.from) / clock.period).round().max(1.0);
    let layout = system.layout();
    let mut rows = Rows {
        scene,
        sink,
        maker: RowMaker::default(),
        eval: Eval::new(*system),
        outputs: vec![Extent::EMPTY; layout.outputs.len()],
        states: vec![Extent::EMPTY; scene.states.len()],
        middle: Outputs { value: vec![0.0; layout.outputs.len()], ..Outputs::default() },
    };
    let mut skipper = Skipper::new(scene.course(), *clock, reltol);
    let mut points = 0;
    let mut stopped = None;
    let walked = skipper.walk(start, total, &mut |cycle| {
        points += 1;
        (env.progress)(cycle.number / total);
        if env.stop.load(Ordering::Relaxed) {
            stopped = Some(clock.from + cycle.number * clock.period);
            return Ok(false);
        }
        Ok(rows.push(cycle)? == Flow::Continue)
    });
    let spent = skipper.spent;
    summary.points = points;
    summary.counts += skipper.counts;
    summary.method = format!("map, slow states to {reltol:e}");
    summary.remarks.push(format!(
        "{} cycles of {} s, {} simulated (1 in {}); {} skips, {} rejected; largest multiplier {:.10}",
        significant(spent.cycles),
        significant(clock.period),
        spent.simulated,
        significant(spent.cycles / spent.simulated.max(1) as f64),
        spent.skips,
        spent.rejected,
        spent.multiplier
    ));
    match stopped {
        Some(t) => Err(SimError::Stopped { t }),
        None => walked,
    }
}
