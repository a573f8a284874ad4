//! `deeplin completions`.

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Ending, output};
use crate::Result;

/// Print what a shell needs to complete the command line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Zsh looks for the file in the directories of fpath, before compinit.

Examples:
  deeplin completions bash > ~/.local/share/bash-completion/completions/deeplin
  deeplin completions zsh > ~/.zfunc/_deeplin
  deeplin completions fish > ~/.config/fish/completions/deeplin.fish")]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut shown(&super::Arguments::command()), "deeplin", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}

/// The program without the commands that are hidden, which shells would offer.
fn shown(program: &Command) -> Command {
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("deeplin")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(program.get_arguments().cloned())
        .subcommands(commands.cloned())
}
