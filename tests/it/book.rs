//! The book and the README: every command they show is run, and what they show of its output is compared.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::figures;
use crate::program::{self, Desk};

/// Commands that are run in another form here, or not at all, and why.
const INSTEAD: [(&str, Option<&str>, &str); 10] = [
    (
        "./scripts/quickstart",
        Some("deeplin run configs/quickstart.toml --quiet --set trials=20"),
        "it builds first",
    ),
    ("./scripts/test", None, "it runs the tests"),
    ("deeplin run first.toml", Some("deeplin run first.toml --set trials=20"), LONG),
    (
        "deeplin run quickstart.toml -o runs/refined --quiet --set refine.axis=init.std \
         --set refine.cells=6 --set \"trials={ min = 50, max = 400, half_width = 0.1 }\"",
        Some(
            "deeplin run quickstart.toml -o runs/refined --quiet --set refine.axis=init.std \
             --set refine.cells=2 --set \"trials={ min = 10, max = 20, half_width = 0.1 }\"",
        ),
        LONG,
    ),
    (
        "deeplin run configs/quickstart.toml -o runs/parts --part 1/2",
        Some("deeplin run configs/quickstart.toml -o runs/parts --part 1/2 --set trials=20"),
        LONG,
    ),
    (
        "deeplin run configs/quickstart.toml -o runs/parts --part 2/2",
        Some("deeplin run configs/quickstart.toml -o runs/parts --part 2/2 --set trials=20"),
        LONG,
    ),
    (
        "deeplin run configs/quickstart.toml --quiet",
        Some("deeplin run configs/quickstart.toml --quiet --set trials=20"),
        LONG,
    ),
    ("scripts/slurm/submit first.toml --tasks 50 --time 02:00:00 --cpus 4", None, SLURM),
    (
        "scripts/slurm/submit configs/quickstart.toml --tasks 50 --time 02:00:00 --cpus 4",
        None,
        SLURM,
    ),
    (
        "deeplin run configs/ethanol.toml --set target.path=ethanol.csv.gz",
        None,
        "its data are not part of the project",
    ),
];

const LONG: &str = "without optimisation it takes half a minute";

const SLURM: &str = "tests/it/slurm.rs queues studies on a cluster";

/// A block of code of a page.
#[derive(Debug, PartialEq)]
struct Block {
    language: String,
    text: String,
    /// Whether only blank lines are between it and the block before.
    follows: bool,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let mut open = None;
    let mut follows = false;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block { language: language.to_owned(), text: String::new(), follows });
            }
            (Some(_), Some(_)) => {
                blocks.extend(open.take());
                follows = true;
            }
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, None) => follows &= line.trim().is_empty(),
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// A desk with the folders of the project that commands name, and the program.
fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("bin")).expect("a directory");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = |from: &Path, to: &str| {
        std::os::unix::fs::symlink(from, desk.path(to)).expect("a link");
    };
    link(Path::new(env!("CARGO_BIN_EXE_deeplin")), "bin/deeplin");
    link(&root.join("configs"), "configs");
    link(&root.join("scripts"), "scripts");
    desk
}

/// Runs a command as it is shown, and returns what it printed.
fn run(desk: &Desk, program: &str, arguments: &[&str]) -> String {
    let path = std::env::var("PATH").expect("a path");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(desk.path(""))
        .env("PATH", format!("{}:{path}", desk.path("bin").display()))
        .envs([("NO_COLOR", "1"), ("MPLBACKEND", "Agg"), ("OPENBLAS_NUM_THREADS", "1")])
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}:\n{stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// Runs the lines of a block, and returns what the last of them printed.
fn run_lines(desk: &Desk, lines: &str) -> String {
    let mut printed = String::new();
    for line in lines.lines() {
        let command = line.split(" #").next().unwrap_or(line).trim_end();
        let instead = INSTEAD.iter().find(|(shown, ..)| *shown == command);
        if let Some(command) = instead.map_or(Some(command), |(_, other, _)| *other) {
            printed = run(desk, "bash", &["-euo", "pipefail", "-c", command]);
        }
    }
    printed
}

/// The lines that are shown are among those that were printed, in their order.
fn compare(shown: &str, printed: &str) {
    let mut lines = printed.lines();
    for line in shown.lines().filter(|line| *line != "...") {
        assert!(
            lines.any(|printed| printed == line),
            "no line\n{line}\nin its place in\n{printed}"
        );
    }
}

/// Does what a page says, from its beginning to its end, on a desk that is left as it is then.
fn follow(page: &str, runs_python: bool) -> Desk {
    let desk = desk();
    let mut printed = None;
    for Block { language, text, follows } in blocks(page) {
        match (language.as_str(), printed.take().filter(|_| follows)) {
            ("toml", _) => {
                if let Some(name) = text.lines().next().and_then(|line| line.strip_prefix("# ")) {
                    desk.write(name, &text);
                }
            }
            ("sh", _) => printed = Some(run_lines(&desk, &text)),
            ("text", Some(printed)) => compare(&text, &printed),
            ("python", _) if runs_python => {
                let Some(python) = program::python() else { continue };
                run(&desk, python.to_str().expect("a path in UTF-8"), &["-c", &text]);
            }
            _ => {}
        }
    }
    desk
}

/// Its figures are those that the README shows.
#[test]
fn the_tutorial_leads_where_it_says() {
    let desk = follow(include_str!("../../src/book/tutorial.md"), true);
    let shown: Vec<&str> = include_str!("../../README.md")
        .split("](")
        .skip(1)
        .filter_map(|after| after.split(')').next().filter(|to| to.ends_with(".svg")))
        .collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    for figure in shown {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(figure);
        let name = kept.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(figures::is_kept(&kept, &desk.read(name)), "{figure} is another one");
    }
}

#[test]
fn the_guides_lead_where_they_say() {
    follow(include_str!("../../src/book/guides.md"), true);
}

/// Its Python is run by `analysis`.
#[test]
fn the_readme_leads_where_it_says() {
    follow(include_str!("../../README.md"), false);
}

/// No exception is left over from a command that is no longer shown.
#[test]
fn exceptions_are_of_commands_that_are_shown() {
    let pages = [
        include_str!("../../src/book/tutorial.md"),
        include_str!("../../src/book/guides.md"),
        include_str!("../../README.md"),
    ];
    for (command, _, reason) in INSTEAD {
        assert!(pages.iter().any(|page| page.contains(command)), "{command}: {reason}");
    }
}

#[test]
fn every_command_is_in_the_reference_and_in_the_readme() {
    let help = Desk::new().succeed(&["--help"]).stdout;
    let commands: BTreeSet<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Longer descriptions go on in lines that are indented further.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains("export"), "{help}");
    let page = include_str!("../../src/book/commands.md");
    let listed = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(listed.collect::<BTreeSet<_>>(), commands);
    let readme = include_str!("../../README.md");
    for command in commands {
        assert!(readme.contains(&format!("`deeplin {command}")), "{command} is not in the README");
    }
}

#[test]
fn the_sweep_of_the_reference_is_one() {
    let desk = desk();
    let page = blocks(include_str!("../../src/book/configuration.md"));
    let sweep = page.iter().find(|block| block.language == "toml").expect("an example");
    desk.write("sweep.toml", &sweep.text);
    let plan = desk.succeed(&["plan", "sweep.toml", "--quick"]).stdout;
    assert!(plan.contains("48 cells"), "{plan}");
}

#[test]
fn blocks_are_found_with_what_they_follow() {
    let page = "```sh\na\n```\n\n```text\nb\n\nc\n```\nwords\n```text\nd\n```\n";
    let found: Vec<_> = blocks(page).into_iter().map(|b| (b.language, b.text, b.follows)).collect();
    let block =
        |language: &str, text: &str, follows| (language.to_owned(), text.to_owned(), follows);
    let wanted =
        [block("sh", "a\n", false), block("text", "b\n\nc\n", true), block("text", "d\n", false)];
    assert_eq!(found, wanted);
}
