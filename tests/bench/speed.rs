//! `cargo bench --bench speed`: the cases of `netlists/bench/` as whole processes, alone or in alternation with ngspice.
//!
//! Takes the options of `--help`; gives two tables in Markdown: costs (medians of CPU seconds, seconds by the clock, peak
//! memory, counts), and differences of waveforms. Only ratios mean much on a machine that does other things as well.

#[path = "speed/agreement.rs"]
mod agreement;
#[path = "speed/arguments.rs"]
mod arguments;
#[path = "speed/cases.rs"]
mod cases;
#[path = "speed/child.rs"]
mod child;
#[path = "speed/circuits.rs"]
mod circuits;
#[path = "speed/counts.rs"]
mod counts;
#[path = "speed/row.rs"]
mod row;
#[path = "speed/scaling.rs"]
mod scaling;
#[path = "speed/table.rs"]
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, rest)) if first == child::MEASURE => child::measure(rest).map_err(|e| e.to_string()),
        _ => bench(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{}", why.trim_end());
            ExitCode::from(2)
        }
    }
}

fn bench(words: &[String]) -> Result<(), String> {
    let arguments = arguments::read(words)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    if arguments.scaling {
        return scaling::draw(&arguments, folder.path());
    }
    let mut rows = Vec::new();
    for case in &arguments.cases {
        let own = folder.path().join(case.name);
        let row = row::run(case, &arguments, &own).map_err(|e| e.to_string())?;
        // Texts and waveforms of the largest cases are hundreds of megabytes.
        let _ = std::fs::remove_dir_all(&own);
        if !arguments.markdown || row.own.failure.is_some() {
            eprintln!("{}", table::progress(&row));
        }
        rows.push(row);
    }
    println!("Whole processes, medians; {}.\n\n{}", table::machine(&arguments), table::costs(&rows));
    println!("{}\n{}", table::phases(&rows), table::differences(&rows));
    Ok(())
}
