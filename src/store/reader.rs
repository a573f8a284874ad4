//! Reads `results.h5` back.

mod ends;
mod slabs;
mod trajectories;

pub use ends::FirstHits;
pub use trajectories::Traced;

use std::ops::Range;
use std::path::Path;

use hdf5::SliceOrIndex;

use super::guarded::Guarded;
use super::manifest::CellKernel;
use super::schema::{self, Place};
use super::summary::{CellSummary, Intervals, SEQUENCE};
use super::tally::{CONDITIONS, TheoremTable};
use super::trace;
use crate::digest::Digest;
use crate::stop::Outcome;
use crate::study::{Axis, AxisKey, Certified, Measures, TrialRow};
use crate::{Result, start};

pub use slabs::Slab;

/// A results file, opened for reading: what it is about and the summaries of its cells; rows are
/// read on demand.
#[derive(Debug)]
pub struct ResultsFile {
    file: Guarded,
    /// Name of the study.
    pub name: String,
    /// Digest of the study.
    pub digest: Digest,
    /// Seed.
    pub seed: u64,
    /// The resolved configuration.
    pub config: String,
    /// Axes of the sweep.
    pub axes: Vec<Axis>,
    /// Trials of each cell of the study; [`CellSummary::trials`] says how many of them are there.
    pub trials: u64,
    /// Whether the rows of the trials are there; if not, there are histograms.
    pub has_rows: bool,
    /// Trials of all cells that are missing; 0 unless the file is a partial one.
    pub missing: u64,
    /// Losses whose first hits are recorded.
    pub ladder: Vec<f64>,
    /// The cells, row-major in the axes.
    pub cells: Vec<CellSummary>,
    /// How each cell was computed.
    pub kernels: Vec<CellKernel>,
    /// The learning rate that was tuned for each cell, NaN where none was; empty unless the study tunes.
    pub tuned: Vec<f64>,
    /// What the rows were computed with, name and value.
    pub provenance: Vec<(String, String)>,
    /// Method of the intervals.
    pub interval_method: String,
    /// Confidence level of the intervals.
    pub interval_level: f64,
}

impl ResultsFile {
    /// Opens a results file.
    ///
    /// # Errors
    /// [`crate::Error::Storage`] if it is not there; [`crate::Error::Content`] if it is not a results
    /// file, is damaged, or has a newer major version of the format.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Guarded::open(path)?;
        check_version(&file)?;
        let root = file.root();
        let text = |name| file.text(root, name);
        let number = |name: &str, text: &str| {
            text.parse().map_err(|_| file.refuse(format!("{name} is not a number")))
        };
        let digest = Digest::from_hex(&text("study_digest")?)
            .ok_or_else(|| file.refuse("study_digest is not a digest"))?;

        let axes = read_axes(&file)?;
        let lengths: Vec<usize> = axes.iter().map(Axis::len).collect();
        let has_rows = whole(&file, schema::ROWS, || Ok(1))? != 0;
        let trials = whole(&file, schema::TRIALS_PER_CELL, || file.length(schema::TRIAL))?;
        let ladder = match file.has(schema::LOSS_TARGET) {
            true => file.values(schema::LOSS_TARGET, &[file.length(schema::LOSS_TARGET)?])?,
            false => Vec::new(),
        };
        let bound = file.dataset("probability_lower")?;
        let level: Vec<f64> = file.attribute(&bound, "level")?;
        Ok(Self {
            name: text("study")?,
            seed: number("seed", &text("seed")?)?,
            config: text("config")?,
            cells: read_cells(&file, &lengths)?,
            missing: whole(&file, schema::MISSING, || Ok(0))?,
            provenance: file.texts(&file.group(schema::PROVENANCE)?)?,
            kernels: read_kernels(&file, &lengths)?,
            tuned: read_tuned(&file, &lengths)?,
            interval_method: file.text(&bound, "method")?,
            interval_level: level.first().copied().unwrap_or(f64::NAN),
            digest,
            axes,
            trials,
            has_rows,
            ladder,
            file,
        })
    }

    /// Whether precision decided how many trials the cells have, so that intervals for a fixed number of
    /// trials do not hold.
    pub fn is_adaptive(&self) -> bool {
        self.interval_method == SEQUENCE
    }

    /// Whether cells that differ in the values of an axis only are independent: they have neither starts
    /// nor, trial by trial, random targets in common.
    pub fn is_independent_along(&self, axis: &Axis) -> bool {
        let any = |tables: &[&str]| {
            axis.keys.iter().any(|key| tables.iter().any(|table| key.key.starts_with(table)))
        };
        let own_targets = any(&["target.", "network.input", "network.output"]);
        let is_swept = |axis: &Axis| axis.keys.iter().any(|key| key.key == "target.draw");
        let drawn = self.config.lines().any(|line| line == "draw = \"trial\"")
            || self.axes.iter().any(is_swept);
        axis.keys.iter().any(|key| start::depends_on(&key.key)) && (own_targets || !drawn)
    }

    /// The rows of a range of trials of one cell, as they were computed.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if they cannot be read or are not there.
    ///
    /// # Panics
    /// If the study has no such cell or trials.
    pub fn rows(&self, cell: usize, trials: Range<u64>) -> Result<Vec<TrialRow>> {
        assert!(trials.start <= trials.end && trials.end <= self.trials, "trials {trials:?}");
        let there = self.cells[cell].trials;
        if trials.end > there {
            return Err(self
                .file
                .lacks(&format!("trial {there} of cell {cell} yet: it is a partial result")));
        }
        let outcomes: Vec<i8> = self.per_trial("outcome", cell, &trials)?;
        let steps: Vec<i64> = self.per_trial("steps", cell, &trials)?;
        let mut measures = vec![[0.0; Measures::COUNT]; outcomes.len()];
        for (i, (name, _)) in Measures::NAMES.iter().enumerate() {
            let column: Vec<f64> = self.per_trial(name, cell, &trials)?;
            for (row, value) in measures.iter_mut().zip(column) {
                row[i] = value;
            }
        }
        let theorem1: Vec<i8> = self.per_trial("theorem1_conditions", cell, &trials)?;
        let certificates = self.certificates(cell, &trials)?;
        let hit_steps = self.hit_steps(cell, &trials)?;
        (0..outcomes.len())
            .map(|i| {
                let outcome = u8::try_from(outcomes[i]).ok().and_then(Outcome::from_code);
                let rungs = i * self.ladder.len()..(i + 1) * self.ladder.len();
                Ok(TrialRow {
                    outcome: outcome.ok_or_else(|| self.file.refuse("an outcome is unknown"))?,
                    steps: u64::try_from(steps[i])
                        .map_err(|_| self.file.refuse("a number of steps is negative"))?,
                    measures: Measures::from_array(measures[i]),
                    theorem1: theorem1[i].cast_unsigned(),
                    certificate: certificates[i],
                    hit_steps: hit_steps[rungs].to_vec(),
                })
            })
            .collect()
    }

    /// A measure (a name of [`Measures::NAMES`]) of a range of trials of one cell.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if there is none of that name or it cannot be read.
    ///
    /// # Panics
    /// If the file has no such cell or trials.
    pub fn measure(&self, name: &str, cell: usize, trials: Range<u64>) -> Result<Vec<f64>> {
        assert!(trials.end <= self.cells[cell].trials, "trials {trials:?}");
        self.per_trial(name, cell, &trials)
    }

    /// The certificates of a range of trials of one cell.
    fn certificates(&self, cell: usize, trials: &Range<u64>) -> Result<Vec<Option<Certified>>> {
        let steps: Vec<i64> = self.per_trial("certificate_step", cell, trials)?;
        let rates: Vec<f64> = self.per_trial("certificate_rate", cell, trials)?;
        let bounds: Vec<i64> = self.per_trial("certificate_steps_bound", cell, trials)?;
        let columns = steps.into_iter().zip(rates).zip(bounds);
        Ok(columns.map(|((step, rate), bound)| Certified::new(step, rate, bound)).collect())
    }

    /// How many trials of a cell met which conditions of the convergence theorem, by outcome.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if it cannot be read.
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn theorem1(&self, cell: usize) -> Result<TheoremTable> {
        let mut shape: Vec<usize> = self.axes.iter().map(Axis::len).collect();
        let at = position(cell, &shape);
        let mut selection: Vec<_> = at.into_iter().map(|i| SliceOrIndex::from(i..i + 1)).collect();
        let mut table = TheoremTable::default();
        shape.extend([CONDITIONS, table[0].len()]);
        selection.extend([SliceOrIndex::from(..), SliceOrIndex::from(..)]);
        let counts: Vec<i64> = self.file.selected(schema::THEOREM_TABLE, &shape, selection)?;
        for (place, count) in table.as_flattened_mut().iter_mut().zip(counts) {
            *place = u64::try_from(count)
                .map_err(|_| self.file.refuse(format!("{} is negative", schema::THEOREM_TABLE)))?;
        }
        Ok(table)
    }

    /// Outcomes and steps of all trials of one cell that are there.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if they cannot be read.
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn outcomes(&self, cell: usize) -> Result<Vec<(Outcome, u64)>> {
        self.outcomes_of(cell, &(0..self.cells[cell].trials))
    }

    /// Outcomes and steps of a range of trials of one cell.
    ///
    /// # Errors
    /// As [`outcomes`](Self::outcomes).
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn outcomes_of(&self, cell: usize, trials: &Range<u64>) -> Result<Vec<(Outcome, u64)>> {
        let codes: Vec<i8> = self.per_trial("outcome", cell, trials)?;
        let steps: Vec<i64> = self.per_trial("steps", cell, trials)?;
        let pair = |(code, steps): (&i8, &i64)| {
            let outcome = Outcome::from_code(u8::try_from(*code).ok()?)?;
            Some((outcome, u64::try_from(*steps).ok()?))
        };
        codes
            .iter()
            .zip(&steps)
            .map(|row| {
                pair(row).ok_or_else(|| self.file.refuse("an outcome or step is impossible"))
            })
            .collect()
    }

    /// How bounds of the probabilities of the study are computed.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if the method or the level is none that is known.
    pub fn intervals(&self) -> Result<Intervals> {
        let named = Intervals::named(&self.interval_method, self.interval_level, self.cells.len());
        named.ok_or_else(|| {
            let (method, level) = (&self.interval_method, self.interval_level);
            self.file.refuse(format!("its intervals are {method:?} at level {level}"))
        })
    }

    fn per_trial<T: hdf5::H5Type>(
        &self,
        name: &str,
        cell: usize,
        trials: &Range<u64>,
    ) -> Result<Vec<T>> {
        self.check_rows()?;
        let (shape, selection) = self.select(cell, trials);
        self.file.selected(name, &shape, selection)
    }

    /// An error if there are no rows.
    fn check_rows(&self) -> Result<()> {
        if self.has_rows {
            return Ok(());
        }
        Err(self.file.lacks(
            "rows of trials: the study was run with store.rows = false, so it keeps what the cells \
             come to and histograms only",
        ))
    }

    fn hit_steps(&self, cell: usize, trials: &Range<u64>) -> Result<Vec<i64>> {
        if self.ladder.is_empty() {
            return Ok(Vec::new());
        }
        let (mut shape, mut selection) = self.select(cell, trials);
        shape.push(self.ladder.len());
        selection.push((..).into());
        self.file.selected("hit_steps", &shape, selection)
    }

    /// Shape of a variable of each trial, and the selection of some trials of one cell.
    fn select(&self, cell: usize, trials: &Range<u64>) -> (Vec<usize>, Vec<SliceOrIndex>) {
        let shape = self.shape();
        let mut selection: Vec<SliceOrIndex> =
            position(cell, &shape[..self.axes.len()]).into_iter().map(SliceOrIndex::from).collect();
        // Trial numbers fit: the length of the dimension was a usize.
        selection.push((trials.start as usize..trials.end as usize).into());
        (shape, selection)
    }
}

/// The versions of the format that are read, with newer minor ones.
const VERSIONS: [[i32; 2]; 2] = [schema::VERSION, schema::VERSION_WITHOUT_ALL_ROWS];

/// The newest major version of them.
const NEWEST: i32 = schema::VERSION_WITHOUT_ALL_ROWS[0];

/// The indices of a cell along the axes, from its row-major number.
fn position(mut cell: usize, lengths: &[usize]) -> Vec<usize> {
    let mut indices: Vec<usize> = lengths
        .iter()
        .rev()
        .map(|&length| {
            let index = cell % length;
            cell /= length;
            index
        })
        .collect();
    assert_eq!(cell, 0, "the sweep has fewer cells");
    indices.reverse();
    indices
}

/// A number that is an attribute of the root, or what it is in older files, which lack it.
fn whole<N: TryInto<u64>>(
    file: &Guarded,
    name: &str,
    otherwise: impl FnOnce() -> Result<N>,
) -> Result<u64> {
    let root = file.root();
    let number = match root.attr(name) {
        Ok(_) => match file.attribute::<i64>(root, name)?[..] {
            [number] => u64::try_from(number).ok(),
            _ => None,
        },
        Err(_) => otherwise()?.try_into().ok(),
    };
    number.ok_or_else(|| file.refuse(format!("{name} is not a number from 0 on")))
}

fn check_version(file: &Guarded) -> Result<()> {
    let root = file.root();
    if root.attr("deeplin_format").is_err() {
        return Err(file.refuse("is not a results file of deeplin"));
    }
    let format = file.text(root, "deeplin_format")?;
    if format == trace::FORMAT {
        let message = "is not a results file but the trace of one trial";
        let help = "h5py and xarray read it as it is (`deeplin trace --help` says what is in it); \
                    of a study give results.h5, or the directory that holds it";
        return Err(file.refuse_and_advise(message, help));
    }
    if format != schema::FORMAT {
        let message = format!("is not a results file but of format {format:?}");
        let help = "give results.h5, or the directory that holds it";
        return Err(file.refuse_and_advise(message, help));
    }
    match file.attribute::<i32>(root, "format_version")?[..] {
        [major, minor]
            if VERSIONS.iter().any(|version| major == version[0] && minor >= version[1]) =>
        {
            Ok(())
        }
        [major, minor] if major <= NEWEST => Err(file.refuse(format!(
            "has format version {major}.{minor} of an older deeplin: run its study again"
        ))),
        [major, minor] => Err(file.refuse(format!(
            "has format version {major}.{minor}; this program reads up to {NEWEST}.x"
        ))),
        _ => Err(file.refuse("format_version is not [major, minor]")),
    }
}

fn read_axes(file: &Guarded) -> Result<Vec<Axis>> {
    let sweep = file.text(file.root(), "sweep")?;
    let sweep: Vec<Vec<String>> =
        serde_json::from_str(&sweep).map_err(|_| file.refuse("sweep is not a list of keys"))?;
    sweep.into_iter().map(|keys| read_axis(file, keys)).collect()
}

fn read_axis(file: &Guarded, keys: Vec<String>) -> Result<Axis> {
    let mut length = None;
    let mut read = |key: String| {
        let name = key.replace('.', "_");
        let expected = match length {
            Some(length) => length,
            None => file.length(&name)?,
        };
        length = Some(expected);
        let values = file.coordinates(&name, expected)?;
        Ok(AxisKey { key, values })
    };
    let keys = keys.into_iter().map(&mut read).collect::<Result<Vec<_>>>()?;
    match length {
        Some(1..) => Ok(Axis { keys }),
        _ => Err(file.refuse("an axis of the sweep is empty")),
    }
}

/// The summaries of the cells: what each variable has for them, at its place.
fn read_cells(file: &Guarded, lengths: &[usize]) -> Result<Vec<CellSummary>> {
    let mut cells = Vec::new();
    for variable in schema::of_cells() {
        let name = variable.name;
        match variable.source.place() {
            Some(Place::Count(of)) => {
                let counts: Vec<i64> = file.values(name, lengths)?;
                cells.resize(counts.len(), CellSummary::default());
                for (cell, count) in cells.iter_mut().zip(counts) {
                    let negative = |_| file.refuse(format!("{name} is negative"));
                    *of(cell) = count.try_into().map_err(negative)?;
                }
            }
            Some(Place::Number(of)) => {
                let numbers: Vec<f64> = file.values(name, lengths)?;
                cells.resize(numbers.len(), CellSummary::default());
                for (cell, number) in cells.iter_mut().zip(numbers) {
                    *of(cell) = number;
                }
            }
            None => {}
        }
    }
    Ok(cells)
}

fn read_kernels(file: &Guarded, lengths: &[usize]) -> Result<Vec<CellKernel>> {
    let kernels = read_words(file, "kernel", lengths)?;
    let precisions = read_words(file, "precision", lengths)?;
    let pair = |(kernel, precision)| CellKernel { kernel, precision };
    Ok(kernels.into_iter().zip(precisions).map(pair).collect())
}

/// The learning rates that were tuned.
fn read_tuned(file: &Guarded, lengths: &[usize]) -> Result<Vec<f64>> {
    let (name, _) = schema::TUNED_LEARNING_RATE;
    if file.has(name) { file.values(name, lengths) } else { Ok(Vec::new()) }
}

/// A word for each cell, from CF flags of the provenance group.
fn read_words(file: &Guarded, name: &str, lengths: &[usize]) -> Result<Vec<String>> {
    let path = format!("{}/{name}", schema::PROVENANCE);
    let codes: Vec<i8> = file.values(&path, lengths)?;
    let dataset = file.dataset(&path)?;
    let meanings = file.text(&dataset, "flag_meanings")?;
    let meanings: Vec<&str> = meanings.split(' ').collect();
    let word = |code: i8| meanings.get(usize::try_from(code).ok()?).copied();
    codes
        .into_iter()
        .map(|code| word(code).map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(|| file.refuse(format!("{path} has a code without a meaning")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Error;
    use crate::store::draft::tests::sealed;
    use crate::store::draft::{Attribute, Values};
    use crate::store::io::Disk;
    use crate::store::manifest::tests::{axis, manifest};
    use crate::store::numerics::Numerics;
    use crate::store::part::decode;
    use crate::store::part::tests::rows;
    use crate::store::part::write_part;
    use crate::store::pieces::Pieces;
    use crate::store::results::{Absent, Found, Trials};
    use crate::store::traced::Traced;
    use crate::store::{results, seal};
    use crate::study::AxisValues;

    /// Why `bytes` are refused as a results file.
    fn refusal(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.h5");
        fs::write(&path, bytes).unwrap();
        let error = ResultsFile::open(&path).unwrap_err();
        assert!(matches!(error, Error::Content { .. }), "{error}");
        error.to_string()
    }

    #[test]
    fn cells_are_row_major() {
        assert_eq!(position(0, &[]), [0_usize; 0]);
        assert_eq!(position(7, &[3, 4]), [1, 3]);
        assert_eq!(position(23, &[2, 3, 4]), [1, 2, 3]);
    }

    #[test]
    fn truncated_and_changed_files_are_refused() {
        let manifest = manifest(vec![axis("init.std", AxisValues::Floats(vec![0.5]))], 1, &[]);
        let intervals = Intervals::of(&manifest);
        let dir = tempfile::tempdir().unwrap();
        let numerics = Numerics::default();
        let part =
            write_part(&Disk, dir.path(), &manifest, &numerics, &[rows(0, 0, 1, 0)]).unwrap();
        let mut pieces = Pieces::new(&Disk, 0);
        pieces.add(&part, &decode(&fs::read(&part).unwrap(), &manifest).unwrap()).unwrap();
        let good = sealed(|draft| {
            let mut found =
                Found { trials: Trials::Rows(pieces), traced: Traced::new(&Disk), looks: None };
            let nothing = Absent { trials: 0, trajectories: 0 };
            results::write(draft, &manifest, &[numerics], &intervals, &mut found, nothing)
                .map(|_| ())
        });
        // Less than this is not seen to be HDF5.
        assert!(refusal(&good[..7]).contains("not HDF5"));
        for len in (8..good.len()).step_by(97) {
            assert!(refusal(&good[..len]).contains("hash"), "{len}");
        }
        for i in (8..good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[i] ^= 0x80;
            assert!(refusal(&bad).contains("hash"), "{i}");
        }
    }

    #[test]
    fn other_formats_and_newer_versions_are_refused() {
        let file = |format, version: &[i32]| {
            sealed(|draft| {
                let format = ("deeplin_format", Attribute::Text(format));
                let version = ("format_version", Attribute::Ints(version));
                Ok(draft.attributes(&[format, version])?)
            })
        };
        let cases = [
            (sealed(|_| Ok(())), "not a results file of deeplin"),
            (file("other", &[1, 0]), "of format \"other\""),
            (file(trace::FORMAT, &[1, 0]), "the trace of one trial"),
            (file("results", &[4, 2]), "format version 4.2"),
            (file("results", &[1]), "not [major, minor]"),
            (file("results", &[1, 1]), "older deeplin"),
            (file("results", &[2, 2]), "older deeplin"),
            (file("results", &schema::VERSION), "study_digest cannot be read"),
        ];
        for (bytes, expected) in cases {
            let message = refusal(&bytes);
            assert!(message.contains(expected), "{message}");
        }
        let mut text = b"not HDF5 at all".to_vec();
        seal::append(&mut text);
        assert!(refusal(&text).contains("HDF5 cannot open it"));
    }

    #[test]
    fn wrong_types_and_shapes_are_refused() {
        let build = |trial: Values<'_>, sweep: &str| {
            sealed(|draft| {
                draft.attributes(&[
                    ("deeplin_format", Attribute::Text(schema::FORMAT)),
                    ("format_version", Attribute::Ints(&schema::VERSION)),
                    ("study_digest", Attribute::Text(&Digest::of(b"").hex())),
                    ("sweep", Attribute::Text(sweep)),
                ])?;
                draft.dimension("trial", trial, &[])?;
                draft.dimension("init_std", Values::Int8(&[1]), &[])?;
                let level = [("level", Attribute::Text("high"))];
                draft.variable("probability_lower", &["trial"], Values::Int8(&[0]), &level)?;
                Ok(())
            })
        };
        let trial = Values::Int64(&[0]);
        let cases = [
            (build(trial, "[[]]"), "an axis of the sweep is empty"),
            (build(trial, "{}"), "not a list of keys"),
            (build(trial, r#"[["init.gain"]]"#), "there is no dataset `init_gain`"),
            (build(trial, r#"[["init.std"]]"#), "init_std is not of the type"),
            (build(trial, "[]"), "level is not of the type"),
        ];
        for (bytes, expected) in cases {
            let message = refusal(&bytes);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn links_that_leave_the_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("linked.h5");
        let file = hdf5::File::create(&path).unwrap();
        file.link_external("/etc/passwd", "/", "outcome").unwrap();
        file.close().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        seal::append(&mut bytes);
        assert!(refusal(&bytes).contains("through the link `outcome`"));
    }

    #[test]
    fn a_directory_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let error = ResultsFile::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("is not a file"), "{error}");
    }
}
