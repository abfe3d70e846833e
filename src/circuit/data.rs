//! Numbers of files in expressions: `data("g.npy", i, j)` is an entry of a csv table or an NPY file, indices counted from 0.
//!
//! A file is read once, relative to the file that holds the expression. Indices that are numbers (or indices of loops) give a
//! number; indices that depend on parameters give a table that is looked up, so that `.step param row 0 9` goes through the
//! rows of a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::ir::table::{Axis, Beyond, Degree, SAMPLES, Table};
use crate::ir::{Builder, Op, Value, op};
use crate::matrix::Matrix;
use crate::netlist::ast::{Expr, ExprKind};
use crate::span::{Files, Sources, Span};

/// How `data()` is used.
const USAGE: &str = "usage: data(\"file.csv\", row, column); also .npy; both counted from 0";

/// Files with numbers, as far as they were read.
pub struct DataFiles {
    door: Arc<dyn Files>,
    /// Folder of each text of the deck.
    folders: Vec<PathBuf>,
    read: HashMap<PathBuf, Result<Rc<Matrix>, String>>,
    /// The file asked for last: an array asks for the same one again and again.
    last: Option<(PathBuf, String, Rc<Matrix>)>,
}

impl DataFiles {
    /// None read yet.
    pub fn new(sources: &Sources) -> DataFiles {
        let folder = |path: &Path| path.parent().map(Path::to_path_buf).unwrap_or_default();
        let folders = sources.all().iter().map(|f| folder(&f.path)).collect();
        DataFiles { door: sources.door(), folders, read: HashMap::new(), last: None }
    }

    /// The content of a file that the text at `span` names.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn matrix(&mut self, name: &str, span: Span) -> Result<Rc<Matrix>, Diagnostic> {
        let folder = self.folders.get(span.file.0 as usize).map_or(Path::new(""), PathBuf::as_path);
        if let Some((path, known, matrix)) = &self.last
            && known == name
            && path == folder
        {
            return Ok(matrix.clone());
        }
        let path = folder.join(name);
        let door = &self.door;
        let found = self.read.entry(path.clone()).or_insert_with(|| match door.read(&path) {
            Ok(bytes) => Matrix::parse(&bytes).map(Rc::new).map_err(|what| format!("`{name}`: {what}")),
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
        });
        match found {
            Ok(matrix) => {
                self.last = Some((folder.to_path_buf(), name.to_string(), matrix.clone()));
                Ok(matrix.clone())
            }
            Err(text) => Err(Diagnostic::error(span, text.clone())
                .expected("expected a csv table or an NPY file")
                .hint("paths are relative to the file that holds the expression")),
        }
    }
}

/// The value of `data("file", indices)`, the call being `whole`.
///
/// # Errors
/// Missing and broken files, indices that are not there.
pub fn value(
    data: &mut DataFiles,
    whole: &Expr,
    file: &Expr,
    indices: &[Value],
    builder: &mut Builder,
) -> Result<Value, Diagnostic> {
    let ExprKind::Text(name) = &file.kind else {
        return Err(Diagnostic::error(file.span, "the first argument of data() is the name of a file").hint(USAGE));
    };
    if indices.is_empty() {
        return Err(Diagnostic::error(whole.span, "data() without an index").hint(USAGE));
    }
    let matrix = data.matrix(name, file.span)?;
    let constants: Option<Vec<f64>> = indices.iter().map(|v| builder.constant(*v)).collect();
    let Some(constants) = constants else { return looked_up(&matrix, name, whole, indices, builder) };
    let entry = matrix
        .entry(&constants)
        .map_err(|what| Diagnostic::error(whole.span, format!("`{name}`: {what}")).expected("indices count from 0").hint(USAGE))?;
    if entry.is_nan() {
        let at: Vec<String> = constants.iter().map(f64::to_string).collect();
        return Err(Diagnostic::error(whole.span, format!("`{name}`: the entry ({}) is not a number", at.join(", "))));
    }
    Ok(builder.real(entry))
}

/// Indices that may move: the nearest entry, not a number where there is none.
fn looked_up(matrix: &Matrix, name: &str, whole: &Expr, indices: &[Value], builder: &mut Builder) -> Result<Value, Diagnostic> {
    let wrong = |text: String| Err(Diagnostic::error(whole.span, format!("`{name}`: {text}")).hint(USAGE));
    let shape = match (matrix.shape.as_slice(), indices.len()) {
        ([1, n] | [n, 1] | [n], 1) => [*n, 1],
        ([n, m], 2) => [*n, *m],
        _ => return wrong(format!("it has {}, and {} indices that depend on parameters", matrix.size(), indices.len())),
    };
    if matrix.values.len() > SAMPLES {
        return wrong(format!("it has {}; indices that depend on parameters reach {SAMPLES}", matrix.size()));
    }
    let axis = Axis { degree: Degree::Nearest, below: Beyond::Constant, above: Beyond::Constant };
    let place = |k: usize| match indices.len() {
        1 => vec![k as f64],
        _ => vec![(k / shape[1]) as f64, (k % shape[1]) as f64],
    };
    let rows: Vec<(Vec<f64>, f64)> = matrix.values.iter().enumerate().map(|(k, v)| (place(k), *v)).collect();
    let table = match Table::new(&vec![axis; indices.len()], &rows) {
        Ok(table) => builder.table(Arc::new(table)),
        Err((_, what)) => return wrong(what),
    };
    let code = builder.int(op::lookup(table, [0, 0]));
    let zero = builder.real(0.0);
    let value = builder.op(Op::Lookup, &[code, indices[0], *indices.get(1).unwrap_or(&zero)]);
    // Beyond the edge there is nothing, and nothing is computed with it silently.
    let mut inside = builder.boolean(true);
    for (index, count) in indices.iter().zip(shape) {
        let (low, high) = (builder.real(-0.5), builder.real(count as f64 - 0.5));
        for test in [builder.op(Op::Gt, &[*index, low]), builder.op(Op::Lt, &[*index, high])] {
            inside = builder.op(Op::And, &[inside, test]);
        }
    }
    let nothing = builder.real(f64::NAN);
    Ok(builder.select(inside, value, nothing))
}
