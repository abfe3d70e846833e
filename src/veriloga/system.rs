//! Functions of the language: mathematics (LRM 2.4, table 4-14), analog operators, `$functions`; one table row each.

use crate::diag::Diagnostic;
use crate::ir::{Input, Op, Type, Value};
use crate::span::Span;
use crate::units::{BOLTZMANN, CHARGE};
use crate::veriloga::ast::{Expr, ExprKind, Name};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Kind, Lowered, Lowerer, Term};
use crate::veriloga::names;
use crate::veriloga::parse::Abort;

/// Functions of reals: `name` or `$name`, number of arguments, operation.
const MATH: [(&str, usize, Op); 30] = [
    ("exp", 1, Op::Exp),
    ("limexp", 1, Op::Limexp),
    ("expm1", 1, Op::Expm1),
    ("ln", 1, Op::Ln),
    ("log", 1, Op::Log10),
    ("log10", 1, Op::Log10),
    ("ln1p", 1, Op::Ln1p),
    ("sqrt", 1, Op::Sqrt),
    ("pow", 2, Op::Pow),
    ("min", 2, Op::Min),
    ("max", 2, Op::Max),
    ("abs", 1, Op::Abs),
    ("hypot", 2, Op::Hypot),
    ("floor", 1, Op::Floor),
    ("ceil", 1, Op::Ceil),
    ("sin", 1, Op::Sin),
    ("cos", 1, Op::Cos),
    ("tan", 1, Op::Tan),
    ("asin", 1, Op::Asin),
    ("acos", 1, Op::Acos),
    ("atan", 1, Op::Atan),
    ("arcsin", 1, Op::Asin),
    ("arctan", 1, Op::Atan),
    ("atan2", 2, Op::Atan2),
    ("sinh", 1, Op::Sinh),
    ("cosh", 1, Op::Cosh),
    ("tanh", 1, Op::Tanh),
    ("asinh", 1, Op::Asinh),
    ("acosh", 1, Op::Acosh),
    ("atanh", 1, Op::Atanh),
];

/// Those of them that give an integer for integers.
const WHOLE: [(Op, Op); 3] = [(Op::Min, Op::IntMin), (Op::Max, Op::IntMax), (Op::Abs, Op::IntAbs)];

/// How a function of the language is lowered.
type Handler = fn(&mut Lowerer, &[Expr], Span) -> Lowered<Term>;

/// Operators and `$functions`: name, fewest and most arguments, what they do.
const SPECIAL: &[(&str, usize, usize, Handler)] = &[
    ("ddt", 1, 2, |l, a, s| l.ddt(a, s)),
    ("idt", 1, 4, |l, a, s| l.idt(a, s)),
    ("idtmod", 1, 5, |l, a, s| l.idtmod(a, s)),
    ("transition", 1, 5, |l, a, s| l.transition(a, s)),
    ("slew", 1, 3, |l, a, s| l.slew(a, s)),
    ("absdelay", 2, 3, |l, a, s| l.absdelay(a, s)),
    ("last_crossing", 1, 2, |l, a, s| l.last_crossing(a, s)),
    ("laplace_nd", 3, 4, |l, a, s| l.laplace("laplace_nd", a, s)),
    ("laplace_np", 3, 4, |l, a, s| l.laplace("laplace_np", a, s)),
    ("laplace_zd", 3, 4, |l, a, s| l.laplace("laplace_zd", a, s)),
    ("laplace_zp", 3, 4, |l, a, s| l.laplace("laplace_zp", a, s)),
    ("zi_nd", 4, 6, |l, a, s| l.sampled("zi_nd", a, s)),
    ("zi_np", 4, 6, |l, a, s| l.sampled("zi_np", a, s)),
    ("zi_zd", 4, 6, |l, a, s| l.sampled("zi_zd", a, s)),
    ("zi_zp", 4, 6, |l, a, s| l.sampled("zi_zp", a, s)),
    ("cross", 0, 9, |l, _, s| l.event_only("cross", s)),
    ("above", 0, 9, |l, _, s| l.event_only("above", s)),
    ("timer", 0, 9, |l, _, s| l.event_only("timer", s)),
    ("ddx", 2, 2, |l, a, s| l.ddx(a, s)),
    ("$limit", 1, 9, |l, a, s| l.limit(a, s)),
    ("analysis", 1, 9, |l, a, s| l.analysis(a, s)),
    ("white_noise", 1, 2, |l, a, s| l.white_noise(a, s)),
    ("flicker_noise", 2, 3, |l, a, s| l.flicker_noise(a, s)),
    ("noise_table", 1, 2, |l, a, s| l.noise_table(a, s, false)),
    ("noise_table_log", 1, 2, |l, a, s| l.noise_table(a, s, true)),
    ("ac_stim", 0, 3, |l, a, s| l.ac_stim(a, s)),
    ("$temperature", 0, 0, |l, _, _| Ok(l.outside(Input::Temperature, Kind::Real))),
    ("$abstime", 0, 0, |l, _, _| Ok(l.outside(Input::Time, Kind::Real))),
    ("$realtime", 0, 1, |l, _, _| Ok(l.outside(Input::Time, Kind::Real))),
    ("$mfactor", 0, 0, |l, _, _| Ok(l.outside(Input::Multiplicity, Kind::Real))),
    ("$vt", 0, 1, |l, a, s| l.thermal_voltage(a, s)),
    ("$simparam", 1, 2, |l, a, s| l.simparam(a, s)),
    ("$param_given", 1, 1, |l, a, s| l.param_given(a, s)),
    ("$port_connected", 1, 1, |l, a, s| l.port_connected(a, s)),
    ("$rtoi", 1, 1, |l, a, _| l.rounded(a)),
    ("int", 1, 1, |l, a, _| l.rounded(a)),
    ("$itor", 1, 1, |l, a, _| {
        let value = l.plain_real(&a[0])?;
        Ok(Term::new(value, Kind::Real))
    }),
    ("$limexp", 1, 1, |l, a, s| l.math("limexp", 1, Op::Limexp, a, s)),
    ("$clog2", 1, 1, |l, a, s| l.log_two(a, s)),
    ("$analysis", 1, 9, |l, a, s| l.analysis(a, s)),
    ("$xposition", 0, 0, |l, _, _| Ok(l.real(0.0))),
    ("$yposition", 0, 0, |l, _, _| Ok(l.real(0.0))),
    ("$angle", 0, 0, |l, _, _| Ok(l.real(0.0))),
    ("$hflip", 0, 0, |l, _, _| Ok(l.real(1.0))),
    ("$vflip", 0, 0, |l, _, _| Ok(l.real(1.0))),
    ("$signed", 1, 1, |l, a, _| {
        let term = l.expression(&a[0])?;
        l.convert(term, Kind::Int, a[0].span)
    }),
    ("$simparam$str", 1, 2, |l, a, s| l.simparam_text(a, s)),
    ("$test$plusargs", 1, 1, |l, _, s| {
        let warning = Diagnostic::warning(s, "`$test$plusargs` is never true").expected("there are no plus-arguments");
        l.warn_once("$test$plusargs", warning.hint("use a parameter and `--set`"));
        Ok(l.zero(Kind::Int))
    }),
    ("$cputime", 0, 0, |l, _, s| {
        let warning = Diagnostic::warning(s, "`$cputime` is 0").expected("results do not depend on the machine");
        l.warn_once("$cputime", warning);
        Ok(l.real(0.0))
    }),
    ("$simprobe", 2, 3, |l, a, s| l.simprobe(a, s)),
    ("$fopen", 1, 2, |l, a, s| l.open(a, s)),
    ("$table_model", 2, 40, |l, a, s| l.table_model(a, s)),
];

impl Lowerer<'_> {
    /// `name(arguments)`.
    pub fn call(&mut self, name: &Name, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let text = name.text.as_str();
        if let Some((Symbol::Function(k), _)) = self.symbols.names.get(text) {
            return self.inline(*k, arguments, span);
        }
        if let Some((_, arity, op)) = MATH.iter().find(|(n, _, _)| *n == text.strip_prefix('$').unwrap_or(text)) {
            return self.math(text, *arity, *op, arguments, span);
        }
        if let Some((_, least, most, handler)) = SPECIAL.iter().find(|(n, _, _, _)| *n == text) {
            self.count(text, arguments.len(), *least, *most, span)?;
            return handler(self, arguments, span);
        }
        if let Some(drawn) = self.random(text, arguments, span) {
            return drawn;
        }
        if self.world.is_access(text) {
            return match self.context {
                crate::veriloga::lower::Context::Analog => self.access(name, arguments, span),
                _ => self.error(span, format!("`{text}` cannot be used here"), "nodes belong to the analog block"),
            };
        }
        if let Some(reason) = names::refused(text) {
            return self.error(span, format!("`{text}` is not supported"), reason);
        }
        if crate::veriloga::message::task_names().any(|n| n == text) || matches!(text, "$sformat" | "$swrite" | "$fclose") {
            return self.error(span, format!("`{text}` has no value"), "it is a statement of its own");
        }
        let known = self.known_names();
        let known = known.iter().map(String::as_str);
        let error = match self.symbols.names.get(text) {
            Some((_, declared)) => {
                Diagnostic::error(name.span, format!("`{text}` is not a function")).label(*declared, "it is declared here")
            }
            None => Diagnostic::error(name.span, format!("the function `{text}` is not known")).suggest(text, known),
        };
        self.diagnostics.push(error);
        Err(Abort)
    }

    /// Names that a call may have.
    pub fn known_names(&self) -> Vec<String> {
        let functions = self.module.functions.iter().map(|f| f.name.text.as_str());
        let table = MATH.iter().map(|m| m.0).chain(SPECIAL.iter().map(|s| s.0));
        let accesses = self.world.natures.iter().map(|n| n.access.as_str());
        let tasks = ["$bound_step", "$discontinuity", "$sformat", "$swrite", "$fclose", "$fflush"];
        let all = functions.chain(table).chain(accesses).chain(tasks).map(String::from);
        all.chain(crate::veriloga::random::names()).collect()
    }

    /// True for a `$name` that has a meaning in an expression.
    pub fn is_known(&self, name: &str) -> bool {
        let plain = name.strip_prefix('$').unwrap_or(name);
        MATH.iter().any(|m| m.0 == plain) || self.known_names().iter().any(|n| n == name)
    }

    fn count(&mut self, name: &str, given: usize, least: usize, most: usize, span: Span) -> Lowered<()> {
        if (least..=most).contains(&given) {
            return Ok(());
        }
        let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        let plural = if wanted == "1" { "" } else { "s" };
        self.error(span, format!("`{name}` takes {wanted} argument{plural}"), format!("{given} given"))
    }

    fn math(&mut self, name: &str, arity: usize, op: Op, arguments: &[Expr], span: Span) -> Lowered<Term> {
        self.count(name, arguments.len(), arity, arity, span)?;
        let terms: Vec<Lowered<Term>> = arguments.iter().map(|a| self.expression(a)).collect();
        let terms: Vec<Term> = terms.into_iter().collect::<Lowered<_>>()?;
        let whole = WHOLE.iter().find(|(real, _)| *real == op).map(|(_, int)| *int);
        let (kind, op) = match whole {
            Some(int) if terms.iter().all(|t| t.kind != Kind::Real) => (Kind::Int, int),
            _ => (Kind::Real, op),
        };
        let mut values = Vec::new();
        for (term, argument) in terms.iter().zip(arguments) {
            let term = self.convert(*term, kind, argument.span)?;
            values.push(self.plain(term, argument.span)?);
        }
        self.builder.span = span;
        Ok(Term::new(self.builder.op(op, &values), kind))
    }

    fn outside(&mut self, input: Input, kind: Kind) -> Term {
        Term::new(self.builder.input(input, kind.ir()), kind)
    }

    /// `$vt` or `$vt(T)`: k T / q.
    fn thermal_voltage(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let temperature = match arguments {
            [] => self.builder.input(Input::Temperature, Type::Real),
            [given, ..] => self.plain_real(given)?,
        };
        self.builder.span = span;
        let factor = self.builder.real(BOLTZMANN / CHARGE);
        Ok(Term::new(self.builder.op(Op::Mul, &[temperature, factor]), Kind::Real))
    }

    /// A string that must be written as such.
    pub fn literal(&mut self, expr: &Expr) -> Lowered<String> {
        match &expr.kind {
            ExprKind::Text(text) => Ok(text.clone()),
            _ => self.error(expr.span, "this must be a string", "expected a name in double quotes"),
        }
    }

    /// `$simparam("gmin" [, default])`.
    fn simparam(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let name = self.literal(&arguments[0])?;
        let default = match arguments.get(1) {
            Some(expr) => Some(self.plain_real(expr)?),
            None => None,
        };
        self.builder.span = span;
        if !names::SIMULATOR.contains(&name.as_str()) {
            let Some(default) = default else {
                let error = Diagnostic::error(arguments[0].span, format!("there is no simulator parameter \"{name}\""));
                let error = error.suggest(&name, names::SIMULATOR.iter().copied());
                self.diagnostics.push(error.hint("give a default: `$simparam(name, default)`"));
                return Err(Abort);
            };
            return Ok(Term::new(default, Kind::Real));
        }
        let default = default.and_then(|value| self.builder.constant(value));
        let known = self.model.simparams.iter().position(|(n, d)| *n == name && *d == default);
        let index = known.unwrap_or(self.model.simparams.len());
        if known.is_none() {
            self.model.simparams.push((name, default));
        }
        Ok(self.outside(Input::Simulator(index as u32), Kind::Real))
    }

    /// `$simparam$str("module" [, default])` (LRM 2.4, table 9-28).
    fn simparam_text(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        const KNOWN: [&str; 5] = ["analysis_type", "analysis_name", "module", "instance", "path"];
        let name = self.literal(&arguments[0])?;
        match name.as_str() {
            "module" => {
                let index = self.string(&self.module.name.text);
                Ok(Term::new(self.builder.int(index as i32), Kind::Text))
            }
            "instance" | "path" => self.instance_path(span),
            "analysis_type" | "analysis_name" => {
                // In order of `dae::Phase`.
                let first = self.string("dc") as i32;
                let mut result = self.builder.int(first);
                for (analysis, phases) in [("tran", [1, 2]), ("ac", [3, 3]), ("noise", [4, 4])] {
                    let text = self.string(analysis) as i32;
                    let (holds, text) = (self.in_phase(&phases), self.builder.int(text));
                    result = self.builder.select(holds, text, result);
                }
                Ok(Term::new(result, Kind::Text))
            }
            _ => match arguments.get(1) {
                Some(default) => {
                    let term = self.expression(default)?;
                    self.convert(term, Kind::Text, default.span)
                }
                None => {
                    let error = Diagnostic::error(arguments[0].span, format!("there is no simulator parameter \"{name}\""));
                    self.diagnostics.push(error.suggest(&name, KNOWN));
                    Err(Abort)
                }
            },
        }
    }

    /// `$simprobe(instance, name [, default])`: other instances are out of sight, so that only the default is left.
    fn simprobe(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let Some(default) = arguments.get(2) else {
            let reason = names::refused("$simprobe").unwrap_or_default();
            return self.error(span, "`$simprobe` is not supported", reason);
        };
        let warning = Diagnostic::warning(span, "`$simprobe` gives its default").expected("other instances are out of sight");
        self.warn_once(&format!("{span:?}"), warning);
        Ok(Term::new(self.plain_real(default)?, Kind::Real))
    }

    /// `$param_given(name)`.
    fn param_given(&mut self, arguments: &[Expr], _span: Span) -> Lowered<Term> {
        if let ExprKind::Name(name) = &arguments[0].kind {
            if let Some((Symbol::Parameter(k), _)) = self.symbols.names.get(name) {
                return Ok(self.outside(Input::Given(*k as u32), Kind::Bool));
            }
            if let Some(elements) = self.elements_of(name) {
                let mut any = self.builder.boolean(false);
                for k in elements.into_iter().filter_map(|s| if let Symbol::Parameter(k) = s { Some(k) } else { None }) {
                    let given = self.outside(Input::Given(k as u32), Kind::Bool).value;
                    any = self.builder.op(Op::Or, &[any, given]);
                }
                return Ok(Term::new(any, Kind::Bool));
            }
            let error = Diagnostic::error(arguments[0].span, format!("`{name}` is not a parameter"));
            let known = self.module.parameters.iter().map(|p| p.name.text.as_str());
            self.diagnostics.push(error.suggest(name, known));
            return Err(Abort);
        }
        self.error(arguments[0].span, "`$param_given` asks for a parameter", "expected its name")
    }

    /// `$port_connected(name)`.
    fn port_connected(&mut self, arguments: &[Expr], _span: Span) -> Lowered<Term> {
        if let ExprKind::Name(name) = &arguments[0].kind
            && let Some((Symbol::Node(k), _)) = self.symbols.names.get(name)
            && self.symbols.nodes[*k].port
        {
            return Ok(self.outside(Input::Connected(*k as u32), Kind::Bool));
        }
        if let ExprKind::Name(name) = &arguments[0].kind
            && let Some(elements) = self.elements_of(name)
        {
            let mut all = self.builder.boolean(true);
            for k in elements.into_iter().filter_map(|s| if let Symbol::Node(k) = s { Some(k) } else { None }) {
                let connected = self.outside(Input::Connected(k as u32), Kind::Bool).value;
                all = self.builder.op(Op::And, &[all, connected]);
            }
            return Ok(Term::new(all, Kind::Bool));
        }
        self.error(arguments[0].span, "`$port_connected` asks for a port", "expected its name")
    }

    /// `analysis("dc", "tran", ...)`: true if any of them runs (LRM table 4-24, as far as phases tell them apart).
    pub fn analysis(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let mut result = self.builder.boolean(false);
        for argument in arguments {
            let name = self.literal(argument)?;
            let Some(phases) = phases(&name) else {
                let warning = Diagnostic::warning(argument.span, format!("there is no analysis \"{name}\"")).expected("never true");
                let known = ["static", "dc", "op", "ic", "tran", "ac", "xf", "sp", "noise"];
                self.warn_once(&format!("analysis {name}"), warning.suggest(&name, known.into_iter().chain(NEVER.iter().copied())));
                continue;
            };
            let holds = self.in_phase(phases);
            result = self.builder.op(Op::Or, &[result, holds]);
        }
        self.builder.span = span;
        Ok(Term::new(result, Kind::Bool))
    }

    /// True while one of these phases runs.
    pub fn in_phase(&mut self, phases: &[i32]) -> Value {
        let phase = self.builder.input(Input::Phase, Type::Int);
        let mut result = self.builder.boolean(false);
        for number in phases {
            let number = self.builder.int(*number);
            let equal = self.builder.op(Op::Eq, &[phase, number]);
            result = self.builder.op(Op::Or, &[result, equal]);
        }
        result
    }

    /// A real cut to an integer.
    fn rounded(&mut self, arguments: &[Expr]) -> Lowered<Term> {
        let value = self.plain_real(&arguments[0])?;
        let value = self.truncate(value);
        Ok(Term::new(self.builder.op(Op::ToInt, &[value]), Kind::Int))
    }

    /// `$clog2(n)`: the least k with 2^k >= n.
    fn log_two(&mut self, arguments: &[Expr], span: Span) -> Lowered<Term> {
        let value = self.plain_real(&arguments[0])?;
        self.builder.span = span;
        // Half below n: rounding of the logarithm cannot reach the next integer.
        let (half, two) = (self.builder.real(0.5), self.builder.real(2.0));
        let below = self.builder.op(Op::Sub, &[value, half]);
        let (top, bottom) = (self.builder.op(Op::Ln, &[below]), self.builder.op(Op::Ln, &[two]));
        let quotient = self.builder.op(Op::Div, &[top, bottom]);
        let ceiling = self.builder.op(Op::Ceil, &[quotient]);
        let zero = self.builder.real(0.0);
        let result = self.builder.op(Op::Max, &[ceiling, zero]);
        Ok(Term::new(self.builder.op(Op::ToInt, &[result]), Kind::Int))
    }
}

/// Analyses of other simulators, which models may ask for: orbits and envelopes are made of transients here.
const NEVER: &[&str] = &[
    "nodeset",
    "pss",
    "hb",
    "pac",
    "pnoise",
    "pxf",
    "psp",
    "pstb",
    "qpss",
    "qpac",
    "qpnoise",
    "envlp",
    "stb",
    "pz",
    "sens",
    "dcmatch",
    "acmatch",
    "disto",
    "info",
    "mc",
    "montecarlo",
    "tf",
];

/// Numbers of the phases (see `dae::Phase`) in which an analysis runs.
pub fn phases(analysis: &str) -> Option<&'static [i32]> {
    Some(match analysis {
        "static" => &[0, 1],
        "dc" | "op" => &[0],
        "ic" => &[1],
        "tran" => &[1, 2],
        "ac" | "xf" | "sp" => &[3],
        "noise" => &[4],
        other if NEVER.contains(&other) => &[],
        _ => return None,
    })
}
