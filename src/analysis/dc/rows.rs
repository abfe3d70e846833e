//! Rows of a sweep: commits a place, evaluates the outputs, pushes the row.

use crate::dae::{Message, MessageKind};
use crate::solve::SimError;
use crate::solve::border::{Branch, Place};
use crate::wave::{Flow, Sink};

use crate::analysis::columns::{RowMaker, writing};
use crate::analysis::op;

/// Writer of one sweep.
pub struct Rows<'a> {
    /// Where rows go.
    pub sink: &'a mut dyn Sink,
    /// Value of the outer parameter, if there is one.
    pub outer: Option<f64>,
    /// Number of the pass, from 1.
    pub pass: u32,
    /// Rows written.
    pub count: u64,
    /// What models said.
    pub messages: Vec<Message>,
    maker: RowMaker,
}

impl<'a> Rows<'a> {
    /// A writer into `sink`.
    pub fn new(sink: &'a mut dyn Sink) -> Rows<'a> {
        Rows { sink, outer: None, pass: 1, count: 0, messages: Vec::new(), maker: RowMaker::default() }
    }

    /// Accepts a place and writes its row.
    ///
    /// # Errors
    /// What the sink or a model says.
    pub fn write(&mut self, branch: &mut Branch, place: &Place) -> Result<Flow, SimError> {
        let told = self.messages.len();
        branch.set(place.p()).map_err(|failure| SimError::Fatal(failure.to_string()))?;
        op::accept(&mut branch.statics, &branch.params, place.x(), &mut self.messages)?;
        let leads = [place.p(), self.outer.unwrap_or(0.0), f64::from(self.pass)];
        let leads = if self.outer.is_some() { leads } else { [leads[0], leads[2], 0.0] };
        let used = if self.outer.is_some() { 3 } else { 2 };
        let system = branch.statics.system;
        let outputs = branch.outputs(place);
        self.count += 1;
        let flow = self.sink.row(self.maker.real(system, &leads[..used], outputs, &[])).map_err(writing)?;
        let finished = self.messages[told..].iter().any(|m| m.kind == MessageKind::Finish);
        Ok(if finished { Flow::Stop } else { flow })
    }
}
