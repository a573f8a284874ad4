//! `deeplin man`.

use std::fs;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Ending, output};
use crate::{Error, Result, suggest};

/// The name of the program and of its page, and how names of the other pages begin.
const PROGRAM: &str = "deeplin";
const PREFIX: &str = "deeplin-";

/// Print the manual page, or write those of all commands into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin man | man -l -
  deeplin man run | man -l -
  deeplin man --all ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// The command whose page is printed [default: the page of the program]
    #[arg(conflicts_with = "all")]
    command: Option<String>,
    /// Writes the page of the program and those of all commands into this directory
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let pages = pages();
    if let Some(dir) = &arguments.all {
        fs::create_dir_all(dir).map_err(Error::storage("create", dir))?;
        for page in &pages {
            let path = dir.join(format!("{}.1", page.get_name()));
            fs::write(&path, text(page)?).map_err(Error::storage("write", &path))?;
        }
        return Ok(Ending::Done);
    }
    let page = named(&pages, arguments.command.as_deref().unwrap_or(PROGRAM))?;
    output::print(&String::from_utf8_lossy(&text(page)?))?;
    Ok(Ending::Done)
}

/// The page of this name, which is that of a command with or without the program's before it.
fn named<'a>(pages: &'a [Command], wanted: &str) -> Result<&'a Command> {
    let is_it = |page: &&Command| page.get_name() == wanted || command(page) == Some(wanted);
    pages.iter().find(is_it).ok_or_else(|| {
        let names: Vec<&str> = pages.iter().filter_map(command).collect();
        let help = format!("the commands are {}", names.join(", "));
        let near = wanted.strip_prefix(PREFIX).unwrap_or(wanted);
        let help = suggest::before(help, near, names.into_iter());
        Error::usage(format!("there is no command `{wanted}`"), Some(help))
    })
}

/// The command that a page is about, if it is about one.
fn command(page: &Command) -> Option<&str> {
    page.get_name().strip_prefix(PREFIX)
}

/// The program, and each of its commands under the name of its page.
fn pages() -> Vec<Command> {
    let mut program = super::Arguments::command().disable_help_subcommand(true);
    program.build();
    let page = |command: &Command| {
        let name = format!("{PREFIX}{}", command.get_name());
        let usage = format!("{PROGRAM} {}", command.get_name());
        command.clone().name(name).bin_name(usage)
    };
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<Command> = shown.map(page).collect();
    std::iter::once(program).chain(commands).collect()
}

/// Paragraphs behind the options of a command that are sections of its page, by what they begin with; all
/// others describe the command.
const SECTIONS: [(&str, &str); 2] = [("Exit status:", "EXIT STATUS"), ("Examples:", "EXAMPLES")];

/// A page in the language of manuals.
fn text(page: &Command) -> Result<Vec<u8>> {
    let failed = |source| Error::Storage {
        action: "make",
        path: PathBuf::from(page.get_name()),
        source,
        help: None,
    };
    let after = page.get_after_help().map(ToString::to_string).unwrap_or_default();
    let is_section =
        |paragraph: &&str| SECTIONS.iter().any(|(start, _)| paragraph.starts_with(start));
    let (sections, described): (Vec<&str>, Vec<&str>) = after.split("\n\n").partition(is_section);
    let about = page.get_long_about().or(page.get_about()).map(ToString::to_string);
    let description = [&about.unwrap_or_default()[..], &described.join("\n\n")].join("\n\n");
    let source = format!("deeplin {}", page.get_version().unwrap_or_default());
    let page = page.clone().long_about(description);
    let page = page.after_help(Resettable::Reset).version(Resettable::Reset);
    let mut text = Vec::new();
    Man::new(page).source(source).render(&mut text).map_err(failed)?;
    for (start, title) in SECTIONS {
        for paragraph in sections.iter().filter_map(|paragraph| paragraph.strip_prefix(start)) {
            text.extend(section(title, paragraph).bytes());
        }
    }
    Ok(text)
}

/// A section: lines that are set off to the right stay as they are, so that they can be copied.
fn section(title: &str, paragraph: &str) -> String {
    let mut section = Roff::new();
    section.control("SH", [title]);
    let (literal, filled): (Vec<&str>, Vec<&str>) =
        paragraph.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with("  "));
    for line in filled {
        section.text([roman(line.trim())]);
    }
    if !literal.is_empty() {
        section.control("EX", []);
        for line in literal {
            section.text([roman(&line[2..])]);
        }
        section.control("EE", []);
    }
    // What begins a page defines how apostrophes are written, and stands at the beginning of this one.
    let beginning = Roff::new().render();
    section.render().replacen(&beginning, "", 1)
}
