//! `deeplin plot`: what it draws, byte for byte, and what it says where it cannot.

use std::path::{Path, PathBuf};

use crate::program::Desk;

/// Two axes, with everything that some figure needs.
const STUDY: &str = r#"
name = "drawn"
seed = 2018
trials = 24
[network]
input = 3
hidden = 3
output = 3
[descent]
learning_rate = 0.1
max_steps = 400
[record]
trajectory = { trials = 2, points = 12, spacing = "log" }
[sweep]
"init.std" = [0.1, 0.4, 0.8, 1.6]
"network.depth" = [2, 3]
"#;

/// Four axes, one of them of names.
const WIDE: &str = r#"
name = "wide"
seed = 1
trials = 3
[network]
input = 2
hidden = 2
output = 2
depth = 2
[descent]
max_steps = 20
[sweep]
"init.std" = [0.1, 0.4]
"descent.learning_rate" = [0.01, 0.1, 0.2]
"target.kind" = ["identity", "gaussian"]
"stop.loss" = { log = [1e-6, 1e-2], points = 17 }
"#;

/// The figures, each with what else is asked of it.
const FIGURES: [(&str, &[&str]); 9] = [
    ("probability", &[]),
    ("phase", &["--show", "contour,contour-interval"]),
    ("outcomes", &[]),
    ("times", &["--show", "bounds"]),
    ("running-time", &[]),
    ("ladder", &[]),
    ("starts", &[]),
    ("trajectories", &["--at", "init.std=0.4,network.depth=3"]),
    ("theory", &[]),
];

/// The study without recorded trajectories.
fn without_trajectories() -> String {
    let lines = STUDY.lines().filter(|line| *line != "[record]" && !line.starts_with("trajectory"));
    lines.collect::<Vec<_>>().join("\n")
}

fn desk(name: &str, study: &str, more: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", study);
    desk.succeed(&[&["run", "study.toml", "--quiet", "-o", name], more].concat());
    desk
}

/// Draws a figure; returns its bytes.
fn draw(desk: &Desk, results: &str, figure: &str, file: &str, more: &[&str]) -> Vec<u8> {
    let dpi: &[&str] = if file.ends_with(".png") { &["--dpi", "48"] } else { &[] };
    let command = ["plot", results, "--figure", figure, "-o", file];
    desk.succeed(&[&command, dpi, more].concat());
    desk.read(file)
}

fn kept(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/figures").join(file)
}

/// Whether a figure is the one that is kept there. `DEEPLIN_RENEW_FIGURES=1` keeps a new one, to be looked at.
pub(crate) fn is_kept(kept: &Path, drawn: &[u8]) -> bool {
    if std::env::var_os("DEEPLIN_RENEW_FIGURES").is_some() {
        std::fs::write(kept, drawn).expect("keeping a figure");
    }
    std::fs::read(kept).is_ok_and(|kept| kept == drawn)
}

#[test]
fn every_figure_is_the_one_that_is_kept() {
    let desk = desk("out", STUDY, &[]);
    let mut changed = Vec::new();
    for (figure, more) in FIGURES {
        for format in ["svg", "png", "pdf"] {
            let file = format!("{figure}.{format}");
            if !is_kept(&kept(&file), &draw(&desk, "out", figure, &file, more)) {
                changed.push(file);
            }
        }
    }
    assert!(changed.is_empty(), "not as kept: {changed:?}; DEEPLIN_RENEW_FIGURES=1 keeps new ones");
}

#[test]
fn a_study_lists_its_figures() {
    let desk = desk("out", STUDY, &[]);
    let names = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let listed = names(&desk.succeed(&["plot", "out"]).stdout);
    assert_eq!(listed, FIGURES.map(|(name, _)| name));
    let bare = self::desk("bare", &without_trajectories(), &["--set", "store.rows=false"]);
    let listed = names(&bare.succeed(&["plot", "bare", "--at", "network.depth=2"]).stdout);
    assert_eq!(listed, ["probability", "outcomes", "times", "running-time", "ladder", "theory"]);
}

/// Figures of counts do not depend on whether rows are kept.
#[test]
fn histograms_draw_what_rows_draw() {
    let study = without_trajectories();
    let (with, without) =
        (desk("out", &study, &[]), desk("out", &study, &["--set", "store.rows=false"]));
    for figure in ["probability", "outcomes", "times", "running-time", "ladder", "theory"] {
        let [a, b] = [&with, &without].map(|desk| draw(desk, "out", figure, "f.svg", &[]));
        assert_eq!(String::from_utf8(a), String::from_utf8(b), "{figure}");
    }
    // Not which of them to show.
    let refused = without.run(&["plot", "out", "--figure", "trajectories", "-o", "f.svg"]);
    assert_eq!(refused.code, 2);
    let said = refused.said();
    assert!(said.contains("nothing to show") && !said.contains("--at"), "{said}");
    let refused = without.run(&["plot", "out", "--figure", "starts", "-o", "f.svg"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.said().contains("it needs trials, and a row of each (store.rows = true)"),
        "{}",
        refused.said()
    );
}

#[test]
fn more_axes_than_a_figure_shows_are_asked_for() {
    let desk = desk("out", WIDE, &[]);
    let file = |figure: &str, more: &[&str]| {
        desk.run(&[&["plot", "out", "--figure", figure, "-o", "f.svg"], more].concat())
    };
    // The longest axis to the right, the next ones as series and panels.
    assert_eq!(file("probability", &[]).code, 0);
    let refused = file("times", &[]);
    assert_eq!(refused.code, 2);
    let said = refused.said();
    assert!(said.contains("of stop.loss it shows one value"), "{said}");
    assert!(said.contains("say --at stop.loss=VALUE; its values are 1e-6,"), "{said}");
    assert_eq!(file("times", &["--at", "stop.loss=1e-4"]).code, 0);
    assert_eq!(file("probability", &["--x", "target.kind", "--at", "stop.loss=1e-4"]).code, 0);
    let text = String::from_utf8(desk.read("f.svg")).expect("text");
    assert!(text.contains(">identity</text>") && text.contains(">target.kind</text>"), "{text}");
    for (more, message) in [
        (["--x", "init.stdd"], "`init.stdd` is no axis of the sweep"),
        (["--at", "init.stdd=1"], "`init.stdd` is no axis of the sweep"),
        (["--at", "target.kind=nothing"], "`nothing` is no value of target.kind"),
        (["--show", "contour"], "`probability` has no layer `contour`"),
    ] {
        let refused = file("probability", &more);
        assert_eq!(refused.code, 2);
        assert!(refused.said().contains(message), "{}", refused.said());
    }
}

/// Keys that are swept together.
const ZIPPED: &str = r#"
name = "zipped"
seed = 1
trials = 3
[network]
input = 2
hidden = 2
output = 2
depth = 2
[descent]
max_steps = 20
[[sweep.zip]]
"init.std" = [0.1, 0.1, 0.4]
"descent.learning_rate" = [0.01, 0.1, 0.1]
"#;

#[test]
fn keys_that_are_swept_together_name_a_point_together() {
    let desk = desk("out", ZIPPED, &[]);
    let plot = |more: &[&str]| {
        desk.run(&[&["plot", "out", "--figure", "probability", "-o", "f.svg"], more].concat())
    };
    // Values of neither key tell its points apart, those of both do.
    assert_eq!(plot(&[]).code, 0);
    let text = String::from_utf8(desk.read("f.svg")).expect("text");
    for label in
        [">init.std, descent.learning_rate</text>", ">0.1, 0.01</text>", ">0.4, 0.1</text>"]
    {
        assert!(text.contains(label), "no {label} in {text}");
    }
    let place = "init.std=0.09,descent.learning_rate=0.99";
    let drawn = plot(&["--at", place]);
    assert_eq!(drawn.code, 0);
    assert_eq!(drawn.said(), "cell 1: init.std = 0.1, descent.learning_rate = 0.1");
    let text = String::from_utf8(desk.read("f.svg")).expect("text");
    assert!(
        text.contains("probability of convergence, init.std, descent.learning_rate 0.1, 0.1<"),
        "{text}"
    );
    let said = plot(&["--at", "init.std=0.4,descent.learning_rate=0.01"]).said();
    assert!(said.contains("no point of the sweep has descent.learning_rate 0.01 with"), "{said}");
}

/// Values of any magnitude have a place: numbers of steps and losses, and a sweep over all of them.
#[test]
fn extreme_values_are_drawn() {
    let extreme = ZIPPED
        .replace("[[sweep.zip]]", "[sweep]")
        .replace("[0.1, 0.1, 0.4]", "[1e-160, 1e-3, 1e160]")
        .replace("[0.01, 0.1, 0.1]", "[0.100001, 0.100002]");
    let desk = desk("out", &extreme, &[]);
    for (figure, _) in FIGURES.iter().filter(|(figure, _)| *figure != "trajectories") {
        let drawn = desk.run(&["plot", "out", "--figure", figure, "-o", "f.png", "--dpi", "24"]);
        let is_without = *figure == "running-time" && drawn.code == 2;
        assert!(drawn.code == 0 || is_without, "{figure}: {}", drawn.said());
    }
    draw(&desk, "out", "probability", "f.svg", &[]);
    let text = String::from_utf8(desk.read("f.svg")).expect("text");
    assert!(text.contains(">0.100001</text>") && text.contains(">0.100002</text>"), "{text}");
}

/// For papers: planes of a size, and what a caption says left out.
#[test]
fn papers_have_sizes_and_captions() {
    let desk = desk("out", ZIPPED, &[]);
    let size = |more: &[&str]| {
        draw(&desk, "out", "probability", "f.svg", more);
        let text = String::from_utf8(desk.read("f.svg")).expect("text");
        let number = |name: &str| -> f64 {
            let at = text.find(&format!(" {name}=\"")).expect(name) + name.len() + 3;
            text[at..].split('"').next().and_then(|number| number.parse().ok()).expect(name)
        };
        let title = text.contains(">zipped: probability of convergence</text>");
        assert!(text.contains("aria-label=\"zipped: probability of convergence\""), "{text}");
        ([number("width"), number("height")], title)
    };
    let (own, small) = (size(&[]), size(&["--size", "120x40", "--no-title"]));
    let large = size(&["--size", "150x50", "--no-title"]);
    assert_eq!([own.1, small.1, large.1], [true, false, false]);
    let more = [0, 1].map(|i| (large.0[i] - small.0[i]) * 25.4 / 96.0);
    assert!((more[0] - 30.0).abs() < 0.1 && (more[1] - 10.0).abs() < 0.1, "{more:?}");
    for size in ["60", "60x5", "axb", "60x1e9"] {
        let ran = desk.run(&["plot", "out", "--figure", "phase", "-o", "f.svg", "--size", size]);
        assert!(ran.code == 2 && ran.stderr.contains("WIDTHxHEIGHT in millimetres"), "{size}");
    }
}

#[test]
fn what_a_figure_cannot_use_is_refused() {
    let desk = desk("out", STUDY, &[]);
    for (figure, more, message) in [
        ("times", &["--x", "init.std"][..], "no swept key goes to the right in `times`"),
        (
            "phase",
            &["--x", "init.std", "--at", "init.std=0.1"],
            "--at shows one value of `init.std`",
        ),
        ("times", &["--show", "contour"], "`times` has no layer `contour`; it has bounds"),
    ] {
        let refused =
            desk.run(&[&["plot", "out", "--figure", figure, "-o", "f.svg"], more].concat());
        assert_eq!(refused.code, 2);
        let said = refused.said().replace(" help: ", "; ");
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn names_of_figures_and_files_are_checked() {
    let desk = Desk::new();
    for (arguments, message) in [
        (&["--figure", "phas", "-o", "f.svg"][..], "a similar value exists: 'phase'"),
        (&["--figure", "phase", "-o", "f.jpg"], "ends in .svg, .png or .pdf"),
        (&["--figure", "phase", "--show", "everything"], "possible values: contour"),
        (&["--x", "init.std"], "--figure"),
        (&["--dpi", "96"], "--figure"),
        (&["--figure", "phase", "-o", "f.svg", "--dpi", "96"], "f.svg has none"),
        (&["--figure", "phase", "-o", "f.pdf", "--dpi", "300"], "or write a .png"),
    ] {
        let refused = desk.run(&[&["plot", "out"], arguments].concat());
        assert_eq!(refused.code, 2);
        assert!(refused.said().contains(message), "{}", refused.said());
    }
    let missing = desk.run(&["plot", "out", "--figure", "phase", "-o", "f.svg"]);
    assert_eq!(missing.code, 3, "{}", missing.said());
}

/// A figure appears whole or not at all, and takes the place of an older one.
#[test]
fn a_figure_replaces_an_older_one() {
    let desk = desk("out", STUDY, &[]);
    desk.write("f.svg", "an older one");
    let first = draw(&desk, "out", "phase", "f.svg", &[]);
    assert!(first.starts_with(b"<svg "));
    assert_eq!(draw(&desk, "out", "phase", "f.svg", &[]), first);
    let nowhere = desk.run(&["plot", "out", "--figure", "phase", "-o", "no/such/f.svg"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.said());
    for words in ["cannot create no/such/f.svg", "its directory has to be there"] {
        assert!(nowhere.said().contains(words), "{}", nowhere.said());
    }
}
