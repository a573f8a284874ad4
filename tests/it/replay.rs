//! Traces: the same bits as the row, and replayed by an independent program.

use deeplin::network::svd;

use crate::program::{self, Desk};

const STUDY: &str = r#"
name = "traced"
seed = 3
trials = 4
[network]
input = 5
hidden = 4
output = 3
depth = 3
[target]
kind = "gaussian"
std = 0.3
[init]
kind = "gaussian"
std = 0.4
[descent]
learning_rate = 0.02
max_steps = 200
[stop]
loss = 1e-12
[sweep]
"init.std" = [0.3, 0.4]
"#;

/// Square, rectangular both ways, bottleneck, `d_N = 1`, one layer, and wide enough for register tiles
/// and for OpenBLAS.
const NETS: [&[&str]; 8] = [
    &["network.input=4", "network.hidden=4", "network.output=4"],
    &["network.input=6", "network.hidden=[5,4]", "network.output=2"],
    &["network.input=2", "network.hidden=[4,5]", "network.output=6"],
    &["network.input=6", "network.hidden=[5,2]", "network.output=6"],
    &["network.input=7", "network.hidden=5", "network.output=1"],
    &["network.input=3", "network.depth=1", "network.output=2"],
    &[
        "network.input=33",
        "network.hidden=40",
        "network.output=31",
        "sweep.\"init.std\"=[0.1,0.15]",
    ],
    &[
        "network.input=120",
        "network.hidden=[122,121]",
        "network.output=120",
        "sweep.\"init.std\"=[0.05,0.08]",
        "descent.max_steps=60",
    ],
];

#[test]
fn numpy_replays_every_kind_of_net() {
    let Some(python) = program::python() else { return };
    for net in NETS {
        let desk = Desk::new();
        desk.write("study.toml", STUDY);
        let mut arguments =
            vec!["trace", "study.toml", "--trial", "2", "--cell", "1", "-o", "trace.h5"];
        for set in net {
            arguments.extend(["--set", set]);
        }
        desk.succeed(&arguments);
        program::run_script(&python, "replay.py", &[&desk.path("trace.h5")]);
    }
}

/// A regression that is not whitened, on both sides of the chain: the loss has a metric.
#[test]
fn numpy_replays_a_regression() {
    let Some(python) = program::python() else { return };
    for labels in [2, 4] {
        let desk = Desk::new();
        desk.write("study.toml", STUDY);
        desk.write("data.csv", &data(labels));
        let names: Vec<String> = (0..labels).map(|k| format!("\"y{k}\"")).collect();
        let target = format!(
            r#"target={{kind="regression", path="data.csv", whiten=false, labels=[{}]}}"#,
            names.join(",")
        );
        let output = format!("network.output={labels}");
        let mut arguments =
            vec!["trace", "study.toml", "--trial", "1", "--at", "init.std=0.4", "-o", "trace.h5"];
        for set in ["network.input=3", &output, &target, "descent.learning_rate=0.0005"] {
            arguments.extend(["--set", set]);
        }
        desk.succeed(&arguments);
        program::run_script(&python, "replay.py", &[&desk.path("trace.h5")]);
    }
}

/// Twenty rows of three inputs and so many labels.
fn data(labels: i32) -> String {
    let columns: Vec<String> =
        (0..3).map(|k| format!("x{k}")).chain((0..labels).map(|k| format!("y{k}"))).collect();
    let mut csv = columns.join(",") + "\n";
    for i in 0..20 {
        let row: Vec<String> =
            (0..3 + labels).map(|k| ((i * (7 + k) + 3 * k) % 13 - 6).to_string()).collect();
        csv += &(row.join(",") + "\n");
    }
    csv
}

/// The trace of a trial ends in the bits of its row.
#[test]
fn traces_have_the_bits_of_their_rows() {
    use deeplin::store::reader::ResultsFile;
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk.succeed(&["run", "study.toml", "--quiet", "-o", "out"]);
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    for (cell, trial) in [(0, 0), (0, 3), (1, 2)] {
        let (cell_text, trial_text) = (cell.to_string(), trial.to_string());
        desk.succeed(&[
            "trace",
            "study.toml",
            "--trial",
            &trial_text,
            "--cell",
            &cell_text,
            "-o",
            "trace.h5",
        ]);
        let row = &results.rows(cell, trial..trial + 1).expect("rows")[0];
        let trace = hdf5::File::open(desk.path("trace.h5")).expect("trace");
        let number = |name: &str| {
            trace.dataset(name).and_then(|d| d.read_scalar::<f64>()).expect("a number")
        };
        let steps = trace.dataset("steps").and_then(|d| d.read_scalar::<i64>()).expect("steps");
        assert_eq!(steps as u64, row.steps);
        for ((name, _), value) in
            deeplin::study::Measures::NAMES.iter().zip(row.measures.to_array())
        {
            assert_eq!(
                number(name).to_bits(),
                value.to_bits(),
                "{name} of trial {trial} in cell {cell}"
            );
        }
        let losses = trace.dataset("loss").and_then(|d| d.read_1d::<f64>()).expect("losses");
        assert_eq!(losses.last().map(|x| x.to_bits()), Some(row.measures.loss_final.to_bits()));
    }
}

/// The singular values that a trace records belong to its weights; without --spectra there are none.
#[test]
fn spectra_of_a_trace_belong_to_its_weights() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let trace = |more: &[&str]| {
        let begin = ["trace", "study.toml", "--trial", "0", "--cell", "0", "--points", "20"];
        desk.succeed(&[&begin[..], more, &["-o", "trace.h5"]].concat());
        hdf5::File::open(desk.path("trace.h5")).expect("a trace")
    };
    assert!(trace(&[]).dataset("sharpness").is_err());
    let trace = trace(&["--spectra"]);
    let read = |name: &str| {
        trace.dataset(name).and_then(|d| d.read_dyn::<f64>()).expect("a recorded quantity")
    };
    let layers = read("layer_singular_values");
    let last = layers.index_axis(ndarray::Axis(0), layers.shape()[0] - 1).to_owned();
    for (j, recorded) in (1..).zip(last.outer_iter()) {
        let weights = trace.dataset(&format!("final/W_{j}")).and_then(|d| d.read_2d::<f64>());
        let expected = svd::singular_values(weights.expect("a layer").view());
        for (k, sigma) in recorded.iter().enumerate() {
            match expected.get(k) {
                Some(expected) => assert!((sigma - expected).abs() < 1e-12, "layer {j}: {sigma}"),
                None => assert!(sigma.is_nan(), "layer {j} has no singular value {k}"),
            }
        }
    }
    let aligned = read("alignment");
    assert!(aligned.iter().all(|x| x.is_nan() || (0.0..=1.0 + 1e-12).contains(x)), "{aligned}");
    let ends = read("hessian_min").into_iter().zip(read("sharpness"));
    assert!(ends.into_iter().all(|(least, most)| least < most));
}
