//! How wide text is. It is set in DejaVu Sans, which is part of the program.

use std::sync::OnceLock;

use ttf_parser::Face;

/// The font's name, and what else is likely to be there.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The font.
pub(super) fn font() -> &'static [u8] {
    dejavu::sans::regular()
}

/// Width of a line of text at this size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    static FACE: OnceLock<Face<'static>> = OnceLock::new();
    let face =
        FACE.get_or_init(|| Face::parse(font(), 0).expect("a font that is part of the program"));
    let advance = |c: char| {
        let glyph = face.glyph_index(c).unwrap_or_default();
        f64::from(face.glyph_hor_advance(glyph).unwrap_or(0))
    };
    text.chars().map(advance).sum::<f64>() * size / f64::from(face.units_per_em())
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn text_is_as_wide_as_its_letters() {
        assert_eq!(width("", 10.0), 0.0);
        assert!(width("iiii", 10.0) < width("mmmm", 10.0));
        assert!((width("mm", 10.0) - 2.0 * width("m", 10.0)).abs() < 1e-12);
        assert!((width("m", 20.0) - 2.0 * width("m", 10.0)).abs() < 1e-12);
        assert!(width("⁻⁵", 10.0) > 0.0);
    }
}
