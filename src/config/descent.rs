//! `[descent]` of one cell: the method, its schedule and the law of its learning rate.

use crate::kernel::real::Precision;
use crate::kernel::rule::{Method, Perturbation, Rule, Schedule};
use crate::network::target::Target;
use crate::study::{RateLaw, Tuning};

use super::refuse::{Advise, Refusal};
use super::value::Value;
use super::view::View;

/// The method of a cell and its schedule.
pub(super) fn rule(view: &View<'_>) -> Rule {
    let momentum = || view.float("descent.momentum");
    let method = match view.word("descent.method") {
        "gradient" => Method::Gradient,
        "momentum" => Method::Momentum { momentum: momentum() },
        "nesterov" => Method::Nesterov { momentum: momentum() },
        "perturbed" => Method::Perturbed(Perturbation {
            threshold: view.float("descent.threshold"),
            radius: view.float("descent.radius"),
            interval: view.whole("descent.interval"),
        }),
        // A flow has no learning rate, and so no schedule.
        "flow" => {
            let max_time = view.get("descent.max_time").and_then(Value::float);
            let method = Method::Flow {
                tolerance: view.float("descent.tolerance"),
                max_time: max_time.unwrap_or(f64::INFINITY),
            };
            return Rule { method, schedule: Schedule::Constant };
        }
        other => unreachable!("the schema has no descent.method {other}"),
    };
    Rule { method, schedule: schedule(view) }
}

fn schedule(view: &View<'_>) -> Schedule {
    let steps = view.whole("descent.schedule_steps");
    let factor = || view.float("descent.schedule_factor");
    match view.word("descent.schedule") {
        "constant" => Schedule::Constant,
        "step" => Schedule::Step { steps, factor: factor() },
        "inverse" => Schedule::Inverse { steps, power: view.float("descent.schedule_power") },
        "cosine" => Schedule::Cosine { steps, factor: factor() },
        "warmup" => Schedule::Warmup { steps },
        other => unreachable!("the schema has no descent.schedule {other}"),
    }
}

/// The learning rate of a cell, NaN where trials have their own and where it is still to be tuned, and its
/// law.
///
/// # Errors
/// If theorem 1 says nothing about the cell.
pub(super) fn rate(
    view: &View<'_>,
    rule: &Rule,
    target: &Target,
) -> Result<(f64, RateLaw), Refusal> {
    const KEY: &str = "descent.learning_rate";
    match view.get(KEY).and_then(Value::text) {
        None => return Ok((view.float(KEY), RateLaw::Given)),
        // A flow has none, whatever the other cells have.
        Some("tuned") if matches!(rule.method, Method::Flow { .. }) => {
            return Ok((f64::NAN, RateLaw::Given));
        }
        Some("tuned") => return Ok((f64::NAN, RateLaw::Tuned)),
        Some(_) => {}
    }
    let refuse = |message: &str, help: &str| {
        Err(view.refuse(&[KEY], message, "theorem 1 does not hold").advise(help))
    };
    if !rule.is_plain() {
        return refuse(
            "the learning rate of theorem 1 is for gradient descent with a constant rate",
            "write descent.method = \"gradient\" and descent.schedule = \"constant\", or a number",
        );
    }
    if matches!(target, Target::Regression(problem) if problem.factor.is_some()) {
        return refuse(
            "the learning rate of theorem 1 is for whitened data",
            "write target.whiten = true, or a number as the learning rate",
        );
    }
    Ok((f64::NAN, RateLaw::Theorem1))
}

/// How the learning rate of a cell is tuned, if it is.
pub(super) fn tuning(view: &View<'_>, law: RateLaw) -> Option<Tuning> {
    let rates = || view.known("descent.tuning_rates").list().unwrap_or_default();
    (law == RateLaw::Tuned).then(|| Tuning {
        rates: rates().iter().filter_map(Value::float).collect(),
        trials: view.whole("descent.tuning_trials"),
    })
}

/// Refuses single precision where steps are computed in double precision only.
pub(super) fn refuse_single(
    view: &View<'_>,
    precision: Precision,
    rule: &Rule,
    law: RateLaw,
) -> Result<(), Refusal> {
    if precision == Precision::Float64 || (rule.is_plain() && law.is_of_cell()) {
        return Ok(());
    }
    let keys = ["descent.precision"];
    let message = "single precision is for gradient descent with one constant learning rate";
    Err(view
        .refuse(&keys, message, "not for this method")
        .advise("write descent.precision = \"f64\""))
}
