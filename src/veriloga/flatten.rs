//! Structure put flat: a module with instances, generate constructs, vectors and arrays becomes one without.
//!
//! Takes the tree of a file and a module (or paramset) of it, gives a module of plain nodes, parameters and statements, in
//! which the names of an instance begin with its path: `r1.x`. A parameter of an instance is a `localparam` with the
//! expression that the instance gives; a port of an instance is a node of its own, bound to a node outside (`Flat::bindings`).
//! So the equations of a hierarchical module are those of its parts, and structure costs nothing at run time. Statements of
//! instances come before those of the module that holds them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diag::Diagnostic;
use crate::span::{Sources, Span};
use crate::veriloga::ast::{
    Array, Branch, Expr, ExprKind, File, Flat, Generate, GenerateKind, Module, Name, Net, NodeReference, Paramset, Range,
    Statement, StatementKind, Variable, span_of,
};
use crate::veriloga::constant::Constant;
use crate::veriloga::parse::{Abort, Parsed};
use crate::veriloga::rename::{Meaning, Scope};
use crate::veriloga::structure::OPEN_INDEX;
use crate::veriloga::walk::{renumber, walk};

/// Rounds of a generate loop.
const MOST_ROUNDS: usize = 10_000;
/// Instances, rounds of loops, nodes and parameters in one model.
const MOST_PARTS: usize = 200_000;
/// Elements of a vector or an array.
const LONGEST: i64 = 10_000;

/// What can be instantiated.
#[derive(Clone, Copy)]
pub enum Unit<'a> {
    /// A module.
    Module(&'a Module),
    /// A paramset.
    Paramset(&'a Paramset),
}

impl<'a> Unit<'a> {
    /// Its name.
    pub fn name(&self) -> &'a Name {
        match self {
            Unit::Module(module) => &module.name,
            Unit::Paramset(paramset) => &paramset.name,
        }
    }

    /// Its parameters and variables.
    pub fn tree(&self) -> &'a Module {
        match self {
            Unit::Module(module) => module,
            Unit::Paramset(paramset) => &paramset.module,
        }
    }
}

/// Statements in order of the text; true for `analog initial`.
pub type Statements = Vec<(bool, Statement)>;
/// Names of a unit, and what each stands for.
pub type Bindings = Vec<(Name, Vec<String>)>;

/// Where a unit is put.
pub struct Place {
    /// What the names of its nodes and variables begin with.
    pub prefix: String,
    /// What the names of its parameters begin with.
    pub parameters: String,
    /// Values of its parameters, in flat names; `None` at the top, whose parameters stay parameters.
    pub values: Option<BTreeMap<String, Expr>>,
    /// Ports that are open.
    pub open: BTreeSet<String>,
    /// Parameter that holds its multiplicity.
    pub multiplicity: Option<String>,
}

/// A module being put flat.
pub struct Flattener<'a> {
    /// Everything that can be instantiated.
    pub file: &'a File,
    /// The texts.
    pub sources: &'a Sources,
    /// Values of the top module's parameters.
    pub fixed: &'a BTreeMap<String, f64>,
    /// The flat module.
    pub out: Module,
    /// All scopes.
    pub scopes: Vec<Scope>,
    /// Index of each flat parameter.
    pub parameters: HashMap<String, usize>,
    /// Flat nodes: the range of a vector.
    pub nodes: HashMap<String, Option<(i32, i32)>>,
    /// Parameters that were read, and their values.
    pub shape: BTreeMap<String, f64>,
    /// Units that are being put in, outermost first.
    pub inside: Vec<&'a str>,
    /// Parts put in so far.
    pub count: usize,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// The unit as a module without structure. `fixed` are values of its parameters, `wanted` parameters that decide on structure
/// in a way that the tree does not show.
pub fn flatten<'a>(
    unit: Unit<'a>,
    file: &'a File,
    sources: &'a Sources,
    fixed: &'a BTreeMap<String, f64>,
    wanted: &BTreeSet<String>,
) -> (Cow<'a, Module>, Vec<Diagnostic>) {
    if let Unit::Module(module) = unit
        && wanted.is_empty()
        && is_flat(module)
    {
        return (Cow::Borrowed(module), Vec::new());
    }
    let tree = unit.tree();
    let out = Module {
        name: tree.name.clone(),
        file: tree.file,
        default_transition: tree.default_transition.clone(),
        ..Module::default()
    };
    let mut flattener = Flattener {
        file,
        sources,
        fixed,
        out,
        scopes: Vec::new(),
        parameters: HashMap::new(),
        nodes: HashMap::new(),
        shape: BTreeMap::new(),
        inside: Vec::new(),
        count: 0,
        diagnostics: Vec::new(),
    };
    let place = Place { prefix: String::new(), parameters: String::new(), values: None, open: BTreeSet::new(), multiplicity: None };
    if let Some((statements, ports)) = flattener.unit(unit, &place) {
        flattener.out.analog.extend(statements);
        flattener.out.ports = ports.into_iter().flat_map(|(name, nodes)| named(nodes, name.span)).collect();
    }
    for name in wanted {
        let expr = Expr { kind: ExprKind::Name(name.clone()), span: tree.name.span };
        let _ = flattener.constant(&expr, 0);
    }
    let mut order = 0;
    for (_, statement) in &mut flattener.out.analog {
        renumber(statement, &mut order);
    }
    flattener.out.flat.shape = flattener.shape.into_iter().collect();
    (Cow::Owned(flattener.out), flattener.diagnostics)
}

fn named(nodes: Vec<String>, span: Span) -> Vec<Name> {
    nodes.into_iter().map(|text| Name { text, span }).collect()
}

/// True for a module without structure.
fn is_flat(module: &Module) -> bool {
    let counted = |v: &Variable| v.bounds.as_ref().is_none_or(|(a, b)| [a, b].iter().all(|e| matches!(e.kind, ExprKind::Int(_))));
    let mut plain = module.instances.is_empty()
        && module.generates.is_empty()
        && module.flat == Flat::default()
        && module.nets.iter().all(|n| n.range.is_none())
        && module.parameters.iter().all(|p| p.bounds.is_none())
        && module.variables.iter().chain(module.functions.iter().flat_map(|f| &f.variables)).all(counted)
        && module.branches.iter().all(|b| {
            let ends = [Some(&b.plus), b.minus.as_ref()];
            b.range.is_none() && ends.into_iter().flatten().all(|end| end.range.is_none() && !end.name.text.contains('.'))
        });
    let inner = module.analog.iter().map(|(_, s)| s).chain(module.functions.iter().flat_map(|f| &f.body));
    for statement in inner {
        walk(statement, &mut |s| {
            if let StatementKind::Block(block) = &s.kind {
                plain &= block.variables.iter().all(counted);
            }
        });
    }
    plain
}

impl<'a> Flattener<'a> {
    /// Leaves a message.
    pub fn fail<T>(&mut self, span: Span, message: impl Into<String>, remark: impl Into<String>) -> Parsed<T> {
        self.diagnostics.push(Diagnostic::error(span, message).expected(remark));
        Err(Abort)
    }

    /// Puts in a unit; gives its own statements, and its ports with their nodes.
    pub fn unit(&mut self, unit: Unit<'a>, place: &Place) -> Option<(Statements, Bindings)> {
        let name = unit.name();
        if self.inside.contains(&name.text.as_str()) {
            let error = Diagnostic::error(name.span, format!("`{}` contains itself", name.text));
            let path = self.inside.join(" -> ");
            self.diagnostics.push(error.expected(format!("it is reached by {path} -> {}", name.text)));
            return None;
        }
        self.inside.push(&name.text);
        let tree = unit.tree();
        let scope = self.open_scope(tree, place);
        self.parameters_of(tree, scope, place);
        let made = match unit {
            Unit::Module(module) => {
                let statements = self.items(module, scope);
                let ports = module.ports.iter().map(|port| (port.clone(), self.elements(scope, &port.text))).collect();
                Some((statements, ports))
            }
            Unit::Paramset(paramset) => self.paramset(paramset, scope, place),
        };
        self.inside.pop();
        made
    }

    /// Flat names of a node, or of all elements of a vector.
    fn elements(&self, scope: usize, name: &str) -> Vec<String> {
        let flat = self.flat(scope, name);
        match self.nodes.get(&flat) {
            Some(Some((first, last))) => span_of(*first, *last).into_iter().map(|k| format!("{flat}[{k}]")).collect(),
            _ => vec![flat],
        }
    }

    /// A scope with the names of a unit.
    fn open_scope(&mut self, tree: &Module, place: &Place) -> usize {
        let mut scope = Scope {
            prefix: place.prefix.clone(),
            given: place.values.as_ref().map(|values| values.keys().cloned().collect()),
            open: place.open.clone(),
            multiplicity: place.multiplicity.clone(),
            ..Scope::default()
        };
        declare(tree, &place.prefix, &mut scope);
        for parameter in &tree.parameters {
            let flat = format!("{}{}", place.parameters, parameter.name.text);
            scope.names.insert(parameter.name.text.clone(), Meaning::Name(flat));
        }
        for (alias, name) in &tree.aliases {
            let flat = format!("{}{}", place.parameters, name.text);
            scope.names.insert(alias.text.clone(), Meaning::Name(flat));
        }
        self.scopes.push(scope);
        self.scopes.len() - 1
    }

    /// Everything of a module or block but the parameters of a module; gives its own statements.
    pub fn items(&mut self, tree: &'a Module, scope: usize) -> Statements {
        for net in &tree.nets {
            let _ = self.net(net, scope);
        }
        // A port that nothing is said about is reported where nodes are checked.
        for port in &tree.ports {
            self.nodes.entry(self.flat(scope, &port.text)).or_insert(None);
        }
        let variables = self.renamed_variables(scope, &tree.variables);
        self.out.variables.extend(variables);
        for branch in &tree.branches {
            let _ = self.branch(branch, scope);
        }
        for function in &tree.functions {
            let function = self.renamed_function(scope, function);
            self.out.functions.push(function);
        }
        let mut pieces: Vec<(u32, Piece<'a>)> = Vec::new();
        pieces.extend(tree.instances.iter().map(|i| (i.order, Piece::Instance(i))));
        pieces.extend(tree.generates.iter().enumerate().map(|(k, g)| (g.order, Piece::Generate(k, g))));
        pieces.extend(tree.analog.iter().map(|(initial, s)| (s.order, Piece::Analog(*initial, s))));
        pieces.sort_by_key(|(order, _)| *order);
        let mut statements = Vec::new();
        for (_, piece) in pieces {
            match piece {
                Piece::Instance(instance) => {
                    let _ = self.instance(instance, scope);
                }
                Piece::Generate(k, generate) => {
                    let _ = self.generate(generate, k + 1, scope, &mut statements);
                }
                Piece::Analog(initial, statement) => {
                    let mut statement = statement.clone();
                    self.rename_statement(scope, &mut statement);
                    statements.push((initial, statement));
                }
            }
        }
        statements
    }

    /// First and last index.
    pub fn bounds(&mut self, scope: usize, first: &Expr, last: &Expr) -> Parsed<(i32, i32)> {
        let (a, b) = (self.renamed(scope, first), self.renamed(scope, last));
        let (a, b) = (self.whole(&a)?, self.whole(&b)?);
        if (i64::from(a) - i64::from(b)).abs() >= LONGEST {
            let remark = format!("expected at most {LONGEST} elements");
            return self.fail(first.span.to(last.span), format!("{a}:{b} is too long"), remark);
        }
        Ok((a, b))
    }

    fn range(&mut self, scope: usize, range: Option<&(Expr, Expr)>) -> Parsed<Option<(i32, i32)>> {
        range.map(|(first, last)| self.bounds(scope, first, last)).transpose()
    }

    fn array(&mut self, name: &Name, (first, last): (i32, i32), noun: &'static str) {
        if !self.out.flat.arrays.iter().any(|a| a.name.text == name.text) {
            self.out.flat.arrays.push(Array { name: name.clone(), first, last, noun });
        }
    }

    fn net(&mut self, net: &Net, scope: usize) -> Parsed<()> {
        let mut copy = net.clone();
        self.rename(scope, &mut copy.name);
        copy.attributes = self.renamed_attributes(scope, &net.attributes);
        if !self.scopes[scope].prefix.is_empty() {
            copy.direction = None;
        }
        copy.range = None;
        let range = self.range(scope, net.range.as_ref())?;
        for _ in 0..range.map_or(1, |(a, b)| a.abs_diff(b) + 1) {
            self.counted(net.name.span)?;
        }
        let known = self.nodes.entry(copy.name.text.clone()).or_insert(range);
        let range = match (*known, range) {
            (Some(old), Some(new)) if old != new => {
                return self.fail(net.name.span, format!("`{}` has two ranges", net.name.text), "expected the same one everywhere");
            }
            (old, new) => old.or(new),
        };
        // `inout p; electrical [0:3] p;`: the range may be said by either.
        if known.is_none() && range.is_some() {
            *known = range;
            let scalar = copy.name.text.clone();
            let (mut own, others) = std::mem::take(&mut self.out.nets).into_iter().partition(|n| n.name.text == scalar);
            self.out.nets = others;
            for earlier in Vec::drain(&mut own, ..) {
                self.push_net(earlier, scope, range);
            }
        }
        self.push_net(copy, scope, range);
        Ok(())
    }

    fn push_net(&mut self, net: Net, scope: usize, range: Option<(i32, i32)>) {
        let multiplicity = self.around(scope, |s| s.multiplicity.is_some()).and_then(|s| s.multiplicity.clone());
        let mut keep = |net: Net| {
            if let Some(multiplicity) = &multiplicity {
                self.out.flat.multiplicities.insert(net.name.text.clone(), multiplicity.clone());
            }
            self.out.nets.push(net);
        };
        let Some((first, last)) = range else { return keep(net) };
        for k in span_of(first, last) {
            let mut element = net.clone();
            element.name.text = format!("{}[{k}]", net.name.text);
            keep(element);
        }
        self.array(&net.name, (first, last), "node");
    }

    /// The flat nodes that a reference names, in order.
    pub fn referred(&mut self, node: &NodeReference, scope: usize) -> Parsed<Vec<String>> {
        let flat = self.flat(scope, &node.name.text);
        if let (true, Some((index, None))) = (flat.contains(OPEN_INDEX), &node.range) {
            let index = self.renamed(scope, index);
            return Ok(vec![flat.replace(OPEN_INDEX, &format!("[{}]", self.whole(&index)?))]);
        }
        let range = self.nodes.get(&flat).copied();
        let Some((first, last)) = &node.range else {
            return Ok(match range {
                Some(Some((first, last))) => span_of(first, last).into_iter().map(|k| format!("{flat}[{k}]")).collect(),
                _ => vec![flat],
            });
        };
        let Some(Some((from, to))) = range else {
            let what = if range.is_some() { "is a single node" } else { "is not declared" };
            return self.fail(node.name.span, format!("`{}` {what}", node.name.text), "expected a vector of nodes");
        };
        let (first, last) = (self.renamed(scope, first), last.as_ref().map(|e| self.renamed(scope, e)));
        let start = self.whole(&first)?;
        let end = last.as_ref().map_or(Ok(start), |e| self.whole(e))?;
        let (low, high) = (from.min(to), from.max(to));
        for k in [start, end] {
            if k < low || k > high {
                let message = format!("`{}[{k}]` is outside of the vector", node.name.text);
                return self.fail(first.span, message, format!("expected {low} to {high}"));
            }
        }
        Ok(span_of(start, end).into_iter().map(|k| format!("{flat}[{k}]")).collect())
    }

    fn branch(&mut self, branch: &Branch, scope: usize) -> Parsed<()> {
        let mut copy = branch.clone();
        self.rename(scope, &mut copy.name);
        let range = self.range(scope, branch.range.as_ref())?;
        let plus = self.referred(&branch.plus, scope)?;
        let minus = branch.minus.as_ref().map(|m| self.referred(m, scope)).transpose()?;
        let reference = |text: &str, of: &NodeReference| NodeReference {
            name: Name { text: text.to_string(), span: of.name.span },
            range: None,
        };
        let width = plus.len().max(minus.as_ref().map_or(1, Vec::len)).max(range.map_or(1, |(a, b)| a.abs_diff(b) as usize + 1));
        let fits = |count: usize| count == 1 || count == width;
        if !fits(plus.len()) || !minus.as_ref().is_none_or(|m| fits(m.len())) {
            return self.fail(branch.name.span, "a branch between vectors of different lengths", "expected equal lengths");
        }
        let bounds = range.or_else(|| (width > 1).then_some((0, width as i32 - 1)));
        let indices = bounds.map_or(vec![0], |(a, b)| span_of(a, b));
        if let Some(bounds) = bounds {
            self.array(&copy.name, bounds, "branch");
        }
        for (at, k) in indices.into_iter().enumerate() {
            let mut element = copy.clone();
            element.range = None;
            if bounds.is_some() {
                element.name.text = format!("{}[{k}]", copy.name.text);
            }
            element.plus = reference(&plus[at.min(plus.len() - 1)], &branch.plus);
            element.minus = match (&minus, &branch.minus) {
                (Some(nodes), Some(of)) => Some(reference(&nodes[at.min(nodes.len() - 1)], of)),
                _ => None,
            };
            self.counted(branch.name.span)?;
            self.out.branches.push(element);
        }
        Ok(())
    }

    /// A loop, a condition or a block around items. Block `number` of its scope without a name is `genblk<number>`.
    fn generate(&mut self, tree: &'a Generate, number: usize, scope: usize, out: &mut Statements) -> Parsed<()> {
        match &tree.kind {
            GenerateKind::Block(block) => self.block(block, number, None, scope, out),
            GenerateKind::If(condition, then, otherwise) => {
                let condition = self.renamed(scope, condition);
                let taken = if self.holds(&condition)? { Some(then) } else { otherwise.as_ref() };
                if let Some(block) = taken {
                    self.block(block, number, None, scope, out);
                }
            }
            GenerateKind::Case(subject, arms, default) => {
                let subject = self.renamed(scope, subject);
                let subject = self.constant(&subject, 0)?;
                for (values, block) in arms {
                    for value in values {
                        let value = self.renamed(scope, value);
                        if same(&self.constant(&value, 0)?, &subject) {
                            self.block(block, number, None, scope, out);
                            return Ok(());
                        }
                    }
                }
                if let Some(block) = default {
                    self.block(block, number, None, scope, out);
                }
            }
            GenerateKind::For(variable, parts, block) => {
                let [initial, condition, step] = &**parts;
                let initial = self.renamed(scope, initial);
                let mut value = self.whole(&initial)?;
                for round in 0.. {
                    let names = [(variable.text.clone(), Meaning::Constant(value))].into();
                    let prefix = self.scopes[scope].prefix.clone();
                    self.scopes.push(Scope { prefix, names, parent: Some(scope), ..Scope::default() });
                    let inner = self.scopes.len() - 1;
                    let condition = self.renamed(inner, condition);
                    self.counted(tree.span)?;
                    if !self.holds(&condition)? {
                        break;
                    }
                    if round >= MOST_ROUNDS {
                        return self.fail(tree.span, "this loop does not end", format!("expected at most {MOST_ROUNDS} rounds"));
                    }
                    self.block(block, number, Some(value), inner, out);
                    let step = self.renamed(inner, step);
                    let next = self.whole(&step)?;
                    if next == value {
                        return self.fail(step.span, "this loop does not end", format!("`{}` stays {value}", variable.text));
                    }
                    value = next;
                }
            }
        }
        Ok(())
    }

    /// The items of a block, in a scope of their own.
    fn block(&mut self, block: &'a Module, number: usize, index: Option<i32>, scope: usize, out: &mut Statements) {
        let nested = block.name.text.is_empty() && block.generates.len() == 1 && only_generates(block);
        if nested && index.is_none() {
            // `else if`: no block of its own.
            let _ = self.generate(&block.generates[0], number, scope, out);
            return;
        }
        let label = if block.name.text.is_empty() { format!("genblk{number}") } else { block.name.text.clone() };
        let outer = self.scopes[scope].prefix.clone();
        let prefix = match index {
            Some(index) => format!("{outer}{label}[{index}]."),
            None => format!("{outer}{label}."),
        };
        let mut inner = Scope { prefix: prefix.clone(), parent: Some(scope), ..Scope::default() };
        declare(block, &prefix, &mut inner);
        for parameter in &block.parameters {
            let flat = format!("{prefix}{}", parameter.name.text);
            inner.names.insert(parameter.name.text.clone(), Meaning::Name(flat));
        }
        self.scopes.push(inner);
        let inner = self.scopes.len() - 1;
        let place =
            Place { parameters: prefix.clone(), prefix, values: Some(BTreeMap::new()), open: BTreeSet::new(), multiplicity: None };
        self.parameters_of(block, inner, &place);
        out.extend(self.items(block, inner));
    }

    /// One more part; an error when there are too many, once.
    pub fn counted(&mut self, span: Span) -> Parsed<()> {
        self.count += 1;
        if self.count == MOST_PARTS {
            return self.fail(
                span,
                "this module is too large",
                format!("expected at most {MOST_PARTS} nodes, parameters, instances"),
            );
        }
        if self.count > MOST_PARTS { Err(Abort) } else { Ok(()) }
    }

    /// The bounds of a range in flat names.
    pub fn renamed_range(&self, scope: usize, range: &Range) -> Range {
        let renamed = |e: &Option<Expr>| e.as_ref().map(|e| self.renamed(scope, e));
        Range { low: renamed(&range.low), high: renamed(&range.high), ..range.clone() }
    }
}

/// A part of a module that has its place among the statements.
enum Piece<'a> {
    Instance(&'a crate::veriloga::ast::Instance),
    Generate(usize, &'a Generate),
    Analog(bool, &'a Statement),
}

fn only_generates(block: &Module) -> bool {
    block.nets.is_empty()
        && block.branches.is_empty()
        && block.parameters.is_empty()
        && block.variables.is_empty()
        && block.functions.is_empty()
        && block.analog.is_empty()
        && block.instances.is_empty()
}

/// Enters what is declared in a module or block, parameters aside.
fn declare(tree: &Module, prefix: &str, scope: &mut Scope) {
    let mut name = |text: &str| {
        scope.names.insert(text.to_string(), Meaning::Name(format!("{prefix}{text}")));
    };
    tree.ports.iter().for_each(|n| name(&n.text));
    tree.nets.iter().for_each(|n| name(&n.name.text));
    tree.branches.iter().for_each(|b| name(&b.name.text));
    tree.variables.iter().for_each(|v| name(&v.name.text));
    tree.instances.iter().for_each(|i| name(&i.name.text));
    for (k, generate) in tree.generates.iter().enumerate() {
        blocks(generate, k + 1, &mut name);
    }
    for function in &tree.functions {
        let flat = format!("{prefix}{}", function.name.text);
        scope.names.insert(function.name.text.clone(), Meaning::Function(flat));
    }
}

/// The names of the blocks of a generate construct.
fn blocks(generate: &Generate, number: usize, name: &mut dyn FnMut(&str)) {
    for block in generate.blocks() {
        if !block.name.text.is_empty() {
            name(&block.name.text);
        } else if only_generates(block) && block.generates.len() == 1 {
            blocks(&block.generates[0], number, name);
        } else {
            name(&format!("genblk{number}"));
        }
    }
}

fn same(a: &Constant, b: &Constant) -> bool {
    match (a.real(), b.real()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
