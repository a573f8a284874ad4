//! Every command, every exit status, and what a user is told.

use std::fs;
use std::path::Path;

use crate::program::{self, Desk, files};

const STUDY: &str = r#"
name = "small"
trials = 20
[network]
input = 2
hidden = 2
output = 2
depth = 2
[descent]
learning_rate = 0.1
max_steps = 500
[sweep]
"init.std" = [0.1, 0.5]
"network.depth" = [2, 3]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

#[test]
fn run_ends_with_the_table_and_the_path() {
    let desk = desk();
    let ran = desk.succeed(&["run", "study.toml"]);
    assert!(ran.stdout.contains("init.std"), "{}", ran.stdout);
    assert!(ran.stdout.contains("[lower, upper]"), "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().last(), Some("runs/small/results.h5"));
    // Off a terminal: plain lines, no escape codes.
    assert!(
        ran.stderr.contains("of 80 trials") && !ran.stderr.contains('\u{1b}'),
        "{}",
        ran.stderr
    );
    let time = ran.stderr.lines().find_map(|line| line.strip_prefix("80 trials in "));
    assert!(time.is_some_and(|time| time.ends_with(" s")), "{}", ran.stderr);
}

#[test]
fn a_finished_study_is_left_alone() {
    let desk = desk();
    desk.succeed(&["run", "study.toml"]);
    let before = files(&desk.path("runs"));
    let ran = desk.succeed(&["run", "study.toml"]);
    assert!(ran.stderr.contains("nothing to do"), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().last(), Some("runs/small/results.h5"));
    assert_eq!(before, files(&desk.path("runs")), "no file is touched");
}

#[test]
fn another_study_does_not_enter_a_directory() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let ran = desk.run(&["run", "study.toml", "-o", "out", "--set", "seed=1"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("seed"), "names what differs: {}", ran.stderr);
}

#[test]
fn refusals_name_line_key_and_remedy() {
    let desk = desk();
    for (set, words) in [
        ("init.sdt=0.3", ["init.sdt", "init.std"]),
        ("trials=0", ["trials", "1"]),
        ("descent.learning_rate=-1", ["descent.learning_rate", "above 0"]),
    ] {
        let ran = desk.run(&["run", "study.toml", "--set", set]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "{set}: no {word} in\n{}", ran.stderr);
        }
    }
    let both = ["--set", "trials=0", "--set", "init.std=-1"];
    let ran = desk.run(&[&["run", "study.toml"][..], &both].concat());
    assert!(ran.said().contains("`trials`") && ran.said().contains("`init.std`"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Error:"), "{}", ran.stderr);
    desk.write("typo.toml", &STUDY.replace("hidden = 2", "hiden = 2"));
    let ran = desk.run(&["run", "typo.toml"]);
    assert_eq!(ran.code, 2);
    for words in ["typo.toml", "hiden = 2", "network.hidden", "hiden"] {
        assert!(ran.stderr.contains(words), "no {words} in\n{}", ran.stderr);
    }
    let ran = desk.run(&["run", "absent.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("absent.toml"), "{}", ran.stderr);
    assert!(!desk.path("runs").exists(), "nothing ran");
}

#[test]
fn usage_errors_are_status_2() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet", "-o", "out"]);
    for arguments in [
        &["run"][..],
        &["run", "study.toml", "--part", "3/2"],
        &["run", "study.toml", "--threads", "0"],
        &["run", "study.toml", "--max-time", "soon"],
        &["trace", "study.toml", "--trial", "20", "--cell", "0", "-o", "t.h5"],
        &["trace", "study.toml", "--trial", "0", "-o", "t.h5"],
        &["trace", "study.toml", "--trial", "0", "--cell", "4", "-o", "t.h5"],
        &["trace", "study.toml", "--trial", "0", "--at", "init.gain=1,init.std=0.1", "-o", "t.h5"],
        &[
            "trace",
            "study.toml",
            "--trial",
            "0",
            "--at",
            "network.depth=7,init.std=0.1",
            "-o",
            "t.h5",
        ],
        &["trace", "study.toml", "--trial", "0", "--cell", "0", "-o", "study.toml"],
        &["times", "out", "--cell", "4"],
        &["times", "out", "--at", "init.gain=1"],
        &["times", "out", "--loss", "3e-3"],
        &["times", "out", "--points", "1"],
        &["times", "out", "--json", "--csv"],
        &["nonsense"],
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn report_in_three_forms() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet"]);
    let table = desk.succeed(&["report", "runs/small"]).stdout;
    assert!(table.contains("undecided"), "{table}");
    let csv = desk.succeed(&["report", "runs/small/results.h5", "--csv"]).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(
        lines[0].starts_with("init.std,network.depth,probability,probability_lower,"),
        "{}",
        lines[0]
    );
    assert!(lines[1].starts_with("0.1,2,"), "{}", lines[1]);
    let json = desk.succeed(&["report", "runs/small/results.h5", "--json"]).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["cells"][3]["init.std"], 0.5);
    assert_eq!(value["cells"][3]["network.depth"], 3);
    let fields: Vec<&str> = lines[4].split(',').collect();
    assert_eq!(value["cells"][3]["probability"].to_string(), fields[2]);
    let ran = desk.run(&["report", "study.toml"]);
    assert_eq!(ran.code, 3, "not HDF5: {}", ran.stderr);
    let ran = desk.run(&["report", "absent.h5"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[test]
fn times_in_three_forms() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet"]);
    let table = desk.succeed(&["times", "runs/small"]).stdout;
    for words in ["init.std 0.5, network.depth 3: 20 trials", "running time", "undecided"] {
        assert!(table.contains(words), "no {words} in\n{table}");
    }
    let csv = desk.succeed(&["times", "runs/small/results.h5", "--cell", "2", "--csv"]).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    let header = "init.std,network.depth,cell,step,stopped_count,converged,converged_lower,";
    assert!(lines[0].starts_with(header), "{}", lines[0]);
    assert!(lines[1..].iter().all(|line| line.starts_with("0.5,2,2,")), "{csv}");
    let at = ["times", "runs/small", "--at", "init.std=0.49,network.depth=2", "--json"];
    let ran = desk.succeed(&[&at[..], &["--loss", "1e-2"]].concat());
    assert!(ran.stderr.contains("init.std = 0.5"), "{}", ran.stderr);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&value["loss_target"], &value["cells"][0]["cell"]), (&0.01.into(), &2.into()));
    let points = value["cells"][0]["points"].as_array().expect("points");
    let counts = &value["cells"][0];
    let hits = counts["hit_count"].as_u64().expect("a number") as f64 / 20.0;
    assert_eq!(points.last().expect("a point")["hit"], hits);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet"]);
    let mut child = desk
        .command(&["report", "runs/small"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starting deeplin");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("waiting");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn config_prints_the_default_which_is_a_study() {
    let desk = Desk::new();
    let ran = desk.succeed(&["config"]);
    assert_eq!(ran.stdout, include_str!("../../configs/default.toml"));
    desk.write("default.toml", &ran.stdout);
    desk.succeed(&["run", "default.toml", "--set", "trials=2", "--set", "descent.max_steps=10"]);
}

/// Debian's serial OpenBLAS, first on the path of the loader.
#[test]
fn a_serial_openblas_is_refused() {
    let serial = format!("/usr/lib/{}-linux-gnu/openblas-serial", std::env::consts::ARCH);
    if !Path::new(&serial).is_dir() {
        program::may_skip("the package libopenblas0-serial");
        return;
    }
    let desk = desk();
    let run = |arguments: &[&str]| {
        let output = desk.command(arguments).env("LD_LIBRARY_PATH", &serial).output();
        program::Ran::from(output.expect("starting deeplin"))
    };
    for command in [&["run", "study.toml", "--threads", "2"][..], &["doctor", "--threads", "2"]] {
        let ran = run(command);
        assert_eq!(ran.code, 4, "{command:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("libopenblas-pthread-dev"),
            "names the package: {}",
            ran.stderr
        );
    }
    assert!(!desk.path("runs").exists(), "nothing ran");
    // One worker is safe.
    let ran = run(&["run", "study.toml", "--threads", "1", "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn storage_errors_are_status_3() {
    let desk = desk();
    desk.write("file", "not a directory");
    let ran = desk.run(&["run", "study.toml", "-o", "file"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("file"), "{}", ran.stderr);
    let ran = desk.run(&["merge", "nowhere"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

/// A damaged part is named, computed again, and the result is what it was.
#[test]
fn a_damaged_part_is_computed_again() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let expected = desk.read("out/results.h5");
    let parts: Vec<_> = fs::read_dir(desk.path("out/parts")).expect("parts").flatten().collect();
    let part = parts[0].path();
    let mut bytes = fs::read(&part).expect("a part");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&part, bytes).expect("damaging a part");
    fs::remove_file(desk.path("out/results.h5")).expect("removing the results");
    let ran = desk.succeed(&["run", "study.toml", "-o", "out"]);
    let name = part.file_name().and_then(|n| n.to_str()).expect("a name");
    assert!(ran.stderr.contains(name), "names the part: {}", ran.stderr);
    assert!(desk.read("out/results.h5") == expected);
    assert!(desk.path(&format!("out/parts/{name}.damaged")).exists(), "what was there is kept");
}

/// Rows of two processor families are not put together unless asked, and then it is recorded.
#[test]
#[cfg(target_arch = "x86_64")]
fn different_numerics_are_mixed_only_when_asked() {
    let desk = desk();
    let other = desk
        .command(&["run", "study.toml", "-o", "out", "--part", "1/2", "--set", "store.block=5"])
        .env("OPENBLAS_CORETYPE", "Nehalem")
        .status();
    assert!(other.expect("starting deeplin").success());
    let rest = ["run", "study.toml", "-o", "out", "--set", "store.block=5"];
    let ran = desk.run(&rest);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for word in ["blas_core", "Nehalem", "--mixed"] {
        assert!(ran.stderr.contains(word), "no {word} in\n{}", ran.stderr);
    }
    desk.succeed(&[&rest[..], &["--mixed"]].concat());
    let results = deeplin::store::ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let recorded = results.provenance.iter().any(|(_, value)| value.contains("Nehalem"));
    assert!(recorded, "{:?}", results.provenance);
    assert_eq!(desk.run(&["merge", "out"]).code, 3);
    desk.succeed(&["merge", "out", "--mixed"]);
}

/// Bounds of the method and the level that the study asks for, of each cell and of all at once.
#[test]
fn bounds_are_of_the_method_of_the_study() {
    use deeplin::stats::{Method, simultaneous};
    for (word, method) in [("wilson", Method::Wilson), ("jeffreys", Method::Jeffreys)] {
        let desk = Desk::new();
        desk.write(
            "study.toml",
            "trials = 20\n[network]\ninput = 2\nhidden = 2\noutput = 2\n[interval]\nlevel = 0.9\n\
             [descent]\nmax_steps = 300\n[sweep]\n\"init.std\" = [0.1, 0.5, 0.9]",
        );
        let set = format!("interval.method={word}");
        desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--set", &set]);
        let path = desk.path("out/results.h5");
        let results = deeplin::store::ResultsFile::open(&path).expect("results");
        let named = (results.interval_method.as_str(), results.interval_level);
        assert_eq!(named, (method.name(), 0.9));
        for cell in &results.cells {
            let bounds = |level, successes| method.interval(successes, cell.trials, level);
            assert_eq!(cell.probability_lower, bounds(0.9, cell.converged).lower);
            let decided = cell.converged + cell.step_limit;
            let of_all = simultaneous(0.9, 3);
            assert_eq!(cell.probability_upper_of_all, bounds(of_all, decided).upper);
        }
    }
}

/// Every shell gets a script that knows the commands; the one for bash is read by bash.
#[test]
fn shells_complete_the_commands() {
    let desk = desk();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.succeed(&["completions", shell]).stdout;
        for command in ["run", "plan", "compare", "transition", "times", "rare"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("--max-time") || shell == "fish", "{shell}");
        assert!(!script.contains("read-apart"), "{shell}: what is hidden stays so");
    }
    desk.write("script", &desk.succeed(&["completions", "bash"]).stdout);
    let bash = std::process::Command::new("bash")
        .args([
            "-c",
            "source ./script && COMP_WORDS=(deeplin re) COMP_CWORD=1 && _deeplin deeplin re deeplin \
             && echo \"${COMPREPLY[@]}\"",
        ])
        .current_dir(desk.path("."))
        .output()
        .expect("bash");
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "report\n");
    assert_eq!(desk.run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let desk = desk();
    let page = desk.succeed(&["man"]).stdout;
    assert!(page.starts_with(".ie") && page.contains("deeplin"), "{page}");
    let run = desk.succeed(&["man", "run"]).stdout;
    assert!(run.contains("max\\-time") && run.contains("deeplin run"), "{run}");
    // By the name of its page too.
    assert_eq!(desk.succeed(&["man", "deeplin-run"]).stdout, run);
    assert_eq!(desk.succeed(&["man", "deeplin"]).stdout, page);
    desk.succeed(&["man", "--all", "pages"]);
    let pages = files(&desk.path("pages"));
    let names: Vec<String> =
        pages.iter().filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_owned())).collect();
    for command in ["", "-run", "-merge", "-rare", "-man"] {
        assert!(names.contains(&format!("deeplin{command}.1")), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("apart")), "{names:?}");
    for (name, _) in pages {
        let page = fs::read_to_string(&name).expect("a page");
        assert!(!page.contains("read\\-apart") && !page.contains(".SH EXTRA"), "{page}");
        // As lines that are not filled, each a command to be copied.
        let (_, examples) = page.split_once("\n.SH EXAMPLES\n.EX\n").expect("examples");
        let (examples, after) = examples.split_once(".EE\n").expect("their end");
        assert!(examples.lines().all(|line| line.starts_with("deeplin ")), "{page}");
        assert!(after.is_empty() && page.matches(".ie").count() == 1, "{page}");
    }
    let plot = desk.succeed(&["man", "plot"]).stdout;
    let description = "SVG, PNG or PDF\n.PP\nWithout \\-\\-figure it lists the figures";
    assert!(plot.contains(description), "{plot}");
    assert!(page.contains("\n.SH \"EXIT STATUS\"\n0 done, 2 bad usage"), "{page}");
    let listed = page.lines().filter_map(|line| line.strip_suffix("(1)"));
    let listed: Vec<String> = listed.map(|name| format!("{}.1", name.replace('\\', ""))).collect();
    assert!(listed.len() > 12 && listed.iter().all(|name| names.contains(name)), "{listed:?}");
    for typed in ["runs", "deeplin-runs"] {
        let wrong = desk.run(&["man", typed]);
        assert_eq!(wrong.code, 2);
        let said = wrong.said();
        assert!(said.contains(&format!("there is no command `{typed}`")), "{said}");
        assert!(said.contains("did you mean `run`? the commands are run"), "{said}");
    }
}

/// The commands that `--help` lists.
fn commands(desk: &Desk) -> Vec<String> {
    let help = desk.succeed(&["--help"]).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        name.split_whitespace().next().map(str::to_owned)
    });
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_command_shows_examples_of_itself() {
    let desk = desk();
    let commands = commands(&desk);
    assert!(commands.len() > 12 && commands.contains(&"watch".to_owned()), "{commands:?}");
    for command in commands {
        let help = desk.succeed(&[&command, "--help"]).stdout;
        let (options, examples) = help.split_once("\nExamples:\n").unwrap_or_default();
        assert!(examples.contains(&format!("  deeplin {command}")), "{command}: {help}");
        for option in ["--quiet", "--verbose"] {
            assert!(options.contains(option), "{command} takes {option}");
        }
    }
}

/// Prose is filled as wide as the terminal is, and no line of examples is broken.
#[test]
fn help_fits_terminals() {
    let desk = desk();
    let commands = commands(&desk);
    for width in [80, 100] {
        for command in [&[][..]].into_iter().chain(commands.iter().map(std::slice::from_ref)) {
            let mut help = desk.command(&[]);
            help.args(command).arg("--help").env("COLUMNS", width.to_string());
            let help = program::Ran::from(help.output().expect("starting deeplin")).stdout;
            let wide = help.lines().find(|line| line.chars().count() > width);
            assert_eq!(wide, None, "{command:?} in {width} columns");
            let (_, epilogue) = help.split_once("Print version").expect("the last of the options");
            let lines: Vec<&str> = epilogue.lines().skip(1).collect();
            for two in lines.windows(2).filter(|two| two.iter().all(|line| !line.is_empty())) {
                let is_example = two[1].starts_with("  deeplin ");
                // The first word of a line of prose had no room in the line before.
                let word = two[1].split(' ').next().unwrap_or_default();
                let is_filled = !word.is_empty() && two[0].chars().count() + 1 + word.len() > width;
                assert!(is_example || is_filled, "{command:?} in {width} columns:\n{epilogue}");
            }
        }
    }
}

/// What is shown as a table can be had as JSON too.
#[test]
fn tables_are_objects_too() {
    let desk = desk();
    let object = |arguments: &[&str]| -> serde_json::Value {
        let ran = desk.run(arguments);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
    };
    let some = ["run", "study.toml", "--part", "1/2"];
    desk.succeed(&some);
    let missing = object(&["merge", "runs/small", "--json"]);
    assert_eq!(missing["complete"], false);
    let gaps = &missing["missing"]["trials"];
    assert_eq!((&gaps["of"], &gaps["cells"][0][0]), (&80.into(), &1.into()), "{missing}");
    assert_eq!(gaps["cells"][0][1][0]["end"], 20);
    assert_eq!(desk.run(&["merge", "runs/small", "--json"]).code, 3);
    let partial = object(&["merge", "runs/small", "--partial", "--json"]);
    assert_eq!(partial["path"], "runs/small/partial.h5");
    let cells = object(&["run", "study.toml", "--json"]);
    assert_eq!(cells, object(&["report", "runs/small", "--json"]));
    let csv = desk.succeed(&["run", "study.toml", "--csv"]).stdout;
    assert_eq!(csv, desk.succeed(&["report", "runs/small", "--csv"]).stdout);
    let merged = object(&["merge", "runs/small", "--json"]);
    assert_eq!(
        (&merged["complete"], &merged["path"]),
        (&true.into(), &"runs/small/results.h5".into())
    );
}

/// Readers of CSV fail where not even names of columns are.
#[test]
fn tables_without_rows_have_a_header() {
    let desk = desk();
    // Of every second cell there are no trials.
    desk.succeed(&["run", "study.toml", "--part", "1/2", "-o", "out"]);
    desk.succeed(&["merge", "out", "--partial"]);
    let laws = ["transition", "out/partial.h5", "--axis", "init.std", "--scaling", "network.depth"];
    for (arguments, with, columns) in [
        (&["times", "out/partial.h5"][..], &["--cell", "1"][..], 14),
        (&["compare", "out/partial.h5"], &["--axis", "network.depth"], 19),
        (&laws, &["--at", "0.999"], 10),
    ] {
        let csv = desk.succeed(&[arguments, with, &["--csv"]].concat()).stdout;
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {csv}");
        assert_eq!(lines[0].split(',').count(), columns, "{arguments:?}: {csv}");
    }
}

#[test]
fn near_misses_are_seen() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet", "-o", "out"]);
    for (arguments, words) in [
        (&["plna", "study.toml"][..], "'plan'"),
        (&["rnu", "study.toml"], "similar subcommand exists: 'run'"),
        (&["reprot", "out"], "similar subcommand exists: 'report'"),
        // Not what is hidden.
        (&["read", "out"], "unrecognized subcommand 'read' Usage:"),
        (&["run", "study.toml", "--quite"], "'--quiet'"),
        (&["man", "wach"], "did you mean `watch`?"),
        (&["times", "out", "--at", "init.sdt=0.1"], "did you mean `init.std`?"),
        (&["transition", "out", "--axis", "init.sdt"], "did you mean `init.std`?"),
        (
            &["transition", "out", "--axis", "init.std", "--scaling", "netwrk.depth"],
            "`network.depth`?",
        ),
        (&["compare", "out", "--axis", "network.dept"], "did you mean `network.depth`?"),
        (&["plan", "study.toml", "--set", "network.dept=2"], "did you mean `network.depth`?"),
        (
            &["plan", "study.toml", "--set", "network.hidden=[3,4,5]", "--set", "stop.loss=[1, 2]"],
            "to sweep it: --set 'sweep.stop.loss=[1, 2]'",
        ),
        (
            &["plan", "study.toml", "--set", "init.std={ log = [0.1, 1], points = 3 }"],
            "to sweep it: --set 'sweep.init.std={ log = [0.1, 1], points = 3 }'",
        ),
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stdout);
        assert!(ran.said().contains(words), "{arguments:?}: no {words} in {}", ran.said());
    }
    desk.write("listed.toml", &STUDY.replace("learning_rate = 0.1", "learning_rate = [0.1, 0.2]"));
    let said = desk.run(&["plan", "listed.toml"]).said();
    let advice = "to sweep it, write it below `[sweep]`: \"descent.learning_rate\" = [0.1, 0.2]";
    assert!(said.contains(advice), "{said}");
    // The advice is good.
    let sweep = ["plan", "study.toml", "--quick", "--set", "sweep.stop.loss=[1e-3, 1e-4]"];
    assert!(desk.succeed(&sweep).stdout.starts_with("small: 8 cells"));
}
