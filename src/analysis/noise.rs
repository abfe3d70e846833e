//! `.noise v(out[,ref]) SRC dec|oct|lin n f1 f2 [pts_per_summary]`: noise densities at an output, and where they come from.
//!
//! The equations are linearised at the operating point. One adjoint solve per frequency, `(G + jwC)^T z = c` with c the
//! output's own row, gives the transfer `H_k = -z^T (g_k + jw q_k)` from every source k, whose row gains are g and q. Output
//! density `sum |H_k|^2 S_k`, columns as square roots: `onoise_spectrum` in V/sqrt(Hz), `inoise_spectrum` the same divided by
//! the gain from SRC, `onoise_total` and `inoise_total` the rms values from the first frequency up to that of the row;
//! `onoise_<device>` and `onoise_<device>_<source>` the parts. Integrals: see [`band`]. Transient noise is not simulated.

use std::sync::atomic::Ordering;

use crate::args::{Arg, Args};
use crate::dae::{NoiseSource, Phase, Point, System};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::wave::{Cell, ColumnInfo, Flow, Header, Sink};

use super::ac::Ac;
use super::columns::{lead, writing};
use super::op::{self, significant};
use super::{Analysis, Entry, Env, Summary};

pub mod band;
mod spectrum;

use band::{Band, Sample};
use spectrum::{Output, Spectrum};

/// The row of the table.
pub const ENTRY: Entry =
    Entry { keyword: "noise", usage: ".noise v(out[,ref]) V1 dec|oct|lin points f1 f2 [pts_per_summary]", parse };

/// Most parts that get columns of their own without being asked for by `pts_per_summary`.
const MOST_PARTS: usize = 200;
/// Most lines of the table of parts.
const MOST_LINES: usize = 20;

/// The analysis of the card.
pub struct Noise {
    output: Output,
    /// As written.
    name: String,
    input: String,
    grid: Ac,
    /// `pts_per_summary` was given: columns for all parts.
    parts: bool,
}

fn parse(args: &Args, system: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    if let Some(named) = args.items.iter().find(|a| a.name.is_some()) {
        return Err(Diagnostic::error(named.span, "`.noise` takes no named arguments"));
    }
    let words: Vec<&Arg> = args.positional().collect();
    let [out, source, rest @ ..] = words.as_slice() else {
        return Err(Diagnostic::error(args.span, "`.noise` needs an output, a source and frequencies"));
    };
    let output = Output::named(out, system)?;
    let mut unused = vec![0.0; system.layout().unknowns.len()];
    if system.unit_excitation(&source.text, &mut unused).is_none() {
        return Err(Diagnostic::error(source.span, format!("there is no source `{}`", source.text))
            .expected("expected the independent source that the noise is referred to"));
    }
    if rest.is_empty() {
        return Err(Diagnostic::error(args.span, "`.noise` without frequencies").expected("expected dec, oct or lin"));
    }
    let listed = rest.first().is_some_and(|a| a.text.eq_ignore_ascii_case("list"));
    let count = if listed { rest.len() } else { rest.len().min(4) };
    let items = rest[..count].iter().map(|a| (*a).clone()).collect();
    // The hints of `.ac` are about `.ac`.
    let grid =
        Ac::new(&Args { keyword: "noise".into(), span: args.span, items }).map_err(|e| Diagnostic { hints: Vec::new(), ..e })?;
    if let Some(summary) = rest[count..].first()
        && !summary.number.is_some_and(|n| n >= 0.0)
    {
        return Err(Diagnostic::error(summary.span, format!("`{}` points per summary", summary.text)).expected("expected a number"));
    }
    if let Some(surplus) = rest[count..].get(1) {
        return Err(Diagnostic::error(surplus.span, "one argument too many"));
    }
    let parts = rest[count..].first().is_some_and(|a| a.number.is_some_and(|n| n > 0.0));
    Ok(Box::new(Noise { output, name: out.text.clone(), input: source.text.clone(), grid, parts }))
}

impl Analysis for Noise {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "noise".into(), ..Summary::default() };
        let result = self.linearise(system, env, sink, &mut summary);
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

/// What the sources of one name in one device make together.
struct Part {
    /// Column: `onoise_r1_thermal`.
    column: String,
    device: String,
    source: String,
    /// Sources that belong to it.
    members: Vec<usize>,
}

/// Parts by device and name, and devices with several of them.
fn parts(sources: &[NoiseSource]) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    let mut devices: Vec<Part> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (k, source) in sources.iter().enumerate() {
        let at = *known.entry((&source.instance, &source.name)).or_insert(out.len());
        if at == out.len() {
            let clean: String = source.name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            out.push(Part {
                column: format!("onoise_{}_{clean}", source.instance),
                device: source.instance.clone(),
                source: source.name.clone(),
                members: Vec::new(),
            });
            match devices.last_mut().filter(|d| d.device == source.instance) {
                Some(device) => device.source.clear(),
                None => devices.push(Part {
                    column: format!("onoise_{}", source.instance),
                    device: source.instance.clone(),
                    source: source.name.clone(),
                    members: Vec::new(),
                }),
            }
        }
        out[at].members.push(k);
        if let Some(device) = devices.last_mut() {
            device.members.push(k);
        }
    }
    // A device with one source is that source.
    out.retain(|part| devices.iter().all(|d| d.device != part.device || d.source.is_empty()));
    devices.extend(out);
    devices
}

impl Noise {
    fn linearise(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let solved = op::solve(system, env, Phase::Static);
        let empty = header(env, self, &[], ("", ""));
        let point = match solved {
            Ok(point) => point,
            Err(error) => return sink.begin(&empty).map_err(writing).and(Err(error)),
        };
        summary.counts = point.counts;
        summary.remarks.extend(op::drifts(system, &point));
        let at = Point { x: &point.x, t: 0.0, params: &point.params, past: &point.memory, trial: None, phase: Phase::Noise };
        summary.operating_point = point.rung;
        summary.remarks.extend(point.remarks);
        summary.messages = point.messages;
        let mut spectrum = match Spectrum::new(system, &at, &self.output, &self.input, summary) {
            Ok(spectrum) => spectrum,
            Err(error) => return sink.begin(&empty).map_err(writing).and(Err(error)),
        };
        let parts = parts(&spectrum.sources);
        let shown = if self.parts { parts.len() } else { parts.len().min(MOST_PARTS) };
        if shown < parts.len() {
            summary.remarks.push(format!("{} sources: columns for {shown} only; give pts_per_summary for all", parts.len()));
        }
        let units = (spectrum.units.0.as_str(), spectrum.units.1);
        sink.begin(&header(env, self, &parts[..shown], units)).map_err(writing)?;
        let band = self.sweep(system, &at, env, sink, summary, (&mut spectrum, &parts, shown))?;
        summary.table = table(self, &band, &parts, (spectrum.units.0.as_str(), spectrum.units.1));
        system.conclude(&at, &mut summary.messages);
        Ok(())
    }

    fn sweep(
        &self,
        system: &dyn System,
        at: &Point,
        env: &Env,
        sink: &mut dyn Sink,
        summary: &mut Summary,
        (spectrum, parts, shown): (&mut Spectrum, &[Part], usize),
    ) -> Result<Band, SimError> {
        let frequencies = &self.grid.frequencies;
        let mut band = Band::new(2 + parts.len(), (frequencies[0], frequencies[frequencies.len() - 1]));
        let mut last: Option<Sample> = None;
        let mut cells = Vec::new();
        let mut solves = 0;
        let mut sample = |frequency: f64| -> Result<Sample, SimError> {
            solves += 1;
            let (densities, gain) = spectrum.at(frequency).map_err(|failure| {
                let what = format!("noise at {frequency:.6e} Hz");
                failure.named(system, at, &what, "", "a node that nothing but capacitors holds, or an ideal resonance")
            })?;
            let total: f64 = densities.iter().sum();
            let mut values = vec![total, if total == 0.0 { 0.0 } else { total / gain }];
            values.extend(parts.iter().map(|p| p.members.iter().map(|k| densities[*k]).sum::<f64>()));
            Ok(Sample { frequency, values })
        };
        for (k, frequency) in frequencies.iter().enumerate() {
            if env.stop.load(Ordering::Relaxed) {
                return Err(SimError::Stopped { t: f64::NAN });
            }
            (env.progress)(k as f64 / frequencies.len() as f64);
            let here = sample(*frequency)?;
            if let Some(last) = &last {
                band.add(last, &here, &mut sample)?;
            }
            cells.clear();
            cells.push(Cell::Real(*frequency));
            cells.extend(
                here.values[..2].iter().chain(&band.integrals[..2]).chain(&here.values[2..2 + shown]).map(|v| Cell::Real(v.sqrt())),
            );
            summary.points += 1;
            last = Some(here);
            if sink.row(&cells).map_err(writing)? == Flow::Stop {
                break;
            }
        }
        summary.counts.factorisations += solves;
        Ok(band)
    }
}

fn header(env: &Env, noise: &Noise, parts: &[Part], units: (&str, &str)) -> Header {
    let density = |name: &str, unit: &str| lead(name, "noise density", &format!("{unit}/sqrt(Hz)"));
    let mut columns: Vec<ColumnInfo> = vec![
        lead("frequency", "frequency", "Hz"),
        density("onoise_spectrum", units.0),
        density("inoise_spectrum", units.1),
        lead("onoise_total", "noise", units.0),
        lead("inoise_total", "noise", units.1),
    ];
    columns.extend(parts.iter().map(|p| density(&p.column, units.0)));
    Header {
        analysis: "noise".into(),
        title: format!("Noise at {} referred to {}", noise.name, noise.input),
        columns,
        independent: 1,
        logarithmic: noise.grid.logarithmic,
        keys: env.keys.clone(),
    }
}

/// The totals, and all parts by their share.
fn table(noise: &Noise, band: &Band, parts: &[Part], units: (&str, &str)) -> Vec<String> {
    let rms = |k: usize| significant(band.integrals[k].sqrt());
    let (first, last) = band.limits;
    if first == last {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "noise from {} to {} Hz: {} {} rms at {}, {} {} rms referred to {}",
        significant(first),
        significant(last),
        rms(0),
        units.0,
        noise.name,
        rms(1),
        units.1,
        noise.input
    )];
    let several = |p: &Part| p.source.is_empty();
    let mut order: Vec<usize> = (0..parts.len()).filter(|k| !several(&parts[*k])).collect();
    order.sort_by(|a, b| band.integrals[2 + b].total_cmp(&band.integrals[2 + a]));
    let total = band.integrals[0];
    let share = |k: usize| if total > 0.0 { 100.0 * band.integrals[2 + k] / total } else { 0.0 };
    let width = order.iter().take(MOST_LINES).map(|k| parts[*k].device.len()).max().unwrap_or(0);
    for k in order.iter().take(MOST_LINES) {
        let part = &parts[*k];
        let (device, source) = (&part.device, &part.source);
        lines.push(format!("{:>7.2} %  {device:<width$}  {source}: {} {}", share(*k), rms(2 + k), units.0));
    }
    if order.len() > MOST_LINES {
        let rest: f64 = order[MOST_LINES..].iter().map(|k| share(*k)).sum();
        lines.push(format!("{rest:>7.2} %  {} more sources", order.len() - MOST_LINES));
    }
    lines
}
