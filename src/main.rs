//! The command line: takes arguments, prints reports, ends with 0 (done), 1 (a simulation failed) or 2 (the input is wrong).
//! The only place that prints.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use memspice::catalogue;
use memspice::gallery;
use memspice::output;
use memspice::portrait;
use memspice::run::{self, RunOptions, RunReport};
use memspice::show;
use memspice::units;
use memspice::wave::compare;

const EXAMPLES: &str = "\
Examples:
  memspice netlists/basics/rc.cir              run a deck; waveforms and plots go to out/rc/
  memspice rc.cir --set r=2k --set c=10n       the same with other values of .param r and c
  memspice rc.cir -o results --format csv      only csv files, into results/
  memspice check rc.cir models/ndr/*.va        everything that can be known without simulating
  memspice show models/ndr/nbox.va             what was understood: equations, derivatives, states
  memspice models                              the devices that come along
  memspice models vteam                        equations, parameters and source of one of them
  memspice models vteam --iv --drm --pulse     its portraits
  memspice compare golden.csv out/rc/tran.csv --tol 1e-4
  memspice gallery                             all decks of netlists/, one page: out/gallery/index.html

Exit codes: 0 done, 1 a simulation, a comparison or (with --strict) a measure failed, 2 the input is wrong.";

/// A SPICE-class circuit simulator for memristors and every other device that carries state.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate decks: run all their analyses, write waveforms and plots, print measures (the default command)
    Run(RunArguments),
    /// Read decks and Verilog-A files and report every mistake, without simulating
    Check {
        /// Decks (.cir) and models (.va)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Show what was understood of a deck or a model: tree, equations, derivatives, unknowns, matrix pattern
    Show {
        /// A deck (.cir) or a model (.va)
        file: PathBuf,
        /// Write everything, however large the model is
        #[arg(long)]
        full: bool,
    },
    /// List the models that come along, document one (equations, parameters, source, cards), or draw its portraits
    #[command(after_help = MODELS_HELP)]
    Models(ModelsArguments),
    /// Compare results at the abscissae of the first file; its head may state tolerances and an alignment
    #[command(after_help = COMPARE_HELP)]
    Compare {
        /// What is right: a csv file or a rawfile
        golden: PathBuf,
        /// What is held against it: a csv file or a rawfile
        other: PathBuf,
        /// Tolerance relative to each column's full scale, where the first file states none
        #[arg(long, value_name = "RELATIVE", value_parser = number, default_value = "1e-3")]
        tol: f64,
    },
    /// Run many decks side by side and write one page: what must be seen, the plots, the figures asked and found
    #[command(after_help = GALLERY_HELP)]
    Gallery(GalleryArguments),
}

const MODELS_HELP: &str = "\
Examples:
  memspice models                    a table of all models, by mechanism
  memspice models taox               what it is: equations, terminals, states, parameters, cards, source
  memspice models ag_sio2            a card: the device, its values, and the model that it belongs to
  memspice models --json             everything for programs
  memspice models --check            the linter over all models
  memspice models taox --iv --drm --pulse               portraits, into out/models/taox/
  memspice models taox --iv --amplitude 0.5 --set x0=0.8   one of them, driven otherwise
  memspice models memtransistor --iv --portrait \"bias.g=0.5\"   with another gate voltage

--iv draws loops of current and voltage at a frequency, a tenth and ten times of it; --drm the dynamic route map of each state (its
curve of 0 V is the power-off plot); --pulse the conductance behind each of 20 pulses and of 20 the other way (of a volatile
device: as long without pulses). Each leaves the deck that made it beside its plots. How a device is driven is said by words, on the
command line, in a comment `* portrait: ...` above a card, or by its model (* portrait = \"amplitude=0.6 frequency=1meg\" *);
amplitudes and frequencies that nobody says are found by trials:

  amplitude low frequency series      the sine (low: its least value, else -amplitude), a resistor before the device
  pulse width reset reset_width gap   height and width of the first and the second pulses, time to the reading
  pulses read hold                    pulses of each kind, voltage of the reading, what the driven terminal has meanwhile
  drive=g read_at=d open=out bias.b=1 terminals: driven, read, left open, kept at a value (all others are grounded)
  show=charge set.k=2                 a variable or terminal that is drawn too, a parameter of the device

A transistor thus shows its transfer curve and pulses at its gate. Sources, wrappers and blocks of periphery have no portrait.

In a deck: X1 a b taox x0=0.3, or the name of a card instead of that of a model. Models of a folder come on top of those of the
program where the environment variable MEMSPICE_MODELS names it.";

#[derive(Args)]
struct ModelsArguments {
    /// Name of a model or of a card
    name: Option<String>,
    /// For programs
    #[arg(long)]
    json: bool,
    /// Run the linter over all models
    #[arg(long, conflicts_with_all = ["name", "json"])]
    check: bool,
    /// Draw loops of current and voltage at three frequencies
    #[arg(long, requires = "name")]
    iv: bool,
    /// Draw the dynamic route map of each state
    #[arg(long, requires = "name")]
    drm: bool,
    /// Draw the conductance under a train of pulses
    #[arg(long, requires = "name")]
    pulse: bool,
    /// Folder for portraits [default: out/models/<name>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Set a parameter of the device (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    sets: Vec<(String, String)>,
    /// Amplitude of sines and pulses, V
    #[arg(long, value_name = "V", value_parser = number)]
    amplitude: Option<f64>,
    /// Middle one of the three frequencies, Hz
    #[arg(long, value_name = "HZ", value_parser = number)]
    frequency: Option<f64>,
    /// Resistance between the source and the device, ohm
    #[arg(long, value_name = "OHM", value_parser = number)]
    series: Option<f64>,
    /// Width of a pulse, s [default: 0.005/frequency]
    #[arg(long, value_name = "S", value_parser = number)]
    width: Option<f64>,
    /// Voltage at which conductances are read, V [default: a tenth of the amplitude]
    #[arg(long, value_name = "V", value_parser = number)]
    read: Option<f64>,
    /// How it is driven, by the words of the attribute: "drive=g read_at=d amplitude=10 width=5n read=0.1"
    #[arg(long, value_name = "WORDS")]
    portrait: Option<String>,
    /// Pulses of each sign [default: 20]
    #[arg(long, value_name = "N", value_parser = number)]
    pulses: Option<f64>,
}

const GALLERY_HELP: &str = "\
Examples:
  memspice gallery                              all decks below netlists/, except netlists/bench (which measures speed)
  memspice gallery netlists/logic my-decks      the decks of two folders
  memspice gallery my.cir -o out/mine --jobs 1  one deck, its page in out/mine/

A deck's title and head comment become the text of its entry; comment lines set in by three blanks keep their shape. A figure
is asked for by `expect=` and `tol=` on a .measure card. A line `* slow: 40 s` in the head lets --quick leave a deck out.

Written: index.html (large plots stand beside it, in <group>/<deck>/), summary.json for programs, and for each deck report.txt,
messages.txt and stats.json. Exit codes: 0 all ran and every figure asked for was found, 1 a run failed or a figure is missed,
2 the arguments are wrong.";

#[derive(Args)]
struct GalleryArguments {
    /// Decks, or folders with decks [default: netlists]
    #[arg(value_name = "FOLDER|DECK")]
    inputs: Vec<PathBuf>,
    /// Folder for the page and what belongs to it
    #[arg(short, long, value_name = "DIR", default_value = "out/gallery")]
    output: PathBuf,
    /// Decks that run at a time [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Leave out decks that are marked as slow
    #[arg(long)]
    quick: bool,
    /// Seconds that one deck may take; then it is ended, and the others go on
    #[arg(long, value_name = "SECONDS", value_parser = number, default_value = "600")]
    longest: f64,
}

const COMPARE_HELP: &str = "\
The head of a csv file may hold lines such as
  # tol v(out) abs=1e-6 rel=1e-4       for one column (rel counts from the column's full scale)
  # tol rel=1e-3                       for all others
  # tol period rel=5e-4                for the period of an oscillation
  # align = v(n1) rising mean          compare period, extrema and one period from a rising crossing of the mean";

#[derive(Args)]
struct RunArguments {
    /// Decks to simulate
    #[arg(value_name = "DECK", required = true)]
    decks: Vec<PathBuf>,
    /// Folder for results [default: out/<deck>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Formats to write: raw, csv, svg, ascii (a rawfile as text) [default: raw,csv,svg]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = format)]
    format: Vec<String>,
    /// Set a parameter of the deck: `--set r=2k`, also `--set temp=85` (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    sets: Vec<(String, f64)>,
    /// Print measures and errors only
    #[arg(short, long)]
    quiet: bool,
    /// End with exit code 1 if a measure fails
    #[arg(long)]
    strict: bool,
    /// Number of threads for the members of .step [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Draw no plots
    #[arg(long)]
    no_plots: bool,
    /// Write what each deck cost to a file, one line of json for each
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
}

fn number(text: &str) -> Result<f64, String> {
    units::number(text).ok_or_else(|| format!("`{text}` is not a number; expected one like 2.5, 1e-3 or 10k"))
}

fn assignment(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value, as in r=2k")?;
    Ok((name.trim().to_lowercase(), number(value.trim())?))
}

/// The value stays a text: it may be a word or an expression.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value, as in x0=0.3")?;
    Ok((name.trim().to_string(), value.trim().to_string()))
}

fn format(text: &str) -> Result<String, String> {
    match output::FORMATS.iter().find(|f| f.name.eq_ignore_ascii_case(text)) {
        Some(format) => Ok(format.name.to_string()),
        None => {
            let known: Vec<String> = output::FORMATS.iter().map(|f| format!("{} ({})", f.name, f.summary)).collect();
            Err(format!("known formats are {}", known.join("; ")))
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(arguments) => run_decks(&arguments),
        Command::Check { files } => print(&show::check(&files)),
        Command::Show { file, full } => print(&show::show(&file, full)),
        Command::Models(arguments) => models(&arguments),
        Command::Compare { golden, other, tol } => compare_files(&golden, &other, tol),
        Command::Gallery(arguments) => run_gallery(arguments),
    };
    ExitCode::from(exit)
}

/// A flag that Ctrl-C sets.
fn interruption() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // A second Ctrl-C ends at once, in case a single solve takes forever. Without a handler the run just ends as usual.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(1);
        }
    });
    stop
}

fn models(arguments: &ModelsArguments) -> u8 {
    match &arguments.name {
        _ if arguments.check => print(&catalogue::check()),
        Some(name) if arguments.iv || arguments.drm || arguments.pulse => {
            let options = portrait::Options {
                iv: arguments.iv,
                drm: arguments.drm,
                pulse: arguments.pulse,
                output: arguments.output.clone(),
                sets: arguments.sets.clone(),
                settings: portrait::Settings {
                    amplitude: arguments.amplitude,
                    frequency: arguments.frequency,
                    series: arguments.series,
                    width: arguments.width,
                    read: arguments.read,
                    pulses: arguments.pulses,
                    ..portrait::Settings::default()
                },
                words: arguments.portrait.clone().unwrap_or_default(),
            };
            print(&portrait::portraits(name, &options, &interruption()))
        }
        name => print(&catalogue::models(name.as_deref(), arguments.json)),
    }
}

fn run_gallery(arguments: GalleryArguments) -> u8 {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            let diagnostics = format!("error: memspice does not find its own program: {error}\n");
            return print(&RunReport { diagnostics, exit: 1, ..RunReport::default() });
        }
    };
    let options = gallery::Options {
        inputs: arguments.inputs,
        output: arguments.output,
        jobs: arguments.jobs.map(|n| n as usize),
        quick: arguments.quick,
        longest: arguments.longest,
        program,
    };
    let bar = progress_bar(false);
    let report = gallery::gallery(&options, &interruption(), &|p| {
        let left = p.left.map_or_else(String::new, |s| format!(", {} left", duration(s)));
        let count = format!("{}/{}", p.done, p.total);
        if let Some((name, how)) = &p.last {
            let line = format!("{count:>9} {name}: {how}{}", if bar.is_hidden() { &left } else { "" });
            // A hidden bar says nothing: lines for logs.
            if bar.is_hidden() {
                let _ = writeln!(std::io::stderr(), "{line}");
            } else {
                bar.println(line);
            }
        }
        bar.set_message(format!("{count} decks"));
        bar.set_position((p.fraction.clamp(0.0, 1.0) * 1000.0) as u64);
    });
    bar.finish_and_clear();
    print(&report)
}

/// Seconds for people who wait.
fn duration(seconds: f64) -> String {
    if seconds >= 90.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{seconds:.0} s") }
}

fn run_decks(arguments: &RunArguments) -> u8 {
    let stop = interruption();
    let mut worst = 0;
    let mut stats = String::new();
    for deck in &arguments.decks {
        let mut folder = arguments.output.clone();
        if let (Some(folder), true) = (&mut folder, arguments.decks.len() > 1) {
            folder.push(deck.file_stem().unwrap_or_default());
        }
        let options = RunOptions {
            output: folder,
            formats: arguments.format.clone(),
            sets: arguments.sets.clone(),
            quiet: arguments.quiet,
            strict: arguments.strict,
            threads: arguments.threads.map(|n| n as usize),
            plots: !arguments.no_plots,
            stats: arguments.stats.is_some(),
        };
        let bar = progress_bar(arguments.quiet);
        let report = run::run(deck, &options, &stop, &|what, fraction| {
            bar.set_message(what.to_string());
            bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
        });
        bar.finish_and_clear();
        stats.push_str(&report.stats);
        worst = worst.max(print(&report));
        if stop.load(Ordering::SeqCst) {
            break;
        }
    }
    if let Some(Err(error)) = arguments.stats.as_ref().map(|file| std::fs::write(file, stats)) {
        let file = arguments.stats.as_deref().unwrap_or(Path::new("")).display();
        let diagnostics = format!("error: cannot write {file}: {error}\n");
        worst = worst.max(print(&RunReport { diagnostics, exit: 1, ..RunReport::default() }));
    }
    worst
}

/// Shown on a terminal only; otherwise hidden, and its methods do nothing.
fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1000);
    // Elimination orders and first factorisations of large circuits say nothing meanwhile: the clock goes on.
    bar.enable_steady_tick(std::time::Duration::from_millis(250));
    if let Ok(style) = ProgressStyle::with_template("{msg:<24} [{bar:40}] {percent:>3} %  {elapsed}, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn compare_files(golden: &Path, other: &Path, tolerance: f64) -> u8 {
    let outcome = output::read(golden).and_then(|a| Ok((a, output::read(other)?))).map_err(|e| e.to_string());
    let verdict = outcome.and_then(|(a, b)| {
        let rules = compare::Rules::from_notes(&a.notes, tolerance)?;
        compare::all(&a.results, &b.results, &rules)
    });
    let (text, diagnostics, exit) = match verdict {
        Ok(found) => (found.to_string(), String::new(), u8::from(!found.passed())),
        Err(what) => (String::new(), format!("error: {what}\n"), 2),
    };
    print(&RunReport { text, diagnostics, exit, ..RunReport::default() })
}

/// Prints a report; a closed pipe is no reason to panic.
fn print(report: &RunReport) -> u8 {
    let _ = std::io::stderr().write_all(report.diagnostics.as_bytes());
    let _ = std::io::stdout().write_all(report.text.as_bytes());
    report.exit
}
