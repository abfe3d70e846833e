//! Every deck of `netlists/` runs; its golden files hold at their own points; its measures have the numbers asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::circuit::expect::Asked;
use memspice::diag;
use memspice::output::csv;
use memspice::run::{Simulation, family, met, prepare, simulate};
use memspice::span::{Disk, Files, MemoryFiles, Sources};
use memspice::wave::Dataset;
use memspice::wave::compare::{self, Rules};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run_through(files: Box<dyn Files>, deck: &Path, sets: &[(String, f64)]) -> Simulation {
    let mut sources = Sources::new(files);
    let (mna, _) = prepare(deck, sets, &mut sources).unwrap_or_else(|d| panic!("{}", diag::render(&d, &sources, false)));
    let sources = Mutex::new(sources);
    let result = simulate(mna, deck, sets, &sources, &AtomicBool::new(false), &|_| {});
    let simulation = result.unwrap_or_else(|d| panic!("{}", diag::render(&d, &sources.lock().unwrap(), false)));
    for outcome in simulation.members.iter().flatten() {
        assert!(outcome.failure.is_none(), "{}: {}", deck.display(), outcome.failure.as_ref().unwrap());
    }
    simulation
}

/// Runs a deck given as text; a title is put before it.
pub fn run_text(text: &str) -> Simulation {
    run_with(text, &[])
}

/// The same with files that the deck names.
pub fn run_with(text: &str, others: &[(&str, &str)]) -> Simulation {
    let mut files = MemoryFiles::default();
    files.0.extend(others.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())));
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.end\n").into_bytes());
    run_through(Box::new(files), Path::new("deck.cir"), &[])
}

/// The result of the only analysis of a deck given as text.
pub fn run_one(text: &str) -> Dataset {
    run_text(text).members.remove(0).remove(0).data
}

/// Text of a deck of `netlists/` without its title.
pub fn text_of(deck: &str) -> String {
    let text = fs::read_to_string(root().join("netlists").join(deck)).unwrap();
    text.split_once('\n').unwrap().1.to_string()
}

/// A number that a deck must give.
pub struct Expected {
    /// Member of the `.step` family, counted from 0.
    member: usize,
    measure: &'static str,
    value: f64,
    tolerance: f64,
}

const fn number(member: usize, measure: &'static str, value: f64, tolerance: f64) -> Expected {
    Expected { member, measure, value, tolerance }
}

/// Measures that have no value: a network at rest has no period.
const SILENT: &[(&str, usize, &str)] = &[("figures/smale-two-cells", 0, "ten_periods"), ("figures/smale-two-cells", 0, "period")];

/// Runs `netlists/<deck>.cir` with parameters set and holds it against its golden files, the figures that its cards ask for, and
/// `expected`.
pub fn hold(deck: &str, sets: &[(&str, f64)], expected: &[Expected]) {
    let path = root().join("netlists").join(format!("{deck}.cir"));
    let simulation = run_through(Box::new(Disk), &path, &sets.iter().map(|(n, v)| (n.to_string(), *v)).collect::<Vec<_>>());
    let mut wrong = String::new();
    for (member, outcomes) in simulation.members.iter().enumerate() {
        for (name, value) in outcomes.iter().flat_map(|o| &o.measures) {
            // In decks that carry their figures, a measure of which nothing is asked may have no value: what never fires has no delay.
            if let Err(reason) = value
                && TESTED.contains(&deck)
                && !SILENT.contains(&(deck, member, name.as_str()))
            {
                wrong += &format!("{deck}, member {member}: {name} failed: {reason}\n");
            }
        }
    }
    for Expected { member, measure, value, tolerance } in expected {
        let found = simulation.members[*member].iter().flat_map(|o| &o.measures).find(|(name, _)| name == measure);
        match found {
            Some((_, Ok(x))) if (x - value).abs() <= *tolerance => {}
            Some((_, Ok(x))) => {
                wrong += &format!("{deck}, member {member}: {measure} is {x:.10e}, expected {value:.10e} within {tolerance:.1e}\n");
            }
            _ => wrong += &format!("{deck}, member {member}: there is no {measure}\n"),
        }
    }
    for (member, outcome) in simulation.members.iter().enumerate().flat_map(|(k, m)| m.iter().map(move |o| (k, o))) {
        for (name, value, asked) in outcome.figures().filter(|(_, value, asked)| *asked != Asked::Nothing && !met(value, *asked)) {
            wrong += &format!("{deck}, member {member}: {name} is {value:?}, asked {asked}\n");
        }
    }
    let family = family::measures(&simulation);
    let results: Vec<Dataset> = simulation.members.into_iter().flatten().map(|o| o.data).chain(family).collect();
    let stem = path.file_stem().unwrap();
    for golden in goldens(&root().join("golden").join(stem)) {
        wrong += &against(&golden, &results);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn goldens(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut out: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "csv")).collect();
    out.sort();
    out
}

/// What differs from a golden file.
fn against(golden: &Path, results: &[Dataset]) -> String {
    let contents = csv::parse(&fs::read_to_string(golden).unwrap()).unwrap();
    for head in ["origin:", "tool:", "date:", "tol "] {
        assert!(contents.notes.iter().any(|n| n.starts_with(head)), "{}: no `# {head}`", golden.display());
    }
    let rules = Rules::from_notes(&contents.notes, 0.0).unwrap();
    match compare::all(&contents.results, results, &rules) {
        Ok(comparison) if comparison.passed() => String::new(),
        Ok(comparison) => format!("{}:\n{comparison}", golden.display()),
        Err(reason) => format!("{}: {reason}\n", golden.display()),
    }
}

/// One test for each deck: `name: "folder/deck" {parameters} [numbers]`.
macro_rules! decks {
    ($($name:ident: $deck:literal $({$($set:literal = $value:expr),*})? [$($expected:expr),* $(,)?];)*) => {
        $(#[test]
        fn $name() {
            hold($deck, &[$($(($set, $value)),*)?], &[$($expected),*]);
        })*

        /// Decks of the table.
        pub const TESTED: &[&str] = &[$($deck),*];
    };
}

decks! {
    // 1 - 1/e; the straight lines between points cost less than 2e-4. Corner: 1/(2 pi RC), linear between 20 points a decade.
    rc: "basics/rc" [];
    // 1 + exp(-pi a/w).
    rlc: "basics/rlc" [];
    // Last printed digit of the reference.
    nbox_cell: "basics/nbox-cell" [];
    // Voltage and temperature of the fold, as asked.
    nbox_iv: "basics/nbox-iv" [];
    // Closed form: x = 0.3 to 0.692514; points 1/200 of a period apart may miss the top by (2 pi/200)^2/8.
    pinched_loop: "basics/pinched-loop" [];
    // Two periods later the state is where it was: the charge is zero.
    // Sums of powers of two; resistors and ideal switches leave nothing but rounding.
    hierarchy: "basics/hierarchy" [];
    hello_memristor: "basics/hello-memristor" [];
    // Independent program: 1.327409 V, 3.704822 V, 47.529 mA.
    diode_rectifier: "basics/diode-rectifier" [];
    // k sqrt(L2/L1) less what R1 takes: 1.9592 at the top.
    transformer: "basics/transformer" [];
    mos_curves: "basics/mos-curves" [];
    inverter: "basics/inverter" [];
    // ngspice at 1 kHz; its constants are older in the sixth digit. The integral of its points is 1e-4 coarser.
    noise: "basics/noise" [];
    // The ends of the model card; unselected, within a tenth.
    one_transistor_one_memristor: "basics/1t1r" [];
    // ngspice, whose capacitances do not conserve charge: 1 %.
    ring9: "basics/ring9" [];
    // Below its thresholds the device does not move at all; the ends are reached and held.
    vteam_loop: "basics/vteam-loop" [];
    yakopcic_loop: "basics/yakopcic-loop" [];
    windows: "basics/windows" [];
    // Period within 0.1 %, as asked; extrema of the independent program, points are dense enough for 1 %.
    pickett_oscillator: "neurons/pickett-oscillator" [
        number(0, "period", 197.665e-9, 0.197e-9),
        number(0, "i_max", 284.66e-6, 1e-6),
        number(0, "i_min", 24.93e-6, 0.1e-6),
        number(0, "u_max", 0.5045, 1e-3),
    ];
    // End states within 1e-4 K, as asked.
    turing_two_cells: "figures/turing-two-cells" [];
    // Rest within 1e-3 K, period within 0.05 %, ranges within 0.02 K, as asked. Which cell becomes hot is tested elsewhere.
    smale_two_cells: "figures/smale-two-cells" [];
    // Ripple within 1 %, hysteresis within 2 %, as asked; the mean within 1e-5.
    taox_sine: "figures/taox-sine" [];
    // 1.1 V is outside of the edge of chaos: both cells at rest, the same for every coupling; 1e-4 K as for Figure 13.
    outside_edge: "figures/outside-edge" [];
    edge_of_chaos: "dynamics/edge-of-chaos" [];
    edge_of_chaos_static: "dynamics/edge-of-chaos-static" [];
    taox_route_map: "dynamics/taox-route-map" [];
    nbox_route_map: "dynamics/nbox-route-map" [];
    // The same at reltol 1e-7 within 1e-4 K.
    array_16: "dynamics/array-16" [];
    array_64: "dynamics/array-64" [];
    // R_C to nine digits: 8e6 1/s times 1e-8 at most.
    array_modes: "dynamics/array-modes" [];
    // As asked: 1e-4 ohm, 1e-4 relative.
    smale_diagram: "figures/smale-diagram" [];
    turing_diagram: "figures/turing-diagram" [];
    // Closed forms.
    van_der_pol_onset: "dynamics/van-der-pol-onset" [];
    chua_onset: "dynamics/chua-onset" [];
    fitzhugh_nagumo_onset: "neurons/fitzhugh-nagumo-onset" [
        number(0, "i_first", 0.3312813374547458, 1e-10),
        number(0, "v_first", -0.9674709297958259, 1e-10),
        number(0, "i_second", 1.4187186625452541, 1e-10),
        number(0, "v_second", 0.9674709297958259, 1e-10),
        number(0, "f_first", 0.043848269986363, 1e-11),
    ];
    // Independent program (scipy: brentq on the real part of the eigenvalues of the Jacobian by differences): its own error.
    hodgkin_huxley_onset: "neurons/hodgkin-huxley-onset" [
        number(0, "i_first", 9.779637995e-6, 1e-12),
        number(0, "v_first", 5.345856397e-3, 1e-9),
        number(0, "f_first", 93.302009166, 1e-5),
        number(0, "i_second", 154.526633666e-6, 1e-11),
        number(0, "f_second", 169.169259665, 1e-5),
    ];
    // Averages over cycles within 1e-5, as asked.
    taox_fading_memory: "figures/taox-fading-memory" [];
    // Middle of the last cycle within 1e-4 of the target, as asked.
    taox_square_targets: "figures/taox-square-targets" [];
    // Fixed point within 1e-8, as asked; the run ends there.
    taox_fixed_point: "figures/taox-fixed-point" [number(0, "settled", 0.295354344957, 1e-8)];
    // Means of single cycles of a direct simulation; the middle of a cycle and straight lines between rows differ by less.
    taox_envelope: "figures/taox-envelope" [];
    // Offsets within 1e-8, as asked.
    taox_offsets: "figures/taox-offsets" [];
    // The target within 2e-5, as asked, from all three starts.
    taox_nine_targets: "figures/taox-nine-targets" [];
    // Period within 0.01 %, ranges: rows are stages of the steps and may miss an extremum by 0.002 of the swing.
    smale_cycles: "figures/smale-cycles" [];
    // Its numbers are held in periodic.rs: a diagram has no measures.
    smale_amplitude: "figures/smale-amplitude" [];
    // Period and extrema of the independent program, within 0.01 % and 1 %.
    pickett_cycle: "neurons/pickett-cycle" [
        number(0, "period", 197.665e-9, 0.02e-9),
        number(0, "i_max", 284.66e-6, 1e-6),
        number(0, "i_min", 24.93e-6, 0.1e-6),
        number(0, "v_max", 1.55168, 1e-3),
        number(0, "v_min", 1.28274, 1e-3),
    ];
    // Short versions of the decks of the benchmark; 1e-3 of full scale, as asked of them, where nothing else is said.
    bench_start_up: "bench/start-up" [number(0, "v_end", 1.0, 1e-9)];
    // Modes of the discrete line, summed: the ramp lies 0.5 ns late.
    bench_ladder: "bench/ladder" {"n" = 1000.0, "stop" = 1e-6} [
        number(0, "v_mid", 0.875947, 1e-3),
        number(0, "v_end", 0.983054, 1e-3),
    ];
    // ngspice.
    bench_bridge: "bench/bridge" {"stop" = 0.01} [number(0, "v_end", 17.66887, 0.018)];
    // Closed form of ramps and flats.
    bench_pulses: "bench/pulses" {"stop" = 5e-3} [
        number(0, "v_max", 0.617120, 6e-4),
        number(0, "v_end", 0.374231, 6e-4),
    ];
    // Radau's method at reltol 1e-7, 1 % as asked.
    bench_ring: "bench/ring" {"stop" = 2e-8} [number(0, "period", 1.0883338e-9, 1.09e-11)];
    // Radau's method at reltol 1e-6. Tolerances of ngspice shift the beginning, of which this is the half, by 2 %.
    bench_threshold_pair: "bench/threshold-pair" {"stop" = 4e-6} [
        number(0, "period", 6.5256e-8, 1.6e-9),
        number(0, "v_max", 0.521025, 2.6e-3),
    ];
    bench_threshold_pair_va: "bench/threshold-pair-va" {"stop" = 4e-6} [
        number(0, "period", 6.5256e-8, 1.6e-9),
        number(0, "v_max", 0.521025, 2.6e-3),
    ];
    // Without wires the selected cell is one equation, integrated by itself; wires of 4 ohm at 10 uA change it by 1e-5.
    bench_crossbar: "bench/crossbar" {"n" = 4.0} [number(0, "state", 0.950964, 1e-3), number(0, "row", 1.0, 1e-3)];
    bench_crossbar_va: "bench/crossbar-va" {"n" = 4.0} [number(0, "state", 0.950964, 1e-3), number(0, "row", 1.0, 1e-3)];
    // Dense elimination by an independent program; it reads seven digits of each resistance.
    bench_resistive: "bench/resistive" {"n" = 8.0} [number(0, "column", 6.420645e-5, 1e-10)];
    bench_chain: "bench/chain" {"n" = 1000.0} [number(0, "first", 1.0, 1e-9)];
    // Nodal equations by another program (golden); the error of the ideal array is what 1 uohm takes.
    mvm: "crossbar/mvm" [
        number(0, "worst", 0.0, 1e-7),
        number(1, "first", -2.4100302e-2, 1e-8),
        number(1, "worst", -5.2064683e-2, 1e-8),
        number(2, "worst", -1.2142860e-1, 1e-8),
    ];
    // Nodal equations by another program (golden).
    read_128: "crossbar/read-128" [
        number(1, "lost", 4.8717958e-3, 1e-9),
        number(3, "lost", 6.8188579e-2, 1e-9),
        number(7, "lost", 4.2863465e-1, 1e-9),
    ];
    ir_drop: "crossbar/ir-drop" [
        number(0, "first", 0.993436, 1e-6),
        number(0, "last", 0.986950, 1e-6),
        number(2, "last", 0.740063, 1e-6),
        number(5, "first", 0.745590, 1e-6),
        number(5, "last", 0.528798, 1e-6),
    ];
    // sum(G V)/sum(G) to the last digits; time constants where straight lines between points are read.
    voltage_sensing: "crossbar/voltage-sensing" [
        number(0, "open1", -0.125, 1e-13),
        number(0, "open2", -0.1, 1e-13),
        number(0, "tau1", 25e-9, 2e-11),
        number(0, "tau2", 16.6666667e-9, 2e-11),
    ];
    // 1R, 1T1R: closed forms. 1S1R, 1D1R: golden; the last digits of an independent program.
    read_margin: "crossbar/read-margin" [
        number(0, "margin_1r", 0.084453, 1e-6),
        number(4, "margin_1r", 0.014926, 1e-6),
        number(0, "margin_1s1r", 0.043273, 1e-6),
        number(4, "margin_1s1r", 0.043248, 1e-6),
        number(4, "margin_1t1r", 0.089910, 1e-6),
    ];
    // 1 us times K(0.6 V), K(0.4 V), -K(0.4 V) (1 - 0.8^8): the flat top of 999 ns and its edges.
    half_select: "crossbar/half-select" [
        number(0, "selected", 1.0, 1e-3),
        number(0, "one_pulse", 4.53595e-5, 1e-9),
        number(0, "one_other", 0.0, 1e-15),
        number(1, "one_pulse", 1.6143e-6, 1e-9),
        number(1, "one_other", -8.989e-6, 1e-9),
    ];
    write_pattern: "crossbar/write-pattern" [];
    // Ends of the state; others see thresholds that they do not reach.
    array_1t1r: "crossbar/array-1t1r" [
        number(0, "set", 0.0, 1e-3),
        number(0, "reset", 1.0, 1e-3),
        number(0, "same_row", 0.9, 1e-3),
        number(0, "same_column", 0.9, 1e-3),
        number(0, "same_source", 0.9, 1e-3),
    ];
    array_1s1r: "crossbar/array-1s1r" [
        number(0, "selected", 1.0, 1e-3),
        number(0, "half", 0.0, 1e-12),
        number(1, "half", 1.0, 1e-3),
    ];
    // States of an independent program (scipy); within 1e-3 of what it prints.
    bmr_selector: "crossbar/bmr-selector" [
        number(0, "activated", 0.0112, 1e-4),
        number(0, "programmed", 0.9552, 1e-3),
        number(0, "later", 0.9552, 1e-3),
        number(0, "half_row", 0.0, 1e-5),
        number(0, "half_column", 0.0, 1e-5),
        number(0, "unselected", 0.0, 1e-9),
        number(1, "programmed", 0.0051, 1e-3),
        number(1, "later", 0.0051, 1e-3),
        number(1, "half_row", 1.0, 1e-5),
        number(1, "unselected", 1.0, 1e-9),
    ];
    // All cells; what the controller leaves is within its own limit of 3 %, which other cells disturb a little afterwards.
    write_verify: "crossbar/write-verify" [
        number(0, "within", 1.0, 1e-12),
        number(1, "within", 1.0, 1e-12),
        number(0, "worst", 0.015, 0.0151),
        number(1, "worst", 0.015, 0.0151),
    ];
    // Truth tables: 1 is below 17.3 kohm; p keeps its state but where the gate is to fail (members 4 to 7).
    imply: "logic/imply" [
        number(0, "q_new", 6295.73, 30.0),
        number(0, "logic", 1.0, 0.0),
        number(1, "logic", 1.0, 0.0),
        number(2, "logic", 0.0, 0.0),
        number(3, "logic", 1.0, 0.0),
        number(0, "p_drift", 0.0, 1e-12),
        number(3, "p_drift", 0.0, 1e-12),
        number(4, "logic", 0.0, 0.0),
        number(7, "p_drift", 1.0, 1e-3),
    ];
    magic_nor: "logic/magic-nor" [
        number(0, "logic", 1.0, 0.0),
        number(1, "logic", 0.0, 0.0),
        number(2, "logic", 0.0, 0.0),
        number(3, "logic", 0.0, 0.0),
        number(3, "drift_a", 0.0, 1e-12),
    ];
    magic_nand: "logic/magic-nand" [
        number(0, "logic", 1.0, 0.0),
        number(1, "logic", 1.0, 0.0),
        number(2, "logic", 1.0, 0.0),
        number(3, "logic", 0.0, 0.0),
        number(3, "drift_b", 0.0, 1e-12),
    ];
    // Against numpy's FFT (golden); errors in three digits by an independent program.
    dft: "compute/dft" [
        number(1, "error", 4.50e-3, 5e-6),
        number(2, "error", 2.21e-2, 5e-5),
        number(3, "error", 6.27e-3, 5e-6),
        number(6, "error", 2.29e-2, 5e-5),
        number(9, "error", 2.25e-3, 1e-5),
    ];
}

#[test]
fn every_golden_belongs_to_a_deck() {
    let decks = super::library_decks::all();
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = decks.iter().any(|deck| deck.rsplit('/').next() == Some(name.as_str()));
        assert!(known || name == "make", "golden/{name} belongs to no deck");
    }
}

/// Extrema of a column over the last part of a run.
fn range(data: &Dataset, column: &str, from: f64) -> (f64, f64) {
    let (t, x) = (data.real("time").unwrap(), data.real(column).unwrap());
    let late = t.iter().zip(x).filter(|(t, _)| **t >= from).map(|(_, x)| *x);
    late.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// Figure 12 at 25 ohm with other starts and options.
fn smale(first: f64, second: f64, options: &str, stop: &str) -> Dataset {
    let kept = |line: &&str| ![".step", ".measure", ".plot", ".tran", ".end"].iter().any(|card| line.starts_with(card));
    let text: Vec<String> = text_of("figures/smale-two-cells.cir").lines().filter(kept).map(str::to_string).collect();
    let text = text.join("\n").replace("ic=0.1m", &format!("ic={first}")).replace("ic=0.2m", &format!("ic={second}"));
    run_one(&format!("{text}\n.tran 10n {stop} uic\n.options {options}"))
}

#[test]
fn the_start_decides_which_cell_becomes_hot() {
    for method in ["radau", "trapezoidal"] {
        let options = format!("method={method} reltol=1e-7");
        let late = 60e-6;
        let data = smale(1e-4, 2e-4, &options, "70u");
        assert!(range(&data, "x2.x", late).0 > range(&data, "x1.x", late).1 + 20.0, "{method}: cell 2 is the hot one");
        let data = smale(2e-4, 1e-4, &options, "70u");
        assert!(range(&data, "x1.x", late).0 > range(&data, "x2.x", late).1 + 20.0, "{method}: swapped starts swap the cells");
    }
}

#[test]
fn equal_cells_stay_equal() {
    for method in ["radau", "trapezoidal"] {
        // Any difference grows by e in 1.61 us, from one unit in the last place to kelvins in 60 us: rows are summed so that
        // none comes about (`mna/sums.rs`).
        let data = smale(1e-4, 1e-4, &format!("method={method} reltol=1e-7"), "150u");
        let (a, b) = (data.real("x1.x").unwrap(), data.real("x2.x").unwrap());
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-9, "{method}: {worst:.2e} K");
    }
}

#[test]
fn no_method_calls_figure_12_quiescent() {
    for method in ["radau", "trap", "gear", "trbdf2", "esdirk"] {
        for reltol in ["1e-2", "1e-3", "1e-4"] {
            let data = smale(1e-4, 2e-4, &format!("method={method} reltol={reltol}"), "150u");
            let (low, high) = range(&data, "x1.x", 120e-6);
            // 15.7 or 41.8 K in the end; growth from rest may not be over yet.
            assert!(high - low > 0.5, "{method} at {reltol}: {low} to {high} K");
        }
    }
}
