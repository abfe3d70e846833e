//! Time and memory of crossbars over N, with logarithmic axes and the exponents of the fitted power laws.

use std::fs;
use std::path::Path;

use memspice::output::svg::{self, Curve, Plot, Settings};
use memspice::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Header, Sink};

use super::arguments::Arguments;
use super::cases::{Case, Size, Target};
use super::child::Spent;
use super::{cases, row, table};

/// One line: a kind of crossbar.
struct Line {
    name: &'static str,
    deck: &'static str,
    /// The largest standard size; twice that with `--large`, four times with `--huge`.
    top: usize,
}

const LINES: [Line; 2] = [
    Line { name: "memristive, 1.2 us", deck: "crossbar-va", top: 256 },
    Line { name: "resistive, operating point", deck: "resistive", top: 512 },
];

/// Sizes from 16 on.
const SIZES: [(usize, &str); 7] = [(16, "16"), (32, "32"), (64, "64"), (128, "128"), (256, "256"), (512, "512"), (1024, "1024")];

/// Seconds by the clock after which a line ends.
const LONGEST: f64 = 40.0;

/// Measures and draws `netlists/bench/scaling.svg`.
///
/// # Errors
/// What went wrong.
pub fn draw(arguments: &Arguments, folder: &Path) -> Result<(), String> {
    let grown = match arguments.size {
        Size::Standard => 1,
        Size::Large => 2,
        Size::Huge => 4,
    };
    let mut results = Vec::new();
    println!("| crossbar | N | CPU s | wall s | MiB |\n|---|---|---|---|---|");
    for line in &LINES {
        let mut points: Vec<[f64; 3]> = Vec::new();
        for (n, text) in SIZES.iter().filter(|(n, _)| *n <= line.top * grown && *n <= 1024) {
            let case = sized(line, *n, text);
            let row = row::run(case, arguments, &folder.join(text)).map_err(|e| e.to_string())?;
            if let Some(why) = &row.own.failure {
                println!("| {} | {n} | {why} |||", line.name);
                break;
            }
            let (cpu, wall, memory) = (|s: &Spent| s.cpu, |s: &Spent| s.wall, |s: &Spent| s.memory);
            let found = [*n as f64, row.own.median(cpu), row.own.median(memory)];
            println!("| {} | {n} | {:.3} | {:.3} | {:.0} |", line.name, found[1], row.own.median(wall), found[2]);
            points.push(found);
            // The next one takes six times as long; on a loaded machine that is too much.
            if row.own.median(wall) > LONGEST && arguments.size == Size::Standard {
                break;
            }
        }
        results.push(dataset(line.name, &points));
    }
    let curves = results.iter().flat_map(|r| &r.header.columns[1..]).map(|c| Curve { y: c.name.clone(), x: None }).collect();
    let settings = Settings {
        title: Some("Crossbars of N x N cells: CPU time and memory of the whole process".into()),
        xlabel: Some("N".into()),
        xlog: true,
        ylog: true,
        ..Settings::default()
    };
    let mut out = Vec::new();
    svg::draw(&Plot { analysis: None, curves, settings }, &results.iter().collect::<Vec<_>>(), &mut out)
        .map_err(|e| e.to_string())?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("netlists/bench/scaling.svg");
    fs::write(&file, out).map_err(|e| e.to_string())?;
    println!("\n{}; {}", file.display(), table::machine(arguments));
    Ok(())
}

/// A case that lives as long as the program.
fn sized(line: &Line, n: usize, text: &'static str) -> &'static Case {
    let mut case = cases::CASES.iter().find(|c| c.deck == line.deck).unwrap_or(&cases::CASES[0]).clone();
    case.sets = Vec::leak(vec![("n", text)]);
    (case.n, case.peer, case.fine, case.target) = (n, false, "", Target::Open);
    Box::leak(Box::new(case))
}

/// Slope of the logarithm of y over that of x by least squares, for the sizes above 32 that are not mere start-up.
fn exponent(points: &[[f64; 3]], column: usize) -> f64 {
    let chosen: Vec<(f64, f64)> = points.iter().filter(|p| p[0] >= 32.0).map(|p| (p[0].ln(), p[column].ln())).collect();
    let count = chosen.len() as f64;
    let (mx, my) = (chosen.iter().map(|p| p.0).sum::<f64>() / count, chosen.iter().map(|p| p.1).sum::<f64>() / count);
    let (sxy, sxx) = chosen.iter().fold((0.0, 0.0), |s, p| (s.0 + (p.0 - mx) * (p.1 - my), s.1 + (p.0 - mx) * (p.0 - mx)));
    sxy / sxx
}

fn dataset(name: &str, points: &[[f64; 3]]) -> Dataset {
    let column = |name: String, quantity: &str, unit: &str| ColumnInfo {
        name,
        quantity: quantity.into(),
        unit: unit.into(),
        kind: ColumnKind::Real,
    };
    let header = Header {
        analysis: "scaling".into(),
        title: "Scaling".into(),
        columns: vec![
            column("N".into(), "size", ""),
            column(format!("time, {name}: N^{:.2}", exponent(points, 1)), "time", "s"),
            column(format!("memory, {name}: N^{:.2}", exponent(points, 2)), "memory", "MiB"),
        ],
        independent: 1,
        logarithmic: true,
        keys: Vec::new(),
    };
    let mut out = Dataset::default();
    // A dataset in memory takes every row.
    let _ = out.begin(&header);
    for point in points {
        let _ = out.row(&point.map(Cell::Real));
    }
    out
}
