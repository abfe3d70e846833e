//! Which remembered values matter: a variable that one arm of an `if` leaves unwritten is remembered only if what it was can
//! reach an output along a way on which all conditions may hold at once.
//!
//! For each value the truths are gathered that every way from the remembered value has in common. A way that takes an arm whose
//! condition contradicts them is no way. `if (A) x = f; ... if (A && B) y = x;` thus remembers nothing.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ir::{Function, Input, Inst, NodeKind, Op, Type, Value};

/// Rounds after which loops are taken to hand on whatever enters them.
const MOST_ROUNDS: usize = 8;

/// Truths that are gathered; more of them are left out, which can only make more values count as read.
const MOST_TRUTHS: usize = 48;

/// Truths in order: a class of equal values, and what it is.
type Truths = Rc<Vec<(u32, bool)>>;

/// What is known of a truth value beyond its own name.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Shape {
    Other,
    Not(u32),
    And(u32, u32),
    Or(u32, u32),
    /// A value equals a constant (its bits).
    Is(u32, u64),
}

/// What makes two values equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Const(u64),
    Input(Input),
    Op(Op, [u32; 3]),
    /// A value that equals no other.
    Own(u32),
}

/// Classes of equal values, whichever region they stand in.
struct Classes {
    of: Vec<u32>,
    shapes: Vec<Shape>,
    constants: Vec<Option<u64>>,
    known: HashMap<Key, u32>,
}

impl Classes {
    fn new(function: &Function) -> Classes {
        let mut classes = Classes { of: Vec::new(), shapes: Vec::new(), constants: Vec::new(), known: HashMap::new() };
        for (k, inst) in function.insts.iter().enumerate() {
            let class = match inst {
                Inst::Const(number) => classes.class(Key::Const(number.to_bits()), Shape::Other),
                Inst::Input(input) => classes.class(Key::Input(*input), Shape::Other),
                Inst::Op(op, arguments) => {
                    let whole = function.types[arguments[0].0 as usize] == Type::Int;
                    let mut own = [u32::MAX; 3];
                    for (own, argument) in own.iter_mut().zip(&arguments[..op.arity()]) {
                        *own = classes.of[argument.0 as usize];
                    }
                    classes.operation(*op, own, whole)
                }
                _ => classes.class(Key::Own(k as u32), Shape::Other),
            };
            classes.of.push(class);
        }
        classes
    }

    fn class(&mut self, key: Key, shape: Shape) -> u32 {
        if let Some(class) = self.known.get(&key) {
            return *class;
        }
        let class = self.shapes.len() as u32;
        self.shapes.push(shape);
        self.constants.push(if let Key::Const(bits) = key { Some(bits) } else { None });
        self.known.insert(key, class);
        class
    }

    /// Comparisons that say the same, or the contrary, are led back to one of them. `whole`: they are of integers, of which
    /// none is not a number.
    fn operation(&mut self, op: Op, own: [u32; 3], whole: bool) -> u32 {
        let [a, b, _] = own;
        let turned = [b, a, own[2]];
        let contrary = |classes: &mut Classes, op: Op, arguments: [u32; 3]| {
            let other = classes.operation(op, arguments, whole);
            classes.class(Key::Op(Op::Not, [other, u32::MAX, u32::MAX]), Shape::Not(other))
        };
        match op {
            Op::Gt => self.operation(Op::Lt, turned, whole),
            Op::Ge if !whole => self.operation(Op::Le, turned, whole),
            Op::Ge => contrary(self, Op::Lt, own),
            Op::Le if whole => contrary(self, Op::Lt, turned),
            Op::Ne => contrary(self, Op::Eq, own),
            Op::Eq if self.constants[a as usize].is_some() || b < a && self.constants[b as usize].is_none() => {
                let shape = self.constants[a as usize].map_or(Shape::Other, |bits| Shape::Is(b, bits));
                self.class(Key::Op(op, turned), shape)
            }
            Op::Eq => {
                let shape = self.constants[b as usize].map_or(Shape::Other, |bits| Shape::Is(a, bits));
                self.class(Key::Op(op, own), shape)
            }
            Op::Not => self.class(Key::Op(op, own), Shape::Not(a)),
            Op::And => self.class(Key::Op(op, own), Shape::And(a, b)),
            Op::Or => self.class(Key::Op(op, own), Shape::Or(a, b)),
            _ => self.class(Key::Op(op, own), Shape::Other),
        }
    }

    /// What the truths say of a class, if they say anything.
    fn truth(&self, truths: &[(u32, bool)], class: u32) -> Option<bool> {
        if let Ok(at) = truths.binary_search_by_key(&class, |t| t.0) {
            return Some(truths[at].1);
        }
        if let Some(bits) = self.constants[class as usize] {
            return Some(f64::from_bits(bits) != 0.0);
        }
        match self.shapes[class as usize] {
            Shape::Other => None,
            Shape::Not(a) => self.truth(truths, a).map(|truth| !truth),
            Shape::And(a, b) => match (self.truth(truths, a), self.truth(truths, b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Shape::Or(a, b) => match (self.truth(truths, a), self.truth(truths, b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Shape::Is(a, bits) => {
                let other = |t: &(u32, bool)| t.1 && matches!(self.shapes[t.0 as usize], Shape::Is(x, y) if x == a && y != bits);
                if truths.iter().any(other) { Some(false) } else { None }
            }
        }
    }

    /// The truths with one more; `None` if it contradicts them.
    fn with(&self, truths: &Truths, class: u32, holds: bool) -> Option<Truths> {
        match self.truth(truths, class) {
            Some(truth) if truth == holds => return Some(truths.clone()),
            Some(_) => return None,
            None => {}
        }
        match (self.shapes[class as usize], holds) {
            (Shape::Not(a), _) => self.with(truths, a, !holds),
            (Shape::And(a, b), true) => self.with(&self.with(truths, a, true)?, b, true),
            (Shape::Or(a, b), false) => self.with(&self.with(truths, a, false)?, b, false),
            _ if truths.len() >= MOST_TRUTHS => Some(truths.clone()),
            _ => {
                let mut more = truths.to_vec();
                let at = more.partition_point(|t| t.0 < class);
                more.insert(at, (class, holds));
                Some(Rc::new(more))
            }
        }
    }
}

/// What two ways have in common; `None`: no way.
fn common(a: Option<Truths>, b: Option<Truths>) -> Option<Truths> {
    match (a, b) {
        (None, one) | (one, None) => one,
        (Some(a), Some(b)) if a == b => Some(a),
        (Some(a), Some(b)) => Some(Rc::new(a.iter().filter(|t| b.binary_search(t).is_ok()).copied().collect())),
    }
}

/// True if remembered value `past` may reach one of `roots`.
pub fn matters(function: &Function, roots: &[Value], past: u32) -> bool {
    let classes = Classes::new(function);
    let mut ways = Ways { function, classes: &classes, when: vec![None; function.insts.len()], carried: HashMap::new() };
    for _ in 0..MOST_ROUNDS {
        ways.pass(past);
        if !ways.loops_grow() {
            return roots.iter().any(|root| ways.when[root.0 as usize].is_some());
        }
    }
    true
}

/// What holds wherever a remembered value reaches each value.
struct Ways<'f> {
    function: &'f Function,
    classes: &'f Classes,
    when: Vec<Option<Truths>>,
    /// The same for what loops carry.
    carried: HashMap<(u32, u32), Option<Truths>>,
}

impl Ways<'_> {
    fn of(&self, value: Value) -> Option<Truths> {
        self.when[value.0 as usize].clone()
    }

    /// Through a choice.
    fn choice(&self, condition: Value, a: Value, b: Value) -> Option<Truths> {
        let class = self.classes.of[condition.0 as usize];
        let arm = |value: Value, holds: bool| self.of(value).and_then(|truths| self.classes.with(&truths, class, holds));
        common(self.of(condition), common(arm(a, true), arm(b, false)))
    }

    fn pass(&mut self, past: u32) {
        for k in 0..self.function.insts.len() {
            let way = match &self.function.insts[k] {
                Inst::Input(Input::Past(other)) if *other == past => Some(Rc::new(Vec::new())),
                Inst::Const(_) | Inst::Input(_) => None,
                Inst::Op(Op::Select, [condition, a, b]) => self.choice(*condition, *a, *b),
                Inst::Op(op, arguments) => arguments[..op.arity()].iter().fold(None, |all, v| common(all, self.of(*v))),
                Inst::Partial(value, _) => self.of(*value),
                Inst::Carried(node, index) => match self.carried.get(&(node.0, *index)) {
                    Some(way) => way.clone(),
                    None => self.initial(node.0, *index),
                },
                Inst::Result(node, index) => match &self.function.nodes[node.0 as usize] {
                    NodeKind::If { condition, then, otherwise } => {
                        self.choice(*condition, then.1[*index as usize], otherwise.1[*index as usize])
                    }
                    NodeKind::Loop { condition, .. } => {
                        let way = match self.carried.get(&(node.0, *index)) {
                            Some(way) => way.clone(),
                            None => self.initial(node.0, *index),
                        };
                        common(way, self.of(*condition))
                    }
                },
            };
            self.when[k] = way;
        }
    }

    fn initial(&self, node: u32, index: u32) -> Option<Truths> {
        match &self.function.nodes[node as usize] {
            NodeKind::Loop { initial, .. } => self.of(initial[index as usize]),
            NodeKind::If { .. } => None,
        }
    }

    /// What the rounds of loops add; true if anything is new.
    fn loops_grow(&mut self) -> bool {
        let mut grown = false;
        for (node, kind) in self.function.nodes.iter().enumerate() {
            let NodeKind::Loop { initial, next, .. } = kind else { continue };
            for (index, (first, later)) in initial.iter().zip(next).enumerate() {
                // What holds in one round need not hold in the next: only what held before the loop is kept.
                let first = self.of(*first);
                let later = self.of(*later).map(|way| first.as_ref().map_or(Rc::new(Vec::new()), |_| way));
                let key = (node as u32, index as u32);
                let old = self.carried.get(&key).cloned().unwrap_or_else(|| first.clone());
                // Truths may only become fewer, so that the rounds come to an end.
                let way = common(old.clone(), common(first, later));
                grown |= way != old;
                self.carried.insert(key, way);
            }
        }
        grown
    }
}
