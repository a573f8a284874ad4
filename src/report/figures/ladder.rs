//! How many trials come to each loss of the ladder.

use super::arrangement::{Arrangement, Request, Slots, cell_name};
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, SERIES, Sample, Scale, Spot};
use crate::report::format::{probability, significant};
use crate::stats::with_undecided;
use crate::store::reader::ResultsFile;

/// A loss, the share of the trials that came there or below, and bounds.
type Rung = [f64; 4];

/// `None` if there are not two losses.
pub(super) fn group(results: &ResultsFile, request: &Request) -> Result<Option<Group>> {
    if results.ladder.len() < 2 {
        return Ok(None);
    }
    let slots = Slots { x: false, series: SERIES, panels: 16 };
    let arrangement = Arrangement::new(results, slots, request);
    let ladders: Vec<Vec<Rung>> =
        (0..results.cells.len()).map(|cell| rungs(results, cell)).collect::<Result<_>>()?;
    let x =
        Axis { label: "excess loss".to_owned(), scale: Scale::log(results.ladder.iter().copied()) };
    let y = Axis { label: "share of the trials".to_owned(), scale: super::probability::SCALE };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let marks = (0..arrangement.series()).flat_map(|s| {
                let cell = arrangement.cell(choice, p, s, 0);
                curve(&cell_name(results, cell), &ladders[cell], s)
            });
            Panel { title, x: x.clone(), y: y.clone(), marks: marks.collect() }
        };
        Ok(titles.map(panel).collect())
    };
    let table = Some(table(results, &ladders));
    arrangement
        .group(Kind::Ladder, arrangement.legend(Sample::SpottedLine), table, panels)
        .map(Some)
}

fn rungs(results: &ResultsFile, cell: usize) -> Result<Vec<Rung>> {
    let trials = results.cells[cell].trials;
    if trials == 0 {
        return Ok(Vec::new());
    }
    let intervals = results.intervals()?;
    let hits = results.first_hit_counts(cell)?.into_iter().zip(&results.ladder);
    let rung = |(hits, &loss): (crate::store::reader::FirstHits, &f64)| {
        let bound = |k, n| intervals.interval(k, n);
        let interval = with_undecided(hits.hit, hits.open, trials, bound);
        [loss, hits.hit as f64 / trials as f64, interval.lower, interval.upper]
    };
    let mut rungs: Vec<Rung> = hits.map(rung).collect();
    rungs.sort_by(|a, b| a[0].total_cmp(&b[0]));
    Ok(rungs)
}

fn curve(cell: &str, rungs: &[Rung], series: usize) -> [Mark; 3] {
    let band = rungs.iter().map(|&[loss, _, lower, upper]| [loss, lower, upper]).collect();
    let spot = |&[loss, share, lower, upper]: &Rung| Spot {
        at: [loss, share],
        tip: format!(
            "{cell}: {} came to {} or below [{}, {}]",
            probability(share),
            significant(loss, 3),
            probability(lower),
            probability(upper)
        ),
    };
    [
        Mark::OnDemand { class: "bounds", marks: vec![Mark::Band { series, points: band }] },
        Mark::Line { series, points: rungs.iter().map(|rung| [rung[0], rung[1]]).collect() },
        Mark::Spots { series, spots: rungs.iter().map(spot).collect() },
    ]
}

fn table(results: &ResultsFile, ladders: &[Vec<Rung>]) -> Table {
    let mut losses = results.ladder.clone();
    losses.sort_by(f64::total_cmp);
    let losses = losses.iter().map(|&loss| format!("to {}", significant(loss, 3)));
    let rows = ladders.iter().enumerate().map(|(cell, rungs)| {
        let shares = rungs.iter().map(|rung| probability(rung[1]));
        std::iter::once(cell_name(results, cell)).chain(shares).collect()
    });
    Table {
        header: std::iter::once("cell".to_owned()).chain(losses).collect(),
        rows: rows.collect(),
    }
}
