//! The table of all keys: what each may hold and which kinds of target or start take it.

use super::holds::{Bounds, Holds, WIDEST};
use crate::suggest;

/// One key of a study.
#[derive(Debug)]
pub(super) struct Entry {
    /// Dotted name.
    pub(super) key: &'static str,
    /// What it holds.
    pub(super) holds: Holds,
    /// Which kinds take it.
    pub(super) users: Users,
    /// Whether it can be an axis of a sweep.
    pub(super) sweepable: bool,
}

/// Which kinds of target, start, method or schedule take a key.
#[derive(Debug)]
pub(super) enum Users {
    /// Every study.
    All,
    /// These values of `target.kind`.
    Targets(&'static [&'static str]),
    /// These values of `init.kind`.
    Inits(&'static [&'static str]),
    /// These values of `descent.method`.
    Methods(&'static [&'static str]),
    /// These values of `descent.schedule`.
    Schedules(&'static [&'static str]),
    /// These words as `descent.learning_rate`.
    Rates(&'static [&'static str]),
}

/// The tables that hold the keys.
pub(super) const TABLES: [&str; 11] = [
    "budget",
    "refine",
    "network",
    "target",
    "init",
    "descent",
    "stop",
    "certificate",
    "record",
    "interval",
    "store",
];

const TARGETS: &[&str] =
    &["identity", "diagonal", "symmetric", "spectrum", "gaussian", "unit", "file", "regression"];

const INITS: &[&str] = &[
    "gaussian",
    "uniform",
    "xavier",
    "he",
    "orthogonal",
    "identity",
    "balanced",
    "zas",
    "values",
    "file",
];

const METHODS: &[&str] = &["gradient", "momentum", "nesterov", "perturbed", "flow"];

/// The methods that have a learning rate.
const RATED: &[&str] = &["gradient", "momentum", "nesterov", "perturbed"];

const SCHEDULES: &[&str] = &["constant", "step", "inverse", "cosine", "warmup"];

const CHANGING: &[&str] = &["step", "inverse", "cosine", "warmup"];

const fn fixed(key: &'static str, holds: Holds) -> Entry {
    Entry { key, holds, users: Users::All, sweepable: false }
}

const fn common(key: &'static str, holds: Holds) -> Entry {
    Entry { key, holds, users: Users::All, sweepable: true }
}

const fn target(key: &'static str, holds: Holds, kinds: &'static [&'static str]) -> Entry {
    Entry { key, holds, users: Users::Targets(kinds), sweepable: true }
}

const fn init(key: &'static str, holds: Holds, kinds: &'static [&'static str]) -> Entry {
    Entry { key, holds, users: Users::Inits(kinds), sweepable: true }
}

const fn method(key: &'static str, holds: Holds, kinds: &'static [&'static str]) -> Entry {
    Entry { key, holds, users: Users::Methods(kinds), sweepable: true }
}

const fn schedule(key: &'static str, holds: Holds, kinds: &'static [&'static str]) -> Entry {
    Entry { key, holds, users: Users::Schedules(kinds), sweepable: true }
}

const fn tuned(key: &'static str, holds: Holds) -> Entry {
    Entry { key, holds, users: Users::Rates(&["tuned"]), sweepable: false }
}

/// The key without which there are no trajectories, and no other key of theirs is taken.
pub(super) const TRACED: &str = "record.trajectory.trials";

/// The trials of all cells together.
pub(super) const BUDGET: &str = "budget.trials";

/// The axis that is refined; without it no axis is, and no other key of its table is taken.
pub(super) const REFINED: &str = "refine.axis";

/// All keys, in the order of the resolved configuration.
pub(super) static SCHEMA: [Entry; 68] = [
    fixed("name", Holds::Name),
    fixed("seed", Holds::Integer(0, i64::MAX)),
    fixed("trials", Holds::Trials),
    fixed(BUDGET, Holds::Integer(1, 1_000_000_000_000_000)),
    fixed(REFINED, Holds::Text),
    fixed("refine.at", Holds::Float(Bounds::Inside)),
    fixed("refine.cells", Holds::Integer(1, 1000)),
    common("network.input", Holds::Integer(1, WIDEST)),
    common("network.hidden", Holds::Widths),
    common("network.output", Holds::Integer(1, WIDEST)),
    common("network.depth", Holds::Integer(1, 10_000)),
    common("target.kind", Holds::Word(TARGETS)),
    target("target.scale", Holds::Float(Bounds::Any), &["identity"]),
    target("target.values", Holds::Floats(Bounds::Any), &["diagonal"]),
    target("target.eigenvalues", Holds::Floats(Bounds::Any), &["symmetric"]),
    target("target.singular_values", Holds::Floats(Bounds::AtLeast0), &["spectrum"]),
    target("target.std", Holds::Float(Bounds::AtLeast0), &["gaussian"]),
    target("target.norm", Holds::Float(Bounds::AtLeast0), &["unit"]),
    target("target.draw", Holds::Word(&["study", "trial"]), &["symmetric", "spectrum", "gaussian"]),
    target("target.path", Holds::Text, &["file", "regression"]),
    target("target.dataset", Holds::Text, &["file", "regression"]),
    target("target.labels", Holds::Labels, &["regression"]),
    target("target.whiten", Holds::Flag, &["regression"]),
    target("target.rescale", Holds::Flag, &["regression"]),
    target("target.rank_tolerance", Holds::Float(Bounds::Fraction), &["regression"]),
    common("init.kind", Holds::Word(INITS)),
    init("init.std", Holds::Float(Bounds::AtLeast0), &["gaussian", "balanced"]),
    init("init.norm", Holds::Float(Bounds::AtLeast0), &["balanced"]),
    init("init.rotate", Holds::Flag, &["balanced"]),
    init("init.bound", Holds::Float(Bounds::AtLeast0), &["uniform"]),
    init("init.gain", Holds::Float(Bounds::AtLeast0), &["xavier", "he", "orthogonal"]),
    init("init.scale", Holds::Float(Bounds::Any), &["identity"]),
    init("init.noise", Holds::Float(Bounds::AtLeast0), &["identity"]),
    init("init.values", Holds::Layers, &["values"]),
    init("init.path", Holds::Text, &["file"]),
    init("init.group", Holds::Text, &["file"]),
    common("descent.method", Holds::Word(METHODS)),
    method("descent.momentum", Holds::Float(Bounds::Fraction), &["momentum", "nesterov"]),
    method("descent.threshold", Holds::Float(Bounds::AtLeast0), &["perturbed"]),
    method("descent.radius", Holds::Float(Bounds::Above0), &["perturbed"]),
    method("descent.interval", Holds::Integer(0, 1_000_000_000_000), &["perturbed"]),
    method("descent.tolerance", Holds::Float(Bounds::Tolerance), &["flow"]),
    method("descent.max_time", Holds::Float(Bounds::Above0), &["flow"]),
    method("descent.learning_rate", Holds::Rate(&["theorem1", "tuned"]), RATED),
    tuned("descent.tuning_rates", Holds::Rates),
    tuned("descent.tuning_trials", Holds::Integer(1, 10_000)),
    method("descent.schedule", Holds::Word(SCHEDULES), RATED),
    schedule("descent.schedule_steps", Holds::Integer(1, 1_000_000_000_000), CHANGING),
    schedule("descent.schedule_factor", Holds::Float(Bounds::Unit), &["step", "cosine"]),
    schedule("descent.schedule_power", Holds::Float(Bounds::AtLeast0), &["inverse"]),
    common("descent.max_steps", Holds::Integer(1, 1_000_000_000_000)),
    common("descent.precision", Holds::Word(&["f64", "f32"])),
    common("descent.reduce", Holds::Flag),
    common("stop.loss", Holds::Float(Bounds::Above0)),
    common("stop.divergence", Holds::Float(Bounds::Above1)),
    common("stop.at", Holds::Word(&["loss", "certificate"])),
    fixed("stop.ladder", Holds::Ladder),
    common("certificate.check", Holds::Flag),
    common("certificate.extra_steps", Holds::Integer(0, 1_000_000_000_000)),
    fixed(TRACED, Holds::Integer(1, 1_000_000_000)),
    fixed("record.trajectory.points", Holds::Integer(2, 1_000_000)),
    fixed("record.trajectory.spacing", Holds::Word(&["log", "linear"])),
    fixed("record.trajectory.spectra", Holds::Flag),
    fixed("interval.method", Holds::Word(&["clopper-pearson", "wilson", "jeffreys"])),
    fixed("interval.level", Holds::Float(Bounds::Inside)),
    fixed("store.rows", Holds::Flag),
    fixed("store.block", Holds::Integer(0, 1_000_000_000)),
    fixed("store.part_seconds", Holds::Float(Bounds::Day)),
];

/// The entry of a dotted key.
pub(super) fn entry(key: &str) -> Option<&'static Entry> {
    SCHEMA.iter().find(|entry| entry.key == key)
}

/// The table a dotted key stands in (empty: the top level) and its name there.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.split_once('.').unwrap_or(("", key))
}

/// Whether keys stand in a table of this name.
pub(super) fn is_table(path: &str) -> bool {
    let within =
        |entry: &Entry| entry.key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    SCHEMA.iter().any(within)
}

/// The keys of a table, comma-separated.
pub(super) fn names_in(table: &str) -> String {
    if table == "sweep" {
        return "dotted keys in quotes with their values, and zip".into();
    }
    let name = |entry: &'static Entry| match table {
        "" => Some(entry.key).filter(|key| !key.contains('.')),
        _ => entry.key.strip_prefix(table)?.strip_prefix('.'),
    };
    let mut names: Vec<&str> = SCHEMA.iter().filter_map(name).collect();
    if table.is_empty() {
        names.extend(TABLES);
        names.push("sweep");
    }
    names.join(", ")
}

/// The keys that an unknown dotted key may have been meant to be: near in its own table, near as a
/// whole, or of the same name in another table.
pub(super) fn nearest_keys(key: &str) -> Vec<&'static str> {
    let (table, name) = split(key);
    suggest::best(SCHEMA.iter().map(|entry| {
        let (entry_table, entry_name) = split(entry.key);
        let there = suggest::similarity(name, entry_name);
        // In its own table a name may be farther off; elsewhere it loses to an equal match there.
        let score = if entry_table == table { there } else { 0.95 * there };
        (entry.key, score.max(suggest::similarity(key, entry.key)))
    }))
}

/// The tables an unknown table may have been meant to be.
pub(super) fn nearest_tables(table: &str) -> Vec<&'static str> {
    suggest::nearest(table, TABLES.into_iter().chain(["sweep"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let cases: &[(&str, &[&str])] = &[
            ("init.sdt", &["init.std"]),
            ("std", &["target.std", "init.std"]),
            ("sead", &["seed"]),
            ("netwrok.input", &["network.input"]),
            ("descent.learningrate", &["descent.learning_rate"]),
            ("descent.lr", &[]),
            ("learning_rate", &["descent.learning_rate"]),
            ("zzz", &[]),
        ];
        for (key, expected) in cases {
            assert_eq!(nearest_keys(key), *expected, "{key}");
        }
        assert_eq!(nearest_tables("netwrok"), ["network"]);
    }
}
