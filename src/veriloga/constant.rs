//! Expressions whose value decides on structure: bounds, conditions and loops of generate constructs (LRM 2.4, clause 6.6).
//!
//! Takes expressions in flat names, gives numbers. A parameter that is read here has shaped the model: it is noted with the
//! value it had, and for another value the module is compiled anew (see `model::library`).

use crate::diag::Diagnostic;
use crate::span::Span;
use crate::veriloga::ast::{Binary, Expr, ExprKind, Kind, Unary};
use crate::veriloga::declare::is_whole;
use crate::veriloga::flatten::Flattener;
use crate::veriloga::parse::{Abort, Parsed};
use crate::veriloga::rename::Meaning;

/// Parameters that depend on one another, each costing stack.
const DEEPEST: usize = 100;

/// A value known when the model is compiled.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant {
    /// Whole number.
    Int(i64),
    /// Real number.
    Real(f64),
    /// String.
    Text(String),
}

impl Constant {
    /// As a real number; `None` for a string.
    pub fn real(&self) -> Option<f64> {
        match self {
            Constant::Int(value) => Some(*value as f64),
            Constant::Real(value) => Some(*value),
            Constant::Text(_) => None,
        }
    }

    fn is_true(&self) -> bool {
        self.real().is_some_and(|v| v != 0.0)
    }
}

/// Name, value, number of arguments.
type Row = (&'static str, fn(f64, f64) -> f64, usize);

/// Functions of real numbers.
const FUNCTIONS: [Row; 12] = [
    ("sqrt", |a, _| a.sqrt(), 1),
    ("exp", |a, _| a.exp(), 1),
    ("ln", |a, _| a.ln(), 1),
    ("log", |a, _| a.log10(), 1),
    ("log10", |a, _| a.log10(), 1),
    ("sin", |a, _| a.sin(), 1),
    ("cos", |a, _| a.cos(), 1),
    ("tanh", |a, _| a.tanh(), 1),
    ("pow", f64::powf, 2),
    ("floor", |a, _| a.floor(), 1),
    ("ceil", |a, _| a.ceil(), 1),
    ("hypot", f64::hypot, 2),
];

impl Flattener<'_> {
    /// A whole number that structure depends on.
    pub fn whole(&mut self, expr: &Expr) -> Parsed<i32> {
        match self.constant(expr, 0)? {
            Constant::Int(value) => Ok(value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32),
            Constant::Real(value) => Ok(value.round() as i32),
            Constant::Text(_) => self.fail(expr.span, "a string where a number is wanted", "expected a whole number"),
        }
    }

    /// A condition that structure depends on.
    pub fn holds(&mut self, expr: &Expr) -> Parsed<bool> {
        Ok(self.constant(expr, 0)?.is_true())
    }

    /// The value of an expression in flat names.
    pub fn constant(&mut self, expr: &Expr, depth: usize) -> Parsed<Constant> {
        if depth > DEEPEST {
            return self.fail(expr.span, "this is nested too deeply", "expected a shorter chain of parameters");
        }
        match &expr.kind {
            ExprKind::Int(value) => Ok(Constant::Int(i64::from(*value))),
            ExprKind::Real(value) => Ok(Constant::Real(*value)),
            ExprKind::Text(text) => Ok(Constant::Text(text.clone())),
            ExprKind::Name(name) if name == "inf" => Ok(Constant::Real(f64::INFINITY)),
            ExprKind::Name(name) => self.parameter_constant(name, expr.span, depth),
            ExprKind::Index(name, index) => {
                let index = self.constant(index, depth + 1)?.real().unwrap_or(f64::NAN);
                self.parameter_constant(&format!("{}[{index}]", name.text), expr.span, depth)
            }
            ExprKind::Unary(operator, operand) => {
                let value = self.constant(operand, depth + 1)?;
                self.unary_constant(*operator, &value, expr.span)
            }
            ExprKind::Binary(operator, a, b) => {
                let (a, b) = (self.constant(a, depth + 1)?, self.constant(b, depth + 1)?);
                self.binary_constant(*operator, &a, &b, expr.span)
            }
            ExprKind::Conditional(condition, a, b) => match self.constant(condition, depth + 1)?.is_true() {
                true => self.constant(a, depth + 1),
                false => self.constant(b, depth + 1),
            },
            ExprKind::Call(name, arguments) => self.call_constant(&name.text, arguments, expr.span, depth),
            _ => self.not_constant(expr.span),
        }
    }

    fn not_constant<T>(&mut self, span: Span) -> Parsed<T> {
        self.fail(span, "this decides on structure and must be known when the model is compiled", "expected parameters only")
    }

    fn parameter_constant(&mut self, name: &str, span: Span, depth: usize) -> Parsed<Constant> {
        let Some(k) = self.parameters.get(name).copied() else {
            if self.diagnostics.iter().any(|d| d.span() == Some(span)) {
                return Err(Abort);
            }
            let declared = |m: &Meaning| matches!(m, Meaning::Name(flat) if flat == name);
            if self.scopes.iter().any(|scope| scope.names.values().any(declared)) {
                return self.not_constant(span);
            }
            let error = Diagnostic::error(span, format!("`{name}` is not declared"));
            let known: Vec<String> = self.parameters.keys().cloned().collect();
            self.diagnostics.push(error.suggest(name, known.iter().map(String::as_str)));
            return Err(Abort);
        };
        let (local, default, kind) = {
            let tree = &self.out.parameters[k];
            (tree.local, tree.default.clone(), tree.kind)
        };
        let value = match self.fixed.get(name).filter(|_| !local) {
            Some(value) => Constant::Real(*value),
            None => self.constant(&default, depth + 1)?,
        };
        let kind = kind.unwrap_or(if is_whole(&default) { Kind::Int } else { Kind::Real });
        let value = match (kind, value) {
            (Kind::Int, Constant::Real(value)) => Constant::Int(value.round() as i64),
            (Kind::Real, Constant::Int(value)) => Constant::Real(value as f64),
            (_, value) => value,
        };
        if !local {
            let Some(number) = value.real() else {
                return self.fail(span, "a string parameter that decides on structure", "expected a number");
            };
            self.shape.insert(name.to_string(), number);
        }
        Ok(value)
    }

    fn unary_constant(&mut self, operator: Unary, value: &Constant, span: Span) -> Parsed<Constant> {
        Ok(match (operator, value) {
            (_, Constant::Text(_)) => return self.fail(span, "an operator on a string", "expected a number"),
            (Unary::Plus, value) => value.clone(),
            (Unary::Minus, Constant::Int(value)) => Constant::Int(value.wrapping_neg()),
            (Unary::Minus, Constant::Real(value)) => Constant::Real(-value),
            (Unary::Not, value) => Constant::Int(i64::from(!value.is_true())),
            (Unary::BitNot, Constant::Int(value)) => Constant::Int(!value),
            _ => return self.not_constant(span),
        })
    }

    fn binary_constant(&mut self, operator: Binary, a: &Constant, b: &Constant, span: Span) -> Parsed<Constant> {
        let truth = |value: bool| Ok(Constant::Int(i64::from(value)));
        if let (Constant::Text(a), Constant::Text(b)) = (a, b) {
            return match operator {
                Binary::Eq => truth(a == b),
                Binary::Ne => truth(a != b),
                _ => self.fail(span, "an operator on a string", "strings can only be compared, with `==` and `!=`"),
            };
        }
        let (Some(x), Some(y)) = (a.real(), b.real()) else {
            return self.fail(span, "an operator on a string", "expected two numbers or two strings");
        };
        match operator {
            Binary::Lt => return truth(x < y),
            Binary::Le => return truth(x <= y),
            Binary::Gt => return truth(x > y),
            Binary::Ge => return truth(x >= y),
            Binary::Eq => return truth(x == y),
            Binary::Ne => return truth(x != y),
            Binary::And => return truth(x != 0.0 && y != 0.0),
            Binary::Or => return truth(x != 0.0 || y != 0.0),
            _ => {}
        }
        if let (Constant::Int(a), Constant::Int(b)) = (a, b) {
            return match integer(operator, *a, *b) {
                Some(value) => Ok(Constant::Int(value)),
                None => self.fail(span, "a division by zero decides on structure", "expected another divisor"),
            };
        }
        Ok(Constant::Real(match operator {
            Binary::Add => x + y,
            Binary::Sub => x - y,
            Binary::Mul => x * y,
            Binary::Div => x / y,
            Binary::Rem => x % y,
            Binary::Pow => x.powf(y),
            _ => return self.fail(span, "an operator of integers on a real number", "expected integers"),
        }))
    }

    fn call_constant(&mut self, name: &str, arguments: &[Expr], span: Span, depth: usize) -> Parsed<Constant> {
        let mut values = Vec::new();
        let known = FUNCTIONS.iter().find(|(n, _, count)| *n == name.trim_start_matches('$') && *count == arguments.len());
        let special = ["min", "max", "abs", "$clog2", "int", "$rtoi", "$itor"].contains(&name);
        if known.is_none() && !special {
            return self.not_constant(span);
        }
        for argument in arguments {
            values.push(self.constant(argument, depth + 1)?);
        }
        let real = |k: usize| values.get(k).and_then(Constant::real).unwrap_or(f64::NAN);
        if let Some((_, function, _)) = known {
            return Ok(Constant::Real(function(real(0), real(1))));
        }
        let whole = values.iter().all(|v| matches!(v, Constant::Int(_)));
        let value = match name {
            "min" => real(0).min(real(1)),
            "max" => real(0).max(real(1)),
            "abs" => real(0).abs(),
            "$clog2" => (real(0) - 0.5).log2().ceil().max(0.0),
            "$itor" => return Ok(Constant::Real(real(0))),
            _ => return Ok(Constant::Int(real(0).trunc() as i64)),
        };
        Ok(if whole { Constant::Int(value as i64) } else { Constant::Real(value) })
    }
}

/// Integer arithmetic; `None` for a division by zero.
fn integer(operator: Binary, a: i64, b: i64) -> Option<i64> {
    Some(match operator {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div => a.checked_div(b)?,
        Binary::Rem => a.checked_rem(b)?,
        Binary::Pow => (a as f64).powf(b as f64) as i64,
        Binary::Shl => a.checked_shl(u32::try_from(b).ok()?).unwrap_or(0),
        Binary::Shr => (a as u64).checked_shr(u32::try_from(b).ok()?).unwrap_or(0) as i64,
        Binary::BitAnd => a & b,
        Binary::BitOr => a | b,
        Binary::BitXor => a ^ b,
        Binary::BitXnor => !(a ^ b),
        _ => return None,
    })
}
