//! Statements: assignments, conditions, loops, events.
//!
//! An `if` becomes a region of the IR, unless an arm holds an analog operator or reads a charge: then both arms are computed
//! where the `if` stands and joined by selection, so that what operators hand to other rows is in sight of them. Loops whose
//! rounds are known are unrolled.

use std::collections::BTreeSet;

use crate::ir::{Op, Value};
use crate::model::Moment;
use crate::span::Span;
use crate::veriloga::ast::{Binary, Block, Expr, ExprKind, Statement, StatementKind};
use crate::veriloga::check::Symbol;
use crate::veriloga::lower::{Context, Kind, Local, Lowered, Lowerer, State, Term};
use crate::veriloga::parse::Abort;
use crate::veriloga::system::phases;
use crate::veriloga::terms::Terms;
use crate::veriloga::walk::{assigned, visit, visit_expression, walk};

/// Rounds up to which a loop is unrolled.
const MOST_ROUNDS: usize = 64;
/// The same for loops with contributions, messages or operators, which cannot be done otherwise.
const MOST_FORCED: usize = 4096;
/// The same where the number of rounds changes with parameters or with the solution.
const MOST_GUARDED: usize = 128;
/// Arms of an `if` or a `case` beyond which the arm is looked for by halving, so that regions do not lie in each other as
/// deeply as the chain is long.
const LONG_CHAIN: usize = 12;

/// Operators that must not stand in a region of their own.
const OPERATORS: [&str; 21] = [
    "ddt",
    "idt",
    "idtmod",
    "$limit",
    "ddx",
    "cross",
    "above",
    "timer",
    "transition",
    "slew",
    "absdelay",
    "last_crossing",
    "laplace_nd",
    "laplace_np",
    "laplace_zd",
    "laplace_zp",
    "zi_nd",
    "zi_np",
    "zi_zd",
    "zi_zp",
    "$discontinuity",
];

impl Lowerer<'_> {
    /// One statement. Mistakes leave their message; lowering goes on behind them.
    pub fn statement(&mut self, statement: &Statement) {
        if self.burn(statement.span).is_err() || self.descend(statement.span).is_err() {
            return;
        }
        self.builder.span = statement.span;
        let _ = match &statement.kind {
            StatementKind::Empty => Ok(()),
            StatementKind::Block(block) => {
                self.block(block);
                Ok(())
            }
            StatementKind::Assign(target, value) => self.assign(target, value),
            StatementKind::Contribute(target, value) => match self.context {
                Context::Analog => self.contribute(target, value),
                _ => self.error(statement.span, "a contribution in a function", "it belongs to the analog block"),
            },
            StatementKind::Indirect(target, left, right) => match self.context {
                Context::Analog => self.indirect(target, left, right),
                _ => self.error(statement.span, "a contribution in a function", "it belongs to the analog block"),
            },
            StatementKind::If(arms, otherwise) => self.if_statement(arms, otherwise.as_deref()),
            StatementKind::Case(subject, arms, default) => self.case(subject, arms, default.as_deref()),
            StatementKind::For(initial, condition, step, body) => {
                self.statement(initial);
                self.repeat_while(condition, Some(step), body)
            }
            StatementKind::While(condition, body) => self.repeat_while(condition, None, body),
            StatementKind::Repeat(count, body) => self.repeat(count, body),
            StatementKind::Event(events, body) => self.event(events, body),
            StatementKind::Call(call) => self.call_statement(call),
            StatementKind::Return(value) => self.return_value(value.as_ref(), statement.span),
        };
        self.ascend();
        self.latest = self.latest.max(statement.order);
    }

    fn block(&mut self, block: &Block) {
        self.scopes.push(Default::default());
        for variable in &block.variables {
            self.declare(variable, self.context != Context::Analog || self.loops > 0);
        }
        for parameter in &block.parameters {
            let kind = parameter.kind.map_or(Kind::Real, Kind::from);
            let term = self.expression(&parameter.default).and_then(|t| self.convert(t, kind, parameter.span));
            if let (Ok(term), Some(scope)) = (term, self.scopes.last_mut()) {
                scope.insert(parameter.name.text.clone(), Local::Constant(term));
            }
        }
        self.sequence(&block.statements);
        self.scopes.pop();
    }

    /// Slots that an assignment's left-hand side may mean, and a condition for each unless it is the only one.
    fn targets(&mut self, target: &Expr) -> Lowered<Vec<(usize, Option<Value>)>> {
        match &target.kind {
            ExprKind::Name(name) => match self.find(name) {
                Some(Local::Variable(slot, None)) => Ok(vec![(slot, None)]),
                Some(Local::Variable(..)) => {
                    self.error(target.span, format!("`{name}` is an array"), "expected an index in brackets")
                }
                Some(Local::Constant(_)) => self.error(target.span, format!("`{name}` is a parameter"), "it cannot be assigned to"),
                None => self.bad_target(name, target.span),
            },
            ExprKind::Index(name, index) => {
                let array = self.array(&name.text, name.span)?;
                let at = self.expression(index)?;
                let at = self.convert(at, Kind::Int, index.span)?.value;
                if let Some(constant) = self.builder.constant(at) {
                    let slot = self.constant_element(&name.text, array, constant as i32, index.span)?;
                    return Ok(vec![(slot, None)]);
                }
                self.burn_for(array.2, index.span)?;
                let mut targets = Vec::new();
                for k in 0..array.2 {
                    let here = self.builder.int(array.1 + k as i32);
                    targets.push((array.0 + k as usize, Some(self.builder.op(Op::Eq, &[at, here]))));
                }
                Ok(targets)
            }
            ExprKind::Call(name, _) if self.world.is_access(&name.text) => self.error(
                target.span,
                format!("`{}(...)` cannot be assigned to", name.text),
                "contributions are written with `<+`",
            ),
            _ => self.error(target.span, "this cannot be assigned to", "expected a variable"),
        }
    }

    fn bad_target<T>(&mut self, name: &str, span: Span) -> Lowered<T> {
        match self.symbols.names.get(name).map(|(symbol, _)| *symbol) {
            Some(Symbol::Parameter(_)) => self.error(span, format!("`{name}` is a parameter"), "it cannot be assigned to"),
            Some(Symbol::Variable(_)) => {
                self.error(span, format!("`{name}` belongs to the module"), "a function sees its own variables only")
            }
            Some(_) => self.error(span, format!("`{name}` is not a variable"), "it cannot be assigned to"),
            None => self.undeclared(name, span),
        }
    }

    fn assign(&mut self, target: &Expr, value: &Expr) -> Lowered<()> {
        if let ExprKind::Name(name) = &target.kind {
            self.target = Some(name.clone());
        }
        let term = self.expression(value);
        self.target = None;
        let term = match term {
            Ok(term) => term,
            Err(Abort) => {
                // Written, whatever it is: no further complaints.
                for (slot, _) in self.targets(target)? {
                    let zero = self.zero(self.slots[slot].kind);
                    self.write(slot, zero);
                }
                return Err(Abort);
            }
        };
        self.write_to(target, term, value.span)
    }

    /// Writes to a variable or to an element of an array.
    pub fn write_to(&mut self, target: &Expr, value: Term, span: Span) -> Lowered<()> {
        for (slot, condition) in self.targets(target)? {
            let kind = self.slots[slot].kind;
            let mut term = self.convert(value, kind, span)?;
            if let Some(condition) = condition {
                let old = self.read(slot);
                term = self.join(condition, term, old);
            }
            if let Some(charge) = term.charge {
                let name = self.slots[slot].name.clone();
                self.charge_names.push((charge, name));
            }
            self.write(slot, term);
        }
        Ok(())
    }

    /// Sets a variable.
    pub fn write(&mut self, slot: usize, term: Term) {
        if self.state.variables.len() <= slot {
            self.state.variables.set_len(slot + 1);
        }
        if term.charge.is_some() {
            self.charge_slots.insert(slot);
        }
        self.state.variables[slot] = Some(term);
    }

    fn if_statement(&mut self, arms: &[(Expr, Statement)], otherwise: Option<&Statement>) -> Lowered<()> {
        let flat = arms.iter().any(|(_, s)| self.must_be_flat(s)) || otherwise.is_some_and(|s| self.must_be_flat(s));
        let flat = flat || arms.iter().skip(1).any(|(c, _)| self.holds_operators(c));
        if arms.len() <= LONG_CHAIN {
            return self.chain_of_ifs(arms, otherwise, flat);
        }
        let conditions: Vec<Lowered<Value>> = arms.iter().map(|(c, _)| self.condition(c)).collect();
        let conditions: Lowered<Vec<Value>> = conditions.into_iter().collect();
        match &conditions {
            Ok(conditions) => {
                let bodies: Vec<Option<&Statement>> = arms.iter().map(|(_, s)| Some(s)).chain([otherwise]).collect();
                self.choose(conditions, &bodies, flat);
            }
            // The arms have mistakes of their own.
            Err(Abort) => arms.iter().map(|(_, s)| s).chain(otherwise).for_each(|s| self.statement(s)),
        }
        conditions.map(|_| ())
    }

    fn chain_of_ifs(&mut self, arms: &[(Expr, Statement)], otherwise: Option<&Statement>, flat: bool) -> Lowered<()> {
        let Some(((condition, then), rest)) = arms.split_first() else {
            otherwise.into_iter().for_each(|s| self.statement(s));
            return Ok(());
        };
        let Ok(condition) = self.condition(condition) else {
            self.statement(then);
            let _ = self.chain_of_ifs(rest, otherwise, flat);
            return Err(Abort);
        };
        let mut result = Ok(());
        self.fork(condition, flat, &mut |l| l.statement(then), &mut |l| result = l.chain_of_ifs(rest, otherwise, flat));
        result
    }

    /// The body of the first condition that holds, or the last body if none does.
    fn choose(&mut self, conditions: &[Value], bodies: &[Option<&Statement>], flat: bool) {
        let mut taken = self.builder.int(conditions.len() as i32);
        for (k, condition) in conditions.iter().enumerate().rev() {
            let here = self.builder.int(k as i32);
            taken = self.builder.select(*condition, here, taken);
        }
        self.halved(taken, 0, bodies, flat);
    }

    /// Body number `taken` of those from `first` on.
    fn halved(&mut self, taken: Value, first: usize, bodies: &[Option<&Statement>], flat: bool) {
        match bodies {
            [] => {}
            [body] => body.iter().for_each(|s| self.statement(s)),
            _ => {
                let (low, high) = bodies.split_at(bodies.len() / 2);
                let middle = first + low.len();
                let border = self.builder.int(middle as i32);
                let is_low = self.builder.op(Op::Lt, &[taken, border]);
                self.fork(is_low, flat, &mut |l| l.halved(taken, first, low, flat), &mut |l| l.halved(taken, middle, high, flat));
            }
        }
    }

    fn case(&mut self, subject: &Expr, arms: &[(Vec<Expr>, Statement)], default: Option<&Statement>) -> Lowered<()> {
        let value = self.expression(subject)?;
        let flat = arms.iter().any(|(_, s)| self.must_be_flat(s)) || default.is_some_and(|s| self.must_be_flat(s));
        if arms.len() <= LONG_CHAIN {
            self.case_arms(value, subject.span, arms, default, flat);
            return Ok(());
        }
        let conditions: Vec<Value> = arms.iter().map(|(labels, _)| self.labelled(value, labels, subject.span)).collect();
        let bodies: Vec<Option<&Statement>> = arms.iter().map(|(_, s)| Some(s)).chain([default]).collect();
        self.choose(&conditions, &bodies, flat);
        Ok(())
    }

    /// The arms of a `case` as a chain of `if`s.
    fn case_arms(&mut self, subject: Term, span: Span, arms: &[(Vec<Expr>, Statement)], default: Option<&Statement>, flat: bool) {
        let Some(((labels, statement), rest)) = arms.split_first() else {
            default.into_iter().for_each(|s| self.statement(s));
            return;
        };
        let condition = self.labelled(subject, labels, span);
        self.fork(condition, flat, &mut |l| l.statement(statement), &mut |l| l.case_arms(subject, span, rest, default, flat));
    }

    /// True if the subject of a `case` is one of the labels.
    fn labelled(&mut self, subject: Term, labels: &[Expr], span: Span) -> Value {
        let mut condition = self.builder.boolean(false);
        for label in labels {
            let fits = match &label.kind {
                ExprKind::Range(low, high) => self.within(subject, low, high, span.to(label.span)),
                _ => self.expression(label).and_then(|v| self.binary(Binary::Eq, subject, v, span.to(label.span))),
            };
            if let Ok(fits) = fits {
                condition = self.builder.op(Op::Or, &[condition, fits.value]);
            }
        }
        condition
    }

    fn within(&mut self, subject: Term, low: &Expr, high: &Expr, span: Span) -> Lowered<Term> {
        let (low, high) = (self.expression(low)?, self.expression(high)?);
        let (above, below) = (self.binary(Binary::Ge, subject, low, span)?, self.binary(Binary::Le, subject, high, span)?);
        self.binary(Binary::And, above, below, span)
    }

    /// True if a statement has to be lowered without a region of its own.
    fn must_be_flat(&self, statement: &Statement) -> bool {
        let charged: BTreeSet<&str> = self.charged();
        let mut found = false;
        if self.state.marks.iter().flatten().any(|mark| mark.charge.is_some()) {
            // A branch may lose its charge in one arm.
            walk(statement, &mut |s| found |= matches!(s.kind, StatementKind::Contribute(..)));
        }
        visit(statement, &mut |expr| found |= has_operator(expr, &charged));
        found
    }

    /// True if an expression has to be lowered outside of regions.
    fn holds_operators(&self, expr: &Expr) -> bool {
        let charged = self.charged();
        let mut found = false;
        visit_expression(expr, &mut |e| found |= has_operator(e, &charged));
        found
    }

    /// Names of variables whose present value has a charge.
    fn charged(&self) -> BTreeSet<&str> {
        let has = |slot: &&usize| self.state.variables.get(**slot).copied().flatten().is_some_and(|t| t.charge.is_some());
        self.charge_slots.iter().filter(has).filter_map(|slot| self.slots.get(*slot)).map(|slot| slot.name.as_str()).collect()
    }

    /// Lowers two arms from one state and joins what they leave behind.
    pub fn fork(&mut self, condition: Value, flat: bool, then: &mut dyn FnMut(&mut Self), otherwise: &mut dyn FnMut(&mut Self)) {
        if let Some(fixed) = self.builder.constant(condition) {
            return if fixed != 0.0 { then(self) } else { otherwise(self) };
        }
        let before = self.state.clone();
        if flat {
            self.guards.push(condition);
            then(self);
            self.guards.pop();
            let first = std::mem::replace(&mut self.state, before);
            let not = self.builder.op(Op::Not, &[condition]);
            self.guards.push(not);
            otherwise(self);
            self.guards.pop();
            let second = std::mem::take(&mut self.state);
            let (mut first, second) = self.level(condition, first, second);
            for (all, others) in [(&mut first.variables, &second.variables), (&mut first.marks, &second.marks)] {
                for k in all.differing(others) {
                    if let (Some(a), Some(b)) = (all[k], others[k]) {
                        all[k] = Some(self.join(condition, a, b));
                    }
                }
            }
            self.state = first;
            return;
        }
        self.builder.begin_if(condition);
        self.regions += 1;
        then(self);
        let first = std::mem::replace(&mut self.state, before);
        self.builder.begin_else();
        otherwise(self);
        self.regions -= 1;
        let second = std::mem::take(&mut self.state);
        let (mut first, second) = self.level(condition, first, second);
        let (variables, marks) = (first.variables.differing(&second.variables), first.marks.differing(&second.marks));
        let pair = |a: &Terms, b: &Terms, k: usize| a[k].zip(b[k]).map(|(x, y)| (x.value, y.value));
        let of_variables = variables.iter().filter_map(|k| pair(&first.variables, &second.variables, *k));
        let of_marks = marks.iter().filter_map(|k| pair(&first.marks, &second.marks, *k));
        let pairs: Vec<(Value, Value)> = of_variables.chain(of_marks).collect();
        let mut results = self.builder.end_if(&pairs).into_iter();
        for (all, changed) in [(&mut first.variables, &variables), (&mut first.marks, &marks)] {
            for k in changed {
                if let (Some(term), Some(value)) = (&mut all[*k], results.next()) {
                    term.value = value;
                }
            }
        }
        self.state = first;
    }

    /// Gives both states the same length, and a value wherever the other one has one.
    fn level(&mut self, condition: Value, mut a: State, mut b: State) -> (State, State) {
        let variables = a.variables.len().max(b.variables.len());
        a.variables.set_len(variables);
        b.variables.set_len(variables);
        let fixed = self.is_fixed(condition);
        for slot in a.variables.differing(&b.variables) {
            if a.variables[slot].is_some() != b.variables[slot].is_some() {
                let missing = self.not_written(slot, fixed);
                let (x, y) = (&mut a.variables[slot], &mut b.variables[slot]);
                *x = x.or(Some(missing));
                *y = y.or(Some(missing));
            }
        }
        let marks = a.marks.len().max(b.marks.len());
        a.marks.set_len(marks);
        b.marks.set_len(marks);
        for mark in a.marks.differing(&b.marks) {
            if a.marks[mark].is_some() != b.marks[mark].is_some() {
                a.marks[mark] = a.marks[mark].or(Some(self.rests[mark]));
                b.marks[mark] = b.marks[mark].or(Some(self.rests[mark]));
            }
        }
        (a, b)
    }

    /// The value of a variable in an arm that does not write it. Under a fixed condition with no assignment further down it
    /// can never have had a value, so that nothing needs to be remembered.
    fn not_written(&mut self, slot: usize, fixed: bool) -> Term {
        let info = &self.slots[slot];
        let later = self.assignments.get(&info.name).is_some_and(|orders| orders.iter().any(|o| *o > self.latest));
        if !fixed || later {
            return self.unwritten(slot);
        }
        match info.initial {
            Some(value) => Term::new(value, info.kind),
            None => self.zero(self.slots[slot].kind),
        }
    }

    /// `while (condition) { body; step }`.
    fn repeat_while(&mut self, condition: &Expr, step: Option<&Statement>, body: &Statement) -> Lowered<()> {
        let (forced, returns, flat) = (must_be_unrolled(body), holds_return(body), self.must_be_flat(body));
        let mut round = |l: &mut Self| {
            l.statement(body);
            step.into_iter().for_each(|s| l.statement(s));
        };
        let mut holds = |l: &mut Self| {
            let holds = l.condition(condition)?;
            Ok(if returns { l.not_returned(holds) } else { holds })
        };
        for _ in 0..if forced { MOST_FORCED } else { MOST_ROUNDS } {
            let goes_on = holds(self)?;
            match self.builder.constant(goes_on) {
                Some(0.0) => return Ok(()),
                Some(_) => {
                    self.burn(condition.span)?;
                    round(self);
                }
                None => break,
            }
        }
        match forced {
            true => self.guarded_rounds(&mut holds, &mut round, condition.span, flat),
            false => self.rolled(&mut holds, &mut round, &[Some(body), step]),
        }
    }

    /// A loop whose rounds change, unrolled: every round is under the condition that the loop is not yet over.
    fn guarded_rounds(
        &mut self,
        holds: &mut dyn FnMut(&mut Self) -> Lowered<Value>,
        round: &mut dyn FnMut(&mut Self),
        span: Span,
        flat: bool,
    ) -> Lowered<()> {
        let mut active = self.builder.boolean(true);
        for _ in 0..MOST_GUARDED {
            let goes_on = holds(self)?;
            active = self.builder.op(Op::And, &[active, goes_on]);
            if self.builder.constant(active) == Some(0.0) {
                return Ok(());
            }
            self.burn(span)?;
            self.fork(active, flat, round, &mut |_| {});
        }
        let goes_on = holds(self)?;
        active = self.builder.op(Op::And, &[active, goes_on]);
        match self.builder.constant(active) {
            Some(0.0) => {}
            Some(_) => {
                let remark = format!("contributions, messages and operators need loops of at most {MOST_FORCED} rounds");
                return self.error(span, "this loop has too many rounds", remark);
            }
            None => {
                let text = format!("a loop with contributions, messages or operators needs more than {MOST_GUARDED} rounds");
                self.fork(active, true, &mut |l| l.fatal(&text, span), &mut |_| {});
            }
        }
        Ok(())
    }

    /// `repeat (count) body`.
    fn repeat(&mut self, count: &Expr, body: &Statement) -> Lowered<()> {
        let count_term = self.expression(count)?;
        let rounds = self.convert(count_term, Kind::Int, count.span)?.value;
        let (forced, returns, flat) = (must_be_unrolled(body), holds_return(body), self.must_be_flat(body));
        let most = if forced { MOST_FORCED } else { MOST_ROUNDS };
        if let Some(constant) = self.builder.constant(rounds)
            && constant <= most as f64
            && !returns
        {
            for _ in 0..constant.max(0.0) as usize {
                self.burn(count.span)?;
                self.statement(body);
            }
            return Ok(());
        }
        // A counter of its own.
        let slot = self.new_slot("", Kind::Int, count.span, true);
        let zero = self.zero(Kind::Int);
        self.write(slot, zero);
        let one = self.builder.int(1);
        let mut holds = |l: &mut Self| {
            let at = l.read(slot).value;
            let holds = l.builder.op(Op::Lt, &[at, rounds]);
            Ok(if returns { l.not_returned(holds) } else { holds })
        };
        let mut round = |l: &mut Self| {
            l.statement(body);
            let at = l.read(slot).value;
            let next = l.builder.op(Op::IntAdd, &[at, one]);
            l.write(slot, Term::new(next, Kind::Int));
        };
        match forced {
            true => self.guarded_rounds(&mut holds, &mut round, count.span, flat),
            false => self.rolled(&mut holds, &mut round, &[Some(body)]),
        }
    }

    /// A loop of the IR. Carried are the variables that its parts assign to, and slots that were made for it.
    fn rolled(
        &mut self,
        condition: &mut dyn FnMut(&mut Self) -> Lowered<Value>,
        body: &mut dyn FnMut(&mut Self),
        parts: &[Option<&Statement>],
    ) -> Lowered<()> {
        let mut names = BTreeSet::new();
        for part in parts.iter().flatten() {
            assigned(part, &self.module.functions, &mut |name, _| {
                names.insert(name.to_string());
            });
        }
        if parts.iter().flatten().any(|part| holds_return(part)) {
            names.extend(self.calls.last().map(|k| self.module.functions[*k].name.text.clone()));
        }
        let mut slots: Vec<usize> = Vec::new();
        for name in &names {
            if let Some(Local::Variable(slot, array)) = self.find(name) {
                slots.extend(slot..slot + array.map_or(1, |(_, length)| length as usize));
            }
        }
        slots.extend((0..self.slots.len()).filter(|k| {
            (self.slots[*k].name.is_empty() || self.slots[*k].name.starts_with('$'))
                && self.state.variables.get(*k).is_some_and(Option::is_some)
        }));
        let mut initial = Vec::new();
        for slot in &slots {
            let term = self.read(*slot);
            initial.push(self.resolved(term).value);
        }
        let base = self.slots.len();
        let carried = self.builder.begin_loop(&initial);
        (self.loops, self.regions) = (self.loops + 1, self.regions + 1);
        for (slot, value) in slots.iter().zip(&carried) {
            let kind = self.slots[*slot].kind;
            self.write(*slot, Term::new(*value, kind));
        }
        let holds = condition(self);
        body(self);
        let next: Vec<Value> = slots.iter().map(|slot| self.read(*slot).value).collect();
        (self.loops, self.regions) = (self.loops - 1, self.regions - 1);
        let no = self.builder.boolean(false);
        // Variables of blocks inside do not outlive the loop.
        self.state.variables.clear_from(base);
        let results = self.builder.end_loop(*holds.as_ref().unwrap_or(&no), &next);
        for (slot, value) in slots.iter().zip(results) {
            let kind = self.slots[*slot].kind;
            self.write(*slot, Term::new(value, kind));
        }
        holds.map(|_| ())
    }

    /// `@(initial_step(analyses)) body`: while an operating point is found. Variables written there and nowhere else, from
    /// parameters alone, have that value always; others are remembered.
    pub fn initial_step(&mut self, analyses: &[Expr], body: &Statement) {
        let mut condition = self.starting_phases(analyses);
        if let Some(begun) = self.begun() {
            let not = self.builder.op(Op::Not, &[begun]);
            condition = self.builder.op(Op::And, &[condition, not]);
        }
        let before = self.state.clone();
        let outer = std::mem::replace(&mut self.moment, Moment::First);
        self.fork(condition, true, &mut |l| l.statement(body), &mut |_| {});
        self.moment = outer;
        if analyses.is_empty() && self.guards.is_empty() {
            self.settle(body, before, condition);
        }
    }

    /// True in the operating points that begin these analyses; without a list, in all.
    pub fn starting_phases(&mut self, analyses: &[Expr]) -> Value {
        let mut numbers: Vec<i32> = Vec::new();
        for analysis in analyses {
            match &analysis.kind {
                ExprKind::Text(name) => match phases(name) {
                    // Small-signal analyses start with an operating point of their own.
                    Some([3]) => numbers.push(0),
                    Some(found) => numbers.extend(found.iter().filter(|n| **n < 2)),
                    None => {}
                },
                _ => {
                    let _ = self.error::<()>(analysis.span, "this must be a string", "expected the name of an analysis");
                }
            }
        }
        if analyses.is_empty() {
            numbers = vec![0, 1];
        }
        self.in_phase(&numbers)
    }

    /// Takes back the memory of variables that the initial step sets from parameters alone.
    fn settle(&mut self, body: &Statement, before: State, condition: Value) {
        let mut here = Vec::new();
        assigned(body, &self.module.functions, &mut |name, order| here.push((name.to_string(), order)));
        for (name, _) in &here {
            let only =
                self.assignments.get(name).is_some_and(|all| all.iter().all(|o| here.iter().any(|(n, h)| n == name && h == o)));
            let Some(Local::Variable(slot, None)) = self.find(name) else { continue };
            let unwritten = before.variables.get(slot).copied().flatten().is_none();
            let Some(Some(term)) = self.state.variables.get(slot).copied() else { continue };
            if !only || !unwritten {
                continue;
            }
            let taken = match self.builder.function.insts[term.value.0 as usize] {
                crate::ir::Inst::Op(Op::Select, [c, then, _]) if c == condition => then,
                _ => continue,
            };
            if self.is_fixed(taken) {
                self.write(slot, Term::new(taken, term.kind));
            }
        }
    }

    /// `@(final_step) body`: what it says is said at the end; what it computes is read by nobody.
    pub fn final_step(&mut self, body: &Statement) {
        let variables = self.state.variables.clone();
        let outer = std::mem::replace(&mut self.moment, Moment::Last);
        self.statement(body);
        self.moment = outer;
        self.state.variables = variables;
    }
}

/// True for an operator, and for a name whose value has a charge.
fn has_operator(expr: &Expr, charged: &BTreeSet<&str>) -> bool {
    match &expr.kind {
        ExprKind::Call(name, _) => OPERATORS.contains(&name.text.as_str()),
        ExprKind::Name(name) => charged.contains(name.as_str()),
        ExprKind::Index(name, _) => charged.contains(name.text.as_str()),
        _ => false,
    }
}

/// True if the body of a loop does something that has to be known round by round: contributions, messages, operators.
fn must_be_unrolled(body: &Statement) -> bool {
    let mut found = false;
    visit(body, &mut |expr| found |= has_operator(expr, &BTreeSet::new()));
    walk(body, &mut |s| match &s.kind {
        StatementKind::Contribute(..) | StatementKind::Indirect(..) | StatementKind::Event(..) => found = true,
        StatementKind::Call(Expr { kind: ExprKind::Call(name, _), .. }) => found |= name.text.starts_with('$'),
        _ => {}
    });
    found
}

/// True if a statement may end the function that it belongs to.
pub fn holds_return(statement: &Statement) -> bool {
    let mut found = false;
    walk(statement, &mut |s| found |= matches!(s.kind, StatementKind::Return(_)));
    found
}
