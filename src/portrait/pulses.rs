//! Pulse response: equal pulses that set, equal pulses that reset (of a volatile device: a rest as long), a reading behind each.
//! The conductance against the number of the pulse.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::output::svg::{Curve, Plot, Settings};
use crate::output::{self, Request};
use crate::portrait::decks::circuit;
use crate::portrait::settings::Settled;
use crate::portrait::{Subject, quantity, try_out};
use crate::run::RunReport;
use crate::wave::{Column, ColumnInfo, ColumnKind, Dataset, Header};

/// A pulse, a gap, a reading, a gap: each as long as a pulse.
const PARTS: f64 = 4.0;
/// Seconds that the train may take.
const LONGEST: f64 = 60.0;
/// Edge as a part of the width.
const EDGE: f64 = 0.01;

/// The deck, and the times at which it is read.
fn deck(subject: &Subject, settings: &Settled) -> (String, Vec<f64>) {
    let Settled { amplitude, width, read, pulses, series, .. } = settings;
    let mut points: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    let mut times = Vec::new();
    let mut pulse = |start: f64, value: f64| {
        let edge = EDGE * width;
        points.extend([(start, 0.0), (start + edge, value), (start + width - edge, value), (start + width, 0.0)]);
        start + 0.9 * width
    };
    times.push(pulse(0.5 * width, *read));
    for k in 0..2 * pulses {
        let start = (2.0 + PARTS * k as f64) * width;
        let second = if subject.volatile() { 0.0 } else { -amplitude };
        pulse(start, if k < *pulses { *amplitude } else { second });
        times.push(pulse(start + 2.0 * width, *read));
    }
    let source: Vec<String> = points.iter().map(|(t, v)| format!("{t:e} {v}")).collect();
    let lines: Vec<String> = source.chunks(4).map(|c| c.join("  ")).collect();
    let second = if subject.volatile() { "and as long without" } else { "and as many the other way" };
    let mut out = format!("{}: pulse response\n", subject.name);
    let _ = writeln!(
        out,
        "* {pulses} pulses of {} and {} {second}, a reading at {} behind each.",
        quantity(*amplitude, "V"),
        quantity(*width, "s"),
        quantity(*read, "V")
    );
    out.push_str(&circuit(subject, &format!("PWL({})", lines.join("\n+ ")), *series));
    let end = (2.0 + PARTS * 2.0 * *pulses as f64) * width;
    let _ = writeln!(out, ".tran {:e} {end:e}", 0.1 * width);
    let _ = writeln!(out, ".plot tran v(n) i(x1) title=\"{} under pulses\" file=pulse-waves", subject.name);
    out.push_str(".end\n");
    (out, times)
}

/// Runs the train, reads the conductance, draws it.
pub fn draw(subject: &Subject, settings: &Settled, folder: &Path, stop: &AtomicBool, report: &mut RunReport) {
    let (deck, times) = deck(subject, settings);
    let outcome = match try_out(&deck, LONGEST, stop) {
        Ok(mut members) => members.pop().and_then(|mut m| m.pop()),
        Err(errors) => {
            report.diagnostics.push_str(&errors);
            report.exit = report.exit.max(2);
            return;
        }
    };
    let Some(outcome) = outcome else { return };
    if let Some(failure) = &outcome.failure {
        let _ = writeln!(report.diagnostics, "error: pulses of {}: {failure}", subject.name);
        report.exit = report.exit.max(1);
    }
    let readings = readings(subject, settings, &outcome.data, &times);
    let written = write(subject, settings, &readings, folder).and_then(|files| {
        let path = folder.join("pulse.cir");
        fs::write(&path, &deck).map_err(|e| e.to_string())?;
        Ok((path, files))
    });
    match written {
        Ok((path, files)) => {
            report.files.push(path);
            report.files.extend(files);
            report.text.push_str(&told(&readings, settings.pulses));
        }
        Err(error) => {
            let _ = writeln!(report.diagnostics, "error: writing the pulse response: {error}");
            report.exit = report.exit.max(1);
        }
    }
}

/// Conductance and states at the readings; rows behind the end of a run that failed are left out.
fn readings(subject: &Subject, settings: &Settled, data: &Dataset, times: &[f64]) -> Dataset {
    let column = |name: &str, quantity: &str, unit: &str| ColumnInfo {
        name: name.to_string(),
        quantity: quantity.to_string(),
        unit: unit.to_string(),
        kind: ColumnKind::Real,
    };
    let time = data.real("time").unwrap_or(&[]);
    let at = |values: &[f64], t: f64| {
        let k = time.partition_point(|s| *s < t);
        let (a, b) = (k.saturating_sub(1), k.min(time.len() - 1));
        let w = if time[b] > time[a] { (t - time[a]) / (time[b] - time[a]) } else { 0.0 };
        values[a] + w * (values[b] - values[a])
    };
    let reached: Vec<(usize, f64)> =
        times.iter().copied().enumerate().filter(|(_, t)| time.last().is_some_and(|end| t <= end)).collect();
    let mut columns = vec![column("number", "pulse", ""), column("conductance", "conductance", "S")];
    let mut values: Vec<Vec<f64>> = vec![reached.iter().map(|(k, _)| *k as f64).collect()];
    let of = |name: &str| data.real(name).unwrap_or(&[]);
    // Less what flows without a voltage: a displaced charge, a source.
    let (current, voltage) = (of("i(x1)"), of("v(n)"));
    let conductance = |t: f64| if current.is_empty() || settings.read == 0.0 { f64::NAN } else { at(current, t) / at(voltage, t) };
    values.push(reached.iter().map(|(_, t)| conductance(*t)).collect());
    for state in subject.states() {
        let name = format!("x1.{state}");
        if let Some(k) = data.find(&name) {
            let info = &data.header.columns[k];
            columns.push(column(state, &info.quantity, &info.unit));
            values.push(reached.iter().map(|(_, t)| at(data.columns[k].real(), *t)).collect());
        }
    }
    let title = "Pulse response".to_string();
    let header = Header { analysis: "pulse".into(), title, columns, independent: 1, logarithmic: false, keys: Vec::new() };
    let rows = reached.len();
    Dataset { header, columns: values.into_iter().map(Column::Real).collect(), segments: Vec::new(), rows }
}

fn write(subject: &Subject, settings: &Settled, readings: &Dataset, folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let second = if subject.volatile() { "rest" } else { "pulses the other way" };
    let title = format!(
        "{}: {} pulses of {} and {}, then {second}",
        subject.name,
        settings.pulses,
        quantity(settings.amplitude, "V"),
        quantity(settings.width, "s")
    );
    let curve = |y: &str| Curve { y: y.to_string(), x: None };
    let conductance = readings.real("conductance").unwrap_or(&[]);
    let range = conductance.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), g| (a.min(*g), b.max(*g)));
    let names: Vec<String> = readings.header.columns.iter().skip(2).take(3).map(|c| c.name.clone()).collect();
    let plot = |curves: Vec<Curve>, file: &str, ylog: bool| Plot {
        analysis: None,
        curves,
        settings: Settings {
            title: Some(title.clone()),
            xlabel: Some("number of the pulse".to_string()),
            file: Some(file.to_string()),
            marks: Some(true),
            ylog,
            ..Settings::default()
        },
    };
    let log = range.0 > 0.0 && range.1 > 30.0 * range.0;
    // A capacitor has states to show, and no conductance.
    let conducts = conductance.iter().any(|g| *g != 0.0 && g.is_finite());
    let mut plots: Vec<Plot> = conducts.then(|| plot(vec![curve("conductance")], "pulse", log)).into_iter().collect();
    if !names.is_empty() {
        plots.push(plot(names.iter().map(|n| curve(n)).collect(), "pulse-states", false));
    }
    let request =
        Request { folder: folder.to_path_buf(), stem: "pulse".to_string(), title: title.clone(), plots, ..Request::default() };
    let mut outputs = output::open(&["csv".to_string(), "svg".to_string()], true, &request)?;
    readings.replay(&mut outputs).map_err(|e| e.to_string())?;
    outputs.finish().map_err(|e| e.to_string())
}

/// What came out, in a line.
fn told(readings: &Dataset, pulses: usize) -> String {
    let g = readings.real("conductance").unwrap_or(&[]);
    if g.iter().all(|g| *g == 0.0) {
        return "  no current flows at the reading: its states alone are drawn\n".to_string();
    }
    let of = |k: usize| g.get(k).map_or_else(|| "-".to_string(), |v| quantity(*v, "S"));
    format!("  conductance: {} at the start, {} after {pulses} pulses, {} at the end\n", of(0), of(pulses), of(2 * pulses))
}
