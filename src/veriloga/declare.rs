//! The grammar of files, modules and declarations (LRM 2.4, clauses 3 and 6), one function per production.

use crate::diag::Diagnostic;
use crate::span::{FileId, Span};
use crate::veriloga::ast::{
    Attribute, Branch, Direction, Discipline, Expr, ExprKind, File, Function, Kind, Module, Name, Nature, Net, Parameter, Range,
    Variable,
};
use crate::veriloga::lex::TokenKind;
use crate::veriloga::parse::{Abort, Parsed, Parser};

/// Items of a module that belong to the digital language or come later.
const UNSUPPORTED: [(&str, &str); 26] = [
    ("always", "the digital language is not read"),
    ("initial", "the digital language is not read"),
    ("assign", "the digital language is not read"),
    ("wire", "the digital language is not read"),
    ("reg", "the digital language is not read"),
    ("wreal", "the digital language is not read"),
    ("time", "the digital language is not read"),
    ("tri", "the digital language is not read"),
    ("supply0", "declare a node as `ground`"),
    ("supply1", "the digital language is not read"),
    ("logic", "the digital language is not read"),
    ("bit", "the digital language is not read"),
    ("config", "the digital language is not read"),
    ("library", "the digital language is not read"),
    ("program", "the digital language is not read"),
    ("interface", "the digital language is not read"),
    ("event", "the digital language is not read"),
    ("task", "the digital language is not read"),
    ("function", "write `analog function`"),
    ("defparam", "write `#(.parameter(value))` at the instance"),
    ("specify", "the digital language is not read"),
    ("specparam", "the digital language is not read"),
    ("connectmodule", "the digital language is not read"),
    ("connectrules", "the digital language is not read"),
    ("primitive", "the digital language is not read"),
    ("nettype", "the digital language is not read"),
];

/// Words that begin an item of a module, for suggestions.
const ITEMS: [&str; 17] = [
    "parameter",
    "localparam",
    "aliasparam",
    "real",
    "integer",
    "string",
    "genvar",
    "analog",
    "branch",
    "inout",
    "input",
    "output",
    "ground",
    "endmodule",
    "electrical",
    "thermal",
    "function",
];

impl Parser<'_> {
    /// `file ::= { nature | discipline | module }`.
    pub fn file(&mut self, file: FileId) -> File {
        let mut out = File::default();
        while !self.over() {
            let start = self.place();
            if self.directive() {
                continue;
            }
            let done = match self.attributes() {
                Ok(attributes) if self.next_is("module") || self.next_is("macromodule") => {
                    self.module(file).map(|module| out.modules.push(Module { attributes, ..module }))
                }
                Ok(attributes) if self.next_is("paramset") => self.paramset(file).map(|mut paramset| {
                    paramset.module.attributes = attributes;
                    out.paramsets.push(paramset);
                }),
                Ok(_) if self.next_is("nature") => self.nature().map(|nature| out.natures.push(nature)),
                Ok(_) if self.next_is("discipline") => self.discipline().map(|d| out.disciplines.push(d)),
                Ok(_) if self.over() => break,
                Ok(_) => {
                    let word = self.peek().text.to_string();
                    match UNSUPPORTED.iter().find(|(w, _)| *w == word) {
                        Some((_, what)) => self.fail(format!("`{word}` is not supported"), *what),
                        None => {
                            let error = Diagnostic::error(self.peek().span, format!("unexpected {}", self.peek().shown()));
                            let words = ["module", "nature", "discipline", "paramset", "endmodule"];
                            self.report(error.expected("expected `module`").suggest(&word, words));
                            Err(Abort)
                        }
                    }
                }
                Err(Abort) => Err(Abort),
            };
            if done.is_err() {
                self.recover(start);
                self.skip_to_top();
            }
        }
        out
    }

    /// Takes what a directive says for everything behind it.
    pub fn directive(&mut self) -> bool {
        if self.peek().kind != TokenKind::Directive {
            return false;
        }
        let directive = self.peek().clone();
        self.advance();
        let alone = self.peek().first || self.peek().kind == TokenKind::End;
        match &*directive.text {
            "default_discipline" | "default_nodetype" => {
                self.default_discipline = if alone { None } else { self.name("a discipline").ok() };
                // A kind of signal may follow, which tells digital ones apart.
                while !self.peek().first && self.peek().kind == TokenKind::Name {
                    self.advance();
                }
            }
            "default_transition" => self.default_transition = if alone { None } else { self.expression().ok() },
            _ => (self.default_discipline, self.default_transition) = (None, None),
        }
        true
    }

    /// Nodes whose discipline nobody says have that of `` `default_discipline ``.
    fn complete_nets(&self, module: &mut Module) {
        let Some(default) = &self.default_discipline else { return };
        let said = |name: &Name| module.nets.iter().any(|n| n.name.text == name.text && n.discipline.is_some());
        let mut open: Vec<Name> = module.ports.iter().chain(module.nets.iter().map(|n| &n.name)).cloned().collect();
        open.retain(|name| !said(name));
        for name in open {
            let (range, direction, attributes) = (None, None, Vec::new());
            module.nets.push(Net { name, range, discipline: Some(default.clone()), direction, ground: false, attributes });
        }
    }

    /// After a mistake outside of modules: on to the next thing that may stand there.
    fn skip_to_top(&mut self) {
        while !self.over() && !["module", "macromodule", "paramset", "nature", "discipline", "(*"].iter().any(|w| self.next_is(w)) {
            self.advance();
        }
    }

    /// `{ (* name [= value] {, name [= value]} *) }`.
    pub fn attributes(&mut self) -> Parsed<Vec<Attribute>> {
        let mut attributes = Vec::new();
        while self.accept("(*") {
            loop {
                let name = Name { text: self.peek().text.to_string(), span: self.peek().span };
                if self.peek().kind != TokenKind::Name {
                    return self.fail(format!("unexpected {}", self.peek().shown()), "expected the name of an attribute");
                }
                self.advance();
                let value = if self.accept("=") { Some(self.expression()?) } else { None };
                attributes.push(Attribute { name, value });
                // Semicolons and nothing at all between attributes are common slips.
                if !self.accept(",") && !self.accept(";") && self.peek().kind != TokenKind::Name {
                    break;
                }
            }
            self.expect("*)")?;
        }
        Ok(attributes)
    }

    fn nature(&mut self) -> Parsed<Nature> {
        self.advance();
        let name = self.name("the name of the nature")?;
        let parent = if self.accept(":") { Some(self.name("the name of a nature")?) } else { None };
        let of = if self.accept(".") { Some(self.name("`potential` or `flow`")?) } else { None };
        self.accept(";");
        let mut items = Vec::new();
        while !self.over() && !self.accept("endnature") {
            let start = self.place();
            if self.nature_item(&mut items).is_err() {
                self.recover(start);
                if self.next_is("module") || self.next_is("discipline") {
                    break;
                }
            }
        }
        self.idle_semicolon();
        Ok(Nature { name, parent, of, items })
    }

    fn nature_item(&mut self, items: &mut Vec<(Name, Expr)>) -> Parsed<()> {
        let name = self.name("`units`, `access`, `abstol` or `endnature`")?;
        self.expect("=")?;
        items.push((name, self.expression()?));
        self.expect(";")?;
        Ok(())
    }

    fn discipline(&mut self) -> Parsed<Discipline> {
        self.advance();
        let name = self.name("the name of the discipline")?;
        self.accept(";");
        let mut discipline = Discipline { name, potential: None, flow: None, domain: None, overrides: Vec::new() };
        while !self.over() && !self.accept("enddiscipline") {
            let start = self.place();
            if self.discipline_item(&mut discipline).is_err() {
                self.recover(start);
                if self.next_is("module") || self.next_is("nature") {
                    break;
                }
            }
        }
        self.idle_semicolon();
        Ok(discipline)
    }

    fn discipline_item(&mut self, discipline: &mut Discipline) -> Parsed<()> {
        let word = self.name("`potential`, `flow`, `domain` or `enddiscipline`")?;
        match word.text.as_str() {
            "potential" | "flow" if self.accept(".") => {
                let item = self.name("`abstol`, `units` ...")?;
                self.expect("=")?;
                let value = self.expression()?;
                discipline.overrides.push((word, item, value));
            }
            "potential" => discipline.potential = Some(self.name("the name of a nature")?),
            "flow" => discipline.flow = Some(self.name("the name of a nature")?),
            "domain" => {
                let domain = self.name("`continuous` or `discrete`")?;
                if !["continuous", "discrete"].contains(&domain.text.as_str()) {
                    let error = Diagnostic::error(domain.span, format!("there is no domain `{}`", domain.text));
                    self.report(error.suggest(&domain.text, ["continuous", "discrete"]));
                }
                discipline.domain = Some(domain);
            }
            other => {
                let error = Diagnostic::error(word.span, format!("unexpected `{other}`"));
                let words = ["potential", "flow", "domain", "enddiscipline"];
                self.report(error.expected("expected `potential`, `flow` or `domain`").suggest(other, words));
                return Err(Abort);
            }
        }
        self.expect(";")?;
        Ok(())
    }

    fn module(&mut self, file: FileId) -> Parsed<Module> {
        let open = self.advance();
        let name = self.name("the name of the module")?;
        let mut module = Module { name, file, ..Module::default() };
        if self.accept("#") {
            self.expect("(")?;
            while !self.over() && !self.next_is(")") {
                let attributes = self.attributes()?;
                self.accept("parameter");
                self.parameter_list(attributes, false, &mut module.parameters)?;
                self.accept(",");
            }
            self.expect(")")?;
        }
        if self.accept("(") && self.ports(&mut module).is_err() {
            let start = self.place();
            self.recover(start);
        } else {
            self.expect(";")?;
        }
        while !self.over() && !self.next_is("endmodule") && !self.next_is("module") {
            let start = self.place();
            if self.item(&mut module).is_err() {
                self.recover(start);
            }
        }
        let given_up = self.over() && self.peek().kind != TokenKind::End;
        if !self.accept("endmodule") && !given_up {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`endmodule` is missing before {}", next.shown()));
            self.report(error.label(open, "this module is not closed"));
        }
        self.idle_semicolon();
        self.complete_nets(&mut module);
        module.default_transition.clone_from(&self.default_transition);
        Ok(module)
    }

    /// `ports ::= name {, name} | direction [discipline] name {, ...}`, and the closing parenthesis.
    fn ports(&mut self, module: &mut Module) -> Parsed<()> {
        let (mut direction, mut discipline, mut range) = (None, None, None);
        let mut attributes = Vec::new();
        while !self.next_is(")") {
            let new = self.attributes()?;
            if ["inout", "input", "output"].iter().any(|w| self.next_is(w)) {
                let span = self.peek().span;
                direction = Some(Name { text: self.peek().text.to_string(), span });
                self.advance();
                range = self.node_range()?;
                let two = self.ahead(1).kind == TokenKind::Name || self.discipline_before_range();
                discipline = if two { Some(self.name("a discipline")?) } else { None };
                range = self.node_range()?.or(range);
                attributes = new;
            }
            let name = self.name("the name of a port")?;
            module.ports.push(name.clone());
            let own = self.node_range()?;
            if direction.is_some() {
                let net = Net {
                    name,
                    range: own.or(range.clone()),
                    discipline: discipline.clone(),
                    direction: direction.clone(),
                    ground: false,
                    attributes: attributes.clone(),
                };
                module.nets.push(net);
            }
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(())
    }

    /// One item of a module.
    pub fn item(&mut self, module: &mut Module) -> Parsed<()> {
        if self.directive() {
            return Ok(());
        }
        let attributes = self.attributes()?;
        let token = self.peek().clone();
        let word = if token.kind == TokenKind::Name { token.text.to_string() } else { String::new() };
        match word.as_str() {
            "parameter" | "localparam" => self.parameter(attributes, &mut module.parameters),
            "aliasparam" => self.alias(module),
            "inout" | "input" | "output" => self.direction(attributes, module),
            "ground" => {
                self.advance();
                let range = self.node_range()?;
                self.nets((None, None, true), range, &attributes, module)
            }
            "branch" => self.branch(attributes, module),
            "real" | "integer" | "string" | "genvar" => self.variable(attributes, &mut module.variables),
            "analog" => self.analog(module),
            "generate" | "for" | "if" | "case" | "begin" => self.generate(module),
            _ if token.is(";") => {
                self.advance();
                Ok(())
            }
            _ => {
                if let Some((_, what)) = UNSUPPORTED.iter().find(|(w, _)| *w == word) {
                    return self.unsupported(&word, what);
                }
                if word.is_empty() || self.at_keyword() {
                    return self.fail(format!("unexpected {}", token.shown()), "expected a declaration or `analog`");
                }
                self.discipline_or_instance(attributes, module)
            }
        }
    }

    /// Names the construct once and leaves it as a whole.
    fn unsupported(&mut self, word: &str, what: &str) -> Parsed<()> {
        let result = self.fail(format!("`{word}` is not supported"), what);
        while !self.over() && !["analog", "endmodule", "module", "endgenerate", "endfunction"].iter().any(|w| self.next_is(w)) {
            if self.peek().is(";") && !self.ahead(1).is_word("end") {
                break;
            }
            self.advance();
        }
        result
    }

    /// `discipline [range] name {, name};`, or instances of another module.
    fn discipline_or_instance(&mut self, attributes: Vec<Attribute>, module: &mut Module) -> Parsed<()> {
        let first = self.name("a discipline")?;
        if self.at_instance() {
            return self.instances(first, module);
        }
        let range = self.node_range()?;
        if self.peek().kind != TokenKind::Name || self.at_keyword() {
            let error = Diagnostic::error(first.span, format!("unexpected `{}`", first.text));
            self.report(error.expected("expected a declaration or `analog`").suggest(&first.text, ITEMS));
            return Err(Abort);
        }
        self.nets((Some(first), None, false), range, &attributes, module)
    }

    /// `direction [discipline] [range] name {, name};`
    fn direction(&mut self, attributes: Vec<Attribute>, module: &mut Module) -> Parsed<()> {
        let direction = Name { text: self.peek().text.to_string(), span: self.peek().span };
        self.advance();
        let range = self.node_range()?;
        let two = self.ahead(1).kind == TokenKind::Name || self.discipline_before_range();
        let discipline = if two { Some(self.name("a discipline")?) } else { None };
        let range = self.node_range()?.or(range);
        self.nets((discipline, Some(direction), false), range, &attributes, module)
    }

    /// Nodes of a declaration; `kind` is their discipline, their direction and whether they are ground.
    fn nets(
        &mut self,
        kind: (Option<Name>, Option<Name>, bool),
        range: Option<(Expr, Expr)>,
        attributes: &[Attribute],
        module: &mut Module,
    ) -> Parsed<()> {
        loop {
            let name = self.name("the name of a node")?;
            let range = self.node_range()?.or(range.clone());
            let (discipline, direction, ground) = kind.clone();
            let mut attributes = attributes.to_vec();
            if self.peek().is("=") {
                // A guess for the potential (LRM 3.6.3.2).
                let start = Name { text: "start".to_string(), span: self.advance() };
                attributes.push(Attribute { name: start, value: Some(self.expression()?) });
            }
            module.nets.push(Net { name, range, discipline, direction, ground, attributes });
            if !self.accept(",") {
                break;
            }
        }
        self.expect(";")?;
        Ok(())
    }

    /// `branch ( node [, node] ) name [range] {, name};`
    fn branch(&mut self, attributes: Vec<Attribute>, module: &mut Module) -> Parsed<()> {
        self.advance();
        self.expect("(")?;
        let port = self.accept("<");
        let plus = self.node_reference()?;
        if port {
            self.expect(">")?;
        }
        let minus = if !port && self.accept(",") { Some(self.node_reference()?) } else { None };
        self.expect(")")?;
        let range = self.node_range()?;
        loop {
            let name = self.name("the name of the branch")?;
            let range = self.node_range()?.or(range.clone());
            let (plus, minus) = (plus.clone(), minus.clone());
            module.branches.push(Branch { name, range, port, plus, minus, attributes: attributes.clone() });
            if !self.accept(",") {
                break;
            }
        }
        self.expect(";")?;
        Ok(())
    }

    fn kind(&mut self) -> Option<Kind> {
        let kind = match &*self.peek().text {
            "real" | "realtime" => Kind::Real,
            "integer" => Kind::Int,
            "string" => Kind::Text,
            _ => return None,
        };
        (self.peek().kind == TokenKind::Name).then(|| {
            self.advance();
            kind
        })
    }

    /// `real name [ [first:last] ] [= value] {, ...};`
    pub fn variable(&mut self, attributes: Vec<Attribute>, out: &mut Vec<Variable>) -> Parsed<()> {
        let genvar = self.accept("genvar");
        let kind = if genvar { Kind::Int } else { self.kind().unwrap_or(Kind::Real) };
        loop {
            let name = self.name("the name of a variable")?;
            let bounds = self.node_range()?;
            let initial = if self.accept("=") { Some(self.expression()?) } else { None };
            out.push(Variable { kind, name, bounds, initial, attributes: attributes.clone(), genvar });
            if !self.accept(",") {
                break;
            }
        }
        self.expect(";")?;
        Ok(())
    }

    /// `parameter [type] name = default { range } {, ...};`
    pub fn parameter(&mut self, attributes: Vec<Attribute>, out: &mut Vec<Parameter>) -> Parsed<()> {
        let local = self.next_is("localparam");
        self.advance();
        self.parameter_list(attributes, local, out)?;
        self.expect(";")?;
        Ok(())
    }

    fn parameter_list(&mut self, attributes: Vec<Attribute>, local: bool, out: &mut Vec<Parameter>) -> Parsed<()> {
        let kind = self.kind();
        loop {
            let name = self.name("the name of a parameter")?;
            let bounds = self.node_range()?;
            self.expect("=")?;
            let default = self.expression()?;
            let mut ranges = Vec::new();
            while self.next_is("from") || self.next_is("exclude") {
                self.range(&mut ranges)?;
            }
            let span = name.span.to(self.last());
            // Old models carry their attributes behind the declaration.
            let mut attributes = attributes.clone();
            attributes.extend(self.attributes()?);
            out.push(Parameter { kind, name, bounds, default, ranges, attributes, local, span });
            if !(self.peek().is(",") && !self.ahead(1).is_word("parameter") && !self.ahead(1).is("(*")) {
                return Ok(());
            }
            self.advance();
        }
    }

    /// `from [low:high)`, `from {a, b}`, `exclude value`, `exclude (low:high)`.
    fn range(&mut self, out: &mut Vec<Range>) -> Parsed<()> {
        let exclude = self.next_is("exclude");
        let start = self.advance();
        if self.accept("'{") || self.accept("{") {
            for value in self.comma_separated("}", |parser| parser.expression())? {
                out.push(Range::one(exclude, value));
            }
            self.expect("}")?;
            return Ok(());
        }
        let bracket = self.peek().is("[") || self.peek().is("(");
        if !bracket {
            let value = self.expression()?;
            if !exclude {
                self.report(
                    Diagnostic::error(value.span, "`from` wants a range").expected("expected `[low:high]`, `(low:high)` ..."),
                );
            }
            out.push(Range::one(exclude, value));
            return Ok(());
        }
        let low_closed = self.peek().is("[");
        self.advance();
        let low = self.bound()?;
        if exclude && !low_closed && self.peek().is(")") {
            // `exclude (value)`: just parentheses.
            self.advance();
            out.extend(low.map(|value| Range::one(true, value)));
            return Ok(());
        }
        if self.peek().is(",") {
            let warning = Diagnostic::warning(self.peek().span, "a comma in a range").expected("the language wants `:` here");
            self.diagnostics.push(warning);
            self.advance();
        } else {
            self.expect(":")?;
        }
        let high = self.bound()?;
        let high_closed = self.peek().is("]");
        if !high_closed && !self.peek().is(")") {
            return self.fail(format!("unexpected {}", self.peek().shown()), "expected `]` or `)`");
        }
        let end = self.advance();
        out.push(Range { exclude, low, high, low_closed, high_closed, span: start.to(end) });
        Ok(())
    }

    /// A bound of a range; `None` for infinity.
    fn bound(&mut self) -> Parsed<Option<Expr>> {
        let sign = usize::from(self.peek().is("-") || self.peek().is("+"));
        if self.ahead(sign).is_word("inf") {
            self.advance();
            if sign > 0 {
                self.advance();
            }
            return Ok(None);
        }
        self.expression().map(Some)
    }

    /// `aliasparam alias = name;`
    pub fn alias(&mut self, module: &mut Module) -> Parsed<()> {
        self.advance();
        let alias = self.name("the new name")?;
        self.expect("=")?;
        if self.peek().kind == TokenKind::System {
            let message = format!("an alias of {}", self.peek().shown());
            return self.fail(message, "the multiplicity is `m` in every instance; the others are not used");
        }
        let name = self.name("the name of a parameter")?;
        self.expect(";")?;
        module.aliases.push((alias, name));
        Ok(())
    }

    fn analog(&mut self, module: &mut Module) -> Parsed<()> {
        self.advance();
        if self.next_is("function") {
            let function = self.function()?;
            module.functions.push(function);
            return Ok(());
        }
        let initial = self.accept("initial");
        let statement = self.statement()?;
        module.analog.push((initial, statement));
        Ok(())
    }

    fn function(&mut self) -> Parsed<Function> {
        let open = self.advance();
        let kind = self.kind().unwrap_or(Kind::Real);
        let name = self.name("the name of the function")?;
        let (arguments, variables, parameters) = Default::default();
        let mut function = Function { kind, name, arguments, variables, parameters, body: Vec::new() };
        if self.accept("(") {
            self.arguments_in_the_head(&mut function)?;
        }
        self.expect(";")?;
        loop {
            let start = self.place();
            let done = self.attributes().and_then(|attributes| match &*self.peek().text {
                "input" => self.function_arguments(Direction::In, &mut function.arguments),
                "output" => self.function_arguments(Direction::Out, &mut function.arguments),
                "inout" => self.function_arguments(Direction::InOut, &mut function.arguments),
                "real" | "integer" | "string" => self.variable(attributes, &mut function.variables),
                "parameter" | "localparam" => self.parameter(attributes, &mut function.parameters),
                _ => Err(Abort),
            });
            if done.is_err() {
                if self.place() == start {
                    break;
                }
                self.recover(start);
            }
        }
        function.body = self.statements(&["endfunction", "endmodule", "analog"]);
        if !self.accept("endfunction") {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`endfunction` is missing before {}", next.shown()));
            self.report(error.label(open, "this function is not closed"));
        }
        if self.accept(":") {
            self.name("the name of the function")?;
        }
        self.idle_semicolon();
        Ok(function)
    }

    /// `( input real x, output y )` behind the name of a function: an extension.
    fn arguments_in_the_head(&mut self, function: &mut Function) -> Parsed<()> {
        let warning = Diagnostic::warning(self.last(), "arguments in the head of an analog function");
        self.warn_once("head", warning.expected("the language wants them behind the semicolon"));
        let mut direction = Direction::In;
        let mut kind = Kind::Real;
        while !self.over() && !self.next_is(")") {
            for (word, found) in [("input", Direction::In), ("output", Direction::Out), ("inout", Direction::InOut)] {
                if self.accept(word) {
                    (direction, kind) = (found, Kind::Real);
                }
            }
            kind = self.kind().unwrap_or(kind);
            let name = self.name("the name of an argument")?;
            let variable =
                Variable { kind, name: name.clone(), bounds: None, initial: None, attributes: Vec::new(), genvar: false };
            function.variables.push(variable);
            function.arguments.push((name, direction));
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(())
    }

    fn function_arguments(&mut self, direction: Direction, out: &mut Vec<(Name, Direction)>) -> Parsed<()> {
        self.advance();
        self.kind();
        let names = self.comma_separated(";", |parser| parser.name("the name of an argument"))?;
        self.expect(";")?;
        out.extend(names.into_iter().map(|name| (name, direction)));
        Ok(())
    }
}

impl Range {
    /// A single value.
    fn one(exclude: bool, value: Expr) -> Range {
        let span: Span = value.span;
        Range { exclude, low: Some(value.clone()), high: Some(value), low_closed: true, high_closed: true, span }
    }
}

/// True for an expression that is a plain whole number, sign included: an untyped parameter with such a default is an integer.
pub fn is_whole(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int(_) => true,
        ExprKind::Unary(_, inner) => is_whole(inner),
        _ => false,
    }
}
