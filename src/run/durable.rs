//! What a directory of results holds of a study.

use super::checkpoint::Trial;
use crate::store::allotment::Standing;
use crate::store::coverage::Coverage;
use crate::store::manifest::Manifest;
use crate::store::scan::Scan;
use crate::study::Study;

/// What is in files.
#[derive(Debug, Clone)]
pub struct Durable {
    /// Trials whose rows are.
    pub rows: Coverage,
    /// Trials whose trajectories are.
    pub trajectories: Coverage,
    /// How each cell stands, where what comes of trials decides how many it has; empty where it does not, or
    /// where that was not asked for.
    pub standings: Vec<Standing>,
}

impl Durable {
    /// Nothing of a study.
    pub fn nothing(study: &Study) -> Self {
        let nothing = Coverage::new(study.cells.len());
        Self { rows: nothing.clone(), trajectories: nothing, standings: Vec::new() }
    }

    /// What was found.
    pub(super) fn of(found: &Scan) -> Self {
        Self {
            rows: found.coverage.clone(),
            trajectories: found.trajectories.clone(),
            standings: Vec::new(),
        }
    }

    /// Whether a trial is over.
    pub(super) fn holds(&self, (cell, trial, recorded): Trial) -> bool {
        let of = if recorded { &self.trajectories } else { &self.rows };
        of.holds(cell, trial)
    }

    /// Whether everything is there.
    pub(super) fn is_complete(&self, manifest: &Manifest) -> bool {
        let traced = manifest.trajectories.map_or(0, |rule| rule.trials);
        self.rows.is_complete(manifest.trials) && self.trajectories.is_complete(traced)
    }
}
