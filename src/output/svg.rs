//! Plots (being built).
use std::io;
use std::path::PathBuf;

use crate::output::{Request, Writer};
use crate::wave::{Cell, Flow, Header, Sink};

/// One plot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plot {}

struct Nothing;

impl Sink for Nothing {
    fn begin(&mut self, _: &Header) -> io::Result<()> {
        Ok(())
    }
    fn segment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn row(&mut self, _: &[Cell]) -> io::Result<Flow> {
        Ok(Flow::Continue)
    }
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer for Nothing {
    fn finish(&mut self) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}

/// A writer of plots.
pub fn open(_: &Request) -> Box<dyn Writer> {
    Box::new(Nothing)
}
