//! What was run, with what, and how to run it again.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{DocumentMut, Value};

use super::cells::keys;
use super::html::{joined, terms};
use crate::draw::Escaped;
use crate::report::format::points;
use crate::report::table::{partial, size};
use crate::store::reader::ResultsFile;
use crate::study::{Axis, other_law};

/// Keys of the configuration that say most of a study; those that are swept are among its axes.
const KEYS: [&str; 10] = [
    "network.input",
    "network.hidden",
    "network.output",
    "network.depth",
    "target.kind",
    "init.kind",
    "descent.method",
    "descent.learning_rate",
    "descent.max_steps",
    "stop.loss",
];

/// For those who read without scripts.
const WITHOUT_SCRIPTS: &str = "<noscript><p class=\"notice\">Scripts do not run here, so tables are neither sorted nor \
    filtered, layers on demand are all shown, and curves do not say their numbers. Where a figure or a table is not \
    shown, a command that gives it stands there.</p></noscript>\n";

/// The top of the page.
pub(super) fn header(results: &ResultsFile) -> String {
    format!(
        "<header>\n<button type=\"button\" id=\"theme\" aria-pressed=\"false\">Dark</button>\n\
         <h1>{}</h1>\n<p class=\"size\">{}</p>\n{}{WITHOUT_SCRIPTS}{}</header>\n",
        Escaped(&results.name),
        Escaped(&size(results)),
        notice(results),
        facts(results),
    )
}

/// That trials are missing.
fn notice(results: &ResultsFile) -> String {
    match results.missing {
        0 => String::new(),
        _ => format!("<p class=\"notice\">{}</p>\n", Escaped(&partial(results))),
    }
}

/// The axes, and what is the same in all cells.
fn facts(results: &ResultsFile) -> String {
    let axes: Vec<(String, String)> =
        results.axes.iter().map(|axis| (keys(axis), values(axis))).collect();
    let config: DocumentMut = results.config.parse().unwrap_or_default();
    let law = other_law(&results.config);
    let fixed = KEYS.iter().filter_map(|key| {
        let value = value_of(&config, key)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (law.is_none() || *key != "init.kind").then(|| (*key, text.trim().to_owned()))
    });
    let fixed = fixed.chain(law.map(|words| ("initial weights", words.to_owned())));
    let seed = ("seed", results.seed.to_string());
    let digest = ("study digest", results.digest.hex());
    let axes = axes.iter().map(|(keys, values)| (keys.as_str(), values.clone()));
    terms(axes.chain(fixed).chain([seed, digest]))
}

/// The value of a key in a configuration.
fn value_of<'a>(config: &'a DocumentMut, key: &str) -> Option<&'a Value> {
    let (table, name) = key.split_once('.')?;
    config.get(table)?.get(name)?.as_value()
}

/// The values along an axis, or its ends where there are many.
fn values(axis: &Axis) -> String {
    /// Values that are all named.
    const FEW: usize = 6;
    let separator = if axis.keys.len() == 1 { ", " } else { "; " };
    let points = points(axis);
    match &points[..] {
        [first, .., last] if points.len() > FEW => {
            format!("{first} … {last} ({} values)", points.len())
        }
        few => few.join(separator),
    }
}

/// The configuration, the lines that run it, and what it was computed with.
pub(super) fn again(results: &ResultsFile) -> String {
    format!(
        "<section id=\"again\" aria-labelledby=\"again-title\">\n<h2 id=\"again-title\">Run it again</h2>\n{}\
         <details>\n<summary>Configuration, with every key</summary>\n\
         <div class=\"controls\"><button type=\"button\" id=\"copy\">Copy</button>\
         <button type=\"button\" id=\"save\">Save as study.toml</button></div>\n\
         <pre tabindex=\"0\"><code id=\"config\">{}</code></pre>\n</details>\n\
         <details>\n<summary>What it was computed with</summary>\n{}</details>\n</section>\n",
        other_law(&results.config).map_or_else(|| lines(results), by_library),
        Escaped(&results.config),
        provenance(results),
    )
}

/// That the configuration alone does not give the same bits: it names a law of initial weights, of these words.
fn by_library(words: &str) -> String {
    format!(
        "<p class=\"notice\">The initial weights are not those of <code>[init]</code>, but of a law of its own: {}. \
         The configuration names this law and does not hold it, so <code>deeplin run</code> computes another study \
         from it. The same bits come from the library, which is given the law with \
         <code>Study::with_law</code>.</p>\n",
        Escaped(&words)
    )
}

/// The lines that run a configuration.
fn lines(results: &ResultsFile) -> String {
    // By its values: cells of a refined study have other numbers in its results.
    let first = results.axes.iter().flat_map(|axis| &axis.keys);
    let first: Vec<String> =
        first.map(|key| format!("{}={}", key.key, key.values.text(0))).collect();
    let at = match first.is_empty() {
        true => String::new(),
        false => format!(" --at {}", shlex::try_quote(&first.join(",")).unwrap_or_default()),
    };
    let lines = format!(
        "deeplin run study.toml -o again\n\
         deeplin report again --html again.html\n\
         deeplin trace study.toml{at} --trial 0 -o trace.h5"
    );
    let (lines, files) = (Escaped(&lines), files(results));
    format!(
        "<p>With the configuration below saved as <code>study.toml</code>{files}, the first line computes all trials \
         again, to the same bits with the version, the libraries and the processor core that are named below; the \
         second writes this page; the third replays one trial, with its weights at both ends and its way between \
         them.</p>\n\
         <pre tabindex=\"0\"><code>{lines}</code></pre>\n"
    )
}

/// That it takes the files which the configuration names, if it names any.
fn files(results: &ResultsFile) -> String {
    const PATHS: [&str; 2] = ["target.path", "init.path"];
    let swept = results.axes.iter().flat_map(|axis| &axis.keys);
    let swept = swept.filter(|key| PATHS.contains(&key.key.as_str()));
    let swept = swept.flat_map(|key| (0..key.values.len()).map(|i| key.values.text(i)));
    let config: DocumentMut = results.config.parse().unwrap_or_default();
    let fixed = PATHS.iter().filter_map(|key| value_of(&config, key)?.as_str().map(str::to_owned));
    let files: BTreeSet<String> = swept.chain(fixed).collect();
    let names: Vec<String> =
        files.iter().map(|file| format!("<code>{}</code>", Escaped(file))).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" and the files that it names as they were ({})", names.join(", ")),
    }
}

/// Versions, libraries and kernels.
fn provenance(results: &ResultsFile) -> String {
    let mut kernels = BTreeMap::<_, u64>::new();
    for kernel in &results.kernels {
        *kernels.entry((&kernel.kernel, &kernel.precision)).or_default() += 1;
    }
    let kernels = kernels.into_iter().map(|((kernel, precision), cells)| {
        let word = if cells == 1 { "cell" } else { "cells" };
        format!("{kernel} in {precision}: {cells} {word}\n")
    });
    let kernels = ("kernels", joined(kernels));
    let rest = results.provenance.iter().map(|(name, value)| (name.as_str(), value.clone()));
    terms(rest.chain([kernels]))
}
