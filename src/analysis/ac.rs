//! Small-signal response: `.ac dec|oct|lin n f1 f2` or `.ac list f1 f2 ...`.
//!
//! The equations are linearised at the operating point, `(G + j w C) y = b` with w = 2 pi f in 1/s and b the sources' ac
//! values; output rows follow from their own derivatives, `(G_y + j w C_y) y` (decision 4). Held rows are linearised at the
//! point where they are held (decision 1): where such a state would move, the response is that of the frozen state.

use std::f64::consts::TAU;
use std::sync::atomic::Ordering;

use num_complex::Complex64;

use crate::args::{Arg, Args};
use crate::dae::{Eval, Excitation, Phase, Point, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::failure::Failure;
use crate::sparse::Lu;
use crate::wave::{ColumnKind, Flow, Sink};

use super::columns::{self, RowMaker, writing};
use super::{Analysis, Entry, Env, Summary, op};

/// The row of the table.
pub const ENTRY: Entry = Entry { keyword: "ac", usage: ".ac dec|oct|lin points f1 f2  |  .ac list f1 f2 ...", parse };

/// More points than this are taken for a mistake.
const MOST_POINTS: f64 = 1e8;

/// A response over frequency.
#[derive(Clone, PartialEq, Debug)]
pub struct Ac {
    /// Frequencies, Hz.
    pub frequencies: Vec<f64>,
    /// True if they rise by factors.
    pub logarithmic: bool,
}

fn parse(args: &Args, _: &dyn System) -> Result<Box<dyn Analysis>, Diagnostic> {
    Ok(Box::new(Ac::new(args)?))
}

impl Ac {
    /// From the card.
    ///
    /// # Errors
    /// What is wrong with the arguments, and where.
    pub fn new(args: &Args) -> Result<Ac, Diagnostic> {
        if let Some(named) = args.items.iter().find(|a| a.name.is_some()) {
            return Err(Diagnostic::error(named.span, "`.ac` takes no named arguments").hint(ENTRY.usage));
        }
        let positional: Vec<&Arg> = args.positional().collect();
        let Some(kind) = positional.first() else {
            return Err(Diagnostic::error(args.span, "`.ac` without arguments").hint(ENTRY.usage));
        };
        let kinds = ["dec", "oct", "lin", "list"];
        match kind.text.to_ascii_lowercase().as_str() {
            "list" => list(args, &positional),
            "lin" => grid(args, &positional, None),
            "dec" => grid(args, &positional, Some(10.0)),
            "oct" => grid(args, &positional, Some(2.0)),
            text => Err(Diagnostic::error(kind.span, format!("`{text}` is no way to space frequencies"))
                .expected("expected dec, oct, lin or list")
                .suggest(text, kinds)
                .hint(ENTRY.usage)),
        }
    }
}

/// Frequencies from `n f1 f2`; `base` is the factor that `n` points cover, `None` for equal distances.
fn grid(args: &Args, positional: &[&Arg], base: Option<f64>) -> Result<Ac, Diagnostic> {
    let points = args.number(1, "the number of points")?;
    if !(points >= 1.0 && points.fract() == 0.0 && points <= MOST_POINTS) {
        return Err(Diagnostic::error(positional[1].span, format!("{points} points")).expected("expected a whole number from 1"));
    }
    let first = frequency(args, positional, 2, "the first frequency")?;
    let last = frequency(args, positional, 3, "the last frequency")?;
    if last < first {
        return Err(Diagnostic::error(positional[3].span, "the last frequency is below the first")
            .expected(format!("expected at least {first:e} Hz")));
    }
    if let Some(surplus) = positional.get(4) {
        return Err(Diagnostic::error(surplus.span, "one argument too many").hint(ENTRY.usage));
    }
    let steps = match base {
        // Rounded up by a little, so that the last point of a full decade is not lost to round-off.
        Some(base) => ((last / first).ln() / base.ln() * points + 1e-6).floor(),
        None if last > first => points - 1.0,
        None => 0.0,
    };
    if steps > MOST_POINTS {
        return Err(Diagnostic::error(positional[1].span, format!("{steps:.3e} frequencies are too many")));
    }
    let frequencies = (0..=steps as usize).map(|k| match base {
        Some(base) => first * base.powf(k as f64 / points),
        None => first + (last - first) * k as f64 / steps.max(1.0),
    });
    Ok(Ac { frequencies: frequencies.collect(), logarithmic: base.is_some() })
}

fn list(args: &Args, positional: &[&Arg]) -> Result<Ac, Diagnostic> {
    let frequencies: Result<Vec<f64>, Diagnostic> =
        (1..positional.len().max(2)).map(|k| frequency(args, positional, k, "a frequency")).collect();
    Ok(Ac { frequencies: frequencies?, logarithmic: false })
}

fn frequency(args: &Args, positional: &[&Arg], index: usize, what: &str) -> Result<f64, Diagnostic> {
    let value = args.number(index, what)?;
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Diagnostic::error(positional[index].span, format!("{what} is {value}"))
        .expected("expected a frequency above 0 Hz")
        .hint("the response at rest is what `.op` and `.dc` give"))
}

impl Analysis for Ac {
    fn run(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink) -> (Summary, Result<(), SimError>) {
        let mut summary = Summary { analysis: "ac".into(), ..Summary::default() };
        let mut header = columns::header(
            system,
            env,
            ("ac", "AC Analysis"),
            vec![columns::lead("frequency", "frequency", "Hz")],
            1,
            ColumnKind::Complex,
        );
        header.logarithmic = self.logarithmic;
        let begun = sink.begin(&header).map_err(writing);
        let result = begun.and_then(|()| self.sweep(system, env, sink, &mut summary));
        let ended = sink.end().map_err(writing);
        (summary, result.and(ended))
    }
}

impl Ac {
    fn sweep(&self, system: &dyn System, env: &Env, sink: &mut dyn Sink, summary: &mut Summary) -> Result<(), SimError> {
        let point = op::solve(system, env, Phase::Static)?;
        summary.counts = point.counts;
        summary.remarks.extend(op::drifts(system, &point));
        let at = Point { x: &point.x, t: 0.0, params: &point.params, past: &point.memory, trial: None, phase: Phase::SmallSignal };
        summary.operating_point = point.rung;
        summary.remarks.extend(point.remarks);
        summary.messages = point.messages;
        let mut response = Response::new(system, &at, summary)?;
        let mut rows = RowMaker::default();
        for (k, frequency) in self.frequencies.iter().enumerate() {
            if env.stop.load(Ordering::Relaxed) {
                return Err(SimError::Stopped { t: f64::NAN });
            }
            (env.progress)(k as f64 / self.frequencies.len() as f64);
            let values = response.at(*frequency).map_err(|failure| {
                let what = format!("ac at {frequency:.6e} Hz");
                let hint = "an ideal resonance at exactly this frequency, or a node that nothing but capacitors holds";
                failure.named(system, &at, &what, "", hint)
            })?;
            summary.counts.factorisations += 1;
            summary.points += 1;
            if sink.row(rows.complex(system, &[*frequency], values)).map_err(writing)? == Flow::Stop {
                break;
            }
        }
        system.conclude(&at, &mut summary.messages);
        Ok(())
    }
}

/// The linearised system, solved at one frequency after the other.
pub struct Response {
    eval: Eval,
    lu: Lu<Complex64>,
    matrix: Vec<Complex64>,
    excitation: Excitation,
    b: Vec<Complex64>,
    y: Vec<Complex64>,
    rest: Vec<Complex64>,
    outputs: Vec<Complex64>,
}

impl Response {
    /// Linearises at a point; remarks go to the summary.
    ///
    /// # Errors
    /// If a derivative is not finite.
    pub fn new(system: &dyn System, at: &Point, summary: &mut Summary) -> Result<Response, SimError> {
        let mut eval = Eval::new(system);
        system.eval(at, Want::G | Want::C | Want::OUTPUTS | Want::OUTPUT_GRADIENT, &mut eval);
        summary.counts.evaluations += 1;
        let zero = Complex64::new(0.0, 0.0);
        let n = at.x.len();
        let mut excitation = Excitation::new(n);
        system.excitation(at, &mut excitation);
        let entries = system.pattern().len();
        if !eval.g[..entries].iter().chain(&eval.c[..entries]).all(|v| v.is_finite()) {
            return Err(Failure::NotFinite.named(system, at, "ac: derivatives at the operating point", "", ""));
        }
        if excitation.value.iter().chain(&excitation.charge).all(|b| *b == zero) {
            summary.remarks.push("no source has an ac value (`ac 1`): all results are zero".into());
        }
        if let Some(variable) = system.layout().outputs.iter().find(|o| o.name.starts_with('@')) {
            summary.remarks.push(format!(
                "{}: operating-point variables have no small-signal part here, they are written as zero",
                variable.name
            ));
        }
        Ok(Response {
            lu: Lu::new(system.pattern()),
            matrix: vec![zero; entries],
            y: vec![zero; n],
            rest: vec![zero; n],
            b: vec![zero; n],
            excitation,
            outputs: vec![zero; system.layout().outputs.len()],
            eval,
        })
    }

    /// The output rows at a frequency in Hz.
    ///
    /// # Errors
    /// If the matrix is singular there.
    pub fn at(&mut self, frequency: f64) -> Result<&[Complex64], Failure> {
        let s = Complex64::new(0.0, TAU * frequency);
        self.eval.pencil(s, &mut self.matrix);
        self.lu.factor(&self.matrix).map_err(Failure::Singular)?;
        for ((b, value), charge) in self.b.iter_mut().zip(&self.excitation.value).zip(&self.excitation.charge) {
            *b = *value + s * *charge;
        }
        self.y.copy_from_slice(&self.b);
        self.lu.solve(&mut self.y);
        // Nothing downstream corrects what the factors lost, so one step of refinement does.
        self.rest.iter_mut().for_each(|r| *r = Complex64::new(0.0, 0.0));
        self.lu.pattern().multiply_add(&self.matrix, &self.y, &mut self.rest);
        self.rest.iter_mut().zip(&self.b).for_each(|(r, b)| *r = *b - *r);
        self.lu.solve(&mut self.rest);
        self.y.iter_mut().zip(&self.rest).for_each(|(y, r)| *y += *r);
        self.outputs.fill(Complex64::new(0.0, 0.0));
        for (row, unknown, value, charge) in &self.eval.outputs.gradient {
            self.outputs[*row as usize] += (s * *charge + *value) * self.y[*unknown as usize];
        }
        for (row, value, charge) in &self.excitation.outputs {
            self.outputs[*row as usize] += *value + s * *charge;
        }
        Ok(&self.outputs)
    }

    /// The unknowns at the last frequency.
    pub fn unknowns(&self) -> &[Complex64] {
        &self.y
    }
}
