//! Parts to `results.h5`: a pure function of the rows, however they were cut up.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::coverage::Coverage;
use super::draft;
use super::io::{FileSystem, is_gone};
use super::looks::Looks;
use super::manifest::{Manifest, parts_dir};
use super::numerics::Numerics;
use super::part::Contents;
use super::pieces::Pieces;
use super::publish::{Published, publish_sealed};
use super::rates::{Rates, rates_dir, read_rates};
use super::results::{self, Absent, Found, Trials};
use super::scan::{Scan, scan_with};
use super::summary::{CellSummary, Intervals};
use super::tallies::Tallies;
use super::traced::Traced;
use crate::{Error, Result};

/// How to merge.
#[derive(Clone, Copy)]
pub struct MergeOptions {
    /// Whether parts that were computed with different libraries or versions may be put together.
    pub mixed: bool,
}

/// What merging came to.
#[derive(Debug, Clone)]
pub enum Merge {
    /// Everything is there and `results.h5` holds it.
    Complete {
        /// The file.
        path: PathBuf,
        /// Whether it is new.
        published: Published,
        /// The cells.
        cells: Vec<CellSummary>,
        /// Damaged parts, which were not needed.
        damaged: Vec<PathBuf>,
    },
    /// Rows are missing; nothing was written.
    Incomplete {
        /// Which.
        missing: Missing,
        /// Damaged parts, whose rows count as missing.
        damaged: Vec<PathBuf>,
    },
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Trials without a row.
    pub trials: Gaps,
    /// Trials without the trajectory that they should have.
    pub trajectories: Gaps,
    /// Where what comes of trials decides how many there are: cells that need more, with the
    /// trials that they have without a gap.
    pub open: Vec<(usize, u64)>,
}

/// Trials that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// For each cell with gaps its number and the ranges of trials that are missing.
    pub cells: Vec<(usize, Vec<Range<u64>>)>,
    /// Of how many trials.
    pub of: u64,
}

/// Builds `DIR/results.h5` from the parts of `dir`, if every row is there. The parts are read twice:
/// one by one to check them and to see what is where, then piece by piece in the order of the
/// results, so that memory does not grow with the number of trials.
///
/// # Errors
/// [`Error::Storage`]; [`Error::Content`] if the directory is not one of results, a part belongs to
/// another study, two parts contradict each other, or their numerics differ without
/// [`MergeOptions::mixed`].
pub fn merge(fs: &dyn FileSystem, dir: &Path, options: &MergeOptions) -> Result<Merge> {
    while_parts_go(dir, || merge_once(fs, dir, options))
}

/// Begins a merge again when parts go away under it: a process that runs compacts its own.
fn while_parts_go<T>(dir: &Path, merge: impl Fn() -> Result<T>) -> Result<T> {
    const ATTEMPTS: usize = 20;
    for _ in 1..ATTEMPTS {
        match merge() {
            Err(Error::Storage { path, source, .. })
                if is_gone(&source) && path.parent() == Some(&parts_dir(dir)) => {}
            done => return done,
        }
    }
    merge()
}

fn merge_once(fs: &dyn FileSystem, dir: &Path, options: &MergeOptions) -> Result<Merge> {
    let mut manifest = Manifest::read(fs, dir)?;
    let mut found = Found::new(fs, &manifest);
    let mut scan = found.scan(fs, dir, &manifest)?;
    let open = found.end_cells(&mut scan, &mut manifest);
    let missing = Missing::of(&scan, &manifest, open);
    if !missing.is_nothing() {
        return Ok(Merge::Incomplete { missing, damaged: scan.damaged });
    }
    let rates = rates(fs, dir, &manifest)?;
    if let Some(cell) = manifest.tuned.iter().find(|cell| !rates.contains_key(cell)) {
        let message = format!("lacks the tuned learning rate of cell {cell}");
        let help = "run the study again, which finds it anew";
        return Err(Error::content(&rates_dir(dir), message, Some(help.into())));
    }
    let target = Target { fs, dir, name: results::FILE };
    let nothing = Absent { trials: 0, trajectories: 0 };
    let (published, cells) =
        target.write(&manifest, &rates, &scan, options, &mut found, nothing)?;
    Ok(Merge::Complete { path: target.path(), published, cells, damaged: scan.damaged })
}

/// What merging came to of a study that need not be complete.
#[derive(Debug, Clone)]
pub struct Partial {
    /// The file.
    pub path: PathBuf,
    /// Whether it is new.
    pub published: Published,
    /// The cells.
    pub cells: Vec<CellSummary>,
    /// What is missing.
    pub missing: Missing,
    /// Trials that are there but behind the first that is missing of their cell: not in the file.
    pub left_out: u64,
}

/// Builds `DIR/partial.h5` from the parts of `dir`, with the trials of each cell before the first that
/// is missing: which trials end first is not random, so the others say nothing yet. The bytes are a
/// function of the study and of how many trials each cell has.
///
/// # Errors
/// As [`merge`].
pub fn merge_partial(fs: &dyn FileSystem, dir: &Path, options: &MergeOptions) -> Result<Partial> {
    while_parts_go(dir, || merge_partial_once(fs, dir, options))
}

fn merge_partial_once(fs: &dyn FileSystem, dir: &Path, options: &MergeOptions) -> Result<Partial> {
    let mut manifest = Manifest::read(fs, dir)?;
    let mut found = Found::new(fs, &manifest);
    let mut scan = found.scan(fs, dir, &manifest)?;
    let all = scan.coverage.total();
    let every = manifest.every();
    let open = found.end_cells(&mut scan, &mut manifest);
    found.trials.keep_prefixes(&scan.coverage);
    found.traced.keep_prefixes(&scan.coverage, &scan.trajectories);
    let missing = Missing::of(&scan, &manifest, open);
    let there: u64 = (0..manifest.cells()).map(|cell| scan.coverage.prefix(cell)).sum();
    let trials = match manifest.is_adaptive() {
        false => missing.trials.of - there,
        // At least: how many more they need is not known.
        true => missing.open.iter().map(|&(_, trials)| every - trials % every).sum(),
    };
    let absent = Absent { trials, trajectories: missing.trajectories.count() };
    let target = Target { fs, dir, name: results::PARTIAL_FILE };
    let rates = rates(fs, dir, &manifest)?;
    let (published, cells) = target.write(&manifest, &rates, &scan, options, &mut found, absent)?;
    let left_out = all - there;
    Ok(Partial { path: target.path(), published, cells, missing, left_out })
}

/// The learning rates that were tuned.
fn rates(fs: &dyn FileSystem, dir: &Path, manifest: &Manifest) -> Result<Rates> {
    if manifest.tuned.is_empty() {
        return Ok(Rates::new());
    }
    let found = read_rates(fs, dir, manifest)?;
    for path in &found.damaged {
        tracing::warn!("{} is damaged and ignored", path.display());
    }
    Ok(found.rates)
}

impl<'a> Trials<'a> {
    /// None yet, of this study.
    fn new(fs: &'a dyn FileSystem, manifest: &Manifest) -> Self {
        match manifest.keeps_rows() {
            true => Self::Rows(Pieces::new(fs, manifest.ladder.len())),
            false => Self::Tallies(Tallies::new(fs, manifest)),
        }
    }

    fn add(&mut self, path: &Path, part: &Contents<'_>) -> Result<()> {
        match self {
            Self::Rows(pieces) => pieces.add(path, part),
            Self::Tallies(tallies) => tallies.add(path, part),
        }
    }

    /// Gives the cells other numbers; what is of cells without one is left out.
    fn renumber(&mut self, numbers: &[Option<usize>]) {
        match self {
            Self::Rows(pieces) => pieces.renumber(numbers),
            Self::Tallies(tallies) => tallies.renumber(numbers),
        }
    }

    fn keep_prefixes(&mut self, coverage: &Coverage) {
        match self {
            Self::Rows(pieces) => pieces.keep_prefixes(coverage),
            Self::Tallies(tallies) => tallies.keep_prefixes(coverage),
        }
    }
}

impl<'a> Found<'a> {
    /// Nothing yet, of this study.
    fn new(fs: &'a dyn FileSystem, manifest: &Manifest) -> Self {
        let (trials, traced) = (Trials::new(fs, manifest), Traced::new(fs));
        Self { trials, traced, looks: Looks::new(manifest) }
    }

    /// Enters what is in the directory.
    fn scan(&mut self, fs: &dyn FileSystem, dir: &Path, manifest: &Manifest) -> Result<Scan> {
        let Self { trials, traced, looks } = self;
        let add = |path: &Path, part: &Contents<'_>| {
            if let Some(looks) = looks {
                looks.add(part);
            }
            trials.add(path, part)
        };
        scan_with(fs, dir, manifest, add, |path, contents| traced.add(path, contents))
    }

    /// Where precision decides how many trials there are: ends every cell where it is precise enough, as if
    /// it had been planned so. The cells that are not yet, with the trials that they have.
    fn end_cells(&mut self, scan: &mut Scan, manifest: &mut Manifest) -> Vec<(usize, u64)> {
        let Some(looks) = &self.looks else { return Vec::new() };
        let (ends, open) = looks.prefixes();
        self.trials.keep_prefixes(&ends);
        manifest.trials = (0..ends.cells()).map(|cell| ends.prefix(cell)).max().unwrap_or(0).max(1);
        let open = open.into_iter().map(|cell| (cell, ends.prefix(cell))).collect();
        scan.coverage = ends;
        open
    }
}

/// The file that is written.
struct Target<'a> {
    fs: &'a dyn FileSystem,
    dir: &'a Path,
    name: &'a str,
}

impl Target<'_> {
    fn path(&self) -> PathBuf {
        self.dir.join(self.name)
    }

    fn write(
        &self,
        manifest: &Manifest,
        rates: &Rates,
        scan: &Scan,
        options: &MergeOptions,
        found: &mut Found<'_>,
        missing: Absent,
    ) -> Result<(Published, Vec<CellSummary>)> {
        let numerics = agreed(self.dir, scan, options.mixed)?;
        let intervals = Intervals::of(manifest);
        let used = manifest.without_idle_points(&scan.coverage);
        let manifest = used.as_ref().map_or(manifest, |(manifest, numbers)| {
            found.trials.renumber(numbers);
            manifest
        });
        let mut cells = Vec::new();
        let published = publish_sealed(self.fs, self.dir, self.name, |path, file| {
            draft::write(path, file, |draft| {
                cells = results::write(draft, manifest, &numerics, &intervals, found, missing)?;
                results::write_rates(draft, manifest, rates)?;
                Ok(())
            })
        })?;
        Ok((published, cells))
    }
}

/// What the rows were computed with: one, or several if they may be mixed.
fn agreed(dir: &Path, scan: &Scan, mixed: bool) -> Result<Vec<Numerics>> {
    if let [(a, path_a), (b, path_b), ..] = &scan.numerics[..]
        && !mixed
    {
        let message = format!(
            "parts were computed with different versions or libraries, for instance {} and {}: {}",
            path_a.display(),
            path_b.display(),
            a.differences(b)
        );
        let help = "their last bits may differ, so they are not one experiment: remove the parts \
                    of one kind and run again, or put them together all the same with --mixed, \
                    which the file will say";
        return Err(Error::content(dir, message, Some(help.into())));
    }
    Ok(scan.numerics.iter().map(|(numerics, _)| numerics.clone()).collect())
}

impl Missing {
    pub(super) fn of(scan: &Scan, manifest: &Manifest, open: Vec<(usize, u64)>) -> Self {
        let traced = manifest.trajectories.map_or(0, |rule| rule.trials);
        let trials = match manifest.is_adaptive() {
            false => Gaps::of(&scan.coverage, manifest.trials),
            true => Gaps { cells: Vec::new(), of: 0 },
        };
        Self { trials, open, trajectories: Gaps::of(&scan.trajectories, traced) }
    }

    /// Whether everything is there.
    pub fn is_nothing(&self) -> bool {
        let Self { trials, trajectories, open } = self;
        trials.cells.is_empty() && trajectories.cells.is_empty() && open.is_empty()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(&self.trials, "trials"), (&self.trajectories, "trajectories")];
        let mut parts = parts.into_iter().filter(|(gaps, _)| !gaps.cells.is_empty());
        if let Some((cell, trials)) = self.open.first() {
            let cells = self.open.len();
            let need = if cells == 1 { "cell needs" } else { "cells need" };
            write!(f, "{cells} {need} more trials, for instance cell {cell}, which has {trials}")?;
        } else if let Some((gaps, what)) = parts.next() {
            gaps.write(f, what)?;
        }
        parts.try_for_each(|(gaps, what)| {
            writeln!(f)?;
            gaps.write(f, what)
        })
    }
}

impl Gaps {
    fn of(coverage: &Coverage, trials: u64) -> Self {
        let gaps = |cell| {
            let ranges = coverage.missing(cell, trials);
            (!ranges.is_empty()).then_some((cell, ranges))
        };
        Self {
            cells: (0..coverage.cells()).filter_map(gaps).collect(),
            of: trials * coverage.cells() as u64,
        }
    }

    /// Number of trials that are missing.
    pub fn count(&self) -> u64 {
        self.cells.iter().flat_map(|(_, ranges)| ranges).map(|r| r.end - r.start).sum()
    }

    /// One line in all, then one for each cell; cells in a row that miss the same are one line.
    fn write(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        write!(f, "{} of {} {what} are missing:", self.count(), self.of)?;
        let alike = |a: &(usize, Vec<_>), b: &(usize, Vec<_>)| a.0 + 1 == b.0 && a.1 == b.1;
        for group in self.cells.chunk_by(alike) {
            let ((first, ranges), (last, _)) = (&group[0], &group[group.len() - 1]);
            match group.len() {
                1 => write!(f, "\n  cell {first}: trials ")?,
                _ => write!(f, "\n  cells {first}-{last}: trials ")?,
            }
            for (i, range) in ranges.iter().enumerate() {
                let separator = if i == 0 { "" } else { ", " };
                write!(f, "{separator}{}-{}", range.start, range.end - 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::io::ErrorKind;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::{axis, manifest, tallied};
    use crate::store::part::tests::{row, rows, tally};
    use crate::store::part::{write_part, write_tallies};
    use crate::store::reader::ResultsFile;
    use crate::study::{Axis, AxisKey, AxisValues, Block};

    const TRIALS: u64 = 6;

    fn options(mixed: bool) -> MergeOptions {
        MergeOptions { mixed }
    }

    /// A sweep with every kind of axis: floats, labels, and integers with a key that moves along.
    fn swept() -> Manifest {
        let keys = [
            ("network.depth", AxisValues::Integers(vec![2, 4])),
            ("descent.learning_rate", AxisValues::Floats(vec![0.1, 0.05])),
        ];
        let zipped = keys.map(|(key, values)| AxisKey { key: key.into(), values });
        let axes = vec![
            axis("init.std", AxisValues::Floats(vec![0.1, 0.3, 1.0])),
            Axis { keys: zipped.into() },
            axis("init.kind", AxisValues::Labels(vec!["gaussian".into(), "μ ∞".into()])),
        ];
        let mut manifest = manifest(axes, TRIALS, &[1e-1, 1e-3]);
        manifest.kernels[3].kernel = "compact".into();
        manifest
    }

    fn numerics(core: &str) -> Numerics {
        Numerics { engine_version: "0.1.0".into(), blas_core: core.into(), ..Numerics::default() }
    }

    /// Stores all rows of a study in parts of `trials` trials of one cell each.
    fn store(dir: &Path, manifest: &Manifest, trials: u64, core: &str) {
        manifest.establish(&Disk, dir).unwrap();
        for cell in 0..manifest.cells() {
            for first in (0..manifest.trials).step_by(trials as usize) {
                let count = trials.min(manifest.trials - first);
                let block = rows(cell, first, count, manifest.ladder.len());
                write_part(&Disk, dir, manifest, &numerics(core), &[block]).unwrap();
            }
        }
    }

    /// Stores the tallies of all blocks of a study, but those of a cell from some trial on.
    fn store_tallies(dir: &Path, manifest: &Manifest, but: (usize, u64)) {
        manifest.establish(&Disk, dir).unwrap();
        for (cell, &size) in manifest.block_sizes.iter().flatten().enumerate() {
            for first in (0..manifest.trials).step_by(size as usize) {
                if cell != but.0 || first < but.1 {
                    let count = size.min(manifest.trials - first);
                    let block = [tally(cell, first, count, manifest.ladder.len())];
                    write_tallies(&Disk, dir, manifest, &numerics("Haswell"), &block).unwrap();
                }
            }
        }
    }

    /// The summaries of two files, NaN equal to itself.
    fn assert_same_cells(a: &ResultsFile, b: &ResultsFile, but: Option<usize>) {
        for (cell, (a, b)) in a.cells.iter().zip(&b.cells).enumerate() {
            assert_eq!(format!("{a:?}") == format!("{b:?}"), Some(cell) != but, "cell {cell}");
        }
    }

    fn complete(dir: &Path, mixed: bool) -> Published {
        match merge(&Disk, dir, &options(mixed)).unwrap() {
            Merge::Complete { published, .. } => published,
            Merge::Incomplete { missing, .. } => panic!("{missing}"),
        }
    }

    #[test]
    fn results_do_not_depend_on_how_the_work_was_cut() {
        for manifest in [swept(), manifest(vec![], TRIALS, &[])] {
            let images: Vec<Vec<u8>> = [1, 4, TRIALS]
                .iter()
                .map(|&trials| {
                    let dir = tempfile::tempdir().unwrap();
                    store(dir.path(), &manifest, trials, "Haswell");
                    assert_eq!(complete(dir.path(), false), Published::New);
                    assert_eq!(complete(dir.path(), false), Published::AlreadyThere);
                    fs::read(dir.path().join("results.h5")).unwrap()
                })
                .collect();
            assert!(images.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn results_do_not_depend_on_the_time() {
        let build = || {
            let dir = tempfile::tempdir().unwrap();
            store(dir.path(), &swept(), TRIALS, "Haswell");
            complete(dir.path(), false);
            fs::read(dir.path().join("results.h5")).unwrap()
        };
        let first = build();
        // HDF5 would record times in seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(first, build());
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = swept();
        store(dir.path(), &manifest, 4, "Haswell");
        complete(dir.path(), false);
        let file = ResultsFile::open(&dir.path().join("results.h5")).unwrap();
        assert_eq!(
            (&file.name, file.digest, file.seed, file.trials),
            (&manifest.name, manifest.digest, manifest.seed, TRIALS)
        );
        assert_eq!(file.config, manifest.config);
        assert_eq!(file.axes, manifest.axes);
        assert_eq!(file.ladder, manifest.ladder);
        assert_eq!(file.kernels, manifest.kernels);
        assert_eq!((file.interval_method.as_str(), file.interval_level), ("Clopper-Pearson", 0.95));
        assert!(file.provenance.contains(&("blas_core".into(), "Haswell".into())));
        for (cell, summary) in file.cells.iter().enumerate() {
            let there = file.rows(cell, 1..TRIALS).unwrap();
            for (trial, found) in (1..TRIALS).zip(&there) {
                let wanted = row(cell, trial, 2);
                let bits = |r: &crate::study::TrialRow| r.measures.to_array().map(f64::to_bits);
                assert_eq!(bits(found), bits(&wanted));
                assert_eq!((found.outcome, found.steps), (wanted.outcome, wanted.steps));
                assert_eq!(found.hit_steps, wanted.hit_steps);
                assert_eq!(found.theorem1, wanted.theorem1);
                assert_eq!(found.certificate, wanted.certificate);
            }
            let outcomes = file.outcomes(cell).unwrap();
            let converged = |(outcome, _): &&(crate::stop::Outcome, u64)| {
                *outcome == crate::stop::Outcome::Converged
            };
            let table = file.theorem1(cell).unwrap();
            for (conditions, by_outcome) in table.iter().enumerate() {
                let those = |code: usize| {
                    let rows = (0..TRIALS).map(|trial| row(cell, trial, 2));
                    let like = |r: &crate::study::TrialRow| {
                        (r.theorem1 as usize, r.outcome as usize) == (conditions, code)
                    };
                    rows.filter(like).count() as u64
                };
                assert_eq!(*by_outcome, [0, 1, 2, 3, 4].map(those), "conditions {conditions}");
            }
            assert_eq!((summary.certified, summary.joint), (2, 1));
            assert_eq!(summary.converged, outcomes.iter().filter(converged).count() as u64);
        }
    }

    /// Histograms of numbers of which some may be absent.
    fn counted(values: impl Iterator<Item = i64>) -> Vec<(u64, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        values
            .filter_map(|v| u64::try_from(v).ok())
            .for_each(|v| *counts.entry(v).or_default() += 1);
        counts.into_iter().collect()
    }

    #[test]
    fn tallies_come_to_what_rows_come_to() {
        for manifest in [swept(), manifest(vec![], TRIALS, &[]), manifest(vec![], TRIALS, &[0.5])] {
            let [with, without] = [(); 2].map(|()| tempfile::tempdir().unwrap());
            store(with.path(), &manifest, 4, "Haswell");
            complete(with.path(), false);
            let sizes: Vec<u64> = (1..=TRIALS + 1).cycle().take(manifest.cells()).collect();
            store_tallies(without.path(), &tallied(manifest.clone(), &sizes), (usize::MAX, 0));
            complete(without.path(), false);
            let open = |dir: &Path| ResultsFile::open(&dir.join("results.h5")).unwrap();
            let [rows, tallies] = [open(with.path()), open(without.path())];
            assert_same_cells(&rows, &tallies, None);
            assert_eq!((rows.has_rows, tallies.has_rows), (true, false));
            assert_eq!((tallies.trials, tallies.missing), (TRIALS, 0));
            for cell in 0..manifest.cells() {
                assert_eq!(rows.theorem1(cell).unwrap(), tallies.theorem1(cell).unwrap());
                let there = rows.rows(cell, 0..TRIALS).unwrap();
                let same = |rung| {
                    let [rows, tallies] = [&rows, &tallies].map(|f| f.step_counts(cell, rung));
                    assert_eq!(rows.unwrap(), tallies.unwrap());
                };
                same(None);
                (0..manifest.ladder.len()).for_each(|rung| same(Some(rung)));
                let converged = there.iter().filter(|r| r.outcome as u8 == 1);
                let steps = counted(converged.map(|row| row.steps.cast_signed()));
                let ends = tallies.step_counts(cell, None).unwrap();
                let ends = ends.iter().filter(|row| row.converged > 0);
                assert_eq!(ends.map(|row| (row.step, row.converged)).collect::<Vec<_>>(), steps);
                for rung in 0..manifest.ladder.len() {
                    let hits = counted(there.iter().map(|row| row.hit_steps[rung]));
                    assert_eq!(tallies.hits_histogram(cell, rung).unwrap(), hits);
                }
            }
            let no_rows = tallies.rows(0, 0..1).unwrap_err().to_string();
            assert!(no_rows.contains("store.rows = false"), "{no_rows}");
            assert!(
                tallies.measure("loss_final", 0, 0..1).is_err() && tallies.outcomes(0).is_err()
            );
            assert!(rows.ends(0).is_err());
        }
    }

    #[test]
    fn a_partial_file_is_of_the_trials_before_the_first_gap() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let manifest = swept();
        manifest.establish(&Disk, dir).unwrap();
        let write = |cell, first, count| {
            let block = [rows(cell, first, count, 2)];
            write_part(&Disk, dir, &manifest, &numerics("Haswell"), &block).unwrap();
        };
        // Nothing of the first cells, all of cell 3, a gap in cell 4, no beginning of cell 5.
        for (cell, first, count) in [(3, 0, 6), (4, 0, 2), (4, 3, 2), (5, 1, 5)] {
            write(cell, first, count);
        }
        let partial = merge_partial(&Disk, dir, &options(false)).unwrap();
        assert_eq!((partial.left_out, partial.missing.trials.count()), (7, 72 - 15));
        assert_eq!(partial.published, Published::New);
        assert!(!dir.join("results.h5").exists());
        let file = ResultsFile::open(&dir.join("partial.h5")).unwrap();
        assert_eq!((file.missing, file.trials, file.has_rows), (72 - 8, TRIALS, true));
        let there: Vec<u64> = file.cells.iter().map(|cell| cell.trials).collect();
        assert_eq!(there, [0, 0, 0, 6, 2, 0, 0, 0, 0, 0, 0, 0]);
        let [none, some] = [&file.cells[0], &file.cells[4]];
        assert!(none.probability.is_nan());
        assert_eq!([none.probability_lower, none.probability_upper], [0.0, 1.0]);
        assert_eq!(some.probability, some.converged as f64 / 2.0);
        assert_eq!(file.outcomes(4).unwrap().len(), 2);
        assert_eq!(file.rows(4, 0..2).unwrap()[1].steps, row(4, 1, 2).steps);
        let error = file.rows(4, 0..3).unwrap_err().to_string();
        assert!(error.contains("no trial 2 of cell 4 yet"), "{error}");
        let raw = hdf5::File::open(dir.join("partial.h5")).unwrap();
        let values = |name: &str| raw.dataset(name).unwrap().read_raw::<i64>().unwrap();
        let of_cell = |values: &[i64], per_cell: usize| values[4 * per_cell..][..per_cell].to_vec();
        let [outcomes, steps, hits] = ["outcome", "steps", "hit_steps"].map(values);
        assert_eq!(of_cell(&outcomes, 6)[2..], [0; 4]);
        assert_eq!(of_cell(&steps, 6)[2..], [-1; 4]);
        assert_eq!(of_cell(&hits, 12)[4..], [-1; 8]);
        let losses = raw.dataset("loss_final").unwrap().read_raw::<f64>().unwrap();
        assert!(losses[4 * 6 + 2..][..4].iter().all(|loss| loss.is_nan()));

        // Trials behind a gap and other cuts change no byte; those in it do; results.h5 is apart.
        let bytes = || fs::read(dir.join("partial.h5")).unwrap();
        let before = bytes();
        write(0, 2, 4);
        write(4, 1, 1);
        let again = merge_partial(&Disk, dir, &options(false)).unwrap();
        assert_eq!((again.published, again.left_out), (Published::AlreadyThere, 11));
        write(4, 2, 1);
        let more = merge_partial(&Disk, dir, &options(false)).unwrap();
        assert_eq!((more.published, more.cells[4].trials), (Published::Replaced, 5));
        assert!(bytes() != before);
        store(dir, &manifest, 3, "Haswell");
        complete(dir, false);
        let whole = merge_partial(&Disk, dir, &options(false)).unwrap();
        assert_eq!((whole.left_out, whole.missing.trials.count()), (0, 0));
        assert!(bytes() == fs::read(dir.join("results.h5")).unwrap());
    }

    #[test]
    fn a_partial_file_of_tallies_is_of_the_blocks_before_the_first_gap() {
        let [whole, part] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let manifest = tallied(swept(), &[2; 12]);
        store_tallies(whole.path(), &manifest, (usize::MAX, 0));
        complete(whole.path(), false);
        store_tallies(part.path(), &manifest, (4, 2));
        let behind = [tally(4, 4, 2, 2)];
        write_tallies(&Disk, part.path(), &manifest, &numerics("Haswell"), &behind).unwrap();
        let partial = merge_partial(&Disk, part.path(), &options(false)).unwrap();
        assert_eq!((partial.left_out, partial.missing.trials.count()), (2, 2));
        let whole = ResultsFile::open(&whole.path().join("results.h5")).unwrap();
        let partial = ResultsFile::open(&part.path().join("partial.h5")).unwrap();
        assert_same_cells(&whole, &partial, Some(4));
        assert_eq!((partial.missing, partial.cells[4].trials), (4, 2));
        let first = counted((0..2).map(|trial| row(4, trial, 2).hit_steps[1]));
        assert_eq!(partial.hits_histogram(4, 1).unwrap(), first);
    }

    #[test]
    fn missing_rows_are_listed_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = swept();
        store(dir.path(), &manifest, 2, "Haswell");
        let damaged = Disk.list(&parts_dir(dir.path())).unwrap().remove(0);
        fs::write(parts_dir(dir.path()).join(damaged), "damaged").unwrap();
        let Merge::Incomplete { missing, damaged } =
            merge(&Disk, dir.path(), &options(false)).unwrap()
        else {
            panic!("a damaged part must be missed");
        };
        assert_eq!((missing.trials.count(), missing.trials.of, damaged.len()), (2, 72, 1));
        assert!(!dir.path().join("results.h5").exists());
    }

    #[test]
    fn a_merge_begins_again_when_a_part_goes() {
        let dir = Path::new("out");
        let tries = Cell::new(0);
        let merge = |path: PathBuf, kind: ErrorKind| {
            tries.set(0);
            while_parts_go(dir, || {
                tries.set(tries.get() + 1);
                match tries.get() {
                    1..=3 => Err(Error::storage("read", &path)(kind.into())),
                    tries => Ok(tries),
                }
            })
        };
        let part = parts_dir(dir).join("a.part");
        assert_eq!(merge(part.clone(), ErrorKind::NotFound).unwrap(), 4);
        // Nothing else is tried again.
        assert!(merge(part, ErrorKind::PermissionDenied).is_err() && tries.get() == 1);
        assert!(merge(dir.join("study.json"), ErrorKind::NotFound).is_err() && tries.get() == 1);
    }

    #[test]
    fn what_is_missing_reads_well() {
        let mut coverage = Coverage::new(5);
        for (cell, first, count) in [(0, 0, 10), (1, 2, 3), (4, 0, 9)] {
            coverage.insert(Block { cell, first, count });
        }
        let nothing = Gaps { cells: vec![], of: 0 };
        let trials = Gaps::of(&coverage, 10);
        assert_eq!(
            Missing { trials, trajectories: nothing.clone(), open: vec![] }.to_string(),
            "28 of 50 trials are missing:\n  cell 1: trials 0-1, 5-9\n  cells 2-3: trials 0-9\n  \
             cell 4: trials 9-9"
        );
        let mut coverage = Coverage::new(2);
        coverage.insert(Block { cell: 0, first: 0, count: 2 });
        let trajectories = Gaps::of(&coverage, 2);
        assert_eq!(
            Missing { trials: nothing, trajectories, open: vec![] }.to_string(),
            "2 of 4 trajectories are missing:\n  cell 1: trials 0-1"
        );
    }

    #[test]
    fn contradicting_parts_name_both_files_and_the_trial() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], TRIALS, &[]);
        store(dir.path(), &manifest, TRIALS, "Haswell");
        let mut other = rows(0, 2, 2, 0);
        other.rows[1].measures.loss_final = 0.5;
        write_part(&Disk, dir.path(), &manifest, &numerics("Haswell"), &[other]).unwrap();
        let error = merge(&Disk, dir.path(), &options(false)).unwrap_err().to_string();
        let names = Disk.list(&parts_dir(dir.path())).unwrap();
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
        assert!(error.contains("trial 3 of cell 0"), "{error}");
    }

    #[test]
    fn other_numerics_are_mixed_on_request_only_and_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], TRIALS, &[]);
        store(dir.path(), &manifest, TRIALS, "Haswell");
        let again = rows(0, 0, 2, 0);
        write_part(&Disk, dir.path(), &manifest, &numerics("Zen"), &[again]).unwrap();
        let error = merge(&Disk, dir.path(), &options(false)).unwrap_err().to_string();
        assert!(error.contains(r#"blas_core: "Haswell" and "Zen""#), "{error}");

        complete(dir.path(), true);
        let file = ResultsFile::open(&dir.path().join("results.h5")).unwrap();
        assert!(file.provenance.contains(&("blas_core".into(), "Haswell; Zen".into())));
        assert!(file.provenance.iter().any(|(name, _)| name == "mixed_numerics"));
    }

    #[test]
    fn a_directory_that_is_none_of_results_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(merge(&Disk, dir.path(), &options(false)).is_err());
    }
}
