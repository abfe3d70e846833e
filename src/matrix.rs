//! Numbers of arrays in files: csv tables and NPY, to and from a [`Matrix`].
//!
//! NPY (format 1.0 to 3.0 of numpy): `\x93NUMPY`, version, length of the head, a dictionary `{'descr': '<f8', 'fortran_order':
//! False, 'shape': (4, 4), }`, then the values, little-endian, last index fastest. Read are `f8 f4 i8 i4 i2 i1 u4 u2 u1 b1`, written is
//! `f8`, version 1.0. The crates for it bring a parser of Python literals or a whole array library; it is one dictionary of three
//! keys. A csv table has one row a line, numbers separated by commas, semicolons or blanks; a first line of names and lines
//! that begin with `#` are no rows.

use std::fmt::Write as _;

/// Numbers by one or more indices, each counted from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matrix {
    /// How many there are by each index: rows and columns.
    pub shape: Vec<usize>,
    /// The last index is the fastest.
    pub values: Vec<f64>,
}

const MAGIC: &[u8] = b"\x93NUMPY";
/// Heads of NPY files end at a multiple of this.
const ALIGN: usize = 64;

/// Element types by name, and their bytes.
const TYPES: [(&str, usize); 10] =
    [("<f8", 8), ("<f4", 4), ("<i8", 8), ("<i4", 4), ("<i2", 2), ("|i1", 1), ("<u4", 4), ("<u2", 2), ("|u1", 1), ("|b1", 1)];

impl Matrix {
    /// A file of either kind, told apart by its content.
    ///
    /// # Errors
    /// A sentence that says what is wrong where.
    pub fn parse(bytes: &[u8]) -> Result<Matrix, String> {
        if bytes.starts_with(MAGIC) { npy(bytes) } else { csv(&String::from_utf8_lossy(bytes)) }
    }

    /// The entry at some indices; a single row or column needs one only.
    ///
    /// # Errors
    /// What is wrong with the indices.
    pub fn entry(&self, indices: &[f64]) -> Result<f64, String> {
        let shape = match (self.shape.as_slice(), indices.len()) {
            ([1, n] | [n, 1], 1) => vec![*n],
            (shape, _) => shape.to_vec(),
        };
        if indices.len() != shape.len() {
            return Err(format!("it has {}: {} needed, {} given", self.size(), plural(shape.len(), "index"), indices.len()));
        }
        let mut at = 0;
        for (index, count) in indices.iter().zip(&shape) {
            if index.fract() != 0.0 || !index.is_finite() {
                return Err(format!("the index {index} is no whole number"));
            }
            if *index < 0.0 || *index >= *count as f64 {
                let list: Vec<String> = indices.iter().map(f64::to_string).collect();
                return Err(format!("it has {}: there is no ({})", self.size(), list.join(", ")));
            }
            at = at * count + *index as usize;
        }
        Ok(self.values[at])
    }

    /// `4 x 4 numbers`.
    pub fn size(&self) -> String {
        let counts: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        format!("{} numbers", counts.join(" x "))
    }

    /// As an NPY file.
    pub fn to_npy(&self) -> Vec<u8> {
        let counts: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let comma = if counts.len() == 1 { "," } else { "" };
        let mut head = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}{comma}), }}", counts.join(", "));
        let fixed = MAGIC.len() + 4;
        while !(fixed + head.len() + 1).is_multiple_of(ALIGN) {
            head.push(' ');
        }
        head.push('\n');
        let mut out = MAGIC.to_vec();
        out.extend([1, 0]);
        out.extend((head.len() as u16).to_le_bytes());
        out.extend(head.as_bytes());
        out.extend(self.values.iter().flat_map(|v| v.to_le_bytes()));
        out
    }

    /// As lines of a csv table: each number the shortest that reads back the same.
    pub fn to_csv(&self) -> String {
        let columns = self.shape.last().copied().unwrap_or(1).max(1);
        let mut out = String::new();
        for row in self.values.chunks(columns) {
            for (k, value) in row.iter().enumerate() {
                let comma = if k == 0 { "" } else { "," };
                let size = value.abs();
                let plain = *value == 0.0 || (1e-3..1e6).contains(&size);
                let _ = if plain { write!(out, "{comma}{value}") } else { write!(out, "{comma}{value:e}") };
            }
            out.push('\n');
        }
        out
    }
}

fn plural(count: usize, word: &str) -> String {
    match (count, word) {
        (1, _) => format!("1 {word}"),
        (n, "index") => format!("{n} indices"),
        (n, _) => format!("{n} {word}s"),
    }
}

fn csv(text: &str) -> Result<Matrix, String> {
    let mut values = Vec::new();
    let mut columns = None;
    let mut rows = 0;
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split([',', ';', ' ', '\t']).filter(|w| !w.is_empty()).collect();
        let parsed: Result<Vec<f64>, &str> = words.iter().map(|w| w.parse::<f64>().map_err(|_| *w)).collect();
        let row = match parsed {
            Ok(row) => row,
            Err(_) if columns.is_none() && words.iter().all(|w| w.parse::<f64>().is_err()) => {
                columns = Some(words.len());
                continue;
            }
            Err(word) => return Err(format!("line {number}: `{word}` is not a number")),
        };
        let wanted = *columns.get_or_insert(row.len());
        if row.len() != wanted {
            return Err(format!("line {number}: {} where there are {wanted} before", plural(row.len(), "number")));
        }
        values.extend(row);
        rows += 1;
    }
    match columns {
        Some(columns) if rows > 0 => Ok(Matrix { shape: vec![rows, columns], values }),
        _ => Err("it holds no numbers".to_string()),
    }
}

fn npy(bytes: &[u8]) -> Result<Matrix, String> {
    let cut = "the file ends early";
    let version = *bytes.get(6).ok_or(cut)?;
    let length = |range: std::ops::Range<usize>| {
        let field = bytes.get(range).ok_or(cut)?;
        Ok::<usize, String>(field.iter().rev().fold(0, |sum, b| sum << 8 | *b as usize))
    };
    let (start, size): (usize, usize) = match version {
        1 => (10, length(8..10)?),
        2 | 3 => (12, length(8..12)?),
        other => return Err(format!("version {other} of NPY is not known; known are 1 to 3")),
    };
    let head = bytes.get(start..start.saturating_add(size)).ok_or(cut)?;
    let head = String::from_utf8_lossy(head);
    let field = |key: &str| {
        let after = head.split_once(&format!("'{key}'"))?.1;
        Some(after.split_once(':')?.1.trim_start())
    };
    if field("fortran_order").is_some_and(|v| v.starts_with("True")) {
        return Err("it is in Fortran order: write it by `np.save(file, np.ascontiguousarray(a))`".to_string());
    }
    let quoted = |v: &str| Some(v.strip_prefix(['\'', '"'])?.split(['\'', '"']).next()?.replace('=', "<"));
    let kind = field("descr").and_then(quoted).ok_or("its head names no type")?;
    let Some((name, width)) = TYPES.iter().find(|t| t.0 == kind) else {
        let known: Vec<&str> = TYPES.iter().map(|t| t.0).collect();
        return Err(format!("numbers of type `{kind}` are not read; known are {}", known.join(" ")));
    };
    let inner = field("shape").and_then(|v| v.strip_prefix('(')?.split(')').next()).ok_or("its head names no shape")?;
    let counts = inner.split(',').map(str::trim).filter(|w| !w.is_empty());
    let shape: Vec<usize> = counts.map(str::parse).collect::<Result<_, _>>().map_err(|_| format!("`({inner})` is no shape"))?;
    let count = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n)).ok_or(cut)?;
    let data = &bytes[start + size..];
    if data.len() / width < count {
        return Err(format!("{count} numbers are announced, {} are there", data.len() / width));
    }
    let values = data.chunks_exact(*width).take(count).map(|c| decoded(name, c)).collect();
    Ok(Matrix { shape, values })
}

/// A number of a type.
fn decoded(kind: &str, bytes: &[u8]) -> f64 {
    let mut eight = [0u8; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(eight);
    let signed = || {
        let unused = 64 - 8 * bytes.len() as u32;
        ((unsigned << unused) as i64) >> unused
    };
    match kind.as_bytes()[1] {
        b'f' if bytes.len() == 8 => f64::from_bits(unsigned),
        b'f' => f64::from(f32::from_bits(unsigned as u32)),
        b'i' => signed() as f64,
        _ => unsigned as f64,
    }
}
