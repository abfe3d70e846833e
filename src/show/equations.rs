//! The equations of a model for people: what is added where, which derivatives there are, how much is computed how often.
//!
//! Small models are written out as formulas. Of large ones the sizes are told and a picture of the derivatives is drawn, one
//! line for each contribution; `--full` writes everything.

use std::fmt::Write;

use crate::ir::formula::formulas;
use crate::ir::{Function, Input, Inst, NodeKind, Rate, diff, rate, text};
use crate::model::kernel::{Kernel, Place, differentiated};
use crate::model::small::SmallKind;
use crate::model::{EventKind, Model};

/// Operations up to which a model is written out.
const WRITTEN_OUT: usize = 400;
/// Probes and contributions up to which the picture of derivatives is drawn.
const LARGEST_PICTURE: usize = 120;

/// Contributions, derivatives, counts by rate; formulas and code of a small model, or of any if `full`.
pub fn equations(model: &Model, full: bool, out: &mut String) {
    let kernel = Kernel::compile(model);
    let (function, entries) = differentiated(model);
    let plain = diff::resolve(&model.function);
    let written = full || operations(&plain) <= WRITTEN_OUT;
    let _ = writeln!(out, "equations: d/dt q + f = 0 in the row of each unknown; (a,b) is a difference of two unknowns\n");
    let mut lines: Vec<(u32, String)> = Vec::new();
    for (k, c) in model.contributions.iter().enumerate() {
        for (output, letter, affine) in [(c.f, 'f', kernel.affine[k].0), (c.q, 'q', kernel.affine[k].1)] {
            let Some(output) = output else { continue };
            let linear = if affine { "   [linear, constant factors]" } else { "" };
            let rows = pair(model, c.plus, c.minus).replace(',', " and subtracted from row ");
            let _ = writeln!(out, "  {letter}{k} is added to row {rows}{linear}");
            lines.push((output, format!("{letter}{k}")));
            let own = entries.iter().filter(|e| e.output == output);
            lines.extend(own.map(|e| (e.index, format!("d{letter}{k}/d{}", probe(model, e.probe)))));
        }
    }
    derivatives(model, &kernel, out);
    happenings(model, out);
    let input = |which: Input| input_name(model, which);
    if written {
        let _ = writeln!(out, "\n{}", formulas(&function, &lines, &input));
    } else {
        out.push('\n');
    }
    sizes(model, &kernel, [&plain, &function], out);
    if written {
        let _ = writeln!(out, "the same as instructions\n\n{}", text::print(&function));
    } else {
        let _ = writeln!(out, "--full writes all formulas and instructions\n");
    }
}

fn pair(model: &Model, plus: u32, minus: Option<u32>) -> String {
    let unknown = |row: u32| model.unknowns[row as usize].name.as_str();
    match minus {
        Some(minus) => format!("{},{}", unknown(plus), unknown(minus)),
        None => unknown(plus).to_string(),
    }
}

fn probe(model: &Model, k: u32) -> String {
    format!("({})", pair(model, model.probes[k as usize].plus, model.probes[k as usize].minus))
}

fn input_name(model: &Model, input: Input) -> String {
    match input {
        Input::Probe(k) => probe(model, k),
        Input::Param(k) => model.params[k as usize].name.clone(),
        Input::Given(k) => format!("given({})", model.params[k as usize].name),
        Input::Connected(k) => format!("connected({})", model.unknowns[k as usize].name),
        Input::Simulator(k) => format!("$simparam({})", model.simparams[k as usize].0),
        Input::Past(k) => format!("past({})", model.retained[k as usize].name),
        other => text::input_name(other),
    }
}

/// Which derivatives are there, and which of them change with parameters only.
fn derivatives(model: &Model, kernel: &Kernel, out: &mut String) {
    let terms = model.contributions.iter().map(|c| usize::from(c.f.is_some()) + usize::from(c.q.is_some())).sum::<usize>();
    let (all, probes) = (kernel.derivatives.len(), model.probes.len());
    let still = kernel.derivatives.iter().filter(|d| matches!(d.place, Place::Setup(_))).count();
    let _ = writeln!(
        out,
        "\nderivatives: {all} of {} ({terms} terms by {probes} probes); {still} change with parameters only, {} with the iterate",
        terms * probes,
        all - still
    );
    if probes > LARGEST_PICTURE || terms > LARGEST_PICTURE || probes < 2 {
        return;
    }
    let _ = writeln!(out, "  x: by the iterate, c: by parameters only, .: zero; columns are the probes");
    for k in 0..model.contributions.len() {
        for (charge, letter) in [(false, 'f'), (true, 'q')] {
            let own: Vec<_> = kernel.derivatives.iter().filter(|d| (d.contribution as usize, d.charge) == (k, charge)).collect();
            let mark = |p: u32| match own.iter().find(|d| d.probe == p).map(|d| d.place) {
                Some(Place::Eval(_)) => 'x',
                Some(Place::Setup(_)) => 'c',
                None => '.',
            };
            if !own.is_empty() {
                let line: String = (0..probes as u32).map(mark).collect();
                let _ = writeln!(out, "  {line}  {letter}{k}");
            }
        }
    }
    let names: Vec<String> = (0..probes as u32).map(|k| probe(model, k)).collect();
    let _ = writeln!(out, "  probes: {}", names.join(" "));
}

/// What else a model has: limits, events, noise, messages (`show` names retained variables with the states).
fn happenings(model: &Model, out: &mut String) {
    let limited: Vec<String> =
        (0..model.probes.len() as u32).filter(|k| model.probes[*k as usize].limit.is_some()).map(|k| probe(model, k)).collect();
    let kinds =
        [(EventKind::Cross, "cross"), (EventKind::Above, "above"), (EventKind::Timer, "timer"), (EventKind::Change, "change")];
    let count = |kind: EventKind| model.events.iter().filter(|e| e.kind == kind).count();
    let events: Vec<String> =
        kinds.iter().filter(|(kind, _)| count(*kind) > 0).map(|(kind, name)| format!("{} {name}", count(*kind))).collect();
    let source = |s: &crate::model::small::SmallSource| {
        let kind = match s.kind {
            SmallKind::White(_) => "white",
            SmallKind::Flicker(..) => "flicker",
            SmallKind::Table(..) | SmallKind::File(..) => "table",
            SmallKind::Stimulus(..) => "stimulus",
        };
        format!("{} ({kind})", s.name)
    };
    let small: Vec<String> = model.small.sources.iter().map(source).collect();
    let collapses: Vec<String> =
        model.collapses.iter().map(|c| c.b.map_or_else(|| pair(model, c.a, None), |b| pair(model, c.a, Some(b)))).collect();
    let said = model.messages.len();
    let messages = if said > 0 { vec![said.to_string()] } else { Vec::new() };
    let lists = [
        ("limited between iterates", limited),
        ("events", events),
        ("noise and small-signal sources", small),
        ("merged or dropped where parameters say so", collapses),
        ("messages", messages),
    ];
    for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(out, "{what}: {}", list.join(", "));
    }
}

/// Operations by rate, branches and loops, hoisted values, registers.
fn sizes(model: &Model, kernel: &Kernel, [plain, function]: [&Function; 2], out: &mut String) {
    let _ = writeln!(out, "operations by how often they change, values alone: {}", counts(plain));
    let _ = writeln!(out, "with derivatives: {}", counts(function));
    let of = |wanted: fn(&NodeKind) -> bool| function.nodes.iter().filter(|n| wanted(n)).count();
    let (branches, loops) = (of(|n| matches!(n, NodeKind::If { .. })), of(|n| matches!(n, NodeKind::Loop { .. })));
    let hoisted = kernel.setup.outputs - kernel.hoisted as usize;
    let _ = writeln!(out, "{branches} branches, {loops} loops; {hoisted} values are computed once for each set of parameters");
    let _ = writeln!(
        out,
        "{} parameters, {} operating-point variables; registers: {} with derivatives, {} without\n",
        model.params.len(),
        model.variables.len(),
        kernel.full.registers(),
        kernel.values.registers()
    );
}

fn operations(f: &Function) -> usize {
    f.insts.iter().filter(|i| matches!(i, Inst::Op(..))).count()
}

fn counts(f: &Function) -> String {
    let rates = rate::rates(f);
    let count = |r: Rate| rates.iter().zip(&f.insts).filter(|(x, i)| **x == r && matches!(i, Inst::Op(..))).count();
    format!("{} parameter, {} time, {} iterate", count(Rate::Parameter), count(Rate::Time), count(Rate::Iterate))
}
