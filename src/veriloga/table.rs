//! `$table_model` (LRM 2.4, clause 9.21): samples from a file or from arrays, a control string, and the lookups that they make.
//!
//! The control string has one part for each column of independent variables, outermost first: `D 1 2 3` (nearest, linear,
//! quadratic, cubic) or `I` (the column is left out), then how to go on beyond the samples: `C` (constant), `L` (tangent, the
//! default) or `E` (an error), one letter for both ends or one for each. Behind a semicolon stands the number of the dependent
//! column. More than two variables are sums over the outermost: the interpolant is linear in the samples, so that each slice
//! counts with the interpolant of a 1 at its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::ir::op::lookup;
use crate::ir::table::{Axis, Beyond, Degree, Table};
use crate::ir::{Op, Value};
use crate::model::format::Piece;
use crate::model::{MessageLevel, ParamKind};
use crate::span::Span;
use crate::veriloga::ast::{Expr, ExprKind};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Kind, Local, Lowered, Lowerer, Term};
use crate::veriloga::message::{Pending, Target};
use crate::veriloga::parse::Abort;

/// Values of the outermost of more than two variables.
const SLICES: usize = 64;
/// Largest file, in bytes.
const LARGEST: usize = 64 << 20;

/// One sample: independent variables, outermost first, and the dependent one.
type Row = (Vec<f64>, f64);

/// What a control string says.
#[derive(Clone, PartialEq, Debug)]
struct Control {
    /// One for each independent column; `None`: left out.
    columns: Vec<Option<Axis>>,
    /// Which of the dependent columns, from 0.
    dependent: usize,
}

fn control(text: &str, variables: usize) -> Result<Control, String> {
    let (parts, selector) = text.split_once(';').map_or((text, None), |(p, s)| (p, Some(s.trim())));
    let dependent = match selector.map(str::parse::<usize>) {
        None => 0,
        Some(Ok(number)) if (1..=1000).contains(&number) => number - 1,
        _ => return Err("behind the semicolon stands the number of the dependent column, from 1".to_string()),
    };
    let mut columns = Vec::new();
    for part in parts.split(',').map(str::trim).filter(|_| !parts.trim().is_empty()) {
        let mut letters = part.chars().filter(|c| !c.is_whitespace()).peekable();
        let degree = match letters.peek() {
            Some('I') if part == "I" => {
                columns.push(None);
                continue;
            }
            Some('D') => Degree::Nearest,
            Some('2') => Degree::Quadratic,
            Some('3') => Degree::Cubic,
            _ => Degree::Linear,
        };
        letters.next_if(|c| matches!(c, 'D' | '1' | '2' | '3'));
        let beyond = |c: Option<char>| match c {
            None => Ok(None),
            Some('C') => Ok(Some(Beyond::Constant)),
            Some('L') => Ok(Some(Beyond::Linear)),
            Some('E') => Ok(Some(Beyond::Error)),
            Some(_) => Err(format!("`{part}` is no control: D 1 2 3 or I, then C, L or E for both ends or each")),
        };
        let below = beyond(letters.next())?;
        let above = beyond(letters.next())?.or(below).unwrap_or(Beyond::Linear);
        if letters.next().is_some() {
            return Err(format!("`{part}` has too many letters"));
        }
        columns.push(Some(Axis { degree, below: below.unwrap_or(Beyond::Linear), above }));
    }
    let named = columns.iter().flatten().count();
    if named > variables {
        return Err(format!("{named} variables are described, {variables} are given"));
    }
    let plain = Axis { degree: Degree::Linear, below: Beyond::Linear, above: Beyond::Linear };
    columns.extend(std::iter::repeat_n(Some(plain), variables - named));
    Ok(Control { columns, dependent })
}

/// Numbers of a line, and its number.
type Lines = Vec<(usize, Vec<f64>)>;

/// The numbers of a file, line by line, with the number of each line.
fn numbers(text: &str) -> Result<Lines, (usize, String)> {
    let mut lines: Lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("");
        let words = line.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty());
        let mut values = Vec::new();
        for word in words {
            match word.parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => return Err((number + 1, format!("`{}` is not a number", word.chars().take(30).collect::<String>()))),
            }
        }
        if let Some((_, first)) = lines.first()
            && !values.is_empty()
            && first.len() != values.len()
        {
            return Err((number + 1, format!("{} columns, the lines before have {}", values.len(), first.len())));
        }
        if !values.is_empty() {
            lines.push((number + 1, values));
        }
    }
    Ok(lines)
}

impl Lowerer<'_> {
    /// `$table_model(x, ..., file or arrays [, control])`.
    pub fn table_model(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let (arguments, text) = match arguments {
            [rest @ .., source, Expr { kind: ExprKind::Text(text), span }] if self.is_source(source) => {
                (&arguments[..rest.len() + 1], Some((text.as_str(), *span)))
            }
            all => (all, None),
        };
        let Some((last, inputs)) = arguments.split_last() else {
            return self.error(span, "`$table_model` has no data", "expected variables, a file or arrays, and a control string");
        };
        let from_file = self.is_text(last);
        // Of arrays there is one for each variable and one for the function.
        let variables = if from_file { inputs.len() } else { arguments.len().saturating_sub(1) / 2 };
        if variables == 0 || (!from_file && arguments.len() != 2 * variables + 1) {
            let remark = "expected variables, then a file or one array for each of them and one of values";
            return self.error(span, "`$table_model` takes other arguments", remark);
        }
        let (written, place) = text.unwrap_or(("", span));
        let control = match control(written, variables) {
            Ok(control) => control,
            Err(what) => return self.error(place, what, "in this control string"),
        };
        let (name, lines, rows) = if from_file {
            self.rows_of_file(last, &control)?
        } else {
            let rows = self.rows_of_arrays(&arguments[variables..], &control, span)?;
            ("arrays".to_string(), Vec::new(), rows)
        };
        let mut values = Vec::new();
        for input in &arguments[..variables] {
            values.push(self.plain_real(input)?);
        }
        self.builder.span = span;
        let axes: Vec<Axis> = control.columns.iter().flatten().copied().collect();
        self.watch_range(&axes, &values, &rows, &name, span)?;
        let fault = |row: Option<usize>| match row.and_then(|k| lines.get(k)) {
            Some(line) => format!("in line {line} of \"{name}\""),
            None => format!("in the table of \"{name}\""),
        };
        match self.lookups(&axes, &values, rows) {
            Ok(value) => Ok(Term::new(value, Kind::Real)),
            Err((row, what)) => self.error(span, what, fault(row)),
        }
    }

    /// Whether an argument may be the data in front of a control string.
    fn is_source(&self, expr: &Expr) -> bool {
        if self.is_text(expr) || matches!(expr.kind, ExprKind::List(_)) {
            return true;
        }
        let ExprKind::Name(name) = &expr.kind else { return false };
        match self.find(name) {
            Some(Local::Variable(_, array)) => array.is_some(),
            Some(Local::Constant(_)) => false,
            None => matches!(self.symbols.names.get(name), Some((Symbol::Array(_), _))),
        }
    }

    fn is_text(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Text(_) => true,
            ExprKind::Name(name) => match self.find(name) {
                Some(Local::Variable(slot, None)) => self.slots[slot].kind == Kind::Text,
                Some(Local::Constant(term)) => term.kind == Kind::Text,
                Some(_) => false,
                None => match self.symbols.names.get(name) {
                    Some((Symbol::Parameter(k), _)) => self.model.params[*k].kind == ParamKind::Text,
                    _ => false,
                },
            },
            _ => false,
        }
    }

    /// The name of the file: written as such, or a string that is known when the model is compiled.
    fn file_name(&mut self, expr: &Expr) -> Lowered<String> {
        if let ExprKind::Name(name) = &expr.kind
            && self.find(name).is_none()
            && let Some((Symbol::Parameter(k), _)) = self.symbols.names.get(name)
            && let crate::model::Formula::Number(text) = self.model.params[*k].default
        {
            // Other values are refused where the deck gives them.
            self.model.table_files.push(*k as u32);
            return Ok(self.model.strings.get(text as usize).cloned().unwrap_or_default());
        }
        let term = self.expression(expr)?;
        match self.builder.constant(term.value).and_then(|k| self.model.strings.get(k as usize)) {
            Some(text) => Ok(text.clone()),
            None => self.error(expr.span, "the file of a table changes during the simulation", "expected a constant name"),
        }
    }

    /// Name, numbers of lines and rows of a file.
    fn rows_of_file(&mut self, expr: &Expr, control: &Control) -> Lowered<(String, Vec<usize>, Vec<Row>)> {
        let name = self.file_name(expr)?;
        let text = match self.read_beside(&name) {
            Ok(text) if text.len() <= LARGEST => text,
            Ok(_) => return self.error(expr.span, format!("the table \"{name}\" is too large"), "expected at most 64 MB"),
            Err(why) => {
                let hint = "files are looked for beside the model, then beside the deck";
                let error = Diagnostic::error(expr.span, format!("the table \"{name}\" cannot be read: {why}"));
                self.diagnostics.push(error.hint(hint));
                return Err(Abort);
            }
        };
        let lines = match numbers(&text) {
            Ok(lines) => lines,
            Err((line, what)) => return self.error(expr.span, format!("line {line} of the table \"{name}\": {what}"), "read here"),
        };
        let found = lines.first().map_or(0, |(_, values)| values.len());
        let wanted = control.columns.len() + control.dependent + 1;
        if found < wanted {
            let message = format!("the table \"{name}\" has {found} columns");
            return self.error(expr.span, message, format!("expected {wanted} or more"));
        }
        let used: Vec<usize> = (0..control.columns.len()).filter(|k| control.columns[*k].is_some()).collect();
        let row = |values: &Vec<f64>| (used.iter().map(|k| values[*k]).collect(), values[wanted - 1]);
        let rows = lines.iter().map(|(_, values)| row(values)).collect();
        Ok((name, lines.iter().map(|l| l.0).collect(), rows))
    }

    fn read_beside(&self, name: &str) -> std::io::Result<String> {
        let folder = |path: &Path| path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let own = folder(self.sources.path(self.module.file));
        let deck = self.sources.all().first().map_or_else(PathBuf::new, |f| folder(&f.path));
        self.sources.read(&own.join(name)).or_else(|error| self.sources.read(&deck.join(name)).map_err(|_| error))
    }

    /// Rows from one array for each variable and one of values.
    fn rows_of_arrays(&mut self, arrays: &[Expr], control: &Control, span: Span) -> Lowered<Vec<Row>> {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for array in arrays {
            let values = self.list(array)?;
            columns.push(self.constants(&values, array.span)?);
        }
        if control.columns.iter().any(Option::is_none) || control.dependent > 0 {
            return self.error(span, "`I` and dependent columns are about files", "give the arrays that are to be used");
        }
        let length = columns[0].len();
        if columns.iter().any(|c| c.len() != length) {
            let lengths: Vec<String> = columns.iter().map(|c| c.len().to_string()).collect();
            let message = format!("the arrays of a table have {} elements", lengths.join(", "));
            return self.error(span, message, "expected the same number in each");
        }
        let last = columns.len() - 1;
        Ok((0..length).map(|k| (columns[..last].iter().map(|c| c[k]).collect(), columns[last][k])).collect())
    }

    /// Numbers that are known when the model is compiled; parameters that they depend on decide on structure.
    fn constants(&mut self, values: &[Value], span: Span) -> Lowered<Vec<f64>> {
        let mut numbers = Vec::new();
        for value in values {
            if let Some(number) = self.builder.constant(*value) {
                numbers.push(number);
                continue;
            }
            let Some(names) = self.parameters_behind(*value) else {
                let remark = "samples are constants or follow from parameters; they are taken once";
                return self.error(span, "the samples of a table change during the simulation", remark);
            };
            self.symbols.wanted.borrow_mut().extend(names);
            return Err(Abort);
        }
        Ok(numbers)
    }

    /// A fatal message where a variable leaves a table that forbids it.
    fn watch_range(&mut self, axes: &[Axis], values: &[Value], rows: &[Row], name: &str, span: Span) -> Lowered<()> {
        for (k, (axis, value)) in axes.iter().zip(values).enumerate() {
            let column = || rows.iter().map(|(x, _)| x[k]);
            let ends = [
                (axis.below, Op::Lt, column().fold(f64::INFINITY, f64::min)),
                (axis.above, Op::Gt, column().fold(f64::NEG_INFINITY, f64::max)),
            ];
            for (_, op, bound) in ends.into_iter().filter(|(beyond, ..)| *beyond == Beyond::Error) {
                self.messages_allowed(span)?;
                let limit = self.builder.real(bound);
                let outside = self.builder.op(op, &[*value, limit]);
                let reached = self.marked_value(outside, Kind::Bool);
                let side = if op == Op::Lt { "below" } else { "above" };
                let text = format!("variable {} of the table \"{name}\" is {side} {bound}", k + 1);
                let (pieces, moment, target) = (vec![Piece::Text(text)], self.moment, Target::Line);
                let level = MessageLevel::Fatal;
                self.messages.push(Pending { pieces, arguments: Vec::new(), reached, moment, level, target, span });
            }
        }
        Ok(())
    }

    /// The value of a table at a point.
    fn lookups(&mut self, axes: &[Axis], x: &[Value], rows: Vec<Row>) -> Result<Value, (Option<usize>, String)> {
        let zero = self.builder.real(0.0);
        if axes.len() <= 2 {
            let table = self.builder.table(Arc::new(Table::new(axes, &rows)?));
            let code = self.builder.int(lookup(table, [0, 0]));
            return Ok(self.builder.op(Op::Lookup, &[code, x[0], x.get(1).copied().unwrap_or(zero)]));
        }
        let mut outer: Vec<f64> = rows.iter().map(|(x, _)| x[0]).collect();
        outer.sort_by(f64::total_cmp);
        outer.dedup();
        if outer.len() > SLICES {
            return Err((None, format!("of more than two variables, the outermost has at most {SLICES} values")));
        }
        let mut sum = zero;
        for v in &outer {
            let unit: Vec<Row> = outer.iter().map(|w| (vec![*w], f64::from(u8::from(w == v)))).collect();
            let weight = self.lookups(&axes[..1], &x[..1], unit)?;
            let slice = rows.iter().filter(|(x, _)| x[0] == *v).map(|(x, y)| (x[1..].to_vec(), *y)).collect();
            // Numbers of rows in a slice are not those of the file.
            let value = self.lookups(&axes[1..], &x[1..], slice).map_err(|(_, what)| (None, what))?;
            let term = self.builder.op(Op::Mul, &[weight, value]);
            sum = self.builder.op(Op::Add, &[sum, term]);
        }
        Ok(sum)
    }
}
