//! Subcircuits unfolded: takes the scopes of a deck, gives nodes, instances and sources with dotted names.
//!
//! In every use of a scope the devices come first, in the order of their cards, then the subcircuits: so the index of a
//! device is known before it is built, and a controlled source may stand before the source that controls it.

use std::collections::{HashMap, HashSet};

use smol_str::{SmolStr, format_smolstr};

use crate::circuit::columns::Columns;
use crate::circuit::device::{self, Plan};
use crate::circuit::models::Models;
use crate::circuit::names::{Device, Names, branch_current, is_ground, local_unknown};
use crate::circuit::plain::{Kind, Texts, take};
use crate::circuit::scope::{EnvId, Scopes, TOP};
use crate::circuit::{Circuit, Node, Number, SourceKind, Terminal, Terminals, fold};
use crate::diag::Diagnostic;
use crate::model::library::Library;
use crate::netlist::ast::{Assignment, Deck, Element, Item, Name, Scope, Subcircuit};
use crate::netlist::plain::Card;
use crate::span::{Sources, Span};

/// Subcircuits in one another; each costs stack.
const DEEPEST: usize = 200;
/// Devices that fit into memory, about.
const MOST_DEVICES: usize = 30_000_000;

/// Everything that elaboration works on.
pub struct Flattener<'d, 'l> {
    /// Names of the deck.
    pub scopes: Scopes<'d>,
    /// Names of the circuit.
    pub names: Names,
    /// The circuit as far as it is built.
    pub circuit: Circuit,
    /// Models in use.
    pub models: Models,
    /// Columns asked for.
    pub columns: Columns,
    /// Where models come from.
    pub library: &'l mut Library,
    /// Texts.
    pub sources: &'l mut Sources,
    /// Given parameters that must be checked when all values are known: instance, index into its `params`, place.
    pub checks: Vec<(u32, u32, Span)>,
    /// Numbers that decided on the structure of a model.
    pub shaping: Vec<Number>,
    /// Instances with one branch current, which may control others.
    pub branches: HashSet<u32>,
    /// Controlling currents inside subcircuits, which are unfolded later: path and place.
    pub later: Vec<(String, Span)>,
    later_index: HashMap<String, usize>,
    /// Nodes whose name was written with a dot.
    pub dotted: Vec<u32>,
    /// Global nodes: folded name, and as written.
    pub globals: HashMap<String, String>,
    /// Scopes whose names were compared with one another.
    checked: HashSet<*const Scope>,
    chain: Vec<(&'d Subcircuit, Span)>,
}

/// A card that uses a subcircuit.
pub struct Use<'d, 'n> {
    /// Its name.
    pub name: &'n str,
    /// Its place.
    pub span: Span,
    /// The card; of plain ones, the first of the kind.
    pub element: &'d Element,
    /// Of plain ones, the values of the parameters that `element` has.
    pub values: &'n [f64],
}

/// What the elements of one use of a scope are.
struct Survey<'d> {
    /// Of those that are not plain: what they are and what they touch.
    elements: Vec<(Target<'d>, Terminals)>,
    /// Kinds of plain elements.
    kinds: Vec<Kind<'d>>,
    /// What the plain ones touch, one behind another.
    terminals: Vec<Terminal>,
    /// Indices of the next instance and the next source.
    next: (u32, u32),
}

/// What an element card turns out to be.
pub enum Target<'d> {
    /// A device.
    Device(Plan),
    /// A subcircuit, and the use in whose text it is declared.
    Subcircuit(&'d Subcircuit, EnvId),
    /// A mistake that was reported.
    Nothing,
}

impl<'d, 'l> Flattener<'d, 'l> {
    /// Starts with an empty circuit.
    pub fn new(deck: &'d Deck, scopes: Scopes<'d>, library: &'l mut Library, sources: &'l mut Sources) -> Self {
        Flattener {
            scopes,
            names: Names::default(),
            circuit: Circuit { title: deck.title.clone(), ..Circuit::default() },
            models: Models::default(),
            columns: Columns::default(),
            library,
            sources,
            checks: Vec::new(),
            shaping: Vec::new(),
            branches: HashSet::new(),
            later: Vec::new(),
            later_index: HashMap::new(),
            dotted: Vec::new(),
            checked: HashSet::new(),
            globals: deck.globals.iter().map(|n| (n.folded(), n.text.clone())).collect(),
            chain: Vec::new(),
        }
    }

    /// Reports a mistake.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.scopes.report(diagnostic);
    }

    /// Unfolds the whole deck.
    pub fn run(&mut self) {
        self.unfold(TOP);
        self.inner_unknowns();
        self.bind_later();
    }

    /// Stands for the current of a device that is not unfolded yet, until `Flattener::bind_later`.
    pub fn later(&mut self, path: String, span: Span) -> Terminal {
        let next = self.later.len();
        let index = *self.later_index.entry(path.clone()).or_insert(next);
        if index == next {
            self.later.push((path, span));
        }
        Terminal::SourceCurrent(u32::MAX - index as u32)
    }

    /// Binds the currents that were waited for.
    fn bind_later(&mut self) {
        let later = std::mem::take(&mut self.later);
        self.later_index.clear();
        if later.is_empty() {
            return;
        }
        let bound: Vec<Terminal> =
            later.into_iter().map(|(text, span)| device::current_of(self, TOP, &Name { text, span })).collect();
        // Whoever is still unknown is told once more to wait: then there is no such element.
        for (path, span) in std::mem::take(&mut self.later) {
            let error = self.unknown_device(span, &path);
            self.report(error);
        }
        for terminal in self.circuit.instances.iter_mut().flat_map(|i| &mut i.terminals) {
            if let Terminal::SourceCurrent(index) = terminal
                && let Some(real) = bound.get((u32::MAX - *index) as usize)
            {
                *terminal = *real;
            }
        }
    }

    /// A controlling node that is really an unknown inside a device.
    fn inner_unknowns(&mut self) {
        for k in std::mem::take(&mut self.dotted) {
            let node = &self.circuit.nodes[k as usize];
            let Some((instance, local)) = self.instance(&node.name) else { continue };
            let Some(card) = self.circuit.instances.get(instance as usize) else { continue };
            let model = &self.circuit.models[card.model as usize];
            let Some(unknown) = local_unknown(model, local) else { continue };
            let what = if (unknown as usize) < model.ports { "a terminal" } else { "an unknown" };
            let error = Diagnostic::error(node.span, format!("`{}` is {what} of `{}`, no node", node.name, card.name))
                .expected("expected a node")
                .hint("results may name it; to control something it must be a node of the deck");
            self.report(error);
        }
    }

    /// Unfolds one use of a scope.
    fn unfold(&mut self, env: EnvId) {
        let scope: &'d Scope = self.scopes.envs[env].definition.scope;
        self.check_names(scope);
        let mut plan = self.survey(env, scope);
        let mut elements = plan.elements.iter();
        let mut texts = Texts::default();
        let mut terminals = plan.terminals.as_slice();
        let kinds = &mut plan.kinds;
        for item in scope.items() {
            let text = texts.behind(self.sources, &item);
            let mut build = |card: &Card| {
                let nodes = take(&mut terminals, scope.kinds[card.kind as usize].nodes.len());
                self.build_plain(env, scope, card, &mut kinds[card.kind as usize], nodes);
            };
            match item {
                Item::Plain(plain) => build(&plain.card(text)),
                Item::Loop(repeated) => {
                    // What is wrong was reported by `survey`.
                    let _ = repeated.each(&mut build);
                }
                Item::Element(element) => {
                    if let Some((Target::Device(made), nodes)) = elements.next()
                        && !matches!(made, Plan::Mutual)
                    {
                        device::build(self, env, element, made, nodes);
                    }
                }
            }
        }
        // Couplings read the inductances, so they come last.
        for (element, (target, nodes)) in scope.elements.iter().zip(&plan.elements) {
            if let Target::Device(mutual @ Plan::Mutual) = target {
                device::build(self, env, element, mutual, nodes);
            }
        }
        self.unfold_inner(env, scope, plan);
    }

    /// Unfolds the subcircuits that a use of a scope uses.
    fn unfold_inner(&mut self, env: EnvId, scope: &'d Scope, mut plan: Survey<'d>) {
        let inner = |target: &Target| matches!(target, Target::Subcircuit(..));
        let plain = plan.kinds.iter().any(|kind| kind.target.as_ref().is_some_and(inner));
        if !plain && !plan.elements.iter().any(|(target, _)| inner(target)) {
            return;
        }
        let mut elements = plan.elements.iter();
        let mut texts = Texts::default();
        let mut terminals = plan.terminals.as_slice();
        let kinds = &mut plan.kinds;
        let mut values: Vec<f64> = Vec::new();
        for item in scope.items() {
            let text = texts.behind(self.sources, &item);
            let mut enter = |card: &Card| {
                let element = &scope.kinds[card.kind as usize];
                let nodes = take(&mut terminals, element.nodes.len());
                let kind = &mut kinds[card.kind as usize];
                if let Some(Target::Subcircuit(subcircuit, defined)) = kind.target {
                    values.clear();
                    values.extend(card.assigned(element).map(|(value, _)| value));
                    let card = Use { name: card.name(), span: card.span, element, values: &values };
                    self.enter_again(env, &card, (subcircuit, defined), &mut kind.stamps, nodes);
                }
            };
            match item {
                Item::Plain(plain) => enter(&plain.card(text)),
                Item::Loop(repeated) => {
                    let _ = repeated.each(&mut enter);
                }
                Item::Element(element) => {
                    if let Some((Target::Subcircuit(subcircuit, defined), nodes)) = elements.next() {
                        let card = Use { name: &element.name.text, span: element.span, element, values: &[] };
                        self.enter(env, &card, subcircuit, *defined, nodes);
                    }
                }
            }
        }
    }

    /// What the elements of a scope are and what they touch, in order; names of nodes and devices are given out.
    fn survey(&mut self, env: EnvId, scope: &'d Scope) -> Survey<'d> {
        let next = (self.circuit.instances.len() as u32, self.circuit.sources.len() as u32);
        let mut plan =
            Survey { elements: Vec::with_capacity(scope.elements.len()), kinds: Vec::new(), terminals: Vec::new(), next };
        plan.kinds.resize_with(scope.kinds.len(), Default::default);
        let mut texts = Texts::default();
        for item in scope.items() {
            match item {
                Item::Plain(plain) => {
                    self.survey_plain(env, scope, &plain.card(texts.of(self.sources, plain.span.file)), &mut plan)
                }
                Item::Loop(repeated) => {
                    if let Err(error) = repeated.each(&mut |card| self.survey_plain(env, scope, card, &mut plan)) {
                        self.report(error);
                    }
                }
                Item::Element(element) => {
                    let target = self.target(env, element);
                    let nodes = match target {
                        Target::Device(Plan::Mutual) | Target::Nothing => Terminals::new(),
                        _ => element.nodes.iter().map(|n| self.node(env, &n.text, n.span)).collect(),
                    };
                    self.declare(env, &element.name.text, &target, &mut plan.next);
                    plan.elements.push((target, nodes));
                }
            }
        }
        plan
    }

    fn survey_plain(&mut self, env: EnvId, scope: &'d Scope, card: &Card, plan: &mut Survey<'d>) {
        let element = &scope.kinds[card.kind as usize];
        let kind = &mut plan.kinds[card.kind as usize];
        if kind.target.is_none() {
            kind.target = Some(self.target(env, element));
            kind.declared = kind.target.as_ref().is_some_and(|target| self.controls(target));
        } else if matches!(kind.target, Some(Target::Nothing)) {
            // The same mistake at another place.
            self.target(env, &card.element(element));
        }
        match &kind.target {
            Some(target) if kind.declared => self.declare(env, card.name(), target, &mut plan.next),
            Some(Target::Device(_)) => plan.next.0 += 1,
            _ => {}
        }
        let broken = matches!(kind.target, Some(Target::Nothing));
        for (span, word) in card.words().skip(1).take(element.nodes.len()) {
            plan.terminals.push(if broken { Terminal::Ground } else { self.node(env, word, span) });
        }
    }

    /// What an element is: `X` and `N` ask for a subcircuit first, then for a model card, then for a module.
    fn target(&mut self, env: EnvId, element: &Element) -> Target<'d> {
        if matches!(element.letter, 'x' | 'n')
            && let Some(name) = &element.model
            && let Some((subcircuit, defined)) = self.scopes.subcircuit(env, &name.folded())
        {
            return Target::Subcircuit(subcircuit, defined);
        }
        device::plan(self, env, element).map_or(Target::Nothing, Target::Device)
    }

    /// Names that are declared twice in a scope, looked for once however often it is used.
    fn check_names(&mut self, scope: &'d Scope) {
        if !self.checked.insert(std::ptr::from_ref(scope)) {
            return;
        }
        // Hashes tell that there is nothing to look for, nearly always.
        let mut hashes: Vec<u64> = Vec::with_capacity(scope.elements.len() + scope.plain.len());
        each_name(scope, self.sources, &mut |name, _| hashes.push(fold::hash(name)));
        hashes.sort_unstable();
        let twice = hashes.windows(2).any(|pair| pair[0] == pair[1]);
        if !twice {
            return;
        }
        let mut first: HashMap<String, Span> = HashMap::new();
        let mut found = Vec::new();
        each_name(scope, self.sources, &mut |name, span| {
            if let Some(first) = first.get(&name.to_lowercase()) {
                found.push((name.to_string(), span, *first));
            } else {
                first.insert(name.to_lowercase(), span);
            }
        });
        for (name, span, first) in found {
            self.report(
                Diagnostic::error(span, format!("element `{name}` is declared twice"))
                    .expected("second declaration")
                    .label(first, "first declaration")
                    .hint("give one of them another name"),
            );
        }
    }

    /// Whether a device of this kind may be asked for before it is built.
    fn controls(&self, target: &Target) -> bool {
        match target {
            Target::Device(Plan::Module(used)) => branch_current(&self.circuit.models[used.model as usize]).is_some(),
            Target::Device(_) | Target::Nothing => true,
            Target::Subcircuit(..) => false,
        }
    }

    /// Claims the name of an element; a device gets the index that it will have.
    fn declare(&mut self, env: EnvId, name: &str, target: &Target, (instance, source): &mut (u32, u32)) {
        let device = match target {
            Target::Subcircuit(..) => Device::Subcircuit,
            Target::Nothing => Device::Broken,
            Target::Device(Plan::Source(_)) => {
                *source += 1;
                Device::Source(*source - 1)
            }
            // Built after all others; nobody refers to it.
            Target::Device(Plan::Mutual) => Device::Coupling,
            Target::Device(plan @ (Plan::Module(_) | Plan::Behaviour(_))) => {
                let branch = match plan {
                    Plan::Module(used) => branch_current(&self.circuit.models[used.model as usize]).is_some(),
                    other => matches!(other, Plan::Behaviour(SourceKind::Voltage)),
                };
                if branch {
                    self.branches.insert(*instance);
                }
                *instance += 1;
                Device::Instance(*instance - 1)
            }
        };
        let path = self.path(env, name).to_lowercase();
        self.names.declared.insert(path, device);
    }

    /// Whether an instance has one branch current, which may control others.
    pub fn has_branch(&self, instance: u32) -> bool {
        let built = self.circuit.instances.get(instance as usize);
        self.branches.contains(&instance) || built.is_some_and(|i| branch_current(&self.circuit.models[i.model as usize]).is_some())
    }

    /// Names of the elements of a use, for suggestions.
    pub fn element_names(&self, env: EnvId) -> Vec<String> {
        let mut names = Vec::new();
        each_name(self.scopes.envs[env].definition.scope, self.sources, &mut |name, _| names.push(name.to_string()));
        names
    }

    /// Unfolds a subcircuit where an `X` card uses it.
    pub fn enter(&mut self, env: EnvId, card: &Use<'d, '_>, subcircuit: &'d Subcircuit, defined: EnvId, nodes: &[Terminal]) {
        let element = card.element;
        if self.recursive(card.span, subcircuit) || self.too_much(card.span) {
            return;
        }
        if nodes.len() != subcircuit.ports.len() {
            let names: Vec<&str> = subcircuit.ports.iter().map(|p| p.text.as_str()).collect();
            self.report(
                Diagnostic::error(
                    card.span,
                    format!("subcircuit `{}` has {}, {} given", subcircuit.name.text, count(names.len(), "port"), nodes.len()),
                )
                .expected(format!("expected {}", count(names.len(), "node")))
                .label(subcircuit.span, format!("ports: {}", names.join(" "))),
            );
            return;
        }
        let definition = self.scopes.definition(&subcircuit.scope, &subcircuit.parameters, &subcircuit.ports);
        let ports = subcircuit.ports.iter().map(Name::folded).zip(nodes.iter().copied()).collect();
        let path = format!("{}.", self.path(env, card.name));
        let multiplicity = device::multiplicity(self, env, element);
        let inner = self.scopes.push(definition.clone(), Some(defined), path, ports, multiplicity);
        let own = |(_, a): &(usize, &Assignment)| !a.name.text.eq_ignore_ascii_case("m");
        for (index, assignment) in element.parameters.iter().enumerate().filter(own) {
            match (definition.header_parameter(&assignment.name.folded()), card.values.get(index)) {
                (Some(k), Some(value)) => self.scopes.settle(inner, k, *value),
                (Some(k), None) => self.scopes.assign(inner, k, &assignment.value, env),
                (None, _) => self.unknown_parameter(assignment.name.span, &assignment.name.text, subcircuit),
            }
        }
        self.scopes.force(inner);
        self.chain.push((subcircuit, card.span));
        self.unfold(inner);
        self.chain.pop();
        self.scopes.pop();
    }

    /// Limits that no circuit meets but by mistake.
    pub fn too_much(&mut self, span: Span) -> bool {
        let what = match (self.chain.len(), self.circuit.instances.len()) {
            (DEEPEST.., _) => format!("subcircuits in subcircuits, more than {DEEPEST} deep"),
            (_, MOST_DEVICES..) => format!("more than {MOST_DEVICES} devices"),
            _ => return false,
        };
        self.report(Diagnostic::error(span, what).expected("this one is too much"));
        true
    }

    fn unknown_parameter(&mut self, span: Span, name: &str, subcircuit: &Subcircuit) {
        let known: Vec<&str> = subcircuit.parameters.iter().map(|p| p.name.text.as_str()).collect();
        let list = if known.is_empty() { "it has none".to_string() } else { format!("it has {}", known.join(", ")) };
        self.report(
            Diagnostic::error(span, format!("subcircuit `{}` has no parameter `{name}`", subcircuit.name.text))
                .expected(list)
                .label(subcircuit.span, "declared here")
                .suggest(name, known),
        );
    }

    fn recursive(&mut self, span: Span, subcircuit: &'d Subcircuit) -> bool {
        let Some(start) = self.chain.iter().position(|(s, _)| std::ptr::eq(*s, subcircuit)) else { return false };
        let mut path: Vec<&str> = self.chain[start..].iter().map(|(s, _)| s.name.text.as_str()).collect();
        path.push(&subcircuit.name.text);
        let mut error = Diagnostic::error(span, format!("subcircuit `{}` contains itself: {}", path[0], path.join(" -> ")))
            .expected("here the circle closes");
        for (inner, span) in &self.chain[start + 1..] {
            error = error.label(*span, format!("`{}` is used here", inner.name.text));
        }
        // The same mistake is met once for every use of the outermost subcircuit.
        if !self.scopes.found.iter().any(|d| d.message == error.message) {
            self.report(error);
        }
        true
    }

    /// Names of all inductors so far, for suggestions.
    pub fn inductor_names(&self) -> Vec<String> {
        let all = self.circuit.instances.iter();
        all.filter(|i| self.circuit.models[i.model as usize].name == "inductor").map(|i| i.name.to_string()).collect()
    }

    /// The name of something in a use: with the path of the use before it.
    pub fn path(&self, env: EnvId, name: &str) -> String {
        format!("{}{name}", self.scopes.envs[env].path)
    }

    /// The terminal that a node name stands for; the first mention makes the node.
    pub fn node(&mut self, env: EnvId, name: &str, span: Span) -> Terminal {
        if is_ground(name) {
            return Terminal::Ground;
        }
        let use_ = &self.scopes.envs[env];
        if !use_.ports.is_empty()
            && let Some(port) = use_.ports.get(&name.to_lowercase())
        {
            return *port;
        }
        let global = if self.globals.is_empty() { None } else { self.globals.get(&name.to_lowercase()) };
        let path = match global {
            Some(global) => SmolStr::new(global),
            None if use_.path.is_empty() => SmolStr::new(name),
            None => format_smolstr!("{}{name}", use_.path),
        };
        let known = self.circuit.nodes.len();
        let node = self.names.node(&mut self.circuit.nodes, &path, || Node { name: path.clone(), span });
        if node as usize == known && name.contains('.') {
            self.dotted.push(node);
        }
        Terminal::Node(node)
    }
}

/// The names of all elements of a scope and their places.
fn each_name(scope: &Scope, sources: &Sources, act: &mut dyn FnMut(&str, Span)) {
    for item in scope.items() {
        let mut first = |card: &Card| {
            if let Some((span, name)) = card.words().next() {
                act(name, span);
            }
        };
        match item {
            Item::Plain(plain) => first(&plain.card(sources.text(plain.span.file))),
            Item::Loop(repeated) => drop(repeated.each(&mut first)),
            Item::Element(element) => act(&element.name.text, element.name.span),
        }
    }
}

/// `1 port`, `2 ports`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
