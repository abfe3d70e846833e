//! From a circuit to numbered unknowns, banks, pattern and layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::circuit::{Circuit, Instance, OutputKind, SourceKind, Terminal};
use crate::dae::{Derived, Layout, OutputInfo, Part, Quantity, RowKind, Unknown};
use crate::mna::bank::{Bank, Request, Requested, branch_current};
use crate::mna::values::Values;
use crate::model::kernel::{Kernel, Place};
use crate::model::{LocalUnknown, Model, UnknownKind};
use crate::sparse::Pattern;

/// Numbers of all unknowns, before and after nodes are merged.
pub struct Numbering {
    /// Number of unknowns.
    pub n: usize,
    /// Unknown of each node.
    pub nodes: Vec<u32>,
    /// Branch current of each source; `n` for current sources.
    pub branches: Vec<u32>,
    /// Unknowns of each instance, one per local unknown.
    pub locals: Vec<Vec<u32>>,
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

/// Numbers the unknowns: nodes, source currents, then the instances' own in order. `collapsed(instance, k)` tells whether
/// collapse k of its model applies.
pub fn number(circuit: &Circuit, collapsed: &dyn Fn(u32, usize) -> bool) -> Numbering {
    let mut next = circuit.nodes.len() as u32;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let branches: Vec<Option<u32>> = circuit.sources.iter().map(|s| (s.kind == SourceKind::Voltage).then(&mut fresh)).collect();
    let own: Vec<Vec<u32>> = circuit
        .instances
        .iter()
        .map(|i| {
            let model = &circuit.models[i.model as usize];
            let open = i.terminals.iter().filter(|t| **t == Terminal::Open).count();
            (0..open + model.unknowns.len() - model.ports).map(|_| fresh()).collect()
        })
        .collect();
    let ground = next;
    let current_of = |instance: u32| {
        let i = &circuit.instances[instance as usize];
        let model = &circuit.models[i.model as usize];
        let open = i.terminals.iter().filter(|t| **t == Terminal::Open).count();
        branch_current(model).map_or(ground, |k| own[instance as usize][open + k as usize - model.ports])
    };
    let provisional = |index: usize, instance: &Instance| -> Vec<u32> {
        let mut own = own[index].iter().copied();
        let mut all: Vec<u32> = Vec::with_capacity(circuit.models[instance.model as usize].unknowns.len());
        for terminal in &instance.terminals {
            all.push(match terminal {
                Terminal::Ground => ground,
                Terminal::Node(k) => *k,
                Terminal::SourceCurrent(s) => branches[*s as usize].unwrap_or(ground),
                Terminal::InstanceCurrent(i) => current_of(*i),
                Terminal::Open => own.next().unwrap_or(ground),
            });
        }
        all.extend(own);
        all
    };
    let mut locals: Vec<Vec<u32>> = circuit.instances.iter().enumerate().map(|(k, i)| provisional(k, i)).collect();
    let mut sets = Sets((0..=ground).collect());
    for (k, instance) in circuit.instances.iter().enumerate() {
        for (c, collapse) in circuit.models[instance.model as usize].collapses.iter().enumerate() {
            if collapsed(k as u32, c) {
                let b = collapse.b.map_or(ground, |b| locals[k][b as usize]);
                sets.unite(locals[k][collapse.a as usize], b, ground);
                for row in &collapse.drops {
                    sets.unite(locals[k][*row as usize], ground, ground);
                }
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
    for unknown in locals.iter_mut().flatten() {
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
                branch_current(model).map_or(self.n as u32, |k| self.locals[i as usize][k as usize])
            }
        }
    }
}

/// Groups instances into banks, in order of first appearance; unknowns and slots are filled in later.
pub fn banks(circuit: &Circuit, kernels: &[Arc<Kernel>]) -> Vec<Bank> {
    let mut index: BTreeMap<(u32, Vec<bool>), usize> = BTreeMap::new();
    let mut banks: Vec<Bank> = Vec::new();
    for (k, instance) in circuit.instances.iter().enumerate() {
        let connected: Vec<bool> = instance.terminals.iter().map(|t| *t != Terminal::Open).collect();
        let at = *index.entry((instance.model, connected.clone())).or_insert_with(|| {
            let kernel = kernels[instance.model as usize].clone();
            let model = circuit.models[instance.model as usize].clone();
            let idle =
                kernel.affine.iter().zip(&model.contributions).all(|(a, c)| (a.0 || c.f.is_none()) && (a.1 || c.q.is_none()));
            let idle = idle && model.bound_step.is_none();
            banks.push(Bank {
                number: banks.len(),
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
    let n = numbering.n as u32;
    let mut entries: Vec<(u32, u32)> = Vec::new();
    for bank in banks {
        for derivative in &bank.kernel.derivatives {
            let contribution = &bank.model.contributions[derivative.contribution as usize];
            let probe = &bank.model.probes[derivative.probe as usize];
            for lane in 0..bank.len() {
                let at = |row: Option<u32>| row.map_or(n, |r| bank.unknowns[r as usize][lane]);
                for row in [at(Some(contribution.plus)), at(contribution.minus)] {
                    entries.push((row, at(Some(probe.plus))));
                    entries.push((row, at(probe.minus)));
                }
            }
        }
    }
    for (k, source) in circuit.sources.iter().enumerate() {
        let branch = numbering.branches[k];
        for node in [source.plus, source.minus].map(|t| numbering.terminal(circuit, t)) {
            entries.push((node, branch));
            entries.push((branch, node));
        }
    }
    Pattern::new(numbering.n, entries)
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

/// Names, quantities, tolerances and kinds of rows.
pub fn layout(circuit: &Circuit, numbering: &Numbering) -> Layout {
    let mut quantities = Quantities::default();
    let mut unknowns: Vec<Option<Unknown>> = vec![None; numbering.n];
    let (voltage, current) =
        (quantities.index("voltage", "V", circuit.options.vntol), quantities.index("current", "A", circuit.options.abstol));
    let plain = |name: &str, quantity: u32, residual_abstol: f64, node: bool| Unknown {
        name: name.to_string(),
        quantity,
        residual_abstol,
        row: RowKind::Equilibrium,
        node,
        index2: false,
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
    };
    let put = |slot: &mut Option<Unknown>, unknown: Unknown| {
        if slot.is_none() {
            *slot = Some(unknown);
        }
    };
    // A node takes its kind from the first port on it that is not electrical.
    for instance in &circuit.instances {
        let model = &circuit.models[instance.model as usize];
        for (port, terminal) in model.unknowns[..model.ports].iter().zip(&instance.terminals) {
            let at = numbering.terminal(circuit, *terminal) as usize;
            if let (Terminal::Node(node), false) = (terminal, port.quantity == "voltage" || at >= numbering.n) {
                let (tolerance, residual) = abstol(circuit, port);
                let quantity = quantities.index(&port.quantity, &port.unit, tolerance);
                put(&mut unknowns[at], plain(&circuit.nodes[*node as usize].name, quantity, residual, true));
            }
        }
    }
    for (node, at) in circuit.nodes.iter().zip(&numbering.nodes) {
        if (*at as usize) < numbering.n {
            put(&mut unknowns[*at as usize], plain(&node.name, voltage, circuit.options.abstol, true));
        }
    }
    for (source, at) in circuit.sources.iter().zip(&numbering.branches) {
        if (*at as usize) < numbering.n {
            let name = format!("{}#branch", source.name);
            put(&mut unknowns[*at as usize], plain(&name, current, circuit.options.vntol, false));
        }
    }
    for (k, instance) in circuit.instances.iter().enumerate() {
        let model = &circuit.models[instance.model as usize];
        for (local, at) in model.unknowns.iter().zip(&numbering.locals[k]) {
            if *at as usize >= numbering.n {
                continue;
            }
            let (tolerance, residual) = abstol(circuit, local);
            let quantity = quantities.index(&local.quantity, &local.unit, tolerance);
            let name = format!("{}.{}", instance.name, local.name);
            let mut unknown = plain(
                &name,
                quantity,
                residual,
                matches!(local.kind, UnknownKind::Internal | UnknownKind::Port) && local.quantity == "voltage",
            );
            unknown.bounds = local.bounds;
            if local.held {
                unknown.row = RowKind::Held;
            }
            put(&mut unknowns[*at as usize], unknown);
        }
    }
    let mut unknowns: Vec<Unknown> = unknowns
        .into_iter()
        .enumerate()
        .map(|(k, u)| u.unwrap_or_else(|| plain(&format!("#{k}"), voltage, circuit.options.abstol, false)))
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
    for (k, instance) in circuit.instances.iter().enumerate() {
        let (bank, lane) = lanes_of[k];
        let b = &banks[bank as usize];
        let count = circuit.models[instance.model as usize].collapses.len();
        let apply = (0..count).filter(|c| collapse_applies(&b.model, &b.kernel, values, bank, lane, *c));
        out.extend(apply.map(|c| (k as u32, c)));
    }
    out
}
