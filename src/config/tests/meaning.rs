//! What configurations mean.

use crate::kernel::rule::{Method, Perturbation, Rule, Schedule};
use crate::network::init::{EndToEndLaw, Init, LayerValues};
use crate::network::target::{Draw, Target};
use crate::study::{AxisValues, RateLaw, Spacing, Study, TrajectoryRule};

use super::super::schema::SCHEMA;
use super::super::{DEFAULT, load};
use super::study;

fn accepted(text: &str, sets: &[&str]) -> Study {
    study(text, sets).unwrap_or_else(|error| panic!("{text}\n{:?}", miette::Report::new(error)))
}

fn floats(study: &Study, axis: usize) -> Vec<f64> {
    match &study.axes[axis].keys[0].values {
        AxisValues::Floats(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_default_is_a_study_and_changes_nothing() {
    let nothing = accepted("", &[]);
    assert_eq!(nothing.config, accepted(DEFAULT, &["name=study"]).config.as_str());
    assert_eq!(nothing.cells.len(), 1);
    assert_eq!(nothing.cells[0].shape.dims(), [8, 8, 8, 8]);
    assert_eq!(nothing.ladder, [10.0, 1.0, 0.1, 0.01, 0.001, 1e-4, 1e-5]);
    assert_eq!(nothing.storage.block, None);
    assert!(nothing.axes.is_empty());
}

/// `key = ...` or `# key = ...` under its table.
fn documented_keys() -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in DEFAULT.lines() {
        if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            table = format!("{header}.");
            continue;
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        if table != "sweep." && key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            keys.push(format!("{table}{key}"));
        }
    }
    keys
}

#[test]
fn every_key_is_documented_once_and_nothing_else() {
    let mut documented = documented_keys();
    let mut known: Vec<String> = SCHEMA.iter().map(|entry| entry.key.to_owned()).collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
}

#[test]
fn trajectories_are_part_of_a_study_if_there_are_any() {
    let none = accepted("trials = 9", &[]);
    assert!(none.record.is_none() && !none.config.contains("trajectory"));
    let line = "trials = 9\n[record]\ntrajectory = { trials = 4, spacing = \"linear\" }";
    let some = accepted(line, &[]);
    let (trials, points, spacing, spectra) = (4, 200, Spacing::Linear, true);
    assert_eq!(some.record, Some(TrajectoryRule { trials, points, spacing, spectra }));
    assert!(some.digest != none.digest && some.cells[0].digest == none.cells[0].digest);
    assert_eq!(accepted(&some.config, &[]).digest, some.digest);
    let set = accepted("trials = 9", &["record.trajectory={trials=4, spacing=\"linear\"}"]);
    assert_eq!(set.digest, some.digest);
    assert!(accepted(line, &["record.trajectory.points=7"]).digest != some.digest);
}

#[test]
fn layers_override_each_other() {
    let file = "trials = 5\n[init]\nstd = 0.1\n";
    let std = |sets: &[&str]| match *accepted(file, sets).cells[0].init {
        Init::Gaussian { std } => std,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(std(&[]), 0.1);
    assert_eq!(std(&["init.std=0.2"]), 0.2);
    assert_eq!(std(&["init.std=0.2", " init.std = 3 "]), 3.0);
    assert_eq!(accepted(file, &["init={std=0.4}", "trials=7"]).trials, 7);
}

#[test]
fn bare_words_are_texts() {
    let init = |sets: &[&str]| accepted("", sets).cells[0].init.clone();
    assert!(matches!(*init(&["init.kind=zas"]), Init::Zas));
    assert!(matches!(*init(&["init.kind=\"zas\""]), Init::Zas));
    assert_eq!(accepted("", &["name=2018-10-04"]).name, "2018-10-04");
    assert_eq!(accepted("", &["name=a.b-c"]).name, "a.b-c");
}

#[test]
fn a_set_replaces_adds_and_ends_axes() {
    let file = "[sweep]\n\"network.depth\" = [2, 4]\n\"init.std\" = [0.1, 0.2, 0.3]\n";
    let axes = |sets: &[&str]| {
        let study = accepted(file, sets);
        let axis = |a: &crate::study::Axis| format!("{}:{}", a.keys[0].key, a.len());
        study.axes.iter().map(axis).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(axes(&[]), "network.depth:2 init.std:3");
    assert_eq!(axes(&["sweep.\"network.depth\"=[1]"]), "network.depth:1 init.std:3");
    assert_eq!(axes(&["sweep.network.depth=[1, 3, 5]"]), "network.depth:3 init.std:3");
    assert_eq!(axes(&["network.depth=3"]), "init.std:3");
    let added = "sweep.\"descent.learning_rate\"={linear=[0.1,0.2],points=5}";
    assert_eq!(axes(&["init.std=1", added]), "network.depth:2 descent.learning_rate:5");
}

#[test]
fn a_set_of_a_kind_drops_what_it_does_not_take() {
    let file = "[init]\nkind = \"balanced\"\nrotate = true\n[sweep]\n\"init.std\" = [0.1, 0.2]\n";
    let study = accepted(file, &["init.kind=uniform", "init.bound=0.5"]);
    assert!(study.axes.is_empty());
    assert!(matches!(*study.cells[0].init, Init::Uniform { bound: 0.5 }));
    let study = accepted(file, &["init.norm=0.5"]);
    let law = EndToEndLaw::Norm(0.5);
    assert!(matches!(*study.cells[0].init, Init::Balanced { law: l, rotate: true } if l == law));
    let back = accepted(file, &["init.norm=0.5", "init.std=0.25"]);
    let law = EndToEndLaw::Std(0.25);
    assert!(matches!(*back.cells[0].init, Init::Balanced { law: l, .. } if l == law));
}

#[test]
fn the_grid_is_the_product_with_the_last_axis_fastest() {
    let study = accepted(
        "[sweep]\n\"init.std\" = { log = [0.1, 10.0], points = 3 }\n\"network.depth\" = [2, 4]\n\
         [[sweep.zip]]\n\"network.input\" = [3, 5]\n\"network.output\" = [2, 1]\n",
        &[],
    );
    assert_eq!(floats(&study, 0), [0.1, 1.0, 10.0]);
    assert_eq!(study.axes[1].keys[0].values, AxisValues::Integers(vec![2, 4]));
    assert_eq!(study.axes[2].keys.len(), 2);
    let dims: Vec<String> = study.cells.iter().map(|cell| cell.shape.to_string()).collect();
    let row = ["3-8-2", "5-8-1", "3-8-8-8-2", "5-8-8-8-1"];
    assert_eq!(dims, row.repeat(3));
    assert!(study.cells.iter().enumerate().all(|(i, cell)| cell.index == i));
}

#[test]
fn axes_keep_the_order_of_the_text_and_the_type_of_their_key() {
    let study = accepted(
        "[sweep]\ninit.std = [1, 2]\nnetwork.hidden = [[4, 5], [6, 7]]\ninit.kind = [\"gaussian\"]\n\
         descent.max_steps = { log = [10, 1000], points = 3 }\n",
        &[],
    );
    let values: Vec<&AxisValues> = study.axes.iter().map(|axis| &axis.keys[0].values).collect();
    let labels = |texts: &[&str]| AxisValues::Labels(texts.iter().map(|&t| t.to_owned()).collect());
    assert_eq!(
        values,
        [
            &AxisValues::Floats(vec![1.0, 2.0]),
            &labels(&["[4, 5]", "[6, 7]"]),
            &labels(&["gaussian"]),
            &AxisValues::Integers(vec![10, 100, 1000]),
        ]
    );
}

#[test]
fn kinds_of_targets() {
    let target =
        |text: &str| accepted(&format!("[target]\n{text}"), &["network.output=2"]).cells[0].clone();
    assert!(matches!(
        *target("kind = \"identity\"\nscale = -2").target,
        Target::Identity { scale: -2.0 }
    ));
    let diagonal = target("kind = \"diagonal\"\nvalues = [3, -1.5]");
    assert!(matches!(&*diagonal.target, Target::Diagonal { values } if *values == [3.0, -1.5]));
    let spectrum = target("kind = \"spectrum\"\nsingular_values = [3, 0]\ndraw = \"trial\"");
    assert!(
        matches!(&*spectrum.target, Target::Spectrum { singular_values: v } if *v == [3.0, 0.0])
    );
    assert_eq!(spectrum.draw, Draw::Trial);
    let gaussian = target("kind = \"gaussian\"");
    assert!(matches!(*gaussian.target, Target::Gaussian { std: 1.0 }));
    assert_eq!(gaussian.draw, Draw::Study);
    assert!(matches!(*target("kind = \"unit\"\nnorm = 3").target, Target::Unit { norm: 3.0 }));
    let symmetric = accepted(
        "[target]\nkind = \"symmetric\"\neigenvalues = [2, -1]\n[network]\ninput = 2\noutput = 2",
        &[],
    );
    let target = &symmetric.cells[0].target;
    assert!(matches!(&**target, Target::Symmetric { eigenvalues } if *eigenvalues == [2.0, -1.0]));
}

#[test]
fn kinds_of_starts() {
    let init = |text: &str| {
        let study = accepted(&format!("[init]\n{text}"), &["network.depth=2", "network.input=1"]);
        format!("{:?}", study.cells[0].init)
    };
    let cases = [
        ("kind = \"gaussian\"", "Gaussian { std: 0.3 }"),
        ("kind = \"xavier\"\ngain = 2", "Xavier { gain: 2.0 }"),
        ("kind = \"he\"", "He { gain: 1.0 }"),
        ("kind = \"orthogonal\"", "Orthogonal { gain: 1.0 }"),
        ("kind = \"identity\"\nnoise = 0.1", "Identity { scale: 1.0, noise: 0.1 }"),
        ("kind = \"balanced\"", "Balanced { law: Std(0.3), rotate: false }"),
        (
            "kind = \"balanced\"\nnorm = 2\nrotate = true",
            "Balanced { law: Norm(2.0), rotate: true }",
        ),
        ("kind = \"zas\"", "Zas"),
        ("kind = \"values\"\nvalues = [1, -2.5]", "Values(Scalars([1.0, -2.5]))"),
    ];
    for (text, expected) in cases {
        assert_eq!(init(text), expected);
    }
    let given = "[init]\nkind = \"values\"\nvalues = [[[1], [2]], [[3, 4]]]\n\
                 [network]\ninput = 1\nhidden = 2\noutput = 1\ndepth = 2";
    match &*accepted(given, &[]).cells[0].init {
        Init::Values(LayerValues::Matrices(layers)) => {
            assert_eq!(layers[0], ndarray::array![[1.0], [2.0]]);
            assert_eq!(layers[1], ndarray::array![[3.0, 4.0]]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_swept_kind_takes_the_keys_of_all_its_values() {
    let study = accepted(
        "[[sweep.zip]]\n\"init.kind\" = [\"gaussian\", \"balanced\", \"uniform\"]\n\
         \"init.std\" = [0.1, 0.2, 0.3]\n[init]\nbound = 2\nnorm = 3",
        &[],
    );
    let inits: Vec<String> = study.cells.iter().map(|cell| format!("{:?}", cell.init)).collect();
    assert_eq!(
        inits,
        [
            "Gaussian { std: 0.1 }",
            "Balanced { law: Norm(3.0), rotate: false }",
            "Uniform { bound: 2.0 }"
        ]
    );
}

#[test]
fn hidden_widths_are_ignored_at_depth_1() {
    let study = accepted("[network]\nhidden = 3\ndepth = 1", &[]);
    assert_eq!(study.cells[0].shape.dims(), [8, 8]);
    assert!(!study.config.contains("hidden"));
}

#[test]
fn many_cells_but_no_more_than_a_million() {
    let axis =
        |points: u32| format!("[sweep]\n\"init.std\" = {{ linear = [0.1, 1], points = {points} }}");
    assert_eq!(accepted(&axis(20_000), &[]).cells.len(), 20_000);
    assert!(study(&axis(1_000_001), &[]).is_err());
}

#[test]
fn files_are_limited_before_they_are_parsed() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        load(&path, &[]).map(|study| study.trials).map_err(|error| error.to_string())
    };
    assert_eq!(file("good.toml", b"trials = 3"), Ok(3));
    assert!(file("long.toml", &vec![b'#'; (1 << 20) + 1]).unwrap_err().contains("longer than"));
    assert!(file("latin.toml", b"trials = 3\n# caf\xe9").unwrap_err().contains("at line 2"));
    let missing = load(&dir.path().join("missing.toml"), &[]).unwrap_err();
    assert!(missing.to_string().contains("cannot read the study"));
}

#[test]
fn methods_and_schedules() {
    let rules = |text: &str, sets: &[&str]| -> Vec<Rule> {
        study(text, sets).unwrap().cells.iter().map(|cell| cell.rule).collect()
    };
    let constant = |method| Rule { method, schedule: Schedule::Constant };
    assert_eq!(rules("", &[]), [Rule::default()]);
    let swept = "[sweep]\n\"descent.method\" = [\"momentum\", \"flow\", \"perturbed\"]";
    let noise = Perturbation { threshold: 0.5, radius: 0.01, interval: 100 };
    let expected = [
        constant(Method::Momentum { momentum: 0.9 }),
        constant(Method::Flow { tolerance: 1e-10, max_time: 8.0 }),
        constant(Method::Perturbed(noise)),
    ];
    assert_eq!(rules(swept, &["descent.threshold=0.5", "descent.max_time=8"]), expected);
    let schedule = Schedule::Cosine { steps: 1000, factor: 0.0 };
    let sets = ["descent.schedule=cosine", "descent.schedule_factor=0"];
    assert_eq!(rules("", &sets), [Rule { schedule, ..Rule::default() }]);
    // A new method drops the keys that it does not take.
    let text = "descent.method = \"momentum\"\ndescent.momentum = 0.5";
    assert_eq!(rules(text, &["descent.method=gradient"]), [Rule::default()]);
    // Starts are the same for all methods.
    let digests: Vec<_> = study(swept, &[]).unwrap().cells.iter().map(|c| c.digest).collect();
    assert_eq!(digests, [study("", &[]).unwrap().cells[0].digest; 3]);
}

#[test]
fn rates_of_theorem_1_beside_numbers() {
    let text = "[sweep]\n\"descent.learning_rate\" = [0.1, \"theorem1\"]";
    let study = study(text, &[]).unwrap();
    let laws: Vec<RateLaw> = study.cells.iter().map(|cell| cell.rate_law).collect();
    assert_eq!(laws, [RateLaw::Given, RateLaw::Theorem1]);
    assert_eq!(study.cells[0].learning_rate, 0.1);
    assert_eq!(
        study.axes[0].keys[0].values,
        AxisValues::Labels(vec!["0.1".into(), "theorem1".into()])
    );
}

#[test]
fn rates_to_be_tuned() {
    let text =
        "[descent]\nlearning_rate = \"tuned\"\ntuning_rates = { log = [0.01, 1], points = 3 }";
    let tuned = study(text, &[]).unwrap();
    let cell = &tuned.cells[0];
    let tuning = cell.tuning.as_ref().unwrap();
    assert_eq!(
        (cell.rate_law, &*tuning.rates, tuning.trials),
        (RateLaw::Tuned, &[0.01, 0.1, 1.0][..], 16)
    );
    assert!(cell.learning_rate.is_nan());
    assert!(tuned.config.contains("tuning_rates = [0.01, 0.1, 1.0]"), "{}", tuned.config);
    // A number ends the tuning, and the keys of it go with it.
    let given = study(text, &["descent.learning_rate=0.1"]).unwrap();
    assert!(
        given.cells[0].tuning.is_none() && !given.config.contains("tuning"),
        "{}",
        given.config
    );
}
