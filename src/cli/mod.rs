//! The command line: one file a command. The only room that prints, results to stdout and everything
//! else to stderr.

mod apart;
mod compare;
mod completions;
mod config;
mod doctor;
mod export;
mod man;
mod merge;
mod output;
mod pins;
mod place;
mod plan;
mod plot;
mod processor;
mod progress;
mod rare;
mod report;
mod run;
mod screen;
mod tasks;
mod times;
mod trace;
mod transition;
mod tuned;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use self::output::Verbosity;
use crate::foreign::apart::{COMMAND, use_program};
use crate::run::interrupt::{STOPPED, outlive_file_size_limit};
use crate::{Error, Result, suggest};

/// How likely is gradient descent on a deep linear network to reach a global minimum?
///
/// deeplin runs very many independent random starts of every cell of a sweep, estimates the
/// probability of convergence with honest intervals, and stores every trial in HDF5.
#[derive(Debug, Parser)]
#[command(name = "deeplin", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  deeplin run configs/quickstart.toml        run a study, or continue it
  deeplin plan configs/quickstart.toml       what it takes: time, memory, disk
  deeplin watch runs/quickstart              how far it is, from elsewhere
  deeplin report runs/quickstart/results.h5  its table again
  deeplin config > my-study.toml             every key, documented

Exit status: 0 done, 2 bad usage or configuration, 3 storage, 4 unsafe environment, 75 stopped early \
(run again to continue), 101 a bug.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Plan(plan::Arguments),
    Watch(watch::Arguments),
    Merge(merge::Arguments),
    Report(report::Arguments),
    Plot(plot::Arguments),
    Export(export::Arguments),
    Compare(compare::Arguments),
    Transition(transition::Arguments),
    Times(times::Arguments),
    Trace(trace::Arguments),
    Rare(rare::Arguments),
    Doctor(doctor::Arguments),
    Config(config::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    #[command(name = COMMAND, hide = true)]
    Apart(apart::Arguments),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// All was done.
    Done,
    /// Stopped early; running again continues.
    Stopped,
    /// The environment was found unsafe.
    Unsafe,
}

/// Runs the program on the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| suggesting(error).exit());
    output::set_up(arguments.verbosity);
    if let Err(error) = outlive_file_size_limit() {
        tracing::warn!("cannot listen to the limit for the size of files: {error}");
    }
    find_itself();
    let ending = match &arguments.command {
        Command::Run(arguments) => run::main(arguments).map_err(Error::of_a_run),
        Command::Plan(arguments) => plan::main(arguments),
        Command::Watch(arguments) => watch::main(arguments),
        Command::Merge(arguments) => merge::main(arguments),
        Command::Report(arguments) => report::main(arguments),
        Command::Plot(arguments) => plot::main(arguments),
        Command::Export(arguments) => export::main(arguments),
        Command::Compare(arguments) => compare::main(arguments),
        Command::Transition(arguments) => transition::main(arguments),
        Command::Times(arguments) => times::main(arguments),
        Command::Trace(arguments) => trace::main(arguments),
        Command::Rare(arguments) => rare::main(arguments),
        Command::Doctor(arguments) => doctor::main(arguments),
        Command::Config(arguments) => config::main(arguments),
        Command::Completions(arguments) => completions::main(arguments),
        Command::Man(arguments) => man::main(arguments),
        Command::Apart(arguments) => apart::main(arguments),
    };
    finish(ending)
}

/// The error of an unknown command with those that are near, swapped letters included; others as they are.
fn suggesting(mut error: clap::Error) -> clap::Error {
    let program = Arguments::command();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) {
        let near = suggest::nearest(word, shown.map(clap::Command::get_name));
        let near = near.into_iter().map(str::to_owned).collect::<Vec<_>>();
        // Those of clap may be hidden.
        error.remove(ContextKind::SuggestedSubcommand);
        if !near.is_empty() {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
        }
    }
    error
}

/// Lets foreign HDF5 be read by other processes of this program.
fn find_itself() {
    // Right even if the file has been replaced since.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() };
    if let Ok(program) = program {
        use_program(program);
    }
}

/// The exit status, after the message of an error.
fn finish(ending: Result<Ending>) -> ExitCode {
    match ending {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Stopped) => ExitCode::from(STOPPED),
        Ok(Ending::Unsafe) => ExitCode::from(4),
        Err(error) => {
            let code = error.exit_code();
            output::error(error);
            ExitCode::from(code)
        }
    }
}
