//! `.drm x1.x SRC list v1 v2 ... [from= to= points=]`: the dynamic route map of a one-state device.
//!
//! Rate of a state against the state itself, `dx/dt = -f_x / (dq_x/dx)`, with the value of a source as parameter; everything
//! else is at rest. The curve of value 0 is the power-off plot (L. O. Chua, "Everything you wish to know about memristors but
//! are afraid to ask", Radioengineering 24, 319, 2015): where it crosses zero downwards the device keeps a state. One row per
//! value of the state, one column per value of the source; zeros are located by bisection and told with their stability. Where the
//! rate jumps across zero there is none: that is told as a jump, which attracts what it stands between, or repels it.

use std::sync::atomic::Ordering;

use crate::args::{Arg, Args};
use crate::dae::{Eval, ParamId, Params, Phase, System, Unknown, Want};
use crate::diag::Diagnostic;
use crate::solve::ladder::climb;
use crate::solve::newton::Newton;
use crate::solve::statics::Statics;
use crate::solve::{Counts, SimError};
use crate::wave::{Cell, ColumnInfo, Flow, Header, Sink};

use super::columns::{lead, writing};
use super::op::significant;
use super::{Analysis, Entry, Env, Summary};

/// `.drm`.
pub const ENTRY: Entry = Entry { keyword: "drm", usage: ".drm device.state SRC list v1 v2 ... [from= to= points=]", parse };

/// Values of the state where none are asked for.
const POINTS: f64 = 201.0;
/// Bisections of a zero: to round-off.
const BISECTIONS: u32 = 60;
/// Zeros of a curve that are told.
const TOLD: usize = 6;
/// Part of a change of sign between two points that is left at round-off where the rate jumps.
const JUMP: f64 = 1e-6;

/// The analysis of the card.
pub struct RouteMap {
    state: u32,
    source: (ParamId, String),
    values: Vec<f64>,
    range: (f64, f64),
    points: usize,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    let positional: Vec<&Arg> = args.positional().collect();
    let [state, source, rest @ ..] = positional.as_slice() else {
        return Err(Diagnostic::error(args.span, "`.drm` needs a state and a source").hint(ENTRY.usage));
    };
    let layout = system.layout();
    // A state may also be an inner node of a device.
    let inner = |u: &Unknown| !u.node || u.name.contains('.');
    let states = || layout.unknowns.iter().filter(|u| inner(u)).map(|u| u.name.as_str());
    let index = layout.unknowns.iter().position(|u| inner(u) && u.name.eq_ignore_ascii_case(&state.text));
    let Some(index) = index else {
        let error = Diagnostic::error(state.span, format!("there is no state `{}`", state.text));
        return Err(error.suggest(&state.text, states()).expected("expected `device.state`"));
    };
    let Some(id) = system.param(&source.text.to_lowercase()) else {
        let error = Diagnostic::error(source.span, format!("nothing called `{}` can be varied", source.text));
        return Err(error.expected("expected a source or a parameter"));
    };
    let listed = rest.first().is_some_and(|a| a.text.eq_ignore_ascii_case("list"));
    let values = rest.iter().skip(usize::from(listed)).map(|a| {
        a.number.ok_or_else(|| Diagnostic::error(a.span, format!("`{}` is not a number", a.text)).expected("values of the source"))
    });
    let values: Vec<f64> = values.collect::<Result<_, _>>()?;
    if values.is_empty() {
        return Err(Diagnostic::error(source.span, "no value of the source").hint(ENTRY.usage));
    }
    for arg in args.items.iter().filter(|a| a.name.is_some()) {
        let name = arg.name.as_deref().unwrap_or_default();
        if !["from", "to", "points"].contains(&name) {
            let error = Diagnostic::error(arg.span, format!("`.drm` has no argument `{name}`"));
            return Err(error.suggest(name, ["from", "to", "points"]));
        }
    }
    let bounds = layout.unknowns[index].bounds;
    let range = (args.named_number("from", bounds.0)?, args.named_number("to", bounds.1)?);
    if !(range.0.is_finite() && range.1.is_finite() && range.0 < range.1) {
        return Err(Diagnostic::error(state.span, format!("`{}` has no range to go through", state.text))
            .expected(format!("found {} to {}", range.0, range.1))
            .hint("give `from=` and `to=`; a model says its range by `(* lower = ..., upper = ... *)`"));
    }
    let points = args.named_number("points", POINTS)?;
    if !(points >= 2.0 && points.fract() == 0.0 && points <= 1e7) {
        return Err(Diagnostic::error(args.span, format!("points = {points}")).expected("expected a whole number from 2"));
    }
    let source = (id, source.text.to_lowercase());
    Ok(Box::new(RouteMap { state: index as u32, source, values, range, points: points as usize }))
}

impl Analysis for RouteMap {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "drm".into(), ..Summary::default() };
        let begun = sink.begin(&self.header(system, env)).map_err(writing);
        let result = begun.and_then(|()| self.rows(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl RouteMap {
    fn header(&self, system: &dyn System, env: &Env) -> Header {
        let layout = system.layout();
        let unknown = &layout.unknowns[self.state as usize];
        let quantity = &layout.quantities[unknown.quantity as usize];
        let mut columns = vec![lead(&unknown.name, &quantity.name, &quantity.unit)];
        let unit = if quantity.unit.is_empty() { "1/s".to_string() } else { format!("{}/s", quantity.unit) };
        let column = |v: &f64| ColumnInfo {
            name: format!("rate({}={})", self.source.1, significant(*v)),
            quantity: "rate".into(),
            unit: unit.clone(),
            kind: crate::wave::ColumnKind::Real,
        };
        columns.extend(self.values.iter().map(column));
        Header {
            analysis: "drm".into(),
            title: "Dynamic route map".into(),
            columns,
            independent: 1,
            logarithmic: false,
            keys: env.keys.clone(),
        }
    }

    fn value(&self, k: usize) -> f64 {
        let part = k as f64 / (self.points - 1) as f64;
        if k + 1 == self.points { self.range.1 } else { self.range.0 + part * (self.range.1 - self.range.0) }
    }

    fn rows(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let mut columns = Vec::with_capacity(self.values.len());
        for (k, value) in self.values.iter().enumerate() {
            let mut route = Route::new(self, system, env, *value, &mut summary.counts)?;
            let mut rates = Vec::with_capacity(self.points);
            let mut zeros: Vec<(f64, Kind)> = Vec::new();
            for j in 0..self.points {
                if env.stop.load(Ordering::Relaxed) {
                    return Err(SimError::Stopped { t: f64::NAN });
                }
                (env.progress)((k * self.points + j) as f64 / (self.values.len() * self.points) as f64);
                let rate = route.rate(self.value(j), &mut summary.counts)?;
                if let Some(before) = rates.last().copied() {
                    route.zero((self.value(j - 1), before), (self.value(j), rate), &mut zeros, &mut summary.counts)?;
                }
                rates.push(rate);
            }
            summary.remarks.push(self.tell(*value, &rates, &zeros));
            columns.push(rates);
        }
        for j in 0..self.points {
            let mut cells = vec![Cell::Real(self.value(j))];
            cells.extend(columns.iter().map(|rates| Cell::Real(rates[j])));
            summary.points += 1;
            if sink.row(&cells).map_err(writing)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Where the state rests at one value of the source.
    fn tell(&self, value: f64, rates: &[f64], zeros: &[(f64, Kind)]) -> String {
        let place = format!("{} = {}", self.source.1, significant(value));
        if rates.iter().all(|r| *r == 0.0) {
            return format!("{place}: every state rests (nonvolatile)");
        }
        if zeros.is_empty() {
            let way = if rates.iter().all(|r| *r >= 0.0) { "rises" } else { "falls" };
            return format!("{place}: no state rests; it {way} everywhere");
        }
        // Rounded before it is written: no zero has a sign.
        let shown = zeros.iter().take(TOLD).map(|(x, kind)| format!("{} {:.9}", kind.word(), (x * 1e9).round() * 1e-9 + 0.0));
        let more = if zeros.len() > TOLD { format!(" and {} more", zeros.len() - TOLD) } else { String::new() };
        format!("{place}: {}{more}", shown.collect::<Vec<_>>().join(", "))
    }
}

/// What a change of sign is; `true`: from positive to negative.
#[derive(Clone, Copy)]
enum Kind {
    Rest(bool),
    Jump(bool),
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Rest(true) => "stable",
            Kind::Rest(false) => "unstable",
            Kind::Jump(true) => "attracting jump at",
            Kind::Jump(false) => "repelling jump at",
        }
    }
}

/// The circuit at one value of the source, with the state pinned.
struct Route<'a> {
    state: u32,
    statics: Statics<'a>,
    newton: Newton,
    eval: Eval,
    params: Params,
    x: Vec<f64>,
}

impl<'a> Route<'a> {
    fn new(map: &RouteMap, system: &'a dyn System, env: &Env, value: f64, counts: &mut Counts) -> Result<Route<'a>, SimError> {
        let mut params = env.params.clone();
        super::dc::assign(system, &mut params, (map.source.0, &map.source.1), value, "drm")?;
        // The state need not have a place of rest: it is pinned from the start.
        let (mut statics, mut x) = Statics::new(system, env.tolerances, &params, Phase::Static);
        statics.pin([(map.state, map.range.0)]);
        let mut newton = Newton::new(system);
        if let Err((failure, tried)) = climb(&statics, &mut newton, &params, &mut x, counts) {
            let what = format!("drm: {} = {}", map.source.1, significant(value));
            return Err(failure.named(system, &statics.point(&params, &x), &what, &tried, ""));
        }
        Ok(Route { state: map.state, statics, newton, eval: Eval::new(system), params, x })
    }

    /// `dx/dt` at a value of the state, 1/s times its unit.
    fn rate(&mut self, value: f64, counts: &mut Counts) -> Result<f64, SimError> {
        let system = self.statics.system;
        self.statics.pin([(self.state, value)]);
        self.x[self.state as usize] = value;
        let start = self.x.clone();
        if self.statics.solve(&mut self.newton, &self.params, &mut self.x, counts).is_err() {
            // The rest of the circuit may have come to a fold, and gone over to another branch.
            self.x = start;
            if let Err((failure, tried)) = climb(&self.statics, &mut self.newton, &self.params, &mut self.x, counts) {
                let at = self.statics.point(&self.params, &self.x);
                let what = format!("drm: {} = {}", system.layout().unknowns[self.state as usize].name, significant(value));
                let hint = "the rest of the circuit has no solution at this state";
                return Err(failure.named(system, &at, &what, &tried, hint));
            }
        }
        system.eval(&self.statics.point(&self.params, &self.x), Want::NEWTON, &mut self.eval);
        let slope = self.eval.c[system.pattern().slot(self.state, self.state).0 as usize];
        if slope == 0.0 {
            let name = &system.layout().unknowns[self.state as usize].name;
            return Err(SimError::Fatal(format!("drm: {name} is no state: its equation has no time derivative")));
        }
        // Adding zero makes a positive zero of a negative one.
        Ok(-self.eval.f[self.state as usize] / slope + 0.0)
    }

    /// Locates a change of sign between two points.
    fn zero(
        &mut self,
        (mut low, before): (f64, f64),
        (mut high, after): (f64, f64),
        zeros: &mut Vec<(f64, Kind)>,
        counts: &mut Counts,
    ) -> Result<(), SimError> {
        if before == 0.0 || (before > 0.0) == (after > 0.0) && after != 0.0 {
            return Ok(());
        }
        let mut ends = (before, after);
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            let rate = self.rate(middle, counts)?;
            if (rate > 0.0) == (before > 0.0) { (low, ends.0) = (middle, rate) } else { (high, ends.1) = (middle, rate) }
        }
        let jumps = (ends.1 - ends.0).abs() > JUMP * (after - before).abs();
        let kind = if jumps { Kind::Jump } else { Kind::Rest };
        zeros.push((0.5 * (low + high), kind(before > 0.0)));
        Ok(())
    }
}
