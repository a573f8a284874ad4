//! The file of one traced trial: its row, target, weights and trajectory.

use std::path::Path;

use hdf5::types::VarLenUnicode;

use super::image::{Attribute, Image, Named, Values, words};
use super::numerics::Numerics;
use crate::network::Weights;
use crate::observe::trajectory::Trajectory;
use crate::start::Start;
use crate::study::{Cell, Measures, Study, TrialRow};
use crate::{Error, Result};

/// What the root attribute `deeplin_format` of a trace says.
const FORMAT: &str = "deeplin trace";

/// Whether the file is a trace.
pub fn is_trace(path: &Path) -> bool {
    let format = |path| -> hdf5::Result<String> {
        let text: VarLenUnicode = hdf5::File::open(path)?.attr("deeplin_format")?.read_scalar()?;
        Ok(text.to_string())
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
    /// The bytes of the file that is to be called `path`.
    ///
    /// # Errors
    /// If HDF5 fails.
    pub fn image(&self, path: &Path) -> Result<Vec<u8>> {
        self.build().map_err(|error| {
            Error::content(path, format!("HDF5 failed to build it: {error}"), None)
        })
    }

    fn build(&self) -> hdf5::Result<Vec<u8>> {
        let mut image = Image::new()?;
        self.write_attributes(&mut image)?;
        self.write_dimensions(&mut image)?;
        self.write_row(&mut image)?;
        self.write_problem(&mut image)?;
        self.write_trajectory(&mut image)?;
        write_weights(&mut image, "initial", "initial weights", &self.start.weights)?;
        if let Some(last) = &self.trajectory.last {
            write_weights(&mut image, "final", "final weights", last)?;
        }
        image.finish()
    }

    fn write_attributes(&self, image: &mut Image) -> hdf5::Result<()> {
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
        image.attributes(&attributes)
    }

    /// `d_0 .. d_N`, `record` and `loss_target`.
    fn write_dimensions(&self, image: &mut Image) -> hdf5::Result<()> {
        let mut index = |name: &str, length: usize, meaning: &str| {
            let numbers: Vec<i64> = (0..length as i64).collect();
            image.dimension(
                name,
                Values::Int64(&numbers),
                &[("long_name", Attribute::Text(meaning))],
            )
        };
        for (j, &d) in self.cell.shape.dims().iter().enumerate() {
            index(&format!("d_{j}"), d, &format!("unit of layer {j} (0: input)"))?;
        }
        index("record", self.trajectory.step.len(), "number of the record")?;
        if let Some(factor) = &self.start.problem.factor {
            index("factor_column", factor.ncols(), "column of the factor")?;
        }
        image.dimension("loss_target", Values::Float64(&self.study.ladder), &words("excess loss"))
    }

    fn write_row(&self, image: &mut Image) -> hdf5::Result<()> {
        let mut scalar = |name: &str, values: Values<'_>, meaning: &str| {
            image.variable(name, &[], values, &words(meaning))
        };
        scalar("trial", Values::Int64(&[self.trial as i64]), "number of the trial")?;
        scalar("cell", Values::Int64(&[self.cell.index as i64]), "number of the cell")?;
        scalar("steps", Values::Int64(&[self.row.steps as i64]), "updates made")?;
        for ((name, meaning), value) in Measures::NAMES.iter().zip(self.row.measures.to_array()) {
            scalar(name, Values::Float64(&[value]), meaning)?;
        }
        let meaning = "first step at or under each loss target (-1: never)";
        let attributes = words(meaning);
        image.variable(
            "hit_steps",
            &["loss_target"],
            Values::Int64(&self.row.hit_steps),
            &attributes,
        )
    }

    fn write_problem(&self, image: &mut Image) -> hdf5::Result<()> {
        let problem = &self.start.problem;
        let output = format!("d_{}", self.cell.shape.depth());
        let phi: Vec<f64> = problem.phi.iter().copied().collect();
        let meaning = "target Phi; the loss is 1/2 ||(W - Phi) F||_F^2, F = factor or the identity";
        image.variable("target", &[&output, "d_0"], Values::Float64(&phi), &words(meaning))?;
        if let Some(factor) = &problem.factor {
            let entries: Vec<f64> = factor.iter().copied().collect();
            let attributes = words("factor F, F F' = second moments of the inputs");
            image.variable(
                "factor",
                &["d_0", "factor_column"],
                Values::Float64(&entries),
                &attributes,
            )?;
        }
        let floor = [self.start.landscape.floor];
        let meaning =
            "loss of the best end-to-end matrix of the network's rank; excess losses are above it";
        image.variable("loss_floor", &[], Values::Float64(&floor), &words(meaning))
    }

    fn write_trajectory(&self, image: &mut Image) -> hdf5::Result<()> {
        let along = self.trajectory;
        let mut column = |name: &str, values: Values<'_>, meaning: &str| {
            image.variable(name, &["record"], values, &words(meaning))
        };
        column("step", Values::Int64(&along.step), "updates made")?;
        column("loss", Values::Float64(&along.loss), "excess loss")?;
        column(
            "gradient_norm",
            Values::Float64(&along.gradient_norm),
            "Euclidean norm of the loss gradient",
        )?;
        let meaning = "balancedness, max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F";
        column("balancedness", Values::Float64(&along.balancedness), meaning)?;
        let meaning = "Frobenius norm of the end-to-end matrix";
        column("end_to_end_norm", Values::Float64(&along.end_to_end_norm), meaning)?;
        let meaning = "smallest singular value of the end-to-end matrix";
        column("sigma_min", Values::Float64(&along.sigma_min), meaning)
    }
}

/// `group/W_1 .. group/W_N`.
fn write_weights(
    image: &mut Image,
    group: &str,
    meaning: &str,
    weights: &Weights,
) -> hdf5::Result<()> {
    image.group(group, &[("long_name", Attribute::Text(meaning))])?;
    for j in 1..=weights.shape().depth() {
        let entries: Vec<f64> = weights.layer(j).iter().copied().collect();
        let (rows, columns) = (format!("d_{j}"), format!("d_{}", j - 1));
        let path = format!("{group}/W_{j}");
        image.variable(
            &path,
            &[&rows, &columns],
            Values::Float64(&entries),
            &words(&format!("weights of layer {j}")),
        )?;
    }
    Ok(())
}
