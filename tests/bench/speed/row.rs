//! One row of the table: a case run several times, in alternation with what it is compared with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::agreement::{self, Difference};
use super::arguments::Arguments;
use super::cases::{Case, Text};
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
        let file =
            |output: &str, deck: &Path| self.folder.join(output).join(deck.file_name().unwrap_or_default()).with_extension("raw");
        let own = agreement::read(&file("own", &self.deck));
        let mut peer = None;
        if row.peer.count() > 0 {
            let (input, output) = (self.folder.join("ngspice-waves.cir"), self.folder.join("ngspice.raw"));
            fs::write(&input, (self.case.flat)(self.case.n).ngspice(Some(&output)))?;
            peer = self.ngspice(&input).and_then(|_| agreement::read(&output)).map_err(|why| row.remarks.push(why)).ok();
        }
        let mut tight = None;
        if self.arguments.tight && self.case.tight {
            let deck = self.tightened()?;
            let run = self.memspice(&self.arguments.memspice, &deck, "tight");
            tight = run.and_then(|_| agreement::read(&file("tight", &deck))).map_err(|why| row.remarks.push(why)).ok();
        }
        let Ok(own) = own else { return Ok(()) };
        let kind = self.case.kind;
        row.from_peer = peer.as_ref().and_then(|peer| agreement::difference(kind, peer, &own));
        row.from_tight = tight.as_ref().and_then(|tight| agreement::difference(kind, tight, &own));
        row.peer_from_tight = tight.as_ref().zip(peer.as_ref()).and_then(|(tight, peer)| agreement::difference(kind, tight, peer));
        Ok(())
    }

    /// The deck with Radau's method at reltol 1e-6, beside copies of its models.
    fn tightened(&self) -> std::io::Result<PathBuf> {
        let text = fs::read_to_string(&self.deck)?;
        let line =
            |l: &str| if l.starts_with(".options") { ".options method=radau reltol=1e-6".to_string() } else { l.to_string() };
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
