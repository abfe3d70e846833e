//! Values in loops that read nothing but indices: `{1k*(1 + 0.1*sin(i*j))}` is compiled once and then evaluated card by card,
//! instead of being read anew into the graph of all numbers.

use std::cell::Cell;

use rustc_hash::FxHashMap;

use crate::circuit::scope::{EnvId, Scopes, TEMPERATURE};
use crate::diag::Diagnostic;
use crate::ir::{Builder, Function, Input, Type, Value, interp};
use crate::netlist::ast::{Expr, ExprKind, FunctionCard};
use crate::netlist::lower::{self, Resolve};
use crate::span::Span;

/// A function whose points are looked at while it is built, so that they must be numbers then.
const LOOKED_AT: &str = "table";

/// Compiled expressions of one use of a scope by their places; `None` for those that read more than indices, or are wrong.
#[derive(Default)]
pub struct Formulas(FxHashMap<Span, Option<Function>>);

impl Formulas {
    /// The value of `expr`, as `scopes` would have it; `None` if it reads more than indices.
    pub fn value(&mut self, scopes: &Scopes, env: EnvId, expr: &Expr, indices: &[(&str, f64)]) -> Option<f64> {
        let compiled = self.0.entry(expr.span).or_insert_with(|| compiled(scopes, env, expr, indices));
        let value = interp::first(compiled.as_ref()?, &|input| match input {
            Input::Argument(k) => indices[k as usize].1,
            _ => f64::NAN,
        });
        Some(value)
    }
}

/// The expression as a function of the indices, if it is one.
fn compiled(scopes: &Scopes, env: EnvId, expr: &Expr, indices: &[(&str, f64)]) -> Option<Function> {
    let mut builder = Builder::new();
    let names = indices.iter().map(|(name, _)| *name).zip(0..);
    let bound = names.map(|(name, k)| (name, builder.input(Input::Argument(k), Type::Real))).collect();
    let mut alone = Alone { scopes, env, bound, refused: Cell::new(false) };
    let value = lower::lower(expr, &mut builder, &mut alone).ok()?;
    (!alone.refused.get()).then(|| builder.finish(vec![value]))
}

/// Who knows nothing but indices and the functions of the deck.
struct Alone<'s, 'd> {
    scopes: &'s Scopes<'d>,
    env: EnvId,
    bound: Vec<(&'s str, Value)>,
    /// True if something was asked for that is not to be had here.
    refused: Cell<bool>,
}

impl<'d> Resolve<'d> for Alone<'_, 'd> {
    fn leaf(&mut self, leaf: &Expr, _: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let name = match &leaf.kind {
            ExprKind::Name(name) => name.to_lowercase(),
            _ => String::new(),
        };
        let index = self.bound.iter().find(|(index, _)| index.eq_ignore_ascii_case(&name));
        let other = || name.is_empty() || self.scopes.has_parameter(self.env, &name) || TEMPERATURE.contains(&name.as_str());
        self.refused.set(self.refused.get() || index.is_none() && other());
        Ok(index.map(|(_, value)| *value))
    }

    fn function(&self, name: &str) -> Option<&'d FunctionCard> {
        let own = self.scopes.function(self.env, &name.to_lowercase()).map(|(function, _)| function);
        self.refused.set(self.refused.get() || own.is_none() && name.eq_ignore_ascii_case(LOOKED_AT));
        own
    }
}
