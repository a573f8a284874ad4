//! `[target]` of one cell.

use std::sync::Arc;

use crate::digest::Digest;
use crate::error::Result;
use crate::network::Shape;
use crate::network::target::regression::RegressionOptions;
use crate::network::target::{Draw, Target};

use super::data::Files;
use super::refuse::{Advise, Refusal, counted};
use super::value::Value;
use super::view::View;

/// Builds the target of a cell; with the digest of its file, if it has one.
///
/// # Errors
/// If a key is missing, a list has the wrong length, a file cannot be used, or the dimensions do
/// not fit the network.
pub(super) fn build(
    view: &View<'_>,
    shape: &Shape,
    files: &mut Files,
) -> Result<(Target, Option<Digest>)> {
    let target = match view.word("target.kind") {
        "identity" => Target::Identity { scale: view.float("target.scale") },
        "diagonal" => Target::Diagonal { values: diagonal(view, shape, "target.values")? },
        "symmetric" => Target::Symmetric { eigenvalues: eigenvalues(view, shape)? },
        "spectrum" => {
            Target::Spectrum { singular_values: diagonal(view, shape, "target.singular_values")? }
        }
        "gaussian" => Target::Gaussian { std: view.float("target.std") },
        "unit" => Target::Unit { norm: view.float("target.norm") },
        "file" => return from_file(view, shape, files),
        "regression" => return from_data(view, shape, files),
        other => unreachable!("the schema has no target.kind {other}"),
    };
    Ok((target, None))
}

/// How often a random target is drawn.
pub(super) fn draw(view: &View<'_>) -> Draw {
    if view.word("target.draw") == "trial" { Draw::Trial } else { Draw::Study }
}

/// One number for each entry of the main diagonal.
fn diagonal(view: &View<'_>, shape: &Shape, key: &str) -> std::result::Result<Vec<f64>, Refusal> {
    let values = view.floats(key, "[3.0, 2.0, 1.0]")?;
    let needed = shape.input().min(shape.output());
    if values.len() != needed {
        let message = format!(
            "`{key}` has {}, but a {} x {} target has {needed} on its diagonal",
            counted(values.len(), "number"),
            shape.output(),
            shape.input()
        );
        return Err(view.refuse(&[key], &message, counted(values.len(), "number")).advise(
            format!(
                "give {}: the smaller of network.input and network.output",
                counted(needed, "number")
            ),
        ));
    }
    Ok(values)
}

fn eigenvalues(view: &View<'_>, shape: &Shape) -> std::result::Result<Vec<f64>, Refusal> {
    if shape.input() != shape.output() {
        let message = format!(
            "a symmetric target needs network.input = network.output, not {} and {}",
            shape.input(),
            shape.output()
        );
        return Err(view
            .refuse(&["target.kind"], &message, "square targets only")
            .advise("target.kind = \"spectrum\" has given singular values for any dimensions"));
    }
    diagonal(view, shape, "target.eigenvalues")
}

fn from_file(
    view: &View<'_>,
    shape: &Shape,
    files: &mut Files,
) -> Result<(Target, Option<Digest>)> {
    let path = view.path("target.path", r#""matrix.npy""#)?;
    let dataset = view.optional_text("target.dataset");
    let (matrix, digest) = files.matrix(path, dataset.as_deref())?;
    fits(view, shape, "the matrix in the file", matrix.dim())?;
    Ok((Target::Matrix(matrix), Some(digest)))
}

fn from_data(
    view: &View<'_>,
    shape: &Shape,
    files: &mut Files,
) -> Result<(Target, Option<Digest>)> {
    let path = view.path("target.path", r#""data.csv""#)?;
    let labels = view.get("target.labels").and_then(Value::list).unwrap_or_default();
    let options = RegressionOptions {
        labels: labels.iter().filter_map(Value::text).map(str::to_owned).collect(),
        whiten: view.flag("target.whiten"),
        rescale: view.flag("target.rescale"),
        rank_tolerance: view.float("target.rank_tolerance"),
        dataset: view.optional_text("target.dataset"),
    };
    let (problem, digest) = files.regression(path, &options)?;
    fits(view, shape, "the regression", problem.phi.dim())?;
    Ok((Target::Regression(Arc::clone(&problem)), Some(digest)))
}

/// Refuses a `d_N x d_0` target for a network of other dimensions.
fn fits(
    view: &View<'_>,
    shape: &Shape,
    what: &str,
    (output, input): (usize, usize),
) -> std::result::Result<(), Refusal> {
    if (output, input) == (shape.output(), shape.input()) {
        return Ok(());
    }
    let message = format!(
        "{what} has {input} inputs and {output} outputs, the network {} and {}",
        shape.input(),
        shape.output()
    );
    let wrong = if input == shape.input() { "network.output" } else { "network.input" };
    Err(view
        .refuse(&[wrong, "target.path"], &message, "does not fit")
        .advise(format!("write `input = {input}` and `output = {output}` under [network]")))
}
