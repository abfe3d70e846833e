//! `.array`: one quantity of all cells of an array as a matrix, in an NPY or a csv file.
//!
//! Each column whose name fits the pattern is an entry; of the numbers that stand for `%` the first one counts rows, the last one
//! columns, each from its least to its largest. What is not there is not a number. Without `at=` the last row of a result is
//! written: a matrix, which a later run reads as `data("state.npy", i, j)`. With `at=` the first rows at or behind these
//! abscissae: of several an NPY file with three indices, the first one for the abscissae; in a csv file one matrix below another,
//! each behind a line `# time = 5e-6`. Each member of a family has a file of its own: `state.npy`, `state2.npy`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::diag::Diagnostic;
use crate::matrix::Matrix;
use crate::output::seats::{Seat, cell_value, seats};
use crate::output::svg::abscissae;
use crate::output::{Format, Request, Writer};
use crate::wave::{Cell, Flow, Header, Sink};

/// Made for cards, not asked for by name.
pub static FORMAT: Format =
    Format { name: "array", summary: "matrices of .array cards", open, everything: true, widest: usize::MAX };

/// Kinds of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    #[default]
    Npy,
    Csv,
}

/// A card.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Array {
    analysis: Option<String>,
    pattern: String,
    /// Name without ending.
    stem: String,
    kind: Kind,
    /// Abscissae, rising; none for the end.
    at: Vec<f64>,
}

const KEYS: [&str; 2] = ["file", "at"];

impl Array {
    /// From the settings of a card.
    ///
    /// # Errors
    /// Unknown settings, files of other kinds.
    pub fn from_args(analysis: Option<String>, pattern: &str, args: &Args) -> Result<Array, Diagnostic> {
        for arg in &args.items {
            let Some(name) = arg.name.as_deref().filter(|n| !KEYS.contains(n)) else { continue };
            return Err(Diagnostic::error(arg.span, format!(".array has no setting `{name}`"))
                .expected(format!("expected one of {}", KEYS.join(", "))));
        }
        let Some(file) = args.named("file") else {
            return Err(Diagnostic::error(args.span, ".array names no file").expected("expected file=\"state.npy\" or .csv"));
        };
        let known = [(".npy", Kind::Npy), (".csv", Kind::Csv)];
        let Some((stem, kind)) = known.iter().find_map(|(ending, kind)| Some((file.text.strip_suffix(ending)?, *kind))) else {
            return Err(Diagnostic::error(file.span, format!("`{}` is no file for a matrix", file.text))
                .expected("expected a name that ends with .npy or .csv"));
        };
        let at = args.named("at").map_or(Ok(Vec::new()), abscissae)?;
        Ok(Array { analysis, pattern: pattern.to_string(), stem: stem.to_string(), kind, at })
    }
}

/// A writer of all matrices of a run.
pub fn open(request: &Request) -> Box<dyn Writer> {
    let arrays = request.arrays.iter().map(|card| (card.clone(), None)).collect();
    Box::new(Folder { folder: request.folder.clone(), arrays, files: Vec::new() })
}

struct Folder {
    folder: PathBuf,
    /// Cards, each with what it takes of the current result.
    arrays: Vec<(Array, Option<Taking>)>,
    files: Vec<PathBuf>,
}

/// What is taken of a result.
struct Taking {
    seats: Vec<Seat>,
    /// Empty where there is none.
    abscissa: String,
    /// Abscissa and values of the rows asked for.
    taken: Vec<(f64, Vec<f64>)>,
    newest: (f64, Vec<f64>),
    any: bool,
}

impl Taking {
    fn take(&mut self, at: &[f64], real: impl Fn(usize) -> f64) {
        self.newest.0 = if self.abscissa.is_empty() { f64::NAN } else { real(0) };
        self.newest.1.clear();
        self.newest.1.extend(self.seats.iter().map(|s| real(s.column)));
        self.any = true;
        while at.get(self.taken.len()).is_some_and(|at| self.newest.0 >= *at) {
            self.taken.push(self.newest.clone());
        }
    }

    /// Rows and columns from the least number to the largest.
    fn matrix(&self, values: &[f64]) -> Matrix {
        let range = |number: fn(&Seat) -> i64| {
            let ends = self.seats.iter().map(number).fold((i64::MAX, i64::MIN), |(a, b), v| (a.min(v), b.max(v)));
            (ends.0, (ends.1 - ends.0 + 1).max(0) as usize)
        };
        let ((first_row, rows), (first_place, places)) = (range(|s| s.row), range(|s| s.place));
        let mut out = vec![f64::NAN; rows * places];
        for (seat, value) in self.seats.iter().zip(values) {
            out[(seat.row - first_row) as usize * places + (seat.place - first_place) as usize] = *value;
        }
        Matrix { shape: vec![rows, places], values: out }
    }
}

impl Sink for Folder {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        for (card, taking) in &mut self.arrays {
            *taking = None;
            if card.analysis.as_ref().is_some_and(|a| *a != header.analysis) {
                continue;
            }
            let seats = seats(&card.pattern, header);
            if !seats.is_empty() {
                let abscissa = if header.independent > 0 { header.columns[0].name.clone() } else { String::new() };
                *taking = Some(Taking { seats, abscissa, taken: Vec::new(), newest: (f64::NAN, Vec::new()), any: false });
            }
        }
        Ok(())
    }

    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        for (card, taking) in &mut self.arrays {
            if let Some(taking) = taking {
                taking.take(&card.at, |k| cell_value(cells.get(k)));
            }
        }
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for (card, taking) in &mut self.arrays {
            let Some(taking) = taking else { continue };
            let mut rows = values.chunks_exact(width.max(1)).peekable();
            while let Some(row) = rows.next() {
                let wanted = card.at.get(taking.taken.len()).is_some_and(|at| row.first().is_some_and(|x| x >= at));
                // Of the others only the newest may be written.
                if wanted || rows.peek().is_none() {
                    taking.take(&card.at, |k| row.get(k).copied().unwrap_or(f64::NAN));
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        for (card, taking) in &mut self.arrays {
            let Some(mut taking) = taking.take().filter(|t| t.any) else { continue };
            // What lies behind the end is the end.
            if taking.taken.len() < card.at.len().max(1) {
                taking.taken.push(std::mem::take(&mut taking.newest));
            }
            let (stem, ending) = (&card.stem, if card.kind == Kind::Npy { "npy" } else { "csv" });
            let path = |count: usize| {
                let number = if count == 1 { String::new() } else { count.to_string() };
                self.folder.join(format!("{stem}{number}.{ending}"))
            };
            let file = (1..).map(path).find(|p| !self.files.contains(p)).unwrap_or_else(|| path(1));
            write(&file, card, &taking)?;
            self.files.push(file);
        }
        Ok(())
    }
}

fn write(file: &Path, card: &Array, taking: &Taking) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let matrices: Vec<(f64, Matrix)> = taking.taken.iter().map(|(x, values)| (*x, taking.matrix(values))).collect();
    let several = card.at.len() > 1;
    match card.kind {
        Kind::Csv => {
            let head = |x: f64| if several { format!("# {} = {x}\n", taking.abscissa) } else { String::new() };
            fs::write(file, matrices.iter().map(|(x, m)| head(*x) + &m.to_csv()).collect::<String>())
        }
        Kind::Npy => {
            let mut shape = matrices.first().map_or(Vec::new(), |(_, m)| m.shape.clone());
            if several {
                shape.insert(0, matrices.len());
            }
            let values = matrices.into_iter().flat_map(|(_, m)| m.values).collect();
            fs::write(file, Matrix { shape, values }.to_npy())
        }
    }
}

impl Writer for Folder {
    fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        Ok(self.files.clone())
    }

    fn held(&self) -> usize {
        let takings = self.arrays.iter().filter_map(|(_, t)| t.as_ref());
        takings.map(|t| (t.taken.len() + 1) * t.seats.len()).sum()
    }
}
