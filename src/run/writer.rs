//! The writer: takes what the workers have, and publishes it now and then and at the end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::blocks::Share;
use super::checkpoint::{Checkpoint, Left};
use super::durable::Durable;
use super::interrupt::Interrupt;
use super::open::Kept;
use super::work::Work;
use super::worker::Message;
use super::{Outcome, Progress, blocks, recording};
use crate::error::Result;
use crate::store::compaction::Compaction;
use crate::store::io::FileSystem;
use crate::store::manifest::Manifest;
use crate::store::numerics::Numerics;
use crate::store::part::{self, BlockRows, BlockTally};
use crate::store::trajectories::{Recorded, write_trajectories};
use crate::study::{Block, Study};

/// Rows that the writer keeps in memory before it publishes them whatever the time.
pub const MOST_ROWS_PENDING: usize = 200_000;

/// The same for tallies, in bytes.
pub const MOST_TALLIES_PENDING: usize = 16 << 20;

/// The same for trajectories, in bytes.
pub const MOST_TRAJECTORIES_PENDING: usize = 16 << 20;

/// How often the writer looks at the clock while no rows come.
const TICK: Duration = Duration::from_millis(100);

/// The only one that writes.
pub(super) struct Writer<'a> {
    pub(super) study: &'a Study,
    pub(super) dir: &'a Path,
    pub(super) share: Share,
    pub(super) manifest: &'a Manifest,
    pub(super) numerics: &'a Numerics,
    pub(super) fs: &'a dyn FileSystem,
    pub(super) work: Work,
    pub(super) durable: Durable,
    pub(super) pending: Pending,
    pub(super) checkpoint: Checkpoint<'a>,
    pub(super) left: &'a Left,
    pub(super) compaction: Compaction<'a>,
    pub(super) published: Instant,
}

/// What is not published yet: rows, or tallies if the study keeps no rows, and trajectories.
#[derive(Default)]
pub(super) struct Pending {
    rows: Vec<BlockRows>,
    tallies: Vec<BlockTally>,
    trajectories: Vec<Recorded>,
}

impl Pending {
    fn push(&mut self, kept: Kept) {
        match kept {
            Kept::Rows(rows) => self.rows.push(rows),
            Kept::Tally(tally, _) => self.tallies.push(tally),
        }
    }

    fn has_blocks(&self) -> bool {
        !self.rows.is_empty() || !self.tallies.is_empty()
    }

    fn is_full(&self) -> bool {
        self.rows.iter().map(|block| block.rows.len()).sum::<usize>() >= MOST_ROWS_PENDING
            || self.tallies.iter().map(BlockTally::size).sum::<usize>() >= MOST_TALLIES_PENDING
            || self.trajectories.iter().map(Recorded::bytes).sum::<usize>()
                >= MOST_TRAJECTORIES_PENDING
    }

    fn blocks(&self) -> impl Iterator<Item = Block> {
        let rows = self.rows.iter().map(|rows| rows.block);
        rows.chain(self.tallies.iter().map(|tally| tally.block))
    }

    /// Publishes the blocks, in the order of the study, so that the same rows are the same part.
    fn write_blocks(
        &mut self,
        fs: &dyn FileSystem,
        dir: &Path,
        manifest: &Manifest,
        numerics: &Numerics,
    ) -> Result<PathBuf> {
        if manifest.keeps_rows() {
            self.rows.sort_by_key(|rows| rows.block);
            part::write_part(fs, dir, manifest, numerics, &self.rows)
        } else {
            self.tallies.sort_by_key(|tally| tally.block);
            part::write_tallies(fs, dir, manifest, numerics, &self.tallies)
        }
    }
}

impl Writer<'_> {
    /// Takes rows until all workers are done, and publishes them now and then and at the end.
    pub(super) fn write_all(
        &mut self,
        messages: &Receiver<Message>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<()> {
        loop {
            match messages.recv_timeout(TICK) {
                Ok(Message::Block(block, made)) => {
                    self.take(block, made);
                    progress.update(&self.work);
                }
                Ok(Message::States(states)) => self.checkpoint.take(states),
                Ok(Message::Trajectory(recorded, made)) => {
                    let state = self.left.get(&(recorded.cell, recorded.trial, true));
                    let steps_before = state.map_or(0, |state| state.steps);
                    self.work.take_recording(recorded.cell, made, steps_before);
                    self.pending.trajectories.push(recorded);
                    progress.update(&self.work);
                }
                Err(RecvTimeoutError::Timeout) => progress.update(&self.work),
                Err(RecvTimeoutError::Disconnected) => return self.publish_last(),
            }
            // Raises the flag that the workers look at when the time is over.
            interrupt.raised();
            if self.is_due() {
                self.publish()?;
            }
        }
    }

    fn take(&mut self, kept: Kept, made: f64) {
        let block = kept.block();
        let state = |trial| self.left.get(&(block.cell, trial, false));
        let steps_before = block.trials().filter_map(state).map(|state| state.steps).sum();
        self.work.take(block, kept.counts(), made, steps_before);
        self.pending.push(kept);
    }

    fn is_due(&self) -> bool {
        let age = self.published.elapsed().as_secs_f64();
        let news = self.pending.has_blocks()
            || !self.pending.trajectories.is_empty()
            || self.checkpoint.has_changed();
        self.pending.is_full() || news && age >= self.study.storage.part_seconds
    }

    fn publish(&mut self) -> Result<()> {
        let began = Instant::now();
        if self.pending.has_blocks() {
            let dir = self.dir;
            let part = self.pending.write_blocks(self.fs, dir, self.manifest, self.numerics)?;
            let trials: u64 = self.pending.blocks().map(|block| block.count).sum();
            tracing::info!("{trials} trials are published in {}", part.display());
            for block in self.pending.blocks() {
                self.durable.rows.insert(block);
            }
            self.pending.rows.clear();
            self.pending.tallies.clear();
            self.compaction.add(part)?;
        }
        self.publish_trajectories()?;
        // After those: a state is of no use any more only when what its trial comes to is durable.
        self.checkpoint.save(&self.durable)?;
        self.published = Instant::now();
        self.work.did.storing += began.elapsed();
        Ok(())
    }

    fn publish_trajectories(&mut self) -> Result<()> {
        let mut recorded = std::mem::take(&mut self.pending.trajectories);
        if recorded.is_empty() {
            return Ok(());
        }
        recorded.sort_by_key(|recorded| (recorded.cell, recorded.trial));
        write_trajectories(self.fs, self.dir, self.manifest, self.numerics, &recorded)?;
        for Recorded { cell, trial, .. } in recorded {
            self.durable.trajectories.insert(Block { cell, first: trial, count: 1 });
        }
        Ok(())
    }

    fn publish_last(&mut self) -> Result<()> {
        self.publish()?;
        let began = Instant::now();
        self.compaction.finish()?;
        self.work.did.storing += began.elapsed();
        Ok(())
    }

    /// How the run ended.
    pub(super) fn outcome(&self) -> Outcome {
        let Durable { rows, trajectories, .. } = &self.durable;
        let share = self.share;
        let left = blocks::left(self.study, rows, share);
        let not_recorded = recording::left(self.study, trajectories, share);
        let (on_their_way, steps_on_their_way) = self.checkpoint.on_their_way();
        Outcome {
            trials_run: self.work.did.trials,
            share: self.work.trials(),
            share_left: left.map(|block| block.count).sum(),
            trajectories_run: self.work.did.trajectories,
            trajectories_left: not_recorded.count() as u64,
            on_their_way,
            steps_on_their_way,
            cells_to_tune: 0,
            cells_open: 0,
        }
    }
}
