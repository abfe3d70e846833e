//! The catalogue for programs.

use serde_json::{Map, Value, json};

use crate::catalogue::page::{default, range, start};
use crate::catalogue::{Card, Item};
use crate::lint::bench::State;
use crate::model::{LocalUnknown, Param};

/// All models as a list.
pub fn all(items: &[Item]) -> String {
    format!("{:#}\n", Value::Array(items.iter().map(object).collect()))
}

/// One model.
pub fn one(item: &Item) -> String {
    format!("{:#}\n", object(item))
}

fn object(item: &Item) -> Value {
    let model = &item.model;
    let words = |name: &str| model.attribute(name).split_whitespace().map(str::to_string).collect::<Vec<_>>();
    let flag = |name: &str| match model.attribute(name) {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    };
    json!({
        "name": model.name,
        "file": item.path,
        "group": item.group(),
        "description": item.summary(),
        "class": words("class"),
        "passive": flag("passive"),
        "pinched": flag("pinched"),
        "covers": words("covers"),
        "source": item.source(),
        "documentation": model.doc,
        "terminals": model.unknowns[..model.ports].iter().map(terminal).collect::<Vec<_>>(),
        "states": item.states.iter().map(|s| state(item, s)).collect::<Vec<_>>(),
        "parameters": model.params.iter().filter(|p| !p.local).map(|p| parameter(item, p)).collect::<Vec<_>>(),
        "variables": model.variables.iter().map(|v| json!({ "name": v.name, "description": v.description, "unit": v.unit })).collect::<Vec<_>>(),
        "cards": item.cards.iter().map(card).collect::<Vec<_>>(),
    })
}

fn terminal(u: &LocalUnknown) -> Value {
    json!({ "name": u.name, "quantity": u.quantity, "unit": u.unit })
}

fn state(item: &Item, state: &State) -> Value {
    let u = &item.model.unknowns[state.row];
    json!({
        "name": u.name,
        "quantity": u.quantity,
        "unit": u.unit,
        "lower": finite(u.bounds.0),
        "upper": finite(u.bounds.1),
        "held": u.held,
        "start": start(&item.model, u, state.started.then_some(state.start)),
    })
}

fn finite(bound: f64) -> Option<f64> {
    bound.is_finite().then_some(bound)
}

fn parameter(item: &Item, p: &Param) -> Value {
    json!({
        "name": p.name,
        "default": default(&item.model, p),
        "unit": p.unit,
        "description": p.description,
        "ranges": p.ranges.iter().map(range).collect::<Vec<_>>(),
        "instance": p.instance,
    })
}

fn card(card: &Card) -> Value {
    let values: Map<String, Value> = card.values.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    json!({ "name": card.name, "file": card.path, "comment": card.comment, "values": values })
}
