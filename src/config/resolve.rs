//! Merged settings to a validated study.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::Result;
use crate::kernel::real::Precision;
use crate::kernel::rule::{Method, Rule};
use crate::network::Shape;
use crate::network::init::Init;
use crate::network::target::Target;
use crate::stats;
use crate::stop::StopRule;
use crate::study::{
    Cell, CertificateRule, IntervalRule, Spacing, StoppingRule, StorageRule, Study, TrajectoryRule,
};

use super::data::{Files, Readers};
use super::floor::{Size, attainable_floor};
use super::refuse::{Advise, Place, Refusal, Refusals};
use super::schema::{self, BUDGET, Entry, REFINED, SCHEMA, TRACED, Users};
use super::settings::Settings;
use super::value::Value;
use super::view::View;
use super::{descent, holds, init, ladder, refine, sweep, target, text, trials};

/// Most layers of all cells together.
const MOST_LAYERS: u64 = 20_000_000;

/// Builds the study that the settings describe.
///
/// # Errors
/// If a given key is without effect, a key is missing, keys contradict each other in some cell, two
/// cells are equal, or a file cannot be used.
pub(super) fn resolve(settings: &Settings, readers: Readers) -> Result<Study> {
    let refined = refine::expand(settings)?;
    let points = refined.as_ref().map_or(settings, |(expanded, _)| expanded);
    let count = points.axes.iter().map(|axis| axis[0].values.len()).product();
    let views = || (0..count).map(|index| View::new(points, index));
    let used = used_keys(views());
    refuse_unused(settings, &used)?;

    refuse_vast(views())?;
    let mut builder = Builder::new(readers);
    let mut cells: Vec<Cell> = views()
        .enumerate()
        .map(|(index, view)| builder.cell(index, &view))
        .collect::<Result<_>>()?;

    let study = View::new(settings, 0);
    let (trials, mut stopping) = trials::read(study.known("trials"));
    if let Some(rule) = &mut stopping {
        rule.budget = budget(&study, rule.every.min(trials), count)?;
    }
    cells.iter_mut().for_each(|cell| cell.trials = trials);
    let record = record(&study)?;
    let ladder = match study.get("stop.ladder").and_then(Value::list) {
        Some(rungs) => rungs.iter().filter_map(Value::float).collect(),
        None => {
            let losses: Vec<f64> = cells.iter().map(|cell| cell.stop.loss).collect();
            ladder::default(&losses)?
        }
    };
    let config = text::resolved(settings, &used, &ladder);
    Ok(Study {
        name: study.word("name").to_owned(),
        seed: study.whole("seed"),
        trials,
        stopping,
        refinement: refined.as_ref().map(|&(_, refinement)| refinement),
        axes: sweep::axes(&points.axes),
        digest: study_digest(&config, builder.files.digests(), &ladder),
        cells,
        ladder,
        record,
        interval: IntervalRule {
            method: stats::Method::from_word(study.word("interval.method"))
                .expect("the schema knows the words"),
            level: study.float("interval.level"),
        },
        storage: StorageRule {
            rows: study.flag("store.rows"),
            block: block(&study, stopping)?,
            part_seconds: study.float("store.part_seconds"),
        },
        config,
    })
}

/// Trials of all cells together, at most; enough for the first look at each of so many cells.
fn budget(view: &View<'_>, first: u64, cells: usize) -> std::result::Result<Option<u64>, Refusal> {
    let given = view.get(BUDGET).map(|_| view.whole(BUDGET));
    let least = first.saturating_mul(cells as u64);
    match given {
        Some(budget) if budget < least => {
            let message = format!(
                "`{BUDGET}` is {budget}, but {cells} cells of {first} trials each are {least}"
            );
            Err(view
                .refuse(&[BUDGET, "trials"], &message, "too small")
                .advise(format!("write {least} or more, or lower `min` in `trials`")))
        }
        _ => Ok(given),
    }
}

/// Trials of a block. Without rows, blocks lie between two looks at whether trials are enough.
fn block(
    view: &View<'_>,
    stopping: Option<StoppingRule>,
) -> std::result::Result<Option<u64>, Refusal> {
    let given = Some(view.whole("store.block")).filter(|&block| block > 0);
    match stopping {
        Some(rule) if !view.flag("store.rows") => match given {
            Some(block) if block != rule.every => {
                let every = rule.every;
                let message =
                    format!("`store.block` is {block}, but cells are looked at every {every}");
                Err(view
                    .refuse(&["store.block"], &message, "tallies cannot be cut")
                    .advise(format!("leave it out, or write {every} as in `trials`")))
            }
            _ => Ok(Some(rule.every)),
        },
        _ => Ok(given),
    }
}

/// Which trials leave their trajectory.
fn record(view: &View<'_>) -> std::result::Result<Option<TrajectoryRule>, Refusal> {
    if view.get(TRACED).is_none() {
        return Ok(None);
    }
    let trials = view.whole(TRACED);
    let (most, stopping) = trials::read(view.known("trials"));
    // So many trials every cell has.
    let of = stopping.map_or(most, |rule| rule.every);
    if trials > of {
        let message = format!("`{TRACED}` is {trials}, but a cell has {of} trials");
        return Err(view
            .refuse(&[TRACED, "trials"], &message, "too many")
            .advise(format!("write a number from 1 to {of}, or raise `trials`")));
    }
    Ok(Some(TrajectoryRule {
        trials,
        points: view.whole("record.trajectory.points"),
        spacing: match view.word("record.trajectory.spacing") {
            "linear" => Spacing::Linear,
            _ => Spacing::Log,
        },
        spectra: view.flag("record.trajectory.spectra"),
    }))
}

/// Refuses a study whose description alone, the dimensions of all cells, would fill the memory.
fn refuse_vast<'a>(mut views: impl Iterator<Item = View<'a>>) -> std::result::Result<(), Refusal> {
    let mut layers = 0;
    let vast = views.find(|view| {
        layers += view.whole("network.depth");
        layers > MOST_LAYERS
    });
    vast.map_or(Ok(()), |view| {
        let message = format!("the networks up to here have more than {MOST_LAYERS} layers");
        Err(view
            .refuse(&["network.depth"], &message, "too many layers")
            .advise("use fewer cells or less depth"))
    })
}

/// The keys that some cell takes.
fn used_keys<'a>(views: impl Iterator<Item = View<'a>>) -> HashSet<&'static str> {
    let mut used = HashSet::new();
    let mut idle: Vec<&Entry> = SCHEMA.iter().collect();
    for view in views {
        idle.retain(|entry| {
            let uses = view.uses(entry);
            if uses {
                used.insert(entry.key);
            }
            !uses
        });
    }
    used
}

/// Refuses what a person gave and no cell takes: a number without effect is a misunderstanding.
fn refuse_unused(settings: &Settings, used: &HashSet<&str>) -> std::result::Result<(), Refusal> {
    let swept = settings.axes.iter().flatten().map(|axis| (axis.entry, &axis.place));
    let plain = settings.plain.iter().filter(|(_, setting)| !setting.is_default);
    let plain = plain.filter_map(|(key, setting)| Some((schema::entry(key)?, &setting.place)));
    let mut refusals = Refusals::default();
    for (entry, place) in swept.chain(plain) {
        // A width for hidden layers may stand in a study without any.
        if !used.contains(entry.key) && entry.key != "network.hidden" {
            refusals.push(unused(settings, entry, place));
        }
    }
    refusals.finish()
}

fn unused(settings: &Settings, entry: &Entry, place: &Place) -> Refusal {
    let (kind, takers) = match entry.users {
        Users::Targets(kinds) => ("target.kind", kinds),
        Users::Inits(kinds) => ("init.kind", kinds),
        Users::Methods(kinds) => ("descent.method", kinds),
        Users::Schedules(kinds) => ("descent.schedule", kinds),
        Users::Rates(words) => ("descent.learning_rate", words),
        Users::All => ("", &[][..]),
    };
    let kinds = kinds_in_use(settings, kind);
    if entry.key == "init.std" && kinds.iter().any(|kind| kind == "balanced") {
        return place
            .refuse(
                "`init.std` and `init.norm` are both given for balanced weights",
                "the other law",
            )
            .advise("give one of them: init.std for normal entries, init.norm for a fixed norm");
    }
    if entry.key.starts_with("interval.") {
        return place
            .refuse(format!("`{}` has no effect in this study", entry.key), "trials are not fixed")
            .advise(
                "where precision decides how many trials there are, bounds are those of a confidence \
                 sequence, at the level that `trials` gives",
            );
    }
    if entry.key == BUDGET {
        return place
            .refuse("`budget.trials` has no effect in this study", "trials are fixed")
            .advise(
                "a budget goes where precision is missing: say how precise each cell has to be, for \
                 instance `trials = { min = 100, half_width = 0.01 }`",
            );
    }
    if entry.key.starts_with("refine.") {
        return place
            .refuse(format!("`{}` has no effect in this study", entry.key), "no axis is refined")
            .advise(format!("give `{REFINED}` too, the key of the axis that is refined"));
    }
    if matches!(entry.users, Users::All) {
        return place
            .refuse(format!("`{}` has no effect in this study", entry.key), "of no trajectory")
            .advise(format!(
                "give `{TRACED}` too, the number of trials whose trajectories are kept"
            ));
    }
    place
        .refuse(
            format!("`{}` has no effect in this study", entry.key),
            "not taken by any kind in use",
        )
        .advise(format!(
            "it is taken by {kind} = {}; this study has {kind} = {}",
            holds::quoted(takers),
            holds::quoted(&kinds.iter().map(String::as_str).collect::<Vec<_>>())
        ))
}

/// The values of a kind in the study.
fn kinds_in_use(settings: &Settings, kind: &str) -> Vec<String> {
    let swept = settings.axes.iter().flatten().find(|axis| axis.entry.key == kind);
    let values = match swept {
        Some(axis) => axis.values.iter().collect(),
        None => settings.plain.get(kind).map(|setting| vec![&setting.value]).unwrap_or_default(),
    };
    let mut kinds: Vec<String> = values.into_iter().map(Value::plain).collect();
    kinds.dedup();
    kinds
}

/// BLAKE3 of the configuration, the data and the ladder; lengths keep the parts apart.
fn study_digest(config: &str, data: &[Digest], ladder: &[f64]) -> Digest {
    let mut bytes = (config.len() as u64).to_le_bytes().to_vec();
    bytes.extend(config.as_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend(data.iter().flat_map(|digest| digest.0));
    bytes.extend(ladder.iter().flat_map(|rung| rung.to_le_bytes()));
    Digest::of(&bytes)
}

/// A target that several cells share.
struct BuiltTarget {
    target: Arc<Target>,
    digest: Digest,
    size: Size,
}

/// What decides the rows of a cell besides its stopping rule.
type Computation = (Digest, Precision, bool, CertificateRule, String);

/// Builds cells, sharing what is equal.
struct Builder {
    files: Files,
    targets: HashMap<Digest, BuiltTarget>,
    inits: HashMap<String, Arc<Init>>,
    /// Cells by everything that decides their rows.
    seen: HashMap<(Computation, u64, u64, u64), usize>,
}

impl Builder {
    fn new(readers: Readers) -> Self {
        Self {
            files: Files::new(readers),
            targets: HashMap::new(),
            inits: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    fn cell(&mut self, index: usize, view: &View<'_>) -> Result<Cell> {
        let shape = view.shape()?;
        let (target, target_file) = target::build(view, &shape, &mut self.files)?;
        let (init, init_file) = init::build(view, &shape, &mut self.files)?;
        let target_text = view.table_text("target", target_file);
        let init_text = view.table_text("init", init_file);
        let rule = descent::rule(view);
        let (learning_rate, rate_law) = descent::rate(view, &rule, &target)?;
        let rate_text = view.known("descent.learning_rate");
        let stop = StopRule {
            loss: view.float("stop.loss"),
            divergence: view.float("stop.divergence"),
            max_steps: view.whole("descent.max_steps"),
        };
        let precision = Precision::from_key(view.word("descent.precision"))
            .expect("the schema knows the words");
        let reduce = view.flag("descent.reduce");
        let certificate = certificate(view, precision, &rule)?;
        let dims = shape.dims();
        let start_text = format!("[network]\ndims = {dims:?}\n{target_text}{init_text}");
        let digest = Digest::of(start_text.as_bytes());
        // A flow has no learning rate.
        let rule_text = match rule.method {
            Method::Flow { .. } => format!("{rule:?}"),
            _ => format!("{rule:?} {rate_text}"),
        };
        descent::refuse_single(view, precision, &rule, rate_law)?;
        let computation = (digest, precision, reduce, certificate, rule_text);
        self.refuse_equal(view, index, computation, &stop)?;
        let built = self.target(target, &target_text, &shape);
        refuse_unattainable(view, &built.size, &shape, precision, stop.loss)?;
        let (target, target_digest) = (Arc::clone(&built.target), built.digest);
        let init =
            self.inits.entry(format!("{shape}\n{init_text}")).or_insert_with(|| Arc::new(init));
        Ok(Cell {
            index,
            trials: 0,
            target,
            target_digest,
            draw: target::draw(view),
            init: Arc::clone(init),
            learning_rate,
            rate_law,
            tuning: descent::tuning(view, rate_law).map(Arc::new),
            rule,
            precision,
            reduce,
            stop,
            certificate,
            digest,
            shape,
        })
    }

    fn target(&mut self, target: Target, text: &str, shape: &Shape) -> &BuiltTarget {
        let (output, input) = (shape.output(), shape.input());
        let digest = Digest::of(format!("input = {input}\noutput = {output}\n{text}").as_bytes());
        self.targets.entry(digest).or_insert_with(|| BuiltTarget {
            size: Size::of(&target, output, input),
            target: Arc::new(target),
            digest,
        })
    }

    /// Refuses a cell whose rows are those of an earlier one.
    fn refuse_equal(
        &mut self,
        view: &View<'_>,
        index: usize,
        computation: Computation,
        stop: &StopRule,
    ) -> std::result::Result<(), Refusal> {
        let identity =
            (computation, stop.loss.to_bits(), stop.divergence.to_bits(), stop.max_steps);
        match self.seen.insert(identity, index) {
            None => Ok(()),
            Some(earlier) => Err(equal(view, earlier)),
        }
    }
}

/// Refuses a cell that is another one in all that decides its rows.
fn equal(view: &View<'_>, earlier: usize) -> Refusal {
    let idle = view.idle_axes();
    let refusal =
        view.refuse(&idle, &format!("this cell is the same as cell {earlier}"), "no effect here");
    if idle.is_empty() {
        return refusal.advise("two values of an axis say the same: remove one");
    }
    refusal.advise(format!(
        "`{}` has no effect in this cell: list the combinations that make sense in a [[sweep.zip]]",
        idle.join("`, `")
    ))
}

/// Whether and how convergence is proved in a cell.
fn certificate(
    view: &View<'_>,
    precision: Precision,
    method: &Rule,
) -> std::result::Result<CertificateRule, Refusal> {
    let rule = CertificateRule {
        check: view.flag("certificate.check"),
        ends: view.word("stop.at") == "certificate",
        extra_steps: view.whole("certificate.extra_steps"),
    };
    let (why, keys) = match (rule.check, precision) {
        (false, _) => ("certificate.check = false tries none", "certificate.check"),
        (_, Precision::Float32) => ("there are none in single precision", "descent.precision"),
        (true, Precision::Float64) if method.is_plain() => return Ok(rule),
        (true, Precision::Float64) if method.method == Method::Gradient => {
            ("there are none where the learning rate changes", "descent.schedule")
        }
        (true, Precision::Float64) => ("they are about plain gradient descent", "descent.method"),
    };
    let wants = match (rule.ends, rule.extra_steps) {
        (true, _) => "stop.at",
        (false, 1..) => "certificate.extra_steps",
        (false, 0) => return Ok(rule),
    };
    let message = format!("`{wants}` waits for certificates, but {why}");
    Err(view
        .refuse(&[wants, keys], &message, "never one to wait for")
        .advise(format!("remove it, or the `{keys}` that keeps certificates away")))
}

/// Refuses a loss target that rounding keeps every trial from reaching.
fn refuse_unattainable(
    view: &View<'_>,
    size: &Size,
    shape: &Shape,
    precision: Precision,
    loss: f64,
) -> std::result::Result<(), Refusal> {
    let floor = attainable_floor(precision, size.half_norm_squared, size.rank_floor(shape.rank()));
    if loss >= floor {
        return Ok(());
    }
    let message = format!(
        "`stop.loss` = {loss:?} is below what {} can attain for this target, about {floor:.1e}",
        match precision {
            Precision::Float64 => "double precision",
            Precision::Float32 => "single precision",
        }
    );
    Err(view
        .refuse(&["stop.loss"], &message, "too small")
        .advise(format!("write a loss of at least {floor:.1e}")))
}
