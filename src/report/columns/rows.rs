//! One row a trial.

use super::{Column, Heading, Kind, Piece, Values, attributes};
use crate::stop::Outcome;
use crate::store::reader::{ResultsFile, Slab};
use crate::store::schema::{self, Source, TRIAL, Variable};
use crate::theorem;
use crate::{Error, Result};

/// As [`super::hand_on`], of [`Unit::Trial`](super::Unit::Trial).
pub(super) fn hand_on(
    results: &ResultsFile,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    if !results.has_rows {
        return Err(Error::usage(
            "the results have no rows of trials: their study was run with store.rows = false",
            Some("--cells exports one row a cell; `deeplin trace` replays any single trial".into()),
        ));
    }
    let slabs = results.slabs()?;
    take(&heading(results).to_bytes())?;
    for slab in slabs {
        let piece = piece(results, &slab)?;
        if piece.rows() > 0 {
            take(&piece.to_bytes())?;
        }
    }
    Ok(())
}

/// The variables of each trial.
fn variables(results: &ResultsFile) -> impl Iterator<Item = Variable> {
    let variables = schema::variables(&results.ladder).into_iter();
    variables.filter(|variable| variable.source.trailing().contains(&TRIAL))
}

fn heading(results: &ResultsFile) -> Heading {
    let trial = Column {
        name: "trial".to_owned(),
        long_name: "number of the trial, from 0".to_owned(),
        kind: Kind::Integer,
    };
    let of_trial = variables(results).flat_map(|variable| columns(&variable, &results.ladder));
    let columns = super::columns_of_cell(results).into_iter().chain([trial]).chain(of_trial);
    Heading {
        columns: columns.collect(),
        rows: results.cells.iter().map(|cell| cell.trials.min(results.trials)).sum(),
        attributes: attributes(results, "one row a trial"),
    }
}

/// The columns of a variable of each trial.
fn columns(variable: &Variable, ladder: &[f64]) -> Vec<Column> {
    let column = |name: &str, long_name: &str, kind| Column {
        name: name.to_owned(),
        long_name: long_name.to_owned(),
        kind,
    };
    let one = |kind| vec![column(variable.name, variable.long_name, kind)];
    match variable.source {
        Source::Outcome => {
            one(Kind::Word(Outcome::ALL.map(|outcome| outcome.name().to_owned()).into()))
        }
        Source::Certified => one(Kind::Truth),
        Source::Measure(_) | Source::CertificateRate => one(Kind::Number),
        Source::Theorem => {
            let condition = |name: &&str| {
                let long_name =
                    format!("whether the start meets the condition {name} of theorem 1");
                column(&format!("theorem1_{name}"), &long_name, Kind::Truth)
            };
            theorem::NAMES.iter().map(condition).collect()
        }
        Source::HitSteps => names_of_hits(ladder)
            .iter()
            .zip(ladder)
            .map(|(name, loss)| {
                let long_name =
                    format!("first step at which the excess loss was at or under {loss:e}");
                column(name, &long_name, Kind::Step)
            })
            .collect(),
        _ => one(Kind::Step),
    }
}

/// `hit_steps_1e-3`, with as many digits as tell the losses apart.
fn names_of_hits(ladder: &[f64]) -> Vec<String> {
    /// Decimals that tell any two numbers apart.
    const ALL: usize = 16;
    let name = |loss: f64, decimals| {
        let rounded: f64 = format!("{loss:.decimals$e}").parse().expect("a number");
        format!("hit_steps_{rounded:e}")
    };
    let names =
        |decimals| -> Vec<String> { ladder.iter().map(|&loss| name(loss, decimals)).collect() };
    let are_different = |names: &Vec<String>| names.windows(2).all(|pair| pair[0] != pair[1]);
    (3..ALL).map(names).find(are_different).unwrap_or_else(|| names(ALL))
}

/// The rows of a slab that are there.
fn piece(results: &ResultsFile, slab: &Slab) -> Result<Piece> {
    let all: Vec<(usize, u64)> = slab.trials().collect();
    let there: Vec<bool> =
        all.iter().map(|&(cell, trial)| trial < results.cells[cell].trials).collect();
    if !there.contains(&true) {
        return Ok(Piece(Vec::new()));
    }
    let cells: Vec<usize> = kept(all.iter().map(|row| row.0), &there);
    let trials = Values::Wholes(kept(all.iter().map(|row| row.1 as i64), &there));
    let mut values = super::values_of_cells(results, &cells);
    values.push(trials);
    for variable in variables(results) {
        values.extend(read(results, &variable, slab, &there)?);
    }
    Ok(Piece(values))
}

/// The values of a variable of each trial, for each of its columns.
fn read(
    results: &ResultsFile,
    variable: &Variable,
    slab: &Slab,
    there: &[bool],
) -> Result<Vec<Values>> {
    let name = variable.name;
    let codes = || results.of_slab::<i8>(name, slab);
    Ok(match variable.source {
        Source::Outcome | Source::Certified => {
            vec![Values::Wholes(kept(codes()?.into_iter().map(i64::from), there))]
        }
        Source::Measure(_) | Source::CertificateRate => {
            vec![Values::Numbers(kept(results.of_slab::<f64>(name, slab)?, there))]
        }
        Source::Theorem => {
            let met = kept(codes()?, there);
            let condition = |bit: usize| met.iter().map(|met| i64::from(met >> bit & 1)).collect();
            (0..theorem::NAMES.len()).map(|bit| Values::Wholes(condition(bit))).collect()
        }
        Source::HitSteps => {
            let hits = results.hits_of_slab(slab)?;
            let rungs = results.ladder.len();
            let of_rung = |rung: usize| hits.iter().skip(rung).step_by(rungs).copied();
            (0..rungs).map(|rung| Values::Wholes(kept(of_rung(rung), there))).collect()
        }
        _ => vec![Values::Wholes(kept(results.of_slab::<i64>(name, slab)?, there))],
    })
}

/// The values of the rows that are there.
fn kept<T>(values: impl IntoIterator<Item = T>, there: &[bool]) -> Vec<T> {
    values.into_iter().zip(there).filter_map(|(value, there)| there.then_some(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_apart_with_few_digits() {
        let names = |ladder: &[f64]| names_of_hits(ladder).join(" ");
        assert_eq!(names(&[10.0, 1.0, 1e-3]), "hit_steps_1e1 hit_steps_1e0 hit_steps_1e-3");
        assert_eq!(names(&[libm::sqrt(1e-3), 1e-2]), "hit_steps_3.162e-2 hit_steps_1e-2");
        assert_eq!(names(&[1.00001, 1.0]), "hit_steps_1.00001e0 hit_steps_1e0");
        assert_eq!(
            names(&[1.0 + f64::EPSILON, 1.0]),
            "hit_steps_1.0000000000000002e0 hit_steps_1e0"
        );
        assert_eq!(names(&[]), "");
    }
}
