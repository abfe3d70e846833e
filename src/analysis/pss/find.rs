//! From the card to a closed orbit: transient, first guess, Newton, refinement.

use std::sync::atomic::Ordering;

use crate::dae::{Memory, Phase, System};
use crate::solve::history::Record;
use crate::solve::march::Ceiling;
use crate::solve::newton::Newton;
use crate::solve::orbit::clock::{self, Clock};
use crate::solve::orbit::flow::Track;
use crate::solve::orbit::recorded::{Course, mesh};
use crate::solve::orbit::scheme::Scheme;
use crate::solve::orbit::shoot::{Lost, Orbit, Search, repeats};
use crate::solve::orbit::skip::Skipper;
use crate::solve::orbit::watch;
use crate::solve::statics::Statics;
use crate::solve::{Counts, SimError, Tolerances};
use crate::sparse::eigen::eigenvalues;

use super::super::op::significant;
use super::super::{Env, Summary, op, tran};
use super::{Found, Pss, dynamic, lost};

/// Stages of shooting, which are the transient's own, and of collocation.
const STAGES: (usize, usize) = (3, 5);
/// Steps that a period gets at least.
const FEWEST: f64 = 40.0;
/// Periods of transient before the first attempt, and before the second.
const SETTLE: (u32, u32) = (4, 30);
/// Cycles over which slow states are led by skipping, before the last attempt.
const SKIPPED: f64 = 1e8;
/// Cycles simulated in this way at most.
const MOST: u32 = 2000;
/// Periods watched at once for an oscillation, and how often.
const WATCH: (f64, u32) = (12.0, 60);
/// Ends of a cycle that differ by this share of the swing are worth an attempt.
const NEAR: f64 = 0.05;
/// Share of its charges by which a circuit at rest is disturbed.
const KICK: f64 = 1e-3;
/// Refinement of the tolerance for the second mesh.
const FINER: f64 = 0.1;

/// What everything needs.
pub(super) struct Scene<'a> {
    pub system: &'a dyn System,
    pub env: &'a Env<'a>,
    pub memory: &'a Memory,
    pub card: &'a Pss,
}

impl Scene<'_> {
    pub(super) fn tolerances(&self, reltol: f64) -> Tolerances {
        Tolerances { reltol, ..self.env.tolerances }
    }

    pub(super) fn course<'b>(&'b self, tolerances: &'b Tolerances, period: f64) -> Course<'b> {
        let motion = self.system.motion(&self.env.params).map(|m| m.period / self.env.points_per_period);
        let longest = motion.unwrap_or(f64::INFINITY).min(period / FEWEST);
        let ceilings = vec![Ceiling { name: "ceiling: share of a period".into(), longest }];
        Course { system: self.system, params: &self.env.params, past: self.memory, tolerances, ceilings }
    }

    fn fatal(&self, text: String) -> SimError {
        SimError::Fatal(format!(".pss: {text}"))
    }
}

/// The orbit that the card asks for.
pub(super) fn orbit(scene: &Scene, summary: &mut Summary) -> Result<Found, SimError> {
    let drives = scene.system.drives(&scene.env.params);
    if scene.card.auto {
        if let Some(drive) = drives.first() {
            return Err(scene.fatal(format!("`{}` moves, so the circuit is not autonomous; leave out `auto`", drive.source)));
        }
        return autonomous(scene, summary);
    }
    let common = clock::common(&drives).map_err(|text| scene.fatal(text))?;
    let clock = match (common, scene.card.period) {
        (None, _) => return Err(scene.fatal("no source moves; an autonomous circuit needs `.pss auto T0=...`".into())),
        (Some(clock), None) => clock,
        (Some(clock), Some(period)) => {
            let cycles = period / clock.period;
            if cycles.round() < 1.0 || (cycles - cycles.round()).abs() > 1e-9 * cycles {
                let text = format!("T = {period:e} s is no multiple of the period of the sources, {:e} s", clock.period);
                return Err(scene.fatal(text));
            }
            Clock { period, ..clock }
        }
    };
    driven(scene, clock, summary)
}

/// Track of the points of one period, on the mesh that they make.
fn track(points: &[Record], scheme: &Scheme, n: usize) -> Track {
    let times: Vec<f64> = points.iter().map(|p| p.t).collect();
    let chosen: Vec<&Record> = mesh(&times).into_iter().map(|k| &points[k]).collect();
    Track::through(&chosen, scheme, n)
}

/// One attempt by the card's method from the points of about one period.
fn attempt(scene: &Scene, course: Course, points: &[Record], free: Option<f64>, summary: &mut Summary) -> Result<Orbit, Lost> {
    let n = scene.system.pattern().n;
    let stages = if scene.card.colloc { STAGES.1 } else { STAGES.0 };
    let scheme = Scheme::radau(stages);
    let mut guess = track(points, &scheme, n);
    if let Some(period) = free {
        guess.stretch(period);
    }
    let mut search = Search::new(course, scheme, &guess);
    let result = if scene.card.colloc { search.collocate(&guess, free.is_some()) } else { search.shoot(&guess, free.is_some()) };
    summary.counts += search.flow.counts;
    result
}

fn driven(scene: &Scene, clock: Clock, summary: &mut Summary) -> Result<Found, SimError> {
    let tolerances = scene.tolerances(scene.card.reltol);
    let course = scene.course(&tolerances, clock.period);
    let first = 1e-6 * clock.period;
    let (mut point, _) = tran::first_point(scene.system, scene.env, tolerances, scene.card.uic, first, summary)?;
    let mut counts = Counts::default();
    let end = clock.from + clock.period;
    if clock.from > 0.0 {
        let points = course.run(&point, true, clock.from, &mut counts)?;
        point = points[points.len() - 1].clone();
    }
    let settle = (scene.card.settle / clock.period).ceil().max(f64::from(SETTLE.0)) as u32;
    let mut reasons = Vec::new();
    for effort in 0..3 {
        let mut points = Vec::new();
        if effort < 2 {
            for _ in 0..if effort == 0 { settle } else { SETTLE.1 } {
                stopped(scene)?;
                points = course.run(&point, false, end, &mut counts)?;
                point = points[points.len() - 1].clone();
                point.t = clock.from;
            }
        } else {
            let mut skipper = Skipper::new(course.clone(), clock, 1e-4);
            let mut taken = 0;
            let walked = skipper.walk(point.clone(), SKIPPED, &mut |cycle| {
                points = cycle.points.to_vec();
                taken += 1;
                Ok(taken < MOST && !scene.env.stop.load(Ordering::Relaxed))
            });
            counts += skipper.counts;
            walked?;
            summary.remarks.push(format!("slow states were led over {} cycles first", significant(skipper.spent.cycles)));
        }
        match attempt(scene, course.clone(), &points, None, summary) {
            Ok(orbit) => {
                summary.counts += counts;
                return refined(scene, orbit, None, summary);
            }
            Err(reason) => reasons.push(lost(scene.system, &reason)),
        }
    }
    let tried = [format!("after {settle} periods"), format!("after {} more", SETTLE.1), "after skipping cycles".to_string()];
    let all: Vec<String> = tried.iter().zip(&reasons).map(|(when, why)| format!("{when}: {why}")).collect();
    Err(scene.fatal(format!("no periodic orbit found\n  {}", all.join("\n  "))))
}

fn stopped(scene: &Scene) -> Result<(), SimError> {
    if scene.env.stop.load(Ordering::Relaxed) { Err(SimError::Stopped { t: f64::NAN }) } else { Ok(()) }
}

/// The orbit on meshes of its own: by the card's tolerance, then by a finer one, which says how much is left to gain.
fn refined(scene: &Scene, orbit: Orbit, free: Option<f64>, summary: &mut Summary) -> Result<Found, SimError> {
    let mut scheme = Scheme::radau(if scene.card.colloc { STAGES.1 } else { STAGES.0 });
    let mut orbit = orbit;
    let mut change = (f64::NAN, f64::NAN);
    for reltol in [scene.card.reltol, FINER * scene.card.reltol] {
        let tolerances = scene.tolerances(reltol);
        let course = scene.course(&tolerances, orbit.track.period());
        let mut search = Search::new(course, scheme, &orbit.track);
        let meshed = search.remesh(&orbit.track)?;
        let closed =
            if scene.card.colloc { search.collocate(&meshed, free.is_some()) } else { search.shoot(&meshed, free.is_some()) };
        let better = closed.map_err(|why| scene.fatal(format!("a finer mesh loses the orbit: {}", lost(scene.system, &why))))?;
        summary.counts += search.flow.counts;
        let moved = orbit.modes.iter().zip(&better.modes).map(|(a, b)| (a.value - b.value).norm()).fold(0.0, f64::max);
        change = ((better.track.period() / orbit.track.period() - 1.0).abs(), moved);
        orbit = better;
        scheme = search.flow.scheme;
    }
    let parts = repeats(&orbit.track, &scheme);
    if parts > 1 {
        let text = format!("the orbit repeats itself {parts} times in T = {} s", significant(orbit.track.period()));
        if free.is_some() {
            return Err(scene.fatal(format!(
                "{text}: a multiple of the true period; give T0 near {:.6e}",
                orbit.track.period() / f64::from(parts)
            )));
        }
        summary.remarks.push(format!("{text}: the true period is a part of it"));
    }
    Ok(Found { orbit, scheme, change })
}

fn autonomous(scene: &Scene, summary: &mut Summary) -> Result<Found, SimError> {
    let guess = match scene.card.period {
        Some(period) => period,
        None => turning(scene)?,
    };
    let tolerances = scene.tolerances(scene.card.reltol.max(1e-6));
    let course = scene.course(&tolerances, guess);
    let (mut point, _) = tran::first_point(scene.system, scene.env, tolerances, scene.card.uic, 1e-6 * guess, summary)?;
    let moving = dynamic(scene.system, &course.at(&point.x, 0.0));
    let mut counts = Counts::default();
    if !scene.card.uic {
        kick(&course, &mut point, &moving, guess, &mut counts, scene)?;
    }
    if scene.card.settle > 0.0 {
        let points = course.run(&point, false, scene.card.settle, &mut counts)?;
        point = points[points.len() - 1].clone();
    }
    let (mut reasons, mut nearest): (Vec<String>, Option<watch::Recurrence>) = (Vec::new(), None);
    let mut swing = f64::INFINITY;
    for round in 0..WATCH.1 {
        stopped(scene)?;
        point.t = 0.0;
        let mut points = course.run(&point, false, WATCH.0 * guess, &mut counts)?;
        point = points[points.len() - 1].clone();
        let Some((lively, share)) = watch::liveliest(&points, &moving) else {
            swing = 0.0;
            break;
        };
        swing = share;
        let watched = scene.card.watched.unwrap_or(lively);
        let Some(cycle) = watch::last_cycle(&points, watched, &moving) else { continue };
        nearest = Some(cycle);
        if cycle.miss > NEAR && round + 1 < WATCH.1 {
            continue;
        }
        let cut: Vec<Record> = points.drain(cycle.span.0..=cycle.span.1).collect();
        match attempt(scene, course.clone(), &cut, Some(cycle.period), summary) {
            Ok(orbit) => {
                summary.counts += counts;
                return refined(scene, orbit, Some(cycle.period), summary);
            }
            Err(reason) => reasons.push(lost(scene.system, &reason)),
        }
        if reasons.len() >= 6 {
            break;
        }
    }
    let seen = match (nearest, swing) {
        (_, 0.0) => "the transient came to rest at an equilibrium; nothing oscillates".to_string(),
        (Some(c), _) => format!(
            "nearest to a recurrence: {} s, ends apart by {:.1} % of the swing; a longer tstab= or another node may help",
            significant(c.period),
            100.0 * c.miss
        ),
        (None, _) => format!("nothing repeats within {} s; give T0= nearer to the period", significant(WATCH.0 * guess)),
    };
    reasons.push(seen);
    Err(scene.fatal(format!("no periodic orbit found\n  {}", reasons.join("\n  "))))
}

/// Moves a circuit out of its equilibrium.
fn kick(
    course: &Course,
    point: &mut Record,
    moving: &[usize],
    stretch: f64,
    counts: &mut Counts,
    scene: &Scene,
) -> Result<(), SimError> {
    let n = point.x.len();
    let mut q = point.q[..n].to_vec();
    // No symmetry in it: equal cells are to part.
    moving.iter().for_each(|k| q[*k] *= 1.0 + KICK * (1.618 * *k as f64 + 0.3).sin());
    let moved = course.point(&q, &point.x, 0.0, stretch, counts);
    *point = moved.map_err(|f| scene.fatal(f.words(scene.system)))?;
    Ok(())
}

/// The period of the fastest growing oscillation about the operating point.
fn turning(scene: &Scene) -> Result<f64, SimError> {
    let Scene { system, env, .. } = *scene;
    let point = op::solve(system, env, Phase::Static)?;
    let (statics, _) = Statics::new(system, env.tolerances, &env.params, Phase::Static);
    let mut newton = Newton::new(system);
    let ready = newton.assemble(system, &statics.equation(&env.params), &point.x, &mut Counts::default());
    ready.map_err(|f| scene.fatal(f.words(system)))?;
    let entries = system.pattern().len();
    let found = eigenvalues(system.pattern(), newton.matrix(), &newton.eval().c[..entries], 8).unwrap_or_default();
    let turns = found.iter().find(|s| s.im != 0.0 && s.im.abs() > 1e-3 * s.re.abs());
    turns.map(|s| std::f64::consts::TAU / s.im.abs()).ok_or_else(|| {
        scene.fatal("nothing turns about the operating point, so that there is no guess of the period; give T0=".into())
    })
}
