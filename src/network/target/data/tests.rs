//! The same numbers in every format, and what is refused.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use ndarray::{Array2, ShapeBuilder, array};
use ndarray_npy::write_npy;
use tempfile::TempDir;

use super::*;

/// A directory for the files of one test.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn hdf5(&self, name: &str, dataset: &str, rows: &Array2<f64>) -> PathBuf {
        let file = ::hdf5::File::create(self.path(name)).unwrap();
        file.new_dataset_builder().with_data(rows).create(dataset).unwrap();
        self.path(name)
    }
}

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Whole numbers, so that sums are exact in any order; more rows than a chunk, label first.
fn rows() -> Array2<f64> {
    Array2::from_shape_fn((600, 5), |(i, j)| ((i * i * 7 + j * 31 + i * j) % 17) as f64 - 8.0)
}

fn csv_text(rows: &Array2<f64>) -> String {
    let mut text = "label,a,\"b, with a comma\",c,d\n".to_owned();
    for row in rows.rows() {
        let fields: Vec<String> = row.iter().map(f64::to_string).collect();
        text += &(fields.join(", ") + "\r\n");
    }
    text
}

fn libsvm_text(rows: &Array2<f64>) -> String {
    let mut text = "# a comment\n\n".to_owned();
    for row in rows.rows() {
        text += &row[0].to_string();
        for (j, value) in row.iter().enumerate().skip(1).filter(|(_, value)| **value != 0.0) {
            text += &format!(" {j}:{value}");
        }
        text += " # end\n";
    }
    text
}

fn of(path: &Path, label: &str) -> Moments {
    moments(path, &[label.to_owned()], None).unwrap()
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Data { message, help, .. }) => {
            format!("{message} | {}", help.unwrap_or_default())
        }
        Err(other) => other.to_string(),
        Ok(_) => panic!("this must be refused"),
    }
}

#[test]
fn every_format_gives_the_same_moments() {
    let (scratch, rows) = (Scratch::new(), rows());
    let csv = of(&scratch.write("a.csv", csv_text(&rows)), "label");
    let (x, y) = (rows.slice(s![.., 1..]), rows.slice(s![.., ..1]));
    assert_eq!(csv.samples, 600);
    assert_eq!(csv.xx, x.t().dot(&x) / 600.0);
    assert_eq!(csv.yx, y.t().dot(&x) / 600.0);
    assert_eq!(csv.yy_trace, y.mapv(|v| v * v).sum() / 600.0);
    assert_eq!(csv.features, ["a", "b, with a comma", "c", "d"]);
    assert_eq!(csv.labels, ["label"]);

    let (f32s, i16s) = (scratch.path("f4.npy"), scratch.path("i2.npy"));
    write_npy(&f32s, &rows.mapv(|v| v as f32)).unwrap();
    write_npy(&i16s, &rows.mapv(|v| v as i16)).unwrap();
    let (f64s, columns) = (scratch.path("f8.npy"), scratch.path("columns.npy"));
    write_npy(&f64s, &rows).unwrap();
    let mut column_major = Array2::zeros(rows.dim().f());
    column_major.assign(&rows);
    write_npy(&columns, &column_major).unwrap();
    for (path, label) in [
        (scratch.write("b.csv.gz", gzip(&csv_text(&rows))), "label"),
        (scratch.write("compressed.csv", gzip(&csv_text(&rows))), "label"),
        (scratch.write("c.libsvm", libsvm_text(&rows)), "label"),
        (scratch.write("c.svm.gz", gzip(&libsvm_text(&rows))), "label"),
        (f64s, "0"),
        (columns, "0"),
        (f32s, "-5"),
        (i16s, "0"),
        (scratch.hdf5("e.h5", "table", &rows), "0"),
    ] {
        let Moments { samples, xx, yx, yy_trace, .. } = of(&path, label);
        let same = (samples, &xx, &yx, yy_trace) == (600, &csv.xx, &csv.yx, csv.yy_trace);
        assert!(same, "{}", path.display());
    }
}

#[test]
fn labels_come_in_the_order_asked_for() {
    let scratch = Scratch::new();
    let path = scratch.write("a.csv", "a,b,c\n1,2,3\n");
    let moments = moments(&path, &["c".to_owned(), "a".to_owned()], None).unwrap();
    assert_eq!((moments.yx, moments.yy_trace), (array![[6.0], [2.0]], 10.0));
}

#[test]
fn refusals_name_the_place_and_the_remedy() {
    let scratch = Scratch::new();
    for (name, content, label, words) in [
        ("a.csv", "", "y", &["the file is empty"][..]),
        ("a.csv", "\n\n", "y", &["0 columns"]),
        ("a.csv", "x,y\n", "y", &["no rows"]),
        ("a.csv", "x,y\n1,2\n3\n", "y", &["line 3 has 1 fields, the first row 2"]),
        ("a.csv", "x,y\n1,2\n,4\n", "y", &["line 3, column `x` is empty"]),
        ("a.csv", "x,y\n1,NaN\n", "y", &["line 2, column `y`: `NaN` is not a finite number"]),
        ("a.csv", "x,y\n1,1e999\n", "y", &["`1e999` is not a finite number"]),
        (
            "a.csv",
            "x,conc\n1,2\n",
            "cnoc",
            &["no column `cnoc`", "is `conc` meant?", "`x`, `conc`"],
        ),
        ("a.csv", "1,2\n3,4\n", "y", &["the first row of a CSV file names its columns"]),
        ("a.csv", "y,y\n3,4\n", "y", &["several columns are called `y`"]),
        ("a.csv", "y\n3\n", "y", &["no feature is left"]),
        ("a.csv", "x,y\n1e200,4\n", "y", &["overflow"]),
        ("a.libsvm", "1 1:2\n1,2 1:2\n", "label", &["line 2: `1,2`: several labels"]),
        ("a.libsvm", "1 0:2\n", "label", &["index 0 after 0: they count up from 1"]),
        ("a.libsvm", "1 2:2 2:3\n", "label", &["index 2 after 2"]),
        ("a.libsvm", "1 99999999999:2\n", "label", &["more than 16384 features"]),
        ("a.libsvm", "1 qid:2\n", "label", &["`qid:2` is not index:value"]),
        ("a.libsvm", "1\n", "label", &["no line has a feature"]),
        ("a.libsvm", "1 1:2\n", "y", &["one label, the first entry"]),
        ("a.data", "1 1:2\n", "y", &["the name does not say which text", ".csv"]),
        ("a.npy", "\u{fffd}", "y", &["neither NPY nor HDF5"]),
    ] {
        let path = scratch.write(name, content);
        let said = message(moments(&path, &[label.to_owned()], None));
        assert!(words.iter().all(|word| said.contains(word)), "{content:?}: {said}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.write("a.csv", b"x,y\n1,2\n1,\xff\n");
    assert!(message(moments(&path, &["y".to_owned()], None)).contains("line 3 is not UTF-8"));
    let whole = gzip(&csv_text(&rows()));
    let path = scratch.write("a.csv.gz", &whole[..whole.len() / 2]);
    assert!(message(moments(&path, &["label".to_owned()], None)).contains("cannot read"));
}

#[test]
fn label_lists_are_checked() {
    let scratch = Scratch::new();
    let path = scratch.write("a.csv", "a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,0\n");
    let said = message(moments(&path, &[], None));
    assert!(said.contains("target.labels") && said.contains("`h`, ... (10 in all)"), "{said}");
    let twice = ["a".to_owned(), "a".to_owned()];
    assert!(message(moments(&path, &twice, None)).contains("`a` is given twice"));
    let said = message(moments(&path, &["a".to_owned()], Some("table")));
    assert!(said.contains("this is no HDF5 file"), "{said}");
}

#[test]
fn numbered_columns_are_checked() {
    let scratch = Scratch::new();
    let path = scratch.path("a.npy");
    write_npy(&path, &array![[1.0, 2.0, 3.0]]).unwrap();
    assert_eq!(of(&path, "-1").features, ["0", "1"]);
    for label in ["3", "-4", "y", "1.0"] {
        let said = message(moments(&path, &[label.to_owned()], None));
        assert!(said.contains("\"0\" to \"2\""), "{said}");
    }
}

#[test]
fn damaged_npy_files_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.path("a.npy");
    let refused = || message(moments(&path, &["0".to_owned()], None));
    write_npy(&path, &array![[1.0, 2.0], [f64::NAN, 3.0]]).unwrap();
    assert!(refused().contains("row 1, column 0 (counted from 0): NaN"), "{}", refused());
    write_npy(&path, &array![1.0, 2.0]).unwrap();
    assert!(refused().contains("two dimensions are needed"), "{}", refused());
    write_npy(&path, &array![[true, false]]).unwrap();
    assert!(refused().contains("'|b1' are not supported"), "{}", refused());
    write_npy(&path, &rows()).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 8]).unwrap();
    assert!(refused().contains("declares 600 x 5"), "{}", refused());
    fs::write(&path, &whole[..40]).unwrap();
    assert!(refused().contains("cannot read the header"), "{}", refused());
    // 2^62 x 2 entries of 8 bytes are more bytes than 64 bits can count.
    let mut huge = whole.clone();
    let dims = huge.windows(6).position(|bytes| bytes == b"(600, ").unwrap();
    huge[dims..dims + 25].copy_from_slice(b"(4611686018427387904, 2)}");
    fs::write(&path, huge).unwrap();
    assert!(refused().contains("declares 4611686018427387904 x 2"), "{}", refused());
}

#[test]
fn hdf5_datasets_are_found_or_listed() {
    let (scratch, rows) = (Scratch::new(), rows());
    let path = scratch.hdf5("a.h5", "table", &rows);
    let table = |name| moments(&path, &["0".to_owned()], name);
    assert_eq!(table(None).unwrap(), table(Some("table")).unwrap());
    assert!(message(table(Some("tabel"))).contains("the file holds `table`"));
    let file = ::hdf5::File::open_rw(&path).unwrap();
    file.new_dataset_builder().with_data(&[1.0, 2.0]).create("flat").unwrap();
    file.new_dataset_builder().with_data(&array![[true]]).create("flags").unwrap();
    file.close().unwrap();
    assert!(message(table(None)).contains("`flags`, `flat`, `table`"));
    assert!(message(table(Some("flat"))).contains("two dimensions are needed"));
    assert!(message(table(Some("flags"))).contains("numbers are needed"));
}

#[test]
fn hdf5_is_not_followed_out_of_the_file() {
    let (scratch, rows) = (Scratch::new(), rows());
    scratch.hdf5("secret.h5", "table", &rows);
    let bytes = scratch.write("secret.bin", [0; 80]);
    let path = scratch.path("a.h5");
    let file = ::hdf5::File::create(&path).unwrap();
    file.link_external("secret.h5", "table", "link").unwrap();
    let builder = file.new_dataset::<f64>().external(bytes.to_str().unwrap(), 0, 80);
    builder.shape((2, 5)).create("external").unwrap();
    file.new_dataset::<f64>().shape((1 << 30, 1000)).create("bomb").unwrap();
    file.new_dataset::<f64>().chunk((1, 5)).deflate(9).shape((2, 5)).create("zeros").unwrap();
    file.close().unwrap();
    let table = |name| moments(&path, &["0".to_owned()], Some(name));
    for (name, words) in [("link", "through the link `link`"), ("external", "lie in another file")]
    {
        assert!(message(table(name)).contains(words), "{}", message(table(name)));
    }
    assert!(message(table("bomb")).contains("declares 1073741824 x 1000 entries"));
    assert_eq!(table("zeros").unwrap().samples, 2);
}
