//! A whole run, with merging, on a file system that fails at every call in turn.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use rustix::io::Errno;

use crate::config::parse;
use crate::error::{Error, Result};
use crate::run::blocks::Share;
use crate::run::interrupt::Interrupt;
use crate::run::{Options, Silent, next_of, run};
use crate::store::manifest::{Manifest, parts_dir};
use crate::store::merge::{Merge, MergeOptions, merge};
use crate::store::rates::rates_dir;
use crate::store::simulated::{Call, Fault, Simulated, can_merge};
use crate::store::states::states_dir;
use crate::store::trajectories::trajectories_dir;
use crate::store::{FileSystem, Numerics, results, scan};
use crate::study::Study;

/// Of each of two cells: enough parts for compaction.
const TRIALS: u64 = 9;

/// A part for every trial, and states of all of them: they are looked at every 5040 steps, and kept the
/// second time. The first one of each cell is recorded, and kept every time.
const STUDY: &str = "name = \"faults\"\n[network]\ninput = 1\nhidden = 1\noutput = 1\n\
                     depth = 2\n[descent]\nlearning_rate = 1e-6\nmax_steps = 11000\n[stop]\nladder = [0.1]\n[record]\n\
                     trajectory = { trials = 1, points = 2, spectra = false }\n[store]\nblock = 1\n\
                     part_seconds = 1e-9\n[sweep]\n\"init.std\" = [0.1, 0.5]";

pub(super) const DIR: &str = "runs/faults";

pub(super) fn study(trials: u64) -> Study {
    parse("study.toml", STUDY, &[format!("trials={trials}")], Path::new("")).unwrap()
}

/// Runs the study and merges.
pub(super) fn complete(study: &Study, fs: &Simulated) -> Result<()> {
    compute(study, fs)?;
    put_together(fs)
}

/// Runs the study.
pub(super) fn compute(study: &Study, fs: &Simulated) -> Result<()> {
    // One worker, so that the calls are the same ones every time.
    let options = Options { dir: DIR.into(), share: Share::WHOLE, workers: 1, mixed: false };
    let interrupt = Interrupt::new(None);
    let outcome = run(study, &options, &Numerics::default(), fs, &interrupt, &Silent)?;
    assert_eq!((outcome.share_left, outcome.trajectories_left), (0, 0));
    Ok(())
}

/// Merges, where that can be done on this file system.
fn put_together(fs: &Simulated) -> Result<()> {
    if !can_merge() {
        return Ok(());
    }
    match merge(fs, Path::new(DIR), &MergeOptions { mixed: false })? {
        Merge::Complete { .. } => Ok(()),
        Merge::Incomplete { missing, .. } => panic!("{missing}"),
    }
}

/// The results, or where they cannot be merged here, what there is instead of them.
pub(super) fn results(fs: &Simulated) -> Option<Vec<u8>> {
    fs.read(&Path::new(DIR).join(results::FILE)).ok()
}

/// That every file with a final name is whole.
fn assert_whole(fs: &Simulated, expected: Option<&Vec<u8>>, context: &str) {
    if let Ok(manifest) = Manifest::read(fs, Path::new(DIR)) {
        let scan = scan(fs, Path::new(DIR), &manifest).unwrap();
        assert!(scan.damaged.is_empty(), "{context}: {:?}", scan.damaged);
    }
    if let Some(there) = results(fs) {
        assert!(Some(&there) == expected, "{context}: other results");
    }
}

/// That a new process finishes what is left to the same bytes and leaves nothing behind.
fn assert_recovers(study: &Study, fs: &Simulated, expected: Option<&Vec<u8>>, context: &str) {
    assert_whole(fs, expected, context);
    complete(study, fs).unwrap_or_else(|e| panic!("{context}: then {e}"));
    assert!(results(fs).as_ref() == expected, "{context}: other results in the end");
    let dir = Path::new(DIR);
    let [parts, states, traced] = [parts_dir, states_dir, trajectories_dir].map(|of| of(dir));
    for dir in [dir.to_owned(), parts, states, traced, dir.join("sessions")] {
        // No sessions, if all that was left to do was merging.
        let names = fs.list(&dir).unwrap_or_default();
        let left = |name: &String| name.ends_with(".tmp") || name.ends_with(".states");
        assert!(!names.iter().any(left), "{context}: {names:?}");
    }
}

/// That a run either failed with the error of the file system, or got over it.
fn assert_told(ended: &Result<()>, errno: Errno, context: &str) {
    match ended {
        Ok(()) => {}
        Err(Error::Storage { source, path, .. }) => {
            assert_eq!(source.raw_os_error(), Some(errno.raw_os_error()), "{context}");
            let message = ended.as_ref().unwrap_err().to_string();
            assert!(message.contains(&path.display().to_string()), "{context}: {message}");
        }
        Err(other) => panic!("{context}: {other}"),
    }
}

/// What a run does undisturbed: its calls, and its results.
fn undisturbed(study: &Study, leaves: &dyn Fn(&Path) -> PathBuf) -> (Vec<Call>, Option<Vec<u8>>) {
    let fs = Simulated::default();
    complete(study, &fs).unwrap();
    let calls = fs.calls();
    let kept = leaves(Path::new(DIR));
    assert!(fs.list(&kept).is_ok(), "{} was there on the way", kept.display());
    (calls, results(&fs))
}

#[test]
fn an_error_of_any_call_is_told_and_nothing_is_lost() {
    let codes = [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::INTR];
    assert_errors_are_told(&study(TRIALS), &states_dir, &codes);
}

/// The same of the files of learning rates that are tuned.
#[test]
fn an_error_while_rates_are_tuned_is_told_and_nothing_is_lost() {
    let sets = ["trials=1", "descent.learning_rate=tuned", "descent.max_steps=40"];
    let study = parse("study.toml", STUDY, &sets.map(str::to_owned), Path::new("")).unwrap();
    assert_errors_are_told(&study, &rates_dir, &[Errno::IO]);
}

/// Runs the study with a fault at every one of the calls that an undisturbed run makes, which makes the
/// directory that it `leaves`.
///
/// On threads of its own: one of a pool that waits for a run, which has a pool itself, begins another run
/// on top of it, until its stack is full.
fn assert_errors_are_told(study: &Study, leaves: &dyn Fn(&Path) -> PathBuf, codes: &[Errno]) {
    let (calls, expected) = undisturbed(study, leaves);
    let calls = Mutex::new(calls.into_iter().enumerate());
    let work = || {
        while let Some((at, call)) = next_of(&calls) {
            assert_errors_of_a_call_are_told(study, at, call, expected.as_ref(), codes);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}

/// The same at the call that is made as number `at`.
fn assert_errors_of_a_call_are_told(
    study: &Study,
    at: usize,
    call: Call,
    expected: Option<&Vec<u8>>,
    codes: &[Errno],
) {
    let kinds: &[fn(Errno) -> Fault] = match call {
        Call::Write => &[Fault::Once, Fault::Lasting, Fault::Short],
        _ => &[Fault::Once, Fault::Lasting],
    };
    let faults = kinds.iter().flat_map(|kind| codes.iter().map(|&code| (code, kind(code))));
    for (errno, fault) in faults {
        let context = format!("{fault:?} at call {at}, {call:?}");
        let fs = Simulated::default().failing(at, fault);
        let ended = complete(study, &fs);
        assert_told(&ended, errno, &context);
        assert!(ended.is_err() || matches!(fault, Fault::Once(_)), "{context}: not noticed");
        assert!(fs.offences().is_empty(), "{context}: {:?}", fs.offences());
        assert_recovers(study, &fs.restarted(), expected, &context);
    }
}

#[test]
fn a_power_cut_after_any_call_loses_nothing_that_was_published() {
    let study = study(TRIALS);
    let (calls, expected) = undisturbed(&study, &states_dir);
    for at in 0..calls.len() {
        let fs = Simulated::default().failing(at, Fault::PowerCut);
        let ended = complete(&study, &fs);
        let (made, of) = (fs.calls().len(), calls.len());
        assert!(ended.is_err(), "cut before call {at} of {of}: not noticed, {made} calls made");
        for seed in 0..2 {
            let context = format!("cut before call {at}, seed {seed}");
            let seed = 2 * at as u64 + seed;
            assert_recovers(&study, &fs.after_power_cut(seed), expected.as_ref(), &context);
        }
    }
}
