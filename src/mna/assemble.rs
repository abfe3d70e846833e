//! From a circuit to numbered unknowns, banks, pattern and layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::circuit::{Circuit, Instance, OutputKind, SourceKind, Terminal};
use crate::dae::{Derived, Layout, OutputInfo, Part, Quantity, RowKind, Unknown};
use crate::mna::bank::{Bank, Request, Requested, branch_current};
use crate::mna::values::Values;
use crate::model::kernel::{Kernel, Place};
use crate::model::{LocalUnknown, Model, UnknownKind};
use crate::sparse::Pattern;

/// Numbers of all unknowns.
pub struct Numbering {
    /// Number of unknowns.
    pub n: usize,
    /// Unknown of each node.
    pub nodes: Vec<u32>,
    /// Branch current of each source; `n` for current sources.
    pub branches: Vec<u32>,
    /// Unknowns of each instance, one per local unknown.
    pub locals: Locals,
}

/// A list of unknowns for each instance, one behind another.
#[derive(Default)]
pub struct Locals {
    starts: Vec<u32>,
    unknowns: Vec<u32>,
}

impl Locals {
    /// Unknowns of an instance, in the order of its model's.
    pub fn of(&self, instance: usize) -> &[u32] {
        &self.unknowns[self.starts[instance] as usize..self.starts[instance + 1] as usize]
    }
}

/// Disjoint sets of provisional unknowns; ground is the last one and always the representative of its set.
struct Sets(Vec<u32>);

impl Sets {
    fn find(&mut self, mut k: u32) -> u32 {
        while self.0[k as usize] != k {
            self.0[k as usize] = self.0[self.0[k as usize] as usize];
            k = self.0[k as usize];
        }
        k
    }

    /// The representative is ground if it takes part, else the first.
    fn unite(&mut self, a: u32, b: u32, ground: u32) {
        let (a, b) = (self.find(a), self.find(b));
        let (keep, lose) = if a == ground || (b != ground && a < b) { (a, b) } else { (b, a) };
        self.0[lose as usize] = keep;
    }
}

/// What numbering asks of a model.
struct Form {
    ports: usize,
    /// Unknowns behind the ports.
    inner: u32,
    branch: Option<u32>,
}

/// First provisional number of each instance's own unknowns (open ports, then what the model brings along), and of what follows.
fn own_numbers(circuit: &Circuit, forms: &[Form], mut next: u32) -> (Vec<u32>, u32) {
    let mut first = Vec::with_capacity(circuit.instances.len());
    for instance in &circuit.instances {
        first.push(next);
        next += open_ports(instance) + forms[instance.model as usize].inner;
    }
    (first, next)
}

fn open_ports(instance: &Instance) -> u32 {
    instance.terminals.iter().filter(|t| **t == Terminal::Open).count() as u32
}

/// Numbers the unknowns: nodes, source currents, then the instances' own in order. `collapsed(instance, k)` tells whether
/// collapse k of its model applies.
pub fn number(circuit: &Circuit, collapsed: &dyn Fn(u32, usize) -> bool) -> Numbering {
    let form = |m: &Arc<Model>| Form { ports: m.ports, inner: (m.unknowns.len() - m.ports) as u32, branch: branch_current(m) };
    let forms: Vec<Form> = circuit.models.iter().map(form).collect();
    let mut next = circuit.nodes.len() as u32;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let branches: Vec<Option<u32>> = circuit.sources.iter().map(|s| (s.kind == SourceKind::Voltage).then(&mut fresh)).collect();
    let (own, ground) = own_numbers(circuit, &forms, next);
    let current_of = |k: u32| {
        let instance = &circuit.instances[k as usize];
        let form = &forms[instance.model as usize];
        form.branch.map_or(ground, |branch| own[k as usize] + open_ports(instance) + branch - form.ports as u32)
    };
    let mut locals = Locals { starts: Vec::with_capacity(own.len() + 1), unknowns: Vec::with_capacity(2 * own.len()) };
    locals.starts.push(0);
    for (instance, first) in circuit.instances.iter().zip(&own) {
        let mut first = *first;
        for terminal in &instance.terminals {
            locals.unknowns.push(match terminal {
                Terminal::Ground => ground,
                Terminal::Node(k) => *k,
                Terminal::SourceCurrent(s) => branches[*s as usize].unwrap_or(ground),
                Terminal::InstanceCurrent(i) => current_of(*i),
                Terminal::Open => {
                    first += 1;
                    first - 1
                }
            });
        }
        locals.unknowns.extend(first..first + forms[instance.model as usize].inner);
        locals.starts.push(locals.unknowns.len() as u32);
    }
    let mut sets = Sets((0..=ground).collect());
    let any = circuit.models.iter().any(|m| !m.collapses.is_empty());
    for (k, instance) in circuit.instances.iter().enumerate().filter(|_| any) {
        let own = locals.of(k);
        for (c, collapse) in circuit.models[instance.model as usize].collapses.iter().enumerate() {
            if collapsed(k as u32, c) {
                let b = collapse.b.map_or(ground, |b| own[b as usize]);
                sets.unite(own[collapse.a as usize], b, ground);
                collapse.drops.iter().for_each(|row| sets.unite(own[*row as usize], ground, ground));
            }
        }
    }
    let mut index = vec![u32::MAX; ground as usize + 1];
    let mut n = 0;
    for k in 0..ground {
        if sets.find(k) == k {
            index[k as usize] = n;
            n += 1;
        }
    }
    index[ground as usize] = n;
    let mut renumber = |k: u32| index[sets.find(k) as usize];
    for unknown in &mut locals.unknowns {
        *unknown = renumber(*unknown);
    }
    Numbering {
        n: n as usize,
        nodes: (0..circuit.nodes.len() as u32).map(&mut renumber).collect(),
        branches: branches.into_iter().map(|b| b.map_or(n, &mut renumber)).collect(),
        locals,
    }
}

impl Numbering {
    /// The unknown that a terminal is bound to, `n` for ground.
    pub fn terminal(&self, circuit: &Circuit, terminal: Terminal) -> u32 {
        match terminal {
            Terminal::Ground | Terminal::Open => self.n as u32,
            Terminal::Node(k) => self.nodes[k as usize],
            Terminal::SourceCurrent(s) => self.branches[s as usize],
            Terminal::InstanceCurrent(i) => {
                let model = &circuit.models[circuit.instances[i as usize].model as usize];
                branch_current(model).map_or(self.n as u32, |k| self.locals.of(i as usize)[k as usize])
            }
        }
    }
}

/// Groups instances into banks, in order of first appearance; unknowns and slots are filled in later.
pub fn banks(circuit: &Circuit, kernels: &[Arc<Kernel>]) -> Vec<Bank> {
    let mut index: BTreeMap<(u32, Vec<bool>), usize> = BTreeMap::new();
    let mut banks: Vec<Bank> = Vec::new();
    let mut last: Vec<Option<usize>> = vec![None; circuit.models.len()];
    for (k, instance) in circuit.instances.iter().enumerate() {
        let alike = |at: &usize| {
            let same = |(terminal, connected): (&Terminal, &bool)| (*terminal != Terminal::Open) == *connected;
            let bank: &Bank = &banks[*at];
            bank.connected.len() == instance.terminals.len() && instance.terminals.iter().zip(&bank.connected).all(same)
        };
        if let Some(at) = last[instance.model as usize].filter(alike) {
            banks[at].instances.push(k as u32);
            continue;
        }
        let connected: Vec<bool> = instance.terminals.iter().map(|t| *t != Terminal::Open).collect();
        let at = *index.entry((instance.model, connected.clone())).or_insert_with(|| {
            let kernel = kernels[instance.model as usize].clone();
            let model = circuit.models[instance.model as usize].clone();
            let idle =
                kernel.affine.iter().zip(&model.contributions).all(|(a, c)| (a.0 || c.f.is_none()) && (a.1 || c.q.is_none()));
            let idle = idle && model.bound_step.is_none();
            banks.push(Bank {
                number: banks.len(),
                stamped: kernel.free.clone(),
                model,
                kernel,
                instances: Vec::new(),
                unknowns: Vec::new(),
                connected,
                lists: Default::default(),
                trial_start: 0,
                memory_start: 0,
                event_start: 0,
                track_start: 0,
                delay_slots: Vec::new(),
                requests: Vec::new(),
                idle,
                small: Default::default(),
            });
            banks.len() - 1
        });
        last[instance.model as usize] = Some(at);
        banks[at].instances.push(k as u32);
    }
    banks
}

/// Bank and lane of each instance.
pub fn lanes_of(banks: &[Bank], instances: usize) -> Vec<(u32, u32)> {
    let mut out = vec![(0, 0); instances];
    for (b, bank) in banks.iter().enumerate() {
        for (lane, k) in bank.instances.iter().enumerate() {
            out[*k as usize] = (b as u32, lane as u32);
        }
    }
    out
}

/// The pattern of all banks and sources.
pub fn pattern(circuit: &Circuit, banks: &[Bank], numbering: &Numbering) -> Pattern {
    let ground = vec![numbering.n as u32; banks.iter().map(Bank::len).max().unwrap_or(0)];
    Pattern::visited(numbering.n, |entry| {
        for bank in banks {
            let column = |row: Option<u32>| row.map_or(&ground[..bank.len()], |r| &bank.unknowns[r as usize]);
            for derivative in &bank.kernel.derivatives {
                let contribution = &bank.model.contributions[derivative.contribution as usize];
                let probe = &bank.model.probes[derivative.probe as usize];
                let rows = column(Some(contribution.plus)).iter().zip(column(contribution.minus));
                let columns = column(Some(probe.plus)).iter().zip(column(probe.minus));
                for ((row, other_row), (plus, minus)) in rows.zip(columns) {
                    entry(*row, *plus);
                    entry(*row, *minus);
                    entry(*other_row, *plus);
                    entry(*other_row, *minus);
                }
            }
        }
        for (source, branch) in circuit.sources.iter().zip(&numbering.branches) {
            for node in [source.plus, source.minus].map(|t| numbering.terminal(circuit, t)) {
                entry(node, *branch);
                entry(*branch, node);
            }
        }
    })
}

/// Kinds of quantities, each listed once.
#[derive(Default)]
struct Quantities(Vec<Quantity>);

impl Quantities {
    fn index(&mut self, name: &str, unit: &str, abstol: f64) -> u32 {
        let found = self.0.iter().position(|q| q.name == name && q.unit == unit && q.abstol == abstol);
        found.unwrap_or_else(|| {
            self.0.push(Quantity { name: name.to_string(), unit: unit.to_string(), abstol });
            self.0.len() - 1
        }) as u32
    }
}

/// Tolerance of an unknown: electrical ones follow the deck's options, the rest the model.
fn abstol(circuit: &Circuit, unknown: &LocalUnknown) -> (f64, f64) {
    let row_of_node = match unknown.quantity.as_str() {
        "voltage" if matches!(unknown.kind, UnknownKind::Port | UnknownKind::Internal) => circuit.options.abstol,
        _ => unknown.residual_abstol,
    };
    match unknown.quantity.as_str() {
        "voltage" => (circuit.options.vntol, row_of_node),
        "current" => (circuit.options.abstol, unknown.residual_abstol),
        _ => (unknown.abstol, row_of_node),
    }
}

/// An unknown of which nothing special is known.
fn plain(name: SmolStr, quantity: u32, residual_abstol: f64, node: bool) -> Unknown {
    let bounds = (f64::NEG_INFINITY, f64::INFINITY);
    Unknown { name, quantity, residual_abstol, row: RowKind::Equilibrium, node, index2: false, bounds }
}

/// Ports that are not electrical give their nodes a kind of their own: the first such port on a node decides.
fn special_nodes(circuit: &Circuit, numbering: &Numbering, quantities: &mut Quantities, unknowns: &mut [Option<Unknown>]) {
    let special = |m: &Arc<Model>| m.unknowns[..m.ports].iter().any(|port| port.quantity != "voltage");
    let special: Vec<bool> = circuit.models.iter().map(special).collect();
    for instance in circuit.instances.iter().filter(|i| special[i.model as usize]) {
        let model = &circuit.models[instance.model as usize];
        for (port, terminal) in model.unknowns[..model.ports].iter().zip(&instance.terminals) {
            let at = numbering.terminal(circuit, *terminal) as usize;
            if let (Terminal::Node(node), false) = (terminal, port.quantity == "voltage" || at >= numbering.n) {
                let (tolerance, residual) = abstol(circuit, port);
                let quantity = quantities.index(&port.quantity, &port.unit, tolerance);
                let name = || circuit.nodes[*node as usize].name.clone();
                unknowns[at].get_or_insert_with(|| plain(name(), quantity, residual, true));
            }
        }
    }
}

/// What an instance brings along.
fn own_unknowns(circuit: &Circuit, numbering: &Numbering, quantities: &mut Quantities, unknowns: &mut [Option<Unknown>]) {
    // Quantity and tolerance of the row, for each unknown of each model.
    let mut kinds: Vec<Vec<(u32, f64)>> = vec![Vec::new(); circuit.models.len()];
    for (k, instance) in circuit.instances.iter().enumerate() {
        let model = &circuit.models[instance.model as usize];
        let kinds = &mut kinds[instance.model as usize];
        if kinds.is_empty() {
            kinds.extend(model.unknowns.iter().map(|local| {
                let (tolerance, residual) = abstol(circuit, local);
                (quantities.index(&local.quantity, &local.unit, tolerance), residual)
            }));
        }
        for ((local, (quantity, residual)), at) in model.unknowns.iter().zip(kinds).zip(numbering.locals.of(k)) {
            let Some(slot @ None) = unknowns.get_mut(*at as usize) else { continue };
            let node = matches!(local.kind, UnknownKind::Internal | UnknownKind::Port) && local.quantity == "voltage";
            let name = format_smolstr!("{}.{}", instance.name, local.name);
            let row = if local.held { RowKind::Held } else { RowKind::Equilibrium };
            *slot = Some(Unknown { bounds: local.bounds, row, ..plain(name, *quantity, *residual, node) });
        }
    }
}

/// Names, quantities, tolerances and kinds of rows.
pub fn layout(circuit: &Circuit, numbering: &Numbering) -> Layout {
    let mut quantities = Quantities::default();
    let mut unknowns: Vec<Option<Unknown>> = vec![None; numbering.n];
    let (voltage, current) =
        (quantities.index("voltage", "V", circuit.options.vntol), quantities.index("current", "A", circuit.options.abstol));
    special_nodes(circuit, numbering, &mut quantities, &mut unknowns);
    for (node, at) in circuit.nodes.iter().zip(&numbering.nodes) {
        if let Some(slot @ None) = unknowns.get_mut(*at as usize) {
            *slot = Some(plain(node.name.clone(), voltage, circuit.options.abstol, true));
        }
    }
    for (source, at) in circuit.sources.iter().zip(&numbering.branches) {
        if let Some(slot @ None) = unknowns.get_mut(*at as usize) {
            *slot = Some(plain(format_smolstr!("{}#branch", source.name), current, circuit.options.vntol, false));
        }
    }
    own_unknowns(circuit, numbering, &mut quantities, &mut unknowns);
    let mut unknowns: Vec<Unknown> = unknowns
        .into_iter()
        .enumerate()
        .map(|(k, u)| u.unwrap_or_else(|| plain(format_smolstr!("#{k}"), voltage, circuit.options.abstol, false)))
        .collect();
    for node in &circuit.islands {
        mark(&mut unknowns, numbering.nodes[*node as usize], |u| u.row = RowKind::Anchored);
    }
    for instance in &circuit.loops {
        mark(&mut unknowns, numbering.terminal(circuit, Terminal::InstanceCurrent(*instance)), |u| u.row = RowKind::Anchored);
    }
    for terminal in &circuit.index2 {
        mark(&mut unknowns, numbering.terminal(circuit, *terminal), |u| u.index2 = true);
    }
    let (outputs, derived) = columns(circuit, &mut quantities);
    Layout { quantities: quantities.0, unknowns, outputs, derived, ..Layout::default() }
}

fn mark(unknowns: &mut [Unknown], at: u32, change: impl Fn(&mut Unknown)) {
    if let Some(unknown) = unknowns.get_mut(at as usize) {
        change(unknown);
    }
}

/// Columns of the results: rows that the system computes, and expressions of them. `Circuit::outputs` lists both; rows keep
/// their order among themselves.
fn columns(circuit: &Circuit, quantities: &mut Quantities) -> (Vec<OutputInfo>, Vec<Derived>) {
    let index = rows_of_outputs(circuit);
    let (mut outputs, mut derived) = (Vec::new(), Vec::new());
    for output in &circuit.outputs {
        let quantity = quantities.index(&output.quantity, &output.unit, 0.0);
        match &output.kind {
            OutputKind::Expression { arguments, .. } => {
                let arguments = arguments.iter().map(|(k, part)| (index[*k as usize], part_of(*part))).collect();
                derived.push(Derived { name: output.name.clone(), quantity, arguments });
            }
            OutputKind::Own => {}
            _ => outputs.push(OutputInfo { name: output.name.clone(), quantity }),
        }
    }
    (outputs, derived)
}

/// Row of each of the circuit's outputs among the rows; of expressions, their number among the expressions. What analyses
/// bring along themselves has none: `u32::MAX`.
pub fn rows_of_outputs(circuit: &Circuit) -> Vec<u32> {
    let (mut rows, mut expressions) = (0, 0);
    circuit
        .outputs
        .iter()
        .map(|o| {
            let counter = match o.kind {
                OutputKind::Own => return u32::MAX,
                OutputKind::Expression { .. } => &mut expressions,
                _ => &mut rows,
            };
            *counter += 1;
            *counter - 1
        })
        .collect()
}

fn part_of(part: crate::circuit::Part) -> Part {
    use crate::circuit::Part as From;
    match part {
        From::Value => Part::Value,
        From::Magnitude => Part::Magnitude,
        From::Decibel => Part::Decibel,
        From::Phase => Part::Phase,
        From::Real => Part::Real,
        From::Imaginary => Part::Imaginary,
    }
}

/// Local rows that an instance's collapses merge with port `port`, without the port itself. What flows into them flows in there.
fn merged(model: &Model, port: u32, applies: &dyn Fn(usize) -> bool) -> Vec<u32> {
    let mut found = vec![port];
    let mut open = vec![port];
    while let Some(row) = open.pop() {
        for collapse in model.collapses.iter().enumerate().filter(|(k, _)| applies(*k)).map(|(_, c)| c) {
            let other = match collapse.b {
                Some(b) if b == row => collapse.a,
                Some(b) if collapse.a == row => b,
                _ => continue,
            };
            if other as usize >= model.ports && !found.contains(&other) {
                found.push(other);
                open.push(other);
            }
        }
    }
    found.split_off(1)
}

/// Tells banks which output rows they fill. `collapsed`: instances and the collapses of their models that apply, in order.
pub fn requests(circuit: &Circuit, banks: &mut [Bank], lanes_of: &[(u32, u32)], rows: &[u32], collapsed: &[(u32, usize)]) {
    for (output, row) in circuit.outputs.iter().zip(rows) {
        let (instance, what) = match &output.kind {
            OutputKind::PortCurrent { instance, port } => {
                let model = &circuit.models[circuit.instances[*instance as usize].model as usize];
                let (bank, lane) = lanes_of[*instance as usize];
                let requests = &mut banks[bank as usize].requests;
                let applies = |k: usize| collapsed.binary_search(&(*instance, k)).is_ok();
                requests.push(Request { lane, output: *row, what: Requested::Row(*port) });
                let others = merged(model, *port, &applies).into_iter();
                requests.extend(others.map(|r| Request { lane, output: *row, what: Requested::Merged(r) }));
                continue;
            }
            OutputKind::Variable { instance, variable } => {
                let model = &circuit.models[circuit.instances[*instance as usize].model as usize];
                (*instance, Requested::Variable(model.variables[*variable as usize].output))
            }
            _ => continue,
        };
        let (bank, lane) = lanes_of[instance as usize];
        banks[bank as usize].requests.push(Request { lane, output: *row, what });
    }
    for bank in banks {
        // Stable: rows merged with a port follow the port.
        bank.requests.sort_by_key(|r| (r.lane, r.output));
    }
}

/// Whether collapse `k` of an instance's model applies.
pub fn collapse_applies(model: &Model, kernel: &Kernel, values: &Values, bank: u32, lane: u32, k: usize) -> bool {
    match kernel.outputs[model.collapses[k].condition as usize] {
        Place::Setup(s) => values.lanes[bank as usize].setup[s as usize][lane as usize] != 0.0,
        Place::Eval(_) => false,
    }
}

/// Instances and the collapses of their models that apply, in order.
pub fn collapsed(circuit: &Circuit, banks: &[Bank], lanes_of: &[(u32, u32)], values: &Values) -> Vec<(u32, usize)> {
    let mut out = Vec::new();
    if circuit.models.iter().all(|m| m.collapses.is_empty()) {
        return out;
    }
    for (k, instance) in circuit.instances.iter().enumerate() {
        if circuit.models[instance.model as usize].collapses.is_empty() {
            continue;
        }
        let (bank, lane) = lanes_of[k];
        let b = &banks[bank as usize];
        let count = circuit.models[instance.model as usize].collapses.len();
        let apply = (0..count).filter(|c| collapse_applies(&b.model, &b.kernel, values, bank, lane, *c));
        out.extend(apply.map(|c| (k as u32, c)));
    }
    out
}
