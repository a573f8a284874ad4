//! Who computed what, when and how fast: `run.json`, which decides no byte of the results.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::store::io::{FileSystem, read_at_most};
use crate::store::publish::{self, publish_replacing, sweep};

/// The file that gathers all sessions of a directory.
pub const FILE: &str = "run.json";
/// The directory with one file for each session: several processes may run at once, and none of
/// them rewrites what another has written.
const DIR: &str = "sessions";
/// Longest file of a session that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// One process that computed trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// When it began, UTC.
    pub began: String,
    /// Name of the machine.
    pub host: String,
    /// Process number.
    pub process: u32,
    /// Its share of the study, `I/N`.
    pub share: String,
    /// Number of workers.
    pub workers: usize,
    /// Trials that it computed.
    pub trials: u64,
    /// Trials that it recorded.
    #[serde(default)]
    pub trajectories: u64,
    /// Steps of all of those together that it computed.
    pub steps: u64,
    /// How long that took.
    pub seconds: f64,
    /// `steps / seconds`.
    pub steps_per_second: f64,
    /// Seconds of these in which parts and states were written, beside the workers.
    #[serde(default)]
    pub storing_seconds: f64,
}

/// What a process has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Did {
    /// Trials that it computed.
    pub trials: u64,
    /// Trials that it recorded.
    pub trajectories: u64,
    /// Steps that it made, of all of them together.
    pub steps: u64,
    /// How long parts and states were written.
    pub storing: Duration,
}

impl Did {
    /// Adds what was done after it.
    pub fn add(&mut self, next: &Self) {
        self.trials += next.trials;
        self.trajectories += next.trajectories;
        self.steps += next.steps;
        self.storing += next.storing;
    }
}

impl Session {
    /// A session of this process that began at `began`.
    pub fn of_this_process(began: SystemTime, share: &str, workers: usize, did: &Did) -> Self {
        let seconds = began.elapsed().map_or(0.0, |time| time.as_secs_f64());
        Self {
            began: humantime::format_rfc3339_seconds(began).to_string(),
            host: publish::host().to_owned(),
            process: std::process::id(),
            share: share.to_owned(),
            workers,
            trials: did.trials,
            trajectories: did.trajectories,
            steps: did.steps,
            seconds,
            steps_per_second: if seconds > 0.0 { did.steps as f64 / seconds } else { 0.0 },
            storing_seconds: did.storing.as_secs_f64(),
        }
    }

    /// Publishes the session in the directory of results and gathers all of them in `run.json`.
    ///
    /// # Errors
    /// Those of storage.
    pub fn record(&self, fs: &dyn FileSystem, dir: &Path) -> Result<()> {
        let sessions = dir.join(DIR);
        fs.create_dir_all(&sessions).map_err(Error::storage("create", &sessions))?;
        let name = format!("{}-{}-{}.json", self.began.replace(':', ""), self.host, self.process);
        publish_replacing(fs, &sessions, &name, &to_json(self))?;
        let gathered = gather(fs, &sessions)?;
        publish_replacing(fs, dir, FILE, &to_json(&gathered))?;
        Ok(())
    }
}

/// Removes what killed processes left among the sessions.
///
/// # Errors
/// Those of storage.
pub fn clean(fs: &dyn FileSystem, dir: &Path) -> Result<()> {
    sweep(fs, &dir.join(DIR)).map(|_| ())
}

/// All sessions, in the order of their beginnings; a file that is not one is passed over.
fn gather(fs: &dyn FileSystem, sessions: &Path) -> Result<Vec<Session>> {
    let names = fs.list(sessions).map_err(Error::storage("list", sessions))?;
    let mut all: Vec<Session> = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        let path = sessions.join(name);
        let bytes = read_at_most(fs, &path, LONGEST).map_err(Error::storage("read", &path))?;
        all.extend(serde_json::from_slice::<Session>(&bytes));
    }
    all.sort_by(|a, b| (&a.began, &a.host, a.process).cmp(&(&b.began, &b.host, b.process)));
    Ok(all)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data");
    text.push(b'\n');
    text
}
