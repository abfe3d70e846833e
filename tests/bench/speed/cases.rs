//! The cases: deck, parameters, the same circuit for ngspice, what is to be reached.

use super::circuits::{self, Circuit};

/// What a case must reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// CPU time over that of ngspice in the same run.
    Ratio(f64),
    /// CPU seconds.
    Seconds(f64),
    /// Seconds by the clock, with two threads.
    Wall(f64),
    /// Nothing: reported only.
    Open,
}

/// How waveforms are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Point by point, in units of full scale.
    Forced,
    /// By period and amplitude of the first column.
    Oscillator,
    /// Not at all.
    Silent,
}

/// Which runs a case belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// Always.
    Standard,
    /// `--large`: minutes.
    Large,
    /// `--huge`: half an hour, ten gigabytes.
    Huge,
}

/// Text that memspice reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// `netlists/bench/<deck>.cir`.
    Deck,
    /// The circuit line by line, as ngspice reads it.
    Flat,
}

/// One row of the table.
#[derive(Clone)]
pub struct Case {
    /// What `--cases` and the table call it.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Deck in `netlists/bench/`, without ending.
    pub deck: &'static str,
    /// `--set`.
    pub sets: &'static [(&'static str, &'static str)],
    /// Which text is read.
    pub text: Text,
    /// The circuit as flat text.
    pub flat: fn(usize) -> Circuit,
    /// Its size.
    pub n: usize,
    /// What must be reached.
    pub target: Target,
    /// MiB that must not be exceeded; infinite if nothing is said.
    pub memory: f64,
    /// How waveforms are compared.
    pub kind: Kind,
    /// Which runs it belongs to.
    pub size: Size,
    /// True if ngspice does it in minutes.
    pub peer: bool,
    /// The analysis of our own run with tight tolerances and short steps; empty if there is none.
    pub fine: &'static str,
}

/// A case of standard size that ngspice does as well.
const fn case(name: &'static str, title: &'static str, deck: &'static str, flat: fn(usize) -> Circuit, n: usize) -> Case {
    Case {
        name,
        title,
        deck,
        sets: &[],
        text: Text::Deck,
        flat,
        n,
        target: Target::Open,
        memory: f64::INFINITY,
        kind: Kind::Forced,
        size: Size::Standard,
        peer: true,
        fine: "",
    }
}

impl Case {
    const fn to(self, target: Target) -> Case {
        Case { target, ..self }
    }

    const fn with(self, sets: &'static [(&'static str, &'static str)]) -> Case {
        Case { sets, ..self }
    }

    const fn oscillates(self, fine: &'static str) -> Case {
        Case { kind: Kind::Oscillator, fine, ..self }
    }

    const fn within(self, memory: f64) -> Case {
        Case { memory, ..self }
    }

    /// Too large for ngspice and for tight tolerances.
    const fn alone(self, size: Size) -> Case {
        Case { size, peer: false, fine: "", ..self }
    }

    const fn fine(self, fine: &'static str) -> Case {
        Case { fine, ..self }
    }
}

/// All cases in the order of the table.
pub const CASES: &[Case] = &[
    Case { kind: Kind::Silent, ..case("start", "start-up, one RC", "start-up", circuits::start_up, 1) }.to(Target::Seconds(4e-3)),
    case("ladder", "RC ladder, 10 000 sections", "ladder", circuits::ladder, 10_000)
        .to(Target::Ratio(0.5))
        .fine("tran 100n {stop} 0 50n"),
    case("bridge", "diode bridge, 1 M points", "bridge", circuits::bridge, 1).to(Target::Ratio(0.45)).fine("tran 1u {stop} 0 2u"),
    case("pulses", "RC driven by pulses, 1 M points", "pulses", circuits::pulses, 1)
        .to(Target::Ratio(0.45))
        .fine("tran 1u {stop} 0 2u"),
    case("ring9", "9-stage ring, 1 us", "ring", circuits::ring, 9).to(Target::Ratio(0.7)).oscillates("tran 50p {stop} 0 10p"),
    case("ring101", "101-stage ring, 200 ns", "ring", circuits::ring, 101)
        .with(&[("n", "101"), ("stop", "200n")])
        .to(Target::Seconds(1.0))
        .oscillates("tran 50p {stop} 0 25p"),
    case("pair", "two NbO2-like oscillators", "threshold-pair", circuits::pair, 2)
        .to(Target::Ratio(0.12))
        .oscillates("tran 1n {stop} 0 1n uic"),
    case("pair-va", "the same in Verilog-A", "threshold-pair-va", circuits::pair, 2)
        .to(Target::Ratio(0.12))
        .oscillates("tran 1n {stop} 0 1n uic"),
    case("xm32", "crossbar 32, sources", "crossbar", circuits::crossbar, 32)
        .to(Target::Seconds(0.08))
        .fine("tran 10n {stop} 0 4n uic"),
    case("xv32", "crossbar 32, Verilog-A", "crossbar-va", circuits::crossbar, 32)
        .to(Target::Seconds(0.08))
        .fine("tran 10n {stop} 0 4n"),
    case("xm64", "crossbar 64, sources", "crossbar", circuits::crossbar, 64)
        .with(&[("n", "64")])
        .to(Target::Seconds(0.35))
        .fine("tran 10n {stop} 0 4n uic"),
    case("xv64", "crossbar 64, Verilog-A", "crossbar-va", circuits::crossbar, 64)
        .with(&[("n", "64")])
        .to(Target::Seconds(0.35))
        .fine("tran 10n {stop} 0 4n"),
    case("xm128", "crossbar 128, sources", "crossbar", circuits::crossbar, 128)
        .with(&[("n", "128")])
        .alone(Size::Standard)
        .to(Target::Seconds(2.5))
        .within(150.0),
    case("xv128", "crossbar 128, Verilog-A", "crossbar-va", circuits::crossbar, 128)
        .with(&[("n", "128")])
        .alone(Size::Standard)
        .to(Target::Seconds(2.5))
        .within(150.0),
    case("xm256", "crossbar 256, sources", "crossbar", circuits::crossbar, 256)
        .with(&[("n", "256")])
        .alone(Size::Standard)
        .to(Target::Seconds(15.0)),
    case("xv256", "crossbar 256, Verilog-A", "crossbar-va", circuits::crossbar, 256)
        .with(&[("n", "256")])
        .alone(Size::Standard)
        .to(Target::Seconds(15.0)),
    case("xv512", "crossbar 512, Verilog-A", "crossbar-va", circuits::crossbar, 512)
        .with(&[("n", "512")])
        .alone(Size::Large)
        .to(Target::Wall(150.0)),
    case("xv1024", "crossbar 1024, Verilog-A", "crossbar-va", circuits::crossbar, 1024)
        .with(&[("n", "1024")])
        .alone(Size::Huge)
        .to(Target::Wall(1800.0))
        .within(12.0 * 1024.0),
    case("xr128", "resistive crossbar 128, .op", "resistive", circuits::resistive, 128)
        .alone(Size::Standard)
        .to(Target::Seconds(0.15)),
    case("xr256", "resistive crossbar 256, .op", "resistive", circuits::resistive, 256)
        .with(&[("n", "256")])
        .alone(Size::Standard)
        .to(Target::Seconds(0.6)),
    case("xr512", "resistive crossbar 512, .op", "resistive", circuits::resistive, 512)
        .with(&[("n", "512")])
        .alone(Size::Standard)
        .to(Target::Seconds(4.0)),
    case("xr1024", "resistive crossbar 1024, .op", "resistive", circuits::resistive, 1024)
        .with(&[("n", "1024")])
        .alone(Size::Large)
        .to(Target::Seconds(25.0)),
    Case { text: Text::Flat, ..case("chain", "1 M elements, read to ready", "chain", circuits::chain, 1_000_000) }
        .to(Target::Seconds(1.5))
        .within(600.0),
    case("chain-for", "the same by a loop", "chain", circuits::chain, 1_000_000)
        .alone(Size::Standard)
        .to(Target::Seconds(1.5))
        .within(600.0),
];
