//! Checkpoints: where the trials are that are on their way, so that long ones go on from there.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::durable::Durable;
use super::recording;
use crate::descent;
use crate::error::{Error, Result};
use crate::store::io::FileSystem;
use crate::store::manifest::Manifest;
use crate::store::numerics::Numerics;
use crate::store::states::{read_states, write_states};
use crate::study::{Study, TrialState};

/// Cell and number of a trial, and whether it is run to be recorded.
pub(super) type Trial = (usize, u64, bool);

/// Which trial a state is of.
pub(super) fn trial(state: &TrialState) -> Trial {
    (state.cell, state.trial, state.recorded.is_some())
}

/// Trials that earlier processes have left on their way.
pub(super) type Left = HashMap<Trial, TrialState>;

/// Keeps the states of one process on disk.
///
/// There is one file of its own at a time, with all its trials. A file, also of another process, is
/// removed when each of its trials is in a durable part, or in this process's durable file and no
/// earlier there: so what was reached once is never lost, and two processes that go on from the same
/// states do no harm to each other.
pub(super) struct Checkpoint<'a> {
    fs: &'a dyn FileSystem,
    dir: &'a Path,
    manifest: &'a Manifest,
    numerics: &'a Numerics,
    /// The trials of this process that have not ended.
    states: BTreeMap<Trial, TrialState>,
    /// Whether `states` holds what the file of this process does not.
    changed: bool,
    /// The file of this process that holds `states`, but for what has changed.
    newest: Option<StatesFile>,
    /// The files before it, and those of earlier processes.
    older: Vec<StatesFile>,
}

/// A file of states.
struct StatesFile {
    path: PathBuf,
    /// Its trials and their steps.
    trials: BTreeMap<Trial, u64>,
}

impl<'a> Checkpoint<'a> {
    /// Of the directory `dir`, and what can be gone on from there.
    ///
    /// # Errors
    /// Those of storage.
    pub(super) fn open(
        fs: &'a dyn FileSystem,
        dir: &'a Path,
        study: &Study,
        manifest: &'a Manifest,
        numerics: &'a Numerics,
        durable: &Durable,
    ) -> Result<(Self, Left)> {
        let mut left = Left::new();
        let mut older = Vec::new();
        for (path, states) in read_states(fs, dir, manifest, numerics)? {
            older.push(StatesFile::new(path, &states));
            for state in states {
                let trial = trial(&state);
                let cell = study.cells.get(state.cell).filter(|_| state.trial < study.trials);
                let fits = |cell| {
                    descent::fits(&state, cell, study.ladder.len())
                        && recording::fits(&state, cell, study.record)
                };
                if !cell.is_some_and(fits) || durable.holds(trial) {
                    continue;
                }
                if left.get(&trial).is_none_or(|known| known.steps < state.steps) {
                    left.insert(trial, state);
                }
            }
        }
        let states = BTreeMap::new();
        let (changed, newest) = (false, None);
        Ok((Self { fs, dir, manifest, numerics, states, changed, newest, older }, left))
    }

    /// Takes where trials are now.
    pub(super) fn take(&mut self, states: Vec<TrialState>) {
        self.changed |= !states.is_empty();
        self.states.extend(states.into_iter().map(|state| (trial(&state), state)));
    }

    /// How many trials have not ended, and the steps that they have made.
    pub(super) fn on_their_way(&self) -> (u64, u64) {
        let steps = self.states.values().map(|state| state.steps).sum();
        (self.states.len() as u64, steps)
    }

    /// Whether there is something to save.
    pub(super) fn has_changed(&self) -> bool {
        self.changed
    }

    /// Makes the states of trials that are not over durable, and removes what is superseded.
    ///
    /// # Errors
    /// Those of storage.
    pub(super) fn save(&mut self, durable: &Durable) -> Result<()> {
        self.states.retain(|&trial, _| !durable.holds(trial));
        if std::mem::take(&mut self.changed) && !self.states.is_empty() {
            let states: Vec<&TrialState> = self.states.values().collect();
            let path = write_states(self.fs, self.dir, self.manifest, self.numerics, &states)?;
            tracing::debug!("{} trials on their way are kept in {}", states.len(), path.display());
            self.older.retain(|file| file.path != path);
            self.older.extend(self.newest.take().filter(|file| file.path != path));
            self.newest = Some(StatesFile::new(path, self.states.values()));
        }
        let is_over = |file: &StatesFile| file.trials.keys().all(|&trial| durable.holds(trial));
        self.older.extend(self.newest.take_if(|file| is_over(file)));
        self.remove_superseded(durable)
    }

    fn remove_superseded(&mut self, durable: &Durable) -> Result<()> {
        let complete = durable.is_complete(self.manifest);
        let superseded =
            |file: &mut StatesFile| complete || file.is_superseded(&self.states, durable);
        for StatesFile { path, .. } in self.older.extract_if(.., superseded) {
            match self.fs.remove(&path) {
                // Another process has seen it too.
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    return Err(Error::storage("remove", &path)(e));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl StatesFile {
    fn new<'s>(path: PathBuf, states: impl IntoIterator<Item = &'s TrialState>) -> Self {
        let steps = |state: &TrialState| (trial(state), state.steps);
        Self { path, trials: states.into_iter().map(steps).collect() }
    }

    /// Whether each of its trials is over or durable at no earlier step in `states`. One of no use to
    /// this process has no trials and is left alone.
    fn is_superseded(&self, states: &BTreeMap<Trial, TrialState>, durable: &Durable) -> bool {
        !self.trials.is_empty()
            && self.trials.iter().all(|(trial, steps)| {
                durable.holds(*trial)
                    || states.get(trial).is_some_and(|state| state.steps >= *steps)
            })
    }
}
