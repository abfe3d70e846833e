//! `memspice models`: the table, pages of models and cards, attributes of modules, json, portraits.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use memspice::catalogue::{self, cards};
use memspice::portrait;
use memspice::span::{MemoryFiles, Sources};
use rayon::prelude::*;

fn memspice(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_memspice")).args(arguments).current_dir(folder).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// A filament that anybody understands: what the front end must carry from attributes to the page.
const MODEL: &str = "// A slow memristor.\n//\n//   dx/dt = k v\n//\n// Source: A. Nobody, B. Else, J. Tests 1, 2 (2019).\n\
(* desc = \"a slow one\", class = \"nonvolatile bipolar\", passive = 1, pinched = 1, covers = \"D1 A-D2\",\n   portrait = \"amplitude=1 frequency=1k\" *)\n\
module slow_one(p, n);\n inout p, n;\n electrical p, n;\n parameter real k = 1e3 from (0:inf); // speed, 1/(V s)\n\
 (* type = \"instance\" *) parameter real x0 = 0.5 from [0:1]; // state at the start\n\
 (* hold = \"x0\", abstol = \"1e-9\", lower = 0, upper = 1 *) electrical x;\n\
 (* desc = \"conductance\", units = \"S\" *) real g;\n analog begin\n  g = 1e-4 + 1e-3 * max(0, min(1, V(x)));\n  I(p, n) <+ g * V(p, n);\n\
  I(x) <+ ddt(V(x)) - k * V(p, n);\n end\nendmodule\n";

#[test]
fn attributes_of_modules_reach_the_model() {
    let mut sources = Sources::new(Box::new(MemoryFiles::default()));
    let file = sources.add(Path::new("slow.va"), format!("`include \"disciplines.vams\"\n{}", &MODEL));
    let (models, said) = memspice::model::library::compile(&mut sources, file, &[]);
    assert!(!memspice::diag::has_errors(&said), "{}", memspice::diag::render(&said, &sources, false));
    let model = &models[0];
    assert_eq!(model.attribute("desc"), "a slow one");
    assert_eq!((model.attribute("passive"), model.attribute("nothing")), ("1", ""));
}

#[test]
fn models_and_cards_have_pages() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir_all(models.join("redox")).unwrap();
    std::fs::create_dir_all(models.join("cards")).unwrap();
    std::fs::write(models.join("redox/slow_one.va"), MODEL.replacen("(* desc", "`include \"disciplines.vams\"\n(* desc", 1))
        .unwrap();
    std::fs::write(
        models.join("cards/slow.lib"),
        "* head\n\n* Its twin, ten times as fast.\n.model fast_one slow_one(k=1e4\n+ x0 = {0.1})\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_memspice"));
        let output = command.args(arguments).current_dir(folder.path()).env("MEMSPICE_MODELS", &models).output().unwrap();
        (
            output.status.code().unwrap(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let (code, table) = run(&["models"]);
    assert_eq!(code, 0, "{table}");
    let line = table.lines().find(|l| l.contains("slow_one")).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(line, "slow_one nonvolatile bipolar p n x 2 1 Nobody 2019 a slow one");
    let (code, page) = run(&["models", "slow_one"]);
    assert_eq!(code, 0, "{page}");
    for part in [
        "nonvolatile bipolar; passive; its loops pass through the origin; covers D1 A-D2",
        "dx/dt = k v",
        "0 to 1         held at x0 in operating points and sweeps",
        "(0:inf)",
        "state at the start (of an instance)",
        "@x[g]  conductance (S)",
        "fast_one  Its twin, ten times as fast.",
        "in a deck: X1 p n slow_one [x0=...]",
    ] {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
    let (code, page) = run(&["models", "FAST_ONE"]);
    assert!(
        code == 0 && page.contains("card fast_one") && page.contains("= 1e4 *") && page.contains("module slow_one(p, n)"),
        "{page}"
    );
    let (_, json) = run(&["models", "slow_one", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["cards"][0]["values"]["x0"], "{0.1}");
    assert_eq!((&json["states"][0]["held"], &json["states"][0]["start"]), (&true.into(), &"x0".into()));
    assert_eq!(json["covers"], serde_json::json!(["D1", "A-D2"]));
    let (code, text) = run(&["models", "fast_on"]);
    assert!(code == 2 && text.contains("did you mean `fast_one`?"), "{text}");
    portraits_of(folder.path(), &run);
}

fn portraits_of(folder: &Path, run: &dyn Fn(&[&str]) -> (i32, String)) {
    let (code, text) = run(&["models", "slow_one", "--iv", "--drm", "--pulse", "-o", "p", "--set", "x0=0.2"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("amplitude 1 V, frequency 1 kHz; pulses of 5 us, read at 100 mV"), "{text}");
    assert!(text.contains("v1 = 0: every state rests (nonvolatile)"), "{text}");
    // 20 pulses of 4.95 uVs at 1e3/(V s), the first reading included.
    assert!(text.contains("conductance: 300 uS at the start") && text.contains("after 20 pulses"), "{text}");
    for file in
        ["iv.svg", "iv-states.svg", "drm-x.svg", "pulse.svg", "pulse-states.svg", "pulse.csv", "iv.cir", "drm-x.cir", "pulse.cir"]
    {
        assert!(folder.join("p").join(file).metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    let pulse = &memspice::output::read(&folder.join("p/pulse.csv")).unwrap().results[0];
    let g = pulse.real("conductance").unwrap();
    assert_eq!(g.len(), 41);
    let end = 1e-4 + 1e-3 * (0.2 + 20.0 * 1e3 * 0.99 * 5e-6 + 20.0 * 1e2 * 0.99 * 5e-6);
    assert!((g[20] / end - 1.0).abs() < 2e-3, "{} instead of {end}", g[20]);
    assert!(g[40] < g[20] && g.windows(2).take(20).all(|w| w[1] > w[0]));
    let (code, text) = run(&["models", "slow_one", "--iv", "-o", "q", "--frequency", "0"]);
    assert!(code == 2 && text.contains("expected a positive number"), "{text}");
    let (code, text) = run(&["models", "slow_one", "--iv", "-o", "q", "--set", "kk=1"]);
    assert!(code == 2 && text.contains("kk"), "{text}");
}

#[test]
fn what_has_no_portrait_is_refused_and_wrong_arguments_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, why) in
        [("joule", "stands between other parts"), ("pulse_train", "drives a circuit"), ("mutual", "couples two inductors")]
    {
        let (code, text) = memspice(folder.path(), &["models", name, "--iv"]);
        assert!(code == 2 && text.contains("no portrait:") && text.contains(why), "{text}");
    }
    for (words, why) in [("drive=x", "no terminal `x`"), ("speed=2", "`speed`"), ("drive=g read_at=d low=5", "amplitude = ")] {
        let (code, text) = memspice(folder.path(), &["models", "nmos", "--iv", "--portrait", words]);
        assert!(code == 2 && text.contains(why), "{text}");
    }
    let (code, text) = memspice(folder.path(), &["models", "--iv"]);
    assert!(code == 2 && text.contains("<NAME>"), "{text}");
    assert!(portrait::settings_of("amplitude=1 speed=2").unwrap_err().contains("`speed`"));
    assert!(portrait::settings_of("amplitude=x").unwrap_err().contains("`x` is not a number"));
    assert_eq!(portrait::settings_of("amplitude=1 frequency=1meg").unwrap().frequency, Some(1e6));
}

/// Every model of the library draws its portraits, or says in a sentence why it has none; nothing fails, and pulses move something.
#[test]
fn all_models_have_portraits_or_say_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let (items, _) = catalogue::Catalogue::new().all();
    let names: Vec<String> = items.iter().map(|i| i.model.name.clone()).collect();
    let wrong: Vec<String> = names.par_iter().filter_map(|name| portraits_of_model(folder.path(), name).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for card in items.iter().flat_map(|i| &i.cards) {
        let words = card.comment.split_once("portrait:").map_or("", |(_, words)| words);
        assert!(portrait::settings_of(words).is_ok(), "{}: {:?}", card.name, portrait::settings_of(words));
    }
}

fn portraits_of_model(folder: &Path, name: &str) -> Result<(), String> {
    // Thermal noise of a macrospin takes seconds: here its field is left out.
    let sets = if name == "mtj_llg" { vec![("dt".to_string(), "0".to_string())] } else { Vec::new() };
    let output = Some(folder.join(name));
    let options = portrait::Options { iv: true, drm: true, pulse: true, output, sets, ..portrait::Options::default() };
    let report = portrait::portraits(name, &options, &AtomicBool::new(false));
    let said = format!("{name}: exit {}\n{}{}", report.exit, report.text, report.diagnostics);
    if report.exit == 2 && report.diagnostics.contains("no portrait: ") && report.files.is_empty() {
        return Ok(());
    }
    let pictures: Vec<_> = report.files.iter().filter(|f| f.extension().is_some_and(|e| e == "svg")).collect();
    let empty = pictures.iter().find(|f| f.metadata().map_or(0, |m| m.len()) < 1000);
    if report.exit != 0 || !report.diagnostics.is_empty() || pictures.is_empty() || empty.is_some() {
        return Err(said);
    }
    let Some(pulses) = report.files.iter().find(|f| f.ends_with("pulse.csv")) else { return Ok(()) };
    let readings = &memspice::output::read(pulses).map_err(|e| format!("{name}: {e}"))?.results[0];
    let moves = readings.columns.iter().skip(1).map(|c| c.real()).any(|values| {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        high - low > 1e-3 * high.abs().max(low.abs())
    });
    if moves { Ok(()) } else { Err(format!("{said}\nno pulse moves anything")) }
}

/// A transistor is driven at its gate and read at its drain.
#[test]
fn gates_are_driven_and_drains_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = memspice(folder.path(), &["models", "fefet", "--iv", "--pulse", "-o", "p"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("amplitude 4.5 V at g, frequency 100 kHz; pulses of 50 ns, read at 100 mV"), "{text}");
    let deck = std::fs::read_to_string(folder.path().join("p/iv.cir")).unwrap();
    assert!(deck.contains("VR d 0 1e-1\nX1 d g 0 0 fefet\n") && deck.contains("i(x1.d) vs v(g)"), "{deck}");
    let pulse = &memspice::output::read(&folder.path().join("p/pulse.csv")).unwrap().results[0];
    let g = pulse.real("conductance").unwrap();
    assert!(g[20] > 1e3 * g[0] && g[20] > 1e3 * g[40], "{} {} {}", g[0], g[20], g[40]);
}

/// Amplitude and frequency that nobody says are found: the state of the model moves over a good part of its range.
#[test]
fn trials_find_how_to_drive_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = memspice(folder.path(), &["models", "ion_drift", "--iv", "-o", "out", "--set", "x0=0.3"]);
    assert_eq!(code, 0, "{text}");
    assert!(folder.path().join("out/iv.svg").exists(), "{text}");
}

#[test]
fn cards_are_read_with_their_comments() {
    let text = "* all\n\n* One\n* device.\n.model a mod(x=1 y = {2*k}\n+ z=\"a b\")\n.model b mod\n* last\n.MODEL c  other (q=3)\n";
    let found = cards::read("f.lib", text);
    let names: Vec<(&str, &str, &str)> = found.iter().map(|c| (c.name.as_str(), c.module.as_str(), c.comment.as_str())).collect();
    assert_eq!(names, [("a", "mod", "One device."), ("b", "mod", ""), ("c", "other", "last")]);
    let values: Vec<(&str, &str)> = found[0].values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(values, [("x", "1"), ("y", "{2*k}"), ("z", "\"a b\"")]);
    assert_eq!(found[2].values, [("q".to_string(), "3".to_string())]);
}

/// Every model of the library has a line in the table and compiles.
#[test]
fn the_whole_library_is_listed() {
    let (items, said) = catalogue::Catalogue::new().all();
    assert!(said.is_empty(), "{said}");
    assert!(items.len() > 30);
    let report = catalogue::models(None, false);
    assert!(items.iter().all(|i| report.text.contains(&i.model.name)));
    let wrong: Vec<&str> = items
        .iter()
        .flat_map(|i| &i.cards)
        .filter(|c| c.values.iter().any(|(n, _)| n.is_empty()))
        .map(|c| c.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
