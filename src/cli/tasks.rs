//! What `deeplin plan` says of a study that is cut into tasks, and the line that queues it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::report::format::duration;
use crate::run::tasks::{Cut, Tasks};
use crate::{Error, Result};

/// More tasks than anyone plans.
const MOST_TASKS: u64 = 1_000_000;
/// The tasks of an array that Slurm takes unless its administrators say otherwise.
const MOST_OF_AN_ARRAY: u64 = 1000;
/// What centres ask of a task at least: queuing and starting it cost, too.
const SHORT_SECONDS: f64 = 1800.0;
/// Time limits are multiples of this.
const LIMIT_STEP_SECONDS: u64 = 600;

/// Into how many tasks, or how long ones.
#[derive(Debug, clap::Args)]
pub(super) struct TaskArguments {
    /// Say how long each of N tasks of a cluster takes, each with so many workers
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "task_time")]
    tasks: Option<u64>,
    /// Propose a number of tasks that take about this long: 1h, 90min
    #[arg(long, value_name = "TIME", value_parser = length)]
    task_time: Option<Duration>,
}

impl TaskArguments {
    pub(super) fn cut(&self) -> Option<Cut> {
        self.tasks.map(Cut::Into).or_else(|| self.task_time.map(Cut::Lasting))
    }
}

fn count(text: &str) -> std::result::Result<u64, String> {
    text.parse().ok().filter(|n| (1..=MOST_TASKS).contains(n)).ok_or_else(|| {
        format!(
            "expected a number of tasks from 1 to {MOST_TASKS}; --task-time 1h instead has a number \
             proposed"
        )
    })
}

fn length(text: &str) -> std::result::Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a task takes longer than that".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// How to queue the tasks.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Submission {
    /// For a shell, from the top of the repository.
    command: String,
    /// What speaks against so many tasks.
    warnings: Vec<String>,
}

/// What the command line says besides the tasks: its study, and options as they were given.
pub(super) struct Given<'a> {
    pub(super) config: &'a Path,
    pub(super) output: Option<&'a Path>,
    pub(super) sets: &'a [String],
}

impl Submission {
    pub(super) fn new(
        tasks: &Tasks,
        workers: usize,
        blocks: u64,
        given: &Given<'_>,
    ) -> Result<Self> {
        let mut words = vec!["scripts/slurm/submit".to_owned(), given.config.display().to_string()];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        option("--tasks", tasks.count.to_string());
        option("--time", time_limit(tasks));
        option("--cpus", workers.to_string());
        given.output.iter().for_each(|dir| option("-o", dir.display().to_string()));
        given.sets.iter().for_each(|set| option("--set", set.clone()));
        let command = shlex::try_join(words.iter().map(String::as_str))
            .map_err(|error| Error::usage(error.to_string(), None))?;
        Ok(Self { command, warnings: warnings(tasks, blocks) })
    }

    /// Lines of key and value.
    pub(super) fn lines(&self, tasks: &Tasks, workers: usize) -> Vec<(&'static str, String)> {
        let at_most = duration(tasks.seconds_at_most);
        let time = match tasks.seconds_likely {
            Some(likely) => format!("about {}, at most {at_most}", duration(likely)),
            None => format!("at most {at_most}"),
        };
        let each = if tasks.count == 1 { "1 task takes" } else { "each takes" };
        let number = if tasks.count == 1 { String::new() } else { format!("{}: ", tasks.count) };
        let mut lines = vec![("tasks", format!("{number}{each} {time} ({workers} workers)"))];
        lines.extend(self.warnings.iter().map(|warning| ("", format!("warning: {warning}"))));
        lines.push(("submit", self.command.clone()));
        lines
    }
}

fn warnings(tasks: &Tasks, blocks: u64) -> Vec<String> {
    let mut warnings = vec![];
    let idle = tasks.count - tasks.with_work;
    if idle > 0 {
        warnings.push(format!(
            "{idle} of the {} tasks have nothing to do: the pieces of work are {blocks}",
            tasks.count
        ));
    }
    if tasks.count > MOST_OF_AN_ARRAY {
        warnings.push(format!(
            "most clusters take up to {MOST_OF_AN_ARRAY} tasks in an array (MaxArraySize): fewer and \
             longer ones"
        ));
    }
    let seconds = tasks.seconds_likely.unwrap_or(tasks.seconds_at_most);
    if tasks.count > 1 && seconds < SHORT_SECONDS {
        warnings.push(
            "tasks of less than half an hour, which clusters do not like: fewer and longer ones \
             (--task-time 1h proposes a number)"
                .to_owned(),
        );
    }
    warnings
}

/// A time limit for Slurm: double of what is likely, for a slower machine, but no more than it can
/// take. A task that needs more goes back into the queue and continues.
fn time_limit(tasks: &Tasks) -> String {
    let likely = tasks.seconds_likely.map_or(f64::INFINITY, |seconds| 2.0 * seconds);
    let seconds = likely.min(tasks.seconds_at_most) as u64;
    let minutes =
        seconds / LIMIT_STEP_SECONDS * (LIMIT_STEP_SECONDS / 60) + LIMIT_STEP_SECONDS / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let clock = format!("{hours:02}:{minutes:02}:00");
    if days > 0 { format!("{days}-{clock}") } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(count: u64, at_most: f64, likely: Option<f64>) -> Tasks {
        Tasks { count, with_work: count, seconds_at_most: at_most, seconds_likely: likely }
    }

    #[test]
    fn time_limits() {
        for (at_most, likely, expected) in [
            (1.0, None, "00:10:00"),
            (600.0, None, "00:20:00"),
            (1e5, Some(3500.0), "02:00:00"),
            (4000.0, Some(3500.0), "01:10:00"),
            (1e6, None, "11-13:50:00"),
        ] {
            assert_eq!(time_limit(&tasks(2, at_most, likely)), expected);
        }
    }

    #[test]
    fn the_line_survives_a_shell() {
        let sets = ["init.kind=\"he\"".to_owned(), "trials=5".to_owned()];
        let given = Given {
            config: Path::new("my study's.toml"),
            output: Some(Path::new("$HOME/a b")),
            sets: &sets,
        };
        let submission = Submission::new(&tasks(3, 7200.0, None), 4, 9, &given).unwrap();
        assert_eq!(
            shlex::split(&submission.command).unwrap().join("|"),
            "scripts/slurm/submit|my study's.toml|--tasks|3|--time|02:10:00|--cpus|4|-o|$HOME/a b|\
             --set|init.kind=\"he\"|--set|trials=5"
        );
        assert!(submission.warnings.is_empty());
    }

    #[test]
    fn what_speaks_against_it() {
        let said = |tasks: &Tasks| warnings(tasks, 5).join("\n");
        assert_eq!(said(&tasks(1000, 1800.0, None)), "");
        assert_eq!(said(&tasks(1, 1.0, None)), "", "a single task may be short");
        assert!(said(&tasks(2, 1e4, Some(1000.0))).contains("half an hour"));
        assert!(said(&tasks(1001, 1e4, None)).contains("MaxArraySize"));
        let idle = Tasks { with_work: 5, ..tasks(7, 1e4, None) };
        assert_eq!(said(&idle), "2 of the 7 tasks have nothing to do: the pieces of work are 5");
    }
}
