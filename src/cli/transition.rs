//! `deeplin transition`.

use std::path::PathBuf;

use clap::ArgAction::Set;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::report::{Form, Shown, file};
use super::{Ending, apart, output};
use crate::Error;
use crate::report::axis::AxisScale;
use crate::report::counts::Counts;
use crate::report::transition::{Asymptotes, Question, Undecided, transitions};
use crate::stats::link::Link;

/// Find where the probability of convergence crosses a value
///
/// Along one axis of the sweep, for each point of the others: the crossings that the counts show, which
/// may be several, and the curve through each with its threshold.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin transition runs/quickstart --axis init.std
  deeplin transition runs/quickstart --axis init.std --at 0.9 --link probit
  deeplin transition runs/quickstart --axis init.std --scaling network.depth
  deeplin transition runs/quickstart --axis init.std --csv > transitions.csv

CSV has one line a transition, with --scaling one a law.")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    /// The swept key to look along [default: the only one with numbers]
    #[arg(long, value_name = "KEY")]
    axis: Option<String>,
    /// The probability that is crossed
    #[arg(long, value_name = "P", default_value = "0.5", value_parser = output::probability)]
    at: f64,
    /// Confidence level
    #[arg(long, default_value = "0.95", value_parser = output::probability)]
    level: f64,
    /// Curve
    #[arg(long, action = Set, default_value = "logit", value_parser = words(Link::ALL, Link::word))]
    link: Link,
    /// Fit the ends of the curve too, or have it go from 0 to 1
    #[arg(long, action = Set, default_value = "free", value_parser = words(Asymptotes::ALL, Asymptotes::word))]
    asymptotes: Asymptotes,
    /// Fit in the logarithm of the axis or in its values [default: log over a factor of ten or more]
    #[arg(long, action = Set, value_parser = words(AxisScale::ALL, AxisScale::word))]
    scale: Option<AxisScale>,
    /// What trials count as that were undecided at the step limit
    #[arg(long, action = Set, default_value = "failed", value_parser = words(Undecided::ALL, Undecided::word))]
    undecided: Undecided,
    /// Fit a power law of the thresholds over another swept key
    #[arg(long, value_name = "KEY")]
    scaling: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// Takes one of these values by its word.
fn words<T, const N: usize>(
    all: [T; N],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let find = move |wanted: String| all.into_iter().find(|&value| word(value) == wanted);
    PossibleValuesParser::new(all.map(word)).map(move |wanted| find(wanted).expect("a listed word"))
}

pub(super) fn main(arguments: &Arguments) -> crate::Result<Ending> {
    let path = file(&arguments.results, "transition")?;
    let counts = Counts::from_json(&apart::ask(&["counts".to_owned()], &path)?)
        .ok_or_else(|| Error::content(&path, "its counts contradict each other", None))?;
    let transitions = transitions(&counts, &arguments.question())?;
    output::print(&match arguments.shown.form() {
        Form::Table => transitions.table(),
        Form::Json => transitions.json(),
        Form::Csv => transitions.csv(),
    })?;
    Ok(Ending::Done)
}

impl Arguments {
    fn question(&self) -> Question {
        Question {
            axis: self.axis.clone(),
            p: self.at,
            level: self.level,
            link: self.link,
            asymptotes: self.asymptotes,
            scale: self.scale,
            undecided: self.undecided,
            scaling: self.scaling.clone(),
        }
    }
}
