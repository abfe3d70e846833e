//! Elements that are nothing but words on one line: `R1 a b 1k`, `D1 a k dmod`, `X1 a b cell`, `N1 a b memristor x0=0.3`. Large
//! circuits consist of little else.
//!
//! Such a card is kept as its place in the text, its value and its kind: what it has in common with its like is in one
//! element of [`Scope::kinds`], the first card of the kind. No text is copied and nothing is allocated for it.

use crate::netlist::ast::{Assignment, Deck, Element, Expr, ExprKind, Item, Name, Scope, Turn};
use crate::netlist::card::Cursor;
use crate::netlist::elements;
use crate::netlist::lex::{Token, TokenKind, is_blank};
use crate::netlist::template::Loop;
use crate::span::{FileId, Sources, Span};
use crate::units;

/// Kinds of a scope; what goes beyond is kept as ordinary elements.
const MOST_KINDS: usize = 64;

/// Letters, words of a card (`None`: two or more), and whether the last one is a value and not a model.
const FORMS: [(u8, Option<usize>, bool); 7] = [
    (b'r', Some(4), true),
    (b'c', Some(4), true),
    (b'd', Some(4), false),
    (b'm', Some(6), false),
    (b's', Some(6), false),
    (b'x', None, false),
    (b'n', None, false),
];

/// An element whose card is nothing but words.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plain {
    /// The card, on one line.
    pub span: Span,
    /// Index into [`Scope::kinds`].
    pub kind: u32,
    /// The value that stands last, of those that have one.
    pub value: f64,
}

/// The value that stands last on a card.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'c> {
    /// A number; 0 where there is no value.
    Number(f64),
    /// An expression, and the indices of the loops around it.
    Formula(&'c Expr, &'c [(&'c str, f64)]),
}

/// A plain card with its text.
#[derive(Clone, Copy, Debug)]
pub struct Card<'c> {
    text: &'c str,
    /// Where it stands; one that a loop writes out stands where the loop has it.
    pub span: Span,
    /// Index into [`Scope::kinds`].
    pub kind: u32,
    /// Its value.
    pub value: Value<'c>,
    /// True if the text stands at `span`.
    placed: bool,
}

impl<'c> Card<'c> {
    /// A card that is written out from what stands at `span`.
    pub fn written(text: &'c str, span: Span, kind: u32, value: Value<'c>) -> Card<'c> {
        Card { text, span, kind, value, placed: false }
    }

    /// Its words, of which the first is its name, and their places.
    pub fn words(&self) -> impl Iterator<Item = (Span, &'c str)> + use<'c> {
        let (text, span, placed) = (self.text, self.span, self.placed);
        let bytes = text.as_bytes();
        let mut at = 0;
        let between = |byte: u8| is_blank(byte) || byte == b'=';
        std::iter::from_fn(move || {
            while at < bytes.len() && between(bytes[at]) {
                at += 1;
            }
            let start = at;
            while at < bytes.len() && !between(bytes[at]) {
                at += 1;
            }
            let from = span.start as usize;
            let place = if placed { Span::new(span.file, from + start, from + at) } else { span };
            (start < at).then(|| (place, &text[start..at]))
        })
    }

    /// The name of the element.
    pub fn name(&self) -> &'c str {
        self.words().next().map_or("", |(_, word)| word)
    }

    /// The place of the value.
    pub fn value_span(&self) -> Span {
        match self.value {
            Value::Number(_) => self.words().last().map_or(self.span, |(span, _)| span),
            Value::Formula(expr, _) => expr.span,
        }
    }

    /// Values and places of what the card assigns, in the order of the parameters of its kind.
    pub fn assigned(&self, kind: &Element) -> impl Iterator<Item = (f64, Span)> + use<'c> {
        // Name, nodes, model; then names and values in turn.
        let values = self.words().skip(kind.nodes.len() + 3).step_by(2).take(kind.parameters.len());
        values.map(|(span, word)| (units::number(word).unwrap_or(f64::NAN), span))
    }

    /// The card as an element like any other; `kind` is that of its scope.
    pub fn element(&self, kind: &Element) -> Element {
        let name = |(span, word): (Span, &str)| Name { text: word.to_string(), span };
        let mut names: Vec<Name> = self.words().map(name).collect();
        let assignments = names.split_off(names.len() - (2 * kind.parameters.len()).min(names.len()));
        let parameters = assignments.iter().step_by(2).zip(self.assigned(kind)).map(|(name, (value, span))| {
            let value = Expr { kind: ExprKind::Number(value), span };
            Assignment { name: name.clone(), value }
        });
        let parameters = parameters.collect();
        let (value, model) = match (&kind.value, self.value) {
            (None, _) => (None, names.pop()),
            (Some(_), Value::Number(value)) => (Some(Expr { kind: ExprKind::Number(value), span: self.value_span() }), None),
            (Some(_), Value::Formula(expr, _)) => (Some(expr.clone()), None),
        };
        names.truncate(kind.nodes.len() + 1);
        let own = if names.is_empty() { kind.name.clone() } else { names.remove(0) };
        Element { name: own, nodes: names, value, model, parameters, span: self.span, ..kind.clone() }
    }
}

impl Plain {
    /// The card; `text` is that of its file.
    pub fn card<'t>(&self, text: &'t str) -> Card<'t> {
        let text = text.get(self.span.start as usize..self.span.end as usize).unwrap_or("");
        Card { text, span: self.span, kind: self.kind, value: Value::Number(self.value), placed: true }
    }
}

/// Takes a card into `scope` if it is plain; otherwise does nothing.
pub fn read(cursor: &Cursor, scope: &mut Scope) -> bool {
    let Some((kind, value)) = kind(cursor, &mut scope.kinds, || cursor.file) else { return false };
    scope.push_plain(Plain { span: cursor.card_span(), kind, value });
    true
}

/// Kind and value of a card, if it is plain; a new kind is added to `kinds`, with places in the file that `place` gives.
pub fn kind(cursor: &Cursor, kinds: &mut Vec<Element>, place: impl FnOnce() -> FileId) -> Option<(u32, f64)> {
    let tokens = cursor.tokens();
    let (first, last) = (tokens.first()?, tokens.last()?);
    let letter = cursor.text.as_bytes()[first.start].to_ascii_lowercase();
    let (_, count, valued) = FORMS.iter().find(|form| form.0 == letter)?;
    let (tokens, assignments) = head_and_assignments(cursor)?;
    let fits = count.map_or(tokens.len() >= 2, |count| tokens.len() == count && assignments.is_empty());
    if !fits || tokens.iter().any(|t| t.kind != TokenKind::Word) {
        return None;
    }
    let card = &cursor.text[first.start..last.end];
    // `params:` and cards that go on in a further line are for others.
    let special = |word: &str| word.contains(':') || word.eq_ignore_ascii_case("params");
    if card.as_bytes().contains(&b'\n') || (count.is_none() && tokens.iter().any(|t| special(cursor.slice(*t)))) {
        return None;
    }
    let end = cursor.slice(*tokens.last()?);
    let value = if *valued {
        let numeric = end.as_bytes()[0].is_ascii_digit() || matches!(end.as_bytes()[0], b'.' | b'-' | b'+');
        units::number(end).filter(|_| numeric)?
    } else {
        0.0
    };
    let nodes = tokens.len() - 2;
    let alike = |kind: &Element| {
        kind.letter as u32 == u32::from(letter)
            && kind.nodes.len() == nodes
            && kind.parameters.len() == assignments.len()
            && kind.parameters.iter().zip(&assignments).all(|(p, name)| p.name.text == *name)
            && (*valued || kind.model.as_ref().is_some_and(|m| m.text == end))
    };
    let kind = match kinds.iter().position(alike) {
        Some(kind) => kind,
        None if kinds.len() >= MOST_KINDS => return None,
        None => {
            elements::element(&mut cursor.clone()).ok()?;
            let mut placed = *cursor;
            placed.file = place();
            kinds.push(elements::element(&mut placed).ok()?);
            kinds.len() - 1
        }
    };
    Some((kind as u32, value))
}

/// Tokens before the assignments `name=number` that end a card, and the names of these; none if something else is assigned.
fn head_and_assignments<'a>(cursor: &Cursor<'a>) -> Option<(&'a [Token], Vec<&'a str>)> {
    let tokens = cursor.tokens();
    let Some(first) = tokens.iter().position(|t| t.kind == TokenKind::Equals) else { return Some((tokens, Vec::new())) };
    let (head, assigned) = tokens.split_at(first.checked_sub(1)?);
    let mut names = Vec::new();
    for triple in assigned.chunks(3) {
        let [name, equals, value] = triple else { return None };
        let text = cursor.slice(*value);
        let numeric = text.as_bytes()[0].is_ascii_digit() || matches!(text.as_bytes()[0], b'.' | b'-' | b'+');
        let kinds = (name.kind, equals.kind, value.kind) == (TokenKind::Word, TokenKind::Equals, TokenKind::Word);
        let special = ["m", "temp", "dtemp", "trise", "ic"].iter().any(|s| cursor.slice(*name).eq_ignore_ascii_case(s));
        if !kinds || !numeric || special || names.contains(&cursor.slice(*name)) {
            return None;
        }
        units::number(text)?;
        names.push(cursor.slice(*name));
    }
    Some((head, names))
}

impl Scope {
    /// Adds a plain element behind all that are there.
    pub fn push_plain(&mut self, plain: Plain) {
        self.plain.push(plain);
        let turn = self.end();
        match self.turns.last_mut() {
            Some(last) if (last.elements, last.loops) == (turn.elements, turn.loops) && !last.ends => last.plain = turn.plain,
            _ => self.turns.push(turn),
        }
    }

    /// Adds a loop behind all elements that are there.
    pub fn push_loop(&mut self, repeated: Loop) {
        self.loops.push(repeated);
        self.turns.push(Turn { ends: true, ..self.end() });
    }

    fn end(&self) -> Turn {
        let count = |n: usize| n as u32;
        Turn { elements: count(self.elements.len()), plain: count(self.plain.len()), loops: count(self.loops.len()), ends: false }
    }

    /// All elements in the order of their cards.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let mut at = Turn::default();
        self.turns.iter().copied().chain([self.end()]).flat_map(move |turn| {
            let elements = &self.elements[at.elements as usize..turn.elements as usize];
            let plains = &self.plain[at.plain as usize..turn.plain as usize];
            let loops = &self.loops[at.loops as usize..turn.loops as usize];
            at = turn;
            elements.iter().map(Item::Element).chain(plains.iter().map(Item::Plain)).chain(loops.iter().map(Item::Loop))
        })
    }

    /// Makes every plain element one like any other.
    fn unpack(&mut self, sources: &Sources) {
        let mut all = Vec::new();
        for item in self.items() {
            match item {
                Item::Element(element) => all.push(element.clone()),
                Item::Plain(plain) => {
                    let card = plain.card(sources.text(plain.span.file));
                    all.push(card.element(&self.kinds[plain.kind as usize]));
                }
                // What cannot be written out is an error of whoever builds the circuit.
                Item::Loop(repeated) => {
                    let _ = repeated.each(&mut |card| all.push(card.element(&self.kinds[card.kind as usize])));
                }
            }
        }
        self.elements = all;
        (self.plain, self.loops, self.turns) = (Vec::new(), Vec::new(), Vec::new());
        self.subcircuits.iter_mut().for_each(|s| s.scope.unpack(sources));
    }
}

impl Deck {
    /// Makes every plain element one like any other, so that `elements` of each scope has them all.
    pub fn unpack(&mut self, sources: &Sources) {
        self.top.unpack(sources);
    }
}
