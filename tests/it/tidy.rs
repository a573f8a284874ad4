//! The house keeps its order: imports point downward, `unsafe` stays in its rooms, every study that is
//! shipped loads.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, lowest first: each imports only rooms above it in this list.
const ROOMS: [&str; 24] = [
    "error", "digest", "foreign", "draw", "rng", "stats", "network", "theorem", "kernel", "stop",
    "study", "reduce", "start", "observe", "descent", "store", "run", "rare", "report", "config",
    "cli", "book", "lib", "main",
];

/// Where `unsafe` may stand, and why: the BLAS binding, SIMD kernels, the HDF5 binding, and the file
/// driver that HDF5 calls.
const UNSAFE: [&str; 21] = [
    "foreign/plugins.rs",
    "kernel/blas.rs",
    "kernel/buffer.rs",
    "kernel/compact.rs",
    "kernel/compact/dims.rs",
    "kernel/compact/product.rs",
    "kernel/compact/running.rs",
    "kernel/elementwise.rs",
    "kernel/gemm.rs",
    "kernel/panel.rs",
    "kernel/peak.rs",
    "kernel/select.rs",
    "kernel/simd.rs",
    "kernel/simd/portable.rs",
    "kernel/simd/x86.rs",
    "kernel/single.rs",
    "kernel/slope.rs",
    "kernel/thin.rs",
    "kernel/thin/products.rs",
    "store/driver.rs",
    "store/unbound.rs",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file with its path below `src`.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut files = files_under(&src);
    files.retain(|path| path.extension().is_some_and(|e| e == "rs"));
    assert!(files.len() > 50, "the sources were found");
    let name = |path: &Path| path.strip_prefix(&src).expect("below src").display().to_string();
    files.iter().map(|path| (name(path), fs::read_to_string(path).expect("a source"))).collect()
}

/// The room of a file: its first folder or its own name.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn rank(room: &str, file: &str) -> usize {
    ROOMS.iter().position(|r| *r == room).unwrap_or_else(|| panic!("{file}: no room `{room}`"))
}

/// The part of a file that is not its tests: tests may look up.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn imports_point_downward() {
    let mut wrong = vec![];
    for (file, text) in sources() {
        if file.contains("/tests/") {
            continue;
        }
        let own = rank(room(&file), &file);
        for (i, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for import in code.split("crate::").skip(1) {
                let names = import.trim_start_matches('{').split(',').map(|name| {
                    name.trim()
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        .unwrap_or("")
                });
                // `crate::{a, b}` names several rooms, `crate::a::...` one.
                let count = if import.starts_with('{') { usize::MAX } else { 1 };
                for name in names.take(count).filter(|name| ROOMS.contains(name)) {
                    if rank(name, &file) > own {
                        wrong.push(format!("{file}:{}: imports {name}", i + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point upward:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_stays_in_its_rooms() {
    for (file, text) in sources() {
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or(line);
            ["{", "fn ", "impl ", "extern "]
                .iter()
                .any(|next| code.contains(&format!("unsafe {next}")))
        });
        assert!(!has || UNSAFE.contains(&file.as_str()), "{file} has unsafe code");
    }
}

#[test]
fn only_the_command_line_prints() {
    for (file, text) in sources() {
        let prints =
            ["println!", "eprintln!", "print!(", "dbg!"].iter().any(|word| text.contains(word));
        assert!(!prints, "{file} prints; results go through cli::output, the rest through tracing");
    }
}

#[test]
fn every_study_of_the_project_loads() {
    let mut count = 0;
    for path in files_under(&root().join("configs")) {
        if path.extension() != Some("toml".as_ref()) {
            continue;
        }
        match deeplin::config::load(&path, &[]) {
            Ok(_) => {}
            // Its data are not part of the project; all else must be in order.
            Err(error) if path.ends_with("ethanol.toml") => {
                let message = format!("{error:?}");
                assert!(message.contains("target.path"), "{message}");
            }
            Err(error) => panic!("{}: {:?}", path.display(), miette::Report::new(error)),
        }
        count += 1;
    }
    assert!(count >= 4);
}

/// All files in a folder and the folders in it.
fn files_under(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).expect("a folder").flatten().map(|entry| entry.path());
    let below = |path: PathBuf| if path.is_dir() { files_under(&path) } else { vec![path] };
    paths.flat_map(below).collect()
}
