//! `memspice gallery`: what the page says of decks that pass, miss, fail and crash, and that their texts cannot break it.

use std::path::Path;
use std::process::Command;

use memspice::gallery::head::{self, Block};
use memspice::gallery::{jobs, summary};

const GOOD: &str = "Charging <b>& \"more\"\n* The voltage rises.\n* Must be seen: 693 ns to a half, a < b.\n*\n*    t = rc ln(2)\n\
* covers: C1 S2\n.param r=1k\nv1 in 0 pulse(0 1 0 1p 1p 1 2)\nr1 in out {r}\nc1 out 0 1n\n.tran 10n 5u\n\
.measure tran half when v(out)=0.5 rise=1 expect=693.1n tol=1%\n.measure tran last find v(out) at=5u\n.plot tran v(out)\n.end\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn gallery(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memspice"));
    let output = command.arg("gallery").args(arguments).current_dir(folder).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[test]
fn one_page_shows_what_was_asked_and_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "netlists/basics/good.cir", GOOD);
    write(folder.path(), "netlists/basics/slow.cir", &GOOD.replace("* covers", "* slow: 40 s\n* covers"));
    write(folder.path(), "netlists/bench/unseen.cir", GOOD);
    let (code, text) = gallery(folder.path(), &["--quick", "--jobs", "1"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1 of 1 decks ran (1 slow ones left out), 1 of 1 figures found"), "{text}");
    assert!(text.contains("1/1 basics/good: 1 of 1 figures"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("out/gallery/index.html")).unwrap();
    for part in [
        "<h3>Charging &lt;b&gt;&amp; &quot;more&quot;</h3>",
        "<strong>Must be seen</strong>: 693 ns to a half, a &lt; b.</p>",
        "<pre class=\"prose\"> t = rc ln(2)</pre>",
        "covers C1 S2",
        "<td><code>half</code></td><td>6.931e-7 ± 1 %</td>",
        "e-7 s</td>",
        "prefers-color-scheme: dark",
        "Left out because they are slow: basics/slow.",
        "<svg",
    ] {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
    assert!(!page.contains("unseen") && !page.contains("Charging <b>") && !page.contains("<script"));
    let summary = std::fs::read_to_string(folder.path().join("out/gallery/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["figures_asked"], &summary["figures_found"]), (&1.into(), &1.into()));
    let run = &summary["runs"][0];
    assert!(run["name"] == "basics/good" && run["trouble"].is_null() && run["seconds"].as_f64().unwrap() > 0.0);
    assert!(run["measures"][0]["passed"] == true && run["measures"][1]["passed"].is_null());
}

#[test]
fn what_fails_is_listed_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a/good.cir", GOOD);
    write(
        folder.path(),
        "a/missed.cir",
        &GOOD.replace("693.1n", "\"500n - 693.1n\"").replace(".end", ".step r list 1k 2k 1k\n.end"),
    );
    write(folder.path(), "b/wrong.cir", "nothing\ny1 a b <script>\n.end\n");
    write(
        folder.path(),
        "b/late.cir",
        &GOOD.replace(".tran 10n 5u", ".tran 10n 1000\n.options ppp=50\nv2 x 0 sin(0 1 1meg)\nr2 x 0 1"),
    );
    let (code, text) = gallery(folder.path(), &["a", "b/wrong.cir", "b/late.cir", "-o", "page", "--longest", "1"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("2 of 4 decks ran, 2 of 3 figures found"), "{text}");
    assert!(text.contains("a/missed: half (r = 1000): asked 5e-7 ± 1 %, found 6.93"), "{text}");
    assert!(text.contains("b/late: ended because it took too long") && text.contains("b/wrong: exit code 2: error"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("page/index.html")).unwrap();
    assert!(page.contains("<a href=\"#b-wrong\">b/wrong</a>: exit code 2"), "{page}");
    assert!(page.contains("To look at") && !page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("<td class=\"miss\">") && page.contains("<td class=\"key\">2000</td>"), "{page}");
}

#[test]
fn without_decks_the_error_says_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = gallery(folder.path(), &[]);
    assert!(code == 2 && text.contains("netlists does not exist") && text.contains("hint: give folders or decks"), "{text}");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(jobs(&[folder.path().join("empty")]).unwrap_err().contains("holds no deck"));
}

/// Large plots stand beside the page.
#[test]
fn a_large_plot_is_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut deck = String::from("a map\nv1 n0 0 1\n.for i 0 399\nr{i} n{i} 0 1k\nrs{i} n{i} n{i+1} 1\n.endfor\n.tran 1n 400n\n");
    for k in 0..400 {
        deck.push_str(&format!(".measure tran m{k} find v(n{k}) at=1n\n"));
    }
    deck.push_str(".plot tran v(n*)\n.end\n");
    write(folder.path(), "many/map.cir", &deck);
    let (code, text) = gallery(folder.path(), &["many"]);
    assert_eq!(code, 0, "{text}");
    let page = std::fs::read_to_string(folder.path().join("out/gallery/index.html")).unwrap();
    assert!(page.len() < 600_000, "{}", page.len());
}

#[test]
fn heads_are_read() {
    let head = head::read("Title\n* one\n* two\n*\n*    x = 1\n*      y = 2\n* slow: 12 s\n* covers: A\nR1 a b 1\n* not head\n");
    assert_eq!(head.title, "Title");
    assert_eq!((head.slow, head.covers.as_str()), (Some(12.0), "A"));
    assert_eq!(head.prose, [Block::Paragraph("one two".into()), Block::Shaped(" x = 1\n   y = 2".into())]);
    assert_eq!(head::read("").title, "");
}

#[test]
fn numbers_are_short() {
    let cases =
        [(0.0089, "0.0089"), (1.0 / 3.0, "0.33333"), (123456.0, "123460"), (1e6, "1e6"), (6.931e-7, "6.931e-7"), (-2.5, "-2.5")];
    for (value, text) in cases {
        assert_eq!(summary::short(value), text);
    }
}
