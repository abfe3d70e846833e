//! Expressions to IR: names, probes and variables through a [`Resolve`], `.func` by expansion, built-in functions by a table.
//!
//! Every expression is a real number; comparisons are 1 or 0, and what is not 0 is true. As in ngspice `log` is the natural
//! logarithm. `x ** y` is IEEE's power (NaN for a negative base and a broken exponent); `pwr(x, y)` is `sgn(x) abs(x)**y`.

use crate::diag::Diagnostic;
use crate::ir::{Builder, Op, Type, Value};
use crate::netlist::ast::{BinaryOp, Expr, ExprKind, FunctionCard, UnaryOp};
use crate::netlist::{builtin, chance, clip, expr};

/// Levels of trees and functions in one another; each costs stack.
const DEEPEST: usize = 1200;
/// Nodes after all functions are expanded; beyond it they double from one to the next.
const MOST_NODES: usize = 1_000_000;

/// The function that reads files.
pub const DATA: &str = "data";

/// Where expressions take from what they do not say themselves.
pub trait Resolve<'deck> {
    /// The value of a leaf: [`ExprKind::Name`] (parameters, `time`, `temper`), [`ExprKind::Variable`], or the call of a probe
    /// (`v(a, b)`, `i(r1)`). `None` if there is no such thing; constants such as `pi` are tried then.
    ///
    /// # Errors
    /// If it may not be used here.
    fn leaf(&mut self, leaf: &Expr, builder: &mut Builder) -> Result<Option<Value>, Diagnostic>;

    /// The `.func` called `name` (any case).
    fn function(&self, name: &str) -> Option<&'deck FunctionCard>;

    /// An entry of a file with numbers: `data("file", indices)`.
    ///
    /// # Errors
    /// If there is no such file or entry, or no files can be read here.
    fn data(&mut self, whole: &Expr, file: &Expr, indices: &[Value], builder: &mut Builder) -> Result<Value, Diagnostic> {
        let _ = (file, indices, builder);
        Err(Diagnostic::error(whole.span, "data() is not known yet where this is read").hint("give it to a `.param` or an element"))
    }

    /// A random number between 0 and 1, another one for each call.
    ///
    /// # Errors
    /// If none can be drawn here.
    fn draw(&mut self, whole: &Expr, builder: &mut Builder) -> Result<Value, Diagnostic> {
        let _ = builder;
        Err(Diagnostic::error(whole.span, "a random number is drawn where it would move")
            .expected("expected in `.param` and values of elements")
            .hint("draw it in a `.param` and name that"))
    }

    /// Names for "did you mean".
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Compiles `expr`; the result is of type real.
///
/// # Errors
/// Unknown names and functions, wrong numbers of arguments, functions that call themselves, texts.
pub fn lower<'deck>(expr: &Expr, builder: &mut Builder, resolve: &mut dyn Resolve<'deck>) -> Result<Value, Diagnostic> {
    let outer = builder.span;
    let mut lowering = Lowering { builder, resolve, arguments: Vec::new(), active: Vec::new(), depth: 0, nodes: 0 };
    let value = lowering.real(expr);
    lowering.builder.span = outer;
    value
}

/// `value` as a real number.
pub fn to_real(builder: &mut Builder, value: Value) -> Value {
    if builder.type_of(value) == Type::Real { value } else { builder.op(Op::ToReal, &[value]) }
}

/// `value` as a truth value.
pub fn to_bool(builder: &mut Builder, value: Value) -> Value {
    if builder.type_of(value) == Type::Bool { value } else { builder.op(Op::ToBool, &[value]) }
}

struct Lowering<'b, 'r, 'deck> {
    builder: &'b mut Builder,
    resolve: &'r mut dyn Resolve<'deck>,
    /// Arguments of the function being expanded.
    arguments: Vec<(&'deck str, Value)>,
    /// Functions being expanded, outermost first.
    active: Vec<&'deck FunctionCard>,
    depth: usize,
    nodes: usize,
}

impl<'deck> Lowering<'_, '_, 'deck> {
    fn real(&mut self, expr: &Expr) -> Result<Value, Diagnostic> {
        let value = self.any(expr)?;
        Ok(to_real(self.builder, value))
    }

    fn truth(&mut self, expr: &Expr) -> Result<Value, Diagnostic> {
        let value = self.any(expr)?;
        Ok(to_bool(self.builder, value))
    }

    fn any(&mut self, expr: &Expr) -> Result<Value, Diagnostic> {
        self.depth += 1;
        self.nodes += 1;
        if self.depth > DEEPEST || self.nodes > MOST_NODES {
            return Err(Diagnostic::error(expr.span, "an expression that is too large with its functions expanded"));
        }
        let value = match &expr.kind {
            ExprKind::Number(number) => Ok(self.builder.real(*number)),
            ExprKind::Text(text) => {
                Err(Diagnostic::error(expr.span, format!("the text \"{}\" stands where a number is wanted", clip(text))))
            }
            ExprKind::Name(name) => self.name(expr, name),
            ExprKind::Variable(..) => self.leaf(expr),
            ExprKind::Call(name, _) if expr::is_probe(name) => self.leaf(expr),
            ExprKind::Call(name, arguments) => self.call(expr, name, arguments),
            ExprKind::Unary(op, inner) => self.unary(*op, inner),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr),
            ExprKind::Ternary(condition, yes, no) => self.ternary(condition, yes, no),
        };
        self.depth -= 1;
        value
    }

    #[inline(never)]
    fn name(&mut self, expr: &Expr, name: &str) -> Result<Value, Diagnostic> {
        if let Some((_, value)) = self.arguments.iter().rev().find(|(a, _)| a.eq_ignore_ascii_case(name)) {
            return Ok(*value);
        }
        self.builder.span = expr.span;
        if let Some(value) = self.resolve.leaf(expr, self.builder)? {
            return Ok(value);
        }
        if let Some(number) = builtin::constant(name) {
            return Ok(self.builder.real(number));
        }
        let names = self.resolve.names();
        Err(Diagnostic::error(expr.span, format!("unknown name `{}`", clip(name)))
            .suggest(&clip(name), names.iter().map(String::as_str)))
    }

    #[inline(never)]
    fn leaf(&mut self, expr: &Expr) -> Result<Value, Diagnostic> {
        self.builder.span = expr.span;
        match self.resolve.leaf(expr, self.builder)? {
            Some(value) => Ok(value),
            None => Err(Diagnostic::error(expr.span, "there is no such voltage, current or variable")),
        }
    }

    #[inline(never)]
    fn unary(&mut self, op: UnaryOp, inner: &Expr) -> Result<Value, Diagnostic> {
        Ok(match op {
            UnaryOp::Minus => {
                let value = self.real(inner)?;
                self.builder.op(Op::Neg, &[value])
            }
            UnaryOp::Not => {
                let value = self.truth(inner)?;
                self.builder.op(Op::Not, &[value])
            }
        })
    }

    #[inline(never)]
    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, whole: &Expr) -> Result<Value, Diagnostic> {
        let logic = matches!(op, BinaryOp::And | BinaryOp::Or);
        let (a, b) = match logic {
            true => (self.truth(left)?, self.truth(right)?),
            false => (self.real(left)?, self.real(right)?),
        };
        self.builder.span = whole.span;
        let op = match op {
            BinaryOp::Add => Op::Add,
            BinaryOp::Subtract => Op::Sub,
            BinaryOp::Multiply => Op::Mul,
            BinaryOp::Divide => Op::Div,
            BinaryOp::Remainder => Op::Rem,
            BinaryOp::Power => Op::Pow,
            BinaryOp::Less => Op::Lt,
            BinaryOp::LessEqual => Op::Le,
            BinaryOp::Greater => Op::Gt,
            BinaryOp::GreaterEqual => Op::Ge,
            BinaryOp::Equal => Op::Eq,
            BinaryOp::NotEqual => Op::Ne,
            BinaryOp::And => Op::And,
            BinaryOp::Or => Op::Or,
        };
        Ok(self.builder.op(op, &[a, b]))
    }

    /// Both arms are computed; the one not taken is dropped.
    #[inline(never)]
    fn ternary(&mut self, condition: &Expr, yes: &Expr, no: &Expr) -> Result<Value, Diagnostic> {
        let condition = self.truth(condition)?;
        let (yes, no) = (self.real(yes)?, self.real(no)?);
        Ok(self.builder.select(condition, yes, no))
    }

    #[inline(never)]
    fn call(&mut self, whole: &Expr, name: &str, arguments: &[Expr]) -> Result<Value, Diagnostic> {
        if let Some(function) = self.resolve.function(name) {
            return self.expand(whole, function, arguments);
        }
        if name.eq_ignore_ascii_case(DATA)
            && let Some((file, indices)) = arguments.split_first()
        {
            let indices = indices.iter().map(|i| self.real(i)).collect::<Result<Vec<Value>, Diagnostic>>()?;
            self.builder.span = whole.span;
            return self.resolve.data(whole, file, &indices, self.builder);
        }
        if let Some(row) = chance::distribution(name, arguments.len()) {
            let values = arguments.iter().map(|a| self.real(a)).collect::<Result<Vec<Value>, Diagnostic>>()?;
            self.builder.span = whole.span;
            let uniform = self.resolve.draw(whole, self.builder)?;
            return Ok(chance::value(self.builder, row, &values, uniform));
        }
        let Some(row) = builtin::function(name) else {
            return Err(self.unknown_function(whole, name));
        };
        if !row.takes(arguments.len()) {
            let message = format!("`{}` is given {} {}", row.name, arguments.len(), plural(arguments.len()));
            return Err(Diagnostic::error(whole.span, message).expected(format!("expected {}", row.wanted())));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.real(argument)?);
        }
        self.builder.span = whole.span;
        row.build(self.builder, &values).map_err(|message| Diagnostic::error(whole.span, message))
    }

    fn unknown_function(&self, whole: &Expr, name: &str) -> Diagnostic {
        let shown = clip(name);
        if let Some(wanted) = chance::wanted(name) {
            return Diagnostic::error(whole.span, format!("`{shown}` is given another number of arguments"))
                .expected(format!("expected {wanted}"));
        }
        if builtin::LATER.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Diagnostic::error(whole.span, format!("the function `{shown}` is not supported yet"));
        }
        Diagnostic::error(whole.span, format!("unknown function `{shown}`")).suggest(&clip(name), builtin::function_names())
    }

    fn expand(&mut self, whole: &Expr, function: &'deck FunctionCard, arguments: &[Expr]) -> Result<Value, Diagnostic> {
        let shown = clip(&function.name.text);
        if self.active.iter().any(|active| std::ptr::eq(*active, function)) {
            return Err(Diagnostic::error(whole.span, format!("the function `{shown}` calls itself"))
                .label(function.name.span, "defined here"));
        }
        if arguments.len() != function.arguments.len() {
            let message = format!("`{shown}` is given {} {}", arguments.len(), plural(arguments.len()));
            let wanted = function.arguments.len();
            return Err(Diagnostic::error(whole.span, message)
                .expected(format!("expected {wanted}"))
                .label(function.name.span, "defined here"));
        }
        let mut inner = Vec::with_capacity(arguments.len());
        for (name, argument) in function.arguments.iter().zip(arguments) {
            inner.push((name.text.as_str(), self.real(argument)?));
        }
        let outer = std::mem::replace(&mut self.arguments, inner);
        self.active.push(function);
        let value = self.real(&function.body);
        self.active.pop();
        self.arguments = outer;
        value
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "argument" } else { "arguments" }
}
