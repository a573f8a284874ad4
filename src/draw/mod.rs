//! Figures: panels of marks on scales, written as SVG, and from it as PNG and PDF.
//!
//! Nothing here knows of studies. Points and tiles have their numbers as text, which a browser shows under the
//! pointer; for a curve [`Readings`] have them. What series differ in is never the colour alone: lines have
//! dashes, points shapes, areas hatches. Colours stand both as attributes, so that a picture is complete by
//! itself, and as classes, so that a page can have others: `paper`, `ink`, `grid`, and `s0` to `s7` with
//! `line`, `area` or `fill`.

mod convert;
mod layout;
mod marks;
mod scale;
mod style;
mod svg;
mod text;

pub use convert::{pdf, png};
pub use scale::Scale;
pub use style::{Paint, SERIES};
pub use svg::Escaped;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Distinguishes what is named in its SVG from that of other figures on a page: letters, digits, `-`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Whether that stands above it.
    pub is_titled: bool,
    /// The same in a sentence or two, for those who do not see it.
    pub about: String,
    /// Its panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels beside each other, at least 1.
    pub columns: usize,
    /// Width and height of the plane of each panel, in pixels of 1/96 inch.
    pub plane: [f64; 2],
    /// What the legend is about, `init.std` say.
    pub legend_title: String,
    /// What series and colours mean.
    pub legend: Vec<Key>,
}

/// A pair of axes with what is drawn between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What distinguishes it from the other panels; may be empty.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What is drawn, the first below.
    pub marks: Vec<Mark>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The quantity, with its unit if it has one.
    pub label: String,
    /// Where its values are.
    pub scale: Scale,
}

/// Something drawn, in the coordinates of the axes. What is not finite, or at or below zero on a logarithmic
/// axis, is left out; bounds that are infinite end at the edge of the plane.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// The area between two curves: x, lower and upper y.
    Band {
        /// Whose colour it has.
        series: usize,
        /// In ascending order of x.
        points: Vec<[f64; 3]>,
    },
    /// Upright lines between two values, where a band has nothing to go along: x, lower and upper y.
    Whiskers {
        /// Whose colour they have.
        series: usize,
        /// In any order.
        points: Vec<[f64; 3]>,
    },
    /// Dotted lines of bounds that are not of chance alone: pieces of x and y.
    Bound {
        /// Whose colour they have.
        series: usize,
        /// The points of each piece.
        pieces: Vec<Vec<[f64; 2]>>,
    },
    /// A curve through points; one that is left out interrupts it.
    Line {
        /// Whose colour and dashes it has.
        series: usize,
        /// x and y.
        points: Vec<[f64; 2]>,
    },
    /// A curve that keeps its value up to the next point.
    Steps {
        /// Whose colour and dashes it has.
        series: usize,
        /// x and y, in ascending order of x.
        points: Vec<[f64; 2]>,
    },
    /// Points.
    Spots {
        /// Whose colour and shape they have.
        series: usize,
        /// In the order in which they are drawn: later ones lie on earlier ones.
        spots: Vec<Spot>,
    },
    /// Rectangles.
    Tiles(Vec<Tile>),
    /// A thin line across the plane at a value of y.
    Level(f64),
    /// Lines between pairs of points, of one kind whatever the series.
    Contour {
        /// Whether it is the lesser of two kinds.
        dashed: bool,
        /// From x and y to x and y.
        pieces: Vec<[[f64; 2]; 2]>,
    },
    /// What is said along a curve that is drawn besides.
    Readings(Readings),
    /// What is shown on demand.
    OnDemand {
        /// Its class in the SVG.
        class: &'static str,
        /// The marks.
        marks: Vec<Mark>,
    },
}

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Where.
    pub at: [f64; 2],
    /// Its numbers.
    pub tip: String,
}

/// What is said along a curve: data for scripts of a page, which show them where the curve is pointed at.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    /// Whose colour the points have.
    pub series: usize,
    /// Which curve it is, before what is said of a point.
    pub curve: String,
    /// Whether the curve keeps its value up to the next point.
    pub steps: bool,
    /// Points of the curve, in ascending order of x.
    pub spots: Vec<Spot>,
}

/// A rectangle.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// From where to where in x.
    pub x: [f64; 2],
    /// From where to where in y.
    pub y: [f64; 2],
    /// What it is filled with.
    pub paint: Paint,
    /// Text on it, if it fits.
    pub label: String,
    /// Its numbers.
    pub tip: String,
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// How it looks.
    pub sample: Sample,
    /// What it means.
    pub label: String,
}

/// How an entry of a legend looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// A piece of the line of a series.
    Line(usize),
    /// A point of a series on a piece of its line.
    SpottedLine(usize),
    /// A point of a series.
    Spot(usize),
    /// A piece of the dotted line of a bound.
    Bound,
    /// An area.
    Area(Paint),
}

impl Panel {
    /// A panel without a title.
    pub fn of(x: Axis, y: Axis, marks: Vec<Mark>) -> Self {
        Self { title: String::new(), x, y, marks }
    }
}

impl Figure {
    /// The figure as an `<svg>` element, which is also a file of its own.
    pub fn svg(&self) -> String {
        layout::svg(self)
    }

    /// For paper: without what is said along curves, and without what is shown on demand only, unless it is of
    /// one of these classes.
    pub fn showing(mut self, classes: &[&str]) -> Self {
        let is_shown = |mark: &Mark| match mark {
            Mark::OnDemand { class, .. } => classes.contains(class),
            Mark::Readings(_) => false,
            _ => true,
        };
        self.panels.iter_mut().for_each(|panel| panel.marks.retain(is_shown));
        self
    }
}
