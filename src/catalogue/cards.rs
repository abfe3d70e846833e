//! `.model` cards of the library: parameter sets of real devices, each with the comment above it.

/// One card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// The module whose parameters it sets.
    pub module: String,
    /// File that holds it.
    pub path: String,
    /// Comment lines right above it.
    pub comment: String,
    /// What it sets, as written.
    pub values: Vec<(String, String)>,
}

/// The cards of a file. Comments count for the next card; an empty line parts them from it.
pub fn read(path: &str, text: &str) -> Vec<Card> {
    let mut out: Vec<Card> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(words) = line.strip_prefix('*') {
            comment.push(words.trim());
            continue;
        }
        let mut whole = line.to_string();
        while let Some(more) = lines.next_if(|l| l.trim_start().starts_with('+')) {
            whole.push(' ');
            whole.push_str(more.trim_start().trim_start_matches('+').trim());
        }
        let comment = std::mem::take(&mut comment).join(" ");
        out.extend(card(path, &whole, comment));
    }
    out
}

fn card(path: &str, line: &str, comment: String) -> Option<Card> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    if !word.eq_ignore_ascii_case(".model") {
        return None;
    }
    let (name, rest) = rest.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    let end = rest.find(|c: char| c == '(' || c.is_whitespace()).unwrap_or(rest.len());
    let inside = rest[end..].trim().trim_start_matches('(').trim_end_matches(')');
    let (module, path) = (rest[..end].to_string(), path.to_string());
    Some(Card { name: name.to_string(), module, path, comment, values: values(inside) })
}

/// `a=1 b = {2*c}` as names and texts.
fn values(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let end = match behind.chars().next() {
            Some('{') => behind.find('}').map(|k| k + 1),
            Some(quote @ ('"' | '\'')) => behind[1..].find(quote).map(|k| k + 2),
            _ => behind.find(char::is_whitespace),
        };
        let (value, next) = behind.split_at(end.unwrap_or(behind.len()));
        out.push((name.trim().to_string(), value.to_string()));
        rest = next.trim_start();
    }
    out
}
