//! The table of all models, one part for each folder.

use std::fmt::Write;

use crate::catalogue::Item;

const HEAD: [&str; 8] = ["name", "class", "terminals", "states", "parameters", "cards", "source", "what it is"];

/// The table.
pub fn table(items: &[Item]) -> String {
    let rows: Vec<[String; 8]> = items.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(w, cell)| *w = cell.chars().count().max(*w));
    }
    let line = |cells: [&str; 8]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(c, w)| format!("{c:<w$}")).collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let mut out = line(HEAD);
    let mut group = "";
    for (item, row) in items.iter().zip(&rows) {
        if item.group() != group {
            group = item.group();
            let _ = writeln!(out, "\n{group}{}", if group == "std" { ": what the elements of a deck are made of" } else { "" });
        }
        out.push_str(&line(std::array::from_fn(|k| row[k].as_str())));
    }
    let cards: usize = items.iter().map(|i| i.cards.len()).sum();
    let _ = writeln!(
        out,
        "\n{} models, {cards} cards. States in brackets move to their equilibrium in static analyses, the others keep their start value.\n\
         `memspice models NAME` explains a model or a card, `memspice models NAME --iv --drm --pulse` draws it.",
        items.len()
    );
    out
}

fn row(item: &Item) -> [String; 8] {
    let model = &item.model;
    let terminals: Vec<&str> = model.unknowns[..model.ports].iter().map(|u| u.name.as_str()).collect();
    let state = |s: &crate::lint::bench::State| {
        let name = &model.unknowns[s.row].name;
        if s.held { name.clone() } else { format!("({name})") }
    };
    let states: Vec<String> = item.states.iter().map(state).collect();
    let parameters = model.params.iter().filter(|p| !p.local).count();
    let count = |n: usize| if n == 0 { String::new() } else { n.to_string() };
    [
        model.name.clone(),
        model.attribute("class").to_string(),
        short_list(&terminals),
        short_list(&states.iter().map(String::as_str).collect::<Vec<_>>()),
        parameters.to_string(),
        count(item.cards.len()),
        origin(&item.source()),
        item.summary().to_string(),
    ]
}

/// The names, or how many they are.
fn short_list(names: &[&str]) -> String {
    if names.len() <= 5 { names.join(" ") } else { format!("{} ... ({})", names[..3].join(" "), names.len()) }
}

/// First author and year of a source: `Strachan 2013`; nothing where it is no publication.
fn origin(source: &str) -> String {
    let initial = |w: &str| w.len() <= 3 && w.ends_with('.') && w.starts_with(char::is_uppercase);
    let mut words = source.split_whitespace().skip_while(|w| !initial(w)).skip_while(|w| initial(w));
    let surname: String = words.next().unwrap_or("").chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
    let begins = source.split_whitespace().next().is_some_and(initial);
    let digits = |w: &str| w.chars().filter(char::is_ascii_digit).collect::<String>();
    let year = source
        .split_whitespace()
        .filter(|w| w.len() <= 8)
        .map(digits)
        .find(|d| d.len() == 4 && (d.starts_with("19") || d.starts_with("20")));
    match year {
        Some(year) if begins => format!("{surname} {year}"),
        _ => String::new(),
    }
}
