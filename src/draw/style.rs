//! How series differ: in colour, and in dashes, shape or hatch.

/// Number of series that can be told apart.
pub const SERIES: usize = 8;

/// What an area is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Paint {
    /// The colour of a series, with its hatch.
    Hatched(usize),
    /// A place between 0 and 1 on a ramp from light to dark.
    Ramp(f64),
    /// The same with a corner, because it may yet change much.
    Cornered(f64),
    /// Nothing is known: a stroke across.
    Unknown,
}

/// Colours that those who see less colours tell apart (Okabe and Ito 2008), their yellow and black replaced
/// by a brown and a grey, which show on white and on black.
pub(super) const COLOURS: [&str; SERIES] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#8b5a2b"];

/// Dashes of the lines, as `stroke-dasharray`.
pub(super) const DASHES: [&str; SERIES] =
    ["", "7 3", "2 2", "8 3 2 3", "12 4", "4 1.5", "1 3", "9 2 2 2 2 2"];

/// Text and axis lines, lines behind the marks, and what all is drawn on.
pub(super) const INK: &str = "#222222";
pub(super) const GRID: &str = "#e4e4e4";
pub(super) const PAPER: &str = "#ffffff";

/// The outline of a point of a series about the origin, of about radius 1; `None`: a circle.
pub(super) fn shape(series: usize) -> Option<&'static [[f64; 2]]> {
    match series % SERIES {
        0 => None,
        1 => Some(&[[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]]),
        2 => Some(&[[0.0, -1.15], [1.05, 0.8], [-1.05, 0.8]]),
        3 => Some(&[[0.0, -1.25], [1.25, 0.0], [0.0, 1.25], [-1.25, 0.0]]),
        4 => Some(&[[0.0, 1.15], [1.05, -0.8], [-1.05, -0.8]]),
        5 => Some(&PLUS),
        6 => Some(&[[-0.4, -1.2], [0.4, -1.2], [0.4, 1.2], [-0.4, 1.2]]),
        _ => Some(&[[-1.2, -0.4], [1.2, -0.4], [1.2, 0.4], [-1.2, 0.4]]),
    }
}

/// A cross.
const PLUS: [[f64; 2]; 12] = [
    [-0.4, -1.2],
    [0.4, -1.2],
    [0.4, -0.4],
    [1.2, -0.4],
    [1.2, 0.4],
    [0.4, 0.4],
    [0.4, 1.2],
    [-0.4, 1.2],
    [-0.4, 0.4],
    [-1.2, 0.4],
    [-1.2, -0.4],
    [-0.4, -0.4],
];

/// The colour at a place of the ramp: from nearly white to a dark blue, its lightness falling evenly.
pub(super) fn ramp(place: f64) -> String {
    const STOPS: [[f64; 3]; 5] = [
        [247.0, 251.0, 255.0],
        [198.0, 219.0, 239.0],
        [107.0, 174.0, 214.0],
        [33.0, 113.0, 181.0],
        [8.0, 48.0, 107.0],
    ];
    let at = place.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let below = (at as usize).min(STOPS.len() - 2);
    let part = at - below as f64;
    let channel = |c: usize| {
        let [low, high] = [STOPS[below][c], STOPS[below + 1][c]];
        (low + part * (high - low)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

/// The colour of text on the ramp.
pub(super) fn on_ramp(place: f64) -> &'static str {
    if place > 0.715 { "#ffffff" } else { "#000000" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of a colour (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn text_on_the_ramp_is_read() {
        for i in 0..=100 {
            let place = f64::from(i) / 100.0;
            let [a, b] = [luminance(&ramp(place)), luminance(on_ramp(place))];
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{contrast} at {place}");
        }
    }

    #[test]
    fn the_ramp_darkens_evenly() {
        let places: Vec<f64> = (0..=100).map(|i| luminance(&ramp(f64::from(i) / 100.0))).collect();
        assert!(places.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn series_differ_without_colour() {
        let of = |series: usize| (DASHES[series], shape(series));
        for (i, j) in (0..SERIES).flat_map(|i| (0..i).map(move |j| (i, j))) {
            assert_ne!(of(i).0, of(j).0);
            assert_ne!(of(i).1, of(j).1);
        }
    }
}
