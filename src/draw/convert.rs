//! From SVG to PNG and PDF. The same text gives the same bytes: there is one font, which is part of the
//! program, and no date.

use std::sync::Arc;

use png::{BitDepth, ColorType, Compression, Encoder, FilterType, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::text::font;

/// Pixels of a figure to an inch.
const DPI: f64 = 96.0;
/// The longest side of a picture that is made, in pixels.
const LONGEST: f32 = 32_768.0;

/// An SVG as a PNG of so many pixels to an inch, on white where nothing is drawn.
///
/// # Errors
/// What is wrong, in words: it is not SVG, or the picture would be too large.
pub fn png(svg: &str, dpi: f64) -> Result<Vec<u8>, String> {
    let tree = tree(svg)?;
    let scale = (dpi / DPI) as f32;
    let [width, height] =
        [tree.size().width(), tree.size().height()].map(|side| (side * scale).ceil());
    if !(width.max(height) <= LONGEST) {
        return Err(format!("{width} x {height} pixels are more than {LONGEST} a side"));
    }
    let picture = Pixmap::new(width as u32, height as u32);
    let mut picture = picture.ok_or_else(|| format!("{width} x {height} pixels are no picture"))?;
    picture.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    encode(&picture, dpi).map_err(|error| error.to_string())
}

/// The picture without its alpha, which is opaque, and with its resolution.
fn encode(picture: &Pixmap, dpi: f64) -> Result<Vec<u8>, png::EncodingError> {
    const INCH: f64 = 0.0254;
    let opaque: Vec<u8> = picture
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    // Of areas of one colour and sharp edges: found smaller than with the filters for photographs.
    encoder.set_compression(Compression::Best);
    encoder.set_filter(FilterType::NoFilter);
    let to_a_metre = (dpi / INCH).round() as u32;
    let unit = Unit::Meter;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: to_a_metre, yppu: to_a_metre, unit }));
    encoder.write_header()?.write_image_data(&opaque)?;
    Ok(bytes)
}

/// An SVG as a PDF of one page of its size; text stays text.
///
/// # Errors
/// As [`png`].
pub fn pdf(svg: &str) -> Result<Vec<u8>, String> {
    let page = svg2pdf::PageOptions { dpi: DPI as f32 };
    svg2pdf::to_pdf(&tree(svg)?, svg2pdf::ConversionOptions::default(), page)
        .map_err(|error| error.to_string())
}

/// The SVG as the converters take it. It may name no file.
fn tree(svg: &str) -> Result<Tree, String> {
    let mut fonts = Database::new();
    fonts.load_font_data(font().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let mut options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    Tree::from_str(svg, &options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\">\
                       <rect width=\"20\" height=\"10\" fill=\"#0072b2\"/></svg>";

    #[test]
    fn a_picture_has_its_size_and_colour() {
        let picture = Pixmap::decode_png(&png(SVG, 192.0).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (40, 20));
        let pixel = picture.pixel(20, 10).unwrap();
        assert_eq!((pixel.red(), pixel.green(), pixel.blue()), (0, 0x72, 0xb2));
    }

    #[test]
    fn the_same_text_gives_the_same_bytes() {
        assert_eq!(png(SVG, 96.0), png(SVG, 96.0));
        assert!(pdf(SVG).unwrap().starts_with(b"%PDF"));
        assert_eq!(pdf(SVG), pdf(SVG));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(png("nonsense", 96.0).is_err());
        assert!(pdf("nonsense").is_err());
        assert!(png(SVG, 1e9).unwrap_err().contains("a side"));
    }
}
