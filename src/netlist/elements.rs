//! Element cards: what the first letter makes of the words. Sources are in `waveform` and `controlled`.

use crate::diag::Diagnostic;
use crate::netlist::ast::{Assignment, Element, Expr, ExprKind, Name};
use crate::netlist::card::Cursor;
use crate::netlist::lex::TokenKind;
use crate::netlist::{clip, controlled, waveform};

/// What reads the words after the name.
type Rest = fn(&mut Cursor, &mut Element) -> Result<(), Diagnostic>;

/// Letter, form, reader.
const FORMS: &[(char, &str, Rest)] = &[
    ('r', "`R1 n+ n- value` or `R1 n+ n- model r=value`", passive),
    ('c', "`C1 n+ n- value ic=0` or `C1 n+ n- model c=value`", passive),
    ('l', "`L1 n+ n- value ic=0` or `L1 n+ n- model l=value`", passive),
    ('k', "`K1 L1 L2 coefficient`", coupling),
    ('v', "`V1 n+ n- dc 1 ac 1 0 sin(0 1 1k)`", waveform::source),
    ('i', "`I1 n+ n- dc 1 ac 1 0 sin(0 1 1k)`", waveform::source),
    ('e', "`E1 n+ n- nc+ nc- gain` or `E1 n+ n- value={expression}`", controlled::by_voltage),
    ('g', "`G1 n+ n- nc+ nc- gain` or `G1 n+ n- value={expression}`", controlled::by_voltage),
    ('f', "`F1 n+ n- vsource gain`", controlled::by_current),
    ('h', "`H1 n+ n- vsource gain`", controlled::by_current),
    ('b', "`B1 n+ n- v={expression}` or `B1 n+ n- i={expression}`", controlled::behavioural),
    ('d', "`D1 anode cathode model area=1`", diode),
    ('m', "`M1 drain gate source bulk model w=1u l=1u`", mosfet),
    ('s', "`S1 n+ n- nc+ nc- model`", switch),
    ('x', "`X1 nodes... name parameter=value`", instance),
    ('n', "`N1 nodes... module parameter=value`", instance),
];

/// Letters of other simulators.
const LATER: &[(char, &str)] = &[
    ('q', "bipolar transistors"),
    ('j', "junction field-effect transistors"),
    ('z', "MESFETs"),
    ('t', "lossless lines"),
    ('o', "lossy lines"),
    ('u', "distributed RC lines"),
    ('y', "single lossy lines"),
    ('w', "current-controlled switches"),
    ('a', "XSPICE code models"),
    ('p', "coupled lines"),
];

/// Reads an element card.
///
/// # Errors
/// If it is not of the form that its letter asks for.
pub fn element(cursor: &mut Cursor) -> Result<Element, Diagnostic> {
    let name = cursor.expect_name("an element such as `R1` or a card such as `.tran`")?;
    let letter = name.text.chars().next().unwrap_or(' ').to_ascii_lowercase();
    let Some((_, form, rest)) = FORMS.iter().find(|row| row.0 == letter) else {
        return Err(unknown(&name, letter));
    };
    let mut element = Element {
        name,
        letter,
        nodes: Vec::new(),
        model: None,
        controls: Vec::new(),
        value: None,
        ac: None,
        waveform: None,
        parameters: Vec::new(),
        flags: Vec::new(),
        span: cursor.card_span(),
    };
    match rest(cursor, &mut element) {
        Ok(()) => Ok(element),
        Err(diagnostic) => Err(diagnostic.hint(format!("the form is {form}"))),
    }
}

fn unknown(name: &Name, letter: char) -> Diagnostic {
    let shown = clip(&name.text);
    if let Some((_, what)) = LATER.iter().find(|row| row.0 == letter) {
        return Diagnostic::error(name.span, format!("unknown element `{shown}`: {what} are not supported yet"));
    }
    let letters: Vec<String> = FORMS.iter().map(|row| row.0.to_uppercase().to_string()).collect();
    let diagnostic = Diagnostic::error(name.span, format!("unknown element `{shown}`"));
    diagnostic.hint(format!("elements begin with one of {}; cards begin with a dot", letters.join(" ")))
}

/// Reads `count` nodes.
pub(super) fn nodes(cursor: &mut Cursor, element: &mut Element, count: usize) -> Result<(), Diagnostic> {
    // All of them at once: one allocation.
    element.nodes.reserve_exact(count);
    for k in 0..count {
        cursor.skip_grouping();
        if cursor.at_key() || cursor.kind() != Some(TokenKind::Word) {
            let ordinal = ["first", "second", "third", "fourth"].get(k).copied().unwrap_or("next");
            let whose = clip(&element.name.text);
            let message = match cursor.peek() {
                Some(token) => format!("`{}` stands where {whose} has its {ordinal} node", clip(cursor.slice(token))),
                None => format!("{whose} has {k} of {count} nodes"),
            };
            return Err(Diagnostic::error(cursor.here(), message).expected(format!("expected the {ordinal} node")));
        }
        element.nodes.push(cursor.expect_name("a node")?);
    }
    cursor.skip_grouping();
    Ok(())
}

/// Reads one `name=value`; `tc=a,b` becomes `tc1` and `tc2`, but for instances of modules, which may have a `tc` of their own.
pub(super) fn parameter(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    let mut first = cursor.assignment()?;
    if element.letter == 'x' || !first.name.text.eq_ignore_ascii_case("tc") {
        element.parameters.push(first);
        return Ok(());
    }
    first.name.text = "tc1".to_string();
    let span = first.name.span;
    element.parameters.push(first);
    if cursor.kind() == Some(TokenKind::Comma) {
        cursor.skip();
        let value = cursor.value("the second temperature coefficient")?;
        element.parameters.push(Assignment { name: Name { text: "tc2".to_string(), span }, value });
    }
    Ok(())
}

/// Reads assignments up to the end of the card.
pub(super) fn parameters(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    loop {
        cursor.skip_grouping();
        cursor.skip_params_keyword();
        if cursor.done() {
            return Ok(());
        }
        if !cursor.at_key() {
            return Err(cursor.missing("`name=value` or the end of the card"));
        }
        parameter(cursor, element)?;
    }
}

/// A bare name (of a model or an inductor), or a value; `{name}` is a value.
enum Item {
    Name(Name),
    Value(Expr),
}

fn item(cursor: &mut Cursor, what: &str) -> Result<Item, Diagnostic> {
    let bare = cursor.kind() == Some(TokenKind::Word);
    let value = cursor.value(what)?;
    Ok(match value.kind {
        ExprKind::Name(text) if bare => Item::Name(Name { text, span: value.span }),
        kind => Item::Value(Expr { kind, span: value.span }),
    })
}

/// R, C, L: a value, a model, or both, in any order.
fn passive(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    while !cursor.done() && !cursor.at_key() {
        let here = cursor.here();
        match item(cursor, "a value")? {
            Item::Name(name) if element.model.is_none() => element.model = Some(name),
            Item::Value(value) if element.value.is_none() => element.value = Some(value),
            _ => {
                let message = format!("{} has two values", clip(&element.name.text));
                return Err(Diagnostic::error(here, message).expected("expected `name=value` or the end of the card"));
            }
        }
        cursor.skip_grouping();
    }
    parameters(cursor, element)?;
    if element.value.is_none() && element.model.is_none() && !has_own_value(element) {
        return Err(Diagnostic::error(cursor.here(), format!("{} has no value", clip(&element.name.text)))
            .expected("expected a number, `{expression}` or a model"));
    }
    Ok(())
}

/// True if a parameter carries the value: `r=`, `c=`, `q=`, `l=`.
fn has_own_value(element: &Element) -> bool {
    let names: &[&str] = match element.letter {
        'r' => &["r", "resistance"],
        'c' => &["c", "q", "capacitance"],
        _ => &["l", "inductance"],
    };
    element.parameters.iter().any(|p| names.iter().any(|n| p.name.text.eq_ignore_ascii_case(n)))
}

/// K: the names of two or more inductors, then the coefficient.
fn coupling(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    loop {
        cursor.skip_grouping();
        if cursor.done() {
            break;
        }
        if cursor.at_key() {
            let assignment = cursor.assignment()?;
            if !matches!(assignment.name.folded().as_str(), "k" | "coupling") {
                return Err(Diagnostic::error(
                    assignment.name.span,
                    format!("unknown parameter `{}`", clip(&assignment.name.text)),
                ));
            }
            element.value = Some(assignment.value);
            continue;
        }
        match item(cursor, "an inductor or the coefficient")? {
            Item::Name(name) if element.value.is_none() => element.nodes.push(name),
            Item::Value(value) if element.value.is_none() => element.value = Some(value),
            _ => return Err(Diagnostic::error(element.span, "the coefficient stands last")),
        }
    }
    if element.nodes.len() < 2 {
        let message = format!("{} couples {} inductors", clip(&element.name.text), element.nodes.len());
        return Err(Diagnostic::error(cursor.here(), message).expected("expected two or more inductors"));
    }
    if element.value.is_none() {
        return Err(Diagnostic::error(cursor.here(), format!("{} has no coefficient", clip(&element.name.text))));
    }
    Ok(())
}

/// The model after the nodes.
fn model(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    if cursor.at_key() || cursor.kind() != Some(TokenKind::Word) {
        let count = element.nodes.len();
        let message = format!("{} has {count} names, not {count} nodes and a model", clip(&element.name.text));
        return Err(Diagnostic::error(cursor.here(), message).expected("expected the name of a model"));
    }
    element.model = Some(cursor.expect_name("a model")?);
    cursor.skip_grouping();
    Ok(())
}

/// Bare words after the model: those of `known` are flags; one number may stand there if `value`.
fn flags(cursor: &mut Cursor, element: &mut Element, known: &[&str], value: bool) -> Result<(), Diagnostic> {
    loop {
        cursor.skip_grouping();
        cursor.skip_params_keyword();
        if cursor.done() {
            return Ok(());
        }
        if cursor.at_key() {
            parameter(cursor, element)?;
            continue;
        }
        if known.iter().any(|k| cursor.is_word(k)) {
            element.flags.push(cursor.expect_name("a flag")?);
            continue;
        }
        let here = *cursor;
        if value
            && element.value.is_none()
            && element.flags.is_empty()
            && let Item::Value(value) = item(cursor, "a value")?
        {
            element.value = Some(value);
            continue;
        }
        return Err(here.missing(&format!("`name=value` or `{}`", known.join("` or `"))));
    }
}

fn diode(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 2)?;
    model(cursor, element)?;
    flags(cursor, element, &["off"], true)
}

fn mosfet(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 4)?;
    model(cursor, element)?;
    flags(cursor, element, &["off"], false)
}

fn switch(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    nodes(cursor, element, 4)?;
    model(cursor, element)?;
    flags(cursor, element, &["on", "off"], false)
}

/// X, N: nodes, the name of a subcircuit or module, parameters.
fn instance(cursor: &mut Cursor, element: &mut Element) -> Result<(), Diagnostic> {
    loop {
        cursor.skip_grouping();
        let before = *cursor;
        cursor.skip_params_keyword();
        if cursor.done() || cursor.at_key() {
            break;
        }
        *cursor = before;
        element.nodes.push(cursor.expect_name("a node, the name of a subcircuit or `name=value`")?);
    }
    element.model = element.nodes.pop();
    if element.model.is_none() {
        let message = format!("{} names no subcircuit or module", clip(&element.name.text));
        return Err(Diagnostic::error(cursor.here(), message).expected("expected nodes and a name"));
    }
    parameters(cursor, element)
}
