//! How many workers.

use std::thread::available_parallelism;

/// What Slurm grants a task, most specific first. Without a cgroup the operating system shows a job
/// the whole node, so these come before its own count.
const GRANTS: [&str; 2] = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"];

/// The number of workers: as `asked`, else what Slurm grants, else what the operating system gives.
pub fn workers(asked: Option<usize>) -> usize {
    choose(asked, |name| std::env::var(name).ok())
}

fn choose(asked: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> usize {
    let granted = || GRANTS.iter().find_map(|name| variable(name)?.parse().ok().filter(|&n| n > 0));
    asked.or_else(granted).unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_then_slurm_then_the_machine() {
        let slurm = |name: &str| match name {
            "SLURM_CPUS_PER_TASK" => Some("3".to_owned()),
            _ => Some("64".to_owned()),
        };
        assert_eq!(choose(Some(2), slurm), 2);
        assert_eq!(choose(None, slurm), 3);
        let node = |name: &str| (name == "SLURM_CPUS_ON_NODE").then(|| "5".to_owned());
        assert_eq!(choose(None, node), 5);
        let nonsense = |_: &str| Some("0".to_owned());
        assert_eq!(choose(None, nonsense), choose(None, |_| None));
        assert!(choose(None, |_| None) >= 1);
    }
}
