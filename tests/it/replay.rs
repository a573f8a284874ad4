//! Traces: the same bits as the row, and replayed by an independent program.

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
