//! Writes the seeds of a target as files: `seeds TARGET DIR`.

// What the library is instrumented with is there.
use libfuzzer_sys as _;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, dir] = &arguments[..] else { panic!("usage: seeds TARGET DIR") };
    std::fs::create_dir_all(dir)?;
    for (i, seed) in (deeplin_fuzz::target(target).seeds)().iter().enumerate() {
        std::fs::write(format!("{dir}/seed-{i}"), seed)?;
    }
    Ok(())
}
