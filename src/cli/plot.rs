//! `deeplin plot`.

use std::path::PathBuf;

use super::place::{Place, no_axis};
use super::report::file;
use super::times::Choices;
use super::{Ending, apart, output};
use crate::draw;
use crate::report::figures::{self, Choice, Group, Kind, Request};
use crate::store::ResultsFile;
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
    #[arg(long, value_name = "LAYER", value_delimiter = ',', value_parser = layers(), requires = "figure")]
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
    /// AXIS=KEY, both by number
    #[arg(long, value_parser = pair)]
    x: Option<[usize; 2]>,
    /// AXIS=INDEX
    #[arg(long, value_parser = pair)]
    at: Vec<[usize; 2]>,
    #[arg(long)]
    show: Vec<String>,
}

/// Reads two numbers with `=` between them.
fn pair(text: &str) -> std::result::Result<[usize; 2], String> {
    let numbers = text.split_once('=').and_then(|(a, b)| Some([a.parse().ok()?, b.parse().ok()?]));
    numbers.ok_or_else(|| format!("`{text}` is not NUMBER=NUMBER"))
}

impl Asked {
    fn arguments(&self) -> Vec<String> {
        let figure = self.figure.iter().map(|figure| format!("--figure={figure}"));
        let x = self.x.iter().map(|x| format!("--x={}={}", x[0], x[1]));
        let at = self.at.iter().map(|[axis, at]| format!("--at={axis}={at}"));
        let show = self.show.iter().map(|layer| format!("--show={layer}"));
        figure.chain(x).chain(at).chain(show).collect()
    }

    fn request(&self, axes: usize) -> Request {
        let at = |axis| self.at.iter().find(|[of, _]| *of == axis).map(|[_, index]| *index);
        Request { x: self.x, fixed: (0..axes).map(at).collect(), cells: None }
    }

    /// The figure as SVG, or the list of figures.
    pub(super) fn text(&self, results: &ResultsFile) -> Result<String> {
        let request = self.request(results.axes.len());
        let Some(name) = &self.figure else { return list(results, &request) };
        let kind = Kind::named(name)
            .ok_or_else(|| Error::usage(format!("there is no figure `{name}`"), None))?;
        refuse_choices(&figures::choices(results, kind, &request))?;
        let nothing = || {
            Error::usage(
                format!("the results have nothing to show for `{name}`"),
                Some(format!("it needs {}", kind.needs())),
            )
        };
        let group = figures::group(results, kind, &request)?.ok_or_else(nothing)?;
        let layers: Vec<&str> = self.show.iter().map(String::as_str).collect();
        Ok(only(group)?.showing(&layers).svg())
    }
}

fn list(results: &ResultsFile, request: &Request) -> Result<String> {
    let mut text = String::new();
    for kind in Kind::ALL {
        if figures::has(results, kind, request)? {
            text.push_str(&format!("{:<14}{}\n", kind.name(), kind.title()));
        }
    }
    Ok(text)
}

/// The only figure of a group.
fn only(mut group: Group) -> Result<draw::Figure> {
    if group.figures.len() > 1 {
        refuse_choices(&group.choices)?;
    }
    let (_, figure) = group.figures.pop().expect("a group has figures");
    Ok(figure)
}

/// Refuses what one figure does not show.
fn refuse_choices(choices: &[Choice]) -> Result<()> {
    let Some(first) = choices.first() else { return Ok(()) };
    let keys: Vec<&str> = choices.iter().map(|choice| choice.key.as_str()).collect();
    let help = match first.key.as_str() {
        "cell" => "say which with --at KEY=VALUE,... or --cell I".to_owned(),
        key => format!("say --at {key}=VALUE; its values are {}", first.values.join(", ")),
    };
    let keys = keys.join(", ");
    let message = format!("one figure does not show all of it: of {keys} it shows one value");
    Err(Error::usage(message, Some(help)))
}

/// Refuses what the figure that is asked for does not have.
fn refuse_the_useless(arguments: &Arguments, axes: &[Axis], fixed: &[Option<usize>]) -> Result<()> {
    let Some(kind) = arguments.figure.as_deref().and_then(Kind::named) else { return Ok(()) };
    let layers: Vec<&str> = kind.on_demand().iter().map(|(layer, _)| *layer).collect();
    if let Some(layer) = arguments.show.iter().find(|layer| !layers.contains(&layer.as_str())) {
        let help = match layers.is_empty() {
            true => "it shows all it has".to_owned(),
            false => format!("it has {}", layers.join(", ")),
        };
        return Err(Error::usage(format!("`{}` has no layer `{layer}`", kind.name()), Some(help)));
    }
    let Some(key) = arguments.x.as_deref() else { return Ok(()) };
    let [x, _] = axis(axes, key)?;
    let refusal = match (kind.is_along_an_axis(), fixed[x], axes[x].len()) {
        (false, ..) => format!("no swept key goes to the right in `{}`", kind.name()),
        (_, Some(_), _) => format!("--at shows one value of `{key}`"),
        (_, _, 1) => format!("`{key}` has one value only"),
        _ => return Ok(()),
    };
    Err(Error::usage(refusal, Some("leave --x out".to_owned())))
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let path = file(&arguments.results, "plot")?;
    let axes = Choices::ask(&path)?.axes;
    let fixed = arguments.place.fixed(&axes)?;
    refuse_the_useless(arguments, &axes, &fixed)?;
    let at = fixed.iter().enumerate().filter_map(|(axis, at)| Some([axis, (*at)?]));
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
    output::write(&target.path, &target.bytes(text, arguments.dpi)?)?;
    output::print(&format!("{}\n", target.path.display()))?;
    Ok(Ending::Done)
}

/// The numbers of the axis of a key, and of the key there.
fn axis(axes: &[Axis], key: &str) -> Result<[usize; 2]> {
    let places = axes.iter().enumerate().flat_map(|(i, axis)| {
        axis.keys.iter().enumerate().map(move |(k, swept)| ([i, k], swept.key.as_str()))
    });
    let mut found = places.filter(|(_, swept)| *swept == key).map(|(place, _)| place);
    found.next().ok_or_else(|| no_axis(axes, key))
}
