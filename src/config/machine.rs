//! What this machine and its scheduler leave to the program: memory and disk.

use std::path::Path;

/// A bound on memory and who sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemoryLimit {
    pub(super) bytes: u64,
    /// Completes "... available (...)".
    pub(super) by: &'static str,
}

/// The tightest bound on memory, if any can be read.
///
/// `root` is `/`, or a directory that stands for it; `variable` reads the environment.
pub(super) fn memory(
    root: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<MemoryLimit> {
    let bounds = [
        (mem_available(root), "MemAvailable"),
        (cgroup(root), "limit of the control group"),
        (slurm(variable), "Slurm's allocation"),
    ];
    let known =
        bounds.into_iter().filter_map(|(bytes, by)| Some(MemoryLimit { bytes: bytes?, by }));
    known.min_by_key(|limit| limit.bytes)
}

/// `MemAvailable` of `/proc/meminfo`: what can be had without swapping.
fn mem_available(root: &Path) -> Option<u64> {
    let text = read(root, "proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The tightest limit on this process's control group and those above it, version 2 or 1.
fn cgroup(root: &Path) -> Option<u64> {
    let membership = read(root, "proc/self/cgroup")?;
    let limit = |line: &str| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            c if c.split(',').any(|c| c == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // Inside a container the path may name what only the host sees: then the mount itself
        // counts.
        let groups = Path::new(path.trim_start_matches('/')).ancestors();
        groups
            .filter_map(|group| read(&root.join(mount), &group.join(file).to_string_lossy()))
            .filter_map(|text| text.trim().parse().ok())
            .min()
    };
    membership.lines().filter_map(limit).min()
}

/// Slurm gives mebibytes, for the node or for each of its CPUs.
fn slurm(variable: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |name: &str| variable(name)?.trim().parse::<u64>().ok().filter(|&n| n > 0);
    let mebibytes = number("SLURM_MEM_PER_NODE")
        .or_else(|| number("SLURM_MEM_PER_CPU")?.checked_mul(number("SLURM_CPUS_ON_NODE")?))?;
    mebibytes.checked_mul(1 << 20)
}

fn read(root: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(root.join(file)).ok()
}

/// Bytes that an unprivileged process can still write to the file system of `dir`, or of its
/// nearest ancestor that exists.
pub(super) fn disk(dir: &Path) -> Option<u64> {
    let absolute = std::path::absolute(dir).ok()?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists())?;
    free_space(existing)
}

#[cfg(unix)]
fn free_space(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Bytes of all files below a directory; 0 if it is not there.
pub(super) fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => bytes_below(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_tightest_bound_holds() {
        const MEMINFO: (&str, &str) =
            ("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:  8192 kB\nBuffers: 1 kB\n");
        let v2 = ("proc/self/cgroup", "0::/job/step\n");
        let v1 = ("proc/self/cgroup", "5:cpu:/x\n4:hugetlb,memory:/job\n");
        let cases: &[(&[(&str, &str)], u64)] = &[
            (&[MEMINFO], 8192 * 1024),
            (&[MEMINFO, v2, ("sys/fs/cgroup/job/step/memory.max", "max\n")], 8192 * 1024),
            (&[MEMINFO, v2, ("sys/fs/cgroup/job/memory.max", "4096\n")], 4096),
            (&[MEMINFO, v2, ("sys/fs/cgroup/memory.max", "512\n")], 512),
            (&[MEMINFO, v1, ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "99\n")], 99),
        ];
        for (files, bytes) in cases {
            let root = machine(files);
            let limit = memory(root.path(), |_| None).unwrap();
            assert_eq!(limit.bytes, *bytes, "{files:?}");
        }
        assert_eq!(memory(machine(&[]).path(), |_| None), None);
    }

    #[test]
    fn slurm_speaks_mebibytes() {
        let variable = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        };
        assert_eq!(slurm(variable(&[("SLURM_MEM_PER_NODE", "2")])), Some(2 << 20));
        let per_cpu = variable(&[("SLURM_MEM_PER_CPU", "3"), ("SLURM_CPUS_ON_NODE", "4")]);
        assert_eq!(slurm(per_cpu), Some(12 << 20));
        // 0 asks for all of the node.
        assert_eq!(slurm(variable(&[("SLURM_MEM_PER_NODE", "0")])), None);
    }

    #[test]
    fn free_space_of_a_directory_yet_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert!(disk(&dir.path().join("runs/later")).is_some());
    }
}
