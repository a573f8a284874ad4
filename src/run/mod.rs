//! A run: what is left of a study goes to the workers, their rows to one writer.

pub mod blocks;
mod checkpoint;
pub mod durable;
pub mod estimate;
pub mod expected;
pub mod interrupt;
mod meter;
pub mod method;
pub mod numerics;
mod observed;
mod open;
mod pilot;
mod probe;
pub mod progress;
mod rates;
pub mod recorded;
mod recording;
mod rounds;
pub mod session;
pub mod speed;
mod spread;
pub mod tallied;
pub mod tasks;
pub mod threads;
pub mod tuning;
pub mod work;
mod worker;
mod workload;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use crossbeam_channel::Receiver;
use rayon::{ThreadPool, ThreadPoolBuilder};

use self::blocks::Share;
use self::checkpoint::{Checkpoint, Left};
use self::durable::Durable;
use self::interrupt::Interrupt;
use self::meter::Meters;
pub use self::progress::{Progress, Silent};
use self::rates::Place;
use self::session::{Did, Session};
use self::work::{Process, Round, Work};
use self::worker::Message;
pub use self::writer::{MOST_ROWS_PENDING, MOST_TALLIES_PENDING, MOST_TRAJECTORIES_PENDING};
use self::writer::{Pending, Writer};
use crate::error::{Error, Result};
use crate::store::compaction::Compaction;
use crate::store::counted::scan_counted;
use crate::store::damage::set_aside;
use crate::store::io::FileSystem;
use crate::store::manifest::{Manifest, parts_dir};
use crate::store::numerics::Numerics;
use crate::store::publish::probe;
use crate::store::scan::{scan, scan_looks};
use crate::study::{Block, Study};

/// How to run.
#[derive(Debug)]
pub struct Options {
    /// Directory of the results.
    pub dir: PathBuf,
    /// Which part of the study.
    pub share: Share,
    /// Number of workers.
    pub workers: usize,
    /// Whether rows may join others that were computed with other versions, libraries or processors.
    pub mixed: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Trials that were run.
    pub trials_run: u64,
    /// Trials of the share.
    pub share: u64,
    /// Of these, the ones that are left.
    pub share_left: u64,
    /// Trials whose trajectories were recorded.
    pub trajectories_run: u64,
    /// Trajectories of the share that are left.
    pub trajectories_left: u64,
    /// Of all that is left, trials that this run has left on their way.
    pub on_their_way: u64,
    /// The steps that these have made.
    pub steps_on_their_way: u64,
    /// Cells of the share whose learning rates are still to be tuned.
    pub cells_to_tune: u64,
    /// Cells that need more trials, where what comes of trials decides how many.
    pub cells_open: u64,
}

impl Outcome {
    /// Of a run that was interrupted while it tuned the learning rates of so many cells.
    fn before_tuning(work: &Work, trajectories_left: u64, cells_to_tune: u64) -> Self {
        Self {
            trials_run: 0,
            share: work.trials(),
            share_left: work.left(),
            trajectories_run: 0,
            trajectories_left,
            on_their_way: 0,
            steps_on_their_way: 0,
            cells_to_tune,
            cells_open: 0,
        }
    }

    /// Whether the study is to be run again.
    pub fn is_unfinished(&self) -> bool {
        self.was_stopped() || self.cells_open > 0
    }

    /// Whether something is left of what the share was to do.
    fn was_stopped(&self) -> bool {
        self.share_left > 0 || self.trajectories_left > 0 || self.cells_to_tune > 0
    }

    /// This and what came after it.
    fn and(self, next: Self) -> Self {
        Self {
            trials_run: self.trials_run + next.trials_run,
            trajectories_run: self.trajectories_run + next.trajectories_run,
            ..next
        }
    }
}

/// Runs what is missing of `study` in the directory of `options`, until it is done or `interrupt` is
/// raised. BLAS must have been prepared for as many workers.
///
/// # Errors
/// Those of storage; everything published before one is kept. The first one ends the run, and nothing
/// more is published: a system that failed to make bytes durable must not be asked again.
///
/// # Panics
/// If a worker panics, which is a bug.
pub fn run(
    study: &Study,
    options: &Options,
    numerics: &Numerics,
    fs: &dyn FileSystem,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<Outcome> {
    let manifest = manifest(study);
    manifest.establish(fs, &options.dir)?;
    session::clean(fs, &options.dir)?;
    let process = Process {
        share: options.share,
        workers: options.workers,
        meters: Arc::default(),
        begun: Instant::now(),
        did: Did::default(),
    };
    let pool = pool(options.workers)?;
    let mut run =
        Run { study, options, numerics, fs, interrupt, progress, manifest, pool, process };
    let began = SystemTime::now();
    let outcome = match study.is_adaptive() {
        false => run.once(study, options.share, Round::default()),
        true => rounds::run(&mut run),
    };
    progress.end();
    let outcome = outcome?;
    let did = run.process.did;
    if did.trials > 0 || did.trajectories > 0 {
        let share = options.share.to_string();
        Session::of_this_process(began, &share, options.workers, &did).record(fs, &options.dir)?;
    }
    Ok(outcome)
}

/// What a run works with.
struct Run<'a> {
    study: &'a Study,
    options: &'a Options,
    numerics: &'a Numerics,
    fs: &'a dyn FileSystem,
    interrupt: &'a Interrupt,
    progress: &'a dyn Progress,
    manifest: Manifest,
    pool: ThreadPool,
    process: Process,
}

impl Run<'_> {
    /// Runs what is missing of the trials that the cells of `study` are to have, and of trajectories, of
    /// this share.
    fn once(&mut self, study: &Study, share: Share, round: Round) -> Result<Outcome> {
        let Self { options, fs, manifest, .. } = &*self;
        let (found, counted) =
            scan_counted(*fs, &options.dir, manifest, &blocks::samples(study, share))?;
        tracing::info!(
            "in {}: trials {}, parts {}",
            options.dir.display(),
            found.coverage.total(),
            found.parts.len()
        );
        found.damaged.iter().for_each(|part| set_aside(*fs, part, manifest));
        let blocks = || blocks::left(study, &found.coverage, share);
        let recordings = || recording::left(study, &found.trajectories, share);
        if blocks().next().is_some() || recordings().next().is_some() {
            if !options.mixed {
                refuse_others(&found.numerics, self.numerics)?;
            }
            probe(*fs, &parts_dir(&options.dir))?;
            Compaction::new(*fs, &options.dir, manifest)
                .adopt(found.parts.iter().filter(|part| falls_to(share, part)).cloned())?;
        }
        let process = Process { share, ..self.process.clone() };
        let mut work = Work::new(study, manifest, process, counted, &found.trajectories);
        work.set_round(round, study);
        let place = Place { fs: *fs, options, share, manifest, numerics: self.numerics };
        let tuned = rates::tuned(study, &place, &self.pool, self.interrupt, self.progress)?;
        if tuned.left > 0 {
            return Ok(Outcome::before_tuning(&work, recordings().count() as u64, tuned.left));
        }
        let task = Task { study: &tuned.study, share, durable: Durable::of(&found), work };
        let queues = Queues { blocks: Mutex::new(blocks()), recordings: Mutex::new(recordings()) };
        let (outcome, did) = self.compute(task, &queues)?;
        self.process.did.add(&did);
        Ok(outcome)
    }

    /// Computes what is in the queues and publishes it; how far that came, and what was done.
    fn compute(
        &self,
        task: Task<'_>,
        queues: &Queues<
            impl Iterator<Item = Block> + Send,
            impl Iterator<Item = (usize, u64)> + Send,
        >,
    ) -> Result<(Outcome, Did)> {
        let Self { options, numerics, fs, interrupt, progress, manifest, .. } = self;
        let Task { study, share, durable, mut work } = task;
        let (checkpoint, left) =
            Checkpoint::open(*fs, &options.dir, study, manifest, numerics, &durable)?;
        work.begin(&left, study);
        let mut writer = Writer {
            study,
            dir: &options.dir,
            share,
            manifest,
            numerics,
            fs: *fs,
            work,
            durable,
            pending: Pending::default(),
            checkpoint,
            left: &left,
            compaction: Compaction::new(*fs, &options.dir, manifest),
            published: Instant::now(),
        };
        progress.begin(&writer.work);
        let crew = Crew { pool: &self.pool, meters: &self.process.meters, interrupt };
        let written = compute(study, &left, queues, &crew, |messages| {
            writer.write_all(&messages, interrupt, *progress)
        });
        written?;
        Ok((writer.outcome(), writer.work.did))
    }
}

/// What is to be computed at a time.
struct Task<'a> {
    study: &'a Study,
    share: Share,
    durable: Durable,
    work: Work,
}

/// What a directory of results says of `study`.
fn manifest(study: &Study) -> Manifest {
    let sizes = || study.cells.iter().map(|cell| blocks::size(cell, &study.storage)).collect();
    let block_sizes = (!study.storage.rows).then(sizes);
    Manifest::from_study(study, numerics::kernels(study), block_sizes)
}

/// Whether a part that was found is for this share to compact: by its name, which is a hash, so that
/// the processes of an array that begin together do not do the same work.
fn falls_to(share: Share, part: &Path) -> bool {
    let name = part.file_name().and_then(|name| name.to_str()).and_then(|name| name.get(..15));
    name.and_then(|digits| u64::from_str_radix(digits, 16).ok()).is_some_and(|n| share.takes(n))
}

/// What the directory `dir` holds of `study` already; writes nothing.
///
/// # Errors
/// Those that keep [`run`] from continuing there.
pub fn found(
    study: &Study,
    dir: &Path,
    numerics: &Numerics,
    fs: &dyn FileSystem,
) -> Result<Durable> {
    let manifest = manifest(study);
    let found = scan(fs, dir, &manifest)?;
    let mut durable = Durable::of(&found);
    if study.is_adaptive() {
        durable.standings = scan_looks(fs, dir, &manifest)?.standings();
    }
    let study = &*rounds::at_most(study, &durable.standings);
    if blocks::left(study, &durable.rows, Share::WHOLE).next().is_some()
        || recorded::left(study, &durable.trajectories) > 0
    {
        refuse_others(&found.numerics, numerics)?;
    }
    Ok(durable)
}

/// Refuses to continue what was computed with other numerics: its end would be refused by `merge`.
fn refuse_others(found: &[(Numerics, PathBuf)], numerics: &Numerics) -> Result<()> {
    match found.iter().find(|(theirs, _)| theirs != numerics) {
        None => Ok(()),
        Some((theirs, file)) => Err(Error::content(
            file,
            format!("was computed differently: {}", theirs.differences(numerics)),
            Some(
                "continue with the program and on a machine like the one before, begin anew in another \
                 directory (-o), or allow both kinds of rows in one result with --mixed, which the \
                 result records"
                    .to_owned(),
            ),
        )),
    }
}

/// The threads of the workers.
pub(crate) fn pool(workers: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(workers)
        .thread_name(|i| format!("worker-{i}"))
        .build()
        .map_err(|error| Error::Environment {
            message: format!("cannot start {workers} workers: {error}"),
            help: Some("ask for fewer with `--threads`".to_owned()),
        })
}

/// What there is to do, shared by the workers: first the blocks, then the trials to be recorded.
struct Queues<B, R> {
    blocks: Mutex<B>,
    recordings: Mutex<R>,
}

/// The next thing of a queue.
fn next_of<T>(queue: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// The workers of a process.
struct Crew<'a> {
    pool: &'a ThreadPool,
    meters: &'a Meters,
    interrupt: &'a Interrupt,
}

/// Works on the threads of the `crew`; `write` gets what they have on this one. If it fails, the workers are
/// stopped.
fn compute(
    study: &Study,
    left: &Left,
    queues: &Queues<impl Iterator<Item = Block> + Send, impl Iterator<Item = (usize, u64)> + Send>,
    crew: &Crew<'_>,
    write: impl FnOnce(Receiver<Message>) -> Result<()>,
) -> Result<()> {
    let Crew { pool, meters, interrupt } = *crew;
    let workers = pool.current_num_threads();
    // Bounded, so that slow storage slows the workers instead of filling the memory.
    let (sender, receiver) = crossbeam_channel::bounded(4 * workers);
    pool.in_place_scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(move |_| {
                let (blocks, recordings) =
                    (|| next_of(&queues.blocks), || next_of(&queues.recordings));
                worker::work(study, left, blocks, interrupt, &sender, &meters.trials);
                recording::work(study, left, recordings, interrupt, &sender, &meters.recordings);
            });
        }
        drop(sender);
        write(receiver).inspect_err(|_| interrupt.raise())
    })
}

#[cfg(test)]
mod tests;
