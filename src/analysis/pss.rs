//! `.pss`: periodic steady state, driven or autonomous, with Floquet multipliers.
//!
//! | card | orbit |
//! |---|---|
//! | `.pss [T=s]` | driven: the period is the common one of all sources, or T |
//! | `.pss auto [T0=s] [node]` | autonomous: the period is unknown, T0 its guess; cycles are counted at the node |
//! | `... continue=P [from=] to=p` | the cycle followed in a parameter ([`crate::solve::orbit::follow`]) |
//! | `.pss continue=P from=a to=b hopf=HB1\|all` | cycles from Hopf points of the equilibria between a and b |
//!
//! `method=shoot|colloc`; `uic`; `tstab=s` of transient before the first attempt; `reltol=`; `periods=n` of rows; `spectrum
//! [harmonics=n]`: harmonics instead of the waveform. Nothing is held: the transient starts from the operating point or start
//! values, gives a first guess and the mesh; the mesh is frozen during one Newton solve and refined between (decision 32). Two
//! meshes bound the error of period and multipliers. Refused by name: retained variables, sources without a common period,
//! equilibria, multiples of the period, states that the cycle does not move.

use crate::args::{Arg, Args};
use crate::dae::{Eval, Memory, ParamId, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::orbit::dense::Mode;
use crate::solve::orbit::scheme::Scheme;
use crate::solve::orbit::shoot::{Lost, Orbit};
use crate::wave::Sink;

use super::columns::writing;
use super::envelope::retained;
use super::op::significant;
use super::{Analysis, Entry, Env, Summary};

mod branch;
mod find;
mod rows;

/// Row of the table of analyses.
pub const ENTRY: Entry = Entry {
    keyword: "pss",
    usage: ".pss [auto] [T=s | T0=s] [node] [method=shoot|colloc] [tstab=s] [uic] [reltol=] [periods=n] [spectrum] \
            [harmonics=n] [continue=P [from=] to=p [step=] [hopf=HB1|all]]",
    parse,
};

const KEYS: [&str; 12] = ["t", "t0", "method", "tstab", "reltol", "periods", "harmonics", "continue", "from", "to", "step", "hopf"];
const FLAGS: [&str; 4] = ["auto", "uic", "spectrum", "driven"];
/// Relative tolerance of the mesh, if the card gives none.
const RELTOL: f64 = 1e-7;

/// A branch of cycles to be followed.
#[derive(Clone, PartialEq, Debug)]
struct Way {
    name: String,
    id: ParamId,
    from: Option<f64>,
    to: f64,
    /// Longest step in the parameter; 0: a fortieth of the way.
    step: f64,
}

/// The analysis of the card.
pub struct Pss {
    auto: bool,
    period: Option<f64>,
    watched: Option<usize>,
    colloc: bool,
    settle: f64,
    reltol: f64,
    uic: bool,
    periods: u32,
    spectrum: bool,
    harmonics: u32,
    way: Option<Way>,
    hopf: Option<String>,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    for arg in &args.items {
        if let Some(name) = arg.name.as_deref().filter(|n| !KEYS.contains(n)) {
            return Err(Diagnostic::error(arg.span, format!("`.pss` has no argument `{name}`")).suggest(name, KEYS));
        }
    }
    let positive = |key: &str, default: f64| -> Result<f64, Diagnostic> {
        let value = args.named_number(key, default)?;
        match args.named(key) {
            Some(arg) if !(value > 0.0 && value.is_finite()) => Err(Diagnostic::error(arg.span, format!("{key} must be positive"))),
            _ => Ok(value),
        }
    };
    let is_flag = |a: &&Arg| FLAGS.iter().any(|f| f.eq_ignore_ascii_case(&a.text));
    let mut words = args.positional().filter(|a| !is_flag(a));
    let watched = words.next().map(|arg| unknown(arg, system)).transpose()?;
    if let Some(extra) = words.next() {
        return Err(Diagnostic::error(extra.span, format!("`{}` is one argument too many", extra.text)));
    }
    let colloc = match args.named("method") {
        None => false,
        Some(arg) => {
            let names = ["shoot", "colloc"];
            let found = names.iter().position(|m| m.eq_ignore_ascii_case(&arg.text));
            found.ok_or_else(|| {
                Diagnostic::error(arg.span, format!("unknown method `{}`", arg.text))
                    .expected("expected shoot or colloc")
                    .suggest(&arg.text, names)
            })? == 1
        }
    };
    let auto = args.flag("auto");
    let period = match (args.named("t"), args.named("t0")) {
        (Some(_), _) => Some(positive("t", 0.0)?),
        (None, Some(_)) => Some(positive("t0", 0.0)?),
        _ => None,
    };
    Ok(Box::new(Pss {
        auto,
        period,
        watched,
        colloc,
        settle: args.named("tstab").map_or(Ok(0.0), |_| positive("tstab", 0.0))?,
        reltol: positive("reltol", RELTOL)?,
        uic: args.flag("uic"),
        periods: positive("periods", 1.0)?.min(1e4) as u32,
        spectrum: args.flag("spectrum"),
        harmonics: positive("harmonics", 20.0)?.min(1e4) as u32,
        hopf: args.named("hopf").map(|arg| arg.text.clone()),
        way: way(args, system)?,
    }))
}

/// A node or a state by its name, also as `v(node)`.
fn unknown(arg: &Arg, system: &dyn System) -> Result<usize, Diagnostic> {
    let text = arg.text.trim();
    let plain = text.strip_prefix("v(").or(text.strip_prefix("V(")).and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let unknowns = &system.layout().unknowns;
    unknowns.iter().position(|u| u.name.eq_ignore_ascii_case(plain)).ok_or_else(|| {
        Diagnostic::error(arg.span, format!("there is no node or state `{plain}`"))
            .suggest(plain, unknowns.iter().map(|u| u.name.as_str()))
    })
}

fn way(args: &Args, system: &dyn System) -> Result<Option<Way>, Diagnostic> {
    let Some(arg) = args.named("continue") else {
        let lone = ["to", "from", "step", "hopf"].into_iter().find_map(|key| args.named(key).map(|arg| (key, arg)));
        return match lone {
            Some((key, arg)) => {
                Err(Diagnostic::error(arg.span, format!("{key}= without continue=")).expected("continue=PARAMETER to=value"))
            }
            None => Ok(None),
        };
    };
    let id = system.param(&arg.text).ok_or_else(|| {
        Diagnostic::error(arg.span, format!("nothing is called `{}`", arg.text))
            .expected("expected a parameter, a source or an instance parameter")
    })?;
    if args.named("to").is_none() {
        return Err(Diagnostic::error(arg.span, "continue= needs an end").expected("to=value"));
    }
    let (to, step) = (args.named_number("to", 0.0)?, args.named_number("step", 0.0)?.abs());
    let from = args.named("from").map(|_| args.named_number("from", 0.0)).transpose()?;
    Ok(Some(Way { name: arg.text.clone(), id, from, to, step }))
}

/// An orbit with what it was found by.
struct Found {
    orbit: Orbit,
    scheme: Scheme,
    /// Relative change of the period, and change of the multipliers, by the last refinement of the mesh.
    change: (f64, f64),
}

impl Analysis for Pss {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "pss".into(), ..Summary::default() };
        let header = match &self.way {
            Some(way) => branch::header(system, env, &way.name),
            None if self.spectrum => rows::spectrum_header(system, env),
            None => rows::waveform_header(system, env),
        };
        let begun = sink.begin(&header).map_err(writing);
        let result = begun.and_then(|()| self.prepared(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Pss {
    fn prepared(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        retained(system).map_err(|text| SimError::Fatal(format!(".pss: {text}")))?;
        let memory = Memory::default();
        let scene = find::Scene { system, env, memory: &memory, card: self };
        if let (Some(way), Some(label)) = (&self.way, &self.hopf) {
            summary.method = "arclength on shooting, from Hopf points".into();
            return branch::from_hopf(&scene, way, label, sink, summary);
        }
        let found = find::orbit(&scene, summary)?;
        self.describe(system, &found, summary);
        match &self.way {
            Some(way) => branch::follow(&scene, &found, way, sink, summary),
            None if self.spectrum => rows::spectrum(&scene, &found, self.harmonics, sink, summary),
            None => rows::waveform(&scene, &found, self.periods, sink, summary),
        }
    }

    fn describe(&self, system: &dyn System, found: &Found, summary: &mut Summary) {
        let orbit = &found.orbit;
        let period = orbit.track.period();
        let method = if self.colloc { "collocation" } else { "shooting" };
        summary.method = format!("{method}, Radau IIA with {} stages", found.scheme.stages());
        summary.remarks.push(format!(
            "period {:.12e} s, {} Hz; {} steps, gap {:.1e}; the last refinement moved the period by {:.1e} and the multipliers \
             by {:.1e}",
            period,
            significant(1.0 / period),
            orbit.track.steps(),
            orbit.gap,
            found.change.0,
            found.change.1
        ));
        let words = if orbit.stable() { "stable" } else { "unstable" };
        let list: Vec<String> = orbit.others().take(SPELLED).map(|m| multiplier(system, orbit, m)).collect();
        summary.remarks.push(format!("{words}; multipliers {}", list.join(", ")));
        if let Some(k) = orbit.trivial {
            let off = (orbit.modes[k].value - 1.0).norm();
            summary.remarks.push(format!("the trivial multiplier is 1 within {off:.1e}"));
        }
        if !orbit.neutral.is_empty() {
            summary.remarks.push(format!(
                "nothing holds {}: the cycle returns to whatever it starts from (multiplier 1)",
                names(system, &orbit.neutral)
            ));
        }
    }
}

/// Multipliers that are spelled out.
const SPELLED: usize = 6;

/// `-0.31+0.2j (x1.x 80 %, n1 20 %)`.
fn multiplier(system: &dyn System, orbit: &Orbit, mode: &Mode) -> String {
    let mut shares: Vec<(f64, usize)> = mode.participation.iter().copied().zip(orbit.rows.iter().copied()).collect();
    shares.retain(|s| s.0 >= 0.1);
    shares.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let name = |s: &(f64, usize)| format!("{} {:.0} %", system.layout().unknowns[s.1].name, 100.0 * s.0);
    let who: Vec<String> = shares.iter().take(2).map(name).collect();
    let value = if mode.value.im == 0.0 { format!("{:.10}", mode.value.re) } else { format!("{:.8}", mode.value) };
    if who.is_empty() { value } else { format!("{value} ({})", who.join(", ")) }
}

fn names(system: &dyn System, rows: &[usize]) -> String {
    rows.iter().map(|k| system.layout().unknowns[*k].name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Why there is no orbit, in words.
fn lost(system: &dyn System, lost: &Lost) -> String {
    match lost {
        Lost::Broken(broken) => format!("step {} of the period fails: {}", broken.step, broken.failure.words(system)),
        Lost::Diverged(gap, row) => {
            format!("Newton does not close the orbit; nearest: a gap of {gap:.2e} of the size of {}", names(system, &[*row]))
        }
        Lost::Rest => "what was found is an equilibrium: nothing swings".to_string(),
        Lost::Neutral(rows) => format!(
            "what was found is no steady state: there the cycle does not move {} by as much as can be resolved (multiplier 1); \
             start nearer",
            names(system, rows)
        ),
    }
}

/// Unknowns that are dynamic at a point.
fn dynamic(system: &dyn System, at: &crate::dae::Point) -> Vec<usize> {
    let mut eval = Eval::new(system);
    system.eval(at, Want::C, &mut eval);
    let pattern = system.pattern();
    (0..pattern.n).filter(|j| pattern.column(*j).any(|s| eval.c[s] != 0.0)).collect()
}
