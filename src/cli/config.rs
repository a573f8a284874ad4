//! `deeplin config`.

use super::{Ending, output};
use crate::{Result, config};

/// Print the documented default configuration: every key, its meaning and what it may be
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin config > my-study.toml
  deeplin config | less")]
pub(super) struct Arguments {}

pub(super) fn main(_: &Arguments) -> Result<Ending> {
    output::print(config::DEFAULT)?;
    Ok(Ending::Done)
}
