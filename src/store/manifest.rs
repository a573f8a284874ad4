//! `study.json`: what a directory of results is about, without the configuration file or the data.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::io::{FileSystem, read_at_most};
use super::publish::{publish, sweep};
use super::refinement::Slice;
use super::trajectories::trajectories_dir;
use crate::digest::Digest;
use crate::observe::spacing::RecordedSteps;
use crate::observe::trajectory::Sizes;
use crate::study::{
    Axis, Block, Cell, IntervalRule, Refinement, StoppingRule, Study, TrajectoryRule,
};
use crate::{Error, Result};

/// The file's name.
pub const FILE: &str = "study.json";

/// What the file says it is.
const FORMAT: &str = "deeplin study";

/// Major and minor version of the file's format; a newer major one is refused.
const VERSION: [u32; 2] = [1, 0];

/// That of a study that keeps no rows: what does not know of tallies does not read it.
const VERSION_OF_TALLIES: [u32; 2] = [2, 0];

/// That of a study with trajectories, likewise.
const VERSION_OF_TRAJECTORIES: [u32; 2] = [3, 0];

/// That of a study in which cells decide about the trials of others, by a budget or a refined axis, likewise.
const VERSION_OF_ALLOTMENT: [u32; 2] = [4, 0];

/// Longest file that is read, in bytes; a study of a million cells takes about 150 MB.
const LONGEST: u64 = 1 << 29;

/// Everything about a study that storing, merging and reporting need. A function of the study and
/// of the kernels planned for it only, so equal on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What the file is.
    format: String,
    /// Version of its format.
    format_version: [u32; 2],
    /// Name of the study.
    pub name: String,
    /// Digest of the study.
    #[serde(with = "hex")]
    pub digest: Digest,
    /// Seed.
    pub seed: u64,
    /// Trials of each cell; the most that one may have, if there is a [`stopping`](Self::stopping) rule.
    pub trials: u64,
    /// When a cell has enough trials, if not when it has [`trials`](Self::trials).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<StoppingRule>,
    /// Where an axis is refined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refinement: Option<Refinement>,
    /// The largest number of updates that a trial of any cell may make.
    pub max_steps: u64,
    /// Axes of the sweep.
    pub axes: Vec<Axis>,
    /// Losses whose first hits are recorded.
    pub ladder: Vec<f64>,
    /// If tallies of blocks are kept instead of rows (`store.rows = false`): the trials of a block of
    /// each cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_sizes: Option<Vec<u64>>,
    /// How bounds of probabilities are computed.
    #[serde(default)]
    pub interval: IntervalRule,
    /// The cells whose learning rates are tuned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<usize>,
    /// If trajectories are kept: which, and how large they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trajectories: Option<Trajectories>,
    /// How each cell is computed, in the order of the cells.
    pub kernels: Vec<CellKernel>,
    /// The resolved configuration.
    pub config: String,
}

/// The trajectories of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trajectories {
    /// How many trials of each cell have one: the first ones.
    pub trials: u64,
    /// Records that one has at most.
    pub records: usize,
    /// Layers that a network of any cell has at most.
    pub layers: usize,
    /// Singular values that a matrix of any cell has at most.
    pub singular: usize,
    /// Whether singular vectors and the Hessian are recorded.
    pub spectra: bool,
}

impl Trajectories {
    /// Those of a study, if it keeps any.
    pub fn of(study: &Study) -> Option<Self> {
        let rule = study.record?;
        let records = |cell: &Cell| {
            let TrajectoryRule { spacing, points, .. } = rule;
            let steps = RecordedSteps { spacing, points, max_steps: cell.stop.max_steps };
            // A trial that runs on until it is proved to converge ends behind its step limit.
            steps.most() + u64::from(cell.certificate.extra_steps > 0)
        };
        let sizes = study.cells.iter().map(|cell| Sizes::of(&cell.shape)).reduce(Sizes::max)?;
        Some(Self {
            trials: rule.trials,
            records: usize::try_from(study.cells.iter().map(records).max()?).ok()?,
            layers: sizes.layers,
            singular: sizes.singular,
            spectra: rule.spectra,
        })
    }

    /// The longest dimensions.
    pub fn sizes(&self) -> Sizes {
        Sizes { layers: self.layers, singular: self.singular }
    }
}

/// How a cell is computed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKernel {
    /// Name of the kernel, one word.
    pub kernel: String,
    /// Format of its numbers, one word: `float64`.
    pub precision: String,
}

impl Manifest {
    /// The manifest of a study whose `i`-th cell is computed by `kernels[i]` and, if no rows are kept,
    /// cut into blocks of `block_sizes[i]` trials.
    ///
    /// # Panics
    /// If there is not one kernel and one size for each cell.
    pub fn from_study(
        study: &Study,
        kernels: Vec<CellKernel>,
        block_sizes: Option<Vec<u64>>,
    ) -> Self {
        assert_eq!(kernels.len(), study.cells.len(), "one kernel for each cell");
        assert!(block_sizes.as_ref().is_none_or(|sizes| sizes.len() == kernels.len()));
        Self {
            format: FORMAT.into(),
            format_version: match (study.record, &block_sizes) {
                _ if study.refinement.is_some() || study.budget().is_some() => VERSION_OF_ALLOTMENT,
                (Some(_), _) => VERSION_OF_TRAJECTORIES,
                (None, Some(_)) => VERSION_OF_TALLIES,
                (None, None) => VERSION,
            },
            name: study.name.clone(),
            digest: study.digest,
            seed: study.seed,
            trials: study.trials,
            stopping: study.stopping,
            refinement: study.refinement,
            max_steps: study.cells.iter().map(|c| c.stop.max_steps).max().unwrap_or(0),
            axes: study.axes.clone(),
            ladder: study.ladder.clone(),
            block_sizes,
            interval: study.interval,
            tuned: study.cells.iter().filter(|c| c.tuning.is_some()).map(|c| c.index).collect(),
            trajectories: Trajectories::of(study),
            kernels,
            config: study.config.clone(),
        }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.kernels.len()
    }

    /// Most cells that get trials.
    pub fn most_cells(&self) -> usize {
        let cells = self.cells();
        self.refinement.map_or(cells, |refinement| refinement.most_cells(cells, &self.axes))
    }

    /// Whether what came of trials decides which cells have how many.
    pub fn is_adaptive(&self) -> bool {
        self.stopping.is_some() || self.refinement.is_some()
    }

    /// Trials of a cell from one look to the next; all of a cell if their number is fixed.
    pub(super) fn every(&self) -> u64 {
        self.stopping.map_or(self.trials, |rule| rule.every)
    }

    /// The manifest without the points of a refined axis at which no cell has trials, and of each cell the
    /// number that it has then; `None` if no axis is refined.
    pub(super) fn without_idle_points(
        &self,
        trials: &Coverage,
    ) -> Option<(Self, Vec<Option<usize>>)> {
        let Refinement { axis, spacing, .. } = self.refinement?;
        let length = self.axes[axis].len();
        let slices = Slice::all(&self.axes, axis);
        let has_trials = |point| slices.iter().any(|slice| trials.prefix(slice.cell(point)) > 0);
        let is_used = |point: usize| point.is_multiple_of(spacing) || has_trials(point);
        let points: Vec<usize> = (0..length).filter(|&point| is_used(point)).collect();
        let mut used: Vec<usize> = slices
            .iter()
            .flat_map(|&slice| points.iter().map(move |&point| slice.cell(point)))
            .collect();
        used.sort_unstable();
        let mut numbers = vec![None; self.cells()];
        for (number, &cell) in used.iter().enumerate() {
            numbers[cell] = Some(number);
        }
        let mut manifest = self.clone();
        for key in &mut manifest.axes[axis].keys {
            key.values = key.values.only(&points);
        }
        manifest.kernels = used.iter().map(|&cell| self.kernels[cell].clone()).collect();
        let sizes = |sizes: &Vec<u64>| used.iter().map(|&cell| sizes[cell]).collect();
        manifest.block_sizes = self.block_sizes.as_ref().map(sizes);
        manifest.tuned = self.tuned.iter().filter_map(|&cell| numbers[cell]).collect();
        Some((manifest, numbers))
    }

    /// Whether the rows of trials are kept, not only their tallies.
    pub fn keeps_rows(&self) -> bool {
        self.block_sizes.is_none()
    }

    /// Whether tallies are kept and this is a block that has one.
    pub(super) fn is_block(&self, Block { cell, first, count }: Block) -> bool {
        let size = self.block_sizes.as_ref().and_then(|sizes| sizes.get(cell));
        size.is_some_and(|&size| {
            first < self.trials
                && first.is_multiple_of(size)
                && count == size.min(self.trials - first)
        })
    }

    /// Number of points of each axis.
    pub fn lengths(&self) -> Vec<usize> {
        self.axes.iter().map(Axis::len).collect()
    }

    /// Reads `study.json` of a directory.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be read; [`Error::Content`] if it is foreign, damaged or of a
    /// newer format.
    pub fn read(fs: &dyn FileSystem, dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        match Self::read_if_there(fs, &path)? {
            Some(manifest) => Ok(manifest),
            None => Err(Error::content(
                dir,
                format!("there is no {FILE}: this is not a directory of results"),
                Some(
                    "give the directory that `deeplin run` wrote to (runs/NAME by default)".into(),
                ),
            )),
        }
    }

    /// Makes `dir` the directory of this study: creates it with its `study.json`, or checks that the
    /// one there is of this study; removes what killed processes left in it. Harmless when several
    /// processes do it at once.
    ///
    /// # Errors
    /// [`Error::Storage`], or [`Error::Content`] if the directory belongs to another study or was
    /// planned by another version of the program.
    pub fn establish(&self, fs: &dyn FileSystem, dir: &Path) -> Result<()> {
        let parts = parts_dir(dir);
        fs.create_dir_all(&parts).map_err(Error::storage("create", &parts))?;
        let path = dir.join(FILE);
        match Self::read_if_there(fs, &path)? {
            Some(there) => there.check_same(self, &path)?,
            None => match publish(fs, dir, FILE, &self.to_json()) {
                Ok(_) => {}
                // Another process was faster; whether it runs the same study is to be seen.
                Err(Error::Content { .. }) => Self::read(fs, dir)?.check_same(self, &path)?,
                Err(e) => return Err(e),
            },
        }
        sweep(fs, dir)?;
        sweep(fs, &parts)?;
        if self.trajectories.is_some() {
            sweep(fs, &trajectories_dir(dir))?;
        }
        Ok(())
    }

    fn read_if_there(fs: &dyn FileSystem, path: &Path) -> Result<Option<Self>> {
        match read_at_most(fs, path, LONGEST) {
            Ok(bytes) => Self::from_json(&bytes).map(Some).map_err(|message| {
                let help = "choose another directory with -o, or restore the file";
                Error::content(path, message, Some(help.into()))
            }),
            // A file where the directory should be has nothing in it.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(e) => Err(Error::storage("read", path)(e)),
        }
    }

    fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain data with text keys");
        json.push(b'\n');
        json
    }

    fn from_json(bytes: &[u8]) -> std::result::Result<Self, String> {
        /// What every version of the format begins with.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            format_version: [u32; 2],
        }
        let head: Head =
            serde_json::from_slice(bytes).map_err(|e| format!("is not a {FORMAT} file: {e}"))?;
        if head.format != FORMAT {
            return Err(format!("is not a {FORMAT} file but {:?}", head.format));
        }
        let [major, minor] = head.format_version;
        let newest = VERSION_OF_ALLOTMENT[0];
        if major > newest {
            return Err(format!(
                "has format version {major}.{minor}; this program reads up to {newest}.x, so a newer \
                 deeplin is needed",
            ));
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| format!("is damaged: {e}"))?;
        manifest.check().map_err(|e| format!("is damaged: {e}"))?;
        Ok(manifest)
    }

    /// What the rest of the room relies on.
    fn check(&self) -> std::result::Result<(), String> {
        let mut cells = 1_usize;
        for axis in &self.axes {
            let len = axis.keys.first().map_or(0, |key| key.values.len());
            if len == 0 || axis.keys.iter().any(|key| key.values.len() != len) {
                return Err("an axis is empty or its keys are not equally long".into());
            }
            cells = cells.checked_mul(len).ok_or("the sweep is too large")?;
        }
        if cells != self.kernels.len() {
            let found = self.kernels.len();
            return Err(format!("the axes have {cells} cells, but {found} are listed"));
        }
        let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        if !self.kernels.iter().all(|k| is_word(&k.kernel) && is_word(&k.precision)) {
            return Err("the name of a kernel is not one word".into());
        }
        if self.trials == 0 || self.max_steps > i64::MAX as u64 {
            return Err("the number of trials or steps is out of range".into());
        }
        if let Some(sizes) = &self.block_sizes
            && (sizes.len() != cells || sizes.contains(&0))
        {
            return Err("there is not one size of blocks for each cell".into());
        }
        let rows = usize::try_from(self.trials).ok().and_then(|t| t.checked_mul(cells));
        if rows.is_none() {
            return Err("there are too many trials".into());
        }
        if self.tuned.iter().any(|&cell| cell >= cells) {
            return Err("a cell that is not there is tuned".into());
        }
        if !(self.interval.level > 0.0 && self.interval.level < 1.0) {
            return Err("its level of confidence is impossible".into());
        }
        if self.stopping.is_some_and(|rule| !rule.is_possible()) {
            return Err("it can never have enough trials".into());
        }
        let is_refined = |rule: Refinement| {
            let length = self.axes.get(rule.axis).map_or(0, Axis::len);
            rule.spacing > 0 && length > 0 && (length - 1).is_multiple_of(rule.spacing)
        };
        if !self.refinement.is_none_or(is_refined) {
            return Err("its refinement is impossible".into());
        }
        self.check_trajectories()
    }

    fn check_trajectories(&self) -> std::result::Result<(), String> {
        let Some(Trajectories { trials, records, layers, singular, .. }) = self.trajectories else {
            return Ok(());
        };
        if trials > self.trials || [records, layers, singular].contains(&0) {
            return Err("its trajectories are impossible".into());
        }
        let numbers = [self.cells(), records, layers, singular];
        let product = |all: usize, &n: &usize| all.checked_mul(n);
        if numbers.iter().try_fold(trials as usize, product).is_none() {
            return Err("its trajectories are too large".into());
        }
        Ok(())
    }

    /// Whether `self`, which was found at `path`, is the manifest of `mine`.
    fn check_same(&self, mine: &Self, path: &Path) -> Result<()> {
        if self.digest != mine.digest {
            return Err(self.other_study(mine, path));
        }
        if self.block_sizes != mine.block_sizes {
            return Err(self.other_blocks(mine, path));
        }
        if self.kernels != mine.kernels {
            let i = (0..self.cells().min(mine.cells()))
                .find(|&i| self.kernels[i] != mine.kernels[i])
                .unwrap_or(0);
            let name = |m: &Self| m.kernels.get(i).map_or("nothing", |k| &k.kernel).to_owned();
            let help = "finish it with the version of deeplin that began it, or choose another \
                        directory with -o";
            return Err(Error::content(
                path,
                format!(
                    "was planned by another version of deeplin: cell {i} by {}, now by {}",
                    name(self),
                    name(mine)
                ),
                Some(help.into()),
            ));
        }
        Ok(())
    }

    /// The error for a directory that keeps something else of the same study.
    fn other_blocks(&self, mine: &Self, path: &Path) -> Error {
        let other_directory = "or choose another directory with -o";
        let (message, help) = match (&self.block_sizes, &mine.block_sizes) {
            (Some(there), Some(now)) => {
                let i = (0..there.len()).find(|&i| there[i] != now[i]).unwrap_or(0);
                let (there, now) = (there[i], now[i]);
                (
                    format!(
                        "keeps tallies of blocks of {there} trials of cell {i}, now they would be of \
                         {now}: tallies cannot be cut"
                    ),
                    format!(
                        "set store.block as it was when the study began (0 if it was not set), \
                         {other_directory}"
                    ),
                )
            }
            (there, _) => {
                let [kept, wanted] = match there {
                    None => ["rows", "tallies"],
                    Some(_) => ["tallies", "rows"],
                };
                let was = there.is_none();
                (
                    format!("keeps {kept} of this study, not {wanted}"),
                    format!("continue with store.rows = {was}, {other_directory}"),
                )
            }
        };
        Error::content(path, message, Some(help))
    }

    fn other_study(&self, mine: &Self, path: &Path) -> Error {
        let differences = differing_lines(&self.config, &mine.config);
        let message = if differences.is_empty() {
            format!("belongs to the study {:?} with other data files", self.name)
        } else {
            format!("belongs to another study, {:?}; they differ in\n{differences}", self.name)
        };
        let help = "choose another directory with -o, or move this one away";
        Error::content(path, message, Some(help.into()))
    }
}

/// The lines that only one of two configurations has, `there:` and `now:`, at most twelve.
fn differing_lines(there: &str, now: &str) -> String {
    const SHOWN: usize = 12;
    let only = |a: &str, b: &str, label: &str| -> Vec<String> {
        a.lines()
            .filter(|line| !b.lines().any(|other| other == *line))
            .map(|line| format!("  {label} {line}"))
            .collect()
    };
    let mut lines = only(there, now, "there:");
    lines.extend(only(now, there, "now:  "));
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("  and {more} lines more"));
    }
    lines.join("\n")
}

/// Where the parts of a directory of results are.
pub fn parts_dir(dir: &Path) -> PathBuf {
    dir.join("parts")
}

/// Digests as hexadecimal text.
pub(super) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::digest::Digest;

    pub(in crate::store) fn serialize<S: Serializer>(
        digest: &Digest,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&digest.hex())
    }

    pub(in crate::store) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Digest, D::Error> {
        let text = String::deserialize(from)?;
        Digest::from_hex(&text).ok_or_else(|| D::Error::custom("not a digest of 64 hex digits"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use super::*;
    use crate::store::io::Disk;
    use crate::study::{AxisKey, AxisValues};

    /// A manifest over the given axes, for the tests of this room.
    pub(in crate::store) fn manifest(axes: Vec<Axis>, trials: u64, ladder: &[f64]) -> Manifest {
        let cells = axes.iter().map(Axis::len).product();
        let kernel = CellKernel { kernel: "blas".into(), precision: "float64".into() };
        let config = format!("name = \"test\"\nseed = 7\ntrials = {trials}\n");
        Manifest {
            format: FORMAT.into(),
            format_version: VERSION,
            name: "test".into(),
            digest: Digest::of(config.as_bytes()),
            seed: 7,
            trials,
            stopping: None,
            refinement: None,
            max_steps: 1000,
            axes,
            ladder: ladder.to_vec(),
            block_sizes: None,
            interval: IntervalRule::default(),
            tuned: Vec::new(),
            trajectories: None,
            kernels: vec![kernel; cells],
            config,
        }
    }

    /// The manifest of the same study that keeps tallies of blocks of these sizes.
    pub(in crate::store) fn tallied(manifest: Manifest, sizes: &[u64]) -> Manifest {
        let block_sizes = Some(sizes.to_vec());
        Manifest { format_version: VERSION_OF_TALLIES, block_sizes, ..manifest }
    }

    /// An axis of one key.
    pub(in crate::store) fn axis(key: &str, values: AxisValues) -> Axis {
        Axis { keys: vec![AxisKey { key: key.into(), values }] }
    }

    fn example() -> Manifest {
        let stds = AxisValues::Floats(vec![0.1, 1.0 / 3.0]);
        manifest(vec![axis("init.std", stds)], 5, &[1e-1, 1e-5])
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example();
        manifest.establish(&Disk, dir.path()).unwrap();
        assert_eq!(Manifest::read(&Disk, dir.path()).unwrap(), manifest);
        manifest.establish(&Disk, dir.path()).unwrap();
    }

    #[test]
    fn another_study_is_refused_with_the_lines_that_differ() {
        let dir = tempfile::tempdir().unwrap();
        example().establish(&Disk, dir.path()).unwrap();
        let other = manifest(example().axes, 6, &[]);
        let error = other.establish(&Disk, dir.path()).unwrap_err().to_string();
        assert!(error.contains("there: trials = 5"), "{error}");
        assert!(error.contains("now:   trials = 6"), "{error}");
    }

    #[test]
    fn another_plan_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        example().establish(&Disk, dir.path()).unwrap();
        let mut other = example();
        other.kernels[1].kernel = "compact".into();
        let error = other.establish(&Disk, dir.path()).unwrap_err().to_string();
        assert!(error.contains("cell 1 by blas, now by compact"), "{error}");
    }

    #[test]
    fn what_is_kept_cannot_change() {
        let rows = example();
        let tallies = |sizes: [u64; 2]| tallied(example(), &sizes);
        let cases = [
            (&rows, &tallies([2, 3]), "keeps rows of this study, not tallies"),
            (&tallies([2, 3]), &rows, "keeps tallies of this study, not rows"),
            (&tallies([2, 3]), &tallies([2, 4]), "of blocks of 3 trials of cell 1"),
        ];
        for (there, now, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            there.establish(&Disk, dir.path()).unwrap();
            assert_eq!(Manifest::read(&Disk, dir.path()).unwrap(), *there);
            let error = now.establish(&Disk, dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn blocks_of_tallies_are_cut_at_multiples_of_their_size() {
        let manifest = tallied(example(), &[2, 9]);
        let blocks = [(0, 0, 2), (0, 2, 2), (0, 4, 1), (1, 0, 5)];
        for (cell, first, count) in
            (0..4).flat_map(|c| (0..7).flat_map(move |f| (0..7).map(move |n| (c, f, n))))
        {
            let expected = blocks.contains(&(cell, first, count));
            assert_eq!(manifest.is_block(Block { cell, first, count }), expected);
        }
        assert!(!example().is_block(Block { cell: 0, first: 0, count: 2 }));
    }

    #[test]
    fn foreign_damaged_and_newer_files_are_refused() {
        let good = String::from_utf8(example().to_json()).unwrap();
        let cases = [
            ("", "is not a deeplin study file"),
            ("{}", "is not a deeplin study file"),
            (&good[..good.len() / 2], "is not a deeplin study file"),
            (&good.replace("deeplin study", "other"), "but \"other\""),
            (&good.replacen("    1,\n    0", "    5,\n    0", 1), "newer deeplin"),
            (&good.replace("\"trials\": 5", "\"trials\": 0"), "is damaged"),
            (&good.replace("\"trials\": 5", "\"trials\": -1"), "is damaged"),
            (&good.replace("0.1,", ""), "is damaged"),
        ];
        for (text, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(FILE), text).unwrap();
            let error = Manifest::read(&Disk, dir.path()).unwrap_err();
            assert!(matches!(error, Error::Content { .. }));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_directory_without_a_study_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Manifest::read(&Disk, dir.path()).unwrap_err().to_string();
        assert!(error.contains("no study.json"), "{error}");
    }
}
