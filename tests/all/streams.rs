//! Results of any length in bounded memory: files that grow while the run goes on hold the same bytes as files written at once.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use memspice::output::block::{BLOCK, Blocks};
use memspice::output::spool::{LIMIT, REST, Spool, Store};
use memspice::output::{self, Outputs, Request, csv, raw};
use memspice::wave::kept::Kept;
use memspice::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Header, Sink};
use num_complex::Complex64;

fn header(kinds: &[(&str, ColumnKind)]) -> Header {
    let column = |(name, kind): &(&str, ColumnKind)| ColumnInfo {
        name: (*name).into(),
        quantity: "voltage".into(),
        unit: "V".into(),
        kind: *kind,
    };
    let columns = kinds.iter().map(column).collect();
    Header { analysis: "tran".into(), title: "Transient".into(), columns, independent: 1, ..Header::default() }
}

fn three() -> Header {
    header(&[("time", ColumnKind::Real), ("v(a)", ColumnKind::Real), ("v(b)", ColumnKind::Real)])
}

/// A burst with noise: every bucket of a plot has extremes of its own.
fn row(k: usize) -> [f64; 3] {
    let t = k as f64 * 1e-6;
    let rough = ((k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1u64 << 24) as f64;
    [t, (50.0 * t).sin() * (1.0 + 0.1 * rough), 1e-9 * rough - 1e-5 * t]
}

fn outputs(folder: &Path, formats: &[&str]) -> Outputs {
    let request = Request { folder: folder.to_path_buf(), stem: "deck".into(), title: "a deck".into(), ..Request::default() };
    output::open(&formats.iter().map(|f| (*f).to_string()).collect::<Vec<_>>(), true, &request).unwrap()
}

fn same_files(a: &Path, b: &Path) {
    let names = |folder: &Path| {
        let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        all.sort();
        all
    };
    assert_eq!(names(a), names(b));
    for name in names(a) {
        // No `assert_eq!`: it would print megabytes.
        assert!(std::fs::read(a.join(&name)).unwrap() == std::fs::read(b.join(&name)).unwrap(), "{name:?} differs");
    }
}

/// The memory of all writers does not grow with the rows, and the files are those that single rows make.
#[test]
fn a_million_rows_pass_through_bounded_memory() {
    const ROWS: usize = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let (streamed, plain) = (folder.path().join("streamed"), folder.path().join("plain"));
    let mut files = outputs(&streamed, &["raw", "csv", "svg"]);
    let mut most = 0;
    let mut part = Vec::new();
    {
        let mut blocks = Blocks::new(&mut files);
        blocks.begin(&three()).unwrap();
    }
    // What a run hands on, block by block.
    for k in 0..ROWS {
        part.extend(row(k));
        if part.len() >= BLOCK || k + 1 == ROWS {
            files.rows(3, &part).unwrap();
            part.clear();
            most = most.max(files.held());
        }
    }
    files.end().unwrap();
    files.finish().unwrap();
    // Two lines of 4096 buckets of four points each, and blocks that are not full: 2 * 4096 * 8 numbers and some.
    assert!(most < 80_000, "{most} numbers are held");
    let mut files = outputs(&plain, &["raw", "csv", "svg"]);
    files.begin(&three()).unwrap();
    for k in 0..ROWS {
        files.row(&row(k).map(Cell::Real)).unwrap();
    }
    files.end().unwrap();
    files.finish().unwrap();
    same_files(&streamed, &plain);
    let back = output::read(&streamed.join("deck.raw")).unwrap().results.remove(0);
    assert_eq!(back.rows, ROWS);
    assert!((0..ROWS).step_by(997).all(|k| back.columns[2].real()[k].to_bits() == row(k)[2].to_bits()));
}

/// Numbers of a table are what the standard library calls the shortest, in the same form for all sizes.
#[test]
fn numbers_are_the_shortest_decimals() {
    let mut values = vec![0.0, -0.0, 1.0, -1.0, 1e-3, 9.99e-4, 999_999.0, 1e6, -1e6, 1.5e6, 12_345_678.9, 1e15, 1e16, 1e17];
    values.extend([1e-5, 1.5e-5, 9.999e-6, 1e-7, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    values.extend([0.1 + 0.2, 2.0 / 3.0, 1e23, 9_007_199_254_740_993.0, 123_456.0, 0.000_123, 1_000_001.0]);
    let mut state = 1u64;
    for _ in 0..100_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        values.push(f64::from_bits(state));
        // And of ordinary size.
        values.push(((state >> 12) as f64 / (1u64 << 52) as f64) * 10f64.powi((state % 24) as i32 - 12));
    }
    let mut table = csv::Table::new(Vec::new());
    table.begin(&header(&[("x", ColumnKind::Real)])).unwrap();
    table.rows(1, &values).unwrap();
    let text = String::from_utf8(table.into_inner()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).skip(1).collect();
    assert_eq!(lines.len(), values.len());
    for (line, x) in lines.iter().zip(&values) {
        let expected = match x.abs() {
            _ if x.is_nan() => "nan".to_string(),
            size if size.is_infinite() => format!("{x}"),
            size if size == 0.0 || (1e-3..1e6).contains(&size) => format!("{x}"),
            _ => format!("{x:e}"),
        };
        // Of two shortest that are equally near either will do.
        let tie = || line.len() == expected.len() && line.parse() == Ok(*x);
        assert!(**line == expected || tie(), "{line} is not {expected}");
    }
}

/// What comes back from a spool is what went in: real, complex and words, with segments; beyond its limit from the file.
#[test]
fn what_waits_comes_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path()).unwrap();
    let mixed = header(&[("p", ColumnKind::Real), ("z", ColumnKind::Complex), ("point", ColumnKind::Text)]);
    let mut expected = Dataset::default();
    let mut spool = Spool::new(&store);
    let mut other = Spool::new(&store);
    other.begin(&three()).unwrap();
    let sinks: [&mut dyn Sink; 2] = [&mut expected, &mut spool];
    for sink in sinks {
        sink.begin(&mixed).unwrap();
        for k in 0..40_000usize {
            if k % 9_001 == 0 {
                sink.segment(&format!("branch {k}")).unwrap();
            }
            let x = k as f64;
            let word = if k % 100 == 7 { format!("LP{}", k % 3) } else { String::new() };
            sink.row(&[Cell::Real(x), Cell::Complex(Complex64::new(-x, 1.0 / x)), Cell::Text(word)]).unwrap();
            // Another member writes at the same time.
            other.rows(3, &row(k)).unwrap();
        }
        sink.end().unwrap();
    }
    assert!(spool.held() <= REST && other.held() <= LIMIT, "{} {}", spool.held(), other.held());
    let mut back = Dataset::default();
    spool.replay(&mut back).unwrap();
    assert!(format!("{back:?}") == format!("{expected:?}"), "a mixed result");
    let mut back = Dataset::default();
    other.replay(&mut back).unwrap();
    assert_eq!(back.rows, 80_000);
    assert!((0..80_000).all(|k| back.columns[1].real()[k].to_bits() == row(k % 40_000)[1].to_bits()));
    drop((spool, other, store));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary file has gone");
}

/// A run that is killed leaves files that read, with the rows of all blocks that were handed on.
#[test]
fn files_that_are_cut_short_are_readable() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = outputs(folder.path(), &["raw", "csv"]);
    files.begin(&three()).unwrap();
    let whole: Vec<f64> = (0..5000).flat_map(row).collect();
    files.rows(3, &whole).unwrap();
    // Nothing is ended, nothing is dropped: what is on disk now is what a killed process leaves.
    for name in ["deck.raw", "tran.csv"] {
        let back = output::read(&folder.path().join(name)).unwrap().results.remove(0);
        assert_eq!(back.rows, 5000, "{name}");
        assert_eq!(back.columns[1].real()[4999], row(4999)[1], "{name}");
    }
    std::mem::forget(files);
}

/// Only the columns that measures read are kept, with the rows and segments of the whole.
#[test]
fn measures_keep_what_they_read() {
    let mut kept = Kept::new(["V(b)"]);
    kept.begin(&three()).unwrap();
    for k in 0..10 {
        if k == 5 {
            kept.segment("back").unwrap();
        }
        kept.rows(3, &row(k)).unwrap();
    }
    assert_eq!(kept.held(), 20);
    let data = kept.into_data();
    assert_eq!((data.rows, data.columns.len(), data.segments.clone()), (10, 2, vec![(5, "back".to_string())]));
    assert_eq!(data.real("v(b)").unwrap()[7], row(7)[2]);
    let mut none = Kept::new([]);
    none.begin(&three()).unwrap();
    none.rows(3, &row(0)).unwrap();
    assert_eq!((none.held(), none.into_data().rows), (0, 1));
}

/// Complex plots take rows of real numbers as pairs, ASCII ones as lines.
#[test]
fn every_encoding_takes_blocks() {
    for encoding in [raw::Encoding::Binary, raw::Encoding::Ascii] {
        for kinds in [three(), header(&[("f", ColumnKind::Real), ("a", ColumnKind::Complex), ("b", ColumnKind::Complex)])] {
            let written = |blocks: bool| {
                let mut plots = raw::Plots::new(std::io::Cursor::new(Vec::new()), "t", encoding);
                plots.begin(&kinds).unwrap();
                for k in 0..10 {
                    let _ = if blocks { plots.rows(3, &row(k)) } else { plots.row(&row(k).map(Cell::Real)) }.unwrap();
                }
                plots.end().unwrap();
                plots.into_inner().into_inner()
            };
            assert_eq!(written(true), written(false), "{encoding:?}");
        }
    }
}

fn memspice(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_memspice")).args(arguments).current_dir(folder).output().unwrap()
}

/// Families write the same files whatever the number of threads, and the measures are those of a run that keeps everything.
#[test]
fn families_are_written_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let deck = "family\nV1 a 0 ac 1 sin(0 1 1k)\nR1 a b {r}\nC1 b 0 1u\n.param r=1k\n.step param r list 1k 300 2k 100 50\n\
        .tran 1u 2m 0 0.2u\n.ac dec 5 1 1meg\n.measure tran top max v(b)\n.measure tran late find v(b) at=1.7m\n\
        .measure tran when_up when v(b)=0.01 rise=1\n.measure ac low find vdb(b) at=1k\n.plot tran v(b) v(a)\n.end\n";
    std::fs::write(folder.path().join("family.cir"), deck).unwrap();
    let run = |threads: &str| {
        let out = memspice(folder.path(), &["family.cir", "--quiet", "--threads", threads, "--output", threads]);
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).to_string()
    };
    let (one, three) = (run("1"), run("3"));
    assert_eq!(one, three);
    same_files(&folder.path().join("1"), &folder.path().join("3"));
    let family = output::read(&folder.path().join("3/tran.csv")).unwrap().results;
    let keys: Vec<f64> = family.iter().map(|d| d.header.keys[0].1).collect();
    assert_eq!(keys, [1e3, 300.0, 2e3, 100.0, 50.0]);
    // Each member has more rows than a spool keeps in memory? 10 000 rows of 5 columns: some blocks of it are on disk.
    let numbers: usize = family.iter().map(|d| d.rows * d.columns.len()).sum();
    assert!(numbers > 2 * LIMIT, "{numbers}");
    let simulation = super::decks::run_text(deck.split_once('\n').unwrap().1.trim_end_matches(".end\n"));
    for (name, value) in simulation.members.iter().flatten().flat_map(|o| &o.measures) {
        let value = value.as_ref().unwrap();
        assert!(one.contains(&format!("{name:<7} = {value:.10e}")), "{name} = {value:e} is not in\n{one}");
    }
}

/// A table of thousands of columns is written if it is asked for, and otherwise left out with a word.
#[test]
fn wide_results_make_no_table_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let deck = "wide\nV1 n0 0 1\n.for i 1 1100\nR{i} n{i-1} n{i} 1\n.endfor\nRE n1100 0 1\n.op\n.end\n";
    std::fs::write(folder.path().join("wide.cir"), deck).unwrap();
    let names = |folder: PathBuf| {
        let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        all.sort();
        all
    };
    let out = memspice(folder.path(), &["wide.cir", "--output", "usual"]);
    let text = String::from_utf8_lossy(&out.stdout).to_string();
    assert!(text.contains("note: .op: 1102 columns are no table: no csv (`--format csv` writes it)"), "{text}");
    assert_eq!(names(folder.path().join("usual")), ["wide.raw"]);
    memspice(folder.path(), &["wide.cir", "--output", "asked", "--format", "csv"]);
    assert_eq!(names(folder.path().join("asked")), ["op.csv"]);
}
