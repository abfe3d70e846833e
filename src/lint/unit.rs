//! Units as products of powers of base units: `A/V`, `1/s`, `cm^2/(V s)`, `F/m`. Factors of ten do not count.

use std::collections::BTreeMap;

/// Powers of kg, m, s, A, K, mol.
pub type Dimension = [i32; 6];

/// No unit at all.
pub const NUMBER: Dimension = [0; 6];

/// Derived and base units.
const UNITS: [(&str, Dimension); 31] = [
    ("kg", [1, 0, 0, 0, 0, 0]),
    ("g", [1, 0, 0, 0, 0, 0]),
    ("m", [0, 1, 0, 0, 0, 0]),
    ("s", [0, 0, 1, 0, 0, 0]),
    ("sec", [0, 0, 1, 0, 0, 0]),
    ("A", [0, 0, 0, 1, 0, 0]),
    ("K", [0, 0, 0, 0, 1, 0]),
    ("C", [0, 0, 1, 1, 0, 0]),
    ("mol", [0, 0, 0, 0, 0, 1]),
    ("V", [1, 2, -3, -1, 0, 0]),
    ("ohm", [1, 2, -3, -2, 0, 0]),
    ("Ohm", [1, 2, -3, -2, 0, 0]),
    ("S", [-1, -2, 3, 2, 0, 0]),
    ("mho", [-1, -2, 3, 2, 0, 0]),
    ("F", [-1, -2, 4, 2, 0, 0]),
    ("H", [1, 2, -2, -2, 0, 0]),
    ("W", [1, 2, -3, 0, 0, 0]),
    ("J", [1, 2, -2, 0, 0, 0]),
    ("eV", [1, 2, -2, 0, 0, 0]),
    ("Wb", [1, 2, -2, -1, 0, 0]),
    ("T", [1, 0, -2, -1, 0, 0]),
    ("Hz", [0, 0, -1, 0, 0, 0]),
    ("N", [1, 1, -2, 0, 0, 0]),
    ("Pa", [1, -1, -2, 0, 0, 0]),
    ("Coul", [0, 0, 1, 1, 0, 0]),
    ("deg", NUMBER),
    ("rad", NUMBER),
    ("1", NUMBER),
    ("%", NUMBER),
    ("cm", [0, 1, 0, 0, 0, 0]),
    ("um", [0, 1, 0, 0, 0, 0]),
];

/// The dimension of a unit; `None` if it is not understood.
pub fn parse(text: &str) -> Option<Dimension> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut reader = Reader { rest: text };
    let dimension = reader.product()?;
    reader.rest.trim().is_empty().then_some(dimension)
}

/// `a` to the power `n`, times `b`.
pub fn combine(a: Dimension, n: i32, b: Dimension) -> Dimension {
    std::array::from_fn(|k| a[k] * n + b[k])
}

/// A dimension in base units.
pub fn text(dimension: Dimension) -> String {
    let named: BTreeMap<Dimension, &str> = UNITS.iter().rev().map(|(name, d)| (*d, *name)).collect();
    if let Some(name) = named.get(&dimension) {
        return if dimension == NUMBER { "a number".to_string() } else { (*name).to_string() };
    }
    let parts = ["kg", "m", "s", "A", "K", "mol"].iter().zip(dimension).filter(|(_, n)| *n != 0);
    let one = |(name, n): (&&str, i32)| if n == 1 { (*name).to_string() } else { format!("{name}^{n}") };
    parts.map(one).collect::<Vec<_>>().join(" ")
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Factors with `*`, blanks or `/` between them; `/` counts for the next factor.
    fn product(&mut self) -> Option<Dimension> {
        let mut total = self.power()?;
        loop {
            self.rest = self.rest.trim_start();
            let sign = match self.rest.chars().next() {
                None | Some(')') => return Some(total),
                Some('/') => -1,
                Some('*' | '.') => 1,
                Some(_) => {
                    total = combine(self.power()?, 1, total);
                    continue;
                }
            };
            self.rest = &self.rest[1..];
            total = combine(self.power()?, sign, total);
        }
    }

    fn power(&mut self) -> Option<Dimension> {
        self.rest = self.rest.trim_start();
        let base = if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let inner = self.product()?;
            self.rest = self.rest.trim_start().strip_prefix(')')?;
            inner
        } else {
            let end = self.rest.find(|c: char| !(c.is_alphabetic() || c == '1' || c == '%')).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            named(word)?
        };
        let raised = self.rest.strip_prefix("**").or_else(|| self.rest.strip_prefix('^'));
        let Some(rest) = raised else { return Some(base) };
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
        let exponent: i32 = rest[..end].parse().ok().filter(|n: &i32| n.abs() < 100)?;
        self.rest = &rest[end..];
        Some(combine(base, exponent, NUMBER))
    }
}

/// A unit with or without a prefix for a factor of ten.
fn named(word: &str) -> Option<Dimension> {
    let exact = |w: &str| UNITS.iter().find(|(name, _)| *name == w).map(|(_, d)| *d);
    exact(word).or_else(|| {
        let mut letters = word.chars();
        letters.next().filter(|c| "fpnumkMGTc".contains(*c))?;
        exact(letters.as_str())
    })
}
