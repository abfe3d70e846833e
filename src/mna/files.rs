//! Files that models write (LRM 2.4, clause 9.5): the messages of one analysis, replayed in order.
//!
//! Every instance has descriptors of its own. A file that several instances open is one file; it is emptied by the first of
//! them only. Bit 0 of a descriptor, and the two standard outputs, are the report. `$monitor` speaks where its arguments
//! have changed.

use std::collections::{BTreeMap, HashMap};

use crate::dae::{Channel, Message, MessageKind};
use crate::model::format::file_name_fault;
use crate::span::Span;

/// Standard output and error of the LRM: bit 31 and a number below 3.
const STANDARD: i32 = 3;

/// What became of the messages of one analysis.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// What belongs to the report, in order; channels are `Line` and `Part` only.
    pub messages: Vec<Message>,
    /// Files by name.
    pub files: BTreeMap<String, String>,
}

/// Sorts messages into the report and files.
pub fn replay(messages: Vec<Message>) -> Told {
    let mut replay = Replay::default();
    messages.into_iter().for_each(|m| replay.take(m));
    replay.told
}

#[derive(Default)]
struct Replay {
    told: Told,
    /// File behind each descriptor of each instance.
    open: HashMap<(String, i32), String>,
    /// What each `$monitor` said last.
    last: HashMap<(String, Span), u64>,
    /// Complaints made.
    complained: HashMap<(String, Span), ()>,
}

impl Replay {
    fn take(&mut self, message: Message) {
        match message.channel {
            Channel::Line | Channel::Part => self.told.messages.push(message),
            Channel::Monitor(state) => {
                if self.changed(&message, state) {
                    self.told.messages.push(Message { channel: Channel::Line, ..message });
                }
            }
            Channel::File(descriptor) => self.write(message, descriptor),
            Channel::FileMonitor(descriptor, state) => {
                if self.changed(&message, state) {
                    self.write(message, descriptor);
                }
            }
            Channel::Open { descriptor, append } => self.open(message, descriptor, append),
            Channel::Close(descriptor) => {
                for one in single(descriptor) {
                    if standard(one).is_none() && self.open.remove(&(message.instance.clone(), one)).is_none() {
                        self.complain(&message, "`$fclose` of a file that is not open".to_string(), MessageKind::Warning);
                    }
                }
            }
        }
    }

    fn changed(&mut self, message: &Message, state: u64) -> bool {
        self.last.insert((message.instance.clone(), message.span), state) != Some(state)
    }

    fn open(&mut self, message: Message, descriptor: i32, append: bool) {
        if let Some(fault) = file_name_fault(&message.text) {
            let text = format!("the file \"{}\" cannot be written: {fault}", message.text);
            return self.complain(&message, text, MessageKind::Error);
        }
        let key = (message.instance.clone(), descriptor);
        if self.open.get(&key) == Some(&message.text) {
            return;
        }
        let shared = self.open.values().any(|name| *name == message.text);
        let text = self.told.files.entry(message.text.clone()).or_default();
        if !append && !shared {
            text.clear();
        }
        self.open.insert(key, message.text);
    }

    fn write(&mut self, message: Message, descriptor: i32) {
        let targets = single(descriptor);
        let mut lost = targets.is_empty();
        for one in targets {
            if standard(one).is_some() {
                self.told.messages.push(Message { channel: Channel::Part, ..message.clone() });
                continue;
            }
            match self.open.get(&(message.instance.clone(), one)) {
                Some(name) => self.told.files.entry(name.clone()).or_default().push_str(&message.text),
                None => lost = true,
            }
        }
        if lost {
            let text = format!("descriptor {descriptor} belongs to no open file: nothing is written");
            self.complain(&message, text, MessageKind::Warning);
        }
    }

    /// Once for each call of each instance.
    fn complain(&mut self, message: &Message, text: String, kind: MessageKind) {
        if self.complained.insert((message.instance.clone(), message.span), ()).is_none() {
            let (instance, span, t) = (message.instance.clone(), message.span, message.t);
            self.told.messages.push(Message { kind, instance, span, t, text, channel: Channel::Line });
        }
    }
}

/// The channels of a descriptor: itself, or one for each bit.
fn single(descriptor: i32) -> Vec<i32> {
    if descriptor < 0 {
        return vec![descriptor];
    }
    (0..31).map(|k| 1 << k).filter(|bit| descriptor & bit != 0).collect()
}

/// The report, if a channel stands for it.
fn standard(channel: i32) -> Option<()> {
    let number = channel & i32::MAX;
    (channel == 1 || channel < 0 && number < STANDARD).then_some(())
}
