//! Initial weights by a law of the caller's own, from the library.

use std::path::Path;
use std::sync::Arc;

use deeplin::kernel::blas;
use deeplin::network::init::Law;
use deeplin::network::{Shape, Weights};
use deeplin::report::page::page;
use deeplin::rng::Random;
use deeplin::run::blocks::Share;
use deeplin::run::interrupt::Interrupt;
use deeplin::run::{self, Options, Silent, numerics};
use deeplin::store::{Disk, MergeOptions, ResultsFile, merge};
use deeplin::study::Study;
use deeplin::{Result, config};
use tempfile::TempDir;

use crate::support::rows;

/// Independent normal entries, and a factor on the last layer.
#[derive(Debug)]
struct Tapered {
    factor: f64,
}

impl Law for Tapered {
    fn words(&self) -> String {
        format!("tapered,\nfactor = {:?}", self.factor)
    }

    fn draw(&self, shape: &Shape, random: &mut dyn Random) -> Weights {
        let mut weights = Weights::zeros(shape);
        for j in 1..=shape.depth() {
            let (rows, cols) = shape.layer(j);
            let scale = if j == shape.depth() { self.factor } else { 1.0 };
            weights.layer_mut(j).assign(&random.gaussian_matrix(rows, cols, 0.4 * scale));
        }
        weights
    }
}

fn study() -> Study {
    let text = "seed = 2018\ntrials = 30\n[network]\ninput = 3\nhidden = 3\noutput = 3\n\
                [stop]\nladder = [0.1]\n[descent]\nmax_steps = 500\n[store]\nblock = 7";
    config::parse("law.toml", text, &[], Path::new(".")).expect("a study")
}

fn tapered(factor: f64) -> Study {
    study().with_law(Arc::new(Tapered { factor }))
}

fn run_into(dir: &TempDir, study: &Study, workers: usize) -> Result<ResultsFile> {
    let options =
        Options { dir: dir.path().to_owned(), share: Share::WHOLE, workers, mixed: false };
    let numerics = numerics::of_this_build(&blas::prepare(1)?);
    run::run(study, &options, &numerics, &Disk, &Interrupt::new(None), &Silent)?;
    merge(&Disk, dir.path(), &MergeOptions { mixed: false })?;
    ResultsFile::open(&dir.path().join("results.h5"))
}

#[test]
fn rows_are_those_of_the_law_for_any_number_of_workers() {
    let law = tapered(0.5);
    let [one, two] = [1, 2].map(|workers| {
        let dir = TempDir::new().expect("a directory");
        let results = run_into(&dir, &law, workers).expect("results");
        results.rows(0, 0..30).expect("rows")
    });
    assert_eq!(one, two);
    // Without the ladder: `rows` has none.
    let alone = rows(&law.cells[0], 30);
    for (row, alone) in one.iter().zip(&alone) {
        assert_eq!(
            (row.outcome, row.steps, row.measures),
            (alone.outcome, alone.steps, alone.measures)
        );
    }
    let given = rows(&study().cells[0], 30);
    assert!(given.iter().zip(&alone).all(|(a, b)| a.measures != b.measures));
}

/// Its words keep it apart from other laws, and are one line of the configuration.
#[test]
fn rows_of_different_laws_are_not_mixed() {
    let digests = [study(), tapered(0.5), tapered(0.25)].map(|study| study.digest);
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
    assert_eq!(tapered(0.5).digest, digests[1]);
    let dir = TempDir::new().expect("a directory");
    let results = run_into(&dir, &tapered(0.5), 1).expect("results");
    let line = results.config.lines().last().expect("a line");
    assert!(line.starts_with("# ") && line.ends_with("tapered,\\nfactor = 0.5"), "{line}");
    for other in [study(), tapered(0.25)] {
        let error = run_into(&dir, &other, 1).expect_err("a directory of another study");
        assert!(error.to_string().contains("belongs to another study"), "{error}");
    }
}

#[test]
fn a_page_says_that_its_configuration_is_not_enough() {
    let page_of = |study: &Study| {
        let dir = TempDir::new().expect("a directory");
        page(&run_into(&dir, study, 1).expect("results")).expect("a page")
    };
    let (plain, other) = (page_of(&study()), page_of(&tapered(0.5)));
    let line = "deeplin run study.toml -o again";
    assert!(plain.contains(line) && plain.contains("<dt>init.kind</dt>"));
    assert!(!plain.contains("with_law"));
    assert!(!other.contains(line) && !other.contains("<dt>init.kind</dt>"));
    let words = "tapered,\\nfactor = 0.5";
    assert!(other.contains(&format!("<dt>initial weights</dt><dd>{words}</dd>")));
    assert!(
        other.contains(&format!("a law of its own: {words}.")) && other.contains("Study::with_law")
    );
}
