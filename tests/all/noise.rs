//! Noise against closed forms: thermal, shot, flicker, tables, correlation, multiplicity; stimuli in models; the card.

use std::f64::consts::TAU;

use memspice::analysis::noise::band::{Band, Sample, power_law};
use memspice::wave::{Column, Dataset};

use super::decks::{run_one, run_text, run_with};

const K: f64 = 1.380649e-23;
const Q: f64 = 1.602176634e-19;
/// 27 degrees Celsius.
const T: f64 = 300.15;

/// A module with ports p and n.
fn module(body: &str) -> String {
    format!("`include \"disciplines.vams\"\nmodule dut(p, n); inout p, n; electrical p, n;\n{body}\nendmodule\n")
}

/// The only result of a deck with a module `dut`.
fn with(deck: &str, body: &str) -> Dataset {
    run_with(&format!(".hdl \"dut.va\"\n{deck}"), &[("dut.va", &module(body)), ("table.txt", "# f p\n1 4e-18\n10 1e-18 # end\n")])
        .members
        .remove(0)
        .remove(0)
        .data
}

fn last(data: &Dataset, name: &str) -> f64 {
    *data.real(name).unwrap_or_else(|| panic!("no column {name}: {:?}", data.header.columns)).last().expect("a row")
}

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found:e}, expected {expected:e}");
}

/// Integral over all frequencies: k T/C. What lies outside of the band is 2/pi (f1/f0 + f0/f2) < 1e-7 of it.
#[test]
fn charge_on_a_capacitor() {
    for points in [1, 3, 30] {
        let data = run_one(&format!("V1 in 0 0\nR1 in out 1k\nC1 out 0 1n\n.noise v(out) V1 dec {points} 1m 10t"));
        close(last(&data, "onoise_total").powi(2), K * T / 1e-9, 1e-6);
        for (k, f) in data.real("frequency").expect("frequencies").iter().enumerate() {
            let white = 4.0 * K * T * 1e3;
            // Referred to the source it is white.
            close(data.real("inoise_spectrum").expect("a column")[k].powi(2), white, 1e-12);
            close(data.real("onoise_spectrum").expect("a column")[k].powi(2), white / (1.0 + (TAU * f * 1e-6).powi(2)), 1e-12);
        }
    }
}

/// Two resistors make the noise of both in parallel, 4 k T R1 R2/(R1 + R2).
#[test]
fn divider() {
    let data = run_one("V1 in 0 1\nR1 in out 3k\nR2 out 0 1k\n.noise v(out) V1 lin 3 1 3");
    close(last(&data, "onoise_spectrum").powi(2), 4.0 * K * T * 750.0, 1e-12);
    close(last(&data, "inoise_spectrum").powi(2), 4.0 * K * T * 750.0 * 16.0, 1e-12);
    close(last(&data, "onoise_r1").powi(2), 4.0 * K * T / 3e3 * 750.0f64.powi(2), 1e-12);
    // White over 2 Hz.
    close(last(&data, "onoise_total").powi(2), 4.0 * K * T * 750.0 * 2.0, 1e-12);
    let across = run_one("V1 in 0 1\nR1 in out 3k\nR2 out 0 1k\n.noise v(in,out) V1 lin 3 1 3");
    close(last(&across, "onoise_spectrum").powi(2), 4.0 * K * T * 750.0, 1e-12);
}

/// Four devices in parallel are one of a quarter; a temperature of its own; none without `noisy`.
#[test]
fn multiplicity_and_temperature() {
    let density =
        |card: &str| last(&run_one(&format!("I1 0 out 1u\n{card}\n.noise v(out) I1 lin 1 1 1")), "onoise_spectrum").powi(2);
    close(density("R1 out 0 1k m=4"), 4.0 * K * T * 250.0, 1e-12);
    close(density("R1 out 0 1k temp=127"), 4.0 * K * (T + 100.0) * 1e3, 1e-12);
    assert_eq!(density("R1 out 0 1k noisy=0"), 0.0);
    let data =
        with("I1 0 a 1u\nN1 a 0 dut m=4\n.noise v(a) I1 lin 1 1 1", "analog V(p,n) <+ 1k*I(p,n) + white_noise(1e-18, \"e\");");
    close(last(&data, "onoise_spectrum").powi(2), 0.25e-18, 1e-12);
}

/// 2 q I through the junction's own resistance; the flicker part falls with 1/f.
#[test]
fn diode_shot_and_flicker() {
    let deck =
        |model: &str| format!("I1 0 a 1m\nD1 a 0 dm\n.model dm d({model})\n.save all @d1[gd]\n.op\n.noise v(a) I1 dec 1 1 10k 1");
    let mut outcomes = run_text(&deck("is=1e-15")).members.remove(0);
    let (noise, op) = (outcomes.remove(1).data, outcomes.remove(0).data);
    let conductance = last(&op, "@d1[gd]") + 1e-12;
    close(last(&noise, "onoise_spectrum").powi(2), 2.0 * Q * 1e-3 / conductance.powi(2), 1e-9);
    let noise = run_text(&deck("is=1e-15 kf=1e-12 af=1.5")).members.remove(0).remove(1).data;
    let flicker = noise.real("onoise_d1_flicker").expect("a column");
    close(flicker[0].powi(2), 1e-12 * 1e-3f64.powf(1.5) / conductance.powi(2), 1e-8);
    for pair in flicker.windows(2) {
        close(pair[0] / pair[1], 10f64.sqrt(), 1e-12);
    }
    let both: f64 = ["onoise_d1_flicker", "onoise_d1_shot"].iter().map(|n| last(&noise, n).powi(2)).sum();
    close(last(&noise, "onoise_d1").powi(2), both, 1e-12);
}

/// One source in two contributions: what one gives the other takes, to the last bit. Two sources do not.
#[test]
fn correlated_sources_cancel() {
    let deck = "I1 0 p 0\nN1 p n dut\nR1 p s 1k noisy=0\nR2 n s 1k noisy=0\nR3 s 0 1k noisy=0\n.noise v(s) I1 lin 1 1 1";
    let one = with(deck, "real x; analog begin x = white_noise(1e-18); I(p) <+ x; I(n) <+ -x; end");
    assert_eq!(last(&one, "onoise_spectrum"), 0.0);
    let two = with(deck, "analog begin I(p) <+ white_noise(1e-18); I(n) <+ -white_noise(1e-18); end");
    close(last(&two, "onoise_spectrum").powi(2), 2e-18 * 1e6, 1e-9);
}

/// Factors, derivatives, potentials, conditions.
#[test]
fn sources_pass_through_expressions() {
    let density = |body: &str, f: f64| {
        let deck = format!("I1 0 a 1u\nR1 a 0 1k noisy=0\nN1 a 0 dut\n.noise v(a) I1 lin 1 {f} {f}");
        last(&with(&deck, body), "onoise_spectrum").powi(2)
    };
    let s = 1e-20 * 1e6;
    close(density("analog I(p,n) <+ 3*white_noise(1e-20);", 5.0), 9.0 * s, 1e-12);
    // v = 1 mV at the operating point.
    close(density("analog I(p,n) <+ V(p,n)*white_noise(1e-20);", 5.0), 1e-6 * s, 1e-12);
    close(density("analog I(p,n) <+ ddt(1m*white_noise(1e-20));", 50.0), (TAU * 50.0 * 1e-3).powi(2) * s, 1e-12);
    close(density("analog I(p,n) <+ V(p,n)*ddt(white_noise(1e-20));", 50.0), (TAU * 50.0 * 1e-3).powi(2) * s, 1e-12);
    close(density("analog V(p,n) <+ white_noise(1e-20);", 5.0), 1e-20, 1e-12);
    close(
        density(
            "real x; analog begin if (V(p,n) > 0) x = white_noise(1e-20); else x = white_noise(ln(-V(p,n))); I(p,n) <+ x; end",
            5.0,
        ),
        s,
        1e-12,
    );
    assert_eq!(density("real x; analog begin x = white_noise(1e-20); if (V(p,n) > 1) I(p,n) <+ x; end", 5.0), 0.0);
    close(density("integer k; analog begin for (k = 0; k < 4; k = k + 1) I(p,n) <+ white_noise(1e-20); end", 5.0), 4.0 * s, 1e-12);
    close(density("analog I(p,n) <+ analysis(\"noise\") ? white_noise(1e-20) : 0;", 5.0), s, 1e-12);
    // Two calls of one name are added in the report.
    let data = with(
        "I1 0 a 1u\nR1 a 0 1k\nN1 a 0 dut\n.noise v(a) I1 lin 1 1 1",
        "analog I(p,n) <+ white_noise(1e-20, \"a\") + white_noise(3e-20, \"a\") + flicker_noise(1e-20, 1, \"b c\");",
    );
    close(last(&data, "onoise_n1_a").powi(2), 4.0 * s, 1e-12);
    close(last(&data, "onoise_n1_b_c").powi(2), s, 1e-12);
    close(last(&data, "onoise_n1").powi(2), 5.0 * s, 1e-12);
}

/// Straight lines between the points, of the logarithms with `_log`; constant outside.
#[test]
fn tables() {
    let spectrum = |call: &str| {
        let deck = "I1 0 a 0\nR1 a 0 1 noisy=0\nN1 a 0 dut\n.noise v(a) I1 list 0.1 1 5.5 10 20";
        with(deck, &format!("real t[0:3]; analog begin t[0] = 1; t[1] = 4e-18; t[2] = 10; t[3] = 1e-18; I(p,n) <+ {call}; end"))
            .real("onoise_spectrum")
            .expect("a column")
            .iter()
            .map(|d| d * d)
            .collect::<Vec<_>>()
    };
    let log = 4e-18 * 0.25f64.powf(5.5f64.log10());
    for (call, middle) in [
        ("noise_table('{1, 4e-18, 10, 1e-18})", 2.5e-18),
        ("noise_table('{10, 1e-18, 1, 4e-18}, \"unsorted\")", 2.5e-18),
        ("noise_table(t)", 2.5e-18),
        ("noise_table(\"table.txt\")", 2.5e-18),
        ("noise_table_log('{1, 4e-18, 10, 1e-18})", log),
        ("noise_table_log(\"table.txt\", \"from a file\")", log),
    ] {
        for (found, expected) in spectrum(call).iter().zip([4e-18, 4e-18, middle, 1e-18, 1e-18]) {
            close(*found, expected, 1e-12);
        }
    }
}

/// Amplifier of gain A/(1 + s A/w) with feedback: 4 k T (R1 || R2) |H|^2, H = A(s)/(1 + A(s) R1/(R1 + R2)); then a second stage.
#[test]
fn two_stages() {
    let deck = "V1 in 0 0\nE1 x 0 in fb 1meg\nR0 x y 1k noisy=0\nC0 y 0 1u\nE2 o 0 y 0 1\nR1 fb 0 1k\nR2 o fb 99k\n\
        R3 o p 10k\nE3 q 0 p 0 -7\n.noise v(q) V1 dec 7 1 100meg";
    let data = run_one(deck);
    for (k, f) in data.real("frequency").expect("frequencies").iter().enumerate() {
        let s = num_complex::Complex64::new(0.0, TAU * f);
        let a = 1e6 / (1.0 + s * 1e-3);
        let h = a / (1.0 + a * 0.01);
        let expected = 4.0 * K * T * (990.0 * h.norm_sqr() + 1e4) * 49.0;
        // A million times a hundredth is subtracted from one.
        close(data.real("onoise_spectrum").expect("a column")[k].powi(2), expected, 1e-9);
        close(data.real("inoise_spectrum").expect("a column")[k].powi(2), expected / (49.0 * h.norm_sqr()), 1e-9);
    }
}

/// A current as output: through a source, and through a device that makes noise itself.
#[test]
fn currents_as_outputs() {
    let deck = |out: &str| format!("V1 a 0 1\nR1 a b 1k\nR2 b 0 1k\nI1 0 b 0\n.save all i(r1)\n.noise {out} I1 lin 1 1 1");
    // i(v1) = -(e1 + e2)/(R1 + R2), one of the noise voltages in each resistor.
    let expected = 4.0 * K * T * 2e3 / 4e6;
    close(last(&run_one(&deck("i(v1)")), "onoise_spectrum").powi(2), expected, 1e-12);
    close(last(&run_one(&deck("i(r1)")), "onoise_spectrum").powi(2), expected, 1e-12);
}

/// `ac_stim` is an ac source; behind `ddt` as well; only in `.ac`, and only where it is called.
#[test]
fn stimuli_in_models() {
    let deck = |source: &str| format!("R1 a 0 1k\nC1 a 0 1u\n{source}\n.save all i(r1)\n.ac dec 3 1 10k");
    let complex = |data: &Dataset, name: &str| match &data.columns[data.find(name).expect("a column")] {
        Column::Complex(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let reference = complex(&run_one(&deck("I1 a 0 0 ac 2 57.29577951308232")), "v(a)");
    let model = complex(&with(&deck("N1 a 0 dut"), "analog I(p,n) <+ ac_stim(\"ac\", 2, 1);"), "v(a)");
    let derived = with(&deck("N1 a 0 dut"), "analog I(p,n) <+ ddt(ac_stim(\"ac\", 2, 1));");
    for (k, f) in derived.real("frequency").expect("frequencies").iter().enumerate() {
        assert!((model[k] - reference[k]).norm() < 1e-12 * reference[k].norm());
        let turned = reference[k] * num_complex::Complex64::new(0.0, TAU * f);
        assert!((complex(&derived, "v(a)")[k] - turned).norm() < 1e-12 * turned.norm());
    }
    // The device's own current holds the stimulus itself.
    let data = with("R1 a 0 1k\nN1 a 0 dut\n.save i(n1) v(a)\n.ac lin 1 1 1", "analog I(p,n) <+ ac_stim();");
    assert!((complex(&data, "i(n1)")[0] - 1.0).norm() < 1e-12, "{:?}", complex(&data, "i(n1)"));
    let rest = with("R1 a 0 1k\nN1 a 0 dut\n.ac lin 1 1 1", "analog I(p,n) <+ ac_stim(\"noise\");");
    assert_eq!(complex(&rest, "v(a)")[0].norm(), 0.0);
    let op = with("R1 a 0 1k\nN1 a 0 dut\n.op", "analog I(p,n) <+ ac_stim();");
    assert_eq!(last(&op, "v(a)"), 0.0);
}

/// Nothing of the sources is left in what runs at every iterate.
#[test]
fn ordinary_kernels_pay_nothing() {
    use memspice::ir::{Input, Inst};
    let mut sources = memspice::span::Sources::new(Box::new(memspice::span::MemoryFiles::default()));
    let text = |noise: &str| module(&format!("analog begin I(p,n) <+ V(p,n)/1k {noise}; end"));
    let mut models = Vec::new();
    for noise in ["", "+ sqrt(abs(V(p,n)))*white_noise(1e-20*abs(V(p,n))) + ddt(flicker_noise(1, 1))"] {
        let file = sources.add(std::path::Path::new("dut.va"), text(noise));
        models.extend(memspice::veriloga::compile(&mut sources, file, &[]).0);
    }
    let work = |k: usize| models[k].function.insts.iter().filter(|i| !matches!(i, Inst::Const(_))).collect::<Vec<_>>();
    assert_eq!(work(0), work(1));
    assert_eq!(models[1].small.sources.len(), 2);
    assert!(!models[1].function.insts.iter().any(|i| matches!(i, Inst::Input(Input::Small(_)))));
}

/// Power laws are integrated exactly, whatever the exponent; a Lorentzian to what the refinement promises.
#[test]
fn integrals_between_points() {
    for exponent in [-3.0, -1.5, -1.0 - 1e-9, -1.0, -0.5, 0.0, 2.0] {
        let density = |f: f64| 7.0 * f64::powf(f, exponent);
        let exact = if exponent == -1.0 {
            7.0 * 50f64.ln()
        } else {
            7.0 * (100f64.powf(exponent + 1.0) - 2f64.powf(exponent + 1.0)) / (exponent + 1.0)
        };
        // The closed form itself loses digits near -1.
        close(power_law((2.0, density(2.0)), (100.0, density(100.0))), exact, 1e-7);
    }
    assert_eq!(power_law((1.0, 0.0), (3.0, 4.0)), 4.0);
    let sample = |frequency: f64| Sample { frequency, values: vec![1.0 / (1.0 + frequency * frequency)] };
    let mut band = Band::new(1, (1e-3, 1e3));
    band.add(&sample(1e-3), &sample(1e3), &mut |f| Ok::<_, ()>(sample(f))).expect("no failure");
    // The change that stops it is 1e-4, of which some 1e-3 are left.
    close(band.integrals[0], 1e3f64.atan() - 1e-3f64.atan(), 5e-7);
}

/// What the card may not say.
#[test]
fn mistakes() {
    use memspice::analysis::noise::ENTRY;
    use memspice::args::{Arg, Args};
    use memspice::span::Span;
    let system = super::systems::rc(1e3, 1e-9, 5.0, 0.0, 1.0);
    for (text, message) in [
        ("", "needs an output"),
        ("v(nowhere) v1 dec 1 1 2", "no node `nowhere`"),
        ("i(nothing) v1 dec 1 1 2", "no column is called"),
        ("v(out) v1 dec 1 1 2", "there is no source `v1`"),
        ("v(out) v1 a=1", "no named arguments"),
    ] {
        let items = text.split_whitespace().map(|word| {
            let (name, value) = word.split_once('=').map_or((None, word), |(n, v)| (Some(n.to_string()), v));
            Arg { name, text: value.into(), number: value.parse().ok(), span: Span::default() }
        });
        let args = Args { keyword: "noise".into(), span: Span::default(), items: items.collect() };
        let error = (ENTRY.parse)(&args, &system).err().unwrap_or_else(|| panic!("{text} is taken"));
        assert!(error.message.contains(message), "{text}: {}", error.message);
    }
}

/// Negative and infinite densities, and circuits without noise, are spoken of.
#[test]
fn remarks() {
    let run = |body: &str| {
        let text = ".hdl \"dut.va\"\nI1 0 a 1u\nR1 a 0 1k noisy=0\nN1 a 0 dut\n.noise v(a) I1 lin 2 1 3";
        run_with(text, &[("dut.va", &module(body))]).members.remove(0).remove(0).summary
    };
    let negative = run("analog I(p,n) <+ white_noise(-1e-20, \"odd\");");
    assert!(negative.remarks.iter().any(|r| r.contains("N1: odd has the negative density -1.000e-20")), "{:?}", negative.remarks);
    let silent = run("analog I(p,n) <+ 0;");
    assert!(silent.remarks.iter().any(|r| r.contains("no device makes any noise")), "{:?}", silent.remarks);
    let loud = run("analog I(p,n) <+ white_noise(1e-20, \"a\") + white_noise(3e-20, \"b\");");
    assert!(loud.table.iter().any(|l| l.contains("75.00 %  N1  b")), "{:?}", loud.table);
}
