//! How mistakes are answered.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::study;

/// The report a person sees, without colours.
fn report(text: &str, sets: &[&str]) -> String {
    let error = match study(text, sets) {
        Ok(study) => panic!("accepted:\n{}", study.config),
        Err(error) => error,
    };
    assert_eq!(error.exit_code(), 2);
    let theme = GraphicalTheme::unicode_nocolor();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    let mut report = String::new();
    handler.render_report(&mut report, &error).unwrap();
    let lines: Vec<&str> = report.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn independent_mistakes_are_reported_together_with_their_lines() {
    let text = "[init]\nsdt = 0.3\n\n[network]\ndepth = 2.0\n";
    insta::assert_snapshot!(report(text, &[]), @r#"
      × unknown key `init.sdt`
       ╭─[study.toml:2:1]
     1 │ [init]
     2 │ sdt = 0.3
       · ─┬─
       ·  ╰── no such key
     3 │
       ╰────
      help: did you mean `init.std`? The keys of [init] are kind, std, norm, rotate, bound, gain,
            scale, noise, values, path, group.

    Error:
      × `network.depth` must be a whole number from 1 to 10000, not the number 2.0
       ╭─[study.toml:5:9]
     4 │ [network]
     5 │ depth = 2.0
       ·         ─┬─
       ·          ╰── the number 2.0 here
       ╰────
      help: write 2 without a point or an exponent
    "#);
}

#[test]
fn mistakes_about_trajectories_say_what_is_meant() {
    let cases: [(&str, &[&str], &str); 6] = [
        (
            "[record]\ntrajectory = { trials = 2, point = 50 }",
            &[],
            "did you mean `record.trajectory.points`?",
        ),
        (
            "[record]\ntrajectory = { trials = 2, spacing = \"liner\" }",
            &[],
            "did you mean `linear`?",
        ),
        (
            "trials = 5\n[record.trajectory]\ntrials = 6",
            &[],
            "`record.trajectory.trials` is 6, but a cell has 5 trials",
        ),
        ("[record]\ntrajectory = 3", &[], "`record.trajectory` must be a table"),
        (
            "[record]\ntrajectory.points = 3",
            &[],
            "`record.trajectory.points` has no effect in this study",
        ),
        ("", &["record.trajectory.trials=0"], "must be a whole number from 1 to"),
    ];
    for (text, sets, expected) in cases {
        let report = report(text, sets);
        assert!(report.contains(expected), "{report}");
    }
}

#[test]
fn a_cell_is_named_and_its_value_marked() {
    let text = "[init]\nkind = \"balanced\"\n[sweep]\n\"network.hidden\" = [8, 4]\n";
    insta::assert_snapshot!(report(text, &[]), @r#"
     × cell 1 (network.hidden = 4): balanced initial weights need hidden widths of at least
     │ min(network.input, network.output) = 8, not 4
      ╭─[study.toml:4:24]
    3 │ [sweep]
    4 │ "network.hidden" = [8, 4]
      ·                        ┬
      ·                        ╰── too narrow
      ╰────
     help: write a width of at least 8, or choose another init.kind
    "#);
}

#[test]
fn a_set_is_shown_like_a_file() {
    insta::assert_snapshot!(report("", &["init.kind=balancd"]), @r#"
     × `init.kind` must be one of "gaussian", "uniform", "xavier", "he", "orthogonal", "identity",
     │ "balanced", "zas", "values", "file", not the text "balancd"
      ╭─[--set:1:13]
    1 │ init.kind = "balancd"
      ·             ────┬────
      ·                 ╰── the text "balancd" here
      ╰────
     help: did you mean `balanced`?
    "#);
}

/// One line and the words its report must hold.
#[test]
fn every_kind_of_mistake() {
    let long_list = format!("[target]\nvalues = [{}]", "1, ".repeat(400_000));
    let deep = format!("[init]\nvalues = {}1{}", "[".repeat(9), "]".repeat(9));
    let cases: &[(&str, &[&str])] = &[
        // Texts.
        ("[init", &["not valid TOML", "study.toml:1:"]),
        ("[init]\nstd = 1\nstd = 2", &["duplicate key", "study.toml:3:1"]),
        ("\"init.std\" = 1\n[init]\nstd = 2", &["`init.std` is given twice"]),
        ("[sweep]\n\"init.std\" = [1]\n[[sweep.zip]]\n\"init.std\" = [1]", &["given twice"]),
        (&long_list, &["longer than 1048576 bytes"]),
        (&deep, &["nested too deeply"]),
        ("[init]\nstd = nan", &["not finite"]),
        ("[init]\nstd = -inf", &["not finite"]),
        // Keys.
        ("std = 1", &["unknown key `std`", "`init.std`", "name, seed, trials"]),
        ("[init]\nsdt = 1", &["did you mean `init.std`?", "The keys of [init] are kind, std"]),
        ("[init]\nlearning_rate = 1", &["did you mean `descent.learning_rate`?"]),
        ("[netwrok]\ninput = 1", &["unknown table `netwrok`", "did you mean `network`?"]),
        ("[init.std]\nx = 1", &["`init.std` must be a value, not a table"]),
        ("init = \"zas\"", &["`init` must be a table", "[init]"]),
        ("sweep = 1", &["`sweep` must be a table"]),
        ("[[init]]\nstd = 1", &["`init` must be one table"]),
        ("[sweep]\nstd = [1]", &["unknown key `std`", "`init.std`"]),
        ("[sweep]\nzip = 3", &["must be a list of tables", "[[sweep.zip]]"]),
        // Types and ranges.
        ("trials = 0", &["whole number from 1 to 1000000000", "the whole number 0"]),
        ("trials = 1e6", &["write 1000000 without a point"]),
        ("seed = -1", &["whole number from 0 on"]),
        ("name = \"../x\"", &["a name of at most 64 letters"]),
        ("[network]\nhidden = [8, 0]", &["a whole number from 1 to 100000"]),
        ("[network]\nhidden = true", &["a width from 1 to 100000", "true here"]),
        ("[init]\nkind = \"gausian\"", &["one of \"gaussian\"", "did you mean `gaussian`?"]),
        ("[init]\nrotate = 1", &["true or false"]),
        ("[init]\nstd = \"0.3\"", &["a number of at least 0", "write 0.3 without quotes"]),
        ("[init]\nstd = 2020-01-01", &["a number of at least 0", "the text \"2020-01-01\""]),
        ("[init]\nstd = -0.1", &["a number of at least 0, not the number -0.1"]),
        ("[descent]\nlearning_rate = 0", &["a number above 0"]),
        ("[stop]\ndivergence = 1.0", &["a number above 1"]),
        ("[target]\nrank_tolerance = 1.0", &["at least 0 and below 1"]),
        ("[target]\npath = \"\"", &["`target.path` must be a text"]),
        ("[target]\nvalues = []", &["a list of numbers", "an empty list"]),
        ("[target]\nlabels = [1]", &["`target.labels` must be a text"]),
        ("[store]\npart_seconds = 1e9", &["at most 86400"]),
        ("[stop]\nladder = [1.0, 2.0]", &["strictly decreasing, below 1.0 here"]),
        ("[stop]\nladder = { log = [10, 1e-6], points = 65 }", &["from 1 to 64"]),
        ("[init]\nvalues = [[[1, 2], [3]]]", &["a row of 2 numbers"]),
        ("[init]\nvalues = [1, [[1]]]", &["a matrix, a list of rows"]),
        // Sweeps.
        ("[sweep]\n\"init.std\" = []", &["has no values"]),
        ("[sweep]\n\"init.std\" = 0.3", &["a list of values", "linear = [a, b]"]),
        ("[sweep]\n\"init.std\" = [0.1, 0.10]", &["has 0.1 twice, at 1 and 2"]),
        ("[sweep]\n\"init.std\" = [0.1, -0.2]", &["not the number -0.2", "2:20"]),
        ("[sweep]\nseed = [1, 2]", &["`seed` cannot be swept"]),
        ("[sweep]\n\"stop.ladder\" = [[1.0]]", &["cannot be swept"]),
        ("[sweep]\n\"store.block\" = [1]", &["cannot be swept"]),
        ("[sweep]\n\"init.std\" = { log = 3, points = 3 }", &["two numbers above 0"]),
        ("[sweep]\n\"init.std\" = { log = [1, 2], points = 3, x = 1 }", &["points = n"]),
        ("[sweep]\n\"init.std\" = { linear = [1, 2], points = 1 }", &["from 2 to 1000000"]),
        (
            "[sweep]\n\"init.std\" = { lin = [1, 2], points = 3 }",
            &["not a table with `lin`", "did you mean `linear`?"],
        ),
        (
            "[sweep]\n\"init.std\" = { lin = [1, 2], point = 3 }",
            &["not a table with `lin`", "did you mean `linear`?"],
        ),
        (
            "[sweep]\n\"init.std\" = { linear = [1, 2], point = 3 }",
            &["not a table with `point`", "did you mean `points`?"],
        ),
        (
            "[sweep]\n\"init.std\" = { log = [1, 2] }",
            &["points = n", "not a table without `points`"],
        ),
        ("[sweep]\n\"init.std\" = { points = 3 }", &["not a table without ends"]),
        (
            "[sweep]\n\"init.std\" = { log = [1, 2], linear = [1, 2], points = 3 }",
            &["not a table with both"],
        ),
        (
            "[sweep]\n\"init.std\" = { log = [0, 2], points = 3 }",
            &["a number above 0 at both ends of `log`, not the whole number 0"],
        ),
        (
            "[sweep]\n\"init.std\" = { linear = [1, \"b\"], points = 3 }",
            &["a number at both ends, not the text \"b\""],
        ),
        (
            "[sweep]\n\"init.std\" = { linear = [1, 2, 3], points = 3 }",
            &["a list of two numbers, the ends, not a list of 3 values"],
        ),
        ("[sweep]\n\"network.depth\" = { log = [2, 10], points = 3 }", &["4.47213595499958"]),
        ("[[sweep.zip]]\n\"init.std\" = [1, 2]\n\"network.depth\" = [2]", &["`init.std` has 2"]),
        (
            "[sweep]\n\"init.std\" = { linear = [1, 2], points = 2000 }\n\
             \"descent.learning_rate\" = { linear = [1, 2], points = 2000 }",
            &["2000 x 2000 = 4000000 cells, more than 1000000"],
        ),
        (
            "[sweep]\n\"init.std\" = { linear = [1, 2], points = 9_000_000_000 }",
            &["more than 4000000 points"],
        ),
        (
            "[sweep]\n\"init.kind\" = [\"gaussian\", \"zas\"]\n\"init.std\" = [0.1, 0.2]",
            &[
                "cell 3 (init.kind = zas, init.std = 0.2): this cell is the same as cell 2",
                "[[sweep.zip]]",
            ],
        ),
        (
            "[sweep]\n\"network.hidden\" = [8, [8, 8]]",
            &["cell 1", "same as cell 0", "say the same"],
        ),
        (
            "[network]\ndepth = 10_000\n[sweep]\n\"init.std\" = { linear = [1, 2], points = 5000 }",
            &["cell 2000", "more than 20000000 layers"],
        ),
        // Kinds.
        (
            "[init]\nbound = 1",
            &["no effect", "init.kind = \"uniform\"; this study has init.kind = \"gaussian\""],
        ),
        ("[sweep]\n\"target.std\" = [1, 2]", &["`target.std` has no effect"]),
        ("[init]\nkind = \"balanced\"\nstd = 1\nnorm = 1", &["both given for balanced"]),
        (
            "[target]\nkind = \"diagonal\"",
            &["needs `target.values`", "--set target.values=[3.0, 2.0, 1.0]"],
        ),
        (
            "[target]\nkind = \"regression\"",
            &["write `path = \"data.csv\"` under [target]", "--set target.path=data.csv"],
        ),
        ("[init]\nkind = \"file\"", &["needs `init.path`"]),
        ("[init]\nkind = \"values\"", &["needs `init.values`"]),
        // Keys that contradict each other.
        ("[network]\nhidden = [8]", &["lists 1 width, but depth 3 has 2 hidden layers"]),
        (
            "[target]\nkind = \"spectrum\"\nsingular_values = [1]",
            &["has 1 number,", "give 8 numbers"],
        ),
        (
            "[network]\noutput = 1\n[target]\nkind = \"symmetric\"\neigenvalues = [1]",
            &["needs network.input = network.output, not 8 and 1", "\"spectrum\""],
        ),
        (
            "[init]\nkind = \"values\"\nvalues = [1, 2]",
            &["has 2 values, but the network has 3 layers"],
        ),
        (
            "[init]\nkind = \"values\"\nvalues = [[[1, 2]]]\n[network]\ninput = 2\noutput = 2\ndepth = 1",
            &["W_1 of `init.values` is 1 x 2, but the network 2-2 needs 2 x 2"],
        ),
        // Losses.
        (
            "[stop]\nat = \"certificate\"\n[certificate]\ncheck = false",
            &["`stop.at` waits for certificates", "tries none"],
        ),
        (
            "[descent]\nprecision = \"f32\"\n[certificate]\nextra_steps = 9",
            &["`certificate.extra_steps` waits for certificates", "none in single precision"],
        ),
        ("[stop]\nloss = 1e-30", &["below what double precision can attain", "at least 4.0e-28"]),
        ("[network]\nhidden = 4\n[stop]\nloss = 1e-15", &["at least 4.4e-14"]),
        ("[stop]\nloss = 1e-300\n[target]\nscale = 0", &["default ladder", "stop.ladder"]),
    ];
    for (text, words) in cases {
        let report = report(text, &[]).replace("\n  │ ", " ").replace("\n        ", " ");
        for word in *words {
            assert!(report.contains(word), "{word:?} is not in the report on {text:?}:\n{report}");
        }
    }
}

#[test]
fn mistakes_in_a_set() {
    let cases = [
        ("init.std", "has no `=`"),
        ("init.std=", "has no value"),
        ("init.std=[1,", "not valid TOML"),
        ("init.sdt=3", "did you mean `init.std`?"),
        ("init.std=wide", "not the text \"wide\""),
        ("=3", "not valid TOML"),
        ("sweep.\"init.std\"=3", "a list of values"),
    ];
    for (set, word) in cases {
        let report = report("", &[set]);
        assert!(report.contains(word), "{set}:\n{report}");
    }
}

/// What the methods of descent refuse: a key that is idle, and what does not go together.
#[test]
fn keys_of_methods() {
    let cases = [
        ("descent.momentum = 0.5", "`descent.momentum` has no effect in this study"),
        (
            "descent.method = \"flow\"\ndescent.learning_rate = 0.1",
            "`descent.learning_rate` has no",
        ),
        (
            "descent.method = \"flow\"\ndescent.schedule = \"step\"",
            "`descent.schedule` has no effect",
        ),
        (
            "descent.method = \"flow\"\n[sweep]\n\"descent.learning_rate\" = [0.1, 0.2]",
            "`descent.learning_rate` has no effect in this study",
        ),
        (
            "descent.method = \"flow\"\n[sweep]\n\"descent.schedule_steps\" = [10, 20]",
            "`descent.schedule_steps` has no effect in this study",
        ),
        (
            "[sweep]\n\"descent.method\" = [\"gradient\", \"flow\"]\n\
             \"descent.learning_rate\" = [0.1, 0.2]",
            "this cell is the same as cell 2",
        ),
        (
            "descent.schedule = \"step\"\n[sweep]\n\"descent.method\" = [\"gradient\", \"flow\"]\n\
             \"descent.schedule_steps\" = [10, 20]",
            "`descent.schedule_steps` has no effect in this cell",
        ),
        ("descent.schedule_steps = 7", "it is taken by descent.schedule = \"step\""),
        (
            "descent.schedule = \"step\"\ndescent.schedule_power = 2",
            "`descent.schedule_power` has no",
        ),
        ("descent.method = \"momentum\"\ndescent.precision = \"f32\"", "single precision is for"),
        (
            "descent.learning_rate = \"theorem1\"\ndescent.precision = \"f32\"",
            "single precision is for",
        ),
        (
            "descent.learning_rate = \"theorem1\"\ndescent.schedule = \"step\"",
            "theorem 1 is for gradient",
        ),
        ("descent.tuning_trials = 8", "it is taken by descent.learning_rate = \"tuned\""),
        (
            "descent.learning_rate = \"tuned\"\ndescent.tuning_rates = [0.1, 0.1]",
            "`descent.tuning_rates` must be strictly increasing, above 0.1 here",
        ),
        (
            "descent.learning_rate = \"tuned\"\ndescent.method = \"flow\"",
            "`descent.learning_rate` has no effect",
        ),
        ("descent.learning_rate = \"theorem2\"", "a number above 0, or one of \"theorem1\""),
        (
            "descent.learning_rate = 0",
            "`descent.learning_rate` must be a number above 0, or one of",
        ),
        ("descent.method = \"flow\"\ndescent.tolerance = 1e-20", "from 1e-14 to 0.1"),
        ("descent.method = \"momentum\"\ndescent.momentum = 1", "of at least 0 and below 1"),
        ("descent.method = \"adam\"", "\"momentum\""),
    ];
    for (text, expected) in cases {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = words(&report(text, &[]).replace(['│', '·'], " "));
        assert!(found.contains(expected), "{text}\n{found}");
    }
}
