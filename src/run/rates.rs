//! The learning rates that a study tunes: found before its trials run, shared by all its processes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::blocks::{self, Share};
use super::interrupt::Interrupt;
use super::tuning::tune;
use super::{Options, Progress, recording, refuse_others};
use crate::error::Result;
use crate::store::coverage::Coverage;
use crate::store::io::FileSystem;
use crate::store::manifest::Manifest;
use crate::store::numerics::Numerics;
use crate::store::rates::{Rates, clean, read_rates, write_rates};
use crate::study::Study;

/// How often the clock is looked at while no rate comes.
const TICK: Duration = Duration::from_millis(100);

/// Rates are published when so much time has passed, and this part of what the tuning has taken: soon, for
/// the other processes, and still in few files.
const SHARED_AFTER: Duration = Duration::from_secs(5);
const SHARED_PART: u32 = 10;

/// A study whose cells have their learning rates.
pub(super) struct Tuned<'a> {
    /// The study.
    pub(super) study: Cow<'a, Study>,
    /// Cells whose rates are still to be found: the run was interrupted.
    pub(super) left: u64,
}

/// Where rates are kept, and what they are found with.
pub(super) struct Place<'a> {
    pub(super) fs: &'a dyn FileSystem,
    pub(super) options: &'a Options,
    /// What is about to be computed, not always what the process was started for.
    pub(super) share: Share,
    pub(super) manifest: &'a Manifest,
    pub(super) numerics: &'a Numerics,
}

/// Finds the learning rates that the cells of the share need, on the workers of `pool`, but for those
/// that are there already.
///
/// # Errors
/// Those of storage, and if rates were found with other numerics.
pub(super) fn tuned<'a>(
    study: &'a Study,
    place: &Place<'_>,
    pool: &ThreadPool,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<Tuned<'a>> {
    if study.cells.iter().all(|cell| cell.tuning.is_none()) {
        return Ok(Tuned { study: Cow::Borrowed(study), left: 0 });
    }
    let dir = &place.options.dir;
    let found = read_rates(place.fs, dir, place.manifest)?;
    clean(place.fs, dir, &found.damaged)?;
    let needed = needed(study, place.share);
    let mut rates = found.rates;
    if needed.iter().any(|cell| !rates.contains_key(cell)) {
        if !place.options.mixed {
            refuse_others(&found.numerics, place.numerics)?;
        }
        find(study, place, &needed, &mut rates, pool, interrupt, progress)?;
    }
    let mut study = study.clone();
    for (&cell, &rate) in &rates {
        study.cells[cell].learning_rate = rate;
    }
    let left = needed.iter().filter(|cell| !rates.contains_key(cell)).count() as u64;
    if left == 0 {
        warn_of_ends(&study, &needed);
    }
    Ok(Tuned { study: Cow::Owned(study), left })
}

/// The cells of the share whose rates are tuned, those of trials that it records included, in the order in
/// which it finds them: not all shares begin with the same.
fn needed(study: &Study, share: Share) -> Vec<usize> {
    let nothing = Coverage::new(study.cells.len());
    let recorded = recording::left(study, &nothing, share).map(|(cell, _)| cell);
    let cells: BTreeSet<usize> = blocks::left(study, &nothing, share)
        .map(|block| block.cell)
        .chain(recorded)
        .filter(|&cell| study.cells[cell].tuning.is_some())
        .collect();
    let mut cells: Vec<usize> = cells.into_iter().collect();
    let begin = share.place(cells.len());
    cells.rotate_left(begin);
    cells
}

/// Finds what is missing of `rates`, until all is there or the run is interrupted.
fn find(
    study: &Study,
    place: &Place<'_>,
    needed: &[usize],
    rates: &mut Rates,
    pool: &ThreadPool,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<()> {
    let known = Mutex::new(rates.clone());
    let count = |rates: &Rates| needed.iter().filter(|cell| rates.contains_key(cell)).count();
    let (begin, mut shared, mut new) = (Instant::now(), Instant::now(), Rates::new());
    progress.tuning(count(rates), needed.len());
    let (sender, receiver) = crossbeam_channel::unbounded();
    pool.in_place_scope(|scope| {
        scope.spawn(|_| search(study, needed, &known, interrupt, sender));
        loop {
            // Looks at the clock.
            interrupt.raised();
            let message = receiver.recv_timeout(TICK);
            if let Ok((cell, rate)) = message {
                new.insert(cell, rate);
                rates.insert(cell, rate);
                progress.tuning(count(rates), needed.len());
            }
            let done = message == Err(RecvTimeoutError::Disconnected);
            let is_due = shared.elapsed() > SHARED_AFTER.max(begin.elapsed() / SHARED_PART);
            if (done || is_due) && !new.is_empty() {
                share(place, &mut new, rates).inspect_err(|_| interrupt.raise())?;
                shared = Instant::now();
                if let Ok(mut known) = known.lock() {
                    known.clone_from(rates);
                }
            }
            if done {
                return Ok(());
            }
        }
    })
}

/// Finds the rates of the cells that are not `known` by then, on the pool that it is called on.
fn search(
    study: &Study,
    needed: &[usize],
    known: &Mutex<Rates>,
    interrupt: &Interrupt,
    sender: Sender<(usize, f64)>,
) {
    needed.par_iter().for_each_with(sender, |sender, &cell| {
        let is_known = known.lock().is_ok_and(|known| known.contains_key(&cell));
        // A run whose time is over begins no cell.
        if !is_known
            && !interrupt.raised()
            && let Some(rate) = tune(study.seed, &study.cells[cell], interrupt.flag())
        {
            // The receiver is gone if storage failed: that error is on its way.
            let _ = sender.send((cell, rate));
        }
    });
}

/// Publishes the new rates, and takes what others have published.
fn share(place: &Place<'_>, new: &mut Rates, rates: &mut Rates) -> Result<()> {
    let dir: &Path = &place.options.dir;
    write_rates(place.fs, dir, place.manifest, place.numerics, &std::mem::take(new))?;
    rates.extend(read_rates(place.fs, dir, place.manifest)?.rates);
    Ok(())
}

/// Says of how many cells the best rate may lie outside the grid.
fn warn_of_ends(study: &Study, cells: &[usize]) {
    let is_at_end = |&&cell: &&usize| {
        let cell = &study.cells[cell];
        let rates = cell.tuning.as_ref().map_or(&[][..], |tuning| &tuning.rates);
        rates.len() > 1
            && (rates.first() == Some(&cell.learning_rate)
                || rates.last() == Some(&cell.learning_rate))
    };
    let at_end: Vec<&usize> = cells.iter().filter(is_at_end).collect();
    if let Some(first) = at_end.first() {
        tracing::warn!(
            "the best learning rate is at an end of descent.tuning_rates in {} of {} cells, for instance \
             in cell {first}: better ones may lie beyond",
            at_end.len(),
            cells.len()
        );
    }
}
