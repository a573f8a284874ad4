//! The resolved text, and the digests that name studies, cells and random numbers.

use proptest::prelude::*;

use crate::start::depends_on;
use crate::study::Study;

use super::study;

fn same(a: &Study, b: &Study) -> bool {
    a.config == b.config
        && a.digest == b.digest
        && a.ladder == b.ladder
        && a.axes == b.axes
        && (&a.name, a.seed, a.trials) == (&b.name, b.seed, b.trials)
        && a.cells.len() == b.cells.len()
        && a.cells.iter().zip(&b.cells).all(|(a, b)| {
            (a.digest, a.target_digest, &a.shape, &a.stop)
                == (b.digest, b.target_digest, &b.shape, &b.stop)
                && format!("{:?}{:?}", a.init, a.target) == format!("{:?}{:?}", b.init, b.target)
        })
}

#[test]
fn the_text_of_a_study() {
    let study = study(
        "trials = 20\n[init]\nkind = \"balanced\"\nstd = 1\n[store]\nblock = 7\n\
         [[sweep.zip]]\n\"stop.loss\" = [1e-3, 1e-4]\n\"network.depth\" = [3, 1]\n\
         [sweep]\n\"init.rotate\" = [true, false]\n",
        &["name=twenty"],
    );
    insta::assert_snapshot!(study.unwrap().config, @r#"
    name = "twenty"
    seed = 2018
    trials = 20

    [network]
    input = 8
    hidden = 8
    output = 8

    [target]
    kind = "identity"
    scale = 1.0

    [init]
    kind = "balanced"
    std = 1.0

    [descent]
    method = "gradient"
    learning_rate = 0.05
    schedule = "constant"
    max_steps = 20000
    precision = "f64"
    reduce = true

    [stop]
    divergence = 1000000000000.0
    at = "loss"
    ladder = [10.0, 1.0, 0.1, 0.01, 0.001, 0.0001]

    [certificate]
    check = true
    extra_steps = 0

    [interval]
    method = "clopper-pearson"
    level = 0.95

    [sweep]
    "init.rotate" = [true, false]

    [[sweep.zip]]
    "stop.loss" = [0.001, 0.0001]
    "network.depth" = [3, 1]
    "#);
}

#[test]
fn cells_keep_their_names_when_the_sweep_grows() {
    let digests = |stds: &str| {
        let text = format!("[sweep]\n\"init.std\" = {stds}");
        let study = study(&text, &[]).unwrap();
        study.cells.iter().map(|cell| cell.digest).collect::<Vec<_>>()
    };
    let (short, long) = (digests("[0.1, 0.3]"), digests("[0.1, 0.2, 0.3]"));
    assert_eq!(short, [long[0], long[2]]);
    assert_ne!(long[0], long[1]);
    // A sweep of one value is the same cell as none.
    assert_eq!(digests("[0.3]"), [study("", &[]).unwrap().cells[0].digest]);
}

/// What changes which digest: of the cell, of the target, of the study.
#[test]
fn what_digests_depend_on() {
    let base = study("[target]\nkind = \"gaussian\"", &[]).unwrap();
    let cases = [
        ("init.std=0.3", [false, false, false]),
        ("store.block=5", [false, false, false]),
        ("name=other", [false, false, true]),
        ("seed=1", [false, false, true]),
        ("trials=5", [false, false, true]),
        ("descent.max_steps=5", [false, false, true]),
        ("descent.precision=f32", [false, false, true]),
        ("descent.reduce=false", [false, false, true]),
        ("descent.method=momentum", [false, false, true]),
        ("descent.method=flow", [false, false, true]),
        ("descent.schedule=cosine", [false, false, true]),
        ("descent.learning_rate=theorem1", [false, false, true]),
        ("stop.loss=1e-3", [false, false, true]),
        ("stop.ladder=[1.0]", [false, false, true]),
        ("stop.at=certificate", [false, false, true]),
        ("certificate.check=false", [false, false, true]),
        ("certificate.extra_steps=5", [false, false, true]),
        ("descent.learning_rate=0.06", [false, false, true]),
        ("init.std=0.2", [true, false, true]),
        ("network.depth=4", [true, false, true]),
        ("network.hidden=9", [true, false, true]),
        ("network.input=9", [true, true, true]),
        ("target.std=2", [true, true, true]),
        ("target.draw=trial", [true, true, true]),
    ];
    for (set, changes) in cases {
        let changed = study("[target]\nkind = \"gaussian\"", &[set]).unwrap();
        let (a, b) = (&base.cells[0], &changed.cells[0]);
        let found = [
            a.digest != b.digest,
            a.target_digest != b.target_digest,
            base.digest != changed.digest,
        ];
        assert_eq!(found, changes, "{set}");
        let key = set.split('=').next().unwrap();
        // The first case is the default.
        assert_eq!(depends_on(key), found[0] || set == "init.std=0.3", "{set}");
    }
}

#[test]
fn equal_shapes_have_equal_starts_however_written() {
    let digest = |hidden: &str| study("", &[hidden]).unwrap().cells[0].digest;
    assert_eq!(digest("network.hidden=5"), digest("network.hidden=[5, 5]"));
}

/// A line of `[init]` and the swept keys it takes.
const INITS: [(&str, &str); 6] = [
    ("kind = \"gaussian\"", "init.std"),
    ("kind = \"uniform\"", "init.bound"),
    ("kind = \"he\"", "init.gain"),
    ("kind = \"identity\"\nscale = 0.9", "init.noise"),
    ("kind = \"balanced\"\nrotate = true", "init.norm"),
    ("kind = \"balanced\"", "init.std"),
];

const TARGETS: [&str; 4] = [
    "kind = \"identity\"\nscale = 3",
    "kind = \"gaussian\"\ndraw = \"trial\"",
    "kind = \"unit\"",
    "kind = \"spectrum\"\nsingular_values = [5, 4, 3.5]",
];

const ZIP: &str = "[[sweep.zip]]\n\"network.hidden\" = [8, 9]\n\"stop.loss\" = [1e-3, 2e-7]\n";

/// What studies are made of, in any order.
const SCRAPS: &str = "(\\[(sweep|init|stop)\\]\n|\"?(init.std|ladder|kind|std)\"?|[ =\\[\\]{},\"]|\
                      [0-9.e-]{1,4}|log|points|\n){0,30}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_resolved_text_reads_back_as_the_same_study(
        init in 0..INITS.len(),
        target in 0..TARGETS.len(),
        seed in 0..i64::MAX,
        name in "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        eta in 1e-9..10.0_f64,
        ends in (1e-6..1e3_f64, 1e-6..1e3_f64),
        points in 2..9_usize,
        depths in proptest::sample::subsequence(vec![1, 2, 3, 7], 1..4),
        zipped in any::<bool>(),
    ) {
        let (init, swept) = INITS[init];
        let target = TARGETS[target];
        let zip = if zipped { ZIP } else { "" };
        let (low, high) = ends;
        prop_assume!((high / low).ln().abs() > 1e-9);
        let text = format!(
            "name = \"{name}\"\nseed = {seed}\n[network]\ninput = 3\n[target]\n{target}\n[init]\n{init}\n\
             [descent]\nlearning_rate = {eta:?}\n[sweep]\n\
             \"{swept}\" = {{ log = [{low:?}, {high:?}], points = {points} }}\n\
             network.depth = {depths:?}\n{zip}"
        );
        let first = study(&text, &[]).unwrap();
        let again = study(&first.config, &[]).unwrap();
        prop_assert!(same(&first, &again), "{}\n---\n{}", first.config, again.config);
    }

    #[test]
    fn no_text_panics(text in SCRAPS) {
        let _ = study(&text, &[]);
        let _ = study("", &[&text]);
    }
}
