//! Columns that are the cells of an array: which of a result's columns fit a pattern, and where each of them stands.

use crate::wave::{Cell, Header};

/// A column that is a cell.
pub struct Seat {
    /// Index of the column.
    pub column: usize,
    /// The first number of its name, or 0 if there is one only.
    pub row: i64,
    /// The last number of its name.
    pub place: i64,
}

/// The columns whose names fit `pattern`, in which `%` stands for whole numbers.
pub fn seats(pattern: &str, header: &Header) -> Vec<Seat> {
    let pattern = pattern.to_lowercase();
    let fits = |(column, name): (usize, &str)| {
        let found = numbers(&pattern, name)?;
        let place = *found.last()?;
        Some(Seat { column, row: if found.len() > 1 { found[0] } else { 0 }, place })
    };
    header.columns.iter().map(|c| c.name.as_str()).enumerate().filter_map(fits).collect()
}

/// The whole numbers that stand for `%` if `name` (any case) fits the pattern.
fn numbers(pattern: &str, name: &str) -> Option<Vec<i64>> {
    let name = name.to_lowercase();
    let mut parts = pattern.split('%');
    let mut rest = name.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    for part in parts {
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        found.push(rest[..length].parse().ok()?);
        rest = rest[length..].strip_prefix(part)?;
    }
    (rest.is_empty() && !found.is_empty()).then_some(found)
}

/// What a cell of an array shows: of complex values the magnitude.
pub fn cell_value(cell: Option<&Cell>) -> f64 {
    match cell {
        Some(Cell::Real(v)) => *v,
        Some(Cell::Complex(z)) => z.norm(),
        _ => f64::NAN,
    }
}
