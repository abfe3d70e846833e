//! Pulse response: equal pulses that set, equal pulses that reset (of a volatile device: a rest as long), a reading behind each.
//! The conductance against the number of the pulse.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::output::svg::{Curve, Plot, Settings};
use crate::output::{self, Request};
use crate::portrait::decks::FINE;
use crate::portrait::settings::Settled;
use crate::portrait::{Subject, quantity, try_out};
use crate::run::RunReport;
use crate::wave::{Column, ColumnInfo, ColumnKind, Dataset, Header};

/// Seconds that the train may take.
const LONGEST: f64 = 60.0;
/// Edge as a part of the width.
const EDGE: f64 = 0.01;

/// The deck, and the times at which it is read. A pulse, a gap, a reading, a gap: each as long as a pulse, unless said otherwise.
fn deck(subject: &Subject, settings: &Settled) -> (String, Vec<f64>) {
    let Settled { first, second, gap, read, hold, pulses, series, .. } = settings;
    let mut points: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    let mut pulse = |start: f64, width: f64, value: f64| {
        let edge = EDGE * width;
        points.extend([(start, 0.0), (start + edge, value), (start + width - edge, value), (start + width, 0.0)]);
        start + 0.9 * width
    };
    let reading = if subject.separate() { *hold } else { *read };
    let mut times = vec![pulse(0.5 * first.1, first.1, reading)];
    let mut start = 2.0 * first.1;
    for k in 0..2 * pulses {
        let (height, width) = if k < *pulses { *first } else { *second };
        pulse(start, width, height);
        times.push(pulse(start + width + gap, first.1, reading));
        start += width + gap + 2.0 * first.1;
    }
    let source: Vec<String> = points.iter().map(|(t, v)| format!("{t:e} {v}")).collect();
    let lines: Vec<String> = source.chunks(4).map(|c| c.join("  ")).collect();
    let mut out = format!("{}: pulse response\n", subject.name);
    let at = if subject.separate() { format!(" ({} at the driven terminal)", subject.level(*hold)) } else { String::new() };
    let _ = writeln!(out, "* {}, a reading at {}{at} behind each.", train(subject, settings), quantity(*read, "V"));
    out.push_str(&subject.circuit(&format!("PWL({})", lines.join("\n+ ")), *series, *read));
    let _ = writeln!(out, ".options {FINE}\n.tran {:e} {start:e}", 0.1 * first.1.min(second.1));
    let Subject { current, node, name, .. } = subject;
    let shown = subject.show.as_ref().map_or_else(String::new, |s| format!(" {}", s.expression));
    let _ = writeln!(out, ".plot tran v({node}) {current}{shown} title=\"{name} under pulses\" file=pulse-waves");
    out.push_str(".end\n");
    (out, times)
}

/// The train in words.
fn train(subject: &Subject, settings: &Settled) -> String {
    let Settled { first, second, pulses, .. } = settings;
    let one = |(height, width): &(f64, f64)| format!("{} and {}", subject.level(*height), quantity(*width, "s"));
    let then = match second {
        (0.0, _) => "then rest".to_string(),
        (height, width) if *height == -first.0 && *width == first.1 => "then the other way".to_string(),
        (height, width) if *width == first.1 => format!("then of {}", subject.level(*height)),
        other => format!("then of {}", one(other)),
    };
    format!("{pulses} pulses of {}{}, {then}", one(first), subject.place())
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
            report.text.push_str(&told(subject, &readings, settings.pulses));
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
    let (current, voltage) = (of(&subject.current), of(&subject.voltage()));
    let conductance = |t: f64| {
        if current.is_empty() || settings.read == 0.0 || !subject.conducts { f64::NAN } else { at(current, t) / at(voltage, t) }
    };
    values.push(reached.iter().map(|(_, t)| conductance(*t)).collect());
    if let Some(shown) = &subject.show
        && let Some(k) = data.find(&shown.expression)
    {
        let info = &data.header.columns[k];
        columns.push(column(&shown.name, &info.quantity, &info.unit));
        values.push(reached.iter().map(|(_, t)| at(data.columns[k].real(), *t)).collect());
    }
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
    let title = format!("{}: {}", subject.name, train(subject, settings));
    let curve = |y: &str| Curve { y: y.to_string(), x: None };
    let conductance = readings.real("conductance").unwrap_or(&[]);
    let range = conductance.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), g| (a.min(*g), b.max(*g)));
    let shown = subject.show.iter().count();
    let names: Vec<String> = readings.header.columns.iter().skip(2 + shown).take(3).map(|c| c.name.clone()).collect();
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
    plots.extend(subject.show.iter().map(|s| plot(vec![curve(&s.name)], &format!("pulse-{}", s.name), false)));
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
fn told(subject: &Subject, readings: &Dataset, pulses: usize) -> String {
    let flows = readings.real("conductance").unwrap_or(&[]).iter().any(|g| *g != 0.0 && g.is_finite());
    let shown = subject.show.as_ref().map(|s| s.name.as_str());
    let Some(name) = Some("conductance").filter(|_| flows).or(shown) else {
        return "  no current flows at the reading: its states alone are drawn\n".to_string();
    };
    let values = readings.real(name).unwrap_or(&[]);
    let unit = readings.find(name).map_or("", |k| &readings.header.columns[k].unit);
    let of = |k: usize| values.get(k).map_or_else(|| "-".to_string(), |v| quantity(*v, unit));
    format!("  {name}: {} at the start, {} after {pulses} pulses, {} at the end\n", of(0), of(pulses), of(2 * pulses))
}
