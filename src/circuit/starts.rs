//! `.ic` and `.nodeset`: which unknown each entry is about.

use crate::circuit::flatten::Flattener;
use crate::circuit::names::{Device, branch_current, local_unknown};
use crate::circuit::scope::TOP;
use crate::circuit::{SourceKind, StartTarget, StartValue, Terminal};
use crate::diag::Diagnostic;
use crate::netlist::ast::{Deck, Name, StartCard};

/// Reads all start values.
pub fn read<'d>(fl: &mut Flattener<'d, '_>, deck: &'d Deck) {
    let initial = resolve(fl, &deck.initial);
    fl.circuit.initial = initial;
    let nodesets = resolve(fl, &deck.nodesets);
    fl.circuit.nodesets = nodesets;
}

fn resolve<'d>(fl: &mut Flattener<'d, '_>, cards: &'d [StartCard]) -> Vec<StartValue> {
    let mut all = Vec::with_capacity(cards.len());
    for card in cards {
        let target = target(fl, &card.name);
        let value = fl.scopes.number(TOP, &card.value);
        match target {
            Ok(StartTarget::Terminal(Terminal::Ground)) => fl.report(
                Diagnostic::error(card.name.span, "ground has no start value").expected("this is ground").hint("its voltage is 0"),
            ),
            Ok(unknown) => all.push(StartValue { unknown, value, span: card.name.span }),
            Err(error) => fl.report(error),
        }
    }
    all
}

fn target(fl: &Flattener, name: &Name) -> Result<StartTarget, Diagnostic> {
    let text = strip(&name.text, 'v').unwrap_or(&name.text);
    if let Some(device) = strip(&name.text, 'i') {
        return current(fl, name, device);
    }
    if let Some(terminal) = fl.node_named(text) {
        return Ok(StartTarget::Terminal(terminal));
    }
    let Some((instance, local)) = fl.instance(text) else {
        return Err(fl.unknown_node(name.span, text));
    };
    let card = &fl.circuit.instances[instance as usize];
    let model = &fl.circuit.models[card.model as usize];
    match local_unknown(model, local) {
        Some(port) if (port as usize) < model.ports => Ok(StartTarget::Terminal(card.terminals[port as usize])),
        Some(unknown) => Ok(StartTarget::Unknown(instance, unknown)),
        None => Err(fl.no_unknown(name.span, instance, local)),
    }
}

fn current(fl: &Flattener, name: &Name, device: &str) -> Result<StartTarget, Diagnostic> {
    match fl.device(device) {
        Some(Device::Source(s)) if fl.circuit.sources[s as usize].kind == SourceKind::Voltage => {
            Ok(StartTarget::Terminal(Terminal::SourceCurrent(s)))
        }
        Some(Device::Instance(i)) => {
            let model = &fl.circuit.models[fl.circuit.instances[i as usize].model as usize];
            branch_current(model).map(|_| StartTarget::Terminal(Terminal::InstanceCurrent(i))).ok_or_else(|| {
                Diagnostic::error(name.span, format!("the current of `{device}` is no unknown"))
                    .expected("expected a device with a branch current: V, L, E, H")
            })
        }
        _ => Err(fl.unknown_device(name.span, device)),
    }
}

/// What stands in `v(...)`, if the name is written so.
fn strip(text: &str, letter: char) -> Option<&str> {
    let rest = text.strip_prefix(letter).or_else(|| text.strip_prefix(letter.to_ascii_uppercase()))?;
    rest.strip_prefix('(')?.strip_suffix(')').map(str::trim)
}
