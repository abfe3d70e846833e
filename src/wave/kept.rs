//! The columns that measures read, kept while everything else goes past.
//!
//! Takes rows as a [`Sink`], gives a [`Dataset`] that has only the columns asked for by name, the independent ones and the
//! labels of special points, if anything is asked for at all; the number of rows and the segments are those of the whole.

use std::collections::HashSet;
use std::io;

use crate::wave::{Cell, Column, Dataset, Flow, Header, Sink};

/// Keeps some columns of a result.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    wanted: HashSet<String>,
    chosen: Vec<usize>,
    data: Dataset,
}

impl Kept {
    /// Keeps the columns called `names` (any case).
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Kept {
        Kept { wanted: names.into_iter().map(str::to_lowercase).collect(), ..Kept::default() }
    }

    /// Numbers that it holds in memory.
    pub fn held(&self) -> usize {
        self.data.rows * self.chosen.len()
    }

    /// What was kept.
    pub fn into_data(self) -> Dataset {
        self.data
    }
}

impl Sink for Kept {
    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let asked =
            |(k, name): (usize, &str)| k < header.independent || name == "point" || self.wanted.contains(&name.to_lowercase());
        let all = 0..header.columns.len();
        let none = self.wanted.is_empty();
        self.chosen = all.filter(|k| !none && asked((*k, &header.columns[*k].name))).collect();
        let columns = self.chosen.iter().map(|k| header.columns[*k].clone()).collect();
        self.data.begin(&Header { columns, ..header.clone() })
    }

    fn segment(&mut self, label: &str) -> io::Result<()> {
        self.data.segment(label)
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<Flow> {
        for (column, k) in self.data.columns.iter_mut().zip(&self.chosen) {
            column.push(&cells[*k]);
        }
        self.data.rows += 1;
        Ok(Flow::Continue)
    }

    fn rows(&mut self, width: usize, values: &[f64]) -> io::Result<Flow> {
        for (column, k) in self.data.columns.iter_mut().zip(&self.chosen) {
            let picked = values.iter().skip(*k).step_by(width.max(1));
            match column {
                Column::Real(v) => v.extend(picked),
                other => picked.for_each(|x| other.push(&Cell::Real(*x))),
            }
        }
        self.data.rows += values.len() / width.max(1);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
