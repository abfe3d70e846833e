//! Measures of a `.step` family as a result of their own: analysis `measure`, one row for each member.
//!
//! The innermost `.step` parameter is the abscissa; members that differ in outer parameters are results of their own, and so lines
//! of their own in a plot. A measure that failed is not a number. Units are those of the first member.

use crate::report;
use crate::run::{Outcome, Simulation};
use crate::wave::{Column, ColumnInfo, ColumnKind, Dataset, Header};

/// Name of the analysis, for `.plot measure` and files.
pub const ANALYSIS: &str = "measure";

/// The measures of a family; nothing where there is no family or nothing is measured.
pub fn measures(simulation: &Simulation) -> Vec<Dataset> {
    let names: Vec<&String> =
        simulation.members.first().into_iter().flatten().flat_map(|o| o.measures.iter().map(|m| &m.0)).collect();
    if simulation.members.len() < 2 || names.is_empty() {
        return Vec::new();
    }
    let units = simulation.members.first().map(|member| report::units(&simulation.mna, member)).unwrap_or_default();
    let unit = |name: &String| units.iter().find(|(n, _)| n == name).map_or("", |(_, unit)| unit.as_str());
    let columns: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), unit(name))).collect();
    let steps = simulation.mna.step_units();
    let stepped = |name: &String| steps.iter().find(|(n, _)| n == name).map_or("", |(_, unit)| unit.as_str());
    let mut out: Vec<Dataset> = Vec::new();
    for member in &simulation.members {
        let Some((inner, outer)) = member.first().and_then(|o| o.data.header.keys.split_last()) else { continue };
        if out.last().is_none_or(|last| last.header.keys != outer) {
            out.push(empty((&inner.0, stepped(&inner.0)), &columns, outer));
        }
        let Some(last) = out.last_mut() else { continue };
        let values = names.iter().map(|name| value(member, name));
        for (column, value) in last.columns.iter_mut().zip(std::iter::once(inner.1).chain(values)) {
            if let Column::Real(numbers) = column {
                numbers.push(value);
            }
        }
        last.rows += 1;
    }
    out
}

fn value(member: &[Outcome], name: &str) -> f64 {
    let found = member.iter().flat_map(|o| &o.measures).find(|(n, _)| n == name);
    found.and_then(|(_, value)| value.as_ref().ok().copied()).unwrap_or(f64::NAN)
}

/// Name and unit of the abscissa and of all measures.
fn empty(abscissa: (&str, &str), measures: &[(&str, &str)], keys: &[(String, f64)]) -> Dataset {
    let column = |(name, unit): (&str, &str)| ColumnInfo {
        name: name.to_string(),
        quantity: "measure".to_string(),
        unit: unit.to_string(),
        kind: ColumnKind::Real,
    };
    let columns: Vec<ColumnInfo> = std::iter::once(abscissa).chain(measures.iter().copied()).map(column).collect();
    let header = Header {
        analysis: ANALYSIS.to_string(),
        title: "Measures".to_string(),
        independent: 1,
        logarithmic: false,
        keys: keys.to_vec(),
        columns,
    };
    let columns = header.columns.iter().map(|_| Column::Real(Vec::new())).collect();
    Dataset { header, columns, segments: Vec::new(), rows: 0 }
}
