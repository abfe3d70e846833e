//! Arrays of cells: names with wildcards, numbers from files, matrices as results, states that a later run goes on from.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use memspice::circuit::patterns::fits;
use memspice::diag;
use memspice::matrix::Matrix;
use memspice::run::{RunOptions, Simulation, prepare, run, simulate};
use memspice::span::{MemoryFiles, Sources};

type Binary<'a> = (&'a str, Vec<u8>);

fn files(text: &str, others: &[Binary]) -> Sources {
    let mut files = MemoryFiles::default();
    files.0.extend(others.iter().map(|(name, bytes)| (PathBuf::from(name), bytes.clone())));
    files.0.insert("deck.cir".into(), format!("deck of a test\n{text}\n.end\n").into_bytes());
    Sources::new(Box::new(files))
}

/// Names of the columns that go to files, and what was said.
fn saved(text: &str) -> (Vec<String>, String) {
    let mut sources = files(text, &[]);
    match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok((mna, warnings)) => {
            let circuit = mna.circuit();
            let names = circuit.saved.iter().map(|k| circuit.outputs[*k as usize].name.clone()).collect();
            (names, diag::render(&warnings, &sources, false))
        }
        Err(errors) => panic!("{}", diag::render(&errors, &sources, false)),
    }
}

fn simulated(text: &str, others: &[Binary]) -> Simulation {
    let mut sources = files(text, others);
    let prepared = prepare(Path::new("deck.cir"), &[], &mut sources);
    let (mna, _) = prepared.unwrap_or_else(|d| panic!("{}", diag::render(&d, &sources, false)));
    let stop = AtomicBool::new(false);
    let done = simulate(mna, Path::new("deck.cir"), &[], &Mutex::new(sources), &stop, &|_| {});
    done.unwrap_or_else(|d| panic!("{d:?}"))
}

fn complaint(text: &str, others: &[Binary]) -> String {
    let mut sources = files(text, others);
    match prepare(Path::new("deck.cir"), &[], &mut sources) {
        Ok(_) => panic!("no error in {text}"),
        Err(found) => diag::render(&found, &sources, false),
    }
}

#[test]
fn wildcards_stand_for_characters_and_numbers() {
    for (pattern, name, expected) in [
        ("*", "", true),
        ("*", "x1.x", true),
        ("r*_0", "R12_0", true),
        ("r*_0", "r12_01", false),
        ("r*_0", "r1_0_0", true),
        ("x?.x", "x12.x", false),
        ("x%.x", "x12.x", true),
        ("x%.x", "x.x", false),
        ("x%_%.x", "x10_3.x", true),
        ("x%_%.x", "x10_.x", false),
        ("*a*b*c", "xxaxxbxxbc", true),
        ("*a*b*c", "xxbxxaxxc", false),
        ("", "a", false),
        // Quadratic at worst, not exponential.
        ("*a*a*a*a*a*a*a*a*b", &"a".repeat(2000), false),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

const GRID: &str = "V1 row0 0 0.1\nV2 row1 0 0.2\n.for i 0 1\n.for j 0 2\nXm{i}_{j} row{i} col{j} taox x0=0.5\n.endfor\n.endfor\n\
    .for j 0 2\nR{j} col{j} 0 1\n.endfor\n.op\n";

#[test]
fn patterns_name_columns() {
    let columns = |cards: &str| saved(&format!("{GRID}{cards}")).0;
    let states = ["Xm0_0.x", "Xm0_1.x", "Xm0_2.x", "Xm1_0.x", "Xm1_1.x", "Xm1_2.x"];
    assert_eq!(columns(".save v(*)"), ["v(row0)", "v(row1)", "v(col0)", "v(col1)", "v(col2)"]);
    assert_eq!(columns(".save v(r*0) v(COL?)"), ["v(row0)", "v(col0)", "v(col1)", "v(col2)"]);
    assert_eq!(columns(".save xm*.x"), states);
    assert_eq!(columns(".save xm%_%.x"), states);
    // A product nowhere else, but a pattern where names stand.
    assert_eq!(columns(".save xm*_2.x"), [states[2], states[5]]);
    assert_eq!(columns(".save *_1.x"), [states[1], states[4]]);
    assert_eq!(columns(".save i(v*) i(r*)"), ["i(V1)", "i(V2)", "i(R0)", "i(R1)", "i(R2)"]);
    assert_eq!(columns(".save v(xm0_*.x)"), states[..3]);
    // Where expressions stand a product is one.
    assert_eq!(columns(".save v(row1)\n.print op v(c*0) xm0_0.x*2"), ["v(row1)", "v(col0)", "xm0_0.x*2"]);
    assert_eq!(columns(".save v(row0)\n.plot op v(col*)"), ["v(row0)", "v(col0)", "v(col1)", "v(col2)"]);
    let variables = columns(".save @xm*[w*]");
    assert!(variables.iter().all(|v| v.starts_with("@Xm")), "{variables:?}");
    // Cells of arrays are columns, but of no other file.
    assert_eq!(columns(".save v(row0)\n.array op xm%_%.x file=x.npy"), ["v(row0)"]);
}

#[test]
fn patterns_that_fit_nothing_are_said() {
    let (names, said) = saved(&format!("{GRID}.save v(row0) v(roww*) y*.x"));
    assert_eq!(names, ["v(row0)"]);
    assert!(said.contains("warning: `v(roww*)` fits nothing") && said.contains("row"), "{said}");
    assert!(said.contains("`y*.x` fits nothing"), "{said}");
    let many: String = (0..300).map(|k| format!("R{k} a{k} 0 1k\nI{k} 0 a{k} 1m\n")).collect();
    let (_, said) = saved(&format!("{many}.op\n.save v(a0)\n.plot op v(*)"));
    assert!(said.contains("300 lines: the first 200 are drawn") && said.contains("map="), "{said}");
}

/// `.save all` means all, however much that is; without any card large circuits save what is named.
#[test]
fn everything_is_saved_on_demand() {
    let many: String = (0..2100).map(|k| format!("R{k} a{k} 0 1k\nI{k} 0 a{k} 1m\n")).collect();
    let (names, said) = saved(&format!("{many}.op\n.save all"));
    assert!(names.len() >= 2100 && !said.contains("unknowns: only"), "{} {said}", names.len());
    assert_eq!(saved(&format!("{many}.op")).0, names);
    let (names, said) = saved(&format!("{many}.op\n.print op v(a7)"));
    assert_eq!(names, ["v(a7)"]);
    assert!(said.contains("unknowns: only what") && said.contains("x*.x"), "{said}");
}

fn matrix(shape: &[usize], value: impl Fn(usize) -> f64) -> Matrix {
    Matrix { shape: shape.to_vec(), values: (0..shape.iter().product()).map(value).collect() }
}

/// What numpy writes for `np.arange(6).reshape(2, 3)` in several types, byte by byte.
#[test]
fn npy_files_of_numpy_are_read() {
    let file = |version: u8, kind: &str, data: &[u8]| {
        let head = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 3), }}");
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let length = head.len() as u32;
        if version == 1 {
            bytes.extend((length as u16).to_le_bytes())
        } else {
            bytes.extend(length.to_le_bytes())
        }
        bytes.extend(head.as_bytes());
        bytes.extend(data);
        bytes
    };
    let expected = matrix(&[2, 3], |k| k as f64 - 2.0);
    let numbers: Vec<i32> = (-2..4).collect();
    let as_bytes = |f: &dyn Fn(i32) -> Vec<u8>| numbers.iter().flat_map(|n| f(*n)).collect::<Vec<u8>>();
    for (kind, data) in [
        ("<f8", as_bytes(&|n| f64::from(n).to_le_bytes().to_vec())),
        ("<f4", as_bytes(&|n| (n as f32).to_le_bytes().to_vec())),
        ("<i8", as_bytes(&|n| i64::from(n).to_le_bytes().to_vec())),
        ("<i4", as_bytes(&|n| n.to_le_bytes().to_vec())),
        ("<i2", as_bytes(&|n| (n as i16).to_le_bytes().to_vec())),
        ("|i1", as_bytes(&|n| (n as i8).to_le_bytes().to_vec())),
    ] {
        for version in [1, 2, 3] {
            assert_eq!(Matrix::parse(&file(version, kind, &data)), Ok(expected.clone()), "{kind} {version}");
        }
    }
    let ours = matrix(&[2, 3], |k| 1.0 / (k as f64 - 2.5));
    assert_eq!(ours.to_npy().len() % 64, 48);
    assert_eq!(Matrix::parse(&ours.to_npy()), Ok(ours.clone()));
    assert_eq!(Matrix::parse(ours.to_csv().as_bytes()), Ok(ours.clone()));
    let said = |bytes: &[u8]| Matrix::parse(bytes).unwrap_err();
    let eight = as_bytes(&|n| f64::from(n).to_le_bytes().to_vec());
    assert!(said(&file(1, ">f8", &eight)).contains(">f8"));
    assert!(said(&file(1, "<c16", &eight)).contains("known are <f8"));
    assert!(said(&file(9, "<f8", &eight)).contains("version 9"));
    assert_eq!(said(&file(1, "<f8", &eight[..40])), "6 numbers are announced, 5 are there");
    let text = String::from_utf8_lossy(&file(1, "<f8", &[])).replace("False", "True");
    assert!(said(&[b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()).contains("Fortran"));
    let whole = ours.to_npy();
    for length in 0..whole.len() {
        assert!(Matrix::parse(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn tables_are_read_with_names_comments_and_any_separator() {
    let read = |text: &str| Matrix::parse(text.as_bytes());
    let expected = Ok(matrix(&[2, 2], |k| k as f64 + 0.5));
    for text in ["0.5,1.5\n2.5,3.5\n", "# time = 1\na,b\n.5; 1.5\n\n2.5;3.5", "\u{feff}0.5 1.5\r\n2.5\t3.5\r\n"] {
        assert_eq!(read(text), expected, "{text}");
    }
    assert_eq!(read("1,2\n3\n").unwrap_err(), "line 2: 1 number where there are 2 before");
    assert_eq!(read("1,2\n3,x\n").unwrap_err(), "line 2: `x` is not a number");
    assert_eq!(read("1,x\n").unwrap_err(), "line 1: `x` is not a number");
    assert_eq!(read("\n").unwrap_err(), "it holds no numbers");
}

/// Resistors from an NPY file, sources from a table, both inside of loops; a function and a B source read them too.
#[test]
fn numbers_of_files_are_values() {
    let g = matrix(&[3, 2], |k| 1e3 * (k as f64 + 1.0));
    let text = ".func res(i,j) {data(\"d/g.npy\", i, j)}\n.for i 0 2\nV{i} r{i} 0 {data(\"v.csv\",i)}\n.for j 0 1\n\
        R{i}_{j} r{i} c{j} {res(i,j)}\n.endfor\n.endfor\nE0 c0 0 0 0 0\nE1 c1 0 0 0 0\n\
        B1 b 0 v={data(\"v.csv\", 2, 0)*v(r0)}\nRB b 0 1k\n.op\n.save i(e0) i(e1) v(b)";
    let data =
        simulated(text, &[("d/g.npy", g.to_npy()), ("v.csv", b"volts\n1\n2\n3\n".to_vec())]).members.remove(0).remove(0).data;
    for j in 0..2 {
        let expected: f64 = (0..3).map(|i| (i as f64 + 1.0) / (1e3 * (2 * i + j + 1) as f64)).sum();
        let found = data.real(&format!("i(e{j})")).unwrap()[0];
        assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    }
    assert_eq!(data.real("v(b)").unwrap()[0], 3.0);
}

/// Time functions from both kinds of files; a multiplicity counts for their values too.
#[test]
fn time_functions_come_from_files() {
    let wave = matrix(&[3, 2], |k| [0.0, 0.0, 1e-6, 2.0, 2e-6, 2.0][k]);
    let text = "I1 0 a pwl file=\"w.npy\" m=3\nR1 a 0 1\nV1 b 0 pwl file=w.csv\nR2 b 0 1\n.tran 10n 2u\n\
        .measure tran a find v(a) at=0.5u\n.measure tran b find v(b) at=0.5u";
    let done = simulated(text, &[("w.npy", wave.to_npy()), ("w.csv", b"t,v\n0,0\n1e-6,2\n2u,2\n".to_vec())]);
    let measured: Vec<f64> = done.members[0][0].measures.iter().map(|m| *m.1.as_ref().unwrap()).collect();
    assert!((measured[0] - 3.0).abs() < 1e-9 && (measured[1] - 1.0).abs() < 1e-9, "{measured:?}");
    let said = complaint("V1 a 0 pwl file=\"w.npy\"\nR1 a 0 1\n.op", &[("w.npy", matrix(&[2, 3], |k| k as f64).to_npy())]);
    assert!(said.contains("expected rows of a time and a value"), "{said}");
}

/// The row of a table as a parameter: a family goes through the rows.
#[test]
fn rows_of_a_table_can_be_stepped() {
    let table = b"1,10\n2,20\n3,30\n".to_vec();
    let text = ".param row=0\nV1 a 0 {data(\"p.csv\",row,0)}\nV2 b 0 {data(\"p.csv\",row,1)}\nR1 a 0 1\nR2 b 0 1\n\
        .step param row 0 2 1\n.op";
    let done = simulated(text, &[("p.csv", table)]);
    let volts = |k: usize, name: &str| done.members[k][0].data.real(name).unwrap()[0];
    for k in 0..3 {
        assert_eq!((volts(k, "v(a)"), volts(k, "v(b)")), (k as f64 + 1.0, 10.0 * (k as f64 + 1.0)));
    }
}

#[test]
fn files_and_indices_that_are_not_there_are_named() {
    let table: Vec<Binary> = vec![("p.csv", b"1,2\n3,nan\n".to_vec()), ("bad.csv", b"1,2\n3\n".to_vec())];
    let said = |value: &str| complaint(&format!("V1 a 0 {{{value}}}\nR1 a 0 1\n.op"), &table);
    for (value, expected) in [
        ("data(\"none.csv\", 0, 0)", "cannot read `none.csv`"),
        ("data(\"none.csv\", 0, 0)", "relative to the file"),
        ("data(\"bad.csv\", 0, 0)", "`bad.csv`: line 2: 1 number where there are 2 before"),
        ("data(\"p.csv\", 2, 0)", "`p.csv`: it has 2 x 2 numbers: there is no (2, 0)"),
        ("data(\"p.csv\", 0, -1)", "there is no (0, -1)"),
        ("data(\"p.csv\", 0, 0.5)", "the index 0.5 is no whole number"),
        ("data(\"p.csv\", 0)", "2 indices needed, 1 given"),
        ("data(\"p.csv\", 1, 1)", "the entry (1, 1) is not a number"),
        ("data(\"p.csv\")", "without an index"),
        ("data(3, 1)", "the first argument of data() is the name of a file"),
    ] {
        let text = said(value);
        assert!(text.contains(expected) && text.contains("deck.cir"), "{value}: {text}");
    }
    let moving = complaint("B1 a 0 v={data(\"p.csv\", v(b), 0)}\nR1 a 0 1\nV2 b 0 1\n.op", &table);
    assert!(moving.contains("an index of data() moves"), "{moving}");
}

/// Runs a deck in a folder; gives what was said.
fn ran(folder: &Path, text: &str) -> String {
    let deck = folder.join("deck.cir");
    std::fs::write(&deck, format!("array\n{text}\n.end\n")).unwrap();
    let options = RunOptions { output: Some(folder.to_path_buf()), formats: vec!["raw".into()], ..RunOptions::default() };
    let report = run(&deck, &options, &AtomicBool::new(false), &|_, _| {});
    assert_eq!(report.exit, 0, "{}", report.diagnostics);
    report.text + &report.diagnostics
}

fn read(folder: &Path, name: &str) -> Matrix {
    Matrix::parse(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// RC cells with time constants of their own: v(i, j) = exp(-t / (i + 2 j + 1) us).
#[test]
fn matrices_are_written_at_the_end_and_at_times() {
    let folder = tempfile::tempdir().unwrap();
    let text = ".for i 1 3\n.for j 5 6\nR{i}_{j} n{i}_{j} 0 1k\nC{i}_{j} n{i}_{j} 0 {1n*(i+2*j)} ic=1\n.endfor\n.endfor\n\
        .tran 10n 4u uic\n.save v(n1_5)\n.array tran v(n%_%) file=last.npy\n.array \"v(n%_%)\" file=\"some.csv\" at=\"0 1u 2u\"\n\
        .array tran v(n%_%) file=stack.npy at=\"0 1u 9u\"\n.array tran v(n2_%) file=row.csv";
    let said = ran(folder.path(), text);
    for name in ["last.npy", "some.csv", "stack.npy", "row.csv"] {
        assert!(said.contains(name), "{said}");
    }
    let exact = |i: usize, j: usize, t: f64| (-t / (1e-6 * (i + 2 * j) as f64)).exp();
    let last = read(folder.path(), "last.npy");
    assert_eq!(last.shape, [3, 2]);
    for (i, j) in (0..3).flat_map(|i| (0..2).map(move |j| (i, j))) {
        // The default tolerance of a step, some dozen of them.
        let found = last.entry(&[i as f64, j as f64]).unwrap();
        assert!((found - exact(i + 1, j + 5, 4e-6)).abs() < 1e-5, "{i} {j} {found}");
    }
    let stack = read(folder.path(), "stack.npy");
    assert_eq!(stack.shape, [3, 3, 2]);
    // What lies behind the end is the end, and the start is the start.
    assert_eq!(stack.values[12..], last.values);
    assert!(stack.values[..6].iter().all(|v| (v - 1.0).abs() < 1e-9));
    let some = std::fs::read_to_string(folder.path().join("some.csv")).unwrap();
    let heads: Vec<&str> = some.lines().filter(|l| l.starts_with("# time = ")).collect();
    assert_eq!((heads.len(), heads[0]), (3, "# time = 0"));
    assert_eq!(read(folder.path(), "some.csv").values[6..12], stack.values[6..12]);
    assert_eq!(read(folder.path(), "row.csv").values, last.values[2..4]);
    // Only what is saved goes to the rawfile.
    let raw = memspice::output::read(&folder.path().join("deck.raw")).unwrap().results.remove(0);
    assert_eq!(raw.header.columns.len(), 2);
}

#[test]
fn each_member_of_a_family_has_a_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let text = ".param v=1\n.for i 0 1\nR{i} n{i} 0 1k\nI{i} 0 n{i} {1m*v*(i+1)}\n.endfor\n.step param v list 1 5 2\n.op\n\
        .array op v(n%) file=v.csv";
    ran(folder.path(), text);
    for (name, v) in [("v.csv", 1.0), ("v2.csv", 5.0), ("v3.csv", 2.0)] {
        let found = read(folder.path(), name);
        assert_eq!(found.shape, [1, 2]);
        assert!(found.values.iter().zip([v, 2.0 * v]).all(|(a, b)| (a - b).abs() < 1e-12), "{name} {found:?}");
    }
}

#[test]
fn array_cards_that_make_no_sense() {
    for (card, expected) in [
        (".array op xm%_%.x", ".array names no file"),
        (".array op xm%_%.x file=a.txt", "expected a name that ends with .npy or .csv"),
        (".array op file=a.npy", ".array names 0 quantities"),
        (".array op xm%_%.x file=a.npy colour=red", ".array has no setting `colour`"),
        (".array op xm%_%.x file=a.npy at=now", "is not a number"),
    ] {
        let mut sources = files(&format!("{GRID}{card}"), &[]);
        let said = match prepare(Path::new("deck.cir"), &[], &mut sources) {
            Err(errors) => errors,
            Ok((mna, _)) => memspice::report::arrays(&mna).unwrap_err(),
        };
        let said = diag::render(&said, &sources, false);
        assert!(said.contains(expected), "{card}: {said}");
    }
    let (_, said) = saved(&format!("{GRID}.array op y%_%.x file=a.npy"));
    assert!(said.contains("`y%_%.x` fits nothing"), "{said}");
}

/// A 4 x 4 array of drifting memristors for 1 ms; in one go, and in halves of which the second begins with the states that the
/// first one wrote. Driven by the same constant voltages in both, so that the states alone carry the past.
#[test]
fn a_run_goes_on_from_a_written_state() {
    let folder = tempfile::tempdir().unwrap();
    let array = |x0: &str, time: &str, file: &str| {
        format!(
            ".for i 0 3\nV{{i}} w{{i}} 0 {{0.6+0.1*i}}\nRW{{i}} w{{i}} r{{i}} 10\nRC{{i}} c{{i}} 0 10\n.for j 0 3\n\
             X{{i}}_{{j}} r{{i}} c{{j}} ion_drift x0={{{x0}}}\n.endfor\n.endfor\n.options reltol=1e-7\n\
             .tran 1u {time} uic\n.save v(r0)\n.array tran x%_%.x file={file}"
        )
    };
    let start = "0.2+0.02*i+0.03*j";
    ran(folder.path(), &array(start, "10m", "whole.npy"));
    for ending in ["npy", "csv"] {
        ran(folder.path(), &array(start, "5m", &format!("half.{ending}")));
        ran(folder.path(), &array(&format!("data(\"half.{ending}\", i, j)"), "5m", &format!("second.{ending}")));
        let (whole, half) = (read(folder.path(), "whole.npy"), read(folder.path(), &format!("half.{ending}")));
        let second = read(folder.path(), &format!("second.{ending}"));
        assert_eq!(second.shape, [4, 4]);
        let moved = whole.values.iter().zip(&half.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let off = whole.values.iter().zip(&second.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // The states move by far more than the tolerance of the steps, 1e-7 each, leaves between the two.
        assert!(moved > 1e-3, "{moved}");
        assert!(off < 1e-6, "{ending}: {off} of {moved}");
    }
    // The same numbers, whichever kind of file they went through.
    assert_eq!(read(folder.path(), "second.npy"), read(folder.path(), "second.csv"));
}

/// A map of 100 x 50 cells is one picture of as many pixels: the file stays small, and a pixel has the colour of its cell.
#[test]
fn large_maps_are_pictures() {
    use memspice::output::svg::{self, Settings};
    use memspice::wave::{Cell, ColumnInfo, ColumnKind, Dataset, Header, Sink};
    let column = |name: String| ColumnInfo { name, quantity: String::new(), unit: String::new(), kind: ColumnKind::Real };
    let mut columns = vec![column("time".into())];
    columns.extend((0..50).flat_map(|i| (0..100).map(move |j| (i, j))).map(|(i, j)| column(format!("x{i}_{j}.x"))));
    let mut data = Dataset::default();
    data.begin(&Header { analysis: "tran".into(), columns, independent: 1, ..Header::default() }).unwrap();
    let row: Vec<Cell> = (0..5001).map(|k| Cell::Real(f64::from(k) * 2e-4)).collect();
    data.row(&row).unwrap();
    let settings = Settings { map: Some("x%_%.x".into()), ..Settings::default() };
    let request = memspice::output::Request {
        folder: tempfile::tempdir().unwrap().keep(),
        plots: vec![svg::Plot { settings, ..svg::Plot::default() }],
        ..Default::default()
    };
    let mut files = memspice::output::open(&["svg".to_string()], true, &request).unwrap();
    data.replay(&mut files).unwrap();
    let text = std::fs::read_to_string(&files.finish().unwrap()[0]).unwrap();
    std::fs::remove_dir_all(&request.folder).unwrap();
    assert_eq!(text.matches("<image ").count(), 1);
    // Rectangles for all cells would take half a megabyte.
    assert!(text.len() < 40_000, "{}", text.len());
    use base64::Engine as _;
    let coded = text.split_once("base64,").unwrap().1.split_once('"').unwrap().0;
    let bytes = base64::engine::general_purpose::STANDARD.decode(coded).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (100, 50));
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    // The ends of the ramp: dark violet and yellow-green.
    assert_eq!((&pixels[..4], &pixels[pixels.len() - 4..]), (&[68, 1, 84, 255][..], &[190, 210, 40, 255][..]));
}
