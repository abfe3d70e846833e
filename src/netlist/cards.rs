//! Cards that begin with a dot: the table of keywords, and their content to the tree.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::netlist::ast::{Assignment, Card, Expr, ExprKind, Field, FunctionCard, ModelCard, Name, StartCard, Subcircuit};
use crate::netlist::card::Cursor;
use crate::netlist::expr;
use crate::netlist::lex::TokenKind;

/// What a keyword asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Keyword {
    Param,
    Func,
    Subckt,
    Ends,
    Include,
    Lib,
    Endl,
    Model,
    Global,
    Ic,
    Nodeset,
    Temp,
    Options,
    Hdl,
    Title,
    End,
    Control,
    Endc,
    /// `.op .dc .tran .ac`.
    Analysis,
    /// `.for`.
    For,
    /// `.endfor`.
    Endfor,
    Step,
    Measure,
    /// `.save .print .probe .plot .array`.
    Output,
    /// Known to other simulators; refused by name.
    Later,
}

/// Spelling, canonical name, meaning.
pub const KEYWORDS: &[(&str, &str, Keyword)] = &[
    ("param", "param", Keyword::Param),
    ("params", "param", Keyword::Param),
    ("parameter", "param", Keyword::Param),
    ("func", "func", Keyword::Func),
    ("function", "func", Keyword::Func),
    ("subckt", "subckt", Keyword::Subckt),
    ("ends", "ends", Keyword::Ends),
    ("include", "include", Keyword::Include),
    ("inc", "include", Keyword::Include),
    ("incl", "include", Keyword::Include),
    ("lib", "lib", Keyword::Lib),
    ("endl", "endl", Keyword::Endl),
    ("model", "model", Keyword::Model),
    ("global", "global", Keyword::Global),
    ("ic", "ic", Keyword::Ic),
    ("nodeset", "nodeset", Keyword::Nodeset),
    ("temp", "temp", Keyword::Temp),
    ("temperature", "temp", Keyword::Temp),
    ("options", "options", Keyword::Options),
    ("option", "options", Keyword::Options),
    ("opt", "options", Keyword::Options),
    ("opts", "options", Keyword::Options),
    ("hdl", "hdl", Keyword::Hdl),
    ("va", "hdl", Keyword::Hdl),
    ("verilog", "hdl", Keyword::Hdl),
    ("title", "title", Keyword::Title),
    ("end", "end", Keyword::End),
    ("control", "control", Keyword::Control),
    ("endc", "endc", Keyword::Endc),
    ("op", "op", Keyword::Analysis),
    ("dc", "dc", Keyword::Analysis),
    ("tran", "tran", Keyword::Analysis),
    ("ac", "ac", Keyword::Analysis),
    ("for", "for", Keyword::For),
    ("endfor", "endfor", Keyword::Endfor),
    ("step", "step", Keyword::Step),
    ("measure", "measure", Keyword::Measure),
    ("meas", "measure", Keyword::Measure),
    ("save", "save", Keyword::Output),
    ("print", "print", Keyword::Output),
    ("probe", "probe", Keyword::Output),
    ("plot", "plot", Keyword::Output),
    ("array", "array", Keyword::Output),
    ("noise", "noise", Keyword::Analysis),
    ("tf", "tf", Keyword::Later),
    ("xf", "xf", Keyword::Later),
    ("pz", "pz", Keyword::Analysis),
    ("disto", "disto", Keyword::Later),
    ("sens", "sens", Keyword::Later),
    ("four", "four", Keyword::Later),
    ("fft", "fft", Keyword::Later),
    ("width", "width", Keyword::Later),
    ("data", "data", Keyword::Later),
    ("enddata", "enddata", Keyword::Later),
    ("alter", "alter", Keyword::Later),
    ("del", "del", Keyword::Later),
    ("pss", "pss", Keyword::Analysis),
    ("hb", "hb", Keyword::Later),
    ("sp", "sp", Keyword::Later),
    ("mc", "mc", Keyword::Later),
    ("montecarlo", "montecarlo", Keyword::Later),
    ("wcase", "wcase", Keyword::Later),
    ("trnoise", "trnoise", Keyword::Later),
    ("connect", "connect", Keyword::Later),
    ("csparam", "csparam", Keyword::Later),
    ("if", "if", Keyword::Later),
    ("elseif", "elseif", Keyword::Later),
    ("else", "else", Keyword::Later),
    ("endif", "endif", Keyword::Later),
    ("protect", "protect", Keyword::Later),
    ("unprotect", "unprotect", Keyword::Later),
    ("backanno", "backanno", Keyword::Later),
    ("loadbias", "loadbias", Keyword::Later),
    ("savebias", "savebias", Keyword::Later),
    ("wave", "wave", Keyword::Later),
    ("net", "net", Keyword::Later),
    ("machine", "machine", Keyword::Later),
    ("distribution", "distribution", Keyword::Later),
    ("stability", "stability", Keyword::Analysis),
    ("continue", "continue", Keyword::Analysis),
    ("envelope", "envelope", Keyword::Analysis),
    ("activity", "activity", Keyword::Analysis),
    ("drm", "drm", Keyword::Analysis),
];

/// The row of `word` (without its dot, any case).
pub fn keyword(word: &str) -> Option<&'static (&'static str, &'static str, Keyword)> {
    KEYWORDS.iter().find(|row| row.0.eq_ignore_ascii_case(word))
}

/// `.param a=1 b={2*a} f(x)={x*x}`: assignments and functions in their order of each kind.
///
/// # Errors
/// If the card is not of that form.
pub fn param(cursor: &mut Cursor) -> Result<(Vec<Assignment>, Vec<FunctionCard>), Diagnostic> {
    let (mut values, mut functions) = (Vec::new(), Vec::new());
    loop {
        cursor.skip_commas();
        if cursor.done() {
            break;
        }
        if cursor.at_key() {
            let assignment = cursor.assignment()?;
            if assignment.name.text.eq_ignore_ascii_case("time") {
                refuse_reserved(&assignment.name)?;
            }
            values.push(assignment);
        } else {
            functions.push(function(cursor)?);
        }
    }
    if values.is_empty() && functions.is_empty() {
        return Err(cursor.missing("`name=value`"));
    }
    Ok((values, functions))
}

/// `f(a, b) {expression}`, also with `=` before the expression.
///
/// # Errors
/// If the card is not of that form.
pub fn function(cursor: &mut Cursor) -> Result<FunctionCard, Diagnostic> {
    let name = cursor.expect_name("`name=value` or `f(x)={expression}`")?;
    refuse_reserved(&name)?;
    if cursor.kind() != Some(TokenKind::Open) {
        return Err(cursor.missing(&format!("`=` and a value, or `(` and the arguments of `{}`", super::clip(&name.text))));
    }
    cursor.skip();
    let mut arguments: Vec<Name> = Vec::new();
    while cursor.kind() != Some(TokenKind::Close) {
        arguments.push(cursor.expect_name("the name of an argument or `)`")?);
        cursor.skip_commas();
    }
    all_different(&arguments, "arguments")?;
    cursor.skip();
    if cursor.kind() == Some(TokenKind::Equals) {
        cursor.skip();
    }
    let body = cursor.expression()?;
    Ok(FunctionCard { name, arguments, body })
}

/// An error if two of `names` are equal.
fn all_different(names: &[Name], what: &str) -> Result<(), Diagnostic> {
    let mut seen = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(name.folded(), name.span) {
            let message = format!("two {what} are called `{}`", super::clip(&name.text));
            return Err(Diagnostic::error(name.span, message).label(first, "the first one"));
        }
    }
    Ok(())
}

/// `v(..)` and `i(..)` are read as voltages and currents wherever they stand, so no function may have their names; `time` is
/// the time, so nothing may have its name.
fn refuse_reserved(name: &Name) -> Result<(), Diagnostic> {
    let reserved = expr::is_probe(&name.text) && name.text.len() == 1 || name.text.eq_ignore_ascii_case("time");
    match reserved {
        true => Err(Diagnostic::error(name.span, format!("the name `{}` is taken", name.text))
            .hint("v, i and time mean voltages, currents and the time in expressions")),
        false => Ok(()),
    }
}

/// `.model name type(a=1, b=2)`.
///
/// # Errors
/// If the card is not of that form.
pub fn model(cursor: &mut Cursor) -> Result<ModelCard, Diagnostic> {
    const FORM: &str = "a model: `.model name type(parameter=value ...)`";
    let name = cursor.expect_name(FORM)?;
    cursor.skip_grouping();
    if cursor.at_key() {
        return Err(cursor.missing("the type of the model before its parameters"));
    }
    let kind = cursor.expect_name("the type of the model: d, nmos, pmos, sw, r, c, l or a Verilog-A module")?;
    Ok(ModelCard { name, kind, parameters: cursor.assignments()?, span: cursor.card_span() })
}

/// The head of a subcircuit: `.subckt name ports... [params:] a=1`.
///
/// # Errors
/// If the card is not of that form.
pub fn subckt(cursor: &mut Cursor) -> Result<Subcircuit, Diagnostic> {
    let name = cursor.expect_name("a name: `.subckt name ports... params: a=1`")?;
    let mut ports: Vec<Name> = Vec::new();
    loop {
        cursor.skip_grouping();
        cursor.skip_params_keyword();
        if cursor.done() || cursor.at_key() {
            break;
        }
        ports.push(cursor.expect_name("a port or `name=value`")?);
    }
    all_different(&ports, "ports")?;
    Ok(Subcircuit { name, ports, parameters: cursor.assignments()?, scope: Default::default(), span: cursor.card_span() })
}

/// `.ic` and `.nodeset`: `v(a)=1 x1.state=0.3`.
///
/// # Errors
/// If the card is not of that form.
pub fn start_values(cursor: &mut Cursor) -> Result<Vec<StartCard>, Diagnostic> {
    const FORM: &str = "`v(node)=value` or `device.state=value`";
    let mut list = Vec::new();
    for field in cursor.fields()? {
        let Field::Assignment(left, value) = field else {
            let Field::Value(left) = field else { continue };
            return Err(Diagnostic::error(left.span, "a start value without a value").expected(format!("expected {FORM}")));
        };
        list.push(StartCard { name: start_name(&left, cursor, FORM)?, value });
    }
    match list.is_empty() {
        true => Err(cursor.missing(FORM)),
        false => Ok(list),
    }
}

fn start_name(left: &Expr, cursor: &Cursor, form: &str) -> Result<Name, Diagnostic> {
    let text = match &left.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Call(function, arguments) if arguments.len() == 1 => match (&arguments[0].kind, function) {
            (ExprKind::Name(node), f) if f.eq_ignore_ascii_case("v") => Some(node.clone()),
            (ExprKind::Name(device), f) if f.eq_ignore_ascii_case("i") => Some(format!("i({device})")),
            _ => None,
        },
        _ => None,
    };
    text.map(|text| Name { text, span: left.span }).ok_or_else(|| {
        let shown = super::clip(&cursor.text[left.span.start as usize..left.span.end as usize]);
        Diagnostic::error(left.span, format!("`{shown}` cannot be given a start value")).expected(format!("expected {form}"))
    })
}

/// `.options a=1 b c="x"`; a bare word has the value 1.
///
/// # Errors
/// If the card is not of that form.
pub fn options(cursor: &mut Cursor) -> Result<Vec<Assignment>, Diagnostic> {
    let mut list = Vec::new();
    loop {
        cursor.skip_commas();
        if cursor.done() {
            return Ok(list);
        }
        if cursor.at_key() {
            list.push(cursor.assignment()?);
            continue;
        }
        let name = cursor.expect_name("an option: `name=value` or `name`")?;
        let value = Expr { kind: ExprKind::Number(1.0), span: name.span };
        list.push(Assignment { name, value });
    }
}

/// A card that somebody else reads: its keyword (canonical) and fields.
///
/// # Errors
/// If a value cannot be read.
pub fn general(cursor: &mut Cursor, keyword: Name) -> Result<Card, Diagnostic> {
    Ok(Card { keyword, fields: cursor.fields()?, span: cursor.card_span() })
}
