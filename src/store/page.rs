//! The description of the results file, made from what is declared.

use std::fmt::Write;

use super::declaration::{self as declared, Declaration, ROOT, SWEEP};
use super::schema::{PROVENANCE, VERSION, VERSION_WITHOUT_ALL_ROWS};

const HEAD: &str = "\
# The results file

`results.h5` is netCDF-4, which is HDF5: named dimensions, each with its coordinates, and variables over them.
Everything that analysis needs is in the root group. This page is made from the declarations that the file is
written by; a test compares it with files of every kind.

`SWEEP` stands for the dimensions of the sweep, one an axis, in the order of the study: they have the names of the
swept keys with `.` replaced by `_` (`init_std`), and their values as coordinates, `float64`, `int64` or text.
A study without a sweep has none. Keys that move with the first key of their axis (`[[sweep.zip]]`) are variables
over its dimension, named in the attribute `coordinates` of the others.

Every variable has `long_name`, the meaning below, and `units`, which is `1`: nothing here has a unit, steps and
losses included. Text is UTF-8. Numbers are compressed (shuffle and gzip, with checksums). The last 32 bytes of the
file, behind what HDF5 reads, are BLAKE3 of everything before: `deeplin` checks them when it opens a file.
";

const VERSIONS: &str = "\
A file in which every cell has the row of each of the study's trials is of version 1. One that keeps no rows
(`store.rows = false`), is partial (`deeplin merge --partial`), has a refined axis (`[refine]`), or in which precision
decided the numbers of trials,
is of version 3, so that a reader who knows version 1 only does not take it for more than it is. A newer minor
version only adds; the tables say with which minor version of 1 something came (in files of the other kind: 1.1 was
2.0, 1.2 was 2.1, 1.3 was 2.2, and 1.4 is 3.0).
";

/// The page, in Markdown.
pub fn page() -> String {
    let [major, minor] = VERSION;
    let [other, its] = VERSION_WITHOUT_ALL_ROWS;
    let mut page =
        format!("{HEAD}\n## Versions\n\nThis is {major}.{minor}, and {other}.{its}.\n\n{VERSIONS}");
    section(&mut page, "Dimensions", DIMENSIONS, &declared::dimensions());
    section(&mut page, "Of each cell", CELLS, &declared::of_cells());
    section(&mut page, "Of each trial", TRIALS, &declared::of_trials());
    section(&mut page, "Histograms", HISTOGRAMS, &declared::histograms());
    section(&mut page, "Trajectories", TRAJECTORIES, &declared::trajectories());
    let provenance =
        format!("The group `{PROVENANCE}` has what besides the study decides bits. Variables:");
    section(&mut page, "Provenance", &provenance, &declared::provenance());
    page += "\nAttributes of the group, all text and since 1.0 (of mixed results, the different ones):\n\n";
    page += "| attribute | meaning |\n|---|---|\n";
    for (name, meaning) in declared::provenance_attributes() {
        line(&mut page, &[&code(name), meaning]);
    }
    page += "\n## Attributes of the root group\n\n| attribute | type | meaning | since |\n|---|---|---|---|\n";
    for attribute in ROOT {
        let since = format!("1.{}", attribute.since);
        line(&mut page, &[&code(attribute.name), attribute.kind, attribute.meaning, &since]);
    }
    page + ATTRIBUTES
}

const DIMENSIONS: &str = "\
Each is a variable of its own name. `trial` is there if rows are, the entries of histograms if they are not; the last
five if trajectories are recorded, `layer`, `layer_pair` and `singular` as far as a quantity has them.";

const CELLS: &str = "\
In every file; `tuned_learning_rate` only if the study tunes its rates. Without trials, or without one that
converged, numbers are NaN where there is none.";

const TRIALS: &str = "\
Unless `store.rows = false`. Trials of a cell that were not run have the outcome `not_run` (0), steps of -1 and NaN.";

const HISTOGRAMS: &str = "\
If `store.rows = false`. The entries of the histogram of a cell follow each other from `.._first` on, `.._size` of
them: CF's contiguous ragged arrays.";

const TRAJECTORIES: &str = "\
If the study records them (`[record] trajectory`); those over `layer`, and `alignment`, `sharpness`, `hessian_min`
and `acceleration_..` only with `spectra = true`. Behind the last record of a trial NaN.";

const ATTRIBUTES: &str = "
## Attributes of variables

- `flag_values`, `flag_meanings`: codes and their words, in the same order (CF). `flag_masks` in place of the first:
  bits that may be set together.
- `method`, `level`: how the bound was computed, and the confidence level of the interval that it is one end of;
  `level_of_each`, of bounds that hold for all cells at once: the level that each of them has alone.
- `sample_dimension`: the dimension of the entries that are counted.
- `coordinates`: variables that are coordinates too.
";

/// A heading, some words, and the table of these variables.
fn section(page: &mut String, title: &str, words: &str, variables: &[Declaration]) {
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "\n## {title}\n\n{words}\n\n| variable | dimensions | type | unit | meaning | attributes | since |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for variable in variables {
        let dimensions: Vec<String> = variable.dimensions.iter().map(|name| of(name)).collect();
        let attributes: Vec<String> = variable.attributes.iter().map(|name| code(name)).collect();
        line(
            page,
            &[
                &code(&variable.name),
                &dimensions.join(", "),
                variable.kind,
                "1",
                // A bar would end the cell.
                &variable.long_name.replace('|', "\\|"),
                &attributes.join(", "),
                &format!("1.{}", variable.since),
            ],
        );
    }
}

/// A dimension as it is written.
fn of(dimension: &str) -> String {
    if dimension == SWEEP { dimension.to_owned() } else { code(dimension) }
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

/// A line of a table.
fn line(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
