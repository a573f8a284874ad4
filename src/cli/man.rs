//! `deeplin man`.

use std::fs;
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

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
    let mut program = super::Arguments::command();
    program.build();
    let page = |command: &Command| {
        let name = format!("{PREFIX}{}", command.get_name());
        let usage = format!("{PROGRAM} {}", command.get_name());
        command.clone().name(name).bin_name(usage)
    };
    let shown = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    let commands: Vec<Command> = program.get_subcommands().filter(shown).map(page).collect();
    std::iter::once(program).chain(commands).collect()
}

/// A page in the language of manuals.
fn text(page: &Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let failed = |source| Error::Storage {
        action: "make",
        path: PathBuf::from(page.get_name()),
        source,
        help: None,
    };
    Man::new(page.clone()).render(&mut text).map_err(failed)?;
    Ok(text)
}
