//! Properties of all models of `models/` (but the elements of `models/std`): what their files promise is held.
//!
//! Sampled by a fixed sequence: parameters over their ranges (open ranges: a third to three times the default), voltages within
//! 10 V, states within their bounds and a tenth of their range beyond, temperatures 200 to 2000 K. At each sample all outputs are
//! numbers; where the function is smooth the derivatives are those of differences. At the bounds of a state nothing drives it
//! further out, whatever the other unknowns are (a state that starts inside then stays inside for any train of pulses). Models
//! that say `pinched = 1` have no current without voltage. Random pulses are in `trains.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use memspice::model::library::Library;
use memspice::model::{Formula, Model, Param, ParamKind, UnknownKind};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::decks::root;
use super::models::{Device, differences};

/// Samples of parameters for each model, and of unknowns for each of them.
const SAMPLES: (u64, u32) = (6, 60);

/// Names of the modules that are devices, with their files.
pub fn names() -> Vec<(String, String)> {
    let library = Library::new();
    let devices = library.list().iter().filter(|e| !e.path.starts_with("models/std/"));
    devices.map(|e| (e.name.clone(), e.path.clone())).collect()
}

fn number(formula: &Formula) -> Option<f64> {
    if let Formula::Number(value) = formula { Some(*value) } else { None }
}

/// A value of a parameter within its ranges; none where ranges depend on others.
pub fn draw(param: &Param, random: &mut StdRng) -> Option<f64> {
    let default = number(&param.default)?;
    let ends: Vec<(f64, f64)> =
        param.ranges.iter().filter(|r| !r.exclude).map(|r| Some((number(&r.low)?, number(&r.high)?))).collect::<Option<_>>()?;
    let (low, high) = ends.first().copied().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let near = default * 3f64.powf(random.random_range(-1.0..1.0));
    let value = match param.kind {
        ParamKind::Int if high - low <= 16.0 => random.random_range(low as i64..=high as i64) as f64,
        ParamKind::Real if high - low <= 1.0 && high.is_finite() => low + (high - low) * random.random_range(0.05..0.95),
        ParamKind::Real if default.is_finite() => near,
        _ => return None,
    };
    Some(value)
}

/// A device with parameters that are drawn (`seed` > 0) or those of its file.
fn device(name: &str, seed: u64) -> Device {
    let plain = Device::new(name, &[]);
    if seed == 0 {
        return plain;
    }
    let mut random = StdRng::seed_from_u64(seed);
    let model = plain.model.clone();
    let shaping = |k: usize| model.shape.iter().any(|s| s.0 as usize == k);
    let mut some: Vec<(&str, f64)> = Vec::new();
    for (k, param) in model.params.iter().enumerate() {
        // A third of them, so that one strange value does not hide the others.
        if !param.local && !shaping(k) && random.random_bool(0.33) {
            some.extend(draw(param, &mut random).map(|value| (param.name.as_str(), value)));
        }
    }
    let drawn = Device::new(name, &some);
    if drawn.is_valid() { drawn } else { plain }
}

/// The range that an unknown is sampled in.
fn range(device: &Device, k: usize) -> (f64, f64) {
    let unknown = &device.model.unknowns[k];
    let (low, high) = unknown.bounds;
    match (low.is_finite(), high.is_finite(), unknown.kind) {
        (true, true, _) => (low - 0.1 * (high - low), high + 0.1 * (high - low)),
        (true, false, _) => (low, low + 5.0),
        _ if unknown.quantity.eq_ignore_ascii_case("temperature") => (200.0, 2000.0),
        (.., UnknownKind::Current) => (-0.1, 0.1),
        (.., UnknownKind::Implicit) => (-1.0, 1.0),
        _ => (-10.0, 10.0),
    }
}

fn point(device: &Device, random: &mut StdRng) -> Vec<f64> {
    sample(device, random, 12)
}

/// One of `corners` draws is 0 or 1, or the end of the range if that is nearer; never for 0.
fn sample(device: &Device, random: &mut StdRng, corners: u32) -> Vec<f64> {
    let mut one = |k: usize| {
        let (low, high) = range(device, k);
        match if corners == 0 { 2 } else { random.random_range(0..corners) } {
            0 => low.max(0.0).min(high),
            1 => high.min(1.0).max(low),
            _ => random.random_range(low..high),
        }
    };
    (0..device.model.unknowns.len()).map(&mut one).collect()
}

fn shown(device: &Device, x: &[f64]) -> String {
    let named: Vec<String> = device.model.unknowns.iter().zip(x).map(|(u, x)| format!("{} = {x:.6e}", u.name)).collect();
    format!("{} at {} with {:?}", device.model.name, named.join(", "), device.params)
}

#[test]
fn all_outputs_are_numbers() {
    let mut wrong = Vec::new();
    for (name, _) in names() {
        // The interpreter has no random draws: sources of noise would take the logarithm of zero.
        if Device::new(&name, &[]).model.attribute("class").contains("source") {
            continue;
        }
        for seed in 0..SAMPLES.0 {
            let device = device(&name, seed);
            let mut random = StdRng::seed_from_u64(100 + seed);
            let found =
                (0..SAMPLES.1 * 5).map(|_| point(&device, &mut random)).find(|x| !device.at(x).iter().all(|y| y.is_finite()));
            if let Some(x) = found {
                wrong.push(shown(&device, &x));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "not a number:\n{}", wrong.join("\n"));
}

#[test]
fn derivatives_are_those_of_differences_in_all_models() {
    let mut wrong = Vec::new();
    for (name, _) in names() {
        let found = std::panic::catch_unwind(|| {
            let mut compared = 0;
            for seed in 0..SAMPLES.0 {
                let device = device(&name, seed);
                let sizes: Vec<f64> =
                    (0..device.model.unknowns.len()).map(|k| 0.1 * (range(&device, k).1 - range(&device, k).0)).collect();
                let mut random = StdRng::seed_from_u64(200 + seed);
                // Where a state is exactly at its end, sums of its rate cancel to their rounding.
                let samples = (0..SAMPLES.1).map(|_| differences(&device, &sample(&device, &mut random, 0), &sizes));
                compared += samples.sum::<u32>();
            }
            // Sources have no derivatives.
            let source = Device::new(&name, &[]).entries.is_empty();
            assert!(source || compared > 20, "{name}: {compared} comparisons only");
        });
        if found.is_err() {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "derivatives of {wrong:?}");
}

/// Rate of the state `k`: -f/(dq/dx).
fn rate(device: &Device, x: &[f64], k: usize) -> Option<f64> {
    let f = device.rows(x, false)[k];
    let mut moved = x.to_vec();
    let h = 1e-4 * x[k].abs().max(1e-3);
    moved[k] += h;
    let c = (device.rows(&moved, true)[k] - device.rows(x, true)[k]) / h;
    (c != 0.0 && f.is_finite()).then(|| -f / c)
}

/// Models whose bounds are not those of each state by itself, or are soft; random pulses hold them too.
const OTHERWISE: [(&str, &str); 8] = [
    ("mtj_llg", "the length of the magnetisation is what is bounded"),
    ("mtj_sot", "likewise"),
    ("mtj_field", "likewise, of both layers"),
    ("dendrite", "the sum of the inputs is what is bounded"),
    ("nbox", "the bounds are those of the fit, not of the motion"),
    ("bipolar", "the window turns over within a few vs of zero voltage, where hardly anything moves"),
    ("memtransistor", "likewise"),
    ("nanowire_junction", "a soft wall stands beyond the bounds"),
];

#[test]
fn bounded_states_are_driven_back() {
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for (name, _) in names().into_iter().filter(|(name, _)| OTHERWISE.iter().all(|o| o.0 != name)) {
        for seed in 0..SAMPLES.0 {
            let device = device(&name, seed);
            let mut random = StdRng::seed_from_u64(300 + seed);
            for (k, unknown) in device.model.unknowns.iter().enumerate() {
                let (low, high) = unknown.bounds;
                for _ in 0..SAMPLES.1 {
                    let mut x = point(&device, &mut random);
                    // The other states are within their own bounds.
                    for (x, u) in x.iter_mut().zip(&device.model.unknowns) {
                        *x = x.clamp(u.bounds.0, u.bounds.1);
                    }
                    // Nodes inside are between the outer ones.
                    let share = random.random_range(0.0..1.0);
                    let between = x[0] + share * (x[1.min(x.len() - 1)] - x[0]);
                    for (x, u) in x.iter_mut().zip(&device.model.unknowns) {
                        if u.kind == UnknownKind::Internal && u.unit == "V" && u.bounds.0.is_infinite() {
                            *x = between;
                        }
                    }
                    // Past the end by what a soft end may take.
                    let past = |end: f64, sign: f64| end + sign * 2e-3 * (high - low).clamp(1e-3, 1.0);
                    for (end, sign) in [(low, -1.0), (high, 1.0)] {
                        if !end.is_finite() {
                            continue;
                        }
                        x[k] = past(end, sign);
                        if rate(&device, &x, k).is_some_and(|r| r * sign > 1e-6) {
                            let r = rate(&device, &x, k);
                            let entry = wrong.entry(format!("{}.{} leaves {end}", name, unknown.name));
                            entry.or_insert_with(|| format!("by {r:?}: {}", shown(&device, &x)));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

pub fn says(model: &Model, name: &str) -> bool {
    model.attribute(name) == "1"
}

#[test]
fn pinched_models_have_no_current_without_voltage() {
    let mut count = 0;
    for (name, _) in names() {
        if !says(&Device::new(&name, &[]).model, "pinched") {
            continue;
        }
        count += 1;
        for seed in 0..SAMPLES.0 {
            let device = device(&name, seed);
            let mut random = StdRng::seed_from_u64(400 + seed);
            for _ in 0..SAMPLES.1 {
                let mut x = point(&device, &mut random);
                for (x, u) in x.iter_mut().zip(&device.model.unknowns) {
                    let electrical = u.unit == "V" || u.unit == "A";
                    if u.kind == UnknownKind::Port || electrical {
                        *x = 0.0;
                    }
                }
                let current = device.rows(&x, false)[0];
                assert!(current.abs() <= 1e-18, "{current:e} A without voltage: {}", shown(&device, &x));
            }
        }
    }
    assert!(count >= 20, "{count} models are pinched");
}

#[test]
fn the_linter_has_nothing_to_say_about_the_library() {
    let files: Vec<_> = names().into_iter().map(|(_, path)| root().join(Path::new(&path))).collect();
    let mut files = files;
    files.dedup();
    let report = memspice::show::check(&files);
    assert_eq!(report.exit, 0, "{}", report.diagnostics);
    assert!(!report.diagnostics.contains("warning"), "{}", report.diagnostics);
}
