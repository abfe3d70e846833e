//! Who knows the names in a parameter expression: parameters in sight, functions of the deck, the temperature.

use crate::circuit::data;
use crate::circuit::scope::{EnvId, Scopes};
use crate::diag::Diagnostic;
use crate::ir::{Builder, Value};
use crate::netlist::ast::{Expr, ExprKind, FunctionCard};
use crate::netlist::chance;
use crate::netlist::lower::Resolve;

/// Names as they are seen from one use of a scope. The builder of the graph is lent to whoever lowers, so it is put back
/// whenever the graph is asked for something.
pub struct Reader<'s, 'd> {
    /// All scopes.
    pub scopes: &'s mut Scopes<'d>,
    /// Where the expression stands.
    pub env: EnvId,
    /// Names that mean something of their own: folded name and value.
    pub bound: &'s [(String, Value)],
}

impl<'d> Resolve<'d> for Reader<'_, 'd> {
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic> {
        let name = match &leaf.kind {
            ExprKind::Name(name) => name.to_lowercase(),
            ExprKind::Call(name, _) => return Err(too_early(leaf, &format!("{name}()"))),
            _ => return Err(too_early(leaf, "a variable of a device")),
        };
        if let Some((_, value)) = self.bound.iter().find(|(n, _)| *n == name) {
            return Ok(Some(*value));
        }
        std::mem::swap(builder, &mut self.scopes.graph.builder);
        let value = self.scopes.parameter(self.env, &name, leaf.span);
        std::mem::swap(builder, &mut self.scopes.graph.builder);
        if value.is_none() && name == "time" {
            return Err(too_early(leaf, "time"));
        }
        Ok(value)
    }

    fn function(&self, name: &str) -> Option<&'d FunctionCard> {
        self.scopes.function(self.env, &name.to_lowercase()).map(|(function, _)| function)
    }

    fn data(&mut self, whole: &Expr, file: &Expr, indices: &[Value], builder: &mut Builder) -> Result<Value, Diagnostic> {
        data::value(&mut self.scopes.data, whole, file, indices, builder)
    }

    fn draw(&mut self, _: &Expr, builder: &mut Builder) -> Result<Value, Diagnostic> {
        std::mem::swap(builder, &mut self.scopes.graph.builder);
        let seed = self.scopes.seed();
        std::mem::swap(builder, &mut self.scopes.graph.builder);
        self.scopes.draws += 1;
        Ok(chance::draw(builder, seed, self.scopes.draws))
    }

    fn names(&self) -> Vec<String> {
        self.scopes.visible(self.env, |d| d.parameter_names().into_iter().chain(d.function_names()).collect())
    }
}

fn too_early(leaf: &Expr, what: &str) -> Diagnostic {
    Diagnostic::error(leaf.span, format!("`{what}` has no value before the simulation"))
        .expected("expected an expression of parameters")
        .hint("a value that depends on voltages, currents or time belongs into a B source")
}
