//! Random numbers of expressions: moments over arrays, one draw for each call of each instance, the seed.

use memspice::span::MemoryFiles;

use super::decks::{run_one, run_text};

/// Resistances of `count` resistors of a deck that have 1 V across them.
fn resistances(deck: &str, count: usize) -> Vec<f64> {
    let data = run_one(&format!("V1 a 0 1\n{deck}\n.op\n.save i(r*)"));
    (1..=count).map(|k| 1.0 / data.real(&format!("i(r{k})")).unwrap()[0]).collect()
}

/// Mean, standard deviation, and fourth moment over the square of the variance.
fn moments(x: &[f64]) -> [f64; 3] {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let power = |k: i32| x.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    [mean, power(2).sqrt(), power(4) / power(2).powi(2)]
}

#[test]
fn distributions_have_their_moments() {
    const N: usize = 2000;
    let third = 100.0 / 3f64.sqrt();
    // Kurtosis: 3 of a normal one, 9/5 of a level one, 1 of two values.
    for (call, sd, kurtosis) in [
        ("agauss(1k, 100, 2)", 50.0, 3.0),
        ("gauss(1k, 0.1, 2)", 50.0, 3.0),
        ("aunif(1k, 100)", third, 1.8),
        ("unif(1k, 0.1)", third, 1.8),
        ("limit(1k, 100)", 100.0, 1.0),
    ] {
        let x = resistances(&format!(".for k 1 {N}\nR{{k}} a 0 {{{call}}}\n.endfor"), N);
        let [mean, deviation, fourth] = moments(&x);
        let n = N as f64;
        // Four standard errors; that of a variance is sd^2 sqrt((kurtosis - 1)/n).
        assert!((mean - 1000.0).abs() < 4.0 * sd / n.sqrt(), "{call}: mean {mean}");
        let error = 0.5 * sd * ((kurtosis - 1.0) / n).sqrt();
        assert!((deviation - sd).abs() < 4.0 * error + 0.01 * sd, "{call}: standard deviation {deviation}, expected {sd}");
        // That of the fourth moment of a normal one is sqrt(24/n).
        assert!((fourth - kurtosis).abs() < 4.0 * (24.0 / n).sqrt(), "{call}: kurtosis {fourth}");
        let (least, most) = x.iter().fold((f64::MAX, 0.0_f64), |(l, m), x| (l.min(*x), m.max(*x)));
        match call.split('(').next().unwrap() {
            "agauss" | "gauss" => assert!(least < 870.0 && most > 1130.0, "{call}: {least} to {most}"),
            "limit" => assert!(x.iter().all(|x| ((x - 1000.0).abs() - 100.0).abs() < 1e-9)),
            _ => assert!(least > 900.0 && least < 902.0 && most < 1100.0 && most > 1098.0, "{call}: {least} to {most}"),
        }
        // Neighbours know nothing of one another.
        let along: f64 = x.windows(2).map(|p| (p[0] - mean) * (p[1] - mean)).sum::<f64>() / (n * deviation * deviation);
        assert!(along.abs() < 4.0 / n.sqrt(), "{call}: correlation {along}");
    }
}

#[test]
fn each_call_of_each_instance_is_a_draw_and_a_parameter_is_one_number() {
    let cell = ".subckt cell a b r={agauss(1k,100,1)}\nR1 a b {r}\nR2 a b {r}\nR3 a b {aunif(1k,100)}\n.ends";
    let deck = format!(
        ".param one={{agauss(1k,100,1)}}\n.func wide(x) {{agauss(x,100,1)}}\n{cell}\n\
         R1 a 0 {{one}}\nR2 a 0 {{one}}\nR3 a 0 {{wide(1k)}}\nR4 a 0 {{wide(1k)}}\nX1 a 0 cell\nX2 a 0 cell\nX3 a 0 cell r=5\n\
         .for k 5 7\nX{{k}} a 0 cell\n.endfor\nB1 a 0 i={{v(a)/wide(1k)}}\nV1 a 0 1\n.op\n.save i(*)"
    );
    let data = run_one(&deck);
    let r = |name: &str| 1.0 / data.real(&format!("i({name})")).unwrap_or_else(|| panic!("no {name}"))[0];
    assert_eq!(r("r1"), r("r2"));
    assert_eq!(r("x1.r1"), r("x1.r2"));
    assert_eq!(r("x3.r1"), 5.0);
    let own: Vec<f64> =
        ["r1", "r3", "r4", "x1.r1", "x1.r3", "x2.r1", "x2.r3", "x3.r3", "x5.r1", "x5.r3", "x6.r1", "x7.r1", "b1"].map(r).to_vec();
    for (k, x) in own.iter().enumerate() {
        assert!(own[..k].iter().all(|y| (x - y).abs() > 1e-6), "{own:?}");
    }
}

const ARRAY: &str = "V1 a 0 {v}\n.param v=1\n.for k 1 40\nR{k} a 0 {agauss(1k,100,1)*exp(aunif(0,0.1))}\n.endfor\n.op\n.save i(v1)";

#[test]
fn the_seed_alone_decides() {
    let current = |text: &str| run_one(text).real("i(v1)").unwrap()[0];
    let with = |seed: u32| format!("{ARRAY}\n.options seed={seed}");
    assert_eq!(current(ARRAY).to_bits(), current(ARRAY).to_bits());
    assert_eq!(current(ARRAY).to_bits(), current(&with(1)).to_bits());
    let family = |step: &str| -> Vec<f64> {
        run_text(&format!("{ARRAY}\n{step}")).members.iter().map(|m| m[0].data.real("i(v1)").unwrap()[0]).collect()
    };
    // Members of a family run side by side: those of a seed are what that seed gives alone.
    let members = family(".step seed 1 8 1");
    for (k, found) in members.iter().enumerate() {
        assert_eq!(found.to_bits(), current(&with(k as u32 + 1)).to_bits(), "seed {}", k + 1);
        assert!(members[..k].iter().all(|other| other != found));
    }
    // Another parameter does not draw anew: the same array at another voltage.
    let scaled = family(".step v list 1 2");
    assert!((scaled[1] / scaled[0] - 2.0).abs() < 1e-14, "{scaled:?}");
    assert_eq!(scaled[0].to_bits(), members[0].to_bits());
    // A parameter of the deck of that name is the seed.
    assert_eq!(current(&format!("{ARRAY}\n.param seed=3")).to_bits(), members[2].to_bits());
}

#[test]
fn what_would_move_is_refused() {
    let deck = "title\nV1 a 0 1\nB1 a 0 i={agauss(v(a),1,1)}\n.op\n.end\n";
    let mut files = MemoryFiles::default();
    files.0.insert("deck.cir".into(), deck.as_bytes().to_vec());
    let mut sources = memspice::span::Sources::new(Box::new(files));
    let said = memspice::run::prepare(std::path::Path::new("deck.cir"), &[], &mut sources).err().expect("it is refused");
    let text = memspice::diag::render(&said, &sources, false);
    assert!(text.contains("a random number is drawn where it would move"), "{text}");
}
