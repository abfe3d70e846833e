//! What models say: `$strobe` and its kin, formatted in the manner of the LRM (clause 9.4).

use crate::dae::{Channel, Message, MessageKind};
use crate::ir::chance;
use crate::model::format::{self, Piece};
use crate::model::{ArgumentType, MessageCall, MessageChannel, MessageLevel, Model, Moment};

/// Texts that are made of texts that are made ... end here.
const DEEPEST: u32 = 8;

/// Appends the messages of one instance whose condition holds.
pub fn collect(model: &Model, moments: &[Moment], fetch: &dyn Fn(u32) -> f64, instance: &str, t: f64, out: &mut Vec<Message>) {
    for call in model.messages.iter().filter(|c| moments.contains(&c.moment) && fetch(c.condition) != 0.0) {
        let kind = match call.kind {
            MessageLevel::Note => MessageKind::Note,
            MessageLevel::Warning => MessageKind::Warning,
            MessageLevel::Error => MessageKind::Error,
            MessageLevel::Finish => MessageKind::Finish,
            MessageLevel::Fatal => MessageKind::Fatal,
        };
        let speaker = Speaker { model, fetch, instance };
        let text = speaker.text(&call.pieces, &call.arguments, DEEPEST);
        let descriptor = |output: u32| fetch(output) as i32;
        let channel = match call.channel {
            MessageChannel::Line => Channel::Line,
            MessageChannel::Part => Channel::Part,
            MessageChannel::Monitor(still) => Channel::Monitor(speaker.state(call, still)),
            MessageChannel::File(output) => Channel::File(descriptor(output)),
            MessageChannel::FileMonitor(output, still) => Channel::FileMonitor(descriptor(output), speaker.state(call, still)),
            MessageChannel::Open { descriptor, append } => Channel::Open { descriptor, append },
            MessageChannel::Close(output) => Channel::Close(descriptor(output)),
        };
        out.push(Message { kind, instance: instance.to_string(), span: call.span, t, text, channel });
    }
}

/// One instance at one point.
struct Speaker<'a> {
    model: &'a Model,
    fetch: &'a dyn Fn(u32) -> f64,
    instance: &'a str,
}

impl Speaker<'_> {
    fn text(&self, pieces: &[Piece], arguments: &[(u32, ArgumentType)], depth: u32) -> String {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Instance => out.push_str(self.instance),
                Piece::Value(k, directive) => {
                    let Some((output, kind)) = arguments.get(*k as usize) else { continue };
                    let value = (self.fetch)(*output);
                    match kind {
                        ArgumentType::Text => out.push_str(&format::padded(*directive, &self.string(value, depth))),
                        _ => out.push_str(&format::number(*directive, value, *kind)),
                    }
                }
            }
        }
        out
    }

    fn string(&self, value: f64, depth: u32) -> String {
        if value >= 0.0 {
            return self.model.strings.get(value as usize).cloned().unwrap_or_default();
        }
        match self.model.texts.get((-1.0 - value) as usize) {
            Some(made) if depth > 0 => self.text(&made.pieces, &made.arguments, depth - 1),
            _ => String::new(),
        }
    }

    /// A number for what a call says, apart from the arguments that do not count.
    fn state(&self, call: &MessageCall, still: u64) -> u64 {
        let counts = |piece: &Piece| !matches!(piece, Piece::Value(k, _) if *k < 64 && still & (1 << k) != 0);
        let pieces: Vec<Piece> = call.pieces.iter().filter(|p| counts(p)).cloned().collect();
        chance::hash_text(0.0, &self.text(&pieces, &call.arguments, DEEPEST)) as u64
    }
}
