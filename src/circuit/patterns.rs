//! Names with wildcards on cards about results: `v(*)`, `v(r*_0)`, `i(v*)`, `x*.x`, `@m*[g]`.
//!
//! `*` stands for any characters (dots of subcircuits too), `?` for one, `%` for a whole number; upper and lower case are the
//! same. A pattern in `v()` is held against nodes, and against unknowns of devices if no node fits; two with a comma are voltages
//! between nodes with the same numbers (`v(w%_%,b%_%)`, in maps and arrays). One in `i()` is held against sources and devices with
//! one current; a bare one against unknowns of devices and nodes; in `@[]` against devices and their variables.

use crate::circuit::columns::part_of;
use crate::circuit::flatten::Flattener;
use crate::circuit::{Part, Terminal};
use crate::diag::Diagnostic;
use crate::netlist::ast::{Expr, ExprKind};
use crate::span::Span;

/// Whether a name has wildcards.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '%'])
}

/// Whether `name` fits the pattern, which is in lower case.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Behind the last star, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let digits = || name[n..].iter().take_while(|b| b.is_ascii_digit()).count();
        let step = match pattern.get(p) {
            None if n == name.len() => return true,
            None => None,
            Some(b'*') => {
                star = Some((p + 1, n));
                Some(0)
            }
            Some(b'?') => (n < name.len()).then_some(1),
            Some(b'%') => Some(digits()).filter(|count| *count > 0),
            Some(byte) => name.get(n).filter(|b| b.eq_ignore_ascii_case(byte)).map(|_| 1),
        };
        (p, n) = match (step, star) {
            (Some(step), _) => (p + 1, n + step),
            (None, Some((after, end))) if end < name.len() => {
                star = Some((after, end + 1));
                (after, end + 1)
            }
            (None, _) => return false,
        };
    }
}

/// `pattern` with the numbers that `like` has where `name` has them: `b%_%` is `b2_7` as `w%_%` is `w2_7`.
fn alike(pattern: &str, like: &str, name: &str) -> Option<String> {
    let mut parts = like.split('%');
    let mut rest = name.get(parts.next()?.len()..)?;
    let mut targets = pattern.split('%');
    let mut out = targets.next()?.to_string();
    for part in parts {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(&rest[..length]);
        out.push_str(targets.next()?);
        rest = rest[length..].get(part.len()..)?;
    }
    targets.next().is_none().then_some(out)
}

/// What a pattern is held against.
enum Kind<'p> {
    /// `v(..)` and its parts: `vdb`.
    Voltage(&'p str, &'p str),
    /// `i(..)` and its parts.
    Current(&'p str, &'p str),
    /// `@device[name]`.
    Variable(&'p str, &'p str),
    /// Anything else.
    Bare(&'p str),
}

impl Flattener<'_, '_> {
    /// Columns that an expression with wildcards stands for, in the order of the circuit; `None` if it has none. Without any
    /// there is a warning.
    ///
    /// # Errors
    /// If one of the columns cannot be had.
    pub fn columns_like(&mut self, expr: &Expr) -> Option<Result<Vec<u32>, Diagnostic>> {
        let kind = match &expr.kind {
            ExprKind::Call(name, arguments) => match arguments.as_slice() {
                [Expr { kind: ExprKind::Name(inner), .. }] if is_pattern(inner) => match name.as_bytes().first() {
                    Some(b'v' | b'V') => Kind::Voltage(name, inner),
                    Some(b'i' | b'I') => Kind::Current(name, inner),
                    _ => return None,
                },
                _ => return None,
            },
            ExprKind::Variable(device, name) if is_pattern(device) || is_pattern(name) => Kind::Variable(device, name),
            ExprKind::Name(name) if is_pattern(name) => Kind::Bare(name),
            _ => return None,
        };
        Some(self.like(&kind, expr.span))
    }

    /// The same for a pattern as text: `v(n%_%)`, `x%_%.x`, `@x%_%[g]`.
    ///
    /// # Errors
    /// If one of the columns cannot be had.
    pub fn columns_like_text(&mut self, text: &str, span: Span) -> Result<Vec<u32>, Diagnostic> {
        let kind = match (text.split_once('('), text.strip_prefix('@').and_then(|t| t.split_once('['))) {
            (_, Some((device, name))) => Kind::Variable(device, name.trim_end_matches(']')),
            (Some((probe, inner)), _) if probe.starts_with(['v', 'V']) => Kind::Voltage(probe, inner.trim_end_matches(')')),
            (Some((probe, inner)), _) if probe.starts_with(['i', 'I']) => Kind::Current(probe, inner.trim_end_matches(')')),
            _ => Kind::Bare(text),
        };
        self.like(&kind, span)
    }

    fn like(&mut self, kind: &Kind, span: Span) -> Result<Vec<u32>, Diagnostic> {
        let (found, wanted) = match kind {
            Kind::Voltage(probe, pattern) => {
                let folded = pattern.to_lowercase();
                let mut found = match folded.split_once(',') {
                    Some((plus, minus)) => self.differences_like(plus.trim(), minus.trim(), span)?,
                    None => self.nodes_like(&folded),
                };
                if found.is_empty() {
                    found = self.unknowns_like(&folded);
                }
                (self.parts(probe, found, span)?, *pattern)
            }
            Kind::Current(probe, pattern) => {
                let found = self.currents_like(&pattern.to_lowercase());
                (self.parts(probe, found, span)?, *pattern)
            }
            Kind::Variable(device, name) => (self.variables_like(&device.to_lowercase(), &name.to_lowercase(), span)?, *device),
            Kind::Bare(pattern) => {
                let folded = pattern.to_lowercase();
                let mut found = self.nodes_like(&folded);
                found.extend(self.unknowns_like(&folded));
                (found, *pattern)
            }
        };
        if found.is_empty() {
            let warning = self.nothing_like(kind, wanted, span);
            self.report(warning);
        }
        Ok(found)
    }

    fn nodes_like(&mut self, pattern: &str) -> Vec<u32> {
        let found: Vec<u32> =
            (0..self.circuit.nodes.len() as u32).filter(|n| fits(pattern, &self.circuit.nodes[*n as usize].name)).collect();
        found.into_iter().map(|n| self.voltage(Terminal::Node(n))).collect()
    }

    /// `v(w%_%,b%_%)`: the voltages between nodes whose numbers agree.
    fn differences_like(&mut self, plus: &str, minus: &str, span: Span) -> Result<Vec<u32>, Diagnostic> {
        let nodes = self.circuit.nodes.iter().map(|n| n.name.to_string()).filter(|n| fits(plus, n));
        let pairs: Vec<(String, String)> = nodes.filter_map(|n| Some((alike(minus, plus, &n)?, n))).map(|(m, n)| (n, m)).collect();
        let known = pairs.into_iter().filter(|(_, m)| self.node_named(m).is_some()).collect::<Vec<_>>();
        known.iter().map(|(n, m)| self.difference((n, span), (m, span))).collect()
    }

    fn unknowns_like(&mut self, pattern: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let mut name = String::new();
        for (k, instance) in self.circuit.instances.iter().enumerate() {
            let model = &self.circuit.models[instance.model as usize];
            for (j, unknown) in model.unknowns.iter().enumerate().skip(model.ports) {
                name.clear();
                name.extend([instance.name.as_str(), ".", unknown.name.as_str()]);
                if fits(pattern, &name) {
                    found.push((k as u32, j as u32));
                }
            }
        }
        found.into_iter().map(|(instance, unknown)| self.unknown(instance, unknown)).collect()
    }

    fn currents_like(&mut self, pattern: &str) -> Vec<u32> {
        let sources: Vec<u32> =
            (0..self.circuit.sources.len() as u32).filter(|s| fits(pattern, &self.circuit.sources[*s as usize].name)).collect();
        let one = |i: &u32| {
            let instance = &self.circuit.instances[*i as usize];
            fits(pattern, &instance.name) && self.has_one_current(&self.circuit.models[instance.model as usize])
        };
        let instances: Vec<u32> = (0..self.circuit.instances.len() as u32).filter(one).collect();
        let mut found: Vec<u32> = sources.into_iter().map(|s| self.source_current(s)).collect();
        found.extend(instances.into_iter().map(|i| self.port_current(i, 0, true)));
        found
    }

    fn variables_like(&mut self, device: &str, name: &str, span: Span) -> Result<Vec<u32>, Diagnostic> {
        let mut wanted: Vec<(String, String)> = Vec::new();
        for instance in self.circuit.instances.iter().filter(|i| fits(device, &i.name)) {
            let model = &self.circuit.models[instance.model as usize];
            let variables = model.variables.iter().map(|v| &v.name);
            // Parameters only by their own name: there are many.
            let exact = !is_pattern(name);
            let parameters = model.params.iter().map(|p| &p.name).filter(|p| exact && p.eq_ignore_ascii_case(name)).take(1);
            let first = variables.filter(|v| fits(name, v)).map(|v| (instance.name.to_string(), v.clone())).collect::<Vec<_>>();
            let others = parameters.map(|p| (instance.name.to_string(), p.clone()));
            wanted.extend(if first.is_empty() { others.collect() } else { first });
        }
        wanted.into_iter().map(|(device, name)| self.variable_column(&device, &name, span)).collect()
    }

    /// `vdb(*)`: the same part of each.
    fn parts(&mut self, probe: &str, columns: Vec<u32>, span: Span) -> Result<Vec<u32>, Diagnostic> {
        match part_of(probe) {
            Some(Part::Value) => Ok(columns),
            Some(part) => columns.into_iter().map(|column| self.part_column(probe, column, part)).collect(),
            None => Err(Diagnostic::error(span, format!("`{probe}()` takes no names")).expected("expected v(name) or i(name)")),
        }
    }

    /// A warning with the names that were probably meant.
    fn nothing_like(&self, kind: &Kind, wanted: &str, span: Span) -> Diagnostic {
        let text = self.sources.slice(span).trim();
        let bare: String = wanted.chars().filter(|c| !matches!(c, '*' | '?' | '%')).collect();
        let warning = Diagnostic::warning(span, format!("`{text}` fits nothing")).expected("no such name");
        let nodes = || self.circuit.nodes.iter().map(|n| n.name.as_str());
        let devices = || self.circuit.instances.iter().map(|i| i.name.as_str());
        let sources = || self.circuit.sources.iter().map(|s| s.name.as_str());
        let known: Vec<&str> = match kind {
            Kind::Voltage(..) => nodes().collect(),
            Kind::Current(..) => sources().chain(devices()).collect(),
            Kind::Variable(..) => devices().collect(),
            Kind::Bare(_) => devices().chain(nodes()).collect(),
        };
        let suggested = warning.suggest(&bare, known.iter().copied());
        if suggested.hints.is_empty() {
            let some: Vec<&str> = known.iter().copied().take(4).collect();
            return suggested.hint(format!("there is {}{}", some.join(", "), if known.len() > 4 { ", ..." } else { "" }));
        }
        suggested
    }
}
