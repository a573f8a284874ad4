//! `deeplin transition` on studies whose probabilities are known.

use serde_json::Value;

use crate::program::Desk;

/// One scalar layer, `w -> w - 0.1 (w - phi)` from a standard normal start: after 40 steps the loss
/// `1/2 (w - phi)^2` is at its target `l` if `|w - phi| <= c = sqrt(2 l) / 0.9^40` at the start. So the
/// probability is `Phi(c - phi) - Phi(-c - phi)`: along `phi` a window between `-c` and `c`, each flank a
/// probit curve of slope 1, all but the other flank's `Phi(-2 c) < 3e-7`.
const WINDOW: &str = r#"
name = "window"
seed = 2018
trials = 1000
[network]
input = 1
output = 1
depth = 1
[init]
std = 1.0
[descent]
learning_rate = 0.1
max_steps = 40
[sweep]
"stop.loss" = [0.0007, 0.0014, 0.0028]
"target.scale" = { linear = [-8, 8], points = 33 }
"#;

fn half_width(loss: f64) -> f64 {
    (2.0 * loss).sqrt() / 0.9_f64.powi(40)
}

fn window() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", WINDOW);
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    desk
}

/// What `deeplin transition` says along the target, with more options.
fn json(desk: &Desk, options: &[&str]) -> Value {
    let command = ["transition", "out", "--axis", "target.scale", "--link", "probit", "--json"];
    serde_json::from_str(&desk.succeed(&[&command, options].concat()).stdout).expect("JSON")
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"))
}

/// All 24 intervals at a level of 1 - 1e-6 hold the threshold, and all brackets at 1 - 1e-6 a line
/// (false alarm below 1e-4 together); slopes are within 6 standard errors, .02 each.
#[test]
fn thresholds_of_a_window() {
    let desk = window();
    // Phi^-1(.9).
    for (p, distance) in [("0.5", 0.0), ("0.9", 1.281_551_565_544_600_4)] {
        for asymptotes in ["none", "free"] {
            let options = ["--at", p, "--asymptotes", asymptotes, "--level", "0.999999"];
            let found = json(&desk, &options);
            let rows = found["transitions"].as_array().expect("rows");
            assert_eq!(rows.len(), 6);
            for row in rows {
                let threshold = half_width(number(row, "stop.loss")) - distance;
                let (course, threshold) = match row["transition"].as_str() {
                    Some("rising") => (1.0, -threshold),
                    _ => (-1.0, threshold),
                };
                for ends in
                    [["threshold_lower", "threshold_upper"], ["bracket_lower", "bracket_upper"]]
                {
                    let [lower, upper] = ends.map(|end| number(row, end));
                    assert!(lower <= threshold && threshold <= upper, "{threshold}: {row}");
                }
                if asymptotes == "none" {
                    assert!((number(row, "slope") - course).abs() < 0.12, "{row}");
                }
            }
        }
    }
}

/// The threshold is proportional to the square root of the loss: an interval at 1 - 1e-4 holds one half.
/// Those of the other flank are negative and have no power law.
#[test]
fn the_threshold_is_a_power_of_the_loss() {
    let desk = Desk::new();
    // Standard deviations that differ by nothing that matters, so that no starts are in common.
    let zip = "[[sweep.zip]]\n\"stop.loss\" = [0.0007, 0.0014, 0.0028]\n\"init.std\" = [1.0, 1.0000001, 1.0000002]\n";
    let text = WINDOW.replace("\"stop.loss\" = [0.0007, 0.0014, 0.0028]\n", "");
    desk.write("study.toml", &format!("{text}{zip}"));
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let found = json(&desk, &["--scaling", "stop.loss", "--level", "0.9999"]);
    assert_eq!(found["scaling"]["axis"], "stop.loss");
    let laws = found["scaling"]["laws"].as_array().expect("laws");
    let law = |course| laws.iter().find(|law| law["transition"] == course).expect("a law");
    assert_eq!(
        (&law("rising")["thresholds"], &law("rising")["exponent"]),
        (&0.into(), &Value::Null)
    );
    let falling = law("falling");
    assert_eq!(falling["thresholds"], 3);
    let [lower, upper] = ["exponent_lower", "exponent_upper"].map(|end| number(falling, end));
    assert!(lower < 0.5 && 0.5 < upper && upper - lower < 0.08, "{falling}");
}

/// Along the learning rate all cells have the same starts: a curve's errors would be wrong, and are not given.
#[test]
fn cells_with_starts_in_common_give_no_errors_of_curves() {
    let desk = Desk::new();
    let text = WINDOW
        .replace("\"stop.loss\" = [0.0007, 0.0014, 0.0028]\n", "\"init.std\" = [1.0, 2.0]\n")
        .replace(
            "\"target.scale\" = { linear = [-8, 8], points = 33 }",
            "\"descent.max_steps\" = [1, 5, 10, 15, 20, 25, 30, 40]",
        )
        .replace("[sweep]", "[target]\nscale = 2.0\n[sweep]");
    desk.write("study.toml", &text);
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--set", "stop.loss=0.01"]);
    let command = ["transition", "out", "--axis", "descent.max_steps"];
    let found = desk.succeed(&[&command[..], &["--json"]].concat()).stdout;
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found["independent"], false);
    let rows = found["transitions"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["transition"], "rising", "{row}");
        let [lower, x, upper] =
            ["bracket_lower", "threshold", "bracket_upper"].map(|name| number(row, name));
        assert!(lower < x && x < upper, "{row}");
        for name in ["threshold_lower", "threshold_upper", "lack_of_fit"] {
            assert_eq!(row[name], Value::Null, "{row}");
        }
    }
    let table = desk.succeed(&command).stdout;
    assert!(table.contains("starts in common"), "{table}");
    let along = ["transition", "out", "--axis", "init.std", "--json"];
    let along: Value = serde_json::from_str(&desk.succeed(&along).stdout).expect("JSON");
    assert_eq!(along["independent"], true);
}

#[test]
fn three_forms_and_a_study_of_one_axis() {
    let desk = window();
    let axis = ["transition", "out/results.h5", "--axis", "target.scale"];
    let table = desk.succeed(&axis).stdout;
    for word in ["rising", "falling", "profile likelihood", "Clopper-Pearson", "count as failed"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let csv = desk.succeed(&[&axis[..], &["--csv"]].concat()).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("stop.loss,transition,threshold,threshold_lower,"), "{csv}");
    assert_eq!(lines.len(), 7);
    // The same again, to the byte, by one thread.
    let mut command = desk.command(&axis);
    let again = command.env("RAYON_NUM_THREADS", "1").output().expect("starting deeplin");
    assert_eq!(again.stdout, table.as_bytes());

    // Undecided trials count as converged: nothing is left to cross.
    let found = json(&desk, &["--undecided", "converged"]);
    let rows = found["transitions"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["transition"] == "above"), "{found}");

    // One axis needs no name; precision decides the numbers of trials.
    let one = WINDOW.replace("\"stop.loss\" = [0.0007, 0.0014, 0.0028]\n", "");
    let adaptive = "trials = { min = 100, max = 1000, half_width = 0.05 }";
    desk.write("one.toml", &one.replace("trials = 1000", adaptive));
    desk.succeed(&["run", "one.toml", "-o", "one", "--quiet", "--set", "stop.loss=0.0014"]);
    let table = desk.succeed(&["transition", "one"]).stdout;
    assert!(
        table.contains("confidence sequences") && table.contains("fixed beforehand"),
        "{table}"
    );
}

#[test]
fn wrong_questions_are_refused() {
    let desk = window();
    desk.write("text", "no results");
    for (arguments, code, message) in [
        (&["out"][..], 2, "sweeps 2 numbers: stop.loss, target.scale"),
        (&["out", "--axis", "init.std"], 2, "does not sweep `init.std`"),
        (&["out", "--axis", "target.scale", "--scale", "log"], 2, "`--scale linear`"),
        (&["out", "--axis", "target.scale", "--scaling", "target.scale"], 2, "another axis"),
        (&["out", "--axis", "stop.loss", "--scaling", "target.scale"], 2, "positive numbers"),
        (&["out", "--at", "1"], 2, "strictly between 0 and 1"),
        (&["out", "--link", "cauchit"], 2, "[possible values: logit, probit, cloglog]"),
        (&["out", "--csv", "--json"], 2, "cannot be used with"),
        (&["absent"], 3, "absent"),
        (&["text"], 3, "text"),
    ] {
        let ran = desk.run(&[&["transition"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}
