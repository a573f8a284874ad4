//! What the operating system tells about the processor.

use std::fs;
use std::path::Path;

/// Name of the model, or else of the architecture.
pub(super) fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_owned()
}

/// Caches of the first core: `L1d 32K, L1i 32K, L2 512K, L3 32768K`; `None` where nobody tells.
pub(super) fn caches() -> Option<String> {
    let caches: Vec<String> = (0..8)
        .filter_map(|i| cache(&format!("/sys/devices/system/cpu/cpu0/cache/index{i}")))
        .collect();
    (!caches.is_empty()).then(|| caches.join(", "))
}

fn cache(dir: &str) -> Option<String> {
    let read = |file| Some(fs::read_to_string(Path::new(dir).join(file)).ok()?.trim().to_owned());
    let holds = match read("type")?.as_str() {
        "Data" => "d",
        "Instruction" => "i",
        _ => "",
    };
    Some(format!("L{}{holds} {}", read("level")?, read("size")?))
}
