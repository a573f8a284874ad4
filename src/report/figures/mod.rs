//! The figures of results.

use crate::Result;
use crate::draw::Figure;
use crate::report::format::{probability, value};
use crate::report::position;
use crate::store::reader::ResultsFile;

/// Figures of one kind.
#[derive(Debug)]
pub struct Group {
    /// One word.
    pub name: &'static str,
    /// The heading.
    pub title: String,
    /// What is seen.
    pub says: String,
    /// Axes beyond those that are drawn.
    pub choices: Vec<Choice>,
    /// Each with the index of its value of each choice.
    pub figures: Vec<(Vec<usize>, Figure)>,
    /// Layers on demand: label, and the class of their elements.
    pub toggles: Vec<(String, String)>,
    /// Numbers that are not in the table of cells.
    pub table: Option<Table>,
}

/// An axis of which one value is drawn.
#[derive(Debug)]
pub struct Choice {
    /// Its key.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}

/// Numbers behind figures.
#[derive(Debug)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Lines.
    pub rows: Vec<Vec<String>>,
}

/// All figures of results.
///
/// # Errors
/// If they cannot be read.
pub fn all(results: &ResultsFile) -> Result<Vec<Group>> {
    let drawn = results.axes.first().map_or(1, |axis| axis.len());
    let rest = results.cells.len() / drawn.max(1);
    let choices: Vec<Choice> = results.axes.iter().skip(1).map(choice).collect();
    let figures = (0..rest).map(|other| {
        let at = position(&results.axes[results.axes.len().min(1)..], other);
        let bars: String = (0..drawn)
            .map(|i| {
                let cell = &results.cells[i * rest + other];
                let p = if cell.probability.is_nan() { 0.0 } else { cell.probability };
                let (width, height) = (500.0 / drawn as f64, 1.0 + 260.0 * p);
                format!(
                    "<rect class=\"s0 fill\" fill=\"#0072b2\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>P {}</title></rect>",
                    60.0 + width * i as f64,
                    300.0 - height,
                    width - 2.0,
                    probability(cell.probability),
                )
            })
            .collect();
        let body = format!(
            "<rect class=\"paper\" fill=\"#fff\" width=\"640\" height=\"360\"/>{bars}<path class=\"ink\" fill=\"none\" stroke=\"#000\" d=\"M60 40V300H580\"/><text class=\"ink\" x=\"60\" y=\"330\">axis</text><path class=\"contour s1 line\" fill=\"none\" stroke=\"#d55e00\" d=\"M60 170H580\"/>"
        );
        (at, Figure::new("Probability of convergence".to_owned(), body))
    });
    let lines =
        (0..drawn).map(|i| vec![i.to_string(), probability(results.cells[i * rest].probability)]);
    Ok(vec![Group {
        name: "probability",
        title: "Probability of convergence".to_owned(),
        says: "How likely a start converges.".to_owned(),
        choices,
        figures: figures.collect(),
        toggles: vec![("one half".to_owned(), "contour".to_owned())],
        table: Some(Table { header: vec!["i".to_owned(), "P".to_owned()], rows: lines.collect() }),
    }])
}

fn choice(axis: &crate::study::Axis) -> Choice {
    let key = &axis.keys[0];
    Choice {
        key: key.key.clone(),
        values: (0..axis.len()).map(|i| value(&key.values, i)).collect(),
    }
}
