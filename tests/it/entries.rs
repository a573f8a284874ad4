//! The ways foreign bytes come into the library, as functions of the bytes. The fuzz targets in
//! `tests/fuzz` call them, and `foreign.rs` does with fixed mutations of the same seeds. Whatever the
//! bytes, each must return: what is refused is an error of the library and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::time::SystemTime;

use deeplin::config;
use deeplin::descent;
use deeplin::digest::Digest;
use deeplin::network::matrix_file::load_matrix;
use deeplin::network::target::data::moments;
use deeplin::observe::trajectory::Sizes;
use deeplin::report::columns::{self, Heading, Unit};
use deeplin::report::{self, times};
use deeplin::run::blocks::Share;
use deeplin::run::session::{Did, Session};
use deeplin::stop::Outcome;
use deeplin::store::io::{Disk, FileSystem, NewFile, OpenFile};
use deeplin::store::part::{read_part, write_part, write_tallies};
use deeplin::store::rates::{rates_dir, read_rates, write_rates};
use deeplin::store::states::{read_states, write_states};
use deeplin::store::trajectories::{Recorded, write_trajectories};
use deeplin::store::{
    BlockRows, BlockTally, CellKernel, Manifest, Merge, MergeOptions, Numerics, ResultsFile, Tally,
    merge,
};
use deeplin::study::{Block, Certified, Measures, Study, TrialRow, TrialState};
use tempfile::TempDir;

/// A way in.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Takes the bytes in.
    pub enter: fn(&[u8]),
    /// Valid bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All ways in that end in this library. HDF5's own library has faults of its own: see [`HDF5`].
pub const TARGETS: [Target; 10] = [
    Target { name: "config", enter: configuration, seeds: configurations },
    Target { name: "arguments", enter: arguments, seeds: argument_lists },
    Target { name: "study", enter: study_file, seeds: study_files },
    Target { name: "part", enter: part, seeds: parts },
    Target { name: "tallies", enter: tallies, seeds: parts_of_tallies },
    Target { name: "trajectories", enter: trajectories, seeds: files_of_trajectories },
    Target { name: "states", enter: states, seeds: files_of_states },
    Target { name: "rates", enter: rates, seeds: files_of_rates },
    Target { name: "session", enter: session, seeds: sessions },
    Target { name: "matrix", enter: matrix, seeds: matrices },
];

/// The ways in that lead through HDF5's library. The program takes them in a process of its own.
pub const HDF5: [Target; 2] = [
    Target { name: "results", enter: results, seeds: results_files },
    Target { name: "matrix_hdf5", enter: matrix_hdf5, seeds: hdf5_matrices },
];

/// The target of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().chain(&HDF5).find(|target| target.name == name).expect("a target")
}

/// The study that parts and results are of.
const STUDY: &str = "\
name = \"seed\"\ntrials = 3\n[network]\ninput = 2\nhidden = 2\noutput = 2\n[stop]\n\
ladder = [0.1, 1e-5]\n[sweep]\n\"network.depth\" = [2, 3]\n";

/// Nothing is there.
const NOWHERE: &str = "/nonexistent";

fn study() -> Study {
    config::parse("seed", STUDY, &[], Path::new(NOWHERE)).expect("a study")
}

fn manifest() -> Manifest {
    Manifest::from_study(&study(), kernels(), None)
}

/// Of the study if it keeps no rows: both cells are a block.
fn manifest_without_rows() -> Manifest {
    Manifest::from_study(&study(), kernels(), Some(vec![3; 2]))
}

/// Of the study if it tunes its learning rates.
fn manifest_of_tuned() -> Manifest {
    let mut manifest = manifest();
    manifest.tuned = vec![0, 1];
    manifest
}

fn kernels() -> Vec<CellKernel> {
    vec![CellKernel { kernel: "compact".into(), precision: "float64".into() }; 2]
}

// ------------------------------------------------------------------------------------------------
// Text.

/// A configuration, then overrides, between zeros.
fn configuration(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut texts = text.split('\0');
    let text = texts.next().unwrap_or_default();
    let sets: Vec<String> = texts.map(str::to_owned).collect();
    if let Ok(study) = config::parse("fuzzed", text, &sets, Path::new(NOWHERE)) {
        let again = config::parse("again", &study.config, &[], Path::new(NOWHERE));
        let again = again.expect("the resolved configuration is one").config;
        assert_eq!(again, study.config, "resolving changes nothing that is resolved");
    }
}

fn configurations() -> Vec<Vec<u8>> {
    let shorter = |text: &str| text.replace("trials = 1000", "trials = 10");
    [
        config::DEFAULT.to_owned(),
        STUDY.to_owned(),
        format!("{STUDY}\0trials=5\0init.std=0.3\0sweep.\"init.std\"=[0.1, 0.2]"),
        "[[sweep.zip]]\n\"init.std\" = { log = [0.1, 1.0], points = 3 }\n\
         \"network.hidden\" = [2, 3, 4]\n"
            .to_owned(),
        "[init]\nkind = \"values\"\nvalues = [0.1, [[1, 2], [3, 4]]]\n[target]\nkind = \"diagonal\"\n\
         values = [1, 2.5]\n[network]\nwidths = [4, 3, 2]\n"
            .to_owned(),
        "[target]\nkind = \"regression\"\npath = \"a.csv\"\nlabels = [\"y\"]\n".to_owned(),
    ]
    .map(|text| shorter(&text).into_bytes())
    .into()
}

/// What is parsed on the command line besides: a share, and overrides alone.
fn arguments(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(share) = text.parse::<Share>() {
        assert_eq!(share.to_string().parse(), Ok(share));
    }
    let sets: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let _ = config::parse("fuzzed", "trials = 1\n", &sets, Path::new(NOWHERE));
}

fn argument_lists() -> Vec<Vec<u8>> {
    let lists = ["2/8", "trials=5", "init.kind=he\0network.depth=3", "sweep.network.depth=[1,2]"];
    lists.map(|text| text.as_bytes().to_vec()).into()
}

// ------------------------------------------------------------------------------------------------
// What is in a directory of results.

/// `study.json`, which a directory is merged by.
fn study_file(data: &[u8]) {
    let fs = Memory::with([("study.json", data)]);
    if let Ok(manifest) = Manifest::read(&fs, Path::new("")) {
        assert_eq!(manifest.lengths().iter().product::<usize>(), manifest.cells());
        let merged = merge(&fs, Path::new(""), &OPTIONS);
        assert!(matches!(merged, Ok(Merge::Incomplete { .. })), "no part is there");
    }
}

fn study_files() -> Vec<Vec<u8>> {
    vec![established(&manifest()), established(&manifest_without_rows())]
}

/// The bytes of `study.json`.
fn established(manifest: &Manifest) -> Vec<u8> {
    let dir = TempDir::new().expect("a scratch directory");
    manifest.establish(&Disk, dir.path()).expect("a directory of results");
    fs::read(dir.path().join("study.json")).expect("its description")
}

/// A part with the hash that its content has, so that what is behind the check is reached, and as
/// it is.
fn part(data: &[u8]) {
    static MANIFEST: LazyLock<Manifest> = LazyLock::new(manifest);
    let sealed = [data, &Digest::of(data).0].concat();
    let fs = Memory::with([("parts/sealed.part", &sealed[..]), ("as_it_is", data)]);
    let _ = read_part(&fs, Path::new("as_it_is"), &MANIFEST);
    if let Ok(part) = read_part(&fs, Path::new("parts/sealed.part"), &MANIFEST) {
        for BlockRows { block, rows } in part.blocks {
            assert!(block.cell < 2 && block.first + block.count <= 3, "{block:?}");
            assert_eq!(rows.len() as u64, block.count);
        }
    }
    let _ = deeplin::store::scan(&fs, Path::new(""), &MANIFEST);
}

/// Parts without their hash.
fn parts() -> Vec<Vec<u8>> {
    let blocks = [vec![block(0, 0, 3)], vec![block(0, 1, 1), block(1, 0, 3)]];
    blocks.map(|blocks| unsealed(&written(&blocks).1)).into()
}

/// A directory with one part of these blocks, and the part.
fn written(blocks: &[BlockRows]) -> (TempDir, Vec<u8>) {
    let dir = TempDir::new().expect("a scratch directory");
    let numerics = Numerics { blas: "a".into(), ..Numerics::default() };
    manifest().establish(&Disk, dir.path()).expect("a directory of results");
    let path = write_part(&Disk, dir.path(), &manifest(), &numerics, blocks).expect("a part");
    let bytes = fs::read(path).expect("the part");
    (dir, bytes)
}

fn block(cell: usize, first: u64, count: u64) -> BlockRows {
    let row = |trial| TrialRow {
        outcome: Outcome::Converged,
        steps: 10 + trial,
        measures: Measures::from_array([0.5; Measures::COUNT]),
        theorem1: 3,
        certificate: Certified::new(2, 0.5, 90),
        hit_steps: vec![1, 5 + trial as i64],
    };
    let rows = (first..first + count).map(row).collect();
    BlockRows { block: Block { cell, first, count }, rows }
}

fn unsealed(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() - 32].to_vec()
}

/// A part of tallies under the hash and the name that its content has, merged.
fn tallies(data: &[u8]) {
    static STUDY_JSON: LazyLock<Vec<u8>> = LazyLock::new(|| established(&manifest_without_rows()));
    let sealed = [data, &Digest::of(data).0].concat();
    let name = format!("parts/{}.part", &Digest::of(data).hex()[..32]);
    let fs = Memory::with([("study.json", &STUDY_JSON[..]), (&name, &sealed)]);
    let _ = merge(&fs, Path::new(""), &OPTIONS);
}

/// The tally of the first trials of a cell.
fn tally(cell: usize) -> BlockTally {
    let BlockRows { block, rows } = block(cell, 0, 3);
    let mut tally = Tally::new(2);
    rows.iter().for_each(|row| tally.add_row(row));
    BlockTally::new(block, &tally)
}

/// Parts of tallies without their hash.
fn parts_of_tallies() -> Vec<Vec<u8>> {
    let manifest = manifest_without_rows();
    let parts = [vec![tally(0)], vec![tally(0), tally(1)]].map(|blocks| {
        let dir = TempDir::new().expect("a scratch directory");
        manifest.establish(&Disk, dir.path()).expect("a directory of results");
        let path = write_tallies(&Disk, dir.path(), &manifest, &Numerics::default(), &blocks);
        unsealed(&fs::read(path.expect("a part")).expect("the part"))
    });
    parts.into()
}

/// The manifest of the study with trajectories.
fn manifest_with_trajectories() -> Manifest {
    let sets = ["record.trajectory={trials=2, points=3}".to_owned()];
    let study = config::parse("seed", STUDY, &sets, Path::new(NOWHERE)).expect("a study");
    Manifest::from_study(&study, kernels(), None)
}

/// Trajectories under the hash and the name that their content has, merged as far as they are there.
fn trajectories(data: &[u8]) {
    static STUDY_JSON: LazyLock<Vec<u8>> =
        LazyLock::new(|| established(&manifest_with_trajectories()));
    let sealed = [data, &Digest::of(data).0].concat();
    let name = format!("trajectories/{}.trajectories", &Digest::of(data).hex()[..32]);
    let fs = Memory::with([("study.json", &STUDY_JSON[..]), (&name, &sealed)]);
    let _ = merge(&fs, Path::new(""), &OPTIONS);
}

/// Files of trajectories without their hash.
fn files_of_trajectories() -> Vec<Vec<u8>> {
    let recorded = |cell, layers, trial| {
        let sizes = Sizes { layers, singular: 2 };
        Recorded { cell, trial, sizes, numbers: vec![0.5; 2 * sizes.numbers(true)] }
    };
    let files = [vec![recorded(0, 2, 1)], vec![recorded(0, 2, 0), recorded(1, 3, 1)]];
    let bytes = |recorded: Vec<Recorded>| {
        let dir = TempDir::new().expect("a scratch directory");
        let (manifest, numerics) = (manifest_with_trajectories(), Numerics::default());
        let path = write_trajectories(&Disk, dir.path(), &manifest, &numerics, &recorded);
        unsealed(&fs::read(path.expect("trajectories")).expect("the trajectories"))
    };
    files.map(bytes).into()
}

/// A file of states under the hash that its content has. A kernel takes the weights of those that fit.
fn states(data: &[u8]) {
    static OF: LazyLock<(Study, Manifest)> = LazyLock::new(|| (study(), manifest()));
    let (study, manifest) = &*OF;
    let sealed = [data, &Digest::of(data).0].concat();
    let fs =
        Memory::with([("states/sealed.states", &sealed[..]), ("states/as_it_is.states", data)]);
    let files = read_states(&fs, Path::new(""), manifest, &Numerics::default());
    for (_, states) in files.expect("what is of no use is passed over") {
        for state in states {
            let Some(cell) = study.cells.get(state.cell) else { continue };
            if descent::fits(&state, cell, study.ladder.len()) {
                let parameters = cell.shape.parameters();
                assert_eq!([state.weights.len(), state.before.len()], [parameters; 2]);
            }
        }
    }
}

/// Files of states without their hash.
fn files_of_states() -> Vec<Vec<u8>> {
    let state = |cell, layers: usize| TrialState {
        cell,
        trial: 1,
        steps: 5040,
        time: 252.0,
        weights: vec![0.5; 4 * layers],
        memory: Vec::new(),
        before: vec![0.25; 4 * layers],
        hit_steps: vec![12, -1],
        certificate: (layers == 3).then_some(Certified { step: 7, rate: 0.9, steps_bound: 99 }),
        next_check: 2,
        hit: (layers == 3).then_some((5000, Measures::from_array([0.5; Measures::COUNT]))),
        unconfirmed: false,
        recorded: (layers == 3).then(|| vec![0.0, 5000.0, 0.5]),
    };
    let files = [vec![state(0, 2)], vec![state(0, 2), state(1, 3)]].map(|states| {
        let dir = TempDir::new().expect("a scratch directory");
        let states: Vec<&TrialState> = states.iter().collect();
        let path = write_states(&Disk, dir.path(), &manifest(), &Numerics::default(), &states);
        unsealed(&fs::read(path.expect("states")).expect("the states"))
    });
    files.into()
}

/// A file of learning rates under the hash that its content has.
fn rates(data: &[u8]) {
    static OF: LazyLock<Manifest> = LazyLock::new(manifest_of_tuned);
    let digest = Digest::of(data);
    let sealed = [data, &digest.0].concat();
    let name = format!("rates/{}.rates", &digest.hex()[..32]);
    let fs = Memory::with([(&*name, &sealed[..]), ("rates/as_it_is.rates", data)]);
    if let Ok(found) = read_rates(&fs, Path::new(""), &OF) {
        assert!(found.rates.iter().all(|(&cell, &rate)| cell < 2 && rate > 0.0));
    }
}

/// Files of learning rates without their hash.
fn files_of_rates() -> Vec<Vec<u8>> {
    let manifest = manifest_of_tuned();
    let files = [&[(0, 0.1)][..], &[(0, 1.0 / 3.0), (1, 1e-4)]].map(|rates| {
        let dir = TempDir::new().expect("a scratch directory");
        let rates = rates.iter().copied().collect();
        write_rates(&Disk, dir.path(), &manifest, &Numerics::default(), &rates).expect("rates");
        let mut files = fs::read_dir(rates_dir(dir.path())).expect("rates");
        let path = files.next().expect("a file").expect("a file").path();
        unsealed(&fs::read(path).expect("the rates"))
    });
    files.into()
}

/// The file of another session in the directory of a run.
fn session(data: &[u8]) {
    let fs = Memory::with([("sessions/other.json", data)]);
    let session = Session::of_this_process(SystemTime::now(), "1/1", 1, &Did::default());
    session.record(&fs, Path::new("")).expect("sessions that are none are passed over");
    let gathered = fs.read(Path::new("run.json")).expect("all sessions");
    let gathered: Vec<Session> = serde_json::from_slice(&gathered).expect("a list of sessions");
    assert!((1..=2).contains(&gathered.len()));
}

fn sessions() -> Vec<Vec<u8>> {
    let did = Did { trials: 5, trajectories: 2, steps: 6, storing: Duration::from_millis(7) };
    let session = Session::of_this_process(SystemTime::UNIX_EPOCH, "1/2", 4, &did);
    vec![serde_json::to_vec_pretty(&Session { seconds: 1.5, ..session }).expect("plain data")]
}

const OPTIONS: MergeOptions = MergeOptions { mixed: false };

/// A results file with the hash that its content has.
fn results(data: &[u8]) {
    let sealed = [data, &Digest::of(data).0].concat();
    on_disk("results.h5", &sealed, |path| {
        let Ok(file) = ResultsFile::open(path) else { return };
        let [json, page] = [report::json(&file), report::page(&file)];
        let texts = [report::table(&file), report::csv(&file)];
        for text in texts.into_iter().chain(json).chain(page) {
            assert!(!text.is_empty());
        }
        let _ = file.rows(0, 0..file.trials.min(10));
        for rung in [None, (!file.ladder.is_empty()).then_some(0)] {
            let question = times::Question { cell: Some(0), rung, points: 5 };
            let _ = times::table(&file, question);
        }
        for unit in [Unit::Trial, Unit::Cell] {
            let mut heading = None;
            let _ = columns::hand_on(&file, unit, &mut |bytes| {
                let of =
                    heading.get_or_insert_with(|| Heading::from_bytes(bytes).expect("a heading"));
                // Codes without a meaning make it none.
                let _ = of.piece(bytes);
                Ok(())
            });
        }
    });
}

/// Results without their hash.
fn results_files() -> Vec<Vec<u8>> {
    let (dir, _) = written(&[block(0, 0, 3), block(1, 0, 3)]);
    merge(&Disk, dir.path(), &OPTIONS).expect("results");
    let with_rows = fs::read(dir.path().join("results.h5")).expect("the results");
    let manifest = manifest_without_rows();
    let dir = TempDir::new().expect("a scratch directory");
    manifest.establish(&Disk, dir.path()).expect("a directory of results");
    let blocks = [tally(0), tally(1)];
    write_tallies(&Disk, dir.path(), &manifest, &Numerics::default(), &blocks).expect("a part");
    merge(&Disk, dir.path(), &OPTIONS).expect("results");
    let tallied = fs::read(dir.path().join("results.h5")).expect("the results");
    [with_rows, tallied].map(|bytes| unsealed(&bytes)).into()
}

// ------------------------------------------------------------------------------------------------
// Data.

/// The endings that say which text it is.
const ENDINGS: [&str; 4] = ["csv", "libsvm", "npy", "csv.gz"];

/// A table that is no HDF5: its first byte says the ending of the name.
fn matrix(data: &[u8]) {
    let Some((ending, data)) = data.split_first() else { return };
    if !data.starts_with(b"\x89HDF") {
        load(ENDINGS[usize::from(*ending) % ENDINGS.len()], data);
    }
}

fn load(ending: &str, data: &[u8]) {
    on_disk(&format!("table.{ending}"), data, |path| {
        if let Ok((matrix, _)) = load_matrix(path, None) {
            assert!(!matrix.is_empty() && matrix.iter().all(|entry| entry.is_finite()));
        }
        for label in ["0", "label"] {
            if let Ok(moments) = moments(path, &[label.to_owned()], None) {
                assert!(moments.samples > 0 && moments.xx.iter().all(|entry| entry.is_finite()));
            }
        }
    });
}

fn matrices() -> Vec<Vec<u8>> {
    let csv = b"label,a,b\n1,2,3.5\n-4,5e-3,6\n".to_vec();
    let npy = |version: u8, order: &str| {
        let head = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': (2, 1), }}\n");
        let length = head.len() as u32;
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        bytes.extend(&length.to_le_bytes()[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(head.into_bytes());
        bytes.extend([1.5_f32, -2.0].iter().flat_map(|x| x.to_le_bytes()));
        bytes
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&csv).expect("writing to memory");
    let gzip = gzip.finish().expect("writing to memory");
    let libsvm = b"# text\n1 1:2 3:4.5\n-1 2:1 # end\n".to_vec();
    [(0, csv), (1, libsvm), (2, npy(1, "False")), (2, npy(2, "True")), (3, gzip)]
        .map(|(ending, bytes)| [vec![ending], bytes].concat())
        .into()
}

/// A table in HDF5.
fn matrix_hdf5(data: &[u8]) {
    load("h5", data);
}

fn hdf5_matrices() -> Vec<Vec<u8>> {
    let dir = TempDir::new().expect("a scratch directory");
    let write = |name: &str, packed: bool| {
        let path = dir.path().join(name);
        let file = hdf5::File::create(&path).expect("a file");
        let data = ndarray::array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        {
            // It keeps the file open.
            let builder = file.new_dataset_builder().with_data(&data);
            let builder = if packed { builder.chunk((1, 3)).shuffle().deflate(4) } else { builder };
            builder.create("table").expect("a dataset");
        }
        file.close().expect("closing the file");
        fs::read(path).expect("the file")
    };
    vec![write("plain.h5", false), write("packed.h5", true)]
}

// ------------------------------------------------------------------------------------------------
// File systems.

/// Calls `use_file` with a file of these bytes.
fn on_disk(name: &str, data: &[u8], use_file: impl FnOnce(&Path)) {
    let dir = TempDir::new().expect("a scratch directory");
    let path = dir.path().join(name);
    fs::write(&path, data).expect("a scratch file");
    use_file(&path);
}

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Files in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<PathBuf, Bytes>>);

impl Memory {
    fn with<const N: usize>(files: [(&str, &[u8]); N]) -> Self {
        let file = |(name, bytes): (&str, &[u8])| {
            (PathBuf::from(name), Arc::new(Mutex::new(bytes.to_vec())))
        };
        Self(Mutex::new(files.into_iter().map(file).collect()))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<PathBuf, Bytes>) -> io::Result<T>,
    ) -> io::Result<T> {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn file(&self, path: &Path) -> io::Result<Bytes> {
        self.change(|files| files.get(path).cloned().ok_or(ErrorKind::NotFound.into()))
    }
}

impl FileSystem for Memory {
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let name = |path: &PathBuf| {
            let inside = path.parent() == Some(dir);
            inside.then(|| path.file_name()?.to_str().map(str::to_owned)).flatten()
        };
        self.change(|files| Ok(files.keys().filter_map(name).collect()))
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        Ok(locked(&self.file(file)?).clone())
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(Open(self.file(file)?)))
    }

    fn create_new(&self, file: &Path) -> io::Result<Box<dyn NewFile>> {
        let bytes = Bytes::default();
        self.change(|files| match files.contains_key(file) {
            true => Err(ErrorKind::AlreadyExists.into()),
            false => Ok(files.insert(file.to_owned(), Arc::clone(&bytes))),
        })?;
        Ok(Box::new(Open(bytes)))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.file(to).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.rename_over(from, to)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let bytes = self.file(from)?;
        self.remove(from)?;
        self.change(|files| Ok(files.insert(to.to_owned(), bytes)))?;
        Ok(())
    }

    fn age(&self, _: &Path) -> io::Result<Duration> {
        Ok(Duration::ZERO)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.change(|files| files.remove(file).map(|_| ()).ok_or(ErrorKind::NotFound.into()))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A file in memory that is open.
struct Open(Bytes);

fn locked(bytes: &Bytes) -> std::sync::MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenFile for Open {
    fn size(&mut self) -> io::Result<u64> {
        Ok(locked(&self.0).len() as u64)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = locked(&self.0);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = bytes.get(from..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl NewFile for Open {
    fn write_at(&mut self, offset: u64, from: &[u8]) -> io::Result<()> {
        let mut bytes = locked(&self.0);
        let start = offset as usize;
        let end = bytes.len().max(start + from.len());
        bytes.resize(end, 0);
        bytes[start..start + from.len()].copy_from_slice(from);
        Ok(())
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        locked(&self.0).resize(size as usize, 0);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
