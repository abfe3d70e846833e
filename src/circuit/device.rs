//! Element cards to instances: which module a letter stands for, what its terminals are bound to, what its parameters are.

use std::rc::Rc;

use crate::circuit::flatten::{Flattener, count};
use crate::circuit::models::{Given, ModelUse};
use crate::circuit::names::Device;
use crate::circuit::scope::EnvId;
use crate::circuit::settings::Settings;
use crate::circuit::{Instance, Number, SourceKind, Terminal, behaviour, stimulus};
use crate::diag::Diagnostic;
use crate::ir::{Input, Inst, Value};
use crate::model::Model;
use crate::netlist::ast::{Assignment, Element, Expr, ExprKind, Name};

/// What a device card turns out to be.
pub enum Plan {
    /// `V`, `I`.
    Source(SourceKind),
    /// `K`: one instance for each pair of its inductors.
    Mutual,
    /// An expression as a source: of voltage or of current.
    Behaviour(SourceKind),
    /// An instance of a module.
    Module(Rc<ModelUse>),
}

/// A letter whose card maps to a module of `models/std`.
struct Row {
    letter: char,
    module: &'static str,
    /// Nodes on the card; controlling currents come after them.
    nodes: usize,
    /// Parameter that the main value is given to.
    main: Option<&'static str>,
    /// Whether the card needs the main value.
    needs_value: bool,
    /// What the device is called in messages.
    noun: &'static str,
}

const fn row(letter: char, module: &'static str, nodes: usize, main: Option<&'static str>, noun: &'static str) -> Row {
    Row { letter, module, nodes, main, needs_value: main.is_some() && letter != 'd', noun }
}

const TABLE: [Row; 11] = [
    row('r', "resistor", 2, Some("r"), "resistor"),
    row('c', "capacitor", 2, Some("c"), "capacitor"),
    row('l', "inductor", 2, Some("l"), "inductor"),
    row('e', "vcvs", 4, Some("gain"), "voltage-controlled voltage source"),
    row('g', "vccs", 4, Some("gain"), "voltage-controlled current source"),
    row('f', "cccs", 2, Some("gain"), "current-controlled current source"),
    row('h', "ccvs", 2, Some("gain"), "current-controlled voltage source"),
    row('d', "diode", 2, Some("area"), "diode"),
    row('m', "nmos", 4, None, "MOS transistor"),
    row('m', "pmos", 4, None, "MOS transistor"),
    row('s', "switch", 4, None, "switch"),
];

/// `R1 a b resistance=1k`: other names of the main value.
const LONG_NAMES: [&str; 3] = ["resistance", "capacitance", "inductance"];

/// Number of pairs of `n` things.
pub fn pairs(n: usize) -> u32 {
    (n * n.saturating_sub(1) / 2) as u32
}

/// Decides what a card is; `None` (and a report) if it is nothing.
pub fn plan(fl: &mut Flattener, env: EnvId, element: &Element) -> Option<Plan> {
    let behaviour = |kind| Some(Plan::Behaviour(kind));
    match element.letter {
        'v' => Some(Plan::Source(SourceKind::Voltage)),
        'i' => Some(Plan::Source(SourceKind::Current)),
        'k' => Some(Plan::Mutual),
        'b' | 'e' | 'h' if named(element, "v").is_some() => behaviour(SourceKind::Voltage),
        'b' | 'g' | 'f' if named(element, "i").is_some() => behaviour(SourceKind::Current),
        'x' | 'n' => module_of_x(fl, env, element),
        letter => match TABLE.iter().find(|r| r.letter == letter) {
            Some(row) => module_of_letter(fl, env, element, row),
            None => {
                fl.report(
                    Diagnostic::error(element.name.span, format!("unknown element `{}`", element.name.text))
                        .expected("expected one of R C L K V I E F G H B D M S X N"),
                );
                None
            }
        },
    }
}

/// The assignment called `name` (folded) of a card.
pub fn named<'e>(element: &'e Element, name: &str) -> Option<&'e Assignment> {
    element.parameters.iter().find(|a| a.name.text.eq_ignore_ascii_case(name))
}

fn module_of_x(fl: &mut Flattener, env: EnvId, element: &Element) -> Option<Plan> {
    let Some(name) = &element.model else {
        fl.report(
            Diagnostic::error(element.span, format!("`{}` names no subcircuit or model", element.name.text))
                .expected("expected nodes, then a name"),
        );
        return None;
    };
    let before = fl.scopes.found.len();
    if let Some(model) = fl.model_use(env, name) {
        return Some(Plan::Module(model));
    }
    if fl.scopes.found.len() == before && fl.scopes.model(env, &name.folded()).is_none() && !fl.is_broken(&name.text) {
        let mut known = fl.scopes.visible(env, |d| d.subcircuit_names());
        known.extend(fl.scopes.visible(env, |d| d.model_names()));
        known.extend(fl.library.names());
        known.extend(fl.library.card_names());
        fl.report(
            Diagnostic::error(name.span, format!("there is no subcircuit, model or module `{}`", name.text))
                .expected("unknown name")
                .suggest(&name.text, known.iter().map(String::as_str))
                .hint("load a Verilog-A file with `.hdl \"file.va\"`, or a subcircuit with `.include`"),
        );
    }
    None
}

fn module_of_letter(fl: &mut Flattener, env: EnvId, element: &Element, row: &Row) -> Option<Plan> {
    if element.nodes.len() != row.nodes {
        fl.report(
            Diagnostic::error(
                element.span,
                format!("a {} has {}, `{}` has {}", row.noun, count(row.nodes, "node"), element.name.text, element.nodes.len()),
            )
            .expected(format!("expected {}", count(row.nodes, "node"))),
        );
        return None;
    }
    if let Some(name) = &element.model
        && value_in_place_of_model(fl, env, element).is_none()
    {
        return model_of_letter(fl, env, element, row, name);
    }
    if row.main.is_none() || row.letter == 'd' {
        fl.report(
            Diagnostic::error(element.span, format!("`{}` names no model", element.name.text))
                .expected(format!("a {} needs the name of a .model card", row.noun)),
        );
        return None;
    }
    match fl.module(row.module) {
        Some(model) => {
            let given = Given::default();
            Some(Plan::Module(Rc::new(ModelUse { model, module: row.module.to_string(), given, span: element.span })))
        }
        None if fl.is_broken(row.module) => None,
        None => {
            fl.report(Diagnostic::error(element.name.span, format!("the module `{}` of models/std is missing", row.module)));
            None
        }
    }
}

/// `R1 a b {r}` and `R1 a b r` with a parameter `r` look like a model's name to the parser.
fn value_in_place_of_model(fl: &mut Flattener, env: EnvId, element: &Element) -> Option<Expr> {
    let name = element.model.as_ref().filter(|_| matches!(element.letter, 'r' | 'c' | 'l') && element.value.is_none())?;
    let braced = fl.sources.slice(name.span).starts_with(['{', '\'']);
    let folded = name.folded();
    let parameter = || fl.scopes.model(env, &folded).is_none() && fl.scopes.has_parameter(env, &folded);
    (braced || parameter()).then(|| Expr { kind: ExprKind::Name(name.text.clone()), span: name.span })
}

fn model_of_letter(fl: &mut Flattener, env: EnvId, element: &Element, row: &Row, name: &Name) -> Option<Plan> {
    let letter = element.name.text.chars().next().unwrap_or('X').to_ascii_uppercase();
    let Some((card, _)) = fl.scopes.model(env, &name.folded()) else {
        let known = fl.scopes.visible(env, |d| d.model_names());
        let mut error = Diagnostic::error(name.span, format!("there is no model `{}`", name.text))
            .expected("no .model card of this name")
            .suggest(&name.text, known.iter().map(String::as_str));
        if fl.module(&name.text).is_some() {
            error = error.hint(format!("`{}` is a Verilog-A module: use N1 or X1 instead of {letter}", name.text));
        }
        fl.report(error);
        return None;
    };
    let model = fl.model_use(env, name)?;
    if TABLE.iter().any(|r| r.letter == row.letter && r.module == model.module) {
        return Some(Plan::Module(model));
    }
    let wanted: Vec<&str> = TABLE.iter().filter(|r| r.letter == row.letter).map(|r| r.module).collect();
    fl.report(
        Diagnostic::error(name.span, format!("`{}` is a model of type `{}`, no {}", name.text, card.kind.text, row.noun))
            .expected(format!("expected a model of type {}", wanted.join(" or ")))
            .label(card.kind.span, "its type")
            .hint("use N1 or X1"),
    );
    None
}

/// Builds the instances or the source of a card.
pub fn build(fl: &mut Flattener, env: EnvId, element: &Element, plan: &Plan, nodes: &[Terminal]) {
    match plan {
        Plan::Source(kind) => stimulus::build(fl, env, element, *kind, nodes),
        Plan::Mutual => build_mutual(fl, env, element),
        Plan::Behaviour(kind) => behaviour::build(fl, env, element, *kind, nodes),
        Plan::Module(model) => build_module(fl, env, element, model, nodes),
    }
}

/// `m` of a card times that of the subcircuits around it.
pub fn multiplicity(fl: &mut Flattener, env: EnvId, element: &Element) -> Value {
    let outer = fl.scopes.envs[env].multiplicity;
    match named(element, "m") {
        Some(own) => {
            let own = fl.scopes.value(env, &own.value);
            fl.scopes.graph.product(outer, own)
        }
        None => outer,
    }
}

fn build_module(fl: &mut Flattener, env: EnvId, element: &Element, used: &ModelUse, nodes: &[Terminal]) {
    let standard = TABLE.iter().find(|r| r.letter == element.letter && r.module == used.module);
    let model = fl.shaped(env, used.model, &used.given, &element.parameters);
    let mut instance = Instance {
        name: fl.path(env, &element.name.text).into(),
        model,
        terminals: nodes.into(),
        params: Settings::default(),
        multiplicity: Number::Fixed(1.0),
        temperature: None,
        initial: None,
        span: element.span,
    };
    if matches!(element.letter, 'f' | 'h') {
        instance.terminals.push(control(fl, env, element));
    }
    let mut given = fl.handed_over(&used.given, used.model, model);
    let value = element.value.clone().or_else(|| value_in_place_of_model(fl, env, element));
    if let (Some(value), Some(main)) = (&value, standard.and_then(|r| r.main)) {
        give_main(fl, env, model, main, value, &mut given);
    } else if let Some(value) = &value {
        fl.report(
            Diagnostic::error(value.span, format!("`{}` takes no value here", element.name.text)).expected("unexpected value"),
        );
    }
    for assignment in &element.parameters {
        let long = standard.and_then(|r| r.main).filter(|_| LONG_NAMES.contains(&assignment.name.folded().as_str()));
        if let Some(main) = long {
            give_main(fl, env, model, main, &assignment.value, &mut given);
        } else if !special(fl, env, element, standard.is_some(), assignment, &mut instance) {
            fl.give(env, model, assignment, &mut given);
        }
    }
    for flag in &element.flags {
        if start_flag(fl, model, element, flag, &mut given) {
            continue;
        }
        let why = if element.letter == 's' { "it has no hysteresis (vh)" } else { "start values are set with .nodeset" };
        fl.report(Diagnostic::note(flag.span, format!("`{}` has no effect: {why}", flag.text)));
    }
    check_value(fl, element, standard, model, &given);
    check_ports(fl, element, &mut instance);
    let multiplicity = match own_parameter(fl, model, standard.is_some(), "m") {
        true => fl.scopes.envs[env].multiplicity,
        false => multiplicity(fl, env, element),
    };
    instance.multiplicity = fl.scopes.graph.number(multiplicity);
    let index = fl.circuit.instances.len() as u32;
    fl.checks.extend(given.unchecked.iter().map(|(k, span)| (index, *k, *span)));
    if !given.params.is_empty() {
        // A default may fall out of a range that a given value moves.
        let moved = fl.models.moving_ranges(model, &fl.circuit.models[model as usize]);
        let defaults = moved.iter().filter(|k| !given.has(**k));
        fl.checks.extend(defaults.map(|k| (index, *k, element.span)));
    }
    instance.params = given.params.into();
    fl.circuit.instances.push(instance);
}

/// Whether a Verilog-A module has a parameter of this name itself, which SPICE gives a meaning of its own.
fn own_parameter(fl: &Flattener, model: u32, standard: bool, name: &str) -> bool {
    !standard && matches!(fl.circuit.models[model as usize].parameter(name), Ok(Some(_)))
}

/// `on` and `off` of a switch with hysteresis: its parameter `start`. True if it was that.
fn start_flag(fl: &Flattener, model: u32, element: &Element, flag: &Name, given: &mut Given) -> bool {
    let model = &fl.circuit.models[model as usize];
    let Ok(Some(k)) = model.parameter("start") else { return false };
    let remembers = element.letter == 's' && !model.retained.is_empty();
    if remembers {
        given.set(k, Number::Fixed(f64::from(u8::from(flag.text.eq_ignore_ascii_case("on")))));
    }
    remembers
}

/// Parameters of cards that mean the same for every device: `m`, `temp`, `dtemp`, `ic`. True if it was one.
fn special(
    fl: &mut Flattener,
    env: EnvId,
    element: &Element,
    standard: bool,
    assignment: &Assignment,
    instance: &mut Instance,
) -> bool {
    let name = assignment.name.folded();
    if own_parameter(fl, instance.model, standard, &name) {
        return false;
    }
    match name.as_str() {
        "m" => {}
        "temp" => instance.temperature = Some(fl.scopes.number(env, &assignment.value)),
        "dtemp" | "trise" => {
            let rise = fl.scopes.value(env, &assignment.value);
            let around = fl.scopes.temperature();
            let sum = fl.scopes.graph.sum(around, rise);
            instance.temperature = Some(fl.scopes.graph.number(sum));
        }
        "ic" if matches!(element.letter, 'c' | 'l') => instance.initial = Some(fl.scopes.number(env, &assignment.value)),
        "ic" if standard => fl.report(
            Diagnostic::warning(assignment.name.span, format!("`ic` has no effect on `{}`", element.name.text))
                .expected("ignored")
                .hint("use .ic v(node)=value"),
        ),
        _ => return false,
    }
    true
}

fn give_main(fl: &mut Flattener, env: EnvId, model: u32, main: &str, value: &Expr, given: &mut Given) {
    let known = fl.circuit.models[model as usize].clone();
    let Ok(Some(k)) = known.parameter(main) else {
        fl.report(Diagnostic::error(value.span, format!("model `{}` has no parameter `{main}`", known.name)));
        return;
    };
    given.set(k, fl.scopes.number(env, value));
    given.unchecked.push((k, value.span));
}

/// A resistor without resistance is no resistor.
fn check_value(fl: &mut Flattener, element: &Element, row: Option<&Row>, model: u32, given: &Given) {
    let Some((row, main)) = row.filter(|r| r.needs_value).and_then(|r| Some((r, r.main?))) else { return };
    if let Ok(Some(k)) = fl.circuit.models[model as usize].parameter(main)
        && !given.has(k)
    {
        fl.report(
            Diagnostic::error(element.span, format!("`{}` has no value", element.name.text))
                .expected(format!("a {} needs its `{main}`", row.noun)),
        );
    }
}

/// Ports that a module asks about may stay open; all others need a node.
fn check_ports(fl: &mut Flattener, element: &Element, instance: &mut Instance) {
    let model = fl.circuit.models[instance.model as usize].clone();
    let given = instance.terminals.len();
    let asked = |port: usize| model.function.insts.contains(&Inst::Input(Input::Connected(port as u32)));
    if given <= model.ports && (given..model.ports).all(asked) {
        instance.terminals.resize(model.ports, Terminal::Open);
        return;
    }
    let names: Vec<&str> = model.unknowns.iter().take(model.ports).map(|u| u.name.as_str()).collect();
    fl.report(
        Diagnostic::error(
            element.span,
            format!("module `{}` has {}, `{}` has {given} nodes", model.name, count(model.ports, "port"), element.name.text),
        )
        .expected(format!("expected {}", count(model.ports, "node")))
        .hint(format!("its ports are {}", names.join(" "))),
    );
    instance.terminals.resize(model.ports, Terminal::Open);
}

/// The current that controls an `F` or an `H`.
fn control(fl: &mut Flattener, env: EnvId, element: &Element) -> Terminal {
    match element.controls.first() {
        Some(name) => current_of(fl, env, name),
        None => {
            fl.report(
                Diagnostic::error(element.span, format!("`{}` names no controlling source", element.name.text))
                    .expected("expected the name of a voltage source"),
            );
            Terminal::Ground
        }
    }
}

/// The branch current of the device called `name` in a use of a scope.
pub fn current_of(fl: &mut Flattener, env: EnvId, name: &Name) -> Terminal {
    let path = fl.path(env, &name.text);
    let error = match fl.device(&path) {
        Some(Device::Source(source)) if starts_with_v(name) => return Terminal::SourceCurrent(source),
        Some(Device::Instance(instance)) if fl.has_branch(instance) => return Terminal::InstanceCurrent(instance),
        Some(Device::Broken) => return Terminal::Ground,
        None if name.text.contains('.') => return fl.later(path, name.span),
        Some(_) => {
            Diagnostic::error(name.span, format!("the current of `{}` is no unknown and cannot control anything", name.text))
                .expected("expected a device with a branch current: V, E, H, L or B with v=")
                .hint("put a voltage source of 0 V in series and name that")
        }
        None => {
            let known = fl.element_names(env);
            Diagnostic::error(name.span, format!("there is no element `{path}`"))
                .expected("expected a voltage source of the same subcircuit")
                .suggest(&name.text, known.iter().map(String::as_str))
        }
    };
    fl.report(error);
    Terminal::Ground
}

/// The kind of a source is the first letter of its name; it may stand further down and not be built yet.
fn starts_with_v(name: &Name) -> bool {
    let own = name.text.rsplit('.').next().unwrap_or(&name.text);
    own.starts_with(['v', 'V'])
}

/// `K1 L1 L2 ... k`: one instance for each pair, `M = k sqrt(l1 l2)`.
fn build_mutual(fl: &mut Flattener, env: EnvId, element: &Element) {
    let before = fl.scopes.found.len();
    if element.nodes.len() < 2 {
        fl.report(
            Diagnostic::error(element.span, format!("`{}` couples {}", element.name.text, count(element.nodes.len(), "inductor")))
                .expected("expected two inductors or more"),
        );
    }
    let Some(value) = &element.value else {
        fl.report(Diagnostic::error(element.span, format!("`{}` has no value", element.name.text)).expected("expected a coupling"));
        return;
    };
    let inductors: Vec<(u32, Number)> = element.nodes.iter().filter_map(|name| inductor(fl, env, name)).collect();
    let Some(model) = fl.module("mutual").filter(|_| fl.scopes.found.len() == before) else { return };
    for (k, a) in inductors.iter().enumerate() {
        for b in &inductors[k + 1..] {
            let mut given = Given::default();
            give_main(fl, env, model, "k", value, &mut given);
            for (name, l) in [("l1", a.1), ("l2", b.1)] {
                if let Ok(Some(param)) = fl.circuit.models[model as usize].parameter(name) {
                    given.set(param, l);
                }
            }
            let index = fl.circuit.instances.len() as u32;
            fl.checks.extend(given.unchecked.iter().map(|(k, span)| (index, *k, *span)));
            let name = fl.path(env, &element.name.text);
            let only = inductors.len() == 2;
            fl.circuit.instances.push(Instance {
                name: if only {
                    name.into()
                } else {
                    format!("{name}#{}#{}", fl.circuit.instances[a.0 as usize].name, fl.circuit.instances[b.0 as usize].name).into()
                },
                model,
                terminals: [Terminal::InstanceCurrent(a.0), Terminal::InstanceCurrent(b.0)].as_slice().into(),
                params: given.params.into(),
                multiplicity: Number::Fixed(1.0),
                temperature: None,
                initial: None,
                span: element.span,
            });
        }
    }
}

/// Index and inductance of the inductor called `name`.
fn inductor(fl: &mut Flattener, env: EnvId, name: &Name) -> Option<(u32, Number)> {
    let path = fl.path(env, &name.text);
    if let Some(Device::Instance(index)) = fl.device(&path)
        && let Some(instance) = fl.circuit.instances.get(index as usize)
        && let Some(l) = inductance(&fl.circuit.models[instance.model as usize], instance)
    {
        return Some((index, l));
    }
    if fl.device(&path) == Some(Device::Broken) {
        return None;
    }
    let found = fl.device(&path).is_some();
    let message = if found { format!("`{path}` is no inductor") } else { format!("there is no inductor `{path}`") };
    let known: Vec<String> = fl.inductor_names();
    fl.report(
        Diagnostic::error(name.span, message)
            .expected("expected an inductor of the same subcircuit")
            .suggest(&path, known.iter().map(String::as_str)),
    );
    None
}

fn inductance(model: &Model, instance: &Instance) -> Option<Number> {
    let l = model.parameter("l").ok().flatten().filter(|_| model.name == "inductor")?;
    instance.params.iter().find(|(k, _)| *k == l).map(|(_, value)| *value)
}
