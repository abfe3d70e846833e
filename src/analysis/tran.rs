//! `.tran tstep tstop [tstart [tmax]] [uic] [method=] [reltol=]`: waveforms in time.
//!
//! Starts from the operating point with `.ic` values forced, or with `uic` from start values alone (decision 22); rows are the
//! accepted points from `tstart` on. `tstep` is a hint for the first step; what bounds the others is decision 21: a share of
//! the period of the fastest source, steps between corners, 1/50 of the whole, or `tmax` instead.

use std::io;
use std::sync::atomic::Ordering;

use crate::args::{Arg, Args};
use crate::clock;
use crate::dae::{Memory, Message, MessageKind, Outputs, Phase, RowKind, StartKind, System};
use crate::diag::Diagnostic;
use crate::solve::history::Record;
use crate::solve::integrate::{self, Method, Problem, Weights, Work};
use crate::solve::march::{Ceiling, Leaps, March, Peaks, Plan};
use crate::solve::{SimError, Tolerances, source_break, start};
use crate::wave::{ColumnKind, Flow, Sink};

use super::columns::{RowMaker, header, lead, writing};
use super::{Analysis, Entry, Env, Summary, op};

mod late;
use late::Late;

/// Row of the table of analyses.
pub const ENTRY: Entry = Entry {
    keyword: "tran",
    usage: ".tran tstep tstop [tstart [tmax]] [uic] [method=name] [reltol=number]",
    parse: |args, _| Transient::parse(args).map(|t| Box::new(t) as Box<dyn Analysis>),
};

/// Steps that the whole gets at least.
const FEWEST: f64 = 50.0;
/// First step in units of the shortest time that anybody names.
const FIRST: f64 = 1e-3;
/// Step of the solve that makes start values consistent, in units of the first step.
const SETTLE: f64 = 1e-6;
/// Longer steps that are tried where that one is lost in rounding: currents into large charges are known to a part in 1e16 of q/h.
const LONGER: [f64; 4] = [1.0, 1e2, 1e4, 1e6];
/// Jumps that no step resolves, in one run, at most.
const LEAPS: u64 = 1000;
/// Progress is told when it has grown by this much.
const PROGRESS: f64 = 0.002;

/// The arguments.
#[derive(Clone, Debug)]
pub struct Transient {
    /// Hint for the first step, s.
    pub step: f64,
    /// End, s.
    pub stop: f64,
    /// Rows begin here, s.
    pub start: f64,
    /// Longest step, s, if given.
    pub longest: Option<f64>,
    /// Start from start values, without an operating point.
    pub uic: bool,
    /// Method of this card.
    pub method: Option<&'static str>,
    /// Relative tolerance of this card.
    pub reltol: Option<f64>,
}

impl Transient {
    /// From the card.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(args: &Args) -> Result<Transient, Diagnostic> {
        let uic = args.flag("uic");
        let step = args.number(0, "a time step")?;
        let stop = args.number(1, "an end time")?;
        let optional = |k: usize, what| match args.positional().nth(k) {
            Some(arg) if !arg.text.eq_ignore_ascii_case("uic") => args.number(k, what).map(Some),
            _ => Ok(None),
        };
        let (start, longest) = (optional(2, "a start time")?, optional(3, "a longest step")?);
        let wrong = |k: usize, text: &str| {
            let span = args.positional().nth(k).map_or(args.span, |a| a.span);
            Err(Diagnostic::error(span, text.to_string()).hint(format!("usage: {}", ENTRY.usage)))
        };
        if !(stop > 0.0 && stop.is_finite()) {
            return wrong(1, "the end time must be positive");
        }
        if step < 0.0 || step.is_nan() {
            return wrong(0, "the time step must not be negative");
        }
        if start.is_some_and(|s| !(0.0..stop).contains(&s)) {
            return wrong(2, "the start time must lie between 0 and the end time");
        }
        if longest.is_some_and(|l| l < 0.0 || l.is_nan()) {
            return wrong(3, "the longest step must not be negative");
        }
        let method = args.named("method").map(known_method).transpose()?;
        let reltol = match args.named("reltol") {
            None => None,
            Some(arg) => match args.named_number("reltol", 0.0)? {
                r if r > 0.0 && r < 1.0 => Some(r),
                _ => return Err(Diagnostic::error(arg.span, "reltol must lie between 0 and 1")),
            },
        };
        let longest = longest.filter(|l| *l > 0.0);
        Ok(Transient { step, stop, start: start.unwrap_or(0.0), longest, uic, method: method.map(|m| m.name), reltol })
    }

    /// The method and the tolerances that hold.
    fn settings(&self, env: &Env) -> (&'static Method, Tolerances) {
        let name = self.method.map(str::to_string).or_else(|| env.method.clone());
        let method = name.and_then(|n| integrate::find(&n)).unwrap_or(&integrate::TABLE[0]);
        let own = if env.reltol_given { env.tolerances.reltol } else { method.reltol };
        (method, Tolerances { reltol: self.reltol.unwrap_or(own), ..env.tolerances })
    }

    /// What bounds the step all the time.
    fn ceilings(&self, system: &dyn System, env: &Env) -> Vec<Ceiling> {
        if let Some(longest) = self.longest {
            return vec![Ceiling { name: "ceiling: tmax".into(), longest }];
        }
        let whole = Ceiling { name: "ceiling: 1/50 of the whole".into(), longest: (self.stop - self.start) / FEWEST };
        let source = system.motion(&env.params).filter(|m| m.period.is_finite()).map(|m| Ceiling {
            name: format!("ceiling: {} ({} points per period)", m.source, env.points_per_period),
            longest: m.period / env.points_per_period,
        });
        source.into_iter().chain([whole]).collect()
    }

    /// The point at time 0 and what models remember there.
    fn first_point(&self, scene: &Scene, summary: &mut Summary) -> Result<(Record, Memory), SimError> {
        let Scene { system, env, tolerances, .. } = *scene;
        if self.uic {
            summary.operating_point = "none (uic)".into();
            let mut memory = Memory::new(system.layout());
            let problem = Problem { system, params: &env.params, past: &memory, tolerances: &tolerances };
            let x = start::assembled(&problem, &system.starts(&env.params));
            // What the initial step sets counts in the very first solve.
            op::remember(system, &env.params, &x, Phase::TransientStart, &mut memory, &mut Vec::new());
            let problem = Problem { system, params: &env.params, past: &memory, tolerances: &tolerances };
            let point = settled(scene, &problem, &x, "start values (uic)", summary)?;
            let mut remembered = memory.clone();
            op::remember(system, &env.params, &point.x, Phase::TransientStart, &mut remembered, &mut summary.messages);
            return Ok((point, remembered));
        }
        let point = op::solve(system, env, Phase::TransientStart)?;
        summary.operating_point = point.rung;
        summary.counts += point.counts;
        summary.remarks.extend(point.remarks);
        summary.messages.extend(point.messages);
        let problem = Problem { system, params: &env.params, past: &point.memory, tolerances: &tolerances };
        let start = if self.starts_moving(system, env) {
            settled(scene, &problem, &point.x, "release of the start values", summary)?
        } else {
            start::still(&problem, &point.x)
        };
        Ok((start, point.memory))
    }

    /// True if something was forced in the operating point, so that the start is no equilibrium.
    fn starts_moving(&self, system: &dyn System, env: &Env) -> bool {
        let held = system.layout().unknowns.iter().any(|u| u.row != RowKind::Equilibrium);
        held || system.starts(&env.params).iter().any(|s| s.kind == StartKind::Ic)
    }

    /// The march, with its rows.
    fn march(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let (method, tolerances) = self.settings(env);
        summary.method = format!("{}, reltol {:e}", method.title, tolerances.reltol);
        if let Some(name) = env.method.as_ref().filter(|name| integrate::find(name).is_none()) {
            summary.remarks.push(format!("unknown integration method `{name}`: {} is used", method.name));
        }
        let ceilings = self.ceilings(system, env);
        let corner = Some(source_break(system, &env.params, 0.0));
        let named = ceilings.iter().map(|c| c.longest).chain(corner).chain((self.step > 0.0).then_some(self.step));
        let first = FIRST * named.fold(f64::INFINITY, f64::min);
        let scene = Scene { system, env, tolerances, first };
        let (point, memory) = clock::span(clock::Phase::OperatingPoint, || self.first_point(&scene, summary))?;
        let maxord = env.maxord.unwrap_or(method.order);
        let plan = Plan { system, params: &env.params, tolerances, method, maxord, stop: self.stop, first, ceilings };
        let mut march = March::new(plan, memory, point, true);
        march.leaps.most = LEAPS;
        if env.newton.loose(tolerances.reltol) {
            march.relax();
        }
        let mut rows = Rows { system, sink, from: self.start, maker: RowMaker::default(), late: Late::default() };
        let result = self.rows(env, &mut rows, summary, &mut march);
        let ended = rows.end(summary);
        march.conclude(&mut summary.messages);
        summary.counts += march.work.counts;
        summary.ruled_by = march.ruled.shares();
        if march.leaps.count > 0 {
            let Leaps { count, first, .. } = march.leaps;
            let jumps = if count == 1 { "1 jump" } else { &format!("{count} jumps") };
            summary.remarks.push(format!("one step each over {jumps} that no step resolves, first at t = {first:.6e} s"));
        }
        for t in &march.guard.found {
            summary.remarks.push(format!("resting on an unstable equilibrium since t = {t:.6e} s"));
        }
        result.and(ended)
    }

    fn rows(&self, env: &Env, rows: &mut Rows, summary: &mut Summary, march: &mut March) -> Result<(), SimError> {
        let mut told = 0.0;
        loop {
            let t = march.t();
            let ended = ends(&summary.messages);
            march.evaluate_outputs(ended == Ok(true));
            let (qdot, peaks) = (&march.history.newest().qdot, march.peaks());
            if rows.push(t, march.outputs(), qdot, peaks, summary)? == Flow::Stop {
                return Ok(());
            }
            if march.done() || march.advice.finish || ended? {
                return Ok(());
            }
            if env.stop.load(Ordering::Relaxed) {
                return Err(SimError::Stopped { t });
            }
            if t / self.stop >= told + PROGRESS {
                told = t / self.stop;
                (env.progress)(told);
            }
            march.advance(&mut summary.messages)?;
            for k in 0..march.places() {
                march.evaluate_between(k);
                if rows.push(march.between().t, march.outputs(), &march.between().qdot, None, summary)? == Flow::Stop {
                    return Ok(());
                }
            }
        }
    }
}

/// Where rows go.
struct Rows<'a> {
    system: &'a dyn System,
    sink: &'a mut dyn Sink,
    /// Rows before this time are left out, s.
    from: f64,
    maker: RowMaker,
    late: Late,
}

impl Rows<'_> {
    /// A row with the outputs at `t`, whose charges change as the tail of `qdot` says; `peaks`: what [`March::peaks`] says.
    fn push(
        &mut self,
        t: f64,
        outputs: &Outputs,
        qdot: &[f64],
        peaks: Option<Peaks>,
        summary: &mut Summary,
    ) -> Result<Flow, SimError> {
        if t < self.from {
            return Ok(Flow::Continue);
        }
        let rates = &qdot[qdot.len() - outputs.value.len()..];
        let row = self.maker.numbers(self.system, &[t], outputs, rates);
        let mut out = counted(self.sink, summary);
        let flow = match peaks {
            Some(peaks) => self.late.push(row, peaks.shares(), &mut out),
            None => out(row),
        };
        flow.map_err(writing)
    }

    /// The last row.
    fn end(&mut self, summary: &mut Summary) -> Result<(), SimError> {
        self.late.end(&mut counted(self.sink, summary)).map_err(writing)
    }
}

/// Where rows go, each of which counts as a point.
fn counted(sink: &mut dyn Sink, summary: &mut Summary) -> impl FnMut(&[f64]) -> io::Result<Flow> {
    |row| {
        summary.points += 1;
        sink.rows(row.len(), row)
    }
}

/// What the first point is made from.
#[derive(Clone, Copy)]
struct Scene<'a> {
    system: &'a dyn System,
    env: &'a Env<'a>,
    tolerances: Tolerances,
    /// First step, s.
    first: f64,
}

/// See [`start::settled`]; a failure gets its names.
fn settled(scene: &Scene, problem: &Problem, x: &[f64], what: &str, summary: &mut Summary) -> Result<Record, SimError> {
    let Tolerances { reltol, trtol, .. } = scene.tolerances;
    let mut found: Option<SimError> = None;
    for longer in LONGER {
        let mut work = Work::new(scene.system, Weights::new(scene.system, reltol, trtol));
        let settled = start::settled(problem, &mut work, x, longer * SETTLE * scene.first);
        summary.counts += work.counts;
        match settled {
            Ok(record) => return Ok(record),
            Err(failure) => {
                let hint = "start values may contradict one another or the sources; look at .ic and ic=";
                let end = problem.point(&work.end.x, 0.0);
                found.get_or_insert_with(|| failure.named(scene.system, &end, what, "backward Euler", hint));
            }
        }
    }
    Err(found.unwrap_or(SimError::Stopped { t: 0.0 }))
}

impl Analysis for Transient {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "tran".into(), ..Summary::default() };
        let header = header(system, env, ("tran", "Transient Analysis"), vec![lead("time", "time", "s")], 1, ColumnKind::Real);
        let begun = sink.begin(&header).map_err(writing);
        let result = begun.and_then(|()| self.march(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

/// The point at time 0 from which analyses in time start, and what models remember there: the operating point with held
/// states at their start values, or with `uic` start values alone. `first`: a time that is short for the circuit, s.
///
/// # Errors
/// If there is no such point.
pub fn first_point(
    system: &dyn System,
    env: &Env,
    tolerances: Tolerances,
    uic: bool,
    first: f64,
    summary: &mut Summary,
) -> Result<(Record, Memory), SimError> {
    let card = Transient { step: 0.0, stop: 1.0, start: 0.0, longest: None, uic, method: None, reltol: None };
    card.first_point(&Scene { system, env, tolerances, first }, summary)
}

/// True if a model asked for the end.
fn ends(messages: &[Message]) -> Result<bool, SimError> {
    match messages.iter().find(|m| matches!(m.kind, MessageKind::Fatal | MessageKind::Finish)) {
        Some(m) if m.kind == MessageKind::Fatal => Err(SimError::Fatal(format!("{}: {}", m.instance, m.text))),
        found => Ok(found.is_some()),
    }
}

/// The method that `arg` names.
fn known_method(arg: &Arg) -> Result<&'static Method, Diagnostic> {
    integrate::find(&arg.text).ok_or_else(|| {
        let names = || integrate::TABLE.iter().map(|m| m.name);
        Diagnostic::error(arg.span, format!("unknown integration method `{}`", arg.text))
            .expected(format!("known: {}", names().collect::<Vec<_>>().join(", ")))
            .suggest(&arg.text, names())
    })
}
