//! How many trials come to each loss of the ladder.

use std::collections::BTreeMap;

use super::arrangement::Arrangement;
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, Sample, Scale, Spot};
use crate::report::format::{probability, significant};
use crate::stats::{Interval, with_undecided};
use crate::store::Intervals;
use crate::store::reader::{FirstHits, ResultsFile};

/// How many trials came to a loss or below.
struct Rung {
    loss: f64,
    share: f64,
    bounds: Interval,
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let results = arrangement.results;
    let intervals = results.intervals()?;
    let of_cell = |cell| Ok((cell, rungs(results, cell, &intervals)?));
    let ladders: BTreeMap<usize, Vec<Rung>> =
        arrangement.shown().into_iter().map(of_cell).collect::<Result<_>>()?;
    let scale = Scale::log(results.ladder.iter().copied());
    let x = Axis { label: "excess loss".to_owned(), scale };
    let y = Axis { label: "share of the trials".to_owned(), scale: super::probability::SCALE };
    let panel = |choice: &[usize], p| {
        let marks = (0..arrangement.series()).flat_map(|s| {
            let cell = arrangement.cell(choice, p, s, 0);
            curve(&arrangement.name(cell), &ladders[&cell], s)
        });
        Panel::of(x.clone(), y.clone(), marks.collect())
    };
    let table = Some(table(arrangement, &ladders));
    Ok(arrangement.group(Kind::Ladder, arrangement.legend(Sample::SpottedLine), table, panel))
}

/// The rungs of a cell, the smallest loss first; none without trials.
fn rungs(results: &ResultsFile, cell: usize, intervals: &Intervals) -> Result<Vec<Rung>> {
    let trials = results.cells[cell].trials;
    if trials == 0 {
        return Ok(Vec::new());
    }
    let hits = results.first_hit_counts(cell)?.into_iter().zip(&results.ladder);
    let rung = |(FirstHits { hit, open }, &loss): (FirstHits, &f64)| Rung {
        loss,
        share: hit as f64 / trials as f64,
        bounds: with_undecided(hit, open, trials, |k, n| intervals.interval(k, n)),
    };
    let mut rungs: Vec<Rung> = hits.map(rung).collect();
    rungs.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    Ok(rungs)
}

fn curve(cell: &str, rungs: &[Rung], series: usize) -> [Mark; 3] {
    let band = rungs.iter().map(|rung| [rung.loss, rung.bounds.lower, rung.bounds.upper]).collect();
    let spot = |&Rung { loss, share, bounds }: &Rung| {
        let [lower, upper] = [bounds.lower, bounds.upper].map(probability);
        let (share_text, loss_text) = (probability(share), significant(loss, 3));
        let tip = format!("{cell}: {share_text} came to {loss_text} or below [{lower}, {upper}]");
        Spot { at: [loss, share], tip }
    };
    [
        Mark::OnDemand { class: "bounds", marks: vec![Mark::Band { series, points: band }] },
        Mark::Line { series, points: rungs.iter().map(|rung| [rung.loss, rung.share]).collect() },
        Mark::Spots { series, spots: rungs.iter().map(spot).collect() },
    ]
}

fn table(arrangement: &Arrangement<'_>, ladders: &BTreeMap<usize, Vec<Rung>>) -> Table {
    let mut losses = arrangement.results.ladder.clone();
    losses.sort_by(f64::total_cmp);
    let header = losses.iter().map(|&loss| format!("to {}", significant(loss, 3)));
    let rows = ladders.iter().map(|(&cell, rungs)| {
        let share = |i: usize| rungs.get(i).map_or(f64::NAN, |rung| rung.share);
        let shares = (0..losses.len()).map(|i| probability(share(i)));
        std::iter::once(arrangement.full_name(cell)).chain(shares).collect()
    });
    Table {
        header: std::iter::once("cell".to_owned()).chain(header).collect(),
        rows: rows.collect(),
    }
}
