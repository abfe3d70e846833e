//! Plots that people look at: dots, units, ticks, titles, members, colours; from decks to the words and lines of svg files.

use std::collections::BTreeSet;
use std::process::Command;

use memspice::output::svg::{axis, canvas};

/// The files of a deck (name and text) and what the program said.
fn files(deck: &str) -> (Vec<(String, String)>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("deck.cir"), deck).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_memspice"))
        .args(["deck.cir", "-o", "out", "--format", "svg", "--format", "csv"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let entries = std::fs::read_dir(folder.path().join("out")).into_iter().flatten().flatten();
    let read = |e: std::fs::DirEntry| (e.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(e.path()).unwrap());
    (entries.map(read).collect(), said)
}

/// One file of a deck.
fn file(deck: &str, name: &str) -> String {
    let (files, said) = files(deck);
    files.into_iter().find(|f| f.0 == name).unwrap_or_else(|| panic!("no {name}: {said}")).1
}

/// All words of a plot.
fn words(svg: &str) -> Vec<String> {
    let pieces = svg.split("<text").skip(1);
    pieces.filter_map(|p| Some(p.split_once(">\n")?.1.split_once("\n</text>")?.0.to_string())).collect()
}

/// Colours of its lines.
fn colours(svg: &str) -> BTreeSet<String> {
    let lines = svg.split("<polyline").skip(1).filter(|l| l.contains("stroke-width=\"18\"") || l.contains("stroke-width=\"16\""));
    lines.filter_map(|l| Some(l.split_once("stroke=\"")?.1.split_once('"')?.0.to_string())).collect()
}

const DIVIDER: &str = "divider\n.param r=1k\nV1 a 0 1\nR1 a b {r}\nR2 b 0 1k\n.op\n.measure op out find v(b)\n";

#[test]
fn measures_of_families_are_dots_at_their_members() {
    let dots = |cards: &str| file(&format!("{DIVIDER}{cards}.end\n"), "measure.svg").matches("<circle").count();
    assert_eq!(dots(".step param r list 100 1k 10k\n.plot measure out xlog\n"), 3);
    assert_eq!(dots(".step param r list 100 1k 10k\n.plot measure out xlog marks=0\n"), 0);
    // Where the frame cuts a line there is no member.
    assert_eq!(dots(".step param r list 100 1k 10k\n.plot measure out xmin=500 xmax=5k\n"), 1);
    assert_eq!(dots(".step param r 100 7k 100\n.plot measure out\n"), 0);
    assert_eq!(dots(".step param r 100 7k 100\n.plot measure out marks\n"), 70);
}

#[test]
fn measures_have_units() {
    let deck = "units\n.param c=1u\nV1 a 0 SIN(0 1 1k)\nR1 a b 1k\nC1 b 0 {c}\n.tran 1u 3m\n.step param c list 1u 2u\n\
        .measure tran m_when when v(b)=0.01 rise=2\n.measure tran m_delay trig v(a) val=0 rise=2 targ v(b) val=0 rise=2\n\
        .measure tran m_find find i(r1) at=1m\n.measure tran m_max max v(b)\n.measure tran m_at max_at v(b)\n\
        .measure tran m_charge integ i(r1)\n.measure tran m_flux integ v(b)\n.measure tran m_slope deriv v(b) at=1m\n\
        .measure tran m_period period v(a)\n.measure tran m_frequency frequency v(a)\n.measure tran m_duty duty v(a)\n\
        .measure tran m_energy energy i(r1) v(a)\n.measure tran m_phase phase v(a) v(b)\n.measure tran m_spikes spikes v(a)\n\
        .measure tran m_rate param='1/m_period'\n.measure tran m_ohm param='m_max/m_find'\n\
        .measure tran m_ratio param='1-m_max/(2*m_max)'\n.measure tran m_scaled param='1e3*m_max'\n\
        .measure tran m_kilo find 1e3*v(b) at=1m\n.end\n";
    let csv = file(deck, "measure.csv");
    let line = csv.lines().find_map(|l| l.strip_prefix("# units = ")).unwrap();
    let units: Vec<&str> = line.split(',').map(str::trim).collect();
    let asked = ["F", "s", "s", "A", "V", "s", "C", "V*s", "V/s", "s", "Hz", "1", "J", "deg", "1", "Hz", "ohm", "1", "", ""];
    assert_eq!(units, asked, "{csv}");
    let plot = |cards: &str| words(&file(&deck.replace(".end", &format!("{cards}\n.end")), "measure.svg"));
    assert!(plot(".plot measure m_delay").contains(&"m_delay (us)".to_string()));
    assert!(plot(".plot measure m_when m_at").contains(&"m_when, m_at (ms)".to_string()));
    // One label is one ordinate.
    let one = plot(".plot measure m_max m_scaled ylabel=\"height\"");
    assert_eq!(one.iter().filter(|w| w.starts_with("height")).count(), 1, "{one:?}");
}

#[test]
fn what_is_stepped_has_a_unit_where_it_is_known() {
    let csv = |step: &str| file(&format!("{DIVIDER}{step}\n.end\n"), "measure.csv");
    for (step, units) in [(".step V1 1 2 1", "V,V"), (".step R2 list 1 2", "ohm,V"), (".step temp 0 50 50", "degC,V")] {
        let found = csv(step);
        assert!(found.contains(&format!("# units = {units}\n")), "{step}: {found}");
    }
}

/// A parameter of the deck has the unit of what it is the value of, if all of that has one.
#[test]
fn units_stand_in_legends_and_on_the_console() {
    let deck = |cards: &str| {
        format!(
            "steps\nV1 a 0 SIN(0 1 {{f}})\nR1 a b {{r}}\nC1 b 0 {{c}}\n.param f=1k r=1k c=1u both=1\n\
        R2 a 0 {{1k*both}}\nC2 b 0 {{1u*both}}\n.tran 1u 2m\n.plot tran v(b)\n.measure tran delay when v(b)=0 rise=1 from=1u\n\
        .measure tran share param='delay/delay'\n{cards}\n.end\n"
        )
    };
    for (step, shown, told) in [
        ("param r list 500 2k", "r=500 \u{3a9}", "r = 500 ohm"),
        ("param r list 500 2k", "r=2 k\u{3a9}", "r = 2000 ohm"),
        ("C1 list 1u 20n", "c1=20 nF", "c1 = 0.00000002 F"),
        ("param f list 1k 2k", "f=2 kHz", "f = 2000 Hz"),
        ("R2 list 1 20k", "r2=20 k\u{3a9}", "r2 = 20000 ohm"),
        ("temp -10 40 50", "temp=\u{2212}10 \u{b0}C", "temp = -10 degC"),
        ("param both list 1 2", "both=2", "both = 2)"),
    ] {
        let (files, said) = files(&deck(&format!(".step {step}")));
        let svg = &files.iter().find(|f| f.0 == "tran.svg").unwrap().1;
        assert!(words(svg).contains(&shown.to_string()), "{step}: {:?}", words(svg));
        let line = said.lines().find(|l| l.starts_with("delay") && l.contains(told)).unwrap_or_else(|| panic!("{told}: {said}"));
        assert!(line.contains(" s   ("), "{line}");
        assert!(said.contains("share = 1.0000000000e0   ("), "{said}");
    }
}

/// Curves on one another are drawn in turn; what lies elsewhere is whole.
#[test]
fn curves_that_coincide_are_all_seen() {
    let deck = "twins\nV1 a 0 SIN(0 1 1k)\nR1 a b 1k\nR2 b 0 1k\nR3 a c 2k\nR4 c 0 2k\nR5 a d 1k\nR6 d 0 3k\n.tran 1u 1m\n";
    let pieces = |curves: &str| {
        let svg = file(&format!("{deck}.plot tran {curves}\n.end\n"), "tran.svg");
        let lines: Vec<String> =
            svg.split("<polyline").skip(1).filter(|l| l.contains("stroke-width=\"16\"")).map(str::to_string).collect();
        colours(&svg).iter().map(|c| lines.iter().filter(|l| l.contains(c.as_str())).count()).collect::<Vec<usize>>()
    };
    assert_eq!(pieces("v(b) v(d)").iter().max(), Some(&1));
    let two = pieces("v(b) v(c)");
    assert!(two.len() == 2 && two.contains(&1) && two.iter().any(|n| *n > 12), "{two:?}");
    let three = pieces("v(b) v(c) 0.5*v(a) v(d)");
    assert!(
        three.len() == 4 && three.iter().filter(|n| **n == 1).count() == 2 && three.iter().filter(|n| **n > 7).count() == 2,
        "{three:?}"
    );
}

#[test]
fn files_have_rows_at_multiples_of_the_step_where_asked() {
    let deck = |options: &str| {
        format!(
            "grid\nV1 a 0 PWL(0 0 1m 1 1.001m 3 2m 3)\nR1 a 0 1k\n.tran 30u 2m{options}\n\
        .measure tran top max v(a)\n.plot tran v(a)\n.end\n"
        )
    };
    let (coarse, said) = files(&deck("\n.options interp"));
    let (fine, all) = files(&deck(""));
    let of = |files: &[(String, String)], name: &str| files.iter().find(|f| f.0 == name).unwrap().1.clone();
    let rows: Vec<Vec<f64>> = of(&coarse, "tran.csv")
        .lines()
        .filter(|l| l.starts_with(|c: char| c.is_ascii_digit()))
        .map(|l| l.split(',').map(|x| x.parse().unwrap()).collect())
        .collect();
    // 0 to 66 times the step, and the end.
    assert_eq!(rows.len(), 68);
    for (k, row) in rows.iter().enumerate() {
        let t = (k as f64 * 30e-6).min(2e-3);
        let v = if t <= 1e-3 { 1e3 * t } else { 3.0 };
        assert!((row[0] - t).abs() < 1e-15 && (row[1] - v).abs() < 1e-9, "{row:?}");
    }
    assert_eq!(of(&coarse, "tran.svg"), of(&fine, "tran.svg"));
    let top = |said: &str| said.lines().find(|l| l.starts_with("top")).unwrap().to_string();
    assert_eq!(top(&said), top(&all));
}

#[test]
fn ticks_of_a_logarithmic_axis_are_written_in_one_way() {
    let powers = |text: &str| text.contains("10\u{2070}") || text.contains("10\u{b9}") || text.contains("10\u{207b}");
    for (low, high, unit, first, label) in [
        (2.0, 6.0, "", "10²", "x"),
        (-2.0, 5.0, "", "10⁻²", "x"),
        (-3.0, 1.0, "", "0.001", "x"),
        (-7.2, -6.3, "", "10⁻⁷", "x"),
        (-7.8, -6.6, "s", "20n", "x (s)"),
        (2.0, 7.0, "ohm", "100", "x (\u{3a9})"),
        (-1.0, 3.0, "uA", "100n", "x (A)"),
        (3.0, 8.0, "1/s", "10³", "x (1/s)"),
    ] {
        let (range, fixed, name, unit) = (Some((low, high)), (None, None), "x".to_string(), unit.to_string());
        let wish = axis::Wish { range, fixed, log: true, symlog: None, whole: false, name, unit, ticks: 9.0, margin: 0.0 };
        let found = axis::layout(&wish);
        let texts: Vec<&str> = found.ticks.iter().map(|t| t.1.as_str()).collect();
        assert!(texts.contains(&first) && found.label == label, "{texts:?} {}", found.label);
        let plain = texts.iter().filter(|t| t.chars().all(|c| c.is_ascii_digit() || c == '.')).count();
        let mixed = plain > 0 && plain < texts.len() && texts.iter().any(|t| powers(t));
        assert!(!mixed && (3..=12).contains(&texts.len()), "{texts:?}");
    }
    // Both signs: nothing runs together around zero.
    let (range, fixed, name, unit) = (Some((-6.0, 6.0)), (None, None), "x".to_string(), "A".to_string());
    let found = axis::layout(&axis::Wish {
        range,
        fixed,
        log: false,
        symlog: Some(1e-12),
        whole: false,
        name,
        unit,
        ticks: 8.0,
        margin: 0.0,
    });
    assert!(found.ticks.windows(2).all(|t| found.fraction(t[1].0) - found.fraction(t[0].0) > 0.05), "{found:?}");
    assert!(found.ticks.iter().any(|t| t.1 == "1u") && found.ticks.iter().any(|t| t.1 == "0"), "{found:?}");
}

#[test]
fn titles_are_never_cut() {
    let long = "A title that is a good deal longer than what fits above a square of this size and goes on behind it";
    let word = "Incomprehensibilities_of_a_name_without_any_blank_in_it_that_somebody_made_up_for_a_title";
    for (title, rows) in [(long, 2..=4), (word, 1..=1)] {
        let deck = format!("{DIVIDER}.plot op map=\"v(%)\" title=\"{title}\" file=cells\nR3 1 0 1\nR4 2 1 1\n.end\n");
        let svg = file(&deck, "cells.svg");
        let width: f64 = svg.split_once("width=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
        let bold: Vec<&str> = svg.split("<text").filter(|t| t.contains("bold")).collect();
        assert!(rows.contains(&bold.len()), "{} rows", bold.len());
        for text in bold {
            let size: f64 = text.split_once("font-size=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
            let said = text.split_once(">\n").unwrap().1.split_once("\n</text>").unwrap().0;
            assert!(canvas::width_of(said, size / 10.0) < width, "{said} at {size}");
        }
    }
}

#[test]
fn units_of_labels_take_prefixes() {
    let label = |given: &str, factor: &str| {
        let cards =
            format!(".measure op x param='{factor}*out*1.5'\n.step param r list 100 1k 10k\n.plot measure x ylabel=\"{given}\"\n");
        words(&file(&format!("{DIVIDER}{cards}.end\n"), "measure.svg"))
    };
    for (given, factor, shown) in [
        ("rate (Hz)", "1e9", "rate (GHz)"),
        ("rate (kHz)", "1e3", "rate (MHz)"),
        ("current (uA)", "1", "current (uA)"),
        ("charge (uC/cm2)", "1e6", "charge (10⁶ uC/cm2)"),
        ("part (1)", "1", "part"),
        ("state (0 off, 1 on)", "1", "state (0 off, 1 on)"),
        ("noise (V/sqrt(Hz))", "1e6", "noise (10⁶ V/sqrt(Hz))"),
    ] {
        let words = label(given, factor);
        assert!(words.contains(&shown.to_string()), "{given}: {words:?}");
        assert!(!words.iter().any(|w| w.contains(") (")), "{words:?}");
    }
    // Of numbers whose unit is known: amperes, not microamperes.
    let deck = format!("{DIVIDER}.step V1 1 5 1\n.plot op i(r1) ylabel=\"current (uA)\"\n.end\n");
    assert!(words(&file(&deck, "op.svg")).contains(&"current (mA)".to_string()));
}

const CHARGING: &str = "charging\n.param r=1k q=1\nV1 a 0 PULSE(0 1 0 1n 1n 1 2)\nR1 a b {r}\nC1 b 0 {q*1n}\n.tran 10n 5u\n";

#[test]
fn members_of_families_can_be_chosen() {
    let drawn = |cards: &str| words(&file(&format!("{CHARGING}{cards}.end\n"), "tran.svg"));
    let r = ".step param r list 1k 2k 5k 10k\n";
    let names = |words: Vec<String>| words.into_iter().filter(|w| w.contains("r=") || w.contains("q=")).collect::<Vec<String>>();
    let picked = |cards: &str| names(drawn(cards));
    assert_eq!(picked(&format!("{r}.plot tran v(b) members=\"1 3\"\n")), ["r=1 k\u{3a9}", "r=5 k\u{3a9}"]);
    assert_eq!(picked(&format!("{r}.plot tran v(b) members=\"1,last\"\n")), ["r=1 k\u{3a9}", "r=10 k\u{3a9}"]);
    assert_eq!(picked(&format!("{r}.plot tran v(b) members=\"r=2k r=5k\"\n")), ["r=2 k\u{3a9}", "r=5 k\u{3a9}"]);
    let both = format!(".step param q list 1 2\n{r}.plot tran v(b) members=\"q=2 r=1k r=10k\"\n");
    assert_eq!(picked(&both), ["r=1 k\u{3a9}", "r=10 k\u{3a9}"]);
    assert_eq!(picked(&format!("{r}.plot tran v(b) members=3\n")).len(), 0);
    // Maps draw a file for each member.
    let map = ".plot op map=\"v(%)\" members=last file=cells\nR3 1 0 1\nR4 2 1 1\n.step param r list 1 2 3\n";
    let names: Vec<String> =
        files(&format!("{DIVIDER}{map}.end\n")).0.into_iter().map(|f| f.0).filter(|n| n.ends_with("svg")).collect();
    assert_eq!(names, ["cells.svg"]);
    for (members, said) in [("9", "there are 4 members"), ("x=1", "tells no members apart"), ("some", "is no member of a family")] {
        let text = files(&format!("{CHARGING}{r}.plot tran v(b) members={members:?}\n.end\n")).1;
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn large_families_have_short_legends() {
    let svg = file(&format!("{CHARGING}.step param r 1k 30k 1k\n.plot tran v(b)\n.end\n"), "tran.svg");
    let names: Vec<String> = words(&svg).into_iter().filter(|w| w.starts_with("r=")).collect();
    assert!(names.len() <= 12 && names[0] == "r=1 k\u{3a9}" && names[names.len() - 1] == "r=30 k\u{3a9}", "{names:?}");
    assert!(colours(&svg).len() >= 30, "{:?}", colours(&svg));
}

#[test]
fn families_of_diagrams_are_told_apart() {
    let deck = |values: &str| {
        format!(
            "folds\n.param w=0\nV1 p 0 0\nCx x 0 1\nBx x 0 i={{v(x)*v(x)*v(x)-(1+w)*v(x)-v(p)}}\n.continue V1 -1 1\n\
             .step param w list {values}\n.plot continue v(x) file=family\n.end\n"
        )
    };
    let few = file(&deck("0 1 2"), "family.svg");
    assert_eq!(colours(&few).len(), 3, "{:?}", colours(&few));
    let said = words(&few);
    assert!(["w=0", "w=1", "w=2", "LP1"].iter().all(|w| said.iter().any(|s| s == w)), "{said:?}");
    assert!(said.iter().any(|w| w == "v(x) (V)"), "{said:?}");
    // Many: a thinned legend, no labels at special points.
    let many = file(&deck("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.1 1.2 1.3 1.4"), "family.svg");
    let said = words(&many);
    assert!(colours(&many).len() >= 15 && said.iter().filter(|w| w.starts_with("w=")).count() == 12, "{said:?}");
    assert!(!said.iter().any(|w| w.starts_with("LP")), "{said:?}");
}

#[test]
fn folds_are_marked_on_the_curves_that_fold() {
    let deck = "two cells\nV1 p 0 0\nCx x 0 1\nBx x 0 i={v(x)*v(x)*v(x)-v(x)-v(p)}\nCy y 0 1\n\
        By y 0 i={v(y)*v(y)*v(y)-1.4*v(y)-v(p)}\n.continue V1 -1 1\n.plot continue v(x) v(y) file=both\n.end\n";
    let (files, said) = files(deck);
    let text = |name: &str| &files.iter().find(|f| f.0 == name).unwrap_or_else(|| panic!("{said}")).1;
    let points = |line: &&str| line.split(',').any(|cell| cell.starts_with("LP"));
    let folds = text("continue.csv").lines().filter(points).count();
    assert!(folds >= 4 && text("both.svg").matches("<circle").count() == folds, "{folds}: {said}");
}

#[test]
fn members_that_are_whole_numbers_have_no_ticks_between_them() {
    let svg = file(&format!("{DIVIDER}.step param r 1 3 1\n.plot measure out file=out\n.end\n"), "out.svg");
    let words = words(&svg);
    assert!(["1", "2", "3"].iter().all(|w| words.iter().any(|x| x == w)) && !words.iter().any(|w| w == "1.5"), "{words:?}");
}

#[test]
fn one_point_is_no_plot() {
    let names = |points: &str| {
        let (files, _) = files(&format!("point\nV1 a 0 ac 1\nR1 a b 1k\nC1 b 0 1n\n.ac lin {points}\n.plot ac v(b)\n.end\n"));
        files.into_iter().map(|f| f.0).filter(|name| name.ends_with("svg")).collect::<Vec<String>>()
    };
    assert_eq!(names("2 1k 2k"), ["ac.svg"]);
    assert!(names("1 1k 1k").is_empty());
}

#[test]
fn branches_of_cycles_have_periods_to_measure() {
    // r^2 = 1 at p = 0 and a speed of turning of 1 + p.
    let deck = "cycles\n.param p=0\nCx x 0 1 ic=1\nCy y 0 1 ic=0\n\
        Bx 0 x i={(1-v(x)*v(x)-v(y)*v(y))*v(x)-(1+p)*v(y)}\nBy 0 y i={(1-v(x)*v(x)-v(y)*v(y))*v(y)+(1+p)*v(x)}\n\
        .pss auto T0=6.28 x uic continue=p from=0 to=1\n.measure pss shortest min period\n.measure pss longest max period\n\
        .plot pss period file=period\n.end\n";
    let (files, said) = files(deck);
    let number = |name: &str| -> f64 {
        let line = said.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{said}"));
        line.split_once("= ").unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
    };
    let turn = std::f64::consts::TAU;
    assert!((number("longest") / turn - 1.0).abs() < 1e-4 && (number("shortest") / (turn / 2.0) - 1.0).abs() < 1e-4, "{said}");
    let plot = &files.iter().find(|f| f.0 == "period.svg").unwrap().1;
    assert!(words(plot).contains(&"period (s)".to_string()), "{:?}", words(plot));
}

#[test]
fn maps_show_differences() {
    let deck = "differences\nV1 w1_1 0 1\nV2 w1_2 0 2\nR1 w1_1 b1_1 1\nR2 w1_2 b1_2 1\nR3 b1_1 0 1\nR4 b1_2 0 1\n.op\n\
        .save v(w1_1)\n.plot op map=\"v(w%_%,b%_%)\" file=cells\n.end\n";
    let (files, said) = files(deck);
    assert!(!said.contains("fits nothing"), "{said}");
    let svg = &files.iter().find(|f| f.0 == "cells.svg").unwrap().1;
    assert!(words(svg).contains(&"voltage (V)".to_string()) && words(svg).contains(&"1.0".to_string()), "{:?}", words(svg));
}
