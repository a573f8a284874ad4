//! The file of one traced trial: its row, target, weights and trajectory.

use std::path::Path;

use super::draft::{self, Attribute, Draft, Named, Values, words};
use super::guarded::Guarded;
use super::io::NewFile;
use super::numerics::Numerics;
use crate::Result;
use crate::network::Weights;
use crate::observe::trajectory::{Dimension, Sizes, Trajectory};
use crate::start::Start;
use crate::study::{Cell, Measures, Study, TrialRow};

/// What the root attribute `deeplin_format` of a trace says.
pub(super) const FORMAT: &str = "deeplin trace";

/// Whether the file is a trace, as it was written.
pub fn is_trace(path: &Path) -> bool {
    let format = |path| {
        let file = Guarded::open(path)?;
        file.text(file.root(), "deeplin_format")
    };
    format(path).is_ok_and(|format| format == FORMAT)
}

/// Everything about one trial.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The study it belongs to.
    pub study: &'a Study,
    /// Its cell.
    pub cell: &'a Cell,
    /// Its number.
    pub trial: u64,
    /// Where it started.
    pub start: &'a Start,
    /// Its row, as in the results.
    pub row: &'a TrialRow,
    /// Its way, with the weights at the end.
    pub trajectory: &'a Trajectory,
    /// The kernel that computed it.
    pub kernel: &'a str,
    /// The rest of what it was computed with.
    pub numerics: &'a Numerics,
}

impl Trace<'_> {
    /// Makes `file`, which is new and empty and at `path`, the file of the trace, and gives it back.
    ///
    /// # Errors
    /// As [`draft::write`].
    pub fn write(&self, path: &Path, file: Box<dyn NewFile>) -> Result<Box<dyn NewFile>> {
        draft::write(path, file, |draft| Ok(self.fill(draft)?))
    }

    fn fill(&self, draft: &mut Draft) -> hdf5::Result<()> {
        self.write_attributes(draft)?;
        self.write_dimensions(draft)?;
        self.write_row(draft)?;
        self.write_problem(draft)?;
        self.write_trajectory(draft)?;
        self.write_samples(draft)?;
        write_weights(draft, "initial", "initial weights", &self.start.weights)?;
        if let Some(last) = &self.trajectory.last {
            write_weights(draft, "final", "final weights", last)?;
        }
        Ok(())
    }

    fn write_attributes(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let title =
            format!("{}: trial {} of cell {}", self.study.name, self.trial, self.cell.index);
        let (digest, seed) = (self.study.digest.hex(), self.study.seed.to_string());
        let shape = self.cell.shape.to_string();
        let mut attributes: Vec<Named<'_>> = vec![
            ("deeplin_format", Attribute::Text(FORMAT)),
            ("format_version", Attribute::Ints(&[1, 0])),
            ("title", Attribute::Text(&title)),
            ("config", Attribute::Text(&self.study.config)),
            ("study_digest", Attribute::Text(&digest)),
            ("seed", Attribute::Text(&seed)),
            ("network", Attribute::Text(&shape)),
            ("learning_rate", Attribute::Float(self.cell.learning_rate)),
            ("outcome", Attribute::Text(self.row.outcome.name())),
            ("kernel", Attribute::Text(self.kernel)),
        ];
        attributes.extend(
            self.numerics.fields().iter().map(|&(name, value)| (name, Attribute::Text(value))),
        );
        draft.attributes(&attributes)
    }

    /// `d_0 .. d_N`, `record` and `loss_target`.
    fn write_dimensions(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let mut index = |name: &str, length: usize, meaning: &str| {
            let numbers: Vec<i64> = (0..length as i64).collect();
            draft.dimension(
                name,
                Values::Int64(&numbers),
                &[("long_name", Attribute::Text(meaning))],
            )
        };
        for (j, &d) in self.cell.shape.dims().iter().enumerate() {
            index(&format!("d_{j}"), d, &format!("unit of layer {j} (0: input)"))?;
        }
        index("record", self.trajectory.step.len(), "number of the record")?;
        let sizes = Sizes::of(&self.cell.shape);
        for dimension in Dimension::ALL {
            // One layer has no pairs.
            if sizes.length(dimension) > 0 {
                index(dimension.name(), sizes.length(dimension), dimension.meaning())?;
            }
        }
        if !self.trajectory.sample_loss.is_empty() {
            index("sample", self.trajectory.sample_loss.len(), "number of the sample")?;
        }
        if let Some(factor) = &self.start.problem.factor {
            index("factor_column", factor.ncols(), "column of the factor")?;
        }
        draft.dimension("loss_target", Values::Float64(&self.study.ladder), &words("excess loss"))
    }

    fn write_row(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let mut scalar = |name: &str, values: Values<'_>, meaning: &str| {
            draft.variable(name, &[], values, &words(meaning))
        };
        scalar("trial", Values::Int64(&[self.trial as i64]), "number of the trial")?;
        scalar("cell", Values::Int64(&[self.cell.index as i64]), "number of the cell")?;
        scalar("steps", Values::Int64(&[self.row.steps as i64]), "updates made")?;
        for ((name, meaning), value) in Measures::NAMES.iter().zip(self.row.measures.to_array()) {
            scalar(name, Values::Float64(&[value]), meaning)?;
        }
        let meaning = "first step at or under each loss target (-1: never)";
        let attributes = words(meaning);
        draft.variable(
            "hit_steps",
            &["loss_target"],
            Values::Int64(&self.row.hit_steps),
            &attributes,
        )
    }

    fn write_problem(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let problem = &self.start.problem;
        let output = format!("d_{}", self.cell.shape.depth());
        let phi: Vec<f64> = problem.phi.iter().copied().collect();
        let meaning = "target Phi; the loss is 1/2 ||(W - Phi) F||_F^2, F = factor or the identity";
        draft.variable("target", &[&output, "d_0"], Values::Float64(&phi), &words(meaning))?;
        if let Some(factor) = &problem.factor {
            let entries: Vec<f64> = factor.iter().copied().collect();
            let attributes = words("factor F, F F' = second moments of the inputs");
            draft.variable(
                "factor",
                &["d_0", "factor_column"],
                Values::Float64(&entries),
                &attributes,
            )?;
        }
        let floor = [self.start.landscape.floor];
        let meaning =
            "loss of the best end-to-end matrix of the network's rank; excess losses are above it";
        draft.variable("loss_floor", &[], Values::Float64(&floor), &words(meaning))
    }

    fn write_trajectory(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let along = self.trajectory;
        draft.variable("step", &["record"], Values::Int64(&along.step), &words("updates made"))?;
        for (quantity, values) in along.columns() {
            // There are no pairs of layers, or it was not asked for.
            if values.is_empty() {
                continue;
            }
            let mut names = vec!["record"];
            names.extend(quantity.dimensions.iter().map(|dimension| dimension.name()));
            let (name, attributes) = (quantity.name, words(quantity.long_name));
            draft.variable(name, &names, Values::Float64(values), &attributes)?;
        }
        Ok(())
    }

    /// A flow at chosen times.
    fn write_samples(&self, draft: &mut Draft) -> hdf5::Result<()> {
        let along = self.trajectory;
        let reached = along.sample_loss.len();
        if reached == 0 {
            return Ok(());
        }
        let mut column = |name: &str, dimensions: &[&str], values: &[f64], meaning: &str| {
            draft.variable(name, dimensions, Values::Float64(values), &words(meaning))
        };
        column("sample_time", &["sample"], &along.times[..reached], "time of the sample")?;
        column("sample_loss", &["sample"], &along.sample_loss, "excess loss at sample_time")?;
        let output = format!("d_{}", self.cell.shape.depth());
        let meaning = "end-to-end matrix at sample_time";
        let dimensions = ["sample", &output, "d_0"];
        column("sample_end_to_end", &dimensions, &along.sample_end_to_end, meaning)
    }
}

/// `group/W_1 .. group/W_N`.
fn write_weights(
    draft: &mut Draft,
    group: &str,
    meaning: &str,
    weights: &Weights,
) -> hdf5::Result<()> {
    draft.group(group, &[("long_name", Attribute::Text(meaning))])?;
    for j in 1..=weights.shape().depth() {
        let entries: Vec<f64> = weights.layer(j).iter().copied().collect();
        let (rows, columns) = (format!("d_{j}"), format!("d_{}", j - 1));
        let path = format!("{group}/W_{j}");
        draft.variable(
            &path,
            &[&rows, &columns],
            Values::Float64(&entries),
            &words(&format!("weights of layer {j}")),
        )?;
    }
    Ok(())
}
