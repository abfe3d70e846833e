//! Builder of functions: folds constants, shares equal subexpressions, turns cheap branches into selections.
//!
//! Takes operations one by one, gives a [`Function`] in which nothing is unused. Equal instructions are shared inside a
//! region and with the regions around it, never between the arms of an `If`. Constants and inputs live in region 0.

use rustc_hash::FxHashMap as HashMap;

use crate::ir::fold::simplify;
use crate::ir::live::prune;
use crate::ir::op::Takes;
use crate::ir::table::Table;
use crate::ir::{Function, Input, Inst, Item, Node, NodeKind, Op, Region, Type, Value};
use crate::span::Span;

/// Arms that cost less than this many additions together are computed both and selected from.
const CHEAP: u32 = 16;

/// What makes two instructions the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Const(u64, Type),
    Input(Input),
    Op(Op, [Value; 3]),
    Partial(Value, u32),
}

/// An `If` or a `Loop` that is being built.
enum Open {
    /// `fixed`: the value of a constant condition.
    If {
        condition: Value,
        fixed: Option<bool>,
        then: Region,
        otherwise: Region,
    },
    Loop {
        node: Node,
        initial: Vec<Value>,
        body: Region,
    },
}

/// An open construct, the region around it, and how many keys there were when its current region was opened.
struct Frame {
    open: Open,
    outer: Region,
    mark: usize,
}

/// Makes a [`Function`], instruction by instruction.
pub struct Builder {
    /// What is being built.
    pub function: Function,
    /// Place given to new values.
    pub span: Span,
    region: Region,
    frames: Vec<Frame>,
    known: HashMap<Key, Value>,
    /// Keys in the order in which they were added, to forget those of a closed region.
    added: Vec<Key>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// A function without anything in it.
    pub fn new() -> Builder {
        Builder {
            function: Function { regions: vec![Vec::new()], ..Function::default() },
            span: Span::default(),
            region: Region(0),
            frames: Vec::new(),
            known: HashMap::default(),
            added: Vec::new(),
        }
    }

    /// A function without anything in it but the tables of another one.
    pub fn beside(other: &Function) -> Builder {
        let mut builder = Builder::new();
        builder.function.tables.clone_from(&other.tables);
        builder
    }

    /// Number of a table that lookups may read.
    pub fn table(&mut self, table: std::sync::Arc<Table>) -> u32 {
        let tables = &mut self.function.tables;
        let known = tables.iter().position(|t| *t == table);
        known.unwrap_or_else(|| {
            tables.push(table);
            tables.len() - 1
        }) as u32
    }

    /// A real constant.
    pub fn real(&mut self, value: f64) -> Value {
        self.number(value, Type::Real)
    }

    /// An integer constant.
    pub fn int(&mut self, value: i32) -> Value {
        self.number(f64::from(value), Type::Int)
    }

    /// A truth value.
    pub fn boolean(&mut self, value: bool) -> Value {
        self.number(f64::from(u8::from(value)), Type::Bool)
    }

    /// A constant of any type.
    pub fn number(&mut self, value: f64, kind: Type) -> Value {
        self.global(Key::Const(value.to_bits(), kind), Inst::Const(value), kind)
    }

    /// Something from outside.
    pub fn input(&mut self, input: Input, kind: Type) -> Value {
        self.global(Key::Input(input), Inst::Input(input), kind)
    }

    /// An operation; arguments must have the types that it wants (convert with `Op::ToReal` etc.).
    pub fn op(&mut self, op: Op, arguments: &[Value]) -> Value {
        let kind = self.result_type(op, arguments);
        let mut padded = [arguments[0]; 3];
        padded[..arguments.len()].copy_from_slice(arguments);
        if let Some(folded) = self.fold(op, padded, kind) {
            return folded;
        }
        if let Some(simpler) = simplify(self, op, padded, kind) {
            return simpler;
        }
        if matches!(op, Op::Add | Op::Mul | Op::IntAdd | Op::IntMul | Op::And | Op::Or | Op::Eq | Op::Ne) && padded[1] < padded[0] {
            padded.swap(0, 1);
            padded[2] = padded[0];
        }
        self.local(Key::Op(op, padded), Inst::Op(op, padded), kind)
    }

    /// `condition ? a : b`.
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        self.op(Op::Select, &[condition, a, b])
    }

    /// The constant that a value is, if it is one.
    pub fn constant(&self, value: Value) -> Option<f64> {
        match self.function.insts[value.0 as usize] {
            Inst::Const(number) => Some(number),
            _ => None,
        }
    }

    /// The operation that makes a value, if one does.
    pub fn operation(&self, value: Value) -> Option<Op> {
        match self.function.insts[value.0 as usize] {
            Inst::Op(op, _) => Some(op),
            _ => None,
        }
    }

    /// Type of a value.
    pub fn type_of(&self, value: Value) -> Type {
        self.function.types[value.0 as usize]
    }

    /// Partial derivative of `value` by probe `probe`, all other probes held (`ddx`).
    pub fn partial(&mut self, value: Value, probe: u32) -> Value {
        match self.function.insts[value.0 as usize] {
            Inst::Const(_) => self.real(0.0),
            Inst::Input(Input::Probe(k)) if k == probe => self.real(1.0),
            Inst::Input(_) => self.real(0.0),
            _ => self.local(Key::Partial(value, probe), Inst::Partial(value, probe), Type::Real),
        }
    }

    /// Opens an `If`: what follows, up to `begin_else`, belongs to its first arm.
    pub fn begin_if(&mut self, condition: Value) {
        assert!(self.type_of(condition) == Type::Bool, "the condition of an If is a truth value");
        let fixed = self.constant(condition).map(|c| c != 0.0);
        let outer = self.region;
        let then = if fixed == Some(true) { outer } else { self.new_region() };
        let otherwise = if fixed == Some(false) { outer } else { self.new_region() };
        self.frames.push(Frame { open: Open::If { condition, fixed, then, otherwise }, outer, mark: self.added.len() });
        self.region = then;
    }

    /// Ends the first arm of the innermost `If`, opens the second.
    pub fn begin_else(&mut self) {
        let Some(Frame { open: Open::If { fixed, otherwise, .. }, mark, .. }) = self.frames.last() else {
            panic!("begin_else without begin_if");
        };
        let (fixed, otherwise, mark) = (*fixed, *otherwise, *mark);
        if fixed != Some(true) {
            self.forget(mark);
        }
        let mark = self.added.len();
        self.region = otherwise;
        if let Some(frame) = self.frames.last_mut() {
            frame.mark = mark;
        }
    }

    /// Closes the innermost `If`. `pairs`: what the first and the second arm hand out. An `If` whose arms are cheap becomes
    /// selections; one whose condition is constant is replaced by the arm taken.
    pub fn end_if(&mut self, pairs: &[(Value, Value)]) -> Vec<Value> {
        let Some(Frame { open: Open::If { condition, fixed, then, otherwise }, outer, mark }) = self.frames.pop() else {
            panic!("end_if without begin_if");
        };
        for (a, b) in pairs {
            assert!(self.type_of(*a) == self.type_of(*b), "both arms of an If hand out the same types");
        }
        self.region = outer;
        match fixed {
            Some(true) => {
                self.forget(mark);
                return pairs.iter().map(|(a, _)| *a).collect();
            }
            Some(false) => return pairs.iter().map(|(_, b)| *b).collect(),
            None => self.forget(mark),
        }
        let differ: Vec<(Value, Value)> = pairs.iter().copied().filter(|(a, b)| a != b).collect();
        if differ.is_empty() {
            return pairs.iter().map(|(a, _)| *a).collect();
        }
        if self.straight_cost(then).zip(self.straight_cost(otherwise)).is_some_and(|(a, b)| a + b <= CHEAP) {
            return self.select_all(condition, then, otherwise, pairs);
        }
        let node = self.new_node(NodeKind::If {
            condition,
            then: (then, differ.iter().map(|p| p.0).collect()),
            otherwise: (otherwise, differ.iter().map(|p| p.1).collect()),
        });
        self.function.regions[outer.0 as usize].push(Item::Node(node));
        let mut index = 0..;
        let give = |pair: &(Value, Value), builder: &mut Builder| {
            if pair.0 == pair.1 {
                return pair.0;
            }
            let kind = builder.type_of(pair.0);
            builder.emit(builder.region, Inst::Result(node, index.next().unwrap_or(0)), kind)
        };
        let mut give = give;
        pairs.iter().map(|pair| give(pair, self)).collect()
    }

    /// Opens a loop that carries values starting with `initial`; gives the carried values as seen in the body.
    pub fn begin_loop(&mut self, initial: &[Value]) -> Vec<Value> {
        let (outer, body) = (self.region, self.new_region());
        let node = self.new_node(NodeKind::Loop { initial: Vec::new(), body, condition: Value(0), next: Vec::new() });
        let open = Open::Loop { node, initial: initial.to_vec(), body };
        self.frames.push(Frame { open, outer, mark: self.added.len() });
        self.region = body;
        let carried = initial.iter().enumerate();
        carried.map(|(k, v)| self.emit(body, Inst::Carried(node, k as u32), self.type_of(*v))).collect()
    }

    /// Closes the innermost loop: goes on with `next` while `condition` (see `NodeKind::Loop`); gives the results.
    pub fn end_loop(&mut self, condition: Value, next: &[Value]) -> Vec<Value> {
        let Some(Frame { open: Open::Loop { node, initial, body }, outer, mark }) = self.frames.pop() else {
            panic!("end_loop without begin_loop");
        };
        assert!(self.type_of(condition) == Type::Bool && next.len() == initial.len(), "a loop goes on with what it began with");
        self.forget(mark);
        self.region = outer;
        if self.constant(condition) == Some(0.0) {
            return initial;
        }
        let kinds: Vec<Type> = initial.iter().map(|v| self.type_of(*v)).collect();
        self.function.nodes[node.0 as usize] = NodeKind::Loop { initial, body, condition, next: next.to_vec() };
        self.function.regions[outer.0 as usize].push(Item::Node(node));
        kinds.iter().enumerate().map(|(k, kind)| self.emit(outer, Inst::Result(node, k as u32), *kind)).collect()
    }

    /// Hands out `outputs`; unused instructions are removed.
    pub fn finish(self, outputs: Vec<Value>) -> Function {
        assert!(self.frames.is_empty(), "an If or a Loop is still open");
        prune(&self.function, &outputs)
    }

    /// Type of the result, after a check of the arguments' types.
    fn result_type(&self, op: Op, arguments: &[Value]) -> Type {
        let (takes, gives) = op.row().signature;
        assert!(takes.len() == arguments.len(), "{} takes {} arguments", op.row().name, takes.len());
        for (k, takes) in takes.iter().enumerate() {
            let kind = self.type_of(arguments[k]);
            let fits = match takes {
                Takes::Only(wanted) => kind == *wanted,
                Takes::Any => true,
                Takes::Same => kind == self.type_of(arguments[k - 1]),
            };
            assert!(fits, "argument {k} of {} is {kind:?}", op.row().name);
        }
        gives.unwrap_or_else(|| self.type_of(arguments[arguments.len() - 1]))
    }

    /// The constant that an operation on constants is.
    fn fold(&mut self, op: Op, arguments: [Value; 3], kind: Type) -> Option<Value> {
        if op == Op::Lookup {
            return None;
        }
        let mut numbers = [0.0; 3];
        for (number, argument) in numbers.iter_mut().zip(&arguments).take(op.arity()) {
            *number = self.constant(*argument)?;
        }
        Some(self.number(op.value(numbers), kind))
    }

    /// An instruction of region 0, whatever region is open: constants and inputs are the same everywhere.
    fn global(&mut self, key: Key, inst: Inst, kind: Type) -> Value {
        if let Some(value) = self.known.get(&key) {
            return *value;
        }
        let value = self.emit(Region(0), inst, kind);
        self.known.insert(key, value);
        value
    }

    /// An instruction of the open region, if there is no equal one in sight.
    fn local(&mut self, key: Key, inst: Inst, kind: Type) -> Value {
        if let Some(value) = self.known.get(&key) {
            return *value;
        }
        let value = self.emit(self.region, inst, kind);
        self.known.insert(key, value);
        self.added.push(key);
        value
    }

    /// Appends an instruction to a region.
    fn emit(&mut self, region: Region, inst: Inst, kind: Type) -> Value {
        let value = Value(self.function.insts.len() as u32);
        self.function.insts.push(inst);
        self.function.types.push(kind);
        self.function.spans.push(self.span);
        self.function.regions[region.0 as usize].push(Item::Value(value));
        value
    }

    fn new_region(&mut self) -> Region {
        self.function.regions.push(Vec::new());
        Region(self.function.regions.len() as u32 - 1)
    }

    fn new_node(&mut self, kind: NodeKind) -> Node {
        self.function.nodes.push(kind);
        Node(self.function.nodes.len() as u32 - 1)
    }

    /// Forgets the instructions that came after `mark`: they are out of sight.
    fn forget(&mut self, mark: usize) {
        for key in self.added.drain(mark..) {
            self.known.remove(&key);
        }
    }

    /// Cost of a region without control flow and without derivatives to be resolved.
    fn straight_cost(&self, region: Region) -> Option<u32> {
        let mut cost = 0;
        for item in &self.function.regions[region.0 as usize] {
            match item {
                Item::Value(v) => match self.function.insts[v.0 as usize] {
                    Inst::Op(op, _) => cost += op.row().cost,
                    _ => return None,
                },
                Item::Node(_) => return None,
            }
        }
        Some(cost)
    }

    /// Both arms in the open region, and a selection for every pair.
    fn select_all(&mut self, condition: Value, then: Region, otherwise: Region, pairs: &[(Value, Value)]) -> Vec<Value> {
        let (first, second) = (self.splice(then), self.splice(otherwise));
        let moved = |map: &HashMap<Value, Value>, v: Value| map.get(&v).copied().unwrap_or(v);
        pairs.iter().map(|(a, b)| self.select(condition, moved(&first, *a), moved(&second, *b))).collect()
    }

    /// Repeats a straight region in the open one; gives where its values went.
    fn splice(&mut self, region: Region) -> HashMap<Value, Value> {
        let (items, span) = (std::mem::take(&mut self.function.regions[region.0 as usize]), self.span);
        let mut map = HashMap::default();
        for item in items {
            let Item::Value(value) = item else { continue };
            if let Inst::Op(op, arguments) = self.function.insts[value.0 as usize] {
                let moved = arguments.map(|a| map.get(&a).copied().unwrap_or(a));
                self.span = self.function.spans[value.0 as usize];
                let copy = self.op(op, &moved[..op.arity()]);
                map.insert(value, copy);
            }
        }
        self.span = span;
        map
    }
}
