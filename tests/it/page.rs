//! The page of results: in a browser, as text, and as a file.

use std::fs;
use std::path::Path;
use std::process::Command;

use deeplin::digest::Digest;

use crate::program::{self, Desk};

/// Two axes, all kinds of outcomes.
const TWO_AXES: &str = r#"
name = "two-axes"
trials = 40
[network]
input = 4
hidden = 4
output = 4
[descent]
max_steps = 600
learning_rate = 0.1
[sweep]
"network.depth" = [2, 3, 5]
"init.std" = { log = [0.05, 1.0], points = 5 }
"#;

/// Some trajectories.
const TRACED: &str = r#"
name = "traced"
trials = 30
[network]
input = 4
hidden = 4
output = 4
[descent]
max_steps = 1000
[record]
trajectory = { trials = 2, points = 40, spacing = "log" }
[sweep]
"init.std" = [0.1, 0.4]
"network.depth" = [2, 3]
"#;

/// Four axes, one of words and one of two keys.
const FOUR_AXES: &str = r#"
name = "four-axes"
trials = 12
[network]
input = 3
hidden = 3
output = 3
[descent]
max_steps = 300
[sweep]
"network.depth" = [2, 3, 4]
"stop.loss" = [1e-3, 1e-5]
"init.kind" = ["gaussian", "balanced"]
[[sweep.zip]]
"init.std" = [0.1, 0.5]
"descent.learning_rate" = [0.1, 0.05]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    for (name, text) in [("two-axes", TWO_AXES), ("traced", TRACED), ("four-axes", FOUR_AXES)] {
        desk.write(&format!("{name}.toml"), text);
    }
    desk
}

/// Runs a study and writes its page.
fn page(desk: &Desk, name: &str) -> String {
    desk.succeed(&["run", &format!("{name}.toml"), "--quiet"]);
    let html = format!("{name}.html");
    let ran = desk.succeed(&["report", &format!("runs/{name}"), "--html", &html]);
    assert!(ran.stdout.is_empty() && ran.stderr.contains(&html), "{}", ran.stderr);
    String::from_utf8(desk.read(&html)).expect("text")
}

#[test]
fn a_browser_shows_and_does_all_of_it() {
    let Some(python) = program::python() else { return };
    let desk = desk();
    let mut pages = ["two-axes", "traced", "four-axes"]
        .map(|name| {
            page(&desk, name);
            desk.path(&format!("{name}.html"))
        })
        .to_vec();
    let part = ["run", "two-axes.toml", "--quiet", "-o", "part", "--part", "2/2"];
    desk.succeed(&[&part[..], &["--set", "store.block=7"]].concat());
    desk.succeed(&["merge", "part", "--partial"]);
    desk.succeed(&["report", "part/partial.h5", "--html", "partial.html"]);
    pages.push(desk.path("partial.html"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/page.py");
    let output = Command::new(python).arg(script).args(pages).output().expect("starting Python");
    let said = [output.stdout, output.stderr].concat();
    match output.status.code() {
        Some(77) => program::may_skip("a browser"),
        code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&said)),
    }
}

#[test]
fn the_configuration_of_a_page_gives_the_same_results_and_the_same_page() {
    let desk = desk();
    let first = page(&desk, "traced");
    let config = first.split("<code id=\"config\">").nth(1).expect("the configuration");
    let config = config.split("</code>").next().expect("its end");
    desk.write("again.toml", &config.replace("&quot;", "\""));
    desk.succeed(&["run", "again.toml", "--quiet", "-o", "again"]);
    assert!(desk.read("runs/traced/results.h5") == desk.read("again/results.h5"));
    let again = desk.succeed(&["report", "again", "--html", "-"]).stdout;
    assert!(first == again);
}

/// A configuration alone does not give the same bits where it names files, nor on other processors.
#[test]
fn a_page_says_what_it_takes_to_run_it_again() {
    let desk = desk();
    desk.write("a&b.csv", "x,y\n1,2\n2,3\n3,5\n");
    let target = "[target]\nkind = \"regression\"\npath = \"a&b.csv\"\nlabels = [\"y\"]\n";
    let network = "[network]\ninput = 1\nhidden = 2\noutput = 1\n";
    let study =
        format!("name = \"fitted\"\ntrials = 3\n{network}{target}[descent]\nmax_steps = 9\n");
    desk.write("fitted.toml", &study);
    let with_files = page(&desk, "fitted");
    let words = "<code>study.toml</code> and the files that it names as they were (<code>a&amp;b.csv</code>)";
    assert!(with_files.contains(words));
    let without = page(&desk, "four-axes");
    assert!(without.contains("<code>study.toml</code>, the first line"));
    for page in [with_files, without] {
        assert!(
            page.contains(
                "to the same bits with the version, the libraries and the processor core"
            )
        );
    }
}

/// What is said along the curves of a page: the words of each curve with those of its points.
fn readings(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut curves = Vec::new();
    for text in page.split("data-curve=\"").skip(1) {
        let (name, rest) = text.split_once("\">").expect("the end of a tag");
        let (lines, _) = rest.split_once("</metadata>").expect("the end of a curve");
        curves.push((name, lines.lines().filter_map(|line| line.splitn(3, ' ').nth(2)).collect()));
    }
    curves
}

/// The numbers in a text.
fn numbers(text: &str) -> Vec<f64> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | 'e')));
    words.filter_map(|word| word.parse().ok()).collect()
}

/// P, its bounds and the step, as a line of `deeplin times` has them.
fn of_line(row: &[&str]) -> [f64; 4] {
    [5, 6, 7, 3].map(|column| row[column].parse().expect("a number"))
}

/// Whether a curve says these points, which may go on to the ends of the axis: from no convergence before the
/// first, and as it was after the last. The axis begins where the first trial of all converges, soon before.
fn says(said: &[&str], points: &[[f64; 4]]) -> bool {
    let is_near = |said: &[f64], point: &[f64]| {
        said.len() == point.len() && said.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-3)
    };
    let mut said: Vec<Vec<f64>> = said.iter().map(|line| numbers(line)).collect();
    let (begin, last) = (said[0][3], points[points.len() - 1]);
    let (before, points): (Vec<&[f64; 4]>, Vec<&[f64; 4]>) =
        points.iter().partition(|point| point[3] < begin);
    if before.iter().any(|point| point[0] != 0.0) {
        return false;
    }
    if points.first().is_none_or(|first| begin < first[3]) && said.remove(0)[0] != 0.0 {
        return false;
    }
    if said.last().is_some_and(|end| end[3] > last[3])
        && !said.pop().is_some_and(|end| is_near(&end[..3], &last[..3]))
    {
        return false;
    }
    said.len() == points.len() && said.iter().zip(points).all(|(said, point)| is_near(said, point))
}

#[test]
fn curves_say_the_numbers_of_the_times() {
    let desk = desk();
    let text = page(&desk, "two-axes");
    let csv = desk.succeed(&["times", "runs/two-axes", "--points", "60", "--csv"]).stdout;
    let rows = || csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let curves = readings(&text);
    assert_eq!(curves.len(), 15);
    for number in 0..15 {
        let rows: Vec<_> = rows().filter(|row| row[2] == number.to_string()).collect();
        let points: Vec<_> = rows.iter().map(|row| of_line(row)).collect();
        let [depth, std] = [0, 1].map(|key| rows[0][key].parse::<f64>().expect("a number"));
        // To four digits, as it is written there.
        let std = (std * 1e4).round() / 1e4;
        let name = format!("std {std}, depth {depth}, converged");
        let own = curves.iter().filter(|(curve, said)| *curve == name && says(said, &points));
        assert_eq!(own.count(), 1, "{name}: {points:?}\n{curves:?}");
    }
}

/// Steps that no trial of a cell made are none at which it is known that nothing converges.
#[test]
fn nothing_is_said_of_steps_that_were_not_made() {
    let desk = desk();
    let limits =
        TWO_AXES.replace("\"init.std\"", "\"descent.max_steps\" = [5, 4000]\n\"init.std\"");
    desk.write("limits.toml", &limits.replace("two-axes", "limits"));
    let text = page(&desk, "limits");
    let curves = readings(&text);
    let of_limit = |limit: &str| curves.iter().filter(|(name, _)| name.contains(limit)).count();
    assert!(of_limit("max_steps 4000") > 0, "{curves:?}");
    // Where the start is large, all diverge sooner.
    let of_small = |name: &str| name.starts_with("std 0.05,") && name.contains("max_steps 5,");
    assert!(!curves.iter().any(|(name, _)| of_small(name)), "{curves:?}");
}

/// Results that someone made to harm: their name and configuration hold a script.
#[test]
fn what_results_hold_is_text() {
    const EVIL: &str = "</code><script>alert(1)</script><a b='\"&";
    let desk = desk();
    page(&desk, "two-axes");
    let path = desk.path("evil.h5");
    fs::copy(desk.path("runs/two-axes/results.h5"), &path).expect("a copy");
    let file = hdf5::File::open_rw(&path).expect("results");
    for name in ["study", "config"] {
        let text: hdf5::types::VarLenUnicode = EVIL.parse().expect("text");
        file.delete_attr(name).expect("an attribute");
        file.new_attr::<hdf5::types::VarLenUnicode>()
            .create(name)
            .and_then(|a| a.write_scalar(&text))
            .expect("an attribute");
    }
    drop(file);
    // With the seal that its content has.
    let mut bytes = desk.read("evil.h5");
    let seal = Digest::of(&bytes[..bytes.len() - 32]);
    let end = bytes.len() - 32;
    bytes[end..].copy_from_slice(&seal.0);
    fs::write(&path, bytes).expect("a file");
    let text = desk.succeed(&["report", "evil.h5", "--html", "-"]).stdout;
    assert!(!text.contains("<script>alert") && !text.contains("b='\""));
    assert!(text.contains("&lt;script&gt;alert(1)"));
    let own = ["<script nonce=", "<script type=\"text/plain\" class=\"packed\">"];
    let own = own.map(|script| text.matches(script).count());
    assert_eq!((own[0], text.matches("<script").count()), (1, own[0] + own[1]));
}

#[test]
fn a_page_replaces_a_page_and_nothing_else() {
    let desk = desk();
    let text = page(&desk, "two-axes");
    let write = |html: &str| desk.run(&["report", "runs/two-axes", "--html", html]);
    desk.write("old.html", "<!DOCTYPE html><title>old</title>");
    desk.write("empty.html", "");
    for name in ["old.html", "empty.html", "two-axes.html"] {
        assert_eq!(write(name).code, 0, "{name}");
        assert!(desk.read(name) == text.as_bytes(), "{name}");
    }
    for (name, words) in [
        ("two-axes.toml", "is no page"),
        ("runs/two-axes/results.h5", "is no page"),
        ("..", "does not name a file"),
    ] {
        let ran = write(name);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.said().contains(words), "{}", ran.stderr);
    }
    for (name, words) in [("absent/page.html", "cannot create absent/page.html"), ("runs", "runs")]
    {
        let ran = write(name);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.said().contains(words), "{}", ran.stderr);
    }
    let ran = desk.run(&["report", "runs/two-axes", "--html", "x.html", "--json"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(!desk.path("x.html").exists());
}

/// As on a disk that is full: the page that was there stays, and nothing else is left.
#[cfg(unix)]
#[test]
fn a_page_is_there_whole_or_not_at_all() {
    let desk = desk();
    page(&desk, "traced");
    desk.write("traced.html", "<!doctype html><title>old</title>");
    let before = program::files(&desk.path("."));
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_deeplin")])
        .args(["report", "runs/traced", "--html", "traced.html"])
        .current_dir(desk.path("."))
        .output()
        .expect("starting a shell");
    let ran = program::Ran::from(output);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.said().contains("raise the limit"), "{}", ran.stderr);
    assert!(program::files(&desk.path(".")) == before);
}

/// The page of a thousand cells can be sent by mail.
#[test]
fn a_thousand_cells_are_below_two_megabytes() {
    let desk = Desk::new();
    desk.write(
        "thousand.toml",
        r#"
name = "thousand"
trials = 5
[network]
input = 2
hidden = 2
output = 2
[descent]
max_steps = 100
[sweep]
"init.std" = { log = [0.1, 2.0], points = 10 }
"network.depth" = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
"descent.learning_rate" = { log = [0.01, 1.0], points = 10 }
"#,
    );
    let text = page(&desk, "thousand");
    assert_eq!(text.matches("<tr data-at").count(), 1000);
    assert!(text.len() < 2_000_000, "{} bytes", text.len());
}
