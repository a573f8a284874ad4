//! `deeplin trace`.

use std::path::{Path, PathBuf};

use super::place::Place;
use super::tuned::tuned;
use super::{Ending, output};
use crate::descent::{self, Entry};
use crate::kernel::blas::{self, Threading};
use crate::kernel::rule::Method;
use crate::observe::spacing::{RecordedSteps, Spacing};
use crate::observe::trajectory::Recorder;
use crate::run::{method, numerics, threads};
use crate::start::Starts;
use crate::store::io::Disk;
use crate::store::{publish, trace};
use crate::study::Cell;
use crate::{Error, Result, config};

/// Replay one trial exactly, and store its target, weights and trajectory (HDF5)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file holds `target` (d_N x d_0), `initial/W_1` .. `initial/W_N`, `final/W_1` .. `final/W_N`, the \
trial's row, and at each of the recorded steps: time, loss, learning rate, gradient norm, balancedness, \
the imbalance of each two layers and its drift, singular values of the end-to-end matrix, deficiency \
margin, and the decrease of the loss with the bound that theory has for it. --spectra adds the singular \
values of every layer, the alignment of neighbouring layers' singular vectors, sharpness and smallest \
eigenvalue of the Hessian, and how far the end-to-end matrix moves along its preconditioned gradient. Of \
a flow, --times adds the loss and the end-to-end matrix at times of your choice, by the interpolant of \
its steps.

Examples:
  deeplin trace study.toml --trial 17 --at init.std=0.3,network.depth=4 -o t.h5
  deeplin trace study.toml --trial 17 --cell 5 --spectra --points 200 -o t.h5")]
pub(super) struct Arguments {
    /// The study, a TOML file
    config: PathBuf,
    /// Number of the trial, from 0
    #[arg(long, value_name = "K")]
    trial: u64,
    #[command(flatten)]
    place: Place,
    /// Times at which a flow is sampled (descent.method = "flow"), as far as it comes
    #[arg(long, value_name = "T,...", value_delimiter = ',')]
    times: Vec<f64>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How many steps are recorded between the start and the step limit
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    points: u64,
    /// Record singular vectors and the Hessian too: minutes for wide networks, so take fewer --points
    #[arg(long)]
    spectra: bool,
    /// How they lie
    #[arg(long, value_enum, default_value_t = Lying::Log)]
    spacing: Lying,
    /// Override a key of the study; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Names of [`Spacing`] on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Lying {
    /// Equally far from each other in the logarithm of the step
    Log,
    /// Equally far from each other
    Linear,
}

impl From<Lying> for Spacing {
    fn from(lying: Lying) -> Self {
        match lying {
            Lying::Log => Self::Log,
            Lying::Linear => Self::Linear,
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let blas = blas::prepare(1)?;
    let study = config::load(&arguments.config, &arguments.sets)?;
    let workers = match blas.threading {
        Threading::Serial => 1,
        Threading::Pthreads | Threading::OpenMp => threads::workers(None),
    };
    let cell = &tuned(&study, arguments.place.of(&study)?, workers)?;
    if arguments.trial >= study.trials {
        return Err(Error::usage(
            format!("there is no trial {}: a cell has {} trials", arguments.trial, study.trials),
            Some(format!("trials are numbered from 0 to {}", study.trials - 1)),
        ));
    }
    refuse_times(&arguments.times, cell)?;
    let starts = Starts::new(study.seed, cell);
    let mut kernel = method::kernel(cell);
    let recorded = RecordedSteps {
        spacing: arguments.spacing.into(),
        points: arguments.points,
        max_steps: cell.stop.max_steps,
    };
    let mut recorder =
        Recorder::new(cell, arguments.trial, recorded, arguments.times.clone(), arguments.spectra);
    let trial = arguments.trial;
    let entry = Entry { cell, trial, start: starts.start(trial), state: None };
    let row = descent::run_observed(kernel.as_mut(), entry, &study.ladder, &mut recorder)
        .expect("a recorder lets every trial go on");
    let trajectory = recorder.trajectory();
    let trace = trace::Trace {
        study: &study,
        cell,
        trial: arguments.trial,
        start: &starts.start(arguments.trial),
        row: &row,
        trajectory: &trajectory,
        kernel: method::Method::of(cell).kernel,
        numerics: &numerics::of_this_build(&blas),
    };
    write(&arguments.output, &trace)?;
    output::print(&format!(
        "{} after {} steps, loss {:e}\n{}\n",
        row.outcome.name(),
        row.steps,
        row.measures.loss_final,
        arguments.output.display()
    ))?;
    Ok(Ending::Done)
}

/// Refuses times that no step goes over.
fn refuse_times(times: &[f64], cell: &Cell) -> Result<()> {
    if let Some(time) = times.iter().find(|time| !time.is_finite() || **time < 0.0) {
        let help = Some("for instance --times 0.5,1,2".to_owned());
        return Err(Error::usage(format!("`--times {time}` is no time of at least 0"), help));
    }
    if times.is_empty() || matches!(cell.rule.method, Method::Flow { .. }) {
        return Ok(());
    }
    Err(Error::usage(
        format!("--times is for a flow, and this cell has method {}", cell.rule.method.name()),
        Some("leave --times out, or give --set descent.method=flow".to_owned()),
    ))
}

/// Publishes the trace under the name that was asked for; replaces an older trace, and nothing else.
fn write(path: &Path, trace: &trace::Trace<'_>) -> Result<()> {
    if path.exists() && !trace::is_trace(path) {
        return Err(Error::usage(
            format!("{} is there already and is no trace of deeplin", path.display()),
            Some("choose another name with -o, or remove the file first".to_owned()),
        ));
    }
    output::put(path, |dir, name| {
        publish::publish_sealed(&Disk, dir, name, |path, file| trace.write(path, file)).map(|_| ())
    })
}
