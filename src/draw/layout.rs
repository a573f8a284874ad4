//! Puts title, legend and panels beside and below each other.

use std::fmt::Display;

use super::marks::{HATCHES, Plane, RADIUS, area, bound, hatch_name, line, spot};
use super::style::{COLOURS, GRID, INK, PAPER, SERIES};
use super::svg::{Attribute, Px, Svg, path};
use super::text::{FAMILY, width};
use super::{Figure, Key, Mark, Paint, Panel, Sample, Scale};

/// Sizes of text.
const TITLE: f64 = 15.0;
const TEXT: f64 = 12.0;
const TICK: f64 = 11.0;
/// Around the whole figure, and between two things.
const MARGIN: f64 = 12.0;
const GAP: f64 = 6.0;
/// Height of a line of the legend, and width of a sample in it.
const LEGEND_LINE: f64 = 20.0;
const SAMPLE: f64 = 30.0;
/// About how many numbers are written at an axis.
const TICKS: [usize; 2] = [5, 6];

/// The figure as SVG.
pub(super) fn svg(figure: &Figure) -> String {
    let grid = Grid::of(figure);
    let widest = figure.legend.iter().map(|key| Entry::Key(key).width()).fold(0.0, f64::max);
    let inner = grid.width(figure).max(width(&figure.title, TITLE)).max(widest);
    let legend = legend_lines(figure, inner);
    let head = MARGIN + TITLE + GAP + LEGEND_LINE * legend.len() as f64 + GAP;
    let (all_width, all_height) = (inner + 2.0 * MARGIN, head + grid.height(figure) + MARGIN);
    let mut svg = Svg::default();
    let view = format!("0 0 {} {}", Px(all_width), Px(all_height));
    svg.open(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("role", &"img"),
            ("aria-label", &figure.title),
            ("width", &Px(all_width)),
            ("height", &Px(all_height)),
            ("viewBox", &view),
            ("font-family", &FAMILY),
            ("font-size", &TEXT),
        ],
    );
    svg.leaf("desc", &[], &figure.about);
    hatches(&mut svg, figure);
    let paper: [Attribute<'_>; 4] =
        [("class", &"paper"), ("width", &"100%"), ("height", &"100%"), ("fill", &PAPER)];
    svg.empty("rect", &paper);
    write(&mut svg, &figure.title, [MARGIN, MARGIN + TITLE - 3.0], &[("font-size", &TITLE)]);
    for (i, line) in legend.iter().enumerate() {
        let y = MARGIN + TITLE + GAP + LEGEND_LINE * (i as f64 + 0.5);
        line.iter().for_each(|(x, entry)| draw_entry(&mut svg, figure, [MARGIN + x, y], entry));
    }
    for (i, panel) in figure.panels.iter().enumerate() {
        let (row, column) = (i / grid.columns, i % grid.columns);
        let [left, top] = grid.corner(figure, row, column);
        let plane = Plane {
            panel,
            left: MARGIN + left,
            top: head + top,
            width: figure.plane[0],
            height: figure.plane[1],
            name: &figure.name,
        };
        let labels = grid.labels(figure, i);
        draw_panel(&mut svg, &plane, labels, grid.slanted);
    }
    svg.end()
}

/// How much room the panels take.
struct Grid {
    columns: usize,
    rows: usize,
    /// Left of each plane, for what is written at the ticks.
    ticks: f64,
    /// Below each plane, likewise.
    feet: f64,
    /// Above each plane.
    head: f64,
    /// Whether all panels have the same labels, which are written at the outer ones only.
    same: [bool; 2],
    /// Whether what is written at the ticks of x is slanted.
    slanted: bool,
}

impl Grid {
    fn of(figure: &Figure) -> Self {
        let panels = &figure.panels;
        let columns = figure.columns.clamp(1, panels.len().max(1));
        let same = |label: fn(&Panel) -> &str| {
            panels.windows(2).all(|two| label(&two[0]) == label(&two[1]))
        };
        let slanted = panels.iter().any(|panel| is_crowded(&panel.x.scale, figure.plane[0]));
        let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
        let of_x =
            widest(&mut panels.iter().map(|panel| panel.x.scale.widest_tick(TICKS[0], TICK)));
        Self {
            columns,
            rows: panels.len().div_ceil(columns),
            ticks: GAP
                + widest(&mut panels.iter().map(|panel| panel.y.scale.widest_tick(TICKS[1], TICK))),
            feet: feet(of_x, slanted),
            head: if panels.iter().all(|panel| panel.title.is_empty()) {
                GAP
            } else {
                TEXT + 2.0 * GAP
            },
            same: [same(|panel| &panel.x.label), same(|panel| &panel.y.label)],
            slanted,
        }
    }

    /// Room for the label of y, left of the ticks: in the first column, or in all.
    fn label_room(&self, column: usize) -> f64 {
        if column == 0 || !self.same[1] { TEXT + GAP } else { 0.0 }
    }

    /// Room for the label of x, below the ticks: in the last row, or in all.
    fn foot_room(&self, row: usize) -> f64 {
        if row + 1 == self.rows || !self.same[0] { TEXT + GAP } else { 0.0 }
    }

    /// The left upper corner of a plane.
    fn corner(&self, figure: &Figure, row: usize, column: usize) -> [f64; 2] {
        let before = |column: usize| self.label_room(column) + self.ticks;
        let left = (0..column).map(|c| before(c) + figure.plane[0] + 2.0 * GAP).sum::<f64>();
        let above = (0..row).map(|r| self.head + figure.plane[1] + self.feet + self.foot_room(r));
        [left + before(column), above.sum::<f64>() + self.head]
    }

    fn width(&self, figure: &Figure) -> f64 {
        self.corner(figure, 0, self.columns - 1)[0] + figure.plane[0] + GAP
    }

    fn height(&self, figure: &Figure) -> f64 {
        let last = self.rows.max(1) - 1;
        self.corner(figure, last, 0)[1] + figure.plane[1] + self.feet + self.foot_room(last)
    }

    /// Which labels a panel has: those of x and y. That of x stands below the last panel of its column.
    fn labels(&self, figure: &Figure, panel: usize) -> [bool; 2] {
        let is_lowest = panel + self.columns >= figure.panels.len();
        [is_lowest || !self.same[0], panel.is_multiple_of(self.columns) || !self.same[1]]
    }
}

/// Whether names along x do not fit beside each other.
fn is_crowded(scale: &Scale, plane: f64) -> bool {
    let Scale::Names(names) = scale else {
        return false;
    };
    scale.widest_tick(TICKS[0], TICK) + 4.0 > plane / names.len().max(1) as f64
}

fn draw_panel(svg: &mut Svg, plane: &Plane<'_>, labels: [bool; 2], slanted: bool) {
    svg.open("g", &[]);
    let panel = plane.panel;
    let (x, bottom) = (plane.left, plane.top + plane.height);
    // Smaller if it is wider than the plane.
    let size = TEXT * (plane.width / width(&panel.title, TEXT).max(1.0)).min(1.0);
    write(svg, &panel.title, [x, plane.top - GAP], &[("font-size", &Px(size))]);
    draw_ticks_of_x(svg, plane, slanted);
    draw_ticks_of_y(svg, plane);
    panel.marks.iter().for_each(|mark| plane.draw(svg, mark));
    plane.draw_labels(svg);
    let [left, top, plane_width, height] = [x, plane.top, plane.width, plane.height].map(Px);
    let frame: [Attribute<'_>; 7] = [
        ("class", &"ink line"),
        ("x", &left),
        ("y", &top),
        ("width", &plane_width),
        ("height", &height),
        ("fill", &"none"),
        ("stroke", &INK),
    ];
    svg.empty("rect", &frame);
    let middle: Attribute<'_> = ("text-anchor", &"middle");
    if labels[0] {
        let feet = feet(panel.x.scale.widest_tick(TICKS[0], TICK), slanted);
        write(svg, &panel.x.label, [x + plane.width / 2.0, bottom + feet + TEXT], &[middle]);
    }
    if labels[1] {
        let ticks = GAP + panel.y.scale.widest_tick(TICKS[1], TICK);
        let at = [x - ticks - GAP, plane.top + plane.height / 2.0];
        let turn = format!("rotate(-90 {} {})", Px(at[0]), Px(at[1]));
        write(svg, &panel.y.label, at, &[middle, ("transform", &turn)]);
    }
    svg.close();
}

/// Height of what is written at the ticks of x, the widest of which has this width.
fn feet(widest: f64, slanted: bool) -> f64 {
    if slanted { GAP + TICK + 0.65 * widest } else { GAP + TICK + 2.0 }
}

fn draw_ticks_of_x(svg: &mut Svg, plane: &Plane<'_>, slanted: bool) {
    let scale = &plane.panel.x.scale;
    let (bottom, is_grid) = (plane.top + plane.height, !matches!(scale, Scale::Names(_)));
    let ticks = scale.ticks(TICKS[0]);
    // Of very many names every second, third or so is written.
    let room = if slanted { TICK + 2.0 } else { 0.0 };
    let every = (room * ticks.len() as f64 / plane.width).ceil().max(1.0) as usize;
    for (value, text) in ticks.iter().step_by(every) {
        let Some(place) = scale.place(*value) else {
            continue;
        };
        let x = plane.left + place * plane.width;
        if is_grid {
            grid_line(svg, &[[x, plane.top], [x, bottom]]);
        }
        if slanted {
            let at = [x + TICK / 3.0, bottom + GAP + TICK / 2.0];
            let turn = format!("rotate(-40 {} {})", Px(at[0]), Px(at[1]));
            write(
                svg,
                text,
                at,
                &[("font-size", &TICK), ("text-anchor", &"end"), ("transform", &turn)],
            );
        } else {
            let at = [x, bottom + GAP + TICK - 2.0];
            write(svg, text, at, &[("font-size", &TICK), ("text-anchor", &"middle")]);
        }
    }
}

fn draw_ticks_of_y(svg: &mut Svg, plane: &Plane<'_>) {
    let scale = &plane.panel.y.scale;
    let ticks = scale.ticks(TICKS[1]);
    let every = match scale {
        Scale::Names(names) => (TICK * names.len() as f64 / plane.height).ceil().max(1.0) as usize,
        _ => 1,
    };
    for (value, text) in ticks.iter().step_by(every) {
        let Some(place) = scale.place(*value) else {
            continue;
        };
        let y = plane.top + (1.0 - place) * plane.height;
        if !matches!(scale, Scale::Names(_)) {
            grid_line(svg, &[[plane.left, y], [plane.left + plane.width, y]]);
        }
        let at = [plane.left - GAP, y + 0.36 * TICK];
        write(svg, text, at, &[("font-size", &TICK), ("text-anchor", &"end")]);
    }
}

fn grid_line(svg: &mut Svg, ends: &[[f64; 2]; 2]) {
    let data = path(ends);
    svg.empty("path", &[("class", &"grid line"), ("stroke", &GRID), ("d", &data)]);
}

/// Text at x and the base line y.
fn write(svg: &mut Svg, text: &str, [x, y]: [f64; 2], more: &[Attribute<'_>]) {
    if text.is_empty() {
        return;
    }
    let (x, y) = (Px(x), Px(y));
    let mut attributes: Vec<Attribute<'_>> =
        vec![("class", &"ink"), ("fill", &INK), ("x", &x), ("y", &y)];
    attributes.extend_from_slice(more);
    svg.leaf("text", &attributes, text);
}

/// An entry of the legend, or its title.
enum Entry<'a> {
    Title(&'a str),
    Key(&'a Key),
}

impl Entry<'_> {
    fn width(&self) -> f64 {
        match self {
            Self::Title(title) => width(title, TEXT) + 2.0 * GAP,
            Self::Key(key) => SAMPLE + GAP + width(&key.label, TEXT) + 3.0 * GAP,
        }
    }
}

/// The lines of the legend: where each entry begins.
fn legend_lines(figure: &Figure, room: f64) -> Vec<Vec<(f64, Entry<'_>)>> {
    let title = (!figure.legend_title.is_empty()).then_some(Entry::Title(&figure.legend_title));
    let mut lines: Vec<Vec<(f64, Entry<'_>)>> = Vec::new();
    let mut x = f64::INFINITY;
    for entry in title.into_iter().chain(figure.legend.iter().map(Entry::Key)) {
        if x + entry.width() > room {
            x = 0.0;
            lines.push(Vec::new());
        }
        let next = x + entry.width();
        lines.last_mut().expect("a line was begun").push((x, entry));
        x = next;
    }
    lines
}

fn draw_entry(svg: &mut Svg, figure: &Figure, [x, y]: [f64; 2], entry: &Entry<'_>) {
    let base = y + 0.36 * TEXT;
    let key = match entry {
        Entry::Title(title) => return write(svg, title, [x, base], &[]),
        Entry::Key(key) => key,
    };
    let sample = |svg: &mut Svg, series: usize| {
        let class = format!("s{} fill", series % SERIES);
        let colour: [Attribute<'_>; 2] = [("class", &class), ("fill", &COLOURS[series % SERIES])];
        spot(svg, series, [x + SAMPLE / 2.0, y], RADIUS + 0.4, &colour, "");
    };
    let piece = path(&[[x, y], [x + SAMPLE, y]]);
    match key.sample {
        Sample::Line(series) => line(svg, series, &piece),
        Sample::SpottedLine(series) => {
            line(svg, series, &piece);
            sample(svg, series);
        }
        Sample::Spot(series) => sample(svg, series),
        Sample::Bound => bound(svg, None, &piece),
        Sample::Area(paint) => {
            area(svg, [x, y - 6.0, SAMPLE, 12.0], paint, &figure.name, "");
            // The lightest is hardly seen on paper.
            let corners =
                [[x, y - 6.0], [x + SAMPLE, y - 6.0], [x + SAMPLE, y + 6.0], [x, y + 6.0]];
            let outline = format!("{}Z", path(&corners));
            let rim: [Attribute<'_>; 4] =
                [("class", &"grid line"), ("fill", &"none"), ("stroke", &GRID), ("d", &outline)];
            svg.empty("path", &rim);
        }
    }
    write(svg, &key.label, [x + SAMPLE + GAP, base], &[]);
}

/// The hatches that are used.
fn hatches(svg: &mut Svg, figure: &Figure) {
    let mut used = [false; SERIES];
    let mut paints = figure.legend.iter().filter_map(|key| match key.sample {
        Sample::Area(paint) => Some(paint),
        _ => None,
    });
    let mut note = |paint: Paint| {
        if let Paint::Hatched(series) = paint {
            used[series % SERIES] = true;
        }
    };
    paints.by_ref().for_each(&mut note);
    for mark in figure.panels.iter().flat_map(|panel| &panel.marks) {
        if let Mark::Tiles(tiles) = mark {
            tiles.iter().for_each(|tile| note(tile.paint));
        }
    }
    let hatches = (0..SERIES).filter(|series| used[*series]);
    let hatches: Vec<_> = hatches.filter_map(|series| Some((series, HATCHES[series]?))).collect();
    if hatches.is_empty() {
        return;
    }
    svg.open("defs", &[]);
    for (series, lines) in hatches {
        let name = hatch_name(&figure.name, series);
        let (units, size): (&dyn Display, &dyn Display) = (&"userSpaceOnUse", &6);
        let of_pattern: [Attribute<'_>; 4] =
            [("id", &name), ("patternUnits", units), ("width", size), ("height", size)];
        svg.open("pattern", &of_pattern);
        let of_lines: [Attribute<'_>; 4] =
            [("fill", &"none"), ("stroke", &"#ffffff"), ("stroke-width", &1.3), ("d", &lines)];
        svg.empty("path", &of_lines);
        svg.close();
    }
    svg.close();
}
