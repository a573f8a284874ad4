//! `deeplin merge`.

use std::path::{Path, PathBuf};

use super::{Ending, output};
use crate::stats::proportion::clopper_pearson;
use crate::store::io::Disk;
use crate::store::merge::{Merge, MergeOptions};
use crate::store::summary::IntervalMethod;
use crate::{Error, Result, store};

/// Confidence level of the intervals in `results.h5`.
const LEVEL: f64 = 0.95;

/// Put the parts of a study together into DIR/results.h5; lists what is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deeplin merge runs/my-study")]
pub(super) struct Arguments {
    /// Directory of the results
    dir: PathBuf,
    /// Merge parts that were computed by different versions, libraries or processor families, and
    /// record it in the results
    #[arg(long)]
    mixed: bool,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let results = write_results(&arguments.dir, arguments.mixed)?;
    output::print(&format!("{}\n", results.display()))?;
    Ok(Ending::Done)
}

/// Writes `results.h5` of a directory whose parts are complete, and returns its path.
pub(super) fn write_results(dir: &Path, mixed: bool) -> Result<PathBuf> {
    let bounds = |converged, trials| {
        let interval = clopper_pearson(converged, trials, LEVEL);
        (interval.lower, interval.upper)
    };
    let interval = IntervalMethod { method: "Clopper-Pearson", level: LEVEL, bounds: &bounds };
    match store::merge::merge(&Disk, dir, &MergeOptions { mixed, interval })? {
        Merge::Complete { path, .. } => Ok(path),
        Merge::Incomplete { missing, .. } => Err(Error::content(
            dir,
            format!("not all trials are there yet\n{missing}"),
            Some("run the study again to compute what is missing, then merge".to_owned()),
        )),
    }
}
