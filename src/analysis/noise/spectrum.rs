//! The linearised system and its adjoint: transfers from all noise sources to one output, one frequency after the other.

use std::f64::consts::TAU;

use num_complex::Complex64;

use crate::args::Arg;
use crate::dae::{Eval, Gain, NoiseSource, Point, System, Want};
use crate::diag::Diagnostic;
use crate::solve::SimError;
use crate::solve::failure::Failure;
use crate::sparse::Lu;

use super::Summary;

/// What answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Output {
    /// An output row.
    Row(u32),
    /// The difference of two unknowns; `None` is ground.
    Difference(Option<u32>, Option<u32>),
}

impl Output {
    /// `v(a)`, `v(a,b)`, or the name of a column.
    pub fn named(arg: &Arg, system: &dyn System) -> Result<Output, Diagnostic> {
        let layout = system.layout();
        let text: String = arg.text.chars().filter(|c| !c.is_whitespace()).collect();
        let inside = text.get(..2).filter(|v| v.eq_ignore_ascii_case("v(")).and_then(|_| text[2..].strip_suffix(')'));
        if let Some(inside) = inside {
            let mut nodes = inside.split(',');
            let mut next = |required: bool| match nodes.next() {
                Some(name) => node(name, arg, system),
                None if required => Err(Diagnostic::error(arg.span, "a node is missing")),
                None => Ok(None),
            };
            return Ok(Output::Difference(next(true)?, next(false)?));
        }
        let row = layout.outputs.iter().position(|o| o.name.eq_ignore_ascii_case(&text)).ok_or_else(|| {
            Diagnostic::error(arg.span, format!("no column is called `{text}`"))
                .expected("expected v(node), v(node,node) or i(device)")
                .suggest(&text, layout.outputs.iter().map(|o| o.name.as_str()))
        })?;
        Ok(Output::Row(row as u32))
    }

    /// Its unit.
    fn unit(self, system: &dyn System) -> String {
        let layout = system.layout();
        let quantity = match self {
            Output::Row(row) => Some(layout.outputs[row as usize].quantity),
            Output::Difference(a, b) => a.or(b).map(|k| layout.unknowns[k as usize].quantity),
        };
        quantity.map_or_else(|| "V".to_string(), |q| layout.quantities[q as usize].unit.clone())
    }
}

/// The unknown of a node; `None` for ground.
fn node(name: &str, arg: &Arg, system: &dyn System) -> Result<Option<u32>, Diagnostic> {
    if ["0", "gnd"].iter().any(|ground| name.eq_ignore_ascii_case(ground)) {
        return Ok(None);
    }
    let unknowns = &system.layout().unknowns;
    let found = unknowns.iter().position(|u| u.name.eq_ignore_ascii_case(name)).map(|k| k as u32);
    found.map(Some).ok_or_else(|| {
        let nodes = unknowns.iter().filter(|u| u.node).map(|u| u.name.as_str());
        Diagnostic::error(arg.span, format!("there is no node `{name}`")).suggest(name, nodes)
    })
}

/// Everything that does not change with the frequency.
pub struct Spectrum {
    /// The noise sources that reach anything.
    pub sources: Vec<NoiseSource>,
    /// Units of the output and of the input.
    pub units: (String, &'static str),
    eval: Eval,
    lu: Lu<Complex64>,
    matrix: Vec<Complex64>,
    /// Row of the output: unknown, value, charge.
    row: Vec<(u32, f64, f64)>,
    /// What each source adds to the output row directly.
    direct: Vec<Vec<Gain>>,
    unit: Vec<f64>,
    c: Vec<Complex64>,
    z: Vec<Complex64>,
    rest: Vec<Complex64>,
    densities: Vec<f64>,
}

impl Spectrum {
    /// Linearises at a point; remarks go to the summary.
    ///
    /// # Errors
    /// If a derivative or a density is not finite.
    pub fn new(system: &dyn System, at: &Point, output: &Output, input: &str, summary: &mut Summary) -> Result<Spectrum, SimError> {
        let (n, entries) = (at.x.len(), system.pattern().len());
        let mut eval = Eval::new(system);
        system.eval(at, Want::G | Want::C | Want::OUTPUTS | Want::OUTPUT_GRADIENT, &mut eval);
        summary.counts.evaluations += 1;
        if !eval.g[..entries].iter().chain(&eval.c[..entries]).all(|v| v.is_finite()) {
            return Err(Failure::NotFinite.named(system, at, "noise: derivatives at the operating point", "", ""));
        }
        let mut unit = vec![0.0; n];
        let input_unit = system.unit_excitation(input, &mut unit).unwrap_or("");
        let mut sources = Vec::new();
        system.noise(at, &mut sources);
        check(&mut sources, summary)?;
        let row = match output {
            Output::Row(row) => {
                let own = eval.outputs.gradient.iter().filter(|g| g.0 == *row);
                own.map(|(_, unknown, value, charge)| (*unknown, *value, *charge)).collect()
            }
            Output::Difference(a, b) => a.iter().map(|k| (*k, 1.0, 0.0)).chain(b.iter().map(|k| (*k, -1.0, 0.0))).collect(),
        };
        let direct = |s: &NoiseSource| match output {
            Output::Row(row) => s.outputs.iter().copied().filter(|g| g.row == *row).collect(),
            Output::Difference(..) => Vec::new(),
        };
        let zero = Complex64::new(0.0, 0.0);
        Ok(Spectrum {
            direct: sources.iter().map(direct).collect(),
            densities: vec![0.0; sources.len()],
            sources,
            units: (output.unit(system), input_unit),
            eval,
            lu: Lu::new(system.pattern()),
            matrix: vec![zero; entries],
            row,
            unit,
            c: vec![zero; n],
            z: vec![zero; n],
            rest: vec![zero; n],
        })
    }

    /// The output's density by source, and the square of the gain from the input.
    ///
    /// # Errors
    /// If the matrix is singular at this frequency.
    pub fn at(&mut self, frequency: f64) -> Result<(&[f64], f64), Failure> {
        let s = Complex64::new(0.0, TAU * frequency);
        self.eval.pencil(s, &mut self.matrix);
        self.lu.factor(&self.matrix).map_err(Failure::Singular)?;
        self.c.fill(Complex64::default());
        for (unknown, value, charge) in &self.row {
            self.c[*unknown as usize] += *value + s * *charge;
        }
        self.z.copy_from_slice(&self.c);
        self.lu.solve_transposed(&mut self.z);
        // One step of refinement, as in `.ac`.
        let pattern = self.lu.pattern();
        for column in 0..self.z.len() {
            let product: Complex64 = pattern.column(column).map(|k| self.matrix[k] * self.z[pattern.rows[k] as usize]).sum();
            self.rest[column] = self.c[column] - product;
        }
        self.lu.solve_transposed(&mut self.rest);
        self.z.iter_mut().zip(&self.rest).for_each(|(z, r)| *z += *r);
        for ((source, direct), density) in self.sources.iter().zip(&self.direct).zip(&mut self.densities) {
            let through: Complex64 = source.gains.iter().map(|g| self.z[g.row as usize] * (s * g.charge + g.value)).sum();
            let direct: Complex64 = direct.iter().map(|g| s * g.charge + g.value).sum();
            *density = (direct - through).norm_sqr() * source.density.at(frequency).max(0.0);
        }
        let gain: Complex64 = self.z.iter().zip(&self.unit).map(|(z, b)| z * *b).sum();
        Ok((&self.densities, gain.norm_sqr()))
    }
}

/// Leaves out sources that act on nothing; says which have no density.
fn check(sources: &mut Vec<NoiseSource>, summary: &mut Summary) -> Result<(), SimError> {
    let acts = |g: &Gain| g.value != 0.0 || g.charge != 0.0;
    sources.retain(|s| s.gains.iter().chain(&s.outputs).any(acts));
    for source in sources.iter() {
        let name = format!("{}: {}", source.instance, source.name);
        let finite = source.gains.iter().all(|g| g.value.is_finite() && g.charge.is_finite());
        let density = source.density.at(1.0);
        if !finite || density.is_nan() || density == f64::INFINITY {
            return Err(SimError::Fatal(format!("noise of {name} is not finite at the operating point")));
        }
        if density < 0.0 {
            summary.remarks.push(format!("{name} has the negative density {density:.3e} at 1 Hz: taken as zero"));
        }
    }
    if sources.is_empty() {
        summary.remarks.push("no device makes any noise: all results are zero".into());
    }
    Ok(())
}
