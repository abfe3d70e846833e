//! What the head of a deck says to people: its title, what must be seen, whether it is slow, what it covers.
//!
//! The head is the title line and the comment lines behind it. A line `* slow: N s` and lines `* covers: ...` are marks; the
//! others are prose. Lines set in by two blanks or more behind the usual one are equations and keep their shape; an empty comment ends a paragraph.

/// A piece of prose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// Lines that flow.
    Paragraph(String),
    /// Lines that stand as they are.
    Shaped(String),
}

/// The head of a deck.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Head {
    /// First line.
    pub title: String,
    /// What must be seen.
    pub prose: Vec<Block>,
    /// Seconds that `* slow: N s` announces.
    pub slow: Option<f64>,
    /// Tags of `* covers: ...`.
    pub covers: String,
}

/// Reads the head of a deck.
pub fn read(deck: &str) -> Head {
    let mut lines = deck.lines();
    let mut head = Head { title: lines.next().unwrap_or("").trim_start_matches('*').trim().to_string(), ..Head::default() };
    let mut open = false;
    for line in lines.map_while(|l| l.strip_prefix('*')) {
        let line = line.trim_end();
        let words = line.trim_start();
        if let Some(rest) = words.strip_prefix("slow:") {
            head.slow = Some(rest.split_whitespace().next().and_then(crate::units::number).unwrap_or(0.0));
        } else if let Some(rest) = words.strip_prefix("covers:") {
            head.covers = format!("{} {}", head.covers, rest.trim()).trim().to_string();
        } else {
            open = add(&mut head.prose, line, open);
        }
    }
    head
}

/// Words that begin a paragraph.
pub const LEADS: [&str; 4] = ["Must be seen", "Source:", "Closed form", "Deviation"];

/// Adds a line; says whether the last paragraph is still open.
fn add(prose: &mut Vec<Block>, line: &str, open: bool) -> bool {
    let words = line.trim();
    if words.is_empty() {
        return false;
    }
    let shaped = line.starts_with("   ");
    let open = open && !LEADS.iter().any(|lead| words.starts_with(lead));
    match (prose.last_mut(), shaped) {
        (Some(Block::Paragraph(text)), false) if open => {
            text.push(' ');
            text.push_str(words);
        }
        (Some(Block::Shaped(text)), true) if open => {
            text.push('\n');
            text.push_str(&line[3..]);
        }
        (_, false) => prose.push(Block::Paragraph(words.to_string())),
        (_, true) => prose.push(Block::Shaped(line[3..].to_string())),
    }
    true
}
