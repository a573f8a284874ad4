//! Studies that name files, and the studies of this repository.

use std::cell::Cell as Counter;
use std::path::Path;

use ndarray::Array2;

use crate::digest::Digest;
use crate::error::Result;
use crate::network::Weights;
use crate::network::target::regression::LoadedRegression;
use crate::network::target::{Problem, Target};
use crate::study::Study;

use super::super::data::Readers;
use super::super::parse_with;

thread_local! {
    /// Files read by this thread.
    static READS: Counter<usize> = const { Counter::new(0) };
}

/// Readers that hand out a problem with 3 inputs and 2 outputs, named by the path.
const READERS: Readers = Readers {
    regression: |path, options| {
        let scale = if options.rescale { 1.0 } else { 2.0 };
        let problem = Problem { phi: Array2::from_elem((2, 3), scale), factor: None, optimum: 0.5 };
        Ok(LoadedRegression { problem, digest: read(path), notes: vec!["a note".into()] })
    },
    matrix: |path, _| Ok((Array2::eye(2), read(path))),
    weights: |path, _, shape| Ok((Weights::zeros(shape), read(path))),
};

fn read(path: &Path) -> Digest {
    READS.set(READS.get() + 1);
    let name = path.file_name().unwrap().to_string_lossy();
    Digest::of(name.as_bytes())
}

fn study(text: &str, sets: &[&str]) -> Result<Study> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    parse_with(READERS, "study.toml", text, &sets, Path::new("studies"))
}

const REGRESSION: &str = "[network]\ninput = 3\noutput = 2\n[target]\nkind = \"regression\"\npath = \"a.csv\"\nlabels = \"y\"\n";

#[test]
fn a_file_is_read_once_for_all_cells() {
    READS.set(0);
    let sweep = format!(
        "{REGRESSION}[sweep]\n\"init.std\" = [0.1, 0.2]\n\"target.rescale\" = [true, false]"
    );
    let study = study(&sweep, &[]).unwrap();
    assert_eq!((study.cells.len(), READS.get()), (4, 2));
    let phi = |cell: usize| match &*study.cells[cell].target {
        Target::Regression(problem) => problem.phi[[0, 0]],
        other => panic!("{other:?}"),
    };
    assert_eq!((phi(0), phi(1), phi(2)), (1.0, 2.0, 1.0));
}

#[test]
fn content_and_not_place_names_a_cell() {
    let base = study(REGRESSION, &[]).unwrap();
    let moved = study(REGRESSION, &["target.path=elsewhere/a.csv"]).unwrap();
    assert_eq!(base.cells[0].digest, moved.cells[0].digest);
    assert_eq!(base.cells[0].target_digest, moved.cells[0].target_digest);
    let other = study(REGRESSION, &["target.path=b.csv"]).unwrap();
    assert_ne!(base.cells[0].digest, other.cells[0].digest);
    assert_ne!(base.digest, other.digest);
    assert!(
        base.config.contains("path = \"a.csv\"\nlabels = [\"y\"]\nwhiten = true\n"),
        "{}",
        base.config
    );
    let again = study(&base.config, &[]).unwrap();
    assert_eq!((base.digest, &base.config), (again.digest, &again.config));
}

#[test]
fn paths_start_where_they_were_written() {
    let absent = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let base = Path::new("no-such-directory");
        let error = super::super::parse("study.toml", REGRESSION, &sets, base).unwrap_err();
        error.to_string()
    };
    assert!(absent(&[]).contains("no-such-directory/a.csv"));
    assert!(!absent(&["target.path=no-such.csv"]).contains("no-such-directory"));
}

#[test]
fn dimensions_must_be_those_of_the_data() {
    let refused = |text: &str| match study(text, &[]).unwrap_err() {
        crate::error::Error::Config(error) => format!("{} {}", error.message, error.help.unwrap()),
        other => panic!("{other}"),
    };
    let text = refused("[target]\nkind = \"regression\"\npath = \"a.csv\"\nlabels = \"y\"");
    assert!(
        text.contains("the regression has 3 inputs and 2 outputs, the network 8 and 8"),
        "{text}"
    );
    assert!(text.contains("write `input = 3` and `output = 2` under [network]"), "{text}");
    let text = refused(
        "[network]\ninput = 2\noutput = 2\nhidden = 1\n[target]\nkind = \"file\"\npath = \"m.npy\"\n[stop]\nloss = 1e-15",
    );
    assert!(text.contains("at least 1.1e-14"), "the floor of a bottleneck: {text}");
}

#[test]
fn weights_from_a_file_fit_each_shape() {
    READS.set(0);
    let study = study(
        "[init]\nkind = \"file\"\npath = \"w.h5\"\ngroup = \"initial\"\n[sweep]\n\"network.depth\" = [2, 3]",
        &[],
    );
    assert_eq!(study.unwrap().cells.len(), 2);
    assert_eq!(READS.get(), 2);
}

#[test]
fn the_studies_of_this_repository() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut names = Vec::new();
    let folders = [dir.clone(), dir.join("science")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    for path in files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension() == Some("toml".as_ref()))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // Data stay out of the repository: a stand-in of the same dimensions is enough here.
        let readers = Readers {
            regression: |path, _| {
                let problem = Problem { phi: Array2::ones((1, 128)), factor: None, optimum: 0.5 };
                Ok(LoadedRegression { problem, digest: read(path), notes: Vec::new() })
            },
            ..READERS
        };
        let sets: &[String] =
            if name == "ethanol" { &["target.path=ethanol.csv.gz".to_owned()] } else { &[] };
        let study = parse_with(readers, &name, &text, sets, &dir)
            .unwrap_or_else(|error| panic!("{name}: {:?}", miette::Report::new(error)));
        names.push((name, study.cells.len(), study.trials));
    }
    names.sort();
    let expected = [
        ("balanced-and-margin", 108, 100_000),
        ("default", 1, 1000),
        ("ethanol", 26, 100),
        ("near-identity", 42, 100_000),
        ("quickstart", 32, 200),
    ];
    let found: Vec<(&str, usize, u64)> =
        names.iter().map(|(n, c, t)| (n.as_str(), *c, *t)).collect();
    assert_eq!(found, expected);
}
