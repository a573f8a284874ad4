//! Everything that a results file declares, in its order: what its description is made of.

use super::numerics::Numerics;
use super::schema::{
    self, CONDITIONS, HITS_HISTOGRAM, KERNEL, LOSS_TARGET, OUTCOME_CODE, PRECISION, RECORD, Ragged,
    STEPS_HISTOGRAM, STEPS_HISTOGRAM_OUTCOME, STEPS_HISTOGRAM_RUNGS, TRACED_TRIAL, TRAJECTORY,
    TRAJECTORY_STEP, TRIAL, TUNED_LEARNING_RATE, Type, Variable, meaning,
};
use crate::observe::trajectory::{Dimension, QUANTITIES};

/// Stands for the dimensions of the sweep, as many as it has axes.
pub const SWEEP: &str = "SWEEP";

/// A variable of a results file.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Its dimensions; [`SWEEP`] for those of the sweep.
    pub dimensions: Vec<&'static str>,
    /// Type of its values.
    pub kind: &'static str,
    /// What it is.
    pub long_name: String,
    /// Attributes besides `long_name`, `units` and, where keys move together, `coordinates`.
    pub attributes: Vec<&'static str>,
    /// Minor version of the format (major 1) that it came with.
    pub since: u16,
}

/// An attribute of the root group.
#[derive(Debug, Clone, Copy)]
pub struct RootAttribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Minor version of the format (major 1) that it came with.
    pub since: u16,
}

const fn root(name: &'static str, kind: &'static str, meaning: &'static str) -> RootAttribute {
    RootAttribute { name, kind, meaning, since: 0 }
}

/// One that came with partial results.
const fn count(name: &'static str, meaning: &'static str) -> RootAttribute {
    RootAttribute { name, kind: "int64", meaning, since: 1 }
}

/// The attributes of the root group, in the order of the file.
pub const ROOT: [RootAttribute; 14] = [
    root("Conventions", "text", "conventions that attributes of variables follow"),
    root("title", "text", "the study and its question"),
    root("source", "text", "the program"),
    root("deeplin_format", "text", "`results`"),
    root("format_version", "2 x int32", "major and minor version of the format"),
    count(schema::ROWS, "1: there are variables of each trial; 0: there are histograms"),
    count(schema::COMPLETE, "1: all trials of the study are there; 0: a partial result"),
    count(schema::TRIALS_PER_CELL, "trials of a cell; the most that one may have"),
    count(schema::MISSING, "trials of all cells that are missing; 0 if complete"),
    root("study", "text", "name of the study"),
    root("study_digest", "text", "BLAKE3 of what of the study decides its rows, in hexadecimal"),
    root("seed", "text", "the seed, in decimal"),
    root("sweep", "text", "the axes as JSON: a list of lists of keys that move together"),
    root("config", "text", "the study with every default filled in, in TOML"),
];

/// Minor versions with what came with them; everything else came with the first one.
const SINCE: [(u16, &[&str]); 4] = [
    (1, &["learning_rate", "time_final", "steps_entry", "hit_steps_entry", "hit_steps_histogram_"]),
    (
        1,
        &[
            "steps_histogram_value",
            "steps_histogram_count",
            "steps_histogram_first",
            "steps_histogram_size",
        ],
    ),
    (2, &["theorem1_", "certifi", "target_", "joint_", "outcome_code", "tuned_learning_rate"]),
    (3, &["balancedness_drift", "trajectory_", "traced_trial", "record", "layer", "singular"]),
];

/// The same for names that end so.
const SINCE_BY_END: [(u16, &[&str]); 2] = [
    (3, &["_simultaneous"]),
    (
        4,
        &[
            "steps_median_lower",
            "steps_median_upper",
            "steps_q10_lower",
            "steps_q10_upper",
            "steps_q90_lower",
            "steps_q90_upper",
            "_running_time",
            "_running_time_lower",
            "_running_time_upper",
            "restart_cutoff",
            "histogram_outcome",
            "histogram_rungs",
        ],
    ),
];

fn since(name: &str) -> u16 {
    let of = |versions: &[(u16, &[&str])], is: &dyn Fn(&str) -> bool| {
        versions
            .iter()
            .find(|(_, parts)| parts.iter().any(|part| is(part)))
            .map(|(minor, _)| *minor)
    };
    of(&SINCE_BY_END, &|end| name.ends_with(end))
        .or_else(|| of(&SINCE, &|begin| name.starts_with(begin)))
        .unwrap_or(0)
}

fn declare(
    name: impl Into<String>,
    dimensions: &[&'static str],
    kind: &'static str,
    long_name: &str,
    attributes: &[&'static str],
) -> Declaration {
    let name = name.into();
    Declaration {
        since: since(&name),
        name,
        dimensions: dimensions.to_vec(),
        kind,
        long_name: long_name.to_owned(),
        attributes: attributes.to_vec(),
    }
}

/// The dimensions besides those of the sweep, each a variable of its own name.
pub fn dimensions() -> Vec<Declaration> {
    let int64 = Type::Int64.name();
    let number = |name: &'static str, meaning: &str| declare(name, &[name], int64, meaning, &[]);
    let [trial, conditions, outcomes, traced, record] =
        [TRIAL, CONDITIONS, OUTCOME_CODE, TRACED_TRIAL, RECORD]
            .map(|name| number(name, meaning(name)));
    let ladder =
        declare(LOSS_TARGET, &[LOSS_TARGET], Type::Float64.name(), meaning(LOSS_TARGET), &[]);
    let entries =
        [STEPS_HISTOGRAM, HITS_HISTOGRAM].map(|ragged| number(ragged.entry, ragged.meaning));
    let own = Dimension::ALL.map(|dimension| number(dimension.name(), dimension.meaning()));
    let first = [trial, conditions, outcomes, ladder].into_iter();
    first.chain(entries).chain([traced, record]).chain(own).collect()
}

fn of_schema(variable: &Variable) -> Declaration {
    let Variable { name, long_name, source } = *variable;
    let dimensions = [&[SWEEP], source.trailing()].concat();
    declare(name, &dimensions, source.kind().name(), long_name, source.attributes())
}

/// The variables of each cell, with the learning rates of a study that tunes them.
pub fn of_cells() -> Vec<Declaration> {
    let (name, long_name) = TUNED_LEARNING_RATE;
    let tuned = declare(name, &[SWEEP], Type::Float64.name(), long_name, &[]);
    schema::of_cells().iter().map(of_schema).chain([tuned]).collect()
}

/// The variables of each trial.
pub fn of_trials() -> Vec<Declaration> {
    let variables = schema::variables(&[1.0]);
    let of_trial = variables.iter().filter(|variable| variable.source.trailing().contains(&TRIAL));
    of_trial.map(of_schema).collect()
}

/// The histograms.
pub fn histograms() -> Vec<Declaration> {
    let int64 = Type::Int64.name();
    let entry = STEPS_HISTOGRAM.entry;
    let (outcome, rungs) = (STEPS_HISTOGRAM_OUTCOME, STEPS_HISTOGRAM_RUNGS);
    let flags = ["flag_values", "flag_meanings"];
    let own = [
        declare(outcome.0, &[entry], Type::Int8.name(), outcome.1, &flags),
        declare(rungs.0, &[entry], int64, rungs.1, &[]),
    ];
    let ragged = |ragged: Ragged, dimensions: &[&'static str]| {
        [
            declare(ragged.first.0, dimensions, int64, ragged.first.1, &[]),
            declare(ragged.size.0, dimensions, int64, ragged.size.1, &["sample_dimension"]),
            declare(ragged.value.0, &[ragged.entry], int64, ragged.value.1, &[]),
            declare(ragged.count.0, &[ragged.entry], int64, ragged.count.1, &[]),
        ]
    };
    let steps = ragged(STEPS_HISTOGRAM, &[SWEEP]).into_iter();
    steps.chain(own).chain(ragged(HITS_HISTOGRAM, &[SWEEP, LOSS_TARGET])).collect()
}

/// The variables of trajectories.
pub fn trajectories() -> Vec<Declaration> {
    let of_records = [SWEEP, TRACED_TRIAL, RECORD];
    let (name, long_name) = TRAJECTORY_STEP;
    let step = declare(name, &of_records, Type::Int64.name(), long_name, &[]);
    let quantities = QUANTITIES.iter().map(|quantity| {
        let own: Vec<&str> = quantity.dimensions.iter().map(|d| d.name()).collect();
        let dimensions = [&of_records[..], &own].concat();
        let name = format!("{TRAJECTORY}{}", quantity.name);
        declare(name, &dimensions, Type::Float64.name(), quantity.long_name, &[])
    });
    [step].into_iter().chain(quantities).collect()
}

/// The variables of the group of provenance.
pub fn provenance() -> Vec<Declaration> {
    let flags = ["flag_values", "flag_meanings"];
    let of_cell = |(name, long_name): (&str, &str)| {
        declare(name, &[SWEEP], Type::Int8.name(), long_name, &flags)
    };
    [KERNEL, PRECISION].map(of_cell).into()
}

/// The attributes of the group of provenance, with their meanings.
pub fn provenance_attributes() -> Vec<(&'static str, &'static str)> {
    let mixed = ("mixed_numerics", "only of mixed results (`--mixed`): all of the above, as JSON");
    let fields = Numerics::MEANINGS.iter().map(|(name, meaning)| (*name, meaning.trim()));
    fields.chain([mixed]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every variable on the page, once; and no version is given to what is not there.
    #[test]
    fn versions_are_of_what_is_declared() {
        let all =
            [dimensions(), of_cells(), of_trials(), histograms(), trajectories(), provenance()];
        let names: Vec<String> = all.into_iter().flatten().map(|declared| declared.name).collect();
        let mut different = names.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), names.len());
        for part in SINCE.iter().flat_map(|(_, parts)| *parts) {
            assert!(names.iter().any(|name| name.starts_with(part)), "{part}");
        }
        for part in SINCE_BY_END.iter().flat_map(|(_, parts)| *parts) {
            assert!(names.iter().any(|name| name.ends_with(part)), "{part}");
        }
        assert_eq!(since("probability"), 0);
        assert_eq!(since("time_final"), 1);
        assert_eq!(since("probability_lower_simultaneous"), 3);
        assert_eq!((since("theorem1_count"), since("steps_histogram_rungs")), (2, 4));
    }
}
