//! The grammar of structure (LRM 2.4, clause 6): instances, generate constructs, paramsets, vectors of nodes, names with points.

use crate::diag::Diagnostic;
use crate::span::FileId;
use crate::veriloga::ast::{
    Connection, Expr, ExprKind, Generate, GenerateKind, Instance, Module, Name, NodeReference, Paramset, StatementKind,
};
use crate::veriloga::lex::TokenKind;
use crate::veriloga::parse::{Abort, Parsed, Parser};

/// Stands for the index of a name with points that is known when structure is put flat.
pub const OPEN_INDEX: &str = "[*]";

/// Nesting of generate constructs that is accepted.
const DEEPEST: usize = 60;

impl Parser<'_> {
    /// `[ first : last ]`, if it is there.
    pub fn node_range(&mut self) -> Parsed<Option<(Expr, Expr)>> {
        if !self.accept("[") {
            return Ok(None);
        }
        let first = self.expression()?;
        self.expect(":")?;
        let last = self.expression()?;
        self.expect("]")?;
        Ok(Some((first, last)))
    }

    /// Where the bracket ends that opens `start` tokens ahead: the number of tokens up to what follows it.
    fn behind_bracket(&self, start: usize) -> usize {
        let (mut depth, mut at) = (0usize, start);
        loop {
            let token = self.ahead(at);
            match token.kind {
                TokenKind::End => return at,
                _ if token.is("[") => depth += 1,
                _ if token.is("]") => depth = depth.saturating_sub(1),
                _ if token.is(";") => return at,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return at;
            }
        }
    }

    /// True if the next name is a discipline with a range after it: `electrical [0:3] a`.
    pub fn discipline_before_range(&self) -> bool {
        self.ahead(1).is("[") && self.ahead(self.behind_bracket(1)).kind == TokenKind::Name
    }

    /// True if an instance goes on here, behind the name of its module.
    pub fn at_instance(&self) -> bool {
        let named = self.peek().kind == TokenKind::Name;
        let behind = if self.ahead(1).is("[") { self.behind_bracket(1) } else { 1 };
        self.peek().is("#") || (named && self.ahead(behind).is("("))
    }

    /// `name { . name }`: the whole as one name.
    pub fn path(&mut self, first: Name) -> Parsed<Name> {
        let mut name = first;
        while self.accept(".") {
            let next = self.name("a name after the point")?;
            name = Name { text: format!("{}.{}", name.text, next.text), span: name.span.to(next.span) };
        }
        Ok(name)
    }

    /// `name [ index ] . name`: a name in an element of an array of instances or in a round of a generate loop. An index that is
    /// no number is left open: `name[*].name`.
    pub fn below(&mut self, name: Name, index: &Expr) -> Parsed<Name> {
        let text = match index.kind {
            ExprKind::Int(number) => format!("{}[{number}]", name.text),
            _ if name.text.contains(OPEN_INDEX) => {
                let error = Diagnostic::error(index.span, "a second index before a point must be a number");
                self.report(error.expected("expected a whole number"));
                return Err(Abort);
            }
            _ => format!("{}{OPEN_INDEX}", name.text),
        };
        let span = name.span.to(index.span);
        self.path(Name { text, span })
    }

    /// `name`, `name[index]`, `name[first:last]`, `instance.name`.
    pub fn node_reference(&mut self) -> Parsed<NodeReference> {
        let mut name = self.name("the name of a node")?;
        let mut open = None;
        loop {
            if self.peek().is(".") {
                name = self.path(name)?;
            }
            if !self.accept("[") {
                return Ok(NodeReference { name, range: open.map(|index| (index, None)) });
            }
            let first = self.expression()?;
            let last = if self.accept(":") { Some(self.expression()?) } else { None };
            self.expect("]")?;
            if last.is_some() || !self.peek().is(".") {
                if let Some(index) = &open {
                    let error = Diagnostic::error(first.span, "a vector below an index that is no number is not supported");
                    self.report(error.label(index.span, "this index").expected("expected a single node"));
                    return Err(Abort);
                }
                return Ok(NodeReference { name, range: Some((first, last)) });
            }
            name = self.below(name, &first)?;
            open = (name.text.contains(OPEN_INDEX) && open.is_none()).then_some(first).or(open);
        }
    }

    /// `module [ # ( values ) ] name [range] ( connections ) {, name ( connections )};`, the module's name being taken.
    pub fn instances(&mut self, of: Name, module: &mut Module) -> Parsed<()> {
        let mut parameters = Vec::new();
        if self.accept("#") {
            if self.accept("(") {
                parameters = self.comma_separated(")", |parser| parser.setting())?;
                self.expect(")")?;
            } else {
                parameters.push((None, Some(self.primary()?)));
            }
        }
        loop {
            let name = self.name("the name of the instance")?;
            let range = self.node_range()?;
            self.expect("(")?;
            let mut connections = self.comma_separated(")", |parser| parser.connection())?;
            self.expect(")")?;
            if let [Connection { port: None, nodes, .. }] = connections.as_slice()
                && nodes.is_empty()
            {
                connections.clear();
            }
            let order = self.next_order();
            let (of, parameters) = (of.clone(), parameters.clone());
            module.instances.push(Instance { module: of, name, range, parameters, connections, order });
            if !self.accept(",") {
                break;
            }
        }
        self.expect(";")?;
        Ok(())
    }

    /// `. parameter ( [value] )` or `value`.
    fn setting(&mut self) -> Parsed<(Option<Name>, Option<Expr>)> {
        if !self.accept(".") {
            return Ok((None, Some(self.expression()?)));
        }
        let name = self.parameter_name()?;
        self.expect("(")?;
        let value = if self.next_is(")") { None } else { Some(self.expression()?) };
        self.expect(")")?;
        Ok((Some(name), value))
    }

    /// The name of a parameter; `$mfactor` and its kin are parameters of every instance.
    fn parameter_name(&mut self) -> Parsed<Name> {
        if self.peek().kind == TokenKind::System {
            let text = self.peek().text.to_string();
            return Ok(Name { text, span: self.advance() });
        }
        self.name("the name of a parameter")
    }

    /// `. port ( [nodes] )` or `[nodes]`.
    fn connection(&mut self) -> Parsed<Connection> {
        self.attributes()?;
        let start = self.peek().span;
        if !self.accept(".") {
            let nodes = if self.next_is(",") || self.next_is(")") { Vec::new() } else { self.connected()? };
            return Ok(Connection { port: None, nodes, span: start });
        }
        let port = self.name("the name of a port")?;
        self.expect("(")?;
        let nodes = if self.next_is(")") { Vec::new() } else { self.connected()? };
        let end = self.expect(")")?;
        Ok(Connection { port: Some(port), nodes, span: start.to(end) })
    }

    /// `node` or `{ node, node }`.
    fn connected(&mut self) -> Parsed<Vec<NodeReference>> {
        if !self.accept("{") {
            return Ok(vec![self.node_reference()?]);
        }
        let nodes = self.comma_separated("}", |parser| parser.node_reference())?;
        self.expect("}")?;
        Ok(nodes)
    }

    /// `generate items endgenerate`, or one loop, condition or block.
    pub fn generate(&mut self, module: &mut Module) -> Parsed<()> {
        if !self.next_is("generate") {
            let generate = self.nested(DEEPEST, |parser| parser.construct(module))?;
            module.generates.push(generate);
            return Ok(());
        }
        let open = self.advance();
        self.items(module, "endgenerate");
        if !self.accept("endgenerate") {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`endgenerate` is missing before {}", next.shown()));
            self.report(error.label(open, "this `generate` is not closed"));
        }
        Ok(())
    }

    /// Items up to `closing`, which is not taken.
    fn items(&mut self, module: &mut Module, closing: &str) {
        while !self.over() && ![closing, "endmodule", "module"].iter().any(|w| self.next_is(w)) {
            let start = self.place();
            if self.item(module).is_err() {
                self.recover(start);
            }
            if self.place() == start {
                // Something that closes what nobody opened.
                let word = self.peek().shown();
                let _ = self.fail::<()>(format!("{word} closes nothing"), "expected an item of the module");
                self.advance();
            }
        }
    }

    fn construct(&mut self, module: &Module) -> Parsed<Generate> {
        let start = self.peek().span;
        let order = self.next_order();
        let kind = if self.accept("for") {
            self.generate_for(module)?
        } else if self.accept("if") {
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            let then = Box::new(self.generate_block(module)?);
            let otherwise = if self.accept("else") { Some(Box::new(self.generate_block(module)?)) } else { None };
            GenerateKind::If(condition, then, otherwise)
        } else if self.accept("case") {
            self.generate_case(module)?
        } else {
            GenerateKind::Block(Box::new(self.generate_block(module)?))
        };
        Ok(Generate { kind, span: start.to(self.last()), order })
    }

    fn generate_for(&mut self, module: &Module) -> Parsed<GenerateKind> {
        self.expect("(")?;
        self.accept("genvar");
        let variable = self.name("a genvar")?;
        self.expect("=")?;
        let initial = self.expression()?;
        self.expect(";")?;
        let condition = self.expression()?;
        self.expect(";")?;
        let stepped = self.name("the genvar")?;
        if stepped.text != variable.text {
            let error = Diagnostic::error(stepped.span, format!("this loop counts with `{}`", variable.text));
            self.report(error.expected("expected the same genvar"));
            return Err(Abort);
        }
        self.expect("=")?;
        let step = self.expression()?;
        self.expect(")")?;
        let body = self.generate_block(module)?;
        Ok(GenerateKind::For(variable, Box::new([initial, condition, step]), Box::new(body)))
    }

    fn generate_case(&mut self, module: &Module) -> Parsed<GenerateKind> {
        self.expect("(")?;
        let subject = self.expression()?;
        self.expect(")")?;
        let (mut arms, mut default) = (Vec::new(), None);
        while !self.over() && !self.next_is("endcase") && !self.next_is("endmodule") {
            if self.accept("default") {
                self.accept(":");
                default = Some(Box::new(self.generate_block(module)?));
                continue;
            }
            let values = self.comma_separated(":", |parser| parser.expression())?;
            self.expect(":")?;
            arms.push((values, self.generate_block(module)?));
        }
        self.expect("endcase")?;
        Ok(GenerateKind::Case(subject, arms, default))
    }

    /// `begin [: name] items end`, or one item.
    fn generate_block(&mut self, module: &Module) -> Parsed<Module> {
        self.nested(DEEPEST, |parser| {
            let mut block = Module { file: module.file, ..Module::default() };
            if !parser.next_is("begin") {
                parser.item(&mut block)?;
                return Ok(block);
            }
            let open = parser.advance();
            if parser.accept(":") {
                block.name = parser.name("the name of the block")?;
            }
            parser.items(&mut block, "end");
            if !parser.accept("end") {
                let next = parser.peek().clone();
                let error = Diagnostic::error(next.span, format!("`end` is missing before {}", next.shown()));
                parser.report(error.label(open, "this `begin` is not closed"));
            }
            Ok(block)
        })
    }

    /// `paramset name base; { parameter | variable | .parameter = value; } endparamset`.
    pub fn paramset(&mut self, file: FileId) -> Parsed<Paramset> {
        let open = self.advance();
        let name = self.name("the name of the paramset")?;
        let base = self.name("the name of a module")?;
        self.expect(";")?;
        let module = Module { name: name.clone(), file, ..Module::default() };
        let mut paramset = Paramset { name, base, module, settings: Vec::new() };
        while !self.over() && !["endparamset", "module", "paramset"].iter().any(|w| self.next_is(w)) {
            let start = self.place();
            if self.paramset_item(&mut paramset).is_err() {
                self.recover(start);
            }
        }
        if !self.accept("endparamset") {
            let next = self.peek().clone();
            let error = Diagnostic::error(next.span, format!("`endparamset` is missing before {}", next.shown()));
            self.report(error.label(open, "this paramset is not closed"));
        }
        Ok(paramset)
    }

    fn paramset_item(&mut self, paramset: &mut Paramset) -> Parsed<()> {
        let attributes = self.attributes()?;
        let module = &mut paramset.module;
        let word = self.peek().text.to_string();
        match word.as_str() {
            "parameter" | "localparam" => self.parameter(attributes, &mut module.parameters),
            "aliasparam" => self.alias(module),
            "real" | "integer" | "string" => self.variable(attributes, &mut module.variables),
            "." => {
                self.advance();
                let name = self.parameter_name()?;
                self.expect("=")?;
                let value = self.expression()?;
                self.expect(";")?;
                paramset.settings.push((name, value));
                Ok(())
            }
            _ => {
                let statement = self.statement()?;
                if !matches!(statement.kind, StatementKind::Assign(Expr { kind: ExprKind::Name(_), .. }, _)) {
                    let error = Diagnostic::error(statement.span, "a paramset holds plain assignments only");
                    self.report(error.expected("expected `.parameter = value;` or `variable = value;`"));
                    return Ok(());
                }
                module.analog.push((false, statement));
                Ok(())
            }
        }
    }
}
