//! One row of the table: a case run several times, in alternation with what it is compared with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memspice::wave::Dataset;

use super::agreement::{self, Difference};
use super::arguments::Arguments;
use super::cases::{Case, Kind, Text};
use super::child::{self, Spent};
use super::counts::Counts;

/// What one simulator's runs cost.
#[derive(Default)]
pub struct Runs {
    all: Vec<Spent>,
    /// Why there are no more.
    pub failure: Option<String>,
}

impl Runs {
    /// Whether one more run is worth its time.
    fn more(&self, runs: usize) -> bool {
        let spent: f64 = self.all.iter().map(|s| s.wall).sum();
        // Short runs are repeated more often, since a median of milliseconds is soon had; long ones less often.
        let wanted = if spent < 1.0 { 5 * runs } else { runs };
        self.failure.is_none() && self.all.len() < wanted && (self.all.is_empty() || spent < PATIENCE.as_secs_f64() / 4.0)
    }

    fn add(&mut self, result: Result<Spent, String>) {
        match result {
            Ok(spent) => self.all.push(spent),
            Err(why) => self.failure = Some(why),
        }
    }

    /// The median by one of the costs; NaN without runs.
    pub fn median(&self, cost: fn(&Spent) -> f64) -> f64 {
        let mut costs: Vec<f64> = self.all.iter().map(cost).collect();
        costs.sort_by(f64::total_cmp);
        match costs.len() {
            0 => f64::NAN,
            n => 0.5 * (costs[(n - 1) / 2] + costs[n / 2]),
        }
    }

    /// What the last run printed.
    pub fn said(&self) -> &str {
        self.all.last().map_or("", |s| &s.said)
    }

    /// Number of runs.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

/// A program that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(100);
/// The same for rows that are asked for by name or size.
const LONG_PATIENCE: Duration = Duration::from_secs(3600);

/// A case and what was found.
pub struct Row {
    /// The case.
    pub case: &'static Case,
    /// memspice.
    pub own: Runs,
    /// Another build of memspice.
    pub against: Runs,
    /// ngspice.
    pub peer: Runs,
    /// From ngspice.
    pub from_peer: Option<Difference>,
    /// From our own run with tight tolerances.
    pub from_tight: Option<Difference>,
    /// ngspice from our own run with tight tolerances.
    pub peer_from_tight: Option<Difference>,
    /// ngspice with tight tolerances from our own run with these.
    pub both_tight: Option<Difference>,
    /// Rows of the tight run that could not be had, and the like.
    pub remarks: Vec<String>,
    /// What memspice says of its last run.
    pub counts: Counts,
}

/// Files of one case.
struct Bench<'a> {
    case: &'static Case,
    folder: &'a Path,
    arguments: &'a Arguments,
    deck: PathBuf,
}

/// Runs a case; files go to `folder`.
///
/// # Errors
/// What the file system says.
pub fn run(case: &'static Case, arguments: &Arguments, folder: &Path) -> std::io::Result<Row> {
    fs::create_dir_all(folder)?;
    let decks = Path::new(env!("CARGO_MANIFEST_DIR")).join("netlists/bench");
    let mut deck = decks.join(format!("{}.cir", case.deck));
    if case.text == Text::Flat {
        deck = folder.join(format!("{}.cir", case.name));
        fs::write(&deck, (case.flat)(case.n).memspice())?;
    }
    let bench = Bench { case, folder, arguments, deck };
    let peer = arguments.ngspice && case.peer;
    let input = folder.join("ngspice.cir");
    if peer {
        fs::write(&input, (case.flat)(case.n).ngspice(None))?;
    }
    let mut row = Row {
        case,
        own: Runs::default(),
        against: Runs::default(),
        peer: Runs::default(),
        from_peer: None,
        from_tight: None,
        peer_from_tight: None,
        both_tight: None,
        remarks: Vec::new(),
        counts: Counts::default(),
    };
    let begin = Instant::now();
    loop {
        let more = [
            row.own.more(arguments.runs),
            arguments.against.is_some() && row.against.more(arguments.runs),
            peer && row.peer.more(arguments.runs),
        ];
        if !more.contains(&true) || begin.elapsed() > 4 * PATIENCE {
            break;
        }
        if more[0] {
            row.own.add(bench.memspice(&arguments.memspice, &bench.deck, "own"));
        }
        if let (true, Some(other)) = (more[1], &arguments.against) {
            row.against.add(bench.memspice(other, &bench.deck, "against"));
        }
        if more[2] {
            row.peer.add(bench.ngspice(&input));
        }
    }
    row.counts = Counts::read(&bench.statistics("own")).unwrap_or_else(|| Counts::from_report(row.own.said()));
    bench.agreement(&mut row)?;
    Ok(row)
}

impl Bench<'_> {
    fn memspice(&self, program: &Path, deck: &Path, output: &str) -> Result<Spent, String> {
        let mut words: Vec<String> = ["--no-plots", "--format", "raw", "--threads"].map(String::from).to_vec();
        words.push(self.arguments.threads.to_string());
        words.extend([deck.display().to_string(), "--output".into(), self.folder.join(output).display().to_string()]);
        if self.case.text == Text::Deck {
            words.extend(self.case.sets.iter().flat_map(|(name, value)| ["--set".into(), format!("{name}={value}")]));
        }
        // Builds from before there was `--stats` can be measured as well.
        if self.arguments.statistics(program) {
            words.extend(["--stats".into(), self.statistics(output).display().to_string()]);
        }
        child::run(program, &words, LONG_PATIENCE)
    }

    /// Where memspice writes what a run cost.
    fn statistics(&self, output: &str) -> PathBuf {
        self.folder.join(format!("{output}.json"))
    }

    fn ngspice(&self, deck: &Path) -> Result<Spent, String> {
        child::run(Path::new("ngspice"), &["-b".into(), deck.display().to_string()], PATIENCE)
    }

    /// Waveforms of ngspice and of tight tolerances, and how far they are from one another.
    fn agreement(&self, row: &mut Row) -> std::io::Result<()> {
        let Ok(own) = agreement::read(&self.rawfile("own", &self.deck)) else { return Ok(()) };
        let quick = row.peer.count() > 0 && row.peer.median(|s| s.cpu) < 5.0;
        let mut wave = |result: Result<Dataset, String>| result.map_err(|why| row.remarks.push(why)).ok();
        let fine = match self.arguments.tight && !self.case.fine.is_empty() {
            true => wave(self.fine()?),
            false => None,
        };
        let (mut peer, mut precise) = (None, None);
        if row.peer.count() > 0 {
            peer = wave(self.peer_waves("")?);
        }
        if quick && fine.is_some() && self.case.kind == Kind::Oscillator {
            precise = wave(self.peer_waves(".options reltol=1e-5 trtol=1")?);
        }
        let compare = |a: Option<&Dataset>, b: Option<&Dataset>| agreement::difference(self.case.kind, a?, b?, fine.as_ref());
        row.from_peer = compare(peer.as_ref(), Some(&own));
        row.from_tight = compare(fine.as_ref(), Some(&own));
        row.peer_from_tight = compare(fine.as_ref(), peer.as_ref());
        row.both_tight = compare(fine.as_ref(), precise.as_ref());
        Ok(())
    }

    /// Where memspice writes its waveforms.
    fn rawfile(&self, output: &str, deck: &Path) -> PathBuf {
        self.folder.join(output).join(deck.file_name().unwrap_or_default()).with_extension("raw")
    }

    /// Our own run with tight tolerances.
    fn fine(&self) -> std::io::Result<Result<Dataset, String>> {
        let deck = self.tightened()?;
        let run = self.memspice(&self.arguments.memspice, &deck, "tight");
        Ok(run.and_then(|_| agreement::read(&self.rawfile("tight", &deck))))
    }

    /// A run of ngspice with more options, for its waveforms.
    fn peer_waves(&self, options: &str) -> std::io::Result<Result<Dataset, String>> {
        let (input, output) = (self.folder.join("ngspice-waves.cir"), self.folder.join("ngspice.raw"));
        let mut circuit = (self.case.flat)(self.case.n);
        circuit.body += &format!("{options}\n");
        fs::write(&input, circuit.ngspice(Some(&output)))?;
        Ok(self.ngspice(&input).and_then(|_| agreement::read(&output)))
    }

    /// The deck with Radau's method at reltol 1e-6, beside copies of its models.
    fn tightened(&self) -> std::io::Result<PathBuf> {
        let text = fs::read_to_string(&self.deck)?;
        let line = |l: &str| match l.split_whitespace().next() {
            Some(".options") => ".options method=radau reltol=1e-6".to_string(),
            Some(".tran") => format!(".{}", self.case.fine),
            _ => l.to_string(),
        };
        let text: Vec<String> = text.lines().map(line).collect();
        let deck = self.folder.join(format!("{}-tight.cir", self.case.name));
        fs::write(&deck, text.join("\n") + "\n")?;
        for entry in self.deck.parent().map_or_else(|| fs::read_dir("."), fs::read_dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "va") {
                fs::copy(&path, self.folder.join(path.file_name().unwrap_or_default()))?;
            }
        }
        Ok(deck)
    }
}
