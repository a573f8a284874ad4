//! Figures of a results file: which there are, and what each shows.

mod arrangement;
mod contour;
mod curves;
mod ladder;
mod outcomes;
mod phase;
mod probability;
mod readings;
mod running_time;
mod starts;
mod theory;
mod times;
mod trajectories;

pub use arrangement::Request;
pub(super) use outcomes::{OUTCOMES, Shown};

use self::arrangement::{Arrangement, Slots};
use crate::Result;
use crate::draw::{Figure, SERIES};
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The probability of convergence along an axis.
    Probability,
    /// The probability over two axes.
    Phase,
    /// What became of the trials.
    Outcomes,
    /// The probability of having converged by a number of steps.
    Times,
    /// What converging once costs in steps.
    RunningTime,
    /// How many trials come to each loss of the ladder.
    Ladder,
    /// Outcomes by balancedness and margin of the start.
    Starts,
    /// Recorded trajectories.
    Trajectories,
    /// What is proved beside what is measured.
    Theory,
}

impl Kind {
    /// All of them, in the order of a page.
    pub const ALL: [Self; 9] = [
        Self::Probability,
        Self::Phase,
        Self::Outcomes,
        Self::Times,
        Self::RunningTime,
        Self::Ladder,
        Self::Starts,
        Self::Trajectories,
        Self::Theory,
    ];

    /// Its name on the command line and in pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probability => "probability",
            Self::Phase => "phase",
            Self::Outcomes => "outcomes",
            Self::Times => "times",
            Self::RunningTime => "running-time",
            Self::Ladder => "ladder",
            Self::Starts => "starts",
            Self::Trajectories => "trajectories",
            Self::Theory => "theory",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Probability => "probability of convergence",
            Self::Phase => "phase diagram",
            Self::Outcomes => "what became of the trials",
            Self::Times => "converged by a number of steps",
            Self::RunningTime => "steps that converging once costs",
            Self::Ladder => "trials that come to a loss",
            Self::Starts => "outcome by balancedness and margin of the start",
            Self::Trajectories => "trajectories",
            Self::Theory => "theory and measurement",
        }
    }

    /// What is seen in it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Probability => {
                "The part of the trials that converged within the step limit. Bands: bounds of the probability of \
                 that, of each alone. Dotted: the upper bound as if every undecided trial would converge with \
                 more steps."
            }
            Self::Phase => {
                "The part of the trials that converged, over two axes: the darker, the more. The contour is where \
                 it is one half, linear between the values that all others have trials at; its interval, where the \
                 bounds are. A corner: more than half of the trials were undecided at the step limit."
            }
            Self::Outcomes => {
                "Shares of the trials of each cell. Undecided: still on their way at the step limit."
            }
            Self::Times => {
                "The probability of having converged by a number of steps; trials that diverged or stalled never \
                 do. Bounds are for one number of steps each. It is drawn at up to 60 steps between which about \
                 equally many trials are decided, and as it was before in between."
            }
            Self::RunningTime => {
                "All steps per trial that converged: of trials as they were run, and of trials that are given up \
                 after the best number of steps and begun afresh, with its bounds. Undecided trials count with the \
                 steps they made."
            }
            Self::Ladder => {
                "The part of the trials that came to a loss or below. Bounds: the upper one as if all trials that \
                 were stopped before would come there."
            }
            Self::Starts => {
                "One mark for each of the first trials: how far its start is from balanced, max_j ||W_{j+1}'W_{j+1} - W_j W_j'||_F, and \
                 its deficiency margin, sigma_min(Phi) - ||W(0) - Phi||_F, which is above 0 where theorem 1 of \
                 Arora, Cohen, Golowich and Hu (2019) can apply."
            }
            Self::Trajectories => {
                "The way of the first trials of a cell whose trajectories were recorded."
            }
            Self::Theory => {
                "The part of the trials that converged beside the part that is proved to: by a certificate on the \
                 way, and by the conditions of theorem 1 of Arora, Cohen, Golowich and Hu (2019) at the start."
            }
        }
    }

    /// What results must have for it.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Phase => "two axes with more than one value that --at does not fix",
            Self::RunningTime => "trials that converged",
            Self::Ladder => "a ladder of losses (stop.ladder)",
            Self::Starts => "trials, and a row of each (store.rows = true)",
            Self::Trajectories => "recorded trajectories (record.trajectory)",
            Self::Probability | Self::Outcomes | Self::Times | Self::Theory => "nothing but trials",
        }
    }

    /// A command that shows what is behind it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Times => "deeplin times RESULTS --csv",
            Self::Ladder => "deeplin times RESULTS --loss LOSS --csv",
            Self::Starts => "deeplin export RESULTS -o FILE.csv",
            Self::Trajectories => "deeplin trace CONFIG --at KEY=VALUE,... --trial K -o FILE",
            Self::Probability | Self::Phase | Self::Outcomes | Self::RunningTime | Self::Theory => {
                "deeplin report RESULTS --csv"
            }
        }
    }

    /// Whether an axis goes to the right, and how many values others have room for.
    fn slots(self) -> Slots {
        let (x, series, panels) = match self {
            Self::Probability => (true, SERIES, 16),
            // Upwards goes what would be the series, however many values it has.
            Self::Phase => (true, usize::MAX, 16),
            Self::Outcomes | Self::Theory => (true, 0, 16),
            Self::Times | Self::Ladder => (false, SERIES, 16),
            Self::RunningTime => (true, SERIES, 8),
            Self::Starts => (false, 0, 36),
            Self::Trajectories => (false, 0, 0),
        };
        Slots { x, series, panels }
    }

    /// Whether it shows something along an axis.
    pub fn is_along_an_axis(self) -> bool {
        self.slots().x
    }

    /// What it shows on demand: the class of the layer, and words for it.
    pub fn on_demand(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Phase => &[
                ("contour", "contour at one half"),
                ("contour-interval", "interval of the contour"),
            ],
            Self::Times | Self::Ladder => &[("bounds", "bounds")],
            _ => &[],
        }
    }
}

/// Figures of one kind: one for each choice of the axes that they do not show.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they show.
    pub kind: Kind,
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// The figures, each with the number of the value that is chosen of each choice.
    pub figures: Vec<(Vec<usize>, Figure)>,
    /// The numbers behind them, where they are not among those of the cells.
    pub table: Option<Table>,
    /// What they leave out of the results, in a sentence.
    pub left_out: Option<String>,
}

/// What can be chosen: an axis with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The swept key, or `cell`.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}

/// Numbers in rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// What results can be chosen from for a figure of a kind, because it shows one value of an axis; nothing is
/// read for it.
pub fn choices(results: &ResultsFile, kind: Kind, request: &Request) -> Vec<Choice> {
    Arrangement::new(results, kind.slots(), request).choices()
}

/// The figures of a kind; `None` if the results do not have what they show.
///
/// # Errors
/// If the file cannot be read.
pub fn group(results: &ResultsFile, kind: Kind, request: &Request) -> Result<Option<Group>> {
    let arrangement = Arrangement::new(results, kind.slots(), request);
    if !is_there(&arrangement, kind)? {
        return Ok(None);
    }
    Ok(Some(match kind {
        Kind::Probability => probability::group(&arrangement),
        Kind::Phase => phase::group(&arrangement),
        Kind::Outcomes => outcomes::group(&arrangement),
        Kind::Times => times::group(&arrangement)?,
        Kind::RunningTime => running_time::group(&arrangement),
        Kind::Ladder => ladder::group(&arrangement)?,
        Kind::Starts => starts::group(&arrangement)?,
        Kind::Trajectories => return trajectories::group(&arrangement),
        Kind::Theory => theory::group(&arrangement),
    }))
}

/// Whether the results have something to show for a figure.
///
/// # Errors
/// If the file cannot be read.
pub fn has(results: &ResultsFile, kind: Kind, request: &Request) -> Result<bool> {
    is_there(&Arrangement::new(results, kind.slots(), request), kind)
}

fn is_there(arrangement: &Arrangement<'_>, kind: Kind) -> Result<bool> {
    let results = arrangement.results;
    let any = |of: fn(&CellSummary) -> bool| {
        arrangement.shown().iter().any(|&cell| of(&results.cells[cell]))
    };
    Ok(match kind {
        Kind::Probability | Kind::Outcomes | Kind::Times | Kind::Theory => true,
        Kind::Phase => arrangement.x.is_some() && arrangement.series_axis().is_some(),
        Kind::RunningTime => {
            any(|cell| cell.cost.expected.is_finite() || cell.cost.restarted.is_finite())
        }
        Kind::Ladder => results.ladder.len() > 1,
        Kind::Starts => results.has_rows && any(|cell| cell.trials > 0),
        Kind::Trajectories => results.traced_trials()? > 0,
    })
}

/// Cells in the panels of one figure of a page, at most: what is seen first is not packed there, so that many
/// would make it large.
const CELLS: usize = 600;
/// Cells whose starts a page shows; of more, those of one figure.
const CELLS_OF_STARTS: usize = 120;

/// All figures that the results have something to show for, as a page has them.
///
/// # Errors
/// If the file cannot be read.
pub fn all(results: &ResultsFile) -> Result<Vec<Group>> {
    let groups = Kind::ALL.into_iter().map(|kind| of_page(results, kind).transpose());
    groups.flatten().collect()
}

/// The figures of a kind, as a page has them.
fn of_page(results: &ResultsFile, kind: Kind) -> Result<Option<Group>> {
    let mut request = Request { cells: Some(CELLS), ..Request::default() };
    if kind != Kind::Starts || results.cells.len() <= CELLS_OF_STARTS {
        return group(results, kind, &request);
    }
    request.fixed = Arrangement::new(results, kind.slots(), &request).first_choice();
    let others = "Starts of other cells: deeplin plot RESULTS --figure starts --at KEY=VALUE,...";
    Ok(group(results, kind, &request)?.map(|group| {
        let shown = group.left_out.map(|text| format!("{text} ")).unwrap_or_default();
        Group { left_out: Some(format!("{shown}{others}")), ..group }
    }))
}
