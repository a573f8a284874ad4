//! From SVG to PNG and PDF. The same text gives the same bytes: there is one font, which is part of the
//! program, and no date.

use std::sync::Arc;

use png::{BitDepth, ColorType, Compression, Encoder, FilterType, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::text::font;

/// Pixels of a figure to an inch.
const DPI: f64 = 96.0;
/// The longest side of a picture that is made, and the most of its pixels.
const LONGEST: f32 = 32_768.0;
const MOST: f32 = 2e8;

/// An SVG as a PNG of so many pixels to an inch, on white where nothing is drawn.
///
/// # Errors
/// What is wrong, in words: it is not SVG, or the picture would be too large.
pub fn png(svg: &str, dpi: f64) -> Result<Vec<u8>, String> {
    let tree = tree(svg)?;
    let scale = (dpi / DPI) as f32;
    let [width, height] =
        [tree.size().width(), tree.size().height()].map(|side| (side * scale).ceil());
    // Not finite, it is no number of pixels either.
    if width.max(height).total_cmp(&LONGEST).is_gt() {
        return Err(format!("{width} x {height} pixels are more than {LONGEST} a side"));
    }
    if width * height > MOST {
        return Err(format!("{width} x {height} pixels are more than {MOST} in all"));
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
/// As [`png()`].
pub fn pdf(svg: &str) -> Result<Vec<u8>, String> {
    let page = svg2pdf::PageOptions { dpi: DPI as f32 };
    let bytes = svg2pdf::to_pdf(&tree(svg)?, svg2pdf::ConversionOptions::default(), page);
    bytes.map(in_order).map_err(|error| error.to_string())
}

/// The PDF with its lists of resources in the order of their names. svg2pdf 0.13 keeps them in hash tables
/// whose order differs from run to run. Nothing changes its length, so that the table of offsets stays right.
fn in_order(bytes: Vec<u8>) -> Vec<u8> {
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut resources: Vec<&[u8]> = Vec::new();
    let mut is_stream = false;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        is_stream = match line {
            b"stream\n" => true,
            b"endstream\n" => false,
            _ => is_stream,
        };
        if !is_stream && is_resource(line) {
            resources.push(line);
            continue;
        }
        resources.sort_unstable();
        resources.drain(..).for_each(|line| ordered.extend_from_slice(line));
        ordered.extend_from_slice(line);
    }
    ordered
}

/// Whether a line is a numbered resource: `/gs3 14 0 R`.
fn is_resource(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let mut words = text.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let is_numbered = name.starts_with('/') && name.ends_with(|c: char| c.is_ascii_digit());
    is_numbered
        && words.next().is_some_and(|id| id.bytes().all(|c| c.is_ascii_digit()))
        && words.eq(["0", "R"])
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
        // Many resources, which a hash table would put into another order each time.
        let rectangle = |i: u32| {
            let opacity = f64::from(i) / 40.0;
            format!("<path d=\"M{i} 0L{i} 9L20 9Z\" fill-opacity=\"{opacity}\"/>")
        };
        let many: String = (1..30).map(rectangle).collect();
        let many = SVG.replace("</svg>", &format!("{many}</svg>"));
        assert_eq!(pdf(&many), pdf(&many));
    }

    #[test]
    fn resources_are_put_in_order_and_nothing_else() {
        let pdf = b"<<\n  /po10 3 0 R\n  /po1 4 0 R\n>>\n/Kids [3 0 R]\nstream\n/b1 1 0 R\n/a1 1 0 R\nendstream\n";
        let expected = b"<<\n  /po1 4 0 R\n  /po10 3 0 R\n>>\n/Kids [3 0 R]\nstream\n/b1 1 0 R\n/a1 1 0 R\nendstream\n";
        assert_eq!(in_order(pdf.to_vec()), expected);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(png("nonsense", 96.0).is_err());
        assert!(pdf("nonsense").is_err());
        assert!(png(SVG, 1e9).unwrap_err().contains("a side"));
    }
}
