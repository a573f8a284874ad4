//! `[init]` of one cell.

use ndarray::Array2;

use crate::digest::Digest;
use crate::error::Result;
use crate::network::Shape;
use crate::network::init::{EndToEndLaw, Init, LayerValues};

use super::data::Files;
use super::refuse::{Advise, Refusal, counted};
use super::value::Value;
use super::view::View;

/// Builds the law of the initial weights of a cell; with the digest of its file, if it has one.
///
/// # Errors
/// If a key is missing, values do not fit the dimensions of the network, or a file cannot be used.
pub(super) fn build(
    view: &View<'_>,
    shape: &Shape,
    files: &mut Files,
) -> Result<(Init, Option<Digest>)> {
    let init = match view.word("init.kind") {
        "gaussian" => Init::Gaussian { std: view.float("init.std") },
        "uniform" => Init::Uniform { bound: view.float("init.bound") },
        "xavier" => Init::Xavier { gain: view.float("init.gain") },
        "he" => Init::He { gain: view.float("init.gain") },
        "orthogonal" => Init::Orthogonal { gain: view.float("init.gain") },
        "identity" => {
            Init::Identity { scale: view.float("init.scale"), noise: view.float("init.noise") }
        }
        "balanced" => balanced(view, shape)?,
        "zas" => Init::Zas,
        "values" => Init::Values(values(view, shape)?),
        "file" => {
            let path = view.path("init.path", r#""weights.h5""#)?;
            let group = view.optional_text("init.group");
            let (weights, digest) = files.weights(path, group.as_deref(), shape)?;
            return Ok((Init::File(weights), Some(digest)));
        }
        other => unreachable!("the schema has no init.kind {other}"),
    };
    Ok((init, None))
}

fn balanced(view: &View<'_>, shape: &Shape) -> std::result::Result<Init, Refusal> {
    let needed = shape.input().min(shape.output());
    if let Some(narrow) = shape.hidden().iter().find(|&&width| width < needed) {
        let message = format!(
            "balanced initial weights need hidden widths of at least min(network.input, \
             network.output) = {needed}, not {narrow}"
        );
        return Err(view
            .refuse(&["network.hidden", "init.kind"], &message, "too narrow")
            .advise(format!("write a width of at least {needed}, or choose another init.kind")));
    }
    let law = match view.get("init.norm") {
        Some(_) => EndToEndLaw::Norm(view.float("init.norm")),
        None => EndToEndLaw::Std(view.float("init.std")),
    };
    Ok(Init::Balanced { law, rotate: view.flag("init.rotate") })
}

fn values(view: &View<'_>, shape: &Shape) -> std::result::Result<LayerValues, Refusal> {
    const KEY: &str = "init.values";
    let given = view.require(KEY, "[0.5, 0.5]")?.list().unwrap_or_default();
    if given.len() != shape.depth() {
        let message = format!(
            "`{KEY}` has {}, but the network has {}",
            counted(given.len(), "value"),
            counted(shape.depth(), "layer")
        );
        return Err(view
            .refuse(&[KEY], &message, counted(given.len(), "value"))
            .advise("give one number or one matrix a layer, W_1 first"));
    }
    let scalars: Option<Vec<f64>> = given.iter().map(Value::float).collect();
    if let Some(scalars) = scalars {
        return Ok(LayerValues::Scalars(scalars));
    }
    let layers = given.iter().enumerate().map(|(i, rows)| layer(view, shape, i + 1, rows));
    Ok(LayerValues::Matrices(layers.collect::<std::result::Result<_, _>>()?))
}

/// Layer `j` from its list of rows.
fn layer(
    view: &View<'_>,
    shape: &Shape,
    j: usize,
    rows: &Value,
) -> std::result::Result<Array2<f64>, Refusal> {
    let rows = rows.list().unwrap_or_default();
    let columns = rows.first().and_then(Value::list).map_or(0, <[Value]>::len);
    let entries = rows.iter().filter_map(Value::list).flatten().filter_map(Value::float).collect();
    let matrix = Array2::from_shape_vec((rows.len(), columns), entries).ok();
    matrix.filter(|matrix| matrix.dim() == shape.layer(j)).ok_or_else(|| {
        let (needed_rows, needed_columns) = shape.layer(j);
        let message = format!(
            "W_{j} of `init.values` is {} x {columns}, but the network {shape} needs \
             {needed_rows} x {needed_columns}",
            rows.len()
        );
        view.refuse(&["init.values"], &message, format!("W_{j} has the wrong shape"))
            .advise(format!("give W_{j} as {needed_rows} rows of {needed_columns} numbers"))
    })
}
