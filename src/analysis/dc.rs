//! `.dc P from to step [P2 from to step] [mode=follow|jump|back]`: equilibria against a parameter (decision 25).
//!
//! P is a source's value, a parameter, `temp`; P2 is the outer loop, a segment each. By default the branch of equilibria is
//! followed from the first value by arclength, through folds, until P leaves the range at either end, an unknown leaves its
//! bounds, or 20 times the grid's points are spent. Rows: every value of the grid on every pass, and every fold, located
//! where dP/ds = 0. Column `branch` counts passes. `jump`: at a fold the state goes where a quasi-static transient goes.
//! `back`: there and back in this way. Nonvolatile states are held at every point.

use crate::args::Args;
use crate::dae::{Phase, RowKind, System};
use crate::diag::Diagnostic;
use crate::solve::border::Branch;
use crate::solve::statics::Statics;
use crate::solve::{Counts, SimError};
use crate::wave::{ColumnKind, Header, Sink};

use super::columns::{header, lead, writing};
use super::op::{settle_down, significant};
use super::{Analysis, Entry, Env, Summary};

mod follow;
mod grid;
mod rows;

use follow::{AtFold, End, Follower};
pub use grid::{Grid, assign};
use rows::Rows;

/// `.dc`.
pub const ENTRY: Entry = Entry { keyword: "dc", usage: ".dc P from to step [P2 from to step] [mode=follow|jump|back]", parse };

/// What happens at folds, and whether the way is gone back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Follow,
    Jump,
    Back,
}

const MODES: [(&str, Mode); 3] = [("follow", Mode::Follow), ("jump", Mode::Jump), ("back", Mode::Back)];

/// The analysis of the card `.dc`.
pub struct Dc {
    inner: Grid,
    outer: Option<Grid>,
    mode: Mode,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    let count = args.positional().count();
    let inner = Grid::parse(args, 0, system)?;
    let outer = if count > 4 { Some(Grid::parse(args, 4, system)?) } else { None };
    if let Some(extra) = args.positional().nth(8) {
        return Err(Diagnostic::error(extra.span, format!("`{}` is one argument too many", extra.text)).hint(ENTRY.usage));
    }
    let mut mode = Mode::Follow;
    for arg in args.items.iter().filter(|a| a.name.is_some()) {
        let name = arg.name.as_deref().unwrap_or_default();
        if name != "mode" {
            return Err(Diagnostic::error(arg.span, format!("`.dc` has no argument `{name}`")).suggest(name, ["mode"]));
        }
        mode = MODES.iter().find(|m| m.0.eq_ignore_ascii_case(&arg.text)).map(|m| m.1).ok_or_else(|| {
            Diagnostic::error(arg.span, format!("unknown mode `{}`", arg.text))
                .expected("expected follow, jump or back")
                .suggest(&arg.text, MODES.map(|m| m.0))
        })?;
    }
    Ok(Box::new(Dc { inner, outer, mode }))
}

impl Analysis for Dc {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "dc".into(), ..Summary::default() };
        if let Err(error) = sink.begin(&self.header(system, env)) {
            return (summary, Err(writing(error)));
        }
        let mut rows = Rows::new(sink);
        let result = self.sweeps(system, env, &mut rows, &mut summary);
        summary.points = rows.count;
        summary.messages.append(&mut rows.messages);
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Dc {
    fn header(&self, system: &dyn System, env: &Env) -> Header {
        let column = |grid: &Grid| lead(&grid.name, grid.quantity().0, grid.quantity().1);
        let mut leads = vec![column(&self.inner)];
        leads.extend(self.outer.as_ref().map(column));
        leads.push(lead("branch", "count", ""));
        let independent = leads.len();
        header(system, env, ("dc", "DC transfer characteristic"), leads, independent, ColumnKind::Real)
    }

    fn sweeps<'a>(&self, system: &'a dyn System, env: &Env, rows: &mut Rows<'a>, summary: &mut Summary) -> Result<(), SimError> {
        held(system, &mut summary.remarks);
        let Some(outer) = &self.outer else {
            return self.sweep(system, env, env, rows, summary).map(|_| ());
        };
        for k in 0..outer.count {
            let value = outer.value(k);
            rows.sink.segment(&format!("{} = {}", outer.name, significant(value))).map_err(writing)?;
            rows.outer = Some(value);
            rows.pass = 1;
            let mut params = env.params.clone();
            outer.assign(system, &mut params, value, "dc sweep")?;
            let inner = Env {
                params,
                keys: Vec::new(),
                method: None,
                progress: &|part| (env.progress)((k as f64 + part) / outer.count as f64),
                ..*env
            };
            if self.sweep(system, env, &inner, rows, summary)? == Some(End::Stopped) {
                break;
            }
        }
        Ok(())
    }

    /// One sweep at the parameter values of `inner`.
    fn sweep<'a>(
        &self,
        system: &'a dyn System,
        env: &Env,
        inner: &Env,
        rows: &mut Rows<'a>,
        summary: &mut Summary,
    ) -> Result<Option<End>, SimError> {
        let mut params = inner.params.clone();
        self.inner.assign(system, &mut params, self.inner.from, "dc sweep")?;
        let (statics, point) = settle_down(system, env, &params, Phase::Static)?;
        summary.counts += point.counts;
        summary.operating_point = point.rung;
        summary.remarks.extend(point.remarks.into_iter().filter(|r| !r.contains("not used")));
        let end = self.passes(statics, params, &point.x, inner, rows, summary)?;
        summary.ruled_by = end.describe(&self.inner, system);
        if !matches!(end, End::Left(_)) || rows.pass > 1 {
            summary.remarks.push(format!("{} passes; {}", rows.pass, summary.ruled_by));
        }
        Ok(Some(end))
    }

    fn passes<'a>(
        &self,
        statics: Statics<'a>,
        params: crate::dae::Params,
        x: &[f64],
        env: &Env,
        rows: &mut Rows<'a>,
        summary: &mut Summary,
    ) -> Result<End, SimError> {
        let at_fold = if self.mode == Mode::Follow { AtFold::Turn } else { AtFold::Jump };
        let branch = Branch::new(statics, params, self.inner.id, (self.inner.from, self.inner.to));
        let mut follower = Follower { branch, rows, grid: &self.inner, env, at_fold, remarks: &mut summary.remarks };
        let mut result = follower.run(x, true);
        if let (Mode::Back, Ok((End::Left(_), place))) = (self.mode, &result) {
            let (back, place) = (self.inner.reversed(), place.clone());
            follower.rows.pass += 1;
            follower.grid = &back;
            let ready = follower.branch.apart(place.p()).map(|_| ());
            result = ready.map_err(|f| SimError::Fatal(f.to_string())).and_then(|()| follower.run(place.x(), false));
            summary.counts += counts_of(&follower);
            return result.map(|(end, _)| end);
        }
        summary.counts += counts_of(&follower);
        result.map(|(end, _)| end)
    }
}

fn counts_of(follower: &Follower) -> Counts {
    follower.branch.counts
}

/// Says once which states a sweep holds.
fn held(system: &dyn System, remarks: &mut Vec<String>) {
    let held: Vec<&str> = system.layout().unknowns.iter().filter(|u| u.row == RowKind::Held).map(|u| u.name.as_str()).collect();
    if let ([first, .., last], true) = (held.as_slice(), held.len() > SPELLED) {
        let count = held.len();
        remarks.push(format!("{count} states held at their start values ({first} to {last}); this is a read-out curve"));
    } else if !held.is_empty() {
        remarks.push(format!("held at the start value: {}; this is a read-out curve", held.join(", ")));
    }
}

/// Most held states that are named.
const SPELLED: usize = 4;
