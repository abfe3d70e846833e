//! Instances put in (LRM 2.4, clauses 6.2 to 6.5): parameters by name and in order, ports by name and in order, arrays of
//! instances, paramsets and the choice among those of one name.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diagnostic;
use crate::veriloga::ast::{
    Connection, Expr, ExprKind, Instance, Kind, Module, Name, Net, Parameter, Paramset, Statement, StatementKind, attribute,
    span_of,
};
use crate::veriloga::declare::is_whole;
use crate::veriloga::flatten::{Bindings, Flattener, Place, Statements, Unit};
use crate::veriloga::parse::{Abort, Parsed};

/// Attribute of an array of parameters that is as long as its value, as those of `vpwl`.
const ELASTIC: &str = "elastic";

/// Primitives of SPICE that the standard lists (annex E) and that are not there, with what to do instead.
const NO_PRIMITIVES: [(&str, &str); 5] = [
    ("tline", "a line can be built of a generate loop of `inductor` and `capacitor`"),
    ("bjt", "write the transistor as a module, or include one"),
    ("jfet", "write the transistor as a module, or include one"),
    ("mesfet", "write the transistor as a module, or include one"),
    ("mosfet", "the modules `nmos` and `pmos` are transistors of level 1"),
];

/// Ports of controlled sources as the standard calls them, and as our modules do.
const STANDARD_PORTS: [(&str, &str); 4] = [("sink", "p"), ("src", "n"), ("ps", "cp"), ("ns", "cn")];

/// Parameters that every instance has.
const SYSTEM: [&str; 6] = ["$mfactor", "$xposition", "$yposition", "$angle", "$hflip", "$vflip"];

/// Type of a parameter: as said, or that of its default.
fn kind_of(parameter: &Parameter) -> Kind {
    parameter.kind.unwrap_or(match &parameter.default.kind {
        ExprKind::Text(_) => Kind::Text,
        ExprKind::List(items) if items.iter().all(is_whole) => Kind::Int,
        _ if is_whole(&parameter.default) => Kind::Int,
        _ => Kind::Real,
    })
}

impl<'a> Flattener<'a> {
    /// The parameters of a unit or a generate block.
    pub fn parameters_of(&mut self, tree: &Module, scope: usize, place: &Place) {
        for parameter in &tree.parameters {
            let _ = self.parameter(parameter, scope, place);
        }
        if place.values.is_none() {
            self.out.aliases.extend(tree.aliases.iter().cloned());
        }
    }

    fn parameter(&mut self, tree: &Parameter, scope: usize, place: &Place) -> Parsed<()> {
        let mut flat = tree.clone();
        self.rename(scope, &mut flat.name);
        flat.attributes = self.renamed_attributes(scope, &tree.attributes);
        flat.ranges = tree.ranges.iter().map(|range| self.renamed_range(scope, range)).collect();
        flat.default = self.renamed(scope, &tree.default);
        if let Some(values) = &place.values {
            // An untyped one keeps the type of its default, not that of the value.
            flat.kind = Some(kind_of(tree));
            flat.local = true;
            if let Some(value) = values.get(&tree.name.text) {
                flat.default = value.clone();
            }
        }
        let Some((first, last)) = &tree.bounds else {
            self.counted(tree.name.span)?;
            self.keep(flat);
            return Ok(());
        };
        let mut bounds = self.bounds(scope, first, last)?;
        if let (ExprKind::List(items), Some(_)) = (&flat.default.kind, attribute(&tree.attributes, ELASTIC)) {
            // As long as the list that is given.
            bounds.1 = bounds.0 + items.len() as i32 - 1;
        }
        self.out.flat.arrays.push(crate::veriloga::ast::Array {
            name: flat.name.clone(),
            first: bounds.0,
            last: bounds.1,
            noun: "parameter",
        });
        let indices = span_of(bounds.0, bounds.1);
        for _ in &indices {
            self.counted(tree.name.span)?;
        }
        let items = self.items_of(&flat.default, indices.len())?;
        for (k, item) in indices.into_iter().zip(items) {
            let mut element = flat.clone();
            element.bounds = None;
            element.name.text = format!("{}[{k}]", flat.name.text);
            element.kind = Some(kind_of(tree));
            element.default = item;
            self.keep(element);
        }
        Ok(())
    }

    fn keep(&mut self, parameter: Parameter) {
        self.parameters.insert(parameter.name.text.clone(), self.out.parameters.len());
        self.out.parameters.push(parameter);
    }

    /// The elements of an array value: a list, or the name of another array of parameters.
    fn items_of(&mut self, value: &Expr, length: usize) -> Parsed<Vec<Expr>> {
        let items: Vec<Expr> = match &value.kind {
            ExprKind::List(_) | ExprKind::Replicate(..) => self.listed(value)?,
            ExprKind::Name(name) => match self.out.flat.arrays.iter().find(|a| a.name.text == *name) {
                Some(array) => {
                    let element = |k: i32| Expr { kind: ExprKind::Name(format!("{name}[{k}]")), span: value.span };
                    array.indices().into_iter().map(element).collect()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        if items.len() == length {
            return Ok(items);
        }
        let given = if items.is_empty() { "a single value is given".to_string() } else { format!("{} are given", items.len()) };
        self.fail(value.span, format!("this array of parameters has {length} elements"), format!("{given}: expected a list"))
    }

    /// The items of a list, repetitions written out.
    fn listed(&mut self, list: &Expr) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        match &list.kind {
            ExprKind::List(inner) => {
                for item in inner {
                    items.extend(self.listed(item)?);
                }
            }
            ExprKind::Replicate(count, inner) => {
                for _ in 0..self.whole(count)? {
                    self.counted(list.span)?;
                    for item in inner {
                        items.extend(self.listed(item)?);
                    }
                }
            }
            _ => items.push(list.clone()),
        }
        Ok(items)
    }

    /// Instances of one name.
    pub fn instance(&mut self, instance: &'a Instance, scope: usize) -> Parsed<()> {
        let given = self.given(instance, scope)?;
        let unit = self.resolve(instance, &given)?;
        let (values, system) = self.values(unit, &given)?;
        let range = match &instance.range {
            Some((first, last)) => Some(self.bounds(scope, first, last)?),
            None => None,
        };
        let indices: Vec<Option<i32>> = range.map_or(vec![None], |(a, b)| span_of(a, b).into_iter().map(Some).collect());
        let ports = self.ports_of(unit);
        let assigned = self.assigned(instance, &ports)?;
        let open: BTreeSet<String> =
            ports.iter().filter(|p| assigned.get(&p.text).is_none_or(|c| c.nodes.is_empty())).map(|p| p.text.clone()).collect();
        let flat = self.flat(scope, &instance.name.text);
        let count = indices.len();
        for (at, index) in indices.into_iter().enumerate() {
            self.counted(instance.name.span)?;
            let prefix = index.map_or(format!("{flat}."), |k| format!("{flat}[{k}]."));
            let multiplicity = self.multiplicity(system.get("$mfactor"), &prefix, scope);
            let place =
                Place { parameters: prefix.clone(), prefix, values: Some(values.clone()), open: open.clone(), multiplicity };
            let Some((statements, ports)) = self.unit(unit, &place) else { return Err(Abort) };
            self.out.analog.extend(statements);
            for (name, nodes) in ports {
                self.bind(&name, &nodes, assigned.get(&name.text).copied(), (at, count), scope)?;
            }
        }
        Ok(())
    }

    /// What the text of an instance gives, in flat names of the scope around it.
    fn given(&mut self, instance: &Instance, scope: usize) -> Parsed<Vec<(Option<Name>, Option<Expr>)>> {
        let named = instance.parameters.iter().filter(|(name, _)| name.is_some()).count();
        if named > 0 && named < instance.parameters.len() {
            let span = instance.name.span;
            return self.fail(span, "parameters by name and in order at once", "expected `.name(value)` for all of them");
        }
        Ok(instance.parameters.iter().map(|(n, v)| (n.clone(), v.as_ref().map(|v| self.renamed(scope, v)))).collect())
    }

    /// Values by the name of the parameter, and those of system parameters.
    #[allow(clippy::type_complexity)]
    fn values(
        &mut self,
        unit: Unit,
        given: &[(Option<Name>, Option<Expr>)],
    ) -> Parsed<(BTreeMap<String, Expr>, BTreeMap<String, Expr>)> {
        let (tree, mut values, mut system) = (unit.tree(), BTreeMap::new(), BTreeMap::new());
        let mut in_order = tree.parameters.iter().filter(|p| !p.local);
        for (name, value) in given {
            let target = match name {
                Some(name) if SYSTEM.contains(&name.text.as_str()) => {
                    if let Some(value) = value {
                        system.insert(name.text.clone(), value.clone());
                    }
                    continue;
                }
                Some(name) => self.parameter_of(unit, name)?,
                None => match in_order.next() {
                    Some(parameter) => parameter.name.text.clone(),
                    None => {
                        let span = value.as_ref().map_or(unit.name().span, |v| v.span);
                        let count = tree.parameters.iter().filter(|p| !p.local).count();
                        let message = format!("`{}` has {count} parameters", tree.name.text);
                        return self.fail(span, message, "this is one more");
                    }
                },
            };
            let Some(value) = value else { continue };
            if values.insert(target.clone(), value.clone()).is_some() {
                return self.fail(value.span, format!("`{target}` is given twice"), "expected one value");
            }
        }
        for (name, value) in &system {
            if name != "$mfactor" {
                let warning = Diagnostic::warning(value.span, format!("`{name}` of an instance has no effect"));
                self.diagnostics.push(warning.expected("there is no geometry here"));
            }
        }
        Ok((values, system))
    }

    /// The declared name of the parameter that an instance or paramset calls `name`.
    fn parameter_of(&mut self, unit: Unit, name: &Name) -> Parsed<String> {
        let tree = unit.tree();
        let alias = tree.aliases.iter().find(|(alias, _)| alias.text == name.text).map(|(_, target)| &target.text);
        let wanted = alias.unwrap_or(&name.text);
        match tree.parameters.iter().find(|p| p.name.text == *wanted) {
            Some(found) if !found.local => Ok(wanted.clone()),
            Some(_) => {
                let message = format!("`{}` of `{}` is a localparam", name.text, tree.name.text);
                self.fail(name.span, message, "it cannot be set")
            }
            None => {
                let error = Diagnostic::error(name.span, format!("`{}` has no parameter `{}`", tree.name.text, name.text));
                let known = tree.parameters.iter().filter(|p| !p.local).map(|p| p.name.text.as_str());
                self.diagnostics.push(error.label(tree.name.span, "it is declared here").suggest(&name.text, known));
                Err(Abort)
            }
        }
    }

    /// The parameter that holds the multiplicity of an instance, if it has one: its own times that around it.
    fn multiplicity(&mut self, own: Option<&Expr>, prefix: &str, scope: usize) -> Option<String> {
        let mut at = Some(scope);
        let mut outer = None;
        while let Some(k) = at {
            if let Some(found) = &self.scopes[k].multiplicity {
                outer = Some(found.clone());
                break;
            }
            at = self.scopes[k].parent;
        }
        let Some(own) = own else { return outer };
        let default = match outer {
            Some(outer) => {
                let outer = Expr { kind: ExprKind::Name(outer), span: own.span };
                let kind = ExprKind::Binary(crate::veriloga::ast::Binary::Mul, Box::new(outer), Box::new(own.clone()));
                Expr { kind, span: own.span }
            }
            None => own.clone(),
        };
        let name = format!("{prefix}$mfactor");
        self.keep(Parameter {
            kind: Some(Kind::Real),
            name: Name { text: name.clone(), span: own.span },
            bounds: None,
            default,
            ranges: Vec::new(),
            attributes: Vec::new(),
            local: true,
            span: own.span,
        });
        Some(name)
    }

    /// The unit that an instance names. Of several paramsets the first one whose parameters and ranges allow what is given.
    fn resolve(&mut self, instance: &Instance, given: &[(Option<Name>, Option<Expr>)]) -> Parsed<Unit<'a>> {
        let file = self.file;
        let name = &instance.module;
        let sets: Vec<&'a Paramset> = file.paramsets.iter().filter(|p| p.name.text == name.text).collect();
        match sets.as_slice() {
            [] => {}
            [only] => return Ok(Unit::Paramset(only)),
            several => {
                for set in several {
                    if self.allows(set, given)? {
                        return Ok(Unit::Paramset(set));
                    }
                }
                let message = format!("no paramset `{}` allows these parameters", name.text);
                return self.fail(instance.name.span, message, "their ranges or names exclude them");
            }
        }
        if let Some(module) = file.modules.iter().find(|m| m.name.text == name.text) {
            return Ok(Unit::Module(module));
        }
        if let Some((_, remedy)) = NO_PRIMITIVES.iter().find(|(primitive, _)| *primitive == name.text) {
            return self.fail(name.span, format!("the primitive `{}` of SPICE is not supported", name.text), *remedy);
        }
        let error = Diagnostic::error(name.span, format!("there is no module `{}`", name.text)).expected("unknown module");
        let known = file.modules.iter().map(|m| m.name.text.as_str()).chain(file.paramsets.iter().map(|p| p.name.text.as_str()));
        let hint = "modules come from this file, files that it includes, files of `.hdl` cards, and the models of memspice";
        self.diagnostics.push(error.suggest(&name.text, known).hint(hint));
        Err(Abort)
    }

    /// Whether a paramset takes these values (LRM 2.4, clause 6.4.2).
    fn allows(&mut self, set: &'a Paramset, given: &[(Option<Name>, Option<Expr>)]) -> Parsed<bool> {
        let own: Vec<&Parameter> = set.module.parameters.iter().filter(|p| !p.local).collect();
        for (k, (name, value)) in given.iter().enumerate() {
            let found = match name {
                Some(name) if SYSTEM.contains(&name.text.as_str()) => continue,
                Some(name) => own.iter().find(|p| p.name.text == name.text),
                None => own.get(k),
            };
            let (Some(parameter), value) = (found, value) else { return Ok(false) };
            let Some(value) = value else { continue };
            if parameter.ranges.is_empty() {
                continue;
            }
            let Some(number) = self.constant(value, 0)?.real() else { return Ok(false) };
            let mut allowed = parameter.ranges.iter().all(|r| r.exclude);
            for range in &parameter.ranges {
                let low = self.end(range.low.as_ref(), f64::NEG_INFINITY)?;
                let high = self.end(range.high.as_ref(), f64::INFINITY)?;
                let above = number > low || (range.low_closed && number == low);
                let below = number < high || (range.high_closed && number == high);
                match (range.exclude, above && below) {
                    (true, true) => return Ok(false),
                    (false, true) => allowed = true,
                    _ => {}
                }
            }
            if !allowed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn end(&mut self, bound: Option<&Expr>, otherwise: f64) -> Parsed<f64> {
        Ok(match bound {
            Some(expr) => self.constant(expr, 0)?.real().unwrap_or(f64::NAN),
            None => otherwise,
        })
    }

    /// The ports of a unit; those of a paramset are those of its module.
    fn ports_of(&self, unit: Unit<'a>) -> Vec<Name> {
        let mut at = unit;
        for _ in 0..=self.file.paramsets.len() {
            match at {
                Unit::Module(module) => return module.ports.clone(),
                Unit::Paramset(set) => match self.base(set) {
                    Some(base) => at = base,
                    None => break,
                },
            }
        }
        Vec::new()
    }

    fn base(&self, set: &Paramset) -> Option<Unit<'a>> {
        let file = self.file;
        let named = |name: &str| name == set.base.text;
        let module = file.modules.iter().find(|m| named(&m.name.text)).map(Unit::Module);
        let other = || file.paramsets.iter().find(|p| named(&p.name.text) && p.name.span != set.name.span).map(Unit::Paramset);
        module.or_else(other)
    }

    /// Connections by the name of the port.
    fn assigned<'i>(&mut self, instance: &'i Instance, ports: &[Name]) -> Parsed<BTreeMap<String, &'i Connection>> {
        let mut assigned: BTreeMap<String, &Connection> = BTreeMap::new();
        let by_name = instance.connections.iter().any(|c| c.port.is_some());
        let what = &instance.module.text;
        if instance.connections.len() > ports.len() {
            let list: Vec<&str> = ports.iter().map(|p| p.text.as_str()).collect();
            let message =
                format!("`{what}` has {} ports, `{}` has {}", ports.len(), instance.name.text, instance.connections.len());
            return self.fail(instance.name.span, message, format!("its ports are {}", list.join(", ")));
        }
        for (k, connection) in instance.connections.iter().enumerate() {
            let port = match &connection.port {
                Some(name) => {
                    let own = STANDARD_PORTS.iter().find(|(standard, _)| *standard == name.text).map(|(_, own)| *own);
                    let other = own.filter(|_| ["vccs", "vcvs"].contains(&what.as_str()));
                    other.unwrap_or(&name.text).to_string()
                }
                None if by_name => {
                    let remark = "expected `.port(node)` for all of them";
                    return self.fail(connection.span, "ports by name and in order at once", remark);
                }
                None => ports[k].text.clone(),
            };
            if !ports.iter().any(|p| p.text == port) {
                let error = Diagnostic::error(connection.span, format!("`{what}` has no port `{port}`"));
                self.diagnostics.push(error.suggest(&port, ports.iter().map(|p| p.text.as_str())));
                return Err(Abort);
            }
            if assigned.insert(port.clone(), connection).is_some() {
                return self.fail(connection.span, format!("the port `{port}` is connected twice"), "expected one connection");
            }
        }
        Ok(assigned)
    }

    /// Binds a port of instance `at` of `count` to its nodes: all of them, or its part of a vector for all instances.
    fn bind(
        &mut self,
        port: &Name,
        own: &[String],
        connection: Option<&Connection>,
        (at, count): (usize, usize),
        scope: usize,
    ) -> Parsed<()> {
        let mut nodes = Vec::new();
        for node in connection.iter().flat_map(|c| &c.nodes) {
            if node.range.is_none() && self.meaning(scope, &node.name.text).is_none() && !node.name.text.contains('.') {
                self.implicit(&node.name, own, scope);
            }
            nodes.extend(self.referred(node, scope)?);
        }
        let span = connection.map_or(port.span, |c| c.span);
        let part = match nodes.len() {
            0 => &[][..],
            n if n == own.len() => &nodes[..],
            n if n == own.len() * count => &nodes[at * own.len()..(at + 1) * own.len()],
            n => {
                let wanted = if count > 1 { format!("{} or {}", own.len(), own.len() * count) } else { own.len().to_string() };
                let message = format!("the port `{}` is connected to {n} nodes", port.text);
                return self.fail(span, message, format!("expected {wanted}"));
            }
        };
        for (k, name) in own.iter().enumerate() {
            self.out.flat.bindings.push((Name { text: name.clone(), span }, part.get(k).cloned()));
        }
        Ok(())
    }

    /// A node that is declared by being connected: it is of the discipline of the port.
    fn implicit(&mut self, name: &Name, port: &[String], scope: usize) {
        let flat = format!("{}{}", self.scopes[scope].prefix, name.text);
        let of_port = |net: &&Net| port.first() == Some(&net.name.text) && net.discipline.is_some();
        let discipline = self.out.nets.iter().find(of_port).and_then(|net| net.discipline.clone());
        self.scopes[scope].names.insert(name.text.clone(), crate::veriloga::rename::Meaning::Name(flat.clone()));
        self.nodes.insert(flat.clone(), None);
        let warning = Diagnostic::warning(name.span, format!("the node `{}` is not declared", name.text));
        self.diagnostics.push(warning.expected("it is taken as a node of the port's discipline"));
        let name = Name { text: flat, span: name.span };
        self.out.nets.push(Net { name, range: None, discipline, direction: None, ground: false, attributes: Vec::new() });
    }

    /// The base of a paramset with what the paramset sets. Its variables are constants; described ones can be looked at.
    pub fn paramset(&mut self, set: &'a Paramset, scope: usize, place: &Place) -> Option<(Statements, Bindings)> {
        let Some(base) = self.base(set) else {
            let error = Diagnostic::error(set.base.span, format!("there is no module `{}`", set.base.text));
            let known = self.file.modules.iter().map(|m| m.name.text.as_str());
            self.diagnostics.push(error.suggest(&set.base.text, known));
            return None;
        };
        let mut own = Vec::new();
        for (_, statement) in &set.module.analog {
            self.computed(set, statement, scope, place, &mut own);
        }
        let given: Vec<(Option<Name>, Option<Expr>)> =
            set.settings.iter().map(|(name, value)| (Some(name.clone()), Some(self.renamed(scope, value)))).collect();
        let (values, system) = self.values(base, &given).ok()?;
        let prefix = format!("{}{}.", place.parameters, set.base.text);
        let multiplicity = match system.get("$mfactor") {
            Some(own) => self.multiplicity(Some(own), &prefix, scope),
            None => place.multiplicity.clone(),
        };
        let inner = Place {
            prefix: place.prefix.clone(),
            parameters: prefix,
            values: Some(values),
            open: place.open.clone(),
            multiplicity,
        };
        let (mut statements, ports) = self.unit(base, &inner)?;
        statements.extend(own);
        Some((statements, ports))
    }

    /// `variable = value;` of a paramset.
    fn computed(&mut self, set: &Paramset, statement: &Statement, scope: usize, place: &Place, own: &mut Statements) {
        let StatementKind::Assign(Expr { kind: ExprKind::Name(name), span }, value) = &statement.kind else { return };
        let Some(variable) = set.module.variables.iter().find(|v| v.name.text == *name) else {
            let error = Diagnostic::error(*span, format!("`{name}` is not a variable of the paramset"));
            self.diagnostics.push(error.suggest(name, set.module.variables.iter().map(|v| v.name.text.as_str())));
            return;
        };
        let flat = format!("{}{}.{name}", place.parameters, set.name.text);
        let default = self.renamed(scope, value);
        self.keep(Parameter {
            kind: Some(variable.kind),
            name: Name { text: flat.clone(), span: *span },
            bounds: None,
            default,
            ranges: Vec::new(),
            attributes: Vec::new(),
            local: true,
            span: statement.span,
        });
        if !variable.attributes.is_empty() {
            let mut output = variable.clone();
            output.name.text = format!("{}{name}", place.prefix);
            let target = Expr { kind: ExprKind::Name(output.name.text.clone()), span: *span };
            self.out.variables.push(output);
            let value = Expr { kind: ExprKind::Name(flat.clone()), span: value.span };
            let kind = StatementKind::Assign(target, value);
            own.push((false, Statement { kind, span: statement.span, order: statement.order }));
        }
        self.scopes[scope].names.insert(name.clone(), crate::veriloga::rename::Meaning::Name(flat));
    }
}
