//! Files of results: what is written reads back the same, ngspice loads it, plots say what they show.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use memspice::args::{Arg, Args};
use memspice::output::{self, Request, csv, raw, svg};
use memspice::span::Span;
use memspice::wave::compare::{self, Rules};
use memspice::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Header, Sink};
use num_complex::Complex64;

fn column(name: &str, quantity: &str, unit: &str, kind: ColumnKind) -> ColumnInfo {
    ColumnInfo { name: name.into(), quantity: quantity.into(), unit: unit.into(), kind }
}

fn real(name: &str, quantity: &str, unit: &str) -> ColumnInfo {
    column(name, quantity, unit, ColumnKind::Real)
}

fn transient(rows: usize, keys: &[(&str, f64)]) -> Dataset {
    let mut dataset = Dataset::default();
    let header = Header {
        analysis: "tran".into(),
        title: "Transient Analysis".into(),
        columns: vec![
            real("time", "time", "s"),
            real("v(out)", "voltage", "V"),
            real("v(a,b)", "voltage", "V"),
            real("i(x1.r1)", "current", "A"),
            real("x1.state", "", "1"),
        ],
        independent: 1,
        logarithmic: false,
        keys: keys.iter().map(|(k, v)| ((*k).to_string(), *v)).collect(),
    };
    dataset.begin(&header).unwrap();
    for k in 0..rows {
        let t = k as f64 * 1e-7 / 3.0;
        let cells = [t, (t * 1e6).sin(), 1.0 / 3.0, -1e-300 * t, f64::MAX].map(Cell::Real);
        dataset.row(&cells).unwrap();
    }
    dataset
}

fn small_signal() -> Dataset {
    let mut dataset = Dataset::default();
    let header = Header {
        analysis: "ac".into(),
        title: "AC Analysis".into(),
        columns: vec![
            real("frequency", "frequency", "Hz"),
            column("v(out)", "voltage", "V", ColumnKind::Complex),
            column("i(v1)", "current", "A", ColumnKind::Complex),
        ],
        independent: 1,
        logarithmic: true,
        keys: vec![],
    };
    dataset.begin(&header).unwrap();
    for k in 0..31 {
        let f = 10f64.powf(f64::from(k) / 5.0);
        let h = 1.0 / Complex64::new(1.0, f / 1e3);
        dataset.row(&[Cell::Real(f), Cell::Complex(h), Cell::Complex(-h * 1e-3)]).unwrap();
    }
    dataset
}

fn rawfile(datasets: &[&Dataset], encoding: raw::Encoding) -> Vec<u8> {
    let mut plots = raw::Plots::new(Cursor::new(Vec::new()), "a deck", encoding);
    for dataset in datasets {
        dataset.replay(&mut plots).unwrap();
    }
    plots.into_inner().into_inner()
}

fn table(datasets: &[&Dataset]) -> String {
    let mut table = csv::Table::new(Vec::new());
    for dataset in datasets {
        dataset.replay(&mut table).unwrap();
    }
    String::from_utf8(table.into_inner()).unwrap()
}

/// A rawfile keeps names, units, key values and every bit of every number.
#[test]
fn rawfiles_read_back_the_same() {
    let (first, second, third) = (transient(17, &[("rc", 25.0)]), transient(3, &[("rc", 100.0)]), small_signal());
    for encoding in [raw::Encoding::Binary, raw::Encoding::Ascii] {
        let bytes = rawfile(&[&first, &second, &third], encoding);
        let back = output::parse(&bytes).unwrap().results;
        assert_eq!(back.len(), 3, "{encoding:?}");
        for (mut back, written) in back.into_iter().zip([&first, &second, &third]) {
            // "1" is no unit that a rawfile can say.
            if let Some(state) = back.header.columns.iter_mut().find(|c| c.name == "x1.state") {
                state.unit = "1".into();
            }
            assert_eq!(&back, written, "{encoding:?}");
        }
    }
}

#[test]
fn broken_rawfiles_end_in_a_sentence() {
    let whole = rawfile(&[&transient(5, &[])], raw::Encoding::Binary);
    let cut = raw::parse(&whole[..whole.len() - 9]).unwrap_err();
    assert!(cut.contains("plot 1") && cut.contains("5 points of 5 variables"), "{cut}");
    let text = String::from_utf8_lossy(&whole[..40]).to_string();
    assert!(raw::parse(text.as_bytes()).unwrap_err().contains("plot 1"));
    for length in 0..whole.len() {
        // No prefix may panic; only the whole file and the empty one are without fault.
        assert_eq!(raw::parse(&whole[..length]).is_ok(), length == 0, "{length}");
    }
}

fn ngspice(folder: &Path, script: &str) -> Option<String> {
    std::fs::write(folder.join("check.cir"), format!("check\n.control\n{script}\nquit\n.endc\n.end\n")).unwrap();
    let Ok(found) = Command::new("ngspice").args(["-b", "check.cir"]).current_dir(folder).output() else {
        println!("skipped: no ngspice on PATH");
        return None;
    };
    Some(format!("{}{}", String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr)))
}

#[test]
fn ngspice_loads_rawfiles() {
    let folder = tempfile::tempdir().unwrap();
    for (name, encoding) in [("b.raw", raw::Encoding::Binary), ("a.raw", raw::Encoding::Ascii)] {
        let bytes = rawfile(&[&transient(4, &[("rc", 25.0)]), &small_signal()], encoding);
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let script = format!(
            "load {name}\nsetplot\nsetplot tran1\ndisplay\nprint v(out) i(x1.r1) x1.state\n\
             setplot ac1\ndisplay\nprint vm(out)[15] i(v1)[15]"
        );
        let Some(said) = ngspice(folder.path(), &script) else { return };
        assert!(said.contains("Transient Analysis (rc=25)"), "{said}");
        // sin(1e6 * 3 * 1e-7 / 3), as ngspice prints it.
        assert!(said.contains("9.983342e-02"), "{said}");
        // At the corner frequency the gain is 1/sqrt(2).
        assert!(said.contains("7.071068e-01"), "{said}");
        assert!(said.contains("1.797693e+308"), "{said}");
        assert!(!said.to_lowercase().contains("error"), "{said}");
    }
}

#[test]
fn rawfiles_of_ngspice_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let deck = "rc\nv1 in 0 dc 1 ac 1 pulse(0 1 0 1n 1n 1 2)\nr1 in out 1k\nc1 out 0 1n\n.control\n\
                tran 10n 5u\nac dec 5 1k 1meg\nop\nset filetype=ascii\nwrite all.raw tran1.all ac1.all op1.all\n\
                setplot tran1\nset filetype=binary\nwrite bin.raw all\nquit\n.endc\n.end\n";
    std::fs::write(folder.path().join("rc.cir"), deck).unwrap();
    let Ok(_) = Command::new("ngspice").args(["-b", "rc.cir"]).current_dir(folder.path()).output() else {
        println!("skipped: no ngspice on PATH");
        return;
    };
    let all = output::read(&folder.path().join("all.raw")).unwrap().results;
    let kinds: Vec<&str> = all.iter().map(|d| d.header.analysis.as_str()).collect();
    assert_eq!(kinds, ["tran", "ac", "op"]);
    assert_eq!(all[1].header.columns[0].unit, "Hz");
    let binary = &output::read(&folder.path().join("bin.raw")).unwrap().results[0];
    let end = *binary.real("v(out)").unwrap().last().unwrap();
    // 1 - exp(-5), within ngspice's own reltol of 1e-3.
    assert!((end - 0.993262).abs() < 1e-3, "{end}");
}

#[test]
fn tables_read_back_the_same() {
    let mut first = transient(6, &[("rc", 25.0), ("temp", -40.0)]);
    first.segments = vec![(0, "up".into()), (3, "down, again".into())];
    let second = transient(2, &[("rc", 1e-12), ("temp", -40.0)]);
    let text = table(&[&first, &second]);
    let back = output::parse(text.as_bytes()).unwrap();
    assert_eq!(back.results, [first, second]);
    let complex = small_signal();
    assert_eq!(output::parse(table(&[&complex]).as_bytes()).unwrap().results, [complex]);
}

#[test]
fn tables_hold_words_and_gaps() {
    let mut dataset = Dataset::default();
    let columns = vec![real("p", "", ""), column("kind", "", "", ColumnKind::Text), real("y", "", "")];
    dataset.begin(&Header { analysis: "continue".into(), columns, independent: 1, ..Header::default() }).unwrap();
    for (p, kind, y) in [(1.0, "fold, first", f64::INFINITY), (2.0, "Hopf \"h\"", -1e9)] {
        dataset.row(&[Cell::Real(p), Cell::Text(kind.into()), Cell::Real(y)]).unwrap();
    }
    assert_eq!(output::parse(table(&[&dataset]).as_bytes()).unwrap().results, [dataset]);
}

#[test]
fn golden_tables_of_others_are_read() {
    let text = "# origin: closed form\n# tol v(out) abs=1e-6 rel=1e-4\n#align = v(n1) rising mean\ntime, v(out)\n0, 1\n1e-9, 2\n";
    let contents = output::parse(text.as_bytes()).unwrap();
    assert_eq!(contents.notes[1], "tol v(out) abs=1e-6 rel=1e-4");
    assert_eq!(contents.results[0].real("V(OUT)").unwrap(), [1.0, 2.0]);
    assert_eq!(contents.results[0].header.independent, 1);
    let numbers = output::parse(b"0,1\n1,2\n").unwrap_err();
    assert!(numbers.contains("names of columns"), "{numbers}");
    let ragged = output::parse(b"t,v\n0,1\n1\n").unwrap_err();
    assert_eq!(ragged, "line 3: 1 fields where 2 are named");
    let word = output::parse(b"t,v\n0,1\n1,x\n").unwrap_err();
    assert_eq!(word, "line 3: `x` is not a number");
}

#[test]
fn a_run_writes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        folder: folder.path().join("deep/er"),
        stem: "deck".into(),
        title: "a deck".into(),
        dropped: ["V(a,B)", "i(x1.r1)", "x1.state"].map(String::from).to_vec(),
        ..Request::default()
    };
    let formats = ["csv", "raw"].map(str::to_string);
    let mut outputs = output::open(&formats, true, &request).unwrap();
    assert_eq!(outputs.finish().unwrap(), Vec::<std::path::PathBuf>::new());
    // A family of two, then a second card of the same kind.
    for dataset in [transient(3, &[("r", 1.0)]), transient(3, &[("r", 2.0)]), transient(2, &[]), transient(2, &[])] {
        dataset.replay(&mut outputs).unwrap();
    }
    let files = outputs.finish().unwrap();
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["tran.csv", "tran2.csv", "tran3.csv", "deck.raw"]);
    let family = output::read(&files[0]).unwrap().results;
    assert_eq!(family.len(), 2);
    assert_eq!(family[1].header.keys, [("r".to_string(), 2.0)]);
    assert_eq!(family[1].header.columns.len(), 2);
    assert_eq!(output::read(&files[3]).unwrap().results.len(), 4);
    let unknown = output::open(&["xls".to_string()], true, &request).err().unwrap();
    assert!(unknown.contains("xls") && unknown.contains("csv, raw"), "{unknown}");
}

// Plots.

fn drawn(plot: &svg::Plot, datasets: &[&Dataset]) -> String {
    let mut text = Vec::new();
    svg::draw(plot, datasets, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn plot(curves: &[(&str, Option<&str>)]) -> svg::Plot {
    let curves = curves.iter().map(|(y, x)| svg::Curve { y: (*y).into(), x: x.map(str::to_string) }).collect();
    svg::Plot { analysis: None, curves, settings: svg::Settings { title: Some("a plot".into()), ..Default::default() } }
}

fn waveform(columns: &[ColumnInfo], keys: &[(&str, f64)], rows: usize, row: impl Fn(usize) -> Vec<f64>) -> Dataset {
    let mut dataset = Dataset::default();
    let keys = keys.iter().map(|(k, v)| ((*k).to_string(), *v)).collect();
    let header = Header { analysis: "tran".into(), columns: columns.to_vec(), independent: 1, keys, ..Header::default() };
    dataset.begin(&header).unwrap();
    for k in 0..rows {
        dataset.row(&row(k).into_iter().map(Cell::Real).collect::<Vec<_>>()).unwrap();
    }
    dataset
}

/// All words of a plot.
fn words(text: &str) -> Vec<String> {
    let pieces = text.split("<text").skip(1);
    pieces.filter_map(|p| Some(p.split_once(">\n")?.1.split_once("\n</text>")?.0.to_string())).collect()
}

/// All points of its lines, in tenths of pixels; frames left out.
fn points(text: &str) -> Vec<Vec<(f64, f64)>> {
    let lines = text.split("<polyline").skip(1).filter_map(|p| Some(p.split_once("points=\"")?.1.split_once('"')?.0));
    let point = |p: &str| p.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
    let lines = lines.map(|l| l.split_whitespace().filter_map(point).collect::<Vec<_>>());
    lines.filter(|l| l.len() != 5 || l[0] != l[4]).collect()
}

#[test]
fn plots_say_what_they_show() {
    let columns = [real("time", "time", "s"), real("v(out)", "voltage", "V"), real("i(r1)", "current", "A")];
    let rc = |k: usize, r: f64| {
        let t = k as f64 * 1e-8;
        vec![t, 1.0 - (-t / (r * 1e-8)).exp(), 4e-4 * (-t / (r * 1e-8)).exp()]
    };
    let family: Vec<Dataset> = [25.0, 2500.0].iter().map(|r| waveform(&columns, &[("rc", *r)], 300, |k| rc(k, *r))).collect();
    let text = drawn(&plot(&[("v(out)", None), ("i(r1)", None)]), &family.iter().collect::<Vec<_>>());
    let words = words(&text);
    for expected in ["a plot", "time (us)", "v(out) (V)", "i(r1) (uA)", "rc=25", "rc=2500", "1.0", "400"] {
        assert!(words.iter().any(|w| w == expected), "{expected} is not in {words:?}");
    }
    // The legend stands once, not for each panel.
    assert_eq!(words.iter().filter(|w| *w == "rc=25").count(), 1);
    assert!(text.starts_with("<svg width=\"") && text.trim_end().ends_with("</svg>"));
}

#[test]
fn bode_plots_have_decibels_and_degrees() {
    let text = drawn(&plot(&[("v(out)", None)]), &[&small_signal()]);
    let words = words(&text);
    for expected in ["frequency (Hz)", "v(out) (dB)", "phase (deg)", "1k", "100k", "\u{2212}90"] {
        assert!(words.iter().any(|w| w == expected), "{expected} is not in {words:?}");
    }
}

#[test]
fn tiny_ranges_count_from_an_offset() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V")];
    let tiny = waveform(&columns, &[], 100, |k| vec![k as f64, 0.29535 + 1e-7 * k as f64]);
    let words = words(&drawn(&plot(&[("v(a)", None)]), &[&tiny]));
    assert!(words.contains(&"v(a) \u{2212} 295.35 mV (uV)".to_string()), "{words:?}");
    assert!(words.contains(&"2".to_string()), "{words:?}");
}

/// A million points with one spike in one sample: the spike is there, the file is small.
#[test]
fn decimation_keeps_extremes() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V"), real("v(b)", "voltage", "V")];
    let spike = 777_777;
    let long = waveform(&columns, &[], 1_000_000, |k| {
        let noise = (k.wrapping_mul(2_654_435_761) % 1000) as f64 / 1000.0;
        vec![k as f64, if k == spike { 50.0 } else { noise }, if k == spike + 1 { -50.0 } else { -noise }]
    });
    let text = drawn(&plot(&[("v(a)", None), ("v(b)", None)]), &[&long]);
    assert!(text.len() < 200_000, "{} bytes", text.len());
    let lines: Vec<(f64, f64)> = points(&text).concat();
    let ys = || lines.iter().map(|p| p.1);
    let (high, low) = (ys().fold(f64::MAX, f64::min), ys().fold(0.0, f64::max));
    // Both spikes stand out of the noise over nearly the whole panel of 380 pixels (a twelfth is margin), symmetrically.
    assert!(low - high > 3300.0, "{high} {low}");
    let at = |y: f64| lines.iter().find(|p| p.1 == y).unwrap().0;
    assert!((at(high) - at(low)).abs() < 15.0, "{} {}", at(high), at(low));
}

/// A thousand turns of the same loop are drawn once, and no point of it is lost.
#[test]
fn loops_are_drawn_once() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V"), real("i(x1)", "current", "A")];
    // 157 is not a divisor: every turn has other points.
    let turns = waveform(&columns, &[], 500_000, |k| {
        let t = k as f64 / 157.0;
        vec![t, t.sin(), 1e-3 * t.cos()]
    });
    let text = drawn(&plot(&[("i(x1)", Some("v(a)"))]), &[&turns]);
    assert!(text.len() < 20_000, "{} bytes", text.len());
    let (words, lines) = (words(&text), points(&text).concat());
    assert!(words.contains(&"v(a) (V)".to_string()) && words.contains(&"i(x1) (mA)".to_string()), "{words:?}");
    let circle: Vec<&(f64, f64)> = lines.iter().collect();
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let values = || circle.iter().map(|p| pick(p));
        (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max))
    };
    let (x, y) = (range(|p| p.0), range(|p| p.1));
    // Every direction has a point of the ellipse within 12 degrees: nothing was cut out.
    let angles: Vec<f64> = circle
        .iter()
        .map(|p| ((p.1 - (y.0 + y.1) / 2.0) / (y.1 - y.0)).atan2((p.0 - (x.0 + x.1) / 2.0) / (x.1 - x.0)).to_degrees())
        .collect();
    for direction in (-180..180).step_by(12) {
        let near = |a: &f64| (a - f64::from(direction) + 540.0).rem_euclid(360.0) - 180.0;
        assert!(angles.iter().any(|a| near(a).abs() < 12.0), "nothing at {direction} degrees");
    }
}

/// A loop that creeps sideways by less than a pixel a turn sweeps an area, and all of it is drawn.
#[test]
fn creeping_loops_fill_their_area() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V"), real("i(x1)", "current", "A")];
    let creeping = waveform(&columns, &[], 200_000, |k| {
        let t = k as f64 / 100.0;
        let v = (std::f64::consts::TAU * t).sin();
        vec![t, v, v * (1.0 + t / 2000.0)]
    });
    let text = drawn(&plot(&[("i(x1)", Some("v(a)"))]), &[&creeping]);
    assert!(text.len() < 200_000, "{} bytes", text.len());
    // Where the lines end on the right, at v = 1: from i = 1 to 2, a quarter of the panel without margins.
    let ends = points(&text).concat();
    let right = ends.iter().map(|p| p.0).fold(0.0, f64::max);
    let mut heights: Vec<f64> = ends.iter().filter(|p| p.0 > right - 30.0).map(|p| p.1).collect();
    heights.sort_by(f64::total_cmp);
    assert!(heights[heights.len() - 1] - heights[0] > 900.0, "{heights:?}");
    let gap = heights.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
    // Lines are 1.6 pixels wide.
    assert!(gap < 30.0, "a gap of {gap} tenths of a pixel");
}

#[test]
fn a_straightened_line_stays_within_its_tolerance() {
    let wave: Vec<(f64, f64)> = (0..4000).map(|k| (f64::from(k) * 0.2, 100.0 * (f64::from(k) * 0.01).sin())).collect();
    let back: Vec<(f64, f64)> = (0..200).map(|k| (f64::from((k * 37) % 101), f64::from(k % 3))).collect();
    for line in [wave, back] {
        let few = svg::thin::straighten(&line, 0.15);
        let distance = |p: &(f64, f64), a: &(f64, f64), b: &(f64, f64)| {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let w = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            (p.0 - a.0 - w * dx).hypot(p.1 - a.1 - w * dy)
        };
        for p in &line {
            let nearest = few.windows(2).map(|s| distance(p, &s[0], &s[1])).fold(f64::MAX, f64::min);
            assert!(nearest <= 0.15 + 1e-9, "{p:?} is {nearest} away");
        }
        assert!(few.len() < line.len());
    }
}

#[test]
fn plots_of_a_run_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { folder: folder.path().into(), stem: "deck".into(), title: "A deck".into(), ..Request::default() };
    let mut outputs = output::open(&["svg".to_string()], true, &request).unwrap();
    transient(30, &[]).replay(&mut outputs).unwrap();
    small_signal().replay(&mut outputs).unwrap();
    let files = outputs.finish().unwrap();
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["tran.svg", "ac.svg"]);
    assert!(words(&std::fs::read_to_string(&files[0]).unwrap()).contains(&"A deck".to_string()));
    let missing = svg::draw(&plot(&[("v(nowhere)", None)]), &[&transient(3, &[])], &mut Vec::new());
    assert!(missing.unwrap_err().to_string().contains("columns"));
}

#[test]
fn settings_come_from_the_card() {
    let arg = |name: Option<&str>, text: &str| Arg {
        name: name.map(str::to_string),
        text: text.into(),
        number: memspice::units::number(text),
        span: Span::default(),
    };
    let card = |items: Vec<Arg>| Args { keyword: "plot".into(), span: Span::default(), items };
    let items = vec![arg(None, "v(a)"), arg(None, "xlog"), arg(Some("title"), "Two words"), arg(Some("ymax"), "2m")];
    let settings = svg::Settings::from_args(&card(items)).unwrap();
    assert_eq!((settings.title.as_deref(), settings.xlog, settings.ylog), (Some("Two words"), true, false));
    assert_eq!(settings.y, (None, Some(2e-3)));
    let unknown = svg::Settings::from_args(&card(vec![arg(Some("colour"), "red")])).unwrap_err();
    assert!(unknown.message.contains("colour"));
    assert!(svg::Settings::from_args(&card(vec![arg(Some("xmin"), "left")])).is_err());
}

/// Range, unit, logarithmic; label and first tick of the axis.
#[test]
fn axes_have_one_prefix_and_round_ticks() {
    let cases: [(f64, f64, &str, bool, &str, &str); 12] = [
        (0.0, 2e-5, "s", false, "x (us)", "0"),
        (0.0, 0.8, "V", false, "x (V)", "0"),
        (0.0, 0.3, "V", false, "x (mV)", "0"),
        (-3e-4, 3e-4, "A", false, "x (uA)", "\u{2212}300"),
        (295.0, 383.0, "K", false, "x (K)", "300"),
        (0.0, 5000.0, "s", false, "x (s)", "0"),
        (0.0, 4.7e6, "ohm", false, "x (M\u{3a9})", "0"),
        (0.0, 2e-9, "1", false, "x (\u{d7}10\u{207b}\u{2079})", "0"),
        (-40.0, 125.0, "degC", false, "x (\u{b0}C)", "0"),
        (5.0, 5.0, "V", false, "x (V)", "4.6"),
        (0.0, 6.0, "Hz", true, "x (Hz)", "1"),
        (1e-3, 1e-3 + 1e-8, "s", false, "x \u{2212} 1 ms (ns)", "0"),
    ];
    for (low, high, unit, log, label, first) in cases {
        let wish = svg::axis::Wish {
            range: Some((low, high)),
            fixed: (None, None),
            log,
            symlog: None,
            whole: false,
            name: "x".into(),
            unit: unit.into(),
            ticks: 6.0,
            margin: 0.0,
        };
        let axis = svg::axis::layout(&wish);
        assert_eq!((axis.label.as_str(), axis.ticks[0].1.as_str()), (label, first), "{axis:?}");
        assert!((2..=12).contains(&axis.ticks.len()), "{axis:?}");
    }
}

/// Limits of the card are what is resolved, however small a part of the waveform they show.
#[test]
fn zooms_are_as_fine_as_the_data() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V")];
    let long = waveform(&columns, &[], 400_000, |k| vec![k as f64, (k as f64 / 10.0).sin()]);
    let mut zoom = plot(&[("v(a)", None)]);
    zoom.settings.x = (Some(200_000.0), Some(200_063.0));
    let lines = points(&drawn(&zoom, &[&long]));
    // One period of 63 samples: a smooth line of one piece over the whole width of 760 pixels.
    let longest = lines.iter().max_by_key(|l| l.len()).unwrap();
    assert!(longest.len() > 15, "{}", longest.len());
    assert!((longest[longest.len() - 1].0 - longest[0].0 - 7600.0).abs() < 10.0);
}

// Comparison.

fn columns_of(names: &[&str], rows: usize, row: impl Fn(usize) -> Vec<f64>) -> Dataset {
    let columns: Vec<ColumnInfo> = names.iter().map(|n| real(n, "", "")).collect();
    waveform(&columns, &[], rows, row)
}

#[test]
fn waveforms_are_compared_at_the_golden_points() {
    let golden = columns_of(&["time", "v(a)"], 11, |k| vec![k as f64, (k * k) as f64]);
    // Interpolation on a grid of half steps: exact at golden points, whatever lies between.
    let fine = columns_of(&["time", "V(A)"], 21, |k| {
        let t = k as f64 / 2.0;
        vec![t, t * t + if k % 2 == 1 { 5.0 } else { 0.0 }]
    });
    let same = compare::compare(&golden, &fine, &Rules::relative(0.0)).unwrap();
    assert!(same.passed(), "{same}");
    // One point is off by 0.3 of a full scale of 100.
    let off = columns_of(&["time", "v(a)"], 11, |k| vec![k as f64, (k * k) as f64 + if k == 7 { 0.3 } else { 0.0 }]);
    let verdict = compare::compare(&golden, &off, &Rules::relative(2.9e-3)).unwrap();
    assert!(!verdict.passed());
    assert_eq!((verdict.verdicts[0].name.as_str(), verdict.verdicts[0].at), ("v(a)", 7.0));
    assert!((verdict.verdicts[0].difference - 0.3).abs() < 1e-12);
    assert!(compare::compare(&golden, &off, &Rules::relative(3.1e-3)).unwrap().passed());
    // What ends early, or is not a number, differs.
    let short = columns_of(&["time", "v(a)"], 10, |k| vec![k as f64, (k * k) as f64]);
    assert!(!compare::compare(&golden, &short, &Rules::relative(1.0)).unwrap().passed());
    let gap = columns_of(&["time", "v(a)"], 11, |k| vec![k as f64, if k == 3 { f64::NAN } else { (k * k) as f64 }]);
    assert!(!compare::compare(&golden, &gap, &Rules::relative(1.0)).unwrap().passed());
}

#[test]
fn branches_are_held_against_the_branch_of_the_same_label() {
    // y = sqrt(x) and y = -sqrt(x): each value stands on one of them.
    let branches = |first: &str, second: &str| {
        let mut both = columns_of(&["x", "y"], 6, |k| {
            let x = (k % 3) as f64;
            vec![x, if k < 3 { x.sqrt() } else { -x.sqrt() }]
        });
        both.segments = vec![(0, first.to_string()), (3, second.to_string())];
        both
    };
    let (golden, rules) = (branches("upper", "lower"), Rules::relative(0.0));
    assert!(compare::compare(&golden, &branches("upper", "lower"), &rules).unwrap().passed());
    let exchanged = compare::compare(&golden, &branches("lower", "upper"), &rules).unwrap();
    assert!(!exchanged.passed());
    assert_eq!(exchanged.verdicts.len(), 2);
    let missing = compare::compare(&golden, &branches("upper", "middle"), &rules).unwrap_err();
    assert_eq!(missing, "the other result has no segment `lower`; it has upper, middle");
    // Without labels any branch that passes the point counts.
    let bare = Dataset { segments: Vec::new(), ..branches("", "") };
    assert!(compare::compare(&golden, &bare, &rules).unwrap().passed());
}

#[test]
fn a_result_is_held_against_the_one_with_its_abscissa() {
    let points = columns_of(&["point", "y"], 1, |_| vec![1.0, 7.0]);
    let course = columns_of(&["time", "y"], 2, |k| vec![k as f64, 3.0]);
    let rules = Rules::relative(0.0);
    let given = [points, course.clone()];
    assert!(compare::all(&[course], &given, &rules).unwrap().passed());
    // A name that nothing has: in order.
    let foreign = columns_of(&["sweep", "y"], 1, |_| vec![1.0, 7.0]);
    assert!(compare::all(&[foreign], &given, &rules).unwrap().passed());
}

#[test]
fn edges_may_be_shifted_if_the_rules_say_so() {
    let edge = |at: f64| {
        columns_of(&["time", "v(a)"], 1001, move |k| {
            let t = k as f64 / 1000.0;
            vec![t, if t < at { 0.0 } else { 1.0 }]
        })
    };
    let rules = |shift: &str| Rules::from_notes(&[format!("tol rel=1e-3 {shift}")], 0.0).unwrap();
    assert!(!compare::compare(&edge(0.5), &edge(0.508), &rules("")).unwrap().passed());
    assert!(!compare::compare(&edge(0.5), &edge(0.508), &rules("shift=0.005")).unwrap().passed());
    assert!(compare::compare(&edge(0.5), &edge(0.508), &rules("shift=0.01")).unwrap().passed());
}

#[test]
fn folded_sweeps_are_compared_branch_by_branch() {
    // x = y^3 - y has three values of y for small x.
    let curve = |rows: usize| {
        columns_of(&["v1", "y"], rows, move |k| {
            let y = -1.5 + 3.0 * k as f64 / (rows - 1) as f64;
            vec![y * y * y - y, y]
        })
    };
    // Interpolation error of the fine one next to the folds, where y is a root of x: sqrt(step^2 / 8) at most.
    let verdict = compare::compare(&curve(61), &curve(6001), &Rules::relative(1e-4)).unwrap();
    assert!(verdict.passed(), "{verdict}");
}

/// Two oscillations that differ in phase only are equal; period, amplitude and shape are told apart.
#[test]
fn oscillations_are_aligned() {
    let wave = |period: f64, phase: f64, amplitude: f64, third: f64, end: f64| {
        columns_of(&["time", "v(n1)", "x1.t"], 4000, move |k| {
            let t = end * k as f64 / 3999.0;
            let a = std::f64::consts::TAU * (t / period + phase);
            // A start that is not periodic yet.
            let start = 1.0 - (-t / 2.0).exp();
            vec![t, start * amplitude * (a.sin() + third * (3.0 * a).sin()), 300.0 + start * 20.0 * a.cos()]
        })
    };
    let golden = {
        let long = wave(1.0, 0.0, 1.0, 0.2, 40.0);
        columns_of(&["time", "v(n1)", "x1.t"], 400, |k| (0..3).map(|c| long.columns[c].real()[3599 + k]).collect())
    };
    let notes = ["tol v(n1) rel=5e-3", "tol x1.t abs=0.1", "tol period rel=5e-4", "align = v(n1) rising mean"].map(str::to_string);
    let rules = Rules::from_notes(&notes, 0.0).unwrap();
    let check = |other: &Dataset| compare::compare(&golden, other, &rules).unwrap();
    let shifted = check(&wave(1.0, 0.37, 1.0, 0.2, 50.0));
    assert!(shifted.passed(), "{shifted}");
    let names: Vec<&str> = shifted.verdicts.iter().map(|v| v.name.as_str()).collect();
    assert!(names.contains(&"period") && names.contains(&"x1.t maximum") && names.contains(&"v(n1) over one period"));
    let worst = |c: &compare::Comparison| c.verdicts[0].name.clone();
    let slow = check(&wave(1.001, 0.37, 1.0, 0.2, 50.0));
    assert!(!slow.passed() && worst(&slow) == "period", "{slow}");
    let large = check(&wave(1.0, 0.1, 1.02, 0.2, 50.0));
    assert!(!large.passed() && large.verdicts.iter().any(|v| v.name == "v(n1) maximum" && v.badness > 1.0), "{large}");
    let shaped = check(&wave(1.0, 0.1, 1.0, 0.25, 50.0));
    assert!(!shaped.passed());
    let still = columns_of(&["time", "v(n1)", "x1.t"], 10, |k| vec![k as f64, 0.0, 300.0]);
    assert!(compare::compare(&golden, &still, &rules).unwrap_err().contains("no period"));
    assert!(Rules::from_notes(&["align = v(n1) sideways".to_string()], 0.0).is_err());
    assert!(Rules::from_notes(&["tol v(a) relative=1".to_string()], 0.0).unwrap_err().contains("relative"));
}

#[test]
fn families_are_compared_member_by_member() {
    let member = |rc: f64, v: f64| waveform(&[real("time", "", ""), real("v(a)", "", "")], &[("rc", rc)], 3, |k| vec![k as f64, v]);
    let (a, b) = (member(1.0, 5.0), member(2.0, 6.0));
    let rules = Rules::relative(1e-6);
    // Order does not matter, key values do.
    assert!(compare::all(&[a.clone(), b.clone()], &[b.clone(), a.clone()], &rules).unwrap().passed());
    assert!(compare::all(&[a.clone(), b], &[a], &rules).unwrap_err().contains("rc"));
}

// Whatever comes in.

/// A small generator with a fixed seed (xorshift, Marsaglia 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn damaged_files_end_in_a_sentence_or_a_result() {
    let mut state = 1;
    let raws = [raw::Encoding::Binary, raw::Encoding::Ascii].map(|e| rawfile(&[&transient(3, &[("r", 1.0)]), &small_signal()], e));
    let text = table(&[&transient(3, &[("r", 1.0)])]).into_bytes();
    for whole in [&raws[0], &raws[1], &text] {
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(&mut state) % 4 {
                let at = random(&mut state) as usize % bytes.len();
                match random(&mut state) % 3 {
                    0 => bytes[at] = random(&mut state) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"0123456789\n\t:#,\"ex"[random(&mut state) as usize % 18]),
                }
            }
            // Whatever it says, it must say it.
            let _ = output::parse(&bytes);
        }
    }
    for garbage in [&b""[..], b"\n\n", b"# only a head\n", b"\xff\xfe\x00", b"Title:", b"title: x\nNo. Points: 99999999999999\n"] {
        let _ = output::parse(garbage);
    }
}

#[test]
fn any_numbers_can_be_drawn() {
    let odd =
        [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1.0, -1e-9, 1e9];
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V"), real("i(b)", "current", "A")];
    let mut state = 7;
    for round in 0..200 {
        let mut pick = || odd[random(&mut state) as usize % odd.len()];
        let rows: Vec<Vec<f64>> = (0..1 + round % 40).map(|_| vec![pick(), pick(), pick()]).collect();
        let dataset = waveform(&columns, &[], rows.len(), |k| rows[k].clone());
        for mut plot in [plot(&[("v(a)", None), ("i(b)", None)]), plot(&[("v(a)", Some("i(b)"))])] {
            plot.settings.xlog = round % 2 == 0;
            plot.settings.ylog = round % 3 == 0;
            plot.settings.x.0 = (round % 5 == 0).then(&mut pick);
            plot.settings.y.1 = (round % 7 == 0).then(&mut pick);
            let text = drawn(&plot, &[&dataset]);
            assert!(text.len() < 100_000 && !text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

/// More rows than a run has buckets, at one time or at times that overflow: memory and time stay bounded.
#[test]
fn degenerate_abscissae_can_be_drawn() {
    let columns = [real("time", "time", "s"), real("v(a)", "voltage", "V")];
    let times: [fn(usize) -> f64; 4] =
        [|_| 1.0, |k| (k as f64 - 10_000.0) * 1.7e304, |k| (k as f64) * 5e-324, |k| if k % 2 == 0 { 0.0 } else { 1.0 }];
    for time in times {
        let dataset = waveform(&columns, &[], 20_000, |k| vec![time(k), (k % 7) as f64]);
        for plot in [plot(&[("v(a)", None)]), plot(&[("v(a)", Some("time"))])] {
            assert!(drawn(&plot, &[&dataset]).len() < 200_000);
        }
    }
}

/// The phases are parts of the whole, and the numbers are those of the report.
#[test]
fn stats_say_what_a_run_cost() {
    let folder = tempfile::tempdir().unwrap();
    let deck = folder.path().join("rc.cir");
    std::fs::write(&deck, "rc\nV1 a 0 1\nR1 a b 1k\nC1 b 0 1n\n.tran 1n 5u uic\n.op\n.end\n").unwrap();
    let stats = folder.path().join("stats.json");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_memspice"))
        .args(["--format", "csv", "--stats"])
        .args([&stats, &deck])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0));
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("cost: ") && last.contains(" s CPU") && last.contains(" s wall"), "{last}");
    let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&stats).unwrap()).unwrap();
    let total = read["total"]["wall"].as_f64().unwrap();
    let phases = read["phases"].as_object().unwrap();
    assert_eq!(phases.len(), 7);
    let sum: f64 = phases.values().map(|p| p["wall"].as_f64().unwrap()).sum();
    // Phases do not overlap, and hardly anything lies between them.
    assert!(sum <= total && phases["transient"]["wall"].as_f64().unwrap() > 0.0, "{read}");
    assert_eq!((read["exit"].as_u64(), read["unknowns"].as_u64(), read["devices"].as_u64()), (Some(0), Some(3), Some(2)));
    let tran = &read["analyses"][0];
    assert_eq!(tran["analysis"], "tran");
    assert!(text.contains(&format!("{} points, {} steps accepted", tran["points"], tran["accepted"])), "{text}");
    assert!(cfg!(not(target_os = "linux")) || read["peak_memory"].as_u64().unwrap() > 1 << 20);
}
