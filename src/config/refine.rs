//! `[refine]`: an axis with further points, of which those about a transition get trials.

use super::points::halves;
use super::refuse::{Advise, Refusal};
use super::schema::{BUDGET, REFINED, TRACED};
use super::settings::Settings;
use super::sweep::{self, SweptKey};
use super::value::{Node, Value};
use super::view::View;
use crate::study::Refinement;
use crate::suggest;

/// Most times that the distance of two points of a sweep is halved.
const MOST_HALVINGS: u32 = 10;

/// How the study is refined, and its settings with all points that the refined axis may get; `None` if no axis
/// is refined.
///
/// The points between two of the sweep halve their distance again and again, as often as it takes to have
/// as many as are asked for: in the logarithm if all values are positive and the largest is more than ten
/// times the least.
///
/// # Errors
/// If the axis is none, or cannot be refined, or another key asks for the same trials in every cell.
pub(super) fn expand(settings: &Settings) -> Result<Option<(Settings, Refinement)>, Refusal> {
    let Some(setting) = settings.plain.get(REFINED) else { return Ok(None) };
    let name = setting.value.text().unwrap_or_default();
    let place = &setting.place;
    let of_name = |axis: &Vec<SweptKey>| axis.iter().any(|key| key.entry.key == name);
    let Some(number) = settings.axes.iter().position(of_name) else {
        let keys = settings.axes.iter().flatten().map(|key| key.entry.key);
        let near = suggest::did_you_mean(&suggest::nearest(name, keys.clone()));
        let all: Vec<&str> = keys.collect();
        let advice = near.unwrap_or_else(|| match all.is_empty() {
            true => "sweep it: give its values under [sweep]".to_owned(),
            false => format!("the axes are `{}`", all.join("`, `")),
        });
        return Err(place
            .refuse(format!("`{REFINED}` is `{name}`, which is not an axis of [sweep]"), "no axis")
            .advise(advice));
    };
    let Some(values) = numbers(&settings.axes[number]) else {
        return Err(place
            .refuse(format!("the axis `{name}` cannot be refined"), "not numbers that rise")
            .advise("only an axis of one key can be, with two or more real numbers that rise"));
    };
    let view = View::new(settings, 0);
    refuse_others(&view)?;
    let cells = view.whole("refine.cells");
    let halvings = (cells + 1).next_power_of_two().ilog2().min(MOST_HALVINGS);
    let mut expanded = Settings { plain: settings.plain.clone(), axes: settings.axes.clone() };
    let others = expanded.axes.iter().enumerate().filter(|(axis, _)| *axis != number);
    let others: usize = others.map(|(_, axis)| axis[0].values.len()).product();
    let points = ((values.len() - 1) << halvings) + 1;
    if points.saturating_mul(others) as u128 > sweep::MOST_CELLS {
        let message = format!(
            "the refined axis has up to {points} points, which with the others make more than {} cells",
            sweep::MOST_CELLS
        );
        return Err(place
            .refuse(message, "too many points")
            .advise("give the axis fewer values, or a smaller `refine.cells`"));
    }
    let key = &mut expanded.axes[number][0];
    let span = key.values[0].span.clone();
    let value = |x: f64| Value { node: Node::Float(x), span: span.clone() };
    key.values = halves(&values, halvings).into_iter().map(value).collect();
    let (at, spacing) = (view.float("refine.at"), 1 << halvings);
    Ok(Some((expanded, Refinement { axis: number, at, cells, spacing })))
}

/// The values of an axis that can be refined.
fn numbers(axis: &[SweptKey]) -> Option<Vec<f64>> {
    let [key] = axis else { return None };
    let real = |value: &Value| match value.node {
        Node::Float(x) => Some(x),
        _ => None,
    };
    let values: Vec<f64> = key.values.iter().map(real).collect::<Option<_>>()?;
    (values.len() > 1 && values.is_sorted_by(|a, b| a < b)).then_some(values)
}

/// What every cell has before it has trials would be wanted of all points, those without trials too.
fn refuse_others(view: &View<'_>) -> Result<(), Refusal> {
    let tuned = view.is_anywhere("descent.learning_rate", "tuned");
    let key = match (view.get(BUDGET), view.get(TRACED)) {
        (Some(_), _) => BUDGET,
        (_, Some(_)) => TRACED,
        _ if tuned => "descent.learning_rate",
        _ => return Ok(()),
    };
    let message = format!("`{REFINED}` and `{key}` do not go together");
    let label = "all cells have to be known before";
    Err(view.refuse(&[key, REFINED], &message, label).advise(format!(
        "leave out one of them; a study of the refined points alone can have `{key}`"
    )))
}
