//! `deeplin plot`.

use std::path::{Path, PathBuf};

use super::place::Place;
use super::report::file;
use super::times::Choices;
use super::{Ending, apart, output};
use crate::draw;
use crate::report::figures::{self, Group, Kind, Request};
use crate::store::ResultsFile;
use crate::store::io::Disk;
use crate::store::publish::publish_replacing;
use crate::study::Axis;
use crate::{Error, Result};

/// Draw a figure of a results file as SVG, PNG or PDF
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --figure it lists the figures that the results have something to show for. The axis with the most
numbers goes to the right (--x chooses another), further ones make series and panels; where there are more,
--at says which of their values to show. The same results give the same bytes.

Examples:
  deeplin plot runs/quickstart
  deeplin plot runs/quickstart --figure probability -o probability.svg
  deeplin plot runs/quickstart --figure phase --show contour,contour-interval -o phase.pdf
  deeplin plot runs/quickstart --figure times --at network.depth=4 --dpi 600 -o times.png")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    /// Which figure
    #[arg(long, value_name = "NAME", value_parser = names(), requires = "output")]
    figure: Option<String>,
    /// The file to write: .svg, .png or .pdf
    #[arg(short, long, value_name = "FILE", value_parser = Target::of, requires = "figure")]
    output: Option<Target>,
    /// The swept key that goes to the right
    #[arg(long, value_name = "KEY")]
    x: Option<String>,
    #[command(flatten)]
    place: Place,
    /// What is shown only on demand: contour, contour-interval (phase); bounds (times, ladder)
    #[arg(long, value_name = "LAYER", value_delimiter = ',', value_parser = layers())]
    show: Vec<String>,
    /// Pixels of a PNG to an inch
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u16).range(24..=2400))]
    dpi: u16,
}

fn names() -> clap::builder::PossibleValuesParser {
    Kind::ALL.map(|kind| clap::builder::PossibleValue::new(kind.name()).help(kind.title())).into()
}

fn layers() -> clap::builder::PossibleValuesParser {
    let mut layers: Vec<&str> =
        Kind::ALL.iter().flat_map(|kind| kind.on_demand()).map(|(class, _)| *class).collect();
    layers.dedup();
    layers.into()
}

/// A file that a figure is written to.
#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Svg,
    Png,
    Pdf,
}

impl Target {
    fn of(text: &str) -> std::result::Result<Self, String> {
        let path = PathBuf::from(text);
        let extension =
            path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let format = match extension.to_ascii_lowercase().as_str() {
            "svg" => Format::Svg,
            "png" => Format::Png,
            "pdf" => Format::Pdf,
            _ => {
                return Err(
                    "a figure is written to a file that ends in .svg, .png or .pdf".to_owned()
                );
            }
        };
        Ok(Self { path, format })
    }

    fn bytes(&self, svg: String, dpi: u16) -> Result<Vec<u8>> {
        let converted = match self.format {
            Format::Svg => return Ok(svg.into_bytes()),
            Format::Png => draw::png(&svg, f64::from(dpi)),
            Format::Pdf => draw::pdf(&svg),
        };
        converted.map_err(|message| {
            Error::usage(
                format!("the figure cannot be drawn: {message}"),
                Some("write it as .svg, or show less of it with --at".to_owned()),
            )
        })
    }
}

/// What is asked of results, as another process of the program takes it.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Its name; the list of all if there is none
    #[arg(long)]
    figure: Option<String>,
    #[arg(long)]
    x: Option<usize>,
    /// AXIS=INDEX
    #[arg(long)]
    at: Vec<String>,
    #[arg(long)]
    show: Vec<String>,
}

impl Asked {
    fn arguments(&self) -> Vec<String> {
        let figure = self.figure.iter().map(|figure| format!("--figure={figure}"));
        let x = self.x.iter().map(|x| format!("--x={x}"));
        let at = self.at.iter().map(|at| format!("--at={at}"));
        let show = self.show.iter().map(|layer| format!("--show={layer}"));
        figure.chain(x).chain(at).chain(show).collect()
    }

    fn request(&self, axes: usize) -> Request {
        let mut fixed = vec![None; axes];
        for at in &self.at {
            let parsed = at.split_once('=').and_then(|(axis, index)| {
                Some((axis.parse::<usize>().ok()?, index.parse::<usize>().ok()?))
            });
            if let Some((place, index)) =
                parsed.and_then(|(axis, index)| Some((fixed.get_mut(axis)?, index)))
            {
                *place = Some(index);
            }
        }
        Request { x: self.x, fixed }
    }

    /// The figure as SVG, or the list of figures.
    pub(super) fn text(&self, results: &ResultsFile) -> Result<String> {
        let request = self.request(results.axes.len());
        let Some(name) = &self.figure else { return list(results, &request) };
        let kind = Kind::named(name)
            .ok_or_else(|| Error::usage(format!("there is no figure `{name}`"), None))?;
        let group = figures::group(results, kind, &request)?.ok_or_else(|| {
            Error::usage(
                format!("the results have nothing to show for `{name}`"),
                Some(format!("it needs {}", kind.needs())),
            )
        })?;
        let layers: Vec<&str> = self.show.iter().map(String::as_str).collect();
        Ok(only(group)?.showing(&layers).svg())
    }
}

fn list(results: &ResultsFile, request: &Request) -> Result<String> {
    let mut text = String::new();
    for kind in Kind::ALL {
        if figures::group(results, kind, request)?.is_some() {
            text.push_str(&format!("{:<14}{}\n", kind.name(), kind.title()));
        }
    }
    Ok(text)
}

/// The only figure of a group.
fn only(group: Group) -> Result<draw::Figure> {
    let Group { choices, mut figures, .. } = group;
    match figures.pop() {
        Some((_, figure)) if figures.is_empty() => Ok(figure),
        _ => {
            let keys: Vec<&str> = choices.iter().map(|choice| choice.key.as_str()).collect();
            let first = &choices[0];
            let help = match first.key.as_str() {
                "cell" => "say which with --at KEY=VALUE,... or --cell I".to_owned(),
                key => format!("say --at {key}=VALUE; its values are {}", first.values.join(", ")),
            };
            Err(Error::usage(
                format!(
                    "one figure does not show all of it: of {} it shows one value",
                    keys.join(", ")
                ),
                Some(help),
            ))
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let path = file(&arguments.results, "plot")?;
    let axes = Choices::ask(&path)?.axes;
    let fixed = arguments.place.fixed(&axes)?;
    let at = fixed.iter().enumerate().filter_map(|(axis, at)| Some(format!("{axis}={}", (*at)?)));
    let asked = Asked {
        figure: arguments.figure.clone(),
        x: arguments.x.as_deref().map(|key| axis(&axes, key)).transpose()?,
        at: at.collect(),
        show: arguments.show.clone(),
    };
    let mut task = vec!["plot".to_owned()];
    task.extend(asked.arguments());
    let text = apart::ask(&task, &path)?;
    let Some(target) = &arguments.output else {
        output::print(&text)?;
        return Ok(Ending::Done);
    };
    write(&target.path, &target.bytes(text, arguments.dpi)?)?;
    output::print(&format!("{}\n", target.path.display()))?;
    Ok(Ending::Done)
}

/// The number of the axis of a key.
fn axis(axes: &[Axis], key: &str) -> Result<usize> {
    let found = axes.iter().position(|axis| axis.keys.iter().any(|swept| swept.key == key));
    found.ok_or_else(|| {
        let keys: Vec<&str> =
            axes.iter().flat_map(|axis| &axis.keys).map(|swept| swept.key.as_str()).collect();
        let help = (!keys.is_empty()).then(|| format!("axes: {}", keys.join(", ")));
        Error::usage(format!("`{key}` is no axis of the sweep"), help)
    })
}

/// Puts bytes under a name, whole or not at all; what was there before is replaced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Error::usage(format!("`{}` does not name a file", path.display()), None))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    publish_replacing(&Disk, dir, name, bytes)?;
    Ok(())
}
