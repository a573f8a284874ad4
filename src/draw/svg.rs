//! Writes elements of SVG.

use std::fmt::{Display, Write};

/// The text of an SVG that is being written.
#[derive(Debug, Default)]
pub(super) struct Svg {
    text: String,
    open: Vec<&'static str>,
}

/// An attribute: its name and value.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

impl Svg {
    /// Opens an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.text.push('>');
        self.open.push(name);
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self) {
        let name = self.open.pop().expect("an open element");
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "</{name}>");
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element that contains text only.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.tag(name, attributes);
        let _ = writeln!(self.text, ">{}</{name}>", Escaped(&text));
    }

    /// An element that says its numbers where it is pointed at, if it has any.
    pub(super) fn pointed(&mut self, name: &'static str, attributes: &[Attribute<'_>], tip: &str) {
        if tip.is_empty() {
            return self.empty(name, attributes);
        }
        self.tag(name, attributes);
        let _ = writeln!(self.text, "><title>{}</title></{name}>", Escaped(&tip));
    }

    /// All of it.
    pub(super) fn end(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn tag(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"{}\"", Escaped(value));
        }
    }
}

/// Text without what has a meaning in XML or no place in it, for an element or between double quotes.
pub struct Escaped<'a>(pub &'a dyn Display);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' | '\t' => f.write_char(c)?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                    f.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A coordinate: a tenth of a pixel is finer than is seen, and short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (10.0 * self.0).round() as i64;
        let (sign, tenths) = (if tenths < 0 { "-" } else { "" }, tenths.unsigned_abs());
        match tenths % 10 {
            0 => write!(f, "{sign}{}", tenths / 10),
            part => write!(f, "{sign}{}.{part}", tenths / 10),
        }
    }
}

/// The data of a path through points; a point where the one before is, as far as is seen, is passed over.
pub(super) fn path(points: &[[f64; 2]]) -> String {
    let mut text = String::new();
    let mut before: Option<[String; 2]> = None;
    for point in points {
        let [x, y] = point.map(|place| Px(place).to_string());
        // Writing to a string cannot fail.
        let _ = match &before {
            None => write!(text, "M{x} {y}"),
            Some([last_x, last_y]) => match (x == *last_x, y == *last_y) {
                (true, true) => Ok(()),
                (false, true) => write!(text, "H{x}"),
                (true, false) => write!(text, "V{y}"),
                (false, false) => write!(text, "L{x} {y}"),
            },
        };
        before = Some([x, y]);
    }
    text
}

/// The data of a line through points; nothing if it has no length.
pub(super) fn line(points: &[[f64; 2]]) -> String {
    let data = path(points);
    if data.contains(['L', 'H', 'V']) { data } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        for (x, text) in [(0.0, "0"), (-0.04, "0"), (1.25, "1.3"), (-0.3, "-0.3"), (120.0, "120")] {
            assert_eq!(Px(x).to_string(), text);
        }
        assert_eq!(path(&[[0.0, 1.0], [0.01, 1.0], [2.5, 3.0]]), "M0 1L2.5 3");
        assert_eq!(path(&[[0.0, 1.0], [3.0, 1.0], [3.0, 2.0], [4.0, 3.0]]), "M0 1H3V2L4 3");
        assert_eq!(line(&[[0.0, 1.0], [0.01, 1.0]]), "");
    }

    #[test]
    fn nothing_breaks_out_of_text() {
        let mut svg = Svg::default();
        svg.open("g", &[("class", &"\"a\"")]);
        svg.leaf("text", &[], "a<b> & \u{7}\"c\"");
        svg.pointed("path", &[("d", &"M0 0")], "1 < 2");
        svg.pointed("path", &[], "");
        assert_eq!(
            svg.end(),
            "<g class=\"&quot;a&quot;\"><text>a&lt;b&gt; &amp; \u{fffd}&quot;c&quot;</text>\n\
             <path d=\"M0 0\"><title>1 &lt; 2</title></path>\n<path/>\n</g>\n"
        );
    }
}
