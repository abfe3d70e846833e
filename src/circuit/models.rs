//! Models in use: `.model` cards, modules of the library, and the parameters that are given to them.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::circuit::Number;
use crate::circuit::flatten::Flattener;
use crate::circuit::scope::{EnvId, TOP};
use crate::diag::Diagnostic;
use crate::model::{Formula, Model, Param, ParamKind};
use crate::netlist;
use crate::netlist::ast::{Assignment, ExprKind, ModelCard, Name};
use crate::span::Span;

/// Index of the models of the circuit by module name (or by shape, for those made from expressions).
#[derive(Default)]
pub struct Models {
    index: HashMap<String, u32>,
    /// Names that the library was asked for, as written.
    modules: HashMap<String, Option<u32>>,
    /// Cards of the library that were asked for, by folded name.
    cards: HashMap<String, Option<Rc<ModelUse>>>,
    /// Parameters whose ranges depend on others, by model.
    moving: HashMap<u32, Rc<Vec<u32>>>,
}

impl Models {
    /// Parameters of model number `index` whose ranges depend on other parameters.
    pub fn moving_ranges(&mut self, index: u32, model: &Model) -> Rc<Vec<u32>> {
        let moves =
            |p: &Param| p.ranges.iter().any(|r| matches!((&r.low, &r.high), (Formula::Function(_), _) | (_, Formula::Function(_))));
        let list = || model.params.iter().enumerate().filter(|(_, p)| moves(p) && !p.local).map(|(k, _)| k as u32).collect();
        self.moving.entry(index).or_insert_with(|| Rc::new(list())).clone()
    }

    /// The index of the model called `key`.
    pub fn known(&self, key: &str) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// The index of the model called `key`, appended to `models` when it is new.
    pub fn intern(&mut self, models: &mut Vec<Arc<Model>>, key: &str, make: impl FnOnce() -> Arc<Model>) -> u32 {
        if let Some(known) = self.index.get(key) {
            return *known;
        }
        models.push(make());
        self.index.insert(key.to_string(), models.len() as u32 - 1);
        models.len() as u32 - 1
    }
}

/// Parameters given to a model.
#[derive(Clone, Default)]
pub struct Given {
    /// Index into `Model::params` and value.
    pub params: Vec<(u32, Number)>,
    /// Those that can be checked only when all values are known, with their places.
    pub unchecked: Vec<(u32, Span)>,
}

impl Given {
    /// Sets a parameter; what is set later wins.
    pub fn set(&mut self, param: u32, value: Number) {
        match self.params.iter_mut().find(|(k, _)| *k == param) {
            Some(old) => old.1 = value,
            None => self.params.push((param, value)),
        }
    }

    /// Whether a parameter is given.
    pub fn has(&self, param: u32) -> bool {
        self.params.iter().any(|(k, _)| *k == param)
    }
}

/// A `.model` card, or a module used without one.
pub struct ModelUse {
    /// Index into `Circuit::models`.
    pub model: u32,
    /// Module name.
    pub module: String,
    /// What the card gives.
    pub given: Given,
    /// Where the card stands.
    pub span: Span,
}

/// SPICE's model types and the modules that they stand for.
pub const TYPES: [(&str, &str); 12] = [
    ("d", "diode"),
    ("nmos", "nmos"),
    ("pmos", "pmos"),
    ("sw", "switch"),
    ("vswitch", "switch"),
    ("r", "resistor"),
    ("res", "resistor"),
    ("c", "capacitor"),
    ("cap", "capacitor"),
    ("l", "inductor"),
    ("ind", "inductor"),
    ("core", "inductor"),
];

/// SPICE parameters that our modules do without: they are named in a warning, not refused.
const WITHOUT_EFFECT: [(&str, &[&str]); 5] = [
    ("diode", &["kf", "af", "nbv", "isr", "nr", "ikf", "ikr", "trs1", "trs2", "tt1", "tt2", "jsw", "php", "level"]),
    ("nmos", MOS),
    ("pmos", MOS),
    ("switch", &["level"]),
    ("resistor", &["kf", "af", "noisy", "level"]),
];

const MOS: &[&str] = &[
    "kf", "af", "nsub", "nss", "nfs", "tpg", "xj", "ucrit", "uexp", "utra", "vmax", "neff", "delta", "theta", "eta", "kappa",
    "rsh", "js", "level",
];

impl<'d> Flattener<'d, '_> {
    /// The module called `name`, from the library.
    pub fn module(&mut self, name: &str) -> Option<u32> {
        if let Some(known) = self.models.modules.get(name) {
            return *known;
        }
        let found = self.library.get(self.sources, name);
        let index = found.map(|model| {
            let key = model.name.clone();
            self.models.intern(&mut self.circuit.models, &key, || model)
        });
        self.models.modules.insert(name.to_string(), index);
        index
    }

    /// Whether there is a module of this name, but with mistakes, which the library reports.
    pub fn is_broken(&mut self, name: &str) -> bool {
        self.module(name).is_none() && self.library.names().iter().any(|n| n.eq_ignore_ascii_case(name))
    }

    /// The model that `name` stands for in `env`: a `.model` card, else a module.
    pub fn model_use(&mut self, env: EnvId, name: &Name) -> Option<Rc<ModelUse>> {
        if let Some((card, defined)) = self.scopes.model(env, &name.folded()) {
            return self.card(card, defined);
        }
        let Some(model) = self.module(&name.text) else { return self.library_card(name) };
        let module = self.circuit.models[model as usize].name.clone();
        Some(Rc::new(ModelUse { model, module, given: Given::default(), span: name.span }))
    }

    /// The `.model` card of this name in the files of `models/cards`, which see the parameters of the top level.
    fn library_card(&mut self, name: &Name) -> Option<Rc<ModelUse>> {
        let key = name.folded();
        if let Some(known) = self.models.cards.get(&key) {
            return known.clone();
        }
        let (path, text) = self.library.card(&name.text)?;
        let file = self.sources.add(Path::new(path), text.to_string());
        let (deck, mistakes) = netlist::parse_with(self.sources, file, &[]);
        mistakes.into_iter().for_each(|m| self.report(m));
        let card = deck.top.models.iter().find(|card| card.name.folded() == key);
        let made = card.and_then(|card| self.read_card(card, TOP)).map(Rc::new);
        self.models.cards.insert(key, made.clone());
        made
    }

    /// A `.model` card, read once for every use of the scope that holds it.
    fn card(&mut self, card: &'d ModelCard, env: EnvId) -> Option<Rc<ModelUse>> {
        let key = card.name.folded();
        if let Some(known) = self.scopes.envs[env].cards.get(&key) {
            return known.clone();
        }
        let made = self.read_card(card, env).map(Rc::new);
        self.scopes.envs[env].cards.insert(key, made.clone());
        made
    }

    fn read_card(&mut self, card: &ModelCard, env: EnvId) -> Option<ModelUse> {
        let kind = card.kind.folded();
        let standard = TYPES.iter().find(|(t, _)| *t == kind).map(|(_, module)| *module);
        let wanted = standard.unwrap_or(&card.kind.text);
        let Some(model) = self.module(wanted) else {
            if self.is_broken(wanted) {
                return None;
            }
            let known: Vec<String> = TYPES.iter().map(|t| t.0.to_string()).chain(self.library.names()).collect();
            self.report(
                Diagnostic::error(card.kind.span, format!("there is no model type or Verilog-A module `{}`", card.kind.text))
                    .expected("expected d, nmos, pmos, sw, r, c, l or a module")
                    .suggest(&card.kind.text, known.iter().map(String::as_str))
                    .hint("load a file with `.hdl \"file.va\"`"),
            );
            return None;
        };
        let module = self.circuit.models[model as usize].name.clone();
        let model = self.shaped(env, model, &Given::default(), &card.parameters);
        let mut given = Given::default();
        for assignment in &card.parameters {
            self.give(env, model, assignment, &mut given);
        }
        Some(ModelUse { model, module, given, span: card.span })
    }

    /// Gives one parameter.
    pub fn give(&mut self, env: EnvId, model: u32, assignment: &Assignment, given: &mut Given) {
        let name = &assignment.name;
        let known = self.circuit.models[model as usize].clone();
        match known.parameter(&name.text) {
            Ok(Some(k)) if known.params[k as usize].local => {
                self.report(
                    Diagnostic::error(name.span, format!("`{}` of `{}` is a localparam and cannot be set", name.text, known.name))
                        .expected("cannot be set"),
                );
            }
            Ok(Some(k)) => self.give_value(env, model, k, assignment, given),
            Ok(None) => self.no_parameter(&known, assignment),
            Err(several) => {
                let list = several.join("`, `");
                self.report(
                    Diagnostic::error(name.span, format!("`{}` of `{}` may be `{list}`", name.text, known.name))
                        .expected("ambiguous but for its case")
                        .hint("write the name exactly as the module does"),
                );
            }
        }
    }

    fn give_value(&mut self, env: EnvId, model: u32, k: u32, assignment: &Assignment, given: &mut Given) {
        let param = &self.circuit.models[model as usize].clone().params[k as usize];
        let value = &assignment.value;
        if let (ExprKind::Text(text), true) = (&value.kind, self.circuit.models[model as usize].table_files.contains(&k)) {
            let known = matches!(param.default, Formula::Number(own) if self.circuit.models[model as usize].strings.get(own as usize) == Some(text));
            if !known {
                let error = Diagnostic::error(value.span, format!("`{}` names the file of a table", param.name));
                let error = error.expected("the table is read when the model is compiled: it has that of the default");
                return self.report(error.hint("change the default, or set it in a paramset"));
            }
        }
        let number = match (param.kind, &value.kind) {
            (ParamKind::Text, ExprKind::Text(text) | ExprKind::Name(text)) => Number::Fixed(f64::from(self.string(model, text))),
            (ParamKind::Text, _) => {
                self.report(
                    Diagnostic::error(value.span, format!("parameter `{}` is a text", param.name)).expected("expected \"text\""),
                );
                return;
            }
            (_, ExprKind::Text(_)) => {
                self.report(
                    Diagnostic::error(value.span, format!("parameter `{}` is a number", param.name)).expected("expected a number"),
                );
                return;
            }
            _ => self.scopes.number(env, value),
        };
        given.set(k, number);
        if param.kind != ParamKind::Text && !plainly_allowed(param, number) {
            given.unchecked.push((k, value.span));
        }
    }

    /// The index of a text among the strings of a model; the circuit's copy of the model learns new ones.
    fn string(&mut self, model: u32, text: &str) -> u32 {
        let shared = &mut self.circuit.models[model as usize];
        if let Some(known) = shared.strings.iter().position(|s| s == text) {
            return known as u32;
        }
        let own = Arc::make_mut(shared);
        own.strings.push(text.to_string());
        own.strings.len() as u32 - 1
    }

    fn no_parameter(&mut self, model: &Model, assignment: &Assignment) {
        let name = &assignment.name;
        let folded = name.folded();
        let known = |(module, names): &(&str, &[&str])| *module == model.name && names.contains(&folded.as_str());
        if WITHOUT_EFFECT.iter().any(known) {
            if folded != "level" {
                self.report(
                    Diagnostic::warning(name.span, format!("parameter `{}` has no effect on `{}`", name.text, model.name))
                        .expected("ignored"),
                );
            } else if assignment.value.kind != ExprKind::Number(1.0) {
                self.report(
                    Diagnostic::error(assignment.value.span, format!("`{}` has level 1 only", model.name))
                        .expected("expected 1")
                        .hint("other models are used as Verilog-A modules, by N1 or X1"),
                );
            }
            return;
        }
        let names: Vec<&str> = model.params.iter().filter(|p| !p.local).map(|p| p.name.as_str()).collect();
        let mut error = Diagnostic::error(name.span, format!("model `{}` has no parameter `{}`", model.name, name.text))
            .expected("unknown parameter")
            .suggest(&name.text, names.iter().copied());
        if error.hints.is_empty() && names.len() <= 12 {
            error = error.hint(format!("it has {}", names.join(", ")));
        }
        self.report(error);
    }
}

/// True if a value can be seen to be in range without knowing any other.
pub fn plainly_allowed(param: &Param, number: Number) -> bool {
    let Number::Fixed(value) = number else { return false };
    if param.kind == ParamKind::Int && value.fract() != 0.0 {
        return false;
    }
    let inside = |r: &crate::model::Range| match (&r.low, &r.high) {
        (Formula::Number(low), Formula::Number(high)) => Some(crate::circuit::ranges::inside(value, r, *low, *high)),
        _ => None,
    };
    let mut from = param.ranges.iter().filter(|r| !r.exclude).peekable();
    let allowed = from.peek().is_none() || from.any(|r| inside(r) == Some(true));
    allowed && param.ranges.iter().filter(|r| r.exclude).all(|r| inside(r) == Some(false))
}
