//! `deeplin merge`.

use std::path::{Path, PathBuf};

use serde_json::json as value;

use super::{Ending, output};
use crate::store::io::Disk;
use crate::store::merge::{Merge, MergeOptions, Partial};
use crate::{Error, Result, store};

/// Put the parts of a study together into DIR/results.h5; lists what is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
results.h5 is always of all trials. While some are missing, --partial shows what is there so far, of \
each cell the trials before the first that is missing: those that end first are not a fair sample.

Examples:
  deeplin merge runs/my-study
  deeplin merge runs/my-study --json | jq .missing
  deeplin merge runs/my-study --partial
  deeplin report runs/my-study/partial.h5")]
pub(super) struct Arguments {
    /// Directory of the results
    dir: PathBuf,
    /// Merge parts that were computed by different versions, libraries or processor families, and
    /// record it in the results
    #[arg(long)]
    mixed: bool,
    /// Write what is there so far to DIR/partial.h5, over an older one, and leave results.h5 alone
    #[arg(long)]
    partial: bool,
    /// Say which file was written and what is missing as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let Arguments { dir, mixed, partial, json } = arguments;
    let print = |path: &Path| output::print(&format!("{}\n", path.display()));
    match (partial, json) {
        (false, false) => print(&write_results(dir, *mixed)?)?,
        (true, false) => print(&write_partial(dir, *mixed)?)?,
        (false, true) => {
            let merge = store::merge::merge(&Disk, dir, &MergeOptions { mixed: *mixed })?;
            output::print_json(&match &merge {
                Merge::Complete { path, .. } => {
                    value!({ "complete": true, "path": path.display().to_string() })
                }
                Merge::Incomplete { missing, .. } => {
                    value!({ "complete": false, "missing": missing })
                }
            })?;
            written(merge, dir)?;
        }
        (true, true) => {
            let Partial { path, missing, left_out, .. } =
                store::merge::merge_partial(&Disk, dir, &MergeOptions { mixed: *mixed })?;
            let complete = missing.is_nothing();
            output::print_json(&value!({
                "complete": complete, "path": path.display().to_string(), "missing": missing, "left_out": left_out,
            }))?;
        }
    }
    Ok(Ending::Done)
}

/// Writes `results.h5` of a directory whose parts are complete, and returns its path.
pub(super) fn write_results(dir: &Path, mixed: bool) -> Result<PathBuf> {
    written(store::merge::merge(&Disk, dir, &MergeOptions { mixed })?, dir)
}

/// The file that was written, or what is missing for it.
fn written(merge: Merge, dir: &Path) -> Result<PathBuf> {
    match merge {
        Merge::Complete { path, .. } => Ok(path),
        Merge::Incomplete { missing, .. } => Err(Error::content(
            dir,
            format!("not everything is there yet\n{missing}"),
            Some(format!(
                "`deeplin run STUDY.toml -o {0}` computes what is missing and merges, with the --set \
                 of before; `deeplin merge {0} --partial` shows what is there so far",
                dir.display()
            )),
        )),
    }
}

/// Writes `partial.h5` of a directory, says what it lacks, and returns its path.
fn write_partial(dir: &Path, mixed: bool) -> Result<PathBuf> {
    let Partial { path, missing, left_out, .. } =
        store::merge::merge_partial(&Disk, dir, &MergeOptions { mixed })?;
    match missing.is_nothing() {
        true => output::say(&format!(
            "all trials are there: `deeplin merge {}` writes results.h5",
            dir.display()
        )),
        false => output::say(&missing.to_string()),
    }
    if left_out > 0 {
        output::say(&format!(
            "left out: {left_out} trials that are there, but behind the first that is missing of \
             their cell (which trials end first is not random)"
        ));
    }
    Ok(path)
}
