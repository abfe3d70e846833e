//! The results of a continuation in one parameter.

use num_complex::Complex64;

use crate::solve::Counts;

use super::normal::{CrossingForm, FoldForm, Hopf};

/// What kind of point, with its normal form.
#[derive(Clone, PartialEq, Debug)]
pub enum Form {
    /// The branch turns round.
    Fold(FoldForm),
    /// Branches cross.
    Crossing(CrossingForm),
    /// Oscillations are born.
    Hopf(Hopf),
    /// Several real eigenvalues pass zero at once: so many, by symmetry.
    Multiple(usize),
    /// An eigenvalue passes through infinity: the algebraic equations lose their solution.
    Infinite,
    /// Located by bisection only, for this reason; the letters say what it should be.
    Unclear(&'static str, String),
}

impl Form {
    /// `LP`, `BP`, `HB`, `IM`.
    pub fn letters(&self) -> &'static str {
        match self {
            Form::Fold(_) => "LP",
            Form::Crossing(_) | Form::Multiple(_) => "BP",
            Form::Hopf(_) => "HB",
            Form::Infinite => "IM",
            Form::Unclear(letters, _) => letters,
        }
    }
}

/// A special point.
#[derive(Clone, PartialEq, Debug)]
pub struct Special {
    /// `LP1`, `BP1`, `HB2`.
    pub label: String,
    /// Unknowns, then the parameter.
    pub z: Vec<f64>,
    /// Kind and normal form.
    pub form: Form,
    /// Arm on which it was found first.
    pub arm: usize,
    /// Earlier special point of which this is the mirror image.
    pub twin: Option<usize>,
}

/// A place of an arm.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Unknowns, then the parameter.
    pub z: Vec<f64>,
    /// Eigenvalues with positive real part; at special points that of the way there.
    pub unstable: usize,
    /// The rightmost eigenvalue, 1/s; not a number if nothing moves.
    pub rightmost: Complex64,
    /// Special point at this place.
    pub special: Option<usize>,
}

/// Why an arm ends.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// The parameter reached an end of its range.
    Range(f64),
    /// This unknown left the range where its model holds.
    Bound(usize),
    /// It meets what is known already, at this special point.
    Joined(usize),
    /// It came back to where it started.
    Closed,
    /// Places are spent.
    Spent,
    /// It cannot be followed any further, for this reason.
    Stuck(String),
    /// Somebody wanted the run to end.
    Stopped,
}

/// One stretch of equilibria, from the start or from a branch point.
#[derive(Clone, PartialEq, Debug)]
pub struct Arm {
    /// Branch point that it comes from; `None`: the start.
    pub origin: Option<usize>,
    /// Its places in order.
    pub samples: Vec<Sample>,
    /// Why it ends.
    pub end: End,
}

/// Everything that was found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Diagram {
    /// Stretches of equilibria.
    pub arms: Vec<Arm>,
    /// Special points in the order in which they were found.
    pub specials: Vec<Special>,
    /// Things the user should know.
    pub remarks: Vec<String>,
    /// What it cost.
    pub counts: Counts,
}

impl Diagram {
    /// All Hopf points.
    pub fn hopf_points(&self) -> impl Iterator<Item = (&Special, &Hopf)> {
        self.specials.iter().filter_map(|s| if let Form::Hopf(h) = &s.form { Some((s, h)) } else { None })
    }

    /// The special point with this label (any case).
    pub fn find(&self, label: &str) -> Option<&Special> {
        self.specials.iter().find(|s| s.label.eq_ignore_ascii_case(label))
    }
}
