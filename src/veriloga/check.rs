//! Names before anything is lowered: natures, disciplines, and what each name of a module stands for.
//!
//! Takes the tree, gives tables with typed meaning and all complaints about declarations: doubled names, unknown disciplines,
//! ports without a direction, branches between nodes of different kinds. Uses of names are checked where they are lowered.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diagnostic;
use crate::span::Span;
use crate::veriloga::ast::{self, Attribute, Binary, Expr, ExprKind, Name, Unary};

/// A kind of quantity.
#[derive(Clone, PartialEq, Debug)]
pub struct Nature {
    /// As declared.
    pub name: String,
    /// Name of the access function.
    pub access: String,
    /// Unit.
    pub unit: String,
    /// Absolute tolerance.
    pub abstol: f64,
    /// The nature that it is derived from in the end; itself if it is not derived.
    pub root: String,
}

impl Default for Nature {
    /// No unit. The tolerance holds also for the flow of signal-flow disciplines, which have none.
    fn default() -> Nature {
        Nature { name: String::new(), access: String::new(), unit: String::new(), abstol: 1e-9, root: String::new() }
    }
}

/// A kind of node.
#[derive(Clone, PartialEq, Debug)]
pub struct Discipline {
    /// As declared.
    pub name: String,
    /// Index of the nature of its potential.
    pub potential: Option<usize>,
    /// Index of the nature of its flow.
    pub flow: Option<usize>,
    /// It belongs to the digital language.
    pub discrete: bool,
}

/// All natures and disciplines of a file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct World {
    /// The natures.
    pub natures: Vec<Nature>,
    /// The disciplines.
    pub disciplines: Vec<Discipline>,
}

impl Nature {
    /// `name = value;`
    fn item(&mut self, name: &Name, value: &Expr, diagnostics: &mut Vec<Diagnostic>) {
        let fits = match (name.text.as_str(), &value.kind) {
            ("access", ExprKind::Name(access)) => {
                self.access.clone_from(access);
                true
            }
            ("units", ExprKind::Text(unit)) => {
                self.unit.clone_from(unit);
                true
            }
            ("abstol", _) => match number(value) {
                Some(abstol) => {
                    self.abstol = abstol;
                    true
                }
                None => false,
            },
            ("access" | "units", _) => false,
            _ => true,
        };
        if !fits {
            let error = Diagnostic::error(value.span, format!("`{}` has a value that it cannot have", name.text));
            diagnostics.push(error.expected("expected a name for access, a string for units, a number for abstol"));
        }
    }
}

impl World {
    /// Collects those of `file`.
    pub fn new(file: &ast::File, diagnostics: &mut Vec<Diagnostic>) -> World {
        let mut world = World::default();
        // Those derived from what a discipline has wait for it.
        let (mut waiting, ready): (Vec<_>, Vec<_>) = file.natures.iter().partition(|n| n.of.is_some());
        for nature in ready {
            let nature = world.nature(nature, diagnostics);
            world.natures.push(nature);
        }
        for discipline in &file.disciplines {
            world.waiting(&mut waiting, false, diagnostics);
            let (potential, flow) = (world.find(&discipline.potential, diagnostics), world.find(&discipline.flow, diagnostics));
            let discrete = discipline.domain.as_ref().is_some_and(|d| d.text == "discrete");
            world.disciplines.push(Discipline { name: discipline.name.text.clone(), potential, flow, discrete });
            for (which, item, value) in &discipline.overrides {
                world.overridden(which, item, value, diagnostics);
            }
        }
        world.waiting(&mut waiting, true, diagnostics);
        world.related(file, diagnostics);
        world
    }

    /// Natures derived from disciplines that are known by now, or all that are left.
    fn waiting(&mut self, waiting: &mut Vec<&ast::Nature>, all: bool, diagnostics: &mut Vec<Diagnostic>) {
        let known = |w: &World, n: &ast::Nature| n.parent.as_ref().is_some_and(|p| w.discipline(&p.text).is_some());
        while let Some(k) = waiting.iter().position(|n| all || known(self, n)) {
            let nature = self.nature(waiting.remove(k), diagnostics);
            self.natures.push(nature);
        }
    }

    /// Index of a nature.
    fn find(&self, name: &Option<Name>, diagnostics: &mut Vec<Diagnostic>) -> Option<usize> {
        let name = name.as_ref()?;
        let found = self.natures.iter().rposition(|n| n.name == name.text);
        if found.is_none() {
            let error = Diagnostic::error(name.span, format!("the nature `{}` is not declared", name.text));
            diagnostics.push(error.suggest(&name.text, self.natures.iter().map(|n| n.name.as_str())));
        }
        found
    }

    /// Complains about `ddt_nature` and `idt_nature` that name nothing.
    fn related(&self, file: &ast::File, diagnostics: &mut Vec<Diagnostic>) {
        for (name, value) in file.natures.iter().flat_map(|n| &n.items) {
            if let ExprKind::Name(other) = &value.kind
                && (name.text == "ddt_nature" || name.text == "idt_nature")
                && !self.natures.iter().any(|n| n.name == *other)
            {
                let error = Diagnostic::error(value.span, format!("the nature `{other}` is not declared"));
                diagnostics.push(error.suggest(other, self.natures.iter().map(|n| n.name.as_str())));
            }
        }
    }

    /// `potential.abstol = 1e-3;` in the last discipline: a nature of its own, derived from the one it had.
    fn overridden(&mut self, which: &Name, item: &Name, value: &Expr, diagnostics: &mut Vec<Diagnostic>) {
        let Some(discipline) = self.disciplines.last_mut() else { return };
        let side = if which.text == "flow" { &mut discipline.flow } else { &mut discipline.potential };
        let Some(index) = *side else {
            let error = Diagnostic::error(which.span, format!("`{}` has no {}", discipline.name, which.text));
            diagnostics.push(error.expected("its nature comes first"));
            return;
        };
        *side = Some(self.natures.len());
        let mut nature = self.natures[index].clone();
        nature.item(item, value, diagnostics);
        self.natures.push(nature);
    }

    fn nature(&self, tree: &ast::Nature, diagnostics: &mut Vec<Diagnostic>) -> Nature {
        let mut nature = Nature::default();
        nature.root.clone_from(&tree.name.text);
        if let (Some(parent), Some(of)) = (&tree.parent, &tree.of) {
            let discipline = self.disciplines.iter().rfind(|d| d.name == parent.text);
            let index = discipline.and_then(|d| if of.text == "flow" { d.flow } else { d.potential });
            match index {
                Some(index) => nature = self.natures[index].clone(),
                None => {
                    let error = Diagnostic::error(parent.span, format!("there is no nature `{}.{}`", parent.text, of.text));
                    diagnostics.push(error.suggest(&parent.text, self.disciplines.iter().map(|d| d.name.as_str())));
                }
            }
        } else if let Some(parent) = &tree.parent {
            match self.natures.iter().rfind(|n| n.name == parent.text) {
                Some(found) => nature = found.clone(),
                None => {
                    let error = Diagnostic::error(parent.span, format!("the nature `{}` is not declared", parent.text));
                    diagnostics.push(error.suggest(&parent.text, self.natures.iter().map(|n| n.name.as_str())));
                }
            }
        }
        nature.name = tree.name.text.clone();
        for (name, value) in &tree.items {
            nature.item(name, value, diagnostics);
        }
        nature
    }

    /// The discipline called `name`.
    pub fn discipline(&self, name: &str) -> Option<usize> {
        self.disciplines.iter().rposition(|d| d.name == name)
    }

    /// True if any nature has `name` as its access function.
    pub fn is_access(&self, name: &str) -> bool {
        name == "potential" || name == "flow" || self.natures.iter().any(|n| n.access == name)
    }
}

/// A number written as such, or computed from such.
pub fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Binary(operator, a, b) => {
            let (a, b) = (number(a)?, number(b)?);
            match operator {
                Binary::Add => Some(a + b),
                Binary::Sub => Some(a - b),
                Binary::Mul => Some(a * b),
                Binary::Div => Some(a / b),
                _ => None,
            }
        }
        ExprKind::Real(value) => Some(*value),
        ExprKind::Int(value) => Some(f64::from(*value)),
        ExprKind::Unary(Unary::Minus, inner) => number(inner).map(|v| -v),
        ExprKind::Unary(Unary::Plus, inner) => number(inner),
        ExprKind::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A node of a module.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Its name.
    pub name: Name,
    /// Index of its discipline.
    pub discipline: Option<usize>,
    /// It is a port.
    pub port: bool,
    /// It is ground.
    pub ground: bool,
    /// It is declared `output`.
    pub output: bool,
    /// All attributes of its declarations.
    pub attributes: Vec<Attribute>,
    /// It is a port of an instance: the node that it is one with, or none if the port is open.
    pub binding: Option<Option<usize>>,
}

impl Node {
    /// A node that nothing is said about yet.
    fn new(name: &Name) -> Node {
        Node {
            name: name.clone(),
            discipline: None,
            port: false,
            ground: false,
            output: false,
            attributes: Vec::new(),
            binding: None,
        }
    }
}

/// A named branch.
#[derive(Clone, PartialEq, Debug)]
pub struct Branch {
    /// Its name.
    pub name: Name,
    /// Index of the node that it leaves.
    pub plus: usize,
    /// Index of the node that it reaches; `None`: ground.
    pub minus: Option<usize>,
    /// It is what flows into the port `plus`.
    pub port: bool,
}

/// What a name of a module stands for: an index into the table of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// Of `Symbols::nodes`.
    Node(usize),
    /// Of `Symbols::branches`.
    Branch(usize),
    /// Of `Module::parameters`.
    Parameter(usize),
    /// Of `Module::variables`.
    Variable(usize),
    /// Of `Module::functions`.
    Function(usize),
    /// Of `Flat::arrays`.
    Array(usize),
}

/// The names of one module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Symbols {
    /// Ports in order, then internal nodes.
    pub nodes: Vec<Node>,
    /// Named branches.
    pub branches: Vec<Branch>,
    /// What names stand for.
    pub names: BTreeMap<String, (Symbol, Span)>,
    /// Parameters that turn out to decide on structure while statements are lowered (see `flatten`).
    pub wanted: RefCell<BTreeSet<String>>,
}

impl Symbols {
    /// Collects the names of `module`.
    pub fn new(module: &ast::Module, world: &World, diagnostics: &mut Vec<Diagnostic>) -> Symbols {
        let mut symbols = Symbols::default();
        for port in &module.ports {
            let index = symbols.nodes.len();
            symbols.nodes.push(Node { port: true, ..Node::new(port) });
            symbols.declare(port, Symbol::Node(index), diagnostics);
        }
        for net in &module.nets {
            symbols.net(net, world, diagnostics);
        }
        symbols.bindings(module, world, diagnostics);
        symbols.bare_grounds(world, diagnostics);
        for node in symbols.nodes.iter().filter(|n| n.discipline.is_none()) {
            let what = if node.port { "port" } else { "node" };
            let error = Diagnostic::error(node.name.span, format!("the {what} `{}` has no discipline", node.name.text));
            diagnostics.push(error.expected("expected a declaration such as `electrical`"));
        }
        for branch in &module.branches {
            symbols.branch(branch, world, diagnostics);
        }
        for (k, array) in module.flat.arrays.iter().enumerate() {
            symbols.declare(&array.name, Symbol::Array(k), diagnostics);
        }
        for (k, parameter) in module.parameters.iter().enumerate() {
            symbols.declare(&parameter.name, Symbol::Parameter(k), diagnostics);
        }
        for (alias, name) in &module.aliases {
            match symbols.names.get(&name.text) {
                Some((Symbol::Parameter(k), _)) => symbols.declare(alias, Symbol::Parameter(*k), diagnostics),
                _ => {
                    let error = Diagnostic::error(name.span, format!("the parameter `{}` is not declared", name.text));
                    diagnostics.push(error.suggest(&name.text, module.parameters.iter().map(|p| p.name.text.as_str())));
                }
            }
        }
        for (k, variable) in module.variables.iter().enumerate() {
            symbols.declare(&variable.name, Symbol::Variable(k), diagnostics);
        }
        for (k, function) in module.functions.iter().enumerate() {
            symbols.declare(&function.name, Symbol::Function(k), diagnostics);
        }
        symbols
    }

    /// Ports of instances are nodes outside. A node without a discipline has that of what it is bound to.
    fn bindings(&mut self, module: &ast::Module, world: &World, diagnostics: &mut Vec<Diagnostic>) {
        let mut pairs = Vec::new();
        for (port, node) in &module.flat.bindings {
            let Some((Symbol::Node(inner), _)) = self.names.get(&port.text).copied() else {
                let message = format!("nothing is said about the port `{}`", port.text);
                diagnostics.push(Diagnostic::error(port.span, message).expected("expected a declaration in its module"));
                continue;
            };
            let Some(node) = node else {
                self.nodes[inner].binding = Some(None);
                continue;
            };
            match self.names.get(node).copied() {
                Some((Symbol::Node(outer), _)) => {
                    self.nodes[inner].binding = Some(Some(outer));
                    pairs.push((inner, outer, port.span));
                }
                _ => {
                    let error = Diagnostic::error(port.span, format!("the node `{node}` is not declared"));
                    let known: Vec<String> = self.nodes.iter().map(|n| n.name.text.clone()).collect();
                    diagnostics.push(error.suggest(node, known.iter().map(String::as_str)));
                }
            }
        }
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for (inner, outer, _) in &pairs {
                let (a, b) = (self.nodes[*inner].discipline, self.nodes[*outer].discipline);
                if a.is_some() != b.is_some() {
                    (self.nodes[*inner].discipline, self.nodes[*outer].discipline) = (a.or(b), a.or(b));
                    changed = true;
                }
            }
        }
        for (inner, outer, span) in pairs {
            if !self.meet(inner, outer, world) {
                let name = |node: usize| self.nodes[node].name.text.as_str();
                let message = format!("the port `{}` cannot be connected to `{}`", name(inner), name(outer));
                diagnostics.push(Diagnostic::error(span, message).expected("their disciplines differ"));
            }
        }
    }

    /// `ground gnd;` alone: published models mean the electrical ground.
    fn bare_grounds(&mut self, world: &World, diagnostics: &mut Vec<Diagnostic>) {
        let Some(electrical) = world.discipline("electrical") else { return };
        for node in self.nodes.iter_mut().filter(|n| n.ground && !n.port && n.discipline.is_none()) {
            node.discipline = Some(electrical);
            let warning = Diagnostic::warning(node.name.span, format!("the ground `{}` has no discipline", node.name.text));
            diagnostics.push(warning.expected("it is taken as electrical"));
        }
    }

    fn declare(&mut self, name: &Name, symbol: Symbol, diagnostics: &mut Vec<Diagnostic>) {
        if let Some((_, first)) = self.names.get(&name.text) {
            let error = Diagnostic::error(name.span, format!("`{}` is declared twice", name.text));
            diagnostics.push(error.label(*first, "it is declared here"));
            return;
        }
        self.names.insert(name.text.clone(), (symbol, name.span));
    }

    fn net(&mut self, net: &ast::Net, world: &World, diagnostics: &mut Vec<Diagnostic>) {
        let discipline = net.discipline.as_ref().and_then(|name| {
            let found = world.discipline(&name.text);
            if found.is_none() {
                let error = Diagnostic::error(name.span, format!("the discipline `{}` is not declared", name.text));
                diagnostics.push(match world.disciplines.is_empty() {
                    true => error.hint("`include \"disciplines.vams\" brings `electrical`, `thermal` ..."),
                    false => error.suggest(&name.text, world.disciplines.iter().map(|d| d.name.as_str())),
                });
                // One message for a discipline is enough; the nodes get some discipline of their own.
                return None;
            }
            found
        });
        let unknown = net.discipline.is_some() && discipline.is_none();
        let index = match self.names.get(&net.name.text) {
            Some((Symbol::Node(index), _)) => *index,
            _ => {
                if let Some(direction) = &net.direction {
                    let error = Diagnostic::error(net.name.span, format!("`{}` is not in the port list", net.name.text));
                    diagnostics.push(error.label(direction.span, "this makes it a port"));
                }
                let index = self.nodes.len();
                self.nodes.push(Node::new(&net.name));
                self.declare(&net.name, Symbol::Node(index), diagnostics);
                index
            }
        };
        let node = &mut self.nodes[index];
        node.ground |= net.ground;
        node.output |= net.direction.as_ref().is_some_and(|d| d.text == "output");
        node.attributes.extend(net.attributes.iter().cloned());
        match (node.discipline, discipline) {
            (Some(old), Some(new)) if old != new => {
                let error = Diagnostic::error(net.name.span, format!("`{}` has two disciplines", net.name.text));
                diagnostics.push(error.label(node.name.span, "it is declared here"));
            }
            (None, Some(new)) => node.discipline = Some(new),
            (None, None) if unknown => node.discipline = Some(usize::MAX),
            _ => {}
        }
    }

    fn branch(&mut self, branch: &ast::Branch, world: &World, diagnostics: &mut Vec<Diagnostic>) {
        let mut node = |name: &Name| match self.names.get(&name.text) {
            Some((Symbol::Node(index), _)) => Some(*index),
            _ => {
                let error = Diagnostic::error(name.span, format!("the node `{}` is not declared", name.text));
                diagnostics.push(error.suggest(&name.text, self.nodes.iter().map(|n| n.name.text.as_str())));
                None
            }
        };
        let plus = node(&branch.plus.name);
        let minus = branch.minus.as_ref().map(|m| node(&m.name));
        let Some(plus) = plus else { return };
        if branch.port && !self.nodes[plus].port && self.nodes[plus].binding.is_none() {
            let error = Diagnostic::error(branch.plus.name.span, format!("`{}` is not a port", branch.plus.name.text));
            diagnostics.push(error.label(self.nodes[plus].name.span, "it is declared here"));
        }
        let minus = match minus {
            Some(None) => return,
            Some(Some(index)) => Some(index),
            None => None,
        };
        if let Some(minus) = minus {
            self.compatible(plus, minus, world, branch.name.span, diagnostics);
        }
        let index = self.branches.len();
        self.branches.push(Branch { name: branch.name.clone(), plus, minus, port: branch.port });
        self.declare(&branch.name, Symbol::Branch(index), diagnostics);
    }

    /// Complains if the nodes cannot be the ends of one branch.
    pub fn compatible(&self, a: usize, b: usize, world: &World, span: Span, diagnostics: &mut Vec<Diagnostic>) -> bool {
        if self.meet(a, b, world) {
            return true;
        }
        let (a, b) = (&self.nodes[a].name, &self.nodes[b].name);
        let error = Diagnostic::error(span, format!("`{}` and `{}` cannot be the ends of one branch", a.text, b.text));
        diagnostics.push(error.expected("their disciplines differ"));
        false
    }

    /// Whether two nodes may be the ends of a branch, or one node.
    fn meet(&self, a: usize, b: usize, world: &World) -> bool {
        let natures = |node: usize| {
            let discipline = world.disciplines.get(self.nodes[node].discipline?)?;
            Some((discipline.potential, discipline.flow))
        };
        let (Some(one), Some(other)) = (natures(a), natures(b)) else { return true };
        let meet = |x: Option<usize>, y: Option<usize>| match (x, y) {
            (Some(x), Some(y)) => world.natures[x].root == world.natures[y].root,
            _ => true,
        };
        meet(one.0, other.0) && meet(one.1, other.1)
    }
}
