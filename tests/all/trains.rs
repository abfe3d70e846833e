//! Random trains of pulses: states stay within their bounds, and passive models deliver no energy.
//!
//! Instances of one model stand side by side in one deck, each with parameters and a start of its own, each terminal behind a source
//! with a train of its own. All trains of a deck change at the same times: widths of pulses from one to a hundred times a base, which
//! is drawn from 1 ns to 10 ms for each deck, with pauses of a tenth to a hundred of it, so that times go over nine decades. Heights
//! are uniform within a scale that is drawn from 30 mV to [`HIGHEST`] for each train.
//!
//! `MEMSPICE_TRAINS=10000 cargo test --release random_trains -- --nocapture` runs as many for each model (or `MEMSPICE_TRAINS_OF`
//! those of one) and says what it found; `MEMSPICE_TRAINS_FROM` is the seed of the first deck, `MEMSPICE_TRAINS_TO` a folder for all decks.

use std::fmt::Write;
use std::path::PathBuf;

use memspice::wave::Dataset;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::decks::run_text;
use super::library::{draw, names, says};
use super::models::Device;

/// Volts that a train may reach.
const HIGHEST: f64 = 10.0;

/// Trains in one deck. All of them take the steps of the quickest: 32 would cost three to ten times as much for each.
const SIDE_BY_SIDE: usize = 4;

/// Trains of each model where nobody asks for more.
const USUALLY: usize = 32;

/// How the trains of one model are: heights, times, a resistor before the first terminal.
struct Drive {
    highest: f64,
    /// Decades of the base of times, s.
    base: (f64, f64),
    /// Ohms.
    series: f64,
    /// Parameters that are not drawn.
    fixed: &'static [&'static str],
}

const USUAL: Drive = Drive { highest: HIGHEST, base: (-9.0, -2.0), series: 0.0, fixed: &[] };

/// Models that are driven otherwise, and why.
const OTHERWISE: &[(&str, Drive, &str)] = &[
    ("mtj_llg", Drive { base: (-11.0, -9.0), ..USUAL }, "moments precess at 10 GHz and are at rest after some nanoseconds"),
    ("mtj_sot", Drive { base: (-12.0, -11.0), ..USUAL }, "likewise"),
    ("mtj_field", Drive { base: (-12.0, -11.0), ..USUAL }, "likewise"),
    ("dwmtj", Drive { base: (-11.0, -9.0), ..USUAL }, "the wall precesses at 10 GHz"),
    ("tcm", Drive { base: (-10.0, -7.0), ..USUAL }, "without a limiter a hot filament oscillates at 10 MHz"),
    (
        "nbox",
        Drive { highest: 3.0, series: 1e3, fixed: NBOX, ..USUAL },
        "twelve digits of a fit, which runs away above 0.97 V without a resistor",
    ),
    (
        "taox",
        Drive { highest: 0.6, fixed: &["soff", "son", "sp", "xon", "gm"], ..USUAL },
        "a fit of exponentials to sweeps within 0.6 V: at 0.7 V the rate is 1e32/s half way, which no step has",
    ),
    (
        "vcm_gap",
        Drive { highest: 2.0, series: 1e3, fixed: &["gap0"], ..USUAL },
        "fitted within 2 V; beyond 3 V it burns without a limiter; starts lie between gmin and gmax",
    ),
    (
        "vcm_disc",
        Drive { highest: 2.0, series: 1e3, fixed: &["n0", "nmin", "nmax", "t0"], ..USUAL },
        "likewise; starts lie between nmin and nmax; far below 300 K both laws of its barrier do not meet",
    ),
    (
        "thermal_switch",
        Drive { highest: 5.0, fixed: &["ea", "t0"], ..USUAL },
        "the activation is that of 300 to 400 K: below 200 K exp(ea/T) (1 - s) is more than 1 - s has digits for; 10 V alone burn",
    ),
    ("lk_cap", Drive { fixed: &["z0"], ..USUAL }, "a start between its wells holds energy"),
    ("retention", Drive { series: 1e3, ..USUAL }, "an ammeter between two of its terminals"),
    ("stuck_cell", Drive { series: 1e3, ..USUAL }, "likewise"),
    ("fresh_film", Drive { series: 1e3, ..USUAL }, "likewise"),
    ("worn_cell", Drive { series: 1e3, ..USUAL }, "likewise"),
    ("nanowire_junction", Drive { fixed: &["lc", "lmax"], ..USUAL }, "the bounds of x are lmax/lc of the default"),
    ("quantum_contact", Drive { fixed: &["ymax"], ..USUAL }, "the bounds of y are those of the default"),
];
const NBOX: &[&str] = &["a0", "a1", "c20", "c21", "c22", "c23", "c24", "d0", "d1", "d2", "d3", "d4"];

/// Outputs of light: nothing is connected.
const OPEN: &[(&str, &str)] = &[("light_emitter", "o"), ("light_emitting_memristor", "out"), ("waveguide_pcm", "out")];

/// What a state may go beyond its bounds by, in parts of its range: ten steps at the bound, each with the error of reltol.
const SLACK: f64 = 1e-4;

/// What a passive model may deliver of the energy that went to and fro: straight lines between rows.
const DELIVERED: f64 = 1e-3;

/// kT at 300 K, J: heat alone carries as much to and fro. What moves less is held against this.
const NOISE: f64 = 4.14e-21;

/// Tolerances, and longest steps in parts of the whole. What jumps within a step is followed with an error of the time of the jump over
/// that of the step, and power within such a step is no straight line: where this is too much, the deck runs again with the second
/// pair. Errors of steps vanish then, those of models do not.
const EXACT: [(f64, f64); 2] = [(1e-5, 0.02), (1e-8, 1e-4)];

/// States with soft ends: what they may go beyond by, and why.
const SOFT: &[(&str, f64, &str)] =
    &[("taox", 2.5e-3, "growth ends within 1e-3 beyond 1; a step into that end has stages beyond it, which are rows")];

/// What was found in the trains of one model.
#[derive(Default, Debug)]
struct Found {
    trains: usize,
    /// Largest way beyond a bound in parts of the range, the state, deck and instance.
    beyond: (f64, String),
    /// Least energy taken since the start, in parts of the energy that went to and fro, deck and instance.
    energy: (f64, String),
    failures: Vec<String>,
    /// Decks that ran again with shorter steps.
    again: usize,
}

impl Found {
    /// Whether bounds and energy hold.
    fn holds(&self, name: &str) -> bool {
        let slack = SOFT.iter().find(|s| s.0 == name).map_or(SLACK, |s| s.1);
        self.beyond.0 <= slack && self.energy.0 >= -DELIVERED
    }

    fn add(&mut self, other: Found) {
        if other.beyond.0 > self.beyond.0 {
            self.beyond = other.beyond;
        }
        if other.energy.0 < self.energy.0 {
            self.energy = other.energy;
        }
        self.trains += other.trains;
    }
}

/// A value of the train of a terminal in the unit `unit`.
fn height(unit: &str, scale: f64, random: &mut StdRng) -> f64 {
    match unit {
        // Temperatures, light, pressure.
        "K" => random.random_range(250.0..450.0),
        "mW" | "kPa" => scale * random.random_range(0.0..1.0),
        _ => scale * random.random_range(-1.0..1.0),
    }
}

/// Values of parameters: a third of them, all starts.
fn parameters(plain: &mut Device, drive: &Drive, random: &mut StdRng) -> String {
    let model = plain.model.clone();
    plain.params.clear();
    for (k, param) in model.params.iter().enumerate() {
        let shaping = model.shape.iter().any(|s| s.0 as usize == k);
        let fixed = drive.fixed.contains(&param.name.as_str());
        if !param.local && !shaping && !fixed && (param.instance || random.random_bool(0.33)) {
            let value = draw(param, random);
            plain.params.extend(value.map(|value| (param.name.clone(), value)));
        }
    }
    if !plain.is_valid() {
        plain.params.clear();
    }
    plain.params.iter().fold(String::new(), |mut text, (name, value)| {
        write!(text, " {name}={value:e}").unwrap();
        text
    })
}

/// A deck with `count` trains but for its analysis, the times of their corners, and their end.
fn deck(plain: &mut Device, count: usize, seed: u64) -> (String, Vec<f64>, f64) {
    let mut random = StdRng::seed_from_u64(seed);
    let name = plain.model.name.clone();
    let ports = plain.model.unknowns[..plain.model.ports].to_vec();
    let drive = OTHERWISE.iter().find(|o| o.0 == name).map_or(&USUAL, |o| &o.1);
    let base = 10f64.powf(random.random_range(drive.base.0..drive.base.1));
    // Where many are asked for, they are longer.
    let pulses = if std::env::var("MEMSPICE_TRAINS").is_ok() { 6 } else { 4 };
    let times: Vec<[f64; 3]> = (0..pulses)
        .map(|_| {
            let width = base * 10f64.powf(random.random_range(0.0..2.0));
            [0.1 * width, width, base * 10f64.powf(random.random_range(-1.0..2.0))]
        })
        .collect();
    let (mut text, mut corners) = (String::new(), Vec::new());
    let ground = ports.iter().rposition(|u| u.unit == "V").unwrap_or(0);
    for k in 0..count {
        for (port, terminal) in ports.iter().enumerate().filter(|(port, _)| *port != ground) {
            if OPEN.contains(&(name.as_str(), terminal.name.as_str())) {
                continue;
            }
            let unit = terminal.unit.as_str();
            let scale = drive.highest * 10f64.powf(random.random_range(-2.5..0.0));
            let start = if unit == "K" { 300.0 } else { 0.0 };
            let (mut t, mut now) = (0.0, start);
            // What stands before the first terminal.
            let behind = if port == 0 && drive.series > 0.0 { "s" } else { "t" };
            if behind == "s" {
                writeln!(text, "R{k} s{k}_0 t{k}_0 {}", drive.series).unwrap();
            }
            write!(text, "V{k}_{port} {behind}{k}_{port} 0 PWL(0 {start}").unwrap();
            for [edge, width, pause] in &times {
                let next = if random.random_bool(0.2) { start } else { height(unit, scale, &mut random) };
                write!(text, " {:e} {now} {:e} {next} {:e} {next}", t + 1e-3 * edge, t + edge, t + edge + width).unwrap();
                // Every other pulse ends at rest.
                now = if random.random_bool(0.5) { start } else { next };
                t += edge + width;
                write!(text, " {:e} {now}", t + edge).unwrap();
                t += edge + pause;
            }
            text += ")\n";
        }
        let nodes = (0..ports.len()).map(|port| if port == ground { "0".to_string() } else { format!("t{k}_{port}") });
        let nodes: Vec<String> = nodes.collect();
        writeln!(text, "X{k} {} {name}{}", nodes.join(" "), parameters(plain, drive, &mut random)).unwrap();
    }
    let mut end = 0.0;
    for [edge, width, pause] in times {
        corners.extend([end + 1e-3 * edge, end + edge, end + edge + width]);
        end += edge + width;
        corners.push(end + edge);
        end += edge + pause;
    }
    (text, corners, end)
}

/// Energy that the instance `k` takes: where it stood lowest, and what went to and fro, at least [`NOISE`]. Straight lines between rows,
/// but the current of a capacitance jumps at a corner: the row there has that before it, the next row that behind it.
fn energy(data: &Dataset, k: usize, ports: &[usize], corners: &[f64]) -> (f64, f64) {
    let t = data.real("time").unwrap();
    let pairs: Vec<(&[f64], &[f64])> =
        ports.iter().filter_map(|p| Some((data.real(&format!("v(t{k}_{p})"))?, data.real(&format!("i(v{k}_{p})"))?))).collect();
    let power = |at: usize, current: usize| -pairs.iter().map(|(v, i)| v[at] * i[current]).sum::<f64>();
    let (mut sum, mut least, mut moved) = (0.0, 0.0_f64, 0.0);
    for row in 1..t.len() {
        let before = t[row - 1];
        let corner = before == 0.0 || corners.iter().any(|c| (c - before).abs() <= 1e-12 * before);
        let piece = 0.5 * (power(row, row) + power(row - 1, if corner { row } else { row - 1 })) * (t[row] - before);
        sum += piece;
        moved += f64::abs(piece);
        least = least.min(sum);
    }
    (least, moved.max(NOISE))
}

fn look(model: &Device, (data, corners): (&Dataset, &[f64]), count: usize, seed: u64, found: &mut Found) {
    let model = &model.model;
    let electrical: Vec<usize> = (0..model.ports).filter(|k| model.unknowns[*k].unit == "V").collect();
    for k in 0..count {
        for unknown in model.unknowns.iter().filter(|u| u.bounds.0.is_finite() || u.bounds.1.is_finite()) {
            let Some(values) = data.real(&format!("x{k}.{}", unknown.name)) else { continue };
            let (low, high) = unknown.bounds;
            let range = (high - low).clamp(1e-3, 1.0);
            let beyond = values.iter().fold(0.0_f64, |m, x| m.max(low - x).max(x - high)) / range;
            if beyond > found.beyond.0 {
                found.beyond = (beyond, format!("{} of {k} with seed {seed}", unknown.name));
            }
        }
        if says(model, "passive") && electrical.len() > 1 {
            let (least, moved) = energy(data, k, &electrical, corners);
            if least < found.energy.0 * moved {
                found.energy = (least / moved, format!("{k} with seed {seed}: {least:e} J of {moved:e} J"));
            }
        }
    }
    found.trains += count;
}

/// Runs `count` trains of a model; `None` where it promises nothing.
fn run(name: &str, count: usize) -> Option<Found> {
    let mut model = Device::new(name, &[]);
    let unknowns = &model.model.unknowns;
    let bounded = unknowns.iter().any(|u| u.bounds.0.is_finite() || u.bounds.1.is_finite());
    let electrical = unknowns.iter().take(model.model.ports).filter(|u| u.unit == "V").count() > 1;
    if !electrical || !bounded && !says(&model.model, "passive") {
        return None;
    }
    let mut found = Found::default();
    let first = std::env::var("MEMSPICE_TRAINS_FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    for seed in first..first + count.div_ceil(SIDE_BY_SIDE) as u64 {
        let some = SIDE_BY_SIDE.min(count - found.trains - found.failures.len() * SIDE_BY_SIDE);
        let (text, corners, end) = deck(&mut model, some, seed);
        for (k, (reltol, longest)) in EXACT.into_iter().enumerate() {
            let analysis = format!(".options reltol={reltol}\n.tran {:e} {end:e} 0 {:e}\n.save all", end / 1000.0, end * longest);
            let text = format!("{text}{analysis}");
            if let Ok(folder) = std::env::var("MEMSPICE_TRAINS_TO") {
                std::fs::write(PathBuf::from(folder).join(format!("{name}-{seed}.cir")), format!("train\n{text}\n.end\n")).unwrap();
            }
            let run = std::panic::catch_unwind(|| run_text(&text).members.remove(0).remove(0).data);
            let mut those = Found::default();
            match run {
                Ok(data) => look(&model, (&data, &corners), some, seed, &mut those),
                Err(said) => {
                    let said = said.downcast_ref::<String>().map_or("", |s| s.as_str());
                    found.failures.push(format!("seed {seed}: {}", said.lines().next().unwrap_or_default()));
                    break;
                }
            }
            if those.holds(name) || k + 1 == EXACT.len() {
                found.add(those);
                break;
            }
            found.again += 1;
        }
    }
    Some(found)
}

#[test]
fn random_trains_keep_states_within_bounds_and_passive_models_passive() {
    let count = std::env::var("MEMSPICE_TRAINS").ok().and_then(|s| s.parse().ok());
    let only = std::env::var("MEMSPICE_TRAINS_OF").ok();
    let mut wrong = Vec::new();
    for (name, _) in names() {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|o| o == name)) {
            continue;
        }
        let watch = std::time::Instant::now();
        let Some(found) = run(&name, count.unwrap_or(USUALLY)) else { continue };
        if count.is_some() {
            println!(
                "{name:24} {:5} trains {:6.1} s, beyond {:.1e} {}, energy {:.1e} {}, {} again, {} failures",
                found.trains,
                watch.elapsed().as_secs_f64(),
                found.beyond.0,
                found.beyond.1,
                found.energy.0,
                found.energy.1,
                found.again,
                found.failures.len()
            );
        }
        if !found.holds(&name) {
            let (beyond, energy) = (&found.beyond, &found.energy);
            let said = format!("{:e} of its range: {}; delivers {:e} of the energy: {}", beyond.0, beyond.1, -energy.0, energy.1);
            wrong.push(format!("{name} goes beyond a bound by {said}"));
        }
        wrong.extend(found.failures.iter().map(|f| format!("{name}: {f}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
