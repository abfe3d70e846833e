//! E F G H B: controlled and behavioural sources.
//!
//! The linear forms keep their control nodes (E, G) or controlling source (F, H) and their gain. All others, POLY and
//! TABLE included, become an expression: the parameter `v` (B, E, H) or `i` (B, G, F) of an element with two nodes.

use crate::diag::Diagnostic;
use crate::netlist::ast::{Assignment, BinaryOp, Element, Expr, ExprKind, Name};
use crate::netlist::card::Cursor;
use crate::netlist::clip;
use crate::netlist::elements::{nodes, parameter, parameters};
use crate::netlist::lex::TokenKind;
use crate::span::Span;

/// Names of the expression of E and G in several dialects.
const EXPRESSION_NAMES: &[&str] = &["value", "vol", "cur", "v", "i"];
/// Forms that this simulator does not read.
const LATER: &[&str] = &[
    "laplace",
    "freq",
    "chebyshev",
    "delay",
    "pwl",
    "npwl",
    "ppwl",
    "vcr",
    "vccap",
    "and",
    "nand",
    "or",
    "nor",
    "opamp",
    "transformer",
    "foster",
    "pole",
];
/// Controls of one POLY; the number of products grows with their power.
const MOST_CONTROLS: usize = 100;

/// The name that the expression of `element` gets.
fn quantity(element: &Element) -> &'static str {
    if matches!(element.letter, 'e' | 'h') { "v" } else { "i" }
}

fn set_expression(element: &mut Element, span: Span, value: Expr) {
    let name = Name { text: quantity(element).to_string(), span };
    element.parameters.push(Assignment { name, value });
}

/// E and G.
///
/// # Errors
/// If the card is not of one of their forms.
pub fn by_voltage(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    let here = cursor.here();
    let word = cursor.word().unwrap_or("").to_ascii_lowercase();
    match word.as_str() {
        "poly" => {
            let count = dimension(cursor)?;
            let mut controls = Vec::new();
            for _ in 0..count {
                let mut pair = Vec::new();
                for what in ["a control node", "the second control node"] {
                    cursor.skip_grouping();
                    let node = cursor.expect_name(what)?;
                    pair.push(Expr { span: node.span, kind: ExprKind::Name(node.text) });
                }
                let span = pair[0].span.to(pair[1].span);
                controls.push(Expr { kind: ExprKind::Call("v".to_string(), pair), span });
            }
            return polynomial(cursor, element, here, controls);
        }
        "table" => return table(cursor, element),
        "vcvs" | "vccs" => cursor.skip(),
        _ => {}
    }
    if cursor.at_key() || EXPRESSION_NAMES.contains(&word.as_str()) && followed_by_braces(cursor) {
        return expression(cursor, element);
    }
    refuse_later(&word, here, element)?;
    nodes(cursor, element, 2)?;
    gain(cursor, element)
}

fn refuse_later(word: &str, here: Span, element: &Element) -> Result<(), Diagnostic> {
    if LATER.contains(&word) {
        let message = format!("`{word}` of {} is not supported yet", clip(&element.name.text));
        return Err(Diagnostic::error(here, message));
    }
    Ok(())
}

fn followed_by_braces(cursor: &Cursor) -> bool {
    let mut next = *cursor;
    next.skip();
    next.kind() == Some(TokenKind::Braced)
}

/// `value={...}`, also without `=`.
fn expression(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    loop {
        cursor.skip_grouping();
        if cursor.done() {
            break;
        }
        let word = cursor.word().unwrap_or("").to_ascii_lowercase();
        let ours = EXPRESSION_NAMES.contains(&word.as_str());
        let given = element.parameters.iter().any(|p| p.name.text == quantity(element));
        if !ours && cursor.at_key() {
            parameter(cursor, element)?;
        } else if ours && !given {
            let span = cursor.here();
            cursor.skip();
            if cursor.kind() == Some(TokenKind::Equals) {
                cursor.skip();
            }
            let value = cursor.expression()?;
            set_expression(element, span, value);
        } else {
            return Err(cursor.missing("`name=value` or the end of the card"));
        }
    }
    match element.parameters.iter().any(|p| p.name.text == quantity(element)) {
        true => Ok(()),
        false => Err(Diagnostic::error(element.span, format!("{} has no expression", clip(&element.name.text)))),
    }
}

/// F and H.
///
/// # Errors
/// If the card is not of one of their forms.
pub fn by_current(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    let here = cursor.here();
    let word = cursor.word().unwrap_or("").to_ascii_lowercase();
    if word == "poly" {
        let count = dimension(cursor)?;
        let mut controls = Vec::new();
        for _ in 0..count {
            cursor.skip_grouping();
            let source = cursor.expect_name("a controlling voltage source")?;
            let name = Expr { span: source.span, kind: ExprKind::Name(source.text) };
            controls.push(Expr { kind: ExprKind::Call("i".to_string(), vec![name]), span: source.span });
        }
        return polynomial(cursor, element, here, controls);
    }
    if matches!(word.as_str(), "cccs" | "ccvs") {
        cursor.skip();
    }
    refuse_later(&word, here, element)?;
    if cursor.at_key() && EXPRESSION_NAMES.contains(&word.as_str()) {
        return expression(cursor, element);
    }
    if cursor.at_key() {
        return Err(cursor.missing("the controlling voltage source"));
    }
    element.controls.push(cursor.expect_name("the controlling voltage source")?);
    cursor.skip_grouping();
    gain(cursor, element)
}

/// The gain of a linear source, as a value or as `gain=`, and further parameters.
fn gain(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    if cursor.at_key() {
        parameters(cursor, element)?;
        let place = element.parameters.iter().position(|p| p.name.text.eq_ignore_ascii_case("gain"));
        element.value = place.map(|k| element.parameters.remove(k).value);
        return match element.value {
            Some(_) => Ok(()),
            None => Err(no_gain(cursor, element)),
        };
    }
    if cursor.done() {
        return Err(no_gain(cursor, element));
    }
    element.value = Some(cursor.value("the gain")?);
    parameters(cursor, element)
}

/// Says also which words were taken for nodes: a number may be the name of one.
fn no_gain(cursor: &Cursor, element: &Element) -> Diagnostic {
    let list = |names: &[Name]| names.iter().map(|n| clip(&n.text)).collect::<Vec<_>>().join(" ");
    let name = clip(&element.name.text);
    let message = match element.controls.as_slice() {
        [] => format!("{name} has the nodes {} and no gain", list(&element.nodes)),
        controls => format!("{name} is controlled by {} and has no gain", list(controls)),
    };
    Diagnostic::error(cursor.here(), message).expected("expected a number or `{expression}`")
}

/// B: `v=` or `i=` and parameters.
///
/// # Errors
/// If the card is not of that form.
pub fn behavioural(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    parameters(cursor, element)?;
    let mut given = None;
    for parameter in &mut element.parameters {
        if !matches!(parameter.name.text.as_str(), "v" | "V" | "i" | "I") {
            continue;
        }
        parameter.name.text.make_ascii_lowercase();
        if let Some(first) = given.replace(parameter.name.span) {
            return Err(Diagnostic::error(parameter.name.span, "a second expression").label(first, "the first one"));
        }
    }
    match given {
        Some(_) => Ok(()),
        None => Err(Diagnostic::error(element.span, format!("{} has no expression", clip(&element.name.text)))
            .expected("expected `v={expression}` or `i={expression}`")),
    }
}

/// `table {x} = (x1, y1) (x2, y2) ...` becomes `table(x, x1, y1, x2, y2)`.
fn table(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    let here = cursor.here();
    cursor.skip();
    if cursor.kind() == Some(TokenKind::Equals) {
        cursor.skip();
    }
    let mut arguments = vec![cursor.value("`{expression}` after `table`")?];
    if cursor.kind() == Some(TokenKind::Equals) {
        cursor.skip();
    }
    loop {
        cursor.skip_grouping();
        if cursor.done() || cursor.at_key() {
            break;
        }
        arguments.push(cursor.value("a number of the table")?);
    }
    if arguments.len() < 3 || arguments.len().is_multiple_of(2) {
        let message = format!("a table of {} numbers", arguments.len() - 1);
        return Err(Diagnostic::error(cursor.here(), message).expected("expected pairs `(x, y)`"));
    }
    let span = here.to(arguments[arguments.len() - 1].span);
    set_expression(element, here, Expr { kind: ExprKind::Call("table".to_string(), arguments), span });
    parameters(cursor, element)
}

// ---- POLY ----

/// The `n` of `poly(n)`.
fn dimension(cursor: &mut Cursor) -> Result<usize, Diagnostic> {
    cursor.skip();
    if cursor.kind() != Some(TokenKind::Open) {
        return Err(cursor.missing("`(` and the number of controls"));
    }
    cursor.skip();
    let text = cursor.word().unwrap_or("");
    let count = text.parse().ok().filter(|n| (1..=MOST_CONTROLS).contains(n));
    let Some(count) = count else {
        return Err(cursor.missing(&format!("the number of controls, 1 to {MOST_CONTROLS}")));
    };
    cursor.skip();
    if cursor.kind() != Some(TokenKind::Close) {
        return Err(cursor.missing("`)`"));
    }
    cursor.skip();
    Ok(count)
}

/// The coefficients in SPICE's order: constant, linear, then all products of two controls, of three ...
fn polynomial(cursor: &mut Cursor, element: &mut Element, here: Span, controls: Vec<Expr>) -> Result<(), Diagnostic> {
    let mut coefficients = Vec::new();
    loop {
        cursor.skip_grouping();
        if cursor.done() || cursor.at_key() {
            break;
        }
        coefficients.push(cursor.value("a coefficient")?);
    }
    let span = match coefficients.last() {
        Some(last) => here.to(last.span),
        None => return Err(cursor.missing("the coefficients of the polynomial")),
    };
    // SPICE2: a single coefficient of one control is the linear one.
    let mut powers = vec![0; controls.len()];
    if controls.len() == 1 && coefficients.len() == 1 {
        powers[0] = 1;
    }
    let mut terms = Vec::new();
    for coefficient in coefficients {
        if coefficient.kind != ExprKind::Number(0.0) {
            terms.push(term(coefficient, &controls, &powers, span));
        }
        next_powers(&mut powers);
    }
    set_expression(element, here, sum(terms, span));
    parameters(cursor, element)
}

/// `coefficient * product of controls[k] ** powers[k]`.
fn term(coefficient: Expr, controls: &[Expr], powers: &[u32], span: Span) -> Expr {
    let mut product = coefficient;
    for (control, power) in controls.iter().zip(powers) {
        let factor = match power {
            0 => continue,
            1 => control.clone(),
            n => {
                let exponent = Expr { kind: ExprKind::Number(f64::from(*n)), span };
                Expr { kind: ExprKind::Binary(BinaryOp::Power, Box::new(control.clone()), Box::new(exponent)), span }
            }
        };
        product = Expr { kind: ExprKind::Binary(BinaryOp::Multiply, Box::new(product), Box::new(factor)), span };
    }
    product
}

/// The next product in SPICE's order. Written as lists of controls in rising order, products of equal degree are sorted:
/// of x, y, z: xx xy xz yy yz zz. So a unit moves from the last control that has one and is not the last of all.
fn next_powers(powers: &mut [u32]) {
    let last = powers.len() - 1;
    let moved = powers[..last].iter().rposition(|p| *p > 0);
    let tail = std::mem::take(&mut powers[last]);
    match moved {
        Some(k) => {
            powers[k] -= 1;
            powers[k + 1] = tail + 1;
        }
        // z..z of degree n is followed by x..x of degree n + 1.
        None => powers[0] = tail + 1,
    }
}

/// A sum as a balanced tree, so that no number of terms makes it deep.
fn sum(mut terms: Vec<Expr>, span: Span) -> Expr {
    if terms.is_empty() {
        return Expr { kind: ExprKind::Number(0.0), span };
    }
    while terms.len() > 1 {
        let mut halved = Vec::with_capacity(terms.len().div_ceil(2));
        let mut pairs = terms.into_iter();
        while let Some(left) = pairs.next() {
            halved.push(match pairs.next() {
                Some(right) => Expr { kind: ExprKind::Binary(BinaryOp::Add, Box::new(left), Box::new(right)), span },
                None => left,
            });
        }
        terms = halved;
    }
    terms.swap_remove(0)
}
