//! The same equations with a clock that begins later: near its zero a clock resolves any time, however short.

use crate::dae::{
    Change, Diagnostic, Drive, Eval, Excitation, Fault, Layout, Memory, Message, Motion, NoiseSource, ParamId, Params, Point,
    Start, System, Want,
};
use crate::sparse::Pattern;

/// `inner` seen from the time `begin`, s. Every method is handed on.
pub(super) struct Shifted<'a> {
    pub(super) inner: &'a dyn System,
    pub(super) begin: f64,
}

impl Shifted<'_> {
    fn moved<'p>(&self, at: &Point<'p>) -> Point<'p> {
        Point { t: self.begin + at.t, ..*at }
    }
}

impl System for Shifted<'_> {
    fn layout(&self) -> &Layout {
        self.inner.layout()
    }

    fn pattern(&self) -> &Pattern {
        self.inner.pattern()
    }

    fn params(&self) -> Params {
        self.inner.params()
    }

    fn param(&self, name: &str) -> Option<ParamId> {
        self.inner.param(name)
    }

    fn value(&self, params: &Params, id: ParamId) -> f64 {
        self.inner.value(params, id)
    }

    fn assign(&self, params: &mut Params, id: ParamId, value: f64) -> Result<Change, Diagnostic> {
        self.inner.assign(params, id, value)
    }

    fn starts(&self, params: &Params) -> Vec<Start> {
        self.inner.starts(params)
    }

    fn start_slopes(&self, id: ParamId, params: &Params) -> Vec<f64> {
        self.inner.start_slopes(id, params)
    }

    fn eval(&self, at: &Point, want: Want, out: &mut Eval) {
        self.inner.eval(&self.moved(at), want, out);
    }

    fn commit(&self, at: &Point, memory: &mut Memory, messages: &mut Vec<Message>) {
        self.inner.commit(&self.moved(at), memory, messages);
    }

    fn derive(&self, k: usize, arguments: &[f64]) -> f64 {
        self.inner.derive(k, arguments)
    }

    fn conclude(&self, at: &Point, messages: &mut Vec<Message>) {
        self.inner.conclude(&self.moved(at), messages);
    }

    fn excitation(&self, at: &Point, out: &mut Excitation) {
        self.inner.excitation(&self.moved(at), out);
    }

    fn noise(&self, at: &Point, out: &mut Vec<NoiseSource>) {
        self.inner.noise(&self.moved(at), out);
    }

    fn record(&self, at: &Point, memory: &mut Memory) {
        self.inner.record(&self.moved(at), memory);
    }

    fn next_break(&self, at: &Point) -> f64 {
        // A corner that the sum rounds away is the one here.
        self.inner.next_break(&self.moved(at)) - self.begin
    }

    fn motion(&self, params: &Params) -> Option<Motion> {
        self.inner.motion(params)
    }

    fn drives(&self, params: &Params) -> Vec<Drive> {
        self.inner.drives(params)
    }

    fn slope(&self, id: ParamId, at: &Point, df: &mut [f64], dq: &mut [f64]) {
        self.inner.slope(id, &self.moved(at), df, dq);
    }

    fn explain(&self, at: &Point) -> Vec<Fault> {
        self.inner.explain(&self.moved(at))
    }
}
