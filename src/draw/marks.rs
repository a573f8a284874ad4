//! From marks to elements of SVG.

use super::style::{COLOURS, DASHES, GRID, INK, PAPER, SERIES, on_ramp, ramp, shape};
use super::svg::{self, Px, Svg, path};
use super::{Mark, Paint, Panel, Readings, Scale, Spot, Tile, text};

/// Radius of a point.
pub(super) const RADIUS: f64 = 3.2;
/// Size of the text on a tile.
const TILE_TEXT: f64 = 10.0;

/// The plane between the axes of a panel.
pub(super) struct Plane<'a> {
    pub(super) panel: &'a Panel,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Name of the figure.
    pub(super) name: &'a str,
}

impl Plane<'_> {
    /// Where a point is, if it has a place.
    fn at(&self, point: [f64; 2]) -> Option<[f64; 2]> {
        point.iter().all(|value| value.is_finite()).then(|| self.place(point)).flatten()
    }

    /// Where a bound is: at the edge if it is infinite, or 0 on a logarithmic axis.
    fn bound(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let is_log = matches!(self.panel.y.scale, Scale::Log(_));
        self.place([x, if is_log { y.max(f64::MIN_POSITIVE) } else { y }]).filter(|_| !y.is_nan())
    }

    fn place(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let (x, y) = (self.panel.x.scale.place(x)?, self.panel.y.scale.place(y)?);
        Some([self.left + x * self.width, self.top + (1.0 - y) * self.height])
    }

    /// Pieces of a curve between the points that have no place.
    fn pieces(&self, points: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
        let mut pieces = vec![Vec::new()];
        for point in points {
            match (self.at(*point), pieces.last_mut()) {
                (Some(at), Some(piece)) => piece.push(at),
                _ => pieces.push(Vec::new()),
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    pub(super) fn draw(&self, svg: &mut Svg, mark: &Mark) {
        match mark {
            Mark::Band { series, points } => self.band(svg, *series, points),
            Mark::Whiskers { series, points } => {
                let ends = points.iter().filter_map(|&[x, lower, upper]| {
                    Some(vec![self.bound([x, lower])?, self.bound([x, upper])?])
                });
                self.line(svg, *series, &ends.collect::<Vec<_>>());
            }
            Mark::Bound { series, pieces } => {
                let placed = |piece: &Vec<[f64; 2]>| {
                    let places = piece.iter().filter_map(|point| self.bound(*point));
                    svg::line(&places.collect::<Vec<_>>())
                };
                bound(svg, Some(*series), &pieces.iter().map(placed).collect::<String>());
            }
            Mark::Line { series, points } => self.line(svg, *series, &self.pieces(points)),
            Mark::Steps { series, points } => {
                let pieces =
                    self.pieces(points).iter().map(|piece| stairs(piece)).collect::<Vec<_>>();
                self.line(svg, *series, &pieces);
            }
            Mark::Spots { series, spots } => self.spots(svg, *series, spots),
            Mark::Tiles(tiles) => tiles.iter().for_each(|tile| self.tile(svg, tile)),
            Mark::Level(y) => self.level(svg, *y),
            Mark::Contour { dashed, pieces } => self.contour(svg, *dashed, pieces),
            Mark::Readings(readings) => self.readings(svg, readings),
            Mark::OnDemand { class, marks } => {
                svg.open("g", &[("class", class)]);
                marks.iter().for_each(|mark| self.draw(svg, mark));
                svg.close();
            }
        }
    }

    fn band(&self, svg: &mut Svg, series: usize, points: &[[f64; 3]]) {
        let edge = |y: usize| {
            let points: Vec<[f64; 2]> = points.iter().map(|point| [point[0], point[y]]).collect();
            points.into_iter().filter_map(|point| self.bound(point))
        };
        let outline: Vec<[f64; 2]> =
            edge(1).chain(edge(2).collect::<Vec<_>>().into_iter().rev()).collect();
        if outline.is_empty() {
            return;
        }
        let class = format!("s{} area", series % SERIES);
        let data = format!("{}Z", path(&outline));
        let fill = COLOURS[series % SERIES];
        svg.empty(
            "path",
            &[("class", &class), ("fill", &fill), ("fill-opacity", &0.18), ("d", &data)],
        );
    }

    fn line(&self, svg: &mut Svg, series: usize, pieces: &[Vec<[f64; 2]>]) {
        let data: String = pieces.iter().map(|piece| svg::line(piece)).collect();
        line(svg, series, &data);
    }

    fn spots(&self, svg: &mut Svg, series: usize, spots: &[Spot]) {
        let class = format!("s{} fill", series % SERIES);
        let fill = COLOURS[series % SERIES];
        svg.open(
            "g",
            &[("class", &class), ("fill", &fill), ("stroke", &PAPER), ("stroke-width", &0.6)],
        );
        for Spot { at, tip } in spots {
            let Some(at) = self.at(*at) else { continue };
            spot(svg, series, at, RADIUS, &[], tip);
        }
        svg.close();
    }

    /// Line by line where a point is, and what is said of it; browsers draw no `metadata`.
    fn readings(&self, svg: &mut Svg, readings: &Readings) {
        let line = |Spot { at, tip }: &Spot| {
            let [x, y] = self.at(*at)?.map(Px);
            Some(format!("{x} {y} {tip}"))
        };
        let lines: Vec<String> = readings.spots.iter().filter_map(line).collect();
        if lines.is_empty() {
            return;
        }
        let steps = if readings.steps { " steps" } else { "" };
        let class = format!("s{} fill readings{steps}", readings.series % SERIES);
        let attributes: [svg::Attribute<'_>; 2] =
            [("class", &class), ("data-curve", &readings.curve)];
        svg.leaf("metadata", &attributes, &lines.join("\n"));
    }

    fn tile(&self, svg: &mut Svg, tile: &Tile) {
        let corners = (self.at([tile.x[0], tile.y[0]]), self.at([tile.x[1], tile.y[1]]));
        let (Some([x0, y0]), Some([x1, y1])) = corners else {
            return;
        };
        let (width, height) = (x1 - x0, y0 - y1);
        // A part that is nothing is not there.
        if width < 0.05 || height < 0.05 {
            return;
        }
        area(svg, [x0, y1, width, height], tile.paint, self.name, &tile.tip);
    }

    /// What stands on the tiles, over everything else.
    pub(super) fn draw_labels(&self, svg: &mut Svg) {
        let tiles = self.panel.marks.iter().filter_map(|mark| match mark {
            Mark::Tiles(tiles) => Some(tiles),
            _ => None,
        });
        let labelled: Vec<&Tile> = tiles.flatten().filter(|tile| !tile.label.is_empty()).collect();
        if labelled.is_empty() {
            return;
        }
        svg.open(
            "g",
            &[
                ("font-size", &TILE_TEXT),
                ("text-anchor", &"middle"),
                ("stroke-width", &2.5),
                ("stroke-linejoin", &"round"),
                ("paint-order", &"stroke"),
                ("pointer-events", &"none"),
            ],
        );
        labelled.iter().for_each(|tile| self.label(svg, tile));
        svg.close();
    }

    /// What stands on a tile, if it fits.
    fn label(&self, svg: &mut Svg, tile: &Tile) {
        let corners = (self.at([tile.x[0], tile.y[0]]), self.at([tile.x[1], tile.y[1]]));
        let (Some([x0, y0]), Some([x1, y1])) = corners else { return };
        if text::width(&tile.label, TILE_TEXT) + 4.0 > x1 - x0 || TILE_TEXT + 2.0 > y0 - y1 {
            return;
        }
        let (x, y) = (Px((x0 + x1) / 2.0), Px((y0 + y1) / 2.0 + 0.36 * TILE_TEXT));
        // With a rim in the colour of the tile, so that it is read across a contour.
        let (fill, rim) = match tile.paint {
            Paint::Ramp(place) | Paint::Cornered(place) => (on_ramp(place), ramp(place)),
            Paint::Hatched(_) | Paint::Unknown => (INK, PAPER.to_owned()),
        };
        let attributes: [svg::Attribute<'_>; 4] =
            [("x", &x), ("y", &y), ("fill", &fill), ("stroke", &rim)];
        svg.leaf("text", &attributes, &tile.label);
    }

    fn level(&self, svg: &mut Svg, y: f64) {
        let Some(y) = self.panel.y.scale.place(y) else {
            return;
        };
        let y = self.top + (1.0 - y) * self.height;
        let data = path(&[[self.left, y], [self.left + self.width, y]]);
        let attributes: [(_, &dyn std::fmt::Display); 5] = [
            ("class", &"ink line"),
            ("stroke", &INK),
            ("stroke-width", &0.8),
            ("stroke-dasharray", &"3 3"),
            ("d", &data),
        ];
        svg.empty("path", &attributes);
    }

    /// Dark on a light rim, so that it is seen on any colour.
    fn contour(&self, svg: &mut Svg, dashed: bool, pieces: &[[[f64; 2]; 2]]) {
        let ends = pieces.iter().filter_map(|[a, b]| Some([self.at(*a)?, self.at(*b)?]));
        let data: String = ends.map(|ends| svg::line(&ends)).collect();
        if data.is_empty() {
            return;
        }
        let dashes = if dashed { "5 3" } else { "none" };
        for (stroke, width) in [("#ffffff", 4.0), ("#000000", if dashed { 1.2 } else { 1.8 })] {
            let attributes: [(_, &dyn std::fmt::Display); 6] = [
                ("fill", &"none"),
                ("stroke", &stroke),
                ("stroke-width", &width),
                ("stroke-linecap", &"round"),
                ("stroke-dasharray", &dashes),
                ("d", &data),
            ];
            svg.empty("path", &attributes);
        }
    }
}

/// A curve that keeps its value until the next point.
fn stairs(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut stairs: Vec<[f64; 2]> = Vec::with_capacity(2 * points.len());
    for point in points {
        stairs.extend(stairs.last().map(|last| [point[0], last[1]]));
        stairs.push(*point);
    }
    stairs
}

/// The line of a series along a path.
pub(super) fn line(svg: &mut Svg, series: usize, data: &str) {
    if data.is_empty() {
        return;
    }
    let class = format!("s{} line", series % SERIES);
    let mut attributes: Vec<(&'static str, &dyn std::fmt::Display)> = vec![
        ("class", &class),
        ("fill", &"none"),
        ("stroke", &COLOURS[series % SERIES]),
        ("stroke-width", &1.6),
        ("stroke-linejoin", &"round"),
    ];
    let dashes = &DASHES[series % SERIES];
    if !dashes.is_empty() {
        attributes.push(("stroke-dasharray", dashes));
    }
    attributes.push(("d", &data));
    svg.empty("path", &attributes);
}

/// The dotted line of a bound along a path, in ink if it is of no series.
pub(super) fn bound(svg: &mut Svg, series: Option<usize>, data: &str) {
    if data.is_empty() {
        return;
    }
    let (class, stroke) = match series.map(|series| series % SERIES) {
        Some(series) => (format!("s{series} line"), COLOURS[series]),
        None => ("ink line".to_owned(), INK),
    };
    let attributes: [svg::Attribute<'_>; 7] = [
        ("class", &class),
        ("fill", &"none"),
        ("stroke", &stroke),
        ("stroke-width", &1.3),
        ("stroke-linecap", &"round"),
        ("stroke-dasharray", &"0 3"),
        ("d", &data),
    ];
    svg.empty("path", &attributes);
}

/// A point of a series.
pub(super) fn spot(
    svg: &mut Svg,
    series: usize,
    at: [f64; 2],
    radius: f64,
    attributes: &[svg::Attribute<'_>],
    tip: &str,
) {
    let mut all = attributes.to_vec();
    match shape(series) {
        None => {
            let [x, y, r] = [at[0], at[1], radius].map(Px);
            all.extend([("cx", &x as &dyn std::fmt::Display), ("cy", &y), ("r", &r)]);
            svg.pointed("circle", &all, tip);
        }
        Some(outline) => {
            let corner = |[dx, dy]: &[f64; 2]| [at[0] + radius * dx, at[1] + radius * dy];
            let corners: Vec<[f64; 2]> = outline.iter().map(corner).collect();
            let data = format!("{}Z", path(&corners));
            all.push(("d", &data));
            svg.pointed("path", &all, tip);
        }
    }
}

/// A rectangle: left, top, width and height.
pub(super) fn area(svg: &mut Svg, at: [f64; 4], paint: Paint, name: &str, tip: &str) {
    let [x, y, width, height] = at.map(Px);
    let mut attributes: Vec<(&'static str, &dyn std::fmt::Display)> =
        vec![("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    match paint {
        Paint::Ramp(place) | Paint::Cornered(place) => {
            let fill = ramp(place);
            attributes.push(("fill", &fill));
            // A rim would cover a small tile.
            if at[2].min(at[3]) >= 8.0 {
                attributes.push(("stroke", &PAPER));
            } else {
                attributes.push(("shape-rendering", &"crispEdges"));
            }
            attributes.push(("class", &"tile"));
            svg.pointed("rect", &attributes, tip);
            if let Paint::Cornered(_) = paint {
                corner(svg, at, on_ramp(place));
            }
        }
        Paint::Unknown => {
            let (class, fill) = ("grid line", "none");
            attributes
                .extend([("class", &"grid line tile" as &dyn std::fmt::Display), ("fill", &fill)]);
            attributes.push(("stroke", &GRID));
            svg.pointed("rect", &attributes, tip);
            let [left, top, width, height] = at;
            let across = path(&[[left, top + height], [left + width, top]]);
            svg.empty("path", &[("class", &class), ("stroke", &GRID), ("d", &across)]);
        }
        Paint::Hatched(series) => {
            let class = format!("s{} fill", series % SERIES);
            let hatch = format!("url(#{})", hatch_name(name, series));
            let mut hatched = attributes.clone();
            attributes.extend([
                ("class", &class as &dyn std::fmt::Display),
                ("fill", &COLOURS[series % SERIES]),
            ]);
            svg.pointed("rect", &attributes, tip);
            if HATCHES[series % SERIES].is_some() {
                hatched.extend([
                    ("fill", &hatch as &dyn std::fmt::Display),
                    ("pointer-events", &"none"),
                ]);
                svg.empty("rect", &hatched);
            }
        }
    }
}

/// A triangle in the upper right corner of a rectangle, within its rim.
fn corner(svg: &mut Svg, [left, top, width, height]: [f64; 4], fill: &str) {
    let side = (width.min(height) / 2.0).min(6.5);
    let rim = if side > 4.0 { 1.0 } else { 0.0 };
    let (right, top) = (left + width - rim, top + rim);
    let data = format!("{}Z", path(&[[right - side, top], [right, top], [right, top + side]]));
    svg.empty("path", &[("fill", &fill), ("pointer-events", &"none"), ("d", &data)]);
}

/// The lines of the hatch of a series in a square of 6 by 6 pixels, if it has any.
pub(super) const HATCHES: [Option<&str>; SERIES] = [
    None,
    Some("M0 6L6 0M-1.5 1.5L1.5 -1.5M4.5 7.5L7.5 4.5"),
    Some("M0 3L6 3"),
    Some("M3 0L3 6"),
    Some("M0 0L6 6M-1.5 4.5L1.5 7.5M4.5 -1.5L7.5 1.5"),
    Some("M0 3L6 3M3 0L3 6"),
    Some("M2 3L4 3"),
    Some("M0 0L6 6M6 0L0 6"),
];

pub(super) fn hatch_name(name: &str, series: usize) -> String {
    format!("{name}-hatch{}", series % SERIES)
}
