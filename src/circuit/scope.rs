//! Names of the deck and what they mean where they stand: parameters, functions, models, subcircuits.
//!
//! A [`Definition`] is what stands between `.subckt` and `.ends`, indexed once; an [`Env`] is one use of it. Parameters are
//! evaluated on demand, so their order does not matter and circles are found; those of the top level become roots.

use std::collections::HashMap;
use std::rc::Rc;

use crate::circuit::data::DataFiles;
use crate::circuit::graph::Graph;
use crate::circuit::models::ModelUse;
use crate::circuit::reader::Reader;
use crate::circuit::{Number, Options, Root, Terminal};
use crate::diag::Diagnostic;
use crate::ir::Value;
use crate::netlist::ast::{Assignment, Expr, ExprKind, FunctionCard, ModelCard, Name, Scope, Subcircuit};
use crate::netlist::lower;
use crate::span::Span;

/// Index of an [`Env`] on the stack of uses.
pub type EnvId = usize;

/// The top level.
pub const TOP: EnvId = 0;

/// A scope of the deck, indexed by folded names.
pub struct Definition<'d> {
    /// Its content.
    pub scope: &'d Scope,
    /// Its ports, folded.
    pub ports: &'d [Name],
    /// Assignments of the header, then those of `.param` inside.
    pub assignments: Vec<&'d Assignment>,
    /// How many of them a use may override: those of the header.
    pub header: usize,
    parameters: HashMap<String, usize>,
    functions: HashMap<String, &'d FunctionCard>,
    models: HashMap<String, &'d ModelCard>,
    subcircuits: HashMap<String, &'d Subcircuit>,
}

impl<'d> Definition<'d> {
    /// Indexes a scope; a name that is declared twice is an error, but of parameters the last one counts, with a warning.
    pub fn new(scope: &'d Scope, header: &'d [Assignment], ports: &'d [Name], found: &mut Vec<Diagnostic>) -> Definition<'d> {
        let assignments: Vec<&Assignment> = header.iter().chain(&scope.parameters).collect();
        let mut parameters = HashMap::new();
        for (k, assignment) in assignments.iter().enumerate() {
            if let Some(old) = parameters.insert(assignment.name.folded(), k) {
                let old: &Assignment = assignments[old];
                found.push(
                    Diagnostic::warning(assignment.name.span, format!("parameter `{}` is set twice", assignment.name.text))
                        .expected("this one counts")
                        .label(old.name.span, "this one has no effect"),
                );
            }
        }
        Definition {
            scope,
            ports,
            header: header.len(),
            parameters,
            functions: unique("function", scope.functions.iter().map(|f| (&f.name, f)), found),
            models: unique("model", scope.models.iter().map(|m| (&m.name, m)), found),
            subcircuits: unique("subcircuit", scope.subcircuits.iter().map(|s| (&s.name, s)), found),
            assignments,
        }
    }

    /// Names of the subcircuits declared here.
    pub fn subcircuit_names(&self) -> Vec<String> {
        self.subcircuits.values().map(|s| s.name.text.clone()).collect()
    }

    /// Names of the models declared here.
    pub fn model_names(&self) -> Vec<String> {
        self.models.values().map(|m| m.name.text.clone()).collect()
    }

    /// Names of the parameters declared here.
    pub fn parameter_names(&self) -> Vec<String> {
        self.assignments.iter().map(|a| a.name.text.clone()).collect()
    }

    /// Names of the functions declared here.
    pub fn function_names(&self) -> Vec<String> {
        self.functions.values().map(|f| f.name.text.clone()).collect()
    }

    /// Index of the header parameter called `name` (folded).
    pub fn header_parameter(&self, name: &str) -> Option<usize> {
        self.parameters.get(name).copied().filter(|k| *k < self.header)
    }
}

/// Index by folded name; the second declaration of a name is an error.
fn unique<'d, T>(
    what: &str,
    items: impl Iterator<Item = (&'d Name, &'d T)>,
    found: &mut Vec<Diagnostic>,
) -> HashMap<String, &'d T> {
    let mut index: HashMap<String, &'d T> = HashMap::new();
    let mut places: HashMap<String, Span> = HashMap::new();
    for (name, item) in items {
        let folded = name.folded();
        if let Some(first) = places.get(&folded) {
            found.push(
                Diagnostic::error(name.span, format!("{what} `{}` is declared twice", name.text))
                    .expected("second declaration")
                    .label(*first, "first declaration"),
            );
            continue;
        }
        places.insert(folded.clone(), name.span);
        index.insert(folded, item);
    }
    index
}

/// State of a parameter of one use.
#[derive(Clone, Copy)]
enum Slot<'d> {
    Waiting(&'d Expr, EnvId),
    Busy,
    Done(Value),
}

/// One use of a definition.
pub struct Env<'d> {
    /// What is used.
    pub definition: Rc<Definition<'d>>,
    /// The use in whose text the definition stands.
    pub parent: Option<EnvId>,
    /// `` or `x1.x2.`.
    pub path: String,
    /// Ports by folded name.
    pub ports: HashMap<String, Terminal>,
    /// Product of all `m` on the way here.
    pub multiplicity: Value,
    /// Model cards read so far, by folded name; `None` for one that is wrong.
    pub cards: HashMap<String, Option<Rc<ModelUse>>>,
    slots: Vec<Slot<'d>>,
}

/// All uses that are open, the graph that their parameters live in, and what was wrong on the way.
pub struct Scopes<'d> {
    /// The graph.
    pub graph: Graph,
    /// Uses, the top level first.
    pub envs: Vec<Env<'d>>,
    /// Top-level parameters in order of evaluation.
    pub roots: Vec<Root>,
    /// What was wrong.
    pub found: Vec<Diagnostic>,
    /// Files with numbers.
    pub data: DataFiles,
    /// Random numbers drawn so far: each call of each element that is built counts, in the order of elaboration.
    pub draws: u32,
    /// The root that stands for `.options seed=`, once something is drawn.
    pub seed_root: Option<u32>,
    definitions: HashMap<*const Scope, Rc<Definition<'d>>>,
    overrides: HashMap<String, f64>,
    temperature_card: Option<&'d Expr>,
    seed_card: Option<&'d Expr>,
    chain: Vec<(String, Span)>,
}

/// Parameters that wait for one another; each costs stack. In order of dependence none waits.
const DEEPEST: usize = 300;

/// What stands for the temperature of the circuit in expressions, degrees Celsius.
pub const TEMPERATURE: [&str; 2] = ["temp", "temper"];

impl<'d> Scopes<'d> {
    /// The top level of a deck; `temperature` and `seed` are the expressions of `.temp` (degrees Celsius) and of the
    /// option, `overrides` replace roots.
    pub fn new(
        top: &'d Scope,
        [temperature, seed]: [Option<&'d Expr>; 2],
        overrides: &[(String, f64)],
        data: DataFiles,
    ) -> Scopes<'d> {
        let mut scopes = Scopes {
            graph: Graph::new(),
            envs: Vec::new(),
            roots: Vec::new(),
            found: Vec::new(),
            data,
            draws: 0,
            seed_root: None,
            definitions: HashMap::new(),
            overrides: overrides.iter().map(|(n, v)| (n.to_lowercase(), *v)).collect(),
            temperature_card: temperature,
            seed_card: seed,
            chain: Vec::new(),
        };
        let definition = scopes.definition(top, &[], &[]);
        for assignment in top.parameters.iter().filter(|a| TEMPERATURE.contains(&a.name.folded().as_str())) {
            let name = &assignment.name;
            scopes.report(
                Diagnostic::error(name.span, format!("`{}` is the temperature of the circuit", name.text))
                    .expected("not a parameter of your own")
                    .hint("write .temp 50"),
            );
        }
        let multiplicity = scopes.graph.fixed(1.0);
        scopes.push(definition, None, String::new(), HashMap::new(), multiplicity);
        scopes
    }

    /// The index of a scope, made on first use.
    pub fn definition(&mut self, scope: &'d Scope, header: &'d [Assignment], ports: &'d [Name]) -> Rc<Definition<'d>> {
        if let Some(known) = self.definitions.get(&(scope as *const Scope)) {
            return known.clone();
        }
        let made = Rc::new(Definition::new(scope, header, ports, &mut self.found));
        self.definitions.insert(scope, made.clone());
        made
    }

    /// Reports a mistake, once: the body of a subcircuit is read for every use of it.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        const MOST: usize = 500;
        if self.found.len() < MOST && !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Opens a use.
    pub fn push(
        &mut self,
        definition: Rc<Definition<'d>>,
        parent: Option<EnvId>,
        path: String,
        ports: HashMap<String, Terminal>,
        multiplicity: Value,
    ) -> EnvId {
        let own = self.envs.len();
        let slots = definition.assignments.iter().map(|a| Slot::Waiting(&a.value, own)).collect();
        self.envs.push(Env { definition, parent, path, ports, multiplicity, cards: HashMap::new(), slots });
        own
    }

    /// Closes the innermost use.
    pub fn pop(&mut self) {
        self.envs.pop();
    }

    /// Gives parameter `index` of use `env` the expression `value` of use `from` instead of its default.
    pub fn assign(&mut self, env: EnvId, index: usize, value: &'d Expr, from: EnvId) {
        self.envs[env].slots[index] = Slot::Waiting(value, from);
    }

    /// Gives parameter `index` of use `env` a number.
    pub fn settle(&mut self, env: EnvId, index: usize, value: f64) {
        let value = self.graph.fixed(value);
        self.envs[env].slots[index] = Slot::Done(value);
    }

    /// Adds a root with an expression or an override for it.
    pub fn add_root(&mut self, name: &str, value: Value, span: Span) -> Value {
        let value = match self.overrides.get(name) {
            Some(value) => Number::Fixed(*value),
            None => self.graph.number(value),
        };
        self.roots.push(Root { name: name.to_string(), value, span });
        self.graph.root(self.roots.len() as u32 - 1)
    }

    /// Evaluates all parameters of a use, so that mistakes in unused ones are found too.
    pub fn force(&mut self, env: EnvId) {
        for k in 0..self.envs[env].slots.len() {
            let definition = self.envs[env].definition.clone();
            let name = &definition.assignments[k].name;
            // Of a name that is set twice only the last assignment counts.
            if definition.parameters.get(&name.folded()) == Some(&k) {
                self.slot(env, k, name.span);
            }
        }
    }

    /// Whether there is a parameter of this (folded) name.
    pub fn has_parameter(&self, env: EnvId, name: &str) -> bool {
        self.search(env, |d| d.parameters.get(name).copied()).is_some()
    }

    /// The value of a parameter as seen from `env`; `None` if there is none of this (folded) name.
    pub fn parameter(&mut self, env: EnvId, name: &str, span: Span) -> Option<Value> {
        let mut at = Some(env);
        while let Some(env) = at {
            if let Some(k) = self.envs[env].definition.parameters.get(name).copied() {
                return Some(self.slot(env, k, span));
            }
            at = self.envs[env].parent;
        }
        TEMPERATURE.contains(&name).then(|| self.temperature())
    }

    /// Temperature of the circuit, degrees Celsius: a root like any other, made when it is first needed.
    pub fn temperature(&mut self) -> Value {
        if let Some(root) = self.roots.iter().position(|r| r.name == "temp") {
            return self.graph.root(root as u32);
        }
        let (value, span) = match self.temperature_card {
            _ if self.chain.iter().any(|(n, _)| n == "temp") => (self.poison(), Span::default()),
            Some(card) => {
                self.chain.push(("temp".to_string(), card.span));
                let value = self.value(TOP, card);
                self.chain.pop();
                (value, card.span)
            }
            None => (self.graph.fixed(27.0), Span::default()),
        };
        self.add_root("temp", value, span)
    }

    /// The seed of what is drawn: a parameter of the deck of that name, or a root for the option, made when it is first needed.
    pub fn seed(&mut self) -> Value {
        if let Some(root) = self.seed_root {
            return self.graph.root(root);
        }
        if let Some(value) = self.parameter(TOP, "seed", Span::default()) {
            return value;
        }
        let (value, span) = match self.seed_card {
            Some(card) => (self.value(TOP, card), card.span),
            None => (self.graph.fixed(Options::default().seed as f64), Span::default()),
        };
        self.seed_root = Some(self.roots.len() as u32);
        self.add_root("seed", value, span)
    }

    fn slot(&mut self, env: EnvId, k: usize, span: Span) -> Value {
        let name = &self.envs[env].definition.clone().assignments[k].name;
        match self.envs[env].slots[k] {
            Slot::Done(value) => value,
            Slot::Busy => self.circle(&name.folded(), span),
            Slot::Waiting(..) if self.chain.len() > DEEPEST => {
                self.report(
                    Diagnostic::error(name.span, format!("`{}` is at the end of a chain of {DEEPEST} parameters", name.text))
                        .expected("each depends on the one before it")
                        .hint("write them in the order in which they depend on one another"),
                );
                self.poison()
            }
            Slot::Waiting(expression, from) => {
                self.envs[env].slots[k] = Slot::Busy;
                self.chain.push((name.folded(), name.span));
                let fixed = env == TOP && self.overrides.contains_key(&name.folded());
                let mut value = if fixed { self.graph.fixed(0.0) } else { self.value(from, expression) };
                self.chain.pop();
                if env == TOP {
                    value = self.add_root(&name.folded(), value, name.span);
                }
                self.envs[env].slots[k] = Slot::Done(value);
                value
            }
        }
    }

    fn circle(&mut self, name: &str, span: Span) -> Value {
        let start = self.chain.iter().position(|(n, _)| n == name).unwrap_or(0);
        let mut path: Vec<&str> = self.chain[start..].iter().map(|(n, _)| n.as_str()).collect();
        path.push(name);
        let mut error = Diagnostic::error(span, format!("parameter `{name}` depends on itself: {}", path.join(" -> ")))
            .expected("here the circle closes");
        for (name, place) in self.chain[start..].iter().filter(|(_, place)| *place != span) {
            error = error.label(*place, format!("`{name}` is set here"));
        }
        self.report(error.hint("give one of them a number of its own"));
        self.poison()
    }

    /// What stands for a value that could not be had; everything computed from it is NaN and reported no further.
    pub fn poison(&mut self) -> Value {
        self.graph.fixed(f64::NAN)
    }

    /// The value of an expression of the deck; mistakes are reported and give NaN.
    pub fn value(&mut self, env: EnvId, expression: &Expr) -> Value {
        self.value_with(env, expression, &[])
    }

    /// The value of an expression in which further names are bound.
    pub fn value_with(&mut self, env: EnvId, expression: &Expr, bound: &[(String, Value)]) -> Value {
        let mut builder = std::mem::take(&mut self.graph.builder);
        let mut reader = Reader { scopes: self, env, bound };
        let value = lower::lower(expression, &mut builder, &mut reader);
        self.graph.builder = builder;
        match value {
            Ok(value) => value,
            Err(error) => {
                self.report(error);
                self.poison()
            }
        }
    }

    /// The number of an expression.
    pub fn number(&mut self, env: EnvId, expression: &Expr) -> Number {
        if let ExprKind::Number(value) = expression.kind {
            return Number::Fixed(value);
        }
        let value = self.value(env, expression);
        self.graph.number(value)
    }

    /// The function called `name` (folded) and the use that it is declared in.
    pub fn function(&self, env: EnvId, name: &str) -> Option<(&'d FunctionCard, EnvId)> {
        self.search(env, |d| d.functions.get(name).copied())
    }

    /// The model card called `name` (folded) and the use that it is declared in.
    pub fn model(&self, env: EnvId, name: &str) -> Option<(&'d ModelCard, EnvId)> {
        self.search(env, |d| d.models.get(name).copied())
    }

    /// The subcircuit called `name` (folded) and the use that it is declared in.
    pub fn subcircuit(&self, env: EnvId, name: &str) -> Option<(&'d Subcircuit, EnvId)> {
        self.search(env, |d| d.subcircuits.get(name).copied())
    }

    fn search<T>(&self, env: EnvId, find: impl Fn(&Definition<'d>) -> Option<T>) -> Option<(T, EnvId)> {
        let mut at = Some(env);
        while let Some(env) = at {
            if let Some(item) = find(&self.envs[env].definition) {
                return Some((item, env));
            }
            at = self.envs[env].parent;
        }
        None
    }

    /// Names that can be seen from `env`, for suggestions.
    pub fn visible(&self, env: EnvId, names: fn(&Definition<'d>) -> Vec<String>) -> Vec<String> {
        let mut all = Vec::new();
        let mut at = Some(env);
        while let Some(env) = at {
            all.extend(names(&self.envs[env].definition));
            at = self.envs[env].parent;
        }
        all.sort();
        all
    }
}
