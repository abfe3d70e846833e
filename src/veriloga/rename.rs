//! Names of instances and generate blocks to flat names: `x` of the instance `r1` is `r1.x`.
//!
//! A [`Scope`] knows what its names stand for; those of a block or function shadow those around it. Statements and
//! expressions are renamed in place, without recursion along chains of operators.

use std::collections::{BTreeSet, HashMap};

use crate::veriloga::ast::{Attribute, Binary, Block, Expr, ExprKind, Function, Name, Statement, StatementKind, Variable};
use crate::veriloga::flatten::Flattener;
use crate::veriloga::module::quoted;
use crate::veriloga::parse::Abort;
use crate::veriloga::structure::OPEN_INDEX;
use crate::veriloga::walk::parts_mut;

/// Sources of noise with a name.
const NOISE: [&str; 4] = ["white_noise", "flicker_noise", "noise_table", "noise_table_log"];

/// Attributes whose text is an expression.
const EXPRESSIONS: [&str; 6] = ["start", "hold", "maxstep", "lower", "upper", "abstol"];

/// What a name stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Meaning {
    /// A flat name.
    Name(String),
    /// The flat name of an analog function.
    Function(String),
    /// The value of a genvar.
    Constant(i32),
}

/// The names of a module, of a generate block, or of a block of statements.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What flat names begin with: `r1.`.
    pub prefix: String,
    /// The names that are declared here.
    pub names: HashMap<String, Meaning>,
    /// The scope around it.
    pub parent: Option<usize>,
    /// Of an instance: the parameters that its text gives.
    pub given: Option<BTreeSet<String>>,
    /// Of an instance: the ports that are open.
    pub open: BTreeSet<String>,
    /// Parameter that holds the multiplicity of an instance.
    pub multiplicity: Option<String>,
}

impl Flattener<'_> {
    /// What a name stands for in a scope.
    pub fn meaning(&self, scope: usize, name: &str) -> Option<&Meaning> {
        let mut at = Some(scope);
        while let Some(k) = at {
            if let Some(found) = self.scopes[k].names.get(name) {
                return Some(found);
            }
            at = self.scopes[k].parent;
        }
        None
    }

    /// The innermost scope around `scope` (itself included) that fits.
    pub fn around(&self, scope: usize, fits: impl Fn(&Scope) -> bool) -> Option<&Scope> {
        let mut at = Some(scope);
        while let Some(k) = at {
            if fits(&self.scopes[k]) {
                return Some(&self.scopes[k]);
            }
            at = self.scopes[k].parent;
        }
        None
    }

    /// The flat name that `name` stands for; a name with points begins with an instance or a block.
    pub fn flat(&self, scope: usize, name: &str) -> String {
        if let Some(Meaning::Name(flat) | Meaning::Function(flat)) = self.meaning(scope, name) {
            return flat.clone();
        }
        let first = name.find(['.', '[']).map_or("", |end| &name[..end]);
        match self.meaning(scope, first) {
            Some(Meaning::Name(flat)) => format!("{flat}{}", &name[first.len()..]),
            _ => name.to_string(),
        }
    }

    /// Renames a name.
    pub fn rename(&self, scope: usize, name: &mut Name) {
        name.text = self.flat(scope, &name.text);
    }

    /// Renames what is in an expression.
    pub fn rename_expression(&self, scope: usize, expr: &mut Expr) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Some(kind) = self.replaced(scope, expr) {
                expr.kind = kind;
                continue;
            }
            match &mut expr.kind {
                ExprKind::Name(name) => *name = self.flat(scope, name),
                ExprKind::Port(name) => self.rename(scope, name),
                ExprKind::Index(name, index) => {
                    self.rename(scope, name);
                    open.push(index);
                }
                ExprKind::Call(name, arguments) => {
                    if let Some(Meaning::Function(flat)) = self.meaning(scope, &name.text) {
                        name.text = flat.clone();
                    }
                    let done = NOISE.contains(&name.text.as_str()) && self.noise(scope, arguments);
                    open.extend(arguments.iter_mut().skip(usize::from(done)));
                }
                ExprKind::List(items) => open.extend(items),
                ExprKind::Unary(_, a) => open.push(a),
                ExprKind::Replicate(count, items) => {
                    open.push(count);
                    open.extend(items);
                }
                ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => open.extend([&mut **a, &mut **b]),
                ExprKind::Conditional(a, b, c) => open.extend([&mut **a, &mut **b, &mut **c]),
                ExprKind::Real(_) | ExprKind::Int(_) | ExprKind::Text(_) | ExprKind::Missing => {}
            }
        }
    }

    /// What stands for an expression that the structure decides: genvars, `$param_given`, `$port_connected`,
    /// `$mfactor`, `$size` of an array of parameters or a vector of nodes (as in SystemVerilog).
    fn replaced(&self, scope: usize, expr: &Expr) -> Option<ExprKind> {
        match &expr.kind {
            ExprKind::Name(name) => match self.meaning(scope, name) {
                Some(Meaning::Constant(value)) => Some(ExprKind::Int(*value)),
                _ => None,
            },
            ExprKind::Index(name, index) if name.text.contains(OPEN_INDEX) => {
                let at = self.literal(scope, index)?;
                Some(ExprKind::Name(self.flat(scope, &name.text).replace(OPEN_INDEX, &format!("[{at}]"))))
            }
            ExprKind::Call(call, arguments) => {
                let asked = match arguments.first().map(|a| &a.kind) {
                    Some(ExprKind::Name(name)) => name.as_str(),
                    _ => "",
                };
                match call.text.as_str() {
                    "$param_given" => {
                        let given = self.around(scope, |s| s.given.is_some())?.given.as_ref()?;
                        let known = matches!(self.meaning(scope, asked), Some(Meaning::Name(_)));
                        known.then(|| ExprKind::Int(i32::from(given.contains(asked))))
                    }
                    "$port_connected" => {
                        let instance = self.around(scope, |s| s.given.is_some())?;
                        Some(ExprKind::Int(i32::from(!instance.open.contains(asked))))
                    }
                    "$size" => {
                        let flat = self.flat(scope, asked);
                        let array = self.out.flat.arrays.iter().find(|a| a.name.text == flat)?;
                        Some(ExprKind::Int(array.indices().len() as i32))
                    }
                    "$mfactor" => {
                        let own = self.around(scope, |s| s.multiplicity.is_some())?.multiplicity.clone()?;
                        let outer = Expr { kind: ExprKind::Call(call.clone(), Vec::new()), span: expr.span };
                        let own = Expr { kind: ExprKind::Name(own), span: expr.span };
                        Some(ExprKind::Binary(Binary::Mul, Box::new(outer), Box::new(own)))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Noise of an instance: its name begins with that of the instance; m devices in parallel have m times the power, while what
    /// is contributed is m times the amplitude. True if the first argument is flat now.
    fn noise(&self, scope: usize, arguments: &mut [Expr]) -> bool {
        let prefix = self.around(scope, |s| s.given.is_some()).map_or("", |s| s.prefix.as_str());
        for argument in arguments.iter_mut().skip(1) {
            if let ExprKind::Text(name) = &mut argument.kind {
                *name = format!("{prefix}{name}");
            }
        }
        let own = self.around(scope, |s| s.multiplicity.is_some()).and_then(|s| s.multiplicity.clone());
        let (Some(own), Some(power)) = (own, arguments.first_mut()) else { return false };
        if matches!(power.kind, ExprKind::Text(_) | ExprKind::List(_)) {
            return false;
        }
        self.rename_expression(scope, power);
        let inner = std::mem::replace(&mut power.kind, ExprKind::Missing);
        let inner = Expr { kind: inner, span: power.span };
        let own = Expr { kind: ExprKind::Name(own), span: power.span };
        power.kind = ExprKind::Binary(Binary::Div, Box::new(inner), Box::new(own));
        true
    }

    /// A whole number of genvars and numbers, as it stands before a point.
    fn literal(&self, scope: usize, expr: &Expr) -> Option<i64> {
        match &expr.kind {
            ExprKind::Int(value) => Some(i64::from(*value)),
            ExprKind::Name(name) => match self.meaning(scope, name) {
                Some(Meaning::Constant(value)) => Some(i64::from(*value)),
                _ => None,
            },
            ExprKind::Binary(operator, a, b) => {
                let (a, b) = (self.literal(scope, a)?, self.literal(scope, b)?);
                match operator {
                    Binary::Add => a.checked_add(b),
                    Binary::Sub => a.checked_sub(b),
                    Binary::Mul => a.checked_mul(b),
                    Binary::Div => a.checked_div(b),
                    Binary::Rem => a.checked_rem(b),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A renamed copy.
    pub fn renamed(&self, scope: usize, expr: &Expr) -> Expr {
        let mut copy = expr.clone();
        self.rename_expression(scope, &mut copy);
        copy
    }

    /// A renamed copy of attributes; texts that hold expressions become expressions, since their names are those of the scope.
    pub fn renamed_attributes(&mut self, scope: usize, attributes: &[Attribute]) -> Vec<Attribute> {
        let mut copy = attributes.to_vec();
        for attribute in &mut copy {
            let is_expression = EXPRESSIONS.contains(&attribute.name.text.as_str());
            let Some(value) = attribute.value.as_mut().filter(|_| is_expression) else { continue };
            if matches!(value.kind, ExprKind::Text(_)) {
                match quoted(self.sources, value.span, &mut self.diagnostics) {
                    Ok(expr) => *value = expr,
                    Err(Abort) => continue,
                }
            }
            self.rename_expression(scope, value);
        }
        copy
    }

    /// A renamed copy of variables, with numbers as bounds.
    pub fn renamed_variables(&mut self, scope: usize, variables: &[Variable]) -> Vec<Variable> {
        let mut copies = Vec::new();
        for variable in variables {
            let mut copy = variable.clone();
            self.rename(scope, &mut copy.name);
            copy.attributes = self.renamed_attributes(scope, &variable.attributes);
            copy.initial = variable.initial.as_ref().map(|value| self.renamed(scope, value));
            if let Some((first, last)) = &variable.bounds {
                let Ok((first_index, last_index)) = self.bounds(scope, first, last) else { continue };
                let number = |value: i32, at: &Expr| Expr { kind: ExprKind::Int(value), span: at.span };
                copy.bounds = Some((number(first_index, first), number(last_index, last)));
            }
            copies.push(copy);
        }
        copies
    }

    /// Opens a scope for the names of a block or function.
    fn shadow<'n>(&mut self, scope: usize, names: impl Iterator<Item = &'n Name>) -> usize {
        let prefix = self.scopes[scope].prefix.clone();
        let names = names.map(|n| (n.text.clone(), Meaning::Name(format!("{prefix}{}", n.text)))).collect();
        self.scopes.push(Scope { prefix, names, parent: Some(scope), ..Scope::default() });
        self.scopes.len() - 1
    }

    /// Renames what is in a statement.
    pub fn rename_statement(&mut self, scope: usize, statement: &mut Statement) {
        if let StatementKind::Block(block) = &mut statement.kind {
            return self.rename_block(scope, block);
        }
        let (expressions, statements) = parts_mut(statement);
        for expr in expressions {
            self.rename_expression(scope, expr);
        }
        for inner in statements {
            self.rename_statement(scope, inner);
        }
        if let StatementKind::Call(call) = &mut statement.kind {
            self.name_place(scope, call);
        }
    }

    /// `%m` in a message of an instance goes on with the name of the instance.
    fn name_place(&self, scope: usize, call: &mut Expr) {
        let prefix = self.around(scope, |s| s.given.is_some()).map_or("", |s| s.prefix.trim_end_matches('.'));
        if let (ExprKind::Call(_, arguments), false) = (&mut call.kind, prefix.is_empty()) {
            for argument in arguments {
                if let ExprKind::Text(text) = &mut argument.kind {
                    *text = text.replace("%m", &format!("%m.{prefix}")).replace("%M", &format!("%M.{prefix}"));
                }
            }
        }
    }

    fn rename_block(&mut self, scope: usize, block: &mut Block) {
        let names = block.variables.iter().map(|v| &v.name).chain(block.parameters.iter().map(|p| &p.name));
        let inner = self.shadow(scope, names);
        block.variables = self.renamed_variables(inner, &block.variables);
        for parameter in &mut block.parameters {
            self.rename(inner, &mut parameter.name);
            self.rename_expression(inner, &mut parameter.default);
        }
        for statement in &mut block.statements {
            self.rename_statement(inner, statement);
        }
        self.scopes.truncate(inner);
    }

    /// A renamed copy of a function.
    pub fn renamed_function(&mut self, scope: usize, function: &Function) -> Function {
        let mut copy = function.clone();
        self.rename(scope, &mut copy.name);
        let own = function.variables.iter().map(|v| &v.name).chain(function.parameters.iter().map(|p| &p.name));
        let inner = self.shadow(scope, own.chain(function.arguments.iter().map(|(name, _)| name)));
        let itself = Meaning::Function(copy.name.text.clone());
        self.scopes[inner].names.insert(function.name.text.clone(), itself);
        copy.variables = self.renamed_variables(inner, &function.variables);
        for (name, _) in &mut copy.arguments {
            self.rename(inner, name);
        }
        for parameter in &mut copy.parameters {
            self.rename(inner, &mut parameter.name);
            self.rename_expression(inner, &mut parameter.default);
        }
        for statement in &mut copy.body {
            self.rename_statement(inner, statement);
        }
        self.scopes.truncate(inner);
        copy
    }
}
