//! `.envelope`: slow states under a fast periodic drive.
//!
//! | card | rows |
//! |---|---|
//! | `.envelope tstop [mode=map]` | simulated cycles of a run of which most cycles are skipped ([`crate::solve::orbit::skip`]) |
//! | `.envelope tstop mode=average` | the averaged field followed in time ([`crate::solve::orbit::average`], theory eq 4) |
//! | `.envelope fixed [from to]` | fixed points of the averaged field, with their stability |
//! | `.envelope find P [P2] target x1.x=0.3` | values of parameters that put a fixed point at the target (theory eq 5) |
//!
//! The period is the common one of all sources. `mode=map` takes the cycle as it is and any circuit; an output's value is
//! `(max + min)/2` of the cycle that ends at `time` (decision 26), and `min() max() mean()` of each state stand beside it.
//! `mode=average` freezes the states during a period, with ideal edges of pulses, and asks that nothing else is dynamic; an
//! output's value is its mean over the period.

use crate::args::{Arg, Args};
use crate::dae::{Memory, ParamId, System};
use crate::diag::Diagnostic;
use crate::solve::history::Record;
use crate::solve::orbit::clock::{self, Clock};
use crate::solve::orbit::recorded::Course;
use crate::solve::{Counts, SimError, Tolerances, march::Ceiling};
use crate::wave::Sink;

use super::{Analysis, Entry, Env, Summary, tran};

mod averaged;
mod cycles;

/// Row of the table of analyses.
pub const ENTRY: Entry = Entry {
    keyword: "envelope",
    usage: ".envelope tstop [mode=map|average] [period=s] [reltol=number] [uic]  |  .envelope fixed [from to]  |  .envelope find P \
            [P2] target state=value [from=] [to=]",
    parse,
};

/// Relative tolerance of transients within a cycle, if the deck gives none.
const WITHIN: f64 = 1e-6;
/// Relative tolerance of slow states over cycles.
const ACROSS: f64 = 1e-5;
/// Keys that are no targets.
const KEYS: [&str; 8] = ["mode", "period", "reltol", "edges", "states", "from", "to", "points"];

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
enum Task {
    /// A run up to this time, s.
    Run(f64),
    /// Fixed points of the averaged field; a single state is searched in this range.
    Fixed(Option<(f64, f64)>),
    /// Parameters by name, states and where they should be, and the range of a single parameter.
    Find { parameters: Vec<(String, ParamId)>, target: Vec<(u32, f64)>, range: Option<(f64, f64)> },
}

/// The analysis of the card.
pub struct Envelope {
    task: Task,
    average: bool,
    period: Option<f64>,
    reltol: f64,
    uic: bool,
    real_edges: bool,
    states: Vec<u32>,
    points: u32,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    let task = task(args, system)?;
    let word = |key: &str, words: [&str; 2], default: usize| match args.named(key) {
        None => Ok(default),
        Some(arg) => words.iter().position(|w| w.eq_ignore_ascii_case(&arg.text)).ok_or_else(|| {
            Diagnostic::error(arg.span, format!("unknown {key} `{}`", arg.text))
                .expected(format!("expected {} or {}", words[0], words[1]))
                .suggest(&arg.text, words)
        }),
    };
    let run = matches!(task, Task::Run(_));
    let mode = word("mode", ["map", "average"], usize::from(!run))?;
    if let (false, 0, Some(arg)) = (run, mode, args.named("mode")) {
        return Err(
            Diagnostic::error(arg.span, "fixed points and targets are those of the averaged field").expected("mode=average")
        );
    }
    let period = args.named("period").map(|_| positive(args, "period", 0.0)).transpose()?;
    let states = match args.named("states") {
        None => Vec::new(),
        Some(arg) => arg.text.split(',').map(|name| state(arg, name.trim(), system)).collect::<Result<_, _>>()?,
    };
    Ok(Box::new(Envelope {
        task,
        average: mode == 1,
        period,
        reltol: positive(args, "reltol", ACROSS)?,
        uic: args.flag("uic"),
        real_edges: word("edges", ["ideal", "real"], 0)? == 1,
        states,
        points: positive(args, "points", 200.0)?.min(1e6) as u32,
    }))
}

fn positive(args: &Args, key: &str, default: f64) -> Result<f64, Diagnostic> {
    let value = args.named_number(key, default)?;
    match args.named(key) {
        Some(arg) if !(value > 0.0 && value.is_finite()) => Err(Diagnostic::error(arg.span, format!("{key} must be positive"))),
        _ => Ok(value),
    }
}

fn state(arg: &Arg, name: &str, system: &dyn System) -> Result<u32, Diagnostic> {
    let unknowns = &system.layout().unknowns;
    unknowns.iter().position(|u| u.name.eq_ignore_ascii_case(name)).map(|k| k as u32).ok_or_else(|| {
        Diagnostic::error(arg.span, format!("there is no state `{name}`")).suggest(name, unknowns.iter().map(|u| u.name.as_str()))
    })
}

fn task(args: &Args, system: &dyn System) -> Result<Task, Diagnostic> {
    let positional: Vec<&Arg> = args.positional().filter(|a| !a.text.eq_ignore_ascii_case("uic")).collect();
    let first = positional.first().map_or("", |a| a.text.as_str()).to_ascii_lowercase();
    let range = match (args.named("from"), args.named("to")) {
        (None, None) => None,
        (Some(_), Some(_)) => Some((args.named_number("from", 0.0)?, args.named_number("to", 0.0)?)),
        (one, other) => {
            let span = one.or(other).map_or(args.span, |a| a.span);
            return Err(Diagnostic::error(span, "a range has two ends").expected("both from= and to="));
        }
    };
    let unknown = |arg: &&Arg| arg.name.as_deref().is_some_and(|n| !KEYS.contains(&n));
    let find = first == "find";
    if let (false, Some(arg)) = (find, args.items.iter().find(unknown)) {
        let name = arg.name.as_deref().unwrap_or_default();
        return Err(Diagnostic::error(arg.span, format!("`.envelope` has no argument `{name}`")).suggest(name, KEYS));
    }
    match first.as_str() {
        "fixed" if positional.len() == 3 => {
            Ok(Task::Fixed(Some((args.number(1, "a lower end")?, args.number(2, "an upper end")?))))
        }
        "fixed" => Ok(Task::Fixed(range)),
        "find" => {
            let end = positional.iter().position(|a| a.text.eq_ignore_ascii_case("target")).unwrap_or(positional.len());
            let parameter = |arg: &&Arg| {
                let id = system.param(&arg.text);
                id.map(|id| (arg.text.clone(), id)).ok_or_else(|| {
                    Diagnostic::error(arg.span, format!("nothing is called `{}`", arg.text))
                        .expected("expected a parameter, a source or an instance parameter")
                })
            };
            let parameters = positional[1..end].iter().map(parameter).collect::<Result<Vec<_>, _>>()?;
            let mut target = Vec::new();
            for arg in args.items.iter().filter(unknown) {
                let name = arg.name.clone().unwrap_or_default();
                target.push((state(arg, &name, system)?, args.named_number(&name, 0.0)?));
            }
            if parameters.is_empty() || parameters.len() != target.len() {
                let text = format!("{} parameters for {} targets", parameters.len(), target.len());
                return Err(Diagnostic::error(args.span, text).expected("as many parameters as targets: `find v0 target x1.x=0.3`"));
            }
            Ok(Task::Find { parameters, target, range })
        }
        _ => match args.number(0, "an end time, `fixed` or `find`")? {
            stop if stop > 0.0 && stop.is_finite() => Ok(Task::Run(stop)),
            _ => Err(Diagnostic::error(positional[0].span, "the end time must be positive")),
        },
    }
}

impl Analysis for Envelope {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "envelope".into(), ..Summary::default() };
        let states = self.slow_states(system);
        let header = match (&self.task, self.average) {
            (Task::Run(_), false) => cycles::header(system, env, &states),
            _ => averaged::header(system, env, &self.task),
        };
        let begun = sink.begin(&header).map_err(super::columns::writing);
        let result = begun.and_then(|()| self.prepared(system, env, states, sink, &mut summary));
        let ended = sink.end().map_err(super::columns::writing);
        (summary, result.and(ended))
    }
}

impl Envelope {
    /// The states by name, or all unknowns of models that are dynamic.
    fn slow_states(&self, system: &dyn System) -> Vec<u32> {
        if !self.states.is_empty() {
            return self.states.clone();
        }
        let layout = system.layout();
        let starts = system.starts(&system.params());
        let is_state = |k: u32| {
            let unknown = &layout.unknowns[k as usize];
            let current = layout.quantities[unknown.quantity as usize].name == "current";
            !unknown.node && !current && starts.iter().any(|s| s.unknown == k && s.minus.is_none())
        };
        (0..layout.unknowns.len() as u32).filter(|k| is_state(*k)).collect()
    }

    fn prepared(
        &self,
        system: &dyn System,
        env: &Env,
        states: Vec<u32>,
        sink: &mut dyn Sink,
        summary: &mut Summary,
    ) -> Result<(), SimError> {
        let refused = |text: String| SimError::Fatal(format!(".envelope: {text}"));
        retained(system).map_err(refused)?;
        let clock = match self.period {
            Some(period) => Clock { period, from: 0.0 },
            None => clock::common(&system.drives(&env.params))
                .and_then(|clock| clock.ok_or_else(|| "no source moves; give period=".to_string()))
                .map_err(refused)?,
        };
        let within = if env.reltol_given { env.tolerances.reltol } else { WITHIN };
        let tolerances = Tolerances { reltol: within, ..env.tolerances };
        let (start, memory) = tran::first_point(system, env, tolerances, self.uic, 1e-6 * clock.period, summary)?;
        let scene = Scene { system, env, tolerances, clock, memory, states };
        match (&self.task, self.average) {
            (Task::Run(stop), false) => cycles::run(&scene, start, (*stop, self.reltol), sink, summary),
            _ => averaged::run(&scene, self, start, sink, summary),
        }
    }
}

/// What all tasks need.
struct Scene<'a> {
    system: &'a dyn System,
    env: &'a Env<'a>,
    tolerances: Tolerances,
    clock: Clock,
    memory: Memory,
    states: Vec<u32>,
}

impl Scene<'_> {
    /// What transients are made with; the steps of smooth sources are bounded as in `.tran`.
    fn course(&self) -> Course<'_> {
        let motion = self.system.motion(&self.env.params).map(|m| m.period / self.env.points_per_period);
        let longest = motion.unwrap_or(f64::INFINITY).min(self.clock.period / FEWEST);
        Course {
            system: self.system,
            params: &self.env.params,
            past: &self.memory,
            tolerances: &self.tolerances,
            ceilings: vec![Ceiling { name: "ceiling: share of a period".into(), longest }],
        }
    }

    /// The transient up to the time from which all sources repeat.
    fn lead_in(&self, start: Record, counts: &mut Counts) -> Result<Record, SimError> {
        if self.clock.from <= 0.0 {
            return Ok(start);
        }
        let points = self.course().run(&start, true, self.clock.from, counts)?;
        Ok(points[points.len() - 1].clone())
    }
}

/// Steps that a period gets at least.
const FEWEST: f64 = 16.0;

/// Refuses circuits whose models remember what no unknown shows: a cycle that closes in the unknowns alone need not close.
pub(super) fn retained(system: &dyn System) -> Result<(), String> {
    let layout = system.layout();
    if let [first, ..] = layout.delays.as_slice() {
        return Err(format!("{first} delays a signal, whose past is a hidden state; use .tran"));
    }
    if layout.tracks > 0 {
        return Err(format!("{} signals of the past are read (delays): hidden state; use .tran", layout.tracks));
    }
    if let Some(k) = layout.cyclic.first() {
        let name = &layout.unknowns[*k as usize].name;
        return Err(format!("{name} counts turns (idtmod), which a period may add to; use .tran"));
    }
    match layout.memory {
        0 => Ok(()),
        count => {
            let events: Vec<&str> = layout.events.iter().map(|e| e.name.as_str()).collect();
            let who = events.first().map_or_else(String::new, |name| format!(", among them those of the event {name}"));
            Err(format!(
                "{count} values are retained by models between steps{who} (hidden state); a period found without them could be wrong; use .tran"
            ))
        }
    }
}
